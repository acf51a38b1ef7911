"""Draw the plots of a page, each with words for whoever cannot see it: losses, errors, bars.

All are SVG from templates. Colours are the page's, so that they follow the reader's preference. A
course or a heat map made once is kept, since students who make the same mistake get the same one.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any

from msgspec import Struct

from gradkit.report.document import document, entry_name
from gradkit.report.words import tenths
from gradkit.text import format_count, format_text


class Drawing(Struct, frozen=True):
    """A plot as it stands in a page, and what is written below it."""

    svg: str
    caption: str


def placed(svg: str, name: str, title: str, caption: str = "") -> Drawing:
    """Return a drawing of the element ``svg`` with a title for screen readers.

    ``name`` is the prefix of its identifier, and ``caption`` the text below it.
    """
    opening = f'<svg role="img" aria-labelledby="{name}-title"'
    words = f'<title id="{name}-title">{escape(title)}</title>'
    return Drawing(svg.replace("<svg", opening, 1).replace(">", f">{words}", 1), caption)


LIGHT = {"faint": "#59636e", "found": "#b3261e", "expected": "#2f6fb5"}
"""Colours of a page on white, by their names in ``page.css``."""


def picture(drawing: Drawing) -> str:
    """Return a drawing as a data address: a picture on white that needs no page around it."""
    style = "font-family:sans-serif;" + "".join(f"--{n}:{colour};" for n, colour in LIGHT.items())
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" style="{style}"'
    data = b64encode(drawing.svg.replace("<svg", opening, 1).encode()).decode()
    return f"data:image/svg+xml;base64,{data}"


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
    """Draw the loss by epoch as SVG: ``found`` as a solid line, ``expected`` as a dashed line.

    ``epochs`` are the numbers of the epochs, one for each loss. The axis is logarithmic if the
    observed loss rises steeply. Values that are not finite, too large or, on a logarithmic axis,
    not positive leave a gap.
    """
    steep = _climbs(found)
    scale = math.log10 if steep else float
    own, right = (
        [scale(v) if abs(v) < LARGEST and (v > 0 or not steep) else math.nan for v in values]
        for values in (found, expected)
    )
    across, up = _axis(epochs, LEFT, RIGHT), _axis([*own, *right], BOTTOM, TOP)
    far = steep and max(up.high, -up.low) > 5  # then all are written as powers, else none
    marks = list(map(across.place, epochs))
    drawn, wanted = (
        [(x, up.place(y)) for x, y in zip(marks, line, strict=False)]  # one may end early
        for line in (own, right)
    )
    return document(
        "course.html",
        across=[(across.place(x), f"{x:g}") for x in across.ticks(5, whole=True)],
        up=[
            (up.place(y), f"1e{y:g}" if far else f"{10**y if steep else y:.10g}")
            for y in up.ticks(4, whole=steep)
        ],
        found=_line(drawn),
        expected=_line(wanted),
        dots=_dots(drawn) if len(epochs) <= FEW else "",
        left=LEFT,
        right=RIGHT,
        top=TOP,
        bottom=BOTTOM,
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
        """Return round numbers on the axis, at most ``most`` + 1; only integers if ``whole``."""
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= rough)
        step = max(1.0, math.ceil(step)) if whole else step
        numbers = range(math.ceil(self.low / step), math.floor(self.high / step) + 1)
        digits = 1 - math.floor(math.log10(step))
        return [round(n * step, digits) for n in numbers]


def _axis(values: Sequence[float], first: float, last: float) -> _Axis:
    """Return an axis of a drawing, from position ``first`` to ``last``, that covers all values.

    ``values`` that are not finite are left out.
    """
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    size = max(abs(low), abs(high), SMALLEST)
    # What differs by no more than can be seen is drawn as equal.
    room = (high - low if high - low > size * 1e-6 else size) / 20
    return _Axis(low - room, high + room, first, last)


def _line(points: Sequence[tuple[float, float]]) -> str:
    """Return an SVG path through points, with a gap where a point's height is not finite."""
    path, pen = "", "M"
    for x, y in points:
        path += f"{pen} {x} {y} " if math.isfinite(y) else ""
        pen = "L" if math.isfinite(y) else "M"
    return path.strip()


def _dots(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"M {x} {y} h 0" for x, y in points if math.isfinite(y))


@lru_cache(maxsize=KEPT)
def shaded(matrices: tuple[tuple[str, Matrix], ...]) -> str:
    """Matrices with their names side by side, each entry in a shade and with a label."""
    return document("heat_map.html", matrices=matrices)


def histogram(scores: tuple[float, ...], largest: float, unit: str) -> str:
    """Draw how many scores lie in each tenth of the maximum.

    ``largest`` is the maximum, and ``unit`` the text after it, such as ``points``.
    """
    counts = tenths(scores, largest)
    edges = [largest * n / 10 for n in range(11)]
    return document("histogram.html", counts=counts, edges=edges, unit=unit)


def bars(rows: tuple[tuple[str, int], ...]) -> str:
    """Draw a bar with its number for each row, the first row on top."""
    return document("bars.html", rows=[(name, (n,)) for name, n in rows], kinds=())


KINDS = ("pass", "fail", "absent", "open")
"""Kinds of states in the order of a bar, see `SIGNS`."""


