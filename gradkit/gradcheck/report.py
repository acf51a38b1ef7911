"""Reports: what the reader ought to know about f, and an f of which nothing can be said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradkit.gradcheck.assemble import blank, records
from gradkit.gradcheck.claims import Claims, largest_of, lay_out
from gradkit.gradcheck.evaluate import BudgetSpent, Evaluator
from gradkit.gradcheck.noise import FLOAT64
from gradkit.gradcheck.preflight import Preflight
from gradkit.gradcheck.records import Entry, Report
from gradkit.gradcheck.roughness import LOST
from gradkit.gradcheck.structure import Array, Parameters

ALL_BELOW = 3000
"""Up to so many entries, each is looked at by itself, or reported by itself."""


def spread(evaluator: Evaluator, claimed: Sequence[Array], seen: Preflight) -> Claims:
    """Lay the claims out flat, on the scales that the preflight found."""
    points = [evaluator.origin(leaf) for leaf in range(len(claimed))]
    return lay_out(claimed, points, largest_of(claimed), seen.scales, seen.narrow)


def shapes(parameters: Parameters) -> list[tuple[str, tuple[int, ...]]]:
    """Return name and shape of every leaf, in order."""
    return [(leaf.name, leaf.array.shape) for leaf in parameters.leaves]


def notes(seen: Preflight, entries: int) -> tuple[str, ...]:
    """Say what the reader ought to know about f."""
    notes = []
    if not entries:
        notes.append("there is nothing to check: the parameters have no entries.")
    if not seen.steady:
        notes.append(
            "f gives different values for the same argument. Switch randomness off, or fix "
            "its seed inside f."
        )
    elif seen.sigma > LOST * FLOAT64 * max(abs(seen.base), seen.reach) and not seen.narrow:
        notes.append(
            f"f is rough: its values scatter by {seen.sigma:.1e}, where rounding alone would "
            f"make {FLOAT64 * abs(seen.base):.0e}. It may lose precision on the way, as "
            f"log(1 - a) does for a near 1."
        )
    return tuple(notes)


def unable(
    evaluator: Evaluator,
    parameters: Parameters,
    claimed: Sequence[Array],
    seen: Preflight,
    reason: str,
) -> Report:
    """Report that nothing can be said about any entry, for one reason."""
    total = sum(leaf.array.size for leaf in parameters.leaves)
    columns = blank(min(total, ALL_BELOW))
    columns.reason[:] = reason
    rows: tuple[Entry, ...] = ()
    if total <= ALL_BELOW:
        rows = records(columns, spread(evaluator, claimed, seen).claimed, shapes(parameters))
    note = () if not np.isnan(seen.base) or reason == "budget" else (f"f is {seen.base} there.",)
    return Report(
        verdict="inconclusive",
        entries=rows,
        directions=(),
        patterns=(),
        notes=(*note, *notes(seen, total)),
        evaluations=evaluator.count,
        noise=seen.sigma,
    )


def drifted(evaluator: Evaluator, seen: Preflight, doubted: bool) -> Preflight:
    """Look once more, where not all agrees, whether f is still what it was."""
    if not (doubted and seen.steady):
        return seen
    try:
        if evaluator.at_point() == seen.base:
            return seen
    except BudgetSpent:
        return seen
    return replace(seen, steady=False)
