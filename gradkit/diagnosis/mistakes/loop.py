"""A numpy training loop whose options reproduce mistakes: full-batch gradient descent.

Everything is float64; a torch run in float32 agrees to its own precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct

from gradkit.records.rule import TrainingRun
from gradkit.records.task import Array, Task
from gradkit.task import network
from gradkit.task.network import Dense, Loss, run, slopes_of


class Loop(Struct, frozen=True):
    """Options of a training loop.

    ``activations`` names the activations that each layer applies in turn. ``loss`` is a key of
    `LOSSES`; ``scale`` says how it is reduced (``mean``, ``sum``, ``half`` of the mean), and
    ``factor`` multiplies the result. The values recorded are ``recorded``, a key of `RECORDS`,
    times ``ratio``. ``broadcast`` compares every prediction with every target. ``batch`` is 0 for
    all rows, otherwise that many rows per step: always the first (``first``), the next
    (``rotating``), or all in turn within an epoch (``every``). ``frozen`` layers get no gradient.
    ``rounds`` are epochs in addition to those asked for.
    """

    activations: tuple[tuple[str, ...], ...]
    loss: str
    scale: str = "mean"
    factor: float = 1.0
    recorded: str = "loss"
    ratio: float = 1.0
    broadcast: bool = False
    zero_grad: bool = True
    step: bool = True
    rate: float = 1.0
    optimizer: str = "sgd"
    loss_after: bool = False
    frozen: tuple[int, ...] = ()
    batch: int = 0
    batches: str = "first"
    rounds: int = 0


def correct_loop(task: Task) -> Loop:
    """Return the loop that the task asks for."""
    activations = tuple((layer.activation,) for layer in task.layers)
    return Loop(activations, task.loss)


# --- losses ----------------------------------------------------------------------------------


def _log_softmax(z: Array) -> Array:
    shifted = z - z.max(axis=-2, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-2, keepdims=True)))


LOSSES: Mapping[str, Loss] = {
    **network.LOSSES,
    "absolute_error": Loss(
        value=lambda y, p: np.abs(p - y),
        slope=lambda y, p: np.sign(p - y),
    ),
    "smooth_absolute_error": Loss(
        value=lambda y, p: np.where(np.abs(p - y) < 1, 0.5 * (p - y) ** 2, np.abs(p - y) - 0.5),
        slope=lambda y, p: np.clip(p - y, -1, 1),
    ),
    "binary_cross_entropy_of_ones": Loss(
        value=lambda y, p: -y * np.log(p),
        slope=lambda y, p: -y / p,
    ),
    "binary_cross_entropy_of_zeros": Loss(
        value=lambda y, p: -(1 - y) * np.log(1 - p),
        slope=lambda y, p: (1 - y) / (1 - p),
    ),
    "binary_cross_entropy_on_logits": Loss(
        value=lambda y, p: np.logaddexp(0, p) - y * p,
        slope=lambda y, p: 1 / (1 + np.exp(-p)) - y,
    ),
    "cross_entropy_on_logits": Loss(
        value=lambda y, p: -y * _log_softmax(p),
        slope=lambda y, p: np.exp(_log_softmax(p)) * y.sum(axis=-2, keepdims=True) - y,
    ),
}


def layers_of(loop: Loop) -> tuple[Dense, ...]:
    """Return the layers of a loop's model, in the order in which they run."""
    return tuple(
        Dense(number, tuple(network.ACTIVATIONS[name] for name in names))
        for number, names in enumerate(loop.activations, 1)
    )


def loss_of(loop: Loop, parameters: Mapping[str, Array], X: Array, y: Array) -> float:
    """Return the loss of one batch; NaN where a prediction is outside the loss's domain."""
    return _loss_and_slope(loop, outputs_of(loop, parameters, X.T), y.T)[0]


def outputs_of(loop: Loop, parameters: Mapping[str, Array], X: Array) -> Array:
    """Return the model's outputs (…, outputs, examples); parameters may have leading axes."""
    return run(layers_of(loop), parameters, X)[-1].output


def _loss_and_slope(loop: Loop, p: Array, y: Array) -> tuple[float, Array]:
    """Return the loss and its derivative with respect to the predictions ``p`` (outputs, rows).

    ``y`` are the targets in the same shape. The options of ``loop`` say how the student's loss is
    reduced, scaled and broadcast.
    """
    loss = LOSSES[loop.loss]
    outputs, rows = y.shape
    count = rows if loop.loss.startswith("cross") else rows * outputs
    scale = loop.factor * {"mean": 1 / count, "sum": 1.0, "half": 0.5 / count}[loop.scale]
    if loop.broadcast:
        scale = scale / rows if loop.scale != "sum" else scale
        # One prediction down each row, one target down each column.
        value, slope = loss.value(y, p.T), loss.slope(y, p.T).sum(axis=1)[None]
    else:
        value, slope = loss.value(y, p), loss.slope(y, p)
    return float(value.sum() * scale), slope * scale


def _loss_and_gradient(
    loop: Loop, parameters: Mapping[str, Array], X: Array, y: Array
) -> tuple[float, dict[str, Array]]:
    """Return the loss of a batch and its gradient with respect to each parameter.

    ``loop`` has the options of the student's training loop and ``parameters`` the arrays by name.
    ``X`` and ``y`` have one row for each example. The gradient is 0 for frozen layers.
    """
    stages = run(layers_of(loop), parameters, X.T)
    loss, slope = _loss_and_slope(loop, stages[-1].output, y.T)
    found = slopes_of(stages, parameters, slope)
    for number in loop.frozen:
        found |= {key: np.zeros_like(found[key]) for key in (f"W{number}", f"b{number}")}
    return loss, found


