"""Random nets with hand-written backpropagation, and errors to plant in it.

The truth is the same backpropagation in extended precision.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

Params = dict[str, np.ndarray]


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def _sinusoid(z):
    return np.sin(z)


ACTIVATIONS: dict[str, tuple[Callable, Callable]] = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (_sigmoid, lambda z: _sigmoid(z) * (1 - _sigmoid(z))),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype)),
    "leaky": (
        lambda z: np.where(z > 0, z, z / 8),
        lambda z: np.where(z > 0, 1, z.dtype.type(1) / 8),
    ),
    "softplus": (lambda z: np.logaddexp(z, 0), _sigmoid),
    "elu": (
        lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        lambda z: np.where(z > 0, 1, np.exp(np.minimum(z, 0))),
    ),
    "sin": (_sinusoid, np.cos),
    "linear": (lambda z: z, np.ones_like),
}
SMOOTH = ("tanh", "sigmoid", "softplus", "sin", "linear")


@dataclass
class Net:
    """One net, its data and its loss; ``dtype`` is the type of the forward pass."""

    params: Params
    X: np.ndarray
    y: np.ndarray
    activation: str
    loss: str
    mean: bool = True
    dtype: Any = np.float64
    units: dict[str, float] = field(default_factory=dict)
    factor: float = 1.0
    offset: float = 0.0
    noise: float = 0.0
    noise_kind: str = "hash"
    decay: float = 0.0
    label: str = ""

    @property
    def depth(self) -> int:
        """Return the number of layers."""
        return sum(name.startswith("W") for name in self.params)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(1)

    def cast(self, params: Params, dtype) -> Params:
        """Return the parameters in the forward pass's dtype and its units."""
        return {
            name: value.astype(dtype) / dtype(self.units.get(name, 1.0))
            for name, value in params.items()
        }

    def forward(self, params: Params, dtype):
        """Return parameters, output, and each layer's input and weighted sum."""
        p = self.cast(params, dtype)
        act = ACTIVATIONS[self.activation][0]
        A = self.X.astype(dtype)
        inputs, sums = [], []
        for layer in range(1, self.depth + 1):
            Z = p[f"W{layer}"].T @ A + p[f"b{layer}"]
            inputs.append(A)
            sums.append(Z)
            A = act(Z) if layer < self.depth else Z
        return p, A, inputs, sums

    def __call__(self, params: Params):
        """Return the loss, with its noise."""
        p, Z, _, _ = self.forward(params, self.dtype)
        y = self.y.astype(self.dtype)
        value = loss_value(self.loss, Z, y)
        value = value.sum() / (self.dtype(y.shape[1]) if self.mean else self.dtype(1))
        if self.decay:
            value = value + self.dtype(self.decay) * sum((w * w).sum() for w in p.values())
        value = value * self.dtype(self.factor) + self.dtype(self.offset)
        if self.noise:
            if self.noise_kind == "random":
                value = value + self.noise * self.rng.uniform(-1, 1)
            elif self.noise_kind == "wave":
                whole = sum(float((v / self.units.get(n, 1.0)).sum()) for n, v in params.items())
                value = value + self.noise * np.sin(1e9 * whole)
            else:
                # Not hash(), which is another one in each process: a seed has to repeat a net.
                seed = zlib.crc32(b"".join(v.tobytes() for v in params.values()))
                value = value + self.noise * (seed / 2**31 - 1)
        return value

    def gradient(self, params: Params, dtype=None, drop: int = 0) -> Params:
        """Backpropagate; ``drop`` names a layer whose activation derivative is left out."""
        dtype = dtype or self.dtype
        p, Z, inputs, sums = self.forward(params, dtype)
        y = self.y.astype(dtype)
        dZ = loss_slope(self.loss, Z, y) * dtype(self.factor)
        if self.mean:
            dZ = dZ / dtype(y.shape[1])
        out = {}
        for layer in range(self.depth, 0, -1):
            out[f"W{layer}"] = inputs[layer - 1] @ dZ.T
            out[f"b{layer}"] = dZ.sum(axis=1, keepdims=True)
            if layer > 1:
                dZ = p[f"W{layer}"] @ dZ
                if drop != layer - 1:
                    dZ = dZ * ACTIVATIONS[self.activation][1](sums[layer - 2])
        for name, value in out.items():
            decay = 2 * dtype(self.decay * self.factor) * p[name] if self.decay else dtype(0)
            out[name] = (value + decay) / dtype(self.units.get(name, 1.0))
        return {name: out[name] for name in self.params}


