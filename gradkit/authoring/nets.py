"""Run the checks of a net's task on its model solution and on mutants of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from gradkit.authoring.functions import SEED
from gradkit.judge import Case, judge
from gradkit.judge.comparison import expected_of
from gradkit.records.submission import Binding, Bound, Convention, Observations, Outcome, Place
from gradkit.records.task import Task
from gradkit.task.oracle import (
    ASKED,
    Derived,
    Expected,
    NumpyReference,
    Oracle,
    TorchReference,
    expect,
    load_reference,
    verify,
)
from gradkit.task.probes import draw

NOWHERE = Place("the assignment", None, 1)
"""Place of the roles of a model solution, which is in no submission."""

RETURNS: Mapping[str, Mapping[str, tuple[int | str, ...]]] = {
    "forward": {"y_hat": (0,), "A1": (1,)},
    "model": {"y_hat": ()},
    "train": {"loss": ()},
}
"""Positions of the quantities in what each role of a model solution returns."""


class NetModel:
    """The model solution of a net's task, with the values expected by the assignment file.

    Raises
    ------
    OracleError
        The model solution cannot be loaded.

    Attributes
    ----------
    words : set of str
        Names of the functions that are called in it.
    """

    def __init__(self, task: Task, reference: Path) -> None:
        """Load the model solution, and compute the expected values from the task.

        Raises
        ------
        OracleError
            The model solution cannot be loaded.
        """
        self._task, derived = task, Derived(task)
        self._oracle: Any = load_reference(task, reference, "correct")
        self._probes = draw(task, SEED, derived.forward, takes_rate=False)
        self._expected = expect(derived, self._probes)
        self.words = {*ASKED[task.framework.name], "forward"}

    def problems(self) -> Iterator[str]:
        """Yield at most one problem of the model solution: the checks that it does not pass.

        Raises
        ------
        OracleError
            The model solution differs from the values expected by the assignment file.
        """
        verify(self._task, self._oracle, self._probes)
        failed = self._failed(self._expected, self._outcomes(self._oracle.module))
        if failed:
            yield f"The model solution does not pass {', '.join(failed)}."

    def run(self) -> None:
        """Call the model solution on all inputs."""
        expect(self._oracle, self._probes)

    def failed(self, changed: ModuleType) -> Iterator[str]:
        """Yield the name of the first check that a mutant fails, "" if it passes all.

        ``changed`` is the loaded mutant. The name is ``calling`` if the mutant raises an exception,
        and ``shapes`` if an output has the wrong shape. If the task leaves learning rates free,
        yield the result for the mutant's own rates too.
        """
        try:
            outcomes = self._outcomes(changed)
        except Exception:  # any exception of a mutant means that it is detected
            yield "calling"
            return
        expected: Expected = self._expected
        if any(
            outcomes[name].outputs[quantity].shape != value.shape
            for name, values in expected.items()
            for quantity, value in values.items()
        ):
            yield "shapes"
            return
        yield next(iter(self._failed(expected, outcomes)), "")
        if self._task.rates.policy == "free":
            expected = expected_of(self._task, Derived(self._task), self._probes, outcomes)
            yield next(iter(self._failed(expected, outcomes)), "")

    def _outcomes(self, module: ModuleType) -> dict[str, Outcome]:
        """Return the outputs of a module's functions, as they are recorded of a submission."""
        task, start = self._task, self._task.starts[0].parameters
        found: dict[str, Mapping[str, Any]] = {
            "initialise": {key: value[None] for key, value in start.items()}
        }
        oracle: Oracle = NumpyReference(task, module)
        if task.framework.trains:
            shapes = [value.shape for value in module.Model().parameters()]
            found["model"] = {str(n): np.array(shape) for n, shape in enumerate(shapes)}
            # The module computes in single precision, so the tolerances for it are used.
            oracle = TorchReference(task, module, "float32")
        with np.errstate(all="ignore"):
            found |= expect(oracle, self._probes)
        return {name: Outcome(name, outputs) for name, outputs in found.items()}

    def _failed(self, expected: Expected, outcomes: Mapping[str, Outcome]) -> list[str]:
        """Return the names of the checks that do not pass.

        ``outcomes`` are the outputs to judge, and ``expected`` the right ones, both by function.
        """
        task = self._task
        keys = {key: key for key in task.starts[0].parameters}
        bound = {
            role.name: Bound(
                *(role.name, role.name, NOWHERE, (), {}, Convention(keys)),
                RETURNS.get(role.name, {}),
                NOWHERE,
            )
            for role in task.roles
        }
        observed = Observations(task.id, outcomes)
        case = Case(task, Binding(bound, ()), self._probes, observed, expected)
        return [verdict.check for verdict in judge(case) if verdict.state != "pass"]
