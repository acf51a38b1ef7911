import numpy as np


def sigmoid(z):
    e = np.exp(z)
    return e / (e + 1)


def initialize_with_zeros(dim):
    weights = np.array([0.0 for _ in range(dim)]).reshape(dim, 1)
    return weights, 0


def propagate(w, b, X, Y):
    n_x, m = X.shape
    dw = np.zeros((n_x, 1))
    db = 0
    J = 0
    for i in range(m):
        x_i = X[:, i].reshape(-1, 1)
        y_i = Y[0, i]
        z_i = np.dot(w.T, x_i)[0, 0] + b
        a_i = sigmoid(z_i)
        if y_i == 1:
            J -= np.log(a_i)
        else:
            J -= np.log(1 - a_i)
        dz_i = a_i - y_i
        dw += x_i * dz_i
        db += dz_i
    J = J / m
    dw = dw / m
    db = db / m
    return {"dw": dw, "db": db}, J


def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    history = []
    grads = None
    for it in range(num_iterations):
        grads, J = propagate(w, b, X, Y)
        if it % 100 == 0:
            history.append(J)
        if print_cost and it % 100 == 0:
            print("iteration", it, "cost", J)
        w = w - learning_rate * grads["dw"]
        b = b - learning_rate * grads["db"]
    params = dict(w=w, b=b)
    return params, grads, history


def predict(w, b, X):
    result = []
    for i in range(X.shape[1]):
        p = sigmoid(np.dot(w[:, 0], X[:, i]) + b)
        if p > 0.5:
            result.append(1)
        else:
            result.append(0)
    return np.array([result])
