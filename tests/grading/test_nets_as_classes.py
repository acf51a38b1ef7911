"""A net that is written as a class is recognised, judged and diagnosed as functions are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from told import script

from gradkit.grading.settings import GradingError
from gradkit.records.result import Result, TaskResult

pytestmark = [pytest.mark.sample(6), pytest.mark.usefixtures("warm")]

Grade = Callable[..., Result]

ATTRIBUTES = """
class NeuralNetwork:
    def __init__(self):
        self.W1 = np.full((2, 2), 0.1)
        self.b1 = np.zeros((2, 1))
        self.W2 = np.full((2, 1), 0.1)
        self.b2 = np.zeros((1, 1))

    def forward(self, X):
        self.X = X
        self.A1 = self.W1.T @ X + self.b1
        self.y_hat = self.W2.T @ self.A1 + self.b2
        return self.y_hat

    def update(self, y):
        error = y - self.y_hat
        dW2 = -2 * error * self.A1
        dA1 = -2 * error * self.W2
        dW1 = self.X @ dA1.T
        self.W2 = self.W2 - 0.001 * dW2
        self.b2 = self.b2 + 0.01 * 2 * error
        self.W1 = self.W1 - 0.001 * dW1
        self.b1 = self.b1 - 0.01 * dA1

net = NeuralNetwork()
net.forward(np.ones((2, 1)))
"""
"""Regression: attributes, and an update that reads what the forward pass has stored."""

GRADIENTS_FIRST = """
def sigmoid(z):
    return 1 / (1 + np.exp(-z))

class Net:
    def __init__(self, n_in, n_hidden, n_out, learning_rate=0.001):
        self.lr = learning_rate
        self.params = {
            "W1": np.ones((n_in, n_hidden)) * 0.1,
            "b1": np.zeros((n_hidden, 1)),
            "W2": np.ones((n_hidden, n_out)) * 0.1,
            "b2": np.zeros((n_out, 1)),
        }

    def forward(self, x):
        z1 = np.dot(self.params["W1"].T, x) + self.params["b1"]
        a1 = sigmoid(z1)
        z2 = np.dot(self.params["W2"].T, a1) + self.params["b2"]
        out = sigmoid(z2)
        self.cache = (x, a1, out)
        return out, a1

    def backward(self, y):
        x, a1, out = self.cache
        dz2 = out - y
        dz1 = np.dot(self.params["W2"], dz2) * a1 * (1 - a1)
        return {"W1": x @ dz1.T, "b1": dz1, "W2": a1 @ dz2.T, "b2": dz2}

    def step(self, grads):
        for key in self.params:
            rate = self.lr if key.startswith("W") else 10 * self.lr
            self.params[key] -= rate * grads[key]
"""
"""Classification: a dict of parameters, and gradients that another method takes."""

ENTRIES = """
class Regression:
    def __init__(self, input_size=2, hidden_size=2, output_size=1):
        self.W1 = np.full((input_size, hidden_size), 0.1)
        self.b1 = np.zeros((hidden_size, 1))
        self.W2 = np.full((hidden_size, output_size), 0.1)
        self.b2 = np.zeros((output_size, 1))

    def forward(self, X):
        A1 = np.dot(self.W1.T, X) + self.b1
        y_hat = np.dot(self.W2.T, A1) + self.b2
        return y_hat[0][0], A1

    def update_parameters(self, y, y_hat, A1, X):
        w2 = self.W2.copy()
        error = y - y_hat
        for j in range(2):
            self.W2[j][0] += 0.001 * 2 * error * A1[j][0]
            self.b1[j][0] += 0.01 * 2 * error * w2[j][0]
            for i in range(2):
                self.W1[i][j] += 0.001 * 2 * error * w2[j][0] * X[i][0]
        self.b2[0][0] += 0.01 * 2 * error
