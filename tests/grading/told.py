"""Read results, and write submissions, for tests of grading."""

from __future__ import annotations

import textwrap
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from gradkit.records.result import CheckResult, Result


def states(result: Result, task: str | None = None) -> dict[str, str]:
    """Return the states of one task by check."""
    return {name: check.state for name, check in checks(result, task).items()}


def checks(result: Result, task: str | None = None) -> dict[str, CheckResult]:
    """Return the check results of the named task, or of the only task, by check."""
    (found,) = [t for t in result.tasks if task is None or t.task == task]
    return {check.check: check for check in found.checks}


def failed(check: CheckResult) -> set[str]:
    """Return the entries of a check that did not pass: ``W1[0,1]``."""
    return {
        entry.parameter + (f"[{','.join(map(str, entry.index))}]" if entry.index else "")
        for entry in check.entries
        if entry.state != "pass"
    }


def not_passed(result: Result) -> list[tuple[str, str, str, str]]:
    """Return task, check, state and message of every check that did not pass."""
    return [
        (task.task, check.check, check.state, check.message)
        for task in result.tasks
        for check in task.checks
        if check.state != "pass"
    ]


def full(result: Result) -> bool:
    """Return whether a result has all points and all checks passed."""
    return result.score == result.max_score and not not_passed(result)


def script(folder: Path, text: str, name: str = "regression.py") -> Path:
    """Write a ``.py`` submission."""
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def notebook(folder: Path, *cells: str, name: str = "homework.ipynb") -> Path:
    """Write a notebook; a cell that begins with ``#`` and a space on its first line is Markdown."""
    made = []
    for number, source in enumerate(map(textwrap.dedent, cells)):
        text = source.strip("\n")
        make = new_markdown_cell if text.startswith("# ") else new_code_cell
        made.append(make(text, id=f"cell-{number}"))
    path = folder / name
    nbformat.write(new_notebook(cells=made), path)
    return path
