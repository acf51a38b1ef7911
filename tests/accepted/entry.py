"""Define an entry of the table of accepted conventions, and write it to a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PROBLEMS = ("regression", "classification")

Blocks = tuple[tuple[str, str], ...]
"""A notebook: pairs of ``markdown`` or ``code`` and the cell's text."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One accepted submission, and its wrong twin.

    ``fails`` is the first check that the twin fails; those before it, in the order forward, update
    or gradient, trajectory, it passes.
    """

    name: str
    task: str
    source: str | Blocks
    twin: str | Blocks
    fails: str

    @property
    def id(self) -> str:
        """Return a readable name for a test's parameter."""
        return f"{self.task}/{self.name}"


def write(source: str | Blocks, folder: Path, stem: str = "submission") -> Path:
    """Write a submission into ``folder`` as ``stem.py`` or ``stem.ipynb``; return its path."""
    if isinstance(source, str):
        path = folder / f"{stem}.py"
        path.write_text(source, encoding="utf-8")
        return path
    path = folder / f"{stem}.ipynb"
    cells = [
        new_markdown_cell(text, id=f"cell-{number}")
        if kind == "markdown"
        else new_code_cell(text, id=f"cell-{number}")
        for number, (kind, text) in enumerate(source)
    ]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def spoil(source: str, right: str, wrong: str) -> str:
    """Replace the only piece of a text that is ``right``."""
    assert source.count(right) == 1, f"{right!r} stands {source.count(right)} times"
    return source.replace(right, wrong)


def spoil_blocks(blocks: Blocks, number: int, right: str, wrong: str) -> Blocks:
    """Put one mistake into cell ``number`` of a notebook."""
    cells = list(blocks)
    cells[number] = (cells[number][0], spoil(cells[number][1], right, wrong))
    return tuple(cells)
