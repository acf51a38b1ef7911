"""The line of what no rule explains: the first value that, times what is right, gives the step.

A gradient is a product. Whatever is wrong with a part of it, the step divided by the rest is what
the code took for that part. A value that is this, and not what is right, holds what is wrong.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from gradkit.diagnosis.attribute.case import Case
from gradkit.diagnosis.attribute.figure import CLOSE
from gradkit.diagnosis.attribute.product import OUTPUT, Pieces, pieces_of, stage_of
from gradkit.records.rule import Entry
from gradkit.records.task import Array


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
    wanted = _parts(case, step, pieces)
    hits = case.columns.proportional(wanted, entry)
    given = [event.values for event in case.columns.events if event.kind == "given"]
    found = {hit.event for several in hits for hit in several}
    return sorted(event for event in found if not _is_one_of(case, event, given))


def _parts(case: Case, step: Array, pieces: Pieces) -> Array:
    """What the code took for each part of a product, the rest of it being right: (calls, parts)."""
    elements = [(case.value(Counter([piece])), stage_of(piece, 1)) for piece in pieces.elements()]
    rests, errors = [np.ones_like(step)], [True]
    for value, stage in elements:
        rests += [rest * value for rest in rests]
        # Whether all that is made of the error is in the part, and not in the rest.
        errors += [error and stage != OUTPUT for error in errors]
    usable = [number for number, rest in enumerate(rests[:-1]) if np.all(rest)]
    parts = step[:, None] / np.stack([rests[n] for n in usable], axis=1)
    slope = _slope(case)
    if slope is None:
        return parts
    # Where the loss cancels the last activation's derivative, the error is what comes after it.
    of_error = [errors[n] for n in usable]
    return np.concatenate([parts, parts[:, of_error] / slope[:, None]], axis=1)


def _slope(case: Case) -> Array | None:
    outputs = case.inputs.y_hat
    if case.task.loss != "binary_cross_entropy" or outputs.shape[1] != 1:
        return None
    slope: Array = outputs[:, 0] * (1 - outputs[:, 0])
    return slope if np.all(slope) else None


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
