"""Find out who submitted each file from the file names in learning platforms' downloads.

    Canvas            name[_LATE]_userid_attachmentid_file, [LATE_]anon_ID_attachmentid_file
    Moodle            Full Name_participantid_assignsubmission_plugin[_][file]
    Gradescope        submission_NUMBER, with submission_metadata.yml beside them
    GitHub Classroom  assignment-login, in a folder assignment-submissions or all of them clones

A name that has none of these forms is a student's name. The form is decided once for a whole
download, so that a single name that happens to have a platform's form changes nothing.
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
"""Name of Gradescope's list of submissions."""

LARGEST = 50_000_000
"""Bytes of Gradescope's list that are read at most."""

Metadata = Mapping[str, tuple[str, tuple[Mapping[str, str], ...]]]
"""By submission, its time and its members, each with ``name``, ``email`` and ``sis``."""

_HEAD = re.compile(r"(?P<name>submission_\d+): *")
_SECTION = re.compile(r"  :(?P<key>\w+):(?: +(?P<value>.+?))? *")
_FACT = re.compile(r"  (?P<first>- | {2,}):(?P<key>name|sid|email):(?: +(?P<value>.+?))? *")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "e": "\x1b", "0": "\0", "_": "\u00a0", "N": "\u0085"}
_KINDS = {"name": "name", "sid": "sis", "email": "email"}


def read_metadata(handed: Handed) -> Metadata:
    """Read Gradescope's list beside a submission, in its folder or archive; empty if unreadable.

    At most `LARGEST` bytes are read.
    """
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
    """Parse the lines of Gradescope's list.

    Return the time and the members (names and addresses) of each submission, by its name. Only the
    keys at a submission's own level are read, not those of nested entries.
    """
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
    """Decode a YAML value on one line: plain, or in single or double quotes.

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
    """Return the character of an escape sequence of a double-quoted YAML value."""
    sign = found[1]
    if len(sign) > 1:
        code = int(sign[1:], 16)
        # A lone surrogate is not a character, and cannot be stored.
        return storable(chr(code)) if code <= sys.maxunicode else "\ufffd"
    return _ESCAPES.get(sign, sign)


# When feedback is uploaded, Canvas takes the first two parts that are only digits for the ids, so
# the name ends before these parts here too.
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
# Moodle removes underscores from the name, and splits uploaded names at the first four.
MOODLE = re.compile(
    r"(?P<name>[^_]+)_(?P<participant>\d+)_assignsubmission_(?P<plugin>[^_]+)(?:_(?P<file>.*))?",
    re.DOTALL,
)
SUBMISSION = re.compile(r"submission_(?P<number>\d+)")
CLONES = "-submissions"
"""End of the name of the folder into which GitHub's command clones a classroom."""

SHARE = 0.8
"""Smallest share of a download's names that must have the form of a platform's names."""

KINDS = ("canvas", "moodle", "email", "sis", "login", "github")
"""Kinds of identifiers, the most reliable first."""


def senders(handed: Sequence[Handed]) -> list[Sender]:
    """Return the sender of each submission, in the same order; a student can have several.

    Parameters
    ----------
    handed : sequence of Handed
        Submissions as gathered. Those in the same folder or archive are one download.
    """
    downloads: dict[Path, list[Handed]] = {}
    for file in handed:
        downloads.setdefault(_container(file), []).append(file)
    found = {container: iter(_senders_of_download(files)) for container, files in downloads.items()}
    return [next(found[_container(file)]) for file in handed]


def _container(handed: Handed) -> Path:
    """Return the folder or archive that contains a submission."""
    return handed.path if handed.member else handed.path.parent


def _senders_of_download(handed: Sequence[Handed]) -> list[Sender]:
    """Return the senders of one download, by the platform whose form most of the names have.

    ``handed`` are the files and folders of the download; the result has a sender for each. A
    platform is chosen if at least the part `SHARE` of the names have its form, with different
    identifiers; other names are then read as plain files. If no platform is chosen, all are clones
    of GitHub Classroom if they have its prefix, see `_slug`, and otherwise plain files.
    """
    names = [original(file) for file in handed]
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
        known = [sender for sender in found if sender is not None]
        if counted and len(known) >= SHARE * len(counted) and _has_unique_ids(known):
            return [
                _plain(file) if sender is None else sender
                for file, sender in zip(handed, found, strict=True)
            ]
    slug = _slug(handed, names)
    if slug:
        return [_github(slug, name) for name in names]
    return [_plain(file) for file in handed]


def _has_unique_ids(found: Sequence[Sender]) -> bool:
    """Return True if each identifier in ``found`` has one student, and no attachment occurs twice.

    Otherwise the numbers are not a platform's: file names with a date look like Canvas' names, but
    then all students have the number 2026.
    """
    students = {(identity(sender), sender.student) for sender in found}
    attachments = [s.ids["attachment"] for s in found if "attachment" in s.ids]
    return len(students) == len(dict(students)) and len(attachments) == len(set(attachments))


