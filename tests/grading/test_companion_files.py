"""A file beside a function task is a task of its own only if it has a main function of the task."""

from __future__ import annotations

from pathlib import Path

import pytest
from accepted.numpy_texts import numpy_text
from told import not_passed

SOFTMAX = """
import numpy as np

def softmax_loss_vectorized(W, X, y, reg):
    N = X.shape[0]
    scores = X @ W
    scores -= scores.max(axis=1, keepdims=True)
    P = np.exp(scores)
    P /= P.sum(axis=1, keepdims=True)
    loss = -np.log(P[np.arange(N), y]).mean() + reg * np.sum(W * W)
    P[np.arange(N), y] -= 1
    return loss, X.T @ P / N + 2 * reg * W

def softmax_loss_naive(W, X, y, reg):
    return softmax_loss_vectorized(W, X, y, reg)
"""
COMPANION = """
import numpy as np
from softmax import softmax_loss_vectorized

class LinearClassifier:
    def __init__(self):
        self.W = None

    def train(self, X, y, learning_rate=1e-3, reg=1e-5, num_iters=100):
        pass

    def predict(self, X):
        pass

class Softmax(LinearClassifier):
    def loss(self, X_batch, y_batch, reg):
        return softmax_loss_vectorized(self.W, X_batch, y_batch, reg)
"""
TORCH_COMPANION = """
import torch
from torch import nn

class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3072, 10)

    def forward(self, x):
        return self.fc(x)
"""


def folder(tmp_path: Path, **files: str) -> Path:
    """Write a folder of files."""
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_stub_beside_a_right_exercise_is_no_task(grade, tmp_path: Path) -> None:
    """Its name says classification, and it has nothing of that task."""
    path = folder(tmp_path, softmax=SOFTMAX, linear_classifier=COMPANION)
    assert [task.task for task in grade(path).tasks] == ["softmax-loss"]


@pytest.mark.slow
def test_a_model_beside_a_right_exercise_is_no_task(grade, tmp_path: Path) -> None:
    """Any exercise may have a model of torch; nothing trains this one."""
    path = folder(tmp_path, softmax=SOFTMAX, classification_pytorch=TORCH_COMPANION)
    assert [task.task for task in grade(path).tasks] == ["softmax-loss"]


def test_a_net_beside_an_exercise_is_graded(grade, tmp_path: Path) -> None:
    """With a main function it is a task, right or wrong."""
    net = numpy_text("classification")
    path = folder(tmp_path, softmax=SOFTMAX, classification_numpy=net)
    result = grade(path)
    assert [task.task for task in result.tasks] == ["classification-numpy", "softmax-loss"]
    assert [row for row in not_passed(result) if row[0] == "classification-numpy"] == []
    wrong = net.replace("['W1'] -=", "['W1'] +=")
    assert wrong != net
    result = grade(folder(tmp_path, classification_numpy=wrong))
    assert ("classification-numpy", "update") in [row[:2] for row in not_passed(result)]


def test_a_named_task_is_graded_without_its_functions(grade, tmp_path: Path) -> None:
    """Who says that it is the task is told what is missing."""
    path = folder(tmp_path, softmax=SOFTMAX, linear_classifier=COMPANION)
    result = grade(path, "classification-numpy")
    assert [task.task for task in result.tasks] == ["classification-numpy"]
    assert result.score == 0
