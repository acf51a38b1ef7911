"""Collect all data that the search for the line of one mistake needs, and questions about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import numpy as np

from gradkit.diagnosis.formulas.compare import single_powers
from gradkit.diagnosis.formulas.explain import mark_recomputed
from gradkit.diagnosis.formulas.records import Diagnosis, target_of, undo
from gradkit.diagnosis.rules.evaluate import rule_values
from gradkit.diagnosis.rules.symbols import (
    AXES,
    PARAMETERS,
    PER_HIDDEN,
    PER_OUTPUT,
    Table,
    letters_of,
    replace_letter,
)
from gradkit.diagnosis.update_text import UpdateText, takes_over
from gradkit.records.rule import (
    Details,
    Entry,
    Factor,
    Rule,
    Slip,
    Steps,
    Term,
    Trace,
    UpdateInputs,
)
from gradkit.records.submission import Place
from gradkit.records.task import Array, Task
from gradkit.runtime.symbolic.numbers import CONSTANT

MISDIRECTED = "wrong-target"
"""The mistake of a step that is added to another entry."""

NEAR = 1e-8
"""Relative tolerance within which two columns over the calls are proportional."""

EQUAL = 1e-13
"""Relative tolerance within which two columns are equal."""


class Case:
    """One mistake in the trace of one call.

    Parameters
    ----------
    task : Task
    trace : Trace
        With operations, and all parameters ``after``.
    steps : Steps
        The trace's operations.
    inputs : UpdateInputs
        Inputs of all calls of the trace.
    diagnosis : Diagnosis
    slip : Slip
        A mistake of the diagnosis.
    text : UpdateText or None

    Attributes
    ----------
    applied, without : dict
        For each entry, the rule that the code follows, and the rule after a correction of this
        mistake alone.
    observed : dict
        For each entry, the recovered rule, or else the rule that the mistakes of the diagnosis
        give. A change written to a wrong entry belongs to that entry.
    redirected : dict
        The wrong entry that each misdirected change was written to.
    """

    def __init__(
        self,
        task: Task,
        trace: Trace,
        steps: Steps,
        inputs: UpdateInputs,
        diagnosis: Diagnosis,
        slip: Slip,
        text: UpdateText | None,
    ) -> None:
        """Store the arguments, and compute each entry's formula with and without the mistake.

        ``task`` is the task of a net. ``trace`` has the values of a call at ``inputs``, ``steps``
        its operations. ``diagnosis`` has all mistakes of the update, and ``slip`` is the mistake of
        this case. ``text`` is the update's source, None if it was not found.
        """
        self.task, self.trace, self.steps, self.slip, self.text = task, trace, steps, slip, text
        self.near = max(NEAR, diagnosis.precision.exact)
        self.inputs = inputs
        self.table = Table(task, inputs, trace.after)
        self.details: dict[Entry, Details] = dict(zip(slip.entries, slip.details, strict=False))
        self.redirected = {
            entry: target_of(change.details)
            for entry, changes in diagnosis.changes.items()
            for change in changes
            if change.code == MISDIRECTED
        }
        self.observed = {**diagnosis.should, **diagnosis.applies}
        # A term's factors are searched where they belong, not where the term was written to.
        self.applied = {**self.observed, **diagnosis.forms}
        self.without = {e: self._without_mistake(diagnosis, e) for e in self.applied}
        if slip.code == MISDIRECTED:
            self.applied = self.observed

    def _without_mistake(self, diagnosis: Diagnosis, entry: Entry) -> Rule:
        """Return the student's formula of an entry with this case's mistake corrected.

        Other mistakes of ``diagnosis`` stay in the formula. If this mistake concerns the entry, but
        the diagnosis has no changes for it, the result is the right formula.
        """
        rule = self.applied[entry]
        changes = diagnosis.changes.get(entry)
        if entry in self.slip.entries and changes is None:
            return mark_recomputed(diagnosis.should[entry], rule)
        for change in changes or ():
            if change.code == self.slip.code != MISDIRECTED:
                rule = undo(rule, change)
        return rule

    def detail(self, entry: Entry, name: str) -> object:
        """Return a detail of the mistake at an entry, such as its ``ratio``, or None."""
        return dict(self.details.get(entry, ())).get(name)

    def after(self, entry: Entry) -> Array:
        """Return the entry's values after the step, shape (calls,)."""
        return self.trace.after[entry[0]][:, *entry[1]]

    def before(self, entry: Entry) -> Array:
        """Return the entry's values before the step, shape (calls,)."""
        return self.inputs.before[entry[0]][:, *entry[1]]

    def root(self, entry: Entry) -> int:
        """Return the number of the operation that produced an entry's new value.

        If the code added the entry's change to another entry by mistake, it is that entry's new
        value.
        """
        return self.steps.after[self.redirected.get(entry, entry)]

    def is_computed(self, step: int) -> bool:
        """Return whether a number is computed from others: no input and no constant."""
        return bool(self.steps.made[step].into)

    def is_followed(self, entry: Entry) -> bool:
        """Return whether the trace gives the values that the entry's rule predicts."""
        target = self.redirected.get(entry, entry)
        expected, observed = rule_values(self.table, self.observed[target]), self.after(target)
        return bool(np.abs(expected - observed).max() <= self.near * np.abs(observed).max())

    def is_constant(self, step: int) -> bool:
        """Return whether a number is a constant of the text, whatever the inputs."""
        return self.steps.made[step].operation == CONSTANT

    def find_naming_line(
        self, number: int, size: float | None = None, excluded: Collection[str] = ()
    ) -> Place | None:
        """Return the line that assigns a name which operation ``number`` reads.

        Only a plain assignment counts. Without ``size`` it assigns another name (``a = b``); with
        ``size`` a constant of this absolute value; with ``size=0`` a constant that is none of the
        task's learning rates. ``excluded`` names are skipped. None if there is no such line, no
        source text, or if the operation does not have exactly one place in the text.
        """
        spots = self.steps.spots[number]
        if self.text is None or len(spots) != 1:
            return None
        rates = (self.task.rates.weight, self.task.rates.bias)
        sizes = None if size is None else (size,) if size else rates
        return self.text.find_naming_line(
            spots[0].names - {*excluded},
            spots[0].place,
            lambda value: takes_over(value, sizes, others=not size),
        )


