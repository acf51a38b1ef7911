"""Read the files of a submission as bytes, from a folder or an archive, within limits of size.

Sizes are checked before reading, links are never followed, special files are never opened, and
nothing is unpacked to disk. A single file that is refused gives a `Problem`. If nothing is left to
grade, a `SubmissionError` is raised.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO

from gradkit.errors import GradkitError
from gradkit.records.submission import File, Place, Problem
from gradkit.text import clean_text, format_text

SUFFIXES = (".py", ".ipynb")

SCRIPT_BYTES = 400_000
NOTEBOOK_BYTES = 25_000_000
ARCHIVE_BYTES = TOTAL_BYTES = 60_000_000
"""Limits on a script, a notebook, an archive, and all code files of a submission, in bytes.

The limit of a notebook is large because of its outputs. `gradkit.submission.source` limits its
code.
"""

ENTRIES = 5_000
"""Largest number of files and folders of any kind in a submission."""

CODE_FILES = 100
"""Largest number of scripts and notebooks in a submission."""

DEPTH = 8
"""Largest number of folder levels below the submission's own folder."""

NAME = 120
"""Largest number of characters of a file name that are shown."""

_SKIPPED = frozenset({"__MACOSX", "__pycache__", "node_modules", "site-packages", "venv", "env"})


class SubmissionError(GradkitError):
    """A submission from which nothing can be read. The message is meant for the student."""


class UnreadableError(SubmissionError):
    """A submission that this machine could not read now, but may be able to read later."""


def is_temporary(error: Exception) -> bool:
    """Return whether reading failed because of the machine, so that it may succeed later.

    Errors that do not come from the system, and invalid offsets (EINVAL), are signs of damaged
    contents.
    """
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


def is_code(name: str) -> bool:
    """Return whether a name is that of a script or a notebook."""
    return name.lower().endswith(SUFFIXES)


def is_archive(name: str) -> bool:
    """Return whether a name is that of an archive that can be opened."""
    return name.lower().endswith(".zip")


def is_ignored(part: str) -> bool:
    """Return whether a file or folder of this name is skipped without a message."""
    return part.startswith(".") or part in _SKIPPED


def shown(name: str) -> str:
    """Return a file name for messages: on one line, without control characters, and shortened."""
    return clean_text(" ".join(name.split()), NAME) or "(no name)"


def free_name(name: str, taken: Container[str], suffix: str = "") -> str:
    """Return a name that is not taken: ``name.suffix``, else ``name~2.suffix`` and so on."""
    numbered = (f"{name}~{number}{suffix}" for number in count(2))
    return next(each for each in chain([name + suffix], numbered) if each not in taken)


def limit_of(name: str) -> int:
    """Return the number of bytes that a script, notebook or archive of this name may have."""
    if is_archive(name):
        return ARCHIVE_BYTES
    return NOTEBOOK_BYTES if name.lower().endswith(".ipynb") else SCRIPT_BYTES


# --- refusals ----------------------------------------------------------------------------

REFUSALS: Mapping[str, str] = {
    "size": "{name} has {size} MB; at most {limit} MB are read. {advice}.",
    "unopened": "{name} could not be opened: {reason}. Check the path and the permissions.",
    "link": "{name} is a link, and links are not followed. Submit the file itself.",
    "deep": "{name} is more than {limit} folders deep and was left out.",
    "irregular": "{name} is not a regular file and was not opened.",
    "files": (
        "{name} contains more than {limit} scripts and notebooks, or more than {size} MB of them. "
        "Clear all outputs, and give one submission at a time."
    ),
    "entries": "{name} contains more than {limit} files. Submit only the folder of the exercise.",
    "class": "{name} contains more than {limit} files. Grade a class in parts.",
    "archive": "{name} is damaged or not a zip archive. Pack the files again as .zip.",
    "member": "{name} is damaged inside the archive. Pack the files again.",
    "twice": "{name} is in the archive twice; the first one was read.",
    "closed": (
        "{name} is an archive inside the submission and was not opened. Unpack it, and submit its "
        "files."
    ),
    "outside": "{name} has a path outside the archive and was left out. Pack the files again.",
    "password": "{name} is protected by a password. Pack the files again without a password.",
    "method": (
        "{name} is packed by a method that gradkit cannot read. Pack the files again as .zip."
    ),
    "ratio": (
        "{name} would unpack to {size} MB, more than {ratio} times its packed size, and was left "
        "out."
    ),
    "unread": "{name} could not be read from {archive} ({type}). Pack the files again as .zip.",
    "kind": "{name} is not a file that can be graded. {expected}",
    "data": (
        "{name} contains more data than a notebook for this exercise needs. Clear all outputs, "
        "save, and submit it again."
    ),
    "page": "{name} is a web page, not a notebook. Download the notebook file itself.",
    "notebook": (
        "{name} is not a valid notebook: {reason}. Open it in Jupyter or Colab, save it, and "
        "submit it again."
    ),
    "format": (
        "{name} has notebook format {version}; up to {known} can be read. Save it in format "
        "{known} and submit it again."
    ),
    "parts": "{name} has more than {limit} {what}. Submit only the exercise.",
    "code": (
        "{name} contains more code than an exercise needs: at most {size} kB in all, and {words} "
        "words and symbols, are read. {largest}Submit only the exercise, without data."
    ),
    "empty": "There is no script or notebook in {name}. {said}",
}
"""Messages on a file, a folder or an archive that is not read."""


