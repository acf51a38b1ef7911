"""The grader's side of one process that runs student code: ask it, watch it, lose it."""

from __future__ import annotations

import contextlib
import math
import selectors
import signal
import time
from dataclasses import asdict
from typing import NoReturn

from gradkit.runtime.confine import UNCONFINED, Allowance, running_tasks
from gradkit.runtime.frames import TO_GRADER, TO_WORKER, Frame, FrameError, FrameReader, encode
from gradkit.runtime.messages import LossKind, Message, WorkerLost, WorkshopError, message
from gradkit.sandbox.slots import Slot
from gradkit.text import clean_text

_TICK = 0.05
"""Seconds between looks at a process whose end nothing announces."""
_START_SECONDS = 60.0
_GRACE = 0.1
"""Seconds that a process which has closed its channel is given to end, so as to say how."""
_CHUNK = 1 << 16
_PIPE = 1 << 20
"""More bytes than a socket holds, unless someone keeps filling it."""


class Worker:
    """A process that serves one submission. Made by `Workshop.worker`, for one thread.

    Attributes
    ----------
    output : str
        What was printed, on both standard streams, during the last request: control
        characters stripped, and no more than the allowance, with a last line that says so
        if there was more.
    tier : int
        Tier of isolation that the process reached before it saw any student code.
    """

    def __init__(self, slot: Slot, allowance: Allowance, deadline: float, seed: int) -> None:
        self.tier = 0
        self._code: int | None = None
        self._slot = slot
        self._cap = allowance.output
        self._printed = bytearray()
        self._dropped = 0
        self._lost: WorkerLost | None = None
        self._link = slot.start()
        self._selector = selectors.DefaultSelector()
        for stream in self._link.channel, self._link.output:
            stream.setblocking(False)
            self._selector.register(stream, selectors.EVENT_READ)
        self._end = math.inf
        self._open(allowance, math.ceil(deadline) + 2, seed)
        self._deadline = deadline
        self._end = time.monotonic() + deadline

    @property
    def output(self) -> str:
        """What was printed during the last request, see above."""
        text = clean_text(self._printed.decode(errors="replace"), self._cap)
        if self._dropped:
            text += f"\n… {self._dropped} more bytes were printed and dropped"
        return text

    def ask(self, frame: Frame, seconds: float) -> Frame:
        """Send a request and wait for the reply to it.

        Parameters
        ----------
        frame : Frame
            The request.
        seconds : float
            Wall time allowed. The worker's own deadline, if it is nearer, rules.

        Returns
        -------
        Frame
            The reply. If a handler failed for a reason of its own, a frame of kind
            ``error`` with a ``text``.

        Raises
        ------
        WorkerLost
            If the process is gone, or had to be killed. The worker is then good for
            nothing but `close`, and asking again raises the same.
        FrameError
            If the request is too large to be sent.
        """
        if self._lost is not None:
            raise self._lost
        return self._exchange(encode(frame, TO_WORKER), seconds)

    def close(self) -> None:
        """Kill the process with all it has started, and close the descriptors."""
        try:
            self._stop()
        finally:
            self._selector.close()
            self._link.channel.close()
            self._link.output.close()

    def _open(self, allowance: Allowance, cpu_seconds: int, seed: int) -> None:
        data = {
            "allowance": asdict(allowance),
            "cpu_seconds": cpu_seconds,
            "seed": seed,
            "running": running_tasks(),
        }
        try:
            reply = self._exchange(encode(Frame("open", {}, data), TO_WORKER), _START_SECONDS)
        except WorkerLost as lost:
            self._drain(self._cap)
            said = self.output.strip() or self._slot.complaint()
            self.close()
            if self._code == UNCONFINED:
                raise WorkshopError(f"no submission is run: {said}") from None
            raise WorkshopError(
                f"the process that was to run a submission {lost.detail} before it began; "
                f"it said: {said}"
            ) from None
        except BaseException:
            self.close()
            raise
        self.tier = int(reply.data["tier"])

    def _exchange(self, request: bytes, seconds: float) -> Frame:
        self._printed.clear()
        self._dropped = 0
        until = min(time.monotonic() + seconds, self._end)
        unsent = memoryview(request)
        reader = FrameReader(TO_GRADER)
        if self._readable():
            self._lose("protocol", message("unasked"))
        ended = False
        try:
            while True:
                unsent = self._send(unsent)
                # The look at the process comes first: all it sent before its end is then
                # there to be read.
                reply, open_end = self._receive(reader)
                if reply is not None:
                    self._drain(_PIPE)
                    return reply
                if ended or not open_end:
                    self._bury()
                if time.monotonic() >= until:
                    over = until == self._end
                    code, had = ("deadline", self._deadline) if over else ("overdue", seconds)
                    self._lose("timeout", message(code, seconds=f"{round(had, 1):g}"))
                ended = self._wait(until, bool(unsent))
        except FrameError as error:
            self._lose("protocol", message("invalid", reason=clean_text(str(error), 500)))

    def _wait(self, until: float, sending: bool) -> bool:
        """Sleep until something happens. Return whether the process has ended."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if sending else 0)
        self._selector.modify(self._link.channel, events)
        timeout = min(until - time.monotonic(), _TICK)
        ready = [key.fileobj for key, _ in self._selector.select(max(timeout, 0))]
        if self._link.output in ready:
            self._drain(_CHUNK)
        # The end of its channel says more than its own.
        return self._link.channel not in ready and self._slot.ended()

    def _send(self, unsent: memoryview) -> memoryview:
        try:
            return unsent[self._link.channel.send(unsent) :] if unsent else unsent
        except BlockingIOError:
            return unsent
        except OSError:
            # The other end is closed; reading will tell.
            return unsent[:0]

    def _receive(self, reader: FrameReader) -> tuple[Frame | None, bool]:
        """Take what has arrived. Return the frame, if whole, and whether more may come."""
        while True:
            try:
                count = self._link.channel.recv_into(reader.wanted)
            except BlockingIOError:
                return None, True
            except OSError:
                return None, False
            if not count:
                return None, False
            frame = reader.advance(count)
            if frame is not None:
                return frame, True

    def _readable(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(self._link.channel.recv(1))
        return False

    def _drain(self, most: int) -> None:
        """Take up to `most` bytes of what was printed; keep what the allowance lets."""
        with contextlib.suppress(OSError):
            while most > 0 and (data := self._link.output.recv(_CHUNK)):
                most -= len(data)
                kept = data[: max(self._cap - len(self._printed), 0)]
                self._printed += kept
                self._dropped += len(data) - len(kept)

    def _bury(self) -> NoReturn:
        """Say how a process ended whose channel is closed."""
        patience = time.monotonic() + _GRACE
        while not (ended := self._slot.ended()) and time.monotonic() < patience:
            time.sleep(0.001)
        if not ended:
            self._lose("protocol", message("closed"))
        self._drain(self._cap)
        self._stop()
        self._lose(*_cause(self._code))

    def _lose(self, kind: LossKind, told: Message) -> NoReturn:
        self._stop()
        self._lost = WorkerLost(kind, told)
        raise self._lost

    def _stop(self) -> None:
        code = self._slot.stop()
        self._code = self._code if code is None else code


def _cause(code: int | None) -> tuple[LossKind, Message]:
    if code is None:
        return "crash", message("server")
    if code >= 0:
        return "exit", message("exit", code=code)
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL":
        return "memory", message("killed")
    if name == "SIGXCPU":
        return "timeout", message("cpu-time")
    return "crash", message("fault" if name == "SIGSEGV" else "signal", signal=name)
