"""A student's page, the format ``html``, and what a notebook shows.

A page is a single file that asks nobody for anything. It is made from the documented data of a
result, already cut to the hint level, so that it cannot hold more than that. Of several
submissions there is one of the class, which holds all of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import to_builtins

from gradkit.records.reports import Changes
from gradkit.records.result import Result, TaskResult
from gradkit.records.submission import Place
from gradkit.report.data import RULE_LEVEL, to_data, visible
from gradkit.report.document import document
from gradkit.report.html.class_page import class_page, to_row
from gradkit.report.html.drawings import courses, heat_map, picture
from gradkit.report.html.formulas import rules
from gradkit.report.words import adjustment_text, count_text, doubtful, given_for, mending, state_of
from gradkit.text import clean_data, clean_text

Data = dict[str, Any]

ROWS = 60
"""Entries of a check that are listed; the rest are counted."""

LONGEST = 40_000
"""Bytes that any one text may have."""


def student_page(result: Result, hints: int, changes: Changes | None = None) -> str:
    """The page of one submission.

    Parameters
    ----------
    result : Result
    hints : int
        From 1 to 4; what is above that level is nowhere in the page.
    changes : Changes, optional
        What the student did not know, which is then said first.

    Returns
    -------
    str
        A whole HTML document, to be written as UTF-8.
    """
    told = None if changes is None else clean_data(to_builtins(changes), LONGEST)
    return document("student.html", report=report(result, hints, "r"), changes=told)


def report(result: Result, hints: int, name: str) -> Data:
    """Collect what a page says of one submission, cleaned and typeset.

    Returns
    -------
    dict
        The data of the result. ``name`` sets the identifiers of this submission apart from others
        on the same page, and each task and check has its own. A finding has its ``number`` on the
        page, its ``marked`` places, its line around the ``doubtful`` part and its ``rules``; a
        check its ``findings`` and all there is to show of it (see `_check`); a task the ``remarks``
        that are about all of it.
    """
    data = clean_data(to_data(result, hints), LONGEST)
    for number, (task, told) in enumerate(zip(result.tasks, data["tasks"], strict=True), 1):
        _task(f"{name}-{number}", task, told, hints)
        line = given_for(result, task)
        said = "" if line is None else clean_text(adjustment_text(line))
        told["given"] = line and {"score": line.score, "said": said}
    scored = not result.refused or bool(result.tasks or result.adjustments)
    return {**data, "name": name, "counted": count_text(result), "scored": scored}


def _task(name: str, task: TaskResult, data: Data, hints: int) -> None:
    """Add to the data of a task what its page shows besides."""
    findings = zip(visible(task, hints), data["findings"], strict=True)
    for number, (finding, told) in enumerate(findings, 1):
        told |= {"number": number, "marked": _places(told), "rules": [*rules(finding, hints)]}
        told["doubtful"] = doubtful(finding) if hints >= RULE_LEVEL else ("", "", "")
        told["mending"] = mending(finding)
    for number, (record, check) in enumerate(zip(task.checks, data["checks"], strict=True), 1):
        check.update(_check(f"{name}-{number}", check, data), shown=state_of(record))
    # That it was not handed in is said of all its checks, and shown once.
    for check in data["checks"][1:] if task.absent else ():
        check["told"] = False
    data |= {"name": name, "remarks": [told for told in data["findings"] if not told["check"]]}


def _places(finding: Data) -> list[Place]:
    """Give the places of a finding, as far as the level shows them."""
    own = [finding] if finding.get("line") is not None else []
    return [_place(each) for each in finding.get("places") or own]


def _place(data: Data) -> Place:
    return Place(data["file"], data["cell"], data["line"])


def _check(name: str, check: Data, task: Data) -> Data:
    """Return what a page shows of a check besides its data.

    ``listed`` are the entries in its table, the wrong ones first. ``told`` is False where its line
    in the table of checks says all.
    """
    own = [told for told in task["findings"] if told["check"] == check["check"]]
    marks = [(place, told["number"]) for told in own for place in told["marked"]]
    place = None if check["place"] is None else _place(check["place"])
    told_elsewhere = own or check["follows"] or check["state"] in ("pass", "blocked")
    if place is not None and not told_elsewhere:
        marks = [(place, 0)]
    entries = sorted(check["entries"], key=lambda entry: entry["state"] == "pass")
    told = check["state"] != "pass" or check["courses"] or check["notes"] or check["decision"]
    return {
        "name": name,
        "place": place,
        "findings": own,
        "told": bool(told),
        "codes": shown(task["listings"], marks),
        "drawn": list(courses(check, name)),
        "heat": heat_map(check, name),
        "listed": entries[:ROWS],
    }


def shown(listings: Iterable[Data], marks: Iterable[tuple[Place, int]]) -> list[Data]:
    """The listings that hold a marked place, in their order.

    Parameters
    ----------
    listings
        Of the data of a result.
    marks
        Places, each with the number of the finding that points there; 0 is a check's own.

    Returns
    -------
    list of dict
        File, cell and lines: the number of each, HTML that is safe to print, and the numbers of
        the findings that point at it.
    """
    found: dict[Place, list[int]] = {}
    for place, finding in dict.fromkeys(marks):
        found.setdefault(place, []).append(finding)
    codes = []
    for listing in listings:
        file, cell = listing["file"], listing["cell"]
        lines = [
            {"number": n, "html": text, "findings": found.get(Place(file, cell, n), [])}
            for n, text in enumerate(_coloured(listing["source"]), listing["first_line"])
        ]
        if any(line["findings"] for line in lines):
            codes.append({"file": file, "cell": cell, "lines": lines})
    return codes


def _coloured(source: str) -> list[str]:
    """Each line as HTML, in which all that is the student's is escaped."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    lexer = PythonLexer(stripnl=False, ensurenl=False)
    html: str = highlight(source, lexer, HtmlFormatter(nowrap=True))
    lines = html.split("\n")
    return lines[: source.count("\n") + 1]


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """A whole HTML document."""
    if len(results) == 1 and not many:
        return student_page(results[0], hints)
    names = [f"s{number}" for number in range(1, 1 + len(results))]
    rows = [to_row(r, hints, f"#{name}") for r, name in zip(results, names, strict=True)]
    reports = [report(r, hints, name) for r, name in zip(results, names, strict=True)]
    title = f"{len(results)} submission{'s' if len(results) != 1 else ''}"
    return class_page(rows, title, reports)


def refusal(sentences: Sequence[str]) -> str:
    """A page that says why nothing could be graded."""
    return document("refused.html", sentences=[clean_text(sentence) for sentence in sentences])


def fragment(
    title: str, result: Result | None, hints: int, refusal: str = "", notes: Sequence[str] = ()
) -> str:
    """Write one check as a piece of HTML for a notebook's output.

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
    """
    data = {"tasks": []} if result is None else clean_data(to_data(result, hints), LONGEST)
    checks = [check for task in data["tasks"] for check in task["checks"]]
    plots = [(picture(plot), plot.caption) for check in checks for plot in courses(check, "run")]
    values = {"title": title, "result": result, "hints": hints, "refusal": refusal}
    return document("fragment.html", notes=notes, plots=plots, mending=mending, **values)