def refusal_text(kind: str, name: str, **fields: object) -> str:
    """Return the text of `REFUSALS` for a ``kind``, filled with the name and the other fields."""
    return format_text(REFUSALS[kind], name=shown(name), **fields)


def refuse_large(name: str, size: int) -> None:
    """Refuse a script, notebook or archive of ``size`` bytes if that is too large.

    Raises
    ------
    SubmissionError
        It is too large; the text says what to do.
    """
    limit = limit_of(name)
    if size <= limit:
        return
    if is_archive(name):
        advice = "Leave data and pictures out of the archive"
    elif limit == NOTEBOOK_BYTES:
        advice = "Clear all outputs, save, and submit it again"
    else:
        advice = "Submit only the code, without data"
    figures = {"size": f"{size / 1e6:.1f}", "limit": f"{limit / 1e6:g}"}
    raise SubmissionError(refusal_text("size", name, **figures, advice=advice))


def not_opened(name: str, error: OSError) -> str:
    """Return a message that a file or folder could not be opened, with the system's reason."""
    return refusal_text("unopened", name, reason=error.strerror or error)


def refuse_many(label: str, files: int, size: int) -> None:
    """Refuse a submission with too many code files, or too many bytes of code files.

    ``label`` is the name of the submission, ``files`` the number of files, and ``size`` their
    bytes.

    Raises
    ------
    SubmissionError
        There are too many; the text names the limits.
    """
    if files > CODE_FILES or size > TOTAL_BYTES:
        most = f"{TOTAL_BYTES / 1e6:.0f}"
        raise SubmissionError(refusal_text("files", label, limit=CODE_FILES, size=most))


def refuse_entries(label: str, entries: int) -> None:
    """Refuse a submission with too many files and folders of any kind.

    ``label`` is its name, and ``entries`` their number.

    Raises
    ------
    SubmissionError
        There are more than `ENTRIES`.
    """
    if entries > ENTRIES:
        raise SubmissionError(refusal_text("entries", label, limit=ENTRIES))


def make_refusal(error: Exception, message: str) -> SubmissionError:
    """Return the error to raise after `error`: `UnreadableError` if reading may succeed later."""
    return (UnreadableError if is_temporary(error) else SubmissionError)(message)


def make_problem(name: str, message: str, *, passing: bool = False) -> Problem:
    """Return the problem that reports a file that was left out.

    ``passing`` says that the file may be readable later.
    """
    return Problem(message, Place(shown(name), None, 1), passing)


@contextmanager
def report_refusals(name: str, problems: list[Problem]) -> Iterator[None]:
    """Return a context manager that turns a SubmissionError about one file into a problem.

    The problem, about the file ``name``, is added to ``problems``, and the program continues after
    the block.
    """
    try:
        yield
    except SubmissionError as error:
        passing = isinstance(error, UnreadableError)
        problems.append(make_problem(name, str(error), passing=passing))


# --- reading -----------------------------------------------------------------------------


def read_file(path: Path, name: str, *, follow: bool) -> File:
    """Read a file as a `File` named ``name``; a link is refused unless ``follow`` is true.

    Raises
    ------
    SubmissionError
        It is too large or not a regular file.
    UnreadableError
        It cannot be opened, or is a link that is refused.
    """
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    # Opening a pipe would block for ever, and the file may have been replaced by a link.
    flags |= getattr(os, "O_NONBLOCK", 0) | (0 if follow else getattr(os, "O_NOFOLLOW", 0))
    try:
        descriptor = os.open(path, flags)
        with open(descriptor, "rb") as stream:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise SubmissionError(refusal_text("irregular", name))
            refuse_large(name, state.st_size)
            # The file may grow after its size was read.
            return File(name, stream.read(limit_of(name)))
    except OSError as error:
        raise UnreadableError(not_opened(name, error)) from None


