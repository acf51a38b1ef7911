"""Another exercise of the same kind: sizes, activation, rates, data and starts from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradkit.authoring.new.starter import text_of
from gradkit.diagnosis.rules.symbols import PARAMETERS
from gradkit.records.task import Array
from gradkit.task.shipped import DEFAULT

ALL_COUNT = (
    'required = "all"   # which tasks count, handed in or not; leave it out for those that were'
)
"""The line of an assignment file that has all tasks count."""

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
    files: dict[str, str] = {}
    problems = []
    for problem, target in (("regression", number), ("classification", label)):
        columns = (*_chosen(draw, features, int(draw.integers(3, 5))), target)
        hidden = int(draw.integers(3, 6))
        X = draw.integers(5, 31, (int(draw.integers(4, 7)), len(columns) - 1)) / 10
        y = _targets(draw, problem, len(X))
        files[f"{problem}.csv"] = _csv(columns, X, y)
        problems.append(_problem(draw, problem, columns, hidden))
    about, marking = "\n".join(head.split("\n")[1:5]), rest.rstrip("\n")
    values = {"seed": seed, "about": about, "marking": marking, "problems": problems}
    files["assignment.toml"] = text_of("assignment", required=ALL_COUNT, **values)
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


def _problem(
    draw: np.random.Generator, problem: str, columns: Sequence[str], hidden: int
) -> dict[str, Any]:
    """Draw the problem's two tasks, in numpy and in torch."""
    regression = problem == "regression"
    n = len(columns) - 1
    return {
        **{"problem": problem, "columns": columns, "hidden": hidden, "regression": regression},
        "activation": str(draw.choice(["sigmoid", "tanh"])),
        "weight": f"{draw.choice([0.002, 0.003, 0.004, 0.005]):g}",
        "bias": f"{draw.choice([0.01, 0.02, 0.03]):g}",
        "rate": f"{draw.choice([0.01, 0.02, 0.03] if regression else [0.05, 0.1, 0.2]):g}",
        "even": _even(n, hidden, float(draw.choice([0.1, 0.2, 0.3]))),
        "epochs": (draw.integers(4, 8), draw.choice([20, 30] if regression else [40, 50, 60])),
        "uneven": [_uneven(draw, n, hidden) for _ in range(3)],
    }


def _shapes(n: int, hidden: int) -> dict[str, tuple[int, int]]:
    return dict(zip(PARAMETERS, ((n, hidden), (hidden, 1), (hidden, 1), (1, 1)), strict=True))


def _even(n: int, hidden: int, value: float) -> dict[str, Array]:
    return {
        key: np.full(shape, value if key[0] == "W" else 0.0)
        for key, shape in _shapes(n, hidden).items()
    }


def _uneven(draw: np.random.Generator, n: int, hidden: int) -> dict[str, Array]:
    """Two decimals, no two hidden units alike, none near zero."""
    return {
        key: np.round(draw.uniform(0.1, 0.6, shape), 2) * draw.choice([-1.0, 1.0], shape)
        for key, shape in _shapes(n, hidden).items()
    }
