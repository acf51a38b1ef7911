"""Texts in the reader's language, and in English wherever that cannot be."""

from __future__ import annotations

from pathlib import Path

import pseudo
import pytest
from babel.messages.catalog import Catalog

from gradkit import language
from gradkit.language import language as spoken
from gradkit.language import phrase, say, say_each
from gradkit.runtime.messages import in_english, message, said
from gradkit.text import function_said, label_said


def write(folder: Path, texts: dict[str | tuple[str, str], str | tuple[str, str]]) -> None:
    """Compile a language of these texts."""
    catalog = Catalog()
    for text, translation in texts.items():
        catalog.add(text, translation)
    path = folder / "xx" / "LC_MESSAGES" / "gradkit.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(pseudo.tool().compiled(catalog))


def test_english_is_what_is_written() -> None:
    """Without a language a text is its own template."""
    assert say("{file} is empty.", file="a.py") == "a.py is empty."
    assert say_each("one row", "{count} rows", 1) == "one row"
    assert say_each("one row", "{count} rows", 0) == "0 rows"
    assert phrase("{file}") == "{file}"
    assert spoken() == "en"


def test_a_translation_is_said(speak, tmp_path: Path) -> None:
    """With its places in the order of the other language, and its plural."""
    write(tmp_path, {"{a} of {b}": "{b}: {a}", ("one", "{count} many"): ("eins", "{count} viele")})
    speak("xx", tmp_path)
    assert say("{a} of {b}", a=1, b=2) == "2: 1"
    assert [say_each("one", "{count} many", n) for n in (1, 2)] == ["eins", "2 viele"]
    assert say("not translated {a}", a=1) == "not translated 1"
    assert say("") == ""
    assert spoken() == "xx"


def test_what_stands_in_a_place_is_never_a_template(speak, tmp_path: Path) -> None:
    """A student's braces stay braces."""
    write(tmp_path, {"see {a}": "siehe {a}"})
    for code in ("", "xx"):
        speak(code, tmp_path)
        assert say("see {a}", a="{b} {a.__class__} {").endswith(" {b} {a.__class__} {")


@pytest.mark.parametrize(
    "translation",
    [
        "nothing",
        "{b}",
        "{a} {b}",
        "{a.__class__}",
        "{a!r}",
        "{a:>9}",
        "{a",
        "{}",
        "}",
        "",
    ],
)
def test_a_translation_with_other_places_is_not_said(
    speak, tmp_path: Path, translation: str
) -> None:
    """It might fail, or show what is not meant to be shown."""
    write(tmp_path, {"see {a}": translation, "right {a}": "richtig {a}"})
    speak("xx", tmp_path)
    assert say("see {a}", a=1) == "see 1"
    assert say("right {a}", a=1) == "richtig 1"


def test_a_plural_with_other_places_is_not_said(speak, tmp_path: Path) -> None:
    """The same where there are two forms."""
    write(tmp_path, {("one", "{count} many"): ("{file}", "{file}")})
    speak("xx", tmp_path)
    assert [say_each("one", "{count} many", n) for n in (1, 2)] == ["one", "2 many"]


@pytest.mark.parametrize("code", ["tlh", "../xx", "\0", "x" * 5000, "C", "en_GB.UTF-8", " "])
def test_an_unknown_language_is_english(speak, code: str) -> None:
    """No grading fails for a name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language.os, "environ", {language.VARIABLE: code})
        assert say("see {a}", a=1) == "see 1"
        assert spoken() == "en"


@pytest.mark.parametrize(
    "data", [b"", b"no catalogue", b"\xde\x12\x04\x95" + b"\xff" * 40, b"\xde\x12\x04\x95\0\0"]
)
def test_a_damaged_catalogue_is_english(speak, tmp_path: Path, data: bytes) -> None:
    """Whatever the standard library raises over it."""
    path = tmp_path / "xx" / "LC_MESSAGES" / "gradkit.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    speak("xx", tmp_path)
    assert say("see {a}", a=1) == "see 1"
    assert say_each("one", "{count} many", 2) == "2 many"
    assert spoken() == "en"


def test_a_rule_for_plurals_that_fails_is_english(speak, monkeypatch, tmp_path: Path) -> None:
    """The rule stands in the catalogue's own head."""

    class Odd:
        def gettext(self, message: str) -> str:
            return message

        def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
            raise IndexError(n)

    speak("xx", tmp_path)
    monkeypatch.setattr(language, "_catalogue", lambda code: Odd())
    assert say_each("one", "{count} many", 2) == "2 many"


def test_a_region_falls_back_on_its_language(speak) -> None:
    """``de_AT.UTF-8`` is German here; pages say so as HTML does."""
    speak("de_AT.UTF-8", language.FOLDER)
    assert say("Found") == "Gefunden"
    assert spoken() == "de-AT"


@pytest.mark.parametrize(
    ("label", "told"),
    [
        ("row 12", "Zeile 12"),
        ("row ", "row "),
        ("rows 12", "rows 12"),
        ("first step from near", "erster Schritt von near"),
        ("step from near", "step from near"),
        ("further parameters", "weitere"),
        ("(row 1)", "(row 1)"),
        ("W1[0,1]", "W1[0,1]"),
        ("", ""),
    ],
)
def test_labels_are_said(speak, tmp_path: Path, label: str, told: str) -> None:
    """Probes and entries are found again by names in English, and shown in the language."""
    texts: dict[str | tuple[str, str], str | tuple[str, str]] = {
        "row {number}": "Zeile {number}",
        "first step from {start}": "erster Schritt von {start}",
        "further parameters": "weitere",
    }
    write(tmp_path, texts)
    assert label_said(label) == label
    speak("xx", tmp_path)
    assert label_said(label) == told


def test_only_a_loop_without_a_name_is_translated(speak, tmp_path: Path) -> None:
    """A student's function is called what the student calls it."""
    write(tmp_path, {"the training loop": "die Schleife", "row": "Zeile"})
    speak("xx", tmp_path)
    assert [function_said(name) for name in ("the training loop", "row")] == ["die Schleife", "row"]


def test_messages_are_said(speak, tmp_path: Path) -> None:
    """Each message within a message too; what student code said stays as it is."""
    write(
        tmp_path,
        {
            "`{name}` was not made: {reason}": "`{name}` fehlt: {reason}",
            "{place} failed with {type}: {reason}": "{place} scheiterte, {type}: {reason}",
            "cell {cell}, line {line}": "Zelle {cell}, Zeile {line}",
        },
    )
    place = message("cell", cell="3", line=2)
    reason = message("failed", place=place, type="OSError", reason="found None")
    told = message("not-made", name="W1", reason=reason)
    english = "`W1` was not made: cell 3, line 2 failed with OSError: found None"
    assert (said(told), said("found None")) == (english, "found None")
    speak("xx", tmp_path)
    assert said(told) == "`W1` fehlt: Zelle 3, Zeile 2 scheiterte, OSError: found None"
    assert said("found None") == "found None"
    assert in_english(told) == english
