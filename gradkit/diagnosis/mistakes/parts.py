"""Divide a product into its parts, and convert factors from and to their written form.

A part can be wrong on its own: the factors of ``y`` and ``ŷ``, the weight that carries the error
back, the factors of a hidden unit's value, and the input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gradkit.diagnosis.rules.symbols import (
    B1,
    PARAMETERS,
    PER_HIDDEN,
    PER_INPUT,
    PER_OUTPUT,
    W1,
    W2,
)
from gradkit.records.rule import Detail, Details, Entry, Factor, Rule

Change = tuple[str, Details]
"""A mistake's code, and what its rewrite needs to know at one entry."""

Index = int | str
"""A number, or the letter of a sum."""


def is_output(factor: Factor) -> bool:
    """Return whether a factor is computed from y or ŷ."""
    return factor.symbol in PER_OUTPUT


def is_weight(factor: Factor) -> bool:
    """Return whether a factor is a parameter's entry."""
    return factor.symbol in PARAMETERS


def is_unit(factor: Factor) -> bool:
    """Return whether a factor is computed from a hidden unit's value.

    In layer 1 this is the derivative, in layer 2 the input.
    """
    return factor.symbol in PER_HIDDEN


def is_input(factor: Factor) -> bool:
    """Return whether a factor is computed from X."""
    return factor.symbol in PER_INPUT


def parse_factors(
    names: Detail, index: tuple[int | str, ...], when: str = ""
) -> tuple[Factor, ...]:
    """Return factors from their written form, e.g. ``("hidden", "hidden_complement^2")``."""
    found = []
    for name in names if isinstance(names, tuple) else (names,):
        symbol, _, power = str(name).partition("^")
        found.append(Factor(symbol, index, when, int(power or 1)))  # type: ignore[arg-type]
    return tuple(found)


def write_factors(factors: tuple[Factor, ...]) -> tuple[str, ...]:
    """Return the written form of factors, without their index."""
    return tuple(f.symbol if f.power == 1 else f"{f.symbol}^{f.power}" for f in factors)


def is_in_hidden_layer(rule: Rule) -> bool:
    """Return whether a rule's entry belongs to layer 1."""
    return rule.parameter in (W1, B1)


def unit_of(rule: Rule) -> int:
    """Return the hidden unit that an entry of layer 1 belongs to, or that W2's entry reads."""
    return rule.index[1] if rule.parameter == W1 else rule.index[0]


def output_index(rule: Rule) -> int | str:
    """Return the index of the rule's output error, or the letter of the sum over outputs."""
    for term in rule.terms:
        for factor in term.factors:
            if is_output(factor):
                return factor.index[0]
    if is_in_hidden_layer(rule):
        weights = (f for term in rule.terms for f in term.factors if f.symbol == W2)
        return next((f.index[1] for f in weights), 0)
    return rule.index[1] if rule.parameter == W2 else rule.index[0]


def _has_symbol(symbol: str) -> Callable[[Factor], bool]:
    """Return a test whether a factor has this symbol."""
    return lambda factor: factor.symbol == symbol


GROUPS: Mapping[str, Callable[[Factor], bool]] = {
    "output": is_output,
    "weight": lambda factor: factor.symbol == W2,
    "unit": is_unit,
    "input": is_input,
    **{symbol: _has_symbol(symbol) for symbol in PER_HIDDEN},
}
"""The parts of a product whose index can be wrong on its own."""


SUMMED: Mapping[str, tuple[str, ...]] = {
    "k": ("output",),
    "j": ("weight", "unit"),
    "i": ("input",),
}
"""The parts of a product whose index becomes the letter in a sum over that letter."""


SUM_MISTAKES = ("bias-sum-axis", "wrong-sum-axis")
"""Mistakes that sum over a wrong axis."""


def swapped_indices(i: int, j: int) -> dict[str, int]:
    """Return the index of each part of an entry of layer 1 after its two indices are swapped."""
    return {"weight": i, "unit": i, "input": j}


def parse_parameter(detail: Detail) -> Factor:
    """Return a parameter's entry from its written form ``("W2", 1, 0, "before")``."""
    if not isinstance(detail, tuple) or len(detail) != 4:
        raise TypeError(
            f"A parameter's entry is written (name, row, column, when), not {detail!r}."
        )
    symbol, i, j, when = detail
    return Factor(str(symbol), (i, j), when)  # type: ignore[arg-type]


def write_parameter(factor: Factor) -> Detail:
    """Return the written form that `parse_parameter` reads."""
    return (factor.symbol, *factor.index, factor.when)


DIFFERENCES: Mapping[str, tuple[str, str]] = {
    "error": ("target", "output"),
    "hidden_complement": ("", "hidden"),
    "output_complement": ("", "output"),
}
"""The two sides of a difference's minus sign: ``y − ŷ``, ``1 − A``, ``1 − ŷ``."""


def target_of(details: Details) -> Entry:
    """Return the entry that a `wrong-target` mistake wrote to."""
    target = dict(details).get("target")
    if not isinstance(target, tuple) or len(target) != 3:
        raise TypeError(f"wrong-target: target is written (name, row, column), not {target!r}.")
    parameter, i, j = target
    return str(parameter), (int(i), int(j))
