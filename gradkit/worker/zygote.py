"""The program of a fork server: one process, with numpy loaded, that only ever forks.

The grader talks to it over a socket. ``{"fork": folder}``, together with a channel and a
descriptor for printed output, makes a child that serves the grader over the channel; the
zygote itself reads neither requests nor replies. It says when the child has ended, and
keeps it as a zombie, whose number cannot be taken by another process, until it is asked to
``{"reap"}`` it.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import random
import select
import shutil
import signal
import socket
import sys
import traceback
from typing import Any

from gradkit.worker.serve import Handlers, load, open_streams, point_streams, serve
from gradkit.worker.tree import kill_tree

UNFIT = 70
"""Exit code of a child that could not begin to serve."""


def main(settings: dict[str, Any]) -> None:
    """Load what workers need, then fork until the grader closes the socket."""
    control = socket.socket(fileno=settings["control"])
    control.set_inheritable(False)
    handlers = load(settings["preload"], settings["handlers"], settings["search"])
    open_streams()
    # Keeps the collector of a child from touching, and so copying, every page it shares.
    gc.collect()
    gc.freeze()
    _Zygote(control, handlers).run()


class _Zygote:
    def __init__(self, control: socket.socket, handlers: Handlers) -> None:
        self.control = control
        self.handlers = handlers
        self.child: int | None = None
        self.wake, self.woken = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(self.woken, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.woken, warn_on_full_buffer=False)

    def run(self) -> None:
        while True:
            ready, _, _ = select.select([self.control.fileno(), self.wake], [], [])
            if self.wake in ready:
                os.read(self.wake, 4096)
                self.tell_if_ended()
            if self.control.fileno() in ready:
                message, received, _, _ = socket.recv_fds(self.control, 65536, 2)
                if not message:
                    self.leave()
                request = json.loads(message)
                if "fork" in request:
                    self.fork(request["fork"], *received)
                else:
                    self.reap()

    def say(self, **message: object) -> None:
        self.control.send(json.dumps(message).encode())

    def fork(self, folder: str, channel: int, output: int) -> None:
        pid = os.fork()
        if pid == 0:
            self.become_worker(folder, channel, output)
        os.close(channel)
        os.close(output)
        self.child = pid
        self.say(pid=pid)

    def become_worker(self, folder: str, channel: int, output: int) -> None:
        code = UNFIT
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.control.close()
            os.close(self.wake)
            os.close(self.woken)
            point_streams(output)
            os.close(output)
            os.chdir(folder)
            os.environ.update(dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), folder))
            # Out of the way of whoever closes or writes to low descriptors by accident.
            high = fcntl.fcntl(channel, fcntl.F_DUPFD_CLOEXEC, random.randrange(128, 192))  # noqa: S311  (not a secret)
            os.close(channel)
            with socket.socket(fileno=high) as stream:
                serve(self.handlers, stream.recv_into, stream.sendall)
            code = 0
        except BaseException:  # nothing may return into the zygote's loop
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def tell_if_ended(self) -> None:
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if self.child is not None and os.waitid(os.P_PID, self.child, flags) is not None:
            self.say(ended=self.child)

    def reap(self) -> None:
        child, self.child = self.child, None
        if child is None:
            self.say(code=None)
            return
        _, status, usage = os.wait4(child, 0)
        self.say(
            code=os.waitstatus_to_exitcode(status),
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            max_rss=usage.ru_maxrss * 1024,
        )

    def leave(self) -> None:
        """End, because the grader has: with it goes the child, and the folder."""
        if self.child is not None:
            kill_tree(self.child)
            os.wait4(self.child, 0)
        shutil.rmtree(os.getcwd(), ignore_errors=True)
        os._exit(0)
