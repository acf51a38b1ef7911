"""Whether this machine keeps student code from what it may not do: tried, not assumed.

A canary in a worker of its own tries each forbidden act, one worker for each. What it reports is
checked from outside wherever that can be done.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from gradkit.runtime.confine import running_tasks
from gradkit.runtime.remains import own_folder
from gradkit.sandbox import Allowance, WorkerLost, Workshop
from gradkit.sandbox.workshop import refuse_unfit, short_of
from gradkit.text import clean_text

MEMORY = 256 << 20
"""Bytes that the canary may allocate; it tries twice as many."""

SLACK = 200
"""Threads beyond those allowed that the canary tries to start, as others come and go meanwhile."""

DEADLINE = 0.3
GRACE = 5.0
"""Seconds: after how long the canary that will not end is stopped, and how late that may be.

It would go on for a minute; a busy machine takes its time.
"""


class Act(Struct, frozen=True):
    """Something to try. ``wanted`` acts must succeed, the others must not.

    ``tier`` is the lowest that sees to it; ``as_root`` is that where root started the grader,
    which has powers that other accounts have not.
    """

    name: str
    words: str
    tier: int
    as_root: int | None = None
    wanted: bool = False


ACTS = (
    Act("read_key", "read the answer key", 2),
    Act("list_key", "list the folder of the answer key", 2),
    Act("import_answers", "import the part of gradkit that knows answers", 2),
    Act("write_here", "write a file on the disk, in its own folder", 1),
    Act("write_there", "write a file elsewhere", 1),
    Act("remove_file", "remove a file", 1),
    Act("change_mode", "change a file's permissions", 1),
    Act("tcp", "open a TCP connection", 1),
    Act("udp", "send a UDP packet", 1),
    Act("unix", "open a Unix socket", 1),
    Act("fork", "start a process", 1),
    Act("execute", "run another program", 1),
    Act("send_signal", "send the grader a signal", 1),
    Act("trace", "trace the grader", 1),
    Act("read_memory", "read the grader's memory", 1, as_root=2),
    Act("write_memory", "write the grader's memory", 1),
    Act("read_environment", "read the grader's environment", 1, as_root=2),
    Act("limit_grader", "set limits on the grader", 1),
    Act("io_uring", "set up io_uring", 1),
    Act("namespace", "become root in a namespace", 1),
    Act("instrument", "open a performance counter", 1),
    Act("shared_memory", "leave shared memory behind", 1),
    Act("show_itself", "open its memory to others", 1),
    Act("allocate", "allocate more memory than allowed", 0),
    Act("open_many", "open more files than allowed", 0),
    Act("start_threads", "start more threads than allowed", 0, as_root=1),
    Act("raise_limits", "raise its own limits", 1),
    Act("outlive", "outlive its deadline", 0),
    Act("work", "import scipy late, start a thread, compute", 0, wanted=True),
)

_EVERYWHERE = {"outlive", "work"}
"""What can be tried, and is prevented, on every system."""


class Trial(Struct, frozen=True):
    """How one act went. ``held`` is as it should be; ``tier`` is from where that is expected."""

    act: str
    words: str
    tier: int
    held: bool
    detail: str


class Examination(Struct, frozen=True):
    """The tier that workers reach on this machine, and every trial made at it."""

    tier: int
    trials: tuple[Trial, ...]


def examine(*, key: Path | None = None) -> Examination:
    """Have a canary try every act.

    Parameters
    ----------
    key : Path, optional
        A file with answers that it is to read; by default one is made up.

    Raises
    ------
    WorkshopError
        If no worker can be had here.
    """
    refuse_unfit()
    acts = [act for act in ACTS if sys.platform == "linux" or act.name in _EVERYWHERE]
    with (
        _bait(key) as bait,
        Workshop(
            # The module needs calls that Windows has not; there a worker is asked no more
            # than whether it is stopped.
            handlers="gradkit.runtime.canary",
            preload=("numpy.linalg",),
            allowance=Allowance(memory=MEMORY),
        ) as workshop,
    ):
        trials = tuple(_try(act, bait, workshop) for act in acts)
        return Examination(workshop.tier or 0, trials)


def failures(examination: Examination) -> list[Trial]:
    """Return the acts that should be held at the tier that was reached, and are not."""
    return [
        trial for trial in examination.trials if trial.tier <= examination.tier and not trial.held
    ]


def objection(examination: Examination, required: int) -> str:
    """Why nobody else's code may be run here; empty where nothing speaks against it."""
    if examination.tier < required:
        return short_of(examination.tier, required)
    broken = failures(examination)
    if broken:
        return (
            f"isolation tier {examination.tier} does not hold here: student code could "
            f"{', '.join(trial.words for trial in broken)}. Nothing was run; see `gradkit doctor`."
        )
    return ""


def _try(act: Act, bait: dict[str, Any], workshop: Workshop) -> Trial:
    from gradkit.runtime.frames import Frame  # late: it loads numpy, as the worker meanwhile does

    seconds = DEADLINE if act.name == "outlive" else 20.0
    with workshop.worker() as worker:
        started = time.monotonic()
        try:
            data = worker.ask(Frame("attempt", {}, {"act": act.name, "bait": bait}), seconds).data
            done, detail = bool(data["done"]), str(data["detail"])
        except WorkerLost as lost:
            late = time.monotonic() - started - seconds
            done, detail = lost.kind != "timeout" or late > GRACE, f"it {lost.detail}"
            if lost.kind == "timeout":
                detail += f", {1e3 * late:.0f} ms after its time"
    held = done if act.wanted else not done
    tier = act.tier
    if act.as_root is not None and os.geteuid() == 0:
        tier = act.as_root
    return Trial(act.name, act.words, tier, held, clean_text(detail, 200))


@contextlib.contextmanager
def _bait(key: Path | None) -> Iterator[dict[str, Any]]:
    """Lay out what the canary may reach for."""
    word = ctypes.create_string_buffer(b"grade", 5)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(own_folder())
        victim, removable, answers = (folder / name for name in ("a.txt", "b.txt", "answers.py"))
        for path in (victim, removable, answers):
            path.write_text("answers = 42\n", encoding="utf-8")
            path.chmod(0o600)
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        bait = {
            # Latin-1 has every byte of a path, of whatever encoding that is.
            "key": os.fsencode(key or answers).decode("latin-1"),
            "folder": str(folder),
            "victim": str(victim),
            "removable": str(removable),
            "pid": os.getpid(),
            "address": ctypes.addressof(word),
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "memory": 2 * MEMORY,
            "descriptors": Allowance().open_files,
            "tasks": running_tasks() + Allowance().tasks + SLACK,
        }
        if hasattr(socket, "AF_UNIX"):
            unix = stack.enter_context(socket.socket(socket.AF_UNIX))
            bait["unix"] = str(folder / "socket")
            unix.bind(bait["unix"])
            unix.listen()
        yield bait
