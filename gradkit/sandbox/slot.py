"""Where a worker's process comes from: a lane runs one at a time, and cleans up after it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Link:
    """The grader's ends of a new process: ``channel`` for frames, ``output`` for prints."""

    channel: socket.socket
    output: socket.socket


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended, from the kernel.

    ``code`` is its exit code, or minus the number of the signal that ended it; None where
    that cannot be known. ``cpu_seconds`` and ``max_rss`` (bytes) are for its whole life,
    0 where the system does not say.
    """

    code: int | None
    cpu_seconds: float = 0.0
    max_rss: int = 0


class Lane(Protocol):
    """A source of processes, used by one thread at a time."""

    def start(self) -> Link:
        """Start a process; the one before has been stopped. May return before it is ready."""

    def pulse(self) -> socket.socket | None:
        """Return a socket that becomes readable when `ended` may have changed, if any."""

    def ended(self) -> bool:
        """Whether the process is no longer running."""

    def stop(self) -> Ending | None:
        """Kill what runs, with all it has started. None if nothing has been started."""

    def complaint(self) -> str:
        """Return the last lines of what an interpreter said that failed to start."""

    def close(self) -> None:
        """Stop, and give back everything the lane holds."""
