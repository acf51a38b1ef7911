"""What is new to a student: how a result stood when it was last given back, and how it stands.

Both are what the student may see, so that nothing is told by comparing them that neither
shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gradkit.classroom.store.overrides import decided
from gradkit.classroom.store.pack import unpack
from gradkit.records.classroom import Kept, Override
from gradkit.records.feedback import Changes, Moved, PointsChange, Word
from gradkit.records.finding import Finding
from gradkit.records.result import CheckResult, Result, TaskResult
from gradkit.report.data import TITLE_LEVEL, visible
from gradkit.report.visibility import withhold


@dataclass(frozen=True, slots=True)
class Stand:
    """How a student's submission stands, or stood: the attempt that counts, and what was said."""

    kept: Kept
    packed: bytes
    number: int
    words: tuple[Override, ...]


@dataclass(frozen=True, slots=True)
class Former:
    """How it stood at ``since``, and the reasons that were given for what was done after that.

    ``taken_back`` has by task and check why a person's points were taken back.
    """

    since: str
    stand: Stand
    reasons: tuple[str, ...] = ()
    taken_back: tuple[tuple[str, str, str], ...] = ()


def seen(stand: Stand) -> Result:
    """What the student may see of it."""
    return withhold(decided(unpack(stand.packed, Result), stand.kept, stand.words))


def changes(former: Former, stand: Stand, hints: int) -> Changes | None:
    """What the student did not know.

    Parameters
    ----------
    former : Former
    stand : Stand
    hints : int
        The level of the page.

    Returns
    -------
    Changes or None
        None where nothing has changed that the student may see.
    """
    old, new = seen(former.stand), seen(stand)
    name = stand.kept.name
    score = PointsChange(name, old.score, old.max_score, new.score, new.max_score)
    numbers = (former.stand.number, stand.number)
    found = Changes(
        former.since,
        score,
        tuple(_checks(old, new)),
        tuple(_moved(new, old, hints)),
        tuple(_moved(old, new, hints)),
        tuple(_words(old, new, former.taken_back)),
        numbers if former.stand.kept.digest != stand.kept.digest else None,
        former.reasons,
    )
    still = (score.old, score.old_max) == (score.new, score.new_max)
    if still and not (found.checks or found.gone or found.come or found.words or found.attempts):
        return None
    return found


def _by_check(result: Result) -> dict[tuple[str, str], tuple[TaskResult, CheckResult]]:
    return {
        (task.task, check.check): (task, check) for task in result.tasks for check in task.checks
    }


def _checks(old: Result, new: Result) -> Iterator[PointsChange]:
    before, after = _by_check(old), _by_check(new)
    for key in dict.fromkeys([*before, *after]):
        task, _ = after.get(key) or before[key]
        was, now = _worth(before.get(key)), _worth(after.get(key))
        if was != now:
            yield PointsChange(f"{task.title}: {key[1]}", *was, *now)


def _worth(found: tuple[TaskResult, CheckResult] | None) -> tuple[float, float]:
    return (0.0, 0.0) if found is None else (found[1].score, found[1].max_score)


def _moved(there: Result, missing: Result, hints: int) -> Iterator[Moved]:
    """Findings of ``missing`` that are not in the other."""
    known = {_key(task, finding) for task, finding in _findings(there, hints)}
    for task, finding in _findings(missing, hints):
        if _key(task, finding) not in known:
            named = hints >= TITLE_LEVEL
            said = finding.title if named else next(iter(finding.hints), "")
            yield Moved(task.title, finding.check, said, finding.entries if named else ())


def _findings(result: Result, hints: int) -> Iterator[tuple[TaskResult, Finding]]:
    return ((task, finding) for task in result.tasks for finding in visible(task, hints))


def _key(task: TaskResult, finding: Finding) -> tuple[str, ...]:
    return (task.task, finding.check, finding.mistake, *sorted(finding.entries))


def _words(old: Result, new: Result, taken_back: Iterable[tuple[str, str, str]]) -> Iterator[Word]:
    """A check that is not shown keeps its reasons too."""
    before, after = _by_check(old), _by_check(new)
    why: Mapping[tuple[str, str], str] = {(task, check): said for task, check, said in taken_back}
    for key in dict.fromkeys([*before, *after]):
        task, check = after.get(key) or before[key]
        was = before[key][1].decision if key in before else None
        now = check.decision if key in after else None
        if now is not None and (was is None or was.made != now.made):
            yield Word(task.title, check.check, check.score, now.comment)
        elif was is not None and now is None:
            unseen = new.visibility.get(key[1], "visible") != "visible"
            yield Word(task.title, check.check, None, "" if unseen else why.get(key, ""))