def differ_in_shared_axis(first: Entry, second: Entry) -> bool:
    """Return whether two entries differ in an axis that both have: input, hidden unit or output."""
    places = [dict(zip(AXES[key], index, strict=False)) for key, index in (first, second)]
    return any(places[0][axis] != places[1][axis] for axis in places[0].keys() & places[1].keys())


def is_equal(left: Array, right: Array, tolerance: float = EQUAL) -> bool:
    """Return whether two arrays are finite and equal within a relative tolerance."""
    size = np.abs(right).max(initial=0.0)
    return bool(np.isfinite(size) and np.abs(left - right).max(initial=0.0) <= tolerance * size)


# --- partial products of a correct gradient --------------------------------------------------

LOSS, OUTPUT, WEIGHT, UNIT, INPUT = range(-1, 4)
"""Stages of backpropagation in the order in which it multiplies: loss derivative (before the last
activation's derivative), output error, weight, hidden derivative, input."""

Stages = tuple[int, ...]
"""The stage of each factor of a product, sorted."""


class PartialProducts:
    """All partial products of an entry's correct change, as unit vectors over the calls.

    Each has its stages, so that any number in the trace can be identified up to a constant.
    """

    def __init__(self, parts: Iterable[tuple[Stages, Array]], tolerance: float) -> None:
        """Store products of some factors, scaled to length 1, with the stages of their factors.

        ``parts`` are pairs of the stages of a product and its values, one for each call; products
        that are 0 are left out. ``tolerance`` is the largest difference at which unit vectors count
        as equal. The attribute ``whole`` has the stages of the product with the most factors,
        without products of the loss alone.
        """
        usable = [(key, value) for key, value in parts if np.any(value)]
        self._keys, self._near = [key for key, _ in usable], tolerance
        self._rows = np.array([value / np.linalg.norm(value) for _, value in usable])
        own = (key for key in self._keys if LOSS not in key)
        self.whole: Stages = max(own, key=len, default=())

    def stages_of(self, value: Array | None) -> Stages | None:
        """Return the stages of the factors of the product that ``value`` (calls,) is a multiple of.

        None if it is no multiple of any stored product, or is None, zero or not finite.
        """
        size = 0.0 if value is None else float(np.linalg.norm(value))
        if value is None or not self._keys or not size or not np.isfinite(size):
            return None
        cosines = self._rows @ (value / size)
        index = int(np.argmax(np.abs(cosines)))
        deviation = np.abs(value / size - cosines[index] * self._rows[index]).max()
        return self._keys[index] if deviation <= self._near else None

    def has_complete_stages(self, stages: Stages) -> bool:
        """Return whether all factors of each stage that occurs are present."""
        return all(stages.count(stage) == self.whole.count(stage) for stage in {*stages})


