"""Killing a process together with everything it has started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

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
