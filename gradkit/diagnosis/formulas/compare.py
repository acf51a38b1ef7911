"""Compare an entry's formula with the right one, and name each difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import permutations

from msgspec.structs import replace

from gradkit.diagnosis.formulas.records import (
    WHOLE,
    Change,
    Reading,
    undo,
    write_factors,
    write_parameter,
)
from gradkit.diagnosis.rules.symbols import (
    B2,
    PARAMETERS,
    PER_HIDDEN,
    PER_INPUT,
    PER_OUTPUT,
    W1,
    W2,
    combine_factors,
    with_power,
)
from gradkit.records.rule import Details, Factor, Index, Rule, Term
from gradkit.records.task import Task

Factors = tuple[Factor, ...]

MAX_CHANGES = 4
"""A product with more changes has too little in common with the right one."""

CLOSE = 1e-8
"""Relative tolerance between equal coefficients."""

MIRRORED = ("written", "o − t")
"""Detail: the sign is that of ŷ − y."""

NO_ERROR_LEFT = frozenset({"wrong-error", "missing-error"})
"""Changes after which y − ŷ is no factor, so that a step may have either sign."""

SUMS: Mapping[str, tuple[str, ...]] = {
    "k": ("output",),
    "j": ("weight", "unit"),
    "i": ("input",),
}
"""The parts of a product that a sum over an index goes over, by the index letter."""

PARENTHESES: Mapping[str, tuple[str, str]] = {
    "error": ("target", "output"),
    "hidden_complement": ("", "hidden"),
    "output_complement": ("", "output"),
}
"""The two sides of the minus sign in ``y − ŷ``, ``1 − A`` and ``1 − ŷ``."""

DERIVATIVE_FACTORS = ("hidden_complement", "hidden_excess", "hidden_slope", "hidden_derivative")
"""Factors of hidden units that only a derivative has."""


def read_changes(right: Rule, applied: Rule, task: Task) -> list[Reading]:
    """Return the sets of changes that turn an entry's right formula into the student's.

    ``right`` is the right formula and ``applied`` the student's, in which each of its equal forms
    is compared. ``task`` gives the learning rates and the loss. A set of changes is a reading, see
    `Reading`. The reading with the fewest changes comes first; the list is empty if none is found.
    A reading's ratio, the student's coefficient divided by the right one, is not named as a mistake
    here, because that needs the ratios of all entries.
    """
    found: list[Reading] = []
    for form in (applied, *applied.others):
        source = source_changes(right, form)
        if not form.terms:
            found.append(Reading((*source, _not_updated(right)), None, form))
            continue
        for term, parenthesis in _single_terms(form):
            for reading in compare_products(right, term, task):
                changes = (*source, *parenthesis, *reading.changes)
                found.append(Reading(changes, reading.ratio, form))
                found += _as_stored_gradient(right, found[-1], task)
    return sorted(found, key=_by_number_of_changes)


def _by_number_of_changes(reading: Reading) -> tuple[int, bool]:
    """Return a sort key: few changes first, then no wrong sign."""
    return len(reading.changes), reading.ratio is not None and reading.ratio < 0


def _not_updated(right: Rule) -> Change:
    """Return the change that stands for a formula which leaves its entry as it was."""
    return Change("not-updated", terms=right.terms)


def source_changes(right: Rule, form: Rule) -> tuple[Change, ...]:
    """Return the change if the student's formula starts from another value than the right one.

    ``form`` is the student's formula. The right one starts from the entry's own old value. The
    change is ``overwritten`` if the student's has no start value, ``wrong-source-entry`` if it is
    another entry's. Empty if the start is right.
    """
    if form.source == right.source:
        return ()
    if form.source is None:
        return (Change("overwritten", source=right.source),)
    details = (("source", write_parameter(form.source)),)
    return (Change("wrong-source-entry", details, source=right.source),)


def _as_stored_gradient(right: Rule, reading: Reading, task: Task) -> Iterator[Reading]:
    """Yield ``reading`` with the change ``gradient-stored`` if the entry got its gradient as value.

    ``right`` is the entry's right formula. The first change of ``reading`` must be ``overwritten``,
    which is replaced. A gradient has no learning rate, so the ratio must be 1 divided by the rate
    of ``task``, up to its sign; a change ``rate-ignored`` is dropped. Nothing is yielded otherwise.
    """
    overwritten, *rest = reading.changes or (Change(""),)
    ratio, rate = reading.ratio, rate_of(right, task)
    is_gradient = overwritten.code == "overwritten" and ratio is not None and abs(ratio) != 1
    if not is_gradient or any(change.code in NO_ERROR_LEFT for change in rest):
        return
    kept = tuple(change for change in rest if change.code != "rate-ignored")
    if len(kept) < len(rest):
        ratio = (ratio or 0.0) * rate
    elif any(factor.symbol == "rate" for term in right.terms for factor in term.factors):
        return
    for scale, details in ((-1 / rate, ()), (1 / rate, (MIRRORED,))):
        if ratio is not None and _is_close(ratio, scale):
            code = "gradient-stored"
            change = replace(overwritten, code=code, details=details, scale=scale)
            yield Reading((change, *kept), 1.0, reading.form)


def rate_of(rule: Rule, task: Task) -> float:
    """Return the task's learning rate for an entry."""
    return task.rates.weight if rule.parameter[0] == "W" else task.rates.bias


