"""Mistakes of a torch training run, recognised by running each of them.

A run leaves losses and parameters and nothing else, so there is no rule to recover: every
mistake alone, then every pair, is run in numpy from the same starts, and those that give
the observed numbers are told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from gradkit.records.rule import Details, Explanation, Slip, TrainingRun
from gradkit.records.task import Task
from gradkit.truth.mistakes.loop import Loop, correct_loop, loss_of, train

OF_CHANGE = 2e-3
"""Tolerance relative to how far the run has come: what float32 sums up to."""
OF_VALUE = 4e-6
DIVERGED = 1e3
"""Past this many times the first loss float32 and float64 part."""
LEAST_RATIO = 1e-5
RATES = (10.0, 0.1, 100.0, 0.01, 2.0, 0.5, 5.0)

Facts = Mapping[str, object]


def explain_training(
    task: Task, runs: Sequence[TrainingRun], *, barred: Collection[str] = ()
) -> Explanation:
    """The mistakes, at most two, that reproduce a student's training runs.

    Parameters
    ----------
    task : Task
    runs : sequence of TrainingRun
        From at least two different starts: one may hide a mistake.
    barred : collection of str
        Codes that other observations rule out: activations where the module's own
        forward pass is right, ``unregistered-parameters`` where all are there.

    Returns
    -------
    Explanation
        Without slips where the runs are right; ``unknown`` where nothing gives their
        numbers, with the losses within 0.2 % of the run's own change.

    Raises
    ------
    ValueError
        Fewer than two runs.
    """
    if len(runs) < 2:
        raise ValueError(
            f"{task.id}: a training run is explained from at least two starts, and there is "
            f"{len(runs)}; observe it from another one too."
        )
    right = correct_loop(task)
    if _reproduces(right, runs):
        return Explanation()
    cases = [
        (code, details)
        for code in CHANGES
        if code not in barred
        for details in _details(code, task, runs[0])
    ]
    for size in (1, 2):
        fitting: list[tuple[Slip, ...]] = []
        for made in combinations(cases, size):
            if len({GROUPS.get(code, code) for code, _ in made}) < size:
                continue
            slips = tuple(Slip(code, (), (details,)) for code, details in made)
            fitting += [
                complete
                for complete in _with_rate(task, slips, runs)
                if _reproduces(loop_with(task, complete), runs)
            ]
        if fitting:
            # Of one set of codes in several forms the first is told.
            unique: dict[frozenset[str], tuple[Slip, ...]] = {}
            for slips in fitting:
                unique.setdefault(frozenset(slip.code for slip in slips), slips)
            first, *others = unique.values()
            return Explanation(first, tuple(others))
    return Explanation(unknown=True)


def _with_rate(
    task: Task, slips: tuple[Slip, ...], runs: Sequence[TrainingRun]
) -> Iterator[tuple[Slip, ...]]:
    """A wrong learning rate is not guessed but read off the first step, where it was seen."""
    if all(slip.code != "wrong-learning-rate" for slip in slips):
        yield slips
        return
    others = tuple(slip for slip in slips if slip.code != "wrong-learning-rate")
    run = runs[0]
    ratios: Iterable[float] = RATES
    if 1 in run.after:
        with np.errstate(all="ignore"):
            _, parameters = next(train(loop_with(task, others), run, 1))
        ours = np.concatenate([(parameters[k] - v).ravel() for k, v in run.start.items()])
        theirs = np.concatenate([(run.after[1][k] - v).ravel() for k, v in run.start.items()])
        size = ours @ ours
        ratio = float(ours @ theirs / size) if size else 0.0
        short = float(f"{ratio:.3g}")
        # In float32 the ratio is only known to some digits; people write few.
        ratio = short if abs(short - ratio) < 2e-3 * abs(ratio) else ratio
        ratios = (ratio,) if ratio > LEAST_RATIO and abs(ratio - 1) > 1e-3 else ()
    for ratio in ratios:
        yield (*others, Slip("wrong-learning-rate", (), ((("ratio", ratio),),)))


def _reproduces(loop: Loop, runs: Sequence[TrainingRun]) -> bool:
    with np.errstate(all="ignore"):
        if not loop.loss_after and not loop.batch:
            for run in runs:
                seen = run.losses[0]
                first = loss_of(loop, run.start, run.X, run.y)
                if np.isfinite(seen) and not abs(first - seen) <= OF_VALUE * abs(first) + 1e-7:
                    return False
        return all(_follows(loop, run) for run in runs)


def _follows(loop: Loop, run: TrainingRun) -> bool:
    """Whether losses and parameters agree, as long as the run does not diverge."""
    if not np.isfinite(run.losses[0]):
        return _steps_alike(loop, run)
    change = 0.0
    first = abs(float(run.losses[0])) + 1e-12
    for epoch, (loss, parameters) in enumerate(train(loop, run)):
        seen = float(run.losses[epoch])
        if not np.isfinite(seen) or abs(seen) > DIVERGED * first:
            return not np.isfinite(loss) or abs(loss) > 0.5 * DIVERGED * first
        change = max(change, abs(seen - float(run.losses[0])))
        if not abs(loss - seen) <= OF_CHANGE * change + OF_VALUE * max(abs(seen), 1e-3):
            return False
        known = run.after.get(epoch + 1)
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
    ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray], run: TrainingRun
) -> bool:
    moved = max(float(np.abs(theirs[key] - run.start[key]).max()) for key in theirs)
    for key, value in theirs.items():
        size = max(float(np.abs(value).max()), 1e-2)
        if not np.abs(ours[key] - value).max() <= OF_CHANGE * moved + OF_VALUE * size:
            return False
    return True


# --- what each mistake does to a loop --------------------------------------------------------


def loop_with(task: Task, slips: Iterable[Slip]) -> Loop:
    """The training loop that has these mistakes in it and no others.

    Raises
    ------
    ValueError
        A slip's code is no mistake of a training run.
    """
    loop = correct_loop(task)
    for slip in slips:
        if slip.code not in CHANGES:
            known = ", ".join(CHANGES)
            raise ValueError(f"{slip.code!r} is no mistake of a training run; those are {known}.")
        for details in slip.details or ((),):
            loop = CHANGES[slip.code](loop, dict(details))
    return loop


def usual_training_cases(code: str, task: Task) -> tuple[Slip, ...]:
    """The usual forms of one training mistake in this task, each alone."""
    return tuple(Slip(code, (), (details,)) for details in _details(code, task, None))


def _details(code: str, task: Task, run: TrainingRun | None) -> list[Details]:
    curved = [n for n, layer in enumerate(task.layers, 1) if layer.activation != "linear"]
    squashed = task.layers[-1].activation in ("sigmoid", "softmax")
    broadcasts = task.layers[-1].units == 1 and task.loss == "squared_error"
    rows = len(task.X) if run is None else len(run.X)
    other_losses = {
        "squared_error": ("absolute_error", "smooth_absolute_error"),
        "binary_cross_entropy": ("squared_error", "absolute_error"),
        "cross_entropy": ("squared_error",),
    }
    by_code: Mapping[str, list[Details]] = {
        "missing-activation": [(("layer", n),) for n in curved],
        "wrong-activation": [
            (("layer", n), ("activation", name))
            for n in range(1, len(task.layers))
            for name in ("relu", "sigmoid", "tanh")
            if name != task.layers[n - 1].activation
        ],
        "double-sigmoid": [(("layer", len(task.layers)),)] if squashed else [],
        "logits-loss": [()] if squashed else [],
        "wrong-loss": [(("loss", name),) for name in other_losses.get(task.loss, ())],
        "wrong-reduction": [(("scale", "sum"),), (("scale", "half"),)],
        "broadcast-target": [()] if broadcasts else [],
        "wrong-optimizer": [(("optimizer", n),) for n in ("Adam", "AdamW", "RMSprop", "Adagrad")],
        "graph-detached": [(("layers", n),) for n in range(1, len(task.layers) + 1)],
        "unregistered-parameters": [(("layer", n),) for n in range(1, len(task.layers) + 1)],
        "wrong-learning-rate": [()] if run is not None else [(("ratio", 10.0),)],
        "mini-batch": [
            (("rows", size), ("batches", way))
            for size in range(1, rows)
            if rows % size == 0
            for way in ("rotating", "first", "every")
        ],
    }  # fmt: skip
    return by_code.get(code, [()])


def _activated(loop: Loop, layer: object, names: tuple[str, ...]) -> Loop:
    at = int(str(layer)) - 1
    return replace(loop, activations=(*loop.activations[:at], names, *loop.activations[at + 1 :]))


def _on_logits(loop: Loop, facts: Facts) -> Loop:
    return replace(loop, loss=loop.loss + "_on_logits") if "on_logits" not in loop.loss else loop


def _twice(loop: Loop, facts: Facts) -> Loop:
    at = int(str(facts["layer"])) - 1
    return _activated(loop, facts["layer"], loop.activations[at] * 2)


CHANGES: Mapping[str, Callable[[Loop, Facts], Loop]] = {
    "missing-activation": lambda loop, facts: _activated(loop, facts["layer"], ("linear",)),
    "wrong-activation": lambda loop, facts: _activated(
        loop, facts["layer"], (str(facts["activation"]),)
    ),
    "double-sigmoid": _twice,
    "wrong-loss": lambda loop, facts: replace(loop, loss=str(facts["loss"])),
    "logits-loss": _on_logits,
    "wrong-reduction": lambda loop, facts: replace(loop, scale=str(facts["scale"])),
    "broadcast-target": lambda loop, facts: replace(loop, broadcast=True),
    "mini-batch": lambda loop, facts: replace(
        loop, batch=int(str(facts["rows"])), batches=str(facts["batches"])
    ),
    "missing-step": lambda loop, facts: replace(loop, step=False),
    "graph-detached": lambda loop, facts: replace(
        loop, frozen=tuple(range(1, int(str(facts.get("layers", 1))) + 1))
    ),
    "unregistered-parameters": lambda loop, facts: replace(
        loop, frozen=(int(str(facts.get("layer", 1))),)
    ),
    "missing-zero-grad": lambda loop, facts: replace(loop, zero_grad=False),
    "wrong-sign": lambda loop, facts: replace(loop, optimizer="ascent"),
    "momentum": lambda loop, facts: replace(loop, optimizer="momentum"),
    "wrong-optimizer": lambda loop, facts: replace(loop, optimizer=str(facts["optimizer"])),
    "wrong-learning-rate": lambda loop, facts: replace(loop, rate=float(str(facts["ratio"]))),
    "loss-after-step": lambda loop, facts: replace(loop, loss_after=True),
}
"""Every training mistake, the most basic first."""

GROUPS: Mapping[str, str] = {
    "wrong-loss": "loss",
    "logits-loss": "loss",
    "graph-detached": "frozen",
    "unregistered-parameters": "frozen",
    "missing-step": "frozen",
    "momentum": "optimizer",
    "wrong-optimizer": "optimizer",
    "wrong-sign": "optimizer",
    "missing-activation": "activation",
    "wrong-activation": "activation",
    "double-sigmoid": "activation",
}
"""Of one group a run contains at most one."""
