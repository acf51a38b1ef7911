"""What counts of an attempt: the marks, the last words of persons, and the course's policy.

A person sets the points of a check, of a task, or the total. That survives new marks and new runs,
and is stale from when something else was found than what the person had looked at. A stale word
still counts; somebody has to look again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gradkit.classroom.course.find_student import find_student, students
from gradkit.classroom.feedback import csv_table as csv
from gradkit.classroom.policy import (
    FILE,
    adjusted,
    counting_attempts,
    differences,
    moment,
    named,
    read_policy,
    rule_of,
)
from gradkit.classroom.store.database import last
from gradkit.classroom.store.results import Store, key_of, pack, settings_of, unpack
from gradkit.errors import GradkitError, did_you_mean
from gradkit.records.classroom import Filed, Kept, Listed, Override
from gradkit.records.course import Policy, Sender
from gradkit.records.result import Adjustment, CheckResult, Decision, Result, TaskResult
from gradkit.writing import read_named

TOTAL = "total"
"""What is said in the place of a check where all of the work is meant."""

NO_POLICY = Policy()


class OverrideError(GradkitError):
    """These points cannot be given; the text says why."""


class Overridden(Struct, frozen=True):
    """A check, a task or a total whose points a person has set.

    ``marked`` is what the marks say, None where there are none, ``former`` what a person had said
    until now. ``result`` is the student's, with what counts; None where nothing does any more.
    """

    name: str
    check: str
    points: float | None
    marked: float | None
    former: float | None
    result: Result | None


def override_points(
    folder: Path, student: str, check: str, points: float | None, *, comment: str, by: str = ""
) -> Overridden:
    """Set a student's points for a check, a task or all, or take them back. See `override`.

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
    >>> done = override_points(Path("results"), "chen", "update", 5.5, comment="but for a sign")
    >>> done.name, done.former, done.result.score
    ('chen', None, 17.25)
    """
    with Store(folder, write=True, make=False) as store, store.writing():
        return override(store, student, check, points, comment=comment, by=by)


def override(
    store: Store, student: str, check: str, points: float | None, *, comment: str, by: str = ""
) -> Overridden:
    """Give points for a check, a task or all of a student's work, or take an earlier word back.

    Parameters
    ----------
    store : Store
        Open for writing.
    student : str
        Of whom an attempt counts, refused ones too, or who has handed in nothing.
    check : str
        ``task/check``; the check alone where only one task has it; a task; or ``total``.
    points : float, optional
        None takes back.
    comment : str
        Why; everybody who sees the points sees it.
    by : str
        Who; by default the account that this runs under.

    Raises
    ------
    OverrideError
        There is no such check, the points are outside its range, there is nothing to be
        taken back, or no reason is given.
    """
    name = find_student(store, student)
    counting = Counting(store)
    if name not in counting.attempts and name in store.awaited():
        raise OverrideError(
            f"{name} is not graded yet. Start the same `gradkit grade` again, and set points then."
        )
    if name not in counting.attempts:
        _note_absent(store, name, comment, by)
        counting = Counting(store)
    if name not in counting.attempts:
        raise OverrideError(
            f"No attempt of {name} counts by the rule {rule_of(store)}, so there are no points to "
            "set. Set another with `gradkit remark --attempt`."
        )
    kept = counting.attempts[name].kept
    packed = store.result(kept.id)
    if not packed:
        raise OverrideError(
            f"{kept.name} was {kept.standing} by an earlier gradkit, which noted no tasks. Grade "
            f"again with --student {kept.name!r}, and set the points then."
        )
    result = unpack(packed, Result)
    target = _find(result, kept, check)
    said = {(each.task, each.check): each for each in counting.words.get(name, ())}
    former = said.get((target.task, target.check))
    if not comment.strip():
        raise OverrideError(f"{target.name}: --comment is empty. Say why, for whoever asks later.")
    if points is None and former is None:
        raise OverrideError(
            f"{target.name} of {kept.name} has no override that could be taken back."
        )
    if points is not None and not 0 <= points <= target.most:
        raise OverrideError(
            f"{target.name}: {points:g} points are given, and 0 to {target.most:g} are possible."
        )
    with store.writing():
        run = store.begin("override", why=comment.strip(), who=by)
        place = {"name": kept.name, "task": target.task, "check": target.check}
        store.insert("overrides", run=run, **place, points=points, basis=target.basis)
        store.end(run)
    before = former.points if former else None
    return Overridden(name, check, points, target.marked, before, Counting(store).result(name))


NOTHING = "Nothing was handed in."


def _note_absent(store: Store, name: str, comment: str, by: str) -> None:
    """Note that a student has handed in nothing, so that a person's word on that has a place.

    What has no digest is nobody's attempt as soon as there is another.
    """
    # Late: nobody else here needs the assignment.
    from gradkit.grading.session import Session

    told = NOTHING
    with Session(settings_of(store)) as session:
        result = pack(session.refused(name, "", "", told))
    run = store.begin("override", why=comment.strip(), who=by)
    store.add(run, [Filed(name, "", "", "", "absent", told, result=result)])
    store.add_listed(run, [Listed(name, "", 0, "", Sender(name, "plain", {}, False, name))])
    store.end(run)


class _Target(Struct, frozen=True):
    """What points are set for: a check, a task (no check) or all (no task); see `basis_of`.

    ``marked`` is what the marks say, None where there are none.
    """

    task: str
    check: str
    marked: float | None
    most: float
    basis: str

    @property
    def name(self) -> str:
        return "/".join(filter(None, (self.task, self.check))) or TOTAL


def _targets(result: Result, kept: Kept) -> dict[str, _Target]:
    """Map the names of all that points can be set for to it."""
    found: dict[str, _Target] = {}

    def add(task: str, check: str, score: float, most: float, basis: str) -> None:
        target = _Target(task, check, None if result.refused else score, most, basis)
        found[target.name] = target

    for task in result.tasks:
        for check in task.checks:
            basis = basis_of(kept, task, check)
            add(task.task, check.check, check.score, check.max_score, basis)
        add(task.task, "", task.score, task.max_score, _basis_of_task(kept, task))
    if not result.refused or result.required:
        most = sum(task.max_score for task in asked(result))
        basis = _digest([_basis_of_task(kept, task) for task in result.tasks])
        add("", "", result.score, most, basis)
    return found


def asked(result: Result, spoken: Iterable[str] = ()) -> list[TaskResult]:
    """Return the tasks that count: of what was refused those that are required, or spoken of."""
    counting = {*result.required, *spoken}
    return [task for task in result.tasks if not result.refused or task.task in counting]


def _find(result: Result, kept: Kept, name: str) -> _Target:
    known = _targets(result, kept)
    found = [key for key in known if name in (key, key.partition("/")[2])]
    if len(found) == 1:
        return known[found[0]]
    if name == TOTAL:
        raise OverrideError(
            f"{kept.name} has no total: nothing says which tasks count in this class. Name a task: "
            f"one of {', '.join(key for key in known if '/' not in key)}."
        )
    wrong = "is a check of several tasks" if found else "is no check of this result"
    words = [*known, *(key.partition("/")[2] for key in known)]
    near = "" if found else did_you_mean(name, words)
    raise OverrideError(f"{name} {wrong}. There are {', '.join(found or known)}.{near}")


def overrides(store: Store, upto: int | None = None) -> dict[str, tuple[Override, ...]]:
    """Map each student to the overrides that hold, at the end of a run or now."""
    rows = store.rows(
        'SELECT name, task, "check", points, basis, who AS "by", '
        "why AS comment, began AS made FROM overrides JOIN runs ON runs.id = run "
        "WHERE overrides.id IN (SELECT max(id) FROM overrides WHERE run <= ? "
        'GROUP BY name, task, "check") ORDER BY overrides.id',
        (last(upto),),
    )
    found: dict[str, tuple[Override, ...]] = {}
    for name, *word in rows:
        override = Override(*word)
        if override.points is not None:
            found[name] = (*found.get(name, ()), override)
    return found


def policy_of(store: Store, upto: int | None = None) -> Policy:
    """Return the policy that the newest run which says so has set."""
    said = [
        r.settings["rules"] for r in store.runs() if r.id <= last(upto) and "rules" in r.settings
    ]
    return msgspec.convert(said[-1], Policy) if said else NO_POLICY


def changed_policy(
    store: Store, newcomers: Mapping[str, Collection[str]] = {}, *, whole: bool = False
) -> tuple[Policy | None, list[str], str]:
    """Return the policy beside a class if it is another than what holds, whom it misnames, and how.

    ``newcomers`` are not in the class yet: names, with their identifiers. ``whole``: there is a
    roster, and nobody else is in the course. The last is empty where nothing is graded yet.
    """
    folder, former = store.path.parent, policy_of(store)
    told = read_policy(folder / FILE)
    if told is None:
        return None, [], ""
    known = {**newcomers, **students(store)}
    policy, strangers = named(told, known, whole=whole or bool(store.enrolled()))
    if policy == former:
        return None, strangers, ""
    said = f"has changed since the class was graded: {'; '.join(differences(former, policy))}"
    said = f"{folder / FILE} {said}. `gradkit remark {folder}` takes it up for everybody"
    return policy, strangers, said if store.newest() else ""


class Counting:
    """What counts of a class: each student's attempt, the last words on it, the policy.

    Parameters
    ----------
    store : Store
    upto : int, optional
        The last run that counts, by default all do: so the class stood at its end.
    rule, policy : optional
        By default those that were set last.
    amended : mapping of int to Filed, optional
        As in `counting_attempts`.

    Attributes
    ----------
    attempts : dict of str to CountingAttempt
        By student, in the order of the names.
    words : dict of str to tuple of Override
    policy : Policy
    """

    def __init__(
        self,
        store: Store,
        upto: int | None = None,
        *,
        rule: str | None = None,
        policy: Policy | None = None,
        amended: Mapping[int, Filed] = {},
    ) -> None:
        self._store, self._amended = store, amended
        found = counting_attempts(store, upto, rule=rule, amended=amended)
        self.attempts = {one.kept.name: one for one in found}
        self.words, self.policy = overrides(store, upto), policy or policy_of(store, upto)

    def result(self, name: str) -> Result | None:
        """Return a student's result; None where nothing was graded, nor given by a person."""
        kept = self.attempts[name].kept
        new = self._amended.get(kept.id)
        packed = self._store.result(kept.id) if new is None else new.result
        if not packed:
            return None
        made = counted(unpack(packed, Result), kept, self.words.get(name, ()), self.policy)
        return None if is_open(made) else made

    def score(self, name: str) -> tuple[float | None, float | None]:
        """Return a student's score and the largest, None where there is none."""
        kept = self.attempts[name].kept
        if name not in self.words and self.policy == NO_POLICY:
            return kept.score, kept.max_score
        result = self.result(name)
        return (result.score, result.max_score) if result else (None, None)


