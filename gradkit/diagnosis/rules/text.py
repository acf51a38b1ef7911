"""Rules in words that the student wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gradkit.diagnosis.rules.symbols import PARAMETERS, PER_HIDDEN, PER_INPUT, PER_OUTPUT
from gradkit.judge.comparison import entry_label
from gradkit.records.rule import Factor, ForwardForm, Names, Rule, Term

PRIME = "′"


def text(
    rule: Rule,
    names: Names | None = None,
    *,
    outputs: int = 1,
    against: Rule | None = None,
    mark: str = "⟨{}⟩",
) -> str:
    """The right-hand side of a rule, e.g. ``+0.002 · (y−ŷ) · W2′[0] · X[1]``.

    Parameters
    ----------
    rule : Rule
    names : Names, optional
        The student's names; the notebook's by default.
    outputs : int
        With one output its index is left out.
    against : Rule, optional
        The right rule: what is not in it is put into ``mark``.
    mark : str
        A format with one place.

    Returns
    -------
    str
        Signed terms. A source other than the entry's own old value stands in front after
        ``=``; ``not moved`` where there is no term.
    """
    names = names or Names()
    doubt = (
        (lambda written, wrong: mark.format(written) if wrong else written) if against else _plain
    )
    right = against or rule
    terms = " ".join(
        _term_text(term, names, outputs, _nearest(term, right), doubt) for term in rule.terms
    )
    own = Factor(rule.parameter, rule.index, "before")
    if rule.source == own:
        return terms or "not moved"
    if rule.source is None:
        return f"= {terms or '0'}"
    source = factor_text(rule.source, names, outputs=outputs)
    return f"= {doubt(source, rule.source != right.source)} {terms}".rstrip()


def _plain(written: str, wrong: bool) -> str:
    return written


def _nearest(term: Term, right: Rule) -> Term:
    """The right term that shares most with this one; the same where there is none."""
    return max(
        right.terms,
        key=lambda other: len(set(other.factors) & set(term.factors)),
        default=term,
    )


def entry_text(parameter: str, index: tuple[int, ...], names: Names, *, outputs: int = 1) -> str:
    """An entry as the student indexes it, see `entry_label`."""
    return entry_label(
        parameter, index, keys=names.keys, transposed=names.transposed, outputs=outputs
    )


def _term_text(
    term: Term, names: Names, outputs: int, right: Term, doubt: Callable[[str, bool], str]
) -> str:
    sign = "−" if term.coefficient < 0 else "+"
    letters = sorted({a for f in term.factors for a in f.index if isinstance(a, str)})
    size = f"{abs(term.coefficient):.6g}"
    off = abs(term.coefficient - right.coefficient) > 1e-8 * abs(right.coefficient)
    parts = [] if size == "1" and term.factors and not off else [doubt(size, off)]
    if letters:
        known = {a for f in right.factors for a in f.index}
        parts.append(
            doubt("Σ" + "".join(_SUBSCRIPT[a] for a in letters), not known >= set(letters))
        )
    expected = _merged(right.factors)
    parts += [
        doubt(factor_text(factor, names, outputs=outputs), factor not in expected)
        for factor in _merged(term.factors)
    ]
    return sign + " · ".join(parts)


_SUBSCRIPT = {"i": "ᵢ", "j": "ⱼ", "k": "ₖ"}
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _merged(factors: tuple[Factor, ...]) -> list[Factor]:
    """``(1−A)(1+A)`` reads as ``(1−A²)``."""
    merged = list(factors)
    for factor in factors:
        twin = Factor("hidden_excess", factor.index, factor.when, factor.power)
        if factor.symbol == "hidden_complement" and twin in merged:
            merged.remove(twin)
            place = merged.index(factor)
            merged[place] = Factor(
                "hidden_square_complement", factor.index, factor.when, factor.power
            )
    return merged


def factor_text(factor: Factor, names: Names, *, outputs: int = 1) -> str:
    """One factor, with its index and power."""
    symbol = factor.symbol
    if symbol in PARAMETERS:
        core = entry_text(symbol, factor.index, names, outputs=outputs)  # type: ignore[arg-type]
        if factor.when == "after":
            head, bracket, rest = core.partition("[")
            core = head + PRIME + bracket + rest
        return core + _power(factor.power)
    if symbol == "rate":
        return names.rate + _power(factor.power)
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
    return filled + _power(factor.power)


def symbol_text(written: str, names: Names | None = None) -> str:
    """A factor without its index, from its written form: ``hidden_complement^2`` is ``(1−A1)²``."""
    symbol, _, power = written.partition("^")
    names = names or Names()
    stems = {"y": names.target, "o": names.output, "a": names.hidden, "x": names.input}
    return _PATTERNS.get(symbol, symbol).format(**stems) + _power(int(power or 1))


def _power(power: int) -> str:
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


def forward_text(form: ForwardForm, names: Names | None = None) -> str:
    """A forward pass as one line per layer, e.g. ``A1 = sigmoid(−(W1ᵀ·X + b1))``."""
    names = names or Names()
    previous, lines = names.input, []
    for place, (number, layer) in enumerate(zip(form.order, form.layers, strict=True), 1):
        weight, bias = (names.keys.get(f"{kind}{number}", f"{kind}{number}") for kind in "Wb")
        turned = "" if layer.transposed == names.transposed else "ᵀ"
        inner = f"{weight}{turned}·{previous}"
        inner += {1: f" + {bias}", 0: "", -1: f" − {bias}"}[layer.bias]
        inner = f"−({inner})" if layer.sign < 0 else inner
        for _ in range(layer.times if layer.activation != "linear" else 0):
            inner = f"{layer.activation}({inner})"
        previous = names.output if place == len(form.order) else f"A{place}"
        lines.append(f"{previous} = {inner}")
    return "\n".join(lines)
