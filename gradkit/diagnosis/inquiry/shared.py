"""Where a mistake that shows in several lines may be made: in a name that all of these read."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence

from gradkit.records.submission import Cell, Place
from gradkit.runtime.syntax import every, names_bound, names_in, walk
from gradkit.submission.definitions import definitions


def shared_lines(
    cells: Sequence[Cell], function: str, places: Collection[Place]
) -> tuple[Place, ...]:
    """Return the lines that give names to what the statements at all of some places are made of.

    Parameters
    ----------
    cells : sequence of Cell
    function : str
        Its name.
    places : collection of Place
        Where its statements begin that are wrong.

    Returns
    -------
    tuple of Place
        In the order of the text, and none of these places. Nothing where one is no assignment of
        this function.
    """
    made = definitions(cells).get(function)
    if made is None or not isinstance(made.node, ast.FunctionDef):
        return ()
    given = {part.arg for part in every(ast.arg, made.node.args)}
    statements: list[ast.stmt] = [
        part for part in walk(made.node) if isinstance(part, ast.Assign | ast.AugAssign)
    ]
    at = {each: made.cell.place(each.lineno) for each in statements}
    told = [each for each in statements if at[each] in places]
    if {at[each] for each in told} != {*places}:
        return ()
    own = {each: {*names_bound(each)} - given for each in statements}
    sources = [_sources(one, own) for one in told]
    common = set.intersection(*sources) if sources else set()
    found = (at[each] for each in statements if each in common)
    return tuple(dict.fromkeys(place for place in found if place not in places))


def _sources(statement: ast.stmt, names: Mapping[ast.stmt, set[str]]) -> set[ast.stmt]:
    """Return the statements that give names to what one is made of, however far before it."""
    waiting, found = [statement], set[ast.stmt]()
    while waiting:
        read = names_in(waiting.pop())
        more = {each for each, own in names.items() if read & own} - found
        waiting += more
        found |= more
    return found
