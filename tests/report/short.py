"""Measure the length of findings in text and on pages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gradkit.records.result import Finding, Result
from gradkit.report.data import visible
from gradkit.report.html.page import fragment, student_page
from gradkit.report.plain_text import finding_text
from gradkit.report.text import MAX_LINES

LEVELS = (1, 2, 3, 4)
WIDTHS = (80, 100)


def findings_at(result: Result, level: int) -> list[Finding]:
    """Return the findings that a level shows."""
    return [finding for task in result.tasks for finding in visible(task, level)]


def lines_in_text(finding: Finding, level: int, width: int) -> int:
    """Return the lines of a finding in text, without the indent that a report adds."""
    return finding_text(finding, level, width - 6).count("\n") + 1


def lines_on_page(html: str, start: str, end: str) -> Iterator[int]:
    """Yield the number of blocks of each finding in a page; a folded part is one block."""
    html = re.sub(r"<details.*?<summary>.*?</details>", "<p></p>", html, flags=re.DOTALL)
    for part in html.split(start)[1:]:
        yield len(re.findall("</h[1-6]>|</p>|</div>|<br>", part.split(end)[0]))


def too_long(result: Result) -> list[tuple[str, int, str, int]]:
    """Return each finding that is longer than `MAX_LINES`: code, level, where, and lines."""
    found = [
        (finding.mistake, level, f"text of {width} columns", lines)
        for level in LEVELS
        for width in WIDTHS
        for finding in findings_at(result, level)
        if (lines := lines_in_text(finding, level, width)) > MAX_LINES
    ]
    for level in LEVELS:
        page = lines_on_page(student_page(result, level), '<article class="finding">', "</article>")
        # In a notebook a finding has no element of its own: it ends with its cell of the table.
        start = '<div style="margin-top:8px">'
        cell = lines_on_page(fragment("Task", result, level), start, "</td>")
        for where, many in (("page", page), ("notebook", cell)):
            found += [("", level, where, lines) for lines in many if lines > MAX_LINES]
    return found
