"""Formulas as MathML: what becomes of each sign, and that any text gives something."""

import re

import pytest
from report.html.samples import HOSTILE, Elements

from gradkit.report.html.page import typeset
from gradkit.report.words import held_against, read_formula
from gradkit.text import clean_text


def row_of(text: str) -> str:
    """What is set, without what is around it."""
    found = re.search(r"<semantics><mrow>(.*)</mrow><annotation", typeset(read_formula(text)))
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        ("y_hat", "<mi>y_hat</mi>"),
        ("0.002", "<mn>0.002</mn>"),
        ("1e-05", "<mn>1e-05</mn>"),
        ("W1[0,1]", "<msub><mi>W1</mi><mrow><mn>0</mn><mo>,</mo><mn>1</mn></mrow></msub>"),
        ("W2′[0]", "<msub><mi>W2′</mi><mrow><mn>0</mn></mrow></msub>"),
        ("y*", "<mi>y*</mi>"),
        ("X²", "<msup><mi>X</mi><mn>2</mn></msup>"),
        ("X⁻¹", "<msup><mi>X</mi><mn>−1</mn></msup>"),
        ("Σᵢⱼ", "<msub><mo>Σ</mo><mi>ij</mi></msub>"),
        (
            "(y−ŷ)",
            '<mrow><mo form="prefix">(</mo><mi>y</mi><mo>−</mo><mi>ŷ</mi>'
            '<mo form="postfix">)</mo></mrow>',
        ),
        (
            "[A1[0]>0]",
            '<mrow><mo form="prefix">[</mo><msub><mi>A1</mi><mrow><mn>0</mn></mrow></msub>'
            '<mo>&gt;</mo><mn>0</mn><mo form="postfix">]</mo></mrow>',
        ),
        ("((", "<mo>(</mo><mo>(</mo>"),
        ("a[", "<mi>a</mi><mo>[</mo>"),
        ("²)", "<mo>²</mo><mo>)</mo>"),
        ("", ""),
    ],
)
def test_each_sign_has_its_element(factor: str, said: str) -> None:
    """Names with index and prime, numbers, powers, sums, brackets that close and that do not."""
    assert row_of(factor) == said


def test_terms_are_joined_by_their_signs() -> None:
    """The first sign belongs to its number, the others stand between two terms."""
    row = row_of("−2 · a +3")
    assert row == (
        '<mo form="prefix">−</mo><mn>2</mn><mo>·</mo><mi>a</mi><mo form="infix">+</mo><mn>3</mn>'
    )


def test_what_differs_is_boxed_and_bracketed() -> None:
    """Not by colour alone: a border for eyes, brackets for ears and for copies."""
    math = typeset(held_against(read_formula("+2 · a"), read_formula("+2 · b")))
    assert math.count('<mrow class="differs">') == 1
    assert re.search(r'"differs"><mo [^>]*>‹</mo><mi>a</mi><mo [^>]*>›</mo></mrow>', math)
    assert 'alttext="+2 · ‹a›"' in math
    assert '<annotation encoding="text/plain">+2 · ‹a›</annotation>' in math
    assert "differs" not in typeset(held_against(read_formula("+2 · a"), read_formula("+2 · a")))


@pytest.mark.parametrize("text", [clean_text(HOSTILE), "</math><b>", "a" * 5000, "(" * 5000])
def test_any_text_is_text(text: str) -> None:
    """Whatever stands in a formula, nothing of it is mark-up."""
    tags = {tag for tag, _ in Elements(typeset(read_formula(text))).tags}
    assert tags <= {
        "math", "semantics", "annotation", "mrow", "mi", "mn", "mo", "msub", "msup"
    }  # fmt: skip
