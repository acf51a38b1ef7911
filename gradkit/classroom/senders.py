"""Who handed in what, told from the names that learning platforms give their downloads.

    Canvas            name[_LATE]_userid_attachmentid_file, anon_ID[_LATE]_attachmentid_file
    Moodle            Full Name_participantid_plugintype_pluginname[_file]
    Gradescope        submission_NUMBER, with submission_metadata.yml beside them
    GitHub Classroom  assignment-login, all with the same assignment

A name that has none of these forms is a student's by itself. Which form a download has is
decided for all of it: one stray name does not make a platform.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from gradkit.records.classroom import Sender, Source
from gradkit.student.files import shown
from gradkit.student.gather import Handed

CANVAS = re.compile(
    r"^(?P<name>[^_]+)(?P<late>_LATE)?_(?P<user>\d+)_(?P<attachment>\d+)_(?P<file>.+)$"
)
CANVAS_ANONYMOUS = re.compile(
    r"^(?P<name>anon_(?P<user>[A-Za-z0-9]+))(?P<late>_LATE)?_(?P<attachment>\d+)_(?P<file>.+)$"
)
MOODLE = re.compile(
    r"^(?P<name>.+)_(?P<participant>\d+)_(?P<kind>assignsubmission)_(?P<plugin>[a-z]+)"
    r"(?P<file>_.*)?$"
)
GRADESCOPE = re.compile(r"^submission_(?P<number>\d+)$")
METADATA = "submission_metadata.yml"

SHARE = 0.8
"""Of the names of a download that must have a platform's form for it to be that one's."""


def senders(handed: Sequence[Handed]) -> list[Sender]:
    """Whose submission each is, in the same order; several may be of one student.

    Parameters
    ----------
    handed : sequence of Handed
        As gathered. Those that lie in one folder or archive are taken as one download.
    """
    told: dict[int, Sender] = {}
    downloads: dict[Path, list[int]] = {}
    for number, one in enumerate(handed):
        downloads.setdefault(one.path if one.member else one.path.parent, []).append(number)
    for folder, numbers in downloads.items():
        found = _download(folder, [handed[number] for number in numbers])
        told.update(zip(numbers, found, strict=True))
    return [told[number] for number in range(len(handed))]


def _download(folder: Path, handed: Sequence[Handed]) -> list[Sender]:
    names = [original(one) for one in handed]
    readers: Sequence[Callable[[Path, str], Sender | None]] = (_canvas, _moodle, _gradescope)
    for reader in readers:
        found = [reader(folder, name) for name in names]
        if sum(one is not None for one in found) >= SHARE * len(names):
            return [
                _plain(one) if sender is None else sender
                for one, sender in zip(handed, found, strict=True)
            ]
    slug = _slug(handed, names)
    if slug:
        return [_github(slug, name) for name in names]
    return [_plain(one) for one in handed]


def original(handed: Handed) -> str:
    """The name that the download gave it, ending and all."""
    return PurePosixPath(handed.member.rstrip("/")).name if handed.member else handed.path.name


def _canvas(folder: Path, name: str) -> Sender | None:
    found = CANVAS_ANONYMOUS.match(name) or CANVAS.match(name)
    if found is None:
        return None
    ids = {"canvas": found["user"], "attachment": found["attachment"]}
    return Sender(shown(found["name"]), "canvas", ids, bool(found["late"]), name)


def _moodle(folder: Path, name: str) -> Sender | None:
    found = MOODLE.match(name)
    if found is None:
        return None
    return Sender(shown(found["name"]), "moodle", {"moodle": found["participant"]}, False, name)


def _gradescope(folder: Path, name: str) -> Sender | None:
    found = GRADESCOPE.match(name)
    if found is None:
        return None
    ids = {"gradescope": found["number"], **_metadata(folder).get(name, {})}
    return Sender(shown(ids.get("name", name)), "gradescope", ids, False, name)


def _metadata(folder: Path) -> Mapping[str, Mapping[str, str]]:
    """Names and addresses by submission, from the few lines of YAML that are needed here."""
    try:
        text = (folder / METADATA).read_text(encoding="utf-8")
    except OSError:
        return {}
    facts: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in text.splitlines():
        if head := re.match(r"^(submission_\d+):\s*$", line):
            current = facts.setdefault(head[1], {})
        elif fact := re.match(r"^\s+(?:- )?:(name|email|sid|created_at):\s*(.+?)\s*$", line):
            current.setdefault(fact[1], fact[2].strip("'\""))
    return facts


def _slug(handed: Sequence[Handed], names: Sequence[str]) -> str:
    """What all folders of a classroom begin with; nothing where they are no such folders."""
    folders = all(one.member.endswith("/") or (not one.member and one.path.is_dir()) for one in handed)
    common = os.path.commonprefix(list(names))
    slug = common[: common.rfind("-") + 1]
    logins = [name.removeprefix(slug) for name in names]
    return slug if len(names) > 1 and folders and len(slug) > 1 and all(logins) else ""


def _github(slug: str, name: str) -> Sender:
    login = name.removeprefix(slug)
    return Sender(shown(login), "github", {"github": login}, False, name)


def _plain(handed: Handed) -> Sender:
    return Sender(handed.name, "plain", {}, False, original(handed))


def attributed(handed: Sequence[Handed], told: Sequence[Sender]) -> list[tuple[Handed, Sender]]:
    """Each submission under its student's name.

    Files of one student in one download, as Canvas gives them, are one submission; what one
    student has in several downloads are attempts, in the order given. Students whose names
    are alike and whose identifiers are not have these behind their names.
    """
    identities: dict[str, set[str]] = {}
    for sender in told:
        identities.setdefault(sender.student, set()).add(identity(sender))
    named = [
        sender
        if len(identities[sender.student]) == 1
        else replace(sender, student=f"{sender.student} ({identity(sender).partition(' ')[2]})")
        for sender in told
    ]
    merged: dict[tuple[str, Path], tuple[Handed, Sender]] = {}
    for one, sender in zip(handed, named, strict=True):
        place = one.path if one.member else one.path.parent
        key = (sender.student, place if sender.source != "plain" else one.path / one.member)
        if key in merged:
            first, known = merged[key]
            parts = (*(first.parts or (replace(first, parts=()),)), one)
            merged[key] = replace(first, parts=parts), known
        else:
            merged[key] = replace(one, name=sender.student), sender
    return list(merged.values())


def identity(sender: Sender) -> str:
    """What tells a student from one of the same name: the platform's identifier."""
    for kind in ("canvas", "moodle", "email", "sid", "github"):
        if kind in sender.ids:
            return f"{kind} {sender.ids[kind]}"
    return f"plain {sender.original}"
