"""The planter of `benchmarks/planted.py` makes what it says, at the lines that it says."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))

from planting import Plant, drawn, is_sound, planted, plants  # noqa: E402

# Its modules have names that folders of tests have too.
sys.path.remove(str(ROOT / "benchmarks"))

BODY = """\
import numpy as np


def f(a, b, m):
    {line}
    return None
"""


def changed(text: str, operator: str) -> list[str]:
    """What a text becomes by an operator, each the lines that differ."""
    found = []
    for plant in plants(text):
        if plant.operator == operator and is_sound(text, plant):
            new, _ = planted(text, plant)
            pairs = zip(text.splitlines(), new.splitlines(), strict=True)
            found.append("\n".join(after.strip() for before, after in pairs if before != after))
    return found


@pytest.mark.parametrize(
    ("operator", "line", "becomes"),
    [
        ("operand", "c = a", ["c = b", "c = m"]),
        ("operator", "c = a @ b", ["c = a * b"]),
        ("operator", "c = a / (b)", ["c = a * (b)"]),
        ("sign", "c = a - b", ["c = -(a - b)", "c = a + b"]),
        ("sign", "c = -a", ["c = a"]),
        ("comparison", "c = a > b", ["c = a < b", "c = a >= b"]),
        ("constant", "c = 2 * a", ["c = 3 * a", "c = 1 * a"]),
        ("constant", "c = a[2]", []),
        ("index", "c = a.shape[1]", ["c = a.shape[2]", "c = a.shape[0]"]),
        ("index", "c = a[0, 1]", ["c = a[1, 0]", "c = a[0, 2]", "c = a[0, 0]", "c = a[1, 1]"]),
        ("index", "c = a[m, b]", ["c = a[b, m]", "c = a[b, b]", "c = a[m, m]"]),
        ("index", "c = a[m]", []),
        ("index", "c = a[m:]", ["c = a[m + 1:]", "c = a[m - 1:]"]),
        ("key", "c = a['x'] + a['y']", ["c = a['y'] + a['y']", "c = a['x'] + a['x']"]),
        (
            "axis",
            "c = a.sum(axis=1, keepdims=True)",
            ["c = a.sum(keepdims=True)", "c = a.sum(axis=0, keepdims=True)"],
        ),
        (
            "axis",
            "c = np.sum(a, axis=(0, 2))",
            ["c = np.sum(a)", "c = np.sum(a, axis=2)", "c = np.sum(a, axis=0)"],
        ),
        ("axis", "c = a.sum(0)", ["c = a.sum(1)"]),
        ("keepdims", "c = a.sum(axis=1, keepdims=True)", ["c = a.sum(axis=1)"]),
        ("factor", "c = (a + b) * m", ["c = m", "c = (a + b)"]),
        ("factor", "c = a / m", ["c = a"]),
        ("term", "c = 1 - a", ["c = 1", "c = a"]),
        ("term", "c = b - (a)", ["c = b", "c = -(a)"]),
        ("power", "c = a ** 2", ["c = a"]),
        ("call dropped", "c = np.exp(a - b) * m", ["c = (a - b) * m"]),
        ("call dropped", "c = (a * b).sum(axis=0)", ["c = (a * b)"]),
        ("call dropped", "c = np.maximum(0, a)", ["c = a"]),
        ("call dropped", "c = a.reshape(m, 1)", []),
        ("call swapped", "c = np.mean(a)", ["c = np.sum(a)", "c = np.max(a)"]),
        ("call swapped", "c = mean(a)", []),
        ("call swapped", "c = a.max()", ["c = a.min()", "c = a.sum()"]),
        ("call swapped", "c = max(a)", ["c = min(a)"]),
        ("transpose", "c = a.T @ b", ["c = a @ b", "c = a.T @ b.T"]),
        ("transpose", "c = np.dot(a, b.T)", ["c = np.dot(a.T, b.T)", "c = np.dot(a, b)"]),
        ("augmented", "c += a", ["c = a"]),
        ("augmented", "c = a", []),
        ("arguments", "c = np.dot(a, b)", ["c = np.dot(b, a)"]),
        ("arguments", "c = np.where(a > b, a, b)", ["c = np.where(a > b, b, a)"]),
        ("arguments", "c = np.maximum(a, b)", []),
        ("order", "c, d = a", ["d, c = a"]),
        ("parenthesis", "c = (a + b) * m", ["c = a + b * m"]),
        ("parenthesis", "c = 1 - a * a", ["c = (1 - a) * a"]),
        ("parenthesis", "c = a / b * m", ["c = a / (b * m)"]),
        ("parenthesis", "c = a + b + m", []),
        ("parenthesis", "c = np.sum(a / m)", ["c = np.sum(a) / m"]),
        ("statement dropped", "a /= m", [""]),
        ("statement moved", "a += b\n    a *= m", ["a *= m\na += b"]),
        ("statement moved", "c = a\n    d = c", []),
        ("statement moved", "c = a\n    d = b", []),
        ("statement dropped", "c = a", []),
    ],
)
def test_what_each_operator_makes(operator: str, line: str, becomes: list[str]) -> None:
    """Of a line, and nothing but that; some lines have no place for it."""
    text = BODY.format(line=line)
    assert sorted(changed(text, operator)) == sorted(becomes)


@pytest.mark.parametrize(
    "line",
    [
        "assert a.shape == (1, m)",
        "raise ValueError(a + b)",
        "print(a + b)",
        "'''Add 1 to a.'''",
        "c = np.zeros((m, 1))",
        "c = f'{a + b}'",
    ],
)
def test_what_is_left_alone(line: str) -> None:
    """Nothing is planted in what makes no number; but a sign before it, or another call."""
    made = [plant.operator for plant in plants(BODY.format(line=line)) if 5 in plant.lines]
    assert set(made) <= {"sign", "call swapped"}


def test_what_is_only_a_shape_is_left_alone() -> None:
    """Unless something else is made of it."""
    line = "n = len(a) + 1\n    c = np.zeros(n)"
    assert changed(BODY.format(line=line), "constant") == []
    assert changed(BODY.format(line=f"{line} * n"), "constant") == [
        "n = len(a) + 2",
        "n = len(a) + 0",
    ]


def test_what_may_run_for_ever_is_left_alone() -> None:
    """What a loop waits for, and what that is made of."""
    body = "    while i < n:\n        t *= n\n        i += 1\n"
    text = f"def f(n):\n    i, t = 0, 1\n{body}    return t\n"
    assert {min(plant.lines) for plant in plants(text)} == {2, 3, 4, 6}
    assert [plant.operator for plant in plants(text) if min(plant.lines) == 3] == [
        "statement dropped"
    ]


LOOP = dedent(
    """\
    def f(x, n):
        total = 0
        for i in range(n):
            y = x[i]
            total += y
        total /= n
        return total, n
    """
)


@pytest.mark.parametrize(
    ("operator", "becomes"),
    [
        ("order", ["return n, total"]),
        (
            "loop bound",
            [
                "for i in range(1, n):",
                "for i in range(n - 1):",
                "for i in range(n + 1):",
            ],
        ),
        ("loop", ["total += y", "total /= n"]),
        ("statement dropped", ["", ""]),
    ],
)
def test_what_is_made_of_a_loop(operator: str, becomes: list[str]) -> None:
    """Its bounds, and what stands in it."""
    made = changed(LOOP, operator)
    assert [each for each in becomes if each not in made] == []


def lines_of(text: str, operator: str) -> list[set[int]]:
    """The lines of each plant of an operator."""
    return [set(plant.lines) for plant in plants(text) if plant.operator == operator]


def test_the_lines_of_a_plant() -> None:
    """Of what is changed; of what is dropped, also its neighbours and the function's end."""
    assert lines_of(LOOP, "augmented") == [{5}, {6}]
    assert lines_of(LOOP, "statement dropped") == [{4, 5, 7}, {3, 6, 7}]
    assert lines_of(LOOP, "statement twice") == [{5, 6}, {6, 7}]
    assert lines_of(LOOP, "loop") == [{3, 6}, {3, 5}]


