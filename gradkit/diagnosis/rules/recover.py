"""Recover the formula of each parameter entry from a program, verified on observed numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.rules.compounds import Compounds
from gradkit.diagnosis.rules.evaluate import (
    DOUBLE,
    Precision,
    agree,
    entries_in_cycles,
    new_values_in,
    rule_values,
)
from gradkit.diagnosis.rules.forms import complexity, normalize_rule
from gradkit.diagnosis.rules.program import Program
from gradkit.diagnosis.rules.reading import Reading
from gradkit.diagnosis.rules.symbols import Shape, Table, letters_of, shape_of
from gradkit.records.rule import Entry, Factor, Rule, Term, UpdateProbes
from gradkit.records.task import Array, Task
from gradkit.task.network import ACTIVATIONS, is_curved, is_piecewise_linear

MAX_EQUAL_FORMS = 12
"""Number of equal ways to write a rule that are kept."""


def recover(
    task: Task,
    program: Program | None,
    observed: UpdateProbes,
    *,
    precision: Precision = DOUBLE,
) -> dict[Entry, Rule]:
    """Return the verified rule of each entry that has one, in the order of the parameters.

    Parameters
    ----------
    task : Task
        Two layers. Its rates only help to round coefficients.
    program : Program, optional
        The polynomials of a symbolic run. Without it there are no rules.
    observed : UpdateProbes
        Inputs and the results of the student's step. A rule must give them to ``precision``,
        1e-9 of the entry's change in double precision.
    precision : Precision
        The arithmetic that the student's code used.
    """
    if program is None:
        return {}
    shape = shape_of(task)
    check = Table(task, observed.inputs, _finite_values(observed))
    reading = Reading(shape, Compounds(shape, program, check, rough=precision is not DOUBLE))
    found: dict[Entry, Rule] = {}
    for entry in shape.entries:
        finite = np.all(np.isfinite(observed.after[entry[0]][:, *entry[1]]))
        ways = [*reading.rules(entry)] if finite and entry in program.after else []
        if (rule := _simplest_valid(task, ways, check, precision)) is not None:
            found[entry] = rule
    return _break_cycles(found)


def _simplest_valid(
    task: Task, candidates: list[Rule], check: Table, precision: Precision
) -> Rule | None:
    """Return the simplest of the ``candidates`` that gives the observed numbers, or None.

    ``check`` has the values of all symbols at the observed calls, ``precision`` the tolerance, and
    ``task`` the rates that make a coefficient simple. The result's ``others`` are further valid
    candidates, up to `MAX_EQUAL_FORMS` in total. If no candidate is valid, they are tried again
    with the derivative of a ReLU as a factor.
    """
    ordered = sorted(
        (normalize_rule(rule) for rule in candidates), key=lambda rule: complexity(rule, task)
    )
    shape = shape_of(task)
    for group in (ordered, [gated for rule in ordered for gated in _with_gate(shape, rule)]):
        valid = [rule for rule in dict.fromkeys(group) if _is_valid(rule, check, precision)]
        if valid:
            return replace(valid[0], others=tuple(valid[1:MAX_EQUAL_FORMS]))
    return None


def _with_gate(shape: Shape, rule: Rule) -> Iterator[Rule]:
    """Yield the rule times the derivative of a piecewise linear activation, once for each unit.

    Such an activation is a ReLU, for example. A symbolic run takes only one branch of an ``if`` on
    a value's sign, so this factor is missing. ``shape`` has the activations and the numbers of
    units. The index of a sum counts as a unit if the rule has the sum. Nothing for other
    activations.
    """
    for symbol, activation, places in (
        ("hidden", shape.activation, [*range(shape.hidden), "j"]),
        ("output", shape.last, [*range(shape.outputs), "k"]),
    ):
        definition = ACTIVATIONS[activation]
        if not is_piecewise_linear(definition) or not is_curved(definition):
            continue
        gate = (
            definition.factors[0]
            if definition.factors and symbol == "hidden"
            else f"{symbol}_derivative"
        )
        for place in places:
            factor = Factor(gate, (place,))
            summed = [letters_of(f.index) for t in rule.terms for f in t.factors]
            if isinstance(place, int) or (place,) in summed:
                terms = tuple(Term(t.coefficient, (*t.factors, factor)) for t in rule.terms)
                yield replace(rule, terms=terms)


def _break_cycles(rules: dict[Entry, Rule]) -> dict[Entry, Rule]:
    """Replace rules that need each other's new values by equal rules without new values.

    ``rules`` has the rule of each entry; it is changed and returned. The equal rules are those in
    ``others`` of a rule; a rule without one stays.
    """
    for entry in [*rules]:
        if entry not in entries_in_cycles(rules):
            continue
        alternatives = (rule for rule in rules[entry].others if not new_values_in(rule))
        plain = next(alternatives, None)
        if plain is not None:
            rules[entry] = replace(plain, others=())
    return rules


def _finite_values(probes: UpdateProbes) -> dict[str, Array]:
    """Return the observed new values, with the old ones for entries that are not always finite."""
    return {
        key: np.where(np.isfinite(value).all(axis=0), value, probes.inputs.before[key])
        for key, value in probes.after.items()
    }


def _is_valid(rule: Rule, check: Table, precision: Precision) -> bool:
    """Return whether a rule gives the observed values of its entry in all calls.

    ``check`` has the values of all symbols and the new parameters; ``precision`` is the tolerance.
    """
    before, after = (
        values[rule.parameter][:, *rule.index] for values in (check.inputs.before, check.after)
    )
    # A division by 0 gives nan, which never agrees.
    with np.errstate(all="ignore"):
        predicted = rule_values(check, rule)
    return agree(predicted, after, before, precision)