"""
"""Regression: entry by entry, with the arguments of the function that is asked for."""

ROWS = """
class NeuralNetwork:
    def __init__(self, layers, lr_w=0.001, lr_b=0.01):
        self.lr_w, self.lr_b = lr_w, lr_b
        self.w1 = np.ones((layers[0], layers[1])) / 10
        self.b1 = np.zeros((1, layers[1]))
        self.w2 = np.ones((layers[1], layers[2])) / 10
        self.b2 = np.zeros((1, layers[2]))

    def sigmoid(self, z):
        return 1 / (1 + np.exp(-z))

    def feedforward(self, X):
        self.hidden = self.sigmoid(X @ self.w1 + self.b1)
        self.output = self.sigmoid(self.hidden @ self.w2 + self.b2)
        return self.output

    def backward(self, X, y, output):
        delta = output - y
        hidden_delta = delta @ self.w2.T * self.hidden * (1 - self.hidden)
        self.w2 -= self.lr_w * self.hidden.T @ delta
        self.b2 -= self.lr_b * delta
        self.w1 -= self.lr_w * X.T @ hidden_delta
        self.b1 -= self.lr_b * hidden_delta

    def train(self, X, y, epochs):
        for _ in range(epochs):
            self.backward(X, y, self.feedforward(X))
"""
"""Classification: rows, other letters, and a backward pass that makes the step."""

IN_TURN = """
class Model:
    def __init__(self):
        self.W1, self.b1 = np.full((2, 2), 0.1), np.zeros((2, 1))
        self.W2, self.b2 = np.full((1, 2), 0.1), np.zeros((1, 1))

    def forward(self, X):
        self.A1 = self.W1 @ X + self.b1
        return self.W2 @ self.A1 + self.b2, self.A1

    def backward(self, X, y, y_hat):
        d = 2 * (y_hat - y)
        dW2, db2 = d * self.A1.T, d
        d1 = self.W2.T * d
        dW1, db1 = d1 @ X.T, d1
        return dW1, db1, dW2, db2

    def update(self, dW1, db1, dW2, db2):
        self.W1 = self.W1 - 0.001 * dW1
        self.b1 = self.b1 - 0.01 * db1
        self.W2 = self.W2 - 0.001 * dW2
        self.b2 = self.b2 - 0.01 * db2
"""
"""Regression: weights as (out, in), and gradients one by one."""

CALLS = (
    ATTRIBUTES.replace("def update(self, y):", "def gradients(self, y):")
    .replace("self.W2 = self.W2 - 0.001 * dW2", "return dW1, dW2, dA1, error")
    .partition("        self.b2 = self.b2 +")[0]
    + """
    def update(self, y, lr=0.001):
        dW1, dW2, dA1, error = self.gradients(y)
        self.W1, self.W2 = self.W1 - lr * dW1, self.W2 - lr * dW2
        self.b1, self.b2 = self.b1 - 0.01 * dA1, self.b2 + 0.01 * 2 * error
