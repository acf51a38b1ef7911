"""A plain table for a terminal or a log: columns, and no lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from gradkit.text import clean_text


def columns(*heads: str, right: Sequence[int] | range = ()) -> Table:
    """An empty table; the columns of these numbers are flush right."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", title_justify="left")
    for number, head in enumerate(heads):
        made.add_column(head, justify="right" if number in right else "left")
    return made


def filled(
    heads: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] | range = ()
) -> Table:
    """A table of texts that may be anybody's."""
    made = columns(*heads, right=right)
    for row in rows:
        made.add_row(*(Text(clean_text(cell)) for cell in row))
    return made
