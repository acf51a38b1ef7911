"""Run one section's code in a worker, and in a new worker whenever one is lost."""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.records.submission import (
    SIMILAR,
    UNREADABLE,
    Failure,
    FaultKind,
    Loop,
    Lost,
    Place,
    Section,
)
from gradkit.records.task import Imports
from gradkit.runtime.frames import (
    DIMENSIONS,
    SEVERAL,
    TO_GRADER,
    TO_WORKER,
    Frame,
    FrameError,
    FrameLimits,
    apart,
    encode,
    read,
    shown,
    together,
)
from gradkit.runtime.messages import LossKind, Message, format_message, is_line, is_message, message
from gradkit.runtime.syntax import readable, walk
from gradkit.sandbox import WorkerLost, Workshop
from gradkit.sandbox.worker import StubAnswer, answer_frame
from gradkit.submission.definitions import finder
from gradkit.text import clean_data, clean_text

if TYPE_CHECKING:
    from gradkit.sandbox.worker import Worker


MAX_DEPTH, MAX_ARRAY_SIZE = 5, 4096
"""Most levels of a described structure, and most numbers in an array of it."""

MAX_PRINTED_BYTES = 4_000
"""Most bytes of printed text that are kept for the instructor."""

MAX_LISTED = 100
"""Most parameters of a function in a reply; there may be three times as many functions."""

Arrays = Mapping[str, NDArray[Any]]
Shapes = Mapping[str, Collection[int]]
Count = Annotated[int, msgspec.Meta(ge=0)]
Line = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Key = Annotated[str, msgspec.Meta(max_length=80)]
TextOrMessage = str | list[Any]
"""A text from student code, or a message."""

Schema = TypeVar("Schema")


class UnfitError(ValueError):
    """A reply from student code's process does not fit its request."""


class _Failure(msgspec.Struct):
    type: str
    message: TextOrMessage
    place: tuple[str, int] | None
    function: str
    call: Count = 0


class _Outcome(msgspec.Struct):
    faults: list[tuple[Count, str, FaultKind, TextOrMessage]]
    failure: _Failure | None
    calls: Count


class _Tree(msgspec.Struct, forbid_unknown_fields=True):
    """The description of a value, in one of five forms; an array may be a ``matrix``."""

    entries: list[tuple[int | Key, _Tree]] | UnsetType = msgspec.field(name="dict", default=UNSET)
    items: list[_Tree] | UnsetType = msgspec.field(name="list", default=UNSET)
    array: str | UnsetType = UNSET
    none: Literal[True] | UnsetType = UNSET
    other: str | UnsetType = UNSET
    matrix: Literal[True] | UnsetType = UNSET


class _Explored(msgspec.Struct):
    tree: _Tree | None = None
    faults: list[tuple[str, FaultKind, TextOrMessage]] = []
    failure: _Failure | None = None


class _Model(msgspec.Struct):
    name: str | None
    faults: Annotated[list[Any], msgspec.Meta(max_length=0)]
    failure: _Failure | None


class _Target(msgspec.Struct):
    dimensions: int


class _Function(msgspec.Struct):
    name: Key
    standing: Literal["own", "borrowed", "guess", "method", "guarded", "elsewhere", "broken"]
    cell: str
    line: int
    last: int
    signature: Annotated[str, msgspec.Meta(max_length=2_000)]
    parameters: Annotated[list[tuple[Key, Key, bool, bool]], msgspec.Meta(max_length=MAX_LISTED)]
    owner: Key


class _Functions(msgspec.Struct):
    functions: Annotated[list[_Function], msgspec.Meta(max_length=3 * MAX_LISTED)]


class _Left(msgspec.Struct):
    names: Annotated[list[Key], msgspec.Meta(max_length=MAX_LISTED)]


_Operand = Annotated[list[Count], msgspec.Meta(max_length=200)]


class _Reference(msgspec.Struct, forbid_unknown_fields=True):
    """A change of the text, by its place and a row of a table, see `gradkit.edits.text`."""

    cell: str
    row: Annotated[str, msgspec.Meta(max_length=200)]
    slot: Count
    within: Annotated[int, msgspec.Meta(ge=-1)]
    operands: Annotated[list[_Operand], msgspec.Meta(max_length=MAX_LISTED)]


class _Repaired(msgspec.Struct, forbid_unknown_fields=True):
    references: Annotated[list[_Reference], msgspec.Meta(max_length=MAX_LISTED)]
    fault: str | None
    spent: Count


class _Ran(msgspec.Struct):
    failure: str | None


