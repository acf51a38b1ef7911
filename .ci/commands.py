"""Write ``docs/reference/commands.md`` from the commands themselves.

Run ``.venv/bin/python .ci/commands.py`` after a command or an option has changed; a test says when
that is due.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from gradkit import cli
from gradkit.cli.usage import Command, usage

FILE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "commands.md"
HEAD = """\
# Commands and options

This page is what `gradkit COMMAND --help` says, written by `.ci/commands.py`.

A class is named by its folder DIR, the one that `gradkit grade … --out DIR` wrote. `--out` is the
file or folder that is written, `--format` is in what. A student is a name, a part of one that is
nobody else's, an identifier of the roster or download, or a pseudonym. Results alone go to
standard output, everything else to standard error. What cannot be done is told in one sentence,
with exit code 2 ([exit codes](exit-codes.md)).
"""


def page() -> str:
    """Make the whole page."""
    main = click.Context(cli.main, info_name="gradkit")
    parts = [HEAD]
    for name in cli.main.list_commands(main):
        command = cli.main.get_command(main, name)
        if not isinstance(command, Command):
            raise TypeError(f"gradkit {name} has no example: make it with cls=Command.")
        parts.append("\n".join(section(command, click.Context(command, main, name))))
    return "\n".join(parts)


def section(command: Command, context: click.Context) -> Iterator[str]:
    """Make the part of one command."""
    yield from (f"## gradkit {command.name}", "", "```text", usage(context), "```", "")
    yield from (inspect.cleandoc(command.help or ""), "")
    yield from ("```sh", command.example, "```", "")
    records = [
        record
        for param in command.params
        if isinstance(param, click.Option) and (record := param.get_help_record(context))
    ]
    if records:
        yield from ("| option | means |", "|---|---|")
        yield from (f"| `{cell(words)}` | {cell(text)} |" for words, text in records)
        yield ""


def cell(text: str) -> str:
    """Write a text in a cell: a bar would end it."""
    return " ".join(text.replace("|", "\\|").split())


def main() -> None:
    """Write it."""
    FILE.write_text(page(), encoding="utf-8", newline="\n")
    print(f"{FILE.name}: {page().count('## gradkit')} commands")


if __name__ == "__main__":
    main()
