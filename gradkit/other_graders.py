"""Grade a function or a file inside a test of another grader: ``gradkit.explain()``.

Only source text is read from a function, and the code runs in the sandbox, as that of a file does.
The function itself is never called here.
"""

from __future__ import annotations

import inspect
import linecache
import os
import sys
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from types import FunctionType
from typing import Any

from msgspec.structs import replace

from gradkit.errors import keep_from_readers
from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import BreakdownError, GradingError, Settings, refuse_unsafe
from gradkit.notebook import (
    Kernel,
    find_kernel,
    find_task,
    grade,
    modules_beside,
    refuse_bad_seed,
    refuse_unknown_level,
)
from gradkit.records.submission import Cell, File, Submission
from gradkit.report.data import apply_visibility
from gradkit.report.printable import Report
from gradkit.submission.files import SubmissionError
from gradkit.submission.read import parse, raw_of_file
from gradkit.submission.source import from_functions
from gradkit.text import format_text

__all__ = ["explain"]

KIND = (
    "{given}: expected a function or class that is defined with `def` or `class`, or the path of "
    "a submission."
)
NO_SOURCE = (
    "The source of `{name}` cannot be read. Pass the path of the file in which it is defined."
)
NEEDS_LOCALS = (
    "`{name}` uses {names} of the function in which it is defined. Define `{name}` and {names} at "
    "the top level of a module, or pass a path."
)
NEEDS_PATH = (
    "reference= needs the path of a submission. The code of a function has already run in this "
    "process, which must not load model solutions then."
)


def explain(
    submission: Callable[..., Any] | str | PathLike[str],
    task: str | None = None,
    *,
    assignment: str | PathLike[str] | None = None,
    reference: str | PathLike[str] | None = None,
    hints: int | None = None,
    seed: int | None = None,
    require_tier: int = 0,
) -> Report:
    """Grade a function or a file for a task, to show the findings in a test of another grader.

    Student code runs in the sandbox, and not in this process. Nothing of a function is used but
    its source text.

    Parameters
    ----------
    submission : callable or path-like
        A function or class, or the path of a script, notebook, folder or zip. Of a function, the
        whole module is read: it has the helpers and constants that the function uses, and the
        other functions of the task. In a notebook, these are the cells that were run.
    task : str, optional
        The id of the task, for example ``regression-numpy``. By default the tasks are found from
        the names and the behaviour of the functions.
    assignment : path-like, optional
        An assignment file; gradkit's own if not given.
    reference : path-like, optional
        Folder of the model solutions, only with a path. Without it, expected values are derived
        from the assignment, and marks are provisional.
    hints : {1, 2, 3, 4}, optional
        Hint level, from where to look (1) to expected numbers (4); the assignment's own level
        if not given.
    seed : int, optional
        Seed of the inputs. The same seed draws the same inputs again.
    require_tier : {0, 1, 2, 3}, optional
        Refuse to run the code below this tier of the sandbox.

    Returns
    -------
    Report
        ``str(report)`` is the text and ``report.result`` the record of all marks and findings.
        ``passed``, ``outcome``, ``score``, ``max_score`` and ``checks`` are attributes. A notebook
        shows the report as HTML. If the submission cannot be graded, ``result`` is None, and
        ``refusal`` says why. Checks that are hidden from students show only their points.

    Raises
    ------
    ValueError
        The assignment, the task or the folder of the model solutions does not exist, another
        argument is not valid, or the source of the function cannot be read.
    GradkitError
        The model solutions cannot be used, a worker cannot be started, or this machine does not
        have the required tier. This is never the student's mistake.

    Examples
    --------
    >>> report = explain("handed_in/chen.py", "regression-numpy", seed=1)
    >>> report.outcome, report.score, report.max_score
    ('failed', 15.5, 20.0)
    >>> report.checks["update"].state
    'fail'
    >>> [finding.mistake for finding in report.result.tasks[0].findings]
    ['swapped-index']
    """
    keep_from_readers()
    refuse_unknown_level(hints)
    refuse_bad_seed(seed)
    if require_tier not in (0, 1, 2, 3):
        raise ValueError(f"require_tier={require_tier!r}: expected 0, 1, 2 or 3.")
    if reference is not None and not Path(reference).is_dir():
        raise ValueError(f"reference={os.fspath(reference)!r}: there is no such folder.")
    settings = Settings(
        assignment=None if assignment is None else Path(assignment),
        reference=None if reference is None else Path(reference),
        no_reference=reference is None,
        seed=seed,
        require_tier=require_tier,
    )
    if isinstance(submission, str | PathLike):
        path = Path(submission)
        return _grade(settings, task, hints, path.name, lambda: read_submission(path))
    if reference is not None:
        raise ValueError(NEEDS_PATH)
    function = _plain(submission)
    if kernel := _kernel_of(submission, function):
        if require_tier:
            refuse_unsafe(settings)
        report = grade(kernel, task, settings.assignment, hints, seed)
        return replace(report, result=report.result and apply_visibility(report.result))
    return _grade(
        settings, task, hints, function.__name__, lambda: _submission(submission, function)
    )


