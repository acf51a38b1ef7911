"""Numbers that record the operations that produced them, from the arguments of a call on.

A number has a value and a step. A step is an operation, the steps of its operands, and its place in
the student's text. Arrays of such numbers are numpy arrays of objects. Comparisons use the values,
so that the code takes the same branches as with plain numbers. A number that is converted to a C
number becomes a constant, and the recorded operations no longer describe results that depend on it.
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

from gradkit.runtime.symbolic.values import MAX_ARRAY_SIZE, Carrier, read

POWERS = 6
"""Largest absolute integer exponent that is recorded as a power, and not as exp and log."""

MAX_STEPS = 30_000
"""Most steps of one call, which takes much longer than with plain numbers."""

FUNCTIONS = ("exp", "log", "sqrt", "tanh", "sin", "cos", "rint", "floor", "ceil", "trunc", "sign")
"""Names of recorded numpy functions of one number."""

GIVEN, CONSTANT = "given", "constant"
OPERATIONS = (GIVEN, CONSTANT, "add", "sub", "mul", "truediv", "power", "absolute", *FUNCTIONS)
"""Operations of a step: an atom (a number that was passed to the call), a constant, or an operation
with one or two operands."""

Stack = tuple[tuple[CodeType, int], ...]
"""The student's code being executed, innermost first: a code object, and the offset of an
instruction in it."""


class TooLongError(ArithmeticError):
    """A call makes more than `MAX_STEPS` steps."""


class Sheet:
    """The recorded steps of one call.

    Parameters
    ----------
    cells : frozenset of str
        File names of code whose places are recorded.

    Attributes
    ----------
    steps : list of (operation, int, int, int)
        The operation of each step, the numbers of the steps of its two operands, and the number of
        a stack. For an atom or a constant, the first int is the number of that.
    constants : dict of float to int
        The step of each constant.
    stacks : dict of Stack to int
        The number of each stack.
    """

    def __init__(self, cells: frozenset[str] = frozenset()) -> None:
        """Start without any recorded steps."""
        self.steps: list[tuple[str, int, int, int]] = []
        self.constants: dict[float, int] = {}
        self.stacks: dict[Stack, int] = {}
        self._cells = cells

    def step(self, operation: str, first: int, second: int) -> int:
        """Record a step at the current place in the code, and return its number.

        ``operation`` is one of `OPERATIONS`, and ``first`` and ``second`` are the steps of its
        operands. For a constant or an atom, a number that was passed to the call, ``first`` is the
        number of that.

        Raises
        ------
        TooLongError
            There are too many steps.
        """
        if len(self.steps) >= MAX_STEPS:
            raise TooLongError("a call that makes too many numbers")
        stack, frame = [], sys._getframe(1)
        while frame is not None and self._cells:
            if frame.f_code.co_filename in self._cells:
                stack.append((frame.f_code, frame.f_lasti))
            frame = frame.f_back  # type: ignore[assignment]
        where = self.stacks.setdefault(tuple(stack), len(self.stacks))
        self.steps.append((operation, first, second, where))
        return len(self.steps) - 1

    def constant(self, number: float) -> int:
        """Return the number of the step for a constant, which is recorded if it is new."""
        if number not in self.constants:
            self.constants[number] = self.step(CONSTANT, len(self.constants), 0)
        return self.constants[number]


class Number(Carrier):
    """A number that records its operations, with the methods of a numpy scalar that students use.

    Parameters
    ----------
    sheet : Sheet
        Gets a new step for the number.
    value : float
    *made : str, int, int
        The arguments of `Sheet.step`.
    """

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
        """Return a power, recorded as power, sqrt, or exp and log, depending on the exponent."""
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
        return self._as_array()[index]

    def __getattr__(self, name: str) -> Any:
        """Return the numpy function ``name`` as a method of this number, or a method of 0-d arrays.

        A function must be listed in `FUNCTIONS`, as ``exp``. AttributeError is raised for other
        names.
        """
        if name in FUNCTIONS:
            return lambda: self._apply_function(name)
        if name in _ARRAY_METHODS:
            return getattr(self._as_array(), name)
        raise AttributeError(name)

    @property
    def T(self) -> Number:  # noqa: N802  (numpy's name)
        """The number itself."""
        return self

    def item(self) -> Number:
        """Return the number itself."""
        return self

    copy = sum = mean = squeeze = conjugate = __deepcopy__ = lambda self, *_, **__: self

    def astype(self, dtype: Any, *_: Any, **__: Any) -> Any:
        """Return the number itself for a float type, or else its value as a scalar of the type."""
        return self if is_float(dtype) else np.float64(self.value).astype(dtype)

    def square(self) -> Any:
        """Return the number times itself."""
        return self * self

    def reciprocal(self) -> Any:
        """Return 1 divided by the number."""
        return 1.0 / self

    def expm1(self) -> Any:
        """Return the exponential of the number minus 1."""
        return self._apply_function("exp") - 1.0

    def log1p(self) -> Any:
        """Return the logarithm of the number plus 1."""
        return (self + 1.0)._apply_function("log")

    def _apply_function(self, function: str) -> Number:
        """Apply the named function of `FUNCTIONS`, record the step, and return the result."""
        with np.errstate(all="ignore"):
            value = float(getattr(np, function)(self.value))
        return Number(self.sheet, value, function, self.step, self.step)

    __floor__ = partialmethod(_apply_function, "floor")
    __ceil__ = partialmethod(_apply_function, "ceil")
    __trunc__ = partialmethod(_apply_function, "trunc")

    def _as_array(self) -> Any:
        """Return a 0-dimensional array that contains the number."""
        array = np.empty((), dtype=object)
        array[()] = self
        return array.view(Numbers)


_ARRAY_METHODS = frozenset({"reshape", "flatten", "ravel", "tolist", "dot"})


class Numbers(np.ndarray):
    """An array of recording numbers, which behaves like an array of floats."""

    def __setitem__(self, index: Any, value: Any) -> None:
        """Set entries; an array of size 1 is set as its only item."""
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.item()
        np.ndarray.__setitem__(self, index, value)

    def astype(self, dtype: Any, *rest: Any, **more: Any) -> Any:
        """Return a copy with the same numbers for a float type, or else a converted array."""
        return self.copy() if is_float(dtype) else np.ndarray.astype(self, dtype, *rest, **more)


def is_float(dtype: Any) -> bool:
    """Return whether a dtype is a float of any width, or object."""
    return dtype is float or np.dtype(dtype).kind in "fO"


def numbers(sheet: Sheet, values: Any, first: int) -> Any:
    """Return an array of recording numbers with given values, which stand for inputs of a call.

    A step is recorded in ``sheet`` for each entry. The entries are numbered in C order, from
    ``first``.
    """
    array = np.empty(values.size, dtype=object)
    for place, value in enumerate(values.reshape(-1).tolist()):
        array[place] = Number(sheet, value, GIVEN, first + place, 0)
    return array.reshape(values.shape).view(Numbers)


def step_of(sheet: Sheet, value: Any) -> int | None:
    """Return the number of the recorded step that made a recording number.

    For a plain finite number, that of a constant is returned, which is recorded in ``sheet`` if it
    is new; None for all other values.
    """
    if isinstance(value, Number):
        return value.step
    return sheet.constant(float(value)) if _is_number(value) and math.isfinite(value) else None


def steps_in(sheet: Sheet, value: Any) -> NDArray[Any] | None:
    """Return the numbers of the recorded steps that made the entries of a value, in its shape.

    The value is an array, a table or a number; plain numbers become constants in ``sheet``. None is
    returned if some entries are no numbers.
    """
    if isinstance(value, np.ndarray) and value.dtype == object and 0 < value.size <= MAX_ARRAY_SIZE:
        array = np.ndarray.view(value, np.ndarray)
    else:
        plain = None if isinstance(value, Number) else read(value)
        array = np.array(value if plain is None else plain, dtype=object)
    steps = [step_of(sheet, item) for item in array.reshape(-1).tolist()]
    known = [step for step in steps if step is not None]
    return np.array(known).reshape(array.shape) if len(known) == len(steps) else None


def _is_number(value: Any) -> bool:
    """Return whether a value is a recording number or a plain real number."""
    return isinstance(value, Number | int | float | np.integer | np.floating | np.bool_)


def _divide(first: float, second: float) -> float:
    """Return the quotient of two numbers as numpy does: infinite or NaN for a zero divisor."""
    with np.errstate(all="ignore"):
        return float(np.float64(first) / np.float64(second))


_BINARY_OPERATIONS: Sequence[tuple[str, Callable[[float, float], float]]] = (
    ("add", add),
    ("sub", sub),
    ("mul", mul),
    ("truediv", _divide),
)


def _make_operator(name: str, value: Callable[[float, float], float], reflected: bool) -> Any:
    """Return a binary method of `Number` that computes a value and records an operation.

    ``name`` is the operation, as in `OPERATIONS`, and ``value`` computes the result from two
    floats. A ``reflected`` method, such as ``__radd__``, takes its operands in reverse order.
    """

    def operate(self: Number, other: Any) -> Any:
        """Return the result for this number and another, recorded as a new step."""
        if not _is_number(other):
            return NotImplemented
        step = other.step if isinstance(other, Number) else self.sheet.constant(float(other))
        pair = (self.value, self.step), (float(other), step)
        (left, left_step), (right, right_step) = pair[::-1] if reflected else pair
        return Number(self.sheet, value(left, right), name, left_step, right_step)

    return operate


def _make_comparison(compare: Callable[[float, float], bool]) -> Any:
    """Return a comparison method of `Number` that applies ``compare`` and records nothing."""

    def operate(self: Number, other: Any) -> Any:
        return compare(self.value, float(other)) if _is_number(other) else NotImplemented

    return operate


for _name, _value in _BINARY_OPERATIONS:
    setattr(Number, f"__{_name}__", _make_operator(_name, _value, reflected=False))
    setattr(Number, f"__r{_name}__", _make_operator(_name, _value, reflected=True))
for _compare in (lt, le, gt, ge):
    setattr(Number, f"__{_compare.__name__}__", _make_comparison(_compare))
