"""Build submissions of the forms that students submit, from a few blocks of code."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from gradkit.records.submission import Cell, Section, Submission
from gradkit.submission.read import read
from gradkit.task.assignment import read_assignment

TASKS = read_assignment(None).tasks
NUMPY = {task.id for task in TASKS if not task.framework.trains}
TORCH = {task.id for task in TASKS if task.framework.trains}

FRAMES = {
    "regression": "df = pd.DataFrame([[8, 8, 4], [6, 10, 6]], columns=['a', 'b', 'c'])\ndf",
    "classification": "df = pd.DataFrame([[8, 8, 1], [5, 5, 0]], columns=['a', 'b', 'c'])\ndf",
}
INITIALISE = """
def initialise_parameters(dim):
    return {{'W1': np.full((2, 2), 0.1), 'kind': '{kind}'}}
"""
LAYER = """
def linear_forward(A_prev, W, b):
    z = np.dot(W.T, A_prev) + b
    return z  # {kind}
"""
FORWARD = """
def L_layer_forward(X, parameters):
    # {kind}
    A1 = linear_forward(X, parameters['W1'], parameters['b1'])
    return linear_forward(A1, parameters['W2'], parameters['b2']), A1
"""
UPDATE = """
def update_parameters(parameters, y, y_hat, A1, X):
    '''{kind}'''
    parameters['W2'] += 0.001 * 2 * (y - y_hat) * A1
"""
LOOP = """
parameters = initialise_parameters([2, 2, 1])
for i in range(5):
    for j in range(df.shape[0]):
        X = df.values[j][:2].reshape(2, 1)
        y = df.values[j][2]
        y_hat, A1 = L_layer_forward(X, parameters)
        update_parameters(parameters, y, y_hat[0][0], A1, X)
plt.plot([1, 2])
"""
TORCH_IMPORTS = "import torch\nfrom torch import nn"
NET = """
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.stack = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))

    def forward(self, x):
        return self.stack(x)
"""
TENSORS = """
X = df.iloc[:, :-1]
X = np.array(X)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(np.array(df.iloc[:, -1]), dtype=torch.float32)
"""
TRAIN = """
model = {name}()
loss_function = nn.MSELoss()
optimiser = torch.optim.SGD(model.parameters(), lr=0.001)
epochs = {epochs}
for i in range(epochs):
    y_pred = model(X).squeeze()
    loss = loss_function(y_pred, y)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
"""
IMPORTS = "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt"


def numpy_part(kind: str) -> list[str]:
    """Return the cells of one problem in numpy; each function contains the text ``kind``."""
    return [text.format(kind=kind) for text in (INITIALISE, LAYER, FORWARD, UPDATE, LOOP)]


def torch_part(name: str, epochs: int) -> list[str]:
    """Return the cells of one problem in torch."""
    return [
        NET.format(name=name),
        TENSORS,
        TRAIN.format(name=name, epochs=epochs),
    ]


def published(headings: dict[str, str] | None = None) -> list[str]:
    """Return both problems in both frameworks, in the form of the published notebook.

    ``headings`` replaces the texts of the headings; an empty text leaves one out.
    """
    texts = {
        "regression": "# regression problem",
        "rn": "## numpy implementation",
        "rt": "## PyTorch Implementation",
        "classification": "# Classification Problem",
        "cn": "## Numpy Implementation",
        "ct": "## PyTorch implementation",
        **(headings or {}),
    }
    blocks = [
        "!pip install torch",
        IMPORTS,
        "import tensorflow as tf",
        texts["regression"],
        FRAMES["regression"],
        texts["rn"],
        *numpy_part("regression"),
        texts["rt"],
        TORCH_IMPORTS,
        *torch_part("MyNN", 20),
        texts["classification"],
        FRAMES["classification"],
        texts["cn"],
        *numpy_part("classification"),
        texts["ct"],
        *torch_part("Classification", 100),
    ]
    return [block for block in blocks if block]


UNHEADED = dict.fromkeys(("regression", "rn", "rt", "classification", "cn", "ct"), "")


def notebook(blocks: list[str]) -> str:
    """Return the text of a notebook; a block of one line that begins with ``#`` is a heading."""
    cells = [
        new_markdown_cell(block) if _is_heading(block) else new_code_cell(block.strip("\n"))
        for block in blocks
    ]
    return nbformat.writes(new_notebook(cells=cells))


def _is_heading(block: str) -> bool:
    return block.startswith("#") and "\n" not in block


def handed_in(folder: Path, **files: str | list[str]) -> Submission:
    """Write files into a folder and read it: lists of blocks as notebooks, texts as scripts."""
    paths = []
    for name, content in files.items():
        if isinstance(content, list):
            path = folder / f"{name}.ipynb"
            path.write_text(notebook(content), encoding="utf-8")
        else:
            path = folder / f"{name}.py"
            path.write_text(content, encoding="utf-8")
        paths.append(path)
    return read(paths[0] if len(paths) == 1 else folder)


def text(cells: tuple[Cell, ...]) -> str:
    """Return the source of some cells as one text."""
    return "\n".join(cell.source for cell in cells)


def by_tasks(sections: tuple[Section, ...]) -> dict[tuple[str, ...], Section]:
    """Return sections by their possible tasks, and assert that no two have the same."""
    found = {section.tasks: section for section in sections}
    assert len(found) == len(sections), [section.tasks for section in sections]
    return found


def raw_notebook(cells: list[dict[str, object]], version: int = 4) -> bytes:
    """Return the bytes of a notebook, written without nbformat."""
    return json.dumps(
        {"cells": cells, "metadata": {}, "nbformat": version, "nbformat_minor": 5}
    ).encode()
