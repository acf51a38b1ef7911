"""Bind roles: names and signatures first, then what the functions accept and give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np

from gradkit.binding.conventions import find_returns, stated, unknown, variants
from gradkit.binding.inspection import Function, inspect
from gradkit.binding.match import (
    Fit,
    called,
    draft,
    fit_function,
    misfit,
    names_all,
    not_found,
    own_keys,
)
from gradkit.binding.outline import Loop, Outline, outline
from gradkit.language import phrase, say
from gradkit.records.binding import Before, Binding, Bound, Convention, Missing
from gradkit.records.observations import Lost
from gradkit.records.submission import Place
from gradkit.records.task import Array, Role, Task
from gradkit.runtime.statements import is_called
from gradkit.sandbox.observe import call_of, shapes_of
from gradkit.sandbox.process import StudentProcess

ASKED = {"y_hat": (0,), "A1": (1,)}
"""The pair that a forward function is asked to return."""

UNREADABLE = {"missing", "shape", "dtype", "type"}
"""Faults that speak against a convention."""


def bind(task: Task, sitting: StudentProcess) -> Binding:
    """Find and settle every role of a task in the section that a process runs."""
    return (bind_training if task.framework == "torch" else bind_functions)(task, sitting)


def bind_functions(task: Task, sitting: StudentProcess) -> Binding:
    """Find and settle every role of a numpy task."""
    found: dict[str, tuple[Function, Fit]] = {}
    missing: list[Missing] = []
    functions = inspect(task, sitting)
    for role in task.roles:
        chosen = _choose(role, task, functions)
        if isinstance(chosen, Missing):
            missing.append(chosen)
        else:
            found[role.name] = chosen
    bound: dict[str, Bound] = {
        role: draft(role, *found[role], task, ASKED if role == "forward" else {}) for role in found
    }
    conventions = unknown(task)
    if "initialise" in found:
        bound["initialise"], told = _initialise(task, bound["initialise"], sitting)
        conventions = told or conventions
    if "forward" in found:
        bound["forward"], settled = _forward(task, bound["forward"], conventions, sitting)
        if settled:
            conventions = [bound["forward"].convention]
    if "forward" in found and "update" in found:
        names = [bound[role].function for role in ("forward", "update")]
        reply = sitting.ask("left", {"first": names[0], "then": names[1]}, {})
        if not isinstance(reply, Lost) and reply.data["names"]:
            before = Before(bound["forward"], tuple(reply.data["names"]))
            bound["update"] = replace(bound["update"], before=before)
    if "update" in found:
        bound["update"] = _update(task, bound["update"], conventions, sitting)
    return Binding(task.id, bound, tuple(missing))


def _choose(
    role: Role, task: Task, functions: Sequence[Function]
) -> tuple[Function, Fit] | Missing:
    """Choose the last function of a fitting name, or else one whose arguments are all known."""
    standings = {"own", "guess", "borrowed"} if role.shared else {"own", "guess"}
    own = [function for function in functions if function.standing in standings]
    named = called(own, role.aliases)
    for function in named:
        fitting = _fit(role, function)
        if fitting is not None:
            return function, fitting
    if named:
        return misfit(role, named[0])
    taken = {alias for other in task.roles for alias in other.aliases}
    for function in reversed(own):
        fitting = None if function.standing == "guess" else _fit(role, function)
        if fitting is not None and names_all(fitting) and not is_called(function.name, taken):
            return function, fitting
    return not_found(role, functions)


def _fit(role: Role, function: Function) -> Fit | None:
    if not role.arguments:
        return Fit((), (), 0)
    if role.name == "initialise" and function.standing != "guess" and len(function.required) != 1:
        return _fit_sizes(function)
    return fit_function(role, function)


def _fit_sizes(function: Function) -> Fit | None:
    """Layer sizes one by one, or none at all."""
    names = function.required
    by_place = any(parameter.kind == "POSITIONAL_ONLY" for parameter in function.parameters)
    keywords = () if by_place else names
    return Fit(tuple(f"dim/{i}" for i in range(len(names))), names, 0, keywords)


# --- what the functions answer -----------------------------------------------------------


def _initialise(
    task: Task, bound: Bound, sitting: StudentProcess
) -> tuple[Bound, list[Convention]]:
    """Call it once: the keys and shapes it gives are the student's convention."""
    sizes = np.array([task.X.shape[1], *(layer.units for layer in task.layers)])
    sized = [argument for argument in bound.arguments if argument.startswith("dim/")]
    if len(sized) not in (0, len(sizes)):
        return bound, []
    reply = sitting.ask("explore", {"call": call_of(bound, task)}, {"dim": sizes})
    if isinstance(reply, Lost) or "tree" not in reply.data:
        return bound, []
    told = stated(task, reply.data["tree"], reply.arrays)
    return (replace(bound, convention=told[0]) if told else bound), told


