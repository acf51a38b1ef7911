"""Wrong answers to the exercise of a net of two layers as a class, and its course's starters."""

from __future__ import annotations

W1, B1, W2, B2 = (f"grads['{name}']" for name in ("W1", "b1", "W2", "b2"))
GRADS = {W1, B1, W2, B2}

LOSS = "loss += reg * (np.sum(W1**2) + np.sum(W2**2))"
SHIFT = "np.exp(scores - np.max(scores, axis=1, keepdims=True))"

WRONG: dict[str, tuple[dict[str, str], set[str], str]] = {
    "no 1/N in the gradients": (
        {"        dscores /= N\n": ""},
        GRADS,
        f"`{B1}` is N times the expected value",
    ),
    "no 1/N in b2": (
        {"np.sum(dscores, axis=0)": "N * np.sum(dscores, axis=0)"},
        {B2},
        f"`{B2}` is N times the expected value",
    ),
    "no 1/N at all": (
        {"        dscores /= N\n": "", "-np.mean(np.log": "-np.sum(np.log"},
        {"loss"},  # the gradients are right for that loss
        "`loss` is not right.",
    ),
    "mean for sum": (
        {"np.sum(dhidden, axis=0)": "np.mean(dhidden, axis=0)"},
        {B1},
        f"`{B1}` is 1/N of the expected value",
    ),
    "labels off by one in both": (
        {"y] -= 1": "y - 1] -= 1", "np.arange(N), y])": "np.arange(N), y - 1])"},
        {"loss", *GRADS},
        "`loss` is not right.",
    ),
    "no regularisation in W1": ({" + 2 * reg * W1": ""}, {W1}, f"`{W1}` is not right."),
    "no regularisation in W2": ({" + 2 * reg * W2": ""}, {W2}, f"`{W2}` is not right."),
    "no regularisation": (
        {f"        {LOSS}\n": "", " + 2 * reg * W1": "", " + 2 * reg * W2": ""},
        {"loss", W1, W2},  # a loss that does not depend on reg is another one
        "`loss` is not right.",
    ),
    "half of the regularisation's gradient": (
        {"2 * reg": "reg"},
        {"loss"},  # the gradients are right for half of it, as in other years of the course
        "`loss` is not right.",
    ),
    "no shift": (
        {SHIFT: "np.exp(scores)"},
        {"loss"},  # the gradients are right for that, where there are any
        "not a number (nan). This happens only with b2 = 1000 + normal(C).",
    ),
    "no shift, in the other year": (
        {
            SHIFT: "np.exp(scores)",
            "reg * (np.sum(W1**2)": "reg / 2 * (np.sum(W1**2)",
            "2 * reg * W1": "reg * W1",
            "2 * reg * W2": "reg * W2",
        },
        {"loss"},
        "not a number (nan). This happens only with b2 = 1000 + normal(C).",
    ),
    "ReLU without its mask": ({" * (hidden > 0)": ""}, {W1, B1}, f"`{W1}` is not right."),
    "no ReLU": (
        {'np.maximum(X @ W1 + self.params["b1"], 0)': 'X @ W1 + self.params["b1"]'},
        {"scores", "loss", "labels", *GRADS},
        "`scores` is not right.",
    ),
    "parameters changed in place": (
        {"        dscores /= N\n": '        dscores /= N\n        self.params["b2"] -= 0.1\n'},
        {"b2 left alone"},
        "`b2` is changed in place, but must stay the same. Work on a copy.",
    ),
    "X changed in place": (
        {"        N = len(X)\n": "        N = len(X)\n        X -= X.mean(axis=0)\n"},
        {"X left alone", "scores", "labels", "loss", *GRADS},
        "`X` is changed in place, but must stay the same. Work on a copy.",
    ),
    "the probabilities are the gradient, and the loss comes after": (
        {
            "        loss = -np.mean(np.log(probabilities[np.arange(N), y]))\n": "",
            f"        {LOSS}\n": "",
            "        dscores /= N\n": (
                "        loss = -np.mean(np.log(np.abs(probabilities[np.arange(N), y])))\n"
                f"        {LOSS}\n        dscores /= N\n"
            ),
        },
        {"loss"},
        "`loss` is not right.",
    ),
    "scores from the hidden layer": (
        {"            return scores\n": "            return hidden\n"},
        {"scores", "labels"},
        "`scores` has shape",
    ),
    "the lowest score": ({"np.argmax(": "np.argmin("}, {"labels"}, "`labels` is not right."),
    "weights the other way round": (
        {"np.random.randn(input_size, hidden_size)": "np.random.randn(hidden_size, input_size)"},
        {"fresh.params['W1'].shape"},
        "`fresh.params['W1'].shape` has",
    ),
    "random biases": (
        {"np.zeros(hidden_size)": "np.random.randn(hidden_size)"},
        {"fresh.params['b1']"},
        "`fresh.params['b1']` is not right.",
    ),
    "std not used": (
        {"std * np.random.randn(input_size": "1e-4 * np.random.randn(input_size"},
        {"np.greater(fresh.params['W1'].std(), std / 3)"},
        "`np.greater(fresh.params['W1'].std(), std / 3)`",
    ),
    "weights that are not scaled": (
        {"std * np.random.randn(hidden_size": "np.random.randn(hidden_size"},
        {"np.less(fresh.params['W2'].std(), std * 3)"},
        "`np.less(fresh.params['W2'].std(), std * 3)`",
    ),
}
"""Edits of the model solution, the outputs that they make wrong, and what is said."""

TEXT = '''
from builtins import range
from builtins import object
import numpy as np
import matplotlib.pyplot as plt
from past.builtins import xrange


class TwoLayerNet(object):
    """A two-layer fully-connected neural network."""

    def __init__(self, input_size, hidden_size, output_size, std=1e-4):
        """Initialize the model."""
        {init}

    def loss(self, X, y=None, reg=0.0):
        """Compute the loss and gradients."""
        W1, b1 = self.params['W1'], self.params['b1']
        W2, b2 = self.params['W2'], self.params['b2']
        N, D = X.shape

        # Compute the forward pass
        scores = None
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

        pass

        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

        # If the targets are not given then jump out, we're done
        if y is None:
            return scores

        # Compute the loss
        loss = None
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

        pass

        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

        # Backward pass: compute gradients
        grads = {{}}
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

        pass

        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

        return loss, grads

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, reg=5e-6, num_iters=100):
        """Train this neural network using stochastic gradient descent."""
        for it in range(num_iters):
            X_batch = None
            y_batch = None
            loss, grads = self.loss(X_batch, y=y_batch, reg=reg)

    def predict(self, X):
        """Use the trained weights to predict labels."""
        y_pred = None
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

        pass

        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

        return y_pred
'''

STARTERS = {
    "pass": TEXT.format(init="pass"),
    "none": TEXT.format(
        init="self.params = {}\n        self.params['W1'] = None\n        self.params['b1'] = None"
    ),
}
FUNCTIONS = ("TwoLayerNet", "TwoLayerNet.loss", "TwoLayerNet.predict")
