"""Parameters that a constructor sets to constants: ones and zeros hide factors and terms."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gradkit.drafting.handout import read_handout
from gradkit.drafting.write import write_draft
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings

pytestmark = pytest.mark.usefixtures("warm")

LAYERS = """import numpy as np


class Affine:
    def __init__(self, n_in, n_out):
        self.params = {"weight": np.ones((n_in, n_out)), "bias": np.zeros(n_out)}
        self.grads = dict(weight=np.zeros((n_in, n_out)), bias=np.zeros(n_out))

    def forward(self, x):
        self.x = x
        return x @ self.params["weight"] + self.params["bias"]

    def backward(self, dout):
        self.grads["weight"] = self.x.T @ dout
        self.grads["bias"] = dout.sum(axis=0)
        return dout @ self.params["weight"].T


class Standardise:
    def __init__(self, width, rate=0.9):
        self.rate = rate
        self.count = 0
        self.gamma = 1
        self.beta = 0.0
        self.running_mean = np.zeros(width)
        self.running_var = np.ones(width)

    def forward(self, x, training=True):
        mean, var = self.running_mean, self.running_var
        if training:
            self.count += 1
            mean, var = x.mean(axis=0), x.var(axis=0)
            self.running_mean = self.rate * self.running_mean + (1 - self.rate) * mean
            self.running_var = self.rate * self.running_var + (1 - self.rate) * var
        return self.gamma * (x - mean) / np.sqrt(var + 0.01) + self.beta
"""

Draft = tuple[dict[str, Any], Path]


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Draft:
    """The tasks of the draft of `LAYERS` by id, and its assignment file."""
    folder = tmp_path_factory.mktemp("layers")
    (folder / "handout.py").write_text(LAYERS, encoding="utf-8")
    write_draft(folder / "hw", folder / "handout.py")
    path = folder / "hw" / "assignment.toml"
    file = tomllib.loads(path.read_text(encoding="utf-8"))
    return {task["id"]: task for task in file["tasks"]}, path


def test_entries_of_dict_displays_are_attributes() -> None:
    """Also those of a call of dict."""
    constructor = read_handout(LAYERS).classes["Affine"][0]
    assert constructor.attributes == (
        "params",
        "params['weight']",
        "params['bias']",
        "grads",
        "grads['weight']",
        "grads['bias']",
    )


def test_constants_become_inputs(layers: Draft) -> None:
    """A number that is no scale and no shift stays: it may be a count or a setting."""
    inputs = layers[0]["affine"]["inputs"]
    assert inputs["weight"] == "normal(n_in, n_out)"
    assert inputs["bias"] == "normal(n_out)"
    inputs = layers[0]["standardise"]["inputs"]
    assert {name: inputs[name] for name in inputs if name not in ("x", "width")} == {
        "gamma": "normal()",
        "beta": "normal()",
        "running_mean": "normal(width)",
        "running_var": "positive(width)",
    }


def test_gradients_in_a_dict_of_the_object_are_confirmed(layers: Draft) -> None:
    """They belong to the parameters that are inputs now."""
    checks = {check["name"]: check for check in layers[0]["affine"]["checks"]}
    gradient = checks["backward"]["gradient"]
    assert gradient["layer.grads['bias']"] == "bias"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (' + self.params["bias"]', ""),
        ("self.gamma * (x - mean)", "(x - mean)"),
        (" + self.beta", ""),
        ("self.rate * self.running_mean +", ""),
        ("self.rate * self.running_var", "self.rate"),
    ],
)
def test_a_dropped_factor_or_term_fails(
    layers: Draft, tmp_path: Path, right: str, wrong: str
) -> None:
    """With the constants of the constructor each of these answers is right."""
    for text, score in ((LAYERS, {"pass"}), (LAYERS.replace(right, wrong), {"pass", "fail"})):
        (tmp_path / "handout.py").write_text(text, encoding="utf-8")
        with Session(Settings(assignment=layers[1], seed=3)) as session:
            result = session.check(tmp_path)
        assert {check.state for task in result.tasks for check in task.checks} == score
