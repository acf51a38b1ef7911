"""Whether a reply can be an answer to what was asked: its form, its names and its shapes.

Code that has taken over its worker sends what it likes. What passes here is what the worker's own
handlers could have sent, see `gradkit.runtime.child`, and nobody needs to look at it again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from gradkit.records.observations import SIMILAR, UNREADABLE, FaultKind
from gradkit.runtime.frames import DIMENSIONS, Frame, shown
from gradkit.runtime.messages import is_message
from gradkit.text import clean_text

DEPTH, LARGEST = 5, 4096
"""Of a described structure: its depth, the numbers in an array."""

MOST = 100
"""Parameters of a function that are listed; of functions three times as many."""

Arrays = Mapping[str, NDArray[Any]]
Shapes = Mapping[str, Collection[int]]
Count = Annotated[int, msgspec.Meta(ge=0)]
Line = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Key = Annotated[str, msgspec.Meta(max_length=80)]
Told = str | list[Any]
"""A text of the student's, or a message."""

Form = TypeVar("Form")


class UnfitError(ValueError):
    """A reply is no answer to what was asked."""


class _Failure(msgspec.Struct):
    type: str
    message: Told
    place: tuple[str, int] | None
    function: str
    call: Count = 0


class _Outcome(msgspec.Struct):
    faults: list[tuple[Count, str, FaultKind, Told]]
    failure: _Failure | None
    calls: Count


class _Tree(msgspec.Struct, forbid_unknown_fields=True):
    """A structure in one of these forms; an array may be a ``matrix``."""

    entries: list[tuple[int | Key, _Tree]] | UnsetType = msgspec.field(name="dict", default=UNSET)
    items: list[_Tree] | UnsetType = msgspec.field(name="list", default=UNSET)
    array: str | UnsetType = UNSET
    none: Literal[True] | UnsetType = UNSET
    other: str | UnsetType = UNSET
    matrix: Literal[True] | UnsetType = UNSET


class _Explored(msgspec.Struct):
    tree: _Tree | None = None
    faults: list[tuple[str, FaultKind, Told]] = []
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
    parameters: Annotated[list[tuple[Key, Key, bool, bool]], msgspec.Meta(max_length=MOST)]
    owner: Key


class _Functions(msgspec.Struct):
    functions: Annotated[list[_Function], msgspec.Meta(max_length=3 * MOST)]


class _Left(msgspec.Struct):
    names: Annotated[list[Key], msgspec.Meta(max_length=MOST)]


_Operand = Annotated[list[Count], msgspec.Meta(max_length=200)]


class _Reference(msgspec.Struct, forbid_unknown_fields=True):
    """A change of the text by its place and a row of the table: see `gradkit.edits.text`."""

    cell: str
    row: Annotated[str, msgspec.Meta(max_length=200)]
    slot: Count
    within: Annotated[int, msgspec.Meta(ge=-1)]
    operands: Annotated[list[_Operand], msgspec.Meta(max_length=MOST)]


class _Repaired(msgspec.Struct, forbid_unknown_fields=True):
    references: Annotated[list[_Reference], msgspec.Meta(max_length=MOST)]
    fault: str | None
    spent: Count


class _Ran(msgspec.Struct):
    failure: str | None


def check(kind: str, asked: Mapping[str, Any], given: Arrays, reply: Frame) -> None:
    """Hold a reply against the request that it answers.

    Parameters
    ----------
    kind : str
        The request's. Of ``symbolic`` only the reply's kind is looked at here, see
        `gradkit.diagnosis.trace`.
    asked : mapping
        The request's data.
    given : mapping of arrays
        The request's arrays.
    reply : Frame

    Raises
    ------
    UnfitError
        It does not fit; the text says what, in few words and fit to be shown.
    """
    expected, look = KINDS[kind]
    _require(reply.kind == expected, f"a reply of kind {reply.kind} to a {kind}")
    if look is not None:
        look(asked, given, reply)


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise UnfitError(what)


def _read(data: Mapping[str, Any], form: type[Form]) -> Form:
    try:
        read = msgspec.convert(data, form)
    except msgspec.ValidationError as error:
        raise UnfitError(clean_text(str(error), 200)) from None
    told = [fault[-1] for fault in data.get("faults", ())]
    told += [data["failure"]["message"]] if isinstance(data.get("failure"), dict) else []
    _require(all(map(is_message, told)), "a message of another form")
    return read


# --- by kind of request ----------------------------------------------------------------------


