"""Both sections of a notebook define the same helper, and each one's functions use its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from model_solutions import source
from told import notebook

PROBLEMS = ("regression", "classification")
VALUES = {"regression": "z", "classification": "1 / (1 + np.exp(-z))"}
HEADINGS = {"regression": "# Regression problem", "classification": "# Classification problem"}
KEYS = {"regression": ("W", "b"), "classification": ("w", "B")}

LAYER = """
def linear_forward(A_prev, W, b):
    return {helper}(W.T @ A_prev + b)
"""
INITIALISE = """
def initialise_parameters(dim):
    parameters = {}
    for layer in range(1, len(dim)):
        make_layer(parameters, layer, dim)
    return parameters
"""
MAKE_LAYER = """
def make_layer(parameters, layer, dim):
    parameters["{W}" + str(layer)] = np.full((dim[layer - 1], dim[layer]), 0.1)
    parameters["{b}" + str(layer)] = np.zeros((dim[layer], 1))
"""


def cells_of(problem: str, helper: str) -> dict[str, str]:
    """The functions of a right section by name, first two helpers that both sections define."""
    text = source(f"{problem}_numpy")
    made = {
        node.name: ast.get_source_segment(text, node) or ""
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }
    made.pop("sigmoid", None)
    made["linear_forward"] = LAYER.format(helper=helper)
    made["initialise_parameters"] = INITIALISE
    W, b = KEYS[problem]
    for old, new in (('"W', f'"{W}'), ('"b', f'"{b}')):
        made = {name: text.replace(old, new) for name, text in made.items()}
    helpers = {
        "make_layer": MAKE_LAYER.format(W=W, b=b),
        helper: f"def {helper}(z):\n    return {VALUES[problem]}",
    }
    rates = [line for line in text.splitlines() if line.startswith(("WEIGHT_RATE", "BIAS_RATE"))]
    return {**helpers, "rates": "\n".join(rates), **made}


@pytest.mark.sample(6)
@pytest.mark.parametrize("helper", ["activation", "g"])
@pytest.mark.parametrize("place", ["below headings", "without headings", "above headings"])
def test_each_section_sees_its_own_helpers(grade, tmp_path: Path, place: str, helper: str) -> None:
    """Whether a helper stands below the heading of its section, above it, or there are none."""
    cells = ["import numpy as np"]
    for problem in PROBLEMS:
        made = list(cells_of(problem, helper).values())
        heading = [HEADINGS[problem]] if place != "without headings" else []
        cells += made[:2] + heading + made[2:] if place == "above headings" else heading + made
    tasks = [f"{problem}-numpy" for problem in PROBLEMS]
    result = grade(notebook(tmp_path, *cells), *tasks, seed=2)
    assert [(task.task, task.score) for task in result.tasks] == [(task, 20) for task in tasks]


def test_a_helper_that_the_next_section_defines_itself_is_not_taken(grade, tmp_path: Path) -> None:
    """A section's last cell may correct its own helper: the last definition counts there."""
    first, second = (cells_of(problem, "g") for problem in PROBLEMS)
    wrong = {**first, "g": "def g(z):\n    return 2 * z"}
    cells = ["import numpy as np", HEADINGS["regression"], *wrong.values(), first["g"]]
    cells += [HEADINGS["classification"], *second.values()]
    tasks = [f"{problem}-numpy" for problem in PROBLEMS]
    result = grade(notebook(tmp_path, *cells), *tasks, seed=2)
    assert [task.score for task in result.tasks] == [20, 20]
