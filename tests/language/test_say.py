"""Texts in the reader's language, and in English wherever that cannot be."""

from __future__ import annotations

from pathlib import Path

import pseudo
import pytest
from babel.messages.catalog import Catalog

from gradkit import hearsay, language
from gradkit.language import heard, phrase, say, say_each
from gradkit.language import language as spoken


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
    ("text", "said"),
    [
        ("row 12", "Zeile 12"),
        ("row ", "row "),
        ("rows 12", "rows 12"),
        ("b1[0] from near", "b1[0] von near"),
        ("b1[0] from row 2", "b1[0] von Zeile 2"),
        ("(row 1)", "(row 1)"),
        ("left (a) (b)", "links (a) (b)"),
        ("", ""),
    ],
)
def test_what_was_said_in_english_is_heard(speak, tmp_path: Path, text: str, said: str) -> None:
    """A finished text is taken apart by the template that it was made from."""
    texts: dict[str | tuple[str, str], str | tuple[str, str]] = {
        "row {number}": "Zeile {number}",
        "{entry} from {start}": "{entry} von {start}",
        "left ({what})": "links ({what})",
    }
    write(tmp_path, texts)
    phrases = [str(each) for each in texts]
    assert heard(text, phrases) == text
    speak("xx", tmp_path)
    assert heard(text, phrases) == said


def test_hearing_takes_no_longer_for_long_texts(speak) -> None:
    """What a student's code raises may be long, and made to look like a template."""
    speak()
    text = "`" + "` is needed at ` was not made: (" * 3000
    assert hearsay.from_worker(text)


def test_workers_say_what_is_heard() -> None:
    """The longer parts of each template stand in the source of whatever says it."""
    package = language.FOLDER.parent
    rooms = ("runtime", "sandbox", "submission", "binding", "task", "judge")
    folders = [package / room for room in rooms]
    texts = [path.read_text(encoding="utf-8") for each in folders for path in each.rglob("*.py")]
    # Long sentences are broken across lines, within f-strings.
    whole = "\n".join(texts).replace('"\n', "").replace("\n", " ")
    for template in hearsay.WORKER:
        parts = [part for part in pseudo.literals(template) if len(part.split()) > 2]
        for part in parts:
            assert part.strip(" `(:)") in " ".join(whole.split()), template
