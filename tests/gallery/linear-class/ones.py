import numpy as np


class Linear:
    def __init__(self, in_features, out_features, debug=False):
        self.debug = debug
        self.W = np.zeros((out_features, in_features), dtype="f")
        self.b = np.zeros((out_features, 1), dtype="f")

    def forward(self, A):
        self.A = A
        self.N = A.shape[0]
        self.ones = np.ones((self.N, 1))
        Z = self.A @ self.W.T + self.ones @ self.b.T
        return Z

    def backward(self, dLdZ):
        dLdA = dLdZ @ self.W
        self.dLdW = dLdZ.T @ self.A
        self.dLdb = dLdZ.T @ self.ones
        if self.debug:
            self.dLdA = dLdA
        return dLdA


class Identity:
    def forward(self, Z):
        self.A = Z
        return self.A

    def backward(self, dLdA):
        dAdZ = np.ones(self.A.shape, dtype="f")
        return dLdA * dAdZ


class Sigmoid(Identity):
    def forward(self, Z):
        self.A = 1 / (1 + np.exp(-Z))
        return self.A

    def backward(self, dLdA):
        dAdZ = self.A - self.A * self.A
        return dLdA * dAdZ


class Tanh(Identity):
    def forward(self, Z):
        self.A = (np.exp(Z) - np.exp(-Z)) / (np.exp(Z) + np.exp(-Z))
        return self.A

    def backward(self, dLdA):
        return dLdA * (np.ones_like(self.A) - np.square(self.A))


class ReLU(Identity):
    def forward(self, Z):
        self.A = np.where(Z > 0, Z, 0)
        return self.A

    def backward(self, dLdA):
        dAdZ = np.where(self.A > 0, 1, 0)
        dLdZ = dLdA * dAdZ
        return dLdZ


class MSELoss:
    def forward(self, A, Y):
        self.A = A
        self.Y = Y
        self.N = A.shape[0]
        self.C = A.shape[1]
        se = (A - Y) * (A - Y)
        sse = np.ones((1, self.N)) @ se @ np.ones((self.C, 1))
        mse = sse / (self.N * self.C)
        return mse

    def backward(self):
        dLdA = 2 * (self.A - self.Y) / (self.N * self.C)
        return dLdA


class CrossEntropyLoss:
    def forward(self, A, Y):
        self.A = A
        self.Y = Y
        self.N = A.shape[0]
        self.C = A.shape[1]
        Ones_C = np.ones((self.C, 1))
        Ones_N = np.ones((self.N, 1))
        self.softmax = np.exp(A) / (np.exp(A) @ Ones_C @ Ones_C.T)
        crossentropy = (-Y * np.log(self.softmax)) @ Ones_C
        sum_crossentropy_loss = Ones_N.T @ crossentropy
        mean_crossentropy_loss = sum_crossentropy_loss / self.N
        return mean_crossentropy_loss

    def backward(self):
        dLdA = (self.softmax - self.Y) / self.N
        return dLdA
