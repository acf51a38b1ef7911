"""The audit of nets: wrong solutions are told, and changes of right ones that no check detects."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from model_solutions import REFERENCE
from msgspec.structs import replace

from gradkit.authoring.audit import audit
from gradkit.authoring.nets import NetModel
from gradkit.cli import main
from gradkit.judge import tolerances
from gradkit.records.task import Assignment, Audit, Equivalent, Layer, Start, Task, TaskAudit
from gradkit.report.exercise import to_text
from gradkit.task.assignment import DEFAULT, find_reference, read_assignment
from gradkit.task.oracle import load_reference

pytestmark = pytest.mark.sample(12)

OWN = read_assignment()


def task_of(name: str) -> Task:
    """One of the own assignment's tasks."""
    return next(task for task in OWN.tasks if task.id == name)


def alone(task: Task, reference: Path | None = REFERENCE) -> TaskAudit:
    """The audit of an assignment with this task alone."""
    (found,) = audit(replace(OWN, tasks=(task,)), reference).tasks
    return found


def only(task: Task, *checks: str) -> Task:
    """The task with some of its checks."""
    return replace(task, checks=tuple(each for each in task.checks if each.name in checks))


def slipped(found: TaskAudit) -> set[str]:
    """The changes that no check detects."""
    assert found.problems == ()
    return {mutant.change for mutant in found.unseen}


@pytest.fixture(scope="module")
def own() -> Audit:
    """The audit of gradkit's own assignment."""
    return audit(OWN, REFERENCE)


@pytest.mark.slow
def test_nothing_slips_through_the_own_assignment(own: Audit) -> None:
    """Every change is seen, and the correct code is not."""
    assert own.clean, own.tasks
    assert [task.tried for task in own.tasks] >= [90, 20, 110, 20]
    text = to_text(own)
    assert text.count("  The model solution agrees with the assignment. ") == 4
    assert text.endswith("\nEvery change is detected.\n")
    assert not any(line.startswith("  !") for line in text.splitlines())


def test_what_only_a_run_tells_is_seen_by_a_run() -> None:
    """Without the check of the update, and with it alone."""
    task = task_of("regression-numpy")
    assert slipped(alone(only(task, "forward", "trajectory"))) == set()
    assert slipped(alone(only(task, "trajectory"))) == set()
    unseen = slipped(alone(only(task, "forward")))
    assert {"y - y_hat -> y + y_hat", "parameters['W1'] -= WEIGHT_RATE * dW1 -> pass"} <= unseen
    assert "W.T @ A_prev + b -> W.T @ A_prev" not in unseen


def test_a_large_tolerance_lets_much_through() -> None:
    """Tolerances are part of what is audited. Even so, no step at all is no step."""
    task = only(task_of("regression-numpy"), "update")
    lenient = replace(task, checks=tuple(replace(each, tolerance=0.9) for each in task.checks))
    unseen = slipped(alone(lenient))
    assert "A1 * d_output -> A1" not in unseen
    assert any("d_output" in each for each in slipped(alone(only(task, "interface"))))
    assert len(unseen) > len(slipped(alone(only(task, "update", "forward"))))


