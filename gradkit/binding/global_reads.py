"""Names that a function reads from outside, where it has an argument for what they stand for."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from gradkit.binding.match import QUANTITIES, is_called
from gradkit.language import say
from gradkit.records.binding import Bound
from gradkit.records.submission import Place, Section
from gradkit.records.task import Role
from gradkit.runtime.syntax import names_bound, stored_names, walk
from gradkit.submission.place import finder
from gradkit.submission.source import parse


@dataclass(frozen=True, slots=True)
class StandIn:
    """Where a global is read, and a sentence that says which, and for which argument."""

    place: Place
    sentence: str


def stand_in(section: Section, bound: Bound, role: Role) -> StandIn | None:
    """The first global that a function reads in place of an argument.

    Only a name counts that an argument of the role goes by, that the function calls otherwise,
    and that the section gives a value: ``params`` is handed over, and ``parameters`` is read.

    Parameters
    ----------
    section : Section
    bound : Bound
        The function that plays the role.
    role : Role

    Returns
    -------
    StandIn or None
        None too where no ``def`` at top level makes the function.
    """
    cells = [*section.own, *section.shared]
    trees = [(cell, tree) for cell in cells if (tree := parse(cell.source).tree) is not None]
    statements = [(cell, node) for cell, tree in trees for node in tree.body]
    made = [
        (cell, node)
        for cell, node in statements
        if isinstance(node, ast.FunctionDef) and node.name == bound.function
    ]
    if not made:
        return None
    data = {
        name
        for _, node in statements
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for name in names_bound(node)
    }
    cell, function = made[-1]
    own = {part.arg for part in walk(function.args) if isinstance(part, ast.arg)}
    own |= {name for statement in function.body for name in stored_names(statement)}
    reads = [
        part
        for statement in function.body
        for part in walk(statement)
        if isinstance(part, ast.Name) and part.id in data - own
    ]
    for read in sorted(reads, key=lambda part: (part.lineno, part.col_offset)):
        argument = _argument(read.id, bound, role)
        if argument is not None:
            sentence = say(
                "{function} reads {name}, which stands outside of it; what it is handed is "
                "{argument}.",
                function=f"`{bound.function}`",
                name=f"`{read.id}`",
                argument=f"`{argument}`",
            )
            return StandIn(finder(cells)(cell.id, read.lineno), sentence)
    return None


def _argument(name: str, bound: Bound, role: Role) -> str | None:
    """What the function calls the argument that goes by this name."""
    for argument in role.arguments:
        own = bound.names.get(QUANTITIES[argument.kind])
        if own is not None and is_called(name, (argument.name, *argument.aliases)):
            return own
    return None
