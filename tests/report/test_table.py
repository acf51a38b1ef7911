"""A plain table: texts of anybody's stay what they are."""

from __future__ import annotations

import io

from rich.console import Console

from gradkit.report.table import Table, show_table


def printed(table: Table) -> list[list[str]]:
    """The lines of a table, in words."""
    stream = io.StringIO()
    show_table(table, Console(file=stream, width=80))
    return [line.split() for line in stream.getvalue().splitlines()]


def test_nobody_colours_a_table() -> None:
    """Neither by rich's mark-up nor by a terminal's; a direction mark is gone."""
    rows = [("\x1b[31mann", "[bold]b[/bold]"), ("\u202eben", "[/]")]
    assert printed(Table(("one", "two"), rows)) == [
        ["one", "two"],
        ["ann", "[bold]b[/bold]"],
        ["ben", "[/]"],
    ]


def test_columns_stand_left_or_right() -> None:
    """Numbers under each other."""
    stream = io.StringIO()
    table = Table(("name", "number"), [("ann", 5), ("ben", 10)], right=(1,))
    show_table(table, Console(file=stream, width=80))
    assert [line.rstrip() for line in stream.getvalue().splitlines()] == [
        "name  number",
        "ann        5",
        "ben       10",
    ]


def test_a_table_without_rows_is_not_printed() -> None:
    """Not even its heads."""
    assert printed(Table(("name", "number"), [])) == []
