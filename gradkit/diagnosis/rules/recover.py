"""From an update step's numbers to one exact formula per entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.rules.candidates import candidates, complexity, own_value
from gradkit.diagnosis.rules.evaluate import value_of, waiting_in_circles
from gradkit.diagnosis.rules.pool import Mask, Pool, Shape, flatten, pool, variables
from gradkit.diagnosis.rules.precision import DOUBLE, Precision, moved
from gradkit.diagnosis.rules.symbols import Table
from gradkit.records.rule import Entry, Factor, Rule, Term, Unexplained, UpdateProbes
from gradkit.records.task import Array, Task

MOST_FORMS = 11
PATIENCE = 2
"""After so many entries without a rule the others share what is strange about them."""


def recover(
    task: Task,
    fit: UpdateProbes,
    fresh: UpdateProbes,
    *,
    entries: Iterable[Entry] | None = None,
    precision: Precision = DOUBLE,
) -> dict[Entry, Rule | Unexplained]:
    """The rule of each entry, or why it has none.

    Parameters
    ----------
    task : Task
        Two layers. Its rates only help to round coefficients.
    fit : UpdateProbes
        What a step made of ``draw(task, seed)``, the varied calls included.
    fresh : UpdateProbes
        What it made of other inputs, on which every rule is verified: to 1e-9, relative
        to the size of the entry's change, in double precision.
    entries : iterable of (parameter, index), optional
        Only these; all by default.
    precision : Precision
        Of the arithmetic that the numbers come from.

    Returns
    -------
    dict
        In the order of the parameters.

    Raises
    ------
    ValueError
        ``fit`` lacks the calls in which one input varies at a time.
    """
    shape = shape_of(task)
    flat = flatten(fit.inputs)
    _require_variation(flat)
    start = flat.shape[1] + 1
    wanted = set(shape.entries if entries is None else entries)
    found: dict[Entry, Rule | Unexplained] = {}
    for entry in shape.entries:
        if entry in wanted and (simple := _without_fit(entry, fit, fresh, precision)):
            found[entry] = simple
    fit, fresh = _finite(fit), _finite(fresh)
    moves, positions = _dependencies(shape, fit, flat.shape[1], precision)
    open_entries = [e for e in shape.entries if e in wanted and e not in found]
    if open_entries:
        rows = _rows(fit, start)
        table = Table(task, rows.inputs, rows.after)
        known = pool(shape, table, positions, [positions[e] | moves[e] for e in open_entries])
        check = Table(task, fresh.inputs, fresh.after)

        def solve(entry: Entry, barred: frozenset[Entry] = frozenset()) -> Rule | Unexplained:
            depends = (moves[entry], positions[entry])
            thorough = sum(isinstance(rule, Unexplained) for rule in found.values()) < PATIENCE
            return _recover_entry(
                task,
                shape,
                entry,
                table,
                known,
                depends,
                check,
                barred,
                precision=precision,
                thorough=thorough,
            )

        for entry in open_entries:
            found[entry] = solve(entry)
        _break_circles(task, found, solve)
    return {entry: found[entry] for entry in shape.entries if entry in wanted}


def _break_circles(
    task: Task,
    found: dict[Entry, Rule | Unexplained],
    solve: Callable[[Entry, frozenset[Entry]], Rule | Unexplained],
) -> None:
    """Rules that each use the other's new value say nothing: one must do without."""
    for _ in range(len(found)):
        rules = {entry: rule for entry, rule in found.items() if isinstance(rule, Rule)}
        circle = waiting_in_circles(rules)
        if not circle:
            return
        others = {entry: solve(entry, frozenset(circle)) for entry in circle}
        solved = {entry: rule for entry, rule in others.items() if isinstance(rule, Rule)}
        if not solved:
            found |= others
            return
        simplest = min(solved, key=lambda entry: complexity(solved[entry], task))
        found[simplest] = solved[simplest]


def shape_of(task: Task) -> Shape:
    """The sizes that fix the library."""
    hidden, output = task.layers[0], task.layers[-1]
    return Shape(task.X.shape[1], hidden.units, output.units, hidden.activation, output.activation)


def _require_variation(flat: Array) -> None:
    width = flat.shape[1]
    if len(flat) <= width + 1 or np.any(
        np.count_nonzero(flat[1 : width + 1] != flat[0], axis=1) != 1
    ):
        raise ValueError(
            f"Rules are recovered from probes whose rows 1 to {width} differ from row 0 in one "
            f"input each, and these do not; take them from draw(task, seed, vary=True)."
        )


