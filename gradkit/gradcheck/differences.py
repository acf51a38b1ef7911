"""Finite differences without a claim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.entries import entry_check
from gradkit.gradcheck.error import Asked, allowed, lay_out
from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.examine import Examination
from gradkit.gradcheck.noise import EPS, largest_of, measure
from gradkit.gradcheck.records import Differences
from gradkit.gradcheck.structure import unpack

START = 1e-4
"""Where a ladder begins, in parts of the scale: about where noise and truncation are equal."""


OWN = 1e-3
"""A parameter below this part of its array's largest has a unit of its own."""


def finite_difference(f: Callable[[Any], Any], params: Any) -> Differences:
    """Estimate the gradient of f, with a bound on the error of each entry.

    Central differences on a ladder of steps, each four times the one below, with Richardson
    extrapolation. The bound adds truncation and measured noise, and a step counts only where no
    smaller step contradicts it. About 15 evaluations for each entry.

    Parameters
    ----------
    f : callable
        ``f(params)`` returns one real number. It is given arrays of its own; where it changes
        them it is given fresh copies.
    params : array, number, tensor, pandas series or table, or a sequence or dict of these
        The point, which f is given in the same kinds. Not changed. Integers become float64.

    Returns
    -------
    Differences
        Its attributes have the structure of ``params``. ``status`` is ``ok`` where an estimate
        would do to confirm a claim (see `gradkit.check_gradient`), and otherwise says why not.

    Raises
    ------
    TypeError
        For parameters or values that are not real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> found = finite_difference(lambda w: np.sum(w**3), np.array([1.0, 2.0]))
    >>> found.estimate.round(8).tolist()
    [3.0, 12.0]
    >>> found.status.tolist()
    ['ok', 'ok']
    >>> corner = finite_difference(lambda w: abs(w), 0.0)
    >>> str(corner.status), float(corner.left), float(corner.right)
    ('kink', -1.0, 1.0)
    """
    parameters = unpack(params)
    evaluator = Evaluator(f, parameters)
    with np.errstate(all="ignore"):
        found = _explore(evaluator)
    ends = np.cumsum([leaf.array.size for leaf in parameters.leaves])[:-1]

    def shaped(array: NDArray[Any]) -> Any:
        array.flags.writeable = False
        parts = zip(np.split(array, ends), parameters.leaves, strict=True)
        return parameters.assemble([part.reshape(leaf.array.shape) for part, leaf in parts])

    return Differences(*[*map(shaped, found), evaluator.count])


def _explore(evaluator: Evaluator) -> tuple[NDArray[Any], ...]:
    """Take a ladder along every entry, until no step adds anything."""
    seen, points = measure(evaluator, ()), evaluator.points
    exact = [EPS] * len(points)
    none = lay_out([0.0 * point for point in points], points, seen.scales, exact)
    # A parameter far below the others of its array has a unit of its own.
    own = np.abs(none.here)
    scales = np.where((own > 0) & (own < OWN * none.scale), own, none.scale)
    unclaimed = replace(none, claimed=np.full(len(own), np.nan), scale=scales)
    check = entry_check(evaluator, unclaimed, seen, Asked())
    check.steps = START * scales
    found = [Examination(check, row) for row in range(len(own))]
    readings = [one.climb() for one in found]
    numbers = [(one.estimate, one.bound, one.left.estimate, one.right.estimate) for one in readings]
    estimate, bound, left, right = np.array(numbers, dtype=np.float64).reshape(-1, 4).T.copy()
    parts = np.split(estimate, np.cumsum([point.size for point in points])[:-1])
    claims, size = lay_out(parts, points, seen.scales, exact), np.abs(estimate)
    seen = replace(seen, reach=max(seen.reach, largest_of(claims.weight * claims.scale)))
    limits = allowed(claims, seen, np.arange(len(size)), 0 * claims.weight)
    kinked = np.array([one.kinked for one in readings], dtype=bool)
    known = ((2 * bound <= limits) | (claims.largest == 0)) & np.isfinite(bound) & ~kinked
    why = [at.why(one) for at, one in zip(found, readings, strict=True)]
    status = np.where(known, "ok", np.array(why, dtype=object))
    return estimate, bound, np.where(size > 0, bound / size, np.inf), status, left, right
