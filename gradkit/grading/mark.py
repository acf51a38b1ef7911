"""Compute the marks of a task: the points of its checks and the costs of its findings, rounded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

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
from gradkit.text import format_text

ROUNDED = "All else is right to about seven digits, as in float32; that costs {points} points."
"""Note on a check that loses points for single precision."""

NO_STEP = "No step is made, so nothing is earned here."
"""Note on a check in which no parameter moves."""

DIVERGES = (
    "In a training run the loss rises or ends as nan. So the task earns less than "
    "half of its points."
)
"""Note on a task with a diverging training run."""

DIVERGING_BOUND = 0.5
"""Share of a task's points that the task stays below if a training run diverges."""

HARD_CASES = (
    "An output that is wrong only in a special case loses {share:.0%} of its points for each such "
    "case."
)
"""Note on a check with an output that is wrong only in hard cases."""

HELD = "These points are provisional: a person has to look at them."
"""Note on a check whose points a person has to confirm."""

WITHDRAWN = "A finding about this was withdrawn; nothing is deducted for it."
"""Note on a check with a finding that the instructor has withdrawn."""


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
        The score is rounded to the step of the scheme. The points of the checks add up to the
        score. The costs of the findings add up to the points that the findings took away.
    """
    inquiry = with_current_codes(inquiry)
    by_check = {verdict.check: verdict for verdict in verdicts}
    losses = [loss_of(check, by_check, inquiry, scheme) for check in task.checks]
    checks: Sequence[CheckResult] = [
        _check_result(check, by_check[check.name], loss, inquiry, scheme)
        for check, loss in zip(task.checks, losses, strict=True)
    ]
    checkable = sum(check.max_score for check in checks if check.state not in OPEN)
    score = total_of((check.score for check in checks), checkable, scheme.step)
    # Only a diverging training run loses all points of its check in this way.
    is_capped = any(loss.is_all for loss in losses)
    if is_capped and score >= DIVERGING_BOUND * checkable:
        score = below(DIVERGING_BOUND * checkable, scheme.step)
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
    """Return the score under the preset ``numbers``, in which only right outputs count."""
    return mark(task, verdicts, Inquiry(), replace(scheme, preset=NUMBERS)).score


def _check_result(
    check: Check, verdict: Verdict, loss: Loss, inquiry: Inquiry, scheme: Scheme
) -> CheckResult:
    """Return a check with its points before they are rounded."""
    ids = inquiry.causes.get(verdict.check, ()) if verdict.state in FAILED else ()
    causes = tuple(dict.fromkeys(each.mistake for each in inquiry.findings if each.id in ids))
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

    The result has first a part for each finding, then the parts for ``unexplained``,
    ``own_forward`` and ``precision``.
    """
    lost = round((check.max_score - check.score) * CENT)
    return shares_of(lost, [*loss.costs, loss.unexplained, loss.own_forward, loss.precision])


Costs = dict[tuple[str, str], dict[str, int]]
"""The cost of each finding, by `_key`, for each check by its name, in hundredths of a point."""


def _costs(
    checks: Sequence[CheckResult], losses: Sequence[Loss], parts: Sequence[Sequence[int]]
) -> Costs:
    """Return the cost of each finding for each check.

    Parameters
    ----------
    checks : sequence of CheckResult
    losses : sequence of Loss
        The reasons of each check's loss.
    parts : sequence of sequences of int
        The results of `_divide_lost` for each check.
    """
    costs: Costs = {}
    for check, loss, cents in zip(checks, losses, parts, strict=True):
        for finding, part in zip(loss.findings, cents, strict=False):
            if part:
                own = costs.setdefault(_key(finding), {})
                own[check.check] = own.get(check.check, 0) + part
    return costs


def _with_costs(finding: Finding, cents: Mapping[str, int]) -> Finding:
    """Return a finding with its costs in points; ``cents`` are hundredths, by check."""
    costs = {check: each / CENT for check, each in cents.items()}
    return replace(finding, deduction=sum(cents.values()) / CENT, costs=costs)


def _with_precision(check: CheckResult, cents: int) -> CheckResult:
    """Return a check with a note on its deduction for single precision, in hundredths, if any."""
    notes = (format_text(ROUNDED, points=f"{cents / CENT:g}"),) if cents else ()
    return replace(check, notes=(*check.notes, *notes))


