import numpy as np


def softmax(v):
    v = v - v.max()
    ev = np.exp(v)
    return ev / ev.sum()


def softmax_loss_naive(W, X, y, reg):
    D, C = W.shape
    N = X.shape[0]
    loss, dW = 0, np.zeros(W.shape)
    for x, label in zip(X, y):
        probs = softmax(np.dot(x, W))
        loss += -np.log(probs[label])
        probs[label] -= 1
        for d in range(D):
            for c in range(C):
                dW[d, c] += x[d] * probs[c]
    loss = loss / N + 0.5 * reg * (W ** 2).sum()
    dW = dW / N + reg * W
    return loss, dW


def softmax_loss_vectorized(W, X, y, reg):
    N = X.shape[0]
    logits = np.einsum('nd,dc->nc', X, W)
    logits = logits - logits.max(axis=1)[:, None]
    expl = np.exp(logits)
    probs = expl / expl.sum(axis=1)[:, None]
    picked = probs[range(N), y]
    loss = -np.log(picked).sum() / N
    loss += 0.5 * reg * np.sum(np.square(W))
    dlogits = probs.copy()
    dlogits[range(N), y] -= 1
    dlogits /= N
    dW = np.einsum('nd,nc->dc', X, dlogits)
    dW += reg * W
    return loss, dW
