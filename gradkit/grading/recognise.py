"""Which sections of a submission speak for which task.

Headings and file names have been looked at; what they leave open is decided by what the
forward pass gives at known weights.
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

DEEP = 100
"""Levels of syntax that no code has which a person wrote."""

PROBLEMS = 3
"""How many of a submission's problems a refusal tells."""


WITH_EXP = frozenset(name for name, one in ACTIVATIONS.items() if "exp" in one.numpy)


@contextmanager
def refusals(submission: Submission) -> Iterator[None]:
    """Turn what can end a whole submission into a sentence about it.

    Raises
    ------
    GradingError
        Its code is nested too deeply to be read.
    BreakdownError
        There is no worker or no model solution that can be used, or no memory left.
    """
    try:
        yield
    except (OracleError, WorkshopError) as error:
        raise BreakdownError(str(error)) from None
    except RecursionError:
        if not nests_deeply(submission):
            raise
        text = format_text(
            "{name}: its code is nested too deeply to be read. Take its longest expressions and "
            "blocks apart, and hand it in again.",
            name=submission.name,
        )
        raise GradingError(text) from None
    except MemoryError:
        text = format_text(
            "{name}: there was not memory enough here to grade it.", name=submission.name
        )
        raise BreakdownError(text) from None


class _Heard(Struct, frozen=True):
    """What a section's forward pass says: ``right`` is the task whose it is, if it is one's.

    ``gaps`` tell how far it is from others, ``bounded`` are those whose last activation has two
    bounds that all outputs lie between; ``found`` is whether it has any function at all.
    """

    section: Section
    possible: list[Task]
    right: Task | None = None
    gaps: Mapping[str, float] = field(default_factory=dict)
    bounded: Collection[str] = ()
    found: bool = True


def _files(section: Section) -> set[str]:
    return {cell.file for cell in section.own}


