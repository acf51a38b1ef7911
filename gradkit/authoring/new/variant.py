"""Another exercise of the same kind: sizes, activation, rates, data and starts from a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradkit.records.task import Array
from gradkit.task.assignment import DEFAULT

TASKS_BELOW = "# --- the tasks "
"""The line of gradkit's own assignment file below which a variant has other text."""

STORIES = (
    (("sun", "water", "soil", "heat"), "growth", "blooms"),
    (("hours", "sleep", "breaks", "practice"), "score", "passed"),
    (("speed", "wind", "slope", "load"), "range", "arrived"),
    (("salt", "acid", "sugar", "time"), "taste", "sold"),
)
"""Features, what regression predicts, what classification predicts."""


def files_of(seed: int) -> dict[str, str]:
    """``assignment.toml`` and its CSVs. The same seed gives the same files."""
    draw = np.random.default_rng(seed)
    features, number, label = STORIES[draw.integers(len(STORIES))]
    roles = DEFAULT.read_text(encoding="utf-8").partition(TASKS_BELOW)[0]
    head, _, rest = roles.partition("[marking]")
    rest = rest.replace('"the 2-2-1 stack"', '"the layers that the task names"')
    title = "Backpropagation by hand"
    about = f"# {title}, in numpy and in torch: variant {seed}.\n" + "".join(
        line + "\n" for line in head.split("\n")[1:5]
    )
    keys = (
        'schema = "gradkit/assignment/v1"\n'
        f'id = "backpropagation-{seed}"\ntitle = "{title}"\n\n[marking]'
    )
    files = {}
    tasks = []
    for problem, target in (("regression", number), ("classification", label)):
        columns = (*_chosen(draw, features, int(draw.integers(3, 5))), target)
        hidden = int(draw.integers(3, 6))
        X = draw.integers(5, 31, (int(draw.integers(4, 7)), len(columns) - 1)) / 10
        y = _targets(draw, problem, len(X))
        files[f"{problem}.csv"] = _csv(columns, X, y)
        activation = str(draw.choice(["sigmoid", "tanh"]))
        tasks += _tasks(draw, problem, columns, hidden, activation)
    files["assignment.toml"] = "\n".join([about + keys + rest.rstrip("\n"), "", *tasks])
    return files


def _chosen(draw: np.random.Generator, names: Sequence[str], count: int) -> list[str]:
    return [names[i] for i in sorted(draw.permutation(len(names))[:count])]


def _targets(draw: np.random.Generator, problem: str, n: int) -> Array:
    if problem == "regression":
        return np.asarray(draw.integers(5, 41, n) / 10)
    # Both classes, in no order.
    return np.asarray(draw.permutation(np.arange(n) % 2), dtype=np.float64)


def _csv(columns: Sequence[str], X: Array, y: Array) -> str:
    rows = [[f"{value:g}" for value in (*row, target)] for row, target in zip(X, y, strict=True)]
    return "".join(",".join(row) + "\n" for row in [columns, *rows])


def _tasks(
    draw: np.random.Generator, problem: str, columns: Sequence[str], hidden: int, activation: str
) -> list[str]:
    """The problem's two tasks, in numpy and in torch."""
    regression = problem == "regression"
    words = ["regression", "mse"]
    if not regression:
        words = ["classification", "logistic regression", "binary classification", "bce"]
    output = "linear" if regression else "sigmoid"
    shared = f"""data = "{problem}.csv"
features = [{", ".join(f'"{name}"' for name in columns[:-1])}]
targets = ["{columns[-1]}"]
layers = [
  {{ units = {hidden}, activation = "{activation}" }},
  {{ units = 1, activation = "{output}" }},
]
loss = "{"squared_error" if regression else "binary_cross_entropy"}"
"""
    weight = float(draw.choice([0.002, 0.003, 0.004, 0.005]))
    bias = float(draw.choice([0.01, 0.02, 0.03]))
    rate = float(draw.choice([0.01, 0.02, 0.03] if regression else [0.05, 0.1, 0.2]))
    even = float(draw.choice([0.1, 0.2, 0.3]))
    epochs = int(draw.integers(4, 8)), int(draw.choice([20, 30] if regression else [40, 50, 60]))
    n = len(columns) - 1
    named = ", ".join(f'"{word}"' for word in words)
    helper, optional = ["layer"], ["layer"]
    if "sigmoid" in (activation, output):
        helper, optional = ["activation", "layer"], ["activation", "layer"]
    roles = ["initialise", *helper, "forward", "update"]
    heads = [
        f"""[[tasks]]
id = "{problem}-{framework}"
title = "{problem.capitalize()} in {framework}"
framework = "{framework}"
words = [{named}]
"""
        for framework in ("numpy", "torch")
    ]
    forward = 5 if regression else 6
    points = f"interface = 1, forward = {forward}, update = {17 - forward}, gradient = 0"
    return [
        f"""{heads[0]}{shared}rates = {{ weight = {weight:g}, bias = {bias:g}, policy = "exact" }}
epochs = {epochs[0]}
deadline = 10.0
roles = [{", ".join(f'"{role}"' for role in roles)}]
optional = [{", ".join(f'"{role}"' for role in optional)}]
checks = {{ {points}, trajectory = 2 }}

# The first start is what `initialise_parameters` must return.
{_start("even", _even(n, hidden, even))}
# An even start cannot tell the hidden units apart; this one can.
{_start("uneven", _uneven(draw, n, hidden))}""",
        f"""{heads[1]}{shared}rates = {{ weight = {rate:g}, bias = {rate:g}, policy = "exact" }}
epochs = {epochs[1]}
deadline = 30.0
roles = ["model", "train"]
optional = []
checks = {{ model = 6, forward = {forward - 2}, gradient = 1, trajectory = {15 - forward} }}

{_start("first", _uneven(draw, n, hidden))}
{_start("second", _uneven(draw, n, hidden))}""",
    ]


def _even(n: int, hidden: int, value: float) -> dict[str, Array]:
    return {
        "W1": np.full((n, hidden), value),
        "b1": np.zeros((hidden, 1)),
        "W2": np.full((hidden, 1), value),
        "b2": np.zeros((1, 1)),
    }


def _uneven(draw: np.random.Generator, n: int, hidden: int) -> dict[str, Array]:
    """Two decimals, no two hidden units alike, none near zero."""
    shapes = {"W1": (n, hidden), "b1": (hidden, 1), "W2": (hidden, 1), "b2": (1, 1)}
    return {
        key: np.round(draw.uniform(0.1, 0.6, shape), 2) * draw.choice([-1.0, 1.0], shape)
        for key, shape in shapes.items()
    }


def _start(name: str, parameters: dict[str, Array]) -> str:
    lines = [f"{key} = {value.tolist()}" for key, value in parameters.items()]
    return "\n".join([f"[tasks.starts.{name}]", *lines, ""])
