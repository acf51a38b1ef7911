"""Build the seccomp programs that decide which system calls a worker may make, and how.

Two programs apply to a worker, and the kernel uses the stricter answer.

- `room` is loaded once by the fork server, and all workers inherit it. It lists the allowed calls,
  so that an unknown call is refused. Calls with numbers beyond the list, which may be new, fail as
  calls that do not exist, and libraries then use an older call.
- `leash` is loaded by each worker. It forbids what the fork server itself needs: to fork, to signal
  other processes, to use sockets, and to set limits.

A refused call fails with EPERM, which Python raises as PermissionError. A call for another
architecture ends the process, because its numbers mean other calls.

A program sees the numbers among a call's arguments, but no text in memory, so it cannot distinguish
files: it refuses to open any file for writing, and leaves reading to Landlock.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Mapping
from functools import cache

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""By machine: the kernel's number of the architecture (AUDIT_ARCH_…), its column in `_NUMBERS`."""

_NUMBERS = """
read 0 63  write 1 64  readv 19 65  writev 20 66  pread64 17 67  preadv 295 69  preadv2 327 286
lseek 8 62  close 3 57  close_range 436 436  dup 32 23  dup2 33 -  dup3 292 24  stat 4 -
fstat 5 80  lstat 6 -  newfstatat 262 79  statx 332 291  access 21 -  faccessat 269 48
faccessat2 439 439  readlink 89 -  readlinkat 267 78  getcwd 79 17  chdir 80 49  fchdir 81 50
getdents 78 -  getdents64 217 61  statfs 137 43  fstatfs 138 44  umask 95 166  pipe 22 -
pipe2 293 59  fadvise64 221 223
mmap 9 222  munmap 11 215  mprotect 10 226  mremap 25 216  brk 12 214  madvise 28 233
mincore 27 232
futex 202 98  futex_waitv 449 449  set_robust_list 273 99  set_tid_address 218 96  rseq 334 293
membarrier 324 283  sched_yield 24 124  sched_getaffinity 204 123  sched_getparam 143 121
sched_getscheduler 145 120  sched_get_priority_max 146 125  sched_get_priority_min 147 126
getcpu 309 168  exit 60 93  exit_group 231 94
rt_sigaction 13 134  rt_sigprocmask 14 135  rt_sigreturn 15 139  rt_sigpending 127 136
rt_sigsuspend 130 133  rt_sigtimedwait 128 137  sigaltstack 131 132  restart_syscall 219 128
pause 34 -  alarm 37 -  setitimer 38 103  getitimer 36 102
poll 7 -  ppoll 271 73  select 23 -  pselect6 270 72  epoll_create 213 -  epoll_create1 291 20
epoll_ctl 233 21  epoll_wait 232 -  epoll_pwait 281 22  eventfd2 290 19  nanosleep 35 101
clock_nanosleep 230 115  wait4 61 260  waitid 247 95
getpid 39 172  gettid 186 178  getppid 110 173  getpgrp 111 -  getpgid 121 155  getsid 124 156
getuid 102 174  geteuid 107 175  getgid 104 176  getegid 108 177  getgroups 115 158
getresuid 118 148  getresgid 120 150  getpriority 140 141  getrusage 98 165  times 100 153
time 201 -  gettimeofday 96 169  clock_gettime 228 113  clock_getres 229 114  uname 63 160
sysinfo 99 179  getrandom 318 278  capget 125 90
open 2 -  openat 257 56  openat2 437 437  clone 56 220  clone3 435 435  fcntl 72 25  ioctl 16 29
prlimit64 302 261  kill 62 129  tgkill 234 131  prctl 157 167  seccomp 317 277  sendmsg 46 211
recvmsg 47 212  sendto 44 206  setsid 112 157  unlinkat 263 35  rmdir 84 -
"""
"""Calls by name, with their numbers on x86_64 and aarch64, from the kernel's tables."""

_LATEST = 463
"""Largest number in those tables; calls with larger numbers may be new and harmless."""


# --- BPF instructions, as in linux/filter.h ------------------------------------------------

_LOAD, _JEQ, _JGE, _JSET, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in the kernel's seccomp_data, in bytes

Instructions = list[tuple[int, int, int, int]]


def _load(offset: int) -> Instructions:
    return [(_LOAD, 0, 0, offset)]


def _jump(code: int, value: int, yes: int, no: int) -> Instructions:
    return [(code, yes, no, value & 0xFFFFFFFF)]


def _answer(value: int) -> Instructions:
    return [(_RETURN, 0, 0, value)]


def _low_offset(argument: int) -> int:
    return _ARGUMENTS + 8 * argument


_ALLOWED = _answer(_ALLOW)
_REFUSED = _answer(_REFUSE | errno.EPERM)
_MISSING = _answer(_REFUSE | errno.ENOSYS)
"""Fail as if the call did not exist."""


# --- rules --------------------------------------------------------------------------------
#
# A rule decides by the lower 32 bits of one argument of the call, counted from 0. Each path through
# its instructions ends with an answer.


def _allow_without_bits(argument: int, bits: int) -> Instructions:
    """Return a rule that allows a call if an argument has none of these bits."""
    return [*_load(_low_offset(argument)), *_jump(_JSET, bits, 1, 0), *_ALLOWED, *_REFUSED]