def _batch(asked: Mapping[str, Any], given: Arrays, reply: Frame) -> None:
    call, said = asked["call"], _read(reply.data, _Outcome)
    _in_turn(said, asked["n"])
    _faults(said, said.calls, {*call["shapes"], *call["keys"], *call["arguments"]})
    _stacked(call["shapes"], said, reply.arrays)


def _follow(asked: Mapping[str, Any], given: Arrays, reply: Frame) -> None:
    keys, said = asked["call"]["keys"], _read(reply.data, _Outcome)
    _in_turn(said, len(given["y_hat"]))
    _faults(said, said.calls, keys)
    _stacked({key: given[key].shape for key in keys}, said, reply.arrays)


def _run(asked: Mapping[str, Any], given: Arrays, reply: Frame) -> None:
    forward, said = asked["forward"], _read(reply.data, _Outcome)
    keys, total = forward["keys"], asked["epochs"] * len(given["X"])
    _faults(said, said.calls + 1, {*forward["shapes"], *keys})
    if said.failure is not None:
        fits = said.failure.call == max(said.calls - 1, 0) and said.calls <= total
    else:
        # It ends early at a step whose outputs cannot be read.
        last = [kind for call, _, kind, _ in said.faults if call == said.calls - 1]
        fits = said.calls == total or (said.calls < total and bool(UNREADABLE & set(last)))
    _require(fits, f"{said.calls} of {total} steps")
    final = {f"final/{key}": given[key].shape for key in keys}
    _stacked(forward["shapes"], said, {k: v for k, v in reply.arrays.items() if k not in final})
    _shaped(final, reply.arrays)
    broken = {f"final/{name}" for call, name, *_ in said.faults if call == said.calls}
    _require(final.keys() <= reply.arrays.keys() | broken, "final parameters are not there")


def _repeats(asked: Mapping[str, Any], given: Arrays, reply: Frame) -> None:
    said, times = _read(reply.data, _Outcome), reply.arrays.get("times")
    _require(said.calls == 1 and _is_first(said.failure), f"{said.calls} calls of 1")
    _faults(said, 1, ())
    _known(reply.arrays, {"times"})
    _require(times is not None and _is_count(times), "times is no count")


def _is_count(array: NDArray[Any]) -> bool:
    """Return whether an array holds one count."""
    return array.dtype == np.int64 and array.shape == (1,)


def _train(asked: Mapping[str, Any], given: Arrays, reply: Frame) -> None:
    said, loss = _read(reply.data, _Outcome), reply.arrays.get("loss")
    _require(said.calls == 1 and _is_first(said.failure), f"{said.calls} calls of 1")
    _faults(said, 1, {"loss"})
    finals = {f"final/{name}": array.shape for name, array in given.items() if name not in INPUTS}
    _known(reply.arrays, {"loss", *finals})
    _shaped(finals, reply.arrays)
    if loss is None:
        _require(said.failure is not None or bool(said.faults), "loss is not there")
    else:
        _require(loss.dtype == np.float64 and loss.ndim == 1, "loss is no series of numbers")


def _lines(asked: Mapping[str, Any], given: Arrays, reply: Frame) -> None:
    said, steps = _read(reply.data, _Outcome), len(asked["steps"])
    # With all steps made, what fails is running the last of them again.
    failed = said.failure
    fits = said.calls == steps if failed is None else said.calls == failed.call <= steps
    _require(fits, f"{said.calls} of {steps} steps")
    first = set(map(str, range(len(asked["reads"]))))
    second = {f"again/{number}" for number in first if asked["again"]}
    watched = {SIMILAR} if asked["again"] and asked["least"] else set()
    _known(reply.arrays, first | second | watched)
    if watched and failed is None:
        _require(SIMILAR in reply.arrays, "similar is not there")
    if SIMILAR in reply.arrays:
        _require(_is_count(reply.arrays[SIMILAR]), "similar is no count")
    _faults(said, 1, first | second | {name for name, _ in asked["inputs"]["dict"]})
    told = {name for _, name, kind, _ in said.faults if kind in UNREADABLE}
    _require(failed is not None or first <= told | reply.arrays.keys(), "a value is not there")


INPUTS = frozenset({"X", "y", "rate"})
"""What a training is given besides parameters."""


