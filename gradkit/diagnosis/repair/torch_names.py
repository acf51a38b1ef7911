"""Names of torch that a text of a training run may have, and those that the task's go by."""

from __future__ import annotations

from collections.abc import Mapping

OPTIMIZERS = frozenset(
    [
        "SGD",
        "Adam",
        "AdamW",
        "Adamax",
        "NAdam",
        "RAdam",
        "RMSprop",
        "Rprop",
        "Adagrad",
        "Adadelta",
        "ASGD",
        "LBFGS",
    ]
)
_LOSSES = {
    "squared_error": ("MSELoss", "mse_loss"),
    "binary_cross_entropy": ("BCELoss", "binary_cross_entropy"),
    "cross_entropy": ("CrossEntropyLoss", "cross_entropy"),
    "absolute": ("L1Loss", "l1_loss"),
    "smooth": ("SmoothL1Loss", "smooth_l1_loss"),
    "huber": ("HuberLoss", "huber_loss"),
    "logits": ("BCEWithLogitsLoss", "binary_cross_entropy_with_logits"),
    "likelihood": ("NLLLoss", "nll_loss"),
}
LOSSES = tuple({own: names[kind] for own, names in _LOSSES.items()} for kind in (0, 1))
"""Names of losses in torch, as classes and as functions, by ours where we have one."""

_MODULES = {
    "linear": "Identity",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "softplus": "Softplus",
    "selu": "SELU",
    "silu": "SiLU",
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "hardsigmoid": "Hardsigmoid",
    "hardtanh": "Hardtanh",
    "hardswish": "Hardswish",
    "logsigmoid": "LogSigmoid",
    "relu6": "ReLU6",
    "celu": "CELU",
    "mish": "Mish",
    "softsign": "Softsign",
    "tanhshrink": "Tanhshrink",
}
ACTIVATIONS = (_MODULES, {own: own for own in _MODULES if own != "linear"})
"""Names of activations in torch, as modules and as functions, by ours where we have one."""

OVER = {"softmax": "-1", "log_softmax": "-1"}
"""What activations over all units of a layer are called with besides."""

TENSORS = frozenset(["zeros", "ones", "full", "empty", "tensor", "Tensor", "rand", "randn"])
"""Calls that make a tensor of numbers."""

CALLED = frozenset(["step", "backward", "zero_grad", "item", "parameters", "__init__"])
"""Methods that are nothing unless they are called."""


def group_of(name: str, groups: tuple[Mapping[str, str], ...]) -> Mapping[str, str]:
    """Return the first of ``groups`` that has a name among its values; {} if none has.

    A group maps gradkit's names to torch's names of the same kind.
    """
    return next((group for group in groups if name in group.values()), {})
