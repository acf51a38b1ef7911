"""Gradient checkers side by side: false alarms, misses by kind of error, evaluations, time.

    python benchmarks/gradients.py [--seed N]

Checkers that are not installed are left out. Each gives its usual yes or no at its usual
tolerance; gradkit may also say that it cannot tell, which is counted apart.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import numpy as np
from gradient_problems import Params, Problem, errors, problems

Answer = str
Checker = Callable[[Callable[[Params], float], Params, Params], Answer]
"""``agree``, ``disagree`` or ``inconclusive``."""


def main() -> None:
    """Run every checker on every problem and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    warnings.simplefilter("ignore")
    suite = problems(seed)
    wrong = {problem.name: list(_labelled(problem, seed)) for problem in suite}
    kinds = list(dict.fromkeys(kind for made in wrong.values() for kind, _ in made))
    totals = Counter(kind for made in wrong.values() for kind, _ in made)
    parameters = sum(value.size for problem in suite for value in problem.params.values())
    count = sum(totals.values())
    print(f"{len(suite)} problems, {parameters} parameters, {count} wrong gradients, seed {seed}\n")
    head = [
        "checker",
        f"false alarms of {len(suite)}",
        *(f"missed: {kind} of {totals[kind]}" for kind in kinds),
    ]
    head += ["inconclusive (right, wrong)", "evaluations per parameter", "time, gradkit = 1"]
    rows = [head]
    base = 0.0
    for name, checker in checkers().items():
        alarms, unsure_right, unsure_wrong, calls = 0, 0, 0, 0
        missed: dict[str, int] = defaultdict(int)
        elapsed = 0.0
        for problem in suite:
            counted = Counted(problem.f)
            started = time.perf_counter()
            answer = checker(counted, problem.params, problem.gradient)
            elapsed += time.perf_counter() - started
            calls += counted.calls
            alarms += answer == "disagree"
            unsure_right += answer == "inconclusive"
            for kind, gradient in wrong[problem.name]:
                answer = checker(problem.f, problem.params, gradient)
                missed[kind] += answer == "agree"
                unsure_wrong += answer == "inconclusive"
        base = base or elapsed
        rows.append(
            [
                name,
                str(alarms),
                *(str(missed[kind]) for kind in kinds),
                f"{unsure_right}, {unsure_wrong}",
                f"{calls / parameters:.1f}",
                f"{elapsed / base:.2f}",
            ]
        )
    _print(rows)
    _tiny_nets(seed)


def _labelled(problem: Problem, seed: int) -> Iterator[tuple[str, Params]]:
    """Single entries in float32 or noise apart: the smallest of them nobody can see."""
    for kind, gradient in errors(problem, seed):
        coarse = problem.kind in ("float32", "noisy") and kind.startswith("one entry")
        yield "one entry, float32 or noise" if coarse else kind, gradient


class Counted:
    """Counts the calls of a function."""

    def __init__(self, f: Callable[[Params], float]) -> None:
        self.calls, self._f = 0, f

    def __call__(self, p: Params) -> float:
        """Call it."""
        self.calls += 1
        return self._f(p)


def checkers() -> dict[str, Checker]:
    """Those that are installed, gradkit first."""
    found: dict[str, Checker] = {"gradkit": _gradkit}
    if importlib.util.find_spec("torch"):
        found["torch gradcheck, slow"] = _torch(fast=False)
        found["torch gradcheck, fast"] = _torch(fast=True)
    if importlib.util.find_spec("jax"):
        found["jax check_grads"] = _jax
    found["scipy check_derivative"] = _scipy
    found["CS231n at 1e-4"] = _cs231n(1e-4)
    found["CS231n at 1e-7"] = _cs231n(1e-7)
    return found


def _gradkit(f: Callable[[Params], float], params: Params, gradient: Params) -> Answer:
    from gradkit.gradcheck import check_gradient

    return check_gradient(f, params, gradient).verdict


def _flat(params: Params) -> np.ndarray:
    return np.concatenate([value.ravel() for value in params.values()])


def _shaped(x: np.ndarray, like: Params) -> Params:
    parts, at = {}, 0
    for key, value in like.items():
        parts[key] = np.asarray(x[at : at + value.size]).reshape(value.shape)
        at += value.size
    return parts


def _torch(*, fast: bool) -> Checker:
    def check(f: Callable[[Params], float], params: Params, gradient: Params) -> Answer:
        import torch

        class Claimed(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return torch.tensor(
                    f(_shaped(x.detach().numpy().copy(), params)), dtype=torch.float64
                )

            @staticmethod
            def backward(ctx, upstream):
                return upstream * torch.tensor(_flat(gradient))

        x = torch.tensor(_flat(params), requires_grad=True)
        right = torch.autograd.gradcheck(Claimed.apply, (x,), fast_mode=fast, raise_exception=False)
        return "agree" if right else "disagree"

    return check


def _jax(f: Callable[[Params], float], params: Params, gradient: Params) -> Answer:
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    @jax.custom_vjp
    def claimed(x):
        return jax.pure_callback(
            lambda v: np.float64(f(_shaped(np.array(v), params))),
            jax.ShapeDtypeStruct((), np.float64),
            x,
        )

    claimed.defvjp(lambda x: (claimed(x), None), lambda _, g: (g * _flat(gradient),))
    try:
        check_grads(claimed, (_flat(params),), order=1, modes=["rev"])
    except AssertionError:
        return "disagree"
    return "agree"


def _scipy(f: Callable[[Params], float], params: Params, gradient: Params) -> Answer:
    from scipy.optimize._numdiff import check_derivative

    accuracy = check_derivative(
        lambda x: f(_shaped(x, params)), lambda x: _flat(gradient), _flat(params)
    )
    return "agree" if accuracy < 1e-6 else "disagree"


def _cs231n(threshold: float) -> Checker:
    def check(f: Callable[[Params], float], params: Params, gradient: Params) -> Answer:
        x, claimed, h = _flat(params), _flat(gradient), 1e-5
        for entry in range(len(x)):
            up, down = x.copy(), x.copy()
            up[entry] += h
            down[entry] -= h
            numeric = (f(_shaped(up, params)) - f(_shaped(down, params))) / (2 * h)
            gap, size = abs(numeric - claimed[entry]), max(abs(numeric), abs(claimed[entry]))
            if size and gap / size > threshold:
                return "disagree"
        return "agree"

    return check


def _tiny_nets(seed: int) -> None:
    """Wall time on the small nets alone, in turns, the best of several."""
    if not importlib.util.find_spec("torch"):
        return
    nets = [problem for problem in problems(seed) if problem.kind == "net"]
    slow = _torch(fast=False)
    best: dict[str, float] = {}
    for _ in range(7):
        for name, checker in (("gradkit", _gradkit), ("torch gradcheck, slow", slow)):
            started = time.perf_counter()
            for problem in nets:
                checker(problem.f, problem.params, problem.gradient)
            best[name] = min(best.get(name, np.inf), time.perf_counter() - started)
    ours, theirs = (1e3 * seconds / len(nets) for seconds in best.values())
    print(f"\ntiny nets, ms each: gradkit {ours:.2f}, torch gradcheck slow {theirs:.2f}")
    print(f"ratio {ours / theirs:.2f} (bar 1)")


def _print(rows: list[list[str]]) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


if __name__ == "__main__":
    main()
