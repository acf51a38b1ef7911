"""Convolution and pooling: right answers in other styles, wrong ones, and what is missing."""

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

NAME = "convolution"


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


PADDED = "padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))"
ROWS = "rows = 1 + (padded.shape[2] - height) // stride"
OUT = "out[:, :, i, j] = np.tensordot(window, w, ((1, 2, 3), (1, 2, 3))) + b"
DPADDED = "dpadded = np.zeros_like(padded)"
DB = "db = dout.sum(axis=(0, 2, 3))"
DX = "dpadded[place] += np.tensordot(dout[:, :, i, j], w, 1)"
DW = "dw += np.tensordot(dout[:, :, i, j].T, padded[place], 1)"
CUT = "dx = dpadded[:, :, pad : dpadded.shape[2] - pad, pad : dpadded.shape[3] - pad]"
START = """    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            top, left = i * stride, j * stride
"""
PLACE = "            place = np.s_[:, :, top : top + height, left : left + width]\n"
MOVED = "            top, left = i, j\n"
POOLED = "x[:, :, top : top + height, left : left + width].max(axis=(2, 3))"
LARGEST = "largest = x[place].max(axis=(2, 3), keepdims=True)"
MASK = "(x[place] == largest)"

WRONG = [
    wrong("no bias", OUT, OUT.replace(" + b", ""), convolution_forward="out"),
    wrong(
        "padding on one side",
        PADDED,
        "padded = np.pad(x, ((0, 0), (0, 0), (2 * pad, 0), (2 * pad, 0)))",
        convolution_forward="out",
        convolution_backward="dw",  # that of the other padding
    ),
    # The windows run over the edge.
    wrong(
        "no stride in the size",
        ROWS,
        ROWS.replace(" // stride", " + stride"),
        "ValueError",
        convolution_forward="error",
        convolution_backward="blocked",
    ),
    several(
        "the input is changed",
        {PADDED: f"x -= x.mean()\n    {PADDED}"},
        "`x` is changed in place",
        convolution_forward="out, x left alone",
        convolution_backward="dw",
    ),
    wrong("shares that do not add up", DX, DX.replace("+=", "="), convolution_backward="dx"),
    wrong("the last share alone", DW, DW.replace("+=", "="), convolution_backward="dw"),
    wrong(
        "no stride on the way back",
        START + PLACE + "            dpadded",
        START + MOVED + PLACE + "            dpadded",
        convolution_backward="dx, dw",
    ),
    wrong("dw a mean", CUT, f"{CUT}\n    dw /= len(dout)", "by N", convolution_backward="dw"),
    several(
        "means for sums",
        {CUT: f"{CUT}\n    dx, dw, db = dx / len(dx), dw / len(dx), db / len(dx)"},
        convolution_backward="dx, dw, db",
    ),
    wrong(
        "db over the wrong axes",
        DB,
        "db = dout.sum(axis=(1, 2, 3))",
        "has shape",
        convolution_backward="db",
    ),
    several(
        "the filter is used up",
        {DX: DX.replace(" w,", " kept,"), DPADDED: f"{DPADDED}\n    kept = w.copy()\n    w *= 0"},
        "`w` is changed in place",
        convolution_backward="dx, w left alone",
    ),
    wrong(
        "a mean for the largest", POOLED, POOLED.replace("max", "mean"), max_pooling_forward="out"
    ),
    wrong(
        "the input is less its mean",
        '    height, width = pool_param["pool_height"], pool_param["pool_width"]\n'
        '    stride = pool_param["stride"]\n    rows',
        "    x -= x.mean()\n"
        '    height, width = pool_param["pool_height"], pool_param["pool_width"]\n'
        '    stride = pool_param["stride"]\n    rows',
        max_pooling_forward="out, x left alone",
    ),
    wrong("no mask", f"{MASK} * ", "1 * ", max_pooling_backward="dx"),
    wrong(
        "lost keepdims",
        LARGEST,
        LARGEST.replace(", keepdims=True", ""),
        "ValueError",
        max_pooling_backward="error",
    ),
    wrong(
        "written into the cached input",
        "dx = np.zeros_like(x)",
        "dx = x",
        "`x` is changed in place",
        max_pooling_backward="dx, x left alone",
    ),
]

CONSTANT = {
    OUT: "out[:, :, i, j] = 1",
    DB: "db = np.zeros(len(w))",
    DX: "pass",
    DW: "pass",
    POOLED: "1",
    f"dx[place] += {MASK} * dout[:, :, i : i + 1, j : j + 1]": "pass",
}

COURSE = """
import numpy as np


def conv_forward_naive(x, w, b, conv_param):
    out = None
    # TODO: implement the forward pass. Hint: you can use np.pad.
    pass
    cache = (x, w, b, conv_param)
    return out, cache


def conv_backward_naive(dout, cache):
    dx, dw, db = None, None, None
    pass
    return dx, dw, db


def max_pool_forward_naive(x, pool_param):
    out = None
    pass
    cache = (x, pool_param)
    return out, cache


def max_pool_backward_naive(dout, cache):
    dx = None
    pass
    return dx
"""

BARE = '''
def conv_forward_naive(x, w, b, conv_param):
    """Return the output, and a cache."""
    pass


def conv_backward_naive(dout, cache):
    pass


def max_pool_forward_naive(x, pool_param):
    ...


def max_pool_backward_naive(dout, cache):
    raise NotImplementedError("to be written")
'''


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


@pytest.mark.parametrize("text", [COURSE, BARE], ids=["the course's", "bare"])
def test_the_starter_has_no_points_and_says_what_is_missing(
    exercise: Exercise, text: str, tmp_path: Path
) -> None:
    """As it is handed out."""
    assert_starter(exercise, text, tmp_path / "layers.py")


def test_a_constant_forward_with_a_zero_backward_earns_nothing(
    exercise: Exercise, tmp_path: Path
) -> None:
    """It is right for itself, and does not depend on its inputs."""
    result = exercise.grade(exercise.edited(tmp_path, list(CONSTANT.items())), 0)
    assert result.score == 0


def test_without_padding_only_the_sum_is_right(exercise: Exercise, tmp_path: Path) -> None:
    """Outputs are too small, and there is none where the filter is larger than the image.

    Where there is one, the gradient of the bias is that of what is handed over.
    """
    path = exercise.edited(tmp_path, [(PADDED, "padded = x")])
    for seed in range(4):
        result = exercise.grade(path, seed)
        states = {check.check: check.state for check in result.tasks[0].checks}
        assert states["forward"] in ("fail", "error")
        assert states["backward"] in ("error", "blocked")
        right = [each for c in result.tasks[0].checks for each in c.entries if each.state == "pass"]
        assert [each.parameter for each in right] == ["db"] * (result.tasks[0].score == 3)
