"""A change of a text has a reference, and the reference makes the same change of it."""

from __future__ import annotations

import ast

import pytest
from changed_by_rows import find

from gradkit.edits.operands import ModelPart, Vocabulary
from gradkit.edits.text import ONCE, apply
from gradkit.edits.write import replaced

pytestmark = pytest.mark.sample(4)

TEXT = """
def backward(X, Y, W, b, lr, cache):
    m = X.shape[1]
    A = np.tanh(W @ X + b)
    dZ = A - Y
    dW = dZ @ X.T / m
    db = np.sum(dZ, axis=1, keepdims=True)
    dA = np.maximum(0, A) * 2
    for i in range(m):
        A[i, 0] += X[i, 0]
        m = m * 1
    W -= lr * dW
    cache["A"] = A
    m += A[0]
    scale(A)
    b = np.log(A.T) + np.exp(Y.T)
    db = np.mean(dZ, axis=0) * np.mean(A, axis=0)
    return dW, db
"""

WORDS = "A B W X Y b cache dA dW dZ db i lr m np shape T size relu"
PARTS = (
    ModelPart("1 - A ** 2", "factor", ("A",)),
    ModelPart("E @ X.T / n", "whole", ("E", "X", "n")),
    ModelPart("V -= r * g", "statement", ("V", "r", "g")),
)
KNOWN = Vocabulary(tuple(sorted(WORDS.split())), (*range(10), 0.5), (2, 0.5), PARTS)

CHANGES = [
    # The kind, what is changed, what stands there then, and the doubtful part.
    ("turned-sign", "A - Y", "A + Y", "A - Y"),
    ("wrong-order", "return dW, db", "return (db, dW)", "dW, db"),
    ("wrong-name", "dZ @ X.T", "A @ X.T", "dZ"),
    ("wrong-entry", 'cache["A"]', "cache['B']", 'cache["A"]'),
    ("wrong-constant", "* 2", "* 3", "2"),
    ("wrong-element", "+= A[0]", "+= A[1]", "A[0]"),
    ("surplus-factor", "dZ @ X.T / m", "dZ @ X.T", "dZ @ X.T / m"),
    ("extra-term", "W @ X + b", "W @ X", "W @ X + b"),
    ("extra-function", "np.tanh(W @ X + b)", "(W @ X + b)", "np.tanh(W @ X + b)"),
    ("missing-factor", "np.sum(dZ, axis=1, keepdims=True)", "{} / m", "{}"),
    ("missing-factor", "A - Y", "(A - Y) * (1 - A ** 2)", "A - Y"),
    ("missing-slope", "np.maximum(0, A)", "(A > 0)", "np.maximum(0, A)"),
    ("missing-term", "W @ X + b", "W @ X + b + m", "W @ X + b"),
    ("missing-function", "W @ X + b", "np.exp(W @ X + b)", "W @ X + b"),
    ("wrong-axis", "axis=1", "axis=0", "np.sum(dZ, axis=1, keepdims=True)"),
    ("wrong-shape", ", keepdims=True", "", "np.sum(dZ, axis=1, keepdims=True)"),
    ("wrong-function", "np.sum", "np.mean", "np.sum(dZ, axis=1, keepdims=True)"),
    ("wrong-transpose", "X.T", "X", "X.T"),
    ("wrong-brackets", "dZ @ X.T / m", "dZ @ (X.T / m)", "dZ @ X.T / m"),
    ("wrong-element", "X[i, 0]", "X[0, i]", "X[i, 0]"),
    ("wrong-bounds", "range(m)", "range(m - 1)", "range(m)"),
    ("wrong-expression", "A - Y", "A @ X.T / m", "A - Y"),
    ("turned-sign", "W -= lr * dW", "W += lr * dW", "W -= lr * dW"),
    ("not-replaced", "W -= lr * dW", "W = lr * dW", "W -= lr * dW"),
    ("missing-factor", "m = m * 1", "m *= m * 1", "m = m * 1"),
    ("not-in-place", "m = m * 1", "m *= 1", "m = m * 1"),
    ("wrong-element", "m += A[0]", "m[i] += A[0]", "m"),
    ("wrong-option", "scale(A)", "scale(A, W)", "scale(A)"),
    (
        "wrong-transpose",
        "np.log(A.T) + np.exp(Y.T)",
        "np.log(A) + np.exp(Y)",
        "np.log(A.T) + np.exp(Y.T)",
    ),
    (
        "wrong-brackets",
        "np.mean(dZ, axis=0) * np.mean(A, axis=0)",
        "np.mean(dZ * A, axis=0)",
        "np.mean(dZ, axis=0) * np.mean(A, axis=0)",
    ),
]


