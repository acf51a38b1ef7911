"""Make cells: source that has been tried as Python, with the headings above it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gradkit.language import phrase, say
from gradkit.records.submission import Cell, Place, Problem
from gradkit.runtime.statements import BROKEN
from gradkit.submission.source import Broken, parse, salvage
from gradkit.text import clean_text, where

_QUOTE = 80

NOTHING = phrase("Nothing in this {part} can be used until it is fixed.")
REST = phrase("{names} cannot be used until it is fixed; the rest was graded.")
LEFT_OUT = phrase("This was left out, and the rest was graded.")


def make_cell(
    file: str,
    number: int | None,
    text: str,
    headings: tuple[str, ...] = (),
    first_line: int = 1,
    title: str = "",
) -> tuple[list[Cell], list[Problem]]:
    r"""Repair and parse a piece of source; what is not Python becomes a cell of its own.

    Parameters
    ----------
    file : str
        The file's name as it is shown.
    number : int or None
        The cell's number in a notebook, counted from 1; None in a script.
    text : str
        The source as it stands in the file, with ``\n`` alone as newline.
    headings : tuple of str
        The headings above it, outermost first.
    first_line : int
        The line of the file (of the cell, in a notebook) at which ``text`` begins.
    title : str
        What the cell is called where a reader cannot count cells.
    """
    if number is not None:
        name = f"{file}[{number}]"
    else:
        name = file if first_line == 1 and not headings else f"{file}:{first_line}"
    parsed = parse(text)
    problems = []
    for line in parsed.dedented:
        place = Place(file, number, first_line + line - 1, title)
        problems.append(
            Problem(
                say(
                    "The indent at {place} is not allowed there. It was removed to grade the rest; "
                    "Python itself refuses it, so remove it from the file too.",
                    place=where(place),
                ),
                place,
            )
        )
    wrong: tuple[Broken, ...] = ()
    if parsed.tree is None:
        parsed, wrong = salvage(parsed)
    cells = [Cell(name, file, number, parsed.source, headings, first_line, title)]
    lines = text.split("\n")
    for each in wrong:
        line = each.start - 1 + _within(each)
        place = Place(file, number, first_line + line - 1, title)
        at = where(place).capitalize() if number else where(place)
        reason = clean_text(each.wrong.reason, 2 * _QUOTE)
        said = say("{place} is not valid Python: {reason}.", place=at, reason=reason)
        rest = say(NOTHING, part=_part(number, name, file))
        if parsed.tree is not None:
            start = first_line + each.start - 1
            part = f"{name}+{each.start}"
            cells.append(Cell(part, file, number, each.source, headings, start, title))
            names = ", ".join(f"`{m[1] or m[2]}`" for m in BROKEN.finditer(each.source))
            rest = say(REST, names=names) if names else say(LEFT_OUT)
        shown = pointed(lines[min(line, len(lines)) - 1], each.wrong.column)
        problems.append(Problem(f"{said}\n{shown}\n{rest}", place, broken=True))
    return cells, problems


def _within(broken: Broken) -> int:
    """Return the line within a broken part, from 1, where it is wrong."""
    return broken.wrong.line - broken.start + 1


def pointed(line: str, column: int) -> str:
    """Quote a line, and point at a column of it (from 1; 0 where none is known).

    Examples
    --------
    >>> print(pointed("    x = (1", 9))
      x = (1
          ^
    """
    indent = len(line) - len(line.lstrip())
    at = max(column - 1 - indent, 0)
    first = max(at - _QUOTE + 10, 0)
    quoted = f"  {clean_text(line.strip().expandtabs(1)[first:], _QUOTE)}"
    return f"{quoted}\n  {' ' * (at - first)}^" if column else quoted


def _part(number: int | None, name: str, file: str) -> str:
    if number is not None:
        return say("cell")
    return say("file") if name == file else say("part of the file")


# --- headings ----------------------------------------------------------------------------

LENGTH = 160
"""Characters of a heading that are kept."""

LINE = 500
"""Characters of a markdown line that are looked at."""

BELOW_ALL = 7
"""The level of what only looks like a heading: bold lines, banners, lone comments."""

_ATX = re.compile(r" {0,3}(#{1,6})\s*([^#\s].*)")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_UNDERLINE = re.compile(r" {0,3}(=+|-{3,})\s*$")
_HTML = re.compile(r"\s*(?:<(?!h\d)[^<>]*>\s*)*<h([1-6])[^<>]*>(.*?)</h\1>", re.IGNORECASE)
_BOLD = re.compile(r"\s*(?:\*\*|__)([^*_]+)(?:\*\*|__):?\s*$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_TAG = re.compile(r"<[^>]{0,200}>")


def headings_in(markdown: str) -> Iterator[tuple[int, int, str]]:
    """Yield line (from 1), level and text of each heading in a markdown text."""
    fence, before = "", ""
    lines = (line[:LINE] for line in markdown.split("\n"))
    for number, line in enumerate(lines, start=1):
        mark = _FENCE.match(line)
        if mark and fence in ("", mark[1]):
            fence = "" if fence else mark[1]
        elif fence:
            continue
        elif atx := _ATX.match(line):
            yield number, len(atx[1]), plain(atx[2].rstrip("# "))
        elif before and (under := _UNDERLINE.match(line)):
            yield number - 1, 1 if under[1][0] == "=" else 2, plain(before)
        elif html := _HTML.match(line):
            yield number, int(html[1]), plain(html[2])
        elif bold := _BOLD.match(line):
            yield number, BELOW_ALL, plain(bold[1])
        before = line.strip()


def plain(text: str) -> str:
    """Return the words of a heading without mark-up, on one line."""
    # Links are looked for in a time that grows with the square of the text.
    text = _TAG.sub(" ", _LINK.sub(r"\1", text[:LINE]))
    return clean_text(" ".join(re.sub(r"[*`]|(?<!\w)_|_(?!\w)", "", text).split()), LENGTH)


class Path:
    """The headings that hold at one point of a document, outermost first."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, text: str) -> None:
        """Begin a part: everything of the same level or below ends. It may have no title."""
        self._open = [part for part in self._open if part[0] < level]
        if text:
            self._open.append((level, text))

    def now(self) -> tuple[str, ...]:
        """Return the headings from the outermost to the innermost."""
        return tuple(text for _, text in self._open)