def _is_close(number: float, other: float) -> bool:
    """Return whether two numbers are equal up to rounding."""
    return abs(number - other) <= CLOSE * abs(other)


# --- products --------------------------------------------------------------------------------


def compare_products(right: Rule, term: Term, task: Task) -> list[Reading]:
    """Return the readings of a formula that consists of ``term`` only, fewest changes first.

    A reading is a set of changes that turns the formula ``right`` into the student's, see
    `Reading`. ``task`` gives the learning rate and the loss. Left out are readings with more than
    `MAX_CHANGES` changes, and readings that do not give the right product when all their changes
    are undone.
    """
    found = []
    for factors, replaced in _restored_parts(right, term.factors):
        for changes in _compare_parts(right, factors, task):
            reading = _with_ratio(right, term, (*replaced, *changes))
            if len(reading.changes) <= MAX_CHANGES and _leaves_right(right, reading, term):
                found.append(reading)
    return sorted(found, key=_by_number_of_changes)


def _with_ratio(right: Rule, term: Term, changes: tuple[Change, ...]) -> Reading:
    """Return the reading of ``term`` by ``changes``, with its ratio to the right coefficient.

    The ratio is the term's coefficient divided by that of ``right``, after the factors in
    ``changes`` are divided out. If the changes remove the factor y − ŷ, a negative ratio becomes
    positive and the changes are marked with `MIRRORED`, because ŷ − y may have been meant.
    """
    ratio = term.coefficient / right.terms[0].coefficient
    for change in changes:
        ratio /= change.scale
    if ratio < 0 and any(map(_leaves_no_sign, changes)):
        changes, ratio = tuple(map(_mirrored, changes)), -ratio
    return Reading(changes, ratio, replace(right, terms=(term,)))


def _leaves_no_sign(change: Change) -> bool:
    """Return whether a change leaves too little of y − ŷ to see a sign error."""
    return change.code in NO_ERROR_LEFT or (
        change.code == "squared-error" and change.details != WHOLE
    )


def _mirrored(change: Change) -> Change:
    """Return a change that leaves no sign, marked as made from ŷ − y."""
    if not _leaves_no_sign(change):
        return change
    return replace(change, details=(*change.details, MIRRORED), scale=-change.scale)


def _leaves_right(right: Rule, reading: Reading, term: Term) -> bool:
    """Return whether undoing the changes of a reading turns ``term`` into the product of ``right``.

    The factors must be the same, and the coefficient of ``term`` the right one times the reading's
    ratio.
    """
    rule = replace(right, terms=(term,))
    for change in reading.changes:
        rule = undo(rule, change)
    (left,) = rule.terms
    expected = right.terms[0]
    return {*left.factors} == {*expected.factors} and _is_close(
        left.coefficient, expected.coefficient * (reading.ratio or 0.0)
    )


