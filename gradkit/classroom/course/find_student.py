"""Which student is meant by a word: a name, a part of one, an identifier or a pseudonym."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from gradkit.classroom.course.enrolment import enrolled
from gradkit.classroom.store.pseudonyms import pseudonym
from gradkit.classroom.store.results import Store
from gradkit.errors import GradkitError

NAMED = 10
"""Students who are named where a word does not tell; the rest are counted."""

OF_FILES = frozenset({"attachment", "gradescope"})
"""Kinds of identifiers that are a submission's, and no student's."""


class UnknownStudentError(GradkitError):
    """The word means nobody, or several; the text names those that it could mean."""


def students(store: Store) -> dict[str, tuple[str, ...]]:
    """Everybody in a class, by name, with their identifiers; on the roster or not."""
    found: dict[str, list[str]] = {}
    roster = enrolled(store)
    for name, student in roster.items():
        found[name] = list(_values(student.ids))
    for _, listed in store.listed().values():
        own = found.setdefault(listed.name, [])
        # A roster knows better, and what a group handed in has one member's identifiers.
        if listed.name not in roster and not listed.sender.members:
            own += _values(listed.sender.ids)
    for kept in store.newest():
        found.setdefault(kept.name, [])
    return {name: tuple(dict.fromkeys(found[name])) for name in sorted(found)}


def _values(ids: Mapping[str, str]) -> Iterator[str]:
    yield from (value for kind, value in ids.items() if kind not in OF_FILES and value)


def find_student(store: Store, word: str) -> str:
    """The name of the one student whom a word means.

    Parameters
    ----------
    store : Store
    word : str
        The name as it is stored or a pseudonym; else, whatever the capitals, a whole name or
        identifier; else a part of one, if it is nobody else's.

    Raises
    ------
    WhomError
        Nobody is meant, or several are.
    """
    known = students(store)
    if word in known:
        return word
    wanted = word.strip().casefold()
    ways: tuple[Callable[[str, tuple[str, ...]], bool], ...] = (
        lambda name, ids: wanted == pseudonym(store, name),
        lambda name, ids: any(wanted == each.casefold() for each in (name, *ids)),
        lambda name, ids: any(wanted in each.casefold() for each in (name, *ids)),
    )
    for meant in ways:
        found = [name for name, ids in known.items() if wanted and meant(name, ids)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UnknownStudentError(
                f"{word} could be {_several(found, 'or')}. Write more of the name, or all of it."
            )
    if not known:
        raise UnknownStudentError(f"{store.path}: nobody is in it yet.")
    raise UnknownStudentError(
        f"There is nobody in {store.path} whose name or identifier has {word} in it. "
        f"There are {_several(list(known), 'and')}."
    )


def _several(names: list[str], word: str) -> str:
    if len(names) > NAMED:
        return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    return f" {word} ".join(filter(None, (", ".join(names[:-1]), names[-1])))
