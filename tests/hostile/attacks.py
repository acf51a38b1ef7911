"""Attacks, as functions that run in a worker. Bounded: none could harm a machine without defences.

A ``prize`` attack returns what it got, and raises where it is held back; its tier is the lowest
that holds it. A ``contained`` attack may do as it likes with its own process: what counts is what
is left afterwards, in the grader and for the next submission.
"""

# ruff: noqa: D103  (each attack says in its decorator what it is)

import ast
import atexit
import builtins
import contextlib
import ctypes
import fcntl
import gc
import importlib
import json
import mmap
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gradkit.runtime.frames import TO_GRADER, Frame, encode


@dataclass(frozen=True, slots=True)
class Attack:
    """``tier`` holds it; ``as_root`` does, where root started the grader. ``prize`` or not."""

    name: str
    words: str
    run: object
    tier: int
    as_root: int
    prize: bool


ATTACKS: dict[str, Attack] = {}


def prize(words, tier, as_root=None):
    """Register an attack that is after something."""

    def register(run):
        name = run.__name__.replace("_", "-")
        ATTACKS[name] = Attack(name, words, run, tier, tier if as_root is None else as_root, True)
        return run

    return register


def contained(words):
    """Register an attack on its own process, or on what comes after it."""

    def register(run):
        name = run.__name__.replace("_", "-")
        ATTACKS[name] = Attack(name, words, run, 0, 0, False)
        return run

    return register


LIBC = ctypes.CDLL(None, use_errno=True)
MACHINE = 0 if os.uname().machine == "x86_64" else 1