def _allow_with_bits(argument: int, bits: int) -> Instructions:
    """Return a rule that allows a call if an argument has all of these bits."""
    masked = [*_load(_low_offset(argument)), (_AND, 0, 0, bits)]
    return [*masked, *_jump(_JEQ, bits, 0, 1), *_ALLOWED, *_REFUSED]


def _allow_values(argument: int, *values: int) -> Instructions:
    """Return a rule that allows a call if an argument has one of these values."""
    code = _load(_low_offset(argument))
    for place, value in enumerate(values):
        code += _jump(_JEQ, value, len(values) - place, 0)
    return [*code, *_REFUSED, *_ALLOWED]


def _allow_null(argument: int) -> Instructions:
    """Return a rule that allows a call if all 64 bits of an argument are 0."""
    low = _low_offset(argument)
    zeros = [*_load(low), *_jump(_JEQ, 0, 0, 3), *_load(low + 4), *_jump(_JEQ, 0, 0, 1)]
    return [*zeros, *_ALLOWED, *_REFUSED]


# --- the two programs ---------------------------------------------------------------------

# From the kernel's headers; they are the same on both architectures.
_WRITING = 0o3 | 0o100 | 0o1000 | 0o20000000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_TMPFILE
_NAMESPACES = 0x7E020080
_TRACED_OR_SIBLING = 0x0080A000  # CLONE_PTRACE, CLONE_PARENT, CLONE_UNTRACED
_THREAD = 0x00010000
_DUP_AND_FLAGS = (0, 1, 2, 3, 4, 1030, 1032)  # no F_SETOWN: it sends signals to other processes
_TERMINAL_AND_FLAGS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS … FIOCLEX
_REMOVE_FOLDER = 0x200
_NAMES_OF_THREADS = (15, 16, 3, 0x53564D41)  # PR_SET_NAME, _GET_NAME, _GET_DUMPABLE, _SET_VMA

_ROOM_RULES = {
    "open": _allow_without_bits(1, _WRITING),
    "openat": _allow_without_bits(2, _WRITING),
    "openat2": _MISSING,  # its flags are in memory, which a program cannot read
    "clone": _allow_without_bits(0, _NAMESPACES | _TRACED_OR_SIBLING),
    "clone3": _MISSING,  # its flags are in memory too
    "fcntl": _allow_values(1, *_DUP_AND_FLAGS),
    "ioctl": _allow_values(1, *_TERMINAL_AND_FLAGS),
    "prlimit64": _allow_values(0, 0),  # of this process alone
    "unlinkat": _allow_values(2, _REMOVE_FOLDER),
}


def known() -> bool:
    """Return whether `_NUMBERS` has the system calls of this machine's architecture."""
    return os.uname().machine in _ARCHITECTURES


def room(machine: str = "") -> bytes:
    """Return the seccomp program of the fork server, which all its workers inherit.

    Parameters
    ----------
    machine : str
        ``x86_64`` or ``aarch64``; by default this machine's.
    """
    rules = {name: _ROOM_RULES.get(name, _ALLOWED) for name in _call_numbers(machine)}
    newer = [*_jump(_JGE, _LATEST + 1, 0, 1), *_MISSING]
    return _program(machine, rules, [*newer, *_REFUSED])


def leash(pid: int, machine: str = "") -> bytes:
    """Return the seccomp program of one worker, which refuses it some system calls.

    The worker may start threads but no processes, and send signals only to itself. ``pid`` is its
    process number, and ``machine`` is as for `room`.
    """
    rules = {
        "clone": _allow_with_bits(0, _THREAD),
        "kill": _allow_values(0, pid),
        "tgkill": _allow_values(0, pid),
        # So a worker can neither undo `hide` nor `die_with`.
        "prctl": _allow_values(0, *_NAMES_OF_THREADS),
        "prlimit64": _allow_null(2),  # limits may be read, not set
        **dict.fromkeys(
            ("seccomp", "sendmsg", "recvmsg", "sendto", "setsid", "unlinkat", "rmdir"), _REFUSED
        ),
    }
    return _program(machine, rules, _ALLOWED)


@cache
def _call_numbers(machine: str) -> Mapping[str, int]:
    """Return the numbers of system calls by name, for those that an architecture has.

    ``machine`` is its name, as ``x86_64``, or empty for this machine.
    """
    architecture_index = _ARCHITECTURES[machine or os.uname().machine][1]
    words = _NUMBERS.split()
    triples = zip(words[::3], words[1::3], words[2::3], strict=True)
    return {
        name: int(pair[architecture_index])
        for name, *pair in triples
        if pair[architecture_index] != "-"
    }


def _program(machine: str, rules: Mapping[str, Instructions], otherwise: Instructions) -> bytes:
    """Return the bytes of a seccomp program with a rule for each named system call.

    ``rules`` has the instructions of each rule by the name of its call. All other calls run the
    instructions ``otherwise``. ``machine`` is the architecture, by default this machine's; a call
    for another architecture ends the process.
    """
    numbers = _call_numbers(machine)
    architecture = _ARCHITECTURES[machine or os.uname().machine][0]
    code = [
        *_load(_ARCHITECTURE),
        *_jump(_JEQ, architecture, 1, 0),
        *_answer(_KILL),
        *_load(_NUMBER),
    ]
    for name, rule in rules.items():
        if name in numbers:
            code += [*_jump(_JEQ, numbers[name], 0, len(rule)), *rule]
    return b"".join(struct.pack("<HBBI", *step) for step in [*code, *otherwise])
