"""One product held against another, part by part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec.structs import replace

from gradkit.diagnosis.mistakes.parts import (
    SUMMED,
    Change,
    Index,
    exchanged,
    hidden_layer,
    is_input,
    is_output,
    is_unit,
    is_weight,
    names_of,
    parameter_detail,
    unit_of,
)
from gradkit.diagnosis.rules.symbols import B2, W1, W2, combine_factors
from gradkit.records.rule import Details, Factor, Rule


def counted(factors: tuple[Factor, ...]) -> Iterator[Factor]:
    """Each factor as often as its power says, to the power 1 or −1."""
    for factor in factors:
        yield from [replace(factor, power=1 if factor.power > 0 else -1)] * abs(factor.power)


def readings_of_factors(
    should: Rule, factors: tuple[Factor, ...]
) -> Iterator[tuple[tuple[Factor, ...], tuple[Change, ...]]]:
    """The factors as they stand, and with one part taken for a misplaced other."""
    yield factors, ()
    if should.parameter in (W1, W2):
        yield from _other_layers_input(should, factors)
    derivative = [f for f in should.terms[0].factors if is_unit(f)]
    if hidden_layer(should) and derivative:
        yield from _others_derivative(should, factors, derivative)


def _other_layers_input(
    should: Rule, factors: tuple[Factor, ...]
) -> Iterator[tuple[tuple[Factor, ...], tuple[Change, ...]]]:
    """Another layer's input; or the layer's own output, beside an error and no slope of it."""
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


def _others_derivative(
    should: Rule, factors: tuple[Factor, ...], derivative: list[Factor]
) -> Iterator[tuple[tuple[Factor, ...], tuple[Change, ...]]]:
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
            gone = (replace(factor, power=-1), Factor(symbol, factor.index, factor.when, -1))
            facts: Details = (("of", of),)
            facts += (("index", factor.index[0]),) if of == "input" else ()
            left = combine_factors((*factors, *gone, *restored))
            if all(f.power > 0 or not is_input(f) for f in left):
                yield left, (("wrong-derivative-argument", facts),)


def slots(should: Rule, factors: tuple[Factor, ...]) -> list[list[Change]]:
    """The mistakes in each part of a product, in every reading of its indices.

    None where a part is not known.
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
    ours, theirs = ([f for f in part if is_output(f)] for part in (right, factors))
    indices = {f.index for f in theirs}
    if len(indices) > 1:
        return None
    if indices:
        places["output"] = next(iter(indices))[0]
    gap = Counter({f.symbol: f.power for f in theirs})
    gap.subtract({f.symbol: f.power for f in ours})
    lacks = {symbol: power for symbol, power in gap.items() if power}
    about_error = {s: p for s, p in lacks.items() if s in ("error", "target")}
    rest = {s: p for s, p in lacks.items() if s not in about_error}
    changes: list[Change] = []
    if about_error == {"error": 1}:
        changes.append(("squared-error", ()))
    elif about_error == {"error": -1, "target": 1}:
        # t − o is t(1−o) − (1−t)o: cross-entropy without its second term leaves the first.
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
    ours, theirs = ([f for f in part if is_weight(f)] for part in (right, factors))
    if any(f.power < 1 for f in theirs):
        return None
    changes: list[Change] = []
    if ours:
        used = next((f for f in theirs if f.symbol == W2), None)
        if not theirs:
            return [("missing-weight", ())]
        if used is None:
            first = theirs.pop(0)
            if first.power != 1 or any(isinstance(axis, str) for axis in first.index):
                return None
            changes.append(("wrong-weight", (("weight", parameter_detail(first)),)))
        else:
            theirs = _without(used, theirs)
            places["weight"] = used.index[0]
            places["column"] = used.index[1]
            if used.when == "after":
                changes.append(("updated-before-use", ()))
    return [*changes, *(_extra(factor) for factor in theirs)]


def _without(used: Factor, factors: list[Factor]) -> list[Factor]:
    """What there is besides a factor, which is there once."""
    return [*combine_factors((*factors, replace(used, power=-1)))]


def _extra(factor: Factor) -> Change:
    details: Details = (("factors", names_of((factor,))), ("index", factor.index))
    return "extra-factor", (*details, ("when", factor.when)) if factor.when else details


DERIVATIVE_LIKE = ("hidden_complement", "hidden_excess", "hidden_slope", "hidden_derivative")


