"""The limits on resources that a worker puts on itself before it sees any student code.

Each step raises where it fails, and the worker then ends without having served: a
worker that cannot be confined is refused, never used as it is.
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
    """What a worker may use up.

    ``memory`` is in bytes beyond what the interpreter has taken before student code
    starts; ``file`` is the largest file it may write, in bytes; ``open_files`` counts
    descriptors; ``tasks`` are processes and threads beyond those that the system runs
    already; ``output`` is how much of what it prints is kept per request, in bytes.
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
    """Give what a system refuses while a process is confined as a `ConfinementError`."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ConfinementError(
            f"the process that student code would run in could not be confined: {error}"
        ) from error


@failing_closed()
def confine(allowance: Allowance, cpu_seconds: int, running: int, taken: tuple[int, int]) -> None:
    """Limit this process for good.

    Limits bound accidents; they are no defence against code that means harm.

    Parameters
    ----------
    allowance : Allowance
        What the process may use up.
    cpu_seconds : int
        Processor time after which the kernel ends the process. This only serves where the
        grader, which watches the wall clock, has itself been killed.
    running : int
        From `running_tasks`, which a worker can no longer ask.
    taken : (int, int)
        From `taken_memory`, likewise.

    Raises
    ------
    ConfinementError
        If the system refuses a limit.
    """
    if sys.platform == "win32":
        return  # it has none
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
        # The kernel counts all tasks of the user, not of the worker, so the limit has to
        # leave room for those. It counts none for root: see `gradkit.runtime.linux.count_as`.
        wanted[resource.RLIMIT_NPROC] = running + allowance.tasks
    for which, value in wanted.items():
        hard = resource.getrlimit(which)[1]
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (limit, limit))


def running_tasks() -> int:
    """Processes and threads of the whole system; 0 where nothing depends on it."""
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])


def taken_memory() -> tuple[int, int]:
    """Address space and data of this process, in bytes; 0 where nothing depends on it."""
    if sys.platform != "linux":
        return 0, 0
    # In pages: total, resident, shared, text, lib, data.
    pages = Path("/proc/self/statm").read_text().split()
    return int(pages[0]) * resource.getpagesize(), int(pages[5]) * resource.getpagesize()
