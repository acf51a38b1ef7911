"""The tiers of isolation in words: what each adds, and why a machine may not reach it."""

from __future__ import annotations

import sys
from pathlib import Path

from gradkit.runtime.messages import WorkshopError

ADDS = {
    0: "a process of its own, limits on resources, an empty environment, a protocol without pickle",
    1: "no files written, no network, no other programs or processes, no look at other processes",
    2: "no files read but the interpreter's and its packages'",
    3: "an account that is nobody else's",
}

LACKING = {
    1: "it takes Linux on x86_64 or aarch64, and a kernel that lets seccomp programs be loaded",
    2: "it takes a kernel with Landlock (5.13 or later), and a container that lets it be used",
    3: "it takes root, and an installation of Python that other accounts can read",
}
"""By tier, what it takes to reach it from the one below."""


OPEN = {
    0: "read and write the grader's files, use the network, start programs",
    1: "read the grader's files, among them gradkit's own, model solutions and others' work",
}
"""By tier, what student code can do that nothing prevents before a grade can be trusted."""

GRADING = 2
"""The tier that grading other people's code asks for, unless told: below it answers can be read."""


def short_of(reached: int, required: int) -> str:
    """Say that a tier was not reached, what the next one takes, and what to do."""
    could = f", where it can {OPEN[reached]}" if reached in OPEN else ""
    return (
        f"student code would run at isolation tier {reached} here, and tier {required} is "
        f"required. Of tier {reached + 1}: {LACKING[reached + 1]}. `gradkit doctor` shows what "
        f"holds on this machine. To run it all the same{could}: --require-tier {reached}."
    )


CONTAINER = (
    'docker run --rm -v "$PWD:/class" -w /class python:3.12 '
    "sh -c 'pip install -q ./gradkit-*.whl && gradkit grade SUBMISSIONS --out RESULTS'"
)
"""How tier 2 is had where the system has none: in a container, whose default profile will do."""

PACKED = "`gradkit export wheel --out .` writes the wheel that it installs."


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
