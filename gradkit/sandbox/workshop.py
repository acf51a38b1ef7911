"""Provide workers, one at a time, each started before it is needed.

Also the texts about tiers of isolation: what each adds, and what a machine needs for it.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from importlib.machinery import PathFinder
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from msgspec import Struct
from msgspec.structs import asdict

from gradkit.processes import interpreter
from gradkit.runtime.messages import Allowance, WorkshopError
from gradkit.runtime.remains import (
    cpu_seconds,
    has_ended,
    kill_below,
    kill_group,
    kill_tree,
    make_folder,
    remove_folder,
)
from gradkit.safe_path import safe_path

if TYPE_CHECKING:
    from gradkit.sandbox.worker import Worker


_INHERITED_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
"""Environment variables without which some systems do not find their shared libraries."""


class Recipe(Struct, frozen=True):
    """The modules that an interpreter imports before student code runs in it.

    ``preload`` are modules that student code may need. ``handlers`` is a module with a dict
    ``HANDLERS``. ``search`` are folders that are searched for that module, in addition to the
    installed packages.
    """

    preload: tuple[str, ...]
    handlers: str
    search: tuple[str, ...]


def launch(
    program: str,
    recipe: Recipe,
    folder: Path,
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    stderr: int | IO[bytes],
    settings: dict[str, Any] | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start an interpreter that runs ``main(settings)`` of a module, and return at once.

    The interpreter leads a new session, gets a new environment, and imports none of the user's own
    packages.

    Parameters
    ----------
    program : str
        Name of the module.
    recipe : Recipe
        Is passed with the settings.
    folder : Path
        Working and home folder of the interpreter.
    stdin, stdout, stderr : int or file
        Standard streams, as for `subprocess.Popen`.
    settings : dict, optional
        More settings, as JSON.
    pass_fds : sequence of int
        Descriptors that the interpreter inherits.
    """
    # A new environment isolates the interpreter as -I does. But -I would ignore the hash seed, and
    # the order of sets would differ between runs.
    return interpreter(
        program,
        {**asdict(recipe), **(settings or {})},
        environment=_environment(folder),
        options=("-X", "utf8"),
        libraries=_libraries(recipe.preload),
        unwanted=_unwanted_folders(),
        folder=folder,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        handles=pass_fds,
        new_session=True,
    )


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment of an interpreter whose home and temporary folder is ``folder``."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        **{name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ},
        **dict.fromkeys((*threads, "VECLIB_MAXIMUM_THREADS"), "1"),
        **dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), str(folder)),
        "LC_ALL": "C.UTF-8",
        "MPLBACKEND": "Agg",
        # Without these variables, matplotlib and torch try to make folders.
        **dict.fromkeys(("MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR"), str(folder)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }


def _unwanted_folders() -> list[str]:
    """Return a list with the folder that contains gradkit; empty if it contains all packages."""
    folder = Path(__file__).parents[2]
    return [] if folder.name in ("site-packages", "dist-packages") else [str(folder)]


def _libraries(names: Sequence[str]) -> list[str]:
    """Return the folders of numpy and of the modules ``names`` in which a bare interpreter looks.

    A bare interpreter does not search the user's own folders of packages by itself.
    """
    path = safe_path()
    folders: dict[str, None] = {}
    for name in ("numpy", *names):
        spec = PathFinder.find_spec(name.partition(".")[0], path)
        if spec is not None and spec.origin is not None:
            folders[str(Path(spec.origin).parents[1])] = None
    return list(folders)


class Link(Struct, frozen=True):
    """The grader's sockets to a process: ``channel`` for frames, ``output`` for printed output."""

    channel: socket.socket
    output: socket.socket


_ANSWER_SECONDS = 60.0
"""Most seconds for a zygote's answer; loading torch from disk for the first time is slow."""
_EXIT_SECONDS = 1.0
"""Most seconds for a zygote that has not answered to end by itself."""


