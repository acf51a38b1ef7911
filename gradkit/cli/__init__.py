"""The `gradkit` command: one module for each of its commands, loaded when it is called.

Machine output goes to standard output alone, everything else to standard error. Exit codes
are in `gradkit.cli.refusal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from gradkit import __version__

COMMANDS: Mapping[str, str] = {
    "check": "check",
    "grade": "grade",
    "remark": "remark",
    "summary": "summary",
    "review": "review",
    "override": "override",
    "feedback": "feedback",
    "history": "history",
    "diff": "diff",
    "purge": "purge",
    "list": "tasks",
    "reproduce": "reproduce",
    "audit": "audit",
    "doctor": "doctor",
    "explain": "explain",
    "show": "show",
    "export": "export",
    "new": "new",
}
"""Each command and the module of this package whose `command` it is, as help lists them."""


class Commands(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"gradkit.cli.{COMMANDS[cmd_name]}").command
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gradkit")
def main() -> None:
    """Grade hand-written backpropagation, and say what the code does."""
