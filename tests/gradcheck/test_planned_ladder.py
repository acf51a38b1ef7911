"""Ladders planned ahead: what is evaluated, what is read from it, and how claims are judged."""

from __future__ import annotations

import numpy as np
import pytest

from gradkit.gradcheck import judge_ladder, plan_ladder, read_ladder

RNG = np.random.default_rng(2)
X = RNG.normal(size=(2, 4))
Y = RNG.normal(size=(1, 4))
POINT = {
    "W1": RNG.normal(size=(2, 3)),
    "b1": np.zeros((3, 1)),
    "W2": RNG.normal(size=(3, 1)),
    "b2": np.zeros((1, 1)),
}


def forward(p, act=np.tanh, dtype=np.float64):
    """The squared errors of four examples."""
    p = {name: value.astype(dtype) for name, value in p.items()}
    A = act(p["W1"].T @ X.astype(dtype) + p["b1"])
    return ((p["W2"].T @ A + p["b2"] - Y.astype(dtype)) ** 2)[0]


def loss(p, act=np.tanh, dtype=np.float64):
    """Their mean."""
    return forward(p, act, dtype).mean()


def gradient(p):
    """Backpropagation."""
    A = np.tanh(p["W1"].T @ X + p["b1"])
    d = 2 * (p["W2"].T @ A + p["b2"] - Y) / 4
    dZ = p["W2"] @ d * (1 - A * A)
    return {
        "W1": X @ dZ.T,
        "b1": dZ.sum(1, keepdims=True),
        "W2": A @ d.T,
        "b2": d.sum(1, keepdims=True),
    }


def evaluate(plan, f):
    """Evaluate f at every row, as a worker would."""
    return np.array([f({k: v[i] for k, v in plan.parameters.items()}) for i in range(plan.size)])


PLAN = plan_ladder(POINT)
GOOD = gradient(POINT)


def test_a_plan_is_the_same_whatever_f_is() -> None:
    """Rows of the shape of each parameter, the first two the point itself, all read-only."""
    again = plan_ladder(POINT)
    for name, rows in PLAN.parameters.items():
        assert rows.shape == (PLAN.size, *POINT[name].shape)
        assert np.array_equal(rows, again.parameters[name])
        assert np.array_equal(rows[:2], [POINT[name]] * 2)
        assert not rows.flags.writeable
    assert PLAN.size == 16 + 2 * 13 * 13


def test_derivatives_are_read_within_their_bounds() -> None:
    """The bounds are small, and hold."""
    found = read_ladder(PLAN, evaluate(PLAN, loss))
    for name, right in GOOD.items():
        assert np.all(np.abs(found.estimate[name] - right) <= found.bound[name])
        assert np.all(found.bound[name] <= 1e-9)
        assert np.all(found.status[name] == "ok")


def test_several_outputs_are_differentiated_at_once() -> None:
    """The outputs' axis comes last, and their mean is the gradient of the mean."""
    found = read_ladder(PLAN, evaluate(PLAN, forward))
    assert found.estimate["W1"].shape == (2, 3, 4)
    assert np.allclose(found.estimate["W1"].mean(axis=-1), GOOD["W1"], rtol=1e-9)


def test_a_float32_forward_has_wider_bounds() -> None:
    """That hold as well."""
    found = read_ladder(PLAN, evaluate(PLAN, lambda p: loss(p, dtype=np.float32)))
    for name, right in GOOD.items():
        assert np.all(np.abs(found.estimate[name] - right) <= found.bound[name])
        assert np.all(found.bound[name] > 1e-9)


def test_only_some_parameters_on_a_given_scale() -> None:
    """The others stay where they are."""
    plan = plan_ladder(POINT, only=["b2"], scales={"b2": 8.0})
    assert np.ptp(plan.parameters["W1"], axis=0).max() == 0
    assert plan.parameters["b2"].max() == 2.0
    assert list(read_ladder(plan, evaluate(plan, loss)).estimate) == ["b2"]


def test_a_corner_and_a_hole_are_named() -> None:
    """At a kink both slopes are given; where f failed there is no estimate."""
    plan = plan_ladder({"x": np.zeros(1)})
    x = plan.parameters["x"][:, 0]
    found = read_ladder(plan, np.maximum(x, 0) + 1)
    assert found.status["x"].tolist() == ["kink"]
    assert (found.left["x"][0], found.right["x"][0]) == pytest.approx((0, 1), abs=1e-9)
    found = read_ladder(plan, np.where(x < 0, np.nan, x))
    assert found.status["x"].tolist() == ["non-finite"]


