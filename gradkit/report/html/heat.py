"""Entries of a check as matrices, each entry with how far off it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from gradkit.language import say
from gradkit.report.html.plots import Cell, Matrix

Data = Mapping[str, Any]

SIDE, SEVERAL = 12, 12
"""Largest matrix that is drawn, by rows or columns, and how many at most."""

WORST = 4
"""The level of the largest error; each decade below it is one less, down to 1."""

SIGNS = {"pass": "✓", "inconclusive": "?"}


def matrices(entries: Iterable[Data]) -> tuple[tuple[str, Matrix], ...]:
    """One matrix for each parameter whose entries have two indices.

    Where expected values are shown, a wrong entry is labelled with its error, and shaded by
    decades below the check's largest; else it is only marked as wrong.
    """
    entries = list(entries)
    largest = max(map(_error, entries), default=0.0)
    grouped: dict[str, dict[tuple[int, int], Data]] = {}
    for entry in entries:
        if len(entry["index"]) == 2:
            grouped.setdefault(entry["parameter"], {})[tuple(entry["index"])] = entry
    drawn = [
        (name, matrix)
        for name, group in grouped.items()
        if (matrix := _matrix(group, largest)) and max(len(matrix), len(matrix[0])) <= SIDE
    ]
    return tuple(drawn[:SEVERAL])


def _error(entry: Data) -> float:
    """How far a wrong entry is off; 0 where that is not shown, or not finite."""
    found, expected = entry["found"], entry.get("expected")
    wrong = entry["state"] not in SIGNS and found is not None and expected is not None
    return abs(found - expected) if wrong else 0.0


def _matrix(group: Mapping[tuple[int, int], Data], largest: float) -> Matrix:
    rows, columns = (1 + max(index[axis] for index in group) for axis in (0, 1))
    return tuple(
        tuple(_cell(group.get((row, column)), largest) for column in range(columns))
        for row in range(rows)
    )


def _cell(entry: Data | None, largest: float) -> Cell:
    if entry is None:
        return Cell(0, "")
    sign = SIGNS.get(entry["state"])
    if sign is not None:
        return Cell(0, sign)
    error = _error(entry)
    if not error:
        return Cell(WORST, say("✗ none") if entry["found"] is None else "✗")
    decades = int(math.log10(largest / error))
    return Cell(max(1, WORST - decades), f"✗ {_short(error)}")


def _short(error: float) -> str:
    """One digit and its power of ten, or a plain number: ``2e−5``, ``0.3``, ``40``."""
    text = f"{error:.0e}" if not 0.01 <= error < 1000 else f"{float(f'{error:.1g}'):g}"
    digit, _, power = text.partition("e")
    return f"{digit}e{int(power)}".replace("-", "−") if power else digit
