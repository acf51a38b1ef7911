"""Read the code files of a zip archive in memory. Nothing is unpacked to disk."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from gradkit.records.submission import File, Problem
from gradkit.submission.files import (
    DEPTH,
    SubmissionError,
    UnreadableError,
    complaint,
    is_archive,
    is_code,
    is_ignored,
    is_passing,
    left_out,
    not_opened,
    refusal,
    refuse_entries,
    refuse_many,
    too_large,
)

ARCHIVES = 10
"""Archives that are opened inside of one submission."""

RATIO = 200
"""Largest factor by which a member of more than a megabyte may be packed."""

_ENTRY_BYTES = 300
"""Of an archive's directory, for one member; a longer directory has too many of them."""

_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_LONGEST_COMMENT = 1 << 16
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_archive(path: Path) -> tuple[list[File], list[Problem]]:
    """Read all code files of a zip archive, in the order of their paths.

    Raises
    ------
    SubmissionError
        It is not a zip archive, or is larger or has more members than is reasonable.
    """
    try:
        with open(path, "rb") as stream:
            return unpack(path.name, stream)
    except OSError as error:
        raise refusal(error, not_opened(path.name, error)) from None


def unpack(name: str, stream: BinaryIO, *, inner: bool = True) -> tuple[list[File], list[Problem]]:
    """Read all code files of an archive that is open for reading and is called ``name``.

    With ``inner``, archives in it are opened where there is no code beside them.

    Raises
    ------
    OSError
        It cannot be read.
    SubmissionError
        See `read_archive`.
    """
    try:
        _refuse_large(name, stream)
        with zipfile.ZipFile(stream) as archive:
            return read_members(name, archive, archive.infolist(), inner=inner)
    except (OSError, SubmissionError):
        raise
    except Exception:
        # What `zipfile` raises on damaged input has no common base.
        raise damaged(name) from None


def damaged(name: str) -> SubmissionError:
    """Give the error for what is called like an archive and cannot be read as one."""
    return SubmissionError(complaint("archive", name))


