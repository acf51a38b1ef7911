"""Summarise a class, list the results to review, and divide this work among assistants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Literal, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gradkit.classroom.course.find_student import pseudonym
from gradkit.classroom.feedback.address import addresses, ids_of
from gradkit.classroom.policy import (
    BEFORE,
    counting_attempts,
    days_late,
    moment,
    policy_of,
    rule_of,
    theirs,
    time_of,
)
from gradkit.classroom.policy import FILE as POLICY
from gradkit.classroom.store.counted import Counting, changed_policy, decided
from gradkit.classroom.store.results import Store, key_of, unpack
from gradkit.classroom.store.reviews import reviewer, reviews
from gradkit.records.classroom import (
    CountingAttempt,
    FrequentMistake,
    HandedIn,
    Kept,
    Kind,
    Reason,
    Row,
)
from gradkit.records.course import Policy, Student
from gradkit.records.result import (
    FOR_INSTRUCTORS,
    UNEXPLAINED,
    Notice,
    Result,
    State,
    TaskResult,
)
from gradkit.report.data import to_row
from gradkit.report.table import first_names
from gradkit.text import format_text, name_key

KINDS: tuple[Kind, ...] = get_args(Kind)
"""Kinds of reasons for a review, the most urgent first."""

STATES: dict[State, tuple[Kind, str]] = {
    "error": ("crashed", "stopped with an error"),
    "missing": ("missing", "missing"),
    "inconclusive": ("inconclusive", "inconclusive"),
    "timeout": ("timeout", "ran out of time"),
    "not-checked": ("not-checked", "not checked"),
}
"""States of a check that need a review: the kind of reason, and the state in words."""

REMARKS: tuple[Kind, ...] = (
    "unexplained",
    "memorised-answers",
    "several-files",
    "forbidden-import",
    "numerical-gradient",
    "own-forward-gradient",
    "selector",
    "denied-access",
    "nondeterministic",
)
"""Codes of findings and kinds of notices that a person must look at."""

NOTICES: Mapping[str, str] = {
    "selector": "a constant chooses between several formulas",
    "denied-access": "stopped, because it tried to use a file or the network",
}
"""Words for the kinds of notices without an entry in the catalogue."""


def review(
    store: Store,
    assistants: Sequence[str] = (),
    *,
    pseudonyms: bool = False,
    rows: Sequence[Row] = (),
) -> list[Row]:
    """List the students whose results an instructor must review.

    Parameters
    ----------
    store : Store
    assistants : sequence of str
        Assistants who share the work, see `split_work`.
    pseudonyms : bool
        Use pseudonyms for names, and leave out texts that may contain names.
    rows : sequence of Row
        Rows of the class, by default those of `everybody`.

    Returns
    -------
    list of Row
        Rows sorted by the most urgent reason, then by name.
    """
    found = [row for row in rows or everybody(store) if row.review]
    if assistants:
        assigned = split_work([row.name for row in found], assistants)
        found = [replace(row, assistant=assigned[row.name]) for row in found]
    if pseudonyms:
        found = [_anonymise(row, pseudonym(store, row.name)) for row in found]
    return sorted(found, key=lambda row: (KINDS.index(row.review[0].kind), name_key(row.name)))


class RowFacts(Struct, frozen=True):
    """The facts about a student's counting result from which the student's row is made.

    ``row`` is without all that belongs to the attempt rather than to the result. ``undecided``:
    some task has no points set by a person. ``decided``: a person has set a task or the total.
    """

    row: Row
    reasons: tuple[Reason, ...]
    undecided: bool
    decided: bool
    present: frozenset[str]


Memo = dict[tuple[object, ...], RowFacts | None]
"""Known facts by the id of a stored result, the overrides and comments on it, and the policy."""


def _facts(counting: Counting, name: str, memo: Memo) -> RowFacts | None:
    """Return the facts about the result of a student ``name``, None without a result.

    ``counting`` has the counting attempts, overrides, comments and the policy. The facts are looked
    up in ``memo`` by these first, and added to it.
    """
    words, own = counting.words.get(name, ()), counting.comments.get(name, ())
    policy = msgspec.json.encode(counting.policy)
    key = (counting.attempts[name].kept.id, words, own, policy)
    if key not in memo:
        result = counting.result(name)
        memo[key] = None if result is None else _facts_of(result)
    return memo[key]


def _facts_of(result: Result) -> RowFacts:
    """Return the facts about a result."""
    return RowFacts(
        to_row(result),
        tuple(reasons(result)),
        bool(_undecided(result)),
        any(line.decision for line in result.adjustments),
        frozenset(task.task for task in result.tasks if not task.absent),
    )


def everybody(
    store: Store, memo: Memo | None = None, counting: Counting | None = None
) -> list[Row]:
    """Return a row for each student of a class, from which all its reports are made.

    Parameters
    ----------
    store : Store
    memo : dict, optional
        Facts that an earlier call has computed, for a program that needs the rows again and
        again. New facts are added.
    counting : Counting, optional
        The counting attempts, if they are known already.
    """
    memo, counting = {} if memo is None else memo, counting or Counting(store)
    roster, reviewed = store.enrolled(), reviews(store)
    attempts, policy = counting.attempts.values(), counting.policy
    provisional, has_times = all_provisional(attempts), _knows_lateness(attempts)
    graded = [kept for kept in theirs(store.newest()) if kept.standing == "graded"]
    by_name: dict[str, list[Kept]] = {}
    for kept in graded:
        by_name.setdefault(kept.name, []).append(kept)
    rows = []
    for name, attempt in counting.attempts.items():
        kept, facts = attempt.kept, _facts(counting, name, memo)
        row, missing = _row(attempt, facts.row if facts else None, policy), []
        found = [*row.review] if facts is None else [*facts.reasons]
        if provisional:
            found = [reason for reason in found if reason.kind != "provisional"]
        has_deduction = policy.late and has_times and facts is not None and facts.undecided
        is_dated = days_late(policy, kept, moment(kept.sender.at)) is not None
        if has_deduction and kept.digest and not is_dated:
            found.append(Reason("late", "lateness unknown"))
        if roster and kept.name not in roster:
            found.append(Reason("not-in-roster", "not in the roster"))
        found.sort(key=lambda reason: KINDS.index(reason.kind))
        if attempt.attempts > 1 and facts and not facts.decided:
            missing = _tasks_elsewhere(store, facts.present, by_name.get(name, ()))
        by = reviewer(reviewed, name, kept.digest)
        rows.append(replace(row, review=tuple(found), left=tuple(missing), reviewed_by=by))
    return rows + [_absent(name, why) for name, why in uncounted(store, counting.attempts).items()]


def _tasks_elsewhere(store: Store, present: Container[str], graded: Iterable[Kept]) -> list[str]:
    """List the tasks that a student solved in other attempts, but not in the counting result."""
    tasks = [task for kept in graded for task in unpack(store.result(kept.id), Result).tasks]
    return [*dict.fromkeys(t.task for t in tasks if not t.absent and t.task not in present)]


def uncounted(store: Store, counted: Container[str]) -> dict[str, str]:
    """Map all students who are not in ``counted`` to the reason why no attempt counts."""
    found = dict.fromkeys(store.enrolled(), NOTHING) | dict.fromkeys(store.awaited(), NOT_YET)
    found |= dict.fromkeys((kept.name for kept in store.newest()), NONE_COUNTS)
    return {name: why for name, why in found.items() if name not in counted}


def _knows_lateness(attempts: Iterable[CountingAttempt]) -> bool:
    """Return True if the platform gives any attempt's time, or says whether it was late."""
    senders = [attempt.kept.sender for attempt in attempts]
    return any(sender.late or sender.source == "canvas" or moment(sender.at) for sender in senders)


