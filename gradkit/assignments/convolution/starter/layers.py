"""Convolution and max pooling, forward and backward, window by window."""

import numpy as np


def conv_forward_naive(x, w, b, conv_param):
    """Return each filter's sum over each window of the padded images, and a cache."""
    raise NotImplementedError


def conv_backward_naive(dout, cache):
    """Return the gradients of x, w and b: each window adds its share."""
    raise NotImplementedError


def max_pool_forward_naive(x, pool_param):
    """Return the largest number of each window, and a cache."""
    raise NotImplementedError


def max_pool_backward_naive(dout, cache):
    """Return the gradient of x: that of each window goes to its largest number."""
    raise NotImplementedError
