"""Plots of a check, each with words for whoever cannot see it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradkit.language import say
from gradkit.report.html import plots
from gradkit.report.html.document import entry_name
from gradkit.report.html.heat import matrices
from gradkit.report.html.svg import placed
from gradkit.text import label_said

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Drawing:
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
        ends = [say("your code (solid) ends at {found}", found=_short(found[-1]))] if found else []
        ends += (
            [say("expected (dashed) {expected}", expected=_short(expected[-1]))] if expected else []
        )
        said = say(
            "From the start “{start}”: {ends}.",
            start=label_said(course["start"]),
            ends=", ".join(ends),
        )
        title = say("Loss over {epochs} epochs. {said}", epochs=course["epochs"][-1], said=said)
        yield Drawing(placed(svg, f"{name}-course-{number}", title), said)


def heat_map(check: Data, name: str) -> Drawing | None:
    """Which entries are wrong, and how much where that is shown; None where all are right."""
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