def _refuse_large(name: str, stream: BinaryIO) -> None:
    """Look at the size and at the end record, before `zipfile` reads the whole directory."""
    size = stream.seek(0, os.SEEK_END)
    if why := too_large(name, size):
        raise SubmissionError(why)
    stream.seek(max(0, size - _END.size - _LONGEST_COMMENT))
    tail = stream.read()
    stream.seek(0)
    # `zipfile` looks for a record without a comment first, then for the last mark.
    start = len(tail) - _END.size
    if start < 0 or tail[start : start + 4] != _END_MARK or tail[-2:] != b"\x00\x00":
        start = tail.rfind(_END_MARK)
    if start < 0 or start + _END.size > len(tail):
        raise zipfile.BadZipFile
    _, _, _, _, entries, directory, _, _ = _END.unpack_from(tail, start)
    refuse_entries(name, max(entries, directory // _ENTRY_BYTES))


def read_members(
    label: str,
    archive: zipfile.ZipFile,
    infos: Iterable[zipfile.ZipInfo],
    within: str = "",
    *,
    inner: bool = True,
) -> tuple[list[File], list[Problem]]:
    """Read the code files among some members, named as seen from the folder ``within``.

    Students pack a folder and hand in the archive alone. Where there is code beside it, an
    archive may be a copy of that or anything else, and is left closed.

    Raises
    ------
    SubmissionError
        There are more of them than is reasonable.
    """
    problems: list[Problem] = []
    wanted: dict[str, zipfile.ZipInfo] = {}
    archives: dict[str, zipfile.ZipInfo] = {}
    total = 0
    for info in infos:
        name = name_of(info).removeprefix(within)
        parts = name.split("/")
        if info.is_dir() or any(is_ignored(part) and part not in ("..", ".") for part in parts):
            continue
        if is_archive(name):
            archives[name] = info
        if not is_code(name):
            continue
        why = _pitfall(name, info) or too_large(name, info.file_size)
        if why is None and name in wanted:
            why = complaint("twice", name)
        if why is not None:
            problems.append(left_out(name, why))
            continue
        wanted[name] = info
        total += info.file_size
        refuse_many(label, len(wanted), total)
    if inner and archives and not wanted:
        return read_archives(
            label,
            sorted(archives),
            lambda name: unpack_nested(name, archive, archives[name], inner=False),
            problems,
        )
    problems += [left_out(name, complaint("closed", name)) for name in archives]
    files = []
    for name, info in sorted(wanted.items()):
        try:
            with archive.open(info) as member:
                # The size in the directory is a promise; what is read is counted.
                data = member.read(info.file_size + 1)
        except Exception as error:  # what `zipfile` raises on damaged input has no common base
            message = _not_read(name, error)
            problems.append(left_out(name, message, passing=is_passing(error)))
            continue
        files.append(File(name, data))
    return files, problems


def read_archives(
    label: str,
    names: Sequence[str],
    read: Callable[[str], tuple[list[File], list[Problem]]],
    problems: list[Problem],
) -> tuple[list[File], list[Problem]]:
    """Read the code files of the first archives in a submission, under the limits of a single one.

    Parameters
    ----------
    label : str
        What the submission is called.
    names : sequence of str
        Paths of the archives in it.
    read : callable
        Reads the archive of this path.
    problems : list of Problem
        What could not be used before.

    Raises
    ------
    SubmissionError
        There are more files in them than is reasonable.
    """
    files: list[File] = []
    problems += [left_out(name, complaint("closed", name)) for name in names[ARCHIVES:]]
    for name in names[:ARCHIVES]:
        try:
            found, said = read(name)
        except SubmissionError as error:
            passing = isinstance(error, UnreadableError)
            problems.append(left_out(name, str(error), passing=passing))
            continue
        problems += said
        files += [File(f"{name[: -len('.zip')]}/{file.name}", file.data) for file in found]
        refuse_many(label, len(files), sum(len(file.data) for file in files))
    return files, problems


def _not_read(name: str, error: Exception) -> str:
    if isinstance(error, OSError) and is_passing(error):
        return not_opened(name, error)
    return complaint("member", name)


def name_of(info: zipfile.ZipInfo) -> str:
    """Return the member's path with slashes, whatever packed it."""
    return info.filename.replace("\\", "/")


def unpack_nested(
    name: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, inner: bool = True
) -> tuple[list[File], list[Problem]]:
    """Read all code files of an archive that is a member of another.

    Raises
    ------
    SubmissionError
        See `read_archive`.
    """
    if why := _pitfall(name, info) or too_large(name, info.file_size):
        raise SubmissionError(why)
    # The size in the directory is a promise; what is read is counted.
    try:
        data = archive.read(info)[: info.file_size]
    except Exception as error:  # what `zipfile` raises on damaged input has no common base
        raise refusal(error, _not_read(name, error)) from None
    return unpack(name, io.BytesIO(data), inner=inner)


def _pitfall(name: str, info: zipfile.ZipInfo) -> str | None:
    """Say why a member of any kind is not read, if it is not."""
    parts = name.split("/")
    if ".." in parts or "." in parts or name.startswith("/") or ":" in parts[0]:
        return complaint("outside", name)
    if len(parts) > DEPTH + 1:
        return complaint("deep", name, limit=DEPTH)
    if stat.S_ISLNK(info.external_attr >> 16):
        return complaint("link", name)
    if info.flag_bits & 0x1:
        return complaint("password", name)
    if info.compress_type not in _METHODS:
        return complaint("method", name)
    if info.file_size > 1_000_000 and info.file_size > RATIO * max(info.compress_size, 1):
        return complaint("ratio", name, size=f"{info.file_size / 1e6:.1f}", ratio=RATIO)
    return None
