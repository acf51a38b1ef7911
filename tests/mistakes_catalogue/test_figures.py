"""What the ratios of coefficients say together."""

import pytest
from msgspec.structs import replace
from rules.nets import REGRESSION

from gradkit.diagnosis.formulas.constants import accepted_ratios, readings

WEIGHTS = [("W1", (i, j)) for i in (0, 1) for j in (0, 1)] + [("W2", (0, 0)), ("W2", (1, 0))]
BIASES = [("b1", (0, 0)), ("b1", (1, 0)), ("b2", (0, 0))]


def codes(reading):
    """The codes of one reading with the number of entries each concerns."""
    found = {}
    for changes in reading.values():
        for change in changes:
            found[change.code] = found.get(change.code, 0) + 1
    return found


def read(weights, biases, **single):
    """The readings for uniform ratios, with single entries changed by their place."""
    ratios = dict.fromkeys(WEIGHTS, weights) | dict.fromkeys(BIASES, biases)
    ratios |= {WEIGHTS[int(place[1:])]: value for place, value in single.items()}
    return [codes(reading) for reading in readings(REGRESSION, ratios)]


@pytest.mark.parametrize(
    ("weights", "biases", "single", "expected"),
    [
        (1, 1, {}, {}),
        (1, 0.1, {}, {"wrong-learning-rate": 3}),
        (0.1, 0.01, {}, {"wrong-learning-rate": 9}),
        (3.7, 1, {}, {"wrong-learning-rate": 6}),
        (1, 1, {"w2": 10.0}, {"uneven-learning-rate": 1}),
        (1, 0.1, {"w2": 10.0, "w3": 10.0}, {"uneven-learning-rate": 2, "wrong-learning-rate": 3}),
        (0.5, 0.5, {}, {"wrong-factor": 9}),
        (0.5, 0.05, {}, {"wrong-factor": 9, "wrong-learning-rate": 3}),
        (5, 0.5, {}, {"wrong-factor": 9, "wrong-learning-rate": 6}),
        (-1, -1, {}, {"wrong-sign": 9}),
        (-0.5, -0.5, {}, {"wrong-sign": 9, "wrong-factor": 9}),
        (0.25, 0.25, {}, {"wrong-factor": 9}),
        (1, 0.2, {}, {"wrong-learning-rate": 3}),
        (1, 1, {"w4": 0.5, "w5": 0.5}, {"wrong-factor": 2}),
    ],
)
def test_the_reading_with_fewest_mistakes_comes_first(weights, biases, single, expected):
    """Rates that the task has, factors that derivatives bring, signs."""
    assert read(weights, biases, **single)[0] == expected


def test_another_reading_is_kept():
    """A forgotten 2 and a rate half as large are the same number."""
    assert {"wrong-learning-rate": 9} in read(0.5, 0.5)


def test_a_free_policy_forgives_what_is_uniform_within_a_kind():
    """Positive and one and the same; under the exact policy nothing is forgiven."""
    free = replace(REGRESSION, rates=replace(REGRESSION.rates, policy="free"))
    ratios = dict.fromkeys(WEIGHTS, 3.0) | dict.fromkeys(BIASES, -1.0)
    assert accepted_ratios(free, ratios) == dict.fromkeys(WEIGHTS, 3.0)
    assert accepted_ratios(REGRESSION, ratios) == {}
