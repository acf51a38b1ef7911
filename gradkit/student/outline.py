"""Static facts about a section: functions, torch models, and the training loop at top level.

By syntax alone; nothing is run. What a loop needs to have put in is read off its text: the
model is what is called on the input and whose parameters an optimiser is given, the input
is what the model is called with, the target stands beside the prediction in the loss.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from gradkit.records.submission import Place, Section
from gradkit.student.place import finder
from gradkit.worker.statements import Statement, count_of, layer_of, trains

Origin = Literal["own", "shared", "borrowed"]
Find = Callable[[str, int], Place]
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


@dataclass(frozen=True, slots=True)
class Function:
    """A function as it is written. ``return_place`` is its last return, or its head."""

    name: str
    origin: Origin
    place: Place
    signature: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    positional_only: bool
    return_place: Place


@dataclass(frozen=True, slots=True)
class Loop:
    """A training loop at top level and the names of what has to be put in.

    ``cell`` and ``line`` find the statement; ``epochs`` is empty where the count is a
    constant. ``through`` is a function that the loop leaves the step to, or empty.
    """

    cell: str
    line: int
    place: Place
    model: str
    X: str
    y: str
    epochs: str = ""
    through: str = ""


@dataclass(frozen=True, slots=True)
class Outline:
    """What a section defines.

    ``models`` are names that give a torch module, the likeliest first: classes, then
    top-level instances. ``places`` say where those are defined.
    """

    functions: tuple[Function, ...]
    models: tuple[str, ...]
    places: tuple[tuple[str, Place], ...]
    loop: Loop | None


def outline(section: Section) -> Outline:
    """Read the static facts of a section, its own cells first."""
    find = finder([*section.own, *section.shared, *section.borrowed])
    functions: list[Function] = []
    classes: dict[str, Statement] = {}
    instances: dict[str, Statement] = {}
    own: list[Statement] = []
    origins: tuple[Origin, ...] = ("borrowed", "shared", "own")
    for origin in origins:
        cells = getattr(section, origin)
        statements = layer_of([(cell.id, cell.source) for cell in cells]).statements
        own = statements
        for statement in statements:
            functions += _functions(statement, origin, find)
            if origin != "borrowed":
                _note_models(statement, classes, instances)
    known = {**classes, **instances}
    places = tuple((name, find(s.cell, s.node.lineno)) for name, s in known.items())
    loop = _loop(own, classes, instances, find)
    # A class last defined is what the section means, unless the loop names its model.
    models = [*reversed(classes), *reversed(instances)]
    if loop is not None and loop.model in models:
        models.insert(0, models.pop(models.index(loop.model)))
    return Outline(tuple(functions), tuple(models), places, loop)


# --- functions ---------------------------------------------------------------------------


def _functions(statement: Statement, origin: Origin, find: Find) -> Iterator[Function]:
    node = statement.node
    bodies: list[ast.stmt] = [node]
    if isinstance(node, ast.If | ast.Try | ast.With):
        bodies = [part for part in ast.walk(node) if isinstance(part, ast.FunctionDef)]
    for body in bodies:
        if isinstance(body, ast.FunctionDef):
            yield _function(body.name, body.args, body, statement.cell, origin, find)
        elif isinstance(body, ast.Assign) and isinstance(body.value, ast.Lambda):
            for target in body.targets:
                if isinstance(target, ast.Name):
                    yield _function(target.id, body.value.args, body, statement.cell, origin, find)


def _function(
    name: str, arguments: ast.arguments, node: ast.stmt, cell: str, origin: Origin, find: Find
) -> Function:
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    split = len(positional) - len(arguments.defaults)
    pairs = list(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
    required = [*positional[:split], *(a.arg for a, default in pairs if default is None)]
    optional = [*positional[split:], *(a.arg for a, default in pairs if default is not None)]
    returns = [part.lineno for part in _outside_inner(node) if isinstance(part, ast.Return)]
    return Function(
        name=name,
        origin=origin,
        place=find(cell, node.lineno),
        signature=f"{name}({ast.unparse(arguments)})",
        required=tuple(required),
        optional=tuple(optional),
        positional_only=bool(arguments.posonlyargs),
        return_place=find(cell, max(returns, default=node.lineno)),
    )


def _outside_inner(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those of functions inside."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            yield from _outside_inner(child)


# --- torch models ------------------------------------------------------------------------


def _note_models(
    statement: Statement, classes: dict[str, Statement], instances: dict[str, Statement]
) -> None:
    node = statement.node
    if isinstance(node, ast.ClassDef):
        bases = {_last_name(base) for base in node.bases}
        if bases & {"Module", "Sequential", *classes}:
            classes.pop(node.name, None)
            classes[node.name] = statement
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        value = node.value
        # `model = Net().to(device)` is an instance too.
        while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            if not isinstance(value.func.value, ast.Call):
                break
            value = value.func.value
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        made = isinstance(value, ast.Call) and _last_name(value.func)
        for target in targets:
            if isinstance(target, ast.Name) and made in {"Sequential", "Linear", *classes}:
                instances.pop(target.id, None)
                instances[target.id] = statement


def _last_name(node: ast.expr) -> str:
    return getattr(node, "attr", getattr(node, "id", ""))


# --- the training loop -------------------------------------------------------------------


def _loop(
    statements: list[Statement],
    classes: dict[str, Statement],
    instances: dict[str, Statement],
    find: Find,
) -> Loop | None:
    """The last top-level statement that trains, or that calls a function which does."""
    steps = {s.node.name for s in statements if isinstance(s.node, ast.FunctionDef) and trains(s.node)}
    for statement in reversed(statements):
        node = statement.node
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            continue
        loops = [part for part in ast.walk(node) if isinstance(part, _LOOPS)]
        direct = next((part for part in loops if trains(part)), None)
        if direct is not None:
            return _read_loop(statement, direct, "", statements, instances, find)
        for part in loops:
            through = next((name for name in sorted(steps) if _calls(part, name)), "")
            if through:
                return _read_loop(statement, part, through, statements, instances, find)
    return None


def _read_loop(
    statement: Statement,
    loop: ast.For | ast.AsyncFor | ast.While,
    through: str,
    statements: list[Statement],
    instances: dict[str, Statement],
    find: Find,
) -> Loop:
    bound = {n.id for n in ast.walk(loop) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    trained = [name for s in statements for name in _trained_models(s.node)]
    called = [_call_name(part) for part in ast.walk(loop) if isinstance(part, ast.Call)]
    handed = [n for call in _calls(loop, through) for n in _names(call)] if through else []
    model = next((name for name in trained if name in called or name in handed), "")
    model = model or next((name for name in (*called, *handed) if name in instances), "")
    model = model or (trained[-1] if trained else "")
    X = next((n for call in _calls(loop, model) for n in _names(call) if n not in bound), "")
    y = next((n for n in _beside_loss(loop) if n not in bound and n not in (model, X)), "")
    if through:
        others = _made_by_calls(statements)
        data = [n for n in handed if n != model and n not in others and n not in bound]
        X, y = (*data, "", "")[:2]
    if not X or not y:
        # Mini-batches: what the loader's dataset was made from.
        data = [n for s in statements for call in _calls(s.node, "TensorDataset") for n in _names(call)]
        X, y = (*data, "", "")[:2] if len(data) >= 2 else (X, y)
    count = count_of(loop)
    named = [n.id for n in ast.walk(count) if isinstance(n, ast.Name)] if count is not None else []
    epochs = next((name for name in named if name != _call_name(count)), "") if count else ""
    place = find(statement.cell, loop.lineno)
    return Loop(statement.cell, statement.node.lineno, place, model, X, y, epochs, through)


def _trained_models(node: ast.AST) -> Iterator[str]:
    """Names whose parameters are asked for, as an optimiser's are."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr == "parameters":
            if isinstance(part.value, ast.Name):
                yield part.value.id


