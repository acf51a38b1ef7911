"""More update functions, in the habits of students: unpacked tuples, loops over keys, globals.

Each is labelled by hand, and no line of them comes from the generator.
"""

from __future__ import annotations

from student_bodies import body

# --- unpacked, copied, put back ---------------------------------------------------------------

body(
    "unpacked, put back, W2 first",
    "r",
    "updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    W1, b1, W2, b2 = parameters['W1'], parameters['b1'], parameters['W2'], parameters['b2']
    dA2 = -2 * (y - y_hat)
    dW2 = np.dot(A1, np.atleast_2d(dA2))
    db2 = dA2
    W2 -= 0.001 * dW2
    b2 -= 0.01 * db2
    dA1 = W2 * dA2
    W1 -= 0.001 * np.dot(X, dA1.T)
    b1 -= 0.01 * dA1
    parameters['W1'], parameters['b1'], parameters['W2'], parameters['b2'] = W1, b1, W2, b2
""",
)

body(
    "unpacked by a comprehension, columns exchanged",
    "r",
    "swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    W1, b1, W2, b2 = [parameters[k].copy() for k in ('W1', 'b1', 'W2', 'b2')]
    error = y - y_hat
    (w1, w2) = (W2[0][0], W2[1][0])
    (x1, x2) = (X[0][0], X[1][0])
    W1[0][0] = W1[0][0] + 0.001 * 2 * error * w1 * x1
    W1[0][1] = W1[0][1] + 0.001 * 2 * error * w1 * x2
    W1[1][0] = W1[1][0] + 0.001 * 2 * error * w2 * x1
    W1[1][1] = W1[1][1] + 0.001 * 2 * error * w2 * x2
    b1[0][0] += 0.01 * 2 * error * w1
    b1[1][0] += 0.01 * 2 * error * w2
    W2[0][0] += 0.001 * 2 * error * A1[0][0]
    W2[1][0] += 0.001 * 2 * error * A1[1][0]
    b2[0][0] += 0.01 * 2 * error
    parameters.update({'W1': W1, 'b1': b1, 'W2': W2, 'b2': b2})
    return parameters
""",
)

body(
    "zip over keys and gradients, one rate",
    "r",
    "wrong-learning-rate",
    """
LEARNING_RATE = 0.001

def update_parameters(parameters, y, y_hat, A1, X):
    dz2 = 2 * (y_hat - y)
    dz1 = np.multiply(parameters['W2'], dz2)
    grads = [X.dot(dz1.T), dz1, np.multiply(A1, dz2), dz2]
    for key, grad in zip(['W1', 'b1', 'W2', 'b2'], grads):
        parameters[key] = parameters[key] - LEARNING_RATE * grad
    return parameters
""",
)

body(
    "zip over keys, gradients in another order",
    "c",
    "wrong-activation-derivative wrong-learning-rate",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    alpha = 0.01
    error = float(np.squeeze(y_hat)) - float(np.squeeze(y))
    d_hidden = parameters['W2'] * error * A1
    deltas = dict(zip(('W2', 'b2', 'W1', 'b1'), (error * A1, error, X @ d_hidden.T, d_hidden)))
    for name in deltas:
        parameters[name] -= alpha * deltas[name]
""",
)

body(
    "gradients by a helper, keys with a d",
    "c",
    "missing-activation-derivative",
    """
def gradients(parameters, y, y_hat, A1, X):
    dZ2 = y_hat - y
    dA1 = parameters['W2'] * dZ2
    return {'dW1': X @ dA1.T, 'db1': dA1, 'dW2': A1 * dZ2, 'db2': dZ2}

def update_parameters(parameters, y, y_hat, A1, X, learning_rate_w=0.001, learning_rate_b=0.01):
    grads = gradients(parameters, y, y_hat, A1, X)
    for l in (1, 2):
        parameters['W%d' % l] = parameters['W%d' % l] - learning_rate_w * grads['dW%d' % l]
        parameters['b%d' % l] = parameters['b%d' % l] - learning_rate_b * grads['db%d' % l]
    return parameters
""",
)

body(
    "nested functions, the derivative's argument",
    "c",
    "wrong-derivative-argument",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    def d_sigmoid(z):
        return sigmoid(z) * (1 - sigmoid(z))

    def step(name, gradient):
        rate = 0.001 if name.startswith('W') else 0.01
        parameters[name] = parameters[name] - rate * gradient

    delta2 = y_hat - y
    delta1 = parameters['W2'] * delta2 * d_sigmoid(A1)
    step('W2', A1 * delta2)
    step('b2', delta2)
    step('W1', X @ delta1.T)
    step('b1', delta1)
""",
)

body(
    "rates in a dict, deltas python numbers",
    "r",
    "updated-before-use wrong-sign",
    """
lr = {'W': 0.001, 'b': 0.01}

def update_parameters(parameters, y, y_hat, A1, X):
    y, y_hat = np.asarray(y).item(), np.asarray(y_hat).item()
    delta = -2 * (y - y_hat)
    W2 = parameters['W2']
    for j in range(2):
        W2[j, 0] = W2[j, 0] + lr['W'] * delta * A1[j, 0].item()
    parameters['b2'][0, 0] += lr['b'] * delta
    for j in range(2):
        back = delta * W2[j, 0].item()
        for i in range(2):
            parameters['W1'][i, j] += lr['W'] * back * X[i, 0].item()
        parameters['b1'][j, 0] += lr['b'] * back
""",
)

