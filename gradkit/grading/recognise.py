"""Find the net task that each section of a submission belongs to.

Headings and file names come first, see `gradkit.submission.divide`. If they leave several tasks
possible, the section's forward pass is called with random weights, and its outputs decide.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from gradkit.binding import bind
from gradkit.binding.idioms import named_twice, narrow_by_targets, narrow_by_words
from gradkit.formatting import format_text
from gradkit.grading.settings import BreakdownError, GradingError
from gradkit.judge.tolerances import epsilon, median, near, value_tolerance
from gradkit.records.result import Evidence
from gradkit.records.submission import Cell, Claim, Place, Section, Submission
from gradkit.records.task import Array, Assignment, Batch, Task
from gradkit.sandbox import WorkshopError
from gradkit.sandbox.observe import observe_batch, shapes_of
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.choose import choose
from gradkit.submission.definitions import definitions, unwritten
from gradkit.submission.divide import divide
from gradkit.submission.names import Claims
from gradkit.submission.source import opening, parse
from gradkit.task.activations import ACTIVATIONS
from gradkit.task.network import rounding_units
from gradkit.task.oracle import Derived, OracleError
from gradkit.task.probes import draw

OpenProcess = Callable[[Task, Section, Submission], AbstractContextManager[StudentProcess]]
"""Opens a process that runs the code of a section."""

MAX_NESTING = 100
"""Levels of syntax that code written by a person does not reach."""

MAX_PROBLEMS = 3
"""Largest number of problems of a submission that a message lists."""

WITH_EXP = frozenset(name for name, entry in ACTIVATIONS.items() if "exp" in entry.numpy)
"""Names of the activations whose numpy code calls ``exp``."""


@contextmanager
def refusals(submission: Submission) -> Iterator[None]:
    """Turn exceptions that end the grading of a submission into errors with a clear message.

    Raises
    ------
    GradingError
        The submission's code is nested too deeply to be read.
    BreakdownError
        No worker or model solution can be used, or there is no memory left.
    """
    try:
        yield
    except (OracleError, WorkshopError) as error:
        raise BreakdownError(str(error)) from None
    except RecursionError:
        if not is_nested_deeply(submission):
            raise
        text = format_text(
            "{name}: its code is nested too deeply to be read. Take its longest expressions and "
            "blocks apart, and hand it in again.",
            name=submission.name,
        )
        raise GradingError(text) from None
    except MemoryError:
        text = format_text(
            "{name}: this machine ran out of memory while it graded the submission.",
            name=submission.name,
        )
        raise BreakdownError(text) from None


class _Recognition(Struct, frozen=True):
    """The tasks that a section may belong to, and how well its forward pass fits to each.

    ``proved`` is the task if it is known. Otherwise ``distances`` has the distance of the outputs
    from those of each task, by its id. ``bounded`` are the ids of the tasks whose last activation
    has bounds that all outputs keep. ``has_function`` is false if no function plays a role.
    """

    section: Section
    possible: list[Task]
    proved: Task | None = None
    distances: Mapping[str, float] = field(default_factory=dict)
    bounded: Collection[str] = ()
    has_function: bool = True


def _files(section: Section) -> set[str]:
    """Return the names of the files that a section's own cells come from."""
    return {cell.file for cell in section.own}