def cautions(store: Store, rows: Iterable[Row]) -> list[str]:
    """Return warnings to the instructor about a class.

    They are about changes of the policy that are not applied yet, times of submission that are
    unknown but needed, and students in ``rows`` whose counting attempt lacks a task that another
    attempt has. ``store`` is the class file. Empty if there is nothing to warn about.
    """
    policy, rows = policy_of(store), [*rows]
    late = [row.name for row in rows if any(reason.kind == "late" for reason in row.review)]
    # If no platform gives times, an instructor who lists days_late has considered all students.
    has_no_times = (
        policy.late and not policy.days_late and not _knows_lateness(counting_attempts(store))
    )
    who = "anybody" if has_no_times else "".join(first_names(late, 6))
    untimed = (
        f"{POLICY}: the time of submission of {who} is unknown, so due, [extensions] and [late] "
        "have no effect. Enter the days late in [days_late], or 0."
    )
    warnings = [f"{change}." for change in changed_policy(store)[2:] if change]
    warnings += [untimed] * bool(who)
    warnings += _untimed_attempts(store)
    return warnings + [
        f"{row.name}: the attempt that counts does not have {', '.join(row.left)}, but another "
        "attempt has. To count everything, put all files into one folder or zip, and run `gradkit "
        f"grade … --student {row.name!r}` with it."
        for row in rows
        if row.left
    ]


