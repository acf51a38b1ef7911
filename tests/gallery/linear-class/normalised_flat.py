"""Batch normalisation whose means and gradients have one axis."""

import numpy as np


class BatchNorm1d:
    def __init__(self, num_features, alpha=0.9):
        self.alpha = alpha
        self.eps = 1e-8
        self.BW = np.ones((1, num_features))
        self.Bb = np.zeros((1, num_features))
        self.running_M = np.zeros((1, num_features))
        self.running_V = np.ones((1, num_features))

    def forward(self, Z, eval=False):
        if eval:
            mean, var = self.running_M, self.running_V
        else:
            mean, var = np.mean(Z, axis=0), np.var(Z, axis=0)
            self.running_M = self.alpha * self.running_M + (1 - self.alpha) * mean
            self.running_V = self.alpha * self.running_V + (1 - self.alpha) * var
        NZ = (Z - mean) / np.sqrt(var + self.eps)
        if not eval:
            self.NZ, self.var = NZ, var
        return self.BW * NZ + self.Bb

    def backward(self, dLdBZ):
        N = len(dLdBZ)
        self.dLdBW = np.einsum("nd,nd->d", dLdBZ, self.NZ)
        self.dLdBb = np.einsum("nd->d", dLdBZ)
        scale = self.BW / (N * np.sqrt(self.var + self.eps))
        return scale * (N * dLdBZ - self.dLdBb - self.NZ * self.dLdBW)
