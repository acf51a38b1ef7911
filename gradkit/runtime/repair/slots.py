"""Take statements apart into slots, the places where a value is computed, and record those values.

A slot is an expression that a statement assigns, adds, returns or asks for; of a display, each of
its elements, but for what a loop goes over; of a slice that is written to, its edges. The recorder
runs a function's text with every slot watched: what the local names held before it.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import CodeType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.edits.nodes import new
from gradkit.runtime.repair.tree import putting
from gradkit.runtime.syntax import copy_tree

KEPT, LATER = (1, 2, 16, 64), 4
"""Which times of a slot are recorded: a loop's other rounds are like these; and one besides, in
which what is kept from step to step is no longer as it was at the start."""

ROW = 100
"""Elements of a display that are slots of their own; a longer one is data, and one slot."""

NUMERIC = (np.ndarray, np.number, int, float)
"""What is a value to compare."""

SEEN, GIVEN, MARK = "__gradkit_seen__", "__gradkit_given__", "mark"


@dataclass(slots=True)
class Slot:
    """A place in the tree where a value is computed.

    ``parent``, ``field`` and ``index`` give the position of its expression; ``statement`` is the
    statement around it, and ``asked`` is set in a condition, the head of a loop, or the index of a
    target.
    """

    number: int
    parent: ast.AST
    field: str
    index: int | None
    statement: ast.stmt
    asked: bool = False

    @property
    def node(self) -> ast.expr:
        """The expression that is at this place now."""
        found: Any = getattr(self.parent, self.field)
        return found if self.index is None else found[self.index]  # type: ignore[no-any-return]

    def put(self, node: ast.expr) -> None:
        """Replace the expression at this place in the tree."""
        putting(self.parent, self.field, self.index)(node)


def slots_of(function: ast.AST) -> list[Slot]:
    """Return the slots of a function in text order: the expressions that statements compute.

    Conditions, heads of loops and indices of targets are slots too. A ``pass`` gets a slot with an
    expression of its own, where a statement may be put in.
    """
    found: list[Slot] = []
    for statement in statements_of(function):
        if isinstance(statement, ast.Pass):
            # It computes nothing, and is a place for what should stand there.
            setattr(statement, MARK, ast.Constant(None))
            found.append(Slot(len(found), statement, MARK, None, statement))
        for part, name, asked in _places_of_expressions(statement):
            _append_slots(Slot(0, part, name, None, statement, asked), found)
    return found


def statements_of(node: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements below a node that may compute something, in the order of the text.

    Docstrings, ``print``, ``raise`` and ``assert`` are left out. Loops and ``if``s are yielded
    before the statements in them.
    """
    for block in blocks_of(node):
        for child in block:
            says = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if says or isinstance(child, ast.Raise | ast.Assert) or _prints(child):
                continue
            yield child
            yield from statements_of(child)


