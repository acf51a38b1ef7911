"""As in years in which b has one axis, any number of axes come before the last, and Linear divides."""

import numpy as np


class Linear:
    def __init__(self, in_features, out_features):
        self.W = np.zeros((out_features, in_features))
        self.b = np.zeros(out_features)

    def init_weights(self, W, b):
        self.W = W
        self.b = b

    def forward(self, A):
        self.A = A
        return A @ self.W.T + self.b

    def backward(self, dLdZ):
        flat = dLdZ.reshape(-1, dLdZ.shape[-1])
        rows = self.A.reshape(-1, self.A.shape[-1])
        self.dLdW = flat.T @ rows / len(rows)
        self.dLdb = flat.sum(axis=0) / len(rows)
        self.dLdA = dLdZ @ self.W
        return self.dLdA


class MSELoss:
    def forward(self, A, Y):
        self.A, self.Y = A, Y
        N, C = A.shape
        return ((A - Y) ** 2).sum() / (N * C)

    def backward(self):
        return self.A - self.Y
