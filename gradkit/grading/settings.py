"""Hold the settings of a grading, and open what it needs: assignment, model solutions, workers."""

from __future__ import annotations

import hashlib
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from gradkit.errors import GradkitError, did_you_mean
from gradkit.records.submission import Section, Submission
from gradkit.records.task import Assignment, Example, Form, FunctionTask, Preset, Task
from gradkit.sandbox import Workshop
from gradkit.sandbox.process import StudentProcess
from gradkit.sandbox.workshop import CONTAINER, GRADING, PACKED
from gradkit.task.assignment import (
    AssignmentError,
    find_reference,
    gallery_functions,
    read_assignment,
)
from gradkit.task.oracle import CachedOracle, Derived, Oracle, OracleError, load_reference, verify
from gradkit.task.probes import draw
from gradkit.task.tables import EXAMPLES

if TYPE_CHECKING:
    from gradkit.task.solution import Solution


class GradingError(GradkitError):
    """A submission, or a whole class, cannot be graded. The text says why, and what to do."""


class BreakdownError(GradingError):
    """The grader failed, and the submission may be right."""


class Settings(Struct, frozen=True):
    """The settings of a grading.

    ``tasks`` are the ids of the tasks to grade; empty for those of the assignment. With
    ``handed_in`` only submitted tasks count. Without a ``seed`` each submission gets a random one,
    and without a ``preset`` that of the assignment is used. ``assignment`` is the file, and
    ``reference`` the folder of the model solutions, which ``no_reference`` ignores.

    Findings with ``dropped`` codes are left out and cost nothing. A mark that depends on a finding
    with an ``accepted`` code is not provisional. ``prices`` are pairs of a code and the share of a
    check's points that a finding costs, in place of the assignment's deduction. Student code runs
    at isolation tier ``require_tier`` or above, or not at all.
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
    prices: tuple[tuple[str, float], ...] = ()
    require_tier: int = 0


def assignment_and_reference(settings: Settings) -> tuple[Assignment, Path | None]:
    """Read the assignment that the settings name, and find the folder of its model solutions.

    The folder is None if the settings exclude model solutions, or none are found.

    Raises
    ------
    GradingError
        The assignment cannot be read, the named folder does not exist, or ``--task`` names a task
        that is not in the assignment.
    """
    try:
        assignment = read_assignment(settings.assignment)
    except AssignmentError as error:
        raise GradingError(str(error)) from None
    tasks: list[Task | FunctionTask] = [*assignment.tasks, *assignment.functions]
    known = own = [task.id for task in tasks]
    # Reading all shipped exercises takes longer than grading a net.
    if settings.assignment is None and not set(settings.tasks) <= set(own):
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
    """Return the ids of the tasks that count even if they are not submitted.

    These are the tasks that the settings name or, by default, those that the assignment requires.
    The result is empty if the settings count only submitted tasks.
    """
    return () if settings.handed_in else settings.tasks or assignment.required


def digests_of(assignment: Assignment, reference: Path | None) -> dict[str, str]:
    """Return SHA-256 digests by name: ``assignment``, and ``reference`` or ``examples``.

    ``reference`` is that of all model solutions in the folder. Without a folder, ``examples`` is
    that of the file of recorded examples, if the assignment has function tasks and such a file.
    """
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
    """Return the oracle of a task, which computes its expected values.

    In a numpy task, this is the model solution in the folder ``reference``, after it has been
    compared with the assignment file. Without a model solution, and in a torch task, the values are
    derived from the file, in numpy: so the grader does not have to load torch. ``gradkit audit``
    compares the model solution of a torch task with these values. ``form`` is the variant of the
    exercise: the correct one, or the one published with mistakes.

    Raises
    ------
    OracleError
        The model solution cannot be used, or the published form is graded without one.
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
    """Return the net tasks of an assignment, as they are graded in a form of the exercise.

    The form is ``correct`` or ``published``, with the mistakes of the published handout. In the
    form ``published``, numpy tasks have no check ``gradient``, because the published update is not
    a gradient. Tasks of frameworks without a published form stay unchanged.
    """
    return tuple(
        task
        if form == "correct" or not task.framework.published
        else replace(task, checks=tuple(c for c in task.checks if c.name != "gradient"))
        for task in assignment.tasks
    )


def required_tier(option: int | None) -> int:
    """Return the isolation tier that is needed to grade the code of others.

    ``option`` is the value of the option ``--require-tier``, None if it was not given: then the
    tier is `GRADING`. Systems other than Linux have only tier 0.

    Raises
    ------
    GradingError
        This system cannot isolate student code, and the user has not chosen a tier.
    """
    if option is None and sys.platform != "linux":
        raise GradingError(
            "this system cannot keep student code from your files and the network: it has only "
            f"isolation tier 0. Grade in a container, which has tier 2:\n  {CONTAINER}\n"
            f"{PACKED} To grade without isolation, add --require-tier 0."
        )
    return GRADING if option is None else option


