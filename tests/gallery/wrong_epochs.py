"""Wrong answers to the exercise of epochs of mini-batches, and its course's starter."""

from __future__ import annotations

from layers_helpers import several, wrong

LOSS = "return np.mean(np.log(total) - shifted[np.arange(len(y)), y])"
DZ = "dZ = exps / exps.sum(axis=1, keepdims=True)"
MEAN = "return dZ / len(y)"
STEP = "theta -= lr * examples.T @ gradient_of_loss(examples @ theta, labels)"
HIDDEN = "hidden = np.maximum(inputs @ W1, 0)"
BACK = "dhidden = dZ @ W2.T * (hidden > 0)"
DW = "dW1, dW2 = inputs.T @ dhidden, hidden.T @ dZ"
STEP1, STEP2 = "W1 -= lr * dW1", "W2 -= lr * dW2"
SECOND = "        inputs, labels = X[start : start + batch], y[start : start + batch]"

SOFTMAX = {"epochs_softmax_gradient": "dtheta", "epochs_softmax_epoch": "theta"}
NN = {"epochs_nn_gradient": "dW1, dW2", "epochs_nn_epoch": "W1, W2"}
NN1 = {"epochs_nn_gradient": "dW1", "epochs_nn_epoch": "W1, W2"}
NN2 = {"epochs_nn_gradient": "dW2", "epochs_nn_epoch": "W1, W2"}

WRONG = [
    wrong(
        "not in place",
        STEP,
        STEP.replace("theta -=", "theta = theta -"),
        "`dtheta` is 0 in every entry.",
        **SOFTMAX,
    ),
    wrong(
        "W2 changed before it is used",
        f"{BACK}\n        {DW}",
        f"dW2 = hidden.T @ dZ\n        W2 -= lr * dW2\n        {BACK}\n"
        "        dW1, dW2 = inputs.T @ dhidden, 0",
        **NN1,
    ),
    wrong(
        "a sum for a mean",
        LOSS,
        LOSS.replace("mean", "sum"),
        "a division by N is missing",
        epochs_loss="loss",
    ),
    wrong("no 1/N", MEAN, "return dZ", "a division by N is missing", **SOFTMAX, **NN),
    several(
        "no 1/N at all",
        {LOSS: LOSS.replace("mean", "sum"), MEAN: "return dZ"},
        "a division by N is missing",
        epochs_loss="loss",
        **SOFTMAX,
        **NN,
    ),
    wrong(
        "1/N of all examples",
        STEP,
        STEP.replace("lr", "batch / len(X) * lr"),
        epochs_softmax_epoch="theta",
    ),
    wrong(
        "lost keepdims",
        DZ,
        DZ.replace(", keepdims=True", ""),
        "ValueError",
        epochs_softmax_gradient="error",
        epochs_softmax_epoch="error",
        epochs_nn_gradient="error",
        epochs_nn_epoch="error",
    ),
    wrong(
        "uphill",
        STEP,
        STEP.replace("-=", "+="),
        "the wrong sign",
        **SOFTMAX,
    ),
    wrong(
        "the examples are changed",
        STEP,
        f"examples -= examples.mean(axis=0)\n        {STEP}",
        "`X` is changed in place",
        epochs_softmax_gradient="dtheta, X left alone",
        epochs_softmax_epoch="theta, X left alone",
    ),
    wrong("no ReLU", HIDDEN, "hidden = inputs @ W1", **NN),
    wrong("no mask", BACK, BACK.replace(" * (hidden > 0)", ""), **NN1),
    wrong("1/N twice in dW1", DW, f"{DW}\n        dW1 /= len(labels)", "by N", **NN1),
    wrong("1/N twice in dW2", DW, f"{DW}\n        dW2 /= len(labels)", "by N", **NN2),
    wrong("no 1/N in dW2", DW, f"{DW}\n        dW2 *= len(labels)", "by N", **NN2),
    wrong(
        "W1 not in place",
        STEP1,
        "W1 = W1 - lr * dW1",
        "`dW1` is 0 in every entry.",
        epochs_nn_gradient="dW1",
        epochs_nn_epoch="W1",
    ),
    wrong(
        "all examples in each step of the net",
        SECOND,
        "        inputs, labels = X, y",
        epochs_nn_epoch="W1, W2",
    ),
    wrong(
        "the examples of the net are changed",
        HIDDEN,
        f"inputs -= inputs.mean(axis=0)\n        {HIDDEN}",
        "`X` is changed in place",
        epochs_nn_gradient="dW1, dW2, X left alone",
        epochs_nn_epoch="W1, W2, X left alone",
    ),
]

CONSTANT = {LOSS: "return 1.0", STEP: "pass", STEP1: "pass", STEP2: "pass"}

STARTER = '''
import numpy as np


def softmax_loss(Z, y):
    """Return softmax loss."""
    ### BEGIN YOUR CODE
    pass
    ### END YOUR CODE


def softmax_regression_epoch(X, y, theta, lr = 0.1, batch=100):
    """Run a single epoch, in place."""
    ### BEGIN YOUR CODE
    pass
    ### END YOUR CODE


def nn_epoch(X, y, W1, W2, lr = 0.1, batch=100):
    """Run a single epoch, in place."""
    ### BEGIN YOUR CODE
    pass
    ### END YOUR CODE
'''
