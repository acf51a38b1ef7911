"""Choose the attempt that counts.

All attempts are kept and graded; the rule may change at any time. ``last`` is the attempt handed
in last, ``best`` the one with the most points (of equal ones the last), ``before=DATE`` the last
one before that time. Attempts are in the order of the times that the platform gives; where it does
not give all of them, in the order in which gradkit was first given them: earlier runs first, then
as on the command line. What is merely found again, of the same time, keeps its place. Where a
platform gives no time, that of the file stands for it in ``before=DATE``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

from msgspec.structs import replace

from gradkit.classroom.store.results import Store
from gradkit.errors import GradkitError
from gradkit.records.classroom import CountingAttempt, Filed, Kept

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
    return sorted(read, key=lambda each: (by_time.get(each.id, 0.0), each.given, each.place))


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
