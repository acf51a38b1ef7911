"""What the machine must have before any worker is started: found out first, and said."""

from __future__ import annotations

import sys
from pathlib import Path

from gradkit.runtime.errors import WorkshopError

if sys.platform != "win32":
    import resource

DESCRIPTORS = 256
"""Files that a process must be able to have open; a worker's channel has a number below that."""

PROC = Path("/proc")


def refuse_unfit() -> None:
    """Raise the limit on open files as far as it takes, and see to it that there is ``/proc``.

    Raises
    ------
    WorkshopError
        What is missing, and what to do.
    """
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < DESCRIPTORS:
        try:
            # Where that cannot be raised either, this fails.
            resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, max(hard, DESCRIPTORS)))
        except (OSError, ValueError):
            raise WorkshopError(
                f"a process may have no more than {hard} files open here, and it takes "
                f"{DESCRIPTORS} to run submissions. Raise the limit: ulimit -n {DESCRIPTORS}, or "
                f"docker run --ulimit nofile={DESCRIPTORS}."
            ) from None
    if sys.platform == "linux" and not (PROC / "self" / "stat").exists():
        raise WorkshopError(
            f"there is no {PROC} here, by which processes are watched and limited. Mount it: "
            f"mount -t proc proc {PROC}, or start the container with one."
        )
