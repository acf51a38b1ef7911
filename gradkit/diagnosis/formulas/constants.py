"""Explain the ratios of applied to correct coefficients by signs, factors and learning rates.

A single ratio is ambiguous: 0.05 may be a missing factor 2 and a learning rate ten times too small,
or a rate twenty times too small. So all entries are read together, and the reading with the fewest
mistakes comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gradkit.diagnosis.formulas.records import Change
from gradkit.records.rule import Entry
from gradkit.records.task import Task

Constants = Mapping[Entry, tuple[Change, ...]]

CLOSE = 1e-8
"""Relative tolerance between equal ratios."""


def readings(task: Task, ratios: Mapping[Entry, float]) -> list[Constants]:
    """Return all readings of the entries' ratios, fewest mistakes first.

    Parameters
    ----------
    task : Task
        Its rates and number of rows say which ratios are plausible.
    ratios : mapping
        For every entry that changes, its coefficient divided by the correct one. Entries with
        ratio 1 count too: an uneven learning rate is recognised by comparison with them.

    Returns
    -------
    list of mappings
        For each wrong entry, ``wrong-sign``, ``wrong-factor``, ``wrong-learning-rate`` and
        ``uneven-learning-rate`` with their ratios. Entries without a mistake are left out. An
        implausible rate or factor counts as one mistake more.
    """
    signs = {entry for entry, ratio in ratios.items() if ratio < 0}
    sizes = {entry: abs(ratio) for entry, ratio in ratios.items()}
    found: list[tuple[int, int, Constants]] = []
    for factors in _splits(task, sizes):
        rates = {entry: sizes[entry] / factors.get(entry, 1.0) for entry in sizes}
        constants = {
            entry: (
                *((Change("wrong-sign", scale=-1.0),) if entry in signs else ()),
                *_factor_change(factors.get(entry, 1.0)),
                *_rate_change(entry, rates),
            )
            for entry in ratios
        }
        codes = {change.code for changes in constants.values() for change in changes}
        strange = sum(not _is_any_of(rate, _rate_ratios(task)) for rate in rates.values())
        # A rate of 0.05 is more plausible than a rate of 0.1 and a missing factor of 2.
        far = (
            "wrong-factor" in codes
            and len(codes - {"wrong-sign"}) > 1
            and _is_unusual(task, factors, rates)
        )
        kept = {entry: changes for entry, changes in constants.items() if changes}
        if all(kept != other for _, _, other in found):
            found.append((len(codes) + far, strange, kept))
    # A rate that the task does not mention counts as much as a second mistake.
    found.sort(key=lambda item: (item[0] + (item[1] > 0), item[1]))
    return [constants for _, _, constants in found]


def accepted_ratios(task: Task, ratios: Mapping[Entry, float]) -> dict[Entry, float]:
    """Return the ratio of each entry that the task accepts because its rate policy is ``free``.

    ``ratios`` has the coefficient of each entry divided by the right one. With this policy,
    students choose their own learning rate: all weights may have one positive ratio, and all biases
    another. Weights or biases with different ratios are left out. Empty for other policies.
    """
    forgiven: dict[Entry, float] = {}
    if task.rates.policy == "free":
        for kind in "Wb":
            values = [ratio for entry, ratio in ratios.items() if entry[0][0] == kind]
            if values and values[0] > 0 and all(_is_close(v, values[0]) for v in values):
                forgiven |= {entry: values[0] for entry in ratios if entry[0][0] == kind}
    return forgiven


def is_usual_ratio(task: Task, size: float) -> bool:
    """Return whether a positive ratio is a product of the task's rate ratios and common factors."""
    return any(
        _is_any_of(size / factor, _rate_ratios(task)) for factor in (1.0, *_factor_ratios(task))
    )


