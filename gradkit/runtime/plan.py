"""A section's statements in three layers, parsed when they are first needed."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Collection, Iterable, Sequence
from types import CodeType

from gradkit.runtime.messages import Message
from gradkit.runtime.names import names_in_class_bodies
from gradkit.runtime.statements import Layer, Source, Statement, layer_of
from gradkit.runtime.training import runnable

OWN, SHARED, BORROWED = 0, 1, 2

_ORDERS = {
    None: (OWN, SHARED, BORROWED),
    OWN: (SHARED, OWN, BORROWED),
    SHARED: (SHARED, OWN, BORROWED),
    BORROWED: (SHARED, BORROWED, OWN),
}
"""Where a name is looked for once nothing above the statement binds it."""


class Plan:
    """Which statement makes a name, as it is at another statement or in the end.

    Parameters
    ----------
    sources : sequence of three iterables of (cell id, source)
        Own, shared, borrowed.
    forbidden : collection of str
        Names that are never borrowed, case and underscores aside, unless an import
        binds them.
    """

    def __init__(self, sources: Sequence[Iterable[Source]], forbidden: Collection[str]) -> None:
        self._sources = [list(part) for part in sources]
        self._layers: list[Layer | None] = [None] * len(self._sources)
        self._forbidden = {_plain(name) for name in forbidden}
        self._codes: dict[Statement, CodeType] = {}
        self._class_names: dict[Statement, frozenset[str]] = {}
        self.cells = frozenset(cell for part in self._sources for cell, _ in part)
        self.versions: set[str] = set()
        """Names that more than one statement binds, in the layers parsed so far."""

    def layer(self, number: int) -> Layer:
        """Return a layer, parsed."""
        layer = self._layers[number]
        if layer is None:
            layer = self._layers[number] = layer_of(self._sources[number], number)
            counts: dict[str, int] = {}
            for part in self._layers:
                for binders in (part.binders, part.guarded) if part is not None else ():
                    for name, statements in binders.items():
                        counts[name] = counts.get(name, 0) + len(statements)
            self.versions = {name for name, count in counts.items() if count > 1}
        return layer

    def resolve(self, name: str, at: Statement | None) -> Statement | None:
        """Return the statement that makes a name as it is at a statement, or in the end."""
        found = self._above(name, at) if at is not None else None
        if found is None:
            for number in _ORDERS[None if at is None else at.layer]:
                binders = self._binders(number, name)
                if binders:
                    return binders[-1]
        return found

    def earlier(self, name: str, statement: Statement) -> Statement | None:
        """Return the statement that made a name before this one did."""
        found = self._above(name, statement)
        for number in range(statement.layer + 1, len(self._layers)):
            binders = () if found else self._binders(number, name)
            found = binders[-1] if binders else found
        return found

    def at(self, cell: str, line: int) -> Statement | None:
        """Return the statement at a line of a cell."""
        for number in range(len(self._sources)):
            for statement in self.layer(number).statements:
                if statement.cell == cell and statement.node.lineno == line:
                    return statement
        return None

    def stars(self) -> list[Statement]:
        """Return the star imports, the one that counts first in front."""
        own, shared = self.layer(OWN).stars, self.layer(SHARED).stars
        return [*reversed(own), *reversed(shared)]

    def elsewhere(self, name: str) -> Message | None:
        """Say where a name is bound if not at top level."""
        for number in (OWN, SHARED):
            if name in self.layer(number).elsewhere:
                return self.layer(number).elsewhere[name]
        return None

    def code(self, statement: Statement) -> CodeType:
        """Compile a statement, without training loops."""
        if statement not in self._codes:
            self._codes[statement] = compile_statement(runnable(statement.node), statement)
        return self._codes[statement]

    def class_names(self, statement: Statement) -> frozenset[str]:
        """Return what class bodies in the statement read, which must be there beforehand."""
        if statement not in self._class_names:
            self._class_names[statement] = frozenset(names_in_class_bodies(statement.node))
        return self._class_names[statement]

    def _above(self, name: str, at: Statement) -> Statement | None:
        binders = self._binders(at.layer, name)
        if at.guarded:
            guarded = self.layer(at.layer).guarded.get(name, [])
            binders = sorted([*binders, *guarded], key=lambda binder: binder.position)
        return next((b for b in reversed(binders) if b.position < at.position), None)

    def _binders(self, number: int, name: str) -> list[Statement]:
        if self._layers[number] is None and not self._may_bind(number, name):
            return []
        binders = self.layer(number).binders.get(name, [])
        if number == BORROWED and _plain(name) in self._forbidden:
            # An import is no role, whatever it is called: `nn` is not a student's network.
            return [b for b in binders if isinstance(b.node, ast.Import | ast.ImportFrom)]
        return binders

    def _may_bind(self, number: int, name: str) -> bool:
        """Whether parsing is worth it: builtins are asked for often and bound rarely."""
        if not hasattr(builtins, name):
            return any(name in source for _, source in self._sources[number])
        bound = re.compile(rf"(?:\b(?:def|class|as|import)\s|,|^)\s*{name}\b", re.MULTILINE)
        return any(bound.search(source) for _, source in self._sources[number])


def compile_statement(node: ast.stmt | ast.Module, statement: Statement) -> CodeType:
    """Compile a node in the place of a statement: its cell is the file name."""
    module = node if isinstance(node, ast.Module) else ast.Module([node], [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code: CodeType = compile(
            module, statement.cell, "exec", flags=statement.flags, dont_inherit=True
        )
    return code


def _plain(name: str) -> str:
    return name.lower().replace("_", "")