def check(kind: str, request: Mapping[str, Any], inputs: Arrays, reply: Frame) -> None:
    """Raise `UnfitError` unless a reply fits its request.

    Parameters
    ----------
    kind : str
        The request's kind. For ``symbolic`` only the reply's kind is checked here; the rest is
        checked in `gradkit.diagnosis.trace`.
    request : mapping
        The request's data.
    inputs : mapping of arrays
        The request's arrays.
    reply : Frame
        The reply, which is not trusted.

    Raises
    ------
    UnfitError
        The reply does not fit. The text of the error is short, and safe to show.
    """
    expected, check_rest = CHECKS[kind]
    _require(reply.kind == expected, f"a reply of kind {reply.kind} to a {kind}")
    if check_rest is not None:
        check_rest(request, inputs, reply)


def _require(is_valid: bool, what: str) -> None:
    """Raise UnfitError with the text ``what`` unless a condition holds."""
    if not is_valid:
        raise UnfitError(what)


def _convert_data(data: Mapping[str, Any], schema: type[Schema]) -> Schema:
    """Return a reply's data as a structure of type ``schema``.

    UnfitError is raised if the data do not have this type, or if a message in them is invalid.
    """
    try:
        parsed = msgspec.convert(data, schema)
    except msgspec.ValidationError as error:
        raise UnfitError(clean_text(str(error), 200)) from None
    messages = [fault[-1] for fault in data.get("faults", ())]
    messages += [data["failure"]["message"]] if isinstance(data.get("failure"), dict) else []
    _require(all(map(is_message, messages)), "a message of another form")
    return parsed


# --- checks by kind of request ---------------------------------------------------------------
#
# These functions check the data and the arrays of a reply, and raise UnfitError.


def _check_batch(request: Mapping[str, Any], inputs: Arrays, reply: Frame) -> None:
    """Check a reply to independent calls: their number, faults, and a row of arrays for each.

    ``request`` and ``inputs`` are the data and the arrays of the request. UnfitError is raised if
    the reply does not fit.
    """
    call, parsed = request["call"], _convert_data(reply.data, _Outcome)
    _check_calls(parsed, request["n"])
    _check_faults(parsed, parsed.calls, {*call["shapes"], *call["keys"], *call["arguments"]})
    _check_stacked_arrays(call["shapes"], parsed, reply.arrays)


def _check_follow(request: Mapping[str, Any], inputs: Arrays, reply: Frame) -> None:
    """Check a reply to a training by the update alone: it has parameters after each step.

    ``request`` and ``inputs`` are the data and the arrays of the request. UnfitError is raised if
    the reply does not fit.
    """
    keys, parsed = request["call"]["keys"], _convert_data(reply.data, _Outcome)
    _check_calls(parsed, len(inputs["y_hat"]))
    _check_faults(parsed, parsed.calls, keys)
    _check_stacked_arrays({key: inputs[key].shape for key in keys}, parsed, reply.arrays)


def _check_run(request: Mapping[str, Any], inputs: Arrays, reply: Frame) -> None:
    """Check a reply to a training run: outputs of each step, and parameters at the end.

    ``request`` and ``inputs`` are the data and the arrays of the request. A run may end early at a
    step that raised, or whose outputs cannot be read.

    Raises
    ------
    UnfitError
        The reply does not fit.
    """
    forward, parsed = request["forward"], _convert_data(reply.data, _Outcome)
    keys, total = forward["keys"], request["epochs"] * len(inputs["X"])
    _check_faults(parsed, parsed.calls + 1, {*forward["shapes"], *keys})
    if parsed.failure is not None:
        is_valid = parsed.failure.call == max(parsed.calls - 1, 0) and parsed.calls <= total
    else:
        # A run ends early at a step whose outputs cannot be read.
        last = [kind for call, _, kind, _ in parsed.faults if call == parsed.calls - 1]
        is_valid = parsed.calls == total or (parsed.calls < total and bool(UNREADABLE & set(last)))
    _require(is_valid, f"{parsed.calls} of {total} steps")
    final = {f"final/{key}": inputs[key].shape for key in keys}
    _check_stacked_arrays(
        forward["shapes"], parsed, {k: v for k, v in reply.arrays.items() if k not in final}
    )
    _check_shapes(final, reply.arrays)
    broken = {f"final/{name}" for call, name, *_ in parsed.faults if call == parsed.calls}
    _require(final.keys() <= reply.arrays.keys() | broken, "final parameters are not there")


def _check_repeats(request: Mapping[str, Any], inputs: Arrays, reply: Frame) -> None:
    """Check a reply to one call that counted similar calls: an array ``times`` of one count.

    ``request`` and ``inputs`` are the data and the arrays of the request.

    Raises
    ------
    UnfitError
        The reply does not fit.
    """
    parsed, times = _convert_data(reply.data, _Outcome), reply.arrays.get("times")
    _require(parsed.calls == 1 and _is_none_or_first(parsed.failure), f"{parsed.calls} calls of 1")
    _check_faults(parsed, 1, ())
    _check_names(reply.arrays, {"times"})
    _require(times is not None and _is_count(times), "times is no count")


