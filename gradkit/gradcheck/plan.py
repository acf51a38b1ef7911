"""Ladders planned ahead: one side evaluates, the other extrapolates, nothing adapts.

The side that evaluates f needs `Plan.parameters` alone, a stack of arguments that is the same
whatever f may be. The side that judges turns the values into derivatives with their bounds, and
may hold a claimed gradient against them. So no answer reaches the first side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradkit.gradcheck.ladder import derive
from gradkit.gradcheck.noise import FLOAT32, POINTS, Floats, is_float32, table_noise
from gradkit.gradcheck.records import Differences, Plan
from gradkit.gradcheck.slopes import RATIO, Ladder
from gradkit.gradcheck.unfold import unfold

REPEATS = 2
TABLE = 7
TABLE_STEPS = (1e-9, 1e-6)
LARGEST = 0.25


def plan_ladder(
    point: Mapping[str, ArrayLike],
    *,
    steps: int = 13,
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

    entries = sum(base[name].size for name in names)
    first = REPEATS + TABLE * len(TABLE_STEPS)
    size = first + 2 * steps * entries
    stacks = {name: np.repeat(value[None], size, axis=0) for name, value in base.items()}
    size_of = {name: _scale(value, (scales or {}).get(name)) for name, value in base.items()}

    rng = np.random.default_rng(seed)
    row = REPEATS
    for length in TABLE_STEPS:
        for name in names:
            shape = base[name].shape
            line = rng.uniform(0.5, 1.5, shape) * rng.choice((-1.0, 1.0), shape)
            count = np.array(POINTS[:TABLE]).reshape((-1,) + (1,) * len(shape))
            stacks[name][row : row + TABLE] += count * length * size_of[name] * line
        row += TABLE

    ladder = LARGEST * RATIO ** np.arange(1.0 - steps, 1.0)
    for name in names:
        flat = stacks[name].reshape(size, -1)
        reach = ladder * size_of[name]
        for entry in range(base[name].size):
            flat[row : row + steps, entry] += reach
            flat[row + steps : row + 2 * steps, entry] -= reach
            row += 2 * steps
    for array in (*stacks.values(), *base.values()):
        array.flags.writeable = False
    return Plan(
        parameters=stacks,
        point=base,
        names=tuple(names),
        scales=size_of,
        size=size,
        steps=steps,
        repeats=REPEATS,
        rough=(TABLE,) * len(TABLE_STEPS),
    )


def _scale(value: NDArray[np.float64], given: float | None) -> float:
    """Return the size of a change that matters for one parameter."""
    if given is not None:
        return float(given)
    return float(np.max(np.abs(value), initial=0.0)) or 1.0


def columns_of(plan: Plan, values: ArrayLike) -> tuple[Floats, tuple[int, ...]]:
    """Return the values as (rows, outputs), and the shape of one row."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or array.shape[0] != plan.size:
        raise ValueError(
            f"the plan has {plan.size} rows, so it needs {plan.size} values; found an array "
            f"of shape {array.shape}. Evaluate f once for each row, in order."
        )
    return array.reshape(plan.size, -1), array.shape[1:]


def measure(plan: Plan, values: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the noise of each output, (outputs,), and whether f repeats itself, (outputs,)."""
    columns, _ = columns_of(plan, values)
    return noise_of(columns, plan.repeats, plan.rough)


def noise_of(
    columns: Floats, repeats: int, tables: Sequence[int]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the noise in columns that begin with repeats and tables, and whether they repeat.

    The noise is three standard deviations from the tables, or the rounding of the values where
    that is larger; of float32 where all values are float32 numbers.
    """
    with np.errstate(all="ignore"):
        spread = np.ptp(columns[:repeats], axis=0)
        noise = np.nan_to_num(spread)
        row = repeats
        for length in tables:
            table = table_noise(columns[row : row + length], degree=4)
            noise = np.fmax(noise, 3 * table)
            row += length
        size = np.abs(columns[0])
        eps = np.array([FLOAT32 if is_float32(column) else 2.2e-16 for column in columns.T])
        return np.fmax(noise, eps * np.nan_to_num(size)), ~(spread > 0)


def ladders(plan: Plan, values: ArrayLike) -> Ladder:
    """Return the ladder of every entry and output, entries first: (entries · outputs, steps)."""
    columns, _ = columns_of(plan, values)
    outputs = columns.shape[1]
    sigma, _ = measure(plan, values)
    first = plan.repeats + sum(plan.rough)
    pairs = columns[first:].reshape(-1, 2, plan.steps, outputs).transpose(0, 3, 1, 2)
    entries = len(pairs)

    ahead, behind = [], []
    row = first
    for name in plan.names:
        value = plan.point[name].reshape(-1)
        flat = plan.parameters[name].reshape(plan.size, -1)
        for entry in range(value.size):
            block = flat[row : row + 2 * plan.steps, entry] - value[entry]
            ahead.append(block[: plan.steps])
            behind.append(-block[plan.steps :])
            row += 2 * plan.steps
    shape = (entries * outputs, plan.steps)
    return Ladder(
        base=np.tile(columns[0], entries),
        above=pairs[:, :, 0].reshape(shape),
        below=pairs[:, :, 1].reshape(shape),
        ahead=np.repeat(np.reshape(ahead, (entries, plan.steps)), outputs, axis=0),
        behind=np.repeat(np.reshape(behind, (entries, plan.steps)), outputs, axis=0),
        sigma=np.tile(sigma, entries),
    )


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
    _, outputs = columns_of(plan, values)
    derived = derive(ladders(plan, values))
    return unfold(plan, derived, outputs, *measure(plan, values))
