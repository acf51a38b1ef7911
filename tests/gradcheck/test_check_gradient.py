"""What `check_gradient` says of right and wrong gradients of every kind of function."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from large_net import large_net

from gradkit.gradcheck import assert_gradient, check_gradient

pytestmark = pytest.mark.sample(6)

RNG = np.random.default_rng(0)
A = RNG.normal(size=(5, 5))
W = RNG.normal(size=5)


def quiet(x):
    """A smooth function of five numbers."""
    return float(np.sum(np.sin(A @ x) ** 2))


def slope(x):
    """Its gradient."""
    return 2 * A.T @ (np.sin(A @ x) * np.cos(A @ x))


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e-8, 1.0, 1e8, 1e30, 1e290])
def test_the_scale_of_the_loss_does_not_matter(scale: float) -> None:
    """A right gradient agrees, and one entry off by 1e-5 is seen, at any scale."""
    right = slope(W) * scale
    assert check_gradient(lambda x: quiet(x) * scale, W, right).verdict == "agree"
    wrong = right * np.array([1, 1, 1 + 1e-5, 1, 1])
    report = check_gradient(lambda x: quiet(x) * scale, W, wrong)
    assert report.verdict == "disagree"
    assert [e.index for e in report.entries if e.verdict == "disagree"] == [(2,)]


@pytest.mark.parametrize("offset", [1e2, 1e5, 1e8, 1e12])
def test_a_large_offset_hides_small_errors_and_makes_none(offset: float) -> None:
    """What the offset's rounding hides is in the resolution; a sign still shows."""
    report = check_gradient(lambda x: quiet(x) + offset, W, slope(W))
    assert report.verdict != "disagree"
    assert all(e.bound > abs(e.estimate - e.claimed) for e in report.entries)
    assert check_gradient(lambda x: quiet(x) + offset, W, -slope(W)).verdict == "disagree"


@pytest.mark.parametrize("scale", [1e-8, 1e-4, 1e4, 1e8])
def test_parameters_may_differ_in_scale(scale: float) -> None:
    """Steps follow the claim and the parameter's own size."""

    def f(p):
        return quiet(np.concatenate([p["small"] / scale, p["plain"]]))

    params = {"small": W[:2] * scale, "plain": W[2:]}
    right = {"small": slope(W)[:2] / scale, "plain": slope(W)[2:]}
    assert check_gradient(f, params, right).verdict == "agree"
    wrong = right | {"small": right["small"] * np.array([1, 1 - 1e-5])}
    assert check_gradient(f, params, wrong).verdict == "disagree"


@pytest.mark.parametrize("claim", [0.0, 0.25, 1.0])
def test_at_a_corner_any_slope_between_the_two_is_left_alone(claim: float) -> None:
    """The entry is inconclusive, and both slopes are shown."""
    report = check_gradient(lambda x: max(x, 0.0) + 1.0, 0.0, claim)
    (entry,) = report.entries
    assert (entry.verdict, entry.reason) == ("inconclusive", "kink")
    assert entry.slopes == pytest.approx((0.0, 1.0), abs=1e-9)
    assert "slope" in str(report)


@pytest.mark.parametrize("claim", [-1.0, 2.0])
def test_at_a_corner_a_slope_outside_both_is_wrong(claim: float) -> None:
    """A kink excuses nothing but its own slopes."""
    assert check_gradient(lambda x: max(x, 0.0) + 1.0, 0.0, claim).verdict == "disagree"


@pytest.mark.parametrize("x", [1e-12, 1e-9, 1e-7, -1e-7, 1e-5])
def test_close_to_a_corner_the_slope_is_known(x: float) -> None:
    """Steps shorter than the way to the corner tell on which side the point lies.

    Through the rounding of a value of 1, a way of 1e-10 just shows the slope to 1e-5.
    """
    right = 1.0 if x > 0 else 0.0
    report = check_gradient(lambda t: max(t, 0.0) + 1.0, x, right)
    assert report.verdict == "agree" or (x == 1e-12 and report.verdict == "inconclusive")
    assert right == 0 or (report.entries[0].resolution < 1e-3) == (abs(x) > 1e-10)
    assert check_gradient(lambda t: max(t, 0.0) + 1.0, x, 0.5).verdict == "disagree"
    assert check_gradient(lambda t: max(t, 0.0) + 1.0, x, 1 - right).verdict == "disagree"


