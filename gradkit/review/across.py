"""Make the data of the page of one finding: all students who have it, and what it costs them."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from gradkit.classroom.store.prices import (
    Price,
    Withdrawal,
    decision_revision,
    prices,
    withdrawals,
)
from gradkit.classroom.store.results import Store
from gradkit.diagnosis.catalogue import mistake
from gradkit.records.classroom import Row
from gradkit.records.result import Finding, Result, TaskResult
from gradkit.records.submission import Place
from gradkit.report.data import to_data
from gradkit.report.html.page import shown
from gradkit.review.workspace import Workspace


class Charge(Struct, frozen=True):
    """The points that a finding costs one check of a student.

    ``check`` is ``task/check``. ``is_set``: a person has set the check's points, so that a price
    has no effect.
    """

    check: str
    score: float
    max_score: float
    cost: float
    is_set: bool


class Case(Struct, frozen=True):
    """A student's finding: the code around its line, and what it costs."""

    row: Row
    title: str
    finding: Finding
    code: tuple[dict[str, object], ...]
    charges: tuple[Charge, ...]


class FindingPage(Struct, frozen=True):
    """The data of the page of a finding.

    ``students`` counts the students who have it. ``withdrawn`` is the decision to withdraw it, and
    ``freed`` are the students to whom it gave points back. ``price`` is what it costs in this class
    if a person has priced it. ``held``: marks rest on it that nobody has accepted. ``revision`` is
    to be sent back with a decision.
    """

    code: str
    title: str
    cases: tuple[Case, ...]
    students: int
    withdrawn: Withdrawal | None
    freed: tuple[str, ...]
    held: bool
    price: Price | None
    revision: str


def finding_page(space: Workspace, store: Store, code: str) -> FindingPage | None:
    """Return all findings with a code in a class, and what was decided about them.

    None stands for a code that nobody has, and that nobody has withdrawn or priced.

    Parameters
    ----------
    space : Workspace
    store : Store
    code : str
        Code of the mistake.
    """
    counting, cases, held = space.counting(store), [], False
    for row in space.rows(store):
        if code not in row.mistakes:
            continue
        result = counting.result(row.name)
        if result is None:
            continue
        for task, finding in _findings(result, code):
            charges = tuple(_charges(task, finding))
            cases.append(Case(row, task.title, finding, _excerpt(result, finding), charges))
        held = held or any(code in check.held for task in result.tasks for check in task.checks)
    withdrawn, price = withdrawals(store).get(code), prices(store).get(code)
    freed = _freed(space, store, code) if withdrawn else ()
    if not (cases or withdrawn or price):
        return None
    return FindingPage(
        code,
        mistake(code).title,
        tuple(cases),
        len({case.row.name for case in cases}),
        withdrawn,
        tuple(freed),
        held,
        price,
        decision_revision(store, code),
    )


def _freed(space: Workspace, store: Store, code: str) -> Iterator[str]:
    """Yield the names of the students who regain points because a finding was withdrawn.

    ``code`` is the code of the withdrawn finding. A student regains points if the finding would
    otherwise cost points in a check of the counting result.
    """
    counting = space.counting(store)
    for row in space.rows(store):
        result = counting.result(row.name) if row.tasks else None
        checks = [check for task in result.tasks for check in task.checks] if result else []
        if any(code in check.withdrawn for check in checks):
            yield row.name


def _findings(result: Result, code: str) -> Iterator[tuple[TaskResult, Finding]]:
    """Yield the findings of a result that have a code, with their tasks."""
    for task in result.tasks:
        yield from ((task, finding) for finding in task.findings if finding.mistake == code)


def _charges(task: TaskResult, finding: Finding) -> Iterator[Charge]:
    """Yield a `Charge` for each check of a task to which a finding costs points.

    A check whose points a person has set is included if the finding affects it, with a cost of 0
    where none is recorded. Checks without points are left out.
    """
    costs = finding.costs or {finding.check: 0.0}
    for check in task.checks:
        is_set = check.decision is not None
        is_affected = check.check == finding.check or finding.mistake in check.causes
        if check.max_score and (check.check in costs or (is_set and is_affected)):
            cost = costs.get(check.check, 0.0)
            yield Charge(f"{task.task}/{check.check}", check.score, check.max_score, cost, is_set)


def _excerpt(result: Result, finding: Finding) -> tuple[dict[str, object], ...]:
    """Return the functions that contain a finding, with its lines marked."""
    places = finding.places or ((finding.place,) if finding.place else ())
    marks = [(Place(place.file, place.cell, place.line), 1) for place in places]
    listings = [one for task in to_data(result, 4)["tasks"] for one in task["listings"]]
    return tuple(shown(listings, marks))
