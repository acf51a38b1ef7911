"""Turn verdicts into points. No numerics here: shares, sums and one rounding."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from gradkit.language import phrase, say
from gradkit.records.finding import UNEXPLAINED, Finding, Inquiry
from gradkit.records.functions import FunctionTask
from gradkit.records.mistake import Preset
from gradkit.records.result import CheckResult, TaskResult
from gradkit.records.task import Task
from gradkit.records.verdict import OPEN, Verdict


class Scheme(Struct, frozen=True):
    """How verdicts become points.

    The task's total is rounded to ``step``, half up; single checks are not rounded. ``preset``
    says which of the catalogue's figures count, ``deductions`` are the assignment's own, see
    `deduction`. ``derived`` says that expected values are no model solution's. Findings whose code
    is in ``dropped`` have been withdrawn: they are not shown and cost nothing.
    """

    step: float
    preset: Preset = "default"
    deductions: Mapping[str, float] = field(default_factory=dict)
    derived: bool = False
    dropped: frozenset[str] = frozenset()


def deduction(
    code: str,
    entries: int,
    of: int,
    preset: Preset = "default",
    own: Mapping[str, float] | None = None,
) -> float:
    """Return the share of a check's points that a mistake costs.

    Parameters
    ----------
    code : str
        A mistake of the catalogue, or ``unexplained``.
    entries, of : int
        How many of the check's entries it concerns: what is not explained costs their
        share, and so does a parameter that is not updated.
    preset : {"default", "strict", "lenient"}
        Which of the catalogue's figures counts.
    own : mapping of str to float, optional
        The assignment's own figures; they go before the catalogue's, whatever the preset.
    """
    # Late: who makes no mistake has no need of the catalogue.
    from gradkit.diagnosis.mistakes.catalogue import mistake

    if own and code in own:
        return own[code]
    figures: Mapping[Preset, float] = {} if code == UNEXPLAINED else mistake(code).deduction
    return figures[preset] if figures else entries / of


def is_by_share(code: str) -> bool:
    """Whether a mistake costs the share of the entries that it concerns: they are not updated."""
    from gradkit.diagnosis.mistakes.catalogue import mistake

    return code != UNEXPLAINED and not mistake(code).deduction


def rounding(preset: Preset = "default") -> float:
    """Return the share of a check's points that single precision costs: that of a wrong figure."""
    from gradkit.diagnosis.mistakes.catalogue import DEDUCTIONS

    return DEDUCTIONS["figure"][preset]


ROUNDED = phrase(
    "All else is right to about seven digits, as in float32; that costs {points} points."
)
NO_STEP = phrase("No step is made, so nothing follows from one: only what is right is counted.")

MOST = 0.5
"""Parameters that are never updated are missing from what follows where they are more than that."""

WITHDRAWN = phrase("A finding about this was withdrawn; nothing is deducted for it.")


