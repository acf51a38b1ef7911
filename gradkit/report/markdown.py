"""Write results as GitHub's Markdown: a table of checks for each task, and texts as code.

All text of students is written as code, in which Markdown has no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from gradkit.records.result import Result
from gradkit.report.data import code_block, code_span
from gradkit.report.document import document
from gradkit.report.plain_text import ROOM, TOOLS, fit, refusal_text, total
from gradkit.text import format_text


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """Write a section for each submission, and a table of totals if there are several."""
    parts = [_section(result, hints, ROOM) for result in results]
    if many or len(results) > 1:
        parts.append(_totals(results))
    return "\n".join(parts)


def refusal(sentences: Sequence[str]) -> str:
    """Write the reasons if nothing could be graded."""
    return "".join(f"{code_block(refusal_text(sentence))}\n" for sentence in sentences)


def summary(results: Sequence[Result], hints: int, limit: int) -> str:
    """Write the results as Markdown, a section for each submission, within ``limit`` bytes.

    ``hints`` is the hint level: how much of a finding is shown. Texts are shortened first. Then
    submissions are left out, and a note counts them.
    """
    kept: list[str] = []
    used = 0
    for number, result in enumerate(results):
        section = fit(partial(_section, result, hints), limit - used)
        left = len(results) - number
        note = format_text(
            ("\n{left} more are left out: the platform takes no more text.\n"), left=left
        )
        used += len(section.encode())
        if used + len(note) > limit:
            return "\n".join(kept) + note if kept or len(note) <= limit else ""
        kept.append(section)
        used += 1
    return "\n".join(kept)


def _section(result: Result, hints: int, room: int) -> str:
    values = {"result": result, "hints": hints, "room": room}
    tools = {**TOOLS, "code_span": code_span, "code_block": code_block}
    return document("section.md", **values, **tools)


def _totals(results: Sequence[Result]) -> str:
    rows = (f"| {code_span(result.submission)} | {total(result)} |\n" for result in results)
    return f"| {'submission'} | {'points'} |\n|---|---|\n" + "".join(rows)