def _is_count(array: NDArray[Any]) -> bool:
    """Return whether an array holds one int64."""
    return array.dtype == np.int64 and array.shape == (1,)


def _check_train(request: Mapping[str, Any], inputs: Arrays, reply: Frame) -> None:
    """Check a reply to a torch training run: its series of losses, and its parameters.

    ``request`` and ``inputs`` are the data and the arrays of the request.

    Raises
    ------
    UnfitError
        The reply does not fit.
    """
    parsed, loss = _convert_data(reply.data, _Outcome), reply.arrays.get("loss")
    _require(parsed.calls == 1 and _is_none_or_first(parsed.failure), f"{parsed.calls} calls of 1")
    _check_faults(parsed, 1, {"loss"})
    finals = {f"final/{name}": array.shape for name, array in inputs.items() if name not in INPUTS}
    _check_names(reply.arrays, {"loss", *finals})
    _check_shapes(finals, reply.arrays)
    if loss is None:
        _require(parsed.failure is not None or bool(parsed.faults), "loss is not there")
    else:
        _require(loss.dtype == np.float64 and loss.ndim == 1, "loss is no series of numbers")


def _check_lines(request: Mapping[str, Any], inputs: Arrays, reply: Frame) -> None:
    """Check a reply to the lines of a check: a value or a fault for each expression.

    ``request`` and ``inputs`` are the data and the arrays of the request.

    Raises
    ------
    UnfitError
        The reply does not fit.
    """
    parsed, steps = _convert_data(reply.data, _Outcome), len(request["steps"])
    # If all steps were made and there is a failure, the second run of the last step failed.
    failed = parsed.failure
    is_valid = parsed.calls == steps if failed is None else parsed.calls == failed.call <= steps
    _require(is_valid, f"{parsed.calls} of {steps} steps")
    first = set(map(str, range(len(request["reads"]))))
    second = {f"again/{number}" for number in first if request["again"]}
    watched = {SIMILAR} if request["again"] and request["least"] else set()
    _check_names(reply.arrays, first | second | watched)
    if watched and failed is None:
        _require(SIMILAR in reply.arrays, "similar is not there")
    if SIMILAR in reply.arrays:
        _require(_is_count(reply.arrays[SIMILAR]), "similar is no count")
    _check_faults(parsed, 1, first | second | {name for name, _ in request["inputs"]["dict"]})
    broken = {name for _, name, kind, _ in parsed.faults if kind in UNREADABLE}
    _require(failed is not None or first <= broken | reply.arrays.keys(), "a value is not there")


INPUTS = frozenset({"X", "y", "rate"})
"""Inputs of a training run besides the parameters."""


def _check_model(request: Mapping[str, Any], inputs: Arrays, reply: Frame) -> None:
    """Check a reply about a torch module: a requested name with shapes of parameters, or a failure.

    ``request`` and ``inputs`` are the data and the arrays of the request.

    Raises
    ------
    UnfitError
        The reply does not fit.
    """
    parsed, arrays = _convert_data(reply.data, _Model), reply.arrays
    _require(
        (parsed.name is None) == (parsed.failure is not None), "a model and a failure, or none"
    )
    _require(parsed.name is None or parsed.name in request["candidates"], "a model of another name")
    _require(_is_none_or_first(parsed.failure), "a failure of another call")
    _check_names(arrays, set(map(str, range(len(arrays) if parsed.name else 0))))
    for array in arrays.values():
        is_valid = array.dtype == np.int64 and array.ndim == 1 and array.size <= DIMENSIONS
        _require(is_valid, "what is no shape of a parameter")


def _check_without_arrays(schema: type[Any]) -> Callable[[Mapping[str, Any], Arrays, Frame], None]:
    """Return a check of a reply whose data have the type ``schema`` and that has no arrays."""

    def check_rest(request: Mapping[str, Any], inputs: Arrays, reply: Frame) -> None:
        _convert_data(reply.data, schema)
        _check_names(reply.arrays, ())

    return check_rest


