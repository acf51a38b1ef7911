"""Write the same right update in several styles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

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
class Style:
    """A right update of a task; ``layout`` gives the forward pass in the cell above it."""

    task: str
    cell: str
    layout: Mapping[str, str] = field(default_factory=lambda: IN_OUT)

    def sources(self, changes: Mapping[str, str] = MappingProxyType({})) -> tuple[str, str]:
        """Return both cells, with some lines of the update replaced."""
        act = "sigmoid" if self.task.startswith("class") else ""
        lines = self.cell.split("\n")
        indents = [line[: len(line) - len(line.lstrip())] for line in lines]
        texts = [changes.get(line.strip(), line.strip()) for line in lines]
        update = "\n".join(map(str.__add__, indents, texts))
        return IMPORTS + FORWARD.format(act=act, **self.layout), update


ENTRIES = Style(
    "regression-numpy",
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
)


VECTORISED = Style(
    "classification-numpy",
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
)


TRANSPOSED = Style(
    "classification-numpy",
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
    OUT_IN,
)
