"""What a worker does with a request: load the sources, explore a function, run calls.

Runs in the student's process. Every handler takes a frame and gives a frame; exceptions of
student code are caught here and travel as data.
"""

from __future__ import annotations

import builtins
import traceback
from collections.abc import Callable, Mapping, Sequence, Sized
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from types import ModuleType, TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.runtime import memory_folder, torch_call
from gradkit.runtime.call import (
    Arrays,
    Before,
    Call,
    Returned,
    apply,
    arguments_for,
    call_before,
    changed_parameters,
    evaluate,
    parameters_for,
    plain,
    read_outputs,
    read_parameters,
    repeats,
    run_function,
    run_steps,
)
from gradkit.runtime.frames import DIMENSIONS, Frame
from gradkit.runtime.inspection import functions, left_behind
from gradkit.runtime.library import Policy, shut_out
from gradkit.runtime.messages import describe_failure, text_of
from gradkit.runtime.namespace import Namespace
from gradkit.runtime.serve import reseed
from gradkit.runtime.symbolic import symbolic as steps

LEAVES = 64
"""Arrays that a description of a returned value, or of a model, carries at most."""

DEPTH = 5


class Loaded:
    """What lies on the worker's desk between requests: one section's namespace."""

    namespace: Namespace
    cells: frozenset[str] = frozenset()
    shut: bool = False
    tools: Mapping[ModuleType, Mapping[str, Any]] = {}


def _is_intact() -> bool:
    """Tell whether no name of numpy's or Python's was given another meaning by student code.

    It may well do so, and then nothing that computes in its process can be held to its word.
    """
    return all(
        vars(module).get(name) is value
        for module, names in Loaded.tools.items()
        for name, value in names.items()
    )


