"""A gradient checked entry by entry, from the preflight to the report."""

from __future__ import annotations

from collections.abc import Sequence

from gradkit.gradcheck.assemble import overall, records
from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.examine import examine
from gradkit.gradcheck.patterns import find_patterns
from gradkit.gradcheck.preflight import Preflight
from gradkit.gradcheck.records import Report
from gradkit.gradcheck.report import drifted, notes, shapes, spread
from gradkit.gradcheck.structure import Array, Parameters


def by_entries(
    evaluator: Evaluator, parameters: Parameters, claimed: Sequence[Array], seen: Preflight
) -> Report:
    """Check every entry by itself."""
    claims = spread(evaluator, claimed, seen)
    columns, seen = examine(evaluator, claims, seen)
    doubtful = columns.verdict != "agree"
    now = drifted(evaluator, seen, bool(doubtful.any()))
    if seen.steady and not now.steady:
        columns.verdict[doubtful], columns.reason[doubtful] = "inconclusive", "not deterministic"
    rows = records(columns, claims.claimed, shapes(parameters))
    return Report(
        verdict=overall(rows),
        entries=rows,
        directions=(),
        patterns=find_patterns(claims, columns, parameters.leaves),
        notes=notes(now, len(rows)),
        evaluations=evaluator.count,
        noise=now.sigma,
    )
