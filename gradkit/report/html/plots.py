"""Drawings of a result: courses of the loss, errors entry by entry, a class in bars.

matplotlib draws; a drawing made once is kept, since students who make the same mistake
get the same one. Colours are the page's, so that they follow the reader's preference.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, fromstring, tostring

from gradkit.language import say
from gradkit.loading import unsettled
from gradkit.report.document import document

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator


PREFIX = "plot-id-"
"""What identifiers begin with until a drawing is put into a page."""

_LINK = "{http://www.w3.org/1999/xlink}href"
_REFERENCE = re.compile(r"#([\w.-]+)")


def adopt(drawing: str, colours: Mapping[str, str]) -> str:
    """The drawing of a plotting library, made fit to stand in a page.

    Parameters
    ----------
    drawing : str
        A whole SVG document.
    colours : mapping of str to str
        What stands in for each colour, as ``{"#000001": "currentColor"}``.
    """
    root = fromstring(drawing)  # noqa: S314 -- drawn by matplotlib a moment ago
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
    used = {name for element in root.iter() for name in _references(element)}
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        _simplify(element, colours, used)
    for unused in ("height", "version"):
        root.attrib.pop(unused, None)
    # Points to pixels; the page makes it smaller where there is no room.
    root.set("width", f"{float(root.get('viewBox', '').split()[2]) * 4 / 3:.0f}")
    # A page is HTML, where these names need no declaration.
    return re.sub(r"\s*\n\s*", " ", tostring(root, encoding="unicode", short_empty_elements=False))


def _references(element: Element) -> list[str]:
    return [
        name
        for key, value in element.attrib.items()
        if key in (_LINK, "clip-path", "style")
        for name in _REFERENCE.findall(value)
    ]


def _simplify(element: Element, colours: Mapping[str, str], used: set[str]) -> None:
    """Style to attributes, colours to those of the page; names only where they are needed."""
    style = element.attrib.pop("style", "")
    for declaration in filter(None, map(str.strip, style.split(";"))):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key == "font":
            # Its family is the page's.
            key, value = "font-size", next(p for p in value.split() if p.endswith("px"))
        element.set(key, colours.get(value, value))
    name = element.attrib.pop("id", "")
    if name in used:
        element.set("id", PREFIX + name)
    target = element.attrib.pop(_LINK, "")
    if target:
        element.set("href", f"#{PREFIX}{target[1:]}")
    clip = element.get("clip-path", "")
    if clip:
        element.set("clip-path", clip.replace("#", f"#{PREFIX}"))


def placed(drawing: str, name: str, title: str) -> str:
    """The drawing with identifiers that begin with ``name``, and a title for who cannot see it."""
    own = drawing.replace(PREFIX, f"{name}-")
    opening = f'<svg role="img" aria-labelledby="{name}-title"'
    words = f'<title id="{name}-title">{escape(title)}</title>'
    return own.replace("<svg", opening, 1).replace(">", f">{words}", 1)


INK, FAINT, FOUND, EXPECTED = "#000001", "#000002", "#000003", "#000004"

COLOURS: Mapping[str, str] = {
    INK: "currentColor",
    FAINT: "var(--faint)",
    FOUND: "var(--found)",
    EXPECTED: "var(--expected)",
}
"""What is drawn in a colour that nobody sees, and the colour of the page that replaces it."""

STYLE: Mapping[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "gradkit",
    "text.parse_math": False,
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}

STEEP = 10.0
"""Where the largest loss is so many times the first, the axis is logarithmic."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry of a heat map: 0 where it is right, up to 4 where it is worst."""

    level: int
    label: str


Matrix = tuple[tuple[Cell, ...], ...]
"""Rows of cells."""

KEPT = 2048
"""Drawings that are remembered."""


@lru_cache(maxsize=KEPT)
def course(epochs: tuple[int, ...], found: tuple[float, ...], expected: tuple[float, ...]) -> str:
    """The loss by epoch: what was found as a solid line, what was expected as a dashed one."""
    with _page_style():
        figure, axes = _axes(4.0, 2.1, left=0.75, right=0.1, bottom=0.42, top=0.1)
        if expected:
            axes.plot(epochs, expected, "--", color=EXPECTED, linewidth=2.0)
        if found:
            # Few epochs are drawn as points, many as a line.
            dot = "o" if len(epochs) <= 30 else ""
            axes.plot(epochs, found, color=FOUND, linewidth=1.5, marker=dot, ms=4.0)
        axes.yaxis.set_major_locator(_ticks(4, whole=False))
        if _climbs(found):
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("")
        axes.xaxis.set_major_locator(_ticks(5))
        axes.set_xlabel(say("epoch"))
        axes.set_ylabel(say("loss"))
        return _text(figure)


def _climbs(values: tuple[float, ...]) -> bool:
    finite = [value for value in values if math.isfinite(value)]
    return bool(finite) and min(finite) > 0 and max(finite) > STEEP * finite[0]


@lru_cache(maxsize=KEPT)
def heat_map(matrices: tuple[tuple[str, Matrix], ...]) -> str:
    """Matrices with their names side by side, each entry in a shade and with a label."""
    return document("heat_map.html", matrices=matrices)


def histogram(scores: tuple[float, ...], largest: float, unit: str) -> str:
    """Draw how many scores lie in each tenth of the maximum."""
    tenths = [min(int(10 * score / largest), 9) for score in scores]
    counts = [tenths.count(n) for n in range(10)]
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


def _ticks(n: int, *, whole: bool = True) -> Locator:
    """At most ``n`` intervals. Each tick takes a millisecond."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(n, integer=whole)


@contextmanager
def _page_style() -> Iterator[None]:
    # A student's settings may have any text of theirs set by LaTeX, which runs programs.
    with unsettled("matplotlibrc"):
        import matplotlib as mpl

    with mpl.rc_context(dict(STYLE)), warnings.catch_warnings():
        # A sign that matplotlib's own font lacks is in the reader's.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        yield


def _axes(
    width: float, height: float, *, left: float, right: float, bottom: float, top: float
) -> tuple[Figure, Axes]:
    """A figure with one pair of axes; margins, like all lengths here, in inches."""
    # Without pyplot: no window, nothing that is kept from one figure to the next.
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasSVG(figure)
    size = ((width - left - right) / width, (height - bottom - top) / height)
    return figure, figure.add_axes((left / width, bottom / height, *size))


def _text(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return adopt(text.getvalue(), COLOURS)
