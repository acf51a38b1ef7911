"""Numbers that know how they were made: each is a step, of others and of what was handed over.

A step is an operation, what went into it, and where in the text it stands. Arrays of such numbers
are arrays of objects, with which numpy computes as with any others. A comparison is one of values,
so that the way that a number takes through the code is the one that it would take. Where a number
is turned into one of C's, it is a constant from there on, and whoever looks at what comes of it
must not trust the rest.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from functools import partialmethod
from operator import add, ge, gt, le, lt, mul, sub
from types import CodeType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.runtime.symbolic.values import LARGEST, Carrier, read

POWERS = 6
"""Up to which a power is one, and no exponential."""

MADE = 30_000
"""Steps that one call takes: it would take much longer than with plain ones."""

FUNCTIONS = ("exp", "log", "sqrt", "tanh", "sin", "cos", "rint", "floor", "ceil", "trunc", "sign")
"""What may be made of one number."""

GIVEN, CONSTANT = "given", "constant"
OPERATIONS = (GIVEN, CONSTANT, "add", "sub", "mul", "truediv", "power", "absolute", *FUNCTIONS)
"""What a step may be: an atom that was handed over, a constant, or done with one or two others."""

Stack = tuple[tuple[CodeType, int], ...]
"""Where the student's code stands, innermost first: a code object, and an instruction of it."""


class TooLongError(ArithmeticError):
    """A call makes more numbers than are looked at."""


class Sheet:
    """The steps of one call.

    Parameters
    ----------
    cells : frozenset of str
        File names of code whose places are looked at.

    Attributes
    ----------
    steps : list
        What made each number: an operation, two steps that went into it, or the number of an atom
        or a constant, and the number of a stack.
    """

    def __init__(self, cells: frozenset[str] = frozenset()) -> None:
        self.steps: list[tuple[str, int, int, int]] = []
        self.constants: dict[float, int] = {}
        self.stacks: dict[Stack, int] = {}
        self._cells = cells

    def step(self, operation: str, one: int, other: int) -> int:
        """Return the number of a new step, made by whatever line is being run."""
        if len(self.steps) >= MADE:
            raise TooLongError("a call that makes too many numbers")
        stack, frame = [], sys._getframe(1)
        while frame is not None and self._cells:
            if frame.f_code.co_filename in self._cells:
                stack.append((frame.f_code, frame.f_lasti))
            frame = frame.f_back  # type: ignore[assignment]
        where = self.stacks.setdefault(tuple(stack), len(self.stacks))
        self.steps.append((operation, one, other, where))
        return len(self.steps) - 1

    def constant(self, number: float) -> int:
        """Return the step that a constant is."""
        if number not in self.constants:
            self.constants[number] = self.step(CONSTANT, len(self.constants), 0)
        return self.constants[number]


