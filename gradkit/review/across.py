"""Show one finding across the class, and price it for all students who have it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from gradkit.classroom.store.counted import Counting, Overridden, override, revisions
from gradkit.classroom.store.results import Store, unpack
from gradkit.diagnosis.catalogue import mistake
from gradkit.errors import GradkitError
from gradkit.records.classroom import Row
from gradkit.records.result import CheckResult, Finding, Result, TaskResult
from gradkit.records.submission import Place
from gradkit.report.data import to_data
from gradkit.report.html.page import shown
from gradkit.review.workspace import Workspace


class PriceError(GradkitError):
    """A finding cannot be priced; the text says why. Nothing was changed."""


class Charge(Struct, frozen=True):
    """The points that a finding costs one check of a student.

    ``check`` is ``task/check``, ``revision`` that of the check, see
    `gradkit.classroom.store.counted.revisions`. ``is_set``: a person has set the check's points, so
    that a price has no effect.
    """

    check: str
    score: float
    max_score: float
    cost: float
    revision: str
    is_set: bool


class Case(Struct, frozen=True):
    """A student's finding: the code around its line, and what it costs."""

    row: Row
    title: str
    finding: Finding
    code: tuple[dict[str, object], ...]
    charges: tuple[Charge, ...]


class FindingPage(Struct, frozen=True):
    """The data of the page of a finding; ``held``: marks rest on it that nobody has accepted."""

    code: str
    title: str
    cases: tuple[Case, ...]
    withdrawn: bool
    held: bool


def finding_page(space: Workspace, store: Store, code: str) -> FindingPage | None:
    """Return all findings with a code in a class; None if there are none, and it is not withdrawn.

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
            charges = tuple(_charges(store, counting, row.name, task, finding))
            cases.append(Case(row, task.title, finding, _excerpt(result, finding), charges))
        held = held or any(code in check.held for task in result.tasks for check in task.checks)
    withdrawn = code in store.dropped()
    if not cases and not withdrawn:
        return None
    return FindingPage(code, mistake(code).title, tuple(cases), withdrawn, held)


def _findings(result: Result, code: str) -> Iterator[tuple[TaskResult, Finding]]:
    """Yield the findings of a result that have a code, with their tasks."""
    for task in result.tasks:
        yield from ((task, finding) for finding in task.findings if finding.mistake == code)


def _costs(result: Result, code: str) -> dict[str, tuple[CheckResult, float]]:
    """Map ``task/check`` to the check and to the points that all findings with a code cost it."""
    found: dict[str, tuple[CheckResult, float]] = {}
    for task, finding in _findings(result, code):
        costs = finding.costs or {finding.check: 0.0}
        for check in task.checks:
            if check.check in costs and check.max_score:
                name = f"{task.task}/{check.check}"
                _, before = found.get(name, (check, 0.0))
                found[name] = (check, before + costs[check.check])
    return found


def _charges(
    store: Store, counting: Counting, name: str, task: TaskResult, finding: Finding
) -> Iterator[Charge]:
    """Yield what a finding costs each check of its task."""
    kept = counting.attempts[name].kept
    known = revisions(store, kept, unpack(store.result(kept.id), Result))
    costs = finding.costs or {finding.check: 0.0}
    for check in task.checks:
        key = f"{task.task}/{check.check}"
        if check.check in costs and check.max_score and key in known:
            cost, (revision, _) = costs[check.check], known[key]
            is_set = check.decision is not None
            yield Charge(key, check.score, check.max_score, cost, revision, is_set)


def _excerpt(result: Result, finding: Finding) -> tuple[dict[str, object], ...]:
    """Return the functions that contain a finding, with its lines marked."""
    places = finding.places or ((finding.place,) if finding.place else ())
    marks = [(Place(place.file, place.cell, place.line), 1) for place in places]
    listings = [one for task in to_data(result, 4)["tasks"] for one in task["listings"]]
    return tuple(shown(listings, marks))


def priced(check: CheckResult, cost: float, share: float) -> float:
    """Return a check's points if a finding costs a share of its largest points.

    Parameters
    ----------
    check : CheckResult
    cost : float
        Points that the finding costs the check now.
    share : float
        Share of the check's points that it should cost, from 0 to 1.
    """
    points = check.score + cost - share * check.max_score
    return round(min(max(points, 0.0), check.max_score), 2)


def price_finding(
    store: Store,
    code: str,
    percent: float,
    seen: dict[tuple[str, str], str],
    *,
    comment: str,
    by: str,
) -> list[Overridden]:
    """Set what a finding costs for all students who have it, all or none of them.

    Checks whose points a person has set keep them.

    Parameters
    ----------
    store : Store
        Open for writing.
    code : str
        Code of the finding.
    percent : float
        Percent of each check's points that the finding costs, from 0 to 100.
    seen : dict
        Revisions that the grader has seen, by student and ``task/check``. Only these are priced.
    comment : str
        Reason, which students can read.
    by : str
        The grader.

    Raises
    ------
    PriceError
        The percentage is out of range, or no student of those seen has the finding.
    ConflictError
        The points or findings of one of the checks have changed.
    """
    if not 0 <= percent <= 100:
        raise PriceError(f"{percent:g} % is given, and 0 to 100 are possible.")
    counting, done = Counting(store), []
    with store.writing():
        for name in dict.fromkeys(name for name, _ in seen):
            result = counting.result(name) if name in counting.attempts else None
            for target, (check, cost) in (_costs(result, code) if result else {}).items():
                revision = seen.get((name, target))
                if revision is not None and not check.decision:
                    points = priced(check, cost, percent / 100)
                    words = {"comment": comment, "by": by, "seen": revision}
                    done.append(override(store, name, target, points, **words))
        if not done:
            raise PriceError(f"Nobody has points that depend on {code} and are not set already.")
    return done