def checked(result):
    """Raise what the C library reports."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(numbers, *arguments):
    """Make a system call by its number on x86_64 or aarch64."""
    given = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return checked(LIBC.syscall(ctypes.c_long(numbers[MACHINE]), *given))


def channel():
    """Find the channel to the grader."""
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


# --- time, memory, output ----------------------------------------------------------------


@contained("an endless loop that ignores every signal")
def endless_loop(bait):
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


@contained("an endless loop that catches every exception and turns the clocks back")
def stopped_clocks(bait):
    time.monotonic = time.time = time.perf_counter = lambda: 0.0
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(0.01)


@contained("a process that stops itself")
def stop_itself(bait):
    os.kill(os.getpid(), signal.SIGSTOP)


@contained("a process that kills itself")
def kill_itself(bait):
    os.kill(os.getpid(), signal.SIGKILL)


@contained("os._exit with a code of success")
def exit_early(bait):
    os._exit(0)


@contained("SystemExit, KeyboardInterrupt and a bare BaseException in turn")
def polite_exit(bait):
    with contextlib.suppress(SystemExit):
        sys.exit(0)
    with contextlib.suppress(KeyboardInterrupt):
        raise KeyboardInterrupt
    raise BaseException("out")


@contained("a segmentation fault")
def segfault(bait):
    ctypes.string_at(0)


@contained("recursion without a limit")
def recursion(bait):
    sys.setrecursionlimit(10**9)

    def deeper(n):
        return deeper([deeper, n])

    deeper(0)


@contained("source nested so deeply that parsing it crashes")
def nested_source(bait):
    ast.literal_eval("(" * 100_000 + ")" * 100_000)


@prize("more memory than allowed", 0)
def memory_hog(bait):
    blocks = [mmap.mmap(-1, 64 << 20) for _ in range(48)]
    return f"{sum(map(len, blocks)) >> 20} MiB"


@contained("memory taken by arrays until none is left")
def array_hog(bait):
    blocks = []
    with contextlib.suppress(MemoryError):
        while len(blocks) < 60:
            blocks.append(np.empty(64 << 20, np.uint8))
    raise MemoryError(str(len(blocks)))


@prize("memory in an anonymous file, which no limit counts", 1)
def anonymous_file(bait):
    os.close(os.memfd_create("hog"))
    return "a memfd"


@contained("a thousand threads")
def thread_bomb(bait):
    threading.stack_size(64 << 10)
    for _ in range(1000):
        threading.Thread(target=time.sleep, args=(30,)).start()


@contained("threads that would keep the process alive")
def surviving_threads(bait):
    for _ in range(3):
        threading.Thread(target=time.sleep, args=(30,)).start()


@contained("a flood of output")
def output_flood(bait):
    block = b"x" * 65536
    for _ in range(1000):
        os.write(1, block)


@contained("as many descriptors as can be had")
def descriptor_hog(bait):
    while True:
        os.pipe()


@contained("an exit hook, a trace function and a destructor that never end")
def slow_hooks(bait):
    class Slow:
        def __del__(self):
            time.sleep(30)

    def forever(*_):
        time.sleep(30)

    atexit.register(forever)
    bait["slow"] = Slow()
    threading.setprofile(forever)
    gc.callbacks.append(lambda *_: None)
    sys.settrace(forever)
    sys.excepthook = sys.unraisablehook = forever


@contained("an alarm that goes off in gradkit's own code")
def late_alarm(bait):
    def raise_it(*_):
        raise RuntimeError("boo")

    signal.signal(signal.SIGALRM, raise_it)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)


# --- processes ---------------------------------------------------------------------------


@prize("a fork bomb, of twelve", 1)
def fork_bomb(bait):
    for _ in range(12):
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
    return "12 processes"


@prize("a survivor, forked twice, in a session of its own", 1)
def survivor(bait):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(20)
        os._exit(0)
    os.wait()
    return "a process without a parent"


@contained("a survivor that holds the channel, and a parent that leaves")
def orphan_with_channel(bait):
    with contextlib.suppress(PermissionError):
        if os.fork() == 0:
            os.setsid()
            time.sleep(20)
    os._exit(3)


@prize("another program, by exec", 1)
def run_program(bait):
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", f"echo out >&{writer}"], {})
    os.waitpid(pid, 0)
    return os.read(reader, 10)


@prize("another program, by subprocess and a shell", 1)
def run_shell(bait):
    return subprocess.run("id", shell=True, capture_output=True, check=True).stdout  # noqa: S602


@prize("another program in this process's place", 1)
def exec_itself(bait):
    os.execv("/bin/sh", ["sh", "-c", "exit 0"])  # noqa: S606  (the point)


@prize("a signal to the grader", 1)
def signal_grader(bait):
    os.kill(bait["pid"], signal.SIGWINCH)
    return "a signal"


@prize("the end of the fork server", 1)
def kill_server(bait):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(1)
    return "it is dead"


@prize("a signal through F_SETOWN and O_ASYNC", 1)
def signal_by_descriptor(bait):
    reader, _ = os.pipe()
    fcntl.fcntl(reader, fcntl.F_SETOWN, bait["pid"])
    return "an owner"


@prize("a queued signal to the grader", 1)
def queued_signal(bait):
    information = ctypes.create_string_buffer(struct.pack("<iii", signal.SIGWINCH, 0, -1), 128)
    syscall((129, 138), bait["pid"], int(signal.SIGWINCH), information)
    return "a signal"


@prize("another group, out of reach of a kill by group", 1)
def leave_group(bait):
    os.setpgid(0, os.getppid())
    return "another group"


@prize("a worker that outlives its fork server", 1)
def undo_death(bait):
    checked(LIBC.prctl(1, 0, 0, 0, 0))
    return "no signal at the parent's death"


@prize("the grader traced", 1)
def trace_grader(bait):
    checked(LIBC.ptrace(0x4206, ctypes.c_long(bait["pid"]), None, None))
    return "it is traced"


@prize("the grader's memory, by /proc", 1, as_root=2)
def read_grader_memory(bait):
    with open(f"/proc/{bait['pid']}/mem", "rb", buffering=0) as memory:
        memory.seek(bait["address"])
        return memory.read(5)


@prize("the fork server's memory, by /proc", 1, as_root=2)
def read_server_memory(bait):
    with open(f"/proc/{os.getppid()}/mem", "rb", buffering=0) as memory:
        memory.seek(id(memory) & ~0xFFF)
        return memory.read(5)


@prize("the grader's memory written, by /proc", 1)
def write_grader_memory(bait):
    with open(f"/proc/{bait['pid']}/mem", "r+b", buffering=0) as memory:
        memory.seek(bait["address"])
        return memory.write(b"tweet")


@prize("the grader's memory, by process_vm_readv", 1)
def read_memory_directly(bait):
    word = ctypes.create_string_buffer(5)
    mine = (ctypes.c_size_t * 2)(ctypes.addressof(word), 5)
    theirs = (ctypes.c_size_t * 2)(bait["address"], 5)
    pid = ctypes.c_long(bait["pid"])
    checked(LIBC.process_vm_readv(pid, mine, ctypes.c_long(1), theirs, ctypes.c_long(1), 0))
    return word.raw


@prize("a descriptor of the grader's, by pidfd_getfd", 1)
def steal_descriptor(bait):
    return syscall((438, 438), syscall((434, 434), bait["pid"], 0), 1, 0)


@prize("the grader's environment", 1, as_root=2)
def grader_environment(bait):
    return Path(f"/proc/{bait['pid']}/environ").read_bytes()[:20]


@prize("a secret in this process's own environment", 0)
def own_environment(bait):
    found = [value for value in os.environ.values() if "secret" in value]
    return found[0]


@prize("limits set on the grader", 1)
def limit_grader(bait):
    limits = resource.prlimit(bait["pid"], resource.RLIMIT_CORE)
    return resource.prlimit(bait["pid"], resource.RLIMIT_CORE, limits)


@prize("the grader's priority", 1)
def renice_grader(bait):
    return os.setpriority(os.PRIO_PROCESS, bait["pid"], os.getpriority(os.PRIO_PROCESS, 0)) or "set"


@prize("the grader bound to one processor", 1)
def bind_grader(bait):
    os.sched_setaffinity(bait["pid"], os.sched_getaffinity(0))
    return "bound"


@prize("its own limits raised", 1)
def raise_limits(bait):
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft - 1, hard))
    return "changed"


@prize("its memory opened to others again", 1)
def show_itself(bait):
    checked(LIBC.prctl(4, 1, 0, 0, 0))
    return "dumpable"


@prize("the account of the grader, or root's", 1, as_root=1)
def regain_account(bait):
    syscall((117, 147), 0, 0, 0)
    return os.getresuid()


# --- files -------------------------------------------------------------------------------


@prize("the answer key", 2)
def answer_key(bait):
    return Path(bait["key"]).read_text()


@prize("the answer key through /proc/self/root", 2)
def answer_key_by_proc(bait):
    return Path(f"/proc/self/root{bait['key']}").read_text()


@prize("the answer key by steps: chdir, a folder's descriptor, a relative name", 2)
def answer_key_by_steps(bait):
    os.chdir(bait["folder"])
    folder = os.open(".", os.O_PATH)
    return os.read(os.open(os.path.basename(bait["key"]), os.O_RDONLY, dir_fd=folder), 20)


@prize("the answer key by a bare system call", 2)
def answer_key_by_call(bait):
    return os.read(syscall((257, 56), -100, bait["key"].encode(), 0), 20)


@prize("the folder of the answer key, listed", 2)
def list_folder(bait):
    return os.listdir(bait["folder"])


@prize("the accounts of the machine", 2)
def accounts(bait):
    return Path("/etc/passwd").read_text()


@prize("gradkit's own source", 2)
def gradkit_source(bait):
    return Path(sys.modules["gradkit"].__file__).read_text()


@prize("the part of gradkit that knows answers, imported", 2)
def import_gradkit(bait):
    return importlib.import_module("gradkit.task.oracle").__name__


@prize("the reference, imported from the answer key's folder", 2)
def import_reference(bait):
    sys.path.insert(0, bait["folder"])
    return importlib.import_module(Path(bait["key"]).stem).answers


@prize("a file on the disk, in its own folder", 1)
def write_here(bait):
    os.close(os.open("left.txt", os.O_WRONLY | os.O_CREAT, 0o600))
    return "written"


@prize("a message for the next process, saved in the working directory and found there", 1)
def leave_message(bait):
    # Who comes second finds what who came first has left.
    found = Path("message.txt").read_text() if Path("message.txt").exists() else ""
    Path("message.txt").write_text("the answers are 42")
    real = os.open("message.txt", os.O_RDONLY)
    return found or os.read(real, 99)


@prize("a file saved through `..` and through a working directory elsewhere", 1)
def write_around(bait):
    for path in ("../left.txt", f"{os.getcwd()}/../left.txt", f"{bait['folder']}/left.txt"):
        with contextlib.suppress(PermissionError):
            Path(path).write_text("left")
            Path(path).unlink()
            return path
    os.chdir(bait["folder"])
    Path("left.txt").write_text("left")
    Path("left.txt").unlink()
    return "written"


@contained("a folder filled up, file by file and through one long file")
def full_folder(bait):
    with contextlib.suppress(OSError):
        for number in range(1000):
            Path(f"{number}.txt").write_bytes(b"x")
    with contextlib.suppress(OSError), open("0.txt", "wb", 0) as file:
        file.seek(1 << 50)
        file.write(b"x")
    with open("0.txt", "wb", 0) as file:
        while True:
            file.write(bytes(1 << 20))


@prize("a hard link from its own folder to the answer key", 1)
def link_hard(bait):
    os.link(bait["key"], "key.py")
    os.unlink("key.py")
    return "linked"


@prize("a hard link, a symbolic link and a named pipe in its own folder", 1)
def odd_files(bait):
    Path("plain.txt").write_text("plain")
    for make in (
        lambda: os.link("plain.txt", "hard.txt"),
        lambda: os.symlink(bait["key"], "soft.txt"),
        lambda: os.mkfifo("pipe"),
    ):
        with contextlib.suppress(PermissionError):
            make()
            return "made"
    return None


@prize("a file in the answer key's folder", 1)
def write_there(bait):
    path = Path(bait["folder"], "left.txt")
    path.write_text("left")
    path.unlink()
    return "written"


@prize("a file written by openat2, whose flags no filter sees", 1)
def write_by_openat2(bait):
    how = struct.pack("<QQQ", os.O_WRONLY | os.O_CREAT, 0o600, 0)
    name = os.path.join(bait["folder"], "left2.txt").encode()
    descriptor = syscall((437, 437), -100, name, how, len(how))
    os.unlink(name)
    return descriptor


@prize("a file removed", 1)
def remove_file(bait):
    os.unlink(bait["removable"])
    return "removed"


@prize("a file emptied", 1)
def empty_file(bait):
    os.truncate(bait["removable"], 0)
    return "emptied"


@prize("a file's permissions changed", 1)
def change_mode(bait):
    os.chmod(bait["folder"], 0o700)
    return "changed"


@prize("a link made to the answer key", 1)
def link_key(bait):
    link = os.path.join(bait["folder"], "link")
    os.symlink(bait["key"], link)
    os.unlink(link)
    return "linked"


@prize("a named pipe, for whoever opens it to wait at", 1)
def named_pipe(bait):
    pipe = os.path.join(bait["folder"], "pipe")
    os.mkfifo(pipe)
    os.unlink(pipe)
    return "made"


@prize("a folder removed", 1)
def remove_folder(bait):
    os.rmdir(bait["empty"])
    return "removed"


@prize("bytecode put in place of numpy's, for the next who imports it", 1)
def poison_bytecode(bait):
    cache = Path(np.__file__).parent / "__pycache__"
    path = cache / "gradkit_test_of_writing.pyc"
    path.write_bytes(b"")
    path.unlink()
    return "written"


# --- network and kernel ------------------------------------------------------------------


@prize("a TCP connection", 1)
def tcp(bait):
    with socket.create_connection(("127.0.0.1", bait["tcp"]), timeout=1):
        return "connected"


@prize("a TCP port to listen at", 1)
def listen(bait):
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()


@prize("a UDP packet", 1)
def udp(bait):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        return sender.sendto(b"x", ("127.0.0.1", bait["udp"]))


@prize("a Unix socket", 1)
def unix_socket(bait):
    with socket.socket(socket.AF_UNIX) as sender:
        sender.connect(bait["unix"])
        return "connected"


@prize("an abstract socket", 1)
def abstract_socket(bait):
    with socket.socket(socket.AF_UNIX) as sender:
        sender.bind("\0gradkit-hostile")
        return "bound"


@prize("the kernel's list of networks, by netlink", 1)
def netlink(bait):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0):
        return "open"


@prize("a descriptor pushed to the grader through the channel", 1)
def push_descriptor(bait):
    with socket.socket(fileno=os.dup(channel())) as stream:
        socket.send_fds(stream, [b"x"], [0])
    return "sent"


@prize("io_uring, which makes calls that no filter sees", 1)
def io_uring(bait):
    return syscall((425, 425), 1, ctypes.create_string_buffer(120))


@prize("a namespace in which it is root", 1)
def new_namespace(bait):
    checked(LIBC.unshare(0x10000000))
    return "root"


@prize("a System V segment, which outlives everybody", 1)
def shared_segment(bait):
    segment = checked(LIBC.shmget(0, ctypes.c_size_t(4096), 0o1600))
    LIBC.shmctl(segment, 0, None)
    return segment


@prize("a key in the kernel's keyring", 1)
def keyring(bait):
    return syscall((248, 217), b"user", b"gradkit-hostile", b"x", 1, -2)


@prize("a BPF program", 1)
def bpf(bait):
    return syscall(
        (321, 280), 0, ctypes.create_string_buffer(struct.pack("<4I", 2, 4, 8, 1), 72), 72
    )


@prize("a call by its number for another architecture", 1)
def other_architecture(bait):
    if MACHINE == 1:
        raise OSError("there are no such calls here")
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20 (getpid); int 0x80; ret
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    return ctypes.CFUNCTYPE(ctypes.c_int)(address)()


@prize("a call by its x32 number", 1)
def x32_call(bait):
    if MACHINE == 1:
        raise OSError("there are no such calls here")
    return syscall((0x40000000 + 41,), socket.AF_INET, socket.SOCK_STREAM, 0)


# --- the grade ---------------------------------------------------------------------------


@prize("the grader's secret, in frames and among all objects", 0)
def walk_objects(bait):
    frame, names = sys._getframe(), []
    while frame is not None:
        names += [value for value in frame.f_locals.values() if isinstance(value, str)]
        frame = frame.f_back
    for item in gc.get_objects():
        if isinstance(item, dict):
            names += [value for value in list(item.values()) if isinstance(value, str)]
    # In two parts, so as not to find itself.
    (found,) = {name for name in names if name.startswith("of the " + "grader")}
    return found


@prize("what an earlier submission was sent, in memory", 0)
def neighbour_in_memory(bait):
    wanted = "of the " + "neighbour: "
    found = [
        value
        for item in gc.get_objects()
        if isinstance(item, dict | list | tuple)
        for value in (item.values() if isinstance(item, dict) else item)
        if isinstance(value, str) and wanted in value
    ]
    with contextlib.suppress(OSError):
        found += neighbours_in_pages(wanted.encode())
    return found[0]


def neighbours_in_pages(wanted):
    """Search every page that can be read, the freed ones too."""
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in maps:
            if " rw-p " in line:
                start, end = (int(part, 16) for part in line.split()[0].split("-"))
                for at in range(start, min(end, start + (64 << 20)), 1 << 20):
                    memory.seek(at)
                    with contextlib.suppress(OSError):
                        block = memory.read(min(1 << 20, end - at))
                        place = block.find(wanted)
                        if place >= 0 and block[place + len(wanted)] not in b"'\"\0":
                            yield block[place : place + 40]


@contained("numpy and builtins changed for whoever comes next")
def patched_numpy(bait):
    np.exp = np.dot = np.allclose = np.array_equal = lambda *_, **__: True
    np.float64 = np.ndarray = object
    np.random.seed(0)
    np.seterr(all="raise")
    builtins.abs = builtins.sum = builtins.isinstance = lambda *_: True
    for module in ("math", "random", "json", "gradkit.runtime.frames", "gradkit.runtime.call"):
        sys.modules[module] = None


@contained("arrays changed that every fork shares")
def changed_constants(bait):
    ctypes.memset(id(1000003) + 24, 7, 4)
    np.sctypeDict.clear()
    sys.modules.clear()


@contained("a reply that comes before it is asked for")
def forged_reply(bait):
    os.write(channel(), encode(Frame("tried", {}, {"got": None, "error": "x"}), TO_GRADER))


@contained("bytes that are no frame")
def no_frame(bait):
    os.write(channel(), b"HTTP/1.1 200 OK\r\n\r\n")


def forged(header, body, data=b""):
    """A frame with whatever lengths."""
    os.write(channel(), struct.pack("<4sIQ", b"GKF1", header, body) + data)
    time.sleep(5)


@contained("a header said to be 4 GiB long")
def long_header(bait):
    forged(2**32 - 1, 0)


@contained("a body said to be 16 EiB long")
def long_body(bait):
    forged(10, 2**64 - 1)


@contained("a header with an array larger than all memory")
def large_array(bait):
    layout = [{"name": "a", "dtype": "float64", "shape": [2**60, 2**60]}]
    head = json.dumps({"kind": "tried", "arrays": layout, "data": {}}).encode()
    forged(len(head), 8, head + bytes(8))


@contained("a header with an array of objects")
def object_array(bait):
    layout = [{"name": "a", "dtype": "object", "shape": [1]}]
    head = json.dumps({"kind": "tried", "arrays": layout, "data": {}}).encode()
    forged(len(head), 8, head + bytes(8))


@contained("a header of a hundred thousand brackets")
def nested_header(bait):
    head = b"[" * 60_000
    forged(len(head), 0, head)


@contained("a pickle that runs a command, in place of a frame")
def pickled_reply(bait):
    os.write(channel(), b"cposix\nsystem\n(S'touch left-by-pickle'\ntR.")
    time.sleep(5)


@contained("a reply that comes one byte at a time")
def dripping_reply(bait):
    end = channel()
    for byte in encode(Frame("tried", {}, {"got": None}), TO_GRADER) * 20:
        os.write(end, bytes([byte]))
        time.sleep(0.02)


@contained("a channel closed by a process that runs on")
def closed_channel(bait):
    os.closerange(3, 256)
    time.sleep(5)


@contained("escape sequences and markup in the text of an exception")
def hostile_text(bait):
    raise RuntimeError("\x1b]0;owned\x07\x1b[2J<script>alert(1)</script>\u202e\0" * 500)


@contained("an exception that cannot be shown")
def unspeakable(bait):
    class UnspeakableError(Exception):
        def __str__(self):
            return os._exit(0)

    raise UnspeakableError


# --- what the worker is asked ------------------------------------------------------------


def attack(frame):
    """Run one attack."""
    try:
        got = ATTACKS[frame.data["name"]].run(dict(frame.data["bait"]))
    except Exception as error:
        return Frame("tried", {}, {"got": None, "error": f"{type(error).__name__}: {error}"[:300]})
    return Frame("tried", {}, {"got": repr(got)[:100], "error": ""})


def good(frame):
    """What an honest submission does, in numbers that everything has a part in."""
    X = frame.arrays["X"]
    drawn = np.random.standard_normal(4)
    hidden = 1 / (1 + np.exp(-np.dot(X, X.T)))
    order = list({"W1", "b1", "W2", "b2", "rate"})
    return Frame(
        "done",
        {
            "hidden": hidden,
            "drawn": drawn,
            "sum": np.array(sum(abs(x) for x in X.ravel().tolist())),
            "norm": np.array(np.linalg.norm(X)),
        },
        {"order": order, "files": os.listdir("."), "big": 1000003},
    )


HANDLERS = {"attack": attack, "good": good}
