"""Whether a training loop, run in numpy, gives the numbers of a run in torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gradkit.diagnosis.mistakes.loop import Loop, first_record, train
from gradkit.judge.tolerances import LOST, SINGLE
from gradkit.records.rule import TrainingRun
from gradkit.records.task import Array

OF_CHANGE = 2e-3
"""Tolerance relative to how far the run has come: what float32 sums up to."""
OF_RIGHT = 1e-3
"""The same for what is called right: as strict as the verdict."""
OF_VALUE = 4e-6
DIVERGED = 1e3
"""Past this many times the first loss float32 and float64 part."""


def reproduces(loop: Loop, runs: Sequence[TrainingRun]) -> bool:
    """Whether losses and parameters of all runs agree, as long as they do not diverge."""
    if not all(run.losses.size for run in runs):
        return False
    with np.errstate(all="ignore"):
        if not loop.loss_after and not loop.batch:
            for run in runs:
                seen, (first, units) = run.losses[0], first_record(loop, run)
                allowed = OF_VALUE * abs(first) + 1e-7 + _lost(units, run)
                if np.isfinite(seen) and not abs(first - seen) <= allowed:
                    return False
        return all(_follows(loop, run) for run in runs)


def trains_alike(loop: Loop, runs: Sequence[TrainingRun]) -> bool:
    """Whether the parameters of all runs are the loop's, whatever losses were recorded."""
    with np.errstate(all="ignore"):
        for run in runs:
            made = dict(enumerate(train(loop, run, max(run.after, default=0)), 1))
            if not made or not np.isfinite(made[len(made)][0]):
                return False
            if not all(
                _near(made[epochs][1], parameters, run, OF_RIGHT)
                for epochs, parameters in run.after.items()
            ):
                return False
    return True


def _lost(units: float, run: TrainingRun) -> float:
    """Return what single precision may take from the first loss; at most a thousandth."""
    lost = LOST * SINGLE * units
    return min(lost, 1e-3 * abs(float(run.losses[0]))) if np.isfinite(lost) else 0.0


def _follows(loop: Loop, run: TrainingRun) -> bool:
    """Whether losses and parameters agree, as long as the run does not diverge."""
    asked = max(run.after, default=len(run.losses))
    # A loss may be recorded that no step belongs to, or a step made that no loss belongs to.
    if len(run.losses) not in (asked, asked + loop.rounds):
        return False
    if not np.isfinite(run.losses[0]):
        return not loop.rounds and _steps_alike(loop, run)
    if -loop.rounds in run.after and not _near(run.start, run.after[-loop.rounds], run):
        return False
    change = 0.0
    first = abs(float(run.losses[0])) + 1e-12
    lost = _lost(first_record(loop, run)[1], run)
    made = train(loop, run, max(len(run.losses), asked + loop.rounds))
    for epoch, (loss, parameters) in enumerate(made):
        if epoch < len(run.losses):
            seen = float(run.losses[epoch])
            if not np.isfinite(seen) or abs(seen) > DIVERGED * first:
                return len(run.losses) == asked + loop.rounds and (
                    not np.isfinite(loss) or abs(loss) > 0.5 * DIVERGED * first
                )
            change = max(change, abs(seen - float(run.losses[0])))
            allowed = OF_CHANGE * change + OF_VALUE * max(abs(seen), 1e-3) + lost
            if not abs(loss - seen) <= allowed:
                return False
        known = run.after.get(epoch + 1 - loop.rounds)
        if known is not None and not _near(parameters, known, run):
            return False
    return True


def _steps_alike(loop: Loop, run: TrainingRun) -> bool:
    """Whether parameters agree where no loss is a number, which many loops have in common.

    The logarithm of a negative prediction is none, and its slope is one nevertheless.
    """
    known = {
        epochs: parameters
        for epochs, parameters in run.after.items()
        if all(np.isfinite(value).all() for value in parameters.values())
    }
    if not known:
        return False
    made = dict(enumerate(train(loop, run, max(known)), 1))
    return not np.isfinite(made[1][0]) and all(
        _near(made[epochs][1], parameters, run) for epochs, parameters in known.items()
    )


def _near(
    ours: Mapping[str, Array],
    theirs: Mapping[str, Array],
    run: TrainingRun,
    of_change: float = OF_CHANGE,
) -> bool:
    moved = max(float(np.abs(theirs[key] - run.start[key]).max()) for key in theirs)
    for key, value in theirs.items():
        size = max(float(np.abs(value).max()), 1e-2)
        if not np.abs(ours[key] - value).max() <= of_change * moved + OF_VALUE * size:
            return False
    return True
