"""Start processes for a class: workers that grade, and helpers for any other work.

There is a worker for each core, and a slow worker for overdue submissions. A worker is a trusted
parent with its own sandboxed workers: it knows the answers and runs no student code. Workers and
helpers end when the process that started them ends.
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
"""Items per process that are sent before the result of the first is returned."""

GRACE = 5.0
"""Seconds that processes have to end by themselves before they are killed."""


class Helpers(contextlib.AbstractContextManager["Helpers"]):
    """A number of processes that call functions of importable modules.

    Parameters
    ----------
    count : int
        Number of processes.
    """

    def __init__(self, count: int) -> None:
        """Start ``count`` helper processes."""
        self._started: list[Started] = []
        self._idle: SimpleQueue[Connection] = SimpleQueue()
        try:
            for _ in range(count):
                self._started.append(start(_serve, stdin=PIPE))
                self._idle.put(self._started[-1].connection)
        except BaseException:  # after an interrupt, no caller could close these processes
            self.close()
            raise

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield a function's value for each item, in the order of the items.

        Only a few items are taken ahead, so that memory does not grow with their number.
        Exceptions of the function are raised here.

        Raises
        ------
        BreakdownError
            A process was lost.
        """
        threads = ThreadPoolExecutor(len(self._started))
        ahead: deque[Future[R]] = deque()
        try:
            for item in items:
                ahead.append(threads.submit(self._call, function, item))
                if len(ahead) == AHEAD * len(self._started):
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    def _call(self, function: Callable[[T], R], item: T) -> R:
        """Call the function with an item in an idle process, and return the value.

        An exception of the function is raised here.

        Raises
        ------
        BreakdownError
            The process was lost.
        """
        connection = self._idle.get()
        try:
            connection.send((function, item))
            error, value = connection.recv()
        except (EOFError, OSError):
            raise BreakdownError(
                "One of gradkit's own processes crashed; perhaps the machine ran out of "
                "memory. Results so far are saved: run the same command again."
            ) from None
        self._idle.put(connection)
        if error is not None:
            raise error
        made: R = value
        return made

    def close(self) -> None:
        """Let the processes finish their present item and end; kill them after `GRACE`."""
        for started in self._started:
            started.connection.close()
        for started in self._started:
            with started.process as process:
                with contextlib.suppress(TimeoutExpired):
                    process.wait(GRACE)
                process.kill()

    def __exit__(self, *exception: object) -> None:
        self.close()


def map_chunks(
    function: Callable[[T], R], items: Iterable[T], *, size: int, workers: int
) -> Iterator[R]:
    """Yield a function's value for each item, in the order of the items, from several processes.

    Parameters
    ----------
    function : callable
        Function of an importable module.
    items : iterable
    size : int
        Items that are sent to a process at a time.
    workers : int
        Number of processes. With one, the function is called in this process.
    """
    rest = iter(items)
    chunks = iter(lambda: list(islice(rest, size)), [])
    if workers == 1:
        yield from map(function, items)
        return
    with Helpers(workers) as helpers:
        yield from chain.from_iterable(helpers.map(partial(_map_list, function), chunks))


def _map_list(function: Callable[[T], R], items: list[T]) -> list[R]:
    """Return a function's values for a list of items."""
    return list(map(function, items))


def cores() -> int:
    """Count the processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _serve(connection: Connection) -> None:
    """Call functions for the parent until it closes the connection."""
    # The parent handles an interrupt, and then closes the connection.
    ignore_interrupts()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, item = connection.recv()
            connection.send(_try_call(function, item))


def _try_call(function: Callable[[Any], object], item: object) -> tuple[Exception | None, object]:
    """Call a function, and return the exception that it raised, or None and the value."""
    try:
        return None, function(item)
    except Exception as error:  # raised again in the parent, which can handle it
        return error, None


def _end_with_parent() -> None:
    """End this process as soon as its parent has ended, even while a function is running.

    The parent holds the other end of standard input, which closes however the parent ends.
    """
    with contextlib.suppress(OSError):
        os.read(0, 1)
    os._exit(1)


class Grader:
    """Grades orders one by one; hurried orders in a session with a time budget."""

    def __init__(self, hurried: Session, patient: Session) -> None:
        self._sessions = {True: hurried, False: patient}

    def grade(self, order: Order) -> Reply:
        """Grade an order and return a reply, even if gradkit itself fails on it.

        The reply has no result if a hurried order is overdue. A submission that cannot be graded
        gets a refused result, and one on which gradkit fails a failed result.
        """
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
        except Exception as error:  # a bug of gradkit must not end the grading of the others
            contain(error, f"over {parcel.name}")
            return Reply(failed(order, failed_sentence(error)))
        taken = time.monotonic() - started
        packed = {"result": result, "evidence": evidence, "seconds": taken}
        filed = filed_of(parcel, order.key, graded.result, **packed)
        return Reply(filed, _timed_out(graded.result))


def _timed_out(result: Result) -> bool:
    """Return True if a check timed out, or a finding has no trace, perhaps for lack of time."""
    return any(
        any(check.state == "timeout" for check in task.checks)
        or any(finding.untraced for finding in task.findings)
        for task in result.tasks
    )


@contextlib.contextmanager
def grader(settings: Settings) -> Iterator[Grader]:
    """Open a grader with its own sandboxed workers.

    Raises
    ------
    GradingError
        The assignment or the model solutions cannot be used.
    """
    # The arrays are too small for threads, and there is a worker for each core already.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with (
        Workshop(require_tier=settings.require_tier) as workshop,
        Session(settings, workshop) as patient,
        Session(settings, workshop, TimeBudget()) as hurried,
    ):
        yield Grader(hurried, patient)


def main(orders: Connection, settings: Settings, niceness: int) -> None:
    """Grade orders from a connection, and send the replies, until it is closed.

    The process's priority is lowered by ``niceness``.
    """
    # The sender handles an interrupt, and then closes the connection.
    ignore_interrupts()
    signal.signal(signal.SIGTERM, _leave)
    if hasattr(signal, "SIGHUP"):
        # The sender also handles the closing of the terminal.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
    decoder = msgspec.msgpack.Decoder(Order)
    with grader(settings) as opened, contextlib.suppress(EOFError, OSError):
        # Objects loaded by now are kept for good, so the collector need not visit them again.
        gc.collect()
        gc.freeze()
        while True:
            order = decoder.decode(orders.recv_bytes())
            orders.send_bytes(msgspec.msgpack.encode(opened.grade(order)))


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """Handle SIGTERM: exit so that workers are stopped and folders removed; ignore repeats."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + number)


