"""Update functions as students write them, each labelled by hand with its mistakes.

``also`` are names that say the same in other words: what they predict is equal for all
inputs. Findings beyond these are wrong accusations.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Body:
    """One update function; ``mistakes`` are its mistakes as a teacher would list them."""

    name: str
    task: str
    source: str
    mistakes: frozenset[str]
    also: frozenset[str] = frozenset()
    layout: str = "column"


BODIES: list[Body] = []


def body(
    name: str, task: str, mistakes: str, source: str, *, also: str = "", layout: str = "column"
) -> None:
    """Add an update function; the names of its mistakes are separated by spaces."""
    full = {"r": "regression-numpy", "c": "classification-numpy"}[task]
    named, others = frozenset(mistakes.split()), frozenset(also.split())
    BODIES.append(Body(name, full, source, named, others, layout))


# --- regression, entry by entry --------------------------------------------------------------

body(
    "notebook order",
    "r",
    "updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat) * A1[0][0])
    parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * 2 * (y - y_hat) * A1[1][0])
    parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * 2 * (y - y_hat))
    parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y - y_hat) * parameters['W2'][0][0] * X[0][0])
    parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat) * parameters['W2'][1][0] * X[0][0])
    parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * 2 * (y - y_hat) * parameters['W2'][0][0])
    parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * (y - y_hat) * parameters['W2'][0][0] * X[1][0])
    parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y - y_hat) * parameters['W2'][1][0] * X[1][0])
    parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * 2 * (y - y_hat) * parameters['W2'][1][0])
""",
)

body(
    "bias from a weight",
    "r",
    "updated-before-use swapped-index wrong-source-entry",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    lr = 0.001
    lrb = 0.01
    e = y - y_hat
    parameters['W2'][0][0] = parameters['W2'][0][0] + (lr * 2 * e * A1[0][0])
    parameters['W2'][1][0] = parameters['W2'][1][0] + (lr * 2 * e * A1[1][0])
    parameters['b2'][0][0] = parameters['W2'][1][0] + (lrb * 2 * e)
    parameters['W1'][0][0] = parameters['W1'][0][0] + (lr * 2 * e * parameters['W2'][0][0] * X[0][0])
    parameters['W1'][0][1] = parameters['W1'][0][1] + (lr * 2 * e * parameters['W2'][0][0] * X[1][0])
    parameters['b1'][0][0] = parameters['b1'][0][0] + (lrb * 2 * e * parameters['W2'][0][0])
    parameters['W1'][1][0] = parameters['W1'][1][0] + (lr * 2 * e * parameters['W2'][1][0] * X[0][0])
    parameters['W1'][1][1] = parameters['W1'][1][1] + (lr * 2 * e * parameters['W2'][1][0] * X[1][0])
    parameters['b1'][1][0] = parameters['b1'][1][0] + (lrb * 2 * e * parameters['W2'][1][0])
""",
)

body(
    "bias from the other bias",
    "r",
    "wrong-source-entry",
    """
def update_params(parameters, y_, y_prediction, a1, x_):
    g = 2 * (y_ - y_prediction)
    w = parameters['W2'].copy()
    parameters['W1'][0][0] += 0.001 * g * w[0][0] * x_[0][0]
    parameters['W1'][0][1] += 0.001 * g * w[1][0] * x_[0][0]
    parameters['W1'][1][0] += 0.001 * g * w[0][0] * x_[1][0]
    parameters['W1'][1][1] += 0.001 * g * w[1][0] * x_[1][0]
    parameters['b1'][0][0] = parameters['b1'][1][0] + 0.01 * g * w[0][0]
    parameters['b1'][1][0] = parameters['b1'][1][0] + 0.01 * g * w[1][0]
    parameters['W2'][0][0] += 0.001 * g * a1[0][0]
    parameters['W2'][1][0] += 0.001 * g * a1[1][0]
    parameters['b2'][0][0] += 0.01 * g
""",
)

body(
    "two forgotten",
    "r",
    "wrong-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = y - y_hat
    W2 = np.array(parameters['W2'])
    for i in range(2):
        parameters['W2'][i][0] += 0.001 * e * A1[i][0]
        parameters['b1'][i][0] += 0.01 * e * W2[i][0]
        for j in range(2):
            parameters['W1'][i][j] += 0.001 * e * W2[j][0] * X[i][0]
    parameters['b2'][0][0] += 0.01 * e
""",
    also="wrong-learning-rate",
)

