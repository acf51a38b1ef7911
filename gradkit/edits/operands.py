"""Write operands as numbers, and read them strictly.

An operand is a small expression of known words. Its numbers say, node by node, what it is made
of: words and constants by their places in a `Vocabulary`, expressions of the model solution by
their places among its parts, expressions of the text by the number of their node.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from gradkit.edits.nodes import is_same, new, numbered, replaced

Numbers = tuple[int, ...]
"""An operand, written as whole numbers."""

MAX_NODES = 48
"""Nodes of an operand at most."""

MAX_DEPTH = 3
"""How many parts of the model solution may stand in one another."""

NAME, ATTRIBUTE, ENTRY, WORD, NUMBER, SLICE, TUPLE, NEGATIVE, OPERATION, CALL = range(10)
NOTHING, SLOT, PART, TWIN = range(10, 14)
"""The types of the nodes of an operand."""

OPERATIONS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv)
CALLS = ("len", "str", "np.arange")
EDGES = ("lower", "upper", "step")


class RefusedError(ValueError):
    """A reference that is no application of a row of the table."""


@dataclass(frozen=True, slots=True)
class ModelPart:
    """An expression or statement of the model solution.

    ``role`` says what it is there: a ``factor``, a ``term``, the ``whole`` value of a statement or
    argument, or a ``statement``. ``leaves`` are the names and entries in it that stand for the
    student's own.
    """

    text: str
    role: str
    leaves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words, constants and parts of the model solution that operands may be made of.

    ``factors`` are the constants that may be put in as a factor.
    """

    words: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    factors: tuple[float, ...] = ()
    parts: tuple[ModelPart, ...] = ()
    _places: dict[Any, int] = field(default_factory=dict, compare=False, hash=False)

    def place_of_word(self, word: str) -> int | None:
        """Return the index of a word in the vocabulary; None if operands may not contain it."""
        return self._place("word", word, self.words)

    def place_of_number(self, number: float) -> int | None:
        """Return the index of a constant in the vocabulary; None if operands may not contain it."""
        return self._place("number", repr(number), [repr(each) for each in self.numbers])

    def _place(self, sort: str, key: str, row: Sequence[str]) -> int | None:
        """Return the index of a key in a row; None if it is not there.

        ``sort`` names the row. The indices of a row are computed at the first call and stored in
        ``_places``; a key that occurs twice has the last index.
        """
        if (sort, "") not in self._places:
            self._places[sort, ""] = 0
            self._places.update({(sort, f"={each}"): n for n, each in enumerate(row)})
        return self._places.get((sort, f"={key}"))


# --- write -------------------------------------------------------------------------------------


def pack(node: ast.AST, vocabulary: Vocabulary) -> Numbers | None:
    """Encode an expression as the numbers of an operand; None if it cannot be encoded.

    ``vocabulary`` has the words and constants that it may contain.
    """
    made: list[int] = []
    return tuple(made) if _pack(node, vocabulary, made) and len(made) <= 4 * MAX_NODES else None


