"""The same right update in the styles that students use, and mistakes made in single lines.

A `Style` is the text of one or several cells. A `Slip` replaces lines of it; the mistake is
then in those lines, unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FORWARD = """
def initialise_parameters(dim):
    return {{
        "W1": np.full({W1}, 0.1), "b1": np.zeros({b1}), "W2": np.full({W2}, 0.1), "b2": np.zeros((1, 1))
    }}

def L_layer_forward(X, parameters):
    A1 = {act}({first})
    return {act}({second}), A1
"""
COLUMN = {"W1": "(2, 2)", "b1": "(2, 1)", "W2": "(2, 1)"}
IN_OUT = {
    **COLUMN,
    "first": 'parameters["W1"].T @ X + parameters["b1"]',
    "second": 'parameters["W2"].T @ A1 + parameters["b2"]',
}
OUT_IN = {
    **COLUMN,
    "W2": "(1, 2)",
    "first": 'parameters["W1"] @ X + parameters["b1"]',
    "second": 'parameters["W2"] @ A1 + parameters["b2"]',
}
ROWS = {
    **COLUMN,
    "b1": "(1, 2)",
    "first": 'X @ parameters["W1"] + parameters["b1"]',
    "second": 'A1 @ parameters["W2"] + parameters["b2"]',
}
IMPORTS = "import numpy as np\n\ndef sigmoid(z):\n    return 1 / (1 + np.exp(-z))\n"


@dataclass(frozen=True)
class Slip:
    """``lines`` maps right lines to wrong lines; ``at`` are the lines that must be reported."""

    code: str
    lines: Mapping[str, str]
    at: tuple[str, ...] = ()
    changed: str = ""
    applied: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Style:
    """``cells`` without the forward pass, which ``layout`` gives."""

    name: str
    task: str
    cells: tuple[str, ...]
    slips: tuple[Slip, ...]
    layout: Mapping[str, str] = field(default_factory=lambda: IN_OUT)

    def sources(self, slip: Slip | None = None) -> tuple[str, ...]:
        """The cells, with a mistake in them."""
        act = "sigmoid" if self.task.startswith("class") else ""
        cells = (IMPORTS + FORWARD.format(act=act, **self.layout), *self.cells)
        return tuple(_replaced(cell, slip) for cell in cells) if slip else cells


def _replaced(cell: str, slip: Slip) -> str:
    lines = [
        slip.lines.get(line.strip(), line.strip()).join(
            [line[: len(line) - len(line.lstrip())], ""]
        )
        for line in cell.split("\n")
    ]
    return "\n".join(lines)


ENTRIES = Style(
    "entry by entry, in place",
    "regression-numpy",
    (
        """
def update_parameters(parameters, y, y_hat, A1, X):
    parameters["W1"][0][0] = parameters["W1"][0][0] + 0.001 * 2 * (y - y_hat) * parameters["W2"][0][0] * X[0][0]
    parameters["W1"][0][1] = parameters["W1"][0][1] + 0.001 * 2 * (y - y_hat) * parameters["W2"][1][0] * X[0][0]
    parameters["W1"][1][0] = parameters["W1"][1][0] + 0.001 * 2 * (y - y_hat) * parameters["W2"][0][0] * X[1][0]
    parameters["W1"][1][1] = parameters["W1"][1][1] + 0.001 * 2 * (y - y_hat) * parameters["W2"][1][0] * X[1][0]
    parameters["b1"][0][0] = parameters["b1"][0][0] + 0.01 * 2 * (y - y_hat) * parameters["W2"][0][0]
    parameters["b1"][1][0] = parameters["b1"][1][0] + 0.01 * 2 * (y - y_hat) * parameters["W2"][1][0]
    old = parameters["W2"].copy()
    parameters["W2"][0][0] = parameters["W2"][0][0] + 0.001 * 2 * (y - y_hat) * A1[0][0]
    parameters["W2"][1][0] = parameters["W2"][1][0] + 0.001 * 2 * (y - y_hat) * A1[1][0]
    parameters["b2"][0][0] = parameters["b2"][0][0] + 0.01 * 2 * (y - y_hat)
