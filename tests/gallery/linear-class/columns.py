import numpy as np


class Linear(object):
    def __init__(self, in_features, out_features):
        bound = 1.0 / np.sqrt(in_features)
        self.W = np.random.uniform(-bound, bound, size=(out_features, in_features))
        self.b = np.random.uniform(-bound, bound, size=(out_features, 1))
        self.dLdW = np.zeros_like(self.W)
        self.dLdb = np.zeros_like(self.b)
        self.input = None

    def __call__(self, A):
        return self.forward(A)

    def forward(self, A):
        self.input = A
        # work with columns: Z' = W A' + b
        columns = np.dot(self.W, A.T) + self.b
        return columns.T

    def backward(self, dLdZ):
        dcolumns = dLdZ.T
        self.dLdW = np.dot(dcolumns, self.input)
        self.dLdb = np.sum(dcolumns, axis=1, keepdims=True)
        dLdA = np.dot(self.W.T, dcolumns).T
        assert dLdA.shape == self.input.shape
        assert self.dLdb.shape == self.b.shape
        return dLdA


class Activation(object):
    def __init__(self):
        self.state = None

    def __call__(self, Z):
        return self.forward(Z)

    def backward(self, dLdA):
        return np.multiply(dLdA, self.derivative())


class ReLU(Activation):
    def forward(self, Z):
        self.state = np.maximum(0.0, Z)
        return self.state

    def derivative(self):
        d = np.ones(self.state.shape)
        d[self.state <= 0] = 0.0
        return d


class Sigmoid(Activation):
    def forward(self, Z):
        self.state = 1.0 / (1.0 + np.exp(-Z))
        return self.state

    def derivative(self):
        return self.state * (1.0 - self.state)


class Tanh(Activation):
    def forward(self, Z):
        self.state = np.tanh(Z)
        return self.state

    def derivative(self):
        return 1.0 - np.square(self.state)


class MSELoss(object):
    def forward(self, A, Y):
        self.error = A - Y
        return np.sum(self.error ** 2) / (2 * self.error.size)

    def backward(self):
        return self.error


class CrossEntropyLoss(object):
    def forward(self, A, Y):
        self.labels = Y
        biggest = np.max(A, axis=1, keepdims=True)
        logsumexp = biggest + np.log(np.sum(np.exp(A - biggest), axis=1, keepdims=True))
        log_probs = A - logsumexp
        self.probs = np.exp(log_probs)
        return -np.sum(log_probs * Y) / A.shape[0]

    def backward(self):
        batch_size = self.labels.shape[0]
        grad = self.probs.copy()
        grad -= self.labels
        return grad / batch_size
