"""Processes of a class: workers that grade, and helpers that share any other piece of work.

There is a worker for each core, and a slow one for what holds up the others. A worker is a
trusted parent with workers of its own: it holds the answers and runs no student's code. It ends
when whoever sends it orders is gone, and a helper with the process that it helps.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain, islice
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from subprocess import PIPE, Popen, TimeoutExpired
from types import FrameType
from typing import Any, NoReturn, Protocol, TypeVar

import msgspec
from msgspec import Struct

from gradkit.classroom.store.results import filed_of, pack
from gradkit.errors import contain, failed_sentence
from gradkit.grading.session import Session
from gradkit.grading.settings import BreakdownError, GradingError, Settings, TimeBudget
from gradkit.processes import Started, ignore_interrupts, start
from gradkit.records.classroom import Filed, Order, Reply, Standing
from gradkit.records.result import Result
from gradkit.sandbox import Workshop
from gradkit.sandbox.process import OverdueError
from gradkit.submission.read import SubmissionError, parse

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 2
"""Items for each process that are taken before the first of them is given back."""

GRACE = 5.0
"""Seconds that processes are given to end of their own accord."""


class Helpers(contextlib.AbstractContextManager["Helpers"]):
    """So many processes; what they are given to do lies in modules that they can import.

    Parameters
    ----------
    count : int
    """

    def __init__(self, count: int) -> None:
        self._started: list[Started] = []
        self._idle: SimpleQueue[Connection] = SimpleQueue()
        try:
            for _ in range(count):
                self._started.append(start(_serve, stdin=PIPE))
                self._idle.put(self._started[-1].connection)
        except BaseException:  # an interrupt: nobody has these processes yet, to close them
            self.close()
            raise

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Give what a function makes of each item, in the order of the items.

        A few are taken at a time: memory does not grow with their number.

        Raises
        ------
        BreakdownError
            A process was lost. What the function raises is raised here.
        """
        threads = ThreadPoolExecutor(len(self._started))
        ahead: deque[Future[R]] = deque()
        try:
            for item in items:
                ahead.append(threads.submit(self._ask, function, item))
                if len(ahead) == AHEAD * len(self._started):
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, function: Callable[[T], R], item: T) -> R:
        """Have a process that is idle call the function."""
        connection = self._idle.get()
        try:
            connection.send((function, item))
            error, value = connection.recv()
        except (EOFError, OSError):
            raise BreakdownError(
                "A process of gradkit's own was lost; perhaps the machine had no memory left. "
                "Nothing was given up: start the same command again."
            ) from None
        self._idle.put(connection)
        if error is not None:
            raise error
        made: R = value
        return made

    def close(self) -> None:
        """Let each finish what it has in hand, and end."""
        for each in self._started:
            each.connection.close()
        for each in self._started:
            with each.process as process:
                with contextlib.suppress(TimeoutExpired):
                    process.wait(GRACE)
                process.kill()

    def __exit__(self, *exception: object) -> None:
        self.close()


def map_chunks(
    function: Callable[[T], R], items: Iterable[T], *, size: int, workers: int
) -> Iterator[R]:
    """Give what a function makes of each item, in the order of the items.

    Parameters
    ----------
    function : callable
        Of a module that can be imported.
    items : iterable
    size : int
        Items that go to a process at a time.
    workers : int
        Processes; where there is one, it is this one.
    """
    rest = iter(items)
    chunks = iter(lambda: list(islice(rest, size)), [])
    if workers == 1:
        yield from map(function, items)
        return
    with Helpers(workers) as helpers:
        yield from chain.from_iterable(helpers.map(partial(_each, function), chunks))


def _each(function: Callable[[T], R], items: list[T]) -> list[R]:
    return list(map(function, items))


