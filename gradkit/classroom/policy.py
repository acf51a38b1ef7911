"""Apply a course's policy: choose the attempt that counts, and adjust scores by ``policy.toml``.

All attempts are kept and graded, so the rule can change at any time. ``last`` chooses the attempt
that was submitted last, ``best`` the attempt with the most points (the last of equal attempts),
``before=DATE`` the last attempt before that time. Attempts are sorted by the platform's times. If
any time is missing, they are in the order in which gradkit first found them: by run, then as on
the command line. An attempt that a later run finds unchanged keeps its place.

``best`` compares scores after the deduction for lateness. ``before=DATE`` allows a student with an
extension until that time, if it is later. For plain files it uses the file's own time. Files in a
platform's download have the time of the download instead, so their attempts are allowed.

A policy never changes a check's points: deductions for lateness, bonus and scaling are separate
lines between the sum of the tasks and the score.
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
from gradkit.classroom.store.database import last
from gradkit.classroom.store.results import Store
from gradkit.errors import GradkitError, did_you_mean
from gradkit.grading.points import round_half_up
from gradkit.records.classroom import CountingAttempt, Filed, Kept
from gradkit.records.course import Policy
from gradkit.records.result import NUMERICAL_GRADIENT, Adjustment, CheckResult, Result
from gradkit.text import format_count, format_text
from gradkit.writing import read_named

LAST = "last"
BEFORE = "before="

NO_POLICY = Policy()
"""Policy of a course without ``policy.toml``."""


class PolicyError(GradkitError):
    """A rule for the counting attempt is not valid; the text lists the valid rules."""


def policy(text: str) -> str:
    """Return a rule for the counting attempt as it is stored: the time has a zone.

    Raises
    ------
    PolicyError
        The text is not a rule, or its time is not valid.

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
            f"--attempt {text}: expected a time, as in before=2026-11-01T23:59. A time "
            "without a zone is in the zone of this computer."
        )
    return f"{BEFORE}{time.isoformat()}"


def moment(text: str) -> datetime | None:
    """Parse a time in the format of a platform or of ISO 8601; None if it is not a time.

    A time without a zone is in this computer's zone.

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
"""Numbers of the months by name, in the languages in which Moodle's worksheets are read."""


def _spelled_out(text: str) -> datetime | None:
    """Parse a time as Moodle's worksheets have it, ``Freitag, 2. Oktober 2026, 10:15``.

    The month's name can be in any language of `MONTHS`; the result has no zone. None for other
    texts.
    """
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
    policy: Policy | None = None,
    amended: Mapping[int, Filed] = {},
) -> list[CountingAttempt]:
    """Choose the attempt that counts for each student, in the order of the names.

    Parameters
    ----------
    store : Store
    upto : int, optional
        Run after whose end the class is looked at; later runs are ignored. By default the last.
    rule : str, optional
        Rule for the counting attempt, by default the rule that was set last.
    policy : Policy, optional
        Policy of the course, by default the policy that was set last.
    amended : mapping of int to Filed, optional
        Results that are about to replace stored results, by the ids of these.

    Returns
    -------
    list of CountingAttempt
        Students without an attempt that the rule allows are left out.
    """
    rule, policy = rule or rule_of(store, upto), policy or policy_of(store, upto)
    kept = [_amended(attempt, amended) for attempt in theirs(store.newest(upto))]
    result = []
    for _, attempts in groupby(kept, key=lambda attempt: attempt.name):
        ordered = _in_order(list(attempts))
        chosen = _choose(ordered, rule, policy)
        if chosen is not None:
            result.append(CountingAttempt(chosen, ordered.index(chosen) + 1, len(ordered)))
    return result


def theirs(found: Sequence[Kept]) -> list[Kept]:
    """Return the results in ``found`` without those that now belong to another student.

    With another roster, a later run can assign the same file to another student than before. Files
    are the same if digest, platform and original name are.
    """

    def file(kept: Kept) -> tuple[str, str, str]:
        return kept.digest, kept.sender.source, kept.sender.original

    newest: dict[tuple[str, str, str], int] = {}
    for kept in found:
        newest[file(kept)] = max(kept.seen, newest.get(file(kept), 0))
    return [kept for kept in found if kept.seen == newest[file(kept)]]


def _amended(kept: Kept, amended: Mapping[int, Filed]) -> Kept:
    """Return a result with the scores of the result that is about to replace it, if any."""
    new = amended.get(kept.id)
    return kept if new is None else replace(kept, score=new.score, max_score=new.max_score)


