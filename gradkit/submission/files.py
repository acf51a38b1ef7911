"""Read the files of a submission as bytes: scripts and notebooks, within limits of size.

Everything is measured before it is read; links are never followed, special files never
opened. What is refused on its own gives a `Problem`, what leaves nothing to grade
a `SubmissionError`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path

from gradkit.errors import GradkitError
from gradkit.language import phrase, say
from gradkit.records.submission import File, Place, Problem
from gradkit.text import clean_text

SUFFIXES = (".py", ".ipynb")

SCRIPT_BYTES = 400_000
NOTEBOOK_BYTES = 25_000_000
ARCHIVE_BYTES = TOTAL_BYTES = 60_000_000
"""Limits on a script, a notebook, an archive, and all code files of a submission, in bytes.

Of a notebook it is outputs that take so much; its code is measured by `gradkit.submission.source`.
"""

ENTRIES = 5_000
"""Files and folders that are looked at, of whatever kind."""

CODE_FILES = 100
DEPTH = 8
"""Levels of folders below the submission's own."""

NAME = 120
"""Characters of a file name that are shown."""

_SKIPPED = frozenset({"__MACOSX", "__pycache__", "node_modules", "site-packages", "venv", "env"})


class SubmissionError(GradkitError):
    """A submission of which nothing can be read. The message is meant for the student."""


class UnreadableError(SubmissionError):
    """A submission that this machine could not read now; another time it may."""


def is_passing(error: Exception) -> bool:
    """True where reading failed for reasons of the machine: another time it may succeed.

    What is not the system's, or is an offset that no file has, comes from damaged contents.
    """
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


def is_code(name: str) -> bool:
    """True of the name of a script or a notebook."""
    return name.lower().endswith(SUFFIXES)


def is_archive(name: str) -> bool:
    """True of the name of an archive that can be opened."""
    return name.lower().endswith(".zip")


def is_ignored(part: str) -> bool:
    """True of the name of a file or folder that is left aside without a word."""
    return part.startswith(".") or part in _SKIPPED


def shown(name: str) -> str:
    """Make a file name fit to be shown: on one line, without control characters, not endless."""
    return clean_text(" ".join(name.split()), NAME) or say("(no name)")


def distinct(name: str, taken: Container[str], suffix: str = "") -> str:
    """Return the name with its suffix and, where that is taken, a number between the two."""
    numbered = (f"{name}~{number}{suffix}" for number in count(2))
    return next(each for each in chain([name + suffix], numbered) if each not in taken)


def limit_of(name: str) -> int:
    """Return the number of bytes that a script, notebook or archive of this name may have."""
    if is_archive(name):
        return ARCHIVE_BYTES
    return NOTEBOOK_BYTES if name.lower().endswith(".ipynb") else SCRIPT_BYTES


# --- refusals ----------------------------------------------------------------------------

REFUSALS: Mapping[str, str] = {
    "size": phrase("{name} has {size} MB; at most {limit} MB are read. {advice}."),
    "unopened": phrase("{name} could not be opened: {reason}. Check the path and the permissions."),
    "link": phrase("{name} is a link, and links are not followed. Hand in the file itself."),
    "deep": phrase("{name} lies more than {limit} levels deep and was left out."),
    "irregular": phrase("{name} is not a regular file and was not opened."),
    "files": phrase(
        "{name} holds more than {limit} scripts and notebooks, or more than {size} MB of them. "
        "Clear all outputs, and hand in one submission at a time."
    ),
    "entries": phrase(
        "{name} holds more than {limit} files. Hand in the folder of the exercise alone."
    ),
    "class": phrase("{name} holds more than {limit} files. Grade a class in parts."),
    "archive": phrase("{name} is damaged or not a zip archive. Pack the files again as .zip."),
    "member": phrase("{name} is damaged inside the archive. Pack the files again."),
    "twice": phrase("{name} is in the archive twice; the first one was read."),
    "closed": phrase(
        "{name} is an archive inside the submission and was not opened. Put its files there "
        "instead."
    ),
    "outside": phrase("{name} points out of the archive and was left out. Pack the files again."),
    "password": phrase("{name} is protected by a password. Pack the files again without one."),
    "method": phrase(
        "{name} is packed by a method that is not read. Pack the files again as .zip."
    ),
    "ratio": phrase(
        "{name} would unpack to {size} MB, more than {ratio} times its packed size, and was left "
        "out."
    ),
    "unread": phrase(
        "{name} could not be read from {archive} ({type}). Pack the files again as .zip."
    ),
    "kind": phrase("{name} is not a file that can be graded. {expected}"),
    "data": phrase(
        "{name} holds more data than a notebook of this exercise can need. Clear all outputs, "
        "save, and hand it in again."
    ),
    "page": phrase("{name} is a web page, not a notebook. Download the notebook file itself."),
    "notebook": phrase(
        "{name} is not a valid notebook: {reason}. Open it in Jupyter or Colab, save it, and hand "
        "it in again."
    ),
    "format": phrase(
        "{name} has notebook format {version}; up to {known} can be read. Save it in format "
        "{known} and hand it in again."
    ),
    "parts": phrase("{name} has more than {limit} {what}. Hand in the exercise alone."),
    "code": phrase(
        "{name} holds more code than an exercise can need: at most {size} kB in all, and {words} "
        "words and signs, are read. Hand in the exercise alone, without data in it."
    ),
    "empty": phrase("There is no script and no notebook in {name}. {said}"),
}
"""Why a file, a folder or an archive of this name is not read."""


