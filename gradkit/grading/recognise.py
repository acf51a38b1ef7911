"""Find the net task that each section of a submission belongs to.

Headings and file names come first, see `gradkit.submission.divide`. If they leave several tasks
possible, the section's forward pass is called with random weights, and its outputs decide.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import product
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.binding import bind
from gradkit.grading.settings import BreakdownError, GradingError
from gradkit.judge.tolerances import epsilon, median, near, value_tolerance
from gradkit.records.result import Evidence
from gradkit.records.submission import Cell, Claim, Place, Section, Submission
from gradkit.records.task import Array, Assignment, Batch, FunctionTask, Role, Task
from gradkit.sandbox import WorkshopError
from gradkit.sandbox.observe import observe_batch, shapes_of
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.definitions import (
    Definition,
    accepts,
    cells_of,
    definitions,
    has_attribute,
    is_empty,
    no_python,
    reached_by,
    unwritten,
)
from gradkit.submission.divide import choose, divide
from gradkit.submission.names import Claims
from gradkit.submission.source import opening, parse
from gradkit.task.assignment import DEFAULT, characteristic_names, gallery_functions
from gradkit.task.network import ACTIVATIONS, rounding_units
from gradkit.task.oracle import Derived, OracleError
from gradkit.task.probes import draw
from gradkit.text import format_count, format_text

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
            "{name}: its code is nested too deeply to be read. Split its longest expressions "
            "and blocks, and submit it again.",
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

        Tasks without a section are left out. If ``keep_named``, all named tasks are included, even
        if the submission has nothing for them.

        Raises
        ------
        GradingError
            A section may belong to several tasks, and its forward pass does not show which.
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

        The text decides if only one task is possible by heading or file name, or if the title, the
        target values and the words in the code agree. Shared cells, such as data above all
        sections, are only read if this is the submission's only section (``is_only``).
        """
        possible = [task for task in self.tasks if task.id in section.tasks]
        possible = [task for task in possible if task.id in self.named] or possible
        cells = (*section.own, *section.shared) if is_only else section.own
        if len(possible) == 1:
            other = None if possible[0].id in self.named else self._contradicting(section, cells)
            return _Recognition(section, possible, other or possible[0])
        from gradkit.binding.idioms import named_twice, narrow_by_targets, narrow_by_words

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
        """Call the forward pass of a section as that of each possible task, and compare outputs.

        The first task whose expected outputs are given is ``proved``. Otherwise the result has the
        median distance for each task whose outputs have the right shape and are finite.
        """
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
        """Return the task that a section's code is for although its file is named like another one.

        The forward pass alone does not prove this: without its activation, it may be that of
        another task. So the target values, the loss or the activations in ``cells`` must also be
        those of the returned task. None if they are not, or if a heading or a title agrees with the
        file's name.
        """
        own = next(task for task in self.tasks if task.id in section.tasks)
        claims = Claims(self.tasks)
        headings = {heading for cell in section.own for heading in cell.headings}
        if own.files or any(map(claims.topic, headings)) or self._titled(section, self.tasks):
            return None
        from gradkit.binding.idioms import narrow_by_targets, narrow_by_words

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
        """Return the likeliest task of a section whose forward pass gives no task's exact outputs.

        ``result`` has the comparison of the section with each possible task. Tasks with an id in
        ``taken``, which another section has, are avoided. If several are left, these decide in
        order: the title of the file, bounds of the outputs, words in the code, and the distance of
        the outputs. Distance comes last, because a mistake may move outputs closer to those of
        another task.

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
        from gradkit.binding.idioms import narrow_by_words

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
        """Return those of ``tasks`` that the first lines of a section's files name."""
        openings = {cell.file: opening(cell.source) for cell in reversed(self.submission.cells)}
        title = "\n".join(openings[name] for name in sorted(_files(section)))
        titled = Claims(tasks).topic(title) or ()
        return [task for task in tasks if task.id in titled]

    def has_main_function(self, name: str, claim: Claim) -> bool:
        """Return whether the section claimed for a task has a function that only a net needs.

        ``name`` is the task's id. In numpy this is the forward pass or the update. In torch it is
        the training, because files of other exercises have models too.
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
    """Return the message for a submission without any function of the assignment.

    It lists the expected functions after the problems of reading, and does not speak of another
    exercise if there are problems, or if a heading or file name names a task.
    """
    wanted = [role.signature for task in assignment.tasks for role in task.roles if role.required]
    wanted += [f"{call.function}(…)" for task in assignment.functions for call in task.calls]
    problems = problems_of(submission)
    is_titled = any(len(section.tasks) == 1 for section in divide(submission, assignment.tasks))
    if problems:
        text = "{name}: No function that could be read belongs to “{title}”; expected {wanted}."
    elif is_titled:
        # The file's name or a heading names a task, so this is not another exercise.
        text = "{name}: No function belongs to “{title}”; expected {wanted}."
    else:
        text = (
            "{name}: This looks like another exercise. No function belongs to "
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


MIN_ROLES = 2
"""Smallest number of roles whose names show that a submission is meant for the exercise."""

MAX_NAMES = 5
"""Largest number of functions that a message lists."""


def _callable_functions(task: FunctionTask, known: Mapping[str, Definition]) -> set[str]:
    """Return the functions of a task that are defined and accept the arguments of its calls.

    ``known`` are the definitions of a file by name. Methods of a class without an attribute that
    the task needs are left out. So are methods of a class with other arguments than the task's:
    such a class belongs to another course.
    """
    found = reached_by(task, known)
    fits, excluded = set(found), set[str]()
    for check in task.checks:
        # If a check has several alternative lines, one of them has to fit.
        ways = (check.call, *check.others)
        unfit = [
            {c.function for c in lines.calls if not accepts(found.get(c.function), c, known)}
            for lines in ways
        ]
        fits.difference_update(unfit[0].intersection(*unfit[1:]))
        lacking = [set(_classes_lacking(lines.attributes, found, known)) for lines in ways]
        excluded |= lacking[0].intersection(*lacking[1:])
    excluded |= {name for name in found.keys() - fits if f"{found[name].name}.__init__" in known}
    return {name for name in fits if name.partition(".")[0] not in excluded}


def _classes_lacking(
    attributes: Iterable[str], found: Mapping[str, Definition], known: Mapping[str, Definition]
) -> Iterator[str]:
    """Yield the classes that lack an attribute, by the task's names of the classes.

    ``attributes`` are those that the task reads, as ``Class.attribute``. ``found`` are the
    submission's definitions by the task's names, and ``known`` all its definitions by their own
    names.
    """
    for name in attributes:
        owner, _, attribute = name.partition(".")
        own = found[owner].name if owner in found else owner
        if not has_attribute(f"{own}.{attribute}", known):
            yield owner


def possible_tasks(submission: Submission, assignment: Assignment) -> tuple[FunctionTask, ...]:
    """Return the function tasks that a submission may belong to.

    These are the assignment's own tasks. For gradkit's default assignment, they are the tasks of
    all shipped exercises, or none if the submission defines no name of a shipped exercise.
    """
    if assignment.path != str(DEFAULT):
        return assignment.functions
    # Reading all shipped exercises takes time.
    definition = re.compile(rf"\b(def|class)\s+({'|'.join(characteristic_names())})\b")
    if not any(definition.search(cell.source) for cell in submission.cells):
        return ()
    return gallery_functions()


def shared_functions(tasks: Iterable[FunctionTask], roles: Collection[str] = ()) -> frozenset[str]:
    """Return the functions that alone do not show which exercise a submission belongs to.

    These are functions of several exercises, and functions with the name of a role of a net. A task
    declares further ones for itself.

    Parameters
    ----------
    tasks : iterable of FunctionTask
        Tasks of any number of exercises.
    roles : collection of str
        Names of the roles of net tasks.
    """
    exercises: dict[str, set[str]] = {}
    for task in tasks:
        exercises.setdefault(task.path, set()).update(call.function for call in task.calls)
    counts = Counter(name for functions in exercises.values() for name in functions)
    return frozenset(name for name in counts if counts[name] > 1 or name in roles)


def claim_functions(
    submission: Submission,
    assignment: Assignment,
    named: Collection[str],
    *,
    keep_named: bool = True,
) -> dict[str, Claim]:
    """Find the file of a submission that is graded for each function task.

    Parameters
    ----------
    submission : Submission
    assignment : Assignment
    named : collection of str
        Ids of the tasks that the user asked for.
    keep_named : bool
        Return a claim for each named task, even if the submission has nothing for it.

    Returns
    -------
    dict of str to Claim
        By the ids of tasks. A task is in it if a file has a callable function that is
        characteristic of it; for a named task, any callable function is enough.
    """
    tasks = possible_tasks(submission, assignment)
    known_ids = {task.id for task in tasks} | {task.id for task in assignment.tasks}
    if set(named) - known_ids:
        tasks = gallery_functions()
    files = {file: definitions(cells) for file, cells in cells_of(submission).items()}
    fitting = {
        (task.id, file): _callable_functions(task, known)
        for task in tasks
        for file, known in files.items()
    }
    found = _characteristic_functions(submission, assignment, tasks, files, fitting)
    claims: dict[str, Claim] = {}
    for task in tasks:
        ranks = {}
        for file in files:
            fits, own = fitting[task.id, file], found[task.id, file]
            if own or (task.id in named and fits):
                is_notebook = file.endswith(".ipynb")
                ranks[file] = (file in task.files, len(own), len(fits), is_notebook, file)
        if ranks:
            claims[task.id] = _claim(task, submission, sorted(ranks, key=ranks.__getitem__))
        elif keep_named and task.id in named:
            claims[task.id] = Claim(Section((task.id,), submission.cells))
    return claims


Functions = dict[tuple[str, str], set[str]]
"""Names of functions, by the id of a task and the name of a file."""


def _characteristic_functions(
    submission: Submission,
    assignment: Assignment,
    tasks: Sequence[FunctionTask],
    files: Mapping[str, Mapping[str, Definition]],
    fitting: Functions,
) -> Functions:
    """Return the functions of each file that show that it belongs to a task.

    Parameters
    ----------
    submission : Submission
    assignment : Assignment
    tasks : sequence of FunctionTask
        All tasks that the submission may belong to.
    files : mapping of str to mapping
        The definitions in each file of the submission.
    fitting : mapping
        The functions of each file that can be called as those of each task.
    """
    roles = {name for task in assignment.tasks for role in task.roles for name in role.aliases}
    shared, texts = shared_functions(tasks, roles), cells_of(submission)
    expected = {
        task.id: characteristic(task, {call.function for call in task.calls}, shared)
        for task in tasks
    }
    found = {
        (task.id, file): characteristic(task, fitting[task.id, file], shared)
        for task in tasks
        for file in files
    }
    if any(problem.broken for problem in submission.problems):
        # A function in code that is not valid Python counts: the student has written it.
        for (task_id, file), names in found.items():
            names |= {
                name for name in expected[task_id] if no_python(texts[file], name.partition(".")[0])
            }
    if assignment.path != str(DEFAULT):
        # The user named the exercise: a task without a characteristic function needs none.
        return {key: names if expected[key[0]] else fitting[key] for key, names in found.items()}
    for task, (file, known) in product(tasks, files.items()):
        # Many notebooks import helpers that have the names of functions of another exercise.
        reached = reached_by(task, known) if found[task.id, file] else {}
        found[task.id, file] -= {name for name, each in reached.items() if each.is_imported()}
    shares = {file: _required_share(assignment, texts[file], files[file]) for file in files}
    return _without_partial_exercises(tasks, expected, found, shares)


def characteristic(
    task: FunctionTask, functions: Collection[str], shared: Collection[str]
) -> set[str]:
    """Return those ``functions`` that show that a file belongs to the task.

    Classes do not, nor functions that several exercises have: those in ``shared`` and those that
    the task declares.
    """
    common = {*shared, *task.shared}
    return {name for name in functions if name not in common and not has_called_methods(name, task)}


HALF, ALMOST_ALL = 0.5, 0.99
"""Shares of an exercise's characteristic functions, see `_required_share`."""