@pytest.mark.parametrize("z", [20.0, 25.0, 30.0, 33.0, 36.0])
def test_a_forward_that_loses_precision_accuses_nobody(z: float) -> None:
    """log(1 - a) moves in stairs, flat near by, whose mean slope is the right one."""

    def f(t):
        a = 1 / (1 + np.exp(-(np.array([z, -1.0, 2.0]) + t)))
        return float(-np.sum(np.log(1 - a)))

    right = float(np.sum(1 / (1 + np.exp(-np.array([z, -1.0, 2.0])))))
    report = check_gradient(f, np.array(0.0), right)
    assert report.verdict != "disagree", str(report)
    if z > 24:
        assert report.entries[0].reason == "staircase"
    wrong = check_gradient(f, np.array(0.0), -right).verdict
    assert wrong == "disagree" or (wrong, z) == ("inconclusive", 36.0)


def test_a_stair_too_wide_to_be_met_accuses_nobody() -> None:
    """At the last bits of 1 - a the slope of a term is nowhere but in jumps far away."""

    def f(x):
        a = 1 / (1 + np.exp(-np.array([34.2 + 0.01 * x[0], 15 + x[1]])))
        return float(-np.sum(np.log(1 - a)) + 0.5 * x[0])

    x, right = np.array([0.3, 0.2]), np.array([0.51, 1 / (1 + math.exp(-15.2))])
    report = check_gradient(f, x, right)
    assert report.verdict == "inconclusive", str(report)
    assert check_gradient(f, x, right * np.array([-1, 1])).verdict == "disagree"


@pytest.mark.parametrize("digits", [4, 6, 8, 10, 12])
def test_a_rounded_value_hides_no_sign(digits: int) -> None:
    """Steps grow until they rise above the rounding."""
    assert check_gradient(lambda x: round(quiet(x), digits), W, slope(W)).verdict != "disagree"
    assert check_gradient(lambda x: round(quiet(x), digits), W, -slope(W)).verdict == "disagree"


@pytest.mark.parametrize("frequency", [1e6, 1e7, 1e8, 1e10])
def test_a_regular_noise_is_noise(frequency: float) -> None:
    """Whether it looks smooth or rough at the length of the first step."""

    def f(x):
        return quiet(x) + 1e-10 * math.sin(frequency * x.sum())

    assert check_gradient(f, W, slope(W)).verdict != "disagree"
    assert check_gradient(f, W, -slope(W)).verdict == "disagree"


def test_float32_in_every_place() -> None:
    """A narrow forward, argument or claim is recognised; structural errors still show."""
    narrow, matrix = W.astype(np.float32), A.astype(np.float32)

    def forward(x):
        return np.sum(np.sin(matrix @ x.astype(np.float32)) ** 2)

    assert check_gradient(forward, W, slope(W)).verdict == "agree"
    assert check_gradient(forward, W, -slope(W)).verdict == "disagree"
    assert check_gradient(forward, narrow, slope(W).astype(np.float32)).verdict == "agree"
    assert check_gradient(quiet, narrow, slope(narrow.astype(float))).verdict == "agree"
    assert check_gradient(quiet, W, slope(W).astype(np.float32)).verdict == "agree"


@pytest.mark.parametrize("factor", [1.0, 1.00001, -1.0])
def test_steep_and_wavy_functions(factor: float) -> None:
    """Curvature and oscillation are met with shorter steps."""
    expected = "agree" if factor == 1 else "disagree"
    x = np.array([0.3, -0.2, 0.5])
    steep = 50 * np.exp(50 * x) * np.array([1, 1, factor])
    assert check_gradient(lambda v: np.exp(50 * v).sum(), x, steep).verdict == expected
    wavy = 1e4 * np.cos(1e4 * x) * np.array([1, 1, factor])
    assert check_gradient(lambda v: np.sin(1e4 * v).sum(), x, wavy).verdict == expected


