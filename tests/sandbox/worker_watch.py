"""What the tests of the worker share: opening a workshop, watching processes."""

import os
import time
from pathlib import Path

from weak import weakened

from gradkit.sandbox import Workshop

HERE = str(Path(__file__).parent)


def open_workshop(tier=0, **options):
    """Open a workshop whose workers do the deeds of `deeds`, by default on the tier that lets them.

    What the higher tiers forbid is tested in tests/hostile.
    """
    return Workshop(**weakened(tier, handlers="deeds", search=[HERE]), **options)


def quickest(trial, until, tries=5):
    """The least number of seconds that a trial returns; it is repeated until below `until`.

    On a busy machine anybody may once come late.
    """
    least = float("inf")
    for _ in range(tries):
        least = min(least, trial())
        if least < until:
            break
    return least


def is_running(pid):
    """Whether a process exists and is more than a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def is_gone(pid):
    """Whether a process has ended, or does so within half a second."""
    for _ in range(100):
        if not is_running(pid):
            return True
        time.sleep(0.005)
    return False


def children():
    """Process ids of this process's children, zombies included."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(stat[1]) == os.getpid():
                found.append(int(entry))
    return found
