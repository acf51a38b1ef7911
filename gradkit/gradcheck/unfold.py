"""Derivatives put back into the shapes of the parameters, with what they are worth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.allowance import ROUGH, allowance, reasons
from gradkit.gradcheck.ladder import Derived
from gradkit.gradcheck.noise import Floats
from gradkit.gradcheck.records import Differences, Plan

FIELDS = ("estimate", "bound", "resolution", "status", "left", "right")


def unfold(
    plan: Plan,
    derived: Derived,
    outputs: tuple[int, ...],
    sigma: Floats,
    steady: NDArray[np.bool_],
) -> Differences:
    """Put the rows of a ladder's outcome back into the shapes of the parameters."""
    count = int(np.prod(outputs, dtype=int))
    estimate = derived.estimate.reshape(-1, count)
    bound = derived.bound.reshape(-1, count)
    size = np.nan_to_num(np.abs(estimate))
    spans = [(name, plan.point[name].size) for name in plan.names]
    scale = np.concatenate([np.full(n, plan.scales[name]) for name, n in spans] or [np.zeros(0)])
    rough = sigma > ROUGH * np.max(size * scale[:, None], axis=0, initial=0.0)
    why = reasons(
        bound,
        derived.noise.reshape(-1, count),
        derived.truncation.reshape(-1, count),
        derived.kink.reshape(-1, count),
        derived.stairs.reshape(-1, count),
        steady,
    )

    columns: dict[str, dict[str, NDArray[Any]]] = {field: {} for field in FIELDS}
    start = 0
    for name, entries in spans:
        rows = slice(start, start + entries)
        largest = np.max(size[rows], axis=0, initial=0.0)
        enough = 2 * bound[rows] <= allowance(size[rows], largest, rough)
        null = (largest == 0) | (bound[rows] * plan.scales[name] <= 2 * sigma)
        with np.errstate(all="ignore"):
            resolution = np.where(size[rows] == 0, np.inf, bound[rows] / size[rows])
        arrays = {
            "estimate": estimate[rows],
            "bound": bound[rows],
            "resolution": resolution,
            "status": np.where(enough | (null & np.isfinite(bound[rows])), "ok", why[rows]),
            "left": derived.left.reshape(-1, count)[rows],
            "right": derived.right.reshape(-1, count)[rows],
        }
        for field, array in arrays.items():
            columns[field][name] = array.reshape(plan.point[name].shape + outputs)
            columns[field][name].flags.writeable = False
        start += entries
    return Differences(**columns, evaluations=plan.size)
