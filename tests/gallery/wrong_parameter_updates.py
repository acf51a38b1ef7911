"""Wrong answers to the exercise of updates of dicts, and the starter of its course."""

from __future__ import annotations

from layers_helpers import wrong

DESCENT = (
    'return {name: value - learning_rate * grads["d" + name] for name, value in parameters.items()}'
)
STARTS = "starts = range(0, m, mini_batch_size)"
PAIRS = "return [(X[:, pick], Y[:, pick]) for pick in picks]"
ORDER = "order = np.random.permutation(m)"
VELOCITY = 'return {"d" + name: np.zeros_like(value) for name, value in parameters.items()}'
MOMENTUM = "v = {name: beta * v[name] + (1 - beta) * grads[name] for name in grads}"
STEP = 'return {name: parameters[name] - learning_rate * v["d" + name] for name in parameters}, v'
START_S = 's = {"d" + name: np.zeros_like(value) for name, value in parameters.items()}'
START = "return v, s\n\n\ndef update_parameters_with_adam"
V = "v = {name: beta1 * v[name] + (1 - beta1) * grads[name] for name in grads}"
S = "s = {name: beta2 * s[name] + (1 - beta2) * grads[name] ** 2 for name in grads}"
V_CORRECTED = 'v_corrected = v["d" + name] / (1 - beta1**t)'
S_CORRECTED = 's_corrected = s["d" + name] / (1 - beta2**t)'
UPDATED = "value - learning_rate * v_corrected / (np.sqrt(s_corrected) + epsilon)"
ADAM = "return updated, v, s"
RATE = "return learning_rate0 / (1 + decay_rate * epoch_num)"
SCHEDULED = "return learning_rate0 / (1 + decay_rate * (epoch_num // time_interval))"


def entries(name: str, *keys: str) -> str:
    """Return the expressions of the entries of a dict of outputs."""
    return ", ".join(f"{name}['{key}']" for key in keys)


PARAMETERS, GRADIENTS = ("W1", "b1", "W2", "b2"), ("dW1", "db1", "dW2", "db2")
ADAM_PARAMETERS = entries("adam_parameters", *PARAMETERS)
MOMENTUM_BOTH = (
    f"{entries('momentum_parameters', *PARAMETERS)}, {entries('momentum_v', *GRADIENTS)}"
)

WRONG = [
    wrong(
        "uphill",
        DESCENT,
        DESCENT.replace("value - ", "value + "),
        parameter_updates_descent=entries("gd", *PARAMETERS),
    ),
    wrong(
        "the gradient alone is returned",
        DESCENT,
        DESCENT.replace("value - ", "-"),
        parameter_updates_descent=entries("gd", *PARAMETERS),
    ),
    wrong(
        "the rest is left out",
        STARTS,
        "starts = range(0, m - m % mini_batch_size, mini_batch_size)",
        parameter_updates_batches=("number, np.shape(batch_X[-1]), all_X, all_Y"),
    ),
    wrong(
        "an empty batch at the end",
        STARTS,
        "starts = range(0, m + 1, mini_batch_size)",
        "This happens only with",
        parameter_updates_batches="number, np.shape(batch_X[-1])",
    ),
    wrong(
        "labels are not shuffled",
        PAIRS,
        PAIRS.replace("Y[:, pick]", "Y[:, np.sort(pick)]"),
        parameter_updates_batches="all_Y",
    ),
    wrong(
        "nothing is shuffled",
        ORDER,
        "order = np.arange(m)",
        parameter_updates_batches="same_order",
    ),
    wrong(
        "a velocity of the parameters",
        VELOCITY,
        VELOCITY.replace("np.zeros_like(value)", "value"),
        parameter_updates_velocity=entries("velocity", *GRADIENTS),
    ),
    wrong(
        "no average",
        MOMENTUM,
        MOMENTUM.replace("(1 - beta) * ", ""),
        parameter_updates_momentum=MOMENTUM_BOTH,
    ),
    wrong(
        "beta the other way",
        MOMENTUM,
        "v = {name: (1 - beta) * v[name] + beta * grads[name] for name in grads}",
        parameter_updates_momentum=MOMENTUM_BOTH,
    ),
    wrong(
        "a step along the gradient",
        STEP,
        STEP.replace('v["d" + name]', 'grads["d" + name]'),
        parameter_updates_momentum=entries("momentum_parameters", *PARAMETERS),
    ),
    wrong(
        "ones to start with",
        START_S,
        START_S.replace("zeros", "ones"),
        parameter_updates_averages=entries("start_s", *GRADIENTS),
    ),
    wrong(
        "no square",
        S,
        S.replace(" ** 2", ""),
        parameter_updates_adam=ADAM_PARAMETERS + ", " + entries("adam_s", *GRADIENTS),
    ),
    wrong(
        "beta1 for s",
        S,
        S.replace("beta2", "beta1"),
        parameter_updates_adam=ADAM_PARAMETERS + ", " + entries("adam_s", *GRADIENTS),
    ),
    wrong(
        "beta2 for v",
        V,
        V.replace("beta1", "beta2"),
        parameter_updates_adam=ADAM_PARAMETERS + ", " + entries("adam_v", *GRADIENTS),
    ),
    wrong(
        "v is not corrected",
        V_CORRECTED,
        'v_corrected = v["d" + name]',
        parameter_updates_adam=ADAM_PARAMETERS,
    ),
    wrong(
        "corrected as in the first step",
        S_CORRECTED,
        S_CORRECTED.replace("**t", ""),
        parameter_updates_adam=ADAM_PARAMETERS,
    ),
    wrong(
        "no root",
        UPDATED,
        UPDATED.replace("np.sqrt(s_corrected)", "s_corrected"),
        parameter_updates_adam=ADAM_PARAMETERS,
    ),
    wrong(
        "uphill with Adam",
        UPDATED,
        UPDATED.replace("value - ", "value + "),
        parameter_updates_adam=ADAM_PARAMETERS,
    ),
    wrong(
        "no epsilon",
        UPDATED,
        UPDATED.replace(" + epsilon", ""),
        "This happens only with",
        parameter_updates_adam=ADAM_PARAMETERS,
    ),
    wrong(
        "a gradient is changed",
        ADAM,
        'grads["dW1"] *= learning_rate\n    return updated, v, s',
        "`grads` is changed in place",
        parameter_updates_adam="grads left alone",
    ),
    wrong("a product", RATE, RATE.replace("/ (", "* ("), learning_rate_decay_epoch="rate"),
    wrong(
        "the rate falls in every epoch",
        SCHEDULED,
        SCHEDULED.replace("//", "/"),
        learning_rate_decay_interval="scheduled_rate",
    ),
    wrong(
        "decay of the inverse",
        RATE,
        "return learning_rate0 * (1 - decay_rate * epoch_num)",
        learning_rate_decay_epoch="rate",
    ),
]

