"""Wrong answers to the exercise of attention, and the starter of its course."""

from __future__ import annotations

from layers_helpers import several, wrong

SCORES = "scores = Q @ K.swapaxes(2, 3) / np.sqrt(Q.shape[-1])"
MASK = "scores = np.where(mask, -np.inf, scores)"
POWERS = "powers = np.exp(scores - scores.max(axis=-1, keepdims=True))"
WEIGHTS = "self.weights = powers / powers.sum(axis=-1, keepdims=True)"
OUT = "return self.weights @ V"
D_V = "d_V = self.weights.swapaxes(2, 3) @ d_output"
D_WEIGHTS = "d_weights = d_output @ self.V.swapaxes(2, 3)"
MEAN = "mean = np.sum(d_weights * self.weights, axis=-1, keepdims=True)"
D_SCORES = "d_scores = self.weights * (d_weights - mean) / np.sqrt(self.Q.shape[-1])"
BACK = "return d_scores @ self.K, d_scores.swapaxes(2, 3) @ self.Q, d_V"

FORWARD = {"attention_unmasked": "unmasked", "attention_masked": "output"}

WRONG = [
    wrong(
        "no scale",
        SCORES,
        SCORES.replace(" / np.sqrt(Q.shape[-1])", ""),
        attention_backward="d_Q, d_K, d_V",
        **FORWARD,
    ),
    wrong(
        "scaled by the length and not its root",
        SCORES,
        SCORES.replace("np.sqrt(Q.shape[-1])", "Q.shape[-1]"),
        attention_backward="d_Q, d_K, d_V",
        **FORWARD,
    ),
    wrong(
        "the mask the other way",
        MASK,
        "scores = np.where(mask, scores, -np.inf)",
        attention_masked="output",
        attention_backward="d_Q, d_K, d_V",
    ),
    wrong(
        "the mask is not used",
        MASK,
        "pass",
        attention_masked="output",
        attention_backward="d_Q, d_K, d_V",
    ),
    wrong(
        "no shift",
        POWERS,
        "powers = np.exp(scores)",
        "not a number (nan)",
        **FORWARD,
    ),
    wrong(
        "a softmax over the queries",
        WEIGHTS,
        WEIGHTS.replace("axis=-1", "axis=-2"),
        attention_backward="d_Q, d_K, d_V",
        **FORWARD,
    ),
    wrong(
        "lost keepdims",
        WEIGHTS,
        WEIGHTS.replace(", keepdims=True", ""),
        "ValueError",
        attention_unmasked="error",
        attention_masked="error",
        attention_backward="blocked",
    ),
    wrong(
        "the gradient of V by the gradient of the scores",
        BACK,
        BACK.replace("d_V", "d_scores.swapaxes(2, 3) @ d_output"),
        attention_backward="d_V",
    ),
    wrong(
        "no weights in the gradient of V",
        D_V,
        "d_V = 0 * self.V + d_output.sum(axis=-2, keepdims=True)",
        attention_backward="d_V",
    ),
    wrong(
        "no slope of the softmax",
        D_SCORES,
        "d_scores = d_weights / np.sqrt(self.Q.shape[-1])",
        attention_backward="d_Q, d_K",
    ),
    wrong(
        "the slope of the logistic function",
        D_SCORES,
        "d_scores = d_weights * self.weights * (1 - self.weights) / np.sqrt(self.Q.shape[-1])",
        attention_backward="d_Q, d_K",
    ),
    wrong(
        "no scale on the way back",
        D_SCORES,
        D_SCORES.replace(" / np.sqrt(self.Q.shape[-1])", ""),
        attention_backward="d_Q, d_K",
    ),
    wrong(
        "the mean over the queries",
        MEAN,
        MEAN.replace("axis=-1", "axis=-2"),
        attention_backward="d_Q, d_K",
    ),
    wrong(
        "a mean without the weights",
        MEAN,
        MEAN.replace(" * self.weights", ""),
        attention_backward="d_Q, d_K",
    ),
    wrong(
        "the sign of the mean",
        D_SCORES,
        D_SCORES.replace("d_weights - mean", "d_weights + mean"),
        attention_backward="d_Q, d_K",
    ),
    several(
        "the gradients of Q and K exchanged",
        {BACK: "return d_scores.swapaxes(2, 3) @ self.Q, d_scores @ self.K, d_V"},
        attention_backward="d_Q, d_K",
    ),
    wrong(
        "the weights are used up",
        MEAN,
        f"{MEAN}\n        self.weights *= 2",
        "is different when the same call is made again",
        attention_backward="d_Q, d_K, d_V",
    ),
    wrong(
        "the values are changed",
        D_WEIGHTS,
        f"{D_WEIGHTS}\n        self.V *= 2",
        "`V` is changed in place",
        attention_backward="d_Q, d_K, V left alone",
    ),
]

CONSTANT = {
    OUT: "return np.ones(Q.shape[:-1] + V.shape[-1:])",
    BACK: "return 0 * self.Q, 0 * self.K, 0 * self.V",
}

STARTER = '''
import numpy as np


class ScaledDotProductAttention:
    """Scaled dot-product attention."""

    def __init__(self):
        self.eps = 1e10
        self.softmax = None

    def forward(self, Q, K, V, mask=None):
        # TODO
        scaled_dot_product = NotImplementedError
        output = NotImplementedError
        raise NotImplementedError

    def backward(self, d_output):
        # TODO
        d_V = NotImplementedError
        raise NotImplementedError
'''
