"""Turn verdicts into points. No numerics here: shares, sums, and one rounding of each task."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

from msgspec import Struct, field
from msgspec.structs import replace

from gradkit.formatting import format_text
from gradkit.grading.shares import HARD_CASE, gradients_of, own_forward_loss, share
from gradkit.records.mistake import NUMBERS, PRICE_LISTS, Preset, PriceList
from gradkit.records.result import (
    CENT,
    OPEN,
    UNEXPLAINED,
    CheckResult,
    Finding,
    Inquiry,
    TaskResult,
    Verdict,
)
from gradkit.records.task import Check, FunctionTask, Task


class Scheme(Struct, frozen=True):
    """How verdicts become points.

    The task's total is rounded to ``step``, half up, and its checks so that they add up to it.
    ``preset`` says which of the catalogue's figures count, ``deductions`` are the assignment's own,
    see `deduction`. With a preset without prices (`PRICE_LISTS`) findings cost nothing, whatever
    ``deductions`` says. ``derived`` says that expected values are no model solution's. Findings
    whose code is in ``dropped`` have been withdrawn: they are not shown, and cost nothing.
    """

    step: float
    preset: Preset = "default"
    deductions: Mapping[str, float] = field(default_factory=dict)
    derived: bool = False
    dropped: frozenset[str] = frozenset()

    @property
    def prices(self) -> PriceList | None:
        """The price list of the catalogue that counts; None if findings cost nothing."""
        return PRICE_LISTS[self.preset]


def deduction(
    code: str,
    entries: int,
    of: int,
    prices: PriceList = "default",
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
    prices : {"default", "strict", "lenient"}
        Which of the catalogue's figures counts.
    own : mapping of str to float, optional
        The assignment's own figures; they go before the catalogue's, whatever ``prices`` is.
    """
    # Late: who makes no mistake has no need of the catalogue.
    from gradkit.diagnosis.catalogue import mistake

    if own and code in own:
        return own[code]
    figures: Mapping[Preset, float] = {} if code == UNEXPLAINED else mistake(code).deduction
    return figures[prices] if figures else entries / of


def is_by_share(code: str) -> bool:
    """Return whether a mistake costs the share of the entries that it concerns."""
    from gradkit.diagnosis.catalogue import mistake

    return code != UNEXPLAINED and not mistake(code).deduction


def rounding(prices: PriceList = "default") -> float:
    """Return the share of a check's points that single precision costs: that of a wrong figure."""
    from gradkit.diagnosis import catalogue

    return catalogue.prices()["figure"][prices]


ROUNDED = "All else is right to about seven digits, as in float32; that costs {points} points."
NO_STEP = "No step is made, so only the right entries earn points."

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

WITHDRAWN = "A finding about this was withdrawn; nothing is deducted for it."


