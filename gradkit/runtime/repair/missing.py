"""Changes that put in what an expression lacks: a factor, a term, a power, a function."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradkit.edits.costs import BRACKETS, LARGE, LARGER
from gradkit.edits.nodes import new, with_parts
from gradkit.edits.rows import WRAPPED
from gradkit.runtime.repair.scope import AT_ONCE, FEW, RATES, WHOLE, Scope, is_array, is_numeric
from gradkit.runtime.repair.spots import Spot
from gradkit.runtime.repair.tree import (
    SUMS,
    Change,
    adds,
    binary,
    called_with,
    expression,
    product_of,
    renamed,
)
from gradkit.runtime.syntax import names_in


@dataclass(frozen=True, slots=True)
class _Operands:
    """What may be a factor or a term of an expression, by its text.

    ``names`` hold arrays that fit its shape, ``same`` those of just that shape, ``counts`` whole
    numbers, ``rates`` others.
    """

    names: Sequence[str]
    same: Sequence[str]
    counts: Sequence[str]
    rates: Sequence[str]


def _fitting_operands(spot: Spot) -> _Operands:
    """Return the names that may be a factor or a term of an expression."""
    value, scope = spot.value, spot.scope
    # A single number that is not whole may lack an array.
    alone = spot.whole and not is_array(value) and not isinstance(value, WHOLE)
    names = scope.fitting(np.shape(value)) if is_array(value) else scope.arrays[: FEW * alone]
    return _Operands(
        names,
        [name for name in names if scope.values[name].shape == np.shape(value)],
        scope.numbers_that(count=True)[:FEW],
        [] if spot.indexes else scope.numbers_that(count=False)[: FEW // 2],
    )


def missing_parts(spot: Spot) -> Iterator[Change]:
    """Yield the expression with a factor, a divisor or a term that it lacks."""
    if not is_numeric(spot.value):
        return
    fitting = _fitting_operands(spot)
    yield from _missing_terms(spot, fitting)
    if spot.whole:
        yield from _missing_factors(spot, fitting)
        yield from _missing_products(spot, fitting)


def _missing_terms(spot: Spot, fitting: _Operands) -> Iterator[Change]:
    """Yield the expression with a name, or a term like one of its own, added to it."""
    node, value, scope = spot.node, spot.value, spot.scope
    if isinstance(node, ast.Constant) and value == 1:
        for name in (*scope.arrays[:FEW], *scope.numbers_that(count=False)[:RATES]):
            yield Change("missing-term", binary(node, ast.Sub, expression(name)), LARGER)
    if is_array(value) and value.dtype.kind == "i":
        # An array of whole numbers may be an index.
        for name in scope.arrays:
            if scope.values[name].ndim == 1 and not names_in(node) & {name}:
                entry = new(ast.Subscript, expression(name), node, ast.Load())
                yield Change("wrong-element", entry, LARGER)
    # A whole number is a term of what it counts.
    counted = fitting.counts if isinstance(value, WHOLE) else fitting.rates
    terms = (*(fitting.names if spot.whole else fitting.same), *counted)
    # A term within a product needs brackets, so it costs more than a factor.
    cost = LARGER if spot.whole else LARGE + BRACKETS
    for name, operator in itertools.product((*terms, "1"), SUMS):
        yield Change("missing-term", binary(node, operator, expression(name)), cost)
    if adds(node):
        # A term of W1 and one of W2 may lack one of W3.
        last: Any = node.right  # type: ignore[attr-defined]
        here, there = ([*map(ast.unparse, ast.walk(part))] for part in (node, last))
        own = [name for name in scope.arrays if name in there]
        rows = [_twins(name, here, scope) for name in own]
        for some in itertools.islice(itertools.product(*rows), AT_ONCE):
            term = renamed(last, dict(zip(own, map(expression, some), strict=True)))
            yield Change("missing-term", binary(node, ast.Add, term), LARGER)
    if not isinstance(value, WHOLE):
        yield Change("missing-term", binary(expression("1"), ast.Sub, node), cost)


def _missing_factors(spot: Spot, fitting: _Operands) -> Iterator[Change]:
    """Yield the expression multiplied by, or divided by, a name, a constant or a slope."""
    node, names, counts, rates = spot.node, fitting.names, fitting.counts, fitting.rates
    # A whole number counts something: it is not divided.
    parts = (ast.Mult,) if isinstance(spot.value, WHOLE) else (ast.Mult, ast.Div)
    twice = [f"(2 * {name})" for name in rates]
    ratios = [f"{each:.6g}" for each in spot.scope.ratios] if not spot.indexes else []
    factors = (*names, *rates, *counts, "2", "0.5", *ratios, *twice)
    for factor, each in itertools.product(factors, parts):
        yield Change("missing-factor", binary(node, each, expression(factor)), LARGER)
    slopes = [
        slope
        for name in fitting.same
        for slope in (f"1 - {name} ** 2", f"{name} * (1 - {name})", f"{name} > 0", f"1 - {name}")
    ]
    for kind, several in (
        ("missing-slope", slopes),
        ("missing-factor", [f"1 / {name} ** 2" for name in names]),
        ("missing-factor", [rest for n in rates for rest in (f"1 - {n}", f"{n} - 1")]),
        ("missing-factor", [f"{rate} / {count}" for rate in rates for count in counts]),
    ):
        for factor in several:
            yield Change(kind, binary(node, ast.Mult, expression(factor)), LARGE)


def _missing_products(spot: Spot, fitting: _Operands) -> Iterator[Change]:
    """Yield the expression plus, or minus, a product such as that of a rate and an array."""
    rates, counts = fitting.rates, fitting.counts
    for name in fitting.same:
        products = [p for r in rates for p in (f"{r} * {name}", f"2 * {r} * {name}")]
        halves = [f"{rate} * {name} / 2" for rate in rates]
        parts_of = [f"{r} * {name} / {n}" for r in rates[:RATES] for n in counts[:RATES]]
        shares = [f"{name} / {count}" for count in counts]
        for term, operator in itertools.product((*products, *halves, *shares, *parts_of), SUMS):
            yield Change("missing-term", binary(spot.node, operator, expression(term)), LARGE)


def _twins(name: str, here: Collection[str], scope: Scope) -> list[str]:
    """Return what is written as a name but at its end, or is of its shape, and is not ``here``."""
    stem, shape = name[:-1], scope.values[name].shape
    alike = (n for n in scope.arrays if scope.values[n].shape == shape or n[:-1] == stem != "")
    return sorted((n for n in alike if n not in here), key=lambda n: n[0] != name[0])


def products_for_quotients(spot: Spot) -> Iterator[Change]:
    """Yield a product with a name in the place of what something is divided by."""
    node, scope = spot.node, spot.scope
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        names = (*scope.numbers_that(count=False)[: FEW // 2], *scope.arrays[:FEW])
        for own in (node.left, *([whole.left] if (whole := product_of(node.left)) else ())):
            for name in names:
                product = binary(own, ast.Mult, expression(name))
                yield Change("wrong-expression", product, LARGE)


def applied_functions(spot: Spot) -> Iterator[Change]:
    """Yield the expression with a power or a function that it lacks."""
    node, library = spot.node, spot.scope.library
    if not is_numeric(spot.value) or isinstance(node, ast.Constant) or spot.indexes:
        return
    # A rate that is taken so many times is its power.
    counted = spot.scope.counts[:RATES] if isinstance(spot.value, float) else []
    for power in ("2", "0.5", "-1", "-0.5", *counted):
        yield Change("wrong-power", binary(node, ast.Pow, expression(power)), LARGER)
    known = [f"{library}.{name}" for name in WRAPPED[: None if library == "np" else 4]]
    for name in (*spot.scope.helpers, *known):
        yield Change("missing-function", called_with(f"{name}(x)", node), LARGER)
    if library != "np":
        return
    zero = expression("0")
    for name in ("maximum", "minimum"):
        call = new(ast.Call, expression(f"np.{name}"), [zero, node], [])
        yield Change("missing-function", call, LARGER)
    if np.ndim(spot.value):
        for text in ("", ", axis=0, keepdims=True", ", axis=1, keepdims=True"):
            largest, total = (called_with(f"np.{name}(x{text})", node) for name in ("max", "sum"))
            yield Change("missing-shift", binary(node, ast.Sub, largest), LARGE)
            yield Change("missing-factor", binary(node, ast.Div, total), LARGE)
        of = ("axis=0, keepdims=True", "axis=0", "axis=1, keepdims=True", "axis=1")
        for name, text in itertools.product(("sum", "mean"), of):
            yield Change("missing-function", called_with(f"np.{name}(x, {text})", node), LARGE)
        windows = [(-1,), (-2, -1), (0, -2, -1)] if np.ndim(spot.value) > 2 else []
        for name in spot.scope.counts[:RATES] if windows else ():
            for before in (":, :, ", ":, "):
                steps = expression(f"x[{before}::{name}, ::{name}]")
                yield Change("wrong-element", with_parts(steps, value=node), LARGE)
        kept_or_not = ("", ", keepdims=True")
        for axes, name, kept in itertools.product(windows, ("sum", "max", "mean"), kept_or_not):
            call = called_with(f"np.{name}(x, axis={axes}{kept})", node)
            yield Change("missing-function", call, LARGE)
