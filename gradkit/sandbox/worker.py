"""Send requests to one process that runs student code, receive replies, and end the process.

While a request is open, the process may call functions that the grader answers, the stubs. A call
has the name of a function and its arguments, see `gradkit.runtime.stubs`. It is not trusted:
anything but arrays, plain values and containers of these is refused.
"""

from __future__ import annotations

import contextlib
import math
import selectors
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import msgspec
import numpy as np
from msgspec import UNSET, Struct, UnsetType
from numpy.typing import NDArray

from gradkit.runtime.frames import (
    TO_GRADER,
    TO_WORKER,
    Frame,
    FrameError,
    FrameReader,
    encode,
    shown,
)
from gradkit.runtime.messages import (
    UNCONFINED,
    Allowance,
    LossKind,
    Message,
    WorkerLost,
    WorkshopError,
    message,
    running_tasks,
)
from gradkit.text import clean_text

if TYPE_CHECKING:
    from gradkit.sandbox.workshop import Launcher

CALL = "stub-call"
"""Kind of a frame with a call."""

ANSWER = "stub-answer"
"""Kind of a frame with what a call returns."""

REFUSAL = "stub-refusal"
"""Kind of a frame that says that a call is not answered."""

MAX_DEPTH = 8
"""Most levels of containers and caches in an argument."""

Word = Annotated[str, msgspec.Meta(max_length=100)]


class _Origin(Struct, forbid_unknown_fields=True):
    function: Word
    positional: Annotated[list[_Tree], msgspec.Meta(max_length=50)]
    keywords: Annotated[list[tuple[Word, _Tree]], msgspec.Meta(max_length=50)]


class _Tree(Struct, forbid_unknown_fields=True):
    """The description of a value, in one of these forms; ``made`` comes with a form."""

    array: Word | UnsetType = UNSET
    plain: bool | int | Word | UnsetType | None = UNSET
    entries: list[tuple[int | Word, _Tree]] | UnsetType = msgspec.field(name="dict", default=UNSET)
    items: list[_Tree] | UnsetType = msgspec.field(name="list", default=UNSET)
    parts: list[_Tree] | UnsetType = msgspec.field(name="tuple", default=UNSET)
    other: Word | UnsetType = UNSET
    made: Annotated[list[_Origin], msgspec.Meta(max_length=10)] = []


class Other(Struct, frozen=True):
    """An argument that cannot be sent, such as a function or an object; ``kind`` is its type."""

    kind: str


class StubCall(Struct, frozen=True, eq=False):
    """A call of a function. Its arguments are arrays, plain values, containers, `Cached`, `Other`.

    Numbers with a fraction, and those of numpy, are arrays without dimensions.
    """

    function: str
    positional: tuple[Any, ...]
    keywords: Mapping[str, Any]


class Cached(Struct, frozen=True, eq=False):
    """A value, and the calls that returned it, or a part of whose result it was."""

    value: Any
    made: tuple[StubCall, ...]


class ForeignCallError(FrameError):
    """A call is of a function that is no stub of this check."""

    def __init__(self, function: str) -> None:
        super().__init__(f"{shown(function)} is no stub of this check")


Parts = Sequence[Mapping[str, Any]]
"""The values that a call returns: each as ``whole``, or as some ``entries`` of a dict."""

StubAnswer = Callable[[StubCall], Parts | None]
"""Returns what a call returns, or None for a call that is not answered."""


def answer_frame(answer: StubAnswer, frame: Frame) -> Frame:
    """Return the frame that answers a call of a stub.

    ``frame`` has the call, and ``answer`` returns the values that the call returns. If that is
    None, the frame is a refusal.

    Raises
    ------
    FrameError
        The frame is no call, see `read_call`, or ``answer`` raises `ForeignCallError`.
    """
    from gradkit.lines import packed

    parts = answer(read_call(frame))
    if parts is None:
        return Frame(REFUSAL)
    tree, arrays = packed({"parts": list(parts)})
    return Frame(ANSWER, arrays, dict(tree["dict"]))