# --- optimisers, with torch's defaults -------------------------------------------------------

State = dict[str, Array]
Optimizer = Callable[[Array, Array, float, State, int], Array]


def _momentum(p: Array, g: Array, rate: float, state: State, t: int) -> Array:
    """Return the parameter ``p`` after step ``t`` of SGD with momentum 0.9.

    ``g`` is its gradient, ``rate`` the learning rate. The velocity in ``state`` is updated.
    """
    state["v"] = g if t == 1 else 0.9 * state["v"] + g
    return p - rate * state["v"]


def _adam(p: Array, g: Array, rate: float, state: State, t: int) -> Array:
    """Return the parameter ``p`` after step ``t`` of Adam, and update its moments in ``state``.

    ``g`` is the gradient of ``p``, ``rate`` the learning rate. Steps are counted from 1.
    """
    state["m"] = 0.9 * state.get("m", np.zeros_like(p)) + 0.1 * g
    state["v"] = 0.999 * state.get("v", np.zeros_like(p)) + 0.001 * g**2
    m, v = state["m"] / (1 - 0.9**t), state["v"] / (1 - 0.999**t)
    return np.asarray(p - rate * m / (np.sqrt(v) + 1e-8))


def _rmsprop(p: Array, g: Array, rate: float, state: State, t: int) -> Array:
    """Return the parameter ``p`` after a step of RMSprop; ``g`` is its gradient."""
    state["v"] = 0.99 * state.get("v", np.zeros_like(p)) + 0.01 * g**2
    return np.asarray(p - rate * g / (np.sqrt(state["v"]) + 1e-8))


def _adagrad(p: Array, g: Array, rate: float, state: State, t: int) -> Array:
    """Return the parameter ``p`` after a step of Adagrad; ``g`` is its gradient."""
    state["v"] = state.get("v", np.zeros_like(p)) + g**2
    return np.asarray(p - rate * g / (np.sqrt(state["v"]) + 1e-10))


OPTIMIZERS: Mapping[str, Optimizer] = {
    "sgd": lambda p, g, rate, state, t: p - rate * g,
    "momentum": _momentum,
    "ascent": lambda p, g, rate, state, t: p + rate * g,
    "Adam": _adam,
    "AdamW": lambda p, g, rate, state, t: _adam(p - rate * 0.01 * p, g, rate, state, t),
    "RMSprop": _rmsprop,
    "Adagrad": _adagrad,
}


# --- recorded values -------------------------------------------------------------------------

RECORDS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "loss": lambda losses: losses[-1],
    "sum": lambda losses: float(np.sum(losses)),
    "average": lambda losses: float(np.mean(losses)),
    "root": lambda losses: float(np.sqrt(losses[-1])),
}
"""What a student may record in an epoch, computed from all losses so far."""


def initial_record(loop: Loop, run: TrainingRun) -> tuple[float, float]:
    """Return the value that a loop records before the first step, and its sensitivity to rounding.

    ``run`` has the data and the parameters at the start. The sensitivity is the sum of the loss's
    derivative times each prediction, without signs: times the rounding unit, it is the error of the
    value. It is large for the logarithm of a number near 0.
    """
    predicted = outputs_of(loop, run.start, run.X.T)
    loss, slope = _loss_and_slope(loop, predicted, run.y.T)
    rounding = float(np.abs(slope * predicted).sum() * abs(loop.ratio))
    return RECORDS[loop.recorded]([loss]) * loop.ratio, rounding


def train(
    loop: Loop, run: TrainingRun, epochs: int | None = None
) -> Iterator[tuple[float, dict[str, Array]]]:
    """Yield for each epoch the value that a loop records, and the parameters after the epoch.

    Parameters
    ----------
    loop : Loop
    run : TrainingRun
        Only its data, rate, start and number of epochs are used.
    epochs : int, optional
        Number of epochs; by default as many as the run has losses.
    """
    parameters = {key: np.array(value) for key, value in run.start.items()}
    states: dict[str, State] = {key: {} for key in parameters}
    gathered: dict[str, Array] = {}
    update = OPTIMIZERS[loop.optimizer]
    steps = 0
    record, history = RECORDS[loop.recorded], list[float]()
    for epoch in range(len(run.losses) if epochs is None else epochs):
        losses = []
        for rows in _batches(loop, len(run.X), epoch):
            X, y = run.X[rows], run.y[rows]
            loss, gradient = _loss_and_gradient(loop, parameters, X, y)
            steps += 1
            if loop.zero_grad:
                gathered = gradient
            else:
                gathered = {k: gathered.get(k, 0.0) + g for k, g in gradient.items()}
            if loop.step:
                parameters = {
                    k: update(p, gathered[k], run.rate * loop.rate, states[k], steps)
                    for k, p in parameters.items()
                }
            losses.append(loss_of(loop, parameters, X, y) if loop.loss_after else loss)
        history.append(float(np.mean(losses)))
        yield record(history) * loop.ratio, parameters


def _batches(loop: Loop, rows: int, epoch: int) -> list[slice]:
    """Return the slices of rows that the steps of an epoch use, in order.

    ``rows`` is the number of rows, ``epoch`` counts from 0. If ``loop`` has no batch size, the
    result is one slice of all rows. Otherwise it is the ``first`` batch, the one whose turn it is
    in this epoch (``rotating``), or ``every`` batch, by the loop's option ``batches``.
    """
    if not loop.batch:
        return [slice(None)]
    every = range(0, rows, loop.batch)
    starts = {"first": [0], "rotating": [loop.batch * epoch % rows], "every": [*every]}
    return [slice(start, start + loop.batch) for start in starts[loop.batches]]
