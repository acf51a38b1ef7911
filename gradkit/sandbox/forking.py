"""A slot whose processes are forks of a zygote. Linux."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from gradkit.runtime.errors import WorkshopError
from gradkit.runtime.folder import make_folder, remove_folder
from gradkit.runtime.process_tree import kill_below, kill_group
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
