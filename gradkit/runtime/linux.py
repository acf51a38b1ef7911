"""Restrict a process with system calls that only Linux has, one function for each call.

- `hide` protects this process's memory and environment from other processes of the same user.
- `adopt_orphans` makes the fork server the parent of descendants that outlive their parent, so that
  it finds them.
- `die_with` ends workers together with the fork server.
- `forbid_new_privileges` prevents programs from gaining rights when they start. The next two need
  it.
- `read_only` (Landlock) prevents reading anything that is not named, and writing anything; also
  TCP, and signals and abstract sockets to other processes.
- `filter_calls` (seccomp) prevents starting programs and processes, opening for writing, sockets,
  tracing, and every call that is not listed in `gradkit.runtime.filters`.
- `become` gives up root for an account that no other process has.
- `count_as` is for machines where root cannot be given up. It limits the number of threads, which
  the kernel does not count for root.

None of these can be undone. Each raises OSError, with what was attempted, if the kernel refuses the
call, or reports success without having done it.
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

# Numbers of system calls; only that of seccomp depends on the architecture.
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_SECCOMP = {"x86_64": 317, "aarch64": 277}

_PDEATHSIG, _SET_DUMPABLE, _SUBREAPER, _NO_NEW_PRIVS = 1, 4, 36, 38
_GET_PDEATHSIG, _GET_DUMPABLE, _GET_SUBREAPER, _GET_NO_NEW_PRIVS = 2, 3, 37, 39
_SIGKILL = 9


def _check_result(what: str, result: int) -> int:
    """Return the result of a C function, or raise the OSError of a negative result.

    ``what`` says for the message what was attempted: ``asking for Landlock``.
    """
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _prctl(what: str, option: int, value: int) -> int:
    """Call prctl with one argument, and return its result; raise OSError if it fails.

    ``what`` says for the message what was attempted. ``option`` is the number of the operation.
    """
    arguments = [ctypes.c_ulong(item) for item in (value, 0, 0, 0)]
    return _check_result(what, _libc.prctl(ctypes.c_int(option), *arguments))


def _set_and_verify(what: str, option: int, value: int, asking: int, *, returned: bool) -> None:
    """Set an option of this process by prctl, read it back, and raise OSError if it differs.

    Some filters and emulators report success without setting anything. ``what`` says for the
    message what was attempted; ``option`` sets the value, and ``asking`` is the option that reads
    it. That option gives the value as the result of the call if ``returned`` is true; otherwise it
    writes the value to an address.
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
    """Make a system call, and return its result; raise OSError if it fails.

    ``what`` says for the message what was attempted. Integers among the arguments become C longs.
    """
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _check_result(what, int(_libc.syscall(ctypes.c_long(number), *converted)))


# --- prctl -------------------------------------------------------------------------------


def hide() -> None:
    """Close this process's memory, environment and descriptors to others of the same user."""
    _set_and_verify("hiding the process", _SET_DUMPABLE, 0, _GET_DUMPABLE, returned=True)


def adopt_orphans() -> None:
    """Make this process the parent of all its descendants whose own parent ends."""
    _set_and_verify("adopting orphans", _SUBREAPER, 1, _GET_SUBREAPER, returned=False)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent, `parent`, ends."""
    what = "asking to die with the parent"
    _set_and_verify(what, _PDEATHSIG, _SIGKILL, _GET_PDEATHSIG, returned=False)
    if os.getppid() != parent:
        raise OSError(errno.ESRCH, "the parent had ended before it could be watched")


def forbid_new_privileges() -> None:
    """Set no_new_privs: programs that this process starts gain no rights."""
    what = "renouncing new privileges"
    _set_and_verify(what, _NO_NEW_PRIVS, 1, _GET_NO_NEW_PRIVS, returned=True)


# --- seccomp -----------------------------------------------------------------------------


def can_filter() -> bool:
    """Return whether the kernel supports seccomp programs that refuse calls with an error."""
    action = struct.pack("<I", 0x00050000)
    try:
        _syscall("asking for seccomp", _SECCOMP[os.uname().machine], 2, 0, action)
    except (OSError, KeyError):
        return False
    return True


def filter_calls(program: bytes) -> None:
    """Load a seccomp program, which applies to this thread and all threads and processes below."""
    code = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    _syscall("loading a seccomp program", _SECCOMP[os.uname().machine], 1, 0, head)


# --- Landlock ----------------------------------------------------------------------------

_READ_FILE, _READ_FOLDER, _REMOVE_FOLDER = 1 << 2, 1 << 3, 1 << 4
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""Number of rights on files by version of Landlock; 16 from version 5."""


def landlock_version() -> int:
    """Return the version of Landlock in this kernel; 0 if it has none or refuses the question."""
    try:
        return _syscall("asking for Landlock", _LANDLOCK_CREATE, 0, 0, 1)
    except OSError:
        return 0