class ForkLauncher:
    """Starts processes for student code as forks of a zygote, a process with loaded modules.

    At most one fork runs at a time.

    The constructor returns while the zygote still loads. One thread at a time may use a launcher.
    """

    def __init__(self, recipe: Recipe) -> None:
        """Start the zygote, a process that forks workers; it loads the modules of the recipe.

        ``recipe`` names the modules to load and the folders in which to look for them.
        """
        self._recipe = recipe
        self._pid: int | None = None
        self._closed = False
        self._lock = threading.RLock()
        self._launch()

    def _launch(self) -> None:
        """Make a folder, and start a zygote in it, the process that forks workers."""
        self._folder = make_folder()
        try:
            self._start_zygote()
        except BaseException:  # after an interrupt, no caller has this launcher to close it
            remove_folder(self._folder)
            raise

    def _start_zygote(self) -> None:
        """Start the zygote, the process that forks workers, in the folder.

        It gets a control socket, and a file for standard error.
        """
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (until close)
        self._control, zygote_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_ANSWER_SECONDS)
        self._gone = False
        with zygote_end:
            self._zygote: subprocess.Popen[bytes] = launch(
                "gradkit.runtime.zygote",
                self._recipe,
                self._folder,
                stderr=self._said,
                settings={"control": zygote_end.fileno()},
                pass_fds=[zygote_end.fileno()],
            )
        # Imported late, so that the zygote loads its libraries at the same time.
        from gradkit.runtime.linux import hide

        hide()

    def start(self) -> Link:
        """Fork a child of the zygote, and return the sockets to it.

        The previous child must have been stopped. If the zygote has ended, a new one is started
        first. The child may not be ready yet when this returns.

        Raises
        ------
        WorkshopError
            The launcher is closed, or no child could be started.
        """
        with self._lock:
            if self._closed:
                raise WorkshopError("the workshop has been closed, it starts no more processes")
            if self._gone or self._zygote.poll() is not None:
                self._end_zygote()
                self._launch()
            return self._fork()

    def _fork(self) -> Link:
        """Ask the zygote to fork a worker, and return the sockets to the worker.

        Raises
        ------
        WorkshopError
            The zygote has ended, or no worker could be started.
        """
        channel, their_channel = socket.socketpair()
        output, their_output = socket.socketpair()
        with their_channel, their_output:
            answer = self._ask("fork", their_channel.fileno(), their_output.fileno())
        if answer is None:
            channel.close()
            output.close()
            raise WorkshopError(
                f"no process could be started to run submissions in: {self.complaint()}"
            )
        self._pid = answer["pid"]
        return Link(channel, output)

    def ended(self) -> bool:
        """Return whether the child or the zygote has ended."""
        with self._lock:
            answer = self._ask("ended")
            return answer is None or bool(answer["ended"])

    def cpu_seconds(self) -> float | None:
        """Return the processor time that the child has used; None if there is none, or unknown."""
        return None if self._pid is None else cpu_seconds(self._pid)

    def stop(self) -> int | None:
        """Kill the child and all its descendants, empty the folder, and return the exit code.

        The code is minus the number of the signal that ended the child; None if it is unknown or
        there is no child.
        """
        with self._lock:
            if self._pid is None:
                return None
            kill_group(self._pid)
            first = answer = self._ask("reap")
            # Processes that the child had started are now children of the zygote.
            while answer is not None and answer.pop("left"):
                kill_below(self._zygote.pid)
                answer = self._ask("reap")
            self._pid = None
            for left in Path(self._folder).iterdir():
                remove_folder(left)
            return None if first is None else first["code"]

    def complaint(self) -> str:
        """Return the end of the zygote's standard error, up to 2000 bytes."""
        self._said.seek(0, os.SEEK_END)
        self._said.seek(max(self._said.tell() - 2000, 0))
        return self._said.read().decode(errors="replace").strip() or "it said nothing"

    def close(self) -> None:
        """Kill the child and the zygote; the launcher starts no more processes."""
        self._closed = True
        # Wake a thread that holds the lock while it waits for a zygote to load.
        with contextlib.suppress(OSError):
            if self._pid is None:
                self._control.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._end_zygote()

    def _end_zygote(self) -> None:
        """Kill the child and the zygote, close the files, and remove the folder."""
        self.stop()
        self._control.close()
        if self._gone:
            # There may be a child whose number is unknown. The zygote kills that child when it
            # finds the control socket closed. A zygote that is still loading has no child, or one
            # that ends itself when it finds its channel closed.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._zygote.wait(_EXIT_SECONDS)
        if self._zygote.poll() is None:
            os.killpg(self._zygote.pid, signal.SIGKILL)
        self._zygote.wait()
        self._said.close()
        remove_folder(self._folder)

    def _ask(self, request: str, *descriptors: int) -> dict[str, Any] | None:
        """Send a command and descriptors to the zygote, the process that forks workers.

        Return its answer; None if it has ended, or does not answer in time.
        """
        if self._gone:
            return None
        # Reset after the answer: if an interrupt comes before, that answer will still arrive, and
        # must not be taken for the answer to a later command.
        self._gone = True
        try:
            socket.send_fds(self._control, [request.encode()], descriptors)
            answer = self._control.recv(65536)
        except OSError:
            return None
        self._gone = not answer
        return json.loads(answer) if answer else None


