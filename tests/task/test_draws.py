"""Inputs are drawn by their expressions, in sizes that differ, and the same for the same seed."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gradkit.lines import LinesError
from gradkit.records.task import Draw, FunctionTask
from gradkit.task.assignment import exercises, read_assignment
from gradkit.task.draws import KNOWN, RANDOM, draws, functions, read_input

TASK = read_assignment(exercises()["layers"]).functions[0]


def drawn(seed: int = 0, **changes: Any) -> list[Draw]:
    """The probes of a task with other sizes, inputs or hard cases."""
    changes = {"sizes": {}, "inputs": {}, "hard": (), **changes}
    return list(draws(replace(TASK, **changes), seed))


def test_sizes_differ() -> None:
    """From each other, and each from itself in another probe; what follows from them follows."""
    sizes = {"N": (2, 3, 5), "D": (3, 4, 5), "E": "2 * N + D"}
    for seed in range(20):
        found = [draw.sizes for draw in drawn(seed, sizes=sizes)]
        assert len(found) == RANDOM
        assert all(each["N"] != each["D"] for each in found)
        assert all(each["E"] == 2 * each["N"] + each["D"] for each in found)
        assert len({each["N"] for each in found}) == len({each["D"] for each in found}) == 3


def test_hard_cases_come_last() -> None:
    """With their inputs or sizes, what follows from these, and a label that says so."""
    found = drawn(
        sizes={"N": (2, 3), "M": "3 * N"},
        inputs={"x": "normal(N, M)", "k": 2},
        hard=({"x": "zeros(N, M)"}, {"N": 1, "k": 3}),
    )
    assert [draw.hard for draw in found] == [False] * RANDOM + [True, True]
    assert [draw.label for draw in found[RANDOM - 1 :]] == [
        *("random 3", "x = zeros(N, M)", "N = 1, k = 3"),
    ]
    assert not found[-2].values["x"].any()
    assert found[-1].values["x"].shape == (1, 3)
    assert (found[-1].values["k"], found[-1].values["N"]) == (3, 1)


def test_a_seed_draws_the_same() -> None:
    """And another one something else; arrays are nobody else's."""
    one, two, other = (drawn(seed, inputs={"x": "normal(3)"})[0].values["x"] for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert one is not two
    assert not np.array_equal(one, other)


def test_distributions() -> None:
    """Each is what the documents say of it."""
    for seed in range(20):
        draw = functions(np.random.default_rng(seed))
        labels = draw["integers"](4, 6)
        assert (labels.shape, set(labels)) == ((6,), {0, 1, 2, 3})
        one = draw["onehot"](3, 5)
        assert (one.shape, one.sum(axis=1).tolist()) == ((5, 3), [1] * 5)
        assert (draw["positive"](50) >= 0.1).all()
        steps = np.diff(np.sort(draw["distinct"](4, 5), axis=None))
        assert (steps > 0.0999).all()
        assert np.allclose(draw["probabilities"](4, 3).sum(axis=1), 1)
        assert set(draw["binary"](2, 3).ravel()) == {0.0, 1.0}
        assert set(draw["mask"](0.5, 40)) == {0.0, 2.0}
        low, high = draw["uniform"](2, 3, 50).min(), draw["uniform"](2, 3, 50).max()
        assert 2 <= low < high <= 3
        assert not draw["zeros"](2).any()
        assert draw["ones"](2, 1).tolist() == [[1], [1]]
        assert draw["normal"](2, 3).shape == (2, 3)
    assert set(draw) == KNOWN


def test_what_is_judged_may_be_plainer_than_what_changes_are_held_to() -> None:
    """A rate of 1 where the gradient is judged; another one where a change is held to it."""
    task = replace(TASK, sizes={}, inputs={"k": "judged(1, uniform(0.3, 0.8))"}, hard=())
    here, there = ([d.values["k"] for d in draws(task, 4, judged=j)] for j in (True, False))
    assert here == [1] * RANDOM
    assert all(0.3 < value < 0.8 for value in there)


@pytest.mark.parametrize("judged", [True, False])
def test_any_two_sizes_differ_somewhere(judged: bool) -> None:
    """A window as high as it is wide at each probe, or higher, may be as good as a square one."""
    task = replace(TASK, sizes={"H": (1, 2), "W": (1, 2), "N": (1, 2)}, inputs={}, hard=())
    for seed in range(9):
        drawn = [draw.sizes for draw in draws(task, seed, judged=judged)]
        pairs = itertools.permutations(drawn[0], 2)
        assert all(any(sizes[a] > sizes[b] for sizes in drawn) for a, b in pairs)


def test_tables_and_plain_values() -> None:
    """Dicts, lists, words and numbers."""
    (first, *_) = drawn(
        inputs={"p": {"W": "ones(2)", "n": ["'relu'", 3, 0.5, True]}, "s": "(3, 4)"}
    )
    assert first.values["p"]["W"].tolist() == [1, 1]
    assert first.values["p"]["n"] == ["relu", 3, 0.5, True]
    assert first.values["s"] == (3, 4)


@pytest.mark.parametrize(
    ("changes", "key", "told"),
    [
        (
            {"sizes": {"N": (2,), "M": "N - 2"}},
            "sizes.M",
            "'N - 2', which is 0 with N = 2; expected a whole number from 1",
        ),
        (
            {"inputs": {"p": {"W": "normal(-1)"}}},
            "inputs.p.W",
            "'normal(-1)', which stops with ValueError: negative dimensions are not allowed; "
            "expected an expression that can be computed",
        ),
        (
            {"inputs": {"x": ["ones"]}},
            "inputs.x[0]",
            "'ones', which is a function; expected an array of real numbers, a number, or a word",
        ),
        (
            {"inputs": {"x": 1}, "hard": ({"x": 2}, {"x": "1 / 0"})},
            "hard[1].x",
            "'1 / 0', which stops with ZeroDivisionError: division by zero; expected an expression "
            "that can be computed",
        ),
    ],
)
def test_what_cannot_be_drawn(changes: dict[str, Any], key: str, told: str) -> None:
    """It is told which text it is, and why."""
    with pytest.raises(LinesError) as caught:
        drawn(**changes)
    assert (caught.value.key, str(caught.value)) == (key, told)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a": ["normal(K)"]}, "'normal(K)' names 'K'; expected one of N, binary, distinct, "),
        (None, "None; expected an expression, a number, or a table of these"),
        ("x = 1", "'x = 1' is not valid Python: invalid syntax; expected names, calls, "),
        ("N.__a", "'N.__a' names '__a'; expected names that begin with a letter"),
    ],
)
def test_what_is_no_input(value: object, told: str) -> None:
    """Refused where the file is read."""
    with pytest.raises(LinesError) as caught:
        read_input(value, {"N": 3})
    assert str(caught.value).startswith(told)


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.floats(), st.dates(), st.text("Nnormal(),._ '*", max_size=12)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner)),
    max_leaves=4,
)


