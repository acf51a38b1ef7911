"""Try forbidden operations in a worker, for `gradkit doctor`, to see whether they are blocked.

Each operation does as little harm as possible: it reads a word, sends a harmless signal, or sets a
limit to its current value. It returns what it achieved if it succeeds, and raises if it is blocked.
"""

# ruff: noqa: D103  (`ACTS` in gradkit.sandbox.doctor has a text for each operation)

from __future__ import annotations

import ctypes
import importlib
import mmap
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gradkit.runtime.frames import Frame

if sys.platform != "win32":
    import resource

Bait = Mapping[str, Any]
"""Targets that the grader has prepared: paths, ports, its process number, an address in its memory,
and amounts above the limits."""

_PTRACE_SEIZE, _NEW_USERS, _DUMPABLE = 0x4206, 0x10000000, 4
_IO_URING_SETUP = 425
_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}


def _libc(name: str, *arguments: object) -> int:
    """Call the function ``name`` of the C library, and return its result, an integer.

    Integers among ``arguments`` are passed as C longs. OSError is raised if the result is negative.
    """
    library = ctypes.CDLL(None, use_errno=True)
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = int(library[name](*converted))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


# --- files -------------------------------------------------------------------------------


def _key(bait: Bait) -> Path:
    return Path(os.fsdecode(bait["key"].encode("latin-1")))


def read_key(bait: Bait) -> str:
    return f"it begins with {_key(bait).read_text(encoding='utf-8')[:20]!r}"


def list_key(bait: Bait) -> str:
    return f"there are {len(os.listdir(_key(bait).parent))} files"


def write_here(bait: Bait) -> None:
    # By `os.open`, because `open` keeps files below the working directory in memory.
    os.close(os.open("canary", os.O_WRONLY | os.O_CREAT, 0o600))
    os.unlink("canary")


def write_there(bait: Bait) -> None:
    Path(bait["folder"], "tweet").write_text("tweet", encoding="utf-8")


def remove_file(bait: Bait) -> None:
    os.unlink(bait["removable"])


def change_mode(bait: Bait) -> None:
    os.chmod(bait["victim"], 0o644)


def import_answers(bait: Bait) -> None:
    importlib.import_module("gradkit.task.oracle")


# --- network -----------------------------------------------------------------------------


def tcp(bait: Bait) -> None:
    socket.create_connection(("127.0.0.1", bait["tcp"]), timeout=1).close()


def udp(bait: Bait) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"tweet", ("127.0.0.1", bait["udp"]))


def unix(bait: Bait) -> None:
    with socket.socket(socket.AF_UNIX) as sender:
        sender.connect(bait["unix"])


# --- processes ---------------------------------------------------------------------------


def fork(bait: Bait) -> str:
    """Start a process, which ends at once; return a text with its number. ``bait`` is not used."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return f"process {pid} was started"


def execute(bait: Bait) -> None:
    os.execv(sys.executable, [sys.executable, "-S", "-c", "import os; os._exit(0)"])  # noqa: S606  (the point)


def send_signal(bait: Bait) -> None:
    os.kill(bait["pid"], signal.SIGWINCH)


def trace(bait: Bait) -> None:
    _libc("ptrace", _PTRACE_SEIZE, bait["pid"], 0, 0)


def read_memory(bait: Bait) -> str:
    with open(f"/proc/{bait['pid']}/mem", "rb", buffering=0) as memory:
        memory.seek(bait["address"])
        return f"it read {memory.read(5)!r}"


def write_memory(bait: Bait) -> None:
    """Write five bytes into the grader's memory."""
    word = ctypes.create_string_buffer(b"tweet", 5)
    mine = (ctypes.c_size_t * 2)(ctypes.addressof(word), 5)
    theirs = (ctypes.c_size_t * 2)(bait["address"], 5)
    _libc("process_vm_writev", bait["pid"], mine, 1, theirs, 1, 0)


def read_environment(bait: Bait) -> str:
    return f"there are {len(Path('/proc', str(bait['pid']), 'environ').read_bytes())} bytes"


def limit_grader(bait: Bait) -> None:
    which = resource.RLIMIT_CORE
    resource.prlimit(bait["pid"], which, resource.prlimit(bait["pid"], which))


# --- the kernel --------------------------------------------------------------------------


def io_uring(bait: Bait) -> None:
    os.close(_libc("syscall", _IO_URING_SETUP, 1, ctypes.create_string_buffer(120)))


def namespace(bait: Bait) -> None:
    _libc("unshare", _NEW_USERS)


def instrument(bait: Bait) -> None:
    number = _PERF_EVENT_OPEN[os.uname().machine]
    event = ctypes.create_string_buffer(b"\x01\0\0\0\x80\0\0\0", 128)
    os.close(_libc("syscall", number, event, 0, -1, -1, 0))


def shared_memory(bait: Bait) -> None:
    segment = _libc("shmget", 0, 4096, 0o1600)
    _libc("shmctl", segment, 0, None)


def show_itself(bait: Bait) -> None:
    _libc("prctl", _DUMPABLE, 1, 0, 0, 0)


# --- limits ------------------------------------------------------------------------------


def allocate(bait: Bait) -> str:
    with mmap.mmap(-1, bait["memory"]) as block:
        return f"{len(block)} bytes were allocated"


def open_many(bait: Bait) -> str:
    pipes = [os.pipe() for _ in range(bait["descriptors"])]
    return f"{2 * len(pipes)} were opened"


def start_threads(bait: Bait) -> str:
    """Start more threads than allowed, and return a text with their number.

    ``bait["tasks"]`` is the number to start. The threads wait until all have been started.
    """
    finished = threading.Event()
    threading.stack_size(1 << 16)
    threads = []
    try:
        for _ in range(bait["tasks"]):
            threads.append(threading.Thread(target=finished.wait, daemon=True))
            threads[-1].start()
    finally:
        finished.set()
    return f"{len(threads)} were started"


def raise_limits(bait: Bait) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard + 1))


def outlive(bait: Bait) -> str:
    """Ignore all signals that can be ignored, and sleep past the deadline."""
    for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    time.sleep(60)
    return "it had a minute"


# --- allowed operations ------------------------------------------------------------------


def work(bait: Bait) -> str:
    """Do what honest student code does: import a module late, start a thread, and compute.

    Return a text with the computed number. ``bait`` is not used.
    """
    import numpy as np
    import scipy.special

    found: list[float] = []
    thread = threading.Thread(target=lambda: found.append(scipy.special.expit(0.0)))
    thread.start()
    thread.join()
    return f"it computed {found[0] + np.linalg.solve(np.eye(2), np.ones(2)).sum():g}"


ACTS: dict[str, Callable[[Bait], str | None]] = {
    name: value
    for name, value in list(globals().items())
    if getattr(value, "__module__", None) == __name__ and name[0] != "_" and name != "attempt"
}


def attempt(frame: Frame) -> Frame:
    """Try the operation ``act`` of a request on its targets, ``bait``.

    Reply whether the operation was ``done``, and the ``detail``: what it returned, or its
    exception.
    """
    try:
        detail = ACTS[frame.data["act"]](frame.data["bait"]) or "it was done"
    except Exception as error:
        return Frame("tried", {}, {"done": False, "detail": f"{type(error).__name__}: {error}"})
    return Frame("tried", {}, {"done": True, "detail": detail})


HANDLERS = {"attempt": attempt}
