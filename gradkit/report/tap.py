"""Test Anything Protocol, version 13: a test point for each check, for any TAP consumer.

A check that passed is ``ok``, any other ``not ok``; one that is neither right nor wrong is
``ok`` with a ``SKIP`` directive, as its points are left out. What is said of a check follows it
as comments.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradkit.language import say
from gradkit.records.result import Result
from gradkit.report.document import document
from gradkit.report.plain_text import TOOLS, refusal_text

VERSION = "TAP version 13"


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """All checks of all submissions, numbered from 1."""
    return document("tap.txt", results=results, hints=hints, comments=_comments, **TOOLS)


def refusal(sentences: Sequence[str]) -> str:
    """A test point that failed for each submission that could not be graded."""
    lines = [VERSION, f"1..{len(sentences)}"]
    for number, sentence in enumerate(sentences, 1):
        lines.append(f"not ok {number} - {say('read the submission')}")
        lines.append(_comments(refusal_text(sentence)))
    return "\n".join([*lines, ""])


def _comments(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.splitlines())
