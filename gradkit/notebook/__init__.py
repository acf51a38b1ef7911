"""A check inside a notebook: ``gradkit.check(task="regression-numpy")``.

What has been run so far is read from IPython's history and graded in a process of its own,
so that a loop cannot hang the kernel. Nothing is sent anywhere and no answers are at hand:
expected values are derived from the task, and the result is provisional.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from gradkit.notebook.grade import Kernel, Report, find_kernel

__all__ = ["check", "load_ipython_extension"]


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
    # Late: who only loads the extension has checked nothing yet.
    from gradkit.faults import keep_from_readers
    from gradkit.notebook.grade import grade

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