SLOW_NICENESS = 19
"""Niceness of the slow worker: its endless loops leave the cores to other workers."""

PATIENCE = 600.0
"""Seconds after which a worker that does not answer is replaced. Deadlines end long before."""

ENDLESS = (
    "gradkit's own process did not finish with this submission within {patience:g} seconds. "
    "Please report this. Grade the submission yourself, or run the same command again to "
    "retry."
)


class WorkerPool(contextlib.AbstractContextManager["WorkerPool"], Protocol):
    """Workers that take orders and return replies, on this machine or on others."""

    def capacity(self, *, slow: bool) -> int:
        """Count the orders that the pool can take now; with ``slow``, those for slow workers."""

    def put(self, orders: Sequence[Order], *, slow: bool) -> None:
        """Send orders to the workers, at most as many as `capacity`."""

    def take(self, seconds: float) -> list[tuple[Order, Reply | None]]:
        """Return the replies that come within the time; None for orders whose worker was lost."""

    def close(self) -> None:
        """Cancel the orders that are not finished, and end the workers."""

    def __exit__(self, *exception: object) -> None:
        self.close()


def failed(order: Order, told: str, standing: Standing = "failed") -> Filed:
    """Return the result of an order that could not be graded, with the reason ``told``."""
    parcel = order.parcel
    return Filed(parcel.name, parcel.path, parcel.digest, order.key, standing, told)


class _Worker(Struct):
    """A worker process, the order that it is grading, and since when in monotonic seconds."""

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
        Number of submissions graded in parallel, besides one that is overdue. The processes
        are started with the first orders: without orders, none is started.
    """

    def __init__(self, settings: Settings, workers: int) -> None:
        """Store the settings and the largest number of workers; `put` starts the workers."""
        self._settings = settings
        self._max_workers = workers
        self._decoder = msgspec.msgpack.Decoder(Reply)
        self._workers: list[_Worker] = []

    def capacity(self, *, slow: bool) -> int:
        """See `WorkerPool`."""
        busy = [w for w in self._workers if w.slow == slow and w.order is not None]
        return (1 if slow else self._max_workers) - len(busy)

    def put(self, orders: Sequence[Order], *, slow: bool) -> None:
        """Send orders to idle workers of the kind ``slow``; start a worker if none is idle.

        Slow workers grade orders again that were overdue, with the full deadline.
        """
        for order in orders:
            idle = (w for w in self._workers if w.slow == slow and w.order is None)
            worker = next(idle, None)
            if worker is None:
                worker = _Worker(slow, *self._start(slow=slow))
                self._workers.append(worker)
            worker.order, worker.since = order, time.monotonic()
            # If the worker has ended, `take` notices it when the answer is read.
            with contextlib.suppress(OSError):
                worker.connection.send_bytes(msgspec.msgpack.encode(order))

    def take(self, seconds: float) -> list[tuple[Order, Reply | None]]:
        """Wait up to ``seconds``; return finished orders with replies, None for a lost worker.

        A worker that has been busy for more than `PATIENCE` seconds is replaced, and the reply says
        that grading failed. A lost worker is replaced too.
        """
        busy = [(worker, worker.order) for worker in self._workers if worker.order is not None]
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
        """Read a worker's reply; if the worker was lost, replace it and return None."""
        try:
            return self._decoder.decode(worker.connection.recv_bytes())
        except (EOFError, OSError):
            self._replace(worker)
            return None

    def _start(self, *, slow: bool) -> tuple[Popen[bytes], Connection]:
        """Start a process of a worker, and return it with the connection to it."""
        started = start(main, self._settings, SLOW_NICENESS if slow else 0)
        return started.process, started.connection

    def _replace(self, worker: _Worker) -> None:
        """End a worker's process and start another one in its place."""
        worker.connection.close()
        _end(worker.process)
        worker.process, worker.connection = self._start(slow=worker.slow)

    def close(self) -> None:
        """End all worker processes; wait for idle ones up to `GRACE` seconds first."""
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
    """Terminate a worker, and kill it after `GRACE`.

    After the signal, the worker stops its own workers and removes their folders.
    """
    process.terminate()
    _wait(process, time.monotonic() + GRACE)
    process.kill()
    process.wait()


def _wait(process: Popen[bytes], until: float) -> None:
    """Wait for a process to end, at most until a time of the monotonic clock."""
    with contextlib.suppress(TimeoutExpired):
        process.wait(max(0.0, until - time.monotonic()))
