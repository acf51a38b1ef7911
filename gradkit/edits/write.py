"""Write a change of a tree into the text that the tree was read from.

Lines stay where they are: what is left out leaves an empty line behind, and what moves changes
places. So a second change is reported by the line that the student sees.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import pairwise, takewhile
from operator import is_
from textwrap import dedent

from gradkit.edits.nodes import parse, with_parts


class UnwrittenError(ValueError):
    """A change that cannot be written into the text."""


@dataclass(frozen=True, slots=True)
class Written:
    """New lines of a text: ``lines`` replace the lines from ``first`` to ``last``, counted from 1.

    The part that is marked as wrong begins in line ``line`` at column ``start``, and ends in line
    ``until`` at column ``end``; columns count from 0.
    """

    first: int
    last: int
    lines: list[str]
    line: int
    start: int
    until: int
    end: int


def replaced(source: str, written: Written) -> str:
    """Return the text ``source`` with the lines that a change replaces."""
    lines = source.split("\n")
    lines[written.first - 1 : written.last] = written.lines
    return "\n".join(lines)


ATOMS = (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Call)


def write_expression(old: ast.expr, new: ast.expr, source: str, wanted: str) -> Written:
    """Return the lines that put an expression in the place of another, with brackets if needed.

    The lines of the text stay as many: lines that the new expression does not need become empty.

    Parameters
    ----------
    old, new : ast.expr
        The expressions before and after the change; ``old`` is a node of the parsed text.
    source : str
        The text.
    wanted : str
        The `ast.dump` of the whole tree after the change.

    Raises
    ------
    UnwrittenError
        No way of writing the expression gives the wanted tree.
    """
    lines = source.split("\n")
    last, end = old.end_lineno or old.lineno, old.end_col_offset or 0
    before = _cut(lines[old.lineno - 1], 0, old.col_offset)
    after = _cut(lines[last - 1], end, None)
    text = ast.unparse(new)
    ways = [(before, text, after), (before, f"({text})", after)]
    bare = isinstance(old, ast.Tuple) and not lines[old.lineno - 1][len(before) :].startswith("(")
    if bare and isinstance(new, ast.Tuple) and len(new.elts) > 1:
        ways.insert(0, (before, text[1:-1], after))
    if before.endswith("(") and after.startswith(")") and isinstance(new, ATOMS):
        # What is one word needs no brackets of its own.
        ways.insert(0, (before[:-1], text, after[1:]))
    for way in ways:
        made = "".join(way).split("\n")
        made += [""] * (last - old.lineno + 1 - len(made))
        written = Written(
            *(old.lineno, last, made, old.lineno),
            *(len(before), last, len(_cut(lines[last - 1], 0, end))),
        )
        if ast.dump(_read(replaced(source, written))) == wanted:
            return written
    raise UnwrittenError


def _cut(line: str, start: int, end: int | None) -> str:
    """Return the part of a line between two columns, which count bytes of UTF-8 as trees do."""
    return line.encode()[start:end].decode()


def write_block(
    old: list[ast.stmt],
    new: list[ast.stmt],
    doubtful: ast.stmt | ast.expr,
    source: str,
    wanted: str,
) -> Written:
    """Return the lines that put the statements ``new`` in the place of the block ``old``.

    ``source`` is the whole text. Equal statements at both ends are left as they are; all others
    keep their layout. Of ``doubtful``, the node that is marked as wrong, only the line and columns
    are stored. ``wanted`` is the `ast.dump` of the whole tree after the change; raises
    UnwrittenError if the lines give another tree.
    """
    lines = source.split("\n")
    at = min(_same(old, new), len(old) - 1)
    after = min(_same(old[at:][::-1], new[at:][::-1]), len(old) - at - 1)
    first, last = old[at].lineno, old[-1 - after].end_lineno or old[-1 - after].lineno
    indent = old[at].col_offset
    made: list[str] = []
    for statement in new[at : len(new) - after]:
        made += _lines(lines, statement, indent)
    # Comments and empty lines between statements go with those below the first one.
    made += [""] * (last - first + 1 - len(made))
    begin = len(lines[doubtful.lineno - 1]) - len(lines[doubtful.lineno - 1].lstrip())
    written = Written(
        *(first, last, made),
        *(doubtful.lineno, begin, doubtful.lineno, len(lines[doubtful.lineno - 1].rstrip())),
    )
    if ast.dump(_read(replaced(source, written))) != wanted:
        raise UnwrittenError
    return written


def _same(old: list[ast.stmt], new: list[ast.stmt]) -> int:
    """Return how many statements at the beginning of two blocks are the same."""
    return sum(takewhile(bool, map(is_, old, new)))


def _lines(lines: list[str], statement: ast.stmt, indent: int) -> list[str]:
    """Return the lines of a statement at another indent, a number of columns.

    A statement that stands in ``lines``, the lines of the text, keeps its layout and comments. Of a
    loop or ``if`` with a changed head or body, only the changed statements are written anew. Any
    other statement is written by `ast.unparse`.
    """
    whole = lines[statement.lineno - 1 : statement.end_lineno]
    own = "\n".join(whole)
    shift = indent - statement.col_offset
    standing = _read(dedent(own)).body
    if [ast.dump(each) for each in standing] == [ast.dump(statement)]:
        return [_moved(line, shift) for line in whole]
    # A block that the text has not begins otherwise.
    opens = whole[0].lstrip().startswith(("for ", "if ", "while "))
    if isinstance(statement, ast.For | ast.If | ast.While) and opens and not statement.orelse:
        heads = [with_parts(each, body=[]) for each in (*standing, statement)]
        changed = ast.dump(heads[0]) != ast.dump(heads[-1])
        made = [" " * indent + ast.unparse(heads[-1]) if changed else _moved(whole[0], shift)]
        deeper = (part.col_offset for part in statement.body)
        inner = min((at for at in deeper if at > statement.col_offset), default=indent + 4)
        for before, part in pairwise([statement, *statement.body]):
            between = lines[before.end_lineno or 0 : part.lineno - 1]
            if all(not each.strip() or each.lstrip()[0] == "#" for each in between):
                made += [_moved(each, shift) for each in between]
            made += _lines(lines, part, inner + shift)
        return made
    text = ast.unparse(statement).split("\n")
    return [" " * indent + line for line in text]


def _moved(line: str, shift: int) -> str:
    """Return a line whose indent is larger by ``shift`` columns, or smaller if that is negative."""
    if shift >= 0:
        return " " * shift + line if line.strip() else line
    return line[-shift:] if not line[:-shift].strip() else line.lstrip()


def _read(source: str) -> ast.Module:
    """Parse a text; return a module without statements if it cannot be parsed."""
    try:
        return parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])
