"""Options that several commands share."""

from __future__ import annotations

import contextlib
import math
import signal
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, Any, NoReturn

import click

from gradkit.errors import did_you_mean

if TYPE_CHECKING:
    from click.decorators import FC


PASSED, FAILED, REFUSED, OPEN = 0, 1, 2, 3
"""Exit codes: all checks passed, some failed, could not grade, none failed but some could not
be checked."""


class Refusal(click.ClickException):
    """Error that ends a command with exit code 2 and a message on standard error."""

    exit_code = REFUSED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message so that no CI runner takes a line of it for a command."""
        from gradkit.report.data import log_text

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
        """Raise `Stopped` with the number of a signal, and ignore further signals."""
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
    """Let an interrupt of the body end the command with a message, to which ``more`` is added."""
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
        """Return a value if it is one of the choices; else fail with the nearest choice."""
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
        return f"{_named_with_value(error.param)} is missing. {expected}."
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


def _named_with_value(param: click.Parameter) -> str:
    """Return an option with its value, such as ``--out DIR``, or the name of an argument."""
    value = f" {param.metavar}" if isinstance(param, click.Option) and param.metavar else ""
    return _name(param) + value


def _name(param: click.Parameter) -> str:
    """Return an option's or argument's name as the user writes it."""
    return param.opts[0] if isinstance(param, click.Option) else param.human_readable_name


class FilePath(click.Path):
    """Parameter type of a path; an empty path is refused.

    A script whose variable was never set passes an empty path, and `Path("")` is the current
    folder.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(path_type=Path, **settings)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a value as a path; raise Refusal if it is empty."""
        if value in ("", b""):
            name = param.opts[0] if isinstance(param, click.Option) else "the path"
            raise Refusal(f"{name} is empty. Give a path; `.` is the current folder.")
        return super().convert(value, param, ctx)


class Text(click.types.StringParamType):
    """Parameter type of a text that is stored; bytes that are not Unicode are replaced."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a text in which bytes that are not Unicode are replaced."""
        from gradkit.text import storable

        return storable(super().convert(value, param, ctx))


LARGEST_SEED = 2**63 - 1
"""Largest number that the database of a class can store."""


class WholeNumber(click.IntRange):
    """Parameter type of a whole number within bounds, which help describes in words."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a value as a whole number; fail if it is none, or out of bounds."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(
                f"expected a whole number, {self._describe_range()}; found {value}.", param, ctx
            )

    def _describe_range(self) -> str:
        """Return the bounds in words, for help."""
        if self.max is None or self.max == LARGEST_SEED:
            return f"{self.min} or more"
        return f"{self.min} to {self.max}"


def path_option(name: str, metavar: str, help_: str, **settings: Any) -> Callable[[FC], FC]:
    """Return an option whose value is the path of a file or folder."""
    return click.option(name, type=FilePath(), metavar=metavar, help=help_, **settings)


def text_option(name: str, help_: str, *, metavar: str = "TEXT") -> Callable[[FC], FC]:
    """Return an option whose value is a text that is stored; the default is empty."""
    return click.option(name, type=Text(), default="", metavar=metavar, help=help_)


def flag(name: str, help_: str) -> Callable[[FC], FC]:
    """Return an option without a value."""
    return click.option(name, is_flag=True, help=help_)


def number(
    name: str, bounds: tuple[int, int | None], help_: str, metavar: str = "N"
) -> Callable[[FC], FC]:
    """Return an option whose value is a whole number within bounds."""
    return click.option(name, type=WholeNumber(*bounds), metavar=metavar, help=help_)


def several(name: str, to: str, metavar: str, help_: str) -> Callable[[FC], FC]:
    """Return a repeatable option whose values a command receives as the parameter ``to``."""
    return click.option(name, to, multiple=True, metavar=metavar, help=help_)


class Decimal(click.types.FloatParamType):
    """Parameter type of a number with a fraction."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a value as a float; fail if it is no number."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"expected a number; found {value}.", param, ctx)


class PriceOfFinding(click.types.StringParamType):
    """Parameter type of the price of a finding: a pair of code and share from CODE=PERCENT."""

    name = "price"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the code and the share (percent / 100) of a value ``CODE=PERCENT``."""
        code, _, text = str(value).partition("=")
        try:
            percent = float(text.strip().removesuffix("%"))
        except ValueError:
            percent = math.nan
        if not code.strip() or not math.isfinite(percent):
            self.fail(f"{value!r} is not CODE=PERCENT, such as swapped-index=10.", param, ctx)
        return code.strip(), percent / 100


class AssignmentArgument(FilePath):
    """Parameter type of an assignment file, or the name of one of gradkit's exercises."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path of an assignment file, also for the name of a shipped exercise."""
        from gradkit.task.assignment import exercises

        path = super().convert(value, param, ctx)
        return path if Path(path).exists() else exercises().get(str(path), path)


