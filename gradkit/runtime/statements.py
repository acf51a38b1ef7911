"""Split a section's source into top-level statements, and find the statement that binds a name.

Only Python's syntax tree is used here. The worker, which runs statements, and `gradkit.binding`,
which only reads them, both use this module.
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
"""Functions that change the results of their whole package, on which all its names depend."""

BROKEN = re.compile(r"^(?:def|class)\s+(\w+)|^(\w+)\s*=[^=]", re.MULTILINE)
"""Finds names that source which is not valid Python was going to bind."""


@dataclass(eq=False, slots=True)
class Statement:
    """One top-level statement; an import of several names is split into one for each name.

    ``layer`` is the number of its layer, and ``position`` its index there. ``guarded`` statements
    stand under ``if __name__ == "__main__"``.
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
    """The statements of some cells, and the statements that bind each name, in order.

    ``functions`` and ``methods`` are definitions by name: a call of one at top level binds the
    names that it changes. ``elsewhere`` says for names that no top-level statement binds why they
    have no value. ``stars`` are the star imports. ``broken`` has cell and line of names whose
    definition is not valid Python.
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
    """Parse cells, and return their statements with the names that these bind, as a layer.

    The names in a cell that is not valid Python are listed in ``elsewhere`` and ``broken``.
    """
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
                reason_message = message("no-python", name=name, place=place, reason=reason)
                layer.elsewhere.setdefault(name, reason_message)
                layer.broken[name] = cell, line
            continue
        flags |= _future_flags(tree)
        for node, guarded in _top_level_statements(tree.body, guarded=False):
            if isinstance(node, ast.FunctionDef):
                layer.functions[node.name] = node
            elif isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, ast.FunctionDef):
                        layer.methods.setdefault(part.name, []).append(part)
            _add_statement(layer, cell, node, flags, guarded)
    for name in layer.elsewhere.keys() & layer.binders.keys():
        del layer.elsewhere[name]
    return layer


def _add_statement(layer: Layer, cell: str, node: ast.stmt, flags: int, guarded: bool) -> None:
    """Append a statement to a layer, and register the names that it binds.

    ``flags`` are compiler flags. The names of a guarded statement, or of a loop that is never run,
    are listed in ``elsewhere``.
    """
    names = names_bound(node)
    if isinstance(node, ast.Expr | ast.Assign) and isinstance(node.value, ast.Call):
        names |= _names_changed_by_call(layer, node.value)
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


def _names_changed_by_call(layer: Layer, call: ast.Call) -> frozenset[str]:
    """Return the global names that a top-level call changes, unless the call may train a network.

    That is a call of a function of the section, or of its objects' methods, or of a function that
    sets a default of a package. A function or method with a loop may train.
    """
    if last_name(call.func) in _DEFAULTS:
        return _names_from_package_of(layer, base_name(call.func) or "")
    if isinstance(call.func, ast.Name):
        function = layer.functions.get(call.func.id)
        if function is None:
            return frozenset()
        declared = frozenset(name for part in every(ast.Global, function) for name in part.names)
        if any(isinstance(part, LOOPS) for part in walk(function)):
            return declared
        imported = {
            name for name, binders in layer.binders.items() if _imported_package(binders[0])
        }
        return declared | effects_of(function, modules=imported).writes
    # ``opt.set("W", 0.001).set("b", 0.01)``
    func: ast.expr = call
    changes_own = False
    while isinstance(func, ast.Call | ast.Attribute):
        if isinstance(func, ast.Attribute):
            changes_own = changes_own or any(map(changes_itself, layer.methods.get(func.attr, ())))
            func = func.value
        else:
            func = func.func
    return frozenset({func.id} if changes_own and isinstance(func, ast.Name) else ())


def _names_from_package_of(layer: Layer, name: str) -> frozenset[str]:
    """Return the names that are imported from the same package as a name."""
    packages = {other: _imported_package(binders[0]) for other, binders in layer.binders.items()}
    own_package = packages.get(name)
    return frozenset(
        other for other, package in packages.items() if own_package and package == own_package
    )


def _imported_package(statement: Statement) -> str:
    """Return the package that a statement imports from; an empty text if it is no import."""
    node = statement.node
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").partition(".")[0]
    return node.names[0].name.partition(".")[0] if isinstance(node, ast.Import) else ""


def _future_flags(tree: ast.Module) -> int:
    """Return the compiler flag of ``from __future__ import annotations`` if there is one, or 0."""
    imported = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in imported for alias in node.names if node.module == "__future__"}
    return annotations.compiler_flag if "annotations" in names else 0


def _top_level_statements(
    body: Sequence[ast.stmt], *, guarded: bool
) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield statements, each with whether it is guarded by ``if __name__ == "__main__"``.

    Guarded blocks are replaced by their statements, and an import of several names by one for each
    name. Imports from ``__future__`` are left out.
    """
    for node in body:
        if isinstance(node, ast.Import) or (
            isinstance(node, ast.ImportFrom) and node.module != "__future__"
        ):
            for alias in node.names:
                single_import = copy.copy(node)
                single_import.names = [alias]
                yield single_import, guarded
        elif is_main_guard(node):
            yield from _top_level_statements(node.body, guarded=True)  # type: ignore[attr-defined]
        elif not isinstance(node, ast.ImportFrom):
            yield node, guarded


