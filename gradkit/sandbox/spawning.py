"""A slot whose processes are interpreters, used once and started ahead. Every system."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from gradkit.runtime.errors import WorkshopError
from gradkit.runtime.folder import make_folder, remove_folder
from gradkit.runtime.process_tree import has_ended, kill_tree
from gradkit.sandbox.interpreter import Link, Recipe, launch


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
