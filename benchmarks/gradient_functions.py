"""Test functions of others: Moré, Garbow and Hillstrom's, and those of scipy.special.

    python benchmarks/gradient_functions.py [--seed N]

The problems of Moré, Garbow & Hillstrom, "Testing unconstrained optimization software", ACM TOMS 7
(1981), are written for torch, whose autograd is taken for the truth, each at its standard start and
at a random point near by. Of scipy.special the derivatives are those that scipy has, or formulas of
Abramowitz & Stegun. Every gradient is checked right, and with one large entry off by 1e-5, by its
sign, and doubled.
"""

from __future__ import annotations

import argparse
import secrets
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from scipy import special as sp

from gradkit.gradcheck import check_gradient

Case = tuple[str, Callable[[Any], float], np.ndarray, np.ndarray]
T = torch.arange


def _penalty(x: Any) -> Any:
    return 1e-5 * ((x - 1) ** 2).sum() + ((x * x).sum() - 0.25) ** 2


def _watson(x: Any) -> Any:
    t = T(1.0, 30.0).double()[:, None] / 29
    j = T(float(len(x)))
    first = (j[1:] * x[1:] * t ** (j[1:] - 1)).sum(1)
    rest = first - (x * t**j).sum(1) ** 2 - 1
    return (rest**2).sum() + x[0] ** 2 + (x[1] - x[0] ** 2 - 1) ** 2


def _trigonometric(x: Any) -> Any:
    n, i = len(x), T(1.0, len(x) + 1.0)
    return ((n - torch.cos(x).sum() + i * (1 - torch.cos(x)) - torch.sin(x)) ** 2).sum()


def _chebyquad(x: Any) -> Any:
    n, rows = len(x), []
    before, now = torch.ones_like(x), 2 * x - 1
    for k in range(1, n + 1):
        rows.append(now.mean() + (1 / (k * k - 1) if k % 2 == 0 else 0.0))
        before, now = now, 2 * (2 * x - 1) * now - before
    return (torch.stack(rows) ** 2).sum()


def _banded(x: Any) -> Any:
    rows = []
    for i in range(len(x)):
        near = [x[j] * (1 + x[j]) for j in range(max(0, i - 5), min(len(x), i + 2)) if j != i]
        rows.append(x[i] * (2 + 5 * x[i] ** 2) + 1 - sum(near))
    return (torch.stack(rows) ** 2).sum()


def _tridiagonal(x: Any) -> Any:
    wide = torch.cat([x.new_zeros(1), x, x.new_zeros(1)])
    return (((3 - 2 * x) * x - wide[:-2] - 2 * wide[2:] + 1) ** 2).sum()


def _boundary(x: Any) -> Any:
    h = 1 / (len(x) + 1)
    wide = torch.cat([x.new_zeros(1), x, x.new_zeros(1)])
    t = T(1.0, len(x) + 1.0) * h
    return ((2 * x - wide[:-2] - wide[2:] + h * h * (x + t + 1) ** 3 / 2) ** 2).sum()


def _biggs(x: Any) -> Any:
    t = 0.1 * T(1.0, 14.0).double()
    y = torch.exp(-t) - 5 * torch.exp(-10 * t) + 3 * torch.exp(-4 * t)
    made = x[2] * torch.exp(-t * x[0]) - x[3] * torch.exp(-t * x[1]) + x[5] * torch.exp(-t * x[4])
    return ((made - y) ** 2).sum()


def _brown_dennis(x: Any) -> Any:
    t = T(1.0, 21.0).double() / 5
    one = (x[0] + t * x[1] - torch.exp(t)) ** 2
    return ((one + (x[2] + x[3] * torch.sin(t) - torch.cos(t)) ** 2) ** 2).sum()


def _box(x: Any) -> Any:
    t = 0.1 * T(1.0, 11.0).double()
    right = torch.exp(-t) - torch.exp(-10 * t)
    return ((torch.exp(-t * x[0]) - torch.exp(-t * x[1]) - x[2] * right) ** 2).sum()


