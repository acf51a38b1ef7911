"""Compute the expected values of a task, from its layers or by running a model solution.

Every oracle has the same three methods, on stacked probes: forward pass, update and training run.
`Derived` computes them with the generic net of `gradkit.task.network`. `NumpyReference` and
`TorchReference` call a model solution.
"""

from __future__ import annotations

import importlib.util
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol

import numpy as np
from msgspec import Struct, field
from numpy.typing import ArrayLike, NDArray

from gradkit.errors import GradkitError
from gradkit.loading import uncollected
from gradkit.records.task import Array, Form, Parameters, Probes, Run, Task
from gradkit.task import network

Forward = Callable[[Parameters, Array], tuple[Array, Array]]
"""Function of parameters (n, …) and X (n, features, 1) to ``y_hat`` and ``A1``, n columns each."""

Step = Callable[[Mapping[str, Array]], Mapping[str, Array]]
"""Function of parameters, ``X``, ``y``, ``y_hat``, ``A1`` and possibly ``rate`` to new parameters.
"""


def train_by_example(
    forward: Forward, step: Step, runs: Sequence[Run]
) -> tuple[Array, Array, dict[str, Array]]:
    """Compute several training runs at once, with one step per example.

    Parameters
    ----------
    forward, step : callable
        Functions of columns with a leading axis of n runs.
    runs : sequence of Run
        Runs with the same number of rows, the same number of epochs and the same rate.

    Returns
    -------
    y_hat : array, (steps, n, outputs, 1)
        Output before each step.
    hidden : array, (steps, n, units, 1)
        Hidden layer before each step.
    parameters : dict of arrays, (n, …)
        Parameters after the last step.
    """
    run, n = runs[0], len(runs)
    parameters: dict[str, Array] = {
        key: np.stack([one.parameters[key] for one in runs]) for key in run.parameters
    }
    X, y = (
        np.stack([values.astype(float)[:, :, None] for values in column], axis=1)
        for column in ([one.X for one in runs], [one.y for one in runs])
    )
    rate = {} if run.rate is None else {"rate": np.full(n, run.rate)}
    outputs, hidden = [], []
    for row in list(range(len(X))) * run.epochs:
        y_hat, A1 = forward(parameters, X[row])
        outputs.append(y_hat)
        hidden.append(A1)
        given = {"X": X[row], "y": y[row], "y_hat": y_hat, "A1": A1}
        parameters = dict(step({**parameters, **given, **rate}))
    return np.array(outputs), np.array(hidden), parameters


Expected = Mapping[str, Mapping[str, Array]]
"""Expected arrays by the name of the batch or run, then by quantity."""


class OracleError(GradkitError):
    """The reference cannot be used; the text says why and what to do."""