def _splits(task: Task, sizes: Mapping[Entry, float]) -> Iterator[dict[Entry, float]]:
    """Yield ways to divide each ratio into a wrong factor (2, ½, 1/m) and a wrong learning rate.

    ``sizes`` are the absolute ratios of the entries: the student's coefficient divided by the right
    one. ``task`` has the usual rates and the number of rows m. A result has the factor of each
    entry, and leaves out entries without one; the rest of the ratio is the learning rate. First
    come factors that explain their ratio alone, then also with a usual rate in other entries, then
    each factor common to all entries; last {}, with all ratios as rates.
    """
    known = _factor_ratios(task)
    rates = _rate_ratios(task)
    alone = {
        entry: size
        for entry, size in sizes.items()
        if _is_any_of(size, known) and not _is_any_of(size, rates)
    }
    yield alone
    # A factor that is seen alone in one entry may be combined with a rate in another.
    behind = {
        entry: factor
        for entry, size in sizes.items()
        for factor in alone.values()
        if entry not in alone and not _is_any_of(size, rates) and _is_any_of(size / factor, rates)
    }
    if behind:
        yield alone | behind
    for factor in known:
        if all(_is_any_of(size / factor, rates) for size in sizes.values()):
            yield dict.fromkeys(sizes, factor)
    yield {}


def _factor_ratios(task: Task) -> tuple[float, ...]:
    """Return the factors that students often get wrong, without repetition and without 1.

    They are 2, 4 and their inverses, the number of rows m, 1/m, 2/m, and 1 by each layer's width.
    """
    rows = len(task.X)
    widths = (task.layers[0].units, task.X.shape[1], task.layers[-1].units)
    found = [2.0, 0.5, 4.0, 0.25, 1 / rows, 2 / rows, float(rows), *(1.0 / w for w in widths)]
    return tuple(dict.fromkeys(value for value in found if value != 1.0))


def _is_unusual(task: Task, factors: Mapping[Entry, float], rates: Mapping[Entry, float]) -> bool:
    """Return whether a wrong factor or learning rate is none of the most frequent ones.

    ``factors`` has the factor of each entry, ``rates`` the ratio of its rate to the right rate.
    Frequent are the factors 1, 2, ½ and 1/m (m rows), and the two rates of ``task``.
    """
    near = (1.0, 2.0, 0.5, 1 / len(task.X))
    own = {"W": task.rates.weight, "b": task.rates.bias}
    return not all(_is_any_of(factor, near) for factor in factors.values()) or not all(
        _is_any_of(rate * own[entry[0][0]], tuple(own.values())) for entry, rate in rates.items()
    )


def _rate_ratios(task: Task) -> tuple[float, ...]:
    """Return ratios of the task's two rates, such as bias rate / weight rate."""
    ratio = task.rates.bias / task.rates.weight
    return (1.0, ratio, 1 / ratio, ratio**2, ratio**-2)


def _is_any_of(size: float, values: tuple[float, ...]) -> bool:
    """Return whether a number is close to any of the values."""
    return any(_is_close(size, value) for value in values)


def _is_close(a: float, b: float) -> bool:
    """Return whether two ratios are equal up to rounding."""
    return abs(a - b) <= CLOSE * abs(b)


def _factor_change(factor: float) -> tuple[Change, ...]:
    """Return the mistake ``wrong-factor``, unless the factor is 1."""
    return () if _is_close(factor, 1.0) else (_scaled("wrong-factor", factor),)


def _rate_change(entry: Entry, rates: Mapping[Entry, float]) -> tuple[Change, ...]:
    """Return the change for an entry's learning rate; empty if the rate is right.

    ``rates`` has, for each entry, its rate divided by the right rate. The change is
    ``uneven-learning-rate`` if other entries of the same kind (weights or biases) have another
    ratio, else ``wrong-learning-rate``.
    """
    own = rates[entry]
    if _is_close(own, 1.0):
        return ()
    kind = [rate for other, rate in rates.items() if other[0][0] == entry[0][0]]
    even = all(_is_close(rate, own) for rate in kind)
    code = "wrong-learning-rate" if even else "uneven-learning-rate"
    return (_scaled(code, own),)


def _scaled(code: str, ratio: float) -> Change:
    """Return the change of a constant by a ratio."""
    return Change(code, (("ratio", _round_ratio(ratio)),), scale=ratio)


def _round_ratio(ratio: float) -> float:
    """Return the ratio with 6 digits if it is equal up to rounding."""
    short = float(f"{ratio:.6g}")
    return short if _is_close(short, ratio) else ratio