def _without_partial_exercises(
    tasks: Sequence[FunctionTask],
    expected: Mapping[str, Collection[str]],
    found: Functions,
    shares: Mapping[str, float],
) -> Functions:
    """Remove, from each file, the functions of exercises that the file hardly belongs to.

    This is needed where any shipped exercise is possible. An exercise stays if the file has more
    than the required share of its characteristic functions. If the file has all functions of one
    exercise, only complete exercises stay.

    Parameters
    ----------
    tasks : sequence of FunctionTask
        Tasks of several exercises.
    expected : mapping of str to collection of str
        The characteristic functions of each task, by its id.
    found : mapping of (str, str) to set of str
        The functions of ``expected`` that a file has, by the task's id and the file.
    shares : mapping of str to float
        The required share for each file, from 0 to 1.

    Returns
    -------
    dict of (str, str) to set of str
        The same as ``found``, with empty sets for the exercises that were removed.
    """
    paths = {task.id: task.path for task in tasks}
    of_exercise: dict[str, set[str]] = {}
    in_file: dict[tuple[str, str], set[str]] = {}
    for task_id, names in expected.items():
        of_exercise.setdefault(paths[task_id], set()).update(names)
    for (task_id, file), names in found.items():
        in_file.setdefault((paths[task_id], file), set()).update(names)
    parts = {key: len(names) / max(1, len(of_exercise[key[0]])) for key, names in in_file.items()}
    complete_files = {file for (_, file), part in parts.items() if part == 1}
    kept = {
        (path, file)
        for (path, file), part in parts.items()
        if part > shares[file] and (part == 1 or file not in complete_files)
    }
    return {
        (task_id, file): names if (paths[task_id], file) in kept else set()
        for (task_id, file), names in found.items()
    }


