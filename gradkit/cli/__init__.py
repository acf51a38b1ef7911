"""The command `gradkit`. The module of a command is imported when the command is called.

Results go to standard output, everything else to standard error. Exit codes are in
`gradkit.cli.options`.
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
from gradkit.cli.options import Refusal, ended, sentence
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
"""Commands in the order of help, and the module of this package that has `NAME_command`."""


class Commands(click.Group):
    """Group of commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"gradkit.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command; see `click.Command`.

        Characters that the encoding of the output lacks become question marks, so that no
        student's name stops a table. Nothing is imported from the working directory.
        """
        leave_working_directory()
        # The arrays are too small for threads. A number that the user has set is kept.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")
        return super().main(*args, **kwargs)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; see `click.Group`. The error suggests the nearest name."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = did_you_mean(args[0], COMMANDS)
            raise Refusal(
                f"there is no command {args[0]}.{near} `gradkit --help` lists all commands."
            )
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse a command line; see `click.Command`. A wrong option ends with one message."""
        try:
            return super().make_context(*args, **kwargs)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise Refusal(sentence(error)) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Call a command; see `click.Command`. Errors end with one message, not a traceback."""
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
            # Otherwise Python reports at exit, in its own words, that it cannot flush the rest.
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
            full = f"the output could not be written ({error.strerror})."
            raise Refusal(f"{full} Free some space, and run the same command again.") from None


@click.group("gradkit", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gradkit")
def main() -> None:
    """Grade hand-written backpropagation, and explain the mistakes in it."""