def cores() -> int:
    """Count the processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _serve(connection: Connection) -> None:
    """Do what is asked for until nobody asks any more."""
    # An interrupt is the other process' business, which then wants no more of this one.
    ignore_interrupts()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, item = connection.recv()
            connection.send(_tried(function, item))


def _tried(function: Callable[[Any], object], item: object) -> tuple[Exception | None, object]:
    try:
        return None, function(item)
    except Exception as error:  # for whoever asked, who knows what it means
        return error, None


def _end_with_parent() -> None:
    """End as soon as the parent has ended, however it did, in the middle of work too."""
    with contextlib.suppress(OSError):
        os.read(0, 1)
    os._exit(1)


class Grader:
    """Grades orders one after another, hurried ones in a session that keeps the pace."""

    def __init__(self, hurried: Session, patient: Session) -> None:
        self._sessions = {True: hurried, False: patient}

    def grade(self, order: Order) -> Reply:
        """Grade one order; whatever goes wrong in this process, there is a reply."""
        parcel, started = order.parcel, time.monotonic()
        try:
            graded = self._sessions[order.hurried].grade(parse(parcel), order.seed, order.tasks)
            result, evidence = pack(graded.result), pack(graded.evidence)
        except OverdueError:
            return Reply(None)
        except BreakdownError as error:
            return Reply(failed(order, str(error)))
        except (GradingError, SubmissionError) as error:
            return Reply(failed(order, str(error), "refused"))
        except Exception as error:  # a fault of ours must cost one submission, never the class
            contain(error, f"over {parcel.name}")
            return Reply(failed(order, failed_sentence(error)))
        taken = time.monotonic() - started
        packed = {"result": result, "evidence": evidence, "seconds": taken}
        filed = filed_of(parcel, order.key, graded.result, **packed)
        return Reply(filed, _timed_out(graded.result))


def _timed_out(result: Result) -> bool:
    """True where a check ran out of time, or a trace may have."""
    return any(
        any(check.state == "timeout" for check in task.checks)
        or any(finding.untraced for finding in task.findings)
        for task in result.tasks
    )


@contextlib.contextmanager
def grader(settings: Settings) -> Iterator[Grader]:
    """A grader with workers of its own.

    Raises
    ------
    GradingError
        The assignment or the reference cannot be used.
    """
    # No array here is large enough for threads; there is a worker for each core already.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with (
        Workshop(require_tier=settings.require_tier) as workshop,
        Session(settings, workshop) as patient,
        Session(settings, workshop, TimeBudget()) as hurried,
    ):
        yield Grader(hurried, patient)


def main(orders: Connection, settings: Settings, niceness: int) -> None:
    """Serve orders until there is nobody left to send them."""
    # An interrupt is the sender's business, who then closes the connection.
    ignore_interrupts()
    signal.signal(signal.SIGTERM, _leave)
    if hasattr(signal, "SIGHUP"):
        # Nor is a terminal that is closed any but the sender's.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
    decoder = msgspec.msgpack.Decoder(Order)
    with grader(settings) as able, contextlib.suppress(EOFError, OSError):
        # What is loaded by now stays: the collector need not go through it again and again.
        gc.collect()
        gc.freeze()
        while True:
            order = decoder.decode(orders.recv_bytes())
            orders.send_bytes(msgspec.msgpack.encode(able.grade(order)))


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """End in good order: workers stopped, folders removed. Being told again changes nothing."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + number)


SLOW_NICENESS = 19
"""Niceness of the slow worker: its endless loops leave the cores to the others."""

PATIENCE = 600.0
"""Seconds after which a worker that has not answered is given up. Deadlines end long before."""

ENDLESS = (
    "gradkit's own process did not come to an end with this submission within {patience:g} "
    "seconds. Please report this; look at it yourself, and start the same command to have it "
    "tried again."
)


class WorkerPool(contextlib.AbstractContextManager["WorkerPool"], Protocol):
    """Takes orders and gives replies, on this machine or elsewhere."""

    def capacity(self, *, slow: bool) -> int:
        """Count the orders that it takes now; ``slow``: of those that must not hold up others."""

    def put(self, orders: Sequence[Order], *, slow: bool) -> None:
        """Hand over orders, no more than there is room for."""

    def take(self, seconds: float) -> list[tuple[Order, Reply | None]]:
        """Return what has come back within that time; no reply where the worker was lost."""

    def close(self) -> None:
        """Drop what is in hand, and end."""

    def __exit__(self, *exception: object) -> None:
        self.close()


