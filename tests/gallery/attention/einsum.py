import numpy as np


class ScaledDotProductAttention(object):
    def forward(self, Q, K, V, mask=None):
        # scale the queries first
        self.scale = Q.shape[-1] ** -0.5
        self.inputs = Q * self.scale, K, V
        scores = np.einsum("...le,...se->...ls", self.inputs[0], K)
        allowed = np.ones(scores.shape) if mask is None else 1.0 - mask
        top = np.max(scores, axis=-1)[..., None]
        unnormalised = allowed * np.exp(scores - top)
        self.p = unnormalised / np.einsum("...ls->...l", unnormalised)[..., None]
        self.output = np.einsum("...ls,...sm->...lm", self.p, V)
        return self.output

    def backward(self, d_output):
        q, k, v = self.inputs
        # the mean of the gradient by the weights is the product of output and gradient
        mean = np.einsum("...lm,...lm->...l", d_output, self.output)
        ds = self.p * (np.einsum("...lm,...sm->...ls", d_output, v) - mean[..., None])
        dq = self.scale * np.einsum("...ls,...se->...le", ds, k)
        dk = np.einsum("...ls,...le->...se", ds, q)
        return dq, dk, np.einsum("...ls,...lm->...sm", self.p, d_output)
