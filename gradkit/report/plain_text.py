"""What is said of a check or a finding, as plain text for platforms to show in their own frame.

Wherever it is printed on the way, no line of it is a command to a build's runner.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

from gradkit.language import say
from gradkit.records.finding import Finding
from gradkit.records.result import CheckResult, Result, TaskResult
from gradkit.report.escape import log_text
from gradkit.report.rounding import points
from gradkit.report.text import Line, check_head, check_lines, finding_lines
from gradkit.text import clean_text, where

WIDTH = 100
"""Characters in a line where a platform does not wrap lines itself."""

ENDLESS = 2_000
"""For platforms that do."""

TEXT_BYTES = 64 << 10
"""Far more than a check says."""


def check_said(
    task: TaskResult, check: CheckResult, hints: int, width: int = WIDTH, *, headed: bool = False
) -> str:
    """Everything about a check, without a last newline.

    Its points are left out, and it is often empty, unless it is ``headed`` by the line that
    stands for the check in a mark sheet.
    """
    findings = [finding for finding in task.findings if finding.check == check.check]
    lines = check_lines(check, findings, hints)
    if headed:
        below = ((line, indent + 2) for line, indent in lines)
        return log_text(_plain([(check_head(check), 0), *below], width))
    seen = check.state != "pass" and check.place is not None and not findings
    place = (
        say("See {place}.\n", place=clean_text(where(check.place))) if seen and check.place else ""
    )
    return log_text(place + _plain(lines, width))


def finding_said(finding: Finding, hints: int, width: int = WIDTH) -> str:
    """One finding, without a last newline."""
    return log_text(_plain(finding_lines(finding, hints), width))


def title_said(result: Result) -> str:
    """Whose it is, and the total."""
    return log_text(
        say("{name}: {total} points", name=clean_text(result.submission), total=total(result))
    )


def head_said(result: Result) -> str:
    """What holds for the whole submission but its total: remarks on files, how it was judged."""
    lines = [clean_text(problem.message) for problem in result.problems]
    for task in result.tasks:
        if task.checkable < task.max_score:
            amount = say(
                "{checkable} of {max_score}",
                checkable=points(task.checkable),
                max_score=points(task.max_score),
            )
            lines.append(
                say("{title}: {amount} points could be checked.", title=task.title, amount=amount)
            )
        lines += [f"{task.title}: {clean_text(note)}" for note in task.notes]
    if result.form == "published":
        lines.append(say("Held against the published form."))
    if result.provisional:
        lines.append(say("These marks are provisional: the instructor's grade is final."))
    lines.append(say("seed {seed}", seed=result.seed))
    return log_text("\n".join(lines))


def refusal_said(sentence: str) -> str:
    """Why a submission could not be graded; the sentence names files as students call them."""
    return log_text(clean_text(sentence))


def total(result: Result) -> str:
    """The score of all tasks: ``17.25 / 20``."""
    return f"{points(result.score)} / {points(result.max_score)}"


def _plain(lines: Iterable[Line], width: int) -> str:
    from rich.console import Console
    from rich.padding import Padding

    buffer = io.StringIO()
    console = Console(
        file=buffer, width=width, color_system=None, legacy_windows=False, force_jupyter=False
    )
    for line, indent in lines:
        console.print(Padding(line, (0, 0, 0, indent), expand=False))
    text = "\n".join(line.rstrip() for line in buffer.getvalue().split("\n"))
    return clean_text(text, TEXT_BYTES).strip("\n")
