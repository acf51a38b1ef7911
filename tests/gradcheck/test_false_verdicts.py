"""Right gradients that a check must not accuse, and wrong ones that it must not accept."""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from gradkit.gradcheck import check_backward, check_gradient, finite_difference

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4))
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def quiet():
    """Functions are evaluated where they overflow, on purpose."""
    with np.errstate(all="ignore"):
        yield


# A second return value that is a cache.


def sigmoid(x):
    """Return the logistic function."""
    return 1 / (1 + np.exp(-x))


MASK = (RNG.uniform(size=X.shape) < 0.5) / 0.5
LAYERS = {
    "relu": (lambda x: (np.maximum(0, x), x), lambda dout, cache: dout * (cache > 0)),
    "leaky relu": (
        lambda x: (np.where(x > 0, x, 0.01 * x), x),
        lambda dout, cache: dout * np.where(cache > 0, 1, 0.01),
    ),
    "relu mask": (lambda x: (np.maximum(0, x), x > 0), lambda dout, cache: dout * cache),
    "tanh": (lambda x: (np.tanh(x), np.tanh(x)), lambda dout, cache: dout * (1 - cache**2)),
    "sigmoid": (lambda x: (sigmoid(x), sigmoid(x)), lambda dout, out: dout * out * (1 - out)),
    "dropout": (lambda x: (x * MASK, MASK), lambda dout, cache: dout * cache),
}
READ_AS_CACHE = (
    "the last value that forward returns was read as a cache. Pass cache=False if it is an output."
)


@pytest.mark.sample(6)
@pytest.mark.parametrize("name", LAYERS)
def test_an_array_may_be_a_cache(name: str) -> None:
    """A right backward agrees, a wrong one does not, and a note says how the array was read."""
    forward, backward = LAYERS[name]
    report = check_backward(forward, backward, {"x": X})
    assert report.verdict == "agree", str(report)
    # A boolean mask is never an output, so there is nothing to say.
    assert report.notes == (() if name == "relu mask" else (READ_AS_CACHE,))
    wrong = check_backward(forward, lambda dout, cache: 2 * backward(dout, cache), {"x": X})
    assert wrong.verdict == "disagree"
    if name != "relu mask":
        assert wrong.notes[0] == (
            "the last value that forward returns was read as a cache. Read as an output, the "
            "gradients do not agree either. Pass cache=False if it is an output."
        )


def test_the_reference_layer_agrees() -> None:
    """The ReLU of the exercise returns its input as the cache."""
    names: dict = {}
    exec((ROOT / "reference" / "layers" / "layers.py").read_text(encoding="utf-8"), names)
    report = check_backward(names["relu_forward"], names["relu_backward"], {"x": X})
    assert report.verdict == "agree", str(report)


def test_an_array_may_be_an_output() -> None:
    """If the gradients agree for two outputs, the array is one; a given dout decides as well."""

    def forward(x):
        return np.sin(x), 3 * x

    report = check_backward(forward, lambda da, db: da * np.cos(X) + 3 * db, {"x": X})
    assert report.verdict == "agree"
    assert report.notes == (
        "the last value that forward returns was read as an output. Pass cache=True if it is a "
        "cache.",
    )
    one_missing = check_backward(forward, lambda da, db: da * np.cos(X), {"x": X}, (X, X))
    assert one_missing.verdict == "disagree"
    assert one_missing.notes[0].startswith("the last value that forward returns was read as an out")
    given = check_backward(*LAYERS["relu"], {"x": X}, X)
    assert given.verdict == "agree"


