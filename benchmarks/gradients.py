"""Compare gradient checkers: false alarms, misses by kind of error, evaluations, time.

    python benchmarks/gradients.py [--seed N]

Checkers that are not installed are left out. Each gives its usual yes or no at its usual
tolerance; gradkit may also answer that it cannot tell, which is counted apart. Every checker runs
once before its time is taken, so that no time includes an import. Times are CPU times of one
thread, which other programs on the machine do not change.

Other checkers evaluate f less often and are quicker on small problems; the bars do not hide that.
They hold gradkit to its own promises: no false alarm, no structural error accepted, few
evaluations, and on small nets a time that is near to that of torch's slow mode. The exit code is 1
if gradkit misses a bar.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from gradient_problems import Params, Problem, errors, problems

Answer = str
Checker = Callable[[Callable[[Params], float], Params, Params], Answer]
"""``agree``, ``disagree`` or ``inconclusive``."""

MAX_EVALUATIONS = 4.0
"""The largest number of evaluations for each parameter of a right gradient, on average."""

MAX_TIME_RATIO = 1.5
"""The largest CPU time of gradkit on a small net, in times of torch gradcheck in slow mode."""

ROUNDS = 7
"""How often the small nets are timed; the best time counts."""


@dataclass
class Tally:
    """The answers of one checker, and what they took.

    ``missed`` counts wrong gradients that were accepted, by kind of error. ``evaluations`` and
    ``seconds`` are those of the right gradients.
    """

    alarms: int = 0
    unsure_right: int = 0
    unsure_wrong: int = 0
    evaluations: int = 0
    seconds: float = 0.0
    missed: Counter[str] = field(default_factory=Counter)


def main() -> int:
    """Run every checker on every problem, print one table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    warnings.simplefilter("ignore")
    suite = problems(seed)
    wrong = {problem.name: list(_labelled(problem, seed)) for problem in suite}
    totals = Counter(kind for made in wrong.values() for kind, _ in made)
    parameters = sum(value.size for problem in suite for value in problem.params.values())
    print(
        f"{len(suite)} problems, {parameters} parameters, {totals.total()} wrong gradients, "
        f"seed {seed}\n"
    )
    head = ["checker", f"false alarms of {len(suite)}"]
    head += [f"missed: {kind} of {total}" for kind, total in totals.items()]
    head += ["inconclusive (right, wrong)", "evaluations per parameter", "CPU time, gradkit = 1"]
    tallies = {name: tally_answers(one, suite, wrong) for name, one in checkers().items()}
    base = tallies["gradkit"].seconds
    rows = [
        [
            name,
            str(tally.alarms),
            *(str(tally.missed[kind]) for kind in totals),
            f"{tally.unsure_right}, {tally.unsure_wrong}",
            f"{tally.evaluations / parameters:.1f}",
            f"{tally.seconds / base:.2f}",
        ]
        for name, tally in tallies.items()
    ]
    _print([head, *rows])
    ours = tallies["gradkit"]
    bars = [
        ("false alarms", ours.alarms, 0.0),
        ("structural errors accepted", ours.missed["structural"], 0.0),
        ("evaluations per parameter", ours.evaluations / parameters, MAX_EVALUATIONS),
    ]
    if importlib.util.find_spec("torch"):
        name = "CPU time on small nets, torch gradcheck slow = 1"
        bars.append((name, _time_ratio(seed), MAX_TIME_RATIO))
    print("\nbars for gradkit")
    for name, found, bar in bars:
        print(f"{name}: {found:.3g} (at most {bar:g}){'' if found <= bar else ' MISSED'}")
    return int(any(found > bar for _, found, bar in bars))


def tally_answers(
    checker: Checker, suite: list[Problem], wrong: dict[str, list[tuple[str, Params]]]
) -> Tally:
    """Run a checker on the right and the wrong gradients of all problems."""
    tally = Tally()
    # The first call imports the checker.
    checker(suite[0].f, suite[0].params, suite[0].gradient)
    for problem in suite:
        counted = Counted(problem.f)
        started = time.process_time()
        answer = checker(counted, problem.params, problem.gradient)
        tally.seconds += time.process_time() - started
        tally.evaluations += counted.calls
        tally.alarms += answer == "disagree"
        tally.unsure_right += answer == "inconclusive"
        for kind, gradient in wrong[problem.name]:
            answer = checker(problem.f, problem.params, gradient)
            tally.missed[kind] += answer == "agree"
            tally.unsure_wrong += answer == "inconclusive"
    return tally


def _labelled(problem: Problem, seed: int) -> Iterator[tuple[str, Params]]:
    """Yield wrong gradients by kind; in float32 and noise, single entries are a kind of their own.

    The smallest of these errors cannot be seen.
    """
    for kind, gradient in errors(problem, seed):
        coarse = problem.kind in ("float32", "noisy") and kind.startswith("one entry")
        yield "one entry, float32 or noise" if coarse else kind, gradient


class Counted:
    """Count the calls of a function."""

    def __init__(self, f: Callable[[Params], float]) -> None:
        self.calls, self._f = 0, f

    def __call__(self, p: Params) -> float:
        """Call the function."""
        self.calls += 1
        return self._f(p)


def checkers() -> dict[str, Checker]:
    """Return the checkers that are installed, gradkit first."""
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

        torch.set_num_threads(1)

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


def _time_ratio(seed: int) -> float:
    """Return the CPU time of gradkit on the small nets over that of torch gradcheck in slow mode.

    The two take turns, and the best time of each counts. Both have been imported before.
    """
    nets = [problem for problem in problems(seed) if problem.kind == "net"]
    compared = {"gradkit": _gradkit, "torch gradcheck, slow": _torch(fast=False)}
    best = dict.fromkeys(compared, np.inf)
    for _ in range(ROUNDS):
        for name, checker in compared.items():
            started = time.process_time()
            for problem in nets:
                checker(problem.f, problem.params, problem.gradient)
            best[name] = min(best[name], time.process_time() - started)
    ours, theirs = (1e3 * seconds / len(nets) for seconds in best.values())
    print(f"\nsmall nets, ms each: gradkit {ours:.2f}, torch gradcheck slow {theirs:.2f}")
    return ours / theirs


def _print(rows: list[list[str]]) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


if __name__ == "__main__":
    sys.exit(main())