""",
    ),
    (
        Slip(
            "swapped-index",
            {
                'parameters["W1"][0][1] = parameters["W1"][0][1] + 0.001 * 2 * (y - y_hat) * parameters["W2"][1][0] * X[0][0]': 'parameters["W1"][0][1] = parameters["W1"][0][1] + 0.001 * 2 * (y - y_hat) * parameters["W2"][0][0] * X[1][0]',
                'parameters["W1"][1][0] = parameters["W1"][1][0] + 0.001 * 2 * (y - y_hat) * parameters["W2"][0][0] * X[1][0]': 'parameters["W1"][1][0] = parameters["W1"][1][0] + 0.001 * 2 * (y - y_hat) * parameters["W2"][1][0] * X[0][0]',
            },
        ),
        Slip(
            "uneven-learning-rate",
            {
                'parameters["W1"][1][0] = parameters["W1"][1][0] + 0.001 * 2 * (y - y_hat) * parameters["W2"][0][0] * X[1][0]': 'parameters["W1"][1][0] = parameters["W1"][1][0] + 0.01 * 2 * (y - y_hat) * parameters["W2"][0][0] * X[1][0]'
            },
        ),
        Slip(
            "wrong-source-entry",
            {
                'parameters["b1"][1][0] = parameters["b1"][1][0] + 0.01 * 2 * (y - y_hat) * parameters["W2"][1][0]': 'parameters["b1"][1][0] = parameters["b1"][0][0] + 0.01 * 2 * (y - y_hat) * parameters["W2"][1][0]'
            },
        ),
        Slip(
            "wrong-source-entry",
            {
                'parameters["b2"][0][0] = parameters["b2"][0][0] + 0.01 * 2 * (y - y_hat)': 'parameters["b2"][0][0] = parameters["W2"][1][0] + 0.01 * 2 * (y - y_hat)'
            },
        ),
        Slip(
            "overwritten",
            {
                'parameters["b2"][0][0] = parameters["b2"][0][0] + 0.01 * 2 * (y - y_hat)': 'parameters["b2"][0][0] =+ 0.01 * 2 * (y - y_hat)'
            },
        ),
        Slip(
            "wrong-sign",
            {
                'parameters["b1"][1][0] = parameters["b1"][1][0] + 0.01 * 2 * (y - y_hat) * parameters["W2"][1][0]': 'parameters["b1"][1][0] = parameters["b1"][1][0] - 0.01 * 2 * (y - y_hat) * parameters["W2"][1][0]'
            },
        ),
        Slip(
            "wrong-target",
            {
                'parameters["W2"][1][0] = parameters["W2"][1][0] + 0.001 * 2 * (y - y_hat) * A1[1][0]': 'parameters["W2"][0][0] = parameters["W2"][0][0] + 0.001 * 2 * (y - y_hat) * A1[1][0]'
            },
        ),
    ),
)

SLICES = Style(
    "slices, in place",
    "regression-numpy",
    (
        """
def update_parameters(parameters, y, y_hat, A1, X):
    W1, b1, W2, b2 = (parameters[key] for key in ("W1", "b1", "W2", "b2"))
    gap = -2 * (y - y_hat)
    W1[:, 0:1] -= 0.001 * gap * W2[0] * X
    W1[:, 1:2] -= 0.001 * gap * W2[1] * X
    b1[0] -= 0.01 * gap * W2[0]
    b1[1] -= 0.01 * gap * W2[1]
    W2[:, :] -= 0.001 * gap * A1
    b2[:] -= 0.01 * gap
""",
    ),
    (
        Slip(
            "wrong-index",
            {"W1[:, 1:2] -= 0.001 * gap * W2[1] * X": "W1[:, 1:2] -= 0.001 * gap * W2[0] * X"},
        ),
        Slip(
            "updated-before-use",
            {
                "gap = -2 * (y - y_hat)": "gap = -2 * (y - y_hat); W2[:, :] -= 0.001 * gap * A1",
                "W2[:, :] -= 0.001 * gap * A1": "pass",
            },
            at=(
                "W1[:, 0:1] -= 0.001 * gap * W2[0] * X",
                "W1[:, 1:2] -= 0.001 * gap * W2[1] * X",
                "b1[0] -= 0.01 * gap * W2[0]",
                "b1[1] -= 0.01 * gap * W2[1]",
            ),
            changed="gap = -2 * (y - y_hat); W2[:, :] -= 0.001 * gap * A1",
        ),
        Slip("wrong-sign", {"b1[1] -= 0.01 * gap * W2[1]": "b1[1] += 0.01 * gap * W2[1]"}),
        Slip("squared-error", {"gap = -2 * (y - y_hat)": "gap = -2 * (y - y_hat) ** 2"}),
        Slip("wrong-factor", {"gap = -2 * (y - y_hat)": "gap = -(y - y_hat)"}),
    ),
)

VECTORISED = Style(
    "whole arrays",
    "classification-numpy",
    (
        """
