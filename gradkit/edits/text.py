"""Find the reference of a change of a text, and apply references to a text."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gradkit.edits import natural
from gradkit.edits.calls import REARRANGED
from gradkit.edits.nodes import is_same, numbered, parse, replaced, with_context, with_parts
from gradkit.edits.operands import MAX_NODES, PART, Numbers, RefusedError, Vocabulary
from gradkit.edits.patterns import build, match, pattern
from gradkit.edits.rows import Row, rows, rows_of
from gradkit.edits.statements import BLOCKS, Change, doubtful, fill, find
from gradkit.edits.write import UnwrittenError, Written, write_block, write_expression

ONCE = -1
"""The value of `Reference.within` where only the slot itself is changed."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A change of the text of a cell: a slot, a row of the table, and operands.

    ``slot`` is the number of a node. The change is made there, or wherever the same is written
    ``within`` the node of that number.
    """

    cell: str
    row: str
    slot: int
    within: int = ONCE
    operands: tuple[Numbers, ...] = ()

    @property
    def kind(self) -> str:
        """Return the kind of mistake that the row mends."""
        return self.row.partition(": ")[0]

    @property
    def borrows(self) -> bool:
        """Return whether the change puts a part of the model solution in."""
        return any(numbers[:1] == (PART,) for numbers in self.operands)


@dataclass(frozen=True, slots=True)
class Edit:
    """A change that was applied: the kind of mistake, and the lines that are written."""

    kind: str
    written: Written


# --- a text by its nodes -----------------------------------------------------------------------


class Slots:
    """The nodes of one cell's text by number, and what each stands in.

    Parameters
    ----------
    tree : ast.Module
    known : Vocabulary
        What operands may be made of.
    """

    def __init__(self, tree: ast.Module, known: Vocabulary) -> None:
        self.tree, self.known = tree, known
        self.nodes = numbered(tree)
        self.numbers = {id(node): number for number, node in enumerate(self.nodes)}
        self._parents = {
            id(child): node for node in self.nodes for child in ast.iter_child_nodes(node)
        }

    def above(self, node: ast.AST) -> list[ast.AST]:
        """Return what a node stands in, the outermost first."""
        found: list[ast.AST] = []
        while (parent := self._parents.get(id(node))) is not None:
            found.append(parent)
            node = parent
        return found[::-1]

    def block_of(self, statement: ast.AST) -> tuple[ast.AST, list[ast.stmt]]:
        """Return the list of statements that a statement stands in, and what that belongs to."""
        parent = self._parents.get(id(statement))
        for name in ("body", "orelse", "finalbody"):
            block = getattr(parent, name, None)
            if isinstance(block, list) and any(each is statement for each in block):
                assert parent is not None  # noqa: S101  (it has the block)
                return parent, block
        raise RefusedError("the slot is no statement of a block")

    def function_of(self, node: ast.AST) -> ast.FunctionDef | None:
        """Return the innermost function that a node stands in."""
        functions = [each for each in self.above(node) if isinstance(each, ast.FunctionDef)]
        return functions[-1] if functions else None

    # --- find ----------------------------------------------------------------------------------

    def find(self, cell: str, kind: str, old: ast.AST, new: Any) -> Reference | None:
        """Return the reference of a change of an expression; None if it is no row's."""
        chain = [*_differing_parts(old, new)]
        for one, other in chain:
            if not is_same(replaced(old, {id(one): other}), new):
                continue
            for row, operands in self._rows(kind, one, other):
                return Reference(cell, row, self.numbers[id(one)], ONCE, operands)
        for one, other in chain:
            if not isinstance(one, ast.expr) or not is_same(
                _replace_everywhere(old, one, other), new
            ):
                continue
            for row, operands in self._rows(kind, one, other):
                return Reference(cell, row, self.numbers[id(one)], self.numbers[id(old)], operands)
        return None

    def find_block(
        self, cell: str, kind: str, block: list[ast.stmt], made: list[ast.stmt]
    ) -> Reference | None:
        """Return the reference of a change of a block; None if it is no row's."""
        parent, _ = self.block_of(block[0])
        function = self.function_of(block[0]) or self.tree
        for name, row in BLOCKS.items():
            if kind not in row.kinds:
                continue
            for at in _places_of_change(block, made):
                change = Change(block, at, self.known, self.nodes, function)
                for operands in row.operands(change, made):
                    try:
                        again = row.make(change, operands)
                    except RefusedError:
                        continue
                    if len(again) == len(made) and is_same(again, made):
                        slot = self.numbers[id(block[at])]
                        return Reference(cell, f"{kind}: {name}", slot, ONCE, tuple(operands))
        if len(block) != len(made):
            return None
        apart = [n for n, (a, b) in enumerate(zip(block, made, strict=True)) if not is_same(a, b)]
        if len(apart) == 1:
            return self.find(cell, kind, block[apart[0]], made[apart[0]])
        for one, other in _differing_parts(block[apart[0]], made[apart[0]]) if apart else ():
            if not isinstance(one, ast.expr):
                continue
            whole: Any = _replace_everywhere(parent, one, other)
            if is_same(whole.body, made):
                for name, operands in self._rows(kind, one, other):
                    numbers = self.numbers[id(one)], self.numbers[id(parent)]
                    return Reference(cell, name, *numbers, operands)
        return None

    def _rows(
        self, kind: str, old: ast.AST, new: ast.AST
    ) -> Iterator[tuple[str, tuple[Numbers, ...]]]:
        """Yield the rows of a kind that make a node of another, with their operands."""
        if not isinstance(old, ast.expr) or natural.why_unnatural(old, new, kind, self.above(old)):
            return
        for row in rows_of(kind, type(old).__name__):
            bound: dict[str, Any] = {}
            if not match(pattern(row.before), old, bound):
                continue
            base = self._base(bound)
            if not match(pattern(row.after), new, bound):
                continue
            operands = find(row.after, bound, self.known, base)
            if operands is not None and not (row.alone and self._is_factor(old)):
                yield row.name, tuple(operands)
        for name, each in REARRANGED.items():
            for numbers in each.operands(old, new, self.known) if kind in each.kinds else ():
                try:
                    made = each.make(old, numbers, self.known)
                except RefusedError:
                    continue
                if is_same(made, new):
                    yield f"{kind}: {name}", tuple(numbers)

    def _base(self, bound: dict[str, Any]) -> tuple[ast.AST, int] | None:
        """Return the term that another one is to be like, and its number."""
        node: ast.AST | None = bound.get("B")
        number = self.numbers.get(id(node))
        return None if node is None or number is None else (node, number)

    def _is_factor(self, node: ast.AST) -> bool:
        parent = self._parents.get(id(node))
        return isinstance(parent, ast.BinOp) and not isinstance(parent.op, ast.Add | ast.Sub)

    # --- apply ---------------------------------------------------------------------------------

    def changed(self, reference: Reference) -> tuple[ast.AST, Any, list[ast.stmt] | None]:
        """Return what a reference changes: the node or block, and what is to stand there.

        Returns
        -------
        old : ast.AST
            The doubtful expression or statement.
        new : ast.expr or list of ast.stmt
            The expression, or the statements of the block, after the change.
        block : list of ast.stmt or None
            The block before the change, where statements change.

        Raises
        ------
        RefusedError
            The reference is no application of a row.
        """
        if not 0 <= reference.slot < len(self.nodes):
            raise RefusedError("there is no such slot")
        node = self.nodes[reference.slot]
        kind, _, name = reference.row.partition(": ")
        if name in BLOCKS:
            row = BLOCKS[name]
            _, block = self.block_of(node)
            function = self.function_of(node)
            if kind not in row.kinds or function is None or reference.within != ONCE:
                raise RefusedError("the row is none of this kind")
            change = Change(block, _index_in(block, node), self.known, self.nodes, function)
            made = row.make(change, reference.operands)
            return doubtful(name, change, reference.operands), made, block
        new = self._new_expression(node, kind, name, reference)
        if reference.within == ONCE:
            return node, new, None
        if not 0 <= reference.within < len(self.nodes):
            raise RefusedError("there is no such slot")
        whole = self.nodes[reference.within]
        made = _replace_everywhere(whole, node, new)
        if isinstance(whole, ast.expr):
            return whole, made, None
        if isinstance(whole, ast.FunctionDef | ast.For | ast.While | ast.If):
            return node, made.body, whole.body
        _, block = self.block_of(whole)
        return whole, [made if each is whole else each for each in block], block

    def _new_expression(self, node: Any, kind: str, name: str, reference: Reference) -> ast.expr:
        """Return the expression that a reference puts in place of a node."""
        if not isinstance(node, ast.expr):
            raise RefusedError("the slot is no expression")
        if name in REARRANGED:
            each = REARRANGED[name]
            if kind not in each.kinds:
                raise RefusedError("the row is none of this kind")
            made = each.make(node, reference.operands, self.known)
        else:
            row = rows().get(reference.row)
            if row is None:
                raise RefusedError("there is no such row")
            made = self._by_pattern(row, node, reference)
        reason = natural.why_unnatural(node, made, kind, self.above(node))
        if reason:
            raise RefusedError(reason)
        return with_context(made, node)

    def _by_pattern(self, row: Row, node: ast.expr, reference: Reference) -> Any:
        bound: dict[str, Any] = {}
        if not match(pattern(row.before), node, bound):
            raise RefusedError("the slot is written otherwise")
        if row.alone and self._is_factor(node):
            raise RefusedError("the slot is a factor")
        base = bound.get("B")
        bound |= fill(row.after, reference.operands, self.known, self.nodes)
        for hole, numbers in zip(row.holes, reference.operands, strict=True):
            if hole == "twin_" and (base is None or self.nodes[numbers[1]] is not base):
                raise RefusedError("a term is like another one than the last")
        return build(pattern(row.after), bound)


