"""Find a student by name, identifier or pseudonym, and compute pseudonyms."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from gradkit.classroom.store.results import Store, drawn
from gradkit.errors import GradkitError, did_you_mean


def pseudonym(store: Store, name: str) -> str:
    """Return a student's pseudonym, which only an owner of the class file can resolve.

    It is 48 bits of HMAC-SHA-256 under the class file's secret. Without the secret, a pseudonym
    cannot be found even with a list of all names.
    """
    digest = drawn(store.meta("secret") or "", f"pseudonym {name}")
    return f"student-{digest.hex()[:12]}"


Index = Mapping[tuple[str, str], frozenset[int]]
"""Numbers of the students who have an identifier, by its kind and value."""

EXACT = frozenset({"canvas", "moodle", "sis"})
"""Kinds of identifiers that are case-sensitive."""


def normal(name: str) -> str:
    """Normalise a name: ignore case, spaces, commas, hyphens and how accents are encoded.

    Examples
    --------
    >>> normal("Müller, Kim") == normal("müllerkim")
    True
    """
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", name).casefold())


def turned(name: str) -> str:
    """Turn ``Last, First`` into ``First Last``, and leave other names as they are."""
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}" if comma else name


def index(entries: Iterable[tuple[Mapping[str, str], Iterable[str]]]) -> Index:
    """Index entries by identifier and by normalised name.

    ``entries`` are pairs: a student's identifiers by kind, and spellings of the student's name. The
    index maps each pair of a kind (or ``name``) and a value to the numbers of the entries that have
    it, counted from 0.
    """
    found = defaultdict[tuple[str, str], set[int]](set)
    for number, (ids, names) in enumerate(entries):
        keys = [(kind, _key(kind, value)) for kind, value in ids.items()]
        keys += [("name", normal(way)) for name in names for way in (name, turned(name))]
        for kind, key in keys:
            if key:
                found[kind, key].add(number)
    return {key: frozenset(numbers) for key, numbers in found.items()}


def _key(kind: str, value: str) -> str:
    """Return an identifier as it stands in an `Index`."""
    return value.strip() if kind in EXACT else value.strip().casefold()


def who(ids: Mapping[str, str], name: str, kinds: Sequence[str], known: Index) -> frozenset[int]:
    """Return the numbers of all students that identifiers and a name can belong to.

    ``ids`` are the identifiers by kind, ``kinds`` the kinds that are looked up, and ``known`` is
    the result of `index`. The name counts only if none of these identifiers is in the index. If
    identifiers belong to different students, and no student has all of them, all of these students
    are returned. Empty if nobody matches.
    """
    hits = [
        numbers
        for kind in kinds
        if ids.get(kind, "").strip() and (numbers := known.get((kind, _key(kind, ids[kind]))))
    ]
    if not hits:
        return known.get(("name", normal(name)), frozenset()) if normal(name) else frozenset()
    common = frozenset.intersection(*hits)
    return common or frozenset.union(*hits)


MAX_NAMES = 10
"""Students that a message names if a word is ambiguous; the rest are only counted."""

OF_FILES = frozenset({"attachment", "gradescope"})
"""Kinds of identifiers that belong to a submission rather than to a student."""


class UnknownStudentError(GradkitError):
    """A word matches no student or several; the text names those that it could mean."""


def students(store: Store) -> dict[str, tuple[str, ...]]:
    """Return the identifiers of all students of a class by name, on the roster or not.

    The names are sorted. A student on the roster has only the roster's identifiers.
    """
    roster = store.enrolled()
    found = {name: list(_student_identifiers(student.ids)) for name, student in roster.items()}
    for kept in store.newest():
        own = found.setdefault(kept.name, [])
        # The roster's identifiers are more reliable, and a group's submission has the
        # identifiers of one member only.
        if kept.name not in roster and not kept.sender.members:
            own += _student_identifiers(kept.sender.ids)
    return {name: tuple(dict.fromkeys(found[name])) for name in sorted(found)}


def _student_identifiers(ids: Mapping[str, str]) -> Iterator[str]:
    """Yield the identifiers that belong to a student rather than to a submission."""
    yield from (value for kind, value in ids.items() if kind not in OF_FILES and value)


def meant(
    word: str, known: Mapping[str, Collection[str]], *, part: bool = False, where: str = ""
) -> str | None:
    """Return the name of the one student that a word matches, or None if it matches nobody.

    Tried are, in order: the exact name; a name or identifier, ignoring case; a name, ignoring
    spelling (see `normal`) and as ``Last, First`` too; with ``part``, a part of a name or
    identifier. The first that matches any student ends the search.

    Parameters
    ----------
    word : str
        Text that a person has typed.
    known : mapping of str to collection of str
        Identifiers of each student by name.
    part : bool
        Whether a part of a name or identifier is enough.
    where : str
        Place of the word in a file, put in front of the message.

    Raises
    ------
    UnknownStudentError
        Several students match; the text names them.
    """
    wanted = word.strip().casefold()
    tests: tuple[Callable[[str], bool], ...] = (
        lambda name: word == name,
        lambda name: any(wanted == text.casefold() for text in (name, *known[name])),
        lambda name: normal(turned(word)) == normal(name),
        lambda name: part and any(wanted in text.casefold() for text in (name, *known[name])),
    )
    matches = ([name for name in known if wanted and test(name)] for test in tests)
    found = next(filter(None, matches), [])
    if len(found) > 1:
        raise UnknownStudentError(
            f"{where}{word} could be {_join_names(found, 'or')}. "
            "Write more of the name, or the full name."
        )
    return found[0] if found else None


def find_student(store: Store, word: str) -> str:
    """Return the name of the one student of a class that a word matches.

    Parameters
    ----------
    store : Store
    word : str
        A name, identifier or pseudonym, or a part of a name or identifier; see `meant`.

    Raises
    ------
    UnknownStudentError
        No student or several students match.
    """
    known = students(store)
    with_pseudonyms = {name: (*ids, pseudonym(store, name)) for name, ids in known.items()}
    found = meant(word, with_pseudonyms) or meant(word, known, part=True)
    if found:
        return found
    if not known:
        raise UnknownStudentError(f"{store.path}: it has no students yet.")
    raise UnknownStudentError(
        f"No student in {store.path} has {word} in the name or identifier. The students are "
        f"{_join_names(list(known), 'and')}.{did_you_mean(word, known)}"
    )


def _join_names(names: list[str], word: str) -> str:
    """Join names with ``word`` before the last; of many, name the first and count the rest."""
    if len(names) > MAX_NAMES:
        return f"{', '.join(names[:MAX_NAMES])} and {len(names) - MAX_NAMES} more"
    return f" {word} ".join(filter(None, (", ".join(names[:-1]), names[-1])))
