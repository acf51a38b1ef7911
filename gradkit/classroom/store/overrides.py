"""The last word: points that a person gives for a check, whatever the marks say.

It survives new marks and new runs, and is stale from when something else was found than what
the person had looked at. A stale word still counts; somebody has to look again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gradkit.classroom.course.find_student import find_student
from gradkit.classroom.store.attempts import counting_attempt, counting_attempts
from gradkit.classroom.store.database import last
from gradkit.classroom.store.results import Store, unpack
from gradkit.errors import GradkitError, did_you_mean
from gradkit.grading.mark import total_of
from gradkit.records.classroom import CountingAttempt, Kept, Override
from gradkit.records.result import CheckResult, Decision, Result, TaskResult
from gradkit.records.verdict import OPEN


class OverrideError(GradkitError):
    """These points cannot be given; the text says why."""


@dataclass(frozen=True, slots=True)
class Overridden:
    """A check whose points a person has set.

    ``marked`` is what the marks say, ``former`` what a person had said until now. ``result`` is
    the student's, with what counts.
    """

    name: str
    marked: float
    former: float | None
    result: Result


def override_points(
    folder: Path,
    student: str,
    check: str,
    points: float | None,
    *,
    comment: str,
    by: str = "",
) -> Overridden:
    """Set a student's points for a check, or take back those that were set. See `override`.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    student : str
        A name, a part of one, an identifier or a pseudonym.

    Raises
    ------
    GradkitError
        These points cannot be given, or nobody is meant. Nothing was changed.

    Examples
    --------
    >>> from pathlib import Path
    >>> done = override_points(Path("results"), "chen", "update", 11.5, comment="but for a sign")
    >>> done.name, done.former, done.result.score
    ('chen', None, 19.5)
    """
    with Store(folder, write=True, make=False) as store:
        name = find_student(store, student)
        one = counting_attempt(store, name)
        if one is None:
            raise OverrideError(f"{name} has nothing that counts, so there are no points to set.")
        marked, former = override(store, one.kept, check, points, comment=comment, by=by)
        result = result_of(store, one)
        return Overridden(name, marked, former, result)


def override(
    store: Store,
    kept: Kept,
    check: str,
    points: float | None,
    *,
    comment: str,
    by: str = "",
) -> tuple[float, float | None]:
    """Give points for a check of a student's, or take an earlier word back.

    Parameters
    ----------
    store : Store
        Open for writing.
    kept : Kept
        The student's result.
    check : str
        ``task/check``; the check alone where only one task has it.
    points : float, optional
        None takes back.
    comment : str
        Why; everybody who sees the points sees it.
    by : str
        Who; by default the account that this runs under.

    Returns
    -------
    tuple of float, float or None
        What the marks say, and what counted until now if that was another's word.

    Raises
    ------
    OverrideError
        There is no such check, the points are outside its range, there is nothing to be
        taken back, or no reason is given.
    """
    if kept.standing != "graded":
        raise OverrideError(
            f"{kept.name} was {kept.standing}, and has no checks to give points for: {kept.told}"
        )
    result = unpack(store.result(kept.id), Result)
    task, found = _find(result, check)
    said = {(each.task, each.check): each for each in overrides(store).get(kept.name, ())}
    former = said.get((task.task, found.check))
    name = f"{task.task}/{found.check}"
    if not comment.strip():
        raise OverrideError(f"{name}: --comment is empty. Say why, for whoever asks later.")
    if points is None and former is None:
        raise OverrideError(f"{name} of {kept.name} has no override that could be taken back.")
    if points is not None and not 0 <= points <= found.max_score:
        raise OverrideError(
            f"{name}: {points:g} points are given, and 0 to {found.max_score:g} are possible."
        )
    with store.writing():
        run = store.begin("override", why=comment.strip(), who=by)
        place = {"name": kept.name, "task": task.task, "check": found.check}
        basis = basis_of(kept, task, found)
        store.insert("overrides", run=run, **place, points=points, basis=basis)
        store.end(run)
    return found.score, former.points if former else None


def _find(result: Result, name: str) -> tuple[TaskResult, CheckResult]:
    known = {
        f"{task.task}/{check.check}": (task, check)
        for task in result.tasks
        for check in task.checks
    }
    found = [key for key in known if name in (key, key.partition("/")[2])]
    if len(found) == 1:
        return known[found[0]]
    wrong = "is a check of several tasks" if found else "is no check of this result"
    words = [*known, *(key.partition("/")[2] for key in known)]
    near = "" if found else did_you_mean(name, words)
    raise OverrideError(f"{name} {wrong}. There are {', '.join(found or known)}.{near}")


def overrides(store: Store, upto: int | None = None) -> dict[str, tuple[Override, ...]]:
    """Map each student to the overrides that hold, at the end of a run or now."""
    rows = store.rows(
        'SELECT overrides.id, run, name, task, "check", points, basis, who AS "by", '
        "why AS comment, began AS made FROM overrides JOIN runs ON runs.id = run "
        "WHERE overrides.id IN (SELECT max(id) FROM overrides WHERE run <= ? "
        'GROUP BY name, task, "check") ORDER BY overrides.id',
        (last(upto),),
    )
    found: dict[str, tuple[Override, ...]] = {}
    for row in rows:
        if row["points"] is not None:
            found[row["name"]] = (*found.get(row["name"], ()), Override(**dict(row)))
    return found


def result_of(store: Store, one: CountingAttempt, upto: int | None = None) -> Result:
    """Return the result of an attempt that was graded, with the overrides on its checks."""
    said = overrides(store, upto).get(one.kept.name, ())
    return with_overrides(unpack(store.result(one.kept.id), Result), one.kept, said)


def counting_results(
    store: Store, upto: int | None = None
) -> Iterator[tuple[CountingAttempt, Result | None]]:
    """Give each student's attempt that counts, and its result; None where it was not graded."""
    said = overrides(store, upto)
    for one in counting_attempts(store, upto):
        kept, result = one.kept, None
        if kept.standing == "graded":
            packed = unpack(store.result(kept.id), Result)
            result = with_overrides(packed, kept, said.get(kept.name, ()))
        yield one, result