def test_a_reading_that_cannot_run_is_not_the_one() -> None:
    """Its error is told if the other reading disagrees; if neither runs, the error is raised."""

    def forward(x):
        return np.sin(x), x[0]

    def backward(dout, cache):
        return factor * dout * np.cos(X + 0 * cache)

    def picky(da, db):
        if da.shape != db.shape:
            raise RuntimeError("two shapes")
        return da

    factor = 1
    assert check_backward(forward, backward, {"x": X}).verdict == "agree"
    with pytest.raises(RuntimeError, match="two shapes"):
        check_backward(forward, picky, {"x": X})

    def on_three_rows(da, second):
        if second.shape == (4,) and np.array_equal(second, X[0]):
            raise RuntimeError("this is the cache")
        return da

    report = check_backward(forward, on_three_rows, {"x": X})
    assert report.verdict == "disagree"
    assert report.notes[0] == (
        "the last value that forward returns was read as an output. Read as a cache, the check "
        "raises RuntimeError (this is the cache). Pass cache=True if it is a cache."
    )


def test_the_wrong_inputs_come_first() -> None:
    """Pytest shows the first line of a report last."""
    report = check_backward(
        lambda x, w: (x @ w, (x, w)),
        lambda dout, c: (dout @ c[1].T, 2 * c[0].T @ dout),
        {"x": X, "w": np.ones((4, 2))},
    )
    assert [one.name for one in report.inputs] == ["x", "w"]
    assert str(report).splitlines()[:2] == [
        "The gradient of w disagrees in 8 of 8 entries.",
        "The gradient of x agrees in 12 of 12 entries.",
    ]


# Weights of zero, and features in raw units.

ACTIVATIONS = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sin": (np.sin, np.cos),
    "arctan": (np.arctan, lambda z: 1 / (1 + z * z)),
    "expm1": (np.expm1, np.exp),
    "elu": (
        lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        lambda z: np.where(z > 0, 1.0, np.exp(np.minimum(z, 0))),
    ),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("unit", [1.0, 1e4, 1e6])
def test_weights_of_zero_and_raw_features(name: str, unit: float) -> None:
    """Weights as large as the features saturate every unit, so they are no scale of the weights."""
    activation, slope = ACTIVATIONS[name]
    features, weights = unit * np.linspace(1, 5, 12).reshape(6, 2), np.zeros((2, 1))

    def backward(dout, cache):
        features, weights = cache
        dz = dout * slope(features @ weights)
        return dz @ weights.T, factor * features.T @ dz

    def check() -> str:
        return check_backward(
            lambda x, w: (activation(x @ w), (x, w)), backward, {"x": features, "w": weights}
        ).verdict

    factor = 1.0
    assert check() == "agree"
    factor = 1.01
    assert check() == "disagree"


# Saturation: f does not change at all.

SATURATED = {
    "softplus": (lambda x: np.log(1 + np.exp(-x)), lambda x: -1 / (1 + np.exp(x)), (37, 38, 40)),
    "tanh": (lambda x: 1 - np.tanh(x), lambda x: -1 / np.cosh(x) ** 2, (19.5, 20, 25)),
    "sigmoid": (lambda x: 1 - 1 / (1 + np.exp(-x)), lambda x: -np.exp(-x), (37, 40)),
    "squared": (lambda x: (1 - np.tanh(x)) ** 2, lambda x: -8 * np.exp(-4 * x), (19.5, 22)),
    "root": (lambda x: np.sqrt(1 + x * x) - 1, lambda x: x, (1e-9, -3e-10)),
    "cosine": (lambda x: 1 - np.cos(x), np.sin, (1e-9, 3e-9)),
}


@pytest.mark.parametrize("name", SATURATED)
def test_a_saturated_f_accuses_nobody(name: str) -> None:
    """Rounding of a 1 in the formula hides what the claim says."""
    f, slope, points = SATURATED[name]
    for point in points:
        report = check_gradient(lambda x, f=f: float(f(x)), point, float(slope(point)))
        assert report.verdict != "disagree", f"{point}\n{report}"


def test_what_a_dead_unit_hides_is_refuted() -> None:
    """A claim that f would follow by more than rounding is wrong if f does not change."""
    for offset in (0.0, 1.3):
        for claim in (3.0, 1e-6, -1e-12):
            report = check_gradient(lambda w, c=offset: c + 3 * max(w, 0.0), -1.0, claim)
            assert report.verdict == "disagree", f"{offset} {claim}\n{report}"


