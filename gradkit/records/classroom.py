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

    ``ids`` are its identifiers by kind, ``original`` is the name in the download, and ``late``
    what the platform says: never more than a column.
    """

    student: str
    source: Source
    ids: Mapping[str, str]
    late: bool
    original: str
