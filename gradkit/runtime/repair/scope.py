"""List the values that can be named at a place of the student's text."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from gradkit.edits.operands import Vocabulary

FEW = 24
"""Names that are tried in one place at most."""

RATES = 4
"""Numbers of either sort that are tried in the place of an array."""

OTHERS, AT_ONCE = 4, 30
"""Others that are handed over in the place of a name, and ways to do so with several."""


@dataclass(slots=True)
class Scope:
    """The values that can be named at a place, such as ``m``, ``cache['A1']``, ``self.W``.

    ``values`` has the value of each expression, ``numbers`` and ``arrays`` are the expressions for
    numbers and arrays. ``library`` is the module whose functions are called, and ``helpers`` are
    the student's functions with one parameter. ``ratios`` are factors that make an output right.
    ``places`` has the loop counters with their values. ``words`` are texts that functions are
    passed, ``keys`` are keys that are read, ``lacking`` keys that a KeyError reported; ``slices``
    are the indices in the function, and ``idle`` its unread parameters.
    """

    library: str = "np"
    ratios: Sequence[float] = ()
    helpers: Sequence[str] = ()
    words: Sequence[str] = ()
    keys: Sequence[str] = ()
    lacking: Sequence[str] = ()
    slices: Sequence[ast.expr] = ()
    idle: Sequence[str] = ()
    vocabulary: Vocabulary | None = None
    allowed: dict[Any, bool] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    numbers: list[str] = field(default_factory=list)
    arrays: list[str] = field(default_factory=list)
    places: Mapping[str, int] = field(default_factory=dict)

    def numbers_that(self, *, count: bool) -> list[str]:
        """Return the names of integers if ``count`` is true, and otherwise of the other numbers."""
        return [name for name in self.numbers if isinstance(self.values[name], WHOLE) is count]

    @property
    def counts(self) -> list[str]:
        """The first names of integers, without entries such as ``y[i]``."""
        return [name for name in self.numbers_that(count=True) if "[" not in name][: FEW // 2]

    def alike(self, text: str, value: Any) -> list[str]:
        """Return at most `FEW` names of other values of the same kind and shape as ``value``.

        ``text`` is the name that is left out. Arrays and floats with an equal value are left out
        too; integers are not: they may differ in another round of a loop. The list is empty if
        ``value`` is neither a number nor an array.
        """
        if isinstance(value, np.ndarray):
            return [
                name
                for name in self.arrays
                if name != text
                and self.values[name].shape == value.shape
                and (" + " in name or self.values[name].tobytes() != value.tobytes())
            ][:FEW]
        if is_number(value):
            whole = isinstance(value, WHOLE)
            same = self.numbers_that(count=whole)
            return [n for n in same if n != text and (whole or self.values[n] != value)][:FEW]
        return []

    def keys_for(self, key: str, *, other: bool) -> list[str]:
        """Return the keys of dicts that may replace ``key``.

        For a key that no dict has these are keys with a similar spelling; with ``other``, also
        those that a KeyError reported. For an existing key these are, with ``other``, all other
        keys of its dict and the reported ones; without it, none.
        """
        rows = [row for row in self.values.values() if isinstance(row, dict)]
        own = next((row for row in rows if key in row), None)
        if own is not None:
            return [e for e in [*own, *self.lacking] if isinstance(e, str) and e != key and other]
        keys = dict.fromkeys(each for row in rows for each in row if isinstance(each, str))
        # What a number is added to, or put into, begins as keys do.
        stem = re.split(r"[^A-Za-z_]", key)[0]
        stems = dict.fromkeys(re.split(r"\d", each)[0] for each in keys)
        others = [f"{each}{key[len(stem) :]}" for each in stems if each != stem and stem in stems]
        near = written_like(key, dict.fromkeys([*keys, *self.keys]))
        return [*others, *near, *(self.lacking if other else ())]

    def fitting(self, shape: tuple[int, ...]) -> list[str]:
        """Return arrays that can be combined with an array of a shape without a larger result.

        ``shape`` and the array's own shape broadcast to one of the two. The arrays are given as
        expressions. At most `FEW` arrays are looked at. A 1-d array may be laid along another axis,
        as in ``b[:, None]``; such an expression is added to ``values``.
        """
        fitting = [n for n in self.arrays if _broadcasts(self.values[n].shape, shape)][:FEW]
        for name in [n for n in self.arrays if self.values[n].ndim == 1 and "[" not in n][:FEW]:
            for axis in range(len(shape)):
                later = len(shape) - 1 - axis
                if shape[axis] in ((1, self.values[name].size) if later else (1,)):
                    text = f"{name}[:{', None' * later}]" if later else name
                    self.values[text] = self.values[name].reshape(-1, *[1] * later)
                    fitting += [text] if text not in fitting else []
        return fitting


WHOLE = (int, np.integer)


def written_like(text: str, names: Collection[str]) -> list[str]:
    """Return the names with a spelling similar to a text, in small or large letters."""
    alike = set(get_close_matches(text.lower(), {name.lower() for name in names}, FEW))
    return [name for name in names if name.lower() in alike]


def _rank(named: tuple[str, Any], counted: Collection[str]) -> tuple[bool, ...]:
    """Return the sort key of a named value: floats and arrays come before integers.

    ``named`` is the name and its value. Of equal ones plain names come before attributes and
    entries. ``counted`` are the names of loop counters and of entries at these: such entries rank
    as names.
    """
    text, value = named
    whole = isinstance(value, WHOLE)
    entry = "[" in text and text not in counted
    return whole, whole and text not in counted, entry, "." in text


def _broadcasts(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Return whether two shapes can be broadcast, and the result is one of the two."""
    try:
        return np.broadcast_shapes(one, other) in (one, other)
    except ValueError:
        return False


