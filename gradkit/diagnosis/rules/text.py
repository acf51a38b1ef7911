"""Format rules with the student's names."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from gradkit.diagnosis.rules.symbols import PARAMETERS, PER_HIDDEN, PER_INPUT, PER_OUTPUT
from gradkit.judge.comparison import entry_label
from gradkit.records.rule import Factor, Names, Rule, Term

PRIME = "′"


def format_rule(rule: Rule, names: Names | None = None, *, outputs: int = 1) -> str:
    """Format the right-hand side of a rule, e.g. ``+0.002 · (y−ŷ) · W2′[0] · X[1]``.

    Parameters
    ----------
    rule : Rule
    names : Names, optional
        The student's names; the notebook's by default.
    outputs : int
        Number of outputs of the net. With one, its index is left out.

    Returns
    -------
    str
        Signed terms. A source other than the entry's own old value stands in front after
        ``=``; ``not moved`` where there is no term.
    """
    names = names or Names()
    terms = " ".join(_format_term(term, names, outputs) for term in rule.terms)
    if rule.source == Factor(rule.parameter, rule.index, "before"):
        return terms or "not moved"
    if rule.source is None:
        return f"= {terms or '0'}"
    return f"= {format_factor(rule.source, names, outputs=outputs)} {terms}".rstrip()


def format_entry(parameter: str, index: tuple[int, ...], names: Names, *, outputs: int = 1) -> str:
    """Format an entry as the student indexes it, such as ``W1[0, 2]``; see `entry_label`.

    ``parameter`` is gradkit's name, ``names`` are the student's. With one output (``outputs``), its
    index is left out.
    """
    return entry_label(
        parameter, index, keys=names.keys, transposed=names.transposed, outputs=outputs
    )


def _format_term(term: Term, names: Names, outputs: int) -> str:
    """Format a term with its sign, e.g. ``−2 · Σₖ · (y[k]−ŷ[k]) · W2[0, k]``.

    ``names`` are the student's names of the arrays, and ``outputs`` is the number of outputs of the
    net: the index of an only one is left out.
    """
    letters = sorted({axis for f in term.factors for axis in f.index if isinstance(axis, str)})
    size = f"{abs(term.coefficient):.6g}"
    parts = [] if size == "1" and term.factors else [size]
    parts += ["Σ" + "".join(_SUBSCRIPT[axis] for axis in letters)] if letters else []
    parts += [
        format_factor(factor, names, outputs=outputs) for factor in _merge_complements(term.factors)
    ]
    return ("−" if term.coefficient < 0 else "+") + " · ".join(parts)


_SUBSCRIPT = {"i": "ᵢ", "j": "ⱼ", "k": "ₖ"}
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _merge_complements(factors: tuple[Factor, ...]) -> list[Factor]:
    """Return the factors with each pair ``(1−A)`` and ``(1+A)`` of a unit merged into ``(1−A²)``.

    Only equal powers are merged.
    """
    merged = list(factors)
    for factor in factors:
        twin = replace(factor, symbol="hidden_excess")
        if factor.symbol == "hidden_complement" and twin in merged:
            merged.remove(twin)
            place = merged.index(factor)
            merged[place] = replace(factor, symbol="hidden_square_complement")
    return merged


def format_factor(factor: Factor, names: Names, *, outputs: int = 1) -> str:
    """Format a factor with its index and power, e.g. ``W2′[0]²``.

    ``names`` are the student's names of the arrays. The mark ``′`` is for new values of parameters,
    ``*`` for recomputed values. ``outputs`` is the number of outputs of the net: the index of an
    only one is left out.
    """
    symbol = factor.symbol
    if symbol in PARAMETERS:
        core = format_entry(symbol, factor.index, names, outputs=outputs)  # type: ignore[arg-type]
        if factor.when == "after":
            head, bracket, rest = core.partition("[")
            core = head + PRIME + bracket + rest
        return core + _format_power(factor.power)
    if symbol == "rate":
        return names.rate + _format_power(factor.power)
    if symbol in PER_OUTPUT:
        place = "" if outputs == 1 else f"[{factor.index[0]}]"
        stems = {"y": names.target, "o": names.output}
    else:
        place = f"[{factor.index[0]}]"
        stems = {"a": names.hidden, "x": names.input}
    again = "*" if factor.when == "recomputed" else ""
    filled = _PATTERNS[symbol].format(
        **{k: v + (again if k in "oa" else "") + place for k, v in stems.items()}
    )
    if factor.power != 1 and _PATTERNS[symbol].startswith("act"):
        filled = f"({filled})"
    return filled + _format_power(factor.power)


def _format_power(power: int) -> str:
    """Format an exponent as superscript digits; nothing for 1."""
    return "" if power == 1 else str(power).translate(_SUPERSCRIPT)


_PATTERNS: Mapping[str, str] = {
    "error": "({y}−{o})",
    "target": "{y}",
    "output": "{o}",
    "output_complement": "(1−{o})",
    "output_slope": "act′({o})",
    "input": "{x}",
    "input_complement": "(1−{x})",
    "hidden": "{a}",
    "hidden_complement": "(1−{a})",
    "hidden_excess": "(1+{a})",
    "hidden_square_complement": "(1−{a}²)",
    "hidden_step": "[{a}>0]",
    "hidden_again": "act({a})",
    "hidden_slope": "act′({a})",
    "hidden_derivative": "act′ of {a}",
    "output_derivative": "act′ of {o}",
}
assert set(_PATTERNS) >= {*PER_OUTPUT, *PER_INPUT, *PER_HIDDEN}  # noqa: S101 -- both tables are here