body(
    "one rate of a hundredth",
    "r",
    "wrong-learning-rate",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    learning_rate = 0.01
    d = -2 * (y - y_hat)
    dW2, db2 = d * A1, d
    dW1, db1 = X @ (parameters['W2'] * d).T, parameters['W2'] * d
    parameters['W1'] -= learning_rate * dW1
    parameters['b1'] -= learning_rate * db1
    parameters['W2'] -= learning_rate * dW2
    parameters['b2'] -= learning_rate * db2
""",
)

body(
    "one rate of a thousandth, scalar",
    "r",
    "wrong-learning-rate swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    p = parameters
    lr = 0.001
    k = lr * 2 * (y - y_hat)
    a, b = p['W2'][0, 0], p['W2'][1, 0]
    p['W1'][0, 0] += k * a * X[0, 0]
    p['W1'][0, 1] += k * a * X[1, 0]
    p['W1'][1, 0] += k * b * X[0, 0]
    p['W1'][1, 1] += k * b * X[1, 0]
    p['b1'][0, 0] += k * a
    p['b1'][1, 0] += k * b
    p['W2'][0, 0] += k * A1[0, 0]
    p['W2'][1, 0] += k * A1[1, 0]
    p['b2'][0, 0] += k
""",
)

body(
    "plus is not assigned",
    "r",
    "overwritten updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    error = (y - y_hat)
    parameters['W2'][0][0] += 0.001 * 2 * error * A1[0][0]
    parameters['W2'][1][0] += 0.001 * 2 * error * A1[1][0]
    parameters['b2'][0][0] =+ 0.01 * 2 * error
    parameters['W1'][0][0] += 0.001 * 2 * error * parameters['W2'][0][0] * X[0][0]
    parameters['W1'][0][1] += 0.001 * 2 * error * parameters['W2'][1][0] * X[0][0]
    parameters['W1'][1][0] += 0.001 * 2 * error * parameters['W2'][0][0] * X[1][0]
    parameters['W1'][1][1] += 0.001 * 2 * error * parameters['W2'][1][0] * X[1][0]
    parameters['b1'][0][0] =+ 0.01 * 2 * error * parameters['W2'][0][0]
    parameters['b1'][1][0] =+ 0.01 * 2 * error * parameters['W2'][1][0]
""",
)

body(
    "line copied, target not changed",
    "r",
    "wrong-target",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W1'][0][0] += 0.001 * e * W2[0][0] * X[0][0]
    parameters['W1'][0][1] += 0.001 * e * W2[1][0] * X[0][0]
    parameters['W1'][0][1] += 0.001 * e * W2[0][0] * X[1][0]
    parameters['W1'][1][1] += 0.001 * e * W2[1][0] * X[1][0]
    parameters['b1'][0][0] += 0.01 * e * W2[0][0]
    parameters['b1'][1][0] += 0.01 * e * W2[1][0]
    parameters['W2'][0][0] += 0.001 * e * A1[0][0]
    parameters['W2'][1][0] += 0.001 * e * A1[1][0]
    parameters['b2'][0][0] += 0.01 * e
""",
)

body(
    "line copied, bias of unit 1 stands twice",
    "r",
    "not-updated wrong-source-entry",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W1'] += 0.001 * e * X @ W2.T
    parameters['b1'][0][0] = parameters['b1'][1][0] + 0.01 * e * W2[0][0]
    parameters['W2'] += 0.001 * e * A1
    parameters['b2'] += 0.01 * e
""",
)

body(
    "hidden layer for the input",
    "r",
    "wrong-layer-input updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    for j in range(2):
        parameters['W2'][j][0] += 0.002 * (y - y_hat) * A1[j][0]
    parameters['b2'][0][0] += 0.02 * (y - y_hat)
    for i in range(2):
        for j in range(2):
            parameters['W1'][i][j] += 0.002 * (y - y_hat) * parameters['W2'][j][0] * A1[i][0]
    for j in range(2):
        parameters['b1'][j][0] += 0.02 * (y - y_hat) * parameters['W2'][j][0]
""",
)

body(
    "input for the hidden layer",
    "r",
    "wrong-layer-input",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    delta = -2 * (y - y_hat)
    grads = {'dW2': delta * X, 'db2': delta}
    grads['dW1'] = np.outer(X, parameters['W2'] * delta)
    grads['db1'] = parameters['W2'] * delta
    for l in (1, 2):
        parameters[f'W{l}'] = parameters[f'W{l}'] - 0.001 * grads[f'dW{l}']
        parameters[f'b{l}'] = parameters[f'b{l}'] - 0.01 * grads[f'db{l}']
""",
)

body(
    "all that the notebook does, and more",
    "r",
    "updated-before-use swapped-index uneven-learning-rate wrong-source-entry wrong-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    parameters['W2'][0][0] = parameters['W2'][0][0] + 0.001 * (y - y_hat) * A1[0][0]
    parameters['W2'][1][0] = parameters['W2'][1][0] + 0.001 * (y - y_hat) * A1[1][0]
    parameters['b2'][0][0] = parameters['W2'][1][0] + 0.01 * (y - y_hat)
    parameters['W1'][0][0] = parameters['W1'][0][0] + 0.001 * (y - y_hat) * parameters['W2'][0][0] * X[0][0]
    parameters['W1'][0][1] = parameters['W1'][0][1] + 0.001 * (y - y_hat) * parameters['W2'][0][0] * X[1][0]
    parameters['b1'][0][0] = parameters['b1'][0][0] + 0.01 * (y - y_hat) * parameters['W2'][0][0]
    parameters['W1'][1][0] = parameters['W1'][1][0] + 0.01 * (y - y_hat) * parameters['W2'][1][0] * X[0][0]
    parameters['W1'][1][1] = parameters['W1'][1][1] + 0.01 * (y - y_hat) * parameters['W2'][1][0] * X[1][0]
    parameters['b1'][1][0] = parameters['b1'][1][0] + 0.01 * (y - y_hat) * parameters['W2'][1][0]
""",
    also="wrong-learning-rate",
)