def is_open(result: Result) -> bool:
    """True of what was refused, and is worth nothing as long as no person says what."""
    decided = any(check.decision for task in result.tasks for check in task.checks)
    return bool(result.refused) and not result.adjustments and not decided


Decided = TypeVar("Decided", Adjustment, CheckResult)


def decided(of: Decided, **changes: Any) -> Decided:
    """Return a check or a line with another decision, where a person has made one."""
    return replace(of, decision=of.decision and replace(of.decision, **changes))


def counted(
    result: Result, kept: Kept, said: Iterable[Override], policy: Policy = NO_POLICY
) -> Result:
    """Return a result with the last words on it, the lines of the policy, and what follows.

    A word on what is not there any more has nothing to say.
    """
    words = {(each.task, each.check): each for each in said}
    targets = _targets(result, kept) if words else {}
    tasks = [_task(task, words, targets) for task in result.tasks]
    lines = [
        _line("task", words[task.task, ""], targets[task.task], task.score, task.title)
        for task in tasks
        if (task.task, "") in words
    ]
    spoken = {task for task, _ in words}
    counting = asked(replace(result, tasks=tuple(tasks)), spoken)
    score = sum(task.score for task in counting) + sum(line.points for line in lines)
    most = sum(task.max_score for task in counting)
    if ("", "") in words and TOTAL in targets:
        lines.append(_line("total", words["", ""], targets[TOTAL], score, ""))
        score += lines[-1].points
    shown = [
        task for task in counting if not result.refused or any(c.decision for c in task.checks)
    ]
    made = replace(
        result, tasks=tuple(shown), score=round(score, 2), max_score=most, adjustments=tuple(lines)
    )
    if is_open(made):
        return replace(made, max_score=policy.scale.to) if policy.scale and most else made
    return adjusted(made, policy, kept, moment(kept.sender.at))


