"""The softmax loss: wrong answers are told by output, starters have no points."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from marked import (
    QUICK,
    Exercise,
    edited,
    fails,
    has_full_marks,
    is_to_be_written,
    opened,
    solution,
)

from gradkit.sandbox import Workshop

pytestmark = pytest.mark.sample(9)

NAME = "softmax-loss"

BOTH = {"loss_naive", "dW_naive", "loss", "dW"}

PROBABILITIES = "powers / np.sum(powers, axis=1, keepdims=True)"
SHIFT = "np.exp(scores - np.max(scores, axis=1, keepdims=True))"
ONES = "dscores[np.arange(N), y] -= 1"

WRONG: dict[str, tuple[dict[str, str], set[str], str]] = {
    "no 1/N in dW": ({"X.T @ dscores / N": "X.T @ dscores"}, {"dW"}, "`dW` is not right."),
    "no 1/N in dW, with loops": ({"    dW /= len(X)\n": ""}, {"dW_naive"}, "`dW_naive` is not"),
    "no 1/N in the loss, with loops": (
        {"    loss /= len(X)\n": ""},
        {"loss_naive"},
        "`loss_naive`",
    ),
    "no 1/N at all": (
        {
            "-np.mean(np.log": "-np.sum(np.log",
            "X.T @ dscores / N": "X.T @ dscores",
            "    loss /= len(X)\n": "",
            "    dW /= len(X)\n": "",
        },
        {"loss", "loss_naive"},  # the gradients are right for that loss
        "`loss_naive` is not right.",
    ),
    "half of the regularisation's gradient": (
        {"2 * reg * W": "reg * W"},
        {"dW", "dW_naive"},
        "`dW` is not right.",
    ),
    "no shift": (
        {SHIFT: "np.exp(scores)"},
        {"loss"},  # the gradient is right for that, where there is one
        "`loss` is not a number (nan). "
        "This happens only with W = 1000 + normal(D, C), X = probabilities(N, D), reg = 0.0.",
    ),
    "no shift, with loops": (
        {"np.exp(scores - np.max(scores))": "np.exp(scores)"},
        {"loss_naive"},
        "`loss_naive` is not a number (nan).",
    ),
    "the shift the other way": (
        {SHIFT: "np.exp(scores + np.max(scores, axis=1, keepdims=True))"},
        {"loss"},
        "`loss` is not a number (nan).",
    ),
    "a softmax over the examples": (
        {PROBABILITIES: "powers / np.sum(powers, axis=0, keepdims=True)"},
        {"loss", "dW"},
        "`loss` is not right.",
    ),
    "the softmax without keepdims": (
        {PROBABILITIES: "powers / np.sum(powers, axis=1)"},
        {"vectorized"},
        "ValueError: operands could not be broadcast together",
    ),
    "the probabilities changed before the loss": (
        {
            "    data_loss = -np.mean(np.log(dscores[np.arange(N), y]))\n": "",
            f"    {ONES}\n": (
                f"    {ONES}\n    data_loss = -np.mean(np.log(1 + dscores[np.arange(N), y - 1]))\n"
            ),
        },
        {"loss"},
        "`loss` is not right.",
    ),
    "the last example left out": (
        {"for i in range(len(X)):": "for i in range(len(X) - 1):"},
        {"loss_naive", "dW_naive"},
        "`loss_naive` is not right.",
    ),
    "W changed in place": (
        {"    N = len(X)": "    W -= W.mean()\n    N = len(X)"},
        {"W left alone", "loss"},
        "`W` is changed in place; it must not change.",
    ),
    "a constant forward, a zero backward": (
        {
            "return data_loss + reg * np.sum(W**2), dW + 2 * reg * W": "return 0.0, 0 * W",
            "return loss + reg * np.sum(W**2), dW + 2 * reg * W": "return 0.0, 0 * W",
        },
        BOTH,
        "`dW_naive` is 0 in every entry.",
    ),
}
"""Edits of the model solution, the outputs that they make wrong, and what is said."""

STARTER = '''
from builtins import range
import numpy as np
from random import shuffle


def softmax_loss_naive(W, X, y, reg):
    """Softmax loss function, naive implementation (with loops)."""
    # Initialize the loss and gradient to zero.
    {start}
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    pass

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    {end}


def softmax_loss_vectorized(W, X, y, reg):
    """Softmax loss function, vectorized version."""
    # Initialize the loss and gradient to zero.
    {start}
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    pass

    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    {end}
'''

STARTERS = {
    "pass": STARTER.format(start="", end=""),
    "none": STARTER.format(start="loss = None\n    dW = None", end="return loss, dW"),
    "zero": STARTER.format(start="loss = 0.0\n    dW = np.zeros_like(W)", end="return loss, dW"),
}


@pytest.fixture(scope="module")
def exercise(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exercise]:
    """The exercise, with its session."""
    with opened(NAME, workshop, tmp_path_factory.mktemp(NAME)) as each:
        yield each


@pytest.mark.sample(36)
@pytest.mark.parametrize("label", WRONG)
def test_a_wrong_answer_is_told_by_its_outputs(exercise: Exercise, label: str) -> None:
    """Those that are wrong, and no others."""
    edits, outputs, sentence = WRONG[label]
    assert sentence in fails(exercise, edited(solution(NAME), edits), outputs, QUICK)


@pytest.mark.parametrize("kind", STARTERS)
def test_a_starter_has_no_points(exercise: Exercise, kind: str) -> None:
    """It says of each function that it is to be written."""
    functions = ("softmax_loss_naive", "softmax_loss_vectorized")
    is_to_be_written(exercise, STARTERS[kind], functions)


def test_each_function_has_a_regularisation_of_its_own(exercise: Exercise) -> None:
    """Half of it in one of the two: loss and gradient of each agree."""
    text = solution(NAME)
    head, tail = (
        text[: text.index("def softmax_loss_vectorized")],
        text[text.index("def softmax_loss_vectorized") :],
    )
    assert "reg" in tail
    half = tail.replace("):\n", "):\n    reg = reg / 2\n", 1)
    has_full_marks(exercise, head + half, QUICK)
