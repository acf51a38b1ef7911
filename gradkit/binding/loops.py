"""Training loops at top level: what must be put in to run one on other data.

Only the text is read. What cannot be told from it is None, and left as the student has it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gradkit.binding.scope import STEPS, Scope, Surroundings, data_names
from gradkit.runtime.syntax import COMPOUND, DEFINITIONS, LOOPS, base_name, statements_in, walk
from gradkit.runtime.training import count_of, trains


@dataclass(frozen=True, slots=True)
class Ingredients:
    """The names that a training loop reads and that decide what it trains, and on what.

    ``model``, ``X`` and ``y`` are global names; ``epochs`` is the name of the number of
    rounds, ``rounds`` that number where it stands in the text. ``loss`` is the name that
    ``backward`` is called on. ``through`` is the function that makes the step, if the loop
    leaves it to one; ``batches`` says that a step is made on parts of the data.
    """

    model: str | None = None
    X: str | None = None
    y: str | None = None
    epochs: str | None = None
    rounds: int | None = None
    loss: str | None = None
    optimiser: str | None = None
    through: str | None = None
    batches: bool = False


def find_loop(node: ast.stmt, functions: Mapping[str, ast.FunctionDef]) -> ast.stmt | None:
    """The outermost training loop in a top-level statement, if there is one."""
    for part in _walk_statements(node) if isinstance(node, (*LOOPS, *COMPOUND)) else ():
        if isinstance(part, LOOPS) and (trains(part) or _through(part, functions)):
            return part
    return None


def _walk_statements(node: ast.AST) -> Iterator[ast.AST]:
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if not isinstance(part, DEFINITIONS):
            yield part
            waiting += reversed(statements_in(part))


def _through(loop: ast.AST, functions: Mapping[str, ast.FunctionDef]) -> ast.Call | None:
    seen: set[str] = set()
    for part in walk(loop):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
            function = None if part.func.id in seen else functions.get(part.func.id)
            if function is not None and trains(function):
                return part
            seen.add(part.func.id)
    return None


def ingredients_of(loop: ast.stmt, around: Surroundings) -> Ingredients:
    """Work out what a training loop reads."""
    epochs, rounds = _count(loop, around)
    call = None if trains(loop) else _through(loop, around.functions)
    if call is None:
        scope = Scope(loop, around)
        found = _read(scope)
    else:
        function = around.functions[call.func.id]  # type: ignore[attr-defined]
        found = _from_function(Scope(loop, around), call, function, around)
    model, X, y, loss, optimiser = found
    nested = any(isinstance(part, LOOPS) for part in walk(loop) if part is not loop)
    return Ingredients(
        model=model,
        X=X,
        y=y,
        epochs=epochs,
        rounds=rounds,
        loss=loss,
        optimiser=optimiser,
        through=call.func.id if call is not None and isinstance(call.func, ast.Name) else None,
        batches=nested or (count_of(loop) is None and not isinstance(loop, ast.While)),
    )


def _count(loop: ast.stmt, around: Surroundings) -> tuple[str | None, int | None]:
    stop: ast.expr | None = None
    if isinstance(loop, ast.While) and isinstance(loop.test, ast.Compare):
        stop = loop.test.comparators[0]
    elif (call := count_of(loop)) is not None:
        stop = call.args[0] if len(call.args) == 1 else call.args[1]
    names = [part.id for part in walk(stop) if isinstance(part, ast.Name)] if stop else []
    name = names[0] if len(names) == 1 and names[0] not in around.functions else None
    value = around.values.get(name) if name else stop
    constant = isinstance(value, ast.Constant) and isinstance(value.value, int)
    return name, value.value if constant and isinstance(value, ast.Constant) else None  # type: ignore[return-value]


Found = tuple[str | None, str | None, str | None, str | None, str | None]
"""Model, X, y, loss, optimiser."""


def _read(scope: Scope) -> Found:
    optimiser = _optimiser(scope)
    model = _model(scope, optimiser)
    outputs = _derived(scope, model)
    X = _input(scope, model)
    loss_name, loss = _loss(scope)
    y = _target(scope, loss, outputs, (model, X, optimiser)) if loss is not None else None
    return model, X, y, loss_name, optimiser


def _optimiser(scope: Scope) -> str | None:
    steps = [
        name
        for call in scope.calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "step"
        for name in [base_name(call.func.value)]
        if name is not None
    ]
    # A scheduler steps too; an optimiser was given parameters.
    given = [name for name in steps if _parameters_of(scope.around.values.get(name))]
    return next(iter(given or steps), None)


def _parameters_of(value: ast.expr | None) -> str | None:
    for part in walk(value) if value is not None else ():
        if isinstance(part, ast.Attribute) and part.attr in ("parameters", "named_parameters"):
            return base_name(part.value)
    return None


def _model(scope: Scope, optimiser: str | None) -> str | None:
    called = [_called_model(call) for call in scope.calls]
    known = [name for name in called if name in scope.around.models]
    if known:
        return known[0]
    trained = _parameters_of(scope.around.values.get(optimiser or ""))
    if trained is not None:
        return trained
    for call in scope.calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("train", "zero_grad"):
            name = base_name(call.func.value)
            if name is not None and name != optimiser and name in called:
                return name
    return None


def _called_model(call: ast.Call) -> str | None:
    """``net`` for ``net(X)`` and ``net.forward(X)``."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "forward":
        return base_name(call.func.value)
    return call.func.id if isinstance(call.func, ast.Name) else None


