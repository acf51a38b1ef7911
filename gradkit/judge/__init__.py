"""Compare what was observed with what was expected, and give every check a state.

A verdict says what is off and where it was seen, never why: that is the diagnosis' word.
Sentences hold no expected value, so that a report may hide those.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from gradkit.judge.case import Case, Earlier
from gradkit.judge.gradient import gradient
from gradkit.judge.steps import forward, interface, model, update
from gradkit.judge.trajectory import trajectory
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
    """Return a verdict for each of the task's checks, or for the named ones, in the task's order.

    Those already ``known`` are taken as they are.
    """
    given = {verdict.check: verdict for verdict in known}
    verdicts: dict[str, Verdict] = {}
    for check in case.task.checks:
        if checks is None or check.name in checks:
            verdicts[check.name] = given.get(check.name) or JUDGES[check.name](case, verdicts)
    return tuple(verdicts.values())
