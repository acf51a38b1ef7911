"""Workshops are started, shared and closed without leaving anything behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from worker_watch import (
    HERE,
    PATIENCE,
    children,
    descendants,
    is_gone,
    is_running,
    is_soon_true,
    open_workshop,
    quickest,
)

from gradkit.runtime.frames import Frame
from gradkit.runtime.remains import kill_group
from gradkit.sandbox import WorkerLost, Workshop, WorkshopError

pytestmark = pytest.mark.sample(12)

ROOT = Path(HERE).parents[1]


def descriptors():
    """Count the open file descriptors."""
    return len(os.listdir("/proc/self/fd"))


def start(workshop, **options):
    """Start a worker, and do nothing with it."""
    with workshop.worker(**options):
        pass


def fail_with_a_worker(workshop, pids):
    """Store the number of a worker's process, and raise while it runs."""
    with workshop.worker() as worker:
        pids.append(worker.ask(Frame("look"), 2.0).data["pid"])
        raise ZeroDivisionError


@pytest.mark.parametrize("method", ["fork", "spawn"])
class TestNothingIsLeft:
    """A workshop removes everything that it has started."""

    def test_leaks(self, method, tmp_path, monkeypatch):
        """However workers ended, no process, descriptor, thread or folder is left."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        before = descriptors(), children(), threading.active_count()
        with open_workshop(method=method) as workshop:
            for kind in ("echo", "segfault", "leave", "hang", "litter"):
                with workshop.worker() as worker:
                    try:
                        worker.ask(Frame(kind, {}, {"code": 1}), 0.1)
                    except WorkerLost:
                        assert kind in ("segfault", "leave", "hang")
            assert list(tmp_path.iterdir())
        assert (descriptors(), children(), threading.active_count()) == before
        assert list(tmp_path.iterdir()) == []

    def test_descendants(self, method):
        """All descendants end with the worker, those in other sessions too."""
        with open_workshop(method=method) as workshop:
            with workshop.worker() as worker:
                pids = worker.ask(Frame("breed"), 5.0).arrays["pids"].tolist()
                assert len(pids) == 4
                assert all(is_running(pid) for pid in pids)
            assert all(is_gone(pid) for pid in pids)

    def test_error_of_the_caller(self, method):
        """An exception in the grader ends the worker."""
        with open_workshop(method=method) as workshop:
            pids = []
            with pytest.raises(ZeroDivisionError):
                fail_with_a_worker(workshop, pids)
            assert is_gone(pids.pop())

    def test_close_at_once(self, method):
        """A workshop that is closed before it has loaded ends at once."""
        before = children()

        def close_at_once():
            started = time.monotonic()
            open_workshop(method=method).close()
            return time.monotonic() - started

        assert quickest(close_at_once, 0.5) < 0.5
        assert children() == before

    def test_close_from_another_thread(self, method):
        """Other threads stop waiting, and no process is started any more."""
        workshop = open_workshop(method=method)
        with ThreadPoolExecutor(1) as pool:

            def hang():
                with workshop.worker() as worker:
                    running.set()
                    worker.ask(Frame("hang"), 5 * PATIENCE)

            running = threading.Event()
            future = pool.submit(hang)
            assert running.wait(PATIENCE)
            time.sleep(0.05)
            workshop.close()
            # The worker was given more time: that it is lost earlier is due to the closing.
            with pytest.raises(WorkerLost):
                future.result(PATIENCE)
        with pytest.raises(WorkshopError, match="has been closed, it starts no more"):
            start(workshop)


PARENT = """
import sys
from gradkit.sandbox import Workshop
from gradkit.runtime.frames import Frame
with Workshop(handlers="deeds", search=[sys.argv[2]], method=sys.argv[1]) as workshop:
    with workshop.worker() as worker:
        print(worker.ask(Frame("look"), 5.0).data["pid"], flush=True)
        worker.ask(Frame("hang"), 30.0)
"""


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize(
    ("method", "number"),
    [("fork", signal.SIGINT), ("spawn", signal.SIGINT), ("fork", signal.SIGKILL)],
)
def test_interrupted_grader(method, number, tmp_path):
    """A grader that is interrupted or killed leaves no process and no folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", PARENT, method, HERE]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as grader:
        pid = int(grader.stdout.readline())
        # An ordinary user may not ask where a sandboxed process works, but may see its parent.
        started = descendants(grader.pid)
        assert pid in started
        time.sleep(0.05)
        grader.send_signal(number)
        grader.wait(PATIENCE)
    assert all(is_gone(each) for each in started)
    assert is_soon_true(lambda: not any(tmp_path.iterdir()))


def test_interrupted_cleaning(monkeypatch):
    """An interrupt while a worker is being killed leaves no process and no wrong state."""
    calls = []

    def interrupted(pid):
        calls.append(pid)
        if len(calls) == 1:
            raise KeyboardInterrupt
        kill_group(pid)

    monkeypatch.setattr("gradkit.sandbox.workshop.kill_group", interrupted)
    with open_workshop(method="fork") as workshop:
        with pytest.raises(KeyboardInterrupt):
            start(workshop)
        assert calls[0] == calls[1]
        assert is_gone(calls[0])
        with workshop.worker() as worker:
            assert worker.ask(Frame("echo"), 2.0).kind == "echoed"


