"""Batch normalisation step by step, with all that the course keeps."""

import numpy as np


class BatchNorm1d:
    def __init__(self, num_features, alpha=0.9):
        self.alpha, self.eps = alpha, 1e-8
        self.BW, self.Bb = np.ones((1, num_features)), np.zeros((1, num_features))
        self.dLdBW, self.dLdBb = np.zeros((1, num_features)), np.zeros((1, num_features))
        self.running_M, self.running_V = np.zeros((1, num_features)), np.ones((1, num_features))

    def forward(self, Z, eval=False):
        if eval:
            return self.BW * (Z - self.running_M) / np.sqrt(self.running_V + self.eps) + self.Bb
        self.Z = Z
        self.N = Z.shape[0]
        self.M = np.sum(Z, axis=0, keepdims=True) / self.N
        self.V = np.sum((Z - self.M) ** 2, axis=0, keepdims=True) / self.N
        self.NZ = (Z - self.M) / np.sqrt(self.V + self.eps)
        self.BZ = self.BW * self.NZ + self.Bb
        self.running_M = self.alpha * self.running_M + (1 - self.alpha) * self.M
        self.running_V = self.alpha * self.running_V + (1 - self.alpha) * self.V
        return self.BZ

    def backward(self, dLdBZ):
        self.dLdBW = np.sum(dLdBZ * self.NZ, axis=0, keepdims=True)
        self.dLdBb = np.sum(dLdBZ, axis=0, keepdims=True)
        dLdNZ = dLdBZ * self.BW
        spread = self.V + self.eps
        dLdV = -0.5 * np.sum(dLdNZ * (self.Z - self.M) * spread**-1.5, axis=0, keepdims=True)
        dNZdM = -(spread**-0.5) - 0.5 * (self.Z - self.M) * spread**-1.5 * (
            -2 / self.N * np.sum(self.Z - self.M, axis=0, keepdims=True)
        )
        dLdM = np.sum(dLdNZ * dNZdM, axis=0, keepdims=True)
        return dLdNZ * spread**-0.5 + dLdV * 2 / self.N * (self.Z - self.M) + dLdM / self.N