def _required_share(
    assignment: Assignment, cells: Sequence[Cell], known: Mapping[str, Definition]
) -> float:
    """Return the share of another exercise's functions that a file must exceed to belong to it.

    ``cells`` are the file's, ``known`` its definitions by name. The share is from 0 to 1. It is 0,
    unless the file seems to belong to the assignment's nets: `HALF` if its name or a heading says
    so, and `ALMOST_ALL` if it has the main functions of a net.
    """
    if _has_main_roles(assignment, known):
        return ALMOST_ALL
    claims = Claims(assignment.tasks)
    file_name = str(PurePosixPath(cells[0].file).with_suffix(""))
    labels = [file_name, *(heading for cell in cells for heading in cell.headings)]
    return HALF if any(map(claims.topic, labels)) else 0.0


def _has_main_roles(assignment: Assignment, known: Mapping[str, Definition]) -> bool:
    """Return whether a file defines both the forward pass and the update of a net task.

    ``known`` are the file's definitions by name.
    """
    return any(
        all(
            _can_play(role, known)
            for role in task.roles
            if role.name in (task.framework.forward, task.framework.step)
        )
        for task in assignment.tasks
    )


def _can_play(role: Role, known: Mapping[str, Definition]) -> bool:
    """Return whether a file has a function that may play a role.

    ``known`` are the file's definitions by name. The function has one of the role's names, and as
    many arguments as the role, one more or one fewer.
    """
    nodes = [known[name].node for name in role.aliases if name in known]
    return any(
        isinstance(node, ast.FunctionDef)
        and abs(len(node.args.posonlyargs) + len(node.args.args) - len(role.arguments)) <= 1
        for node in nodes
    )


