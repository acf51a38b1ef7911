"""Other activations of a torch module, recognised by its outputs alone."""

from __future__ import annotations

import numpy as np
import pytest
from rules.nets import SHIPPED

from gradkit.diagnosis.mistakes.loop import outputs_of
from gradkit.diagnosis.mistakes.training import (
    MODULE_MISTAKES,
    explain_module,
    loop_with,
    usual_training_cases,
)
from gradkit.records.rule import Slip
from gradkit.records.task import Task
from gradkit.task.oracle import Derived, parameters_in
from gradkit.task.probes import draw

TASKS = (SHIPPED["regression-torch"], SHIPPED["classification-torch"])


def calls(task: Task, slips: tuple[Slip, ...], change: float = 0.0):
    """What a module with these mistakes gives in float32, as the worker observes it."""
    loop = loop_with(task, slips)
    for batch in draw(task, 1, Derived(task).forward, takes_rate=False).forward:
        y_hat = outputs_of(loop, parameters_in(batch.inputs), batch.inputs["X"]) + change
        yield batch.inputs, batch.inputs["X"], y_hat.astype(np.float32).astype(float)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_a_right_module_has_no_mistake(task: Task) -> None:
    """Nothing is named, and it is known."""
    found = explain_module(task, list(calls(task, ())))
    assert (found.slips, found.unknown) == ((), False)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
@pytest.mark.parametrize("code", sorted(MODULE_MISTAKES))
def test_each_mistake_alone_is_told_alone(task: Task, code: str) -> None:
    """In each of its forms, with the layer that it was made in."""
    for slip in usual_training_cases(code, task):
        found = explain_module(task, list(calls(task, (slip,))))
        assert (found.slips, found.alternatives) == ((slip,), ())


def test_one_in_each_layer_is_one_finding_of_two_layers() -> None:
    """Both activations left out."""
    task = TASKS[1]
    slips = usual_training_cases("missing-activation", task)
    (found,) = explain_module(task, list(calls(task, slips))).slips
    assert found.details == ((("layer", 1),), (("layer", 2),))


def test_outputs_that_nothing_gives_are_unknown() -> None:
    """The twin: a thousandth more than the right ones."""
    assert explain_module(TASKS[1], list(calls(TASKS[1], (), 1e-3))).unknown
