"""One piece of raw source made into a `Cell`, with what had to be said about it."""

from __future__ import annotations

from gradkit.language import say
from gradkit.records.submission import Cell, Place, Problem
from gradkit.submission.source import parse
from gradkit.text import clean_text, where

_QUOTE = 80


def make_cell(
    file: str,
    number: int | None,
    text: str,
    headings: tuple[str, ...] = (),
    first_line: int = 1,
    title: str = "",
) -> tuple[Cell, list[Problem]]:
    r"""Repair and parse a piece of source.

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
                    "The indent at {place} stands where none may be. It was taken out here; "
                    "Python itself refuses it, so take it out of the file too.",
                    place=where(place),
                ),
                place,
            )
        )
    if parsed.tree is None:
        place = Place(file, number, first_line + parsed.line - 1, title)
        lines = text.split("\n")
        found = clean_text(lines[min(parsed.line, len(lines)) - 1].strip(), _QUOTE)
        problems.append(
            Problem(
                say(
                    "{place} is not valid Python: {reason}; found `{found}`. Nothing in this "
                    "{part} can be used until it is mended.",
                    place=where(place).capitalize() if number else where(place),
                    reason=clean_text(parsed.reason, 2 * _QUOTE),
                    found=found,
                    part=_part(number, name, file),
                ),
                place,
            )
        )
    return Cell(name, file, number, parsed.source, headings, first_line, title), problems


def _part(number: int | None, name: str, file: str) -> str:
    if number is not None:
        return say("cell")
    return say("file") if name == file else say("part of the file")