class NetFinder(Struct, frozen=True):
    """Finds the net tasks of a submission, by its texts and by the outputs of its forward passes.

    ``tasks`` are the net tasks of the assignment. ``named`` are the ids that the user asked for;
    it is empty if all are searched for.
    """

    submission: Submission
    tasks: Sequence[Task]
    named: Collection[str]
    open_process: OpenProcess

    def claims(self, *, keep_named: bool) -> dict[str, Claim]:
        """Return the section that is graded for each task, by the task's id.

        Tasks without a section are left out. With ``keep_named`` all named tasks are included,
        even if the submission has nothing for them.

        Raises
        ------
        GradingError
            A section may belong to several tasks, and its forward pass does not decide.
        """
        tasks, named = self.tasks, self.named
        sections = divide(self.submission, tasks)
        if named and not any(task in named for section in sections for task in section.tasks):
            sections = divide(self.submission, tasks, named)
        results = [self._recognise(section, is_only=len(sections) == 1) for section in sections]
        claimed: dict[str, list[Section]] = {}
        for result in results:
            taken = {
                other.proved.id
                for other in results
                if other.proved is not None
                and (
                    len(other.section.tasks) == 1 or _files(other.section) & _files(result.section)
                )
            }
            task = result.proved or self._likeliest(result, taken)
            if task is not None:
                claimed.setdefault(task.id, []).append(result.section)
        # An undivided submission with one named task is graded as a whole for that task.
        cells = self.submission.cells if len(sections) <= 1 == len(named) else ()
        for name in named if keep_named else ():
            claimed.setdefault(name, [Section((name,), cells)])
        return {
            task.id: choose(task, claimed[task.id], tasks) for task in tasks if task.id in claimed
        }

    def _recognise(self, section: Section, *, is_only: bool) -> _Recognition:
        """Find the task of a section by its text or, if that does not decide, by its forward pass.

        Shared cells, such as data above all sections, are only read if this is the only section.
        """
        possible = [task for task in self.tasks if task.id in section.tasks]
        possible = [task for task in possible if task.id in self.named] or possible
        cells = (*section.own, *section.shared) if is_only else section.own
        if len(possible) == 1:
            other = None if possible[0].id in self.named else self._contradicting(section, cells)
            return _Recognition(section, possible, other or possible[0])
        possible = narrow_by_targets(possible, cells)
        # The title decides only if the words agree: without its activation, a net of one task
        # computes the outputs of another task.
        by_words = narrow_by_words(possible, section, finished=False, with_exp=WITH_EXP)
        decided = [task for task in self._titled(section, possible) if task in by_words]
        if not decided and is_only:
            # A section of several may contain the helpers of another one.
            decided = named_twice(possible, section, WITH_EXP)
        if len(decided) == 1:
            return _Recognition(section, decided, decided[0])
        return self._compare_outputs(section, possible)

    def _compare_outputs(self, section: Section, possible: list[Task]) -> _Recognition:
        """Call the forward pass of a section as that of each possible task, and compare outputs."""
        distances: dict[str, float] = {}
        bounded: list[str] = []
        has_function = False
        for task in possible:
            batch, y_hat, has_role = self._outputs(task, section)
            has_function = has_function or has_role
            expected = Derived(task).forward(batch.inputs, batch.inputs["X"])[0]
            if y_hat is not None and y_hat.shape == expected.shape:
                if _is_right(task, batch, y_hat, expected):
                    return _Recognition(section, possible, task)
                distances[task.id] = median(np.abs(y_hat - expected))
                if _keeps_bounds(task, y_hat):
                    bounded.append(task.id)
        distances = {name: number for name, number in distances.items() if np.isfinite(number)}
        return _Recognition(section, possible, None, distances, bounded, has_function)

    def _contradicting(self, section: Section, cells: Sequence[Cell]) -> Task | None:
        """Return the task that a section's code belongs to although its file has another's name.

        The forward pass alone does not prove this: without its activation, it may be that of
        another task. So the targets, the loss or the activations in ``cells`` must also be those
        of the other task. The result is None if a heading or a title agrees with the file's name.
        """
        own = next(task for task in self.tasks if task.id in section.tasks)
        claims = Claims(self.tasks)
        headings = {heading for cell in section.own for heading in cell.headings}
        if own.files or any(map(claims.topic, headings)) or self._titled(section, self.tasks):
            return None
        similar = [task for task in self.tasks if task.framework == own.framework]
        by_targets = narrow_by_targets(similar, cells)
        if by_targets == [own]:
            # The targets agree with the file's name: the activation is the mistake.
            return None
        by_words = narrow_by_words(similar, section, finished=False, with_exp=WITH_EXP)
        for narrowed in (by_targets, by_words):
            if own not in narrowed and (other := self.other_task_of(section)) in narrowed:
                return other
        return None

    def _likeliest(self, result: _Recognition, taken: Collection[str]) -> Task | None:
        """Return the most likely task of a section whose forward pass fits to none exactly.

        Tasks that another section has ``taken`` are avoided. Then decide, in this order: the title
        of the file, bounds of the outputs, words in the code, and the distance of the outputs.
        Distance comes last, because a mistake may move outputs closer to those of another task.

        Returns
        -------
        Task or None
            None if no function of the section plays a role.

        Raises
        ------
        GradingError
            Several tasks are left, and there are no outputs to compare.
        """
        if not result.has_function:
            return None
        distances, own = result.distances, result.section.own
        tasks = [task for task in result.possible if task.id not in taken] or result.possible
        tasks = self._titled(result.section, tasks) or tasks
        is_written = all(unwritten(each.node) is None for each in definitions(own).values())
        likely = [task for task in tasks if task.id in result.bounded] or tasks
        left = narrow_by_words(
            likely, result.section, finished=bool(distances) or is_written, with_exp=WITH_EXP
        )
        if distances:
            left.sort(key=lambda task: distances.get(task.id, np.inf))
        elif len(left) > 1:
            text = format_text(
                "{name}: cannot tell which task this is: {tasks} are possible. Name the file after "
                "the task, such as {file}, or name the task with --task.",
                name=self.submission.name,
                tasks=", ".join(task.id for task in tasks),
                file=f"{tasks[0].id.replace('-', '_')}.py",
            )
            raise GradingError(problems_of(self.submission) + text)
        return left[0]

    def _titled(self, section: Section, tasks: Sequence[Task]) -> list[Task]:
        """Return the tasks that the first lines of a section's files name."""
        openings = {cell.file: opening(cell.source) for cell in reversed(self.submission.cells)}
        title = "\n".join(openings[name] for name in sorted(_files(section)))
        titled = Claims(tasks).topic(title) or ()
        return [task for task in tasks if task.id in titled]

    def has_main_function(self, name: str, claim: Claim) -> bool:
        """Return whether the section claimed for a task has a function that only a net needs.

        In numpy this is the forward pass or the update. In torch it is the training, because files
        of other exercises have models too.
        """
        task = next(task for task in self.tasks if task.id == name)
        framework = task.framework
        with self.open_process(task, claim.section, self.submission) as process:
            bound = bind(task, process).bound
        return framework.step in bound or (framework.forward in bound and not framework.trains)

    def other_task_of(self, section: Section) -> Task | None:
        """Return another task whose forward pass the section computes exactly, or None."""
        own = next(task for task in self.tasks if task.id == section.tasks[0])
        batch, y_hat, _ = self._outputs(own, section)
        return None if y_hat is None else other_task_with(y_hat, own, self.tasks, batch)

    def _outputs(self, task: Task, section: Section) -> tuple[Batch, NDArray[Any] | None, bool]:
        """Call a section's forward pass with random inputs of a task.

        Returns
        -------
        Batch
            The inputs.
        array or None
            The outputs; None if there are none, or if they are not real numbers.
        bool
            Whether a function of the section plays any role of the task.
        """
        batch = draw(task, 0, Derived(task).forward, False).forward[-1]
        with self.open_process(task, section, self.submission) as process:
            bound = bind(task, process).bound
            role = bound.get(task.framework.forward)
            outputs = {} if role is None else observe_batch(process, task, role, batch).outputs
        y_hat = outputs.get("y_hat")
        return batch, y_hat if y_hat is not None and y_hat.dtype.kind == "f" else None, bool(bound)


