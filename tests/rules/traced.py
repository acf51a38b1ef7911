"""Compute the rules and the mistakes of an update function, in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rules.generate import run

from gradkit.diagnosis.formulas.explain import diagnose
from gradkit.diagnosis.formulas.records import Diagnosis
from gradkit.diagnosis.inquiry.steps import observe_program
from gradkit.diagnosis.rules.program import Program
from gradkit.diagnosis.rules.recover import recover
from gradkit.records.rule import Entry, Rule, UpdateInputs
from gradkit.records.task import Task
from gradkit.runtime.frames import Frame
from gradkit.runtime.symbolic import symbolic

LAYOUTS = {
    "scalar": {},
    "vectorised": {},
    "out_in": {"weights": "out_in"},
    "row": {"vectors": "row", "biases": "row"},
}


def program_of(
    function: Callable[..., Any], task: Task, inputs: UpdateInputs, style: str = "vectorised"
) -> Program | None:
    """Return the formula of an update function that is called in the layout of a style."""
    return told(function, task, inputs, style)[0]


def told(
    function: Callable[..., Any], task: Task, inputs: UpdateInputs, style: str = "vectorised"
) -> tuple[Program | None, bool]:
    """Return the formula of an update function, and whether it tests the class."""
    rate = ["rate"] if inputs.rate is not None else []
    call = {
        "function": "update_parameters",
        "arguments": ["parameters", "y", "y_hat", "A1", "X", *rate],
        "by_name": [],
        "keys": {key: key for key in inputs.before},
        "weights": "in_out",
        "vectors": "column",
        "biases": "column",
        "scalars": "scalar",
        "inputs": "array",
        "columns": [],
        "returns": {},
        "shapes": {key: list(value.shape[1:]) for key, value in inputs.before.items()},
        **LAYOUTS[style],
    }

    def ask(arrays) -> Frame:
        asked = Frame("symbolic", dict(arrays), {"call": call, "watched": False})
        return symbolic(lambda: (function, None), {}, frozenset(), asked)

    return observe_program(ask, task, inputs)


def rules_of(
    task: Task,
    function: Callable[..., Any],
    fit: UpdateInputs,
    fresh: UpdateInputs,
    style: str = "vectorised",
) -> dict[Entry, Rule]:
    """Return the rule of each entry, verified on the numbers that the function returns."""
    return recover(task, program_of(function, task, fit, style), run(function, fresh, style))


def diagnosed(
    task: Task,
    function: Callable[..., Any],
    fit: UpdateInputs,
    fresh: UpdateInputs,
    style: str = "vectorised",
    **options: Any,
) -> Diagnosis:
    """Return the diagnosed mistakes of an update function."""
    seen = run(function, fit, style), run(function, fresh, style)
    rules = recover(task, program_of(function, task, fit, style), seen[1])
    return diagnose(task, rules, *seen, **options)
