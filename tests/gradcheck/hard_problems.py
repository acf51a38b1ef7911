"""Functions that are hard on a gradient check, with gradients by torch's autograd in float64.

Each family draws its sizes, data and parameters from a generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812 - its usual name

Params = dict[str, np.ndarray]
Loss = Callable[[dict[str, torch.Tensor]], torch.Tensor]


@dataclass(frozen=True)
class Problem:
    """A function, a point and the right gradient at that point."""

    name: str
    f: Callable[[Params], Any]
    params: Params
    gradient: Params


def problem(name: str, loss: Loss, params: Params) -> Problem:
    """Take the gradient of a torch loss."""

    def f(p: Params) -> float:
        return float(loss({key: torch.from_numpy(np.asarray(v)) for key, v in p.items()}))

    leaves = {key: torch.tensor(v, requires_grad=True) for key, v in params.items()}
    loss(leaves).backward()
    zero = torch.zeros
    grads = {k: (zero(v.shape).double() if v.grad is None else v.grad) for k, v in leaves.items()}
    return Problem(name, f, params, {k: v.numpy().copy() for k, v in grads.items()})


ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu": F.gelu,
    "gelu tanh": lambda z: F.gelu(z, approximate="tanh"),
    "softplus": F.softplus,
    "softplus 20": lambda z: F.softplus(z, beta=20.0, threshold=1e9),
    "leaky": lambda z: F.leaky_relu(z, 0.01),
    "relu": torch.relu,
    "abs": torch.abs,
    "silu": F.silu,
    "mish": F.mish,
    "selu": F.selu,
    "hardtanh": F.hardtanh,
    "square": torch.square,
    "relu squared": lambda z: torch.relu(z) ** 2,
    "softsign": F.softsign,
    "sin 30": lambda z: torch.sin(30 * z),
}


def _mlp(rng: np.random.Generator) -> Problem:
    name = str(rng.choice(list(ACTIVATIONS)))
    act = ACTIVATIONS[name]
    n, h, o, m = (int(k) for k in rng.integers(1, 7, 4))
    X = torch.tensor(rng.normal(size=(m, n)))
    Y = torch.tensor(rng.normal(size=(m, o)))
    params = {
        "W1": rng.normal(size=(n, h)),
        "b1": rng.normal(size=h) * rng.choice([0.1, 1.0]),
        "W2": rng.normal(size=(h, o)),
        "b2": rng.normal(size=(1, o)),
    }
    return problem(
        f"mlp {name} {n}-{h}-{o} m={m}",
        lambda p: ((act(X @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"] - Y) ** 2).mean(),
        params,
    )


def _cross_entropy(rng: np.random.Generator) -> Problem:
    n, k, m = int(rng.integers(1, 5)), int(rng.integers(2, 6)), int(rng.integers(1, 9))
    X = torch.tensor(rng.normal(size=(m, n)))
    y = torch.tensor(rng.integers(k, size=m))
    size = float(rng.choice([0.5, 2.0, 5.0]))
    naive = bool(rng.integers(2))

    def loss(p):
        z = X @ p["W"] + p["b"]
        if naive:
            e = torch.exp(z)
            return -torch.log((e / e.sum(1, keepdim=True))[torch.arange(m), y]).mean()
        return F.cross_entropy(z, y)

    params = {"W": size * rng.normal(size=(n, k)), "b": rng.normal(size=k)}
    return problem(f"cross entropy naive={naive} size={size}", loss, params)


def _logsumexp(rng: np.random.Generator) -> Problem:
    size = float(rng.choice([1.0, 30.0, 1000.0]))
    return problem(
        f"logsumexp size={size}",
        lambda p: torch.logsumexp(p["x"], 0),
        {"x": size * rng.normal(size=int(rng.integers(1, 8)))},
    )


def _pool(rng: np.random.Generator) -> Problem:
    X = torch.tensor(rng.normal(size=(1, 2, 6, 6)))

    def loss(p):
        z = F.max_pool2d(F.conv2d(X, p["K"], p["b"]), 2)
        return (z**2).sum() / 3 + z.sum()

    return problem(
        "conv and max pool", loss, {"K": rng.normal(size=(2, 2, 3, 3)), "b": np.zeros(2)}
    )


def _sorted(rng: np.random.Generator) -> Problem:
    n = int(rng.integers(2, 9))
    w = torch.tensor(rng.normal(size=n))
    kind = str(rng.choice(["sort", "median", "top", "cummax", "quantile"]))

    def loss(p):
        x = p["x"]
        if kind == "sort":
            return (torch.sort(x)[0] * w).sum()
        if kind == "median":
            return torch.median(x) * 3 + (x * x).sum()
        if kind == "top":
            return torch.topk(x, 2)[0].prod()
        if kind == "cummax":
            return (torch.cummax(x, 0)[0] * w).sum()
        return torch.quantile(x, 0.3) ** 3

    return problem(f"{kind} of {n}", loss, {"x": rng.normal(size=n)})


def _recurrence(rng: np.random.Generator) -> Problem:
    h, T = int(rng.integers(1, 5)), int(rng.integers(2, 25))
    X = torch.tensor(rng.normal(size=(T, 2)))
    gain = float(rng.choice([0.5, 1.5, 3.0]))

    def loss(p):
        s = p["s"]
        for x in X:
            s = torch.tanh(s @ p["W"] + x @ p["U"] + p["b"])
        return (s * s).sum()

    params = {
        "W": gain * rng.normal(size=(h, h)) / np.sqrt(h),
        "U": rng.normal(size=(2, h)),
        "b": np.zeros(h),
        "s": rng.normal(size=h),
    }
    return problem(f"recurrence T={T} gain={gain}", loss, params)


def _attention(rng: np.random.Generator) -> Problem:
    T, d = int(rng.integers(2, 6)), int(rng.integers(3, 6))
    X = torch.tensor(rng.normal(size=(T, d)))
    w = torch.tensor(rng.normal(size=(T, d)))

    def loss(p):
        Q, K, V = (X @ p[k] for k in "QKV")
        A = F.layer_norm(torch.softmax(Q @ K.T / d**0.5, 1) @ V, (d,), p["g"], p["b"], 1e-5)
        return (A**3 * w).mean()

    params = {k: rng.normal(size=(d, d)) for k in "QKV"}
    return problem(f"attention T={T} d={d}", loss, params | {"g": np.ones(d), "b": np.zeros(d)})


def _norms(rng: np.random.Generator) -> Problem:
    size = 10.0 ** float(rng.choice([-6, -2, 0, 4]))
    kind = str(rng.choice(["norm", "unit", "cosine", "std", "1-norm", "max norm", "nuclear"]))
    A = torch.tensor(rng.normal(size=(3, 4)))

    def loss(p):
        x = p["x"]
        if kind == "norm":
            return torch.linalg.norm(x)
        if kind == "unit":
            return (x / torch.linalg.norm(x) * A).sum()
        if kind == "cosine":
            return F.cosine_similarity(x.reshape(1, -1), A.reshape(1, -1)).sum()
        if kind == "std":
            return x.std() + x.var()
        if kind == "1-norm":
            return x.abs().sum()
        if kind == "max norm":
            return x.abs().max() + (x * x).sum()
        return torch.linalg.matrix_norm(x, "nuc")

    return problem(f"{kind} size={size:g}", loss, {"x": size * rng.normal(size=(3, 4))})


def _matrices(rng: np.random.Generator) -> Problem:
    n = int(rng.integers(1, 5))
    B = rng.normal(size=(n, n))
    S = B @ B.T + 10.0 ** float(rng.choice([-6, -2, 0])) * np.eye(n)
    kind = str(rng.choice(["logdet", "inverse", "cholesky", "solve", "exp", "det", "eig"]))
    v = torch.tensor(rng.normal(size=n))

    def loss(p):
        A = p["A"]
        if kind == "logdet":
            return torch.linalg.slogdet(A)[1]
        if kind == "inverse":
            return torch.linalg.inv(A).sum()
        if kind == "cholesky":
            return torch.linalg.cholesky((A + A.T) / 2).sum()
        if kind == "solve":
            return (v * torch.linalg.solve(A, v)).sum()
        if kind == "exp":
            return torch.linalg.matrix_exp(A / 4).sum()
        if kind == "det":
            return torch.linalg.det(A)
        return torch.linalg.eigvalsh((A + A.T) / 2)[-1] ** 2

    return problem(f"{kind} n={n}", loss, {"A": S})


def _likelihood(rng: np.random.Generator) -> Problem:
    x = torch.tensor(rng.normal(size=int(rng.integers(2, 30))) + 2)
    kind = str(rng.choice(["gauss", "poisson", "student", "gamma"]))

    def loss(p):
        m, s = p["m"], p["s"]
        if kind == "gauss":
            return (s + ((x - m) / torch.exp(s)) ** 2 / 2).mean()
        if kind == "poisson":
            return (torch.exp(m) - x.abs().round() * m).sum() + s * s
        if kind == "student":
            return torch.log1p(((x - m) ** 2) * torch.exp(s)).sum()
        return torch.lgamma(torch.exp(m)) + torch.digamma(torch.exp(s) + 1)

    params = {"m": np.array(float(rng.normal())), "s": np.array(float(rng.normal()))}
    return problem(f"likelihood {kind}", loss, params)


def _clipped(rng: np.random.Generator) -> Problem:
    w = torch.tensor(rng.normal(size=6))
    kind = str(rng.choice(["clamp", "where", "ppo", "huber", "hinge", "round"]))

    def loss(p):
        x = p["x"]
        if kind == "clamp":
            return (torch.clamp(x, -0.5, 0.5) * w).sum() + 2.0
        if kind == "where":
            return torch.where(x > 0, torch.sin(x), x * x).sum()
        if kind == "ppo":
            r = torch.exp(x)
            return -torch.minimum(r * w, torch.clamp(r, 0.8, 1.2) * w).mean()
        if kind == "huber":
            return F.huber_loss(x * 3, w, delta=0.7)
        if kind == "hinge":
            return torch.relu(1 - x * torch.sign(w)).sum() + 1e-3 * (x * x).sum()
        return (x - torch.round(x)).pow(2).sum()

    return problem(f"clipped {kind}", loss, {"x": rng.normal(size=6)})


def _powers(rng: np.random.Generator) -> Problem:
    kind = str(rng.choice(["prod", "cumprod", "x^x", "exp", "1/x", "poly", "tan", "pow"]))
    n = int(rng.integers(1, 7))
    x = rng.uniform(0.05, 2, n)

    def loss(p):
        v = p["x"]
        if kind == "prod":
            return v.prod()
        if kind == "cumprod":
            return v.cumprod(0).sum()
        if kind == "x^x":
            return (v**v).sum()
        if kind == "exp":
            return torch.exp(20 * v).sum()
        if kind == "1/x":
            return (1 / (v - 0.0499)).sum()
        if kind == "poly":
            return (v**9 - 5 * v**4 + v).sum()
        if kind == "tan":
            return torch.tan(v[:1] * 0.78).sum() + v.sum() ** 2
        return (v**0.1).sum()

    return problem(f"power {kind}", loss, {"x": x})


def _borders(rng: np.random.Generator) -> Problem:
    near = 10.0 ** -float(rng.choice([3, 6, 9, 12]))
    kind = str(rng.choice(["log", "sqrt", "xlogx", "atanh", "acos", "entropy", "logit"]))

    def loss(p):
        x = p["x"]
        if kind == "log":
            return torch.log(x).sum()
        if kind == "sqrt":
            return torch.sqrt(x).sum()
        if kind == "xlogx":
            return torch.xlogy(x, x).sum()
        if kind == "atanh":
            return torch.atanh(1 - x).sum()
        if kind == "acos":
            return torch.acos(1 - x).sum()
        if kind == "entropy":
            q = x / x.sum()
            return -(q * torch.log(q)).sum()
        return torch.logit(x).sum()

    # The distance to the border is a float by itself, so the gradient is exact.
    x = np.concatenate([[near * rng.uniform(0.5, 1.5)], rng.uniform(0.2, 0.8, 2)])
    return problem(f"border {kind} at {near:g}", loss, {"x": x})


def _poles(rng: np.random.Generator) -> Problem:
    """A pole, or a matrix next to a singular one, at any small distance."""
    near = 10.0 ** -float(rng.integers(3, 12))
    n = int(rng.integers(2, 5))
    kind = str(rng.choice(["1/x", "log", "xlogx", "tan", "root", "logdet", "inverse"]))
    q = torch.tensor([0.7] + [1.0] * (n - 1))

    def loss(p):
        x = p["x"]
        if kind == "logdet":
            return torch.linalg.slogdet(x)[1]
        if kind == "inverse":
            return torch.linalg.inv(x).sum()
        d = x - q.double()
        if kind == "1/x":
            return (1 / d).sum()
        if kind == "log":
            return torch.log(d.abs()).sum() + 100
        if kind == "xlogx":
            return (d * torch.log(d.abs())).sum() + 100
        if kind == "tan":
            return (1 / torch.tan(d)).sum()
        return (d.abs() ** -0.5).sum()

    # The distance to the pole is a float by itself, so the gradient is exact.
    x = q.double().numpy() + np.concatenate([[near], rng.uniform(0.2, 2, n - 1)])
    if kind in ("logdet", "inverse"):
        B = rng.normal(size=(n, n - 1))
        x = B @ B.T + max(near, 1e-9) * np.eye(n)
    return problem(f"pole {kind} at {near:g}", loss, {"x": x})


def _scaled(rng: np.random.Generator) -> Problem:
    inner = FAMILIES[int(rng.integers(len(FAMILIES) - 3))](rng)
    factor = 10.0 ** float(rng.choice([-100, -30, -12, -8, -4, 4, 8, 30, 100]))
    gradient = {k: np.asarray(factor * g) for k, g in inner.gradient.items()}
    f = inner.f
    return Problem(f"{factor:g} × {inner.name}", lambda p: factor * f(p), inner.params, gradient)


def _rescaled(rng: np.random.Generator) -> Problem:
    """Parameters in other units, one for each tensor, or one for each entry."""
    inner = FAMILIES[int(rng.integers(len(FAMILIES) - 3))](rng)
    each = bool(rng.integers(2))
    units = {
        k: 10.0 ** rng.uniform(-8, 8, v.shape if each else None) for k, v in inner.params.items()
    }
    f = inner.f
    params = {k: np.asarray(v * units[k]) for k, v in inner.params.items()}
    here = {k: v / units[k] for k, v in params.items()}
    leaf = {k: np.asarray(inner.gradient[k] / units[k]) for k in here}
    name = f"units {'of entries' if each else 'of tensors'}: {inner.name}"
    return Problem(name, lambda p: f({k: v / units[k] for k, v in p.items()}), params, leaf)


def _offset(rng: np.random.Generator) -> Problem:
    inner = FAMILIES[int(rng.integers(len(FAMILIES) - 3))](rng)
    offset = float(rng.choice([1.0, -1.0])) * 10.0 ** float(rng.uniform(1, 4))
    f = inner.f
    return Problem(
        f"{offset:.3g} + {inner.name}", lambda p: offset + f(p), inner.params, inner.gradient
    )


FAMILIES: tuple[Callable[[np.random.Generator], Problem], ...] = (
    _mlp,
    _cross_entropy,
    _logsumexp,
    _pool,
    _sorted,
    _recurrence,
    _attention,
    _norms,
    _matrices,
    _likelihood,
    _clipped,
    _powers,
    _borders,
    _poles,
    _scaled,
    _rescaled,
    _offset,
)
"""The last three wrap one of the others."""