body(
    "rate folded into the error",
    "r",
    "updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    step_w = 0.002 * (y - y_hat)
    step_b = 0.02 * (y - y_hat)
    parameters['W2'] = parameters['W2'] + step_w * A1
    parameters['b2'] = parameters['b2'] + step_b
    parameters['W1'] = parameters['W1'] + step_w * X.dot(parameters['W2'].T)
    parameters['b1'] = parameters['b1'] + step_b * parameters['W2']
""",
)

body(
    "rate folded in, one of them without the 2",
    "r",
    "wrong-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    k = 0.002 * (y - y_hat)
    old = parameters['W2'].copy()
    parameters['W2'] += k * A1
    parameters['b2'] += 10 * k
    parameters['W1'][0] += k * old[:, 0] * X[0, 0]
    parameters['W1'][1] += k / 2 * old[:, 0] * X[1, 0]
    parameters['b1'] += 10 * k * old
""",
    also="uneven-learning-rate",
)

# --- slices and shapes ------------------------------------------------------------------------

body(
    "columns as slices, rows mixed up",
    "r",
    "swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = (y - y_hat) * 2
    w = parameters['W2'].flatten()
    parameters['W2'][:, 0] += 0.001 * e * A1[:, 0]
    parameters['b2'][:, 0] += 0.01 * e
    for i in range(len(w)):
        parameters['W1'][i, :] += 0.001 * e * w[i] * X[:, 0]
    parameters['b1'][:, 0] += 0.01 * e * w
""",
)

body(
    "reshape, not transposed",
    "r",
    "swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dA2 = -2 * (y - y_hat)
    dA1 = parameters['W2'] * dA2
    dW1 = dA1.reshape(2, 1) * X.reshape(1, 2)
    parameters['W2'] -= 0.001 * (A1 * dA2).reshape(parameters['W2'].shape)
    parameters['b2'] -= 0.01 * dA2
    parameters['W1'] -= 0.001 * dW1
    parameters['b1'] -= 0.01 * dA1
""",
)

body(
    "np.outer, flat, W2 first",
    "c",
    "updated-before-use missing-activation-derivative",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    err = np.ravel(y - y_hat)[0]
    parameters['W2'] = parameters['W2'] + 0.001 * err * A1
    parameters['b2'] = parameters['b2'] + 0.01 * err
    g = err * parameters['W2'].ravel()
    parameters['W1'] = parameters['W1'] + 0.001 * np.outer(X.ravel(), g)
    parameters['b1'] = parameters['b1'] + 0.01 * g[:, None]
""",
)

body(
    "einsum, letters the other way round",
    "c",
    "swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = np.array(y_hat - y).reshape(1, 1)
    dZ1 = (parameters['W2'] @ dZ2) * A1 * (1 - A1)
    dW1 = np.einsum('ik,jk->ij', dZ1, X)
    dW2 = np.einsum('ik,jk->ij', A1, dZ2)
    parameters['W1'] = parameters['W1'] - 0.001 * dW1
    parameters['W2'] = parameters['W2'] - 0.001 * dW2
    parameters['b1'] = parameters['b1'] - 0.01 * dZ1
    parameters['b2'] = parameters['b2'] - 0.01 * dZ2
""",
)

body(
    "batch formulas, mean over one",
    "c",
    "bias-sum-axis",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    m = X.shape[1]
    dZ2 = np.array(y_hat - y).reshape(1, -1)
    dW2 = (1 / m) * np.dot(A1, dZ2.T)
    db2 = (1 / m) * np.sum(dZ2, axis=1, keepdims=True)
    dA1 = np.dot(parameters['W2'], dZ2)
    dZ1 = np.multiply(dA1, np.multiply(A1, 1 - A1))
    dW1 = (1 / m) * np.dot(X, dZ1.T)
    db1 = (1 / m) * np.sum(dZ1, keepdims=True)
    parameters['W1'] = parameters['W1'] - 0.001 * dW1
    parameters['b1'] = parameters['b1'] - 0.01 * db1
    parameters['W2'] = parameters['W2'] - 0.001 * dW2
    parameters['b2'] = parameters['b2'] - 0.01 * db2
""",
)

body(
    "mean over the features",
    "c",
    "wrong-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    m = len(X)
    dZ2 = y_hat - y
    dZ1 = parameters['W2'] * dZ2 * A1 * (1 - A1)
    parameters['W2'] = parameters['W2'] - 0.001 / m * A1 * dZ2
    parameters['b2'] = parameters['b2'] - 0.01 / m * dZ2
    parameters['W1'] = parameters['W1'] - 0.001 / m * X @ dZ1.T
    parameters['b1'] = parameters['b1'] - 0.01 / m * dZ1
""",
    also="wrong-learning-rate",
)

body(
    "power for the derivative",
    "c",
    "updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    error = y - y_hat
    slope = A1 - A1 ** 2
    parameters['W2'] += 0.001 * error * A1
    parameters['b2'] += 0.01 * error
    parameters['W1'] += 0.001 * error * X @ (parameters['W2'] * slope).T
    parameters['b1'] += 0.01 * error * (parameters['W2'] * slope)
""",
)

body(
    "one minus the square",
    "c",
    "wrong-activation-derivative",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    error = y - y_hat
    hidden_error = error * parameters['W2'] * (1 - np.power(A1, 2))
    parameters['W2'] += 0.001 * error * A1
    parameters['b2'] += 0.01 * error
    parameters['W1'] += 0.001 * np.dot(X, hidden_error.T)
    parameters['b1'] += 0.01 * hidden_error
""",
)

# --- globals, aliases, early copies -----------------------------------------------------------