ASSIGNMENT = click.option(
    "--assignment",
    type=AssignmentArgument(),
    metavar="FILE",
    help="Assignment file, or the name of an exercise (see `gradkit list`).",
)
REFERENCE = path_option(
    "--reference",
    "DIR",
    "Folder with the model solutions.  [default: the folder reference/ next to the assignment "
    "file; for gradkit's own exercises, reference/ in the repository]",
)
INSTALL = click.option(
    "--install",
    metavar="SPEC",
    help="Argument of `pip install` that installs gradkit: a wheel, which is copied to the output, "
    "a requirement or a URL.  [default: a wheel of this gradkit]",
)
NO_REFERENCE = flag(
    "--no-reference",
    "Grade without model solutions: derive the expected values from the assignment file.",
)
CHECKED, GRADED = "the assignment's", "the preset last used for the class, else the assignment's"
"""Defaults of ``--preset``, for a check and for a class."""


def preset_option(default: str) -> Callable[[FC], FC]:
    """Return the option ``--preset``, with its default in words."""
    return click.option(
        "--preset",
        type=OneOf(["default", "strict", "lenient", "numbers"]),
        help="How much a mistake costs. With numbers, mistakes cost nothing, and only right "
        f"outputs earn points.  [default: {default}]",
    )


CHECK_LEVEL = (
    "text shows one hint for each mistake, json with model solutions 4; else the assignment's level"
)
PAGE_LEVEL = "the assignment's level"
"""Defaults of ``--hints``, for a check and for the pages of a class."""


def hints_option(shown: str, default: str) -> Callable[[FC], FC]:
    """Return the option ``--hints`` of a command, a number from 1 to 4.

    Its help begins with "How much" and the text ``shown``, such as ``the pages show``. ``default``
    is the default in words, only for the help: without the option, the command gets None.
    """
    return number(
        "--hints",
        (1, 4),
        f"How much {shown}: 1 where to look, 2 the mistake, 3 its line and formula, 4 the "
        "correction and the expected numbers. In exercises of functions, gradkit finds mistakes "
        f"only with the model solutions.  [default: {default}]",
    )


REQUIRE_TIER = number(
    "--require-tier",
    (0, 3),
    "Only run student code if the sandbox has this tier or a higher one (see `gradkit doctor`).",
)
ATTEMPT = click.option(
    "--attempt",
    metavar="RULE",
    help="Which attempt counts from now on: last, best or before=DATE.  [default: the rule last "
    "used for the class, else last]",
)


def new_version_option(effect: str) -> Callable[[FC], FC]:
    """Return the option ``--new-version``; ``effect`` is what the command then does."""
    return flag("--new-version", f"If another version of gradkit graded the class, {effect}.")


BY = text_option(
    "--by", "Name of the person who decides.  [default: your user name]", metavar="NAME"
)
PSEUDONYMS = flag(
    "--pseudonyms",
    "Replace each name by a fixed pseudonym, and leave out text that could identify a student.",
)
CLASS = click.argument("folder", type=FilePath(), metavar="DIR")


def assignment_options(preset: str) -> Callable[[FC], FC]:
    """Return a decorator that adds the options of every command that grades.

    ``preset`` is the default of ``--preset`` in words.
    """
    return partial(_add_assignment_options, preset=preset)


def _add_assignment_options(command: FC, preset: str) -> FC:
    """Return a command with the options for the assignment and the grading added to it.

    These are ``--task``, ``--handed-in``, ``--form``, the files of the assignment, ``--seed`` and
    ``--preset``. ``preset`` is the default of ``--preset`` in words.
    """
    for option in reversed(
        [
            several(
                "--task",
                "tasks",
                "ID",
                "Grade only this task (repeatable). The task counts even if nothing was submitted. "
                "A single file, or the submission of --student, is graded as this task.",
            ),
            flag("--handed-in", "Count only tasks that were submitted."),
            click.option(
                "--form",
                type=OneOf(["correct", "published"]),
                help="Which update rule is right: gradient descent (correct), or the rule of the "
                "original notebook (published).  [default: correct]",
            ),
            ASSIGNMENT,
            REFERENCE,
            NO_REFERENCE,
            number(
                "--seed",
                (0, LARGEST_SEED),
                "Seed of the random inputs; each report shows its seed.",
            ),
            preset_option(preset),
        ]
    ):
        command = option(command)
    return command


def format_option(*words: str) -> Callable[[FC], FC]:
    """Return the option ``--format`` with these choices; the first one is the default."""
    return click.option(
        "--format",
        "format_",
        type=OneOf(words),
        default=words[0],
        show_default=True,
        help="Output format.",
    )


def out(metavar: str, help_: str, *, required: bool = False) -> Callable[[FC], FC]:
    """Return the option ``--out``: the file or folder that a command writes."""
    return path_option("--out", metavar, help_, required=required)
