"""The header of a frame: what it may say, and the reading of one that is not trusted."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec
import numpy as np

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
_KIND = re.compile(r"[a-z][a-z0-9_.-]{0,39}", re.ASCII)
_NAME_LENGTH = 200
_DEPTH = 16


class FrameError(ValueError):
    """Bytes that are no frame, or a frame that must not be sent."""


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """Largest frame for one direction: bytes of header and body, number of arrays."""

    header: int
    body: int
    arrays: int = 256


class _Array(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    dtype: str
    shape: list[int]


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    arrays: list[_Array]
    data: dict[str, Any]


def parse_header(
    header: bytes, limits: FrameLimits
) -> tuple[str, list[tuple[str, np.dtype[Any], tuple[int, ...]]], dict[str, Any]]:
    """Return kind, layout (name, dtype and shape of each array) and data of a header.

    Everything is checked but kind and data, see `check_kind` and `check_json`.

    Raises
    ------
    FrameError
        If it is not JSON of the form that `gradkit.runtime.frames` describes, or describes
        arrays beyond `limits`.
    """
    try:
        said = _DECODER.decode(header)
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
        name = check_name(array.name)
        if name in names:
            raise FrameError(f"array {shown(name)} occurs twice")
        names.add(name)
        dtype = DTYPES.get(array.dtype)
        if dtype is None:
            raise FrameError(
                f"array {shown(name)} has dtype {shown(array.dtype)}, "
                f"allowed are {', '.join(DTYPES)}"
            )
        layout.append((name, dtype, _checked_shape(name, array.shape, dtype, limits)))
    return said.kind, layout, said.data


def _checked_shape(
    name: str, shape: list[int], dtype: np.dtype[Any], limits: FrameLimits
) -> tuple[int, ...]:
    if min(shape, default=0) < 0:
        raise FrameError(f"array {shown(name)} has shape {shown(shape)}, expected sizes ≥ 0")
    if len(shape) > DIMENSIONS:
        raise FrameError(f"array {shown(name)} has {len(shape)} dimensions, at most {DIMENSIONS}")
    # Empty dimensions count as one here: numpy refuses shapes such as (0, 2**62).
    size = dtype.itemsize * (math.prod(shape) or math.prod(max(n, 1) for n in shape))
    if size > limits.body:
        check_within(f"bytes of array {shown(name)}", size, limits.body)
    return tuple(shape)


def check_kind(kind: object) -> None:
    """Raise `FrameError` unless this can be a frame's kind."""
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise FrameError(
            f"a frame's kind is 1 to 40 of a-z, 0-9 and _.-, starting with a letter; "
            f"found {shown(kind)}"
        )


def check_json(value: object, path: str, depth: int = 0) -> None:
    """Raise `FrameError` unless this is JSON without floats, not nested too deeply."""
    if not _is_json(value, depth):
        _complain(value, path, depth)


def _is_json(value: object, depth: int) -> bool:
    """Whether this is plainly what `check_json` asks for; most of the time it is."""
    level = [value]
    # Level by level, since a call for each value would take several times as long.
    while level and depth <= _DEPTH:
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is str:
                if not item.isascii():  # type: ignore[attr-defined]
                    return False
            elif kind is dict:
                for key in item:  # type: ignore[attr-defined]
                    if type(key) is not str or not key.isascii():
                        return False
                below += item.values()  # type: ignore[attr-defined]
            elif kind is list or kind is tuple:
                below += item  # type: ignore[arg-type]
            elif kind is int:
                if not -(2**63) <= item < 2**64:  # type: ignore[operator]
                    return False
            elif item is not None and kind is not bool:
                return False
        level = below
        depth += 1
    return not level


def _complain(value: object, path: str, depth: int) -> None:
    """Look closely, and raise `FrameError` with the place of what is wrong."""
    if depth > _DEPTH:
        raise FrameError(f"{path[:80]}… is nested more than {_DEPTH} deep")
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise FrameError(f"{path} has a key {shown(key)}, keys are str")
            _check_text(key, path)
            _complain(item, f"{path}.{key}", depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _complain(item, f"{path}[{index}]", depth + 1)
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise FrameError("an integer does not fit in 64 bits")
    elif value is not None:
        raise FrameError(
            f"{path} is of type {type(value).__name__}, expected None, bool, int, str, list or "
            f"dict; carry numbers with a fraction in an array"
        )


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


def check_name(name: object) -> str:
    """Return `name`, if it can be an array's; else raise `FrameError`."""
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_LENGTH:
        raise FrameError(f"an array's name is 1 to {_NAME_LENGTH} characters, got {shown(name)}")
    _check_text(name, "an array's name")
    return name


def name_of(dtype: np.dtype[Any]) -> str:
    """The name of a dtype, in whatever byte order: numpy takes long to put it together."""
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
