"""A net of two layers with a softmax loss.

No function changes what it is handed.
"""

import numpy as np


class TwoLayerNet:
    """Affine, ReLU, affine, softmax; each example is a row.

    Parameters
    ----------
    input_size : int
        How many numbers an example has, D.
    hidden_size : int
        How many hidden units there are, H.
    output_size : int
        How many classes there are, C.
    std : number
        The standard deviation of the weights, which are normally distributed.

    Attributes
    ----------
    params : dict
        "W1", (D, H), "b1", (H,), "W2", (H, C), and "b2", (C,). Biases begin as 0. Methods read
        parameters here, where others may have been put.
    """

    def __init__(self, input_size, hidden_size, output_size, std=1e-4):
        raise NotImplementedError

    def loss(self, X, y=None, reg=0.0):
        """Return the loss and the gradient of each parameter; without labels, the scores.

        The loss is the mean over the examples of -log of the probability of the right class, and on
        top reg * (sum(W1²) + sum(W2²)): biases do not count. All are finite for scores of a
        thousand too. Without y, one array is returned: scores, (N, C), which go into the softmax.

        Parameters
        ----------
        X : array, (N, D)
        y : array of int, (N,), or None
            Labels, from 0 to C - 1.
        reg : number

        Returns
        -------
        loss : number
        grads : dict
            "W1", (D, H), "b1", (H,), "W2", (H, C), and "b2", (C,), named as the parameters are.
        """
        raise NotImplementedError

    def predict(self, X):
        """Return the class of the highest score for each example.

        Parameters
        ----------
        X : array, (N, D)

        Returns
        -------
        labels : array of int, (N,)
        """
        raise NotImplementedError