def _grade(
    settings: Settings,
    task: str | None,
    hints: int | None,
    name: str,
    read: Callable[[], Submission],
) -> Report:
    """Grade the submission that ``read`` returns; errors in reading it are handled too.

    The report has the title of ``task``, or ``name`` without one. If the submission cannot be
    graded, the report has the reason as its ``refusal``. Parts that students may not see are
    removed from the result.

    Raises
    ------
    BreakdownError
        The grader failed, not the submission.
    """
    assignment, chosen = find_task(settings.assignment, task)
    named = () if chosen is None else (chosen.id,)
    settings = replace(settings, tasks=named)
    if settings.require_tier:
        refuse_unsafe(settings)
    report = Report(chosen.title if chosen else name, hints or assignment.hints)
    with Session(settings) as session:
        try:
            graded = session.grade(read(), named=named)
        except BreakdownError:
            raise
        except GradingError as error:
            return replace(report, refusal=str(error))
    return replace(report, result=apply_visibility(graded.result))


def _plain(given: object) -> FunctionType | type:
    """Return the function or class behind ``given``, which a decorator may have wrapped.

    Raises
    ------
    ValueError
        It is neither a function nor a class that is written in Python.
    """
    found = inspect.unwrap(given) if callable(given) else given
    if not isinstance(found, FunctionType | type):
        raise ValueError(format_text(KIND, given=repr(given)))
    return found


def _kernel_of(given: object, function: FunctionType | type) -> Kernel | None:
    """Return the state of the notebook in which a function is defined; None if there is none.

    ``given`` is the value that the caller passed, ``function`` the function behind its decorators.
    If the notebook's name of the function has another value by now, the function's own source comes
    last.
    """
    kernel = find_kernel()
    if kernel.history is None or _names_of(function) is not kernel.names:
        return None
    if kernel.names.get(function.__name__) is given:
        return kernel
    return replace(kernel, extra=_own_cells(function))


def _names_of(function: FunctionType | type) -> dict[str, Any]:
    """Return the global names of the module in which a function or class is defined."""
    if isinstance(function, FunctionType):
        return function.__globals__
    module = sys.modules.get(function.__module__)
    return {} if module is None else vars(module)


def _submission(given: object, function: FunctionType | type) -> Submission:
    """Return the module in which a function is defined as a submission.

    ``given`` is the value that the caller passed, ``function`` the function behind its decorators.
    A function that is defined inside another one, or is not the module's value of its name, is
    added as a cell of its own, which comes last.

    Raises
    ------
    ValueError
        The source cannot be read, or the function needs local names of another function.
    GradingError
        The module is too large to be graded.
    """
    file = _file_of(function)
    linecache.checkcache(file)  # the file may have been saved again since it was last read
    data = "".join(linecache.getlines(file)).encode()
    if not data:
        raise ValueError(format_text(NO_SOURCE, name=function.__name__))
    name = os.path.basename(file)
    # A generated file name means nothing to a reader, and is not the name of a script.
    label = name if name.endswith(".py") else "code.py"
    try:
        module = parse(raw_of_file(file, File(label, data)))
    except SubmissionError as error:
        raise GradingError(str(error)) from None
    is_global = _names_of(function).get(function.__name__) is given
    extra = () if is_global else _own_cells(function)
    beside = modules_beside(os.path.dirname(file))
    return replace(module, cells=(*module.cells, *extra), modules={**beside, **module.modules})


def _file_of(function: FunctionType | type) -> str:
    """Return the path of the file in which a function is defined.

    Raises
    ------
    ValueError
        It has none.
    """
    try:
        return inspect.getsourcefile(function) or inspect.getfile(function)
    except (OSError, TypeError):
        raise ValueError(format_text(NO_SOURCE, name=function.__name__)) from None


def _own_cells(function: FunctionType | type) -> tuple[Cell, ...]:
    """Return the source of a function as cells, with the local functions that it calls.

    Raises
    ------
    ValueError
        The source cannot be read, or the function uses other local names of another function.
    """
    cells = from_functions(dict(_with_local_functions(function)))
    if not cells:
        raise ValueError(format_text(NO_SOURCE, name=function.__name__))
    return cells


def _with_local_functions(function: FunctionType | type) -> Iterator[tuple[str, Any]]:
    """Yield a function and the functions around it that it calls, by name; the callees first.

    Raises
    ------
    ValueError
        It uses a local name of another function that is no function.
    """
    seen: dict[str, Any] = {}
    waiting: list[FunctionType | type] = [function]
    while waiting:
        current = waiting.pop()
        seen[current.__name__] = current
        members = vars(current).values() if isinstance(current, type) else (current,)
        for member in filter(inspect.isfunction, members):
            used = inspect.getclosurevars(member).nonlocals
            used = {name: value for name, value in used.items() if name != "__class__"}
            other = [n for n, value in used.items() if not isinstance(value, FunctionType | type)]
            if other:
                names = ", ".join(f"`{each}`" for each in other)
                raise ValueError(format_text(NEEDS_LOCALS, name=current.__name__, names=names))
            waiting += [value for name, value in used.items() if name not in seen]
    yield from reversed(seen.items())
