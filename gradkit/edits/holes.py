"""Say what may stand in the holes of a row, write it as numbers, and read it from these."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from gradkit.edits.nodes import is_path
from gradkit.edits.operands import (
    PART,
    SLOT,
    TWIN,
    Numbers,
    RefusedError,
    Vocabulary,
    pack,
    pack_part,
    pack_twin,
    unpack,
)
from gradkit.edits.patterns import holes_of

ROLES: Mapping[str, Sequence[str]] = {
    "part_factor_": ("factor", "whole"),
    "part_term_": ("term", "whole"),
    "part_whole_": ("whole", "factor", "term"),
}
"""For each hole for a part of the model solution, what that may be there."""

TEXTS = ("word_", "key_", "key_of_row_")
"""Holes for a text, such as a key."""

INDICES = ("index_", "window_", "longer_index_", "shape_of_draw_")
"""Holes for an index or a shape: any expression that operands can be."""


def fill(
    text: str, operands: Sequence[Numbers], known: Vocabulary, nodes: Sequence[ast.AST]
) -> dict[str, Any]:
    """Decode the operands of a pattern; return the expression for each hole by its name.

    ``text`` is the pattern, and ``known`` are the words and numbers that operands may contain.
    Operands are in the order of its holes, and may refer to ``nodes``, the numbered nodes of the
    student's text. Raises RefusedError: the number of operands is another than that of the holes,
    or an operand may not fill its hole.
    """
    holes = holes_of(text)
    if len(operands) != len(holes):
        raise RefusedError("a row has another number of operands")
    bound: dict[str, Any] = {}
    for hole, numbers in zip(holes, operands, strict=True):
        node = unpack(numbers, known, nodes)
        if not may_fill(hole, node, numbers, known):
            raise RefusedError(f"an operand may not stand for {hole}")
        bound[hole] = node
    return bound


def operands_of(
    text: str, bound: Mapping[str, Any], known: Vocabulary, base: tuple[ast.AST, int] | None = None
) -> Sequence[Numbers] | None:
    """Encode the expressions for a pattern's holes as operands, in the order of the holes.

    The result is None if an expression cannot be encoded, or may not fill its hole.

    Parameters
    ----------
    text : str
        The pattern.
    bound : mapping of str to ast.AST
        The expression for each hole, by the hole's name.
    known : Vocabulary
        The words and numbers that operands may contain.
    base : tuple of ast.AST and int
        For the hole ``twin_``: the node of the student's text of which the new term is a copy with
        other names, and the number of this node. Without it, ``twin_`` cannot be encoded.
    """
    made = []
    for hole in holes_of(text):
        node = bound[hole]
        if hole in ROLES:
            numbers = pack_part(node, known, ROLES[hole])
        elif hole == "twin_":
            numbers = pack_twin(base[0], node, base[1], known) if base else None
        else:
            numbers = pack(node, known)
        if numbers is None or not may_fill(hole, node, numbers, known):
            return None
        made.append(numbers)
    return made


def may_fill(hole: str, node: Any, numbers: Numbers, known: Vocabulary) -> bool:
    """Return whether an expression is of the sort that a hole accepts.

    The name of the hole gives the sort: a part of the model solution, a text, a number, a factor of
    the vocabulary ``known``, an axis (None, 0 to 3, or a tuple of these), a function, an index; all
    other holes accept a name, entry, attribute or length. ``numbers`` are the expression as an
    operand.
    """
    plain = node.operand if isinstance(node, ast.UnaryOp) else node
    number = isinstance(plain, ast.Constant) and isinstance(plain.value, int | float)
    if hole in ROLES:
        return numbers[:1] == (PART,) and known.parts[numbers[1]].role in ROLES[hole]
    if hole == "twin_":
        return numbers[:1] == (TWIN,)
    if hole in TEXTS:
        return isinstance(node, ast.Constant) and isinstance(node.value, str)
    if hole.endswith(("number_", "ratio_")):
        return number
    if hole == "factor_":
        return number and node is plain and repr(plain.value) in map(repr, known.factors)
    if hole == "axis_":
        row = node.elts if isinstance(node, ast.Tuple) else [node]
        plains = [e.operand if isinstance(e, ast.UnaryOp) else e for e in row]
        return all(isinstance(e, ast.Constant) and e.value in (None, 0, 1, 2, 3) for e in plains)
    if hole == "function_":
        return isinstance(node, ast.Name | ast.Attribute)
    if hole in INDICES:
        return numbers[0] < SLOT
    return is_path(node) and numbers[0] < SLOT
