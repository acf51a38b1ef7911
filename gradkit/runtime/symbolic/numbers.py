"""Numbers that know of what they are made: each carries its polynomial in what was handed over.

Arrays of them are arrays of objects, with which numpy computes as with any others. What is no
polynomial, such as an exponential, is an atom of its own; a comparison is one of values, so that
the way that a number takes through the code is the one that it would take. Where a number is
turned into one of C's, its polynomial is gone, and whoever looks at what comes of it must not
trust the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import ge, gt, le, lt
from typing import Any

import numpy as np

from gradkit.runtime.symbolic.polynomials import (
    Monomial,
    Polynomial,
    TooLongError,
    atom,
    constant,
    plus,
    times,
    to_power,
)

POWERS = 6
"""Up to which a power is written out."""

ATOMS = 400
"""What is no polynomial, of one call."""

MADE = 100_000
"""Terms of all numbers that one call makes: it would take much longer than with plain ones."""

DIGITS = 12
"""In which the coefficients of two equal polynomials agree."""

OVER = "over"

FUNCTIONS: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "sin": math.sin,
    "cos": math.cos,
}
"""What an atom may be of a polynomial; besides, it may be 1 ``over`` one."""


class Sheet:
    """The atoms of one call: what was handed over, and what functions made of it."""

    def __init__(self, given: int) -> None:
        self.given, self.terms = given, 0
        self.made: list[tuple[str, Polynomial]] = []
        self._known: dict[tuple[str, frozenset[tuple[Monomial, str]]], int] = {}

    def atom(self, function: str, of: Polynomial) -> Polynomial:
        """Return what a function makes of a polynomial, the same each time."""
        key = function, frozenset((m, f"{c:.{DIGITS}g}") for m, c in of.items())
        if key not in self._known:
            if len(self.made) >= ATOMS:
                raise TooLongError("functions of too many values")
            self._known[key] = self.given + len(self.made)
            self.made.append((function, of))
        return atom(self._known[key])


class Number:
    """A number with its polynomial. It has what a student may use of a numpy scalar."""

    __slots__ = ("polynomial", "sheet", "value")

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

    def __init__(self, sheet: Sheet, value: float, polynomial: Polynomial) -> None:
        self.sheet, self.value, self.polynomial = sheet, value, polynomial
        sheet.terms += 1 + len(polynomial)
        if sheet.terms > MADE:
            raise TooLongError("a call that makes too many numbers")

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

    def __neg__(self) -> Number:
        return Number(self.sheet, -self.value, times(self.polynomial, constant(-1.0)))

    def __pos__(self) -> Number:
        return self

    def __abs__(self) -> Number:
        return self if self.value >= 0 else -self

    def __pow__(self, power: Any) -> Any:
        if not _is_number(power):
            return NotImplemented
        if isinstance(power, Number):
            return (self.log() * power).exp()
        value = float(np.power(self.value, float(power)))
        if float(power).is_integer() and abs(power) <= POWERS:
            whole = to_power(self.polynomial, abs(int(power)))
            return self._with(value, whole if power >= 0 else _over(self.sheet, whole))
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

    def square(self) -> Number:
        """Return the square."""
        return self._with(self.value**2, times(self.polynomial, self.polynomial))

    def reciprocal(self) -> Number:
        """Return 1 over it."""
        return self._with(_divided(1.0, self.value), _over(self.sheet, self.polynomial))

    def expm1(self) -> Any:
        """Return its exponential less 1."""
        return self._of("exp") - 1.0

    def log1p(self) -> Any:
        """Return the logarithm of what is 1 more."""
        return (self + 1.0)._of("log")

    def _of(self, function: str) -> Number:
        with np.errstate(all="ignore"):
            value = float(getattr(np, function)(self.value))
        return self._with(value, self.sheet.atom(function, self.polynomial))

    def _with(self, value: float, polynomial: Polynomial) -> Number:
        return Number(self.sheet, value, polynomial)

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
    """Return an array of numbers that are atoms, of these values and in their order."""
    array = np.empty(values.size, dtype=object)
    for place, value in enumerate(values.reshape(-1).tolist()):
        array[place] = Number(sheet, value, atom(first + place))
    return array.reshape(values.shape).view(Numbers)


def polynomial_of(value: Any) -> Polynomial | None:
    """Return the polynomial of a number, or None where it is none."""
    if isinstance(value, Number):
        return value.polynomial
    return constant(float(value)) if _is_number(value) and math.isfinite(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, Number | int | float | np.integer | np.floating | np.bool_)


def _divided(one: float, other: float) -> float:
    with np.errstate(all="ignore"):
        return float(np.float64(one) / np.float64(other))


def _over(sheet: Sheet, polynomial: Polynomial) -> Polynomial:
    if not polynomial:
        return {}
    return to_power(polynomial, -1) if len(polynomial) == 1 else sheet.atom(OVER, polynomial)


Combine = Callable[[Sheet, Polynomial, Polynomial], Polynomial]

_COMBINED: Sequence[tuple[str, Callable[[float, float], float], Combine]] = (
    ("add", lambda a, b: a + b, lambda _, p, q: plus(p, q)),
    ("sub", lambda a, b: a - b, lambda _, p, q: plus(p, q, -1.0)),
    ("mul", lambda a, b: a * b, lambda _, p, q: times(p, q)),
    ("truediv", _divided, lambda sheet, p, q: times(p, _over(sheet, q))),
)


def _operator(value: Callable[[float, float], float], combine: Combine, turned: bool) -> Any:
    def operate(self: Number, other: Any) -> Any:
        if not _is_number(other):
            return NotImplemented
        theirs = other.polynomial if isinstance(other, Number) else constant(float(other))
        pair, values = (self.polynomial, theirs), (self.value, float(other))
        if turned:
            pair, values = pair[::-1], values[::-1]
        return Number(self.sheet, value(*values), combine(self.sheet, *pair))

    return operate


def _comparison(compare: Callable[[float, float], bool]) -> Any:
    def operate(self: Number, other: Any) -> Any:
        return compare(self.value, float(other)) if _is_number(other) else NotImplemented

    return operate


for _name, _value, _combine in _COMBINED:
    setattr(Number, f"__{_name}__", _operator(_value, _combine, turned=False))
    setattr(Number, f"__r{_name}__", _operator(_value, _combine, turned=True))
for _compare in (lt, le, gt, ge):
    setattr(Number, f"__{_compare.__name__}__", _comparison(_compare))
