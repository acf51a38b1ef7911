"""A result as a piece of HTML for a notebook's output: no script, no style sheet, no link.

Colours are the surroundings' own, so that it reads in light and in dark. All that students
wrote is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from gradkit.language import phrase, say
from gradkit.records.finding import UNEXPLAINED, Finding
from gradkit.records.result import CheckResult, Result, TaskResult
from gradkit.report.data import EXPECTED_LEVEL, RULE_LEVEL, TITLE_LEVEL
from gradkit.report.formula import pieces
from gradkit.report.rounding import points
from gradkit.report.text import FORMULAS, MARKS, or_else
from gradkit.report.words import override_text, word
from gradkit.text import clean_text, where

GAP = ' style="margin-top:8px"'
CELL = ' style="text-align:left;vertical-align:top;padding:2px 12px 2px 0"'
WHOLE = CELL.replace(":top;", ":top;white-space:nowrap;")
"""Of a cell that is not broken into lines."""
PROVISIONAL = phrase(
    "Provisional: expected values are derived from the task itself. Your instructor's grade is "
    "final."
)


def fragment(
    title: str,
    result: Result | None,
    hints: int,
    refusal: str = "",
    notes: Sequence[str] = (),
    picture: str = "",
) -> str:
    """The HTML of one check in a notebook.

    Parameters
    ----------
    title : str
        The task's.
    result : Result or None
    hints : int
        How much is shown, 1 to 4.
    refusal : str
        What is said where there is no result.
    notes : sequence of str
    picture : str
        HTML that is put in as it is, below the table.
    """
    parts: list[str] = []
    if result is None:
        parts.append(
            f"<p><strong>{_text(say('{title}: not checked.', title=title))}</strong> "
            f"{_text(refusal)}</p>"
        )
    else:
        for task in result.tasks:
            parts += _task(task, hints)
        parts.append(picture)
        parts += (f"<p>{_prose(problem.message)}</p>" for problem in result.problems)
        told = say("seed {seed}. {provisional}", seed=result.seed, provisional=say(PROVISIONAL))
        parts.append(f"<p><small>{escape(told, quote=False)}</small></p>")
    parts += (f"<p><small>{_prose(note)}</small></p>" for note in notes)
    label = escape(f"gradkit: {title}", quote=True)
    return f'<section aria-label="{label}">{"".join(parts)}</section>'


def _task(task: TaskResult, hints: int) -> Iterator[str]:
    score = say(
        "{score} of {max_score} points",
        score=points(task.score),
        max_score=points(task.max_score),
    )
    yield f"<table><caption{CELL}><strong>{_text(task.title)}</strong>: {_text(score)}</caption>"
    named = (say("check"), say("state"), say("points"), "")
    heads = "".join(f'<th scope="col"{CELL}>{_text(head)}</th>' for head in named)
    yield f"<thead><tr>{heads}</tr></thead><tbody>"
    for check in task.checks:
        findings = [finding for finding in task.findings if finding.check == check.check]
        yield _row(check, findings, hints)
    yield "</tbody></table>"
    yield from (f"<p>{_prose(note)}</p>" for note in task.notes)


def _row(check: CheckResult, findings: Sequence[Finding], hints: int) -> str:
    # The sign is for the eye alone; the word beside it says the same.
    sign = f'<span aria-hidden="true">{MARKS[check.state][0]}</span> {_text(word(check.state))}'
    worth = f"{points(check.score)} / {points(check.max_score)}" if check.max_score else "–"
    cells = [f'<th scope="row"{CELL}>{check.check}</th>']
    cells += (f"<td{WHOLE}>{cell}</td>" for cell in (sign, worth))
    cells.append(f"<td{CELL}>{''.join(_said(check, findings, hints))}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _said(check: CheckResult, findings: Sequence[Finding], hints: int) -> Iterator[str]:
    if check.decision is not None:
        yield f"<div><strong>{_text(override_text(check))}</strong></div>"
    if check.follows:
        told = ", ".join(check.follows) if hints >= TITLE_LEVEL else say("what is found above")
        said = say("Follows from {told}: nothing more is deducted.", told=told)
        yield f"<div>{_text(said)}</div>"
    elif check.message:
        yield f"<div>{_prose(check.message)}</div>"
    if check.state != "pass" and check.place is not None and not findings:
        yield f"<div>{_prose(say('See {place}.', place=where(check.place)))}</div>"
    for finding in findings:
        yield from _finding(finding, hints) if hints >= TITLE_LEVEL else _first_hint(finding)
    yield from (f"<div><small>{_prose(note)}</small></div>" for note in check.notes)


def _first_hint(finding: Finding) -> Iterator[str]:
    yield from (f"<div>{_prose(hint)}</div>" for hint in finding.hints[:1])


def _finding(finding: Finding, hints: int) -> Iterator[str]:
    about = f": {', '.join(finding.entries)}" if finding.entries else ""
    cost = f" (−{points(finding.deduction)})" if finding.deduction else ""
    yield f"<div{GAP}><strong>{_text(finding.title)}</strong>{_text(about)}{cost}</div>"
    yield f"<div>{_prose(finding.sentence)}</div>"
    if finding.place is not None and hints >= RULE_LEVEL:
        line = f"<br><code>{_text(finding.source)}</code>" if finding.source else ""
        yield f"<div>{_prose(say('In {place}:', place=where(finding.place)))}{line}</div>"
    if finding.applies and hints >= RULE_LEVEL:
        yield f"<ul>{''.join(_formulas(finding, hints))}</ul>"
    if len(finding.applies) > FORMULAS and hints >= RULE_LEVEL:
        more = say("and {count} more of the kind", count=len(finding.applies) - FORMULAS)
        yield f"<div>{_text(more)}</div>"
    hinted = "".join(f"<li>{_prose(hint)}</li>" for hint in finding.hints[1:hints])
    if hinted:
        yield f"<details><summary>{_text(say('Hints'))}</summary><ul>{hinted}</ul></details>"
    yield from (f"<div>{_text(other)}</div>" for other in or_else(finding))
    if finding.mistake != UNEXPLAINED:
        more = _text(say("More:"))
        yield f"<div>{more} <code>!gradkit explain {_text(finding.mistake)}</code></div>"


def _formulas(finding: Finding, hints: int) -> Iterator[str]:
    for entry in list(finding.applies)[:FORMULAS]:
        applied, right = finding.applies[entry], finding.should.get(entry, "")
        if applied == "not moved":
            said = _text(say("does not move"))
        else:
            verb = _text(say("becomes") if applied.startswith("= ") else say("moves by"))
            said = f"{verb} <code>{_marked(applied.removeprefix('= '), right)}</code>"
        if hints >= EXPECTED_LEVEL and right:
            said += f"{_text(say('; should move'))} <code>{_text(right)}</code>"
        yield f"<li><code>{_text(entry)}</code> {said}</li>"


def _marked(applied: str, right: str) -> str:
    """The applied formula; all that the right one has not is strong and in brackets."""
    return "".join(
        f"<strong>‹{_text(part)}›</strong>" if strange else _text(part)
        for part, strange in pieces(applied, right)
    )


def _text(text: str) -> str:
    return escape(clean_text(text), quote=True)


def _prose(text: str) -> str:
    """A sentence in which what stands between backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", _text(text))
