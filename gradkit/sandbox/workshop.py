"""Where workers come from: one at a time, started before it is needed.

And the tiers of isolation in words: what each adds, and why a machine may not reach it.
"""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gradkit.runtime.confine import Allowance
from gradkit.runtime.messages import WorkshopError
from gradkit.sandbox.slots import ForkSlot, Recipe, Slot, SpawnSlot

if TYPE_CHECKING:
    from gradkit.sandbox.worker import Worker

if sys.platform != "win32":
    import resource

Method = Literal["fork", "spawn"]

NUMPY = ("numpy", "numpy.random")
"""What every process loads."""

CHILD = "gradkit.runtime.child"
"""Whose handlers answer, unless told."""


class Workshop(AbstractContextManager["Workshop"]):
    """A context manager that holds a process ready to run student code in.

    Returns at once, with the process still loading, so that the caller can do the like
    meanwhile: nothing here imports numpy before the first worker is asked for.

    Parameters
    ----------
    preload : sequence of str
        Modules that student code will need, besides numpy: ``("torch",)``.
    method : {"fork", "spawn"}, optional
        ``fork``: a server loads the modules once and forks a process for each worker.
        ``spawn``: each worker has an interpreter of its own, the next of which is started
        ahead. By default fork on Linux, and spawn elsewhere.
    handlers : str
        Module whose ``HANDLERS`` answer the requests.
    search : sequence of str
        Folders in which that module may be found too.
    allowance : Allowance
        What each worker may use up.
    require_tier : int, optional
        Tier of isolation without which no worker is given.

    Raises
    ------
    ValueError
        If fork is asked for where there is none, or a tier is required that there is not.
    WorkshopError
        If the machine lacks what processes are started and watched by.

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
        self.method: Method = method or _usual()
        self._preload = tuple(preload)
        self._siblings: dict[tuple[str, ...], Workshop] = {}
        self._opening = threading.Lock()
        self._slot = _slot(self.method, Recipe((*NUMPY, *preload), handlers, tuple(search)))
        self._free = threading.Lock()
        self._stack = ExitStack()
        self._stack.callback(self._slot.close)

    @contextmanager
    def worker(
        self, *, deadline: float = 60.0, seed: int = 0, modules: Collection[str] = ()
    ) -> Iterator[Worker]:
        """Give a new process, and kill it afterwards with all it has started.

        Waits for the one before: a thread that holds it waits for ever.

        Parameters
        ----------
        deadline : float
            Seconds of wall time that the worker may live, from when it is ready.
        seed : int
            From 0 to 2**64 - 1. Seeds the generators of random, numpy and torch.
        modules : collection of str
            What it is going to import, besides what the workshop loads for all. It comes
            from a slot beside this one, opened when it is first asked for: what a process
            holds, each of its forks pays for.

        Raises
        ------
        ValueError
            If the seed is out of range.
        WorkshopError
            If no process could be made ready, or none at the tier that is required, or the
            workshop has been closed.
        """
        # Late, as it imports numpy, which a slot's process can do at the same time.
        from gradkit.sandbox.worker import Worker

        if not 0 <= seed < 2**64:
            raise ValueError(f"a seed is at least 0 and less than 2**64, got {seed}")
        if modules:
            with self._beside(modules).worker(deadline=deadline, seed=seed) as worker:
                self.tier = worker.tier
                yield worker
            return
        with self._free:
            try:
                with closing(Worker(self._slot, self.allowance, deadline, seed)) as worker:
                    self.tier = worker.tier
                    if worker.tier < self._require_tier:
                        raise WorkshopError(short_of(worker.tier, self._require_tier))
                    yield worker
            finally:
                # An interrupt may have come between the start of a process and its worker.
                self._slot.stop()

    def _beside(self, modules: Collection[str]) -> Workshop:
        """Return another that loads other modules and asks for the same tier."""
        preload = (*self._preload, *sorted(modules))
        with self._opening:
            if preload not in self._siblings:
                beside = Workshop(
                    preload=preload,
                    method=self.method,
                    allowance=self.allowance,
                    require_tier=self._require_tier,
                )
                self._siblings[preload] = self._stack.enter_context(beside)
            return self._siblings[preload]

    def close(self) -> None:
        """Kill all processes and remove their folders.

        Another thread may do this at any time; whoever waits for a worker's reply then gets
        `WorkerLost`, and whoever waits for a worker gets `WorkshopError`.
        """
        self._stack.close()

    def __exit__(self, *exception: object) -> None:
        self.close()


_ahead: list[tuple[Method, Recipe, Slot]] = []
"""What was started before a workshop was there to hold it: one, or none."""


def start_ahead() -> None:
    """Start the process that a `Workshop` will want, before all else is loaded.

    The first that asks for nothing in particular has it; if none does, it ends with this
    process. What cannot be started here will tell the workshop why.
    """
    method, recipe = _usual(), Recipe(NUMPY, CHILD, ())
    with suppress(OSError, WorkshopError):
        refuse_unfit()
        _ahead.append((method, recipe, _slot(method, recipe)))
        atexit.register(_close_ahead)


def _close_ahead() -> None:
    while _ahead:
        _ahead.pop()[2].close()


def _usual() -> Method:
    return "fork" if sys.platform == "linux" else "spawn"


def _slot(method: Method, recipe: Recipe) -> Slot:
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
"""By tier, what it takes to reach it from the one below."""


OPEN = {
    0: "read and write the grader's files, use the network, start programs",
    1: "read the grader's files, among them gradkit's own, model solutions and others' work",
}
"""By tier, what student code can do that nothing prevents before a grade can be trusted."""

GRADING = 2
"""The tier that grading other people's code asks for, unless told: below it answers can be read."""


def short_of(reached: int, required: int) -> str:
    """Say that a tier was not reached, what the next one takes, and what to do."""
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
"""How tier 2 is had where the system has none: in a container, whose default profile will do."""

PACKED = "`gradkit export wheel --out .` writes the wheel that it installs."


DESCRIPTORS = 256
"""Files that a process must be able to have open; a worker's channel has a number below that."""

PROC = Path("/proc")


def refuse_unfit() -> None:
    """Raise the limit on open files as far as it takes, and see to it that there is ``/proc``.

    Raises
    ------
    WorkshopError
        What is missing, and what to do.
    """
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < DESCRIPTORS:
        try:
            # Where that cannot be raised either, this fails.
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