def _line(
    kind: Literal["task", "total"], word: Override, target: _Target, score: float, name: str
) -> Adjustment:
    """Return the line that makes of a score what a person has set."""
    given = min(word.points or 0.0, target.most)
    decision = _decision(word, target)
    return Adjustment(kind, round(given - score, 2), "", name, given, target.most, decision)


def _decision(word: Override, target: _Target) -> Decision:
    stale = word.basis != target.basis
    return Decision(target.marked, word.by, word.made, word.comment, stale)


def _task(
    task: TaskResult, words: Mapping[tuple[str, str], Override], targets: Mapping[str, _Target]
) -> TaskResult:
    checks = []
    spoken = {check for at, check in words if at == task.task}
    for check in task.checks:
        word = words.get((task.task, check.check))
        if word is None or word.points is None:
            checks.append(check)
            continue
        decision = _decision(word, targets[f"{task.task}/{check.check}"])
        # Points that the check has not any more cannot be given either.
        score = min(word.points, check.max_score)
        checks.append(replace(check, score=score, decision=decision))
    if tuple(checks) == task.checks:
        return task
    # What a person has set is no sum of deductions any more.
    free = (replace(f, deduction=0.0) if f.check in spoken else f for f in task.findings)
    score = round(sum(check.score for check in checks), 2)
    return replace(task, checks=tuple(checks), findings=tuple(free), score=score)


