"""Convert results to plain data: schema ``gradkit/result/v1``.

``null`` stands for a missing number or one that is not finite, since JSON has no NaN. Fields that
the hint level does not show are left out: see `FROM_LEVEL`.

A platform that knows dates shows a check from the date that the assignment sets. For other
platforms, a check that is not visible yet shows its state and points, which are part of the total
anyway, but no findings. If a person has set its points, the person is named, but not the reason,
which may describe a finding.

Texts of students are escaped for XML, CSV and logs by the functions at the start.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict, replace

from gradkit.records.result import (
    FOR_INSTRUCTORS,
    Adjustment,
    CheckResult,
    Comment,
    Course,
    Entry,
    Finding,
    Result,
    TaskResult,
)
from gradkit.records.submission import Listing, Place, Problem
from gradkit.text import clean_text

if TYPE_CHECKING:
    from gradkit.records.classroom import Row

XML_BYTES = 64 << 10
"""Largest number of bytes of one XML text."""

OLD_COMMAND = re.compile(r"##(?=\w*\[)")
"""The beginning of a command that a build runner obeys anywhere in a line."""

# Characters that a runner may skip before a command.
_INDENT = "[^\\S\n\ufeff\u200b]*[\ufeff\u200b]*[^\\S\n]*"
_COMMAND = re.compile(f"^({_INDENT}):(?=:)", re.MULTILINE)
_BACKTICKS = re.compile("`+")
_NOT_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def log_text(text: str) -> str:
    """Return text for the log of a build, in which no line is a command to the runner.

    GitHub obeys lines that begin with ``::``, and ``##[command]`` anywhere; Azure and
    TeamCity have words between the two.

    Examples
    --------
    >>> log_text("  ::error::no")
    '  : :error::no'
    """
    return OLD_COMMAND.sub("## ", _COMMAND.sub(r"\1: ", text))


def command(kind: str, message: str, properties: Mapping[str, str]) -> str:
    r"""Return the line of a workflow command of GitHub, such as an annotation of a file.

    ``kind`` is the command, such as ``error``, and ``message`` its text. Empty ``properties`` are
    left out.

    Examples
    --------
    >>> command("error", "two\nlines", {"file": "a,b.py", "line": "3"})
    '::error file=a%2Cb.py,line=3::two%0Alines'
    """
    pairs = ",".join(
        f"{key}={_data(value).replace(':', '%3A').replace(',', '%2C')}"
        for key, value in properties.items()
        if value
    )
    return f"::{kind}{' ' if pairs else ''}{pairs}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def code_span(text: str) -> str:
    r"""Return text as inline Markdown code, in which nothing is mark-up, also in a table cell.

    Examples
    --------
    >>> code_span("a`b|c")
    '`` a`b\\|c ``'
    """
    text = log_text(" ".join(clean_text(text).split())) or " "
    ticks = "`" * (1 + max(map(len, _BACKTICKS.findall(text)), default=0))
    # Markdown divides a table row at | before it searches for code.
    inner = text.replace("|", r"\|")
    return f"{ticks} {inner} {ticks}" if "`" in text else f"{ticks}{inner}{ticks}"


def code_block(text: str) -> str:
    """Return text as a Markdown block of code, with a fence that the text does not contain."""
    ticks = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(text)), default=0))
    return f"{ticks}text\n{text}\n{ticks}"


def xml_text(text: str) -> str:
    """Return text without the characters that XML 1.0 forbids; the XML writer escapes the rest."""
    return _NOT_XML.sub("\ufffd", log_text(clean_text(text, XML_BYTES)))


def csv_cell(text: str) -> str:
    """Return text for a cell of a table that a spreadsheet does not read as a formula.

    Examples
    --------
    >>> csv_cell("=1+1")
    "'=1+1"
    """
    text = clean_text(text)
    return f"'{text}" if text.lstrip()[:1] in tuple("=+-@") or text[:1] in tuple("\t\n") else text


SCHEMA = "gradkit/result/v1"
TITLE_LEVEL, RULE_LEVEL, EXPECTED_LEVEL = 2, 3, 4
"""Hint levels from which the mistake is named, the code's rule and its line are shown, and the
right rule and expected numbers."""

FROM_LEVEL: Mapping[type, Mapping[str, int]] = {
    Finding: {
        **dict.fromkeys(("mistake", "title", "sentence", "alternatives", "others"), TITLE_LEVEL),
        **dict.fromkeys(("applies", "cell", "line", "source", "columns", "places"), RULE_LEVEL),
        **dict.fromkeys(("should", "fix", "diff"), EXPECTED_LEVEL),
    },
    Entry: {"expected": EXPECTED_LEVEL},
    Course: {"expected": EXPECTED_LEVEL},
}
"""Fields that are left out below a hint level; other fields are always written."""


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """Write one result as an object; several results, or any number with ``many``, as a list."""
    data = [to_data(result, hints) for result in results]
    chosen = data if many or len(data) != 1 else data[0]
    return json_text(chosen)


def json_text(data: object) -> str:
    """Write plain data as indented JSON of ASCII characters, with a newline at the end.

    Half surrogate pairs become U+FFFD, and the beginnings of workflow commands are escaped.

    Raises
    ------
    ValueError
        A number is not finite.
    """
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    # Half a surrogate pair, from a file name or an error text, cannot be encoded.
    text = re.sub("[\ud800-\udfff]", "\ufffd", text)
    # Terminals obey direction marks, for example in a file name. Escaped, the JSON means the same.
    text = re.sub(r"[^\n -~]", lambda found: _shown(found[0]), text)
    return OLD_COMMAND.sub(r"#\\u0023", text) + "\n"


def _shown(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]


def to_data(result: Result, hints: int) -> dict[str, Any]:
    """Return one result as plain data, in the documented form."""
    return {"schema": SCHEMA, "hints": hints, **_fields(result, hints)}


FIELDS: Mapping[type, str] = {
    Result: "submission path assignment form seed oracle provisional preset score max_score "
    "score_by_numbers tasks adjustments comments required all_tasks refused problems "
    "versions digests tier",
    Adjustment: "kind name points said",
    Comment: "task place source text points by made",
    TaskResult: "task title score max_score score_by_numbers checkable provisional seed checks "
    "findings listings notes",
    CheckResult: "check state score max_score message place entries courses notes follows held "
    "decision",
    Entry: "parameter index label state found expected estimate bound factor probe",
    Course: "start epochs found expected",
    Finding: "id check mistake title sentence parameter entries applies should file cell line "
    "source columns fix diff places hints alternatives others deduction costs",
    Listing: "file cell first_line source",
    Problem: "message place",
    Place: "file cell line",
}
"""The written fields of each record: its own fields, or those of `_worked_out`."""


def _fields(record: object, hints: int) -> dict[str, Any]:
    """Return the fields of a record by name, as plain data, without those above the hint level.

    ``hints`` is the hint level: how much of a finding is shown.
    """
    own = _worked_out(record, hints)
    levels = FROM_LEVEL.get(type(record), {})
    return {
        name: _plain(own[name] if name in own else getattr(record, name), hints)
        for name in FIELDS[type(record)].split()
        if hints >= levels.get(name, 0)
    }


def _plain(value: object, hints: int) -> Any:
    """Convert a value to plain data. Numbers that are not finite become None.

    A record becomes a dict of its fields, without those above the hint level ``hints``. Tuples
    become lists. Objects of other types are unchanged.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple | list):
        return [_plain(each, hints) for each in value]
    if isinstance(value, Mapping):
        return dict(value)
    return _fields(value, hints) if type(value) in FIELDS else value


