"""List the submissions of a class, and read them one by one, wherever each of them lies.

Each file, sub-folder and member of an archive given is one submission. Nothing is lost on the
way: what cannot be graded is in the list too, and says why when it is loaded.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path, PurePosixPath

from msgspec import Struct
from msgspec.structs import replace

from gradkit.language import say
from gradkit.records.submission import File, Problem, RawSubmission
from gradkit.submission.files import (
    ENTRIES,
    SubmissionError,
    UnreadableError,
    complaint,
    distinct,
    is_code,
    is_ignored,
    name_of,
    not_opened,
    read_members,
    refusal,
    refusing_damage,
    shown,
    unpack_nested,
)
from gradkit.submission.read import alone, collect, joined, not_gradable, packed, stem_of
from gradkit.text import storable

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
            raise SubmissionError(say("There is no file or folder {path}.", path=shown(str(path))))
    except OSError as error:
        raise SubmissionError(not_opened(str(path), error)) from None
    if not listed:
        raise SubmissionError(
            say(
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