def reference_of(kind: str, text: str):
    """Return the reference with which one text is made of `TEXT`."""
    return find(TEXT, KNOWN, kind, text)


@pytest.mark.parametrize(("kind", "was", "now", "part"), CHANGES)
def test_a_change_is_made_again_from_its_reference(
    kind: str, was: str, now: str, part: str
) -> None:
    """The lines differ as they should, and the doubtful part is the one that is changed."""
    now, part = now.format(was), part.format(was)
    reference = reference_of(kind, TEXT.replace(was, now))
    assert reference is not None
    assert reference.kind == kind
    edit = apply(TEXT, reference, KNOWN, {2})
    made = replaced(TEXT, edit.written)
    assert ast.dump(ast.parse(made)) == ast.dump(ast.parse(TEXT.replace(was, now)))
    written = edit.written
    line = TEXT.split("\n")[written.line - 1]
    assert line[written.start : written.end] == part


LINES = [
    ("extra-statement", "    dA = np.maximum(0, A) * 2\n", "", "dA = np.maximum(0, A) * 2"),
    (
        "wrong-statement-order",
        "    dZ = A - Y\n    dW = dZ @ X.T / m\n",
        "    dW = dZ @ X.T / m\n    dZ = A - Y\n",
        "dZ = A - Y",
    ),
    (
        "missing-statement",
        "    W -= lr * dW\n",
        "    dW /= m\n    W -= lr * dW\n",
        "W -= lr * dW",
    ),
    (
        "missing-statement",
        "    W -= lr * dW\n",
        "    W -= lr * dW\n    b -= lr * db\n",
        'cache["A"] = A',
    ),
    ("missing-copy", "    W -= lr * dW\n", "    W = W.copy()\n    W -= lr * dW\n", "W -= lr * dW"),
    ("wrong-indentation", "        m = m * 1\n", "    m = m * 1\n", "m = m * 1"),
    ("wrong-indentation", "    W -= lr", "        W -= lr", "W -= lr * dW"),
]


@pytest.mark.parametrize(("kind", "was", "now", "told"), LINES)
def test_a_change_of_lines_is_made_again_from_its_reference(
    kind: str, was: str, now: str, told: str
) -> None:
    """Statements are left out, moved, put in, or stand at another depth."""
    text = TEXT.replace(was, now)
    reference = reference_of(kind, text)
    assert reference is not None
    edit = apply(TEXT, reference, KNOWN, {2})
    assert ast.dump(ast.parse(replaced(TEXT, edit.written))) == ast.dump(ast.parse(text))
    assert TEXT.split("\n")[edit.written.line - 1].strip() == told


def test_values_that_had_no_brackets_get_none() -> None:
    """A return with two values is written as the student wrote it."""
    text = TEXT.replace("return dW, db", "return db, dW")
    reference = reference_of("wrong-order", text)
    assert reference is not None
    assert replaced(TEXT, apply(TEXT, reference, KNOWN, {2}).written) == text


def test_one_slip_that_is_made_again_is_one_change() -> None:
    """The same name is changed wherever it stands within an expression."""
    text = TEXT.replace("W @ X + b", "W @ X + b * b")
    now = TEXT.replace("W @ X + b", "W @ X + m * m")
    reference = find(text, KNOWN, "wrong-name", now)
    assert reference is not None
    assert reference.within != ONCE
    edit = apply(text, reference, KNOWN, {2})
    assert replaced(text, edit.written) == now


def test_a_statement_of_the_students_own_names_takes_nothing_from_the_model() -> None:
    """Even if the model solution has the same expression."""
    text = "\ndef softmax(s):\n    e = np.exp(s)\n    return e / np.sum(e)\n"
    now = text.replace("    e =", "    s = s - np.max(s)\n    e =")
    same = ModelPart("z - np.max(z)", "whole", ("z",))
    reference = find(text, Vocabulary(("e", "np", "s"), parts=(same,)), "missing-shift", now)
    assert reference is not None
    assert not reference.borrows


NO_ROWS = [
    # Of each of these a kind is said that other changes have.
    ("missing-factor", "A - Y", "(A - Y) ** 2"),
    ("wrong-power", "A - Y", "(A - Y) ** 3"),
    ("missing-factor", "A - Y", "(A - Y) * 10"),
    ("missing-term", "A - Y", "A - Y + np.log(A)"),
    ("wrong-function", "np.sum", "np.log"),
    ("wrong-statement-order", "    m = X.shape[1]\n", ""),
]


@pytest.mark.parametrize(("kind", "was", "now"), NO_ROWS)
def test_a_change_that_no_row_allows_has_no_reference(kind: str, was: str, now: str) -> None:
    """What is no application of a row of its kind is not proposed."""
    assert reference_of(kind, TEXT.replace(was, now)) is None
