"""The mistakes of a torch training run, each as a change of the loop's options."""

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
from gradkit.task.network import ACTIVATIONS, is_curved

RECORDING_MISTAKES = frozenset({"recorded-loss", "loss-after-step"})
"""Mistakes that change the recorded losses but not the training."""

AFTER_FIRST_GRADIENT = RECORDING_MISTAKES | {"missing-zero-grad", "momentum", "wrong-learning-rate"}
"""Mistakes that leave the first gradient of a training run right."""


def causes_of(check: str, findings: Iterable[Finding]) -> tuple[str, ...]:
    """Return the ids of the findings about other checks that make a check of a training run fail.

    All mistakes of a training run make its losses and parameters wrong. Some leave its first
    gradient as it is.
    """
    harmless = AFTER_FIRST_GRADIENT if check == "gradient" else frozenset()
    others = (each for each in findings if each.check != check)
    return tuple(each.id for each in others if each.mistake not in harmless)


Facts = Mapping[str, Any]

ELEMENTWISE = sorted(
    name for name, one in ACTIVATIONS.items() if one.usual and one.slope and is_curved(one)
)
"""Activations that a student may have used instead of the right one."""


def loop_with(task: Task, slips: Iterable[Slip]) -> Loop:
    """Return the training loop of a task with exactly the mistakes ``slips``.

    ``task`` gives the model, the loss and the rates.

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
    """Return the usual forms of a training mistake in this task, each as a mistake of its own."""
    return tuple(Slip(code, (), (details,)) for details in training_cases(code, task, None))


def training_cases(code: str, task: Task, run: TrainingRun | None) -> list[Details]:
    """Return the variants of a mistake to try on a training run, each as the mistake's details.

    ``code`` is the code of the mistake, such as ``wrong-loss``, of which each other loss is a
    variant. The number of rows of ``run`` decides which batch sizes are tried; numbers that can be
    measured in the run are left out. Without a run, the usual variants are returned with their
    numbers. Empty if the mistake cannot occur in ``task``; a mistake without variants has the one
    variant ``()``.
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
            for name in ELEMENTWISE
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


def _with_activations(loop: Loop, layer: int, names: tuple[str, ...]) -> Loop:
    """Return the loop with other activations, applied in turn, in a layer."""
    before, after = loop.activations[: layer - 1], loop.activations[layer:]
    return replace(loop, activations=(*before, names, *after))


def _with_loss_on_logits(loop: Loop, facts: Facts) -> Loop:
    """Return the loop with the loss function that expects values before the activation."""
    return replace(loop, loss=loop.loss + "_on_logits") if "on_logits" not in loop.loss else loop


def _with_repeated_activation(loop: Loop, facts: Facts) -> Loop:
    """Return the loop with a layer's activation applied twice."""
    layer = facts["layer"]
    return _with_activations(loop, layer, loop.activations[layer - 1] * 2)


def _with_reduction(loop: Loop, facts: Facts) -> Loop:
    """Return the loop with another reduction of the loss, by ``facts["scale"]``.

    ``facts`` are the details of the mistake by name. The reduction is ``sum``, ``half``, or
    ``times`` for a mean times ``facts["factor"]``. With ``facts["recorded"]``, the recorded losses
    are multiplied by that number, so that they stay right.
    """
    ratio = loop.ratio * facts.get("recorded", 1.0)
    if facts["scale"] == "times":
        return replace(loop, factor=facts.get("factor", 1.0), ratio=ratio)
    return replace(loop, scale=facts["scale"], ratio=ratio)


def _with_frozen_layers(loop: Loop, facts: Facts) -> Loop:
    """Return the loop with one frozen layer, or with the first ``layers`` layers frozen."""
    every = tuple(range(1, facts.get("layers", 1) + 1))
    return replace(loop, frozen=(facts["layer"],) if "layer" in facts else every)


RECORDED = {"loss": 4.0, "sum": 1.0, "average": 1.0, "root": 1.0}
"""What may be recorded instead of a loss, and its usual factor."""

RATIOS = {"wrong-reduction": "factor", "recorded-loss": "ratio"}
"""The detail of a mistake that holds the factor of the loss."""

