"""`benchmarks/planted.py` counts each finding for what it is, and plants that change outputs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytestmark = pytest.mark.sample(12)

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))

import planted  # noqa: E402
from planted import (  # noqa: E402
    SHIPPED,
    Answer,
    Bench,
    Outcome,
    Told,
    false_names,
    pair,
    single,
    unnatural_changes,
)
from planting import Plant, drawn  # noqa: E402

# Its modules have names that folders of tests have too.
sys.path.remove(str(ROOT / "benchmarks"))

RELU = Answer("layers", "model", "layers.py")
PLANT = Plant("factor", ((0, 0, ""),), frozenset({7, 8}), (0, 10))
LINE = Told(("layers.py", 8), "missing-factor", "")
OTHER = Told(("layers.py", 20), "wrong-sign", "")
FIXED = replace(OTHER, fix="dx = dout", diff="@@ -20 +20 @@\n-dx = x\n+dx = dout")
ONE = Outcome(RELU, (PLANT,), (PLANT.lines,), "wrong", (), 0.0)
TWO = replace(ONE, plants=(PLANT, PLANT), lines=(PLANT.lines, frozenset({20})))


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ((), "unexplained"),
        ((LINE,), "line"),
        ((OTHER,), "astray"),
        ((FIXED,), "repair"),
        ((OTHER, LINE), "line"),
        ((Told(("other.py", 8), "missing-factor", ""),), "astray"),
    ],
)
def test_what_one_plant_is_counted_as(told: tuple[Told, ...], word: str) -> None:
    """By the lines of the findings, in its own file, and by what their changes mend."""
    assert single(replace(ONE, told=told, mended=True)) == word
    unproved = {"repair": "astray"}.get(word, word)
    assert single(replace(ONE, told=told)) == unproved


def test_changes_elsewhere_are_unnatural_unless_the_table_has_them(monkeypatch) -> None:
    """A finding without a change is none, nor is a change at the line of the plant."""
    first = planted.texts(RELU)[RELU.file].split("\n")[0].strip()
    mended = replace(ONE, told=(LINE, OTHER, FIXED, replace(LINE, fix="x = 1")))
    assert unnatural_changes(mended) == [FIXED]
    for exercise, accepted in (("layers", True), ("lstm", False)):
        table = frozenset({(exercise, first, FIXED.fix)})
        monkeypatch.setattr(planted, "accepted_changes", lambda table=table: table)
        assert (unnatural_changes(mended) == []) == accepted


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ((), "none"),
        ((LINE,), "one"),
        ((LINE, LINE), "one"),
        ((LINE, OTHER), "both"),
        ((LINE, Told(("layers.py", 3), "", "x")), "one and repair"),
    ],
)
def test_what_two_plants_are_counted_as(told: tuple[Told, ...], word: str) -> None:
    """Each needs a finding of its own, or a change that mends both."""
    assert pair(replace(TWO, told=told, mended=True)) == word
    unproved = {"one and repair": "one"}.get(word, word)
    assert pair(replace(TWO, told=told)) == unproved


def test_what_is_told_beside_the_plant() -> None:
    """Findings at other lines, unless they have a fix, which is verified."""
    assert replace(ONE, told=(LINE, OTHER, FIXED)).beside() == [OTHER]
    assert replace(ONE, told=(LINE, FIXED)).beside() == []


def test_a_false_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is one that the operator's table does not have, at the plant's own lines."""
    outcome = replace(ONE, told=(LINE, OTHER))
    assert false_names(outcome) == []
    monkeypatch.setattr(planted, "MAY_SAY", {"factor": frozenset({"wrong-sign"})})
    assert false_names(outcome) == ["missing-factor"]
    assert false_names(replace(outcome, mended=True)) == ["missing-factor"]
    shown = replace(outcome, told=(replace(LINE, diff=FIXED.diff),))
    assert false_names(shown) == ["missing-factor"]
    assert false_names(replace(shown, mended=True)) == []
    of_nets = replace(shown.told[0], mistake="wrong-rate")
    assert false_names(replace(shown, told=(of_nets,), mended=True)) == ["wrong-rate"]
    assert false_names(replace(ONE, told=(replace(LINE, mistake=""),))) == []
    monkeypatch.setattr(planted, "MAY_SAY", {"factor": frozenset({"missing-factor"})})
    assert false_names(outcome) == []


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """What grades."""
    bench = Bench()
    yield bench
    bench.stack.close()


def test_a_change_is_made_to_see_what_it_mends(bench: Bench) -> None:
    """Each of a file once, though two tasks show it; another change mends nothing."""
    right = planted.texts(RELU)["layers.py"]
    wrong = right.replace("np.maximum(x, 0)", "np.minimum(x, 0)")
    line = wrong.split("\n")[wrong[: wrong.index("np.minimum(x, 0)")].count("\n")]
    at = wrong.split("\n").index(line) + 1
    head = f"@@ -{at} +{at} @@\n-{line}\n+"
    for new, mended in (("np.maximum(x, 0)", True), ("np.minimum(0, x)", False)):
        diff = head + line.replace("np.minimum(x, 0)", new)
        told = [Told(("layers.py", at), "wrong-function", "", diff)] * 2
        assert bench.is_mended(RELU, wrong, told, 2) is mended


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("np.maximum(x, 0)", "np.minimum(x, 0)", "wrong"),
        ("np.maximum(x, 0)", "np.maximum(0, x)", "right"),
        ("np.maximum(x, 0)", "np.maximum(y, 0)", "raises"),
        ("def ", "async def ", "refused"),
    ],
)
def test_what_becomes_of_an_answer(bench: Bench, old: str, new: str, kind: str) -> None:
    """Only outputs that differ are counted."""
    text = planted.texts(RELU)["layers.py"]
    at = text.index(old)
    plant = Plant("any", ((at, at + len(old), new),), frozenset({1}), (at, at + len(old)))
    if kind == "refused":
        edits = [(i, i + 4, "DEF ") for i in range(len(text)) if text.startswith("def ", i)]
        plant = replace(plant, edits=tuple(edits))
    assert bench.outcome(RELU, [plant], 1).kind == kind


def test_what_is_not_right_is_not_planted_in(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or nothing could be said of the plants."""
    answer = replace(RELU, style="other")
    monkeypatch.setattr(planted, "texts", lambda _: {"layers.py": "def relu_forward(x): return x"})
    with pytest.raises(SystemExit, match=r"is not right at seed 1: plant nothing there\."):
        bench.outcome(answer, [next(drawn("def f(a):\n    return a + 1\n", 1))], 1)


@pytest.mark.parametrize("exercise", [*SHIPPED, pytest.param("relu-64", marks=pytest.mark.slow)])
def test_answers_of_nets_are_right(bench: Bench, exercise: str) -> None:
    """Each in its style, and wrong with a mistake in it."""
    for answer in planted.answers([exercise]):
        text = planted.texts(answer)[answer.file]
        assert planted.kind_of(bench.grade(answer, {}, 1)[0]) == "right", answer
        wrong = text.replace("0.01", "0.02")
        assert planted.kind_of(bench.grade(answer, {answer.file: wrong}, 1)[0]) == "wrong", answer


def test_every_exercise_has_three_styles() -> None:
    """The model solution and two by hand."""
    for exercise in (*planted.GALLERY, *planted.NETS):
        assert len({each.style for each in planted.answers([exercise])}) >= 3
    assert len(planted.GALLERY) >= 10
