"""Marks, as they leave the line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from gradkit.records.binding import Binding
from gradkit.records.finding import Finding, Inquiry
from gradkit.records.mistake import Preset
from gradkit.records.observations import Observations
from gradkit.records.submission import Listing, Place, Problem
from gradkit.records.task import Form, Visibility
from gradkit.records.verdict import Course, Entry, State, Verdict

OracleKind = Literal["reference", "derived"]


class Decision(Struct, frozen=True):
    """A person's word on a check's points, which counts in the place of the mark.

    ``marked`` is what the mark would be. ``stale``: something else is found now than what was
    looked at. ``made`` is UTC, ISO 8601.
    """

    marked: float
    by: str
    made: str
    comment: str
    stale: bool


CENT = 100
"""Parts of a point that are told apart: two decimals, as everywhere."""


class CheckResult(Struct, frozen=True):
    """A verdict with its points, which add up to the task's score.

    A failed check that ``follows`` from mistakes found in another loses no points of its own.
    Where there is a ``decision``, the score is a person's. ``withdrawn`` are the codes of findings
    that it failed for, and that count no more.
    """

    check: str
    state: State
    score: float
    max_score: float
    message: str
    entries: tuple[Entry, ...] = ()
    place: Place | None = None
    notes: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    courses: tuple[Course, ...] = ()
    decision: Decision | None = None
    withdrawn: tuple[str, ...] = ()


class TaskResult(Struct, frozen=True):
    """One task's checks.

    ``checkable`` is the part of ``max_score`` that could be judged. ``seed`` draws the
    probes that it was judged at; it is not the result's where those were drawn again.
    ``listings`` hold the functions in which something was found. What is ``absent`` was not
    handed in.
    """

    task: str
    title: str
    score: float
    max_score: float
    checkable: float
    provisional: bool
    checks: tuple[CheckResult, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    seed: int = 0
    listings: tuple[Listing, ...] = ()
    absent: bool = False


AdjustmentKind = Literal["task", "total", "late", "bonus", "scale"]


class Adjustment(Struct, frozen=True):
    """Points between the sum of the tasks and the score, and why: a line of its own.

    A ``task`` or the ``total`` was set by a person, whose ``decision`` it is, to ``score`` of
    ``max_score`` points. Of all others ``said`` is the reason. ``name`` is the task's title.
    """

    kind: AdjustmentKind
    points: float
    said: str = ""
    name: str = ""
    score: float = 0.0
    max_score: float = 0.0
    decision: Decision | None = None


class Result(Struct, frozen=True):
    """One submission's marks, with what is needed to repeat them.

    ``path`` is where the submission was read from, as it was given. ``visibility`` is the
    assignment's: by check, when students may see what it found. ``required`` are the tasks that
    count, whether or not they were handed in, by id; where there are none, those that were handed
    in, of ``all_tasks``. The score is the sum of the tasks and of the ``adjustments``. Where
    nothing could be graded, ``refused`` says why, and nothing was judged.
    """

    submission: str
    assignment: str
    form: Form
    seed: int
    oracle: OracleKind
    provisional: bool
    score: float
    max_score: float
    tasks: tuple[TaskResult, ...]
    problems: tuple[Problem, ...]
    versions: Mapping[str, str]
    digests: Mapping[str, str]
    tier: int
    path: str = ""
    preset: Preset = "default"
    visibility: Mapping[str, Visibility] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    all_tasks: int = 0
    adjustments: tuple[Adjustment, ...] = ()
    refused: str = ""


class Evidence(Struct, frozen=True):
    """What one section's code answered to the questions of one task, and what it was found to do.

    ``seed`` draws the same questions again, and ``questions`` is a digest of them: where it
    comes out otherwise, these answers are to something else. ``verdicts`` are those that the
    inquiry was about, ``tolerances`` what each check let pass, and ``basis`` is a digest of
    all that they depend on besides. Where the task could not be put at all, ``unchecked``
    says why and there are no answers; where it is ``absent``, it was not handed in. ``section`` is
    what the section is called; ``notes`` are remarks on the grading, ``listings`` the code that
    findings and checks point to.
    """

    task: str
    section: str
    seed: int
    questions: str = ""
    binding: Binding | None = None
    observations: Observations | None = None
    inquiry: Inquiry = Inquiry()
    verdicts: tuple[Verdict, ...] = ()
    basis: str = ""
    tolerances: Mapping[str, float] = field(default_factory=dict)
    unchecked: str = ""
    notes: tuple[str, ...] = ()
    tier: int = 0
    listings: tuple[Listing, ...] = ()
    absent: bool = False


class Graded(Struct, frozen=True):
    """A result with all that it was made from."""

    result: Result
    evidence: tuple[Evidence, ...]


class Batch(Struct, frozen=True):
    """Results of several submissions, and why each of the others could not be graded.

    ``keyed`` tells whether they were graded against model solutions. ``hints`` is the level
    that the assignment shows to students, ``own_hints`` that for whoever has graded them.
    """

    results: tuple[Result, ...]
    refused: tuple[str, ...] = ()
    keyed: bool = False
    hints: int = 4
    own_hints: int = 4