def is_array(value: Any) -> bool:
    """Return whether a value is an array."""
    return isinstance(value, np.ndarray)


def as_plain(value: Any) -> Any:
    """Return an array of a subclass, such as ``np.matrix``, as a plain array; else the value.

    The operators of a subclass may differ: ``*`` of a matrix is not elementwise.
    """
    return np.asarray(value) if is_array(value) else value


def is_number(value: Any) -> bool:
    """Return whether a value is a single number."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def scope_of(
    local: Mapping[str, Any], counters: Sequence[str] = (), besides: Scope | None = None
) -> Scope:
    """Return the scope of some local names: all expressions that name a value, with their values.

    ``local`` are the values by name, and ``counters`` the names that loops assign. Besides the
    names there are entries, attributes, sizes such as ``len(x)`` that no other number equals, and
    entries at the loop counters. ``besides`` is the scope of another run of the same function,
    whose fields that do not depend on values are reused.
    """
    # What has a name is no entry of a row besides.
    named = {id(value) for value in local.values() if is_array(value)}
    values: dict[str, Any] = {
        text: as_plain(part)
        for name, value in local.items()
        if name != "__builtins__"
        for text, part in _paths(name, value)
        if text == name or id(part) not in named
    }
    places = {name: values[name] for name in counters if isinstance(values.get(name), WHOLE)}
    counted = set(places)
    for text, part in [*values.items()]:
        if isinstance(part, list | tuple) and all(map(is_number, part)):
            entries = {f"{text}[{n}]": part[at] for n, at in places.items() if 0 <= at < len(part)}
            values |= entries
            counted |= {*entries}
        for several in range(1, min(part.ndim, len(places)) + 1) if is_array(part) else ():
            if several in (1, part.ndim):
                orders = itertools.permutations if several == 2 else itertools.combinations
                for names in itertools.islice(orders(places, several), FEW):
                    index = tuple(places[name] for name in names)
                    if all(0 <= n < size for n, size in zip(index, part.shape, strict=False)):
                        # Of a column it is the number.
                        one = part[index].size == 1
                        entry = f"{text}[{', '.join([*names, *['0'] * one * part[index].ndim])}]"
                        values[entry] = part[index].flat[0] if one else part[index]
                        counted |= {entry} if one else set()
    values |= {name: as_plain(value) for name, value in _keyed(local, counters)}
    scope = replace(besides or Scope(), values=values, numbers=[], arrays=[], places=places)
    # Plain names first, then attributes, then entries, but for those that loops count; of numbers,
    # those that are not whole, and of these those that count.
    for text, part in sorted(values.items(), key=lambda named: _rank(named, counted)):
        if isinstance(part, np.ndarray) and part.dtype.kind in "biuf":
            scope.arrays.append(text)
        elif is_number(part):
            scope.numbers.append(text)
    plain = [text for text in scope.arrays if "[" not in text]
    sizes = {
        f"{text}.shape[{axis}]": size
        for text in plain
        for axis, size in enumerate(values[text].shape)
    } | {f"{text}.size": values[text].size for text in plain}
    rows = {n: v for n, v in values.items() if n in local and isinstance(v, list | tuple | dict)}
    sizes |= {f"len({name})": len(row) for name, row in rows.items()}
    known = {values[text] for text in scope.numbers}
    for text, size in sizes.items():
        # A product with 1 changes nothing, and one with the size of an empty list is always 0.
        if size not in known and size > 1:
            known.add(size)
            values[text] = size
            scope.numbers.append(text)
    return scope


def _keyed(local: Mapping[str, Any], counters: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield entries of dicts whose key can be written with a loop counter, with their values.

    An example is ``grads['dW' + str(l + 1)]`` for a counter ``l``, or ``grads['d' + name]`` for a
    loop over names. ``local`` are values by name, and ``counters`` names that loops assign.
    """
    more = {0: "", 1: " + 1", -1: " - 1", 2: " + 2"}
    at = [(name, local[name]) for name in counters if name in local]
    words = [(name, word) for name, word in at if isinstance(word, str)]
    ends = [(f"{n + o}", f"str({name}{more[o]})") for name, n in at if is_number(n) for o in more]
    for row, held in local.items():
        keys = [key for key in held if isinstance(key, str)] if isinstance(held, dict) else []
        for key in keys:
            stem = key.rstrip("0123456789")
            last = [end for number, end in ends if stem and number == key[len(stem) :]]
            for start, end in [(stem, end) for end in last] or [(key, "")]:
                split = [(name, start.partition(word)) for name, word in words if word in start]
                made = [
                    (repr(one) * bool(one), name, repr(b) * bool(b)) for name, (one, _, b) in split
                ]
                for terms in [*made, *([(repr(stem),)] if end else [])]:
                    yield f"{row}[{' + '.join(filter(None, (*terms, end)))}]", held[key]


