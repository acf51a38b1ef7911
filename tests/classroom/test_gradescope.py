"""Gradescope's list of submissions, read as a reader of YAML reads it."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from gradkit.classroom.course.senders import parse, scalar


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=40))
def test_names_are_read_as_a_yaml_reader_reads_them(name: str) -> None:
    """Whatever PyYAML writes on one line, it and the few lines here read alike."""
    text = yaml.safe_dump(
        {"submission_1": {":submitters": [{":name": name, ":email": "a@b"}], ":created_at": "x"}},
        allow_unicode=True,
        width=10_000,
    )
    (read,) = yaml.safe_load(text)["submission_1"][":submitters"]
    assert parse(text.split("\n")) == {
        "submission_1": ("x", ({"name": read[":name"], "email": read[":email"]},))
    }


def test_half_a_character_is_none() -> None:
    """No file could store it."""
    assert scalar('"Kim\\ud800"') == "Kim?"


def test_scalars() -> None:
    """Plain, single and double quotes with escapes; a quotation mark alone is left as it is."""
    given = ("a b", "'a''b'", '"a\\"b\\u00e9\\xE9\\U0001F600"', "'", '"', '"\\Uffffffff"')
    assert [scalar(text) for text in given] == ["a b", "a'b", 'a"béé😀', "'", '"', "\ufffd"]


def test_what_is_no_such_list_tells_nobody() -> None:
    """Nor does a submission without a list of names; nothing is made up."""
    assert parse(["kim: 1", "  :submitters:", "  - :name: Kim"]) == {}
    assert parse(["submission_1:", "  :score: 3", "    :name: Kim"]) == {"submission_1": ("", ())}
