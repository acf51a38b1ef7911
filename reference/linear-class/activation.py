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
        self.A = np.maximum(Z, 0)
        return self.A

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
        return dLdA * (self.A > 0)


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
        self.A = 1 / (1 + np.exp(-Z))
        return self.A

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
        return dLdA * self.A * (1 - self.A)


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
        self.A = np.tanh(Z)
        return self.A

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
        return dLdA * (1 - self.A**2)
