"""Finite differences without a claim: on ladders that are planned ahead.

Of a planned ladder one side evaluates f, the other extrapolates, and nothing adapts. The side that
evaluates needs `Plan.parameters` alone, a stack of arguments that is the same whatever f may be.
So no answer reaches it. `finite_difference` walks the same ladder for a function at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradkit.gradcheck.entries import blank, lay_out, overall, records
from gradkit.gradcheck.error import allowed, claim_error
from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.examine import AGREE, DISAGREE, UNKNOWN, together, trend
from gradkit.gradcheck.ladder import RATIO, Ladder, Reading, differences, join, read
from gradkit.gradcheck.noise import (
    DEVIATIONS,
    EPS,
    EPS32,
    POINTS,
    Floats,
    Seen,
    is_float32,
    largest_of,
    measure,
    table_noise,
)
from gradkit.gradcheck.patterns import find_patterns
from gradkit.gradcheck.records import Differences, Plan, Report
from gradkit.gradcheck.structure import align, unpack

REPEATS = 2
TABLE = 7
TABLE_STEPS = (1e-9, 1e-6)
LARGEST = 0.25
STEPS = 13
FIRST = REPEATS + TABLE * len(TABLE_STEPS)
"""The row with which the ladders begin."""

ROUGH = 1e-11
"""Noise of f, relative to its change when a parameter changes by its own size, above which small
errors are out of reach."""

GOOD, FAIR = 9e-6, 0.1
"""An estimate is good if an error of this part of it would show; of a noisy f, the second."""


def plan_ladder(
    point: Mapping[str, ArrayLike],
    *,
    steps: int = STEPS,
    scales: Mapping[str, float] | None = None,
    only: Sequence[str] | None = None,
    seed: int = 0,
) -> Plan:
    """Plan the evaluations from which the gradient of any f at ``point`` can be read.

    The rows are: the point itself, twice; two tables of uneven points along a random
    line, which measure noise; then for each entry ``steps`` pairs of points, at distances
    ``scale/4 · 4⁻ᵏ`` above and below it.

    Parameters
    ----------
    point : dict of str to array
        The parameters. Integers become float64. Not changed.
    steps : int
        Pairs of points for each entry, at least 4. The default spans 1.5e-8 to 0.25 of
        the scale.
    scales : dict of str to float, optional
        For each parameter the size of a change that matters. By default the largest
        magnitude in it, or 1 where all of it is zero.
    only : sequence of str, optional
        Differentiate with respect to these parameters only; by default all.
    seed : int
        Of the random line.

    Returns
    -------
    Plan
        ``parameters`` holds ``n = 16 + 2 · steps · entries`` rows.

    Raises
    ------
    ValueError
        For fewer than 4 steps, a name that is not in ``point``, or a point that is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> plan = plan_ladder({"W": np.array([1.0, 2.0])})
    >>> plan.parameters["W"].shape
    (68, 2)
    >>> values = [float(w @ w) for w in plan.parameters["W"]]
    >>> read_ladder(plan, values).estimate["W"].round(9).tolist()
    [2.0, 4.0]
    """
    if steps < 4:
        raise ValueError(f"a ladder needs at least 4 steps to extrapolate; found steps={steps}.")
    base = {name: np.array(value, dtype=np.float64) for name, value in point.items()}
    names = list(base) if only is None else list(only)
    for name in names:
        if name not in base:
            raise ValueError(
                f"no parameter is called {name!r}: the point has {', '.join(map(repr, base))}."
            )
    for name, value in base.items():
        if not np.all(np.isfinite(value)):
            raise ValueError(
                f"parameter {name!r} is not finite, so nothing can be differentiated there. "
                f"Plan the ladder at a finite point."
            )
    given = {
        name: np.array([(scales or {}).get(name, largest_of(value) or 1.0)])
        for name, value in base.items()
    }
    moved = {name: base[name][None] for name in names}
    rows = _rows(moved, given, steps, seed)
    size = rows.ahead.shape[0] * 2 * steps + FIRST
    stacks = {
        name: rows.parameters[name][:, 0] if name in moved else np.repeat(value[None], size, axis=0)
        for name, value in base.items()
    }
    for array in (*stacks.values(), *base.values()):
        array.flags.writeable = False
    return Plan(
        parameters=stacks,
        point=base,
        names=tuple(names),
        scales={name: float(value[0]) for name, value in given.items()},
        size=size,
        steps=steps,
        repeats=REPEATS,
        rough=(TABLE,) * len(TABLE_STEPS),
    )


@dataclass(frozen=True, slots=True)
class Rows:
    """Where to evaluate f, as `plan_abreast` decided.

    ``parameters`` holds arrays (rows, points, *shape). ``scales`` (points,) is the size of a
    change of each parameter that matters; ``ahead`` and ``behind``, (entries, points, steps),
    are the distances that were really moved.
    """

    parameters: Mapping[str, Floats]
    scales: Mapping[str, Floats]
    ahead: Floats
    behind: Floats


def plan_abreast(points: Mapping[str, Floats], seed: int = 0) -> Rows:
    """Plan ladders at several points, of which ``points`` holds arrays (points, *shape).

    For functions that can be evaluated at many points in one call: a row moves the same entry of
    all of them. Each is read as if it were alone.
    """
    scales = {}
    for name, value in points.items():
        largest = np.max(np.abs(value.reshape(len(value), -1)), axis=1, initial=0.0)
        scales[name] = np.where(largest == 0, 1.0, largest)
    return _rows(points, scales, STEPS, seed)


def _rows(
    points: Mapping[str, Floats], scales: Mapping[str, Floats], steps: int, seed: int
) -> Rows:
    """Lay the rows out: repeats, tables, and a ladder for each entry."""
    many = len(next(iter(points.values())))
    flat = {name: np.asarray(value).reshape(many, -1) for name, value in points.items()}
    entries = sum(value.shape[1] for value in flat.values())
    size = FIRST + 2 * steps * entries
    rows = {name: np.repeat(value[None], size, axis=0) for name, value in flat.items()}
    lines = iter(_lines(tuple(value.shape[1] for value in flat.values()), seed))
    row = REPEATS
    count = np.array(POINTS[:TABLE], dtype=np.float64)[:, None, None]
    for length in TABLE_STEPS:
        for name in flat:
            rows[name][row : row + TABLE] += count * length * scales[name][:, None] * next(lines)
        row += TABLE
    ladder = LARGEST * RATIO ** np.arange(1.0 - steps, 1.0)
    ahead, behind = np.empty((2, entries, many, steps))
    number = 0
    for name, value in flat.items():
        reach = ladder[:, None] * scales[name]
        for entry, base in enumerate(value.T):
            above, below = base + reach, base - reach
            rows[name][row : row + steps, :, entry] = above
            rows[name][row + steps : row + 2 * steps, :, entry] = below
            ahead[number], behind[number] = (above - base).T, (base - below).T
            row += 2 * steps
            number += 1
    shaped = {name: stack.reshape(size, *points[name].shape) for name, stack in rows.items()}
    return Rows(shaped, scales, ahead, behind)


@lru_cache
def _lines(widths: tuple[int, ...], seed: int) -> list[Floats]:
    """Return directions of the tables' lines, parameter by parameter, table by table."""
    rng = np.random.default_rng(seed)
    return [
        rng.uniform(0.5, 1.5, width) * rng.choice((-1.0, 1.0), width)
        for _ in TABLE_STEPS
        for width in widths
    ]


