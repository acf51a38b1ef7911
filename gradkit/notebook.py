"""A check inside a notebook: ``gradkit.check(task="regression-numpy")``.

What has been run so far is read from IPython's history and graded in a process of its own,
so that a loop cannot hang the kernel. Nothing is sent anywhere and no answers are at hand:
expected values are derived from the task, and the result is provisional.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gradkit.errors import keep_from_readers
from gradkit.formatting import format_text
from gradkit.grading.session import Session, mistaken_for
from gradkit.grading.settings import GradingError, Resources, Settings
from gradkit.loading import is_installed
from gradkit.records.result import Result
from gradkit.records.submission import Cell, Claim, Section, Submission
from gradkit.records.task import Assignment, FunctionTask, Task
from gradkit.sandbox.process import LiveProcess, StudentProcess
from gradkit.submission.cells import from_functions, from_history, submission_of
from gradkit.submission.definitions import definitions
from gradkit.task.assignment import AssignmentError, gallery_functions, read_assignment
from gradkit.task.functions import functions_of
from gradkit.task.shipped import DEFAULT

__all__ = ["check", "load_ipython_extension"]


class Report(Struct, frozen=True):
    """The outcome of `gradkit.check`.

    ``result`` is None where nothing was marked; ``refusal`` then says why. ``notes`` say how
    it was checked, where that matters.
    """

    title: str
    hints: int
    result: Result | None = None
    refusal: str = ""
    notes: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        """Points earned; 0 where nothing was marked."""
        return self.result.score if self.result else 0.0

    @property
    def max_score(self) -> float:
        """Points of the task; 0 where nothing was marked."""
        return self.result.max_score if self.result else 0.0

    @property
    def passed(self) -> bool:
        """True where every check passed."""
        checks = [c for t in self.result.tasks for c in t.checks] if self.result else []
        return bool(checks) and all(check.state == "pass" for check in checks)

    def __repr__(self) -> str:
        """Plain text: the mark sheet."""
        # Late: rich is loaded where text is shown, and nowhere else.
        from gradkit.report.text import to_text

        told = [self.refusal] if self.result is None else [to_text([self.result], self.hints)]
        return "\n".join([*told, *self.notes]).rstrip("\n")

    def _repr_html_(self) -> str:
        from gradkit.report.html.page import fragment

        return fragment(self.title, self.result, self.hints, self.refusal, self.notes)


LARGEST = 200_000
"""Bytes of a module beside the notebook that are read."""


class Kernel(Struct, frozen=True):
    """A running interpreter.

    ``history`` are the sources of all cells that were run, by number; None where there is no
    record of them. ``names`` is what is defined. ``shows`` tells whether the value of a line
    is shown by itself, ``given`` whether the functions were handed over.
    """

    history: Mapping[int, str] | None
    names: Mapping[str, Any]
    shows: bool
    given: bool = False


def find_kernel() -> Kernel:
    """IPython's where it runs, else the main module's names alone."""
    ipython = _ipython()
    if ipython is None:
        main = sys.modules["__main__"]
        return Kernel(None, vars(main), hasattr(sys, "ps1"))
    recorded = getattr(getattr(ipython, "history_manager", None), "input_hist_raw", None)
    history = None if recorded is None else dict(enumerate(recorded))
    return Kernel(history, ipython.user_ns, shows=True)


def _ipython() -> Any:
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None


def modules_beside() -> dict[str, str]:
    """Sources of loaded modules that lie in the notebook's own folder."""
    here, found = os.getcwd(), {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name != "__main__" and file and file.endswith(".py") and os.path.dirname(file) == here:
            path = Path(file)
            if path.stat().st_size <= LARGEST:
                found[name] = path.read_text(encoding="utf-8", errors="replace")
    return found


def headings(history: Mapping[int, str]) -> dict[int, str]:
    """The nearest heading above each cell, as far as the saved notebook's file tells.

    The kernel knows the file where Jupyter or VS Code has told it. A cell that is not in the
    file as it was run has no heading.
    """
    # Late: most notebooks, on Colab, have no file here.
    from gradkit.submission.cells import headings_in
    from gradkit.submission.source import unify

    ipython = _ipython()
    names = {} if ipython is None else ipython.user_ns
    named = os.environ.get("JPY_SESSION_NAME") or names.get("__vsc_ipynb_file__") or ""
    try:
        cells = json.loads(Path(named).read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    above, known = "", {}
    for cell in cells:
        text = unify("".join(cell.get("source", "")))
        if cell.get("cell_type") == "markdown":
            for _, _, heading in headings_in(text[:20_000]):
                above = heading
        elif above:
            known[text.strip()] = above
    return {
        number: known[text.strip()] for number, text in history.items() if text.strip() in known
    }


GIVEN = "These functions were called as they are, in this process: one that hangs, hangs it."
LIVE = (
    "There is no record of the cells here: your functions were called as they "
    "are, in this process, and a function that hangs, hangs it."
)
AGAIN = (
    "The forward pass that was defined last is that of “{other}”, not of “{task}”. Run the cells "
    "of “{task}” again, and then this check. Nothing has been marked."
)


class LiveResources(Resources):
    """Put questions to functions of this process."""

    def __init__(
        self, settings: Settings, tasks: Sequence[Task], functions: Mapping[str, Any]
    ) -> None:
        super().__init__(settings, tasks, None)
        self._functions = functions

    def open_process(
        self, task: Task | FunctionTask, section: Section, submission: Submission
    ) -> StudentProcess:
        """See `Resources`."""
        return LiveProcess(section, self._functions)


def grade(
    kernel: Kernel, named: str | None, file: Path | None, hints: int | None, seed: int | None
) -> Report:
    """Grade one task of what the kernel holds.

    Raises
    ------
    ValueError
        The assignment cannot be read, or it cannot be told which task is meant.
    """
    if hints not in (None, 1, 2, 3, 4):
        raise ValueError(f"hints={hints!r}: expected 1, 2, 3 or 4.")
    try:
        assignment = read_assignment(file)
    except AssignmentError as error:
        raise ValueError(str(error)) from None
    task = _task(assignment, named)
    settings = Settings((task.id,), assignment=file, no_reference=True, seed=seed)
    functions = task if isinstance(task, FunctionTask) else None
    notes = () if kernel.history is not None else ((GIVEN if kernel.given else LIVE),)
    level = hints or assignment.hints
    try:
        with Session(settings) as session:
            if kernel.history is None:
                session.resources = LiveResources(settings, session.tasks, kernel.names)
            submission = _submission(kernel, assignment, functions)
            # All cells: of several definitions the last counts.
            section = Section((task.id,), submission.cells)
            other = None
            if isinstance(task, Task) and is_installed(*task.framework.modules):
                other = mistaken_for(session, submission, section)
            if other is not None:
                refusal = format_text(AGAIN, other=other.title, task=task.title)
                return Report(task.title, hints=level, refusal=refusal, notes=notes)
            graded = session.grade_sections(submission, {task.id: Claim(section)})
    except GradingError as error:
        return Report(task.title, hints=level, refusal=str(error), notes=notes)
    return Report(task.title, hints=level, result=graded.result, notes=notes)


def _task(assignment: Assignment, named: str | None) -> Task | FunctionTask:
    tasks: list[Task | FunctionTask] = [*assignment.tasks, *assignment.functions]
    known: dict[str | None, Task | FunctionTask] = {task.id: task for task in tasks}
    if named is None and len(known) == 1:
        return next(iter(known.values()))
    shipped = assignment.path == str(DEFAULT) and named not in known
    found = gallery_functions() if shipped else ()
    known |= {task.id: task for task in found if task.id == named}
    if named not in known:
        raise ValueError(f"task={named!r}: expected one of {', '.join(map(str, known))}.")
    return known[named]


def _submission(
    kernel: Kernel, assignment: Assignment, task: FunctionTask | None = None
) -> Submission:
    if kernel.history is not None:
        texts = {number: _as_run(text) for number, text in kernel.history.items()}
        cells = from_history(texts.items(), headings(kernel.history))
        cells = tuple(_as_it_is(cell, kernel.names) for cell in cells)
        return submission_of(cells, modules_beside())
    asked = {a.lower() for t in assignment.tasks for r in t.roles for a in (*r.aliases, r.name)}
    if task is not None:
        names = functions_of(task.calls)
        asked = {each.lower() for name in names for each in (name, *task.names.get(name, ()))}
    named = kernel.names.items()
    functions = {name: each for name, each in named if callable(each) and name.lower() in asked}
    return submission_of(from_functions(functions), {})


RUN = re.compile(r"\s*%run\s+(?:-\w+\s+)*(?P<file>[^\s]+\.py)\s*$")


def _as_run(text: str) -> str:
    """Return what a cell has run: of ``%run FILE`` the text of the file, as it is now."""
    found = RUN.match(text)
    path = None if found is None else Path(found["file"].strip("'\""))
    if path is None or not path.is_file() or path.stat().st_size > LARGEST:
        return text
    return path.read_text(encoding="utf-8", errors="replace")


def _as_it_is(cell: Cell, names: Mapping[str, Any]) -> Cell:
    """Return a cell without the functions and classes that have been deleted since."""
    lines = cell.source.split("\n")
    for name, each in definitions((cell,)).items():
        if each.node is not None and "." not in name and name not in names:
            first = min([each.line, *(part.lineno for part in each.node.decorator_list)])
            last = each.node.end_lineno or each.line
            lines[first - 1 : last] = [""] * (last - first + 1)
    return replace(cell, source="\n".join(lines))


def check(
    *functions: Callable[..., Any] | str,
    task: str | None = None,
    assignment: str | PathLike[str] | None = None,
    hints: int | None = None,
    seed: int | None = None,
) -> Report:
    """Check what is defined so far in this notebook.

    Parameters
    ----------
    *functions : callable or str
        Check these instead, as they are, in this process. A function that hangs then hangs
        the kernel. A text is the id of the task.
    task : str, optional
        The id of the task, as ``regression-numpy``. Needed where the assignment has several
        that could be meant.
    assignment : path-like, optional
        An assignment file; gradkit's own if not given.
    hints : {1, 2, 3, 4}, optional
        How much is shown, from where to look to expected numbers; the assignment's own level
        if not given.
    seed : int, optional
        Draws the same inputs again.

    Returns
    -------
    Report
        Shows itself as the value of a cell: a table, each mistake with the code's rule, and
        the losses of the training runs beside the expected ones. ``score``, ``max_score``
        and ``passed`` are attributes. Where there is no notebook it is printed.

    Raises
    ------
    ValueError
        There is no such task, it cannot be told which is meant, or what is given is neither a
        function nor a task, and no seed.

    Examples
    --------
    ::

        import gradkit

        gradkit.check("regression-numpy")
    """
    keep_from_readers()
    kernel = find_kernel()
    given: dict[str, Callable[..., Any]] = {}
    for each in functions:
        if isinstance(each, str) and task is None:
            task = each
        elif callable(each):
            given[getattr(each, "__name__", type(each).__name__)] = each
        else:
            raise ValueError(f"{each!r}: expected functions, or the id of one task.")
    if seed is not None and not (isinstance(seed, int) and seed >= 0):
        raise ValueError(f"seed={seed!r}: expected a whole number, 0 or more.")
    if given:
        kernel = Kernel(None, given, kernel.shows, given=True)
    file = None if assignment is None else Path(assignment)
    report = grade(kernel, task, file, hints, seed)
    if not kernel.shows:
        print(report)
    return report


def load_ipython_extension(ipython: Any) -> None:
    """Offer ``%gradkit TASK --hints N``: what ``%load_ext gradkit`` calls."""

    def gradkit(line: str) -> Report | None:
        """``%gradkit TASK``: check what is defined so far in this notebook.

        Options are those of `check`: ``--hints N``, ``--seed N``, ``--assignment FILE``.
        """
        try:
            return check(**_options(line))
        except ValueError as error:
            # One sentence: a traceback of gradkit's own says nothing to whoever typed the line.
            print(f"gradkit: {error}")
            return None

    ipython.register_magic_function(gradkit, "line", "gradkit")


OPTIONS: Mapping[str, Callable[[str], Any]] = {
    "task": str,
    "hints": int,
    "seed": int,
    "assignment": str,
}
"""What may stand behind ``%gradkit``, each with two dashes; a word without is the task."""


def _options(line: str) -> dict[str, Any]:
    """Read the words behind ``%gradkit``.

    Raises
    ------
    ValueError
        There is no such option, or its value is none.
    """
    words = shlex.split(line)
    found: dict[str, Any] = {}
    while words:
        word = words.pop(0)
        name, sign, value = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            name, value = "task", word
        elif name not in OPTIONS:
            known = ", ".join(f"--{each}" for each in OPTIONS)
            raise ValueError(f"%gradkit has no option {word}. There are {known}.")
        elif not sign:
            value = words.pop(0) if words else ""
        try:
            found[name] = OPTIONS[name](value)
        except ValueError:
            raise ValueError(f"--{name} {value}: expected a whole number.") from None
    return found