def _compare_parts(right: Rule, factors: Factors, task: Task) -> Iterator[tuple[Change, ...]]:
    """Yield the changes in all parts of a product, once for each way to explain its indices.

    ``right`` is the formula with the right product, and ``factors`` are the student's. The parts
    are output, weight, hidden unit, input and learning rate; ``task`` is for the rate and the loss.
    Nothing is yielded if the difference in a part has no name. For a squared error,
    ``squared-error`` is also yielded as the loss itself in place of its derivative, which has the
    factor −2.
    """
    (product,) = right.terms
    places: dict[str, Index] = {}
    changes: list[Change] = []
    try:
        for part in (_compare_output, _compare_weight, _compare_unit, _compare_input):
            changes += part(right, product.factors, factors, places)
        changes += _compare_rate(right, factors, task)
    except UnknownDifferenceError:
        return
    for indices in _compare_indices(right, places):
        for n, change in enumerate(changes):
            # The squared error itself may stand for its derivative, which has the factor −2.
            if change.code == "squared-error" and task.loss == "squared_error":
                whole = replace(change, details=WHOLE, scale=-0.5)
                yield (*changes[:n], whole, *changes[n + 1 :], *indices)
        yield (*changes, *indices)


class UnknownDifferenceError(ValueError):
    """A part of a product differs in a way that has no name."""


def of_part(factors: Factors, symbols: tuple[str, ...]) -> Factors:
    """Return the factors that have one of the symbols."""
    return tuple(factor for factor in factors if factor.symbol in symbols)


def _powers(factors: Factors) -> Counter[str]:
    """Return the power of each symbol, added up over all its indices."""
    powers: Counter[str] = Counter()
    for factor in factors:
        powers[factor.symbol] += factor.power
    return powers


def _as_factors(powers: Mapping[str, int], index: Index, when: str = "") -> Factors:
    """Return symbols with powers as factors that have the same index."""
    return tuple(Factor(s, index, when, p) for s, p in powers.items() if p)  # type: ignore[arg-type]


def _compare_output(
    right: Rule, expected: Factors, found: Factors, places: dict[str, Index]
) -> list[Change]:
    """Return the changes from the right factors of y and ŷ to the student's.

    ``right`` is the right formula, ``expected`` are all its factors, and ``found`` all of the
    student's. If the student's have y or ŷ, their index is stored in ``places["output"]``. Raises
    UnknownDifferenceError: the student's factors are of several outputs, or no mistake gives them.
    """
    expected, found = of_part(expected, PER_OUTPUT), of_part(found, PER_OUTPUT)
    indices = {factor.index for factor in found}
    if len(indices) > 1:
        raise UnknownDifferenceError("y and ŷ of several outputs")
    index = next(iter(indices), next((f.index for f in expected), (0,)))
    when = next((f.when for f in expected), "")
    if found:
        places["output"] = index
    gap = _powers(found)
    gap.subtract(_powers(expected))
    left = {symbol: power for symbol, power in gap.items() if power}
    changes = []
    for code, names, difference in _OUTPUT_DIFFERENCES:
        # ŷ(1−ŷ) is a derivative, and does not replace the error.
        is_derivative = names == ("output",) and "output_complement" in left
        if difference.items() <= left.items() and not is_derivative:
            details: Details = (("factors", names),) if names else ()
            left = {s: p for s, p in left.items() if s not in difference}
            changes.append(_symbol_change(code, details, difference, index, when))
            break
    if not left:
        return changes
    if left in ({"output": -1, "output_complement": -1}, {"output_derivative": -1}):
        code, details = "missing-output-derivative", ()
    elif min(left.values()) > 0 and left.keys().isdisjoint(("error", "target")):
        code, details = "extra-output-derivative", (("factors", write_factors(left)),)
        details = details if left != {"output": 1, "output_complement": 1} else ()
    else:
        raise UnknownDifferenceError("y and ŷ")
    return [*changes, _symbol_change(code, details, left, index, when)]


_OUTPUT_DIFFERENCES: tuple[tuple[str, tuple[str, ...], Mapping[str, int]], ...] = (
    ("squared-error", (), {"error": 1}),
    # y − ŷ is y(1−ŷ) − (1−y)ŷ; cross-entropy without its second term leaves y(1−ŷ).
    (
        "wrong-error",
        ("target", "output_complement"),
        {"error": -1, "target": 1, "output_complement": 1},
    ),
    ("wrong-error", ("target",), {"error": -1, "target": 1}),
    ("wrong-error", ("output",), {"error": -1, "output": 1}),
    ("missing-error", (), {"error": -1}),
)
"""The first difference in powers that fits is named."""


def _symbol_change(
    code: str, details: Details, powers: Mapping[str, int], index: Index, when: str
) -> Change:
    """Return a change of code ``code`` for factors that a product has too often or lacks.

    ``powers`` has each symbol's surplus: positive if the student's product has it too often. All
    get the same ``index`` and ``when``, see `Factor`.
    """
    extra = {s: p for s, p in powers.items() if p > 0}
    missing = {s: -p for s, p in powers.items() if p < 0}
    return Change(code, details, _as_factors(extra, index, when), _as_factors(missing, index, when))


