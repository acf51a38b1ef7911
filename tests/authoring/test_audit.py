"""An audit catches assignments that mistakes slip through, and passes those that they do not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from gradkit.authoring.audit import FIRST_RUN, FIRST_STEP, audit
from gradkit.cli import main
from gradkit.diagnosis.mistakes.catalogue import CODES
from gradkit.judge import tolerances
from gradkit.records.mistake import Audit, TaskAudit
from gradkit.records.task import Assignment, Layer, Start, Task
from gradkit.report.exercise import to_text
from gradkit.task.assignment import DEFAULT, read_assignment
from gradkit.task.shipped import find_reference

pytestmark = pytest.mark.sample(4)

ROOT = Path(__file__).resolve().parents[2]
OWN = read_assignment()
EXCHANGED_UNITS = ("swapped-index", "W2 (unit 1)")
SWAPPED_INDEX = ("swapped-index", "W1[0,1] and W1[1,0]")


def task_of(name: str) -> Task:
    """One of the own assignment's tasks."""
    return next(task for task in OWN.tasks if task.id == name)


def alone(task: Task) -> TaskAudit:
    """The audit of an assignment with this task alone, without model solutions."""
    (found,) = audit(replace(OWN, tasks=(task,)), None).tasks
    return found


def only(task: Task, *checks: str, starts: int = 2) -> Task:
    """The task with some of its checks, and some of its starts."""
    kept = tuple(check for check in task.checks if check.name in checks)
    return replace(task, checks=kept, starts=task.starts[:starts])


def slipped(found: TaskAudit) -> set[str]:
    """Codes of the mistakes that no check catches."""
    return {trial.code for trial in found.trials if not trial.caught and not trial.allowed}


@pytest.fixture(scope="module")
def own() -> Audit:
    """The audit of gradkit's own assignment."""
    return audit(OWN, None)


@pytest.mark.slow
def test_nothing_slips_through_the_own_assignment(own: Audit) -> None:
    """Every mistake that a task has room for is caught, and the correct code is not."""
    assert own.clean
    assert [slipped(task) for task in own.tasks] == [set()] * 4
    assert [task.refused for task in own.tasks] == [()] * 4


@pytest.mark.slow
def test_every_mistake_is_tried_somewhere(own: Audit) -> None:
    """No code of the catalogue is left out by all four tasks."""
    assert {trial.code for task in own.tasks for trial in task.trials} == set(CODES)


@pytest.mark.slow
def test_forms_are_told_in_words(own: Audit) -> None:
    """Whoever reads them has not read gradkit."""
    forms = {(trial.code, trial.form) for task in own.tasks for trial in task.trials}
    assert forms >= {
        ("layer-repeated", "(runs layers 1, 1, 2)"),
        ("bias-sum-axis", "b1 (over the hidden units)"),
        ("extra-activation-derivative", "W1 and b1 (factors A1 · (1−A1))"),
        ("wrong-layer-input", "W2 (index 0, of output)"),
    }
    assert not any("hidden_" in form for _, form in forms)


@pytest.mark.slow
def test_the_published_first_step_is_blind_for_the_swapped_index(own: Audit) -> None:
    """With all weights alike and X = (8, 8), and not over the whole run."""
    for task in (own.tasks[0], own.tasks[2]):
        unseen = {where: {(t.code, t.form) for t in trials} for where, trials in task.blind.items()}
        assert unseen[FIRST_STEP] >= {SWAPPED_INDEX, EXCHANGED_UNITS}
        assert EXCHANGED_UNITS in unseen[FIRST_RUN]
        assert SWAPPED_INDEX not in unseen[FIRST_RUN]


@pytest.mark.slow
def test_gathered_gradients_show_from_the_second_step_on(own: Audit) -> None:
    """One epoch of training says nothing about `zero_grad`, or what is added up over epochs."""
    assert {trial.code for trial in own.tasks[1].blind[FIRST_STEP]} == {
        "missing-zero-grad",
        "momentum",
        "recorded-loss",
    }


def test_one_symmetric_start_lets_nothing_through() -> None:
    """An assignment that publishes no other run: one is drawn, which tells units apart.

    The published run alone is still told to be blind.
    """
    found = alone(only(task_of("regression-numpy"), "forward", "trajectory", starts=1))
    assert slipped(found) == set()
    unseen = {trial.code for trial in found.blind[FIRST_RUN]}
    assert {"swapped-index", "wrong-index", "wrong-source-entry"} <= unseen
    assert "updated-before-use" not in unseen


def test_an_asymmetric_start_alone_is_enough() -> None:
    """The twin of the above: the same checks, the other start."""
    task = only(task_of("regression-numpy"), "forward", "trajectory")
    assert slipped(alone(replace(task, starts=task.starts[1:]))) == set()


def test_without_a_forward_check_runs_show_a_wrong_forward() -> None:
    """Nobody replaces the wrong forward pass, so that its own runs are what is judged."""
    task = only(task_of("classification-numpy"), "trajectory")
    found = alone(task)
    assert "wrong-sigmoid-sign" not in slipped(found)
    assert "missing-bias" not in slipped(found)
    step = replace(task, X=task.X[:1], y=task.y[:1], epochs=1, starts=task.starts[:1])
    found = alone(step)
    assert "missing-bias" in {trial.code for trial in found.blind[FIRST_STEP]}
    assert "missing-bias" not in slipped(found)