class SpawnLauncher:
    """Starts processes for student code as new interpreters.

    One interpreter is started ahead, and loads its modules while the one before it runs.
    """

    def __init__(self, recipe: Recipe) -> None:
        """Start the first interpreter, which loads the modules of ``recipe``.

        It will be used by the first worker; the next one is started then.
        """
        self._recipe = recipe
        self._closed = False
        self._lock = threading.RLock()
        self._current: _Interpreter | None = None
        self._next: _Interpreter | None = _Interpreter(recipe)

    def start(self) -> Link:
        """Return the sockets to the interpreter that is ready, and start the next one.

        Raises
        ------
        WorkshopError
            The launcher is closed.
        """
        with self._lock:
            if self._closed:
                raise WorkshopError("the workshop has been closed, it starts no more processes")
            self._current = self._next or _Interpreter(self._recipe)
            self._next = None
            link = self._current.connect()
            self._next = _Interpreter(self._recipe)
            return link

    def ended(self) -> bool:
        """Return whether the interpreter in use has ended, or there is none."""
        with self._lock:
            return self._current is None or self._current.ended()

    def cpu_seconds(self) -> float | None:
        """Return the processor time that the interpreter has used; None if unknown."""
        with self._lock:
            return None if self._current is None else self._current.cpu_seconds()

    def stop(self) -> int | None:
        """Kill the interpreter in use and all its descendants; return its exit code, or None."""
        with self._lock:
            current, self._current = self._current, None
            return None if current is None else current.stop()

    def complaint(self) -> str:
        """Return a fixed text: the standard error of an interpreter is in its output already."""
        return "nothing"

    def close(self) -> None:
        """Kill both interpreters; the launcher starts no more processes."""
        with self._lock:
            self._closed = True
            self.stop()
            spare, self._next = self._next, None
            if spare is not None:
                spare.stop()


Launcher = ForkLauncher | SpawnLauncher
"""Starts and stops the processes of a workshop, one at a time."""


