"""A product taken apart: which part of it a factor belongs to, and how factors are written.

The parts are what can go wrong on its own: what is made of ``y`` and ``ŷ``, the weight that
carries the error back, what is made of a hidden unit's value, and the input.
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
"""A place, or the letter of a sum."""


def is_output(factor: Factor) -> bool:
    """Made of y and ŷ."""
    return factor.symbol in PER_OUTPUT


def is_weight(factor: Factor) -> bool:
    """An entry of a parameter."""
    return factor.symbol in PARAMETERS


def is_unit(factor: Factor) -> bool:
    """Made of a hidden unit's value: a derivative in layer 1, the input in layer 2."""
    return factor.symbol in PER_HIDDEN


def is_input(factor: Factor) -> bool:
    """Made of X."""
    return factor.symbol in PER_INPUT


def factors_of(names: Detail, index: tuple[int | str, ...], when: str = "") -> tuple[Factor, ...]:
    """Factors from their written form, e.g. ``("hidden", "hidden_complement^2")``."""
    found = []
    for name in names if isinstance(names, tuple) else (names,):
        symbol, _, power = str(name).partition("^")
        found.append(Factor(symbol, index, when, int(power or 1)))  # type: ignore[arg-type]
    return tuple(found)


def names_of(factors: tuple[Factor, ...]) -> tuple[str, ...]:
    """The written form of factors, without their index."""
    return tuple(f.symbol if f.power == 1 else f"{f.symbol}^{f.power}" for f in factors)


def hidden_layer(rule: Rule) -> bool:
    """Whether the entry belongs to layer 1."""
    return rule.parameter in (W1, B1)


def unit_of(rule: Rule) -> int:
    """The hidden unit that an entry of layer 1 belongs to, or that W2's entry reads."""
    return rule.index[1] if rule.parameter == W1 else rule.index[0]


def output_index(rule: Rule) -> int | str:
    """The output, or the letter of the sum over outputs, that the rule's error carries."""
    for term in rule.terms:
        for factor in term.factors:
            if is_output(factor):
                return factor.index[0]
    if hidden_layer(rule):
        weights = (f for term in rule.terms for f in term.factors if f.symbol == W2)
        return next((f.index[1] for f in weights), 0)
    return rule.index[1] if rule.parameter == W2 else rule.index[0]


def _of_symbol(symbol: str) -> Callable[[Factor], bool]:
    return lambda factor: factor.symbol == symbol


GROUPS: Mapping[str, Callable[[Factor], bool]] = {
    "output": is_output,
    "weight": lambda factor: factor.symbol == W2,
    "unit": is_unit,
    "input": is_input,
    **{symbol: _of_symbol(symbol) for symbol in PER_HIDDEN},
}
"""The parts of a product whose index can be wrong on its own."""


SUMMED: Mapping[str, tuple[str, ...]] = {
    "k": ("output",),
    "j": ("weight", "unit"),
    "i": ("input",),
}
"""The parts that run along a sum over a letter."""


OF_A_SUM = ("bias-sum-axis", "wrong-sum-axis")
"""Mistakes by which a part runs along a sum."""


def exchanged(i: int, j: int) -> dict[str, int]:
    """Where the parts of an entry of layer 1 are with its two indices exchanged."""
    return {"weight": i, "unit": i, "input": j}


def parameter_factor(detail: Detail) -> Factor:
    """A parameter's entry from its written form ``("W2", 1, 0, "before")``."""
    if not isinstance(detail, tuple) or len(detail) != 4:
        raise TypeError(
            f"A parameter's entry is written (name, row, column, when), not {detail!r}."
        )
    symbol, i, j, when = detail
    return Factor(str(symbol), (i, j), when)  # type: ignore[arg-type]


def parameter_detail(factor: Factor) -> Detail:
    """The written form that `parameter_factor` reads."""
    return (factor.symbol, *factor.index, factor.when)


PARTS: Mapping[str, tuple[str, str]] = {
    "error": ("target", "output"),
    "hidden_complement": ("", "hidden"),
    "output_complement": ("", "output"),
}
"""What stands before and behind the minus sign: ``y − ŷ``, ``1 − A``, ``1 − ŷ``."""


def target_of(details: Details) -> Entry:
    """The entry that a `wrong-target` slip wrote to."""
    target = dict(details).get("target")
    if not isinstance(target, tuple) or len(target) != 3:
        raise TypeError(f"wrong-target: target is written (name, row, column), not {target!r}.")
    parameter, i, j = target
    return str(parameter), (int(i), int(j))
