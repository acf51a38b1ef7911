"""What a process leaves behind, of which nothing stays: its folder, and all that it has started.

A folder is locked for as long as the process lives that made it: the system lets go of the lock
when that ends, however it ends. So whoever makes one finds those that nobody has any more, and
removes them. Where there are no such locks, on Windows, what a killed process leaves stays.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from gradkit.runtime.messages import WorkshopError

if sys.platform != "win32":
    import fcntl

PREFIX = "gradkit-run-"
"""How the names of these folders begin, and no others': those are not looked at."""

SPARE = range(61184, 65520)
"""Accounts that systemd hands out for a time, and nobody keeps: a folder may be one's of these."""

_TRIES = 10
_locks: dict[Path, int] = {}
_swept: set[str] = set()
_sweeping = threading.Lock()


def make_folder() -> Path:
    """Return a new empty folder for a process to work in, until `remove_folder`.

    Raises
    ------
    WorkshopError
        There is no place where one can be made.
    """
    try:
        place = tempfile.gettempdir()
        with _sweeping:
            if place not in _swept:
                _swept.add(place)
                remove_abandoned(place)
        for _ in range(_TRIES):
            folder = Path(tempfile.mkdtemp(prefix=PREFIX))
            lock = _lock(folder)
            # Somebody may have found it before it was locked, and taken it for abandoned.
            if sys.platform == "win32" or (lock is not None and folder.is_dir()):
                if lock is not None:
                    _locks[folder] = lock
                return folder
            if lock is not None:
                os.close(lock)
    except OSError as error:
        raise WorkshopError(
            f"no folder could be made for temporary files: {error}. Make room, or name a folder "
            "that can be written by the variable TMPDIR."
        ) from None
    raise WorkshopError("folders for temporary files are removed as soon as they are made")


def remove_folder(folder: Path) -> None:
    """Remove a folder with whatever a process has left in it, as far as that is possible."""
    shutil.rmtree(folder, ignore_errors=True)
    lock = _locks.pop(folder, None)
    if lock is not None:
        os.close(lock)


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """Yield a new folder, which is removed at the end of the block."""
    folder = make_folder()
    try:
        yield folder
    finally:
        remove_folder(folder)


def remove_abandoned(place: str) -> None:
    """Remove the folders in a place that were made here by processes that have ended since."""
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if not entry.name.startswith(PREFIX):
                continue
            with contextlib.suppress(OSError):
                state = entry.stat(follow_symlinks=False)
                if not stat.S_ISDIR(state.st_mode) or not _is_ours(state.st_uid):
                    continue
                lock = _lock(Path(entry.path))
                if lock is not None:
                    shutil.rmtree(entry.path, ignore_errors=True)
                    os.close(lock)


def _is_ours(account: int) -> bool:
    return account == os.geteuid() or (os.geteuid() == 0 and account in SPARE)


def _lock(folder: Path) -> int | None:
    """Lock a folder; None where somebody has it locked, or it is gone."""
    if sys.platform == "win32":
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


# --- processes -------------------------------------------------------------------------

_ROUNDS = 20


def kill_tree(pid: int) -> None:
    """Kill a process that leads its own group, its group, and all its descendants.

    Nothing is reaped: the caller holds on to `pid` as a zombie, so that its number cannot
    have passed to another process. What escapes: descendants that left the group *and*
    whose parents had ended before this was called.

    Parameters
    ----------
    pid : int
        Process, and on POSIX its process group.
    """
    if sys.platform == "win32":
        command = ["taskkill", "/T", "/F", "/PID", str(pid)]
        subprocess.run(command, capture_output=True, check=False)  # noqa: S603  (fixed words)
        return
    _signal(pid, signal.SIGSTOP)
    below = _stopped_descendants(pid)
    kill_group(pid)
    for member in below:
        _signal(member, signal.SIGKILL)


def kill_group(pid: int) -> None:
    """Kill a process that leads its own group, and its group. Nothing is reaped."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    _signal(pid, signal.SIGKILL)


def kill_below(pid: int) -> None:
    """Kill all descendants of a process, which itself lives on. Nothing is reaped."""
    for member in _stopped_descendants(pid):
        _signal(member, signal.SIGKILL)


def has_ended(pid: int) -> bool:
    """Tell whether a child has ended. It is not reaped: its number stays its own."""
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, pid, flags) is not None


def _stopped_descendants(pid: int) -> set[int]:
    """Stop the descendants of a process, and return them.

    A descendant whose parent is killed first would be lost from view, and one that runs on
    could start others meanwhile; so all are stopped before any is killed.
    """
    if sys.platform != "linux" or not Path("/proc/self/stat").exists():
        return set()
    found: set[int] = set()
    for _ in range(_ROUNDS):
        new = _descendants(pid) - found
        if not new:
            break
        for member in new:
            _signal(member, signal.SIGSTOP)
        found |= new
    return found


def _descendants(pid: int) -> set[int]:
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            # The process may end between the listing and the reading.
            with contextlib.suppress(OSError):
                with open(f"/proc/{entry}/stat", "rb", buffering=0) as file:
                    stat = file.read(4096)
                # The name, in parentheses, may itself hold anything.
                parent = int(stat[stat.rindex(b")") + 1 :].split()[1])
                children.setdefault(parent, []).append(int(entry))
    found: set[int] = set()
    queue = [pid]
    while queue:
        for child in children.get(queue.pop(), []):
            if child not in found:
                found.add(child)
                queue.append(child)
    return found


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
