"""Remove what a process leaves behind: its folder, and all processes that it has started.

A process locks the folder that it makes, and the system releases the lock when the process ends,
for whatever reason. So `make_folder` can find the folders of ended processes, and removes them.
Windows has no such locks: there the folders of killed processes stay.
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
"""Prefix of the names of these folders; folders with other names are never removed."""

SPARE = range(61184, 65520)
"""Numbers of accounts that systemd assigns temporarily. Workers use one, and may own folders."""

_TRIES = 10
"""Most attempts to make a folder."""

_locks: dict[Path, int] = {}
_swept: set[str] = set()
_sweeping = threading.Lock()


def make_folder() -> Path:
    """Make and lock a new empty folder, which `remove_folder` removes.

    The first call in a process also removes the abandoned folders of other processes.

    Raises
    ------
    WorkshopError
        The folder cannot be made, or is removed by others.
    """
    try:
        place = tempfile.gettempdir()
        with _sweeping:
            if place not in _swept:
                _swept.add(place)
                remove_abandoned(place)
        for _ in range(_TRIES):
            folder = Path(tempfile.mkdtemp(prefix=PREFIX))
            lock = _lock_folder(folder)
            # Another process may have removed it as abandoned before it was locked.
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
    """Remove a folder and its content as far as possible, and release its lock."""
    shutil.rmtree(folder, ignore_errors=True)
    lock = _locks.pop(folder, None)
    if lock is not None:
        os.close(lock)


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """Return a context manager for a new folder, which is removed at the end."""
    folder = make_folder()
    try:
        yield folder
    finally:
        remove_folder(folder)


def remove_abandoned(place: str) -> None:
    """Remove folders in ``place`` that ended processes have made by `make_folder`."""
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if not entry.name.startswith(PREFIX):
                continue
            with contextlib.suppress(OSError):
                state = entry.stat(follow_symlinks=False)
                if not stat.S_ISDIR(state.st_mode) or not _is_own_account(state.st_uid):
                    continue
                lock = _lock_folder(Path(entry.path))
                if lock is not None:
                    shutil.rmtree(entry.path, ignore_errors=True)
                    os.close(lock)


def _is_own_account(account: int) -> bool:
    """Return whether this process may remove folders of an account: its own or, as root, spare."""
    return account == os.geteuid() or (os.geteuid() == 0 and account in SPARE)


def _lock_folder(folder: Path) -> int | None:
    """Lock a folder, and return the descriptor of the lock.

    None is returned if another process has locked the folder, if it is gone, and on Windows.
    """
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

_MAX_SCANS = 20
"""Most searches for descendants that were started while others were stopped."""


def kill_tree(pid: int) -> None:
    """Kill a process that leads its own group, its group, and all its descendants.

    Nothing is reaped: the caller keeps the process as a zombie, so that no other process can have
    its number. Descendants escape only if they have left the group *and* their parent had ended
    before this call.

    Parameters
    ----------
    pid : int
        The process, and on POSIX its process group.
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
    """Kill a process that leads its own group, and its group, without reaping any."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    _signal(pid, signal.SIGKILL)


def kill_below(pid: int) -> None:
    """Kill all descendants of a process, but not the process itself, without reaping any."""
    for member in _stopped_descendants(pid):
        _signal(member, signal.SIGKILL)


def has_ended(pid: int) -> bool:
    """Return whether a child has ended, without reaping it, so that it keeps its number."""
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, pid, flags) is not None


def cpu_seconds(pid: int) -> float | None:
    """Return the processor time that a process and its ended children have used, in seconds.

    A process that has ended but was not reaped counts too. None if it was reaped, or if the system
    has no ``/proc``.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            stat = file.read(4096)
    except OSError:
        return None
    # The name of the program, in parentheses, may contain parentheses and spaces.
    fields = stat[stat.rindex(b")") + 1 :].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _stopped_descendants(pid: int) -> set[int]:
    """Stop all descendants of the process ``pid`` by SIGSTOP, and return their process numbers.

    They have to be stopped before any is killed: the children of a killed process could not be
    found any more, and a running process could start others. Empty on systems other than Linux.
    """
    if sys.platform != "linux" or not Path("/proc/self/stat").exists():
        return set()
    descendants: set[int] = set()
    for _ in range(_MAX_SCANS):
        new = _descendants(pid) - descendants
        if not new:
            break
        for member in new:
            _signal(member, signal.SIGSTOP)
        descendants |= new
    return descendants


def _descendants(pid: int) -> set[int]:
    """Return the process numbers of all descendants of a process, from ``/proc``."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            # The process may end after the listing.
            with contextlib.suppress(OSError):
                with open(f"/proc/{entry}/stat", "rb", buffering=0) as file:
                    stat = file.read(4096)
                # The name of the program, in parentheses, may contain parentheses and spaces.
                parent = int(stat[stat.rindex(b")") + 1 :].split()[1])
                children.setdefault(parent, []).append(int(entry))
    descendants: set[int] = set()
    queue = [pid]
    while queue:
        for child in children.get(queue.pop(), []):
            if child not in descendants:
                descendants.add(child)
                queue.append(child)
    return descendants


def _signal(pid: int, number: int) -> None:
    """Send a signal to a process, if it exists and this process may."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
