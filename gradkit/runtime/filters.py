"""Seccomp programs: which system calls a worker may make, and with which arguments.

Two programs, and both apply: the strictest answer counts.

- `room` goes into the fork server once, and every worker inherits it. It is a list of what is
  allowed, so that a call nobody thought of is refused. Numbers the list is too old to know are
  answered with "no such call", upon which libraries fall back on an older one.
- `leash` goes into each worker. It takes away what the fork server itself needs: forking, foreign
  processes, sockets, new limits.

A refused call gives EPERM, which Python raises as PermissionError. A call made for another
architecture ends the process: its numbers mean other calls.

A program can look at numbers and not at text in memory, so it cannot tell files apart: it refuses
to open any file for writing, and leaves reading to Landlock.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Mapping
from functools import cache

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""What the kernel calls an architecture (AUDIT_ARCH_…), and its column in `_NUMBERS`."""

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
"""The largest number in those tables; what is beyond may be new and harmless."""


# --- the kernel's instructions: BPF, as in linux/filter.h ----------------------------------

_LOAD, _JEQ, _JGE, _JSET, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # where the kernel puts them

Instructions = list[tuple[int, int, int, int]]


def _load(offset: int) -> Instructions:
    return [(_LOAD, 0, 0, offset)]


def _jump(code: int, value: int, yes: int, no: int) -> Instructions:
    return [(code, yes, no, value & 0xFFFFFFFF)]


def _answer(value: int) -> Instructions:
    return [(_RETURN, 0, 0, value)]


def _low(argument: int) -> int:
    return _ARGUMENTS + 8 * argument


_ALLOWED = _answer(_ALLOW)
_REFUSED = _answer(_REFUSE | errno.EPERM)
_MISSING = _answer(_REFUSE | errno.ENOSYS)
"""As if there were no such call."""


# --- when a call is allowed ---------------------------------------------------------------
#
# Each way through the instructions of a rule ends with an answer. A rule looks at the lower half of
# one of the call's arguments, counted from 0.


def _lacks(argument: int, bits: int) -> Instructions:
    """Allow what has none of these bits."""
    return [*_load(_low(argument)), *_jump(_JSET, bits, 1, 0), *_ALLOWED, *_REFUSED]


def _has(argument: int, bits: int) -> Instructions:
    """Allow what has all of these bits."""
    masked = [*_load(_low(argument)), (_AND, 0, 0, bits)]
    return [*masked, *_jump(_JEQ, bits, 0, 1), *_ALLOWED, *_REFUSED]


def _is(argument: int, *values: int) -> Instructions:
    """Allow these values."""
    found = _load(_low(argument))
    for place, value in enumerate(values):
        found += _jump(_JEQ, value, len(values) - place, 0)
    return [*found, *_REFUSED, *_ALLOWED]


def _null(argument: int) -> Instructions:
    """Allow an argument that is 0 in both halves."""
    low = _low(argument)
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
    "open": _lacks(1, _WRITING),
    "openat": _lacks(2, _WRITING),
    "openat2": _MISSING,  # its flags are in memory
    "clone": _lacks(0, _NAMESPACES | _TRACED_OR_SIBLING),
    "clone3": _MISSING,  # likewise
    "fcntl": _is(1, *_DUP_AND_FLAGS),
    "ioctl": _is(1, *_TERMINAL_AND_FLAGS),
    "prlimit64": _is(0, 0),  # of this process alone
    "unlinkat": _is(2, _REMOVE_FOLDER),
}


def known() -> bool:
    """Tell whether the numbers of this machine's calls are known here."""
    return os.uname().machine in _ARCHITECTURES


def room(machine: str = "") -> bytes:
    """Return the program of the fork server, and so of all its workers."""
    rules = {name: _ROOM_RULES.get(name, _ALLOWED) for name in _numbers(machine)}
    newer = [*_jump(_JGE, _LATEST + 1, 0, 1), *_MISSING]
    return _program(machine, rules, [*newer, *_REFUSED])


def leash(pid: int, machine: str = "") -> bytes:
    """Return the program of one worker, which may signal no process but itself, `pid`."""
    rules = {
        "clone": _has(0, _THREAD),
        "kill": _is(0, pid),
        "tgkill": _is(0, pid),
        "prctl": _is(0, *_NAMES_OF_THREADS),  # not dumpable again, no farewell to the parent
        "prlimit64": _null(2),  # limits may be read, not set
        **dict.fromkeys(
            ("seccomp", "sendmsg", "recvmsg", "sendto", "setsid", "unlinkat", "rmdir"), _REFUSED
        ),
    }
    return _program(machine, rules, _ALLOWED)


@cache
def _numbers(machine: str) -> Mapping[str, int]:
    column = _ARCHITECTURES[machine or os.uname().machine][1]
    words = _NUMBERS.split()
    triples = zip(words[::3], words[1::3], words[2::3], strict=True)
    return {name: int(pair[column]) for name, *pair in triples if pair[column] != "-"}


def _program(machine: str, rules: Mapping[str, Instructions], otherwise: Instructions) -> bytes:
    numbers = _numbers(machine)
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