def _jennrich(x: Any) -> Any:
    i = T(1.0, 11.0).double()
    return ((2 + 2 * i - torch.exp(i * x[0]) - torch.exp(i * x[1])) ** 2).sum()


def _powell(x: Any) -> Any:
    a, b, c, d = x.reshape(-1, 4).T
    parts = (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4
    return parts.sum()


def _wood(x: Any) -> Any:
    a, b, c, d = x
    first = 100 * (b - a * a) ** 2 + (1 - a) ** 2 + 90 * (d - c * c) ** 2 + (1 - c) ** 2
    return first + 10 * (b + d - 2) ** 2 + 0.1 * (b - d) ** 2


def _helical(x: Any) -> Any:
    turn = torch.atan2(x[1], x[0]) / (2 * np.pi)
    radius = torch.sqrt(x[0] ** 2 + x[1] ** 2)
    return 100 * ((x[2] - 10 * turn) ** 2 + (radius - 1) ** 2) + x[2] ** 2


def _linear(x: Any) -> Any:
    return ((x - 2 * x.sum() / 20 - 1) ** 2).sum() + 10 * (2 * x.sum() / 20 + 1) ** 2


def _rank_one(x: Any) -> Any:
    i, j = T(1.0, 21.0).double(), T(1.0, len(x) + 1.0).double()
    return ((i * (j * x).sum() - 1) ** 2).sum()


def _variable(x: Any) -> Any:
    s = (T(1.0, len(x) + 1.0) * (x - 1)).sum()
    return ((x - 1) ** 2).sum() + s**2 + s**4


def _almost(x: Any) -> Any:
    return ((x + x.sum() - len(x) - 1)[:-1] ** 2).sum() + (x.prod() - 1) ** 2


MGH: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "Rosenbrock": (lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2, [-1.2, 1]),
    "Freudenstein and Roth": (
        lambda x: (
            (-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1]) ** 2
            + (-29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]) ** 2
        ),
        [0.5, -2],
    ),
    "Powell badly scaled": (
        lambda x: (
            (1e4 * x[0] * x[1] - 1) ** 2 + (torch.exp(-x[0]) + torch.exp(-x[1]) - 1.0001) ** 2
        ),
        [0, 1],
    ),
    "Brown badly scaled": (
        lambda x: (x[0] - 1e6) ** 2 + (x[1] - 2e-6) ** 2 + (x[0] * x[1] - 2) ** 2,
        [1, 1],
    ),
    "Beale": (
        lambda x: sum(
            (y - x[0] * (1 - x[1] ** k)) ** 2 for k, y in ((1, 1.5), (2, 2.25), (3, 2.625))
        ),
        [1, 1],
    ),
    "Jennrich and Sampson": (_jennrich, [0.3, 0.4]),
    "helical valley": (_helical, [-1, 0, 0]),
    "Box": (_box, [0, 10, 20]),
    "Powell singular": (_powell, [3, -1, 0, 1]),
    "Wood": (_wood, [-3, -1, -3, -1]),
    "Brown and Dennis": (_brown_dennis, [25, 5, -5, -1]),
    "Biggs EXP6": (_biggs, [1, 2, 1, 1, 1, 1]),
    "Watson": (_watson, [0.0] * 6),
    "extended Powell": (_powell, [3, -1, 0, 1] * 3),
    "penalty I": (_penalty, [1.0, 2, 3, 4]),
    "variably dimensioned": (_variable, [0.9, 0.8, 0.7, 0.6, 0.5]),
    "trigonometric": (_trigonometric, [0.2] * 5),
    "Brown almost linear": (_almost, [0.5] * 6),
    "discrete boundary value": (_boundary, [-0.1, -0.2, -0.2, -0.1]),
    "Broyden tridiagonal": (_tridiagonal, [-1.0] * 6),
    "Broyden banded": (_banded, [-1.0] * 8),
    "linear, full rank": (_linear, [1.0] * 6),
    "linear, rank 1": (_rank_one, [1.0] * 5),
    "Chebyquad": (_chebyquad, [0.1, 0.3, 0.6, 0.8]),
}

