"""Encode and read frames, the messages between the grader and a process that runs student code.

A frame is

    magic (4 bytes) · u32 header length · u64 body length · header · body

with little-endian lengths. The header is JSON, ``{"kind": …, "arrays": [{"name", "dtype",
"shape"}, …], "data": {…}}``; the body is the arrays' buffers one after the other,
little-endian and in C order. Results are sent as arrays, so that ``data`` needs no floating point.
Nothing is ever unpickled. A reader trusts nothing: it checks every limit before it allocates
memory, and builds the arrays from raw bytes.
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
"""The dtypes of arrays in a frame: numbers and booleans with the same size on all systems."""

_NAMES = {dtype: name for name, dtype in DTYPES.items()}
DIMENSIONS = 8
"""Most dimensions of an array."""

_MAX_DEPTH = 40
"""Most levels of containers in ``data``."""

Kind = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_.-]{0,39}\Z")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Size = Annotated[int, msgspec.Meta(ge=0)]


class FrameError(ValueError):
    """Received bytes are no valid frame, or a frame is not valid and must not be sent."""


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """Limits of frames in one direction: bytes of header and body, number of arrays."""

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
    """Return the kind, the layout (name, dtype, shape of each array) and the data of a header.

    The data are not checked, see `check_json`.

    Raises
    ------
    FrameError
        The header is not JSON of the form that `gradkit.runtime.frames` describes, or describes
        arrays beyond `limits`.
    """
    try:
        # Decoded here, because msgspec's error for invalid UTF-8 depends on its version.
        parsed = _DECODER.decode(header.decode())
    except UnicodeDecodeError as error:
        raise FrameError(f"the header is not UTF-8: {error.reason}") from None
    except RecursionError:
        raise FrameError("the header is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise FrameError(f"the header cannot be read: {shown(str(error), 100)}") from None
    check_within("arrays", len(parsed.arrays), limits.arrays)
    layout = []
    names = set()
    for array in parsed.arrays:
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
        # An empty dimension counts as 1, because numpy refuses shapes such as (0, 2**62).
        size = dtype.itemsize * math.prod(max(n, 1) for n in array.shape)
        if size > limits.body:
            check_within(f"bytes of array {shown(name)}", size, limits.body)
        layout.append((name, dtype, tuple(array.shape)))
    return parsed.kind, layout, parsed.data


def check_json(data: object) -> None:
    """Raise `FrameError` unless a value is JSON without floats and not nested too deeply."""
    level = [data]
    # Level by level, because a function call for each value would take several times as long.
    for _ in range(_MAX_DEPTH + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                if not item.isascii():
                    _check_text(item, "data")
            elif isinstance(item, dict):
                for key in item:
                    if not isinstance(key, str):
                        raise FrameError(f"data has a key {shown(key)}, keys are str")
                below += [*item, *item.values()]
            elif isinstance(item, (list, tuple)):
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
        raise FrameError(f"data is nested more than {_MAX_DEPTH} deep")


def _check_text(text: str, path: str) -> None:
    """Raise `FrameError` if a text holds lone surrogates; the message says that ``path`` does."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise FrameError(f"{path} holds text that is no Unicode: {error.reason}") from None


def _no_float(literal: str) -> NoReturn:
    raise ValueError(f"it holds the number {shown(literal)}, only integers are allowed")


_DECODER = msgspec.json.Decoder(_Header, float_hook=_no_float)


def name_of(dtype: np.dtype[Any]) -> str:
    """Return the name of a dtype, without its byte order.

    Names are looked up in a table, because numpy takes long to build them.
    """
    return _NAMES.get(dtype) or dtype.name


def check_within(what: str, found: int, limit: int) -> None:
    """Raise `FrameError` if a count is above its limit.

    ``what`` names the counted things in the plural, for the message: ``header bytes``.
    """
    if found > limit:
        raise FrameError(f"{found} {what}, at most {limit} are allowed")


def shown(value: object, most: int = 60) -> str:
    """Return a value in ASCII for an error message, cut to ``most`` characters.

    The value may be hostile, and the message is shown to people.
    """
    text = ascii(value)
    return text if len(text) <= most else text[: most - 3] + "..."


MAGIC = b"GKF1"
_PREFIX = struct.Struct("<4sIQ")
_ENCODER = msgspec.json.Encoder()

TO_GRADER = FrameLimits(header=256 << 10, body=16 << 20)
"""Limits of replies."""

TO_WORKER = FrameLimits(header=16 << 20, body=64 << 20, arrays=4096)
"""Limits of requests, which contain source text and are trusted. A search for a mistake sends the
inputs of many calls in one request, so it may have more arrays than a reply, which student code
may have written."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One message, which is checked when it is sent, and again when it is received.

    Attributes
    ----------
    kind : str
        Kind of message: at most 40 lower-case letters, digits and ``_.-``.
    arrays : mapping of str to ndarray
        Arrays of up to eight dimensions with a dtype in `DTYPES`. Received arrays are read-only
        base ndarrays.
    data : mapping
        JSON: None, bool, int (64 bits), str, lists, dicts with str keys. No float.
    """

    kind: str
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


