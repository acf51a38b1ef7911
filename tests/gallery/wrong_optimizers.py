"""Wrong answers to the exercise of update rules, and the starter of its course."""

from __future__ import annotations

from layers_helpers import several, wrong

VELOCITY = 'velocity = momentum * config.get("velocity", np.zeros_like(w)) - rate * dw'
MOMENTUM = 'return w + velocity, {**config, "velocity": velocity}'
CACHE = 'cache = decay * config.get("cache", np.zeros_like(w)) + (1 - decay) * dw**2'
RMSPROP = 'return w - rate * dw / (np.sqrt(cache) + epsilon), {**config, "cache": cache}'
T = 't = config.get("t", 0) + 1'
M = 'm = beta1 * config.get("m", np.zeros_like(w)) + (1 - beta1) * dw'
V = 'v = beta2 * config.get("v", np.zeros_like(w)) + (1 - beta2) * dw**2'
M_CORRECTED = "m_corrected = m / (1 - beta1**t)"
V_CORRECTED = "v_corrected = v / (1 - beta2**t)"
NEXT = "next_w = w - rate * m_corrected / (np.sqrt(v_corrected) + epsilon)"
ADAM = 'return next_w, {**config, "m": m, "v": v, "t": t}'

STATE_VELOCITY, STATE_CACHE = "momentum_state['velocity']", "rmsprop_state['cache']"
STATE_M, STATE_V, STATE_T = "adam_state['m']", "adam_state['v']", "adam_state['t']"

