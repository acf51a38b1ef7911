"""What Linux alone offers to shut a process in, one function for each call.

- `hide`, against others of the same user that would read or write this process's memory, or read
  its environment.
- `adopt_orphans`, against descendants that outlive their parent: they come back to the fork
  server, which sees them.
- `die_with`, against workers that outlive the fork server.
- `renounce`, against programs that gain rights when they are started. The next two need it.
- `read_only` (Landlock), against reading what is not named and writing anything; besides against
  TCP, signals and abstract sockets out of the room.
- `filter_calls` (seccomp), against starting programs and processes, opening for writing, sockets,
  tracing, and all that is not listed in `gradkit.runtime.filters`.
- `become`, against what root may do: the worker is nobody else on the machine.
- `count_as`, where root cannot be given up, against threads without end: the kernel counts none of
  root's own.

None of these can be undone. Each raises OSError, with what was attempted, where the
kernel refuses, or says that it has done what it has not.
"""

from __future__ import annotations

import ctypes
import errno
import os
import pwd
import struct
from collections.abc import Callable, Iterable

from gradkit.runtime.remains import SPARE

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

# The same numbers on both architectures, but for seccomp.
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_SECCOMP = {"x86_64": 317, "aarch64": 277}

_PDEATHSIG, _SET_DUMPABLE, _SUBREAPER, _NO_NEW_PRIVS = 1, 4, 36, 38
_GET_PDEATHSIG, _GET_DUMPABLE, _GET_SUBREAPER, _GET_NO_NEW_PRIVS = 2, 3, 37, 39
_SIGKILL = 9


