"""What a course decides beside the checks: which attempt counts, and what its ``policy.toml`` says.

All attempts are kept and graded; the rule may change at any time. ``last`` is the attempt handed
in last, ``best`` the one with the most points (of equal ones the last), ``before=DATE`` the last
one before that time. Attempts are in the order of the times that the platform gives; where it does
not give all of them, in the order in which gradkit was first given them: earlier runs first, then
as on the command line. What is merely found again, of the same time, keeps its place. Where a
platform gives no time, that of the file stands for it in ``before=DATE``.

Nothing of a policy is ever folded into a check: lateness, bonus and scaling are lines of their own
between the sum of the tasks and the score.
"""

from __future__ import annotations

import math
import re
import tomllib
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from gradkit.classroom.course.find_student import meant
from gradkit.classroom.store.results import Store
from gradkit.errors import GradkitError, did_you_mean
from gradkit.formatting import format_count, format_text
from gradkit.grading.mark import round_half_up
from gradkit.records.classroom import CountingAttempt, Filed, Kept
from gradkit.records.course import Policy
from gradkit.records.result import NUMERICAL_GRADIENT, Adjustment, CheckResult, Result
from gradkit.writing import read_named

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
    if found := _spelled_out(text):
        return found.astimezone()
    plain = re.sub(r" +(?=Z$|UTC$|[+-]\d\d:?\d\d$)", "", text.strip()).replace("UTC", "Z")
    try:
        found = datetime.fromisoformat(plain)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.astimezone()


MONTHS = {
    name: number
    for year in (
        "january february march april may june july august september october november december",
        "januar februar märz april mai juni juli august september oktober november dezember",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    )
    for number, name in enumerate(year.split(), 1)
}
"""In the languages in which Moodle's worksheets are read."""


def _spelled_out(text: str) -> datetime | None:
    """A time as Moodle's worksheets have it, ``Freitag, 2. Oktober 2026, 10:15``."""
    words = re.findall(r"[^\W\d]+|\d+(?::\d+)*", unicodedata.normalize("NFC", text).casefold())
    months = [MONTHS[word] for word in words if word in MONTHS]
    numbers = sorted(int(word) for word in words if word.isdecimal())
    clocks = [[*map(int, word.split(":"))] for word in words if ":" in word]
    if (len(months), len(numbers), len(clocks)) != (1, 2, 1):
        return None
    hour, minute = clocks[0][:2]
    if half := re.search(r"\b([ap])\.?\s?m\b", text.casefold()):
        hour = hour % 12 + 12 * (half[1] == "p")
    with suppress(ValueError):
        return datetime(numbers[1], months[0], numbers[0], hour, minute)
    return None


