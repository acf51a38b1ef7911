"""A student's source as lines with marks and colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gradkit.records.submission import Place

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One line as HTML that is safe to print, and the numbers of the findings that point at it."""

    number: int
    html: str
    findings: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A listing as it is shown."""

    file: str
    cell: int | None
    lines: tuple[Line, ...]


def shown(listings: Iterable[Data], marks: Iterable[tuple[Place, int]]) -> list[Code]:
    """The listings that hold a marked place, in their order.

    Parameters
    ----------
    listings
        Of the data of a result.
    marks
        Places, each with the number of the finding that points there; 0 is a check's own.
    """
    found: dict[Place, list[int]] = {}
    for place, finding in dict.fromkeys(marks):
        found.setdefault(place, []).append(finding)
    codes = []
    for listing in listings:
        file, cell = listing["file"], listing["cell"]
        lines = tuple(
            Line(number, text, tuple(found.get(Place(file, cell, number), ())))
            for number, text in enumerate(_coloured(listing["source"]), listing["first_line"])
        )
        if any(line.findings for line in lines):
            codes.append(Code(file, cell, lines))
    return codes


def _coloured(source: str) -> list[str]:
    """Each line as HTML, in which all that is the student's is escaped."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    lexer = PythonLexer(stripnl=False, ensurenl=False)
    html: str = highlight(source, lexer, HtmlFormatter(nowrap=True))
    lines = html.split("\n")
    return lines[: source.count("\n") + 1]
