"""Affine and ReLU layers: right answers in other styles, wrong ones, and what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from layers_helpers import (
    MANY,
    QUICK,
    SEEDS,
    Exercise,
    Wrong,
    answers,
    assert_right,
    assert_starter,
    assert_wrong,
    several,
    wrong,
)

from gradkit.sandbox import Workshop

pytestmark = pytest.mark.sample(9)

NAME = "layers"


@pytest.fixture(scope="module")
def exercise(workshop: Workshop) -> Exercise:
    """The exercise."""
    return Exercise(NAME, workshop)


@pytest.mark.parametrize("style", answers(NAME))
def test_right_answers_have_full_marks(exercise: Exercise, style: str) -> None:
    """The model solution's, and those of students who write otherwise."""
    assert_right(exercise, style, range(QUICK))


@pytest.mark.slow
@pytest.mark.parametrize("style", answers(NAME))
def test_right_answers_have_full_marks_at_every_seed(exercise: Exercise, style: str) -> None:
    """Whatever is drawn."""
    assert_right(exercise, style, range(QUICK, SEEDS))


DB = "return dx, dw, dout.sum(axis=0)"
DX = "dx = (dout @ w.T).reshape(x.shape)"
DW = "dw = x.reshape(len(x), -1).T @ dout"
OUT = "x.reshape(len(x), -1) @ w + b"
MASK = "dout * (cache > 0)"

WRONG = [
    wrong("no bias", OUT, "x.reshape(len(x), -1) @ w", affine_forward="out"),
    wrong("db over rows", DB, "return dx, dw, dout.sum(axis=1)", "shape", affine_backward="db"),
    several(
        "all means",
        {DX: f"{DX} / len(x)", DW: f"{DW} / len(x)", DB: "return dx, dw, dout.mean(axis=0)"},
        affine_backward="dx, dw, db",
    ),
    wrong("dx flat", DX, "dx = dout @ w.T", "Its numbers are right.", affine_backward="dx"),
    wrong(
        "the cached input is changed",
        DW,
        "x -= x.mean()\n    dw = x.reshape(len(x), -1).T @ dout",
        affine_backward="dw, x left alone",
    ),
    several(
        "a kept copy is changed",
        {"+ b, (x, w)": "+ b, (x.copy(), w)", DW: f"{DW}\n    x *= 0"},
        "is different when the same call is made again",
        affine_backward="dw",
    ),
    several(
        "a cache that is emptied, and half of dw",
        {
            "+ b, (x, w)": "+ b, [x, w]",
            "x, w = cache": "w, x = cache.pop(), cache.pop()",
            DW: f"{DW} / 2",
        },
        "`dw`",
        affine_backward="dw",
    ),
    wrong("no mask", MASK, "dout", relu_backward="dx"),
    wrong("no ReLU", "np.maximum(x, 0), x", "x, x", relu_forward="out"),
    wrong(
        "ReLU changes its input",
        "return np.maximum(x, 0), x",
        "x[x < 0] = 0\n    return x, x",
        relu_forward="x left alone",
    ),
    wrong(
        "ReLU's backward changes its input",
        "    return dout * (cache > 0)",
        "    cache[cache < 0] = 0\n    return dout * (cache > 0)",
        relu_backward="x left alone",
    ),
]


@pytest.mark.sample(36)
@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.name)
def test_wrong_answers_fail_in_what_is_wrong(
    exercise: Exercise, case: Wrong, tmp_path: Path
) -> None:
    """The output is named, and nothing else is."""
    assert_wrong(exercise, case, tmp_path, range(1))


@pytest.mark.slow
@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.name)
def test_wrong_answers_fail_at_every_seed(exercise: Exercise, case: Wrong, tmp_path: Path) -> None:
    """Whatever is drawn."""
    assert_wrong(exercise, case, tmp_path, range(1, MANY))


def test_a_constant_forward_with_a_zero_backward_earns_nothing(
    exercise: Exercise, tmp_path: Path
) -> None:
    """It is right for itself, and does not depend on its inputs."""
    edits = {
        OUT: "np.ones((len(x), w.shape[1]))",
        DX: "dx = np.zeros_like(x)",
        DW: "dw = np.zeros_like(w)",
        DB: "return dx, dw, np.zeros(dout.shape[1])",
        "np.maximum(x, 0), x": "np.ones_like(x), x",
        MASK: "np.zeros_like(dout)",
    }
    result = exercise.grade(exercise.edited(tmp_path, list(edits.items())), 0)
    assert result.score == 0


def test_gradients_of_a_wrong_forward_pass_are_wrong(exercise: Exercise, tmp_path: Path) -> None:
    """The gradient of the bias is right for each of the two."""
    edits = {OUT: "2 * (x.reshape(len(x), -1) @ w) + b", DX: f"{DX} * 2", DW: f"{DW} * 2"}
    case = Wrong(
        "doubled",
        tuple(edits.items()),
        {"affine_forward": ["out"], "affine_backward": ["dx", "dw"]},
    )
    assert_wrong(exercise, case, tmp_path, range(1))


@pytest.mark.parametrize(
    "text",
    [
        '''
import numpy as np


def affine_forward(x, w, b):
    """Compute the forward pass."""
    out = None
    # TODO: reshape the input into rows.
    pass
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    """Compute the backward pass."""
    x, w, b = cache
    dx, dw, db = None, None, None
    pass
    return dx, dw, db


def relu_forward(x):
    out = None
    pass
    cache = x
    return out, cache


def relu_backward(dout, cache):
    dx, x = None, cache
    pass
    return dx
''',
        '''
def affine_forward(x, w, b):
    """Return x @ w + b."""
    pass


def affine_backward(dout, cache):
    raise NotImplementedError


def relu_forward(x):
    ...


def relu_backward(dout, cache):
    pass
''',
    ],
    ids=["the course's", "bare"],
)
def test_the_starter_has_no_points_and_says_what_is_missing(
    exercise: Exercise, text: str, tmp_path: Path
) -> None:
    """As it is handed out."""
    assert_starter(exercise, text, tmp_path / "layers.py")
