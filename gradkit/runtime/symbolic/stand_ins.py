"""What stands in for numpy's makers of arrays, and for `float`, while numbers know their steps."""

from __future__ import annotations

import builtins
import contextlib
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from gradkit.runtime.namespace import MISSING, put_back
from gradkit.runtime.symbolic.numbers import FUNCTIONS, Number, Numbers, is_float

MAKERS = (
    *("zeros", "ones", "empty", "full", "eye", "identity", "array", "asarray", "asanyarray"),
    *("zeros_like", "ones_like", "empty_like", "full_like", "ascontiguousarray", "copy"),
)
"""Functions whose arrays may be filled with numbers later."""

LOOKED_AT = ("isnan", "isinf", "isfinite", "isclose", "allclose", "array_equal")
"""Functions that only look at values, and know none but C's."""

KINDS = ("float64", "float32", "float16")


def _makes(make: Callable[..., Any]) -> Callable[..., Any]:
    """A maker of arrays, whose floats are objects."""

    def maker(*given: Any, **named: Any) -> Any:
        kinds = [named[name] for name in ("dtype",) if named.get(name) is not None]
        kinds += [one for one in given[1:] if isinstance(one, type | str | np.dtype)]
        if any(not is_float(kind) for kind in kinds):
            return make(*given, **named)
        given = tuple(object if any(one is kind for kind in kinds) else one for one in given)
        named |= {"dtype": object} if "dtype" in named else {}
        array = make(*given, **named)
        return array.astype(object).view(Numbers) if array.dtype.kind in "fO" else array

    return maker


def _values(value: Any) -> Any:
    if isinstance(value, Number):
        return value.value
    if isinstance(value, np.ndarray) and value.dtype == object:
        return np.ndarray.astype(value, np.float64)
    return value


def _looks(look: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *given, **named: look(*map(_values, given), **named)


def _of_math(name: str) -> Callable[..., Any]:
    own = getattr(math, name)

    def function(value: Any, *more: Any) -> Any:
        value = value.item() if isinstance(value, np.ndarray) else value
        return getattr(value, name)() if isinstance(value, Number) else own(value, *more)

    return function


class _Kind(type):
    """A type of floats that leaves a number what it is."""

    def __call__(cls, value: Any = 0.0, *more: Any) -> Any:
        if isinstance(value, np.ndarray) and value.dtype == object:
            return value.item() if value.size == 1 else value
        return value if isinstance(value, Number) else cls.__mro__[1](value, *more)

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.__mro__[1] | Number)


def _expit(value: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-value))


def _sign(value: Any) -> Any:
    if isinstance(value, Number):
        return value.sign()
    is_object = isinstance(value, np.ndarray) and value.dtype == object
    return np.array(_by_each(value), dtype=object).view(Numbers) if is_object else np.sign(value)


_by_each = np.frompyfunc(_sign, 1, 1)


def _larger(sign: int, one: Any, other: Any, *_: Any, **__: Any) -> Any:
    """The larger of two, or the smaller, in a way that holds for other numbers as well."""
    own = np.maximum if sign > 0 else np.minimum
    numbers = any(isinstance(each, Number | Numbers) for each in (one, other))
    return (one + other + sign * np.absolute(one - other)) * 0.5 if numbers else own(one, other)


def _of_numpy() -> dict[str, Any]:
    return {
        **{name: _makes(getattr(np, name)) for name in MAKERS},
        **{name: _looks(getattr(np, name)) for name in LOOKED_AT},
        "sign": _sign,
        "maximum": partial(_larger, 1),
        "minimum": partial(_larger, -1),
        "clip": lambda value, low, high, *_, **__: _larger(-1, _larger(1, value, low), high),
        **{name: _Kind(name, (getattr(np, name),), {}) for name in KINDS},
    }


INSTEAD: Mapping[str, Callable[[], dict[str, Any]]] = {
    "numpy": _of_numpy,
    "math": lambda: {name: _of_math(name) for name in FUNCTIONS if hasattr(math, name)},
    "scipy.special": lambda: {"expit": _expit},
}
"""By module, what stands in for some of its names. The modules themselves stay as they are: their
own compiled code trusts them."""


class _StandIn(ModuleType):
    """A module with other values of some names."""

    def __init__(self, module: Any, names: Mapping[str, Any]) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(names)
        self.__dict__["gradkit_module"] = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["gradkit_module"], name)


class _StandIns:
    """Modules and functions, each with what stands in for it."""

    def __init__(self) -> None:
        self.new: dict[int, Any] = {id(builtins.float): _Kind("float", (builtins.float,), {})}
        self.own: dict[int, Any] = {}
        for name in INSTEAD:
            if name in sys.modules:
                self.module(sys.modules[name])

    def module(self, module: Any) -> Any:
        """Return what stands in for a module, or the module."""
        name = getattr(module, "__name__", "")
        if name in INSTEAD and id(module) not in self.new and sys.modules.get(name) is module:
            names = INSTEAD[name]()
            pairs = [(module, _StandIn(module, names))]
            pairs += [(getattr(module, name), new) for name, new in names.items()]
            for own, new in pairs:
                self.new[id(own)], self.own[id(new)] = new, own
        return self.new.get(id(module), module)

    def importer(self, own: Callable[..., Any]) -> Callable[..., Any]:
        """Return an ``__import__`` that gives what stands in."""
        return lambda *given, **named: self.module(own(*given, **named))


@contextlib.contextmanager
def standing_in(names: Mapping[str, Any], function: Callable[..., Any]) -> Iterator[None]:
    """Put the stand-ins in place for a while, among a student's names."""
    kept: list[tuple[dict[str, Any], str, Any]] = []
    instead = _StandIns()

    def put(space: dict[str, Any], name: str, new: Any) -> None:
        kept.append((space, name, dict.get(space, name, MISSING)))
        dict.__setitem__(space, name, new)

    found = (names, getattr(function, "__globals__", None))
    spaces = {id(space): space for space in found if isinstance(space, dict)}
    try:
        for space in spaces.values():
            for name, value in list(dict.items(space)):
                if id(value) in instead.new:
                    put(space, name, instead.new[id(value)])
            if "float" not in dict.keys(space):
                put(space, "float", instead.new[id(builtins.float)])
            own = dict.get(space, "__builtins__")
            # Names that are not made yet are imported meanwhile.
            if isinstance(own, dict) and own is not vars(builtins):
                put(own, "__import__", instead.importer(own["__import__"]))
        with np.errstate(all="ignore"):
            yield
    finally:
        for space, name, value in reversed(kept):
            put_back(space, name, value)
        for space in spaces.values():
            for name, value in list(dict.items(space)):
                if id(value) in instead.own:
                    dict.__setitem__(space, name, instead.own[id(value)])
            _forget(space)


def _forget(space: dict[str, Any]) -> None:
    """Leave floats in the place of numbers that a student's names keep for the next call."""
    inner: list[dict[Any, Any]] = [one for one in dict.values(space) if type(one) is dict]
    for holder in (space, *inner):
        for name, value in list(dict.items(holder)):
            if isinstance(value, Number | Numbers):
                dict.__setitem__(holder, name, np.float64(_values(value)))