def _input(scope: Scope, model: str | None) -> str | None:
    for call in scope.calls:
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if model is not None and _called_model(call) == model and arguments:
            found = scope.outside(arguments[0])
            if found is not None and found != model:
                return found
    return None


def _derived(scope: Scope, model: str | None) -> set[str]:
    """Names that the loop makes from the model's output."""
    derived: set[str] = set()
    for _ in range(STEPS):
        before = len(derived)
        for name, sources in scope.bound.items():
            if name not in derived and any(_uses(s.value, model, derived) for s in sources):
                derived.add(name)
        if len(derived) == before:
            break
    return derived


def _uses(node: ast.expr, model: str | None, derived: set[str]) -> bool:
    return any(
        (isinstance(part, ast.Call) and _called_model(part) == model and model is not None)
        or (isinstance(part, ast.Name) and part.id in derived)
        for part in walk(node)
    )


def _loss(scope: Scope) -> tuple[str | None, ast.expr | None]:
    for call in scope.calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr == "backward":
            value = call.func.value
            if isinstance(value, ast.Attribute) and value.attr == "autograd" and call.args:
                value = call.args[0]
            name = value.id if isinstance(value, ast.Name) else None
            if name is not None and scope.bound.get(name):
                return name, scope.bound[name][-1].value
            return name, value
    return None, None


def _target(
    scope: Scope, loss: ast.expr, outputs: set[str], others: tuple[str | None, ...]
) -> str | None:
    """The data in the loss that does not come from the model."""
    criteria = {call.func.id for call in scope.calls if isinstance(call.func, ast.Name)}
    for _ in range(STEPS):
        for name in dict.fromkeys(data_names(loss, scope.around)):
            function = scope.around.functions.get(name)
            if name in outputs or name in others or function is not None:
                continue
            made = scope.bound.get(name)
            found = scope.outside(ast.Name(name, ast.Load()))
            if found is not None and found not in others and found not in criteria:
                return found
            if made is None and name not in criteria:
                return name
        # The loss may be made from another: `loss = total / n`.
        inner = [name for name in data_names(loss, scope.around) if name in scope.bound]
        if not inner:
            return None
        loss = scope.bound[inner[0]][-1].value
    return None


def _from_function(
    scope: Scope, call: ast.Call, function: ast.FunctionDef, around: Surroundings
) -> Found:
    """Read the function that makes the step, and give its parameters the caller's names."""
    parameters = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    given = dict(zip(parameters, call.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    values = {name: value for name, value in around.values.items() if name not in parameters}
    for name, value in given.items():
        if isinstance(value, ast.Name) and value.id in around.values:
            values[name] = around.values[value.id]
    models = {name for name, value in given.items() if base_name(value) in around.models}
    inside = Surroundings(values, models | set(around.models), around.functions, around.imports)
    model, X, y, loss, optimiser = _read(Scope(function, inside))

    def outer(name: str | None) -> str | None:
        if name is None or name not in given:
            return None if name in parameters else name
        return scope.outside(given[name])

    if model is not None and model not in given and _parameter_given(model, given):
        model = _parameter_given(model, given)
    return outer(model), outer(X), outer(y), loss, outer(optimiser)


def _parameter_given(name: str, given: Mapping[str, ast.expr]) -> str | None:
    return next((parameter for parameter, value in given.items() if base_name(value) == name), None)