def test_a_tolerance_that_the_correct_code_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could pass: that is no clean assignment."""
    monkeypatch.setattr(
        tolerances, "change_tolerance", lambda c, b, eps, least, units: np.full(c.shape, -1.0)
    )
    found = audit(replace(OWN, tasks=(only(task_of("regression-numpy"), "update"),)), REFERENCE)
    assert not found.clean
    assert "      The model solution does not pass update.\n" in to_text(found)


@pytest.mark.slow
def test_one_epoch_of_torch_is_too_little() -> None:
    """Without the gradient check and with one epoch, gathered gradients are not seen."""
    pytest.importorskip("torch")
    task = only(task_of("regression-torch"), "model", "forward", "trajectory")
    gathered = "optimizer.zero_grad() -> pass"
    assert gathered in slipped(alone(replace(task, epochs=1)))
    assert gathered not in slipped(alone(task))


def test_a_free_rate_is_no_mistake() -> None:
    """Under the policy `free`, one rate for all weights and one for all biases is right."""
    task = only(task_of("regression-numpy"), "forward", "update")
    found = alone(replace(task, rates=replace(task.rates, policy="free")))
    assert (slipped(found), found.equivalent) == (set(), 3)
    assert alone(task).equivalent == 0


def deep(folder: Path) -> Assignment:
    """An assignment on three layers, which no rule of the catalogue speaks of, and its solution."""
    task = task_of("regression-numpy")
    generator = np.random.default_rng(0)
    shapes = {"W1": (2, 2), "b1": (2, 1), "W2": (2, 2), "b2": (2, 1), "W3": (2, 1), "b3": (1, 1)}
    start = Start("random", {key: generator.normal(0, 0.1, shape) for key, shape in shapes.items()})
    layers = (Layer(2, "linear"), Layer(2, "linear"), Layer(1, "linear"))
    (folder / task.solution).write_text(DEEP, encoding="utf-8")
    return replace(OWN, tasks=(replace(task, layers=layers, starts=(start,)),))


DEEP = '''
def L_layer_forward(X, parameters):
    """Return the output, and the input of the last layer."""
    A = X
    for layer in (1, 2, 3):
        A_prev, A = A, parameters[f"W{layer}"].T @ A + parameters[f"b{layer}"]
    return A, A_prev


def update_parameters(parameters, y, y_hat, A2, X):
    """Take one step."""
    A1 = parameters["W1"].T @ X + parameters["b1"]
    dZ3 = -2 * (y - y_hat)
    dZ2 = parameters["W3"] * dZ3
    dZ1 = parameters["W2"] @ dZ2
    for layer, A, dZ in ((1, X, dZ1), (2, A1, dZ2), (3, A2, dZ3)):
        parameters[f"W{layer}"] -= 0.001 * (A @ dZ.T if layer < 3 else A * dZ)
        parameters[f"b{layer}"] -= 0.01 * dZ
'''


def test_deep_nets_are_audited(tmp_path: Path) -> None:
    """As any: it is the text of their solutions that is changed."""
    found = audit(deep(tmp_path), tmp_path)
    assert found.clean, found.tasks
    assert found.tasks[0].tried > 50


def test_equivalent_changes_of_a_net(tmp_path: Path) -> None:
    """Are left out as those of functions are."""
    task = only(task_of("regression-numpy"), "forward")
    entry = Equivalent(line="dW2 = A1 * d_output ", why="it is not asked")
    without, found = alone(task), alone(replace(task, equivalent=(entry,)))
    left = {mutant.source for mutant in without.unseen} - {m.source for m in found.unseen}
    assert (left, found.stale) == ({"dW2 = A1 * d_output"}, ())
    assert found.equivalent == len(without.unseen) - len(found.unseen)
    stale = alone(replace(task_of("regression-numpy"), equivalent=(entry,))).stale
    assert stale == ("dW2 = A1 * d_output: a check detects it",)


def test_what_stops_or_gives_other_shapes_is_seen() -> None:
    """Whatever comes of a change, judging it does not fail."""
    task = task_of("regression-numpy")
    model = NetModel(task, REFERENCE)
    module = load_reference(task, REFERENCE, "correct").module  # type: ignore[attr-defined]
    assert list(model.failed(module)) == [""]
    module.L_layer_forward = lambda X, parameters: (X[0], X)
    assert list(model.failed(module)) == ["shapes"]
    module.L_layer_forward = None
    assert list(model.failed(module)) == ["calling"]


def test_a_wrong_model_solution_is_told(tmp_path: Path) -> None:
    """The reference is held against the assignment file."""
    shutil.copytree(REFERENCE, tmp_path / "reference")
    path = tmp_path / "reference" / "regression_numpy.py"
    text = path.read_text(encoding="utf-8")
    assignment = replace(OWN, tasks=(task_of("regression-numpy"),))
    assert audit(assignment, path.parent).clean
    path.write_text(text.replace("0.01", "0.02"), encoding="utf-8")
    wrong = audit(assignment, path.parent)
    assert not wrong.clean
    told = to_text(wrong)
    assert (
        "  ! The model solution regression_numpy.py does not agree with the assignment:\n" in told
    )
    assert "regression-numpy: the model solution and the assignment file disagree on" in told


def test_without_a_folder_nothing_is_claimed_to_be_right() -> None:
    """Silence would read as agreement."""
    found = audit(OWN, None)
    assert not found.clean
    sentence = "! The model solution was not checked. Give its folder with --reference."
    assert to_text(found).count(sentence) == 4


def test_the_reference_of_a_checkout_goes_with_the_own_assignment_alone(tmp_path: Path) -> None:
    """Another assignment has other solutions."""
    assert find_reference(None, None) == REFERENCE
    assert find_reference(DEFAULT, None) == REFERENCE
    assert find_reference(tmp_path / "assignment.toml", None) is None
    assert find_reference(DEFAULT, tmp_path) == tmp_path


def test_model_solutions_are_looked_for_beside_the_assignment_file(tmp_path: Path) -> None:
    """In ``reference``, as they are written down; a folder that is named comes first."""
    (tmp_path / "reference").mkdir()
    file = tmp_path / "assignment.toml"
    assert find_reference(file, None) == tmp_path / "reference"
    assert find_reference(file, tmp_path) == tmp_path


def test_the_command_says_what_slips_and_fails(tmp_path: Path) -> None:
    """Exit code 1, with the changes marked."""
    for source in DEFAULT.parent.glob("*.csv"):
        shutil.copy(source, tmp_path)
    text = DEFAULT.read_text(encoding="utf-8")
    text = text[: text.index('[[tasks]]\nid = "regression-torch"')]
    text = text.replace(", update = 6, gradient = 5, trajectory = 4", "")
    path = tmp_path / "assignment.toml"
    path.write_text(text, encoding="utf-8")
    asked = ["audit", "--assignment", str(path), "--reference", str(REFERENCE)]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 1
    assert "  ! no check detects these changes of regression_numpy.py:" in result.output
    assert result.output.endswith("Correct the lines marked ! before students get this exercise.\n")


def test_the_command_refuses_a_wrong_file(tmp_path: Path) -> None:
    """Exit code 2, with the sentence of the reader."""
    path = tmp_path / "none.toml"
    result = CliRunner().invoke(main, ["audit", "--assignment", str(path)])
    assert result.exit_code == 2
    assert f"gradkit: {path}: cannot be read" in result.output
