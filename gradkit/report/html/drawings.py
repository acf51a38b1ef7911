"""Draw the plots of a check, each with words for whoever cannot see it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from gradkit.language import say
from gradkit.report.document import entry_name
from gradkit.report.html import plots
from gradkit.report.html.plots import Cell, Matrix, placed
from gradkit.text import label_said

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
    """Return |found − expected| of a wrong entry; 0 where that is not shown, or not finite."""
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
    return Cell(max(1, WORST - decades), f"✗ {_error_text(error)}")


def _error_text(error: float) -> str:
    """One digit and its power of ten, or a plain number: ``2e−5``, ``0.3``, ``40``."""
    text = f"{error:.0e}" if not 0.01 <= error < 1000 else f"{float(f'{error:.1g}'):g}"
    digit, _, power = text.partition("e")
    return f"{digit}e{int(power)}".replace("-", "−") if power else digit


Data = Mapping[str, Any]


class Drawing(Struct, frozen=True):
    """A plot as it stands in a page, and what is written below it."""

    svg: str
    caption: str


def courses(check: Data, name: str) -> Iterator[Drawing]:
    """The loss of each run; expected losses where the data has them."""
    for number, course in enumerate(check["courses"], 1):
        found, expected = _numbers(course["found"]), _numbers(course.get("expected", ()))
        if not found and not expected:
            continue
        svg = plots.course(_drawn(course["epochs"]), _drawn(found), _drawn(expected))
        ends = []
        if found:
            ends.append(say("your code (solid) ends at {found}", found=_short(found[-1])))
        if expected:
            ends.append(say("expected (dashed) {expected}", expected=_short(expected[-1])))
        said = say(
            "From the start “{start}”: {ends}.",
            start=label_said(course["start"]),
            ends=", ".join(ends),
        )
        title = say("Loss over {epochs} epochs. {said}", epochs=course["epochs"][-1], said=said)
        yield Drawing(placed(svg, f"{name}-course-{number}", title), said)


def heat_map(check: Data, name: str) -> Drawing | None:
    """Draw wrong entries, and by how much where that is shown; None where all are right."""
    drawn = matrices(check["entries"])
    wrong = [
        entry_name(entry)
        for entry in check["entries"]
        if entry["state"] == "fail" and len(entry["index"]) == 2
    ]
    if not drawn or not wrong or check["courses"]:
        return None
    title = say(
        "{count} of {size} entries are wrong: {wrong}",
        count=len(wrong),
        size=len(check["entries"]),
        wrong=", ".join(wrong[:12]),
    )
    title += say(" and {count} more.", count=len(wrong) - 12) if len(wrong) > 12 else "."
    caption = say("Right entries ✓ and wrong ones ✗.")
    if any("expected" in entry for entry in check["entries"]):
        caption += say(
            " The number is how far an entry is off; the worst have the strongest shade."
        )
    return Drawing(placed(plots.heat_map(drawn), f"{name}-heat", title), caption)


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _drawn(values: Sequence[float]) -> tuple[Any, ...]:
    """Five digits are all that can be seen, and let equal drawings be recognised."""
    # One nan for all: two of them are only the same if they are one.
    return tuple(math.nan if math.isnan(v) else float(f"{v:.5g}") for v in values)


def _short(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else say("no finite number")
