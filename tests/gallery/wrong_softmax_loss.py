"""Wrong answers to the exercise of the softmax loss, and its course's starters."""

from __future__ import annotations

BOTH = {"loss_naive", "dW_naive", "loss", "dW"}

PROBABILITIES = "powers / np.sum(powers, axis=1, keepdims=True)"
SHIFT = "np.exp(scores - np.max(scores, axis=1, keepdims=True))"
ONES = "dscores[np.arange(N), y] -= 1"

WRONG: dict[str, tuple[dict[str, str], set[str], str]] = {
    "no 1/N in dW": ({"X.T @ dscores / N": "X.T @ dscores"}, {"dW"}, "`dW` is not right."),
    "no 1/N in dW, with loops": ({"    dW /= len(X)\n": ""}, {"dW_naive"}, "`dW_naive` is not"),
    "no 1/N in the loss, with loops": (
        {"    loss /= len(X)\n": ""},
        {"loss_naive"},
        "`loss_naive`",
    ),
    "no 1/N at all": (
        {
            "-np.mean(np.log": "-np.sum(np.log",
            "X.T @ dscores / N": "X.T @ dscores",
            "    loss /= len(X)\n": "",
            "    dW /= len(X)\n": "",
        },
        {"loss", "loss_naive"},  # the gradients are right for that loss
        "`loss_naive` is not right.",
    ),
    "half of the regularisation's gradient": (
        {"2 * reg * W": "reg * W"},
        {"dW", "dW_naive"},
        "`dW` is not right.",
    ),
    "no shift": (
        {SHIFT: "np.exp(scores)"},
        {"loss"},  # the gradient is right for that, where there is one
        "`loss` is not a number (nan). "
        "This happens only with W = 1000 + normal(D, C), X = probabilities(N, D), reg = 0.0.",
    ),
    "no shift, with loops": (
        {"np.exp(scores - np.max(scores))": "np.exp(scores)"},
        {"loss_naive"},
        "`loss_naive` is not a number (nan).",
    ),
    "the shift the other way": (
        {SHIFT: "np.exp(scores + np.max(scores, axis=1, keepdims=True))"},
        {"loss"},
        "`loss` is not a number (nan).",
    ),
    "a softmax over the examples": (
        {PROBABILITIES: "powers / np.sum(powers, axis=0, keepdims=True)"},
        {"loss", "dW"},
        "`loss` is not right.",
    ),
    "the softmax without keepdims": (
        {PROBABILITIES: "powers / np.sum(powers, axis=1)"},
        {"vectorized"},
        "ValueError: operands could not be broadcast together",
    ),
    "the probabilities changed before the loss": (
        {
            "    data_loss = -np.mean(np.log(dscores[np.arange(N), y]))\n": "",
            f"    {ONES}\n": (
                f"    {ONES}\n    data_loss = -np.mean(np.log(1 + dscores[np.arange(N), y - 1]))\n"
            ),
        },
        {"loss"},
        "`loss` is not right.",
    ),
    "the last example left out": (
        {"for i in range(len(X)):": "for i in range(len(X) - 1):"},
        {"loss_naive", "dW_naive"},
        "`loss_naive` is not right.",
    ),
    "W changed in place": (
        {"    N = len(X)": "    W -= W.mean()\n    N = len(X)"},
        {"W left alone", "loss"},
        "`W` is changed in place, but must stay the same. Work on a copy.",
    ),
    "a constant forward, a zero backward": (
        {
            "return data_loss + reg * np.sum(W**2), dW + 2 * reg * W": "return 0.0, 0 * W",
            "return loss + reg * np.sum(W**2), dW + 2 * reg * W": "return 0.0, 0 * W",
        },
        BOTH,
        "`dW_naive` is 0 in every entry.",
    ),
}
"""Edits of the model solution, the outputs that they make wrong, and what is said."""

TEXT = '''
from builtins import range
import numpy as np
from random import shuffle


def softmax_loss_naive(W, X, y, reg):
    """Softmax loss function, naive implementation (with loops)."""
    # Initialize the loss and gradient to zero.
    {start}
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    pass

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    {end}


def softmax_loss_vectorized(W, X, y, reg):
    """Softmax loss function, vectorized version."""
    # Initialize the loss and gradient to zero.
    {start}
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    pass

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    {end}
'''

STARTERS = {
    "pass": TEXT.format(start="", end=""),
    "none": TEXT.format(start="loss = None\n    dW = None", end="return loss, dW"),
    "zero": TEXT.format(start="loss = 0.0\n    dW = np.zeros_like(W)", end="return loss, dW"),
}
FUNCTIONS = ("softmax_loss_naive", "softmax_loss_vectorized")