def blocks_of(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """Yield the lists of statements directly below a node: its body, ``else``, and handlers."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block
    for handler in getattr(node, "handlers", ()):
        yield handler.body


def blocks_below(node: ast.AST) -> Iterator[tuple[ast.AST, list[ast.stmt]]]:
    """Yield all lists of statements below a node, each after the node that contains it."""
    for block in blocks_of(node):
        yield node, block
        for statement in block:
            yield from blocks_below(statement)


def _prints(node: ast.stmt) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    name = call.func if isinstance(call, ast.Call) else None
    return isinstance(name, ast.Name) and name.id == "print"


def _places_of_expressions(statement: ast.stmt) -> Iterator[tuple[ast.AST, str, bool]]:
    """Yield the place of each expression that a statement computes.

    An item is the expression's parent node, its field there, and whether it is a condition, the
    head of a loop, or the index of a target. Of ``yield x`` the expression is ``x``.
    """
    if isinstance(statement, ast.Assign | ast.AugAssign | ast.Return | ast.Expr | ast.AnnAssign):
        if isinstance(statement.value, ast.Yield | ast.YieldFrom):
            if statement.value.value is not None:
                yield statement.value, "value", False
        elif statement.value is not None:
            yield statement, "value", False
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement]
        for target in (getattr(each, "target", each) for each in targets):
            if isinstance(target, ast.Subscript):
                yield target, "slice", True
                if isinstance(target.value, ast.Subscript):
                    yield target, "value", True
    elif isinstance(statement, ast.If | ast.While):
        yield statement, "test", True
    elif isinstance(statement, ast.For):
        yield statement, "iter", True


def _append_slots(slot: Slot, found: list[Slot]) -> None:
    """Append the slots of an expression to ``found``: its elements if it is a row, or else itself.

    ``slot`` is the whole expression as one slot. A row is a tuple, list or dict; one with more than
    `ROW` elements, or in the head of a loop, is one slot. Of a slice each bound is a slot.
    Expressions that cannot be evaluated apart, such as ``yield`` or ``super()``, are no slots.
    """
    node = slot.node
    rows = {ast.Tuple: ("elts",), ast.List: ("elts",), ast.Dict: ("values", "keys")}.get(type(node))
    # What a loop goes over may be too much as a whole, or too little.
    if rows is not None and len(getattr(node, rows[0])) <= ROW and slot.field != "iter":
        for row in rows:
            for each, part in enumerate(getattr(node, row)):
                if row != "keys" or isinstance(part, ast.Constant):
                    _append_slots(replace(slot, parent=node, field=row, index=each), found)
    elif isinstance(node, ast.Slice):
        for edge in ("lower", "upper", "step"):
            if getattr(node, edge) is not None:
                _append_slots(replace(slot, parent=node, field=edge, index=None), found)
    elif not isinstance(node, ast.Starred) and not any(
        isinstance(part, _APART) or _is_super(part) for part in ast.walk(node)
    ):
        found.append(replace(slot, number=len(found)))


_APART = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)


def _is_super(part: ast.AST) -> bool:
    """Return whether a node is the name ``super``, which fails inside another function."""
    return isinstance(part, ast.Name) and part.id == "super"


# --- record ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Record:
    """The recorded local names before each run of a slot, and the number of its runs.

    Both have the slot's number as key.
    """

    names: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    times: Counter[int] = field(default_factory=Counter)

    def seen(self, number: int, local: Mapping[str, Any], value: Callable[[], Any]) -> Any:
        """Compute and return the value of a slot; in some runs, store the local names from before.

        A slot is an expression that a statement computes. ``number`` is that of the slot, ``local``
        are the local names, and ``value`` computes the value. Copies of the names are stored in
        ``names`` in the first and some later runs, also if ``value`` raises.
        """
        self.times[number] += 1
        before = copied(local) if self.times[number] in (*KEPT, LATER) else None
        try:
            return value()
        finally:
            if before is not None:
                self.names.setdefault(number, []).append(before)


def copied(names: Mapping[str, Any]) -> dict[str, Any]:
    """Return deep copies of named values, by name; share values that cannot be copied.

    Names with the same object also share its copy.
    """
    try:
        return copy.deepcopy(dict(names))
    except Exception:  # what cannot be copied stays as it is
        memo: dict[int, Any] = {}
        out = {}
        for name, value in names.items():
            try:
                out[name] = copy.deepcopy(value, memo)
            except Exception:
                out[name] = value
        return out


def watched(top: ast.stmt, slots: list[Slot], name: str) -> CodeType:
    """Return the code of a definition in which each slot calls a hook that records local names.

    A slot is an expression that a statement computes; the hook has the name `SEEN` and is
    `Record.seen`. ``top`` is the definition, ``slots`` are all slots in it, and ``name`` is the
    file name of the code. The tree is unchanged afterwards.
    """
    originals = [slot.node for slot in slots]
    try:
        for slot, node in zip(slots, originals, strict=True):
            slot.put(seen_call(slot.number, node))
        if any(isinstance(slot.statement, ast.Pass) for slot in slots):
            top = _Marked().visit(copy_tree(top))
            ast.fix_missing_locations(top)
        return compile(ast.Module([top], []), name, "exec", dont_inherit=True)
    finally:
        for slot, node in zip(slots, originals, strict=True):
            slot.put(node)


class _Marked(ast.NodeTransformer):
    """Replaces each ``pass`` with a slot by the expression of that slot."""

    def visit_Pass(self, node: ast.Pass) -> ast.stmt:
        mark = getattr(node, MARK, None)
        return node if mark is None else ast.Expr(mark)


def seen_call(number: int, node: ast.expr) -> ast.expr:
    """Return the call of the hook `SEEN` with a slot's number, the local names, and the expression.

    The expression is passed as a ``lambda``, so that the hook can evaluate it.
    """
    arguments = ast.arguments([], [], None, [], [], None, [])
    own = new(ast.Call, new(ast.Name, "locals", ast.Load()), [], [])
    parts = [new(ast.Constant, number), own, new(ast.Lambda, arguments, node)]
    return new(ast.Call, new(ast.Name, SEEN, ast.Load()), parts, [])  # type: ignore[no-any-return]


# --- values of the model solution --------------------------------------------------------------


@dataclass(slots=True)
class Inner:
    """The values of every expression of some functions, run by run, by the number of its node.

    ``times`` counts the runs.
    """

    values: dict[int, list[NDArray[Any]] | None] = field(default_factory=dict)
    times: Counter[int] = field(default_factory=Counter)

    def seen(self, number: int, value: Any) -> Any:
        """Return the value of an expression; in some runs, store it as an array of floats.

        ``number`` is that of the expression's node. Once one of its values is not numeric, None is
        stored in place of all its values.
        """
        held = self.values.setdefault(number, [])
        self.times[number] += 1
        if held is not None and self.times[number] in KEPT:
            array = np.asarray(value) if isinstance(value, NUMERIC) else None
            if array is None or array.dtype.kind not in "biuf":
                self.values[number] = None
            else:
                held.append(array.astype(float))
        return value


class Everywhere(ast.NodeTransformer):
    """Wrap every expression that is read in a call that records its value.

    ``nodes`` are the original expressions, by number.
    """

    def __init__(self) -> None:
        self.nodes: list[ast.expr] = []

    def visit(self, node: ast.AST) -> Any:
        """Return a node in which every expression is wrapped in a call that records its value.

        Only expressions that are read are wrapped. A copy of each original is appended to
        ``nodes``, and its index there is the number in the call. Functions that are called are not
        wrapped, nor is anything in ``lambda``, f-strings, ``raise``, ``assert`` and parameter
        lists.
        """
        if isinstance(node, ast.arguments | ast.JoinedStr | ast.Lambda | ast.Raise | ast.Assert):
            return node
        reads = isinstance(node, ast.BinOp | ast.UnaryOp | ast.Call | ast.Compare | ast.IfExp) or (
            isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
            and isinstance(node.ctx, ast.Load)
        )
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            # What is changed is seen as it was before.
            before = ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target)
            pair = ast.Tuple([self.visit(before), self.visit(node.value)], ast.Load())
            node.value = ast.copy_location(
                ast.Subscript(pair, ast.Constant(1), ast.Load()), node.value
            )
            return node
        if not reads:
            return self.generic_visit(node)
        original = copy_tree(node)
        number = len(self.nodes)
        self.nodes.append(original)  # type: ignore[arg-type]
        if isinstance(node, ast.Call):
            # What is called is no value, but for the array of a method.
            if isinstance(node.func, ast.Attribute):
                node.func.value = self.visit(node.func.value)
            node.args = [self.visit(each) for each in node.args]
            node.keywords = [self.visit(each) for each in node.keywords]
        else:
            node = self.generic_visit(node)
        call = ast.Call(ast.Name(GIVEN, ast.Load()), [ast.Constant(number), node], [])  # type: ignore[list-item]
        return ast.copy_location(call, original)
