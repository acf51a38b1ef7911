"""Compare observed with expected values, and give a verdict on every check.

A verdict says which values are wrong and where, but not why: the cause is found by the diagnosis.
Messages contain no expected values, so that a report can hide these.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from gradkit.judge.comparison import Case, Earlier
from gradkit.judge.gradient import gradient
from gradkit.judge.steps import forward, interface, model, trajectory, update
from gradkit.records.result import Verdict

__all__ = ["Case", "judge"]

JUDGES: Mapping[str, Callable[[Case, Earlier], Verdict]] = {
    "interface": interface,
    "model": model,
    "forward": forward,
    "update": update,
    "gradient": gradient,
    "trajectory": trajectory,
}


def judge(
    case: Case, checks: Collection[str] | None = None, known: Collection[Verdict] = ()
) -> tuple[Verdict, ...]:
    """Return a verdict on each of the task's checks, or on the named checks, in the task's order.

    ``case`` has the task with the expected and the student's results. ``checks`` are names of
    checks; None for all. A verdict in ``known`` is returned unchanged.
    """
    given = {verdict.check: verdict for verdict in known}
    verdicts: dict[str, Verdict] = {}
    for check in case.task.checks:
        if checks is None or check.name in checks:
            verdicts[check.name] = given.get(check.name) or JUDGES[check.name](case, verdicts)
    return tuple(verdicts.values())
