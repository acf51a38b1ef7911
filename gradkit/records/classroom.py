"""A class as it is stored: who handed in what, what came of it, and in which run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gradkit.records.submission import Parcel
from gradkit.records.verdict import State

RunKind = Literal["grade", "remark"]
Standing = Literal["graded", "refused", "failed"]
"""``refused``: nothing to grade in it, and why. ``failed``: gradkit's own side did, try again."""


@dataclass(frozen=True, slots=True)
class Run:
    """One call of a command that changes results. Times are UTC, ISO 8601."""

    id: int
    kind: RunKind
    began: str
    ended: str | None
    who: str
    why: str
    settings: Mapping[str, object]
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Filed:
    """One result as it is about to be stored.

    ``key`` is a digest of all that the result depends on: while it is the same, there is no
    need to grade again. ``result`` and ``evidence`` are packed; empty where it was refused.
    ``told`` is the sentence of what was refused or failed.
    """

    name: str
    path: str
    digest: str
    key: str
    standing: Standing
    told: str = ""
    score: float | None = None
    max_score: float | None = None
    provisional: bool = False
    seconds: float = 0.0
    tier: int | None = None
    result: bytes = b""
    evidence: bytes = b""


@dataclass(frozen=True, slots=True)
class Order:
    """One submission to be graded. ``key`` is as in `Filed`.

    ``hurried``: it has to make way for others if it takes much longer than they do.
    """

    parcel: Parcel
    seed: int
    key: str
    hurried: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of an order: a result to be stored, or none where it was overdue.

    ``timed_out``: a check of it ran out of time.
    """

    filed: Filed | None
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """The current result of one submission, without its bulk. ``id`` fetches that.

    ``taken`` is the run in which the submission's code was run, None where it was not;
    ``run`` may be a later one that only marked it again.
    """

    id: int
    run: int
    taken: int | None
    name: str
    path: str
    digest: str
    key: str
    standing: Standing
    told: str
    score: float | None
    max_score: float | None
    provisional: bool
    made: str


@dataclass(frozen=True, slots=True)
class Change:
    """A score before and after."""

    name: str
    old: float
    old_max: float
    new: float
    new_max: float


@dataclass(frozen=True, slots=True)
class Remarked:
    """What marking again has changed.

    ``stale`` are submissions that could not be marked again, each with the reason.
    """

    total: int
    amended: int
    changes: tuple[Change, ...]
    stale: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One student's line in the table of a class.

    ``checks`` maps ``task/check`` to state, points and largest points; ``mistakes`` are the
    codes found. ``review`` says why a person should look at it.
    """

    name: str
    standing: Standing
    told: str
    score: float | None
    max_score: float | None
    provisional: bool
    checks: Mapping[str, tuple[State, float, float]]
    mistakes: tuple[str, ...]
    review: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A class at a glance.

    ``states`` counts states by ``task/check``; ``mistakes`` has for each code the students
    concerned, the most frequent first.
    """

    rows: tuple[Row, ...]
    states: Mapping[str, Mapping[State, int]]
    mistakes: Mapping[str, tuple[str, ...]]


Source = Literal["canvas", "moodle", "gradescope", "github", "plain"]


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose submission it is, and how the platform it comes from knows that.

    ``ids`` are its identifiers by kind (``canvas``, ``sis``, ``login``, ``email``, ``moodle``,
    ``github``), ``original`` is the name in the download, ``file`` what the student called the
    file where that name says so, and ``late`` what the platform says: never more than a column.
    ``at`` is when it was handed in, as the platform wrote it. ``members`` are the identifiers
    of everyone who handed it in together, where the platform names them.
    """

    student: str
    source: Source
    ids: Mapping[str, str]
    late: bool
    original: str
    file: str = ""
    at: str = ""
    members: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Student:
    """A line of a roster. ``ids`` are as in `Sender`; ``names`` all ways the name is written."""

    name: str
    names: tuple[str, ...]
    ids: Mapping[str, str]
    group: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """A roster beside the submissions, which are told by their numbers.

    ``matched`` has for each student the submissions that are theirs, ``absent`` who has none,
    ``strangers`` the submissions that are nobody's, ``open`` those that could be several
    students', with these.
    """

    matched: tuple[tuple[Student, tuple[int, ...]], ...]
    absent: tuple[Student, ...]
    strangers: tuple[int, ...]
    open: tuple[tuple[int, tuple[Student, ...]], ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What can be said of a class before anything is run. All are names of submissions.

    ``sources`` counts the submissions by platform. ``duplicates`` are groups with the same
    bytes under different names, ``several`` those with more than one attempt, ``refused`` and
    ``other`` (nothing in them has the name of a role) come with the sentence. ``unmatched``
    and ``open`` are submissions that the roster does not tell a student for, ``absent`` are
    students without one.
    """

    total: int
    sources: Mapping[Source, int]
    late: tuple[str, ...]
    several: tuple[tuple[str, int], ...]
    duplicates: tuple[tuple[str, ...], ...]
    empty: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    other: tuple[tuple[str, str], ...]
    unmatched: tuple[str, ...] = ()
    open: tuple[tuple[str, tuple[str, ...]], ...] = ()
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """What goes back to a platform for one student. ``ids`` are as in `Sender`.

    ``score`` is None where there is none to tell; ``feedback`` is plain text.
    """

    student: str
    ids: Mapping[str, str]
    score: float | None
    max_score: float
    feedback: str = ""


@dataclass(frozen=True, slots=True)
class FilledSheet:
    """A platform's table with the marks in it.

    ``filled`` are the students whose marks it has, ``left`` those who have no row of their own,
    each with the reason; ``notes`` say what else has to be known before it is uploaded.
    """

    data: bytes
    filled: tuple[str, ...]
    left: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
