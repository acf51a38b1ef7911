"""What a gradient earns that matches only the student's own wrong forward pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

import pytest

from gradkit.classroom.reports.summary import reasons
from gradkit.grading.points import HELD
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import CheckResult, Result
from gradkit.report.data import visible
from gradkit.sandbox import Workshop
from gradkit.task.assignment import BESIDE, exercises

pytestmark = [pytest.mark.sample(48), pytest.mark.usefixtures("warm")]

REMARK = "own-forward-gradient"

Grade = Callable[..., Result]


@pytest.fixture
def grade(workshop: Workshop, tmp_path: Path) -> Grade:
    """``grade(exercise, files, model=True)``: the result of these files at a fixed seed."""

    def check(exercise: str, files: Mapping[str, str], *, model: bool = True) -> Result:
        for name, text in files.items():
            (tmp_path / name).write_text(dedent(text), encoding="utf-8")
        settings = Settings(assignment=exercises()[exercise], seed=1, no_reference=not model)
        with Session(settings, workshop) as session:
            return session.check(tmp_path)

    return check


def grade_at(workshop: Workshop, seed: int, files: Mapping[str, str]) -> Result:
    """Grade files of logistic regression at a seed."""
    settings = Settings(assignment=exercises()["logistic-regression"], seed=seed)
    with TemporaryDirectory() as folder, Session(settings, workshop) as session:
        for name, text in files.items():
            Path(folder, name).write_text(text, encoding="utf-8")
        return session.check(Path(folder))


def edited(exercise: str, *edits: tuple[str, str]) -> dict[str, str]:
    """Return the files of a model solution with some of their text replaced, once each."""
    files = {path.name: path.read_text("utf-8") for path in (BESIDE / exercise).glob("*.py")}
    for old, new in edits:
        assert sum(text.count(old) for text in files.values()) == 1, old
        files = {name: text.replace(old, new) for name, text in files.items()}
    return files


def scores(result: Result) -> dict[str, float]:
    """Return the points of each check, as ``relu/backward``."""
    return {
        f"{task.task}/{check.check}": check.score for task in result.tasks for check in task.checks
    }


def check_of(result: Result, name: str) -> CheckResult:
    """Return a check by ``task/check``."""
    return next(
        check
        for task in result.tasks
        for check in task.checks
        if f"{task.task}/{check.check}" == name
    )


def remarked(result: Result) -> set[str]:
    """Return the checks that the remark on gradients of a wrong forward pass is about."""
    return {
        f"{task.task}/{check}"
        for task in result.tasks
        for finding in task.findings
        if finding.mistake == REMARK
        for check in finding.about
    }


ADDED = """
    import numpy as np

    def added(*arrays):
        return sum(array.sum() for array in arrays)

    def ones(value, *arrays):
        return [value * np.ones_like(array) for array in arrays]
"""
"""The sum of all inputs is a function that is easy to differentiate: each slope is 1."""

ATTACKS: dict[str, dict[str, str]] = {
    "layers": {
        "layers.py": ADDED
        + """
    def affine_forward(x, w, b):
        return np.full((len(x), w.shape[1]), added(x, w, b)), (x, w, b)

    def affine_backward(dout, cache):
        return ones(dout.sum(), *cache)

    def relu_forward(x):
        return x.copy(), x

    def relu_backward(dout, cache):
        return dout.copy()
    """
    },
    "batchnorm": {
        "layers.py": ADDED
        + """
    def batchnorm_forward(x, gamma, beta, bn_param):
        return np.full(x.shape, added(x, gamma, beta)), (x, gamma, beta)

    def batchnorm_backward(dout, cache):
        return ones(dout.sum(), *cache)

    def batchnorm_backward_alt(dout, cache):
        return ones(dout.sum(), *cache)
    """
    },
    "softmax-loss": {
        "softmax.py": ADDED
        + """
    def softmax_loss_naive(W, X, y, reg):
        return added(W, X, y) + reg, ones(1.0, W)[0]

    def softmax_loss_vectorized(W, X, y, reg):
        return added(W, X, y) + reg, ones(1.0, W)[0]
    """
    },
    "one-hidden-layer": edited(
        "one-hidden-layer",
        (
            'Z2 = parameters["W2"] @ A1 + parameters["b2"]',
            "Z2 = X.sum(axis=0, keepdims=True) + sum(p.sum() for p in parameters.values())",
        ),
        (
            'return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}',
            "return {'d' + k: dZ2.sum() / m * np.ones_like(p) for k, p in parameters.items()}",
        ),
    ),
    "linear-class": {
        "linear.py": ADDED
        + """
    class Linear:
        def __init__(self, in_features, out_features):
            self.W = np.zeros((out_features, in_features))
            self.b = np.zeros((out_features, 1))

        def forward(self, A):
            self.A = A
            return np.full((len(A), len(self.W)), added(A, self.W, self.b))

        def backward(self, dLdZ):
            dLdA, self.dLdW, self.dLdb = ones(dLdZ.sum(), self.A, self.W, self.b)
            return dLdA
    """,
        "activation.py": "".join(
            f"""
