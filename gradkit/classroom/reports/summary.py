"""Sum up a class, list what a person must look at, the most urgent first, and split that work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Literal, get_args

from msgspec.structs import replace

from gradkit.classroom.course.find_student import pseudonym
from gradkit.classroom.feedback.address import addresses, ids_of
from gradkit.classroom.policy import FILE as POLICY
from gradkit.classroom.policy import counting_attempts, days_late, moment, theirs
from gradkit.classroom.store.counted import Counting, changed_policy, decided, policy_of
from gradkit.classroom.store.results import Store, key_of, unpack
from gradkit.formatting import format_text
from gradkit.records.classroom import (
    CountingAttempt,
    FrequentMistake,
    HandedIn,
    Kept,
    Kind,
    Reason,
    Row,
    Summary,
)
from gradkit.records.course import Policy
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

KINDS: tuple[Kind, ...] = get_args(Kind)

STATES: dict[State, tuple[Kind, str]] = {
    "error": ("crashed", "stopped with an error"),
    "missing": ("missing", "missing"),
    "inconclusive": ("inconclusive", "inconclusive"),
    "timeout": ("timeout", "ran out of time"),
    "not-checked": ("not-checked", "not checked"),
}
"""States of a check that a person must look at, in words."""

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
    "selector": "a constant takes one of several formulas",
    "denied-access": "stopped because a file or the network was denied",
}
"""Words for what has no code in the catalogue."""


def review(
    store: Store,
    assistants: Sequence[str] = (),
    *,
    pseudonyms: bool = False,
    rows: Sequence[Row] = (),
) -> list[Row]:
    """List the students whose results a person must look at.

    Parameters
    ----------
    store : Store
    assistants : sequence of str
        Who shares the work, see `split_work`.
    pseudonyms : bool
        Students by their pseudonyms, and without sentences that may name them.
    rows : sequence of Row
        See `everybody`, by default what it gives.

    Returns
    -------
    list of Row
        By the most urgent reason of each, then by name.
    """
    found = [row for row in rows or everybody(store) if row.review]
    if assistants:
        whose = split_work([row.name for row in found], assistants)
        found = [replace(row, assistant=whose[row.name]) for row in found]
    if pseudonyms:
        found = [_hidden(row, pseudonym(store, row.name)) for row in found]
    return sorted(found, key=lambda row: (KINDS.index(row.review[0].kind), row.name))


def everybody(store: Store) -> list[Row]:
    """Give the line of everybody, by which all that is told of a class is told."""
    roster, counting = store.enrolled(), Counting(store)
    attempts, policy = counting.attempts.values(), counting.policy
    together, told = all_provisional(attempts), _tells_lateness(attempts)
    graded = [kept for kept in theirs(store.newest()) if kept.standing == "graded"]
    rows = []
    for name, one in counting.attempts.items():
        kept, result = one.kept, counting.result(name)
        row, left = _row(one, result, policy), []
        found = [*row.review] if result is None else [*reasons(result)]
        if together:
            found = [reason for reason in found if reason.kind != "provisional"]
        costs = policy.late and told and result is not None and _open(result)
        if costs and kept.digest and days_late(policy, kept, moment(kept.sender.at)) is None:
            found.append(Reason("late", "nothing tells how late it was"))
        if roster and kept.name not in roster:
            found.append(Reason("not-in-roster", "not in the roster"))
        found.sort(key=lambda reason: KINDS.index(reason.kind))
        if one.attempts > 1 and result and not any(line.decision for line in result.adjustments):
            left = _left(store, result, [each for each in graded if each.name == kept.name])
        rows.append(replace(row, review=tuple(found), left=tuple(left)))
    return rows + [_absent(name, why) for name, why in uncounted(store, counting.attempts).items()]


def _left(store: Store, result: Result, graded: Iterable[Kept]) -> list[str]:
    """List tasks that a student has in another attempt, and not in the one that counts."""
    there = {task.task for task in result.tasks if not task.absent}
    tasks = [task for each in graded for task in unpack(store.result(each.id), Result).tasks]
    return [*dict.fromkeys(t.task for t in tasks if not t.absent and t.task not in there)]


def uncounted(store: Store, counted: Container[str]) -> dict[str, str]:
    """Map everybody else, of whom nothing counts, to the phrase that says why."""
    left = dict.fromkeys(store.enrolled(), NOTHING) | dict.fromkeys(store.awaited(), NOT_YET)
    left |= dict.fromkeys((kept.name for kept in store.newest()), NONE_COUNTS)
    return {name: why for name, why in left.items() if name not in counted}


def _tells_lateness(found: Iterable[CountingAttempt]) -> bool:
    """True where the platform says of anybody when, or whether late, work was handed in."""
    senders = [one.kept.sender for one in found]
    return any(each.late or each.source == "canvas" or moment(each.at) for each in senders)


def cautions(store: Store, rows: Iterable[Row]) -> list[str]:
    """Say what a person should know of the policy, and who had more in another attempt."""
    policy, rows = policy_of(store), [*rows]
    late = [row.name for row in rows if any(each.kind == "late" for each in row.review)]
    # Where no platform tells anything, whoever is named was looked for by a person.
    silent = policy.late and not policy.days_late and not _tells_lateness(counting_attempts(store))
    who = "anybody" if silent else "".join(first_names(late, 6))
    untimed = (
        f"{POLICY}: nothing tells when {who} handed in, so due, [extensions] and [late] have no "
        "effect there. Say in [days_late] who was late, and by how many days, or 0."
    )
    said = [f"{told}." for told in changed_policy(store)[2:] if told] + [untimed] * bool(who)
    return said + [
        f"{row.name}: in another attempt, and not in the one that counts: {', '.join(row.left)}. "
        "To have all of it count, give all files together, in one folder or zip: `gradkit "
        f"grade … --student {row.name!r}`."
        for row in rows
        if row.left
    ]


def all_provisional(found: Iterable[CountingAttempt]) -> bool:
    """True where everybody's marks are provisional: nobody has to be looked at for that."""
    graded = [one.kept for one in found if one.kept.standing == "graded"]
    return bool(graded) and all(kept.provisional for kept in graded)