def update_parameters(parameters, y, y_hat, A1, X):
    lr_w = 0.001
    lr_b = 0.01
    dZ2 = y_hat - y
    dW2 = A1 * dZ2
    db2 = dZ2
    dA1 = parameters["W2"] * dZ2
    dZ1 = dA1 * A1 * (1 - A1)
    dW1 = np.dot(X, dZ1.T)
    db1 = dZ1
    parameters["W1"] -= lr_w * dW1
    parameters["b1"] -= lr_b * db1
    parameters["W2"] -= lr_w * dW2
    parameters["b2"] -= lr_b * db2
""",
    ),
    (
        Slip("swapped-index", {"dW1 = np.dot(X, dZ1.T)": "dW1 = np.dot(dZ1, X.T)"}),
        Slip(
            "swapped-index",
            {'parameters["W1"] -= lr_w * dW1': 'parameters["W1"] -= lr_w * dW1.T'},
        ),
        Slip("wrong-activation-derivative", {"dZ1 = dA1 * A1 * (1 - A1)": "dZ1 = dA1 * (1 - A1)"}),
        Slip("wrong-activation-derivative", {"dZ1 = dA1 * A1 * (1 - A1)": "dZ1 = dA1 * A1"}),
        Slip(
            "extra-activation-derivative",
            {"dZ1 = dA1 * A1 * (1 - A1)": "dZ1 = dA1 * (A1 * (1 - A1)) ** 2"},
        ),
        Slip(
            "wrong-derivative-argument",
            {"dZ1 = dA1 * A1 * (1 - A1)": "dZ1 = dA1 * sigmoid(A1) * (1 - sigmoid(A1))"},
        ),
        Slip("missing-activation-derivative", {"dA1 = parameters[\"W2\"] * dZ2": "pass",
             "dZ1 = dA1 * A1 * (1 - A1)": 'dZ1 = parameters["W2"] * dZ2'},
             at=('dZ1 = parameters["W2"] * dZ2',)),
        Slip("extra-output-derivative", {"dZ2 = y_hat - y": "dZ2 = (y_hat - y) * y_hat * (1 - y_hat)"}),
        Slip("missing-output-derivative", {"dZ2 = y_hat - y": "dZ2 = -y / y_hat + (1 - y) / (1 - y_hat)"}),
        Slip("wrong-error", {"dZ2 = y_hat - y": "dZ2 = -y"}),
        Slip("wrong-error", {"dZ2 = y_hat - y": "dZ2 = -y_hat"}),
        Slip("wrong-layer-input", {"dW2 = A1 * dZ2": "dW2 = X * dZ2"}),
        Slip("missing-input", {"dW1 = np.dot(X, dZ1.T)": "dW1 = np.dot(np.ones_like(X), dZ1.T)"}),
        Slip("missing-weight", {'dA1 = parameters["W2"] * dZ2': "dA1 = np.ones_like(A1) * dZ2"}),
        Slip("bias-sum-axis", {"db1 = dZ1": "db1 = np.sum(dZ1)"}),
        Slip("bias-times-input", {"db1 = dZ1": "db1 = dZ1 * X"}),
        Slip("wrong-sum-axis", {"dW1 = np.dot(X, dZ1.T)": "dW1 = np.sum(np.dot(X, dZ1.T), axis=0)"}),
        Slip("wrong-factor", {"dW1 = np.dot(X, dZ1.T)": "dW1 = np.dot(X, dZ1.T) / len(X)"}),
        Slip("wrong-sign", {"dZ1 = dA1 * A1 * (1 - A1)": "dZ1 = -dA1 * A1 * (1 - A1)"}),
        Slip("wrong-sign", {'parameters["W2"] -= lr_w * dW2': 'parameters["W2"] += lr_w * dW2'}),
        Slip("wrong-learning-rate", {"lr_b = 0.01": "lr_b = 0.05"}),
        Slip("wrong-learning-rate", {"lr_w = 0.001": "lr_w = 0.01"},
             at=('parameters["W1"] -= lr_w * dW1', 'parameters["W2"] -= lr_w * dW2')),
        Slip("uneven-learning-rate", {'parameters["W1"] -= lr_w * dW1': 'parameters["W1"] -= lr_b * dW1'}),
        Slip("updated-before-use", {
            "db2 = dZ2": 'db2 = dZ2; parameters["W2"] -= lr_w * dW2',
            'parameters["W2"] -= lr_w * dW2': "pass"},
            at=('dA1 = parameters["W2"] * dZ2',),
            changed='db2 = dZ2; parameters["W2"] -= lr_w * dW2'),
        Slip("not-updated", {'parameters["b1"] -= lr_b * db1': "pass"}, at=("def update_parameters(parameters, y, y_hat, A1, X):",)),
        Slip("not-updated", {'parameters["W1"] -= lr_w * dW1': 'W1 = parameters["W1"] - lr_w * dW1'}),
        Slip("input-mutated", {"dA1 = parameters[\"W2\"] * dZ2": 'dA1 = parameters["W2"] * dZ2; A1 *= 1 - A1',
             "dZ1 = dA1 * A1 * (1 - A1)": "dZ1 = dA1 * A1", "dW2 = A1 * dZ2": "pass",
             'parameters["W2"] -= lr_w * dW2': 'parameters["W2"] -= lr_w * A1 * dZ2'},
             at=('dA1 = parameters["W2"] * dZ2; A1 *= 1 - A1',)),
    ),
)  # fmt: skip

LOOPS = Style(
    "loops over units",
    "classification-numpy",
    (
        """
