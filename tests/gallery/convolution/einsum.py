import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def conv_forward_naive(x, w, b, conv_param):
    s, p = conv_param["stride"], conv_param["pad"]
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    windows = sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, ::s, ::s]
    out = np.einsum("ncijhw,fchw->nfij", windows, w)
    out += b[None, :, None, None]
    return out, (windows, x.shape, w, s, p)


def conv_backward_naive(dout, cache):
    windows, shape, w, s, p = cache
    db = np.einsum("nfij->f", dout)
    dw = np.einsum("nfij,ncijhw->fchw", dout, windows)
    dx = np.zeros(shape)
    # one place of the filter after the other
    for h in range(w.shape[2]):
        for v in range(w.shape[3]):
            part = np.einsum("nfij,fc->ncij", dout, w[:, :, h, v])
            dx[:, :, h : h + s * dout.shape[2] : s, v : v + s * dout.shape[3] : s] += part
    return dx[:, :, p : shape[2] - p, p : shape[3] - p], dw, db


class Pooled:
    def __init__(self, **kept):
        self.__dict__.update(kept)


def max_pool_forward_naive(x, pool_param):
    ph = pool_param.get("pool_height")
    pw = pool_param.get("pool_width")
    s = pool_param.get("stride")
    windows = sliding_window_view(x, (ph, pw), axis=(2, 3))[:, :, ::s, ::s]
    out = windows.max(axis=-1).max(axis=-1)
    mask = windows == out[..., None, None]
    return out, Pooled(mask=mask, like=np.zeros_like(x), s=s)


def max_pool_backward_naive(dout, cache):
    dx, s = cache.like.copy(), cache.s
    spread = cache.mask * dout[..., None, None]
    ph, pw = spread.shape[-2:]
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            dx[:, :, i * s : i * s + ph, j * s : j * s + pw] += spread[:, :, i, j]
    return dx
