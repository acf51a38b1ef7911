"""Finite differences of a function that can be called again and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gradkit.gradcheck.allowance import ROUGH, allowance
from gradkit.gradcheck.case import Case, Outcome
from gradkit.gradcheck.escalate import escalate
from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.line import EntryLine
from gradkit.gradcheck.noise import Floats
from gradkit.gradcheck.preflight import REPEATS, Preflight, preflight
from gradkit.gradcheck.records import Differences
from gradkit.gradcheck.structure import unpack

UNDEFINED = Outcome(
    estimate=np.nan,
    bound=np.inf,
    resolution=np.inf,
    verdict="inconclusive",
    reason="non-finite",
    slopes=(np.nan, np.nan),
    sigma=0.0,
    stairs=False,
    change=0.0,
)
"""What is known of an entry where f itself is not finite."""


def finite_difference(f: Callable[[Any], Any], params: Any) -> Differences:
    """Estimate the gradient of f, with a bound on the error of each entry.

    Central differences on a ladder of steps, each four times the one below, with Richardson
    extrapolation. The bound adds truncation, measured noise and half of any kink, and a step
    counts only where no smaller step contradicts it. About 40 evaluations for each entry.

    Parameters
    ----------
    f : callable
        ``f(params)`` returns one real number. It is given arrays of its own; where it changes
        them it is given fresh copies.
    params : array, number, torch tensor, or a sequence or dict of these
        The point. Not changed. Integers become float64.

    Returns
    -------
    Differences
        Its attributes have the structure of ``params``. ``status`` is ``ok`` where the estimate
        is good to about 5e-6 of itself (5e-2 for a noisy f), and otherwise says why not.

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
        found, seen = _explore(evaluator)
        evaluator.intact()
        if evaluator.noticed > REPEATS:
            found, seen = _explore(evaluator)

    estimates = np.array([one.estimate for one in found])
    bounds = np.array([one.bound for one in found])
    scale = np.repeat(seen.scales, [leaf.array.size for leaf in parameters.leaves])
    reach = max(float(np.nanmax(np.abs(estimates) * scale, initial=0.0)), abs(seen.base))
    reach = reach or float(np.max([one.change for one in found], initial=0.0))
    rough = np.asarray(seen.rough or any(one.sigma > ROUGH * reach for one in found))
    states, start = [], 0
    for leaf in parameters.leaves:
        rows = slice(start, start + leaf.array.size)
        size = np.nan_to_num(np.abs(estimates[rows]))
        limit = allowance(size, np.asarray(np.max(size, initial=0.0)), rough)
        enough = 2 * bounds[rows] <= limit
        enough |= (size <= bounds[rows]) & (bounds[rows] * scale[rows] <= 1e-6 * reach)
        named = np.array([one.reason for one in found[rows]], dtype=object)
        states.append(np.where(enough, "ok", named).astype(str).reshape(leaf.array.shape))
        start += leaf.array.size

    def shaped(values: Floats) -> Any:
        parts, start = [], 0
        for leaf in parameters.leaves:
            part = values[start : start + leaf.array.size].reshape(leaf.array.shape)
            part.flags.writeable = False
            parts.append(part)
            start += leaf.array.size
        return parameters.assemble(parts)

    with np.errstate(all="ignore"):
        resolution = np.where(estimates == 0, np.inf, bounds / np.abs(estimates))
    return Differences(
        estimate=shaped(estimates),
        bound=shaped(bounds),
        resolution=shaped(resolution),
        status=parameters.assemble(states),
        left=shaped(np.array([one.slopes[0] for one in found])),
        right=shaped(np.array([one.slopes[1] for one in found])),
        evaluations=evaluator.count,
    )


def _explore(evaluator: Evaluator) -> tuple[list[Outcome], Preflight]:
    """Take a ladder along every entry, without a claim."""
    leaves = evaluator.leaves
    seen = preflight(evaluator, (), np.random.default_rng(0))
    found: list[Outcome] = []
    if not np.isfinite(seen.base):
        entries = sum(leaf.array.size for leaf in leaves)
        return [UNDEFINED] * entries, seen
    for leaf, scale in enumerate(seen.scales.tolist()):
        for entry in range(leaves[leaf].array.size):
            line = EntryLine(evaluator, leaf, entry)
            above, below, ahead, behind = line.pairs(np.array([max(1e-5 * scale, line.smallest)]))
            with np.errstate(all="ignore"):
                hint = float((above - below)[0] / (ahead + behind)[0])
            case = Case(
                base=seen.base,
                claimed=np.nan,
                hint=hint if np.isfinite(hint) else 0.0,
                largest=0.0,
                scale=scale,
                sigma=seen.sigma,
                error=0.0,
                allowed=0.0,
                wanted=0.0,
                reach=abs(seen.base),
                amplitude=1e-9 * abs(seen.base),
                rough=seen.rough,
                steady=seen.steady,
            )
            one = escalate(line, case)
            moved = abs(float(above[0]) - seen.base)
            found.append(replace(one, change=max(one.change, moved if moved < np.inf else 0.0)))
    return found, seen
