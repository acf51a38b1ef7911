"""Similar submissions: disguised copies are found, independent code is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from classroom.answering import ANNA, BEN, CAS, EVE
from disguise import disguised
from model_solutions import REFERENCE

from gradkit.classroom.store.database import FILE
from gradkit.classroom.store.results import Store
from gradkit.review.similarity import OWN, Similar, fingerprints, handed_out, pairs, tokens_of
from gradkit.review.workspace import Workspace

VARIANTS = ("classification", "published", "torch")
"""Parts of the names of solutions that are variants of another one."""

LONG = {
    name: text
    for path in sorted(REFERENCE.rglob("*.py"))
    if not any(word in (name := path.relative_to(REFERENCE).as_posix()) for word in VARIANTS)
    and len(tokens_of(text := path.read_text(encoding="utf-8"))) > 200
}
"""Model solutions of different exercises: code that nobody has copied from each other."""


@pytest.mark.parametrize("name", list(LONG))
def test_a_disguised_copy_is_found(name: str) -> None:
    """And is the only pair among the solutions of all exercises."""
    (found,) = pairs({**LONG, "copy": disguised(LONG[name])})
    assert {found.left, found.right} == {name, "copy"}
    assert found.similarity > 0.6


def test_solutions_of_different_exercises_are_not_similar() -> None:
    """Though all are short, and use the same functions of numpy."""
    assert len(LONG) >= 5
    assert pairs(LONG) == []


def test_own_names_layout_and_comments_are_ignored() -> None:
    """Names of libraries, numbers and keys are not."""
    text = "def f(a):\n    b = np.dot(a, 2)  # twice\n    return b\n"
    same = 'def g(x):\n    """Say\n    more."""\n    y = (np.dot(\n        x, 2))\n    return y\n'
    assert tokens_of(text) == [
        *("def", OWN, OWN, ":", OWN, "=", "np", ".", "dot", OWN, ",", "2", "return", OWN),
    ]
    assert tokens_of(same) == tokens_of(text)
    assert tokens_of(text.replace("2", "3")) != tokens_of(text)
    assert tokens_of(text.replace("dot", "sum")) != tokens_of(text)


def test_code_that_is_not_python_is_compared_by_its_words() -> None:
    """A copy with a syntax error is found."""
    (name, text), *_ = LONG.items()
    broken = text.replace("def ", "def (", 1)
    (pair,) = pairs({name: broken, "copy": f"# mine\n{broken}"})
    assert pair.similarity == 1.0


def test_handed_out_code_is_no_similarity() -> None:
    """Two students who submit what they were given are no pair."""
    (_, text), (_, other), *_ = LONG.items()
    assert len(pairs({"ann": text, "ben": text})) == 1
    assert pairs({"ann": text, "ben": text}, [text]) == []
    (pair,) = pairs({"ann": text + other, "ben": text + other}, [text])
    assert (pair.left, pair.right) == ("ann", "ben")


def test_code_that_many_students_have_is_no_similarity() -> None:
    """In a class of ten, what all have says nothing; what two have says much."""
    (_, text), (_, other), *_ = LONG.items()
    sources = {f"s{number}": text for number in range(10)}
    assert pairs(sources) == []
    sources |= {"s3": text + other, "s7": text + other}
    assert [(pair.left, pair.right) for pair in pairs(sources)] == [("s3", "s7")]


def test_short_code_has_no_fingerprints() -> None:
    """It cannot be told apart from other short code."""
    assert fingerprints(tokens_of("x = 1")) == set()
    assert pairs({"ann": "", "ben": ""}) == []


@pytest.mark.usefixtures("warm")
def test_a_class_is_compared_beside_the_server(course: Path) -> None:
    """Pages list similar code without a visit of the page that compares."""
    space = Workspace(course)
    space.start_comparing().join()
    with Store(course, write=False) as store:
        found = space.known_similar(store)
    assert (BEN, EVE) in {(pair.left, pair.right) for pair in found.pairs}
    (course / FILE).unlink()
    # Without a class file there is nothing to compare.
    Workspace(course).start_comparing().join()


@pytest.mark.usefixtures("warm")
def test_a_class_is_compared(course: Path) -> None:
    """The starter is left out; a submission that is gone is listed with the reason."""
    gone = course.parent / "first" / "odecas_103_9003_hw.py"
    text = gone.read_bytes()
    gone.unlink()
    space = Workspace(course)
    with Store(course, write=False) as store:
        assert any("def initialise_parameters" in text for text in handed_out(store))
        assert space.known_similar(store) == Similar()
        found = space.similar(store)
        assert space.known_similar(store) is found
        assert space.similar(store) is found
        gone.write_bytes(text)
        again = space.similar(store)
    assert [name for name, _ in found.unreadable if name == CAS] == [CAS]
    assert CAS not in [name for name, _ in again.unreadable]
    similar = {(pair.left, pair.right) for pair in found.pairs}
    # Ben and Eve submitted the same solution; Anna's differs in one expression.
    assert (BEN, EVE) in similar
    assert all(ANNA in pair or BEN in pair or EVE in pair for pair in similar)
    assert EVE in [name for name, _ in found.partners()[BEN]]
    assert BEN in [name for name, _ in found.partners()[EVE]]
