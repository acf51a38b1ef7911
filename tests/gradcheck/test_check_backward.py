"""Any backward against finite differences of any forward."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from layers import LAYERS, LINEAR_MISTAKES, MORE, Linear, spoilt, spoilt_linear

from gradkit.gradcheck import assert_backward, check_backward

pytestmark = pytest.mark.sample(6)

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2)
INPUTS = {"x": X, "w": W, "b": B}


def affine(x, w, b):
    """An affine layer with its cache."""
    return x @ w + b, (x, w)


def back(dout, cache):
    """Its backward."""
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def verdicts(report) -> dict[str, str]:
    """Return the verdict on each input."""
    return {one.name: one.verdict for one in report.inputs}


@pytest.mark.sample(12)
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("seed", range(3))
def test_layers_of_courses(name: str, seed: int) -> None:
    """The right backward agrees, each of three wrong ones does not."""
    layer = LAYERS[name]
    inputs = layer.draw(np.random.default_rng(seed))
    report = check_backward(layer.forward, layer.backward, inputs, seed=seed, **layer.options)
    assert report.verdict == "agree", str(report)
    for number in range(3):
        wrong = spoilt(layer, number)
        report = check_backward(layer.forward, wrong, inputs, seed=seed, **layer.options)
        assert report.verdict == "disagree", f"{layer.mistakes[number]}\n{report}"


def linear(kind: type, seed: int):
    """Check 11-785's layer, whose gradients are attributes of the object."""
    rng = np.random.default_rng(seed)
    layer = kind()
    inputs = {
        "A": rng.normal(size=(4, 3)),
        "W": rng.normal(size=(2, 3)),
        "b": rng.normal(size=(2, 1)),
    }
    return check_backward(
        layer.forward, layer.backward, inputs, scale={"W": 1 / 4, "b": 1 / 4}, seed=seed
    )


@pytest.mark.sample(9)
@pytest.mark.parametrize("name", MORE)
def test_more_layers_of_courses(name: str) -> None:
    """As many as make sixteen."""
    layer = MORE[name]
    inputs = layer.draw(np.random.default_rng(0))
    report = check_backward(layer.forward, layer.backward, inputs)
    assert report.verdict == "agree", str(report)
    for number in range(3):
        report = check_backward(layer.forward, spoilt(layer, number), inputs)
        assert report.verdict == "disagree", f"{layer.mistakes[number]}\n{report}"


@pytest.mark.parametrize("seed", range(3))
def test_attributes_and_a_convention(seed: int) -> None:
    """Gradients divided by N, as 11-785 wants them."""
    report = linear(Linear, seed)
    assert report.verdict == "agree", str(report)
    for number in range(len(LINEAR_MISTAKES)):
        assert linear(spoilt_linear(number), seed).verdict == "disagree"


def test_one_wrong_shape_hides_no_other() -> None:
    """Each input has its verdict and its sentence."""

    def wrong(dout, cache):
        dx, dw, db = back(dout, cache)
        return dx, 2 * dw, db[None]

    report = check_backward(affine, wrong, INPUTS)
    assert verdicts(report) == {"x": "agree", "w": "disagree", "b": "disagree"}
    assert report.inputs[2].problem == "shape"
    assert report.inputs[2].message == "the gradient of b has shape (1, 2); expected (2,)."
    text = str(report)
    assert "The gradient of b has shape (1, 2); expected (2,)." in text
    assert "claimed = 2 × estimate" in text


def test_a_missing_gradient_is_said_to_be_missing() -> None:
    """In a dict, or as None."""
    report = check_backward(affine, lambda d, c: {"dx": back(d, c)[0], "db": None}, INPUTS)
    assert verdicts(report) == {"x": "agree", "w": "disagree", "b": "disagree"}
    assert report.inputs[1].message == (
        "backward returns no gradient of w; expected an array of shape (3, 2)."
    )


def test_what_is_said_of_each_input() -> None:
    """With the reason where there is one, and without where there is none."""
    report = check_backward(lambda x: np.abs(x).sum(), lambda: np.zeros(3), {"x": np.zeros(3)})
    assert report.inputs[0].message == "the gradient of x is inconclusive in 3 of 3 entries (kink)."
    report = check_backward(affine, back, {"x": X, "w": W, "b": B})
    assert report.inputs[2].message == "the gradient of b agrees in 2 of 2 entries."


def test_what_is_changed_in_place_is_told() -> None:
    """Of dout, inputs and cache."""

    def spoils(x, w, b):
        out = x @ w + b
        x += 1
        return out, (x, w)

    assert "forward changes x in place." in check_backward(spoils, back, INPUTS).notes

    def takes(dout, cache):
        found = back(dout, cache)
        dout *= 0
        return found

    report = check_backward(affine, takes, INPUTS)
    assert (report.verdict, report.notes) == ("agree", ("backward changes dout in place.",))

    def uses_up(dout, cache):
        found = back(dout, cache)
        cache[0][...] = 0
        return found

    report = check_backward(affine, uses_up, INPUTS)
    assert report.notes == ("backward changes x, the cache in place.",)


