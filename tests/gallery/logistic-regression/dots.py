import copy

import h5py
import matplotlib.pyplot as plt
import numpy as np
from lr_utils import load_dataset
from public_tests import *

train_set_x_orig, train_set_y, test_set_x_orig, test_set_y, classes = load_dataset()
m_train = train_set_x_orig.shape[0]
train_set_x_flatten = train_set_x_orig.reshape(train_set_x_orig.shape[0], -1).T
train_set_x = train_set_x_flatten / 255.0


def sigmoid(z):
    # the same through tanh: never overflows
    s = 0.5 * (np.tanh(0.5 * z) + 1)
    return s


def initialize_with_zeros(dim):
    w = np.zeros(shape=(dim, 1))
    b = float(0)
    return w, b


def forward(w, b, X):
    return sigmoid(np.einsum("ji,jk->ik", w, X) + b)


def propagate(w, b, X, Y):
    m = X.shape[1]
    A = forward(w, b, X)
    # cost comes out as a 1x1 matrix
    cost = -1.0 / m * (np.dot(Y, np.log(A).T) + np.dot(1 - Y, np.log(1 - A).T))
    dz = A
    dz -= Y
    dw = np.mean(X * dz, axis=1).reshape(-1, 1)
    db = np.mean(dz, axis=1)
    return {"dw": dw, "db": db}, cost


def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    w = copy.deepcopy(w)
    b = copy.deepcopy(b)
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        dw, db = grads["dw"], grads["db"]
        w -= learning_rate * dw
        b -= learning_rate * db
        if i % 100 == 0:
            costs.append(np.squeeze(cost))
            if print_cost:
                print("Cost after iteration %i: %f" % (i, np.squeeze(cost)))
    return dict(w=w, b=b), dict(dw=dw, db=db), costs


def predict(w, b, X):
    return np.where(forward(w, b, X) > 0.5, 1, 0)


def model(
    X_train, Y_train, X_test, Y_test, num_iterations=2000, learning_rate=0.5, print_cost=False
):
    w, b = initialize_with_zeros(X_train.shape[0])
    parameters, grads, costs = optimize(
        w, b, X_train, Y_train, num_iterations, learning_rate, print_cost
    )
    w, b = parameters["w"], parameters["b"]
    return {"costs": costs, "w": w, "b": b, "Y_prediction_test": predict(w, b, X_test)}


d = model(train_set_x, train_set_y, train_set_x, train_set_y, num_iterations=200, print_cost=True)
plt.plot(d["costs"])
plt.show()
