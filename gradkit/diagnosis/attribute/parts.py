"""The parts of a right product, which a calculation may multiply in any order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.attribute.case import Case
from gradkit.diagnosis.mistakes.parts import hidden_layer, is_input, is_output, is_unit, is_weight
from gradkit.diagnosis.mistakes.slots import counted
from gradkit.diagnosis.rules.symbols import letters_of
from gradkit.records.rule import Factor, Rule, Term
from gradkit.records.task import Array, Task

OUTPUT, WEIGHT, UNIT, INPUT = range(4)
"""The order in which backpropagation multiplies: error, weight, derivative, input."""

Stages = tuple[int, ...]
"""Of each factor, in their order."""


class Parts:
    """The parts of a right product, as directions over the calls, with the stages in each."""

    def __init__(self, parts: Iterable[tuple[Stages, Array]], near: float) -> None:
        usable = [(key, value) for key, value in parts if np.any(value)]
        self._keys, self._near = [key for key, _ in usable], near
        self._rows = np.array([value / np.linalg.norm(value) for _, value in usable])
        self.whole: Stages = max(self._keys, key=len, default=())

    def of(self, value: Array | None) -> Stages | None:
        """Return the stages in a number that is a constant times a part, or else None."""
        size = 0.0 if value is None else float(np.linalg.norm(value))
        if value is None or not self._keys or not size or not np.isfinite(size):
            return None
        along = self._rows @ (value / size)
        best = int(np.argmax(np.abs(along)))
        off = np.abs(value / size - along[best] * self._rows[best]).max()
        return self._keys[best] if off <= self._near else None

    def is_whole(self, part: Stages) -> bool:
        """Whether a part has all of each stage that it has anything of."""
        return all(part.count(stage) == self.whole.count(stage) for stage in {*part})


def parts_of(case: Case, rule: Rule) -> Iterator[tuple[Stages, Array]]:
    """All parts of a right product; of sums over a letter, those of their summands too."""
    for term in rule.terms:
        for each in _instances(case.task, term):
            made: list[tuple[Stages, Array]] = [((), np.ones(len(case.inputs.y)))]
            for piece in _pieces(each):
                stages = tuple(_stage(factor, rule) for factor in piece)
                value = case.table.product(piece)
                made += [(tuple(sorted((*key, *stages))), rest * value) for key, rest in made]
            # Of a product of nothing its constant is left.
            yield from made[1:] or made
    if len(rule.terms) > 1:
        terms = [case.table.term(term) for term in rule.terms]
        yield tuple(range(INPUT + 1)), np.sum(terms, axis=0)


def _pieces(term: Term) -> Iterator[tuple[Factor, ...]]:
    """The term's factors, powers written out, less the rate; all that a sum runs over is one."""
    factors = [factor for factor in term.factors if factor.symbol != "rate"]
    summed = tuple(factor for factor in factors if letters_of(factor.index))
    yield from ((factor,) for factor in counted(tuple(f for f in factors if f not in summed)))
    if summed:
        yield summed


def _stage(factor: Factor, rule: Rule) -> int:
    """When, in a gradient, a factor is multiplied in."""
    if is_unit(factor):
        # Layer 2's input is the hidden layer.
        return UNIT if hidden_layer(rule) else INPUT
    stages = {is_input: INPUT, is_weight: WEIGHT, is_output: OUTPUT}
    return next((stage for has, stage in stages.items() if has(factor)), INPUT)


def _instances(task: Task, term: Term) -> Iterator[Term]:
    """A term and, of a sum over a letter, its summands: they are made before."""
    yield term
    sizes = {"i": task.X.shape[1], "j": task.layers[0].units, "k": task.layers[-1].units}
    for letter in sorted({x for factor in term.factors for x in letters_of(factor.index)}):
        for place in range(sizes[letter]):
            factors = tuple(
                replace(f, index=tuple(place if axis == letter else axis for axis in f.index))
                for f in term.factors
            )
            yield replace(term, factors=factors)