body(
    "hidden values exchanged",
    "r",
    "swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    w0, w1 = parameters['W2'][0][0], parameters['W2'][1][0]
    parameters['W2'][0][0] += 0.001 * d * A1[1][0]
    parameters['W2'][1][0] += 0.001 * d * A1[0][0]
    parameters['b2'][0][0] += 0.01 * d
    parameters['W1'][:, 0] += 0.001 * d * w0 * X[:, 0]
    parameters['W1'][:, 1] += 0.001 * d * w1 * X[:, 0]
    parameters['b1'][0] += 0.01 * d * w0
    parameters['b1'][1] += 0.01 * d * w1
""",
    also="wrong-index",
)

body(
    "bias moves by the rate alone",
    "r",
    "missing-error",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    hidden = parameters['W2'] * d
    parameters['W1'] += 0.001 * X.dot(hidden.T)
    parameters['b1'] += 0.01 * hidden
    parameters['W2'] += 0.001 * A1 * d
    parameters['b2'] += 0.01 * 2
""",
)

body(
    "the loss for its derivative",
    "r",
    "squared-error wrong-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    loss = (y - y_hat) ** 2
    old = parameters['W2'].copy()
    parameters['W2'] += 0.001 * loss * A1
    parameters['b2'] += 0.01 * loss
    parameters['W1'] += 0.001 * loss * X @ old.T
    parameters['b1'] += 0.01 * loss * old
""",
    also="wrong-learning-rate",
)

body(
    "own weight for W2",
    "r",
    "wrong-weight",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 0.002 * (y - y_hat)
    for i in range(2):
        for j in range(2):
            parameters['W1'][i][j] = parameters['W1'][i][j] + e * parameters['W1'][i][j] * X[i][0]
    for j in range(2):
        parameters['b1'][j][0] = parameters['b1'][j][0] + 10 * e * parameters['W2'][j][0]
    for j in range(2):
        parameters['W2'][j][0] = parameters['W2'][j][0] + e * A1[j][0]
    parameters['b2'][0][0] = parameters['b2'][0][0] + 10 * e
""",
)

body(
    "one index not changed after copying",
    "r",
    "wrong-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    u, v = parameters['W2'][0][0], parameters['W2'][1][0]
    parameters['W1'][0][0] += 0.001 * e * u * X[0][0]
    parameters['W1'][0][1] += 0.001 * e * v * X[0][0]
    parameters['W1'][1][0] += 0.001 * e * u * X[1][0]
    parameters['W1'][1][1] += 0.001 * e * v * X[0][0]
    parameters['b1'][0][0] += 0.01 * e * u
    parameters['b1'][1][0] += 0.01 * e * u
    parameters['W2'][0][0] += 0.001 * e * A1[0][0]
    parameters['W2'][1][0] += 0.001 * e * A1[0][0]
    parameters['b2'][0][0] += 0.01 * e
""",
)

body(
    "output bias inside the loop",
    "r",
    "wrong-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    for j in range(2):
        parameters['W2'][j, 0] += 0.001 * e * A1[j, 0]
        parameters['b2'][0, 0] += 0.01 * e
        parameters['b1'][j, 0] += 0.01 * e * W2[j, 0]
        for i in range(2):
            parameters['W1'][i, j] += 0.001 * e * W2[j, 0] * X[i, 0]
""",
    also="uneven-learning-rate",
)

body(
    "weight missing on biases",
    "r",
    "missing-weight",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    W1 = parameters['W1'] + 0.001 * e * X * parameters['W2'].T
    b1 = parameters['b1'] + 0.01 * e
    W2 = parameters['W2'] + 0.001 * e * A1
    b2 = parameters['b2'] + 0.01 * e
    parameters['W1'], parameters['b1'], parameters['W2'], parameters['b2'] = W1, b1, W2, b2
""",
)

body(
    "some biases not at all",
    "r",
    "not-updated uneven-learning-rate",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    w = [parameters['W2'][0][0], parameters['W2'][1][0]]
    parameters['W1'][0][0] += 0.01 * e * w[0] * X[0][0]
    parameters['W1'][0][1] += 0.001 * e * w[1] * X[0][0]
    parameters['W1'][1][0] += 0.001 * e * w[0] * X[1][0]
    parameters['W1'][1][1] += 0.001 * e * w[1] * X[1][0]
    parameters['b1'][0][0] += 0.01 * e * w[0]
    parameters['W2'][0][0] += 0.001 * e * A1[0][0]
    parameters['W2'][1][0] += 0.001 * e * A1[1][0]
    parameters['b2'][0][0] += 0.01 * e
""",
)