def _check_explore(request: Mapping[str, Any], inputs: Arrays, reply: Frame) -> None:
    """Check a reply that describes a returned value: a tree that fits the arrays, or a failure.

    ``request`` and ``inputs`` are the data and the arrays of the request.

    Raises
    ------
    UnfitError
        The reply does not fit.
    """
    call, parsed = request["call"], _convert_data(reply.data, _Explored)
    _require((parsed.tree is None) != (parsed.failure is None), "a tree and a failure, or none")
    _require(_is_none_or_first(parsed.failure), "a failure of another call")
    names = {name for name, *_ in parsed.faults}
    _check_names(names, {*call["shapes"], *call["keys"], *call["arguments"]})
    leaves = [*_array_names(parsed.tree)] if parsed.tree is not None else []
    _require(sorted(leaves) == sorted(reply.arrays), "a tree that does not fit its arrays")
    _require(
        all(a.size <= MAX_ARRAY_SIZE for a in reply.arrays.values()), "arrays of too many numbers"
    )


def _array_names(tree: _Tree, depth: int = MAX_DEPTH) -> Iterator[str]:
    """Yield the names of the arrays in a described structure, and check its forms and levels.

    ``depth`` is the number of levels of containers that are allowed.

    Raises
    ------
    UnfitError
        The structure has more levels, or a description has not exactly one form.
    """
    forms = (tree.entries, tree.items, tree.array, tree.none, tree.other)
    _require(sum(f is not UNSET for f in forms) == 1, "a tree of two forms, or none")
    _require(tree.matrix is UNSET or tree.array is not UNSET, "a matrix that is no array")
    below = [*(tree.items or ()), *(item for _, item in tree.entries or ())]
    _require(not below or depth > 0, "a tree of too many levels")
    if tree.array is not UNSET:
        yield tree.array
    for item in below:
        yield from _array_names(item, depth - 1)


CHECKS: Mapping[str, tuple[str, Callable[[Mapping[str, Any], Arrays, Frame], None] | None]] = {
    "batch": ("outcome", _check_batch),
    "predict": ("outcome", _check_batch),
    "follow": ("outcome", _check_follow),
    "lines": ("outcome", _check_lines),
    "run": ("outcome", _check_run),
    "repeats": ("outcome", _check_repeats),
    "train": ("outcome", _check_train),
    "model": ("outcome", _check_model),
    "target": ("target", _check_without_arrays(_Target)),
    "functions": ("functions", _check_without_arrays(_Functions)),
    "left": ("left", _check_without_arrays(_Left)),
    "explore": ("explored", _check_explore),
    "repair": ("repaired", _check_without_arrays(_Repaired)),
    "symbolic": ("traced", None),
    "script": ("ran", _check_without_arrays(_Ran)),
}
"""For each kind of request, the kind of its reply, and a check of the reply's data and arrays."""


# --- helpers ---------------------------------------------------------------------------------


def _is_none_or_first(failure: _Failure | None) -> bool:
    return failure is None or failure.call == 0


def _check_calls(parsed: _Outcome, total: int) -> None:
    """Raise UnfitError unless all ``total`` calls were made, or all calls up to the failed one."""
    failed = parsed.failure
    is_valid = parsed.calls == total if failed is None else parsed.calls == failed.call < total
    _require(is_valid, f"{parsed.calls} of {total} calls")


def _check_faults(parsed: _Outcome, calls: int, allowed: Collection[str]) -> None:
    """Raise UnfitError unless all faults are about allowed names, and about one of the calls.

    ``calls`` is the number of calls.
    """
    _check_names({name for _, name, _, _ in parsed.faults}, allowed)
    _require(all(call < calls for call, *_ in parsed.faults), "a fault of no call")


def _check_stacked_arrays(shapes: Shapes, parsed: _Outcome, arrays: Arrays) -> None:
    """Raise UnfitError unless each quantity has a row for each call, or a fault.

    ``shapes`` has the shape of a row for each quantity, and ``parsed`` the number of calls and the
    faults.
    """
    _check_names(arrays, shapes)
    _check_shapes({name: (parsed.calls, *shape) for name, shape in shapes.items()}, arrays)
    broken = {name for _, name, kind, _ in parsed.faults if kind in UNREADABLE}
    missing = shapes.keys() - arrays.keys() - broken
    _require(not missing or not parsed.calls, f"{', '.join(sorted(missing))} is not there")


def _check_shapes(shapes: Shapes, arrays: Arrays) -> None:
    """Raise UnfitError if an array has another shape than ``shapes`` has under its name.

    Arrays may be missing from ``arrays``.
    """
    for name, shape in shapes.items():
        found = arrays[name].shape if name in arrays else shape
        # Not `_require`: formatting a text for each array would take most of the time.
        if found != shape:
            raise UnfitError(f"{name} of shape {found}, not {shape}")


def _check_names(names: Collection[str], allowed: Collection[str]) -> None:
    """Raise UnfitError unless all names, such as those of a reply's arrays, are allowed."""
    for name in names:
        if name not in allowed:
            raise UnfitError(f"{shown(name)} had not been asked for")