def staircase(x):
    """A loss whose slope in the last entry is a staircase near 25."""
    a = 1 / (1 + np.exp(-x))
    return float(-np.sum(np.log(1 - a)))


def test_wrong_entries_do_not_condemn_a_right_one_beside_them() -> None:
    """After any number of wrong entries, the next is examined as closely as the first."""
    x = np.array([0.3, -1.0, 2.0, 0.7, 1.1, 30.0])
    claim = np.array([2, -1, 3, 0.5, 1.1, 1]) / (1 + np.exp(-x))
    verdicts = [entry.verdict for entry in check_gradient(staircase, x, claim).entries]
    assert (verdicts[2], verdicts[-1]) == ("disagree", "inconclusive")


# One entry is far larger than the others.


@pytest.mark.parametrize("wrong", [0, 1, 50])
def test_a_giant_entry_hides_nothing_along_directions(wrong: int) -> None:
    """Errors in ordinary entries show beside one that is a million times as large."""
    rng = np.random.default_rng(0)
    weights, x = rng.standard_normal(5000), rng.standard_normal(5000)
    weights[0] = 1e6
    claim = weights * np.cos(x)
    claim[1 : 1 + wrong] *= -1
    report = check_gradient(lambda p: float(weights @ np.sin(p)), x, claim)
    assert report.verdict == ("disagree" if wrong else "agree"), str(report)


def test_a_wrong_giant_entry_is_found_along_directions() -> None:
    """It moves less than the others, and is named."""
    rng = np.random.default_rng(0)
    weights, x = rng.standard_normal(5000), rng.standard_normal(5000)
    weights[7] = 1e6
    claim = weights * np.cos(x)
    claim[7] *= 1.01
    report = check_gradient(lambda p: float(weights @ np.sin(p)), x, claim)
    assert [entry.index for entry in report.entries] == [(7,)], str(report)


def test_a_large_array_takes_little_memory() -> None:
    """Beside f's own, at most 1 GB for ten million parameters, right or wrong."""
    size = 300_000
    x = np.random.default_rng(0).standard_normal(size)
    claim = 2 * x
    for sign, verdict in ((1, "agree"), (-1, "disagree")):
        claim[5] *= sign
        tracemalloc.start()
        try:
            report = check_gradient(lambda p: float(p @ p), x, claim)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert report.verdict == verdict
        assert most <= 100 * size


# The domain of f ends.


@pytest.mark.parametrize("claim", [1.0, -1 / 0.7, 2 / 0.7])
def test_a_domain_that_ends_is_no_jump(claim: float) -> None:
    """A wrong slope of a logarithm is wrong, though f is not finite on the way to long steps."""
    for f in (lambda x: math.log(x[0]), lambda x: float(np.log(x[0]))):
        report = check_gradient(f, np.array([0.7]), np.array([claim]))
        assert report.verdict == "disagree", str(report)


# A claim of whole numbers.


def test_whole_numbers_are_float64() -> None:
    """Of integer data a gradient is whole; one sample of 50,000 left out is 3e-5 of it."""
    data = np.random.default_rng(0).integers(0, 256, (50000, 3)).astype(float)
    point = np.array([0.3, 0.7, -0.4])

    def f(w):
        return float(np.sum(data @ w))

    assert check_gradient(f, point, data.sum(axis=0)).verdict == "agree"
    assert check_gradient(f, point, data[:-1].sum(axis=0)).verdict == "disagree"
    mean = check_gradient(lambda w: f(w) / 64, point, data[:-1].sum(axis=0) / 64)
    assert mean.verdict == "disagree"


# Parameters next to zero.


@pytest.mark.parametrize("point", [1e-300, 1e-305, 1e-308, 5e-324])
def test_a_parameter_next_to_zero_has_a_verdict(point: float) -> None:
    """Where float64 has no step of all digits, the reason says so."""

    def f(x):
        return float(np.log(x[0]))

    x = np.array([point])
    found = finite_difference(f, x)
    for claim in (1 / x, 1.01 / x, -1 / x):
        report = check_gradient(f, x, claim)
        if point > 1e-307:
            assert report.verdict == ("agree" if claim[0] == 1 / point else "disagree")
            assert found.status.tolist() == ["ok"]
            assert found.estimate == pytest.approx(1 / x)
        else:
            assert (report.verdict, report.entries[0].reason) == ("inconclusive", "no step")
            assert "no step: the parameter is too close to zero" in str(report)
            assert found.status.tolist() == ["no step"]