body(
    "an early copy of the dict that is none",
    "r",
    "updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    old = dict(parameters)
    err = 2 * (y - y_hat)
    parameters['W2'] += 0.001 * err * A1
    parameters['b2'] += 0.01 * err
    parameters['W1'] += 0.001 * err * X @ old['W2'].T
    parameters['b1'] += 0.01 * err * old['W2']
""",
)

body(
    "copied too late",
    "c",
    "updated-before-use wrong-activation-derivative",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    diff = y - y_hat
    parameters['W2'][0][0] += 0.001 * diff * A1[0][0]
    parameters['W2'][1][0] += 0.001 * diff * A1[1][0]
    parameters['b2'][0][0] += 0.01 * diff
    W2 = parameters['W2'].copy()
    for j, w in enumerate(W2[:, 0]):
        for i, x in enumerate(X[:, 0]):
            parameters['W1'][i][j] += 0.001 * diff * w * (1 - A1[j][0]) * x
        parameters['b1'][j][0] += 0.01 * diff * w * (1 - A1[j][0])
""",
)

body(
    "enumerate, the indices exchanged",
    "r",
    "swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    grad = -2 * (y - y_hat)
    w2 = [float(w) for w in parameters['W2'][:, 0]]
    for i, w in enumerate(w2):
        for j, x in enumerate(X[:, 0]):
            parameters['W1'][i][j] -= 0.001 * grad * w * x
        parameters['b1'][i][0] -= 0.01 * grad * w
        parameters['W2'][i][0] -= 0.001 * grad * A1[i][0]
    parameters['b2'][0][0] -= 0.01 * grad
""",
)

body(
    "rate read from a global, twice 0.01",
    "r",
    "wrong-learning-rate updated-before-use",
    """
lr = 0.01

def update_parameters(parameters, y, y_hat, A1, X):
    global lr
    dy = -2 * (y - y_hat)
    parameters['W2'] = parameters['W2'] - lr * np.dot(A1, np.reshape(dy, (1, 1)))
    parameters['b2'] = parameters['b2'] - lr * dy
    parameters['W1'] = parameters['W1'] - lr * np.dot(X, dy * parameters['W2'].T)
    parameters['b1'] = parameters['b1'] - lr * dy * parameters['W2']
    return parameters
""",
)

body(
    "rate with a default, biases ten times",
    "c",
    "swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X, lr=0.001):
    error = y - y_hat
    W1, W2 = parameters['W1'].copy(), parameters['W2'].copy()
    for i in range(2):
        for j in range(2):
            parameters['W1'][i][j] = W1[i][j] + lr * error * W2[i][0] * A1[i][0] * (1 - A1[i][0]) * X[j][0]
    for j in range(2):
        parameters['b1'][j][0] += 10 * lr * error * W2[j][0] * A1[j][0] * (1 - A1[j][0])
        parameters['W2'][j][0] = W2[j][0] + lr * error * A1[j][0]
    parameters['b2'][0][0] += 10 * lr * error
""",
)

body(
    "loss in the wrong place",
    "r",
    "squared-error",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    loss = (y - y_hat) ** 2
    dW2 = -2 * loss * A1
    db2 = -2 * loss
    dA1 = -2 * loss * parameters['W2']
    parameters['W1'] -= 0.001 * np.matmul(X, dA1.T)
    parameters['b1'] -= 0.01 * dA1
    parameters['W2'] -= 0.001 * dW2
    parameters['b2'] -= 0.01 * db2
""",
)

body(
    "b2 from a weight, minus for plus",
    "r",
    "wrong-source-entry wrong-sign",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    err = 2 * (y - y_hat)
    w20, w21 = parameters['W2'][0][0], parameters['W2'][1][0]
    parameters['b2'][0][0] = parameters['W2'][1][0] + 0.01 * err
    parameters['W2'][0][0] = w20 + 0.001 * err * A1[0][0]
    parameters['W2'][1][0] = w21 + 0.001 * err * A1[1][0]
    parameters['b1'][0][0] = parameters['b1'][0][0] - 0.01 * err * w20
    parameters['b1'][1][0] = parameters['b1'][1][0] - 0.01 * err * w21
    parameters['W1'][0][0] = parameters['W1'][0][0] + 0.001 * err * w20 * X[0][0]
    parameters['W1'][0][1] = parameters['W1'][0][1] + 0.001 * err * w21 * X[0][0]
    parameters['W1'][1][0] = parameters['W1'][1][0] + 0.001 * err * w20 * X[1][0]
    parameters['W1'][1][1] = parameters['W1'][1][1] + 0.001 * err * w21 * X[1][0]
""",
)

body(
    "values swapped in one line",
    "c",
    "wrong-source-entry",
    """
def update_parameters(p, y, y_hat, A1, X):
    d = y - y_hat
    w = p['W2'].copy()
    s = w * A1 * (1 - A1)
    p['b1'][0], p['b1'][1] = p['b1'][1] + 0.01 * d * s[0], p['b1'][0] + 0.01 * d * s[1]
    p['W1'] = p['W1'] + 0.001 * d * X @ s.T
    p['W2'] = w + 0.001 * d * A1
    p['b2'] = p['b2'] + 0.01 * d
""",
)

body(
    "a minus and a plus for a minus",
    "r",
    "overwritten",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = -2 * (y - y_hat)
    back = parameters['W2'] * d
    parameters['W1'] -= 0.001 * X @ back.T
    parameters['b1'] =- 0.01 * back
    parameters['W2'] -= 0.001 * A1 * d
    parameters['b2'] -= 0.01 * d
""",
)

body(
    "hidden and input exchanged in both layers",
    "c",
    "wrong-layer-input",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    delta2 = y - y_hat
    delta1 = delta2 * parameters['W2'] * A1 * (1 - A1)
    parameters['W2'] += 0.001 * X * delta2
    parameters['b2'] += 0.01 * delta2
    parameters['W1'] += 0.001 * A1 @ delta1.T
    parameters['b1'] += 0.01 * delta1
""",
)