def _pack(node: Any, known: Vocabulary, made: list[int]) -> bool:
    """Encode an expression by appending its numbers to ``made``; return whether it can be encoded.

    Allowed are names, attributes, entries, slices, tuples, constants, negations, operations and
    calls with one argument, with words and constants of the vocabulary ``known``. If the result is
    False, ``made`` may hold some numbers all the same.
    """
    if len(made) > 4 * MAX_NODES:
        return False
    if isinstance(node, ast.Name):
        return _add(made, NAME, known.place_of_word(node.id))
    if isinstance(node, ast.Attribute):
        word = known.place_of_word(node.attr)
        return _add(made, ATTRIBUTE, word) and _pack(node.value, known, made)
    if isinstance(node, ast.Subscript):
        made.append(ENTRY)
        return _pack(node.value, known, made) and _pack(node.slice, known, made)
    if isinstance(node, ast.Constant):
        return _pack_constant(node.value, known, made)
    if isinstance(node, ast.Slice):
        edges = [getattr(node, name) for name in EDGES]
        made += [SLICE, sum(2**n for n, edge in enumerate(edges) if edge is not None)]
        return all(_pack(edge, known, made) for edge in edges if edge is not None)
    if isinstance(node, ast.Tuple):
        made += [TUPLE, len(node.elts)]
        return all(_pack(each, known, made) for each in node.elts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        made.append(NEGATIVE)
        return _pack(node.operand, known, made)
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        made += [OPERATION, OPERATIONS.index(type(node.op))]
        return _pack(node.left, known, made) and _pack(node.right, known, made)
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        text = ast.unparse(node.func)
        made += [CALL, CALLS.index(text) if text in CALLS else 0]
        return text in CALLS and _pack(node.args[0], known, made)
    return False


def _pack_constant(value: object, known: Vocabulary, made: list[int]) -> bool:
    """Encode a constant by appending its numbers to ``made``; return whether it can be encoded.

    Texts and numbers have to be in the vocabulary ``known``; None is always allowed, True and False
    never.
    """
    if isinstance(value, str):
        return _add(made, WORD, known.place_of_word(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _add(made, NUMBER, known.place_of_number(value))
    return value is None and _add(made, NOTHING, 0)


def _add(made: list[int], sort: int, place: int | None) -> bool:
    """Append a sort and a place to ``made``; return False if there is no place."""
    made += [sort, place or 0]
    return place is not None


def pack_part(
    node: ast.AST, vocabulary: Vocabulary, roles: Sequence[str], depth: int = MAX_DEPTH
) -> Numbers | None:
    """Encode an expression as the first part of the model solution that it equals but for leaves.

    The result is the part's number in the vocabulary, and then the operands of the leaves: the
    student's names, or again parts of role ``whole``, up to ``depth`` levels deep. Only parts with
    one of the ``roles`` are tried. None is returned if no part fits, or no fitting part has leaves
    that can be encoded.
    """
    for number, part in enumerate(vocabulary.parts):
        tree, leaves = _tree_and_leaves(part) if part.role in roles else (None, {})
        found: dict[str, ast.AST] = {}
        if tree is None or not _equals_but_for_leaves(tree, node, leaves, found):
            continue
        made = [PART, number]
        for leaf in part.leaves:
            own = pack(found[leaf], vocabulary) if leaf in found else None
            if own is None and depth and leaf in found:
                own = pack_part(found[leaf], vocabulary, ("whole",), depth - 1)
            if own is None:
                break
            made += own
        else:
            return tuple(made)
    return None


def pack_twin(base: ast.AST, node: ast.AST, number: int, known: Vocabulary) -> Numbers | None:
    """Encode an expression as a copy of ``base`` with other names or constants.

    ``number`` is the number of ``base`` among the nodes of the text, and ``known`` are the words
    and constants that operands may contain. The result is this number, the number of differences,
    and for each difference the place of the leaf in ``base`` and its new operand. None is returned
    if the two are equal, differ in more than names and constants, or in more than 8 of these.
    """
    pairs = list(_differing_leaves(base, node))
    if not pairs or len(pairs) > 8 or any(one is None for one, _ in pairs):
        return None
    places = {id(each): place for place, each in enumerate(numbered(base))}
    made = [TWIN, number, len(pairs)]
    for one, other in pairs:
        own = pack(other, known)
        if own is None:
            return None
        made += [places[id(one)], *own]
    return tuple(made)


def _differing_leaves(one: Any, other: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the pairs of names and constants in which two trees differ, in text order.

    A pair ``(None, node)`` means that the trees have another shape or operator at that place.
    """
    if type(one) is not type(other) or isinstance(one, ast.Name | ast.Constant):
        leaves = isinstance(one, ast.Name | ast.Constant)
        if not is_same(one, other):
            yield (one, other) if leaves else (None, other)
        return
    for name in one._fields:
        mine, own = getattr(one, name, None), getattr(other, name, None)
        rows = (mine, own) if isinstance(mine, list) else ([mine], [own])
        if len(rows[0]) != len(rows[1] or ()):
            yield None, other
            return
        for left, right in zip(*rows, strict=True):
            if isinstance(left, ast.AST) and isinstance(right, ast.AST):
                yield from _differing_leaves(left, right)
            elif left != right:
                yield None, other


@lru_cache(maxsize=4096)
def _tree_and_leaves(part: ModelPart) -> tuple[Any, dict[int, str]]:
    """Return the syntax tree of a part of the model solution, and its leaves.

    The leaves are a dict: the leaf's text, as in ``part.leaves``, by the ``id`` of its node in the
    tree.
    """
    (statement,) = ast.parse(part.text).body
    tree = statement.value if isinstance(statement, ast.Expr) else statement
    dumps = {ast.dump(ast.parse(leaf, mode="eval").body): leaf for leaf in part.leaves}
    nodes = (node for node in numbered(tree) if isinstance(node, LEAVES))
    return tree, {id(node): dumps[dump] for node in nodes if (dump := ast.dump(node)) in dumps}


LEAVES = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
"""The types of nodes that a leaf of a part may be."""


def _equals_but_for_leaves(
    tree: Any, node: Any, leaves: dict[int, str], found: dict[str, ast.AST]
) -> bool:
    """Return whether a node equals the tree of a part, where any expression may stand for a leaf.

    The expression for each leaf is stored in ``found`` by the leaf's text; the same leaf has to be
    the same expression everywhere. ``leaves`` are those of `_tree_and_leaves`.
    """
    leaf = leaves.get(id(tree))
    if leaf is not None and isinstance(node, ast.expr):
        return is_same(found.setdefault(leaf, node), node)
    if isinstance(tree, list):
        return (
            isinstance(node, list)
            and len(tree) == len(node)
            and all(
                _equals_but_for_leaves(a, b, leaves, found) for a, b in zip(tree, node, strict=True)
            )
        )
    if isinstance(tree, ast.expr_context):
        return isinstance(node, ast.expr_context)
    if type(tree) is not type(node):
        return False
    if isinstance(tree, ast.AST):
        return all(
            _equals_but_for_leaves(
                getattr(tree, name, None), getattr(node, name, None), leaves, found
            )
            for name in tree._fields
        )
    return bool(tree == node)


# --- read --------------------------------------------------------------------------------------


def unpack(numbers: Numbers, vocabulary: Vocabulary, nodes: Sequence[ast.AST] = ()) -> Any:
    """Decode an operand: return its expression, or for a part of the model solution its statement.

    Parameters
    ----------
    numbers : tuple of int
        All numbers of the operand, as `pack`, `pack_part` or `pack_twin` returned them.
    vocabulary : Vocabulary
        The words, constants and parts of the model solution that operands may contain.
    nodes : sequence of ast.AST
        The nodes of the student's text, by number.

    Raises
    ------
    RefusedError
        The numbers are no operand, or some of them are left over.
    """
    reader = _Reader(numbers, vocabulary, nodes)
    node = reader.read()
    if reader.at != len(numbers):
        raise RefusedError("an operand has numbers that belong to nothing")
    return node


class _Reader:
    """Read one operand from its numbers, from the first to the last."""

    def __init__(self, numbers: Numbers, known: Vocabulary, nodes: Sequence[ast.AST]) -> None:
        self.numbers, self.known, self.nodes = numbers, known, nodes
        self.at = self.made = 0

    def read(self, depth: int = 0) -> Any:
        """Decode the expression that begins at the next number, and move past its numbers.

        ``depth`` is the number of expressions that contain it. Raises RefusedError: more than
        `MAX_NODES` expressions in all or in one another, a number without a meaning, or a name that
        is no identifier.
        """
        self.made += 1
        if self.made > MAX_NODES or depth > MAX_NODES:
            raise RefusedError("an operand has too many parts")
        sort = self._number(14)

        read = partial(self.read, depth + 1)
        if sort == NAME:
            word = self._of(self.known.words)
            if not word.isidentifier():
                raise RefusedError("a name is no identifier")
            return new(ast.Name, word, ast.Load())
        if sort == ATTRIBUTE:
            word = self._of(self.known.words)
            if not word.isidentifier() or word.startswith("__"):
                raise RefusedError("an attribute is no identifier")
            return new(ast.Attribute, read(), word, ast.Load())
        if sort == ENTRY:
            return new(ast.Subscript, read(), read(), ast.Load())
        if sort == WORD:
            return new(ast.Constant, self._of(self.known.words))
        if sort == NUMBER:
            return new(ast.Constant, self._of(self.known.numbers))
        if sort == SLICE:
            flags = self._number(8)
            return new(ast.Slice, *(read() if flags & 2**n else None for n in range(3)))
        if sort == TUPLE:
            return new(ast.Tuple, [read() for _ in range(self._number(8))], ast.Load())
        if sort == NEGATIVE:
            return new(ast.UnaryOp, ast.USub(), read())
        if sort == OPERATION:
            kind = self._of(OPERATIONS)
            left = read()
            return new(ast.BinOp, left, kind(), read())
        if sort == CALL:
            function = ast.parse(self._of(CALLS), mode="eval").body
            return new(ast.Call, function, [read()], [])
        if sort == NOTHING:
            self._number(1)
            return new(ast.Constant, None)
        if sort == SLOT:
            return self._read_node()
        return self._read_part(depth) if sort == PART else self._read_twin(depth)

    def _read_part(self, depth: int) -> Any:
        """Decode a part of the model solution, with the student's expressions for its leaves.

        ``depth`` is the number of expressions that contain it. For the expressions of leaves it is
        raised by several levels, so that parts in parts are limited.
        """
        part = self._of(self.known.parts)
        tree, leaves = _tree_and_leaves(part)
        own = {leaf: self.read(depth + MAX_NODES // (MAX_DEPTH + 2)) for leaf in part.leaves}
        return replaced(tree, {number: own[leaf] for number, leaf in leaves.items()})

    def _read_twin(self, depth: int) -> Any:
        """Decode a copy of an expression of the text in which some names or constants are replaced.

        ``depth`` is the number of expressions that contain it. Raises RefusedError: a node to be
        replaced is neither a name nor a constant.
        """
        base = self._read_node()
        places = numbered(base)
        instead: dict[int, ast.AST] = {}
        for _ in range(self._number(9)):
            leaf = self._of(places)
            if not isinstance(leaf, ast.Name | ast.Constant):
                raise RefusedError("only a name or a constant of another expression changes")
            instead[id(leaf)] = self.read(depth + 1)
        return replaced(base, instead)

    def _read_node(self) -> Any:
        """Return the node of the student's text whose number is next.

        Raises RefusedError: it is no expression and no assignment.
        """
        node = self._of(self.nodes)
        if not isinstance(node, ast.expr | ast.Assign | ast.AugAssign):
            raise RefusedError("an operand is no expression of the text")
        return node

    def _number(self, most: int) -> int:
        """Return the next number, and move past it.

        Raises RefusedError: it is not from 0 to ``most - 1``, or no number is left.
        """
        number = self.numbers[self.at] if self.at < len(self.numbers) else -1
        if not 0 <= number < most:
            raise RefusedError("an operand has a number that stands for nothing")
        self.at += 1
        return number

    def _of(self, row: Sequence[Any]) -> Any:
        return row[self._number(len(row))]
