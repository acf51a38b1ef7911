"""The public checks of a gradient given as arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from gradkit.gradcheck.assemble import overall, records
from gradkit.gradcheck.claims import is_narrow, largest_of, lay_out
from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.examine import examine
from gradkit.gradcheck.preflight import preflight
from gradkit.gradcheck.records import Report
from gradkit.gradcheck.structure import Array, Parameters, align, unpack

ALL_BELOW = 3000
"""Up to so many entries, ``entries="auto"`` looks at each."""

Entries = Literal["auto", "all", "directions"]


def check_gradient(
    f: Callable[[Any], Any],
    params: Any,
    gradient: Any,
    *,
    names: Sequence[str] | None = None,
    seed: int | None = None,
    entries: Entries = "auto",
    budget: int | None = None,
) -> Report:
    parameters = unpack(params, names)
    if callable(gradient):
        gradient = gradient(
            parameters.build([leaf.array.copy(order="K") for leaf in parameters.leaves])
        )
    claimed = align(gradient, parameters)
    evaluator = Evaluator(f, parameters, budget)
    report = _check(evaluator, parameters, claimed, entries, seed)
    if not evaluator.intact():
        # f spoilt its argument somewhere off the point: everything is done again on copies.
        report = _check(evaluator, parameters, claimed, entries, seed)
    return report


def _check(
    evaluator: Evaluator,
    parameters: Parameters,
    claimed: Sequence[Array],
    entries: Entries,
    seed: int | None,
) -> Report:
    leaves = parameters.leaves
    largest = largest_of(claimed)
    narrow = is_narrow(claimed)
    rng = np.random.default_rng(seed or 0)
    seen = preflight(evaluator, largest, rng, narrow)
    points = [evaluator.origin(i) for i in range(len(leaves))]
    claims = lay_out(claimed, points, largest, seen.scales, seen.narrow)
    columns, seen = examine(evaluator, claims, seen)
    entry_records = records(
        columns, claims.claimed, [(leaf.name, leaf.array.shape) for leaf in leaves]
    )
    return Report(overall(entry_records), entry_records, (), (), (), evaluator.count, seen.sigma)
