"""The model solutions as tests use them: loaded by path, mutated on purpose, tried on probes."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "reference"
PROBLEMS = ("regression", "classification")
NAMES = ("W1", "b1", "W2", "b2")


@dataclass(frozen=True, slots=True)
class Probe:
    """Parameters in canonical form, one example as a column, and its target."""

    parameters: dict[str, np.ndarray]
    X: np.ndarray
    y: float


@cache
def source(name: str) -> str:
    """Text of ``reference/<name>.py``."""
    return (REFERENCE / f"{name}.py").read_text(encoding="utf-8")


def run(text: str, name: str) -> ModuleType:
    """A module made of ``text``, as if it had been imported."""
    module = ModuleType(name)
    exec(compile(text, f"<{name}>", "exec"), module.__dict__)
    return module


@cache
def load(name: str) -> ModuleType:
    """The model solution ``name``, such as ``regression_numpy``."""
    return run(source(name), name)


def twin(name: str, right: str, wrong: str) -> ModuleType:
    """The model solution ``name`` with one piece of its text made wrong."""
    text = source(name)
    assert text.count(right) == 1, f"{right!r} stands {text.count(right)} times in {name}"
    return run(text.replace(right, wrong), name)


def draw(problem: str, seed: int) -> Probe:
    """A probe with short decimals, no two of a kind alike, none near zero."""
    rng = np.random.default_rng([seed, PROBLEMS.index(problem)])
    sizes = rng.choice(np.arange(2, 24), size=11, replace=False) * 0.05
    values = np.round(sizes * rng.choice([-1.0, 1.0], size=11), 2)
    X = np.round(values[9:] * 4, 1).reshape(2, 1)
    y = float(rng.integers(2)) if problem == "classification" else float(rng.integers(-9, 10))
    return Probe(
        {
            "W1": values[:4].reshape(2, 2),
            "b1": values[4:6].reshape(2, 1),
            "W2": values[6:8].reshape(2, 1),
            "b2": values[8:9].reshape(1, 1),
        },
        X,
        y,
    )


def copy(parameters: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Parameters that may be changed."""
    return {name: value.copy() for name, value in parameters.items()}


def loss(problem: str, y: float, y_hat: float) -> float:
    """Squared error, or binary cross-entropy."""
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
    """The notebook's loop: mean loss of each epoch; ``parameters`` end as trained."""
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
