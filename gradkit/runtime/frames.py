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
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, NoReturn

import msgspec
import numpy as np
from numpy.typing import NDArray

DTYPES: Mapping[str, np.dtype[Any]] = {
    name: np.dtype(name)
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
}
"""What an array may hold: numbers and truth values, of a size that is the same everywhere."""

_NAMES = {dtype: name for name, dtype in DTYPES.items()}
DIMENSIONS = 8
_DEPTH = 40

Kind = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_.-]{0,39}\Z")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Size = Annotated[int, msgspec.Meta(ge=0)]


class FrameError(ValueError):
    """Bytes that are no frame, or a frame that must not be sent."""


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """Largest frame for one direction: bytes of header and body, number of arrays."""

    header: int
    body: int
    arrays: int = 256


class _Array(msgspec.Struct, forbid_unknown_fields=True):
    name: Name
    dtype: str
    shape: Annotated[list[Size], msgspec.Meta(max_length=DIMENSIONS)]


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    kind: Kind
    arrays: list[_Array]
    data: dict[str, Any]


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    kind: Kind
    data: dict[str, Any]


def parse_header(
    header: bytes, limits: FrameLimits
) -> tuple[str, list[tuple[str, np.dtype[Any], tuple[int, ...]]], dict[str, Any]]:
    """Return kind, layout (name, dtype and shape of each array) and data of a header.

    Everything is checked but data, see `check_json`.

    Raises
    ------
    FrameError
        If it is not JSON of the form that `gradkit.runtime.frames` describes, or describes
        arrays beyond `limits`.
    """
    try:
        # msgspec has another error for what is no text in each of its versions.
        said = _DECODER.decode(header.decode())
    except UnicodeDecodeError as error:
        raise FrameError(f"the header is not UTF-8: {error.reason}") from None
    except RecursionError:
        raise FrameError("the header is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise FrameError(f"the header cannot be read: {shown(str(error), 100)}") from None
    check_within("arrays", len(said.arrays), limits.arrays)
    layout = []
    names = set()
    for array in said.arrays:
        name = array.name
        if name in names:
            raise FrameError(f"array {shown(name)} occurs twice")
        names.add(name)
        dtype = DTYPES.get(array.dtype)
        if dtype is None:
            raise FrameError(
                f"array {shown(name)} has dtype {shown(array.dtype)}, "
                f"allowed are {', '.join(DTYPES)}"
            )
        # Empty dimensions count as one here: numpy refuses shapes such as (0, 2**62).
        size = dtype.itemsize * math.prod(max(n, 1) for n in array.shape)
        if size > limits.body:
            check_within(f"bytes of array {shown(name)}", size, limits.body)
        layout.append((name, dtype, tuple(array.shape)))
    return said.kind, layout, said.data


def check_json(data: object) -> None:
    """Raise `FrameError` unless this is JSON without floats, not nested too deeply."""
    level = [data]
    # Level by level, since a call for each value would take several times as long.
    for _ in range(_DEPTH + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                _check_text(item, "data")
            elif isinstance(item, dict):
                for key in item:
                    if not isinstance(key, str):
                        raise FrameError(f"data has a key {shown(key)}, keys are str")
                below += [*item, *item.values()]
            elif isinstance(item, list | tuple):
                below += item
            elif isinstance(item, int):
                if not -(2**63) <= item < 2**64:
                    raise FrameError("an integer does not fit in 64 bits")
            elif item is not None:
                raise FrameError(
                    f"data holds a value of type {type(item).__name__}, expected None, bool, int, "
                    "str, list or dict; carry numbers with a fraction in an array"
                )
        level = below
    if level:
        raise FrameError(f"data is nested more than {_DEPTH} deep")


def _check_text(text: str, path: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise FrameError(f"{path} holds text that is no Unicode: {error.reason}") from None


def _no_float(literal: str) -> NoReturn:
    raise ValueError(f"it holds the number {shown(literal)}, only integers are allowed")


_DECODER = msgspec.json.Decoder(_Header, float_hook=_no_float)


def name_of(dtype: np.dtype[Any]) -> str:
    """Return the name of a dtype, in whatever byte order: numpy takes long to put it together."""
    return _NAMES.get(dtype) or dtype.name


def check_within(what: str, found: int, limit: int) -> None:
    """Raise `FrameError` if there are more than `limit` of `what`."""
    if found > limit:
        raise FrameError(f"{found} {what}, at most {limit} are allowed")


def shown(value: object, most: int = 60) -> str:
    """Return `value` for an error message."""
    # ASCII and short: the value may be hostile, and the message is shown to people.
    text = ascii(value)
    return text if len(text) <= most else text[: most - 3] + "..."


MAGIC = b"GKF1"
_PREFIX = struct.Struct("<4sIQ")
_ENCODER = msgspec.json.Encoder()

TO_GRADER = FrameLimits(header=256 << 10, body=16 << 20)
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
    check_json([*frame.arrays, frame.data])
    arrays = {name: _plain(name, array) for name, array in frame.arrays.items()}
    layout = [
        {"name": name, "dtype": name_of(array.dtype), "shape": array.shape}
        for name, array in arrays.items()
    ]
    header = _ENCODER.encode({"kind": frame.kind, "arrays": layout, "data": frame.data})
    body = sum(array.nbytes for array in arrays.values())
    check_within("header bytes", len(header), limits.header)
    check_within("body bytes", body, limits.body)
    # What could not be read is not sent.
    parse_header(header, limits)
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
    check_json(data)
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
    if type(array) is np.ndarray and array.dtype.isnative:
        return array
    return np.array(array, dtype=array.dtype.newbyteorder("="), subok=False)


# --- several messages in one frame -------------------------------------------------------

SEVERAL = "several"


def together(messages: Sequence[Frame]) -> Frame:
    """Put messages into one frame: a round trip costs more than most questions.

    Its ``parts`` are the kinds and data, in order; the arrays of part 2 are named ``2/X``.
    """
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
        if owner not in arrays or not own:
            raise FrameError(f"an array belongs to no message: {name[:40]!a}")
        arrays[owner][own] = array
    try:
        said = msgspec.convert(parts, list[_Part])
    except msgspec.ValidationError as error:
        raise FrameError(f"a message has kind and data: {shown(str(error), 100)}") from None
    return [Frame(part.kind, arrays[str(number)], part.data) for number, part in enumerate(said)]