def test_a_large_tolerance_lets_everything_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tolerances are part of what is audited. Even so, no step at all is no step."""
    task = only(task_of("regression-numpy"), "update")
    assert "updated-before-use" not in slipped(alone(task))
    monkeypatch.setattr(
        tolerances, "change_tolerance", lambda c, b, eps, least, units: 0.9 * np.abs(c) + 1e-3
    )
    assert "nothing-updated" not in slipped(alone(task))
    assert "updated-before-use" in slipped(alone(task))


def test_a_tolerance_that_the_correct_code_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could pass: that is no clean assignment."""
    monkeypatch.setattr(
        tolerances, "change_tolerance", lambda c, b, eps, least, units: np.full(c.shape, -1.0)
    )
    assignment = replace(OWN, tasks=(only(task_of("regression-numpy"), "update"),))
    found = audit(assignment, None)
    assert not found.clean
    assert "! The correct behaviour itself does not pass update." in to_text(found)


def test_one_epoch_of_torch_is_too_little() -> None:
    """Without the gradient check and with one epoch, gathered gradients are not seen."""
    task = only(task_of("regression-torch"), "model", "forward", "trajectory")
    assert slipped(alone(replace(task, epochs=1))) >= {"missing-zero-grad", "momentum"}
    assert slipped(alone(task)) == set()


def test_a_free_rate_is_no_mistake() -> None:
    """Under the policy `free`, one rate for all weights and one for all biases is right."""
    task = only(task_of("regression-numpy"), "forward", "update")
    found = alone(replace(task, rates=replace(task.rates, policy="free")))
    allowed = {trial.code for trial in found.trials if trial.allowed}
    assert allowed == {"wrong-factor", "wrong-learning-rate"}
    assert slipped(found) == set()
    assert "uneven-learning-rate" in {trial.code for trial in found.trials if trial.caught}


def deep() -> Assignment:
    """An assignment on three layers, which no rule of the catalogue speaks of."""
    task = task_of("regression-numpy")
    generator = np.random.default_rng(0)
    shapes = {"W1": (2, 2), "b1": (2, 1), "W2": (2, 2), "b2": (2, 1), "W3": (2, 1), "b3": (1, 1)}
    start = Start("random", {key: generator.normal(size=shape) for key, shape in shapes.items()})
    layers = (Layer(2, "linear"), Layer(2, "tanh"), Layer(1, "linear"))
    return replace(OWN, tasks=(replace(task, layers=layers, starts=(start,)),))


def test_a_net_without_predictions_is_not_called_clean() -> None:
    """What was not tried may slip through, and the audit says so."""
    found = audit(deep(), None)
    assert not found.clean
    assert "! The mistakes were not tried. regression-numpy: rules are known" in to_text(found)


def test_a_wrong_model_solution_is_told(tmp_path: Path) -> None:
    """The reference is held against the assignment file."""
    shutil.copytree(ROOT / "reference", tmp_path / "reference")
    path = tmp_path / "reference" / "regression_numpy.py"
    text = path.read_text(encoding="utf-8")
    assignment = replace(OWN, tasks=(task_of("regression-numpy"),))
    (right,) = audit(assignment, path.parent).tasks
    assert (right.verified, right.solution) == (True, "")
    path.write_text(text.replace("0.01", "0.02"), encoding="utf-8")
    wrong = audit(assignment, path.parent)
    assert not wrong.clean
    assert "! regression-numpy: the model solution and the assignment file dis" in to_text(wrong)


@pytest.mark.slow
def test_without_a_folder_no_solution_is_claimed_to_be_right(own: Audit) -> None:
    """Silence would read as agreement."""
    assert not any(task.verified for task in own.tasks)
    assert to_text(own).count("No model solution was looked at.") == 4


def test_the_reference_of_a_checkout_goes_with_the_own_assignment_alone(tmp_path: Path) -> None:
    """Another assignment has other solutions."""
    assert find_reference(None, None) == ROOT / "reference"
    assert find_reference(DEFAULT, None) == ROOT / "reference"
    assert find_reference(tmp_path / "assignment.toml", None) is None
    assert find_reference(DEFAULT, tmp_path) == tmp_path


@pytest.mark.slow
def test_the_text_lists_who_catches_what(own: Audit) -> None:
    """Each mistake once, below the checks that see it, and no page for what is in order."""
    lines = to_text(own).splitlines()
    at = lines.index("  Caught by update, trajectory, in 3 forms:")
    assert lines[at + 1] == "    wrong-factor; wrong-learning-rate"
    assert len(lines) < 100
    assert lines[-1] == "Nothing slips through."
    assert not any(line.startswith("  !") for line in lines)


def test_the_command_says_what_slips_and_fails(tmp_path: Path) -> None:
    """Exit code 1, with the mistakes marked."""
    for source in DEFAULT.parent.glob("*.csv"):
        shutil.copy(source, tmp_path)
    text = DEFAULT.read_text(encoding="utf-8")
    text = text[: text.index('[[tasks]]\nid = "regression-torch"')]
    text = text.replace("update = 12, gradient = 0, trajectory = 2", "trajectory = 14")
    text = text.replace("# --- what a", "[marking.tolerances]\ntrajectory = 0.9\n\n# --- what a")
    path = tmp_path / "assignment.toml"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(main, ["audit", "--assignment", str(path)])
    assert result.exit_code == 1
    assert "  ! slips through: swapped-index  W2 (unit 1)\n" in result.output
    assert result.output.endswith("before students see this: see the lines marked !.\n")


def test_the_command_refuses_a_wrong_file(tmp_path: Path) -> None:
    """Exit code 2, with the sentence of the reader."""
    path = tmp_path / "none.toml"
    result = CliRunner().invoke(main, ["audit", "--assignment", str(path)])
    assert result.exit_code == 2
    assert f"gradkit: {path}: cannot be read" in result.output
