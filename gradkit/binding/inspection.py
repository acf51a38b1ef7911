"""Find the functions, models and training loops of a section.

The text of the section shows models and loops. The worker that ran the section lists its functions.
"""

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
    """A top-level training loop: its place, and the names of the data it is run with.

    ``cell`` and ``line`` are those of its top-level statement, for `Namespace.run_loop`;
    ``place`` is the place of the loop itself, which may be inside that statement.
    """

    cell: str
    line: int
    place: Place
    origin: Origin
    needs: Ingredients


# --- reading -----------------------------------------------------------------------------


def outline(section: Section, modules: Mapping[str, str] | None = None) -> Outline:
    """Read the names, models and training loops in the text of a section.

    Parameters
    ----------
    section : Section
        Cells that cannot be parsed are skipped.
    modules : mapping of str to str, optional
        Sources that the section may import, beside the files among its cells.

    Returns
    -------
    Outline
        First what the borrowed cells define, then the shared cells, then the section's own; each
        in the order of the text.
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
    """The static facts about a section. In each list, later items take precedence.

    ``names`` are all names that top-level statements bind, with the place of the last binding.
    Layers are read one after another, and names of earlier layers are known to later ones.
    """

    def __init__(self, cells: Sequence[Cell], modules: Mapping[str, str]) -> None:
        """Start without names, models and loops; `read` adds those of a layer."""
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
        """Add the names, models and loops of one layer of cells."""
        # A function may be used above the cell that defines it, so definitions are read first.
        for statement in layer.statements:
            for node in definitions_in(statement.node):
                if isinstance(node, ast.FunctionDef):
                    self._definitions[node.name] = node
        for statement in layer.statements:
            if not statement.guarded:
                self._bind(statement, origin)
            self._values |= dict(assignments(statement.node))
            self._add_loop(statement, origin)

    def _bind(self, statement: Statement, origin: Origin) -> None:
        """Add the names and models that one statement binds."""
        place = self._place(statement.cell, statement.node.lineno)
        node = statement.node
        self.names |= dict.fromkeys(statement.binds, place)
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node, origin)
        for part in definitions_in(node):
            where = self._place(statement.cell, part.lineno)
            if not isinstance(part, ast.ClassDef):
                self._add_factory(part.name, part, where, origin)
            elif is_model(part, self._torch):
                self._torch.add(part.name)
                self.models.append(Model(part.name, "class", where, origin))
        for name, value in assignments(node):
            if isinstance(value, ast.Lambda):
                self._add_factory(name, value, place, origin)
            self._add_assigned(name, value, place, origin)
        if is_model(node, self._torch) and not isinstance(node, ast.ClassDef):
            for name in statement.binds:
                self.models.append(Model(name, "value", place, origin))

    def _add_assigned(self, name: str, value: ast.expr, place: Place, origin: Origin) -> None:
        """Add `name` as a model if its value is made from a known model: ``net = Net()``."""
        while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            value = value.func.value  # Net().to(device)
        made_from = value.func if isinstance(value, ast.Call) else value
        for model in self.models:
            if isinstance(made_from, ast.Name) and model.name == made_from.id:
                kind: ModelKind = "value" if isinstance(value, ast.Call) else model.kind
                self.models.append(Model(name, kind, place, origin))
                break

    def _add_factory(self, name: str, node: AnyFunction, place: Place, origin: Origin) -> None:
        """Add a function as a model if it returns one."""
        models = {model.name for model in self.models}
        if makes_model(node, self._torch, models):
            self.models.append(Model(name, "factory", place, origin, _required(node)))

    def _import(self, node: ast.Import | ast.ImportFrom, origin: Origin) -> None:
        """Add the imported names, and the models that come from the student's own files."""
        for alias in node.names:
            module = node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
            name = alias.asname or alias.name.partition(".")[0]
            self._imports.add(name)
            if module.partition(".")[0] == "torch":
                self._torch.add(name)
            if isinstance(node, ast.ImportFrom):
                self._add_imported(module, alias, origin)

    def _add_imported(self, module: str, alias: ast.alias, origin: Origin) -> None:
        """Add the models that an import takes from another file of the submission to `models`."""
        cell = self._files.get(module)
        source = cell.source if cell is not None else self._modules.get(module)
        if source is None:
            return
        beside = Outline([cell] if cell is not None else [], {})
        beside._torch = set(self._torch)
        # The file may import itself, so it must not find itself again.
        beside._files.clear()
        beside.read(layer_of([(cell.id if cell is not None else f"{module}.py", source)]), origin)
        for model in beside.models:
            if alias.name in ("*", model.name):
                self.models.append(replace(model, name=alias.asname or model.name))
                self._torch.add(alias.asname or model.name)

    def _add_loop(self, statement: Statement, origin: Origin) -> None:
        """Add the training loop in a statement, if there is one."""
        # The loops of other sections train other models.
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
    """A parameter of a function. ``kind`` is the name of one of `inspect.Parameter`'s kinds.

    ``counts`` says that the default is a whole number.
    """

    name: str
    kind: str
    required: bool
    counts: bool = False


class Function(Struct, frozen=True):
    """A function, under the name that the section binds it to.

    ``required`` and ``optional`` are the parameters without and with a default that can be
    passed by position, in order. ``return_place`` is the place of the last ``return`` statement
    or, without one, of the end of the body.

    The ``standing`` of a function is one of these:

    - ``own``: a function of the section;
    - ``borrowed``: a function of another section;
    - ``guess``: a name whose assignment or import failed, so it may not be a function; it plays a
      role only by its name.

    The rest cannot be called:

    - ``method``: a method of the class ``owner``, without its first parameter;
    - ``guarded``: a definition under ``if __name__ == …``;
    - ``elsewhere``: a definition in another task's part;
    - ``broken``: a definition that is not valid Python.

    The last three are listed only if they have the name of a role.
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
    """Ask the worker for the functions of a section, and define those with the name of a role.

    If the process is lost, the names of roles that the text binds are returned as guesses.

    Returns
    -------
    tuple of Function
        First the borrowed functions, then the shared, then the section's own, each in the order
        of the text. If several fit a role, the last one counts.
    """
    wanted = sorted({alias for role in task.roles for alias in role.aliases})
    reply = process.ask(Frame("functions", {}, {"names": wanted}))
    if not isinstance(reply, Lost):
        return tuple(_function(data, process) for data in reply.data["functions"])
    # The code that ended the process will end it again, and that later loss is reported.
    anything = (Parameter("args", "VAR_POSITIONAL", True),)
    return tuple(
        Function(name, "guess", place, place, f"{name}(…)", anything, (), ())
        for name, place in outline(process.section, process.modules).names.items()
        if is_called(name, wanted)
    )


def _function(data: Mapping[str, Any], process: StudentProcess) -> Function:
    """Convert the worker's description of a function."""

    def at(line: int) -> Place:
        return process.place((data["cell"], line)) or Place(data["cell"], None, 1)

    parameters = tuple(Parameter(*each) for each in data["parameters"])
    positional = [each for each in parameters if each.kind.startswith("POSITIONAL")]
    return Function(
        data["name"],
        data["standing"],
        at(data["line"]),
        at(data["last"]),
        f"{data['name']}{data['signature']}",
        parameters,
        tuple(each.name for each in positional if each.required),
        tuple(each.name for each in positional if not each.required),
        data["owner"],
    )