def _worked_out(record: object, hints: int) -> Mapping[str, object]:
    """Return the fields of a record that are written with another value than the record's own.

    ``record`` is a result or a part of one, and ``hints`` the hint level. Empty for most records.
    """
    if isinstance(record, Adjustment):
        # Imported here, as below, because most results do not need it.
        from gradkit.report.words import adjustment_text

        return {"said": adjustment_text(record)}
    if isinstance(record, TaskResult):
        listings = record.listings if hints >= RULE_LEVEL else ()
        return {"findings": visible(record, hints), "listings": listings}
    if isinstance(record, Entry):
        return {"estimate": None if record.bound is None else record.expected}
    if isinstance(record, CheckResult):
        causes = record.causes if hints >= TITLE_LEVEL else ()
        return {"follows": causes, "held": bool(record.held), "decision": _decision(record)}
    if isinstance(record, Finding):
        place = record.place
        return {
            "parameter": sorted({entry.partition("[")[0] for entry in record.entries}),
            "file": place and place.file,
            "cell": place and place.cell,
            "line": place and place.line,
            "hints": record.hints[:hints],
        }
    return {}


def visible(task: TaskResult, hints: int) -> list[Finding]:
    """Return the findings of a task that a hint level shows.

    Below `EXPECTED_LEVEL`, remarks for instructors are left out.
    """
    return [
        finding
        for finding in task.findings
        if hints >= EXPECTED_LEVEL or finding.mistake not in FOR_INSTRUCTORS
    ]


