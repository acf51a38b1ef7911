"""Tell who handed in what, by the names that learning platforms give their downloads.

    Canvas            name[_LATE]_userid_attachmentid_file, [LATE_]anon_ID_attachmentid_file
    Moodle            Full Name_participantid_assignsubmission_plugin[_][file]
    Gradescope        submission_NUMBER, with submission_metadata.yml beside them
    GitHub Classroom  assignment-login, in a folder assignment-submissions or all of them clones

A name that has none of these forms is a student's by itself. Which form a download has is
decided for all of it: one stray name does not make a platform.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from gradkit.records.course import Sender
from gradkit.submission.files import shown
from gradkit.submission.read import Handed
from gradkit.text import storable

METADATA = "submission_metadata.yml"
LARGEST = 50_000_000
"""Bytes of it that are read."""

Metadata = Mapping[str, tuple[str, tuple[Mapping[str, str], ...]]]
"""By submission, when it was handed in and by whom (``name``, ``email``, ``sis``)."""

_HEAD = re.compile(r"(?P<name>submission_\d+): *")
_SECTION = re.compile(r"  :(?P<key>\w+):(?: +(?P<value>.+?))? *")
_FACT = re.compile(r"  (?P<first>- | {2,}):(?P<key>name|sid|email):(?: +(?P<value>.+?))? *")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "e": "\x1b", "0": "\0", "_": "\u00a0", "N": "\u0085"}
_KINDS = {"name": "name", "sid": "sis", "email": "email"}


def read_metadata(handed: Handed) -> Metadata:
    """Read the list beside a submission; empty where there is none that can be read."""
    try:
        beside: Path | zipfile.Path = handed.path.parent / METADATA
        if handed.member:
            member = PurePosixPath(handed.member.rstrip("/")).with_name(METADATA)
            beside = zipfile.Path(handed.path, str(member))
        with beside.open("rb") as stream:
            data = stream.read(LARGEST)
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile, NotImplementedError):
        return {}
    return parse(data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n"))


def parse(lines: Iterable[str]) -> Metadata:
    """Names, addresses and times from the text; the first of each submission's own level."""
    at: dict[str, str] = {}
    members: dict[str, list[dict[str, str]]] = {}
    name = section = ""
    for line in lines:
        if head := _HEAD.fullmatch(line):
            name, section = head["name"], ""
            at[name], members[name] = "", []
        elif not name:
            continue
        elif found := _SECTION.fullmatch(line):
            section = found["key"]
            if section == "created_at" and found["value"]:
                at[name] = scalar(found["value"])
        elif section == "submitters" and (fact := _FACT.fullmatch(line)):
            if fact["first"] == "- ":
                members[name].append({})
            if members[name] and fact["value"]:
                members[name][-1][_KINDS[fact["key"]]] = scalar(fact["value"])
    return {name: (at[name], tuple(filter(None, own))) for name, own in members.items()}


def scalar(text: str) -> str:
    """A value on one line: plain, or in either kind of quotes.

    Examples
    --------
    >>> scalar("'O''Neil'")
    "O'Neil"
    """
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        return _ESCAPE.sub(_unescaped, text[1:-1])
    return text


def _unescaped(found: re.Match[str]) -> str:
    sign = found[1]
    if len(sign) > 1:
        code = int(sign[1:], 16)
        # Half of a pair is no character either.
        return storable(chr(code)) if code <= sys.maxunicode else "\ufffd"
    return _ESCAPES.get(sign, sign)


# Canvas takes the first two parts that are digits alone for the ids when a file comes back, so
# the name ends before them here too.
CANVAS = re.compile(
    r"(?P<name>.+?)(?P<late>_LATE)?_(?P<user>[1-9]\d*)_(?P<attachment>[1-9]\d*)_(?P<file>.+)",
    re.DOTALL,
)
CANVAS_ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?(?P<name>anon_(?P<user>[A-Za-z0-9]+))(?P<later>_LATE)?"
    r"_(?P<attachment>[1-9]\d*)_(?P<file>.+)",
    re.DOTALL,
)
CANVAS_TEXT = re.compile(
    r"(?P<name>.+?)(?P<late>_LATE)?_(?P<user>[1-9]\d*)_(?P<file>(?:text|link)\.html)"
)
# Moodle takes underscores out of the name, and splits what comes back at the first four.
MOODLE = re.compile(
    r"(?P<name>[^_]+)_(?P<participant>\d+)_assignsubmission_(?P<plugin>[^_]+)(?:_(?P<file>.*))?",
    re.DOTALL,
)
SUBMISSION = re.compile(r"submission_(?P<number>\d+)")
CLONES = "-submissions"
"""How the folder ends that GitHub's command clones a classroom into."""

SHARE = 0.8
"""Of the names of a download that must have a platform's form for it to be that one's."""

KINDS = ("canvas", "moodle", "email", "sis", "login", "github")
"""Kinds of identifiers, the one that tells students apart most surely first."""


def senders(handed: Sequence[Handed]) -> list[Sender]:
    """Return the sender of each submission, in the same order; several may be of one student.

    Parameters
    ----------
    handed : sequence of Handed
        As gathered. Those that lie in one folder or archive are taken as one download.
    """
    downloads: dict[Path, list[Handed]] = {}
    for one in handed:
        downloads.setdefault(_place(one), []).append(one)
    told = {place: iter(_download(together)) for place, together in downloads.items()}
    return [next(told[_place(one)]) for one in handed]


def _place(handed: Handed) -> Path:
    return handed.path if handed.member else handed.path.parent


