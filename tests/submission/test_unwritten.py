"""What of a function is still to be written is told from its text."""

from __future__ import annotations

import ast

import pytest

from gradkit.submission.definitions import unwritten

TO_BE_WRITTEN = {
    "loss, dW = 0.0, np.zeros_like(A2)\n    pass\n    return loss, dW": 1,
    "m = Y.shape[1]\n    pass\n    out, cache = None, (Y, len(Y))\n    return out, cache": 1,
    "cost = None\n    cost = np.squeeze(cost)\n    return cost": 2,
    "grads['d' + name] = None\n    return grads": 2,
    "Z, cache = None\n    A, more = None\n    return A, (cache, more)": 2,
    "...\n    return A2, cache": 1,
    "W = A2\n    W -= None\n    return W": 3,
    "m = Y.shape[1]\n    cost = 1 / m * None\n    return cost": 3,
    "m = Y.shape[1]\n    cost = float(np.squeeze(cost))\n    assert cost\n    return cost": 3,
    "cost = np.sum(Y)\n    cost = None\n    cost = None\n    return cost / 2": 4,
    "dA = A2 @ Y\n    dA = None\n    dZ = np.multiply(dA, np.int64(A2 > 0))\n    return dZ": 3,
}
WRITTEN = (
    "return np.zeros_like(A2), 0.0",
    "loss = 0.0\n    pass\n    return loss + Y.sum()",
    "dW = np.zeros_like(A2)\n    pass\n    return np.sum(Y), dW",
    "loss = 0.0\n    for y in Y:\n        loss += y\n    pass\n    return loss",
    "grads['d'] = None\n    grads['d'] = Y.sum()\n    return grads",
    "parameters['W'] = parameters['W'] - A2\n    return parameters",
    "cache, m = None, 1\n    return m",
    "...\n    return A2 @ Y[..., 0]",
    "if Y is None:\n        return A2 @ A2\n    return A2 * (Y == None)",
    "Y = Y.reshape(1, -1)\n    return Y",
    "cost = np.sum(Y)\n    cost = float(cost)\n    return cost",
    "cost = 0\n    for y in Y:\n        cost = cost + y\n    return cost",
    "(cost, m) = Y, 1\n    cost = cost / m\n    return cost",
    "for cost in Y:\n        cost = -cost\n    return cost",
    "best = np.sum(Y)\n    best = None\n    best = np.min(Y)\n    return best",
    "big = A2 @ A2\n    cost = np.sum(big)\n    big = None\n    return cost",
    "best = 1\n    best = None\n    out = Y if best is None else best\n    return out",
    "last = 1\n    last = None\n    for y in Y:\n        last = y\n    return last",
    "cache = (A2, Y)\n    cache = None\n    return A2 * Y, cache",
    "if Y:\n        b = A2\n        b = None\n    return np.sum(A2, b)",
    "last = None\n    Y, last = np.split(A2, last)\n    return Y, last",
    "out = None\n    for n in range(3):\n        out[n] = A2[n] @ Y\n    return out",
)


def line_of(body: str) -> int | None:
    """The line that is said to be still to be written."""
    return unwritten(ast.parse(f"def compute_cost(A2, Y):\n    {body}\n").body[0])


@pytest.mark.parametrize("body", TO_BE_WRITTEN)
def test_a_name_that_has_a_value_only_from_itself_is_to_be_written(body: str) -> None:
    """As starters leave it, with a last line of the course's own."""
    assert line_of(body) == TO_BE_WRITTEN[body]


def test_of_a_class_the_constructor_is_looked_at() -> None:
    """Another method is another matter."""
    text = "class Net:\n    def loss(self):\n        pass\n\n    def __init__(self):\n        {}\n"
    assert unwritten(ast.parse(text.format("self.W = 1")).body[0]) is None
    assert unwritten(ast.parse(text.format("pass")).body[0]) == 5
    assert unwritten(ast.parse("class Net:\n    pass\n").body[0]) is None


@pytest.mark.parametrize("body", WRITTEN)
def test_a_name_that_has_a_value_before_is_written(body: str) -> None:
    """A parameter, another assignment, a loop."""
    assert line_of(body) is None
