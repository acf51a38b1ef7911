"""The one translation that comes with gradkit."""

from __future__ import annotations

from pathlib import Path

import pseudo
from mistakes.samples import folder as mistake_folder

from gradkit import language
from gradkit.diagnosis.mistakes.catalogue import catalogue, mistake
from gradkit.diagnosis.repair.kinds import kinds
from gradkit.grading.settings import Settings
from gradkit.language import say
from gradkit.report.exercise import listing, page_text
from gradkit.report.formats import render
from gradkit.report.text import to_text
from gradkit.task.shipped import exercises

SUBMISSION = mistake_folder() / "wrong-target.py"


def test_a_students_result_is_german(check, speak) -> None:
    """The mark sheet from its first line to its last; English is gone."""
    speak("de", language.FOLDER)
    text = to_text([check(SUBMISSION)], 4)
    for said in (
        "✗ update      10.75 / 12  falsch\n",
        "2 von 9 Einträgen sind nach einem Schritt von `update_parameters` falsch: b1[0], b1[1].",
        "Ein Schritt wird in den falschen Eintrag geschrieben: b1[1], b1[0]  (−1.25)",
        "Hinweis: Der Schritt, der zu b1[1] gehört, wird zu b1[0] addiert.",
        "↳ folgt  gradient, trajectory 2 / 2: Dafür wird nichts weiter abgezogen.",
        "Seed 1 · ohne Musterlösung · vorläufig",
    ):
        assert said in text
    for english in ("hint", "step", "expected", "moves", "fail", "and", "the"):
        assert english not in text.replace("wrong-target", "").split(), english


def test_a_change_of_a_function_is_german(check, speak, tmp_path: Path) -> None:
    """Title, sentence, hint, and the lines as they are."""
    speak("de", language.FOLDER)
    source = (pseudo.ROOT / "reference" / "softmax-loss" / "softmax.py").read_text("utf-8")
    assert "dscores / N" in source
    (tmp_path / "loss.py").write_text(source.replace("dscores / N", "dscores"), "utf-8")
    made = Settings(assignment=exercises()["softmax-loss"], seed=1)
    text = to_text([check(tmp_path / "loss.py", made)], 4)
    for said in (
        "Ein Faktor fehlt: dW  (−3)\n",
        "In `softmax_loss_vectorized` fehlt die Multiplikation mit einem Faktor oder eine ",
        "richtig:  ",
        "Hinweis: Welche Faktoren ergibt die Kettenregel hier?",
    ):
        assert said in text
    for english in ("right:", "hint:", "factor", "multiplied", "the"):
        assert english not in text.split("\n", 2)[2].split(), english


def test_every_kind_of_change_has_german_texts(speak) -> None:
    """None of its texts is said as it stands, and the function's name keeps its place."""
    speak("de", language.FOLDER)
    for kind in kinds().values():
        for text in (kind.title, kind.sentence, kind.hints[1]):
            assert say(text, function="f") != text.replace("{function}", "f"), text
        assert "`f`" in say(kind.sentence, function="f")


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


def test_the_page_of_a_mistake_begins_in_german(speak) -> None:
    """Title, and the hints that are about no entry; the list has the titles too."""
    speak("de", language.FOLDER)
    page = page_text(mistake("swapped-index"))
    assert "\n\nEs kostet von den Punkten seiner Prüfung: " in page
    assert listing(catalogue().values()).startswith("Im Vorwärtsdurchlauf\n")
    assert page.startswith("# Zwei Indizes sind vertauscht\n\n`swapped-index`\n\n")
    assert "Vergleiche die Indizes in der Formel mit denen des Eintrags" in page
    assert "Die Herleitung steht im Folgenden auf Englisch." in page
    assert "Eine Schicht wird ausgelassen" in listing(catalogue().values())