def _untimed_attempts(store: Store) -> list[str]:
    """Return a warning if the rule for the counting attempt needs times that are not known."""
    rule = rule_of(store)
    if not rule.startswith(BEFORE):
        return []
    kept = [each.kept for each in counting_attempts(store)]
    names = [each.name for each in kept if each.digest and time_of(each) is None]
    if not names:
        return []
    return [
        f"--attempt {rule}: the time of submission of {''.join(first_names(names, 6))} is "
        "unknown, so the last attempt counts. Give a --roster with a column of times, "
        "“submitted at”."
    ]


def all_provisional(found: Iterable[CountingAttempt]) -> bool:
    """Return True if all graded results are provisional, which then is no reason for a review."""
    graded = [attempt.kept for attempt in found if attempt.kept.standing == "graded"]
    return bool(graded) and all(kept.provisional for kept in graded)


def reasons(result: Result) -> Iterator[Reason]:
    """Yield the reasons for reviewing a graded result, for the whole result and then by task.

    Tasks and checks whose points a person has set give no reason, unless the override is stale.
    """
    tasks = _undecided(result)
    found = {finding.mistake for task in tasks for finding in task.findings}
    found |= {each.kind for task in tasks for each in _open_notices(task)}
    yield from (
        Reason(
            "held",
            format_text(
                "you must confirm the points of {check}: for this student with `gradkit review DIR "
                "--serve`, or for the class with `gradkit remark DIR {accepts}`",
                check=name,
                accepts=" ".join(f"--accept {code}" for code in codes),
            ),
        )
        for name, codes in held_marks(result).items()
    )
    yield from (Reason(code, NOTICES.get(code, code)) for code in REMARKS if code in found)
    if tasks and any(problem.broken for problem in result.problems):
        yield Reason("not-python", "a part is not valid Python")
    for line in result.adjustments:
        if line.decision is not None and line.decision.stale:
            yield Reason(
                "stale-override",
                format_text(
                    "points set for {check}, but the findings have changed since",
                    check=line.name or "total",
                ),
            )
    for task in tasks:
        if task.absent:
            continue
        yield from _reasons_by_points(task)
        is_explained = task.findings or any(check.withdrawn for check in task.checks)
        untraced = {finding.check for finding in task.findings if finding.untraced}
        for check in task.checks:
            name = f"{task.task}/{check.check}"
            if check.decision is not None:
                if check.decision.stale:
                    yield Reason(
                        "stale-override",
                        format_text(
                            "points set for {check}, but the findings have changed since",
                            check=name,
                        ),
                    )
            elif check.state in STATES:
                kind, words = STATES[check.state]
                yield Reason(kind, f"{name} {words}")
            elif check.state == "fail" and not is_explained:
                yield Reason(
                    "unexplained",
                    format_text("{check} failed, and no mistake was found", check=name),
                )
            if check.check in untraced:
                yield Reason(
                    "untraced", format_text("line of the mistake in {check} unknown", check=name)
                )
    if absent := [task.task for task in tasks if task.absent]:
        yield Reason("absent", format_text("not submitted: {tasks}", tasks=", ".join(absent)))
    if result.provisional and tasks:
        yield Reason("provisional", "provisional")


