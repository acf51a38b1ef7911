"""Recognise updates that are wrong only because the student's forward pass is wrong.

Then only the forward pass loses points. As code may behave differently when it is called again, the
judged calls are repeated among the new ones in a fresh process, and must give the same results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.inquiry.findings import failed
from gradkit.diagnosis.inquiry.steps import SAME, draw_verification, observe_steps
from gradkit.diagnosis.mistakes.forward import apply_forward, form_with
from gradkit.diagnosis.rules.draw import from_columns, to_columns
from gradkit.diagnosis.rules.evaluate import evaluate
from gradkit.diagnosis.rules.forward import dense_layers
from gradkit.diagnosis.rules.step import correct_rules
from gradkit.judge.comparison import Examined
from gradkit.judge.tolerances import DOUBLE, change_tolerance, near
from gradkit.records.rule import ForwardForm, Slip, UpdateInputs
from gradkit.records.task import Array, Batch, Task
from gradkit.sandbox.observe import observe_batch
from gradkit.sandbox.process import StudentProcess
from gradkit.task.network import LOSSES, Dense, run, slopes_of
from gradkit.task.oracle import descended


def follows_own_forward(
    task: Task, examined: Examined, sitting: StudentProcess, slips: tuple[Slip, ...], seed: int
) -> bool:
    """Return whether a failed update is right if it starts from the student's wrong forward pass.

    ``examined`` has the verdicts of the checks of ``task``, and ``sitting`` runs the student's
    code. ``slips`` are the mistakes of the forward pass, and ``seed`` draws the inputs of new
    calls. False if the update did not fail, if there are no mistakes, or if the pass does not use
    all parameters: their gradient is 0, and an update that never changes them is incomplete.
    """
    if not slips or not failed(examined, "update"):
        return False
    bound = examined.case.binding.bound["update"]
    descent = descend_from_forward(task, slips, draw_verification(task, bound, seed))
    if descent is None:
        return False
    inputs, after = descent
    if any((value == inputs.before[key]).all() for key, value in after.items()):
        return False
    return _makes_steps(task, examined, sitting, inputs, after, seed)


def follows_stored_values(
    task: Task, examined: Examined, sitting: StudentProcess, seed: int
) -> bool:
    """Return whether a failed update is right for the values that the forward pass stores.

    This is for updates that read stored values. ``sitting`` runs the forward pass before the
    update, at inputs that ``seed`` draws, and the right step is computed from its output and hidden
    layer. ``examined`` has the verdicts of the checks of ``task``. False if the update did not fail
    or does not need a forward pass, or if the stored values are missing or have another shape.
    """
    bound = examined.case.binding.bound.get("update")
    if bound is None or bound.before is None or not failed(examined, "update"):
        return False
    inputs = draw_verification(task, bound, seed)
    labels = tuple(str(number) for number in range(len(inputs.y)))
    batch = Batch("left", "inquiry", "forward", to_columns(inputs), labels)
    given = observe_batch(sitting, task, bound.before.bound, batch).outputs
    y_hat, A1 = (given.get(name, np.empty(0)) for name in ("y_hat", "A1"))
    if (y_hat.shape, A1.shape) != ((*inputs.y.shape, 1), (*inputs.A1.shape, 1)):
        return False
    if y_hat.dtype.kind not in "fiub" or A1.dtype.kind not in "fiub":
        return False
    inputs = replace(inputs, y_hat=y_hat[:, :, 0].astype(float), A1=A1[:, :, 0].astype(float))
    with np.errstate(all="ignore"):
        right = evaluate(task, correct_rules(task, rate=inputs.rate is not None), inputs)
    return _makes_steps(task, examined, sitting, inputs, right, seed)


def _makes_steps(
    task: Task,
    examined: Examined,
    sitting: StudentProcess,
    inputs: UpdateInputs,
    after: Mapping[str, Array],
    seed: int,
) -> bool:
    """Return whether the update gives the parameters ``after`` at ``inputs``, up to rounding.

    ``examined`` has the calls by which the checks of ``task`` were judged. They are repeated among
    the new ones and must give the same results as before. All calls are made by ``sitting`` in a
    new process, in an order that depends on ``seed``. False if a call fails.
    """
    bound, judged = examined.case.binding.bound["update"], examined.case.probes.update
    former = [from_columns(batch.inputs) for batch in judged]
    sitting.renew(apart=True)
    observed = observe_steps(task, bound, sitting, inputs, *former, shuffled=seed)
    if observed is None:
        return False
    made, *again = (probes.after for probes in observed)
    for key, before in inputs.before.items():
        allowed = change_tolerance(after[key] - before, before, DOUBLE)
        if not near(made[key], after[key], allowed).all():
            return False
        for batch, values in zip(judged, again, strict=True):
            known = examined.case.observations.outcomes[batch.name].outputs.get(key)
            if known is None or not np.allclose(values[key], known, SAME, 0.0, equal_nan=True):
                return False
    return True


# --- gradient descent on the loss of a wrong forward pass ------------------------------------


def descend_from_forward(
    task: Task, slips: Iterable[Slip], inputs: UpdateInputs
) -> tuple[UpdateInputs, dict[str, Array]] | None:
    """Return the inputs of an update after a wrong forward pass, and the right step from there.

    Parameters
    ----------
    task : Task
    slips : iterable of Slip
        All mistakes of the forward pass.
    inputs : UpdateInputs
        Parameters, X, y and rates. In the result, ``y_hat`` and ``A1`` are those of the wrong
        forward pass.

    Returns
    -------
    inputs, after : UpdateInputs and dict of arrays (n, …), or None
        None if the pass gives arrays of other shapes, or the new values are not finite.
    """
    slips = tuple(slips)
    y_hat, A1 = apply_forward(task, slips, inputs.X, inputs.before)
    if y_hat.shape != inputs.y.shape or A1.shape != inputs.A1.shape:
        return None

    inputs = replace(inputs, y_hat=y_hat, A1=A1)
    columns = to_columns(inputs)
    stages = run(_layers_before_output(form_with(task, slips)), inputs.before, columns["X"])
    with np.errstate(all="ignore"):
        slope = LOSSES[task.loss].slope(columns["y"], columns["y_hat"])
        slopes = slopes_of(stages, inputs.before, slope)
    after = descended(task, columns, slopes)
    if not all(np.isfinite(value).all() for value in after.values()):
        return None
    return inputs, after


def _layers_before_output(form: ForwardForm) -> tuple[Dense, ...]:
    """Return the layers of a wrong forward pass, up to the value that it returns as its output.

    The field ``output`` of ``form`` names the value: for ``z2``, the weighted sum of layer 2, this
    layer is the last and loses its activation.
    """
    kind, places = form.output[:1], int(form.output[1:] or 0)
    layers = dense_layers(form)[:places]
    if kind == "z":
        layers[-1] = replace(layers[-1], activations=(), sign=1)
    return tuple(layers)
