"""Marks from stored evidence, under an assignment as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradkit.grading.assess import (
    StaleError,
    assess,
    basis_of,
    judge_again,
    scheme_of,
    tolerances_of,
    total,
    unchecked,
)
from gradkit.grading.settings import (
    Settings,
    assignment_and_reference,
    digests_of,
    oracle_of,
    tasks_of,
)
from gradkit.records.result import Evidence, OracleKind, Result
from gradkit.records.task import Form, Task
from gradkit.records.verdict import Verdict
from gradkit.task.oracle import Oracle, OracleError


class Marker:
    """Marks stored evidence under an assignment as it is now.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    GradingError
        The assignment or the reference cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.assignment, self.reference = assignment_and_reference(settings)
        self._settings = settings
        self.digests = digests_of(self.assignment, self.reference)
        self._tasks: dict[Form, dict[str, Task]] = {}
        self._oracles: dict[tuple[Form, str], Oracle] = {}
        self._bases: dict[tuple[Form, str], str] = {}

    def mark(self, result: Result, evidence: Sequence[Evidence]) -> Result:
        """The result that this evidence has now.

        Raises
        ------
        StaleError
            The evidence does not tell what the marks would be: see `judge_again`.
        """
        scheme = scheme_of(
            self.assignment,
            self._settings.preset,
            derived=self.reference is None,
            dropped=self._settings.dropped,
        )
        marked = []
        for old in result.tasks:
            task = self._task(result.form, old.task)
            own = [each for each in evidence if each.task == task.id][-1]
            marked.append(assess(task, own, self._verdicts(result.form, task, own), scheme))
        digests = {"submission": result.digests["submission"], **self.digests}
        oracle: OracleKind = "derived" if self.reference is None else "reference"
        return replace(
            total(result, marked),
            digests=digests,
            preset=scheme.preset,
            oracle=oracle,
            visibility=self.assignment.visibility,
        )

    def _verdicts(self, form: Form, task: Task, evidence: Evidence) -> tuple[Verdict, ...]:
        """Those of the day, unless something has changed that they depend on."""
        if (form, task.id) not in self._bases:
            self._bases[form, task.id] = basis_of(task, form, self.digests)
        known: tuple[Verdict, ...] = ()
        if evidence.basis == self._bases[form, task.id]:
            now, then = tolerances_of(task), evidence.tolerances
            if now == then:
                return evidence.verdicts
            known = tuple(v for v in evidence.verdicts if now[v.check] == then.get(v.check))
        if evidence.observations is None:
            return unchecked(task, evidence)
        return judge_again(task, self._oracle(form, task), evidence, known)

    def _task(self, form: Form, name: str) -> Task:
        if form not in self._tasks:
            self._tasks[form] = {task.id: task for task in tasks_of(self.assignment, form)}
        if name not in self._tasks[form]:
            raise StaleError(f"{name} is not in the assignment any more")
        return self._tasks[form][name]

    def _oracle(self, form: Form, task: Task) -> Oracle:
        if (form, task.id) not in self._oracles:
            try:
                oracle = oracle_of(task, self.reference, form)
            except OracleError as error:
                raise StaleError(str(error).rstrip(".")) from None
            self._oracles[form, task.id] = oracle
        return self._oracles[form, task.id]
