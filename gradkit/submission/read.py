"""Read a path into a `Submission`, the first stage of the line. Nothing is run.

Of a class each file, sub-folder and member of an archive given is one submission. They are listed
first and read one by one, wherever each of them lies. Nothing is lost on the way: what cannot be
graded is in the list too, and says why when it is loaded.
"""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import islice
from os import PathLike
from os.path import splitext
from pathlib import Path, PurePosixPath

from msgspec import Struct
from msgspec.structs import replace

from gradkit.formatting import format_text
from gradkit.records.submission import Cell, File, Place, Problem, RawSubmission, Submission
from gradkit.submission.files import (
    ENTRIES,
    SubmissionError,
    UnreadableError,
    complaint,
    distinct,
    is_archive,
    is_code,
    is_ignored,
    name_of,
    not_opened,
    read_archive,
    read_archives,
    read_file,
    read_folder,
    read_members,
    refusal,
    refuse_many,
    refusing_damage,
    shown,
    unpack_nested,
)
from gradkit.submission.notebook import read_notebook
from gradkit.submission.script import read_script
from gradkit.submission.source import Amount, MuchCodeError, refuse_if
from gradkit.text import clean_text, storable

__all__ = ["Handed", "Loader", "SubmissionError", "collect", "gather", "parse", "place_of", "read"]

_EXPECTED = "Expected is a script (.py), a notebook (.ipynb), or a folder or .zip of them."
_NOT_HANDED_IN = re.compile(r"setup|conftest|test_.*|.*_test")


def read(path: str | PathLike[str]) -> Submission:
    """Read a script, a notebook, a folder or a zip archive. See `collect` and `parse`."""
    return parse(collect(path))


def collect(path: str | PathLike[str]) -> RawSubmission:
    """Read the bytes of a script, a notebook, a folder or a zip archive.

    Parameters
    ----------
    path : path-like
        A link given here is followed; links inside a folder or archive are not.

    Returns
    -------
    RawSubmission
        Data files, hidden files and Jupyter's checkpoints are left aside.

    Raises
    ------
    SubmissionError
        Nothing can be read at all. The message says why, and what to do.
    """
    path = Path(path)
    if not os.path.exists(path):  # which takes what cannot be looked at for missing
        raise UnreadableError(
            format_text("There is no file or folder {path}.", path=clean_text(str(path), 300))
        )
    if path.is_dir():
        return packed(path.resolve().name, str(path), *_folder(path))
    if path.suffix.lower() == ".zip":
        return packed(path.name, str(path), *read_archive(path))
    if is_code(path.name):
        return alone(str(path), read_file(path, path.name, follow=True))
    raise SubmissionError(not_gradable(path.name))


def _folder(path: Path) -> tuple[list[File], list[Problem]]:
    """Read the code files of a folder; where there are none, those of the archives in it."""
    files, problems, archives = read_folder(path)
    if files:
        return files, problems
    return read_archives(
        path.name, list(archives), lambda name: read_archive(archives[name]), problems
    )


def not_gradable(name: str) -> str:
    """Say that a file is of another kind."""
    return complaint("kind", name, expected=_EXPECTED)


def alone(path: str, file: File) -> RawSubmission:
    """Make the raw submission of one script or notebook."""
    digest = hashlib.sha256(file.data).hexdigest()
    return RawSubmission(stem_of(file.name), path, (file,), (), digest)


def packed(name: str, path: str, files: list[File], problems: list[Problem]) -> RawSubmission:
    """Make the raw submission of a folder or archive that is called ``name``.

    Raises
    ------
    SubmissionError
        There is no code in it, or more than is read.
    """
    taken = _handed_in(sorted(_unwrapped(files), key=lambda file: file.name))
    if not taken:
        said = " ".join(problem.message for problem in problems[:3])
        passing = any(problem.passing for problem in problems)
        kind = UnreadableError if passing else SubmissionError
        raise kind(complaint("empty", name, said=said or _EXPECTED))
    scripts = [file for file in taken if not file.name.lower().endswith(".ipynb")]
    # Seen by the sizes alone, before all of it is sent to whoever parses it.
    sizes = {file.name: len(file.data) for file in scripts}
    refuse_if(name, sum(sizes.values()), 0, SubmissionError, sizes)
    return RawSubmission(stem_of(name), path, tuple(taken), tuple(problems), _digest(taken))