def with_current_codes(inquiry: Inquiry) -> Inquiry:
    """Return an inquiry that an older gradkit may have stored as it would be stored now.

    Former codes of mistakes are replaced by the current ones. Causes that are codes are replaced
    by the ids of the findings with these codes.
    """
    if not inquiry.findings:
        return inquiry
    # Imported here because right submissions do not need the catalogue.
    from gradkit.diagnosis.catalogue import current_code

    causes = {
        check: tuple(f.id for f in inquiry.findings if f.id in own or f.mistake in own)
        for check, own in inquiry.causes.items()
    }
    findings = tuple(replace(f, mistake=current_code(f.mistake)) for f in inquiry.findings)
    return replace(inquiry, findings=findings, causes=causes)


def _key(finding: Finding) -> tuple[str, str]:
    """Return the values that identify a finding in one task."""
    return finding.id, finding.mistake


def _lowered(checks: Sequence[CheckResult], score: float) -> list[CheckResult]:
    """Lower the points of checks so that they add up to a score.

    Checks that do not pass are lowered first, all by the same factor. Only if that is not enough,
    the checks that pass are lowered too.
    """
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


MAX_GRAIN = 25
"""The coarsest unit to which a check's points are rounded, in hundredths of a point."""


def round_checks(checks: Sequence[CheckResult], score: float) -> tuple[CheckResult, ...]:
    """Round the points of checks so that they add up to the ``score`` of their task.

    If the points in hundredths add up to the score, they are kept. Otherwise the points of each
    check are rounded to a unit, a quarter of a point at most, of which the score and all maxima are
    multiples. What is then missing to the score goes to the checks that earned a part of their
    points. Checks that earned all or nothing are changed only if that is not enough.
    """
    total = round(score * CENT)
    exact = [round(check.score * CENT) for check in checks]
    if sum(exact) == total:
        return tuple(replace(c, score=n / CENT) for c, n in zip(checks, exact, strict=True))
    maxima = [round(check.max_score * CENT) for check in checks]
    common = math.gcd(total, *maxima)
    grain = next(unit for unit in range(MAX_GRAIN, 0, -1) if common % unit == 0)
    cents = [round(check.score * CENT / grain) * grain for check in checks]
    rest = total - sum(cents)

    def rank(index: int) -> tuple[bool, float]:
        """Order checks with a part of their points first, and large maxima before small ones."""
        return not 0 < checks[index].score < maxima[index] / CENT, -maxima[index]

    for index in sorted(range(len(checks)), key=rank):
        change = min(max(rest, -cents[index]), maxima[index] - cents[index])
        cents[index] += change
        rest -= change
    if cents:
        # If the step of the scheme is coarser than the maxima, the score can be above their sum.
        cents[-1] += rest
    return tuple(replace(c, score=n / CENT) for c, n in zip(checks, cents, strict=True))


def shares_of(whole: int, weights: Sequence[float]) -> list[int]:
    """Divide a whole number in proportion to weights, with whole numbers that add up to it.

    If all weights are 0, all parts are 0.

    Examples
    --------
    >>> shares_of(275, [0.5, 0.25, 0.25])
    [137, 69, 69]
    """
    exact = [whole * weight / (sum(weights) or 1.0) for weight in weights]
    parts = [math.floor(number + 1e-9) for number in exact]
    missing = round(sum(exact)) - sum(parts)
    for index in sorted(range(len(exact)), key=lambda n: parts[n] - exact[n])[:missing]:
        parts[index] += 1
    return parts


def total_of(scores: Iterable[float], most: float, step: float) -> float:
    """Return the sum of ``scores``, rounded to a multiple of ``step``, and at most ``most``.

    A sum of ``most`` is not rounded, even if it is not a multiple of ``step``.
    """
    earned = sum(scores)
    return most if earned >= most - 1e-9 else min(round_half_up(earned, step), most)


def round_half_up(value: float, step: float) -> float:
    """Round ``value`` to the nearest multiple of ``step``; halves are rounded up.

    Examples
    --------
    >>> round_half_up(0.125, 0.25)
    0.25
    """
    # The small number keeps sums of decimals, such as 0.1 + 0.2, on the right side of a half.
    return math.floor(value / step + 0.5 + 1e-9) * step