def _call_name(call: ast.Call | None) -> str:
    return call.func.id if call is not None and isinstance(call.func, ast.Name) else ""


def _calls(node: ast.AST, name: str) -> list[ast.Call]:
    return [p for p in ast.walk(node) if isinstance(p, ast.Call) and _last_name(p.func) == name and name]


def _names(call: ast.Call) -> list[str]:
    """Names in the arguments, in order."""
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return [n.id for value in values for n in ast.walk(value) if isinstance(n, ast.Name)]


def _beside_loss(loop: ast.AST) -> Iterator[str]:
    """Names in the expressions that the value of ``….backward()`` was computed from."""
    targets = {
        part.func.value.id
        for part in ast.walk(loop)
        if isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and part.func.attr == "backward"
        and isinstance(part.func.value, ast.Name)
    }
    for part in ast.walk(loop):
        inline = isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr == "backward"
        if inline and isinstance(part.func.value, ast.Call):  # type: ignore[attr-defined]
            yield from _names(part.func.value)  # type: ignore[attr-defined]
        if isinstance(part, ast.Assign) and any(isinstance(t, ast.Name) and t.id in targets for t in part.targets):
            functions = {_last_name(c.func) for c in ast.walk(part.value) if isinstance(c, ast.Call)}
            for name in ast.walk(part.value):
                modules = {"torch", "nn", "F", "np", "functional"}
                if isinstance(name, ast.Name) and name.id not in functions | modules:
                    yield name.id


def _made_by_calls(statements: list[Statement]) -> set[str]:
    """Names of optimisers and losses: assigned from ``optim.…(…)`` or ``….…Loss(…)``."""
    made = set()
    for statement in statements:
        node = statement.node
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            text = ast.unparse(node.value.func)
            if "optim" in text or text.endswith("Loss"):
                made |= {t.id for t in node.targets if isinstance(t, ast.Name)}
    return made
