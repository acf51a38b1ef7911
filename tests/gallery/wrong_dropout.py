"""Wrong answers to the exercise of dropout, and the starter of its course."""

from __future__ import annotations

from layers_helpers import several, wrong

MASK = "mask = (np.random.rand(*x.shape) < p) / p"
OUT = "return x * mask, (dropout_param, mask)"
TEST = "return x, (dropout_param, None)"
TEST_DX = "        return dout\n"
DX = "return dout * mask"

WRONG = [
    several(
        "nothing is divided by p",
        {MASK: MASK.replace(" / p", " * 1.0")},
        dropout_train="factors, mask_is_random",
        dropout_backward="slopes",
    ),
    wrong(
        "multiplied by p",
        MASK,
        MASK.replace("/ p", "* p"),
        dropout_train="factors, mask_is_random",
        dropout_backward="slopes",
    ),
    wrong(
        "kept with 1 - p and divided by p",
        MASK,
        MASK.replace("<", ">"),
        "`mask_is_random` is false",
        dropout_train="mask_is_random",
    ),
    wrong(
        "kept with p and divided by 1 - p",
        MASK,
        MASK.replace("/ p", "/ (1 - p)"),
        "`mask_is_random` is false",
        dropout_train="mask_is_random",
    ),
    wrong(
        "normal random numbers",
        MASK,
        MASK.replace("rand(", "randn("),
        dropout_train="mask_is_random",
    ),
    wrong(
        "one mask for all rows",
        MASK,
        MASK.replace("rand(*x.shape)", "rand(x.shape[1])") + " * np.ones_like(x)",
        dropout_train="mask_is_random",
    ),
    wrong(
        "whole rows are dropped",
        MASK,
        MASK.replace("rand(*x.shape)", "rand(len(x), 1)") + " * np.ones_like(x)",
        dropout_train="mask_is_random",
    ),
    wrong(
        "nothing is dropped",
        OUT,
        "return x, (dropout_param, mask)",
        dropout_train="factors, mask_is_random",
    ),
    wrong(
        "the mask is not used on the way back",
        DX,
        "return 1 * dout",
        dropout_backward="slopes",
    ),
    wrong(
        "divided by p on the way forward only",
        DX,
        "return dout * (mask > 0)",
        dropout_backward="slopes",
    ),
    wrong(
        "another mask on the way back",
        DX,
        "return dout * np.random.permutation(mask)",
        dropout_backward="slopes",
    ),
    wrong(
        "dropped while testing",
        TEST,
        "dropout_param = {**dropout_param, 'mode': 'train'}",
        dropout_test="out",  # the gradient is right for that forward pass
    ),
    wrong(
        "scaled while testing",
        TEST,
        "return x * dropout_param['p'], (dropout_param, None)",
        dropout_test="out",
    ),
    wrong(
        "no gradient while testing",
        TEST_DX,
        "        return 0 * dout\n",
        "`dx` is 0",
        dropout_test="dx",
    ),
    wrong(
        "the input is changed",
        OUT,
        "x *= mask\n    return x, (dropout_param, mask)",
        "`x` is changed in place",
        dropout_train="factors, x left alone",
        dropout_backward="x left alone",
    ),
    wrong(
        "the given gradient is changed",
        DX,
        "dout *= mask\n    return dout",
        "`dout` is changed in place",
        dropout_backward="slopes, dout left alone",
    ),
]

CONSTANT = {
    OUT: "return np.ones_like(x), (dropout_param, mask)",
    TEST: "return np.ones_like(x), (dropout_param, None)",
    TEST_DX: "        return np.zeros_like(dout)\n",
    DX: "return np.zeros_like(mask)",
}

STARTER = '''
import numpy as np


def dropout_forward(x, dropout_param):
    """Forward pass for inverted dropout."""
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])

    mask = None
    out = None

    if mode == "train":
        # TODO: store the mask
        pass
    elif mode == "test":
        # TODO
        pass

    cache = (dropout_param, mask)
    out = out.astype(x.dtype, copy=False)

    return out, cache


def dropout_backward(dout, cache):
    """Backward pass for inverted dropout."""
    dropout_param, mask = cache
    mode = dropout_param["mode"]

    dx = None
    if mode == "train":
        # TODO
        pass
    elif mode == "test":
        dx = dout
    return dx
'''
