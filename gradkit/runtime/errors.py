"""What can go wrong with a worker: its process is lost, or could never be had."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from gradkit.errors import GradkitError
from gradkit.runtime.messages import Message, in_english

LossKind = Literal["timeout", "crash", "exit", "protocol", "memory"]


class WorkerLost(Exception):  # noqa: N818  (it names an event in the life of a worker)
    """The process that ran student code is gone, and the request in hand with it.

    Parameters
    ----------
    kind : str
        ``timeout``: it was stopped at its deadline. ``crash``: a signal ended it. ``exit``:
        it left of its own accord. ``protocol``: what it sent was no frame, or it closed its
        channel. ``memory``: the system took it for lack of memory.
    told : Message
        How it was lost, without the subject.

    Attributes
    ----------
    detail : str
        The same in English: "was ended by SIGSEGV …".
    """

    def __init__(self, kind: LossKind, told: Message) -> None:
        self.kind: LossKind = kind
        self.told = told
        self.detail = in_english(told)
        super().__init__(f"the process that ran the submission {self.detail}")


class ConfinementError(RuntimeError):
    """A process could not be confined, and must not be used. Raised in that process itself."""


@contextmanager
def failing_closed() -> Iterator[None]:
    """Give what a system refuses while a process is confined as a `ConfinementError`."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ConfinementError(
            f"the process that student code would run in could not be confined: {error}"
        ) from error


class WorkshopError(GradkitError):
    """No worker could be had; this is no fault of the code that would have run in it."""
