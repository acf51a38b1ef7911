"""The model solution of a net as an audit takes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from gradkit.authoring.functions import SEED
from gradkit.judge import Case, judge
from gradkit.judge.case import expected_of
from gradkit.records.observations import Binding, Bound, Convention, Observations, Outcome
from gradkit.records.submission import Place
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

RETURNS: Mapping[str, Mapping[str, tuple[int | str, ...]]] = {
    "forward": {"y_hat": (0,), "A1": (1,)},
    "model": {"y_hat": ()},
    "train": {"loss": ()},
}
"""Where a model solution has what a role returns."""


class NetModel:
    """The model solution of a net, held to what is derived from the assignment, and changes of it.

    Raises
    ------
    OracleError
        It cannot be loaded.

    Attributes
    ----------
    words : set of str
        Names that it is called by.
    """

    def __init__(self, task: Task, reference: Path) -> None:
        self._task, derived = task, Derived(task)
        self._oracle: Any = load_reference(task, reference, "correct")
        self._probes = draw(task, SEED, derived.forward, takes_rate=False)
        self._expected = expect(derived, self._probes)
        self.words = {*ASKED[task.framework.name], "forward"}

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with it.

        Raises
        ------
        OracleError
            It is not what is derived from the assignment.
        """
        verify(self._task, self._oracle, self._probes)
        failed = self._failed(self._expected, self._outcomes(self._oracle.module))
        if failed:
            yield f"What is right does not pass {', '.join(failed)}."

    def run(self) -> None:
        """Call all that is asked of it."""
        expect(self._oracle, self._probes)

    def failed(self, changed: ModuleType) -> Iterator[str]:
        """Yield the first check that sees a change, or nothing, by each way to be right.

        That is at the task's rates, then at the change's own where the task leaves them free.
        """
        try:
            outcomes = self._outcomes(changed)
        except Exception:  # whatever comes of a change is seen
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
        """Return what a submission that does what a module does would be seen to do."""
        task, start = self._task, self._task.starts[0].parameters
        found: dict[str, Mapping[str, Any]] = {
            "initialise": {key: value[None] for key, value in start.items()}
        }
        oracle: Oracle = NumpyReference(task, module)
        if task.framework.trains:
            shapes = [value.shape for value in module.Model().parameters()]
            found["model"] = {str(n): np.array(shape) for n, shape in enumerate(shapes)}
            # A module computes in single precision, and is given the allowance of it.
            oracle = TorchReference(task, module, "float32")
        with np.errstate(all="ignore"):
            found |= expect(oracle, self._probes)
        return {name: Outcome(name, outputs) for name, outputs in found.items()}

    def _failed(self, expected: Expected, outcomes: Mapping[str, Outcome]) -> list[str]:
        """Return the checks that do not pass."""
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
