import numpy as np


def average(old, new, rate):
    # (1 - rate) of the way to the new value
    return new + rate * (old - new)


def sgd_momentum(w, dw, config=None):
    config = dict(learning_rate=1e-2, momentum=0.9, velocity=np.zeros(w.shape), **{}) | (config or {})
    config["velocity"] = -(config["learning_rate"] * dw - config["momentum"] * config["velocity"])
    w += config["velocity"]
    return w, config


def rmsprop(w, dw, config=None):
    config = dict(learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8, cache=0 * w) | (config or {})
    config["cache"] = average(config["cache"], np.square(dw), config["decay_rate"])
    w -= dw * config["learning_rate"] / (config["epsilon"] + config["cache"] ** 0.5)
    return w, config


def adam(w, dw, config=None):
    start = dict(learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, m=0 * w, v=0 * w, t=0)
    config = start | (config or {})
    beta1, beta2, t = config["beta1"], config["beta2"], config["t"] + 1
    config.update(
        t=t,
        m=average(config["m"], dw, beta1),
        v=average(config["v"], dw * dw, beta2),
    )
    root = np.sqrt(1 - beta2**t)
    rate = config["learning_rate"] * root / (1 - np.power(beta1, t))
    w -= rate * config["m"] / (np.sqrt(config["v"]) + root * config["epsilon"])
    return w, config
