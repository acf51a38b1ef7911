import numpy as np


def softmax_loss(Z, y):
    probs = np.exp(Z) / np.sum(np.exp(Z), axis=1, keepdims=True)
    return -np.mean(np.log(probs[range(len(y)), y]))


def softmax_regression_epoch(X, y, theta, lr=0.1, batch=100):
    m = X.shape[0]
    k = theta.shape[1]
    for i in range(m // batch):
        X_b = X[i * batch:(i + 1) * batch]
        y_b = y[i * batch:(i + 1) * batch]
        Z = np.exp(X_b @ theta)
        Z = Z / Z.sum(axis=1).reshape(-1, 1)
        I = np.eye(k)[y_b]
        grad = X_b.T @ (Z - I) / batch
        theta -= lr * grad


def nn_epoch(X, y, W1, W2, lr=0.1, batch=100):
    m = len(y)
    k = np.max(y) + 1
    for i in range(0, m, batch):
        X_b = X[i:i + batch]
        y_b = y[i:i + batch]
        bs = len(y_b)
        h1 = X_b.dot(W1)
        Z1 = np.maximum(0, h1)
        h2 = Z1.dot(W2)
        Z2 = np.exp(h2) / np.sum(np.exp(h2), axis=1, keepdims=True)
        I = np.zeros((bs, k))
        I[np.arange(bs), y_b] = 1
        G2 = Z2 - I
        G1 = np.where(h1 > 0, 1, 0) * (G2 @ W2.T)
        g1 = X_b.T @ G1 / bs
        g2 = Z1.T @ G2 / bs
        W1 -= lr * g1
        W2 -= lr * g2
