"""Find the lines of mistakes in the text of a submission, by all stages in order."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager

import numpy as np

from gradkit.binding import bind
from gradkit.diagnosis.formulas.explain import diagnose
from gradkit.diagnosis.formulas.lines import attribute
from gradkit.diagnosis.formulas.records import Diagnosis
from gradkit.diagnosis.inquiry.steps import observe_program, symbolic_call
from gradkit.diagnosis.rules.draw import FRESH, ROWS, draw_update, to_columns, with_rate
from gradkit.diagnosis.rules.recover import recover
from gradkit.diagnosis.trace import observe_trace
from gradkit.diagnosis.update_text import UpdateText, update_text
from gradkit.records.rule import Attribution, Trace, UpdateInputs, UpdateProbes
from gradkit.records.submission import Bound, Cell, Section
from gradkit.records.task import Batch, Task
from gradkit.sandbox import Workshop
from gradkit.sandbox.observe import observe_batch
from gradkit.sandbox.process import StudentProcess
from gradkit.task.assignment import read_assignment

TASKS = {task.id: task for task in read_assignment(None).tasks}
CALLS = 8


class Watched:
    """One update function: its trace, and the diagnosis of its mistakes."""

    def __init__(
        self, task: Task, bound: Bound, sitting: StudentProcess, seen: Iterable[str] = ()
    ) -> None:
        self.task, self.bound, self.sitting = task, bound, sitting
        self._seen = tuple(seen)
        self.inputs = self._inputs(7, CALLS)
        self.trace: Trace = observe_trace(sitting, task, bound, to_columns(self.inputs))

    def diagnosis(self) -> Diagnosis:
        """Diagnose the update step from its rules."""
        inputs = self._inputs(1, ROWS)
        ask = symbolic_call(self.sitting, self.task, self.bound)
        program, _ = observe_program(ask, self.task, inputs)
        fit, fresh = self._probes(inputs), self._probes(self._inputs(2, FRESH))
        rules = recover(self.task, program, fresh)
        return diagnose(self.task, rules, fit, fresh, seen=self._seen)

    def attributions(self) -> list[Attribution]:
        """Return the places of all slips."""
        diagnosis = self.diagnosis()
        return [
            found
            for slip in diagnosis.explanation.slips
            for found in attribute(self.task, self.trace, self.inputs, diagnosis, slip, self.text)
        ]

    @property
    def text(self) -> UpdateText | None:
        """The text of the function."""
        return update_text(self.sitting.section.own, self.bound)

    def _inputs(self, seed: int, n: int) -> UpdateInputs:
        inputs = draw_update(self.task, seed, n)
        return with_rate(inputs, seed) if "rate" in self.bound.arguments else inputs

    def _probes(self, inputs: UpdateInputs) -> UpdateProbes:
        outcome = observe_batch(self.sitting, self.task, self.bound, batch_of(inputs))
        assert outcome.failure is None, outcome.failure
        after = {k: np.asarray(outcome.outputs[k], dtype=float) for k in inputs.before}
        return UpdateProbes(inputs, after)


def batch_of(inputs: UpdateInputs) -> Batch:
    """Return update inputs as a batch of columns, as a worker passes them."""
    quantities = {"y": inputs.y, "y_hat": inputs.y_hat, "A1": inputs.A1, "X": inputs.X}
    arrays = {name: value[:, :, None] for name, value in quantities.items()}
    rate = {} if inputs.rate is None else {"rate": inputs.rate}
    labels = tuple(str(number) for number in range(len(inputs.y)))
    return Batch("watched", "update", "update", {**inputs.before, **arrays, **rate}, labels)


@contextmanager
def watch(workshop: Workshop, task: str, *sources: str, seen: Iterable[str] = ()):
    """Open a `Watched` for the update function in a section of some cells."""
    cells = tuple(
        Cell(f"cell {number}", "hw.ipynb", number, source)
        for number, source in enumerate(sources, 1)
    )
    section = Section((task,), cells)
    with StudentProcess(workshop, section, {}, frozenset(), 20.0, seed=0) as sitting:
        binding = bind(TASKS[task], sitting)
        assert "update" in binding.bound, binding.missing
        yield Watched(TASKS[task], binding.bound["update"], sitting, seen)
