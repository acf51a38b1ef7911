"""A process with functions that are there already, in this very process.

For notebooks without a history. Nothing is shut in and nothing is ended: a function that
hangs, hangs the kernel.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from gradkit.records.observations import Lost
from gradkit.records.submission import Section
from gradkit.runtime.frames import TO_GRADER, TO_WORKER, Frame, FrameLimits, encode, read
from gradkit.sandbox.process import StudentProcess
from gradkit.sandbox.workshop import Workshop


class LiveProcess(StudentProcess):
    """A `StudentProcess` whose requests are answered by functions of this process.

    Parameters
    ----------
    workshop : Workshop
        Not used.
    section : Section
        Their text, as far as it can be had.
    functions : mapping of str to object
        By name.
    """

    def __init__(
        self, workshop: Workshop | None, section: Section, functions: Mapping[str, Any]
    ) -> None:
        super().__init__(workshop, section, {}, frozenset(), 0.0, 0)  # type: ignore[arg-type]
        self._functions = dict(functions)

    def ask(
        self, kind: str, data: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> Frame | Lost:
        """See `StudentProcess`. An interrupt goes on to whoever pressed the key."""
        from gradkit.runtime import child

        child.Loaded.namespace = self._functions  # type: ignore[assignment]
        child.Loaded.cells = frozenset(cell.id for cell in self.section.own)
        printed = io.StringIO()
        # By way of bytes, as from a process: what is handed over is a copy, and may be changed.
        request = _sent(Frame(kind, arrays, data), TO_WORKER)
        with contextlib.redirect_stdout(printed):
            reply = _sent(child.HANDLERS[kind](request), TO_GRADER)
        self.output = printed.getvalue()[:2000]
        failure = reply.data.get("failure")
        if failure and failure["type"] == "KeyboardInterrupt":
            raise KeyboardInterrupt
        return reply


def _sent(frame: Frame, limits: FrameLimits) -> Frame:
    received = read(io.BytesIO(encode(frame, limits)).readinto, limits)
    assert received is not None  # noqa: S101  (a whole frame was sent)
    return received
