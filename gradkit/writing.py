"""Read and write files: write atomically, make reproducible archives, explain errors."""

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
"""Date of every member of an archive, so that the same files give the same bytes."""


@contextmanager
def refusing(
    kind: type[Exception], place: object = None, what: str = "cannot be written", advice: str = ""
) -> Iterator[None]:
    """Turn an OSError of the block into an error ``PLACE: cannot be written (REASON). ADVICE``.

    A context manager. ``kind`` is the class of the new error, ``what`` replaces "cannot be
    written", and ``advice`` is added at the end. By default, ``place`` is the file of the OSError.
    """
    try:
        yield
    except OSError as error:
        at = error.filename if place is None else place
        raise kind(f"{at}: {what} ({error.strerror}). {advice}".rstrip()) from None


def read_named(path: Path, kind: type[Exception]) -> bytes:
    """Read a file that the user has named; raise an error of class ``kind`` on failure."""
    with refusing(kind, path, "cannot be opened", "Check the path and the permissions."):
        return read_file(path)


def read_file(path: Path) -> bytes:
    """Read a file, but refuse a device: reading a link to ``/dev/zero`` would never end.

    Raises
    ------
    OSError
        The file cannot be opened, or is a device.
    """
    with open(path, "rb") as stream:
        _refuse_device(stream.fileno(), path)
        return stream.read()


def read_text_file(path: Path, encoding: str = "utf-8") -> str:
    """Read a text file, see `read_file`.

    Raises
    ------
    OSError
        The file cannot be opened, or is a device.
    UnicodeDecodeError
        The file is not text in this encoding.
    """
    with open(path, encoding=encoding) as stream:
        _refuse_device(stream.fileno(), path)
        return stream.read()


def _refuse_device(handle: int, path: Path) -> None:
    """Raise OSError if an open file is a device."""
    mode = os.fstat(handle).st_mode
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise OSError(errno.ENODEV, "it is a device, which may never end", str(path))


def make_folder_inside(outer: Path, folder: Path) -> None:
    """Make a folder, and refuse symbolic links between it and an outer folder.

    Parameters
    ----------
    outer : Path
        Folder that the user has chosen; it can be a link itself.
    folder : Path
        Folder to make. If it is not inside ``outer``, links are allowed.

    Raises
    ------
    OSError
        The folder cannot be made, or it or a folder between the two is a link.
    """
    inner = [path for path in (folder, *folder.parents) if outer in path.parents]
    for path in reversed(inner):
        if path.is_symlink():
            text = "it is a link, which is not followed: remove it"
            raise OSError(errno.ELOOP, text, str(path))
    folder.mkdir(parents=True, exist_ok=True)


def add_member(archive: ZipFile, name: str, data: bytes, mode: int = 0o644) -> None:
    """Add a member with content ``data`` and permissions ``mode`` to a zip.

    Its time is always the same (`EPOCH`), so that equal contents give equal files.
    """
    # Imported here since most commands write no zip.
    from zipfile import ZIP_DEFLATED, ZipInfo

    member = ZipInfo(name, EPOCH)
    member.external_attr = (0o100000 | mode) << 16
    member.compress_type = ZIP_DEFLATED
    member.create_system = 3  # Unix, without which permissions are ignored
    archive.writestr(member, data)


OPENED = Path("/proc/self/fd")
"""Folder of links to the open files of this process, by which an unnamed file gets a name."""


@contextmanager
def write_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file for writing, which replaces ``path`` at the end of the block.

    A context manager, which yields the file. If the block fails or the process is killed, an
    existing file at ``path`` is unchanged.
    """
    handle, name = _open_unnamed(path) or tempfile.mkstemp(dir=path.parent, prefix=_prefix(path))
    try:
        with open(handle, "w+b") as stream:
            yield stream
            stream.flush()
            name = name or _link(stream.fileno(), path)
        os.chmod(name, 0o644 & ~_umask())
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def write_whole(path: Path, data: bytes) -> None:
    """Write a file atomically: readers see the complete old file or the complete new one."""
    with write_atomically(path) as stream:
        stream.write(data)


def _prefix(path: Path) -> str:
    """Return the start of the name of a temporary file for a path."""
    return f".{path.name[:80]}-"


def _open_unnamed(path: Path) -> tuple[int, str] | None:
    """Open a file without a name in the folder of a path; return its descriptor and an empty text.

    None is returned if the system does not allow it. The system removes an unnamed file if the
    process is killed. The empty text stands in place of the file's name.
    """
    flag = getattr(os, "O_TMPFILE", 0)
    if not flag or not OPENED.exists():
        return None
    try:
        return os.open(path.parent, os.O_RDWR | flag, 0o600), ""
    except OSError:
        # Some file systems have no unnamed files. Other errors recur in `tempfile.mkstemp`.
        return None


def _link(handle: int, path: Path) -> str:
    """Give an unnamed file a temporary name in the folder of ``path``, and return the name.

    ``handle`` is the descriptor of the file, which is completely written.
    """
    name = f"{_prefix(path)}{secrets.token_hex(8)}"
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        # Python follows the link to the file itself only if a folder's descriptor is passed.
        os.link(OPENED / str(handle), name, dst_dir_fd=folder)
    finally:
        os.close(folder)
    return str(path.parent / name)


def _umask() -> int:
    """Return the process' mask of permissions, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
