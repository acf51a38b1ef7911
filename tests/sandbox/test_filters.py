"""The seccomp programs, simulated step by step for both architectures."""

import errno
import os
import struct

import pytest

from gradkit.runtime import filters

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL = 0x7FFF0000, 0x80000000
OWN = 4711


def refuse(number):
    """Return the kernel's action that makes a call fail with this error."""
    return 0x00050000 | number


EPERM, ENOSYS = refuse(errno.EPERM), refuse(errno.ENOSYS)


def run(program, architecture, number, arguments=()):
    """Return the result of a BPF program for a call, as the kernel would."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *(*arguments, *[0] * 6)[:6])
    steps = list(struct.iter_unpack("<HBBI", program))
    at = value = 0
    while True:
        code, yes, no, k = steps[at]
        if code == 0x20:
            (value,) = struct.unpack_from("<I", data, k)
        elif code == 0x54:
            value &= k
        elif code == 0x06:
            return k
        else:
            true = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[code]
            at += yes if true else no
        at += 1


@pytest.fixture(params=ARCHITECTURES)
def machine(request):
    """Return each architecture."""
    return request.param


@pytest.fixture
def room(machine):
    """Return a function that runs the fork server's program: ``room(name, *arguments)``."""
    program, numbers = filters.room(machine), filters._call_numbers(machine)
    return lambda name, *given: run(program, ARCHITECTURES[machine], numbers[name], given)


@pytest.fixture
def worker(machine):
    """Return a function that runs both programs of a worker, and gives the stricter result."""
    programs = filters.room(machine), filters.leash(OWN, machine)
    numbers = filters._call_numbers(machine)

    def answer(name, *given):
        both = [run(p, ARCHITECTURES[machine], numbers[name], given) for p in programs]
        return min(both)

    return answer


def test_everyday_calls(room, worker):
    """Reading, memory, threads and waiting are allowed."""
    for name in ("read", "mmap", "futex", "getrandom", "clock_gettime", "exit_group", "statx"):
        assert room(name) == worker(name) == ALLOW


def test_unlisted_calls(machine):
    """A call that is known and not listed is refused; a newer one does not exist."""
    program, architecture = filters.room(machine), ARCHITECTURES[machine]
    listed = set(filters._call_numbers(machine).values())
    assert {run(program, architecture, n) for n in range(464) if n not in listed} == {EPERM}
    assert run(program, architecture, 464) == ENOSYS
    assert run(program, architecture, 0x40000000) == ENOSYS  # x32


def test_another_architecture(machine):
    """A call for another architecture, whose numbers mean other calls, ends the process."""
    for program in (filters.room(machine), filters.leash(OWN, machine)):
        assert run(program, 0x40000003, 4) == KILL


@pytest.mark.parametrize("extra", [0, os.O_CLOEXEC, os.O_DIRECTORY, os.O_NONBLOCK, os.O_PATH])
def test_opening(worker, extra):
    """Files may be opened only for reading, whatever other flags are set."""
    assert worker("openat", 0, 0, os.O_RDONLY | extra) == ALLOW
    for flag in (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC, os.O_TMPFILE, 3):
        assert worker("openat", 0, 0, flag | extra) == EPERM
    assert worker("openat2") == ENOSYS


def test_processes(room, worker):
    """The fork server may fork, workers may start threads, and neither may make namespaces."""
    fork, thread = 0x01200011, 0x003D0F00
    assert (room("clone", fork), room("clone", thread)) == (ALLOW, ALLOW)
    assert (worker("clone", fork), worker("clone", thread)) == (EPERM, ALLOW)
    for bit in (0x10000000, 0x00020000, 0x80, 0x2000, 0x8000):
        assert room("clone", fork | bit) == EPERM
    assert room("clone3") == worker("clone3") == ENOSYS


def test_signals(room, worker):
    """The fork server may signal its worker; a worker may signal only itself."""
    assert room("kill", 1) == ALLOW
    for name in ("kill", "tgkill"):
        assert worker(name, OWN) == ALLOW
        assert {worker(name, pid) for pid in (0, 1, OWN + 1, 0xFFFFFFFF)} == {EPERM}


def test_limits(room, worker):
    """A process may set its own limits before it is confined, and may only read them later."""
    assert room("prlimit64", 0, 7, 0x7FFF00000000) == ALLOW
    assert room("prlimit64", 1, 7, 0) == EPERM
    assert worker("prlimit64", 0, 7, 0) == ALLOW
    assert worker("prlimit64", 0, 7, 0x7FFF00000000) == EPERM
    assert worker("prlimit64", 0, 7, 1) == EPERM


def test_descriptors(worker):
    """Flags and copies are allowed, but not an owner that gets signals."""
    assert worker("fcntl", 5, 1030) == worker("ioctl", 1, 0x5401) == ALLOW
    assert worker("fcntl", 5, 8) == worker("ioctl", 0, 0x5412) == EPERM


def test_calls_only_the_fork_server_may_make(room, worker):
    """It needs them for its socket, sessions, the programs of workers, and to remove its folder."""
    for name in ("sendmsg", "recvmsg", "sendto", "seccomp", "setsid"):
        assert (room(name), worker(name)) == (ALLOW, EPERM)
    assert room("unlinkat", 0, 0, 0x200) == ALLOW
    assert room("unlinkat", 0, 0, 0) == worker("unlinkat", 0, 0, 0x200) == EPERM
    assert (room("prctl", 4), worker("prctl", 4), worker("prctl", 15)) == (ALLOW, EPERM, ALLOW)
