"""What headings and file names are taken to speak of."""

from __future__ import annotations

from dataclasses import replace

import pytest
from submission.shapes import NUMPY, TASKS, TORCH

from gradkit.submission.claims import Claims, words_of

CLAIMS = Claims(TASKS)
REGRESSION = {task.id for task in TASKS if "regression" in task.words}
CLASSIFICATION = {task.id for task in TASKS if "classification" in task.words}


@pytest.mark.parametrize(
    ("text", "topic", "framework"),
    [
        ("# Regression problem", REGRESSION, None),
        ("Classification using PyTorch", CLASSIFICATION, TORCH),
        ("From scratch", None, NUMPY),
        ("NumPy: Regressor", REGRESSION, NUMPY),
        ("regresion in keras", REGRESSION, TORCH),
        ("clasification", CLASSIFICATION, None),
        ("BinaryClassifier_torch", CLASSIFICATION, TORCH),
        ("Predict lpa", REGRESSION, None),
        ("Is the student placed?", CLASSIFICATION, None),
        ("Multi layer perceptron", None, None),
        ("Regression and classification", None, None),
        ("numpy versus pytorch", None, None),
        ("cgpa", None, None),
        ("Aggression and progress", None, None),
        ("", None, None),
    ],
)
def test_texts(text, topic, framework):
    """Forms of a word and misspellings count; what all tasks share, or both sides, says nothing."""
    assert CLAIMS.topic(text) == topic
    assert CLAIMS.framework(text) == framework


def test_a_longer_phrase_uses_up_its_words():
    """Once logistic regression means classification, it no longer means regression."""
    tasks = [
        replace(task, words=(*task.words, "logistic regression"))
        if task.id in CLASSIFICATION
        else task
        for task in TASKS
    ]
    assert Claims(tasks).topic("Logistic Regression with numpy") == CLASSIFICATION
    assert Claims(tasks).topic("Linear regression") == REGRESSION


def test_words():
    """Underscores, digits and capitals part words; a word in camel case counts whole as well."""
    assert words_of("My_NN2 PyTorch") == ("my", "nn", "pytorch", "py", "torch")
