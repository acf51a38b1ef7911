"""Find the student that a word, a name or identifiers mean, and the pseudonym of one."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from gradkit.classroom.store.results import Store, drawn
from gradkit.errors import GradkitError, did_you_mean


def pseudonym(store: Store, name: str) -> str:
    """A name that only who has the class file can tell whose it is.

    48 bits of HMAC-SHA-256 under the file's secret: without that, not even a list of all names
    helps.
    """
    told = drawn(store.meta("secret") or "", f"pseudonym {name}")
    return f"student-{told.hex()[:12]}"


Index = Mapping[tuple[str, str], frozenset[int]]
"""By kind of identifier and value, the numbers of those who have it."""

EXACT = frozenset({"canvas", "moodle", "sis"})
"""Kinds whose capitals matter."""


def normal(name: str) -> str:
    """A name without what varies: case, spaces, commas, hyphens, how accents are encoded.

    Examples
    --------
    >>> normal("Müller, Kim") == normal("müllerkim")
    True
    """
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", name).casefold())


def turned(name: str) -> str:
    """``Last, First`` the other way round; other names as they are."""
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}" if comma else name


def index(entries: Iterable[tuple[Mapping[str, str], Iterable[str]]]) -> Index:
    """Numbers by identifier and by name; ``entries`` are identifiers and ways to write the name."""
    found = defaultdict[tuple[str, str], set[int]](set)
    for number, (ids, names) in enumerate(entries):
        keys = [(kind, _key(kind, value)) for kind, value in ids.items()]
        keys += [("name", normal(way)) for name in names for way in (name, turned(name))]
        for kind, key in keys:
            if key:
                found[kind, key].add(number)
    return {key: frozenset(numbers) for key, numbers in found.items()}


def _key(kind: str, value: str) -> str:
    return value.strip() if kind in EXACT else value.strip().casefold()


def who(ids: Mapping[str, str], name: str, kinds: Sequence[str], known: Index) -> frozenset[int]:
    """Return the numbers that identifiers and a name can mean: one, none, or several.

    A name counts only where no identifier is known; identifiers that mean different ones
    leave it open between these.
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


NAMED = 10
"""Students who are named where a word does not tell; the rest are counted."""

OF_FILES = frozenset({"attachment", "gradescope"})
"""Kinds of identifiers that are a submission's, and no student's."""


class UnknownStudentError(GradkitError):
    """The word means nobody, or several; the text names those that it could mean."""


def students(store: Store) -> dict[str, tuple[str, ...]]:
    """Everybody in a class, by name, with their identifiers; on the roster or not."""
    roster = store.enrolled()
    found = {name: list(_values(student.ids)) for name, student in roster.items()}
    for kept in store.newest():
        own = found.setdefault(kept.name, [])
        # A roster knows better, and what a group handed in has one member's identifiers.
        if kept.name not in roster and not kept.sender.members:
            own += _values(kept.sender.ids)
    return {name: tuple(dict.fromkeys(found[name])) for name in sorted(found)}


def _values(ids: Mapping[str, str]) -> Iterator[str]:
    yield from (value for kind, value in ids.items() if kind not in OF_FILES and value)


def meant(
    word: str, known: Mapping[str, Collection[str]], *, part: bool = False, where: str = ""
) -> str | None:
    """Return the one student, by name with identifiers, whom a word means; None if it is nobody.

    Parameters
    ----------
    word : str
        The name as it is stored; else, whatever the capitals, a whole name, as ``Last, First`` too,
        or identifier; else a part of one, with ``part``.
    known : mapping of str to collection of str
    part : bool
    where : str
        Where it stands, for the message.

    Raises
    ------
    UnknownStudentError
        It could be several; the text names them.
    """
    wanted = word.strip().casefold()
    ways: tuple[Callable[[str], bool], ...] = (
        lambda name: word == name,
        lambda name: any(wanted == each.casefold() for each in (name, *known[name])),
        lambda name: normal(turned(word)) == normal(name),
        lambda name: part and any(wanted in each.casefold() for each in (name, *known[name])),
    )
    tried = ([name for name in known if wanted and way(name)] for way in ways)
    found = next(filter(None, tried), [])
    if len(found) > 1:
        raise UnknownStudentError(
            f"{where}{word} could be {_several(found, 'or')}. Write more of the name, or all of it."
        )
    return found[0] if found else None


def find_student(store: Store, word: str) -> str:
    """The name of the one student whom a word means.

    Parameters
    ----------
    store : Store
    word : str
        See `meant`, or a pseudonym; a part of a name or identifier, if it is nobody else's.

    Raises
    ------
    UnknownStudentError
        Nobody is meant, or several are.
    """
    known = students(store)
    secret = {name: (*ids, pseudonym(store, name)) for name, ids in known.items()}
    found = meant(word, secret) or meant(word, known, part=True)
    if found:
        return found
    if not known:
        raise UnknownStudentError(f"{store.path}: nobody is in it yet.")
    raise UnknownStudentError(
        f"There is nobody in {store.path} whose name or identifier has {word} in it. "
        f"There are {_several(list(known), 'and')}.{did_you_mean(word, known)}"
    )


def _several(names: list[str], word: str) -> str:
    if len(names) > NAMED:
        return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    return f" {word} ".join(filter(None, (", ".join(names[:-1]), names[-1])))
