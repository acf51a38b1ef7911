"""As in the first years: W is (inputs, outputs), and slopes are called derivative."""

import numpy as np


class Linear:
    def __init__(self, in_feature, out_feature, weight_init_fn, bias_init_fn):
        self.W = weight_init_fn(in_feature, out_feature)
        self.b = bias_init_fn(out_feature)
        self.dW = np.zeros((in_feature, out_feature))
        self.db = np.zeros((1, out_feature))
        self.momentum_W = np.zeros((in_feature, out_feature))
        self.momentum_b = np.zeros((1, out_feature))

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, delta):
        rows = len(delta)
        self.dW = self.x.T @ delta / rows
        self.db = delta.mean(axis=0, keepdims=True)
        return delta @ self.W.T


class Activation:
    def __init__(self):
        self.state = None

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        raise NotImplementedError

    def derivative(self):
        raise NotImplementedError


class Sigmoid(Activation):
    def forward(self, x):
        self.state = 1 / (1 + np.exp(-x))
        return self.state

    def derivative(self):
        return self.state - self.state**2


class Tanh(Activation):
    def forward(self, x):
        self.state = np.tanh(x)
        return self.state

    def derivative(self):
        return 1 - self.state**2


class ReLU(Activation):
    def forward(self, x):
        self.state = np.where(x > 0, x, 0.0)
        return self.state

    def derivative(self):
        return (self.state > 0).astype(float)


class SoftmaxCrossEntropy:
    def __init__(self):
        self.softmax = self.labels = None

    def forward(self, x, y):
        self.labels = y
        top = x.max(axis=1, keepdims=True)
        logs = x - top - np.log(np.exp(x - top).sum(axis=1, keepdims=True))
        self.softmax = np.exp(logs)
        return -(y * logs).sum(axis=1)

    def derivative(self):
        return self.softmax - self.labels


class BatchNorm:
    def __init__(self, in_feature, alpha=0.9):
        self.alpha, self.eps = alpha, 1e-8
        self.gamma = np.ones((1, in_feature))
        self.beta = np.zeros((1, in_feature))
        self.dgamma = np.zeros((1, in_feature))
        self.dbeta = np.zeros((1, in_feature))
        self.running_mean = np.zeros((1, in_feature))
        self.running_var = np.ones((1, in_feature))

    def forward(self, x, eval=False):
        if eval:
            norm = (x - self.running_mean) / np.sqrt(self.running_var + self.eps)
            return self.gamma * norm + self.beta
        self.x = x
        self.mean = x.mean(axis=0)
        self.var = x.var(axis=0)
        self.norm = (x - self.mean) / np.sqrt(self.var + self.eps)
        self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean
        self.running_var = self.alpha * self.running_var + (1 - self.alpha) * self.var
        return self.gamma * self.norm + self.beta

    def backward(self, delta):
        n = len(delta)
        self.dbeta = delta.sum(axis=0)
        self.dgamma = (delta * self.norm).sum(axis=0)
        dnorm = delta * self.gamma
        inner = n * dnorm - dnorm.sum(axis=0) - self.norm * (dnorm * self.norm).sum(axis=0)
        return inner / n / np.sqrt(self.var + self.eps)
