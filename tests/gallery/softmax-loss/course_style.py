from __future__ import print_function

from builtins import range
import numpy as np
from random import shuffle
from past.builtins import xrange


def softmax_loss_naive(W, X, y, reg):
  """
  Softmax loss function, naive implementation (with loops)
  """
  # Initialize the loss and gradient to zero.
  loss = 0.0
  dW = np.zeros_like(W)

  num_train = X.shape[0]
  num_classes = W.shape[1]
  for i in xrange(num_train):
    scores = X[i].dot(W)
    scores -= np.max(scores)        # numeric stability
    correct = scores[y[i]]
    denom = 0.0
    for j in xrange(num_classes):
      denom += np.exp(scores[j])
    loss += -correct + np.log(denom)
    for j in xrange(num_classes):
      p = np.exp(scores[j]) / denom
      if j == y[i]:
        dW[:, j] += (p - 1) * X[i]
      else:
        dW[:, j] += p * X[i]

  loss /= num_train
  loss += reg * np.sum(W * W)
  dW /= num_train
  dW += 2 * reg * W

  return loss, dW


def softmax_loss_vectorized(W, X, y, reg):
  """
  Softmax loss function, vectorized version.
  """
  loss = 0.0
  dW = np.zeros_like(W)
  num_train = X.shape[0]
  scores = X.dot(W)
  scores -= np.max(scores)
  exp_scores = np.exp(scores)
  probs = exp_scores / np.sum(exp_scores, axis=1).reshape(-1, 1)
  loss = np.sum(-np.log(probs[range(num_train), y])) / num_train + reg * np.sum(W * W)
  ind = np.zeros_like(probs)
  ind[np.arange(num_train), y] = 1
  dW = X.T.dot(probs - ind)
  dW = dW / num_train + 2 * reg * W
  return loss, dW
