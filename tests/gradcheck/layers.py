"""Layers as courses set them, with a right backward and three wrong ones each.

A wrong backward is made from the right one's text by a replacement, so that nothing else differs.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Layer:
    """One layer; ``mistakes`` are (text, replacement) in the source of its backward."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    draw: Callable[[np.random.Generator], dict[str, Any]]
    mistakes: tuple[tuple[str, str], ...]
    options: dict[str, Any] = field(default_factory=dict)


def spoilt(layer: Layer, number: int) -> Callable[..., Any]:
    """Return the backward with one mistake in it."""
    old, new = layer.mistakes[number]
    source = textwrap.dedent(inspect.getsource(layer.backward))
    assert source.count(old) >= 1, (layer.backward.__name__, old)
    space = {"np": np, "sigmoid": sigmoid}
    exec(source.replace(old, new, 1), space)
    return space[layer.backward.__name__]


def sigmoid(z):
    """Return the logistic function."""
    return 1 / (1 + np.exp(-z))


def affine_forward(x, w, b):
    """CS231n's affine layer."""
    return x.reshape(len(x), -1) @ w + b, (x, w, b)


def affine_backward(dout, cache):
    """Its backward."""
    x, w, _ = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(len(x), -1).T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


def relu_forward(x):
    """Return the positive part, and the input as a cache."""
    return np.maximum(x, 0), x


def relu_backward(dout, cache):
    """Its backward."""
    return dout * (cache > 0)


def batchnorm_forward(x, gamma, beta):
    """Normalise over the batch."""
    mean, var = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(var + 1e-5)
    hat = (x - mean) / std
    return gamma * hat + beta, (hat, gamma, std)


def batchnorm_backward(dout, cache):
    """Its backward."""
    hat, gamma, std = cache
    dgamma, dbeta = (dout * hat).sum(axis=0), dout.sum(axis=0)
    dhat = dout * gamma
    dx = (dhat - dhat.mean(axis=0) - hat * (dhat * hat).mean(axis=0)) / std
    return {"dx": dx, "dgamma": dgamma, "dbeta": dbeta}


def layernorm_forward(x, gamma, beta):
    """Normalise over the features."""
    mean, var = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    std = np.sqrt(var + 1e-5)
    hat = (x - mean) / std
    return gamma * hat + beta, (hat, gamma, std)


def layernorm_backward(dout, cache):
    """Its backward."""
    hat, gamma, std = cache
    dgamma, dbeta = (dout * hat).sum(axis=0), dout.sum(axis=0)
    dhat = dout * gamma
    inner = (dhat * hat).mean(axis=1, keepdims=True)
    dx = (dhat - dhat.mean(axis=1, keepdims=True) - hat * inner) / std
    return dx, dgamma, dbeta


def conv_forward(x, w, b):
    """Correlate, with a padding of one."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], axis=(2, 3))
    return np.einsum("nchwij,fcij->nfhw", windows, w) + b[:, None, None], (x, w, windows)


def conv_backward(dout, cache):
    """Its backward."""
    x, w, windows = cache
    db = dout.sum(axis=(0, 2, 3))
    dw = np.einsum("nchwij,nfhw->fcij", windows, dout)
    padded = np.zeros((*x.shape[:2], x.shape[2] + 2, x.shape[3] + 2))
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            part = np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
            padded[:, :, i : i + dout.shape[2], j : j + dout.shape[3]] += part
    return padded[:, :, 1:-1, 1:-1], dw, db


def pool_forward(x):
    """Take the largest of two by two."""
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
    return blocks.max(axis=(3, 5)), (blocks,)


def pool_backward(dout, cache):
    """Its backward."""
    (blocks,) = cache
    top = blocks.max(axis=(3, 5), keepdims=True)
    spread = (blocks == top) * dout[:, :, :, None, :, None]
    n, c, h, _, w, _ = blocks.shape
    return spread.reshape(n, c, 2 * h, 2 * w)


def softmax_forward(x, y):
    """Return the mean cross-entropy of scores with labels."""
    shifted = x - x.max(axis=1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(x)), y]).mean(), (p, y)


def softmax_backward(dout, cache):
    """Its backward."""
    p, y = cache
    dx = p.copy()
    dx[np.arange(len(p)), y] -= 1
    return dout * dx / len(p)


def attention_forward(q, k, v):
    """Scaled dot-product attention."""
    s = q @ k.T / np.sqrt(q.shape[1])
    e = np.exp(s - s.max(axis=1, keepdims=True))
    a = e / e.sum(axis=1, keepdims=True)
    return a @ v, (q, k, v, a)


def attention_backward(dout, cache):
    """Its backward."""
    q, k, v, a = cache
    dv = a.T @ dout
    da = dout @ v.T
    ds = a * (da - (da * a).sum(axis=1, keepdims=True)) / np.sqrt(q.shape[1])
    return ds @ k, ds.T @ q, dv


def lstm_forward(x, h, c, wx, wh, b):
    """One step; two outputs."""
    z = x @ wx + h @ wh + b
    i, f, o, g = np.split(z, 4, axis=1)
    i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
    c2 = f * c + i * g
    t = np.tanh(c2)
    return o * t, c2, (x, h, c, wx, wh, i, f, o, g, t)


def lstm_backward(dh2, dc2, cache):
    """Its backward."""
    x, h, c, wx, wh, i, f, o, g, t = cache
    dc2 = dc2 + dh2 * o * (1 - t * t)
    di, df, do, dg = dc2 * g, dc2 * c, dh2 * t, dc2 * i
    dz = np.concatenate(
        [di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g * g)], axis=1
    )
    return dz @ wx.T, dz @ wh.T, dc2 * f, x.T @ dz, h.T @ dz, dz.sum(axis=0)


class Linear:
    """11-785's layer, which keeps its gradients as attributes and divides them by N."""

    def forward(self, A, W, b):
        """Return the weighted sums."""
        self.A, self.W, self.b = A, W, b
        return A @ W.T + b.T

    def backward(self, dLdZ):
        """Return the gradient of the input and keep the others."""
        self.dLdW = dLdZ.T @ self.A / len(self.A)
        self.dLdb = dLdZ.sum(axis=0)[:, None] / len(self.A)
        return dLdZ @ self.W