def read_call(frame: Frame) -> StubCall:
    """Return the call in a frame.

    Raises
    ------
    FrameError
        The frame is no call, or one of its arguments is described in no valid form.
    """
    try:
        origin = msgspec.convert(frame.data, _Origin)
    except msgspec.ValidationError as error:
        raise FrameError(f"a call cannot be read: {shown(str(error), 100)}") from None
    return _call(origin, frame.arrays, MAX_DEPTH)


def _call(origin: _Origin, arrays: Mapping[str, NDArray[Any]], depth: int) -> StubCall:
    """Return the call that parsed data describe, with its arguments.

    ``origin`` has the function and the descriptions of the arguments, ``arrays`` are the arrays of
    the frame by name, and ``depth`` is the number of levels that an argument may have.

    Raises
    ------
    FrameError
        A keyword occurs twice, or an argument cannot be read.
    """
    keywords = {name: _value(tree, arrays, depth) for name, tree in origin.keywords}
    if len(keywords) < len(origin.keywords):
        raise FrameError("a call has a keyword twice")
    positional = tuple(_value(tree, arrays, depth) for tree in origin.positional)
    return StubCall(origin.function, positional, keywords)


def _value(tree: _Tree, arrays: Mapping[str, NDArray[Any]], depth: int) -> Any:
    """Return the value that a tree describes, as a `Cached` if it has recorded calls.

    ``arrays`` are the arrays of the frame by name, and ``depth`` the number of levels that the
    value may have.

    Raises
    ------
    FrameError
        The tree is nested too deeply, has not exactly one form, or names a missing array.
    """
    if not depth:
        raise FrameError(f"an argument is nested more than {MAX_DEPTH} deep")
    forms = (tree.array, tree.plain, tree.entries, tree.items, tree.parts, tree.other)
    if sum(form is not UNSET for form in forms) != 1:
        raise FrameError("an argument is described in two forms, or in none")
    value: Any = None
    if tree.array is not UNSET:
        if tree.array not in arrays:
            raise FrameError(f"an argument is an array that is missing: {shown(tree.array)}")
        value = arrays[tree.array]
        value = value if value.ndim else np.array(value)[()]
    elif tree.plain is not UNSET:
        value = tree.plain
    elif tree.entries is not UNSET:
        value = {key: _value(item, arrays, depth - 1) for key, item in tree.entries}
    elif tree.items is not UNSET:
        value = [_value(item, arrays, depth - 1) for item in tree.items]
    elif tree.parts is not UNSET:
        value = tuple(_value(item, arrays, depth - 1) for item in tree.parts)
    elif tree.other is not UNSET:
        value = Other(tree.other)
    if not tree.made:
        return value
    return Cached(value, tuple(_call(origin, arrays, depth - 1) for origin in tree.made))


Answer = Callable[[Frame], Frame]
"""Returns the answer to a call of a stub."""

_POLL_SECONDS = 0.05
"""Seconds between checks whether the process has ended."""
_START_SECONDS = 60.0
"""Most seconds for a new process to answer its first request."""
_GRACE_SECONDS = 0.1
"""Most seconds for a process that has closed its channel to end, so that its exit code is known."""
_CHUNK_BYTES = 1 << 16
"""Bytes of printed output that are read at once."""
_SOCKET_BYTES = 1 << 20
"""More bytes than the buffer of a socket holds."""


