"""Fill the texts that users read, and clean texts of students for display.

A text is a template of `str.format` with named fields. Templates are kept as constants, apart from
the code that fills them, so that a translation can be added here without a change elsewhere.
Student processes, the grading and reports use this module, so it imports only the records.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # This module loads numpy, and the command line starts the workshop before that.
    from gradkit.records.submission import Place

ERROR_BYTES = 2_000
"""Largest number of bytes of an error message of student code."""

DRAWN = "drawn"
"""Label of a training run from random initial weights."""

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and cursor movements
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\Z)",  # titles, links and other strings for the terminal
    re.DOTALL,
)
# Marks that change the writing direction can make a line look like another line.
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


_LETTER = re.compile(r"LATIN (?:SMALL|CAPITAL) LETTER ([A-Z]+)(?: WITH .*)?")


@cache
def name_key(name: str) -> tuple[str, str]:
    """Return a key that sorts names as in a list of people: without marks and case.

    Examples
    --------
    >>> sorted(["Zoe", "Åsa", "ben", "Łucja", "Max"], key=name_key)
    ['Åsa', 'ben', 'Łucja', 'Max', 'Zoe']
    """
    # In this form a letter and its mark are one character.
    characters = unicodedata.normalize("NFC", name)
    found = [(c, _LETTER.fullmatch(unicodedata.name(c, ""))) for c in characters]
    return "".join(letter[1].lower() if letter else c for c, letter in found), name


def clean_text(text: str, limit: int = ERROR_BYTES) -> str:
    r"""Remove terminal sequences and control characters from a text, and limit its length.

    Parameters
    ----------
    text : str
        Any text, even with lone surrogates.
    limit : int
        Largest length of the result in bytes of UTF-8, with the ellipsis that marks a cut.

    Returns
    -------
    str
        The text without terminal sequences, control characters other than newline and tab,
        direction marks and surrogates. Mark-up is not escaped: the renderer does that.

    Examples
    --------
    >>> clean_text("\x1b[31mred\x1b[0m\x00 alert")
    'red alert'
    """
    # Every kept character takes at least a byte, so text far beyond the limit is cut first to save
    # time. The factor leaves room for sequences that are removed.
    text = _ESCAPES.sub("", text[: 4 * limit])
    kept = "".join(
        c
        for c in text.replace("\r\n", "\n")
        if c in "\n\t" or (unicodedata.category(c) not in ("Cc", "Cs") and c not in _DIRECTION)
    )
    encoded = kept.encode()
    if len(encoded) <= limit:
        return kept
    return encoded[: max(limit - 3, 0)].decode(errors="ignore") + "…"


def storable(text: str) -> str:
    r"""Replace characters that cannot be stored, such as bytes of a name that are not UTF-8.

    Examples
    --------
    >>> storable("Ren\udce9.py")
    'Ren?.py'
    """
    return text.encode("utf-8", "replace").decode()


def clean_data(value: Any, limit: int = ERROR_BYTES) -> Any:
    """Clean every text in JSON-like data, also the keys of dicts, by `clean_text`.

    Tuples become lists; values that are neither texts nor containers are returned unchanged.
    """
    if isinstance(value, str):
        # Most texts are short and printable, which is quick to check.
        is_clean = value.isprintable() and len(value) < limit // 4
        return value if is_clean else clean_text(value, limit)
    if isinstance(value, dict):
        return {clean_data(k, limit): clean_data(item, limit) for k, item in value.items()}
    return [clean_data(i, limit) for i in value] if isinstance(value, list | tuple) else value


def format_probe(label: str) -> str:
    """Return the label of an input as readers see it.

    Examples
    --------
    >>> format_probe("random 3"), format_probe("row 1")
    ('input 3', 'row 1')
    """
    return re.sub(r"^random (?=\d+$)", "input ", label)


def format_entry(label: str, parameter: str, index: Sequence[int]) -> str:
    """Return an entry's label or, if it is empty, a text such as ``W1[0,1]``."""
    place = f"[{','.join(map(str, index))}]" if index else ""
    return label or f"{parameter}{place}"


def columns(rows: Sequence[Sequence[str]]) -> str:
    r"""Write rows as lines with aligned columns.

    Examples
    --------
    >>> columns([("a", "b"), ("long", "c")])
    'a     b\nlong  c\n'
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ((cell.ljust(n) for cell, n in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{'  '.join(row).rstrip()}\n" for row in padded)


def toml_string(text: str) -> str:
    """Quote a text as a one-line string of TOML.

    JSON has the same quotes and escapes, but leaves the character DEL, which TOML refuses.
    """
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def where(place: Place) -> str:
    """Write a place in a submission: ``code cell 5, line 3`` in a notebook, else ``file.py:12``.

    In a script, a known column is added: ``file.py:12:5``. A cell's title replaces its number.
    """
    if place.title:
        return format_text("{place}, line {line}", place=place.title, line=place.line)
    if place.cell is None:
        column = f":{place.column}" if place.column else ""
        return f"{place.file}:{place.line}{column}"
    return format_text("code cell {cell}, line {line}", cell=place.cell, line=place.line)


SPELLINGS = {
    **{"✓": "+", "✗": "x", "─": "-", "·": "*", "−": "-", "±": "+-", "≥": ">=", "½": "1/2"},
    **{"–": "-", "′": "'", "…": "...", "“": '"', "”": '"'},
    **{"‹": "<", "›": ">", "⟨": "<", "⟩": ">", "→": "->", "↳": "->", "←": "<-"},
    **{"ŷ": "y_hat", "∂": "d", "Σ": "sum", "ε": "eps", "η": "eta", "μ": "mu", "δ": "delta"},
    **{"ᵀ": "^T", "ᵢ": "_i", "ⱼ": "_j", "ₖ": "_k", "₁": "1", "₂": "2", "₃": "3"},
}
"""Replacements of characters of gradkit's own texts, for encodings that lack them."""

_POWER = re.compile("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def spell(text: str, encoding: str) -> str:
    """Replace characters that an encoding lacks by similar ones, or else by ``?``.

    Examples
    --------
    >>> spell("ŷ − 李", "ascii")
    'y_hat - ?'
    """
    for sign, replacement in SPELLINGS.items():
        if not _has(encoding, sign):
            text = text.replace(sign, replacement)
    spelled = _POWER.sub(
        lambda power: power[0] if _has(encoding, power[0]) else "^" + power[0].translate(_DIGITS),
        text,
    )
    return spelled.encode(encoding, "replace").decode(encoding)


def _has(encoding: str, signs: str) -> bool:
    """Return True if an encoding has all of some characters."""
    return signs.encode(encoding, "replace").decode(encoding) == signs


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