# What a note says of f.


def test_a_clip_at_its_edge_is_not_flat() -> None:
    """F is constant on one side only, so no note asks whether f uses its argument."""
    report = check_gradient(lambda x: float(np.clip(x[0], 0, 1)), np.ones(1), np.ones(1))
    assert [one.reason for one in report.entries] == ["kink"]
    assert report.notes == ()
    flat = check_gradient(lambda x: 3.0, np.ones(1), np.ones(1))
    assert flat.notes == ("f gives the same value everywhere: does it use its argument?",)


def test_an_argument_without_a_name() -> None:
    """The note about changes in place leaves an empty name out."""

    def f(x):
        value = float(x @ x)
        x *= 2
        return value

    report = check_gradient(f, np.ones(2), np.full(2, 2.0))
    assert report.notes == (
        "f changes its argument in place. f gets a fresh copy for every evaluation, so the result "
        "is valid.",
    )
    named = check_gradient(lambda p: f(p["w"]), {"w": np.ones(2)}, {"w": np.full(2, 2.0)})
    assert named.notes[0].startswith("f changes its argument 'w' in place. f gets")


def test_a_tuple_of_gradients_is_in_the_order_of_the_inputs() -> None:
    """If only some inputs are checked, backward may return the gradients of all."""

    def forward(x, labels, w):
        return x @ w, (x, w)

    inputs = {"x": X, "labels": np.arange(3), "w": np.ones((4, 2))}
    for backward in (
        lambda dout, c: (dout @ c[1].T, None, c[0].T @ dout),
        lambda dout, c: (dout @ c[1].T, c[0].T @ dout),
        lambda dout, c: (c[0].T @ dout,),
    ):
        report = check_backward(forward, backward, inputs, wrt=["w"])
        assert report.verdict == "agree", str(report)


# What is refused.


def test_a_gradient_of_no_parameter_is_refused() -> None:
    """A misspelt key would not be checked."""
    params = {"W": np.ones(2), "b": np.ones(1)}
    claim = {"W": 2 * np.ones(2), "b": 2 * np.ones(1), "W2": np.ones(2)}
    with pytest.raises(
        ValueError,
        match=r"the gradient has 'W2', but no parameter has that name: the parameters are W, b\. "
        r"Rename it or remove it\.",
    ):
        check_gradient(lambda p: float(p["W"] @ p["W"] + p["b"] @ p["b"]), params, claim)
    nested = {"layer": {**claim, "dW2": np.ones(2)}}
    with pytest.raises(ValueError, match=r"the gradient at 'layer' has 'W2', 'dW2', but"):
        check_gradient(lambda p: 0.0, {"layer": params}, nested)


