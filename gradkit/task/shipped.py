"""The exercises that come with gradkit: a folder each, the first one first."""

from __future__ import annotations

from pathlib import Path

SHIPPED = Path(__file__).parent.parent / "assignments"
FIRST = "backpropagation"
DEFAULT = SHIPPED / FIRST / "assignment.toml"

BESIDE = Path(__file__).parents[2] / "reference"
"""Where a checkout has the model solutions; an installed gradkit has none."""


def exercises() -> dict[str, Path]:
    """Return the assignment files that come with gradkit, by exercise."""
    files = {file.parent.name: file for file in sorted(SHIPPED.glob("*/assignment.toml"))}
    return {FIRST: files.pop(FIRST), **files}


NAMES = SHIPPED / "names.txt"


def characteristic_names() -> tuple[str, ...]:
    """Return the functions that only one of the shipped exercises asks for, from their list.

    Whether a submission may be of one is so told without reading them all.
    """
    return tuple(NAMES.read_text(encoding="utf-8").split())


def find_reference(assignment: Path | None, named: Path | None) -> Path | None:
    """Return the folder that was named, or else ``reference/`` beside the assignment file.

    Of gradkit's own exercises it is the one in a checkout, where each but the first has a folder of
    its own.
    """
    if named is not None:
        return named
    folder = SHIPPED / FIRST if assignment is None else assignment.resolve().parent
    if folder.parent == SHIPPED:
        beside = BESIDE if folder.name == FIRST else BESIDE / folder.name
    else:
        beside = folder / "reference"
    return beside if beside.is_dir() else None
