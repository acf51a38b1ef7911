"""Answer the grader's requests: load the sources, explore a function, run calls.

Runs in the student's process. Every handler takes a request as a frame and returns the reply as a
frame. Exceptions of student code are caught here and sent as data.
"""

from __future__ import annotations

import builtins
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
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
from gradkit.runtime.library import Policy, block_imports
from gradkit.runtime.messages import describe_failure, text_of
from gradkit.runtime.namespace import Namespace
from gradkit.runtime.serve import reseed
from gradkit.runtime.stubs import with_stubs
from gradkit.runtime.symbolic import symbolic as trace_symbolically

LEAVES = 64
"""Most arrays in the description of a returned value or of a model; most names in a list."""

DEPTH = 5
"""Most levels of containers in the description of a returned value."""


class Loaded:
    """The loaded section, which the worker keeps between requests.

    ``imports_blocked`` is true once forbidden packages cannot be imported any more. ``tools`` has
    the names of numpy and builtins as they were before any student code ran.
    """

    namespace: Namespace
    cells: frozenset[str] = frozenset()
    imports_blocked: bool = False
    tools: Mapping[ModuleType, Mapping[str, Any]] = {}


def _has_original_names() -> bool:
    """Return whether all names of numpy and builtins still have their original values.

    If student code has replaced one, the results of gradkit's code in this process are unreliable.
    """
    return all(
        vars(module).get(name) is value
        for module, names in Loaded.tools.items()
        for name, value in names.items()
    )


