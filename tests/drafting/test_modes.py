"""Drafts have a check of each value of a flag or a mode."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gradkit.authoring.audit import audit_file
from gradkit.drafting.handout import read_handout
from gradkit.drafting.write import write_draft

pytestmark = pytest.mark.usefixtures("warm")

MODES = '''
import numpy as np


def centre_forward(x, beta, settings):
    """Subtract the mean.

    - x: Data of shape (N, D)
    - beta: Shift of shape (D,)
    - settings: Dictionary with keys mode and running_mean
    """
    mode = settings["mode"]
    mean = settings["running_mean"]
    if mode == "train":
        out = x - x.mean(axis=0) + beta
    elif mode == "test":
        out = x - mean + beta
    return out


class Drop:
    def __init__(self, ratio=0.5):
        self.ratio = ratio

    def forward(self, x, training=True):
        if training:
            return x * (np.random.rand(*x.shape) > self.ratio)
        return x * (1 - self.ratio)


def scale(x, w, is_product):
    if is_product:
        return x * w
    return 3 * x + w


def activate(x, kind="relu"):
    if kind == "relu":
        return np.maximum(x, 0)
    elif kind == "tanh":
        return np.tanh(x)
    return x


def same(x, verbose=False):
    if verbose:
        print(x)
    return 2 * x
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the draft."""
    path: Path = tmp_path_factory.mktemp("modes")
    (path / "modes.py").write_text(MODES, encoding="utf-8")
    write_draft(path / "draft", path / "modes.py")
    return path / "draft"


@pytest.fixture(scope="module")
def tasks(folder: Path) -> dict[str, Any]:
    """Return the drafted tasks by id."""
    text = (folder / "assignment.toml").read_text(encoding="utf-8")
    return {task["id"]: task for task in tomllib.loads(text)["tasks"]}


def calls(task: Any) -> list[str]:
    """Return the lines of each check."""
    return [check["call"] for check in task["checks"]]


def test_a_flag_has_a_check_of_each_value(tasks: dict[str, Any]) -> None:
    """With a default or without one."""
    assert "out_training_false = layer.forward(x, training=False)" in calls(tasks["drop"])
    assert "out_is_product_false = scale(x, w, False)" in calls(tasks["scale"])
    assert tasks["scale"]["inputs"]["is_product"] is True


def test_a_mode_has_a_check_of_each_value(tasks: dict[str, Any]) -> None:
    """As an argument, or as an entry of a dict."""
    assert "new_x_kind_tanh = activate(x, 'tanh')" in calls(tasks["activate"])
    assert calls(tasks["centre"])[1] == (
        "out_settings_mode_test = centre_forward(x, beta, {**settings, 'mode': 'test'})"
    )


def test_another_mode_says_which_sizes_are_equal(tasks: dict[str, Any]) -> None:
    """In training, the running mean may have any length."""
    assert tasks["centre"]["inputs"]["settings"]["running_mean"] == "normal(D)"


def test_a_mode_without_random_numbers_is_compared(tasks: dict[str, Any]) -> None:
    """The other mode draws random numbers."""
    first, second = tasks["drop"]["checks"]
    assert first["compare"] == ["0 * out"]
    assert second["compare"] == ["out_training_false"]


def test_a_flag_that_changes_no_output_has_no_check(tasks: dict[str, Any]) -> None:
    """It only prints."""
    assert len(tasks["same"]["checks"]) == 1


def test_the_audit_tries_every_branch(folder: Path) -> None:
    """Only the lines of random numbers are left."""
    audit = audit_file(folder / "assignment.toml", None)
    assert not any(task.problems or task.untried for task in audit.tasks)
    lines = {mutant.source for task in audit.tasks for mutant in task.unseen}
    assert not {"out = x - mean + beta", "return x * (1 - self.ratio)", "return np.tanh(x)"} & lines


def test_a_body_says_what_it_compares() -> None:
    """Texts, entries of dicts, and conditions."""
    handout = read_handout(MODES)
    parameters = {
        (function.name, parameter.name): parameter
        for function in handout.functions
        for parameter in function.parameters
    }
    assert parameters["centre_forward", "settings"].modes == (("mode", "train"), ("mode", "test"))
    assert parameters["activate", "kind"].choices == ("relu", "tanh")
    assert parameters["scale", "is_product"].uses.is_flag
    assert not parameters["scale", "x"].uses.is_flag


def test_a_returned_name_begins_with_a_letter() -> None:
    """Other names are not allowed in the lines of a check."""
    (function,) = read_handout("def f(x):\n    _y = 2 * x\n    return _y, _").functions
    assert function.returns == ("y", "out2")


SEEDED = '''
import numpy as np


def dropout(x, keep):
    """Drop numbers of x.

    - x: Data of shape (N, D)
    - keep: probability, scalar
    """
    np.random.seed(1)
    mask = np.random.rand(x.shape[0], x.shape[1]) < keep
    out = x * mask / keep
    cache = (mask, keep)
    return out, cache


def dropout_backward(dout, cache):
    """Return the gradient."""
    mask, keep = cache
    dx = dout * mask / keep
    return dx


def noise(x):
    """Add noise.

    - x: Data of shape (N, D)
    """
    return x + np.random.rand(*x.shape)


def start(n, m):
    """Draw weights."""
    np.random.seed(2)
    W = np.random.randn(n, m)
    return W
'''


def test_a_function_with_its_own_seed_is_compared(tmp_path: Path) -> None:
    """So is what takes its cache. Of other random functions, only the shapes are compared."""
    handout = tmp_path / "seeded.py"
    handout.write_text(SEEDED, encoding="utf-8")
    write_draft(tmp_path / "hw", handout)
    text = (tmp_path / "hw" / "assignment.toml").read_text(encoding="utf-8")
    checks = [check for task in tomllib.loads(text)["tasks"] for check in task["checks"]]
    compared = {check["name"]: check["compare"] for check in checks}
    assert compared == {
        "dropout": ["out"],
        "dropout-backward": ["dx"],
        "noise": ["0 * out"],
        "start": ["0 * W"],
    }
    assert text.count("# guess: the function sets a seed itself") == 1
    assert "np.random.seed(2)" in text
    assert "np.random.seed(1)" not in text
