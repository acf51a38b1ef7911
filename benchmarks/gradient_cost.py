"""Count the evaluations that a right gradient takes, and measure the time beside those of f.

    python benchmarks/gradient_cost.py

Times are CPU times of one thread, the best of several rounds. The overhead is what a check takes
less what its calls of f take, also given in calls of f. The exit code is 1 if a bar is missed.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from gradkit.gradcheck import check_gradient

SIZES = (1, 5, 20, 50, 200)
"""Numbers of parameters."""

ROUNDS = 5
"""How often each size is timed; the best time counts."""

MAX_OVERHEAD, MAX_OVERHEAD_PER_PARAMETER = 0.5e-3, 20e-6
"""Largest overhead in seconds: of a check, and for each parameter."""


def most_evaluations(count: int) -> float:
    """Return the largest number of evaluations for a number of parameters."""
    return 2 * count + 6 if count <= 50 else 2.2 * count


def measure(count: int) -> tuple[int, float, float]:
    """Return the evaluations of a check, its overhead, and the time of a call of f.

    ``count`` is the number of parameters; the times are CPU seconds, the least of `ROUNDS`.
    """
    rng = np.random.default_rng(count)
    a, x = rng.normal(size=(count, count)), rng.normal(size=count)

    def f(p: np.ndarray) -> float:
        return float(np.sum(np.tanh(a @ p)))

    right = a.T @ (1 - np.tanh(a @ x) ** 2)
    report = check_gradient(f, x, right)
    if report.verdict != "agree":
        raise SystemExit(f"a right gradient of {count} parameters is called {report.verdict}")
    checks, calls = [], []
    for _ in range(ROUNDS):
        started = time.process_time()
        check_gradient(f, x, right)
        between = time.process_time()
        for _ in range(report.evaluations):
            f(x)
        checks.append(between - started)
        calls.append(time.process_time() - between)
    return report.evaluations, min(checks) - min(calls), min(calls) / report.evaluations


def main() -> int:
    """Print a line for each size, and return the exit code."""
    missed = 0
    for count in SIZES:
        evaluations, overhead, call = measure(count)
        limit, slowest = most_evaluations(count), MAX_OVERHEAD + MAX_OVERHEAD_PER_PARAMETER * count
        bars = {"evaluations": evaluations <= limit, "overhead": overhead <= slowest}
        missed += not all(bars.values())
        print(
            f"{count} parameters: {evaluations} evaluations (at most {limit:.0f}); overhead "
            f"{1e3 * overhead:.2f} ms (at most {1e3 * slowest:.2f}), "
            f"{overhead / call:.0f} calls of f"
            + "".join(f"; {name} MISSED" for name, kept in bars.items() if not kept)
        )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