def held_marks(result: Result) -> dict[str, tuple[str, ...]]:
    """Map the checks whose marks wait for a person's decision to the codes to be accepted.

    A check, a task or a total whose points a person has set does not wait.
    """
    return {
        f"{task.task}/{check.check}": check.held
        for task in _undecided(result)
        for check in task.checks
        if check.held
    }


def _open_notices(task: TaskResult) -> list[Notice]:
    """List the notices of a task, except those about a check whose points a person has set."""
    settled = {check.check for check in task.checks if check.decision is not None}
    return [each for each in task.notices if each.check not in settled]


def _reasons_by_points(task: TaskResult) -> Iterator[Reason]:
    """Yield the reasons for a review that the points of a task give.

    They are a score of zero, and each finding that costs over half of the task by itself. A task
    whose checks are all missing or blocked was not submitted, so its zero is no reason.
    """
    undecided = [check for check in task.checks if check.decision is None]
    is_submitted = any(check.state not in ("missing", "blocked") for check in undecided)
    if task.checkable and not task.score and is_submitted:
        yield Reason("zero", format_text("{task} earns no points", task=task.task))
    for finding in task.findings:
        if finding.deduction > task.max_score / 2:
            cost = {"points": f"{finding.deduction:g}", "most": f"{task.max_score:g}"}
            text = "{task} loses {points} of {most} points through {code} alone"
            words = format_text(text, task=task.task, code=finding.mistake, **cost)
            yield Reason("costly-finding", words)


def _undecided(result: Result) -> list[TaskResult]:
    """List the tasks without an override of the task or the total."""
    overridden = {line.name for line in result.adjustments if line.kind == "task"}
    has_total = any(line.kind == "total" for line in result.adjustments)
    return [task for task in result.tasks if not has_total and task.title not in overridden]