def test_the_edge_of_the_domain() -> None:
    """Steps that leave it, by nan or by an exception, are taken back."""
    x = np.array([1e-9, 1e-6, 1.0, 1e3])
    assert check_gradient(lambda v: np.log(v).sum(), x, 1 / x).verdict == "agree"
    assert check_gradient(math.log, 1e-9, 1e9).verdict == "agree"
    report = check_gradient(math.log, 1e-9, 2e9)
    assert report.verdict == "disagree"
    report = check_gradient(lambda v: np.sqrt(v).sum(), np.array([0.0, 1.0]), np.array([9, 0.5]))
    assert [(e.verdict, e.reason) for e in report.entries] == [
        ("inconclusive", "non-finite"),
        ("agree", ""),
    ]


def test_an_exception_off_the_point_is_the_edge_of_the_domain() -> None:
    """Whatever its type; at the point itself it is the caller's to see."""

    def strict(x):
        assert x > -1e-300, "x must not be negative"
        return 2.0 * math.sqrt(x)

    assert check_gradient(strict, 0.25, 2.0).verdict == "agree"
    assert check_gradient(strict, 0.25, 2.5).verdict == "disagree"
    report = check_gradient(strict, 0.0, 5.0)
    assert report.verdict == "inconclusive"
    assert report.notes[-1] == (
        "away from the point f raised AssertionError (x must not be negative); there it counts as "
        "not finite."
    )
    with pytest.raises(AssertionError, match="x must not be negative"):
        check_gradient(strict, -1.0, 1.0)


def test_a_value_in_place_of_a_function_is_refused() -> None:
    """With what to pass in its place."""
    with pytest.raises(
        TypeError, match=r"f must be a function of the parameters; found float\. Pass"
    ):
        check_gradient(quiet(W), W, slope(W))


def test_a_parameter_that_is_not_finite_spoils_no_other() -> None:
    """Its own entry is inconclusive."""
    x = np.array([1.0, np.inf])
    right = np.array([1 - np.tanh(1.0) ** 2, 0.0])
    report = check_gradient(lambda v: np.tanh(v).sum(), x, right)
    assert [(e.verdict, e.reason) for e in report.entries] == [
        ("agree", ""),
        ("inconclusive", "non-finite"),
    ]
    wrong = check_gradient(lambda v: np.tanh(v).sum(), x, 2 * right)
    assert wrong.entries[0].verdict == "disagree"


@pytest.mark.parametrize("factor", [1.0, 1 + 1e-5])
def test_one_tensor_may_hold_entries_of_all_units(factor: float) -> None:
    """From 1e-8 to 1e8, each with the slope that belongs to its unit."""
    units = 10.0 ** np.arange(-8, 9, 2)
    x = RNG.uniform(0.5, 2, 9)
    right = 3 * x**2 / units
    expected = "agree" if factor == 1 else "disagree"
    for entry in range(0, 9, 4):
        claim = right.copy()
        claim[entry] *= factor
        report = check_gradient(lambda v: np.sum((v / units) ** 3), x * units, claim)
        wrong = [e.index for e in report.entries if e.verdict == "disagree"]
        assert (report.verdict, wrong) == (expected, [] if factor == 1 else [(entry,)])


def test_what_rounding_leaves_of_a_slope_of_zero_accuses_nobody() -> None:
    """A claim that moves f by less than its noise over the whole scale is no error."""
    x, w = np.array([0.7, -1.2, 0.3]), np.array([1.0, 2.0, 0.5])

    def constant(v):
        return float(np.sum(w * v / (3 * v)))

    assert check_gradient(constant, x, np.array([3e-17, -1e-17, 0.0])).verdict != "disagree"
    assert check_gradient(constant, x, np.array([0.3, -0.1, 0.0])).verdict == "disagree"