# --- regression, in arrays -------------------------------------------------------------------

body(
    "arrays, W2 first",
    "r",
    "updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = -2 * (y - y_hat)
    parameters['W2'] = parameters['W2'] - 0.001 * np.dot(A1, dZ2)
    parameters['b2'] = parameters['b2'] - 0.01 * dZ2
    dA1 = np.dot(parameters['W2'], dZ2)
    parameters['W1'] = parameters['W1'] - 0.001 * np.dot(X, dA1.T)
    parameters['b1'] = parameters['b1'] - 0.01 * dA1
""",
)

body(
    "an alias is no copy",
    "r",
    "updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    W1, b1 = parameters['W1'], parameters['b1']
    W2, b2 = parameters['W2'], parameters['b2']
    old_W2 = W2
    d = 2 * (y - y_hat)
    W2 += 0.001 * d * A1
    b2 += 0.01 * d
    W1 += 0.001 * d * X @ old_W2.T
    b1 += 0.01 * d * old_W2
""",
)

body(
    "outer product the other way round",
    "r",
    "swapped-index bias-sum-axis",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = -2 * (y - y_hat)
    dW2 = A1 * dZ2
    db2 = np.sum(dZ2)
    dZ1 = parameters['W2'] * dZ2
    dW1 = np.dot(dZ1, X.T)
    db1 = np.sum(dZ1)
    parameters['W1'] -= 0.001 * dW1
    parameters['b1'] -= 0.01 * db1
    parameters['W2'] -= 0.001 * dW2
    parameters['b2'] -= 0.01 * db2
""",
)

body(
    "uphill",
    "r",
    "wrong-sign",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = 2 * (y_hat - y)
    dZ1 = parameters['W2'] * dZ2
    parameters['W2'] = parameters['W2'] + 0.001 * A1 * dZ2
    parameters['b2'] = parameters['b2'] + 0.01 * dZ2
    parameters['W1'] = parameters['W1'] + 0.001 * X @ dZ1.T
    parameters['b1'] = parameters['b1'] + 0.01 * dZ1
""",
)

body(
    "halved by the number of inputs, uphill in layer 1",
    "r",
    "wrong-sign wrong-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    m = X.shape[0]
    dZ2 = (y - y_hat)
    dZ1 = parameters['W2'] * dZ2
    parameters['W2'] += 0.001 * A1 * dZ2 * 2
    parameters['b2'] += 0.01 * dZ2 * 2
    parameters['W1'] -= 0.001 * np.dot(X, dZ1.T) * 2 / m
    parameters['b1'] -= 0.01 * dZ1 * 2 / m
""",
    also="uneven-learning-rate",
)

body(
    "bias times input",
    "r",
    "bias-times-input updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    parameters['W2'] += 0.001 * d * A1
    parameters['b2'] += 0.01 * d
    delta = d * parameters['W2']
    parameters['W1'] += 0.001 * X @ delta.T
    parameters['b1'] += 0.01 * delta * X
""",
)

body(
    "new dict, biases from the new weights",
    "r",
    "updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    new = {}
    new['W2'] = parameters['W2'] + 0.001 * d * A1
    new['b2'] = parameters['b2'] + 0.01 * d
    new['W1'] = parameters['W1'] + 0.001 * d * X @ parameters['W2'].T
    new['b1'] = parameters['b1'] + 0.01 * d * new['W2']
    return new
""",
)

body(
    "changed in a copy",
    "r",
    "copy-dropped",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    parameters = parameters.copy()
    d = 2 * (y - y_hat)
    delta = d * parameters['W2']
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * X @ delta.T
    parameters['b1'] = parameters['b1'] + 0.01 * delta
""",
    also="nothing-updated",
)

body(
    "changed in a deep copy, entry by entry",
    "c",
    "copy-dropped",
    """
import copy
def update_parameters(parameters, y, y_hat, A1, X):
    new = copy.deepcopy(parameters)
    e = y - y_hat
    for j in range(2):
        new['W2'][j][0] += 0.001 * e * A1[j][0]
        new['b1'][j][0] += 0.01 * e * parameters['W2'][j][0] * A1[j][0] * (1 - A1[j][0])
        for i in range(2):
            new['W1'][i][j] += (
                0.001 * e * parameters['W2'][j][0] * A1[j][0] * (1 - A1[j][0]) * X[i][0]
            )
    new['b2'][0][0] += 0.01 * e
""",
    also="nothing-updated",
)

