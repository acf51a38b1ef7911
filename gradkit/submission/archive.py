"""The files of a zip archive, read in memory: nothing is unpacked to disk."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from gradkit.language import say
from gradkit.records.submission import File, Place, Problem
from gradkit.submission.files import (
    CODE_FILES,
    DEPTH,
    ENTRIES,
    TOTAL_BYTES,
    SubmissionError,
    UnreadableError,
    is_archive,
    is_code,
    is_ignored,
    is_passing,
    not_opened,
    shown,
    too_large,
)

ARCHIVE_BYTES = 60_000_000

ARCHIVES = 10
"""Archives that are opened inside of one submission."""

RATIO = 200
"""Largest factor by which a member of more than a megabyte may be packed."""

_DIRECTORY_BYTES = 300 * ENTRIES
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
        kind = UnreadableError if is_passing(error) else SubmissionError
        raise kind(not_opened(path.name, error)) from None


def unpack(name: str, stream: BinaryIO, *, inner: bool = True) -> tuple[list[File], list[Problem]]:
    """The same of an archive that is open for reading and is called ``name``.

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
        raise SubmissionError(
            say(
                "{name} is damaged or not a zip archive. Pack the files again as .zip.",
                name=shown(name),
            )
        ) from None


def _refuse_large(name: str, stream: BinaryIO) -> None:
    """Look at the size and at the end record, before `zipfile` reads the whole directory."""
    size = stream.seek(0, os.SEEK_END)
    if size > ARCHIVE_BYTES:
        raise SubmissionError(_too_large_to_open(name, size))
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
    if entries > ENTRIES or directory > _DIRECTORY_BYTES:
        raise SubmissionError(
            say(
                "{name} holds more than {limit} files. Pack the folder of the exercise alone.",
                name=shown(name),
                limit=ENTRIES,
            )
        )


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
        complaint = _complaint(name, info)
        if complaint is None and name in wanted:
            complaint = say(
                "{name} is in the archive twice; the first one was read.", name=shown(name)
            )
        if complaint is not None:
            problems.append(Problem(complaint, Place(shown(name), None, 1)))
            continue
        wanted[name] = info
        total += info.file_size
        if len(wanted) > CODE_FILES or total > TOTAL_BYTES:
            raise SubmissionError(_too_many(label))
    if inner and archives and not wanted:
        return _from_archives(label, archive, archives, problems)
    problems += [unopened(name) for name in archives]
    files = []
    for name, info in sorted(wanted.items()):
        try:
            with archive.open(info) as member:
                # The size in the directory is a promise; what is read is counted.
                data = member.read(info.file_size + 1)
        except Exception as error:  # what `zipfile` raises on damaged input has no common base
            message = _not_read(name, error)
            problems.append(Problem(message, Place(shown(name), None, 1), is_passing(error)))
            continue
        files.append(File(name, data))
    return files, problems


def unopened(name: str) -> Problem:
    """What is said of an archive that was left closed."""
    return Problem(
        say(
            "{name} is an archive inside the submission and was not opened. Put its files "
            "there instead.",
            name=shown(name),
        ),
        Place(shown(name), None, 1),
    )


def passed_on(name: str, error: SubmissionError) -> Problem:
    """What is said of a submission in which an archive cannot be read."""
    return Problem(str(error), Place(shown(name), None, 1), isinstance(error, UnreadableError))


def _not_read(name: str, error: Exception) -> str:
    if isinstance(error, OSError) and is_passing(error):
        return not_opened(name, error)
    return say("{name} is damaged inside the archive. Pack the files again.", name=shown(name))


def _from_archives(
    label: str,
    archive: zipfile.ZipFile,
    archives: dict[str, zipfile.ZipInfo],
    problems: list[Problem],
) -> tuple[list[File], list[Problem]]:
    """The code files of archives in an archive, under the limits of a single one."""
    files: list[File] = []
    names = sorted(archives)
    problems += [unopened(name) for name in names[ARCHIVES:]]
    for name in names[:ARCHIVES]:
        try:
            found, said = unpack_nested(name, archive, archives[name], inner=False)
        except SubmissionError as error:
            problems.append(passed_on(name, error))
            continue
        problems += said
        files += within_archive(name, found)
        refuse_many(label, files)
    return files, problems


def within_archive(name: str, files: Iterable[File]) -> list[File]:
    """Files of an archive under paths that begin with what the archive is called."""
    folder = name[: -len(".zip")]
    return [File(f"{folder}/{file.name}", file.data) for file in files]


def refuse_many(label: str, files: Sequence[File]) -> None:
    """Refuse more files, or larger ones, than are read of one submission.

    Raises
    ------
    SubmissionError
    """
    if len(files) > CODE_FILES or sum(len(file.data) for file in files) > TOTAL_BYTES:
        raise SubmissionError(_too_many(label))


def _too_many(label: str) -> str:
    return say(
        "{label} holds more than {limit} scripts and notebooks, or more than "
        "{size} MB of them. Hand in one submission at a time.",
        label=shown(label),
        limit=CODE_FILES,
        size=f"{TOTAL_BYTES / 1e6:.0f}",
    )


def name_of(info: zipfile.ZipInfo) -> str:
    """The member's path, with slashes, whatever packed it."""
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
    complaint = _pitfall(name, info)
    if complaint is not None:
        raise SubmissionError(complaint)
    if info.file_size > ARCHIVE_BYTES:
        raise SubmissionError(_too_large_to_open(name, info.file_size))
    # The size in the directory is a promise; what is read is counted.
    try:
        data = archive.read(info)[: info.file_size]
    except Exception as error:  # what `zipfile` raises on damaged input has no common base
        kind = UnreadableError if is_passing(error) else SubmissionError
        raise kind(_not_read(name, error)) from None
    return unpack(name, io.BytesIO(data), inner=inner)


def _too_large_to_open(name: str, size: int) -> str:
    return say(
        "{name} has {size} MB; at most {limit} MB are read. Leave data and "
        "pictures out of the archive.",
        name=shown(name),
        size=f"{size / 1e6:.1f}",
        limit=f"{ARCHIVE_BYTES / 1e6:.0f}",
    )


def _complaint(name: str, info: zipfile.ZipInfo) -> str | None:
    """Say why a code file is not read, if it is not."""
    return _pitfall(name, info) or too_large(name, info.file_size)


def _pitfall(name: str, info: zipfile.ZipInfo) -> str | None:
    """Say why a member of any kind is not read, if it is not."""
    label = shown(name)
    parts = name.split("/")
    if ".." in parts or "." in parts or name.startswith("/") or ":" in parts[0]:
        return say(
            "{label} points out of the archive and was left out. Pack the files again.", label=label
        )
    if len(parts) > DEPTH + 1:
        return say(
            "{label} lies more than {limit} levels deep and was left out.", label=label, limit=DEPTH
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        return say(
            "{label} is a link, and links are not followed. Pack the file itself.", label=label
        )
    if info.flag_bits & 0x1:
        return say(
            "{label} is protected by a password. Pack the files again without one.", label=label
        )
    if info.compress_type not in _METHODS:
        return say(
            "{label} is packed by a method that is not read. Pack the files again as .zip.",
            label=label,
        )
    if info.file_size > 1_000_000 and info.file_size > RATIO * max(info.compress_size, 1):
        return say(
            "{label} would unpack to {file_size} MB, more than {ratio} times its packed "
            "size, and was left out.",
            label=label,
            file_size=f"{info.file_size / 1e6:.1f}",
            ratio=RATIO,
        )
    return None
