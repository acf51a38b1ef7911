"""The `gradient` checks: the step that was taken against the slope of the correct loss.

They are scale-free. One positive factor for all weights and one for all biases are read
off the steps themselves, so that a wrong learning rate is not a wrong gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gradkit.records.binding import Bound
from gradkit.records.probes import Run
from gradkit.records.task import Array, Parameters, Task
from gradkit.records.verdict import Entry, State, Verdict
from gradkit.truth import closeness
from gradkit.truth.judge.case import Case, Earlier, blocked, outcomes_of, unusable
from gradkit.truth.judge.sheet import listed, merge
from gradkit.truth.judge.steps import update
from gradkit.truth.slope import Slopes, slopes

Steps = Mapping[str, Array]
"""Parameters before minus after, (n, …): in gradient descent, rate times gradient."""


def update_gradient(case: Case, earlier: Earlier) -> Verdict:
    """The direction of the update against finite differences of the correct loss."""
    before = {"update": earlier.get("update") or update(case, earlier)}
    stop = blocked("gradient", "update", before, ("missing", "error", "timeout"))
    if stop is not None:
        return stop
    bound = case.binding.bound["update"]
    entries: list[Entry] = []
    for batch, outcome in zip(
        case.probes.update, outcomes_of(case, case.probes.update), strict=True
    ):
        start = {key: batch.inputs[key] for key in case.task.starts[0].parameters}
        taken = {key: _step(value, outcome.outputs.get(key)) for key, value in start.items()}
        exact = slopes(case.task, start, batch.inputs["X"], batch.inputs["y"])
        if "rate" in batch.inputs:
            # Undo the rates that were handed over, so that one factor fits all probes.
            taken = {
                key: value / batch.inputs["rate"][:, None, None] for key, value in taken.items()
            }
        entries += _compare(taken, exact, _factors(taken, exact), 1e-6, start, batch.labels)
    return _verdict(
        entries,
        bound,
        f"The update of `{bound.function}` does not follow the slope of the loss in ",
    )


def training_gradient(case: Case, earlier: Earlier) -> Verdict:
    """The first and the second step of train against finite differences of the loss."""
    stop = blocked("gradient", "model", earlier, ("missing", "fail", "error", "timeout"))
    if stop is not None:
        return stop
    runs = [run for run in case.probes.runs if run.check == "gradient"]
    outcomes = outcomes_of(case, runs)
    nothing = unusable(case, "gradient", "train", outcomes)
    if nothing is not None:
        return nothing
    bound = case.binding.bound["train"]
    entries: list[Entry] = []
    for once, twice in zip(runs[::2], range(1, len(runs), 2), strict=True):
        first, second = (
            _final(once, outcomes[twice - 1].outputs),
            _final(once, outcomes[twice].outputs),
        )
        factors: Mapping[str, float] | None = None
        for start, end, name in ((once.parameters, first, "first"), (first, second, "second")):
            if start is None or end is None:
                entries += [
                    Entry(key, index, "fail", None, None, name)
                    for key in once.parameters
                    for index in np.ndindex(once.parameters[key].shape)
                ]
                break
            taken = {key: (value - end[key])[None] for key, value in start.items()}
            exact = _mean_slopes(case.task, start, once)
            factors = factors or _factors(taken, exact)
            label = f"{name} step from {once.start}"
            before = {key: value[None] for key, value in start.items()}
            entries += _compare(taken, exact, factors, 2e-3, before, (label,), closeness.SINGLE)
    return _verdict(
        entries,
        bound,
        f"The first steps of `{bound.function}` do not follow the slope of the loss in ",
    )


def _step(before: Array, after: Array | None) -> Array:
    usable = after is not None and after.dtype.kind == "f" and after.shape == before.shape
    return before - after if usable and after is not None else np.full(before.shape, np.nan)


def _final(run: Run, outputs: Mapping[str, Array]) -> Parameters | None:
    final = {key: outputs.get(f"final/{key}") for key in run.parameters}
    usable = {key: value.astype(float) for key, value in final.items() if value is not None}
    return usable if len(usable) == len(final) else None


def _mean_slopes(task: Task, parameters: Parameters, run: Run) -> dict[str, Slopes]:
    """Slopes of the mean loss over all rows of a run."""
    X, y = run.X[:, :, None].astype(float), run.y[:, :, None].astype(float)
    stacked = {key: np.repeat(value[None], len(X), 0) for key, value in parameters.items()}
    each = slopes(task, stacked, X, y)
    return {
        key: Slopes(slope.value.mean(0, keepdims=True), slope.bound.mean(0, keepdims=True))
        for key, slope in each.items()
    }


def _factors(taken: Steps, exact: Mapping[str, Slopes]) -> dict[str, float]:
    """One factor for the weights and one for the biases: the median of step over slope."""
    factors = {}
    for kind in "Wb":
        keys = [key for key in taken if key[0] == kind]
        steps = np.concatenate([taken[key].ravel() for key in keys])
        slope = np.concatenate([exact[key].value.ravel() for key in keys])
        seen = np.isfinite(steps) & (np.abs(slope) > 1e-3 * np.abs(slope).max())
        factors[kind] = float(np.median(steps[seen] / slope[seen])) if seen.any() else 0.0
    return factors


def _compare(
    taken: Steps,
    exact: Mapping[str, Slopes],
    factors: Mapping[str, float],
    relative: float,
    before: Parameters,
    labels: Sequence[str],
    eps: float = closeness.DOUBLE,
) -> list[Entry]:
    """Entries of step over factor against slope; a factor that is not positive fails them all.

    What the slope's own error bound leaves open is inconclusive rather than wrong.
    """
    entries = []
    for key, steps in taken.items():
        factor, slope = factors[key[0]], exact[key]
        implied = steps / factor if factor > 0 else np.full(steps.shape, np.nan)
        axes = tuple(range(1, slope.value.ndim))
        largest = np.abs(slope.value).max(axis=axes, keepdims=True)
        rounding = 16 * eps * np.abs(before[key]) / (factor if factor > 0 else 1.0)
        allowed = relative * (np.abs(slope.value) + 1e-2 * largest) + rounding
        right = closeness.near(implied, slope.value, allowed + slope.bound)
        unsure = ~right & (slope.bound > allowed + 1e-3 * np.abs(slope.value))
        for index in np.ndindex(steps.shape[1:]):
            column = (slice(None), *index)
            wrong, open_ = (
                np.flatnonzero(~right[column] & ~unsure[column]),
                np.flatnonzero(unsure[column]),
            )
            probe = int(wrong[0]) if len(wrong) else int(open_[0]) if len(open_) else 0
            state: State = "fail" if len(wrong) else "inconclusive" if len(open_) else "pass"
            number = float(implied[(probe, *index)])
            entries.append(
                Entry(
                    key,
                    index,
                    state,
                    number if np.isfinite(number) else None,
                    float(slope.value[(probe, *index)]),
                    labels[probe],
                )
            )
    return entries


def _verdict(entries: list[Entry], bound: Bound, text: str) -> Verdict:
    merged = merge(entries)
    failed = [entry for entry in merged if entry.state == "fail"]
    unsure = [entry for entry in merged if entry.state == "inconclusive"]
    if failed:
        return Verdict("gradient", "fail", f"{text}{listed(failed)}.", tuple(merged), bound.place)
    if unsure:
        message = f"Finite differences cannot decide {listed(unsure)}: the loss has a corner there."
        return Verdict("gradient", "inconclusive", message, tuple(merged))
    return Verdict("gradient", "pass", "", tuple(merged))
