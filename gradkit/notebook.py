"""Check the code of a running notebook: ``gradkit.check()``.

The cells that were run are read from IPython's history and graded in another process, so that an
endless loop cannot freeze the kernel. Nothing is sent anywhere. There are no model solutions:
expected values are derived from the task, and the result is provisional.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gradkit.errors import keep_from_readers
from gradkit.grading.recognise import list_names, refusal
from gradkit.grading.session import Session, find_confused_task
from gradkit.grading.settings import BreakdownError, GradingError, Resources, Settings
from gradkit.loading import is_installed
from gradkit.records.submission import Cell, Claim, Section, Submission
from gradkit.records.task import Assignment, FunctionTask, Task
from gradkit.report.printable import Report
from gradkit.sandbox.process import LiveProcess, StudentProcess
from gradkit.submission.definitions import definitions
from gradkit.submission.source import (
    from_functions,
    from_history,
    submission_of,
    without_deleted_names,
)
from gradkit.task.assignment import DEFAULT, AssignmentError, gallery_functions, read_assignment
from gradkit.task.functions import functions_of
from gradkit.text import format_text

__all__ = ["check", "load_ipython_extension"]


LARGEST = 200_000
"""Largest size in bytes of a module beside the notebook that is read."""


class Kernel(Struct, frozen=True):
    """The state of a running interpreter.

    ``history`` are the sources of all cells that were run, by number; None if they are not
    recorded. ``names`` are the defined names with their values. ``shows`` says whether the
    interpreter shows the value of an expression by itself, ``given`` whether ``names`` are
    functions that were passed to `check`. ``extra`` are cells that count after those of the
    history.
    """

    history: Mapping[int, str] | None
    names: Mapping[str, Any]
    shows: bool
    given: bool = False
    extra: tuple[Cell, ...] = ()


def find_kernel() -> Kernel:
    """Return the state of IPython if it runs, else the main module's names without a history."""
    ipython = _ipython()
    if ipython is None:
        main = sys.modules["__main__"]
        return Kernel(None, vars(main), hasattr(sys, "ps1"))
    recorded = getattr(getattr(ipython, "history_manager", None), "input_hist_raw", None)
    history = None if recorded is None else dict(enumerate(recorded))
    return Kernel(history, ipython.user_ns, shows=True)


def _ipython() -> Any:
    """Return the running IPython shell, None if there is none."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None


def modules_beside(folder: str) -> dict[str, str]:
    """Return the sources of loaded modules in a folder, by name.

    Files above `LARGEST` bytes, and the main module, are left out.
    """
    found = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name != "__main__" and file and file.endswith(".py") and os.path.dirname(file) == folder:
            path = Path(file)
            if path.stat().st_size <= LARGEST:
                found[name] = path.read_text(encoding="utf-8", errors="replace")
    return found


def headings(history: Mapping[int, str]) -> dict[int, str]:
    """Return the nearest heading above each cell that was run, by the number of the run.

    ``history`` has the text of each cell that was run. The headings come from the saved notebook's
    file. Jupyter and VS Code give the kernel the path of the file. A cell that was changed after
    the file was saved has no heading.
    """
    # Imported here since most notebooks, on Colab, have no file.
    from gradkit.submission.source import headings_in, unify

    ipython = _ipython()
    names = {} if ipython is None else ipython.user_ns
    file = os.environ.get("JPY_SESSION_NAME") or names.get("__vsc_ipynb_file__") or ""
    try:
        cells = json.loads(Path(file).read_text(encoding="utf-8"))["cells"]
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


GIVEN = (
    "These functions were called in the notebook's own process: an endless loop in a function "
    "freezes the notebook."
)
LIVE = (
    "There is no record of the cells here, so your functions were called in this process: an "
    "endless loop in a function freezes it."
)
AGAIN = (
    "The forward pass that was defined last is that of “{other}”, not of “{task}”. Run the cells "
    "of “{task}” again, and then this check. Nothing has been marked."
)


class LiveResources(Resources):
    """Resources of a session that calls functions of this process, without a sandbox."""

    def __init__(
        self, settings: Settings, tasks: Sequence[Task], functions: Mapping[str, Any]
    ) -> None:
        """Store the functions of the notebook, in addition to the arguments of `Resources`."""
        super().__init__(settings, tasks, None)
        self._functions = functions

    def open_process(
        self, task: Task | FunctionTask, section: Section, submission: Submission
    ) -> StudentProcess:
        """Return an object that answers requests by calling the notebook's functions here."""
        return LiveProcess(section, self._functions)


