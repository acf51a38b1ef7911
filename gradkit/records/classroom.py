"""A class as it is stored: who handed in what, what came of it, and in which run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from gradkit.records.course import Sender
from gradkit.records.result import Adjustment, CheckResult, Finding, State
from gradkit.records.submission import RawSubmission

RunKind = Literal["grade", "remark", "override", "release", "purge"]
Standing = Literal["graded", "refused", "failed", "absent", "waiting"]
"""``refused``: nothing to grade in it, and why. ``failed``: gradkit's own side did, try again.
``absent``: nothing was handed in, of what is stored where a person has set points for that.
``waiting``: not graded yet, as where a run was interrupted; nothing is stored of it."""


class Run(Struct, frozen=True):
    """One call of a command that adds to a class. Times are UTC, ISO 8601.

    ``policy`` says which attempt counts from then on, where that was said.
    """

    id: int
    kind: RunKind
    began: str
    ended: str | None
    who: str
    why: str
    settings: Mapping[str, object]
    versions: Mapping[str, str]
    policy: str | None = None


class Marked(Struct, frozen=True):
    """A submission and what came of it.

    ``key`` is a digest of all that the result depends on: while it is the same, there is no
    need to grade again. ``told`` is the sentence of what was refused or failed. ``digest`` is that
    of the contents, empty where no machine could read them.
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


class Filed(Marked, frozen=True):
    """One result as it is about to be stored: ``result`` and ``evidence`` are packed."""

    seconds: float = 0.0
    result: bytes = b""
    evidence: bytes = b""


class Order(Struct, frozen=True):
    """One submission to be graded, ``number`` in its run. ``key`` is as in `Marked`.

    ``hurried``: it has to make way for others if it takes much longer than they do. ``tasks`` are
    those that a person has said it is.
    """

    number: int
    parcel: RawSubmission
    seed: int
    key: str
    hurried: bool
    tasks: tuple[str, ...] = ()


class Reply(Struct, frozen=True):
    """What came of an order: a result to be stored, or none where it was overdue.

    ``timed_out``: a check of it ran out of time.
    """

    filed: Filed | None
    timed_out: bool = False


class Kept(Marked, frozen=True, kw_only=True):
    """The newest result of one submission, without its bulk. ``id`` fetches that.

    ``taken`` is the run in which the submission's code was run, None where it was not. ``seen`` is
    the last run that found the submission, ``given`` the first that found it as that one did, and
    ``place``, ``stamp`` and ``sender`` are what it was told of it, as in `Listed`.
    """

    id: int
    taken: int | None
    submission: int
    seen: int
    place: int
    stamp: str
    sender: Sender
    given: int


class Listed(Struct, frozen=True):
    """A submission as a run found it: a student's, of these contents, ``place`` in the run.

    ``stamp`` is the time of its file, UTC, ISO 8601, empty where that is not known.
    """

    name: str
    digest: str
    place: int
    stamp: str
    sender: Sender


class Override(Struct, frozen=True):
    """A person's last word on a check of a student's: ``by`` whom, when it was ``made`` and why.

    ``points`` None takes an earlier word back. ``basis`` is a digest of what was looked at:
    where it is another now, the word is stale.
    """

    task: str
    check: str
    points: float | None
    basis: str
    by: str
    comment: str
    made: str


class CountingAttempt(Struct, frozen=True):
    """The attempt of a student that counts, the ``number``-th of ``attempts``."""

    kept: Kept
    number: int
    attempts: int


class Release(Struct, frozen=True):
    """A file that was given back to a student, in that run. ``digest`` is SHA-256."""

    id: int
    run: int
    name: str
    file: str
    digest: str


class Change(Struct, frozen=True):
    """Points before and after, of a student or a check; None where nothing with a score counts."""

    name: str
    old: float | None
    old_max: float | None
    new: float | None
    new_max: float | None


class Remarked(Struct, frozen=True):
    """What marking again has changed, of ``total`` students with a score; ``amended`` are new.

    ``stale`` are submissions that could not be marked again, each with the reason. ``warned`` is
    what a person should know of the policy.
    """

    total: int
    amended: int
    changes: tuple[Change, ...]
    stale: tuple[tuple[str, str], ...]
    warned: tuple[str, ...] = ()


Kind = Literal[
    "failed",
    "refused",
    "waiting",
    "stale-override",
    "memorised-answers",
    "several-files",
    "forbidden-import",
    "numerical-gradient",
    "own-forward-gradient",
    "selector",
    "denied-access",
    "zero",
    "costly-finding",
    "unexplained",
    "untraced",
    "not-python",
    "crashed",
    "late",
    "missing",
    "inconclusive",
    "timeout",
    "not-checked",
    "nondeterministic",
    "not-in-roster",
    "absent",
    "provisional",
]
"""Why a person must look, the most urgent first."""


class Reason(Struct, frozen=True):
    """Why a person must look at a result; ``words`` say it, and name nobody."""

    kind: Kind
    words: str


class HandedIn(Struct, frozen=True):
    """Which of how many attempts it is that counts, and what its platform says of the time."""

    number: int = 1
    attempts: int = 1
    late: bool = False
    at: str = ""


class Row(Struct, frozen=True):
    """One student's line in the table of a class.

    ``checks`` maps ``task/check`` to state, points and largest points, ``tasks`` each task to title
    and points, ``mistakes`` the codes found to titles. ``review`` says why a person should look at
    it, the most urgent first; ``overridden`` are the checks whose points a person has set, by
    ``task/check``, ``adjustments`` points that are no check's. ``counted`` says of how many tasks
    it is; ``ids`` are identifiers by kind, ``left`` tasks that only another attempt has.
    ``assistant`` is who is to look at it, empty where that work is not split. Who has nothing that
    counts is ``absent``; ``ungraded`` are words on why there is no grade. ``link`` leads to the
    student's page: a path relative to that of the class, or ``#name`` within it, not yet quoted;
    empty where there is no page. ``by_numbers`` are the points under the preset ``numbers`` and
    those that all tasks have; it is None where they are not known.
    """

    name: str
    standing: Standing
    told: str = ""
    score: float | None = None
    max_score: float | None = None
    provisional: bool = False
    checks: Mapping[str, tuple[State, float, float]] = field(default_factory=dict)
    mistakes: Mapping[str, str] = field(default_factory=dict)
    review: tuple[Reason, ...] = ()
    handed: HandedIn = HandedIn()
    overridden: Mapping[str, CheckResult] = field(default_factory=dict)
    adjustments: tuple[Adjustment, ...] = ()
    counted: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    assistant: str = ""
    tasks: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    ungraded: str = ""
    link: str = ""
    by_numbers: tuple[float, float] | None = None


class Summary(Struct, frozen=True):
    """A class at a glance.

    ``states`` counts states by ``task/check``; ``mistakes`` has for each code the students
    concerned, the most frequent first.
    """

    rows: tuple[Row, ...]
    states: Mapping[str, Mapping[State, int]]
    mistakes: Mapping[str, tuple[str, ...]]


class FrequentMistake(Struct, frozen=True):
    """The most frequent mistake of a class.

    ``students`` is the number of students who made it; ``finding`` is the mistake of the student
    ``name``.
    """

    name: str
    finding: Finding
    students: int