body(
    "the bias along with the weights",
    "r",
    "bias-times-input",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = -2 * (y - y_hat)
    g = parameters['W2'] * d
    for j in range(2):
        for i in range(2):
            parameters['W1'][i][j] -= 0.001 * g[j][0] * X[i][0]
        parameters['b1'][j][0] -= 0.01 * g[j][0] * X[j][0]
    parameters['W2'] -= 0.001 * A1 * d
    parameters['b2'] -= 0.01 * d
""",
)

body(
    "slice from 1 on",
    "r",
    "not-updated",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    back = d * parameters['W2']
    parameters['W1'][1:] += 0.001 * X[1:] @ back.T
    parameters['b1'][1:] += 0.01 * back[1:]
    parameters['W2'][1:] += 0.001 * d * A1[1:]
    parameters['b2'] += 0.01 * d
""",
)

body(
    "loop over keys, W1 under another condition",
    "c",
    "not-updated missing-activation-derivative",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d2 = y - y_hat
    d1 = parameters['W2'] * d2
    for key in parameters:
        if key == 'W1':
            parameters[key] += 0.001 * X @ d1.T
        elif key == 'B1':
            parameters[key] += 0.01 * d1
        elif key == 'W2':
            parameters[key] += 0.001 * A1 * d2
        else:
            parameters['b2'] += 0.005 * d2
""",
)

body(
    "pop and put",
    "r",
    "updated-before-use missing-input",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    W2 = parameters.pop('W2') + 0.001 * e * A1
    b2 = parameters.pop('b2') + 0.01 * e
    W1 = parameters.pop('W1') + 0.001 * e * np.ones((2, 1)) @ W2.T
    b1 = parameters.pop('b1') + 0.01 * e * W2
    parameters['W1'] = W1
    parameters['b1'] = b1
    parameters['W2'] = W2
    parameters['b2'] = b2
""",
)

