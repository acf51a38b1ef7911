"""Find places in the student's own files, and list the statements around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from gradkit.records.submission import Cell, Listing, Place
from gradkit.runtime.syntax import first_line
from gradkit.submission.source import parse


def finder(cells: Iterable[Cell]) -> Callable[[str, int], Place]:
    """Give the function from a cell's id and a line of its source to the `Place`.

    An id that is no cell's is taken for a file of its own, as a module's is.
    """
    known = {cell.id: cell for cell in cells}
    files = {cell.file for cell in known.values()}

    def find(cell_id: str, line: int) -> Place:
        cell = known.get(cell_id)
        if cell is not None:
            return Place(cell.file, cell.cell, cell.first_line + line - 1, cell.title)
        # Modules of a package are compiled under dotted names.
        path = cell_id.removesuffix(".py").replace(".", "/") + ".py"
        if path in files:
            return Place(path, None, line)
        ending = sorted(file for file in files if file.endswith(f"/{path}"))
        return Place(ending[0] if len(ending) == 1 else cell_id, None, line)

    return find


def source_at(cells: Iterable[Cell], place: Place) -> str:
    """Return the line of source at a place, without its indent; empty where it is in no cell."""
    for cell in cells:
        line = place.line - cell.first_line
        lines = cell.source.split("\n")
        if (cell.file, cell.cell) == (place.file, place.cell) and 0 <= line < len(lines):
            return lines[line].strip()
    return ""


# --- listings ----------------------------------------------------------------------------

LINES = 120
"""Longest listing. Of a longer statement, and where none can be made out, `AROUND`."""

AROUND = 12
"""Lines before and after a place that is listed without the statement it stands in."""


def listings(cells: Iterable[Cell], places: Iterable[Place]) -> tuple[Listing, ...]:
    """List the top-level statements that the places stand in, each once, in the places' order.

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
    tree = parse(source).tree
    for node in tree.body if tree is not None else ():
        first, last = first_line(node), node.end_lineno or node.lineno
        if first <= line <= last:
            return first, last
    return max(1, line - AROUND), min(line + AROUND, source.count("\n") + 1)
