"""Whom a word means, and which class: found by themselves, or refused with what there is."""

from __future__ import annotations

from pathlib import Path

import pytest
from classroom.answering import ANNA, BEN, CAS, DAN, EVE, FAY, ZED, gradkit, refusal
from classroom.filing import filed

from gradkit.classroom.course.whom import WhomError, students, whom
from gradkit.classroom.file.database import FILE
from gradkit.classroom.file.pseudonyms import pseudonym
from gradkit.classroom.file.store import Store
from gradkit.cli.class_folder import ADVICE, class_folder
from gradkit.cli.refusal import Refusal
from gradkit.records.classroom import Listed
from gradkit.records.course import Sender


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        (ANNA, ANNA),
        ("anna", ANNA),
        ("LEE", ANNA),
        ("101", ANNA),
        ("AL7", ANNA),
        ("bm", BEN),
        ("poe", DAN),
        ("199", ZED),
        ("zorn", ZED),
    ],
)
def test_a_name_a_part_or_an_identifier(handed: Path, word: str, meant: str) -> None:
    """Of the roster or of the download; who handed in nothing is known too."""
    with Store(handed / "out", write=False) as store:
        assert whom(store, word) == meant


def test_a_pseudonym_is_a_name(handed: Path) -> None:
    """Which only this class can tell."""
    with Store(handed / "out", write=False) as store:
        assert whom(store, pseudonym(store, EVE)) == EVE


def test_numbers_of_files_are_nobodys(handed: Path) -> None:
    """Of an attachment, say: it would be a part of many."""
    with Store(handed / "out", write=False) as store:
        with pytest.raises(WhomError, match="nobody"):
            whom(store, "9001")
        assert students(store)[ANNA] == ("al7", "101")


def test_several_are_named(handed: Path) -> None:
    """With what to do."""
    with Store(handed / "out", write=False) as store, pytest.raises(WhomError) as caught:
        whom(store, "o")
    assert str(caught.value) == (
        f"o could be {CAS}, {DAN}, {EVE}, {FAY} or {ZED}. Write more of the name, or all of it."
    )


@pytest.mark.parametrize("word", ["xaver", "", " "])
def test_nobody_is_refused_with_who_there_is(handed: Path, word: str) -> None:
    """An empty word is a part of all, and means nobody."""
    with Store(handed / "out", write=False) as store, pytest.raises(WhomError) as caught:
        whom(store, word)
    assert str(caught.value) == (
        f"There is nobody in {handed / 'out' / FILE} whose name or identifier has {word} in it. "
        f"There are {ANNA}, {BEN}, {CAS}, {DAN}, {EVE}, {FAY} and {ZED}."
    )


def test_a_whole_name_goes_before_a_part(tmp_path: Path) -> None:
    """Capitals or not; with many the rest are counted."""
    with Store(tmp_path, write=True) as store:
        run = store.begin("grade")
        names = ["Kim", "kimberly", *(f"s{number}" for number in range(20))]
        store.add(run, [filed(name) for name in names])
        sender = Sender("", "plain", {}, False, "")
        store.add_listed(run, [Listed(name, "digest-1", 0, "", sender) for name in names])
        assert whom(store, "kim") == "Kim"
        with pytest.raises(WhomError, match=r"s0, s1, s10, .*, s17 and 10 more\. Write more"):
            whom(store, "S")


def test_of_an_empty_class_nobody_is_meant(tmp_path: Path) -> None:
    """It says so."""
    with Store(tmp_path, write=True) as store, pytest.raises(WhomError) as caught:
        whom(store, "kim")
    assert str(caught.value) == f"{tmp_path / FILE}: nobody is in it yet."


# --- which class -------------------------------------------------------------------------


def made(folder: Path) -> Path:
    """A folder that holds a class."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).touch()
    return folder


def test_the_class_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the command line, then in the environment, then this folder, then the only one in it."""
    monkeypatch.chdir(tmp_path)
    only = made(tmp_path / "results")
    assert class_folder(None, {}).resolve() == only
    here = made(tmp_path)
    assert class_folder(None, {}).resolve() == here
    other = made(tmp_path / "deep" / "other")
    assert class_folder(None, {"GRADKIT_CLASS": str(other)}) == other
    assert class_folder(Path("named"), {"GRADKIT_CLASS": str(other)}) == Path("named")


def test_no_class_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With where it was looked for: deeper than in the next folder it is not."""
    monkeypatch.chdir(tmp_path)
    made(tmp_path / "deep" / "class")
    with pytest.raises(Refusal) as caught:
        class_folder(None, {})
    assert (
        caught.value.message == f"there is no {FILE} in {tmp_path}, nor in a folder in it. {ADVICE}"
    )


def test_several_classes_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which one is the reader's to say."""
    monkeypatch.chdir(tmp_path)
    made(tmp_path / "week1")
    made(tmp_path / "week2")
    with pytest.raises(Refusal) as caught:
        class_folder(None, {})
    assert caught.value.message == f"week1, week2 have a {FILE} each. {ADVICE}"


def test_a_variable_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    """Rather than passed over."""
    with pytest.raises(Refusal) as caught:
        class_folder(None, {"GRADKIT_CLASS": str(tmp_path)})
    assert (
        caught.value.message
        == f"GRADKIT_CLASS is {tmp_path}, and there is no {FILE} in it. {ADVICE}"
    )


def test_a_command_finds_it(handed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From beside the folder, and by the variable from anywhere."""
    monkeypatch.chdir(handed)
    assert "2  graded" in gradkit("history").stdout
    monkeypatch.chdir("/")
    assert "2  graded" in gradkit("history", GRADKIT_CLASS=str(handed / "out")).stdout
    assert refusal("history", GRADKIT_CLASS="").startswith(f"there is no {FILE} in /, nor")
