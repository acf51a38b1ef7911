"""Read values of student code through methods of base types, so that no overloaded method runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_ARRAY_SIZE = 4_096
"""Most numbers in an array that is read."""

MAX_ITEMS = 256
"""Most items of a container that are read."""


class Carrier:
    """Base class of numbers that record their operations, which are read like numbers."""

    __slots__ = ()


def read(value: Any) -> NDArray[Any] | None:
    """Return a copy of an array, a number or a table of plain numbers as a float64 array.

    A table is a list of numbers, or a list of lists of equal length. None is returned for all other
    values, and for arrays that are too large.
    """
    kind = type(value)
    if issubclass(kind, np.ndarray):
        view = np.ndarray.view(value, np.ndarray)
        if view.dtype.kind not in "fiu" or not 0 < view.size <= MAX_ARRAY_SIZE:
            return None
        return np.array(view, dtype=np.float64)
    if issubclass(kind, float | np.number):
        plain = float.__float__(value) if issubclass(kind, float) else _to_float(value)
        return None if plain is None else np.array(plain)
    if kind is list and 0 < len(value) <= MAX_ITEMS:
        return _table_as_array(value)
    return None


def _to_float(value: np.number[Any]) -> float | None:
    """Return a real scalar of numpy as a float; None for other types and subclasses."""
    kinds = np.floating | np.integer
    if type(value).__module__ != "numpy" or not issubclass(type(value), kinds):
        return None
    return None if issubclass(type(value), np.timedelta64) else float(value)


def _table_as_array(value: list[Any]) -> NDArray[Any] | None:
    """Return a list of numbers, or of equally long lists of numbers, as an array; or None."""
    rows = value if all(type(row) is list for row in value) else [value]
    width = len(rows[0])
    numbers = (int, float, np.float64)
    if not width or any(len(row) != width for row in rows) or width * len(rows) > MAX_ARRAY_SIZE:
        return None
    if not all(type(item) in numbers for row in rows for item in row):
        return None
    try:
        table = np.array(rows, dtype=np.float64)
    except OverflowError:
        return None
    return table if rows is value else table[0]
