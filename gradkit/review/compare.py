"""Place two texts beside each other, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Literal

from msgspec import Struct

from gradkit.records.submission import Cell, Place
from gradkit.text import where


class SideBySide(Struct, frozen=True):
    """A row of two texts beside each other; None where a text has no line."""

    kind: Literal["equal", "replace", "delete", "insert"]
    left: str | None
    right: str | None


def lines_of(cells: Iterable[Cell]) -> list[str]:
    """Return the lines of a submission as texts, to compare them with those of another one.

    Before the lines of each cell there is a comment that names its file and cell.
    """
    lines = []
    for cell in cells:
        lines.append(f"# {where(Place(cell.file, cell.cell, cell.first_line))}")
        lines += cell.source.splitlines()
    return lines


def side_by_side(left: Sequence[str], right: Sequence[str]) -> Iterator[SideBySide]:
    """Yield the rows of two texts, given as lines, beside each other; equal lines share a row."""
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        pairs = zip_longest(left[start:end], right[other_start:other_end])
        for own, other in pairs:
            yield SideBySide(kind, own, other)
