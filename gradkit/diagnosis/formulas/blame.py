"""Find the operation of a trace in which a mistake in a product is made.

The correct rule gives the value that an entry should have. Going backwards through the operations,
it gives the value that each intermediate number should have if that number alone were wrong. Of the
numbers that no correct result depends on, the operation to name is the first that is no partial
product of the correct gradient but should be one. If there is none, it is the first partial product
that lacks a factor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gradkit.diagnosis.formulas.case import (
    INPUT,
    LOSS,
    NEAR,
    OUTPUT,
    Case,
    PartialProducts,
    differ_in_shared_axis,
    is_equal,
    partial_products,
)
from gradkit.diagnosis.formulas.pairs import SUM_MISTAKES
from gradkit.diagnosis.rules.evaluate import rule_values
from gradkit.diagnosis.rules.program import collect_ancestors
from gradkit.diagnosis.trace import apply_operation
from gradkit.records.result import UNEXPLAINED
from gradkit.records.rule import Entry, Made, Steps
from gradkit.records.submission import Place
from gradkit.records.task import Array

WRONG_LOSS = "wrong-loss"
"""A mistake that lies before the last activation's derivative, if that is computed separately."""

At = tuple[int, Place | None]
"""The number of an operation, and the line to name instead of the operation's, if any."""

Inverse = Callable[[Array, Array, Array], tuple[Array | None, Array | None]]

_INVERSES: Mapping[str, Inverse] = {
    "add": lambda w, a, b: (w - b, w - a),
    "sub": lambda w, a, b: (w + b, a - w),
    "mul": lambda w, a, b: (w / b, w / a),
    "truediv": lambda w, a, b: (w * b, a / w),
    "power": lambda w, a, b: (np.sign(a) * np.abs(w) ** (1 / b), None),
    "exp": lambda w, a, b: (np.log(w), None),
    "log": lambda w, a, b: (np.exp(w), None),
    "sqrt": lambda w, a, b: (w**2, None),
    "tanh": lambda w, a, b: (np.arctanh(w), None),
}
"""For each operation, the value that each operand alone should have for the result ``w``."""


def required_operands(step: Made, want: Array, values: Array) -> tuple[Array | None, ...]:
    """Return the value that each operand alone should have to give a step the result ``want``.

    ``step`` is a recorded operation, and ``values`` (operations, calls) has the actual values of
    all operations. None stands for an operand that cannot be computed, as for all operands of an
    operation that is not in `_INVERSES`.
    """
    if step.operation not in _INVERSES:
        return (None,) * len(step.into)
    with np.errstate(all="ignore"):
        return _INVERSES[step.operation](want, *values[[*step.into]])


def required_values(
    steps: Steps, values: Array, operations: Sequence[int], root_value: Array
) -> dict[int, Array]:
    """Return the value that each operation would need so that the last one has its correct value.

    All other operations stay as they are. ``steps`` is a trace, ``values`` has the traced values of
    its operations, (operations, calls), and ``operations`` are the numbers to consider, in order.
    The last of these should have the value ``root_value`` (calls,). The result maps the number of
    an operation to its needed value.

    An operation is left out if no value is known or finite, or if two later operations need
    different values of it. Its operands are then left out too, unless another operation needs a
    value of them.
    """
    by_operation: dict[int, Array | None] = dict.fromkeys(operations[-1:], root_value)
    for number in reversed(operations):
        want = by_operation.get(number)
        step = steps.made[number]
        if want is None or not step.into:
            continue
        for operand, required in zip(step.into, required_operands(step, want, values), strict=True):
            if required is None or not np.isfinite(required).all():
                by_operation[operand] = None
            elif operand not in by_operation:
                by_operation[operand] = required
            elif (known := by_operation[operand]) is None or not is_equal(known, required, NEAR):
                by_operation[operand] = None
    return {n: want for n in operations if (want := by_operation.get(n)) is not None}


