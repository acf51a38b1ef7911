"""Results as GitHub's Markdown: a table of checks for each task, what is said as code.

Nothing that a student wrote stands outside of code, where Markdown means nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from gradkit.language import say
from gradkit.records.result import CheckResult, Result, TaskResult
from gradkit.report.escape import code_block, code_span
from gradkit.report.plain_text import ROOM, check_text, fit, head_text, refusal_text, shorten, total
from gradkit.report.rounding import CENT, points, round_points
from gradkit.report.words import SIGNS, word


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """A section for each submission, and a table of totals where there are several."""
    parts = [_section(result, hints, ROOM) for result in results]
    if many or len(results) > 1:
        parts.append(_totals(results))
    return "\n".join(parts)


def refusal(sentences: Sequence[str]) -> str:
    """Write why nothing could be graded."""
    return "".join(f"{code_block(refusal_text(sentence))}\n" for sentence in sentences)


def summary(results: Sequence[Result], hints: int, limit: int) -> str:
    """Render within ``limit`` bytes: less of each text, then fewer submissions, and a note."""
    kept: list[str] = []
    used = 0
    for number, result in enumerate(results):
        section = fit(partial(_section, result, hints), limit - used)
        left = len(results) - number
        note = say("\n{left} more left out here: the platform takes no more.\n", left=left)
        used += len(section.encode())
        if used + len(note) > limit:
            return "\n".join(kept) + note if kept or len(note) <= limit else ""
        kept.append(section)
        used += 1
    return "\n".join(kept)


def _section(result: Result, hints: int, room: int) -> str:
    lines = [f"## {code_span(result.submission)} {total(result)}", ""]
    lines += [code_block(shorten(head_text(result), room)), ""]
    for task in result.tasks:
        lines += _task(task, hints, room)
    return "\n".join(lines)


def _task(task: TaskResult, hints: int, room: int) -> list[str]:
    lines = [
        f"### {code_span(task.title)} {points(task.score)} / {points(task.max_score)}",
        "",
        f"| | {say('check')} | {say('points')} | |",
        "|---|---|---|---|",
        *(_row(check, cents) for check, cents in zip(task.checks, round_points(task), strict=True)),
        "",
    ]
    for check in task.checks:
        said = shorten(check_text(task, check, hints), room)
        if said:
            lines += [f"**{check.check}**", "", code_block(said), ""]
    return lines


def _row(check: CheckResult, cents: int) -> str:
    sign, _ = SIGNS[check.state]
    worth = f"{points(cents / CENT)} / {points(check.max_score)}" if check.max_score else ""
    return f"| {sign} | {check.check} | {worth} | {word(check.state)} |"


def _totals(results: Sequence[Result]) -> str:
    rows = (f"| {code_span(result.submission)} | {total(result)} |\n" for result in results)
    return f"| {say('submission')} | {say('points')} |\n|---|---|\n" + "".join(rows)
