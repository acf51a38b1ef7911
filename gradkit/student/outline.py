"""What a section holds, read from its text alone: functions, models, training loops."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

from gradkit.records.submission import Cell, Place, Section
from gradkit.student.content import is_model, normal
from gradkit.student.loops import Ingredients, find_loop, ingredients_of
from gradkit.student.place import finder
from gradkit.student.scope import Surroundings
from gradkit.student.signature import (
    AnyFunction,
    Parameter,
    parameters_of,
    return_lines,
    signature_of,
)
from gradkit.worker.statements import Layer, Statement, layer_of
from gradkit.worker.training import may_train

Origin = Literal["own", "shared", "borrowed"]
BindingKind = Literal["function", "class", "import", "value"]
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Binding:
    """A name that something at top level binds."""

    name: str
    kind: BindingKind
    place: Place
    origin: Origin


@dataclass(frozen=True, slots=True)
class Function:
    """A function, by the name under which the section has it.

    ``required`` and ``optional`` are the parameters without and with a default that can be
    handed over by position, in order. ``returns`` are the places of all ``return``
    statements, ``return_place`` the last of them or, without one, the end of the body.
    """

    name: str
    place: Place
    origin: Origin
    parameters: tuple[Parameter, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    positional_only: bool
    signature: str
    returns: tuple[Place, ...]
    return_place: Place


@dataclass(frozen=True, slots=True)
class Model:
    """A torch module: a class, or a value such as a bare ``nn.Sequential``.

    ``of`` is the class a value was made from, if it is the student's own. ``required`` are
    the arguments without which the class cannot be made.
    """

    name: str
    kind: Literal["class", "value"]
    place: Place
    origin: Origin
    of: str | None = None
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loop:
    """A top-level training loop: where it stands and what must be put in.

    ``cell`` and ``line`` name its top-level statement for `Namespace.run_loop`; ``place``
    is the loop's own.
    """

    cell: str
    line: int
    place: Place
    origin: Origin
    needs: Ingredients


@dataclass(frozen=True, slots=True)
class Outline:
    """The static facts about a section; in each list, what counts more comes later."""

    bindings: tuple[Binding, ...]
    functions: tuple[Function, ...]
    models: tuple[Model, ...]
    loops: tuple[Loop, ...]


def outline(section: Section, modules: Mapping[str, str] | None = None) -> Outline:
    """Read a section.

    Parameters
    ----------
    section : Section
        Cells that cannot be parsed are passed over.
    modules : mapping of str to str, optional
        Sources that the section may import. The files among the section's own cells are
        known without.

    Returns
    -------
    Outline
        Borrowed before shared before own, and each in the order of the text.
    """
    parts: list[tuple[Origin, tuple[Cell, ...]]] = [
        ("borrowed", section.borrowed),
        ("shared", section.shared),
        ("own", section.own),
    ]
    cells = [cell for _, part in parts for cell in part]
    reader = _Reader(cells, modules or {})
    for origin, part in parts:
        reader.read(layer_of((cell.id, cell.source) for cell in part), origin)
    return Outline(
        tuple(reader.bindings), tuple(reader.functions), tuple(reader.models), tuple(reader.loops)
    )


def nearest(name: str, functions: Iterable[Function], count: int = 3) -> tuple[Function, ...]:
    """The functions whose names look most like ``name``, case and underscores aside."""
    known: dict[str, Function] = {normal(function.name): function for function in functions}
    matches = get_close_matches(normal(name), known, count, cutoff=0.5)
    return tuple(known[match] for match in matches)


def place_of(section: Section) -> Callable[[str, int], Place]:
    """The function from a cell's id and a line of its source to the place in the file."""
    return finder([*section.own, *section.shared, *section.borrowed])