def is_main_guard(node: ast.stmt) -> bool:
    """Return whether a statement is ``if __name__ == "__main__":``, or another test of the name."""
    return isinstance(node, ast.If) and "__name__" in names_in(node.test)


# --- places ------------------------------------------------------------------------------


def place_of(cell: str, line: int) -> Message | str:
    """Return a place for messages from a cell's id and a line in the cell.

    The id is ``hw.ipynb[5]`` for a cell of a notebook, or ``hw.py``. It may end with ``:8``, the
    line of the file at which the cell starts, and with ``+3``, the line of the cell at which a
    piece of it starts.
    """
    match = _CELL_ID.fullmatch(cell)
    if match is None:
        return f"{cell}:{line}"
    line += int(match["line"] or 1) - 1 + int(match["cut"] or 1) - 1
    if match["cell"]:
        return message("cell", cell=match["cell"], line=line)
    return f"{match['file']}:{line}"


OWN, SHARED, BORROWED = 0, 1, 2
"""Numbers of layers: the section's own cells, cells shared by all sections, other sections'."""

_ORDERS = {
    None: (OWN, SHARED, BORROWED),
    OWN: (SHARED, OWN, BORROWED),
    SHARED: (SHARED, OWN, BORROWED),
    BORROWED: (SHARED, BORROWED, OWN),
}
"""By layer of a statement, the layers to search for a name that nothing above it binds. None is for
names as they are at the end."""


