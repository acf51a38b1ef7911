"""Make a submission of what has been run in a notebook: all cells, in the order of running.

The kernel keeps no headings and no positions, so that a cell is called by the number beside
it and by how it begins.
"""

from __future__ import annotations

import hashlib
import inspect
import linecache
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gradkit.language import say
from gradkit.records.submission import Cell, Submission
from gradkit.submission.cells import make_cell
from gradkit.submission.source import parse, unify
from gradkit.text import clean_text

NAME = "notebook"
"""What a running notebook is called: it does not know its own file."""

BEGINNING = 40
"""Characters of a cell's first line that it is called by."""

_DEFINITION = re.compile(r"(?:async\s+)?(?:def|class)\s+\w+")


def from_history(
    inputs: Iterable[tuple[int, str]], headings: Mapping[int, str] | None = None
) -> tuple[Cell, ...]:
    """Make cells of what was run, each version of each, in order.

    Parameters
    ----------
    inputs : iterable of (number, source)
        As IPython keeps them, counted from 1, magics and all.
    headings : mapping of int to str, optional
        The nearest heading above, where it is known.

    Returns
    -------
    tuple of Cell
        ``cell`` is the number that the notebook shows beside the cell. What is not valid
        Python is left out: it has never run.
    """
    cells = []
    for number, text in inputs:
        source = unify(text)
        if not source.strip() or parse(source).tree is None:
            continue
        title = called(number, source, (headings or {}).get(number, ""))
        (cell, *_), _ = make_cell(NAME, number, source, title=title)
        cells.append(cell)
    return tuple(cells)


def called(number: int | None, source: str, heading: str = "") -> str:
    """Return what a cell is called: ``cell [5] that begins `def update_parameters```."""
    lines = [line.strip() for line in source.split("\n")]
    first = next((line for line in lines if line and line[0] not in "#%!@"), lines[0])
    definition = _DEFINITION.match(first)
    begins = definition[0] if definition else first
    if len(begins) > BEGINNING:
        begins = begins[: BEGINNING - 1] + "…"
    named = say("the cell") if number is None else say("cell [{number}]", number=number)
    under = say(" under “{heading}”", heading=clean_text(heading, 80)) if heading else ""
    return say(
        "{named}{under} that begins `{begins}`", named=named, under=under, begins=clean_text(begins)
    )


def from_functions(functions: Mapping[str, Callable[..., Any]]) -> tuple[Cell, ...]:
    """Make cells of functions that are there, one for each file that they stand in.

    Lines keep their numbers. A function whose text cannot be had is left out.
    """
    texts: dict[str, list[str]] = {}
    for function in functions.values():
        try:
            lines, first = inspect.getsourcelines(function)
            file = inspect.getsourcefile(function) or NAME
        except (OSError, TypeError):
            continue
        text = texts.setdefault(file, [""] * len(linecache.getlines(file)))
        indent = len(lines[0]) - len(lines[0].lstrip())
        text += [""] * (first - 1 + len(lines) - len(text))
        text[first - 1 : first - 1 + len(lines)] = [line[indent:].rstrip("\n") for line in lines]
    cells = []
    for file, text in texts.items():
        source = "\n".join(text)
        # IPython's cells are files with made-up names, which say nothing to anyone.
        made_up = not file.endswith(".py") or "ipykernel_" in file
        title = called(None, source) if made_up else ""
        cells.append(Cell(file, file.rpartition("/")[2], None, source, title=title))
    return tuple(cells)


def submission_of(cells: tuple[Cell, ...], modules: Mapping[str, str]) -> Submission:
    """Make a submission of cells; its digest is of their text."""
    text = "\n\n".join(cell.source for cell in cells)
    return Submission(NAME, NAME, hashlib.sha256(text.encode()).hexdigest(), cells, modules)