def other_task_with(
    y_hat: NDArray[Any], own: Task, tasks: Sequence[Task], batch: Batch
) -> Task | None:
    """Return another task for which outputs are exactly right, or None.

    ``y_hat`` are outputs for the inputs of ``batch``. The result is None if they are right for
    their ``own`` task.
    """
    shapes = shapes_of(own)
    for task in (own, *tasks):
        if task.framework == own.framework and shapes_of(task) == shapes:
            expected = Derived(task).forward(batch.inputs, batch.inputs["X"])[0]
            if y_hat.shape == expected.shape and _is_right(task, batch, y_hat, expected):
                return None if task is own else task
    return None


def _is_right(task: Task, batch: Batch, y_hat: NDArray[Any], expected: Array) -> bool:
    """Return whether outputs are the expected outputs of a task, except for rounding."""
    units = rounding_units(task.layers, batch.inputs, batch.inputs["X"])[0]
    return bool(near(y_hat, expected, value_tolerance(units, epsilon(y_hat))).all())


def _keeps_bounds(task: Task, y_hat: NDArray[Any]) -> bool:
    """Return whether outputs lie between the bounds of the task's last activation.

    It is false if the activation lacks a bound, or if all outputs are equal.
    """
    last = ACTIVATIONS[task.layers[-1].activation]
    low, high = float(np.min(y_hat)), float(np.max(y_hat))
    return bool(np.isfinite((last.low, last.high)).all()) and last.low < low < high < last.high


