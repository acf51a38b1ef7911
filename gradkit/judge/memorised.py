"""What no single wrong number shows: answers by heart, answers that change, ways around the task.

None is a verdict and none costs points. That answers come by heart is only ever said
of outputs that are the same bit for bit whatever goes in, and that are published ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from gradkit.judge.case import Case, came_back
from gradkit.records.observations import FORBIDDEN_IMPORT, REPEATS, Failure, Outcome
from gradkit.records.task import Array, Batch

AGAIN = " again"
"""Ends the name of a batch or run that was asked a second time."""

PUBLISHED = 1e-6
"""How near, relative, an answer is to a published one that was copied: as they are printed."""

ROUNDING = 1e-5
"""Of the largest number: what the order of sums may change in a training run."""

Answers = Mapping[str, NDArray[np.generic]]


def nondeterministic(case: Case) -> tuple[str, ...]:
    """Return the roles that answered the same question twice, and not with the same numbers.

    Training may add up its rows in another order each time: its answers may differ in rounding.
    """
    outcomes = case.observations.outcomes
    found = []
    for name, role in _roles(case).items():
        first, second = outcomes.get(name), outcomes.get(name + AGAIN)
        if not (_whole(first) and _whole(second)):
            continue
        trains = role == "train"
        rows = None if trains else len(next(iter(second.outputs.values()), ()))
        if not _same(first.outputs, second.outputs, rows, ROUNDING if trains else 0.0):
            found.append(role)
    return tuple(dict.fromkeys(found))


def forbidden(case: Case) -> dict[str, Failure]:
    """Return the roles that failed over a package that the task does not allow, and where."""
    outcomes = case.observations.outcomes
    found: dict[str, Failure] = {}
    for name, role in {**_roles(case), "initialise": "initialise", "model": "model"}.items():
        outcome = outcomes.get(name)
        failure = outcome.failure if outcome is not None else None
        if failure is not None and failure.type == FORBIDDEN_IMPORT and role in case.binding.bound:
            found.setdefault(role, failure)
    return found


def _roles(case: Case) -> dict[str, str]:
    """Map batches and runs to the roles that are asked in them."""
    roles = {batch.name: batch.role for batch in (*case.probes.forward, *case.probes.update)}
    return roles | {run.name: "train" for run in case.probes.runs}


def numerical(case: Case) -> bool:
    """Whether the update calls one function about as often as there are parameters, or more."""
    outcome = case.observations.outcomes.get(REPEATS)
    return _whole(outcome) and bool(outcome.outputs["times"][0])


def remarkable(case: Case) -> bool:
    """Tell whether there is anything to remark that no failure has to be looked into for."""
    return bool(nondeterministic(case) or forbidden(case) or numerical(case))


def memorised(case: Case) -> tuple[str, ...]:
    """Return the roles whose answers are published ones, whatever they are asked."""
    published, drawn = case.probes.forward
    asked = [(drawn, {"y_hat": case.expected[published.name]["y_hat"]})]
    asked += [(batch, _published_ends(case)) for batch in case.probes.update]
    by_heart = [batch.role for batch, known in asked if _is_by_heart(case, batch, known)]
    return (*by_heart, *(["train"] if _trains_by_heart(case) else []))


def _is_by_heart(case: Case, batch: Batch, known: Mapping[str, Array]) -> bool:
    """Tell whether all of some quantities are always the same one of those published."""
    outcome, expected = case.observations.outcomes.get(batch.name), case.expected[batch.name]
    return _whole(outcome) and all(
        key in outcome.outputs and _ignores(outcome.outputs[key], expected[key], published)
        for key, published in known.items()
    )


def _published_ends(case: Case) -> dict[str, Array]:
    """Return parameters at the published start and at the end of its run, stacked."""
    run = next(run for run in case.probes.runs if run.check == "trajectory")
    ends = case.expected[run.name]
    return {key: np.stack([value, ends[f"final/{key}"]]) for key, value in run.parameters.items()}


def _trains_by_heart(case: Case) -> bool:
    """Tell whether losses are those of the published run, from other starts and on other data."""
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
    """Tell whether all answers are one, bit for bit, that was published, and should all differ."""
    if found.shape != expected.shape or found.dtype.kind != "f":
        return False
    same = all(np.array_equal(row, found[0]) for row in found)
    differ = len(np.unique(expected.reshape(len(expected), -1), axis=0)) == len(expected)
    return same and differ and any(_near(found[0].astype(float), row) for row in published)


def _near(found: NDArray[np.generic], expected: Array) -> bool:
    return found.shape == expected.shape and bool(
        np.allclose(found.astype(float), expected, rtol=PUBLISHED, atol=0)
    )


def _whole(outcome: Outcome | None) -> TypeGuard[Outcome]:
    return came_back(outcome) and not outcome.faults


def _same(first: Answers, second: Answers, rows: int | None, part: float) -> bool:
    """Tell whether two sets of answers are the same, but for a part of the largest number."""

    def near(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
        allowed = part * float(np.abs(other[np.isfinite(other)]).max(initial=0.0))
        return one.shape == other.shape and np.allclose(one, other, 0.0, allowed, equal_nan=True)

    return first.keys() == second.keys() and all(
        near(first[key][:rows], value) for key, value in second.items()
    )
