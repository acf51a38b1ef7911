"""Updates that take rates: one for all, one for each kind, or one in proportion."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_solutions import source
from told import full, not_passed, script, states

pytestmark = pytest.mark.sample(6)

HEAD = source("regression_numpy").partition("def update_parameters")[0]
UPDATE = """
def update_parameters(parameters, y, y_hat, A1, X{rates}):
    d = {factor} * (y_hat - y)
    dh = parameters["W2"] * d
    parameters["W2"] = parameters["W2"] - {weight} * d * A1
    parameters["b2"] = parameters["b2"] - {bias} * d
    parameters["W1"] = parameters["W1"] - {weight} * X @ dh.T
    parameters["b1"] = parameters["b1"] - {bias} * dh
"""

RIGHT = [
    (", lr=0.001, lr_b=0.01", "lr", "lr_b"),
    (", learning_rate=0.001, bias_rate=0.01", "learning_rate", "bias_rate"),
    (", lr=0.001", "lr", "10 * lr"),
    (", lr", "lr", "(lr * 10)"),
    (", lr=0.001", "lr", "0.01"),
    (", lr=0.01", "lr / 10", "lr"),
    (", alpha=0.001, beta=0.01", "alpha", "beta"),
    (", lr=(0.001, 0.01)", "lr[0]", "lr[1]"),
    (", lr=None", "(lr or 0.001)", "(lr or 0.001) * 10"),
    (", lr=0.001", "0.001", "0.01"),
    (", lr=0.001", "lr", "lr"),
]


@pytest.mark.parametrize(("rates", "weight", "bias"), RIGHT)
def test_each_kind_at_the_rate_that_is_asked_for(
    grade, tmp_path: Path, rates: str, weight: str, bias: str
) -> None:
    """Called as the task has it, each of these moves weights by 0.001 and biases by 0.01.

    The last follows the one rate that it is handed.
    """
    text = HEAD + UPDATE.format(rates=rates, weight=weight, bias=bias, factor=2)
    result = grade(script(tmp_path, text, "hw.py"), "regression-numpy")
    assert full(result), not_passed(result)


@pytest.mark.parametrize(
    ("rates", "weight", "bias", "factor"),
    [
        (", lr=0.001, lr_b=0.001", "lr", "lr_b", 2),
        (", lr=0.001, lr_b=0.01", "lr", "lr_b", 1),
        (", lr=0.001", "lr", "9 * lr", 2),
        (", lr=0.001", "lr", "10 * lr", 1),
        (", lr=0.01", "lr", "0.01", 2),
        (", lr", "lr", "0.01", 2),
    ],
)
def test_their_wrong_twins(
    grade, tmp_path: Path, rates: str, weight: str, bias: str, factor: int
) -> None:
    """Another default, another proportion, a wrong gradient, a number in a given rate's place."""
    text = HEAD + UPDATE.format(rates=rates, weight=weight, bias=bias, factor=factor)
    result = grade(script(tmp_path, text, "hw.py"), "regression-numpy")
    assert states(result)["update"] == "fail"


def test_single_precision_follows_the_slope(grade, tmp_path: Path) -> None:
    """Both checks of a step forgive what float32 rounds; neither forgives a wrong sign."""
    cast = "    A1, X = A1.astype(np.float32), X.astype(np.float32)\n"
    text = UPDATE.format(rates="", weight="np.float32(0.001)", bias="np.float32(0.01)", factor=2)
    text = text.replace("    d = 2 * (y_hat - y)\n", cast + "    d = np.float32(2 * (y_hat - y))\n")
    text = text.replace('parameters["W2"] * d', 'parameters["W2"].astype(np.float32) * d')
    for key in ("W1", "b1", "W2", "b2"):
        text = text.replace(f'= parameters["{key}"]', f'= parameters["{key}"].astype(np.float32)')
    found = states(grade(script(tmp_path, HEAD + text, "hw.py"), "regression-numpy"))
    assert (found["update"], found["gradient"]) == ("pass", "pass")
    wrong = text.replace("(y_hat - y)", "(y - y_hat)")
    assert wrong != text
    found = states(grade(script(tmp_path, HEAD + wrong, "hw.py"), "regression-numpy"))
    assert (found["update"], found["gradient"]) == ("fail", "fail")


ROUNDED = """
def update_parameters(parameters, y, y_hat, A1, X):
    d = np.float32(2) * np.float32(y_hat - y)
    dh = d * parameters["W2"]
    parameters["W2"] = parameters["W2"] - np.float32(0.001) * d * A1
    parameters["b2"] = parameters["b2"] - np.float32(0.01) * d
    parameters["W1"] = parameters["W1"] - np.float32(0.001) * X @ dh.T
    parameters["b1"] = parameters["b1"] - np.float32(0.01) * dh
"""


@pytest.mark.parametrize("seed", [0, 11, 12])
def test_numbers_of_single_precision_on_the_way(grade, tmp_path: Path, seed: int) -> None:
    """Each is rounded once; beside a mistake none of them is told to be another rate."""
    path = script(tmp_path, HEAD + ROUNDED, "hw.py")
    result = grade(path, "regression-numpy", seed=seed, diagnose=True)
    assert states(result)["update"] == "pass"
    assert not result.tasks[0].findings
    wrong = ROUNDED.replace('["b1"] - np', '["b1"] + np')
    path = script(tmp_path, HEAD + wrong, "hw.py")
    (task,) = grade(path, "regression-numpy", seed=seed, diagnose=True).tasks
    assert [each.mistake for each in task.findings] == ["wrong-sign"]
    assert task.findings[0].entries == ("b1[0]", "b1[1]")