def _download(handed: Sequence[Handed]) -> list[Sender]:
    names = [original(one) for one in handed]
    counted = [name for name in names if name != METADATA]
    listed = METADATA in names or any(map(SUBMISSION.fullmatch, counted))
    metadata = read_metadata(handed[0]) if listed else {}
    readers: Sequence[Callable[[str], Sender | None]] = (
        _canvas,
        _moodle,
        lambda name: _gradescope(name, metadata),
    )
    for reader in readers:
        found = [reader(name) for name in names]
        known = [one for one in found if one is not None]
        if counted and len(known) >= SHARE * len(counted) and _consistent(known):
            return [
                _plain(one) if sender is None else sender
                for one, sender in zip(handed, found, strict=True)
            ]
    slug = _slug(handed, names)
    if slug:
        return [_github(slug, name) for name in names]
    return [_plain(one) for one in handed]


def _consistent(found: Sequence[Sender]) -> bool:
    """True where the numbers can be a platform's: one student for each, each attachment once.

    Names with a date in them look like Canvas' too, and then all students are number 2026.
    """
    students = {(identity(sender), sender.student) for sender in found}
    attachments = [s.ids["attachment"] for s in found if "attachment" in s.ids]
    return len(students) == len(dict(students)) and len(attachments) == len(set(attachments))


def original(handed: Handed) -> str:
    """The name that the download gave it, ending and all, as text that can be stored."""
    member = handed.member.rstrip("/")
    return storable(PurePosixPath(member).name if member else handed.path.name)


def _canvas(name: str) -> Sender | None:
    if found := CANVAS_ANONYMOUS.fullmatch(name):
        late = bool(found["late"] or found["later"])
    elif found := CANVAS.fullmatch(name) or CANVAS_TEXT.fullmatch(name):
        late = bool(found["late"])
    else:
        return None
    ids = {"anonymous" if found.re is CANVAS_ANONYMOUS else "canvas": found["user"]}
    if found.re is not CANVAS_TEXT:
        ids["attachment"] = found["attachment"]
    return Sender(shown(found["name"]), "canvas", ids, late, name, found["file"])


def _moodle(name: str) -> Sender | None:
    found = MOODLE.fullmatch(name)
    if found is None:
        return None
    ids = {"moodle": found["participant"]}
    return Sender(shown(found["name"]), "moodle", ids, False, name, found["file"] or "")


def _gradescope(name: str, metadata: Metadata) -> Sender | None:
    found = SUBMISSION.fullmatch(name)
    if found is None:
        return None
    at, members = metadata.get(name, ("", ()))
    first = members[0] if members else {}
    ids = {"gradescope": found["number"]}
    ids |= {kind: value for kind, value in first.items() if kind != "name"}
    named = ", ".join(one["name"] for one in members if one.get("name"))
    together = tuple(members) if len(members) > 1 else ()
    return Sender(shown(named or name), "gradescope", ids, False, name, "", at, together)


def _slug(handed: Sequence[Handed], names: Sequence[str]) -> str:
    """Return the common prefix of a classroom's folders; empty where they are no such folders.

    Without the folder's own name, or Git's mark in each of them, folders that begin alike may
    as well be those of two students with one family name.
    """
    if not all(
        one.member.endswith("/") or (not one.member and one.path.is_dir()) for one in handed
    ):
        return ""
    first = handed[0]
    around = storable(first.path.stem if first.member else first.path.parent.name)
    if around.endswith(CLONES):
        slug = around.removesuffix(CLONES) + "-"
    elif len(handed) > 1 and all(not one.member and (one.path / ".git").exists() for one in handed):
        parts = zip(*(name.split("-") for name in names), strict=False)
        common = list(takewhile(lambda same: len(set(same)) == 1, parts))
        slug = "".join(f"{same[0]}-" for same in common)
    else:
        return ""
    fits = len(slug) > 1 and all(len(name) > len(slug) and name.startswith(slug) for name in names)
    return slug if fits else ""


def _github(slug: str, name: str) -> Sender:
    login = name.removeprefix(slug)
    return Sender(shown(login), "github", {"github": login}, False, name)


def _plain(handed: Handed) -> Sender:
    return Sender(handed.name, "plain", {}, False, original(handed))


def attributed(handed: Sequence[Handed], told: Sequence[Sender]) -> list[tuple[Handed, Sender]]:
    """Each submission under its student's name.

    Files of one student in one download of Canvas or Moodle are one submission, and carry the
    names that the student gave them. What one student has in several downloads are attempts,
    in the order given. Students whose names are alike and whose identifiers are not have these
    behind their names. Gradescope's own list is no submission, and left out.
    """
    persons = Counter(name for name, _ in {(each.student, identity(each)) for each in told})
    numbered = {
        _place(one) for one, s in zip(handed, told, strict=True) if s.source == "gradescope"
    }
    merged: dict[tuple[str, Path], tuple[list[Handed], Sender]] = {}
    for one, sender in zip(handed, told, strict=True):
        if sender.original == METADATA and _place(one) in numbered:
            continue
        name = sender.student
        if persons[name] > 1:
            name = shown(f"{name} ({identity(sender).partition(' ')[2]})")
        together = sender.source in ("canvas", "moodle")
        key = (identity(sender), _place(one) if together else one.path / one.member)
        parts, _ = merged.setdefault(key, ([], replace(sender, student=name)))
        parts.append(replace(one, name=name, file=sender.file))
    return [
        (replace(parts[0], parts=tuple(parts) if len(parts) > 1 else ()), sender)
        for parts, sender in merged.values()
    ]


def identity(sender: Sender) -> str:
    """Return the platform's identifier, which tells a student from one of the same name."""
    for kind in (*KINDS, "anonymous", "gradescope"):
        if kind in sender.ids:
            return f"{kind} {sender.ids[kind]}"
    return f"plain {sender.original}"
