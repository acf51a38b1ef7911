"""The kinds of changes that make code right: each has all texts, and an example that says it."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from collections.abc import Mapping
from importlib.resources import files

import pytest

from gradkit.diagnosis.catalogue import kinds, net_mistakes
from gradkit.diagnosis.repair.spelling import SPELLINGS
from gradkit.diagnosis.repair.training import NAMES
from gradkit.edits.calls import REARRANGED
from gradkit.edits.rows import rows
from gradkit.edits.statements import BLOCKS

TABLE: Mapping[str, Mapping[str, str]] = tomllib.loads(
    (files("gradkit.diagnosis.catalogue") / "functions.toml").read_text(encoding="utf-8")
)
TEXTS = {"title", "sentence", "hint", "wrong", "right"}


def faults(texts: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the texts of a kind."""
    if set(texts) - {"aliases", "price", "where"} != TEXTS:
        return [f"other texts: {sorted(set(texts) ^ TEXTS)}"]
    found = []
    places = [name for _, name, _, _ in string.Formatter().parse(texts["sentence"]) if name]
    if places != ["function"] or "{" in texts["title"] + texts["hint"]:
        found.append("other places")
    if texts["title"].endswith(".") or not re.match("[A-Z`]", texts["title"]):
        found.append("the title is no title")
    if not texts["sentence"].endswith(".") or not texts["hint"].endswith((".", "?")):
        found.append("no sentence")
    wrong, right = texts["wrong"], texts["right"]
    if ast.dump(ast.parse(wrong)) == ast.dump(ast.parse(right)):
        found.append("wrong and right are the same")
    if max(map(len, (*wrong.split("\n"), *right.split("\n")))) > 72:
        found.append("a long line")
    return found


@pytest.mark.parametrize("code", TABLE)
def test_a_kind_has_all_texts(code: str) -> None:
    """Title, sentence, hint, and an example whose two sides are Python and differ."""
    assert faults(TABLE[code]) == []
    assert re.fullmatch("[a-z]+(-[a-z]+)+", code)


GOOD = TABLE["wrong-axis"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"more": ""}, "other texts: ['more']"),
        ({"sentence": "It is wrong."}, "other places"),
        ({"hint": "Look at `{function}`."}, "other places"),
        ({"title": "Wrong axis."}, "the title is no title"),
        ({"hint": "Which axis"}, "no sentence"),
        ({"right": GOOD["wrong"] + "  # right"}, "wrong and right are the same"),
        ({"right": "x = " + "1 + " * 20 + "1"}, "a long line"),
    ],
)
def test_a_kind_that_lacks_something_is_seen(change: Mapping[str, str], fault: str) -> None:
    """The test above can fail, in each of its questions."""
    assert faults({**GOOD, **change}) == [fault]


def test_an_example_that_is_no_python_is_seen() -> None:
    """Nobody could read it as such."""
    with pytest.raises(SyntaxError):
        faults({**GOOD, "right": "db = du.sum("})


def test_every_kind_is_made_and_has_a_name() -> None:
    """The kinds of the rows that make changes are those of the catalogue.

    Changes of loops that train have names of mistakes too.
    """
    made = {row.kind for row in rows().values()}
    made |= {kind for each in (*REARRANGED.values(), *BLOCKS.values()) for kind in each.kinds}
    made |= {*NAMES.values(), *(kind for _, kind in SPELLINGS.values())}
    assert made - {*net_mistakes()} == set(kinds())


def test_the_table_is_read() -> None:
    """The kinds have the codes and the former codes of the table, in its order."""
    assert list(dict.fromkeys(kind.code for kind in kinds().values())) == [*TABLE]
    former = [old for texts in TABLE.values() for old in texts.get("aliases", ())]
    assert {*kinds()} == {*TABLE, *former}