def partial_products(case: Case, rule: Rule) -> Iterator[tuple[Stages, Array]]:
    """Yield the products of some factors of a rule's terms, as stages and values.

    The stages are sorted, from `OUTPUT` to `INPUT`, one for each factor (`_stage_of`); the value
    has the shape (calls,), for the calls of ``case``. The learning rate is not used as a factor.
    For a sum over an index, the products of each summand are yielded too. If ``rule`` has several
    terms, their sum is yielded last, with all stages.
    """
    for term in rule.terms:
        for term_or_summand in _term_and_summands(case.task, term):
            products: list[tuple[Stages, Array]] = [((), np.ones(len(case.inputs.y)))]
            for factors in _split_factors(term_or_summand):
                stages = tuple(_stage_of(factor, rule) for factor in factors)
                value = case.table.product(factors)
                products += [
                    (tuple(sorted((*key, *stages))), product * value) for key, product in products
                ]
            # A term without factors is a constant.
            yield from products[1:] or products
    if len(rule.terms) > 1:
        terms = [case.table.term(term) for term in rule.terms]
        yield tuple(range(INPUT + 1)), np.sum(terms, axis=0)


def _split_factors(term: Term) -> Iterator[tuple[Factor, ...]]:
    """Yield the factors of a term in groups of which each is multiplied at once.

    Each factor is alone, to the power 1 or −1, and its powers are repeated. The factors of a sum
    over an index form one group, which comes last. The learning rate is left out.
    """
    factors = [factor for factor in term.factors if factor.symbol != "rate"]
    summed = tuple(factor for factor in factors if letters_of(factor.index))
    yield from ((factor,) for factor in single_powers(tuple(f for f in factors if f not in summed)))
    if summed:
        yield summed


def _stage_of(factor: Factor, rule: Rule) -> int:
    """Return the stage of backpropagation in which a factor is multiplied: `OUTPUT` to `INPUT`.

    ``rule`` is the formula with the factor. Its parameter matters for a hidden unit, which is the
    input of layer 2.
    """
    if factor.symbol in PER_HIDDEN:
        # In layer 2 the hidden unit is the input.
        return UNIT if rule.parameter[1] == "1" else INPUT
    if factor.symbol in PARAMETERS:
        return WEIGHT
    return OUTPUT if factor.symbol in PER_OUTPUT else INPUT


def _term_and_summands(task: Task, term: Term) -> Iterator[Term]:
    """Yield a term, then the term with each index that it sums over set to each of its values."""
    yield term
    sizes = {"i": task.X.shape[1], "j": task.layers[0].units, "k": task.layers[-1].units}
    for letter in sorted({x for factor in term.factors for x in letters_of(factor.index)}):
        yield from (replace_letter(term, letter, place) for place in range(sizes[letter]))