def joined(
    name: str, parts: Iterable[RawSubmission], problems: Iterable[Problem] = ()
) -> RawSubmission:
    """Join several that were handed in as one, under the limits of a single one.

    Parameters
    ----------
    name : str
    parts : iterable of RawSubmission
        Where a file comes twice, the later one gets a number behind its name.
    problems : iterable of Problem
        Of what could not be read, besides those of the parts.

    Raises
    ------
    SubmissionError
        There is no code in it, or more than is read.
    """
    files: dict[str, File] = {}
    said: list[Problem] = []
    for raw in parts:
        said += raw.problems
        for file in raw.files:
            stem, suffix = splitext(file.name)
            label = distinct(stem, files, suffix)
            files[label] = File(label, file.data)
    said += problems
    refuse_many(name, len(files), sum(len(file.data) for file in files.values()))
    return packed(name, "", list(files.values()), said)


def stem_of(name: str) -> str:
    """Return what a submission in a file or folder of this name is called."""
    return shown(PurePosixPath(name).stem if is_code(name) or is_archive(name) else name)


def parse(raw: RawSubmission) -> Submission:
    """Read the cells of a raw submission's files.

    Returns
    -------
    Submission
        Its cells follow the files in the order of their paths. What could not be used is
        listed in ``problems``.

    Raises
    ------
    SubmissionError
        Nothing can be read at all. The message says why, and what to do.
    """
    cells: list[Cell] = []
    modules: dict[str, str] = {}
    labels: set[str] = set()
    problems = list(raw.problems)
    amount = Amount(raw.name)
    for file in raw.files:
        label = distinct(shown(file.name), labels)
        labels.add(label)
        try:
            if file.name.lower().endswith(".ipynb"):
                found, said, written = read_notebook(file, label, amount, alone=len(raw.files) == 1)
                modules.update(written)
            else:
                found, said, source = read_script(file, label, amount)
                for name in _module_names(file.name):
                    modules.setdefault(name, source)
        except MuchCodeError:
            raise
        except SubmissionError as error:
            if len(raw.files) == 1:
                raise
            problems.append(Problem(str(error), Place(label, None, 1)))
            continue
        cells += found
        problems += said
    if not cells and problems:
        raise SubmissionError(" ".join(problem.message for problem in problems[:3]))
    return Submission(raw.name, raw.path, raw.digest, tuple(cells), modules, tuple(problems))


def _digest(files: Iterable[File]) -> str:
    total = hashlib.sha256()
    for file in files:
        name = file.name.encode("utf-8", "surrogateescape")
        total.update(b"%d %d " % (len(name), len(file.data)) + name)
        total.update(file.data)
    return total.hexdigest()


def _unwrapped(files: list[File]) -> list[File]:
    """Take off the folder that everything lies in, as archives usually have one."""
    while files:
        folder, slash, _ = files[0].name.partition("/")
        if not slash or not all(file.name.startswith(folder + slash) for file in files):
            break
        files = [File(file.name[len(folder) + 1 :], file.data) for file in files]
    return files


def _handed_in(files: list[File]) -> list[File]:
    """Leave out tests and packaging, unless there is nothing else."""
    own = [f for f in files if not _NOT_HANDED_IN.fullmatch(PurePosixPath(f.name).stem)]
    return own or files


