"""Who of many is meant: by identifiers first, then by a name that only one of them has."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

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
    found: dict[tuple[str, str], set[int]] = {}
    for number, (ids, names) in enumerate(entries):
        for kind, value in ids.items():
            if value.strip():
                found.setdefault((kind, _key(kind, value)), set()).add(number)
        for name in names:
            for way in (normal(name), normal(turned(name))):
                if way:
                    found.setdefault(("name", way), set()).add(number)
    return {key: frozenset(numbers) for key, numbers in found.items()}


def _key(kind: str, value: str) -> str:
    return value.strip() if kind in EXACT else value.strip().casefold()


def who(ids: Mapping[str, str], name: str, kinds: Sequence[str], known: Index) -> frozenset[int]:
    """Whom identifiers and a name can mean: one if they tell, none, or several.

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