def loss_value(loss: str, Z, y):
    """Return the loss of each example, not yet summed."""
    if loss == "mse":
        return (y - Z) ** 2
    if loss == "mae":
        return np.abs(y - Z)
    if loss == "huber":
        d = np.abs(y - Z)
        return np.where(d < 1, d * d / 2, d - Z.dtype.type(0.5))
    if loss == "hinge":
        return np.maximum(0, 1 - (2 * y - 1) * Z)
    if loss == "bce":
        return np.logaddexp(Z, 0) - y * Z
    if loss == "bce naive":
        a = _sigmoid(Z)
        return -(y * np.log(a) + (1 - y) * np.log(1 - a))
    if loss == "softmax":
        S = Z - Z.max(axis=0)
        return -(y * (S - np.log(np.exp(S).sum(axis=0)))).sum(axis=0)
    raise AssertionError(loss)


def loss_slope(loss: str, Z, y):
    """Return the derivative of the summed loss with respect to the last weighted sum."""
    if loss == "mse":
        return -2 * (y - Z)
    if loss == "mae":
        return -np.sign(y - Z)
    if loss == "huber":
        return -np.clip(y - Z, -1, 1)
    if loss == "hinge":
        s = 2 * y - 1
        return np.where(s * Z < 1, -s, 0).astype(Z.dtype)
    if loss in ("bce", "bce naive"):
        return _sigmoid(Z) - y
    if loss == "softmax":
        e = np.exp(Z - Z.max(axis=0))
        return y.sum(axis=0) * e / e.sum(axis=0) - y
    raise AssertionError(loss)


LOSSES = ("mse", "mae", "huber", "hinge", "bce", "bce naive", "softmax")
FAMILIES = (
    "plain",
    "float32",
    "noise",
    "kinks",
    "saturation",
    "scales",
    "loss scale",
    "offset",
    "zeros",
)


def random_net(rng: np.random.Generator, family: str) -> Net:
    """Draw a net of one family of difficulty."""
    depth = int(rng.integers(1, 4))
    sizes = [int(rng.integers(1, 7)) for _ in range(depth + 1)]
    m = int(rng.integers(1, 17))
    loss = str(rng.choice(LOSSES))
    if loss == "softmax":
        sizes[-1] = max(sizes[-1], 2)
    gain = float(rng.choice([0.3, 1.0, 1.5]))
    if family == "saturation":
        gain = float(rng.choice([3.0, 6.0, 10.0]))
    params: Params = {}
    for layer, (n_in, n_out) in enumerate(pairwise(sizes), 1):
        params[f"W{layer}"] = gain * rng.normal(size=(n_in, n_out)) / np.sqrt(n_in)
        params[f"b{layer}"] = 0.3 * gain * rng.normal(size=(n_out, 1))
    X = rng.normal(size=(sizes[0], m))
    if loss == "softmax":
        y = np.eye(sizes[-1])[:, rng.integers(sizes[-1], size=m)]
    elif loss in ("hinge", "bce", "bce naive"):
        y = rng.integers(2, size=(sizes[-1], m)).astype(float)
    else:
        y = rng.normal(size=(sizes[-1], m))
    activation = str(rng.choice(list(ACTIVATIONS)))
    if family == "saturation":
        activation = str(rng.choice(["tanh", "sigmoid"]))
    net = Net(params, X, y, activation, loss, mean=bool(rng.integers(2)))
    if rng.random() < 0.2:
        net.decay = float(rng.choice([1e-4, 1e-2]))
    if family == "float32":
        net.dtype = np.float32
    elif family == "noise":
        size = abs(float(net(params))) or 1.0
        net.noise = 1e-10 * (size if rng.random() < 0.5 else 1.0)
        net.noise_kind = str(rng.choice(["hash", "random", "wave"]))
    elif family == "kinks":
        net.activation = str(rng.choice(["relu", "leaky", "elu"]))
        net.loss = str(rng.choice(["mse", "mae", "hinge"]))
        if net.loss == "hinge":
            net.y = (rng.random(net.y.shape) < 0.5).astype(float)
        if net.depth > 1:
            _, _, _, sums = net.forward(params, np.float64)
            unit, row = rng.integers(sums[0].shape[0]), rng.integers(m)
            params["b1"][unit] += -sums[0][unit, row] + rng.uniform(-1e-6, 1e-6)
    elif family == "scales":
        net.units = {name: float(10.0 ** rng.uniform(-8, 8)) for name in params}
        net.params = params = {name: v * net.units[name] for name, v in params.items()}
    elif family == "loss scale":
        net.factor = float(10.0 ** rng.choice([-30, -20, -8, 8, 20, 30]))
    elif family == "offset":
        net.offset = float(rng.choice([1e2, 1e4]))
    elif family == "zeros":
        for name in params:
            if name.startswith("b"):
                params[name] = np.zeros_like(params[name])
    net.label = f"{family}: {net.activation} {net.loss} {sizes} m={m} mean={net.mean}"
    return net


