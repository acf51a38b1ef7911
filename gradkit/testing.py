"""Assert in users' own tests that plain functions train as a task expects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.judge import tolerances
from gradkit.records.task import Array, Run, Task
from gradkit.task import network
from gradkit.task.assignment import read_assignment
from gradkit.task.oracle import Derived
from gradkit.task.probes import whole

Forward = Callable[[NDArray[Any], dict[str, Array]], tuple[Any, Any]]
Update = Callable[[dict[str, Array], Any, Any, NDArray[Any], NDArray[Any]], Any]


def assert_trajectory(
    forward: Forward,
    update: Update,
    task: str | None = None,
    *,
    assignment: str | PathLike[str] | None = None,
    start: str | None = None,
    epochs: int | None = None,
) -> None:
    """Assert that plain functions train as a task expects, example by example.

    From all initial weights of the task, ``forward`` and ``update`` are called in turn for each
    row of its data. Every loss, and every parameter after every step, must be that of gradient
    descent with the task's learning rates, ``p ← p − η ∂L/∂p``, with all gradients at the
    parameters of the prediction. Expected values are derived from the assignment file, to a
    relative precision of 1e-9 in float64.

    Parameters
    ----------
    forward : callable
        ``forward(X, parameters)`` gets a column ``X`` (features, 1) in int64 or float64. It
        returns a pair: ŷ, which is a number or has the shape (outputs, 1), and the input of the
        last layer, (units, 1).
    update : callable
        ``update(parameters, y, y_hat, A1, X)`` changes the arrays of the dict in place, or
        returns a new dict. ``parameters`` has ``W1`` (in, out), ``b1`` (out, 1) and so on in
        float64. ``y`` and ``y_hat`` are numbers if there is one output, else columns.
    task : str, optional
        Id of a numpy task. It is needed if the assignment has several.
    assignment : path-like, optional
        Assignment file, by default gradkit's default assignment.
    start : str, optional
        Name of the initial weights; by default all initial weights of the task are used.
    epochs : int, optional
        Number of epochs, by default the task's.

    Raises
    ------
    AssertionError
        A value differs from the expected one. The text has the initial weights, the epoch, the
        example, the quantity, and both numbers.
    ValueError
        There is no such task or start, or the task is not in numpy.

    Examples
    --------
    ::

        def test_training():
            gradkit.assert_trajectory(L_layer_forward, update_parameters, "regression-numpy")
    """
    __tracebackhide__ = True
    chosen = _task(read_assignment(None if assignment is None else Path(assignment)).tasks, task)
    starts = [s for s in chosen.starts if start in (None, s.name)]
    if not starts:
        known = ", ".join(s.name for s in chosen.starts)
        raise ValueError(f"{chosen.id} has no start {start!r}; it has {known}.")
    X, y = whole(chosen.X), whole(chosen.y)
    for initial in starts:
        count = chosen.epochs if epochs is None else epochs
        run = Run(initial.name, "trajectory", initial.name, initial.parameters, X, y, count, None)
        _compare_run(forward, update, chosen, run)


def _task(tasks: tuple[Task, ...], name: str | None) -> Task:
    """Return the numpy task whose id is ``name``; by default the only numpy task.

    ValueError is raised if there is no such task, or if several could be meant.
    """
    __tracebackhide__ = True
    known = {task.id: task for task in tasks if not task.framework.trains}
    if name is None and len(known) == 1:
        return next(iter(known.values()))
    if name not in known:
        raise ValueError(f"task={name!r}: expected a numpy task, one of {', '.join(known)}.")
    return known[name]


def _compare_run(forward: Forward, update: Update, task: Task, run: Run) -> None:
    """Train with the student's functions and with gradient descent, and compare after each step.

    ``forward`` and ``update`` are as for `assert_trajectory`. ``run`` has the data, initial weights
    and number of epochs.

    Raises
    ------
    AssertionError
        A prediction, a loss or a parameter differs, or a parameter is missing.
    """
    __tracebackhide__ = True
    oracle = Derived(task)
    mine = {key: value.astype(np.float64) for key, value in run.parameters.items()}
    right = {key: value[None] for key, value in run.parameters.items()}
    for step in range(run.epochs * len(run.X)):
        epoch, row = divmod(step, len(run.X))
        at = f"{task.id}, {run.start} start, epoch {epoch + 1}, example {row + 1}"
        X, y = run.X[row][:, None], run.y[row][:, None]
        stacked = {"X": X[None].astype(float), "y": y[None].astype(float)}
        y_hat, A1 = oracle.forward(right, stacked["X"])
        output, hidden = _pair(forward(X.copy(), mine), at)
        _near(at, "the loss", _loss(task, y, output), _loss(task, y, y_hat[0]))
        _near(at, "ŷ", output, y_hat[0])
        single = y.size == 1
        given: tuple[Any, Any] = (y.item(), output.item()) if single else (y.copy(), output)
        before = {key: value.copy() for key, value in mine.items()}
        returned = update(mine, given[0], given[1], hidden, X.copy())
        if isinstance(returned, Mapping):
            mine = {key: np.asarray(value) for key, value in returned.items()}
        after = oracle.update({**right, **stacked, "y_hat": y_hat, "A1": A1})
        right = dict(after)
        moves = {key: float(np.abs(value[0] - before[key]).max()) for key, value in right.items()}
        # If terms of a step cancel, their rounding errors remain.
        rounding = 64 * tolerances.DOUBLE * max(moves.values())
        for key, value in right.items():
            if key not in mine:
                raise AssertionError(f"{at}: the update leaves no {key} in the parameters.")
            _near(f"{at}, after the step", key, mine[key], value[0], moves[key], rounding)


def _pair(returned: Any, at: str) -> tuple[Array, Array]:
    """Return the prediction and the last layer's input that a forward pass returned, as arrays.

    ``at`` says where in the training this is, for the message.

    Raises
    ------
    AssertionError
        ``returned`` is not a tuple of two values.
    """
    __tracebackhide__ = True
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise AssertionError(
            f"{at}: the forward pass returns {type(returned).__name__}; expected the pair "
            "(prediction, input of the last layer)."
        )
    output, hidden = (np.array(value, dtype=np.float64) for value in returned)
    return output.reshape(-1, 1), hidden


def _loss(task: Task, y: NDArray[Any], y_hat: Array) -> Array:
    """Return the loss of a prediction."""
    with np.errstate(all="ignore"):
        loss = network.loss_of(task, y.astype(float), y_hat)
    return np.asarray(loss, dtype=np.float64)


def _near(
    at: str,
    what: str,
    found: NDArray[Any],
    right: Array,
    moved: float = 0.0,
    rounding: float = 0.0,
) -> None:
    """Assert that ``found`` has the ``right`` values; the message has the worst entry.

    ``at`` says where in the training this is, and ``what`` is the quantity. ``moved`` is the
    largest change of the quantity in the step, ``rounding`` the rounding error that is allowed for
    it.
    """
    __tracebackhide__ = True
    if found.shape != right.shape:
        raise AssertionError(f"{at}: {what} has shape {found.shape}, expected {right.shape}.")
    allowed = 1e-9 * np.maximum(np.abs(right), moved) + 16 * tolerances.DOUBLE
    if moved:
        # The tolerance is relative to the step, since a wrong small step of a large weight would
        # pass a tolerance relative to the weight.
        allowed = 1e-7 * moved + 64 * tolerances.DOUBLE * np.abs(right) + rounding
    if tolerances.near(found, right, allowed).all():
        return
    gap = np.nan_to_num(np.abs(found - right), nan=np.inf)
    index = tuple(map(int, np.unravel_index(int(np.argmax(gap)), right.shape)))
    name = f"{what}[{','.join(map(str, index))}]" if index else what
    raise AssertionError(
        f"{at}: {name} differs from the expected value. Found {float(found[index])!r}, expected "
        f"{float(right[index])!r}."
    )
