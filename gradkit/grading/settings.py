"""What is graded against and with: settings, assignment, model solutions, isolation, workers."""

from __future__ import annotations

import hashlib
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from gradkit.errors import GradkitError, did_you_mean
from gradkit.records.mistake import Preset
from gradkit.records.submission import Section, Submission
from gradkit.records.task import Assignment, Example, Form, FunctionTask, Task
from gradkit.sandbox import Workshop
from gradkit.sandbox.process import StudentProcess
from gradkit.sandbox.workshop import CONTAINER, GRADING, PACKED
from gradkit.task.assignment import AssignmentError, gallery_functions, read_assignment
from gradkit.task.examples import read_examples
from gradkit.task.oracle import CachedOracle, Derived, Oracle, OracleError, load_reference, verify
from gradkit.task.probes import draw
from gradkit.task.shipped import find_reference
from gradkit.task.solution import Solution, load_solution
from gradkit.task.tables import EXAMPLES


class GradingError(GradkitError):
    """Nothing can be graded; the text says what was found, what was expected, what to do."""


class BreakdownError(GradingError):
    """The grader's own side failed; the submission may be in order."""


class Settings(Struct, frozen=True):
    """What to grade against.

    ``handed_in``: of the ``tasks``, or all, those count that were handed in. ``seed`` None draws a
    fresh one for each submission; ``preset`` None takes the assignment's. Findings of the
    ``dropped`` codes are left out and cost nothing. Marks that rest on ``accepted`` codes are not
    held. Student code runs at ``require_tier`` or
    above, or not at all.
    """

    tasks: tuple[str, ...] = ()
    handed_in: bool = False
    form: Form = "correct"
    assignment: Path | None = None
    reference: Path | None = None
    no_reference: bool = False
    seed: int | None = None
    preset: Preset | None = None
    dropped: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    require_tier: int = 0


def assignment_and_reference(settings: Settings) -> tuple[Assignment, Path | None]:
    """Return the assignment to grade against, and the folder of its model solutions, if any.

    Raises
    ------
    GradingError
        One of them cannot be used.
    """
    try:
        assignment = read_assignment(settings.assignment)
    except AssignmentError as error:
        raise GradingError(str(error)) from None
    tasks: list[Task | FunctionTask] = [*assignment.tasks, *assignment.functions]
    known = own = [task.id for task in tasks]
    if settings.assignment is None and settings.tasks:
        known = own + [task.id for task in gallery_functions()]
    for name in settings.tasks:
        if name not in known:
            raise GradingError(
                f"--task {name}: there is no such task. The assignment has {', '.join(own)}."
                f"{did_you_mean(name, known)}"
            )
    if settings.no_reference:
        return assignment, None
    if settings.reference is not None and not settings.reference.is_dir():
        raise GradingError(f"--reference {settings.reference}: there is no such folder.")
    return assignment, find_reference(settings.assignment, settings.reference)


def required_of(settings: Settings, assignment: Assignment) -> tuple[str, ...]:
    """Ids of the tasks that count, handed in or not: those asked for, else the assignment's."""
    return () if settings.handed_in else settings.tasks or assignment.required


