import numpy as np


def logsumexp(f):
    top = np.amax(f, axis=-1)
    return top + np.log(np.exp((f.T - top).T).sum(-1))


def one_hot(y, num_classes):
    return (y[:, None] == np.arange(num_classes)).astype(float)


def softmax(f):
    f = f - f.max()
    e = np.exp(f)
    return e / e.sum()


def softmax_loss_naive(W, X, y, reg):
    D, C = W.shape
    N = X.shape[0]
    losses = []
    dW = np.zeros((D, C))
    for xi, yi in zip(X, y):
        f = [sum(xi[d] * W[d, c] for d in range(D)) for c in range(C)]
        top = max(f)
        logZ = top + np.log(sum(np.exp(s - top) for s in f))
        losses.append(logZ - f[yi])
        p = softmax(np.array(f))
        p[yi] -= 1
        dW += np.outer(xi, p) / N
    loss = sum(losses) / N + reg * np.linalg.norm(W) ** 2
    for d in range(D):
        for c in range(C):
            dW[d, c] += 2 * reg * W[d, c]
    return loss, dW


def softmax_loss_vectorized(W, X, y, reg):
    N = X.shape[0]
    f = np.einsum("nd,dc->nc", X, W)
    log_p = f - logsumexp(f)[:, None]
    hot = one_hot(y, W.shape[1])
    loss = -(log_p * hot).sum() / N + reg * (W ** 2).sum()
    delta = (np.exp(log_p) - hot) / N
    dW = np.einsum("nd,nc->dc", X, delta)
    dW += reg * (W + W)
    return loss, dW