body(
    "gradients are all there is",
    "r",
    "nothing-updated",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    grads = {}
    grads['W2'] = -2 * (y - y_hat) * A1
    grads['b2'] = -2 * (y - y_hat) * np.ones((1, 1))
    grads['W1'] = X @ (parameters['W2'] * -2 * (y - y_hat)).T
    grads['b1'] = parameters['W2'] * -2 * (y - y_hat)
    for key in grads:
        grads[key] = grads[key] * 0.001
""",
    also="copy-dropped",
)

body(
    "changed, and changed back",
    "r",
    "nothing-updated",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    old = {key: value.copy() for key, value in parameters.items()}
    parameters['W1'] += 1.0
    parameters['W2'] += 1.0
    for key in parameters:
        parameters[key] = old[key]
""",
    also="copy-dropped",
)

body(
    "locals bound anew",
    "r",
    "nothing-updated",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    W1, b1, W2, b2 = (parameters[k] for k in ('W1', 'b1', 'W2', 'b2'))
    d = 2 * (y - y_hat)
    delta = d * W2
    W2 = W2 + 0.001 * d * A1
    b2 = b2 + 0.01 * d
    W1 = W1 + 0.001 * X @ delta.T
    b1 = b1 + 0.01 * delta
    return parameters
""",
    also="copy-dropped",
)

body(
    "with a rate, one forgets it",
    "r",
    "rate-ignored updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X, lr):
    d = 2 * (y - y_hat)
    parameters['W2'] += lr * d * A1
    parameters['b2'] += lr * d
    parameters['W1'] += lr * d * X @ parameters['W2'].T
    parameters['b1'] += 0.01 * d * parameters['W2']
""",
)

body(
    "rows, transposed",
    "r",
    "updated-before-use swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = -2 * (y - y_hat)
    parameters['W2'] = parameters['W2'] - 0.001 * A1.T * d
    parameters['b2'] = parameters['b2'] - 0.01 * d
    delta = d * parameters['W2'].T
    parameters['W1'] = parameters['W1'] - 0.001 * delta.T @ X
    parameters['b1'] = parameters['b1'] - 0.01 * delta
""",
    layout="row",
)

body(
    "out by in, entry by entry",
    "r",
    "swapped-index uneven-learning-rate",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W1'][0][0] += 0.001 * e * W2[0][0] * X[0][0]
    parameters['W1'][0][1] += 0.001 * e * W2[0][1] * X[0][0]
    parameters['W1'][1][0] += 0.01 * e * W2[0][0] * X[1][0]
    parameters['W1'][1][1] += 0.01 * e * W2[0][1] * X[1][0]
    parameters['b1'][0][0] += 0.01 * e * W2[0][0]
    parameters['b1'][1][0] += 0.01 * e * W2[0][1]
    parameters['W2'][0][0] += 0.001 * e * A1[0][0]
    parameters['W2'][0][1] += 0.001 * e * A1[1][0]
    parameters['b2'][0][0] += 0.01 * e
""",
    layout="out_in",
)

body(
    "updated within the same loop",
    "r",
    "updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    for j in range(2):
        parameters['W2'][j][0] += 0.001 * e * A1[j][0]
        for i in range(2):
            parameters['W1'][i][j] += 0.001 * e * parameters['W2'][j][0] * X[i][0]
        parameters['b1'][j][0] += 0.01 * e * parameters['W2'][j][0]
    parameters['b2'][0][0] += 0.01 * e
""",
)

body(
    "half of the weights are old",
    "r",
    "updated-before-use swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    for i in range(2):
        parameters['W2'][i][0] += 0.001 * e * A1[i][0]
        for j in range(2):
            parameters['W1'][i][j] += 0.001 * e * parameters['W2'][i][0] * X[j][0]
        parameters['b1'][i][0] += 0.01 * e * parameters['W2'][i][0]
    parameters['b2'][0][0] += 0.01 * e
""",
)

body(
    "by layers, the last forgotten",
    "r",
    "not-updated",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dA = -2 * (y - y_hat)
    L = len(parameters) // 2
    inputs = [X, A1]
    grads = {}
    for l in range(L, 0, -1):
        grads['dW' + str(l)] = inputs[l - 1] @ np.atleast_2d(dA).T
        grads['db' + str(l)] = np.atleast_2d(dA)
        dA = parameters['W' + str(l)] @ np.atleast_2d(dA)
    for l in range(1, L):
        parameters['W' + str(l)] -= 0.001 * grads['dW' + str(l)]
        parameters['b' + str(l)] -= 0.01 * grads['db' + str(l)]
""",
)

# --- classification, entry by entry ----------------------------------------------------------

SCALAR = """
def update_parameters(parameters, y, y_hat, A1, X):
    e = y - y_hat
    {first}
    parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * e * parameters['W2'][0][0] * {d0} * X[0][0])
    parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * e * parameters['W2'][1][0] * {d1} * X[0][0])
    parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * e * parameters['W2'][0][0] * {d0})
    parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * e * parameters['W2'][0][0] * {d0} * X[1][0])
    parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * e * parameters['W2'][1][0] * {d1} * X[1][0])
    parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * e * parameters['W2'][1][0] * {d1})
    {last}
