"""Run a command under a seccomp filter that refuses what Docker's default profile refuses.

    python like_docker.py COMMAND…

After moby/profiles, seccomp/default.json, for a container without added capabilities. Written
without gradkit's own filters, so that a mistake there does not show up here as well.
"""

import ctypes
import os
import struct
import sys

DENIED = """
_sysctl 156 -  acct 163 89  add_key 248 217  afs_syscall 183 -  bpf 321 280  clock_settime 227 112
create_module 174 -  delete_module 176 106  fanotify_init 300 262  finit_module 313 273
fsconfig 431 431  fsmount 432 432  fsopen 430 430  fspick 433 433  get_kernel_syms 177 -
get_mempolicy 239 236  getpmsg 181 -  init_module 175 105  io_uring_enter 426 426
io_uring_register 427 427  io_uring_setup 425 425  ioperm 173 -  iopl 172 -  kcmp 312 272
kexec_file_load 320 294  kexec_load 246 104  keyctl 250 219  lookup_dcookie 212 18
lsm_get_self_attr 459 459  lsm_list_modules 461 461  lsm_set_self_attr 460 460  mbind 237 235
migrate_pages 256 238  mount 165 40  mount_setattr 442 442  move_mount 429 429  move_pages 279 239
nfsservctl 180 42  open_by_handle_at 304 265  open_tree 428 428  perf_event_open 298 241
pidfd_getfd 438 438  pivot_root 155 41  process_madvise 440 440  putpmsg 182 -  query_module 178 -
quotactl 179 60  quotactl_fd 443 443  reboot 169 142  request_key 249 218  security 185 -
set_mempolicy 238 237  set_mempolicy_home_node 450 450  setdomainname 171 162  sethostname 170 161
setns 308 268  settimeofday 164 170  swapoff 168 225  swapon 167 224  sysfs 139 -  syslog 103 116
tuxcall 184 -  umount2 166 39  unshare 272 97  uselib 134 -  userfaultfd 323 282  ustat 136 -
vhangup 153 58  vserver 236 -
"""
COLUMN = {"x86_64": 0, "aarch64": 1}[os.uname().machine]
CLONE, NEWER = ((56, 220)[COLUMN], 463)
NAMESPACES = 0x7E020000
ALLOW, EPERM, ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026
LOAD, JEQ, JGE, JSET, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06


def program() -> bytes:
    """The instructions."""
    words = DENIED.split()
    numbers = [w for w in words[1 + COLUMN :: 3] if w != "-"]
    steps = [(LOAD, 0, 0, 0)]
    for number in numbers:
        steps += [(JEQ, 0, 1, int(number)), (RETURN, 0, 0, EPERM)]
    steps += [(JEQ, 0, 1, 435), (RETURN, 0, 0, ENOSYS)]  # clone3
    steps += [(JGE, 0, 1, NEWER), (RETURN, 0, 0, EPERM)]
    steps += [(JEQ, 0, 3, CLONE), (LOAD, 0, 0, 16), (JSET, 0, 1, NAMESPACES), (RETURN, 0, 0, EPERM)]
    steps += [(RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


def install() -> None:
    """Load the filter into this process, and forbid new privileges as Docker can."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = program()
    buffer = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    arguments = [ctypes.c_ulong(1), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)]
    if libc.prctl(38, *arguments) or libc.prctl(22, ctypes.c_ulong(2), head):
        raise OSError(ctypes.get_errno(), "the filter was refused")


if __name__ == "__main__":
    install()
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606  (what this is for)