body(
    "new dict, forgotten return values",
    "c",
    "wrong-activation-derivative updated-before-use swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    W1 = parameters["W1"]; b1 = parameters["b1"]
    W2 = parameters["W2"]; b2 = parameters["b2"]
    diff = (y - y_hat)
    W2 = W2 + 0.001 * diff * A1
    b2 = b2 + 0.01 * diff
    h = W2 * (1 - A1)
    W1 = W1 + 0.001 * diff * np.dot(h, X.T)
    b1 = b1 + 0.01 * diff * h
    return {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
""",
)

body(
    "named numbers, one line copied",
    "r",
    "wrong-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    w11, w12 = parameters['W1'][0]
    w21, w22 = parameters['W1'][1]
    (v1,), (v2,) = parameters['W2']
    c1, c2 = parameters['b1'].ravel()
    (c,) = parameters['b2'].ravel()
    (x1,), (x2,) = X
    (h1,), (h2,) = A1
    g = -2 * (y - y_hat)
    parameters['W1'] = np.array([[w11 - 0.001 * g * v1 * x1, w12 - 0.001 * g * v2 * x1],
                                 [w21 - 0.001 * g * v1 * x2, w22 - 0.001 * g * v2 * x1]])
    parameters['b1'] = np.array([[c1 - 0.01 * g * v1], [c2 - 0.01 * g * v2]])
    parameters['W2'] = np.array([[v1 - 0.001 * g * h1], [v2 - 0.001 * g * h2]])
    parameters['b2'] = np.array([[c - 0.01 * np.squeeze(g)]])
""",
)

body(
    "out by in, dot the wrong way",
    "c",
    "updated-before-use wrong-learning-rate",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    eta = 0.001
    dz = np.array(y_hat - y).reshape(1, 1)
    parameters['W2'] = parameters['W2'] - eta * dz.dot(A1.T)
    parameters['b2'] = parameters['b2'] - eta * dz
    da = parameters['W2'].T.dot(dz)
    dz1 = da * A1 * (1.0 - A1)
    parameters['W1'] = parameters['W1'] - eta * dz1.dot(X.T)
    parameters['b1'] = parameters['b1'] - eta * dz1
    return parameters
""",
    layout="out_in",
)

body(
    "rows, error without its sign",
    "r",
    "wrong-sign",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dy = (y - y_hat) * 2
    dh = dy * parameters['W2'].T
    parameters['W2'] = parameters['W2'] - 0.001 * np.dot(A1.T, np.reshape(dy, (1, 1)))
    parameters['b2'] = parameters['b2'] - 0.01 * np.reshape(dy, (1, 1))
    parameters['W1'] = parameters['W1'] - 0.001 * np.dot(X.T, dh)
    parameters['b1'] = parameters['b1'] - 0.01 * dh
    return parameters
""",
    layout="row",
)

body(
    "loss's own derivative and the output's",
    "c",
    "extra-output-derivative",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dA2 = -(y - y_hat)
    dZ2 = dA2 * y_hat * (1 - y_hat)
    dZ1 = parameters['W2'] * dZ2 * A1 * (1 - A1)
    parameters['W1'] = parameters['W1'] - 0.001 * (X * dZ1.T)
    parameters['b1'] = parameters['b1'] - 0.01 * dZ1
    parameters['W2'] = parameters['W2'] - 0.001 * (A1 * dZ2)
    parameters['b2'] = parameters['b2'] - 0.01 * dZ2
""",
)

body(
    "cross-entropy's derivative alone",
    "c",
    "missing-output-derivative",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dAL = - (np.divide(y, y_hat) - np.divide(1 - y, 1 - y_hat))
    dZ1 = np.dot(parameters['W2'], np.reshape(dAL, (1, 1))) * A1 * (1 - A1)
    parameters['W1'] -= 0.001 * np.dot(X, dZ1.T)
    parameters['b1'] -= 0.01 * dZ1
    parameters['W2'] -= 0.001 * np.dot(A1, np.reshape(dAL, (1, 1)))
    parameters['b2'] -= 0.01 * dAL
""",
)

body(
    "if for the class, W2 first",
    "c",
    "updated-before-use missing-activation-derivative",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    if y == 1:
        e = 1 - y_hat
    else:
        e = -y_hat
    for j in range(2):
        parameters['W2'][j][0] += 0.001 * e * A1[j][0]
    parameters['b2'][0][0] += 0.01 * e
    for j in range(2):
        parameters['b1'][j][0] += 0.01 * e * parameters['W2'][j][0]
        for i in range(2):
            parameters['W1'][i][j] += 0.001 * e * parameters['W2'][j][0] * X[i][0]
""",
)

body(
    "while loops, the counter too early",
    "r",
    "wrong-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    W2 = parameters['W2'] * 1
    j = 0
    while j < 2:
        i = 0
        while i < 2:
            parameters['W1'][i][j] += 0.001 * e * W2[j][0] * X[0][0]
            i += 1
        parameters['b1'][j][0] += 0.01 * e * W2[j][0]
        parameters['W2'][j][0] += 0.001 * e * A1[j][0]
        j += 1
    parameters['b2'][0][0] += 0.01 * e
""",
)

body(
    "hidden bias from the other unit's weight",
    "c",
    "swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = y - y_hat
    v = parameters['W2'].copy()
    D = A1 * (1 - A1)
    parameters['W1'][0][0] += 0.001 * e * v[0][0] * D[0][0] * X[0][0]
    parameters['W1'][0][1] += 0.001 * e * v[0][0] * D[0][0] * X[1][0]
    parameters['W1'][1][0] += 0.001 * e * v[1][0] * D[1][0] * X[0][0]
    parameters['W1'][1][1] += 0.001 * e * v[1][0] * D[1][0] * X[1][0]
    parameters['b1'] += 0.01 * e * v * D
    parameters['W2'] += 0.001 * e * A1
    parameters['b2'] += 0.01 * e
""",
)

body(
    "parenthesis closes too late",
    "c",
    "misplaced-parenthesis updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * (y - y_hat) * A1[0][0])
    parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * (y - y_hat) * A1[1][0])
    parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * (y - y_hat))
    for i in range(2):
        for j in range(2):
            parameters['W1'][i][j] = parameters['W1'][i][j] + (0.001 * (y - y_hat) * parameters['W2'][j][0] * A1[j][0] * (1 - A1[j][0] * X[i][0]))
    for j in range(2):
        parameters['b1'][j][0] = parameters['b1'][j][0] + (0.01 * (y - y_hat) * parameters['W2'][j][0] * A1[j][0] * (1 - A1[j][0]))
""",
)

# --- and some more ---------------------------------------------------------------------------

body(
    "forward inside",
    "c",
    "updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    y_hat, A1 = L_layer_forward(X, parameters)
    parameters['W2'] += 0.001 * (y - y_hat) * A1
    parameters['b2'] += 0.01 * (y - y_hat)
    dZ1 = parameters['W2'] * (y - y_hat) * A1 * (1 - A1)
    parameters['W1'] += 0.001 * X @ dZ1.T
    parameters['b1'] += 0.01 * dZ1
""",
)

body(
    "negative indices",
    "r",
    "swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    v = parameters['W2'].copy()
    for a in (-1, -2):
        for b in (-1, -2):
            parameters['W1'][a][b] += 0.001 * e * v[a][0] * X[b][0]
        parameters['b1'][a][0] += 0.01 * e * v[a][0]
        parameters['W2'][a][0] += 0.001 * e * A1[a][0]
    parameters['b2'][-1][-1] += 0.01 * e
""",
)

body(
    "gradient accumulators",
    "c",
    "bias-sum-axis updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = y - y_hat
    for j in range(2):
        parameters['W2'][j][0] += 0.001 * e * A1[j][0]
    parameters['b2'][0][0] += 0.01 * e
    db = 0
    for j in range(2):
        g = e * parameters['W2'][j][0] * A1[j][0] * (1 - A1[j][0])
        db += g
        for i in range(2):
            parameters['W1'][i][j] += 0.001 * g * X[i][0]
    for j in range(2):
        parameters['b1'][j][0] += 0.01 * db
""",
)

body(
    "square of the whole",
    "c",
    "missing-activation-derivative squared-error",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    mse = np.mean((y - y_hat)**2)
    dW2 = mse * A1
    dh = mse * parameters['W2']
    parameters['W1'] += 0.001 * X @ dh.T
    parameters['b1'] += 0.01 * dh
    parameters['W2'] += 0.001 * dW2
    parameters['b2'] += 0.01 * mse
""",
)

body(
    "dZ2 with regression's two",
    "c",
    "wrong-factor swapped-index wrong-activation-derivative",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = 2 * (y_hat - y)
    dZ1 = (parameters['W2'] * dZ2) * (1 - A1)
    dW1 = dZ1 @ X.T
    parameters['W1'] = parameters['W1'] - 0.001 * dW1
    parameters['b1'] = parameters['b1'] - 0.01 * dZ1
    parameters['W2'] = parameters['W2'] - 0.001 * A1 * dZ2
    parameters['b2'] = parameters['b2'] - 0.01 * dZ2
""",
    also="wrong-learning-rate",
)

body(
    "half the square",
    "r",
    "wrong-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    delta2 = -(y - y_hat)
    delta1 = np.dot(parameters['W2'], np.array([[float(np.squeeze(delta2))]]))
    parameters['W2'] = parameters['W2'] - 0.001 * A1 * delta2
    parameters['b2'] = parameters['b2'] - 0.01 * delta2
    parameters['W1'] = parameters['W1'] - 0.001 * np.dot(X, delta1.T)
    parameters['b1'] = parameters['b1'] - 0.01 * delta1
""",
    also="wrong-learning-rate",
)

body(
    "W2 left out in b1 and index",
    "r",
    "missing-weight swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = y - y_hat
    w = parameters['W2'].copy()
    parameters['W2'][0][0] += 0.001 * 2 * e * A1[0][0]
    parameters['W2'][1][0] += 0.001 * 2 * e * A1[1][0]
    parameters['b2'][0][0] += 0.01 * 2 * e
    parameters['W1'][0][0] += 0.001 * 2 * e * w[0][0] * X[0][0]
    parameters['W1'][0][1] += 0.001 * 2 * e * w[0][0] * X[1][0]
    parameters['b1'][0][0] += 0.01 * 2 * e
    parameters['W1'][1][0] += 0.001 * 2 * e * w[1][0] * X[0][0]
    parameters['W1'][1][1] += 0.001 * 2 * e * w[1][0] * X[1][0]
    parameters['b1'][1][0] += 0.01 * 2 * e
""",
)

body(
    "W1 in place of W2",
    "c",
    "wrong-weight",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    err = y_hat - y
    dZ1 = parameters['W1'] * err * (A1 * (1 - A1)).T
    dW1 = X * dZ1
    db1 = parameters['W2'] * err * A1 * (1 - A1)
    parameters['W1'] -= 0.001 * dW1
    parameters['b1'] -= 0.01 * db1
    parameters['W2'] -= 0.001 * A1 * err
    parameters['b2'] -= 0.01 * err
""",
)

body(
    "W2 stored twice",
    "r",
    "wrong-target",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    v = parameters['W2'].copy()
    parameters['W1'][0][0] += 0.001 * e * v[0][0] * X[0][0]
    parameters['W1'][0][1] += 0.001 * e * v[1][0] * X[0][0]
    parameters['W1'][1][0] += 0.001 * e * v[0][0] * X[1][0]
    parameters['W1'][1][0] += 0.001 * e * v[1][0] * X[1][0]
    parameters['b1'] += 0.01 * e * v
    parameters['W2'] += 0.001 * e * A1
    parameters['b2'] += 0.01 * e
""",
)

body(
    "deltas lists",
    "c",
    "updated-before-use wrong-derivative-argument",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    o = y_hat
    deltas = [None, None]
    deltas[1] = (y - o)
    parameters['W2'] += 0.001 * deltas[1] * A1
    parameters['b2'] += 0.01 * deltas[1]
    deltas[0] = [deltas[1] * parameters['W2'][j][0] * o * (1 - o) for j in range(2)]
    for j, d in enumerate(deltas[0]):
        parameters['W1'][:, j] += 0.001 * np.squeeze(d) * X[:, 0]
        parameters['b1'][j] += 0.01 * np.squeeze(d)
""",
)

body(
    "y_hat minus y, plus",
    "c",
    "wrong-sign swapped-index updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    for i in range(2):
        parameters['W2'][i][0] += 0.001 * (y_hat - y) * A1[i][0]
    parameters['b2'][0][0] += 0.01 * (y_hat - y)
    for i in range(2):
        for j in range(2):
            parameters['W1'][i][j] += 0.001 * (y_hat - y) * parameters['W2'][i][0] * A1[i][0] * (1 - A1[i][0]) * X[j][0]
        parameters['b1'][i][0] += 0.01 * (y_hat - y) * parameters['W2'][i][0] * A1[i][0] * (1 - A1[i][0])
""",
)

body(
    "b1 and b2 by the weights rate, W1 row of biases",
    "r",
    "wrong-learning-rate uneven-learning-rate",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    v = parameters['W2'].copy()
    parameters['W1'][0] += 0.001 * e * v[:, 0] * X[0]
    parameters['W1'][1] += 0.01 * e * v[:, 0] * X[1]
    parameters['b1'] += 0.001 * e * v
    parameters['W2'] += 0.001 * e * A1
    parameters['b2'] += 0.001 * e
""",
)

body(
    "deepcopy kept, wrong one returned",
    "r",
    "copy-dropped",
    """
import copy
def update_parameters(parameters, y, y_hat, A1, X):
    new = copy.deepcopy(parameters)
    e = 2 * (y - y_hat)
    new['W1'] += 0.001 * e * X @ parameters['W2'].T
    new['b1'] += 0.01 * e * parameters['W2']
    new['W2'] += 0.001 * e * A1
    new['b2'] += 0.01 * e
    return parameters
""",
    also="nothing-updated",
)

body(
    "X as python list",
    "c",
    "missing-input",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    x = X.ravel().tolist()
    e = float(np.ravel(y - y_hat)[0])
    v = parameters['W2'].ravel().tolist()
    a = A1.ravel().tolist()
    g = [e * v[j] * a[j] * (1 - a[j]) for j in range(2)]
    for j in range(2):
        parameters['W1'][0, j] += 0.001 * g[j] * x[0]
        parameters['W1'][1, j] += 0.001 * g[j]
        parameters['b1'][j, 0] += 0.01 * g[j]
        parameters['W2'][j, 0] += 0.001 * e * a[j]
    parameters['b2'][0, 0] += 0.01 * e
""",
)

body(
    "W2 via A2 as well",
    "r",
    "extra-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dA2 = -2 * (y - y_hat)
    dW2 = dA2 * A1 * parameters['W2']
    dA1 = dA2 * parameters['W2']
    parameters['W1'] -= 0.001 * np.dot(X, dA1.T)
    parameters['b1'] -= 0.01 * dA1
    parameters['W2'] -= 0.001 * dW2
    parameters['b2'] -= 0.01 * dA2
""",
)

body(
    "old notebook W2 last but b1 after",
    "c",
    "updated-before-use wrong-activation-derivative wrong-source-entry uneven-learning-rate",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    lr = 0.001
    lr_b = 0.01
    parameters['W2'][0][0] = parameters['W2'][0][0] + (lr * (y - y_hat) * A1[0][0])
    parameters['W2'][1][0] = parameters['W2'][1][0] + (lr * (y - y_hat) * A1[1][0])
    parameters['b2'][0][0] = parameters['W2'][1][0] + (lr_b * (y - y_hat))
    parameters['W1'][0][0] = parameters['W1'][0][0] + (lr * (y - y_hat) * parameters['W2'][0][0] * (1 - A1[0][0]) * X[0][0])
    parameters['W1'][0][1] = parameters['W1'][0][1] + (lr * (y - y_hat) * parameters['W2'][1][0] * (1 - A1[1][0]) * X[0][0])
    parameters['b1'][0][0] = parameters['b1'][1][0] + (lr_b * (y - y_hat) * parameters['W2'][0][0] * (1 - A1[0][0]))
    parameters['W1'][1][0] = parameters['W1'][1][0] + (lr_b * (y - y_hat) * parameters['W2'][0][0] * (1 - A1[0][0]) * X[1][0])
    parameters['W1'][1][1] = parameters['W1'][1][1] + (lr_b * (y - y_hat) * parameters['W2'][1][0] * (1 - A1[1][0]) * X[1][0])
    parameters['b1'][1][0] = parameters['b1'][1][0] + (lr_b * (y - y_hat) * parameters['W2'][1][0] * (1 - A1[1][0]))
""",
)

body(
    "gradients dict, dW2 with A2",
    "r",
    "wrong-layer-input",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    grads = {}
    grads['dA2'] = -2 * (y - y_hat)
    grads['dW2'] = grads['dA2'] * y_hat * np.ones((2, 1))
    grads['db2'] = grads['dA2']
    grads['dA1'] = grads['dA2'] * parameters['W2']
    grads['dW1'] = X @ grads['dA1'].T
    grads['db1'] = grads['dA1']
    for k in ['W1', 'W2']:
        parameters[k] -= 0.001 * grads['d' + k]
    for k in ['b1', 'b2']:
        parameters[k] -= 0.01 * grads['d' + k]
""",
)

body(
    "both rates exchanged",
    "r",
    "wrong-learning-rate",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    d = e * parameters['W2']
    parameters['W1'] += 0.01 * X @ d.T
    parameters['b1'] += 0.001 * d
    parameters['W2'] += 0.01 * e * A1
    parameters['b2'] += 0.001 * e
""",
)

body(
    "b1 twice",
    "r",
    "wrong-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    d = e * parameters['W2']
    parameters['W1'] += 0.001 * X @ d.T
    parameters['b1'] += 0.01 * d
    parameters['b1'] += 0.01 * d
    parameters['W2'] += 0.001 * e * A1
    parameters['b2'] += 0.01 * e
""",
    also="wrong-learning-rate uneven-learning-rate",
)

body(
    "W1 transposed in both",
    "r",
    "swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    d = e * parameters['W2']
    parameters['W1'] = (parameters['W1'].T + 0.001 * X @ d.T).T
    parameters['b1'] += 0.01 * d
    parameters['W2'] += 0.001 * e * A1
    parameters['b2'] += 0.01 * e
""",
)

body(
    "range(1)",
    "r",
    "not-updated updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    for j in range(2):
        parameters['W2'][j][0] += 0.001 * e * A1[j][0]
    for i in range(1):
        for j in range(2):
            parameters['W1'][i][j] += 0.001 * e * parameters['W2'][j][0] * X[i][0]
    parameters['b2'][0][0] += 0.01 * e
    for j in range(2):
        parameters['b1'][j][0] += 0.01 * e * parameters['W2'][j][0]
""",
)

body(
    "prints and asserts",
    "c",
    "swapped-index updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    print('y', y, 'y_hat', y_hat)
    assert parameters['W1'].shape == (2, 2)
    err = y - y_hat
    parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * err * A1[0][0])
    parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * err * A1[1][0])
    parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * err)
    parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * err * parameters['W2'][0][0] * A1[0][0] * (1 - A1[0][0]) * X[0][0])
    parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * err * parameters['W2'][0][0] * A1[0][0] * (1 - A1[0][0]) * X[1][0])
    parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * err * parameters['W2'][0][0] * A1[0][0] * (1 - A1[0][0]))
    parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * err * parameters['W2'][1][0] * A1[1][0] * (1 - A1[1][0]) * X[0][0])
    parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * err * parameters['W2'][1][0] * A1[1][0] * (1 - A1[1][0]) * X[1][0])
    parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * err * parameters['W2'][1][0] * A1[1][0] * (1 - A1[1][0]))