def rule_of(store: Store, upto: int | None = None) -> str:
    """Return the rule for the counting attempt that was set last, up to a run."""
    rules = [run.policy for run in store.runs() if run.policy and (upto is None or run.id <= upto)]
    return rules[-1] if rules else LAST


def policy_of(store: Store, upto: int | None = None) -> Policy:
    """Return the policy that was set last, up to the run ``upto`` (by default the last run).

    An empty policy if none was set.
    """
    found = [
        r.settings["rules"] for r in store.runs() if r.id <= last(upto) and "rules" in r.settings
    ]
    return msgspec.convert(found[-1], Policy) if found else NO_POLICY


def _in_order(attempts: Sequence[Kept]) -> list[Kept]:
    """Sort attempts by the platform's times, or by first finding if any time is missing.

    Attempts that could not be read are left out, unless none could.
    """
    read = [attempt for attempt in attempts if attempt.digest] or attempts
    times = {attempt.id: moment(attempt.sender.at) for attempt in read}
    known = {id_: time.timestamp() for id_, time in times.items() if time is not None}
    by_time = known if len(known) == len(times) else {}
    return sorted(
        read,
        key=lambda attempt: (by_time.get(attempt.id, 0.0), attempt.given, attempt.place),
    )


def _choose(ordered: Sequence[Kept], rule: str, policy: Policy) -> Kept | None:
    """Return the attempt of a student that counts by a rule, None if the rule allows none.

    ``ordered`` are the attempts, the oldest first, and ``rule`` is ``last``, ``best`` or
    ``before=TIME``. An extension for the student in ``policy`` replaces the time if it is later.
    The best attempt is that with the highest score after the policy's deduction for lateness; of
    several, the last counts.
    """
    if rule == LAST:
        return ordered[-1]
    if rule.startswith(BEFORE):
        limit = datetime.fromisoformat(rule.removeprefix(BEFORE))
        limit = max(limit, policy.extensions.get(ordered[-1].name, limit))
        return next((kept for kept in reversed(ordered) if _is_before(kept, limit)), None)
    return max(reversed(ordered), key=lambda kept: _score_after_lateness(kept, policy))


def _is_before(kept: Kept, limit: datetime) -> bool:
    """Return True if an attempt was submitted before a time, or its time is not known."""
    time = time_of(kept)
    return time is None or time < limit


def time_of(kept: Kept) -> datetime | None:
    """Return when an attempt was submitted: the platform's time, or that of a plain file.

    None if it is not known. In a platform's download, files have the time of the download.
    """
    stamp = kept.stamp if kept.sender.source == "plain" else ""
    return moment(kept.sender.at) or moment(stamp)


def _score_after_lateness(kept: Kept, policy: Policy) -> float:
    """Return the score of an attempt after the deduction for lateness; −1 without a score."""
    if kept.score is None:
        return -1.0
    days = days_late(policy, kept, moment(kept.sender.at)) or 0
    lost = late_points(policy, days, kept.score, kept.max_score or kept.score)
    return round(kept.score - lost, 2)


FILE = "policy.toml"
"""Name of the policy's file in the folder of a class."""

DAY = 24 * 60.0
"""Minutes in a day."""

OF_STUDENTS = ("extensions", "days_late", "bonus")
"""Parts of a policy that map students to values."""


class PolicyFileError(GradkitError):
    """A policy file cannot be used; the text says where, what was found and what was expected."""


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
"""Description of the valid values of each key of a policy, for messages.

The second part of a key with a dot is a key of that table, or of each student's table.
"""


def read_policy(path: Path) -> Policy | None:
    """Read a policy file; return None if there is no such file.

    Raises
    ------
    PolicyFileError
        The file cannot be read, or its content is not a valid policy.
    """
    if not path.exists():
        return None
    data = read_named(path, PolicyFileError)
    try:
        policy = msgspec.convert(tomllib.loads(data.decode()), Policy)
    except msgspec.ValidationError as error:
        raise PolicyFileError(f"{path}: {_explain(str(error))}") from None
    except RecursionError:
        raise PolicyFileError(
            f"{path}: is nested too deeply to be read; nothing in a policy is more than three "
            "levels deep. Take the nested value out."
        ) from None
    except ValueError as error:  # raised by tomllib, and by decode
        raise PolicyFileError(f"{path}: cannot be read as TOML: {error}.") from None
    if policy.late is not None and policy.due is None and not policy.days_late:
        raise PolicyFileError(f"{path}: [late] needs a deadline: due = 2026-11-01T23:59:00.")
    # A time without a zone is in this computer's zone.
    extensions = {name: time.astimezone() for name, time in policy.extensions.items()}
    return replace(policy, due=policy.due and policy.due.astimezone(), extensions=extensions)


