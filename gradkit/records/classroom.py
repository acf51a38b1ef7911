"""Records of a stored class: submissions, their results, and the runs that made them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from gradkit.records.course import Sender
from gradkit.records.result import Adjustment, CheckResult, Finding, State
from gradkit.records.submission import RawSubmission

RunKind = Literal["grade", "remark", "override", "comment", "review", "release", "purge"]
Standing = Literal["graded", "refused", "failed", "absent", "waiting"]
"""State of a student in a class.

``refused``: the submission contains nothing that can be graded. ``failed``: gradkit itself failed,
and grading can be tried again. ``absent``: nothing was submitted; this is stored only if a person
has set points. ``waiting``: not graded yet, for example after an interrupted run.
"""


class Run(Struct, frozen=True):
    """One call of a command that adds to a class. Times are UTC, ISO 8601.

    ``policy`` is the rule for which attempt counts from then on, if the run set one.
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
    """A submission and its result.

    ``key`` is a digest of all that the result depends on: the submission is graded again only if
    it changes. ``told`` is the message if the submission was refused or failed. ``digest`` is that
    of the contents, empty if they could not be read.
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
    """One result in the form in which it is stored: ``result`` and ``evidence`` are packed."""

    seconds: float = 0.0
    result: bytes = b""
    evidence: bytes = b""


class Order(Struct, frozen=True):
    """One submission to be graded, ``number`` in its run. ``key`` is as in `Marked`.

    ``hurried``: grading is stopped if it takes much longer than that of others.
    ``tasks`` are the tasks that a person has assigned the submission to.
    """

    number: int
    parcel: RawSubmission
    seed: int
    key: str
    hurried: bool
    tasks: tuple[str, ...] = ()


class Reply(Struct, frozen=True):
    """The result of an order, None if it took too long. ``timed_out``: a check ran out of time."""

    filed: Filed | None
    timed_out: bool = False


class Kept(Marked, frozen=True, kw_only=True):
    """The newest result of one submission, without its packed data, which ``id`` loads.

    ``taken`` is the run in which the submission's code was run, None if it was not. ``seen`` is
    the last run that found the submission, and ``given`` the first run that found it in the same
    form. ``place``, ``stamp`` and ``sender`` are those of the last run, as in `Listed`.
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
    """A submission as a run found it, with its number, ``place``, in the run.

    ``stamp`` is the time of its file, UTC, ISO 8601, empty if unknown.
    """

    name: str
    digest: str
    place: int
    stamp: str
    sender: Sender


FindingAction = Literal["withdrawn", "priced", "accepted"]


class FindingDecision(Struct, frozen=True):
    """The decision of a person about one finding of one submission.

    ``finding`` is its id, ``code`` its mistake. ``share`` is the price of a priced finding, as a
    share of a check's points; it is 0 for other decisions.
    """

    finding: str
    code: str
    action: FindingAction
    share: float = 0.0


class Override(Struct, frozen=True):
    """Points that a person has set for a check of a student: ``by`` whom, when ``made``, and why.

    ``points`` None withdraws an earlier override. ``basis`` is a digest of the findings at that
    time: if they have changed since, the override is stale. ``findings`` are the decisions from
    which the points follow; without any, the person has set the points directly.
    """

    task: str
    check: str
    points: float | None
    basis: str
    by: str
    comment: str
    made: str
    findings: tuple[FindingDecision, ...] = ()


class Review(Struct, frozen=True):
    """The decision of a grader that an attempt of a student has been reviewed, or not.

    ``revision`` increases with each decision. ``digest`` is that of the attempt.
    """

    revision: int
    digest: str
    reviewed: bool
    by: str
    made: str


class CountingAttempt(Struct, frozen=True):
    """The attempt of a student that counts, the ``number``-th of ``attempts``."""

    kept: Kept
    number: int
    attempts: int


class Release(Struct, frozen=True):
    """A file that a run returned to a student. ``digest`` is its SHA-256."""

    id: int
    run: int
    name: str
    file: str
    digest: str


class Change(Struct, frozen=True):
    """Points of a student or a check before and after; None if no score counted."""

    name: str
    old: float | None
    old_max: float | None
    new: float | None
    new_max: float | None


class Remarked(Struct, frozen=True):
    """The changes by marking a class again, with ``total`` students who have a score.

    ``amended`` counts the new results. ``stale`` are submissions that could not be marked again,
    each with the reason. ``warned`` are warnings about the policy.
    """

    total: int
    amended: int
    changes: tuple[Change, ...]
    stale: tuple[tuple[str, str], ...]
    warned: tuple[str, ...] = ()


Kind = Literal[
    "held",
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
"""Reasons why a person must look at a result, the most urgent first."""


class Reason(Struct, frozen=True):
    """A reason why a person must look at a result; ``words`` say it without names of students."""

    kind: Kind
    words: str


class HandedIn(Struct, frozen=True):
    """The counting attempt, the ``number``-th of ``attempts``, and its time at the platform."""

    number: int = 1
    attempts: int = 1
    late: bool = False
    at: str = ""


class Row(Struct, frozen=True):
    """One student's line in the table of a class.

    ``checks`` maps ``task/check`` to state, points and largest points, ``tasks`` each task to title
    and points, and ``mistakes`` the codes found to titles. ``review`` are the reasons why a person
    should look at the result, the most urgent first. ``overridden`` are the checks whose points a
    person has set, by ``task/check``, and ``adjustments`` points that belong to no check.
    ``counted`` says how many tasks count, ``ids`` are identifiers by kind, and ``left`` are tasks
    that only another attempt has. ``assistant`` is the person who is to look at the result, empty
    if this work is not divided. A student without a counting submission is ``absent``;
    ``ungraded`` says why there is no grade. ``link`` leads to the student's page: a path relative
    to the page of the class, or ``#name`` within it, not yet quoted; empty without a page.
    ``by_numbers`` are the points under the preset ``numbers`` and those that all tasks have; it is
    None where they are not known. ``reviewed_by`` is the grader who has reviewed the attempt, empty
    if nobody has. ``comments`` counts the comments of graders. ``mistakes_by_task`` maps the id of
    each task that was judged to the codes found in it.
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
    reviewed_by: str = ""
    comments: int = 0
    mistakes_by_task: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class FrequentMistake(Struct, frozen=True):
    """The most frequent mistake of a class.

    ``students`` is the number of students who made it; ``finding`` is the mistake of the student
    ``name``.
    """

    name: str
    finding: Finding
    students: int
