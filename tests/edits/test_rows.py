"""Every row of the table is tried by a search, and applied by a grader."""

from __future__ import annotations

import ast
import re

import pytest
from changed_by_rows import LOCAL, changes, find

from gradkit.edits.calls import REARRANGED
from gradkit.edits.operands import Vocabulary
from gradkit.edits.patterns import pattern
from gradkit.edits.rows import ADDITIONS, BORROWINGS, EXCHANGES, rows
from gradkit.runtime.repair.choices import CHOICES
from gradkit.runtime.repair.conditions import CONDITIONS
from gradkit.runtime.repair.operands import OPERANDS

EXAMPLES = [
    # The kind of mistake, an expression, and the expression after the change.
    ("wrong-name", "a * W1", "b * W1"),
    ("wrong-name", "a", "np.zeros_like(a)"),
    ("wrong-function", "np.mean(a)", "np.sum(a)"),
    ("wrong-function", "np.maximum(a, 0)", "np.tanh(a)"),
    ("wrong-function", "1.0 / (1.0 + np.exp(-a))", "np.maximum(0, a)"),
    ("turned-sign", "a + b", "a - b"),
    ("extra-term", "a - b", "-b"),
    ("missing-factor", "a * b", "a * b / count"),
    ("missing-slope", "a * b", "a * b * (1 - W1 ** 2)"),
    ("wrong-axis", "np.sum(a, axis=0)", "np.sum(a, axis=1)"),
    ("wrong-order", "f(a, b)", "f(b, a)"),
    ("wrong-transpose", "a.T @ b", "(a.T @ b).T"),
    ("wrong-transpose", "np.dot(a.T, b)", "np.dot(a.T, b).T"),
]


@pytest.mark.parametrize(("kind", "was", "now"), EXAMPLES)
def test_a_search_tries_a_row_and_a_grader_applies_it(kind: str, was: str, now: str) -> None:
    """The names stand for arrays and numbers, see `changed_by_rows.LOCAL`."""
    assert changes(was)[now].kind == kind
    before, after = (f"def f({', '.join(LOCAL)}):\n    return {each}\n" for each in (was, now))
    words = {*LOCAL, *re.findall(r"[A-Za-z_]\w*", was + now)}
    known = Vocabulary(tuple(sorted(words)), (*range(10), 0.5), (2, 0.5))
    reference = find(before, known, kind, after)
    assert reference is not None
    assert reference.kind == kind


def test_the_search_knows_all_that_rows_ask_for() -> None:
    """Each condition, each hole, and each change that no pattern can write."""
    table = [*EXCHANGES, *ADDITIONS]
    borrowed = [row for several in BORROWINGS.values() for row in several]
    asked = {name for row in (*table, *borrowed) for name, _ in row.conditions}
    assert asked == {*CONDITIONS}
    assert {hole for row in table for hole in row.holes} == {*OPERANDS}
    assert {*REARRANGED} == {*CHOICES}


def test_no_two_rows_are_the_same() -> None:
    """Each kind and pattern stands there once for the same conditions."""
    seen = [(row.name, row.conditions) for row in (*EXCHANGES, *ADDITIONS)]
    assert len(seen) == len({*seen})
    assert not [
        n for n, r in rows().items() if ast.dump(pattern(r.before)) == ast.dump(pattern(r.after))
    ]
