"""Write ``docs/reference/commands.md``: a row with an example for each command.

Run ``.venv/bin/python .ci/commands.py`` after the help or the example of a command has changed; a
test fails until then.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import click

from gradkit import cli
from gradkit.cli.usage import Command

FILE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "commands.md"
HEAD = """\
# Commands

`gradkit COMMAND --help` lists all options of a command. In the examples, `results` is the folder of
a class: the one that `gradkit grade … --out results` wrote. A student is given by name, by a unique
part of the name, by an identifier of the roster or download, or by a pseudonym. Results go to
standard output, everything else to standard error ([exit codes](exit-codes.md)).

| command | does |
|---|---|
"""


def page() -> str:
    """Return the whole page."""
    main = click.Context(cli.main, info_name="gradkit")
    rows = []
    for name in cli.main.list_commands(main):
        command = cli.main.get_command(main, name)
        if not isinstance(command, Command):
            raise TypeError(f"gradkit {name} has no example: make it with cls=Command.")
        rows.append(row(command))
    return HEAD + "".join(rows)


def row(command: Command) -> str:
    """Return the row of a command: its example, and the first paragraph of its help."""
    summary = inspect.cleandoc(command.help or "").split("\n\n")[0]
    return f"| `{cell(command.example)}` | {cell(summary)} |\n"


def cell(text: str) -> str:
    """Return a text on one line, with bars escaped because they would end the cell."""
    return " ".join(text.replace("|", "\\|").split())


def main() -> None:
    """Write the page."""
    FILE.write_text(page(), encoding="utf-8", newline="\n")
    print(f"{FILE.name}: {page().count('`gradkit ') - 2} commands")


if __name__ == "__main__":
    main()
