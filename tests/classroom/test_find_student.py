"""Whom a word means, and which class: found by themselves, or refused with what there is."""

from __future__ import annotations

from pathlib import Path

import pytest
from classroom.answering import ANNA, BEN, CAS, DAN, EVE, FAY, ZED
from classroom.filing import filed

from gradkit.classroom.course.find_student import (
    UnknownStudentError,
    find_student,
    pseudonym,
    students,
)
from gradkit.classroom.store.database import FILE
from gradkit.classroom.store.results import Store
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
        ("Lee, Anna", ANNA),
        ("roy,eve", EVE),
        ("bm", BEN),
        ("poe", DAN),
        ("199", ZED),
        ("zorn", ZED),
    ],
)
def test_a_name_a_part_or_an_identifier(handed: Path, word: str, meant: str) -> None:
    """Of the roster or of the download; who handed in nothing is known too."""
    with Store(handed / "out", write=False) as store:
        assert find_student(store, word) == meant


def test_a_pseudonym_is_a_name(handed: Path) -> None:
    """Which only this class can tell."""
    with Store(handed / "out", write=False) as store:
        assert find_student(store, pseudonym(store, EVE)) == EVE


def test_numbers_of_files_are_nobodys(handed: Path) -> None:
    """Of an attachment, say: it would be a part of many."""
    with Store(handed / "out", write=False) as store:
        with pytest.raises(
            UnknownStudentError, match=r"^No student in .* has 9001 in the name or identifier"
        ):
            find_student(store, "9001")
        assert students(store)[ANNA] == ("al7", "101")


def test_several_are_named(handed: Path) -> None:
    """With what to do."""
    with Store(handed / "out", write=False) as store, pytest.raises(UnknownStudentError) as caught:
        find_student(store, "o")
    assert str(caught.value) == (
        f"o could be {CAS}, {DAN}, {EVE}, {FAY} or {ZED}. Write more of the name, or the full name."
    )


@pytest.mark.parametrize("word", ["Zornzéd", "zornset"])
def test_who_was_probably_meant_is_asked(handed: Path, word: str) -> None:
    """Without the accents, say; and nobody is taken for it."""
    with Store(handed / "out", write=False) as store, pytest.raises(UnknownStudentError) as caught:
        find_student(store, word)
    assert str(caught.value).endswith(f" and {ZED}. Did you mean {ZED}?")


@pytest.mark.parametrize("word", ["xaver", "", " "])
def test_nobody_is_refused_with_who_there_is(handed: Path, word: str) -> None:
    """An empty word is a part of all, and means nobody."""
    with Store(handed / "out", write=False) as store, pytest.raises(UnknownStudentError) as caught:
        find_student(store, word)
    assert str(caught.value) == (
        f"No student in {handed / 'out' / FILE} has {word} in the name or identifier. The "
        f"students are {ANNA}, {BEN}, {CAS}, {DAN}, {EVE}, {FAY} and {ZED}."
    )


def test_a_whole_name_goes_before_a_part(tmp_path: Path) -> None:
    """Capitals or not; with many the rest are counted."""
    with Store(tmp_path, write=True) as store:
        run = store.begin("grade")
        names = ["Kim", "kimberly", *(f"s{number}" for number in range(20))]
        store.add(run, [filed(name) for name in names])
        sender = Sender("", "plain", {}, False, "")
        store.add_listed(run, [Listed(name, "digest-1", 0, "", sender) for name in names])
        assert find_student(store, "kim") == "Kim"
        with pytest.raises(
            UnknownStudentError, match=r"s0, s1, s10, .*, s17 and 10 more\. Write more"
        ):
            find_student(store, "S")


def test_of_an_empty_class_nobody_is_meant(tmp_path: Path) -> None:
    """It says so."""
    with Store(tmp_path, write=True) as store, pytest.raises(UnknownStudentError) as caught:
        find_student(store, "kim")
    assert str(caught.value) == f"{tmp_path / FILE}: it has no students yet."
