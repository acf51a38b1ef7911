"""Sum up a class, list what a person must look at, the most urgent first, and split that work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import get_args

from msgspec.structs import replace

from gradkit.classroom.cache_key import key_of
from gradkit.classroom.course.find_student import pseudonym
from gradkit.classroom.feedback.address import addresses, ids_of
from gradkit.classroom.policy import FILE as POLICY
from gradkit.classroom.policy import counting_attempts, days_late, moment
from gradkit.classroom.store.counted import counting_results, decided, policy_of
from gradkit.classroom.store.results import Store
from gradkit.language import phrase, say
from gradkit.records.classroom import CountingAttempt, HandedIn, Kept, Row, Standing, Summary
from gradkit.records.course import Policy
from gradkit.records.reports import Kind, Look, Reason
from gradkit.records.result import Result, State
from gradkit.report.words import count_text, word

KINDS: tuple[Kind, ...] = get_args(Kind)

STATES: dict[State, tuple[Kind, str]] = {
    "error": ("crashed", phrase("stopped with an error")),
    "missing": ("missing", phrase("missing")),
    "inconclusive": ("inconclusive", phrase("inconclusive")),
    "timeout": ("timeout", phrase("ran out of time")),
    "not-checked": ("not-checked", phrase("not checked")),
}
"""States of a check that a person must look at, in words."""

REMARKS: tuple[Kind, ...] = (
    "unexplained",
    "memorised-answers",
    "several-files",
    "forbidden-import",
    "numerical-gradient",
    "nondeterministic",
)
"""Codes of findings that a person must look at."""


def review(store: Store, assistants: Sequence[str] = (), *, pseudonyms: bool = False) -> list[Look]:
    """List the students whose results a person must look at.

    Parameters
    ----------
    store : Store
    assistants : sequence of str
        Who shares the work, see `split_work`.
    pseudonyms : bool
        Students by their pseudonyms, and without sentences that may name them.

    Returns
    -------
    list of Look
        By the most urgent reason of each, then by name.
    """
    roster, policy = store.enrolled(), policy_of(store)
    together = all_provisional(counting_attempts(store))
    looks = []
    for one, result in counting_results(store):
        kept = one.kept
        found = [] if result is None else [*reasons(result)]
        if result is None and (kept.standing == "refused" or kept.standing == "failed"):  # noqa: PLR1714  (mypy)
            found = [Reason(kept.standing, word(kept.standing))]
        elif together:
            found = [reason for reason in found if reason.kind != "provisional"]
        if kept.sender.late and result is not None and _unknown_delay(kept, policy):
            found.append(Reason("late", say("late, and nothing tells by how much")))
        if roster and kept.name not in roster:
            found.append(Reason("not-in-roster", say("not in the roster")))
        if found:
            found.sort(key=lambda reason: KINDS.index(reason.kind))
            looks.append(Look(kept.name, tuple(found), kept.told))
    awaited = {*store.awaited()} - {kept.name for kept in store.newest()}
    looks += [Look(name, (Reason("waiting", say(NOT_YET)),), "") for name in awaited]
    if assistants:
        whose = split_work([look.name for look in looks], assistants)
        looks = [replace(look, assistant=whose[look.name]) for look in looks]
    if pseudonyms:
        looks = [replace(look, name=pseudonym(store, look.name), told="") for look in looks]
    return sorted(looks, key=lambda look: (KINDS.index(look.reasons[0].kind), look.name))


def _unknown_delay(kept: Kept, policy: Policy) -> bool:
    """True where lateness costs something, and it cannot be told how much."""
    return policy.late is not None and days_late(policy, kept, moment(kept.sender.at)) is None


def untimed(store: Store) -> list[str]:
    """Say of how many students no time is known, where lateness costs something."""
    policy = policy_of(store)
    found = [
        one.kept
        for one in counting_attempts(store)
        if one.kept.standing == "graded" and not one.kept.sender.late
    ]
    count = sum(
        moment(kept.sender.at) is None and kept.name not in policy.days_late for kept in found
    )
    if policy.late is None or not count:
        return []
    return [
        f"{POLICY}: the platform tells no time of {count} of {len(found)} submissions, so [late] "
        "charges nobody for them. Name who was late in [days_late]."
    ]


def all_provisional(found: Sequence[CountingAttempt]) -> bool:
    """True where everybody's marks are provisional: nobody has to be looked at for that."""
    graded = [one.kept for one in found if one.kept.standing == "graded"]
    return bool(graded) and all(kept.provisional for kept in graded)