class {name}:
    def forward(self, Z):
        return Z.copy()

    def backward(self, dLdA):
        return dLdA.copy()
"""
            for name in ("ReLU", "Sigmoid", "Tanh")
        ),
    },
    "convolution": {
        "layers.py": ADDED
        + """
    def conv_forward_naive(x, w, b, conv_param):
        stride, pad = conv_param["stride"], conv_param["pad"]
        rows = 1 + (x.shape[2] + 2 * pad - w.shape[2]) // stride
        columns = 1 + (x.shape[3] + 2 * pad - w.shape[3]) // stride
        return np.full((len(x), len(w), rows, columns), added(x, w, b)), (x, w, b)

    def conv_backward_naive(dout, cache):
        return ones(dout.sum(), *cache)
    """
    },
}
"""Forward passes that compute nothing of what is asked, each with its own right gradient."""

EARNED: dict[str, dict[str, float]] = {
    "layers": {},
    "batchnorm": {},
    "softmax-loss": {},
    "one-hidden-layer": {
        "one-hidden-layer/layer-sizes": 1,
        "one-hidden-layer/initialize": 2,
        "one-hidden-layer/cost": 2,
        "one-hidden-layer/update": 2,
    },
    "linear-class": {"linear-class/start": 1},
    "convolution": {},
}
"""What each attack still earns, by check: that of functions without a gradient."""


@pytest.mark.slow
@pytest.mark.rotate(4)
@pytest.mark.parametrize("exercise", ATTACKS)
def test_the_gradient_of_a_trivial_forward_pass_earns_nothing(grade: Grade, exercise: str) -> None:
    """It matches the student's forward pass, which is right at no input."""
    result = grade(exercise, ATTACKS[exercise])
    earned = {name: points for name, points in scores(result).items() if points}
    assert earned == EARNED[exercise]
    assert remarked(result) == {
        f"{task.task}/{check.check}"
        for task in result.tasks
        for check in task.checks
        if "backward" in check.check or exercise == "softmax-loss"
        # What computes nothing is not there.
        if task.task != "max-pooling" and check.state != "missing"
    }


IDENTITY = (
    ("return np.maximum(x, 0), x", "return 1.0 * x, x"),
    ("dout * (cache > 0)", "1.0 * dout"),
)


def test_the_identity_is_no_relu(grade: Grade) -> None:
    """The student reads why the gradient earns nothing; the instructor finds it in the review."""
    result = grade("layers", edited("layers", *IDENTITY))
    check = check_of(result, "relu/backward")
    assert (check.state, check.score, check.max_score) == ("fail", 0, 3)
    assert check.notes == (
        "Your forward pass is wrong at every input, and `dx` matches only this wrong pass. Correct "
        "the forward pass first.",
        HELD,
    )
    assert scores(result)["affine/backward"] == 6
    assert REMARK in {reason.kind for reason in reasons(result)}
    relu = next(task for task in result.tasks if task.task == "relu")
    assert [f.about for f in relu.findings if f.mistake == REMARK] == [("backward",)]
    assert REMARK not in {finding.mistake for finding in visible(relu, 3)}


