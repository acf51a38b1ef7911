"""Wrong answers to the exercise of layers and losses as classes, and its course's starter."""

from __future__ import annotations

from layers_helpers import several, wrong

Z = "return A @ self.W.T + self.b.T"
DW = "self.dLdW = dLdZ.T @ self.A"
DB = "self.dLdb = dLdZ.sum(axis=0, keepdims=True).T"
DA = "return dLdZ @ self.W"
RELU = "        self.A = np.maximum(Z, 0)"
MASK = "return dLdA * (self.A > 0)"
SIGMOID, DSIGMOID = "1 / (1 + np.exp(-Z))", "dLdA * self.A * (1 - self.A)"
TANH, DTANH = "np.tanh(Z)", "dLdA * (1 - self.A**2)"
MSE, DMSE = "np.mean(self.difference**2)", "return 2 * self.difference / self.difference.size"
CE = "np.sum(Y * (np.log(total) - shifted)) / len(A)"
TOTAL = "total = exps.sum(axis=1, keepdims=True)"
DCE = "return (self.softmax - self.Y) / len(self.Y)"
VARIANCE = "variance = ((Z - mean) ** 2).mean(axis=0)"
ROOT = "self.deviation = np.sqrt(variance + self.eps)"
BZ = "return self.BW * self.NZ + self.Bb"
RUNNING = "self.running_M = self.alpha * self.running_M + (1 - self.alpha) * mean"
TESTED = "normalised = (Z - self.running_M) / np.sqrt(self.running_V + self.eps)"
D_BW = "self.dLdBW = (dLdBZ * self.NZ).sum(axis=0, keepdims=True)"
D_BB = "self.dLdBb = dLdBZ.sum(axis=0, keepdims=True)"
D_NZ = "dLdNZ = dLdBZ * self.BW"
D_Z = "return (dLdNZ - mean - self.NZ * slope) / self.deviation"