def basis_of(kept: Kept, task: TaskResult, check: CheckResult) -> str:
    """A digest of what a person looks at who decides on a check.

    The contents of the submission, the check's state, what it is worth, and what was found;
    neither numbers, which fresh inputs change, nor what mistakes cost.
    """
    found = sorted(
        [each.mistake, *each.entries] for each in task.findings if each.check == check.check
    )
    return _digest([kept.digest, check.state, check.max_score, found, sorted(check.follows)])


def _basis_of_task(kept: Kept, task: TaskResult) -> str:
    return _digest([basis_of(kept, task, check) for check in task.checks])


def _digest(said: object) -> str:
    return key_of(json.dumps(said))


BULK = ("student", "check", "points", "comment")
"""The columns of a table of overrides."""


def override_table(folder: Path, table: Path, *, by: str = "") -> list[Overridden]:
    """Set the points that a CSV lists, all or none of them.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    table : Path
        With the columns ``student``, ``check``, ``points`` and ``comment``. No points take back
        what was set.
    by : str
        Who decides; by default the account that this runs under.

    Raises
    ------
    GradkitError
        A row cannot be used; it says which. Nothing was changed.
    """
    sheet = csv.read_table(read_named(table, OverrideError), table.name)
    csv.refuse_ragged(sheet)
    places = csv.columns_of(csv.values(sheet, 0), {name: (name,) for name in BULK})
    if missing := [name for name in BULK if name not in places]:
        raise OverrideError(
            f"{table}: has no column {', '.join(missing)}. Expected are {', '.join(BULK)}."
        )
    done = []
    with Store(folder, write=True, make=False) as store, store.writing():
        for number, cells in csv.filled(sheet).items():
            row = {name: cells[place].strip() for name, place in places.items()}
            points = csv.number_of(row["points"])
            try:
                if row["points"] and points is None:
                    raise OverrideError(f"{row['points']!r} is no number of points.")
                told = {"comment": row["comment"], "by": by}
                done.append(override(store, row["student"], row["check"], points, **told))
            except GradkitError as error:
                text = f"{table}, row {number + 1}: {error} Nothing was set."
                raise OverrideError(text) from None
    return done