class Oracle(Protocol):
    """A source of expected values. All arrays are stacked over probes."""

    def forward(self, parameters: Parameters, X: Array) -> tuple[Array, Array]:
        """Return ``y_hat`` (n, outputs, 1) and ``A1`` (n, units, 1)."""

    def update(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return parameters after one step on one example each."""

    def train(self, run: Run) -> dict[str, Array]:
        """Return ``y_hat`` and ``A1``, or ``loss``, of every step, and ``final/…`` parameters."""


def expect(oracle: Oracle, probes: Probes) -> dict[str, dict[str, Array]]:
    """Return all values that an oracle expects for some probes.

    They are arrays by the name of the batch or run, and then by quantity.
    """
    expected: dict[str, dict[str, Array]] = {}
    for batch in probes.forward:
        y_hat, A1 = oracle.forward(parameters_in(batch.inputs), batch.inputs["X"])
        expected[batch.name] = {"y_hat": y_hat, "A1": A1}
    for batch in probes.update:
        expected[batch.name] = oracle.update(batch.inputs)
    for run in probes.runs:
        expected[run.name] = oracle.train(run)
    return expected


class Derived(Struct, frozen=True):
    """Expected values that are computed from the task's layers, loss and rates alone."""

    task: Task

    def forward(self, parameters: Parameters, X: Array) -> tuple[Array, Array]:
        """Return the output and the input of the last layer, see `Oracle.forward`."""
        return network.forward(self.task.layers, parameters, X)

    def update(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the parameters after one step of gradient descent, see `descended`.

        ``inputs`` are those of stacked probes: parameters, ``X``, ``y`` and possibly ``rate``.
        """
        X, y = inputs["X"], inputs["y"]
        slopes = network.gradient(self.task, parameters_in(inputs), X, y)
        return descended(self.task, inputs, slopes)

    def train(self, run: Run) -> dict[str, Array]:
        """Train from the task's layers alone, and return the results by quantity.

        `Oracle.train` lists the results. In numpy tasks each step uses one example; in torch tasks
        it uses the mean over all rows. ``run`` has the data, the first parameters and the number of
        epochs.
        """
        task = self.task
        own = {key: _own_rate(task, key) for key in run.parameters}
        if task.framework.trains:
            X, y = run.X.T.astype(float), run.y.T.astype(float)
            scale = mean_scale(task) / len(run.X)
            rates = {key: rate * scale for key, rate in own.items()}
            steps = [(X, y)] * run.epochs
            y_hat, _, after = network.descend(task, run.parameters, steps, rates)
            losses = [network.loss_of(task, y, outputs) * scale for outputs in y_hat]
            return {"loss": np.array(losses), **final(after)}
        columns = (values.astype(float)[:, :, None] for values in (run.X, run.y))
        rates = own if run.rate is None else dict.fromkeys(own, run.rate)
        steps = list(zip(*columns, strict=True)) * run.epochs
        y_hat, A1, after = network.descend(task, run.parameters, steps, rates)
        return {"y_hat": y_hat, "A1": A1, **final(after)}


class _Wrapper(Struct, frozen=True):
    """An oracle that passes calls on to another oracle; subclasses override some methods."""

    oracle: Oracle

    def forward(self, parameters: Parameters, X: Array) -> tuple[Array, Array]:
        """Return the other oracle's result, see `Oracle.forward`."""
        return self.oracle.forward(parameters, X)

    def update(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the other oracle's result, see `Oracle.update`."""
        return self.oracle.update(inputs)


class Rescaled(_Wrapper, frozen=True):
    """An oracle of a numpy task whose steps are those of another oracle times a ratio.

    ``ratios`` has a ratio for weights (``W``) and for biases (``b``); a missing ratio is 1.
    """

    ratios: Mapping[str, float]

    def update(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the parameters after one step, with changes multiplied by the student's ratios.

        ``inputs`` are as for the other oracle.
        """
        return {
            key: inputs[key] + self.ratios.get(key[0], 1.0) * (value - inputs[key])
            for key, value in self.oracle.update(inputs).items()
        }

    def train(self, run: Run) -> dict[str, Array]:
        """Train with one step per example, see `Oracle.train`."""
        return by_example(self.forward, self.update, run)


KEPT = 64
"""Largest number of cached runs. A task has only a few runs from its own starts and data."""


class CachedOracle(_Wrapper, frozen=True):
    """An oracle that caches the training runs of another oracle.

    Runs from the task's own starts on its own rows are the same for all submissions. Runs on data
    that is drawn for one submission drop out of the cache after some time.
    """

    _runs: OrderedDict[Hashable, dict[str, Array]] = field(default_factory=OrderedDict)

    def train(self, run: Run) -> dict[str, Array]:
        """Return the cached result of a run, or compute it. Arrays are read-only.

        At most `KEPT` results are kept; the one that was used longest ago is dropped.
        """
        arrays = {**run.parameters, "X": run.X, "y": run.y}
        contents = tuple((k, a.dtype.str, a.shape, a.tobytes()) for k, a in arrays.items())
        key = (contents, run.epochs, run.rate)
        if key not in self._runs:
            result = self.oracle.train(run)
            for value in result.values():
                value.flags.writeable = False
            self._runs[key] = result
            if len(self._runs) > KEPT:
                self._runs.popitem(last=False)
        self._runs.move_to_end(key)
        return dict(self._runs[key])


def mean_scale(task: Task) -> float:
    """Return the factor of torch's mean reduction, beside that of the rows.

    It is one over the number of outputs, or 1 for the cross-entropy of classes.
    """
    return 1.0 if task.loss == "cross_entropy" else 1.0 / task.layers[-1].units


def descended(
    task: Task, inputs: Mapping[str, Array], slopes: Mapping[str, Array]
) -> dict[str, Array]:
    """Return the parameters after a step of gradient descent: minus rate times slope.

    ``inputs`` are those of stacked probes, with the parameters among them, and ``slopes`` has the
    gradient of each parameter.
    """
    return {
        key: value - rate_of(task, key, inputs)[:, None, None] * slopes[key]
        for key, value in parameters_in(inputs).items()
    }


def rate_of(task: Task, key: str, inputs: Mapping[str, Array]) -> Array:
    """Return the learning rate of parameter ``key`` in each probe.

    It is the ``rate`` among the inputs of the probes or, without one, that of the task.
    """
    if "rate" in inputs:
        return inputs["rate"]
    return np.full(len(inputs["X"]), _own_rate(task, key))


def _own_rate(task: Task, key: str) -> float:
    """Return the task's rate of a weight or a bias."""
    return task.rates.weight if key[0] == "W" else task.rates.bias


def by_example(forward: Forward, step: Step, run: Run) -> dict[str, Array]:
    """Compute a run with one step per example, in the form of `Oracle.train`."""
    y_hat, A1, parameters = train_by_example(forward, step, [run])
    ends = final({key: value[0] for key, value in parameters.items()})
    return {"y_hat": y_hat[:, 0], "A1": A1[:, 0], **ends}


def course_of(task: Task, run: Run, values: Mapping[str, NDArray[Any]]) -> Array:
    """Return the loss of every step of a run, (steps,), as recorded or from the predictions.

    ``values`` are the results of the run by quantity: the array is ``loss`` if they have it, and is
    otherwise computed from ``y_hat``. It is empty if they contain neither.
    """
    if "loss" in values:
        return np.asarray(values["loss"], dtype=np.float64)
    y_hat = values.get("y_hat")
    if y_hat is None or y_hat.dtype.kind == "c":
        return np.empty(0)
    y = np.resize(run.y[:, :, None].astype(float), y_hat.shape)
    with np.errstate(all="ignore"):
        return np.asarray(network.loss_of(task, y, y_hat))


def final(parameters: Parameters) -> dict[str, Array]:
    """Return parameters under the names of a run's final parameters: ``final/W1``."""
    return {f"final/{key}": value for key, value in parameters.items()}


def parameters_in(inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return the parameters among the inputs of probes."""
    return {key: value for key, value in inputs.items() if key[0] in "Wb"}


class Answers(Struct, frozen=True):
    """Right results for one task, in canonical form: W (in, out), everything else a column.

    ``parameters`` maps ``W1`` (in, out), ``b1`` (out, 1) and so on to float64 arrays. ``X`` is
    one example, (features, 1), ``y`` its target, (outputs, 1); both may have any shape of that
    size. The arguments are not changed.
    """

    task: Task
    oracle: Oracle

    def forward(self, parameters: Parameters, X: ArrayLike) -> tuple[Array, Array]:
        """Return the prediction, (outputs, 1), and the input of the last layer, (units, 1)."""
        y_hat, A1 = self.oracle.forward(_stacked(parameters), _column(X))
        return y_hat[0], A1[0]

    def update(
        self, parameters: Parameters, X: ArrayLike, y: ArrayLike, rate: float | None = None
    ) -> dict[str, Array]:
        """Return the parameters after one step on the example ``X`` with target ``y``.

        The learning rates are the task's own, or ``rate`` for all parameters.
        """
        stacked, column = _stacked(parameters), _column(X)
        y_hat, A1 = self.oracle.forward(stacked, column)
        given = {"X": column, "y": _column(y), "y_hat": y_hat, "A1": A1}
        handed = {} if rate is None else {"rate": np.array([rate])}
        after = self.oracle.update({**stacked, **given, **handed})
        return {key: value[0] for key, value in after.items()}

    def gradient(self, parameters: Parameters, X: ArrayLike, y: ArrayLike) -> dict[str, Array]:
        """Return the gradient of the task's loss, computed from its layers, by parameter."""
        slopes = network.gradient(self.task, _stacked(parameters), _column(X), _column(y))
        return {key: value[0] for key, value in slopes.items()}


def _stacked(parameters: Mapping[str, ArrayLike]) -> dict[str, Array]:
    return {key: np.array(value, dtype=np.float64)[None] for key, value in parameters.items()}


def _column(value: ArrayLike) -> Array:
    return np.array(value, dtype=np.float64).reshape(1, -1, 1)


# --- model solutions -------------------------------------------------------------------


AGREEMENT = 1e-9
"""Largest difference of reference and `Derived`, relative to the largest value."""


class NumpyReference(Struct, frozen=True):
    """Expected values from a numpy model solution."""

    task: Task
    module: Any

    def forward(self, parameters: Parameters, X: Array) -> tuple[Array, Array]:
        """Return ``y_hat`` and ``A1``, output and input of the last layer, of the model solution.

        ``parameters`` and ``X`` are stacked over probes; the model solution is called once for
        each.
        """
        pairs = [
            self.module.L_layer_forward(
                X[i].astype(float), {k: v[i].copy() for k, v in parameters.items()}
            )
            for i in range(len(X))
        ]
        return np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])

    def update(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the parameters after one step of the model solution on each probe, by name.

        ``inputs`` are stacked over probes, and have ``y_hat`` and ``A1`` too. If they have a
        ``rate``, the change of each parameter is rescaled from the solution's own rate.
        """
        before, after = parameters_in(inputs), []
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
        rates = inputs["rate"][:, None, None]
        return {
            key: old + (stepped[key] - old) * (rates / _own_rate(self.task, key))
            for key, old in before.items()
        }

    def train(self, run: Run) -> dict[str, Array]:
        """Train with one step per example, see `Oracle.train`."""
        return by_example(self.forward, self.update, run)


class TorchReference(Struct, frozen=True):
    """Expected values from a torch model solution, by default in float64."""

    task: Task
    module: Any
    precision: Literal["float64", "float32"] = "float64"

    def forward(self, parameters: Parameters, X: Array) -> tuple[Array, Array]:
        """Return the model solution's output, and ``A1``, the input of the last layer.

        ``parameters`` and ``X`` are stacked over probes. ``A1`` is computed from the task's layers,
        because a torch model does not return it.
        """
        import torch

        outputs = []
        model = self._model()
        with torch.no_grad():
            for i in range(len(X)):
                _fill(model, {key: value[i] for key, value in parameters.items()})
                outputs.append(model(self._tensor(X[i].T)).numpy().T)
        return np.array(outputs), network.forward(self.task.layers, parameters, X)[1]

    def update(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the result of `Derived`, since torch tasks have no update function."""
        return Derived(self.task).update(inputs)

    def train(self, run: Run) -> dict[str, Array]:
        """Train the model solution's model from a run's first parameters, on its data.

        Return the losses and the parameters at the end, as ``final/W1``.
        """
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
    """Copy parameters into a torch model, in the order of its own parameters."""
    import torch

    with torch.no_grad():
        for slot, (key, value) in zip(model.parameters(), parameters.items(), strict=True):
            slot.copy_(torch.tensor(value.T if key[0] == "W" else value[:, 0]))


ASKED: Mapping[str, tuple[str, ...]] = {
    "numpy": ("L_layer_forward", "update_parameters"),
    "torch": ("Model", "train"),
}
"""Names that a model solution must define, by framework."""


def load_reference(task: Task, folder: Path, form: Form) -> Oracle:
    """Load the model solution of a task: ``regression_numpy.py`` for regression-numpy.

    With ``form`` "published", the published form of a task is loaded, if it has one:
    ``regression_numpy_published.py``.

    Raises
    ------
    OracleError
        There is no such file, it cannot be loaded, or it lacks a required name.
    """
    path = folder / task.solution
    published = path.with_stem(f"{path.stem}_published")
    if form == "published" and (task.framework.published or published.exists()):
        path = published
    module = load_module(path, ASKED[task.framework.name])
    return (TorchReference if task.framework.trains else NumpyReference)(task, module)


def load_module(path: Path, asked: Iterable[str]) -> ModuleType:
    """Load a model solution's file, which has to define the functions or classes `asked`.

    Raises
    ------
    OracleError
        There is no such file, it cannot be loaded, or it lacks something.
    """
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
    for name in asked:
        if not callable(getattr(module, name, None)):
            raise OracleError(f"{path}: the model solution has no `{name}`; add it.")
    return module


def verify(task: Task, oracle: Oracle, probes: Probes) -> None:
    """Compare the results of a model solution with those that follow from the assignment file.

    ``oracle`` calls the model solution, and ``probes`` are the inputs.

    Raises
    ------
    OracleError
        They differ, so that one of the two is wrong and nobody can be graded. Or the model
        solution raises an exception.
    """
    try:
        answers = expect(oracle, probes)
    except Exception as error:
        raise OracleError(
            f"{task.id}: the model solution stopped with {type(error).__name__}: {error}. "
            "Correct it before grading."
        ) from error
    for name, quantities in expect(Derived(task), probes).items():
        for quantity, value in quantities.items():
            found = answers[name][quantity]
            if found.shape != value.shape:
                raise OracleError(
                    f"{task.id}: the model solution gives {quantity} of {name} in shape "
                    f"{found.shape}; the assignment file asks for {value.shape}."
                )
            gap = np.abs(found - value).max()
            if not gap <= AGREEMENT * max(1.0, np.abs(value).max()):
                raise OracleError(
                    f"{task.id}: the model solution and the assignment file disagree on "
                    f"{quantity} of {name} by {gap:.3g}. Correct one of them before grading."
                )
