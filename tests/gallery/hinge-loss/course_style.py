from builtins import range
import numpy as np
from random import shuffle
from past.builtins import xrange


def svm_loss_naive(W, X, y, reg):
    dW = np.zeros(W.shape)  # initialize the gradient as zero
    num_classes = W.shape[1]
    num_train = X.shape[0]
    loss = 0.0
    for i in xrange(num_train):
        scores = X[i].dot(W)
        correct_class_score = scores[y[i]]
        positive = 0
        for j in xrange(num_classes):
            if j == y[i]:
                continue
            margin = scores[j] - correct_class_score + 1  # note delta = 1
            if margin > 0:
                loss += margin
                positive += 1
                dW[:, j] += X[i].T
        dW[:, y[i]] += -positive * X[i].T
    loss = loss / num_train + 0.5 * reg * np.sum(W * W)
    dW = dW / num_train + reg * W
    return loss, dW


def svm_loss_vectorized(W, X, y, reg):
    loss = 0.0
    dW = np.zeros(W.shape)
    num_train = X.shape[0]
    scores = X.dot(W)
    correct_class_scores = scores[list(range(num_train)), y].reshape(-1, 1)
    margins = np.maximum(0, scores - correct_class_scores + 1.0)
    # The margin of the right class is 1.
    loss = np.mean(np.sum(margins, axis=1) - 1) + 0.5 * reg * np.sum(W * W)
    counts = np.zeros(margins.shape)
    counts[margins > 0] = 1
    counts[range(num_train), y] -= np.sum(counts, axis=1)
    dW = (X.T).dot(counts)
    dW /= num_train
    dW += reg * W
    return loss, dW


def svm_loss(x, y):
    N = x.shape[0]
    correct_class_scores = x[np.arange(N), y]
    margins = np.maximum(0, x - correct_class_scores[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    num_pos = np.sum(margins > 0, axis=1)
    dx = np.zeros_like(x)
    dx[margins > 0] = 1
    dx[np.arange(N), y] -= num_pos
    dx /= N
    return loss, dx
