"""Scaled dot-product attention as a class: forward keeps what backward needs.

No function changes what it is handed.
"""

import numpy as np


class ScaledDotProductAttention:
    """Attention of queries to keys, without parameters.

    The score of a query and a key is their scalar product, divided by the root of its length E. The
    weights are the softmax of the scores over the S keys. The output of a query is the sum of the
    values, times their weights.
    """

    def forward(self, Q, K, V, mask=None):
        """Return the outputs. They are finite for scores of a thousand too.

        Parameters
        ----------
        Q : array, (N, H, L, E)
            L queries, for N examples with H heads.
        K : array, (N, H, S, E)
            S keys.
        V : array, (N, H, S, M)
            S values.
        mask : array of bool, (N, H, L, S), optional
            It is True where a query ignores a key: the weight is 0. No query ignores all keys.

        Returns
        -------
        output : array, (N, H, L, M)
        """
        raise NotImplementedError

    def backward(self, d_output):
        """Return the gradients by Q, K and V of the last forward pass.

        Parameters
        ----------
        d_output : array, (N, H, L, M)
            The gradient by the outputs.

        Returns
        -------
        d_Q : array, (N, H, L, E)
        d_K : array, (N, H, S, E)
        d_V : array, (N, H, S, M)
        """
        raise NotImplementedError
