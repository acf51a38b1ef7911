"""Explain how a grade changed from run to run, and compare a class between two runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from gradkit.classroom.course.find_student import pseudonym
from gradkit.classroom.store.counted import Counting
from gradkit.classroom.store.results import Store, releases, sender_of, unpack
from gradkit.errors import GradkitError
from gradkit.records.classroom import CountingAttempt, Run
from gradkit.records.reports import (
    Attempt,
    CommentWritten,
    Difference,
    History,
    Mark,
    PointsSet,
    Step,
    Stood,
)
from gradkit.records.result import Result

Prices = tuple[tuple[str, float], ...]
"""Codes of findings, each with the share of a check's points that it costs."""


class RunError(GradkitError):
    """A run does not exist; the text lists the existing runs."""


def history(store: Store, name: str) -> History:
    """List the runs that concern a student, with the score before and after each.

    Everything is read from the class file; no submission is graded again.

    Parameters
    ----------
    store : Store
    name : str
        The student's stored name, see `gradkit.classroom.course.find_student`.

    Returns
    -------
    History
        Runs that do not concern the student are left out. A remark that changed neither points
        nor findings of the student is listed without its reason, which is about other students.
    """
    runs = store.runs()
    attempts, overrides = _attempts(store, name), _overrides(store, name)
    comments, reviews = _comments(store, name), _reviews(store, name)
    given = releases(store, name)
    dropped: tuple[str, ...] = ()
    priced: dict[str, float] = {}
    steps: list[Step] = []
    before: Mark | None = None
    found: tuple[str, ...] = ()
    for run in runs:
        codes = run.settings.get("dropped", dropped)
        former, dropped = dropped, msgspec.convert(codes, tuple[str, ...])
        shares, priced = priced, _prices_in(run, priced)
        files = tuple(release for release in given if release.run == run.id)
        points_set = tuple(override for number, override in overrides if number == run.id)
        own = (tuple(attempts.get(run.id, ())), points_set, files)
        written, reviewed = comments.get(run.id, ()), reviews.get(run.id)
        # A new rule or policy can change which attempt counts, if there were attempts before.
        changes_rule = run.policy or "rules" in run.settings
        is_own = any(own) or written or reviewed is not None
        if not is_own and not (changes_rule and any(number < run.id for number in attempts)):
            continue
        after, found_after = _mark_and_findings(store, name, run.id)
        is_others = run.kind == "remark" and (before, found) == (after, found_after)
        why = "" if is_others else run.why
        steps.append(
            Step(
                *(run.id, run.kind, run.began, run.ended, run.who, why, run.versions, *own),
                tuple(sorted(set(dropped) - set(former))),
                tuple(sorted(set(former) - set(dropped))),
                *(run.policy, before, after, "rules" in run.settings, written, reviewed),
                _new_prices(run, shares, priced, found_after),
                tuple(sorted(set(shares) - set(priced))),
            )
        )
        before, found = after, found_after
    mark, _ = _mark_and_findings(store, name)
    return History(name, mark, tuple(steps))


def _prices_in(run: Run, before: dict[str, float]) -> dict[str, float]:
    """Return the prices in the settings of a run, or ``before`` if the settings have none."""
    if "prices" not in run.settings:
        return before
    return dict(msgspec.convert(run.settings["prices"], Prices))


def _new_prices(
    run: Run, before: Mapping[str, float], after: Mapping[str, float], found: Iterable[str]
) -> Prices:
    """Return the changed prices of a run and, if it graded, the prices of all found mistakes.

    Prices are shares of a check's points by the code of a mistake. ``before`` and ``after`` are
    those before and after the run, and ``found`` are entries of `found_in`.
    """
    graded = {words.split()[-1] for words in found} if run.kind == "grade" else set()
    return tuple(
        (code, share)
        for code, share in sorted(after.items())
        if before.get(code) != share or code in graded
    )


def _mark_and_findings(
    store: Store, name: str, upto: int | None = None
) -> tuple[Mark | None, tuple[str, ...]]:
    """Return a student's score after a run, and the mistakes found in the attempt that counts.

    ``upto`` is the number of the run, by default the last. Without a counting attempt, they are
    None and empty.
    """
    counting = Counting(store, upto)
    attempt = counting.attempts.get(name)
    if attempt is None:
        return None, ()
    result = counting.result(name)
    return _mark(counting, attempt), found_in(result) if result else ()


def _mark(counting: Counting, attempt: CountingAttempt) -> Mark:
    """Return the score of a counting attempt, with its number and the number of attempts."""
    return Mark(*counting.score(attempt.kept.name), attempt.number, attempt.attempts)