class TestSharing:
    """Several threads share a workshop."""

    def test_many_threads(self):
        """With good, hanging and crashing requests at once, each thread gets its own reply."""

        def grade(index):
            kind = ("echo", "segfault", "echo", "hang", "echo")[index % 5]
            with workshop.worker(seed=index) as worker:
                try:
                    reply = worker.ask(
                        Frame(kind, {"n": np.array(index)}), 0.1 if kind == "hang" else 5
                    )
                except WorkerLost as lost:
                    return lost.kind
                return int(reply.arrays["n"])

        before = children()
        with open_workshop(method="fork") as workshop, ThreadPoolExecutor(8) as pool:
            results = list(pool.map(grade, range(40)))
        expected = {1: "crash", 3: "timeout"}
        assert results == [expected.get(i % 5, i) for i in range(40)]
        assert children() == before

    def test_modules_of_some_workers(self):
        """Only workers that ask for a module have it loaded; all are closed."""
        text = "import sys; print('pandas' in sys.modules)"
        before = children()
        with Workshop() as workshop:
            for modules, found in ((["pandas"], "True\n"), ([], "False\n"), (["pandas"], "True\n")):
                with workshop.worker(modules=modules) as worker:
                    worker.ask(Frame("script", {}, {"text": text}), 10.0)
                    assert worker.output == found
                assert workshop.tier == worker.tier
            assert len(children()) == len(before) + 2
        assert children() == before


class TestStarting:
    """Workers that can be started, and workers that cannot."""

    def test_overlap(self):
        """Opening a workshop imports no numpy, so that both sides can load it at once."""
        code = (
            "import sys\n"
            "from gradkit.sandbox import Workshop\n"
            "with Workshop(): sys.exit('numpy' in sys.modules)"
        )
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code]
        subprocess.run(command, env=environment, check=True)

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_unloadable_handlers(self, method):
        """The error names the reason each time."""
        with Workshop(handlers="no.such.module", method=method) as workshop:
            for _ in range(2):
                with pytest.raises(WorkshopError, match="No module named 'no'"):
                    start(workshop)

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_unconfined(self, method, tmp_path):
        """If a step of the confinement fails, the worker ends before any student code."""
        (tmp_path / "unfit.py").write_text(
            "import resource\n"
            "def refuse(*_): raise OSError('no limits here')\n"
            "resource.setrlimit = refuse\n"
            "HANDLERS = {}\n"
        )
        options = {"handlers": "unfit", "search": [str(tmp_path)], "method": method}
        text = "no submission is run: the process .* could not be confined: no limits here"
        with Workshop(**options) as workshop, pytest.raises(WorkshopError, match=text):
            start(workshop)

    def test_killed_server(self):
        """If a fork server ends, one worker is lost, and a new server is started."""
        with open_workshop(method="fork") as workshop:
            with workshop.worker() as worker:
                pid = worker.ask(Frame("look"), 2.0).data["pid"]
                server = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
                os.kill(server, signal.SIGKILL)
                with pytest.raises(
                    WorkerLost, match="ended because the process that had started it"
                ):
                    worker.ask(Frame("hang"), 5.0)
            assert is_gone(pid)
            with workshop.worker() as worker:
                assert worker.ask(Frame("echo"), 2.0).kind == "echoed"

    def test_torch(self, tmp_path):
        """Torch is loaded before the fork, in a process with one thread, and is seeded."""
        pytest.importorskip("torch")
        (tmp_path / "torched.py").write_text(
            "import sys, os\n"
            "import numpy as np\n"
            "from gradkit.runtime.frames import Frame\n"
            "loaded = 'torch' in sys.modules\n"
            "tasks = len(os.listdir('/proc/self/task'))\n"
            "def train(frame):\n"
            "    import torch\n"
            "    w = torch.randn(2, requires_grad=True)\n"
            "    optimiser = torch.optim.SGD([w], lr=0.1)\n"
            "    (w * w).sum().backward()\n"
            "    optimiser.step()\n"
            "    return Frame('trained', {'w': w.detach().numpy()},\n"
            "        {'loaded': loaded, 'tasks': tasks, 'threads': torch.get_num_threads()})\n"
            "HANDLERS = {'train': train}\n"
        )
        options = {"handlers": "torched", "search": [str(tmp_path)], "preload": ["torch"]}
        with Workshop(**options) as workshop:
            replies = []
            for seed in (1, 1, 2):
                with workshop.worker(seed=seed) as worker:
                    replies.append(worker.ask(Frame("train"), 10.0))
        assert replies[0].data == {"loaded": True, "tasks": 1, "threads": 1}
        drawn = [reply.arrays["w"].tolist() for reply in replies]
        assert drawn[0] == drawn[1] != drawn[2]

    def test_wrong_options(self, monkeypatch):
        """The error says which options are valid."""
        with (
            open_workshop() as workshop,
            pytest.raises(ValueError, match=r"less than 2\*\*64, got -1"),
            workshop.worker(seed=-1),
        ):
            pass
        monkeypatch.setattr(sys, "platform", "darwin")
        with pytest.raises(ValueError, match="works on Linux only, this is darwin: use 'spawn'"):
            Workshop(method="fork")
