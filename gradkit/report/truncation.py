"""Text that must not be larger than a platform takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from gradkit.language import phrase, say
from gradkit.text import clean_text

ROOM = 64 << 10
"""Bytes of text of one check, to begin with."""

CUT = phrase("\n(shortened: the platform takes no more)")


def shorten(text: str, room: int) -> str:
    """At most ``room`` bytes of it, and a note where something is left out."""
    if len(text.encode()) <= room:
        return text
    return clean_text(text, room) + say(CUT)


def fit(build: Callable[[int], str], limit: int) -> str:
    """What ``build`` makes of less and less room for single texts, until it is small enough.

    Parameters
    ----------
    build : callable
        Takes the bytes that one text may have, gives the whole.
    limit : int
        Bytes of the whole. Where even the barest is larger, it is given all the same.
    """
    room = ROOM
    text = build(room)
    while len(text.encode()) > limit and room:
        room //= 2
        text = build(room)
    return text


def fit_tests(
    data: Mapping[str, Any], key: str, limit: int, write: Callable[[Mapping[str, Any]], str]
) -> str:
    """A platform's JSON whose tests have texts under ``key``, which are cut until it fits.

    Parameters
    ----------
    data : mapping
        With a list ``tests``.
    key : str
    limit : int
        Bytes of what ``write`` makes of it.
    write : callable
    """

    def build(room: int) -> str:
        cut = [
            {**test, key: shorten(test[key], room)} if test[key] else test for test in data["tests"]
        ]
        return write({**data, "tests": cut})

    return fit(build, limit)


def dump(data: Mapping[str, Any]) -> str:
    """Strict JSON in ASCII, which no encoding on the way can spoil."""
    return json.dumps(data, allow_nan=False) + "\n"
