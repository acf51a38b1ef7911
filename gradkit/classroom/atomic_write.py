"""Files that are put in their place at once: whoever looks sees the old one or the new one.

Where the system has files without a name (Linux), one that is not yet whole is such a file: a
process that is killed leaves nothing behind.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

OPENED = Path("/proc/self/fd")
"""By which a file without a name gets one."""


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A stream into a temporary file beside, which takes the place at the end of the block.

    Where the block fails, or the process is killed, what was there stays as it was.
    """
    handle, name = _nameless(path) or tempfile.mkstemp(dir=path.parent, prefix=_prefix(path))
    try:
        with open(handle, "w+b") as stream:
            yield stream
            stream.flush()
            name = name or _named(stream.fileno(), path)
        os.chmod(name, 0o644 & ~_umask())
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _prefix(path: Path) -> str:
    return f".{path.name[:80]}-"


def _nameless(path: Path) -> tuple[int, str] | None:
    flag = getattr(os, "O_TMPFILE", 0)
    if not flag or not OPENED.exists():
        return None
    try:
        return os.open(path.parent, os.O_RDWR | flag, 0o600), ""
    except OSError:
        # Not every file system has them; what else is wrong the usual way tells.
        return None


def _named(handle: int, path: Path) -> str:
    """Give the file a name beside its place; it is whole by now."""
    name = f"{_prefix(path)}{secrets.token_hex(8)}"
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        # Only with a folder's number does Python follow the link to the file itself.
        os.link(OPENED / str(handle), name, dst_dir_fd=folder)
    finally:
        os.close(folder)
    return str(path.parent / name)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