""",
)

body(
    "b1[1] from b1[0] updated",
    "r",
    "wrong-source-entry",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    err = 2 * (y - y_hat)
    v = parameters['W2'].copy()
    parameters['b1'][0] = parameters['b1'][0] + 0.01 * err * v[0]
    parameters['b1'][1] = parameters['b1'][0] + 0.01 * err * v[1]
    parameters['W1'] += 0.001 * err * X @ v.T
    parameters['W2'] += 0.001 * err * A1
    parameters['b2'] += 0.01 * err
""",
)

body(
    "max for stability",
    "c",
    "missing-activation-derivative",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    y_hat = np.clip(y_hat, 1e-12, 1 - 1e-12)
    dZ2 = y_hat - y
    dZ1 = parameters['W2'] * dZ2
    for k, g in {'W1': X @ dZ1.T, 'b1': dZ1, 'W2': A1 * dZ2, 'b2': dZ2}.items():
        parameters[k] -= (0.001 if 'W' in k else 0.01) * g
""",
)

body(
    "all weights of 0.01 bias 0.001, W2 first",
    "c",
    "wrong-learning-rate updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    w_lr, b_lr = 0.01, 0.001
    d = y_hat - y
    parameters['W2'] = parameters['W2'] - w_lr * d * A1
    parameters['b2'] = parameters['b2'] - b_lr * d
    g = d * parameters['W2'] * A1 * (1 - A1)
    parameters['W1'] = parameters['W1'] - w_lr * np.dot(X, g.T)
    parameters['b1'] = parameters['b1'] - b_lr * g
""",
)

