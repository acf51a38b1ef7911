"""The regression notebook's own rule, as published. It is wrong: do not learn from it.

This file exists to reproduce the published figures. The forward pass is sound; the
update is not gradient descent, for three reasons, each marked where it happens:

1. layer 1 uses W2 after W2 has been stepped;
2. input and hidden index of W1 are exchanged: entry [i,j] moves by W2[i]·X[j] where
   the gradient has W2[j]·X[i];
3. the second row of W1 moves at rate 0.01, the first at 0.001.

`regression_numpy` is the correct form.
"""

import numpy as np

BIAS_RATE = 0.01
W2_RATE = 0.001
W1_ROW_RATES = np.array([[0.001], [0.01]])  # mistake 3


def initialise_parameters(dim):
    """Return the starting parameters: every weight 0.1, every bias 0.

    ``dim`` is a sequence of int, the units per layer with the input first. ``Wl`` has
    shape (units before, units), ``bl`` (units, 1).
    """
    parameters = {}
    for layer in range(1, len(dim)):
        parameters[f"W{layer}"] = np.full((dim[layer - 1], dim[layer]), 0.1)
        parameters[f"b{layer}"] = np.zeros((dim[layer], 1))
    return parameters


def linear_forward(A_prev, W, b):
    """Return one layer's output Wᵀ·A_prev + b, shape (units, 1)."""
    return W.T @ A_prev + b


def L_layer_forward(X, parameters):
    """Return the prediction (1, 1) for a column ``X``, and what entered the last layer (2, 1)."""
    A = X
    for layer in range(1, len(parameters) // 2 + 1):
        A_prev = A
        A = linear_forward(A_prev, parameters[f"W{layer}"], parameters[f"b{layer}"])
    return A, A_prev


def update_parameters(parameters, y, y_hat, A1, X):
    """Move ``parameters`` in place by the published rule, W2′ being W2 after its own step.

        W2[j]   += 0.002·(y−ŷ)·A1[j]                    b2    += 0.02·(y−ŷ)
        W1[0,j] += 0.002·(y−ŷ)·W2′[0]·X[j]              b1[i] += 0.02·(y−ŷ)·W2′[i]
        W1[1,j] += 0.02·(y−ŷ)·W2′[1]·X[j]

    ``y`` and ``y_hat`` are numbers or (1, 1); ``A1`` and ``X`` are columns (2, 1).
    """
    W1, b1, W2, b2 = (parameters[name] for name in ("W1", "b1", "W2", "b2"))
    error = y - y_hat

    W2 += W2_RATE * 2 * error * A1
    b2 += BIAS_RATE * 2 * error

    # Mistake 1: from here on W2 is no longer the one that made the prediction.
    # Mistake 2: W2 runs down the rows of W1 and X along its columns.
    W1 += W1_ROW_RATES * 2 * error * W2 * X.T
    b1 += BIAS_RATE * 2 * error * W2
