"""A student's page, the format ``html``, and what a notebook shows.

A page is a single file that asks nobody for anything. It is made from the documented data of a
result, already cut to the hint level, so that it cannot hold more than that. Of several
submissions there is one of the class, which holds all of theirs. The rules of a finding are typeset
as MathML, with what differs marked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from msgspec import to_builtins

from gradkit.records.reports import Changes
from gradkit.records.result import Finding, Result, TaskResult
from gradkit.records.submission import Place
from gradkit.report import words
from gradkit.report.data import EXPECTED_LEVEL, RULE_LEVEL, to_data, to_row, visible
from gradkit.report.document import document
from gradkit.report.html.class_page import class_page
from gradkit.report.html.drawings import courses, heat_map, picture
from gradkit.text import clean_data, clean_text

Data = dict[str, Any]

ROWS = 60
"""Entries of a check that are listed; the rest are counted."""

LONGEST = 40_000
"""Bytes that any one text may have."""


def student_page(result: Result, hints: int, changes: Changes | None = None) -> str:
    """Render the page of one submission.

    Parameters
    ----------
    result : Result
    hints : int
        The hint level, from 1 to 4; the page contains nothing above it.
    changes : Changes, optional
        Changes since the student's last page, shown first.

    Returns
    -------
    str
        A whole HTML document, to be written as UTF-8.
    """
    told = None if changes is None else clean_data(to_builtins(changes), LONGEST)
    return document("student.html", report=report(result, hints, "r"), changes=told)


def report(result: Result, hints: int, name: str) -> Data:
    """Collect the data of a submission's page, cleaned and typeset.

    Parameters
    ----------
    result : Result
        The result of the submission.
    hints : int
        The hint level: how much of a finding is shown, from 0 to `EXPECTED_LEVEL`.
    name : str
        Prefix of the identifiers, which are different for each submission on a page.

    Returns
    -------
    dict
        The data of the result with additional fields, among others: of the result the tasks that
        are ``counted`` and whether it is ``scored``; of a comment the place ``where``; of a task
        the points ``given`` by a person and its ``remarks``; of a check its ``findings`` and the
        fields of `_check`; of a finding its ``number`` on the page, its ``marked`` places, its
        line around the ``doubtful`` part, its ``rules``, ``cost`` and ``mending``.
    """
    data = clean_data(to_data(result, hints), LONGEST)
    titles = {task.task: task.title for task in result.tasks}
    for comment, told in zip(result.comments, data["comments"], strict=True):
        told["where"] = words.comment_place(comment, titles)
    findings = 0
    for number, (task, told) in enumerate(zip(result.tasks, data["tasks"], strict=True), 1):
        _task(f"{name}-{number}", task, told, hints, findings)
        findings += len(told["findings"])
        line = words.given_for(result, task)
        said = "" if line is None else clean_text(words.adjustment_text(line))
        told["given"] = line and {"score": line.score, "said": said}
    scored = not result.refused or bool(result.tasks or result.adjustments)
    return {**data, "name": name, "counted": words.count_text(result), "scored": scored}


def _task(name: str, task: TaskResult, data: Data, hints: int, before: int) -> None:
    """Add to ``data`` what the page shows of a task: numbers of findings, formulas, and checks.

    ``data`` are the plain data of the task; the findings and checks in it are changed too. ``name``
    is the prefix of identifiers, ``hints`` the hint level, and ``before`` the number of findings of
    the tasks before it on the page. If the task was not submitted, only its first check says so.
    """
    findings = zip(visible(task, hints), data["findings"], strict=True)
    for number, (finding, told) in enumerate(findings, before + 1):
        told |= {"number": number, "marked": _places(told), "rules": [*rules(finding, hints)]}
        told["cost"] = words.cost_text(finding)
        told["doubtful"] = words.doubtful(finding) if hints >= RULE_LEVEL else ("", "", "")
        told["mending"] = words.mending(finding)
    for number, (record, check) in enumerate(zip(task.checks, data["checks"], strict=True), 1):
        reason = words.same_reason_text(", ".join(check["follows"]))
        shown_state = words.state_of(record)
        check.update(_check(f"{name}-{number}", check, data), shown=shown_state, reason=reason)
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
    """Return additional data of a check for its page.

    ``check`` and ``task`` are plain data, and ``name`` is the prefix of identifiers. Among others,
    ``listed`` are the entries in the check's table, the wrong ones first; ``told`` is False if the
    line in the table of checks says everything.
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
        "differences": any(entry["estimate"] is not None for entry in entries),
    }


