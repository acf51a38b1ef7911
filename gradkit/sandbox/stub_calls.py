"""Read the calls of stubs that a student's process sends while a request is open.

A call has the name of a function and its arguments, see `gradkit.runtime.stubs`. It is not trusted:
anything but arrays, plain values and containers of these is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET, Struct, UnsetType
from numpy.typing import NDArray

from gradkit.runtime.frames import Frame, FrameError, shown

CALL = "stub-call"
"""Kind of a frame with a call."""

ANSWER = "stub-answer"
"""Kind of a frame with what a call returns."""

REFUSAL = "stub-refusal"
"""Kind of a frame that says that a call is not answered."""

MAX_DEPTH = 8
"""Most levels of containers and caches in an argument."""

Word = Annotated[str, msgspec.Meta(max_length=100)]


class _Origin(Struct, forbid_unknown_fields=True):
    function: Word
    positional: Annotated[list[_Tree], msgspec.Meta(max_length=50)]
    keywords: Annotated[list[tuple[Word, _Tree]], msgspec.Meta(max_length=50)]


class _Tree(Struct, forbid_unknown_fields=True):
    """The description of a value, in one of these forms; ``made`` comes with a form."""

    array: Word | UnsetType = UNSET
    plain: bool | int | Word | UnsetType | None = UNSET
    entries: list[tuple[int | Word, _Tree]] | UnsetType = msgspec.field(name="dict", default=UNSET)
    items: list[_Tree] | UnsetType = msgspec.field(name="list", default=UNSET)
    parts: list[_Tree] | UnsetType = msgspec.field(name="tuple", default=UNSET)
    other: Word | UnsetType = UNSET
    made: Annotated[list[_Origin], msgspec.Meta(max_length=10)] = []


class Other(Struct, frozen=True):
    """An argument that cannot be sent, such as a function or an object; ``kind`` is its type."""

    kind: str


class StubCall(Struct, frozen=True, eq=False):
    """A call of a function. Its arguments are arrays, plain values, containers, `Cached`, `Other`.

    Numbers with a fraction, and those of numpy, are arrays without dimensions.
    """

    function: str
    positional: tuple[Any, ...]
    keywords: Mapping[str, Any]


class Cached(Struct, frozen=True, eq=False):
    """A value, and the calls that returned it, or a part of whose result it was."""

    value: Any
    made: tuple[StubCall, ...]


class ForeignCallError(FrameError):
    """A call is of a function that is no stub of this check."""

    def __init__(self, function: str) -> None:
        super().__init__(f"{shown(function)} is no stub of this check")


Parts = Sequence[Mapping[str, Any]]
"""The values that a call returns: each as ``whole``, or as some ``entries`` of a dict."""

StubAnswer = Callable[[StubCall], Parts | None]
"""Returns what a call returns, or None for a call that is not answered."""


def answer_frame(answer: StubAnswer, frame: Frame) -> Frame:
    """Return the frame that answers a call.

    Raises
    ------
    FrameError
        The frame is no call, see `read_call`, or ``answer`` raises `ForeignCallError`.
    """
    from gradkit.lines import packed

    parts = answer(read_call(frame))
    if parts is None:
        return Frame(REFUSAL)
    tree, arrays = packed({"parts": list(parts)})
    return Frame(ANSWER, arrays, dict(tree["dict"]))


def read_call(frame: Frame) -> StubCall:
    """Return the call in a frame.

    Raises
    ------
    FrameError
        The frame is no call, or one of its arguments is described in no valid form.
    """
    try:
        origin = msgspec.convert(frame.data, _Origin)
    except msgspec.ValidationError as error:
        raise FrameError(f"a call cannot be read: {shown(str(error), 100)}") from None
    return _call(origin, frame.arrays, MAX_DEPTH)


def _call(origin: _Origin, arrays: Mapping[str, NDArray[Any]], depth: int) -> StubCall:
    keywords = {name: _value(tree, arrays, depth) for name, tree in origin.keywords}
    if len(keywords) < len(origin.keywords):
        raise FrameError("a call has a keyword twice")
    positional = tuple(_value(tree, arrays, depth) for tree in origin.positional)
    return StubCall(origin.function, positional, keywords)


def _value(tree: _Tree, arrays: Mapping[str, NDArray[Any]], depth: int) -> Any:
    """Return the value that a tree describes; FrameError if it is nested too deeply."""
    if not depth:
        raise FrameError(f"an argument is nested more than {MAX_DEPTH} deep")
    forms = (tree.array, tree.plain, tree.entries, tree.items, tree.parts, tree.other)
    if sum(form is not UNSET for form in forms) != 1:
        raise FrameError("an argument is described in two forms, or in none")
    value: Any = None
    if tree.array is not UNSET:
        if tree.array not in arrays:
            raise FrameError(f"an argument is an array that is missing: {shown(tree.array)}")
        value = arrays[tree.array]
        value = value if value.ndim else np.array(value)[()]
    elif tree.plain is not UNSET:
        value = tree.plain
    elif tree.entries is not UNSET:
        value = {key: _value(item, arrays, depth - 1) for key, item in tree.entries}
    elif tree.items is not UNSET:
        value = [_value(item, arrays, depth - 1) for item in tree.items]
    elif tree.parts is not UNSET:
        value = tuple(_value(item, arrays, depth - 1) for item in tree.parts)
    elif tree.other is not UNSET:
        value = Other(tree.other)
    if not tree.made:
        return value
    return Cached(value, tuple(_call(origin, arrays, depth - 1) for origin in tree.made))
