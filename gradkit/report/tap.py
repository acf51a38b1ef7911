"""Test Anything Protocol, version 13: a test point for each check, for any TAP consumer.

A check that passed is ``ok``, any other ``not ok``; one that is neither right nor wrong is
``ok`` with a ``SKIP`` directive, as its points are left out. What is said of a check follows it
as comments.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradkit.records.result import Result
from gradkit.report.document import document
from gradkit.report.plain_text import TOOLS, refusal_text


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """All checks of all submissions, numbered from 1."""
    return document("tap.txt", results=results, hints=hints, comments=_comments, **TOOLS)


def refusal(sentences: Sequence[str]) -> str:
    """A test point that failed for each submission that could not be graded."""
    told = [refusal_text(each) for each in sentences]
    return document("tap_refused.txt", sentences=told, comments=_comments)


def _comments(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.splitlines())
