import numpy as np


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    N, H = prev_h.shape
    # one array with an axis for the gates
    a = (np.einsum("nd,dk->nk", x, Wx) + np.einsum("nh,hk->nk", prev_h, Wh) + b).reshape(N, 4, H)
    gates = 1 / (1 + np.exp(-a))
    gates[:, 3] = 2 / (1 + np.exp(-2 * a[:, 3])) - 1
    next_c = prev_c * gates[:, 1] + gates[:, 0] * gates[:, 3]
    next_h = np.tanh(next_c) * gates[:, 2]
    cache = dict(x=x, h=prev_h, c=prev_c, Wx=Wx, Wh=Wh, gates=gates, next_c=next_c)
    return next_h, next_c, cache


def lstm_step_backward(dnext_h, dnext_c, cache):
    gates, c = cache["gates"], cache["c"]
    N, H = c.shape
    squashed = np.tanh(cache["next_c"])
    total = dnext_c + gates[:, 2] * dnext_h / np.cosh(cache["next_c"]) ** 2
    slopes = gates - gates**2
    slopes[:, 3] = 1 - gates[:, 3] ** 2
    outer = np.stack([total * gates[:, 3], total * c, dnext_h * squashed, total * gates[:, 0]], 1)
    da = (slopes * outer).reshape(N, 4 * H)
    dx = np.einsum("nk,dk->nd", da, cache["Wx"])
    dh = np.einsum("nk,hk->nh", da, cache["Wh"])
    dWx, dWh = np.einsum("nd,nk->dk", cache["x"], da), np.einsum("nh,nk->hk", cache["h"], da)
    return dx, dh, total * gates[:, 1], dWx, dWh, np.einsum("nk->k", da)


def lstm_forward(x, h0, Wx, Wh, b):
    h, c = [h0], 0 * h0
    caches = {}
    for t, xt in enumerate(x.transpose(1, 0, 2)):
        new, c, caches[t] = lstm_step_forward(xt, h[-1], c, Wx, Wh, b)
        h.append(new)
    return np.array(h[1:]).swapaxes(0, 1), caches


def lstm_backward(dh, cache):
    dxs, sums = {}, None
    dstate = dcell = np.zeros(dh[:, 0].shape)
    for t in sorted(cache, reverse=True):
        dxs[t], dstate, dcell, *weights = lstm_step_backward(dstate + dh[:, t], dcell, cache[t])
        sums = weights if sums is None else [a + b for a, b in zip(sums, weights)]
    return np.stack([dxs[t] for t in sorted(dxs)], axis=1), dstate, *sums