def to_row(result: Result, hints: int = EXPECTED_LEVEL, link: str = "") -> Row:
    """Return a result as a row of the class, with its mistakes if the hint level names them.

    ``hints`` is the hint level: how much of a finding is shown. ``link`` is the address of the
    student's page, which the row links to. A task's points are those that a person has set, if any.
    """
    from gradkit.records.classroom import Row
    from gradkit.report.words import count_text, given_for

    checks = {f"{task.task}/{check.check}": check for task in result.tasks for check in task.checks}
    found = [finding for task in result.tasks for finding in visible(task, hints)]
    worth = {task.task: given_for(result, task) or task for task in result.tasks}
    return Row(
        *(result.submission, "graded", "", result.score, result.max_score, result.provisional),
        {name: (check.state, check.score, check.max_score) for name, check in checks.items()},
        {each.mistake: each.title for each in found if hints >= TITLE_LEVEL},
        overridden={name: check for name, check in checks.items() if check.decision is not None},
        adjustments=result.adjustments,
        counted=count_text(result),
        tasks={task.task: (task.title, worth[task.task].score) for task in result.tasks},
        link=link,
        by_numbers=_by_numbers(result),
        comments=len(result.comments),
        mistakes_by_task={
            task.task: tuple(
                dict.fromkeys(one.mistake for one in visible(task, hints) if hints >= TITLE_LEVEL)
            )
            for task in result.tasks
            if not task.absent
        },
    )


def _by_numbers(result: Result) -> tuple[float, float] | None:
    """Return the points under the preset ``numbers`` and those that all tasks have."""
    if result.score_by_numbers is None:
        return None
    return result.score_by_numbers, sum(task.max_score for task in result.tasks)


def _decision(check: CheckResult) -> dict[str, Any] | None:
    """Return a person's decision on the points of a check as plain data; None if there is none."""
    word = check.decision
    if word is None:
        return None
    from gradkit.report.words import override_text

    return {"points": check.score, **asdict(word), "said": override_text(check)}


UNSEEN = "What this check found is not shown here."
ELSEWHERE = "a check that is not shown"


def apply_visibility(result: Result) -> Result:
    """Return a result in which checks that are not ``visible`` have only state and points.

    A person's points stay, without the comment. If any check is not visible, findings that only
    such checks have are removed everywhere, and so is the score by numbers.
    """
    unseen = {check for check, word in result.visibility.items() if word != "visible"}
    if not unseen:
        return result
    tasks = tuple(_task(task, unseen) for task in result.tasks)
    # How many outputs are right is a part of what an unseen check found.
    return replace(result, tasks=tasks, score_by_numbers=None)


def _task(task: TaskResult, unseen: set[str]) -> TaskResult:
    """Return a task as students may see it, without findings of checks that they may not see.

    ``unseen`` has the names of these checks. The score under the price list ``numbers`` is removed
    too.
    """
    findings = tuple(finding for finding in task.findings if finding.check not in unseen)
    # Codes that only an unseen check's findings have would reveal these findings.
    shown_codes = {finding.mistake for finding in findings}
    gone = {code for check in task.checks if check.check in unseen for code in check.withdrawn}
    checks = tuple(_check(check, unseen, shown_codes, gone) for check in task.checks)
    return replace(task, checks=checks, findings=findings, score_by_numbers=None)


def _check(
    check: CheckResult, unseen: set[str], shown_codes: set[str], gone: set[str]
) -> CheckResult:
    """Return a check without all that would reveal the findings of unseen checks.

    ``unseen`` has the names of checks that students may not see. Such a check keeps state and
    points only. In the other checks, causes that are not in ``shown_codes`` become one `ELSEWHERE`,
    and withdrawn codes in ``gone`` are removed.
    """
    if check.check in unseen:
        decision = check.decision and replace(check.decision, comment="")
        points = check.score, check.max_score
        return CheckResult(check.check, check.state, *points, UNSEEN, decision=decision)
    seen = tuple(code for code in check.causes if code in shown_codes)
    hidden = (ELSEWHERE,) if len(seen) < len(check.causes) else ()
    withdrawn = tuple(code for code in check.withdrawn if code not in gone)
    return replace(check, causes=(*seen, *hidden), withdrawn=withdrawn)