def mark(
    task: Task | FunctionTask, verdicts: Sequence[Verdict], inquiry: Inquiry, scheme: Scheme
) -> TaskResult:
    """Turn the verdicts on one task into points.

    A check earns the better of two counts: the share of its entries that passed, or everything
    less the deductions of the mistakes found; where the assignment has its own figure for one of
    these mistakes, the latter in any case. A check that fails because of mistakes in another check
    (`Inquiry.follows`) loses the same share of its own points for each of them. Where no step was
    made, only the entries that passed count.

    A trajectory that diverges earns nothing, and the whole task stays below half of its points.

    With a preset without prices none of this holds: each check earns the share of its entries that
    passed (`gradkit.grading.shares`), and the findings are shown and cost nothing.

    Where a search for repairs added findings, they change no points: `Inquiry.proved` is counted,
    and the findings that are shown share in what their check lost.

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
    inquiry = _with_current_codes(inquiry)
    if scheme.prices is None:
        verdicts, paid = [_outputs_alone(verdict) for verdict in verdicts], Inquiry()
    else:
        paid = inquiry
    by_check = {verdict.check: verdict for verdict in verdicts}
    priced = paid if paid.proved is None else paid.proved
    charged = [_charged(check, by_check, priced, scheme) for check in task.checks]
    is_capped = any(_diverges(by_check[c.check.check], c.findings, scheme) for c in charged)
    rounded = _round_points(charged, scheme, is_capped=is_capped)
    shown = [f for f in inquiry.findings if f.mistake not in scheme.dropped]
    order = [check.name for check in task.checks]
    shown.sort(key=lambda f: order.index(f.check) if f.check else len(order))
    costs = _costs(rounded, charged, by_check, paid, scheme)
    worth = sum(check.max_score for check in rounded.checks)
    return TaskResult(
        task.id,
        task.title,
        rounded.score,
        worth,
        rounded.checkable,
        scheme.derived or rounded.checkable < worth,
        tuple(
            _with_reasons(check, losses[-1], inquiry, scheme)
            for check, losses in zip(rounded.checks, rounded.losses, strict=True)
        ),
        tuple(_with_costs(finding, costs.get(_key(finding), {})) for finding in shown),
        (DIVERGES,) if is_capped else (),
    )


def score_by_numbers(
    task: Task | FunctionTask, verdicts: Sequence[Verdict], scheme: Scheme
) -> float:
    """Return the score of a task under the preset ``numbers``: only its right outputs count."""
    return mark(task, verdicts, Inquiry(), replace(scheme, preset=NUMBERS)).score


def _outputs_alone(verdict: Verdict) -> Verdict:
    """Return a verdict without the parts that change points for other reasons than its outputs."""
    return replace(verdict, rounded=False, diverges=False)


class _RoundedPoints(Struct, frozen=True):
    """The points of a task and of its checks, rounded to the step of the assignment.

    ``checkable`` is the largest score that can be reached with the checks that could run.
    ``losses`` has, for each check, what each of its costs in `_Charged` takes, in hundredths.
    """

    score: float
    checkable: float
    checks: Sequence[CheckResult]
    losses: Sequence[Sequence[int]]


def _round_points(
    charged: Sequence[_Charged], scheme: Scheme, *, is_capped: bool
) -> _RoundedPoints:
    """Round the points of all checks, and divide what each check lost among its costs.

    Where ``is_capped``, the score stays below half. What was withdrawn is given back.
    """
    checks: Sequence[CheckResult] = [each.check for each in charged]
    checkable = sum(check.max_score for check in checks if check.state not in OPEN)
    score = total_of((check.score for check in checks), checkable, scheme.step)
    if is_capped and score >= BELOW * checkable:
        score = below(BELOW * checkable, scheme.step)
        checks = _lowered(checks, score)
    checks = round_checks(checks, score)
    losses = [
        shares_of(_lost(check), each.costs) for check, each in zip(checks, charged, strict=True)
    ]
    if any(check.withdrawn for check in checks):
        left_out = [[f.mistake in scheme.dropped for f in each.findings] for each in charged]
        checks, losses = forgive(checks, losses, left_out, checkable, scheme.step)
        score = round(sum(check.score for check in checks), 2)
    return _RoundedPoints(score, checkable, checks, losses)


def _lost(check: CheckResult) -> int:
    """Return how many hundredths of a point a check lost."""
    return round((check.max_score - check.score) * CENT)


Costs = dict[tuple[str, str], dict[str, int]]
"""For each finding, by `_key`, what it costs each check, in hundredths."""


def _costs(
    rounded: _RoundedPoints,
    charged: Sequence[_Charged],
    by_check: Mapping[str, Verdict],
    inquiry: Inquiry,
    scheme: Scheme,
) -> Costs:
    """Divide what the checks lost among the findings of an inquiry.

    Findings of a search for repairs share in what their check lost, and change no points.
    """
    costs: Costs = {}
    for check, each, lost in zip(rounded.checks, charged, rounded.losses, strict=True):
        if inquiry.proved is None:
            pairs = zip(each.findings, lost, strict=False)
        else:
            about = charged_findings(by_check[check.check], inquiry)
            weights = [_cost(finding, by_check[finding.check], scheme) for finding in about]
            pairs = zip(about, shares_of(_lost(check) - sum(lost[-2:]), weights), strict=True)
        for finding, cents in pairs:
            if cents:
                own = costs.setdefault(_key(finding), {})
                own[check.check] = own.get(check.check, 0) + cents
    return costs


def _with_costs(finding: Finding, cents: Mapping[str, int]) -> Finding:
    """Return a finding with what it costs, in points."""
    costs = {check: each / CENT for check, each in cents.items()}
    return replace(finding, deduction=sum(cents.values()) / CENT, costs=costs)


def _with_reasons(
    check: CheckResult, rounded: int, inquiry: Inquiry, scheme: Scheme
) -> CheckResult:
    """Return a check with the mistakes of other checks that it fails for.

    ``rounded`` is what single precision costs it, in hundredths; a note says so.
    """
    codes = inquiry.follows.get(check.check, ()) if check.state == "fail" else ()
    follows = tuple(code for code in codes if code not in scheme.dropped)
    notes = (format_text(ROUNDED, points=f"{rounded / CENT:g}"),) if rounded else ()
    return replace(check, follows=follows, notes=(*check.notes, *notes))


def _with_current_codes(inquiry: Inquiry) -> Inquiry:
    """Return an inquiry in which a stored finding with a former code has the current code."""
    if not inquiry.findings:
        return inquiry
    # Late: who makes no mistake has no need of the catalogue.
    from gradkit.diagnosis.catalogue import current_code

    return replace(
        inquiry,
        findings=tuple(replace(f, mistake=current_code(f.mistake)) for f in inquiry.findings),
        follows={check: tuple(map(current_code, c)) for check, c in inquiry.follows.items()},
        proved=None if inquiry.proved is None else _with_current_codes(inquiry.proved),
    )


def _key(finding: Finding) -> tuple[str, str]:
    return finding.id, finding.mistake


def _diverges(verdict: Verdict, findings: Sequence[Finding], scheme: Scheme) -> bool:
    """Return whether a training run diverges, and not only because of mistakes that cost nothing.

    These are withdrawn, or the assignment prices them at zero.
    """
    codes = {finding.mistake for finding in findings}
    free = {*scheme.dropped} | {code for code, cost in scheme.deductions.items() if cost == 0}
    return verdict.diverges and not (codes and codes <= free)


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


class _Charged(Struct, frozen=True):
    """A check with its points before they are rounded, and the findings that cost it points.

    The findings are those about the check itself, then those about other checks that it fails
    because of. ``costs`` are those of the findings, then that of gradients which match only a
    wrong forward pass, and last that of single precision.
    """

    check: CheckResult
    findings: list[Finding]
    costs: list[float]


def _charged(
    check: Check, by_check: Mapping[str, Verdict], inquiry: Inquiry, scheme: Scheme
) -> _Charged:
    """Return what a check has earned, and what its findings cost."""
    verdict = by_check[check.name]
    findings = charged_findings(verdict, inquiry)
    own = [finding for finding in findings if finding.check == verdict.check]
    fails = verdict.state == "fail"
    follows = inquiry.follows.get(verdict.check, ()) if fails or verdict.own_forward else ()
    costs = [_cost(f, by_check[f.check], scheme) for f in findings]
    rounded = verdict.rounded or (fails and verdict.check in inquiry.rounded)
    rounds = rounding(scheme.prices) if rounded and scheme.prices else 0.0
    earned = share(verdict, gradients_of(check))
    left = max(0.0, 1.0 - sum(costs) - rounds)
    is_explained = rounded or _explains(own, verdict) or len(findings) > len(own)
    if is_explained and (fails or verdict.own_forward) and not verdict.still:
        earned = max(earned, left)
    if any(f.mistake in scheme.deductions for f in findings):
        # The assignment's own word on a mistake holds, however few entries are wrong for it.
        earned = min(earned, left)
    # A finding gives back what a gradient loses for a wrong forward pass only where the gradient
    # is right once the forward pass is.
    fits_wrong = 0.0 if follows else own_forward_loss(verdict, gradients_of(check))
    earned = min(earned, 1.0 - fits_wrong)
    if _diverges(verdict, findings, scheme):
        earned = 0.0
    codes = (*(f.mistake for f in own), *follows)
    withdrawn = [code for code in codes if code in scheme.dropped]
    notes = list(verdict.notes)
    if any(entry.hard_cases for entry in verdict.entries):
        notes.append(format_text(HARD_CASES, share=HARD_CASE))
    if withdrawn:
        notes.append(WITHDRAWN)
    if follows and verdict.still:
        notes.append(NO_STEP)
    result = CheckResult(
        verdict.check,
        verdict.state,
        check.points * earned,
        check.points,
        verdict.message,
        verdict.entries,
        verdict.place,
        tuple(notes),
        courses=verdict.courses,
        withdrawn=tuple(dict.fromkeys(withdrawn)),
    )
    return _Charged(result, findings, [*costs, fits_wrong, rounds])


def _explains(findings: Sequence[Finding], verdict: Verdict) -> bool:
    """Return whether findings about a check explain all that is wrong with it.

    Where all of them cost the share of their entries, entries that no finding is about lose their
    points too.
    """
    failed = sum(entry.state != "pass" for entry in verdict.entries)
    if not findings or not all(is_by_share(f.mistake) for f in findings):
        return bool(findings)
    return sum(len(f.entries) or failed for f in findings) >= failed


def charged_findings(verdict: Verdict, inquiry: Inquiry) -> list[Finding]:
    """Return the findings that cost a check points.

    First the findings about the check itself, then those about other checks that it fails because
    of. Of two findings with one mistake, which differ in their entries, both count.
    """
    own = [finding for finding in inquiry.findings if finding.check == verdict.check]
    if verdict.state != "fail" and not verdict.own_forward:
        return own
    codes = inquiry.follows.get(verdict.check, ())
    return own + [
        f for f in inquiry.findings if f.check not in ("", verdict.check) and f.mistake in codes
    ]


QUARTER = 25
"""The largest part that a check's points are rounded to, in hundredths."""