def ruleset(readable: Iterable[str], listed: Iterable[str], clearing: str) -> int:
    """Create a Landlock ruleset for `read_only`, and return its file descriptor.

    Parameters
    ----------
    readable : iterable of str
        Files and whole folders that may be read.
    listed : iterable of str
        Folders in and below which names may be listed.
    clearing : str
        The folder in which empty folders may be removed.

    Notes
    -----
    All other rights on files are removed. Version 4 of Landlock also removes TCP, and version 6
    abstract sockets and signals to other processes.
    """
    version = landlock_version()
    tcp, scopes = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    handled = struct.pack("<QQQ", (1 << _RIGHTS.get(version, 16)) - 1, tcp, scopes)
    handled = handled[: 24 if version >= 6 else 16 if version >= 4 else 8]
    rules = _syscall("making a Landlock ruleset", _LANDLOCK_CREATE, handled, len(handled), 0)
    try:
        for path in readable:
            _add_rule(rules, path, _READ_FILE | _READ_FOLDER)
        for path in listed:
            _add_rule(rules, path, _READ_FOLDER)
        _add_rule(rules, clearing, _REMOVE_FOLDER)
    except BaseException:
        os.close(rules)
        raise
    return rules


def read_only(rules: int) -> None:
    """Apply a ruleset to this thread for good, and close its descriptor.

    The thread loses all rights that the rules do not name.
    """
    try:
        _syscall("closing the room by Landlock", _LANDLOCK_RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _add_rule(rules: int, path: str, rights: int) -> None:
    """Add a rule to a Landlock ruleset: rights on the file or folder ``path``, if it exists.

    ``rules`` is the descriptor of the ruleset, and ``rights`` a bit mask of Landlock. For a file
    only the right to read it is used.
    """
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _READ_FILE
        rule = struct.pack("<Qi", rights, place)
        _syscall(f"allowing {path} by Landlock", _LANDLOCK_ADD, rules, 1, rule, 0)
    finally:
        os.close(place)


# --- accounts ----------------------------------------------------------------------------

_CAPGET = {"x86_64": 125, "aarch64": 90}
"""Number of the system call capget, by architecture; that of capset is the next."""

_CAPABILITIES = 0x20080522  # version 3
_FILES = 0b1110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH; CAP_FOWNER, to remove its folder


def spare_account() -> int:
    """Return the number of an unused account: not in the user database, and without a process.

    Raises
    ------
    OSError
        All accounts in the range `SPARE` are used.
    """
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                taken.add(entry.stat().st_uid)
            except FileNotFoundError:
                continue  # the process has ended
    for step in range(len(SPARE)):
        # Start at a number of its own, as several fork servers may choose at the same time.
        number: int = SPARE[(os.getpid() + step) % len(SPARE)]
        if number not in taken:
            return number
    raise OSError(errno.EUSERS, f"no account from {SPARE[0]} to {SPARE[-1]} is free")


def become(account: int) -> None:
    """Give up root for good: change this process to the account and group with this number.

    Raises
    ------
    OSError
        The kernel refuses, or the process is still another account.
    """
    os.setgroups([])
    os.setresgid(account, account, account)
    os.setresuid(account, account, account)
    if os.getresuid() != (account,) * 3 or os.getresgid() != (account,) * 3 or os.getgroups():
        raise OSError(errno.EPERM, f"the process is not account {account} after it was made so")


def count_as(account: int) -> None:
    """Let the kernel count this process for an account, and give up most powers of root, for good.

    The kernel limits the number of tasks of each account, but not of root or of processes with
    certain capabilities. Access to root's files is kept; other restrictions cover files.

    Raises
    ------
    OSError
        The kernel refuses, or does not count the process for the account.
    """
    os.setresuid(account, -1, -1)
    head = struct.pack("<Ii", _CAPABILITIES, 0)
    capabilities = ctypes.create_string_buffer(24)
    _syscall("asking for powers", _CAPGET[os.uname().machine], head, capabilities)
    low = [word & _FILES for word in struct.unpack("<6I", capabilities.raw)[:3]]
    kept = struct.pack("<6I", *low, 0, 0, 0)
    _syscall("giving up powers", _CAPGET[os.uname().machine] + 1, head, kept)
    if os.getresuid()[0] != account:
        raise OSError(errno.EPERM, f"the process does not count as {account} after it was made so")


def can_count_as(account: int) -> bool:
    """Return whether `count_as` works for an account, tried in a child process."""
    return _succeeds_in_child(lambda: count_as(account))


def can_become(account: int, readable: Iterable[str]) -> bool:
    """Return whether `become` works for an account that can then read all paths in ``readable``.

    A child process tries it, because it cannot be undone.
    """

    def attempt() -> None:
        become(account)
        if not all(os.access(path, os.R_OK) for path in readable):
            raise PermissionError

    return _succeeds_in_child(attempt)


def _succeeds_in_child(step: Callable[[], None]) -> bool:
    """Call ``step`` in a child process, and return whether it raised nothing.

    A step that cannot be undone is tried in this way.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            step()
            code = 0
        finally:
            os._exit(code)
    return bool(os.waitpid(pid, 0)[1] == 0)
