"""The public checks of a gradient given as arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from gradkit.gradcheck.directions import by_directions
from gradkit.gradcheck.entries import (
    EntryCheck,
    EntryLines,
    blank,
    grains,
    lay_out,
    overall,
    records,
)
from gradkit.gradcheck.evaluate import BudgetSpent, Evaluator
from gradkit.gradcheck.examine import AGREE, DISAGREE, UNKNOWN
from gradkit.gradcheck.noise import EPS, EPS32, LOUD, Seen, is_float32, measure, swing
from gradkit.gradcheck.patterns import find_patterns
from gradkit.gradcheck.records import Direction, Entry, Reason, Report
from gradkit.gradcheck.structure import Array, Parameters, align, unpack

ALL_BELOW = 3000
REPEATS = 2

HOPELESS = 1e-3
"""An f that differs from itself by this part of what it changes at all cannot be checked."""

Entries = Literal["auto", "all", "directions"]


def check_gradient(
    f: Callable[[Any], Any],
    params: Any,
    gradient: Any,
    *,
    names: Sequence[str] | None = None,
    seed: int | None = None,
    entries: Entries = "auto",
    budget: int | None = None,
) -> Report:
    """Check a gradient of any numpy or torch function against finite differences.

    The claim and the measured noise of f choose each step. A claim that two evaluations
    bear out is accepted; any other gets a ladder of steps with Richardson extrapolation and
    an error bound, and no entry is called wrong before the noise has been measured again, larger
    steps have been heard, and kinks and stairs have been ruled out. What cannot be decided
    is reported as such, with the reason.

    Parameters
    ----------
    f : callable
        ``f(params)`` returns one real number: a Python number, or an array or tensor of size 1.
        It is given arrays of its own, so nothing that is passed in can change.
    params : array, number, tensor, pandas series or table, or a sequence or dict of these
        The point, which f is given in the same kinds. Float arrays keep their dtype; integers
        become float64.
    gradient : like params, or callable
        The claim, of the structure and shapes of ``params``; or a function of the parameters
        that returns it.
    names : sequence of str, optional
        What to call the parameters, in order. By default the keys of a dict and the
        positions in a sequence.
    seed : int, optional
        Of the random directions. By default 0, so that a check repeats itself.
    entries : {"auto", "all", "directions"}
        ``all`` looks at every entry by itself, at two evaluations or little more for each.
        ``directions`` checks each parameter along random directions, at four evaluations,
        and finds a wrong entry by bisection. ``auto`` takes directions for more than 3,000
        entries, or where the budget does not suffice for all.
    budget : int, optional
        The largest number of calls of f; entries that were not reached are inconclusive.

    Returns
    -------
    Report
        With a verdict, and for every entry the estimate, its bound, the smallest error that
        would have been seen, and the reason where there is no verdict.

    Raises
    ------
    TypeError
        When parameters, gradient or the value of f are not real numbers.
    ValueError
        When the structure or a shape of the gradient differs from that of ``params``, or an
        option is not one of those above.

    Notes
    -----
    An entry of at least a thousandth of its parameter's largest is accepted only if an error of
    1e-5 of it would have been seen; usually 1e-8 would. Of an f of float32, or one that is noisy by
    itself, less is asked: structural errors would have been seen, that is a tenth of the entry, or
    6e-4 of the largest. No such allowance is made where a float64 forward loses precision on the
    way: what it blurs is inconclusive.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])
    >>> y = np.array([1.0, -2.0, 0.5])
    >>> def loss(w):
    ...     return np.mean((w @ X - y) ** 2)
    >>> w = np.array([0.3, -0.8])
    >>> check_gradient(loss, w, 2 * X @ (w @ X - y) / 3).verdict
    'agree'
    >>> report = check_gradient(loss, w, 2 * X @ (w @ X - y), names=["w"])
    >>> report.verdict
    'disagree'
    >>> print(report.patterns[0])
    w: every entry is off by one factor: claimed = 3 × estimate, as if 1/3 were missing.
    """
    if entries not in ("auto", "all", "directions"):
        raise ValueError(
            f"entries must be 'auto', 'all' or 'directions'; found {entries!r}. "
            f"Use budget to limit the number of evaluations."
        )
    if budget is not None and budget < 1:
        raise ValueError(f"budget must be at least 1 evaluation; found {budget}.")
    parameters = unpack(params, names)
    if callable(gradient):
        copies = [leaf.array.copy(order="K") for leaf in parameters.leaves]
        gradient = gradient(parameters.build(copies))
    claimed = align(gradient, parameters)
    eps = precision(claimed)
    evaluator = Evaluator(f, parameters, budget)
    total = sum(leaf.array.size for leaf in parameters.leaves)
    each = entries == "all" or (
        entries == "auto" and total <= ALL_BELOW and (budget is None or budget >= 2 * total + 8)
    )
    # f is evaluated off its domain on purpose, so its floating-point warnings mean nothing.
    with np.errstate(all="ignore"):
        report = _check(evaluator, parameters, claimed, eps, each, seed or 0)
        evaluator.intact()
        if evaluator.noticed > REPEATS:
            # f spoilt its argument somewhere off the point: all is done again on copies.
            report = _check(evaluator, parameters, claimed, eps, each, seed or 0)
    if evaluator.mutated is not None:
        named = f" {evaluator.mutated!r}" if evaluator.mutated else ""
        note = (
            f"f changes its argument{named} in place. It was given a fresh copy for every "
            f"evaluation, so the result stands."
        )
        report = replace(report, notes=(note, *report.notes))
    if evaluator.raised and report.verdict != "agree":
        note = f"away from the point f raised {evaluator.raised}; there it counts as not finite."
        report = replace(report, notes=(*report.notes, note))
    return report


def assert_gradient(f: Callable[[Any], Any], params: Any, gradient: Any, **options: Any) -> Report:
    """Raise AssertionError unless a gradient agrees with finite differences.

    An inconclusive check raises too, because an assertion that nothing could be said about has
    not held; its text says so. Use `check_gradient` to treat the two differently.

    Parameters
    ----------
    f, params, gradient, **options
        As for `check_gradient`.

    Returns
    -------
    Report

    Raises
    ------
    AssertionError
        With the text of the report.

    Examples
    --------
    >>> import numpy as np
    >>> assert_gradient(lambda w: float(w @ w), np.array([1.0, 2.0]), lambda w: 2 * w).verdict
    'agree'
    """
    report = check_gradient(f, params, gradient, **options)
    if report.verdict != "agree":
        raise AssertionError(str(report))
    return report


def _check(
    evaluator: Evaluator,
    parameters: Parameters,
    claimed: Sequence[Array],
    eps: Sequence[float],
    each: bool,
    seed: int,
) -> Report:
    """Check by entries or by directions, from the preflight to the report."""
    rng = np.random.default_rng(seed)
    points = [leaf.array for leaf in parameters.leaves]
    narrow = any(point.dtype.itemsize < 8 for point in points)
    total = sum(point.size for point in points)
    try:
        seen = measure(evaluator, claimed, rng, narrow)
        if np.isfinite(seen.base):
            seen = swing(evaluator, seen, rng)
    except BudgetSpent:
        seen = Seen(np.nan, np.nan, np.nan, EPS, True, False, np.ones(len(points)), 0.0)
        return _unable(evaluator, parameters, claimed, eps, seen, "budget")
    if not total:
        return _report(evaluator, seen, (), (), (), total)
    if not np.isfinite(seen.base):
        return _unable(evaluator, parameters, claimed, eps, seen, "non-finite")
    if not seen.steady and not seen.noise <= LOUD * (seen.reach or abs(seen.base)):
        return _unable(evaluator, parameters, claimed, eps, seen, "not deterministic")
    if not each:
        return _by_directions(evaluator, parameters, claimed, eps, seen, rng)
    claims = lay_out(claimed, points, seen.scales, eps)
    lines = EntryLines(evaluator, claims)
    columns = EntryCheck(lines, claims, seen, grains(claims, evaluator), seed=seed).run()
    if np.any(columns.verdict[columns.looked] != AGREE) and not _steady(evaluator, seen):
        doubtful = columns.verdict != AGREE
        columns.verdict[doubtful], columns.reason[doubtful] = UNKNOWN, "not deterministic"
        seen = replace(seen, steady=False)
    entries = records(columns, claims, evaluator.shapes)
    patterns = find_patterns(claims, columns, parameters.leaves)
    return _report(evaluator, seen, entries, (), patterns, total)


def _by_directions(
    evaluator: Evaluator,
    parameters: Parameters,
    claimed: Sequence[Array],
    eps: Sequence[float],
    seen: Seen,
    rng: np.random.Generator,
) -> Report:
    """Check along directions; an f that has changed meanwhile accuses nobody."""
    total = sum(leaf.array.size for leaf in parameters.leaves)
    try:
        found = by_directions(evaluator, parameters, claimed, eps, seen, rng)
    except BudgetSpent:
        lost = Direction("all parameters", 0, np.nan, np.nan, np.inf, np.inf, UNKNOWN, "budget")
        return _report(evaluator, seen, (), (lost,), (), total)
    directions, entries, patterns = found
    if any(one.verdict != AGREE for one in directions) and not _steady(evaluator, seen):
        directions = tuple(
            replace(one, verdict=UNKNOWN, reason="not deterministic") for one in directions
        )
        entries, patterns, seen = (), (), replace(seen, steady=False)
    return _report(evaluator, seen, entries, directions, patterns, total)


def _steady(evaluator: Evaluator, seen: Seen) -> bool:
    """Look once more whether f is still what it was."""
    if not seen.steady:
        return True
    try:
        return evaluator.at_point() == seen.base
    except BudgetSpent:
        return True


def _report(
    evaluator: Evaluator,
    seen: Seen,
    entries: tuple[Entry, ...],
    directions: tuple[Direction, ...],
    patterns: tuple[str, ...],
    total: int,
) -> Report:
    """Put a report together, with what the reader ought to know about f."""
    notes = []
    if np.isnan(seen.base) or np.isinf(seen.base):
        if evaluator.count:
            notes.append(f"f is {seen.base} there.")
    if not total:
        notes.append("there is nothing to check: the parameters have no entries.")
    if not seen.steady:
        notes.append(
            "f gives different values for the same argument. Switch randomness off, or fix "
            "its seed inside f."
        )
    elif seen.lossy:
        notes.append(
            f"f is rough: its values scatter by {seen.noise:.1e}, where rounding alone would "
            f"make {EPS * abs(seen.base):.0e}. It may lose precision on the way, as "
            f"log(1 - a) does for a near 1."
        )
    return Report(
        verdict=overall(directions or entries),
        entries=entries,
        directions=directions,
        patterns=patterns,
        notes=tuple(notes),
        evaluations=evaluator.count,
        noise=seen.noise,
    )


def _unable(
    evaluator: Evaluator,
    parameters: Parameters,
    claimed: Sequence[Array],
    eps: Sequence[float],
    seen: Seen,
    reason: Reason,
) -> Report:
    """Report that nothing can be said about any entry, for one reason."""
    points = [leaf.array for leaf in parameters.leaves]
    total = sum(point.size for point in points)
    entries: tuple[Entry, ...] = ()
    if 0 < total <= ALL_BELOW:
        claims = lay_out(claimed, points, seen.scales, eps)
        columns = blank(total)
        columns.reason[:] = reason
        entries = records(columns, claims, evaluator.shapes)
    return replace(_report(evaluator, seen, entries, (), (), total), verdict="inconclusive")


def precision(claimed: Sequence[Array]) -> list[float]:
    """Return the unit of rounding of each array of a claim, that of float32 if it is in truth."""
    filled = [array.reshape(-1) for array in claimed if array.size]
    whole = np.concatenate(filled).astype(np.float64, copy=False) if filled else np.zeros(0)
    narrow = bool(len(whole)) and is_float32(whole)
    found = []
    for array in claimed:
        own = float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else EPS
        found.append(max(own, EPS32) if narrow else max(own, EPS))
    return found
