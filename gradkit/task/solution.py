"""Model solutions: loaded by path, and held against the task file before they are believed."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from gradkit.loading import uncollected
from gradkit.records.probes import Probes, Run
from gradkit.records.task import Array, Form, Framework, Parameters, Task
from gradkit.task import network
from gradkit.task.oracle import (
    Derived,
    Oracle,
    OracleError,
    by_example,
    expect,
    final,
    rate_of,
)

BESIDE = Path(__file__).parents[2] / "reference"
"""Where a checkout has the model solutions; an installed gradkit has none."""

AGREEMENT = 1e-9
"""How closely, relative to the largest value, reference and derivation must agree."""


@dataclass(frozen=True, slots=True)
class NumpyReference:
    """Expected values from a numpy model solution."""

    task: Task
    module: Any
    kind: ClassVar[Literal["reference"]] = "reference"

    def forward(self, parameters: Parameters, X: Array) -> tuple[Array, Array]:
        """See `Oracle`."""
        pairs = [
            self.module.L_layer_forward(
                X[i].astype(float), {k: v[i].copy() for k, v in parameters.items()}
            )
            for i in range(len(X))
        ]
        return np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])

    def update(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return one call per probe; a rate that is handed over rescales the change."""
        before = {key: value for key, value in inputs.items() if key[0] in "Wb"}
        after = []
        for i in range(len(inputs["X"])):
            parameters = {key: value[i].copy() for key, value in before.items()}
            y, y_hat = (inputs[name][i] for name in ("y", "y_hat"))
            if y.size == 1:
                y, y_hat = y.item(), y_hat.item()
            self.module.update_parameters(parameters, y, y_hat, inputs["A1"][i], inputs["X"][i])
            after.append(parameters)
        stepped = {key: np.array([parameters[key] for parameters in after]) for key in before}
        if "rate" not in inputs:
            return stepped
        own = {key: rate_of(self.task, key, {"X": inputs["X"]}) for key in before}
        return {
            key: old + (stepped[key] - old) * (inputs["rate"] / own[key])[:, None, None]
            for key, old in before.items()
        }

    def train(self, run: Run) -> dict[str, Array]:
        """See `Oracle`."""
        return by_example(self.forward, self.update, run)


@dataclass(frozen=True, slots=True)
class TorchReference:
    """Expected values from a torch model solution, run in float64 unless told otherwise."""

    task: Task
    module: Any
    precision: Literal["float64", "float32"] = "float64"
    kind: ClassVar[Literal["reference"]] = "reference"

    def forward(self, parameters: Parameters, X: Array) -> tuple[Array, Array]:
        """See `Oracle`; ``A1`` is the generic net's, since a module returns only its output."""
        import torch

        outputs = []
        model = self._model()
        with torch.no_grad():
            for i in range(len(X)):
                _fill(model, {key: value[i] for key, value in parameters.items()})
                outputs.append(model(self._tensor(X[i].T)).numpy().T)
        return np.array(outputs), network.forward(self.task.layers, parameters, X)[1]

    def update(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """No torch submission is asked for an update; the derived answer stands."""
        return Derived(self.task).update(inputs)

    def train(self, run: Run) -> dict[str, Array]:
        """Return one call of the model solution's ``train``."""
        model = self._model()
        _fill(model, run.parameters)
        X, y = self._tensor(run.X), self._tensor(run.y)
        losses = self.module.train(
            model, X, y[:, 0] if y.shape[1] == 1 else y, run.epochs, self.task.rates.weight
        )
        values = [value.detach().numpy() for value in model.parameters()]
        keys = run.parameters.keys()
        after = {
            key: np.reshape(value.T, run.parameters[key].shape)
            for key, value in zip(keys, values, strict=True)
        }
        return {"loss": np.array(losses), **final(after)}

    def _tensor(self, values: Array) -> Any:
        import torch

        return torch.tensor(np.array(values), dtype=getattr(torch, self.precision))

    def _model(self) -> Any:
        import torch

        return self.module.Model().to(getattr(torch, self.precision))


def _fill(model: Any, parameters: Parameters) -> None:
    import torch

    with torch.no_grad():
        for slot, (key, value) in zip(model.parameters(), parameters.items(), strict=True):
            slot.copy_(torch.tensor(value.T if key[0] == "W" else value[:, 0]))


ASKED: Mapping[Framework, tuple[str, ...]] = {
    "numpy": ("L_layer_forward", "update_parameters"),
    "torch": ("Model", "train"),
}
"""What a model solution must define."""


def find_reference(assignment: Path | None, named: Path | None) -> Path | None:
    """The folder that was named; for gradkit's own assignment in a checkout, the one there."""
    return named or (BESIDE if assignment is None and BESIDE.is_dir() else None)


def load_reference(task: Task, folder: Path, form: Form) -> Oracle:
    """The model solution of ``task`` in ``folder``: ``regression_numpy.py`` for regression-numpy.

    The published form of a task, where it has one, is ``regression_numpy_published.py``.

    Raises
    ------
    OracleError
        There is no such file, it cannot be loaded, or it lacks what is asked for.
    """
    stem = task.id.replace("-", "_")
    path = folder / (f"{stem}_published.py" if form == "published" else f"{stem}.py")
    if form == "published" and not path.exists() and task.framework == "torch":
        path = folder / f"{stem}.py"  # torch was right as published
    spec = importlib.util.spec_from_file_location(f"gradkit_reference_{path.stem}", path)
    if not path.exists() or spec is None or spec.loader is None:
        raise OracleError(
            f"{path}: not found. Name the folder of the model solutions with --reference."
        )
    module = importlib.util.module_from_spec(spec)
    try:
        with uncollected():
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise OracleError(
            f"{path}: the model solution cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    for name in ASKED[task.framework]:
        if not callable(getattr(module, name, None)):
            raise OracleError(f"{path}: the model solution has no `{name}`; add it.")
    return (
        TorchReference(task, module) if task.framework == "torch" else NumpyReference(task, module)
    )


def verify(task: Task, oracle: Oracle, probes: Probes) -> None:
    """Hold a reference against the task file, quantity by quantity.

    Raises
    ------
    OracleError
        They differ: one of the two is wrong, and nobody can be graded before it is known which.
        Or the reference raises an exception.
    """
    try:
        answers = expect(oracle, probes)
    except Exception as error:
        raise OracleError(
            f"{task.id}: the model solution stopped with {type(error).__name__}: {error}. Mend it "
            "before grading."
        ) from error
    for name, quantities in expect(Derived(task), probes).items():
        for quantity, value in quantities.items():
            found = answers[name][quantity]
            if found.shape != value.shape:
                raise OracleError(
                    f"{task.id}: the model solution gives {quantity} of {name} in shape "
                    f"{found.shape}, the assignment file asks for {value.shape}."
                )
            gap = np.abs(found - value).max()
            if not gap <= AGREEMENT * max(1.0, np.abs(value).max()):
                raise OracleError(
                    f"{task.id}: the model solution and the assignment file disagree on {quantity} "
                    f"of {name} by {gap:.3g}. Mend one of them before grading."
                )
