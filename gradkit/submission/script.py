"""Read a script, or a notebook exported as one, as cells with headings.

Exports are recognised by their marks: ``# In[5]:`` and ``# # Title`` of nbconvert, Colab's
markdown as bare strings, ``# %% [markdown]`` of the percent format. In any script a banner
(``# ==== Regression ====``) counts as a heading.
"""

from __future__ import annotations

import ast
import re
from itertools import pairwise

from msgspec import Struct, field

from gradkit.records.submission import Cell, File, Place, Problem
from gradkit.runtime.syntax import readable
from gradkit.submission.source import BELOW_ALL, Path, headings_in, make_cell, plain
from gradkit.submission.source import Amount, decode, logical_starts, newline_of, starts_with_mark
from gradkit.text import format_text

_EXPORT = re.compile(r"^#\s*(?:In\s?\[[\d ]*\]|%%)", re.MULTILINE)
_MARK = re.compile(r"#\s*(?:In\s?\[[\d ]*\]:?|%%+)(.*)$")
_COMMENT = re.compile(r"# ?(.*)$")
_BANNER = re.compile(r"#\s*(([-=~*#_])\2{2,})\s*(\w.*?)\s*\2{3,}\s*$")
_RULE = re.compile(r"#\s*([-=~*#_])\1{4,}\s*$|#{6,}\s*$")
_BOX = re.compile(r"#+\s*(\w[^=()\[\]{};]*?)\s*#*\s*$")
_STRING = re.compile(r"[rRuU]?(\"\"\"|''')")
_LONGEST = 300

AS_LATIN_1 = "{label} {complaint}. It was read as Latin-1; save it as UTF-8."


class _Piece(Struct):
    """A run of lines below the same headings; ``start`` counts from 0."""

    start: int
    headings: tuple[str, ...]
    lines: list[str] = field(default_factory=list)


def read_script(
    file: File, label: str, amount: Amount | None = None
) -> tuple[list[Cell], list[Problem], str]:
    """Read a script as one cell, or as one cell for each part below its own headings.

    Parameters
    ----------
    file : File
        The script.
    label : str
        The file's name as it is shown.
    amount : Amount, optional
        The amount of code that has been read of the submission so far.

    Returns
    -------
    cells : list of Cell
    problems : list of Problem
    source : str
        The whole text, for files that import this one.

    Raises
    ------
    SubmissionError
        There is too much code.
    """
    text, complaint = decode(file.data)
    (amount or Amount(label)).add(label, [text])
    problems = []
    if complaint is not None:
        message = format_text(AS_LATIN_1, label=label, complaint=complaint)
        problems.append(Problem(message, Place(label, None, 1)))
    cells = []
    pieces = _pieces(text.split("\n"))
    if len(pieces) == 1:
        pieces = [_Piece(0, pieces[0].headings, text.split("\n"))]
    newline = newline_of(file.data)
    count = text.count("\n") + 1
    is_whole = len(pieces) == 1 and not starts_with_mark(file.data)
    for piece in pieces:
        source = "\n".join(piece.lines)
        is_last = piece.start + len(piece.lines) == count
        made, found = make_cell(
            *(label, None, source, piece.headings, piece.start + 1),
            newline=newline,
            is_last=is_last,
            is_whole=is_whole,
        )
        cells += made
        problems += found
    whole = cells[0].source if len(pieces) == 1 else text
    return cells, problems, whole


def _pieces(lines: list[str]) -> list[_Piece]:
    """Cut lines into pieces at cell marks and headings; pieces of comments alone are left out."""
    exported = any(_EXPORT.match(line) for line in lines)
    path = Path()
    pieces = [_Piece(0, ())]

    def cut(start: int) -> None:
        if not any(_is_code(line) for line in pieces[-1].lines):
            pieces.pop()
        pieces.append(_Piece(start, path.now()))

    starts = [*logical_starts(lines), len(lines)]
    for i, following in pairwise(starts):
        line = lines[i][:_LONGEST]
        block = lines[i:following]
        if mark := exported and _MARK.match(line):
            path.enter(BELOW_ALL + 2, _title(mark[1]))
            cut(i)
        elif line.startswith("#"):
            for level, heading in _comment_headings(lines, i, exported=exported):
                path.enter(level, heading)
                cut(i)
        elif _STRING.match(line):
            found = list(headings_in(_string(block)))
            for _, level, heading in found:
                path.enter(level, heading)
            if found:
                cut(i)
                block = [""] * len(block)
        pieces[-1].lines += block
    if len(pieces) > 1 and not any(_is_code(line) for line in pieces[-1].lines):
        pieces.pop()
    return pieces


def _is_code(line: str) -> bool:
    text = line.lstrip()
    return bool(text) and not text.startswith("#")


def _title(mark: str) -> str:
    """Return the title in a cell mark: ``Regression`` for ``# %% Regression [markdown]``."""
    return plain(re.sub(r"\[\w+\]|\{.*|\w+=\S+", "", mark).strip(" :"))


def _comment_headings(lines: list[str], i: int, *, exported: bool) -> list[tuple[int, str]]:
    """Return level and text of the heading in a comment line, as a list of at most one item."""
    line = lines[i][:_LONGEST]
    if exported:
        text = _COMMENT.match(line)
        found = list(headings_in(text[1] if text else ""))
        if found and found[0][1] < BELOW_ALL and line.startswith("# #"):
            return [(found[0][1], found[0][2])]
    if banner := _BANNER.match(line):
        return [(_rank(banner[1]), plain(banner[3]))]
    boxed = 0 < i < len(lines) - 1 and _RULE.match(lines[i - 1]) and _RULE.match(lines[i + 1])
    if boxed and (box := _BOX.match(line)):
        return [(_rank(lines[i - 1].strip("# ") or "#"), plain(box[1]))]
    return []


def _rank(rule: str) -> int:
    """Return the level of a banner: rules of ``=`` and ``#`` are above all others."""
    return BELOW_ALL if rule[0] in "=#" else BELOW_ALL + 1


def _string(block: list[str]) -> str:
    """Return the text of lines that are only a string, otherwise ""."""
    match readable("\n".join(block)).body:
        case [ast.Expr(ast.Constant(str(text)))]:
            return text
    return ""
