"""A class at a glance: scores, states, mistakes with those who made them, what to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from gradkit.classroom.counted import counted
from gradkit.classroom.overrides import overrides, result_of
from gradkit.classroom.store import Store
from gradkit.language import phrase, say
from gradkit.records.classroom import Counted, HandedIn, Override, Row, Summary
from gradkit.records.finding import FOR_INSTRUCTORS, UNEXPLAINED
from gradkit.records.result import Result
from gradkit.records.verdict import State

LOOK: dict[State, str] = {
    "inconclusive": phrase("inconclusive"),
    "not-checked": phrase("not checked"),
    "timeout": phrase("ran out of time"),
}
"""States that a person should look at, in words."""


def summarise(store: Store) -> Summary:
    """Gather the results of a class that count, with every last word in them."""
    words = overrides(store)
    rows = tuple(_row(store, one, words.get(one.kept.name, ())) for one in counted(store))
    states: dict[str, Counter[State]] = {}
    mistakes: dict[str, list[str]] = {}
    for row in rows:
        for check, (state, _, _) in row.checks.items():
            states.setdefault(check, Counter())[state] += 1
        for code in row.mistakes:
            mistakes.setdefault(code, []).append(row.name)
    frequent = sorted(mistakes.items(), key=lambda item: (-len(item[1]), item[0]))
    return Summary(rows, states, {code: tuple(names) for code, names in frequent})


def _row(store: Store, one: Counted, said: Sequence[Override]) -> Row:
    kept = one.kept
    handed = HandedIn(one.number, one.attempts, one.listed.sender.late, one.listed.sender.at)
    if kept.standing != "graded":
        look = (kept.standing,)
        return Row(kept.name, kept.standing, kept.told, None, None, False, {}, (), look, handed)
    result = result_of(store, one, said)
    checks = {
        f"{task.task}/{check.check}": (check.state, check.score, check.max_score)
        for task in result.tasks
        for check in task.checks
    }
    found = (finding.mistake for task in result.tasks for finding in task.findings)
    mistakes = tuple(dict.fromkeys(found))
    return Row(
        kept.name,
        kept.standing,
        kept.told,
        result.score,
        result.max_score,
        result.provisional,
        checks,
        mistakes,
        tuple(_review(result, mistakes)),
        handed,
        tuple(_decided(result)),
    )


def _decided(result: Result) -> Iterator[str]:
    """The checks whose points are a person's."""
    for task in result.tasks:
        for check in task.checks:
            if check.decision is not None:
                yield f"{task.task}/{check.check}"


def _review(result: Result, mistakes: tuple[str, ...]) -> Iterator[str]:
    """Why a person should look at a result."""
    for code in (UNEXPLAINED, *FOR_INSTRUCTORS):
        if code in mistakes:
            yield code
    for task in result.tasks:
        for check in task.checks:
            if check.state in LOOK:
                yield f"{task.task}/{check.check} {say(LOOK[check.state])}"
            elif check.state == "missing":
                yield f"{task.task}/{check.check} {say('missing')}"
            if check.decision is not None and check.decision.stale:
                yield f"{task.task}/{check.check} {say('override is stale')}"