def mark(
    task: Task | FunctionTask, verdicts: Sequence[Verdict], inquiry: Inquiry, scheme: Scheme
) -> TaskResult:
    """Points for one task.

    A check earns the better of two counts: the share of its entries that passed, or
    everything less the deductions of the mistakes found. One mistake costs once: a check
    that follows from findings about another loses nothing more. Both are about steps that
    were made: where none was, only what passed is counted, and where most of the parameters are
    never updated, they are missing from what follows too.

    Parameters
    ----------
    task : Task
    verdicts : sequence of Verdict
        One for each of the task's checks, in order.
    inquiry : Inquiry
        What the diagnosis found; empty where there was none.
    scheme : Scheme

    Returns
    -------
    TaskResult
    """
    by_check = {verdict.check: verdict for verdict in verdicts}

    def left_alone(codes: Sequence[str]) -> float:
        """Return the share of the parameters that no step touched, if those are most of them."""
        about = [f for f in inquiry.findings if f.mistake in codes and is_by_share(f.mistake)]
        part = sum(_cost(f, by_check[f.check], scheme) for f in about)
        return part if part > MOST else 0.0

    findings: list[Finding] = []
    checks = []
    for check, verdict in zip(task.checks, verdicts, strict=True):
        own = [finding for finding in inquiry.findings if finding.check == check.name]
        follows = inquiry.follows.get(check.name, ()) if verdict.state == "fail" else ()
        costs = [0.0 if f.mistake in scheme.dropped else _cost(f, verdict, scheme) for f in own]
        earned = share(verdict)
        rounded = verdict.state == "fail" and check.name in inquiry.rounded
        rounds = rounding(scheme.preset) if rounded else 0.0
        if follows and not verdict.still:
            earned = max(earned, 1.0 - left_alone(follows))
        failed = sum(entry.state != "pass" for entry in verdict.entries)
        # Where all costs are shares, what no finding speaks of has lost its points too.
        of_shares = all(is_by_share(f.mistake) for f in own)
        all_told = sum(len(f.entries) or failed for f in own) >= failed
        told = rounded or (own and (all_told or not of_shares))
        if told and verdict.state == "fail" and not verdict.still:
            earned = max(earned, 1.0 - sum(costs) - rounds)
        # What the check lost is told mistake by mistake, and no more than that.
        lost = check.points * (1.0 - earned) / (sum(costs) + rounds or 1.0)
        findings += [
            replace(finding, deduction=lost * cost)
            for finding, cost in zip(own, costs, strict=True)
            if finding.mistake not in scheme.dropped
        ]
        notes = list(verdict.notes)
        if any(code in scheme.dropped for code in (*follows, *(f.mistake for f in own))):
            notes.append(say(WITHDRAWN))
        if follows and verdict.still:
            notes.append(say(NO_STEP))
        if lost * rounds > 0:
            points = f"{lost * rounds:.2f}".rstrip("0").rstrip(".")
            notes.append(say(ROUNDED, points=points))
        checks.append(
            CheckResult(
                verdict.check,
                verdict.state,
                check.points * earned,
                check.points,
                verdict.message,
                verdict.entries,
                verdict.place,
                tuple(notes),
                tuple(code for code in follows if code not in scheme.dropped),
                verdict.courses,
            )
        )
    findings += [f for f in inquiry.findings if not f.check and f.mistake not in scheme.dropped]
    checkable = sum(check.max_score for check in checks if check.state not in OPEN)
    total = sum(check.max_score for check in checks)
    return TaskResult(
        task.id,
        task.title,
        total_of((check.score for check in checks), checkable, scheme.step),
        total,
        checkable,
        scheme.derived or checkable < total,
        tuple(checks),
        tuple(findings),
        step=scheme.step,
    )


def _cost(finding: Finding, verdict: Verdict, scheme: Scheme) -> float:
    """Return the share of its check's points that a finding costs."""
    failed = sum(entry.state != "pass" for entry in verdict.entries)
    concerned = len(finding.entries) or failed or 1
    # What stopped has no entries: all of it is concerned.
    of = len(verdict.entries) or concerned
    return deduction(finding.mistake, concerned, of, scheme.preset, scheme.deductions)


def share(verdict: Verdict) -> float:
    """Return the part of a check's points that was earned: the share of its entries that passed."""
    if verdict.state == "pass":
        return 1.0
    if verdict.state not in ("fail", "missing", "blocked") or not verdict.entries:
        return 0.0
    passed = sum(entry.state == "pass" for entry in verdict.entries)
    return passed / len(verdict.entries)


def total_of(scores: Iterable[float], most: float, step: float) -> float:
    """Return the sum of ``scores`` to the nearest multiple of ``step``, at most ``most``.

    Whoever earned all that there is to earn has all of it, whether ``step`` divides that or not.
    """
    earned = sum(scores)
    return most if earned >= most - 1e-9 else min(round_half_up(earned, step), most)


def round_half_up(value: float, step: float) -> float:
    """``value`` to the nearest multiple of ``step``; 0.125 to 0.25 gives 0.25."""
    # The nudge keeps sums of decimal shares, such as 0.1 + 0.2, on the right side of a half.
    return math.floor(value / step + 0.5 + 1e-9) * step
