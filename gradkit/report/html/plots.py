"""Drawings of a result: courses of the loss, errors entry by entry, a class in bars.

All are SVG from templates. Colours are the page's, so that they follow the reader's preference. A
course or a heat map made once is kept, since students who make the same mistake get the same one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from html import escape

from msgspec import Struct

from gradkit.report.document import document
from gradkit.report.rounding import tenths


def placed(drawing: str, name: str, title: str) -> str:
    """The drawing with a title for who cannot see it, whose identifier begins with ``name``."""
    opening = f'<svg role="img" aria-labelledby="{name}-title"'
    words = f'<title id="{name}-title">{escape(title)}</title>'
    return drawing.replace("<svg", opening, 1).replace(">", f">{words}", 1)


STEEP = 10.0
"""Where the largest loss is so many times the first, the axis is logarithmic."""

FEW = 30
"""Epochs that are drawn as points; more are a line alone."""

LEFT, RIGHT, TOP, BOTTOM = 54.0, 281.0, 7.0, 121.0
"""Of a course: edges of what lies between its axes."""

LARGEST, SMALLEST = 1e300, 1e-290
"""Losses beyond are not drawn; differences below are none."""

KEPT = 2048
"""Drawings that are remembered."""


class Cell(Struct, frozen=True):
    """One entry of a heat map: 0 where it is right, up to 4 where it is worst."""

    level: int
    label: str


Matrix = tuple[tuple[Cell, ...], ...]
"""Rows of cells."""


@lru_cache(maxsize=KEPT)
def course(epochs: tuple[int, ...], found: tuple[float, ...], expected: tuple[float, ...]) -> str:
    """The loss by epoch: what was found as a solid line, what was expected as a dashed one."""
    steep = _climbs(found)
    scale = math.log10 if steep else float
    own, right = (
        [scale(v) if abs(v) < LARGEST and (v > 0 or not steep) else math.nan for v in values]
        for values in (found, expected)
    )
    across, up = _axis(epochs, LEFT, RIGHT), _axis([*own, *right], BOTTOM, TOP)
    marks = list(map(across.place, epochs))
    drawn, wanted = (
        [(x, up.place(y)) for x, y in zip(marks, line, strict=False)]  # one may end early
        for line in (own, right)
    )
    return document(
        "course.html",
        across=[(across.place(x), f"{x:g}") for x in across.ticks(5, whole=True)],
        up=[(up.place(y), f"{10**y if steep else y:.10g}") for y in up.ticks(4, whole=steep)],
        found=_line(drawn),
        expected=_line(wanted),
        dots=_dots(drawn) if len(epochs) <= FEW else "",
        **{"left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM},
    )


def _climbs(values: tuple[float, ...]) -> bool:
    finite = [value for value in values if math.isfinite(value)]
    return bool(finite) and min(finite) > 0 and max(finite) > STEEP * finite[0]


class _Axis(Struct, frozen=True):
    """Numbers from ``low`` to ``high`` between two edges of a drawing."""

    low: float
    high: float
    first: float
    last: float

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.first + share * (self.last - self.first), 1)

    def ticks(self, most: int, *, whole: bool) -> list[float]:
        """Round numbers on the axis, at most so many and one more."""
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= rough)
        step = max(1.0, math.ceil(step)) if whole else step
        numbers = range(math.ceil(self.low / step), math.floor(self.high / step) + 1)
        digits = 1 - math.floor(math.log10(step))
        return [round(n * step, digits) for n in numbers]


def _axis(values: Sequence[float], first: float, last: float) -> _Axis:
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    size = max(abs(low), abs(high), SMALLEST)
    # What differs by no more than can be seen is drawn as equal.
    room = (high - low if high - low > size * 1e-6 else size) / 20
    return _Axis(low - room, high + room, first, last)


def _line(points: Sequence[tuple[float, float]]) -> str:
    """A path through points, with a gap where there is none."""
    path, pen = "", "M"
    for x, y in points:
        path += f"{pen} {x} {y} " if math.isfinite(y) else ""
        pen = "L" if math.isfinite(y) else "M"
    return path.strip()


def _dots(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"M {x} {y} h 0" for x, y in points if math.isfinite(y))


@lru_cache(maxsize=KEPT)
def heat_map(matrices: tuple[tuple[str, Matrix], ...]) -> str:
    """Matrices with their names side by side, each entry in a shade and with a label."""
    return document("heat_map.html", matrices=matrices)


def histogram(scores: tuple[float, ...], largest: float, unit: str) -> str:
    """Draw how many scores lie in each tenth of the maximum."""
    counts = tenths(scores, largest)
    edges = [largest * n / 10 for n in range(11)]
    return document("histogram.html", counts=counts, edges=edges, unit=unit)


def bars(rows: tuple[tuple[str, int], ...]) -> str:
    """A bar for each row, the first on top, with its number."""
    return document("bars.html", rows=[(name, (n,)) for name, n in rows], kinds=())


KINDS = ("pass", "fail", "absent", "open")
"""Kinds of states in the order of a bar, see `SIGNS`."""


def shares(rows: tuple[tuple[str, tuple[int, ...]], ...]) -> str:
    """A bar for each row of how many are of each of `KINDS`."""
    return document("bars.html", rows=rows, kinds=KINDS)
