"""Mistakes of a torch training run, each as what it does to a loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.catalogue import require_one_of
from gradkit.diagnosis.mistakes.loop import Loop, correct_loop, outputs_of
from gradkit.records.result import Finding
from gradkit.records.rule import Details, Explanation, Slip, TrainingRun
from gradkit.records.task import Array, Task
from gradkit.task.activations import ACTIVATIONS, is_curved

RECORD = frozenset({"recorded-loss", "loss-after-step"})
"""Mistakes that leave the training as it is."""

AFTER_FIRST_GRADIENT = RECORD | {"missing-zero-grad", "momentum", "wrong-learning-rate"}
"""Mistakes that leave the first gradient of a training run as it is."""


def causes_of(check: str, findings: Iterable[Finding]) -> tuple[str, ...]:
    """Return the ids of the findings about other checks that make a check of a training run fail.

    All mistakes of a training run make its losses and parameters wrong. Some leave its first
    gradient as it is.
    """
    harmless = AFTER_FIRST_GRADIENT if check == "gradient" else frozenset()
    others = (each for each in findings if each.check != check)
    return tuple(each.id for each in others if each.mistake not in harmless)


Facts = Mapping[str, Any]

ENTRYWISE = sorted(
    name for name, one in ACTIVATIONS.items() if one.usual and one.slope and is_curved(one)
)
"""Activations that a hidden layer may have been given by mistake."""


def loop_with(task: Task, slips: Iterable[Slip]) -> Loop:
    """The training loop that has these mistakes in it and no others.

    Raises
    ------
    ValueError
        A slip's code is no mistake of a training run.
    """
    loop = correct_loop(task)
    for slip in slips:
        require_one_of(CHANGES, slip.code, "a training run")
        for details in slip.details or ((),):
            loop = CHANGES[slip.code](loop, dict(details))
    return loop


def usual_training_cases(code: str, task: Task) -> tuple[Slip, ...]:
    """The usual forms of one training mistake in this task, each alone."""
    return tuple(Slip(code, (), (details,)) for details in training_cases(code, task, None))


def training_cases(code: str, task: Task, run: TrainingRun | None) -> list[Details]:
    """The forms of a mistake that are tried on a run; figures that it shows are left open.

    Without a run they are the usual forms, complete.
    """
    curved = [
        n for n, layer in enumerate(task.layers, 1) if is_curved(ACTIVATIONS[layer.activation])
    ]
    squashed = task.layers[-1].activation in ("sigmoid", "softmax")
    broadcasts = task.layers[-1].units == 1 and task.loss == "squared_error"
    rows = len(task.X) if run is None else len(run.X)
    count = rows if task.loss == "cross_entropy" else rows * task.layers[-1].units
    scales = {"sum": float(count), "half": 0.5}
    other_losses = {
        "squared_error": ("absolute_error", "smooth_absolute_error"),
        "binary_cross_entropy": (
            "squared_error",
            "absolute_error",
            "binary_cross_entropy_of_ones",
            "binary_cross_entropy_of_zeros",
        ),
        "cross_entropy": ("squared_error",),
    }
    by_code: Mapping[str, list[Details]] = {
        "missing-activation": [(("layer", n),) for n in curved],
        "wrong-activation": [
            (("layer", n), ("activation", name))
            for n in range(1, len(task.layers))
            for name in ENTRYWISE
            if name != task.layers[n - 1].activation
        ],
        "double-sigmoid": [(("layer", len(task.layers)),)] if squashed else [],
        "logits-loss": [()] if squashed else [],
        "wrong-loss": [(("loss", name),) for name in other_losses.get(task.loss, ())],
        "wrong-reduction": [
            *((("scale", name),) for name in scales),
            (("scale", "times"),) if run is not None else (("scale", "times"), ("factor", 2.0)),
            *((("scale", name), ("recorded", 1 / times)) for name, times in scales.items()),
        ],
        "broadcast-target": [()] if broadcasts else [],
        "wrong-optimizer": [(("optimizer", n),) for n in ("Adam", "AdamW", "RMSprop", "Adagrad")],
        "graph-detached": [
            *((("layers", n),) for n in range(1, len(task.layers) + 1)),
            *((("layer", n),) for n in range(2, len(task.layers) + 1)),
        ],
        "unregistered-parameters": [
            *((("layer", n),) for n in range(1, len(task.layers) + 1)),
            (("layers", len(task.layers)),),
        ],
        "wrong-sign": [(), (("signed", "loss"),)],
        "wrong-rounds": [(("rounds", -1),), (("rounds", 1),)],
        "recorded-loss": [
            (("form", form),) if run is not None else (("form", form), ("ratio", ratio))
            for form, ratio in RECORDED.items()
        ],
        "wrong-learning-rate": [()] if run is not None else [(("ratio", 10.0),)],
        "mini-batch": [
            (("rows", size), ("batches", way))
            for size in range(1, rows)
            if rows % size == 0
            for way in ("rotating", "first", "every")
        ],
    }  # fmt: skip
    return by_code.get(code, [()])


def _activated(loop: Loop, layer: int, names: tuple[str, ...]) -> Loop:
    before, after = loop.activations[: layer - 1], loop.activations[layer:]
    return replace(loop, activations=(*before, names, *after))


def _on_logits(loop: Loop, facts: Facts) -> Loop:
    return replace(loop, loss=loop.loss + "_on_logits") if "on_logits" not in loop.loss else loop


def _twice(loop: Loop, facts: Facts) -> Loop:
    layer = facts["layer"]
    return _activated(loop, layer, loop.activations[layer - 1] * 2)


def _reduced(loop: Loop, facts: Facts) -> Loop:
    """Another scale of the loss, which may be recorded at the right one nevertheless."""
    ratio = loop.ratio * facts.get("recorded", 1.0)
    if facts["scale"] == "times":
        return replace(loop, factor=facts.get("factor", 1.0), ratio=ratio)
    return replace(loop, scale=facts["scale"], ratio=ratio)


def _frozen(loop: Loop, facts: Facts) -> Loop:
    """Some layers stand still: one, or so many from the input on."""
    every = tuple(range(1, facts.get("layers", 1) + 1))
    return replace(loop, frozen=(facts["layer"],) if "layer" in facts else every)


RECORDED = {"loss": 4.0, "sum": 1.0, "average": 1.0, "root": 1.0}
"""What may be recorded in place of a loss, and how many times it in the usual case."""

RATIOS = {"wrong-reduction": "factor", "recorded-loss": "ratio"}
"""What the number in front of a loss is called in a slip's details."""