"""
OUTER = """parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * e * A1[0][0])
    parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * e * A1[1][0])
    parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * e)"""


def scalar(derivative: str, *, outer_first: bool = False) -> str:
    """Return the notebook's nine lines with a ``derivative`` of ``A1[j][0]``, written ``{a}``."""
    d0, d1 = (derivative.format(a=f"A1[{j}][0]", x=f"X[{j}][0]") for j in (0, 1))
    first, last = (OUTER, "") if outer_first else ("", OUTER)
    return SCALAR.format(first=first, last=last, d0=d0, d1=d1)


body("A alone", "c", "wrong-activation-derivative", scalar("{a}"))
body(
    "1 - A alone, W2 first",
    "c",
    "wrong-activation-derivative updated-before-use",
    scalar("(1 - {a})", outer_first=True),
)
body("no derivative", "c", "missing-activation-derivative", scalar("1"))
body(
    "sigmoid of the activation",
    "c",
    "wrong-derivative-argument",
    scalar("sigmoid({a}) * (1 - sigmoid({a}))"),
)
body(
    "derivative of the output",
    "c",
    "wrong-derivative-argument updated-before-use",
    scalar("y_hat * (1 - y_hat)", outer_first=True),
)
body("derivative of the input", "c", "wrong-derivative-argument", scalar("{x} * (1 - {x})"))
body("derivative squared", "c", "extra-activation-derivative", scalar("({a} * (1 - {a})) ** 2"))
body("that of tanh", "c", "wrong-activation-derivative", scalar("(1 - {a} ** 2)"))
body(
    "that of relu",
    "c",
    "missing-activation-derivative",
    scalar("({a} > 0)"),
    also="wrong-activation-derivative",
)

body(
    "parenthesis",
    "c",
    "misplaced-parenthesis updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    parameters['W2'][0][0] += 0.001 * (y - y_hat) * A1[0][0]
    parameters['W2'][1][0] += 0.001 * (y - y_hat) * A1[1][0]
    parameters['b2'][0][0] += 0.01 * (y - y_hat)
    parameters['W1'][0][0] += 0.001 * (y - y_hat) * parameters['W2'][0][0] * A1[0][0] * (1 - A1[0][0] * X[0][0])
    parameters['W1'][0][1] += 0.001 * (y - y_hat) * parameters['W2'][1][0] * A1[1][0] * (1 - A1[1][0] * X[0][0])
    parameters['W1'][1][0] += 0.001 * (y - y_hat) * parameters['W2'][0][0] * A1[0][0] * (1 - A1[0][0] * X[1][0])
    parameters['W1'][1][1] += 0.001 * (y - y_hat) * parameters['W2'][1][0] * A1[1][0] * (1 - A1[1][0] * X[1][0])
    parameters['b1'][0][0] += 0.01 * (y - y_hat) * parameters['W2'][0][0] * A1[0][0] * (1 - A1[0][0])
    parameters['b1'][1][0] += 0.01 * (y - y_hat) * parameters['W2'][1][0] * A1[1][0] * (1 - A1[1][0])
""",
)

body(
    "parenthesis around the error",
    "c",
    "misplaced-parenthesis",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    W2 = parameters['W2'].copy()
    e = y - y_hat
    parameters['W2'][0][0] += 0.001 * y - y_hat * A1[0][0]
    parameters['W2'][1][0] += 0.001 * y - y_hat * A1[1][0]
    parameters['b2'][0][0] += 0.01 * e
    parameters['W1'] += 0.001 * e * X @ (W2 * A1 * (1 - A1)).T
    parameters['b1'] += 0.01 * e * W2 * A1 * (1 - A1)
""",
)

body(
    "several at once, one per kind",
    "c",
    "updated-before-use uneven-learning-rate swapped-index wrong-activation-derivative "
    "wrong-source-entry",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    parameters['W2'][0][0] = parameters['W2'][0][0] + 0.001 * (y - y_hat) * A1[0][0]
    parameters['W2'][1][0] = parameters['W2'][1][0] + 0.001 * (y - y_hat) * A1[1][0]
    parameters['b2'][0][0] = parameters['W2'][1][0] + 0.01 * (y - y_hat)
    parameters['W1'][0][0] = parameters['W1'][0][0] + 0.001 * (y - y_hat) * parameters['W2'][0][0] * (1 - A1[0][0]) * X[0][0]
    parameters['W1'][0][1] = parameters['W1'][0][1] + 0.001 * (y - y_hat) * parameters['W2'][0][0] * (1 - A1[0][0]) * X[1][0]
    parameters['b1'][0][0] = parameters['b1'][1][0] + 0.01 * (y - y_hat) * parameters['W2'][0][0] * (1 - A1[0][0])
    parameters['W1'][1][0] = parameters['W1'][1][0] + 0.01 * (y - y_hat) * parameters['W2'][1][0] * (1 - A1[1][0]) * X[0][0]
    parameters['W1'][1][1] = parameters['W1'][1][1] + 0.01 * (y - y_hat) * parameters['W2'][1][0] * (1 - A1[1][0]) * X[1][0]
    parameters['b1'][1][0] = parameters['b1'][1][0] + 0.01 * (y - y_hat) * parameters['W2'][1][0] * (1 - A1[1][0])
""",
)

body(
    "derivative on the weights only",
    "c",
    "missing-activation-derivative",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = y - y_hat
    W2 = parameters['W2'].copy()
    for j in range(2):
        parameters['W2'][j][0] += 0.001 * e * A1[j][0]
        parameters['b1'][j][0] += 0.01 * e * W2[j][0]
        for i in range(2):
            parameters['W1'][i][j] += 0.001 * e * W2[j][0] * A1[j][0] * (1 - A1[j][0]) * X[i][0]
    parameters['b2'][0][0] += 0.01 * e
""",
)

