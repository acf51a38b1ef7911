"""What goes back to students: what has changed since they were last told, and who is left out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PointsChange:
    """Points before and after, of a check or of everything."""

    name: str
    old: float
    old_max: float
    new: float
    new_max: float


@dataclass(frozen=True, slots=True)
class Moved:
    """A finding that is there now and was not before, or the other way round.

    ``said`` is what the hint level shows of it: its title, or where to look.
    """

    task: str
    check: str
    said: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Word:
    """Points that a person has given for a check since, or taken back where there are none."""

    task: str
    check: str
    points: float | None
    comment: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What a student's page says now and did not say when it was given back last.

    ``since`` is that time, UTC, ISO 8601. ``score`` is the total; ``checks`` are those whose
    points are others now, and a check that was not there had 0 of 0. ``attempts`` are the
    numbers of the attempts that counted then and now, where they differ. ``reasons`` are
    those that were given for marking the class again.
    """

    since: str
    score: PointsChange
    checks: tuple[PointsChange, ...] = ()
    gone: tuple[Moved, ...] = ()
    come: tuple[Moved, ...] = ()
    words: tuple[Word, ...] = ()
    attempts: tuple[int, int] | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """A student who does not get something back, what that is, and why."""

    student: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Given:
    """What `gradkit feedback` gives back.

    ``pages`` counts the pages, and ``new`` those among them that their student has not been
    given before. ``filled`` counts the rows of a platform's table. ``written`` are the paths.
    ``absent`` are students of the roster without a submission, ``notes`` what else has to be
    known before anything is uploaded.
    """

    pages: int
    new: int
    filled: int
    written: tuple[str, ...]
    left: tuple[Left, ...]
    absent: tuple[str, ...]
    notes: tuple[str, ...]
