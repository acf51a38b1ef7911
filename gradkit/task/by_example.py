"""Train example by example, as numpy tasks do: forward and update in turn over the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gradkit.records.probes import Run
from gradkit.records.task import Array, Parameters

Forward = Callable[[Parameters, Array], tuple[Array, Array]]
"""From parameters (n, …) and X (n, features, 1) to ``y_hat`` and ``A1``, columns of n."""

Step = Callable[[Mapping[str, Array]], Mapping[str, Array]]
"""From parameters, ``X``, ``y``, ``y_hat``, ``A1`` and maybe ``rate`` to the new parameters."""


def train_by_example(
    forward: Forward, step: Step, runs: Sequence[Run]
) -> tuple[Array, dict[str, Array]]:
    """Make some runs side by side.

    Parameters
    ----------
    forward, step : callable
        On columns with a leading axis of n runs.
    runs : sequence of Run
        On as many rows, for the same number of epochs, with the same rate.

    Returns
    -------
    y_hat : array, (steps, n, outputs, 1)
        Before each step.
    parameters : dict of arrays, (n, …)
        After the last one.
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
    outputs = []
    for row in list(range(len(X))) * run.epochs:
        y_hat, A1 = forward(parameters, X[row])
        outputs.append(y_hat)
        given = {"X": X[row], "y": y[row], "y_hat": y_hat, "A1": A1}
        parameters = dict(step({**parameters, **given, **rate}))
    return np.array(outputs), parameters