def _compare_weight(
    right: Rule, expected: Factors, found: Factors, places: dict[str, Index]
) -> list[Change]:
    """Return the changes in the weight by which the error is carried back to the hidden layer.

    ``right`` is the right formula, ``expected`` are all its factors, and ``found`` all of the
    student's. The index of the student's factor W2 is stored in ``places["weight"]``. Other
    parameters are extra factors. Raises UnknownDifferenceError: a parameter in a denominator, or a
    sum of parameters.
    """
    expected, found = of_part(expected, PARAMETERS), of_part(found, PARAMETERS)
    if any(factor.power < 1 for factor in found):
        raise UnknownDifferenceError("a parameter below")
    if not expected:
        return [*map(_extra_factor, found)]
    if not found:
        return [Change("missing-weight", missing=expected)]
    used = next((f for f in found if f.symbol == W2), found[0])
    rest = combine_factors((*found, with_power(used, -1)))
    used = with_power(used, 1)
    changes: list[Change] = []
    if used.symbol != W2:
        if any(isinstance(axis, str) for axis in used.index):
            raise UnknownDifferenceError("a sum of parameters")
        details = (("weight", write_parameter(used)),)
        changes = [Change("wrong-weight", details, (used,), expected)]
    else:
        places["weight"] = used.index
        if used.when == "after":
            before = replace(used, when="before")
            changes = [Change("updated-before-use", (), (used,), (before,))]
    return [*changes, *map(_extra_factor, rest)]


def _extra_factor(factor: Factor) -> Change:
    """Return the change ``extra-factor`` for a factor that the right product does not have."""
    details: Details = (
        ("factors", write_factors({factor.symbol: factor.power})),
        ("index", factor.index),
    )
    details = (*details, ("when", factor.when)) if factor.when else details
    return Change("extra-factor", details, (factor,))


def _compare_unit(
    right: Rule, expected: Factors, found: Factors, places: dict[str, Index]
) -> list[Change]:
    """Return the changes in the factors of hidden units.

    ``right`` is the right formula, ``expected`` are all its factors, and ``found`` all of the
    student's. The units' index is stored in ``places["unit"]``; if the student's factors have
    several indices, each is stored by the factor's symbol. Raises UnknownDifferenceError: a hidden
    unit in a denominator, or wrong factors of several units.
    """
    expected, found = of_part(expected, PER_HIDDEN), of_part(found, PER_HIDDEN)
    if any(factor.power < 1 for factor in found):
        raise UnknownDifferenceError("a hidden unit below")
    if right.parameter == W2:
        return _compare_input_of_output_layer(right, found, places)
    indices = {factor.index for factor in found}
    if len(indices) > 1:
        if _powers(found) != _powers(expected):
            raise UnknownDifferenceError("several hidden units")
        places |= {factor.symbol: factor.index for factor in found}
        return []
    wanted, powers = _powers(expected), _powers(found)
    if powers == wanted:
        places |= {"unit": found[0].index} if found else {}
        return []
    if not found:
        return [Change("missing-activation-derivative", missing=expected)]
    (index,) = indices
    if right.parameter == B2 or not expected:
        return [_additional_unit(powers, index, right)]
    places["unit"] = index
    code = "wrong-activation-derivative"
    details: Details = (("factors", write_factors(powers)),)
    if powers == Counter({symbol: 2 * power for symbol, power in wanted.items()}):
        code, details = "extra-activation-derivative", (("factors", write_factors(wanted)),)
    elif powers == Counter({"hidden_slope": 1}):
        code, details = "wrong-derivative-argument", (("of", "activation"),)
    when = expected[0].when
    return [
        Change(code, details, _as_factors(powers, index, when), _as_factors(wanted, index, when))
    ]


def _additional_unit(powers: Counter[str], index: Index, right: Rule) -> Change:
    """Return the change for factors of a hidden unit that the right product does not have.

    ``powers`` has the power of each symbol, ``index`` is the unit's, and ``right`` is the right
    formula. The code of the change is ``extra-activation-derivative`` if a derivative is among the
    factors, ``bias-times-input`` for ``A1`` in an entry of b2, else ``extra-factor``.
    """
    names = write_factors(powers)
    code = "extra-factor"
    if any(symbol in DERIVATIVE_FACTORS for symbol in powers):
        code = "extra-activation-derivative"
    elif right.parameter == B2 and names == ("hidden",):
        code = "bias-times-input"
    return Change(code, (("factors", names), ("index", index[0])), _as_factors(powers, index))


