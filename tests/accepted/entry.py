"""Define an entry of the table of accepted conventions, and write it to a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PROBLEMS = ("regression", "classification")
KEYS = ("W1", "b1", "W2", "b2")

Blocks = tuple[tuple[str, str], ...]
"""A notebook: pairs of ``markdown`` or ``code`` and the cell's text."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One accepted submission, its wrong twin, and the way to call its functions.

    ``arguments`` are the quantities that update takes, in the student's order; ``rate``
    among them means that weights and biases alike move by it. ``output`` and ``hidden``
    lead to ŷ and A1 in what forward returns. ``changes`` tells what update does:
    ``in place``, ``same dict`` (in place and returned) or ``new dict``. ``fails`` is
    the first check that the twin fails; those before it, in the order forward, update or
    gradient, trajectory, it passes. In torch submissions ``model`` names a class or a
    bare module, ``loop`` says that training stands at top level, ``losses`` names the
    list it fills, if any, and ``targets`` the shape of y it needs.
    """

    name: str
    task: str
    source: str | Blocks
    twin: str | Blocks
    fails: str
    functions: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ("parameters", "y", "y_hat", "A1", "X")
    keys: tuple[str, ...] = KEYS
    weights: str = "in_out"
    vectors: str = "column"
    scalars: str = "scalar"
    inputs: str = "array"
    output: tuple[int | str, ...] = (0,)
    hidden: tuple[int | str, ...] | None = (1,)
    changes: str = "in place"
    model: str = ""
    loop: bool = False
    losses: str | None = None
    targets: str = "flat"

    @property
    def id(self) -> str:
        """Readable name for a test's parameter."""
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
    """Replace the one place that says ``right``: how a text gets its mistake."""
    assert source.count(right) == 1, f"{right!r} stands {source.count(right)} times"
    return source.replace(right, wrong)


def spoil_blocks(blocks: Blocks, number: int, right: str, wrong: str) -> Blocks:
    """Put one mistake into cell ``number`` of a notebook."""
    cells = list(blocks)
    cells[number] = (cells[number][0], spoil(cells[number][1], right, wrong))
    return tuple(cells)
