"""A worker pool on other machines: Dask workers, each a trusted parent with workers of its own.

Submissions travel as bytes, in chunks, and so do the assignment and the model solutions: a
Dask worker needs gradkit installed, and nothing else of ours. What a lost worker had in
hand Dask gives to another one; a chunk that costs several workers comes back undone.

A scheduler runs whatever reaches its port: keep it on a private interface, with TLS.
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
"""Submissions in one task: about a second of work, against a few milliseconds of Dask's own."""

AHEAD = 2
"""Chunks for each thread of the cluster that are handed out before the first comes back."""

CONNECT_SECONDS = 20

ALONE_SECONDS = 120
"""How long a cluster that has lost all its workers is waited for: nannies start them again."""


class ClusterError(GradkitError):
    """The scheduler cannot be used; the text says why and what to do."""


class Portable(Struct, frozen=True):
    """Settings for another machine, with the files of the assignment and of the reference.

    ``version`` is the gradkit that sends them, ``assignment`` the one of ``files`` that is it.
    """

    version: str
    settings: Settings
    assignment: str
    files: Mapping[str, bytes]
    reference: Mapping[str, bytes]


def portable(settings: Settings) -> Portable:
    """Settings with the contents of the files that they name.

    Raises
    ------
    AssignmentError
        What the assignment names lies where it cannot be sent from.
    GradingError
        The assignment or the reference cannot be used.
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
        Of the scheduler, ``tcp://…`` or ``tls://…``; certificates are taken from Dask's own
        configuration.

    Raises
    ------
    ClusterError
        Dask is not installed, or nobody answers at the address.
    GradingError
        The assignment or the reference cannot be used.
    """

    def __init__(self, settings: Settings, address: str) -> None:
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
            # Dask's own way to say that a tls address needs certificates.
            raise ClusterError(
                f"--scheduler {address}: Dask's configuration names no certificates, which tls:// "
                "takes. Set distributed.comm.tls.ca-file, and cert and key under client."
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
        """See `gradkit.classroom.worker_pool.WorkerPool`."""
        if slow:
            return max(0, self._threads() - len(self._late))
        return CHUNK * max(0, AHEAD * self._threads() - len(self._running) + len(self._late))

    def put(self, orders: Sequence[Order], *, slow: bool) -> None:
        """See `gradkit.classroom.worker_pool.WorkerPool`."""
        # A small class is shared out evenly; what was overdue goes one by one.
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
        """See `gradkit.classroom.worker_pool.WorkerPool`."""
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
        """Raise ClusterError where no worker has been there for `ALONE_SECONDS`."""
        if self._client.nthreads():
            self._alone_since = None
            return
        if self._alone_since is None:
            self._alone_since = time.monotonic()
        if time.monotonic() - self._alone_since > ALONE_SECONDS:
            raise ClusterError(
                f"--scheduler {self._address}: all workers have ended, and none has come for "
                f"{ALONE_SECONDS:.0f} seconds. What is graded is kept. Their logs say why they "
                "ended: then start others, and give the same command again."
            )

    def _replies(self, future: Any, count: int) -> list[Reply | None]:
        """Return the replies of a chunk; none where it could not be graded at all."""
        try:
            packed = future.result()
        except GradingError:
            raise
        except Exception:
            # Whatever went wrong there, on Dask's side or ours: the orders are given again.
            return [None] * count
        return [msgspec.msgpack.decode(one, type=Reply) for one in packed]

    def _threads(self) -> int:
        """Tasks that the cluster runs at a time; one while it waits for its first worker."""
        threads: dict[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()))

    def close(self) -> None:
        """See `gradkit.classroom.worker_pool.WorkerPool`."""
        self._client.cancel(list(self._running))
        self._client.close()


def _has_gradkit() -> Callable[[], bool]:
    """Return a function that Dask sends by value, since a worker without gradkit has to run it."""

    def found() -> bool:
        from importlib.util import find_spec

        return find_spec("gradkit") is not None

    return found


_HERE: Any = threading.local()
"""On a Dask worker: the grader of this thread, and what it was made for."""


def grade_chunk(packed: bytes, orders: list[bytes]) -> list[bytes]:
    """Grade some orders on a Dask worker. The grader is kept for the chunks that follow."""
    able = _grader(packed)
    return [
        msgspec.msgpack.encode(able.grade(msgspec.msgpack.decode(order, type=Order)))
        for order in orders
    ]


def _grader(packed: bytes) -> Grader:
    from distributed import get_worker

    if getattr(_HERE, "packed", None) == packed:
        found: Grader = _HERE.grader
        return found
    # Where whoever has started the worker happened to be.
    leave_working_directory()
    if hasattr(_HERE, "stack"):
        _HERE.stack.close()
    stack = contextlib.ExitStack()
    _HERE.stack, _HERE.packed = stack, None
    atexit.register(stack.close)
    sent = msgspec.msgpack.decode(packed, type=Portable)
    if sent.version != gradkit.__version__:
        raise GradingError(
            f"A worker of the cluster has gradkit {gradkit.__version__}, this command has "
            f"{sent.version}. Install the same version on all machines."
        )
    # Dask clears its own folder, whatever becomes of this process.
    beside = get_worker().local_directory
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gradkit-", dir=beside)))
    solutions = folder / "reference" if sent.reference else None
    for base, files in ((folder, sent.files), (folder / "reference", sent.reference)):
        for name, data in files.items():
            (base / name).parent.mkdir(parents=True, exist_ok=True)
            (base / name).write_bytes(data)
    made = replace(sent.settings, assignment=folder / sent.assignment, reference=solutions)
    _try_out(made)
    _HERE.grader = stack.enter_context(grader(made))
    _HERE.packed = packed
    return _HERE.grader  # type: ignore[no-any-return]


_TRIED: dict[int, str] = {}
_TRYING = threading.Lock()
"""On a Dask worker: by required tier, what speaks against running student code on this machine."""


def _try_out(settings: Settings) -> None:
    """Have a canary try out the isolation here, once, before anybody's code is run.

    Raises
    ------
    GradingError
        The tier is too low, or what it promises does not hold.
    """
    # Late: only a worker needs it.
    from gradkit.sandbox.doctor import examine, objection

    required = settings.require_tier
    with _TRYING:
        if required and required not in _TRIED:
            solutions = sorted(settings.reference.glob("*.py")) if settings.reference else []
            _TRIED[required] = objection(examine(key=next(iter(solutions), None)), required)
    if said := _TRIED.get(required):
        raise GradingError(f"On a worker of the cluster, {platform.node()}: {said}")
