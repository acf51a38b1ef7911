"""What students wrote, and where it stands, made fit to be shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradkit.records.submission import Place
from gradkit.text import clean_data, clean_text, name_key, spell, where


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("plain ŷ ≠ y 😀", "plain ŷ ≠ y 😀"),
        ("a\tb\nc\r\nd", "a\tb\nc\nd"),
        ("\x1b[1;31mred\x1b[0m\x1b[2J", "red"),
        ("\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link", "textlink"),
        ("\x1b]0;never ended", ""),
        ("bell\x07 back\x08 nul\x00 c1\x9b31m", "bell back nul c131m"),
        ("abc\u202edef\u2066", "abcdef"),
        ("lone \ud800 surrogate", "lone  surrogate"),
    ],
)
def test_terminal_sequences(found, expected):
    """What a terminal would obey is gone, and the rest stays."""
    assert clean_text(found) == expected


def test_cap():
    """The length is capped in bytes, without splitting a character."""
    assert clean_text("é" * 10, 20) == "é" * 10
    assert clean_text("é" * 11, 20) == "é" * 8 + "…"
    assert len(clean_text("x" * 10**6).encode()) == 2000


@given(st.text(st.characters()), st.integers(3, 50))
def test_any_text(text, limit):
    """Whatever the text, the result is short and printable."""
    cleaned = clean_text(text, limit)
    assert len(cleaned.encode()) <= limit
    assert all(c in "\n\t" or unicodedata.category(c) != "Cc" for c in cleaned)


def test_names_are_sorted_without_marks_and_case():
    """Composed or not; other scripts come after Latin, and signs before."""
    names = ["李", "Zoe", "A\u030asa B", "Åsa A", "_x", "ben", "Øst", "Łucja", "Æ", "1e-3", "olaf"]
    assert sorted(names, key=name_key) == [
        *("1e-3", "_x", "Æ", "Åsa A", "A\u030asa B", "ben", "Łucja", "olaf", "Øst", "Zoe", "李"),
    ]


def test_where_counts_as_the_student_does():
    """A notebook is counted by cells, a script by its lines."""
    assert where(Place("net.ipynb", 5, 3)) == "code cell 5, line 3"
    assert where(Place("net.py", None, 12)) == "net.py:12"


@pytest.mark.parametrize(
    ("text", "encoding", "spelled"),
    [
        ("W1ᵀ·A − ŷ² ≥ 10⁻⁹", "utf-8", "W1ᵀ·A − ŷ² ≥ 10⁻⁹"),
        ("W1ᵀ·A − ŷ² ≥ 10⁻⁹", "cp1252", "W1^T·A - y_hat² >= 10^-9"),
        ("W1ᵀ·A − ŷ² ≥ 10⁻⁹", "ascii", "W1^T*A - y_hat^2 >= 10^-9"),
        ("‹W2′[0]› … “so” → ½", "ascii", '<W2\'[0]> ... "so" -> 1/2'),
        ("李 \ud800", "ascii", "? ?"),
    ],
)
def test_signs_are_spelled_where_an_encoding_lacks_them(text, encoding, spelled) -> None:
    """A formula stays a formula; only a student's own letters can be lost."""
    assert spell(text, encoding) == spelled


def test_data_is_cleaned_through_and_through():
    """Every text in lists and dicts; numbers and what is harmless stay as they are."""
    data = {"a\x1b[2J": ["\x1b[31mred\x00", {"deep": "\u202egnp.exe"}], "n": 3, "none": None}
    assert clean_data(data) == {"a": ["red", {"deep": "gnp.exe"}], "n": 3, "none": None}
    assert len(clean_data("x" * 10**6).encode()) == 2000
    assert clean_data(["W1", "two\nlines", True]) == ["W1", "two\nlines", True]
