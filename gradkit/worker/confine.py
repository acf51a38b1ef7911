"""The limits a worker puts on itself before it sees any student code.

Each step raises where it fails, and the worker then ends without having served: a
worker that cannot be confined is refused, never used as it is.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import resource


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


def confine(allowance: Allowance, cpu_seconds: int) -> int:
    """Limit this process for good, and return the tier of isolation that was reached.

    Tier 0 sets resource limits where the system has them. They bound accidents; they are
    no defence against code that means harm.

    Parameters
    ----------
    allowance : Allowance
        What the process may use up.
    cpu_seconds : int
        Processor time after which the kernel ends the process. This only serves where the
        grader, which watches the wall clock, has itself been killed.

    Raises
    ------
    OSError, ValueError
        If the system refuses a limit.
    """
    for which, (soft, hard) in limits(allowance, cpu_seconds).items():
        resource.setrlimit(which, (soft, hard))
    return 0


def limits(allowance: Allowance, cpu_seconds: int) -> dict[int, tuple[int, int]]:
    """Return the resource limits, soft and hard, that `confine` sets; none on Windows."""
    if sys.platform == "win32":
        return {}
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: allowance.file,
        resource.RLIMIT_NOFILE: allowance.open_files,
    }
    if sys.platform == "linux":
        # In pages: total, resident, shared, text, lib, data.
        pages = Path("/proc/self/statm").read_text().split()
        size, data = (int(pages[i]) * resource.getpagesize() for i in (0, 5))
        wanted[resource.RLIMIT_AS] = size + allowance.memory
        wanted[resource.RLIMIT_DATA] = data + allowance.memory
        # The kernel counts all tasks of the user, not of the worker, so the limit has to
        # leave room for those. It counts none for root, where the limit does nothing.
        running = Path("/proc/loadavg").read_text().split()[3].partition("/")[2]
        wanted[resource.RLIMIT_NPROC] = int(running) + allowance.tasks
    for which, value in wanted.items():
        hard = resource.getrlimit(which)[1]
        if hard != resource.RLIM_INFINITY:
            wanted[which] = min(value, hard)
    return {which: (value, value) for which, value in wanted.items()}
