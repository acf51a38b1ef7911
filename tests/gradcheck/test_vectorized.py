"""A function of several points in one call gets the verdicts that it gets one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradkit.gradcheck import Report, check_gradient, evaluate

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])
POINT = {"W": np.array([[0.3, -0.8], [1.1, 0.4]]), "b": np.array([[0.2], [-0.6]])}


def loss(p: dict[str, np.ndarray]) -> Any:
    """Return the loss of each point: the sum of squares of a layer of tanh."""
    return (np.tanh(p["W"] @ X + p["b"]) ** 2).sum(axis=(-2, -1))


def gradient(p: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the gradient of `loss` at one point."""
    a = np.tanh(p["W"] @ X + p["b"])
    d = 2 * a * (1 - a**2)
    return {"W": d @ X.T, "b": d.sum(axis=1, keepdims=True)}


def both(
    f: Callable[..., Any], claim: dict[str, np.ndarray], **options: Any
) -> tuple[Report, Report]:
    """Check a claim with f at one point a call, and at several."""
    return (
        check_gradient(f, POINT, claim, **options),
        check_gradient(f, POINT, claim, vectorized=True, **options),
    )


@pytest.mark.parametrize("factor", [1.0, 2.0])
@pytest.mark.parametrize("entries", ["all", "directions"])
def test_the_report_is_the_same(factor: float, entries: Any) -> None:
    """A right and a wrong claim get the verdicts and estimates that they get one by one."""
    claim = {key: factor * value for key, value in gradient(POINT).items()}
    single, stacked = both(loss, claim, entries=entries)
    assert single.verdict == stacked.verdict == ("agree" if factor == 1 else "disagree")
    assert single.evaluations == stacked.evaluations
    assert [each.verdict for each in single.entries] == [e.verdict for e in stacked.entries]
    estimates = [[each.estimate for each in report.entries] for report in (single, stacked)]
    assert np.allclose(*estimates, rtol=1e-6)


def test_one_call_has_all_entries() -> None:
    """The function is called at the point, once along a line, and once for all entries."""
    calls = []

    def f(p: dict[str, np.ndarray]) -> Any:
        calls.append(p["W"].shape)
        return loss(p)

    report = check_gradient(f, POINT, gradient(POINT), vectorized=True)
    assert report.verdict == "agree"
    assert calls == [(1, 2, 2), (5, 2, 2), (12, 2, 2)]


def test_large_parameters_take_several_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call gets more numbers than is allowed."""
    monkeypatch.setattr(evaluate, "STACKED_NUMBERS", 30)
    sizes = []

    def f(p: dict[str, np.ndarray]) -> Any:
        sizes.append(len(p["W"]))
        return loss(p)

    assert check_gradient(f, POINT, gradient(POINT), vectorized=True).verdict == "agree"
    assert sizes[2:] == [4, 4, 4]


def test_one_point_outside_the_domain_leaves_the_others() -> None:
    """An f that raises an exception for one point is evaluated point by point."""

    def f(p: dict[str, np.ndarray]) -> Any:
        if np.any(p["W"] < 0):
            raise ValueError("negative")
        return np.sqrt(p["W"]).sum(axis=(-2, -1))

    point = {"W": np.array([[1.0, 0.0], [2.0, 3.0]])}
    slopes = {"W": 0.5 / np.sqrt(np.array([[1.0, np.inf], [2.0, 3.0]]))}
    report = check_gradient(f, point, slopes, vectorized=True, entries="all")
    verdicts = [each.verdict for each in report.entries]
    assert verdicts.count("agree") == 3
    assert verdicts[1] != "agree"
    assert any("ValueError (negative)" in note for note in report.notes)


def test_an_f_that_changes_its_argument_is_evaluated_at_the_points() -> None:
    """The function gets copies of the arrays."""

    def f(p: dict[str, np.ndarray]) -> Any:
        value = loss(p)
        p["W"] *= 0
        return value

    assert check_gradient(f, POINT, gradient(POINT), vectorized=True).verdict == "agree"


def test_another_number_of_values_is_refused() -> None:
    """The message gives the shape that is expected, and the one that was found."""
    with pytest.raises(TypeError) as raised:
        check_gradient(lambda p: 1.0 + 0 * p["W"].sum(), POINT, gradient(POINT), vectorized=True)
    assert str(raised.value) == (
        "a vectorized f must return one number for each of the 5 points, an array of shape (5,); "
        "found float64 of shape ()."
    )


def test_a_budget_counts_points() -> None:
    """A call counts for all of its points."""
    report = check_gradient(loss, POINT, gradient(POINT), vectorized=True, entries="all", budget=12)
    assert report.evaluations <= 12
    assert {each.reason for each in report.entries} == {"budget"}
