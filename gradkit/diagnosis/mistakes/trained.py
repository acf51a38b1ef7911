"""Explain a torch training run by mistakes that, run in numpy, give its numbers.

A run gives losses and parameters only, so there is no rule to recover. Every single mistake, then
every pair, is run from the same starts; those that give the observed numbers are reported.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.mistakes.loop import Loop, correct_loop, initial_record, train
from gradkit.diagnosis.mistakes.training import (
    CHANGES,
    GROUPS,
    RATIOS,
    RECORDING_MISTAKES,
    loop_with,
    training_cases,
)
from gradkit.judge.tolerances import LOST, SINGLE
from gradkit.records.result import NoDiagnosisError
from gradkit.records.rule import Explanation, Slip, TrainingRun
from gradkit.records.task import Array, Task
from gradkit.text import format_text

LEAST_RATIO = 1e-5
"""Smallest ratio of learning rates that can be measured."""
GUESSED_RATIOS = (10.0, 0.1, 100.0, 0.01, 2.0, 0.5, 5.0)
"""Ratios of learning rates that are tried if the first step was not observed."""


def explain_training(
    task: Task,
    runs: Sequence[TrainingRun],
    *,
    barred: Collection[str] = (),
    likely: Collection[str] = (),
    most: int = 2,
) -> Explanation:
    """Return the fewest mistakes, at most ``most``, that reproduce a student's training runs.

    Parameters
    ----------
    task : Task
    runs : sequence of TrainingRun
        From at least two different starts: one may hide a mistake.
    barred : collection of str
        Codes that other observations rule out: activations if the module's own forward pass is
        right, ``unregistered-parameters`` if all parameters are there.
    likely : collection of str
        Codes to be preferred if several give equal numbers.
    most : int
        Largest number of mistakes.

    Returns
    -------
    Explanation
        Without slips if the runs are right; ``unknown`` if no mistakes give their numbers, with
        losses within 0.2 % of the run's own change. Other sets of as few mistakes are its
        alternatives. If all parameters are right and only the losses are wrong, one mistake of
        `RECORDING_MISTAKES` is looked for, and ``recorded-loss`` is returned if none fits.

    Raises
    ------
    NoDiagnosisError
        Fewer than two runs.
    """
    if len(runs) < 2:
        raise NoDiagnosisError(
            format_text(
                "explaining a training run needs at least two starts, and there is {count}",
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
        if code not in barred and (code in RECORDING_MISTAKES or not trained)
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
                for complete in _measure_details(task, slips, runs)
                if reproduces(loop_with(task, complete), runs)
            ]
        if fitting:
            fitting.sort(key=lambda slips: _preference(slips, likely))
            # Of several forms of the same mistakes, the first is reported.
            unique: dict[frozenset[str], tuple[Slip, ...]] = {}
            for slips in fitting:
                unique.setdefault(frozenset(slip.code for slip in slips), slips)
            first, *others = (_mark_training_right(slips, trained) for slips in unique.values())
            return Explanation(first, tuple(others))
    if trained:
        # The training is right, so only the recorded values can be wrong.
        other = Slip("recorded-loss", (), ((("form", "other"),),))
        return Explanation(_mark_training_right((other,), trained))
    return Explanation(unknown=True)


def _preference(slips: tuple[Slip, ...], likely: Collection[str]) -> tuple[int, bool]:
    """Return a sort key for a set of mistakes, lower if it is to be preferred to others.

    The sets have equal numbers. Sets with most codes in ``likely`` come first, and of equally
    likely sets, those in which a mistake also changes the recorded losses come last.
    """
    return (
        -sum(slip.code in likely for slip in slips),
        any("recorded" in dict(details) for slip in slips for details in slip.details),
    )


def _mark_training_right(slips: tuple[Slip, ...], trained: bool) -> tuple[Slip, ...]:
    """Return the mistakes; if ``trained``, ``recorded-loss`` gets the detail ``training: right``.

    ``trained`` means that all parameters of the runs are right.
    """
    return tuple(
        _add_detail(slip, "training", "right") if trained and slip.code == "recorded-loss" else slip
        for slip in slips
    )


def _add_detail(slip: Slip, name: str, fact: str | float) -> Slip:
    """Return a copy of a mistake with the detail ``name`` added."""
    return replace(slip, details=((*slip.details[0], (name, fact)),))


# --- numbers that are measured in a run --------------------------------------------------------


def _measure_details(
    task: Task, slips: tuple[Slip, ...], runs: Sequence[TrainingRun]
) -> Iterator[tuple[Slip, ...]]:
    """Yield the mistakes with the numbers that describe them, measured in training runs.

    ``slips`` are mistakes of a training loop of ``task``, some without their number: the factor of
    the loss, which is the first observed loss in ``runs`` divided by the predicted one, or the
    learning rate. Nothing is yielded if the factor cannot be measured, is 1 or 0, or is negative
    for ``wrong-reduction``, or if two of the mistakes need a factor.
    """
    unknown = [slip for slip in slips if slip.code in RATIOS and _lacks_factor(slip)]
    if len(unknown) > 1 or (unknown and not runs[0].losses.size):
        return  # two unknown factors of one loss cannot be told apart
    for slip in unknown:
        loop = loop_with(task, [each for each in slips if each.code != "wrong-learning-rate"])
        with np.errstate(all="ignore"):
            recorded, _ = next(train(loop, runs[0], 1))
        ratio = _measure_ratio(runs[0].losses[:1], [recorded], 1e-5)
        form = dict(slip.details[0]).get("form", "loss")
        if not np.isfinite(ratio) or (form == "loss" and abs(ratio - 1) < 1e-4):
            return
        if ratio == 0 or (ratio < 0 and slip.code == "wrong-reduction"):
            return
        known = _add_detail(slip, RATIOS[slip.code], ratio)
        slips = tuple(known if each is slip else each for each in slips)
    yield from _measure_rate(task, slips, runs)


def _lacks_factor(slip: Slip) -> bool:
    """Return whether the factor of the loss has to be measured for this mistake.

    Not if its details have the factor, or for a ``wrong-reduction`` to a sum or a half.
    """
    facts = dict(slip.details[0])
    if slip.code == "wrong-reduction" and facts["scale"] != "times":
        return False
    return RATIOS[slip.code] not in facts


def _measure_ratio(
    observed: Sequence[float] | np.ndarray,
    predicted: Sequence[float] | np.ndarray,
    tolerance: float,
) -> float:
    """Return the least-squares ratio of observed to predicted numbers; 0 if all predicted are 0.

    It is rounded to 3 digits if this changes it by less than ``tolerance``, relatively.
    """
    predicted, observed = np.asarray(predicted), np.asarray(observed)
    with np.errstate(all="ignore"):
        size = predicted @ predicted
        ratio = float(predicted @ observed / size) if size else 0.0
    short = float(f"{ratio:.3g}")
    return short if abs(short - ratio) < tolerance * abs(ratio) else ratio


def _measure_rate(
    task: Task, slips: tuple[Slip, ...], runs: Sequence[TrainingRun]
) -> Iterator[tuple[Slip, ...]]:
    """Yield the mistakes with the ratio of a wrong learning rate, measured in the first step.

    ``slips`` are mistakes of a training loop of ``task``, and ``runs`` the observed runs. The ratio
    is the student's rate divided by the task's. If the first step was not observed, the mistakes
    are yielded with each usual ratio. Nothing is yielded if the measured ratio is 1 or too small.
    Without the mistake ``wrong-learning-rate``, ``slips`` are yielded unchanged.
    """
    if all(slip.code != "wrong-learning-rate" for slip in slips):
        yield slips
        return
    others = tuple(slip for slip in slips if slip.code != "wrong-learning-rate")
    run = runs[0]
    ratios: Iterable[float] = GUESSED_RATIOS
    loop = loop_with(task, others)
    if 1 - loop.rounds in run.after:
        seen = run.after[1 - loop.rounds]
        with np.errstate(all="ignore"):
            _, parameters = next(train(loop, run, 1))
        predicted = np.concatenate([(parameters[k] - v).ravel() for k, v in run.start.items()])
        observed = np.concatenate([(seen[k] - v).ravel() for k, v in run.start.items()])
        ratio = _measure_ratio(observed, predicted, 2e-3)
        ratios = (ratio,) if ratio > LEAST_RATIO and abs(ratio - 1) > 1e-3 else ()
    for ratio in ratios:
        yield (*others, Slip("wrong-learning-rate", (), ((("ratio", ratio),),)))


# --- whether a loop gives the numbers of a run -----------------------------------------------

OF_CHANGE = 2e-3
"""Tolerance relative to the change since the start, for rounding in float32."""
OF_RIGHT = 1e-3
"""The same tolerance for a run that counts as right, as in the check."""
OF_VALUE = 4e-6
DIVERGED = 1e3
"""Ratio to the first loss above which float32 and float64 give different losses."""


def reproduces(loop: Loop, runs: Sequence[TrainingRun]) -> bool:
    """Return whether the loop gives the losses and parameters of all runs until they diverge.

    False if a run has no losses. The first losses of all runs are compared before any run is
    trained.
    """
    if not all(run.losses.size for run in runs):
        return False
    with np.errstate(all="ignore"):
        if not loop.loss_after and not loop.batch:
            for run in runs:
                seen, (first, units) = run.losses[0], initial_record(loop, run)
                allowed = OF_VALUE * abs(first) + 1e-7 + _rounding_of_loss(units, run)
                if np.isfinite(seen) and not abs(first - seen) <= allowed:
                    return False
        return all(_follows(loop, run) for run in runs)


def trains_alike(loop: Loop, runs: Sequence[TrainingRun]) -> bool:
    """Return whether the loop gives the parameters of all runs, whatever losses were recorded.

    False if a run has no observed parameters, or if the loop's last loss is not finite.
    """
    with np.errstate(all="ignore"):
        ways = [_losses_if_parameters_agree(loop, run, run.after, OF_RIGHT) for run in runs]
    return all(losses and np.isfinite(losses[-1]) for losses in ways)


def _losses_if_parameters_agree(
    loop: Loop,
    run: TrainingRun,
    after: Mapping[int, Mapping[str, Array]],
    of_change: float = OF_CHANGE,
) -> list[float]:
    """Return the losses of a loop if it reaches the observed parameters ``after``; else [].

    ``after`` has the parameters of ``run`` by number of epochs. They may differ by ``of_change``
    times their change since the start. The result is also empty if ``after`` is empty.
    """
    made = [*train(loop, run, max(after, default=0))]
    alike = (_near(made[epochs - 1][1], each, run, of_change) for epochs, each in after.items())
    return [loss for loss, _ in made] if all(alike) else []


def _rounding_of_loss(units: float, run: TrainingRun) -> float:
    """Return the rounding error of the first loss, at most a thousandth of it.

    ``units`` is the second result of `initial_record`.
    """
    lost = LOST * SINGLE * units
    return min(lost, 1e-3 * abs(float(run.losses[0]))) if np.isfinite(lost) else 0.0


def _follows(loop: Loop, run: TrainingRun) -> bool:
    """Return whether the loop gives a run's losses and parameters until the run diverges.

    The numbers of losses and steps must agree too. A loss that is not finite, or `DIVERGED` times
    the first, ends the comparison, and the loop must diverge there too.
    """
    asked = max(run.after, default=len(run.losses))
    # There may be one loss more than steps, or one step more than losses.
    if len(run.losses) not in (asked, asked + loop.rounds):
        return False
    if not np.isfinite(run.losses[0]):
        return not loop.rounds and _has_equal_steps(loop, run)
    if -loop.rounds in run.after and not _near(run.start, run.after[-loop.rounds], run):
        return False
    change = 0.0
    first = abs(float(run.losses[0])) + 1e-12
    lost = _rounding_of_loss(initial_record(loop, run)[1], run)
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


def _has_equal_steps(loop: Loop, run: TrainingRun) -> bool:
    """Return whether a loop gives the parameters of a run whose losses are all nan, and nan itself.

    The logarithm of a negative prediction is nan, but its derivative is finite, so the parameters
    tell loops apart. Only finite parameters are compared.
    """
    known = {
        epochs: parameters
        for epochs, parameters in run.after.items()
        if all(np.isfinite(value).all() for value in parameters.values())
    }
    losses = _losses_if_parameters_agree(loop, run, known)
    return bool(losses) and not np.isfinite(losses[0])


def _near(
    predicted: Mapping[str, Array],
    observed: Mapping[str, Array],
    run: TrainingRun,
    of_change: float = OF_CHANGE,
) -> bool:
    """Return whether predicted and observed parameters agree in all entries.

    Both are by name, at the same step of ``run``, which has the start. Entries may differ by
    ``of_change`` times the largest change of any parameter since the start, and by rounding.
    """
    change = max(float(np.abs(observed[key] - run.start[key]).max()) for key in observed)
    for key, value in observed.items():
        size = max(float(np.abs(value).max()), 1e-2)
        if not np.abs(predicted[key] - value).max() <= of_change * change + OF_VALUE * size:
            return False
    return True