def test_a_statement_of_several_lines() -> None:
    """Has the changed line and its own first one."""
    text = BODY.format(line="c = np.dot(a,\n               b + m)")
    (term,) = [
        plant
        for plant in plants(text)
        if plant.operator == "term" and " m" in text[slice(*plant.edits[0][:2])]
    ]
    assert term.lines == {5, 6}


def test_two_plants_in_one_text() -> None:
    """Each has its lines, though a statement more moves what is below it."""
    twice = next(p for p in plants(LOOP) if p.operator == "statement twice")
    order = next(p for p in plants(LOOP) if p.operator == "order")
    new, lines = planted(LOOP, order, twice)
    assert new.splitlines()[4:8] == [
        "        total += y",
        "        total += y",
        "    total /= n",
        "    return n, total",
    ]
    assert lines == [frozenset({8}), frozenset({5, 6})]


def test_two_plants_in_one_statement_are_refused() -> None:
    """They would write over each other."""
    one, other = [p for p in plants(LOOP) if p.operator == "loop bound"][:2]
    with pytest.raises(ValueError, match="are in one statement"):
        planted(LOOP, one, other)


def test_what_is_not_sound() -> None:
    """Nothing changed, no Python, or lines lost."""
    start = LOOP.index("total += y")
    span = (start, start + 10)

    def sound(old: str, new: str) -> bool:
        at = LOOP.index(old)
        return is_sound(LOOP, Plant("any", ((at, at + len(old), new),), frozenset({5}), span))

    assert sound("+= y", "-= y")
    assert not sound("+= y", "+=  y")
    assert not sound("+= y", "+=")
    assert not sound("total += y\n    total", "total")


def test_a_draw_is_repeated_by_its_seed() -> None:
    """Each text once, in another order for another seed."""
    texts = [planted(LOOP, plant)[0] for plant in drawn(LOOP, 1)]
    assert texts == [planted(LOOP, plant)[0] for plant in drawn(LOOP, 1)]
    assert texts != [planted(LOOP, plant)[0] for plant in drawn(LOOP, 2)]
    assert len(texts) == len(set(texts)) > 20
    for text in texts:
        ast.parse(text)


def test_nothing_of_gradkit_is_in_the_planter() -> None:
    """What measures the diagnosis does not share its edits."""
    files = sorted((ROOT / "benchmarks").glob("planting*.py"))
    assert len(files) >= 3
    for file in files:
        assert "import gradkit" not in file.read_text("utf-8")
        assert "from gradkit" not in file.read_text("utf-8")
