"""Logistic regression on a batch whose examples are columns.

No function changes what it is handed.
"""

import numpy as np


def sigmoid(z):
    """Return the logistic function of each number in z.

    Parameters
    ----------
    z : array of any shape, or number

    Returns
    -------
    s : array or number, in the shape of z
    """
    raise NotImplementedError


def initialize_with_zeros(dim):
    """Return weights and a bias of 0.

    Parameters
    ----------
    dim : int
        How many weights there are.

    Returns
    -------
    w : array, (dim, 1)
    b : number
    """
    raise NotImplementedError


def propagate(w, b, X, Y):
    """Return the gradients of the cost, and the cost.

    Parameters
    ----------
    w : array, (n, 1)
    b : number
    X : array, (n, m)
        m examples, each a column.
    Y : array, (1, m)
        Labels, 0 or 1.

    Returns
    -------
    grads : dict
        "dw", (n, 1), and "db", a number.
    cost : number
        The mean cross entropy over the examples, with the natural logarithm.
    """
    raise NotImplementedError


def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    """Take steps of gradient descent, each with all examples.

    Parameters
    ----------
    w : array, (n, 1)
    b : number
        Where to start from.
    X : array, (n, m)
    Y : array, (1, m)
    num_iterations : int
        How many steps to take.
    learning_rate : number
    print_cost : bool
        Whether to print costs. What is printed is not judged.

    Returns
    -------
    params : dict
        "w", (n, 1), and "b", a number, after the last step.
    grads : dict
        "dw", (n, 1), and "db", a number, with which the last step was taken.
    costs : list of numbers
        The cost before the first step, and before every hundredth after it: steps 0, 100, 200, …
    """
    raise NotImplementedError


def predict(w, b, X):
    """Return 1 for each example whose probability is above 0.5, and else 0.

    Parameters
    ----------
    w : array, (n, 1)
    b : number
    X : array, (n, m)

    Returns
    -------
    labels : array, (1, m)
        Of whole numbers, floats or bools.
    """
    raise NotImplementedError
