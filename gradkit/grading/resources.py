"""Where a session's code runs and where its answers come from: opened when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from gradkit.grading.settings import Settings, oracle_of
from gradkit.records.submission import Section, Submission
from gradkit.records.task import Task
from gradkit.sandbox import Workshop
from gradkit.sandbox.process import StudentProcess
from gradkit.task.oracle import Oracle


class TimeBudget(Protocol):
    """How long submissions may take, and what they have taken."""

    def limit(self, framework: str) -> float:
        """Seconds that a section's code is given in all."""

    def note(self, framework: str, seconds: float) -> None:
        """What a section that came to its end has taken."""


class Resources:
    """Holds a workshop for each framework and an oracle for each task, until it is closed.

    Parameters
    ----------
    settings : Settings
    tasks : sequence of Task
        All tasks of the assignment.
    reference : Path, optional
        The folder of the model solutions.
    workshop : Workshop, optional
        Runs numpy tasks; it is not closed here. Another is opened when it is needed.
    budget : TimeBudget, optional
        Hurries submissions along, see `gradkit.grading.session.Session`.

    Attributes
    ----------
    workshops : dict of str to Workshop
        By framework.
    forbidden : frozenset of str
        Names of roles, which never come from another task's section, unless they mean the same
        there.
    """

    def __init__(
        self,
        settings: Settings,
        tasks: Sequence[Task],
        reference: Path | None,
        workshop: Workshop | None = None,
        budget: TimeBudget | None = None,
    ) -> None:
        self.workshops = {} if workshop is None else {"numpy": workshop}
        roles = (role for task in tasks for role in task.roles if not role.shared)
        self.forbidden = frozenset(alias for role in roles for alias in role.aliases)
        self._settings = settings
        self._reference = reference
        self._budget = budget
        self._oracles: dict[str, Oracle] = {}
        self._stack = ExitStack()

    def open_process(self, task: Task, section: Section, submission: Submission) -> StudentProcess:
        """A section's code, ready to be asked."""
        budget, deadline = self._budget, task.deadline
        if budget is not None:
            deadline = min(deadline, budget.limit(task.framework))
        return StudentProcess(
            self.workshop(task),
            section,
            submission.modules,
            self.forbidden,
            deadline,
            seed=0,
            imports=task.imports,
            hurried=budget is not None,
        )

    def workshop(self, task: Task) -> Workshop:
        """Where the code of this task is run; opened when it is first asked for."""
        if task.framework not in self.workshops:
            preload = () if task.framework == "numpy" else (task.framework,)
            first = next(iter(self.workshops.values()), None)
            workshop = (
                Workshop(preload=preload, require_tier=self._settings.require_tier)
                if first is None
                else first.sibling(preload)
            )
            self.workshops[task.framework] = self._stack.enter_context(workshop)
        return self.workshops[task.framework]

    def oracle(self, task: Task) -> Oracle:
        """Where a task's expected values come from."""
        form = self._settings.form
        if task.id in self._oracles:
            return self._oracles[task.id]
        oracle = self._oracles[task.id] = oracle_of(task, self._reference, form)
        return oracle

    def note(self, task: Task, process: StudentProcess) -> None:
        """Have what a process has taken counted, where submissions are hurried."""
        if self._budget is not None:
            self._budget.note(task.framework, process.spent)

    def close(self) -> None:
        """Close the workshops that were opened here."""
        self._stack.close()
