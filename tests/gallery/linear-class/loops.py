import math
import random

import numpy as np


class Linear:
    def __init__(self, in_features: int, out_features: int):
        self.W = np.array([[random.gauss(0, 1) for _ in range(in_features)] for _ in range(out_features)])
        self.b = np.array([[0.0]] * out_features)
        self.dLdW = None
        self.dLdb = None

    def forward(self, A):
        self.A = A.copy()
        rows = []
        for a in A:
            rows.append([float(w @ a) + float(b[0]) for w, b in zip(self.W, self.b)])
        return np.array(rows)

    def backward(self, dLdZ):
        self.dLdW = np.zeros(self.W.shape)
        self.dLdb = np.zeros(self.b.shape)
        dLdA = np.zeros(self.A.shape)
        for a, dz, da in zip(self.A, dLdZ, dLdA):
            self.dLdW += np.outer(dz, a)
            self.dLdb += dz.reshape(-1, 1)
            da += self.W.T.dot(dz)
        return dLdA


class Elementwise:
    def forward(self, Z):
        self.Z = Z
        return np.array([[self.f(z) for z in row] for row in Z])

    def backward(self, dLdA):
        return dLdA * np.array([[self.df(z) for z in row] for row in self.Z])


class ReLU(Elementwise):
    def f(self, z):
        return max(0.0, z)

    def df(self, z):
        return 1.0 if z > 0 else 0.0


class Sigmoid(Elementwise):
    def f(self, z):
        return 1.0 / (1.0 + math.exp(-z))

    def df(self, z):
        return self.f(z) * (1 - self.f(z))


class Tanh(Elementwise):
    f = staticmethod(math.tanh)

    def df(self, z):
        return 1 / math.cosh(z) ** 2


class MSELoss:
    def forward(self, A, Y):
        self.A, self.Y = A, Y
        total = 0
        for a, y in zip(A, Y):
            for p, q in zip(a, y):
                total += (p - q) ** 2
        return total / A.size

    def backward(self):
        return [[2 * (p - q) / self.A.size for p, q in zip(a, y)] for a, y in zip(self.A, self.Y)]


class CrossEntropyLoss:
    def forward(self, A, Y):
        self.grad = np.zeros(A.shape)
        total = 0.0
        for n in range(len(A)):
            biggest = max(A[n])
            exps = [math.exp(a - biggest) for a in A[n]]
            right = int(np.argmax(Y[n]))
            total -= math.log(exps[right] / sum(exps))
            for c in range(A.shape[1]):
                self.grad[n, c] = exps[c] / sum(exps) / len(A)
            self.grad[n, right] -= 1 / len(A)
        return total / len(A)

    def backward(self):
        return self.grad