def complaint(kind: str, name: str, **fields: object) -> str:
    """Say one of `REFUSALS` of a name."""
    return say(REFUSALS[kind], name=shown(name), **fields)


def refuse_large(name: str, size: int) -> None:
    """Refuse a script, notebook or archive that is too large.

    Raises
    ------
    SubmissionError
    """
    limit = limit_of(name)
    if size <= limit:
        return
    if is_archive(name):
        advice = say("Leave data and pictures out of the archive")
    elif limit == NOTEBOOK_BYTES:
        advice = say("Clear all outputs, save, and hand it in again")
    else:
        advice = say("Hand in the code alone, without data in it")
    figures = {"size": f"{size / 1e6:.1f}", "limit": f"{limit / 1e6:g}"}
    raise SubmissionError(complaint("size", name, **figures, advice=advice))


def not_opened(name: str, error: OSError) -> str:
    """Say that a file or folder could not be opened, and what the system says of it."""
    return complaint("unopened", name, reason=error.strerror or error)


def refuse_many(label: str, files: int, size: int) -> None:
    """Refuse more code files, or more bytes of them, than are read of one submission.

    Raises
    ------
    SubmissionError
    """
    if files > CODE_FILES or size > TOTAL_BYTES:
        most = f"{TOTAL_BYTES / 1e6:.0f}"
        raise SubmissionError(complaint("files", label, limit=CODE_FILES, size=most))


def refuse_entries(label: str, entries: int) -> None:
    """Refuse more files and folders, of whatever kind, than are looked at.

    Raises
    ------
    SubmissionError
    """
    if entries > ENTRIES:
        raise SubmissionError(complaint("entries", label, limit=ENTRIES))


def refusal(error: Exception, message: str) -> SubmissionError:
    """Give the error for what could not be read: `UnreadableError` if it may be another time."""
    return (UnreadableError if is_passing(error) else SubmissionError)(message)


def left_out(name: str, message: str, *, passing: bool = False) -> Problem:
    """Give the problem of a file that was left out."""
    return Problem(message, Place(shown(name), None, 1), passing)


@contextmanager
def leaving_out(name: str, problems: list[Problem]) -> Iterator[None]:
    """Add to the problems why a file is not read, and go on without it."""
    try:
        yield
    except SubmissionError as error:
        passing = isinstance(error, UnreadableError)
        problems.append(left_out(name, str(error), passing=passing))


# --- reading -----------------------------------------------------------------------------


def read_file(path: Path, name: str, *, follow: bool) -> File:
    """Read a file that is called ``name``; ``follow`` it where it is a link.

    Raises
    ------
    SubmissionError
        It is too large, not a regular file, or cannot be opened.
    """
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    # A pipe would be waited for without end; a link may have taken the file's place.
    flags |= getattr(os, "O_NONBLOCK", 0) | (0 if follow else getattr(os, "O_NOFOLLOW", 0))
    try:
        descriptor = os.open(path, flags)
        with open(descriptor, "rb") as stream:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise SubmissionError(complaint("irregular", name))
            refuse_large(name, state.st_size)
            # The file may grow between the question and the reading.
            return File(name, stream.read(limit_of(name)))
    except OSError as error:
        raise UnreadableError(not_opened(name, error)) from None


def read_folder(root: Path) -> tuple[list[File], list[Problem], dict[str, Path]]:
    """Read all code files below a folder, in the order of their paths.

    Returns
    -------
    files : list of File
    problems : list of Problem
        What could not be used.
    archives : dict of str to Path
        Archives by their paths inside ``root``. They are not opened.

    Raises
    ------
    SubmissionError
        There are too many files.
    """
    files: list[File] = []
    archives: dict[str, Path] = {}
    problems: list[Problem] = []
    total = 0
    for name, path in _walk(root, problems):
        if is_archive(name):
            archives[name] = path
            continue
        with leaving_out(name, problems):
            files.append(read_file(path, name, follow=False))
            total += len(files[-1].data)
        refuse_many(root.name, len(files), total)
    return files, problems, archives


def _walk(root: Path, problems: list[Problem]) -> Iterator[tuple[str, Path]]:
    """Yield code files and archives with their paths inside ``root``; folders come after."""
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
                    problems.append(left_out(name, complaint("link", name)))
            elif entry.is_dir(follow_symlinks=False):
                if name.count("/") >= DEPTH:
                    problems.append(Problem(complaint("deep", name, limit=DEPTH)))
                elif not os.path.lexists(os.path.join(entry.path, "pyvenv.cfg")):
                    below.append((f"{name}/", Path(entry.path)))
            elif is_code(name) or is_archive(name):
                yield name, Path(entry.path)
        folders.extend(reversed(below))
