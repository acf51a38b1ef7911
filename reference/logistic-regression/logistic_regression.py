"""Logistic regression on a batch whose examples are columns."""

import numpy as np


def sigmoid(z):
    """Return the logistic function of each number in z."""
    return 1 / (1 + np.exp(-z))


def initialize_with_zeros(dim):
    """Return weights and a bias of 0."""
    return np.zeros((dim, 1)), 0.0


def propagate(w, b, X, Y):
    """Return the gradients of the mean cross entropy, and that."""
    m = X.shape[1]
    A = sigmoid(w.T @ X + b)
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    dZ = A - Y
    return {"dw": X @ dZ.T / m, "db": np.sum(dZ) / m}, cost


def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    """Return what gradient descent ends with, the last gradients, and every hundredth cost."""
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        w = w - learning_rate * grads["dw"]
        b = b - learning_rate * grads["db"]
        if i % 100 == 0:
            costs.append(cost)
            if print_cost:
                print(f"Cost after {i} steps: {cost:.6f}")
    return {"w": w, "b": b}, grads, costs


def predict(w, b, X):
    """Return 1 for each example whose probability is above 0.5, and else 0."""
    return (sigmoid(w.T @ X + b) > 0.5).astype(float)
