"""One catalogue of texts: it holds what is said, and translations are of it.

``python .ci/catalogue.py`` writes all of these files.
"""

from __future__ import annotations

import importlib.util
import io
import zipfile
from functools import cache
from gettext import GNUTranslations
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from babel.messages.catalog import Message

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = sorted(path.name for path in (ROOT / "gradkit" / "locale").iterdir() if path.is_dir())


def load() -> Any:
    """The module that writes the catalogue."""
    spec = importlib.util.spec_from_file_location("catalogue", ROOT / ".ci" / "catalogue.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = load()
extracted = cache(tool.extracted)


def texts_of(compiled: bytes) -> dict[object, str]:
    """What the standard library reads in a compiled catalogue, without its head."""
    texts: dict[object, str] = dict(GNUTranslations(io.BytesIO(compiled))._catalog)
    del texts[""]
    return texts


def places(text: str) -> set[str | None]:
    """Names of the places of a template."""
    return {place for _, place, _, _ in Formatter().parse(text)} - {None}


def faults(message: Message) -> list[str]:
    """What is wrong with a translation, as far as that can be told."""
    texts = [message.id] if isinstance(message.id, str) else list(message.id)
    said = [message.string] if isinstance(message.string, str) else list(message.string)
    found = []
    for text, each in zip(texts, said, strict=True):
        if each and places(each) != places(text):
            found.append(f"{text!r} has other places in {each!r}")
        edges = [(len(t) - len(t.lstrip()), len(t) - len(t.rstrip())) for t in (text, each)]
        if each and min(edges) != max(edges) and "  " not in text:
            found.append(f"{text!r} has other blanks around it than {each!r}")
    return found


def test_the_catalogue_holds_what_is_said() -> None:
    """A text that is new or has changed is missing from it, until it is written anew."""
    assert tool.POT.read_text(encoding="utf-8") == tool.written(extracted())


def test_a_text_is_found_wherever_it_is_said() -> None:
    """In a call of its own, within another's, in a table, over several lines; and no other."""
    source = (
        'x = say("one {a}", a=say("two"))\n'
        'y = say(TABLE.get(k, phrase("three")))\n'
        'z = say_each("four", "five", n)\n'
        'w = say(\n    "six "\n    "seven"\n)\n'
        'say(name); other("eight"); self.say("nine")\n'
    )
    assert list(tool._said(source)) == ["one {a}", "two", "three", ("four", "five"), "six seven"]


def test_texts_of_templates_and_of_mistakes_are_in_it() -> None:
    """Not only those of modules."""
    files = {file for message in extracted() for file, _ in message.locations}
    assert "gradkit/report/templates/report.html" in files
    assert "gradkit/diagnosis/mistakes/pages/wrong-sign.md" in files
    assert "gradkit/diagnosis/repair/kinds.toml" in files


def test_there_is_a_translation() -> None:
    """Otherwise the tests of translations would test nothing."""
    assert LANGUAGES == ["de"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_is_of_the_catalogue(language: str) -> None:
    """It has each text once, in the same order, and its compiled file says the same."""
    (path,) = (path for path in tool.translations() if path.parents[1].name == language)
    catalog = tool.translated(path, extracted())
    assert path.read_text(encoding="utf-8") == tool.written(catalog)
    assert texts_of(path.with_suffix(".mo").read_bytes()) == texts_of(tool.compiled(catalog))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_places_of_the_texts(language: str) -> None:
    """One with other places would not be said. What is not translated yet is said in English."""
    (path,) = (path for path in tool.translations() if path.parents[1].name == language)
    messages = [message for message in tool.translated(path, extracted()) if message.id]
    assert [fault for message in messages for fault in faults(message)] == []
    assert sum(bool(message.string) for message in messages) > 0.9 * len(messages)


def test_a_fault_of_a_translation_is_seen() -> None:
    """The two kinds, and a translation that is right."""
    assert faults(Message("{a} of {b}", "{b}: {a}")) == []
    assert len(faults(Message("{a} of {b}", "{a}"))) == 1
    assert len(faults(Message(" and {a}", "und {a}"))) == 1
    assert len(faults(Message(("one", "{count}"), ("eins", "{n}")))) == 1


@pytest.mark.slow
def test_the_wheel_ships_what_is_needed_of_it(wheel: Path) -> None:
    """The compiled languages, which the standard library reads."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    shipped = {name for name in names if name.startswith("gradkit/locale/")}
    assert shipped == {f"gradkit/locale/{code}/LC_MESSAGES/gradkit.mo" for code in LANGUAGES}