class _Attempt(AbstractContextManager["_Attempt"]):
    """A context manager that catches an exception of student code and keeps it as ``failure``.

    Parameters
    ----------
    done : sized
        Has one item for each call that has been made. Their number is the index of the failed call.
    late : int
        Subtracted from that number, if items are added before the end of their call.
    """

    def __init__(self, done: Sized = (), late: int = 0) -> None:
        self.failure: dict[str, Any] | None = None
        self._done, self._late = done, late

    def __exit__(
        self, kind: object, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Store the description of an exception of the block, if it raised one, and suppress it."""
        if error is not None:
            call = max(len(self._done) - self._late, 0)
            self.failure = {**describe_failure(error, Loaded.cells), "call": call}
        return True


def load(frame: Frame) -> Frame:
    """Store the sources of one section as a new namespace, and seed the random generators.

    No student code runs yet. The folder of the process is emptied, as in a new process.

    The request has ``own``, ``shared`` and ``borrowed``, lists of (cell id, source); ``modules``
    and ``forbidden``, as for `Namespace`; ``imports``, the fields of a `Policy`; and the ``seed``.
    """
    data = frame.data
    memory_folder.clear()
    Loaded.tools = Loaded.tools or {module: {**vars(module)} for module in (np, builtins)}
    reseed(data["seed"])
    own, shared, borrowed = parts = [data[part] for part in ("own", "shared", "borrowed")]
    policy = Policy(**data["imports"])
    if policy.forbidden and not Loaded.imports_blocked:
        block_imports(policy.forbidden)
        Loaded.imports_blocked = True
    Loaded.namespace = Namespace(own, shared, borrowed, data["modules"], data["forbidden"], policy)
    modules = {f"{name}.py" for name in data["modules"]}
    Loaded.cells = frozenset(cell for part in parts for cell, _ in part) | modules
    return Frame("loaded", {}, {})


def import_(frame: Frame) -> Frame:
    """Import the module ``name`` of the request, as ``from name import …`` in student code would.

    ``of`` in the request are the names after ``import``. Errors are ignored: they occur again, and
    are reported, where student code imports the module.
    """
    with suppress(Exception):
        importer = Loaded.namespace["__builtins__"]["__import__"]
        importer(frame.data["name"], vars(builtins), None, frame.data["of"], 0)
    return Frame("imported", {}, {})


def inspect(frame: Frame) -> Frame:
    """Reply with descriptions of the section's functions, see `functions`.

    The request has the ``names`` of the task's roles. Functions with these names are created even
    if statements other than definitions have to run for that.
    """
    return Frame("functions", {}, {"functions": functions(Loaded.namespace, frame.data["names"])})


def left(frame: Frame) -> Frame:
    """Reply with the global names that one function writes and another reads, such as a cache.

    The request names the functions: ``first`` writes and ``then`` reads.
    """
    names = left_behind(Loaded.namespace, frame.data["first"], frame.data["then"])
    return Frame("left", {}, {"names": [text_of(name, 80) for name in names[:LEAVES]]})


def explore(frame: Frame) -> Frame:
    """Call a function once, and reply with the structure of what it returns.

    The request has the ``call`` and the function's canonical inputs as arrays. The reply has the
    ``tree`` of `_describe` with its arrays and the ``faults``, or the ``failure`` if student code
    raised.
    """
    call = frame.data["call"]
    with _Attempt() as attempt:
        function, before = _function_and_before(call)
        returned, _, out = run_function(function, call, frame.arrays, before)
        leaves: dict[str, NDArray[Any]] = {}
        tree = _describe(returned, leaves, DEPTH)
        return Frame("explored", leaves, {"tree": tree, "faults": out.faults})
    return Frame("explored", {}, {"failure": attempt.failure})


def _describe(value: Any, leaves: dict[str, NDArray[Any]], depth: int) -> Any:
    """Return the structure of a value as JSON, and add its arrays to ``leaves`` by number.

    Containers are described down to ``depth`` levels. The result is a dict with one key: ``dict``,
    ``list``, ``none``, ``array`` with the key in ``leaves`` (and perhaps ``matrix``), or ``other``
    with the name of the value's type.
    """
    if isinstance(value, dict) and depth:
        items = list(value.items())[:LEAVES]
        return {
            "dict": [[_key_as_json(key), _describe(item, leaves, depth - 1)] for key, item in items]
        }
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


def _key_as_json(key: object) -> int | str:
    """Return the key of a dict as an integer of 64 bits, or as a short text."""
    if isinstance(key, int) and -(2**63) <= key < 2**63:
        return int(key)
    return text_of(key, 80)


def _is_of_numbers(value: Any) -> bool:
    """Return whether a value is an array as lists: a row of numbers, or a list of equal rows."""
    if bool(value) and all(isinstance(item, int | float) for item in value):
        return True
    rows = isinstance(value, list) and all(isinstance(item, list) for item in value)
    return rows and len({len(row) for row in value}) == 1 and all(map(_is_of_numbers, value))


def batch(frame: Frame) -> Frame:
    """Make independent calls of one function, and reply with the results stacked by quantity.

    The request has the ``call``, the number ``n`` of calls, and the inputs as arrays with one row
    for each call. If it names a function in ``spared``, that is rerun without the statements that
    raise. Otherwise the calls stop at the first exception, which the reply describes.
    """
    call, n = frame.data["call"], frame.data["n"]
    rows: list[Returned] = []

    def make_calls() -> None:
        """Make all calls from the first on, and collect their results in ``rows``."""
        rows.clear()
        function, before = _function_and_before(call)
        for index in range(n):
            inputs = {name: value[index] for name, value in frame.arrays.items()}
            rows.append(evaluate(function, call, inputs, before))

    with _Attempt(rows) as attempt:
        _run_calls(frame.data.get("spared"), make_calls)
    return _outcome(call["shapes"], rows, attempt.failure)


def _run_calls(name: str | None, make_calls: Callable[[], None]) -> None:
    """Run ``make_calls``, which makes all calls of a request from the beginning.

    ``name`` is the name of a student's function, empty or None. If it is a name, ``make_calls`` is
    repeated without the statements of that function that raise, see `gradkit.runtime.spared`.
    """
    if not name:
        return make_calls()
    # Imported late, because most requests do not need it.
    from gradkit.runtime.spared import spared

    return spared(Loaded.namespace, name, make_calls)


def run(frame: Frame) -> Frame:
    """Train by gradkit's own loop: call the forward pass and the update for each row and epoch.

    The request has the calls ``forward`` and ``update`` and the number of ``epochs``; as arrays X
    and y with a row for each example, the ``rate`` and the first parameters. All calls share one
    dict of parameters. Reply with the outputs of each step and the parameters at the end, as
    ``final/…``.
    """
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
            arguments = arguments_for(forward, {"X": X[row]}, parameters)
            read_outputs(forward, apply(forward_function, forward, arguments), step)
            steps.append(step)
            if any(kind != "subclass" for _, kind, _ in step.faults):
                break
            inputs = {"X": X[row], "y": y[row], "rate": rate, **step.arrays}
            arguments = arguments_for(update, inputs, parameters)
            returned = apply(update_function, update, arguments)
            parameters = dict(changed_parameters(update, returned, parameters))
    started = {quantity: frame.arrays[quantity].shape for quantity in forward["keys"]}
    read_parameters(forward, parameters or {}, started, final)
    reply = _outcome(forward["shapes"], steps, attempt.failure)
    arrays = {**reply.arrays, **{f"final/{name}": value for name, value in final.arrays.items()}}
    faults = [*reply.data["faults"], *([len(steps), *fault] for fault in final.faults)]
    return Frame("outcome", arrays, {**reply.data, "faults": faults})


def follow(frame: Frame) -> Frame:
    """Train by the update alone, with the outputs of the forward pass from the request.

    The request has the ``call`` of the update; as arrays X, y, the ``rate``, the first parameters,
    and ``y_hat`` and ``A1`` with a row for each step. Reply with the parameters after each step.
    """
    call, arrays = frame.data["call"], frame.arrays
    X, y, outputs = arrays["X"], arrays["y"], arrays["y_hat"]
    shapes = {name: list(arrays[name].shape) for name in call["keys"]}
    steps: list[Returned] = []
    with _Attempt(steps) as attempt:
        function, before = _function_and_before(call)
        parameters: Mapping[str, Any] = parameters_for(call, arrays)
        for index in range(len(outputs)):
            row = index % len(X)
            inputs = {"y_hat": outputs[index], "A1": arrays["A1"][index], "rate": arrays["rate"]}
            inputs |= {"X": X[row], "y": y[row]}
            if before is not None:
                before(inputs, parameters)
            arguments = arguments_for(call, inputs, parameters)
            parameters = dict(
                changed_parameters(call, apply(function, call, arguments), parameters)
            )
            step = Returned()
            read_parameters(call, parameters, shapes, step)
            steps.append(step)
    return _outcome(shapes, steps, attempt.failure)


def repeated(frame: Frame) -> Frame:
    """Call a function twice, and reply with the count of `repeats` for the second call.

    The request has the ``call``, its inputs as arrays, and ``least``, the argument of `repeats`.
    The count is the array ``times`` of the reply.
    """
    call, times = frame.data["call"], 0
    with _Attempt() as attempt:
        function, before = _function_and_before(call)
        evaluated = partial(evaluate, function, call, frame.arrays, before)
        # The first call runs the top-level statements that it needs, which must not be counted.
        evaluated()
        times = repeats(evaluated, Loaded.cells, frame.data["least"])
    data: dict[str, Any] = {"faults": [], "failure": attempt.failure, "calls": 1}
    return Frame("outcome", {"times": np.array([times], np.int64)}, data)


def _function(call: Call) -> Callable[..., Any]:
    """Return the student's function that a call names."""
    found: Callable[..., Any] = Loaded.namespace[call["function"]]
    return found


def _function_and_before(call: Call) -> tuple[Callable[..., Any], Before | None]:
    """Return the function of a call, and a callable for the call that must run before it.

    The second item is None if the call has no ``before``.
    """
    first = call.get("before")
    if first is None:
        return _function(call), None
    function = _function(first)
    return _function(call), partial(call_before, function, first)


def _outcome(
    shapes: Mapping[str, list[int]], rows: list[Returned], failure: dict[str, Any] | None
) -> Frame:
    """Return the reply to a request of several calls, with their results stacked by quantity.

    ``shapes`` has the canonical shape of each quantity, ``rows`` the result of each call, and
    ``failure`` the description of an exception, None if there was none. A quantity that could not
    be read in one call is NaN there, and is left out if no call gave it. Of equal faults only that
    of the first call is reported.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for quantity, shape in shapes.items():
        column = [row.arrays.get(quantity) for row in rows]
        if any(value is not None for value in column):
            gap = np.full(shape, np.nan)
            arrays[quantity] = np.stack([gap if value is None else value for value in column])
    reported: set[tuple[str, str]] = set()
    faults = []
    for index, row in enumerate(rows):
        for quantity, kind, found in row.faults:
            if (quantity, kind) not in reported:
                reported.add((quantity, kind))
                faults.append([index, quantity, kind, found])
    return Frame("outcome", arrays, {"faults": faults, "failure": failure, "calls": len(rows)})


def lines(frame: Frame) -> Frame:
    """Run the lines of a check, and reply with the values of its expressions.

    The request has the ``data`` and the arrays of `run_steps`; functions to replace as ``stubs``,
    see `Replaced`; and ``spared``, the name of a function to rerun without the statements that
    raise, or an empty value.
    """
    done: list[str] = []
    out = Returned()

    def make_calls() -> None:
        """Run all steps from the first on, and store the result."""
        nonlocal out
        done.clear()
        out = run_steps(Loaded.namespace, frame.data, frame.arrays, done, Loaded.cells)

    with (
        _Attempt(done) as attempt,
        _with_stubs(frame.data["stubs"]),
        _with_changed_definitions(frame.data["changed"]),
    ):
        _run_calls(frame.data["spared"], make_calls)
    faults = [[0, *fault] for fault in out.faults]
    data = {"faults": faults, "failure": attempt.failure, "calls": len(done)}
    return Frame("outcome", out.arrays, data)


@contextmanager
def _with_stubs(functions: Sequence[Sequence[Any]]) -> Iterator[None]:
    """Return a context manager during which some functions of the section are replaced by stubs.

    ``functions`` are the arguments of `gradkit.runtime.stubs.with_stubs`; if it is empty, nothing
    is replaced.
    """
    before = Loaded.namespace
    if functions:
        Loaded.namespace = with_stubs(before, functions)
    try:
        yield
    finally:
        Loaded.namespace = before


def _with_changed_definitions(
    texts: Sequence[tuple[str, int, str]],
) -> AbstractContextManager[None]:
    """Return a context manager that replaces definitions of the section by changed texts.

    Each item of ``texts`` is the cell id of a definition, its first line there, and the text that
    replaces it. If there is none, nothing is done.
    """
    if not texts:
        return nullcontext()
    # Imported late, because only some workers have this module loaded, see `StudentProcess`.
    from gradkit.runtime.repair.changed import changed

    return changed(Loaded.namespace, texts)


def symbolic(frame: Frame) -> Frame:
    """Call an update once with numbers that record their operations, and reply with the operations.

    See `gradkit.runtime.symbolic.symbolic`, which also describes the request.
    """
    return trace_symbolically(
        lambda: _function_and_before(frame.data["call"]), Loaded.namespace, Loaded.cells, frame
    )


def repair(frame: Frame) -> Frame:
    """Search for the smallest change of the functions' text that corrects the wrong outputs.

    `gradkit.runtime.repair.request.propose` describes the request. The reply has ``references`` to
    the changes, the part of the budget that was ``spent``, and ``fault``: None, or the text of an
    error of the search itself.
    """
    from gradkit.runtime.repair.request import propose

    references: list[dict[str, Any]] = []
    spent = frame.data["budget"]
    with _Attempt() as attempt, _with_changed_definitions(frame.data["changed"]):
        references, spent = propose(Loaded.namespace, frame.data, frame.arrays)
    failure, fault = attempt.failure, None
    if failure is not None and failure["place"] is None and _has_original_names():
        fault = f"{failure['type']}: {failure['message']}"
    return Frame("repaired", {}, {"references": references, "fault": fault, "spent": spent})


# --- torch -------------------------------------------------------------------------------


def model(frame: Frame) -> Frame:
    """Build the first candidate that is a torch module, and reply with its parameters' shapes.

    The request has ``candidates``, global names of the section; ``inputs``, the number of features;
    and ``most``, the number of parameters that the task's layers have. If no candidate is a module,
    ``name`` is None in the reply, which has the failure of the first candidate.
    """
    failure = None
    for name in frame.data["candidates"]:
        with _Attempt() as attempt:
            built = torch_call.build(Loaded.namespace[name])
            parameters = torch_call.relevant_parameters(
                built, frame.data["inputs"], frame.data["most"]
            )[:LEAVES]
            arrays = {
                str(number): np.array(list(parameter.shape)[:DIMENSIONS], dtype=np.int64)
                for number, parameter in enumerate(parameters)
            }
            return Frame("outcome", arrays, {"name": name, "faults": [], "failure": None})
        failure = failure or attempt.failure
    return Frame("outcome", {}, {"name": None, "faults": [], "failure": failure})


def predict(frame: Frame) -> Frame:
    """Run the student's torch module on several examples, each with its own parameters.

    The request has the ``call``, whose function is the module, the number ``n`` of examples, and X
    and the parameters as arrays with one row for each example. Reply with the stacked outputs.
    """
    call, n = frame.data["call"], frame.data["n"]
    rows: list[Returned] = []
    with _Attempt(rows) as attempt:
        built = Loaded.namespace[call["function"]]
        for index in range(n):
            inputs = {name: value[index] for name, value in frame.arrays.items()}
            parameters, _ = torch_call.split(inputs)
            filled = torch_call.build(built)
            torch_call.fill(filled, parameters)
            rows.append(torch_call.predict(filled, inputs["X"], tuple(call["shapes"]["y_hat"])))
    return _outcome(call["shapes"], rows, attempt.failure)


def target(frame: Frame) -> Frame:
    """Reply with the number of dimensions of the student's target tensor; 0 if there is none.

    The request has the ``name`` of the global variable that should hold the tensor.
    """
    try:
        value = Loaded.namespace[frame.data["name"]]
        return Frame("target", {}, {"dimensions": min(int(value.dim()), DIMENSIONS)})
    except BaseException:
        return Frame("target", {}, {"dimensions": 0})


def train(frame: Frame) -> Frame:
    """Train a new model by the student's function or top-level loop, from given parameters.

    The request has the ``call`` of the function, the number of ``epochs``, and ``training``: the
    names of the ``model`` and, for a loop, its place; see `_run_loop`. The arrays are X, y, the
    ``rate`` and the first parameters. Reply with the losses, and the parameters at the end as
    ``final/…``.
    """
    call, epochs, training = frame.data["call"], frame.data["epochs"], frame.data["training"]
    parameters, inputs = torch_call.split(frame.arrays)
    out = Returned()
    with _Attempt() as attempt:
        student = torch_call.build(Loaded.namespace[training["model"]])
        X, y = torch_call.tensors(inputs, training["target"], torch_call.precision(student))
        arguments = {"X": X, "y": y, "epochs": epochs, "rate": float(inputs["rate"])}
        if "cell" in training:
            student, returned = _run_loop(training, student, parameters, arguments)
        else:
            torch_call.fill(student, parameters)
            arguments["model"] = student
            function = _function(call)
            returned = apply(function, call, [arguments[kind] for kind in call["arguments"]])
        losses = torch_call.losses_of(returned, out)
        if losses is not None:
            out.arrays["loss"] = losses
        final = torch_call.parameters_of(student, parameters)
        out.arrays.update({f"final/{name}": value for name, value in final.items()})
    faults = [[0, *fault] for fault in out.faults]
    data = {"faults": faults, "failure": attempt.failure, "calls": 1}
    return Frame("outcome", out.arrays, data)


def _run_loop(
    training: Mapping[str, Any], student: Any, parameters: Arrays, arguments: Mapping[str, Any]
) -> tuple[Any, list[float]]:
    """Run a top-level training loop, and return the model that it trained and its losses.

    ``training`` has the ``cell`` and ``line`` of the loop, the student's ``names`` for model, X, y
    and epochs, and the function ``through`` which the loop trains. ``student`` is a new model,
    which gets the canonical ``parameters``. ``arguments`` has the values for X, y and epochs.

    If the graded model is the module that the loop itself trains, that module is filled, not a
    copy of it: an optimiser may have been given the parameters of layers that have names of
    their own, as in ``SGD([*hidden.parameters(), *output.parameters()])``.
    """
    names = training["names"]
    trained = student

    def fill_model(own: Any) -> Any:
        """Copy the given parameters into the model that will be trained, and return that model.

        That is ``own``, the module of the loop, if the loop trains the graded model. Otherwise it
        is ``student``.
        """
        nonlocal trained
        if names["model"] == training["model"] and torch_call.is_module(own):
            trained = own
        torch_call.fill(trained, parameters)
        return trained

    losses = Loaded.namespace.run_loop(
        training["cell"],
        training["line"],
        {names[kind]: arguments[kind] for kind in ("X", "y", "epochs") if names[kind]},
        arguments["epochs"],
        training["through"] or None,
        {names["model"]: fill_model},
    )
    return trained, losses


# --- scripts -----------------------------------------------------------------------------

NAME = "snippet.py"
"""File name of a script in tracebacks."""


def script(frame: Frame) -> Frame:
    """Run the text of a request, ``text`` in its data, as a program.

    Reply with ``failure``: None, or the traceback as Python would print it. Printed output is
    collected as for all requests.
    """
    try:
        code = compile(frame.data["text"], NAME, "exec", dont_inherit=True)
        exec(code, {"__name__": "__main__"})  # noqa: S102  (what a worker is for)
    except BaseException as error:
        # The first frame is that of this function.
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
