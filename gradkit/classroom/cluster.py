"""Grade on other machines: each Dask worker is a trusted parent with its own sandboxed workers.

Submissions, the assignment and the model solutions are sent as bytes: a Dask worker needs an
installed gradkit, and none of the instructor's files. If a Dask worker is lost, Dask gives its
chunk to another worker. If a chunk ends several workers, it is returned ungraded.

A scheduler executes whatever is sent to its port: keep it on a private interface, with TLS.
"""

from __future__ import annotations

import atexit
import contextlib
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

import gradkit
from gradkit.classroom.worker_pool import Grader, WorkerPool, grader
from gradkit.errors import GradkitError
from gradkit.grading.settings import GradingError, Settings, assignment_and_reference
from gradkit.records.classroom import Order, Reply
from gradkit.safe_path import leave_working_directory
from gradkit.task.assignment import packed_with, solutions_of

CHUNK = 25
"""Submissions per Dask task: about a second of work, so that Dask's few milliseconds are little."""

AHEAD = 2
"""Chunks per thread of the cluster that are sent before the first chunk is returned."""

CONNECT_SECONDS = 20
"""Seconds to wait for the scheduler, and then for its first worker."""

ALONE_SECONDS = 120
"""Seconds to wait for a cluster that has lost all its workers: Dask's nannies restart them."""


class ClusterError(GradkitError):
    """The scheduler cannot be used; the text says why and what to do."""


class Portable(Struct, frozen=True):
    """Settings for another machine, with the files of the assignment and of the model solutions.

    ``version`` is the sender's version of gradkit, ``assignment`` the name of the assignment's
    file among ``files``.
    """

    version: str
    settings: Settings
    assignment: str
    files: Mapping[str, bytes]
    reference: Mapping[str, bytes]


def portable(settings: Settings) -> Portable:
    """Return the settings together with the contents of the files that they name.

    Raises
    ------
    AssignmentError
        The assignment names a file outside of its folder, which cannot be sent.
    GradingError
        The assignment or the model solutions cannot be used.
    """
    assignment, reference = assignment_and_reference(settings)
    file = Path(assignment.path)
    return Portable(
        gradkit.__version__,
        replace(settings, assignment=None, reference=None, no_reference=reference is None),
        file.name,
        packed_with(file),
        solutions_of(assignment, reference) if reference is not None else {},
    )