class _Interpreter:
    """One interpreter, whose standard streams are connected to sockets by threads.

    Sockets are needed because only these can be waited for together on every system. Except on
    Windows, standard error is itself a socket, so that all printed output arrives before the reply.
    On Windows some may arrive later, and is counted for the next request.
    """

    def __init__(self, recipe: Recipe) -> None:
        """Start the interpreter in a new folder; `connect` lets bytes pass.

        ``recipe`` names the modules to load and the folders in which to look for them.
        """
        self._folder: Path = make_folder()
        self._bridges: list[threading.Thread] = []
        self._connected = False
        self._channel, self._far_channel = socket.socketpair()
        self._output, self._far_output = socket.socketpair()
        windows = sys.platform == "win32"
        self._process = launch(
            "gradkit.runtime.serve",
            recipe,
            self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if windows else self._far_output.fileno(),
        )
        if not windows:
            self._far_output.close()

    def connect(self) -> Link:
        """Start threads that copy bytes between the pipes and the sockets; return the sockets."""
        process = self._process
        stdin, stdout = (cast(IO[bytes], pipe) for pipe in (process.stdin, process.stdout))

        def write(data: bytes) -> None:
            stdin.write(data)
            stdin.flush()

        self._bridge(self._far_channel.recv, write, stdin.close)
        self._bridge(
            _pipe_reader(stdout), self._far_channel.sendall, _socket_closer(self._far_channel)
        )
        if process.stderr is not None:
            end = _socket_closer(self._far_output)
            self._bridge(_pipe_reader(process.stderr), self._far_output.sendall, end)
        self._connected = True
        return Link(self._channel, self._output)

    def _bridge(self, *ends: Callable[..., object]) -> None:
        """Start a thread that runs `_copy_bytes` with these functions."""
        thread = threading.Thread(target=_copy_bytes, args=ends, daemon=True)
        thread.start()
        self._bridges.append(thread)

    def ended(self) -> bool:
        """Return whether the interpreter has ended; on Linux it stays a zombie."""
        if sys.platform != "linux":
            return self._process.poll() is not None
        # `poll` would reap the process, whose number is still needed to kill its descendants.
        return has_ended(self._process.pid)

    def cpu_seconds(self) -> float | None:
        """Return the processor time that the interpreter has used; None if unknown."""
        return cpu_seconds(self._process.pid)

    def stop(self) -> int:
        """Kill the interpreter and its descendants, close its streams, and return the exit code."""
        process = self._process
        if process.returncode is None:
            kill_tree(process.pid)
        code = process.wait()
        far_ends = (self._far_channel, self._far_output)
        for far in far_ends:
            with contextlib.suppress(OSError):
                far.shutdown(socket.SHUT_RDWR)
        for thread in self._bridges:
            # A thread may wait for a descendant that has escaped and keeps the pipe open.
            thread.join(0.2)
        # After `connect`, the caller closes the near ends.
        for end in (*far_ends, *(() if self._connected else (self._channel, self._output))):
            end.close()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        remove_folder(self._folder)
        return code


def _copy_bytes(
    take: Callable[[int], bytes], give: Callable[[bytes], object], end: Callable[[], object]
) -> None:
    """Copy bytes from ``take`` to ``give`` until either is closed, and then call ``end``.

    ``take`` gets the largest number of bytes to return, and returns no bytes at the end.
    """
    with contextlib.suppress(OSError, ValueError):
        while data := take(65536):
            give(data)
    with contextlib.suppress(OSError, ValueError):
        end()


def _pipe_reader(pipe: IO[bytes]) -> Callable[[int], bytes]:
    return lambda size: os.read(pipe.fileno(), size)