def test_straightness_beyond_a_cliff_says_nothing_of_the_point() -> None:
    """A slope that is lost in noise nearby is not read from the flat far away."""

    def f(x):
        return 4 + 1e-13 * math.sin(x) + 0.2 * (math.tanh(30 * x - 21) + math.tanh(30 * x + 21))

    for claim, wrong in ((1e-13, False), (0.1, True)):
        report = check_gradient(lambda p: f(p[0]), [0.0, 0.6], [claim, 0.0])
        assert (report.verdict == "disagree") == wrong, str(report)


def test_a_bend_within_the_first_step_is_looked_behind() -> None:
    """A wrong claim that meets the error of a first step is not accepted for it."""
    bend = 3e-7

    def f(p):
        a, b = p["a"], p["b"]
        return float(np.sum(a) + np.maximum(a[0] - bend, 0) ** 2 * 1e4 + (b * b) + 10)

    params = {"a": np.array([0.0, 0.5]), "b": np.array(0.3)}
    right = {"a": np.ones(2), "b": np.array(0.6)}
    assert check_gradient(f, params, right).verdict == "agree"
    wrong = right | {"b": np.array(0.6 * (1 + 1e-6))}
    assert check_gradient(f, params, wrong).verdict == "disagree"


def test_values_that_are_not_finite() -> None:
    """A claim of nan is wrong where the slope is known; a nan at the point says nothing."""
    for bad in (np.nan, np.inf):
        claim = slope(W)
        claim[1] = bad
        assert check_gradient(quiet, W, claim).verdict == "disagree"
    steep = check_gradient(lambda x: x * math.log(x) if x > 0 else 0.0, 0.0, -np.inf)
    assert steep.verdict == "inconclusive"
    report = check_gradient(lambda x: np.nan, W, W)
    assert report.verdict == "inconclusive"
    assert {e.reason for e in report.entries} == {"non-finite"}
    assert report.notes == ("f is nan there.",)


def test_flat_places() -> None:
    """A constant, a dead unit and the bottom of a bowl have slope 0, and no other."""
    zero = np.zeros(3)
    for f in (lambda x: 3.0, lambda x: 0.0, lambda x: float(x @ x)):
        assert check_gradient(f, zero, zero).verdict == "agree"
        assert check_gradient(f, zero, np.ones(3)).verdict == "disagree"


def test_every_plain_structure_is_taken() -> None:
    """Arrays of any order and stride, numbers, sequences, dicts, and nests of them."""
    fortran = np.asfortranarray(RNG.normal(size=(3, 4)))
    view = np.broadcast_to(np.array([1.0, 2.0, 3.0]), (2, 3))
    turned = RNG.normal(size=(4, 3)).T

    def f(p):
        return float((p[0] ** 3).sum() + (p[1] ** 2).sum() + np.sin(p[2]).sum())

    right = [3 * fortran**2, 2 * view, np.cos(turned)]
    assert check_gradient(f, [fortran, view, turned], right).verdict == "agree"
    wrong = right[0].copy()
    wrong[1, 2] += 1e-3
    report = check_gradient(f, [fortran, view, turned], [wrong, *right[1:]])
    assert [(e.parameter, e.index) for e in report.entries if e.verdict == "disagree"] == [
        ("0", (1, 2))
    ]

    def nested(p):
        return float((p["a"][0] ** 2).sum() + 3 * p["b"])

    report = check_gradient(nested, {"a": (W,), "b": 2.0}, {"a": (2 * W,), "b": 3.0})
    assert report.verdict == "agree"
    assert {e.parameter for e in report.entries} == {"a.0", "b"}
    assert check_gradient(lambda x: x**3, 2.0, 12.0).verdict == "agree"
    assert check_gradient(lambda x: x**3, np.array(2.0), np.array(12.0)).verdict == "agree"
    assert check_gradient(lambda x: (x**2).sum(), np.array([1, 2]), [2, 4]).verdict == "agree"


