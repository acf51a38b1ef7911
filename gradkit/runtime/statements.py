"""A section's source as top-level statements, the names that each binds, and which makes a name.

It knows the syntax tree of Python and nothing else. Both the worker, which runs statements,
and the outline, which only reads them, stand on it.
"""

from __future__ import annotations

import ast
import builtins
import copy
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import CodeType

from gradkit.runtime.messages import Message, message
from gradkit.runtime.syntax import (
    LOOPS,
    base_name,
    changes_itself,
    effects_of,
    every,
    last_name,
    names_bound,
    names_in,
    parse,
    stored_names,
    walk,
)

Source = tuple[str, str]
"""A cell's id and its source."""

_CELL_ID = re.compile(r"(?P<file>.*?)(?:\[(?P<cell>\d+)\]|:(?P<line>\d+))?(?:\+(?P<cut>\d+))?")
_DEFAULTS = frozenset({"set_default_dtype"})
"""Functions of a package that change what all of it makes: who wants any of it wants it so."""

BROKEN = re.compile(r"^(?:def|class)\s+(\w+)|^(\w+)\s*=[^=]", re.MULTILINE)


@dataclass(eq=False, slots=True)
class Statement:
    """One top-level statement; imports of several names are taken apart.

    ``layer`` and ``position`` say where it stands. ``guarded`` statements stand under
    ``if __name__ == "__main__"``.
    """

    cell: str
    node: ast.stmt
    layer: int
    position: int
    binds: frozenset[str]
    flags: int = 0
    guarded: bool = False


@dataclass(slots=True)
class Layer:
    """The statements of some cells, and who binds which name, in order.

    ``functions`` and ``methods`` are definitions by name: who calls one at top level binds what
    that changes. ``elsewhere`` says where names are bound that nothing at top
    level binds; ``stars`` are the star imports. ``broken`` has cell and line of names whose
    definition is not Python.
    """

    number: int = 0
    statements: list[Statement] = field(default_factory=list)
    binders: dict[str, list[Statement]] = field(default_factory=dict)
    guarded: dict[str, list[Statement]] = field(default_factory=dict)
    stars: list[Statement] = field(default_factory=list)
    elsewhere: dict[str, Message] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    methods: dict[str, list[ast.FunctionDef]] = field(default_factory=dict)
    broken: dict[str, tuple[str, int]] = field(default_factory=dict)


def layer_of(sources: Iterable[Source], number: int = 0) -> Layer:
    """Parse cells and list their statements. A cell that cannot be parsed binds nothing."""
    layer = Layer(number)
    flags = 0
    for cell, source in sources:
        try:
            tree = parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None) or 1
            reason = getattr(error, "msg", None) or type(error).__name__
            for match in BROKEN.finditer(source):
                name, place = match[1] or match[2], place_of(cell, line)
                told = message("no-python", name=name, place=place, reason=reason)
                layer.elsewhere.setdefault(name, told)
                layer.broken[name] = cell, line
            continue
        flags |= _future(tree)
        for node, guarded in _top_level(tree.body, guarded=False):
            if isinstance(node, ast.FunctionDef):
                layer.functions[node.name] = node
            elif isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, ast.FunctionDef):
                        layer.methods.setdefault(part.name, []).append(part)
            _add(layer, cell, node, flags, guarded)
    for name in layer.elsewhere.keys() & layer.binders.keys():
        del layer.elsewhere[name]
    return layer


def _add(layer: Layer, cell: str, node: ast.stmt, flags: int, guarded: bool) -> None:
    names = names_bound(node)
    if isinstance(node, ast.Expr | ast.Assign) and isinstance(node.value, ast.Call):
        names |= _changed(layer, node.value)
    elif isinstance(node, ast.ClassDef) and "__init_subclass__" in layer.methods:
        names |= {base.id for base in node.bases if isinstance(base, ast.Name)}
    position = len(layer.statements)
    statement = Statement(cell, node, layer.number, position, names, flags, guarded)
    layer.statements.append(statement)
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        layer.stars.append(statement)
        return
    binders = layer.guarded if guarded else layer.binders
    for name in names:
        binders.setdefault(name, []).append(statement)
    place = place_of(cell, node.lineno)
    if guarded:
        layer.elsewhere |= {name: message("main-guard", name=name, place=place) for name in names}
    elif isinstance(node, LOOPS) and not names:
        for name in stored_names(node):
            layer.elsewhere.setdefault(name, message("loop", name=name, place=place))