def original(handed: Handed) -> str:
    """Return a submission's file name in the download with its suffix, as storable text."""
    member = handed.member.rstrip("/")
    return storable(PurePosixPath(member).name if member else handed.path.name)


def _canvas(name: str) -> Sender | None:
    """Read a sender from a name of Canvas' form, None for other names."""
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
    """Read a sender from a name of Moodle's form, None for other names."""
    found = MOODLE.fullmatch(name)
    if found is None:
        return None
    ids = {"moodle": found["participant"]}
    return Sender(shown(found["name"]), "moodle", ids, False, name, found["file"] or "")


def _gradescope(name: str, metadata: Metadata) -> Sender | None:
    """Return the sender of a submission whose ``name`` has the form of Gradescope; else None.

    ``metadata`` has the time and the members of each submission by name, from Gradescope's list.
    Without them, the student is called by the name of the submission.
    """
    found = SUBMISSION.fullmatch(name)
    if found is None:
        return None
    at, members = metadata.get(name, ("", ()))
    first = members[0] if members else {}
    ids = {"gradescope": found["number"]}
    ids |= {kind: value for kind, value in first.items() if kind != "name"}
    student = ", ".join(member["name"] for member in members if member.get("name"))
    group = tuple(members) if len(members) > 1 else ()
    return Sender(shown(student or name), "gradescope", ids, False, name, "", at, group)


def _slug(handed: Sequence[Handed], names: Sequence[str]) -> str:
    """Return the prefix that GitHub Classroom gave to all folders, or an empty text.

    The folders must lie in a folder named like a classroom's, or be Git repositories. Otherwise
    a common prefix may also be the family name of two students.
    """
    if not all(
        file.member.endswith("/") or (not file.member and file.path.is_dir()) for file in handed
    ):
        return ""
    first = handed[0]
    around = storable(first.path.stem if first.member else first.path.parent.name)
    if around.endswith(CLONES):
        slug = around.removesuffix(CLONES) + "-"
    elif len(handed) > 1 and all(
        not file.member and (file.path / ".git").exists() for file in handed
    ):
        parts = zip(*(name.split("-") for name in names), strict=False)
        common = list(takewhile(lambda words: len(set(words)) == 1, parts))
        slug = "".join(f"{words[0]}-" for words in common)
    else:
        return ""
    fits = len(slug) > 1 and all(len(name) > len(slug) and name.startswith(slug) for name in names)
    return slug if fits else ""


def _github(slug: str, name: str) -> Sender:
    """Return the sender of a classroom's folder, whose name is the slug and the login."""
    login = name.removeprefix(slug)
    return Sender(shown(login), "github", {"github": login}, False, name)


def _plain(handed: Handed) -> Sender:
    """Return a sender whose only identification is the file's name."""
    return Sender(handed.name, "plain", {}, False, original(handed))


def attributed(handed: Sequence[Handed], senders: Sequence[Sender]) -> list[tuple[Handed, Sender]]:
    """Rename each submission to its student, and join the files of one submission.

    ``handed`` and ``senders`` belong together, item by item. Files of one student in one download
    of Canvas or Moodle are one submission, and get the names that the student gave them. A
    student's files in several downloads are attempts, in the order given. Different students with
    the same name get their identifier after the name. Gradescope's own list is not a submission and
    is left out.
    """
    persons = Counter(
        name for name, _ in {(sender.student, identity(sender)) for sender in senders}
    )
    of_gradescope = {
        _container(file)
        for file, sender in zip(handed, senders, strict=True)
        if sender.source == "gradescope"
    }
    merged: dict[tuple[str, Path], tuple[list[Handed], Sender]] = {}
    for file, sender in zip(handed, senders, strict=True):
        if sender.original == METADATA and _container(file) in of_gradescope:
            continue
        name = sender.student
        if persons[name] > 1:
            name = shown(f"{name} ({identity(sender).partition(' ')[2]})")
        is_joined = sender.source in ("canvas", "moodle")
        key = (identity(sender), _container(file) if is_joined else file.path / file.member)
        parts, _ = merged.setdefault(key, ([], replace(sender, student=name)))
        parts.append(replace(file, name=name, file=sender.file))
    return [
        (replace(parts[0], parts=tuple(parts) if len(parts) > 1 else ()), sender)
        for parts, sender in merged.values()
    ]


def identity(sender: Sender) -> str:
    """Return the kind and value of a sender's most reliable identifier, else the file's name."""
    for kind in (*KINDS, "anonymous", "gradescope"):
        if kind in sender.ids:
            return f"{kind} {sender.ids[kind]}"
    return f"plain {sender.original}"
