"""Add the path that the user gave, and columns, to the places of a result: ``hw/a.py:12:5``.

Terminals and editors open such a place with a click.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from gradkit.records.result import CheckResult, Finding, Result, TaskResult
from gradkit.records.submission import Place
from gradkit.report.words import doubtful
from gradkit.text import clean_text


def locate(result: Result) -> Result:
    """Return a result whose places in scripts have the user's path, and columns if known.

    Places in notebooks stay: no editor opens a cell by its number.
    """
    return replace(result, tasks=tuple(_locate_task(result, task) for task in result.tasks))


def _locate_task(result: Result, task: TaskResult) -> TaskResult:
    """Return a task with paths and columns in its places."""
    # The place of a check can be the place of a finding, and stays equal to it.
    columns: dict[Place, int] = {}
    for finding in task.findings:
        if finding.place is not None:
            column = (columns_of(task, finding) or (0, 0))[0] or _indent(task, finding.place)
            columns.setdefault(finding.place, column)

    def with_path(place: Place | None) -> Place | None:
        """Return a place in a script with path and column, and any other place unchanged."""
        if place is None or place.cell is not None or place.title:
            return place
        column = columns.get(place) or _indent(task, place)
        return replace(place, file=path_of(result, place), column=column)

    def locate_check(check: CheckResult) -> CheckResult:
        return replace(check, place=with_path(check.place))

    return replace(
        task,
        checks=tuple(map(locate_check, task.checks)),
        findings=tuple(replace(each, place=with_path(each.place)) for each in task.findings),
    )


def path_of(result: Result, place: Place) -> str:
    """Return the path of a file: the path that was given, and the file below it."""
    whole, part = (clean_text(text).replace("\\", "/") for text in (result.path, place.file))
    whole = whole.removeprefix("./").rstrip("/")
    if whole in ("", "."):
        return part
    return whole if f"/{whole}".endswith(f"/{part}") else f"{whole}/{part}"


def columns_of(task: TaskResult, finding: Finding) -> tuple[int, int] | None:
    """Return the first and the last column of a finding's doubtful part, counted from 1."""
    place = finding.place
    _, part, _ = doubtful(finding)
    if place is None or place.cell is not None or not part:
        return None
    for line in _listed_lines(task, place):
        if line.strip() == finding.source:
            before = len(line) - len(line.lstrip()) + finding.columns[0]
            return before + 1, before + len(part)
    return None


def _indent(task: TaskResult, place: Place) -> int:
    """Return the column, counted from 1, of the first character of a line; 0 if not known."""
    lines = (line for line in _listed_lines(task, place) if line.strip())
    return next((len(line) - len(line.lstrip()) + 1 for line in lines), 0)


def _listed_lines(task: TaskResult, place: Place) -> Iterator[str]:
    """Yield the line of a place from each listing of a task that has it."""
    for listing in task.listings:
        lines: Sequence[str] = listing.source.split("\n")
        number = place.line - listing.first_line
        if (listing.file, listing.cell) == (place.file, place.cell) and 0 <= number < len(lines):
            yield lines[number]