def _attempts(store: Store, name: str) -> dict[int, list[Attempt]]:
    """Map the ids of runs to the student's submissions that the run found or marked again.

    A submission that the run found, but did not grade, has no result.
    """
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
    # A run that only marks again does not list submissions, so the last listing is used.
    known = {row["submission"]: row for row in listed}
    attempts: dict[int, list[Attempt]] = {}
    for key in sorted({**found, **made}):
        row, result = found.get(key) or known[key[1]], made.get(key)
        sender = sender_of(row)
        attempt = Attempt(
            *(sender.original, row["path"], sender.source, sender.at, sender.late),
            *(row["stamp"], row["digest"], result is None),
        )
        attempts.setdefault(key[0], []).append(_with_result(attempt, result) if result else attempt)
    return attempts


COPIED_FIELDS = ("score", "max_score", "provisional", "assignment", "preset", "versions", "digests")
"""Fields of a result that are copied into a record of an attempt."""


def _with_result(attempt: Attempt, row: sqlite3.Row) -> Attempt:
    """Add the result in a row of the class file to an attempt; only the standing if not graded."""
    if row["standing"] != "graded":
        return replace(attempt, standing=row["standing"], told=row["told"])
    result = unpack(row["packed"], Result)
    seeds = {task.task: task.seed or result.seed for task in result.tasks}
    facts: dict[str, Any] = {name: getattr(result, name) for name in COPIED_FIELDS}
    return replace(attempt, standing="graded", seeds=seeds, found=found_in(result), **facts)


def found_in(result: Result) -> tuple[str, ...]:
    """List the mistakes of a result as ``task/check mistake``, or ``task mistake`` for a note."""
    found = (
        (f"{task.task}/{finding.check}".rstrip("/"), finding.mistake)
        for task in result.tasks
        for finding in task.findings
    )
    return tuple(dict.fromkeys(map(" ".join, found)))


def _overrides(store: Store, name: str) -> list[tuple[int, PointsSet]]:
    """List all points that were set for a student or taken back, each after its run's id."""
    rows = store.rows(
        'SELECT run, task, "check", points FROM overrides WHERE name = ? ORDER BY id', (name,)
    )
    return [(run, PointsSet(*word)) for run, *word in rows]


def _comments(store: Store, name: str) -> dict[int, tuple[CommentWritten, ...]]:
    """Map the ids of runs to the comments on a student's attempts that the run wrote."""
    if not store.has_table("comments"):
        return {}
    rows = store.rows(
        "SELECT run, coalesce(first, id) AS id, task, coalesce(file, '') AS file, cell, line, "
        "text, points FROM comments WHERE name = ? ORDER BY comments.id",
        (name,),
    )
    found: dict[int, tuple[CommentWritten, ...]] = {}
    for run, *facts in rows:
        found[run] = (*found.get(run, ()), CommentWritten(*facts))
    return found


def _reviews(store: Store, name: str) -> dict[int, bool]:
    """Map the ids of runs to whether the grader marked the student as reviewed in that run."""
    if not store.has_table("reviews"):
        return {}
    rows = store.rows("SELECT run, reviewed FROM reviews WHERE name = ?", (name,))
    return {run: bool(reviewed) for run, reviewed in rows}


def differences(
    store: Store, before: int, after: int, *, pseudonyms: bool = False
) -> list[Difference]:
    """List the students whose score, findings or overrides differ between two runs.

    Parameters
    ----------
    store : Store
    before, after : int
        Numbers of the runs.
    pseudonyms : bool
        Use pseudonyms for names.

    Returns
    -------
    list of Difference
        Differences by name, also of students who have a counting attempt in one run only.

    Raises
    ------
    RunError
        One of the runs does not exist.
    """
    known = [run.id for run in store.runs()]
    for number in (before, after):
        if number not in known:
            there = (
                f"The runs are {', '.join(map(str, known))}" if known else "There are no runs yet"
            )
            raise RunError(
                f"There is no run {number} in {store.path}. {there}. `gradkit history` lists all "
                f"runs."
            )
    old, new = stood(store, before), stood(store, after)
    found = []
    for name in {**old, **new}:
        first, second = old.get(name), new.get(name)
        if first != second:
            old_found, new_found = (state.found if state else () for state in (first, second))
            found.append(
                Difference(
                    pseudonym(store, name) if pseudonyms else name,
                    first,
                    second,
                    tuple(mistake for mistake in old_found if mistake not in new_found),
                    tuple(mistake for mistake in new_found if mistake not in old_found),
                )
            )
    return sorted(found, key=lambda difference: difference.name)


def stood(store: Store, upto: int) -> dict[str, Stood]:
    """Map each student to the score, mistakes and overrides that counted at the end of a run."""
    found, counting = {}, Counting(store, upto)
    for name, attempt in counting.attempts.items():
        result = counting.result(name)
        overrides = {
            f"{task.task}/{check.check}": check.score
            for task in (result.tasks if result else ())
            for check in task.checks
            if check.decision is not None
        }
        for line in result.adjustments if result else ():
            if line.decision is not None:
                overrides[line.name or "total"] = line.score
        mistakes = found_in(result) if result else ()
        found[name] = Stood(attempt.kept.standing, _mark(counting, attempt), mistakes, overrides)
    return found
