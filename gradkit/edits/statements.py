"""List the changes of whole statements: left out, moved, written anew, or put in.

A block is the list of statements that a statement stands in. Each change has a function that
makes a new block of it, and one that finds the operands with which it gives a certain block.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from gradkit.edits.nodes import called_name, is_path, is_same, new, with_parts
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
from gradkit.edits.patterns import build, holes_of, match, pattern

Block = list[ast.stmt]
Nodes = Sequence[ast.AST]


@dataclass(frozen=True, slots=True)
class Change:
    """What a change of a block is made of: the block, the place of the statement, the rest.

    ``nodes`` are those of the text by number, ``function`` is the one that the block stands in.
    """

    block: Block
    at: int
    known: Vocabulary
    nodes: Nodes
    function: ast.AST

    @property
    def statement(self) -> Any:
        """Return the statement that is changed."""
        return self.block[self.at]

    def with_statements(self, *made: Any) -> Block:
        """Return the block with others in the place of the statement."""
        return [*self.block[: self.at], *made, *self.block[self.at + 1 :]]


Operands = Sequence[Numbers]


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A change of a block, for mistakes of one of some kinds.

    ``make`` returns the changed block; ``operands`` yields those with which it is to be tried
    where a certain block is wanted.
    """

    kinds: frozenset[str]
    make: Callable[[Change, Operands], Block]
    operands: Callable[[Change, Block], Iterator[Operands]]


def _whole(operands: Operands, number: int, low: int, high: int) -> int:
    """Return an operand that is one whole number, written as its distance from ``low``."""
    numbers = operands[number] if number < len(operands) else ()
    if len(numbers) != 1 or not 0 <= numbers[0] <= high - low:
        raise RefusedError("a statement has no such place")
    return numbers[0] + low


# --- left out, moved ---------------------------------------------------------------------------


def _leave_out(change: Change, operands: Operands) -> Block:
    if len(change.block) < 2:
        raise RefusedError("a block cannot be empty")
    return change.with_statements()


def _pass(change: Change, operands: Operands) -> Block:
    if not isinstance(change.statement, ast.Return):
        raise RefusedError("the statement is no return")
    return change.with_statements(new(ast.Pass))


def _nothing(change: Change, wanted: Block) -> Iterator[Operands]:
    yield ()


FAR = 3
"""Statements that another one may move across."""


def _move(change: Change, operands: Operands) -> Block:
    other = change.at + _whole(operands, 0, -FAR, FAR)
    if not 0 <= other < len(change.block) or other == change.at:
        raise RefusedError("a statement cannot move so far")
    rest = change.with_statements()
    return [*rest[:other], change.statement, *rest[other:]]


def _moves(change: Change, wanted: Block) -> Iterator[Operands]:
    if len(wanted) == len(change.block):
        yield from ([(step,)] for step in range(2 * FAR + 1) if step != FAR)


# --- into or out of a loop or branch -----------------------------------------------------------

LAST_OUT, FIRST_OUT, NEXT_IN, BEFORE_IN = range(4)
NEAR = 4
"""Statements before a loop that may belong into it."""


def _indent(change: Change, operands: Operands) -> Block:
    loop, way = change.statement, _whole(operands, 0, LAST_OUT, BEFORE_IN + NEAR - 1)
    if not isinstance(loop, ast.For | ast.If | ast.While):
        raise RefusedError("the statement is no loop and no branch")
    before, after, body = change.block[: change.at], change.block[change.at + 1 :], loop.body
    if way in (LAST_OUT, FIRST_OUT):
        if len(body) < 2:
            raise RefusedError("the body would be empty")
        if way == LAST_OUT:
            return [*before, with_parts(loop, body=body[:-1]), body[-1], *after]
        return [*before, body[0], with_parts(loop, body=body[1:]), *after]
    if way == NEXT_IN:
        if not after:
            raise RefusedError("no statement follows")
        return [*before, with_parts(loop, body=[*body, after[0]]), *after[1:]]
    place = len(before) - 1 - (way - BEFORE_IN)
    if place < 0:
        raise RefusedError("no statement stands before it")
    kept = [*before[:place], *before[place + 1 :]]
    return [*kept, with_parts(loop, body=[before[place], *body]), *after]


def _indents(change: Change, wanted: Block) -> Iterator[Operands]:
    yield from ([(way,)] for way in range(BEFORE_IN + NEAR))


def _branch(change: Change, operands: Operands) -> Block:
    if len(operands) != 1:
        raise RefusedError("a branch has one condition")
    test = unpack(operands[0], change.known, change.nodes)
    if not any(is_same(test, each) for each in _tests(change.function)):
        raise RefusedError("the function asks for no such condition")
    return change.with_statements(new(ast.If, test, [change.statement], []))