MIN_REQUEST_SECONDS = 0.5
"""Least seconds for a request, even if less is left of the deadline."""

REUSE_SHARE = 0.5
"""Share of the deadline; if more is used, `StudentProcess.renew` starts a new process."""

WALL_FACTOR = 4.0
"""Wall seconds allowed for each second of a deadline that counts processor time."""

IMPORT_SECONDS = 30.0
"""Most seconds for all imports of a submission, if they were too slow for a normal request."""


ANYTHING = Imports()
"""Allows all packages."""


@dataclass(frozen=True, slots=True, eq=False)
class Question(Frame):
    """A request with the name of its outcome; ``loop`` says whose training loop it runs, if any."""

    name: str = ""
    loop: Loop = ""


class OverdueError(Exception):
    """A hurried submission took too long or lost its process, and has to be asked again later."""


class StudentProcess(contextlib.AbstractContextManager["StudentProcess"]):
    """A context manager that sends requests to a section's code in a worker.

    Each request may take half of the time left until the deadline, so that a check that hangs
    leaves time for the checks after it.

    Parameters
    ----------
    workshop : Workshop
        Provides the workers.
    section : Section
        The part of a submission that has the code.
    modules : mapping of str to str
        Sources that the section may import, by module name.
    forbidden : frozenset of str
        Names that must not come from other sections.
    deadline : float
        Seconds for all requests: of wall time, or of processor time, see `counting_cpu_time`.
    seed : int
        Seeds the random generators of every worker, so that all start equally.
    imports : Imports
        The packages that the code may use.
    needs : collection of str
        Modules that the code is going to import, see `Workshop.worker`.
    hurried : bool
        Whether to raise `OverdueError` at the first request that is not answered in time or loses
        its process. The caller then asks again with more time. A crash would take much time, as
        each request after it needs a new process.

    Attributes
    ----------
    losses : list of Lost
        How workers were lost, so far.
    tier : int
        Tier of isolation of the latest worker.
    printed : str
        The first text that the code printed: while it was loaded, or in the first request during
        which it printed something. It comes from student code, so it may contain anything.
    """

    def __init__(
        self,
        workshop: Workshop,
        section: Section,
        modules: Mapping[str, str],
        forbidden: frozenset[str],
        deadline: float,
        seed: int,
        *,
        imports: Imports = ANYTHING,
        needs: Collection[str] = (),
        hurried: bool = False,
    ) -> None:
        """Store the code and the limits; the first request starts a worker in ``workshop``.

        For the parameters see `StudentProcess`.
        """
        self.section = section
        self.modules = dict(modules)
        self.losses: list[Lost] = []
        self.tier = 0
        self.printed = ""
        self._workshop = workshop
        self._sources: dict[str, Any] = {
            part: [[cell.id, cell.source] for cell in getattr(section, part)]
            for part in ("own", "shared", "borrowed")
        }
        self._sources["own"] += [[cell.id, cell.source] for cell in section.generated]
        self._sources |= {
            "modules": self.modules,
            "forbidden": sorted(forbidden),
            "imports": {"allowed": imports.allowed, "forbidden": imports.forbidden},
            "seed": seed,
        }
        self._find = finder([*section.cells, *section.generated])
        self._seed = seed
        self._left = self._deadline = deadline
        self._hurried = hurried
        self._counts_cpu = False
        self._stack = contextlib.ExitStack()
        self._worker: Worker | None = None
        self._loaded = False
        self._modules = frozenset(needs)
        self._apart = False
        self._imports: list[Frame] | None = None
        self._importing = 0.0
        self._stuck_message: Message | None = None
        self._answer: Callable[[Frame], Frame] | None = None

    def ask(self, request: Frame) -> Frame | Lost:
        """Send one request, and wait for the reply.

        If the request times out because of slow imports, it is sent once more after the imports.

        Returns
        -------
        Frame or Lost
            The reply, whose texts are cleaned for display, or how the worker was lost, which is
            added to ``losses`` too.

        Raises
        ------
        OverdueError
            The process is hurried, and there was no reply in time.
        """
        left = self._left
        reply = self._ask_once(request)
        if isinstance(reply, Lost) and reply.kind == "timeout" and self._imports is None:
            # Only after a timeout is it worth finding out whether the imports took the time.
            self._imports = _import_requests(self._sources)
            self._open()
            if self._importing > MIN_REQUEST_SECONDS:
                self.losses.remove(reply)
                self._left = left
                return self._ask_once(request)
        return reply

    def _import_packages(self, worker: Worker, imports: Sequence[Frame]) -> None:
        """Make a new worker import the packages of the student's code, outside the code's deadline.

        ``imports`` are the requests, one for each module. If they take more than `IMPORT_SECONDS`
        together, the worker is lost, and the next request reports that.
        """
        began = time.monotonic()
        for request in imports:
            first = [] if self._loaded else [Frame("load", {}, self._sources)]
            left = IMPORT_SECONDS - (time.monotonic() - began)
            try:
                worker.ask(together([*first, request]), max(left, 0.0))
                self._loaded = True
            except WorkerLost:
                name, self._imports = request.data["name"], []
                self._stuck_message = message("importing", name=name, seconds=f"{IMPORT_SECONDS:g}")
                break
        self._importing = time.monotonic() - began

    def _ask_once(self, request: Frame) -> Frame | Lost:
        """Send one request to a worker with the loaded code, and return the checked reply.

        If the worker is lost, that is stored and returned; a hurried process raises OverdueError.
        """
        self._provide_modules([request])
        # Starting a process does not count for the deadline, but loading the student's code does.
        worker = self._worker or self._open()
        first, started, used = not self._loaded, time.monotonic(), worker.last_cpu_seconds
        try:
            sent = together([Frame("load", {}, self._sources), request]) if first else request
            seconds = self._left if self._hurried else max(MIN_REQUEST_SECONDS, self._left / 2)
            if self._counts_cpu and used is not None:
                limit = seconds * WALL_FACTOR
                reply = worker.ask(sent, limit, self._answer, cpu_seconds=seconds)
            else:
                reply = worker.ask(sent, seconds, self._answer)
            self._loaded = True
            self._keep_printed(worker)
        except WorkerLost as lost:
            self._keep_printed(worker)
            self._close()
            if self._hurried:
                raise OverdueError from None
            reason = _loss_message(lost.reason, request)
            if lost.kind == "timeout":
                reason = self._stuck_message or reason
            return self._record_loss(lost.kind, reason)
        finally:
            self._left -= self._seconds_since(started, used, worker)
        try:
            if first and reply.kind == SEVERAL:
                _, reply = apart(reply, 2)
            reply = Frame(reply.kind, reply.arrays, clean_data(reply.data))
            if reply.kind == "error":
                return self._record_loss(
                    "protocol", message("error", reason=reply.data.get("text", ""))
                )
            if request.kind != SEVERAL:
                check(request.kind, request.data, request.arrays, reply)
        except (FrameError, UnfitError) as error:
            # The reply does not fit the request.
            return self._record_loss("protocol", message("invalid", reason=clean_text(str(error))))
        return reply

    def _keep_printed(self, worker: Worker) -> None:
        """Store what the code printed in the last request, unless an earlier text is stored."""
        self.printed = self.printed or clean_text(worker.output.strip(), MAX_PRINTED_BYTES)

    def _seconds_since(self, started: float, used: float | None, worker: Worker) -> float:
        """Return the seconds of a request that count for the deadline.

        Parameters
        ----------
        started : float
            The wall time at which the request began.
        used : float or None
            The processor time that the worker had used before; None if unknown.
        worker : Worker
            The worker that answered the request.
        """
        wall, now = time.monotonic() - started, worker.cpu_seconds
        if not self._counts_cpu or used is None or now is None:
            return wall
        return max(now - used, wall / WALL_FACTOR)

    def _record_loss(self, kind: LossKind, reason: Message) -> Lost:
        """End the worker, and store and return how it was lost: ``kind`` and text of ``reason``."""
        self._close()
        self.losses.append(Lost(kind, format_message(reason)))
        return self.losses[-1]

    def ask_all(
        self, questions: Sequence[Frame], *, at_once: bool = False
    ) -> Sequence[Frame | Lost]:
        """Send several requests, and return their replies in order.

        A hurried process, or the argument ``at_once``, sends them in one frame, which is quicker.
        If that fails, the requests are sent one by one to a new worker, so that a loss belongs to
        one of them. A reply is `Lost` if the worker was lost.

        Raises
        ------
        OverdueError
            See `ask`.
        """
        if (self._hurried or at_once) and not self._apart and len(questions) > 1:
            replies = self._ask_together(questions)
            if replies is not None:
                return replies
            self._apart = True
            self._close()
        return [self.ask(question) for question in questions]

    def _ask_together(self, questions: Sequence[Frame]) -> list[Frame] | None:
        """Send several requests in one frame, and return their checked replies, or None.

        It is None if the process is lost, or if a reply does not fit its request.
        """
        self._provide_modules(questions)
        reply = self.ask(together(questions))
        if isinstance(reply, Lost):
            return None
        try:
            replies = apart(reply, len(questions))
            for question, part in zip(questions, replies, strict=True):
                check(question.kind, question.data, question.arrays, part)
        except (FrameError, UnfitError):
            return None
        return replies

    def renew(self, *, apart: bool = False) -> None:
        """Make the next request reload the code and reseed the generators; reset the deadline.

        The same process is used, because a fork takes longer than most requests. A new process is
        used if half of the deadline is used up, or if ``apart`` is true: no earlier request can
        have affected it. A new one is also used near the end of the process's own lifetime, which
        is not extended here.
        """
        self._loaded = False
        is_old = self._worker is not None and self._worker.used_share > REUSE_SHARE
        if apart or is_old or self.spent > REUSE_SHARE * self._deadline:
            self._close()
        self._left = self._deadline

    @contextlib.contextmanager
    def counting_cpu_time(self) -> Iterator[None]:
        """Make deadlines count the code's processor time during a ``with`` block.

        What a diagnosis finds then does not depend on how busy the machine is. Wall time is still
        limited, to `WALL_FACTOR` times a deadline, for code that sleeps. Where the system does not
        tell the processor time of a process, deadlines are of wall time as before.
        """
        self._close()
        before, self._counts_cpu = self._counts_cpu, True
        try:
            yield
        finally:
            self._close()
            self._counts_cpu = before

    def for_search(self, seconds: float) -> StudentProcess:
        """Return another `StudentProcess` with the same code, for a search of this many seconds.

        The seconds are of processor time, see `counting_cpu_time`. A hurried process allows a
        search no more than its own deadline.

        The requests of a search contain parts of the model solution, so no gradable result may
        come from the process that gets them. It has a folder of its own, and ends with the context
        manager. This process's worker is ended first, because a workshop has one worker at a time.
        """
        other = self._another(seconds)
        other._modules = self._modules | REPAIRS
        other._counts_cpu = True
        return other

    def with_stubs(self, seconds: float, answer: StubAnswer) -> StudentProcess | None:
        """Return another `StudentProcess` with the same code, whose calls of stubs are answered.

        A stub replaces a function of the student, see `gradkit.runtime.stubs`. The new process is
        for one check alone, as it knows right outputs of helpers of that check. The worker of this
        process is ended. None is returned if the code cannot get a process of its own.

        Parameters
        ----------
        seconds : float
            Seconds for all requests.
        answer : callable
            Answers the calls of stubs.
        """
        other = self._another(seconds)
        other._answer = partial(answer_frame, answer)
        return other

    def _another(self, seconds: float) -> StudentProcess:
        """Return a copy with its own deadline and without a worker; end this process's worker.

        The deadline is ``seconds``; that of a hurried process is at most the present deadline.
        """
        self._close()
        self._loaded = False
        other = copy.copy(self)
        other.losses, other._stack, other._worker = [], contextlib.ExitStack(), None
        other._left = other._deadline = min(seconds, self._deadline) if self._hurried else seconds
        other._loaded, other._apart = False, True
        return other

    @contextlib.contextmanager
    def with_texts(self, texts: Mapping[str, str]) -> Iterator[None]:
        """Replace the sources of some cells, by cell id, during a ``with`` block.

        Only own and shared cells of the section are replaced. The code is reloaded at both ends.
        """
        before = self._sources, self.section
        parts = {
            name: tuple(replace(c, source=texts.get(c.id, c.source)) for c in cells)
            for name, cells in (("own", self.section.own), ("shared", self.section.shared))
        }
        sources = {name: [[c.id, c.source] for c in cells] for name, cells in parts.items()}
        sources["own"] += [[c.id, c.source] for c in self.section.generated]
        self._sources = {**self._sources, **sources}
        self.section = replace(self.section, **parts)
        self.renew()
        try:
            yield
        finally:
            self._sources, self.section = before
            self.renew()

    def failure(self, data: Mapping[str, Any] | None) -> Failure | None:
        """Return the exception that a reply describes, with its place in the student's file.

        ``data`` is the item ``failure`` in the data of the reply. None is returned for None, the
        description of no exception.
        """
        if data is None:
            return None
        return Failure(
            int(data.get("call", 0)),
            str(data["type"]),
            format_message(data["message"]),
            self.place(data["place"]),
            str(data["function"]),
            data.get("before") is True,
        )

    def place(self, where: Sequence[Any] | None) -> Place | None:
        """Return the place that a student sees for a cell id and a line; None if invalid."""
        if where is None or not is_line(where[1]):
            return None
        return self._find(str(where[0]), where[1])

    @property
    def spent(self) -> float:
        """Return the seconds of the deadline that requests have used."""
        return self._deadline - self._left

    def _provide_modules(self, requests: Sequence[Frame]) -> None:
        """End the worker if it lacks modules that the requests need; the next one has them."""
        needed = frozenset[str]().union(*(_modules_needed(r.kind, r.data) for r in requests))
        if not self._modules >= needed:
            self._close()
            self._modules |= needed

    def _open(self) -> Worker:
        """Start a worker; if imports are known to be slow, import the packages in it."""
        lifetime = max(MIN_REQUEST_SECONDS, self._left) * (WALL_FACTOR if self._counts_cpu else 1)
        lifetime += IMPORT_SECONDS if self._imports else 0
        self._worker = self._stack.enter_context(
            self._workshop.worker(deadline=lifetime, seed=self._seed, modules=self._modules)
        )
        self._loaded = False
        self.tier = self._worker.tier
        if self._imports:
            self._import_packages(self._worker, self._imports)
        return self._worker

    def _close(self) -> None:
        self._worker = None
        self._stack.close()

    def __exit__(self, *exception: object) -> None:
        self._close()