def svm_forward(x, y):
    """Return the mean hinge loss of scores with labels."""
    margins = np.maximum(0, x - x[np.arange(len(x)), y][:, None] + 1)
    margins[np.arange(len(x)), y] = 0
    return margins.sum() / len(x), (margins, y)


def svm_backward(dout, cache):
    """Its backward."""
    margins, y = cache
    dx = (margins > 0).astype(float)
    dx[np.arange(len(dx)), y] -= dx.sum(axis=1)
    return dout * dx / len(dx)


def dropout_forward(x, mask):
    """Drop what a mask says, and scale the rest."""
    return x * mask / 0.6, (mask,)


def dropout_backward(dout, cache):
    """Its backward."""
    return dout * cache[0] / 0.6


def sigmoid_forward(x):
    """Return the logistic function, and its value as a cache."""
    out = sigmoid(x)
    return out, (out,)


def sigmoid_backward(dout, cache):
    """Its backward."""
    return dout * cache[0] * (1 - cache[0])


def tanh_forward(x):
    """Return the hyperbolic tangent, and its value as a cache."""
    out = np.tanh(x)
    return out, (out,)


def tanh_backward(dout, cache):
    """Its backward."""
    return dout * (1 - cache[0] ** 2)


def rnn_forward(x, h, wx, wh, b):
    """One step of CS231n's vanilla RNN."""
    out = np.tanh(x @ wx + h @ wh + b)
    return out, (x, h, wx, wh, out)


def rnn_backward(dout, cache):
    """Its backward."""
    x, h, wx, wh, out = cache
    dz = dout * (1 - out * out)
    return dz @ wx.T, dz @ wh.T, x.T @ dz, h.T @ dz, dz.sum(axis=0)


def embedding_forward(words, table):
    """Look words up, some more than once."""
    return table[words], (words, table)


def embedding_backward(dout, cache):
    """Its backward."""
    words, table = cache
    dtable = np.zeros_like(table)
    np.add.at(dtable, words, dout)
    return dtable


LINEAR_MISTAKES = (
    ("dLdZ.T @ self.A / len(self.A)", "dLdZ.T @ self.A"),
    ("dLdZ.sum(axis=0)[:, None] / len", "dLdZ.sum(axis=0) / len"),
    ("return dLdZ @ self.W", "return -dLdZ @ self.W"),
)


def spoilt_linear(number: int) -> type:
    """Return the class with one mistake in its backward."""
    old, new = LINEAR_MISTAKES[number]
    source = inspect.getsource(Linear)
    assert old in source
    space = {"np": np}
    exec(source.replace(old, new, 1), space)
    return space["Linear"]


def _normal(**shapes: tuple[int, ...]) -> Callable[[np.random.Generator], dict[str, Any]]:
    return lambda rng: {name: rng.normal(size=shape) for name, shape in shapes.items()}