def reasons(result: Result) -> Iterator[Reason]:
    """Why a person must look at a graded result, in the order of its checks."""
    found = {finding.mistake for task in result.tasks for finding in task.findings}
    yield from (Reason(code, code) for code in REMARKS if code in found)
    if any(problem.broken for problem in result.problems):
        yield Reason("not-python", say("a part is not valid Python"))
    for line in result.adjustments:
        if line.decision is not None and line.decision.stale:
            yield Reason(
                "stale-override", say("{check} override is stale", check=line.name or say("total"))
            )
    for task in result.tasks:
        if task.absent:
            continue
        if not (task.score or task.findings) and any(c.state == "fail" for c in task.checks):
            yield Reason(
                "unexplained", say("{task}: no points, and nothing says why", task=task.task)
            )
        for charged in dict.fromkeys(f.check for f in task.findings if f.untraced):
            yield Reason("untraced", say("{check} line unknown", check=f"{task.task}/{charged}"))
        for check in task.checks:
            name = f"{task.task}/{check.check}"
            if check.state in STATES:
                kind, words = STATES[check.state]
                yield Reason(kind, f"{name} {say(words)}")
            if check.decision is not None and check.decision.stale:
                yield Reason("stale-override", say("{check} override is stale", check=name))
    if absent := [task.task for task in result.tasks if task.absent]:
        yield Reason("absent", say("not handed in: {tasks}", tasks=", ".join(absent)))
    if result.provisional:
        yield Reason("provisional", say("provisional"))


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


NOTHING = phrase("nothing handed in")
NOT_YET = phrase("not graded yet")
NONE_COUNTS = phrase("no attempt that counts")

UNSAID = frozenset({"provisional", "nondeterministic", "absent"})
"""Reasons to look that a summary counts, or lists among the mistakes."""


def summarise(store: Store, *, pseudonyms: bool = False) -> Summary:
    """Gather the results of a class that count, with every last word in them.

    Parameters
    ----------
    store : Store
    pseudonyms : bool
        Students by their pseudonyms, in the order of these; without sentences and comments,
        which may name them, and without the times at which they handed in.

    Returns
    -------
    Summary
        Whoever has nothing that counts is in it too, on the roster or not.
    """
    rows = [_row(one, result) for one, result in counting_results(store)]
    there = {row.name for row in rows}
    tried = {kept.name for kept in store.newest()} - there
    awaited = {*store.awaited()} - there - tried
    rows += [_absent(name, say(NONE_COUNTS)) for name in tried]
    rows += [_absent(name, say(NOT_YET), "waiting") for name in awaited]
    left = [name for name in store.enrolled() if name not in there | tried | awaited]
    rows += [_absent(name, say(NOTHING)) for name in left]
    if pseudonyms:
        rows = [_hidden(row, pseudonym(store, row.name)) for row in rows]
    else:
        roster = store.enrolled()
        known = {name: dict(student.ids) for name, student in roster.items()}
        known |= {name: ids_of(each) for name, each in addresses(store, roster).items()}
        rows = [replace(row, ids=known.get(row.name, {})) for row in rows]
    rows.sort(key=lambda row: row.name)
    states: dict[str, Counter[State]] = {}
    mistakes: dict[str, list[str]] = {}
    for row in rows:
        for check, (state, _, _) in row.checks.items():
            states.setdefault(check, Counter())[state] += 1
        for code in row.mistakes:
            mistakes.setdefault(code, []).append(row.name)
    frequent = sorted(mistakes.items(), key=lambda item: (-len(item[1]), item[0]))
    return Summary(tuple(rows), states, {code: tuple(names) for code, names in frequent})


def _row(one: CountingAttempt, result: Result | None) -> Row:
    kept = one.kept
    handed = HandedIn(one.number, one.attempts, kept.sender.late, kept.sender.at)
    if kept.standing == "absent":
        if result is None:
            return _absent(kept.name, say(NOTHING))
        handed = HandedIn(0, 0)
    if result is None:
        look = (kept.standing,)
        return Row(kept.name, kept.standing, kept.told, None, None, False, {}, (), look, handed)
    checks = {f"{task.task}/{check.check}": check for task in result.tasks for check in task.checks}
    found = (finding.mistake for task in result.tasks for finding in task.findings)
    return Row(
        kept.name,
        kept.standing,
        kept.told,
        result.score,
        result.max_score,
        result.provisional,
        {name: (check.state, check.score, check.max_score) for name, check in checks.items()},
        tuple(dict.fromkeys(found)),
        tuple(reason.words for reason in reasons(result) if reason.kind not in UNSAID),
        handed,
        {name: check for name, check in checks.items() if check.decision is not None},
        result.adjustments,
        count_text(result),
    )


def _absent(name: str, why: str, standing: Standing = "absent") -> Row:
    return Row(name, standing, "", None, None, False, {}, (), (why,), HandedIn(0, 0))


def _hidden(row: Row, name: str) -> Row:
    """The row of a student who is not to be known."""
    overridden = {key: decided(check, comment="") for key, check in row.overridden.items()}
    lines = tuple(replace(decided(line, comment=""), said="") for line in row.adjustments)
    handed = replace(row.handed, at="")
    made = replace(row, name=name, told="", handed=handed, overridden=overridden)
    return replace(made, adjustments=lines)
