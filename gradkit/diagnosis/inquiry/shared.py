"""Find the lines on which several wrong lines depend in common."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence

from gradkit.records.submission import Cell, Place
from gradkit.runtime.syntax import every, names_bound, names_in, walk
from gradkit.submission.definitions import definitions


def shared_lines(
    cells: Sequence[Cell], function: str, places: Collection[Place]
) -> tuple[Place, ...]:
    """Return the assignments that the statements at all of the given places depend on.

    Parameters
    ----------
    cells : sequence of Cell
    function : str
        Name of the function that contains the places.
    places : collection of Place
        First lines of its wrong statements.

    Returns
    -------
    tuple of Place
        In the order of the text, without the given places. Empty if a place has no assignment.
    """
    definition = definitions(cells).get(function)
    if definition is None or not isinstance(definition.node, ast.FunctionDef):
        return ()
    parameters = {part.arg for part in every(ast.arg, definition.node.args)}
    statements: list[ast.stmt] = [
        part for part in walk(definition.node) if isinstance(part, ast.Assign | ast.AugAssign)
    ]
    place_of = {each: definition.cell.place(each.lineno) for each in statements}
    wrong_statements = [each for each in statements if place_of[each] in places]
    if {place_of[each] for each in wrong_statements} != {*places}:
        return ()
    names_set = {each: {*names_bound(each)} - parameters for each in statements}
    sources = [_dependencies(wrong, names_set) for wrong in wrong_statements]
    common = set.intersection(*sources) if sources else set()
    found = (place_of[each] for each in statements if each in common)
    return tuple(dict.fromkeys(place for place in found if place not in places))


def _dependencies(statement: ast.stmt, names: Mapping[ast.stmt, set[str]]) -> set[ast.stmt]:
    """Return the statements that assign names which a statement reads, directly or through others.

    ``names`` has the names that each statement assigns. The order of statements is not regarded.
    """
    waiting, found = [statement], set[ast.stmt]()
    while waiting:
        read = names_in(waiting.pop())
        more = {each for each, own in names.items() if read & own} - found
        waiting += more
        found |= more
    return found