def test_an_input_without_entries_is_refused() -> None:
    """Nothing of it can be checked; beside others it may be left out."""

    def forward(x, w):
        return x @ w, (x, w)

    def backward(dout, cache):
        return dout @ cache[1].T, cache[0].T @ dout

    inputs = {"x": np.zeros((0, 4)), "w": np.ones((4, 2))}
    with pytest.raises(ValueError, match=r"input x has the shape \(0, 4\), so it has no entries"):
        check_backward(forward, backward, inputs)
    assert check_backward(forward, backward, inputs, wrt=["w"]).verdict == "agree"


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("budget", "ten", "budget must be a number; found 'ten'"),
        ("seconds", [1], r"seconds must be a number; found \[1\]"),
        ("seed", "a", "seed must be a whole number of at least 0; found 'a'"),
        ("seed", -1, "seed must be a whole number of at least 0; found -1"),
        ("names", "x", r"names must be a list of names, like \['W', 'b'\]; found 'x'"),
        ("names", 1, r"names must be a list of names, like \['W', 'b'\]; found 1"),
    ],
)
def test_options_of_another_type_are_refused(option: str, value, words: str) -> None:
    """A ValueError says what was found and what is expected."""
    with pytest.raises(ValueError, match=words):
        check_gradient(lambda x: float(x @ x), np.ones(2), np.ones(2), **{option: value})


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("wrt", "x", r"wrt must be a list of input names, like \['x'\]; found 'x'"),
        ("wrt", 1, r"wrt must be a list of input names, like \['x'\]; found 1"),
        ("scale", None, "scale must be a number other than 0, or a dict of these; found None"),
        ("scale", {"x": "a"}, "scale must be a number other than 0, or a dict of these; found 'a'"),
        ("scale", 0, "scale must be a number other than 0, or a dict of these; found 0"),
    ],
)
def test_options_of_a_layer_of_another_type_are_refused(option: str, value, words: str) -> None:
    """A ValueError says what was found and what is expected."""
    with pytest.raises(ValueError, match=words):
        check_backward(*LAYERS["relu"], {"x": X}, **{option: value})


@pytest.mark.parametrize(
    ("f", "point"),
    [
        (lambda x: float(np.sign(x).sum()), [0.1, 1.0]),
        (lambda x: float(np.floor(x).sum()), [0.1, 1.3, 7.7]),
        (lambda x: 3.0 + float(np.argmax(x)), [5.3, -7.1, 2.0]),
        (lambda x: float(np.sum(x > 0)), [5.3, -7.1, 0.2]),
    ],
)
def test_a_locally_constant_function_has_the_gradient_zero(f, point) -> None:
    """The claim agrees, in few evaluations; any other claim does not."""
    x = np.array(point)
    report = check_gradient(f, x, 0 * x)
    assert (report.verdict, report.evaluations <= 15 * x.size) == ("agree", True)
    assert check_gradient(f, x, 1e-3 + 0 * x).verdict != "agree"


def many_arrays():
    """A function of 200 arrays of 20 numbers, and its gradient."""
    rng = np.random.default_rng(0)
    params = {f"p{k}": rng.standard_normal(20) for k in range(200)}
    weights = {key: rng.standard_normal(20) for key in params}

    def f(p):
        return float(sum(weights[key] @ np.sin(p[key]) for key in p))

    return f, params, {key: weights[key] * np.cos(params[key]) for key in params}


def test_one_factor_in_200_arrays_is_found_in_few_evaluations() -> None:
    """It is named once, for all arrays."""
    f, params, right = many_arrays()
    report = check_gradient(f, params, {key: 2 * value for key, value in right.items()})
    assert (report.verdict, len(report.patterns)) == ("disagree", 1)
    assert "All entries are wrong by the same factor: claimed = 2 × estimate" in report.patterns[0]
    assert report.notes == ("the factor was found along directions, not entry by entry.",)
    assert report.evaluations <= 150


@pytest.mark.slow
@pytest.mark.rotate(2)
def test_after_eight_wrong_arrays_of_200_the_rest_is_inconclusive() -> None:
    """No array without a check of its own agrees, and a note says how many there are."""
    f, params, right = many_arrays()
    report = check_gradient(f, params, {key: value[::-1] for key, value in right.items()})
    assert report.verdict == "disagree"
    assert report.notes == (
        "8 of the first 8 parameters are wrong; the other 192 were not checked one by one.",
    )
    rest = [one for one in report.directions if one.verdict == "inconclusive"]
    assert len({one.parameter for one in rest}) == 192


def test_a_time_limit_along_directions_does_not_advise_directions() -> None:
    """They are in use already."""
    f, params, right = many_arrays()
    assert check_gradient(f, params, right, seconds=0).notes == (
        "stopped after 0 seconds. Pass seconds=None for no limit.",
    )
    small = check_gradient(lambda x: float(x @ x), np.ones(2), np.ones(2), seconds=0)
    assert small.notes == (
        "stopped after 0 seconds. Pass seconds=None for no limit, or entries='directions' to "
        "look at all at once.",
    )
