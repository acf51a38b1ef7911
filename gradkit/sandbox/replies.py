"""Check that a reply fits its request: the structure, the names and the shapes.

Student code that controls its worker can send anything. A reply that passes these checks could have
come from the handlers in `gradkit.runtime.child`, and needs no more checks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from gradkit.records.submission import SIMILAR, UNREADABLE, FaultKind
from gradkit.runtime.frames import DIMENSIONS, Frame, shown
from gradkit.runtime.messages import is_message
from gradkit.text import clean_text

MAX_DEPTH, MAX_ARRAY_SIZE = 5, 4096
"""Most levels of a described structure, and most numbers in an array of it."""

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
    """A reply does not fit its request."""


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
    """Raise UnfitError with a text unless a condition holds."""
    if not is_valid:
        raise UnfitError(what)


def _convert_data(data: Mapping[str, Any], schema: type[Schema]) -> Schema:
    """Return a reply's data as a structure; UnfitError if the data or its messages are invalid."""
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
    """Check a reply about independent calls: their number, faults, and one row for each."""
    call, parsed = request["call"], _convert_data(reply.data, _Outcome)
    _check_calls(parsed, request["n"])
    _check_faults(parsed, parsed.calls, {*call["shapes"], *call["keys"], *call["arguments"]})
    _check_stacked_arrays(call["shapes"], parsed, reply.arrays)


def _check_follow(request: Mapping[str, Any], inputs: Arrays, reply: Frame) -> None:
    """Check a reply about a training by the update alone: parameters after each step."""
    keys, parsed = request["call"]["keys"], _convert_data(reply.data, _Outcome)
    _check_calls(parsed, len(inputs["y_hat"]))
    _check_faults(parsed, parsed.calls, keys)
    _check_stacked_arrays({key: inputs[key].shape for key in keys}, parsed, reply.arrays)


def _check_run(request: Mapping[str, Any], inputs: Arrays, reply: Frame) -> None:
    """Check a reply about a training run: outputs of each step, and parameters at the end."""
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
    """Check a reply about one call that counted similar calls: an array ``times`` of one count."""
    parsed, times = _convert_data(reply.data, _Outcome), reply.arrays.get("times")
    _require(parsed.calls == 1 and _is_none_or_first(parsed.failure), f"{parsed.calls} calls of 1")
    _check_faults(parsed, 1, ())
    _check_names(reply.arrays, {"times"})
    _require(times is not None and _is_count(times), "times is no count")


def _is_count(array: NDArray[Any]) -> bool:
    """Return whether an array holds one int64."""
    return array.dtype == np.int64 and array.shape == (1,)


def _check_train(request: Mapping[str, Any], inputs: Arrays, reply: Frame) -> None:
    """Check a reply about a torch training run: its series of losses, and its parameters."""
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
    """Check a reply about the lines of a check: a value or a fault for each expression."""
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
    """Check a reply about a model: a requested name with shapes of parameters, or a failure."""
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
    """Return a check that a reply has data with a structure, and no arrays."""

    def check_rest(request: Mapping[str, Any], inputs: Arrays, reply: Frame) -> None:
        _convert_data(reply.data, schema)
        _check_names(reply.arrays, ())

    return check_rest


def _check_explore(request: Mapping[str, Any], inputs: Arrays, reply: Frame) -> None:
    """Check a reply that describes a returned value: a tree that fits the arrays, or a failure."""
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
    """Yield the names of the arrays in a described structure, and check its forms and levels."""
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
    """Require that all calls were made, or all calls up to the failed one."""
    failed = parsed.failure
    is_valid = parsed.calls == total if failed is None else parsed.calls == failed.call < total
    _require(is_valid, f"{parsed.calls} of {total} calls")


def _check_faults(parsed: _Outcome, calls: int, allowed: Collection[str]) -> None:
    """Require that all faults are about allowed names, and about one of the first calls."""
    _check_names({name for _, name, _, _ in parsed.faults}, allowed)
    _require(all(call < calls for call, *_ in parsed.faults), "a fault of no call")


def _check_stacked_arrays(shapes: Shapes, parsed: _Outcome, arrays: Arrays) -> None:
    """Require that each quantity has a row for each call, or a fault that explains why not."""
    _check_names(arrays, shapes)
    _check_shapes({name: (parsed.calls, *shape) for name, shape in shapes.items()}, arrays)
    broken = {name for _, name, kind, _ in parsed.faults if kind in UNREADABLE}
    missing = shapes.keys() - arrays.keys() - broken
    _require(not missing or not parsed.calls, f"{', '.join(sorted(missing))} is not there")


def _check_shapes(shapes: Shapes, arrays: Arrays) -> None:
    """Raise UnfitError if an array has another shape than the given one; arrays may be missing."""
    for name, shape in shapes.items():
        found = arrays[name].shape if name in arrays else shape
        # Not `_require`: formatting a text for each array would take most of the time.
        if found != shape:
            raise UnfitError(f"{name} of shape {found}, not {shape}")


def _check_names(names: Collection[str], allowed: Collection[str]) -> None:
    """Raise UnfitError unless all names are allowed."""
    for name in names:
        if name not in allowed:
            raise UnfitError(f"{shown(name)} had not been asked for")
