"""The one module that knows the order of the line: from a path to a result.

    read → recognise → bind → draw probes → observe → judge → mark

The two limbs meet here, and only through records: what the student's code did comes from
one side, what it should have done from the other.
"""

from __future__ import annotations

import hashlib
import importlib.util
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

import gradkit
from gradkit.examine import Examined, examine
from gradkit.mark import mark
from gradkit.recognise import UnrecognisedError, another_exercise, recognise, resembles
from gradkit.records.binding import Binding
from gradkit.records.finding import Inquiry
from gradkit.records.mistake import Preset
from gradkit.records.result import Result, TaskResult
from gradkit.records.submission import Section, Submission
from gradkit.records.task import Form, Task
from gradkit.records.verdict import Verdict
from gradkit.student.bind import bind
from gradkit.student.files import SubmissionError
from gradkit.student.outline import outline
from gradkit.student.played import Played
from gradkit.student.read import read
from gradkit.student.sitting import Sitting
from gradkit.truth.assignment import AssignmentError, read_assignment
from gradkit.truth.oracle import (
    Derived,
    Oracle,
    OracleError,
    find_reference,
    load_reference,
    verify,
)
from gradkit.truth.probes import draw
from gradkit.worker import Workshop, WorkshopError

REDRAWS = 3
"""How often inconclusive checks are asked again with other probes."""

WITHOUT_TORCH = (
    "torch is not installed here. To have torch tasks checked: pip install 'gradkit[torch]'"
)


class GradingError(Exception):
    """Nothing can be graded; the text says what was found, what was expected, what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to grade against.

    ``seed`` None draws a fresh one for each submission; ``preset`` None takes the
    assignment's.
    """

    tasks: tuple[str, ...] = ()
    form: Form = "correct"
    assignment: Path | None = None
    reference: Path | None = None
    no_reference: bool = False
    seed: int | None = None
    preset: Preset | None = None


