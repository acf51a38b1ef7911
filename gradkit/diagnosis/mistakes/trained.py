"""Explain a torch training run by the mistakes that, run, give its numbers.

A run leaves losses and parameters and nothing else, so there is no rule to recover: every
mistake alone, then every pair, is run in numpy from the same starts, and those that give
the observed numbers are told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.mistakes.loop import Loop, correct_loop, first_record, train
from gradkit.diagnosis.mistakes.training import (
    CHANGES,
    GROUPS,
    RATIOS,
    RECORD,
    loop_with,
    training_cases,
)
from gradkit.formatting import format_text
from gradkit.judge.tolerances import LOST, SINGLE
from gradkit.records.result import NoDiagnosisError
from gradkit.records.rule import Explanation, Slip, TrainingRun
from gradkit.records.task import Array, Task

LEAST_RATIO = 1e-5
RATES = (10.0, 0.1, 100.0, 0.01, 2.0, 0.5, 5.0)


def explain_training(
    task: Task,
    runs: Sequence[TrainingRun],
    *,
    barred: Collection[str] = (),
    likely: Collection[str] = (),
    most: int = 2,
) -> Explanation:
    """The mistakes, at most one or two, that reproduce a student's training runs.

    Parameters
    ----------
    task : Task
    runs : sequence of TrainingRun
        From at least two different starts: one may hide a mistake.
    barred : collection of str
        Codes that other observations rule out: activations where the module's own
        forward pass is right, ``unregistered-parameters`` where all are there.
    likely : collection of str
        Codes to be told first where several give equal numbers.
    most : int
        How many there may be.

    Returns
    -------
    Explanation
        Without slips where the runs are right; ``unknown`` where nothing gives their
        numbers, with the losses within 0.2 % of the run's own change. Where all parameters
        are right and the losses are not, it is what was recorded, in whatever form.

    Raises
    ------
    NoDiagnosisError
        Fewer than two runs.
    """
    if len(runs) < 2:
        raise NoDiagnosisError(
            format_text(
                "a training run is explained from at least two starts, and there is {count}",
                count=len(runs),
            )
        )
    right = correct_loop(task)
    if reproduces(right, runs):
        return Explanation()
    trained = trains_alike(right, runs)
    cases = [
        (code, details)
        for code in CHANGES
        if code not in barred and (code in RECORD or not trained)
        for details in training_cases(code, task, runs[0])
    ]
    for size in range(1, 1 + (1 if trained else most)):
        fitting: list[tuple[Slip, ...]] = []
        for made in combinations(cases, size):
            if len({GROUPS.get(code, code) for code, _ in made}) < size:
                continue
            slips = tuple(Slip(code, (), (details,)) for code, details in made)
            fitting += [
                complete
                for complete in _with_figures(task, slips, runs)
                if reproduces(loop_with(task, complete), runs)
            ]
        if fitting:
            fitting.sort(key=lambda slips: _place(slips, likely))
            # Of one set of codes in several forms the first is told.
            unique: dict[frozenset[str], tuple[Slip, ...]] = {}
            for slips in fitting:
                unique.setdefault(frozenset(slip.code for slip in slips), slips)
            first, *others = (_about(slips, trained) for slips in unique.values())
            return Explanation(first, tuple(others))
    if trained:
        # That it is none of the losses is seen, whatever else it may be.
        other = Slip("recorded-loss", (), ((("form", "other"),),))
        return Explanation(_about((other,), trained))
    return Explanation(unknown=True)


def _place(slips: tuple[Slip, ...], likely: Collection[str]) -> tuple[int, bool]:
    """Where a set of mistakes stands among those of equal numbers."""
    return (
        -sum(slip.code in likely for slip in slips),
        any("recorded" in dict(details) for slip in slips for details in slip.details),
    )


def _about(slips: tuple[Slip, ...], trained: bool) -> tuple[Slip, ...]:
    """The slips, with what else is known about the run that they were made in."""
    return tuple(
        _with(slip, "training", "right") if trained and slip.code == "recorded-loss" else slip
        for slip in slips
    )


def _with(slip: Slip, name: str, fact: str | float) -> Slip:
    return replace(slip, details=((*slip.details[0], (name, fact)),))


# --- figures that are not guessed but read off a run -------------------------------------------


def _with_figures(
    task: Task, slips: tuple[Slip, ...], runs: Sequence[TrainingRun]
) -> Iterator[tuple[Slip, ...]]:
    """The slips with their figures: what is in front of a loss, then the learning rate."""
    unknown = [slip for slip in slips if slip.code in RATIOS and _is_open(slip)]
    if len(unknown) > 1 or (unknown and not runs[0].losses.size):
        return  # of two numbers in front of one loss neither can be told
    for slip in unknown:
        loop = loop_with(task, [each for each in slips if each.code != "wrong-learning-rate"])
        with np.errstate(all="ignore"):
            recorded, _ = next(train(loop, runs[0], 1))
        ratio = _read_off(runs[0].losses[:1], [recorded], 1e-5)
        form = dict(slip.details[0]).get("form", "loss")
        if not np.isfinite(ratio) or (form == "loss" and abs(ratio - 1) < 1e-4):
            return
        if ratio == 0 or (ratio < 0 and slip.code == "wrong-reduction"):
            return
        known = _with(slip, RATIOS[slip.code], ratio)
        slips = tuple(known if each is slip else each for each in slips)
    yield from _with_rate(task, slips, runs)


def _is_open(slip: Slip) -> bool:
    facts = dict(slip.details[0])
    if slip.code == "wrong-reduction" and facts["scale"] != "times":
        return False
    return RATIOS[slip.code] not in facts


def _read_off(
    theirs: Sequence[float] | np.ndarray, ours: Sequence[float] | np.ndarray, close: float
) -> float:
    """How many times ``ours`` they are; people write few digits, float32 has some."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    with np.errstate(all="ignore"):
        size = ours @ ours
        ratio = float(ours @ theirs / size) if size else 0.0
    short = float(f"{ratio:.3g}")
    return short if abs(short - ratio) < close * abs(ratio) else ratio