def _checked(what: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _prctl(what: str, option: int, value: int) -> int:
    arguments = [ctypes.c_ulong(item) for item in (value, 0, 0, 0)]
    return _checked(what, _libc.prctl(ctypes.c_int(option), *arguments))


def _set(what: str, option: int, value: int, asking: int, *, returned: bool) -> None:
    """Set something, and ask whether it is set: filters and emulators may only say so.

    The kernel's answer is what it ``returned``, or is written to an address.
    """
    _prctl(what, option, value)
    found = ctypes.c_int(-1)
    if returned:
        found.value = _prctl(what, asking, 0)
    else:
        _prctl(what, asking, ctypes.addressof(found))
    if found.value != value:
        raise OSError(errno.ENOSYS, f"{what}: the system says that it is done, and it is not")


def _syscall(what: str, number: int, *arguments: object) -> int:
    given = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(what, int(_libc.syscall(ctypes.c_long(number), *given)))


# --- prctl -------------------------------------------------------------------------------


def hide() -> None:
    """Close this process's memory, environment and descriptors to others of the same user."""
    _set("hiding the process", _SET_DUMPABLE, 0, _GET_DUMPABLE, returned=True)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parent ends."""
    _set("adopting orphans", _SUBREAPER, 1, _GET_SUBREAPER, returned=False)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent, `parent`, ends."""
    what = "asking to die with the parent"
    _set(what, _PDEATHSIG, _SIGKILL, _GET_PDEATHSIG, returned=False)
    if os.getppid() != parent:
        raise OSError(errno.ESRCH, "the parent had ended before it could be watched")


def renounce() -> None:
    """Gain no rights from programs any more (no_new_privs)."""
    what = "renouncing new privileges"
    _set(what, _NO_NEW_PRIVS, 1, _GET_NO_NEW_PRIVS, returned=True)


# --- seccomp -----------------------------------------------------------------------------


def can_filter() -> bool:
    """Tell whether the kernel takes seccomp programs that refuse calls with an error."""
    action = struct.pack("<I", 0x00050000)
    try:
        _syscall("asking for seccomp", _SECCOMP[os.uname().machine], 2, 0, action)
    except (OSError, KeyError):
        return False
    return True


def filter_calls(program: bytes) -> None:
    """Load a seccomp program; it holds for this thread and all that it starts."""
    code = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    _syscall("loading a seccomp program", _SECCOMP[os.uname().machine], 1, 0, head)


# --- Landlock ----------------------------------------------------------------------------

_READ_FILE, _READ_FOLDER, _REMOVE_FOLDER = 1 << 2, 1 << 3, 1 << 4
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""By version of Landlock, how many rights on files it knows; 16 from version 5."""


def landlock_version() -> int:
    """Return the version of Landlock in this kernel; 0 if there is none or it may not be asked."""
    try:
        return _syscall("asking for Landlock", _LANDLOCK_CREATE, 0, 0, 1)
    except OSError:
        return 0


def ruleset(readable: Iterable[str], listed: Iterable[str], clearing: str) -> int:
    """Make the rules for `read_only`, and return their descriptor.

    Parameters
    ----------
    readable : iterable of str
        Files, and folders with all in them, that may be read.
    listed : iterable of str
        Folders in which, and below which, names may be listed.
    clearing : str
        The folder in which empty folders may be removed.

    Every other right on files is taken, and as far as the kernel knows how TCP (version 4), and
    abstract sockets and signals to processes outside (version 6).
    """
    version = landlock_version()
    tcp, scopes = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    handled = struct.pack("<QQQ", (1 << _RIGHTS.get(version, 16)) - 1, tcp, scopes)
    handled = handled[: 24 if version >= 6 else 16 if version >= 4 else 8]
    rules = _syscall("making a Landlock ruleset", _LANDLOCK_CREATE, handled, len(handled), 0)
    try:
        for path in readable:
            _allow(rules, path, _READ_FILE | _READ_FOLDER)
        for path in listed:
            _allow(rules, path, _READ_FOLDER)
        _allow(rules, clearing, _REMOVE_FOLDER)
    except BaseException:
        os.close(rules)
        raise
    return rules


def read_only(rules: int) -> None:
    """Take from this thread, for good, all that the rules do not name; they are closed."""
    try:
        _syscall("closing the room by Landlock", _LANDLOCK_RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # what is not there needs no rule
    try:
        if not os.path.isdir(path):
            rights &= _READ_FILE
        rule = struct.pack("<Qi", rights, place)
        _syscall(f"allowing {path} by Landlock", _LANDLOCK_ADD, rules, 1, rule, 0)
    finally:
        os.close(place)


# --- accounts ----------------------------------------------------------------------------

_CAPGET = {"x86_64": 125, "aarch64": 90}
"""The call that asks for powers; the next one sets them."""

_CAPABILITIES = 0x20080522  # version 3
_FILES = 0b1110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH; CAP_FOWNER, to remove its folder


def spare_account() -> int:
    """The number of an account that is nobody's: not in the user database, without a process."""
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                taken.add(entry.stat().st_uid)
            except FileNotFoundError:
                continue  # it has ended meanwhile
    for step in range(len(SPARE)):
        # From a place of its own, as several fork servers may be choosing at this moment.
        number: int = SPARE[(os.getpid() + step) % len(SPARE)]
        if number not in taken:
            return number
    raise OSError(errno.EUSERS, f"no account from {SPARE[0]} to {SPARE[-1]} is free")


def become(account: int) -> None:
    """Give up root for the account and the group of this number, for good."""
    os.setgroups([])
    os.setresgid(account, account, account)
    os.setresuid(account, account, account)
    if os.getresuid() != (account,) * 3 or os.getresgid() != (account,) * 3 or os.getgroups():
        raise OSError(errno.EPERM, f"the process is not account {account} after it was made so")


def count_as(account: int) -> None:
    """Keep root's files, but be counted as this account, and lose root's powers, for good.

    The kernel limits how many tasks there are for each account, but for root's own, and for who
    has certain powers. What is kept of them is for files alone, which other defences close.
    """
    os.setresuid(account, -1, -1)
    head = struct.pack("<Ii", _CAPABILITIES, 0)
    held = ctypes.create_string_buffer(24)
    _syscall("asking for powers", _CAPGET[os.uname().machine], head, held)
    low = [word & _FILES for word in struct.unpack("<6I", held.raw)[:3]]
    kept = struct.pack("<6I", *low, 0, 0, 0)
    _syscall("giving up powers", _CAPGET[os.uname().machine] + 1, head, kept)
    if os.getresuid()[0] != account:
        raise OSError(errno.EPERM, f"the process does not count as {account} after it was made so")


def can_count_as(account: int) -> bool:
    """Tell whether this process could be counted as that account."""
    return _succeeds(lambda: count_as(account))


def can_become(account: int, readable: Iterable[str]) -> bool:
    """Tell whether this process could be that account, and could then still read these paths."""

    def attempt() -> None:
        become(account)
        if not all(os.access(path, os.R_OK) for path in readable):
            raise PermissionError

    return _succeeds(attempt)


def _succeeds(step: Callable[[], None]) -> bool:
    """Tell whether a step that cannot be undone raises nothing, in a process of its own."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            step()
            code = 0
        finally:
            os._exit(code)
    return bool(os.waitpid(pid, 0)[1] == 0)