class _Reader:
    """Goes through the layers and collects; what it knows of names grows on the way."""

    def __init__(self, cells: Sequence[Cell], modules: Mapping[str, str]) -> None:
        self.bindings: list[Binding] = []
        self.functions: list[Function] = []
        self.models: list[Model] = []
        self.loops: list[Loop] = []
        self._last: dict[str, Function] = {}
        self._place = finder(cells)
        self._values: dict[str, ast.expr] = {}
        self._definitions: dict[str, ast.FunctionDef] = {}
        self._torch = {"torch", "nn"}
        self._imports: set[str] = set()
        self._files = {cell.file.removesuffix(".py").replace("/", "."): cell for cell in cells}
        self._modules = modules
        self._may_train = any(may_train(cell.source) for cell in cells)

    def read(self, layer: Layer, origin: Origin) -> None:
        """Read one layer."""
        # A function may be used above the cell that defines it.
        for statement in layer.statements:
            for node in _definitions(statement.node):
                if isinstance(node, ast.FunctionDef):
                    self._definitions[node.name] = node
        for statement in layer.statements:
            if not statement.guarded:
                self._bind(statement, origin)
            self._value(statement)
            self._loop(statement, origin)

    def _bind(self, statement: Statement, origin: Origin) -> None:
        place = self._place(statement.cell, statement.node.lineno)
        node = statement.node
        kind: BindingKind = "value"
        if isinstance(node, ast.Import | ast.ImportFrom):
            kind = "import"
            self._import(node, place, origin)
        for part in _definitions(node):
            where = self._place(statement.cell, part.lineno)
            if isinstance(part, ast.ClassDef):
                kind = "class"
                if is_model(part, self._torch):
                    self._torch.add(part.name)
                    required = _required_by_class(part)
                    self.models.append(Model(part.name, "class", where, origin, None, required))
            else:
                kind = "function"
                self._function(part.name, part, statement.cell, origin)
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and self._assigned(
                    target.id, node.value, statement.cell, place, origin
                ):
                    kind = "function"
        if is_model(node, self._torch) and not isinstance(node, ast.ClassDef):
            for name in statement.binds:
                self.models.append(Model(name, "value", place, origin))
        self.bindings += [Binding(name, kind, place, origin) for name in sorted(statement.binds)]

    def _assigned(
        self, name: str, value: ast.expr, cell: str, place: Place, origin: Origin
    ) -> bool:
        """Take note of ``f = lambda …``, ``f = g`` and ``net = Net()``."""
        if isinstance(value, ast.Lambda):
            self._function(name, value, cell, origin)
            return True
        function = self._last.get(value.id) if isinstance(value, ast.Name) else None
        if function is not None:
            signature = function.signature.replace(function.name, name, 1)
            self._add(replace(function, name=name, origin=origin, signature=signature))
            return True
        while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            value = value.func.value  # Net().to(device)
        made_from = value.func if isinstance(value, ast.Call) else value
        for model in self.models:
            if isinstance(made_from, ast.Name) and model.name == made_from.id:
                kind: Literal["class", "value"] = (
                    "value" if isinstance(value, ast.Call) else model.kind
                )
                of = model.name if model.kind == "class" else model.of
                self.models.append(Model(name, kind, place, origin, of))
                break
        return False

    def _function(
        self,
        name: str,
        node: AnyFunction,
        cell: str,
        origin: Origin,
    ) -> None:
        parameters = tuple(parameters_of(node.args))
        by_position = [p for p in parameters if p.kind in ("positional-only", "any")]
        returns = tuple(self._place(cell, line) for line in sorted(return_lines(node)))
        end = self._place(cell, node.end_lineno or node.lineno)
        self._add(
            Function(
                name=name,
                place=self._place(cell, node.lineno),
                origin=origin,
                parameters=parameters,
                required=tuple(p.name for p in by_position if p.default is None),
                optional=tuple(p.name for p in by_position if p.default is not None),
                positional_only=any(p.kind == "positional-only" for p in parameters),
                signature=f"{name}({signature_of(parameters)})",
                returns=returns,
                return_place=returns[-1] if returns else end,
            )
        )

    def _add(self, function: Function) -> None:
        self.functions.append(function)
        self._last[function.name] = function

    def _import(self, node: ast.Import | ast.ImportFrom, place: Place, origin: Origin) -> None:
        for alias in node.names:
            module = node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
            name = alias.asname or alias.name.partition(".")[0]
            self._imports.add(name)
            if module.partition(".")[0] == "torch":
                self._torch.add(name)
            if isinstance(node, ast.ImportFrom):
                self._imported(module, alias, origin)

    def _imported(self, module: str, alias: ast.alias, origin: Origin) -> None:
        """Functions and models that are imported from a file beside."""
        cell = self._files.get(module)
        source = cell.source if cell is not None else self._modules.get(module)
        if source is None:
            return
        file = cell.id if cell is not None else f"{module}.py"
        beside = _Reader([cell] if cell is not None else [], {})
        beside._torch = set(self._torch)
        beside.read(layer_of([(file, source)]), origin)
        wanted = (lambda name: True) if alias.name == "*" else (lambda name: name == alias.name)
        for function in beside.functions:
            if wanted(function.name):
                name = alias.asname or function.name
                signature = function.signature.replace(function.name, name, 1)
                self._add(replace(function, name=name, signature=signature))
        for model in beside.models:
            if wanted(model.name):
                self.models.append(replace(model, name=alias.asname or model.name))
                self._torch.add(alias.asname or model.name)

    def _value(self, statement: Statement) -> None:
        node = statement.node
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self._values[target.id] = node.value
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    for element, value in zip(target.elts, node.value.elts, strict=False):
                        if isinstance(element, ast.Name):
                            self._values[element.id] = value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._values |= dict.fromkeys(statement.binds, node.value)

    def _loop(self, statement: Statement, origin: Origin) -> None:
        # The loops of other sections train other things.
        wanted = self._may_train and origin != "borrowed"
        loop = find_loop(statement.node, self._definitions) if wanted else None
        if loop is None:
            return
        around = Surroundings(
            self._values,
            {model.name for model in self.models if model.kind == "value"},
            self._definitions,
            self._imports,
        )
        self.loops.append(
            Loop(
                statement.cell,
                statement.node.lineno,
                self._place(statement.cell, loop.lineno),
                origin,
                ingredients_of(loop, around),
            )
        )


def _definitions(node: ast.stmt) -> Iterator[Definition]:
    """Definitions in a statement, also inside ``if``, ``try`` and ``with``."""
    if isinstance(node, Definition):
        yield node
    elif isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt | ast.ExceptHandler):
                yield from _definitions(child)  # type: ignore[arg-type]


def _required_by_class(node: ast.ClassDef) -> tuple[str, ...]:
    for child in node.body:
        if isinstance(child, ast.FunctionDef) and child.name == "__init__":
            own = [p for p in parameters_of(child.args) if p.kind in ("positional-only", "any")]
            return tuple(p.name for p in own[1:] if p.default is None)
    return ()
