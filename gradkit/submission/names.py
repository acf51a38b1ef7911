"""Read the attempt that a file name shows, and the tasks that a heading or file name mentions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from difflib import SequenceMatcher
from functools import cache, lru_cache, partial
from pathlib import PurePosixPath

from msgspec import Struct

from gradkit.records.task import Task

LATER = frozenset({"final", "finished", "last", "latest", "new", "newest", "fixed", "corrected"})
EARLIER = frozenset({"old", "backup", "bak", "draft", "orig", "original", "wip"})
COPY = frozenset({"copy", "kopie"})
LONGEST = 120
"""Largest number of characters of a name that is parsed. Longer names are not a student's own."""

_APPENDED = re.compile(
    r"(?P<rest>.*?)(?:[\s_.\-]*\((?P<counted>\d+)\)|[\s_.\-]*(?:v|ver|version|attempt|try)?"
    r"[\s_.\-]*(?P<number>\d+)|(?:^|[\s_.\-]+)(?P<word>[^\W\d_]+))[\s_.\-]*$",
    re.IGNORECASE,
)
_COPY_OF = re.compile(r"^(?:copy of|kopie von)\s+", re.IGNORECASE)
_NUMBERS = re.compile(r"(\d+)")

Natural = tuple[tuple[int, int, str], ...]


class NamedAttempt(Struct, frozen=True, order=True):
    """Sort key of files with one ``base``: drafts, then plain names, then final ones, by number."""

    standing: int
    numbers: tuple[int, ...]


class FileName(Struct, frozen=True):
    """A parsed file name. ``base`` is the part that all attempts at the same file share.

    ``hw.py``, ``hw (1).py``, ``hw-2.py``, ``Copy of hw.py`` and ``hw_final.py`` have the base
    ``hw.py``, and are in this order. ``natural`` orders any files, ``part 2`` before ``part 10``.
    """

    base: str
    attempt: NamedAttempt
    natural: Natural


def parse_file_name(name: str) -> FileName:
    """Return the base, the version and a sort key of a file's name.

    The name may include folders (``old/hw.py``), whose suffixes such as ``_final`` count too. The
    base has lower case and no such suffixes. A draft anywhere in the name makes the file a draft,
    otherwise a final version anywhere makes it final.

    Examples
    --------
    >>> parsed = parse_file_name("HW_final (2).py")
    >>> parsed.base, parsed.attempt
    ('hw.py', NamedAttempt(standing=1, numbers=(2,)))
    """
    path = PurePosixPath(name)
    parts = map(_stripped, (*path.parts[:-1], path.stem))
    bases, standings, numbers = zip(*parts, strict=True)
    standing = min(standings) if min(standings) < 0 else max(standings)
    base = "/".join(filter(None, bases)).casefold() + path.suffix.casefold()
    return FileName(base, NamedAttempt(standing, numbers), natural(name))


def natural(name: str) -> Natural:
    """Return a sort key by which ``part 2`` comes before ``part 10``: numbers count as numbers."""
    return tuple(
        (1, len(piece.lstrip("0")), piece.lstrip("0"))
        if piece.isdecimal()
        else (0, 0, piece.casefold())
        for piece in _NUMBERS.split(name)
    )


def is_attempt_at(name: str, files: Collection[str]) -> bool:
    """Return whether a file is one of `files` or an attempt at one of them, in any folder."""
    own = _COPY_OF.sub("", PurePosixPath(name).name).casefold()
    return any(_matches(PurePosixPath(own), PurePosixPath(f.casefold())) for f in files)


def _matches(name: PurePosixPath, file: PurePosixPath) -> bool:
    """Return whether a name is that of ``file`` or of an attempt at it, as ``hw (2).py``."""
    appended = name.stem.removeprefix(file.stem)
    if name.suffix != file.suffix or not name.stem.startswith(file.stem):
        return False
    return not appended or (appended[0] in " _.-(" and not _stripped(appended)[0])


