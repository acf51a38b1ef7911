"""List the changes of whole statements: left out, moved, written anew, or put in.

A block is the list of statements that a statement stands in. Each change has a function that
makes a new block of it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradkit.edits.costs import LARGE, LARGER, LITTLE, SIMPLE
from gradkit.edits.costs import PUT_IN as PUT_IN_COST
from gradkit.edits.holes import fill, operands_of
from gradkit.edits.nodes import called_name, is_same, new, with_parts
from gradkit.edits.operands import Numbers, RefusedError, Vocabulary, pack_part, pack_twin, unpack
from gradkit.edits.patterns import build, match, pattern

Block = list[ast.stmt]
Nodes = Sequence[ast.AST]


@dataclass(frozen=True, slots=True)
class Change:
    """The block that is changed, the place of the statement in it, and the text around it.

    ``at`` is the index of the statement, and ``known`` has the words and numbers that operands may
    contain. ``nodes`` are those of the text by number, ``function`` is the one that the block
    stands in.
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
        """Return the block with these statements in place of the changed statement."""
        return [*self.block[: self.at], *made, *self.block[self.at + 1 :]]


Operands = Sequence[Numbers]


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A change of a block, for mistakes of one of some kinds.

    ``make`` gets the block with its statement, and the operands; it returns the changed block, and
    raises RefusedError if it cannot. `gradkit.runtime.repair.statements` lists the operands that a
    search tries.
    """

    kinds: frozenset[str]
    make: Callable[[Change, Operands], Block]
    cost: float = LARGER


def _read_number(operands: Operands, number: int, low: int, high: int) -> int:
    """Return operand ``number`` as a whole number from ``low`` to ``high``.

    The operand holds the distance from ``low``. Raises RefusedError: the operand is missing, is not
    one number, or is out of this range.
    """
    numbers = operands[number] if number < len(operands) else ()
    if len(numbers) != 1 or not 0 <= numbers[0] <= high - low:
        raise RefusedError("a statement has no such place")
    return numbers[0] + low


# --- left out, moved ---------------------------------------------------------------------------


def _remove_statement(change: Change, operands: Operands) -> Block:
    """Return the block without the changed statement.

    Raises
    ------
    RefusedError
        The block has no other statement.
    """
    if len(change.block) < 2:
        raise RefusedError("a block cannot be empty")
    return change.with_statements()


def _replace_return_by_pass(change: Change, operands: Operands) -> Block:
    """Return the block with ``pass`` in place of a ``return`` statement.

    Raises RefusedError: the changed statement is no ``return``.
    """
    if not isinstance(change.statement, ast.Return):
        raise RefusedError("the statement is no return")
    return change.with_statements(new(ast.Pass))


FAR = 3
"""Statements that another one may move across."""


def _move_statement(change: Change, operands: Operands) -> Block:
    """Return the block with the statement moved up or down by the number of places in operand 0.

    Raises RefusedError: the number is 0, larger than `FAR`, or leads out of the block.
    """
    other = change.at + _read_number(operands, 0, -FAR, FAR)
    if not 0 <= other < len(change.block) or other == change.at:
        raise RefusedError("a statement cannot move so far")
    rest = change.with_statements()
    return [*rest[:other], change.statement, *rest[other:]]


# --- into or out of a loop or branch -----------------------------------------------------------

LAST_OUT, FIRST_OUT, NEXT_IN, BEFORE_IN = range(4)
NEAR = 4
"""Statements before a loop that may belong into it."""


def _move_into_or_out_of_loop(change: Change, operands: Operands) -> Block:
    """Return the block with a statement moved across the edge of a loop or ``if``.

    The changed statement is the loop or ``if``. The operand says which statement moves: the last or
    first of its body out, the next one after it to the end of the body, or one of the `NEAR` before
    it to the start of the body. Raises RefusedError: there is no such statement, or the body would
    be empty.
    """
    loop, way = change.statement, _read_number(operands, 0, LAST_OUT, BEFORE_IN + NEAR - 1)
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


def _put_into_branch(change: Change, operands: Operands) -> Block:
    """Return the block with the statement put into a new ``if`` with a condition of the function.

    The operand is the number of the condition in `if_conditions_in`. Raises RefusedError: the
    function has no condition of that number.
    """
    tests = [*if_conditions_in(change.function)]
    if len(operands) != 1 or len(operands[0]) != 1 or not 0 <= operands[0][0] < len(tests):
        raise RefusedError("the function asks for no such condition")
    return change.with_statements(new(ast.If, tests[operands[0][0]], [change.statement], []))


def if_conditions_in(function: ast.AST) -> Iterator[ast.expr]:
    """Yield the condition of every ``if`` statement in a tree, also of nested functions.

    A condition ``a and b`` or ``a or b`` is followed by its operands. Conditions of ``while`` and
    of conditional expressions are not yielded.
    """
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
    "F(L, *_) => L = F(L, *_)": "not-kept",
    "A.append(B) => A = A.append(B)": "not-kept",
}
"""Statements written anew: before and after, and the kind of mistake."""

IN_PLACE = ("not-added", "not-replaced", "changed-in-place", "not-in-place")
"""Kinds of changes of what a statement does with its value."""


def _rewrite_statement(text: str) -> Callable[[Change, Operands], Block]:
    """Return the function that rewrites a statement by a pattern such as ``A = B => A += B``.

    It returns the changed block, and raises RefusedError if the statement does not fit the pattern.
    """

    def make(change: Change, operands: Operands) -> Block:
        """Return the block with the statement rewritten by the pattern; ignore the operands."""
        before, _, after = text.partition(" => ")
        statement = change.statement
        plain = statement.value if isinstance(statement, ast.Expr) else statement
        bound: dict[str, Any] = {}
        if not match(pattern(before), plain, bound):
            raise RefusedError("the statement is written otherwise")
        made = build(after, bound)
        if isinstance(made, ast.expr):
            return change.with_statements(new(ast.Expr, made))
        # A name that was read may be assigned now, and one that was assigned be read.
        return change.with_statements(_with_value_that_reads(_with_stored_targets(made)))

    return make


def _with_stored_targets(statement: Any) -> Any:
    """Return a copy of an assignment whose targets have the context Store.

    A statement without targets is returned unchanged. Only the outermost node of each target is
    marked, not the names in a tuple.
    """
    for name in ("targets", "target"):
        if hasattr(statement, name):
            own = getattr(statement, name)
            stored = [_as_target(e) for e in own] if isinstance(own, list) else _as_target(own)
            statement = with_parts(statement, **{name: stored})
    return statement


def _as_target(node: Any) -> Any:
    """Return a node as the target of an assignment."""
    return with_parts(node, ctx=ast.Store()) if hasattr(node, "ctx") else node


def _with_value_that_reads(statement: Any) -> Any:
    """Return a statement whose value has the context Load in all its nodes.

    If a node had the context Store, as after `A = B` became `B = A`, the result is a copy with a
    newly parsed value; otherwise it is the statement itself.
    """
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
    *(f"name_ {o}= other_" for o in "+-*/"),
    *(f"name_ {o}= number_" for o in "+-"),
    "name_ += np.outer(other_, third_)",
    "name_ += other_ @ third_.T",
    "name_ -= other_ * third_",
    "name_ = name_ - np.max(name_)",
    "name_ = name_ - np.max(name_, axis=0, keepdims=True)",
    "name_ = name_ - np.max(name_, axis=1, keepdims=True)",
    "return name_",
    "name_.append(other_)",
    "name_ = part_whole_",
    "name_ = part_factor_",
    *(f"name_ {o}= part_whole_" for o in "+-*/"),
    *(f"name_ {o}= part_term_" for o in "+-*/"),
    *(f"name_ {o}= part_factor_" for o in "+-*/"),
)
"""Statements that may be missing, last those with a part of the model solution."""

KINDS_PUT_IN = frozenset(
    {
        *("missing-statement", "missing-return", "wrong-expression", "missing-copy"),
        *("missing-shift", "not-added"),
    }
)
"""Kinds of mistakes that a statement more mends."""


def _insert_statement(change: Change, operands: Operands) -> Block:
    """Return the block with a new statement before (operand 1 is 0) or after (1) the changed one.

    Operand 0 is a number of `PUT_IN`, whose holes the further operands fill; the next two numbers
    stand for a statement of the model solution and a copy of a statement of the text. Raises
    RefusedError: an operand is wrong.
    """
    row = _read_number(operands, 0, 0, len(PUT_IN) + 1)
    behind = _read_number(operands, 1, 0, 1)
    rest = operands[2:]
    if row < len(PUT_IN):
        made = build(PUT_IN[row], fill(PUT_IN[row], rest, change.known, change.nodes))
        made = new(ast.Expr, made) if isinstance(made, ast.expr) else made
    elif row == len(PUT_IN):
        made = unpack(rest[0], change.known) if len(rest) == 1 else None
        if not isinstance(made, ast.stmt):
            raise RefusedError("the part of the model solution is no statement")
    else:
        made = unpack(rest[0], change.known, change.nodes) if len(rest) == 1 else None
        if not isinstance(made, ast.stmt):
            raise RefusedError("the part of the text is no statement")
    at = change.at + behind
    return [*change.block[:at], _with_stored_targets(made), *change.block[at:]]


def operands_of_statement(change: Change, statement: Any, behind: int) -> Operands | None:
    """Encode a new statement as the operands with which `_insert_statement` inserts it.

    ``behind`` is 1 if it is inserted after the statement of the change, 0 if before. The first way
    that can be encoded is taken: a pattern of `PUT_IN`, a statement of the model solution, a copy
    of an assignment of the text with other names. None if there is no way.
    """
    plain = statement.value if isinstance(statement, ast.Expr) else statement
    head = [(behind,)]
    for number, text in enumerate(PUT_IN):
        bound: dict[str, Any] = {}
        if match(pattern(text), plain, bound):
            found = operands_of(text, bound, change.known)
            if found is not None:
                return [(number,), *head, *found]
    part = pack_part(statement, change.known, ("statement",))
    if part is not None:
        return [(len(PUT_IN),), *head, part]
    for number, node in enumerate(change.nodes):
        if isinstance(node, ast.Assign | ast.AugAssign) and type(node) is type(statement):
            twin = pack_twin(node, statement, number, change.known)
            if twin is not None:
                return [(len(PUT_IN) + 1,), *head, twin]
    return None


# --- loops -------------------------------------------------------------------------------------


def _count_from_zero(change: Change, operands: Operands) -> Block:
    """Return the block with a loop and the loop that begins its body counting from 0 in place of 1.

    Both have to be `range(1, n)`, which becomes `range(n - 1)`. Raises RefusedError otherwise.
    """
    outer = change.statement
    inner = outer.body[0] if isinstance(outer, ast.For) else None
    if not isinstance(inner, ast.For):
        raise RefusedError("the statement is no loop with another one in it")
    ranges = range_from_zero(outer.iter), range_from_zero(inner.iter)
    if None in ranges:
        raise RefusedError("a loop does not begin with 1")
    body = [with_parts(inner, iter=ranges[1]), *outer.body[1:]]
    return change.with_statements(with_parts(outer, iter=ranges[0], body=body))


def range_from_zero(counted: Any) -> ast.expr | None:
    """Return the range of equal length from 0 for `range(1, n)`; None for any other expression.

    ``counted`` is the expression. `range(1, n)` becomes `range(n - 1)`, `range(1, n + 1)` becomes
    `range(n)`, and `range(1, 4)` becomes `range(3)`.
    """
    if called_name(counted) != "range" or [*map(ast.unparse, counted.args[:-1])] != ["1"]:
        return None
    one, end = counted.args
    fewer: Any = new(ast.BinOp, end, ast.Sub(), one)
    if isinstance(end, ast.Constant) and isinstance(end.value, int):
        fewer = new(ast.Constant, end.value - 1)
    elif isinstance(end, ast.BinOp) and ast.unparse(end).endswith(" + 1"):
        fewer = end.left
    return with_parts(counted, args=[fewer])  # type: ignore[no-any-return]


def _reverse_loop(change: Change, operands: Operands) -> Block:
    """Return the block with `for x in xs` replaced by `for x in reversed(xs)`.

    Raises RefusedError: the statement is no ``for`` loop.
    """
    loop = change.statement
    if not isinstance(loop, ast.For):
        raise RefusedError("the statement is no loop")
    turned = new(ast.Call, new(ast.Name, "reversed", ast.Load()), [loop.iter], [])
    return change.with_statements(with_parts(loop, iter=turned))


BLOCKS: Mapping[str, BlockRow] = {
    "left out": BlockRow(
        frozenset({"extra-statement", "early-return"}), _remove_statement, LARGER - LITTLE
    ),
    "no return": BlockRow(frozenset({"early-return"}), _replace_return_by_pass),
    "moved": BlockRow(frozenset({"wrong-statement-order"}), _move_statement),
    "indented": BlockRow(
        frozenset({"wrong-indentation"}), _move_into_or_out_of_loop, LARGER + LITTLE
    ),
    "in a branch": BlockRow(frozenset({"wrong-indentation"}), _put_into_branch, LARGE),
    "put in": BlockRow(KINDS_PUT_IN, _insert_statement, PUT_IN_COST),
    "from zero": BlockRow(frozenset({"wrong-bounds"}), _count_from_zero, SIMPLE),
    "reversed": BlockRow(frozenset({"wrong-bounds"}), _reverse_loop, SIMPLE),
    **{
        f"anew {text}": BlockRow(
            frozenset({kind}), _rewrite_statement(text), LARGER if kind in IN_PLACE else SIMPLE
        )
        for text, kind in ANEW.items()
    },
}
"""Changes of blocks by name. A reference calls each ``KIND: NAME``."""


def doubtful(name: str, change: Change, operands: Operands) -> Any:
    """Return the node that a change of a block marks as wrong; ``name`` is its key in `BLOCKS`.

    ``operands`` are those of the change. For a move into or out of a loop it is the moved
    statement. For a copy that is inserted it is the first entry of the copied array that the
    statement assigns. Otherwise it is the changed statement.
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
