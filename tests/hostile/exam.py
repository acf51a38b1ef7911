"""Run an attack in a worker, and compare the machine before and after it."""

import contextlib
import ctypes
import os
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sandbox.worker_watch import children
from weak import weakened

from gradkit.runtime.frames import Frame
from gradkit.sandbox import Allowance, WorkerLost, Workshop

HERE = str(Path(__file__).parent)
SECRET = "of the grader: 1729"  # noqa: S105  (what attacks look for)
NOTE = "of the neighbour: 4711 points"
X = np.random.default_rng(3).standard_normal((6, 2))
HASTE = 0.25
"""Time limit in seconds of an attack that would not end by itself."""

LATE = 0.1
"""Largest number of seconds between a worker's deadline and its end."""

TRIES = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """The secret that an attack ``got`` (empty if it was blocked), or its ``error``."""

    got: str
    error: str
    seconds: float


class Exam:
    """A workshop, the bait for attacks on it, and the results of a good submission in it."""

    def __init__(self, most_tier: int, **options) -> None:
        self._stack = contextlib.ExitStack()
        self.workshop = self._stack.enter_context(
            Workshop(
                **weakened(most_tier, handlers="attacks", search=[HERE]),
                allowance=Allowance(memory=512 << 20),
                **options,
            )
        )
        self._word = ctypes.create_string_buffer(b"grade", 5)
        self.bait = self._lay_bait()
        self.expected = self.good()
        self.tier = self.workshop.tier or 0

    def _lay_bait(self) -> dict[str, object]:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bait-")))
        self.folder = folder
        folder.chmod(0o700)
        (folder / "empty").mkdir()
        (folder / "answers_of_all.py").write_text("answers = 42\n")
        self._refill()
        tcp = self._stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        udp = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        unix = self._stack.enter_context(socket.socket(socket.AF_UNIX))
        unix.bind(str(folder / "socket"))
        unix.listen(128)
        return {
            "key": str(folder / "answers_of_all.py"),
            "folder": str(folder),
            "removable": str(folder / "removable.txt"),
            "empty": str(folder / "empty"),
            "pid": os.getpid(),
            "address": ctypes.addressof(self._word),
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "unix": str(folder / "socket"),
        }

    def _refill(self) -> None:
        (self.folder / "removable.txt").write_text("to be removed\n")
        (self.folder / "empty").mkdir(exist_ok=True)

    def attack(self, name: str, *, prize: bool) -> Outcome:
        """Run an attack in its own worker, and assert that the worker ends in time.

        On a busy machine a worker may be late once. If it is late in all tries, it was not stopped.
        """
        seconds = 3.0 if prize else HASTE
        for _ in range(TRIES):
            outcome = self._attack(name, seconds)
            if outcome.seconds < seconds + LATE:
                return outcome
        raise AssertionError(f"stopped {outcome.seconds - seconds:.3f} s late, {TRIES} times")

    def _attack(self, name: str, seconds: float) -> Outcome:
        request = Frame("attack", {}, {"name": name, "bait": self.bait})
        with self.workshop.worker(seed=1) as worker:
            started = time.monotonic()
            try:
                reply = worker.ask(request, seconds)
                got, error = str(reply.data.get("got") or ""), str(reply.data.get("error"))
            except WorkerLost as lost:
                got, error = "", f"{lost.kind}: {lost.detail}"
                if name == "exec-itself" and lost.kind == "exit":
                    got = "another program"
                if name == "kill-server" and "together with the server" in lost.detail:
                    got = "its end"
            spent = time.monotonic() - started
        assert len(worker.output) < 70_000
        return Outcome("" if got == "None" else got, error, spent)

    def good(self) -> dict[str, object]:
        """Return the results of a good submission, bit by bit."""
        with self.workshop.worker(seed=7) as worker:
            reply = worker.ask(Frame("good", {"X": X}, {"note": NOTE}), 10.0)
            assert reply.kind == "done", reply.data
            assert worker.output == ""
        arrays = {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in reply.arrays.items()}
        return {**arrays, **reply.data}

    def traces(self) -> dict[str, object]:
        """Return the state of the machine that an attack must not change."""
        return {
            "descriptors": sorted(os.listdir("/proc/self/fd")),
            "children": len(children()),
            "workers": self.workers(),
            "memory": self._word.raw,
            "files": sorted(os.listdir(self.folder)),
            "segments": shared_segments(),
        }

    def workers(self) -> list[int]:
        """Return the ids of this workshop's processes, without its fork server."""
        launcher = self.workshop._launcher
        server, folder = launcher._zygote.pid, str(launcher._folder)
        for _ in range(50):
            found = [pid for pid in processes() if is_of(pid, server, folder) and pid != server]
            if not found:
                break
            # If the server itself was killed, its worker may take a moment to end.
            time.sleep(0.01)
        return found

    def server_memory(self) -> int:
        """Return the address space of the fork server in bytes."""
        pid = self.workshop._launcher._zygote.pid
        return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * 4096

    def server_descriptors(self) -> int:
        """Return the number of the fork server's descriptors; 0 without permission to see them."""
        pid = self.workshop._launcher._zygote.pid
        with contextlib.suppress(PermissionError):
            return len(os.listdir(f"/proc/{pid}/fd"))
        return 0

    def close(self) -> None:
        """Close the workshop, and remove the bait."""
        self._stack.close()

    def restore(self) -> None:
        """Restore the bait that an attack may have changed on a low tier."""
        self._refill()
        self._word.raw = b"grade"


def processes() -> list[int]:
    """Return the ids of all processes."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdecimal()]


def is_of(pid: int, server: int, folder: str) -> bool:
    """Return whether a process is a child of the fork server, or works in its folder."""
    try:
        if int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) == server:
            return True
        return os.readlink(f"/proc/{pid}/cwd").startswith(folder)
    except OSError:
        return False


def shared_segments() -> int:
    """Return the number of System V shared memory segments."""
    try:
        return len(Path("/proc/sysvipc/shm").read_text().splitlines())
    except OSError:
        return 0