body(
    "lr 0.1",
    "r",
    "wrong-learning-rate",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    for k, g in [('W2', A1), ('b2', 1)]:
        pass
    d = -2 * (y - y_hat)
    g1 = d * parameters['W2']
    parameters['W1'] -= 0.1 * X @ g1.T
    parameters['b1'] -= 0.1 * g1
    parameters['W2'] -= 0.1 * d * A1
    parameters['b2'] -= 0.1 * d
""",
)

body(
    "rate of 0.05 throughout",
    "r",
    "wrong-learning-rate",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = -2 * (y - y_hat)
    g1 = d * parameters['W2']
    parameters['W1'] -= 0.05 * X @ g1.T
    parameters['b1'] -= 0.05 * g1
    parameters['W2'] -= 0.05 * d * A1
    parameters['b2'] -= 0.05 * d
""",
    also="wrong-factor",
)

body(
    "b2 in W2's loop",
    "r",
    "wrong-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    v = parameters['W2'].copy()
    for j in range(2):
        parameters['W2'][j][0] += 0.001 * e * A1[j][0]
        parameters['b2'][0][0] += 0.01 * e
        parameters['b1'][j][0] += 0.01 * e * v[j][0]
        for i in range(2):
            parameters['W1'][i][j] += 0.001 * e * v[j][0] * X[i][0]
""",
    also="uneven-learning-rate wrong-learning-rate",
)

body(
    "b1 in inner loop",
    "c",
    "wrong-factor swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = y - y_hat
    v = parameters['W2'].copy()
    for i in range(2):
        for j in range(2):
            parameters['W1'][i][j] += 0.001 * e * v[i][0] * A1[i][0] * (1 - A1[i][0]) * X[j][0]
            parameters['b1'][i][0] += 0.01 * e * v[i][0] * A1[i][0] * (1 - A1[i][0])
        parameters['W2'][i][0] += 0.001 * e * A1[i][0]
    parameters['b2'][0][0] += 0.01 * e
""",
    also="uneven-learning-rate wrong-learning-rate",
)