class Cluster(WorkerPool):
    """A pool of the workers of a Dask scheduler.

    Parameters
    ----------
    settings : Settings
    address : str
        Address of the scheduler, ``tcp://…`` or ``tls://…``. Certificates are taken from Dask's
        own configuration.

    Raises
    ------
    ClusterError
        Dask is not installed, no scheduler answers at the address, the scheduler has no worker,
        or a worker lacks gradkit.
    GradingError
        The assignment or the model solutions cannot be used.
    """

    def __init__(self, settings: Settings, address: str) -> None:
        """Connect to a Dask scheduler, and prepare the settings and files for its workers.

        Raises
        ------
        ClusterError
            Dask is not installed, nothing answers at the address, there is no worker, or a worker
            lacks gradkit.
        """
        try:
            from distributed import Client
        except ImportError:
            raise ClusterError(
                "--scheduler needs Dask, which is not installed here: pip install "
                "'gradkit[cluster]'"
            ) from None
        self._portable = msgspec.msgpack.encode(portable(settings))
        try:
            self._client: Any = Client(address, timeout=CONNECT_SECONDS)
        except (OSError, ValueError, TimeoutError) as error:
            raise ClusterError(
                f"--scheduler {address}: no Dask scheduler answers there ({error}). Start one "
                "with `dask scheduler`, and workers with `dask worker`."
            ) from None
        except TypeError:
            # Dask raises TypeError if a tls address is used without certificates.
            raise ClusterError(
                f"--scheduler {address}: Dask's configuration names no certificates, which "
                "tls:// needs. Set distributed.comm.tls.ca-file, and cert and key under client."
            ) from None
        try:
            self._client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError:
            self._client.close()
            raise ClusterError(
                f"--scheduler {address}: the scheduler has no worker. Start one with "
                f"`dask worker {address}`."
            ) from None
        found: dict[str, bool] = self._client.run(_has_gradkit())
        if lacking := sorted(worker for worker, able in found.items() if not able):
            self._client.close()
            raise ClusterError(
                f"--scheduler {address}: gradkit {gradkit.__version__} is not installed where the "
                f"worker {lacking[0]} runs. Install it there, as here, and start the worker again."
            )
        self._address = address
        self._alone_since: float | None = None
        self._running: dict[Any, list[Order]] = {}
        self._late: set[Any] = set()

    def capacity(self, *, slow: bool) -> int:
        """Return the number of orders that can be put now without waiting for a free worker.

        ``slow`` orders, which were overdue and are graded again with the full deadline, are counted
        apart.
        """
        if slow:
            return max(0, self._threads() - len(self._late))
        return CHUNK * max(0, AHEAD * self._threads() - len(self._running) + len(self._late))

    def put(self, orders: Sequence[Order], *, slow: bool) -> None:
        """Send orders to the cluster for grading, in chunks of at most `CHUNK` hurried orders.

        Orders that are not hurried are sent singly. ``slow`` gives the orders a lower priority.
        """
        # A small class is divided evenly over the threads. Overdue submissions are sent singly.
        share = -(-len(orders) // self._threads())
        size = min(CHUNK, share) if orders and orders[0].hurried else 1
        for start in range(0, len(orders), size):
            chunk = list(orders[start : start + size])
            future = self._client.submit(
                grade_chunk,
                self._portable,
                [msgspec.msgpack.encode(order) for order in chunk],
                pure=False,
                priority=-1 if slow else 0,
            )
            self._running[future] = chunk
            if slow:
                self._late.add(future)

    def take(self, seconds: float) -> list[tuple[Order, Reply | None]]:
        """Wait up to ``seconds``; return finished orders with replies, None if grading failed.

        The list is empty if no order is finished by then.

        Raises
        ------
        ClusterError
            The cluster has had no worker for `ALONE_SECONDS`.
        GradingError
            A worker has another gradkit version, or cannot use the files or its sandbox.
        """
        from distributed import wait

        if not self._running:
            return []
        self._refuse_to_wait_alone()
        with contextlib.suppress(TimeoutError):
            wait(list(self._running), timeout=seconds, return_when="FIRST_COMPLETED")
        taken: list[tuple[Order, Reply | None]] = []
        for future in [future for future in self._running if future.done()]:
            orders = self._running.pop(future)
            self._late.discard(future)
            taken += zip(orders, self._replies(future, len(orders)), strict=True)
        return taken

    def _refuse_to_wait_alone(self) -> None:
        """Raise ClusterError if the cluster has had no worker for `ALONE_SECONDS`."""
        if self._client.nthreads():
            self._alone_since = None
            return
        if self._alone_since is None:
            self._alone_since = time.monotonic()
        if time.monotonic() - self._alone_since > ALONE_SECONDS:
            raise ClusterError(
                f"--scheduler {self._address}: all workers have ended, and no new one has "
                f"started for {ALONE_SECONDS:.0f} seconds. Results so far are saved. Read the "
                "workers' logs, start workers, and run the same command again."
            )

    def _replies(self, future: Any, count: int) -> list[Reply | None]:
        """Return the replies to a chunk of ``count`` orders, or as many None if grading failed.

        A GradingError of the worker is raised here.
        """
        try:
            packed = future.result()
        except GradingError:
            raise
        except Exception:
            # Whether Dask or gradkit failed on that worker, the orders are sent again.
            return [None] * count
        return [msgspec.msgpack.decode(reply, type=Reply) for reply in packed]

    def _threads(self) -> int:
        """Count the tasks that the cluster runs in parallel, at least one even without workers."""
        threads: dict[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()))

    def close(self) -> None:
        """See `gradkit.classroom.worker_pool.WorkerPool`."""
        self._client.cancel(list(self._running))
        self._client.close()


