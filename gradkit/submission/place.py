"""Where a line of a cell stands in the student's own file."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gradkit.records.submission import Cell, Place


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
    """The line of source at a place, without its indent; empty where it is in no cell."""
    for cell in cells:
        line = place.line - cell.first_line
        lines = cell.source.split("\n")
        if (cell.file, cell.cell) == (place.file, place.cell) and 0 <= line < len(lines):
            return lines[line].strip()
    return ""
