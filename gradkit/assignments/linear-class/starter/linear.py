"""A linear layer as a class.

No function changes what it is handed.
"""

import numpy as np


class Linear:
    """A linear layer, for batches whose examples are rows.

    Parameters
    ----------
    in_features : int
    out_features : int

    Attributes
    ----------
    W : array, (out_features, in_features)
    b : array, (out_features, 1)
        What they begin with is up to you. Methods read them here, where others may have been put.
    dLdW : array, (out_features, in_features)
    dLdb : array, (out_features, 1)
        The gradients that backward leaves. If b is (out_features,), so is dLdb.
    """

    def __init__(self, in_features, out_features):
        raise NotImplementedError

    def forward(self, A):
        """Return Z, and keep the input.

        Parameters
        ----------
        A : array, (N, in_features)

        Returns
        -------
        Z : array, (N, out_features)
        """
        raise NotImplementedError

    def backward(self, dLdZ):
        """Return the gradient of A, and keep those of W and b as dLdW and dLdb.

        Parameters
        ----------
        dLdZ : array, (N, out_features)
            The gradient of Z. The loss has divided by N, and so nothing does here.

        Returns
        -------
        dLdA : array, (N, in_features)
        """
        raise NotImplementedError