class Session:
    """A context manager that grades submissions one after another.

    Parameters
    ----------
    settings : Settings
    workshop : Workshop, optional
        Runs numpy tasks. Another is opened when the first task comes that needs it.

    Raises
    ------
    GradingError
        The assignment or the reference cannot be used.
    """

    def __init__(self, settings: Settings, workshop: Workshop | None = None) -> None:
        try:
            self.assignment = read_assignment(settings.assignment)
        except AssignmentError as error:
            raise GradingError(str(error)) from None
        known = [task.id for task in self.assignment.tasks]
        for name in settings.tasks:
            if name not in known:
                raise GradingError(
                    f"--task {name}: there is no such task. The assignment has {', '.join(known)}."
                )
        self._settings = settings
        self._tasks = tuple(_in_form(task, settings.form) for task in self.assignment.tasks)
        self._reference = _find_reference(settings)
        self._digests = {"assignment": self.assignment.digest}
        if self._reference is not None:
            self._digests["reference"] = _digest(self._reference)
        self._oracles: dict[str, Oracle] = {}
        self._workshops = {} if workshop is None else {"numpy": workshop}
        self._stack = ExitStack()

    @property
    def hints(self) -> int:
        """The hint level: all of it where there is a reference, else the assignment's."""
        return 4 if self._reference is not None else self.assignment.hints

    @property
    def preset(self) -> Preset:
        """Which deductions count: the one asked for, else the assignment's."""
        return self._settings.preset or self.assignment.preset

    def check(self, path: Path) -> Result:
        """Grade one submission.

        Raises
        ------
        GradingError
            It cannot be read, holds none of the tasks, or the grader's own side failed.
        """
        named = self._settings.tasks
        try:
            submission = read(path)
            claimed = recognise(submission, self._tasks, named, self._sit)
            result, examined = self.grade(submission, claimed)
        except (SubmissionError, UnrecognisedError, WorkshopError) as error:
            raise GradingError(str(error)) from None
        cases = [each.case for each in examined.values()]
        empty = not any(case.binding.bound for case in cases) and len(cases) == len(result.tasks)
        if empty and not named:
            raise GradingError(another_exercise(submission, self.assignment))
        return result

    def recognised(self, path: Path) -> tuple[Task, ...]:
        """The tasks that a submission will be graded for; nothing is judged yet.

        Raises
        ------
        GradingError
            See `check`.
        """
        named = self._settings.tasks
        try:
            submission = read(path)
            claimed = recognise(submission, self._tasks, named, self._sit)
        except (SubmissionError, UnrecognisedError, WorkshopError) as error:
            raise GradingError(str(error)) from None
        if not claimed:
            raise GradingError(another_exercise(submission, self.assignment))
        return tuple(task for task in self._tasks if task.id in (named or claimed))

    def mistaken_for(self, submission: Submission, section: Section) -> Task | None:
        """Another task, where the section's forward pass is exactly that one's.

        Raises
        ------
        GradingError
            The grader's own side failed.
        """
        try:
            return resembles(section, self._tasks, submission, self._sit)
        except WorkshopError as error:
            raise GradingError(str(error)) from None

    def grade(
        self, submission: Submission, claimed: Mapping[str, list[Section]]
    ) -> tuple[Result, dict[str, Examined]]:
        """Grade sections that are known to speak for their tasks.

        Returns
        -------
        result : Result
        examined : dict
            By task, what was asked and answered; a task that could not be checked is not in it.

        Raises
        ------
        GradingError
            The grader's own side failed.
        """
        seed = secrets.randbits(32) if self._settings.seed is None else self._settings.seed
        wanted = self._settings.tasks or claimed
        try:
            graded = [
                self._best(task, claimed[task.id], submission, seed)
                for task in self._tasks
                if task.id in wanted
            ]
        except (OracleError, WorkshopError) as error:
            raise GradingError(str(error)) from None
        found = {result.task: examined for result, examined in graded if examined is not None}
        tier = max((examined.tier for examined in found.values()), default=0)
        return self._result(submission, seed, tuple(result for result, _ in graded), tier), found

    def _best(
        self, task: Task, sections: list[Section], submission: Submission, seed: int
    ) -> tuple[TaskResult, Examined | None]:
        """Grade every section that speaks for the task; the best of them counts."""
        graded = [self._grade(task, section, submission, seed) for section in sections]
        result, examined = max(graded, key=lambda pair: pair[0].score)
        if len(graded) > 1:
            titles = ", ".join(section.title or section.own[0].file for section in sections)
            note = f"Found in {len(graded)} places ({titles}); the best of them counts."
            result = replace(result, notes=(*result.notes, note))
        return result, examined

    def _grade(
        self, task: Task, section: Section, submission: Submission, seed: int
    ) -> tuple[TaskResult, Examined | None]:
        step = self.assignment.step
        if task.framework == "torch" and importlib.util.find_spec("torch") is None:
            verdicts = [Verdict(c.name, "not-checked", WITHOUT_TORCH) for c in task.checks]
            derived = self._reference is None
            return mark(task, verdicts, Inquiry(), step=step, derived=derived), None
        oracle = self.oracle(task)
        facts = outline(section, submission.modules)
        for redraw in range(1 + REDRAWS):
            with self._sit(task, section, submission) as sitting:
                examined = examine(task, facts, sitting, oracle, seed + redraw)
            if all(verdict.state != "inconclusive" for verdict in examined.verdicts):
                break
        inquiry, trouble = self._inquire(task, section, submission, examined, seed)
        derived = oracle.kind == "derived"
        marked = mark(
            task,
            examined.verdicts,
            inquiry,
            step=step,
            derived=derived,
            preset=self.preset,
            deductions=self.assignment.deductions,
        )
        notes = (*marked.notes, trouble) if trouble else marked.notes
        return replace(marked, seed=seed + redraw, notes=notes), examined

    def bindings(
        self, submission: Submission, task: str
    ) -> Iterator[tuple[Task, Section, Binding, frozenset[str]]]:
        """Each section that speaks for a task, with what plays which role in it.

        The last item are names that the section must not take from others.

        Raises
        ------
        GradingError
            See `check`.
        """
        try:
            claimed = recognise(submission, self._tasks, (task,), self._sit)
            chosen = next(each for each in self._tasks if each.id == task)
            for section in claimed[task]:
                with self._sit(chosen, section, submission) as sitting:
                    facts = outline(section, submission.modules)
                    binding = bind(chosen, facts, sitting)
                yield chosen, section, binding, self._forbidden()
        except (UnrecognisedError, WorkshopError) as error:
            raise GradingError(str(error)) from None

    @contextmanager
    def play(self, path: Path, task: str) -> Iterator[Played]:
        """The functions of a submission that play a task's roles, to be called one by one.

        Of several sections the last counts.

        Raises
        ------
        GradingError
            See `check`.
        """
        try:
            submission = read(path)
        except SubmissionError as error:
            raise GradingError(str(error)) from None
        chosen, section, binding, _ = list(self.bindings(submission, task))[-1]
        with self._sit(chosen, section, submission) as sitting:
            yield Played(chosen, binding, sitting)

    def _inquire(
        self, task: Task, section: Section, submission: Submission, examined: Examined, seed: int
    ) -> tuple[Inquiry, str]:
        """The diagnosis of what failed, and a note where it could not be made.

        It only ever lightens marks and explains them: its own fault must not cost the report.
        """
        failed = any(verdict.state == "fail" for verdict in examined.verdicts)
        if not failed or (self._settings.form == "published" and task.framework == "numpy"):
            return Inquiry(), ""
        # Late: rules and mistakes take time to load, and who passes needs none.
        from gradkit.inquiry import inquire

        try:
            with self._sit(task, section, submission) as sitting:
                return inquire(task, examined, sitting, self.oracle(task), seed), ""
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            kind = type(error).__name__
            return Inquiry(), f"gradkit's own diagnosis failed here ({kind}); marks count entries."

    def _sit(self, task: Task, section: Section, submission: Submission) -> Sitting:
        modules, forbidden = submission.modules, self._forbidden()
        return Sitting(self.workshop(task), section, modules, forbidden, task.deadline, seed=0)

    def _forbidden(self) -> frozenset[str]:
        # Names of roles never come from another task's section, unless they mean the same there.
        roles = (role for other in self._tasks for role in other.roles if not role.shared)
        return frozenset(alias for role in roles for alias in role.aliases)

    def workshop(self, task: Task) -> Workshop:
        """Where the code of this task is run; opened when it is first asked for."""
        if task.framework not in self._workshops:
            workshop = Workshop(preload=(task.framework,))
            self._workshops[task.framework] = self._stack.enter_context(workshop)
        return self._workshops[task.framework]

    def oracle(self, task: Task) -> Oracle:
        """The task's oracle; a model solution is held against the task file first."""
        form = self._settings.form
        if task.id in self._oracles:
            return self._oracles[task.id]
        oracle: Oracle = Derived(task)
        if self._reference is not None:
            oracle = load_reference(task, self._reference, form)
            if form == "correct":
                verify(task, oracle, draw(task, 0, Derived(task).forward, takes_rate=False))
        elif form == "published" and task.framework == "numpy":
            raise OracleError(
                "--form published needs the model solutions: name their folder with --reference."
            )
        self._oracles[task.id] = oracle
        return oracle

    def _result(
        self, submission: Submission, seed: int, tasks: tuple[TaskResult, ...], tier: int
    ) -> Result:
        frameworks = {task.framework for task in self._tasks if task.id in {t.task for t in tasks}}
        versions = {"gradkit": gradkit.__version__, "numpy": np.__version__}
        if "torch" in frameworks and importlib.util.find_spec("torch") is not None:
            # Late: half of the standard library's email package comes with it.
            from importlib.metadata import version

            versions["torch"] = version("torch")
        return Result(
            submission=submission.name,
            assignment=self.assignment.id,
            form=self._settings.form,
            seed=seed,
            oracle="derived" if self._reference is None else "reference",
            provisional=any(task.provisional for task in tasks),
            score=sum(task.score for task in tasks),
            max_score=sum(task.max_score for task in tasks),
            tasks=tasks,
            problems=submission.problems,
            versions=versions,
            digests={"submission": submission.digest, **self._digests},
            tier=tier,
            path=submission.path,
            preset=self.preset,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()


def _in_form(task: Task, form: Form) -> Task:
    """The task as that form has it: published updates are not gradients, so nothing checks them."""
    if form == "correct" or task.framework == "torch":
        return task
    return replace(task, checks=tuple(check for check in task.checks if check.name != "gradient"))


def _find_reference(settings: Settings) -> Path | None:
    """The folder named by option; for gradkit's own assignment in a checkout, the one there."""
    if settings.no_reference:
        return None
    if settings.reference is not None and not settings.reference.is_dir():
        raise GradingError(f"--reference {settings.reference}: there is no such folder.")
    return find_reference(settings.assignment, settings.reference)


def _digest(folder: Path) -> str:
    content = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        content.update(path.name.encode() + b"\0" + path.read_bytes())
    return content.hexdigest()
