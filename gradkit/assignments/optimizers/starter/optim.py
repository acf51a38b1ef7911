"""Update rules: momentum, RMSProp and Adam.

No function changes what it is handed, but for w and the entries of config. A rule stores its
averages in config, so that the next step can go on from there.
"""

import numpy as np


def sgd_momentum(w, dw, config=None):
    """Return the weights after a step with momentum, and config.

    The velocity becomes momentum times the old velocity minus learning_rate times the gradient.
    The new velocity is added to the weights.

    Parameters
    ----------
    w : array, (N, D)
        Weights.
    dw : array, (N, D)
        The gradient of the loss by w.
    config : dict
        Any entry may be missing: "learning_rate", then 1e-2, "momentum", then 0.9, and
        "velocity", (N, D), then zeros.

    Returns
    -------
    next_w : array, (N, D)
    config : dict
        With the new "velocity", (N, D), and the other entries: "learning_rate", "momentum".
    """
    raise NotImplementedError


def rmsprop(w, dw, config=None):
    """Return the weights after a step of RMSProp, and config.

    The cache is a moving average of the squared gradient: decay_rate times the old cache plus
    1 - decay_rate times the squared gradient. The step is learning_rate times the gradient,
    divided by the root of the new cache plus epsilon. epsilon is not under the root.

    Parameters
    ----------
    w : array, (N, D)
        Weights.
    dw : array, (N, D)
        The gradient of the loss by w.
    config : dict
        Any entry may be missing: "learning_rate", then 1e-2, "decay_rate", then 0.99,
        "epsilon", then 1e-8, and "cache", (N, D), then zeros.

    Returns
    -------
    next_w : array, (N, D)
    config : dict
        With the new "cache", (N, D), and the other entries: "learning_rate", "decay_rate",
        "epsilon".
    """
    raise NotImplementedError


def adam(w, dw, config=None):
    """Return the weights after a step of Adam, and config.

    t counts the steps: add 1 before you use it. m is a moving average of the gradient, with
    beta1, and v one of the squared gradient, with beta2. Both are stored as they are. For the
    step, their bias towards the zeros at the start is corrected with t. The step is learning_rate
    times the corrected m, divided by the root of the corrected v plus epsilon. epsilon is not
    under the root.

    Parameters
    ----------
    w : array, (N, D)
        Weights.
    dw : array, (N, D)
        The gradient of the loss by w.
    config : dict
        Any entry may be missing: "learning_rate", then 1e-3, "beta1", then 0.9, "beta2", then
        0.999, "epsilon", then 1e-8, "m", (N, D), then zeros, "v", (N, D), then zeros, and "t",
        then 0.

    Returns
    -------
    next_w : array, (N, D)
    config : dict
        With the new "m", (N, D), "v", (N, D), and "t", and the other entries: "learning_rate",
        "beta1", "beta2", "epsilon".
    """
    raise NotImplementedError
