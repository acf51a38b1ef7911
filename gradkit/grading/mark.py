"""Make the marks of a task: points of its checks, costs of its findings, and one rounding."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from gradkit.formatting import format_text
from gradkit.grading.points import HARD_CASE, Loss, Scheme, loss_of
from gradkit.records.mistake import NUMBERS
from gradkit.records.result import (
    CENT,
    FAILED,
    OPEN,
    CheckResult,
    Finding,
    Inquiry,
    TaskResult,
    Verdict,
)
from gradkit.records.task import Check, FunctionTask, Task

ROUNDED = "All else is right to about seven digits, as in float32; that costs {points} points."
NO_STEP = "No step is made, so nothing is earned here."

DIVERGES = (
    "In a training run the loss rises or ends as nan. So the task earns less than "
    "half of its points."
)

BELOW = 0.5
"""The part of its points that a task with a diverging training run stays below."""

HARD_CASES = (
    "An output that is wrong only in a special case loses {share:.0%} of its points for each such "
    "case."
)

HELD = "These points are provisional: a person has to look at them."

WITHDRAWN = "A finding about this was withdrawn; nothing is deducted for it."


def mark(
    task: Task | FunctionTask, verdicts: Sequence[Verdict], inquiry: Inquiry, scheme: Scheme
) -> TaskResult:
    """Turn the verdicts on one task into points, by the rule of `gradkit.grading.points`.

    Parameters
    ----------
    task : Task
    verdicts : sequence of Verdict
        One for each of the task's checks, in order.
    inquiry : Inquiry
        The results of the diagnosis; empty if there was none.
    scheme : Scheme

    Returns
    -------
    TaskResult
        Its score is rounded to the step of the scheme. The points of its checks add up to the
        score, and the costs of its findings to the points that they took.
    """
    inquiry = _with_current_codes(inquiry)
    by_check = {verdict.check: verdict for verdict in verdicts}
    losses = [loss_of(check, by_check, inquiry, scheme) for check in task.checks]
    checks: Sequence[CheckResult] = [
        _check_result(check, by_check[check.name], loss, inquiry, scheme)
        for check, loss in zip(task.checks, losses, strict=True)
    ]
    checkable = sum(check.max_score for check in checks if check.state not in OPEN)
    score = total_of((check.score for check in checks), checkable, scheme.step)
    # A trajectory that diverges has lost everything.
    is_capped = any(loss.is_all for loss in losses)
    if is_capped and score >= BELOW * checkable:
        score = below(BELOW * checkable, scheme.step)
        checks = _lowered(checks, score)
    checks = round_checks(checks, score)
    parts = [_divide_lost(check, loss) for check, loss in zip(checks, losses, strict=True)]
    worth = sum(check.max_score for check in checks)
    shown = [f for f in inquiry.findings if f.mistake not in scheme.dropped]
    order = [check.name for check in task.checks]
    shown.sort(key=lambda f: order.index(f.check) if f.check else len(order))
    costs = _costs(checks, losses, parts)
    return TaskResult(
        task.id,
        task.title,
        score,
        worth,
        checkable,
        scheme.derived or checkable < worth,
        tuple(
            _with_precision(check, cents[-1]) for check, cents in zip(checks, parts, strict=True)
        ),
        tuple(_with_costs(finding, costs.get(_key(finding), {})) for finding in shown),
        (DIVERGES,) if is_capped else (),
    )


def score_by_numbers(
    task: Task | FunctionTask, verdicts: Sequence[Verdict], scheme: Scheme
) -> float:
    """Return the score of a task under the preset ``numbers``: only its right outputs count."""
    return mark(task, verdicts, Inquiry(), replace(scheme, preset=NUMBERS)).score


def _check_result(
    check: Check, verdict: Verdict, loss: Loss, inquiry: Inquiry, scheme: Scheme
) -> CheckResult:
    """Return a check with its points before they are rounded."""
    causes = inquiry.causes.get(verdict.check, ()) if verdict.state in FAILED else ()
    codes = [*(f.mistake for f in inquiry.findings if f.check == verdict.check), *causes]
    withdrawn = tuple(dict.fromkeys(code for code in codes if code in scheme.dropped))
    notes = list(verdict.notes)
    if any(entry.hard_cases for entry in verdict.entries):
        notes.append(format_text(HARD_CASES, share=HARD_CASE))
    if withdrawn:
        notes.append(WITHDRAWN)
    if causes and verdict.still:
        notes.append(NO_STEP)
    if loss.held:
        notes.append(HELD)
    return CheckResult(
        verdict.check,
        verdict.state,
        check.points * (1.0 - loss.share),
        check.points,
        verdict.message,
        verdict.entries,
        verdict.place,
        tuple(notes),
        causes=tuple(code for code in causes if code not in scheme.dropped),
        courses=verdict.courses,
        withdrawn=withdrawn,
        held=loss.held,
    )


def _divide_lost(check: CheckResult, loss: Loss) -> list[int]:
    """Divide the points that a check lost, in hundredths, among the reasons of a `Loss`.

    First the findings, then ``unexplained``, ``own_forward`` and ``precision``.
    """
    lost = round((check.max_score - check.score) * CENT)
    return shares_of(lost, [*loss.costs, loss.unexplained, loss.own_forward, loss.precision])


Costs = dict[tuple[str, str], dict[str, int]]
"""For each finding, by `_key`, what it costs each check, in hundredths."""


def _costs(
    checks: Sequence[CheckResult], losses: Sequence[Loss], parts: Sequence[Sequence[int]]
) -> Costs:
    """Return what each finding costs each check, in hundredths."""
    costs: Costs = {}
    for check, loss, cents in zip(checks, losses, parts, strict=True):
        for finding, part in zip(loss.findings, cents, strict=False):
            if part:
                own = costs.setdefault(_key(finding), {})
                own[check.check] = own.get(check.check, 0) + part
    return costs


def _with_costs(finding: Finding, cents: Mapping[str, int]) -> Finding:
    """Return a finding with what it costs, in points."""
    costs = {check: each / CENT for check, each in cents.items()}
    return replace(finding, deduction=sum(cents.values()) / CENT, costs=costs)


def _with_precision(check: CheckResult, cents: int) -> CheckResult:
    """Return a check with a note that says what single precision costs it, in hundredths."""
    notes = (format_text(ROUNDED, points=f"{cents / CENT:g}"),) if cents else ()
    return replace(check, notes=(*check.notes, *notes))


def _with_current_codes(inquiry: Inquiry) -> Inquiry:
    """Return an inquiry in which a stored finding with a former code has the current code."""
    if not inquiry.findings:
        return inquiry
    # Imported here because right submissions do not need the catalogue.
    from gradkit.diagnosis.catalogue import current_code

    return replace(
        inquiry,
        findings=tuple(replace(f, mistake=current_code(f.mistake)) for f in inquiry.findings),
        causes={check: tuple(map(current_code, c)) for check, c in inquiry.causes.items()},
    )


def _key(finding: Finding) -> tuple[str, str]:
    return finding.id, finding.mistake


def _lowered(checks: Sequence[CheckResult], score: float) -> list[CheckResult]:
    """Return checks that add up to a lower score: failed checks lose points before others."""
    failed = sum(check.score for check in checks if check.state != "pass")
    passed = sum(check.score for check in checks if check.state == "pass")
    excess = failed + passed - score
    of_failed = 1 - min(1.0, excess / (failed or 1.0)) if failed else 1.0
    of_passed = 1 - max(0.0, excess - failed) / (passed or 1.0)
    return [
        replace(check, score=check.score * (of_passed if check.state == "pass" else of_failed))
        for check in checks
    ]


def below(bound: float, step: float) -> float:
    """Return the largest multiple of ``step`` that is less than ``bound``; at least 0.

    Examples
    --------
    >>> below(10.0, 0.25), below(1.1, 0.5), below(0.0, 0.25)
    (9.75, 1.0, 0.0)
    """
    return max(0.0, (math.ceil(bound / step - 1e-9) - 1) * step)


QUARTER = 25
"""The largest part that a check's points are rounded to, in hundredths."""


