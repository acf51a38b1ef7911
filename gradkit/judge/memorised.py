"""Detect hard-coded results, results that change, and ways around the task.

None of these is a verdict, and none costs points. Results count as hard-coded only if they are
published results, and identical bit for bit whatever the inputs are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from gradkit.judge.comparison import Case, came_back
from gradkit.records.observations import FORBIDDEN_IMPORT, REPEATS, Failure, Outcome
from gradkit.records.task import Array, Batch

AGAIN = " again"
"""Suffix of the name of a batch or run that was run a second time."""

PUBLISHED_TOLERANCE = 1e-6
"""Largest relative error of a copy of a published number, which is printed with few digits."""

SUM_ORDER_TOLERANCE = 1e-5
"""Largest change of a training result by another order of sums, relative to the largest number."""

Answers = Mapping[str, NDArray[np.generic]]
"""The outputs of one batch or run, by quantity."""


def nondeterministic(case: Case) -> tuple[str, ...]:
    """Return the roles that gave different numbers when called twice with the same inputs.

    Results of training may differ by rounding, since rows may be summed in another order.
    """
    outcomes = case.observations.outcomes
    found = []
    for name, role in _roles(case).items():
        first, second = outcomes.get(name), outcomes.get(name + AGAIN)
        if not (_is_complete(first) and _is_complete(second)):
            continue
        trains = role == "train"
        rows = None if trains else len(next(iter(second.outputs.values()), ()))
        if not _same(first.outputs, second.outputs, rows, SUM_ORDER_TOLERANCE if trains else 0.0):
            found.append(role)
    return tuple(dict.fromkeys(found))


def forbidden(case: Case) -> dict[str, Failure]:
    """Return the failures by the import of a package that the task does not allow, by role."""
    outcomes = case.observations.outcomes
    found: dict[str, Failure] = {}
    for name, role in {**_roles(case), "initialise": "initialise", "model": "model"}.items():
        outcome = outcomes.get(name)
        failure = outcome.failure if outcome is not None else None
        if failure is not None and failure.type == FORBIDDEN_IMPORT and role in case.binding.bound:
            found.setdefault(role, failure)
    return found


def _roles(case: Case) -> dict[str, str]:
    """Return the role that each batch or run calls, by the name of the batch or run."""
    roles = {batch.name: batch.role for batch in (*case.probes.forward, *case.probes.update)}
    return roles | {run.name: "train" for run in case.probes.runs}


def numerical(case: Case) -> bool:
    """Return whether the update computes its gradient numerically.

    It then calls one function about as often as there are parameters, or more often.
    """
    outcome = case.observations.outcomes.get(REPEATS)
    return _is_complete(outcome) and bool(outcome.outputs["times"][0])


def remarkable(case: Case) -> bool:
    """Return whether code that passes all checks still needs a remark by the diagnosis."""
    return bool(nondeterministic(case) or forbidden(case) or numerical(case))


def memorised(case: Case) -> tuple[str, ...]:
    """Return the roles that give published results, whatever their inputs are."""
    published, drawn = case.probes.forward
    candidates = [(drawn, {"y_hat": case.expected[published.name]["y_hat"]})]
    candidates += [(batch, _published_ends(case)) for batch in case.probes.update]
    roles = [batch.role for batch, known in candidates if _is_hard_coded(case, batch, known)]
    return (*roles, *(["train"] if _is_training_hard_coded(case) else []))


def _is_hard_coded(case: Case, batch: Batch, known: Mapping[str, Array]) -> bool:
    """Return whether each quantity in `known` always has the same one of its published values."""
    outcome, expected = case.observations.outcomes.get(batch.name), case.expected[batch.name]
    return _is_complete(outcome) and all(
        key in outcome.outputs and _ignores(outcome.outputs[key], expected[key], published)
        for key, published in known.items()
    )


def _published_ends(case: Case) -> dict[str, Array]:
    """Return the parameters at the published start and at the end of its run, stacked."""
    run = next(run for run in case.probes.runs if run.check == "trajectory")
    ends = case.expected[run.name]
    return {key: np.stack([value, ends[f"final/{key}"]]) for key, value in run.parameters.items()}


def _is_training_hard_coded(case: Case) -> bool:
    """Return whether all runs, with other starts and data too, give the published losses."""
    runs = [run for run in case.probes.runs if run.check == "trajectory"]
    outcomes = [case.observations.outcomes.get(run.name) for run in runs]
    losses = [each.outputs["loss"] for each in outcomes if each and "loss" in each.outputs]
    if len(losses) < len(runs):
        return False
    first, *others = losses
    right, *rest = (case.expected[run.name]["loss"] for run in runs)
    apart = all(not _near(loss[:3], right[:3]) for loss in rest)
    alike = all(np.array_equal(each, first[: len(each)]) for each in others)
    return apart and alike and _near(first, right)


def _ignores(found: NDArray[np.generic], expected: Array, published: Array) -> bool:
    """Return whether all results are the same published result although all should differ."""
    if found.shape != expected.shape or found.dtype.kind != "f":
        return False
    same = all(np.array_equal(row, found[0]) for row in found)
    differ = len(np.unique(expected.reshape(len(expected), -1), axis=0)) == len(expected)
    return same and differ and any(_near(found[0].astype(float), row) for row in published)


def _near(found: NDArray[np.generic], expected: Array) -> bool:
    """Return whether two arrays agree up to the digits of a printed number."""
    return found.shape == expected.shape and bool(
        np.allclose(found.astype(float), expected, rtol=PUBLISHED_TOLERANCE, atol=0)
    )


def _is_complete(outcome: Outcome | None) -> TypeGuard[Outcome]:
    """Return whether a call returned, and all of its values could be read."""
    return came_back(outcome) and not outcome.faults


def _same(first: Answers, second: Answers, rows: int | None, part: float) -> bool:
    """Return whether two sets of results agree.

    Of the first set, the first `rows` rows are compared. `part` is the accepted error relative to
    the largest number.
    """

    def near(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
        allowed = part * float(np.abs(other[np.isfinite(other)]).max(initial=0.0))
        return one.shape == other.shape and np.allclose(one, other, 0.0, allowed, equal_nan=True)

    return first.keys() == second.keys() and all(
        near(first[key][:rows], value) for key, value in second.items()
    )