def refuse_unsafe(settings: Settings, warn: Callable[[str], None] | None = None) -> None:
    """Test the isolation with a harmless process, before any student code is run.

    Parameters
    ----------
    settings : Settings
        Has the required tier.
    warn : callable, optional
        Called with a sentence if the tier is high enough, but below the tier for grading.

    Raises
    ------
    GradingError
        The tier is too low, or the process could do something that the tier should prevent.
    """
    from gradkit.sandbox.doctor import examine, objection

    _, reference = assignment_and_reference(settings)
    key = next(iter(sorted(reference.glob("*.py"))), None) if reference is not None else None
    examination = examine(key=key.resolve() if key is not None else None)
    if problem := objection(examination, settings.require_tier):
        raise GradingError(problem)
    if warn is not None and examination.tier < GRADING:
        warn(
            f"student code runs at isolation tier {examination.tier}, which prevents less than "
            f"tier {GRADING}; see `gradkit doctor`."
        )


FIRST_LIMIT = 2.0
"""Seconds for a section before any time has been measured."""

MIN_LIMIT = 0.08
"""Least seconds for a section."""

LIMIT_FACTOR = 6.0
"""Ratio of the limit for a section to the median of the measured times."""

MAX_TIMES = 25
"""Number of the last measured times that the median is taken of."""


class TimeBudget:
    """Limits the time of each section by the times of the sections before it, by framework."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}

    def limit(self, framework: str) -> float:
        """Return the seconds that the code of the next section may take in total."""
        times = sorted(self._times.get(framework, ()))
        return max(MIN_LIMIT, LIMIT_FACTOR * times[len(times) // 2]) if times else FIRST_LIMIT

    def note(self, framework: str, seconds: float) -> None:
        """Record the seconds that a complete section took."""
        self._times.setdefault(framework, deque(maxlen=MAX_TIMES)).append(seconds)


class Resources:
    """Opens workers, oracles and model solutions when they are needed, and keeps them.

    Parameters
    ----------
    settings : Settings
    tasks : sequence of Task
        All tasks of the assignment.
    reference : Path, optional
        The folder of the model solutions.
    workshop : Workshop, optional
        Starts the processes. `close` leaves it open. By default, one is opened when it is needed.
    budget : TimeBudget, optional
        Limits the time of sections, see `gradkit.grading.session.Session`.

    Attributes
    ----------
    forbidden : frozenset of str
        Names of roles. A section never takes them from the section of another task, because they
        mean something else there. Shared roles are not among them.
    """

    def __init__(
        self,
        settings: Settings,
        tasks: Sequence[Task],
        reference: Path | None,
        workshop: Workshop | None = None,
        budget: TimeBudget | None = None,
    ) -> None:
        """Store the arguments, and open nothing.

        ``tasks`` are the net tasks, and ``reference`` is the folder of model solutions, if any.
        ``workshop`` starts processes; by default one is opened when needed. ``budget`` shortens the
        time limits of sections.
        """
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
        """Return a process that runs the code of a section, within the time limit of its task.

        A budget may shorten the limit. For a net, methods of a class also count as functions.
        Sections of nets must not take the names of roles from other sections.
        """
        deadline = task.deadline
        if isinstance(task, Task) and any("class" in cell.source for cell in section.own):
            # Imported here because few submissions define a class.
            from gradkit.submission.methods import with_functions_of_class

            section = with_functions_of_class(section, task)
        if self._budget is not None:
            deadline = min(deadline, self._budget.limit(task.framework.name))
        return StudentProcess(
            self.workshop,
            section,
            submission.modules,
            # Sections of function tasks only take names from files that the course hands out.
            frozenset() if isinstance(task, FunctionTask) else self.forbidden,
            deadline,
            seed=0,
            imports=task.imports,
            needs=task.framework.modules,
            hurried=self._budget is not None,
        )

    @property
    def workshop(self) -> Workshop:
        """Return the workshop that starts processes, and open it the first time."""
        if self._workshop is None:
            tier = self._settings.require_tier
            self._workshop = self._stack.enter_context(Workshop(require_tier=tier))
        return self._workshop

    def oracle(self, task: Task) -> Oracle:
        """Return the oracle of a net task, which computes its expected values."""
        if task.id not in self._oracles:
            self._oracles[task.id] = oracle_of(task, self._reference, self._settings.form)
        return self._oracles[task.id]

    def solution(self, task: FunctionTask) -> Solution | None:
        """Return the model solution of a function task, loaded once; None if there is none.

        Also None if the settings exclude model solutions.

        Raises
        ------
        OracleError
            The model solution cannot be used.
        """
        folder = find_reference(Path(task.path), self._settings.reference)
        if folder is None or self._settings.no_reference:
            return None
        if task.id not in self._solutions:
            from gradkit.task.verified import load_verified  # net tasks do not need it

            self._solutions[task.id] = load_verified(task, folder)
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
            from gradkit.task.examples import read_examples  # net tasks do not need it

            try:
                self._examples[task.id] = read_examples(task)
            except AssignmentError as error:
                raise GradingError(str(error)) from None
        return self._examples[task.id]

    def note(self, task: Task | FunctionTask, process: StudentProcess) -> None:
        """Record the time of a process in the time budget, if there is one."""
        if self._budget is not None:
            self._budget.note(task.framework.name, process.spent)

    def close(self) -> None:
        """Close the workshop, unless the caller has passed it."""
        self._stack.close()
