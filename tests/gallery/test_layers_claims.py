"""What is taken for an exercise of layers or epochs without being named, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradkit.grading.claim import claim_functions
from gradkit.grading.session import read_submission
from gradkit.task.assignment import read_assignment

CASES = {
    "a module": (
        """
class ReLU(Module):
    def forward(self, x):
        return x.relu()
""",
        [],
    ),
    "a layer": (
        """
class ReLU:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, grad):
        return grad * self.mask
""",
        ["relu-class"],
    ),
    "a loss with its gradient": (
        """
def softmax_loss(x, y):
    return loss, dx
""",
        [],
    ),
    "an epoch": (
        """
def softmax_regression_epoch(X, y, theta, lr=0.1, batch=100):
    pass
""",
        ["epochs"],
    ),
    "layers of a course": (
        """
def affine_forward(x, w, b):
    pass

def relu_backward(dout, cache):
    pass

def batchnorm_forward(x, gamma, beta, bn_param):
    pass

def conv_forward_naive(x, w, b, conv_param):
    pass

def max_pool_forward_naive(x, pool_param):
    pass

def softmax_loss(x, y):
    return loss, dx
""",
        ["affine", "batchnorm", "convolution", "max-pooling"],
    ),
    "the layers of a net step by step": (
        """
def relu_backward(dA, cache):
    pass

def linear_backward(dZ, cache):
    pass
""",
        ["deep-net"],
    ),
    "layers of another": (
        """
def conv_forward_naive(x, w):
    pass

def batchnorm_forward(x):
    pass
""",
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_tasks_are_claimed_by_what_is_theirs(case: str, tmp_path: Path) -> None:
    """A function with other arguments, or one that all the world has, is no sign of a task."""
    text, tasks = CASES[case]
    path = tmp_path / "answer.py"
    path.write_text(text, "utf-8")
    assert sorted(claim_functions(read_submission(path), read_assignment(), ())) == tasks
