"""Regression by hand: a 2-2-1 linear network, squared error, one example at a time.

The network has no activation at all,

    A1 = W1ᵀ·X + b1        (2,1)   hidden layer
    ŷ  = W2ᵀ·A1 + b2       (1,1)   output

and the loss of one example is L = (y − ŷ)². Run this file to watch it learn.
"""

import numpy as np

WEIGHT_RATE = 0.001
BIAS_RATE = 0.01


def initialise_parameters(dim):
    """Return the starting parameters: every weight 0.1, every bias 0.

    Parameters
    ----------
    dim : sequence of int
        Units per layer, the input included: ``[2, 2, 1]``.

    Returns
    -------
    dict of str to ndarray
        ``W1, b1, W2, b2, …``; ``Wl`` has shape (units before, units), ``bl`` (units, 1).
    """
    parameters = {}
    for layer in range(1, len(dim)):
        parameters[f"W{layer}"] = np.full((dim[layer - 1], dim[layer]), 0.1)
        parameters[f"b{layer}"] = np.zeros((dim[layer], 1))
    return parameters


def linear_forward(A_prev, W, b):
    """Return one layer's output Wᵀ·A_prev + b, shape (units, 1).

    ``A_prev`` is the column that enters the layer, ``W`` (units before, units), ``b``
    (units, 1). Column j of W holds the weights of unit j, hence the transpose.
    """
    return W.T @ A_prev + b


def L_layer_forward(X, parameters):
    """Run the example ``X``, a column (features, 1), through all layers.

    Returns
    -------
    A : ndarray, shape (1, 1)
        The prediction ŷ.
    A_prev : ndarray, shape (2, 1)
        What entered the last layer. The update calls it A1.
    """
    A = X
    for layer in range(1, len(parameters) // 2 + 1):
        A_prev = A
        A = linear_forward(A_prev, parameters[f"W{layer}"], parameters[f"b{layer}"])
    return A, A_prev


def update_parameters(parameters, y, y_hat, A1, X):
    """Take one step of gradient descent on (y − ŷ)², changing ``parameters`` in place.

    The chain rule, walked from the loss back to the input:

        ∂L/∂ŷ  = −2(y − ŷ)
        ∂L/∂W2 = A1·∂L/∂ŷ         ∂L/∂b2 = ∂L/∂ŷ
        ∂L/∂A1 = W2·∂L/∂ŷ
        ∂L/∂W1 = X·(∂L/∂A1)ᵀ      ∂L/∂b1 = ∂L/∂A1

    Entry by entry the last line says that W1[i,j], which joins input i to hidden unit j,
    has gradient −2(y − ŷ)·W2[j]·X[i].

    All four gradients belong to the parameters that produced ŷ. They are therefore
    computed before anything moves: a W2 that has already been stepped would send the
    wrong error back to layer 1.

    Parameters
    ----------
    parameters : dict of str to ndarray
        As from `initialise_parameters`; its arrays are changed.
    y, y_hat : float or ndarray of shape (1, 1)
        Target and prediction.
    A1 : ndarray, shape (2, 1)
        Hidden layer, from the same forward pass as ``y_hat``.
    X : ndarray, shape (2, 1)
        The example.
    """
    d_output = -2 * (y - y_hat)
    dW2 = A1 * d_output
    db2 = d_output
    d_hidden = parameters["W2"] * d_output
    dW1 = X @ d_hidden.T
    db1 = d_hidden

    parameters["W1"] -= WEIGHT_RATE * dW1
    parameters["b1"] -= BIAS_RATE * db1
    parameters["W2"] -= WEIGHT_RATE * dW2
    parameters["b2"] -= BIAS_RATE * db2


if __name__ == "__main__":
    students = np.array([[8, 8], [6, 10], [7, 9], [5, 12]])  # cgpa, resume_score
    salaries = np.array([4, 6, 5, 7])  # lpa

    trained = initialise_parameters([2, 2, 1])
    for epoch in range(5):
        losses = []
        for row, salary in zip(students, salaries, strict=True):
            example = row.reshape(2, 1)
            prediction, hidden = L_layer_forward(example, trained)
            losses.append((salary - prediction.item()) ** 2)
            update_parameters(trained, salary, prediction.item(), hidden, example)
        print(f"epoch {epoch + 1}: loss {np.mean(losses)}")
    print(trained)
