"""Processes that share a piece of work, and end with the one that they help."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process


def helpers(lanes: int) -> ProcessPoolExecutor:
    """A pool of so many; what they are given to do lies in modules that they can import."""
    return ProcessPoolExecutor(lanes, get_context("spawn"), initializer=end_with_parent)


def end_with_parent() -> None:
    """Leave interrupts to the parent, and end as soon as it has ended, however it did.

    A pool's own processes would wait for work forever where the parent is killed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def cores() -> int:
    """Count the processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