def test_a_right_claim_agrees_and_wrong_ones_do_not() -> None:
    """By the same rules as `check_gradient`, patterns included."""
    values = evaluate(PLAN, loss)
    assert judge_ladder(PLAN, values, GOOD).verdict == "agree"
    wrong = GOOD["W1"].copy()
    wrong[1, 2] *= 1 + 1e-5
    report = judge_ladder(PLAN, values, GOOD | {"W1": wrong})
    assert [e.index for e in report.entries if e.verdict == "disagree"] == [(1, 2)]
    report = judge_ladder(PLAN, values, {k: 4 * v for k, v in GOOD.items()})
    assert "claimed = 4 × estimate, as if 1/4 were missing" in report.patterns[0]
    wrong[1, 2] = np.nan
    assert judge_ladder(PLAN, values, GOOD | {"W1": wrong}).verdict == "disagree"


def test_rough_and_random_forwards_accuse_nobody() -> None:
    """Float32 and a ReLU at its corner included; a sign shows in all of them."""
    rng = np.random.default_rng(0)
    for f in (
        lambda p: loss(p, dtype=np.float32),
        lambda p: loss(p) + 1e-10 * rng.normal(),
    ):
        values = evaluate(PLAN, f)
        assert judge_ladder(PLAN, values, GOOD).verdict != "disagree"
        assert judge_ladder(PLAN, values, {k: -v for k, v in GOOD.items()}).verdict == "disagree"
    plan = plan_ladder({"x": np.zeros(1)})
    values = np.maximum(plan.parameters["x"][:, 0], 0) + 1
    for claim in (0.0, 0.3, 1.0):
        report = judge_ladder(plan, values, {"x": np.array([claim])})
        assert (report.verdict, report.entries[0].reason) == ("inconclusive", "kink")
    assert judge_ladder(plan, values, {"x": np.array([-1.0])}).verdict == "disagree"


def test_randomness_is_noted() -> None:
    """The two repeats of the point are there for that."""
    values = evaluate(PLAN, loss)
    values[1] += 1e-9
    report = judge_ladder(PLAN, values, GOOD)
    assert report.notes == ("f gives different values for the same argument.",)


def test_stairs_that_support_the_claim_further_out_withhold_the_verdict() -> None:
    """Nothing can be evaluated again, so where a jump may be, nobody is accused."""
    plan = plan_ladder({"t": np.zeros(1)}, scales={"t": 16.0})
    z = plan.parameters["t"][:, 0:1] + np.array([33.0, -1.0, 2.0])
    with np.errstate(all="ignore"):
        values = -np.log(1 - 1 / (1 + np.exp(-z))).sum(axis=1)
    right = float((1 / (1 + np.exp(-np.array([33.0, -1.0, 2.0])))).sum())
    report = judge_ladder(plan, values, {"t": np.array([right])})
    assert report.verdict == "inconclusive"
    assert report.entries[0].reason in ("staircase", "kink")
    assert judge_ladder(plan, values, {"t": np.array([-right])}).verdict == "disagree"


@pytest.mark.parametrize("seed", range(20))
def test_random_points_of_the_exercise(seed: int) -> None:
    """The 2-2-1 net of the exercise at random, asymmetric parameters."""
    rng = np.random.default_rng(seed)
    point = {name: rng.normal(size=value.shape) for name, value in POINT.items()}
    plan = plan_ladder(point, seed=seed)
    good = gradient(point)
    values = evaluate(plan, loss)
    assert judge_ladder(plan, values, good).verdict == "agree"
    name = str(rng.choice(list(good)))
    wrong = good | {name: good[name] * (1 + 1e-4)}
    assert judge_ladder(plan, values, wrong).verdict == "disagree"


def test_what_does_not_fit_is_refused() -> None:
    """With what was found, what was expected, and what to do."""
    with pytest.raises(ValueError, match="at least 4 steps to extrapolate; found steps=3"):
        plan_ladder(POINT, steps=3)
    with pytest.raises(ValueError, match="no parameter is called 'W9'"):
        plan_ladder(POINT, only=["W9"])
    with pytest.raises(ValueError, match="parameter 'x' is not finite"):
        plan_ladder({"x": np.array([np.nan])})
    with pytest.raises(ValueError, match=r"the plan has 354 rows.*shape \(3,\)"):
        read_ladder(PLAN, np.zeros(3))
    with pytest.raises(ValueError, match="one output at a time"):
        judge_ladder(PLAN, evaluate(PLAN, forward), GOOD)
    with pytest.raises(ValueError, match="dict with the keys"):
        judge_ladder(PLAN, evaluate(PLAN, loss), {"W1": GOOD["W1"]})
