"""Give a worker a folder in memory, where student code can save files and read them back.

Students save values to look at them: ``np.save("debug.npy", W)``, ``plt.savefig("loss.png")``. From
tier 1 on the kernel refuses to open any file for writing, because a seccomp program cannot see the
path. This module gives each worker an empty folder of its own and leaves that rule as it is: files
below the working directory are kept in a dict, and Python's own functions for files (`open`,
`os.stat`, `os.listdir`, …) look there first. So nothing reaches the disk, the grader or another
process, the folder ends with its process, and it holds no links, pipes or devices.

This is a convenience for honest code and no defence. Code that avoids it, or a library that opens
files in C, can do what the kernel allows: read installed files, and write nothing.

This runs in the student's process, so only gradkit and the standard library are imported.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from typing import Any

MAX_BYTES = 64 << 20
"""Bytes in all files of a folder together; a write beyond that raises OSError (ENOSPC)."""

MAX_ENTRIES = 256
"""Files and folders in a folder; one more raises OSError (ENOSPC)."""

_PATCHED = (
    "stat", "lstat", "listdir", "scandir", "mkdir", "rmdir", "remove", "unlink", "rename", "replace"
)  # fmt: skip
"""Functions of `os` that see the folder; `MemoryFolder` has a method for each."""

_installed: list[MemoryFolder] = []


def install(root: str) -> None:
    """Replace Python's functions for files, so that files saved below `root` stay in memory.

    Parameters
    ----------
    root : str
        The working directory of this process, an absolute path.
    """
    folder = MemoryFolder(root)
    _installed[:] = [folder]
    builtins.open = io.open = folder.open
    for name in _PATCHED:
        setattr(os, name, getattr(folder, name))
    # `np.savetxt` uses a reference to `open` that numpy stored when it was imported.
    numpy_files: Any = sys.modules.get("numpy.lib._datasource")
    if numpy_files is not None:
        numpy_files._file_openers._file_openers[None] = folder.open


def clear() -> None:
    """Remove all files and folders, if a folder is installed in this process."""
    for folder in _installed:
        folder.entries.clear()


class MemoryFolder:
    """Keep the files and folders that are saved below `root`, an absolute path, in a dict.

    Each public method but `grow` has the parameters of Python's own function with that name, and
    calls that function for every path that is not in memory.

    Attributes
    ----------
    entries : dict of str to bytearray or None
        By path relative to `root`, the content of each file; None for a folder.
    """

    def __init__(self, root: str) -> None:
        """Start with an empty folder at the path ``root``, and keep Python's own file functions."""
        self.entries: dict[str, bytearray | None] = {}
        self._prefix = root.rstrip(os.sep) + os.sep
        self._real: dict[str, Callable[..., Any]] = {
            "open": io.open,
            **{name: getattr(os, name) for name in _PATCHED},
        }

    def open(
        self,
        file: Any,
        mode: Any = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        """Open a file of the folder, creating it if the mode writes; other files as Python does."""
        key = self._key_of(file) if opener is None and _is_mode(mode) else None
        if key is None or (key not in self.entries and "r" in mode):
            open_file = self._real["open"]
            return open_file(file, mode, buffering, encoding, errors, newline, closefd, opener)
        content = self._content_for(key, mode, file)
        raw = _MemoryFile(self, content, file, mode)
        if buffering == 0 and "b" in mode:
            return raw
        buffer: Any = (
            io.BufferedRandom(raw)
            if "+" in mode
            else io.BufferedReader(raw) if "r" in mode else io.BufferedWriter(raw)
        )  # fmt: skip
        if "b" in mode:
            return buffer
        text = io.TextIOWrapper(buffer, encoding, errors, newline, line_buffering=buffering == 1)
        text.mode = mode  # type: ignore[misc]
        return text

    def stat(self, path: Any, *, dir_fd: Any = None, follow_symlinks: bool = True) -> Any:
        """Return an `os.stat_result` with type and size of a file or folder, and times zero.

        For a path that is not in memory, return the result of `os.stat`.
        """
        key = self._key_in_memory(path, dir_fd)
        if key is None:
            return self._real["stat"](path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        content = self.entries[key]
        kind = stat.S_IFDIR | 0o700 if content is None else stat.S_IFREG | 0o600
        size = len(content or ())
        return os.stat_result((kind, 0, 0, 1, os.getuid(), os.getgid(), size, 0, 0, 0))

    def lstat(self, path: Any, *, dir_fd: Any = None) -> Any:
        """Return the result of `stat`, because the folder contains no links."""
        if self._key_in_memory(path, dir_fd) is None:
            return self._real["lstat"](path, dir_fd=dir_fd)
        return self.stat(path, dir_fd=dir_fd)

    def listdir(self, path: Any = ".") -> list[Any]:
        """Return the names in a folder; for the root, both those in memory and those on disk.

        For a path that is not in memory, return the result of `os.listdir`.
        """
        key = self._key_of(path)
        if key != "" and self._key_in_memory(path) is None:
            names: list[Any] = self._real["listdir"](path)
            return names
        names = self._names_in(self._folder_at(path))
        if key == "":
            names += self._real["listdir"](self._prefix)
        return [*map(os.fsencode, names)] if isinstance(path, bytes) else names

    def scandir(self, path: Any = ".") -> Any:
        """Return an iterator over the files and folders in a folder, as `os.scandir` does."""
        if self._key_of(path) != "" and self._key_in_memory(path) is None:
            return self._real["scandir"](path)
        return _Entries(self, os.fsdecode(path), [*map(os.fsdecode, self.listdir(path))])

    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: Any = None) -> None:
        """Make an empty folder in memory; OSError if the path exists. Other paths: `os.mkdir`."""
        key = self._key_of(path, dir_fd)
        if key is None:
            self._real["mkdir"](path, mode, dir_fd=dir_fd)
        elif key == "" or key in self.entries:
            raise _error(errno.EEXIST, path)
        else:
            self._add(key, None, path)

    def rmdir(self, path: Any, *, dir_fd: Any = None) -> None:
        """Remove a folder from memory; OSError if it is not empty. Other paths: `os.rmdir`."""
        key = self._key_in_memory(path, dir_fd)
        if key is None:
            self._real["rmdir"](path, dir_fd=dir_fd)
        elif self._names_in(self._folder_at(path)):
            raise _error(errno.ENOTEMPTY, path)
        else:
            del self.entries[key]

    def remove(self, path: Any, *, dir_fd: Any = None) -> None:
        """Remove a file from memory; OSError for a folder. Other paths: `os.remove`."""
        key = self._key_in_memory(path, dir_fd)
        if key is None:
            self._real["remove"](path, dir_fd=dir_fd)
        elif self.entries[key] is None:
            raise _error(errno.EISDIR, path)
        else:
            del self.entries[key]

    unlink = remove

    def replace(
        self, src: Any, dst: Any, *, src_dir_fd: Any = None, dst_dir_fd: Any = None
    ) -> None:
        """Rename a file in memory, replacing a file that has the new name.

        OSError is raised if the new name is that of a folder. For other paths `os.replace` is
        called.
        """
        key, new = self._key_in_memory(src, src_dir_fd), self._key_of(dst, dst_dir_fd)
        if not key or not new or self.entries[key] is None:
            self._real["replace"](src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        elif new in self.entries and self.entries[new] is None:
            raise _error(errno.EISDIR, dst)
        elif key != new:
            self._require_parent(new, dst)
            self.entries[new] = self.entries.pop(key)

    rename = replace

    def grow(self, more: int) -> None:
        """Raise OSError if the files of the folder cannot grow by ``more`` bytes."""
        used = sum(len(content) for content in self.entries.values() if content is not None)
        if used + more > MAX_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _key_of(self, path: Any, dir_fd: Any = None) -> str | None:
        """Return a path relative to the root, which is the empty text; None if outside the root.

        None is also returned with a ``dir_fd``, and for a value that is no path.
        """
        if dir_fd is not None or not isinstance(path, str | bytes | os.PathLike):
            return None
        full = os.path.normpath(os.path.join(os.getcwd(), os.fsdecode(path)))
        if full + os.sep == self._prefix:
            return ""
        return full[len(self._prefix) :] if full.startswith(self._prefix) else None

    def _key_in_memory(self, path: Any, dir_fd: Any = None) -> str | None:
        """Return the key of a path that is in memory; None for all other paths."""
        key = self._key_of(path, dir_fd)
        return key if key in self.entries else None

    def _folder_at(self, path: Any) -> str:
        """Return the key of the folder at a path; raise OSError (ENOTDIR) if it is a file."""
        key = self._key_of(path) or ""
        if self.entries.get(key) is not None:
            raise _error(errno.ENOTDIR, path)
        return key

    def _names_in(self, key: str) -> list[str]:
        """Return the names of the files and folders directly in a folder in memory.

        ``key`` is the path of the folder relative to the root.
        """
        paths = map(os.path.split, self.entries)
        return [name for head, name in paths if head == key]

    def _content_for(self, key: str, mode: str, file: Any) -> bytearray:
        """Return the content of a file to open, after creating or emptying it as the mode says.

        ``key`` is the path relative to the root, and ``file`` the path as it was passed, for
        errors. OSError is raised if the file exists in mode ``x``, or if it is a folder.
        """
        if key in self.entries and "x" in mode:
            raise _error(errno.EEXIST, file)
        if key not in self.entries:
            self._add(key, bytearray(), file)
        content = self.entries[key]
        if content is None:
            raise _error(errno.EISDIR, file)
        if "w" in mode:
            content.clear()
        return content

    def _add(self, key: str, content: bytearray | None, path: Any) -> None:
        """Add a file, or a folder if the content is None, to an existing folder.

        ``key`` is its path relative to the root, and ``path`` the path as it was passed, for
        errors. OSError is raised if the parent folder does not exist or there are too many entries.
        """
        self._require_parent(key, path)
        if len(self.entries) >= MAX_ENTRIES:
            raise _error(errno.ENOSPC, path)
        self.entries[key] = content

    def _require_parent(self, key: str, path: Any) -> None:
        """Raise OSError if the parent folder of ``key`` does not exist or is a file.

        ``path`` is the same path as it was passed, for the error.
        """
        parent = os.path.dirname(key)
        if parent and parent not in self.entries:
            raise _error(errno.ENOENT, path)
        if parent and self.entries[parent] is not None:
            raise _error(errno.ENOTDIR, path)


def _error(number: int, path: Any) -> OSError:
    """Return the OSError that Python raises for an error number and a path."""
    return OSError(number, os.strerror(number), path)


def _is_mode(mode: Any) -> bool:
    """Return whether a value is a valid mode of `open`; Python itself refuses all others."""
    return (
        isinstance(mode, str)
        and len(set(mode)) == len(mode)
        and set(mode) <= set("rwaxbt+")
        and len(set(mode) & set("rwax")) == 1
        and not {"b", "t"} <= set(mode)
    )


class _MemoryFile(io.RawIOBase):
    """An open file of a `MemoryFolder`, without a buffer."""

    def __init__(self, folder: MemoryFolder, content: bytearray, name: Any, mode: str) -> None:
        self.name, self.mode = name, mode
        self._folder, self._content = folder, content
        self._position = len(content) if "a" in mode else 0

    def readable(self) -> bool:
        return "r" in self.mode or "+" in self.mode

    def writable(self) -> bool:
        return "r" not in self.mode or "+" in self.mode

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read bytes into ``buffer``, and return their number."""
        if not self.readable():
            raise io.UnsupportedOperation("not readable")
        view = memoryview(buffer).cast("B")
        data = self._content[self._position : self._position + len(view)]
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def write(self, data: Any, /) -> int:
        """Write bytes at the position, or at the end in mode ``a``, and return their number.

        OSError is raised if the folder has no room for them.
        """
        if not self.writable():
            raise io.UnsupportedOperation("not writable")
        new = bytes(data)
        start = len(self._content) if "a" in self.mode else self._position
        end = start + len(new)
        if end > len(self._content):
            self._resize(end)
        self._content[start:end] = new
        self._position = end
        return len(new)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Set the position, and return it in bytes from the start; OSError if negative."""
        base = {os.SEEK_CUR: self._position, os.SEEK_END: len(self._content)}.get(whence, 0)
        if base + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Return the position in bytes from the start."""
        return self._position

    def truncate(self, size: int | None = None, /) -> int:
        """Cut or extend the file to a number of bytes, by default to the position."""
        if not self.writable():
            raise io.UnsupportedOperation("truncate")
        if size is not None and size < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._resize(self._position if size is None else size)
        return len(self._content)

    def _resize(self, size: int) -> None:
        """Cut the file to a number of bytes, or fill it with zeros; OSError if there is no room."""
        more = size - len(self._content)
        if more > 0:
            self._folder.grow(more)
            self._content.extend(bytes(more))
        else:
            del self._content[size:]


class _Entry:
    """A name in a folder, with the methods of `os.DirEntry`."""

    def __init__(self, folder: MemoryFolder, path: str, name: str) -> None:
        self.name, self.path = name, os.path.join(path, name)
        self._folder = folder

    def __fspath__(self) -> str:
        return self.path

    def stat(self, *, follow_symlinks: bool = True) -> Any:
        return self._folder.stat(self.path, follow_symlinks=follow_symlinks)

    def inode(self) -> int:
        return int(self.stat().st_ino)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return stat.S_ISDIR(self.stat(follow_symlinks=follow_symlinks).st_mode)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return stat.S_ISREG(self.stat(follow_symlinks=follow_symlinks).st_mode)

    def is_symlink(self) -> bool:
        return stat.S_ISLNK(self.stat(follow_symlinks=False).st_mode)


class _Entries:
    """An iterator over a folder's entries with a ``close`` method, as `os.scandir` returns."""

    def __init__(self, folder: MemoryFolder, path: str, names: list[str]) -> None:
        self._entries = iter([_Entry(folder, path, name) for name in names])

    def __iter__(self) -> Iterator[_Entry]:
        return self._entries

    def __next__(self) -> _Entry:
        return next(self._entries)

    def __enter__(self) -> _Entries:
        return self

    def __exit__(self, *_: object) -> None: ...

    def close(self) -> None:
        """Do nothing. Callers of `os.scandir` expect this method."""
