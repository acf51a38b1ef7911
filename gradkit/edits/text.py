"""Refer to changes of a text, and apply references to a text."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gradkit.edits import natural
from gradkit.edits.calls import REARRANGED, rearranged, write_values
from gradkit.edits.holes import fill, operands_of
from gradkit.edits.nodes import is_same, numbered, parse, replaced, with_context, with_parts
from gradkit.edits.operands import MAX_NODES, PART, Numbers, RefusedError, Vocabulary
from gradkit.edits.patterns import build, match, pattern
from gradkit.edits.rows import Row, rows
from gradkit.edits.statements import BLOCKS, Change, doubtful, operands_of_statement
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
    """The nodes of one cell's text by number, and the nodes that contain each of them.

    Parameters
    ----------
    tree : ast.Module
        The parsed text.
    known : Vocabulary
        The words, numbers and parts of the model solution that operands may contain.
    """

    def __init__(self, tree: ast.Module, known: Vocabulary) -> None:
        """Store the nodes of the tree by number, and the parent of each."""
        self.tree, self.known = tree, known
        self.nodes = numbered(tree)
        self.numbers = {id(node): number for number, node in enumerate(self.nodes)}
        self._parents = {
            id(child): node for node in self.nodes for child in ast.iter_child_nodes(node)
        }

    def above(self, node: ast.AST) -> list[ast.AST]:
        """Return the nodes of the tree that contain a node, from the module inwards."""
        found: list[ast.AST] = []
        while (parent := self._parents.get(id(node))) is not None:
            found.append(parent)
            node = parent
        return found[::-1]

    def block_of(self, statement: ast.AST) -> tuple[ast.AST, list[ast.stmt]]:
        """Return the node that contains a statement, and the block: its list with the statement.

        Raises
        ------
        RefusedError
            The node is no statement of a block.
        """
        parent = self._parents.get(id(statement))
        for name in ("body", "orelse", "finalbody"):
            block = getattr(parent, name, None)
            if isinstance(block, list) and any(each is statement for each in block):
                assert parent is not None  # noqa: S101  (it has the block)
                return parent, block
        raise RefusedError("the slot is no statement of a block")

    def function_of(self, node: ast.AST) -> ast.FunctionDef | None:
        """Return the innermost function that contains a node; None at top level."""
        functions = [each for each in self.above(node) if isinstance(each, ast.FunctionDef)]
        return functions[-1] if functions else None

    # --- refer ---------------------------------------------------------------------------------

    def reference(
        self, cell: str, name: str, at: ast.AST, values: Any, within: ast.AST | None = None
    ) -> Reference | None:
        """Encode a change of this text as a reference; None if a value cannot be encoded.

        The result is also None if ``at`` is no node of this text.

        Parameters
        ----------
        cell : str
            The id of the cell.
        name : str
            The row of the table of changes, such as ``wrong-order: two values exchanged``: the kind
            of mistake and the name of the change.
        at : ast.AST
            The changed expression or statement.
        values : mapping or sequence
            The row's values. For a pattern, the expression for each hole by name; for all other
            rows, the values in order.
        within : ast.AST or None
            The change is made everywhere in this node where the same expression stands; None
            changes only ``at``.
        """
        slot = self.numbers.get(id(at))
        operands = None if slot is None else self._operands(name, at, values)
        if slot is None or operands is None:
            return None
        everywhere = ONCE if within is None else self.numbers[id(within)]
        return Reference(cell, name, slot, everywhere, tuple(operands))

    def _operands(self, name: str, at: ast.AST, values: Any) -> Sequence[Numbers] | None:
        """Encode the values of a row at a node as operands; None if one cannot be encoded.

        ``name`` is that of the row, as in `reference`. For a pattern ``values`` are the expressions
        by hole, for all other rows the values in order.
        """
        short = name.partition(": ")[2]
        if short == "put in":
            _, block = self.block_of(at)
            function = self.function_of(at) or self.tree
            change = Change(block, _index_in(block, at), self.known, self.nodes, function)
            return operands_of_statement(change, *values)
        if short in BLOCKS or short in REARRANGED:
            return write_values(values, self.known)
        number = self.numbers.get(id(values.get("B")))
        base = None if number is None else (values["B"], number)
        return operands_of(rows()[name].after, values, self.known, base)

    def _is_factor(self, node: ast.AST) -> bool:
        parent = self._parents.get(id(node))
        return isinstance(parent, ast.BinOp) and not isinstance(parent.op, ast.Add | ast.Sub)

    # --- apply ---------------------------------------------------------------------------------

    def changed(self, reference: Reference) -> tuple[ast.AST, Any, list[ast.stmt] | None]:
        """Return what a reference changes: an old node, what replaces it, and the block it is in.

        Returns
        -------
        old : ast.AST
            The expression or statement that is marked as wrong.
        new : ast.expr or list of ast.stmt
            The expression, or all statements of the block, after the change.
        block : list of ast.stmt or None
            The block before the change; None if only an expression is replaced.

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
        made = replace_everywhere(whole, node, new)
        if isinstance(whole, ast.expr):
            return whole, made, None
        if isinstance(whole, ast.FunctionDef | ast.For | ast.While | ast.If):
            return node, made.body, whole.body
        _, block = self.block_of(whole)
        return whole, [made if each is whole else each for each in block], block

    def _new_expression(self, node: Any, kind: str, name: str, reference: Reference) -> ast.expr:
        """Return the expression with which a reference replaces a node.

        ``kind`` and ``name`` are the two parts of the row's name in the reference.

        Raises RefusedError: the node is no expression, there is no such row, the row does not fit
        the node, or no teacher would suggest the change.
        """
        if not isinstance(node, ast.expr):
            raise RefusedError("the slot is no expression")
        if name in REARRANGED:
            if kind not in REARRANGED[name].kinds:
                raise RefusedError("the row is none of this kind")
            made = rearranged(name, node, reference.operands, self.known)
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
        """Return the expression that a row with patterns makes of a node and operands.

        Raises RefusedError: the node does not fit the pattern, is a factor where the row needs
        none, or an operand may not fill its hole.
        """
        bound: dict[str, Any] = {}
        if not match(pattern(row.before), node, bound):
            raise RefusedError("the slot is written otherwise")
        if row.is_alone and self._is_factor(node):
            raise RefusedError("the slot is a factor")
        base = bound.get("B")
        bound |= fill(row.after, reference.operands, self.known, self.nodes)
        for hole, numbers in zip(row.holes, reference.operands, strict=True):
            if hole == "twin_" and (base is None or self.nodes[numbers[1]] is not base):
                raise RefusedError("a term is like another one than the last")
        return build(row.after, bound)