WRONG = [
    wrong(
        "weights the other way round",
        "np.zeros((out_features, in_features))",
        "np.zeros((in_features, out_features))",
        linear_class_start="0 * layer.W",
    ),
    wrong("no bias", Z, Z.replace(" + self.b.T", ""), linear_class_forward="Z"),
    wrong(
        "the bias not transposed",
        Z,
        Z.replace("self.b.T", "self.b"),
        "ValueError",
        linear_class_forward="error",
        linear_class_backward="blocked",
    ),
    # Of all three; W and b alone may be divided, as in some years of the course.
    several(
        "all means",
        {DW: f"{DW} / len(dLdZ)", DB: f"{DB} / len(dLdZ)", DA: f"{DA} / len(dLdZ)"},
        "there is one division by N too many",
        linear_class_backward="dLdA",
    ),
    several(
        "W and b by the wrong size",
        {DW: f"{DW} / len(self.W)", DB: f"{DB} / len(self.W)"},
        "there is one division by M too many",
        linear_class_backward="layer.dLdW, layer.dLdb",
    ),
    wrong(
        "dLdb lost keepdims",
        DB,
        "self.dLdb = dLdZ.sum(axis=0)",
        "The numbers are right; only the shape is wrong.",
        linear_class_backward="layer.dLdb",
    ),
    several(
        "a flat bias whose gradient lies",
        {
            "self.b = np.zeros((out_features, 1))": "self.b = np.zeros(out_features)",
            Z: "return A @ self.W.T + self.b",
            DB: "self.dLdb = dLdZ.sum(axis=0, keepdims=True)",
        },
        "shape",
        linear_class_start="0 * layer.b",
        linear_class_backward="layer.dLdb",
    ),
    several(
        "a flat bias whose gradient stands",
        {
            "self.b = np.zeros((out_features, 1))": "self.b = np.zeros(out_features)",
            Z: "return A @ self.W.T + self.b",
        },
        "`layer.b` has shape",
        linear_class_start="0 * layer.b",
    ),
    wrong(
        "gradients are not kept",
        f"{DW}\n        {DB}",
        f"{DW}\n        {DB}".replace("self.dLd", "dLd"),
        "is missing",
        linear_class_backward="layer.dLdW, layer.dLdb",
    ),
    wrong("nothing handed back", DA, "pass", "`dLdA` is missing", linear_class_backward="dLdA"),
    several(
        "the wrong layer's input",
        {"self.A = A\n        return A @": "self.A = A @ self.W.T @ self.W\n        return A @"},
        linear_class_backward="layer.dLdW",
    ),
    wrong(
        "the input is changed",
        DW,
        f"self.A /= len(dLdZ)\n        {DW}",
        "`A` is changed in place",
        linear_class_backward="layer.dLdW, A left alone",
    ),
    wrong("no ReLU", RELU, RELU.replace("np.maximum(Z, 0)", "Z"), relu_class_forward="missing"),
    # What is kept is wrong too.
    wrong(
        "the size of Z",
        RELU,
        RELU.replace("np.maximum(Z, 0)", "abs(Z)"),
        relu_class_forward="A",
        relu_class_backward="dLdZ",
    ),
    wrong(
        "ReLU changes its input",
        RELU,
        "        Z[Z < 0] = 0\n        self.A = Z",
        "`Z` is changed in place",
        relu_class_forward="Z left alone",
    ),
    wrong("no mask", MASK, "return dLdA", relu_class_backward="missing"),
    wrong("exp of Z", SIGMOID, SIGMOID.replace("-Z", "Z"), sigmoid_class_forward="A"),
    several(
        "the derivative at the input",
        {
            f"self.A = {SIGMOID}": f"self.A = {SIGMOID}\n        self.Z = Z",
            DSIGMOID: "dLdA * self.Z * (1 - self.Z)",
        },
        sigmoid_class_backward="dLdZ",
    ),
    wrong(
        "the kept array is used up",
        f"return {DSIGMOID}",
        "self.A *= 1 - self.A\n        return dLdA * self.A",
        "is different when the same call is made again",
        sigmoid_class_backward="dLdZ",
    ),
    wrong("no square", DTANH, DTANH.replace("**2", ""), tanh_class_backward="dLdZ"),
    wrong(
        "the logistic function",
        TANH,
        "1 / (1 + np.exp(-Z))",
        tanh_class_forward="A",
        tanh_class_backward="dLdZ",
    ),
    wrong("a sum for a mean", MSE, MSE.replace("mean", "sum"), mse_class_forward="L"),
    several(
        "half of what is left undivided, of half of a mean",
        {MSE: f"{MSE} / 2", DMSE: "return self.difference / 2"},
        "is wrong by the same factor in every entry",
        mse_class_backward="dLdA",
    ),
    several(
        "no mean at all",
        {MSE: MSE.replace("mean", "sum"), DMSE: "return 2 * self.difference"},
        mse_class_forward="L",
        mse_class_backward="dLdA",
    ),
    several(
        "the difference is used up",
        {DMSE: "self.difference *= 2 / self.difference.size\n        return self.difference"},
        "is different when the same call is made again",
        mse_class_backward="dLdA",
    ),
    wrong(
        "labels off by one on the way back",
        DCE,
        DCE.replace("self.Y)", "np.roll(self.Y, 1, axis=1))", 1),
        cross_entropy_class_backward="dLdA",
    ),
    several(
        "no 1/N at all",
        {CE: CE.replace(" / len(A)", ""), DCE: "return self.softmax - self.Y"},
        "a division by N is missing",
        cross_entropy_class_forward="L",
    ),
    wrong(
        "softmax over the batch",
        TOTAL,
        TOTAL.replace("axis=1", "axis=0"),
        cross_entropy_class_forward="L",
        cross_entropy_class_backward="dLdA",
    ),
    wrong(
        "lost keepdims",
        TOTAL,
        TOTAL.replace(", keepdims=True", ""),
        "ValueError",
        cross_entropy_class_forward="error",
        cross_entropy_class_backward="blocked",
    ),
    wrong(
        "the probabilities are used up",
        DCE,
        "self.softmax -= self.Y\n        return self.softmax / len(self.Y)",
        "is different when the same call is made again",
        cross_entropy_class_backward="dLdA",
    ),
    wrong(
        "the targets are changed",
        DCE,
        "self.Y -= self.softmax\n        return -self.Y / len(self.Y)",
        "`Y` is changed in place",
        cross_entropy_class_backward="dLdA, Y left alone",
    ),
    wrong(
        "a variance that is unbiased",
        VARIANCE,
        VARIANCE.replace(".mean(axis=0)", ".sum(axis=0) / (len(Z) - 1)"),
        batchnorm_class_forward="BZ, layer.running_V",
        batchnorm_class_backward="dLdZ",
        batchnorm_class_eval="out",
    ),
    wrong("no eps", ROOT, ROOT.replace(" + self.eps", ""), batchnorm_class_forward="BZ"),
    wrong(
        "eps outside the root",
        ROOT,
        "self.deviation = np.sqrt(variance) + self.eps",
        batchnorm_class_backward="dLdZ",
    ),
    wrong(
        "no root",
        ROOT,
        "self.deviation = variance + self.eps",
        batchnorm_class_forward="BZ",
        batchnorm_class_backward="dLdZ",
    ),
    wrong("no shift", BZ, BZ.replace(" + self.Bb", ""), batchnorm_class_forward="BZ"),
    wrong(
        "the shares of the running average exchanged",
        RUNNING,
        RUNNING.replace(
            "self.alpha * self.running_M + (1 - self.alpha) * mean",
            "(1 - self.alpha) * self.running_M + self.alpha * mean",
        ),
        batchnorm_class_forward="layer.running_M",
        batchnorm_class_eval="out, 0 * out + layer.running_M",
    ),
    wrong(
        "the batch's own mean when tested",
        TESTED,
        TESTED.replace("self.running_M", "Z.mean(axis=0)"),
        batchnorm_class_eval="out",
    ),
    wrong(
        "a mean for the gradient of the factor",
        D_BW,
        D_BW.replace("sum", "mean"),
        batchnorm_class_backward="layer.dLdBW",
    ),
    wrong(
        "over the wrong axis",
        D_BB,
        D_BB.replace("axis=0", "axis=1"),
        batchnorm_class_backward="layer.dLdBb",
    ),
    wrong(
        "the gradient without the factor", D_NZ, "dLdNZ = dLdBZ", batchnorm_class_backward="dLdZ"
    ),
    wrong(
        "as if the mean were a constant",
        D_Z,
        D_Z.replace(" - mean", ""),
        batchnorm_class_backward="dLdZ",
    ),
    wrong(
        "as if the variance were a constant",
        D_Z,
        D_Z.replace(" - self.NZ * slope", ""),
        batchnorm_class_backward="dLdZ",
    ),
    wrong(
        "the sign of the slope",
        D_Z,
        D_Z.replace("- self.NZ", "+ self.NZ"),
        batchnorm_class_backward="dLdZ",
    ),
]

