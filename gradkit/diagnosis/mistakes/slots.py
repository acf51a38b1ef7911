"""Compare two products part by part, and list the mistakes in each part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec.structs import replace

from gradkit.diagnosis.mistakes.parts import (
    SUMMED,
    Change,
    Index,
    is_in_hidden_layer,
    is_input,
    is_output,
    is_unit,
    is_weight,
    swapped_indices,
    unit_of,
    write_factors,
    write_parameter,
)
from gradkit.diagnosis.rules.symbols import B2, W1, W2, combine_factors
from gradkit.records.rule import Details, Factor, Rule


def repeat_factors(factors: tuple[Factor, ...]) -> Iterator[Factor]:
    """Yield each factor as often as its power says, to the power 1 or −1."""
    for factor in factors:
        yield from [replace(factor, power=1 if factor.power > 0 else -1)] * abs(factor.power)


def replacements(
    should: Rule, factors: tuple[Factor, ...]
) -> Iterator[tuple[tuple[Factor, ...], tuple[Change, ...]]]:
    """Yield the factors as they are, and with a misplaced part replaced by the correct one.

    With each come the mistakes that the replacement assumes.
    """
    yield factors, ()
    if should.parameter in (W1, W2):
        yield from _replace_input(should, factors)
    derivative = [f for f in should.terms[0].factors if is_unit(f)]
    if is_in_hidden_layer(should) and derivative:
        yield from _replace_derivative(should, factors, derivative)


def _replace_input(
    should: Rule, factors: tuple[Factor, ...]
) -> Iterator[tuple[tuple[Factor, ...], tuple[Change, ...]]]:
    """Yield replacements of another layer's input, or of the layer's own output, by the input."""
    first = should.parameter == W1
    wanted, instead = ("input", "hidden") if first else ("hidden", "input")
    symbols = {factor.symbol for factor in factors}
    if any(is_input(f) for f in factors) if first else wanted in symbols:
        return
    own = "error" in symbols and "output_complement" not in symbols
    for symbol, of in ((instead, ()), *([("output", (("of", "output"),))] if own else [])):
        for factor in factors:
            if factor.symbol != symbol or factor.power < 1:
                continue
            change = ("wrong-layer-input", (("index", factor.index[0]), *of))
            rest = (*factors, replace(factor, power=-1))
            for place in dict.fromkeys(should.index if first else should.index[:1]):
                yield combine_factors((*rest, Factor(wanted, (place,)))), (change,)


def _replace_derivative(
    should: Rule, factors: tuple[Factor, ...], derivative: list[Factor]
) -> Iterator[tuple[tuple[Factor, ...], tuple[Change, ...]]]:
    """Yield replacements of a derivative in X or ŷ by the derivative of the hidden unit."""
    if any(is_unit(f) for f in factors):
        return
    weights = [f.index[0] for f in factors if f.symbol == W2]
    place = weights[0] if weights else unit_of(should)
    restored = tuple(replace(f, index=(place,)) for f in derivative)
    for complement, symbol, of in (
        ("input_complement", "input", "input"),
        ("output_complement", "output", "output"),
    ):
        for factor in factors:
            if factor.symbol != complement or factor.power != 1:
                continue
            replaced = (replace(factor, power=-1), Factor(symbol, factor.index, factor.when, -1))
            facts: Details = (("of", of),)
            facts += (("index", factor.index[0]),) if of == "input" else ()
            left = combine_factors((*factors, *replaced, *restored))
            if all(f.power > 0 or not is_input(f) for f in left):
                yield left, (("wrong-derivative-argument", facts),)


def part_mistakes(should: Rule, factors: tuple[Factor, ...]) -> list[list[Change]]:
    """Return the mistakes in each part of a product, once for each reading of its indices.

    ``should`` is the correct rule. Empty if a part is not recognised.
    """
    right = should.terms[0].factors
    places: dict[str, Index] = {}
    changes: list[Change] = []
    for part in (
        _output_part(right, factors, places),
        _weight_part(right, factors, places),
        _unit_part(should, right, factors, places),
        _input_part(should, factors, places),
        _rate_part(right, factors),
    ):
        if part is None:
            return []
        changes += part
    return [[*changes, *indices] for indices in _index_changes(should, right, places)]


def _output_part(
    right: tuple[Factor, ...], factors: tuple[Factor, ...], places: dict[str, Index]
) -> list[Change] | None:
    """Return the mistakes in the factors of y and ŷ, None if not recognised; store their index."""
    correct, applied = ([f for f in part if is_output(f)] for part in (right, factors))
    indices = {f.index for f in applied}
    if len(indices) > 1:
        return None
    if indices:
        places["output"] = next(iter(indices))[0]
    gap = Counter({f.symbol: f.power for f in applied})
    gap.subtract({f.symbol: f.power for f in correct})
    gaps = {symbol: power for symbol, power in gap.items() if power}
    about_error = {s: p for s, p in gaps.items() if s in ("error", "target")}
    rest = {s: p for s, p in gaps.items() if s not in about_error}
    changes: list[Change] = []
    if about_error == {"error": 1}:
        changes.append(("squared-error", ()))
    elif about_error == {"error": -1, "target": 1}:
        # y − ŷ is y(1−ŷ) − (1−y)ŷ; cross-entropy without its second term leaves y(1−ŷ).
        half = rest == {"output_complement": 1}
        rest = {} if half else rest
        names = ("target", "output_complement") if half else ("target",)
        changes.append(("wrong-error", (("factors", names),)))
    elif about_error == {"error": -1}:
        if rest.get("output") == 1 and "output_complement" not in rest:
            changes.append(("wrong-error", (("factors", ("output",)),)))
            del rest["output"]
        else:
            changes.append(("missing-error", ()))
    elif about_error:
        return None
    if not rest:
        return changes
    if rest in ({"output": -1, "output_complement": -1}, {"output_derivative": -1}):
        return [*changes, ("missing-output-derivative", ())]
    if all(power > 0 for power in rest.values()):
        extra = tuple(s if p == 1 else f"{s}^{p}" for s, p in sorted(rest.items()))
        details: Details = () if extra == ("output", "output_complement") else (("factors", extra),)
        return [*changes, ("extra-output-derivative", details)]
    return None


def _weight_part(
    right: tuple[Factor, ...], factors: tuple[Factor, ...], places: dict[str, Index]
) -> list[Change] | None:
    """Return the mistakes in the weight factors, None if not recognised; store their index."""
    correct, applied = ([f for f in part if is_weight(f)] for part in (right, factors))
    if any(f.power < 1 for f in applied):
        return None
    changes: list[Change] = []
    if correct:
        used = next((f for f in applied if f.symbol == W2), None)
        if not applied:
            return [("missing-weight", ())]
        if used is None:
            first = applied.pop(0)
            if first.power != 1 or any(isinstance(axis, str) for axis in first.index):
                return None
            changes.append(("wrong-weight", (("weight", write_parameter(first)),)))
        else:
            applied = _remove_once(used, applied)
            places["weight"] = used.index[0]
            places["column"] = used.index[1]
            if used.when == "after":
                changes.append(("updated-before-use", ()))
    return [*changes, *(_extra_factor(factor) for factor in applied)]


def _remove_once(used: Factor, factors: list[Factor]) -> list[Factor]:
    """Return the factors with one less of ``used``."""
    return [*combine_factors((*factors, replace(used, power=-1)))]


def _extra_factor(factor: Factor) -> Change:
    """Return the mistake of an additional factor."""
    details: Details = (("factors", write_factors((factor,))), ("index", factor.index))
    return "extra-factor", (*details, ("when", factor.when)) if factor.when else details


DERIVATIVE_LIKE = ("hidden_complement", "hidden_excess", "hidden_slope", "hidden_derivative")


def _unit_part(
    should: Rule,
    right: tuple[Factor, ...],
    factors: tuple[Factor, ...],
    places: dict[str, Index],
) -> list[Change] | None:
    """Return the mistakes in the factors of hidden units, None if not recognised; store indices."""
    correct, applied = ([f for f in part if is_unit(f)] for part in (right, factors))
    indices = {f.index[0] for f in applied}
    if any(f.power < 1 for f in applied):
        return None
    if should.parameter == W2:
        return _output_weight_part(should, applied, places)
    if len(indices) > 1:
        return _mixed_units(correct, applied, places)
    names = tuple(sorted(write_factors(tuple(applied))))
    if names == tuple(sorted(write_factors(tuple(correct)))):
        if indices:
            places["unit"] = next(iter(indices))
        return []
    if not applied:
        return [("missing-activation-derivative", ())]
    place = next(iter(indices))
    if should.parameter == B2:
        if names == ("hidden",):
            return [("bias-times-input", (("factors", names), ("index", place)))]
        return [_extra_unit_factor(names, place)]
    if not correct:
        return [_extra_unit_factor(names, place)]
    places["unit"] = place
    if Counter(repeat_factors(tuple(applied))) == Counter(
        replace(f, index=(place,)) for f in repeat_factors(tuple(correct)) for _ in range(2)
    ):
        return [("extra-activation-derivative", (("factors", write_factors(tuple(correct))),))]
    if names == ("hidden_slope",):
        return [("wrong-derivative-argument", (("of", "activation"),))]
    return [("wrong-activation-derivative", (("factors", names),))]


def _mixed_units(
    correct: list[Factor], applied: list[Factor], places: dict[str, Index]
) -> list[Change] | None:
    """Store the indices of a correct derivative whose factors belong to different units.

    Return no mistakes, or None if the factors are not those of the correct derivative.
    """
    if sorted(write_factors(tuple(correct))) != sorted(write_factors(tuple(applied))):
        return None
    places |= {factor.symbol: factor.index[0] for factor in applied}
    return []


def _extra_unit_factor(names: tuple[str, ...], place: Index) -> Change:
    """Return the mistake of an additional derivative or other factor of a hidden unit."""
    derivative = any(name.partition("^")[0] in DERIVATIVE_LIKE for name in names)
    code = "extra-activation-derivative" if derivative else "extra-factor"
    return code, (("factors", names), ("index", place))


def _output_weight_part(
    should: Rule, applied: list[Factor], places: dict[str, Index]
) -> list[Change] | None:
    """Return the mistakes in the input ``A1[j]`` of W2 and what is multiplied with it."""
    if not applied:
        return [("missing-input", ())]
    inputs = [f for f in applied if f.symbol == "hidden"]
    inputs.sort(key=lambda f: f.index[0] != should.index[0])
    if not inputs:
        return None
    used = inputs[0]
    places["unit"] = used.index[0]
    rest = _remove_once(used, applied)
    if not rest:
        return []
    if len({f.index for f in rest}) > 1:
        return None
    return [_extra_unit_factor(write_factors(tuple(rest)), rest[0].index[0])]


def _input_part(
    should: Rule, factors: tuple[Factor, ...], places: dict[str, Index]
) -> list[Change] | None:
    """Return the mistakes in the factors of X, None if not recognised; store their index."""
    applied = [f for f in factors if is_input(f)]
    if any(f.symbol != "input" or f.power < 1 for f in applied):
        return None
    if should.parameter[0] == "b":
        return [
            ("bias-times-input", (("factors", write_factors((f,))), ("index", f.index[0])))
            for f in applied
        ]
    if should.parameter == W2:
        return [_extra_factor(factor) for factor in applied]
    if not applied:
        return [("missing-input", ())]
    places["input"] = applied[0].index[0]
    return [_extra_factor(factor) for factor in _remove_once(applied[0], applied)]


def _rate_part(right: tuple[Factor, ...], factors: tuple[Factor, ...]) -> list[Change] | None:
    """Return no mistake if the learning rate is right, ``rate-ignored`` if it is missing.

    None for any other power of it.
    """
    correct, applied = (
        sum(f.power for f in part if f.symbol == "rate") for part in (right, factors)
    )
    known: dict[int, list[Change]] = {0: [], -1: [("rate-ignored", ())]}
    return known.get(applied - correct)


def _index_changes(
    should: Rule, right: tuple[Factor, ...], places: dict[str, Index]
) -> list[list[Change]]:
    """Return the alternative sets of mistakes in a product's indices.

    These are sums over a wrong axis, and swapped or single wrong indices. ``places`` are the
    indices found in each part of the applied product.
    """
    natural: dict[str, Index] = {}
    for factor in right:
        if is_output(factor):
            natural["output"] = factor.index[0]
        elif is_weight(factor):
            natural["weight"] = factor.index[0]
        elif is_unit(factor):
            natural["unit"] = natural[factor.symbol] = factor.index[0]
        elif is_input(factor):
            natural["input"] = factor.index[0]
    wrong = {g: p for g, p in places.items() if g in natural and p != natural[g]}
    changes: list[Change] = []
    for letter, groups in SUMMED.items():
        if any(wrong.get(group) == letter for group in groups):
            code = "bias-sum-axis" if should.parameter[0] == "b" else "wrong-sum-axis"
            changes.append((code, (("over", letter),)))
            for group in groups:
                wrong.pop(group, None)
    if not wrong:
        return [changes]
    i, j = should.index
    copied: list[Change] = [*changes, ("wrong-index", tuple(sorted(wrong.items())))]
    other = swapped_indices(i, j)
    seen = {group: place for group, place in places.items() if group in other}
    if (
        should.parameter == W1
        and i != j
        and "output" not in wrong
        and seen
        and all(place == other[group] for group, place in seen.items())
    ):
        # A single wrong index may be copied; two wrong indices show that they were swapped.
        swapped: list[Change] = [*changes, ("swapped-index", ())]
        return [swapped] if len(seen) > 1 else [swapped, copied]
    return [copied]
