"""What a class has to answer for, and what goes back to its students."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from gradkit.records.classroom import Change, Release, RunKind, Standing


class Attempt(Struct, frozen=True):
    """A submission of a student's as a run found it, and what came of it in that run.

    ``at`` is the platform's time, ``stamp`` the file's. Of one that was ``unchanged`` the run
    only noted that it was there, and the rest is empty. ``seeds`` are those of the inputs by
    task, ``found`` the mistakes by task and check.
    """

    original: str
    path: str
    source: str
    at: str
    late: bool
    stamp: str
    digest: str
    unchanged: bool
    standing: Standing | None = None
    told: str = ""
    score: float | None = None
    max_score: float | None = None
    provisional: bool = False
    assignment: str = ""
    preset: str = ""
    versions: Mapping[str, str] | None = None
    digests: Mapping[str, str] | None = None
    seeds: Mapping[str, int] | None = None
    found: tuple[str, ...] = ()


class PointsSet(Struct, frozen=True):
    """Points that were set for a check; None where earlier ones were taken back."""

    task: str
    check: str
    points: float | None


class Mark(Struct, frozen=True):
    """What counts for a student: the ``number``-th of ``attempts``, with every last word in it."""

    score: float | None
    max_score: float | None
    number: int
    attempts: int


class Step(Struct, frozen=True):
    """What one run did to a student's grade.

    ``policy`` is the rule for which attempt counts, where the run set one, ``drops`` the
    findings that it withdrew from everyone, ``keeps`` those of which it took that back.
    ``before`` and ``after`` are what counted, None where nothing did. ``rules``: the course's
    policy changed.
    """

    run: int
    kind: RunKind
    began: str
    ended: str | None
    who: str
    why: str
    versions: Mapping[str, str]
    attempts: tuple[Attempt, ...]
    words: tuple[PointsSet, ...]
    releases: tuple[Release, ...]
    drops: tuple[str, ...]
    keeps: tuple[str, ...]
    policy: str | None
    before: Mark | None
    after: Mark | None
    rules: bool = False


class History(Struct, frozen=True):
    """How a student's grade came about, run by run."""

    name: str
    mark: Mark | None
    steps: tuple[Step, ...]


class Stood(Struct, frozen=True):
    """What counted for a student at the end of a run.

    ``found`` are mistakes by task and check, ``words`` the points that a person has set.
    """

    standing: Standing
    mark: Mark
    found: tuple[str, ...]
    words: Mapping[str, float]


class Difference(Struct, frozen=True):
    """A student at the end of two runs; None where there was nothing that counted."""

    name: str
    before: Stood | None
    after: Stood | None
    gone: tuple[str, ...]
    come: tuple[str, ...]


class Moved(Struct, frozen=True):
    """A finding that is there now and was not before, or the other way round.

    ``said`` is what the hint level shows of it: its title, or where to look.
    """

    task: str
    check: str
    said: str
    entries: tuple[str, ...]


class PointsGiven(PointsSet, frozen=True):
    """Points that a person has given for a check since, or taken back where there are none."""

    comment: str


class Changes(Struct, frozen=True):
    """What a student's page says now and did not say when it was given back last.

    ``since`` is that time, UTC, ISO 8601. ``score`` is the total; ``checks`` are those whose
    points are others now, and a check that was not there had 0 of 0. ``attempts`` are the
    numbers of the attempts that counted then and now, where they differ. ``reasons`` are
    those that were given for marking the class again. ``withdrawn`` are findings that are gone
    since they count no more.
    """

    since: str
    score: Change
    checks: tuple[Change, ...] = ()
    gone: tuple[Moved, ...] = ()
    come: tuple[Moved, ...] = ()
    words: tuple[PointsGiven, ...] = ()
    attempts: tuple[int, int] | None = None
    reasons: tuple[str, ...] = ()
    withdrawn: tuple[Moved, ...] = ()


class Left(Struct, frozen=True):
    """A student who does not get something back, what that is, and why."""

    student: str
    what: str
    why: str


class Given(Struct, frozen=True):
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
