"""Values of a student's code, read through base types: nothing that is overloaded runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 4_096
"""Numbers in one array that is looked at."""

LEAVES = 256
DEPTH = 3
TEXT = 60


class Carrier:
    """What is looked at as a number is, and knows more than one."""

    __slots__ = ()


Path = tuple[str | int, ...]
Leaf = tuple[Path, Any, int]
"""The way to a value, the value, and the id of what holds it (0 for a name)."""


def leaves_of(names: Mapping[str, Any]) -> Iterator[Leaf]:
    """Arrays and numbers in the values of names."""
    for name, value in list(names.items()):
        # The hidden iterator of a comprehension is ".0".
        if not name.startswith((".", "__")):
            yield from leaves((name[:TEXT],), value, DEPTH)


def leaves(path: Path, value: Any, depth: int, holder: int = 0) -> Iterator[Leaf]:
    """Arrays and numbers in a value, each with the way to it."""
    kind = type(value)
    if issubclass(kind, np.ndarray | np.number | float | Carrier):
        yield path, value, holder
    elif not depth:
        return
    elif issubclass(kind, dict):
        for key, item in list(dict.items(value))[:LEAVES]:
            if type(key) is int or (type(key) is str and key.isprintable()):
                step = key[:TEXT] if isinstance(key, str) else key
                yield from leaves((*path, step), item, depth - 1, id(value))
    elif issubclass(kind, list | tuple):
        if kind is list and read(value) is not None:
            yield path, value, holder
            return
        items = list.__iter__(value) if issubclass(kind, list) else tuple.__iter__(value)
        for index, item in zip(range(LEAVES), items, strict=False):
            yield from leaves((*path, index), item, depth - 1, id(value))
    elif depth == DEPTH and not issubclass(kind, type):
        # An object of the student's own class keeps its arrays as attributes.
        for name, item in list(_attributes(value).items())[:LEAVES]:
            if type(name) is str and name.isidentifier():
                yield from leaves((*path, f".{name[:TEXT]}"), item, depth - 1, id(value))


_NOT_OWN = ("builtins", "numpy", "pandas", "torch", "gradkit")


def _attributes(value: Any) -> dict[Any, Any]:
    if type(value).__module__.partition(".")[0] in _NOT_OWN:
        return {}
    try:
        found = object.__getattribute__(value, "__dict__")
    except Exception:
        return {}
    return found if type(found) is dict else {}


def read(value: Any) -> NDArray[Any] | None:
    """A copy as a base array of numbers, or None. A table of plain numbers counts as an array."""
    kind = type(value)
    if issubclass(kind, np.ndarray):
        view = np.ndarray.view(value, np.ndarray)
        if view.dtype.kind not in "fiu" or not 0 < view.size <= LARGEST:
            return None
        return np.array(view, dtype=np.float64)
    if issubclass(kind, float | np.number):
        plain = float.__float__(value) if issubclass(kind, float) else _number(value)
        return None if plain is None else np.array(plain)
    if kind is list and 0 < len(value) <= LEAVES:
        return _table(value)
    return None


def _number(value: np.number[Any]) -> float | None:
    kinds = np.floating | np.integer
    if type(value).__module__ != "numpy" or not issubclass(type(value), kinds):
        return None
    return None if issubclass(type(value), np.timedelta64) else float(value)


def _table(value: list[Any]) -> NDArray[Any] | None:
    rows = value if all(type(row) is list for row in value) else [value]
    width = len(rows[0])
    numbers = (int, float, np.float64)
    if not width or any(len(row) != width for row in rows) or width * len(rows) > LARGEST:
        return None
    if not all(type(item) in numbers for row in rows for item in row):
        return None
    try:
        table = np.array(rows, dtype=np.float64)
    except OverflowError:
        return None
    return table if rows is value else table[0]
