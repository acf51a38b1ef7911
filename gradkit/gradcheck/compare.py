"""A claimed gradient held against the values of f on a planned ladder."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from gradkit.gradcheck.allowance import EXCUSED, ROUGH, reasons
from gradkit.gradcheck.assemble import Columns, overall, records
from gradkit.gradcheck.claims import allowed, is_narrow, largest_of, lay_out
from gradkit.gradcheck.judge import DISAGREE, UNKNOWN, judge
from gradkit.gradcheck.ladder import derive
from gradkit.gradcheck.noise import FLOAT32
from gradkit.gradcheck.patterns import find_patterns
from gradkit.gradcheck.plan import columns_of, ladders, measure
from gradkit.gradcheck.records import Plan, Report
from gradkit.gradcheck.slopes import slopes
from gradkit.gradcheck.structure import align, unpack


def judge_ladder(plan: Plan, values: ArrayLike, claimed: Mapping[str, ArrayLike]) -> Report:
    """Judge a claimed gradient by the values of f on a planned ladder.

    The same judgement as that of `gradkit.check_gradient`, except that nothing can be evaluated
    again: where a second look would be needed before an accusation, the verdict is
    ``inconclusive``.

    Parameters
    ----------
    plan : Plan
        From `gradkit.gradcheck.plan_ladder`.
    values : array, shape (n,)
        f at each row of the plan, in order; NaN where f failed.
    claimed : dict of str to array
        The gradient under test, for the plan's parameters.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        When values or claimed gradient do not fit the plan.

    Examples
    --------
    >>> import numpy as np
    >>> from gradkit.gradcheck import plan_ladder
    >>> plan = plan_ladder({"w": np.array([1.0, 2.0])})
    >>> values = [float(w @ w) for w in plan.parameters["w"]]
    >>> judge_ladder(plan, values, {"w": np.array([2.0, 4.0])}).verdict
    'agree'
    >>> judge_ladder(plan, values, {"w": np.array([2.0, 2.0])}).verdict
    'disagree'
    """
    columns, outputs = columns_of(plan, values)
    if outputs:
        raise ValueError(
            f"a gradient is judged for one output at a time, so values must have shape "
            f"({plan.size},); found {(plan.size, *outputs)}. Pass one column."
        )
    parameters = unpack({name: plan.point[name] for name in plan.names})
    arrays = align({name: claimed[name] for name in plan.names if name in claimed}, parameters)
    points = [leaf.array for leaf in parameters.leaves]
    sigma, steady = measure(plan, values)
    derived = derive(ladders(plan, values))
    slope = slopes(ladders(plan, values))

    largest = largest_of(arrays)
    scales = np.array([plan.scales[name] for name in plan.names])
    base = float(columns[0, 0])
    reach = float(np.max(largest * scales, initial=0.0)) or abs(base)
    narrow = is_narrow(arrays) or bool(sigma[0] >= FLOAT32 * abs(base) > 0)
    rough = narrow or bool(sigma[0] > ROUGH * reach)
    claims = lay_out(arrays, points, largest, scales, narrow)

    excuse = np.inf if narrow else EXCUSED * float(sigma[0])
    limits = allowed(claims, reach, rough, excuse)
    judged = judge(
        claims.claimed,
        derived,
        slope,
        claims.error,
        limits,
        rough=rough,
        faint=sigma[0] / claims.scale,
    )
    verdict = judged.verdict.astype(object)
    known = np.isfinite(derived.bound)
    verdict[~np.isfinite(claims.claimed) & known] = DISAGREE
    why = reasons(
        derived.bound,
        derived.noise,
        derived.truncation,
        derived.kink,
        derived.stairs | judged.withheld,
        np.repeat(steady, len(known)),
    )
    table = Columns(
        estimate=derived.estimate,
        bound=derived.bound,
        resolution=judged.resolution,
        verdict=verdict,
        reason=np.where(verdict == UNKNOWN, why, "").astype(object),
        left=derived.left,
        right=derived.right,
    )
    entries = records(table, claims.claimed, [(x.name, x.array.shape) for x in parameters.leaves])
    return Report(
        verdict=overall(entries),
        entries=entries,
        directions=(),
        patterns=find_patterns(claims, table, parameters.leaves),
        notes=() if steady[0] else ("f gives different values for the same argument.",),
        evaluations=plan.size,
        noise=float(sigma[0]),
    )