def _module_names(name: str) -> list[str]:
    """Return what a file can be imported as: dotted from the top, or from its own folder."""
    parts = list(PurePosixPath(name).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    if not parts or not all(part.isidentifier() for part in parts):
        return [parts[-1]] if parts and parts[-1].isidentifier() else []
    return list(dict.fromkeys([".".join(parts), parts[-1]]))


# --- the submissions of a class ---------------------------------------------------------

MEMBERS = 200_000
"""Files and folders in one archive of a class."""

EXPORT = re.compile(r"assignment_\d+_export/$")


class Handed(Struct, frozen=True):
    """The location of a submission: a path, or a ``member`` (file or folder/) of the archive there.

    ``name`` is unlike all others of the class. ``listed`` is true of what was found in a
    folder, where links are not followed, rather than named. ``file`` is what the student called
    the file, where the download gave it another name. ``parts`` are read as one submission;
    the path is that of the first.
    """

    name: str
    path: Path
    member: str = ""
    listed: bool = False
    file: str = ""
    parts: tuple[Handed, ...] = ()


def gather(paths: Iterable[Path], leave: Collection[Path] = ()) -> list[Handed]:
    """List the submissions of a class.

    Parameters
    ----------
    paths : iterable of Path
        A script or notebook is one submission. Of a folder or a zip archive every file and
        every folder in it is one. An archive whose only folder is called like itself is
        taken as that folder. What is given twice is one submission.
    leave : collection of Path
        What is no submission wherever it lies: the results, among those they are about.

    Returns
    -------
    list of Handed
        In the order given, members by name. Where a name would come twice, the files'
        endings tell them apart, then the folders they lie in.

    Raises
    ------
    SubmissionError
        A path leads nowhere, cannot be listed, or holds no submission.
    """
    aside = {os.path.abspath(path) for path in leave}
    given: dict[tuple[str, str], Handed] = {}
    for path in paths:
        for handed in _within(path, aside):
            given.setdefault((os.path.abspath(handed.path), handed.member), handed)
    found = list(given.values())
    for fuller in (_with_ending, _with_folder):
        counts = Counter(handed.name for handed in found)
        found = [fuller(handed) if counts[handed.name] > 1 else handed for handed in found]
    taken = {handed.name for handed in found}
    unique: dict[str, Handed] = {}
    for handed in found:
        name = handed.name
        if name in unique:
            name = distinct(name, {*taken, *unique})
        unique[name] = replace(handed, name=name)
    return list(unique.values())


def place_of(handed: Handed) -> str:
    """Return the location of a submission as text that can be stored and sent."""
    return storable(f"{handed.path}!{handed.member}" if handed.member else str(handed.path))


def _within(path: Path, aside: Collection[str]) -> Iterator[Handed]:
    try:
        if path.is_dir():
            members = sorted(entry.name for entry in path.iterdir() if not is_ignored(entry.name))
            listed = [
                Handed(stem_of(name), path / name, listed=True)
                for name in members
                if os.path.abspath(path / name) not in aside
            ]
        elif path.suffix.lower() == ".zip" and path.exists():
            listed = list(_packed(path))
        elif path.exists():
            yield Handed(stem_of(path.name), path)
            return
        else:
            raise SubmissionError(
                format_text("There is no file or folder {path}.", path=shown(str(path)))
            )
    except OSError as error:
        raise SubmissionError(not_opened(str(path), error)) from None
    if not listed:
        raise SubmissionError(
            format_text(
                "There is no submission in {path}. Expected are scripts, notebooks, folders "
                "or archives, one for each student.",
                path=shown(str(path)),
            )
        )
    yield from listed


def _packed(path: Path) -> Iterator[Handed]:
    with refusing_damage(path.name), zipfile.ZipFile(path) as archive:
        names = [name_of(info) for info in archive.infolist()]
    if len(names) > MEMBERS:
        raise SubmissionError(complaint("class", path.name, limit=MEMBERS))
    prefix = folder_in(path, names)
    for top in _tops(names, prefix):
        yield Handed(stem_of(top.rstrip("/")), path, prefix + top)


def folder_in(path: Path, names: list[str]) -> str:
    """Return the folder that everything lies in and that is called like the archive, or nothing.

    A browser calls an archive ``class (1)`` where it has one of that name already. Gradescope
    calls the folder in it ``assignment_NUMBER_export``.
    """
    called = {path.stem, re.sub(r" ?\(\d+\)$", "", path.stem)}
    tops = _tops(names, "")
    if len(tops) != 1:
        return ""
    like = tops[0] in {f"{name}/" for name in called} or EXPORT.match(tops[0])
    return tops[0] if like else ""


def _tops(names: list[str], prefix: str) -> list[str]:
    """List what lies at the top of an archive, or of a folder in it; folders with a slash."""
    tops: dict[str, None] = {}
    for name in names:
        if name.startswith(prefix) and name != prefix:
            first, slash, _ = name.removeprefix(prefix).partition("/")
            # What points out of the archive is no member of it.
            if first not in ("", ".", "..") and ":" not in first and not is_ignored(first):
                tops[first + slash] = None
    return sorted(tops)


def _with_ending(handed: Handed) -> Handed:
    name = PurePosixPath(handed.member or handed.path.as_posix()).name
    return replace(handed, name=shown(name))


def _with_folder(handed: Handed) -> Handed:
    folder = handed.path.name if handed.member else handed.path.parent.name
    return replace(handed, name=shown(f"{folder}/{handed.name}"))


# --- loading -----------------------------------------------------------------------------

OPEN = 16
"""Archives that are kept open: a class may come as one for each student."""


_Archive = tuple[zipfile.ZipFile, dict[str, list[zipfile.ZipInfo]]]
"""An open archive, and what belongs to each file and folder at its top."""


class Loader(AbstractContextManager["Loader"]):
    """A context manager that reads submissions one by one, and keeps the last archives open."""

    def __init__(self) -> None:
        self._opened: OrderedDict[Path, _Archive] = OrderedDict()

    def load(self, handed: Handed) -> RawSubmission:
        """Read the bytes of one submission, under the limits of a single one.

        Raises
        ------
        SubmissionError
            Nothing can be read. The message says why, and what to do. It is an
            `UnreadableError` where all or a part of it cannot be read by this machine, now.
        """
        if handed.parts:
            raw = self._joined(handed)
            return replace(raw, name=handed.name, path=place_of(handed))
        if handed.listed and handed.path.is_symlink():
            # One that leads nowhere may lead somewhere again: to a disk that is not there now.
            kind = SubmissionError if handed.path.exists() else UnreadableError
            raise kind(complaint("link", handed.path.name))
        raw = self._member(handed) if handed.member else collect(handed.path)
        for problem in raw.problems:
            if problem.passing:
                # Graded without that file, it would pass for what the student handed in.
                raise UnreadableError(problem.message)
        files = tuple(File(storable(file.name), file.data) for file in raw.files)
        if len(files) == 1 and is_code(handed.file) and is_code(handed.member or handed.path.name):
            files = (replace(files[0], name=storable(handed.file)),)
        return replace(raw, name=handed.name, path=place_of(handed), files=files)

    def stamp(self, handed: Handed) -> str:
        """When the newest of its files was changed last, UTC, ISO 8601; empty if unknown.

        An archive's times have no zone, and are taken for this computer's. The files of a
        clone have the time of cloning, which says nothing.
        """
        try:
            if handed.parts:
                return max(self.stamp(part) for part in handed.parts)
            if not handed.member:
                if (handed.path / ".git").exists():
                    return ""
                inside = islice(handed.path.rglob("*"), ENTRIES)
                inner = inside if handed.path.is_dir() else [handed.path]
                stamps = (each.lstat().st_mtime for each in inner if not each.is_dir())
                times = [datetime.fromtimestamp(stamp, UTC) for stamp in stamps]
            else:
                _, infos = self._members(handed)
                times = [datetime(*info.date_time).astimezone(UTC) for info in infos]
            return max(times).isoformat(timespec="seconds") if times else ""
        except (OSError, KeyError, ValueError, OverflowError, zipfile.BadZipFile):
            return ""

    def _joined(self, handed: Handed) -> RawSubmission:
        """All parts together; one that cannot be read is a problem as long as another can."""
        parts: list[RawSubmission] = []
        problems: list[Problem] = []
        for part in handed.parts:
            try:
                parts.append(self.load(part))
            except UnreadableError:
                raise
            except SubmissionError as error:
                problems.append(Problem(str(error)))
        return joined(handed.name, parts, problems)

    def _member(self, handed: Handed) -> RawSubmission:
        label = PurePosixPath(handed.member).name
        folder = handed.member if handed.member.endswith("/") else ""
        try:
            archive, infos = self._members(handed)
        except Exception as error:
            # It could be listed before.
            raise UnreadableError(_unread(handed, error)) from None
        try:
            if folder:
                return packed(label, "", *read_members(label, archive, infos, folder))
            if label.lower().endswith(".zip"):
                return packed(label, "", *unpack_nested(label, archive, infos[0]))
            if not is_code(label):
                raise SubmissionError(not_gradable(label))
            files, problems = read_members(label, archive, infos)
        except SubmissionError:
            raise
        except Exception as error:
            # What `zipfile` raises on damaged input has no common base.
            raise refusal(error, _unread(handed, error)) from None
        if not files:
            kind = UnreadableError if any(one.passing for one in problems) else SubmissionError
            raise kind(" ".join(problem.message for problem in problems))
        return replace(alone("", File(label, files[0].data)), problems=tuple(problems))

    def _members(self, handed: Handed) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
        path = handed.path
        if path not in self._opened:
            archive, parts = self._opened[path] = zipfile.ZipFile(path), {}
            prefix = folder_in(path, [name_of(info) for info in archive.infolist()])
            for info in archive.infolist():
                name = name_of(info)
                if name.startswith(prefix):
                    top = name.removeprefix(prefix).partition("/")[0]
                    parts.setdefault(prefix + top, []).append(info)
            if len(self._opened) > OPEN:
                self._opened.popitem(last=False)[1][0].close()
        self._opened.move_to_end(path)
        archive, parts = self._opened[path]
        return archive, parts[handed.member.removesuffix("/")]

    def __exit__(self, *exception: object) -> None:
        for archive, _ in self._opened.values():
            archive.close()


def _unread(handed: Handed, error: Exception) -> str:
    archive, name = shown(handed.path.name), PurePosixPath(handed.member).name
    return complaint("unread", name, archive=archive, type=type(error).__name__)
