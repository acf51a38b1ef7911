"""Functions and methods that update parameters in a dict, and keep a state between steps."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gradkit.authoring.audit import audit_file
from gradkit.drafting.handout import SharedKeys, read_handout
from gradkit.drafting.write import write_draft
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings

pytestmark = pytest.mark.usefixtures("warm")

UPDATES = """import numpy as np


def descend(weights, slopes, rate):
    for name in sorted(weights):
        weights[name] -= rate * slopes["d" + name]


class HeavyBall:
    def __init__(self, rate=0.05, friction=0.9):
        self.rate = rate
        self.friction = friction
        self.speed = None

    def step(self, weights, slopes):
        if self.speed is None:
            self.speed = {name: np.zeros_like(w) for name, w in weights.items()}
        for name in weights.keys():
            self.speed[name] = self.friction * self.speed[name] + slopes[name]
            weights[name] -= self.rate * self.speed[name]


class Scale:
    def __init__(self, factor=0.5):
        self.factor = factor

    def forward(self, x):
        self.x = x
        return self.factor * x


def damped(w, dw, config=None):
    config = config or {}
    rate = config.get("rate", 0.05)
    decay = config.get("decay", 0.8)
    cache = config.get("cache", np.zeros_like(w))
    config["cache"] = decay * cache + (1 - decay) * dw**2
    return w - rate * dw / (np.sqrt(config["cache"]) + 1e-3), config
"""

Draft = tuple[dict[str, Any], Path]


@pytest.fixture(scope="module")
def updates(tmp_path_factory: pytest.TempPathFactory) -> Draft:
    """The tasks of the draft of `UPDATES` by id, and its assignment file."""
    return drafted(tmp_path_factory.mktemp("updates"), UPDATES)


def drafted(folder: Path, text: str) -> Draft:
    """Draft an assignment from a handout of which nothing is left out."""
    (folder / "handout.py").write_text(text, encoding="utf-8")
    _, left_out = write_draft(folder / "hw", folder / "handout.py")
    assert left_out == {}
    path = folder / "hw" / "assignment.toml"
    file = tomllib.loads(path.read_text(encoding="utf-8"))
    return {task["id"]: task for task in file["tasks"]}, path


def failing(path: Path, folder: Path, text: str) -> set[str]:
    """Return the checks that an answer fails."""
    (folder / "handout.py").write_text(text, encoding="utf-8")
    with Session(Settings(assignment=path, seed=3)) as session:
        result = session.check(folder)
    return {c.check for task in result.tasks for c in task.checks if c.state == "fail"}


def unseen(path: Path) -> list[str]:
    """Return the changes of the model solution that no check detects."""
    audit = audit_file(path, None)
    assert not any(task.problems or task.stale for task in audit.tasks)
    return [mutant.change for task in audit.tasks for mutant in task.unseen]


def test_dicts_that_a_loop_reads_with_the_same_keys_are_found() -> None:
    """The keys may be computed; a loop over rows reads no dict."""
    text = (
        "def f(a, b, c, d, rows):\n    for k in a:\n        a[k] -= b[f'd{k}']\n"
        "    for k, v in c.items():\n        d[k + '_grad'] = v\n"
        "    for i in rows:\n        d[i] = b[1] + c['d' + 'e']\n"
    )
    (function,) = read_handout(text).functions
    assert function.shared == (
        SharedKeys("a", "a"),
        SharedKeys("a", "b", "d", ""),
        SharedKeys("c", "d", "", "_grad"),
    )
    assert [p.name for p in function.parameters if p.is_dict] == ["a", "b", "c", "d"]


def test_gradients_have_the_keys_and_shapes_of_the_parameters(updates: Draft) -> None:
    """Also if a key has something before it."""
    inputs = updates[0]["descend"]["inputs"]
    assert {f"d{key}": value for key, value in inputs["weights"].items()} == inputs["slopes"]
    inputs = updates[0]["heavyball"]["inputs"]
    assert inputs["weights"] == inputs["slopes"]


def test_parameters_that_change_in_place_are_compared(updates: Draft) -> None:
    """The state of the object is not: students may keep another one."""
    weights = ["weights['W']", "weights['b']"]
    assert updates[0]["descend"]["checks"][0]["compare"] == weights
    assert updates[0]["heavyball"]["checks"][0]["compare"] == weights


def test_methods_that_keep_a_state_are_called_again(updates: Draft) -> None:
    """The further calls get other gradients. A method that only stores its input keeps no state."""
    task = updates[0]["heavyball"]
    first, again = task["checks"]
    assert again["call"].splitlines() == [
        "layer.step(weights, slopes_again)",
        "layer.step(weights, slopes)",
    ]
    assert again["compare"] == first["compare"]
    assert task["inputs"]["slopes_again"] == task["inputs"]["slopes"]
    assert len(updates[0]["descend"]["checks"]) == len(updates[0]["scale"]["checks"]) == 1


def test_a_returned_state_is_passed_to_a_further_call(updates: Draft) -> None:
    """Entries of the returned dict that the function only passes on are not compared."""
    task = updates[0]["damped"]
    first, again = task["checks"]
    assert first["compare"] == ["out1", "new_config['cache']"]
    assert again["call"] == "out1_again, new_config_again = damped(w_again, dw_again, new_config)"
    assert again["compare"] == ["out1_again", "new_config_again['cache']"]
    assert task["hard"] == [{"config": {}}]


def test_a_wrong_state_fails_the_further_call_alone(updates: Draft, tmp_path: Path) -> None:
    """The first step shows neither a missing friction nor a forgotten mean of squares."""
    assert failing(updates[1], tmp_path, UPDATES) == set()
    wrong = UPDATES.replace("self.friction * self.speed[name]", "self.speed[name]")
    assert failing(updates[1], tmp_path, wrong) == {"step-again"}
    wrong = UPDATES.replace("decay * cache + (1 - decay)", "(1 - decay)")
    assert failing(updates[1], tmp_path, wrong) == {"damped-again"}


def test_no_change_of_an_update_slips_through(updates: Draft) -> None:
    """Also the defaults are seen."""
    assert unseen(updates[1]) == []
