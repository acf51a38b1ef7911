"""A class at a glance: scores, states, mistakes with those who made them, what to look at."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from gradkit.classroom.course.find_student import pseudonym
from gradkit.classroom.reports.review import reasons
from gradkit.classroom.store.overrides import counting_results
from gradkit.classroom.store.results import Store
from gradkit.language import phrase, say
from gradkit.records.classroom import CountingAttempt, HandedIn, Row, Summary
from gradkit.records.result import Result
from gradkit.records.verdict import State

NOTHING = phrase("nothing handed in")
NONE_COUNTS = phrase("no attempt that counts")

UNSAID = frozenset({"provisional", "nondeterministic"})
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
    rows += [_absent(name, say(NONE_COUNTS)) for name in tried]
    rows += [_absent(name, say(NOTHING)) for name in store.enrolled() if name not in there | tried]
    if pseudonyms:
        rows = [_hidden(row, pseudonym(store, row.name)) for row in rows]
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
    handed = HandedIn(one.number, one.attempts, one.listed.sender.late, one.listed.sender.at)
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
    )


def _absent(name: str, why: str) -> Row:
    return Row(name, "absent", "", None, None, False, {}, (), (why,), HandedIn(0, 0))


def _hidden(row: Row, name: str) -> Row:
    """The row of a student who is not to be known."""
    overridden = {
        key: replace(check, decision=check.decision and replace(check.decision, comment=""))
        for key, check in row.overridden.items()
    }
    handed = replace(row.handed, at="")
    return replace(row, name=name, told="", handed=handed, overridden=overridden)
