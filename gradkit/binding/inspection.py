"""The functions of a section: named by its text, and told of by the worker that ran it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from gradkit.binding.loops import Ingredients, Surroundings, find_loop, ingredients_of
from gradkit.records.observations import Lost
from gradkit.records.submission import Cell, Place, Section
from gradkit.records.task import Task
from gradkit.runtime.frames import Frame
from gradkit.runtime.statements import Layer, Statement, is_called, layer_of
from gradkit.runtime.syntax import AnyFunction, assignments, definitions_in
from gradkit.runtime.training import may_train
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.content import is_model, makes_model
from gradkit.submission.definitions import finder

Origin = Literal["own", "shared", "borrowed"]
ModelKind = Literal["class", "factory", "value"]


class Model(Struct, frozen=True):
    """A torch module: a class, a function that makes one, or a value such as ``nn.Sequential(…)``.

    ``required`` are the arguments without which the function cannot be called.
    """

    name: str
    kind: ModelKind
    place: Place
    origin: Origin
    required: tuple[str, ...] = ()


class Loop(Struct, frozen=True):
    """A top-level training loop: where it stands and what must be put in.

    ``cell`` and ``line`` name its top-level statement for `Namespace.run_loop`; ``place``
    is the loop's own.
    """

    cell: str
    line: int
    place: Place
    origin: Origin
    needs: Ingredients


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
    found = Outline(cells, modules or {})
    for origin, part in parts:
        found.read(layer_of((cell.id, cell.source) for cell in part), origin)
    return found


class Outline:
    """The static facts about a section; in each list, what counts more comes later.

    ``names`` are all that something at top level binds, with the place where it does so last.
    Layers are read one after another; what is known of names grows on the way.
    """

    def __init__(self, cells: Sequence[Cell], modules: Mapping[str, str]) -> None:
        self.names: dict[str, Place] = {}
        self.models: list[Model] = []
        self.loops: list[Loop] = []
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
            for node in definitions_in(statement.node):
                if isinstance(node, ast.FunctionDef):
                    self._definitions[node.name] = node
        for statement in layer.statements:
            if not statement.guarded:
                self._bind(statement, origin)
            self._values |= dict(assignments(statement.node))
            self._loop(statement, origin)

    def _bind(self, statement: Statement, origin: Origin) -> None:
        place = self._place(statement.cell, statement.node.lineno)
        node = statement.node
        self.names |= dict.fromkeys(statement.binds, place)
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node, origin)
        for part in definitions_in(node):
            where = self._place(statement.cell, part.lineno)
            if not isinstance(part, ast.ClassDef):
                self._function(part.name, part, where, origin)
            elif is_model(part, self._torch):
                self._torch.add(part.name)
                self.models.append(Model(part.name, "class", where, origin))
        for name, value in assignments(node):
            if isinstance(value, ast.Lambda):
                self._function(name, value, place, origin)
            self._assigned(name, value, place, origin)
        if is_model(node, self._torch) and not isinstance(node, ast.ClassDef):
            for name in statement.binds:
                self.models.append(Model(name, "value", place, origin))

    def _assigned(self, name: str, value: ast.expr, place: Place, origin: Origin) -> None:
        """Take note of ``net = Net()``."""
        while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            value = value.func.value  # Net().to(device)
        made_from = value.func if isinstance(value, ast.Call) else value
        for model in self.models:
            if isinstance(made_from, ast.Name) and model.name == made_from.id:
                kind: ModelKind = "value" if isinstance(value, ast.Call) else model.kind
                self.models.append(Model(name, kind, place, origin))
                break

    def _function(self, name: str, node: AnyFunction, place: Place, origin: Origin) -> None:
        models = {model.name for model in self.models}
        if makes_model(node, self._torch, models):
            self.models.append(Model(name, "factory", place, origin, _required(node)))

    def _import(self, node: ast.Import | ast.ImportFrom, origin: Origin) -> None:
        for alias in node.names:
            module = node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
            name = alias.asname or alias.name.partition(".")[0]
            self._imports.add(name)
            if module.partition(".")[0] == "torch":
                self._torch.add(name)
            if isinstance(node, ast.ImportFrom):
                self._imported(module, alias, origin)

    def _imported(self, module: str, alias: ast.alias, origin: Origin) -> None:
        """Models that are imported from a file beside."""
        cell = self._files.get(module)
        source = cell.source if cell is not None else self._modules.get(module)
        if source is None:
            return
        beside = Outline([cell] if cell is not None else [], {})
        beside._torch = set(self._torch)
        # It is the only file that is known there, and may import itself.
        beside._files.clear()
        beside.read(layer_of([(cell.id if cell is not None else f"{module}.py", source)]), origin)
        for model in beside.models:
            if alias.name in ("*", model.name):
                self.models.append(replace(model, name=alias.asname or model.name))
                self._torch.add(alias.asname or model.name)

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


def _required(node: AnyFunction) -> tuple[str, ...]:
    """Return the parameters without which a function cannot be called by position."""
    positional = [*node.args.posonlyargs, *node.args.args]
    return tuple(one.arg for one in positional[: len(positional) - len(node.args.defaults)])


Standing = Literal["own", "borrowed", "guess", "method", "guarded", "elsewhere", "broken"]


class Parameter(NamedTuple):
    """A parameter of a function; ``kind`` is one of `inspect.Parameter`'s.

    Of one that ``counts`` the default is a whole number.
    """

    name: str
    kind: str
    required: bool
    counts: bool = False


class Function(Struct, frozen=True):
    """A function, by the name under which the section has it.

    ``required`` and ``optional`` are the parameters without and with a default that can be
    handed over by position, in order. ``return_place`` is the last ``return`` statement or,
    without one, the end of the body.

    A ``guess`` could not be made, and may be something else: it can play a role by its name
    alone. ``borrowed`` is what another section has. The others cannot be called: a ``method`` of
    the class that ``owner`` names, without its first parameter, and definitions with the name of
    a role that stand under ``if __name__ == …`` (``guarded``), in another task's part, or are no
    Python (``broken``).
    """

    name: str
    standing: Standing
    place: Place
    return_place: Place
    signature: str
    parameters: tuple[Parameter, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    owner: str = ""


def inspect(task: Task, process: StudentProcess) -> tuple[Function, ...]:
    """Have the functions of a section looked at, and those made that have the name of a role.

    Returns
    -------
    tuple of Function
        Borrowed before shared before own, each in the order of the text: of several that fit,
        the last one counts.
    """
    wanted = sorted({alias for role in task.roles for alias in role.aliases})
    reply = process.ask(Frame("functions", {}, {"names": wanted}))
    if not isinstance(reply, Lost):
        return tuple(_function(told, process) for told in reply.data["functions"])
    # Whatever cost the process will do so again, where it is told.
    anything = (Parameter("args", "VAR_POSITIONAL", True),)
    return tuple(
        Function(name, "guess", place, place, f"{name}(…)", anything, (), ())
        for name, place in outline(process.section, process.modules).names.items()
        if is_called(name, wanted)
    )


def _function(told: Mapping[str, Any], process: StudentProcess) -> Function:
    def at(line: int) -> Place:
        return process.place((told["cell"], line)) or Place(told["cell"], None, 1)

    parameters = tuple(Parameter(*each) for each in told["parameters"])
    positional = [each for each in parameters if each.kind.startswith("POSITIONAL")]
    return Function(
        told["name"],
        told["standing"],
        at(told["line"]),
        at(told["last"]),
        f"{told['name']}{told['signature']}",
        parameters,
        tuple(each.name for each in positional if each.required),
        tuple(each.name for each in positional if not each.required),
        told["owner"],
    )
