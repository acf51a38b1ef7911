"""Send one request of each kind about a small submission."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradkit.runtime.frames import TO_GRADER, Frame, encode

NUMPY = '''
"""A net of one unit in each layer."""
import numpy as np

def initialise(dim):
    return {f"{key}{layer}": np.full((dim[0], 1), 0.1) for layer in (1, 2) for key in "Wb"}

def forward(X, parameters):
    A1 = np.dot(parameters["W1"].T, X) + parameters["b1"]
    return parameters["W2"].T @ A1 + parameters["b2"], A1

def update(parameters, y, y_hat, A1, X):
    delta = -2 * (y - y_hat)
    for key in parameters:
        parameters[key] = parameters[key] - 0.01 * delta
'''

TORCH = """
import torch
from torch import nn

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.stack = nn.Sequential(nn.Linear(1, 1), nn.Sigmoid(), nn.Linear(1, 1))

    def forward(self, X):
        return self.stack(X)

def train(model, X, y, epochs, lr):
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = criterion(model(X).flatten(), y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses
"""

CELL = "rehearsal.py"
KEYS = ("W1", "b1", "W2", "b2")


def put_all(handlers: Mapping[str, Callable[[Frame], Frame]]) -> None:
    """Pass one request of each kind to its handler, and check that the reply can be encoded."""
    one = np.ones((1, 1))
    parameters = dict.fromkeys(KEYS, one)
    call = _call("forward", ["X", "parameters"], {"y_hat": [0], "A1": [1]})
    update = _call("update", ["parameters", "y", "y_hat", "A1", "X"], {})
    column = {**parameters, "X": one, "y": one, "rate": np.array(0.0)}
    row = {name: value[None] for name, value in column.items()}
    questions = [
        Frame("load", {}, _sources(NUMPY)),
        Frame("functions", {}, {"names": ["update"]}),
        Frame("left", {}, {"first": "forward", "then": "update"}),
        Frame("explore", {"dim": np.ones(1, int)}, {"call": _call("initialise", ["dim"], {})}),
        Frame("explore", column, {"call": call}),
        Frame("batch", row, {"call": call, "n": 1}),
        Frame("batch", {**row, "y_hat": one[None], "A1": one[None]}, {"call": update, "n": 1}),
        Frame(
            "run",
            {**column, "X": one[None], "y": one[None]},
            {"forward": call, "update": update, "epochs": 2},
        ),
    ]
    if "torch" in sys.modules:
        predict = _call("Model", [], {"y_hat": []})
        train = _call("train", ["model", "X", "y", "epochs", "rate"], {"loss": []})
        training = {"model": "Model", "target": "flat"}
        questions += [
            Frame("load", {}, _sources(TORCH)),
            Frame("model", {}, {"candidates": ["Model"], "inputs": 2, "most": 4}),
            Frame("predict", {**row, "y": one[None]}, {"call": predict, "n": 1}),
            Frame(
                "train",
                {**parameters, "X": one, "y": one, "rate": np.array(0.1)},
                {"call": train, "epochs": 2, "training": training},
            ),
        ]
    for question in questions:
        encode(handlers[question.kind](question), TO_GRADER)


def _sources(source: str) -> dict[str, Any]:
    """Return the data of a request to load a section with one cell."""
    own = [[CELL, source]]
    return {
        "own": own,
        "shared": [],
        "borrowed": [],
        "modules": {},
        "forbidden": [],
        "imports": {"allowed": [], "forbidden": []},
        "seed": 0,
    }


def _call(function: str, arguments: list[str], returns: Mapping[str, list[int]]) -> dict[str, Any]:
    """Return a call in the form that `gradkit.runtime.call` describes."""
    shapes = {name: [] if name == "loss" else [1, 1] for name in returns or KEYS}
    return {
        "function": function,
        "arguments": arguments,
        "by_name": [],
        "keys": dict(zip(KEYS, KEYS, strict=True)),
        "weights": "in_out",
        "vectors": "column",
        "biases": "column",
        "scalars": "scalar",
        "inputs": "array",
        "columns": [],
        "returns": dict(returns),
        "shapes": shapes,
    }
