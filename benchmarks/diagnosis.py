"""What a diagnosis costs: CPU of grading with it less CPU of grading without it.

    python benchmarks/diagnosis.py [--rounds N] [--torch]

CPU is that of the grader and of all its workers. Three figures, with the bars they are held
to: a submission in which every entry of ``update_parameters`` is wrong (in several ways),
the mean over the wrong submissions of the tests, and one in which nothing fails.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

# As the command line does, before numpy is there: threads cost more than they bring here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from mistakes.samples import folder as mistake_folder  # noqa: E402

from gradkit.grading.session import Session  # noqa: E402
from gradkit.grading.settings import Settings  # noqa: E402
from gradkit.records.result import Inquiry  # noqa: E402  (from the checkout)
from gradkit.sandbox import Workshop  # noqa: E402

EVERY_ENTRY, MEAN, NONE = 60.0, 60.0, 0.5
"""The bars, in milliseconds; the last is what two equal measurements may differ by."""

Job = tuple[Path, str]

RIGHT = """\
d = 2 * (y - y_hat)
    back = d * parameters['W2']
    parameters['W1'] = parameters['W1'] + 0.001 * X @ back.T
    parameters['b1'] = parameters['b1'] + 0.01 * back
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d"""

EVERY_ENTRY_WRONG = {
    "every entry: notebook order, half the step": """\
d = y - y_hat
    parameters['W2'][0][0] = parameters['W2'][0][0] + 0.001 * d * A1[0][0]
    parameters['W2'][1][0] = parameters['W2'][1][0] + 0.001 * d * A1[1][0]
    parameters['b2'][0][0] = parameters['W2'][1][0] + 0.01 * d
    parameters['W1'][0][0] = parameters['W1'][0][0] + 0.001 * d * parameters['W2'][0][0] * X[0][0]
    parameters['W1'][0][1] = parameters['W1'][0][1] + 0.001 * d * parameters['W2'][0][0] * X[1][0]
    parameters['b1'][0][0] = parameters['b1'][1][0] + 0.01 * d * parameters['W2'][0][0]
    parameters['W1'][1][0] = parameters['W1'][1][0] + 0.01 * d * parameters['W2'][1][0] * X[0][0]
    parameters['W1'][1][1] = parameters['W1'][1][1] + 0.01 * d * parameters['W2'][1][0] * X[1][0]
    parameters['b1'][1][0] = parameters['b1'][1][0] + 0.01 * d * parameters['W2'][1][0]""",
    "every entry: uphill, W2 first": """\
d = -2 * (y - y_hat)
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    back = d * parameters['W2']
    parameters['W1'] = parameters['W1'] + 0.001 * X @ back.T
    parameters['b1'] = parameters['b1'] + 0.01 * back""",
    "every entry: clipped, which no rule expresses": RIGHT.replace(
        "2 * (y - y_hat)", "np.clip(2 * (y - y_hat), -1, 1)"
    ),
    "every entry: momentum in a global": RIGHT.replace(
        "d = ", "v['d'] = 0.9 * v['d'] + (y - y_hat)\n    d = v['d'] + "
    ),
}

HOMEWORK = """\
import numpy as np

v = {{'d': 0.0}}

def initialise_parameters(dim):
    return {{
        'W1': np.full((2, 2), 0.1), 'b1': np.zeros((2, 1)),
        'W2': np.full((2, 1), 0.1), 'b2': np.zeros((1, 1)),
    }}

def linear_forward(A, W, b):
    return W.T @ A + b

def L_layer_forward(X, parameters):
    A1 = linear_forward(X, parameters['W1'], parameters['b1'])
    return linear_forward(A1, parameters['W2'], parameters['b2']), A1

def update_parameters(parameters, y, y_hat, A1, X):
    {body}
"""


def submissions(torch: bool) -> list[Job]:
    """Return the wrong submissions of the tests, each with its task."""
    mistakes = sorted(mistake_folder().glob("*.py"))
    jobs = [(p, p.read_text(encoding="utf-8").splitlines()[0].split()[-1]) for p in mistakes]
    for path in sorted((ROOT / "tests" / "sample_class").glob("*.py")):
        problem = next((p for p in ("regression", "classification") if p in path.name), None)
        # Code that hangs costs its deadline and is never asked again.
        if problem is not None and "hangs" not in path.name:
            jobs.append((path, f"{problem}-{'torch' if '_torch' in path.name else 'numpy'}"))
    return [job for job in jobs if torch or not job[1].endswith("torch")]


@contextmanager
def without_diagnosis() -> Iterator[None]:
    """Grade as before, and ask nothing after a failure."""
    with mock.patch("gradkit.grading.session.diagnose", return_value=(Inquiry(), ())):
        yield


def cpu_of(jobs: Sequence[Job], rounds: int) -> float:
    """Return the milliseconds of CPU per submission, including the workers, but not their start."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    own = 0.0
    with Workshop() as workshop:
        sessions: dict[str, Session] = {}
        for _, task in jobs:
            if task not in sessions:
                settings = Settings(tasks=(task,), seed=0, no_reference=True)
                sessions[task] = Session(settings, workshop)
        for path, task in jobs[:1]:
            sessions[task].check(path)
        started = time.process_time()
        for _ in range(rounds):
            for path, task in jobs:
                sessions[task].check(path)
        own = time.process_time() - started
        for session in sessions.values():
            session.__exit__(None, None, None)
    return 1e3 * (own + spent() - before) / (rounds * len(jobs))


def cost(jobs: Sequence[Job], rounds: int) -> float:
    """Return the CPU milliseconds that the diagnosis adds per submission: the median of three."""
    differences = []
    for _ in range(3):
        whole = cpu_of(jobs, rounds)
        with without_diagnosis():
            differences.append(whole - cpu_of(jobs, rounds))
    return statistics.median(differences)


def main() -> int:
    """Print each figure beside its bar; the exit code says whether all are met."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--torch", action="store_true", help="the torch submissions too")
    options = parser.parse_args()
    met = True
    with tempfile.TemporaryDirectory() as folder:
        for name, body in {**EVERY_ENTRY_WRONG, "nothing fails": RIGHT}.items():
            path = Path(folder) / "homework.py"
            path.write_text(HOMEWORK.format(body=body), encoding="utf-8")
            bar = NONE if body is RIGHT else EVERY_ENTRY
            met &= told(name, cost([(path, "regression-numpy")], options.rounds), bar)
    jobs = submissions(options.torch)
    mean = cost(jobs, max(1, options.rounds // 5))
    met &= told(f"mean over {len(jobs)} wrong submissions", mean, MEAN)
    return 0 if met else 1


def told(name: str, figure: float, bar: float) -> bool:
    """Print one figure, and return whether it is within its bar."""
    print(f"{name:<46} {figure:7.1f} ms   bar {bar:g} ms   {'ok' if figure <= bar else 'OVER'}")
    return figure <= bar


if __name__ == "__main__":
    raise SystemExit(main())
