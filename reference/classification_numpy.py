"""Classification by hand: a 2-2-1 sigmoid network, cross-entropy, one example at a time.

Both layers end in the sigmoid σ,

    A1 = σ(W1ᵀ·X + b1)     (2,1)   hidden layer
    ŷ  = σ(W2ᵀ·A1 + b2)    (1,1)   probability of class 1

and the loss of one example is the binary cross-entropy
L = −y·log(ŷ) − (1 − y)·log(1 − ŷ). Run this file to watch it learn.
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


def sigmoid(Z):
    """Return σ(Z) = 1 / (1 + e^(−Z)), entry by entry. It rises from 0 to 1."""
    return 1 / (1 + np.exp(-Z))


def linear_forward(A_prev, W, b):
    """Return one layer's output σ(Wᵀ·A_prev + b), shape (units, 1).

    ``A_prev`` is the column that enters the layer, ``W`` (units before, units), ``b``
    (units, 1). Column j of W holds the weights of unit j, hence the transpose.
    """
    return sigmoid(W.T @ A_prev + b)


def L_layer_forward(X, parameters):
    """Run the example ``X``, a column (features, 1), through all layers.

    Returns
    -------
    A : ndarray, shape (1, 1)
        The prediction ŷ, a probability.
    A_prev : ndarray, shape (2, 1)
        What entered the last layer. The update calls it A1.
    """
    A = X
    for layer in range(1, len(parameters) // 2 + 1):
        A_prev = A
        A = linear_forward(A_prev, parameters[f"W{layer}"], parameters[f"b{layer}"])
    return A, A_prev


def update_parameters(parameters, y, y_hat, A1, X):
    """Take one step of gradient descent on the cross-entropy, changing ``parameters`` in place.

    Write Z1 and Z2 for what enters the two sigmoids. The derivative of a sigmoid is
    σ(Z)(1 − σ(Z)), so it can be had from the layer's output alone. At the output it
    cancels against the derivative of the loss, −(y − ŷ) / (ŷ(1 − ŷ)):

        ∂L/∂Z2 = −(y − ŷ)
        ∂L/∂W2 = A1·∂L/∂Z2        ∂L/∂b2 = ∂L/∂Z2

    In the hidden layer nothing cancels it:

        ∂L/∂Z1 = W2·∂L/∂Z2 · A1(1 − A1)
        ∂L/∂W1 = X·(∂L/∂Z1)ᵀ      ∂L/∂b1 = ∂L/∂Z1

    Entry by entry the last line says that W1[i,j], which joins input i to hidden unit j,
    has gradient −(y − ŷ)·W2[j]·A1[j](1 − A1[j])·X[i].

    All four gradients belong to the parameters that produced ŷ. They are therefore
    computed before anything moves: a W2 that has already been stepped would send the
    wrong error back to layer 1.

    Parameters
    ----------
    parameters : dict of str to ndarray
        As from `initialise_parameters`; its arrays are changed.
    y, y_hat : float or ndarray of shape (1, 1)
        Class (0 or 1) and predicted probability.
    A1 : ndarray, shape (2, 1)
        Hidden layer, from the same forward pass as ``y_hat``.
    X : ndarray, shape (2, 1)
        The example.
    """
    dZ2 = -(y - y_hat)
    dW2 = A1 * dZ2
    db2 = dZ2
    dZ1 = parameters["W2"] * dZ2 * A1 * (1 - A1)
    dW1 = X @ dZ1.T
    db1 = dZ1

    parameters["W1"] -= WEIGHT_RATE * dW1
    parameters["b1"] -= BIAS_RATE * db1
    parameters["W2"] -= WEIGHT_RATE * dW2
    parameters["b2"] -= BIAS_RATE * db2


if __name__ == "__main__":
    students = np.array([[8, 8], [7, 9], [6, 10], [5, 5]])  # cgpa, resume_score
    placed = np.array([1, 1, 0, 0])

    trained = initialise_parameters([2, 2, 1])
    for epoch in range(5):
        losses = []
        for row, label in zip(students, placed, strict=True):
            example = row.reshape(2, 1)
            prediction, hidden = L_layer_forward(example, trained)
            y_hat = prediction.item()
            losses.append(-label * np.log(y_hat) - (1 - label) * np.log(1 - y_hat))
            update_parameters(trained, label, y_hat, hidden, example)
        print(f"epoch {epoch + 1}: loss {np.mean(losses)}")
    print(trained)
