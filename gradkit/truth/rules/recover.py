"""From an update step's numbers to one exact formula per entry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from gradkit.records.rule import Entry, Factor, Rule, Term, Unexplained, UpdateProbes
from gradkit.records.task import Array, Task
from gradkit.truth.rules import library
from gradkit.truth.rules.evaluate import value_of
from gradkit.truth.rules.pool import Mask, Pool, Shape, flatten, pool, variables
from gradkit.truth.rules.single import fit_product
from gradkit.truth.rules.snap import snap
from gradkit.truth.rules.sparse import pursue
from gradkit.truth.rules.symbols import PARAMETERS, Table

EXACT = 1e-9
ROUNDING = 8 * np.finfo(float).eps


def recover(
    task: Task, fit: UpdateProbes, fresh: UpdateProbes, entries: Iterable[Entry] | None = None
) -> dict[Entry, Rule | Unexplained]:
    """The rule of each entry, or why it has none.

    Parameters
    ----------
    task : Task
        Two layers. Its rates only help to round coefficients.
    fit : UpdateProbes
        What a step made of ``draw(task, seed)``, the varied calls included.
    fresh : UpdateProbes
        What it made of other inputs, on which every rule is verified to 1e-9, relative
        to the size of the entry's change.
    entries : iterable of (parameter, index), optional
        Only these; all by default.

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
    moves, positions = _dependencies(shape, fit, flat.shape[1])
    for entry in shape.entries:
        if entry in wanted and (simple := _without_fit(entry, fit, moves[entry], shape)):
            found[entry] = simple
    open_entries = [e for e in shape.entries if e in wanted and e not in found]
    if open_entries:
        rows = _rows(fit, start)
        table = Table(task, rows.inputs, rows.after)
        known = pool(shape, table, positions, [positions[e] | moves[e] for e in open_entries])
        check = Table(task, fresh.inputs, fresh.after)
        for entry in open_entries:
            depends = (moves[entry], positions[entry])
            found[entry] = _recover_entry(task, shape, entry, table, known, depends, check)
    return {entry: found[entry] for entry in shape.entries if entry in wanted}


def shape_of(task: Task) -> Shape:
    """The sizes that fix the library."""
    hidden, output = task.layers[0], task.layers[-1]
    return Shape(task.X.shape[1], hidden.units, output.units, hidden.activation)


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
    shape: Shape, probes: UpdateProbes, width: int
) -> tuple[dict[Entry, Mask], dict[Entry, Mask]]:
    """On which inputs each entry's change depends, and on which its value afterwards."""
    moves, positions = {}, {}
    for entry in shape.entries:
        before = probes.inputs.before[entry[0]][: width + 1, *entry[1]]
        after = probes.after[entry[0]][: width + 1, *entry[1]]
        noise = ROUNDING * np.maximum(np.abs(before), np.abs(after)).max()
        change = after - before
        if probes.inputs.rate is not None:
            # A rate per call would show as a dependency on everything.
            rate = probes.inputs.rate[: width + 1]
            if np.ptp(rate) > 0:
                raise ValueError("The varied calls must share one rate; use with_rate.")
        moves[entry] = np.abs(change[1:] - change[0]) > noise
        positions[entry] = np.abs(after[1:] - after[0]) > noise
    return moves, positions


def _without_fit(
    entry: Entry, probes: UpdateProbes, moves: Mask, shape: Shape
) -> Rule | Unexplained | None:
    before, after = (values[entry[0]][:, *entry[1]] for values in (probes.inputs.before, probes.after))
    if not np.all(np.isfinite(after)):
        return Unexplained(*entry, "some values after the step are not finite numbers")
    if np.array_equal(before, after):
        return Rule(*entry, _own(entry), ())
    return None


def _own(entry: Entry) -> Factor:
    return Factor(entry[0], entry[1], "before")


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
) -> Rule | Unexplained:
    moves, positions = depends
    names = variables(shape)
    own = names.index(f"{entry[0]}[{entry[1][0]},{entry[1][1]}]")
    reach = moves | positions if moves[own] else moves
    allowed = ~np.any(known.depends & ~reach, axis=1)
    itself = next((i for i, a in enumerate(known.atoms) if a == (Factor(*entry, "after"),)), None)
    if itself is not None:
        allowed[itself] = False
    for rule in _candidates(task, shape, entry, table, known, allowed, bool(moves[own])):
        deviation = _deviation(rule, check)
        if deviation <= EXACT:
            return replace(rule, deviation=deviation)
    return Unexplained(
        *entry,
        "no formula of the library reproduces its values",
        tuple(name for name, used in zip(names, reach, strict=True) if used),
    )


