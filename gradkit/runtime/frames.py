"""What crosses between the grader and a process that runs student code: frames.

A frame is

    magic (4 bytes) · u32 header length · u64 body length · header · body

with little-endian lengths. The header is JSON, ``{"kind": …, "arrays": [{"name", "dtype",
"shape"}, …], "data": {…}}``; the body is the arrays' buffers one after the other,
little-endian and in C order. Numbers that matter travel as arrays, so that ``data`` needs
no floating point. Nothing is ever unpickled. A reader trusts nothing: every limit is
checked before memory is taken, and arrays are built here from raw bytes.
"""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from gradkit.runtime.header import (
    DIMENSIONS,
    DTYPES,
    FrameError,
    FrameLimits,
    check_json,
    check_kind,
    check_name,
    check_within,
    name_of,
    parse_header,
    shown,
)

__all__ = [
    "MAGIC",
    "TO_GRADER",
    "TO_WORKER",
    "Frame",
    "FrameError",
    "FrameLimits",
    "FrameReader",
    "encode",
    "read",
]

MAGIC = b"GKF1"
_PREFIX = struct.Struct("<4sIQ")
_ENCODER = msgspec.json.Encoder()

TO_GRADER = FrameLimits(header=64 << 10, body=16 << 20)
TO_WORKER = FrameLimits(header=16 << 20, body=64 << 20)
"""A request carries source text, and comes from the side that is trusted."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One message. It is looked at when it is sent, and again when it is received.

    Attributes
    ----------
    kind : str
        What the message is: lower-case letters, digits and ``_.-``, at most 40.
    arrays : mapping of str to ndarray
        Up to eight dimensions, of a dtype in `DTYPES`. Those received are read-only base
        ndarrays.
    data : mapping
        JSON: None, bool, int (64 bits), str, lists, dicts with str keys. No float.
    """

    kind: str
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


def encode(frame: Frame, limits: FrameLimits) -> bytes:
    """Return the bytes of a frame.

    Raises
    ------
    FrameError
        If a part of the frame is not as `Frame` describes it, or it exceeds `limits`.
    """
    check_kind(frame.kind)
    if not isinstance(frame.data, dict):
        raise FrameError(f"a frame's data is a dict, found {type(frame.data).__name__}")
    check_json(frame.data, "data")
    arrays = {check_name(name): _plain(name, a) for name, a in frame.arrays.items()}
    layout = [
        {"name": name, "dtype": name_of(array.dtype), "shape": array.shape}
        for name, array in arrays.items()
    ]
    header = _ENCODER.encode({"kind": frame.kind, "arrays": layout, "data": frame.data})
    body = sum(array.nbytes for array in arrays.values())
    check_within("header bytes", len(header), limits.header)
    check_within("body bytes", body, limits.body)
    check_within("arrays", len(layout), limits.arrays)
    buffers = [
        (array if sys.byteorder == "little" else array.byteswap()).tobytes()
        for array in arrays.values()
    ]
    return b"".join([_PREFIX.pack(MAGIC, len(header), body), header, *buffers])


class FrameReader:
    """Reads one frame from bytes that arrive in pieces.

    Write the next bytes into the front of `wanted`, then say with `advance` how many
    there were. After the frame has been returned, or `FrameError` raised, take a new
    reader.
    """

    __slots__ = ("_steps", "received", "wanted")

    def __init__(self, limits: FrameLimits) -> None:
        self._steps = _reading(limits)
        self.wanted: memoryview = next(self._steps)
        self.received: int = 0
        """Bytes taken so far."""

    def advance(self, count: int) -> Frame | None:
        """Take `count` bytes, now in front of `wanted`. Return the frame once it is whole."""
        self.received += count
        self.wanted = self.wanted[count:]
        if not self.wanted:
            try:
                self.wanted = next(self._steps)
            except StopIteration as finished:
                frame: Frame = finished.value
                return frame
        return None


def read(readinto: Callable[[memoryview], int | None], limits: FrameLimits) -> Frame | None:
    """Read one frame, waiting for it.

    Parameters
    ----------
    readinto : callable
        Such as ``socket.recv_into`` or the ``readinto`` of a file: fills the front of a
        buffer and returns how many bytes, 0 at the end.
    limits : FrameLimits
        What is accepted; more is refused before memory is taken for it.

    Returns
    -------
    Frame or None
        None if the stream ended before a first byte.

    Raises
    ------
    FrameError
        If the bytes are no frame within `limits`, or end in the middle of one.
    """
    reader = FrameReader(limits)
    while True:
        count = readinto(reader.wanted)
        if not count:
            if reader.received == 0:
                return None
            raise FrameError(f"the stream ended within a frame, after {reader.received} bytes")
        frame = reader.advance(count)
        if frame is not None:
            return frame


def _reading(limits: FrameLimits) -> Generator[memoryview, None, Frame]:
    """Yield each (non-empty) buffer that is to be filled next; return the frame."""
    prefix = bytearray(_PREFIX.size)
    yield memoryview(prefix)
    magic, header_length, body_length = _PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise FrameError(f"a frame begins with {MAGIC!r}, found {magic!r}")
    check_within("header bytes", header_length, limits.header)
    check_within("body bytes", body_length, limits.body)
    if not header_length:
        raise FrameError("a frame has a header, found one of 0 bytes")
    header = bytearray(header_length)
    yield memoryview(header)
    kind, layout, data = parse_header(bytes(header), limits)
    check_kind(kind)
    check_json(data, "data")
    counts = [math.prod(shape) for _, _, shape in layout]
    declared = sum(entry[1].itemsize * count for entry, count in zip(layout, counts, strict=True))
    if declared != body_length:
        raise FrameError(f"the arrays take {declared} bytes, the body is said to be {body_length}")
    body = bytearray(body_length)
    if body:
        yield memoryview(body)
    arrays = {}
    start = 0
    for (name, dtype, shape), count in zip(layout, counts, strict=True):
        # A copy: aligned, and alone the owner of its memory.
        array = np.ndarray(shape, dtype, body, start).copy() if count else np.empty(shape, dtype)
        start += array.nbytes
        if dtype.kind == "b" and array.view(np.uint8).max(initial=0) > 1:
            raise FrameError(f"array {shown(name)} is bool, but holds a byte other than 0 and 1")
        if sys.byteorder != "little":
            array = array.byteswap()
        array.flags.writeable = False
        arrays[name] = array
    return Frame(kind, arrays, data)


def _plain(name: str, array: object) -> NDArray[Any]:
    if not isinstance(array, (np.ndarray, np.generic)):
        raise FrameError(f"array {shown(name)} is no array, but {type(array).__name__}")
    dtype = name_of(array.dtype)
    if dtype not in DTYPES:
        raise FrameError(f"array {shown(name)} has dtype {dtype}, allowed are {', '.join(DTYPES)}")
    if array.ndim > DIMENSIONS:
        raise FrameError(f"array {shown(name)} has {array.ndim} dimensions, at most {DIMENSIONS}")
    if type(array) is np.ndarray and array.dtype.isnative:
        return array
    return np.array(array, dtype=DTYPES[dtype], subok=False)