def round_checks(checks: Sequence[CheckResult], score: float) -> tuple[CheckResult, ...]:
    """Round the points of checks so that they add up to the ``score`` of their task.

    If the points in hundredths add up to the score, they are kept. Otherwise the points of each
    check are rounded to a part of a point that the score and the maxima are multiples of, a quarter
    at most. The points that are missing then go to checks that earned a part of their points;
    checks that earned all or nothing keep their points as long as others have room.
    """
    total = round(score * CENT)
    exact = [round(check.score * CENT) for check in checks]
    if sum(exact) == total:
        return tuple(replace(c, score=n / CENT) for c, n in zip(checks, exact, strict=True))
    most = [round(check.max_score * CENT) for check in checks]
    common = math.gcd(total, *most)
    grain = next(part for part in range(QUARTER, 0, -1) if common % part == 0)
    cents = [round(check.score * CENT / grain) * grain for check in checks]
    rest = total - sum(cents)

    def rank(index: int) -> tuple[bool, float]:
        return not 0 < checks[index].score < most[index] / CENT, -most[index]

    for index in sorted(range(len(checks)), key=rank):
        part = min(max(rest, -cents[index]), most[index] - cents[index])
        cents[index] += part
        rest -= part
    if cents:
        # A step that is coarser than the points themselves can round above them.
        cents[-1] += rest
    return tuple(replace(c, score=n / CENT) for c, n in zip(checks, cents, strict=True))


def shares_of(whole: int, weights: Sequence[float]) -> list[int]:
    """Divide a whole number by weights, as nearly as whole numbers can; nothing where all are 0.

    Examples
    --------
    >>> shares_of(275, [0.5, 0.25, 0.25])
    [137, 69, 69]
    """
    exact = [whole * weight / (sum(weights) or 1.0) for weight in weights]
    cents = [math.floor(each + 1e-9) for each in exact]
    short = round(sum(exact)) - sum(cents)
    for index in sorted(range(len(exact)), key=lambda n: cents[n] - exact[n])[:short]:
        cents[index] += 1
    return cents


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
