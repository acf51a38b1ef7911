"""Fill the texts that users read.

A text is a template of `str.format` with named fields. Templates are kept as constants, apart from
the code that fills them, so that a translation can be added here without a change elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence


def format_text(template: str, /, **fields: object) -> str:
    """Return a text with its fields filled.

    Parameters
    ----------
    template : str
        A template of `str.format` with names as fields.
    **fields
        The value of each field.

    Examples
    --------
    >>> format_text("{file} is empty.", file="a.py")
    'a.py is empty.'
    """
    return template.format_map(fields)


def format_count(singular: str, plural: str, count: int, /, **fields: object) -> str:
    """Return the singular or the plural text by `count`, with its fields filled.

    Parameters
    ----------
    singular, plural : str
        Templates as for `format_text`; the field ``count`` is the number.
    count : int
        How many things the text is about.
    **fields
        The value of each other field.

    Examples
    --------
    >>> format_count("one row", "{count} rows", 3)
    '3 rows'
    """
    return format_text(singular if count == 1 else plural, **fields, count=count)


MAX_ENTRIES = 4
"""Entries of a list in a text; the others are counted."""


def format_entries(entries: Sequence[str]) -> str:
    """Return the names of entries as one text; of a long list, count all but the first entries.

    The first `MAX_ENTRIES` are named, and so is a single further one: "and 1 more" is no shorter.

    Examples
    --------
    >>> format_entries(["W1[0,0]", "W1[0,1]"]), format_entries(["a", "b", "c", "d", "e", "f"])
    ('W1[0,0], W1[0,1]', 'a, b, c, d and 2 more')
    """
    if len(entries) <= MAX_ENTRIES + 1:
        return ", ".join(entries)
    first = ", ".join(entries[:MAX_ENTRIES])
    return format_text("{first} and {rest} more", first=first, rest=len(entries) - MAX_ENTRIES)