body(
    "derivative of the wrong unit",
    "c",
    "swapped-index updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = y - y_hat
    for j in range(2):
        parameters['W2'][j][0] += 0.001 * e * A1[j][0]
    parameters['b2'][0][0] += 0.01 * e
    for i in range(2):
        for j in range(2):
            parameters['W1'][i][j] += 0.001 * e * parameters['W2'][i][0] * A1[i][0] * (1 - A1[i][0]) * X[j][0]
        parameters['b1'][i][0] += 0.01 * e * parameters['W2'][i][0] * A1[i][0] * (1 - A1[i][0])
""",
)

body(
    "uneven biases",
    "c",
    "uneven-learning-rate",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = y - y_hat
    s = parameters['W2'] * A1 * (1 - A1)
    parameters['W2'] += 0.001 * e * A1
    parameters['b2'] += 0.001 * e
    parameters['W1'] += 0.001 * e * X @ s.T
    parameters['b1'] += 0.01 * e * s
""",
)

# --- classification, in arrays ---------------------------------------------------------------

body(
    "squared error's derivative",
    "c",
    "extra-output-derivative wrong-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = -2 * (y - y_hat) * y_hat * (1 - y_hat)
    dZ1 = parameters['W2'] * dZ2 * A1 * (1 - A1)
    parameters['W2'] -= 0.001 * A1 * dZ2
    parameters['b2'] -= 0.01 * dZ2
    parameters['W1'] -= 0.001 * X @ dZ1.T
    parameters['b1'] -= 0.01 * dZ1
""",
    also="wrong-learning-rate",
)

body(
    "output's derivative in layer 1 only",
    "c",
    "extra-output-derivative",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    error = y - y_hat
    d_hidden = error * y_hat * (1 - y_hat) * parameters['W2'] * A1 * (1 - A1)
    parameters['W2'] += 0.001 * error * A1
    parameters['b2'] += 0.01 * error
    parameters['W1'] += 0.001 * X @ d_hidden.T
    parameters['b1'] += 0.01 * d_hidden
""",
)

body(
    "loss by ŷ, without ŷ by z",
    "c",
    "missing-output-derivative",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dA2 = -(np.divide(y, y_hat) - np.divide(1 - y, 1 - y_hat))
    dW2 = np.dot(A1, dA2)
    db2 = dA2
    dZ1 = np.dot(parameters['W2'], dA2) * A1 * (1 - A1)
    parameters['W1'] -= 0.001 * np.dot(X, dZ1.T)
    parameters['b1'] -= 0.01 * dZ1
    parameters['W2'] -= 0.001 * dW2
    parameters['b2'] -= 0.01 * db2
""",
)

body(
    "mean over four examples",
    "c",
    "wrong-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    m = 4
    dZ2 = y_hat - y
    dW2 = np.dot(A1, dZ2) / m
    db2 = dZ2 / m
    dZ1 = parameters['W2'] * dZ2 * (A1 * (1 - A1))
    dW1 = np.dot(X, dZ1.T) / m
    db1 = dZ1 / m
    parameters['W1'] -= 0.001 * dW1
    parameters['b1'] -= 0.01 * db1
    parameters['W2'] -= 0.001 * dW2
    parameters['b2'] -= 0.01 * db2
""",
    also="wrong-learning-rate",
)

body(
    "sum without an axis",
    "c",
    "bias-sum-axis",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = y_hat - y
    dZ1 = np.multiply(parameters['W2'] * dZ2, A1 * (1 - A1))
    parameters['W1'] -= 0.001 * X.dot(dZ1.T)
    parameters['b1'] -= 0.01 * np.sum(dZ1)
    parameters['W2'] -= 0.001 * A1 * dZ2
    parameters['b2'] -= 0.01 * np.sum(dZ2)
""",
)

body(
    "sum along the wrong axis, tanh's derivative",
    "c",
    "bias-sum-axis wrong-activation-derivative updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = y_hat - y
    parameters['W2'] = parameters['W2'] - 0.001 * A1 * dZ2
    parameters['b2'] = parameters['b2'] - 0.01 * dZ2
    dZ1 = parameters['W2'] * dZ2 * (1 - np.power(A1, 2))
    parameters['W1'] = parameters['W1'] - 0.001 * np.dot(X, dZ1.T)
    parameters['b1'] = parameters['b1'] - 0.01 * np.sum(dZ1, axis=0, keepdims=True)
""",
)