def _candidates(
    task: Task,
    shape: Shape,
    entry: Entry,
    table: Table,
    known: Pool,
    allowed: Mask,
    own_matters: bool,
) -> Iterable[Rule]:
    """Rules worth verifying, simplest first."""
    before, after = (
        values[entry[0]][:, *entry[1]] for values in (table.inputs.before, table.after)
    )
    sources: list[Factor | None] = [_own(entry)]
    targets = [after - before]
    if own_matters:
        sources.append(None)
        targets.append(after)
        for index in np.flatnonzero(allowed & ~known.whole):
            factor = known.atoms[index][0]
            if factor.symbol in PARAMETERS and factor != _own(entry):
                sources.append(factor)
                targets.append(after - known.columns[:, index])
                if np.array_equal(after, known.columns[:, index]):
                    yield Rule(*entry, factor, ())
    single = np.flatnonzero(allowed & ~known.whole)
    whole = np.flatnonzero(allowed & known.whole)
    # Where a relu is off, products vanish and have no logarithm.
    rows = np.all(table.inputs.A1 > 0, axis=1) if shape.activation == "relu" else slice(None)
    hit = fit_product(
        np.stack(targets, axis=1)[rows],
        [known.atoms[i] for i in single],
        known.columns[rows][:, single],
        [known.atoms[i] for i in whole],
        known.columns[rows][:, whole],
    )
    if hit:
        number, term = hit
        yield Rule(*entry, sources[number], (_tidy(term, task),))
        for unit in range(shape.hidden if shape.activation == "relu" else 0):
            gated = Term(term.coefficient, (*term.factors, Factor("hidden_step", (unit,))))
            yield Rule(*entry, sources[number], (_tidy(gated, task),))
    made = library.terms(shape, known, allowed)
    if made is None:
        return
    products, columns = made
    pursued = pursue(after if own_matters else after - before, columns)
    if pursued is not None:
        chosen = [
            _tidy(Term(float(c), products[index]), task)
            for index, c in zip(*pursued, strict=True)
        ]
        yield _with_source(entry, chosen, own_matters)


def _tidy(term: Term, task: Task) -> Term:
    """The coefficient snapped, equal factors gathered, in a fixed order."""
    powers: dict[tuple[object, ...], int] = {}
    for factor in term.factors:
        key = (factor.symbol, factor.index, factor.when)
        powers[key] = powers.get(key, 0) + factor.power
    factors = tuple(Factor(*key, power) for key, power in powers.items() if power)  # type: ignore[arg-type]
    return Term(snap(term.coefficient, task), tuple(sorted(factors, key=_rank)))


ORDER = (
    "rate error target output output_complement output_slope W2 W1 b2 b1 hidden hidden_complement "
    "hidden_excess hidden_step hidden_again hidden_slope input input_complement"
).split()


def _rank(factor: Factor) -> tuple[int, str, str]:
    return ORDER.index(factor.symbol), factor.when, str(factor.index)


def _with_source(entry: Entry, terms: list[Term], own_matters: bool) -> Rule:
    """The old value that a sum starts from: a bare parameter, once."""
    if not own_matters:
        return Rule(*entry, _own(entry), tuple(terms))
    bare = [
        term
        for term in terms
        if term.coefficient == 1.0 and len(term.factors) == 1 and term.factors[0].symbol in PARAMETERS
    ]
    bare.sort(key=lambda term: term.factors[0] != _own(entry))
    if not bare:
        return Rule(*entry, None, tuple(terms))
    return Rule(*entry, bare[0].factors[0], tuple(term for term in terms if term is not bare[0]))


def _deviation(rule: Rule, check: Table) -> float:
    """The largest deviation on fresh probes, relative to the size of the change."""
    before, after = (
        values[rule.parameter][:, *rule.index] for values in (check.inputs.before, check.after)
    )
    size = np.abs(after - before).max()
    rounding = ROUNDING * max(np.abs(before).max(), np.abs(after).max())
    wrong = np.abs(value_of(check, rule) - after).max()
    return float(max(wrong - rounding, 0.0) / size) if size else float(wrong > rounding)