def shares(rows: tuple[tuple[str, tuple[int, ...]], ...]) -> str:
    """Draw each row as a bar of the counts of `KINDS`; a row without numbers is a heading."""
    return document("bars.html", rows=rows, kinds=KINDS)


SIDE, SEVERAL = 12, 12
"""Largest matrix that is drawn, by rows or columns, and how many at most."""

WORST = 4
"""The level of the largest error; each decade below it is one less, down to 1."""

SIGNS = {"pass": "✓", "inconclusive": "?"}


def matrices(entries: Iterable[Data]) -> tuple[tuple[str, Matrix], ...]:
    """Return the names and cells of the parameters whose entries have two indices.

    ``entries`` are those of a check, as plain data. At most `SEVERAL` parameters are returned;
    those with more than `SIDE` rows or columns are left out. If expected values are shown, a wrong
    entry is labelled with its error, and shaded by powers of ten below the check's largest error.
    Otherwise it is only marked as wrong.
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
    """Return the cells of a parameter's entries by row and column, empty for missing entries.

    ``group`` has the entries by row and column, ``largest`` is the check's largest error.
    """
    rows, columns = (1 + max(index[axis] for index in group) for axis in (0, 1))
    return tuple(
        tuple(_cell(group.get((row, column)), largest) for column in range(columns))
        for row in range(rows)
    )


def _cell(entry: Data | None, largest: float) -> Cell:
    """Return the cell of an entry, with its shade and its label: a sign or the error.

    None as ``entry`` gives an empty cell. A wrong entry without a known error has the strongest
    shade. ``largest`` is the check's largest error, from which the shade falls by one for each
    power of ten.
    """
    if entry is None:
        return Cell(0, "")
    sign = SIGNS.get(entry["state"])
    if sign is not None:
        return Cell(0, sign)
    error = _error(entry)
    if not error:
        return Cell(WORST, "✗ none" if entry["found"] is None else "✗")
    decades = int(math.log10(largest / error))
    return Cell(max(1, WORST - decades), f"✗ {_error_text(error)}")


def _error_text(error: float) -> str:
    """Return an error as a digit and power of ten, or a plain number: ``2e−5``, ``0.3``, ``40``."""
    text = f"{error:.0e}" if not 0.01 <= error < 1000 else f"{float(f'{error:.1g}'):g}"
    digit, _, power = text.partition("e")
    return f"{digit}e{int(power)}".replace("-", "−") if power else digit


Data = Mapping[str, Any]


def courses(check: Data, name: str) -> Iterator[Drawing]:
    """Yield a drawing of the loss of each training run of a check, with the expected loss if known.

    ``check`` is the check's result as plain data. Runs without any loss are left out. ``name`` is
    the prefix of the drawings' identifiers.
    """
    for number, run in enumerate(check["courses"], 1):
        found, expected = _numbers(run["found"]), _numbers(run.get("expected", ()))
        if not found and not expected:
            continue
        svg = course(_drawn(run["epochs"]), _drawn(found), _drawn(expected))
        last = [values[-1] for values in (found, expected) if values]
        # Four digits, or as many as tell what is wrong from what is right.
        more = range(4, 11) if check["state"] != "pass" else ()
        digits = next((n for n in more if len({_short(v, n) for v in last}) == len(last)), 4)
        ends = []
        if found:
            ends.append(
                format_text("your code (solid) ends at {found}", found=_short(found[-1], digits))
            )
        if expected:
            ends.append(
                format_text("expected (dashed) {expected}", expected=_short(last[-1], digits))
            )
        said = format_text(
            "Initial parameters “{start}”: {ends}.",
            start=run["start"],
            ends=", ".join(ends),
        )
        title = format_text(
            "Loss over {epochs} epochs. {said}", epochs=run["epochs"][-1], said=said
        )
        yield placed(svg, f"{name}-course-{number}", title, said)


def heat_map(check: Data, name: str) -> Drawing | None:
    """Draw the wrong entries of a check's matrices, with errors if they are shown.

    ``check`` is the check's result as plain data. The drawing is None if no entry with two indices
    is wrong, no matrix is small enough, or the check has drawings of the loss. ``name`` is the
    prefix of the drawing's identifier.
    """
    drawn = matrices(check["entries"])
    wrong = [
        entry_name(entry)
        for entry in check["entries"]
        if entry["state"] == "fail" and len(entry["index"]) == 2
    ]
    if not drawn or not wrong or check["courses"]:
        return None
    title = format_count(
        "{count} of {size} entries is wrong: {wrong}",
        "{count} of {size} entries are wrong: {wrong}",
        len(wrong),
        size=len(check["entries"]),
        wrong=", ".join(wrong[:12]),
    )
    title += format_text(" and {count} more.", count=len(wrong) - 12) if len(wrong) > 12 else "."
    caption = "Right entries ✓ and wrong entries ✗."
    if any("expected" in entry for entry in check["entries"]):
        caption += (
            " Each number is the error of an entry; the largest errors have the darkest colour."
        )
    return placed(shaded(drawn), f"{name}-heat", title, caption)


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _drawn(values: Sequence[float]) -> tuple[Any, ...]:
    """Five digits are all that can be seen, and let equal drawings be recognised."""
    # One nan for all: two of them are only the same if they are one.
    return tuple(math.nan if math.isnan(v) else float(f"{v:.5g}") for v in values)


def _short(value: float, digits: int) -> str:
    return f"{value:.{digits}g}" if math.isfinite(value) else "no finite number"
