import numpy as np

GATES = "fico"


def logistic(z):
    return 0.5 * (1 + np.tanh(z / 2))


def probabilities(W, b, a):
    scores = W @ a + b
    return np.exp(scores - np.logaddexp.reduce(scores, axis=0))


def rnn_cell_forward(xt, a_prev, parameters):
    p = parameters
    W = np.hstack((p["Waa"], p["Wax"]))
    a_next = np.tanh(W @ np.vstack((a_prev, xt)) + p["ba"])
    return a_next, probabilities(p["Wya"], p["by"], a_next), dict(a=a_next, old=a_prev, x=xt, p=p)


def rnn_cell_backward(da_next, cache):
    slope = da_next - da_next * cache["a"] * cache["a"]
    return dict(
        dxt=np.einsum("ji,jm->im", cache["p"]["Wax"], slope),
        da_prev=np.einsum("ji,jm->im", cache["p"]["Waa"], slope),
        dWax=np.einsum("im,jm->ij", slope, cache["x"]),
        dWaa=np.einsum("im,jm->ij", slope, cache["old"]),
        dba=slope.sum(1)[:, None],
    )


def rnn_forward(x, a0, parameters):
    steps = []
    for xt in np.moveaxis(x, -1, 0):
        steps.append(rnn_cell_forward(xt, steps[-1][0] if steps else a0, parameters))
    a, y, caches = zip(*steps)
    return np.dstack(a), np.dstack(y), caches


def rnn_backward(da, caches):
    dx, total, back = [], {}, np.zeros(da.shape[:2])
    for t in range(len(caches) - 1, -1, -1):
        step = rnn_cell_backward(da[..., t] + back, caches[t])
        dx.append(step.pop("dxt"))
        back = step.pop("da_prev")
        total = {name: total.get(name, 0) + value for name, value in step.items()}
    return {"dx": np.dstack(dx[::-1]), "da0": back, **total}


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    both = np.vstack((a_prev, xt))
    z = {gate: parameters["W" + gate] @ both + parameters["b" + gate] for gate in GATES}
    gates = {gate: np.tanh(z[gate]) if gate == "c" else logistic(z[gate]) for gate in GATES}
    c_next = gates["f"] * c_prev + gates["i"] * gates["c"]
    squashed = np.tanh(c_next)
    a_next = gates["o"] * squashed
    y = probabilities(parameters["Wy"], parameters["by"], a_next)
    return a_next, c_next, y, (both, c_prev, gates, squashed, parameters)


def lstm_cell_backward(da_next, dc_next, cache):
    both, c_prev, gates, squashed, parameters = cache
    dc = dc_next + da_next * gates["o"] * (1 - squashed) * (1 + squashed)
    by_gate = {"f": dc * c_prev, "i": dc * gates["c"], "c": dc * gates["i"], "o": da_next * squashed}
    found, dboth = {}, np.zeros(both.shape)
    for gate, by in by_gate.items():
        value = gates[gate]
        dz = by * (1 - value**2) if gate == "c" else by * (value - value**2)
        found["dW" + gate] = dz.dot(both.T)
        found["db" + gate] = dz.sum(axis=1, keepdims=True)
        dboth = dboth + parameters["W" + gate].T.dot(dz)
    n_a = da_next.shape[0]
    return {"da_prev": dboth[:n_a], "dxt": dboth[n_a:], "dc_prev": dc * gates["f"], **found}


def lstm_forward(x, a0, parameters):
    a, c, steps = a0, 0 * a0, []
    for t in range(x.shape[-1]):
        a, c, y, cache = lstm_cell_forward(x[..., t], a, c, parameters)
        steps.append((a, y, c, cache))
    *arrays, caches = zip(*steps)
    a, y, c = map(np.dstack, arrays)
    return a, y, c, caches


def lstm_backward(da, caches):
    dx, total, back, dc = [], {}, 0, 0 * da[..., 0]
    for t in reversed(range(len(caches))):
        step = lstm_cell_backward(da[..., t] + back, dc, caches[t])
        dx.insert(0, step.pop("dxt"))
        back, dc = step.pop("da_prev"), step.pop("dc_prev")
        total = {name: total.get(name, 0) + value for name, value in step.items()}
    return {"dx": np.dstack(dx), "da0": back, **total}