def _socket_closer(stream: socket.socket) -> Callable[[], object]:
    return lambda: stream.shutdown(socket.SHUT_WR)


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
        """Check the arguments and the machine, and start the first process.

        For the parameters see `Workshop`.

        Raises
        ------
        ValueError
            The method does not exist on this system, or the tier is not from 0 to 3.
        WorkshopError
            This machine cannot run workers.
        """
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
        self._launcher = _launcher(self.method, Recipe((*NUMPY, *preload), handlers, tuple(search)))
        self._worker_lock = threading.Lock()
        self._stack = ExitStack()
        self._stack.callback(self._launcher.close)

    @contextmanager
    def worker(
        self, *, deadline: float = 60.0, seed: int = 0, modules: Collection[str] = ()
    ) -> Iterator[Worker]:
        """Yield a new worker, which is killed at the end of the ``with`` block.

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
        # Imported late, because this imports numpy, which a launched process does at the same time.
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
                with closing(Worker(self._launcher, self.allowance, deadline, seed)) as worker:
                    self.tier = worker.tier
                    if worker.tier < self._require_tier:
                        raise WorkshopError(short_of(worker.tier, self._require_tier))
                    yield worker
            finally:
                # After an interrupt there may be a process without a worker.
                self._launcher.stop()

    def _workshop_with_modules(self, modules: Collection[str]) -> Workshop:
        """Return a workshop with the same settings that also loads some modules.

        It is kept until this workshop is closed, and returned again for the same modules.
        """
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


_ahead: list[tuple[Method, Recipe, Launcher]] = []
"""The launcher that `start_ahead` has started, until a workshop takes it: one or none."""


def start_ahead() -> None:
    """Start the process of a default `Workshop` early, before the grader loads its own modules.

    The first workshop with default settings takes the process. If there is none, the process is
    killed at exit. Errors are ignored, because the workshop will raise them again.
    """
    method, recipe = _default_method(), Recipe(NUMPY, CHILD, ())
    with suppress(OSError, WorkshopError):
        refuse_unfit()
        _ahead.append((method, recipe, _launcher(method, recipe)))
        atexit.register(_close_ahead)


def _close_ahead() -> None:
    while _ahead:
        _ahead.pop()[2].close()


def _default_method() -> Method:
    return "fork" if sys.platform == "linux" else "spawn"


def _launcher(method: Method, recipe: Recipe) -> Launcher:
    """Return a launcher of processes that load the modules of a recipe.

    ``method`` says whether it forks or spawns. The launcher that `start_ahead` has made for the
    same method and recipe is returned, and else a new one.
    """
    if _ahead and _ahead[-1][:2] == (method, recipe):
        return _ahead.pop()[2]
    return (ForkLauncher if method == "fork" else SpawnLauncher)(recipe)


# --- tiers of isolation ------------------------------------------------------------------


ADDS = {
    0: "a separate process, limits on memory and time, an empty environment, no pickle",
    1: "no writing of files, no network, no starting of programs or processes, no access to other "
    "processes",
    2: "no reading of files, except Python's and those of its packages",
    3: "a separate user account",
}

LACKING = {
    1: "this tier needs Linux on x86_64 or aarch64, and a kernel that can load seccomp programs",
    2: "this tier needs a kernel with Landlock (5.13 or later), and a container that allows it",
    3: "this tier needs root, and a Python installation that other accounts can read",
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
    """Return a sentence that this machine does not reach a tier, and what is needed for it.

    A tier is a level of isolation from 0 to 3. ``reached`` is the tier of this machine, and
    ``required`` the tier that would be needed.
    """
    could = f", where it can {OPEN[reached]}" if reached in OPEN else ""
    return (
        f"student code would run at isolation tier {reached} here, but tier {required} is "
        f"required. Tier {reached + 1} is not reached: {LACKING[reached + 1]}. `gradkit doctor` "
        f"shows what this machine blocks. To run the code anyway{could}: --require-tier "
        f"{reached}."
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
                f"a process may open only {hard} files here, but gradkit needs {DESCRIPTORS}. "
                f"Raise the limit: ulimit -n {DESCRIPTORS}, or docker run --ulimit "
                f"nofile={DESCRIPTORS}."
            ) from None
    if sys.platform == "linux" and not (PROC / "self" / "stat").exists():
        raise WorkshopError(
            f"there is no {PROC} here, which gradkit needs to watch and limit processes. Mount "
            f"it: mount -t proc proc {PROC}, or start the container with it."
        )
