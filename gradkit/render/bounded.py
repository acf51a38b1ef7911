"""Text that must not be larger than a platform takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from gradkit.text import clean_text

ROOM = 64 << 10
"""Bytes of text of one check, to begin with."""

CUT = "\n(shortened: the platform takes no more)"


def shorten(text: str, room: int) -> str:
    """At most ``room`` bytes of it, and a note where something is left out."""
    if len(text.encode()) <= room:
        return text
    return clean_text(text, room) + CUT


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


def dump(data: dict[str, Any]) -> str:
    """Strict JSON in ASCII, which no encoding on the way can spoil."""
    return json.dumps(data, allow_nan=False) + "\n"
