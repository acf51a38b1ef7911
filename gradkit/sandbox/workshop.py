"""Provide workers, one at a time, each started before it is needed.

Also the texts about tiers of isolation: what each adds, and what a machine needs for it.
"""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gradkit.runtime.messages import Allowance, WorkshopError
from gradkit.sandbox.slots import ForkSlot, Recipe, Slot, SpawnSlot

if TYPE_CHECKING:
    from gradkit.sandbox.worker import Worker

if sys.platform != "win32":
    import resource

Method = Literal["fork", "spawn"]

NUMPY = ("numpy", "numpy.random")
"""Modules that every process loads."""

CHILD = "gradkit.runtime.child"
"""Module whose handlers answer requests by default."""


class Workshop(AbstractContextManager["Workshop"]):
    """A context manager that keeps a process ready to run student code.

    The constructor returns while the process still loads its modules, so that the caller can load
    its own at the same time. For that reason numpy is not imported here before the first worker.

    Parameters
    ----------
    preload : sequence of str
        Modules that student code will need, besides numpy: ``("torch",)``.
    method : {"fork", "spawn"}, optional
        ``fork``: a server loads the modules once, and forks a process for each worker.
        ``spawn``: each worker has an interpreter of its own, and the next one is started in
        advance. By default ``fork`` on Linux, and ``spawn`` elsewhere.
    handlers : str
        Module whose ``HANDLERS`` answer the requests.
    search : sequence of str
        More folders to search for that module.
    allowance : Allowance
        The resources that each worker may use.
    require_tier : int, optional
        Lowest accepted tier of isolation.

    Raises
    ------
    ValueError
        The method is ``fork`` and the system is not Linux, or there is no such tier.
    WorkshopError
        The machine cannot start or watch processes.

    Attributes
    ----------
    tier : int or None
        Tier of isolation that the latest worker reached. None before the first.

    Examples
    --------
    ::

        with Workshop() as workshop:
            with workshop.worker(deadline=10.0, seed=1) as worker:
                reply = worker.ask(Frame("load", {}, sources), seconds=2.0)
    """

    def __init__(
        self,
        *,
        preload: Sequence[str] = (),
        method: Method | None = None,
        handlers: str = CHILD,
        search: Sequence[str] = (),
        allowance: Allowance | None = None,
        require_tier: int | None = None,
    ) -> None:
        """Check the arguments and the machine, and start the first process."""
        if method == "fork" and sys.platform != "linux":
            raise ValueError(
                f"method 'fork' works on Linux only, this is {sys.platform}: use 'spawn'"
            )
        if not 0 <= (require_tier or 0) <= 3:
            raise ValueError(f"tiers go from 0 to 3, {require_tier} is required")
        refuse_unfit()
        self.tier: int | None = None
        self._require_tier = require_tier or 0
        self.allowance = allowance or Allowance()
        self.method: Method = method or _default_method()
        self._preload = tuple(preload)
        self._siblings: dict[tuple[str, ...], Workshop] = {}
        self._siblings_lock = threading.Lock()
        self._slot = _slot(self.method, Recipe((*NUMPY, *preload), handlers, tuple(search)))
        self._worker_lock = threading.Lock()
        self._stack = ExitStack()
        self._stack.callback(self._slot.close)

    @contextmanager
    def worker(
        self, *, deadline: float = 60.0, seed: int = 0, modules: Collection[str] = ()
    ) -> Iterator[Worker]:
        """Return a context manager for a new worker, which is killed at the end.

        All processes that the worker has started are killed too. This waits until the previous
        worker has ended, so a thread must not open a second worker while it uses one.

        Parameters
        ----------
        deadline : float
            Seconds of wall time that the worker may live after it is ready.
        seed : int
            From 0 to 2**64 - 1. Seeds the generators of random, numpy and torch.
        modules : collection of str
            More modules that the worker needs loaded. It then comes from another workshop, which is
            opened on the first call: all forks of a process would pay for modules that few need.

        Raises
        ------
        ValueError
            The seed is out of range.
        WorkshopError
            No process could be started, or it did not reach the required tier, or the workshop has
            been closed.
        """
        # Imported late, because this imports numpy, which a slot's process does at the same time.
        from gradkit.sandbox.worker import Worker

        if not 0 <= seed < 2**64:
            raise ValueError(f"a seed is at least 0 and less than 2**64, got {seed}")
        if modules:
            with self._workshop_with_modules(modules).worker(
                deadline=deadline, seed=seed
            ) as worker:
                self.tier = worker.tier
                yield worker
            return
        with self._worker_lock:
            try:
                with closing(Worker(self._slot, self.allowance, deadline, seed)) as worker:
                    self.tier = worker.tier
                    if worker.tier < self._require_tier:
                        raise WorkshopError(short_of(worker.tier, self._require_tier))
                    yield worker
            finally:
                # After an interrupt there may be a process without a worker.
                self._slot.stop()

    def _workshop_with_modules(self, modules: Collection[str]) -> Workshop:
        """Return a workshop with the same settings that also loads some modules; keep it."""
        preload = (*self._preload, *sorted(modules))
        with self._siblings_lock:
            if preload not in self._siblings:
                sibling = Workshop(
                    preload=preload,
                    method=self.method,
                    allowance=self.allowance,
                    require_tier=self._require_tier,
                )
                self._siblings[preload] = self._stack.enter_context(sibling)
            return self._siblings[preload]

    def close(self) -> None:
        """Kill all processes, and remove their folders.

        Any thread may call this at any time. A thread that waits for a reply then gets
        `WorkerLost`, and a thread that waits for a worker gets `WorkshopError`.
        """
        self._stack.close()

    def __exit__(self, *exception: object) -> None:
        self.close()