class Forwards(Struct, frozen=True):
    """Asks the forward passes of a submission whose they are.

    ``tasks`` are all of the assignment's, ``named`` the ids that the user asked for, where not all
    are looked for; ``open_process`` opens a process of a task with a section.
    """

    submission: Submission
    tasks: Sequence[Task]
    named: Collection[str]
    open_process: OpenProcess

    def claims(self, *, said: bool) -> dict[str, Claim]:
        """Return the section of each task that there is something for: one, of all that could be.

        Those that are named are in the answer whatever was found, where that is ``said`` of them.

        Raises
        ------
        GradingError
            A section could be several tasks, and its forward pass does not tell which.
        """
        tasks, named = self.tasks, self.named
        sections = divide(self.submission, tasks)
        if named and not any(task in named for section in sections for task in section.tasks):
            sections = divide(self.submission, tasks, named)
        heard = [self._hear(section, alone=len(sections) == 1) for section in sections]
        claimed: dict[str, list[Section]] = {}
        for each in heard:
            others = {
                other.right.id
                for other in heard
                if other.right is not None
                and (len(other.section.tasks) == 1 or _files(other.section) & _files(each.section))
            }
            task = each.right or self._likeliest(each, others)
            if task is not None:
                claimed.setdefault(task.id, []).append(each.section)
        # What has one part and is said to be one task is looked at as that one.
        rest = self.submission.cells if len(sections) <= 1 == len(named) else ()
        for name in named if said else ():
            claimed.setdefault(name, [Section((name,), rest)])
        return {
            task.id: choose(task, claimed[task.id], tasks) for task in tasks if task.id in claimed
        }

    def _hear(self, section: Section, *, alone: bool) -> _Heard:
        """Ask a section's forward pass which task it is of, where the text leaves that open.

        Data above several sections may be of any of them.
        """
        possible = [task for task in self.tasks if task.id in section.tasks]
        possible = [task for task in possible if task.id in self.named] or possible
        cells = (*section.own, *section.shared) if alone else section.own
        if len(possible) == 1:
            other = None if possible[0].id in self.named else self._contradicting(section, cells)
            return _Heard(section, possible, other or possible[0])
        possible = narrow_by_targets(possible, cells)
        # Where an activation is left out, what is computed is another task's.
        words = narrow_by_words(possible, section, finished=False, with_exp=WITH_EXP)
        titled = [task for task in self._titled(section, possible) if task in words]
        # Of several parts the helpers of one may stand in another.
        meant = titled or (named_twice(possible, section, WITH_EXP) if alone else [])
        if len(meant) == 1:
            return _Heard(section, meant, meant[0])
        gaps: dict[str, float] = {}
        bounded: list[str] = []
        found = False
        for task in possible:
            batch, y_hat, plays = self._outputs(task, section)
            found = found or plays
            expected = Derived(task).forward(batch.inputs, batch.inputs["X"])[0]
            if y_hat is not None and y_hat.shape == expected.shape:
                if _is_right(task, batch, y_hat, expected):
                    return _Heard(section, possible, task)
                gaps[task.id] = median(np.abs(y_hat - expected))
                if _keeps_bounds(task, y_hat):
                    bounded.append(task.id)
        gaps = {name: gap for name, gap in gaps.items() if np.isfinite(gap)}
        return _Heard(section, possible, None, gaps, bounded, found)

    def _contradicting(self, section: Section, cells: Sequence[Cell]) -> Task | None:
        """Return the task that the code of a section is of if only a file's name says another.

        The forward pass alone is no proof: a missing activation makes it that of another task.
        The targets, the loss or the activations in the code must be those of the other task too.
        """
        own = next(task for task in self.tasks if task.id in section.tasks)
        claims = Claims(self.tasks)
        headings = {heading for cell in section.own for heading in cell.headings}
        if own.files or any(map(claims.topic, headings)) or self._titled(section, self.tasks):
            return None
        similar = [task for task in self.tasks if task.framework == own.framework]
        for narrowed in (
            narrow_by_targets(similar, cells),
            narrow_by_words(similar, section, finished=False, with_exp=WITH_EXP),
        ):
            if own not in narrowed and (other := self.resembled(section)) in narrowed:
                return other
        return None

    def _likeliest(self, heard: _Heard, others: Collection[str]) -> Task | None:
        """The task of a section whose forward pass is none's; nothing where it has no function.

        It is rather one that nothing else speaks for. Bounds of what it gives decide, then words,
        and only then what it comes nearest to: a forward pass with a mistake may be nearer to
        another task's.
        """
        if not heard.found:
            return None
        gaps, own = heard.gaps, heard.section.own
        tasks = [task for task in heard.possible if task.id not in others] or heard.possible
        tasks = self._titled(heard.section, tasks) or tasks
        written = all(unwritten(each.node) is None for each in definitions(own).values())
        ends = bool(gaps) or written
        likely = [task for task in tasks if task.id in heard.bounded] or tasks
        left = narrow_by_words(likely, heard.section, finished=ends, with_exp=WITH_EXP)
        if gaps:
            left.sort(key=lambda task: gaps.get(task.id, np.inf))
        elif len(left) > 1:
            text = format_text(
                "{name}: cannot tell which task this is: {tasks} are possible. Call the file after "
                "it, as {file}, or name it with --task.",
                name=self.submission.name,
                tasks=", ".join(task.id for task in tasks),
                file=f"{tasks[0].id.replace('-', '_')}.py",
            )
            raise GradingError(problems_of(self.submission) + text)
        return left[0]

    def _titled(self, section: Section, tasks: Sequence[Task]) -> list[Task]:
        """Return the tasks that the files of a section begin with the names of."""
        begun = {cell.file: opening(cell.source) for cell in reversed(self.submission.cells)}
        title = "\n".join(begun[name] for name in sorted(_files(section)))
        titled = Claims(tasks).topic(title) or ()
        return [task for task in tasks if task.id in titled]

    def has_main_function(self, name: str, claim: Claim) -> bool:
        """Tell whether the section of a task has a function that only such a task has.

        That is the forward pass or the update; of a task that trains a model the training, because
        files of other exercises have models too.
        """
        task = next(task for task in self.tasks if task.id == name)
        framework = task.framework
        with self.open_process(task, claim.section, self.submission) as process:
            bound = bind(task, process).bound
        return framework.step in bound or (framework.forward in bound and not framework.trains)

    def resembled(self, section: Section) -> Task | None:
        """Another task, where the section's forward pass is exactly that one's and not its own."""
        own = next(task for task in self.tasks if task.id == section.tasks[0])
        batch, y_hat, _ = self._outputs(own, section)
        return None if y_hat is None else whose(own, self.tasks, batch, y_hat)

    def _outputs(self, task: Task, section: Section) -> tuple[Batch, NDArray[Any] | None, bool]:
        """Return random calls of a forward pass, its real outputs, and whether it has any role."""
        batch = draw(task, 0, Derived(task).forward, False).forward[-1]
        with self.open_process(task, section, self.submission) as process:
            bound = bind(task, process).bound
            role = bound.get(task.framework.forward)
            outputs = {} if role is None else observe_batch(process, task, role, batch).outputs
        y_hat = outputs.get("y_hat")
        return batch, y_hat if y_hat is not None and y_hat.dtype.kind == "f" else None, bool(bound)