def _places_of_change(block: Sequence[ast.stmt], made: Sequence[ast.stmt]) -> list[int]:
    """Return the places of the statements at which a block and another one begin to differ.

    From the front, with the statement before, and from the back.
    """
    pairs = [*zip(block, made, strict=False)]
    first = next((n for n, (one, other) in enumerate(pairs) if one is not other), len(pairs))
    back = zip(reversed(block), reversed(made), strict=False)
    last = next((n for n, (one, other) in enumerate(back) if one is not other), len(pairs))
    found = (first, first - 1, len(block) - 1 - last)
    return [at for at in dict.fromkeys(found) if 0 <= at < len(block)]


def _index_in(block: Sequence[ast.stmt], node: ast.AST) -> int:
    """Return the index of a statement in its block."""
    return next(place for place, each in enumerate(block) if each is node)


def _differing_parts(old: Any, new: Any) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Yield two trees, and their parts down to the smallest one in which they first differ."""
    yield old, new
    if type(old) is not type(new):
        return
    for name in old._fields:
        one, other = getattr(old, name, None), getattr(new, name, None)
        rows = (one, other) if isinstance(one, list) else ([one], [other])
        if not isinstance(rows[1], list) or len(rows[0]) != len(rows[1]):
            return
        for mine, own in zip(*rows, strict=True):
            if isinstance(mine, ast.AST) and isinstance(own, ast.AST) and not is_same(mine, own):
                yield from _differing_parts(mine, own)
                return


def _replace_everywhere(whole: Any, old: ast.AST, new: Any) -> Any:
    """Return a tree with another expression wherever it has a certain one."""
    same = [part for part in numbered(whole) if is_same(part, old)]
    return replaced(whole, {id(part): with_context(new, part) for part in same})


# --- apply -------------------------------------------------------------------------------------


def apply(source: str, reference: Reference, known: Vocabulary, functions: Collection[int]) -> Edit:
    """Apply a reference to a text.

    Parameters
    ----------
    source : str
        The text of the cell.
    reference : Reference
    known : Vocabulary
    functions : collection of int
        The lines in which functions begin that may be changed.

    Raises
    ------
    RefusedError
        The reference is no application of a row, or changes what may not be changed.
    """
    slots = _slots_of(source, known)
    old, new, block = slots.changed(reference)
    function = slots.function_of(old)
    if function is None or function.lineno not in functions:
        raise RefusedError("the slot is in no function that may be changed")
    last: Any = getattr(old, "end_lineno", None)
    if last >= natural.handed_out_from(source):
        raise RefusedError("the code is handed out")
    if _is_large(new):
        raise RefusedError("the change is too large")
    try:
        return Edit(reference.kind, _write(slots.tree, source, old, new, block))
    except (UnwrittenError, ValueError, RecursionError):
        raise RefusedError("the change cannot be written into the text") from None


MAX_NEW = 8 * MAX_NODES
"""Nodes of an expression after a change at most."""


def _is_large(new: Any) -> bool:
    return not isinstance(new, list) and len(numbered(new)) > MAX_NEW


def _write(
    tree: ast.Module, source: str, old: Any, new: Any, block: list[ast.stmt] | None
) -> Written:
    if block is None:
        wanted = ast.dump(replaced(tree, {id(old): new}))
        return write_expression(old, new, source, wanted)
    holder = next(node for node in numbered(tree) if _holds(node, block))
    name = next(n for n in ("body", "orelse", "finalbody") if getattr(holder, n, None) is block)
    whole = replaced(tree, {id(holder): _with_block(holder, name, new)})
    return write_block(block, new, old, source, ast.dump(whole))


def _holds(node: ast.AST, block: list[ast.stmt]) -> bool:
    return any(getattr(node, name, None) is block for name in ("body", "orelse", "finalbody"))


def _with_block(holder: Any, name: str, block: list[ast.stmt]) -> Any:
    return with_parts(holder, **{name: block})


@lru_cache(maxsize=8)
def _slots_of(source: str, known: Vocabulary) -> Slots:
    try:
        return Slots(parse(source), known)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise RefusedError("the text is no Python") from None
