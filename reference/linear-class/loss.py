"""Losses as classes: forward takes outputs and targets, backward gives the outputs' gradient.

No function changes what it is handed.
"""

import numpy as np


class MSELoss:
    """The mean of the squared differences, over all N · C of them."""

    def forward(self, A, Y):
        """Return the loss, and keep the differences.

        Parameters
        ----------
        A : array, (N, C)
        Y : array, (N, C)

        Returns
        -------
        L : number
        """
        self.difference = A - Y
        return np.mean(self.difference**2)

    def backward(self):
        """Return the gradient of A: that of the loss which forward returned.

        Returns
        -------
        dLdA : array, (N, C)
        """
        return 2 * self.difference / self.difference.size


class CrossEntropyLoss:
    """The mean over examples of -log of the probability of the right class, by softmax."""

    def forward(self, A, Y):
        """Return the loss, and keep probabilities and targets.

        Parameters
        ----------
        A : array, (N, C)
            What goes into the softmax.
        Y : array, (N, C)
            One-hot: 1 for the right class of each example, and else 0.

        Returns
        -------
        L : number
        """
        shifted = A - A.max(axis=1, keepdims=True)
        exps = np.exp(shifted)
        total = exps.sum(axis=1, keepdims=True)
        self.softmax, self.Y = exps / total, Y
        return np.sum(Y * (np.log(total) - shifted)) / len(A)

    def backward(self):
        """Return the gradient of A: that of the loss which forward returned.

        Returns
        -------
        dLdA : array, (N, C)
        """
        return (self.softmax - self.Y) / len(self.Y)
