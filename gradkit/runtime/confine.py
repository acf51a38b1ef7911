"""Limit the resources of a worker, in its own process, before any student code runs.

If a step fails it raises, and the worker ends: a worker that cannot be confined is never used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import resource

UNCONFINED = 71
"""Exit code of a process that could not be confined."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The resources that a worker may use.

    ``memory`` is in bytes, in addition to the memory of the interpreter before student code
    starts. ``file`` is the size of the largest file that it may write, in bytes. ``open_files``
    counts descriptors. ``tasks`` are processes and threads, in addition to those that the system
    runs already. ``output`` is the number of bytes of printed output that is kept per request.
    """

    memory: int = 2 << 30
    file: int = 16 << 20
    open_files: int = 256
    tasks: int = 64
    output: int = 64 << 10


class ConfinementError(RuntimeError):
    """A process could not be confined, and must not be used. Raised in that process itself."""


@contextmanager
def failing_closed() -> Iterator[None]:
    """Return a context manager that turns OSError and ValueError into `ConfinementError`."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ConfinementError(
            f"the process that student code would run in could not be confined: {error}"
        ) from error


@failing_closed()
def confine(allowance: Allowance, cpu_seconds: int, running: int, taken: tuple[int, int]) -> None:
    """Limit this process's memory, processor time, file size, open files and tasks, for good.

    Limits contain accidents. They are no defence against malicious code. On Windows, which has
    none, nothing is done.

    Parameters
    ----------
    allowance : Allowance
        The resources that the process may use.
    cpu_seconds : int
        Processor time in seconds after which the kernel ends the process. This is only needed if
        the grader, which measures wall time, has been killed.
    running : int
        The result of `running_tasks`, which a worker cannot call itself.
    taken : (int, int)
        The result of `taken_memory`, which a sandboxed worker cannot call either.

    Raises
    ------
    ConfinementError
        The system refuses a limit.
    """
    if sys.platform == "win32":
        return
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: allowance.file,
        resource.RLIMIT_NOFILE: allowance.open_files,
    }
    if sys.platform == "linux":
        size, data = taken
        wanted[resource.RLIMIT_AS] = size + allowance.memory
        wanted[resource.RLIMIT_DATA] = data + allowance.memory
        # The kernel counts all tasks of the user, so the limit has to include those of other
        # processes. It counts none for root: see `gradkit.runtime.linux.count_as`.
        wanted[resource.RLIMIT_NPROC] = running + allowance.tasks
    for which, value in wanted.items():
        hard = resource.getrlimit(which)[1]
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (limit, limit))


def running_tasks() -> int:
    """Return the number of processes and threads of the whole system; 0 if not on Linux."""
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])


def taken_memory() -> tuple[int, int]:
    """Return the address space and the data of this process in bytes; zeros if not on Linux."""
    if sys.platform != "linux":
        return 0, 0
    # Columns, in pages: total, resident, shared, text, lib, data.
    pages = Path("/proc/self/statm").read_text().split()
    return int(pages[0]) * resource.getpagesize(), int(pages[5]) * resource.getpagesize()