def shown(listings: Iterable[Data], marks: Iterable[tuple[Place, int]]) -> list[Data]:
    """Return the listings that contain a marked place, in their order.

    Parameters
    ----------
    listings
        The ``listings`` of a task, as plain data.
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
            for n, text in enumerate(coloured(listing["source"]), listing["first_line"])
        ]
        if any(line["findings"] for line in lines):
            codes.append({"file": file, "cell": cell, "lines": lines})
    return codes


def coloured(source: str) -> list[str]:
    """Return each line of a source as HTML with syntax colours; the student's text is escaped."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    lexer = PythonLexer(stripnl=False, ensurenl=False)
    html: str = highlight(source, lexer, HtmlFormatter(nowrap=True))
    lines = html.split("\n")
    return lines[: source.count("\n") + 1]


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """Return a whole HTML document: the page of the only result, or a page of all results.

    ``hints`` is the hint level: how much of a finding is shown. With ``many``, a single result is
    also shown as a page of all results.
    """
    if len(results) == 1 and not many:
        return student_page(results[0], hints)
    names = [f"s{number}" for number in range(1, 1 + len(results))]
    rows = [to_row(r, hints, f"#{name}") for r, name in zip(results, names, strict=True)]
    reports = [report(r, hints, name) for r, name in zip(results, names, strict=True)]
    title = f"{len(results)} submission{'s' if len(results) != 1 else ''}"
    return class_page(rows, title, reports)


def refusal(sentences: Sequence[str]) -> str:
    """Render a page that says why nothing could be graded."""
    return document("refused.html", sentences=[clean_text(sentence) for sentence in sentences])


def fragment(
    title: str, result: Result | None, hints: int, refusal: str = "", notes: Sequence[str] = ()
) -> str:
    """Write a task's result as a piece of HTML for a notebook's output, with drawings of the loss.

    Parameters
    ----------
    title : str
        The title of the task.
    result : Result or None
        The result; None if the submission was refused.
    hints : int
        The hint level, from 1 to 4.
    refusal : str
        The message if there is no result.
    notes : sequence of str
        Texts that are shown below.
    """
    data = {"tasks": []} if result is None else clean_data(to_data(result, hints), LONGEST)
    checks = [check for task in data["tasks"] for check in task["checks"]]
    plots = [(picture(plot), plot.caption) for check in checks for plot in courses(check, "run")]
    values = {"title": title, "result": result, "hints": hints, "refusal": refusal}
    tools = {"mending": words.mending}
    return document("fragment.html", notes=notes, plots=plots, **tools, **values)


# --- the rules of a finding, as MathML --------------------------------------------------------

_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
    r"|(?P<sum>Σ[ᵢⱼₖ]+)"
    r"|(?P<power>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
    r"|(?P<name>[^\W\d](?:(?![⁰¹²³⁴⁵⁶⁷⁸⁹])\w)*)"
    r"|(?P<other>\S)"
)
_PLAIN = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹ᵢⱼₖ", "−0123456789ijk")
TIGHT = {"form": "prefix", "stretchy": "false", "lspace": "0", "rspace": "0"}
_CLOSING = {"(": ")", "[": "]"}


def typeset(formula: words.Formula) -> str:
    """Return a formula as a MathML element, which also holds the plain text of the formula.

    Parts that differ from the other formula are boxed and in ‹ ›.
    """
    math = Element("math", alttext=words.spelled(formula))
    semantics = SubElement(math, "semantics")
    row = SubElement(semantics, "mrow")
    for number, term in enumerate(formula.terms):
        # A sign in front of all is a sign; between two terms it is an operation.
        form = "infix" if number else "prefix"
        if term.sign:
            _put(row, [_leaf("mo", term.sign, form=form)], term.sign_differs)
        for place, factor in enumerate(term.factors):
            if place:
                row.append(_leaf("mo", "·"))
            _put(row, _expression(factor.text), factor.differs)
    note = SubElement(semantics, "annotation", encoding="text/plain")
    note.text = words.spelled(formula)
    return tostring(math, encoding="unicode", short_empty_elements=False)


