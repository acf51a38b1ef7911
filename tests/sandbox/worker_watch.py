"""Open workshops and watch processes, for tests of the worker."""

import os
import time
from pathlib import Path

from weak import weakened

from gradkit.sandbox import Workshop

HERE = str(Path(__file__).parent)


def open_workshop(tier=0, **options):
    """Open a workshop whose workers have the handlers of `deeds`, by default without isolation.

    Acts that higher tiers block are tested in tests/hostile.
    """
    return Workshop(**weakened(tier, handlers="deeds", search=[HERE]), **options)


def quickest(trial, until, tries=5):
    """Repeat a trial until it returns less than `until` seconds, and return the least number.

    On a busy machine a single trial may be late.
    """
    least = float("inf")
    for _ in range(tries):
        least = min(least, trial())
        if least < until:
            break
    return least


def is_running(pid):
    """Return whether a process exists and is not a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def is_gone(pid):
    """Return whether a process ends within `PATIENCE`."""
    return is_soon_true(lambda: not is_running(pid))


PATIENCE = 20.0
"""Seconds that a test waits for an event: a machine may be busy with other work."""


def is_soon_true(condition):
    """Return whether a condition becomes true within `PATIENCE`."""
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def parents():
    """Map the id of each process to that of its parent; zombies are included."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            found[int(entry)] = int(stat[1])
    return found


def children():
    """Return the ids of this process's children."""
    return [pid for pid, parent in parents().items() if parent == os.getpid()]


def descendants(pid):
    """Return the ids of the processes that a process started, directly or not."""
    found, known = {pid}, parents()
    while more := {each for each, parent in known.items() if parent in found} - found:
        found |= more
    return found - {pid}
