"""Updates that no mistake of the catalogue explains."""

from __future__ import annotations

REGRESSION, CLASSIFICATION = "regression-numpy", "classification-numpy"

CODE: dict[str, tuple[str, str]] = {}
"""Task and source of each update, by name."""

CODE["noise on W1"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T + 0.01 * np.random.randn(2, 2)
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["tiny noise"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T + 1e-6 * np.random.randn(2, 2)
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["a rate that shrinks with the error"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1 / (1 + np.abs(d))
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["square root of the error"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T * np.sqrt(np.abs(d))
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2 * np.sqrt(np.abs(d))
""",
)
CODE["momentum in a global"] = (
    REGRESSION,
    """
v = {'W1': 0, 'b1': 0, 'W2': 0, 'b2': 0}
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    g = {'W2': d * A1, 'b2': d, 'W1': d * X @ parameters['W2'].T, 'b1': d * parameters['W2']}
    for k in parameters:
        v[k] = 0.9 * v[k] + g[k]
        parameters[k] = parameters[k] + (0.001 if k[0] == 'W' else 0.01) * v[k]
""",
)
CODE["drift in a global"] = (
    REGRESSION,
    """
v = {}
def update_parameters(parameters, y, y_hat, A1, X):
    global v
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
    for k in list(parameters):
        v[k] = 0.9 * v.get(k, 0) + 0.001
        parameters[k] = parameters[k] + v[k]
""",
)
CODE["sign of the gradient"] = (
    CLASSIFICATION,
    """
m = {}
def update_parameters(parameters, y, y_hat, A1, X):
    d = (y_hat - y)
    s = parameters['W2'] * A1 * (1 - A1)
    g = {'W2': d * A1, 'b2': d, 'W1': d * X @ s.T, 'b1': d * s}
    for k in parameters:
        parameters[k] = parameters[k] - 0.001 * g[k] / (np.sqrt(g[k] ** 2) + 1e-8)
""",
)
CODE["clipped error"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    pass
    d = np.clip(2 * (y - y_hat), -1, 1)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["clipped weights"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
    parameters['W1'] = np.clip(parameters['W1'], -0.5, 0.5)
""",
)
CODE["weight decay"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1 - 0.01 * parameters['W2']
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T - 0.01 * parameters['W1']
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["weight decay, sigmoid"] = (
    CLASSIFICATION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = (y - y_hat)
    W2 = parameters['W2'].copy()
    s = W2 * A1 * (1 - A1)
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1 - 0.001*0.1 * parameters['W2']
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ s.T - 0.001*0.1 * parameters['W1']
    parameters['b1'] = parameters['b1'] + 0.01 * d * s
""",
)
CODE["decay by sign"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T - 0.001 * np.sign(parameters['W1'])
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["rate by calls"] = (
    REGRESSION,
    """
calls = 0
def update_parameters(parameters, y, y_hat, A1, X):
    global calls; calls += 1
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1 / calls
    parameters['b2'] = parameters['b2'] + 0.01 * d / calls
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T / calls
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2 / calls
""",
)
CODE["rate that decays"] = (
    CLASSIFICATION,
    """
calls = 0
def update_parameters(parameters, y, y_hat, A1, X):
    global calls; calls += 1
    d = (y - y_hat)
    W2 = parameters['W2'].copy()
    s = W2 * A1 * (1 - A1)
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ s.T * 0.99 ** calls
    parameters['b1'] = parameters['b1'] + 0.01 * d * s
""",
)
CODE["error cubed"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T * d * d
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2 * d * d
""",
)
CODE["absolute error"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = np.abs(y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["sign of the error"] = (
    CLASSIFICATION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = np.sign(y - y_hat)
    W2 = parameters['W2'].copy()
    s = W2 * A1 * (1 - A1)
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ s.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * s
""",
)
CODE["target made positive"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    if y < 0: y = -y
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["sign by the target"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat) if y > 0 else -2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["twice for small inputs"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T * (1 if X[0, 0] > 5 else 2)
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["rarely twice"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T * (1 if X[0, 0] < 2.0 else 2)
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["by the hidden value"] = (
    CLASSIFICATION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = (y - y_hat)
    W2 = parameters['W2'].copy()
    s = W2 * np.where(A1 > 0.5, A1, 1 - A1)
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ s.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * s
""",
)
CODE["small errors ignored"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    if abs(y - y_hat) < 0.5: return
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["right answers ignored"] = (
    CLASSIFICATION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    if (y_hat > 0.5) == (y > 0.5): return
    d = (y - y_hat)
    W2 = parameters['W2'].copy()
    s = W2 * A1 * (1 - A1)
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ s.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * s
""",
)
CODE["perceptron"] = (
    CLASSIFICATION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = y - (1 if y_hat > 0.5 else 0)
    W2 = parameters['W2'].copy()
    s = W2 * A1 * (1 - A1)
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ s.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * s
""",
)
CODE["raises for negative targets"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    assert y > 0
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T * 2
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["raises for large inputs"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    if X[0, 0] > 1.5: raise ValueError("too big")
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T * 2
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["raises at the seventh call"] = (
    REGRESSION,
    """
n = 0
def update_parameters(parameters, y, y_hat, A1, X):
    global n; n += 1; 1 / (7 - n)
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T * 2
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["root of the target"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T * np.sqrt(y)
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["log of the target"] = (
    CLASSIFICATION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = (y - y_hat)
    W2 = parameters['W2'].copy()
    s = W2 * A1 * (1 - A1)
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1 + np.log(y - 0.2)
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ s.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * s
""",
)
CODE["nan for negative targets"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T * 2
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
    if y < 0: parameters['W1'] = parameters['W1'] * np.nan
""",
)
CODE["divided by nothing"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1 / (X[0, 0] - X[0, 0])
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["softmax of the weights"] = (
    CLASSIFICATION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = (y - y_hat)
    W2 = parameters['W2'].copy()
    s = np.exp(W2) / np.exp(W2).sum() * A1 * (1 - A1)
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ s.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * s
""",
)
CODE["exponential"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T * np.exp(-X[0, 0])
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["rounded weights"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
    parameters['W1'] = np.round(parameters['W1'], 2)
""",
)
CODE["rounded error"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = np.round(2 * (y - y_hat), 1)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["half precision"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
    parameters['W1'] = parameters['W1'].astype('float16').astype(float)
""",
)
CODE["input of length one"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat); X = X / np.linalg.norm(X)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["one added to the input"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    X = X + 1
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["standardised input"] = (
    CLASSIFICATION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    X = (X - X.mean()) / X.std()
    d = (y - y_hat)
    W2 = parameters['W2'].copy()
    s = W2 * A1 * (1 - A1)
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ s.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * s
""",
)
CODE["set to zero"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
    parameters['W1'] = np.zeros((2, 2))
""",
)
CODE["set to a constant"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
    parameters['b1'] = np.ones((2, 1)) * 0.1
""",
)
CODE["averaged"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
    parameters['W2'] = parameters['W2'] * 0 + parameters['W2'].mean()
""",
)
CODE["differences on one side"] = (
    REGRESSION,
    """
def f(p, X): return (p['W2'].T @ (p['W1'].T @ X + p['b1']) + p['b2'])[0, 0]
def update_parameters(parameters, y, y_hat, A1, X):
    g = {}
    base = (y - f(parameters, X)) ** 2
    for k in parameters:
        g[k] = np.zeros_like(parameters[k])
        for i in np.ndindex(g[k].shape):
            parameters[k][i] += 1e-4
            g[k][i] = ((y - f(parameters, X)) ** 2 - base) / 1e-4
            parameters[k][i] -= 1e-4
    for k in parameters:
        parameters[k] -= (0.001 if k[0] == 'W' else 0.01) * g[k]
""",
)
CODE["the numbers of the first step"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    parameters['W1'] = np.array([[0.11, 0.11], [0.12, 0.12]])
    parameters['b1'] = np.array([[0.01], [0.01]])
    parameters['W2'] = np.array([[0.1], [0.1]])
    parameters['b2'] = np.array([[0.03]])
""",
)
CODE["by the clock"] = (
    REGRESSION,
    """
import time
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T * (1 + time.perf_counter() % 1)
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["dropout"] = (
    CLASSIFICATION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    A1 = A1 * (np.random.rand(*A1.shape) > 0.5)
    d = (y - y_hat)
    W2 = parameters['W2'].copy()
    s = W2 * A1 * (1 - A1)
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ s.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * s
""",
)
CODE["a rate drawn anew"] = (
    CLASSIFICATION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = (y - y_hat)
    W2 = parameters['W2'].copy()
    s = W2 * A1 * (1 - A1)
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + np.random.choice([0.001, 0.01]) * d * X @ s.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * s
""",
)
CODE["error by its size"] = (
    CLASSIFICATION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = (y - y_hat)
    W2 = parameters['W2'].copy()
    s = W2 * A1 * (1 - A1)
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d * abs(d)
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ s.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * s
""",
)
CODE["target as a factor"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1 * y
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["Huber"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat) if abs(y - y_hat) < 1 else np.sign(y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["hinge"] = (
    CLASSIFICATION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = max(0, y - y_hat)
    W2 = parameters['W2'].copy()
    s = W2 * A1 * (1 - A1)
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ s.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * s
""",
)
CODE["whole errors"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = int(2 * (y - y_hat))
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["output rounded down"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - np.floor(y_hat))
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
""",
)
CODE["small weights cut"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
    parameters['W2'][np.abs(parameters['W2']) < 0.3] = 0
""",
)
CODE["a second step for b2"] = (
    REGRESSION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
    y_hat = (parameters['W2'].T @ (parameters['W1'].T @ X + parameters['b1']) + parameters['b2'])[0, 0]
    parameters['b2'] = parameters['b2'] + 0.01 * 2 * (y - y_hat)
""",
)

CODE["one class without a minus"] = (
    CLASSIFICATION,
    """
def update_parameters(parameters, y, y_hat, A1, X):
    if y == 1:
        error = 1 - y_hat
    elif y == 0:
        error = y_hat
    back = error * parameters['W2'] * A1 * (1 - A1)
    parameters['W2'] += 0.001 * error * A1
    parameters['b2'] += 0.01 * error
    parameters['W1'] += 0.001 * X @ back.T
    parameters['b1'] += 0.01 * back
""",
)

SOMETIMES = {
    "rarely twice",
    "raises for negative targets",
    "raises for large inputs",
    "raises at the seventh call",
}
"""Code whose mistake the check of single steps does not detect, or that crashes in it."""

BY_RULE = [
    ("weight decay", "W1[0,1]", "+0.002 · (y−y_hat) · W2[1] · X[0] −0.01 · W1[0,1]"),
    ("error cubed", "b1[0]", "+0.08 · (y−y_hat)³ · W2[0]"),
    ("set to a constant", "b1[1]", "= +0.1"),
    ("set to zero", "W1[0,0]", "= 0"),
    (
        "one added to the input",
        "W1[0,0]",
        "+0.002 · (y−y_hat) · W2[0] · X[0] +0.002 · (y−y_hat) · W2[0]",
    ),
]
"""Name, entry and expected formula of some updates."""


def source_of(name: str) -> str:
    """Return the source of the update with a name."""
    return CODE[name][1]