def _leaf(tag: str, text: str, **attributes: str) -> Element:
    leaf = Element(tag, attributes)
    leaf.text = text
    return leaf


def _put(row: Element, parts: Iterable[Element], differs: bool) -> None:
    """Append ``parts`` to a row of MathML; if ``differs``, in a box with ‹ ›."""
    if not differs:
        row.extend(parts)
        return
    box = SubElement(row, "mrow", {"class": "differs"})
    box.append(_leaf("mo", "‹", **TIGHT))
    box.extend(parts)
    box.append(_leaf("mo", "›", **TIGHT))


def _expression(text: str) -> list[Element]:
    """Return the MathML elements of a formula's text; any text can be converted.

    Brackets behind a name hold an index and are set below it.
    """
    rows: list[list[Element]] = [[]]
    opened: list[tuple[str, Element | None]] = []  # each bracket, and the name that it indexes
    for match in _TOKEN.finditer(text):
        kind, piece = match.lastgroup, match.group()
        row = rows[-1]
        if kind == "number":
            row.append(_leaf("mn", piece))
        elif kind == "sum":
            row.append(_script("msub", _leaf("mo", "Σ"), _leaf("mi", piece[1:].translate(_PLAIN))))
        elif kind == "name":
            row.append(_leaf("mi", piece))
        elif kind == "power" and row:
            row.append(_script("msup", row.pop(), _leaf("mn", piece.translate(_PLAIN))))
        elif piece in "′*" and row and row[-1].tag == "mi":
            row[-1].text = f"{row[-1].text}{piece}"
        elif piece in _CLOSING:
            named = piece == "[" and row and row[-1].tag == "mi"
            opened.append((piece, row.pop() if named else None))
            rows.append([])
        elif opened and piece == _CLOSING[opened[-1][0]]:
            inner = rows.pop()
            rows[-1].append(_closed(*opened.pop(), inner))
        else:
            row.append(_leaf("mo", piece))
    while opened:  # no formula of ours, but no reason to lose it
        inner = rows.pop()
        bracket, name = opened.pop()
        rows[-1] += [*([name] if name is not None else []), _leaf("mo", bracket), *inner]
    return rows[0]


def _closed(bracket: str, name: Element | None, inner: list[Element]) -> Element:
    """Return the element for the contents of a pair of brackets that ends.

    ``bracket`` is the opening bracket, and ``inner`` are the elements after it. Behind a name
    (``name``), they are its subscript; otherwise the result is a group in brackets.
    """
    row = Element("mrow")
    if name is None:
        row.append(_leaf("mo", bracket, form="prefix"))
        row.extend(inner)
        row.append(_leaf("mo", _CLOSING[bracket], form="postfix"))
        return row
    row.extend(inner)
    return _script("msub", name, row)


def _script(tag: str, *parts: Element) -> Element:
    script = Element(tag)
    script.extend(parts)
    return script


def rules(finding: Finding, hints: int) -> Iterator[dict[str, str | bool]]:
    """Yield the formulas of a finding, as MathML: how the step changes each entry of a parameter.

    ``hints`` is the hint level; nothing is yielded below `RULE_LEVEL`. An item has these keys.
    ``entry`` is the name of the entry. ``value`` says whether the formula is the entry's new value
    instead of its step. ``applied`` is the student's formula, empty if the entry does not move.
    ``right`` is the right one, empty below `EXPECTED_LEVEL`. Differences in the student's formula
    are always marked.
    """
    for entry, text in finding.applies.items() if hints >= RULE_LEVEL else ():
        applied = _read(text)
        right = _read(finding.should[entry]) if entry in finding.should else None
        yield {
            "entry": clean_text(entry),
            "value": applied.value,
            "applied": _typeset(applied, right),
            "right": _typeset(right, applied) if right and hints >= EXPECTED_LEVEL else "",
        }


def _read(text: str) -> words.Formula:
    return words.read_formula(clean_text(text))


def _typeset(formula: words.Formula, other: words.Formula | None) -> str:
    return typeset(words.beside(formula, other)) if formula.terms else ""
