"""Replace functions of numpy and math, and `float`, during a call with recording numbers.

The originals would convert recording numbers to plain floats.
"""

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

ARRAY_MAKERS = (
    *("zeros", "ones", "empty", "full", "eye", "identity", "array", "asarray", "asanyarray"),
    *("zeros_like", "ones_like", "empty_like", "full_like", "ascontiguousarray", "copy"),
)
"""Functions of numpy that make arrays, which code may fill with recording numbers later."""

INSPECTIONS = ("isnan", "isinf", "isfinite", "isclose", "allclose", "array_equal")
"""Functions of numpy that inspect values, and do not support arrays of objects."""

FLOAT_TYPES = ("float64", "float32", "float16")
"""Names of numpy's types of floats."""


def _recording_maker(make: Callable[..., Any]) -> Callable[..., Any]:
    """Return a version of ``make``, a function that makes arrays.

    It returns `Numbers` in place of float arrays, which can hold recording numbers.
    """

    def maker(*arguments: Any, **keywords: Any) -> Any:
        """Make an array; in place of floats one of objects, which can hold recording numbers."""
        dtypes = [keywords[name] for name in ("dtype",) if keywords.get(name) is not None]
        dtypes += [item for item in arguments[1:] if isinstance(item, type | str | np.dtype)]
        if any(not is_float(dtype) for dtype in dtypes):
            return make(*arguments, **keywords)
        arguments = tuple(
            object if any(item is dtype for dtype in dtypes) else item for item in arguments
        )
        keywords |= {"dtype": object} if "dtype" in keywords else {}
        array = make(*arguments, **keywords)
        return array.astype(object).view(Numbers) if array.dtype.kind in "fO" else array

    return maker


def _plain_values(value: Any) -> Any:
    """Return a recording number or an array of them as plain floats; other values unchanged."""
    if isinstance(value, Number):
        return value.value
    if isinstance(value, np.ndarray) and value.dtype == object:
        return np.ndarray.astype(value, np.float64)
    return value


