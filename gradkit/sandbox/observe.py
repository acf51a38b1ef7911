"""Put probes and the lines of checks to the bound functions, and write down what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict, replace
from numpy.typing import NDArray

from gradkit.lines import packed
from gradkit.records.observations import REPEATS, SIMILAR, Bound, Fault, Loop, Lost, Outcome, Path
from gradkit.records.task import Array, Batch, Made, Parameters, Run, Task
from gradkit.runtime.frames import Frame
from gradkit.runtime.messages import format_message, message, message_of
from gradkit.sandbox.computed_reads import computed, parts_of, with_leaves
from gradkit.sandbox.process import Question, StudentProcess


def shapes_of(task: Task) -> dict[str, tuple[int, ...]]:
    """Canonical shapes of all quantities of a task."""
    start = task.starts[0].parameters
    last = f"W{len(task.layers)}"
    return {
        **{key: value.shape for key, value in start.items()},
        "y_hat": (task.layers[-1].units, 1),
        "A1": (start[last].shape[0], 1),
        "loss": (),
    }


def call_of(bound: Bound, task: Task) -> dict[str, Any]:
    """Return the JSON form of a bound role, as `gradkit.runtime.call` reads it."""
    convention = bound.convention
    shapes = shapes_of(task)
    wanted = bound.returns or convention.keys
    return {
        "function": bound.function,
        "arguments": list(bound.arguments),
        "by_name": list(bound.keywords),
        **asdict(convention),
        "columns": list(task.columns[: task.X.shape[1]]),
        "returns": {name: list(path) for name, path in bound.returns.items()},
        "shapes": {name: list(shapes[name]) for name in wanted},
        **({"before": call_of(bound.before.bound, task)} if bound.before else {}),
    }


def observe(process: StudentProcess, question: Question) -> Outcome:
    """Return what comes of one question."""
    reply = process.ask(question)
    return outcome_of(process, question.name, reply, question.loop)


def observe_all(process: StudentProcess, questions: Sequence[Question]) -> dict[str, Outcome]:
    """Return what comes of several questions, by name."""
    if any(question.loop == "student" for question in questions):
        # Each has all parameters of a net: together they may be more than a frame takes.
        return {question.name: observe(process, question) for question in questions}
    replies = zip(questions, process.ask_all(questions), strict=True)
    return {q.name: outcome_of(process, q.name, reply, q.loop) for q, reply in replies}


def observe_batch(process: StudentProcess, task: Task, bound: Bound, batch: Batch) -> Outcome:
    """Independent calls of one role."""
    return observe(process, of_batch(task, bound, batch))


# --- questions ---------------------------------------------------------------------------


def of_batch(task: Task, bound: Bound, batch: Batch) -> Question:
    """Independent calls of one role."""
    data = {"call": call_of(bound, task), "n": len(batch.labels)}
    kind = "predict" if bound.role == "model" else "batch"
    return Question(kind, batch.inputs, data, batch.name)


def of_initialise(task: Task, bound: Bound) -> Question:
    """Return one call with the task's layer sizes."""
    sizes = np.array([task.X.shape[1], *(layer.units for layer in task.layers)])
    data = {"call": call_of(bound, task), "n": 1}
    return Question("batch", {"dim": sizes[None]}, data, "initialise")


def of_model(task: Task, model: Bound) -> Question:
    """Return shapes of the module's registered parameters, in order, under their numbers from 0."""
    return Question("model", {}, about_models(task, [model.function]), "model")


def about_models(task: Task, names: list[str]) -> dict[str, Any]:
    """Return what a process is told that looks for the first module among some names."""
    most = len(task.starts[0].parameters)
    return {"candidates": names, "inputs": task.X.shape[1], "most": most}