def _forward(
    task: Task, bound: Bound, conventions: Iterable[Convention], sitting: StudentProcess
) -> tuple[Bound, bool]:
    """Find the first convention in which it returns something of the output's size."""
    inputs = _known_values(task)
    asked = {key: inputs[key] for key in ("X", *task.starts[0].parameters)}
    attempts = [replace(bound, convention=one) for one in variants(list(conventions))]
    for attempt in attempts:
        if attempt.convention.scalars == "matrix":
            continue
        reply = sitting.ask("explore", {"call": call_of(attempt, task)}, asked)
        if isinstance(reply, Lost) or _unwritten(reply.data):
            break
        if "tree" in reply.data:
            sizes = task.layers[-1].units, inputs["A1"].size
            returns = find_returns(reply.data["tree"], reply.arrays, asked, *sizes)
            if returns:
                return replace(attempt, returns=returns), True
    return attempts[0], False


def _update(
    task: Task, bound: Bound, conventions: Iterable[Convention], sitting: StudentProcess
) -> Bound:
    """Find the first convention in which parameters of the right shapes come back."""
    inputs = {name: value[None] for name, value in _known_values(task).items()}
    attempts = [replace(bound, convention=one) for one in variants(list(conventions))]
    for attempt in attempts:
        reply = sitting.ask("batch", {"call": call_of(attempt, task), "n": 1}, inputs)
        if isinstance(reply, Lost) or _unwritten(reply.data):
            break
        bad = any(kind in UNREADABLE for _, _, kind, _ in reply.data["faults"])
        if reply.data["failure"] is None and not bad:
            moved = [
                key
                for key in attempt.convention.keys
                if key not in reply.arrays or not np.array_equal(reply.arrays[key], inputs[key])
            ]
            return attempt if moved else _with_returned(task, attempt, sitting)
    return attempts[0]


def _with_returned(task: Task, bound: Bound, sitting: StudentProcess) -> Bound:
    """Find where the new parameters are if they come back one by one.

    ``return W1, b1, W2, b2`` does not say which is which. As a step is short, each is the
    one of its shape that it is next to.
    """
    inputs = _known_values(task)
    reply = sitting.ask("explore", {"call": call_of(bound, task)}, inputs)
    keys = list(bound.convention.keys)
    items = [] if isinstance(reply, Lost) else reply.data.get("tree", {}).get("list", [])
    if isinstance(reply, Lost) or len(items) != len(keys):
        return bound
    found = [reply.arrays.get(item.get("array", ""), np.empty(0)) for item in items]
    handed = [_laid_out(bound.convention, key, inputs[key]) for key in keys]
    gaps = {
        order: sum(float(np.abs(found[p] - h).sum()) for p, h in zip(order, handed, strict=True))
        for order in permutations(range(len(keys)))
        if all(found[p].shape == h.shape for p, h in zip(order, handed, strict=True))
    }
    if not gaps:
        return bound
    order = min(gaps, key=lambda one: gaps[one])
    return replace(bound, returns={key: (p,) for key, p in zip(keys, order, strict=True)})


def _laid_out(convention: Convention, key: str, value: Array) -> Array:
    """Lay a parameter out as the student stores it."""
    if key[0] == "W":
        return value.T if convention.weights == "out_in" else value
    return {"column": value, "row": value.T, "flat": value[:, 0]}[convention.biases]


def _unwritten(data: object) -> bool:
    failure = data.get("failure") if isinstance(data, dict) else None
    return failure is not None and failure["type"] == "NotImplementedError"


def _known_values(task: Task) -> dict[str, Array]:
    """Return one call's inputs: all different, none of them zero, without a meaning."""
    known = shapes_of(task)
    shapes: dict[str, tuple[int, ...]] = {key: known[key] for key in task.starts[0].parameters}
    shapes |= {"X": (task.X.shape[1], 1), "A1": known["A1"]}
    shapes |= {"y": known["y_hat"], "y_hat": known["y_hat"]}
    values: dict[str, Array] = {}
    for number, (name, shape) in enumerate(shapes.items(), 1):
        size = int(np.prod(shape))
        steps: Array = 0.1 + 0.07 * number + 0.13 * np.arange(size, dtype=np.float64)
        values[name] = np.asarray((steps % 0.9).reshape(shape), dtype=np.float64)
    return {**values, "rate": np.array(0.02)}


