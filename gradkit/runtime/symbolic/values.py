"""Read values of student code through methods of base types, so that no overloaded method runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_ARRAY_SIZE = 4_096
"""Most numbers in an array that is read."""

MAX_ITEMS = 256
"""Most items of a container that are read."""

MAX_DEPTH = 3
"""Most levels of containers that are searched."""

MAX_NAME = 60
"""Most characters of a name in a path."""


class Carrier:
    """Base class of numbers that record their operations, which are read like numbers."""

    __slots__ = ()


Path = tuple[str | int, ...]
"""A name, followed by keys, indices and attributes (``.name``)."""

Leaf = tuple[Path, Any, int]
"""The path of a value, the value, and the id of its container (0 for the value of a name)."""


def leaves_of(names: Mapping[str, Any]) -> Iterator[Leaf]:
    """Yield the arrays and numbers in the values of names, without dunder names."""
    for name, value in list(names.items()):
        # The hidden iterator of a comprehension is ".0".
        if not name.startswith((".", "__")):
            yield from leaves((name[:MAX_NAME],), value, MAX_DEPTH)


def leaves(path: Path, value: Any, depth: int, holder: int = 0) -> Iterator[Leaf]:
    """Yield the arrays and numbers in a value, each with its path.

    Parameters
    ----------
    path : tuple
        The path of the value itself.
    value : object
    depth : int
        How many levels of containers are searched. At the full `MAX_DEPTH`, the attributes of an
        object of a student's class are searched too.
    holder : int
        The id of the value's container.
    """
    kind = type(value)
    if issubclass(kind, np.ndarray | np.number | float | Carrier):
        yield path, value, holder
    elif not depth:
        return
    elif issubclass(kind, dict):
        for key, item in list(dict.items(value))[:MAX_ITEMS]:
            if type(key) is int or (type(key) is str and key.isprintable()):
                step = key[:MAX_NAME] if isinstance(key, str) else key
                yield from leaves((*path, step), item, depth - 1, id(value))
    elif issubclass(kind, list | tuple):
        if kind is list and read(value) is not None:
            yield path, value, holder
            return
        items = list.__iter__(value) if issubclass(kind, list) else tuple.__iter__(value)
        for index, item in zip(range(MAX_ITEMS), items, strict=False):
            yield from leaves((*path, index), item, depth - 1, id(value))
    elif depth == MAX_DEPTH and not issubclass(kind, type):
        # A student's class may store arrays as attributes.
        for name, item in list(_own_attributes(value).items())[:MAX_ITEMS]:
            if type(name) is str and name.isidentifier():
                yield from leaves((*path, f".{name[:MAX_NAME]}"), item, depth - 1, id(value))


_NOT_OWN = ("builtins", "numpy", "pandas", "torch", "gradkit")


def _own_attributes(value: Any) -> dict[Any, Any]:
    """Return the attributes of an object of a student's class; empty for a library's objects."""
    if type(value).__module__.partition(".")[0] in _NOT_OWN:
        return {}
    try:
        found = object.__getattribute__(value, "__dict__")
    except Exception:
        return {}
    return found if type(found) is dict else {}


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