def _with_rate(
    task: Task, slips: tuple[Slip, ...], runs: Sequence[TrainingRun]
) -> Iterator[tuple[Slip, ...]]:
    """A wrong learning rate is read off the first step, where it was seen."""
    if all(slip.code != "wrong-learning-rate" for slip in slips):
        yield slips
        return
    others = tuple(slip for slip in slips if slip.code != "wrong-learning-rate")
    run = runs[0]
    ratios: Iterable[float] = RATES
    loop = loop_with(task, others)
    if 1 - loop.rounds in run.after:
        seen = run.after[1 - loop.rounds]
        with np.errstate(all="ignore"):
            _, parameters = next(train(loop, run, 1))
        ours = np.concatenate([(parameters[k] - v).ravel() for k, v in run.start.items()])
        theirs = np.concatenate([(seen[k] - v).ravel() for k, v in run.start.items()])
        ratio = _read_off(theirs, ours, 2e-3)
        ratios = (ratio,) if ratio > LEAST_RATIO and abs(ratio - 1) > 1e-3 else ()
    for ratio in ratios:
        yield (*others, Slip("wrong-learning-rate", (), ((("ratio", ratio),),)))


# --- whether a loop gives the numbers of a run -----------------------------------------------

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
        ways = [_way_to(loop, run, run.after, OF_RIGHT) for run in runs]
    return all(losses and np.isfinite(losses[-1]) for losses in ways)


def _way_to(
    loop: Loop,
    run: TrainingRun,
    after: Mapping[int, Mapping[str, Array]],
    of_change: float = OF_CHANGE,
) -> list[float]:
    """The losses on a loop's way to parameters after some epochs; none where it misses them."""
    made = [*train(loop, run, max(after, default=0))]
    alike = (_near(made[epochs - 1][1], each, run, of_change) for epochs, each in after.items())
    return [loss for loss, _ in made] if all(alike) else []


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
    losses = _way_to(loop, run, known)
    return bool(losses) and not np.isfinite(losses[0])


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
