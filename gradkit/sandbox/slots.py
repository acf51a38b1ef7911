"""Slots that student code runs in: forks of a zygote on Linux, else interpreters used once.

Either is a bare Python interpreter that knows gradkit's worker and nothing else of us.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import IO, Any, cast

from msgspec import Struct
from msgspec.structs import asdict

from gradkit.processes import interpreter
from gradkit.runtime.messages import WorkshopError
from gradkit.runtime.remains import (
    has_ended,
    kill_below,
    kill_group,
    kill_tree,
    make_folder,
    remove_folder,
)
from gradkit.safe_path import safe_path

# Not all systems find their shared libraries without these.
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class Recipe(Struct, frozen=True):
    """What an interpreter should have imported when student code comes to it.

    ``handlers`` is a module with a dict ``HANDLERS``; ``search`` are folders to find that
    module in, besides the installed packages.
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
    """Start an interpreter that runs ``main(settings)`` of the module `program`.

    It leads a session of its own, sees an environment made for it, works in `folder`, and
    imports none of the user's own packages. Returns at once.
    """
    # With an environment made from nothing it is as isolated as -I makes it; -I itself would
    # ignore the hash seed, and with it the order of sets would differ from one run to the next.
    return interpreter(
        program,
        {**asdict(recipe), **(settings or {})},
        environment=_environment(folder),
        options=("-X", "utf8"),
        libraries=_libraries(recipe.preload),
        unwanted=_checkout(),
        folder=folder,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        handles=pass_fds,
        new_session=True,
    )


def _environment(folder: Path) -> dict[str, str]:
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        **dict.fromkeys((*threads, "VECLIB_MAXIMUM_THREADS"), "1"),
        **dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), str(folder)),
        "LC_ALL": "C.UTF-8",
        "MPLBACKEND": "Agg",
        # Given a folder of their own they do not insist on making one.
        **dict.fromkeys(("MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR"), str(folder)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }


def _checkout() -> list[str]:
    """Return the folder that gradkit lies in, unless that is one of installed packages."""
    folder = Path(__file__).parents[2]
    return [] if folder.name in ("site-packages", "dist-packages") else [str(folder)]


def _libraries(names: Sequence[str]) -> list[str]:
    """Folders in which this process finds packages that a bare interpreter might not."""
    path = safe_path()
    folders: dict[str, None] = {}
    for name in ("numpy", *names):
        spec = PathFinder.find_spec(name.partition(".")[0], path)
        if spec is not None and spec.origin is not None:
            folders[str(Path(spec.origin).parents[1])] = None
    return list(folders)


class Link(Struct, frozen=True):
    """The grader's ends of a new process: ``channel`` for frames, ``output`` for prints."""

    channel: socket.socket
    output: socket.socket


_PATIENCE = 60.0
"""Seconds for a zygote to load its libraries and fork; torch from a cold disk is slow."""
_FAREWELL = 1.0
"""Seconds for one that has not answered to end of its own accord."""


class ForkSlot:
    """One zygote and, at most, one child of it. Created at once; the zygote loads meanwhile.

    A slot is a source of processes, used by one thread at a time.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._pid: int | None = None
        self._closed = False
        self._lock = threading.RLock()
        self._launch()

    def _launch(self) -> None:
        self._folder = make_folder()
        try:
            self._start_zygote()
        except BaseException:  # an interrupt: nobody has this slot yet, to close it
            remove_folder(self._folder)
            raise

    def _start_zygote(self) -> None:
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (until close)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_PATIENCE)
        self._gone = False
        with theirs:
            self._zygote: subprocess.Popen[bytes] = launch(
                "gradkit.runtime.zygote",
                self._recipe,
                self._folder,
                stderr=self._said,
                settings={"control": theirs.fileno()},
                pass_fds=[theirs.fileno()],
            )
        # Late: the zygote loads its libraries meanwhile.
        from gradkit.runtime.linux import hide

        hide()

    def start(self) -> Link:
        """Fork a child of the zygote, which is first replaced if it is gone.

        The one before has been stopped. May return before it is ready.
        """
        with self._lock:
            if self._closed:
                raise WorkshopError("the workshop has been closed, it starts no more processes")
            if self._gone or self._zygote.poll() is not None:
                self._release()
                self._launch()
            return self._fork()

    def _fork(self) -> Link:
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
        """Tell whether the child has ended, or the zygote is gone."""
        with self._lock:
            answer = self._ask("ended")
            return answer is None or bool(answer["ended"])

    def stop(self) -> int | None:
        """Kill the child with all it has started, empty the folder, and return its exit code.

        It is minus the number of the signal that ended it, and None where it cannot be known, or
        nothing has been started.
        """
        with self._lock:
            if self._pid is None:
                return None
            kill_group(self._pid)
            first = answer = self._ask("reap")
            # Whatever it had started is now the zygote's.
            while answer is not None and answer.pop("left"):
                kill_below(self._zygote.pid)
                answer = self._ask("reap")
            self._pid = None
            for left in Path(self._folder).iterdir():
                remove_folder(left)
            return None if first is None else first["code"]

    def complaint(self) -> str:
        """Return the last lines of the zygote's standard error."""
        self._said.seek(0, os.SEEK_END)
        self._said.seek(max(self._said.tell() - 2000, 0))
        return self._said.read().decode(errors="replace").strip() or "it said nothing"

    def close(self) -> None:
        """Stop the child and the zygote."""
        self._closed = True
        # Wakes a thread that waits, with the lock held, for a zygote to load.
        with contextlib.suppress(OSError):
            if self._pid is None:
                self._control.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._release()

    def _release(self) -> None:
        self.stop()
        self._control.close()
        if self._gone:
            # There may be a child whose number has not been heard; the zygote, finding its
            # socket closed, ends it. One that still loads has none, or one that has been asked
            # nothing and ends when it finds its own socket closed.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._zygote.wait(_FAREWELL)
        if self._zygote.poll() is None:
            os.killpg(self._zygote.pid, signal.SIGKILL)
        self._zygote.wait()
        self._said.close()
        remove_folder(self._folder)

    def _ask(self, request: str, *descriptors: int) -> dict[str, Any] | None:
        """Return the zygote's answer to a request, or None if it is gone."""
        if self._gone:
            return None
        # Until it is heard, as an interrupt would leave an answer on its way that must not be
        # taken for the answer to a later question.
        self._gone = True
        try:
            socket.send_fds(self._control, [request.encode()], descriptors)
            answer = self._control.recv(65536)
        except OSError:
            return None
        self._gone = not answer
        return json.loads(answer) if answer else None


