"""Tell what is in no formula and is no mistake, and read a text without it.

Many add 1e-8 to what they take the logarithm of, to keep it finite. What is right without it is
right: the rest of the text is judged, and searched, as if it were not there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from gradkit.submission.source import parse

LARGEST = 1e-6
"""What is as small and stands in a text as a number is there to keep something finite."""


def unguarded(source: str) -> tuple[str, Mapping[str, str]]:
    """Return a text with next to nothing in the place of its guards, and what stands for each.

    Parameters
    ----------
    source : str

    Returns
    -------
    tuple of str and mapping of str to str
        The text itself, and nothing, where it has no guards.
    """
    lines = source.split("\n")
    guards: dict[str, str] = {}
    names = (name for name in NOTHING if name not in source)
    # From the end, as what comes after a guard is elsewhere then.
    for node in sorted(_numbers(source), key=lambda node: -node.col_offset):
        line = lines[node.lineno - 1].encode()
        text = line[node.col_offset : node.end_col_offset].decode()
        if text in guards or (name := next(names, "")):
            guards.setdefault(text, name)
            changed = line[: node.col_offset] + guards[text].encode() + line[node.end_col_offset :]
            lines[node.lineno - 1] = changed.decode()
    return "\n".join(lines), {name: text for text, name in guards.items()}


NOTHING = [f"1.{number}e-300" for number in range(101, 200) if number % 10]
"""Numbers that are written as Python itself writes them, whoever else does."""


SINGLE, DOUBLE = "float32", "float64"


def widened(source: str) -> str:
    """Return a text with float64 where it names the type float32.

    Values that were rounded to single precision on the way look wrong in an output of double
    precision. Only types are replaced: names, attributes, and texts that a call is given. Any other
    text stays, as in ``if mode == "float32"``: the result would be another program.
    """
    lines = source.split("\n")
    for line, end in sorted(_ends_of_single(source), reverse=True):
        text = lines[line - 1].encode()
        head, tail = text[: end - len(SINGLE)], text[end:]
        if text[end - len(SINGLE) : end] == SINGLE.encode():
            lines[line - 1] = (head + DOUBLE.encode() + tail).decode()
    return "\n".join(lines)


def _ends_of_single(source: str) -> Iterator[tuple[int, int]]:
    """Yield line and column behind each ``float32`` that names a type."""
    tree = parse(source).tree if SINGLE in source else None
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Call):
            for given in (*node.args, *(each.value for each in node.keywords)):
                if isinstance(given, ast.Constant) and given.value == SINGLE:
                    # The quote stands between.
                    yield given.end_lineno or given.lineno, (given.end_col_offset or 0) - 1
        names = (getattr(node, kind, None) for kind in ("id", "attr"))
        if isinstance(node, ast.Name | ast.Attribute) and SINGLE in names:
            yield node.end_lineno or node.lineno, node.end_col_offset or 0
        elif isinstance(node, ast.alias) and node.name.endswith(SINGLE):
            yield node.lineno, node.col_offset + len(node.name.encode())


def guarded(text: str, guards: Mapping[str, str]) -> str:
    """Return a text with its guards, where `unguarded` has taken them out."""
    for name, guard in guards.items():
        text = text.replace(name, guard)
    return text


def _numbers(source: str) -> Iterator[ast.Constant]:
    """Yield the guards of a text."""
    tree = parse(source).tree
    for node in ast.walk(tree) if tree is not None else ():
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(node, ast.Constant) and type(value) is float and 0 < value <= LARGEST:
            yield node
