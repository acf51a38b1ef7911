"""Exit codes, error messages on one line, and messages for wrong command lines."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import IO, Any, NoReturn

import click

from gradkit.errors import did_you_mean

PASSED, FAILED, REFUSED, OPEN = 0, 1, 2, 3
"""Exit codes: all checks passed, some failed, could not grade, none failed but some could not
be checked."""


class Refusal(click.ClickException):
    """Error that ends a command with exit code 2 and a message on standard error."""

    exit_code = REFUSED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message so that no CI runner takes a line of it for a command."""
        from gradkit.report.escape import log_text

        click.echo(log_text(f"gradkit: {self.message}"), file=file, err=file is None)


SIGNALS = ("SIGTERM", "SIGHUP")
"""Signals that interrupt a command as Ctrl-C does, where the system has them."""


class Stopped(KeyboardInterrupt):
    """Interrupt by the signal ``number``, which is not SIGINT."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextlib.contextmanager
def heeding() -> Iterator[None]:
    """Let SIGTERM and SIGHUP interrupt the body of the context as Ctrl-C does.

    A signal that is ignored, as SIGHUP is under `nohup`, stays ignored.
    """
    known = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    handled = [number for number in known if signal.getsignal(number) is signal.SIG_DFL]

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        # A second signal must not interrupt the cleaning up.
        for handled_number in handled:
            signal.signal(handled_number, signal.SIG_IGN)
        raise Stopped(number)

    for number in handled:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def interruptible(more: str) -> Iterator[None]:
    """Print ``more``, which says what was saved, if the body of the context is interrupted."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise ended(interrupt, more) from None


def ended(interrupt: KeyboardInterrupt, more: str = "") -> click.exceptions.Exit:
    """Print that the command was interrupted, and return the exit for the signal."""
    # Writing fails if the terminal was closed.
    with contextlib.suppress(OSError):
        click.echo(f"gradkit: interrupted.{more}", err=True)
    number = interrupt.number if isinstance(interrupt, Stopped) else signal.SIGINT
    return click.exceptions.Exit(128 + number)


FORMER: Mapping[str, str] = {
    "--output": "--out",
    "--csv": "--format csv",
    "--json": "--format json",
    "--canvas": "--format canvas",
    "--moodle": "--format moodle",
    "--folder": "--format folder",
    "--lanes": "--workers",
    "--anonymous": "--pseudonyms",
    "--class": "DIR",
    "--submission": "NAME",
}
"""Options of version 0.1, and the option or argument that replaced each."""


class Command(click.Command):
    """A command whose help ends with an example of its use.

    Parameters
    ----------
    example : str
        A valid command line; tests parse it.
    """

    def __init__(self, *arguments: Any, example: str, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example below the options."""
        with formatter.section("Example"):
            formatter.write_text(self.example)


def command(name: str, example: str) -> Callable[[Callable[..., Any]], Command]:
    """Return a decorator that turns a function into a `Command`."""
    return click.command(name, cls=Command, example=example)


class OneOf(click.Choice[str]):
    """Parameter type of a word from a list; the error suggests the most similar word."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.ParamType`."""
        if value not in self.choices:
            known = ", ".join(self.choices)
            near = did_you_mean(str(value), self.choices)
            self.fail(f"{value} is not one of {known}.{near}", param, ctx)
        return value


def usage(context: click.Context) -> str:
    """Return the usage of a command, such as ``gradkit show [OPTIONS] DIR [NAME]``."""
    pieces = context.command.collect_usage_pieces(context)
    return " ".join([context.command_path, *pieces]).rstrip()


def sentence(error: click.UsageError) -> str:
    """Return a message about a wrong command line: what was found, and what to do."""
    if isinstance(error, click.BadOptionUsage):
        return f"{error.option_name} needs a value. See `gradkit COMMAND --help`."
    context = error.ctx
    if context is None:
        return error.format_message()
    expected = f"Usage: `{usage(context)}`"
    if isinstance(error, click.NoSuchOption):
        return _unknown_option(error.option_name, context)
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return f"{_name(error.param)} is missing. {expected}."
    if isinstance(error, click.BadParameter) and error.param is not None:
        return f"{_name(error.param)}: {error.message}"
    message = error.format_message().rstrip(".")
    return f"{message[:1].lower()}{message[1:]}. {expected}; see `{context.command_path} --help`."


def _unknown_option(name: str, context: click.Context) -> str:
    """Return a message about an unknown option, with its replacement or a similar option."""
    parameters = context.command.params
    options = [option for p in parameters if isinstance(p, click.Option) for option in p.opts]
    replacement = FORMER.get(name, "")
    if replacement.partition(" ")[0] in options:
        return f"{name} is now called {replacement}."
    arguments = [p.make_metavar(context) for p in parameters if isinstance(p, click.Argument)]
    if any(replacement in argument.strip("[]").split("|") for argument in arguments):
        return f"{name} is now the argument {replacement}: `{usage(context)}`."
    near = did_you_mean(name, [option for option in options if option.startswith("--")])
    path = context.command_path
    return f"{path} has no option {name}.{near} `{path} --help` lists all options."


def _name(param: click.Parameter) -> str:
    """Return an option's or argument's name as the user writes it."""
    return param.opts[0] if isinstance(param, click.Option) else param.human_readable_name
