"""Load model solutions for tests, change them, and train with them."""

from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "reference"
PROBLEMS = ("regression", "classification")


@cache
def source(name: str) -> str:
    """Read the text of ``reference/<name>.py``."""
    return (REFERENCE / f"{name}.py").read_text(encoding="utf-8")


def run(text: str, name: str) -> ModuleType:
    """Return a module with the source ``text``."""
    module = ModuleType(name)
    exec(compile(text, f"<{name}>", "exec"), module.__dict__)
    return module


@cache
def load(name: str) -> ModuleType:
    """Load the model solution ``name``, such as ``regression_numpy``."""
    return run(source(name), name)


def twin(name: str, right: str, wrong: str) -> ModuleType:
    """Load the model solution ``name`` with one piece of its text replaced by a wrong one."""
    text = source(name)
    assert text.count(right) == 1, f"{right!r} stands {text.count(right)} times in {name}"
    return run(text.replace(right, wrong), name)


def loss(problem: str, y: float, y_hat: float) -> float:
    """Return the squared error, or the binary cross-entropy, of a problem."""
    if problem == "regression":
        return float((y - y_hat) ** 2)
    return float(-y * np.log(y_hat) - (1 - y) * np.log(1 - y_hat))


def run_epochs(
    solution: ModuleType | SimpleNamespace,
    problem: str,
    parameters: dict[str, np.ndarray],
    rows: list[list[int]],
    epochs: int = 5,
) -> list[float]:
    """Train as in the notebook, return the mean loss of each epoch, and change ``parameters``."""
    losses = []
    for _ in range(epochs):
        seen = []
        for *features, y in rows:
            X = np.array(features).reshape(2, 1)
            y_hat, A1 = solution.L_layer_forward(X, parameters)
            seen.append(loss(problem, y, y_hat.item()))
            solution.update_parameters(parameters, y, y_hat.item(), A1, X)
        losses.append(float(np.mean(seen)))
    return losses
