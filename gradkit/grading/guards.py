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


def widened(source: str) -> str:
    """Return a text that computes in double precision, whatever it says.

    A part in single precision is right to that, which nobody sees of an output that is double.
    """
    return source.replace("float32", "float64")


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
