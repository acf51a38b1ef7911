"""Handlers for the tests of the worker, which act like good and bad student code."""

# ruff: noqa: D103  (the names say what the handlers do)

import contextlib
import ctypes
import os
import random
import select
import signal
import subprocess
import sys
import threading
import time

import numpy as np

from gradkit.runtime import serve
from gradkit.runtime.frames import TO_GRADER, TO_WORKER, Frame, encode
from gradkit.runtime.serve import ask_grader


def echo(frame):
    return Frame("echoed", frame.arrays, frame.data)


def draw(frame):
    return Frame("drawn", {"numbers": np.array([random.random(), np.random.rand()])})  # noqa: S311  (seeded)


def look(frame):
    """Reply with the environment that the process sees."""
    data = {
        "pid": os.getpid(),
        "folder": os.getcwd(),
        "files": os.listdir("."),
        "environment": sorted(os.environ),
        "path": sys.path,
        "argv": sys.argv,
        "input": sys.stdin.read(),
        "hash": hash("gradkit"),
    }
    return Frame("seen", {}, data)


def flag(frame):
    """Reply with the flags of standard input, after setting others."""
    import fcntl

    flags = fcntl.fcntl(0, fcntl.F_GETFL)
    fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_NONBLOCK | os.O_APPEND)
    assert fcntl.fcntl(0, fcntl.F_GETFL) != flags
    return Frame("flags", {}, {"flags": flags})


def say(frame):
    sys.stdout.write(frame.data["text"])
    print("to error", file=sys.stderr)
    os.write(1, b"\x1b[31mraw\x1b[0m")
    return Frame("said")


def hang(frame):
    for number in range(1, signal.NSIG):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    print("about to hang", flush=True)
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(0.001)


def leave(frame):
    os._exit(frame.data["code"])


def signalled(frame):
    os.kill(os.getpid(), frame.data["signal"])
    time.sleep(5)


def segfault(frame):
    ctypes.string_at(0)


def flood(frame):
    block = b"x" * 65536
    while True:
        os.write(1, block)


def print_much(frame):
    for _ in range(frame.data["lines"]):
        print("y" * 99)
    return Frame("printed")


def fail(frame):
    raise RuntimeError("\x1b[31mwent\x00 wrong " + "long " * 1000)


class UnspeakableError(Exception):
    """An exception whose text cannot be read."""

    def __str__(self):
        raise ValueError("no")


def fail_unspeakably(frame):
    raise UnspeakableError


def quit_politely(frame):
    raise SystemExit(3)


def oversized(frame):
    return Frame("big", {"a": np.zeros(3 << 20)})


def allocate(frame):
    try:
        np.ones(frame.data["bytes"], np.uint8)
    except MemoryError:
        return Frame("refused")
    return Frame("allocated")


def channel():
    """Return the descriptor of the channel, found as an attacker would."""
    for descriptor in range(3, 256):
        try:
            if os.path.samestat(os.fstat(descriptor), os.fstat(1)):
                continue
            os.write(descriptor, b"")
        except OSError:
            continue
        if os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:"):
            return descriptor
    raise RuntimeError("no channel found")


def garbage(frame):
    os.write(channel(), b"GET / HTTP/1.1\r\n\r\n" * 10)
    time.sleep(5)


def partial(frame):
    os.write(channel(), b"GKF1\x40\x00")
    os._exit(frame.data["code"])


def shut(frame):
    os.close(channel())
    time.sleep(5)


def forge(frame):
    """Send a second reply, for a later request."""
    os.write(channel(), encode(Frame("real"), TO_GRADER))
    return Frame("forged")


def breed(frame):
    """Start descendants in the group, in another session, and below each."""
    script = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    pids = []
    for new_session in (False, True):
        process = subprocess.Popen(
            [sys.executable, "-S", "-c", script],
            stdout=subprocess.PIPE,
            start_new_session=new_session,
        )
        pids += [process.pid, int(process.stdout.readline())]
    return Frame("bred", {"pids": np.array(pids)})


def orphan_holds_channel(frame):
    """Exit, while a child keeps the channel open."""
    if os.fork() == 0:
        time.sleep(20)
        os._exit(0)
    os._exit(5)


def litter(frame):
    with open("left behind", "w") as file:
        file.write("x")
    os.mkdir("folder")
    os.symlink("/", "folder/root")
    return Frame("littered")


def write_file(frame):
    try:
        with open("large", "wb") as file:
            for _ in range(frame.data["mebibytes"]):
                file.write(bytes(1 << 20))
    except OSError as error:
        return Frame("refused", {}, {"errno": error.errno})
    return Frame("written")


def double(frame):
    """Have the grader double an array some times, and make a last call after the reply."""
    array = frame.arrays["a"]
    for _ in range(frame.data["times"]):
        answer = ask_grader(Frame("stub-call", {"a": array}, {}))
        array = answer.arrays.get("a")
    if frame.data.get("after"):
        threading.Timer(0.1, ask_grader, [Frame("stub-call", {}, {})]).start()
    return Frame("doubled", {"a": array}, {})


def files_of_channel():
    """Return the files of the channel, which student code can reach, too."""
    names = ("requests", "replies")
    (exchange,) = serve._exchange
    cells = dict(zip(exchange.__code__.co_freevars, exchange.__closure__, strict=True))
    return [cells[name].cell_contents for name in names]


def call_early(frame):
    """Reply, and send a call as soon as the next request begins to arrive."""
    requests, replies = files_of_channel()
    replies.write(encode(Frame("ready"), TO_GRADER))
    replies.flush()
    select.select([requests], [], [])
    replies.write(encode(Frame("stub-call"), TO_GRADER))
    replies.flush()
    time.sleep(5)


def call_wrongly(frame):
    """Send a call of another format."""
    _, replies = files_of_channel()
    replies.write(encode(Frame("stub-call"), TO_GRADER).replace(b"GKF1", b"GKF9"))
    replies.flush()
    time.sleep(5)


def call_largely(frame):
    """Send a call with an array that is too large."""
    _, replies = files_of_channel()
    array = np.zeros((TO_GRADER.body >> 3) + 1)
    replies.write(encode(Frame("stub-call", {"a": array}, {}), TO_WORKER))
    replies.flush()
    time.sleep(5)


HANDLERS = {
    name.replace("_", "-"): value
    for name, value in list(globals().items())
    if getattr(value, "__module__", None) == __name__ and callable(value) and name[0].islower()
}