class Worker:
    """A process that answers requests about one submission, for use by one thread.

    Workers are made by `Workshop.worker`.

    Attributes
    ----------
    output : str
        The text that was printed on both standard streams during the last request, without
        control characters. If it was longer than the allowance, it is cut, and its last line
        says so.
    tier : int
        Tier of isolation that the process reached before any student code ran.
    cpu_seconds : float or None
        Processor time that the process has used. For an ended process, the last known value. None
        if the system does not tell.
    """

    def __init__(
        self, launcher: Launcher, allowance: Allowance, deadline: float, seed: int
    ) -> None:
        """Start a process by ``launcher``, and wait until it has applied its limits.

        ``allowance`` are the limits. The ``deadline``, in seconds, begins when the process is
        ready. ``seed`` seeds its random generators.
        """
        self.tier = 0
        self._code: int | None = None
        self._cpu_seconds: float | None = None
        self._launcher = launcher
        self._cap = allowance.output
        self._printed = bytearray()
        self._dropped = 0
        self._lost: WorkerLost | None = None
        self._link = launcher.start()
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
        """Return the printed text of the last request, see `Worker`."""
        text = clean_text(self._printed.decode(errors="replace"), self._cap)
        if self._dropped:
            text += f"\n… {self._dropped} more bytes were printed and dropped"
        return text

    @property
    def used_share(self) -> float:
        """Return the share of the deadline that has passed since the process was ready."""
        return 1 - (self._end - time.monotonic()) / self._deadline

    @property
    def cpu_seconds(self) -> float | None:
        """Return the processor time of the process, see `Worker`."""
        used = self._launcher.cpu_seconds()
        self._cpu_seconds = self._cpu_seconds if used is None else used
        return self._cpu_seconds

    @property
    def last_cpu_seconds(self) -> float | None:
        """Return the processor time at the last reading, and read it if there was none.

        What the process uses between two requests counts for the second one.
        """
        return self.cpu_seconds if self._cpu_seconds is None else self._cpu_seconds

    def ask(
        self,
        frame: Frame,
        seconds: float,
        answer: Answer | None = None,
        *,
        cpu_seconds: float = math.inf,
    ) -> Frame:
        """Send a request, and wait for its reply.

        Parameters
        ----------
        frame : Frame
            The request.
        seconds : float
            Most seconds of wall time. If the worker's own deadline is earlier, that applies.
        answer : callable, optional
            Answers the calls of stubs that the process sends before its reply. It raises
            FrameError for a call that cannot be read. Its time does not count. Without it, a
            process that sends a call is lost.
        cpu_seconds : float
            Most seconds of processor time of the process since it was last read, if the system
            tells that time.

        Returns
        -------
        Frame
            The reply; a frame of kind ``error`` with a ``text`` if the handler itself failed.

        Raises
        ------
        WorkerLost
            The process has ended, or had to be killed. The worker can only be closed then; every
            later request raises the same exception.
        FrameError
            The request is too large.
        """
        if self._lost is not None:
            raise self._lost
        return self._exchange(encode(frame, TO_WORKER), seconds, answer, cpu_seconds)

    def close(self) -> None:
        """Kill the process and all its descendants, and close the descriptors."""
        try:
            self._stop()
        finally:
            self._selector.close()
            self._link.channel.close()
            self._link.output.close()

    def _open(self, allowance: Allowance, cpu_seconds: int, seed: int) -> None:
        """Send the first request, with limits and seed, and store the tier of the reply.

        ``cpu_seconds`` is the processor time that the process may use. If there is no reply, the
        worker is closed, and WorkshopError says why.
        """
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
            printed = self.output.strip() or self._launcher.complaint()
            self.close()
            if self._code == UNCONFINED:
                raise WorkshopError(f"no submission is run: {printed}") from None
            raise WorkshopError(
                f"the process that was to run a submission {lost.detail} before it began; "
                f"it said: {printed}"
            ) from None
        except BaseException:
            self.close()
            raise
        self.tier = int(reply.data["tier"])

    def _exchange(
        self,
        request: bytes,
        seconds: float,
        answer: Answer | None = None,
        cpu_seconds: float = math.inf,
    ) -> Frame:
        """Send an encoded request, and return the reply; WorkerLost if none comes in time.

        ``seconds`` limits the wall time and ``cpu_seconds`` the processor time. Printed output is
        collected meanwhile, and calls of stubs are answered by ``answer``; without it, such a call
        loses the worker.
        """
        self._printed.clear()
        self._dropped = 0
        until = min(time.monotonic() + seconds, self._end)
        limited = cpu_seconds < math.inf
        cpu_end = (self.last_cpu_seconds or 0) + cpu_seconds if limited else math.inf
        unsent = memoryview(request)
        reader = FrameReader(TO_GRADER)
        if self._has_unexpected_data():
            self._raise_loss("protocol", message("unasked"))
        ended = waited = False
        try:
            while True:
                unsent = self._send(unsent)
                # `_wait` checks the process before this reads again, so all that the process sent
                # before its end is read.
                reply, open_end = self._receive(reader)
                if reply is not None and answer is not None and reply.kind == CALL:
                    if unsent:
                        raise FrameError("a call came before the request was read")
                    began = time.monotonic()
                    unsent = memoryview(encode(answer(reply), TO_WORKER))
                    reader = FrameReader(TO_GRADER)
                    taken = time.monotonic() - began
                    until, self._end = until + taken, self._end + taken
                    continue
                if reply is not None:
                    self._drain(_SOCKET_BYTES)
                    return reply
                if ended or not open_end:
                    self._lose_ended_process()
                if time.monotonic() >= until:
                    over = until == self._end
                    code, allowed = ("deadline", self._deadline) if over else ("overdue", seconds)
                    self._raise_loss("timeout", message(code, seconds=f"{round(allowed, 1):g}"))
                # Most replies come at the first wait, and reading the time takes long.
                if limited and waited and (self.cpu_seconds or 0) >= cpu_end:
                    self._raise_loss("timeout", message("cpu-time"))
                ended, waited = self._wait(until, bool(unsent)), True
        except FrameError as error:
            self._raise_loss("protocol", message("invalid", reason=clean_text(str(error), 500)))

    def _wait(self, until: float, sending: bool) -> bool:
        """Wait until data arrive, can be sent, or `_POLL_SECONDS` are over; read printed output.

        Return whether the process has ended and has sent no more data. ``until`` is the latest
        time, and ``sending`` says whether there are data to send.
        """
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if sending else 0)
        self._selector.modify(self._link.channel, events)
        timeout = min(until - time.monotonic(), _POLL_SECONDS)
        ready = [key.fileobj for key, _ in self._selector.select(max(timeout, 0))]
        if self._link.output in ready:
            self._drain(_CHUNK_BYTES)
        # Data in the channel are read first, even if the process has ended.
        return self._link.channel not in ready and self._launcher.ended()

    def _send(self, unsent: memoryview) -> memoryview:
        """Send as many bytes as possible without waiting, and return the rest."""
        try:
            return unsent[self._link.channel.send(unsent) :] if unsent else unsent
        except BlockingIOError:
            return unsent
        except OSError:
            # The other end is closed, which `_receive` will report.
            return unsent[:0]

    def _receive(self, reader: FrameReader) -> tuple[Frame | None, bool]:
        """Read the bytes that have arrived into a reader.

        Returns
        -------
        tuple of (Frame or None, bool)
            The frame if it is complete, and whether the channel is open.
        """
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

    def _has_unexpected_data(self) -> bool:
        """Return whether the process has sent a byte before a request, and read that byte."""
        with contextlib.suppress(OSError):
            return bool(self._link.channel.recv(1))
        return False

    def _drain(self, most: int) -> None:
        """Read about ``most`` bytes of printed output, without waiting for more.

        Bytes beyond the allowance are counted and dropped.
        """
        with contextlib.suppress(OSError):
            while most > 0 and (data := self._link.output.recv(_CHUNK_BYTES)):
                most -= len(data)
                kept = data[: max(self._cap - len(self._printed), 0)]
                self._printed += kept
                self._dropped += len(data) - len(kept)

    def _lose_ended_process(self) -> NoReturn:
        """Wait for the end of a process that has closed its channel, and raise WorkerLost.

        Its exit code gives the kind of loss. If it does not end in `_GRACE_SECONDS`, it is killed.
        """
        patience = time.monotonic() + _GRACE_SECONDS
        while not (ended := self._launcher.ended()) and time.monotonic() < patience:
            time.sleep(0.001)
        if not ended:
            self._raise_loss("protocol", message("closed"))
        self._drain(self._cap)
        self._stop()
        self._raise_loss(*_loss_from_exit_code(self._code))

    def _raise_loss(self, kind: LossKind, reason: Message) -> NoReturn:
        """Kill the process, and raise WorkerLost, which later requests raise again."""
        self._stop()
        self._lost = WorkerLost(kind, reason)
        raise self._lost

    def _stop(self) -> None:
        self._cpu_seconds = self.cpu_seconds
        code = self._launcher.stop()
        self._code = self._code if code is None else code


def _loss_from_exit_code(code: int | None) -> tuple[LossKind, Message]:
    """Return the kind of loss, such as crash or memory, and a message for a process's exit code.

    The code is minus the number of the signal that ended the process. It is None if the fork
    server, the parent of the process, has ended too.
    """
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