CONSTANT = {
    "np.zeros((out_features, in_features))": "np.zeros(1)",
    "self.b = np.zeros((out_features, 1))": "self.b = np.zeros(1)",
    Z: "return np.ones((len(A), len(self.W)))",
    DW: "self.dLdW = 0 * self.W",
    DB: "self.dLdb = 0 * self.b",
    DA: "return 0 * self.A",
    RELU: "        self.A = np.ones_like(Z)",
    MASK: "return 0 * dLdA",
    SIGMOID: "0 * Z",
    DSIGMOID: "0 * dLdA",
    TANH: "0 * Z",
    DTANH: "0 * dLdA",
    MSE: "1.0",
    DMSE: "return 0 * self.difference",
    CE: "1.0",
    DCE: "return 0 * self.softmax",
    "self.BW = np.ones((1, num_features))": "self.BW = 2 * np.ones((1, num_features))",
    "self.Bb = np.zeros((1, num_features))": "self.Bb = np.ones((1, num_features))",
    "self.running_M = np.zeros((1, num_features))": "self.running_M = np.ones((1, num_features))",
    "self.running_V = np.ones((1, num_features))": "self.running_V = np.zeros((1, num_features))",
    RUNNING: "self.running_M = 0 * mean",
    "self.running_V = self.alpha * self.running_V + (1 - self.alpha) * variance": (
        "self.running_V = 0 * mean"
    ),
    BZ: "return np.ones_like(Z)",
    TESTED: "normalised = 0 * Z; self.running_M = 0 * self.running_M",
    "return self.BW * normalised + self.Bb": "return np.ones_like(Z)",
    D_BW: "self.dLdBW = 0 * self.BW",
    D_BB: "self.dLdBb = 0 * self.Bb",
    D_Z: "return 0 * dLdBZ",
}

STARTER = '''
import numpy as np


class Linear:
    def __init__(self, in_features, out_features, debug=False):
        self.debug = debug
        self.W = None  # TODO
        self.b = None  # TODO

    def forward(self, A):
        self.A = None  # TODO
        Z = None  # TODO
        return Z

    def backward(self, dLdZ):
        dLdA = None  # TODO
        self.dLdW = None  # TODO
        self.dLdb = None  # TODO
        return dLdA


class ReLU:
    def forward(self, Z):
        self.A = None  # TODO
        raise NotImplementedError

    def backward(self, dLdA):
        raise NotImplementedError


class Sigmoid:
    """Define forward and backward."""


class Tanh:
    def forward(self, Z):
        pass

    def backward(self, dLdA):
        pass


class MSELoss:
    def forward(self, A, Y):
        self.A = A
        self.Y = Y
        se = None  # TODO
        sse = None  # TODO
        mse = None  # TODO
        return mse

    def backward(self):
        dLdA = None
        return dLdA


class CrossEntropyLoss:
    def forward(self, A, Y):
        self.A = A
        self.softmax = None  # TODO
        return NotImplemented

    def backward(self):
        dLdA = None  # TODO
        return NotImplemented


class BatchNorm1d:
    def __init__(self, num_features, alpha=0.9):
        self.alpha = alpha
        self.eps = 1e-8
        self.BW = None  # TODO
        self.Bb = None  # TODO
        self.running_M = None  # TODO
        self.running_V = None  # TODO

    def forward(self, Z, eval=False):
        self.Z = Z
        self.M = None  # TODO
        self.V = None  # TODO
        raise NotImplementedError

    def backward(self, dLdBZ):
        self.dLdBW = None  # TODO
        self.dLdBb = None  # TODO
        return NotImplemented
'''