class Number(Carrier):
    """A number that knows its step. It has what a student may use of a numpy scalar."""

    __slots__ = ("sheet", "step", "value")

    shape: tuple[int, ...] = ()
    ndim = 0
    size = 1

    __add__: Any
    __radd__: Any
    __sub__: Any
    __rsub__: Any
    __mul__: Any
    __rmul__: Any
    __truediv__: Any
    __rtruediv__: Any

    def __init__(self, sheet: Sheet, value: float, *made: Any) -> None:
        self.sheet, self.value = sheet, value
        self.step = sheet.step(*made)

    def __float__(self) -> float:
        return self.value

    def __int__(self) -> int:
        return int(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __repr__(self) -> str:
        return repr(self.value)

    def __format__(self, form: str) -> str:
        return format(self.value, form)

    def __round__(self, digits: int = 0) -> float:
        return round(self.value, digits)

    def __hash__(self) -> int:
        return hash(self.value)

    def __eq__(self, other: Any) -> Any:
        return self.value == float(other) if _is_number(other) else NotImplemented

    def __neg__(self) -> Any:
        return self * -1.0

    def __pos__(self) -> Number:
        return self

    def __abs__(self) -> Number:
        same = self if self.value >= 0 else self * -1.0
        return Number(self.sheet, abs(self.value), "absolute", self.step, same.step)

    def __pow__(self, power: Any) -> Any:
        if not _is_number(power):
            return NotImplemented
        if isinstance(power, Number):
            return (self.log() * power).exp()
        value = float(np.power(self.value, float(power)))
        if float(power).is_integer() and abs(power) <= POWERS:
            exponent = self.sheet.constant(float(power))
            return Number(self.sheet, value, "power", self.step, exponent)
        return self.sqrt() if power == 0.5 else (self.log() * float(power)).exp()

    def __rpow__(self, base: Any) -> Any:
        return (self * math.log(base)).exp() if _is_number(base) else NotImplemented

    def __getitem__(self, index: Any) -> Any:
        return self._array()[index]

    def __getattr__(self, name: str) -> Any:
        if name in FUNCTIONS:
            return lambda: self._of(name)
        if name in _OF_ARRAYS:
            return getattr(self._array(), name)
        raise AttributeError(name)

    @property
    def T(self) -> Number:  # noqa: N802  (numpy's name)
        """The number."""
        return self

    def item(self) -> Number:
        """Return the number."""
        return self

    copy = sum = mean = squeeze = conjugate = __deepcopy__ = lambda self, *_, **__: self

    def astype(self, dtype: Any, *_: Any, **__: Any) -> Any:
        """Return the number, as a float of any width; or what another type makes of it."""
        return self if is_float(dtype) else np.float64(self.value).astype(dtype)

    def square(self) -> Any:
        """Return the square."""
        return self * self

    def reciprocal(self) -> Any:
        """Return 1 over it."""
        return 1.0 / self

    def expm1(self) -> Any:
        """Return its exponential less 1."""
        return self._of("exp") - 1.0

    def log1p(self) -> Any:
        """Return the logarithm of what is 1 more."""
        return (self + 1.0)._of("log")

    def _of(self, function: str) -> Number:
        with np.errstate(all="ignore"):
            value = float(getattr(np, function)(self.value))
        return Number(self.sheet, value, function, self.step, self.step)

    __floor__ = partialmethod(_of, "floor")
    __ceil__ = partialmethod(_of, "ceil")
    __trunc__ = partialmethod(_of, "trunc")

    def _array(self) -> Any:
        array = np.empty((), dtype=object)
        array[()] = self
        return array.view(Numbers)


_OF_ARRAYS = frozenset({"reshape", "flatten", "ravel", "tolist", "dot"})


class Numbers(np.ndarray):
    """An array of them that stays one, where an array of floats would."""

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.item()
        np.ndarray.__setitem__(self, index, value)

    def astype(self, dtype: Any, *rest: Any, **more: Any) -> Any:
        """Return a copy, where the type is one of floats; or what another type makes of it."""
        return self.copy() if is_float(dtype) else np.ndarray.astype(self, dtype, *rest, **more)


def is_float(dtype: Any) -> bool:
    """Whether values of a type are floats of some width, or objects."""
    return dtype is float or np.dtype(dtype).kind in "fO"


def numbers(sheet: Sheet, values: Any, first: int) -> Any:
    """Return an array of numbers that were handed over, of these values and in their order."""
    array = np.empty(values.size, dtype=object)
    for place, value in enumerate(values.reshape(-1).tolist()):
        array[place] = Number(sheet, value, GIVEN, first + place, 0)
    return array.reshape(values.shape).view(Numbers)


def step_of(sheet: Sheet, value: Any) -> int | None:
    """Return the step that made a number, or None where it is none."""
    if isinstance(value, Number):
        return value.step
    return sheet.constant(float(value)) if _is_number(value) and math.isfinite(value) else None


def steps_in(sheet: Sheet, value: Any) -> NDArray[Any] | None:
    """Return the steps that made the numbers of a value, or None where some are no numbers."""
    if isinstance(value, np.ndarray) and value.dtype == object and 0 < value.size <= LARGEST:
        array = np.ndarray.view(value, np.ndarray)
    else:
        plain = None if isinstance(value, Number) else read(value)
        array = np.array(value if plain is None else plain, dtype=object)
    steps = [step_of(sheet, one) for one in array.reshape(-1).tolist()]
    known = [one for one in steps if one is not None]
    return np.array(known).reshape(array.shape) if len(known) == len(steps) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, Number | int | float | np.integer | np.floating | np.bool_)


def _divided(one: float, other: float) -> float:
    with np.errstate(all="ignore"):
        return float(np.float64(one) / np.float64(other))


_COMBINED: Sequence[tuple[str, Callable[[float, float], float]]] = (
    ("add", add),
    ("sub", sub),
    ("mul", mul),
    ("truediv", _divided),
)


def _operator(name: str, value: Callable[[float, float], float], turned: bool) -> Any:
    def operate(self: Number, other: Any) -> Any:
        if not _is_number(other):
            return NotImplemented
        theirs = other.step if isinstance(other, Number) else self.sheet.constant(float(other))
        pair = (self.value, self.step), (float(other), theirs)
        (one, left), (two, right) = pair[::-1] if turned else pair
        return Number(self.sheet, value(one, two), name, left, right)

    return operate


def _comparison(compare: Callable[[float, float], bool]) -> Any:
    def operate(self: Number, other: Any) -> Any:
        return compare(self.value, float(other)) if _is_number(other) else NotImplemented

    return operate


for _name, _value in _COMBINED:
    setattr(Number, f"__{_name}__", _operator(_name, _value, turned=False))
    setattr(Number, f"__r{_name}__", _operator(_name, _value, turned=True))
for _compare in (lt, le, gt, ge):
    setattr(Number, f"__{_compare.__name__}__", _comparison(_compare))
