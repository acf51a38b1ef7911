"""From an update step's numbers to one exact formula per entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from gradkit.records.rule import Entry, Factor, Rule, Term, Unexplained, UpdateProbes
from gradkit.records.task import Array, Task
from gradkit.truth.rules import library
from gradkit.truth.rules.evaluate import value_of, waiting_in_circles
from gradkit.truth.rules.pool import Mask, Pool, Shape, flatten, pool, variables
from gradkit.truth.rules.single import fit_products
from gradkit.truth.rules.snap import is_usual, snap
from gradkit.truth.rules.sparse import pursue
from gradkit.truth.rules.symbols import PARAMETERS, Table

EXACT = 1e-9
MOST_FORMS = 11
ROUNDING = 8 * np.finfo(float).eps


def recover(
    task: Task,
    fit: UpdateProbes,
    fresh: UpdateProbes,
    *,
    entries: Iterable[Entry] | None = None,
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

        def solve(entry: Entry, barred: frozenset[Entry] = frozenset()) -> Rule | Unexplained:
            depends = (moves[entry], positions[entry])
            return _recover_entry(task, shape, entry, table, known, depends, check, barred)

        found |= {entry: solve(entry) for entry in open_entries}
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
    before, after = (
        values[entry[0]][:, *entry[1]] for values in (probes.inputs.before, probes.after)
    )
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
    barred: frozenset[Entry] = frozenset(),
) -> Rule | Unexplained:
    """The simplest rule that verifies; ``barred`` are entries whose new value it may not use."""
    moves, positions = depends
    names = variables(shape)
    own = names.index(f"{entry[0]}[{entry[1][0]},{entry[1][1]}]")
    reach = moves | positions if moves[own] else moves
    hidden_from = {(Factor(*other, "after"),) for other in (entry, *barred)}
    allowed = ~np.any(known.depends & ~reach, axis=1)
    allowed &= np.array([atom not in hidden_from for atom in known.atoms])
    for group in _candidates(task, shape, entry, table, known, allowed, bool(moves[own])):
        verified = [
            replace(rule, deviation=deviation)
            for rule in group
            if (deviation := _deviation(rule, check)) <= EXACT
        ]
        if verified:
            verified.sort(key=lambda rule: complexity(rule, task))
            return replace(verified[0], others=tuple(verified[1 : MOST_FORMS + 1]))
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
) -> Iterator[list[Rule]]:
    """Groups of rules worth verifying: those of one term, then the rest."""
    before, after = (
        values[entry[0]][:, *entry[1]] for values in (table.inputs.before, table.after)
    )
    sources: list[Factor | None] = [_own(entry)]
    targets = [after - before]
    bare: list[Factor] = []
    single = sorted(
        (int(i) for i in np.flatnonzero(allowed & ~known.whole)),
        key=lambda i: PREFERENCE.get(known.atoms[i][0].symbol, len(PREFERENCE)),
    )
    if own_matters:
        sources.append(None)
        targets.append(after)
        for index in single:
            factor = known.atoms[index][0]
            if factor.symbol in PARAMETERS and factor != _own(entry):
                sources.append(factor)
                targets.append(after - known.columns[:, index])
        bare = [s for s, t in zip(sources, targets, strict=True) if s is not None and not t.any()]
        yield [Rule(*entry, source, ()) for source in bare if source.when == "before"]
    whole = np.flatnonzero(allowed & known.whole)
    # Where a relu is off, products vanish and have no logarithm.
    rows = np.all(table.inputs.A1 > 0, axis=1) if shape.activation == "relu" else slice(None)
    gates = range(shape.hidden if shape.activation == "relu" else 0)
    group = []
    for number, term in fit_products(
        np.stack(targets, axis=1)[rows],
        [known.atoms[i] for i in single],
        known.columns[rows][:, single],
        [known.atoms[i] for i in whole],
        known.columns[rows][:, whole],
    ):
        if sources[number] is None and _is_bare(tidy(term, task)):
            continue
        group.append(Rule(*entry, sources[number], (tidy(term, task),)))
        for unit in gates:
            gated = Term(term.coefficient, (*term.factors, Factor("hidden_step", (unit,))))
            group.append(Rule(*entry, sources[number], (tidy(gated, task),)))
    yield group
    if own_matters:
        yield [Rule(*entry, source, ()) for source in bare]
    for simple in (True, False):
        made = library.terms(shape, known, allowed, simple=simple)
        if made is None:
            return
        products, columns = made
        pursued = pursue(after if own_matters else after - before, columns)
        if pursued is not None:
            terms = [Term(float(c), products[index]) for index, c in zip(*pursued, strict=True)]
            terms = [tidy(term, task) for term in _rewritten(terms)]
            yield [_with_source(entry, terms, own_matters)]


PREFERENCE = {
    symbol: place
    for place, symbol in enumerate(
        "error W2 input hidden hidden_complement output output_complement".split()
    )
}
"""Of symbols that are products of each other the first is used."""

COSTS = {
    "hidden_excess": 2.0,
    "hidden_again": 2.0,
    "hidden_slope": 1.5,
    "output_slope": 1.5,
    "input_complement": 2.0,
    "target": 1.5,
    "output": 1.5,
    "W1": 4.0,
    "b1": 4.0,
    "b2": 4.0,
}


def _is_bare(term: Term) -> bool:
    """A parameter's value as it is: a source, not a term."""
    alone = len(term.factors) == 1 and term.factors[0].symbol in PARAMETERS
    return alone and term.coefficient == 1.0


