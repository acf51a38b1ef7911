"""Parameters that are not checked, further arguments, and how far a wrong claim is off."""

from __future__ import annotations

import numpy as np
import pytest

from gradkit import gradcheck
from gradkit.gradcheck import check_gradient

POINT = {"X": np.arange(6.0).reshape(3, 2), "w": np.array([0.3, -0.2]), "y": np.array([0, 1, 1])}


def loss(p) -> float:
    """Return a loss that uses ``y`` as indices, so it fails if they are not whole."""
    assert p["y"].dtype.kind == "i"
    return float(np.sum((p["X"] @ p["w"])[p["y"]] ** 2))


def by_w(p):
    """Return the gradient by ``w``."""
    return 2 * p["X"][p["y"]].T @ (p["X"] @ p["w"])[p["y"]]


def by_x(p):
    """Return the gradient by ``X``."""
    found = np.zeros_like(p["X"])
    np.add.at(found, p["y"], np.outer(2 * (p["X"] @ p["w"])[p["y"]], p["w"]))
    return found


@pytest.mark.parametrize(
    "claim",
    [{"w": by_w(POINT)}, [by_w(POINT)], lambda p: {"w": by_w(p)}],
    ids=["dict", "list", "function"],
)
def test_only_the_named_parameters_are_checked(claim) -> None:
    """The others reach f unchanged, so whole numbers stay whole."""
    report = check_gradient(loss, POINT, claim, wrt=["w"])
    assert report.verdict == "agree"
    assert {entry.parameter for entry in report.entries} == {"w"}
    assert check_gradient(loss, POINT, {"w": 2 * by_w(POINT)}, wrt=["w"]).verdict == "disagree"


def test_none_beside_whole_numbers_means_no_gradient() -> None:
    """Beside floats it is the claim that f does not depend on them."""
    right = {"X": by_x(POINT), "w": by_w(POINT), "y": None}
    report = check_gradient(loss, POINT, right)
    assert report.verdict == "agree"
    assert {entry.parameter for entry in report.entries} == {"X", "w"}
    assert check_gradient(loss, POINT, {**right, "X": None}).verdict == "disagree"
    assert check_gradient(lambda p: float(p[0] ** 2), [1.0, 2.0], [2.0, None]).verdict == "agree"


@pytest.mark.parametrize("wrt", ["w", [], ["W"]])
def test_wrt_names_parameters(wrt) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="wrt must be a list of parameters, from 'X', 'w', 'y'"):
        check_gradient(loss, POINT, {"w": by_w(POINT)}, wrt=wrt)


def test_further_arguments_go_to_f_and_to_the_gradient() -> None:
    """In the order that they are given in."""

    def f(w, a, b):
        return float(a @ w**b)

    a = np.array([2.0, -1.0])
    report = check_gradient(
        f, np.array([0.5, 0.7]), lambda w, a, b: a * b * w ** (b - 1), args=(a, 3)
    )
    assert report.verdict == "agree"


def test_a_slight_error_comes_with_its_size_and_a_tolerance() -> None:
    """With the proposed tolerance the claim agrees; a mistake gets no proposal."""
    x = np.array([0.5, -1.0, 2.0])

    def f(p):
        return float(np.sum(np.sin(p)))

    claim = np.cos(x) * (1 + 3e-8)
    report = check_gradient(f, x, claim)
    assert report.verdict == "disagree"
    worst = report.entries[0]
    assert worst.relative_error == pytest.approx(3e-8, rel=0.1)
    assert worst.error == pytest.approx(3e-8 * np.cos(0.5), rel=0.1)
    assert worst.error_in_bounds > 2
    assert report.tolerance == {"rtol": 6e-8}
    assert "an error of at most 2.6e-08. If the gradient is approximate" in str(report)
    assert "pass rtol=6e-08." in str(report)
    assert check_gradient(f, x, claim, **report.tolerance).verdict == "agree"
    assert check_gradient(f, x, 1.01 * np.cos(x)).tolerance == {}
    assert check_gradient(f, x, np.cos(x)).tolerance == {}


def test_an_error_that_is_small_beside_other_entries_gets_an_absolute_tolerance() -> None:
    """Its own slope is too small for a relative one."""
    x = np.array([0.5, -1.0])

    def f(p):
        return float(np.sin(p[0]) + 1e-4 * p[1])

    claim = np.array([np.cos(0.5), 1e-4 + 4e-7])
    report = check_gradient(f, x, claim)
    assert (report.verdict, report.tolerance) == ("disagree", {"atol": 8e-7})
    assert check_gradient(f, x, claim, **report.tolerance).verdict == "agree"


def test_each_parameter_has_its_own_resolution() -> None:
    """A parameter that hardly moves f is known less well than another one."""
    p = {"a": np.array([0.5]), "b": np.array([0.5])}
    report = check_gradient(
        lambda p: float(np.sin(p["a"][0]) + 1e-6 * np.sin(p["b"][0])),
        p,
        {"a": np.cos(p["a"]), "b": 1e-6 * np.cos(p["b"])},
    )
    found = report.resolutions
    assert list(found) == ["a", "b"]
    assert found["a"] < found["b"] < 1e-4


def test_a_name_that_the_package_does_not_have_is_refused_with_its_names() -> None:
    """Names that are loaded late are offered too."""
    message = r"gradkit\.gradcheck has no 'check_all'; it has BackwardReport, .*check_forward, "
    with pytest.raises(AttributeError, match=message):
        _ = gradcheck.check_all  # type: ignore[attr-defined]
