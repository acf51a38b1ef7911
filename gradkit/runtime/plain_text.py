"""Texts and lines that student code made, as plain ones: replies hold nothing of its classes."""

from __future__ import annotations

LINES = 10**7
"""No source has as many lines."""


def text_of(value: object, most: int) -> str:
    """What `str` says of a value, at most so many characters of it, and valid Unicode."""
    # A class derived from str may cut and encode itself as it likes.
    return str.__str__(str(value))[:most].encode(errors="replace").decode()


def is_line(line: object) -> bool:
    """Whether this can be the number of a line: code objects and exceptions may hold anything."""
    return type(line) is int and 1 <= line <= LINES