body(
    "hidden-layer outer product of wrong A",
    "r",
    "wrong-layer-input swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dA2 = -2 * (y - y_hat)
    dW2 = A1 * dA2
    dA1 = parameters['W2'] * dA2
    dW1 = dA1 @ A1.T
    parameters['W1'] = parameters['W1'] - 0.001 * dW1
    parameters['b1'] = parameters['b1'] - 0.01 * dA1
    parameters['W2'] = parameters['W2'] - 0.001 * dW2
    parameters['b2'] = parameters['b2'] - 0.01 * dA2
""",
)

body(
    "mean of dZ1",
    "c",
    "bias-sum-axis wrong-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = y_hat - y
    dZ1 = parameters['W2'] * dZ2 * A1 * (1 - A1)
    parameters['W1'] -= 0.001 * X @ dZ1.T
    parameters['b1'] -= 0.01 * np.mean(dZ1)
    parameters['W2'] -= 0.001 * A1 * dZ2
    parameters['b2'] -= 0.01 * dZ2
""",
    also="uneven-learning-rate",
)

body(
    "A1 kept as 1-A1 in helper",
    "c",
    "wrong-activation-derivative swapped-index wrong-source-entry",
    """
def sigmoid_derivative(a):
    return 1 - a
def update_parameters(parameters, y, y_hat, A1, X):
    lr_w, lr_b = .001, .01
    e = y - y_hat
    g = [sigmoid_derivative(A1[0][0]), sigmoid_derivative(A1[1][0])]
    w = [parameters['W2'][0][0], parameters['W2'][1][0]]
    parameters['W1'][0][0] = parameters['W1'][0][0] + lr_w*e*w[0]*g[0]*X[0][0]
    parameters['W1'][0][1] = parameters['W1'][0][1] + lr_w*e*w[0]*g[0]*X[1][0]
    parameters['W1'][1][0] = parameters['W1'][1][0] + lr_w*e*w[1]*g[1]*X[0][0]
    parameters['W1'][1][1] = parameters['W1'][1][1] + lr_w*e*w[1]*g[1]*X[1][0]
    parameters['b1'][0][0] = parameters['b1'][0][0] + lr_b*e*w[0]*g[0]
    parameters['b1'][1][0] = parameters['b1'][1][0] + lr_b*e*w[1]*g[1]
    parameters['W2'][0][0] = parameters['W2'][0][0] + lr_w*e*A1[0][0]
    parameters['W2'][1][0] = parameters['W2'][1][0] + lr_w*e*A1[1][0]
    parameters['b2'][0][0] = parameters['W2'][1][0] + lr_b*e
""",
)
