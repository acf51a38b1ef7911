"""The model solutions earn full marks on any seed, and an untouched template none."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from model_solutions import REFERENCE, ROOT, source
from soak import SIZE
from told import full, not_passed, script, states

from gradkit.cli import main

pytestmark = pytest.mark.sample(9)

TASKS = (
    "regression-numpy",
    "classification-numpy",
    "regression-torch",
    "classification-torch",
)
ORACLES = {"reference": {"reference": REFERENCE}, "derived": {}}
TEMPLATE = ROOT / "student_template"

MISTAKES = {
    "regression-numpy": ("dW1 = X @ d_hidden.T", "dW1 = d_hidden @ X.T", "update"),
    "classification-numpy": ("dW2 = A1 *", "dW2 = A1[::-1] *", "update"),
    "regression-torch": ("optimizer.zero_grad()", "pass", "trajectory"),
    "classification-torch": ("torch.sigmoid(self.output(A1))", "self.output(A1).tanh()", "forward"),
}


def solution(task: str) -> Path:
    """Where the model solution of a task is."""
    return REFERENCE / f"{task.replace('-', '_')}.py"


def available(task: str) -> None:
    """Skip torch tasks where there is no torch."""
    if task.endswith("torch"):
        pytest.importorskip("torch")


@pytest.mark.sample(24)
@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize("task", TASKS)
def test_model_solution_earns_full_marks(grade, task: str, oracle: str) -> None:
    """Against itself and against what is derived from the task file, on a handful of seeds."""
    available(task)
    for seed in range(3):
        result = grade(solution(task), seed=seed, **ORACLES[oracle])
        assert [t.task for t in result.tasks] == [task]
        assert full(result), (seed, not_passed(result))
        assert (result.score, result.max_score, result.seed) == (20, 20, seed)
        assert (result.oracle, result.provisional) == (oracle, oracle == "derived")


@pytest.mark.slow
@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize("task", TASKS)
def test_model_solution_earns_full_marks_on_many_seeds(grade, task: str, oracle: str) -> None:
    """No seed draws probes at which a right solution is accused."""
    available(task)
    for seed in range(20 * SIZE):
        result = grade(solution(task), task, seed=1000 + seed, **ORACLES[oracle])
        assert full(result), (seed, not_passed(result))


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_spoilt_model_solution_does_not(grade, tmp_path: Path, task: str) -> None:
    """One mistake fails its check on every seed, under either oracle."""
    available(task)
    right, wrong, check = MISTAKES[task]
    name = task.replace("-", "_")
    text = source(name)
    assert text.count(right) == 1
    path = script(tmp_path, text.replace(right, wrong), f"{name}.py")
    for seed in range(3):
        for settings in ORACLES.values():
            result = grade(path, seed=seed, **settings)
            assert states(result)[check] == "fail"
            assert result.score < 20


def test_untouched_template_earns_nothing(grade) -> None:
    """Each role is named as unwritten; nothing is an error."""
    pytest.importorskip("torch")
    result = grade(TEMPLATE)
    assert (result.score, result.max_score) == (0, 80)
    assert {task.task for task in result.tasks} == set(TASKS)
    for task in result.tasks:
        assert {check.state for check in task.checks} <= {"missing", "blocked"}
    texts = " ".join(message for *_, message in not_passed(result))
    for name in (
        "`initialise_parameters` is not written yet.",
        "`L_layer_forward` is not written yet.",
        "`update_parameters` is not written yet.",
        "`Model` is not written yet.",
    ):
        assert name in texts


@pytest.mark.usefixtures("warm")
def test_untouched_template_at_the_command_line() -> None:
    """Exit 1, a readable list on standard output, no traceback anywhere."""
    pytest.importorskip("torch")
    done = CliRunner().invoke(main, ["check", str(TEMPLATE), "--no-reference"])
    assert isinstance(done.exception, SystemExit)
    assert done.exit_code == 1
    assert done.stderr == ""
    assert done.stdout.startswith("student_template  0 / 80 ")
    assert "`update_parameters` is not written yet." in done.stdout
    assert "Traceback" not in done.stdout
    assert "NotImplementedError" not in done.stdout


def test_solved_template_earns_full_marks(grade, tmp_path: Path) -> None:
    """The starter files' own shape is a shape that can be graded."""
    for task in ("regression-numpy", "classification-numpy"):
        name = task.replace("-", "_")
        script(tmp_path, source(name), f"{name}.py")
    result = grade(tmp_path)
    assert full(result), not_passed(result)
    assert result.max_score == 40
