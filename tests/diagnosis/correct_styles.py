"""Right updates in many styles of students."""

from __future__ import annotations

REGRESSION, CLASSIFICATION = "regression-numpy", "classification-numpy"

ERROR = {REGRESSION: "2 * (y - y_hat)", CLASSIFICATION: "(y - y_hat)"}
SLOPE = {REGRESSION: "1.0", CLASSIFICATION: "A1 * (1 - A1)"}
OF_UNIT = {REGRESSION: "1.0", CLASSIFICATION: "A1[{j}, 0] * (1 - A1[{j}, 0])"}

STYLES: dict[str, str] = {}
"""Sources with placeholders ``ERROR``, ``SLOPE`` and ``SLOPE0``, ``SLOPE1``, ``SLOPEj``."""

STYLES["entry by entry"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    w0, w1 = parameters['W2'][0, 0], parameters['W2'][1, 0]
    e = ERROR
    parameters['W1'][0][0] += 0.001 * e * w0 * SLOPE0 * X[0][0]
    parameters['W1'][0][1] += 0.001 * e * w1 * SLOPE1 * X[0][0]
    parameters['W1'][1][0] += 0.001 * e * w0 * SLOPE0 * X[1][0]
    parameters['W1'][1][1] += 0.001 * e * w1 * SLOPE1 * X[1][0]
    parameters['b1'][0][0] += 0.01 * e * w0 * SLOPE0
    parameters['b1'][1][0] += 0.01 * e * w1 * SLOPE1
    parameters['W2'][0][0] += 0.001 * e * A1[0][0]
    parameters['W2'][1][0] += 0.001 * e * A1[1][0]
    parameters['b2'][0][0] += 0.01 * e
"""
STYLES["loops"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    W2 = parameters['W2'].copy()
    for j in range(2):
        parameters['W2'][j, 0] = parameters['W2'][j, 0] + 0.001 * ERROR * A1[j, 0]
        for i in range(2):
            parameters['W1'][i, j] += 0.001 * ERROR * W2[j, 0] * SLOPEj * X[i, 0]
        parameters['b1'][j, 0] += 0.01 * ERROR * W2[j, 0] * SLOPEj
    parameters['b2'][0, 0] += 0.01 * ERROR
"""
STYLES["matmul"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    d2 = np.atleast_2d(-ERROR)
    d1 = parameters['W2'] @ d2 * SLOPE
    parameters['W1'] -= 0.001 * X @ d1.T
    parameters['b1'] -= 0.01 * d1
    parameters['W2'] -= 0.001 * A1 @ d2.T
    parameters['b2'] -= 0.01 * d2
"""
STYLES["einsum"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    delta = np.einsum('jk,k->j', parameters['W2'], [-ERROR]) * np.ravel(SLOPE * np.ones((2, 1)))
    dW1 = np.einsum('i,j->ij', X[:, 0], delta)
    dW2 = np.einsum('j,k->jk', A1[:, 0], [-ERROR])
    for key, grad, rate in (('W1', dW1, 0.001), ('b1', delta[:, None], 0.01),
                            ('W2', dW2, 0.001), ('b2', np.array([[-ERROR]]), 0.01)):
        parameters[key] = parameters[key] - rate * grad
"""
STYLES["outer"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    d = ERROR
    back = parameters['W2'] * d * SLOPE
    parameters['W1'] += np.outer(0.001 * X, back)
    parameters['b1'] += 0.01 * back
    parameters['W2'] += np.outer(A1, 0.001 * d)
    parameters['b2'] += 0.01 * d
"""
STYLES["broadcasting"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    d = ERROR
    back = d * (parameters['W2'] * SLOPE).T
    parameters['W1'][...] = parameters['W1'] + 0.001 * (X * back)
    parameters['b1'][...] = parameters['b1'] + 0.01 * back.reshape(2, 1)
    parameters['W2'][...] = parameters['W2'] + 0.001 * (d * A1)
    parameters['b2'][...] = parameters['b2'] + 0.01 * d
"""
STYLES["slices"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    back = ERROR * parameters['W2'] * SLOPE
    parameters['W1'][:, 0] += 0.001 * X[:, 0] * back[0]
    parameters['W1'][:, 1] += 0.001 * X[:, 0] * back[1]
    parameters['b1'][:] += 0.01 * back
    parameters['W2'][:, 0] += 0.001 * ERROR * A1[:, 0]
    parameters['b2'][:] += 0.01 * ERROR
"""
STYLES["helper functions"] = """
def slope(A1):
    return SLOPE

def gradients(parameters, y, y_hat, A1, X):
    d2 = -(ERROR)
    d1 = parameters['W2'] * d2 * slope(A1)
    return {'W1': X @ d1.T, 'b1': d1, 'W2': A1 * d2, 'b2': d2}

def step(value, gradient, rate):
    return value - rate * gradient

def update_parameters(parameters, y, y_hat, A1, X):
    grads = gradients(parameters, y, y_hat, A1, X)
    for key in parameters:
        parameters[key] = step(parameters[key], grads[key], 0.001 if key.startswith('W') else 0.01)
"""
STYLES["a new dict"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    back = ERROR * parameters['W2'] * SLOPE
    return {
        'W1': parameters['W1'] + 0.001 * X @ back.T,
        'b1': parameters['b1'] + 0.01 * back,
        'W2': parameters['W2'] + 0.001 * ERROR * A1,
        'b2': parameters['b2'] + 0.01 * ERROR,
    }
"""
STYLES["a comprehension"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    back = ERROR * parameters['W2'] * SLOPE
    moves = {'W1': X @ back.T, 'b1': back, 'W2': ERROR * A1, 'b2': ERROR}
    rates = {'W': 0.001, 'b': 0.01}
    parameters = {k: v + rates[k[0]] * moves[k] for k, v in parameters.items()}
    return parameters
"""
STYLES["a lambda"] = """
update_parameters = lambda parameters, y, y_hat, A1, X: parameters.update(
    W1=parameters['W1'] + 0.001 * X @ (ERROR * parameters['W2'] * SLOPE).T,
    b1=parameters['b1'] + 0.01 * ERROR * parameters['W2'] * SLOPE,
    W2=parameters['W2'] + 0.001 * ERROR * A1,
    b2=parameters['b2'] + 0.01 * ERROR,
)
"""
STYLES["a decorator"] = """
import functools

def in_place(function):
    @functools.wraps(function)
    def wrapped(parameters, y, y_hat, A1, X):
        for key, change in function(parameters, y, y_hat, A1, X).items():
            parameters[key] += change
    return wrapped

@in_place
def update_parameters(parameters, y, y_hat, A1, X):
    back = ERROR * parameters['W2'] * SLOPE
    return dict(W1=0.001 * X @ back.T, b1=0.01 * back, W2=0.001 * ERROR * A1, b2=0.01 * ERROR)
"""
STYLES["recursion over layers"] = """
def back(parameters, l, dA, inputs, slopes, grads):
    if l == 0:
        return grads
    dZ = dA * slopes[l - 1]
    grads[f'W{l}'], grads[f'b{l}'] = inputs[l - 1] @ dZ.T, dZ
    return back(parameters, l - 1, parameters[f'W{l}'] @ dZ, inputs, slopes, grads)

def update_parameters(parameters, y, y_hat, A1, X):
    d = np.array([[-(ERROR)]]).reshape(1, 1)
    grads = back(parameters, 2, d, [X, A1], [SLOPE, 1.0], {})
    for l in (2, 1):
        parameters[f'W{l}'] = parameters[f'W{l}'] - 0.001 * grads[f'W{l}']
        parameters[f'b{l}'] = parameters[f'b{l}'] - 0.01 * grads[f'b{l}']
"""
STYLES["walrus"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    if (back := parameters['W2'] * (e := ERROR) * SLOPE) is not None:
        parameters['W2'] += 0.001 * e * A1
        parameters['b2'] += 0.01 * e
        parameters['W1'] += 0.001 * X @ back.T
        parameters['b1'] += 0.01 * back
"""
STYLES["forward again inside"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    y_hat, A1 = L_layer_forward(X, parameters)
    y_hat = y_hat[0][0]
    back = ERROR * parameters['W2'] * SLOPE
    parameters['W1'] += 0.001 * X @ back.T
    parameters['b1'] += 0.01 * back
    parameters['W2'] += 0.001 * ERROR * A1
    parameters['b2'] += 0.01 * ERROR
"""
STYLES["plain numbers"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    y, y_hat = float(y), float(y_hat)
    W2 = [float(v) for v in parameters['W2'].ravel()]
    a, x = [float(v) for v in A1.ravel()], X.ravel().tolist()
    slopes = [float(v) for v in (SLOPE * np.ones((2, 1))).ravel()]
    W1, b1 = parameters['W1'].tolist(), parameters['b1'].ravel().tolist()
    for j in range(2):
        for i in range(2):
            W1[i][j] += 0.001 * ERROR * W2[j] * slopes[j] * x[i]
        b1[j] += 0.01 * ERROR * W2[j] * slopes[j]
    parameters['W1'], parameters['b1'] = np.array(W1), np.array(b1).reshape(2, 1)
    parameters['W2'] = np.array([[W2[j] + 0.001 * ERROR * a[j]] for j in range(2)])
    parameters['b2'] = parameters['b2'] + 0.01 * ERROR
"""
STYLES["turned twice"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    back = (ERROR * parameters['W2'] * SLOPE).T
    dW1 = (back.T @ X.T).T
    parameters['W1'] = (parameters['W1'].T + 0.001 * dW1.T).T
    parameters['b1'] = (parameters['b1'].T + 0.01 * back).T
    parameters['W2'] = (parameters['W2'].T + 0.001 * (ERROR * A1).T).T
    parameters['b2'] = (parameters['b2'].T + 0.01 * ERROR).T
"""
STYLES["np.add with out"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    back = np.multiply(np.multiply(parameters['W2'], ERROR), SLOPE)
    np.add(parameters['W1'], 0.001 * np.matmul(X, back.T), out=parameters['W1'])
    np.add(parameters['b1'], 0.01 * back, out=parameters['b1'])
    np.add(parameters['W2'], 0.001 * np.multiply(A1, ERROR), out=parameters['W2'])
    np.add(parameters['b2'], 0.01 * ERROR, out=parameters['b2'])
"""
STYLES["copied and assigned"] = """
import copy

def update_parameters(parameters, y, y_hat, A1, X):
    new = copy.deepcopy(parameters)
    new['W2'] += 0.001 * ERROR * A1
    new['b2'] += 0.01 * ERROR
    back = ERROR * parameters['W2'] * SLOPE
    new['W1'] += 0.001 * X @ back.T
    new['b1'] += 0.01 * back
    parameters.update(new)
"""
STYLES["a class"] = """
class Step:
    def __init__(self, parameters):
        self.old = {key: value.copy() for key, value in parameters.items()}
        self.parameters = parameters

    def __call__(self, key, gradient):
        rate = {'W': 0.001, 'b': 0.01}[key[0]]
        self.parameters[key] = self.old[key] - rate * gradient

def update_parameters(parameters, y, y_hat, A1, X):
    step = Step(parameters)
    step('b2', -(ERROR))
    step('W2', -A1 * ERROR)
    step('b1', -step.old['W2'] * ERROR * SLOPE)
    step('W1', -X @ (step.old['W2'] * ERROR * SLOPE).T)
"""
STYLES["map and zip"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    back = ERROR * parameters['W2'] * SLOPE
    moves = (0.001 * X @ back.T, 0.01 * back, 0.001 * ERROR * A1, 0.01 * ERROR)
    keys = ('W1', 'b1', 'W2', 'b2')
    new = map(lambda key, move: parameters[key] + move, keys, moves)
    parameters.update(zip(keys, list(new)))
    return parameters
"""
STYLES["flat views"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    back = (ERROR * parameters['W2'] * SLOPE).ravel()
    flat = parameters['W1'].reshape(-1)
    for n in range(flat.size):
        flat[n] += 0.001 * X.flat[n // 2] * back[n % 2]
    for n, move in enumerate(back):
        parameters['b1'].flat[n] += 0.01 * move
    parameters['W2'].flat = parameters['W2'].ravel() + 0.001 * ERROR * A1.ravel()
    parameters['b2'].flat[0] += 0.01 * ERROR
"""
STYLES["differences of the loss"] = """
def error(p, X, y):
    y_hat = L_layer_forward(X, p)[0].item()
    return LOSS

def update_parameters(parameters, y, y_hat, A1, X):
    grads = {}
    for key, value in parameters.items():
        grads[key] = np.zeros_like(value)
        for place in np.ndindex(value.shape):
            old = value[place]
            value[place] = old + 1e-4
            up = error(parameters, X, y)
            value[place] = old - 1e-4
            down = error(parameters, X, y)
            value[place] = old + 2e-4
            up2 = error(parameters, X, y)
            value[place] = old - 2e-4
            down2 = error(parameters, X, y)
            value[place] = old
            grads[key][place] = (8 * (up - down) - (up2 - down2)) / 12e-4
    for key in parameters:
        parameters[key] -= (0.001 if key[0] == 'W' else 0.01) * grads[key]
"""
DIFFERENCES = "differences of the loss"
"""The one style that gets a remark: its gradient is right, but computed numerically."""

STYLES["by classes"] = """
def update_parameters(parameters, y, y_hat, A1, X):
    d = ERROR
    if y == 1:
        d = CLASS1
    if y == 0:
        d = CLASS0
    back = d * parameters['W2'] * SLOPE
    parameters['W1'] += 0.001 * X @ back.T
    parameters['b1'] += 0.01 * back
    parameters['W2'] += 0.001 * d * A1
    parameters['b2'] += 0.01 * d
"""

LOSS = {
    REGRESSION: "(y - y_hat) ** 2",
    CLASSIFICATION: "-y * np.log(y_hat) - (1 - y) * np.log(1 - y_hat)",
}
CLASSES = {REGRESSION: ("2 * (1 - y_hat)", "-2 * y_hat"), CLASSIFICATION: ("1 - y_hat", "-y_hat")}


def source_of(style: str, task: str) -> str:
    """Return the source of the update of one style for one task."""
    text = STYLES[style].replace("ERROR", ERROR[task]).replace("LOSS", LOSS[task])
    for number, instead in zip((1, 0), CLASSES[task], strict=True):
        text = text.replace(f"CLASS{number}", instead)
    for place in ("0", "1", "j"):
        text = text.replace(f"SLOPE{place}", OF_UNIT[task].replace("{j}", place))
    return text.replace("SLOPE", SLOPE[task])
