"""A notebook that behaves as the published one does: what it is told, task by task."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from said import codes, finding

pytestmark = pytest.mark.sample(12)

BOTH = {"updated-before-use", "swapped-index", "uneven-learning-rate"}
MISTAKES = {
    "regression-numpy": BOTH,
    "classification-numpy": BOTH | {"wrong-activation-derivative", "wrong-sigmoid-sign"},
}

INITIALISE = """
def initialise_parameters(dim):
    parameters = {}
    for l in range(1, len(dim)):
        parameters['W' + str(l)] = np.ones((dim[l - 1], dim[l])) * 0.1
        parameters['b' + str(l)] = np.zeros((dim[l], 1))
    return parameters
"""
LAYER = {
    "regression": "def linear_forward(A_prev, W, b):\n    return np.dot(W.T, A_prev) + b",
    "classification": "def sigmoid(Z):\n    return 1 / (1 + np.exp(Z))\n\n"
    "def linear_forward(A_prev, W, b):\n    return sigmoid(np.dot(W.T, A_prev) + b)",
}
FORWARD = """
def L_layer_forward(X, parameters):
    A = X
    for l in range(1, len(parameters) // 2 + 1):
        A_prev = A
        A = linear_forward(A_prev, parameters['W' + str(l)], parameters['b' + str(l)])
    return A, A_prev
"""


def update_cell(problem: str) -> str:
    """Nine statements, one for each entry: W2 first, then row by row."""
    error = "2 * (y - y_hat)" if problem == "regression" else "(y - y_hat)"
    lines = ["def update_parameters(parameters, y, y_hat, A1, X):"]

    def move(entry: str, rate: float, *factors: str) -> None:
        product = " * ".join((str(rate), error, *factors))
        lines.append(f"    parameters{entry} = parameters{entry} + {product}")

    def slope(i: int) -> list[str]:
        return [f"(1 - A1[{i}][0])"] if problem == "classification" else []

    for j in (0, 1):
        move(f"['W2'][{j}][0]", 0.001, f"A1[{j}][0]")
    move("['b2'][0][0]", 0.01)
    for i, rate in ((0, 0.001), (1, 0.01)):
        for j in (0, 1):
            move(f"['W1'][{i}][{j}]", rate, f"parameters['W2'][{i}][0]", *slope(i), f"X[{j}][0]")
        move(f"['b1'][{i}][0]", 0.01, f"parameters['W2'][{i}][0]", *slope(i))
    return "\n".join(lines)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both numpy halves in one notebook, defining the same names."""
    cells = [new_code_cell("import numpy as np", id="imports")]
    for problem in ("regression", "classification"):
        parts = (INITIALISE, LAYER[problem], FORWARD, update_cell(problem))
        cells.append(new_markdown_cell(f"# {problem.title()} problem", id=problem))
        cells += [
            new_code_cell(part.strip("\n"), id=f"{problem}-{number}")
            for number, part in enumerate(parts)
        ]
    path = tmp_path_factory.mktemp("published") / "backpropagation.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


@pytest.mark.sample(24)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("task", MISTAKES)
def test_exactly_the_published_mistakes_are_named(
    diagnosed, published, task: str, seed: int
) -> None:
    """No more and no fewer, on any seed, with nothing left over."""
    result = diagnosed(published, task, seed)
    assert codes(result) == MISTAKES[task]
    assert not any(found.alternatives for found in result.findings)


FORMULAS = {
    "regression-numpy": {
        "W1[0,0]": ("+0.002 · (y−y_hat) · W2′[0] · X[0]", "+0.002 · (y−y_hat) · W2[0] · X[0]"),
        "W1[0,1]": ("+0.002 · (y−y_hat) · W2′[0] · X[1]", "+0.002 · (y−y_hat) · W2[1] · X[0]"),
        "W1[1,0]": ("+0.02 · (y−y_hat) · W2′[1] · X[0]", "+0.002 · (y−y_hat) · W2[0] · X[1]"),
        "W1[1,1]": ("+0.02 · (y−y_hat) · W2′[1] · X[1]", "+0.002 · (y−y_hat) · W2[1] · X[1]"),
        "b1[0]": ("+0.02 · (y−y_hat) · W2′[0]", "+0.02 · (y−y_hat) · W2[0]"),
        "b1[1]": ("+0.02 · (y−y_hat) · W2′[1]", "+0.02 · (y−y_hat) · W2[1]"),
    },
    "classification-numpy": {
        "W1[0,1]": (
            "+0.001 · (y−y_hat) · W2′[0] · (1−A1[0]) · X[1]",
            "+0.001 · (y−y_hat) · W2[1] · A1[1] · (1−A1[1]) · X[0]",
        ),
        "W1[1,0]": (
            "+0.01 · (y−y_hat) · W2′[1] · (1−A1[1]) · X[0]",
            "+0.001 · (y−y_hat) · W2[0] · A1[0] · (1−A1[0]) · X[1]",
        ),
        "b1[1]": (
            "+0.01 · (y−y_hat) · W2′[1] · (1−A1[1])",
            "+0.01 · (y−y_hat) · W2[1] · A1[1] · (1−A1[1])",
        ),
    },
}


@pytest.mark.parametrize("task", FORMULAS)
def test_each_entry_has_a_verified_formula_and_the_right_one(
    diagnosed, published, task: str
) -> None:
    """In the notebook's own names; W2′ is W2 after its step."""
    found = finding(diagnosed(published, task), "updated-before-use")
    assert set(found.entries) == set(found.applies) == set(found.should)
    assert set(found.entries) == {f"W1[{i},{j}]" for i in (0, 1) for j in (0, 1)} | {
        "b1[0]",
        "b1[1]",
    }
    for entry, (applies, should) in FORMULAS[task].items():
        assert (found.applies[entry], found.should[entry]) == (applies, should)


@pytest.mark.parametrize("task", MISTAKES)
def test_lines_are_those_of_layer_1(diagnosed, published, task: str) -> None:
    """The statements that read the stepped W2, in the cell that holds them."""
    problem = task.removesuffix("-numpy")
    source = update_cell(problem).splitlines()
    result = diagnosed(published, task)
    lines = {place.line for place in finding(result, "updated-before-use").places}
    assert lines == {n for n, line in enumerate(source, 1) if "['W1']" in line or "['b1']" in line}
    swapped = finding(result, "swapped-index")
    assert {source[place.line - 1].split(" = ")[0].strip() for place in swapped.places} == {
        "parameters['W1'][0][1]",
        "parameters['W1'][1][0]",
    }


def test_the_right_notebook_is_told_nothing(diagnosed, published, tmp_path: Path) -> None:
    """The twin: one mistake less in the text, one finding less."""
    notebook = nbformat.read(published, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace("[1][0] + 0.01 * 2 *", "[1][0] + 0.001 * 2 *").replace(
            "[1][1] + 0.01 * 2 *", "[1][1] + 0.001 * 2 *"
        )
        cell.source = cell.source.replace("['b1'][1][0] + 0.001", "['b1'][1][0] + 0.01")
    path = tmp_path / "backpropagation.ipynb"
    nbformat.write(notebook, path)
    assert codes(diagnosed(path, "regression-numpy")) == BOTH - {"uneven-learning-rate"}
