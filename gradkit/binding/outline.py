"""Read a section's functions, models and training loops from its text alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gradkit.binding.effects import Effects, effects_of, with_helpers
from gradkit.binding.loops import Ingredients, Surroundings, find_loop, ingredients_of
from gradkit.records.submission import Cell, Place, Section
from gradkit.runtime.statements import Layer, Statement, layer_of
from gradkit.runtime.training import may_train
from gradkit.submission.content import is_model, makes_model
from gradkit.submission.functions import (
    Names,
    Parameter,
    Shown,
    Thing,
    assignments,
    may_be_one,
    parameters_of,
    positional,
    return_lines,
    shown,
    signature_of,
)
from gradkit.submission.places import finder

Origin = Literal["own", "shared", "borrowed"]
ModelKind = Literal["class", "factory", "value"]


@dataclass(frozen=True, slots=True)
class Definition:
    """A function or class that stands under ``if __name__ == …``."""

    name: str
    place: Place
    origin: Origin


@dataclass(frozen=True, slots=True)
class Function:
    """A function, by the name under which the section has it.

    ``required`` and ``optional`` are the parameters without and with a default that can be
    handed over by position, in order. ``return_place`` is the last ``return`` statement or,
    without one, the end of the body. A
    ``guess`` is a value that may be something else, as far as the text shows: it can play a
    role by its name alone. ``effects`` are its own or, of one that is imported, with those of
    its helpers there.
    """

    name: str
    place: Place
    origin: Origin
    parameters: tuple[Parameter, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    signature: str
    return_place: Place
    guess: bool = False
    effects: Effects = Effects()  # noqa: RUF009  (frozen, and empty)


@dataclass(frozen=True, slots=True)
class Model:
    """A torch module: a class, a function that makes one, or a value such as ``nn.Sequential(…)``.

    ``required`` are the arguments without which the class or the function cannot be called.
    """

    name: str
    kind: ModelKind
    place: Place
    origin: Origin
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
    """The static facts about a section; in each list, what counts more comes later.

    ``names`` are all that something at top level binds. ``methods`` are those of classes, by
    the class's name and without their first parameter; ``guarded`` what is defined under
    ``if __name__ == …`` alone.
    """

    names: frozenset[str]
    functions: tuple[Function, ...]
    models: tuple[Model, ...]
    loops: tuple[Loop, ...]
    methods: tuple[tuple[str, Function], ...] = ()
    guarded: tuple[Definition, ...] = ()


_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


# --- reading -----------------------------------------------------------------------------


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
        frozenset(reader.names),
        tuple(reader.functions),
        tuple(reader.models),
        tuple(reader.loops),
        tuple(reader.methods),
        tuple(reader.guarded),
    )


class _Reader:
    """Reads layers one after another; what it knows of names grows on the way."""

    def __init__(self, cells: Sequence[Cell], modules: Mapping[str, str]) -> None:
        self.names: set[str] = set()
        self.functions: list[Function] = []
        self.models: list[Model] = []
        self.loops: list[Loop] = []
        self.methods: list[tuple[str, Function]] = []
        self.guarded: list[Definition] = []
        self._last: dict[str, Function] = {}
        self._place = finder(cells)
        self._values: dict[str, ast.expr] = {}
        self._definitions: dict[str, ast.FunctionDef] = {}
        self._names = Names()
        self._torch = {"torch", "nn"}
        self._imports: set[str] = set()
        self._packages: set[str] = set()
        self._own_methods: set[str] = set()
        self._files = {cell.file.removesuffix(".py").replace("/", "."): cell for cell in cells}
        self._modules = modules
        self._may_train = any(may_train(cell.source) for cell in cells)

    def read(self, layer: Layer, origin: Origin) -> None:
        """Read one layer."""
        # A function may be used above the cell that defines it.
        for statement in layer.statements:
            for node in _definitions(statement.node):
                self._names.put(node.name, node, statement.cell)
                if isinstance(node, ast.FunctionDef):
                    self._definitions[node.name] = node
                elif isinstance(node, ast.ClassDef):
                    self._own_methods |= {
                        part.name for part in node.body if isinstance(part, ast.FunctionDef)
                    }
            if isinstance(statement.node, ast.Import):
                self._packages |= statement.binds
        for statement in layer.statements:
            if statement.guarded:
                for part in _definitions(statement.node):
                    place = self._place(statement.cell, part.lineno)
                    self.guarded.append(Definition(part.name, place, origin))
            else:
                self._bind(statement, origin)
            self._values |= dict(assignments(statement.node))
            self._loop(statement, origin)

    def _bind(self, statement: Statement, origin: Origin) -> None:
        place = self._place(statement.cell, statement.node.lineno)
        node = statement.node
        self.names |= statement.binds
        made = {part.name for part in _definitions(node)} | {n for n, _ in assignments(node)}
        for name in statement.binds - made:
            self._names.put(name, None, statement.cell)
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node, place, origin)
        for part in _definitions(node):
            where = self._place(statement.cell, part.lineno)
            if isinstance(part, ast.ClassDef):
                self._methods(part, statement.cell, origin)
                if is_model(part, self._torch):
                    self._torch.add(part.name)
                    required = _required_by_class(part)
                    self.models.append(Model(part.name, "class", where, origin, required))
            else:
                own = tuple(parameters_of(part.args))
                self._function(part.name, Shown(part, statement.cell, own, self._names), origin)
        for name, value in assignments(node):
            self._assigned(name, value, statement.cell, place, origin)
        if is_model(node, self._torch) and not isinstance(node, ast.ClassDef):
            for name in statement.binds:
                self.models.append(Model(name, "value", place, origin))

    def _assigned(
        self, name: str, value: ast.expr, cell: str, place: Place, origin: Origin
    ) -> None:
        """Take note of ``f = lambda …``, ``f = g``, ``f = make(…)`` and ``net = Net()``."""
        function = self._last.get(value.id) if isinstance(value, ast.Name) else None
        if function is not None:
            self._add(replace(_renamed(function, name), origin=origin))
            self._names.known[name] = self._names.find(function.name) or Thing(
                None, cell, self._names
            )
            return
        found = shown(value, cell, self._names)
        if found is not None:
            self._function(name, found, origin)
        elif may_be_one(value, self._names):
            self._guess(name, place, origin)
        self._names.known[name] = Thing(value, cell, self._names, found)
        while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            value = value.func.value  # Net().to(device)
        made_from = value.func if isinstance(value, ast.Call) else value
        for model in self.models:
            if isinstance(made_from, ast.Name) and model.name == made_from.id:
                kind: ModelKind = "value" if isinstance(value, ast.Call) else model.kind
                self.models.append(Model(name, kind, place, origin))
                break

    def _methods(self, node: ast.ClassDef, cell: str, origin: Origin) -> None:
        for part in node.body:
            if isinstance(part, ast.FunctionDef):
                takes = tuple(parameters_of(part.args))[1:]
                method = self._made(part.name, Shown(part, cell, takes, self._names), origin)
                self.methods.append((node.name, method))

    def _function(self, name: str, found: Shown, origin: Origin) -> None:
        made = self._made(name, found, origin)
        self._add(made)
        models = {model.name for model in self.models}
        if found.sure and makes_model(found.node, self._torch, models):
            self.models.append(Model(name, "factory", made.place, origin, made.required))

    def _made(self, name: str, found: Shown, origin: Origin) -> Function:
        parameters, node = found.parameters, found.node
        by_position = positional(parameters)
        last = max(return_lines(node), default=node.end_lineno or node.lineno)
        return Function(
            name=name,
            place=self._place(found.cell, node.lineno),
            origin=origin,
            parameters=parameters,
            required=tuple(p.name for p in by_position if p.default is None),
            optional=tuple(p.name for p in by_position if p.default is not None),
            signature=f"{name}({signature_of(parameters)})",
            return_place=self._place(found.cell, last),
            guess=not found.sure,
            effects=effects_of(node, self._own_methods, self._packages),
        )

    def _guess(self, name: str, place: Place, origin: Origin) -> None:
        takes = (Parameter("args", "*"),)
        self._add(Function(name, place, origin, takes, (), (), f"{name}(…)", place, guess=True))

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
            elif (beside := self._beside(module, origin)) is not None:
                self._names.known[name] = Thing(ast.Module([], []), module, beside._names)

    def _beside(self, module: str, origin: Origin) -> _Reader | None:
        """Return a reader that has read a file beside, if the module is one."""
        cell = self._files.get(module)
        source = cell.source if cell is not None else self._modules.get(module)
        if source is None:
            return None
        file = cell.id if cell is not None else f"{module}.py"
        beside = _Reader([cell] if cell is not None else [], {})
        beside._torch = set(self._torch)
        beside.read(layer_of([(file, source)]), origin)
        return beside

    def _imported(self, module: str, alias: ast.alias, origin: Origin) -> None:
        """Functions and models that are imported from a file beside."""
        beside = self._beside(module, origin)
        if beside is None:
            return
        wanted = (lambda name: True) if alias.name == "*" else (lambda name: name == alias.name)
        helpers = {function.name: function.effects for function in beside.functions}
        for function in beside.functions:
            if wanted(function.name):
                effects = with_helpers(function.effects, helpers)
                self._add(replace(_renamed(function, alias.asname), effects=effects))
        for model in beside.models:
            if wanted(model.name):
                self.models.append(replace(model, name=alias.asname or model.name))
                self._torch.add(alias.asname or model.name)
        for name, thing in beside._names.known.items():
            if wanted(name):
                self._names.known[alias.asname or name] = thing

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


def _renamed(function: Function, name: str | None) -> Function:
    name = name or function.name
    signature = function.signature.replace(function.name, name, 1)
    return replace(function, name=name, signature=signature)


def _definitions(node: ast.stmt) -> Iterator[_Definition]:
    """Definitions in a statement, also inside ``if``, ``try`` and ``with``."""
    if isinstance(node, _Definition):
        yield node
    elif isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt | ast.ExceptHandler):
                yield from _definitions(child)  # type: ignore[arg-type]


def _required_by_class(node: ast.ClassDef) -> tuple[str, ...]:
    for child in node.body:
        if isinstance(child, ast.FunctionDef) and child.name == "__init__":
            own = positional(parameters_of(child.args))
            return tuple(p.name for p in own[1:] if p.default is None)
    return ()