def test_backward_may_take_the_inputs_or_nothing() -> None:
    """In place of a cache; and a loss may return its gradient itself."""
    plain = check_backward(lambda x, w: x @ w, lambda d, x, w: (d @ w.T, x.T @ d), {"x": X, "w": W})
    assert plain.verdict == "agree"
    loss = check_backward(lambda x: ((x**2).sum(), {"x": x}), lambda c: 2 * c["x"], [X])
    assert verdicts(loss) == {"x": "agree"}
    kept = check_backward(
        lambda x: (np.sin(x), SimpleNamespace(x=x)), lambda d, c: d * np.cos(c.x), {"x": X}
    )
    assert kept.verdict == "agree"
    both = check_backward(lambda x: ((x**2).sum(), {"dx": 2 * x}), None, {"x": X})
    assert both.verdict == "agree"
    both = check_backward(lambda x: ((x**2).sum(), {"dx": x}), None, {"x": X})
    assert both.verdict == "disagree"


def test_a_given_cotangent_and_several_outputs() -> None:
    """In a tuple, or in a dict by name."""

    def forward(x):
        return {"a": np.sin(x), "b": x**2}

    def backward(da, db, x):
        return da * np.cos(x) + 2 * db * x

    for dout in (None, {"a": np.ones((4, 3)), "b": X}, (np.ones((4, 3)), X)):
        assert check_backward(forward, backward, {"x": X}, dout).verdict == "agree"
    for kind in (tuple, list):
        pair = check_backward(lambda x, kind=kind: kind((np.sin(x), x**2)), backward, {"x": X})
        assert pair.verdict == "agree"
        told = check_backward(
            lambda x, kind=kind: kind((np.sin(x), x**2)), backward, {"x": X}, cache=False
        )
        assert told.verdict == "agree"
    alone = check_backward(lambda x: (x**2).sum(), None, {"x": X})
    assert alone.inputs[0].problem == "missing"
    rows = [[0.5, 2.0], [1.0, -1.0], [3.0, 0.0], [0.0, 1.0]]
    assert check_backward(affine, back, INPUTS, rows).verdict == "agree"
    assert check_backward(affine, lambda d, c: back(2 * d, c), INPUTS, rows).verdict == "disagree"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_tensors_and_lists(dtype) -> None:
    """What goes in is what the functions are given."""
    x, w = torch.tensor(X, dtype=dtype), torch.tensor(W, dtype=dtype)

    def forward(x, w):
        assert isinstance(x, torch.Tensor)
        return x @ w, (x, w)

    right = check_backward(forward, lambda d, c: (d @ c[1].T, c[0].T @ d), {"x": x, "w": w})
    assert right.verdict == "agree"
    wrong = check_backward(forward, lambda d, c: (d @ c[1].T, -c[0].T @ d), {"x": x, "w": w})
    assert verdicts(wrong) == {"x": "agree", "w": "disagree"}
    numbers = check_backward(np.sin, lambda d, x: d * np.cos(x), [[0.1, 0.2]])
    assert numbers.verdict == "agree"
    leaf = torch.tensor(X, dtype=dtype, requires_grad=True)
    found = check_backward(lambda x: x.detach() ** 2, lambda d, x: 2 * d * x.detach(), {"x": leaf})
    assert (found.verdict, found.notes) == ("agree", ())


def test_a_report_is_no_truth_value_and_an_assertion_carries_it() -> None:
    """As for a gradient."""
    assert assert_backward(affine, back, INPUTS).verdict == "agree"
    with pytest.raises(TypeError, match=r"this one is 'agree'\. Compare its \.verdict"):
        bool(check_backward(affine, back, INPUTS))
    with pytest.raises(AssertionError, match="The gradient of x disagrees in 12 of 12 entries"):
        assert_backward(affine, lambda d, c: (-back(d, c)[0], *back(d, c)[1:]), INPUTS)


def test_what_cannot_be_checked_is_refused() -> None:
    """With what was found and what to do."""
    with pytest.raises(TypeError, match="backward must be a function; found ndarray"):
        check_backward(affine, X, INPUTS)
    with pytest.raises(ValueError, match="none of the inputs y is a floating array"):
        check_backward(affine, back, {"y": np.array([1])})
    with pytest.raises(ValueError, match="no input is called 'z': there are x, w, b"):
        check_backward(affine, back, INPUTS, wrt=["z"])
    with pytest.raises(ValueError, match="scale names 'z'; the inputs checked are x, w, b"):
        check_backward(affine, back, INPUTS, scale={"z": 2.0})
    with pytest.raises(ValueError, match=r"the shape of the output, \(4, 2\); found \(4,\)"):
        check_backward(affine, back, INPUTS, np.ones(4))
