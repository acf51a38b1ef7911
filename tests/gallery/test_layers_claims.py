"""What is taken for an exercise of layers or epochs without being named, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradkit.grading.recognise import claim_functions, without_function_files
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
    "a net with another course's helpers": (
        """
def L_layer_forward(X, parameters):
    pass

def update_parameters(parameters, y, y_hat, A1, X):
    pass

def affine_forward(x, W, b):
    pass

def layer_sizes(X, Y):
    pass
""",
        [],
    ),
    "one exercise with a helper of another": (
        """
class TwoLayerNet:
    def __init__(self, input_size, hidden_size, output_size, std=1e-4):
        self.params = {}

    def loss(self, X, y=None, reg=0.0):
        pass

def affine_forward(x, w, b):
    pass
""",
        ["two-layer-net"],
    ),
    "layers of a course with a loss that it hands out": (
        """
def affine_forward(x, w, b):
    pass

def affine_backward(dout, cache):
    pass

def relu_forward(x):
    pass

def relu_backward(dout, cache):
    pass

def dropout_forward(x, dropout_param):
    pass

def dropout_backward(dout, cache):
    pass

def svm_loss(x, y):
    return loss, dx
""",
        ["affine", "dropout", "relu"],
    ),
    "update rules that a course hands out for later": (
        """
def sgd(w, dw, config=None):
    return w, config

def adam(w, dw, config=None):
    return next_w, config
""",
        [],
    ),
    "recurrent cells with dicts of parameters": (
        """
def rnn_cell_forward(xt, a_prev, parameters):
    pass

def rnn_forward(x, a0, parameters):
    pass

def rnn_backward(da, caches):
    pass

def lstm_forward(x, a0, parameters):
    pass

def lstm_backward(da, caches):
    pass
""",
        ["recurrent-cells"],
    ),
    "attention as a module": (
        """
class ScaledDotProductAttention(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, Q, K, V, mask=None):
        return output
""",
        [],
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


@pytest.mark.parametrize(("name", "tasks"), [("answer", ["one-hidden-layer"]), ("regression", [])])
def test_what_is_called_after_a_net_has_to_have_most(
    tmp_path: Path, name: str, tasks: list[str]
) -> None:
    """Half of another exercise's own functions is not more than the name of the file."""
    path = tmp_path / f"{name}.py"
    path.write_text("def backward_propagation(parameters, cache, X, Y):\n    pass\n", "utf-8")
    assert sorted(claim_functions(read_submission(path), read_assignment(), ())) == tasks


def test_a_file_of_two_exercises_is_graded_as_both(tmp_path: Path) -> None:
    """What has all that the first one asks for is not taken away from it."""
    text, _ = CASES["a net with another course's helpers"]
    path = tmp_path / "answer.py"
    path.write_text(text + "\n\ndef backward_propagation(parameters, cache, X, Y):\n    pass\n")
    submission, assignment = read_submission(path), read_assignment()
    claims = claim_functions(submission, assignment, ())
    assert sorted(claims) == ["one-hidden-layer"]
    assert without_function_files(submission, assignment, claims) == submission
