from copy import deepcopy

import numpy as np


def update_parameters_with_gd(parameters, grads, learning_rate):
    new = deepcopy(parameters)
    for name in new:
        new[name] = np.subtract(new[name], learning_rate * grads[f"d{name}"])
    return new


def random_mini_batches(X, Y, mini_batch_size=64, seed=0):
    # any order will do
    rng = np.random.default_rng(seed)
    both = rng.permutation(np.vstack((X, Y)), axis=1)
    batches = []
    while both.shape[1] > 0:
        batch, both = both[:, :mini_batch_size], both[:, mini_batch_size:]
        batches.append([batch[:-1], batch[-1:]])
    return batches


def initialize_velocity(parameters):
    return dict(("d" + key, 0 * array) for key, array in parameters.items())


def moving(old, new, weight):
    return {key: new[key] + weight * (old[key] - new[key]) for key in old}


def update_parameters_with_momentum(parameters, grads, v, beta, learning_rate):
    v = moving(v, grads, beta)
    return update_parameters_with_gd(parameters, v, learning_rate), v


def initialize_adam(parameters):
    return initialize_velocity(parameters), initialize_velocity(parameters)


def update_parameters_with_adam(parameters, grads, v, s, t, learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8):
    v = moving(v, grads, beta1)
    s = moving(s, {key: grad * grad for key, grad in grads.items()}, beta2)
    directions = {}
    for key in v:
        first, second = v[key] / (1 - beta1**t), s[key] / (1 - beta2**t)
        directions[key] = first / (epsilon + second**0.5)
    return update_parameters_with_gd(parameters, directions, learning_rate), v, s


def update_lr(learning_rate0, epoch_num, decay_rate):
    return learning_rate0 * (1 + decay_rate * epoch_num) ** -1


def schedule_lr_decay(learning_rate0, epoch_num, decay_rate, time_interval=1000):
    return update_lr(learning_rate0, int(epoch_num / time_interval), decay_rate)
