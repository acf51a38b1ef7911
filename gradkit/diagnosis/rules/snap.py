"""Coefficients as somebody would have written them."""

from __future__ import annotations

from itertools import product

from gradkit.records.task import Task

CLOSE = 1e-8
"""Relative; within which a coefficient is one that people write."""

FACTORS = (1.0, 2.0, 0.5, 4.0, 0.25, 3.0)


def is_usual(coefficient: float, task: Task) -> bool:
    """Whether somebody who trains with the task's rates would write this coefficient."""
    size = abs(coefficient)
    return any(
        abs(size - rate * factor) <= CLOSE * size
        for rate in (task.rates.weight, task.rates.bias)
        for factor in FACTORS
    )


def snap(coefficient: float, task: Task) -> float:
    """The nearest product of the task's rates and small factors, or a short decimal.

    A coefficient that is close to neither is returned as it is.
    """
    rates = {task.rates.weight, task.rates.bias}
    scales = {1.0, *rates, *(a * b for a, b in product(rates, rates))}
    rows = len(task.X)
    short = float(f"{coefficient:.6g}")
    if abs(short - coefficient) <= CLOSE * abs(coefficient):
        return short
    for scale, factor, parts in product(scales, FACTORS, (1, rows, task.X.shape[1], 3)):
        candidate = scale * factor / parts
        if abs(candidate - abs(coefficient)) <= CLOSE * candidate:
            return float(candidate if coefficient > 0 else -candidate)
    return float(coefficient)
