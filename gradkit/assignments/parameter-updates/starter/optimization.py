"""Updates of all parameters of a net: gradient descent, momentum and Adam, on mini-batches.

"Wl" and "bl" are the weights and the bias of layer l = 1, 2, …, L, and "dWl" and "dbl" are what
belongs to them: a gradient or an average. No function changes what it is handed, but the updates
may change parameters and averages. They never change gradients, and return the new values.
"""

import numpy as np


def update_parameters_with_gd(parameters, grads, learning_rate):
    """Return the parameters after one step of gradient descent.

    Parameters
    ----------
    parameters : dict
        "Wl", (n_l, n_(l-1)), and "bl", (n_l, 1).
    grads : dict
        The gradients "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1).
    learning_rate : number

    Returns
    -------
    parameters : dict
        "Wl", (n_l, n_(l-1)), and "bl", (n_l, 1).
    """
    raise NotImplementedError


def random_mini_batches(X, Y, mini_batch_size=64, seed=0):
    """Return the shuffled examples, split into batches.

    A label stays with its example. All batches have mini_batch_size examples, but the last has the
    rest if they cannot be divided. No batch is empty. All examples are in one batch each.

    Parameters
    ----------
    X : array, (n, m)
        m examples, each a column.
    Y : array, (1, m)
        Their labels.
    mini_batch_size : int
    seed : int
        The seed of the random numbers. Another order of the examples is right too.

    Returns
    -------
    mini_batches : list
        A pair (mini_batch_X, mini_batch_Y) for each batch, of (n, size) and (1, size).
    """
    raise NotImplementedError


def initialize_velocity(parameters):
    """Return the velocities before the first step: an array of zeros for each parameter.

    Parameters
    ----------
    parameters : dict
        "Wl", (n_l, n_(l-1)), and "bl", (n_l, 1).

    Returns
    -------
    v : dict
        "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1).
    """
    raise NotImplementedError


def update_parameters_with_momentum(parameters, grads, v, beta, learning_rate):
    """Return the parameters after one step of momentum, and the new velocities.

    The velocity is a moving average of the gradient: the old velocity has the weight beta, and the
    gradient the weight 1 - beta. The step is learning_rate times the new velocity.

    Parameters
    ----------
    parameters : dict
        "Wl", (n_l, n_(l-1)), and "bl", (n_l, 1).
    grads : dict
        The gradients "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1).
    v : dict
        The velocity, "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1).
    beta : number
    learning_rate : number

    Returns
    -------
    parameters : dict
        "Wl", (n_l, n_(l-1)), and "bl", (n_l, 1).
    v : dict
        "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1).
    """
    raise NotImplementedError


def initialize_adam(parameters):
    """Return the two averages of Adam before the first step: zeros for each parameter.

    Parameters
    ----------
    parameters : dict
        "Wl", (n_l, n_(l-1)), and "bl", (n_l, 1).

    Returns
    -------
    v : dict
        "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1).
    s : dict
        "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1).
    """
    raise NotImplementedError


def update_parameters_with_adam(
    parameters, grads, v, s, t, learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8
):
    """Return the parameters after one step of Adam, and the new averages.

    v is a moving average of the gradient, with beta1, and s one of the squared gradient, with
    beta2. Both are returned as they are. For the step, their bias towards the zeros at the start
    is corrected with t. The step is learning_rate times the corrected v, divided by the root of
    the corrected s plus epsilon, which keeps the quotient finite where s is 0.

    Parameters
    ----------
    parameters : dict
        "Wl", (n_l, n_(l-1)), and "bl", (n_l, 1).
    grads : dict
        The gradients "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1).
    v : dict
        The average of the gradient: "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1).
    s : dict
        The average of the squared gradient:
        "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1).
    t : int
        The number of this step: 1 in the first. It is not changed.
    learning_rate : number
    beta1 : number
    beta2 : number
    epsilon : number

    Returns
    -------
    parameters : dict
        "Wl", (n_l, n_(l-1)), and "bl", (n_l, 1).
    v : dict
        "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1).
    s : dict
        "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1).

    Corrected averages may follow as further values.
    """
    raise NotImplementedError


def update_lr(learning_rate0, epoch_num, decay_rate):
    """Return the learning rate of an epoch.

    It is learning_rate0 divided by 1 plus decay_rate times the number of the epoch.

    Parameters
    ----------
    learning_rate0 : number
        The rate of epoch 0.
    epoch_num : int
    decay_rate : number

    Returns
    -------
    learning_rate : number
    """
    raise NotImplementedError


def schedule_lr_decay(learning_rate0, epoch_num, decay_rate, time_interval=1000):
    """Return the learning rate of an epoch. It only changes after every time_interval epochs.

    It is learning_rate0 divided by 1 plus decay_rate times the number of intervals that are over.

    Parameters
    ----------
    learning_rate0 : number
        The rate of the first time_interval epochs.
    epoch_num : int
    decay_rate : number
    time_interval : int

    Returns
    -------
    learning_rate : number
    """
    raise NotImplementedError
