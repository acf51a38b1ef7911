"""The functions around places, to be shown with the lines marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gradkit.records.submission import Cell, Listing, Place
from gradkit.runtime.syntax import parse

LINES = 120
"""Longest listing. Of a longer statement, and where none can be made out, `AROUND`."""

AROUND = 12
"""Lines before and after a place that is listed without the statement it stands in."""


def listings(cells: Iterable[Cell], places: Iterable[Place]) -> tuple[Listing, ...]:
    """The top-level statements that the places stand in, each once, in the order of the places.

    A place that is in none of the cells is left out.
    """
    sources = {(cell.file, cell.cell): cell for cell in cells}
    shown: dict[Listing, None] = {}
    for place in dict.fromkeys(places):
        cell = sources.get((place.file, place.cell))
        if cell is not None and not any(_holds(listing, place) for listing in shown):
            shown.update(dict.fromkeys(_around(cell, place)))
    return tuple(shown)


def _holds(listing: Listing, place: Place) -> bool:
    after = listing.first_line + listing.source.count("\n")
    same = (listing.file, listing.cell) == (place.file, place.cell)
    return same and listing.first_line <= place.line <= after


def _around(cell: Cell, place: Place) -> Iterator[Listing]:
    lines = cell.source.split("\n")
    line = place.line - cell.first_line + 1
    if not 1 <= line <= len(lines):
        return
    first, last = _statement(cell.source, line)
    if last - first >= LINES:
        first, last = max(first, line - AROUND), min(last, line + AROUND)
    # Half a surrogate pair, which a notebook can hold, is in no encoding.
    text = "\n".join(lines[first - 1 : last]).encode(errors="replace").decode()
    yield Listing(cell.file, cell.cell, cell.first_line + first - 1, text)


def _statement(source: str, line: int) -> tuple[int, int]:
    """First and last line of the top-level statement there, decorators included."""
    try:
        body = parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        body = []
    for node in body:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        last = node.end_lineno or node.lineno
        if first <= line <= last:
            return first, last
    return max(1, line - AROUND), min(line + AROUND, source.count("\n") + 1)
