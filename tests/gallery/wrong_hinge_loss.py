"""Wrong answers to the exercise of the SVM loss, and the starter of its course."""

from __future__ import annotations

from layers_helpers import several, wrong

ADDED = "                dW[:, j] += X[i]\n"
TAKEN = "                dW[:, y[i]] -= X[i]\n"
MARGINS = "margins = np.maximum(scores - scores[np.arange(N), y][:, np.newaxis] + 1, 0)"
SELF = "    margins[np.arange(N), y] = 0\n"
COUNT = "    dscores[np.arange(N), y] = -dscores.sum(axis=1)\n"
DATA = "data_loss = margins.sum() / N"
DW = "dW = X.T @ dscores / N"
NAIVE = "return loss + reg * np.sum(W**2), dW + 2 * reg * W"
VECTORIZED = "return data_loss + reg * np.sum(W**2), dW + 2 * reg * W"
OF_SCORES = "margins = np.maximum(x - x[rows, y][:, np.newaxis] + 1, 0)"
DX = "dx = (margins > 0) / len(x)"
DX_RIGHT = "    dx[rows, y] = -dx.sum(axis=1)\n"
SCORES = "return margins.sum() / len(x), dx"

WRONG = [
    wrong(
        "the right class is counted, with loops",
        "j != y[i] and margin > 0",
        "margin > 0",
        # What is added to its column is taken away again.
        hinge_loss_naive="loss_naive",
    ),
    wrong("the right class gets no gradient, with loops", TAKEN, "", hinge_loss_naive="dW_naive"),
    wrong("the wrong classes get no gradient, with loops", ADDED, "", hinge_loss_naive="dW_naive"),
    wrong(
        "the signs exchanged, with loops",
        f"{ADDED}{TAKEN}",
        f"{ADDED}{TAKEN}".replace("+=", "?").replace("-=", "+=").replace("?", "-="),
        hinge_loss_naive="dW_naive",
    ),
    wrong(
        "no 1/N in dW, with loops",
        "    dW /= len(X)\n",
        "",
        hinge_loss_naive="dW_naive",
    ),
    wrong(
        "no 1/N in the loss, with loops",
        "    loss /= len(X)\n",
        "",
        hinge_loss_naive="loss_naive",
    ),
    wrong(
        "no penalty in dW, with loops",
        NAIVE,
        NAIVE.replace("dW + 2 * reg * W", "dW"),
        hinge_loss_naive="dW_naive",
    ),
    wrong(
        "half of the penalty's gradient",
        VECTORIZED,
        VECTORIZED.replace("2 * reg", "reg"),
        hinge_loss_vectorized="dW",
    ),
    wrong(
        "no penalty at all",
        VECTORIZED,
        "return data_loss, dW",
        hinge_loss_vectorized="loss, dW",
    ),
    wrong(
        "the margin the other way",
        MARGINS,
        "margins = np.maximum(scores[np.arange(N), y][:, np.newaxis] - scores + 1, 0)",
        hinge_loss_vectorized="loss, dW",
    ),
    wrong(
        "negative margins count",
        MARGINS,
        "margins = scores - scores[np.arange(N), y][:, np.newaxis] + 1",
        hinge_loss_vectorized="loss",
    ),
    wrong(
        "the right class is counted",
        SELF,
        "",
        # The column of the right class is replaced, but its count has one more.
        hinge_loss_vectorized="loss, dW",
    ),
    wrong("the right class gets no gradient", COUNT, "", hinge_loss_vectorized="dW"),
    wrong(
        "the right class is taken away once",
        COUNT,
        "    dscores[np.arange(N), y] = -1\n",
        hinge_loss_vectorized="dW",
    ),
    wrong(
        "margins in place of counts",
        "dscores = (margins > 0).astype(float)",
        "dscores = margins.copy()",
        hinge_loss_vectorized="dW",
    ),
    wrong("no 1/N in dW", DW, "dW = X.T @ dscores", hinge_loss_vectorized="dW"),
    wrong(
        "a mean over the classes too",
        DATA,
        "data_loss = margins.mean()",
        hinge_loss_vectorized="loss",
    ),
    wrong(
        "W is changed",
        MARGINS,
        f"W -= W.mean()\n    {MARGINS}",
        "`W` is changed in place",
        hinge_loss_vectorized="loss, W left alone",
    ),
    wrong(
        "lost axis",
        MARGINS,
        MARGINS.replace("[:, np.newaxis]", ""),
        "ValueError",
        hinge_loss_vectorized="error",
    ),
    wrong("no 1/N in dx", DX, "dx = (margins > 0) * 1.0", hinge_scores_loss="dx"),
    wrong("no gradient of the right score", DX_RIGHT, "", hinge_scores_loss="dx"),
    wrong("no 1/N in the loss", SCORES, "return margins.sum(), dx", hinge_scores_loss="loss"),
    wrong(
        "the scores are changed",
        OF_SCORES,
        f"x -= x.mean()\n    {OF_SCORES}",
        "`x` is changed in place",
        hinge_scores_loss="x left alone",
    ),
    several(
        "no 1/N at all",
        {SCORES: "return margins.sum(), dx", DX: "dx = (margins > 0) * 1.0"},
        hinge_scores_loss="loss",
    ),
]

CONSTANT = {
    NAIVE: "return 1.0, 0 * W",
    VECTORIZED: "return 1.0, 0 * W",
    SCORES: "return 1.0, 0 * x",
}

STARTER = '''
import numpy as np


def svm_loss_naive(W, X, y, reg):
    """Compute the loss with loops."""
    dW = np.zeros(W.shape)
    loss = 0.0
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    pass

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return loss, dW


def svm_loss_vectorized(W, X, y, reg):
    """Compute the loss without loops."""
    loss = 0.0
    dW = np.zeros(W.shape)
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    pass

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return loss, dW


def svm_loss(x, y):
    """Compute the loss of scores."""
    loss, dx = None, None
    # TODO
    pass
    return loss, dx
'''
