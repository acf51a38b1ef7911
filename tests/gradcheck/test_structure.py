"""Parameters taken apart and put together, and what does not fit, refused in words."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pandas as pd
import pytest
import torch

from gradkit.gradcheck import check_gradient
from gradkit.gradcheck.evaluate import count_required
from gradkit.gradcheck.structure import align, unpack

Pair = namedtuple("Pair", "left right")


def test_leaves_have_the_names_of_their_path() -> None:
    """And the containers come back as what they were."""
    params = {"layers": [Pair(np.ones(2), 3.0)], "scale": (np.zeros((2, 2)),)}
    found = unpack(params)
    assert [leaf.name for leaf in found.leaves] == ["layers.0.0", "layers.0.1", "scale.0"]
    built = found.build([leaf.array for leaf in found.leaves])
    assert isinstance(built["layers"][0], Pair)
    assert built["layers"][0].right == 3.0
    assert type(built["layers"][0].right) is float


def test_leaves_are_copies_in_their_own_order_of_memory() -> None:
    """A Fortran array stays one."""
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    (leaf,) = unpack(array).leaves
    assert leaf.array.flags.f_contiguous
    assert leaf.array.flat[4] == array[1, 1]
    leaf.array[1, 1] = 99
    assert array[1, 1] == 4


def test_names_must_fit() -> None:
    """One different name for each parameter."""
    assert unpack([W, W], ["a", "b"]).leaves[1].name == "b"
    for names in (["a"], ["a", "a"]):
        with pytest.raises(ValueError, match="one different name to each of the 2 parameters"):
            unpack([W, W], names)


W = np.ones(3)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.array([1j]), "parameter must hold real numbers; found complex numbers"),
        (np.array([True]), "found ndarray of dtype bool"),
        (np.array(["x"]), "found ndarray of dtype <U1"),
        ({"a": "text"}, "parameter 'a' must hold real numbers; found str"),
    ],
)
def test_what_is_not_real_is_refused(value, words: str) -> None:
    """With what was found, and what to do."""
    with pytest.raises(TypeError, match=words):
        unpack(value)


@pytest.mark.parametrize(
    ("params", "gradient", "error", "words"),
    [
        (np.ones((2, 3)), np.ones((3, 2)), ValueError, r"shape \(3, 2\).*Its transpose would fit"),
        (np.ones((2, 1)), np.ones(2), ValueError, "as many entries: reshape it"),
        (np.ones(2), np.ones(3), ValueError, "Return one number for each entry"),
        ({"a": W}, {"b": W}, ValueError, r"dict with the keys \['a'\].*found \['b'\]"),
        ({"a": W}, W, ValueError, "found ndarray"),
        ([W, W], [W], ValueError, "sequence of 2, like the parameters; found list of 1"),
        ([W, W], 1.0, ValueError, "sequence of 2, like the parameters; found float"),
        (W, W * 1j, TypeError, "the gradient must hold real numbers; found complex"),
        (W, [[1.0], [1.0, 2.0]], TypeError, "the gradient must hold real numbers; found list"),
    ],
)
def test_a_gradient_that_does_not_fit_is_refused(params, gradient, error, words: str) -> None:
    """Before f is called even once."""
    with pytest.raises(error, match=words):
        align(gradient, unpack(params))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1j, "the value of f must hold real numbers; found complex numbers"),
        (np.ones(2), r"f must return one real number; found float64 of shape \(2,\)"),
        (None, "the value of f must hold real numbers; found NoneType of dtype object"),
        ("1.0", "the value of f must hold real numbers; found str of dtype <U3"),
        (True, "the value of f must hold real numbers; found bool of dtype bool"),
        (torch.ones(2), r"f must return one real number; found float32 of shape \(2,\)"),
    ],
)
def test_f_must_return_one_real_number(value, words: str) -> None:
    """Anything of size 1 that is real will do; else the message says what was found."""
    with pytest.raises(TypeError, match=words):
        check_gradient(lambda x: value, W, W)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_tensors_go_in_and_come_out(dtype) -> None:
    """F and a callable gradient see tensors of the same dtype."""

    def f(p):
        assert p["w"].dtype == dtype
        return (p["w"] ** 3).sum()

    start = {"w": torch.tensor([1.0, 2.0], dtype=dtype, requires_grad=True)}
    assert check_gradient(f, start, lambda p: {"w": 3 * p["w"] ** 2}).verdict == "agree"
    assert check_gradient(f, start, lambda p: {"w": p["w"] ** 2}).verdict == "disagree"


def test_narrow_tensors_are_taken() -> None:
    """Those that cannot share memory with numpy are made anew for each call."""
    start = torch.tensor([1.0, 2.0], dtype=torch.bfloat16)
    assert check_gradient(lambda p: (p * p).sum(), start, lambda p: 2 * p).verdict != "disagree"
    whole = torch.tensor([1, 2])
    assert check_gradient(lambda p: (p * p).sum(), whole, lambda p: 2 * p).verdict == "agree"


def test_pandas_goes_in_and_comes_out() -> None:
    """F and a callable gradient see the same labels."""
    weights = pd.Series([1.0, 2.0], index=["a", "b"], name="w")
    table = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], columns=["x", "y"])

    def f(p):
        assert p["w"].name == "w"
        return float(p["w"]["a"] ** 3 + p["w"]["b"] * p["t"]["y"].sum())

    def gradient(p):
        w = pd.Series([3 * p["w"]["a"] ** 2, p["t"]["y"].sum()])
        return {"w": w, "t": pd.DataFrame([[0.0, p["w"]["b"]]] * 2)}

    start = {"w": weights, "t": table}
    assert check_gradient(f, start, gradient).verdict == "agree"
    assert check_gradient(f, start, lambda p: gradient(p) | {"w": weights}).verdict == "disagree"
    assert weights.tolist() == [1.0, 2.0]


def test_how_many_arguments_a_function_needs() -> None:
    """Those without a default that may stand by place; nobody knows where there are more."""
    assert count_required(lambda a, b, c=1: 0) == 2
    assert count_required(lambda a, *, b: 0) == 1
    assert count_required(lambda a, *rest: 0) is None
    assert count_required(lambda *rest: 0) is None

    class Untold:
        __signature__ = "none"

        def __call__(self, x):
            return x

    assert count_required(Untold()) is None