def without_function_files(
    submission: Submission, assignment: Assignment, claims: Mapping[str, Claim]
) -> Submission:
    """Return the submission without the files that belong to function tasks only.

    ``claims`` are the sections found for function tasks, by the task's id. A file that also has the
    main functions of a net task of ``assignment`` stays.
    """
    claimed = {cell.file for claim in claims.values() for cell in claim.section.own}
    files = cells_of(submission)
    both = {file for file in claimed if _has_main_roles(assignment, definitions(files[file]))}
    cells = tuple(cell for cell in submission.cells if cell.file not in claimed - both)
    return replace(submission, cells=cells)


def refusal(submission: Submission, assignment: Assignment) -> str:
    """Return the message for a submission without a task: what was found, and what was expected.

    It names the shipped exercise that has most of the functions that were found. That exercise
    needs more functions, other arguments, or methods of another class.
    """
    if is_empty(submission):
        text = format_text(
            "{name}: no code was found. The file is empty, or has only comments and text. Save the "
            "file, and submit it again.",
            name=submission.name,
        )
        return problems_of(submission) + text
    known = definitions(submission.cells)
    if reason := _reason_other_interface(submission, assignment, known):
        return problems_of(submission) + reason
    if reason := _reason_not_callable(submission, assignment, known):
        return problems_of(submission) + reason
    message = another_exercise(submission, assignment)
    found = [name for name, each in known.items() if each.node is not None and "." not in name]
    if found:
        message += " " + format_text("Found {names}.", names=list_names(found))
    tasks = possible_tasks(submission, assignment)
    shared = shared_functions(tasks)
    common: dict[str, set[str]] = {}
    for task in tasks:
        called = {call.function for call in task.calls} - {*shared, *task.shared}
        names = {name.partition(".")[0] for name in called}
        common.setdefault(task.title, set()).update(names & set(found))
    title = max(common, key=lambda each: len(common[each]), default="")
    if title and common[title]:
        message += " " + format_text(
            "The most similar exercise is “{title}”, which has {names} too. But this exercise "
            "needs "
            "more functions, or other arguments.",
            title=title,
            names=list_names(sorted(common[title])),
        )
    return message


