"""Tell how a grade came about, run by run, and how a class differs between two runs."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec
from msgspec.structs import replace

from gradkit.classroom.course.find_student import pseudonym
from gradkit.classroom.store.counted import Counting
from gradkit.classroom.store.results import Store, releases, sender_of, unpack
from gradkit.errors import GradkitError
from gradkit.records.classroom import CountingAttempt
from gradkit.records.reports import Attempt, Difference, History, Mark, PointsSet, Step, Stood
from gradkit.records.result import Result


class RunError(GradkitError):
    """There is no such run; the text says which there are."""


def history(store: Store, name: str) -> History:
    """List the runs that concern a student, with the score before and after each.

    Everything is read from the class file; no submission is graded again.

    Parameters
    ----------
    store : Store
    name : str
        As it is stored, see `gradkit.classroom.course.find_student`.

    Returns
    -------
    History
        Runs that do not concern the student are left out. A remark that changed neither points
        nor findings of the student is listed without its reason, which is about other students.
    """
    runs = store.runs()
    attempts, words = _attempts(store, name), _words(store, name)
    given = releases(store, name)
    dropped: tuple[str, ...] = ()
    steps: list[Step] = []
    before: Mark | None = None
    found: tuple[str, ...] = ()
    for run in runs:
        said = run.settings.get("dropped", dropped)
        former, dropped = dropped, msgspec.convert(said, tuple[str, ...])
        back = tuple(each for each in given if each.run == run.id)
        set_ = tuple(each for number, each in words if number == run.id)
        own = (tuple(attempts.get(run.id, ())), set_, back)
        # Another rule may make an attempt count that did not, or none.
        ruled = run.policy or "rules" in run.settings
        if not any(own) and not (ruled and any(number < run.id for number in attempts)):
            continue
        after, found_after = _mark_and_findings(store, name, run.id)
        is_others = run.kind == "remark" and (before, found) == (after, found_after)
        why = "" if is_others else run.why
        steps.append(
            Step(
                *(run.id, run.kind, run.began, run.ended, run.who, why, run.versions, *own),
                tuple(sorted(set(dropped) - set(former))),
                tuple(sorted(set(former) - set(dropped))),
                *(run.policy, before, after, "rules" in run.settings),
            )
        )
        before, found = after, found_after
    return History(name, mark_at(store, name), tuple(steps))


def mark_at(store: Store, name: str, upto: int | None = None) -> Mark | None:
    """Return the score that counted for a student after a run; None if no attempt counted."""
    return _mark_and_findings(store, name, upto)[0]


def _mark_and_findings(
    store: Store, name: str, upto: int | None = None
) -> tuple[Mark | None, tuple[str, ...]]:
    """Return a student's score after a run, and the mistakes found in the attempt that counts."""
    counting = Counting(store, upto)
    one = counting.attempts.get(name)
    if one is None:
        return None, ()
    result = counting.result(name)
    return _mark(counting, one), found_in(result) if result else ()


def _mark(counting: Counting, one: CountingAttempt) -> Mark:
    return Mark(*counting.score(one.kept.name), one.number, one.attempts)


def _attempts(store: Store, name: str) -> dict[int, list[Attempt]]:
    """Map run id to the submissions that it found or marked again."""
    listed = store.rows(
        "SELECT listed.run, submission, path, digest, stamp, sender FROM listed "
        "JOIN submissions ON submissions.id = submission WHERE name = ? ORDER BY listed.id",
        (name,),
    )
    results = store.rows(
        "SELECT results.run, submission, path, digest, standing, told, packed FROM results "
        "JOIN submissions ON submissions.id = submission WHERE name = ? ORDER BY results.id",
        (name,),
    )
    found = {(row["run"], row["submission"]): row for row in listed}
    made = {(row["run"], row["submission"]): row for row in results}
    # A run that only marks again is told nothing new of whose a submission is.
    known = {row["submission"]: row for row in listed}
    attempts: dict[int, list[Attempt]] = {}
    for key in sorted({**found, **made}):
        row, result = found.get(key) or known[key[1]], made.get(key)
        sender = sender_of(row)
        attempt = Attempt(
            *(sender.original, row["path"], sender.source, sender.at, sender.late),
            *(row["stamp"], row["digest"], result is None),
        )
        attempts.setdefault(key[0], []).append(_graded(attempt, result) if result else attempt)
    return attempts


TOLD = ("score", "max_score", "provisional", "assignment", "preset", "versions", "digests")
"""Parts of a result that are told under their own names."""


def _graded(attempt: Attempt, row: sqlite3.Row) -> Attempt:
    """Add to an attempt what came of it."""
    if row["standing"] != "graded":
        return replace(attempt, standing=row["standing"], told=row["told"])
    result = unpack(row["packed"], Result)
    seeds = {task.task: task.seed or result.seed for task in result.tasks}
    facts: dict[str, Any] = {name: getattr(result, name) for name in TOLD}
    return replace(attempt, standing="graded", seeds=seeds, found=found_in(result), **facts)


def found_in(result: Result) -> tuple[str, ...]:
    """The mistakes of a result, as ``task/check mistake``; a remark has no check."""
    found = (
        (f"{task.task}/{finding.check}".rstrip("/"), finding.mistake)
        for task in result.tasks
        for finding in task.findings
    )
    return tuple(dict.fromkeys(map(" ".join, found)))


def _words(store: Store, name: str) -> list[tuple[int, PointsSet]]:
    """List the points that were set for the student's checks, or taken back, each with its run."""
    rows = store.rows(
        'SELECT run, task, "check", points FROM overrides WHERE name = ? ORDER BY id', (name,)
    )
    return [(run, PointsSet(*word)) for run, *word in rows]


def differences(
    store: Store, before: int, after: int, *, pseudonyms: bool = False
) -> list[Difference]:
    """List the students of whom something else counts, is found, or was set by a person.

    Parameters
    ----------
    store : Store
    before, after : int
        Numbers of runs.
    pseudonyms : bool
        Students by their pseudonyms.

    Returns
    -------
    list of Difference
        By name. Who is in one of the two alone has come, or has gone.

    Raises
    ------
    RunError
        There is no such run.
    """
    known = [run.id for run in store.runs()]
    for number in (before, after):
        if number not in known:
            there = f"There are {', '.join(map(str, known))}" if known else "There are none yet"
            raise RunError(
                f"There is no run {number} in {store.path}. {there}: `gradkit history` lists them."
            )
    old, new = stood(store, before), stood(store, after)
    found = []
    for name in {**old, **new}:
        one, two = old.get(name), new.get(name)
        if one != two:
            was, now = (each.found if each else () for each in (one, two))
            found.append(
                Difference(
                    pseudonym(store, name) if pseudonyms else name,
                    one,
                    two,
                    tuple(each for each in was if each not in now),
                    tuple(each for each in now if each not in was),
                )
            )
    return sorted(found, key=lambda each: each.name)


def stood(store: Store, upto: int) -> dict[str, Stood]:
    """Map each student to what counted at the end of a run."""
    found, counting = {}, Counting(store, upto)
    for name, one in counting.attempts.items():
        result = counting.result(name)
        set_ = {
            f"{task.task}/{check.check}": check.score
            for task in (result.tasks if result else ())
            for check in task.checks
            if check.decision is not None
        }
        for line in result.adjustments if result else ():
            if line.decision is not None:
                set_[line.name or "total"] = line.score
        mistakes = found_in(result) if result else ()
        found[name] = Stood(one.kept.standing, _mark(counting, one), mistakes, set_)
    return found
