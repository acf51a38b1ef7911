"""The names inside a training loop, followed back to the data outside that they come from."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from gradkit.runtime.syntax import base_name, walk

STEPS = 8
"""Assignments that a name is followed through."""

SOURCES = 50_000
"""Values that are looked at to follow the names of one loop, before they are left open."""

_HARMLESS = frozenset({"range", "len", "enumerate", "zip", "print", "float", "int", "list", "tqdm"})


@dataclass(slots=True)
class Surroundings:
    """What is known of the names outside the loop.

    ``values`` are the last values assigned above it; ``models`` names of models,
    ``functions`` definitions, ``imports`` names of modules and what comes from them.
    """

    values: Mapping[str, ast.expr]
    models: Collection[str]
    functions: Mapping[str, ast.FunctionDef]
    imports: Collection[str]


@dataclass(slots=True)
class _Bound:
    """A name that the loop binds: a value, or the ``index``-th item of what it goes over."""

    value: ast.expr
    index: tuple[int, ...] | None = None


@dataclass(slots=True)
class Scope:
    """The loop's body, and what its own names are made from.

    ``calls`` are all calls in the loop, in the order of the text.
    """

    body: ast.AST
    around: Surroundings
    bound: dict[str, list[_Bound]] = field(default_factory=dict)
    calls: list[ast.Call] = field(default_factory=list)
    _known: dict[tuple[ast.expr, int], str | None] = field(default_factory=dict)
    _looked_at: int = 0

    def __post_init__(self) -> None:
        calls = [part for part in walk(self.body) if isinstance(part, ast.Call)]
        self.calls = sorted(calls, key=lambda call: (call.lineno, call.col_offset))
        for part in walk(self.body):
            if isinstance(part, ast.Assign):
                for target in part.targets:
                    self._assign(target, part.value)
            elif isinstance(part, ast.AugAssign | ast.AnnAssign | ast.NamedExpr):
                if part.value is not None:
                    self._assign(part.target, part.value)
            elif isinstance(part, ast.For | ast.AsyncFor | ast.comprehension):
                self._iterate(part.target, part.iter, ())

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.bound.setdefault(target.id, []).append(_Bound(value))
        elif isinstance(target, ast.Tuple | ast.List):
            items = value.elts if isinstance(value, ast.Tuple | ast.List) else None
            for i, element in enumerate(target.elts):
                if items is not None and i < len(items):
                    self._assign(element, items[i])
                elif isinstance(element, ast.Name):
                    self.bound.setdefault(element.id, []).append(_Bound(value, (i,)))

    def _iterate(self, target: ast.expr, over: ast.expr, index: tuple[int, ...]) -> None:
        if isinstance(target, ast.Name):
            self.bound.setdefault(target.id, []).append(_Bound(over, index))
        elif isinstance(target, ast.Tuple | ast.List):
            for i, element in enumerate(target.elts):
                self._iterate(element, over, (*index, i))

    def outside(self, node: ast.expr, steps: int = STEPS) -> str | None:
        """The first global name of data that an expression is made from."""
        # Names of a loop can each be made from all others: no value is searched twice.
        if (node, steps) not in self._known:
            self._known[node, steps] = self._outside(node, steps)
        return self._known[node, steps]

    def _outside(self, node: ast.expr, steps: int) -> str | None:
        for name in dict.fromkeys(data_names(node, self.around)):
            sources = self.bound.get(name)
            if sources is None:
                return name
            for source in sources if steps else ():
                self._looked_at += 1
                if self._looked_at > SOURCES:
                    return None
                if source.value is node:
                    continue
                found = (
                    self.outside(source.value, steps - 1)
                    if source.index is None
                    else self._item(source.value, source.index, steps - 1)
                )
                if found is not None:
                    return found
            if name in self.around.values and not steps:
                return name
        return None

    def _item(self, over: ast.expr, index: tuple[int, ...], steps: int) -> str | None:
        """The global name that the item of a loader, a zip or a dataset comes from."""
        if steps <= 0:
            return None
        if isinstance(over, ast.Name):
            value = self.around.values.get(over.id)
            inner = self.bound.get(over.id)
            if inner and inner[0].index is not None:
                return self._item(inner[0].value, (*inner[0].index, *index), steps - 1)
            if inner:
                value = inner[0].value
            if value is None or not index:
                return None if over.id in self.bound else over.id
            return self._item(value, index, steps - 1)
        if not isinstance(over, ast.Call):
            return self.outside(over, steps)
        name = over.func.attr if isinstance(over.func, ast.Attribute) else base_name(over.func)
        arguments = [*over.args, *(k.value for k in over.keywords if k.arg == "dataset")]
        if name == "enumerate" and arguments:
            return self._item(arguments[0], index[1:], steps - 1) if index[:1] != (0,) else None
        if name in ("range", "arange", "trange"):
            return None
        if index and len(arguments) > index[-1] and name not in ("DataLoader", "tqdm", "list"):
            return self.outside(arguments[index[-1]], steps)
        return self._item(arguments[0], index, steps - 1) if arguments else None


def data_names(node: ast.expr, around: Surroundings) -> Iterator[str]:
    """The names in an expression, without functions that are called and modules."""
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        inner: list[ast.AST] = []
        if isinstance(part, ast.Call):
            inner = [part.func.value] if isinstance(part.func, ast.Attribute) else []
            inner += [*part.args, *(keyword.value for keyword in part.keywords)]
        elif isinstance(part, ast.Name):
            if part.id not in around.imports and part.id not in _HARMLESS:
                yield part.id
        elif isinstance(part, ast.Subscript):
            inner = [part.value]  # What is indexed, and not the index.
        else:
            inner = [child for child in ast.iter_child_nodes(part) if isinstance(child, ast.expr)]
        waiting += reversed(inner)
