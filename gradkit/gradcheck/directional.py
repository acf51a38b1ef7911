"""A large gradient checked along random directions, from the preflight to the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradkit.gradcheck.assemble import overall, records
from gradkit.gradcheck.claims import largest_of, lay_out
from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.examine import examine
from gradkit.gradcheck.patterns import find_patterns, survey_patterns
from gradkit.gradcheck.preflight import Preflight
from gradkit.gradcheck.records import Entry, Report
from gradkit.gradcheck.report import drifted, notes
from gradkit.gradcheck.structure import Array, Parameters
from gradkit.gradcheck.survey import Surveyed, survey_all

FEW = 64
"""A wrong parameter of a large problem is looked at entry by entry if it has no more."""


def by_directions(
    evaluator: Evaluator,
    parameters: Parameters,
    claimed: Sequence[Array],
    seen: Preflight,
    rng: np.random.Generator,
) -> Report:
    """Check every parameter along directions, and look closer where one is wrong."""
    found = survey_all(evaluator, claimed, seen, seen.narrow, rng)
    directions = tuple(one for part in found for one in part.directions)
    doubted = any(one.verdict != "agree" for one in directions)
    steady = drifted(evaluator, seen, doubted).steady
    if doubted and seen.steady and not steady:
        directions = tuple(
            one
            if one.verdict == "agree"
            else replace(one, verdict="inconclusive", reason="not deterministic")
            for one in directions
        )
        found, seen = [], replace(seen, steady=False)
    entries = tuple(part.entry for part in found if part.entry is not None)
    looked, patterns = _closer(evaluator, parameters, claimed, seen, found)
    entries = tuple(one for one in entries if one.parameter not in looked) + tuple(
        one for rows in looked.values() for one in rows
    )
    return Report(
        verdict=overall(directions),
        entries=entries,
        directions=directions,
        patterns=patterns,
        notes=notes(seen, 1),
        evaluations=evaluator.count,
        noise=seen.sigma,
    )


def _closer(
    evaluator: Evaluator,
    parameters: Parameters,
    claimed: Sequence[Array],
    seen: Preflight,
    found: Sequence[Surveyed],
) -> tuple[dict[str, tuple[Entry, ...]], tuple[str, ...]]:
    """Look at each entry of small wrong parameters, and name patterns in large ones."""
    looked: dict[str, tuple[Entry, ...]] = {}
    patterns: list[str] = []
    filled = [i for i, array in enumerate(claimed) if array.size]
    for leaf, part in zip(filled, found, strict=False):
        wrong = any(one.verdict == "disagree" for one in part.directions)
        if not wrong:
            continue
        target = parameters.leaves[leaf]
        if 1 < target.array.size <= FEW and not part.alone:
            one = replace(seen, scales=seen.scales[leaf : leaf + 1])
            claims = lay_out(
                [claimed[leaf]],
                [evaluator.origin(leaf)],
                largest_of([claimed[leaf]]),
                one.scales,
                seen.narrow,
            )
            claims = replace(claims, leaf=np.full(target.array.size, leaf))
            columns, _ = examine(evaluator, claims, one)
            looked[target.name] = records(
                columns, claims.claimed, [(target.name, target.array.shape)]
            )
            here = replace(claims, leaf=np.zeros(target.array.size, dtype=np.intp))
            patterns += find_patterns(here, columns, [target])
        else:
            patterns += survey_patterns(target.name, claimed[leaf], part)
    return looked, tuple(patterns)
