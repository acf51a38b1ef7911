"""Find the functions, models and training loops of a section.

The text of the section shows models and loops. The worker that ran the section lists its functions.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from gradkit.records.submission import Cell, Lost, Place, Section
from gradkit.records.task import Task
from gradkit.runtime.frames import Frame
from gradkit.runtime.syntax import (
    DEFINITIONS,
    LOOPS,
    AnyFunction,
    CodeLayer,
    Statement,
    assignments,
    base_name,
    called_method,
    count_of,
    definitions_in,
    is_called,
    layer_of,
    may_train,
    statements_in,
    trains,
    walk,
)
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.definitions import finder, is_model, makes_model

MAX_ASSIGNMENTS = 8
"""Largest number of assignments that a name is traced through."""

MAX_SOURCES = 50_000
"""Largest number of values that are read to trace the names of one loop."""

_BUILTINS = frozenset({"range", "len", "enumerate", "zip", "print", "float", "int", "list", "tqdm"})
"""Functions whose names are never data."""


class Surroundings(Struct):
    """The known names outside a loop.

    ``values`` are the expressions last assigned to names above the loop, ``models`` names of
    models, ``functions`` definitions of functions by name, ``imports`` all names that imports bind.
    """

    values: Mapping[str, ast.expr]
    models: Collection[str]
    functions: Mapping[str, ast.FunctionDef]
    imports: Collection[str]


class _Source(Struct):
    """The expression that a loop binds a name to or, with ``index``, takes the name's item from."""

    value: ast.expr
    index: tuple[int, ...] | None = None


class LoopScope(Struct):
    """A loop's body, and the expressions that its own names are bound to.

    ``around`` are the names outside the loop, ``bound`` has the expressions by name, and ``calls``
    are all calls in the loop, in the order of the text.
    """

    body: ast.AST
    around: Surroundings
    bound: dict[str, list[_Source]] = field(default_factory=dict)
    calls: list[ast.Call] = field(default_factory=list)
    _known: dict[tuple[ast.expr, int], str | None] = field(default_factory=dict)
    _sources_read: int = 0

    def __post_init__(self) -> None:
        """Collect the calls of the loop, and the names that it binds."""
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
        """Add the names that an assignment binds.

        Tuples on both sides are taken apart; otherwise each name in a tuple gets an item of the
        value.
        """
        if isinstance(target, ast.Name):
            self.bound.setdefault(target.id, []).append(_Source(value))
        elif isinstance(target, ast.Tuple | ast.List):
            items = value.elts if isinstance(value, ast.Tuple | ast.List) else None
            for i, element in enumerate(target.elts):
                if items is not None and i < len(items):
                    self._assign(element, items[i])
                elif isinstance(element, ast.Name):
                    self.bound.setdefault(element.id, []).append(_Source(value, (i,)))

    def _iterate(self, target: ast.expr, over: ast.expr, index: tuple[int, ...]) -> None:
        """Add the names that a ``for`` binds to items of ``over``, or to parts of them.

        ``index`` is the position of ``target`` in nested tuples: ``(1,)`` for ``b`` in ``for a, b
        in …``.
        """
        if isinstance(target, ast.Name):
            self.bound.setdefault(target.id, []).append(_Source(over, index))
        elif isinstance(target, ast.Tuple | ast.List):
            for i, element in enumerate(target.elts):
                self._iterate(element, over, (*index, i))

    def outside(self, node: ast.expr, steps: int = MAX_ASSIGNMENTS) -> str | None:
        """Return the first global name of data that an expression is computed from, or None.

        `steps` is the number of assignments that may be traced.
        """
        # In a loop every name can depend on all others, so results are cached.
        if (node, steps) not in self._known:
            self._known[node, steps] = self._outside(node, steps)
        return self._known[node, steps]

    def _outside(self, node: ast.expr, steps: int) -> str | None:
        """Return the global name that an expression's data come from, or None.

        ``node`` is the expression. Names that the loop binds are traced back, at most ``steps``
        assignments deep and `MAX_SOURCES` in all. `outside` caches the results.
        """
        for name in dict.fromkeys(data_names(node, self.around)):
            sources = self.bound.get(name)
            if sources is None:
                return name
            for source in sources if steps else ():
                self._sources_read += 1
                if self._sources_read > MAX_SOURCES:
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
        """Return the global name that an item of a loader, ``zip`` or dataset comes from, or None.

        ``over`` is the expression that a loop goes over. ``index`` is the position of the item in
        nested tuples, ``steps`` the number of assignments that may still be traced. The counter of
        an ``enumerate`` and a ``range`` come from no name.
        """
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
            return self._item(arguments[0], index[1:], steps) if index[:1] != (0,) else None
        if name in ("range", "arange", "trange"):
            return None
        if index and len(arguments) > index[-1] and name not in ("DataLoader", "tqdm", "list"):
            return self.outside(arguments[index[-1]], steps)
        return self._item(arguments[0], index, steps) if arguments else None