class _Attempt(AbstractContextManager["_Attempt"]):
    """Calls of student code, and the ``failure`` that ended them, if any did.

    That is told with the number of those that were ``done``, or as many before it as it is
    ``late``.
    """

    def __init__(self, done: Sized = (), late: int = 0) -> None:
        self.failure: dict[str, Any] | None = None
        self._done, self._late = done, late

    def __exit__(
        self, kind: object, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None:
            call = max(len(self._done) - self._late, 0)
            self.failure = {**describe_failure(error, Loaded.cells), "call": call}
        return True


def load(frame: Frame) -> Frame:
    """Take the sources of one section and seed the generators; run nothing yet.

    The folder of the process is empty again, as it would be in a new process.
    """
    data = frame.data
    memory_folder.clear()
    Loaded.tools = Loaded.tools or {module: {**vars(module)} for module in (np, builtins)}
    reseed(data["seed"])
    own, shared, borrowed = parts = [data[part] for part in ("own", "shared", "borrowed")]
    policy = Policy(**data["imports"])
    if policy.forbidden and not Loaded.shut:
        shut_out(policy.forbidden)
        Loaded.shut = True
    Loaded.namespace = Namespace(own, shared, borrowed, data["modules"], data["forbidden"], policy)
    modules = {f"{name}.py" for name in data["modules"]}
    Loaded.cells = frozenset(cell for part in parts for cell, _ in part) | modules
    return Frame("loaded", {}, {})


def import_(frame: Frame) -> Frame:
    """Import what the code is going to; what cannot be imported is told where it is used."""
    with suppress(Exception):
        importer = Loaded.namespace["__builtins__"]["__import__"]
        importer(frame.data["name"], vars(builtins), None, frame.data["of"], 0)
    return Frame("imported", {}, {})


def inspect(frame: Frame) -> Frame:
    """Tell which functions there are; those of the wanted ``names`` are made, whatever it takes."""
    return Frame("functions", {}, {"functions": functions(Loaded.namespace, frame.data["names"])})


def left(frame: Frame) -> Frame:
    """Tell which names the ``first`` function leaves behind, and that called ``then`` reads."""
    names = left_behind(Loaded.namespace, frame.data["first"], frame.data["then"])
    return Frame("left", {}, {"names": [text_of(name, 80) for name in names[:LEAVES]]})


def explore(frame: Frame) -> Frame:
    """Call a function once and describe the structure of what it returns."""
    call = frame.data["call"]
    with _Attempt() as attempt:
        function, before = _after(call)
        returned, _, out = run_function(function, call, frame.arrays, before)
        leaves: dict[str, NDArray[Any]] = {}
        tree = _describe(returned, leaves, DEPTH)
        return Frame("explored", leaves, {"tree": tree, "faults": out.faults})
    return Frame("explored", {}, {"failure": attempt.failure})


def _describe(value: Any, leaves: dict[str, NDArray[Any]], depth: int) -> Any:
    if isinstance(value, dict) and depth:
        items = list(value.items())[:LEAVES]
        return {"dict": [[_key(key), _describe(item, leaves, depth - 1)] for key, item in items]}
    if isinstance(value, tuple | list) and depth and not _is_of_numbers(value):
        return {"list": [_describe(item, leaves, depth - 1) for item in value[:LEAVES]]}
    if value is None:
        return {"none": True}
    array = plain("", value, Returned())
    if array is None or array.size > 4096 or len(leaves) >= LEAVES:
        return {"other": text_of(type(value).__name__, 80)}
    name = str(len(leaves))
    leaves[name] = array
    return {"array": name, **({"matrix": True} if issubclass(type(value), np.matrix) else {})}


def _key(key: object) -> int | str:
    if isinstance(key, int) and -(2**63) <= key < 2**63:
        return int(key)
    return text_of(key, 80)


def _is_of_numbers(value: Any) -> bool:
    """Tell whether this is a row of numbers, or a list of equally long ones: an array in lists."""
    if bool(value) and all(isinstance(item, int | float) for item in value):
        return True
    rows = isinstance(value, list) and all(isinstance(item, list) for item in value)
    return rows and len({len(row) for row in value}) == 1 and all(map(_is_of_numbers, value))


def batch(frame: Frame) -> Frame:
    """Evaluate independent calls of one function; stop at the first exception."""
    call, n = frame.data["call"], frame.data["n"]
    rows: list[Returned] = []

    def evaluated() -> None:
        rows.clear()
        function, before = _after(call)
        for index in range(n):
            inputs = {name: value[index] for name, value in frame.arrays.items()}
            rows.append(evaluate(function, call, inputs, before))

    with _Attempt(rows) as attempt:
        _sparing(frame.data.get("spared"), evaluated)
    return _outcome(call["shapes"], rows, attempt.failure)


def _sparing(name: str | None, evaluated: Callable[[], None]) -> None:
    """Make all calls, of a function that is named without the statements that stop it."""
    if not name:
        return evaluated()
    # Late: who is stopped by nothing has no need of it.
    from gradkit.runtime.spared import spared

    return spared(Loaded.namespace, name, evaluated)


def run(frame: Frame) -> Frame:
    """Train: forward and update in turn over the rows, with one dict carried through."""
    forward, update = frame.data["forward"], frame.data["update"]
    X, y, rate = frame.arrays["X"], frame.arrays["y"], frame.arrays["rate"]
    steps: list[Returned] = []
    final = Returned()
    parameters = None
    with _Attempt(steps, late=1) as attempt:
        forward_function, update_function = _function(forward), _function(update)
        parameters = parameters_for(forward, frame.arrays)
        for index in range(frame.data["epochs"] * len(X)):
            row = index % len(X)
            step = Returned()
            handed = arguments_for(forward, {"X": X[row]}, parameters)
            read_outputs(forward, apply(forward_function, forward, handed), step)
            steps.append(step)
            if any(kind != "subclass" for _, kind, _ in step.faults):
                break
            inputs = {"X": X[row], "y": y[row], "rate": rate, **step.arrays}
            handed = arguments_for(update, inputs, parameters)
            returned = apply(update_function, update, handed)
            parameters = dict(changed_parameters(update, returned, parameters))
    started = {quantity: frame.arrays[quantity].shape for quantity in forward["keys"]}
    read_parameters(forward, parameters or {}, started, final)
    reply = _outcome(forward["shapes"], steps, attempt.failure)
    arrays = {**reply.arrays, **{f"final/{name}": value for name, value in final.arrays.items()}}
    faults = [*reply.data["faults"], *([len(steps), *fault] for fault in final.faults)]
    return Frame("outcome", arrays, {**reply.data, "faults": faults})


def follow(frame: Frame) -> Frame:
    """Train by update alone; what the forward pass gives before each step is handed in."""
    call, arrays = frame.data["call"], frame.arrays
    X, y, outputs = arrays["X"], arrays["y"], arrays["y_hat"]
    shapes = {name: list(arrays[name].shape) for name in call["keys"]}
    steps: list[Returned] = []
    with _Attempt(steps) as attempt:
        function, before = _after(call)
        parameters: Mapping[str, Any] = parameters_for(call, arrays)
        for index in range(len(outputs)):
            row = index % len(X)
            given = {"y_hat": outputs[index], "A1": arrays["A1"][index], "rate": arrays["rate"]}
            given |= {"X": X[row], "y": y[row]}
            if before is not None:
                before(given, parameters)
            handed = arguments_for(call, given, parameters)
            parameters = dict(changed_parameters(call, apply(function, call, handed), parameters))
            step = Returned()
            read_parameters(call, parameters, shapes, step)
            steps.append(step)
    return _outcome(shapes, steps, attempt.failure)


def repeated(frame: Frame) -> Frame:
    """Call a function once, and tell how often it calls another for results a hair apart."""
    call, times = frame.data["call"], 0
    with _Attempt() as attempt:
        function, before = _after(call)
        evaluated = partial(evaluate, function, call, frame.arrays, before)
        # Whatever a first call makes of other statements is made before watching.
        evaluated()
        times = repeats(evaluated, Loaded.cells, frame.data["least"])
    data: dict[str, Any] = {"faults": [], "failure": attempt.failure, "calls": 1}
    return Frame("outcome", {"times": np.array([times], np.int64)}, data)


def _function(call: Call) -> Callable[..., Any]:
    found: Callable[..., Any] = Loaded.namespace[call["function"]]
    return found


def _after(call: Call) -> tuple[Callable[..., Any], Before | None]:
    """Return the function, and what goes before it where the call says so."""
    first = call.get("before")
    if first is None:
        return _function(call), None
    function = _function(first)
    return _function(call), partial(call_before, function, first)


def _outcome(
    shapes: Mapping[str, list[int]], rows: list[Returned], failure: dict[str, Any] | None
) -> Frame:
    """Stack the rows; a row that could not be read holds NaN and is named by a fault."""
    arrays: dict[str, NDArray[Any]] = {}
    for quantity, shape in shapes.items():
        column = [row.arrays.get(quantity) for row in rows]
        if any(value is not None for value in column):
            gap = np.full(shape, np.nan)
            arrays[quantity] = np.stack([gap if value is None else value for value in column])
    seen: set[tuple[str, str]] = set()
    faults = []
    for index, row in enumerate(rows):
        for quantity, kind, found in row.faults:
            if (quantity, kind) not in seen:
                seen.add((quantity, kind))
                faults.append([index, quantity, kind, found])
    return Frame("outcome", arrays, {"faults": faults, "failure": failure, "calls": len(rows)})


def lines(frame: Frame) -> Frame:
    """Run the lines of a check and read what they made."""
    done: list[str] = []
    out = Returned()

    def evaluated() -> None:
        nonlocal out
        done.clear()
        out = run_steps(Loaded.namespace, frame.data, frame.arrays, done, Loaded.cells)

    with _Attempt(done) as attempt, _with(frame.data["changed"]):
        _sparing(frame.data["spared"], evaluated)
    faults = [[0, *fault] for fault in out.faults]
    said = {"faults": faults, "failure": attempt.failure, "calls": len(done)}
    return Frame("outcome", out.arrays, said)


def _with(texts: Sequence[tuple[str, int, str]]) -> AbstractContextManager[None]:
    """Have definitions of another text for a while, if there are any."""
    if not texts:
        return nullcontext()
    # Late, as below: a worker has it only where it is needed, see `StudentProcess`.
    from gradkit.runtime.repair.changed import changed

    return changed(Loaded.namespace, texts)


def symbolic(frame: Frame) -> Frame:
    """Call an update once with numbers that know how they were made."""
    return steps(lambda: _after(frame.data["call"]), Loaded.namespace, Loaded.cells, frame)


def repair(frame: Frame) -> Frame:
    """Look for the smallest change of some functions' text that makes wrong outputs right.

    The answer has ``fault``: None, or what went wrong in the search itself.
    """
    from gradkit.runtime.repair.request import propose

    references: list[dict[str, Any]] = []
    spent = frame.data["budget"]
    with _Attempt() as attempt, _with(frame.data["changed"]):
        references, spent = propose(Loaded.namespace, frame.data, frame.arrays)
    failure, fault = attempt.failure, None
    if failure is not None and failure["place"] is None and _is_intact():
        fault = f"{failure['type']}: {failure['message']}"
    return Frame("repaired", {}, {"references": references, "fault": fault, "spent": spent})


# --- torch -------------------------------------------------------------------------------


def model(frame: Frame) -> Frame:
    """Build the first candidate that is a module, and tell the shapes of its parameters."""
    failure = None
    for name in frame.data["candidates"]:
        with _Attempt() as attempt:
            made = torch_call.build(Loaded.namespace[name])
            parameters = torch_call.held(made, frame.data["inputs"], frame.data["most"])[:LEAVES]
            arrays = {
                str(number): np.array(list(each.shape)[:DIMENSIONS], dtype=np.int64)
                for number, each in enumerate(parameters)
            }
            return Frame("outcome", arrays, {"name": name, "faults": [], "failure": None})
        failure = failure or attempt.failure
    return Frame("outcome", {}, {"name": None, "faults": [], "failure": failure})


def predict(frame: Frame) -> Frame:
    """Return one example at a time through the student's module, with the given parameters."""
    call, n = frame.data["call"], frame.data["n"]
    rows: list[Returned] = []
    with _Attempt(rows) as attempt:
        made = Loaded.namespace[call["function"]]
        for index in range(n):
            inputs = {name: value[index] for name, value in frame.arrays.items()}
            parameters, _ = torch_call.split(inputs)
            filled = torch_call.build(made)
            torch_call.fill(filled, parameters)
            rows.append(torch_call.predict(filled, inputs["X"], tuple(call["shapes"]["y_hat"])))
    return _outcome(call["shapes"], rows, attempt.failure)


def target(frame: Frame) -> Frame:
    """Return how many dimensions the student's own target has; 0 where it cannot be made."""
    try:
        value = Loaded.namespace[frame.data["name"]]
        return Frame("target", {}, {"dimensions": min(int(value.dim()), DIMENSIONS)})
    except BaseException:
        return Frame("target", {}, {"dimensions": 0})


def train(frame: Frame) -> Frame:
    """Train a fresh model by the student's function or top-level loop, from given parameters."""
    call, epochs, training = frame.data["call"], frame.data["epochs"], frame.data["training"]
    parameters, inputs = torch_call.split(frame.arrays)
    out = Returned()
    with _Attempt() as attempt:
        student = torch_call.build(Loaded.namespace[training["model"]])
        X, y = torch_call.tensors(inputs, training["target"], torch_call.precision(student))
        handed = {"X": X, "y": y, "epochs": epochs, "rate": float(inputs["rate"])}
        if "cell" in training:
            student, returned = _run_loop(training, student, parameters, handed)
        else:
            torch_call.fill(student, parameters)
            handed["model"] = student
            function = _function(call)
            returned = apply(function, call, [handed[kind] for kind in call["arguments"]])
        losses = torch_call.losses_of(returned, out)
        if losses is not None:
            out.arrays["loss"] = losses
        final = torch_call.parameters_of(student, parameters)
        out.arrays.update({f"final/{name}": value for name, value in final.items()})
    faults = [[0, *fault] for fault in out.faults]
    said = {"faults": faults, "failure": attempt.failure, "calls": 1}
    return Frame("outcome", out.arrays, said)


def _run_loop(
    training: Mapping[str, Any], student: Any, parameters: Arrays, handed: Mapping[str, Any]
) -> tuple[Any, list[float]]:
    """Run a top-level training loop; return the model that it trained, and its losses.

    If the graded model is the module that the loop itself trains, that module is filled, not a
    copy of it: an optimiser may have been given the parameters of layers that have names of
    their own, as in ``SGD([*hidden.parameters(), *output.parameters()])``.
    """
    names = training["names"]
    trained = student

    def adapt(own: Any) -> Any:
        nonlocal trained
        if names["model"] == training["model"] and torch_call.is_module(own):
            trained = own
        torch_call.fill(trained, parameters)
        return trained

    losses = Loaded.namespace.run_loop(
        training["cell"],
        training["line"],
        {names[kind]: handed[kind] for kind in ("X", "y", "epochs") if names[kind]},
        handed["epochs"],
        training["through"] or None,
        {names["model"]: adapt},
    )
    return trained, losses


# --- scripts -----------------------------------------------------------------------------

NAME = "snippet.py"


def script(frame: Frame) -> Frame:
    """Run ``text``; what it prints goes the worker's usual way.

    The answer has ``failure``: None, or the traceback as Python would print it.
    """
    try:
        code = compile(frame.data["text"], NAME, "exec", dont_inherit=True)
        exec(code, {"__name__": "__main__"})  # noqa: S102  (what a worker is for)
    except BaseException as error:
        # The first frame is ours.
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        lines = traceback.format_exception(type(error), error, trace)
        return Frame("ran", {}, {"failure": "".join(lines)})
    return Frame("ran", {}, {"failure": None})


HANDLERS: dict[str, Callable[[Frame], Frame]] = {
    "load": load,
    "import": import_,
    "functions": inspect,
    "left": left,
    "explore": explore,
    "batch": batch,
    "run": run,
    "follow": follow,
    "lines": lines,
    "repair": repair,
    "symbolic": symbolic,
    "repeats": repeated,
    "model": model,
    "predict": predict,
    "target": target,
    "train": train,
    "script": script,
}
