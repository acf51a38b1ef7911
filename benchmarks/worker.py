"""What a worker costs, beside a bare fork and beside a fresh interpreter.

    python benchmarks/worker.py [--torch] [--bar]

Each figure is the median of several runs, in milliseconds of wall time; alternatives are
measured in turn, so that what else the machine does falls on all of them.

With ``--bar`` it only compares, tier by tier, a submission in a worker with a bare fork that
makes the same calls of the same student code, in wall time and in processor time of all
processes, and exits with 1 where the best tier costs more than `BAR` times as much.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
# As workers have it; threads of this process would not survive its forks.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

from weak import weakened  # noqa: E402

from gradkit.runtime.frames import Frame  # noqa: E402
from gradkit.sandbox import WorkerLost, Workshop  # noqa: E402  (from the checkout)

BAR = 2.0
"""A submission in a worker may take this many times as long as in a bare fork."""

STUDENT = """
import time
import numpy as np

def numpy_steps(source, arrays):
    names = {}
    exec(compile(source, "student.py", "exec"), names)
    parameters = {key: arrays[key].copy() for key in ("W1", "b1", "W2", "b2")}
    forward, update = names["L_layer_forward"], names["update_parameters"]
    for row in range(40):
        X, y = arrays["X"][row], arrays["y"][row]
        y_hat, A1 = forward(X, parameters)
        update(parameters, y, y_hat.item(), A1, X)
    return parameters

def torch_steps(source, arrays):
    import torch
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Sigmoid(), torch.nn.Linear(2, 1))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
    X, y = torch.from_numpy(arrays["X"][:, :, 0]).float(), torch.from_numpy(arrays["y"]).float()
    for _ in range(40):
        optimiser.zero_grad()
        torch.nn.MSELoss()(model(X)[:, 0], y).backward()
        optimiser.step()
    return {"w": model[0].weight.detach().numpy()}
"""

HANDLERS = (
    STUDENT
    + """
from gradkit.runtime.frames import Frame

def numpy(frame):
    return Frame("done", numpy_steps(frame.data["source"], frame.arrays))

def torch(frame):
    return Frame("done", torch_steps(frame.data["source"], frame.arrays))

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

HANDLERS = {"echo": echo, "sleep": sleep, "step": step, "numpy": numpy, "torch": torch}
"""
)

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
from gradkit.sandbox import Workshop
with Workshop(handlers="handlers", search=[sys.argv[2]]) as workshop:
    import numpy
    from gradkit.runtime.frames import Frame
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
    """Return by how many milliseconds a request that never answers outlives its deadline of 50."""
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
    parser.add_argument("--bar", action="store_true", help="compare with a bare fork alone")
    options = parser.parse_args()
    if options.bar:
        sys.exit(max(against_fork("numpy"), against_fork("torch") if options.torch else 0) > BAR)
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


def against_fork(framework: str) -> float:
    """Compare workers of every tier with a bare fork; return the ratio at the best tier."""
    import numpy as np

    names: dict[str, Any] = {}
    exec(STUDENT, names)
    steps = names[f"{framework}_steps"]
    source = (ROOT / "reference" / "regression_numpy.py").read_text(encoding="utf-8")
    random = np.random.default_rng(0)
    shapes = {"W1": (2, 2), "b1": (2, 1), "W2": (2, 1), "b2": (1, 1), "X": (40, 2, 1), "y": (40,)}
    arrays = {name: random.standard_normal(shape) for name, shape in shapes.items()}
    steps(source, arrays)  # what is done for the first time is done before the fork
    request = Frame(framework, arrays, {"source": source})
    preload = ["torch"] if framework == "torch" else []
    ratio = 0.0
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        Path(folder, "handlers.py").write_text(HANDLERS)
        handlers = {"handlers": "handlers", "search": [folder]}
        shops = [
            stack.enter_context(Workshop(**weakened(tier, **handlers), preload=preload))
            for tier in range(4)
        ]
        for shop in shops:
            whole_life(shop, request)
        print(f"{framework}: a submission of 40 steps{'wall':>20}{'processor':>24}")
        actions = [lambda: fork_and_call(steps, source, arrays)]
        actions += [lambda shop=shop: whole_life(shop, request) for shop in shops]
        rounds = [[both_times(action) for action in actions] for _ in range(60)]
        columns = list(zip(*rounds, strict=True))
        wall = [statistics.median(spent for spent, _ in column) for column in columns]
        # The kernel tells it in hundredths of a second, which come right in the sum alone.
        cpu = [statistics.mean(used for _, used in column) for column in columns]
        print(f"{'bare fork':38}{wall[0]:9.2f} ms{cpu[0]:19.2f} ms")
        for shop, spent, used in zip(shops, wall[1:], cpu[1:], strict=True):
            ratio = max(spent / wall[0], used / cpu[0])
            what = f"worker at tier {shop.tier}"
            print(
                f"{what:38}{spent:9.2f} ms{spent / wall[0]:6.2f} ×{used:11.2f} ms"
                f"{used / cpu[0]:6.2f} ×"
            )
    return ratio


def both_times(action: Callable[[], object]) -> tuple[float, float]:
    """Wall time and processor time of one run, the machine's other work not counted."""
    before, started = processor(), time.perf_counter()
    action()
    return 1e3 * (time.perf_counter() - started), 1e3 * (processor() - before)


def processor() -> float:
    """Seconds that this process, its children and their children have used so far."""
    own, ended = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    total = own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
    return total + sum(servers())


def servers() -> Iterator[float]:
    """For each child that still runs, what it and those it has waited for have used."""
    for path in Path("/proc/self/task").iterdir():
        for pid in Path(path, "children").read_text().split():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            yield sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def fork_and_call(steps: Callable[..., Any], source: str, arrays: dict[str, Any]) -> None:
    """Fork this process, have the child run the student's code and send the numbers back."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, b"".join(value.tobytes() for value in steps(source, arrays).values()))
        os._exit(0)
    os.close(writer)
    while os.read(reader, 65536):
        pass
    os.close(reader)
    os.waitpid(pid, 0)


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