def _index_in(block: Sequence[ast.stmt], node: ast.AST) -> int:
    """Return the index of a statement in a block that contains it."""
    return next(place for place, each in enumerate(block) if each is node)


def replace_everywhere(whole: Any, old: ast.AST, new: Any) -> Any:
    """Return a copy of a tree in which every expression equal to ``old`` is replaced by ``new``.

    Without such an expression, the tree ``whole`` itself is returned.
    """
    same = [part for part in numbered(whole) if is_same(part, old)]
    return replaced(whole, {id(part): with_context(new, part) for part in same})


# --- apply -------------------------------------------------------------------------------------


def apply(source: str, reference: Reference, known: Vocabulary, functions: Collection[int]) -> Edit:
    """Apply a reference to a text: return the kind of mistake and the lines that change.

    The text itself is not changed.

    Parameters
    ----------
    source : str
        The text of the cell.
    reference : Reference
        The change.
    known : Vocabulary
        The words, numbers and parts of the model solution that operands may contain.
    functions : collection of int
        The first lines of the functions that may be changed.

    Raises
    ------
    RefusedError
        The reference is no application of a row, changes code outside these functions or handed-out
        code, or gives a change that is too large or cannot be written.
    """
    slots = _slots_of(source, known)
    old, new, block = slots.changed(reference)
    function = slots.function_of(old)
    if function is None or function.lineno not in functions:
        raise RefusedError("the slot is in no function that may be changed")
    last: Any = getattr(old, "end_lineno", None)
    if last >= natural.first_handed_out_line(source):
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
    """Return the lines that put ``new`` in the place of ``old`` in a text.

    ``tree`` is the parsed text. Without a ``block`` both are expressions. With it, ``new`` are all
    its statements after the change, and ``old`` is the node that is marked as wrong. UnwrittenError
    is raised if the text cannot be written so.
    """
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
    """Parse the text of a cell into `Slots`, cached; raise RefusedError if it is no Python."""
    try:
        return Slots(parse(source), known)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise RefusedError("the text is no Python") from None
