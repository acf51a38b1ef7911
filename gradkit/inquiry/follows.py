"""Whether an update that failed is right for the student's own forward pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gradkit.examine import Examined
from gradkit.inquiry.findings import failed
from gradkit.inquiry.steps import drawn_fresh, observed_steps
from gradkit.records.probes import Batch
from gradkit.records.rule import Slip, UpdateInputs
from gradkit.records.task import Array, Task
from gradkit.student.observe import observe_batch
from gradkit.student.sitting import Sitting
from gradkit.truth.closeness import DOUBLE as EPSILON
from gradkit.truth.closeness import change_tolerance, near
from gradkit.truth.mistakes.descent import descent_after
from gradkit.truth.rules import correct_rules, evaluate
from gradkit.truth.rules.columns import to_columns


def follows_own_forward(
    task: Task, examined: Examined, sitting: Sitting, slips: tuple[Slip, ...], seed: int
) -> bool:
    """Whether a failed update is right for the student's own forward pass, mistakes and all.

    It is then charged to the forward pass alone.
    """
    if not slips or not failed(examined, "update"):
        return False
    bound = examined.case.binding.bound["update"]
    descent = descent_after(task, slips, drawn_fresh(task, bound, seed))
    observed = observed_steps(task, bound, sitting, descent[0]) if descent is not None else None
    if descent is None or observed is None:
        return False
    return _steps_alike(descent[0], observed[0].after, descent[1])


def follows_what_is_left(task: Task, examined: Examined, sitting: Sitting, seed: int) -> bool:
    """Whether a failed update is right for all that the student's own forward pass gives it.

    Where it reads what a wrong forward pass leaves behind, it cannot be right otherwise. Handed
    that pass' output and hidden layer too, it has to make the right step of them.
    """
    bound = examined.case.binding.bound.get("update")
    if bound is None or bound.before is None or not failed(examined, "update"):
        return False
    inputs = drawn_fresh(task, bound, seed)
    labels = tuple(str(number) for number in range(len(inputs.y)))
    batch = Batch("left", "inquiry", "forward", to_columns(inputs), labels)
    given = observe_batch(sitting, task, bound.before.bound, batch).outputs
    y_hat, A1 = (given.get(name, np.empty(0)) for name in ("y_hat", "A1"))
    if (y_hat.shape, A1.shape) != ((*inputs.y.shape, 1), (*inputs.A1.shape, 1)):
        return False
    if y_hat.dtype.kind not in "fiub" or A1.dtype.kind not in "fiub":
        return False
    inputs = replace(inputs, y_hat=y_hat[:, :, 0].astype(float), A1=A1[:, :, 0].astype(float))
    observed = observed_steps(task, bound, sitting, inputs)
    with np.errstate(all="ignore"):
        right = evaluate(task, correct_rules(task, rate=inputs.rate is not None), inputs)
    return observed is not None and _steps_alike(inputs, observed[0].after, right)


def _steps_alike(
    inputs: UpdateInputs, after: Mapping[str, Array], right: Mapping[str, Array]
) -> bool:
    return all(
        near(after[key], right[key], change_tolerance(right[key] - value, value, EPSILON)).all()
        for key, value in inputs.before.items()
    )