def _reason_other_interface(
    submission: Submission, assignment: Assignment, known: Mapping[str, Definition]
) -> str:
    """Return a sentence on what a submission's classes lack of the classes of an exercise, or "".

    ``known`` are the submission's definitions by name. Of the exercises that the submission may
    belong to by ``assignment``, the one is taken whose methods it has most of.
    """
    tasks = possible_tasks(submission, assignment)
    methods = {task.id: [name for name in reached_by(task, known) if "." in name] for task in tasks}
    task = max(tasks, key=lambda each: len(methods[each.id]), default=None)
    if task is None or len(methods[task.id]) < MIN_ROLES:
        return ""
    lacking = list(dict.fromkeys(_lacking(task, known)))
    if not lacking:
        return ""
    text = (
        "{name}: {classes} looks like the exercise “{title}”, but cannot be graded: {lacking}. Use "
        "the names and arguments of the handout, or ask the instructor which exercise this is."
    )
    owners = dict.fromkeys(name.partition(".")[0] for name in methods[task.id])
    return format_text(
        text,
        name=submission.name,
        classes=list_names(list(owners)),
        title=task.title,
        lacking="; ".join(lacking[:MAX_NAMES]),
    )


def _lacking(task: FunctionTask, known: Mapping[str, Definition]) -> Iterator[str]:
    """Yield in words each function, argument and attribute of a task's checks that a file lacks.

    ``known`` are the file's definitions by name. Only the first alternative lines of each check are
    read.
    """
    found = reached_by(task, known)
    for check in task.checks:
        for call in check.call.calls:
            if call.function not in found:
                yield format_text("`{name}` is missing", name=call.function)
            elif not accepts(found[call.function], call, known):
                yield format_count(
                    "`{name}` does not take {count} argument",
                    "`{name}` does not take {count} arguments",
                    call.positional,
                    name=call.function,
                )
        for name in check.call.attributes:
            if list(_classes_lacking([name], found, known)):
                yield format_text("the attribute `{name}` is missing", name=name)