def _loss_message(reason: Message, request: Frame) -> Message:
    """Return the message about a lost worker.

    ``reason`` is the message of the worker. If a request of several calls took too long, their
    number is added.
    """
    (code, fields), data = reason, request.data
    run = request.kind == "run"
    count = data["epochs"] * len(request.arrays["X"]) if run else data.get("n", 1)
    several = code == "overdue" and count > 1
    return message("overdue-calls", count=count, **fields) if several else reason


def _import_requests(sources: Mapping[str, Any]) -> list[Frame]:
    """Return an import request for each module that the code imports, inside functions too.

    ``sources`` has the cells by layer, and the student's modules. Each request has the names that
    are imported from the module.
    """
    texts = [text for part in ("own", "shared", "borrowed") for _, text in sources[part]]
    found: dict[str, set[str]] = {}
    for text in (*texts, *sources["modules"].values()):
        for node in walk(readable(text)):
            if isinstance(node, ast.Import):
                found |= {alias.name: set() for alias in node.names if alias.name not in found}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.setdefault(node.module, set()).update(alias.name for alias in node.names)
    return [Frame("import", {}, {"name": name, "of": sorted(of)}) for name, of in found.items()]


REPAIRS = frozenset({"gradkit.runtime.repair.request"})
"""The module that searches for repairs, and runs changed text."""