def failed(order: Order, told: str, standing: Standing = "failed") -> Filed:
    """Return the result of an order that could not be carried out, and why."""
    parcel = order.parcel
    return Filed(parcel.name, parcel.path, parcel.digest, order.key, standing, told)


class _Worker(Struct):
    slow: bool
    process: Popen[bytes]
    connection: Connection
    order: Order | None = None
    since: float = 0.0


class LocalPool(WorkerPool):
    """A pool of processes on this machine.

    Parameters
    ----------
    settings : Settings
    workers : int
        How many submissions are graded at a time, besides one that is overdue. They start
        with the first orders: where there are none, nothing starts.
    """

    def __init__(self, settings: Settings, workers: int) -> None:
        self._settings = settings
        self._most = workers
        self._decoder = msgspec.msgpack.Decoder(Reply)
        self._workers: list[_Worker] = []

    def capacity(self, *, slow: bool) -> int:
        """See `WorkerPool`."""
        busy = [each for each in self._workers if each.slow == slow and each.order is not None]
        return (1 if slow else self._most) - len(busy)

    def put(self, orders: Sequence[Order], *, slow: bool) -> None:
        """See `WorkerPool`."""
        for order in orders:
            idle = (each for each in self._workers if each.slow == slow and each.order is None)
            worker = next(idle, None)
            if worker is None:
                worker = _Worker(slow, *self._start(slow=slow))
                self._workers.append(worker)
            worker.order, worker.since = order, time.monotonic()
            # A worker that is gone is noticed when there is no answer.
            with contextlib.suppress(OSError):
                worker.connection.send_bytes(msgspec.msgpack.encode(order))

    def take(self, seconds: float) -> list[tuple[Order, Reply | None]]:
        """See `WorkerPool`."""
        busy = [(each, each.order) for each in self._workers if each.order is not None]
        ready = wait([worker.connection for worker, _ in busy], seconds)
        taken: list[tuple[Order, Reply | None]] = []
        for worker, order in busy:
            if worker.connection in ready:
                reply = self._answer(worker)
            elif time.monotonic() - worker.since > PATIENCE:
                reply = Reply(failed(order, ENDLESS.format(patience=PATIENCE)))
                self._replace(worker)
            else:
                continue
            worker.order = None
            taken.append((order, reply))
        return taken

    def _answer(self, worker: _Worker) -> Reply | None:
        try:
            return self._decoder.decode(worker.connection.recv_bytes())
        except (EOFError, OSError):
            self._replace(worker)
            return None

    def _start(self, *, slow: bool) -> tuple[Popen[bytes], Connection]:
        started = start(main, self._settings, SLOW_NICENESS if slow else 0)
        return started.process, started.connection

    def _replace(self, worker: _Worker) -> None:
        """Put a new process in the place of one that is lost."""
        worker.connection.close()
        _end(worker.process)
        worker.process, worker.connection = self._start(slow=worker.slow)

    def close(self) -> None:
        """See `WorkerPool`."""
        for worker in self._workers:
            worker.connection.close()
        until = time.monotonic() + GRACE
        for worker in self._workers:
            if worker.order is None:
                _wait(worker.process, until)
            worker.process.terminate()
        for worker in self._workers:
            _end(worker.process)


def _end(process: Popen[bytes]) -> None:
    """Have a worker end in good order, its workers stopped and folders removed, or else end it."""
    process.terminate()
    _wait(process, time.monotonic() + GRACE)
    process.kill()
    process.wait()


def _wait(process: Popen[bytes], until: float) -> None:
    with contextlib.suppress(TimeoutExpired):
        process.wait(max(0.0, until - time.monotonic()))
