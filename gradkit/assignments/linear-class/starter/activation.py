"""Activations as classes, whose derivatives are written in what they gave.

No function changes what it is handed.
"""

import numpy as np


class ReLU:
    """The input where it is positive, and else 0."""

    def forward(self, Z):
        """Return the activations, and keep them.

        Parameters
        ----------
        Z : array, (N, M)

        Returns
        -------
        A : array, (N, M)
        """
        raise NotImplementedError

    def backward(self, dLdA):
        """Return the gradient of Z.

        Parameters
        ----------
        dLdA : array, (N, M)
            The gradient of A, as forward returned it.

        Returns
        -------
        dLdZ : array, (N, M)
        """
        raise NotImplementedError


class Sigmoid:
    """The logistic function."""

    def forward(self, Z):
        """Return the activations, and keep them.

        Parameters
        ----------
        Z : array, (N, M)

        Returns
        -------
        A : array, (N, M)
        """
        raise NotImplementedError

    def backward(self, dLdA):
        """Return the gradient of Z.

        Parameters
        ----------
        dLdA : array, (N, M)
            The gradient of A, as forward returned it.

        Returns
        -------
        dLdZ : array, (N, M)
        """
        raise NotImplementedError


class Tanh:
    """The hyperbolic tangent."""

    def forward(self, Z):
        """Return the activations, and keep them.

        Parameters
        ----------
        Z : array, (N, M)

        Returns
        -------
        A : array, (N, M)
        """
        raise NotImplementedError

    def backward(self, dLdA):
        """Return the gradient of Z.

        Parameters
        ----------
        dLdA : array, (N, M)
            The gradient of A, as forward returned it.

        Returns
        -------
        dLdZ : array, (N, M)
        """
        raise NotImplementedError