def reasons(result: Result) -> Iterator[Reason]:
    """Why a person must look at a graded result, in the order of its checks."""
    tasks = _open(result)
    found = {finding.mistake for task in tasks for finding in task.findings}
    found |= {each.kind for task in tasks for each in _open_notices(task)}
    yield from (Reason(code, NOTICES.get(code, code)) for code in REMARKS if code in found)
    if tasks and any(problem.broken for problem in result.problems):
        yield Reason("not-python", "a part is not valid Python")
    for line in result.adjustments:
        if line.decision is not None and line.decision.stale:
            yield Reason(
                "stale-override",
                format_text("{check} override is stale", check=line.name or "total"),
            )
    for task in tasks:
        if task.absent:
            continue
        yield from _striking(task)
        told = task.findings or any(check.withdrawn for check in task.checks)
        untraced = {finding.check for finding in task.findings if finding.untraced}
        for check in task.checks:
            name = f"{task.task}/{check.check}"
            if check.decision is not None:
                if check.decision.stale:
                    yield Reason(
                        "stale-override", format_text("{check} override is stale", check=name)
                    )
            elif check.state in STATES:
                kind, words = STATES[check.state]
                yield Reason(kind, f"{name} {words}")
            elif check.state == "fail" and not told:
                yield Reason(
                    "unexplained", format_text("{check} failed, and nothing says why", check=name)
                )
            if check.check in untraced:
                yield Reason("untraced", format_text("{check} line unknown", check=name))
    if absent := [task.task for task in tasks if task.absent]:
        yield Reason("absent", format_text("not handed in: {tasks}", tasks=", ".join(absent)))
    if result.provisional and tasks:
        yield Reason("provisional", "provisional")


def _open_notices(task: TaskResult) -> list[Notice]:
    """List the notices that are not about a check whose points a person has set."""
    settled = {check.check for check in task.checks if check.decision is not None}
    return [each for each in task.notices if each.check not in settled]


def _striking(task: TaskResult) -> Iterator[Reason]:
    """Yield a reason for a task without points, and for each finding that alone costs over half.

    Where no check found anything to run, nothing was handed in for the task.
    """
    open_ = [check for check in task.checks if check.decision is None]
    is_there = any(check.state not in ("missing", "blocked") for check in open_)
    if task.checkable and not task.score and is_there:
        yield Reason("zero", format_text("{task} earns no points", task=task.task))
    for finding in task.findings:
        if finding.deduction > task.max_score / 2:
            cost = {"points": f"{finding.deduction:g}", "most": f"{task.max_score:g}"}
            text = "{task} loses {points} of {most} points by {code} alone"
            words = format_text(text, task=task.task, code=finding.mistake, **cost)
            yield Reason("costly-finding", words)


def _open(result: Result) -> list[TaskResult]:
    """List the tasks whose points no person has set as a whole."""
    settled = {line.name for line in result.adjustments if line.kind == "task"}
    whole = any(line.kind == "total" for line in result.adjustments)
    return [task for task in result.tasks if not whole and task.title not in settled]