def split_work(names: Sequence[str], assistants: Sequence[str]) -> dict[str, str]:
    """Assign each student to an assistant, reproducibly and in nearly equal shares.

    Each student ranks the assistants by a digest of both names (rendezvous hashing), and gets the
    first who still has room. Each assistant has room for an even share, rounded up. So one
    assistant can have fewer students than the others, by less than the number of assistants.

    If students or assistants are added or removed, only few other students move: those whose
    first choice has become free or full. Of 300 students and four assistants, in trials, one
    student more or less moved at most five others, thirty students less moved a dozen, and an
    assistant who left moved hardly any of the other assistants' students.

    Parameters
    ----------
    names : sequence of str
        Students, in any order.
    assistants : sequence of str
        At least one assistant, all different, in any order.

    Returns
    -------
    dict of str to str
        The assistant of each student.

    References
    ----------
    Thaler and Ravishankar, A name-based mapping scheme for rendezvous, 1996. Mirrokni, Thorup
    and Zadimoghaddam, Consistent hashing with bounded loads, 2018.
    """
    room = dict.fromkeys(assistants, -(-len(names) // len(assistants)))
    found = {}
    for name in sorted(names, key=lambda name: (key_of(name), name)):
        ranked = sorted(assistants, key=lambda assistant: (key_of(name, assistant), assistant))
        chosen = next(assistant for assistant in ranked if room[assistant])
        room[chosen] -= 1
        found[name] = chosen
    return found


NOTHING = "nothing submitted"
NOT_YET = "not graded yet"
NONE_COUNTS = "no attempt that counts"


def class_rows(store: Store, *, pseudonyms: bool = False) -> list[Row]:
    """Return a row for each student of a class by name, with the student's identifiers.

    Parameters
    ----------
    store : Store
    pseudonyms : bool
        Use pseudonyms for names, and leave out identifiers, times of submission and texts that
        may contain names.
    """
    rows = everybody(store)
    if pseudonyms:
        rows = [_anonymise(row, pseudonym(store, row.name)) for row in rows]
    else:
        roster = store.enrolled()
        known = {name: dict(student.ids) for name, student in roster.items()}
        known |= {name: ids_of(address) for name, address in addresses(store, roster).items()}
        for name, student in roster.items():
            if family := _family_name(student):
                known[name] = {**known[name], "family": family}
        rows = [replace(row, ids=known.get(row.name, {})) for row in rows]
    return sorted(rows, key=lambda row: name_key(row.name))


def _family_name(student: Student) -> str:
    """Return the family name of a student, if the roster spells the name as ``Last, First``."""
    sortable = next((name for name in student.names if "," in name), "")
    return sortable.partition(",")[0].strip()


def frequent_mistake(store: Store, rows: Sequence[Row]) -> FrequentMistake | None:
    """Return the most frequent mistake of a class, with a student's finding as an example.

    The example is from the student with the fewest mistakes. Notes for the instructor and
    unexplained failures do not count as mistakes. Return None if there is no mistake.
    """
    counting = Counting(store)
    made = Counter(code for row in rows for code in row.mistakes)
    for code, count in sorted(made.items(), key=lambda item: (-item[1], item[0])):
        if code in {*FOR_INSTRUCTORS, UNEXPLAINED}:
            continue
        students = [row for row in rows if code in row.mistakes]
        name = min(students, key=lambda row: len(row.mistakes)).name
        if (result := counting.result(name)) is None:
            continue
        findings = [finding for task in result.tasks for finding in task.findings]
        example = next(finding for finding in findings if finding.mistake == code)
        return FrequentMistake(name, example, count)
    return None


def _row(attempt: CountingAttempt, made: Row | None, policy: Policy) -> Row:
    """Return the row of a student with a counting attempt.

    ``made`` is the row of the attempt's result, None without a result. Standing, times and reason
    for a missing grade are those of the attempt; ``policy`` says whether it is late.
    """
    kept = attempt.kept
    days = days_late(policy, kept, moment(kept.sender.at))
    late = kept.sender.late if days is None else days > 0
    handed = HandedIn(attempt.number, attempt.attempts, late, kept.sender.at)
    if kept.standing == "absent":
        if made is None:
            return _absent(kept.name, NOTHING)
        handed = HandedIn(0, 0)
    standing = kept.standing
    why = {"graded": "", "absent": NOTHING}.get(standing, standing)
    review = () if standing == "graded" or made else (Reason(standing, why),)
    row = made or Row(kept.name, standing)
    facts = {"standing": standing, "told": kept.told, "handed": handed, "ungraded": why}
    return replace(row, name=kept.name, review=review, **facts)


def _absent(name: str, why: str) -> Row:
    """Return the row of a student without a counting attempt."""
    standing: Literal["waiting", "absent"] = "waiting" if why == NOT_YET else "absent"
    review = (Reason(standing, why),)
    return Row(name, standing, review=review, handed=HandedIn(0, 0), ungraded=why)


def _anonymise(row: Row, name: str) -> Row:
    """Return a row under a pseudonym, without time of submission, comments and other texts."""
    overridden = {key: decided(check, comment="") for key, check in row.overridden.items()}
    lines = tuple(replace(decided(line, comment=""), said="") for line in row.adjustments)
    handed = replace(row.handed, at="")
    hidden = replace(row, name=name, told="", handed=handed, overridden=overridden)
    return replace(hidden, adjustments=lines)
