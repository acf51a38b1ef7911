"""Choose the attempt that counts. All are kept and graded; the rule may change at any time.

``last`` is the attempt handed in last, ``best`` the one with the most points (of equal ones the
last), ``before=DATE`` the last one before that time. Attempts are in the order of the times that
the platform gives; where it does not give all of them, in the order in which gradkit was given
them: earlier runs first, then as on the command line. Where a platform gives no time, that of
the file stands for it in ``before=DATE``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

from gradkit.classroom.store.results import Store
from gradkit.errors import GradkitError
from gradkit.records.classroom import CountingAttempt, Filed, Kept, Listed

LAST = "last"
BEFORE = "before="


class PolicyError(GradkitError):
    """There is no such rule; the text says which there are."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    kept: Kept
    run: int
    listed: Listed


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
    list of Counted
        Whoever has no attempt that the rule allows is not in it.
    """
    rule = rule or rule_of(store, upto)
    listed = store.listed(upto)
    others = not_theirs(listed)
    found = [
        _Attempt(_amended(kept, amended or {}), *listed[kept.submission])
        for kept in store.newest(upto)
        if kept.submission not in others
    ]
    result = []
    for _, attempts in groupby(found, key=lambda each: each.kept.name):
        ordered = _ordered(_read(list(attempts)))
        chosen = _chosen(ordered, rule)
        if chosen is not None:
            number = ordered.index(chosen) + 1
            result.append(CountingAttempt(chosen.kept, number, len(ordered), chosen.listed))
    return result


def counting_attempt(store: Store, name: str, upto: int | None = None) -> CountingAttempt | None:
    """Return the attempt of one student that counts; None where there is none."""
    return next((one for one in counting_attempts(store, upto) if one.kept.name == name), None)


def not_theirs(listed: Mapping[int, tuple[int, Listed]]) -> set[int]:
    """Submissions that a later run has found to be somebody else's, by another roster.

    ``listed`` is what the store says of each, see `Store.listed`.
    """
    found = {
        number: (run, (each.digest, each.sender.source, each.sender.original))
        for number, (run, each) in listed.items()
    }
    newest: dict[tuple[str, str, str], int] = {}
    for run, file in found.values():
        newest[file] = max(run, newest.get(file, run))
    return {number for number, (run, file) in found.items() if run < newest[file]}


def _amended(kept: Kept, amended: Mapping[int, Filed]) -> Kept:
    new = amended.get(kept.id)
    return kept if new is None else replace(kept, score=new.score, max_score=new.max_score)


def rule_of(store: Store, upto: int | None = None) -> str:
    """The rule that the newest run which says so has set."""
    said = [run.policy for run in store.runs() if run.policy and (upto is None or run.id <= upto)]
    return said[-1] if said else LAST


def _read(attempts: list[_Attempt]) -> list[_Attempt]:
    """Leave out attempts that a machine could not read, if there are others."""
    return [each for each in attempts if each.kept.digest] or attempts


def _ordered(attempts: Sequence[_Attempt]) -> list[_Attempt]:
    times = [moment(each.listed.sender.at) for each in attempts]
    told = [time for time in times if time is not None]
    by_time = len(told) == len(times)

    def key(each: _Attempt) -> tuple[float, int, int]:
        time = moment(each.listed.sender.at)
        return (time.timestamp() if by_time and time else 0.0, each.run, each.listed.place)

    return sorted(attempts, key=key)


def _chosen(ordered: Sequence[_Attempt], rule: str) -> _Attempt | None:
    if rule == LAST:
        return ordered[-1]
    if rule.startswith(BEFORE):
        limit = datetime.fromisoformat(rule.removeprefix(BEFORE))
        return _last(each for each in ordered if _is_before(each.listed, limit))
    return max(
        enumerate(ordered),
        key=lambda pair: (-1.0 if pair[1].kept.score is None else pair[1].kept.score, pair[0]),
    )[1]


def _is_before(listed: Listed, limit: datetime) -> bool:
    """True where it was handed in by then, or bears no time."""
    time = moment(listed.sender.at) or moment(listed.stamp)
    return time is None or time < limit


def _last(attempts: Iterable[_Attempt]) -> _Attempt | None:
    found = None
    for found in attempts:  # noqa: B007
        pass
    return found
