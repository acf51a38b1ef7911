"""What a worker costs, beside a bare fork and beside a fresh interpreter.

    python benchmarks/worker.py [--torch]

Each figure is the median of several runs, in milliseconds of wall time; alternatives are
measured in turn, so that what else the machine does falls on all of them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from gradkit.worker import WorkerLost, Workshop  # noqa: E402  (from the checkout)
from gradkit.worker.frames import Frame  # noqa: E402

HANDLERS = """
import time
import numpy as np
from gradkit.worker.frames import Frame

def echo(frame):
    return Frame("echoed", frame.arrays, frame.data)

def sleep(frame):
    time.sleep(60)

def step(frame):
    import torch
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Sigmoid(), torch.nn.Linear(2, 1))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
    torch.nn.MSELoss()(model(torch.ones(3, 2)), torch.ones(3, 1)).backward()
    optimiser.step()
    return Frame("stepped", {"w": model[0].weight.detach().numpy()})

HANDLERS = {"echo": echo, "sleep": sleep, "step": step}
"""

STEP = """
import torch
model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Sigmoid(), torch.nn.Linear(2, 1))
optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
torch.nn.MSELoss()(model(torch.ones(3, 2)), torch.ones(3, 1)).backward()
optimiser.step()
"""

FIRST_REPLY = """
import sys
sys.path.insert(0, sys.argv[1])
from gradkit.worker import Workshop
with Workshop(handlers="handlers", search=[sys.argv[2]]) as workshop:
    import numpy
    from gradkit.worker.frames import Frame
    with workshop.worker() as worker:
        worker.ask(Frame("echo"), 10.0)
"""


def milliseconds(action: Callable[[], object]) -> float:
    """Return the wall time of one run."""
    started = time.perf_counter()
    action()
    return 1e3 * (time.perf_counter() - started)


def side_by_side(rounds: int, *actions: Callable[[], object]) -> list[float]:
    """Return the median wall time of each action, run in turn."""
    times = [[milliseconds(action) for action in actions] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def interpreter(code: str, *arguments: str) -> Callable[[], object]:
    """Return an action: run code in a fresh interpreter."""
    command = [sys.executable, "-c", code, *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return lambda: subprocess.run(command, check=True, env=environment)


def bare_fork() -> None:
    """Fork this process, which has numpy loaded, and wait for the child to leave."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def whole_life(workshop: Workshop, request: Frame) -> None:
    """Start a worker, ask it once, and end it."""
    with workshop.worker() as worker:
        worker.ask(request, 10.0)


def late_kill(workshop: Workshop) -> float:
    """Return by how many milliseconds a request outlives its deadline of 50."""
    with workshop.worker() as worker:
        started = time.perf_counter()
        try:
            worker.ask(Frame("sleep"), 0.05)
        except WorkerLost:
            return 1e3 * (time.perf_counter() - started) - 50
    raise AssertionError("a worker that sleeps has answered")


def row(what: str, value: float, base: float | None = None, of: str = "") -> None:
    """Print one line of the table."""
    ratio = "" if base is None else f"{value / base:8.2f} × {of}"
    print(f"{what:52}{value:9.2f} ms{ratio}")


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--torch", action="store_true", help="measure torch as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "handlers.py").write_text(HANDLERS)
        numpy, first = side_by_side(
            9, interpreter("import numpy"), interpreter(FIRST_REPLY, str(ROOT), folder)
        )
        row("fresh interpreter: import numpy", numpy)
        row("fresh interpreter: import numpy, first reply", first, numpy, "import numpy")
        for method in ("fork", "spawn"):
            with Workshop(handlers="handlers", search=[folder], method=method) as workshop:
                measure(method, workshop, numpy)
        if options.torch:
            measure_torch(folder)


def measure(method: str, workshop: Workshop, numpy: float) -> None:
    """Measure the life of workers of one method."""
    request = Frame("echo", {}, {"lines": [1, 2, 3]})
    whole_life(workshop, request)
    if method == "fork":
        fork, life = side_by_side(50, bare_fork, lambda: whole_life(workshop, request))
        row("bare fork of this process", fork)
        row("fork: start, ask once, end", life, numpy, "import numpy")
        row("fork: start to first reply", statistics.median(starts(workshop, request)))
    else:
        # Not the median: every other interpreter has had time to load before it is needed.
        lives = [milliseconds(lambda: whole_life(workshop, request)) for _ in range(20)]
        row("spawn: start, ask once, end (mean)", statistics.mean(lives), numpy, "import numpy")
    with workshop.worker() as worker:
        row(f"{method}: each further ask", *side_by_side(500, lambda: worker.ask(request, 10.0)))
    late = sorted(late_kill(workshop) for _ in range(20))
    row(f"{method}: deadline to killed and reaped, median", statistics.median(late))
    row(f"{method}: deadline to killed and reaped, worst of 20", late[-1])


def starts(workshop: Workshop, request: Frame) -> list[float]:
    """Return how long it takes, in milliseconds, from wanting a worker to its first reply."""
    times = []
    for _ in range(50):
        started = time.perf_counter()
        with workshop.worker() as worker:
            worker.ask(request, 10.0)
            times.append(1e3 * (time.perf_counter() - started))
    return times


def measure_torch(folder: str) -> None:
    """Measure workers that take one optimiser step in torch."""
    options = {"handlers": "handlers", "search": [folder], "preload": ["torch"]}
    (fresh,) = side_by_side(3, interpreter(STEP))
    started = time.perf_counter()
    with Workshop(**options) as workshop:
        whole_life(workshop, Frame("step"))
        loading = 1e3 * (time.perf_counter() - started)
        (life,) = side_by_side(30, lambda: whole_life(workshop, Frame("step")))
    row("fresh interpreter: import torch, one step", fresh)
    row("fork, torch: opening the workshop to first reply", loading, fresh, "fresh")
    row("fork, torch: start, one step, end", life, fresh, "fresh")


if __name__ == "__main__":
    main()