def _changed(layer: Layer, call: ast.Call) -> frozenset[str]:
    """Return what a call of the section's own changes, as far as it can be no training."""
    if last_name(call.func) in _DEFAULTS:
        return _of_package(layer, base_name(call.func) or "")
    if isinstance(call.func, ast.Name):
        function = layer.functions.get(call.func.id)
        if function is None:
            return frozenset()
        declared = frozenset(name for part in every(ast.Global, function) for name in part.names)
        if any(isinstance(part, LOOPS) for part in walk(function)):
            return declared
        imported = {name for name, made in layer.binders.items() if _package(made[0])}
        return declared | effects_of(function, modules=imported).writes
    # ``opt.set("W", 0.001).set("b", 0.01)``
    func: ast.expr = call
    own = False
    while isinstance(func, ast.Call | ast.Attribute):
        if isinstance(func, ast.Attribute):
            own = own or any(map(changes_itself, layer.methods.get(func.attr, ())))
            func = func.value
        else:
            func = func.func
    return frozenset({func.id} if own and isinstance(func, ast.Name) else ())


def _of_package(layer: Layer, name: str) -> frozenset[str]:
    """Return the names that are imported from the package that a name is of."""
    packages = {other: _package(made[0]) for other, made in layer.binders.items()}
    own = packages.get(name)
    return frozenset(other for other, package in packages.items() if own and package == own)


def _package(statement: Statement) -> str:
    """Return the package that a statement imports from; empty where it is no import."""
    node = statement.node
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").partition(".")[0]
    return node.names[0].name.partition(".")[0] if isinstance(node, ast.Import) else ""


def _future(tree: ast.Module) -> int:
    imported = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in imported for alias in node.names if node.module == "__future__"}
    return annotations.compiler_flag if "annotations" in names else 0


def _top_level(body: Sequence[ast.stmt], *, guarded: bool) -> Iterator[tuple[ast.stmt, bool]]:
    for node in body:
        if isinstance(node, ast.Import) or (
            isinstance(node, ast.ImportFrom) and node.module != "__future__"
        ):
            for alias in node.names:
                alone = copy.copy(node)
                alone.names = [alias]
                yield alone, guarded
        elif is_main_guard(node):
            yield from _top_level(node.body, guarded=True)  # type: ignore[attr-defined]
        elif not isinstance(node, ast.ImportFrom):
            yield node, guarded


def is_main_guard(node: ast.stmt) -> bool:
    """Tell whether this is ``if __name__ == "__main__":``."""
    return isinstance(node, ast.If) and "__name__" in names_in(node.test)


# --- places ------------------------------------------------------------------------------


def place_of(cell: str, line: int) -> Message | str:
    """Return the place that a cell's id means: ``hw.ipynb[5]``, ``hw.py``, a piece ``+line``."""
    match = _CELL_ID.fullmatch(cell)
    if match is None:
        return f"{cell}:{line}"
    line += int(match["line"] or 1) - 1 + int(match["cut"] or 1) - 1
    if match["cell"]:
        return message("cell", cell=match["cell"], line=line)
    return f"{match['file']}:{line}"


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
        self._forbidden = {plain(name) for name in forbidden}
        self.cells = frozenset(cell for part in self._sources for cell, _ in part)
        self.versions: set[str] = set()
        """Names that more than one statement binds, in the layers parsed so far."""

    def sources(self) -> dict[str, str]:
        """Return the sources by the ids of their cells."""
        return dict(source for part in self._sources for source in part)

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
        return next((s for s in self.statements() if (s.cell, s.node.lineno) == (cell, line)), None)

    def statements(self) -> Iterator[Statement]:
        """Yield all statements: own, shared, borrowed. Layers are parsed as they are reached."""
        for number in (OWN, SHARED, BORROWED):
            yield from self.layer(number).statements

    def stars(self) -> list[Statement]:
        """Return the star imports, the one that counts first in front."""
        own, shared = self.layer(OWN).stars, self.layer(SHARED).stars
        return [*reversed(own), *reversed(shared)]

    def elsewhere(self, name: str) -> Message | None:
        """Say where a name is bound if not at top level."""
        return self.layer(OWN).elsewhere.get(name) or self.layer(SHARED).elsewhere.get(name)

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
        if number == BORROWED and plain(name) in self._forbidden:
            # An import is no role, whatever it is called: `nn` is not a student's network.
            return [b for b in binders if isinstance(b.node, ast.Import | ast.ImportFrom)]
        return binders

    def _may_bind(self, number: int, name: str) -> bool:
        """Tell whether parsing is worth it: builtins are asked for often and bound rarely."""
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


def is_called(name: str, aliases: Iterable[str]) -> bool:
    """True of a name that is one of the aliases, case and underscores aside."""
    return plain(name) in {plain(alias) for alias in aliases}


def plain(name: str) -> str:
    """Return the name in lower case, without underscores."""
    return name.lower().replace("_", "")