def update_parameters(parameters, y, y_hat, A1, X):
    error = y - y_hat
    delta = [0.0, 0.0]
    for j in range(2):
        delta[j] = error * parameters["W2"][j][0] * A1[j][0] * (1 - A1[j][0])
    for j in range(2):
        for i in range(2):
            parameters["W1"][i][j] += 0.001 * delta[j] * X[i][0]
        parameters["b1"][j][0] += 0.01 * delta[j]
        parameters["W2"][j][0] += 0.001 * error * A1[j][0]
    parameters["b2"][0][0] += 0.01 * error
""",
    ),
    (
        Slip("swapped-index", {
            'parameters["W1"][i][j] += 0.001 * delta[j] * X[i][0]':
                'parameters["W1"][i][j] += 0.001 * delta[i] * X[j][0]'}),
        Slip("wrong-activation-derivative", {
            'delta[j] = error * parameters["W2"][j][0] * A1[j][0] * (1 - A1[j][0])':
                'delta[j] = error * parameters["W2"][j][0] * (1 - A1[j][0])'}),
        Slip("missing-activation-derivative", {
            'delta[j] = error * parameters["W2"][j][0] * A1[j][0] * (1 - A1[j][0])':
                'delta[j] = error * parameters["W2"][j][0]'}),
        Slip("wrong-sign", {
            'parameters["b1"][j][0] += 0.01 * delta[j]': 'parameters["b1"][j][0] -= 0.01 * delta[j]'}),
        Slip("wrong-learning-rate", {
            'parameters["b1"][j][0] += 0.01 * delta[j]': 'parameters["b1"][j][0] += 0.001 * delta[j]',
            'parameters["b2"][0][0] += 0.01 * error': 'parameters["b2"][0][0] += 0.001 * error'}),
        Slip("extra-factor", {
            'parameters["W2"][j][0] += 0.001 * error * A1[j][0]':
                'parameters["W2"][j][0] += 0.001 * error * A1[j][0] * parameters["W2"][j][0]'}),
    ),
)  # fmt: skip

COMPREHENSIONS = Style(
    "comprehensions",
    "classification-numpy",
    (
        'RATES = {"W": 0.001,\n         "b": 0.01}\n',
        """
def update_parameters(parameters, y, y_hat, A1, X):
    gap = y - y_hat
    back = np.array([[gap * w * a * (1 - a)] for w, a in zip(parameters["W2"][:, 0], A1[:, 0])])
    grads = {
        "W1": X @ back.T,
        "b1": back,
        "W2": gap * A1,
        "b2": np.array([[gap]]),
    }
    new = {
        key: value + RATES[key[0]] * grads[key]
        for key, value in parameters.items()
    }
    parameters.update(new)