def _compare_input_of_output_layer(
    right: Rule, found: Factors, places: dict[str, Index]
) -> list[Change]:
    """Return the changes in the input ``A1[j]`` of an entry of W2.

    ``right`` is the entry's right formula, and ``found`` are the student's factors of hidden units.
    The index of ``A1`` among them is stored in ``places["unit"]``; all other factors are extra.
    Raises UnknownDifferenceError: there is no ``A1``, or the other factors are of several units.
    """
    (wanted,) = of_part(right.terms[0].factors, PER_HIDDEN)
    if not found:
        return [Change("missing-input", missing=(wanted,))]
    inputs = [factor for factor in found if factor.symbol == "hidden"]
    if not inputs:
        raise UnknownDifferenceError("no input of the layer")
    used = with_power(min(inputs, key=lambda f: f.index != wanted.index), 1)
    places["unit"] = used.index
    rest = combine_factors((*found, with_power(used, -1)))
    if not rest:
        return []
    if len({factor.index for factor in rest}) > 1:
        raise UnknownDifferenceError("several hidden units")
    change = _additional_unit(_powers(rest), rest[0].index, right)
    return [replace(change, extra=rest)]


def _compare_input(
    right: Rule, expected: Factors, found: Factors, places: dict[str, Index]
) -> list[Change]:
    """Return the changes in the factors of X.

    ``right`` is the right formula, ``expected`` are all its factors, and ``found`` all of the
    student's. For a weight of layer 1, the student's index is stored in ``places["input"]``. For a
    bias, each factor is a ``bias-times-input``. Raises UnknownDifferenceError: a factor 1 − X, or X
    in a denominator.
    """
    expected, found = of_part(expected, PER_INPUT), of_part(found, PER_INPUT)
    if any(factor.symbol != "input" or factor.power < 1 for factor in found):
        raise UnknownDifferenceError("inputs")
    if right.parameter[0] == "b":
        return [
            Change(
                "bias-times-input",
                (("factors", write_factors({f.symbol: f.power})), ("index", f.index[0])),
                (f,),
            )
            for f in found
        ]
    if not expected:
        return [*map(_extra_factor, found)]
    if not found:
        return [Change("missing-input", missing=expected)]
    used = with_power(found[0], 1)
    places["input"] = used.index
    return [*map(_extra_factor, combine_factors((*found, with_power(used, -1))))]


def _compare_rate(right: Rule, found: Factors, task: Task) -> list[Change]:
    """Return the change ``rate-ignored`` if the learning rate is missing, else no change.

    ``right`` is the right formula, ``found`` are all factors of the student's product, and ``task``
    has the rate. Raises UnknownDifferenceError: the rate is a factor too often, or more than one is
    missing.
    """
    expected = of_part(right.terms[0].factors, ("rate",))
    gap = _powers(of_part(found, ("rate",)))["rate"] - _powers(expected)["rate"]
    if gap not in (0, -1):
        raise UnknownDifferenceError("the learning rate")
    change = Change("rate-ignored", missing=expected, scale=rate_of(right, task))
    return [change] if gap else []


# --- indices ---------------------------------------------------------------------------------