def _unit_part(
    should: Rule,
    right: tuple[Factor, ...],
    factors: tuple[Factor, ...],
    places: dict[str, Index],
) -> list[Change] | None:
    ours, theirs = ([f for f in part if is_unit(f)] for part in (right, factors))
    indices = {f.index[0] for f in theirs}
    if any(f.power < 1 for f in theirs):
        return None
    if should.parameter == W2:
        return _last_input(should, theirs, places)
    if len(indices) > 1:
        return _mixed_units(ours, theirs, places)
    names = tuple(sorted(names_of(tuple(theirs))))
    if names == tuple(sorted(names_of(tuple(ours)))):
        if indices:
            places["unit"] = next(iter(indices))
        return []
    if not theirs:
        return [("missing-activation-derivative", ())]
    place = next(iter(indices))
    if should.parameter == B2:
        if names == ("hidden",):
            return [("bias-times-input", (("factors", names), ("index", place)))]
        return [_surplus(names, place)]
    if not ours:
        return [_surplus(names, place)]
    places["unit"] = place
    if Counter(counted(tuple(theirs))) == Counter(
        replace(f, index=(place,)) for f in counted(tuple(ours)) for _ in range(2)
    ):
        return [("extra-activation-derivative", (("factors", names_of(tuple(ours))),))]
    if names == ("hidden_slope",):
        return [("wrong-derivative-argument", (("of", "activation"),))]
    return [("wrong-activation-derivative", (("factors", names),))]


def _mixed_units(
    ours: list[Factor], theirs: list[Factor], places: dict[str, Index]
) -> list[Change] | None:
    """The right derivative, of which one factor belongs to another unit."""
    if sorted(names_of(tuple(ours))) != sorted(names_of(tuple(theirs))):
        return None
    places |= {factor.symbol: factor.index[0] for factor in theirs}
    return []


def _surplus(names: tuple[str, ...], place: Index) -> Change:
    derivative = any(name.partition("^")[0] in DERIVATIVE_LIKE for name in names)
    code = "extra-activation-derivative" if derivative else "extra-factor"
    return code, (("factors", names), ("index", place))


def _last_input(
    should: Rule, theirs: list[Factor], places: dict[str, Index]
) -> list[Change] | None:
    """Layer 2's weights: ``A1[j]``, and what there is besides."""
    if not theirs:
        return [("missing-input", ())]
    inputs = [f for f in theirs if f.symbol == "hidden"]
    inputs.sort(key=lambda f: f.index[0] != should.index[0])
    if not inputs:
        return None
    used = inputs[0]
    places["unit"] = used.index[0]
    rest = _without(used, theirs)
    if not rest:
        return []
    if len({f.index for f in rest}) > 1:
        return None
    return [_surplus(names_of(tuple(rest)), rest[0].index[0])]


def _input_part(
    should: Rule, factors: tuple[Factor, ...], places: dict[str, Index]
) -> list[Change] | None:
    theirs = [f for f in factors if is_input(f)]
    if any(f.symbol != "input" or f.power < 1 for f in theirs):
        return None
    if should.parameter[0] == "b":
        return [
            ("bias-times-input", (("factors", names_of((f,))), ("index", f.index[0])))
            for f in theirs
        ]
    if should.parameter == W2:
        return [_extra(factor) for factor in theirs]
    if not theirs:
        return [("missing-input", ())]
    places["input"] = theirs[0].index[0]
    return [_extra(factor) for factor in _without(theirs[0], theirs)]


def _rate_part(right: tuple[Factor, ...], factors: tuple[Factor, ...]) -> list[Change] | None:
    ours, theirs = (sum(f.power for f in part if f.symbol == "rate") for part in (right, factors))
    known: dict[int, list[Change]] = {0: [], -1: [("rate-ignored", ())]}
    return known.get(theirs - ours)


def _index_changes(
    should: Rule, right: tuple[Factor, ...], places: dict[str, Index]
) -> list[list[Change]]:
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
    other = exchanged(i, j)
    seen = {group: place for group, place in places.items() if group in other}
    if (
        should.parameter == W1
        and i != j
        and "output" not in wrong
        and seen
        and all(place == other[group] for group, place in seen.items())
    ):
        # One index alone may as well have been copied; two say that they were exchanged.
        swapped: list[Change] = [*changes, ("swapped-index", ())]
        return [swapped] if len(seen) > 1 else [swapped, copied]
    return [copied]
