"""Wrong answers to the exercise of logistic regression, and its course's starters.

Callers of a wrong function are judged with a right one in its place, so they are right.
"""

from __future__ import annotations

STEPS = {"params['w']", "params['b']", "last['dw']", "last['db']", "costs[-1]"}

WRONG: dict[str, tuple[dict[str, str], set[str], str]] = {
    "no 1/m in the cost": (
        {"np.log(1 - A)) / m": "np.log(1 - A))"},
        {"cost"},
        "`cost` is m times the expected value",
    ),
    "no 1/m in dw": (
        {"X @ dZ.T / m": "X @ dZ.T"},
        {"grads['dw']"},
        "`grads['dw']` is m times the expected value",
    ),
    "no 1/m in db": (
        {"np.sum(dZ) / m": "np.sum(dZ)"},
        {"grads['db']"},
        "`grads['db']` is m times the expected value",
    ),
    "no 1/m at all": (
        {" / m": ""},
        {"cost"},  # the gradients are right for that cost
        "a division by m is missing",
    ),
    "mean for sum, in the cost": (
        {"-np.sum(Y": "-np.mean(Y"},
        {"cost"},
        "one division by m too many",
    ),
    "the other sign": (
        {"dZ = A - Y": "dZ = Y - A"},
        {"grads['dw']", "grads['db']"},
        "`grads['dw']` has the wrong sign.",
    ),
    "a constant forward, a zero backward": (
        {
            "cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m": "cost = 0.0",
            "dZ = A - Y": "dZ = 0 * Y",
        },
        {"cost", "grads['dw']", "grads['db']"},
        "is 0 in every entry",
    ),
    "X changed in place": (
        {"    dZ = A - Y": "    X *= 2\n    dZ = A - Y"},
        {"X left alone", "grads['dw']"},
        "`X` is changed in place, but must stay the same. Work on a copy.",
    ),
    "w changed in place": (
        {"    dZ = A - Y": "    w += 1\n    dZ = A - Y"},
        {"w left alone"},
        "`w` is changed in place, but must stay the same. Work on a copy.",
    ),
    "a step upwards": (
        {"w = w - learning_rate": "w = w + learning_rate"},
        STEPS,
        "`params['w']` is not right.",
    ),
    "a step too many": (
        {"range(num_iterations)": "range(num_iterations + 1)"},
        STEPS - {"costs[-1]"},
        "`params['w']` is not right.",
    ),
    "every tenth cost": (
        {"if i % 100 == 0": "if i % 10 == 0"},
        {"costs[-1]"},
        "only with num_iterations = 51",
    ),
    "probabilities for labels": ({" > 0.5)": ")"}, {"labels"}, "`labels` is not right."),
    "the sign within the sigmoid": (
        {"np.exp(-z)": "np.exp(z)"},
        {"s"},
        "`s` is not right.",
    ),
    "ones for zeros": ({"np.zeros((dim, 1))": "np.ones((dim, 1))"}, {"zero_w"}, "`zero_w` is not"),
}
"""Edits of the model solution, the outputs that they make wrong, and what is said."""

TEXT = '''
import numpy as np


def sigmoid(z):
    """Compute the sigmoid of z."""
    {}


def initialize_with_zeros(dim):
    """Create a vector of zeros and a bias."""
    {}


def propagate(w, b, X, Y):
    """Implement the cost function and its gradient."""
    {}


def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    """Optimize w and b by gradient descent."""
    {}


def predict(w, b, X):
    """Predict whether the label is 0 or 1."""
    {}
'''
FUNCTIONS = ("sigmoid", "initialize_with_zeros", "propagate", "optimize", "predict")
STARTERS = {
    body: TEXT.format(*[body] * len(FUNCTIONS))
    for body in ("pass", "# YOUR CODE HERE\n    raise NotImplementedError()")
}