def read_folder(root: Path) -> tuple[list[File], list[Problem], dict[str, Path]]:
    """Read all code files below a folder, in the order of their paths.

    Returns
    -------
    files : list of File
        The scripts and notebooks that could be read.
    problems : list of Problem
        One for each file that could not be used.
    archives : dict of str to Path
        Archives by their paths inside ``root``. They are not opened.

    Raises
    ------
    SubmissionError
        There are too many files. An `UnreadableError`, if the folder cannot be listed.
    """
    files: list[File] = []
    archives: dict[str, Path] = {}
    problems: list[Problem] = []
    total = 0
    for name, path in _walk(root, problems):
        if is_archive(name):
            archives[name] = path
            continue
        with report_refusals(name, problems):
            files.append(read_file(path, name, follow=False))
            total += len(files[-1].data)
        refuse_many(root.name, len(files), total)
    return files, problems, archives


def _walk(root: Path, problems: list[Problem]) -> Iterator[tuple[str, Path]]:
    """Yield code files and archives with their paths inside ``root``, subfolders last.

    Folders that cannot be listed, links, and folders deeper than `DEPTH` are added to ``problems``.
    Hidden and other ignored names and virtual environments are skipped.
    """
    folders = [("", root)]
    seen = 0
    while folders:
        prefix, folder = folders.pop()
        entries: list[os.DirEntry[str]] = []
        try:
            with os.scandir(folder) as scan:
                for entry in scan:
                    seen += 1
                    refuse_entries(root.name, seen)
                    if not is_ignored(entry.name):
                        entries.append(entry)
        except OSError as error:
            if folder == root:
                raise UnreadableError(not_opened(root.name, error)) from None
            problems.append(Problem(not_opened(prefix, error), passing=True))
            continue
        entries.sort(key=lambda entry: entry.name)
        below = []
        for entry in entries:
            name = f"{prefix}{entry.name}"
            if entry.is_symlink():
                if is_code(name) or not entry.is_file():
                    problems.append(make_problem(name, refusal_text("link", name)))
            elif entry.is_dir(follow_symlinks=False):
                if name.count("/") >= DEPTH:
                    problems.append(Problem(refusal_text("deep", name, limit=DEPTH)))
                elif not os.path.lexists(os.path.join(entry.path, "pyvenv.cfg")):
                    below.append((f"{name}/", Path(entry.path)))
            elif is_code(name) or is_archive(name):
                yield name, Path(entry.path)
        folders.extend(reversed(below))


# --- archives ---------------------------------------------------------------------------

ARCHIVES = 10
"""Largest number of archives that are opened inside one submission."""

RATIO = 200
"""Largest compression ratio of a member of more than a megabyte."""

_ENTRY_BYTES = 300
"""Largest expected number of bytes of one member in an archive's directory."""

_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_LONGEST_COMMENT = 1 << 16
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_archive(path: Path) -> tuple[list[File], list[Problem]]:
    """Read all code files of a zip archive, in the order of their paths; also return the problems.

    Raises
    ------
    SubmissionError
        It is not a zip archive, or is larger or has more members than is reasonable.
    """
    try:
        with open(path, "rb") as stream:
            return unpack(path.name, stream)
    except OSError as error:
        raise make_refusal(error, not_opened(path.name, error)) from None


def unpack(name: str, stream: BinaryIO, *, inner: bool = True) -> tuple[list[File], list[Problem]]:
    """Read all code files of an open archive that is called ``name``; also return the problems.

    With ``inner``, archives inside it are opened if it contains no code file itself.

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
    """Return a context manager that refuses an archive that is damaged or not a zip file.

    Any error of the block other than OSError and SubmissionError becomes a SubmissionError about
    the archive ``name``.
    """
    try:
        yield
    except (OSError, SubmissionError):
        raise
    except Exception:
        # What `zipfile` raises on damaged input has no common base.
        raise SubmissionError(refusal_text("archive", name)) from None


def _refuse_directory(name: str, stream: BinaryIO) -> None:
    """Refuse an open archive that is too large, before `zipfile` reads its whole directory.

    Its size, and the number of members in its end record, are checked. SubmissionError is raised
    for both, and `zipfile.BadZipFile` without an end record.
    """
    size = stream.seek(0, os.SEEK_END)
    refuse_large(name, size)
    stream.seek(max(0, size - _END.size - _LONGEST_COMMENT))
    tail = stream.read()
    stream.seek(0)
    # `zipfile` searches for an end record without a comment first, then for the last mark.
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
    """Read the code files among some members of an archive; also return the problems.

    ``label`` is the name of the submission for messages, and ``infos`` are the members of
    ``archive`` to read. ``within`` is a folder that is removed from the front of their names. With
    ``inner``, archives among the members are opened if there is no code file, since students submit
    a packed folder without anything beside it. An archive beside code files may be a copy of them,
    and is not opened. Members that must not be read, and archives that are not opened, become
    problems.

    Raises
    ------
    SubmissionError
        There are too many code files.
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
        with report_refusals(name, problems):
            _refuse_pitfall(name, info)
            if name in wanted:
                raise SubmissionError(refusal_text("twice", name))
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
    problems += [make_problem(name, refusal_text("closed", name)) for name in archives]
    files = []
    for name, info in sorted(wanted.items()):
        with report_refusals(name, problems):
            files.append(File(name, _contents(name, archive, info)))
    return files, problems


