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
    """The folder that was named; for gradkit's own exercises in a checkout, the one there.

    Each exercise but the first has a folder of its own in it.
    """
    if named is not None or not BESIDE.is_dir():
        return named
    shipped = SHIPPED / FIRST if assignment is None else assignment.resolve().parent
    if shipped.parent != SHIPPED:
        return None
    return BESIDE if shipped.name == FIRST else BESIDE / shipped.name
