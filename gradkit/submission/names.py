"""Read names: which attempt a file is, and which tasks a heading or a file name speaks of."""

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
"""Characters of a name that is taken apart; more are nobody's own."""

_APPENDED = re.compile(
    r"(?P<rest>.*?)(?:[\s_.\-]*\((?P<counted>\d+)\)|[\s_.\-]*(?:v|ver|version|attempt|try)?"
    r"[\s_.\-]*(?P<number>\d+)|(?:^|[\s_.\-]+)(?P<word>[^\W\d_]+))[\s_.\-]*$",
    re.IGNORECASE,
)
_COPY_OF = re.compile(r"^(?:copy of|kopie von)\s+", re.IGNORECASE)
_NUMBERS = re.compile(r"(\d+)")

Natural = tuple[tuple[int, int, str], ...]


class Attempt(Struct, frozen=True, order=True):
    """Orders files of one ``base``: drafts, then plain names, then final ones, by number."""

    standing: int
    numbers: tuple[int, ...]


class FileName(Struct, frozen=True):
    """A file's name taken apart. ``base`` is what all attempts at the same file share.

    ``hw.py``, ``hw (1).py``, ``hw-2.py``, ``Copy of hw.py`` and ``hw_final.py`` have the base
    ``hw.py``, and are in this order. ``natural`` orders any files, ``part 2`` before ``part 10``.
    """

    base: str
    attempt: Attempt
    natural: Natural


def parse_file_name(name: str) -> FileName:
    """Read base and attempt off a file's name, which may lie in folders (``old/hw.py``)."""
    path = PurePosixPath(name)
    parts = map(_stripped, (*path.parts[:-1], path.stem))
    bases, standings, numbers = zip(*parts, strict=True)
    standing = min(standings) if min(standings) < 0 else max(standings)
    base = "/".join(filter(None, bases)).casefold() + path.suffix.casefold()
    return FileName(base, Attempt(standing, numbers), natural(name))


def natural(name: str) -> Natural:
    """Return a sort key by which numbers in names are compared as numbers."""
    return tuple(
        (1, len(piece.lstrip("0")), piece.lstrip("0"))
        if piece.isdecimal()
        else (0, 0, piece.casefold())
        for piece in _NUMBERS.split(name)
    )


def is_attempt_at(name: str, files: Collection[str]) -> bool:
    """True of a file that is one of these, or an attempt at one of them, in whatever folder."""
    own = _COPY_OF.sub("", PurePosixPath(name).name).casefold()
    return any(_matches(PurePosixPath(own), PurePosixPath(f.casefold())) for f in files)


def _matches(name: PurePosixPath, file: PurePosixPath) -> bool:
    appended = name.stem.removeprefix(file.stem)
    if name.suffix != file.suffix or not name.stem.startswith(file.stem):
        return False
    return not appended or (appended[0] in " _.-(" and not _stripped(appended)[0])


def _stripped(part: str) -> tuple[str, int, int]:
    """Return a name without what was appended to it, and the standing and number it tells."""
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
    # Keras is here because its section stands where the torch one should.
    "torch": ("torch", "pytorch", "keras", "tensorflow"),
}

_SPLIT = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_STEM = 6
_ALIKE = 0.88


class Claims:
    """Reads texts against the words of a set of tasks.

    Words that all tasks share say nothing. Next to ``Task.words`` count the columns and
    the loss, as far as they tell tasks apart.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
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
        # Every cell below a heading asks again.
        self.topic = cache(partial(self._read, subjects))
        """The tasks of the subject that a text names, or None where it names none."""
        self.framework = cache(partial(self._read, frameworks))
        """The tasks of the framework that a text names, or None where it names none."""

    def _read(
        self, phrases: Iterable[tuple[tuple[str, ...], frozenset[str]]], text: str
    ) -> frozenset[str] | None:
        """Unite what each phrase means.

        A longer phrase uses up its words: "logistic regression" may mean classification,
        and does not mean regression then.
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
    """Return the words in lower case; ``CamelCase`` counts whole and in its parts."""
    words: list[str] = []
    for word in _SPLIT.findall(text):
        parts = _CAMEL.split(word)
        words += [part.lower() for part in ([word, *parts] if len(parts) > 1 else parts)]
    return tuple(words)


@lru_cache(maxsize=4096)
def _same(word: str, wanted: str) -> bool:
    """True of the wanted word, another form of it, or a misspelling, in any language."""
    # German, Danish, Polish and Turkish write a k where Latin has a c.
    word, wanted = (each.replace("k", "c") for each in (word, wanted))
    if word == wanted:
        return True
    if min(len(word), len(wanted)) < _STEM:
        return False
    return word[:_STEM] == wanted[:_STEM] or is_misspelling(word, wanted)


@lru_cache(maxsize=4096)
def is_misspelling(word: str, wanted: str) -> bool:
    """Tell whether a word is a misspelling of another one, as ``paramters`` of ``parameters``.

    Short words are none: too many of them are alike by chance.
    """
    if min(len(word), len(wanted)) < _STEM or word[0] != wanted[0]:
        return False
    return SequenceMatcher(None, word, wanted).ratio() >= _ALIKE
