import numpy as np

rng = np.random.default_rng()


def compute_cost_with_regularization(A3, Y, parameters, lambd):
    right = np.where(Y == 1, A3, 1 - A3)
    squares = [np.linalg.norm(value) ** 2 for name, value in parameters.items() if name[0] == "W"]
    return -np.mean(np.log(right)) + lambd * sum(squares) / Y.size / 2


def layers_of(cache):
    # every layer is (Z, D, A, W, b), with D left out where nothing is dropped
    size = len(cache) - 12
    if size:
        return [cache[:5], cache[5:10], (cache[10], 1, *cache[11:])]
    return [(z, 1, a, w, b) for z, a, w, b in (cache[:4], cache[4:8], cache[8:])]


def gradients_of(X, Y, cache, keep_prob=1.0, lambd=0.0):
    m = Y.shape[1]
    layers = layers_of(cache)
    inputs = [X, layers[0][2], layers[1][2]]
    found = {}
    dZ = layers[2][2] - Y
    for number in (3, 2, 1):
        W = layers[number - 1][3]
        found[f"dW{number}"] = (np.einsum("im,jm->ij", dZ, inputs[number - 1]) + lambd * W) / m
        found[f"db{number}"] = dZ.mean(axis=1).reshape(-1, 1)
        if number > 1:
            Z, D = layers[number - 2][:2]
            dA = (W.T @ dZ) * (D / keep_prob)
            found[f"dA{number - 1}"] = dA
            dZ = np.where(Z > 0, dA, 0.0)
    return found


def backward_propagation_with_regularization(X, Y, cache, lambd):
    return gradients_of(X, Y, cache, lambd=lambd)


def backward_propagation_with_dropout(X, Y, cache, keep_prob):
    return gradients_of(X, Y, cache, keep_prob)


def forward_propagation_with_dropout(X, parameters, keep_prob=0.5):
    # another way to draw masks, and another seed in each call
    A, cache = X, []
    for number in (1, 2):
        W, b = parameters[f"W{number}"], parameters[f"b{number}"]
        Z = W @ A + b
        D = rng.binomial(1, keep_prob, Z.shape)
        A = np.clip(Z, 0, None) * D / keep_prob
        cache += [Z, D, A, W, b]
    W, b = parameters["W3"], parameters["b3"]
    Z = W @ A + b
    A3 = 0.5 * (1 + np.tanh(Z / 2))
    return A3, (*cache, Z, A3, W, b)
