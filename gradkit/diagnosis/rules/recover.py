"""From what an update makes of its inputs, in symbols, to one exact formula per entry."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.rules.compounds import Compounds
from gradkit.diagnosis.rules.evaluate import (
    DOUBLE,
    Precision,
    agree,
    late_in,
    value_of,
    waiting_in_circles,
)
from gradkit.diagnosis.rules.forms import complexity, tidy
from gradkit.diagnosis.rules.program import Program
from gradkit.diagnosis.rules.reading import Reading
from gradkit.diagnosis.rules.symbols import Shape, Table, letters_of, shape_of
from gradkit.records.rule import Entry, Factor, Rule, Term, UpdateProbes
from gradkit.records.task import Array, Task
from gradkit.task.activations import ACTIVATIONS, is_curved, is_piecewise_linear

MOST_FORMS = 12


def recover(
    task: Task,
    program: Program | None,
    fresh: UpdateProbes,
    *,
    precision: Precision = DOUBLE,
) -> dict[Entry, Rule]:
    """The rule of each entry that has one.

    Parameters
    ----------
    task : Task
        Two layers. Its rates only help to round coefficients.
    program : Program, optional
        What the step is said to make of its inputs. None where nothing is known.
    fresh : UpdateProbes
        What it made of inputs, at which every rule is verified: to 1e-9, relative to the size of
        the entry's change, in double precision.
    precision : Precision
        Of the arithmetic that the numbers come from.

    Returns
    -------
    dict
        In the order of the parameters.
    """
    if program is None:
        return {}
    shape = shape_of(task)
    check = Table(task, fresh.inputs, _finite(fresh))
    reading = Reading(shape, Compounds(shape, program, check, rough=precision is not DOUBLE))
    found: dict[Entry, Rule] = {}
    for entry in shape.entries:
        finite = np.all(np.isfinite(fresh.after[entry[0]][:, *entry[1]]))
        ways = [*reading.rules(entry)] if finite and entry in program.after else []
        if (rule := _proven(task, ways, check, precision)) is not None:
            found[entry] = rule
    return _without_circles(found)


def _proven(task: Task, ways: list[Rule], check: Table, precision: Precision) -> Rule | None:
    """The simplest way to write a rule, of those that hold."""
    ordered = sorted((tidy(rule) for rule in ways), key=lambda rule: complexity(rule, task))
    shape = shape_of(task)
    for group in (ordered, [gated for rule in ordered for gated in _gated(shape, rule)]):
        held = [rule for rule in dict.fromkeys(group) if _holds(rule, check, precision)]
        if held:
            return replace(held[0], others=tuple(held[1:MOST_FORMS]))
    return None


def _gated(shape: Shape, rule: Rule) -> Iterator[Rule]:
    """The rule where it depends on a value's sign which way the code takes."""
    for symbol, activation, places in (
        ("hidden", shape.activation, [*range(shape.hidden), "j"]),
        ("output", shape.last, [*range(shape.outputs), "k"]),
    ):
        own = ACTIVATIONS[activation]
        if not is_piecewise_linear(own) or not is_curved(own):
            continue
        gate = own.factors[0] if own.factors and symbol == "hidden" else f"{symbol}_derivative"
        for place in places:
            factor = Factor(gate, (place,))
            summed = [letters_of(f.index) for t in rule.terms for f in t.factors]
            if isinstance(place, int) or (place,) in summed:
                terms = tuple(Term(t.coefficient, (*t.factors, factor)) for t in rule.terms)
                yield replace(rule, terms=terms)


def _without_circles(found: dict[Entry, Rule]) -> dict[Entry, Rule]:
    """Rules that each use the other's new value say nothing: one must do without."""
    for entry in [*found]:
        if entry not in waiting_in_circles(found):
            continue
        ways = (rule for rule in found[entry].others if not late_in(rule))
        plain = next(ways, None)
        if plain is not None:
            found[entry] = replace(plain, others=())
    return found


def _finite(probes: UpdateProbes) -> dict[str, Array]:
    """What came back, entries without numbers out of the way: no rule can be told with them."""
    return {
        key: np.where(np.isfinite(value).all(axis=0), value, probes.inputs.before[key])
        for key, value in probes.after.items()
    }


def _holds(rule: Rule, check: Table, precision: Precision) -> bool:
    """Whether a rule gives the values on fresh probes, relative to what the entry moved."""
    before, after = (
        values[rule.parameter][:, *rule.index] for values in (check.inputs.before, check.after)
    )
    # A quotient that vanishes somewhere is no rule.
    with np.errstate(all="ignore"):
        made = value_of(check, rule)
    return agree(made, after, before, precision)
