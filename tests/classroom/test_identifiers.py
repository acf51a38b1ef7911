"""Who is meant: identifiers before names, and never one of two."""

from __future__ import annotations

import pytest

from gradkit.classroom.course.find_student import index, normal, turned, who

KNOWN = index(
    [
        ({"canvas": "1", "email": "Kim@x.edu"}, ["Kim Lee", "Lee, Kim"]),
        ({"canvas": "2", "email": "ann@x.edu", "sis": " "}, ["Mo, Ann"]),
        ({"canvas": "3", "sis": "Ab"}, ["Kim Lee", ""]),
    ]
)
KINDS = ("canvas", "sis", "email")


@pytest.mark.parametrize(
    ("ids", "name", "meant"),
    [
        ({"canvas": "3"}, "Ann Mo", {2}),
        ({"canvas": "9", "email": "KIM@X.EDU"}, "", {0}),
        ({"sis": "ab"}, "", set()),
        ({"sis": "Ab"}, "", {2}),
        ({"sis": " "}, "", set()),
        ({}, "Ann Mo", {1}),
        ({}, "moann", {1}),
        ({}, "kim lee", {0, 2}),
        ({"canvas": "1"}, "kim lee", {0}),
        ({"canvas": "1", "email": "ann@x.edu"}, "", {0, 1}),
        ({"github": "1"}, "", set()),
        ({}, "", set()),
        ({}, "…", set()),
    ],
)
def test_who_is_meant(ids: dict[str, str], name: str, meant: set[int]) -> None:
    """One, none, or all that it could be."""
    assert who(ids, name, KINDS, KNOWN) == meant


def test_names_are_alike_however_they_are_written() -> None:
    """Composed or not, and turned round; another name is another."""
    assert normal("Jose\u0301 D-I_az") == normal("JOSÉ DI AZ")
    assert normal("Kim Lee") != normal("Kim Lea")
    assert (turned("Lee, Kim"), turned("Kim Lee")) == ("Kim Lee", "Kim Lee")