def data_names(node: ast.expr, around: Surroundings) -> Iterator[str]:
    """Yield the names in an expression, except called functions, imported names and indices.

    ``around`` has the imported names.
    """
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        inner: list[ast.AST] = []
        if isinstance(part, ast.Call):
            inner = [part.func.value] if isinstance(part.func, ast.Attribute) else []
            inner += [*part.args, *(keyword.value for keyword in part.keywords)]
        elif isinstance(part, ast.Name):
            if part.id not in around.imports and part.id not in _BUILTINS:
                yield part.id
        elif isinstance(part, ast.Subscript):
            inner = [part.value]
        else:
            inner = [child for child in ast.iter_child_nodes(part) if isinstance(child, ast.expr)]
        waiting += reversed(inner)


# --- names that a loop reads -------------------------------------------------------------


class Ingredients(Struct, frozen=True):
    """The global names of a training loop's model, inputs, targets and number of epochs.

    ``through`` is the function that makes the training step, if the loop calls one.
    """

    model: str | None = None
    X: str | None = None
    y: str | None = None
    epochs: str | None = None
    through: str | None = None


def find_loop(node: ast.stmt, functions: Mapping[str, ast.FunctionDef]) -> ast.stmt | None:
    """Return the outermost training loop in a top-level statement, or None.

    ``functions`` are the definitions of functions by name: a loop may train by calling one of them.
    """
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, LOOPS) and (trains(part) or _through(part, functions)):
            return part
        if not isinstance(part, DEFINITIONS):
            waiting += reversed(statements_in(part))
    return None


def _through(loop: ast.AST, functions: Mapping[str, ast.FunctionDef]) -> ast.Call | None:
    """Return the first call in a loop to a function that makes a training step.

    Functions are found by name in ``functions``.
    """
    seen: set[str] = set()
    for part in walk(loop):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
            function = None if part.func.id in seen else functions.get(part.func.id)
            if function is not None and trains(function):
                return part
            seen.add(part.func.id)
    return None


def ingredients_of(loop: ast.stmt, around: Surroundings) -> Ingredients:
    """Find the global names of a training loop's model, data and number of epochs.

    ``around`` are the names outside the loop. A name that is not found is None.
    """
    call = None if trains(loop) else _through(loop, around.functions)
    if call is None:
        found, step_call = _read(LoopScope(loop, around)), None
    else:
        step_call = call.func.id  # type: ignore[attr-defined]
        found = _from_function(LoopScope(loop, around), call, around.functions[step_call], around)
    return Ingredients(*found, _epochs(loop, around), step_call)


def _epochs(loop: ast.stmt, around: Surroundings) -> str | None:
    """Return the global name of the number of epochs; None if the loop's bound is no single name.

    ``around`` are the names outside the loop.
    """
    stop: ast.expr | None = None
    if isinstance(loop, ast.While) and isinstance(loop.test, ast.Compare):
        stop = loop.test.comparators[0]
    elif (call := count_of(loop)) is not None:
        stop = call.args[0] if len(call.args) == 1 else call.args[1]
    names = [part.id for part in walk(stop) if isinstance(part, ast.Name)] if stop else []
    return names[0] if len(names) == 1 and names[0] not in around.functions else None


Found = tuple[str | None, str | None, str | None]
"""Names of the model, of X and of y."""


