"""Read the code files of a zip archive in memory. Nothing is unpacked to disk."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
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
    leaving_out,
    left_out,
    not_opened,
    refusal,
    refuse_entries,
    refuse_large,
    refuse_many,
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
    with refusing_damage(name):
        _refuse_directory(name, stream)
        with zipfile.ZipFile(stream) as archive:
            return read_members(name, archive, archive.infolist(), inner=inner)


@contextmanager
def refusing_damage(name: str) -> Iterator[None]:
    """Refuse what is called like an archive and turns out not to be readable as one."""
    try:
        yield
    except (OSError, SubmissionError):
        raise
    except Exception:
        # What `zipfile` raises on damaged input has no common base.
        raise SubmissionError(complaint("archive", name)) from None


def _refuse_directory(name: str, stream: BinaryIO) -> None:
    """Look at the size and at the end record, before `zipfile` reads the whole directory."""
    size = stream.seek(0, os.SEEK_END)
    refuse_large(name, size)
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
        with leaving_out(name, problems):
            _refuse_pitfall(name, info)
            if name in wanted:
                raise SubmissionError(complaint("twice", name))
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
        with leaving_out(name, problems):
            files.append(File(name, _contents(name, archive, info)))
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
        with leaving_out(name, problems):
            found, said = read(name)
            problems += said
            files += [File(f"{name[: -len('.zip')]}/{file.name}", file.data) for file in found]
        refuse_many(label, len(files), sum(len(file.data) for file in files))
    return files, problems


def _contents(name: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(info) as member:
            # The size in the directory is a promise; what is read is counted.
            return member.read(info.file_size)
    except Exception as error:  # what `zipfile` raises on damaged input has no common base
        if isinstance(error, OSError) and is_passing(error):
            raise UnreadableError(not_opened(name, error)) from None
        raise SubmissionError(complaint("member", name)) from None


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
    _refuse_pitfall(name, info)
    return unpack(name, io.BytesIO(_contents(name, archive, info)), inner=inner)


def _refuse_pitfall(name: str, info: zipfile.ZipInfo) -> None:
    """Refuse a member of any kind that is not read."""
    parts = name.split("/")
    if ".." in parts or "." in parts or name.startswith("/") or ":" in parts[0]:
        why = complaint("outside", name)
    elif len(parts) > DEPTH + 1:
        why = complaint("deep", name, limit=DEPTH)
    elif stat.S_ISLNK(info.external_attr >> 16):
        why = complaint("link", name)
    elif info.flag_bits & 0x1:
        why = complaint("password", name)
    elif info.compress_type not in _METHODS:
        why = complaint("method", name)
    elif info.file_size > 1_000_000 and info.file_size > RATIO * max(info.compress_size, 1):
        why = complaint("ratio", name, size=f"{info.file_size / 1e6:.1f}", ratio=RATIO)
    else:
        refuse_large(name, info.file_size)
        return
    raise SubmissionError(why)
