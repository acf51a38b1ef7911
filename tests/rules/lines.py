"""Find the lines of a mistake in a generated update, from its text.

Where the text with a mistake differs from the text without it, there the mistake stands.
"""

from __future__ import annotations

from difflib import SequenceMatcher

from rules.generate import write

from gradkit.records.task import Task

NOWHERE = ("not-updated", "nothing-updated")
"""Mistakes without a line of their own: something was left out."""


def differing(codes: frozenset[str], code: str, task: Task, style: str) -> set[int]:
    """Return the lines, from 1, that differ because of one of the mistakes."""
    without, with_it = (write(which, task, style).split("\n") for which in (codes - {code}, codes))
    changes = SequenceMatcher(None, without, with_it, autojunk=False).get_opcodes()
    return {line + 1 for tag, _, _, a, b in changes if tag != "equal" for line in range(a, b)}


def stands_at(code: str, line: int, codes: frozenset[str], task: Task, style: str) -> bool:
    """Return whether one of several mistakes can be seen in a line, from 1."""
    lines = dict(enumerate(write(codes, task, style).split("\n"), 1))
    if code in NOWHERE:
        return line in lines
    if code == "updated-before-use":
        # Two blocks have changed places: what uses W2 comes after the line that changed it.
        changed = [n for n, text in lines.items() if text.strip().startswith("parameters['W2']")]
        return min(changed) < line
    right = differing(codes, code, task, style)
    if style != "scalar" and code == "wrong-factor":
        # Missing from every step, the factor could also have been given to the error.
        right |= {n for n, text in lines.items() if "dZ2 =" in text}
    if style != "scalar" and code == "wrong-index":
        # The generator overwrites X; what is wrong is told where X is used.
        right |= {n for n, text in lines.items() if "dW1 =" in text}
    return line in right
