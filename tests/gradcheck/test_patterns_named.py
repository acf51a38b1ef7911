"""Plain patterns are named, and only where every entry bears them out."""

from __future__ import annotations

import numpy as np
import pytest

from gradkit.gradcheck import check_gradient

RNG = np.random.default_rng(5)
X = RNG.normal(size=(4, 6))
Y = RNG.normal(size=(4, 6))
PARAMS = {"W": RNG.normal(size=(4, 4)), "b": RNG.normal(size=(4, 1))}


def loss(p):
    """A linear layer with squared error, the mean over six examples."""
    return float(((np.tanh(p["W"].T @ X + p["b"]) - Y) ** 2).sum() / 6)


def parts(p):
    """The slope of every weighted sum, (units, examples), and the right gradient."""
    out = np.tanh(p["W"].T @ X + p["b"])
    dZ = 2 * (out - Y) * (1 - out**2) / 6
    return dZ, {"W": X @ dZ.T, "b": dZ.sum(axis=1, keepdims=True)}


DZ, GOOD = parts(PARAMS)


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ({k: 6 * v for k, v in GOOD.items()}, "claimed = 6 × estimate, as if 1/6 were missing"),
        ({k: v / 6 for k, v in GOOD.items()}, "claimed = 1/6 × estimate, as if 1/6 were applied"),
        ({k: -v for k, v in GOOD.items()}, "its sign is reversed"),
        ({k: v / 2 for k, v in GOOD.items()}, "the 2 of a square is missing"),
        ({k: 2 * v for k, v in GOOD.items()}, "the 2 of a square counted twice"),
        ({k: 1.3 * v for k, v in GOOD.items()}, "claimed = 1.3 × estimate"),
        ({k: -3 * v for k, v in GOOD.items()}, "claimed = −3 × estimate, as if 1/3 were missing"),
    ],
)
def test_one_factor_for_all_entries(claim, words: str) -> None:
    """Of all parameters together."""
    (pattern,) = check_gradient(loss, PARAMS, claim).patterns
    assert pattern.startswith("All entries are wrong by the same factor")
    assert words in pattern


@pytest.mark.parametrize(
    ("name", "claim", "pattern"),
    [
        ("W", GOOD["W"].T, "W: it is transposed."),
        (
            "W",
            -GOOD["W"].T,
            "W: it is transposed, and every entry is wrong by the same factor: its sign",
        ),
        ("W", 0 * GOOD["W"], "W: the claimed gradient is zero everywhere."),
        ("W", -GOOD["W"], "W: every entry is wrong by the same factor: its sign is reversed"),
        ("b", np.full((4, 1), DZ.sum()), "b: every entry is the sum of all of them"),
        (
            "b",
            np.full((4, 1), DZ.mean()),
            "b: every entry is the mean of",
        ),
        ("W", GOOD["W"][[1, 0, 2, 3]], "W: it holds the right numbers in the wrong places."),
        ("W", GOOD["W"] * [[1], [0], [1], [1]], "W: the entries that are wrong are all zero"),
        ("b", GOOD["b"][[1, 2, 3, 0]], "b: it holds the right numbers in the wrong places"),
    ],
)
def test_patterns_of_one_parameter(name: str, claim, pattern: str) -> None:
    """The other parameter is right, and nothing is said of it."""
    report = check_gradient(loss, PARAMS, GOOD | {name: claim})
    assert report.verdict == "disagree"
    (found,) = report.patterns
    assert found.startswith(pattern)


def test_an_irregular_error_is_given_no_name() -> None:
    """Naming a pattern that is not there is worse than naming none."""
    claim = GOOD["W"] * RNG.uniform(0.5, 2.0, size=(4, 4))
    report = check_gradient(loss, PARAMS, GOOD | {"W": claim})
    assert (report.verdict, report.patterns) == ("disagree", ())
    assert check_gradient(loss, PARAMS, GOOD).patterns == ()


def test_a_slight_error_has_no_pattern() -> None:
    """Entries that are all but right add up to the right sum too."""
    claim = GOOD["b"] + np.array([[1e-6], [-1e-6], [0], [0]]) * np.abs(GOOD["b"]).max()
    report = check_gradient(loss, PARAMS, GOOD | {"b": claim})
    assert (report.verdict, report.patterns) == ("disagree", ())


@pytest.mark.parametrize("entry", [np.nan, np.inf, 5e-324])
def test_entries_that_are_no_numbers_have_no_pattern(entry: float) -> None:
    """Nor does one that a sum is too many times as large as."""
    claim = GOOD["b"] + [[0], [1], [0.5], [2]]
    claim[0] = entry
    report = check_gradient(loss, PARAMS, GOOD | {"b": claim})
    assert (report.verdict, report.patterns) == ("disagree", ())
