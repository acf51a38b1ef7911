"""Mistakes of a training run that no change mends still name a line, as it was handed in."""

from __future__ import annotations

import pytest

from gradkit.grading.training_repairs import _place_finding
from gradkit.records.result import Finding
from gradkit.records.submission import Cell, Place

TEXT = """\
def train(model, X, y, epochs):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(epochs + 1):
        for x, t in zip(X, y):
            loss = loss_fn(model(x), t)
            loss.backward()
            optimizer.step()
"""
CELLS = {"a": Cell("a", "a.py", None, TEXT, first_line=11)}


def stood(mistake: str, text: str = TEXT) -> Finding:
    """The finding of a mistake, which points to the function at first."""
    finding = Finding("x", "trajectory", mistake, "", (), place=Place("a.py", None, 11))
    return _place_finding(finding, {"a": Cell("a", "a.py", None, text, first_line=11)})


@pytest.mark.parametrize(
    ("mistake", "line", "source", "part"),
    [
        ("wrong-rounds", 13, "for epoch in range(epochs + 1):", "for epoch in range(epochs + 1)"),
        (
            *("wrong-learning-rate", 12),
            *("optimizer = torch.optim.SGD(model.parameters(), lr=0.1)", "0.1"),
        ),
        ("mini-batch", 14, "for x, t in zip(X, y):", "for x, t in zip(X, y)"),
        ("missing-zero-grad", 11, "def train(model, X, y, epochs):", ""),
    ],
)
def test_a_mistake_without_a_change_quotes_a_line(
    mistake: str, line: int, source: str, part: str
) -> None:
    """The place that it can be in, or else the line of the function that trains."""
    finding = stood(mistake)
    assert finding.place is not None
    assert (finding.place.line, finding.source) == (line, source)
    assert finding.source[slice(*finding.columns)] == part if part else finding.columns == ()


def test_of_two_places_none_is_chosen() -> None:
    """Another call has a rate as well: the function's own line is quoted."""
    finding = stood("wrong-learning-rate", TEXT + "    lower(optimizer, lr=0.01)\n")
    assert finding.place is not None
    assert (finding.place.line, finding.source) == (11, "def train(model, X, y, epochs):")