def _reason_not_callable(
    submission: Submission, assignment: Assignment, known: Mapping[str, Definition]
) -> str:
    """Return why functions with the names of roles cannot be graded, or "" if there are too few.

    ``known`` are the submission's definitions by name; the roles are those of the assignment's net
    tasks, such as the forward pass. The functions are methods, or take other arguments, or are only
    helpers. At least `MIN_ROLES` names are needed, because any other exercise may have one by
    chance.
    """
    roles = {
        alias.casefold(): role
        for task in assignment.tasks
        for role in task.roles
        for alias in (role.name, *role.aliases)
    }
    own = [name for name, each in known.items() if each.node is not None]
    candidates = {name: roles.get(name.rpartition(".")[2].casefold()) for name in own}
    played = {name: role for name, role in candidates.items() if role is not None}
    if len({role.name for role in played.values()}) < MIN_ROLES:
        return ""
    classes = dict.fromkeys(name.partition(".")[0] for name in played if "." in name)
    methods = [name for name in played if "." in name]
    if classes:
        return format_text(
            "{name}: {what} not graded as a net, although {names} {exist}. A net needs a forward "
            "pass, an update, and parameters such as `self.W1`. Or write each method as a function "
            "outside the class and without `self`.",
            name=submission.name,
            what=format_count(
                "the class {classes} is",
                "the classes {classes} are",
                len(classes),
                classes=list_names(list(classes)),
            ),
            names=list_names(methods),
            exist=format_count("exists", "exist", len(methods)),
        )
    text = "{name}: {names} do not take the expected arguments. Write {wanted}."
    names = [name for name in played if _identifies_task(played[name])]
    wanted = [played[name].signature for name in names]
    if not names:
        text = (
            "{name}: only {names} of this exercise was found. Write {wanted} too, or name the task "
            "with --task."
        )
        names, found_roles = list(played), {role.name for role in played.values()}
        wanted = [
            role.signature
            for task in assignment.tasks
            if found_roles <= {role.name for role in task.roles}
            for role in task.roles
            if _identifies_task(role)
        ]
    quoted = ", ".join(f"`{each}`" for each in dict.fromkeys(wanted))
    return format_text(text, name=submission.name, names=list_names(names), wanted=quoted)


def _identifies_task(role: Role) -> bool:
    """Return whether a role shows which task a function belongs to: required, and not shared."""
    return role.required and not role.shared


def list_names(names: Sequence[str]) -> str:
    """Return names in backticks, separated by commas: at most `MAX_NAMES`, then an ellipsis."""
    shown = ", ".join(f"`{name}`" for name in names[:MAX_NAMES])
    return f"{shown}, …" if len(names) > MAX_NAMES else shown


def has_called_methods(name: str, task: FunctionTask) -> bool:
    """Return whether ``name`` is a class of the task, and the task calls methods of it.

    Such a class does not show which exercise it belongs to. Its methods do.
    """
    return any(call.function.startswith(f"{name}.") for call in task.calls)


def _claim(task: FunctionTask, submission: Submission, ranked: Sequence[str]) -> Claim:
    """Return the claim of a task to one file of the submission: the last of ``ranked``, the best.

    ``ranked`` are the files with functions of the task, worst first. All other files are shared
    with it. If ``ranked`` has several files, the claim has a note that names the graded one.
    """
    file = ranked[-1]
    own = tuple(cell for cell in submission.cells if cell.file == file)
    rest = tuple(cell for cell in submission.cells if cell.file != file)
    note = ""
    if len(ranked) > 1:
        note = format_text(
            "{count} files have functions of this task ({files}); {file} is graded.",
            count=len(ranked),
            files=", ".join(sorted(ranked)),
            file=file,
        )
    return Claim(Section((task.id,), own, rest), note)
