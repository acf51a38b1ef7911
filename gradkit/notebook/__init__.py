"""A check inside a notebook: ``gradkit.check(task="regression-numpy")``.

What has been run so far is read from IPython's history and graded in a process of its own,
so that a loop cannot hang the kernel. Nothing is sent anywhere and no answers are at hand:
expected values are derived from the task, and the result is provisional.
"""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

from gradkit.notebook.grade import Kernel, find_kernel
from gradkit.notebook.report import Report

__all__ = ["check", "load_ipython_extension"]


def check(
    *functions: Callable[..., Any],
    task: str | None = None,
    assignment: str | PathLike[str] | None = None,
    hints: int | None = None,
    seed: int | None = None,
) -> Report:
    """Check what is defined so far in this notebook.

    Parameters
    ----------
    *functions : callable
        Check these instead, as they are, in this process. A function that hangs then hangs
        the kernel.
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
        There is no such task, or it cannot be told which is meant.

    Examples
    --------
    ::

        import gradkit

        gradkit.check(task="regression-numpy")
    """
    # Late: who only loads the extension has checked nothing yet.
    from gradkit.faults import keep_from_readers
    from gradkit.notebook.grade import grade

    keep_from_readers()
    kernel = find_kernel()
    if functions:
        named = {function.__name__: function for function in functions}
        kernel = Kernel(None, named, kernel.shows)
    file = None if assignment is None else Path(assignment)
    report = grade(kernel, task, file, hints, seed)
    if not kernel.shows:
        print(report)
    return report


def load_ipython_extension(ipython: Any) -> None:
    """Offer ``%gradkit TASK``: what ``%load_ext gradkit`` calls."""

    def gradkit(line: str) -> Report:
        """``%gradkit TASK``: check what is defined so far in this notebook."""
        return check(task=line.strip() or None)

    ipython.register_magic_function(gradkit, "line", "gradkit")
