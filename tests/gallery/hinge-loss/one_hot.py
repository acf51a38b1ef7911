import numpy as np


def hinge(margin):
    return np.where(margin > 0, margin, 0), np.heaviside(margin, 0)


def svm_loss(x, y):
    hot = np.eye(x.shape[1])[y]
    right = np.einsum("nc,nc->n", x, hot)
    values, active = hinge((x - right[:, None] + 1) * (1 - hot))
    grad = active - hot * active.sum(1, keepdims=True)
    return values.sum(axis=1).mean(), grad / x.shape[0]


def svm_loss_vectorized(W, X, y, reg):
    loss, dscores = svm_loss(np.einsum("nd,dc->nc", X, W), y)
    return loss + reg * np.linalg.norm(W) ** 2, np.einsum("nd,nc->dc", X, dscores) + reg * (W + W)


def svm_loss_naive(W, X, y, reg):
    (D, C), N = W.shape, len(y)
    losses, grad = [], 2.0 * reg * W
    for x, label in zip(X, y):
        f = [sum(x[d] * W[d, c] for d in range(D)) for c in range(C)]
        for c in range(C):
            gap = f[c] + 1 - f[label]
            if c == label or gap <= 0:
                continue
            losses.append(gap / N)
            for d in range(D):
                grad[d, c] += x[d] / N
                grad[d, label] -= x[d] / N
    return sum(losses) + reg * (W**2).sum(), grad
