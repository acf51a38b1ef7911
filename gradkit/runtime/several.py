"""Several messages in one frame: a round trip costs more than most questions.

The frame's ``parts`` are the kinds and data, in order; the arrays of part 2 are named ``2/X``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from gradkit.runtime.frames import Frame, FrameError, check_kind, check_name

SEVERAL = "several"


class Message(Protocol):
    """What a frame is made of."""

    @property
    def kind(self) -> str:
        """See `Frame`."""

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """See `Frame`."""

    @property
    def data(self) -> Mapping[str, Any]:
        """See `Frame`."""


def together(messages: Sequence[Message]) -> Frame:
    """Put messages into one frame."""
    arrays = {
        f"{number}/{name}": array
        for number, message in enumerate(messages)
        for name, array in message.arrays.items()
    }
    parts = [{"kind": message.kind, "data": message.data} for message in messages]
    return Frame(SEVERAL, arrays, {"parts": parts})


def apart(frame: Frame, count: int | None = None) -> list[Frame]:
    """Take a frame apart that `together` has made, or that somebody says it has.

    Raises
    ------
    FrameError
        It is none, or has not that many parts.
    """
    parts = frame.data.get("parts")
    if frame.kind != SEVERAL or not isinstance(parts, list):
        raise FrameError(f"a frame of several messages was expected, found kind {frame.kind!r}")
    if count is not None and len(parts) != count:
        raise FrameError(f"{count} messages were expected, found {len(parts)}")
    arrays: dict[str, dict[str, NDArray[Any]]] = {str(number): {} for number in range(len(parts))}
    for name, array in frame.arrays.items():
        owner, _, own = name.partition("/")
        if owner not in arrays:
            raise FrameError(f"an array belongs to no message: {name[:40]!a}")
        arrays[owner][check_name(own)] = array
    made = []
    for number, part in enumerate(parts):
        if not isinstance(part, dict) or part.keys() != {"kind", "data"}:
            raise FrameError("a message has kind and data, found another form")
        check_kind(part["kind"])
        if not isinstance(part["data"], dict):
            raise FrameError("a message's data is an object, found another type")
        made.append(Frame(part["kind"], arrays[str(number)], part["data"]))
    return made