def test_nothing_to_check() -> None:
    """Parameters without any entry are refused; an empty array beside others gets a note."""
    empty = r"at least one entry to check; found arrays of the shapes \[\(0,\)\]\. Pass the param"
    with pytest.raises(ValueError, match=empty):
        check_gradient(lambda x: 1.0, np.zeros(0), np.zeros(0))
    with pytest.raises(ValueError, match=r"at least one entry to check; found \{\}"):
        check_gradient(lambda x: 1.0, {}, {})
    params = {"none": np.zeros((0, 3)), "some": np.array([1.0, 2.0])}
    claim = {"none": np.zeros((0, 3)), "some": np.array([2.0, 4.0])}
    for entries in ("all", "directions"):
        report = check_gradient(lambda p: p["some"] @ p["some"], params, claim, entries=entries)
        assert report.verdict == "agree"
        assert report.notes == ("'none' has no entries, so nothing of it was checked.",)


def test_nothing_passed_in_is_changed_and_a_function_that_would_is_named() -> None:
    """F works on copies; a note says what it does to them."""
    before = W.copy()

    def spoils(x):
        x *= 2
        return float(x @ x)

    report = check_gradient(spoils, W, 8 * W)
    assert np.array_equal(W, before)
    assert report.verdict == "agree"
    assert "f changes its argument" in report.notes[-1]
    assert check_gradient(spoils, W, 2 * W).verdict == "disagree"

    def replaces(p):
        p["w"] = 2 * p["w"]
        return float(p["w"] @ p["w"])

    params = {"w": W}
    assert check_gradient(replaces, params, {"w": 8 * W}).verdict == "agree"
    assert params["w"] is W

    calls = SimpleNamespace(count=0)

    def spoils_later(x):
        calls.count += 1
        value = float(x @ x)
        if calls.count > 9:
            x *= 1.01
        return value

    assert check_gradient(spoils_later, W, 2 * W).verdict == "agree"


def test_a_function_that_is_not_deterministic_is_told_so() -> None:
    """Loud randomness decides nothing; a whisper of it is noise."""
    rng = np.random.default_rng(1)
    report = check_gradient(lambda x: quiet(x) * (1 + 0.1 * rng.normal()), W, slope(W))
    assert report.verdict == "inconclusive"
    assert {e.reason for e in report.entries} == {"not deterministic"}
    assert "f gives different values for the same argument" in report.notes[0]

    def whisper(x):
        return quiet(x) + 1e-10 * rng.normal()

    report = check_gradient(whisper, W, slope(W))
    assert report.verdict != "disagree"
    assert "f gives different values" in report.notes[0]
    assert check_gradient(whisper, W, -slope(W)).verdict == "disagree"


@pytest.mark.parametrize("entries", ["all", "directions"])
def test_a_function_that_changes_its_mind_late_accuses_nobody(entries: str) -> None:
    """Before an accusation the point is looked at once more."""
    calls = SimpleNamespace(count=0)

    def drifts(x):
        calls.count += 1
        return quiet(x) * (1 if calls.count < 8 else 3)

    report = check_gradient(drifts, W, slope(W), entries=entries)
    assert report.verdict == "inconclusive"
    assert "f gives different values" in report.notes[0]


def test_the_budget_is_kept() -> None:
    """Entries that were not reached say so; directions are taken where entries cost too much."""
    report = check_gradient(quiet, W, slope(W), entries="all", budget=12)
    assert (report.verdict, report.evaluations <= 12) == ("inconclusive", True)
    assert [e.reason for e in report.entries if e.verdict != "agree"].count("budget") > 0
    assert check_gradient(quiet, W, slope(W), budget=1).evaluations == 1
    report = check_gradient(quiet, W, slope(W), budget=16)
    assert (report.verdict, len(report.directions)) == ("agree", 2)
    report = check_gradient(quiet, W, slope(W), entries="directions", budget=9)
    assert (report.verdict, report.directions[0].reason) == ("inconclusive", "budget")


def test_a_check_repeats_itself() -> None:
    """The seed decides all there is of chance."""
    first = check_gradient(quiet, W, slope(W), seed=3)
    assert first == check_gradient(quiet, W, slope(W), seed=3)


