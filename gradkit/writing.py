"""Read and write files: each at once and whole, archives alike byte for byte, or why not."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from zipfile import ZipFile

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every member: the same files are the same archive, byte for byte."""


@contextmanager
def refusing(
    kind: type[Exception], place: object = None, what: str = "cannot be written", advice: str = ""
) -> Iterator[None]:
    """Turn an error of the system's into ``PLACE: cannot be written (REASON). ADVICE``.

    Without a ``place`` it is the one that the system names.
    """
    try:
        yield
    except OSError as error:
        at = error.filename if place is None else place
        raise kind(f"{at}: {what} ({error.strerror}). {advice}".rstrip()) from None


def read_named(path: Path, kind: type[Exception]) -> bytes:
    """Read a file that the user has named; raise an error of this kind if that is impossible."""
    with refusing(kind, path, "cannot be opened", "Check the path and the permissions."):
        return read_file(path)


def read_file(path: Path) -> bytes:
    """Read a file, but no device: a link to ``/dev/zero`` would be read for ever.

    Raises
    ------
    OSError
        It cannot be opened, or is a device.
    """
    with open(path, "rb") as stream:
        _refuse_device(stream.fileno(), path)
        return stream.read()


def read_text_file(path: Path, encoding: str = "utf-8") -> str:
    """Read a text file, see `read_file`.

    Raises
    ------
    OSError
        It cannot be opened, or is a device.
    UnicodeDecodeError
        It is not text in this encoding.
    """
    with open(path, encoding=encoding) as stream:
        _refuse_device(stream.fileno(), path)
        return stream.read()


def _refuse_device(handle: int, path: Path) -> None:
    mode = os.fstat(handle).st_mode
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise OSError(errno.ENODEV, "it is a device, which may never end", str(path))


def make_folder_inside(outer: Path, folder: Path) -> None:
    """Make a folder inside another one, unless a link on the way leads out of it.

    Parameters
    ----------
    outer : Path
        The folder that the user chose: it may be a link.
    folder : Path
        Anywhere else it is made as it is.

    Raises
    ------
    OSError
        It cannot be made, or it or a folder between the two is a link.
    """
    between = [each for each in (folder, *folder.parents) if outer in each.parents]
    for each in reversed(between):
        if each.is_symlink():
            text = "it is a link, which is not followed: remove it"
            raise OSError(errno.ELOOP, text, str(each))
    folder.mkdir(parents=True, exist_ok=True)


def add_member(archive: ZipFile, name: str, data: bytes, mode: int = 0o644) -> None:
    """Write a member of an archive, with its permissions."""
    # Late: most commands pack nothing.
    from zipfile import ZIP_DEFLATED, ZipInfo

    member = ZipInfo(name, EPOCH)
    member.external_attr = (0o100000 | mode) << 16
    member.compress_type = ZIP_DEFLATED
    member.create_system = 3  # Unix: else the permissions mean nothing
    archive.writestr(member, data)


OPENED = Path("/proc/self/fd")
"""By which a file without a name gets one."""


@contextmanager
def write_atomically(path: Path) -> Iterator[BinaryIO]:
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


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in its place at once: whoever looks sees the old one or the new one, whole."""
    with write_atomically(path) as stream:
        stream.write(data)


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
