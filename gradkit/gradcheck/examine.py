"""Every entry of a gradient: a first step for all, a second for some, a ladder for the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.allowance import EXCUSED, MATTERS
from gradkit.gradcheck.assemble import Columns, blank
from gradkit.gradcheck.case import Case, Outcome
from gradkit.gradcheck.claims import Claims, allowed
from gradkit.gradcheck.escalate import escalate
from gradkit.gradcheck.evaluate import BudgetSpent, Evaluator
from gradkit.gradcheck.judge import AGREE, DISAGREE, UNKNOWN
from gradkit.gradcheck.line import EntryLine
from gradkit.gradcheck.noise import Floats
from gradkit.gradcheck.preflight import Preflight, measure_again
from gradkit.gradcheck.sweep import First, first, second

FINE = 8e-8
"""With a precise f, entries whose resolution is coarser than this get a second look."""

BLUR = 1e-7
"""A relative resolution coarser than this is improved where f is not noisy."""

UNSEEN = 1e-8
"""Relative errors below this are not worth an accusation, nor the risk of a wrong one."""

POLISHED = 200
"""So many entries that remain blurred, though accepted, get a ladder each, the worst of them
first. Where f is noisy, only one in so many does."""

KNOWN = 0.01
"""A claim that is not finite is wrong where the slope is known to this part of itself."""

SHORTER = 0.25
"""The part of a first step that confirms it."""

THOROUGH = 30
"""After so many confirmed errors, further ones are confirmed by a short ladder."""

Rows = NDArray[np.intp]


def examine(evaluator: Evaluator, claims: Claims, seen: Preflight) -> tuple[Columns, Preflight]:
    """Hold every claim against finite differences.

    Returns
    -------
    columns : Columns
    seen : Preflight
        With the noise as it turned out to be.
    """
    columns = blank(len(claims.claimed))
    try:
        rows = np.arange(len(claims.claimed))
        doubtful = _try_first(evaluator, claims, seen, columns, rows)
        if len(doubtful) > max(3, len(rows) // 5):
            louder = measure_again(evaluator, seen)
            if louder.sigma > 3 * seen.sigma:
                seen = louder
                doubtful = _try_first(evaluator, claims, seen, columns, doubtful)
        seen, deceived = _try_ladders(evaluator, claims, seen, columns, doubtful)
        if deceived:
            others = np.setdiff1d(rows, doubtful)
            doubtful = _confirm(evaluator, claims, seen, columns, others)
            seen, _ = _try_ladders(evaluator, claims, seen, columns, doubtful)
        return columns, seen
    except BudgetSpent:
        return columns, seen


def _confirm(
    evaluator: Evaluator, claims: Claims, seen: Preflight, columns: Columns, rows: Rows
) -> Rows:
    """Try a shorter step where a first one was believed; return who contradicts.

    For an f whose first step has been seen to reach beyond a bend: a bend within a step makes an
    error that a wrong claim may share.
    """
    rows = rows[columns.verdict[rows] == AGREE]
    rows = rows[: int(min((evaluator.limit - evaluator.count) / 2, len(rows)))]
    found = first(evaluator, claims, rows, seen.base, seen.sigma, SHORTER)
    # What the shorter step cannot tell apart, the longer one may have told apart by chance.
    columns.bound[rows] = np.fmax(columns.bound[rows], found.bound)
    columns.resolution[rows] = np.fmax(columns.resolution[rows], found.resolution)
    coarse = columns.resolution[rows] > _limits(claims, seen, columns)[rows]
    contrary = rows[~found.agrees | coarse]
    columns.verdict[contrary], columns.reason[contrary] = UNKNOWN, "noise"
    return contrary


def _reach(seen: Preflight, columns: Columns, claims: Claims) -> float:
    """Return how much f changes with a change that matters, by claim, value or estimate."""
    if seen.reach or seen.base:
        return seen.reach or abs(seen.base)
    moved = np.abs(columns.estimate) + columns.bound
    moved = moved[np.isfinite(moved)] if len(moved) else moved
    scale = float(np.max(claims.scale, initial=0.0))
    return float(np.max(moved, initial=0.0)) * scale


def _limits(claims: Claims, seen: Preflight, columns: Columns) -> Floats:
    """Return how coarse a resolution may be for each entry to be accepted."""
    excuse = np.inf if seen.narrow else EXCUSED * seen.sigma
    return allowed(claims, _reach(seen, columns, claims), seen.noisy, excuse)


def _note(columns: Columns, rows: Rows, seen: First) -> None:
    """Write down what a first or second step found."""
    columns.estimate[rows] = seen.estimate
    columns.bound[rows] = seen.bound
    columns.resolution[rows] = seen.resolution


def _try_first(
    evaluator: Evaluator, claims: Claims, seen: Preflight, columns: Columns, rows: Rows
) -> Rows:
    """Try a first step, and a second where that left the view blurred; return who is left."""
    left = (evaluator.limit - evaluator.count) / 2
    rows = rows[: int(min(left, len(rows)))]
    found = first(evaluator, claims, rows, seen.base, seen.sigma)
    _note(columns, rows, found)
    columns.reason[rows] = "noise"
    limit = _limits(claims, seen, columns)[rows]
    good = found.agrees & (found.resolution <= limit)
    agreed = rows[good]
    columns.verdict[agreed] = AGREE
    columns.reason[agreed] = ""
    if seen.narrow:
        return rows[~good]
    size = np.abs(claims.claimed[rows])
    matters = size >= MATTERS * claims.largest[rows]
    blurred = found.agrees & matters & (size > 0) & (found.resolution > FINE * size)
    if not blurred.any():
        return rows[~good]
    again = rows[blurred]
    better = second(evaluator, claims, again, seen.base, seen.sigma)
    fine = better.agrees & (better.resolution <= limit[blurred])
    sharper = fine & (better.resolution < found.resolution[blurred])
    for array, values in (
        (columns.estimate, better.estimate),
        (columns.bound, better.bound),
        (columns.resolution, better.resolution),
    ):
        array[again[sharper]] = values[sharper]
    columns.verdict[again[fine]] = AGREE
    columns.reason[again[fine]] = ""
    still = again[~fine | (columns.resolution[again] > 1.5 * FINE * size[blurred])]
    still = still[columns.verdict[still] == AGREE]
    with np.errstate(all="ignore"):
        worst = np.argsort(-columns.resolution[still] / np.abs(claims.claimed[still]))
    most = 1 + len(rows) // POLISHED if seen.noisy else POLISHED
    return np.concatenate([rows[columns.verdict[rows] != AGREE], still[worst[:most]]])


def _sharper(found: Outcome, claimed: float, resolution: float) -> bool:
    """Whether a ladder has more to say of an entry that has been accepted already.

    It may sharpen the resolution or refute the claim; or, without proof of an error, see the claim
    outside a bound finer than the one by which it was accepted.
    """
    if found.verdict == AGREE:
        return found.resolution < resolution
    strayed = abs(found.estimate - claimed) > found.resolution - found.bound
    return found.verdict == DISAGREE or (strayed and found.resolution < resolution)


def _try_ladders(
    evaluator: Evaluator, claims: Claims, seen: Preflight, columns: Columns, rows: Rows
) -> tuple[Preflight, bool]:
    """Examine what is left one by one, learning about the noise on the way.

    Returns
    -------
    seen : Preflight
    deceived : bool
        Whether a first step contradicted a claim that turned out to be right.
    """
    accused: list[int] = []
    deceived = learned = False
    queue = rows.tolist()
    limits = _limits(claims, seen, columns)
    while queue:
        row = queue.pop(0)
        reach = _reach(seen, columns, claims)
        limit = float(limits[row])
        claimed = float(claims.claimed[row])
        hint = float(columns.estimate[row])
        case = Case(
            base=seen.base,
            claimed=claimed if np.isfinite(claimed) else hint,
            hint=hint if np.isfinite(hint) else 0.0,
            largest=float(claims.largest[row]),
            scale=float(claims.scale[row]),
            sigma=seen.sigma,
            error=float(claims.error[row]) + UNSEEN * abs(claimed) if np.isfinite(claimed) else 0.0,
            allowed=limit,
            wanted=limit if seen.noisy else min(limit, BLUR * abs(claimed)),
            reach=reach,
            amplitude=1e-8 * reach + min(1e-9 * abs(seen.base), 1e-4 * reach),
            rough=seen.rough,
            steady=seen.steady,
        )
        line = EntryLine(evaluator, int(claims.leaf[row]), int(claims.place[row]))
        found = escalate(line, case, short=len(accused) > THOROUGH)
        missed = abs(hint - found.estimate) > float(columns.resolution[row])
        deceived |= missed and found.verdict == AGREE
        if columns.verdict[row] == AGREE and not _sharper(
            found, claimed, float(columns.resolution[row])
        ):
            continue
        columns.estimate[row] = found.estimate
        columns.bound[row] = found.bound
        columns.resolution[row] = found.resolution
        columns.verdict[row] = found.verdict
        columns.reason[row] = found.reason
        columns.left[row], columns.right[row] = found.slopes
        known = found.verdict == AGREE or found.bound <= KNOWN * abs(found.estimate)
        if not np.isfinite(claimed) and known:
            columns.verdict[row], columns.reason[row] = DISAGREE, ""
        if columns.verdict[row] == DISAGREE:
            accused.append(row)
        louder = found.sigma > 5 * seen.sigma and found.verdict == AGREE and not found.stairs
        if louder and not learned and (len(queue) > 2 or accused):
            learned = True
            seen = replace(seen, sigma=found.sigma)
            limits = _limits(claims, seen, columns)
            left = _try_first(evaluator, claims, seen, columns, np.array(queue, dtype=np.intp))
            # Who was accused before the noise was known is heard again.
            queue, accused = [*accused, *left.tolist()], []
    return seen, deceived
