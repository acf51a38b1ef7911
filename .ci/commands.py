"""Write ``docs/reference/commands.md``: a line for each command.

Run ``.venv/bin/python .ci/commands.py`` after the help of a command has changed; a test fails until
then.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import click

from gradkit import cli
from gradkit.cli.options import Command

FILE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "commands.md"
HEAD = """\
# Commands

`gradkit COMMAND --help` lists the options of a command, with an example. DIR is the folder of a
class, which `gradkit grade … --out DIR` wrote. STUDENT is a name, a unique part of one, an
identifier of the roster or download, or a pseudonym. Results go to standard output, everything else
to standard error ([exit codes](exit-codes.md)).

"""


def page() -> str:
    """Return the whole page: its head, and a line for each command.

    Raises
    ------
    TypeError
        A command has no example.
    """
    main = click.Context(cli.main, info_name="gradkit")
    lines = []
    for name in cli.main.list_commands(main):
        command = cli.main.get_command(main, name)
        if not isinstance(command, Command):
            raise TypeError(f"gradkit {name} has no example: make it with cls=Command.")
        lines.append(line(command))
    return HEAD + "".join(lines)


def line(command: Command) -> str:
    """Return the line of a command: its name, and the first paragraph of its help."""
    summary = inspect.cleandoc(command.help or "").split("\n\n")[0]
    return f"- `gradkit {command.name}`: {' '.join(summary.split())}\n"


def main() -> None:
    """Write the page."""
    FILE.write_text(page(), encoding="utf-8", newline="\n")
    print(f"{FILE.name}: {page().count('- `gradkit ')} commands")


if __name__ == "__main__":
    main()
