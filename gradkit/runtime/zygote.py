"""The program of a fork server: one process, with numpy loaded, that only ever forks.

The grader talks to it over a socket, in words that are each answered in JSON. ``fork``, together
with a channel and a descriptor for printed output, makes a child that serves the grader over the
channel; the zygote itself reads neither requests nor replies. ``ended`` asks whether the child has.
It is kept as a zombie, whose number cannot be taken by another process, until ``reap``. Whatever
the child had started has by then become a child of the zygote, which says whether there is ``left``
any to be killed.

Once it has loaded everything it shuts itself in, and its children with it: see
`gradkit.runtime.harden`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import shutil
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from gradkit.runtime import memory_folder
from gradkit.runtime.confine import UNCONFINED, Allowance, ConfinementError, confine, taken_memory
from gradkit.runtime.harden import Shell, shut_in, tie_down
from gradkit.runtime.remains import has_ended, kill_below, kill_group
from gradkit.runtime.serve import Handlers, load, open_streams, point_streams, serve

UNFIT = 70
"""Exit code of a child that could not begin to serve."""


def main(settings: dict[str, Any]) -> None:
    """Load what workers need, then fork until the grader closes the socket."""
    control = socket.socket(fileno=settings["control"])
    control.set_inheritable(False)
    handlers = load(settings["preload"], settings["handlers"], settings["search"])
    open_streams()
    zygote = _Zygote(control, handlers)
    try:
        zygote.shell = shut_in(zygote.folder, settings["preload"])
    except ConfinementError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(UNCONFINED)
    zygote.run()


class _Zygote:
    shell: Shell

    def __init__(self, control: socket.socket, handlers: Handlers) -> None:
        self.control = control
        self.handlers = handlers
        self.folder = os.getcwd()
        self.pid = os.getpid()
        self.child: int | None = None
        # What can no longer be had once the room is closed.
        self.taken = taken_memory()

    def run(self) -> None:
        answers: Mapping[bytes, Callable[..., dict[str, Any]]] = {
            b"fork": self.fork,
            b"ended": self.ended,
            b"reap": self.reap,
        }
        # A grader that is killed may have left an answer unread: then it is not only gone.
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while True:
                request, received, _, _ = socket.recv_fds(self.control, 16, 2)
                if not request:
                    break
                self.control.send(json.dumps(answers[request](*received)).encode())
        self.leave()

    def fork(self, channel: int, output: int) -> dict[str, Any]:
        try:
            pid = os.fork()
        except OSError as error:
            sys.exit(f"{error.strerror}. Raise the limit of processes, or free some memory.")
        if pid == 0:
            self.become_worker(channel, output)
        os.close(channel)
        os.close(output)
        self.child = pid
        return {"pid": pid}

    def become_worker(self, channel: int, output: int) -> None:
        code = UNFIT
        try:
            os.setsid()
            self.control.close()
            point_streams(output)
            os.close(output)
            if self.shell.tier == 0:
                self.move_out()
            # Out of the way of whoever closes or writes to low descriptors by accident.
            high = fcntl.fcntl(channel, fcntl.F_DUPFD_CLOEXEC, random.randrange(128, 192))  # noqa: S311  (not a secret)
            os.close(channel)
            # Read and written as a file: what sockets can do beyond that is taken away.
            requests = open(high, "rb", buffering=0)  # noqa: SIM115  (until this process ends)
            serve(self.handlers, requests, open(high, "wb"), self.confine)  # noqa: SIM115
            code = 0
        except ConfinementError as error:
            code = UNCONFINED
            print(error, file=sys.stderr, flush=True)
        except BaseException:  # nothing may return into the zygote's loop
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def move_out(self) -> None:
        """Take a folder of one's own, where files can be written."""
        folder = os.path.join(self.folder, str(os.getpid()))
        os.mkdir(folder)
        os.chdir(folder)
        os.environ.update(dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), folder))

    def confine(self, opening: Mapping[str, Any]) -> int:
        allowance = Allowance(**opening["allowance"])
        # Of an account that nobody else has, the kernel counts this process and the child.
        running = 2 if self.shell.alone else opening["running"]
        confine(allowance, opening["cpu_seconds"], running, self.taken)
        tie_down(self.shell, self.pid)
        if self.shell.tier > 0:
            # From here on the kernel refuses to write files: see `move_out` for tier 0.
            memory_folder.install(self.folder)
        return self.shell.tier

    def ended(self) -> dict[str, Any]:
        return {"ended": self.child is None or has_ended(self.child)}

    def reap(self) -> dict[str, Any]:
        child, self.child = self.child, None
        code = None
        if child is not None:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return {"code": code, "left": _any_left()}

    def leave(self) -> None:
        """End, because the grader has: with it goes the child, and the folder."""
        if self.child is not None:
            kill_group(self.child)
            os.wait4(self.child, 0)
        while self.shell.tier == 0 and _any_left():
            kill_below(self.pid)
        if self.shell.tier == 0:
            shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)
        os._exit(0)


def _any_left() -> bool:
    """Reap the orphans that have ended; whether there are others."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True
