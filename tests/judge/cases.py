"""Make cases for the judge: the results of a right submission, with some outcomes changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from msgspec.structs import replace

from gradkit.judge import Case, judge
from gradkit.judge.comparison import expected_of
from gradkit.records.result import Verdict
from gradkit.records.submission import (
    Binding,
    Bound,
    Convention,
    Missing,
    Observations,
    Outcome,
    Place,
    WrittenRate,
)
from gradkit.records.task import Probes, Task
from gradkit.task.assignment import read_assignment
from gradkit.task.oracle import Derived, Expected, expect
from gradkit.task.probes import draw

TASKS = {task.id: task for task in read_assignment().tasks}
PLACE, END = Place("a.py", None, 10), Place("a.py", None, 19)
NAMES = {
    "initialise": "init_params",
    "forward": "forward_pass",
    "update": "update_params",
    "model": "Net",
    "train": "fit",
}
RETURNS = {"forward": {"y_hat": (0,), "A1": (1,)}, "model": {"y_hat": ()}, "train": {"loss": ()}}
Change = Callable[[Outcome], Outcome]


def bound(role: str) -> Bound:
    """Return a function that plays a role. The parameter X of update is named ``x_``."""
    return Bound(
        role=role,
        function=NAMES[role],
        place=PLACE,
        arguments=(),
        names={"X": "x_"} if role == "update" else {},
        convention=Convention({key: key for key in ("W1", "b1", "W2", "b2")}),
        returns=RETURNS.get(role, {}),
        return_place=END,
    )


def case(
    name: str = "regression-numpy",
    *,
    seed: int = 0,
    missing: tuple[Missing, ...] = (),
    changes: Mapping[str, Change | None] | None = None,
    task: Task | None = None,
    takes_rate: bool = False,
) -> Case:
    """Return the case of a right submission with changed outcomes.

    ``changes`` has a function for the name of an outcome, or None to remove the outcome.
    """
    probes, expected = (
        _usual(name, seed, takes_rate) if task is None else _asked(task, seed, takes_rate)
    )
    task = task or TASKS[name]
    torch = task.framework.trains
    loop = "student" if torch else "gradkit"
    outcomes = {batch.name: Outcome(batch.name, expected[batch.name]) for batch in probes.forward}
    outcomes |= {batch.name: Outcome(batch.name, expected[batch.name]) for batch in probes.update}
    outcomes |= {
        run.name: Outcome(run.name, _single(expected[run.name], torch), loop=loop)
        for run in probes.runs
    }
    start = task.starts[0].parameters
    if torch:
        shapes = [v.T.shape if k[0] == "W" else v.shape[:1] for k, v in start.items()]
        outcomes["model"] = Outcome("model", {str(n): np.array(s) for n, s in enumerate(shapes)})
    else:
        given = {key: value[None] for key, value in start.items()}
        outcomes["initialise"] = Outcome("initialise", given)
    for outcome, change in (changes or {}).items():
        if change is None:
            del outcomes[outcome]
        else:
            outcomes[outcome] = change(outcomes[outcome])
    gone = {m.role for m in missing}
    roles = ("model", "train") if torch else ("initialise", "forward", "update")
    binding = Binding({r: bound(r) for r in roles if r not in gone}, missing)
    return observed(Case(task, binding, probes, Observations(task.id, {}), expected), outcomes)


def _asked(task: Task, seed: int, takes_rate: bool) -> tuple[Probes, Expected]:
    probes = draw(task, seed, Derived(task).forward, takes_rate)
    return probes, expect(Derived(task), probes)


@cache
def _usual(name: str, seed: int, takes_rate: bool) -> tuple[Probes, Expected]:
    return _asked(TASKS[name], seed, takes_rate)


def observed(made: Case, outcomes: Mapping[str, Outcome]) -> Case:
    """Return a case with other outcomes, and with expected values at the student's own rates."""
    expected = expected_of(made.task, Derived(made.task), made.probes, outcomes)
    return replace(made, observations=Observations(made.task.id, outcomes), expected=expected)


def with_rates(made: Case, *rates: float) -> Case:
    """Return a case whose text contains some learning rates, in lines 1, 2 and so on."""
    written = tuple(WrittenRate(each, Place("a.py", None, n)) for n, each in enumerate(rates, 1))
    return replace(made, binding=replace(made.binding, rates=written))


def _single(values: Mapping[str, np.ndarray], torch: bool) -> Mapping[str, np.ndarray]:
    """Convert parameters to float32 for a torch task."""
    if not torch:
        return values
    return {k: v.astype(np.float32) if k != "loss" else v for k, v in values.items()}


def verdicts(made: Case) -> dict[str, Verdict]:
    """Judge a case, and return the verdicts by check."""
    return {verdict.check: verdict for verdict in judge(made)}


def states(made: Case) -> dict[str, str]:
    """Judge a case, and return the states by check."""
    return {name: verdict.state for name, verdict in verdicts(made).items()}


def with_outputs(**outputs: Callable[[np.ndarray], np.ndarray | None]) -> Change:
    """Return a change of named outputs, where ``final_W1`` stands for ``final/W1``.

    The functions take the old value. If one returns None, the output is removed.
    """

    def change(outcome: Outcome) -> Outcome:
        made = dict(outcome.outputs)
        for name, how in outputs.items():
            key = name.replace("_W", "/W").replace("_b", "/b") if name.startswith("final") else name
            value = how(np.array(made[key]))
            if value is None:
                del made[key]
            else:
                made[key] = value
        return replace(outcome, outputs=made)

    return change


def add(amount: float, *index: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that adds a number to one entry of an array, in every probe."""

    def change(value: np.ndarray) -> np.ndarray:
        value = value.astype(float)
        value[(..., *index)] += amount
        return value

    return change