def _compare_indices(right: Rule, places: Mapping[str, Index]) -> Iterator[list[Change]]:
    """Yield the ways to explain the indices in the student's product, each as a list of changes.

    ``right`` is the right formula. ``places`` are the student's indices by part of the product:
    ``output``, ``weight``, ``unit`` (or the symbol of a factor of a hidden unit), ``input``. A sum
    over an index is a change in every way. Other wrong indices are a ``swapped-index`` if possible
    (first), or a ``wrong-index``.
    """
    expected = {_group_of(f): f for f in right.terms[0].factors if f.symbol != "rate"}
    expected |= {f.symbol: f for f in right.terms[0].factors}
    wrong = {g: p for g, p in places.items() if g in expected and p != expected[g].index}
    changes: list[Change] = []
    for letter, groups in SUMS.items():
        summed = {g: p for g, p in wrong.items() if g in groups and p[0] == letter}
        if summed:
            code = "bias-sum-axis" if right.parameter[0] == "b" else "wrong-sum-axis"
            changes.append(_move(right, summed, code, (("over", letter),)))
            wrong = {g: p for g, p in wrong.items() if g not in summed}
    if not wrong:
        yield changes
        return
    if wrong.keys() == {"output", "weight"} and wrong["weight"][0] == expected["weight"].index[0]:
        rows = {"output": wrong["output"][0]}
    else:
        rows = {group: index[0] for group, index in sorted(wrong.items())}
    single = _move(right, wrong, "wrong-index", tuple(rows.items()))
    swapped = _swapped_places(right, places)
    if swapped:
        yield [*changes, _move(right, wrong, "swapped-index", ())]
    # One wrong index may be copied from another line; two show that they were swapped.
    if swapped < 2:
        yield [*changes, single]


def _group_of(factor: Factor) -> str:
    """Return the part of a product that a factor belongs to."""
    groups = {"output": PER_OUTPUT, "weight": PARAMETERS, "unit": PER_HIDDEN, "input": PER_INPUT}
    return next(group for group, symbols in groups.items() if factor.symbol in symbols)


def _swapped_places(right: Rule, places: Mapping[str, Index]) -> int:
    """Return the number of parts of a product for W1[i, j] if all have i and j swapped, else 0.

    ``right`` is the formula of the entry. ``places`` are the student's indices by part, as for
    `_compare_indices`; of them, ``weight``, ``unit`` and ``input`` count. Also 0 for other
    parameters, if i equals j, or if the output's index is neither 0 nor a sum.
    """
    i, j = right.index
    other = {"weight": i, "unit": i, "input": j}
    seen = {group: index[0] for group, index in places.items() if group in other}
    if right.parameter != W1 or i == j or places.get("output", (0,))[0] not in (0, "k"):
        return 0
    return len(seen) if all(place == other[group] for group, place in seen.items()) else 0


def _move(right: Rule, places: Mapping[str, Index], code: str, details: Details) -> Change:
    """Return the change with a ``code`` from the right factors to factors with other indices.

    ``right`` is the right formula. ``places`` has the other indices, by the symbol of a factor or
    by the part of the product (``output``, ``weight``, ``unit``, ``input``). Factors without an
    index there are no part of the change. ``details`` are stored in the change; they fill the texts
    of the catalogue.
    """
    extra, missing = [], []
    for factor in right.terms[0].factors:
        if factor.symbol == "rate":
            continue
        index = places.get(factor.symbol, places.get(_group_of(factor)))
        if index is not None:
            missing.append(factor)
            extra.append(replace(factor, index=index))
    return Change(code, details, tuple(extra), tuple(missing))


# --- parts in a wrong place ------------------------------------------------------------------


def _restored_parts(right: Rule, factors: Factors) -> Iterator[tuple[Factors, tuple[Change, ...]]]:
    """Yield the student's factors unchanged, then with a factor of the wrong layer replaced.

    ``right`` is the entry's right formula, and ``factors`` are the student's. The second item is
    the changes that describe the replacement as a mistake; it is empty for the unchanged factors.
    """
    yield factors, ()
    if right.parameter in (W1, W2):
        yield from _restore_input(right, factors)
    derivative = of_part(right.terms[0].factors, PER_HIDDEN)
    if right.parameter not in (W2, B2) and derivative and not of_part(factors, PER_HIDDEN):
        yield from _restore_derivative(right, factors, derivative)


def _restore_input(right: Rule, factors: Factors) -> Iterator[tuple[Factors, tuple[Change, ...]]]:
    """Yield the student's factors with another layer's input, or ŷ, replaced by the right input.

    ``right`` is the entry's right formula, and ``factors`` are the student's. The second item is
    the change ``wrong-layer-input``. Nothing is yielded if the right input is already a factor. For
    an entry of W1, the right input is tried at each of the entry's two indices.
    """
    first = right.parameter == W1
    wanted, instead = ("input", "hidden") if first else ("hidden", "input")
    symbols = {factor.symbol for factor in factors}
    if of_part(factors, PER_INPUT) if first else wanted in symbols:
        return
    is_output_free = "error" in symbols and "output_complement" not in symbols
    for symbol, of in ((instead, ()), *([("output", (("of", "output"),))] * is_output_free)):
        for factor in factors:
            if factor.symbol != symbol or factor.power < 1:
                continue
            used = with_power(factor, 1)
            details: Details = (("index", factor.index[0]), *of)
            for place in dict.fromkeys(right.index if first else right.index[:1]):
                change = Change("wrong-layer-input", details, (used,), (Factor(wanted, (place,)),))
                yield _swap(factors, change), (change,)