def _model(asked: Mapping[str, Any], given: Arrays, reply: Frame) -> None:
    said, arrays = _read(reply.data, _Model), reply.arrays
    _require((said.name is None) == (said.failure is not None), "a model and a failure, or none")
    _require(said.name is None or said.name in asked["candidates"], "a model of another name")
    _require(_is_first(said.failure), "a failure of another call")
    _known(arrays, set(map(str, range(len(arrays) if said.name else 0))))
    for array in arrays.values():
        fits = array.dtype == np.int64 and array.ndim == 1 and array.size <= DIMENSIONS
        _require(fits, "what is no shape of a parameter")


def _plain(form: type[Any]) -> Callable[[Mapping[str, Any], Arrays, Frame], None]:
    """Look at a reply of this form, without arrays."""

    def look(asked: Mapping[str, Any], given: Arrays, reply: Frame) -> None:
        _read(reply.data, form)
        _known(reply.arrays, ())

    return look


def _explore(asked: Mapping[str, Any], given: Arrays, reply: Frame) -> None:
    call, said = asked["call"], _read(reply.data, _Explored)
    _require((said.tree is None) != (said.failure is None), "a tree and a failure, or none")
    _require(_is_first(said.failure), "a failure of another call")
    names = {name for name, *_ in said.faults}
    _known(names, {*call["shapes"], *call["keys"], *call["arguments"]})
    leaves = [*_leaves(said.tree)] if said.tree is not None else []
    _require(sorted(leaves) == sorted(reply.arrays), "a tree that does not fit its arrays")
    _require(all(a.size <= LARGEST for a in reply.arrays.values()), "arrays of too many numbers")


def _leaves(tree: _Tree, depth: int = DEPTH) -> Iterator[str]:
    """Names of the arrays in a described structure."""
    forms = (tree.entries, tree.items, tree.array, tree.none, tree.other)
    _require(sum(f is not UNSET for f in forms) == 1, "a tree of two forms, or none")
    _require(tree.matrix is UNSET or tree.array is not UNSET, "a matrix that is no array")
    below = [*(tree.items or ()), *(item for _, item in tree.entries or ())]
    _require(not below or depth > 0, "a tree of too many levels")
    if tree.array is not UNSET:
        yield tree.array
    for item in below:
        yield from _leaves(item, depth - 1)


KINDS: Mapping[str, tuple[str, Callable[[Mapping[str, Any], Arrays, Frame], None] | None]] = {
    "batch": ("outcome", _batch),
    "predict": ("outcome", _batch),
    "follow": ("outcome", _follow),
    "lines": ("outcome", _lines),
    "run": ("outcome", _run),
    "repeats": ("outcome", _repeats),
    "train": ("outcome", _train),
    "model": ("outcome", _model),
    "target": ("target", _plain(_Target)),
    "functions": ("functions", _plain(_Functions)),
    "left": ("left", _plain(_Left)),
    "explore": ("explored", _explore),
    "repair": ("repaired", _plain(_Repaired)),
    "symbolic": ("traced", None),
    "script": ("ran", _plain(_Ran)),
}
"""For each kind of request that of its reply, and what looks at the rest."""


# --- parts -----------------------------------------------------------------------------------


def _is_first(failure: _Failure | None) -> bool:
    return failure is None or failure.call == 0


def _in_turn(said: _Outcome, total: int) -> None:
    """Require that all calls were made, or all up to that which failed."""
    failed = said.failure
    fits = said.calls == total if failed is None else said.calls == failed.call < total
    _require(fits, f"{said.calls} of {total} calls")


def _faults(said: _Outcome, calls: int, known: Collection[str]) -> None:
    _known({name for _, name, _, _ in said.faults}, known)
    _require(all(call < calls for call, *_ in said.faults), "a fault of no call")


def _stacked(shapes: Shapes, said: _Outcome, arrays: Arrays) -> None:
    """Each quantity has a row for each call, or a fault says why it has none."""
    _known(arrays, shapes)
    _shaped({name: (said.calls, *shape) for name, shape in shapes.items()}, arrays)
    broken = {name for _, name, kind, _ in said.faults if kind in UNREADABLE}
    missing = shapes.keys() - arrays.keys() - broken
    _require(not missing or not said.calls, f"{', '.join(sorted(missing))} is not there")


def _shaped(shapes: Shapes, arrays: Arrays) -> None:
    for name, shape in shapes.items():
        found = arrays[name].shape if name in arrays else shape
        # Such texts take longer than all the rest, and are hardly ever read.
        if found != shape:
            raise UnfitError(f"{name} of shape {found}, not {shape}")


def _known(names: Collection[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise UnfitError(f"{shown(name)} had not been asked for")