NO_FUNCTIONS = (
    "No functions were found here. Run the cells that define your functions, and then this check "
    "again. Nothing has been marked."
)
NO_TEXT = (
    "The code of {names} cannot be read, so gradkit does not know the task. Name it, for example "
    'gradkit.check(…, task="{first}"). The tasks are {tasks}.'
)
NO_TASK = (
    'If you mean another task, name it, for example gradkit.check("{first}"). The tasks are '
    "{tasks}. Nothing has been marked."
)


def grade(
    kernel: Kernel, named: str | None, file: Path | None, hints: int | None, seed: int | None
) -> Report:
    """Grade the code of a kernel for the named task, or for all tasks that it solves.

    If the code cannot be graded, the report has the reason as its ``refusal``.

    Parameters
    ----------
    kernel : Kernel
    named : str or None
        Id of the task.
    file : Path or None
        Assignment file, by default gradkit's default assignment.
    hints : int or None
        Hint level, by default the assignment's.
    seed : int or None
        Seed of the random inputs.

    Raises
    ------
    ValueError
        The assignment cannot be read, it has no such task, or the hint level is not valid.
    BreakdownError
        The grader failed, not the code.
    """
    assignment, task = find_task(file, named)
    refuse_unknown_level(hints)
    tasks = () if task is None else (task.id,)
    settings = Settings(tasks, assignment=file, no_reference=True, seed=seed)
    notes = () if kernel.history is not None else ((GIVEN if kernel.given else LIVE),)
    report = Report(task.title if task else "Check", hints or assignment.hints, notes=notes)
    try:
        with Session(settings) as session:
            if kernel.history is None:
                session.resources = LiveResources(settings, session.tasks, kernel.names)
            submission = _submission(kernel, _function_names(assignment, task))
            if task is None:
                claims = _find_claims(session, submission, kernel)
            else:
                # All cells belong to the task; of several definitions, the last counts.
                claims = {task.id: Claim(Section((task.id,), submission.cells))}
            if len(claims) == 1:
                only = session.task(*claims)
                report = replace(report, title=only.title)
                if refused := _refuse_other_task(session, submission, only):
                    return replace(report, refusal=refused)
            graded = session.grade_sections(submission, claims)
    except BreakdownError:
        raise
    except GradingError as error:
        return replace(report, refusal=str(error))
    return replace(report, result=graded.result)


def find_task(
    file: Path | None, named: str | None
) -> tuple[Assignment, Task | FunctionTask | None]:
    """Read an assignment file, and find the task with the id ``named`` in it; see `_task`.

    ``file`` is None for gradkit's default assignment.

    Raises
    ------
    ValueError
        The assignment cannot be read, or it has no such task.
    """
    try:
        assignment = read_assignment(file)
    except AssignmentError as error:
        raise ValueError(str(error)) from None
    return assignment, _task(assignment, named)


def refuse_unknown_level(hints: int | None) -> None:
    """Raise ValueError if a hint level is neither None nor 1, 2, 3 or 4."""
    if hints not in (None, 1, 2, 3, 4):
        raise ValueError(f"hints={hints!r}: expected 1, 2, 3 or 4.")


def refuse_bad_seed(seed: int | None) -> None:
    """Raise ValueError if a seed is neither None nor a whole number of at least 0."""
    if seed is not None and not (isinstance(seed, int) and seed >= 0):
        raise ValueError(f"seed={seed!r}: expected a whole number, 0 or more.")


