"""Random nets with right and wrong gradients: alarms, misses, open verdicts, bounds, evaluations.

    python benchmarks/gradient_nets.py [--count 1000] [--seed N] [--kinds float64 float32 noisy]

Of each kind a third of the nets have zero biases, a third are at a minimum (half of these fit
their data perfectly), a third are neither. The truth is the same backpropagation in extended
precision. The nets and the errors planted are those of tests/gradcheck/random_nets.py. An error
that does less to f over the whole size of its parameters than one rounding of f, or its noise, is
counted by itself: no value of f tells of it.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "gradcheck"))
import random_nets

from gradkit.gradcheck import check_gradient

KINDS = ("float64", "float32", "noisy")
PLACES = ("zero biases", "minimum", "plain")
FAMILY = {"float64": "plain", "float32": "float32", "noisy": "noise"}


def make(rng: np.random.Generator, kind: str, place: str) -> random_nets.Net:
    """Draw a net of one kind; ``place`` says where it is: zero biases, a minimum, or any point."""
    net = random_nets.random_net(rng, FAMILY[kind])
    if place == "zero biases":
        for name in net.params:
            if name.startswith("b"):
                net.params[name] = np.zeros_like(net.params[name])
    elif place == "minimum":
        to_minimum(net, rng)
    if kind == "float32":  # what is computed is the loss of data and parameters that are rounded
        net.X, net.y = rounded(net.X), rounded(net.y)
        net.params = {name: rounded(value) for name, value in net.params.items()}
    return net


def rounded(array: np.ndarray) -> np.ndarray:
    """Return the nearest numbers that float32 holds."""
    return array.astype(np.float32).astype(np.float64)


def to_minimum(net: random_nets.Net, rng: np.random.Generator) -> None:
    """Choose targets for which the net's parameters are a minimum of the squared error.

    The net is changed. The residual is orthogonal to every change of the output that the parameters
    can make. It is zero in half of the nets, and if the parameters can change the whole output.
    """
    net.loss, net.decay = "mse", 0.0
    out = net.forward(net.params, np.float64)[1]
    net.y = out.copy()
    if rng.random() < 0.5:
        return
    rows = []
    for place in range(out.size):
        one = np.zeros(out.size)
        one[place] = -0.5
        net.y = out + one.reshape(out.shape)
        kept, net.mean = net.mean, False
        slope = net.gradient(net.params, np.float64)
        net.mean = kept
        rows.append(np.concatenate([value.ravel() for value in slope.values()]))
    jacobian = np.array(rows)
    basis, sizes, _ = np.linalg.svd(jacobian, full_matrices=False)
    basis = basis[:, sizes > 1e-10 * max(sizes.max(initial=0.0), 1e-300)]
    residual = rng.normal(size=out.size)
    residual -= basis @ (basis.T @ residual)
    residual -= basis @ (basis.T @ residual)
    if np.linalg.norm(residual) > 1e-6:
        net.y = out + residual.reshape(out.shape)
    else:
        net.y = out.copy()


def noise_of(net: random_nets.Net, kind: str, value: float) -> float:
    """Return how far a value of the net may be off, by one rounding of it or by its noise."""
    return max((1.2e-7 if kind == "float32" else 2.2e-16) * abs(value), net.noise)


def size_of(array: np.ndarray) -> float:
    """Return the largest entry, 1 where all are zero."""
    return float(np.abs(array).max()) or 1.0


def above_noise(slope: float, scale: float, noise: float) -> bool:
    """Return whether 1 % of a slope is more than ten times what noise makes of its best step."""
    return 10 * (noise / (abs(slope) * scale)) ** (2 / 3) < 0.01


def moved_by(net: random_nets.Net, good: random_nets.Params, claim: random_nets.Params) -> float:
    """Return the change of f that the wrong part of a claimed gradient stands for.

    It is the sum of the absolute errors, each times the size of its parameter.
    """
    return sum(
        float(np.abs(claim[name] - good[name]).sum()) * size_of(value)
        for name, value in net.params.items()
    )


def at_kink(net: random_nets.Net) -> bool:
    """Return whether the input of a hidden unit is exactly at the activation's kink, zero."""
    if net.activation not in ("relu", "leaky", "elu"):
        return False
    sums = net.forward(net.params, np.float64)[3]
    return any(bool(np.any(np.abs(z) < 1e-12)) for z in sums[:-1])