class Blame:
    """Finds the operations in which one mistake is made."""

    def __init__(self, case: Case) -> None:
        """Store the case, and collect the operations and names that correct results depend on.

        ``case`` is one mistake in the trace of one call.
        """
        self._case, self._steps, self._values = case, case.steps, case.steps.values
        entries = {case.redirected.get(entry, entry) for entry in case.slip.entries}
        roots: tuple[list[int], list[int]] = ([], [])
        for entry, root in case.steps.after.items():
            roots[entry in entries].append(root)
        self._right = collect_ancestors(case.steps.made, roots[False], roots[True])
        # A name that right entries use too has the right value.
        spots = (spot for n in self._right if case.is_computed(n) for spot in case.steps.spots[n])
        self._right_names = frozenset().union(*(spot.names for spot in spots))
        self._everywhere = len(case.slip.entries) == len(case.applied)
        self._parts: dict[Entry, PartialProducts] = {}
        self._operations: dict[int, set[int]] = {}
        self._corrected: dict[int, tuple[Array, Place | None]] = {}

    def operations_of(self, entry: Entry) -> list[int]:
        """Return the numbers of the operations that compute an entry's new value, in order.

        If the entry depends on another entry's new value, the operations that only compute that
        value are left out.
        """
        root = self._case.root(entry)
        if root not in self._operations:
            other_roots = {*self._steps.after.values()} - {root}
            self._operations[root] = collect_ancestors(self._steps.made, [root], other_roots)
        return sorted(self._operations[root])

    def is_right_elsewhere(self, number: int) -> bool:
        """Return whether the line of operation ``number`` also computed part of a right entry."""
        spots = self._steps.spots
        return any(spots[each][:1] == spots[number][:1] for each in self._right - {number})

    def is_right(self, entry: Entry) -> bool:
        """Return whether an entry has the correct value in this trace."""
        return is_equal(self._values[self._case.root(entry)], self._correct_value(entry), NEAR)

    def _correct_value(self, entry: Entry, *, jointly: bool = False) -> Array:
        """Return the new value (calls,) that an entry would have if this mistake were corrected.

        If the student's code writes this entry's change to another entry, or another entry's change
        to this one, the result is the traced value with this entry's change corrected. If
        ``jointly``, the changes of all wrong entries that are written to the same entry are
        corrected.
        """
        case, root = self._case, self._case.root(entry)
        if entry not in {*case.redirected, *case.redirected.values()}:
            return rule_values(case.table, case.without[entry])
        total: Array = self._values[root]
        for other in case.slip.entries:
            if other == entry or (jointly and case.root(other) == root):
                correct, observed = (
                    rule_values(case.table, rules[other]) for rules in (case.without, case.applied)
                )
                total = total + correct - observed
        return total

    def _candidates(self, entry: Entry) -> list[tuple[int, Array]]:
        """Return the wrong operations of an entry, each as its number and its right value.

        They come in the order of the trace. The right value (calls,) is that of `required_values`.
        Left out are operations that the new value of a right entry depends on, and operations that
        should be 0.
        """
        required = required_values(
            self._steps, self._values, self.operations_of(entry), self._correct_value(entry)
        )
        return [
            (number, value)
            for number, value in required.items()
            if number not in self._right
            and self._case.is_computed(number)
            and not is_equal(self._values[number], value, NEAR)
            # A value that should be 0 is only rounding, which may resemble any product.
            and np.abs(value).max() > NEAR * np.abs(self._values[number]).max()
        ]

    def products_of(self, entry: Entry) -> PartialProducts:
        """Return the partial products of the right change of an entry, computed once.

        A partial product is the product of some of the factors, as code computes it on the way. For
        a net with one output and a cross-entropy loss, the result also has products with the
        derivative of the loss alone, without that of the sigmoid.
        """
        if entry not in self._parts:
            case, outputs = self._case, self._case.inputs.y_hat
            parts = [*partial_products(case, case.without[entry])]
            has_plain_error = all(key.count(OUTPUT) < 2 for key, _ in parts)
            if (
                has_plain_error
                and case.task.loss == "binary_cross_entropy"
                and outputs.shape[1] == 1
            ):
                # y − ŷ contains the sigmoid's derivative, which the loss alone lacks.
                slope = outputs[:, 0] * (1 - outputs[:, 0])
                parts += [((LOSS, *key), value / slope) for key, value in parts if OUTPUT in key]
            self._parts[entry] = PartialProducts(parts, case.near)
        return self._parts[entry]

    # --- factors -------------------------------------------------------------------------

    def find_factor(self, entry: Entry) -> At | None:
        """Return the operation of an entry with a wrong or missing factor, and a line to report.

        The line is one that assigns the name of a wrong operand; it is None if the operation's own
        line is to be reported. The correction is stored in this object: a later entry that becomes
        right by the same correction gets the same operation. The result is None if nothing is
        wrong, or if only the entry's last operation is wrong and no line assigns a wrong name.
        """
        corrected = self._corrected_in(entry)
        if corrected is not None:
            return corrected, self._corrected[corrected][1]
        products = self.products_of(entry)
        number, correct = self._first_wrong(entry, products) or (-1, None)
        if correct is None:
            return None
        named = self._find_name(number, correct, products)
        if named is None:
            self._corrected[number] = correct, None
            return None if number == self._case.root(entry) else (number, None)
        line, step, correct_operand = named
        is_input = not self._case.is_computed(step)
        self._corrected[step if is_input else number] = (
            correct_operand if is_input else correct,
            line,
        )
        return number, line

    def _first_wrong(self, entry: Entry, products: PartialProducts) -> tuple[int, Array] | None:
        """Return the first operation of an entry that should be a partial product and is not.

        A partial product is the product of some factors of the entry's right change. ``products``
        has all of them, see `products_of`. The result is the operation's number, with the value
        (calls,) that it should have. If all operations are partial products, the first that lacks a
        factor is returned; None if every operation is right or cannot be judged.
        """
        code, fallback, earliest_stage = self._case.slip.code, None, INPUT + 1
        for number, correct in self._candidates(entry):
            if number == self._case.root(entry):
                return fallback or (number, correct)
            missing_error = code == "missing-error"
            if (
                missing_error
                and self._find_name(number, correct, products, constant=True) is not None
            ):
                return number, correct
            expected_stages, actual_stages = (
                products.stages_of(correct),
                products.stages_of(self._values[number]),
            )
            is_sum = self._steps.made[number].operation in ("add", "sub")
            if expected_stages is None or (code in SUM_MISTAKES and not is_sum):
                continue
            if code == WRONG_LOSS and LOSS in expected_stages:
                fallback = number, correct
                continue
            if actual_stages is None or (
                products.has_complete_stages(expected_stages)
                and not products.has_complete_stages(actual_stages)
            ):
                return fallback if fallback and code == WRONG_LOSS else (number, correct)
            # A derivative alone is right; the operation that combines it with the rest is not.
            elif (
                (first_stage := min(actual_stages, default=OUTPUT)) < earliest_stage
                and products.has_complete_stages(expected_stages)
                and {*expected_stages} - {*actual_stages}
            ):
                missing = min({*expected_stages} - {*actual_stages})
                before = {stage for stage in products.whole if stage < missing}
                if before <= {*actual_stages} and code != UNEXPLAINED:
                    fallback, earliest_stage = (number, correct), first_stage
        return fallback

    def _corrected_in(self, entry: Entry) -> int | None:
        """Return the first operation of an entry that is corrected already, if that makes it right.

        Corrections are those that `find_factor` stored for other entries. The entry's new value is
        computed again with all of them. None if no correction is of an operation of this entry, or
        if its new value stays wrong.
        """
        operations = self.operations_of(entry)
        corrected = [number for number in operations if number in self._corrected]
        if not corrected:
            return None
        values: dict[int, Array] = {}
        for number in operations:
            step = self._steps.made[number]
            operands = [values.get(operand, self._values[operand]) for operand in step.into]
            values[number] = (
                apply_operation(step.operation, *operands) if operands else self._values[number]
            )
            if number in self._corrected:
                values[number] = self._corrected[number][0]
        right = self._correct_value(entry, jointly=True)
        return corrected[0] if is_equal(values[self._case.root(entry)], right, NEAR) else None

    # --- names ---------------------------------------------------------------------------

    def _find_name(
        self, number: int, want: Array, products: PartialProducts, *, constant: bool = False
    ) -> tuple[Place, int, Array] | None:
        """Return the line that assigns a wrong operand of operation ``number``, or None.

        The operand is wrong if it must be another partial product (of ``products``) to give the
        operation the value ``want``. The result is the line, the number of the operation that
        computes the operand, and the operand's correct value. If ``constant``, only names of
        constants count.
        """
        case, made = self._case, self._steps.made[number]
        code = case.slip.code
        for step, required in zip(
            made.into, required_operands(made, want, self._values), strict=True
        ):
            expected_stages = products.stages_of(required)
            if (
                required is None
                or expected_stages is None
                or products.stages_of(self._values[step]) == expected_stages
            ):
                continue
            if case.is_constant(step):
                is_one = code == "missing-weight" and self._values[step][0] == 1.0
                is_name = is_one or code in ("missing-error", UNEXPLAINED)
            else:
                is_input = code == "wrong-error" and not case.is_computed(step)
                is_name = not constant and (is_input or expected_stages == products.whole)
            size = 0.0 if case.is_constant(step) else None
            line = case.find_naming_line(number, size, self._right_names) if is_name else None
            if line is not None:
                return line, step, required
        return None

    # --- unexplained mistakes and constants ----------------------------------------------

    def find_unexplained(self, entry: Entry) -> At | None:
        """Return the wrong operation of an entry whose mistake is not in the catalogue.

        The result of `find_factor` comes first. If that is None, the entry's change must be a
        multiple of the right change; then the result is the multiplication by that ratio, or else
        the last operation that all wrong entries and no right entry depend on. The second item of
        the result is the line to report in place of the operation's own, or None. None if no
        operation is found.
        """
        case, location = self._case, self.find_factor(entry)
        if location is not None:
            return location
        before = case.before(entry)
        step, right = self._values[case.root(entry)] - before, self._correct_value(entry) - before
        ratio = step[0] / right[0]
        if not np.abs(step - ratio * right).max() <= NEAR * np.abs(step).max():
            return None
        return self._find_multiplication(entry, ratio, [1.0]) or self._last_common_operation(entry)

    def find_constant(self, entry: Entry) -> At | None:
        """Return the operation with the constant that makes an entry's change too large or small.

        The change is the right one times the ratio of the mistake. The second item is the line that
        assigns a wrong learning rate, or None. If no constant fits, the last operation that all
        wrong entries depend on is returned, but not for a mistake of the learning rate. None if
        nothing is found, or if every entry of the net has the wrong sign.
        """
        code, ratio = self._case.slip.code, self._case.detail(entry, "ratio")
        if code == "wrong-sign":
            return None if self._everywhere else self._find_multiplication(entry, -1.0, [])
        factor = ratio if isinstance(ratio, float) else 1.0
        location = self._find_multiplication(entry, factor, [] if code == "rate-ignored" else [1.0])
        return location or (
            self._find_rate(entry, factor) if "rate" in code else self._last_common_operation(entry)
        )

    def _find_rate(self, entry: Entry, ratio: float) -> At | None:
        """Return the last operation of an entry with the line that assigns its wrong learning rate.

        The wrong rate is ``ratio`` times the task's. None if no line assigns it, or if the wrong
        rate is the task's rate for an entry that is right.
        """
        case, rates = self._case, self._case.task.rates
        rates_by_kind = {"W": rates.weight, "b": rates.bias}
        wrong = abs(ratio) * rates_by_kind[entry[0][0]]
        if wrong in {rates_by_kind[e[0][0]] for e in case.applied if e not in case.slip.entries}:
            return None
        line = case.find_naming_line(case.root(entry), wrong)
        return None if line is None else (case.root(entry), line)

    def _find_multiplication(self, entry: Entry, ratio: float, scales: list[float]) -> At | None:
        """Return the first wrong product or quotient with a constant that explains ``ratio``.

        ``ratio`` is the entry's coefficient divided by the right one. The constant is negative for
        the ratio −1; for a positive ratio it equals the ratio times one of ``scales`` (right values
        of the constant) or times the learning rate. With the operation comes the line that assigns
        a wrong rate, else None. None if there is no such operation.
        """
        rates, code = self._case.task.rates, self._case.slip.code
        scales = [*scales, rates.weight if entry[0][0] == "W" else rates.bias]
        for number, _ in self._candidates(entry):
            step = self._steps.made[number]
            powers = {"mul": (1, 1), "truediv": (0, -1)}.get(step.operation, (0, 0))
            for operand, power in zip(step.into, powers, strict=True):
                constant = self._values[operand][0] ** power
                if not power or not self._case.is_constant(operand):
                    continue
                sizes = np.abs(np.multiply(ratio, scales))
                is_sign = constant < 0 and np.isclose(ratio, -1.0)
                if is_sign or (ratio > 0 and np.isclose(abs(constant), sizes, NEAR, 0.0).any()):
                    # A learning rate that correct entries use too is right where it is assigned.
                    has_name = "rate" in code and operand not in self._right
                    size = abs(float(self._values[operand][0]))
                    name = self._case.find_naming_line(number, size) if has_name else None
                    return number, name
        return None

    def _last_common_operation(self, entry: Entry) -> At | None:
        """Return the last operation on y − ŷ that all wrong entries and no right entry depend on.

        Wrong entries that differ from ``entry`` in the index of a common axis (input, hidden unit,
        output) are ignored. None if the remaining wrong entries belong to a single parameter, or
        depend on no common operation that computes from y − ŷ.
        """
        case, products = self._case, self.products_of(entry)
        wrong = [other for other in case.slip.entries if not differ_in_shared_axis(entry, other)]
        operations = [{*self.operations_of(other)} for other in wrong]
        several = len({parameter for parameter, _ in wrong}) > 1
        shared = set.intersection(*operations) - self._right if several else set()
        errors = [
            number
            for number in shared
            if OUTPUT in (products.stages_of(self._values[number]) or ())
        ]
        if not errors:
            return None
        last = max(errors)
        return (last, None) if case.is_computed(last) else None