@pytest.mark.slow
@pytest.mark.rotate(2)
@settings(max_examples=300, deadline=None)
@given(VALUES)
@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
def test_whatever_is_said_of_an_input(value: object) -> None:
    """It is one, or is refused; what is one may still not be drawn, and is refused then."""
    try:
        read_input(value, {"N": 3})
        drawn(sizes={"N": (3,)}, inputs={"x": value})
    except LinesError:
        return


def test_shipped_exercises_are_drawn() -> None:
    """At many seeds."""
    tasks: list[FunctionTask] = []
    for path in exercises().values():
        assert isinstance(path, Path)
        tasks += read_assignment(path).functions
    for task in tasks:
        for seed in range(3):
            assert len(list(draws(task, seed))) == RANDOM + len(task.hard)


def test_no_number_that_is_handed_over_is_the_same_as_nothing() -> None:
    """Neither 0, nor 1, nor another one's: what is done with it would be done by chance.

    Sizes are drawn by rules of their own, and counts follow them.
    """
    for path in exercises().values():
        for task in read_assignment(path).functions:
            for draw in [d for d in draws(task, 5, judged=False) if not d.hard]:
                for row in (draw.values, *(v for v in draw.values.values() if isinstance(v, dict))):
                    real = [value for value in row.values() if isinstance(value, float)]
                    assert len({0.0, 1.0, *real}) == 2 + len(real)
        for lines in (c.call.text for t in read_assignment(path).functions for c in t.checks):
            calls = [each for each in ast.walk(ast.parse(lines)) if isinstance(each, ast.Call)]
            named = [c for c in calls if isinstance(c.func, ast.Name)]
            drawn = {(c.func.id, k) for c in named for k, a in _handed(c) if not _is_neutral(a)}
            neutral = {(c.func.id, k) for c in named for k, a in _handed(c) if _is_neutral(a)}
            assert neutral <= drawn


def _is_neutral(value: ast.expr) -> bool:
    """Say if a value is 0 or 1; another call of the function has to get a drawn one."""
    return isinstance(value, ast.Constant) and value.value in (0, 1)


def _handed(call: ast.Call) -> list[tuple[int | str | None, ast.expr]]:
    """What a call hands over, by position or name."""
    return [*enumerate(call.args), *((each.arg, each.value) for each in call.keywords)]