SCALED = (
    ("return gamma * x_hat + beta, (x_hat", "return 3 * gamma * x_hat + beta, (x_hat"),
    ("dx_hat = dout * gamma", "dx_hat = 3 * dout * gamma"),
    ("dgamma = np.sum(dout * x_hat", "dgamma = 3 * np.sum(dout * x_hat"),
)
"""The running averages of this batch normalisation are right, and its output is three times too
large, as the gradients are."""

NOTED = "{} right only for your own forward pass, which is wrong. So {} points."


def test_the_gradient_of_a_partly_right_forward_pass_earns_half(grade: Grade) -> None:
    """What is right anyway, as the gradient of the shift, keeps its points."""
    result = grade("batchnorm", edited("batchnorm", *SCALED))
    check = check_of(result, "batchnorm/backward")
    assert {entry.state for entry in check.entries} == {"pass"}
    assert (check.state, check.score, check.max_score) == ("pass", 4, 6)
    assert check.notes == (NOTED.format("`dx`, `dgamma` are", "they earn half of their"),)
    assert "batchnorm/backward" in remarked(result)


THRICE = (
    (
        "return loss + reg * np.sum(W**2), dW + 2 * reg * W",
        "return loss + 3 * reg * np.sum(W**2), dW + 6 * reg * W",
    ),
)


def test_a_forward_pass_that_is_right_at_one_input_is_partly_right(grade: Grade) -> None:
    """The factor of the regularisation does not matter where there is none."""
    result = grade("softmax-loss", edited("softmax-loss", *THRICE))
    check = check_of(result, "softmax-loss/naive")
    assert [entry.state for entry in check.entries] == ["fail", "pass"]
    assert (check.state, check.score, check.max_score) == ("fail", 4.25, 6)
    assert check.notes == (NOTED.format("`dW_naive` is", "it earns half of its"),)


def test_a_gradient_that_matches_the_model_solution_keeps_its_points(grade: Grade) -> None:
    """The student's own forward pass is wrong, and does not matter."""
    result = grade("batchnorm", edited("batchnorm", *SCALED[:1]))
    assert check_of(result, "batchnorm/backward").score == 6
    result = grade("layers", edited("layers", IDENTITY[0]))
    assert scores(result)["relu/backward"] == 3
    assert remarked(result) == set()


def test_examples_tell_a_wrong_forward_pass_as_the_model_solution_does(grade: Grade) -> None:
    """On a student's machine such a gradient earns no more than in the class."""
    result = grade("layers", edited("layers", *IDENTITY), model=False)
    with_model = grade("layers", edited("layers", *IDENTITY))
    assert result.provisional
    gradients = [name for name in scores(result) if name.endswith("backward")]
    assert [scores(result)[n] for n in gradients] == [scores(with_model)[n] for n in gradients]
    assert remarked(result) == remarked(with_model) != set()


@pytest.mark.parametrize("seed", [0, 2])
def test_gradients_have_to_be_of_one_forward_pass(workshop: Workshop, seed: int) -> None:
    """`db` without its 1/m matches the wrong forward pass, and `dw` the right one.

    Both mistakes cost a slip, on every seed.
    """
    edits = [
        ("Y * np.log(A) + (1 - Y) * np.log(1 - A)", "Y * np.log(A).T + (1 - Y) * np.log(1 - A).T"),
        ("np.sum(dZ) / m}", "np.sum(dZ)}"),
    ]
    result = grade_at(workshop, seed, edited("logistic-regression", *edits))
    found = {(finding.entries, finding.mistake) for finding in result.tasks[0].findings}
    assert found == {(("grads['db']",), "wrong-function"), (("cost",), "wrong-transpose")}
    assert scores(result)["logistic-regression/propagate"] == 3.25