LAYERS = {
    "affine": Layer(
        affine_forward,
        affine_backward,
        _normal(x=(3, 2, 2), w=(4, 5), b=(5,)),
        (
            ("dout.sum(axis=0)", "dout.sum(axis=0, keepdims=True)"),
            ("x.reshape(len(x), -1).T @ dout", "x.reshape(len(x), -1).T @ dout / len(x)"),
            ("(dout @ w.T).reshape(x.shape)", "(dout @ w.T).reshape(x.shape) * (x > 0)"),
        ),
    ),
    "relu": Layer(
        relu_forward,
        relu_backward,
        _normal(x=(4, 5)),
        (
            ("dout * (cache > 0)", "dout"),
            ("dout * (cache > 0)", "dout * np.maximum(cache, 0)"),
            ("cache > 0", "dout > 0"),
        ),
        {"cache": True},
    ),
    "batchnorm": Layer(
        batchnorm_forward,
        batchnorm_backward,
        _normal(x=(6, 3), gamma=(3,), beta=(3,)),
        (
            (" - hat * (dhat * hat).mean(axis=0)", ""),
            ("(dout * hat).sum(axis=0)", "(dout * hat).sum()"),
            ("dhat = dout * gamma", "dhat = dout"),
        ),
    ),
    "layernorm": Layer(
        layernorm_forward,
        layernorm_backward,
        _normal(x=(4, 5), gamma=(5,), beta=(5,)),
        (
            ("- dhat.mean(axis=1, keepdims=True) ", ""),
            ("(dout * hat).sum(axis=0)", "(dout * hat).mean(axis=0)"),
            ("hat * inner) / std", "hat * inner) * std"),
        ),
    ),
    "conv": Layer(
        conv_forward,
        conv_backward,
        _normal(x=(2, 2, 4, 4), w=(3, 2, 3, 3), b=(3,)),
        (
            ("dout.sum(axis=(0, 2, 3))", "dout.sum(axis=(0, 2))[:, 0]"),
            ("w[:, :, i, j]", "w[:, :, -1 - i, j]"),
            (
                "padded[:, :, i : i + dout.shape[2], j : j + dout.shape[3]] +=",
                "padded[:, :, i : i + dout.shape[2], j : j + dout.shape[3]] =",
            ),
        ),
    ),
    "max pooling": Layer(
        pool_forward,
        pool_backward,
        _normal(x=(2, 2, 4, 4)),
        (
            ("(blocks == top) *", "np.ones_like(blocks) *"),
            ("(blocks == top) *", "(blocks == top) / 4 *"),
            ("max(axis=(3, 5), keepdims=True)", "min(axis=(3, 5), keepdims=True)"),
        ),
    ),
    "softmax loss": Layer(
        softmax_forward,
        softmax_backward,
        lambda rng: {"x": rng.normal(size=(4, 3)), "y": rng.integers(3, size=4)},
        (
            ("dout * dx / len(p)", "dout * dx"),
            ("dx[np.arange(len(p)), y] -= 1", "dx[:, y] -= 1"),
            ("dx[np.arange(len(p)), y] -= 1", "pass"),
        ),
    ),
    "attention": Layer(
        attention_forward,
        attention_backward,
        _normal(q=(3, 4), k=(5, 4), v=(5, 2)),
        (
            (" / np.sqrt(q.shape[1])", ""),
            (
                "(da - (da * a).sum(axis=1, keepdims=True))",
                "(da - (da * a).sum(axis=0, keepdims=True))",
            ),
            ("a.T @ dout", "a[::-1].T @ dout"),
        ),
    ),
    "LSTM step": Layer(
        lstm_forward,
        lstm_backward,
        _normal(x=(2, 3), h=(2, 2), c=(2, 2), wx=(3, 8), wh=(2, 8), b=(8,)),
        (
            ("dc2 = dc2 + dh2 * o * (1 - t * t)", "dc2 = dh2 * o * (1 - t * t)"),
            ("dg * (1 - g * g)", "dg * g * (1 - g)"),
            ("dc2 * f, x.T", "dc2 * i, x.T"),
        ),
    ),
}

MORE = {
    "svm loss": Layer(
        svm_forward,
        svm_backward,
        lambda rng: {"x": rng.normal(size=(4, 3)), "y": rng.integers(3, size=4)},
        (
            ("dx[np.arange(len(dx)), y] -= dx.sum(axis=1)", "pass"),
            ("/ len(dx)", ""),
            ("(margins > 0)", "margins"),
        ),
    ),
    "dropout": Layer(
        dropout_forward,
        dropout_backward,
        lambda rng: {"x": rng.normal(size=(4, 5)), "mask": rng.random((4, 5)) < 0.6},
        (("* cache[0]", ""), ("/ 0.6", ""), ("/ 0.6", "* 0.6")),
    ),
    "sigmoid": Layer(
        sigmoid_forward,
        sigmoid_backward,
        _normal(x=(4, 5)),
        (
            ("* (1 - cache[0])", ""),
            ("1 - cache[0]", "1 + cache[0]"),
            ("cache[0] * (1", "dout * (1"),
        ),
    ),
    "tanh": Layer(
        tanh_forward,
        tanh_backward,
        _normal(x=(4, 5)),
        (("** 2", ""), ("1 - cache", "1 + cache"), ("dout * ", "")),
    ),
    "RNN step": Layer(
        rnn_forward,
        rnn_backward,
        _normal(x=(2, 3), h=(2, 4), wx=(3, 4), wh=(4, 4), b=(4,)),
        (("dz @ wh.T", "dz @ wh"), ("(1 - out * out)", "(1 - out)"), ("h.T @ dz", "out.T @ dz")),
    ),
    "embedding": Layer(
        embedding_forward,
        embedding_backward,
        lambda rng: {"words": np.array([[0, 2, 2], [3, 0, 2]]), "table": rng.normal(size=(5, 2))},
        (
            ("np.add.at(dtable, words, dout)", "dtable[words] = dout"),
            ("np.add.at(dtable, words, dout)", "dtable[words] += dout"),
            ("np.add.at(dtable, words, dout)", "np.add.at(dtable, words, dout.mean())"),
        ),
    ),
}
"""More layers, which make sixteen with the others and 11-785's."""