def _find_claims(session: Session, submission: Submission, kernel: Kernel) -> dict[str, Claim]:
    """Find the tasks that the code of a kernel solves.

    Returns
    -------
    dict of str to Claim
        By task id. The claim of a single task has all cells, as if the task had been named.

    Raises
    ------
    GradingError
        The code solves no task. The text names the functions that were found, and the tasks.
    """
    tasks = [task.id for task in session.all_tasks]
    known = {"first": tasks[0], "tasks": ", ".join(tasks)}
    if all(found.node is None for found in definitions(submission.cells).values()):
        if kernel.given:
            raise GradingError(format_text(NO_TEXT, names=list_names(list(kernel.names)), **known))
        raise GradingError(NO_FUNCTIONS)
    advice = format_text(NO_TASK, **known)
    try:
        claims = session.claims(submission)
    except GradingError as error:
        raise GradingError(f"{error} {advice}") from None
    if not claims:
        raise GradingError(f"{refusal(submission, session.assignment)} {advice}")
    if len(claims) == 1:
        return {name: Claim(Section((name,), submission.cells)) for name in claims}
    return claims


def _refuse_other_task(session: Session, submission: Submission, task: Task | FunctionTask) -> str:
    """Return a refusal if the forward pass solves another task, else an empty text."""
    if not isinstance(task, Task) or not is_installed(*task.framework.modules):
        return ""
    other = find_confused_task(session, submission, Section((task.id,), submission.cells))
    return format_text(AGAIN, other=other.title, task=task.title) if other is not None else ""


def _task(assignment: Assignment, named: str | None) -> Task | FunctionTask | None:
    """Return the task with an id; for None the only task, or None if there are several.

    With gradkit's default assignment, the functions of the gallery are found too.

    Raises
    ------
    ValueError
        There is no task of this name.
    """
    tasks: list[Task | FunctionTask] = [*assignment.tasks, *assignment.functions]
    known: dict[str | None, Task | FunctionTask] = {task.id: task for task in tasks}
    if named is None:
        return tasks[0] if len(tasks) == 1 else None
    shipped = assignment.path == str(DEFAULT) and named not in known
    found = gallery_functions() if shipped else ()
    known |= {task.id: task for task in found if task.id == named}
    if named not in known:
        raise ValueError(f"task={named!r}: expected one of {', '.join(map(str, known))}.")
    return known[named]


def _function_names(assignment: Assignment, task: Task | FunctionTask | None) -> set[str]:
    """Return the names, in lower case, that the functions of a task, or of all tasks, may have."""
    names = {a.lower() for t in assignment.tasks for r in t.roles for a in (*r.aliases, r.name)}
    functions = [task] if isinstance(task, FunctionTask) else []
    if task is None:
        gallery = gallery_functions() if assignment.path == str(DEFAULT) else ()
        functions = [*assignment.functions, *gallery]
    elif functions:
        names = set()
    for function_task in functions:
        for name in functions_of(function_task.calls):
            names |= {alias.lower() for alias in (name, *function_task.names.get(name, ()))}
    return names


def _submission(kernel: Kernel, function_names: Collection[str]) -> Submission:
    """Make a submission from the cells that were run or, without a history, from functions.

    Names that the kernel no longer has are removed from the cells. Without a history only functions
    named in ``function_names`` (in lower case) are used.
    """
    if kernel.history is not None:
        texts = {number: _as_run(text) for number, text in kernel.history.items()}
        cells = from_history(texts.items(), headings(kernel.history))
        cells = tuple(without_deleted_names(cell, kernel.names) for cell in cells)
        return submission_of((*cells, *kernel.extra), modules_beside(os.getcwd()))
    functions = {
        name: value
        for name, value in kernel.names.items()
        if callable(value) and name.lower() in function_names
    }
    return submission_of(from_functions(functions), {})


RUN = re.compile(r"\s*%run\s+(?:-\w+\s+)*(?P<file>[^\s]+\.py)\s*$")
"""A cell that only runs a file by IPython's ``%run``."""


