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

import json
import math
import re
import struct
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

MAGIC = b"GKF1"
DTYPES: Mapping[str, np.dtype[Any]] = {
    name: np.dtype(name)
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
}

_PREFIX = struct.Struct("<4sIQ")
_KIND = re.compile(r"[a-z][a-z0-9_.-]{0,39}", re.ASCII)
_NAME_LENGTH = 200
_DIMENSIONS = 8
_DEPTH = 16


class FrameError(ValueError):
    """Bytes that are no frame, or a frame that must not be sent."""


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """Largest frame for one direction: bytes of header and body, number of arrays."""

    header: int
    body: int
    arrays: int = 256


TO_GRADER = FrameLimits(header=64 << 10, body=16 << 20)
TO_WORKER = FrameLimits(header=16 << 20, body=64 << 20)
"""A request carries source text, and comes from the side that is trusted."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One message.

    Parameters
    ----------
    kind : str
        What the message is: lower-case letters, digits and ``_.-``, at most 40.
    arrays : mapping of str to ndarray
        Up to eight dimensions, of a dtype in `DTYPES`. The frame keeps read-only base
        ndarrays: copies, unless the array given is one already.
    data : mapping
        JSON: None, bool, int (64 bits), str, lists, dicts with str keys. No float.

    Raises
    ------
    FrameError
        If a part is not as described above.
    """

    kind: str
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or not _KIND.fullmatch(self.kind):
            raise FrameError(
                f"a frame's kind is 1 to 40 of a-z, 0-9 and _.-, starting with a letter; "
                f"found {_shown(self.kind)}"
            )
        arrays = {_checked_name(name): _frozen(name, a) for name, a in self.arrays.items()}
        object.__setattr__(self, "arrays", arrays)
        if not isinstance(self.data, dict):
            raise FrameError(f"a frame's data is a dict, found {type(self.data).__name__}")
        _check_json(self.data, "data", 0)