def _restore_derivative(
    right: Rule, factors: Factors, derivative: Factors
) -> Iterator[tuple[Factors, tuple[Change, ...]]]:
    """Yield the student's factors with X(1 − X) or ŷ(1 − ŷ) replaced by the hidden derivative.

    ``right`` is the entry's right formula, ``factors`` are the student's, and ``derivative`` has
    the right factors of the hidden unit. Their index is that of the student's factor W2, or the
    entry's own if there is no such factor. The second item is the change
    ``wrong-derivative-argument``.
    """
    weights = [f.index[0] for f in factors if f.symbol == W2]
    own = right.index[1] if right.parameter == W1 else right.index[0]
    restored = tuple(replace(f, index=(weights[0] if weights else own,)) for f in derivative)
    for factor in factors:
        of = {"input_complement": "input", "output_complement": "output"}.get(factor.symbol)
        if of is None or factor.power != 1:
            continue
        extra = (factor, Factor(of, factor.index, factor.when))
        details: Details = (("of", of), *((("index", factor.index[0]),) if of == "input" else ()))
        change = Change("wrong-derivative-argument", details, extra, restored)
        left = _swap(factors, change)
        if all(f.power > 0 for f in of_part(left, PER_INPUT)):
            yield left, (change,)


def _swap(factors: Factors, change: Change) -> Factors:
    """Return a product's factors with a change undone."""
    inverse = (with_power(factor, -factor.power) for factor in change.extra)
    return combine_factors((*factors, *inverse, *change.missing))


# --- parentheses -----------------------------------------------------------------------------


def _single_terms(form: Rule) -> Iterator[tuple[Term, tuple[Change, ...]]]:
    """Yield the only term of a formula, or the single terms that its two terms may stand for.

    Two terms of the formula ``form`` may be a product in which the parenthesis of a difference is
    missing. The second item is then the change ``misplaced-parenthesis``; for an only term it is
    empty. Nothing is yielded for more terms.
    """
    if len(form.terms) == 1:
        yield form.terms[0], ()
    if len(form.terms) == 2:
        for first, second in permutations(form.terms):
            for around, (plus, minus) in PARENTHESES.items():
                for term in _with_parenthesis(first, second, around, plus, minus):
                    yield term, (Change("misplaced-parenthesis", terms=(term,)),)


def _with_parenthesis(
    first: Term, second: Term, around: str, plus: str, minus: str
) -> Iterator[Term]:
    """Yield the product that becomes the terms ``first`` and ``second`` without a parenthesis.

    The product has the factor ``around`` = (``plus`` − ``minus``), all three symbols; ``plus`` is
    "" for the number 1. Without the parenthesis, the terms are ``c·plus·f − c·minus·g``, where f
    and g each have some factors of the product. Nothing if the terms do not have this form.
    """
    taken = next((f for f in second.factors if f.symbol == minus), None)
    if taken is None:
        return
    a, b = Counter(single_powers(first.factors)), Counter(single_powers(second.factors))
    if plus:
        twin = replace(taken, symbol=plus, power=1)
        if not a[twin]:
            return
        a[twin] -= 1
    b[with_power(taken, 1)] -= 1
    a, b = +a, +b
    apart = {f.symbol for f in b - a} | {f.symbol for f in a - b}
    if any(f.symbol in apart for f in a & b):
        return
    whole = combine_factors((*(a | b).elements(), Factor(around, taken.index, taken.when)))
    # Without the error, the second term loses its minus too.
    lost = {f.symbol for f in a - b} >= {"error"} and not b - a
    c, d = first.coefficient, second.coefficient
    for coefficient, fits in ((c, d in (-c, -1.0)), (-d, c == 1.0), (c, d == c and lost)):
        if fits:
            yield Term(coefficient, whole)


def single_powers(factors: Factors) -> Iterator[Factor]:
    """Yield each factor as often as its power says, to the power 1 or −1."""
    for factor in factors:
        yield from [with_power(factor, 1 if factor.power > 0 else -1)] * abs(factor.power)
