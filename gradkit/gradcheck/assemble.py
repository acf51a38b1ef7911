"""From columns of results to the records of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.judge import DISAGREE, UNKNOWN
from gradkit.gradcheck.noise import Floats
from gradkit.gradcheck.records import Direction, Entry, Verdict


@dataclass(frozen=True, slots=True)
class Columns:
    """Results of all entries, one array each, (entries,).

    They are written to while a check runs. ``resolution`` is absolute; ``left`` and ``right`` are
    NaN but where a ladder measured them.
    """

    estimate: Floats
    bound: Floats
    resolution: Floats
    verdict: NDArray[np.object_]
    reason: NDArray[np.object_]
    left: Floats
    right: Floats


def blank(entries: int) -> Columns:
    """Return columns of which nothing is known yet."""
    return Columns(
        estimate=np.full(entries, np.nan),
        bound=np.full(entries, np.inf),
        resolution=np.full(entries, np.inf),
        verdict=np.full(entries, UNKNOWN, dtype=object),
        reason=np.full(entries, "budget", dtype=object),
        left=np.full(entries, np.nan),
        right=np.full(entries, np.nan),
    )


def records(
    columns: Columns, claimed: Floats, shapes: Sequence[tuple[str, tuple[int, ...]]]
) -> tuple[Entry, ...]:
    """Return one record for each entry, in the order of the leaves.

    Parameters
    ----------
    columns : Columns
    claimed : float64 array, (entries,)
    shapes : sequence of (name, shape)
        The leaves in order.
    """
    with np.errstate(all="ignore"):
        size = np.fmax(np.abs(claimed), np.abs(columns.estimate))
        relative = np.where(size > 0, columns.resolution / size, np.inf)
    places = ((name, index) for name, shape in shapes for index in np.ndindex(shape))
    rows = zip(
        places,
        claimed.tolist(),
        columns.estimate.tolist(),
        columns.bound.tolist(),
        relative.tolist(),
        columns.verdict.tolist(),
        columns.reason.tolist(),
        columns.left.tolist(),
        columns.right.tolist(),
        strict=True,
    )
    return tuple(
        Entry(
            name,
            index,
            claim,
            estimate,
            bound,
            resolution,
            verdict,
            reason,
            (left, right) if reason == "kink" else None,
        )
        for (name, index), claim, estimate, bound, resolution, verdict, reason, left, right in rows
    )


def overall(parts: Sequence[Entry | Direction]) -> Verdict:
    """Return the verdict on all parts: the worst of them."""
    verdicts = {part.verdict for part in parts}
    if DISAGREE in verdicts:
        return "disagree"
    return "inconclusive" if UNKNOWN in verdicts else "agree"