def _read(scope: LoopScope) -> Found:
    """Find the global names of the model, the inputs and the targets of a loop."""
    optimiser = _optimiser(scope)
    model = _model(scope, optimiser)
    outputs = _derived(scope, model)
    X = _input(scope, model)
    loss = _loss_expression(scope)
    y = _target(scope, loss, outputs, (model, X, optimiser)) if loss is not None else None
    return model, X, y


def _optimiser(scope: LoopScope) -> str | None:
    """Return the name of the optimiser whose ``step`` the loop calls.

    A name whose value was created with parameters is preferred. None if there is no such call.
    """
    steps = [
        name
        for call in scope.calls
        if called_method(call) == "step"
        if (name := base_name(call.func)) is not None
    ]
    # A scheduler has a `step` too, but only an optimiser is created with parameters.
    given = [name for name in steps if _parameters_of(scope.around.values.get(name))]
    return next(iter(given or steps), None)


def _parameters_of(value: ast.expr | None) -> str | None:
    """Return ``net`` for an expression that contains ``net.parameters()``."""
    for part in walk(value) if value is not None else ():
        if isinstance(part, ast.Attribute) and part.attr in ("parameters", "named_parameters"):
            return base_name(part.value)
    return None


def _model(scope: LoopScope, optimiser: str | None) -> str | None:
    """Return the name of the model that a loop trains, or None.

    That is the first known model that is called, else the model whose parameters the optimiser has,
    else a name that is called and has ``train`` or ``zero_grad`` called on it. ``optimiser`` is the
    name of the optimiser.
    """
    called = [_called_model(call) for call in scope.calls]
    known = [name for name in called if name in scope.around.models]
    if known:
        return known[0]
    trained = _parameters_of(scope.around.values.get(optimiser or ""))
    if trained is not None:
        return trained
    set_up = [base_name(c.func) for c in scope.calls if called_method(c) in ("train", "zero_grad")]
    return next((name for name in set_up if name is not None and name in called), None)


def _called_model(call: ast.Call) -> str | None:
    """Return ``net`` for the calls ``net(X)`` and ``net.forward(X)``."""
    if called_method(call) == "forward":
        return base_name(call.func)
    return call.func.id if isinstance(call.func, ast.Name) else None


def _input(scope: LoopScope, model: str | None) -> str | None:
    """Return the global name of the data that the loop calls the model with, or None."""
    for call in scope.calls:
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if model is not None and _called_model(call) == model and arguments:
            found = scope.outside(arguments[0])
            if found is not None and found != model:
                return found
    return None


def _derived(scope: LoopScope, model: str | None) -> set[str]:
    """Return the names that the loop computes from the output of the model with this name."""
    derived: set[str] = set()
    for _ in range(MAX_ASSIGNMENTS):
        derived |= {
            name
            for name, sources in scope.bound.items()
            if any(_uses(source.value, model, derived) for source in sources)
        }
    return derived


def _uses(node: ast.expr, model: str | None, derived: set[str]) -> bool:
    """Return whether an expression calls the model, or has one of the names ``derived`` from it."""
    return any(
        (isinstance(part, ast.Call) and _called_model(part) == model and model is not None)
        or (isinstance(part, ast.Name) and part.id in derived)
        for part in walk(node)
    )


def _loss_expression(scope: LoopScope) -> ast.expr | None:
    """Return the expression of the loss: the object that ``backward`` is called on, or None.

    If this object is a name, the expression that the loop last binds the name to is returned.
    """
    for call in scope.calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr == "backward":
            value = call.func.value
            if isinstance(value, ast.Attribute) and value.attr == "autograd" and call.args:
                value = call.args[0]
            made = scope.bound.get(value.id) if isinstance(value, ast.Name) else None
            return made[-1].value if made else value
    return None


def _target(
    scope: LoopScope, loss: ast.expr, outputs: set[str], others: tuple[str | None, ...]
) -> str | None:
    """Return the global name of the data in the loss that is not computed from the model, or None.

    `outputs` are the names computed from the model's output, `others` names that are not targets.
    """
    criteria = {call.func.id for call in scope.calls if isinstance(call.func, ast.Name)}
    seen = [loss]
    for _ in range(MAX_ASSIGNMENTS):
        for name in dict.fromkeys(data_names(loss, scope.around)):
            function = scope.around.functions.get(name)
            if name in outputs or name in others or function is not None:
                continue
            found = scope.outside(ast.Name(name, ast.Load()))
            if found is not None and found not in others and found not in criteria:
                return found
        # The loss may be computed from another loss: `loss = total / n`.
        inner = [name for name in data_names(loss, scope.around) if name in scope.bound]
        if not inner:
            return None
        loss = next(
            (each.value for each in reversed(scope.bound[inner[0]]) if each.value not in seen), loss
        )
        seen.append(loss)
    return None


