import numpy as np


class Linear:
    def __init__(self, in_features, out_features, debug=False):
        self.W = np.zeros((out_features, in_features), dtype="f")
        self.b = np.zeros((out_features, 1), dtype="f")
        self.dLdW = np.zeros((out_features, in_features), dtype="f")
        self.dLdb = np.zeros((out_features, 1), dtype="f")
        self.debug = debug

    def forward(self, A):
        self.A = A
        self.N = A.shape[0]
        self.Ones = np.ones((self.N, 1), dtype="f")
        return np.dot(A, self.W.T) + np.dot(self.Ones, self.b.T)

    def backward(self, dLdZ):
        dZdA = self.W.T
        dLdA = np.dot(dLdZ, dZdA.T)
        dLdW = np.dot(dLdZ.T, self.A)
        dLdb = np.dot(dLdZ.T, self.Ones)
        self.dLdW = dLdW / self.N
        self.dLdb = dLdb / self.N
        return dLdA


class Sigmoid:
    def forward(self, Z):
        self.A = 1 / (1 + np.exp(-Z))
        return self.A

    def backward(self):
        dAdZ = self.A - self.A ** 2
        return dAdZ


class Tanh:
    def forward(self, Z):
        self.A = np.tanh(Z)
        return self.A

    def backward(self):
        return 1 - np.square(self.A)


class ReLU:
    def forward(self, Z):
        self.A = np.maximum(0, Z)
        return self.A

    def backward(self):
        dAdZ = np.zeros(self.A.shape)
        dAdZ[self.A > 0] = 1
        return dAdZ


class MSELoss:
    def forward(self, A, Y):
        self.A, self.Y = A, Y
        self.N, self.C = A.shape
        se = (A - Y) ** 2
        sse = np.ones((self.N, 1)).T @ se @ np.ones((self.C, 1))
        return sse / (2 * self.N * self.C)

    def backward(self):
        return (self.A - self.Y) / (self.N * self.C)


class CrossEntropyLoss:
    def forward(self, A, Y):
        self.A, self.Y = A, Y
        self.softmax = np.exp(A) / np.sum(np.exp(A), axis=1, keepdims=True)
        crossentropy = -Y * np.log(self.softmax + 1e-9)
        return np.sum(crossentropy) / len(A)

    def backward(self):
        return self.softmax - self.Y