def _accepting_symbolic_numbers(inspect: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that converts symbolic arguments to floats and then calls another one."""
    return lambda *args, **keywords: inspect(*map(_plain_values, args), **keywords)


def _math_function(name: str) -> Callable[..., Any]:
    """Return a version of the function ``name`` of ``math`` that also accepts recording numbers."""
    original = getattr(math, name)

    def function(value: Any, *more: Any) -> Any:
        value = value.item() if isinstance(value, np.ndarray) else value
        return getattr(value, name)() if isinstance(value, Number) else original(value, *more)

    return function


class _FloatType(type):
    """Metaclass of replacements for float types, which leave a recording number unchanged."""

    def __call__(cls, value: Any = 0.0, *more: Any) -> Any:
        """Convert a value to the float type, but return recording numbers and arrays unchanged.

        An array with one recording number gives that number.
        """
        if isinstance(value, np.ndarray) and value.dtype == object:
            return value.item() if value.size == 1 else value
        return value if isinstance(value, Number) else cls.__mro__[1](value, *more)

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.__mro__[1] | Number)


def _expit(value: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-value))


def _sign(value: Any) -> Any:
    """Return the sign of a value, of a recording number, or of each number in an array."""
    if isinstance(value, Number):
        return value.sign()
    is_object = isinstance(value, np.ndarray) and value.dtype == object
    return (
        np.array(_sign_of_each(value), dtype=object).view(Numbers) if is_object else np.sign(value)
    )


_sign_of_each = np.frompyfunc(_sign, 1, 1)


def _extremum(sign: int, a: Any, b: Any, *_: Any, **__: Any) -> Any:
    """Return the maximum of ``a`` and ``b`` for ``sign`` 1, and the minimum for -1.

    Recording numbers are computed by a formula that holds for all values of the operands. Further
    arguments are ignored.
    """
    original = np.maximum if sign > 0 else np.minimum
    is_recording = any(isinstance(value, Number | Numbers) for value in (a, b))
    return (a + b + sign * np.absolute(a - b)) * 0.5 if is_recording else original(a, b)


def _numpy_replacements() -> dict[str, Any]:
    """Return the replacements for functions and types of numpy by name.

    They accept the numbers that record their operations.
    """
    return {
        **{name: _recording_maker(getattr(np, name)) for name in ARRAY_MAKERS},
        **{name: _accepting_symbolic_numbers(getattr(np, name)) for name in INSPECTIONS},
        "sign": _sign,
        "maximum": partial(_extremum, 1),
        "minimum": partial(_extremum, -1),
        "clip": lambda value, low, high, *_, **__: _extremum(-1, _extremum(1, value, low), high),
        **{name: _FloatType(name, (getattr(np, name),), {}) for name in FLOAT_TYPES},
    }


REPLACEMENTS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "numpy": _numpy_replacements,
    "math": lambda: {name: _math_function(name) for name in FUNCTIONS if hasattr(math, name)},
    "scipy.special": lambda: {"expit": _expit},
}
"""For each module, a function that returns replacements by name. The modules themselves are not
changed, because their own compiled code depends on them."""


class _StandIn(ModuleType):
    """A copy of a module in which some names have other values."""

    def __init__(self, module: Any, names: Mapping[str, Any]) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(names)
        self.__dict__["gradkit_module"] = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["gradkit_module"], name)


class _StandIns:
    """The replacements of modules and functions.

    Attributes
    ----------
    new : dict
        The replacement by the id of the original.
    own : dict
        The original by the id of the replacement.
    """

    def __init__(self) -> None:
        """Make the replacements of ``float`` and of the loaded modules that `REPLACEMENTS` names.

        A replacement also accepts the numbers that record their operations.
        """
        self.new: dict[int, Any] = {id(builtins.float): _FloatType("float", (builtins.float,), {})}
        self.own: dict[int, Any] = {}
        for name in REPLACEMENTS:
            if name in sys.modules:
                self.module(sys.modules[name])

    def module(self, module: Any) -> Any:
        """Return the replacement of a module, as numpy, or the module itself if it has none.

        The replacement is made on the first call.
        """
        name = getattr(module, "__name__", "")
        if name in REPLACEMENTS and id(module) not in self.new and sys.modules.get(name) is module:
            names = REPLACEMENTS[name]()
            pairs = [(module, _StandIn(module, names))]
            pairs += [(getattr(module, name), replacement) for name, replacement in names.items()]
            for original, replacement in pairs:
                self.new[id(original)], self.own[id(replacement)] = replacement, original
        return self.new.get(id(module), module)

    def importer(self, own: Callable[..., Any]) -> Callable[..., Any]:
        """Return an ``__import__`` that returns replacements of modules."""
        return lambda *args, **keywords: self.module(own(*args, **keywords))


@contextlib.contextmanager
def standing_in(names: Mapping[str, Any], function: Callable[..., Any]) -> Iterator[None]:
    """Return a context manager that replaces numpy, math and float among a student's names.

    Parameters
    ----------
    names : dict
        The student's names.
    function : callable
        The function that will be called. Its global names are replaced too.

    Notes
    -----
    At the end the original values are restored, and recording numbers that the student's names
    hold become plain floats.
    """
    originals: list[tuple[dict[str, Any], str, Any]] = []
    instead = _StandIns()

    def put(space: dict[str, Any], name: str, new: Any) -> None:
        originals.append((space, name, dict.get(space, name, MISSING)))
        dict.__setitem__(space, name, new)

    namespaces = (names, getattr(function, "__globals__", None))
    spaces = {id(space): space for space in namespaces if isinstance(space, dict)}
    try:
        for space in spaces.values():
            for name, value in list(dict.items(space)):
                if id(value) in instead.new:
                    put(space, name, instead.new[id(value)])
            if "float" not in dict.keys(space):
                put(space, "float", instead.new[id(builtins.float)])
            own = dict.get(space, "__builtins__")
            # Names that are created during the call may import modules.
            if isinstance(own, dict) and own is not vars(builtins):
                put(own, "__import__", instead.importer(own["__import__"]))
        with np.errstate(all="ignore"):
            yield
    finally:
        for space, name, value in reversed(originals):
            put_back(space, name, value)
        for space in spaces.values():
            for name, value in list(dict.items(space)):
                if id(value) in instead.own:
                    dict.__setitem__(space, name, instead.own[id(value)])
            _replace_recording_numbers(space)


def _replace_recording_numbers(space: dict[str, Any]) -> None:
    """Convert recording numbers in a dict of names, and in dicts among its values, to plain floats.

    The dicts are changed in place.
    """
    inner: list[dict[Any, Any]] = [one for one in dict.values(space) if type(one) is dict]
    for holder in (space, *inner):
        for name, value in list(dict.items(holder)):
            if isinstance(value, Number | Numbers):
                dict.__setitem__(holder, name, np.float64(_plain_values(value)))
