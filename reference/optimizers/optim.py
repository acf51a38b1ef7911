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
    config = config or {}
    rate, momentum = config.get("learning_rate", 1e-2), config.get("momentum", 0.9)
    velocity = momentum * config.get("velocity", np.zeros_like(w)) - rate * dw
    return w + velocity, {**config, "velocity": velocity}


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
    config = config or {}
    rate, decay = config.get("learning_rate", 1e-2), config.get("decay_rate", 0.99)
    epsilon = config.get("epsilon", 1e-8)
    cache = decay * config.get("cache", np.zeros_like(w)) + (1 - decay) * dw**2
    return w - rate * dw / (np.sqrt(cache) + epsilon), {**config, "cache": cache}


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
    config = config or {}
    rate, epsilon = config.get("learning_rate", 1e-3), config.get("epsilon", 1e-8)
    beta1, beta2 = config.get("beta1", 0.9), config.get("beta2", 0.999)
    t = config.get("t", 0) + 1
    m = beta1 * config.get("m", np.zeros_like(w)) + (1 - beta1) * dw
    v = beta2 * config.get("v", np.zeros_like(w)) + (1 - beta2) * dw**2
    m_corrected = m / (1 - beta1**t)
    v_corrected = v / (1 - beta2**t)
    next_w = w - rate * m_corrected / (np.sqrt(v_corrected) + epsilon)
    return next_w, {**config, "m": m, "v": v, "t": t}