# --- torch: a module, and what trains it -----------------------------------------------


LOOP = phrase("the training loop")
"""What a report calls a loop that has no name of its own."""


def bind_training(task: Task, sitting: StudentProcess) -> Binding:
    """Find the module and what trains it: a function, or the loop at top level."""
    bound: dict[str, Bound] = {}
    missing: list[Missing] = []
    seen, functions = outline(sitting.section, sitting.modules), inspect(task, sitting)
    for role in task.roles:
        found: Bound | Missing
        if role.name == "model":
            found = _model(role, task, seen, functions, sitting)
        else:
            found = _train(role, task, seen, functions, bound.get("model"), sitting)
        if isinstance(found, Missing):
            missing.append(found)
        else:
            bound[role.name] = found
    return Binding(task.id, bound, tuple(missing))


def _model(
    role: Role,
    task: Task,
    seen: Outline,
    functions: Sequence[Function],
    sitting: StudentProcess,
) -> Bound | Missing:
    """Bind the first candidate that gives a module with parameters."""
    own = [model for model in reversed(seen.models) if model.origin != "borrowed"]
    # A function that makes a model is asked where there is no model itself.
    made = [model for model in own if model.kind == "factory" and not model.required]
    known = {model.name: model for model in [m for m in own if m.kind != "factory"] + made}
    if not known:
        return not_found(role, functions)
    loop = _last_loop(seen)
    meant = [loop.needs.model] if loop is not None and loop.needs.model in known else []
    named = [name for name in known if is_called(name, role.aliases)]
    order = list(dict.fromkeys([*meant, *named, *known]))
    reply = sitting.ask("model", {"candidates": order}, {})
    chosen = order[0]
    if not isinstance(reply, Lost) and reply.data["name"] is not None:
        chosen = str(reply.data["name"])
    return _bound(role.name, chosen, known[chosen].place, task, returns={"y_hat": ()})


def _train(
    role: Role,
    task: Task,
    seen: Outline,
    functions: Sequence[Function],
    model: Bound | None,
    sitting: StudentProcess,
) -> Bound | Missing:
    named = called([f for f in functions if f.standing in ("own", "guess")], role.aliases)
    loop = _last_loop(seen)
    for function in named:
        fitting = fit_function(role, function, spare=True)
        # `train = data.train` may be anything; a loop is one.
        if fitting is not None and not (function.standing == "guess" and loop is not None):
            training = {"model": model.function if model else "", "target": "flat"}
            return draft(role.name, function, fitting, task, {"loss": ()}, training)
    if loop is not None:
        return _of_loop(role, task, loop, model, sitting)
    return misfit(role, named[0]) if named else not_found(role, functions)


def _last_loop(seen: Outline) -> Loop | None:
    return next((loop for loop in reversed(seen.loops) if loop.origin == "own"), None)


def _of_loop(
    role: Role, task: Task, loop: Loop, model: Bound | None, sitting: StudentProcess
) -> Bound | Missing:
    needs = loop.needs
    wanted = {phrase("model"): needs.model, phrase("input"): needs.X, phrase("target"): needs.y}
    unknown = [say(what) for what, name in wanted.items() if name is None]
    if unknown:
        return Missing(
            role.name,
            role.required,
            say(
                "gradkit cannot run the training loop: it does not find its {unknown}. Write it "
                "as `{signature}`.",
                unknown=say(" and ").join(unknown),
                signature=role.signature,
            ),
            loop.place,
        )
    training: dict[str, Any] = {
        "model": model.function if model else needs.model,
        "cell": loop.cell,
        "line": loop.line,
        "through": needs.through or "",
        "names": {"model": needs.model, "X": needs.X, "y": needs.y, "epochs": needs.epochs or ""},
        "target": "flat",
    }
    reply = sitting.ask("target", {"name": needs.y}, {})
    if not isinstance(reply, Lost) and reply.data["dimensions"] == 2:
        training["target"] = "column"
    return _bound(role.name, LOOP, loop.place, task, returns={"loss": ()}, training=training)


def _bound(
    role: str,
    name: str,
    place: Place,
    task: Task,
    returns: Mapping[str, tuple[int | str, ...]],
    training: Mapping[str, Any] | None = None,
) -> Bound:
    return Bound(
        role, name, place, name, (), {}, own_keys(task), returns, place, training=training or {}
    )