def test_a_gradient_may_be_a_function() -> None:
    """It is called with parameters of its own."""
    assert check_gradient(quiet, W, slope).verdict == "agree"


def test_options_that_do_not_exist_are_refused() -> None:
    """The message names those that do."""
    with pytest.raises(
        ValueError, match=r"entries must be 'auto' or 'all' or 'directions'; found 5"
    ):
        check_gradient(quiet, W, slope, entries=5)
    with pytest.raises(ValueError, match="budget must be at least 1; found 0"):
        check_gradient(quiet, W, slope, budget=0)


def test_an_assertion_carries_the_report() -> None:
    """It passes a right gradient, and raises for a wrong or unverified one."""
    assert assert_gradient(quiet, W, slope).verdict == "agree"
    with pytest.raises(AssertionError, match=r"disagrees with finite differences in 5 of 5"):
        assert_gradient(quiet, W, -slope(W))
    with pytest.raises(AssertionError, match=r"could not be checked[\s\S]*kink"):
        assert_gradient(abs, 0.0, 0.0)


def test_a_large_problem_is_checked_by_directions() -> None:
    """A wrong entry among thousands is found, and explains the whole difference."""
    f, gradient, params = large_net((60, 60, 5), "tanh", 0)
    good = gradient(params)
    report = check_gradient(f, params, good)
    assert (report.verdict, report.evaluations <= 24) == ("agree", True)
    wrong = good["W1"].copy()
    wrong[31, 7] += 1e-3 * np.abs(wrong).max()
    report = check_gradient(f, params, good | {"W1": wrong})
    assert [(e.parameter, e.index) for e in report.entries] == [("W1", (31, 7))]
    assert report.patterns == ("W1: the entry [31, 7] explains the whole difference.",)
    assert report.evaluations <= 150


@pytest.mark.parametrize("seed", range(8))
def test_equal_and_opposite_errors_do_not_cancel(seed: int) -> None:
    """Which under components of ±1 half of them would."""
    f, gradient, params = large_net((60, 60, 5), "sigmoid", 1)
    good = gradient(params)
    wrong = good["W1"].copy()
    first, second = np.random.default_rng(seed).choice(wrong.size, 2, replace=False)
    wrong.flat[first] += 1e-3 * np.abs(wrong).max()
    wrong.flat[second] -= 1e-3 * np.abs(wrong).max()
    assert check_gradient(f, params, good | {"W1": wrong}, seed=seed).verdict == "disagree"


def test_patterns_in_large_parameters() -> None:
    """One factor, a transpose, and every entry of a small bias are told from directions."""
    f, gradient, params = large_net((60, 60, 5), "tanh", 2)
    good = gradient(params)
    report = check_gradient(f, params, good | {"W1": good["W1"] / 32})
    assert "claimed = 1/32 × estimate" in report.patterns[0]
    report = check_gradient(f, params, good | {"W1": good["W1"].T})
    assert report.patterns == ("W1: it is transposed.",)
    report = check_gradient(f, params, good | {"b1": good["b1"][::-1]})
    assert [e.parameter for e in report.entries] == ["b1"] * 60
    assert "wrong axis" in report.patterns[0]


def test_directions_move_entries_of_all_units() -> None:
    """An array with units from 1e-8 to 1e8 is checked by directions, and its wrong entry named."""
    units = 10.0 ** np.arange(-8, 9, 2)
    x = RNG.uniform(0.5, 2, 9)
    right = np.cos(x) / units

    def f(v):
        return float(np.sum(np.sin(v / units)))

    assert check_gradient(f, x * units, right, entries="directions").verdict == "agree"
    for entry in range(9):
        claim = right.copy()
        claim[entry] += 0.5 * np.abs(np.cos(x)).max() / units[entry]
        report = check_gradient(f, x * units, claim, entries="directions")
        assert report.verdict == "disagree"
        assert [e.index for e in report.entries if e.verdict == "disagree"] == [(entry,)]