def counting_attempts(
    store: Store,
    upto: int | None = None,
    *,
    rule: str | None = None,
    amended: Mapping[int, Filed] = {},
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
    kept = [_amended(each, amended) for each in theirs(store.newest(upto))]
    result = []
    for _, attempts in groupby(kept, key=lambda each: each.name):
        ordered = _ordered(list(attempts))
        chosen = _chosen(ordered, rule)
        if chosen is not None:
            result.append(CountingAttempt(chosen, ordered.index(chosen) + 1, len(ordered)))
    return result


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


FILE = "policy.toml"
"""The name of the policy's file in the folder of a class."""

DAY = 24 * 60.0
"""Minutes."""

OF_STUDENTS = ("extensions", "days_late", "bonus")
"""Parts of a policy that are told by student."""


class PolicyFileError(GradkitError):
    """The policy cannot be used; the text says where, what was found and what was expected."""


EXPECTED: Mapping[str, str] = {
    "due": "a time, as 2026-11-01T23:59:00",
    "late.per_day": "percent for each day, from 0 to 100",
    "late.of": "maximum or score",
    "late.grace_minutes": "a number of minutes, 0 or more",
    "late.most": "percent in all, from 0 to 100",
    "late.days": "a whole number of days, 1 or more",
    "extensions": "a time for each student",
    "days_late": "a whole number of days for each student, 0 or more",
    "bonus": "points and why for each student",
    "bonus.points": "a number of points from 0 to 10000",
    "bonus.why": "the reason, in words",
    "tasks.numerical": '"remarked" or "forbidden"',
    "scale.to": "the platform's maximum, above 0 and up to 10000",
}
"""What the keys of a policy may say; those of two parts stand in a table, or by student."""


def read_policy(path: Path) -> Policy | None:
    """Read a policy; None where there is no such file.

    Raises
    ------
    PolicyFileError
        It cannot be read, or says something that is no policy.
    """
    if not path.exists():
        return None
    data = read_named(path, PolicyFileError)
    try:
        said = msgspec.convert(tomllib.loads(data.decode()), Policy)
    except msgspec.ValidationError as error:
        raise PolicyFileError(f"{path}: {_explained(str(error))}") from None
    except RecursionError:
        raise PolicyFileError(
            f"{path}: is nested too deeply to be read; nothing in a policy is more than three "
            "levels deep. Take the nested value out."
        ) from None
    except ValueError as error:  # tomllib's, and that of the encoding
        raise PolicyFileError(f"{path}: cannot be read as TOML: {error}.") from None
    if said.late is not None and said.due is None and not said.days_late:
        raise PolicyFileError(
            f"{path}: [late] needs a time to be late after: due = 2026-11-01T23:59:00."
        )
    # A time without a zone is this computer's.
    extensions = {name: time.astimezone() for name, time in said.extensions.items()}
    return replace(said, due=said.due and said.due.astimezone(), extensions=extensions)


def _explained(message: str) -> str:
    """Put msgspec's sentence into words: which key it is about, and what that may say."""
    said, _, place = message.partition(" - at `$")
    key = re.search("field `(.*)`", said)
    name = ".".join(filter(None, (place.replace("[...]", "").strip("`."), key and key[1])))
    if "unknown field" in said:
        tables = (each.partition(".")[0] for each in EXPECTED)
        near = did_you_mean(name, list(dict.fromkeys([*EXPECTED, *tables])))
        return f"there is no {name} in a policy.{near} The page of classes shows all there is."
    return f"{name} has to be {EXPECTED.get(name, f'a table, [{name}]')}."


def named(
    policy: Policy, known: Mapping[str, Collection[str]], *, whole: bool = False
) -> tuple[Policy, list[str]]:
    """Put the names of a class in the place of identifiers, and tell which mean nobody.

    Parameters
    ----------
    policy : Policy
    known : mapping of str to collection of str
        Students by name, with their identifiers.
    whole : bool
        Nobody else is in the course: a word that is nearly a name is a slip.

    Raises
    ------
    PolicyFileError, UnknownStudentError
        A word is such a slip, or could mean several.
    """
    strangers = []
    made: dict[str, dict[str, Any]] = {part: {} for part in OF_STUDENTS}
    for part in OF_STUDENTS:
        told: Mapping[str, Any] = getattr(policy, part)
        for word, said in told.items():
            where = f"{FILE}, {part}: "
            found, near = (meant(word, known, part=each, where=where) for each in (False, True))
            made[part][found or word] = said
            if found is None:
                hint = f" Did you mean {near}?" if near else did_you_mean(word, known)
                if hint and whole:
                    raise PolicyFileError(f"{where}nobody is called {word}.{hint}")
                strangers.append(f"{where}nobody is called {word} yet.{hint}")
    return replace(policy, **made), strangers


def without(policy: Policy, name: str) -> Policy:
    """Return a policy without one of its students."""
    left: dict[str, Any] = {
        part: {who: said for who, said in getattr(policy, part).items() if who != name}
        for part in OF_STUDENTS
    }
    return replace(policy, **left)


def differences(old: Policy, new: Policy) -> list[str]:
    """Say what differs, key by key as the file has them, with both values."""
    was, now = (dict(_keys(msgspec.to_builtins(policy))) for policy in (old, new))
    return [
        f"{key} was {was.get(key, 'nothing')}, and is {now.get(key, 'nothing')}"
        for key in {**was, **now}
        if was.get(key) != now.get(key)
    ]


def _keys(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{above}{key}.")
        elif value is not None:
            yield f"{above}{key}", f"{value:g}" if isinstance(value, float) else str(value)


def days_late(policy: Policy, kept: Kept, at: datetime | None) -> int | None:
    """Count the days, begun ones too, that work was late; None where nothing tells.

    Parameters
    ----------
    policy : Policy
    kept : Kept
        Its platform may say when it was handed in, or, as Canvas, only whether that was late.
    at : datetime, optional
        When it was handed in.
    """
    if kept.name in policy.days_late:
        return policy.days_late[kept.name]
    due = policy.extensions.get(kept.name, policy.due)
    if due is None or at is None:
        in_time = due is None or kept.sender.source == "canvas"
        return 0 if in_time and not kept.sender.late else None
    grace = policy.late.grace_minutes if policy.late else 0.0
    minutes = (at - due).total_seconds() / 60 - grace
    return max(math.ceil(minutes / DAY), 0)


def adjusted(result: Result, policy: Policy, kept: Kept, at: datetime | None) -> Result:
    """Add the lines of a policy to a result.

    Where a person has set the total, that is the last word on what the work is worth: only the
    scale follows.
    """
    lines = list(result.adjustments)
    score = result.score
    if not any(line.kind == "total" for line in lines):
        if policy.tasks.numerical == "forbidden":
            forbidden = [*_numerical_lines(result)]
            lines += forbidden
            score = round(score + sum(line.points for line in forbidden), 2)
        # Lateness may cost a part of what is left.
        for line in _lines(replace(result, score=score), policy, kept, at):
            lines.append(line)
            score = round(score + line.points, 2)
    most = result.max_score
    if policy.scale is not None and most and policy.scale.to != most:
        scaled = round(round_half_up(score * policy.scale.to / most, 0.01), 2)
        said = format_text(
            "{score} of {most} = {scaled} of {scale}",
            score=f"{score:g}",
            most=f"{most:g}",
            scaled=f"{scaled:g}",
            scale=f"{policy.scale.to:g}",
        )
        lines.append(Adjustment("scale", round(scaled - score, 2), said))
        score, most = scaled, policy.scale.to
    return replace(result, adjustments=tuple(lines), score=score, max_score=most)


def _numerical_lines(result: Result) -> Iterator[Adjustment]:
    """Yield a line for each task that takes back what gradients by finite differences earned.

    Points that a person has set, for a task or a check, are left as they are.
    """
    settled = {line.name for line in result.adjustments if line.kind == "task"}
    for task in result.tasks:
        checks = {check.check: check for check in task.checks if check.decision is None}
        lost: dict[str, float] = {}
        for finding in task.findings:
            if finding.mistake == NUMERICAL_GRADIENT and task.title not in settled:
                about = [checks[name] for name in finding.about if name in checks]
                lost |= {check.check: _earned_by(check, finding.entries) for check in about}
        points = round(sum(lost.values()), 2)
        if points:
            names = ", ".join(name for name, part in lost.items() if part)
            said = format_text(
                "{task}, {checks}: gradients have to be derived", task=task.title, checks=names
            )
            yield Adjustment("numerical", -points, said, task.title)


def _earned_by(check: CheckResult, outputs: Collection[str]) -> float:
    """Return the points of a check that some outputs earned; without outputs, all its points."""
    right = [entry.parameter for entry in check.entries if entry.state == "pass"]
    if not outputs or not right:
        return check.score
    return check.score * sum(name in outputs for name in right) / len(right)


def _lines(result: Result, policy: Policy, kept: Kept, at: datetime | None) -> Iterator[Adjustment]:
    days = days_late(policy, kept, at) or 0
    if policy.late is not None and days:
        late, reached = policy.late, result.score
        base = result.max_score if late.of == "maximum" else reached
        share = min(days * late.per_day, late.most)
        lost = min(base * share / 100, reached)
        if late.days is not None and days > late.days:
            lost = reached
        said = _delay(policy, kept, at, days)
        yield Adjustment("late", -round(round_half_up(lost, 0.01), 2), said, max_score=base)
    bonus = policy.bonus.get(kept.name)
    if bonus is not None:
        yield Adjustment("bonus", bonus.points, bonus.why)


def _delay(policy: Policy, kept: Kept, at: datetime | None, days: int) -> str:
    """Say how late it was, after which time, and how many days that counts."""
    due = policy.extensions.get(kept.name, policy.due)
    if due is None or at is None or kept.name in policy.days_late:
        return format_count("{count} day late", "{count} days late", days)
    minutes = math.ceil((at - due).total_seconds() / 60)
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min"))
    time = " ".join([f"{count} {unit}" for count, unit in parts if count][:2])
    begun = format_count("{count} day begun", "{count} days begun", days)
    said = format_text("{time} late: {days}", time=time, days=begun)
    return f"{said} ({'after an extension'})" if kept.name in policy.extensions else said