def read_archives(
    label: str,
    names: Sequence[str],
    read: Callable[[str], tuple[list[File], list[Problem]]],
    problems: list[Problem],
) -> tuple[list[File], list[Problem]]:
    """Read the code files of the archives in a submission, under the limits of one submission.

    Only the first `ARCHIVES` archives are opened. The name of a file begins with that of its
    archive, as a folder. The files and all problems are returned.

    Parameters
    ----------
    label : str
        The name of the submission.
    names : sequence of str
        Paths of the archives in it.
    read : callable
        Reads the archive of a path.
    problems : list of Problem
        Problems found before; new ones are added.

    Raises
    ------
    SubmissionError
        There are too many files in the archives.
    """
    files: list[File] = []
    problems += [make_problem(name, refusal_text("closed", name)) for name in names[ARCHIVES:]]
    for name in names[:ARCHIVES]:
        with report_refusals(name, problems):
            found, new_problems = read(name)
            problems += new_problems
            files += [File(f"{name[: -len('.zip')]}/{file.name}", file.data) for file in found]
        refuse_many(label, len(files), sum(len(file.data) for file in files))
    return files, problems


def _contents(name: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Read a member of an archive, up to the size in the directory of the archive.

    ``info`` is its entry in that directory, and ``name`` its path for messages.

    Raises
    ------
    SubmissionError
        The member is damaged. An `UnreadableError`, if it may be readable later.
    """
    try:
        with archive.open(info) as member:
            # The size in the directory may be wrong, so it also limits what is read.
            return member.read(info.file_size)
    except Exception as error:  # what `zipfile` raises on damaged input has no common base
        if isinstance(error, OSError) and is_temporary(error):
            raise UnreadableError(not_opened(name, error)) from None
        raise SubmissionError(refusal_text("member", name)) from None


def name_of(info: zipfile.ZipInfo) -> str:
    """Return a member's path with slashes, also if a program for Windows packed it."""
    return info.filename.replace("\\", "/")


def unpack_nested(
    name: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, inner: bool = True
) -> tuple[list[File], list[Problem]]:
    """Read all code files of an archive ``info`` in another archive; also return the problems.

    ``name`` is its path for messages, and ``inner`` is as for `unpack`.

    Raises
    ------
    SubmissionError
        See `read_archive`.
    """
    _refuse_pitfall(name, info)
    return unpack(name, io.BytesIO(_contents(name, archive, info)), inner=inner)


def _refuse_pitfall(name: str, info: zipfile.ZipInfo) -> None:
    """Refuse a member with an unsafe path, a link, or one that cannot or must not be unpacked.

    ``name`` is its path, and ``info`` its entry in the directory of the archive.

    Raises
    ------
    SubmissionError
        It is refused; the text says why.
    """
    parts = name.split("/")
    if ".." in parts or "." in parts or name.startswith("/") or ":" in parts[0]:
        why = refusal_text("outside", name)
    elif len(parts) > DEPTH + 1:
        why = refusal_text("deep", name, limit=DEPTH)
    elif stat.S_ISLNK(info.external_attr >> 16):
        why = refusal_text("link", name)
    elif info.flag_bits & 0x1:
        why = refusal_text("password", name)
    elif info.compress_type not in _METHODS:
        why = refusal_text("method", name)
    elif info.file_size > 1_000_000 and info.file_size > RATIO * max(info.compress_size, 1):
        why = refusal_text("ratio", name, size=f"{info.file_size / 1e6:.1f}", ratio=RATIO)
    else:
        refuse_large(name, info.file_size)
        return
    raise SubmissionError(why)
