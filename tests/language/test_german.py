"""The one translation that comes with gradkit."""

from __future__ import annotations

import pseudo
from mistakes.samples import folder as mistake_folder

from gradkit import language
from gradkit.language import say
from gradkit.report.formats import render
from gradkit.report.text import to_text

SUBMISSION = mistake_folder() / "wrong-target.py"


def test_a_students_result_is_german(check, speak) -> None:
    """The mark sheet from its first line to its last; English is gone."""
    speak("de", language.FOLDER)
    text = to_text([check(SUBMISSION)], 4)
    for said in (
        "✗ update       10.8 / 12  falsch, siehe wrong-target.py:26",
        "2 von 9 Einträgen sind nach einem Schritt von `update_parameters` falsch: b1[0], b1[1].",
        "Ein Schritt wird in den falschen Eintrag geschrieben: b1[1], b1[0]  (−1.2)",
        "Hinweis: Der Schritt, der zu b1[1] gehört, wird zu b1[0] addiert.",
        "Die Trainingsschleife von gradkit hat deine Funktionen ausgeführt.",
        "Seed 1 · ohne Musterlösung · vorläufig",
    ):
        assert said in text
    for english in ("hint", "step", "expected", "moves", "fail", "and", "the"):
        assert english not in text.replace("wrong-target", "").split(), english


def test_a_students_page_is_german(check, speak) -> None:
    """It says so, too, for whoever reads it aloud."""
    speak("de", language.FOLDER)
    page = render("html", [check(SUBMISSION)], 4)
    assert '<html lang="de">' in page
    text = pseudo.read_html(page)
    assert "18.75" in text
    for said in ("von 20 Punkten", "Zum Inhalt", "Regeln, die der Code anwendet", "Epoche"):
        assert said in text
    speak("", language.FOLDER)
    assert '<html lang="en">' in render("html", [check(SUBMISSION)], 4)


def test_formulas_stand_below_each_other(speak) -> None:
    """What an entry does and what it should do are as long as each other."""
    for code in ("", "de"):
        speak(code, language.FOLDER)
        does = [" " + say("becomes      "), " " + say("moves by     ")]
        assert {len(each) for each in does} == {len(say(" should move  {right}", right=""))}