def with_overrides(result: Result, kept: Kept, said: Iterable[Override]) -> Result:
    """A result with the last word on its checks, and the sums that follow.

    A word on a check that is not there any more has nothing to say.
    """
    words = {(each.task, each.check): each for each in said}
    if not words:
        return result
    tasks = tuple(_task(kept, task, words) for task in result.tasks)
    return replace(result, tasks=tasks, score=sum(task.score for task in tasks))


def _task(kept: Kept, task: TaskResult, words: dict[tuple[str, str], Override]) -> TaskResult:
    checks = tuple(
        _check(kept, task, check, words.get((task.task, check.check))) for check in task.checks
    )
    if checks == task.checks:
        return task
    # Points that a person gives can be earned, checked or not.
    most = sum(each.max_score for each in checks if each.decision or each.state not in OPEN)
    score = total_of((check.score for check in checks), most, task.step)
    return replace(task, checks=checks, score=score)


def _check(kept: Kept, task: TaskResult, check: CheckResult, word: Override | None) -> CheckResult:
    if word is None or word.points is None:
        return check
    stale = word.basis != basis_of(kept, task, check)
    decision = Decision(check.score, word.by, word.made, word.comment, stale)
    # Points that the check has not any more cannot be given either.
    return replace(check, score=min(word.points, check.max_score), decision=decision)


def basis_of(kept: Kept, task: TaskResult, check: CheckResult) -> str:
    """A digest of what a person looks at who decides on a check.

    The contents of the submission, the check's state, what it is worth, and what was found;
    neither numbers, which fresh inputs change, nor what mistakes cost.
    """
    found = sorted(
        [each.mistake, *each.entries] for each in task.findings if each.check == check.check
    )
    said = [kept.digest, check.state, check.max_score, found, sorted(check.follows)]
    return hashlib.sha256(json.dumps(said).encode("utf-8", "surrogatepass")).hexdigest()