CHANGES: Mapping[str, Callable[[Loop, Facts], Loop]] = {
    "missing-activation": lambda loop, facts: _with_activations(loop, facts["layer"], ("linear",)),
    "wrong-activation": lambda loop, facts: _with_activations(
        loop, facts["layer"], (facts["activation"],)
    ),
    "double-sigmoid": _with_repeated_activation,
    "wrong-loss": lambda loop, facts: replace(loop, loss=facts["loss"]),
    "logits-loss": _with_loss_on_logits,
    "wrong-reduction": _with_reduction,
    "broadcast-target": lambda loop, facts: replace(loop, broadcast=True),
    "mini-batch": lambda loop, facts: replace(loop, batch=facts["rows"], batches=facts["batches"]),
    "missing-step": lambda loop, facts: replace(loop, step=False),
    "gradients-cleared": lambda loop, facts: replace(loop, step=False),
    "graph-detached": _with_frozen_layers,
    "unregistered-parameters": _with_frozen_layers,
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
    **dict.fromkeys(RECORDING_MISTAKES, "record"),
}
"""Mistakes of one group exclude each other."""


# --- forward passes of modules ---------------------------------------------------------------

MODULE_MISTAKES = frozenset(code for code, group in GROUPS.items() if group == "activation")
"""Mistakes of a torch module's forward pass, as opposed to the training loop."""

CLOSE = 1e-5
"""Tolerance of outputs in single precision, relative to the largest sum in the net."""


def explain_module(
    task: Task, calls: Sequence[tuple[Mapping[str, Array], Array, Array]]
) -> Explanation:
    """Return the fewest mistakes, at most one in each layer, that give a module's outputs.

    Parameters
    ----------
    task : Task
    calls : sequence
        Parameters (n, ...), X (n, features, 1) and the module's outputs (n, outputs, 1).

    Returns
    -------
    Explanation
        ``unknown`` if no mistakes give the outputs; without slips if they are right. Other
        few mistakes are its alternatives.
    """
    usual = [slip for code in sorted(MODULE_MISTAKES) for slip in usual_training_cases(code, task)]
    for size in range(len(task.layers) + 1):
        fitting = [
            slips
            for slips in combinations(usual, size)
            if len({dict(slip.details[0])["layer"] for slip in slips}) == size
            and all(_gives(loop_with(task, slips), *call) for call in calls)
        ]
        if fitting:
            explanations = [_group_by_code(slips) for slips in fitting]
            return Explanation(explanations[0], tuple(explanations[1:]))
    return Explanation(unknown=True)


def _group_by_code(slips: tuple[Slip, ...]) -> tuple[Slip, ...]:
    """Return one mistake for each code in ``slips``, with the details of all mistakes of the code.

    The order is that of the first mistake of each code. The results have no entries.
    """
    details = {
        code: tuple(each for slip in slips if slip.code == code for each in slip.details)
        for code in dict.fromkeys(slip.code for slip in slips)
    }
    return tuple(Slip(code, (), known) for code, known in details.items())


def _gives(loop: Loop, parameters: Mapping[str, Array], X: Array, observed: Array) -> bool:
    """Return whether the model of a loop, with its mistakes, gives the observed outputs.

    ``parameters`` (calls, …) and ``X`` (calls, features, 1) are the inputs, ``observed`` (calls,
    outputs, 1) the outputs. They are compared up to rounding. False if the shapes differ.
    """
    with np.errstate(all="ignore"):
        predicted, size = outputs_of(loop, parameters, X), _largest_sum(loop, parameters, X)
    return bool(
        predicted.shape == observed.shape and (np.abs(predicted - observed) <= CLOSE * size).all()
    )


def _largest_sum(loop: Loop, parameters: Mapping[str, Array], X: Array) -> float:
    """Return the largest output of the net if all numbers were positive, at least 1.

    All activations are left out, and all parameters and inputs replaced by their absolute values:
    the result is the scale of rounding errors.
    """
    hidden = Loop(tuple(("linear",) for _ in loop.activations), loop.loss)
    positive = {key: np.abs(value) for key, value in parameters.items()}
    return max(1.0, float(outputs_of(hidden, positive, np.abs(X)).max()))
