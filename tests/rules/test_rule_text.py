"""Formulas in the student's own words."""

import pytest
from rules.nets import REGRESSION, SOFTMAX

from gradkit.diagnosis.rules.step import correct_rules
from gradkit.diagnosis.rules.text import format_entry, format_rule
from gradkit.records.rule import Factor, Names, Rule, Term

STUDENT = Names(
    target="t",
    output="y_pred",
    hidden="a1",
    input="x_",
    rate="L",
    keys={"W1": "w1", "W2": "w2", "b1": "B1", "b2": "B2"},
    transposed=True,
)


def test_names_and_index_order_are_the_students():
    """Who stores W as (out, in) reads indices in that order."""
    rule = correct_rules(REGRESSION, rate=True)["W1", (0, 1)]
    assert format_rule(rule, STUDENT) == "+2 · L · (t−y_pred) · w2[1] · x_[0]"
    assert format_entry("W1", (0, 1), STUDENT) == "w1[1,0]"
    assert format_entry("W1", (0, 1), Names()) == "W1[0,1]"
    assert format_entry("b2", (0, 0), STUDENT) == "B2"
    assert format_entry("b2", (2, 0), STUDENT, outputs=3) == "B2[2]"


def test_another_source_stands_in_front():
    """Values after the step have a prime."""
    applied = Rule(
        "W1",
        (0, 1),
        Factor("b1", (1, 0), "after"),
        (
            Term(
                0.02, (Factor("error", (0,)), Factor("W2", (1, 0), "after"), Factor("input", (0,)))
            ),
        ),
    )
    assert format_rule(applied) == "= b1′[1] +0.02 · (y−ŷ) · W2′[1] · X[0]"


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ((Factor("hidden", (0,), "", 2),), "+0.5 · A1[0]²"),
        ((Factor("hidden_slope", (1,)),), "+0.5 · act′(A1[1])"),
        ((Factor("hidden_slope", (1,), "", 2),), "+0.5 · (act′(A1[1]))²"),
        ((Factor("output", (0,), "", -1),), "+0.5 · ŷ⁻¹"),
        ((Factor("error", (0,), "recomputed"),), "+0.5 · (y−ŷ*)"),
        ((Factor("input", ("i",)), Factor("W2", ("j", 0), "before")), "+0.5 · Σᵢⱼ · X[i] · W2[j]"),
        ((), "+0.5"),
    ],
)
def test_every_symbol_can_be_written(factors, expected):
    """Powers, sums, slopes, recomputed values."""
    own = Factor("b2", (0, 0), "before")
    assert format_rule(Rule("b2", (0, 0), own, (Term(0.5, factors),))) == expected


def test_a_rule_without_terms_says_so():
    """Standing still, and being set to nothing."""
    own = Factor("b2", (0, 0), "before")
    assert format_rule(Rule("b2", (0, 0), own, ())) == "not moved"
    assert format_rule(Rule("b2", (0, 0), None, ())) == "= 0"


def test_several_outputs_have_their_index():
    """Sums over outputs name the letter."""
    shown = format_rule(correct_rules(SOFTMAX)["W2", (3, 1)], outputs=3)
    assert shown == "+0.001 · (y[1]−ŷ[1]) · A1[3]"