def of_repeats(task: Task, update: Bound, batch: Batch) -> Question:
    """One call of an update: how often it calls another function for results a hair apart."""
    sizes = [value.size for value in task.starts[0].parameters.values()]
    data = {"call": call_of(update, task), "least": sum(sizes) // 2 + 1}
    once = {key: value[0] for key, value in batch.inputs.items()}
    return Question("repeats", once, data, REPEATS)


def of_run(task: Task, forward: Bound, update: Bound, run: Run) -> Question:
    """Return a training run by gradkit's loop over the student's forward and update."""
    data = {
        "forward": call_of(forward, task),
        "update": call_of(update, task),
        "epochs": run.epochs,
    }
    columns = {**_run_arrays(run), "X": run.X[:, :, None], "y": run.y[:, :, None]}
    return Question("run", columns, data, run.name, "gradkit")


def of_followed(
    task: Task, update: Bound, run: Run, y_hat: NDArray[Any], A1: NDArray[Any]
) -> Question:
    """Return the updates of a training run, with outputs (steps, size, 1) that are handed in.

    The answer is each parameter after each step.
    """
    data = {"call": call_of(update, task)}
    columns = {"X": run.X[:, :, None], "y": run.y[:, :, None], "y_hat": y_hat, "A1": A1}
    return Question("follow", {**_run_arrays(run), **columns}, data, run.name, "replaced")


def of_training(task: Task, train: Bound, run: Run) -> Question:
    """Return a torch training run by the student's own loop."""
    data = {"call": call_of(train, task), "epochs": run.epochs, "training": dict(train.training)}
    return Question("train", _run_arrays(run), data, run.name, "student")


def _run_arrays(run: Run) -> dict[str, NDArray[Any]]:
    return {**run.parameters, "X": run.X, "y": run.y, "rate": np.array(run.rate or 0.0)}


# --- what takes more than one ------------------------------------------------------------


def observe_returned(
    process: StudentProcess, task: Task, bound: Bound, inputs: Mapping[str, NDArray[Any]]
) -> Outcome:
    """Return what a forward function returns, in whatever sizes: columns (n, size) by quantity."""
    call = call_of(bound, task)
    once = {name: value[0] for name, value in inputs.items()}
    reply = process.ask(Frame("explore", once, {"call": call}))
    if isinstance(reply, Lost) or "tree" not in reply.data:
        return outcome_of(process, "returned", reply)
    sizes = {path: reply.arrays[array].size for path, array in arrays_of(reply.data["tree"])}
    found = {name: sizes.get(path) for name, path in bound.returns.items()}
    call["shapes"] = {name: [size, 1] for name, size in found.items() if size}
    call["returns"] = {name: call["returns"][name] for name in call["shapes"]}
    n = len(next(iter(inputs.values())))
    outcome = observe(process, Question("batch", inputs, {"call": call, "n": n}, "returned"))
    return replace(outcome, outputs={k: v[:, :, 0] for k, v in outcome.outputs.items()})


def arrays_of(tree: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield the ways to the arrays in a described structure, and their names."""
    if "array" in tree:
        yield path, tree["array"]
    for key, item in (*enumerate(tree.get("list", ())), *tree.get("dict", ())):
        yield from arrays_of(item, (*path, key))


def observe_run_with(
    process: StudentProcess,
    task: Task,
    update: Bound,
    run: Run,
    forward: Callable[[Parameters, Array], tuple[Array, Array]],
) -> Outcome:
    """Return a training run in which the grader's forward pass stands in for the student's.

    Step by step: parameters come back from the worker, outputs for them go in.
    """
    data = {"call": call_of(update, task), "n": 1}
    parameters: dict[str, NDArray[Any]] = {k: v[None] for k, v in run.parameters.items()}
    X, y = run.X[:, None, :, None], run.y[:, None, :, None]
    outputs = []
    outcome = Outcome(run.name, {})
    for index in range(run.epochs * len(X)):
        row = index % len(X)
        y_hat, A1 = forward(parameters, X[row])
        outputs.append(y_hat[0])
        given = {"X": X[row], "y": y[row], "y_hat": y_hat, "A1": A1, **parameters}
        given["rate"] = np.array([run.rate or 0.0])
        outcome = observe(process, Question("batch", given, data, run.name, "replaced"))
        after = {key: outcome.outputs.get(key) for key in parameters}
        parameters = {key: value for key, value in after.items() if value is not None}
        if len(parameters) < len(after):
            break
    final = {f"final/{key}": value[0] for key, value in parameters.items()}
    return replace(outcome, outputs={"y_hat": np.array(outputs), **final}, loop="replaced")


def outcome_of(process: StudentProcess, name: str, reply: Frame | Lost, loop: Loop = "") -> Outcome:
    """Return a reply as a record."""
    if isinstance(reply, Lost):
        return Outcome(name, {}, lost=reply, loop=loop)
    faults = tuple(
        Fault(int(call), str(quantity), kind, format_message(found))
        for call, quantity, kind, found in reply.data.get("faults", ())
    )
    failure = process.failure(reply.data.get("failure"))
    return Outcome(name, reply.arrays, faults, failure, None, loop)


REAL = "biuf"
"""Kinds of real numbers."""

SEED = 0
"""Every generator stands so before each step."""


class Step(Struct, frozen=True):
    """Lines to run, and values that are put in the place of what they made."""

    text: str
    put: Mapping[str, Any]


def of_lines(
    functions: Mapping[str, str],
    inputs: Mapping[str, Any],
    steps: Sequence[Step],
    reads: Sequence[str],
    *,
    again: bool = False,
    least: int = 0,
    changed: Sequence[tuple[str, int, str]] = (),
    spared: str = "",
) -> Frame:
    """Return what asks for some lines to be run, see `made_of`.

    Parameters
    ----------
    functions : mapping of str to str
        The student's name for each function in the lines.
    inputs : mapping
        What the lines start from.
    steps : sequence of Step
    reads : sequence of str
        Expressions to be read afterwards.
    again : bool
        Whether the last lines are run and read a second time.
    least : int
        Fewer calls of one function than this are not counted in that second run; 0 counts none.
    changed : sequence of (cell id, line, text)
        Definitions of another text, which begin in this line of the cell.
    spared : str
        A function that goes without the statements that stop it.
    """
    tree, arrays = packed({"inputs": dict(inputs), "put": [dict(step.put) for step in steps]})
    trees = dict(tree["dict"])
    put = trees["put"]["list"]
    data = {
        "functions": dict(functions),
        "inputs": trees["inputs"],
        "steps": [[s.text, dict(each["dict"])] for s, each in zip(steps, put, strict=True)],
        "reads": with_leaves(reads),
        "again": again,
        "least": least,
        "seed": SEED,
        "changed": [list(each) for each in changed],
        "spared": spared,
    }
    return Frame("lines", arrays, data)


def made_of(
    process: StudentProcess, reads: Sequence[str], reply: Frame | Lost
) -> tuple[Made, Outcome]:
    """Return what some lines made, by expression, and the outcome as the process reports it."""
    outcome = outcome_of(process, "lines", reply)
    if not isinstance(reply, Frame):
        return Made(), outcome
    values, second, missing = {}, {}, {}
    every = with_leaves(reads)
    for number, expression in enumerate(every):
        first, other = (reply.arrays.get(f"{part}{number}") for part in ("", "again/"))
        if first is not None and first.dtype.kind not in REAL:
            missing[expression] = format_message(message("dtype", dtype=str(first.dtype)))
        elif first is not None:
            values[expression] = first
        if other is not None and other.dtype.kind in REAL:
            second[expression] = other
    mutated = []
    for _, name, kind, found in reply.data["faults"]:
        if kind == "mutated":
            mutated.append(name)
        elif name.isdigit() and kind != "subclass":
            missing[every[int(name)]] = format_message(found)
    similar = int(reply.arrays[SIMILAR][0]) if SIMILAR in reply.arrays else 0
    return _computed(reads, Made(values, second, tuple(mutated), missing, similar)), outcome


def _computed(reads: Sequence[str], made: Made) -> Made:
    """Return the values of ``reads``; those that are made of arrays are computed here."""
    values, second, missing = dict(made.values), dict(made.again), dict(made.missing)
    for expression in reads:
        parts = parts_of(expression)
        if parts is None:
            continue
        for found in (values, second, missing):
            found.pop(expression, None)
        lacking = [leaf for leaf in parts.leaves if leaf not in values]
        if lacking:
            own = made.missing.get(expression)
            missing[expression] = own or made.missing.get(lacking[0], "")
            continue
        try:
            values[expression] = computed(parts, values)
            if any(leaf in second for leaf in parts.leaves):
                second[expression] = computed(parts, {**values, **second})
        except Exception as error:  # of numpy, over arrays that do not fit
            kind, reason = type(error).__name__, message_of(error)
            missing[expression] = format_message(message("no-value", type=kind, reason=reason))
    return Made(
        {name: values[name] for name in reads if name in values},
        {name: second[name] for name in reads if name in second},
        made.changed,
        {name: missing[name] for name in reads if name in missing},
        made.similar_calls,
    )
