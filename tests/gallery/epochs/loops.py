import math

import numpy as np


def softmax(z):
    biggest = max(z)
    e = [math.exp(v - biggest) for v in z]
    return [v / sum(e) for v in e]


def softmax_loss(Z, y):
    loss = 0
    for z, label in zip(Z, y):
        loss += math.log(sum(math.exp(v) for v in z)) - z[label]
    return loss / len(y)


def softmax_regression_epoch(X, y, theta, lr=0.1, batch=100):
    start = 0
    while start < len(X):
        end = min(start + batch, len(X))
        step = np.zeros(theta.shape)
        for n in range(start, end):
            p = softmax(X[n] @ theta)
            for c in range(theta.shape[1]):
                for d in range(theta.shape[0]):
                    step[d, c] += X[n, d] * (p[c] - (1 if c == y[n] else 0))
        for d in range(theta.shape[0]):
            for c in range(theta.shape[1]):
                theta[d, c] -= lr * step[d, c] / (end - start)
        start = end


def nn_epoch(X, y, W1, W2, lr=0.1, batch=100):
    for start in range(0, len(X), batch):
        rows = range(start, min(start + batch, len(X)))
        step1, step2 = np.zeros_like(W1), np.zeros_like(W2)
        for n in rows:
            before = X[n] @ W1
            hidden = [max(0.0, h) for h in before]
            p = np.array(softmax(np.dot(hidden, W2)))
            p[y[n]] -= 1.0
            step2 += np.outer(hidden, p)
            back = W2 @ p
            back[before <= 0] = 0
            step1 += np.outer(X[n], back)
        W1[:] = W1 - lr / len(rows) * step1
        W2[:] = W2 - lr / len(rows) * step2
