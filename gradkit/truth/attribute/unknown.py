"""The line of what no rule explains: the first value that, times what is right, gives the step.

A gradient is a product. Whatever is wrong with a part of it, the step divided by the rest is what
the code took for that part. A value that is this, and not what is right, holds what is wrong.
"""

from __future__ import annotations

import numpy as np

from gradkit.records.rule import Entry
from gradkit.records.task import Array
from gradkit.truth.attribute.case import Case
from gradkit.truth.attribute.figure import CLOSE
from gradkit.truth.attribute.product import OUTPUT, parts_of, pieces_of, stage_of


def wrong_values(case: Case, entry: Entry) -> list[int]:
    """Events that hold what is wrong with an entry's step, in their order.

    Empty where the step is right in the traced calls, or no one part of it is wrong.
    """
    terms = case.without[entry].terms
    step = case.after(entry) - case.before(entry)
    if len(terms) != 1 or not np.all(np.isfinite(step)):
        return []
    pieces = pieces_of(terms[0])
    right = case.value(pieces)
    if not np.any(right) or _proportional(step, right):
        return []
    wanted = []
    for part in parts_of(pieces):
        rest = case.value(pieces - part)
        if not part or not np.all(rest):
            continue
        wanted.append(step / rest)
        if any(stage_of(piece, 1) == OUTPUT for piece in part):
            wanted += _before_the_last_activation(case, step / rest)
    hits = case.columns.proportional(np.stack(wanted, axis=1), entry) if wanted else []
    given = [event.values for event in case.columns.events if event.kind == "given"]
    found = {hit.event for several in hits for hit in several}
    return sorted(event for event in found if not _is_one_of(case, event, given))


def _before_the_last_activation(case: Case, error: Array) -> list[Array]:
    """What was made into an error by an output's derivative, where the loss cancels that."""
    outputs = case.inputs.y_hat
    if case.task.loss != "binary_cross_entropy" or outputs.shape[1] != 1:
        return []
    slope = outputs[:, 0] * (1 - outputs[:, 0])
    return [error / slope] if np.all(slope) else []


def _is_one_of(case: Case, event: int, given: list[Array]) -> bool:
    values = case.columns.events[event].values
    return any(
        other.size == values.size and np.array_equal(other.ravel(), values.ravel())
        for other in given
    )


def _proportional(step: Array, right: Array) -> bool:
    row = int(np.argmax(np.abs(right)))
    off = np.abs(step - right * (step[row] / right[row])).max()
    return bool(off <= CLOSE * np.abs(step).max())