_ahead: list[tuple[Method, Recipe, Slot]] = []
"""The slot that `start_ahead` has started, until a workshop takes it: one or none."""


def start_ahead() -> None:
    """Start the process of a default `Workshop` early, before the grader loads its own modules.

    The first workshop with default settings takes the process. If there is none, the process is
    killed at exit. Errors are ignored, because the workshop will raise them again.
    """
    method, recipe = _default_method(), Recipe(NUMPY, CHILD, ())
    with suppress(OSError, WorkshopError):
        refuse_unfit()
        _ahead.append((method, recipe, _slot(method, recipe)))
        atexit.register(_close_ahead)


def _close_ahead() -> None:
    while _ahead:
        _ahead.pop()[2].close()


def _default_method() -> Method:
    return "fork" if sys.platform == "linux" else "spawn"


def _slot(method: Method, recipe: Recipe) -> Slot:
    """Return the slot that `start_ahead` has started for this recipe, or else a new slot."""
    if _ahead and _ahead[-1][:2] == (method, recipe):
        return _ahead.pop()[2]
    return (ForkSlot if method == "fork" else SpawnSlot)(recipe)


# --- tiers of isolation ------------------------------------------------------------------


ADDS = {
    0: "a process of its own, limits on resources, an empty environment, a protocol without pickle",
    1: "no files written to the disk, no network, no other programs or processes, "
    "no look at other processes",
    2: "no files read but the interpreter's and its packages'",
    3: "an account that is nobody else's",
}

LACKING = {
    1: "it takes Linux on x86_64 or aarch64, and a kernel that lets seccomp programs be loaded",
    2: "it takes a kernel with Landlock (5.13 or later), and a container that lets it be used",
    3: "it takes root, and an installation of Python that other accounts can read",
}
"""By tier, what a machine needs to reach it from the tier below."""


OPEN = {
    0: "read and write the grader's files, use the network, start programs",
    1: "read the grader's files, among them gradkit's own, model solutions and others' work",
}
"""By tier, what student code can do there that makes grades untrustworthy."""

GRADING = 2
"""Default of the lowest tier for grading other people's code. Below, code can read answers."""


def short_of(reached: int, required: int) -> str:
    """Return a text that a tier was not reached, what the next tier needs, and what to do."""
    could = f", where it can {OPEN[reached]}" if reached in OPEN else ""
    return (
        f"student code would run at isolation tier {reached} here, and tier {required} is "
        f"required. Of tier {reached + 1}: {LACKING[reached + 1]}. `gradkit doctor` shows what "
        f"holds on this machine. To run it all the same{could}: --require-tier {reached}."
    )


CONTAINER = (
    'docker run --rm -v "$PWD:/class" -w /class python:3.12 '
    "sh -c 'pip install -q ./gradkit-*.whl && gradkit grade SUBMISSIONS --out RESULTS'"
)
"""Command that grades in a container, which reaches tier 2 on systems that have no tiers."""

PACKED = "`gradkit export wheel --out .` writes the wheel that it installs."
"""How to get the wheel for that command."""


DESCRIPTORS = 256
"""Files that a process must be able to open; the descriptor of a worker's channel is smaller."""

PROC = Path("/proc")
"""Where Linux describes processes."""


def refuse_unfit() -> None:
    """Raise an error if this machine cannot run workers.

    The limit on open files is raised to `DESCRIPTORS` if it is lower, and ``/proc`` must exist.

    Raises
    ------
    WorkshopError
        The limit cannot be raised, or there is no ``/proc``; the text says what to do.
    """
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < DESCRIPTORS:
        try:
            # This fails if the hard limit is too low and cannot be raised.
            resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, max(hard, DESCRIPTORS)))
        except (OSError, ValueError):
            raise WorkshopError(
                f"a process may have no more than {hard} files open here, and it takes "
                f"{DESCRIPTORS} to run submissions. Raise the limit: ulimit -n {DESCRIPTORS}, or "
                f"docker run --ulimit nofile={DESCRIPTORS}."
            ) from None
    if sys.platform == "linux" and not (PROC / "self" / "stat").exists():
        raise WorkshopError(
            f"there is no {PROC} here, by which processes are watched and limited. Mount it: "
            f"mount -t proc proc {PROC}, or start the container with one."
        )
