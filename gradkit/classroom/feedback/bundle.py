"""Pages for students, under the names by which their platform knows whose they are.

Canvas takes the first two numbers between underscores for user and attachment, Moodle the part
behind the first underscore for the participant, and both pass over what they cannot place.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from gradkit.classroom.atomic_write import whole
from gradkit.classroom.course.senders import CANVAS, CANVAS_ANONYMOUS, MOODLE
from gradkit.classroom.feedback.pages import file_name
from gradkit.errors import GradkitError
from gradkit.records.course import Sender

Page = Callable[[str], str]
"""From a student's name to the text of the page."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every member: the same pages are the same archive, byte for byte."""

FEEDBACK = "feedback.html"
# What Windows does not take in a name, and what a path is made of.
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')


class BundleError(GradkitError):
    """Pages cannot be written; the text says where and why."""


def canvas_names(told: Sequence[Sender]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Names of files by student, for “Upload submissions”, and who has none, with the reason.

    The student's own file name is left out: Canvas takes one that begins with ``link`` for no
    attachment.
    """
    return _names(told, _canvas_name, "was not downloaded from Canvas with an attachment's number")


def moodle_names(told: Sequence[Sender]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Names in folders by student, for “Upload multiple feedback files in a zip”."""
    return _names(told, _moodle_name, "was not downloaded from Moodle with a participant's number")


def folder_names(told: Sequence[Sender]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Names of files by student that every system takes; nobody is left out."""
    return _names(told, lambda sender: file_name(sender.student), "")


def _names(
    told: Sequence[Sender], name_of: Callable[[Sender], str | None], reason: str
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Where a student has several submissions, the last one has the page."""
    named = {sender.student: name_of(sender) for sender in told}
    names = {student: name for student, name in named.items() if name is not None}
    return names, [(student, reason) for student, name in named.items() if name is None]


def _canvas_name(sender: Sender) -> str | None:
    name = sender.original
    found = CANVAS_ANONYMOUS.fullmatch(name) or CANVAS.fullmatch(name)
    if sender.source != "canvas" or found is None:
        return None
    return f"{_safe(name[: found.start('file')])}{FEEDBACK}"


def _moodle_name(sender: Sender) -> str | None:
    found = MOODLE.fullmatch(sender.original)
    if sender.source != "moodle" or found is None:
        return None
    # Since Moodle 4.1 the folders end without an underscore, and both forms are taken back.
    folder = sender.original[: found.end("plugin")] + ("_" if found["file"] is not None else "")
    return f"{_safe(folder)}/{FEEDBACK}"


def _safe(name: str) -> str:
    return _UNSAFE.sub("-", name)


def write_zip(path: Path, names: Iterable[tuple[str, str]], page: Page) -> int:
    """Write the pages into an archive, which takes its place at once.

    Parameters
    ----------
    path : Path
        One of that name is replaced.
    names : iterable of (str, str)
        Students and the names of their pages. The members are in the order of these.
    page : callable

    Returns
    -------
    int
        How many there are.

    Raises
    ------
    BundleError
        It cannot be written. What was there is as it was.
    """
    count = 0
    try:
        with whole(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in _members(names, page):
                member = zipfile.ZipInfo(name, EPOCH)
                member.external_attr = 0o100644 << 16
                member.compress_type = zipfile.ZIP_DEFLATED
                member.create_system = 3  # Unix: else the permissions mean nothing
                archive.writestr(member, data)
                count += 1
    except OSError as error:
        raise BundleError(_unwritable(path, error)) from None
    return count


def write_folder(folder: Path, names: Iterable[tuple[str, str]], page: Page) -> int:
    """Write the pages into a folder, each of them at once. See `write_zip`."""
    count = 0
    try:
        for name, data in _members(names, page):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as stream:
                stream.write(data)
            count += 1
    except OSError as error:
        raise BundleError(_unwritable(folder, error)) from None
    return count


def _members(names: Iterable[tuple[str, str]], page: Page) -> Iterator[tuple[str, bytes]]:
    for student, name in sorted(names, key=lambda each: each[1]):
        yield name, page(student).encode("utf-8", "replace")


def _unwritable(path: Path, error: OSError) -> str:
    return (
        f"{path}: cannot be written ({error.strerror}). What was there before is as it was; make "
        "room or choose another place with --out."
    )