WRONG = [
    wrong(
        "uphill",
        VELOCITY,
        VELOCITY.replace("- rate", "+ rate"),
        optimizers_momentum=f"momentum_w, {STATE_VELOCITY}",
    ),
    wrong(
        "the velocity is taken away",
        MOMENTUM,
        MOMENTUM.replace("w + ", "w - "),
        optimizers_momentum="momentum_w",
    ),
    wrong(
        "no momentum",
        VELOCITY,
        "velocity = -rate * dw",
        optimizers_momentum=f"momentum_w, {STATE_VELOCITY}",
    ),
    wrong(
        "the velocity is not stored",
        MOMENTUM,
        "return w + velocity, config",
        optimizers_momentum=STATE_VELOCITY,
    ),
    wrong(
        "the rate twice",
        MOMENTUM,
        MOMENTUM.replace("w + velocity", "w + rate * velocity"),
        optimizers_momentum="momentum_w",
    ),
    wrong(
        "another default of momentum",
        '"momentum", 0.9',
        '"momentum", 0.5',
        "This happens only with",
        optimizers_momentum=f"momentum_w, {STATE_VELOCITY}",
    ),
    wrong(
        "the gradient is changed",
        ADAM,
        f"dw *= rate\n    {ADAM}",
        "`dw` is changed in place",
        optimizers_adam="dw left alone",
    ),
    wrong(
        "the gradient is not squared",
        CACHE,
        CACHE.replace("dw**2", "np.abs(dw)"),
        optimizers_rmsprop=f"rmsprop_w, {STATE_CACHE}",
    ),
    wrong(
        "the decay the other way",
        CACHE,
        'cache = (1 - decay) * config.get("cache", np.zeros_like(w)) + decay * dw**2',
        optimizers_rmsprop=f"rmsprop_w, {STATE_CACHE}",
    ),
    wrong(
        "the squares are added up",
        CACHE,
        CACHE.replace("(1 - decay) * ", ""),
        optimizers_rmsprop=f"rmsprop_w, {STATE_CACHE}",
    ),
    wrong(
        "no root",
        RMSPROP,
        RMSPROP.replace("np.sqrt(cache)", "cache"),
        optimizers_rmsprop="rmsprop_w",
    ),
    wrong(
        "epsilon under the root",
        RMSPROP,
        RMSPROP.replace("(np.sqrt(cache) + epsilon)", "np.sqrt(cache + epsilon)"),
        "This happens only with",
        optimizers_rmsprop="rmsprop_w",
    ),
    wrong(
        "no bracket",
        RMSPROP,
        RMSPROP.replace("(np.sqrt(cache) + epsilon)", "np.sqrt(cache) + epsilon"),
        "This happens only with",
        optimizers_rmsprop="rmsprop_w",
    ),
    wrong(
        "the old cache in the step",
        RMSPROP,
        RMSPROP.replace("np.sqrt(cache)", 'np.sqrt(config.get("cache", cache))'),
        optimizers_rmsprop="rmsprop_w",
    ),
    wrong(
        "steps are not counted", T, T.replace(" + 1", " or 1"), optimizers_adam=f"adam_w, {STATE_T}"
    ),
    wrong(
        "the count is not stored",
        ADAM,
        ADAM.replace('"t": t', '"t": t - 1'),
        optimizers_adam=STATE_T,
    ),
    wrong(
        "no correction of m",
        M_CORRECTED,
        "m_corrected = m",
        optimizers_adam="adam_w",
    ),
    wrong(
        "no correction of v",
        V_CORRECTED,
        "v_corrected = v",
        optimizers_adam="adam_w",
    ),
    wrong(
        "the rates exchanged in the corrections",
        V_CORRECTED,
        V_CORRECTED.replace("beta2", "beta1"),
        optimizers_adam="adam_w",
    ),
    wrong(
        "a product in the correction",
        V_CORRECTED,
        V_CORRECTED.replace("beta2**t", "beta2 * t"),
        optimizers_adam="adam_w",
    ),
    several(
        "corrected averages are stored",
        {
            M_CORRECTED: "m_corrected = m = m / (1 - beta1**t)",
            V_CORRECTED: "v_corrected = v = v / (1 - beta2**t)",
        },
        optimizers_adam=f"{STATE_M}, {STATE_V}",
    ),
    wrong("beta2 for m", M, M.replace("beta1", "beta2"), optimizers_adam=f"adam_w, {STATE_M}"),
    wrong("no square", V, V.replace("**2", ""), optimizers_adam=f"adam_w, {STATE_V}"),
    wrong(
        "the gradient for m in the step",
        NEXT,
        NEXT.replace("m_corrected", "dw"),
        optimizers_adam="adam_w",
    ),
    wrong("uphill with Adam", NEXT, NEXT.replace("w - ", "w + "), optimizers_adam="adam_w"),
    wrong(
        "epsilon under the root of Adam",
        NEXT,
        NEXT.replace("(np.sqrt(v_corrected) + epsilon)", "np.sqrt(v_corrected + epsilon)"),
        "This happens only with",
        optimizers_adam="adam_w",
    ),
]

CONSTANT = {
    MOMENTUM: "return np.ones_like(w), config",
    RMSPROP: "return np.ones_like(w), config",
    ADAM: "return np.ones_like(w), config",
}

STARTER = '''
import numpy as np


def sgd(w, dw, config=None):
    """Plain gradient descent is given."""
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-2)
    w -= config["learning_rate"] * dw
    return w, config


def sgd_momentum(w, dw, config=None):
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-2)
    config.setdefault("momentum", 0.9)
    v = config.get("velocity", np.zeros_like(w))
    next_w = None
    # TODO
    pass
    config["velocity"] = v
    return next_w, config


def rmsprop(w, dw, config=None):
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-2)
    config.setdefault("decay_rate", 0.99)
    config.setdefault("epsilon", 1e-8)
    config.setdefault("cache", np.zeros_like(w))
    next_w = None
    # TODO
    pass
    return next_w, config


def adam(w, dw, config=None):
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-3)
    config.setdefault("beta1", 0.9)
    config.setdefault("beta2", 0.999)
    config.setdefault("epsilon", 1e-8)
    config.setdefault("m", np.zeros_like(w))
    config.setdefault("v", np.zeros_like(w))
    config.setdefault("t", 0)
    next_w = None
    # TODO
    pass
    return next_w, config
'''
