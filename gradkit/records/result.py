"""Marks, as they leave the line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gradkit.records.finding import Finding
from gradkit.records.mistake import Preset
from gradkit.records.submission import Listing, Place, Problem
from gradkit.records.task import Form, Visibility
from gradkit.records.verdict import Course, Entry, State

OracleKind = Literal["reference", "derived"]


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's word on a check's points, which counts in the place of the mark.

    ``marked`` is what the mark would be. ``stale``: something else is found now than what was
    looked at. ``made`` is UTC, ISO 8601.
    """

    marked: float
    by: str
    made: str
    comment: str
    stale: bool


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A verdict with its points. ``score`` is not rounded; the task's total is.

    A failed check that ``follows`` from mistakes found in another loses no points of its own.
    Where there is a ``decision``, the score is a person's.
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


@dataclass(frozen=True, slots=True)
class TaskResult:
    """One task's checks.

    ``checkable`` is the part of ``max_score`` that could be judged. ``seed`` draws the
    probes that it was judged at; it is not the result's where those were drawn again.
    ``listings`` hold the functions in which something was found. The score is a multiple of
    ``step``, or all points that there are.
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
    step: float = 0.25


@dataclass(frozen=True, slots=True)
class Result:
    """One submission's marks, with what is needed to repeat them.

    ``path`` is where the submission was read from, as it was given. ``visibility`` is the
    assignment's: by check, when students may see what it found.
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