def whose(own: Task, tasks: Sequence[Task], batch: Batch, y_hat: NDArray[Any]) -> Task | None:
    """Return another task, where outputs are exactly that one's and not its own."""
    shapes = shapes_of(own)
    for task in (own, *tasks):
        if task.framework == own.framework and shapes_of(task) == shapes:
            expected = Derived(task).forward(batch.inputs, batch.inputs["X"])[0]
            if y_hat.shape == expected.shape and _is_right(task, batch, y_hat, expected):
                return None if task is own else task
    return None


def _is_right(task: Task, batch: Batch, y_hat: NDArray[Any], expected: Array) -> bool:
    """Tell whether outputs are the task's, but for rounding."""
    units = rounding_units(task.layers, batch.inputs, batch.inputs["X"])[0]
    return bool(near(y_hat, expected, value_tolerance(units, epsilon(y_hat))).all())


def _keeps_bounds(task: Task, y_hat: NDArray[Any]) -> bool:
    """Tell whether outputs differ, and lie between both bounds of the task's last activation."""
    last = ACTIVATIONS[task.layers[-1].activation]
    low, high = float(np.min(y_hat)), float(np.max(y_hat))
    return bool(np.isfinite((last.low, last.high)).all()) and last.low < low < high < last.high


JUDGED = frozenset({"pass", "fail", "inconclusive", "timeout"})
"""States of a check whose function came to be called as it was meant."""


def speaks(evidence: Evidence, defined: Collection[str], broken: Collection[Place] = ()) -> bool:
    """Tell whether a section is of its task at all, and has not just a name or two of it.

    A helper such as ``sigmoid`` is in a hundred exercises. What speaks for a net in numpy is its
    forward pass or its update, where one of the two could be called as it is meant, or where the
    student has written both, however wrong; in torch a model of the right layers, or what trains
    one. Where nothing could be asked, there is nothing to say against it.

    Parameters
    ----------
    evidence : Evidence
    defined : collection of str
        Names that the submission itself defines.
    broken : collection of Place, optional
        What in it is no Python: what is meant for a role there is written too.
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
    # Another course's function of that name gives nothing back that it could be held to.
    gave = any(e.found is not None for v in evidence.verdicts for e in v.entries)
    return len(written) > 1 or (
        gave and any(states.get(check) in JUDGED for check in ("forward", "update"))
    )


def another_exercise(submission: Submission, assignment: Assignment) -> str:
    """Return the sentence for a submission in which nothing plays any role."""
    wanted = [role.signature for task in assignment.tasks for role in task.roles if role.required]
    wanted += [f"{call.function}(…)" for task in assignment.functions for call in task.calls]
    said = problems_of(submission)
    titled = any(len(section.tasks) == 1 for section in divide(submission, assignment.tasks))
    if said:
        text = "{name}: No function that could be read belongs to “{title}”; expected {wanted}."
    elif titled:
        # Whose name, or heading, says that it is this exercise is told what is missing of it.
        text = "{name}: No function in it belongs to “{title}”; expected {wanted}."
    else:
        text = (
            "{name}: This looks like another exercise. No function in it belongs to "
            "“{title}”; expected {wanted}."
        )
    return said + format_text(
        text, name=submission.name, title=assignment.title, wanted=", ".join(dict.fromkeys(wanted))
    )


def nests_deeply(submission: Submission) -> bool:
    """True where the code is nested so deeply that whoever follows it may run out of stack."""
    sources = [*(cell.source for cell in submission.cells), *submission.modules.values()]
    trees = [parse(source).tree for source in sources]
    layer: list[ast.AST] = [tree for tree in trees if tree is not None]
    for _ in range(DEEP):
        layer = [child for node in layer for child in ast.iter_child_nodes(node)]
    return bool(layer)


def problems_of(submission: Submission) -> str:
    """Return what could not be used, told first: it may be why nothing was recognised."""
    files = {cell.file for cell in submission.cells}
    # Code that cannot be used before files that were left aside.
    problems = sorted(
        submission.problems, key=lambda each: each.place is None or each.place.file not in files
    )
    return "".join(f"{problem.message} " for problem in problems[:PROBLEMS])