def _noise_of(columns: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the noise in columns that begin with repeats and tables, and whether they repeat.

    The noise is three standard deviations from the tables, or the rounding of the values where
    that is larger; of float32 where all values are float32 numbers.
    """
    with np.errstate(all="ignore"):
        spread = np.ptp(columns[:REPEATS], axis=0)
        noise = np.nan_to_num(spread)
        for row in range(REPEATS, FIRST, TABLE):
            noise = np.fmax(noise, DEVIATIONS * table_noise(columns[row : row + TABLE], degree=4))
        size = np.abs(columns[0])
        eps = np.array([EPS32 if is_float32(column) else EPS for column in columns.T])
        return np.fmax(noise, eps * np.nan_to_num(size)), ~(spread > 0)


@dataclass(frozen=True, slots=True)
class _Derived:
    """What was read off ladders, each array (entries, outputs)."""

    ladder: Ladder
    reading: Reading
    estimate: Floats
    bound: Floats
    status: NDArray[np.str_]
    noise: Floats
    steady: NDArray[np.bool_]


def _derive(
    columns: Floats, ahead: Floats, behind: Floats, spans: Sequence[tuple[int, Floats]]
) -> _Derived:
    """Read the ladders of all entries and outputs.

    ``spans`` has the entries of each parameter in order, with its scale for each output.
    """
    entries, outputs, steps = ahead.shape
    noise, steady = _noise_of(columns)
    above, below = columns[FIRST:].reshape(entries, 2, steps, outputs).transpose(1, 0, 3, 2)
    ladder = Ladder(
        base=np.tile(columns[0], entries),
        above=above.reshape(-1, steps),
        below=below.reshape(-1, steps),
        ahead=ahead.reshape(-1, steps),
        behind=behind.reshape(-1, steps),
        noise=np.tile(noise, entries),
    )
    reading = read(ladder)
    estimate = reading.estimate.reshape(entries, outputs)
    bound = reading.bound.reshape(entries, outputs)
    scale = np.concatenate([np.tile(s, (n, 1)) for n, s in spans] or [np.zeros((0, outputs))])
    size = np.nan_to_num(np.abs(estimate))
    rough = noise > ROUGH * np.max(size * scale, axis=0, initial=0.0)
    largest = np.zeros_like(size)
    start = 0
    for number, _ in spans:
        part = slice(start, start + number)
        largest[part] = np.max(size[part], axis=0, initial=0.0)
        start += number
    status = states(reading, estimate, bound, largest, scale, rough, noise, steady)
    return _Derived(ladder, reading, estimate, bound, status, noise, steady)


def states(
    reading: Reading,
    estimate: Floats,
    bound: Floats,
    largest: Floats,
    scale: Floats,
    rough: NDArray[np.bool_],
    noise: Floats,
    steady: NDArray[np.bool_],
) -> NDArray[np.str_]:
    """Return ``ok`` where an estimate can be relied on, or else the reason why not."""
    size = np.nan_to_num(np.abs(estimate))
    fine = np.where(size >= 7e-4 * largest, GOOD * size, 1e-6 * largest)
    fair = np.fmax(FAIR * size, 6e-4 * largest)
    kinked = reading.kinked.reshape(size.shape)
    null = ((largest == 0) | (bound * scale <= 2 * noise)) & ~kinked
    doubt = np.where(kinked, 0.0, reading.doubt.reshape(size.shape))
    good = (2 * np.fmax(bound, doubt) <= np.where(rough, np.fmax(fine, fair), fine)) | null
    bent = (reading.truncation > reading.noise).reshape(size.shape)
    why = np.select(
        [
            ~np.isfinite(bound) & steady,
            kinked,
            bent,
            ~np.broadcast_to(steady, size.shape),
        ],
        ["non-finite", "kink", "curvature", "not deterministic"],
        "noise",
    )
    return np.where(good & np.isfinite(bound), "ok", why)


def read_abreast(rows: Rows, values: Floats) -> dict[str, tuple[Floats, Floats]]:
    """Turn the values of f, (rows, points), into derivatives.

    Returns
    -------
    dict
        For each parameter estimates and bounds, (points, *shape). A bound is infinite where
        the estimate cannot be relied on.
    """
    shapes = {name: stack.shape[2:] for name, stack in rows.parameters.items()}
    sizes = {name: int(np.prod(shape, dtype=int)) for name, shape in shapes.items()}
    spans = [(sizes[name], rows.scales[name]) for name in shapes]
    found = _derive(values, rows.ahead, rows.behind, spans)
    out, start = {}, 0
    for name, shape in shapes.items():
        span = slice(start, start + sizes[name])
        start = span.stop
        sure = np.where(found.status[span] == "ok", found.bound[span], np.inf)
        many = (sure.shape[1], *shape)
        out[name] = (found.estimate[span].T.reshape(many), sure.T.reshape(many))
    return out


def _columns_of(plan: Plan, values: ArrayLike) -> tuple[Floats, tuple[int, ...]]:
    """Return the values as (rows, outputs), and the shape of one row."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or array.shape[0] != plan.size:
        raise ValueError(
            f"the plan has {plan.size} rows, so it needs {plan.size} values; found an array "
            f"of shape {array.shape}. Evaluate f once for each row, in order."
        )
    return array.reshape(plan.size, -1), array.shape[1:]


def _read(plan: Plan, values: ArrayLike) -> tuple[_Derived, tuple[int, ...]]:
    """Read a planned ladder."""
    columns, outputs = _columns_of(plan, values)
    count = columns.shape[1]
    ahead, behind, spans, row = [], [], [], FIRST
    for name in plan.names:
        value = plan.point[name].reshape(-1)
        flat = plan.parameters[name].reshape(plan.size, -1)
        for entry in range(value.size):
            block = flat[row : row + 2 * plan.steps, entry] - value[entry]
            ahead.append(np.tile(block[: plan.steps], (count, 1)))
            behind.append(np.tile(-block[plan.steps :], (count, 1)))
            row += 2 * plan.steps
        spans.append((value.size, np.full(count, plan.scales[name])))
    empty = np.zeros((0, count, plan.steps))
    moved = (np.array(ahead), np.array(behind)) if ahead else (empty, empty)
    return _derive(columns, moved[0], moved[1], spans), outputs


def read_ladder(plan: Plan, values: ArrayLike) -> Differences:
    """Turn the values of f on a planned ladder into derivatives.

    Parameters
    ----------
    plan : Plan
        From `plan_ladder`.
    values : array, shape (n, ...)
        f at each row of the plan, in order; NaN where f failed. Trailing axes are several
        outputs, each differentiated by itself.

    Returns
    -------
    Differences
        Dicts by parameter name, of arrays ``(*parameter shape, *output shape)``.

    Raises
    ------
    ValueError
        When the number of values is not the number of rows.
    """
    found, outputs = _read(plan, values)
    parts = _fields(found.estimate, found.bound, found.status, found.reading)
    ends = np.cumsum([plan.point[name].size for name in plan.names])[:-1]

    def shaped(array: NDArray[Any]) -> dict[str, NDArray[Any]]:
        rows = np.split(array.reshape(found.estimate.shape), ends)
        made = {
            name: part.reshape(plan.point[name].shape + outputs)
            for name, part in zip(plan.names, rows, strict=True)
        }
        for part in made.values():
            part.flags.writeable = False
        return made

    return Differences(**{k: shaped(part) for k, part in parts.items()}, evaluations=plan.size)


def _fields(
    estimate: Floats, bound: Floats, status: NDArray[np.str_], reading: Reading
) -> dict[str, NDArray[Any]]:
    """Return the arrays of a `Differences`."""
    size = np.abs(estimate)
    with np.errstate(all="ignore"):
        resolution = np.where(size > 0, bound / size, np.inf)
    return {
        "estimate": estimate,
        "bound": bound,
        "resolution": resolution,
        "status": status,
        "left": reading.left.estimate,
        "right": reading.right.estimate,
    }


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
    found, outputs = _read(plan, values)
    if outputs:
        raise ValueError(
            f"a gradient is judged for one output at a time, so values must have shape "
            f"({plan.size},); found {(plan.size, *outputs)}. Pass one column."
        )
    parameters = unpack({name: plan.point[name] for name in plan.names})
    arrays, eps_of = align(
        {name: claimed[name] for name in plan.names if name in claimed}, parameters
    )
    points = [leaf.array for leaf in parameters.leaves]
    scales = np.array([plan.scales[name] for name in plan.names])
    claims = lay_out(arrays, points, scales, eps_of)
    noise, base = float(found.noise[0]), float(found.ladder.base[0]) if points else 0.0
    reach = float(np.max(claims.size * claims.scale, initial=0.0)) or abs(base)
    eps = EPS32 if noise >= EPS32 * abs(base) > 0 else EPS
    seen = Seen(base, noise, noise, eps, bool(found.steady[0]), False, scales, reach)
    columns = blank(len(claims.claimed))
    rows = np.arange(len(claims.claimed))
    error = claim_error(
        claims.size,
        claims.largest,
        claims.scale,
        claims.eps,
        np.zeros(len(rows)),
        0.0,
        noise,
    )
    limits = allowed(claims, seen, rows, error)
    reading, slack = found.reading, found.bound[:, 0]
    columns.estimate[:], columns.bound[:] = reading.estimate, reading.bound
    columns.left[:], columns.right[:] = reading.left.estimate, reading.right.estimate
    columns.resolution[:] = 2 * slack + error
    with np.errstate(all="ignore"):
        gap = np.abs(claims.claimed - reading.estimate)
        known = np.isfinite(reading.bound)
        good = known & (gap <= reading.bound + error) & (columns.resolution <= limits)
        wide = np.fmax(reading.left.bound, reading.right.bound)
        room = np.where(reading.kinked, reading.bound + wide + error, 2 * (reading.bound + error))
        far = known & (gap > room) & (gap > 1e-8 * claims.size)
        for side in (reading.left, reading.right):
            far &= np.abs(claims.claimed - side.estimate) > side.bound + error
        far |= known & ~np.isfinite(claims.claimed)
    withheld = np.array(
        [bool(far[row]) and _kept(found, claims.claimed, row) for row in rows.tolist()]
    )
    columns.verdict[:] = np.where(good, AGREE, np.where(far & ~withheld, DISAGREE, UNKNOWN))
    open_why = np.where(withheld, "staircase", found.status[:, 0])
    open_why = np.where(open_why == "ok", "noise", open_why)
    columns.reason[:] = np.where(columns.verdict == UNKNOWN, open_why, "")
    shapes = [(leaf.name, leaf.array.shape) for leaf in parameters.leaves]
    entries = records(columns, claims, shapes)
    return Report(
        verdict=overall(entries),
        entries=entries,
        directions=(),
        patterns=find_patterns(claims, columns, parameters.leaves),
        notes=() if found.steady[0] else ("f gives different values for the same argument.",),
        evaluations=plan.size,
        noise=noise,
    )


def _kept(found: _Derived, claimed: Floats, row: int) -> bool:
    """Return whether longer steps keep to a claim that shorter ones refute."""
    ladder, reading = found.ladder, found.reading
    gap = abs(float(claimed[row]) - float(reading.estimate[row]))
    if not np.isfinite(gap):
        return False
    with np.errstate(all="ignore"):
        left, right, central = (part[row] for part in differences(ladder)[:3])
        steps = (ladder.ahead[row] + ladder.behind[row]) / 2
        used = float(steps[int(reading.central.reach[row])]) if not reading.kinked[row] else 0.0
        slopes = together(left, right, central, gap)
    return trend(steps, slopes, float(claimed[row]), gap, used) > 0


def finite_difference(f: Callable[[Any], Any], params: Any) -> Differences:
    """Estimate the gradient of f, with a bound on the error of each entry.

    Central differences on a ladder of steps, each four times the one below, with Richardson
    extrapolation. The bound adds truncation, measured noise and half of any kink, and a step
    counts only where no smaller step contradicts it. About 30 evaluations for each entry.

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
        found = _explore(evaluator)
        evaluator.intact()
        if evaluator.noticed > REPEATS:
            found = _explore(evaluator)
    ends = np.cumsum([leaf.array.size for leaf in parameters.leaves])[:-1]

    def shaped(array: NDArray[Any]) -> Any:
        parts = [
            part.reshape(leaf.array.shape)
            for part, leaf in zip(np.split(array, ends), parameters.leaves, strict=True)
        ]
        for part in parts:
            part.flags.writeable = False
        return parameters.assemble(parts)

    return Differences(
        **{name: shaped(part) for name, part in found.items()}, evaluations=evaluator.count
    )


def _explore(evaluator: Evaluator) -> dict[str, NDArray[Any]]:
    """Take a ladder along every entry, from a rounding of its own size to the scale of its leaf."""
    seen = measure(evaluator, (), np.random.default_rng(0))
    finite = bool(np.isfinite(seen.base))
    read_off = []
    for leaf, scale in enumerate(seen.scales.tolist()):
        here = np.abs(np.asarray(evaluator.origin(leaf), dtype=np.float64)).reshape(-1)
        for entry, size in enumerate(here.tolist()):
            low = min(size, scale) if size > 0 else scale
            count = STEPS + int(np.ceil(np.log(scale / low) / np.log(RATIO)))
            steps = LARGEST * scale * RATIO ** np.arange(1.0 - count, 1.0)
            smallest = 64 * float(np.finfo(evaluator.origin(leaf).dtype).eps) * size
            steps = steps[steps >= smallest]
            if finite and np.isfinite(size):
                sides = evaluator.pairs(leaf, [entry] * len(steps), steps)
            else:
                sides = (np.full(len(steps), np.nan),) * 4
            above, below, ahead, behind = (side[None] for side in sides)
            row = Ladder(
                np.array([seen.base]), above, below, ahead, behind, np.array([seen.noise]), seen.eps
            )
            read_off.append(read(row))
    if not read_off:
        none = np.zeros(0)
        return dict.fromkeys(("estimate", "bound", "resolution", "status", "left", "right"), none)
    reading = join(read_off)
    bound = reading.bound
    size = np.nan_to_num(np.abs(reading.estimate))
    sizes = [leaf.array.size for leaf in evaluator.leaves]
    parts = np.split(size, np.cumsum(sizes)[:-1])
    largest = np.concatenate([np.full(len(p), np.max(p, initial=0.0)) for p in parts])
    points = [np.abs(np.asarray(x.array, dtype=np.float64)).reshape(-1) for x in evaluator.leaves]
    own = np.concatenate(points)
    scale = np.repeat(seen.scales, sizes)
    scale = np.where((own > 0) & (own < 1e-3 * scale), own, scale)
    largest = np.where(own == scale, size, largest)
    reach = float(np.max(size * scale, initial=0.0))
    rough = np.asarray(seen.noise > ROUGH * max(reach, abs(seen.base)))
    steady = np.asarray(seen.steady)
    status = states(
        reading, reading.estimate, bound, largest, scale, rough, np.asarray(seen.noise), steady
    )
    return _fields(reading.estimate, bound, status, reading)
