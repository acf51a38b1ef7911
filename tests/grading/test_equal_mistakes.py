"""Equal mistakes cost equal shares, and worse ones no less, however the code is written.

Seven students of a class made these mistakes in the same exercise. Two of them once lost all of
their update for one wrong line in a helper, which cost others a quarter.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gradkit.grading.assess import assess
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import TaskResult
from gradkit.records.task import Preset
from gradkit.report.words import cost_text
from gradkit.sandbox import Workshop
from gradkit.submission.read import read

pytestmark = pytest.mark.slow

TASK = "classification-numpy"

RIGHT = Path(__file__).parents[1] / "mistakes" / "right_classification_numpy.py"
IN_FORMULAS = RIGHT.read_text("utf-8")

WITH_HELPERS = """\
import numpy as np


def initialise_parameters(layer_dims):
    params = dict()
    for l in range(1, len(layer_dims)):
        params["W%d" % l] = np.ones((layer_dims[l-1], layer_dims[l])) / 10
        params["b%d" % l] = np.zeros((layer_dims[l], 1))
    return params


def sigmoid(Z):
    return 1.0 / (1.0 + np.exp(-Z))


def sigmoid_prime(a):
    return a * (1 - a)


def linear_forward(A_prev, W, b):
    out = W.T.dot(A_prev)
    out = out + b
    return sigmoid(out)


def L_layer_forward(X, parameters):
    a1 = linear_forward(X, parameters["W1"], parameters["b1"])
    y_hat = linear_forward(a1, parameters["W2"], parameters["b2"])
    return y_hat, a1


def backward(parameters, y, y_hat, A1, X):
    grads = {}
    dy = -y / y_hat + (1 - y) / (1 - y_hat)
    dz = dy * sigmoid_prime(y_hat)
    grads["W2"] = dz * A1
    grads["b2"] = np.array([[dz]]).reshape(1, 1)
    back = dz * parameters["W2"] * sigmoid_prime(A1)
    grads["W1"] = X.reshape(2, 1) @ back.T
    grads["b1"] = back
    return grads


def update_parameters(parameters, y, y_hat, A1, X, lr=0.001, lr_bias=0.01):
    grads = backward(parameters, y, y_hat, A1, X)
    for key in grads:
        rate = lr if key.startswith("W") else lr_bias
        parameters[key] = parameters[key] - rate * grads[key]
    return parameters
"""

TWICE = "s = sigmoid(a)\n    return s * (1 - s)"
SLOPE = f"def sigmoid_prime(a):\n    {TWICE}\n\n\n"

SUBMISSIONS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "slope of a slope, in the formula": (
        IN_FORMULAS,
        [("A1 * (1 - A1)", "sigmoid(A1) * (1 - sigmoid(A1))")],
    ),
    "slope of a slope, in a helper": (
        IN_FORMULAS,
        [
            ("A1 * (1 - A1)", "sigmoid_prime(A1)"),
            ("def linear_forward", f"{SLOPE}def linear_forward"),
        ],
    ),
    "slope left out": (IN_FORMULAS, [(" * A1 * (1 - A1)", "")]),
    "slope of a slope, in a helper of both layers": (
        WITH_HELPERS,
        [("return a * (1 - a)", TWICE)],
    ),
    "sign of one term": (WITH_HELPERS, [("-y / y_hat + (1", "-y / y_hat - (1")]),
    "all signs": (
        WITH_HELPERS,
        [("-y / y_hat + (1", "y / y_hat - (1")],
    ),
    "only one bias is updated": (
        IN_FORMULAS,
        [
            ('    parameters["W2"] = parameters["W2"] - 0.001 * dW2\n', ""),
            ('    parameters["W1"] = parameters["W1"] - 0.001 * dW1\n', ""),
            ('    parameters["b1"] = parameters["b1"] - 0.01 * db1\n', ""),
        ],
    ),
}
"""The right texts and the changes of each submission, from the mildest to the worst."""

SUMS: dict[Preset, tuple[float, float, float]] = {
    "default": (15.75, 9.75, 7.5),
    "strict": (13, 8, 7.5),
    "lenient": (17.25, 9.75, 7.5),
}
"""Points of 20 for a wrong slope, for wrong signs, and where one parameter of nine is updated."""


@pytest.fixture(scope="module")
def marked(
    workshop: Workshop, tmp_path_factory: pytest.TempPathFactory
) -> dict[Preset, dict[str, TaskResult]]:
    """Return the marks of each submission, by preset."""
    folder = tmp_path_factory.mktemp("class")
    made: dict[Preset, dict[str, TaskResult]] = {preset: {} for preset in (*SUMS, "numbers")}
    settings = Settings((TASK,), seed=1, no_reference=False)
    with Session(settings, workshop) as session:
        (task,) = (each for each in session.assignment.tasks if each.id == TASK)
        for name, (text, changes) in SUBMISSIONS.items():
            for old, new in changes:
                assert old in text
                text = text.replace(old, new, 1)  # noqa: PLW2901  (each change is made)
            path = folder / "classification_numpy.py"
            path.write_text(text, encoding="utf-8")
            (evidence,) = session.grade(read(path), named=(TASK,)).evidence
            for preset, results in made.items():
                scheme = type(session.scheme)(session.scheme.step, preset)
                results[name] = assess(task, evidence, evidence.verdicts, scheme)
    return made


@pytest.mark.parametrize("preset", SUMS)
def test_equal_mistakes_cost_equal_shares(
    preset: Preset, marked: dict[Preset, dict[str, TaskResult]]
) -> None:
    """In a formula, a helper, two layers; a wrong sign costs more, and not to step the most."""
    scores = [result.score for result in marked[preset].values()]
    formula, helper, left_out, both, term, signs, bias = scores
    assert formula == helper == left_out == both
    assert both >= term >= signs > bias
    assert (formula, signs, bias) == SUMS[preset]


def test_each_deduction_is_a_sum_in_a_line(
    marked: dict[Preset, dict[str, TaskResult]],
) -> None:
    """One finding for each submission, which costs all that is lost."""
    for result in marked["default"].values():
        (finding,) = [each for each in result.findings if each.check]
        assert finding.deduction == pytest.approx(result.max_score - result.score)
        parts = [float(part.split()[-1]) for part in cost_text(finding).split(":")[1].split(",")]
        assert sum(parts) == pytest.approx(finding.deduction)
        assert not any(check.held for check in result.checks)


def test_by_numbers_equal_outputs_earn_equal_points(
    marked: dict[Preset, dict[str, TaskResult]],
) -> None:
    """Nothing but right outputs counts, so that one right bias is more than none."""
    formula, helper, left_out, both, _, signs, bias = (
        result.score for result in marked["numbers"].values()
    )
    assert formula == helper == left_out == 11
    assert (both, signs, bias) == (6, 6, 8.5)