def run(kind: str, count: int, seed: int, shown: int) -> Counter[str]:
    """Check right and wrong gradients of ``count`` nets of one kind; return counts of the verdicts.

    ``shown`` is how much is printed: from 1, missed mistakes; from 2, open ones; from 3, all.
    """
    tally: Counter[str] = Counter()
    for number in range(count):
        place = PLACES[number % 3]
        rng = np.random.default_rng([seed, number, KINDS.index(kind)])
        with np.errstate(all="ignore"):
            net = make(rng, kind, place)
            good = net.gradient(net.params)
            truth = net.gradient(net.params, np.longdouble)
            base = float(net(net.params))
            kink = at_kink(net)
        where = f"[{seed}, {number}, {KINDS.index(kind)}] {place} {net.label}"
        report = check_gradient(net, net.params, good)
        tally["right"] += 1
        kink &= {e.reason for e in report.entries if e.verdict != "agree"} == {"kink"}
        tally["at a kink" if kink else f"right {report.verdict}"] += 1
        tally["evaluations"] += report.evaluations
        tally["parameters"] += sum(g.size for g in good.values())
        if report.verdict == "disagree" or (
            report.verdict == "inconclusive" and shown > 1 and not kink
        ):
            print(f"{report.verdict}: {where}\n{report}\n")
        for entry in report.entries:
            right = float(truth[entry.parameter][entry.index])
            if np.isfinite(entry.bound):
                tally["entries"] += 1
                # A noisy f has no derivative but that of what the noise was put on.
                off = abs(entry.estimate - right) > entry.bound * (1 + 1e-9) + 1e-15 * abs(right)
                tally["outside"] += off
                if off and shown > 2:
                    print(f"outside: {where}\n{entry}\n{right!r}\n")
        if place == "minimum":
            continue
        with np.errstate(all="ignore"):
            wrong = list(random_nets.structural(net, rng))
        for label, claim in wrong[:: max(1, len(wrong) // 4)]:
            # A derivative of 0.99 that is left out is no structural error.
            if not random_nets.matters(truth, claim, 1e-2 if kind == "float64" else 0.2):
                continue
            # No value of f tells of an error that does less to it than its noise.
            hidden = moved_by(net, good, claim) < noise_of(net, kind, base)
            called = "hidden" if hidden else "structural"
            tally[called] += 1
            found = check_gradient(net, net.params, claim)
            tally[f"{called} {found.verdict}"] += 1
            if found.verdict == "agree" and not hidden:
                print(f"missed {label}: {where}\n{found}\n")
            elif found.verdict == "inconclusive" and shown > 1:
                print(f"open {label}: {where}\n{found}\n")
        name = str(rng.choice([n for n, g in good.items()]))
        g = good[name].copy()
        if not np.any(g):
            continue
        at = int(np.argmax(np.abs(g)))
        scale, noise = size_of(net.params[name]), noise_of(net, kind, base)
        if kind != "float64" and not above_noise(float(g.flat[at]), scale, noise):
            continue
        g.flat[at] *= 1.01
        found = check_gradient(net, net.params, {**good, name: g})
        if kink and found.verdict == "inconclusive":
            continue
        tally["by 1.01"] += 1
        tally[f"by 1.01 {found.verdict}"] += 1
        if found.verdict != "disagree" and shown > 1 and (kind == "float64" or shown > 2):
            print(f"×1.01 of {name}[{at}]: {where}\n{found}\n")
    return tally


def main() -> None:
    """Print a line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    parser.add_argument("-v", "--verbose", action="count", default=1)
    given = parser.parse_args()
    seed = secrets.randbelow(2**31) if given.seed is None else given.seed
    print(f"seed {seed}")
    for kind in given.kinds:
        started = time.perf_counter()
        t = run(kind, given.count, seed, given.verbose)
        print(
            f"{kind}: {t['right']} right: {t['right disagree']} alarms, "
            f"{t['right inconclusive']} open ({100 * t['right inconclusive'] / t['right']:.1f} %), "
            f"{t['at a kink']} at a kink; "
            f"structural: {t['structural']}, {t['structural agree']} missed, "
            f"{t['structural inconclusive']} open; {t['hidden']} more do less to f than its noise, "
            f"{t['hidden agree']} agree; ×1.01 of a large entry: {t['by 1.01']}, "
            f"{t['by 1.01 disagree']} refuted, {t['by 1.01 agree']} agree; truth outside bound "
            f"{t['outside']} of {t['entries']}; {t['evaluations'] / t['parameters']:.2f} "
            f"evaluations per parameter; {time.perf_counter() - started:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
