"""Which attempt a file is, by its name: what platforms and students append to the same name.

Times are no help: archives and copies set them as they like.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

LATER = frozenset({"final", "finished", "last", "latest", "new", "newest", "fixed", "corrected"})
EARLIER = frozenset({"old", "backup", "bak", "draft", "orig", "original", "wip"})
COPY = frozenset({"copy", "kopie"})
LONGEST = 120
"""Characters of a name that is taken apart; more are nobody's own."""

_APPENDED = re.compile(
    r"(?P<rest>.*?)(?:[\s_.\-]*\((?P<counted>\d+)\)|[\s_.\-]*(?:v|ver|version|attempt|try)?"
    r"[\s_.\-]*(?P<number>\d+)|(?:^|[\s_.\-]+)(?P<word>[^\W\d_]+))[\s_.\-]*$",
    re.IGNORECASE,
)
_COPY_OF = re.compile(r"^(?:copy of|kopie von)\s+", re.IGNORECASE)
_NUMBERS = re.compile(r"(\d+)")

Natural = tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, order=True, slots=True)
class Attempt:
    """Orders files of one ``base``: drafts, then plain names, then final ones, by number."""

    standing: int
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FileName:
    """A file's name taken apart. ``base`` is what all attempts at the same file share.

    ``hw.py``, ``hw (1).py``, ``hw-2.py``, ``Copy of hw.py`` and ``hw_final.py`` have the base
    ``hw.py``, and are in this order. ``natural`` orders any files, ``part 2`` before ``part 10``.
    """

    base: str
    attempt: Attempt
    natural: Natural


def taken_apart(name: str) -> FileName:
    """Tell base and attempt of a file, which may lie in folders (``old/hw.py``)."""
    path = PurePosixPath(name)
    parts = [*path.parts[:-1], path.stem]
    bases: list[str] = []
    standings: list[int] = []
    numbers: list[int] = []
    for part in parts:
        base, standing, number = _stripped(part)
        bases += [base] if base else []
        standings.append(standing)
        numbers.append(number)
    standing = min(standings) if min(standings) < 0 else max(standings)
    base = "/".join(bases).casefold() + path.suffix.casefold()
    return FileName(base, Attempt(standing, tuple(numbers)), natural(name))


def natural(name: str) -> Natural:
    """A key by which numbers in names are compared as numbers."""
    return tuple(
        (1, len(piece.lstrip("0")), piece.lstrip("0"))
        if piece.isdecimal()
        else (0, 0, piece.casefold())
        for piece in _NUMBERS.split(name)
    )


def is_one_of(name: str, files: Collection[str]) -> bool:
    """Whether a file is one of these, or an attempt at one of them, in whatever folder."""
    own = _COPY_OF.sub("", PurePosixPath(name).name).casefold()
    return any(_is_attempt_at(PurePosixPath(own), PurePosixPath(f.casefold())) for f in files)


def _is_attempt_at(name: PurePosixPath, file: PurePosixPath) -> bool:
    appended = name.stem.removeprefix(file.stem)
    if name.suffix != file.suffix or not name.stem.startswith(file.stem):
        return False
    return not appended or (appended[0] in " _.-(" and not _stripped(appended)[0])


def _stripped(part: str) -> tuple[str, int, int]:
    """A name without what was appended to it, and what that says of it."""
    standing = number = 0
    if len(part) > LONGEST:
        return part, 0, 0
    rest = _COPY_OF.sub("", part)
    if rest != part:
        number = 1
    while match := _APPENDED.fullmatch(rest):
        word = (match["word"] or "").casefold()
        if word in LATER:
            standing = standing or 1
        elif word in EARLIER:
            standing = -1
        elif word in COPY:
            number = number or 1
        elif word:
            break
        else:
            digits = match["counted"] or match["number"]
            number = number or int(digits[:18])
        rest = match["rest"]
    return rest.strip(" _.-"), standing, number
