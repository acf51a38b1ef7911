"""Records as bytes, for the store and for the way between processes: MessagePack, no pickle.

What is read back has the types that the records declare; nothing in it is ever executed.
"""

from __future__ import annotations

import zlib
from typing import Any, TypeVar

import msgspec
import numpy as np

from gradkit.classroom.store.database import RESCUE, StoreError

T = TypeVar("T")

LEVEL = 1
"""Of compression: arrays of floats gain little from more."""


def pack(record: object) -> bytes:
    """The bytes of a record."""
    return zlib.compress(_ENCODER.encode(record), LEVEL)


def unpack(data: bytes, kind: type[T]) -> T:
    """The record of that kind.

    Raises
    ------
    StoreError
        The bytes are not what `pack` gives of such a record.
    """
    try:
        return msgspec.msgpack.decode(zlib.decompress(data), type=kind, dec_hook=_array)
    except (zlib.error, msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        name = getattr(kind, "__name__", str(kind))
        raise StoreError(
            f"The class file is damaged: what it has as a {name} is none ({error}). {RESCUE}"
        ) from None


def _plain(value: object) -> Any:
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value)
        return {"dtype": array.dtype.str, "shape": value.shape, "data": array.tobytes()}
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"a record holds a {type(value).__name__}, which cannot be packed")


def _array(kind: type, value: Any) -> Any:
    """An array, read-only as in all records."""
    return np.frombuffer(value["data"], np.dtype(value["dtype"])).reshape(value["shape"])


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_plain)