def complexity(rule: Rule, task: Task) -> float:
    """How far-fetched a rule is; of equal rules the simplest is told."""
    own = rule.source == Factor(rule.parameter, rule.index, "before")
    cost = 0.0 if own else 1.0 if rule.source is None or rule.source.when == "before" else 1.2
    for term in rule.terms:
        cost += 3.0 if is_usual(term.coefficient, task) else 7.0
        for factor in term.factors:
            late = {"after": 0.3, "recomputed": 0.3}.get(factor.when, 0.0)
            cost += abs(factor.power) * (COSTS.get(factor.symbol, 1.0) + late)
    return cost


def _rewritten(terms: list[Term]) -> list[Term]:
    """The same sum; where it mixes y−ŷ with y or ŷ, written in y and ŷ alone."""
    heads = {f.symbol for term in terms for f in term.factors if f.power == 1}
    if "error" not in heads or not heads & {"target", "output"}:
        return terms
    parts: dict[tuple[Factor, ...], float] = {}
    for term in terms:
        heads = [f for f in term.factors if f.symbol == "error" and f.power == 1]
        if len(heads) == 1:
            rest = [f for f in term.factors if f is not heads[0]]
            split = (("target", "", 1.0), ("output", heads[0].when, -1.0))
            pieces = [((*rest, Factor(s, heads[0].index, w)), c) for s, w, c in split]  # type: ignore[arg-type]
        else:
            pieces = [(term.factors, 1.0)]
        for factors, sign in pieces:
            key = tuple(sorted(factors, key=_rank))
            parts[key] = parts.get(key, 0.0) + sign * term.coefficient
    largest = max(abs(value) for value in parts.values())
    kept = [Term(value, key) for key, value in parts.items() if abs(value) > 1e-12 * largest]
    return kept if len(kept) <= len(terms) else terms


def tidy(term: Term, task: Task) -> Term:
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
    own = _own(entry)
    if not own_matters:
        return Rule(*entry, own, tuple(terms))
    for term in terms:
        if len(term.factors) != 1:
            continue
        if term.factors[0] == own and abs(term.coefficient - 1.0) < 0.5:
            rest = [other for other in terms if other is not term]
            # 0.999·W is W − 0.001·W: a decay, not another source.
            decay = float(f"{term.coefficient - 1.0:.6g}")
            return Rule(*entry, own, (*rest, *([Term(decay, (own,))] if decay else [])))
    for term in terms:
        if _is_bare(term):
            rest = [other for other in terms if other is not term]
            return Rule(*entry, term.factors[0], tuple(rest))
    return Rule(*entry, None, tuple(terms))


def _deviation(rule: Rule, check: Table) -> float:
    """The largest deviation on fresh probes, relative to the size of the change."""
    before, after = (
        values[rule.parameter][:, *rule.index] for values in (check.inputs.before, check.after)
    )
    size = np.abs(after - before).max()
    rounding = ROUNDING * max(np.abs(before).max(), np.abs(after).max())
    wrong = np.abs(value_of(check, rule) - after).max()
    return float(max(wrong - rounding, 0.0) / size) if size else float(wrong > rounding)
