"""Test the sandbox of this machine: run forbidden operations, and report which are blocked.

Each operation runs in a new worker, see `gradkit.runtime.canary`.
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

from gradkit.runtime.messages import running_tasks
from gradkit.runtime.remains import own_folder
from gradkit.sandbox import Allowance, WorkerLost, Workshop
from gradkit.sandbox.workshop import refuse_unfit, short_of
from gradkit.text import clean_text

MEMORY = 256 << 20
"""Bytes that a worker may allocate here; the trial allocates twice as many."""

EXTRA_THREADS = 200
"""Threads above the limit that the trial starts, because other processes end threads meanwhile."""

OUTLIVE_SECONDS = 0.3
"""Seconds of the deadline that the trial ``outlive`` tries to outlive by a minute."""

LATE_SECONDS = 5.0
"""Most seconds after that deadline in which a busy machine may stop the trial."""


class Act(Struct, frozen=True):
    """An operation to try. A ``wanted`` operation must succeed, and all others must fail.

    ``tier`` is the lowest tier that ensures this. ``as_root`` is that tier if root started the
    grader, because root's processes can do more.
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
    Act("work", "import scipy, start a thread and compute", 0, wanted=True),
)

_EVERYWHERE = {"outlive", "work"}
"""Operations that are tried on every system; the others only on Linux."""


class Trial(Struct, frozen=True):
    """The result of one operation.

    ``held`` says whether it went as it must: blocked, or successful if it is wanted. ``tier`` is
    the lowest tier that ensures this.
    """

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
    """Try every operation of `ACTS` in a worker, and return the tier and the results.

    A worker is a sandboxed process, and the tier its level of isolation, from 0 to 3.

    Parameters
    ----------
    key : Path, optional
        A file with answers that the worker tries to read; by default a temporary file.

    Raises
    ------
    WorkshopError
        No worker can be started on this machine.
    """
    refuse_unfit()
    acts = [act for act in ACTS if sys.platform == "linux" or act.name in _EVERYWHERE]
    with (
        _prepare_targets(key) as bait,
        Workshop(
            # On Windows, which lacks most calls in this module, only `_EVERYWHERE` is tried.
            handlers="gradkit.runtime.canary",
            preload=("numpy.linalg",),
            allowance=Allowance(memory=MEMORY),
        ) as workshop,
    ):
        trials = tuple(_run_trial(act, bait, workshop) for act in acts)
        return Examination(workshop.tier or 0, trials)


def failures(examination: Examination) -> list[Trial]:
    """Return the trials that did not go as they must, although the reached tier ensures that.

    These are forbidden operations that succeeded, and wanted ones that failed.
    """
    return [
        trial for trial in examination.trials if trial.tier <= examination.tier and not trial.held
    ]


def objection(examination: Examination, required: int) -> str:
    """Return why this machine must not run other people's code; empty if it may.

    It must not if the tier of ``examination`` is below the ``required`` one, or if the sandbox did
    not block an operation that its tier forbids. A tier is a level of isolation from 0 to 3.
    """
    if examination.tier < required:
        return short_of(examination.tier, required)
    broken = failures(examination)
    if broken:
        return (
            f"isolation tier {examination.tier} fails here: student code could "
            f"{', '.join(trial.words for trial in broken)}. Nothing was run; see `gradkit doctor`."
        )
    return ""


def _run_trial(act: Act, bait: dict[str, Any], workshop: Workshop) -> Trial:
    """Try one operation in a new worker of ``workshop``, and return whether it went as it must.

    ``act`` is the operation, and ``bait`` has the targets of all operations, such as paths and
    ports. A loss of the worker counts as an operation that succeeded, unless the worker was stopped
    in time.
    """
    from gradkit.runtime.frames import Frame  # late: it loads numpy, as the worker meanwhile does

    seconds = OUTLIVE_SECONDS if act.name == "outlive" else 20.0
    with workshop.worker() as worker:
        started = time.monotonic()
        try:
            data = worker.ask(Frame("attempt", {}, {"act": act.name, "bait": bait}), seconds).data
            done, detail = bool(data["done"]), str(data["detail"])
        except WorkerLost as lost:
            late = time.monotonic() - started - seconds
            done, detail = lost.kind != "timeout" or late > LATE_SECONDS, f"it {lost.detail}"
            if lost.kind == "timeout":
                detail += f", {1e3 * late:.0f} ms after its time"
    held = done if act.wanted else not done
    tier = act.tier
    if act.as_root is not None and os.geteuid() == 0:
        tier = act.as_root
    return Trial(act.name, act.words, tier, held, clean_text(detail, 200))


@contextlib.contextmanager
def _prepare_targets(key: Path | None) -> Iterator[dict[str, Any]]:
    """Return a context manager that makes the targets of all operations, as JSON data.

    These are files, sockets, this process, a word in its memory, and amounts above the limits.
    ``key`` is the file that is tried to be read; by default a temporary one. All that was made is
    removed at the end.
    """
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
            # Latin-1 can represent every byte of a path in any encoding.
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
            "tasks": running_tasks() + Allowance().tasks + EXTRA_THREADS,
        }
        if hasattr(socket, "AF_UNIX"):
            unix = stack.enter_context(socket.socket(socket.AF_UNIX))
            bait["unix"] = str(folder / "socket")
            unix.bind(bait["unix"])
            unix.listen()
        yield bait
