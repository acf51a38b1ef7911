import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def initialize_with_zeros(dim):
    return (np.zeros((dim, 1)), 0.0)

def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(w.T @ X + b)
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    dZ = Y - A
    return ({'dw': X @ dZ.T / m, 'db': np.sum(dZ) / m}, cost)

def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        w = w - learning_rate * grads['dw']
        b = b - learning_rate * grads['db']
        if i % 100 == 0:
            costs.append(cost)
            if print_cost:
                print(f'Cost after {i} steps: {cost:.6f}')
    return ({'w': w, 'b': b}, grads, costs)

def predict(w, b, X):
    return (sigmoid(w.T @ X + b) > 0.5).astype(float)
