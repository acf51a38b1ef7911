"""Signs, factors and learning rates: what the ratios of coefficients say together.

One ratio alone says little: 0.05 may be a forgotten 2 and a rate ten times too small, or
one rate twenty times too small. So all entries are read at once, and the reading with
the fewest mistakes is told first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gradkit.diagnosis.mistakes.parts import Change
from gradkit.records.rule import Entry
from gradkit.records.task import Task

Figures = Mapping[Entry, tuple[Change, ...]]

CLOSE = 1e-8


def readings(task: Task, ratios: Mapping[Entry, float]) -> list[Figures]:
    """All readings of the entries' ratios, fewest mistakes first.

    Parameters
    ----------
    task : Task
        Its rates and number of rows say which figures mean something.
    ratios : mapping
        For every entry that moves, its coefficient by the right one. Those that are right
        count too: an uneven rate is seen against them.

    Returns
    -------
    list of mappings
        For the entries that are off, ``wrong-sign``, ``wrong-factor``,
        ``wrong-learning-rate`` and ``uneven-learning-rate`` with their ratios.
    """
    signs = {entry for entry, ratio in ratios.items() if ratio < 0}
    sizes = {entry: abs(ratio) for entry, ratio in ratios.items()}
    found: list[tuple[int, int, Figures]] = []
    for factors in _splits(task, sizes):
        rates = {entry: sizes[entry] / factors.get(entry, 1.0) for entry in sizes}
        figures = {
            entry: (
                *((("wrong-sign", ()),) if entry in signs else ()),
                *_factor(factors.get(entry, 1.0)),
                *_rate(entry, rates),
            )
            for entry in ratios
        }
        codes = {code for changes in figures.values() for code, _ in changes}
        strange = sum(not _known(rate, _rate_ratios(task)) for rate in rates.values())
        # A rate of 0.05 is easier to come by than one of 0.1 and a 2 that is missing.
        far = (
            "wrong-factor" in codes
            and len(codes - {"wrong-sign"}) > 1
            and _is_far(task, factors, rates)
        )
        kept = {entry: changes for entry, changes in figures.items() if changes}
        if all(kept != other for _, _, other in found):
            found.append((len(codes) + far, strange, kept))
    # A rate that is none of the task's weighs as much as a second mistake.
    found.sort(key=lambda item: (item[0] + (item[1] > 0), item[1]))
    return [figures for _, _, figures in found]


def common_ratios(task: Task, ratios: Mapping[Entry, float]) -> dict[Entry, float]:
    """What a free rate policy forgives: one and the same positive ratio within each kind."""
    forgiven: dict[Entry, float] = {}
    if task.rates.policy == "free":
        for kind in "Wb":
            values = [ratio for entry, ratio in ratios.items() if entry[0][0] == kind]
            if values and values[0] > 0 and all(_same(v, values[0]) for v in values):
                forgiven |= {entry: values[0] for entry in ratios if entry[0][0] == kind}
    return forgiven


def is_usual_ratio(task: Task, size: float) -> bool:
    """Whether a coefficient so many times the right one comes of rates and common factors."""
    return any(_known(size / factor, _rate_ratios(task)) for factor in (1.0, *_factor_ratios(task)))


def _splits(task: Task, sizes: Mapping[Entry, float]) -> Iterator[dict[Entry, float]]:
    """Ways to tell factors (2, ½, 1/m) from rates, entry by entry."""
    known = _factor_ratios(task)
    rates = _rate_ratios(task)
    alone = {
        entry: size
        for entry, size in sizes.items()
        if _known(size, known) and not _known(size, rates)
    }
    yield alone
    # A factor that is seen alone somewhere may hide behind a rate elsewhere.
    behind = {
        entry: factor
        for entry, size in sizes.items()
        for factor in alone.values()
        if entry not in alone and not _known(size, rates) and _known(size / factor, rates)
    }
    if behind:
        yield alone | behind
    for factor in known:
        if all(_known(size / factor, rates) for size in sizes.values()):
            yield dict.fromkeys(sizes, factor)
    yield {}


def _factor_ratios(task: Task) -> tuple[float, ...]:
    rows = len(task.X)
    widths = (task.layers[0].units, task.X.shape[1], task.layers[-1].units)
    found = [2.0, 0.5, 4.0, 0.25, 1 / rows, 2 / rows, float(rows), *(1.0 / w for w in widths)]
    return tuple(dict.fromkeys(value for value in found if value != 1.0))


def _is_far(task: Task, factors: Mapping[Entry, float], rates: Mapping[Entry, float]) -> bool:
    """Whether a factor, or a rate by its side, is not of the kind that is usually mistaken."""
    near = (1.0, 2.0, 0.5, 1 / len(task.X))
    own = {"W": task.rates.weight, "b": task.rates.bias}
    return not all(_known(factor, near) for factor in factors.values()) or not all(
        _known(rate * own[entry[0][0]], tuple(own.values())) for entry, rate in rates.items()
    )


def _rate_ratios(task: Task) -> tuple[float, ...]:
    ratio = task.rates.bias / task.rates.weight
    return (1.0, ratio, 1 / ratio, ratio**2, ratio**-2)


def _known(size: float, values: tuple[float, ...]) -> bool:
    return any(_same(size, value) for value in values)


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= CLOSE * abs(b)


def _factor(factor: float) -> tuple[Change, ...]:
    return () if _same(factor, 1.0) else (("wrong-factor", (("ratio", _short(factor)),)),)


def _rate(entry: Entry, rates: Mapping[Entry, float]) -> tuple[Change, ...]:
    own = rates[entry]
    if _same(own, 1.0):
        return ()
    kind = [rate for other, rate in rates.items() if other[0][0] == entry[0][0]]
    even = all(_same(rate, own) for rate in kind)
    code = "wrong-learning-rate" if even else "uneven-learning-rate"
    return ((code, (("ratio", _short(own)),)),)


def _short(ratio: float) -> float:
    short = float(f"{ratio:.6g}")
    return short if _same(short, ratio) else ratio
