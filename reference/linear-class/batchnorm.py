"""Batch normalisation as a class.

No function changes what it is handed.
"""

import numpy as np


class BatchNorm1d:
    """Normalise each feature over the examples of a batch, then scale and shift it.

    Parameters
    ----------
    num_features : int
    alpha : number
        What the running averages keep of themselves in each batch; the batch gets 1 - alpha.

    Attributes
    ----------
    BW : array, (1, num_features)
        The factor of each feature: ones at first.
    Bb : array, (1, num_features)
        What is added to each feature: zeros at first.
    dLdBW : array, (1, num_features)
    dLdBb : array, (1, num_features)
        The gradients of BW and Bb that backward leaves. (num_features,) is accepted for both.
    running_M : array, (1, num_features)
        The running average of the means: zeros at first.
    running_V : array, (1, num_features)
        The running average of the variances, without eps: ones at first.
    """

    def __init__(self, num_features, alpha=0.9):
        self.alpha = alpha
        self.eps = 1e-8
        self.BW = np.ones((1, num_features))
        self.Bb = np.zeros((1, num_features))
        self.running_M = np.zeros((1, num_features))
        self.running_V = np.ones((1, num_features))

    def forward(self, Z, eval=False):
        """Return the normalised, scaled and shifted features.

        If eval is false, use mean and variance of the batch, where the variance is a mean too, and
        update the running averages. If eval is true, use the running averages, and leave them as
        they are. An eps of 1e-8 is added to the variance, under the root.

        Parameters
        ----------
        Z : array, (N, num_features)
        eval : bool

        Returns
        -------
        BZ : array, (N, num_features)
        """
        if eval:
            normalised = (Z - self.running_M) / np.sqrt(self.running_V + self.eps)
            return self.BW * normalised + self.Bb
        mean = Z.mean(axis=0)
        variance = ((Z - mean) ** 2).mean(axis=0)
        self.deviation = np.sqrt(variance + self.eps)
        self.NZ = (Z - mean) / self.deviation
        self.running_M = self.alpha * self.running_M + (1 - self.alpha) * mean
        self.running_V = self.alpha * self.running_V + (1 - self.alpha) * variance
        return self.BW * self.NZ + self.Bb

    def backward(self, dLdBZ):
        """Return the gradient of Z, and keep those of BW and Bb as dLdBW and dLdBb.

        Mean and variance depend on Z as well. The gradients are sums over the batch.

        Parameters
        ----------
        dLdBZ : array, (N, num_features)
            The gradient of BZ, as forward returned it for a batch with eval=False.

        Returns
        -------
        dLdZ : array, (N, num_features)
        """
        self.dLdBW = (dLdBZ * self.NZ).sum(axis=0, keepdims=True)
        self.dLdBb = dLdBZ.sum(axis=0, keepdims=True)
        dLdNZ = dLdBZ * self.BW
        mean = dLdNZ.mean(axis=0)
        slope = (dLdNZ * self.NZ).mean(axis=0)
        return (dLdNZ - mean - self.NZ * slope) / self.deviation