"""
)
"""Regression: an update that calls the method with the gradients, with a rate for weights."""

REGRESSION, CLASSIFICATION = "regression-numpy", "classification-numpy"

STYLES = {
    "attributes": (REGRESSION, ATTRIBUTES),
    "gradients first": (CLASSIFICATION, GRADIENTS_FIRST),
    "entries": (REGRESSION, ENTRIES),
    "rows": (CLASSIFICATION, ROWS),
    "in turn": (REGRESSION, IN_TURN),
    "calls": (REGRESSION, CALLS),
}


def graded(grade: Grade, folder: Path, text: str, **options: object) -> TaskResult:
    """Return the result of the only task of a class, which nothing but its code names."""
    (task,) = grade(script(folder, f"import numpy as np\n{text}", "hw.py"), **options).tasks
    return task


@pytest.mark.parametrize("style", STYLES)
def test_a_class_is_recognised_and_has_full_marks(grade: Grade, tmp_path: Path, style: str) -> None:
    """Without an option."""
    expected, text = STYLES[style]
    task = graded(grade, tmp_path, text)
    assert [f"{c.check}: {c.message}" for c in task.checks if c.state != "pass"] == []
    assert (task.task, task.score) == (expected, task.max_score)


MISTAKES = {
    "sign": (ATTRIBUTES, "error = y - self.y_hat", "error = self.y_hat - y", "wrong-sign", ""),
    "no 2": (ATTRIBUTES, "0.01 * 2 * error", "0.01 * error", "wrong-factor", ""),
    "no weight": (
        ATTRIBUTES,
        "dA1 = -2 * error * self.W2",
        "dA1 = -2 * error * np.ones((2, 1))",
        "missing-weight",
        "",
    ),
    "no slope": (
        GRADIENTS_FIRST,
        'dz1 = np.dot(self.params["W2"], dz2) * a1 * (1 - a1)',
        'dz1 = np.dot(self.params["W2"], dz2)',
        "missing-activation-derivative",
        "",
    ),
    "exchanged in the gradient": (
        GRADIENTS_FIRST,
        '"W1": x @ dz1.T',
        '"W1": dz1 @ x.T',
        "swapped-index",
        "",
    ),
    "exchanged in a loop": (ENTRIES, "self.W1[i][j] +=", "self.W1[j][i] +=", "swapped-index", ""),
    "W2 first": (ENTRIES, "self.W2.copy()", "self.W2", "updated-before-use", "self.W1[i][j] +="),
    "rate": (
        GRADIENTS_FIRST,
        "else 10 * self.lr",
        "else self.lr",
        "wrong-learning-rate",
        "self.params[key] -= rate",
    ),
    "no activation": (
        GRADIENTS_FIRST,
        "out = sigmoid(z2)",
        "out = z2",
        "missing-activation",
        "def forward",
    ),
}
"""A class, a change of it, the mistake's name, and its line, if that is not the changed one."""


def line_with(text: str, part: str) -> int:
    """Return the number of the only line of a submission that has a part."""
    (line,) = (n for n, each in enumerate(text.split("\n"), 2) if part in each)
    return line


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_in_a_class_is_named_with_its_line(
    grade: Grade, tmp_path: Path, case: str
) -> None:
    """The line is in the class."""
    text, old, new, code, where = MISTAKES[case]
    assert text.count(old) == 1
    text = text.replace(old, new)
    task = graded(grade, tmp_path, text, diagnose=True)
    assert {finding.mistake for finding in task.findings} == {code}
    lines = {finding.place.line for finding in task.findings if finding.place is not None}
    assert lines == {line_with(text, where or new)}


def test_code_that_stops_in_a_method_is_reported_at_its_line(grade: Grade, tmp_path: Path) -> None:
    """With the name of the method."""
    text = ATTRIBUTES.replace("error = y - self.y_hat", "error = y - self.yhat")
    task = graded(grade, tmp_path, text)
    (update,) = (check for check in task.checks if check.check == "update")
    assert update.message.startswith("`update` stopped with AttributeError")
    assert update.place is not None
    assert update.place.line == line_with(text, "self.yhat")


def test_a_class_without_an_update_is_no_net(grade: Grade, tmp_path: Path) -> None:
    """It is refused, and the message says what is missing."""
    text = IN_TURN.partition("    def backward")[0] + "\n    def init_params(self):\n        pass\n"
    with pytest.raises(GradingError, match="the class `Model` is not graded as a net, although"):
        graded(grade, tmp_path, text)


def test_functions_are_graded_and_not_a_class_beside_them(grade: Grade, tmp_path: Path) -> None:
    """The class is wrong, and the functions are right."""
    functions = """
def initialise_parameters(dim):
    return {"W1": np.full((2, 2), 0.1), "b1": np.zeros((2, 1)),
            "W2": np.full((2, 1), 0.1), "b2": np.zeros((1, 1))}

def forward(X, p):
    A1 = p["W1"].T @ X + p["b1"]
    return p["W2"].T @ A1 + p["b2"], A1

def update(p, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    d1 = p["W2"] * e
    p["W2"] += 0.001 * e * A1
    p["b2"] += 0.01 * e
    p["W1"] += 0.001 * X @ d1.T
    p["b1"] += 0.01 * d1
"""
    task = graded(grade, tmp_path, ATTRIBUTES.replace("0.01", "0.5") + functions)
    assert task.score == task.max_score
