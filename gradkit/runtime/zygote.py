"""Run a fork server (zygote): a process with numpy loaded that forks workers.

The grader sends commands over a socket, and gets a JSON answer to each. ``fork`` comes with a
channel and a descriptor for printed output. It makes a child that answers the grader's requests
over the channel; the zygote itself reads neither requests nor replies. ``ended`` asks whether the
child has ended. An ended child is kept as a zombie until ``reap``, so that no other process gets
its number. Processes that the child had started have become children of the zygote by then, and the
answer to ``reap`` says whether there are any ``left`` to kill.

After it has loaded everything, the zygote restricts itself, and thereby its children: see
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
from gradkit.runtime.harden import Confinement, confine_server, confine_worker
from gradkit.runtime.messages import UNCONFINED, Allowance, ConfinementError, confine, taken_memory
from gradkit.runtime.remains import has_ended, kill_below, kill_group
from gradkit.runtime.serve import Handlers, load, open_streams, redirect_streams, serve

UNFIT = 70
"""Exit code of a child that failed for a reason other than its confinement."""


def main(settings: dict[str, Any]) -> None:
    """Load the modules of workers, apply all restrictions, then fork workers on command.

    Never returns: the process ends when the grader closes the socket, or if it cannot be confined.

    Parameters
    ----------
    settings : dict
        ``control``: descriptor of the socket; ``preload``, ``handlers``, ``search``: see `load`.
    """
    control = socket.socket(fileno=settings["control"])
    control.set_inheritable(False)
    handlers = load(settings["preload"], settings["handlers"], settings["search"])
    open_streams()
    zygote = _Zygote(control, handlers)
    try:
        zygote.confinement = confine_server(zygote.folder, settings["preload"])
    except ConfinementError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(UNCONFINED)
    zygote.run()


class _Zygote:
    """The fork server, with at most one child that has not been reaped."""

    confinement: Confinement

    def __init__(self, control: socket.socket, handlers: Handlers) -> None:
        """Store the grader's socket, the request handlers of workers, and this process's own facts.

        These are its folder, its process number and the memory that it uses.
        """
        self.control = control
        self.handlers = handlers
        self.folder = os.getcwd()
        self.pid = os.getpid()
        self.child: int | None = None
        # Measured now, because the sandbox will forbid it.
        self.taken = taken_memory()

    def run(self) -> None:
        """Answer the grader's commands until it closes the socket; then end the process.

        A command is fork, ended or reap, the names of methods, with descriptors as their arguments.
        """
        answers: Mapping[bytes, Callable[..., dict[str, Any]]] = {
            b"fork": self.fork,
            b"ended": self.ended,
            b"reap": self.reap,
        }
        # A killed grader that has not read an answer resets the connection.
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while True:
                request, received, _, _ = socket.recv_fds(self.control, 16, 2)
                if not request:
                    break
                self.control.send(json.dumps(answers[request](*received)).encode())
        self.leave()

    def fork(self, channel: int, output: int) -> dict[str, Any]:
        """Fork a worker, and answer with its process number.

        ``channel`` is the descriptor of the worker's connection to the grader, and ``output`` that
        of its printed output. Both are closed in this process, which exits if it cannot fork.
        """
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
        """Serve the grader over a channel as a worker, in the forked child; never returns.

        ``output`` is the descriptor for printed output. The process exits with 0, `UNCONFINED` if
        it could not be confined, or `UNFIT`.
        """
        code = UNFIT
        try:
            os.setsid()
            self.control.close()
            redirect_streams(output)
            os.close(output)
            if self.confinement.tier == 0:
                self.move_out()
            # A high number, because student code may close or write to low descriptors by mistake.
            high = fcntl.fcntl(channel, fcntl.F_DUPFD_CLOEXEC, random.randrange(128, 192))  # noqa: S311  (not a secret)
            os.close(channel)
            # Used as a file, because the sandbox forbids calls that only sockets have.
            requests = open(high, "rb", buffering=0)  # noqa: SIM115  (until this process ends)
            serve(self.handlers, requests, open(high, "wb"), self.confine)  # noqa: SIM115
            code = 0
        except ConfinementError as error:
            code = UNCONFINED
            print(error, file=sys.stderr, flush=True)
        except BaseException:  # the child must not return to the zygote's loop
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def move_out(self) -> None:
        """Make a folder for this worker, and use it as working and temporary folder."""
        folder = os.path.join(self.folder, str(os.getpid()))
        os.mkdir(folder)
        os.chdir(folder)
        os.environ.update(dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), folder))

    def confine(self, opening: Mapping[str, Any]) -> int:
        """Apply a worker's limits and restrictions, and return the tier, the level of isolation.

        ``opening`` is the data of the worker's first request: ``allowance``, ``cpu_seconds`` and
        ``running``.
        """
        allowance = Allowance(**opening["allowance"])
        # In an account of its own, the kernel counts the zygote and the worker.
        running = 2 if self.confinement.alone else opening["running"]
        confine(allowance, opening["cpu_seconds"], running, self.taken)
        confine_worker(self.confinement, self.pid)
        if self.confinement.tier > 0:
            # The kernel now refuses to write files. Tier 0 has a folder, see `move_out`.
            memory_folder.install(self.folder)
        return self.confinement.tier

    def ended(self) -> dict[str, Any]:
        """Answer whether the child has ended, or there is none."""
        return {"ended": self.child is None or has_ended(self.child)}

    def reap(self) -> dict[str, Any]:
        """Wait for the child's end; answer with its exit code and whether other children are left.

        The code is None if there is no child.
        """
        child, self.child = self.child, None
        code = None
        if child is not None:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return {"code": code, "left": _has_children()}

    def leave(self) -> None:
        """Kill the child and its descendants, remove the folder, and exit."""
        if self.child is not None:
            kill_group(self.child)
            os.wait4(self.child, 0)
        while self.confinement.tier == 0 and _has_children():
            kill_below(self.pid)
        if self.confinement.tier == 0:
            shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)
        os._exit(0)


def _has_children() -> bool:
    """Reap all children that have ended, and return whether any are still running."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True
