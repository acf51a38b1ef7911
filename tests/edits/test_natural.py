"""No change is made that a teacher would not suggest, whatever numbers it gives."""

from __future__ import annotations

import ast

import pytest
from changed_by_rows import find

from gradkit.edits.natural import first_handed_out_line
from gradkit.edits.operands import RefusedError, Vocabulary
from gradkit.edits.text import Reference, Slots, apply

WORDS = "A W W2 X Y b dW dW2 dZ1 dZ2 dout error_grad largest loss np parameters x"
KNOWN = Vocabulary(tuple(sorted([*WORDS.split(), "T"])), (*range(11), 0.5, 20), (2, 0.5), ())

ABSURD = [
    # The kind, the statement as it is, and as it would give the right numbers.
    ("wrong-name", "dZ1 = W2 * dZ2 * X", "dZ1 = W2 * dW2 * X"),
    ("missing-factor", "dW = W", "dW = W * loss"),
    ("missing-term", "dZ1 = A * (A - Y)", "dZ1 = (A + (1 - A)) * (A - Y)"),
    ("missing-shift", "A = np.exp(X @ W)", "A = np.exp(X @ (W - np.max(W)))"),
    ("wrong-power", "dZ1 = (x == largest) * dout", "dZ1 = (x == largest) ** 2 * dout"),
    ("missing-factor", "dZ1 = error_grad", "dZ1 = error_grad * 10"),
    ("missing-function", "dZ1 = (x == largest) * dout", "dZ1 = np.sum(x == largest) * dout"),
    ("extra-function", "A = np.exp(X - X)", "A = X - X + X"),
]


def text_with(statement: str) -> str:
    """Return a function with a statement."""
    return f"def f(X, Y, W, parameters):\n    {statement}\n    return W\n"


@pytest.mark.parametrize(("kind", "was", "now"), ABSURD)
def test_a_change_that_no_teacher_would_suggest_is_none(kind: str, was: str, now: str) -> None:
    """It has no reference, so a search neither tries nor proposes it."""
    assert find(text_with(was), KNOWN, kind, text_with(now)) is None


NATURAL = [
    ("wrong-name", "dW = W2 * dZ1 * X", "dW = W2 * dZ2 * X"),
    ("wrong-name", "W = W - dZ2", "W = W - dW2"),
    ("missing-factor", "dW = W", "dW = W * x"),
    ("missing-shift", "A = np.exp(X @ W)", "A = np.exp(X @ W - np.max(X @ W))"),
    ("wrong-power", "dZ1 = x * dout", "dZ1 = x ** 2 * dout"),
    ("missing-factor", "dZ1 = error_grad", "dZ1 = error_grad * 2"),
]


@pytest.mark.parametrize(("kind", "was", "now"), NATURAL)
def test_the_like_of_it_that_a_teacher_would_suggest_is_one(kind: str, was: str, now: str) -> None:
    """What is refused above is refused for what it says, and for no more."""
    reference = find(text_with(was), KNOWN, kind, text_with(now))
    assert reference is not None
    assert apply(text_with(was), reference, KNOWN, {1}).kind == kind


def test_a_row_that_is_applied_by_force_is_refused_for_the_same_reason() -> None:
    """Whoever forges the reference of an absurd change gets no change."""
    text = text_with("dZ1 = W2 * dZ2 * X")
    tree = ast.parse(text)
    names = [n for n, e in enumerate(Slots(tree, KNOWN).nodes) if getattr(e, "id", "") == "dZ2"]
    operand = (0, KNOWN.words.index("dW2"))
    reference = Reference("x", "wrong-name: L => like_", names[0], -1, (operand,))
    with pytest.raises(RefusedError, match="the gradient of a parameter is none of a layer"):
        apply(text, reference, KNOWN, {1})


def test_code_that_is_handed_out_is_not_changed() -> None:
    """The comment says where it begins."""
    text = text_with("dZ1 = X - Y") + "# DO NOT MODIFY\ndef g(X, Y):\n    return X - Y\n"
    assert first_handed_out_line(text) == 4
    slots = Slots(ast.parse(text), KNOWN)
    own, given = (n for n, e in enumerate(slots.nodes) if isinstance(e, ast.BinOp))
    row = "turned-sign: A - B => A + B"
    assert apply(text, Reference("x", row, own), KNOWN, {1, 5}).written.line == 2
    with pytest.raises(RefusedError, match="the code is handed out"):
        apply(text, Reference("x", row, given), KNOWN, {1, 5})