body(
    "derivative stands on W2 too",
    "c",
    "extra-activation-derivative",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = y - y_hat
    s = A1 * (1 - A1)
    old = parameters['W2'].copy()
    parameters['W2'] += 0.001 * e * A1 * s
    parameters['b2'] += 0.01 * e
    parameters['W1'] += 0.001 * e * X @ (old * s).T
    parameters['b1'] += 0.01 * e * old * s
""",
)

body(
    "uphill in layer 2, rate as argument",
    "c",
    "wrong-sign updated-before-use",
    """
def update_parameters(parameters, y, y_hat, A1, X, alpha=0.01):
    dZ2 = y_hat - y
    parameters['W2'] += alpha * A1 * dZ2
    parameters['b2'] += alpha * dZ2
    dZ1 = parameters['W2'] * dZ2 * A1 * (1 - A1)
    parameters['W1'] -= alpha * X @ dZ1.T
    parameters['b1'] -= alpha * dZ1
""",
)

body(
    "input left out",
    "c",
    "missing-input",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = y_hat - y
    dZ1 = parameters['W2'] * dZ2 * A1 * (1 - A1)
    parameters['W1'] -= 0.001 * dZ1.T
    parameters['b1'] -= 0.01 * dZ1
    parameters['W2'] -= 0.001 * A1 * dZ2
    parameters['b2'] -= 0.01 * dZ2
""",
)

body(
    "weight left out",
    "c",
    "missing-weight swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = y_hat - y
    dZ1 = dZ2 * A1 * (1 - A1)
    parameters['W1'] -= 0.001 * dZ1 @ X.T
    parameters['b1'] -= 0.01 * dZ1
    parameters['W2'] -= 0.001 * A1 * dZ2
    parameters['b2'] -= 0.01 * dZ2
""",
)

body(
    "weight squared",
    "c",
    "extra-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = y_hat - y
    dZ1 = parameters['W2'] ** 2 * dZ2 * A1 * (1 - A1)
    parameters['W1'] -= 0.001 * X @ dZ1.T
    parameters['b1'] -= 0.01 * dZ1
    parameters['W2'] -= 0.001 * A1 * dZ2
    parameters['b2'] -= 0.01 * dZ2
""",
)

body(
    "row vectors, W2 first, 1 - A",
    "c",
    "updated-before-use wrong-activation-derivative",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = y_hat - y
    parameters['W2'] -= 0.001 * A1.T * dZ2
    parameters['b2'] -= 0.01 * dZ2
    dZ1 = dZ2 * parameters['W2'].T * (1 - A1)
    parameters['W1'] -= 0.001 * X.T @ dZ1
    parameters['b1'] -= 0.01 * dZ1
""",
    layout="row",
)

body(
    "out by in, no derivative, all at one rate",
    "c",
    "missing-activation-derivative wrong-learning-rate",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    lr = 0.01
    dZ2 = np.atleast_2d(y_hat - y)
    dZ1 = parameters['W2'].T @ dZ2
    parameters['W2'] -= lr * dZ2 @ A1.T
    parameters['b2'] -= lr * dZ2
    parameters['W1'] -= lr * dZ1 @ X.T
    parameters['b1'] -= lr * dZ1
""",
    layout="out_in",
)

body(
    "truth for the error",
    "c",
    "wrong-error",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    old = parameters['W2'].copy()
    parameters['W2'] += 0.001 * y * A1
    parameters['b2'] += 0.01 * y
    parameters['W1'] += 0.001 * y * X @ (old * A1 * (1 - A1)).T
    parameters['b1'] += 0.01 * y * old * A1 * (1 - A1)
""",
)

body(
    "written over, for want of a second plus",
    "c",
    "overwritten wrong-sign",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    e = y_hat - y
    s = parameters['W2'] * A1 * (1 - A1)
    parameters['W1'] = parameters['W1'] - 0.001 * e * X @ s.T
    parameters['b1'] =- 0.01 * e * s
    parameters['W2'] = parameters['W2'] + 0.001 * e * A1
    parameters['b2'] =- 0.01 * e * np.ones((1, 1))
""",
)

body(
    "by classes, W2 first, indices exchanged",
    "c",
    "updated-before-use swapped-index",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    if y == 1:
        error = 1 - y_hat
    else:
        error = 0 - y_hat
    parameters['W2'] += 0.001 * error * A1
    parameters['b2'] += 0.01 * error
    delta = error * parameters['W2'] * A1 * (1 - A1)
    parameters['W1'] += 0.001 * delta @ X.T
    parameters['b1'] += 0.01 * delta
""",
)
