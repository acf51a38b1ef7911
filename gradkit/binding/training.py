"""Bind model and training of a torch task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradkit.binding.inspection import Function, inspect
from gradkit.binding.match import (
    called,
    draft,
    fit_function,
    misfit,
    not_found,
    own_keys,
)
from gradkit.binding.outline import Loop, Outline
from gradkit.language import phrase, say
from gradkit.records.binding import Binding, Bound, Missing
from gradkit.records.observations import Lost
from gradkit.records.submission import Place
from gradkit.records.task import Role, Task
from gradkit.runtime.statements import is_called
from gradkit.sandbox.process import StudentProcess

LOOP = phrase("the training loop")
"""What a report calls a loop that has no name of its own."""


def bind_training(task: Task, outline: Outline, sitting: StudentProcess) -> Binding:
    """Find the module and what trains it: a function, or the loop at top level."""
    bound: dict[str, Bound] = {}
    missing: list[Missing] = []
    functions = inspect(task, outline, sitting)
    for role in task.roles:
        found: Bound | Missing
        if role.name == "model":
            found = _model(role, task, outline, functions, sitting)
        else:
            found = _train(role, task, outline, functions, bound.get("model"), sitting)
        if isinstance(found, Missing):
            missing.append(found)
        else:
            bound[role.name] = found
    return Binding(task.id, bound, tuple(missing))


def _model(
    role: Role,
    task: Task,
    outline: Outline,
    functions: Sequence[Function],
    sitting: StudentProcess,
) -> Bound | Missing:
    """Bind the first candidate that gives a module with parameters."""
    own = [model for model in reversed(outline.models) if model.origin != "borrowed"]
    # A function that makes a model is asked where there is no model itself.
    made = [model for model in own if model.kind == "factory" and not model.required]
    known = {model.name: model for model in [m for m in own if m.kind != "factory"] + made}
    if not known:
        return not_found(role, functions)
    loop = _last_loop(outline)
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
    outline: Outline,
    functions: Sequence[Function],
    model: Bound | None,
    sitting: StudentProcess,
) -> Bound | Missing:
    named = called([f for f in functions if f.standing in ("own", "guess")], role.aliases)
    loop = _last_loop(outline)
    for function in named:
        fitting = fit_function(role, function, spare=True)
        # `train = data.train` may be anything; a loop is one.
        if fitting is not None and not (function.standing == "guess" and loop is not None):
            training = {"model": model.function if model else "", "target": "flat"}
            return draft(role.name, function, fitting, task, {"loss": ()}, training)
    if loop is not None:
        return _of_loop(role, task, loop, model, sitting)
    return misfit(role, named[0]) if named else not_found(role, functions)


def _last_loop(outline: Outline) -> Loop | None:
    return next((loop for loop in reversed(outline.loops) if loop.origin == "own"), None)


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
