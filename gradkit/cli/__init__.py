"""The `gradkit` command: modules of commands, loaded when one of them is called.

Machine output goes to standard output alone, everything else to standard error. Exit codes
are in `gradkit.cli.usage`.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import click

from gradkit import __version__
from gradkit.cli.usage import Refusal, ended, sentence
from gradkit.errors import GradkitError, did_you_mean
from gradkit.safe_path import leave_working_directory

COMMANDS: Mapping[str, str] = {
    "check": "check",
    "pytest": "isolated",
    "grade": "classroom",
    "remark": "classroom",
    "summary": "reports",
    "review": "reports",
    "override": "classroom",
    "feedback": "classroom",
    "history": "reports",
    "diff": "reports",
    "purge": "classroom",
    "list": "authoring",
    "reproduce": "authoring",
    "audit": "authoring",
    "doctor": "check",
    "explain": "authoring",
    "show": "reports",
    "export": "authoring",
    "new": "authoring",
}
"""Each command, as help lists them, and the module of this package that has its `NAME_command`."""


class Commands(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"gradkit.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """See `click.Command`; what the encoding of the output lacks becomes a question mark.

        Students' names have all kinds of characters, and no table is lost for one of them. Nor
        is anything imported from the working directory, whatever the environment says.
        """
        leave_working_directory()
        # No array here is large enough for threads. Whoever has set a number keeps it.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")
        return super().main(*args, **kwargs)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See `click.Group`; a misspelt command is told with the nearest."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = did_you_mean(args[0], COMMANDS)
            raise Refusal(f"there is no command {args[0]}.{near} `gradkit --help` lists all.")
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """See `click.Command`; a wrong option is told in one sentence."""
        try:
            return super().make_context(*args, **kwargs)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise Refusal(sentence(error)) from None

    def invoke(self, ctx: click.Context) -> Any:
        """See `click.Command`; whatever ends a command early ends it with one sentence."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            raise ended(interrupt) from None
        except GradkitError as error:
            raise Refusal(str(error)) from None
        except click.UsageError as error:
            raise Refusal(sentence(error)) from None
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            # What is left to print would be said at the end to be lost, in words of Python's.
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
            full = f"what there is to say could not be written ({error.strerror})."
            raise Refusal(f"{full} Make room, and start the same command again.") from None


@click.group("gradkit", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gradkit")
def main() -> None:
    """Grade hand-written backpropagation, and say what the code does."""
