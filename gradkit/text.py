"""What students wrote, and where it stands, made fit to be shown.

Used on both limbs and where results are rendered, so this imports nothing but the
records and `gradkit.formatting`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from gradkit.formatting import format_text
from gradkit.records.submission import Place

ERROR_BYTES = 2_000

DRAWN = "drawn"
"""Label of a training run from parameters that were drawn at random."""

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and cursor movements
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\Z)",  # titles, links and other strings for the terminal
    re.DOTALL,
)
# Marks that change the direction of the text around them can make a line read as another.
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_text(text: str, limit: int = ERROR_BYTES) -> str:
    r"""Strip what a terminal would obey, and cap the length.

    Parameters
    ----------
    text : str
        Anything, lone surrogates included.
    limit : int
        Largest length of the result in bytes of UTF-8, with the ellipsis that marks a cut.

    Returns
    -------
    str
        Terminal sequences, control characters other than newline and tab, direction
        marks and surrogates are gone. Mark-up is not escaped: that is for whoever
        renders it.

    Examples
    --------
    >>> clean_text("\x1b[31mred\x1b[0m\x00 alert")
    'red alert'
    """
    # Every character that is kept takes a byte, so what lies far beyond the limit is not
    # worth the time; sequences that are removed may take up to three times as much again.
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
    r"""The text with a mark in the place of what is no Unicode: bytes of a name that are not UTF-8.

    Examples
    --------
    >>> storable("Ren\udce9.py")
    'Ren?.py'
    """
    return text.encode("utf-8", "replace").decode()


def clean_data(value: Any, limit: int = ERROR_BYTES) -> Any:
    """JSON-like data with every text in it, the keys of dicts too, as `clean_text` has it."""
    if isinstance(value, str):
        # Most text is short and printable, and the question is quick.
        plain = value.isprintable() and len(value) < limit // 4
        return value if plain else clean_text(value, limit)
    if isinstance(value, dict):
        return {clean_data(k, limit): clean_data(item, limit) for k, item in value.items()}
    return [clean_data(i, limit) for i in value] if isinstance(value, list | tuple) else value


def format_probe(label: str) -> str:
    """Return the label of a probe as readers see it.

    Examples
    --------
    >>> format_probe("random 3"), format_probe("row 1")
    ('random input 3', 'row 1')
    """
    return re.sub(r"^random (?=\d+$)", "random input ", label)


def format_entry(label: str, parameter: str, index: Sequence[int]) -> str:
    """Say an entry by its label, else as ``W1[0,1]``."""
    place = f"[{','.join(map(str, index))}]" if index else ""
    return label or f"{parameter}{place}"


def columns(rows: Sequence[Sequence[str]]) -> str:
    r"""Write rows as lines, their cells below each other.

    Examples
    --------
    >>> columns([("a", "b"), ("long", "c")])
    'a     b\nlong  c\n'
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ((cell.ljust(n) for cell, n in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{'  '.join(row).rstrip()}\n" for row in padded)


def where(place: Place) -> str:
    """Write a place: ``code cell 5, line 3`` in a notebook, ``file.py:12`` in a script.

    A column is added: ``file.py:12:5``. A title replaces the number of the cell.
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
"""How signs of gradkit's own are written where an encoding lacks them."""

_POWER = re.compile("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def spell(text: str, encoding: str) -> str:
    """The text in characters that ``encoding`` has; what it cannot say becomes ``?``.

    Examples
    --------
    >>> spell("ŷ − 李", "ascii")
    'y_hat - ?'
    """
    for sign, way in SPELLINGS.items():
        if not _has(encoding, sign):
            text = text.replace(sign, way)
    spelled = _POWER.sub(
        lambda power: power[0] if _has(encoding, power[0]) else "^" + power[0].translate(_DIGITS),
        text,
    )
    return spelled.encode(encoding, "replace").decode(encoding)


def _has(encoding: str, signs: str) -> bool:
    return signs.encode(encoding, "replace").decode(encoding) == signs