def encode(frame: Frame, limits: FrameLimits) -> bytes:
    """Return the bytes of a frame.

    Raises
    ------
    FrameError
        If the frame exceeds `limits`.
    """
    layout = [
        {"name": name, "dtype": array.dtype.name, "shape": array.shape}
        for name, array in frame.arrays.items()
    ]
    header = json.dumps(
        {"kind": frame.kind, "arrays": layout, "data": frame.data},
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
    ).encode()
    body = sum(array.nbytes for array in frame.arrays.values())
    _within("header bytes", len(header), limits.header)
    _within("body bytes", body, limits.body)
    _within("arrays", len(layout), limits.arrays)
    buffers = [
        array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        for array in frame.arrays.values()
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
    _within("header bytes", header_length, limits.header)
    _within("body bytes", body_length, limits.body)
    if not header_length:
        raise FrameError("a frame has a header, found one of 0 bytes")
    header = bytearray(header_length)
    yield memoryview(header)
    kind, layout, data = _parsed(bytes(header), limits)
    declared = sum(dtype.itemsize * math.prod(shape) for _, dtype, shape in layout)
    if declared != body_length:
        raise FrameError(f"the arrays take {declared} bytes, the body is said to be {body_length}")
    arrays = {}
    for name, dtype, shape in layout:
        array = np.empty(shape, dtype.newbyteorder("<"))
        if array.nbytes:
            yield array.reshape(-1).view(np.uint8).data
        if dtype.kind == "b" and array.view(np.uint8).max(initial=0) > 1:
            raise FrameError(f"array {_shown(name)} is bool, but holds a byte other than 0 and 1")
        array = array.astype(dtype, copy=False)
        array.flags.writeable = False
        arrays[name] = array
    return Frame(kind, arrays, data)


def _parsed(
    header: bytes, limits: FrameLimits
) -> tuple[str, list[tuple[str, np.dtype[Any], tuple[int, ...]]], dict[str, Any]]:
    try:
        value = json.loads(
            header.decode(),
            object_pairs_hook=_object,
            parse_constant=_no_float,
            parse_float=_no_float,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        raise FrameError(f"the header is not UTF-8: {error.reason} at {error.start}") from None
    except json.JSONDecodeError as error:
        raise FrameError(f"the header is not JSON: {error.msg} at {error.pos}") from None
    except RecursionError:
        raise FrameError("the header is nested too deeply") from None
    _keys(value, "header", {"kind", "arrays", "data"})
    if not isinstance(value["arrays"], list):
        raise FrameError("arrays is a list, found another type")
    if not isinstance(value["data"], dict):
        raise FrameError("data is an object, found another type")
    _within("arrays", len(value["arrays"]), limits.arrays)
    layout = []
    names = set()
    for entry in value["arrays"]:
        _keys(entry, "array", {"name", "dtype", "shape"})
        name = _checked_name(entry["name"])
        if name in names:
            raise FrameError(f"array {_shown(name)} occurs twice")
        names.add(name)
        dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
        if dtype is None:
            raise FrameError(
                f"array {_shown(name)} has dtype {_shown(entry['dtype'])}, "
                f"allowed are {', '.join(DTYPES)}"
            )
        layout.append((name, dtype, _checked_shape(name, entry["shape"], dtype, limits)))
    return value["kind"], layout, value["data"]


def _checked_shape(
    name: str, shape: object, dtype: np.dtype[Any], limits: FrameLimits
) -> tuple[int, ...]:
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise FrameError(f"array {_shown(name)} has shape {_shown(shape)}, expected sizes ≥ 0")
    if len(shape) > _DIMENSIONS:
        raise FrameError(f"array {_shown(name)} has {len(shape)} dimensions, at most {_DIMENSIONS}")
    # Empty dimensions count as one here: numpy refuses shapes such as (0, 2**62).
    size = dtype.itemsize * math.prod(max(n, 1) for n in shape)
    _within(f"bytes of array {_shown(name)}", size, limits.body)
    return tuple(shape)


def _frozen(name: str, array: object) -> NDArray[Any]:
    if not isinstance(array, (np.ndarray, np.generic)):
        raise FrameError(f"array {_shown(name)} is no array, but {type(array).__name__}")
    if array.dtype.name not in DTYPES:
        raise FrameError(
            f"array {_shown(name)} has dtype {array.dtype.name}, allowed are {', '.join(DTYPES)}"
        )
    if array.ndim > _DIMENSIONS:
        raise FrameError(f"array {_shown(name)} has {array.ndim} dimensions, at most {_DIMENSIONS}")
    if (
        isinstance(array, np.ndarray)
        and type(array) is np.ndarray
        and not array.flags.writeable
        and array.flags.c_contiguous
        and array.base is None
        and array.dtype.isnative
    ):
        return array
    copy: NDArray[Any] = np.array(array, dtype=DTYPES[array.dtype.name], order="C", subok=False)
    copy.flags.writeable = False
    return copy


def _check_json(value: object, path: str, depth: int) -> None:
    if depth > _DEPTH:
        raise FrameError(f"{path[:80]}… is nested more than {_DEPTH} deep")
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise FrameError(f"{path} has a key {_shown(key)}, keys are str")
            _check_text(key, path)
            _check_json(item, f"{path}.{key}", depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _check_json(item, f"{path}[{index}]", depth + 1)
    elif isinstance(value, int):
        _check_integer(value)
    elif value is not None:
        raise FrameError(
            f"{path} is of type {type(value).__name__}, expected None, bool, int, str, list or "
            f"dict; carry numbers with a fraction in an array"
        )


def _check_text(text: str, path: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise FrameError(f"{path} holds text that is no Unicode: {error.reason}") from None


def _check_integer(value: int) -> int:
    if not -(2**63) <= value < 2**64:
        raise FrameError("an integer does not fit in 64 bits")
    return value


def _integer(digits: str) -> int:
    # The length comes first, as turning digits into a number takes time in its square.
    if len(digits) > len(str(-(2**63))):
        raise FrameError("an integer does not fit in 64 bits")
    return _check_integer(int(digits))


def _no_float(literal: str) -> NoReturn:
    raise FrameError(f"the header holds the number {_shown(literal)}, only integers are allowed")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise FrameError("a JSON object holds a key twice")
    return value


def _keys(value: object, what: str, expected: set[str]) -> None:
    if not isinstance(value, dict) or value.keys() != expected:
        raise FrameError(f"{what} is not an object with the keys {', '.join(sorted(expected))}")


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_LENGTH:
        raise FrameError(f"an array's name is 1 to {_NAME_LENGTH} characters, got {_shown(name)}")
    _check_text(name, "an array's name")
    return name


def _within(what: str, found: int, limit: int) -> None:
    if found > limit:
        raise FrameError(f"{found} {what}, at most {limit} are allowed")


def _shown(value: object) -> str:
    # ASCII and short: the value may be hostile, and the message is shown to people.
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."
