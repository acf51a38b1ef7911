"""Gradients have a third of a check at least, and each hard case costs a fifth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gradkit.grading.points import GRADIENTS, HARD_CASE, HARD_CASES, Scheme, mark, share, weights
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import CheckResult, Entry, Inquiry, State, Verdict
from gradkit.records.task import FunctionCheck, FunctionTask
from gradkit.sandbox import Workshop
from gradkit.task.assignment import BESIDE, exercises, read_assignment

Grade = Callable[[str, str, str], CheckResult]


def entry(name: str, state: State = "pass", hard_cases: int = 0) -> Entry:
    """Return the entry of an output."""
    return Entry(name, (), state, None, None, hard_cases=hard_cases)


def function_checks() -> list[FunctionCheck]:
    """Return all checks with a gradient of all exercises that are shipped."""
    tasks = [task for path in exercises().values() for task in read_assignment(path).functions]
    return [check for task in tasks for check in task.checks if check.gradient]


def test_gradients_of_shipped_exercises_have_a_third_of_their_check() -> None:
    """Whatever else is compared, and whatever input is changed in place."""
    checks = function_checks()
    assert len(checks) > 15
    for check in checks:
        outputs = [*check.compare, *(f"{name} left alone" for name in check.untouched)]
        verdict = Verdict(check.name, "fail", "", tuple(entry(name) for name in outputs))
        parts = dict(zip(outputs, weights(verdict, check.gradient), strict=True))
        assert sum(parts[name] for name in check.gradient) >= GRADIENTS - 1e-9
        assert sum(parts.values()) == pytest.approx(1)


def test_a_check_without_its_gradient_loses_a_third() -> None:
    """Of five outputs one is the gradient: without it a check of 6 points has 4, and 2 with it."""
    task = next(t for path in exercises().values() for t in read_assignment(path).functions)
    outputs = ("loss", "scores", "hidden", "shifted", "dW")
    check = FunctionCheck("loss", 6.0, compare=outputs, gradient={"dW": "W"}, of="loss")

    def points(*wrong: str) -> float:
        made: FunctionTask = type(task)(
            **{name: getattr(task, name) for name in task.__struct_fields__} | {"checks": (check,)}
        )
        entries = tuple(entry(name, "fail" if name in wrong else "pass") for name in outputs)
        verdict = Verdict("loss", "fail", "", entries)
        return mark(made, [verdict], Inquiry(), Scheme(0.25)).score

    assert points("dW") == 4
    assert points(*outputs[:-1]) == 2
    # A fifth is wrong, and what nothing explains costs a slip at least.
    assert points("loss") == 4.25


@pytest.mark.parametrize(("cases", "left"), [(1, 0.8), (2, 0.6), (5, 0.0), (7, 0.0)])
def test_each_hard_case_costs_a_fifth(cases: int, left: float) -> None:
    """Of the output's own share, and never more than all of it."""
    only = Verdict("loss", "fail", "", (entry("loss", "fail", cases),))
    assert share(only) == pytest.approx(left)
    both = Verdict("loss", "fail", "", (entry("loss", "fail", cases), entry("dW")))
    assert share(both, {"dW"}) == pytest.approx(0.5 * left + 0.5)


def test_code_that_stops_for_random_inputs_loses_an_output_at_least() -> None:
    """If its outputs are right without the statement that stops it. A hard case costs a fifth."""
    right = Verdict("loss", "error", "", (entry("loss"), entry("dW")))
    assert share(right) == 0.5
    hard = Verdict("loss", "error", "", (entry("loss", "fail", 1), entry("dW", "fail", 1)))
    assert share(hard) == pytest.approx(0.8)


@pytest.fixture
def grade(workshop: Workshop, tmp_path: Path) -> Grade:
    """Return ``grade(exercise, old, new)``, the check that fails after a change of the solution."""

    def graded(exercise: str, old: str, new: str) -> CheckResult:
        (model,) = (BESIDE / exercise).glob("*.py")
        text = model.read_text("utf-8")
        assert text.count(old) == 1
        (tmp_path / model.name).write_text(text.replace(old, new), "utf-8")
        settings = Settings(assignment=exercises()[exercise], seed=1, no_reference=True)
        with Session(settings, workshop) as session:
            result = session.check(tmp_path / model.name)
        checks = [check for task in result.tasks for check in task.checks]
        (failed,) = (check for check in checks if check.state != "pass")
        return failed

    return graded


SHIFT = "np.exp(scores - np.max(scores, axis=1, keepdims=True))"
PREDICTION = "    scores = X @ W\n"


@pytest.mark.parametrize(
    ("exercise", "old", "new", "score", "state"),
    [
        ("softmax-loss", SHIFT, "np.exp(scores)", 5.5, "fail"),
        ("batchnorm", "running_var + eps", "running_var", 1.5, "fail"),
        ("batchnorm", "np.sqrt(running_var + eps)", "(np.sqrt(running_var) + eps)", 1.5, "fail"),
        ("softmax-loss", PREDICTION, f"{PREDICTION}    assert len(X) > 1\n", 4.75, "error"),
    ],
)
def test_a_mistake_that_shows_in_one_hard_case_costs_a_fifth(
    grade: Grade, exercise: str, old: str, new: str, score: float, state: State
) -> None:
    """No shift in softmax, no eps, eps outside the root, and an assertion, with the reason."""
    check = grade(exercise, old, new)
    assert (check.score, check.state) == (score, state)
    assert HARD_CASES.format(share=HARD_CASE) in check.notes
