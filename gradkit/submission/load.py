"""A class's submissions as bytes, one after another, wherever each of them lies."""

from __future__ import annotations

import zipfile
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Self

from gradkit.language import say
from gradkit.records.submission import File, Parcel, Problem
from gradkit.submission.archive import name_of, read_members, unpack_nested
from gradkit.submission.files import (
    ENTRIES,
    SubmissionError,
    UnreadableError,
    is_code,
    is_passing,
    shown,
)
from gradkit.submission.gather import Handed, folder_in, place_of
from gradkit.submission.read import alone, collect, joined, not_gradable, packed
from gradkit.text import storable

OPEN = 16
"""Archives that are kept open: a class may come as one for each student."""


@dataclass(frozen=True, slots=True)
class _Archive:
    """An open archive, and what belongs to each file and folder at its top."""

    file: zipfile.ZipFile
    parts: dict[str, list[zipfile.ZipInfo]]

    def members(self, handed: Handed) -> list[zipfile.ZipInfo]:
        return self.parts[handed.member.removesuffix("/")]


class Loader:
    """A context manager that reads submissions one by one, and keeps the last archives open."""

    def __init__(self) -> None:
        self._opened: OrderedDict[Path, _Archive] = OrderedDict()

    def load(self, handed: Handed) -> Parcel:
        """Read the bytes of one submission, under the limits of a single one.

        Raises
        ------
        SubmissionError
            Nothing can be read. The message says why, and what to do. It is an
            `UnreadableError` where all or a part of it cannot be read by this machine, now.
        """
        if handed.parts:
            parcel = self._joined(handed)
            return replace(parcel, name=handed.name, path=place_of(handed))
        if handed.listed and handed.path.is_symlink():
            # One that leads nowhere may lead somewhere again: to a disk that is not there now.
            kind = SubmissionError if handed.path.exists() else UnreadableError
            raise kind(
                say(
                    "{name} is a link, and links are not followed. Put the file itself there.",
                    name=shown(handed.path.name),
                )
            )
        parcel = self._member(handed) if handed.member else collect(handed.path)
        for problem in parcel.problems:
            if problem.passing:
                # Graded without that file, it would pass for what the student handed in.
                raise UnreadableError(problem.message)
        files = tuple(File(storable(file.name), file.data) for file in parcel.files)
        if len(files) == 1 and is_code(handed.file) and is_code(handed.member or handed.path.name):
            files = (replace(files[0], name=storable(handed.file)),)
        return replace(parcel, name=handed.name, path=place_of(handed), files=files)

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
                inner = list(inside) if handed.path.is_dir() else [handed.path]
                times = [
                    datetime.fromtimestamp(each.lstat().st_mtime, UTC)
                    for each in inner
                    if not each.is_dir()
                ]
                return max(times).isoformat(timespec="seconds") if times else ""
            infos = self._open(handed.path).members(handed)
            times = [datetime(*info.date_time).astimezone(UTC) for info in infos]
            return max(times).isoformat(timespec="seconds") if times else ""
        except (OSError, KeyError, ValueError, OverflowError, zipfile.BadZipFile):
            return ""

    def _joined(self, handed: Handed) -> Parcel:
        """All parts together; one that cannot be read is a problem as long as another can."""
        parcels: list[Parcel] = []
        problems: list[Problem] = []
        for part in handed.parts:
            try:
                parcels.append(self.load(part))
            except UnreadableError:
                raise
            except SubmissionError as error:
                problems.append(Problem(str(error)))
        return joined(handed.name, parcels, problems)

    def _member(self, handed: Handed) -> Parcel:
        label = PurePosixPath(handed.member).name
        folder = handed.member if handed.member.endswith("/") else ""
        try:
            opened = self._open(handed.path)
            archive, infos = opened.file, opened.members(handed)
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
            kind = UnreadableError if is_passing(error) else SubmissionError
            raise kind(_unread(handed, error)) from None
        if not files:
            kind = UnreadableError if any(one.passing for one in problems) else SubmissionError
            raise kind(" ".join(problem.message for problem in problems))
        return replace(alone("", File(label, files[0].data)), problems=tuple(problems))

    def _open(self, path: Path) -> _Archive:
        if path not in self._opened:
            self._opened[path] = _Archive(zipfile.ZipFile(path), {})
            archive, parts = self._opened[path].file, self._opened[path].parts
            prefix = folder_in(path, [name_of(info) for info in archive.infolist()])
            for info in archive.infolist():
                name = name_of(info)
                if name.startswith(prefix):
                    top = name.removeprefix(prefix).partition("/")[0]
                    parts.setdefault(prefix + top, []).append(info)
            if len(self._opened) > OPEN:
                self._opened.popitem(last=False)[1].file.close()
        self._opened.move_to_end(path)
        return self._opened[path]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for archive in self._opened.values():
            archive.file.close()


def _unread(handed: Handed, error: Exception) -> str:
    return say(
        "{label} could not be read from {name} ({type}). Pack the files again as .zip.",
        label=shown(PurePosixPath(handed.member).name),
        name=shown(handed.path.name),
        type=type(error).__name__,
    )
