"""The one module that knows the order of the line: from a path to a result.

    read → divide → bind → draw probes → observe → judge → mark

The two limbs meet here, and only through records: what the student's code did comes from
one side, what it should have done from the other.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

import gradkit
from gradkit.mark import mark
from gradkit.records.binding import Binding
from gradkit.records.observations import Observations, Outcome
from gradkit.records.probes import Probes
from gradkit.records.result import Result, TaskResult
from gradkit.records.submission import Section, Submission
from gradkit.records.task import Form, Task
from gradkit.records.verdict import Verdict
from gradkit.student.bind import bind
from gradkit.student.divide import divide
from gradkit.student.files import SubmissionError
from gradkit.student.observe import (
    observe_batch,
    observe_initialise,
    observe_model,
    observe_run,
    observe_run_with,
    observe_training,
)
from gradkit.student.outline import outline
from gradkit.student.read import read
from gradkit.student.sitting import Sitting
from gradkit.truth.assignment import AssignmentError, read_assignment
from gradkit.truth.judge import Case, judge
from gradkit.truth.oracle import Derived, Oracle, OracleError, expect, load_reference, verify
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
    """What to grade against. ``seed`` None draws a fresh one for each submission."""

    tasks: tuple[str, ...] = ()
    form: Form = "correct"
    assignment: Path | None = None
    reference: Path | None = None
    no_reference: bool = False
    seed: int | None = None


class Session:
    """A context manager that grades submissions one after another.

    Parameters
    ----------
    settings : Settings
    workshop : Workshop
        Runs numpy tasks. One for torch tasks is opened when the first of them comes.

    Raises
    ------
    GradingError
        The assignment or the reference cannot be used.
    """

    def __init__(self, settings: Settings, workshop: Workshop) -> None:
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
        self._wanted = settings.tasks or tuple(known)
        self._reference = _find_reference(settings)
        self._oracles: dict[str, Oracle] = {}
        self._verified: set[str] = set()
        self._workshops = {"numpy": workshop}
        self._stack = ExitStack()

    @property
    def hints(self) -> int:
        """The hint level: all of it where there is a reference, else the assignment's."""
        return 4 if self._reference is not None else self.assignment.hints

    def check(self, path: Path) -> Result:
        """Grade one submission.

        Raises
        ------
        GradingError
            It cannot be read, holds none of the tasks, or the graders' own side failed.
        """
        try:
            submission = read(path)
            parts = self._parts(submission)
            seed = secrets.randbits(32) if self._settings.seed is None else self._settings.seed
            graded = [self._best(task, sections, submission, seed) for task, sections in parts]
        except (SubmissionError, OracleError, WorkshopError) as error:
            raise GradingError(str(error)) from None
        self._refuse_another_exercise(submission, graded)
        return self._result(
            submission,
            seed,
            [result for result, _, _ in graded],
            max(tier for _, _, tier in graded),
        )

    # --- which section is which task -----------------------------------------------------

    def _parts(self, submission: Submission) -> list[tuple[Task, list[Section]]]:
        """The tasks to grade, each with the sections that speak for it."""
        sections = divide(submission, self._tasks)
        claimed: dict[str, list[Section]] = {}
        for section in sections:
            possible = [task for task in self._tasks if task.id in section.tasks]
            if len(possible) > 1:
                possible = [self._recognise(possible, section, submission)]
            for task in possible:
                claimed.setdefault(task.id, []).append(section)
        for name in self._settings.tasks:
            claimed.setdefault(name, [Section((name,), ())])
        parts = [
            (task, claimed[task.id])
            for task in self._tasks
            if task.id in claimed and task.id in self._wanted
        ]
        if not parts:
            raise GradingError(self._another_exercise(submission))
        return parts

    def _recognise(self, tasks: list[Task], section: Section, submission: Submission) -> Task:
        """The task whose forward pass the section's comes nearest to, at random parameters."""
        gaps = {}
        for task in tasks:
            oracle = Derived(task)
            probes = draw(task, 0, oracle.forward, False)
            with self._sit(task, section, submission, 0) as sitting:
                binding = bind(task, outline(section, submission.modules), sitting)
                role = binding.bound.get("model" if task.framework == "torch" else "forward")
                if role is None:
                    continue
                outcome = observe_batch(sitting, task, role, probes.forward[1])
            found, expected = (
                outcome.outputs.get("y_hat"),
                oracle.forward(probes.forward[1].inputs, probes.forward[1].inputs["X"])[0],
            )
            if found is not None and found.shape == expected.shape and found.dtype.kind == "f":
                gaps[task.id] = float(np.median(np.abs(found - expected)))
        nearest = min(gaps, key=gaps.__getitem__) if gaps else None
        if nearest is None or not np.isfinite(gaps[nearest]):
            names = ", ".join(task.id for task in tasks)
            raise GradingError(
                f"{submission.name}: cannot tell which task this is. Name it with --task: one of {names}."
            )
        return next(task for task in tasks if task.id == nearest)

    def _refuse_another_exercise(
        self, submission: Submission, graded: Sequence[tuple[TaskResult, Binding | None, int]]
    ) -> None:
        """No role of any task is there: this is not a wrong answer but another question."""
        bindings = [binding for _, binding, _ in graded]
        if not self._settings.tasks and all(b is not None and not b.bound for b in bindings):
            raise GradingError(self._another_exercise(submission))

    def _another_exercise(self, submission: Submission) -> str:
        wanted = [role.signature for task in self._tasks for role in task.roles if role.required]
        return (
            f"{submission.name}: this looks like another exercise. Nothing in it plays a role of "
            f"“{self.assignment.title}”; expected {', '.join(dict.fromkeys(wanted))}."
        )

    # --- one task ------------------------------------------------------------------------

    def _best(
        self, task: Task, sections: list[Section], submission: Submission, seed: int
    ) -> tuple[TaskResult, Binding | None, int]:
        """Grade every section that speaks for the task; the best of them counts."""
        graded = [self._grade(task, section, submission, seed) for section in sections]
        best = max(graded, key=lambda one: one[0].score)
        if len(graded) == 1:
            return best
        titles = ", ".join(section.title or section.own[0].file for section in sections)
        note = f"Found in {len(graded)} places ({titles}); the best of them counts."
        return replace(best[0], notes=(*best[0].notes, note)), best[1], best[2]

    def _grade(
        self, task: Task, section: Section, submission: Submission, seed: int
    ) -> tuple[TaskResult, Binding | None, int]:
        oracle = self._oracle(task)
        derived = oracle.kind == "derived"
        if task.framework == "torch" and importlib.util.find_spec("torch") is None:
            verdicts = tuple(
                Verdict(check.name, "not-checked", WITHOUT_TORCH) for check in task.checks
            )
            return mark(task, verdicts, self.assignment.step, derived), None, 0
        for redraw in range(1 + REDRAWS):
            with self._sit(task, section, submission, seed) as sitting:
                binding = bind(task, outline(section, submission.modules), sitting)
                takes_rate = any("rate" in bound.arguments for bound in binding.bound.values())
                probes = draw(task, seed + redraw, oracle.forward, takes_rate)
                self._verify(task, oracle, probes)
                expected = expect(oracle, probes)
                outcomes = _ask(task, binding, probes, sitting)
                case = Case(task, binding, probes, Observations(task.id, outcomes), expected)
                _train(case, outcomes, oracle, sitting)
                verdicts = judge(case)
                tier = sitting.tier
            if not any(verdict.state == "inconclusive" for verdict in verdicts):
                break
        return mark(task, verdicts, self.assignment.step, derived), binding, tier

    def _sit(self, task: Task, section: Section, submission: Submission, seed: int) -> Sitting:
        roles = {
            alias
            for other in self._tasks
            for role in other.roles
            if not role.shared
            for alias in role.aliases
        }
        return Sitting(
            self._workshop(task), section, submission.modules, frozenset(roles), task.deadline, seed
        )

    def _workshop(self, task: Task) -> Workshop:
        if task.framework not in self._workshops:
            self._workshops[task.framework] = self._stack.enter_context(
                Workshop(preload=(task.framework,))
            )
        return self._workshops[task.framework]

    def _oracle(self, task: Task) -> Oracle:
        if task.id not in self._oracles:
            if self._reference is None:
                if self._settings.form == "published" and task.framework == "numpy":
                    raise OracleError(
                        "--form published needs the model solutions: name their folder with --reference."
                    )
                self._oracles[task.id] = Derived(task)
            else:
                self._oracles[task.id] = load_reference(task, self._reference, self._settings.form)
        return self._oracles[task.id]

    def _verify(self, task: Task, oracle: Oracle, probes: Probes) -> None:
        """Hold the reference against the task file, once; the published form is wrong on purpose."""
        if (
            task.id not in self._verified
            and self._settings.form == "correct"
            and oracle.kind == "reference"
        ):
            verify(task, oracle, probes)
            self._verified.add(task.id)

    # --- the result ----------------------------------------------------------------------

    def _result(
        self, submission: Submission, seed: int, tasks: list[TaskResult], tier: int
    ) -> Result:
        torch = any(
            task.framework == "torch" for task in self._tasks if task.id in {t.task for t in tasks}
        )
        versions = {"gradkit": gradkit.__version__, "numpy": np.__version__}
        if torch and importlib.util.find_spec("torch") is not None:
            versions["torch"] = importlib.metadata.version("torch")
        digests = {"submission": submission.digest, "assignment": self.assignment.digest}
        if self._reference is not None:
            digests["reference"] = _digest(self._reference)
        kinds = {self._oracles[task.task].kind for task in tasks}
        return Result(
            submission=submission.name,
            assignment=self.assignment.id,
            form=self._settings.form,
            seed=seed,
            oracle="derived" if "derived" in kinds else "reference",
            provisional=any(task.provisional for task in tasks),
            score=sum(task.score for task in tasks),
            max_score=sum(task.max_score for task in tasks),
            tasks=tuple(tasks),
            problems=submission.problems,
            versions=versions,
            digests=digests,
            tier=tier,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()


def _in_form(task: Task, form: Form) -> Task:
    """The task as that form has it: published updates are not gradients, so nothing checks them."""
    if form == "correct" or task.framework == "torch":
        return task
    return replace(task, checks=tuple(check for check in task.checks if check.name != "gradient"))


def _ask(task: Task, binding: Binding, probes: Probes, sitting: Sitting) -> dict[str, Outcome]:
    """Everything but the training runs."""
    bound = binding.bound
    outcomes: dict[str, Outcome] = {}
    if "initialise" in bound:
        outcomes["initialise"] = observe_initialise(sitting, task, bound["initialise"])
    if "model" in bound:
        outcomes["model"] = observe_model(sitting, task, bound["model"])
    forward = bound.get("forward") or bound.get("model")
    for batches, role in ((probes.forward, forward), (probes.update, bound.get("update"))):
        for batch in batches if role is not None else ():
            if role is not None:
                outcomes[batch.name] = observe_batch(sitting, task, role, batch)
    return outcomes


def _train(case: Case, outcomes: dict[str, Outcome], oracle: Oracle, sitting: Sitting) -> None:
    """The training runs; a forward pass that is missing or wrong is replaced by the oracle's."""
    bound, task = case.binding.bound, case.task
    if task.framework == "torch":
        if "train" in bound and "model" in bound:
            for run in case.probes.runs:
                outcomes[run.name] = observe_training(sitting, task, bound["train"], run)
        return
    if "update" not in bound:
        return
    own = "forward" in bound and "A1" in bound["forward"].returns
    own = own and all(verdict.state == "pass" for verdict in judge(case, ("forward",)))
    for run in case.probes.runs:
        if own:
            outcomes[run.name] = observe_run(sitting, task, bound["forward"], bound["update"], run)
        else:
            outcomes[run.name] = observe_run_with(
                sitting, task, bound["update"], run, oracle.forward
            )


def _find_reference(settings: Settings) -> Path | None:
    """The folder named by option; for gradkit's own assignment in a checkout, the one there."""
    if settings.no_reference:
        return None
    if settings.reference is not None:
        if not settings.reference.is_dir():
            raise GradingError(f"--reference {settings.reference}: there is no such folder.")
        return settings.reference
    beside = Path(gradkit.__file__).parent.parent / "reference"
    return beside if settings.assignment is None and beside.is_dir() else None


def _digest(folder: Path) -> str:
    content = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        content.update(path.name.encode() + b"\0" + path.read_bytes())
    return content.hexdigest()
