"""Formulas come apart into terms and factors, and what differs is marked."""

import pytest

from gradkit.report.words import held_against, read_formula, spelled


@pytest.mark.parametrize(
    "text",
    [
        "+0.002 · (y−y_hat) · W2′[0] · X[1]",
        "−0.001 · (y−ŷ) · A1[0]² · X[0] +0.001 · (y−ŷ) · A1[0]",
        "= b1[1] +0.02 · (y−ŷ)",
        "= +0.01 · (y−ŷ)",
        "= 0",
        "not moved",
        "= not moved",
        "",
        " +",
        "· · +",
        "<b>",
    ],
)
def test_any_text_comes_together_again(text: str) -> None:
    """Nothing of it is lost, formula or not."""
    expected = "not moved" if text == "= not moved" else text
    assert spelled(read_formula(text)) == expected


@pytest.mark.parametrize(
    ("applied", "right", "said"),
    [
        ("+0.002 · W2[0] · X[1]", "+0.002 · W2[1] · X[0]", "+0.002 · ‹W2[0]› · ‹X[1]›"),
        ("−0.002 · W2[0]", "+0.002 · W2[0]", "‹−›0.002 · W2[0]"),
        ("+0.01 · W2[0]", "+0.002 · W2[0]", "+‹0.01› · W2[0]"),
        ("+0.1 · X[0] · X[0]", "+0.1 · X[0]", "+0.1 · X[0] · ‹X[0]›"),
        ("+0.1 · X[0]", "+0.1 · X[0] · A1[0]", "+0.1 · X[0]"),
        ("= b1[1] +0.02 · y", "+0.02 · y", "= ‹b1[1]› +0.02 · y"),
        ("+0.1 · a −0.1 · a · b", "+0.1 · a · c −0.1 · a · b", "+0.1 · a −0.1 · a · b"),
        ("+0.1 · a", "not moved", "‹+›‹0.1› · ‹a›"),
        ("+0.1 · a", "+0.1 · a", "+0.1 · a"),
    ],
)
def test_what_the_other_lacks_is_marked(applied: str, right: str, said: str) -> None:
    """Factor by factor, sign and number apart; where all is the same, nothing."""
    assert spelled(held_against(read_formula(applied), read_formula(right))) == said


def test_the_missing_factor_is_marked_in_the_right_formula() -> None:
    """The code's own has nothing to mark there."""
    right, applied = read_formula("+0.1 · X[0] · A1[0]"), read_formula("+0.1 · X[0]")
    assert spelled(held_against(right, applied)) == "+0.1 · X[0] · ‹A1[0]›"
