"""What no single wrong number shows: answers by heart, answers that change, ways around the task.

None is a verdict and none costs points. That answers come by heart is only ever said
of outputs that are the same bit for bit whatever goes in, and that are published ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from gradkit.judge.case import Case
from gradkit.records.observations import FORBIDDEN_IMPORT, REPEATS, Failure, Outcome
from gradkit.records.task import Array

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
        if first is None or second is None or not (_whole(first) and _whole(second)):
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
    return outcome is not None and _whole(outcome) and bool(outcome.outputs["times"][0])


def remarkable(case: Case) -> bool:
    """Tell whether there is anything to remark that no failure has to be looked into for."""
    return bool(nondeterministic(case) or forbidden(case) or numerical(case))


def memorised(case: Case) -> tuple[str, ...]:
    """Return the roles whose answers are published ones, whatever they are asked."""
    judged = (_forward, _update, _train)
    return tuple(dict.fromkeys(role for judge in judged for role in judge(case)))


def _forward(case: Case) -> Iterator[str]:
    published, drawn = case.probes.forward
    outcome = case.observations.outcomes.get(drawn.name)
    if outcome is None or not _whole(outcome) or "y_hat" not in outcome.outputs:
        return
    known = case.expected[published.name]["y_hat"]
    if _ignores(outcome.outputs["y_hat"], case.expected[drawn.name]["y_hat"], known):
        yield drawn.role


def _update(case: Case) -> Iterator[str]:
    """New parameters that are the same from whatever old ones: those of a published run."""
    for batch in case.probes.update:
        outcome = case.observations.outcomes.get(batch.name)
        if outcome is None or not _whole(outcome):
            continue
        after = {key: outcome.outputs.get(key) for key in case.expected[batch.name]}
        known = _published_ends(case)
        if all(
            value is not None and _ignores(value, case.expected[batch.name][key], known[key])
            for key, value in after.items()
        ):
            yield batch.role


def _published_ends(case: Case) -> dict[str, Array]:
    """Return parameters at the published start and at the end of its run, stacked."""
    run = next(run for run in case.probes.runs if run.check == "trajectory")
    ends = case.expected[run.name]
    return {key: np.stack([value, ends[f"final/{key}"]]) for key, value in run.parameters.items()}


def _train(case: Case) -> Iterator[str]:
    """Losses that are those of the published run, from every other start and on other data."""
    if case.task.framework != "torch":
        return
    runs = [run for run in case.probes.runs if run.check == "trajectory"]
    found = [case.observations.outcomes.get(run.name) for run in runs]
    losses = [outcome.outputs.get("loss") for outcome in found if outcome is not None]
    if len(losses) < len(runs) or len(runs) < 2 or any(each is None for each in losses):
        return
    first, *others = [each for each in losses if each is not None]
    right = case.expected[runs[0].name]["loss"]
    apart = all(
        not _near(case.expected[run.name]["loss"][:3], right[: len(right)][:3]) for run in runs[1:]
    )
    alike = all(np.array_equal(each, first[: len(each)]) for each in others)
    if apart and alike and first.shape == right.shape and _near(first, right):
        yield "train"


def _ignores(found: NDArray[np.generic], expected: Array, published: Array) -> bool:
    """Tell whether all answers are one, bit for bit, that was published, and should all differ."""
    if found.shape != expected.shape or found.dtype.kind != "f" or len(found) < 3:
        return False
    same = all(np.array_equal(row, found[0]) for row in found)
    differ = len(np.unique(expected.reshape(len(expected), -1), axis=0)) == len(expected)
    return same and differ and any(_near(found[0].astype(float), row) for row in published)


def _near(found: NDArray[np.generic], expected: Array) -> bool:
    return found.shape == expected.shape and bool(
        np.allclose(found.astype(float), expected, rtol=PUBLISHED, atol=0)
    )


def _whole(outcome: Outcome) -> bool:
    return outcome.failure is None and outcome.lost is None and not outcome.faults


def _same(first: Answers, second: Answers, rows: int | None, part: float) -> bool:
    """Tell whether two sets of answers are the same, but for a part of the largest number."""

    def near(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
        allowed = part * float(np.abs(other[np.isfinite(other)]).max(initial=0.0))
        return one.shape == other.shape and np.allclose(one, other, 0.0, allowed, equal_nan=True)

    return first.keys() == second.keys() and all(
        near(first[key][:rows], value) for key, value in second.items()
    )