OPAQUE = (type, FunctionType, ModuleType, np.ndarray)
"""Types whose attributes are no values of the student."""


def _paths(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the text and value of a name, and of the entries or attributes of its value.

    Of a list or tuple the first eight entries are yielded. A dict in an attribute is followed too.
    """
    yield name, value
    if isinstance(value, dict):
        for key, part in value.items():
            if isinstance(key, str | int):
                yield f"{name}[{key!r}]", part
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value[:8]):
            yield f"{name}[{number}]", part
    elif not isinstance(value, OPAQUE):
        for key, part in getattr(value, "__dict__", {}).items():
            yield from (
                _paths(f"{name}.{key}", part)
                if isinstance(part, dict)
                else [(f"{name}.{key}", part)]
            )


def is_like(one: Any, other: Any) -> bool:
    """Return whether two values have the same kind and shape.

    They are arrays of one shape, or both integers, or numbers that are no integers.
    """
    if is_array(one) or is_array(other):
        return is_array(one) and is_array(other) and one.shape == other.shape
    return is_number(one) and isinstance(one, WHOLE) is isinstance(other, WHOLE)


def is_numeric(value: Any) -> bool:
    """Return whether a value is a number, or an array of numbers or of bools."""
    return is_number(value) or (is_array(value) and value.dtype.kind in "biuf")