CHANGES: Mapping[str, Callable[[Loop, Facts], Loop]] = {
    "missing-activation": lambda loop, facts: _activated(loop, facts["layer"], ("linear",)),
    "wrong-activation": lambda loop, facts: _activated(
        loop, facts["layer"], (facts["activation"],)
    ),
    "double-sigmoid": _twice,
    "wrong-loss": lambda loop, facts: replace(loop, loss=facts["loss"]),
    "logits-loss": _on_logits,
    "wrong-reduction": _reduced,
    "broadcast-target": lambda loop, facts: replace(loop, broadcast=True),
    "mini-batch": lambda loop, facts: replace(loop, batch=facts["rows"], batches=facts["batches"]),
    "missing-step": lambda loop, facts: replace(loop, step=False),
    "gradients-cleared": lambda loop, facts: replace(loop, step=False),
    "graph-detached": _frozen,
    "unregistered-parameters": _frozen,
    "missing-zero-grad": lambda loop, facts: replace(loop, zero_grad=False),
    "wrong-sign": lambda loop, facts: replace(
        loop, optimizer="ascent", ratio=-loop.ratio if "signed" in facts else loop.ratio
    ),
    "momentum": lambda loop, facts: replace(loop, optimizer="momentum"),
    "wrong-optimizer": lambda loop, facts: replace(loop, optimizer=facts["optimizer"]),
    "wrong-learning-rate": lambda loop, facts: replace(loop, rate=facts["ratio"]),
    "wrong-rounds": lambda loop, facts: replace(loop, rounds=facts["rounds"]),
    "loss-after-step": lambda loop, facts: replace(loop, loss_after=True),
    "recorded-loss": lambda loop, facts: replace(
        loop, recorded=facts["form"], ratio=loop.ratio * facts.get("ratio", 1.0)
    ),
}
"""Every training mistake, the most basic first."""

GROUPS: Mapping[str, str] = {
    "wrong-loss": "loss",
    "logits-loss": "loss",
    "graph-detached": "frozen",
    "unregistered-parameters": "frozen",
    "missing-step": "frozen",
    "gradients-cleared": "frozen",
    "momentum": "optimizer",
    "wrong-optimizer": "optimizer",
    "wrong-sign": "optimizer",
    "missing-activation": "activation",
    "wrong-activation": "activation",
    "double-sigmoid": "activation",
    **dict.fromkeys(RECORD, "record"),
}
"""Of one group a run contains at most one."""


# --- what a module computes ------------------------------------------------------------------

OF_THE_MODULE = frozenset(code for code, group in GROUPS.items() if group == "activation")
"""Mistakes of a torch module's own forward pass, not of the loop that trains it."""

CLOSE = 1e-5
"""How far outputs in single precision may be off, of the largest sum on the way to them."""


def explain_module(
    task: Task, calls: Sequence[tuple[Mapping[str, Array], Array, Array]]
) -> Explanation:
    """The mistakes, at most one in each layer, that give a module's outputs.

    Parameters
    ----------
    task : Task
    calls : sequence
        Parameters (n, ...), X (n, features, 1) and the outputs (n, outputs, 1) at them.

    Returns
    -------
    Explanation
        ``unknown`` where none gives them; without slips where they are right.
    """
    usual = [slip for code in sorted(OF_THE_MODULE) for slip in usual_training_cases(code, task)]
    for size in range(len(task.layers) + 1):
        fitting = [
            slips
            for slips in combinations(usual, size)
            if len({dict(slip.details[0])["layer"] for slip in slips}) == size
            and all(_gives(loop_with(task, slips), *call) for call in calls)
        ]
        if fitting:
            told = [_by_code(slips) for slips in fitting]
            return Explanation(told[0], tuple(told[1:]))
    return Explanation(unknown=True)


def _by_code(slips: tuple[Slip, ...]) -> tuple[Slip, ...]:
    """One slip for each code, with all layers that it was made in."""
    details = {
        code: tuple(each for slip in slips if slip.code == code for each in slip.details)
        for code in dict.fromkeys(slip.code for slip in slips)
    }
    return tuple(Slip(code, (), known) for code, known in details.items())


def _gives(loop: Loop, parameters: Mapping[str, Array], X: Array, seen: Array) -> bool:
    with np.errstate(all="ignore"):
        ours, size = outputs_of(loop, parameters, X), _largest(loop, parameters, X)
    return bool(ours.shape == seen.shape and (np.abs(ours - seen) <= CLOSE * size).all())


def _largest(loop: Loop, parameters: Mapping[str, Array], X: Array) -> float:
    """The largest sum of the net, 1 at least."""
    hidden = Loop(tuple(("linear",) for _ in loop.activations), loop.loss)
    positive = {key: np.abs(value) for key, value in parameters.items()}
    return max(1.0, float(outputs_of(hidden, positive, np.abs(X)).max()))