""",
    ),
    (
        Slip("wrong-activation-derivative", {
            'back = np.array([[gap * w * a * (1 - a)] for w, a in zip(parameters["W2"][:, 0], A1[:, 0])])':
                'back = np.array([[gap * w * (1 - a)] for w, a in zip(parameters["W2"][:, 0], A1[:, 0])])'}),
        Slip("swapped-index", {'"W1": X @ back.T,': '"W1": back @ X.T,'}),
        Slip("wrong-layer-input", {'"W2": gap * A1,': '"W2": gap * X,'}),
        Slip("wrong-sign", {"key: value + RATES[key[0]] * grads[key]": "key: value - RATES[key[0]] * grads[key]"}),
        Slip("wrong-learning-rate", {'"b": 0.01}': '"b": 0.1}'}, at=('RATES = {"W": 0.001,',)),
    ),
)  # fmt: skip

HELPERS = Style(
    "helpers in other cells",
    "classification-numpy",
    (
        """
def slope(A):
    return A * (1 - A)

def apply(parameters, key, step):
    parameters[key] = parameters[key] + step
""",
        """
outer = lambda left, right: np.dot(left, right.T)

def hidden_error(weights, delta, activations):
    error = np.dot(weights, delta)
    error = error * slope(activations)
    return error
""",
        """
def update_parameters(parameters, y, y_hat, A1, X):
    delta2 = np.array([[y - y_hat]])
    delta1 = hidden_error(parameters["W2"], delta2, A1)
    apply(parameters, "W1", 0.001 * outer(X, delta1))
    apply(parameters, "b1", 0.01 * delta1)
    apply(parameters, "W2", 0.001 * outer(A1, delta2))
    apply(parameters, "b2", 0.01 * delta2)
""",
    ),
    (
        Slip("wrong-activation-derivative", {"return A * (1 - A)": "return 1 - A"}),
        Slip("wrong-activation-derivative", {"return A * (1 - A)": "return 1 - A ** 2"}),
        Slip("missing-activation-derivative", {"error = error * slope(activations)": "pass"},
             at=("error = np.dot(weights, delta)",)),
        Slip("wrong-derivative-argument", {"error = error * slope(activations)": "error = error * slope(sigmoid(activations))"}),
        Slip("swapped-index", {"outer = lambda left, right: np.dot(left, right.T)": "outer = lambda left, right: np.dot(right, left.T) if len(right) == 2 else np.dot(left, right.T)"}),
        Slip("swapped-index", {'apply(parameters, "W1", 0.001 * outer(X, delta1))': 'apply(parameters, "W1", 0.001 * outer(delta1, X))'},
             at=("outer = lambda left, right: np.dot(left, right.T)",)),
        Slip("wrong-sign", {"parameters[key] = parameters[key] + step": "parameters[key] = parameters[key] - step"}),
        Slip("updated-before-use", {
            "delta2 = np.array([[y - y_hat]])": 'delta2 = np.array([[y - y_hat]]); apply(parameters, "W2", 0.001 * outer(A1, delta2))',
            'apply(parameters, "W2", 0.001 * outer(A1, delta2))': "pass"},
            at=("error = np.dot(weights, delta)",),
            changed="parameters[key] = parameters[key] + step"),
        Slip("wrong-learning-rate", {'apply(parameters, "b1", 0.01 * delta1)': 'apply(parameters, "b1", 0.1 * delta1)',
             'apply(parameters, "b2", 0.01 * delta2)': 'apply(parameters, "b2", 0.1 * delta2)'}),
    ),
)  # fmt: skip

RETURNED = Style(
    "a returned new dict",
    "regression-numpy",
    (
        """
def update_parameters(parameters, y, y_hat, A1, X):
    dA2 = 2 * (y_hat - y)
    dA1 = parameters["W2"] * dA2
    dW1 = X @ dA1.T
    return {
        "W1": parameters["W1"] - 0.001 * dW1,
        "b1": parameters["b1"] - 0.01 * dA1,
        "W2": parameters["W2"] - 0.001 * A1 * dA2,
        "b2": parameters["b2"] - 0.01 * dA2,
    }
""",
    ),
    (
        Slip("swapped-index", {"dW1 = X @ dA1.T": "dW1 = dA1 @ X.T"}),
        Slip("wrong-sign", {'"b1": parameters["b1"] - 0.01 * dA1,': '"b1": parameters["b1"] + 0.01 * dA1,'}),
        Slip("wrong-learning-rate", {'"W1": parameters["W1"] - 0.001 * dW1,': '"W1": parameters["W1"] - 0.01 * dW1,',
             '"W2": parameters["W2"] - 0.001 * A1 * dA2,': '"W2": parameters["W2"] - 0.01 * A1 * dA2,'}),
        Slip("wrong-layer-input", {'"W2": parameters["W2"] - 0.001 * A1 * dA2,': '"W2": parameters["W2"] - 0.001 * X * dA2,'}),
        Slip("overwritten", {'"b2": parameters["b2"] - 0.01 * dA2,': '"b2": -0.01 * dA2 * np.ones((1, 1)),'}),
        Slip("wrong-factor", {"dA2 = 2 * (y_hat - y)": "dA2 = y_hat - y"}),
    ),
)  # fmt: skip

TRANSPOSED = Style(
    "weights as (out, in)",
    "classification-numpy",
    (
        """