ROOT = np.sqrt(np.pi)
SPECIAL: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], float, float]] = {
    "erf": (sp.erf, lambda x: 2 / ROOT * np.exp(-x * x), -3, 3),
    "erfc": (sp.erfc, lambda x: -2 / ROOT * np.exp(-x * x), -3, 8),
    "erfcx": (sp.erfcx, lambda x: 2 * x * sp.erfcx(x) - 2 / ROOT, -1, 20),
    "erfinv": (sp.erfinv, lambda x: ROOT / 2 * np.exp(sp.erfinv(x) ** 2), -0.99, 0.99),
    "dawsn": (sp.dawsn, lambda x: 1 - 2 * x * sp.dawsn(x), -4, 4),
    "ndtr": (sp.ndtr, lambda x: np.exp(-x * x / 2) / np.sqrt(2 * np.pi), -4, 4),
    "log_ndtr": (
        sp.log_ndtr,
        lambda x: np.exp(-x * x / 2 - sp.log_ndtr(x)) / np.sqrt(2 * np.pi),
        -20,
        3,
    ),
    "gammaln": (sp.gammaln, sp.digamma, 0.1, 30),
    "gamma": (sp.gamma, lambda x: sp.gamma(x) * sp.digamma(x), 0.2, 8),
    "rgamma": (sp.rgamma, lambda x: -sp.digamma(x) * sp.rgamma(x), 0.2, 8),
    "digamma": (sp.digamma, lambda x: sp.polygamma(1, x), 0.1, 30),
    "polygamma": (lambda x: sp.polygamma(1, x), lambda x: sp.polygamma(2, x), 0.3, 10),
    "expit": (sp.expit, lambda x: sp.expit(x) * sp.expit(-x), -20, 20),
    "log_expit": (sp.log_expit, lambda x: sp.expit(-x), -20, 10),
    "logit": (sp.logit, lambda x: 1 / (x * (1 - x)), 0.01, 0.99),
    "log1p": (sp.log1p, lambda x: 1 / (1 + x), -0.9, 5),
    "expm1": (sp.expm1, np.exp, -5, 5),
    "exprel": (sp.exprel, lambda x: (x * np.exp(x) - np.expm1(x)) / x**2, 0.5, 5),
    "entr": (sp.entr, lambda x: -np.log(x) - 1, 0.01, 3),
    "j0": (sp.j0, lambda x: -sp.j1(x), 0.1, 20),
    "j1": (sp.j1, lambda x: sp.jvp(1, x), 0.1, 20),
    "y0": (sp.y0, lambda x: -sp.y1(x), 0.1, 20),
    "y1": (sp.y1, lambda x: sp.yvp(1, x), 0.3, 20),
    "i0": (sp.i0, sp.i1, 0.1, 10),
    "i0e": (sp.i0e, lambda x: sp.i1e(x) - sp.i0e(x), 0.1, 20),
    "k0": (sp.k0, lambda x: -sp.k1(x), 0.1, 10),
    "k1": (sp.k1, lambda x: sp.kvp(1, x), 0.1, 10),
    "jv": (lambda x: sp.jv(2.5, x), lambda x: sp.jvp(2.5, x), 0.3, 20),
    "spherical_jn": (
        lambda x: sp.spherical_jn(3, x),
        lambda x: sp.spherical_jn(3, x, derivative=True),
        0.3,
        15,
    ),
    "ellipk": (
        sp.ellipk,
        lambda m: (sp.ellipe(m) - (1 - m) * sp.ellipk(m)) / (2 * m * (1 - m)),
        0.05,
        0.95,
    ),
    "ellipe": (sp.ellipe, lambda m: (sp.ellipe(m) - sp.ellipk(m)) / (2 * m), 0.05, 0.95),
    "exp1": (sp.exp1, lambda x: -np.exp(-x) / x, 0.1, 10),
    "expi": (sp.expi, lambda x: np.exp(x) / x, 0.1, 10),
    "spence": (sp.spence, lambda x: np.log(x) / (1 - x), 0.05, 0.9),
    "sine integral": (lambda x: sp.sici(x)[0], lambda x: np.sin(x) / x, 0.1, 20),
    "cosine integral": (lambda x: sp.sici(x)[1], lambda x: np.cos(x) / x, 0.1, 20),
    "fresnel": (lambda x: sp.fresnel(x)[0], lambda x: np.sin(np.pi * x * x / 2), 0.1, 4),
    "airy": (lambda x: sp.airy(x)[0], lambda x: sp.airy(x)[1], -10, 5),
    "lambertw": (
        lambda x: sp.lambertw(x).real,
        lambda x: 1 / (np.exp(sp.lambertw(x).real) * (1 + sp.lambertw(x).real)),
        0.05,
        10,
    ),
    "gammainc": (
        lambda x: sp.gammainc(2.5, x),
        lambda x: np.exp(1.5 * np.log(x) - x) / sp.gamma(2.5),
        0.1,
        10,
    ),
    "betainc": (
        lambda x: sp.betainc(2.0, 3.5, x),
        lambda x: x * (1 - x) ** 2.5 / sp.beta(2.0, 3.5),
        0.05,
        0.95,
    ),
    "legendre": (
        lambda x: sp.eval_legendre(5, x),
        lambda x: 5 * (sp.eval_legendre(4, x) - x * sp.eval_legendre(5, x)) / (1 - x * x),
        -0.9,
        0.9,
    ),
    "cbrt": (np.cbrt, lambda x: np.cbrt(x) / (3 * x), 0.01, 5),
    "sinc": (np.sinc, lambda x: (np.cos(np.pi * x) - np.sinc(x)) / x, 0.1, 5),
}


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Yield name, function, point and right gradient of each test function."""
    for name, (f, start) in MGH.items():
        for kind in ("start", "near"):
            x = np.array(start, dtype=np.float64)
            if kind == "near":
                x = x + rng.normal(size=x.size) * (0.1 + 0.1 * np.abs(x))
            leaf = torch.tensor(x, requires_grad=True)
            f(leaf).backward()
            yield (
                f"{name}, {kind}",
                lambda p, f=f: float(f(torch.from_numpy(p))),
                x,
                leaf.grad.numpy(),
            )
    for name, (f, slope, low, high) in SPECIAL.items():
        for size in (1, 4):
            x = rng.uniform(low, high, size)
            a = rng.uniform(0.5, 2, size)
            yield f"{name} {size}", lambda p, f=f, a=a: float(a @ f(p)), x, a * slope(x)


def main() -> None:
    """Check right and wrong gradients, print each wrong verdict, and count the verdicts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    seed = secrets.randbelow(2**31) if given.seed is None else given.seed
    warnings.simplefilter("ignore")
    tally: Counter[str] = Counter()
    for name, f, x, gradient in cases(np.random.default_rng(seed)):
        report = check_gradient(f, x, gradient)
        tally[f"right {report.verdict}"] += 1
        if report.verdict != "agree":
            print(f"{name}, right:\n{report}\n")
        for label, factor in (("1e-5", 1 + 1e-5), ("sign", -1.0), ("double", 2.0)):
            wrong = gradient.copy()
            wrong[np.argmax(np.abs(wrong))] *= factor
            found = check_gradient(f, x, wrong)
            tally[f"{label} {found.verdict}"] += 1
            if found.verdict != "disagree":
                print(f"{name}, {label}:\n{found}\n")
    print(f"seed {seed}: {dict(tally)}")


if __name__ == "__main__":
    main()
