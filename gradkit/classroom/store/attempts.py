"""Choose the attempt that counts, and the points that a person gives for a check of it.

All attempts are kept and graded; the rule may change at any time. ``last`` is the attempt handed
in last, ``best`` the one with the most points (of equal ones the last), ``before=DATE`` the last
one before that time. Attempts are in the order of the times that the platform gives; where it does
not give all of them, in the order in which gradkit was given them: earlier runs first, then as on
the command line. Where a platform gives no time, that of the file stands for it in
``before=DATE``.

An override survives new marks and new runs, and is stale from when something else was found than
what the person had looked at. A stale one still counts; somebody has to look again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from gradkit.classroom.course.find_student import find_student
from gradkit.classroom.store.database import last
from gradkit.classroom.store.results import Store, unpack
from gradkit.errors import GradkitError, did_you_mean
from gradkit.records.classroom import CountingAttempt, Filed, Kept, Override
from gradkit.records.result import CheckResult, Decision, Result, TaskResult

LAST = "last"
BEFORE = "before="


class PolicyError(GradkitError):
    """There is no such rule; the text says which there are."""


def policy(text: str) -> str:
    """A rule as it is stored, with the time of ``before=`` written out.

    Raises
    ------
    PolicyError
        There is no such rule, or no such time.

    Examples
    --------
    >>> policy("before=2026-11-01 23:59+00:00")
    'before=2026-11-01T23:59:00+00:00'
    """
    if text in (LAST, "best"):
        return text
    if not text.startswith(BEFORE):
        raise PolicyError(f"--attempt {text}: expected last, best or before=DATE.")
    time = moment(text.removeprefix(BEFORE))
    if time is None:
        raise PolicyError(
            f"--attempt {text}: expected a time after the sign, as in before=2026-11-01T23:59; "
            "one without a zone is this computer's."
        )
    return f"{BEFORE}{time.isoformat()}"


def moment(text: str) -> datetime | None:
    """A time as platforms and people write it; one without a zone is this computer's.

    Examples
    --------
    >>> moment("2026-10-01 10:00:00.000000000 Z").isoformat()
    '2026-10-01T10:00:00+00:00'
    """
    plain = re.sub(r"(\.\d{6})\d+", r"\1", text.strip())
    plain = re.sub(r" +(?=Z$|UTC$|[+-]\d\d:?\d\d$)", "", plain).replace("UTC", "Z")
    try:
        found = datetime.fromisoformat(plain)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.astimezone()


def counting_attempts(
    store: Store,
    upto: int | None = None,
    *,
    rule: str | None = None,
    amended: Mapping[int, Filed] | None = None,
) -> list[CountingAttempt]:
    """For each student the attempt that counts, in the order of the names.

    Parameters
    ----------
    store : Store
    upto : int, optional
        The last run that counts, by default all do: so the class stood at its end.
    rule : str, optional
        By default the one that was set last.
    amended : mapping of int to Filed, optional
        Results that are about to take the place of others, by the others' ids.

    Returns
    -------
    list of CountingAttempt
        Whoever has no attempt that the rule allows is not in it.
    """
    rule = rule or rule_of(store, upto)
    kept = [_amended(each, amended or {}) for each in theirs(store.newest(upto))]
    result = []
    for _, attempts in groupby(kept, key=lambda each: each.name):
        ordered = _ordered(list(attempts))
        chosen = _chosen(ordered, rule)
        if chosen is not None:
            result.append(CountingAttempt(chosen, ordered.index(chosen) + 1, len(ordered)))
    return result


def counting_attempt(store: Store, name: str, upto: int | None = None) -> CountingAttempt | None:
    """Return the attempt of one student that counts; None where there is none."""
    return next((one for one in counting_attempts(store, upto) if one.kept.name == name), None)


def theirs(found: Sequence[Kept]) -> list[Kept]:
    """Leave out submissions that a later run has found to be somebody else's, by another roster."""

    def file(kept: Kept) -> tuple[str, str, str]:
        return kept.digest, kept.sender.source, kept.sender.original

    newest: dict[tuple[str, str, str], int] = {}
    for kept in found:
        newest[file(kept)] = max(kept.seen, newest.get(file(kept), 0))
    return [kept for kept in found if kept.seen == newest[file(kept)]]


def _amended(kept: Kept, amended: Mapping[int, Filed]) -> Kept:
    new = amended.get(kept.id)
    return kept if new is None else replace(kept, score=new.score, max_score=new.max_score)


def rule_of(store: Store, upto: int | None = None) -> str:
    """The rule that the newest run which says so has set."""
    said = [run.policy for run in store.runs() if run.policy and (upto is None or run.id <= upto)]
    return said[-1] if said else LAST


def _ordered(attempts: Sequence[Kept]) -> list[Kept]:
    """Sort by time, but for those that a machine could not read, if there are others."""
    read = [each for each in attempts if each.digest] or attempts
    times = {each.id: moment(each.sender.at) for each in read}
    told = {id_: time.timestamp() for id_, time in times.items() if time is not None}
    by_time = told if len(told) == len(times) else {}
    return sorted(read, key=lambda each: (by_time.get(each.id, 0.0), each.seen, each.place))


def _chosen(ordered: Sequence[Kept], rule: str) -> Kept | None:
    if rule == LAST:
        return ordered[-1]
    if rule.startswith(BEFORE):
        limit = datetime.fromisoformat(rule.removeprefix(BEFORE))
        return next((each for each in reversed(ordered) if _is_before(each, limit)), None)
    return max(reversed(ordered), key=lambda each: -1.0 if each.score is None else each.score)


def _is_before(kept: Kept, limit: datetime) -> bool:
    """True where it was handed in by then, or bears no time."""
    time = moment(kept.sender.at) or moment(kept.stamp)
    return time is None or time < limit


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
    return _result(store, one.kept, overrides(store, upto))


def counting_results(
    store: Store, upto: int | None = None
) -> Iterator[tuple[CountingAttempt, Result | None]]:
    """Give each student's attempt that counts, and its result; None where it was not graded."""
    said = overrides(store, upto)
    for one in counting_attempts(store, upto):
        graded = one.kept.standing == "graded"
        yield one, _result(store, one.kept, said) if graded else None


def _result(store: Store, kept: Kept, said: Mapping[str, Sequence[Override]]) -> Result:
    return with_overrides(unpack(store.result(kept.id), Result), kept, said.get(kept.name, ()))


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
    return replace(task, checks=checks, score=round(sum(check.score for check in checks), 2))


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
