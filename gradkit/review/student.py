"""Make the data of a student's page: code, findings, checks, points and comments to edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from gradkit.classroom.policy import rule_of
from gradkit.classroom.reports.summary import NONE_COUNTS
from gradkit.classroom.store.counted import ABSENT, revisions
from gradkit.classroom.store.finding_decisions import DecidableFinding, decidable_findings
from gradkit.classroom.store.results import Store, unpack
from gradkit.classroom.store.reviews import reviewer, reviews
from gradkit.records.classroom import Kept, Review, Row
from gradkit.records.result import Comment, Result
from gradkit.records.submission import Cell
from gradkit.report import words
from gradkit.report.data import EXPECTED_LEVEL
from gradkit.report.html.page import coloured, report
from gradkit.review.selection import Names, Neighbours, Selection, neighbours
from gradkit.review.similarity import Pair
from gradkit.review.workspace import Workspace
from gradkit.text import clean_text


class CodeLine(Struct, frozen=True):
    """A line of a submission as a page shows it: ``html`` is safe to print.

    ``at`` is the line's address on the page and in forms, ``findings`` are the numbers of the
    findings at this line, and ``comments`` those of graders.
    """

    number: int
    at: str
    html: str
    findings: tuple[str, ...]
    comments: tuple[Comment, ...]


class CodeCell(Struct, frozen=True):
    """A file or a cell of a notebook, with all its lines."""

    title: str
    lines: tuple[CodeLine, ...]


class Item(Struct, frozen=True):
    """A check, a task or the total, whose points a grader can set.

    ``revision`` is to be sent back with the new points. ``is_set``: a person has set the points.
    """

    name: str
    label: str
    score: float | None
    max_score: float
    revision: str
    is_set: bool = False


class StudentPage(Struct, frozen=True):
    """The data of a student's page.

    ``report`` is that of `gradkit.report.html.page.report`, None without a result; ``told`` then
    says why. ``items`` are checks by ``task/check``, tasks and the total by name. ``findings``
    are those that a grader can decide about, by task and id. ``unreadable`` says why there is no
    code. ``earlier`` are comments on attempts that do not count. ``similar``
    are students with similar code, if the class has been compared. ``printed`` is what the code of
    each task printed, by the task's id. ``unchecked`` are the tasks without checks in the report.
    """

    row: Row
    kept: Kept | None
    report: dict[str, Any] | None
    told: str
    items: dict[str, Item]
    findings: dict[tuple[str, str], DecidableFinding]
    code: tuple[CodeCell, ...]
    unreadable: str
    comments: tuple[Comment, ...]
    earlier: tuple[Comment, ...]
    review: Review | None
    reviewed_by: str
    attempts: tuple[Kept, ...]
    around: Neighbours
    similar: tuple[tuple[str, Pair], ...]
    printed: Mapping[str, str]
    unchecked: tuple[Item, ...]


def student_page(
    space: Workspace, store: Store, name: str, selection: Selection, similar: Names
) -> StudentPage | None:
    """Return the data of a student's page; None if the class has no student with this name.

    ``space`` and ``store`` are the class and its open file. ``selection`` gives the order in which
    the page links to other students. ``similar`` returns the names of students with similar code,
    and is called only if a filter of the selection needs them.
    """
    rows = space.rows(store)
    row = next((row for row in rows if row.name == name), None)
    if row is None:
        return None
    counting = space.counting(store)
    attempt = counting.attempts.get(name)
    kept = attempt.kept if attempt else None
    result = counting.result(name) if attempt else None
    made = None if result is None else report(result, EXPECTED_LEVEL, "r")
    all_comments = counting.comments.get(name, ())
    own = tuple(each for each in all_comments if kept and each.digest == kept.digest)
    cells, unreadable = space.code(kept) if kept else ((), "")
    review = reviews(store).get(name)
    items = _items(store, kept, result)
    checked = {"total", *(task["task"] for task in (made["tasks"] if made else ()))}
    return StudentPage(
        row=row,
        kept=kept,
        report=made,
        told=_told(store, row),
        items=items,
        findings=decidable_findings(store, kept, counting.words.get(name, ())) if kept else {},
        code=whole_code(cells, made, own),
        unreadable=unreadable,
        comments=own,
        earlier=tuple(each for each in all_comments if each not in own),
        review=review,
        reviewed_by=reviewer({name: review} if review else {}, name, kept.digest if kept else ""),
        attempts=tuple(space.attempts(store, name)),
        around=neighbours(rows, selection, name, similar),
        similar=tuple(space.known_similar(store).partners().get(name, ())),
        printed={each.task: each.printed for each in (result.tasks if result else ())},
        unchecked=tuple(
            item for name, item in items.items() if "/" not in name and name not in checked
        ),
    )


def _told(store: Store, row: Row) -> str:
    """Return a sentence on why the student of a row has no result; empty if there is one."""
    if row.score is not None:
        return ""
    if row.told:
        return row.told
    if row.ungraded == NONE_COUNTS:
        return f"No attempt counts by the rule {rule_of(store)}."
    return row.ungraded and f"{row.ungraded[0].upper()}{row.ungraded[1:]}."


def _items(store: Store, kept: Kept | None, result: Result | None) -> dict[str, Item]:
    """Return what a grader can set points of: each check, each task and the total.

    The keys are ``task/check``, the id of a task, and ``total``. ``kept`` is the student's counting
    attempt, and ``result`` its result with all decisions. Without an attempt, only the total is
    returned; without a stored result, nothing.
    """
    if kept is None:
        return {"total": Item("total", "Total", None, 0.0, ABSENT)}
    packed = store.result(kept.id)
    if not packed:
        return {}
    stored = unpack(packed, Result)
    found = {}
    for name, (revision, most) in revisions(store, kept, stored).items():
        task, _, check = name.partition("/")
        titles = {each.task: each.title for each in stored.tasks}
        label = check or titles.get(task, "Total")
        score, is_set = _points(result, task, check, titles.get(task, ""))
        found[name] = Item(name, label, score, most, revision, is_set)
    return found


def _points(result: Result | None, task: str, check: str, title: str) -> tuple[float | None, bool]:
    """Return the present points of a check, a task or the total, and whether a person has set them.

    ``task`` and ``check`` are the ids; ``check`` is empty for a task or the total, and then
    ``title`` is the title of the task, empty for the total. The points are None without a result.
    """
    if result is None:
        return None, False
    for line in result.adjustments:
        if line.decision is not None and not check:
            is_total = line.kind == "total" and not title
            if is_total or (line.kind == "task" and line.name == title and title):
                return line.score, True
    for each in result.tasks:
        if each.task == task and not check:
            return each.score, False
        for one in each.checks if each.task == task else ():
            if one.check == check:
                return one.score, one.decision is not None
    return (None if title else result.score), False


def whole_code(
    cells: Sequence[Cell], made: dict[str, Any] | None, own: Iterable[Comment]
) -> tuple[CodeCell, ...]:
    """Return all lines of a submission, with the findings and comments at each line.

    ``made`` is the data of the report with the findings, None without a result, and ``own`` are the
    comments on this submission.
    """
    marks: dict[tuple[str, int | None, int], dict[str, None]] = {}
    for task in made["tasks"] if made else ():
        for finding in task["findings"]:
            for place in finding["marked"]:
                key = (place.file, place.cell, place.line)
                marks.setdefault(key, {})[finding_name(task["name"], finding["number"])] = None
    said: dict[tuple[str, int | None, int], list[Comment]] = {}
    for comment in own:
        if comment.place is not None:
            place = comment.place
            said.setdefault((place.file, place.cell, place.line), []).append(comment)
    # A part that is not Python is a cell of its own, and its lines are blank in the file's cell.
    titles: dict[tuple[str, int | None], str] = {}
    lines: dict[tuple[str, int | None], dict[int, CodeLine]] = {}
    for number, cell in enumerate(cells):
        name = (cell.file, cell.cell)
        title = cell.title or (cell.file if cell.cell is None else f"code cell {cell.cell}")
        titles.setdefault(name, title)
        for line, html in enumerate(
            coloured(clean_text(cell.source, len(cell.source) * 8 + 99)), 1
        ):
            shown = cell.first_line + line - 1
            key = (*name, shown)
            facts = (tuple(marks.get(key, ())), tuple(said.get(key, ())))
            lines.setdefault(name, {})[shown] = CodeLine(shown, f"{number}-{line}", html, *facts)
    return tuple(
        CodeCell(clean_text(title), tuple(line for _, line in sorted(lines[name].items())))
        for name, title in titles.items()
    )


def finding_name(task: str, number: int) -> str:
    """Return the HTML id of a finding on a student's page, such as ``regression-numpy-f2``."""
    return f"{task}-f{number}"


def comment_label(comment: Comment, made: dict[str, Any] | None) -> str:
    """Return what a comment is about, with the title of the task."""
    titles = {task["task"]: task["title"] for task in (made["tasks"] if made else ())}
    return words.comment_place(comment, titles)