def _explain(message: str) -> str:
    """Translate msgspec's message into a sentence with the key and its valid values.

    For an unknown key, the sentence suggests a similar one.
    """
    problem, _, place = message.partition(" - at `$")
    key = re.search("field `(.*)`", problem)
    name = ".".join(filter(None, (place.replace("[...]", "").strip("`."), key and key[1])))
    if "unknown field" in problem:
        tables = (known.partition(".")[0] for known in EXPECTED)
        near = did_you_mean(name, list(dict.fromkeys([*EXPECTED, *tables])))
        return f"a policy has no {name}.{near} The documents on classes list all keys."
    return f"{name} has to be {EXPECTED.get(name, f'a table, [{name}]')}."


def named(
    policy: Policy, known: Mapping[str, Collection[str]], *, whole: bool = False
) -> tuple[Policy, list[str]]:
    """Replace identifiers in a policy by students' names, and list warnings about unknown words.

    Parameters
    ----------
    policy : Policy
        A policy as it was read from its file.
    known : mapping of str to collection of str
        Identifiers of each student by name.
    whole : bool
        Whether ``known`` are all students of the course. Then a word that is similar to a name
        is an error rather than a warning.

    Raises
    ------
    PolicyFileError
        An unknown word is similar to a name, and ``whole`` is True.
    UnknownStudentError
        A word could mean several students.
    """
    warnings = []
    renamed: dict[str, dict[str, Any]] = {part: {} for part in OF_STUDENTS}
    for part in OF_STUDENTS:
        values: Mapping[str, Any] = getattr(policy, part)
        for word, value in values.items():
            where = f"{FILE}, {part}: "
            found, near = (
                meant(word, known, part=by_part, where=where) for by_part in (False, True)
            )
            renamed[part][found or word] = value
            if found is None:
                hint = f" Did you mean {near}?" if near else did_you_mean(word, known)
                if hint and whole:
                    raise PolicyFileError(f"{where}no student is called {word}.{hint}")
                warnings.append(f"{where}no student is called {word} yet.{hint}")
    return replace(policy, **renamed), warnings


def without(policy: Policy, name: str) -> Policy:
    """Return a copy of a policy without the entries of a student."""
    parts: dict[str, Any] = {
        part: {
            student: value for student, value in getattr(policy, part).items() if student != name
        }
        for part in OF_STUDENTS
    }
    return replace(policy, **parts)


def differences(old: Policy, new: Policy) -> list[str]:
    """List the keys of two policies that differ, each in a sentence with both values."""
    before, after = (dict(_flatten(msgspec.to_builtins(policy))) for policy in (old, new))
    return [
        f"{key} was {before.get(key, 'nothing')}, and is now {after.get(key, 'nothing')}"
        for key in {**before, **after}
        if before.get(key) != after.get(key)
    ]


