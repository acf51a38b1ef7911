"""Test Anything Protocol, version 13: a test point for each check, for any TAP consumer.

A check that passed is ``ok``, any other ``not ok``; one that is neither right nor wrong is
``ok`` with a ``SKIP`` directive, as its points are left out. What is said of a check follows it
as comments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradkit.language import say
from gradkit.records.result import Result
from gradkit.records.verdict import OPEN
from gradkit.report.plain_text import ENDLESS, check_text, head_text, refusal_text, title_text
from gradkit.report.rounding import CENT, points, round_points
from gradkit.report.words import word

VERSION = "TAP version 13"


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """All checks of all submissions, numbered from 1."""
    lines, count = [VERSION], 0
    for result in results:
        lines += _comments(f"{title_text(result)}\n{head_text(result)}")
        for task in result.tasks:
            for check, cents in zip(task.checks, round_points(task), strict=True):
                count += 1
                ok = "ok" if check.state in ("pass", *OPEN) else "not ok"
                worth = f"{points(cents / CENT)} / {points(check.max_score)}"
                skip = f" # SKIP {word(check.state)}" if check.state in OPEN else ""
                lines.append(f"{ok} {count} - {task.task} {check.check} ({worth}){skip}")
                lines += _comments(check_text(task, check, hints, ENDLESS))
    return "\n".join([*lines, f"1..{count}", ""])


def refusal(sentences: Sequence[str]) -> str:
    """A test point that failed for each submission that could not be graded."""
    lines = [VERSION, f"1..{len(sentences)}"]
    for number, sentence in enumerate(sentences, 1):
        lines.append(f"not ok {number} - {say('read the submission')}")
        lines += _comments(refusal_text(sentence))
    return "\n".join([*lines, ""])


def _comments(text: str) -> Iterator[str]:
    return (f"# {line}".rstrip() for line in text.splitlines())