def _as_run(text: str) -> str:
    """Return the code that a cell runs: for ``%run FILE`` the text of the file.

    If the file does not exist, or is larger than `LARGEST` bytes, the text of the cell is returned.
    """
    found = RUN.match(text)
    path = None if found is None else Path(found["file"].strip("'\""))
    if path is None or not path.is_file() or path.stat().st_size > LARGEST:
        return text
    return path.read_text(encoding="utf-8", errors="replace")


def check(
    *functions: Callable[..., Any] | str,
    task: str | None = None,
    assignment: str | PathLike[str] | None = None,
    hints: int | None = None,
    seed: int | None = None,
) -> Report:
    """Check the functions and classes that are defined in this notebook.

    Parameters
    ----------
    *functions : callable or str
        Check these functions and classes instead, in the notebook's own process. An endless
        loop in a function then freezes the notebook. A text is the id of the task.
    task : str, optional
        The id of the task, for example ``regression-numpy``. By default the tasks are found from
        the names and the behaviour of the functions.
    assignment : path-like, optional
        An assignment file; gradkit's own if not given.
    hints : {1, 2, 3, 4}, optional
        Hint level, from where to look (1) to expected numbers (4); the assignment's own level
        if not given.
    seed : int, optional
        Seed of the inputs. The same seed draws the same inputs again.

    Returns
    -------
    Report
        A notebook shows the report as the value of a cell: a table, each mistake with the
        formula of the code, and the losses of the training runs beside the expected losses.
        ``score``, ``max_score`` and ``passed`` are attributes. If no task is found, the report
        says why. Without a notebook the report is printed.

    Raises
    ------
    ValueError
        The assignment or the task does not exist, an argument is neither a function nor the id
        of a task, or the seed is not a whole number.

    Examples
    --------
    ::

        import gradkit

        gradkit.check()
        gradkit.check("regression-numpy")
    """
    keep_from_readers()
    kernel = find_kernel()
    given: dict[str, Callable[..., Any]] = {}
    for argument in functions:
        if isinstance(argument, str) and task is None:
            task = argument
        elif callable(argument):
            given[getattr(argument, "__name__", type(argument).__name__)] = argument
        else:
            raise ValueError(f"{argument!r}: expected functions, or the id of one task.")
    refuse_bad_seed(seed)
    if given:
        kernel = Kernel(None, given, kernel.shows, given=True)
    file = None if assignment is None else Path(assignment)
    try:
        report = grade(kernel, task, file, hints, seed)
    except BreakdownError as error:
        report = Report(task or "Check", hints or 1, refusal=str(error))
    if not kernel.shows:
        print(report)
    return report


def load_ipython_extension(ipython: Any) -> None:
    """Define the magic ``%gradkit TASK --hints N``; ``%load_ext gradkit`` calls this function."""

    def gradkit(line: str) -> Report | None:
        """Check the functions that are defined so far in this notebook: ``%gradkit TASK``.

        Options are those of `check`: ``--hints N``, ``--seed N``, ``--assignment FILE``.
        """
        try:
            return check(**_options(line))
        except ValueError as error:
            # A traceback of gradkit would not help the user, so only the message is printed.
            print(f"gradkit: {error}")
            return None

    ipython.register_magic_function(gradkit, "line", "gradkit")


OPTIONS: Mapping[str, Callable[[str], Any]] = {
    "task": str,
    "hints": int,
    "seed": int,
    "assignment": str,
}
"""Options of ``%gradkit`` with the types of their values. A word without dashes is the task."""


def _options(line: str) -> dict[str, Any]:
    """Parse the arguments of ``%gradkit``.

    Raises
    ------
    ValueError
        There is no such option, or its value is not valid.
    """
    words = shlex.split(line)
    found: dict[str, Any] = {}
    while words:
        word = words.pop(0)
        name, sign, value = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            name, value = "task", word
        elif name not in OPTIONS:
            known = ", ".join(f"--{option}" for option in OPTIONS)
            raise ValueError(f"%gradkit has no option {word}. There are {known}.")
        elif not sign:
            value = words.pop(0) if words else ""
        try:
            found[name] = OPTIONS[name](value)
        except ValueError:
            raise ValueError(f"--{name} {value}: expected a whole number.") from None
    return found