def _branches(change: Change, wanted: Block) -> Iterator[Operands]:
    numbers = {id(node): number for number, node in enumerate(change.nodes)}
    yield from ([(SLOT, numbers[id(test)])] for test in _tests(change.function))


def _tests(function: ast.AST) -> Iterator[ast.expr]:
    """Yield what is asked in a function's branches, and each part of it."""
    for part in ast.walk(function):
        if isinstance(part, ast.If):
            yield part.test
            yield from part.test.values if isinstance(part.test, ast.BoolOp) else ()


# --- written anew ------------------------------------------------------------------------------

ANEW: Mapping[str, str] = {
    "A += B => A -= B": "turned-sign",
    "A -= B => A += B": "turned-sign",
    **{
        f"A {one} B => A {other} B": "wrong-operator"
        for one in ("+=", "-=", "*=", "/=")
        for other in ("+=", "-=", "*=", "/=")
        if one != other and {one, other} != {"+=", "-="}
    },
    **{f"A {o}= B => A = B": "not-replaced" for o in "+-*/"},
    **{f"A {o}= B => A = A {o} B": "changed-in-place" for o in "+-*/"},
    **{f"A {o}= B {p} C => A = A {o} B {p} C": "wrong-brackets" for o in "*/" for p in "+-*/"},
    "A = A + B => A += B": "not-in-place",
    "A = A - B => A -= B": "not-in-place",
    "A = A * B => A *= B": "not-in-place",
    "A = A / B => A /= B": "not-in-place",
    "A = B => A += B": "not-added",
    "A = B => A -= B": "not-added",
    "A = B => A *= B": "missing-factor",
    "A = B => A /= B": "missing-factor",
    "A = B + C => A += C": "not-added",
    "A = C + B => A += C": "not-added",
    "A[B] += C => np.add.at(A, B, C)": "wrong-function",
    "F(A, *_) => A = F(A, *_)": "not-kept",
    "A.append(B) => A = A.append(B)": "not-kept",
}
"""Statements written anew: before and after, and the kind of mistake."""


@cache
def _anew(text: str) -> tuple[Any, Any]:
    before, _, after = text.partition(" => ")
    return pattern(before), pattern(after)


def _written_anew(text: str) -> Callable[[Change, Operands], Block]:
    def make(change: Change, operands: Operands) -> Block:
        before, after = _anew(text)
        statement = change.statement
        plain = statement.value if isinstance(statement, ast.Expr) else statement
        bound: dict[str, Any] = {}
        if not match(before, plain, bound):
            raise RefusedError("the statement is written otherwise")
        made = build(after, bound)
        if isinstance(made, ast.expr):
            return change.with_statements(new(ast.Expr, made))
        # What was read is given a value now, or what was given one is read besides.
        for name in ("targets", "target"):
            if hasattr(made, name):
                own = getattr(made, name)
                stored = [_stored(e) for e in own] if isinstance(own, list) else _stored(own)
                made = with_parts(made, **{name: stored})
        return change.with_statements(_with_reads(made))

    return make


def _stored(node: Any) -> Any:
    return with_parts(node, ctx=ast.Store()) if hasattr(node, "ctx") else node


def _with_reads(statement: Any) -> Any:
    """Return a statement whose value reads what it is made of, wherever that came from."""
    value = statement.value
    stored = [part for part in ast.walk(value) if isinstance(getattr(part, "ctx", None), ast.Store)]
    if not stored:
        return statement
    tree = ast.parse(ast.unparse(ast.Expr(value)), mode="eval").body
    return with_parts(statement, value=tree)


# --- put in ------------------------------------------------------------------------------------

PUT_IN: Sequence[str] = (
    "name_ = other_",
    "name_ = word_",
    "name_ = -other_",
    "name_ = other_.T",
    "name_ = other_.copy()",
    "name_ = {key: value.copy() for key, value in other_.items()}",
    "name_ = part_whole_",
    "name_ = part_factor_",
    *(f"name_ {o}= other_" for o in "+-*/"),
    *(f"name_ {o}= part_whole_" for o in "+-*/"),
    *(f"name_ {o}= part_term_" for o in "+-*/"),
    *(f"name_ {o}= part_factor_" for o in "+-*/"),
    *(f"name_ {o}= number_" for o in "+-"),
    "name_ += np.outer(other_, third_)",
    "name_ += other_ @ third_.T",
    "name_ -= other_ * third_",
    "name_ = name_ - np.max(name_)",
    "name_ = name_ - np.max(name_, axis=0, keepdims=True)",
    "name_ = name_ - np.max(name_, axis=1, keepdims=True)",
    "return name_",
    "name_.append(other_)",
)
"""Statements that may be missing."""