def _from_function(
    scope: LoopScope, call: ast.Call, function: ast.FunctionDef, around: Surroundings
) -> Found:
    """Read the function that makes the training step, and return names of the calling loop.

    ``scope`` is that of the loop, and ``around`` are the names outside it. A name that is a
    parameter of the function is traced to the argument of `call`. A parameter without an argument
    gives None.
    """
    parameters = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    given = dict(zip(parameters, call.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    values = {name: value for name, value in around.values.items() if name not in parameters}
    for name, value in given.items():
        if isinstance(value, ast.Name) and value.id in around.values:
            values[name] = around.values[value.id]
    models = {name for name, value in given.items() if base_name(value) in around.models}
    inside = Surroundings(values, models | set(around.models), around.functions, around.imports)
    model, X, y = _read(LoopScope(function, inside))

    def outer(name: str | None) -> str | None:
        """Return the global name of a name inside the function, or None for a local one."""
        if name is None or name not in given:
            return None if name in parameters else name
        return scope.outside(given[name])

    return outer(model), outer(X), outer(y)


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
        """Start without names, models and loops; `read` adds those of a layer of cells.

        ``cells`` are all cells, for places and imports of one from another, and ``modules`` the
        sources of other modules that they may import, by name.
        """
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

    def read(self, layer: CodeLayer, origin: Origin) -> None:
        """Add the names, models and loops of one layer of cells.

        ``origin`` says to which section the cells belong: ``own``, ``shared`` or ``borrowed``, see
        `Section`.
        """
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
        """Add the names and models that one statement binds.

        ``origin`` is stored with each model: ``own``, ``shared`` or ``borrowed``, as for `read`.
        """
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
        """Add `name` as a model if its value is made from a known model: ``net = Net()``.

        ``value`` is the assigned expression. ``place`` is the place of the assignment, and
        ``origin`` that of its cell, as for `read`; both are stored with the model.
        """
        while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            value = value.func.value  # Net().to(device)
        made_from = value.func if isinstance(value, ast.Call) else value
        for model in self.models:
            if isinstance(made_from, ast.Name) and model.name == made_from.id:
                kind: ModelKind = "value" if isinstance(value, ast.Call) else model.kind
                self.models.append(Model(name, kind, place, origin))
                break

    def _add_factory(self, name: str, node: AnyFunction, place: Place, origin: Origin) -> None:
        """Add a function or lambda as a model if it returns a torch module."""
        models = {model.name for model in self.models}
        if makes_model(node, self._torch, models):
            self.models.append(Model(name, "factory", place, origin, _required(node)))

    def _import(self, node: ast.Import | ast.ImportFrom, origin: Origin) -> None:
        """Add the names that an import binds, and models that come from the student's own files.

        ``origin`` is stored with each model, as for `read`.
        """
        for alias in node.names:
            module = node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
            name = alias.asname or alias.name.partition(".")[0]
            self._imports.add(name)
            if module.partition(".")[0] == "torch":
                self._torch.add(name)
            if isinstance(node, ast.ImportFrom):
                self._add_imported(module, alias, origin)

    def _add_imported(self, module: str, alias: ast.alias, origin: Origin) -> None:
        """Add the models that an import takes from another file of the submission to `models`.

        ``module`` is the imported module, and ``alias`` one of the imported names. ``origin`` is
        stored with each model, as for `read`. Nothing is added if the module is not the student's.
        """
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
        """Add the training loop in a statement to ``loops``, if there is one.

        ``origin`` says to which section the statement belongs, as for `read`. A loop of a
        ``borrowed`` cell is left out, because it trains another model.
        """
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
    """Return the function that the worker's reply describes.

    ``data`` is the description as JSON, see `gradkit.runtime.inspection`. ``process`` converts its
    lines to places in the student's files.
    """

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