def split_work(names: Sequence[str], assistants: Sequence[str]) -> dict[str, str]:
    """Give each student an assistant: the same ones always, and about as many to each.

    Every assistant has a rank for every student, a digest of both names (rendezvous hashing),
    and takes the best ones up to an even share, rounded up. Nobody has more than that; all
    that is missing from even shares, less than one for each assistant, may be missing from
    one of them. Where a student or an assistant comes or goes, those move that have to, and
    the few whose first choice has become free or full thereby: of 300 among four, one student
    more or less moves five at most of what was tried, thirty less a dozen, and an assistant
    who leaves hardly any of the others' students.

    Parameters
    ----------
    names : sequence of str
        The students; their order does not matter.
    assistants : sequence of str
        At least one, all different; their order does not matter.

    Returns
    -------
    dict of str to str
        The assistant by student.

    References
    ----------
    Thaler and Ravishankar, A name-based mapping scheme for rendezvous, 1996. Mirrokni, Thorup
    and Zadimoghaddam, Consistent hashing with bounded loads, 2018.
    """
    room = dict.fromkeys(assistants, -(-len(names) // len(assistants)))
    found = {}
    for name in sorted(names, key=lambda name: (key_of(name), name)):
        ranked = sorted(assistants, key=lambda one: (key_of(name, one), one))
        taken = next(one for one in ranked if room[one])
        room[taken] -= 1
        found[name] = taken
    return found


NOTHING = "nothing handed in"
NOT_YET = "not graded yet"
NONE_COUNTS = "no attempt that counts"


def summarise(store: Store, *, pseudonyms: bool = False, rows: Sequence[Row] = ()) -> Summary:
    """Gather the results of a class that count, with every last word in them.

    Parameters
    ----------
    store : Store
    pseudonyms : bool
        Students by their pseudonyms, in the order of these; without sentences and comments,
        which may name them, and without the times at which they handed in.
    rows : sequence of Row
        See `everybody`, by default what it gives.

    Returns
    -------
    Summary
        Whoever has nothing that counts is in it too, on the roster or not.
    """
    rows = rows or everybody(store)
    if pseudonyms:
        rows = [_hidden(row, pseudonym(store, row.name)) for row in rows]
    else:
        roster = store.enrolled()
        known = {name: dict(student.ids) for name, student in roster.items()}
        known |= {name: ids_of(each) for name, each in addresses(store, roster).items()}
        rows = [replace(row, ids=known.get(row.name, {})) for row in rows]
    rows = sorted(rows, key=lambda row: row.name)
    states: dict[str, Counter[State]] = {}
    mistakes: dict[str, list[str]] = {}
    for row in rows:
        for check, (state, _, _) in row.checks.items():
            states.setdefault(check, Counter())[state] += 1
        for code in row.mistakes:
            mistakes.setdefault(code, []).append(row.name)
    frequent = sorted(mistakes.items(), key=lambda item: (-len(item[1]), item[0]))
    return Summary(tuple(rows), states, {code: tuple(names) for code, names in frequent})


def frequent_mistake(store: Store, summary: Summary) -> FrequentMistake | None:
    """Return the mistake that most students of a class made, as one of them made it.

    The example is the student with the fewest other mistakes. Findings that are notes for the
    instructor, and failures without an explanation, are no mistakes here.
    """
    counting = Counting(store)
    rows = {row.name: row for row in summary.rows}
    for code, names in summary.mistakes.items():
        if code in {*FOR_INSTRUCTORS, UNEXPLAINED}:
            continue
        name = min(names, key=lambda each: len(rows[each].mistakes))
        if (result := counting.result(name)) is None:
            continue
        found = [each for task in result.tasks for each in task.findings if each.mistake == code]
        return FrequentMistake(name, found[0], len(names))
    return None


def _row(one: CountingAttempt, result: Result | None, policy: Policy) -> Row:
    kept = one.kept
    late = kept.sender.late or bool(days_late(policy, kept, moment(kept.sender.at)))
    handed = HandedIn(one.number, one.attempts, late, kept.sender.at)
    if kept.standing == "absent":
        if result is None:
            return _absent(kept.name, NOTHING)
        handed = HandedIn(0, 0)
    standing = kept.standing
    why = {"graded": "", "absent": NOTHING}.get(standing, standing)
    look = () if standing == "graded" or result else (Reason(standing, why),)
    row = to_row(result) if result else Row(kept.name, standing)
    facts = {"standing": standing, "told": kept.told, "handed": handed, "ungraded": why}
    return replace(row, name=kept.name, review=look, **facts)


def _absent(name: str, why: str) -> Row:
    standing: Literal["waiting", "absent"] = "waiting" if why == NOT_YET else "absent"
    look = (Reason(standing, why),)
    return Row(name, standing, review=look, handed=HandedIn(0, 0), ungraded=why)


def _hidden(row: Row, name: str) -> Row:
    """The row of a student who is not to be known."""
    overridden = {key: decided(check, comment="") for key, check in row.overridden.items()}
    lines = tuple(replace(decided(line, comment=""), said="") for line in row.adjustments)
    handed = replace(row.handed, at="")
    made = replace(row, name=name, told="", handed=handed, overridden=overridden)
    return replace(made, adjustments=lines)
