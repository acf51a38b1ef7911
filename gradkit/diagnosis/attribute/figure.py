"""Mistakes in the constant of a step: its sign, a factor, the learning rate."""

from __future__ import annotations

import numpy as np

from gradkit.diagnosis.attribute.case import Case
from gradkit.diagnosis.attribute.product import OUTPUT, Pieces, parts_of, stage_of, within
from gradkit.records.rule import Entry, Evidence

Found = tuple[int, Evidence]
"""An event, and why it is the one."""

CLOSE = 1e-8

FIGURES = frozenset(
    {"wrong-sign", "wrong-factor", "wrong-learning-rate", "uneven-learning-rate", "rate-ignored"}
)
"""Mistakes in the constant, which no factor shows."""


def with_figure(case: Case, entry: Entry, ours: Pieces, ratio: float) -> Found | None:
    """Where a value's constant changes by the ratio that the step is off by."""
    parts = [part for part in parts_of(ours) if part]
    chain = [
        (hit.event, part, hit.factor)
        for part, hits in zip(parts, case.hits(parts, entry), strict=True)
        for hit in hits
    ]
    chain.sort(key=lambda link: link[0])
    everywhere = len(case.slip.entries) == len(case.applied)
    steps = _steps(case, entry, ratio)
    for number, (event, part, factor) in enumerate(chain):
        earlier = [f for e, p, f in chain[:number] if e < event and within(p, part)]
        own = part == ours and case.columns.fits(event, entry[0])
        if not earlier or everywhere or (case.used_elsewhere(part) and not own):
            continue
        if any(abs(factor / earlier[-1] - step) <= CLOSE * abs(step) for step in steps):
            return event, "figure"
    return _rate(case, entry, ratio) or _error_stage(case, chain)


def scaled_in_place(case: Case, entry: Entry) -> Found | None:
    """Where an array of the parameter's shape is multiplied, at the entry, by the ratio."""
    ratio = case.fact(entry, "ratio")
    if not isinstance(ratio, float):
        return None
    for number, value, before in case.columns.changed(entry):
        if np.all(np.abs(value - ratio * before) <= CLOSE * np.abs(value)) and np.any(value):
            return number, "figure"
    return None


def _steps(case: Case, entry: Entry, ratio: float) -> tuple[float, ...]:
    """By what a value may be multiplied for the step to be off by ``ratio``."""
    if case.slip.code == "wrong-sign":
        return (-1.0,)
    rate = case.task.rates.weight if entry[0][0] == "W" else case.task.rates.bias
    return ratio, -ratio, ratio * rate, -ratio * rate


def _rate(case: Case, entry: Entry, ratio: float) -> Found | None:
    """A learning rate that is set by a name, and that nothing right is multiplied with."""
    if not case.slip.code.endswith("learning-rate") and case.slip.code != "rate-ignored":
        return None
    rates = {"W": case.task.rates.weight, "b": case.task.rates.bias}
    wrong = rates[entry[0][0]] * (1.0 if case.slip.code == "rate-ignored" else abs(ratio))
    right = [rates[other[0][0]] for other in case.applied if other not in case.slip.entries]
    if any(abs(value - wrong) <= CLOSE * wrong for value in right):
        return None
    event = constant_before(case, (wrong,), None)
    return None if event is None else (event, "figure")


def constant_before(case: Case, sizes: tuple[float, ...], end: int | None) -> int | None:
    """The last event before ``end`` that is the same number in all calls, one of ``sizes``."""
    found = None
    for number, event in enumerate(case.columns.events[:end]):
        size = np.abs(event.values)
        if size[0].size == 1 and any(np.all(np.abs(size - s) <= CLOSE * s) for s in sizes):
            found = number
    return found


def _error_stage(case: Case, chain: list[tuple[int, Pieces, float]]) -> Found | None:
    """A factor of the loss that is missing everywhere belongs where the error is made."""
    if case.slip.code != "wrong-factor" or len(case.slip.entries) < len(case.applied):
        return None
    errors = [
        event
        for event, part, _ in chain
        if all(stage_of(piece, 1) == OUTPUT for piece in part) and not case.columns.repeats(event)
    ]
    events = case.columns.events
    like = [e for e in errors if events[e].values.shape == events[errors[0]].values.shape]
    return (like[-1], "figure") if like else None
