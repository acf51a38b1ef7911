"""Rules that an entry may follow: the formulas worth verifying, simplest first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradkit.diagnosis.rules import library
from gradkit.diagnosis.rules.pool import Mask, Pool, Shape, is_gated
from gradkit.diagnosis.rules.precision import DOUBLE, Precision
from gradkit.diagnosis.rules.single import fit_products
from gradkit.diagnosis.rules.snap import is_usual, snap
from gradkit.diagnosis.rules.sparse import pursue
from gradkit.diagnosis.rules.symbols import (
    PARAMETERS,
    PER_HIDDEN,
    PER_INPUT,
    PER_OUTPUT,
    Table,
    gather,
    letters_of,
)
from gradkit.records.rule import Entry, Factor, Rule, Term
from gradkit.records.task import Array, Task


def own_value(entry: Entry) -> Factor:
    """An entry's own value before the step."""
    return Factor(entry[0], entry[1], "before")


def candidates(
    task: Task,
    shape: Shape,
    entry: Entry,
    table: Table,
    known: Pool,
    allowed: Mask,
    own_matters: bool,
    *,
    precision: Precision,
    thorough: bool,
) -> Iterator[list[Rule]]:
    """Groups of rules worth verifying: those of one term, then the rest.

    Where numbers are not exact to double precision those of one term are all: a sum of many
    fits anything.
    """
    before, after = (
        values[entry[0]][:, *entry[1]] for values in (table.inputs.before, table.after)
    )
    sources: list[Factor | None] = [own_value(entry)]
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
            if factor.symbol in PARAMETERS and factor != own_value(entry):
                sources.append(factor)
                targets.append(after - known.columns[:, index])
        bare = [s for s, t in zip(sources, targets, strict=True) if s is not None and not t.any()]
        yield [Rule(*entry, source, ()) for source in bare if source.when == "before"]
    if precision is not DOUBLE:
        lost = precision.rounding * np.abs(after).max()
        for simple in (True, False):
            made = library.terms(shape, known, allowed, simple=simple)
            if made is None:
                return
            for source, target in list(zip(sources, targets, strict=True))[: None if simple else 1]:
                tolerance = lost + precision.exact * np.abs(target).max()
                terms = _multiples(target, *made, tolerance)
                group = [Rule(*entry, source, (tidy(term, task, precision),)) for term in terms]
                yield sorted(group, key=lambda rule: complexity(rule, task))[:MOST_FORMS]
        return
    whole = np.flatnonzero(allowed & known.whole)
    # Where a relu is off, products vanish and have no logarithm.
    rows = np.all(table.inputs.A1 > 0, axis=1) if is_gated(shape) else slice(None)
    gates = range(shape.hidden if is_gated(shape) else 0)
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
    yield sorted(group, key=lambda rule: complexity(rule, task))[:MOST_FORMS]
    if own_matters:
        yield [Rule(*entry, source, ()) for source in bare]
    for simple in (True, False) if thorough else (True,):
        made = library.terms(shape, known, allowed, simple=simple)
        if made is None:
            return
        products, columns = made
        pursued = pursue(after if own_matters else after - before, columns, thorough=thorough)
        if pursued is not None:
            terms = [Term(float(c), products[index]) for index, c in zip(*pursued, strict=True)]
            terms = [tidy(term, task) for term in _rewritten(terms)]
            yield [_with_source(entry, terms, own_matters)]


def _multiples(
    target: Array, products: list[tuple[Factor, ...]], columns: Array, tolerance: float
) -> list[Term]:
    """The products of which the target is a multiple, but for what rounding takes from it.

    Logarithms would make much of that where numbers are small.
    """
    squares = np.einsum("ij,ij->j", columns, columns)
    found = target @ columns / np.where(squares > 0, squares, np.inf)
    off = np.abs(target[:, None] - columns * found).max(axis=0)
    return [
        Term(float(found[i]), products[i])
        for i in np.flatnonzero((off <= tolerance) & (found != 0))
    ]


MOST_FORMS = 24
"""So many ways to write one rule are worth verifying."""

PREFERENCE = {
    "error": 0,
    "W2": 1,
    "input": 2,
    "hidden": 3,
    "hidden_complement": 4,
    "output": 5,
    "output_complement": 6,
    "hidden_derivative": 4,
    "output_derivative": 6,
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
    """A parameter's value as it is: a source, not a term. A sum over units is none."""
    if len(term.factors) != 1 or term.coefficient != 1.0:
        return False
    (factor,) = term.factors
    return factor.symbol in PARAMETERS and not letters_of(factor.index)


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
        for factors, sign in _split(term.factors):
            key = tuple(sorted(factors, key=_rank))
            parts[key] = parts.get(key, 0.0) + sign * term.coefficient
    largest = max(abs(value) for value in parts.values())
    kept = [Term(value, key) for key, value in parts.items() if abs(value) > 1e-12 * largest]
    return kept if len(kept) <= len(terms) else terms


def _split(factors: tuple[Factor, ...]) -> list[tuple[tuple[Factor, ...], float]]:
    """A product with y−ŷ in it as one with y, less one with ŷ."""
    errors = [f for f in factors if f.symbol == "error" and f.power == 1]
    if len(errors) != 1:
        return [(factors, 1.0)]
    error = errors[0]
    rest = tuple(f for f in factors if f is not error)
    return [
        ((*rest, Factor("target", error.index)), 1.0),
        ((*rest, Factor("output", error.index, error.when)), -1.0),
    ]


def tidy(term: Term, task: Task, precision: Precision = DOUBLE) -> Term:
    """The coefficient snapped, equal factors gathered, in a fixed order."""
    return Term(
        snap(term.coefficient, task, precision), tuple(sorted(gather(term.factors), key=_rank))
    )


ORDER = ("rate", *PER_OUTPUT, "W2", "W1", "b2", "b1", *PER_HIDDEN, *PER_INPUT)
"""In which order a product is written."""


def _rank(factor: Factor) -> tuple[int, str, str]:
    return ORDER.index(factor.symbol), factor.when, str(factor.index)


def _with_source(entry: Entry, terms: list[Term], own_matters: bool) -> Rule:
    """The old value that a sum starts from: a bare parameter, once."""
    own = own_value(entry)
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
