"""Mistakes in forward passes: alone, in pairs, and in code."""

from itertools import combinations

import numpy as np
import pytest
from rules.nets import ALL, CLASSIFICATION, REGRESSION
from usual_cases import usual_forward_cases

from gradkit.diagnosis.mistakes.forward import (
    CHANGES,
    apply_forward,
    explain_forward,
)
from gradkit.diagnosis.rules.draw import draw_forward
from gradkit.records.rule import ForwardProbes, Slip

APART = {
    frozenset(pair)
    for pair in (
        ("layer-skipped", "layer-repeated"),
        ("layer-repeated", "hidden-returned"),
        ("missing-activation", "wrong-sigmoid-sign"),
        ("missing-activation", "activation-twice"),
        ("missing-activation", "wrong-activation"),
    )
}
"""Pairs that no code can make at once."""


def told(task, slips, hidden=True, seed=3):
    """The codes named for a forward pass with these mistakes, and the alternatives'."""
    X, before = draw_forward(task, seed)
    output, second = apply_forward(task, slips, X, before)
    found = explain_forward(task, ForwardProbes(X, before, output, second if hidden else None))
    assert not found.unknown
    return [{s.code for s in found.slips}] + [{s.code for s in a} for a in found.alternatives]


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.id)
def test_a_correct_forward_pass_has_no_finding(task):
    """With and without its second value."""
    assert told(task, ()) == [set()]
    assert told(task, (), hidden=False) == [set()]


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.id)
@pytest.mark.parametrize("code", CHANGES)
def test_each_mistake_alone_is_told(task, code):
    """Exactly that code where the pair is returned."""
    for slip in usual_forward_cases(code, task):
        assert told(task, (slip,)) == [{code}]


@pytest.mark.slow
@pytest.mark.parametrize("task", [REGRESSION, CLASSIFICATION], ids=lambda task: task.id)
def test_pairs_are_told_or_something_equal(task):
    """Two of different kinds; what is told gives the same numbers at other inputs."""
    cases = [usual_forward_cases(code, task)[:1] for code in CHANGES]
    X, before = draw_forward(task, 91, 200)
    exact = total = 0
    for first, second in combinations([case[0] for case in cases if case], 2):
        if frozenset({first.code, second.code}) in APART:
            continue
        expected = apply_forward(task, (first, second), X, before)
        total += 1
        X3, before3 = draw_forward(task, 3)
        output, hidden = apply_forward(task, (first, second), X3, before3)
        found = explain_forward(task, ForwardProbes(X3, before3, output, hidden))
        assert not found.unknown
        for ours, theirs in zip(apply_forward(task, found.slips, X, before), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
        sets = [found.slips, *found.alternatives]
        exact += {first.code, second.code} in [{s.code for s in slips} for slips in sets]
    assert exact >= 0.6 * total


def test_without_the_second_value_two_readings_are_told():
    """The hidden layer returned alone, or the last layer never run: the numbers are the same."""
    case = usual_forward_cases("hidden-returned", CLASSIFICATION)
    assert sorted(map(sorted, told(CLASSIFICATION, case, hidden=False))) == [
        ["hidden-returned"],
        ["layer-skipped"],
    ]


def test_a_misspelt_sigmoid_is_another_activation():
    """1 + e^(−z), without the fraction's parenthesis."""
    details = tuple((("layer", n), ("activation", "1+exp(−z)")) for n in (1, 2))
    slip = Slip("wrong-activation", (), details)
    assert told(CLASSIFICATION, (slip,)) == [{"wrong-activation"}]


def test_an_unknown_forward_pass_is_said_to_be_unknown():
    """Numbers that no known form gives get no name."""
    X, before = draw_forward(CLASSIFICATION, 3)
    output, hidden = apply_forward(CLASSIFICATION, (), X, before)
    found = explain_forward(CLASSIFICATION, ForwardProbes(X, before, output**1.01, hidden))
    assert found.unknown
    assert found.slips == ()


def test_an_update_mistake_is_no_forward_mistake():
    """The text says which codes there are."""
    X, before = draw_forward(CLASSIFICATION, 3)
    with pytest.raises(ValueError, match="'overwritten' is not a mistake of a forward pass"):
        apply_forward(CLASSIFICATION, [Slip("overwritten")], X, before)