ONES = "{name: np.ones_like(value) for name, value in parameters.items()}"
D_ONES = '{"d" + name: np.ones_like(value) for name, value in parameters.items()}'
CONSTANT = {
    DESCENT: f"return {ONES}",
    PAIRS: "return []",
    VELOCITY: f"return {D_ONES}",
    STEP: f"return {ONES}, {D_ONES}",
    START: f"return {D_ONES}, {D_ONES}\n\n\ndef update_parameters_with_adam",
    ADAM: f"return {ONES}, {D_ONES}, {D_ONES}",
    RATE: "return 1.0",
    SCHEDULED: "return 1.0",
}

STARTER = """
import math

import numpy as np


def update_parameters_with_gd(parameters, grads, learning_rate):
    L = len(parameters) // 2
    for l in range(1, L + 1):
        ### START CODE HERE ###
        parameters["W" + str(l)] = None
        parameters["b" + str(l)] = None
        ### END CODE HERE ###
    return parameters


def random_mini_batches(X, Y, mini_batch_size=64, seed=0):
    np.random.seed(seed)
    m = X.shape[1]
    mini_batches = []
    permutation = list(np.random.permutation(m))
    shuffled_X = X[:, permutation]
    shuffled_Y = Y[:, permutation].reshape((1, m))
    num_complete_minibatches = math.floor(m / mini_batch_size)
    for k in range(0, num_complete_minibatches):
        ### START CODE HERE ###
        mini_batch_X = None
        mini_batch_Y = None
        ### END CODE HERE ###
        mini_batch = (mini_batch_X, mini_batch_Y)
        mini_batches.append(mini_batch)
    if m % mini_batch_size != 0:
        ### START CODE HERE ###
        mini_batch_X = None
        mini_batch_Y = None
        ### END CODE HERE ###
        mini_batch = (mini_batch_X, mini_batch_Y)
        mini_batches.append(mini_batch)
    return mini_batches


def initialize_velocity(parameters):
    L = len(parameters) // 2
    v = {}
    for l in range(1, L + 1):
        ### START CODE HERE ###
        v["dW" + str(l)] = None
        v["db" + str(l)] = None
        ### END CODE HERE ###
    return v


def update_parameters_with_momentum(parameters, grads, v, beta, learning_rate):
    L = len(parameters) // 2
    for l in range(1, L + 1):
        ### START CODE HERE ###
        v["dW" + str(l)] = None
        v["db" + str(l)] = None
        parameters["W" + str(l)] = None
        parameters["b" + str(l)] = None
        ### END CODE HERE ###
    return parameters, v


def initialize_adam(parameters):
    L = len(parameters) // 2
    v = {}
    s = {}
    for l in range(1, L + 1):
        ### START CODE HERE ###
        v["dW" + str(l)] = None
        v["db" + str(l)] = None
        s["dW" + str(l)] = None
        s["db" + str(l)] = None
        ### END CODE HERE ###
    return v, s


def update_parameters_with_adam(parameters, grads, v, s, t, learning_rate=0.01,
                                beta1=0.9, beta2=0.999, epsilon=1e-8):
    L = len(parameters) // 2
    v_corrected = {}
    s_corrected = {}
    for l in range(1, L + 1):
        ### START CODE HERE ###
        v["dW" + str(l)] = None
        v["db" + str(l)] = None
        v_corrected["dW" + str(l)] = None
        v_corrected["db" + str(l)] = None
        s["dW" + str(l)] = None
        s["db" + str(l)] = None
        s_corrected["dW" + str(l)] = None
        s_corrected["db" + str(l)] = None
        parameters["W" + str(l)] = None
        parameters["b" + str(l)] = None
        ### END CODE HERE ###
    return parameters, v, s, v_corrected, s_corrected


def update_lr(learning_rate0, epoch_num, decay_rate):
    learning_rate = None
    return learning_rate


def schedule_lr_decay(learning_rate0, epoch_num, decay_rate, time_interval=1000):
    learning_rate = None
    return learning_rate
"""
