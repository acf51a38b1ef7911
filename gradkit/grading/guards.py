"""Take tiny constants and single precision out of a text before it is judged and searched.

Many students add 1e-8 inside a logarithm, to keep it finite. That is in no formula, and it is no
mistake. Without these guards, outputs agree with the expected values to full precision.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from gradkit.submission.source import parse

MAX_GUARD = 1e-6
"""Largest number that counts as a guard, which only keeps a value finite."""


def unguarded(source: str) -> tuple[str, Mapping[str, str]]:
    """Replace the guards of a text by placeholders, which are numbers close to 0.

    Guards are small positive constants, such as ``1e-8`` against a division by 0.

    Parameters
    ----------
    source : str
        The text of a cell.

    Returns
    -------
    text : str
    guards : mapping of str to str
        The guard that each placeholder stands for; equal guards have one. Empty if there are no
        guards. A guard stays if no placeholder is left for it.
    """
    lines = source.split("\n")
    placeholders: dict[str, str] = {}
    unused = (name for name in PLACEHOLDERS if name not in source)
    # From the end of a line, because a replacement moves all that comes after it.
    for node in sorted(_guards_in(source), key=lambda node: -node.col_offset):
        line = lines[node.lineno - 1].encode()
        text = line[node.col_offset : node.end_col_offset].decode()
        if text in placeholders or (name := next(unused, "")):
            number = placeholders.setdefault(text, name)
            changed = line[: node.col_offset] + number.encode() + line[node.end_col_offset :]
            lines[node.lineno - 1] = changed.decode()
    return "\n".join(lines), {name: text for text, name in placeholders.items()}


PLACEHOLDERS = [f"1.{number}e-300" for number in range(101, 200) if number % 10]
"""Numbers that stand for guards, as Python writes them, so that `ast.unparse` keeps them."""


SINGLE, DOUBLE = "float32", "float64"
"""Names of the floating-point types of 32 and 64 bits."""


def widened(source: str) -> str:
    """Return a text with float64 wherever it names the type float32.

    Values that were rounded to single precision on the way look wrong in an output of double
    precision. ``source`` is the text of a cell. Names, attributes, and texts that are arguments of
    a call are replaced. Any other text stays, as in ``if mode == "float32"``: the result would be
    another program.
    """
    lines = source.split("\n")
    for line, end in sorted(_ends_of_single(source), reverse=True):
        text = lines[line - 1].encode()
        head, tail = text[: end - len(SINGLE)], text[end:]
        if text[end - len(SINGLE) : end] == SINGLE.encode():
            lines[line - 1] = (head + DOUBLE.encode() + tail).decode()
    return "\n".join(lines)


def _ends_of_single(source: str) -> Iterator[tuple[int, int]]:
    """Yield the line and the end column (in bytes) of each ``float32`` that names a type.

    ``source`` is the text of a cell.
    """
    tree = parse(source).tree if SINGLE in source else None
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Call):
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                if isinstance(argument, ast.Constant) and argument.value == SINGLE:
                    # The column of the closing quote, which is one before the end.
                    yield argument.end_lineno or argument.lineno, (argument.end_col_offset or 0) - 1
        names = (getattr(node, field, None) for field in ("id", "attr"))
        if isinstance(node, ast.Name | ast.Attribute) and SINGLE in names:
            yield node.end_lineno or node.lineno, node.end_col_offset or 0
        elif isinstance(node, ast.alias) and node.name.endswith(SINGLE):
            yield node.lineno, node.col_offset + len(node.name.encode())


def guarded(text: str, guards: Mapping[str, str]) -> str:
    """Replace the placeholders in a text by the guards that `unguarded` took out."""
    for placeholder, guard in guards.items():
        text = text.replace(placeholder, guard)
    return text


def _guards_in(source: str) -> Iterator[ast.Constant]:
    """Yield the syntax nodes of the guards in a text: floats above 0, and at most `MAX_GUARD`."""
    tree = parse(source).tree
    for node in ast.walk(tree) if tree is not None else ():
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(node, ast.Constant) and type(value) is float and 0 < value <= MAX_GUARD:
            yield node