KINDS_PUT_IN = frozenset(
    {"missing-statement", "wrong-expression", "missing-copy", "missing-shift", "not-added"}
)
"""Kinds of mistakes that a statement more mends."""


def fill(text: str, operands: Operands, known: Vocabulary, nodes: Nodes) -> dict[str, Any]:
    """Return what stands in the holes of a pattern; each has to be of its sort."""
    holes = holes_of(text)
    if len(operands) != len(holes):
        raise RefusedError("a row has another number of operands")
    bound: dict[str, Any] = {}
    for hole, numbers in zip(holes, operands, strict=True):
        node = unpack(numbers, known, nodes)
        if not _is_of_sort(hole, node, numbers, known):
            raise RefusedError(f"an operand may not stand for {hole}")
        bound[hole] = node
    return bound


def find(
    text: str,
    bound: Mapping[str, Any],
    known: Vocabulary,
    base: tuple[ast.AST, int] | None = None,
) -> Operands | None:
    """Return the operands of a pattern's holes, with what is to stand in these."""
    made = []
    for hole in holes_of(text):
        node = bound[hole]
        if hole.startswith("part_"):
            numbers = pack_part(node, known, ROLES[hole])
        elif hole == "twin_":
            numbers = pack_twin(base[0], node, base[1], known) if base else None
        else:
            numbers = pack(node, known)
        if numbers is None or not _is_of_sort(hole, node, numbers, known):
            return None
        made.append(numbers)
    return made


ROLES: Mapping[str, Sequence[str]] = {
    "part_factor_": ("factor", "whole"),
    "part_term_": ("term", "whole"),
    "part_whole_": ("whole", "factor", "term"),
}
"""For each hole for a part of the model solution, what that may be there."""


def _is_of_sort(hole: str, node: Any, numbers: Numbers, known: Vocabulary) -> bool:
    """Return whether an operand may stand for a hole."""
    plain = node.operand if isinstance(node, ast.UnaryOp) else node
    number = isinstance(plain, ast.Constant) and isinstance(plain.value, int | float)
    if hole.startswith("part_"):
        parts = known.parts
        return numbers[:1] == (PART,) and parts[numbers[1]].role in ROLES[hole]
    if hole == "twin_":
        return numbers[:1] == (TWIN,)
    if hole == "word_":
        return isinstance(node, ast.Constant) and isinstance(node.value, str)
    if hole == "number_":
        return number
    if hole == "factor_":
        return number and node is plain and repr(plain.value) in map(repr, known.factors)
    if hole == "axis_":
        row = node.elts if isinstance(node, ast.Tuple) else [node]
        plains = [e.operand if isinstance(e, ast.UnaryOp) else e for e in row]
        return all(isinstance(e, ast.Constant) and e.value in (None, 0, 1, 2, 3) for e in plains)
    if hole == "function_":
        return isinstance(node, ast.Name | ast.Attribute)
    if hole in ("index_", "shape_"):
        return numbers[0] < SLOT
    return is_path(node) and numbers[0] < SLOT


def _put_in(change: Change, operands: Operands) -> Block:
    """Put a statement before another one, or behind the last one of a block."""
    row = _whole(operands, 0, 0, len(PUT_IN) + 1)
    behind = _whole(operands, 1, 0, 1)
    rest = operands[2:]
    if row < len(PUT_IN):
        tree = pattern(PUT_IN[row])
        made = build(tree, fill(PUT_IN[row], rest, change.known, change.nodes))
        made = new(ast.Expr, made) if isinstance(made, ast.expr) else made
    elif row == len(PUT_IN):
        made = unpack(rest[0], change.known) if len(rest) == 1 else None
        if not isinstance(made, ast.stmt):
            raise RefusedError("the part of the model solution is no statement")
    else:
        made = unpack(rest[0], change.known, change.nodes) if len(rest) == 1 else None
        if not isinstance(made, ast.stmt):
            raise RefusedError("the part of the text is no statement")
    for name in ("targets", "target"):
        if hasattr(made, name):
            own = getattr(made, name)
            stored = [_stored(e) for e in own] if isinstance(own, list) else _stored(own)
            made = with_parts(made, **{name: stored})
    at = change.at + behind
    return [*change.block[:at], made, *change.block[at:]]