class Plan:
    """The statements of a section, to look up the statement that binds a name at some point.

    Layers are parsed when they are first needed.

    Parameters
    ----------
    sources : sequence of three iterables of (cell id, source)
        The cells of the own, shared and borrowed layers.
    forbidden : collection of str
        Names that borrowed cells do not bind, ignoring case and underscores, except by an import.
    """

    def __init__(self, sources: Sequence[Iterable[Source]], forbidden: Collection[str]) -> None:
        """Store the sources of the three layers, without parsing them."""
        self._sources = [list(part) for part in sources]
        self._layers: list[Layer | None] = [None] * len(self._sources)
        self._forbidden = {plain(name) for name in forbidden}
        self.cells = frozenset(cell for part in self._sources for cell, _ in part)
        self.versions: set[str] = set()
        """Names that more than one statement binds, in the layers parsed so far."""

    def sources(self) -> dict[str, str]:
        """Return the sources of all cells by the ids of the cells."""
        return dict(source for part in self._sources for source in part)

    def layer(self, number: int) -> Layer:
        """Return a layer by number, which is parsed on the first call."""
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
        """Return the statement that gives a name its value at a statement, or None.

        Without a statement, return the one that gives the name its value at the end.
        """
        binder = self._last_binder_above(name, at) if at is not None else None
        if binder is None:
            for number in _ORDERS[None if at is None else at.layer]:
                binders = self._binders(number, name)
                if binders:
                    return binders[-1]
        return binder

    def earlier(self, name: str, statement: Statement) -> Statement | None:
        """Return the last statement that binds a name before another statement, or None.

        The layers after that of the statement are searched too.
        """
        binder = self._last_binder_above(name, statement)
        for number in range(statement.layer + 1, len(self._layers)):
            binders = () if binder else self._binders(number, name)
            binder = binders[-1] if binders else binder
        return binder

    def at(self, cell: str, line: int) -> Statement | None:
        """Return the statement that begins at a line of a cell, or None."""
        return next((s for s in self.statements() if (s.cell, s.node.lineno) == (cell, line)), None)

    def statements(self) -> Iterator[Statement]:
        """Yield all statements: own, then shared, then borrowed ones."""
        for number in (OWN, SHARED, BORROWED):
            yield from self.layer(number).statements

    def stars(self) -> list[Statement]:
        """Return the star imports in the order in which they are searched for a name."""
        own, shared = self.layer(OWN).stars, self.layer(SHARED).stars
        return [*reversed(own), *reversed(shared)]

    def elsewhere(self, name: str) -> Message | None:
        """Return a message about a name that is bound only where no code is run, or None."""
        return self.layer(OWN).elsewhere.get(name) or self.layer(SHARED).elsewhere.get(name)

    def _last_binder_above(self, name: str, at: Statement) -> Statement | None:
        """Return the last statement above another in the same layer that binds a name, or None."""
        binders = self._binders(at.layer, name)
        if at.guarded:
            guarded = self.layer(at.layer).guarded.get(name, [])
            binders = sorted([*binders, *guarded], key=lambda binder: binder.position)
        return next((b for b in reversed(binders) if b.position < at.position), None)

    def _binders(self, number: int, name: str) -> list[Statement]:
        """Return the statements of a layer that bind a name, in order.

        Of forbidden names in the borrowed layer, only imports are returned.
        """
        if self._layers[number] is None and not self._may_bind(number, name):
            return []
        binders = self.layer(number).binders.get(name, [])
        if number == BORROWED and plain(name) in self._forbidden:
            # An imported name plays no role: `nn` is not a student's network.
            return [b for b in binders if isinstance(b.node, ast.Import | ast.ImportFrom)]
        return binders

    def _may_bind(self, number: int, name: str) -> bool:
        """Return whether the text of an unparsed layer may bind a name.

        This avoids parsing: for a builtin, which code reads often and binds rarely, the text must
        look like a binding; for other names it must only occur.
        """
        if not hasattr(builtins, name):
            return any(name in source for _, source in self._sources[number])
        bound = re.compile(rf"(?:\b(?:def|class|as|import)\s|,|^)\s*{name}\b", re.MULTILINE)
        return any(bound.search(source) for _, source in self._sources[number])


def compile_statement(node: ast.stmt | ast.Module, statement: Statement) -> CodeType:
    """Compile a node with the flags of a statement, and its cell as file name."""
    module = node if isinstance(node, ast.Module) else ast.Module([node], [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code: CodeType = compile(
            module, statement.cell, "exec", flags=statement.flags, dont_inherit=True
        )
    return code


def is_called(name: str, aliases: Iterable[str]) -> bool:
    """Return whether a name is one of the aliases, ignoring case and underscores."""
    return plain(name) in {plain(alias) for alias in aliases}


def plain(name: str) -> str:
    """Return a name in lower case without underscores, for comparison."""
    return name.lower().replace("_", "")