def _stripped(part: str) -> tuple[str, int, int]:
    """Return a part of a file's name without suffixes such as ``_final``; its standing and number.

    The standing is -1 for a draft, 1 for a final version and 0 otherwise. The number is that of a
    suffix such as ``(2)``; it is 0 without a number, and 1 for a copy. Names that are longer than
    `LONGEST` are returned unchanged.
    """
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


# --- tasks that a text names -------------------------------------------------------------

FRAMEWORK_WORDS = {
    "numpy": ("numpy", "np", "scratch", "manual", "manually", "by hand"),
    # Keras is listed because students submit it in place of torch.
    "torch": ("torch", "pytorch", "keras", "tensorflow"),
}

_SPLIT = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_STEM = 6
_ALIKE = 0.88


class Claims:
    """Finds the tasks that a heading or a file name mentions.

    The words of a task are ``Task.words``, its columns and its loss. Words that all tasks share
    are ignored.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        """Collect the words of all tasks and of their frameworks."""
        self.all = frozenset(task.id for task in tasks)
        topics: dict[tuple[str, ...], set[str]] = {}
        for task in tasks:
            for word in (*task.words, *task.columns, task.loss):
                topics.setdefault(words_of(word.lower()), set()).add(task.id)
        subjects = [
            (phrase, frozenset(ids)) for phrase, ids in topics.items() if phrase and ids != self.all
        ]
        frameworks = [
            (words_of(word), frozenset(t.id for t in tasks if t.framework.name == framework))
            for framework, listed in FRAMEWORK_WORDS.items()
            for word in listed
        ]
        # The results are cached because a heading is read again for every cell below it.
        self.topic = cache(partial(self._read, subjects))
        """Return the tasks whose subject a text names, or None if it names none."""
        self.framework = cache(partial(self._read, frameworks))
        """Return the tasks whose framework a text names, or None if it names none."""

    def _read(
        self, phrases: Iterable[tuple[tuple[str, ...], frozenset[str]]], text: str
    ) -> frozenset[str] | None:
        """Return the tasks of all phrases that occur in a text; None for no task, or all.

        A phrase is its words in lower case, with the ids of its tasks. The words of a longer phrase
        are not read again: "logistic regression" may mean classification, and its second word must
        not mean regression then.
        """
        words = list(words_of(text))
        found: frozenset[str] = frozenset()
        for phrase, ids in sorted(phrases, key=lambda item: -len(item[0])):
            size = len(phrase)
            for i in range(len(words) - size + 1):
                if all(_same(*pair) for pair in zip(words[i : i + size], phrase, strict=True)):
                    found |= ids
                    if size > 1:
                        words[i : i + size] = [""] * size
        return found if found and found != self.all else None


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case; ``CamelCase`` as a whole and in its parts."""
    words: list[str] = []
    for word in _SPLIT.findall(text):
        parts = _CAMEL.split(word)
        words += [part.lower() for part in ([word, *parts] if len(parts) > 1 else parts)]
    return tuple(words)


@lru_cache(maxsize=4096)
def _same(word: str, wanted: str) -> bool:
    """Return whether a word is the wanted word, another form of it, or a misspelling."""
    # German, Danish, Polish and Turkish write a k where English has a c.
    word, wanted = (each.replace("k", "c") for each in (word, wanted))
    if word == wanted:
        return True
    if min(len(word), len(wanted)) < _STEM:
        return False
    return word[:_STEM] == wanted[:_STEM] or is_misspelling(word, wanted)


@lru_cache(maxsize=4096)
def is_misspelling(word: str, wanted: str) -> bool:
    """Return whether a word is a misspelling of another word, as ``paramters`` of ``parameters``.

    Short words never are, since too many of them are similar by chance.
    """
    if min(len(word), len(wanted)) < _STEM or word[0] != wanted[0]:
        return False
    return SequenceMatcher(None, word, wanted).ratio() >= _ALIKE