def round_checks(checks: Sequence[CheckResult], score: float) -> tuple[CheckResult, ...]:
    """Round the points of checks so that they add up to the ``score`` of their task.

    Each is rounded to a part of a point that the score and the maxima are multiples of, a quarter
    at most. What then is missing goes to checks that earned a part of their points; those that
    earned all or nothing keep what they have as long as others have room.
    """
    total = round(score * CENT)
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


def forgive(
    checks: Sequence[CheckResult],
    losses: Sequence[Sequence[int]],
    withdrawn: Sequence[Sequence[bool]],
    checkable: float,
    step: float,
) -> tuple[tuple[CheckResult, ...], list[list[int]]]:
    """Give back what findings cost that were withdrawn; the others cost what they did.

    Where that is no multiple of ``step``, what is missing is given too, and is taken off others.

    Parameters
    ----------
    checks : sequence of CheckResult
        As they would be marked if nothing were withdrawn.
    losses : sequence of sequence of int
        Of each check, what it lost by each finding, in hundredths.
    withdrawn : sequence of sequence of bool
        Which of these were withdrawn.
    checkable : float
        The most that all checks can have.
    step : float

    Returns
    -------
    tuple of CheckResult, list of list of int
        The checks and their losses now.
    """
    left = [
        [0 if out else part for part, out in zip_longest(parts, outs, fillvalue=0)]
        for parts, outs in zip(losses, withdrawn, strict=True)
    ]
    back = [sum(parts) - sum(rest) for parts, rest in zip(losses, left, strict=True)]
    cents = [round(c.score * CENT) + more for c, more in zip(checks, back, strict=True)]
    upwards = math.ceil(sum(cents) / CENT / step - 1e-9) * step
    more = round(min(upwards, checkable) * CENT) - sum(cents)
    for at in sorted(range(len(checks)), key=lambda at: not back[at]):
        part = min(more, 0 if checks[at].state in OPEN else sum(left[at]))
        cents[at] += part
        more -= part
        left[at] = shares_of(sum(left[at]) - part, left[at])
    scored = (replace(c, score=n / CENT) for c, n in zip(checks, cents, strict=True))
    return tuple(scored), left


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


def _cost(finding: Finding, verdict: Verdict, scheme: Scheme) -> float:
    """Return the share of its check's points that a finding costs."""
    if scheme.prices is None:
        return 0.0
    failed = sum(entry.state != "pass" for entry in verdict.entries)
    concerned = len(finding.entries) or failed or 1
    # What stopped has no entries: all of it is concerned.
    of = len(verdict.entries) or concerned
    return deduction(finding.mistake, concerned, of, scheme.prices, scheme.deductions)


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
