"""A model solution for a task, written from its layers, loss and rates.

It reads as a person would write it, and imports nothing of gradkit, so that it can be held
against the assignment file as any other.
"""

from __future__ import annotations

from collections.abc import Mapping

from gradkit.authoring.new import starter, words
from gradkit.records.task import Task
from gradkit.task.activations import ACTIVATIONS

CALLS: Mapping[str, str] = {"linear": "{}", "sigmoid": "sigmoid({})", "tanh": "np.tanh({})"}
"""An activation of an exercise that is drawn, in numpy: the sigmoid has a function of its own."""

SLOPES: Mapping[str, str] = {"linear": "", "sigmoid": " * A1 * (1 - A1)", "tanh": " * (1 - A1**2)"}
"""Its derivative, from the layer's output, as a further factor."""


def solution(task: Task) -> str:
    """The text of the model solution."""
    head = f'"""{words.heading(task)}, {words.net(task)}: the model solution. Not for students."""'
    parts = _numpy(task) if task.framework == "numpy" else _torch(task)
    return "\n\n\n".join([f"{head}\n\n{starter.imports(task)}{_rates(task)}", *parts]) + "\n"


def _rates(task: Task) -> str:
    if task.framework == "torch":
        return ""
    return f"\n\nWEIGHT_RATE = {task.rates.weight:g}\nBIAS_RATE = {task.rates.bias:g}"


def _numpy(task: Task) -> list[str]:
    weight, bias = words.begins(task)
    hidden, output = words.activations(task)
    same = words.alike(task)
    layer = CALLS[hidden if same else "linear"].format("W.T @ A_prev + b")
    first = 'linear_forward(X, parameters["W1"], parameters["b1"])'
    second = 'linear_forward(A1, parameters["W2"], parameters["b2"])'
    if not same:
        first, second = CALLS[hidden].format(first), CALLS[output].format(second)
    error = "-2 * (y - y_hat)" if task.loss == "squared_error" else "-(y - y_hat)"
    cancels = "" if task.loss == "squared_error" else "  # the output's sigmoid cancels"
    sigmoid = '''def sigmoid(Z):
    """Return 1 / (1 + e^(−Z)), entry by entry."""
    return 1 / (1 + np.exp(-Z))'''
    return [
        f'''def initialise_parameters(dim):
    """Return the starting parameters: every weight {weight:g}, every bias {bias:g}."""
    parameters = {{}}
    for layer in range(1, len(dim)):
        parameters[f"W{{layer}}"] = np.full((dim[layer - 1], dim[layer]), {weight:g})
        parameters[f"b{{layer}}"] = np.full((dim[layer], 1), {bias:.1f})
    return parameters''',
        *([sigmoid] if "sigmoid" in (hidden, output) else []),
        f'''def linear_forward(A_prev, W, b):
    """Return one layer's output, a column."""
    return {layer}''',
        f'''def L_layer_forward(X, parameters):
    """Return the prediction and the input of the last layer."""
    A1 = {first}
    return {second}, A1''',
        f'''def update_parameters(parameters, y, y_hat, A1, X):
    """Take one step of gradient descent, all gradients first, changing ``parameters``."""
    dZ2 = {error}{cancels}
    dW2 = A1 * dZ2
    dZ1 = parameters["W2"] * dZ2{SLOPES[hidden]}
    dW1 = X @ dZ1.T
    parameters["W1"] -= WEIGHT_RATE * dW1
    parameters["b1"] -= BIAS_RATE * dZ1
    parameters["W2"] -= WEIGHT_RATE * dW2
    parameters["b2"] -= BIAS_RATE * dZ2''',
    ]


def _in_torch(activation: str, summed: str) -> str:
    function = ACTIVATIONS[activation].torch
    return f"{function}({summed})" if function else summed


def _torch(task: Task) -> list[str]:
    n, h, o = words.sizes(task)
    hidden, output = words.activations(task)
    criterion = "nn.MSELoss()" if task.loss == "squared_error" else "nn.BCELoss()"
    return [
        f'''class Model(nn.Module):
    """{words.stack(task)}."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear({n}, {h})
        self.output = nn.Linear({h}, {o})

    def forward(self, X):
        """Return predictions of shape (examples, 1)."""
        A1 = {_in_torch(hidden, "self.hidden(X)")}
        return {_in_torch(output, "self.output(A1)")}''',
        f'''def train(model, X, y, epochs={task.epochs}, lr={task.rates.weight:g}):
    """Train ``model``; return the loss of each epoch before its step."""
    criterion = {criterion}
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = criterion(model(X).reshape(y.shape), y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses''',
    ]