def _puts_in(change: Change, wanted: Block) -> Iterator[Operands]:
    if len(wanted) != len(change.block) + 1:
        return
    behind = int(change.block[change.at] is wanted[change.at])
    statement: Any = wanted[change.at + behind]
    plain = statement.value if isinstance(statement, ast.Expr) else statement
    head = [(behind,)]
    for number, text in enumerate(PUT_IN):
        bound: dict[str, Any] = {}
        if match(pattern(text), plain, bound):
            found = find(text, bound, change.known)
            if found is not None:
                yield [(number,), *head, *found]
    part = pack_part(statement, change.known, ("statement",))
    if part is not None:
        yield [(len(PUT_IN),), *head, part]
    for number, node in enumerate(change.nodes):
        if isinstance(node, ast.Assign | ast.AugAssign) and type(node) is type(statement):
            twin = pack_twin(node, statement, number, change.known)
            if twin is not None:
                yield [(len(PUT_IN) + 1,), *head, twin]


# --- loops -------------------------------------------------------------------------------------


def _from_zero(change: Change, operands: Operands) -> Block:
    """Begin two loops, one in the other, with 0 in the place of 1."""
    outer = change.statement
    inner = outer.body[0] if isinstance(outer, ast.For) else None
    if not isinstance(inner, ast.For):
        raise RefusedError("the statement is no loop with another one in it")
    body = [with_parts(inner, iter=_range_from_zero(inner.iter)), *outer.body[1:]]
    return change.with_statements(with_parts(outer, iter=_range_from_zero(outer.iter), body=body))


def _range_from_zero(counted: Any) -> ast.expr:
    if called_name(counted) != "range" or [*map(ast.unparse, counted.args[:-1])] != ["1"]:
        raise RefusedError("a loop does not begin with 1")
    end = counted.args[1]
    fewer: Any = new(ast.BinOp, end, ast.Sub(), new(ast.Constant, 1))
    if isinstance(end, ast.Constant) and isinstance(end.value, int):
        fewer = new(ast.Constant, end.value - 1)
    elif isinstance(end, ast.BinOp) and ast.unparse(end).endswith(" + 1"):
        fewer = end.left
    return with_parts(counted, args=[fewer])  # type: ignore[no-any-return]


def _reverse(change: Change, operands: Operands) -> Block:
    loop = change.statement
    if not isinstance(loop, ast.For):
        raise RefusedError("the statement is no loop")
    turned = new(ast.Call, new(ast.Name, "reversed", ast.Load()), [loop.iter], [])
    return change.with_statements(with_parts(loop, iter=turned))


BLOCKS: Mapping[str, BlockRow] = {
    "left out": BlockRow(frozenset({"extra-statement", "early-return"}), _leave_out, _nothing),
    "no return": BlockRow(frozenset({"early-return"}), _pass, _nothing),
    "moved": BlockRow(frozenset({"wrong-statement-order"}), _move, _moves),
    "indented": BlockRow(frozenset({"wrong-indentation"}), _indent, _indents),
    "in a branch": BlockRow(frozenset({"wrong-indentation"}), _branch, _branches),
    "put in": BlockRow(KINDS_PUT_IN, _put_in, _puts_in),
    "from zero": BlockRow(frozenset({"wrong-bounds"}), _from_zero, _nothing),
    "reversed": BlockRow(frozenset({"wrong-bounds"}), _reverse, _nothing),
    **{
        f"anew {text}": BlockRow(frozenset({kind}), _written_anew(text), _nothing)
        for text, kind in ANEW.items()
    },
}
"""Changes of blocks by name. A reference calls each ``KIND: NAME``."""


def doubtful(name: str, change: Change, operands: Operands) -> Any:
    """Return the statement that a change of a block is about, or the expression in it.

    That is the statement that moves into or out of a loop, and the first entry that is written to
    of an array that is to be copied.
    """
    statement = change.statement
    if name == "indented":
        way = operands[0][0]
        if way in (LAST_OUT, FIRST_OUT):
            return statement.body[-1 if way == LAST_OUT else 0]
        place = change.at + 1 if way == NEXT_IN else change.at - 1 - (way - BEFORE_IN)
        return change.block[place]
    if name == "put in" and operands[0][0] in COPIES:
        copied = unpack(operands[2], change.known)
        for part in ast.walk(statement):
            stored = isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store)
            if stored and is_same(part.value, copied):  # type: ignore[attr-defined]
                return part
    return statement


COPIES = frozenset(number for number, text in enumerate(PUT_IN) if ".copy()" in text)
"""The numbers of statements that copy an array, or the arrays of a dict."""
