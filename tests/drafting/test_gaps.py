"""Changes of a model solution that drafted checks do not detect: more inputs, or guesses."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gradkit.authoring.audit import audit_file
from gradkit.drafting import gaps
from gradkit.drafting.write import write_draft

pytestmark = pytest.mark.usefixtures("warm")

LOSSES = '''
import numpy as np


def softmax_loss(x, y):
    """Return the loss.

    - x: Scores, of shape (N, C)
    - y: Labels, of shape (N,), 0 <= y < C
    """
    loss = 0.0
    shifted = x - np.max(x, axis=1, keepdims=True)
    p = np.exp(shifted)
    p = p / p.sum(axis=1, keepdims=True)
    if x.ndim == 3:
        p = p * 2
    return -np.sum(np.log(p[np.arange(len(x)), y])) / len(x)


def cross_entropy(p, y):
    """Return the loss.

    - p: Probabilities, the sigmoid output, of shape (N, 1)
    - y: Labels, of shape (N, 1), boolean
    """
    p = np.clip(p, 1e-15, 1 - 1e-15)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def smooth(x):
    """Return a smooth absolute value.

    - x: Inputs, of shape (N, D)
    """
    return np.sqrt(x**2 + 900.0) - 30.0 + np.maximum(np.abs(x) - 50.0, 0.0)


def cube_forward(x):
    """Return the cube.

    - x: Inputs, of shape (N, D)
    """
    cache = (x, x**2)
    return x**3, cache


def momentum(w, dw, config):
    """Return the weights and the config after a step.

    - w: Weights, of shape (N, D)
    - dw: Gradients, of shape (N, D)
    """
    config.setdefault("rate", 0.25)
    v = config.get("velocity", np.zeros_like(w))
    config["velocity"] = 0.5 * v - config["rate"] * dw
    return w + config["velocity"], config


class Average:
    def __init__(self):
        self.mean = 0

    def forward(self, x):
        self.mean = self.mean * 0.9 + x
        return self.mean * 2
'''


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An assignment that is drafted from a handout."""
    folder = tmp_path_factory.mktemp("gaps")
    (folder / "losses.py").write_text(LOSSES, encoding="utf-8")
    write_draft(folder / "hw", folder / "losses.py")
    return folder / "hw" / "assignment.toml"


@pytest.fixture(scope="module")
def tasks(drafted: Path) -> dict[str, Any]:
    """The tasks of the drafted assignment file by id."""
    file = tomllib.loads(drafted.read_text(encoding="utf-8"))
    return {task["id"]: task for task in file["tasks"]}


@pytest.fixture(scope="module")
def unseen(drafted: Path) -> dict[str, set[str]]:
    """The changes that no check detects, by the id of the task; no entry is stale."""
    audit = audit_file(drafted, None)
    assert not any(task.stale or task.problems for task in audit.tasks)
    return {task.task: {mutant.change for mutant in task.unseen} for task in audit.tasks}


def test_changes_without_a_difference_are_guessed(tasks: dict[str, Any], drafted: Path) -> None:
    """An initial value that is not used, and a minimum for a maximum, are no mistakes."""
    found = {entry["change"]: entry for entry in tasks["softmax-loss"]["equivalent"]}
    minimum = "np.max(x, axis=1, keepdims=True) -> np.min(x, axis=1, keepdims=True)"
    assert {"0.0 -> 1.0", "0.0 -> -1.0", minimum} <= found.keys()
    assert found["0.0 -> 1.0"]["line"] == "loss = 0.0"
    assert "other inputs" in found["0.0 -> 1.0"]["why"]
    lines = [line for line in drafted.read_text().splitlines() if '"0.0 -> 1.0"' in line]
    assert all(line.endswith("# guess: no mistake") for line in lines)


def test_a_change_that_is_not_executed_is_no_guess(unseen: dict[str, set[str]]) -> None:
    """No check has an input with three axes, so the audit still lists this branch."""
    assert {"p * 2 -> p / 2", "2 -> 3"} <= unseen["softmax-loss"]


def test_inputs_that_show_a_mistake_become_a_hard_case(
    tasks: dict[str, Any], unseen: dict[str, set[str]], drafted: Path
) -> None:
    """Without further inputs, an approximation of the root would have full marks."""
    assert tasks["smooth"]["hard"]
    assert "equivalent" not in tasks["smooth"]
    assert not unseen["smooth"]
    assert "# guess: detects the mistake" in drafted.read_text()


def test_the_size_of_a_tiny_number_is_not_judged(tasks: dict[str, Any]) -> None:
    """Probabilities of 0 and 1 would, and a right solution may clip at 1e-12."""
    assert "hard" not in tasks["cross-entropy"]
    changes = [entry["change"] for entry in tasks["cross-entropy"]["equivalent"]]
    assert "np.clip(p, 1e-15, 1 - 1e-15) -> p" in changes


def test_values_that_no_check_reads_allow_no_guess(unseen: dict[str, set[str]]) -> None:
    """Nothing in the checks reads the cache of a function without a backward pass."""
    assert "2 -> 3" in unseen["cube"]


def test_defaults_of_entries_are_tried(tasks: dict[str, Any], unseen: dict[str, set[str]]) -> None:
    """An entry that is returned as it was passed is no output, so that the dict may be empty."""
    outputs = [output for check in tasks["momentum"]["checks"] for output in check["compare"]]
    assert not any("rate" in output for output in outputs)
    assert {"config": {}} in tasks["momentum"]["hard"]
    assert not unseen["momentum"]


def test_a_change_that_an_initial_value_hides_is_no_guess(
    tasks: dict[str, Any], unseen: dict[str, set[str]]
) -> None:
    """The mean of before is 0 in the first call, so the method is called again."""
    assert "equivalent" not in tasks["average"]
    assert not unseen["average"]


def test_changes_for_which_the_time_is_over_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file says how many were not tried."""
    monkeypatch.setattr(gaps, "SECONDS", 0.0)
    (tmp_path / "losses.py").write_text(LOSSES, encoding="utf-8")
    shown: list[str] = []
    write_draft(tmp_path / "hw", tmp_path / "losses.py", show=shown.append)
    text = (tmp_path / "hw" / "assignment.toml").read_text(encoding="utf-8")
    assert text.count("changes of the model solution were not tried, see audit") == 6
    assert shown == ["Running the functions of losses.py"]
