"""Slots that student code runs in: forks of a zygote on Linux, else interpreters used once."""

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
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from gradkit.runtime.errors import WorkshopError
from gradkit.runtime.folder import make_folder, remove_folder
from gradkit.runtime.process_tree import has_ended, kill_below, kill_group, kill_tree
from gradkit.sandbox.interpreter import Link, Recipe, launch

_PATIENCE = 60.0
"""Seconds for a zygote to load its libraries and fork; torch from a cold disk is slow."""
_FAREWELL = 1.0
"""Seconds for one that has not answered to end of its own accord."""


class ForkSlot:
    """One zygote and, at most, one child of it. Created at once; the zygote loads meanwhile."""

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
        """Fork a child of the zygote, which is first replaced if it is gone."""
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
        """Kill the child with all it has started, and empty the folder."""
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
