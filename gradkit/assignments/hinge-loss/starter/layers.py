"""The SVM (hinge) loss of scores, and its gradient.

No function changes what it is handed.
"""

import numpy as np


def svm_loss(x, y):
    """Return the loss of the scores x, and its gradient.

    The margin of a class is its score minus the score of the right class, plus 1. The loss of an
    example is the sum of the positive margins of all wrong classes. The result is the mean of
    these losses over the N examples.

    Parameters
    ----------
    x : array, (N, C)
        Scores: a row for each example, a column for each class.
    y : array of int, (N,)
        Labels, from 0 to C - 1.

    Returns
    -------
    loss : number
    dx : array, (N, C)
        The gradient of the loss by x.
    """
    raise NotImplementedError
