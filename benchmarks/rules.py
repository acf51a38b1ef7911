"""CPU time of learning and reading rules and naming mistakes: ``python benchmarks/rules.py``.

Each line is one update function in which every entry is wrong, called in advance: what is
timed is gradkit's part alone. The median of several runs, in milliseconds.
"""

# ruff: noqa: E402 -- the path has to be set before the imports that need it
from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

# In place of this folder, whose own `rules` would hide the tests'.
sys.path[0] = str(Path(__file__).parents[1] / "tests")

from rules.generate import compiled, run, sets_of, write
from rules.nets import CLASSIFICATION, REGRESSION, SOFTMAX, TANH
from rules.traced import program_of

from gradkit.diagnosis.formulas.explain import diagnose
from gradkit.diagnosis.rules.draw import FRESH, draw_update
from gradkit.diagnosis.rules.recover import recover
from gradkit.diagnosis.rules.step import correct_rules
from gradkit.records.task import Task

REPEAT = 7
PAIRS = 60


def published(task: Task) -> Callable[..., None]:
    """Return the notebook with its mistakes and one rate for all: nine wrong entries."""
    sigmoid = task.layers[0].activation == "sigmoid"

    def update_parameters(p, y, y_hat, A1, X):  # type: ignore[no-untyped-def]
        e = 0.0005 * (y - y_hat)
        p["W2"] += e * A1
        p["b2"] += e
        slope = 1 - A1 if sigmoid else np.ones_like(A1)
        p["W1"] += (X @ (e * p["W2"] * slope).T).T * np.array([[1.0], [10.0]])
        p["b1"] += e * p["W2"] * slope

    return update_parameters


def strange(p, y, y_hat, A1, X):  # type: ignore[no-untyped-def]
    """Nothing that the library has: every entry is unexplained."""
    for key in p:
        p[key] = p[key] + 0.01 * np.sin(y - y_hat) * np.tanh(p[key])


def general(p, y, y_hat, A1, X):  # type: ignore[no-untyped-def]
    """Update the parameters of a net of any size, with three mistakes."""
    e = y - y_hat
    p["W2"] += 0.002 * A1 @ np.atleast_2d(e).T
    p["b2"] += 0.002 * e
    back = p["W2"] @ np.atleast_2d(e) * (1 - A1)
    p["W1"] += 0.002 * X @ back.T
    p["b1"] += 0.002 * back


def milliseconds(call: Callable[[], object]) -> float:
    """Return the median CPU time of `REPEAT` calls, in milliseconds."""
    times = []
    for _ in range(REPEAT):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return statistics.median(times) * 1e3


def line(name: str, task: Task, function: Callable[..., object]) -> None:
    """Print the times to trace a function, to recover its rules, and to name its mistakes."""
    fit, fresh = draw_update(task, 1), draw_update(task, 2, FRESH)
    correct_rules(task)
    seen = run(function, fit), run(function, fresh)
    traced = milliseconds(lambda: program_of(function, task, fit))
    program = program_of(function, task, fit)
    rules = milliseconds(lambda: recover(task, program, seen[1]))
    found = recover(task, program, seen[1])
    names = milliseconds(lambda: diagnose(task, found, *seen))
    figures = f"called {traced:6.1f}   rules {rules:6.1f}   names {names:6.1f}"
    print(f"{name:36s} {task.id:22s} {figures}")


def main() -> None:
    """Print the times for wrong functions, by kind of mistake and net."""
    for task in (REGRESSION, CLASSIFICATION):
        line("as published, all nine wrong", task, published(task))
        line("outside the catalogue, all nine", task, strange)
        pairs = sets_of(2, task)
        times = [once(task, codes) for codes in pairs[:: len(pairs) // PAIRS]]
        name = f"{len(times)} pairs of mistakes"
        mean, most = statistics.mean(times), max(times)
        print(f"{name:36s} {task.id:22s} mean {mean:7.1f}   at most {most:9.1f}")
    line("three mistakes, 3-4-1 tanh", TANH, general)
    line("three mistakes, 4-5-3 softmax", SOFTMAX, general)


def once(task: Task, codes: frozenset[str]) -> float:
    """Diagnose a function generated with some mistakes, and return the CPU milliseconds."""
    function = compiled(write(codes, task, "scalar"))
    fit, fresh = draw_update(task, 1), draw_update(task, 2, FRESH)
    seen = run(function, fit), run(function, fresh)
    start = time.process_time()
    program = program_of(function, task, fit, "scalar")
    diagnose(task, recover(task, program, seen[1]), *seen)
    return (time.process_time() - start) * 1e3


if __name__ == "__main__":
    main()