def structural(net: Net, rng: np.random.Generator) -> Iterator[tuple[str, Params]]:
    """Return every structural error that this net can have, one at a time."""
    good = net.gradient(net.params)

    def changed(name: str, value) -> Params:
        return {**good, name: np.asarray(value, dtype=good[name].dtype)}

    m = net.X.shape[1]
    for name, g in good.items():
        if not np.any(g):
            continue
        yield f"sign of {name}", changed(name, -g)
        yield f"twice {name}", changed(name, 2 * g)
        if m > 1:
            yield f"1/m in {name}", changed(name, g / m)
        if g.ndim == 2 and g.shape[0] == g.shape[1] > 1:
            yield f"{name} transposed", changed(name, g.T)
        if name.startswith("b") and g.size > 1:
            yield f"{name} summed over all", changed(name, np.full_like(g, g.sum()))
        large = np.flatnonzero(np.abs(g) >= 1e-3 * np.abs(g).max())
        zeroed = g.copy()
        zeroed.flat[rng.choice(large)] = 0
        yield f"entry of {name} zeroed", changed(name, zeroed)
    yield "sign of all", {name: -g for name, g in good.items()}
    if m > 1:
        yield "1/m in all", {name: g / m for name, g in good.items()}
    for layer in range(1, net.depth):
        wrong = net.gradient(net.params, drop=layer)
        yield f"no derivative in layer {layer}", wrong


def matters(good: Params, wrong: Params, least: float = 1e-3) -> bool:
    """Return whether an error clearly changes an entry that is not tiny in its tensor."""
    largest = max(float(np.abs(g).max()) for g in good.values())
    for name, right in good.items():
        g, w = right.astype(float), wrong[name].astype(float)
        # What cancels to rounding is zero, and so is every multiple of it.
        if np.abs(g).max() <= 1e-12 * largest:
            continue
        big = np.abs(g) >= 1e-3 * np.abs(g).max()
        if np.any(np.abs(w - g)[big] > least * np.abs(g)[big]):
            return True
    return False


def single(net: Net, rng: np.random.Generator, relative: float) -> tuple[str, Params] | None:
    """One entry off by a relative error, among those at least 1e-3 of their tensor's largest."""
    good = net.gradient(net.params)
    largest = max(float(np.abs(g).max()) for g in good.values())
    names = [name for name, g in good.items() if np.abs(g).max() > 1e-12 * largest]
    if not names:
        return None
    name = str(rng.choice(names))
    g = good[name].copy()
    where = int(rng.choice(np.flatnonzero(np.abs(g) >= 1e-3 * np.abs(g).max())))
    g.flat[where] *= 1 + relative * rng.choice([-1, 1])
    return f"{name}[{where}] off by {relative:g}", {**good, name: g}