def _has_gradkit() -> Callable[[], bool]:
    """Return a function that tells whether gradkit is installed where the function runs.

    Dask sends a nested function by value, so that a worker without gradkit can run it.
    """

    def found() -> bool:
        from importlib.util import find_spec

        return find_spec("gradkit") is not None

    return found


_THREAD: Any = threading.local()
"""On a Dask worker: this thread's ``grader``, its ``stack`` of resources, and the ``packed`` bytes
of the `Portable` that it was made from."""


def grade_chunk(packed: bytes, orders: list[bytes]) -> list[bytes]:
    """Grade packed orders on a Dask worker and return packed replies.

    ``packed`` is a packed `Portable`. The grader made from it is kept for later chunks.
    """
    able = _grader(packed)
    return [
        msgspec.msgpack.encode(able.grade(msgspec.msgpack.decode(order, type=Order)))
        for order in orders
    ]


def _grader(packed: bytes) -> Grader:
    """Return this thread's grader for a packed `Portable`, and make it if there is none yet.

    A new grader replaces the thread's earlier one, which is closed. The files are written into a
    temporary folder.

    Raises
    ------
    GradingError
        The worker has another gradkit version, its sandbox is not safe enough, or the files cannot
        be used.
    """
    from distributed import get_worker

    if getattr(_THREAD, "packed", None) == packed:
        found: Grader = _THREAD.grader
        return found
    # Modules must not be imported from the folder in which the worker happened to be started.
    leave_working_directory()
    if hasattr(_THREAD, "stack"):
        _THREAD.stack.close()
    stack = contextlib.ExitStack()
    _THREAD.stack, _THREAD.packed = stack, None
    atexit.register(stack.close)
    sent = msgspec.msgpack.decode(packed, type=Portable)
    if sent.version != gradkit.__version__:
        raise GradingError(
            f"A worker of the cluster has gradkit {gradkit.__version__}, this command has "
            f"{sent.version}. Install the same version on all machines."
        )
    # Dask removes its own folder even if this process is killed.
    beside = get_worker().local_directory
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gradkit-", dir=beside)))
    solutions = folder / "reference" if sent.reference else None
    for base, files in ((folder, sent.files), (folder / "reference", sent.reference)):
        for name, data in files.items():
            (base / name).parent.mkdir(parents=True, exist_ok=True)
            (base / name).write_bytes(data)
    made = replace(sent.settings, assignment=folder / sent.assignment, reference=solutions)
    _refuse_untrusted_sandbox(made)
    _THREAD.grader = stack.enter_context(grader(made))
    _THREAD.packed = packed
    return _THREAD.grader  # type: ignore[no-any-return]


_OBJECTIONS: dict[int, str] = {}
_OBJECTIONS_LOCK = threading.Lock()
"""On a Dask worker: by required tier, the objection to running student code on this machine.

An empty text means that the sandbox has been tested and holds.
"""


def _refuse_untrusted_sandbox(settings: Settings) -> None:
    """Test the sandbox of this machine with a canary, once per tier, before student code is run.

    Raises
    ------
    GradingError
        This machine's tier is too low, or the sandbox does not block what the tier promises.
    """
    # Imported here because only a Dask worker needs it.
    from gradkit.sandbox.doctor import examine, objection

    required = settings.require_tier
    with _OBJECTIONS_LOCK:
        if required and required not in _OBJECTIONS:
            solutions = sorted(settings.reference.glob("*.py")) if settings.reference else []
            _OBJECTIONS[required] = objection(examine(key=next(iter(solutions), None)), required)
    if reason := _OBJECTIONS.get(required):
        raise GradingError(f"On a worker of the cluster, {platform.node()}: {reason}")
