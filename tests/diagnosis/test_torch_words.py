"""Which of several mistakes of equal numbers a text can hold."""

from __future__ import annotations

import pytest

from gradkit.binding.idioms import Idioms
from gradkit.diagnosis.inquiry.training import impossible_mistakes, likely_mistakes

RIGHT, CLEARED = ("backward", "step", "zero_grad"), ("backward", "zero_grad", "step")


def idioms(*words: str, order: tuple[str, ...] = (), whole: bool = True, **more: bool) -> Idioms:
    """A text of these words, none of them in a class."""
    known = frozenset({*words, *order})
    return Idioms(whole, known, known, order, more.get("reckoned", False))


def test_a_text_that_was_not_read_bars_nothing() -> None:
    """A word that was not seen may stand where nobody looked."""
    assert impossible_mistakes(idioms(order=RIGHT, whole=False)) == frozenset()


@pytest.mark.parametrize(
    ("text", "barred"),
    [
        (idioms(order=RIGHT), {"missing-step", "gradients-cleared"}),
        (
            idioms(order=CLEARED),
            {"missing-step", "graph-detached", "unregistered-parameters"},
        ),
        (idioms("step", "zero_grad"), set()),
        (idioms("backward", "zero_grad"), {"gradients-cleared"}),
        (idioms("step"), {"gradients-cleared"}),
    ],
)
def test_what_stands_still_depends_on_the_steps(text: Idioms, barred: set[str]) -> None:
    """Where the order is not known, each of them stays possible."""
    assert impossible_mistakes(text) - {"logits-loss", "double-sigmoid"} == barred


@pytest.mark.parametrize(
    ("word", "possible"),
    [
        ("BCEWithLogitsLoss", {"logits-loss"}),
        ("binary_cross_entropy_with_logits", {"logits-loss"}),
        ("CrossEntropyLoss", {"logits-loss"}),
        ("cross_entropy", {"logits-loss"}),
        ("binary_cross_entropy", {"double-sigmoid"}),
        ("BCELoss", {"double-sigmoid"}),
        ("sigmoid", {"double-sigmoid"}),
        ("softmax", {"logits-loss", "double-sigmoid"}),
        ("exp", {"logits-loss", "double-sigmoid"}),
    ],
)
def test_an_activation_too_many_needs_a_word(word: str, possible: set[str]) -> None:
    """One of a loss that has it inside; the activation itself may have any name."""
    both = {"logits-loss", "double-sigmoid"}
    assert both - impossible_mistakes(idioms(word)) == possible
    assert both - impossible_mistakes(idioms(word, "sigmoid")) == possible | {"double-sigmoid"}


@pytest.mark.parametrize(
    ("text", "likely"),
    [
        (idioms("backward"), {"missing-step"}),
        (idioms(order=RIGHT), {"unregistered-parameters"}),
        (idioms("detach", order=RIGHT), {"graph-detached"}),
        (idioms(order=CLEARED), {"gradients-cleared", "unregistered-parameters"}),
        (idioms("step", "sum"), {"unregistered-parameters", "wrong-reduction"}),
        (idioms("step", reckoned=True), {"unregistered-parameters", "recorded-loss"}),
        (idioms("step", "BCEWithLogitsLoss"), {"unregistered-parameters", "logits-loss"}),
    ],
)
def test_words_speak_for_mistakes(text: Idioms, likely: set[str]) -> None:
    """Such a mistake is told first where its numbers are the observed ones."""
    assert likely_mistakes(text) == likely