def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = np.array([[y_hat - y]])
    dW2 = dZ2 @ A1.T
    dA1 = parameters["W2"].T @ dZ2
    dZ1 = dA1 * A1 * (1 - A1)
    dW1 = dZ1 @ X.T
    parameters["W1"] = parameters["W1"] - 0.001 * dW1
    parameters["b1"] = parameters["b1"] - 0.01 * dZ1
    parameters["W2"] = parameters["W2"] - 0.001 * dW2
    parameters["b2"] = parameters["b2"] - 0.01 * dZ2
""",
    ),
    (
        Slip("swapped-index", {"dW1 = dZ1 @ X.T": "dW1 = X @ dZ1.T"}),
        Slip("swapped-index", {'parameters["W1"] = parameters["W1"] - 0.001 * dW1': 'parameters["W1"] = parameters["W1"] - 0.001 * dW1.T'}),
        Slip("wrong-activation-derivative", {"dZ1 = dA1 * A1 * (1 - A1)": "dZ1 = dA1 * (1 - A1)"}),
        Slip("wrong-layer-input", {"dW2 = dZ2 @ A1.T": "dW2 = dZ2 @ X.T"}),
        Slip("uneven-learning-rate", {"dW1 = dZ1 @ X.T": "dW1 = dZ1 @ X.T; dW1[1] *= 10"}),
        Slip("updated-before-use", {"dA1 = parameters[\"W2\"].T @ dZ2": 'parameters["W2"] = parameters["W2"] - 0.001 * dW2; dA1 = parameters["W2"].T @ dZ2',
             'parameters["W2"] = parameters["W2"] - 0.001 * dW2': "pass"},
             at=('parameters["W2"] = parameters["W2"] - 0.001 * dW2; dA1 = parameters["W2"].T @ dZ2',),
             changed='parameters["W2"] = parameters["W2"] - 0.001 * dW2; dA1 = parameters["W2"].T @ dZ2'),
    ),
    OUT_IN,
)  # fmt: skip

ROW = Style(
    "row vectors",
    "classification-numpy",
    (
        """
def update_parameters(parameters, y, y_hat, A1, X):
    d2 = y_hat - y
    d1 = d2 * parameters["W2"].T * A1 * (1 - A1)
    step = {"W1": X.T @ d1, "b1": d1, "W2": A1.T * d2, "b2": d2}
    for key in step:
        rate = 0.001 if key[0] == "W" else 0.01
        parameters[key] = parameters[key] - rate * step[key]
""",
    ),
    (
        Slip("wrong-activation-derivative", {'d1 = d2 * parameters["W2"].T * A1 * (1 - A1)': 'd1 = d2 * parameters["W2"].T * (1 - A1)'}),
        Slip("swapped-index", {'step = {"W1": X.T @ d1, "b1": d1, "W2": A1.T * d2, "b2": d2}': 'step = {"W1": d1.T @ X, "b1": d1, "W2": A1.T * d2, "b2": d2}'}),
        Slip("wrong-sign", {"parameters[key] = parameters[key] - rate * step[key]": "parameters[key] = parameters[key] + rate * step[key]"}),
        Slip("copy-dropped", {"d2 = y_hat - y": "d2 = y_hat - y; parameters = dict(parameters)"}),
        Slip("nothing-updated", {"parameters[key] = parameters[key] - rate * step[key]": "pass"},
             at=('step = {"W1": X.T @ d1, "b1": d1, "W2": A1.T * d2, "b2": d2}',)),
        Slip("not-updated", {'step = {"W1": X.T @ d1, "b1": d1, "W2": A1.T * d2, "b2": d2}': 'step = {"W1": X.T @ d1, "W2": A1.T * d2, "b2": d2}'},
             at=("def update_parameters(parameters, y, y_hat, A1, X):",)),
    ),
    ROWS,
)  # fmt: skip

STYLES = (ENTRIES, SLICES, VECTORISED, LOOPS, COMPREHENSIONS, HELPERS, RETURNED, TRANSPOSED, ROW)