CALLED = frozenset({"pass", "fail", "inconclusive", "timeout"})
"""States of a check whose function accepted the arguments of a call."""


def belongs_to_task(
    evidence: Evidence, defined: Collection[str], broken: Collection[Place] = ()
) -> bool:
    """Return whether a graded section really belongs to its task.

    Having a helper such as ``sigmoid`` is not enough, because many exercises have one. A section
    belongs to a numpy task if its forward pass or its update could be called and returned numbers,
    or if the student has written both, even if they are wrong. It belongs to a torch task if it has
    a model with the right layers, or a training function. A section that could not be run counts as
    belonging to its task.

    Parameters
    ----------
    evidence : Evidence
    defined : collection of str
        Names that the submission itself defines.
    broken : collection of Place, optional
        The places in the submission that are not valid Python. A function there is written, too.
    """
    binding = evidence.binding
    if binding is None:
        return True
    states = {verdict.check: verdict.state for verdict in evidence.verdicts}
    if "model" in states:
        return states["model"] == "pass" or "train" in binding.bound
    written = [
        role
        for role in ("forward", "update")
        if role in binding.bound and binding.bound[role].function in defined
    ]
    written += [
        missing.role
        for missing in binding.missing
        if missing.role in ("forward", "update") and missing.place in broken
    ]
    # A function of another course with the same name returns no number to compare.
    has_numbers = any(e.found is not None for v in evidence.verdicts for e in v.entries)
    return len(written) > 1 or (
        has_numbers and any(states.get(check) in CALLED for check in ("forward", "update"))
    )


def another_exercise(submission: Submission, assignment: Assignment) -> str:
    """Return the message for a submission without any function of the assignment."""
    wanted = [role.signature for task in assignment.tasks for role in task.roles if role.required]
    wanted += [f"{call.function}(…)" for task in assignment.functions for call in task.calls]
    problems = problems_of(submission)
    is_titled = any(len(section.tasks) == 1 for section in divide(submission, assignment.tasks))
    if problems:
        text = "{name}: No function that could be read belongs to “{title}”; expected {wanted}."
    elif is_titled:
        # The file's name or a heading names a task, so this is not another exercise.
        text = "{name}: No function in it belongs to “{title}”; expected {wanted}."
    else:
        text = (
            "{name}: This looks like another exercise. No function in it belongs to "
            "“{title}”; expected {wanted}."
        )
    return problems + format_text(
        text, name=submission.name, title=assignment.title, wanted=", ".join(dict.fromkeys(wanted))
    )


def is_nested_deeply(submission: Submission) -> bool:
    """Return whether some code has more than `MAX_NESTING` levels of syntax.

    A recursive function that walks its syntax tree may exceed Python's recursion limit.
    """
    sources = [*(cell.source for cell in submission.cells), *submission.modules.values()]
    trees = [parse(source).tree for source in sources]
    layer: list[ast.AST] = [tree for tree in trees if tree is not None]
    for _ in range(MAX_NESTING):
        layer = [child for node in layer for child in ast.iter_child_nodes(node)]
    return bool(layer)


def problems_of(submission: Submission) -> str:
    """Return the first messages on files and code that could not be read, each with a space after.

    They begin the message of a refusal, because they may be the reason for it. Messages on code
    come before messages on files that were left out.
    """
    files = {cell.file for cell in submission.cells}
    problems = sorted(
        submission.problems, key=lambda each: each.place is None or each.place.file not in files
    )
    return "".join(f"{problem.message} " for problem in problems[:MAX_PROBLEMS])