class SpawnSlot:
    """One interpreter in use, and the next one warming up."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._closed = False
        self._lock = threading.RLock()
        self._current: _Interpreter | None = None
        self._next: _Interpreter | None = _Interpreter(recipe)

    def start(self) -> Link:
        """Put the waiting interpreter to use, and start the next."""
        with self._lock:
            if self._closed:
                raise WorkshopError("the workshop has been closed, it starts no more processes")
            self._current = self._next or _Interpreter(self._recipe)
            self._next = None
            link = self._current.connect()
            self._next = _Interpreter(self._recipe)
            return link

    def ended(self) -> bool:
        """Tell whether the interpreter in use has ended."""
        with self._lock:
            return self._current is None or self._current.ended()

    def stop(self) -> int | None:
        """Kill the interpreter in use with all it has started."""
        with self._lock:
            current, self._current = self._current, None
            return None if current is None else current.stop()

    def complaint(self) -> str:
        """Return nothing of use: what an interpreter says is its output."""
        return "nothing"

    def close(self) -> None:
        """Stop both interpreters."""
        with self._lock:
            self._closed = True
            self.stop()
            spare, self._next = self._next, None
            if spare is not None:
                spare.stop()


Slot = ForkSlot | SpawnSlot


class _Interpreter:
    """One interpreter, whose standard streams are joined to sockets.

    Only sockets can be waited for together on every system. Where a socket can itself be a
    standard stream, printed output takes no detour: all of it then arrives before the reply
    does that it belongs to. On Windows some may arrive late, and count for the next request.
    """

    def __init__(self, recipe: Recipe) -> None:
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
        """Let bytes pass between the pipes and the sockets from now on."""
        process = self._process
        stdin, stdout = (cast(IO[bytes], pipe) for pipe in (process.stdin, process.stdout))

        def write(data: bytes) -> None:
            stdin.write(data)
            stdin.flush()

        self._bridge(self._far_channel.recv, write, stdin.close)
        self._bridge(_reading(stdout), self._far_channel.sendall, _ending(self._far_channel))
        if process.stderr is not None:
            end = _ending(self._far_output)
            self._bridge(_reading(process.stderr), self._far_output.sendall, end)
        self._connected = True
        return Link(self._channel, self._output)

    def _bridge(self, *ends: Callable[..., object]) -> None:
        thread = threading.Thread(target=_carry, args=ends, daemon=True)
        thread.start()
        self._bridges.append(thread)

    def ended(self) -> bool:
        if sys.platform != "linux":
            return self._process.poll() is not None
        # Without taking its number from it: it is still to be killed by that number.
        return has_ended(self._process.pid)

    def stop(self) -> int:
        process = self._process
        if process.returncode is None:
            kill_tree(process.pid)
        code = process.wait()
        fars = (self._far_channel, self._far_output)
        for far in fars:
            with contextlib.suppress(OSError):
                far.shutdown(socket.SHUT_RDWR)
        for thread in self._bridges:
            # One may be held up by a descendant that has escaped, with the pipe in its hands.
            thread.join(0.2)
        # Whoever has taken the near ends closes them.
        for end in (*fars, *(() if self._connected else (self._channel, self._output))):
            end.close()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        remove_folder(self._folder)
        return code


def _carry(
    take: Callable[[int], bytes], give: Callable[[bytes], object], end: Callable[[], object]
) -> None:
    """Carry bytes from one end to the other, until either is closed; then call `end`."""
    with contextlib.suppress(OSError, ValueError):
        while data := take(65536):
            give(data)
    with contextlib.suppress(OSError, ValueError):
        end()


def _reading(pipe: IO[bytes]) -> Callable[[int], bytes]:
    return lambda size: os.read(pipe.fileno(), size)


def _ending(stream: socket.socket) -> Callable[[], object]:
    return lambda: stream.shutdown(socket.SHUT_WR)
