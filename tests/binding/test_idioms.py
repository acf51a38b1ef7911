"""What the text of a section shows of its training, and what it leaves open."""

from __future__ import annotations

import textwrap

import pytest

from gradkit.binding.idioms import Idioms, idioms_of
from gradkit.records.submission import Section
from gradkit.submission.cells import make_cell

LOOP = "for epoch in range(5):\n    "


def read(*texts: str, modules: tuple[str, ...] = ()) -> Idioms:
    """The idioms of a section of these cells."""
    cells = [make_cell("a.ipynb", n, textwrap.dedent(t))[0] for n, t in enumerate(texts, 1)]
    return idioms_of(Section(("t",), tuple(cells)), modules)


@pytest.mark.parametrize(
    ("body", "order"),
    [
        ("o.zero_grad(); l.backward(); o.step()", ("backward", "step", "zero_grad")),
        ("l.backward(); o.zero_grad(); o.step()", ("backward", "zero_grad", "step")),
        ("o.zero_grad(); o.step(); l.backward()", ("backward", "zero_grad", "step")),
        ("l.backward()\n    with torch.no_grad(): o.step()", ("backward", "step")),
        ("l.backward()\n    if epoch: o.zero_grad()\n    o.step()", ()),
        ("l.backward(); o.step(); p.step()", ()),
        ("l.backward()", ()),
        ("o.step(lambda: l.backward())", ()),
    ],
)
def test_the_order_is_read_where_every_call_is_made(body: str, order: tuple[str, ...]) -> None:
    """From `backward` on, round the loop; a call that may be left out leaves it open."""
    assert read(LOOP + body).order == order


def test_loops_that_differ_leave_the_order_open() -> None:
    """Nobody knows which of them is run; two that agree say one thing."""
    right, wrong = "l.backward(); o.step()\n", "l.backward(); o.zero_grad(); o.step()\n"
    assert read(LOOP + right, LOOP + wrong).order == ()
    assert read(LOOP + right, LOOP + right).order == ("backward", "step")


def test_a_loop_over_batches_is_the_inner_one() -> None:
    """The outer loop counts epochs, and makes no step of its own."""
    inner = "for b in range(2):\n        o.zero_grad(); l.backward(); o.step()"
    assert read(LOOP + inner).order == ("backward", "step", "zero_grad")


def test_words_are_names_attributes_keywords_and_strings() -> None:
    """Comments are none, and those in a class are not outside of it."""
    text = """
        from torch.nn import BCELoss as criterion
        class Net:
            def forward(self, x):
                return torch.sigmoid(x)
        loss = criterion(reduction="sum")  # logits
    """
    found = read(text)
    assert {"BCELoss", "criterion", "sigmoid", "reduction", "sum"} <= found.words
    assert "logits" not in found.words
    assert "sigmoid" not in found.outside
    assert "sum" in found.outside


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("import torch", True),
        ("from torch import nn", True),
        ("import helpers", False),
        ("from helpers.loops import train", False),
        ("from . import helpers", False),
        ("exec(text)", False),
        ("def broken(:", False),
    ],
)
def test_code_that_was_not_read_is_known_not_to_be(text: str, whole: bool) -> None:
    """What a module of the student's own holds may be anything."""
    assert read(text, modules=("helpers",)).whole is whole


@pytest.mark.parametrize(
    ("text", "reckoned"),
    [
        ("h.append(l.item() * len(X))", True),
        ("total += l.item()", True),
        ("h.append(l.detach() / 4)", True),
        ("h.append(l.item())", False),
        ("total += l", False),
    ],
)
def test_a_loss_is_reckoned_with_after_it_was_made_a_number(text: str, reckoned: bool) -> None:
    """Such numbers are for the record; steps are made on tensors."""
    assert read(text).reckoned is reckoned
