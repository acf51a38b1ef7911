"""Compute the points that count from marks, instructors' overrides and the course's policy.

An override sets the points of a check, of a task, or the total. It survives new marks and new
runs, and becomes stale when the findings differ from those that the instructor saw. A stale
override still counts, but the result has to be reviewed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Any, Literal, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from gradkit.classroom.course.find_student import find_student, students
from gradkit.classroom.feedback import csv_table as csv
from gradkit.classroom.policy import (
    FILE,
    NO_POLICY,
    adjusted,
    counting_attempts,
    differences,
    moment,
    named,
    policy_of,
    read_policy,
    rule_of,
)
from gradkit.classroom.store.database import last
from gradkit.classroom.store.results import Store, key_of, pack, settings_of, unpack
from gradkit.classroom.store.reviews import ConflictError, comments
from gradkit.errors import GradkitError, did_you_mean
from gradkit.grading.points import HELD
from gradkit.records.classroom import Filed, FindingDecision, Kept, Listed, Override
from gradkit.records.course import Policy, Sender
from gradkit.records.result import (
    Adjustment,
    CheckResult,
    Comment,
    Decision,
    Result,
    TaskResult,
)
from gradkit.writing import read_named

TOTAL = "total"
"""Name of the total among the names of checks and tasks."""


class OverrideError(GradkitError):
    """Points cannot be set; the text says why."""


class Overridden(Struct, frozen=True):
    """A check, a task or a total whose points an instructor has set.

    ``marked`` are gradkit's points, None without marks. ``former`` is an earlier override.
    ``result`` is the student's result that counts, None if none counts any more.
    """

    name: str
    check: str
    points: float | None
    marked: float | None
    former: Override | None
    result: Result | None


def override_points(
    folder: Path, student: str, check: str, points: float | None, *, comment: str, by: str = ""
) -> Overridden:
    """Set a student's points for a check, a task or the total, or take them back. See `override`.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    student : str
        A name, an identifier, a part of these, or a pseudonym.
    check, points, comment, by
        As in `override`.

    Raises
    ------
    GradkitError
        The points cannot be set, or no student matches. Nothing was changed.

    Examples
    --------
    >>> from pathlib import Path
    >>> done = override_points(Path("results"), "chen", "update", 5.5, comment="but for a sign")
    >>> done.name, done.former, done.result.score
    ('chen', None, 16.8)
    """
    with Store(folder, write=True, make=False) as store, store.writing():
        return override(store, student, check, points, comment=comment, by=by)


def override(
    store: Store,
    student: str,
    check: str,
    points: float | None,
    *,
    comment: str,
    by: str = "",
    seen: str | None = None,
) -> Overridden:
    """Set a student's points for a check, a task or the total, or take an override back.

    Parameters
    ----------
    store : Store
        Open for writing.
    student : str
        A student with a counting attempt, even a refused one, or without any submission.
    check : str
        ``task/check``, a check that only one task has, a task, or ``total``.
    points : float, optional
        None takes an earlier override back.
    comment : str
        Reason, shown together with the points.
    by : str
        Person who decides, by default the account of this process.
    seen : str, optional
        Revision that the person has seen, see `revisions`. By default it is not compared.

    Raises
    ------
    OverrideError
        There is no such check, the points are out of range, there is no override to take back,
        or the reason is empty.
    ConflictError
        The check has another revision now.
    """
    name = find_student(store, student)
    with store.writing():
        is_absent = name not in Counting(store).attempts
        if is_absent:
            _store_first_attempt(store, name, comment, by)
        kept = Counting(store).attempts[name].kept
        target = _target_of(store, kept, check)
        known = {(word.task, word.check): word for word in overrides(store).get(name, ())}
        former = known.get((target.task, target.check))
        if seen not in (None, ABSENT if is_absent else revision_of(store, name, target)):
            raise ConflictError(_describe_conflict(target, former))
        _refuse_points(name, target, former, points, comment)
        run = store.begin("override", why=comment.strip(), who=by)
        place = {"name": name, "task": target.task, "check": target.check}
        store.insert("overrides", run=run, **place, points=points, basis=target.basis)
        store.end(run)
    return Overridden(name, check, points, target.marked, former, Counting(store).result(name))


def _store_first_attempt(store: Store, name: str, comment: str, by: str) -> None:
    """Store an empty attempt of a student without a counting attempt, so that points can be set.

    Raises
    ------
    OverrideError
        The student's submission is not graded yet, or no attempt counts by the class's rule.
    """
    if name in store.awaited():
        raise OverrideError(
            f"{name} is not graded yet. Run the same `gradkit grade` again, then set points."
        )
    _store_absent(store, name, comment, by)
    if name not in Counting(store).attempts:
        raise OverrideError(
            f"No attempt of {name} counts by the rule {rule_of(store)}, so points cannot be "
            "set. Choose another rule with `gradkit remark --attempt`."
        )


def _target_of(store: Store, kept: Kept, check: str) -> OverrideTarget:
    """Return the check, the task or the total of an attempt by its name.

    Raises
    ------
    OverrideError
        No result is stored for the attempt, or no item or several items have the name.
    """
    packed = store.result(kept.id)
    if not packed:
        raise OverrideError(
            f"{kept.name} was {kept.standing} by an earlier gradkit, which stored no tasks. "
            f"Grade again with --student {kept.name!r}, then set points."
        )
    return _find(unpack(packed, Result), kept, check)


def _refuse_points(
    name: str, target: OverrideTarget, former: Override | None, points: float | None, comment: str
) -> None:
    """Raise OverrideError if a person's points for an item cannot be stored.

    ``name`` is the student, ``target`` the item (a check, a task or the total), ``former`` the
    present override or None. ``points`` are the new points, None to withdraw the override, and
    ``comment`` is the reason. They are refused if the reason is empty, if points are not between 0
    and the item's largest points, or if there is no override to withdraw.
    """
    if not comment.strip():
        raise OverrideError(f"{target.name}: --comment is empty. Give the reason.")
    if points is None and former is None:
        raise OverrideError(
            f"{target.name} of {name} has no points set by a person, so nothing can be withdrawn."
        )
    if points is not None and not 0 <= points <= target.most:
        raise OverrideError(
            f"{target.name}: found {points:g} points; expected 0 to {target.most:g}."
        )


ABSENT = "absent"
"""Revision of the points of a student who has submitted nothing, before any are set."""


def revisions(store: Store, kept: Kept, result: Result) -> dict[str, tuple[str, float]]:
    """Return revision and largest points of each check, each task and the total of a result.

    A revision changes when somebody sets or takes back these points, and when their findings
    change. `override` compares it with the one that a grader has seen.
    """
    return {
        name: (revision_of(store, kept.name, target), target.most)
        for name, target in targets_of(result, kept).items()
    }


def revision_of(store: Store, name: str, target: OverrideTarget) -> str:
    """Return the revision of the points of one item of the student ``name``.

    ``target`` is the item in the student's present result. The text changes when somebody sets or
    takes back the points, and when the findings change. A caller sends it back with new points, so
    that a change in between is noticed.
    """
    (row,) = store.rows(
        'SELECT max(id) AS newest FROM overrides WHERE name = ? AND task = ? AND "check" = ?',
        (name, target.task, target.check),
    )
    return f"{row['newest'] or 0}-{target.basis[:16]}"


def _describe_conflict(target: OverrideTarget, override: Override | None) -> str:
    """Describe the present points of an item that has changed while a grader looked at it.

    ``override`` has points that a person has set, None if the computed points count.
    """
    if override is None:
        return (
            f"{target.name}: the findings, or the points set by a person, have changed "
            "meanwhile. Now no points are set by a person."
        )
    return (
        f"{target.name}: {override.by} has set {override.points:g} points meanwhile, or the "
        f"findings have changed. Reason: {override.comment}"
    )


NOTHING = "Nothing was submitted."


def _store_absent(store: Store, name: str, comment: str, by: str) -> None:
    """Store an empty attempt of a student who submitted nothing, so that points can be set.

    The attempt has no digest, so that it does not count as soon as there is another attempt.
    """
    # Imported here because only this function needs the assignment.
    from gradkit.grading.session import Session

    with Session(settings_of(store)) as session:
        result = pack(session.refused(name, "", "", NOTHING))
    run = store.begin("override", why=comment.strip(), who=by)
    store.add(run, [Filed(name, "", "", "", "absent", NOTHING, result=result)])
    store.add_listed(run, [Listed(name, "", 0, "", Sender(name, "plain", {}, False, name))])
    store.end(run)


class OverrideTarget(Struct, frozen=True):
    """An item whose points can be set: a check, a task (no check) or the total (no task).

    ``marked`` are gradkit's points, None without marks; ``most`` is the largest number of points;
    ``basis`` is a digest of the findings, see `basis_of`.
    """

    task: str
    check: str
    marked: float | None
    most: float
    basis: str

    @property
    def name(self) -> str:
        """Return ``task/check``, the task, or ``total``."""
        return "/".join(filter(None, (self.task, self.check))) or TOTAL


def targets_of(result: Result, kept: Kept) -> dict[str, OverrideTarget]:
    """Return the items of a result whose points can be set, by name.

    These are all checks (``task/check``), all tasks (the task's id) and the total; a refused result
    has a total only if the class says which tasks count. ``kept`` is the attempt with the result.
    """
    found: dict[str, OverrideTarget] = {}

    def add(task: str, check: str, score: float, most: float, basis: str) -> None:
        target = OverrideTarget(task, check, None if result.refused else score, most, basis)
        found[target.name] = target

    for task in result.tasks:
        for check in task.checks:
            basis = basis_of(kept, task, check)
            add(task.task, check.check, check.score, check.max_score, basis)
        add(task.task, "", task.score, task.max_score, _basis_of_task(kept, task))
    # A refused result has a total only if the class says which tasks count.
    if not result.refused or result.required:
        most = sum(task.max_score for task in asked(result))
        basis = _digest([_basis_of_task(kept, task) for task in result.tasks])
        add("", "", result.score, most, basis)
    return found


def asked(result: Result, spoken: Iterable[str] = ()) -> list[TaskResult]:
    """Return the tasks that count in a result.

    ``spoken`` are the ids of tasks with an override. In a refused result, only these and the
    required tasks count.
    """
    counting = {*result.required, *spoken}
    return [task for task in result.tasks if not result.refused or task.task in counting]


def _find(result: Result, kept: Kept, name: str) -> OverrideTarget:
    """Return the item of a result with a name.

    Raises
    ------
    OverrideError
        No item or several items match the name.
    """
    known = targets_of(result, kept)
    found = [key for key in known if name in (key, key.partition("/")[2])]
    if len(found) == 1:
        return known[found[0]]
    if name == TOTAL:
        raise OverrideError(
            f"{kept.name} has no total, because no tasks are required in this class. Name a "
            f"task: one of {', '.join(key for key in known if '/' not in key)}."
        )
    several = "is a check of several tasks: name the task too"
    wrong = several if found else "is not a check of this result"
    words = [*known, *(key.partition("/")[2] for key in known)]
    near = "" if found else did_you_mean(name, words)
    raise OverrideError(f"{name} {wrong}. Expected one of {', '.join(found or known)}.{near}")


def overrides(store: Store, upto: int | None = None) -> dict[str, tuple[Override, ...]]:
    """Map each student to the overrides that are valid at the end of the run ``upto``, or now."""
    decided_findings = _finding_decisions(store)
    rows = store.rows(
        'SELECT overrides.id, name, task, "check", points, basis, who AS "by", '
        "why AS comment, began AS made FROM overrides JOIN runs ON runs.id = run "
        "WHERE overrides.id IN (SELECT max(id) FROM overrides WHERE run <= ? "
        'GROUP BY name, task, "check") ORDER BY overrides.id',
        (last(upto),),
    )
    found: dict[str, tuple[Override, ...]] = {}
    for id_, name, *word in rows:
        override = Override(*(*word, decided_findings.get(id_, ())))
        if override.points is not None:
            found[name] = (*found.get(name, ()), override)
    return found


def _finding_decisions(store: Store) -> dict[int, tuple[FindingDecision, ...]]:
    """Map the ids of overrides to the decisions about findings from which they follow."""
    if not store.has_table("finding_decisions"):
        return {}
    found: dict[int, tuple[FindingDecision, ...]] = {}
    for id_, *decision in store.rows(
        "SELECT override, finding, code, action, share FROM finding_decisions ORDER BY id"
    ):
        found[id_] = (*found.get(id_, ()), FindingDecision(*decision))
    return found


def changed_policy(
    store: Store, newcomers: Mapping[str, Collection[str]] = {}, *, whole: bool = False
) -> tuple[Policy | None, list[str], str]:
    """Read a class's policy file, and compare it with the policy that is in force.

    Parameters
    ----------
    store : Store
    newcomers : mapping of str to collection of str
        Identifiers of students who are not in the class yet, by name.
    whole : bool
        Whether ``newcomers`` and the class are all students of the course.

    Returns
    -------
    tuple of Policy or None, list of str, str
        The new policy, None if it is unchanged or there is no file; warnings about unknown
        students in it; a sentence about the changes, empty if there are none or nothing is
        graded yet.
    """
    folder, former = store.path.parent, policy_of(store)
    read = read_policy(folder / FILE)
    if read is None:
        return None, [], ""
    known = {**newcomers, **students(store)}
    policy, warnings = named(read, known, whole=whole or bool(store.enrolled()))
    if policy == former:
        return None, warnings, ""
    text = f"has changed since the class was graded: {'; '.join(differences(former, policy))}"
    text = f"{folder / FILE} {text}. `gradkit remark {folder}` applies it to everybody"
    return policy, warnings, text if store.newest() else ""


class Counting:
    """The counting attempts of a class, with the overrides and the policy.

    Parameters
    ----------
    store : Store
    upto : int, optional
        Run after whose end the class is looked at, by default the last.
    rule : str, optional
        Rule for the counting attempt, by default the rule that was set last.
    policy : Policy, optional
        Policy of the course, by default the policy that was set last.
    amended : mapping of int to Filed, optional
        Results that are about to replace stored ones, as in `counting_attempts`.

    Attributes
    ----------
    attempts : dict of str to CountingAttempt
        Counting attempt of each student, in the order of the names.
    words : dict of str to tuple of Override
        Overrides of each student.
    comments : dict of str to tuple of Comment
        Comments of graders on each student's attempts.
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
        """Read the counting attempts, overrides and comments of a class from its store.

        They are those at the end of the run ``upto``, by default the last. ``rule`` and ``policy``
        replace those of the class, and ``amended`` has results that replace stored ones, by the ids
        of these.
        """
        self._store, self._amended = store, amended
        self.words, self.policy = overrides(store, upto), policy or policy_of(store, upto)
        found = counting_attempts(store, upto, rule=rule, policy=self.policy, amended=amended)
        self.attempts = {attempt.kept.name: attempt for attempt in found}
        self.comments = comments(store, upto)

    def at(self, store: Store) -> Counting:
        """Return a copy that reads results from ``store``, the class file as it is opened now."""
        new = copy(self)
        new._store = store
        return new

    def result(self, name: str) -> Result | None:
        """Return a student's result; None if nothing was graded and no points were set."""
        kept = self.attempts[name].kept
        new = self._amended.get(kept.id)
        packed = self._store.result(kept.id) if new is None else new.result
        if not packed:
            return None
        facts = (self.words.get(name, ()), self.policy, self.comments.get(name, ()))
        made = counted(unpack(packed, Result), kept, *facts)
        return None if is_open(made) else made

    def score(self, name: str) -> tuple[float | None, float | None]:
        """Return a student's score and the largest score; None for both without a result."""
        kept = self.attempts[name].kept
        has_points = any(comment.points for comment in self.comments.get(name, ()))
        if name not in self.words and not has_points and self.policy == NO_POLICY:
            return kept.score, kept.max_score
        result = self.result(name)
        return (result.score, result.max_score) if result else (None, None)


def is_open(result: Result) -> bool:
    """Return True if a submission was refused and no points have been set for it."""
    has_decision = any(check.decision for task in result.tasks for check in task.checks)
    return bool(result.refused) and not result.adjustments and not has_decision


Decided = TypeVar("Decided", Adjustment, CheckResult)


def decided(of: Decided, **changes: Any) -> Decided:
    """Return a check or an adjustment with changes of its decision, if it has a decision."""
    return replace(of, decision=of.decision and replace(of.decision, **changes))


def counted(
    result: Result,
    kept: Kept,
    overrides: Iterable[Override],
    policy: Policy = NO_POLICY,
    comments: Iterable[Comment] = (),
) -> Result:
    """Return a result with the scores that follow from overrides, comments and the policy.

    As long as the submission is refused and nobody has set points, comments and the policy do not
    count; only the largest score is that of the policy's scale.

    Overrides of checks or tasks that no longer exist are ignored, and so are comments on other
    attempts than ``kept``. Points of comments do not count if a person has set the total.
    """
    words = {(override.task, override.check): override for override in overrides}
    targets = targets_of(result, kept) if words else {}
    tasks = [_override_checks(task, words, targets) for task in result.tasks]
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
    own = tuple(comment for comment in comments if comment.digest == kept.digest)
    parts = {"tasks": tuple(shown), "adjustments": tuple(lines), "comments": own}
    new = replace(result, score=round(score, 2), max_score=most, **parts)
    if is_open(new):
        return replace(new, max_score=policy.scale.to) if policy.scale and most else new
    if ("", "") not in words:
        lines += _comment_lines(own, new.score)
        score = new.score + sum(line.points for line in lines if line.kind == "comment")
        new = replace(new, score=round(score, 2), adjustments=tuple(lines))
    return adjusted(new, policy, kept, moment(kept.sender.at))


def _line(
    kind: Literal["task", "total"], word: Override, target: OverrideTarget, score: float, name: str
) -> Adjustment:
    """Return the adjustment that changes a score to the points that an override sets.

    ``word`` is the override, ``target`` the task or total that it is about, ``score`` the present
    score, and ``name`` the title in the adjustment.
    """
    given = min(word.points or 0.0, target.most)
    decision = _decision(word, target)
    return Adjustment(kind, round(given - score, 2), "", name, given, target.most, decision)


def _comment_lines(comments: Iterable[Comment], score: float) -> Iterator[Adjustment]:
    """Yield the points of comments, as far as they do not make the score negative."""
    for comment in comments:
        if comment.points:
            points = round(max(comment.points, -score), 2)
            score += points
            yield Adjustment("comment", points, f"{comment.text} ({comment.by})")


def _decision(word: Override, target: OverrideTarget) -> Decision:
    """Return an override as a decision, stale if the findings have changed since."""
    stale = word.basis != target.basis
    return Decision(target.marked, word.by, word.made, word.comment, stale)


def _override_checks(
    task: TaskResult,
    words: Mapping[tuple[str, str], Override],
    targets: Mapping[str, OverrideTarget],
) -> TaskResult:
    """Return a task with the points that overrides set for its checks.

    These points are at most the check's largest, and the check no longer waits for a decision.
    ``words`` are the overrides by task and check, ``targets`` the items of the result by name.
    """
    checks = []
    for check in task.checks:
        word = words.get((task.task, check.check))
        if word is None or word.points is None:
            checks.append(check)
            continue
        decision = _decision(word, targets[f"{task.task}/{check.check}"])
        # The largest score of the check may have become smaller since the override.
        score = min(word.points, check.max_score)
        # A decision about a finding settles only what is held for this finding.
        decided_codes = {each.code for each in word.findings}
        held = tuple(c for c in check.held if c not in decided_codes) if word.findings else ()
        notes = check.notes if held else tuple(note for note in check.notes if note != HELD)
        checks.append(replace(check, score=score, decision=decision, held=held, notes=notes))
    if tuple(checks) == task.checks:
        return task
    score = round(sum(check.score for check in checks), 2)
    return _override_findings(replace(task, checks=tuple(checks), score=score), words, targets)


def _override_findings(
    task: TaskResult,
    words: Mapping[tuple[str, str], Override],
    targets: Mapping[str, OverrideTarget],
) -> TaskResult:
    """Return a task with the costs of its findings that follow from overrides of its checks.

    ``words`` are the overrides by task and check, ``targets`` the items of the result by name. A
    finding that a person has withdrawn is left out. A decision about findings that differ from the
    present ones has no effect on what is shown, as they can have the same ids.
    """
    direct, costs = set(), dict[str, dict[str, float]]()
    withdrawn = set[str]()
    for (task_id, name), word in words.items():
        if task_id != task.task or not name:
            continue
        target = targets.get(f"{task_id}/{name}")
        if target is None or not word.findings or word.basis != target.basis:
            direct.add(name)
            continue
        withdrawn |= {each.finding for each in word.findings if each.action == "withdrawn"}
        for each in word.findings:
            if each.action == "priced":
                costs.setdefault(each.finding, {})[name] = round(each.share * target.most, 2)
    findings = []
    for finding in task.findings:
        if finding.id in withdrawn:
            continue
        # The points that a person sets directly are not the sum of deductions.
        all_costs = {**finding.costs, **costs.get(finding.id, {})}
        own = {check: cost for check, cost in all_costs.items() if check not in direct}
        if own == finding.costs and (own or finding.check not in direct):
            findings.append(finding)
        else:
            findings.append(replace(finding, costs=own, deduction=round(sum(own.values()), 2)))
    shown = {finding.mistake for finding in findings}
    gone = {finding.mistake for finding in task.findings} - shown
    checks = (
        replace(check, causes=tuple(code for code in check.causes if code not in gone))
        for check in task.checks
    )
    return replace(task, checks=tuple(checks), findings=tuple(findings))


def basis_of(kept: Kept, task: TaskResult, check: CheckResult) -> str:
    """Return a digest of the facts on which an instructor decides about a check.

    These are the contents of the submission ``kept``, and the state, the largest score and the
    findings of the ``check`` of ``task``. Numbers are not included, as they change with the inputs,
    nor are deductions.
    """
    found = sorted(
        [finding.mistake, *finding.entries]
        for finding in task.findings
        if finding.check == check.check
    )
    return _digest([kept.digest, check.state, check.max_score, found, sorted(check.causes)])


def _basis_of_task(kept: Kept, task: TaskResult) -> str:
    """Return a digest of the facts on which an instructor decides about a task."""
    return _digest([basis_of(kept, task, check) for check in task.checks])


def _digest(facts: object) -> str:
    """Return the digest of the JSON text of a value."""
    return key_of(json.dumps(facts))


BULK = ("student", "check", "points", "comment")
"""Columns of a table of overrides."""


def override_table(folder: Path, table: Path, *, by: str = "") -> list[Overridden]:
    """Set the points that are listed in a CSV file, all or none of them.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    table : Path
        CSV file with the columns ``student``, ``check``, ``points`` and ``comment``. An empty
        cell of points takes an override back.
    by : str
        Person who decides, by default the account of this process.

    Raises
    ------
    GradkitError
        A row cannot be used; the text says which row. Nothing was changed.
    """
    sheet = csv.read_table(read_named(table, OverrideError), table.name)
    csv.refuse_ragged(sheet)
    places = csv.columns_of(csv.values(sheet, 0), {name: (name,) for name in BULK})
    if missing := [name for name in BULK if name not in places]:
        raise OverrideError(
            f"{table}: has no column {', '.join(missing)}. Expected columns: {', '.join(BULK)}."
        )
    overridden = []
    with Store(folder, write=True, make=False) as store, store.writing():
        for number, cells in csv.filled(sheet).items():
            row = {name: cells[place].strip() for name, place in places.items()}
            points = csv.number_of(row["points"])
            try:
                if row["points"] and points is None:
                    raise OverrideError(f"{row['points']!r} is not a number of points.")
                reason = {"comment": row["comment"], "by": by}
                overridden.append(override(store, row["student"], row["check"], points, **reason))
            except GradkitError as error:
                text = f"{table}, row {number + 1}: {error} Nothing was set."
                raise OverrideError(text) from None
    return overridden