def _flatten(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each key of nested tables, such as ``late.per_day``, with its value as text.

    ``table`` is the outer table; ``prefix`` is put before its keys. Values None are left out.
    """
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", f"{value:g}" if isinstance(value, float) else str(value)


def days_late(policy: Policy, kept: Kept, at: datetime | None) -> int | None:
    """Count the days, including the last one begun, that an attempt is late; None if unknown.

    Days that the policy lists for the student take precedence. Otherwise the student's extension or
    the due time counts, plus the minutes of grace. 0 means in time.

    Parameters
    ----------
    policy : Policy
    kept : Kept
        The attempt. Of Canvas, only whether it was late may be known.
    at : datetime, optional
        Time of submission.
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
    """Return a result with the adjustments of a policy and the score that follows from them.

    In this order: deductions for gradients by finite differences, lateness, bonus, scale. If an
    instructor has set the total, only the scale is applied to it. ``kept`` is the attempt, and
    ``at`` its time of submission, if known.
    """
    lines = list(result.adjustments)
    score = result.score
    if not any(line.kind == "total" for line in lines):
        if policy.tasks.numerical == "forbidden":
            forbidden = [*_numerical_lines(result)]
            lines += forbidden
            score = round(score + sum(line.points for line in forbidden), 2)
        # A deduction for lateness can be a share of the score after the lines before it.
        for line in _late_and_bonus(replace(result, score=score), policy, kept, at):
            lines.append(line)
            score = round(score + line.points, 2)
    most = result.max_score
    if policy.scale is not None and most and policy.scale.to != most:
        scaled = round(round_half_up(score * policy.scale.to / most, 0.01), 2)
        text = format_text(
            "{score} of {most} = {scaled} of {scale}",
            score=f"{score:g}",
            most=f"{most:g}",
            scaled=f"{scaled:g}",
            scale=f"{policy.scale.to:g}",
        )
        lines.append(Adjustment("scale", round(scaled - score, 2), text))
        score, most = scaled, policy.scale.to
    return replace(result, adjustments=tuple(lines), score=score, max_score=most)


def _numerical_lines(result: Result) -> Iterator[Adjustment]:
    """Yield for each task a deduction of the points for gradients by finite differences.

    Points that an instructor has set for a task or check are not deducted.
    """
    overridden = {line.name for line in result.adjustments if line.kind == "task"}
    for task in result.tasks:
        checks = {check.check: check for check in task.checks if check.decision is None}
        lost: dict[str, float] = {}
        for finding in task.findings:
            if finding.mistake == NUMERICAL_GRADIENT and task.title not in overridden:
                affected = [checks[name] for name in finding.about if name in checks]
                lost |= {check.check: _earned_by(check, finding.entries) for check in affected}
        points = round(sum(lost.values()), 2)
        if points:
            names = ", ".join(name for name, part in lost.items() if part)
            text = format_text(
                "{task}, {checks}: gradients by finite differences earn no points",
                task=task.title,
                checks=names,
            )
            yield Adjustment("numerical", -points, text, task.title)


def _earned_by(check: CheckResult, outputs: Collection[str]) -> float:
    """Return the part of a check's points that the passing ones of the given outputs earned.

    Without outputs, or without a passing output of the check, all its points are returned.
    """
    right = [entry.parameter for entry in check.entries if entry.state == "pass"]
    if not outputs or not right:
        return check.score
    return check.score * sum(name in outputs for name in right) / len(right)


def _late_and_bonus(
    result: Result, policy: Policy, kept: Kept, at: datetime | None
) -> Iterator[Adjustment]:
    """Yield the deduction for lateness and the bonus of an attempt, if the policy has any.

    ``kept`` is the attempt with its student, and ``result`` its result, whose score is reduced.
    ``at`` is the time of submission, None if it is unknown. An attempt with an unknown delay has no
    deduction.
    """
    days = days_late(policy, kept, at) or 0
    if policy.late is not None and days:
        score, most = result.score, result.max_score
        text = _describe_delay(policy, kept, at, days)
        base = most if policy.late.of == "maximum" else score
        yield Adjustment("late", -late_points(policy, days, score, most), text, max_score=base)
    bonus = policy.bonus.get(kept.name)
    if bonus is not None:
        yield Adjustment("bonus", bonus.points, bonus.why)


def late_points(policy: Policy, days: int, score: float, most: float) -> float:
    """Return the deduction for ``days`` of lateness from a score; ``most`` is the largest score.

    The deduction is a positive number of points. It is at most the score, and the whole score after
    the last day that the policy allows. It is 0 without a rule for lateness.
    """
    late = policy.late
    if late is None or not days:
        return 0.0
    percent = min(days * late.per_day, late.most)
    lost = min((most if late.of == "maximum" else score) * percent / 100, score)
    if late.days is not None and days > late.days:
        lost = score
    return round(round_half_up(lost, 0.01), 2)


def _describe_delay(policy: Policy, kept: Kept, at: datetime | None, days: int) -> str:
    """Describe a delay as in ``1 d 2 h late, counted as 2 days``, and mention an extension.

    ``at`` is the time of submission, None if it is unknown. If the policy lists the days, or the
    times are not known, only ``days`` are named.
    """
    due = policy.extensions.get(kept.name, policy.due)
    if due is None or at is None or kept.name in policy.days_late:
        return format_count("{count} day late", "{count} days late", days)
    minutes = math.ceil((at - due).total_seconds() / 60)
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min"))
    time = " ".join([f"{count} {unit}" for count, unit in parts if count][:2])
    begun = format_count("{count} day", "{count} days", days)
    text = format_text("{time} late, counted as {days}", time=time, days=begun)
    return f"{text} ({'after an extension'})" if kept.name in policy.extensions else text