def encode(frame: Frame, limits: FrameLimits) -> bytes:
    """Check a frame, and return its bytes.

    Raises
    ------
    FrameError
        A part of the frame is not as `Frame` describes it, or the frame exceeds `limits`.
    """
    check_json([*frame.arrays, frame.data])
    arrays = {name: _native_array(name, array) for name, array in frame.arrays.items()}
    layout = [
        {"name": name, "dtype": name_of(array.dtype), "shape": array.shape}
        for name, array in arrays.items()
    ]
    header = _ENCODER.encode({"kind": frame.kind, "arrays": layout, "data": frame.data})
    body = sum(array.nbytes for array in arrays.values())
    check_within("header bytes", len(header), limits.header)
    check_within("body bytes", body, limits.body)
    # A frame that the other side could not read must not be sent.
    parse_header(header, limits)
    buffers = [
        (array if sys.byteorder == "little" else array.byteswap()).tobytes()
        for array in arrays.values()
    ]
    return b"".join([_PREFIX.pack(MAGIC, len(header), body), header, *buffers])


class FrameReader:
    """A reader of one frame whose bytes arrive in pieces.

    Write the next bytes to the front of `wanted`, and call `advance` with their number. Use a new
    reader after `advance` has returned the frame or raised `FrameError`.
    """

    __slots__ = ("_steps", "received", "wanted")

    def __init__(self, limits: FrameLimits) -> None:
        """Start with a buffer for the first bytes of a frame within ``limits``."""
        self._steps = _read_in_pieces(limits)
        self.wanted: memoryview = next(self._steps)
        self.received: int = 0
        """Number of bytes that have arrived."""

    def advance(self, count: int) -> Frame | None:
        """Accept ``count`` bytes that are now at the front of `wanted`.

        Returns
        -------
        Frame or None
            The frame if it is complete; None if more bytes are needed.

        Raises
        ------
        FrameError
            The bytes are no frame within the limits.
        """
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
    """Read one frame from a stream, and wait until it is complete.

    Parameters
    ----------
    readinto : callable
        Fills the front of a buffer and returns the number of bytes, 0 at the end; such as
        ``socket.recv_into`` or the ``readinto`` of a file.
    limits : FrameLimits
        A larger frame is refused before memory is allocated for it.

    Returns
    -------
    Frame or None
        None if the stream ended before the first byte.

    Raises
    ------
    FrameError
        The bytes are no frame within `limits`, or the stream ended within a frame.
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


def _read_in_pieces(limits: FrameLimits) -> Generator[memoryview, None, Frame]:
    """Read a frame: yield each buffer that the caller has to fill next, and return the frame.

    Raises
    ------
    FrameError
        The bytes in the buffers are no frame within `limits`.
    """
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
        # A copy is aligned and owns its memory.
        array = np.ndarray(shape, dtype, body, start).copy() if count else np.empty(shape, dtype)
        start += array.nbytes
        if dtype.kind == "b" and array.view(np.uint8).max(initial=0) > 1:
            raise FrameError(f"array {shown(name)} is bool, but holds a byte other than 0 and 1")
        if sys.byteorder != "little":
            array = array.byteswap()
        array.flags.writeable = False
        arrays[name] = array
    return Frame(kind, arrays, data)


def _native_array(name: str, array: object) -> NDArray[Any]:
    """Return an array as a base ndarray in native byte order; raise FrameError if it is no array.

    The name is used in the text of the error.
    """
    if not isinstance(array, (np.ndarray, np.generic)):
        raise FrameError(f"array {shown(name)} is no array, but {type(array).__name__}")
    if type(array) is np.ndarray and array.dtype.isnative:
        return array
    return np.array(array, dtype=array.dtype.newbyteorder("="), subok=False)


# --- several messages in one frame -------------------------------------------------------

SEVERAL = "several"
"""Kind of a frame that holds several messages."""


def together(messages: Sequence[Frame]) -> Frame:
    """Combine messages into one frame, because a round trip takes longer than most requests.

    ``parts`` in its data are the kinds and the data of the messages, in order. The arrays of
    message 2, counted from 0, get names such as ``2/X``.
    """
    arrays = {
        f"{number}/{name}": array
        for number, message in enumerate(messages)
        for name, array in message.arrays.items()
    }
    parts = [{"kind": message.kind, "data": message.data} for message in messages]
    return Frame(SEVERAL, arrays, {"parts": parts})


def apart(frame: Frame, count: int | None = None) -> list[Frame]:
    """Return the messages in a frame that `together` has made; the frame is not trusted.

    Raises
    ------
    FrameError
        The frame is no such frame, or does not have ``count`` messages if that is given.
    """
    parts = frame.data.get("parts")
    if frame.kind != SEVERAL or not isinstance(parts, list):
        raise FrameError(f"a frame of several messages was expected, found kind {frame.kind!r}")
    if count is not None and len(parts) != count:
        raise FrameError(f"{count} messages were expected, found {len(parts)}")
    arrays: dict[str, dict[str, NDArray[Any]]] = {str(number): {} for number in range(len(parts))}
    for name, array in frame.arrays.items():
        owner, _, array_name = name.partition("/")
        if owner not in arrays or not array_name:
            raise FrameError(f"an array belongs to no message: {name[:40]!a}")
        arrays[owner][array_name] = array
    try:
        parsed = msgspec.convert(parts, list[_Part])
    except msgspec.ValidationError as error:
        raise FrameError(f"a message has kind and data: {shown(str(error), 100)}") from None
    return [Frame(part.kind, arrays[str(number)], part.data) for number, part in enumerate(parsed)]
