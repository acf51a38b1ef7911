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
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Rule:
    """When a call is allowed, by the lower half of one of its arguments, counted from 0.

    ``test`` is ``always``, ``never``, ``missing`` (never, and as if there were no such call), or
    of the argument: ``lacks`` any of the bits, ``has`` all of them, ``is`` one of the values, or
    ``null``, both halves 0.
    """

    test: str
    argument: int = 0
    values: tuple[int, ...] = ()


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
    "open": Rule("lacks", 1, (_WRITING,)),
    "openat": Rule("lacks", 2, (_WRITING,)),
    "openat2": Rule("missing"),  # its flags are in memory
    "clone": Rule("lacks", 0, (_NAMESPACES | _TRACED_OR_SIBLING,)),
    "clone3": Rule("missing"),  # likewise
    "fcntl": Rule("is", 1, _DUP_AND_FLAGS),
    "ioctl": Rule("is", 1, _TERMINAL_AND_FLAGS),
    "prlimit64": Rule("is", 0, (0,)),  # of this process alone
    "unlinkat": Rule("is", 2, (_REMOVE_FOLDER,)),
}


def _leash_rules(pid: int) -> dict[str, Rule]:
    return {
        "clone": Rule("has", 0, (_THREAD,)),
        "kill": Rule("is", 0, (pid,)),
        "tgkill": Rule("is", 0, (pid,)),
        "prctl": Rule("is", 0, _NAMES_OF_THREADS),  # not dumpable again, no farewell to the parent
        "prlimit64": Rule("null", 2),  # limits may be read, not set
        **dict.fromkeys(
            ("seccomp", "sendmsg", "recvmsg", "sendto", "setsid", "unlinkat", "rmdir"),
            Rule("never"),
        ),
    }


def known() -> bool:
    """Tell whether the numbers of this machine's calls are known here."""
    return os.uname().machine in _ARCHITECTURES


def room(machine: str = "") -> bytes:
    """Return the program of the fork server, and so of all its workers."""
    rules = {name: _ROOM_RULES.get(name, Rule("always")) for name in _numbers(machine)}
    newer = [*_jump(_JGE, _LATEST + 1, 0, 1), *_answer(_REFUSE | errno.ENOSYS)]
    return _program(machine, rules, [*newer, *_answer(_REFUSE | errno.EPERM)])


def leash(pid: int, machine: str = "") -> bytes:
    """Return the program of one worker, which may signal no process but itself, `pid`."""
    return _program(machine, _leash_rules(pid), _answer(_ALLOW))


@cache
def _numbers(machine: str) -> Mapping[str, int]:
    column = _ARCHITECTURES[machine or os.uname().machine][1]
    words = _NUMBERS.split()
    triples = zip(words[::3], words[1::3], words[2::3], strict=True)
    return {name: int(pair[column]) for name, *pair in triples if pair[column] != "-"}


# --- the kernel's instructions: BPF, as in linux/filter.h ----------------------------------

_LOAD, _JEQ, _JGE, _JSET, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

Instructions = list[tuple[int, int, int, int]]


def _load(offset: int) -> Instructions:
    return [(_LOAD, 0, 0, offset)]


def _jump(code: int, value: int, yes: int, no: int) -> Instructions:
    return [(code, yes, no, value & 0xFFFFFFFF)]


def _answer(value: int) -> Instructions:
    return [(_RETURN, 0, 0, value)]


def _program(machine: str, rules: Mapping[str, Rule], otherwise: Instructions) -> bytes:
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
            block = _block(rule)
            code += [*_jump(_JEQ, numbers[name], 0, len(block)), *block]
    return b"".join(struct.pack("<HBBI", *step) for step in [*code, *otherwise])


def _block(rule: Rule) -> Instructions:
    """Return what follows once the call is known; each way through it ends with an answer."""
    allow, refuse = _answer(_ALLOW), _answer(_REFUSE | errno.EPERM)
    low = _ARGUMENTS + 8 * rule.argument
    if rule.test == "always":
        return allow
    if rule.test == "never":
        return refuse
    if rule.test == "missing":
        return _answer(_REFUSE | errno.ENOSYS)
    if rule.test == "lacks":
        return [*_load(low), *_jump(_JSET, rule.values[0], 1, 0), *allow, *refuse]
    if rule.test == "has":
        bits = rule.values[0]
        return [*_load(low), (_AND, 0, 0, bits), *_jump(_JEQ, bits, 0, 1), *allow, *refuse]
    if rule.test == "null":
        zeros = [*_load(low), *_jump(_JEQ, 0, 0, 3), *_load(low + 4), *_jump(_JEQ, 0, 0, 1)]
        return [*zeros, *allow, *refuse]
    found = [
        step
        for place, value in enumerate(rule.values)
        for step in _jump(_JEQ, value, len(rule.values) - place, 0)
    ]
    return [*_load(low), *found, *refuse, *allow]