def _modules_needed(kind: str, data: Mapping[str, Any]) -> frozenset[str]:
    """Return the modules that a worker must have loaded before it can answer a request.

    ``kind`` and ``data`` are those of the request. The modules are loaded in advance because
    importing pandas would take a worker longer than everything else, and because a sandboxed worker
    cannot read gradkit's own modules. Requests about correct code need none of them.
    """
    if kind == "repair" or data.get("changed"):
        return REPAIRS
    if data.get("spared"):
        return frozenset({"gradkit.runtime.spared"})
    calls = [value for value in data.values() if isinstance(value, Mapping)]
    calls += [call["before"] for call in calls if call.get("before")]
    return frozenset({"pandas"} if any(c.get("inputs") == "series" for c in calls) else ())


# --- functions of a notebook -----------------------------------------------------------


class LiveProcess(StudentProcess):
    """A `StudentProcess` that runs functions in this process, such as those of a notebook.

    Parameters
    ----------
    section : Section
        The text of the functions, as far as it is known.
    functions : mapping of str to object
        The functions by name.
    """

    def __init__(self, section: Section, functions: Mapping[str, Any]) -> None:
        super().__init__(None, section, {}, frozenset(), 0.0, 0)  # type: ignore[arg-type]
        self._functions = dict(functions)

    def ask(self, request: Frame) -> Frame | Lost:
        """Call the handler of a request in this process, and return the reply.

        Printed output is dropped, and random generators are restored. KeyboardInterrupt is raised
        again, although handlers catch it.
        """
        from gradkit.runtime import child
        from gradkit.runtime.serve import generators_kept

        child.Loaded.namespace = self._functions  # type: ignore[assignment]
        child.Loaded.cells = frozenset(cell.id for cell in self.section.own)
        # Encoded as for another process, so that the functions get copies, which they may change.
        received = _sent(request, TO_WORKER)
        with contextlib.redirect_stdout(io.StringIO()), generators_kept():
            reply = _sent(child.HANDLERS[request.kind](received), TO_GRADER)
        failure = reply.data.get("failure")
        if failure and failure["type"] == "KeyboardInterrupt":
            raise KeyboardInterrupt
        return reply

    def with_stubs(self, seconds: float, answer: StubAnswer) -> None:
        """Return None: functions of a notebook have no process of their own."""


def _sent(frame: Frame, limits: FrameLimits) -> Frame:
    """Return a frame as it arrives after encoding: checked, and with copies of its arrays."""
    received = read(io.BytesIO(encode(frame, limits)).readinto, limits)
    assert received is not None  # noqa: S101  (a whole frame was sent)
    return received
