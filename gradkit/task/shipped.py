"""Find the exercises that come with gradkit, and the folders of model solutions."""

from __future__ import annotations

from pathlib import Path

SHIPPED = Path(__file__).parent.parent / "assignments"
FIRST = "backpropagation"
DEFAULT = SHIPPED / FIRST / "assignment.toml"

BESIDE = Path(__file__).parents[2] / "reference"
"""Folder of the model solutions in a checkout. An installed gradkit has none."""


def exercises() -> dict[str, Path]:
    """Return the assignment files that come with gradkit, by exercise; `FIRST` is the first."""
    files = {file.parent.name: file for file in sorted(SHIPPED.glob("*/assignment.toml"))}
    return {FIRST: files.pop(FIRST), **files}


NAMES = SHIPPED / "names.txt"
"""List of the functions that only one of the shipped exercises asks for."""


def characteristic_names() -> tuple[str, ...]:
    """Read the names of functions that only one of the shipped exercises asks for.

    They show whether a submission may belong to one of them, without reading all exercises.
    """
    return tuple(NAMES.read_text(encoding="utf-8").split())


def find_reference(assignment: Path | None, named: Path | None) -> Path | None:
    """Return the folder of model solutions: `named`, or ``reference/`` beside the assignment file.

    The model solutions of gradkit's own exercises are in ``reference/`` of a checkout; exercises
    other than the first have a subfolder there. None if the folder does not exist.
    """
    if named is not None:
        return named
    folder = SHIPPED / FIRST if assignment is None else assignment.resolve().parent
    if folder.parent == SHIPPED:
        beside = BESIDE if folder.name == FIRST else BESIDE / folder.name
    else:
        beside = folder / "reference"
    return beside if beside.is_dir() else None