def digests_of(assignment: Assignment, reference: Path | None) -> dict[str, str]:
    """SHA-256 of what is graded against."""
    digests = {"assignment": assignment.digest}
    if reference is not None:
        content = hashlib.sha256()
        for path in sorted(reference.glob("*.py")):
            content.update(os.fsencode(path.name) + b"\0" + path.read_bytes())
        digests["reference"] = content.hexdigest()
    elif assignment.functions and (path := Path(assignment.path).parent / EXAMPLES).is_file():
        digests["examples"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return digests


def oracle_of(task: Task, reference: Path | None, form: Form) -> Oracle:
    """Return the task's oracle; a model solution is held against the task file first.

    What is right for a torch task is told in numpy, from the task file: no process of the grader's
    has to load torch for it. Its model solution is held to that by ``gradkit audit``.

    Raises
    ------
    OracleError
        It cannot be used, or there is none where there must be one.
    """
    if reference is not None and not task.framework.modules:
        oracle = CachedOracle(load_reference(task, reference, form))
        if form == "correct":
            verify(task, oracle, draw(task, 0, Derived(task).forward, takes_rate=False))
        return oracle
    if form == "published" and task.framework.published:
        raise OracleError(
            "--form published needs the model solutions: name their folder with --reference."
        )
    return CachedOracle(Derived(task))


def tasks_of(assignment: Assignment, form: Form) -> tuple[Task, ...]:
    """Return the tasks as that form has them: published updates are no gradients to be checked."""
    return tuple(
        task
        if form == "correct" or not task.framework.published
        else replace(task, checks=tuple(c for c in task.checks if c.name != "gradient"))
        for task in assignment.tasks
    )


def required_tier(asked: int | None) -> int:
    """Return the tier that grading others' code takes: less than `GRADING` has to be asked for.

    Off Linux there is none above 0.

    Raises
    ------
    GradingError
        There is no isolation on this system, and nobody has asked for tier 0.
    """
    if asked is None and sys.platform != "linux":
        raise GradingError(
            "there is nothing on this system that keeps hostile code from files and network: "
            f"isolation tier 0. Grade in a container, which gives tier 2:\n  {CONTAINER}\n"
            f"{PACKED} Or go on all the same with --require-tier 0."
        )
    return GRADING if asked is None else asked


def refuse_unsafe(settings: Settings, warn: Callable[[str], None] | None = None) -> None:
    """Have a canary try out the isolation before anybody's code is run.

    Parameters
    ----------
    settings : Settings
        With the tier that is required.
    warn : callable, optional
        Is told where the tier will do, and is less than what grading asks for by itself.

    Raises
    ------
    GradingError
        The tier is too low, or what it promises does not hold.
    """
    from gradkit.sandbox.doctor import examine, objection

    _, reference = assignment_and_reference(settings)
    key = next(iter(sorted(reference.glob("*.py"))), None) if reference is not None else None
    examination = examine(key=key.resolve() if key is not None else None)
    if said := objection(examination, settings.require_tier):
        raise GradingError(said)
    if warn is not None and examination.tier < GRADING:
        warn(
            f"student code runs at isolation tier {examination.tier}, which keeps less "
            f"from it than tier {GRADING} would; see `gradkit doctor`."
        )


FIRST = 2.0
"""Seconds that are given before anything has been measured."""

LEAST = 0.08
FACTOR = 6.0
"""Seconds at least, and how many times the usual."""

MEMORY = 25


class TimeBudget:
    """The usual time of the submissions before this one, by framework."""

    def __init__(self) -> None:
        self._taken: dict[str, deque[float]] = {}

    def limit(self, framework: str) -> float:
        """Seconds that a section's code is given in all."""
        taken = sorted(self._taken.get(framework, ()))
        return max(LEAST, FACTOR * taken[len(taken) // 2]) if taken else FIRST

    def note(self, framework: str, seconds: float) -> None:
        """Note the seconds that a section took to its end."""
        self._taken.setdefault(framework, deque(maxlen=MEMORY)).append(seconds)


class Resources:
    """Holds a workshop, and an oracle for each task, until it is closed.

    Parameters
    ----------
    settings : Settings
    tasks : sequence of Task
        All tasks of the assignment.
    reference : Path, optional
        The folder of the model solutions.
    workshop : Workshop, optional
        It is not closed here. Another is opened when it is needed.
    budget : TimeBudget, optional
        Hurries submissions along, see `gradkit.grading.session.Session`.

    Attributes
    ----------
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
        self._workshop = workshop
        roles = (role for task in tasks for role in task.roles if not role.shared)
        self.forbidden = frozenset(alias for role in roles for alias in role.aliases)
        self._settings = settings
        self._reference = reference
        self._budget = budget
        self._oracles: dict[str, Oracle] = {}
        self._solutions: dict[str, Solution] = {}
        self._examples: dict[str, tuple[Example, ...]] = {}
        self._stack = ExitStack()

    def open_process(
        self, task: Task | FunctionTask, section: Section, submission: Submission
    ) -> StudentProcess:
        """Return a section's code, ready to be asked."""
        deadline = task.deadline
        if self._budget is not None:
            deadline = min(deadline, self._budget.limit(task.framework.name))
        return StudentProcess(
            self.workshop,
            section,
            submission.modules,
            # What function tasks take from elsewhere is what their course hands out.
            frozenset() if isinstance(task, FunctionTask) else self.forbidden,
            deadline,
            seed=0,
            imports=task.imports,
            needs=task.framework.modules,
            hurried=self._budget is not None,
        )

    @property
    def workshop(self) -> Workshop:
        """Where code is run; opened when it is first asked for."""
        if self._workshop is None:
            tier = self._settings.require_tier
            self._workshop = self._stack.enter_context(Workshop(require_tier=tier))
        return self._workshop

    def oracle(self, task: Task) -> Oracle:
        """Return where a task's expected values come from."""
        if task.id not in self._oracles:
            self._oracles[task.id] = oracle_of(task, self._reference, self._settings.form)
        return self._oracles[task.id]

    def solution(self, task: FunctionTask) -> Solution | None:
        """Return the model solution of a function task, None where there is none at hand."""
        folder = find_reference(Path(task.path), self._settings.reference)
        if folder is None or self._settings.no_reference:
            return None
        if task.id not in self._solutions:
            self._solutions[task.id] = load_solution(task, folder)
        return self._solutions[task.id]

    def examples(self, task: FunctionTask) -> tuple[Example, ...]:
        """Return the recorded examples of a function task; empty if it has a model solution.

        Raises
        ------
        GradingError
            The file of examples cannot be read, or belongs to another version of the task.
        """
        if self.solution(task) is not None:
            return ()
        if task.id not in self._examples:
            try:
                self._examples[task.id] = read_examples(task)
            except AssignmentError as error:
                raise GradingError(str(error)) from None
        return self._examples[task.id]

    def note(self, task: Task | FunctionTask, process: StudentProcess) -> None:
        """Have what a process has taken counted, where submissions are hurried."""
        if self._budget is not None:
            self._budget.note(task.framework.name, process.spent)

    def close(self) -> None:
        """Close the workshop, if it was opened here."""
        self._stack.close()