def _dependencies(
    shape: Shape, probes: UpdateProbes, width: int, precision: Precision
) -> tuple[dict[Entry, Mask], dict[Entry, Mask]]:
    """On which inputs each entry's change depends, and on which its value afterwards."""
    moves, positions = {}, {}
    for entry in shape.entries:
        before = probes.inputs.before[entry[0]][: width + 1, *entry[1]]
        after = probes.after[entry[0]][: width + 1, *entry[1]]
        change = after - before
        noise = precision.rounding * np.maximum(np.abs(before), np.abs(after)).max()
        noise += precision.exact * np.abs(change).max()
        left = precision.rounding * np.abs(after).max() + precision.exact * moved(before, after)
        if probes.inputs.rate is not None:
            # A rate per call would show as a dependency on everything.
            rate = probes.inputs.rate[: width + 1]
            if np.ptp(rate) > 0:
                raise ValueError("The varied calls must share one rate; use with_rate.")
        moves[entry] = np.abs(change[1:] - change[0]) > noise
        positions[entry] = np.abs(after[1:] - after[0]) > left
    return moves, positions


def _without_fit(
    entry: Entry, fit: UpdateProbes, fresh: UpdateProbes, precision: Precision
) -> Rule | Unexplained | None:
    """What needs no library: entries that stand still, or hold one number or none."""
    key, place = entry[0], (slice(None), *entry[1])
    if not all(np.all(np.isfinite(probes.after[key][place])) for probes in (fit, fresh)):
        return Unexplained(*entry, "some values after the step are not finite numbers")
    pairs = [
        (probes.inputs.before[key][place], probes.after[key][place]) for probes in (fit, fresh)
    ]
    # In double, what stands still is the same to the last digit.
    lost = 0.0 if precision is DOUBLE else precision.rounding
    if all(np.all(np.abs(after - before) <= lost * np.abs(before)) for before, after in pairs):
        return Rule(*entry, own_value(entry), ())
    if np.ptp(np.concatenate([after for _, after in pairs])) == 0:
        number = float(pairs[0][1][0])
        return Rule(*entry, None, (Term(number),) if number else ())
    return None


def _finite(probes: UpdateProbes) -> UpdateProbes:
    """Entries without numbers out of the way: nobody's rule can be told with them."""
    after = {
        key: np.where(np.isfinite(value).all(axis=0), value, probes.inputs.before[key])
        for key, value in probes.after.items()
    }
    return UpdateProbes(probes.inputs, after)


def _rows(probes: UpdateProbes, start: int) -> UpdateProbes:
    inputs = probes.inputs
    return UpdateProbes(
        replace(
            inputs,
            y=inputs.y[start:],
            y_hat=inputs.y_hat[start:],
            A1=inputs.A1[start:],
            X=inputs.X[start:],
            before={key: value[start:] for key, value in inputs.before.items()},
            rate=None if inputs.rate is None else inputs.rate[start:],
        ),
        {key: value[start:] for key, value in probes.after.items()},
    )


def _recover_entry(
    task: Task,
    shape: Shape,
    entry: Entry,
    table: Table,
    known: Pool,
    depends: tuple[Mask, Mask],
    check: Table,
    barred: frozenset[Entry],
    *,
    precision: Precision,
    thorough: bool,
) -> Rule | Unexplained:
    """The simplest rule that verifies; ``barred`` are entries whose new value it may not use."""
    moves, positions = depends
    names = variables(shape)
    own = names.index(f"{entry[0]}[{entry[1][0]},{entry[1][1]}]")
    reach = moves | positions if moves[own] else moves
    hidden_from = {(Factor(*other, "after"),) for other in (entry, *barred)}
    allowed = ~np.any(known.depends & ~reach, axis=1)
    allowed &= np.array([atom not in hidden_from for atom in known.atoms])
    for group in candidates(
        task,
        shape,
        entry,
        table,
        known,
        allowed,
        bool(moves[own]),
        precision=precision,
        thorough=thorough,
    ):
        verified = [
            replace(rule, deviation=deviation)
            for rule in group
            if (deviation := _deviation(rule, check, precision)) <= precision.exact
        ]
        if verified:
            verified.sort(key=lambda rule: complexity(rule, task))
            return replace(verified[0], others=tuple(verified[1 : MOST_FORMS + 1]))
    return Unexplained(
        *entry,
        "no formula of the library reproduces its values",
        tuple(name for name, used in zip(names, reach, strict=True) if used),
    )


def _deviation(rule: Rule, check: Table, precision: Precision) -> float:
    """The largest deviation on fresh probes, relative to what the entry moved."""
    before, after = (
        values[rule.parameter][:, *rule.index] for values in (check.inputs.before, check.after)
    )
    size = moved(before, after)
    rounding = precision.rounding * max(np.abs(before).max(), np.abs(after).max())
    # A quotient that vanishes somewhere is no rule: it comes out as NaN and deviates.
    with np.errstate(all="ignore"):
        wrong = np.abs(value_of(check, rule) - after).max()
    if not np.isfinite(wrong):
        return np.inf
    return float(max(wrong - rounding, 0.0) / size) if size else float(wrong > rounding)
