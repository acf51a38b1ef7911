"""A plain table: texts of anybody's stay what they are."""

from __future__ import annotations

import io

from rich.console import Console

from gradkit.report.table import columns, filled


def printed(table: object) -> list[list[str]]:
    """The lines of a table, in words."""
    stream = io.StringIO()
    Console(file=stream, width=80).print(table)
    return [line.split() for line in stream.getvalue().splitlines()]


def test_nobody_colours_a_table() -> None:
    """Neither by rich's mark-up nor by a terminal's; a direction mark is gone."""
    rows = [("\x1b[31mann", "[bold]b[/bold]"), ("\u202eben", "[/]")]
    assert printed(filled(("one", "two"), rows)) == [
        ["one", "two"],
        ["ann", "[bold]b[/bold]"],
        ["ben", "[/]"],
    ]


def test_columns_stand_left_or_right() -> None:
    """Numbers under each other."""
    table = columns("name", "n", right=(1,))
    assert [column.justify for column in table.columns] == ["left", "right"]
