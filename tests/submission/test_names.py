"""Names: attempts at a file, and the tasks that headings and file names speak of."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace
from submission.shapes import NUMPY, TASKS, TORCH

from gradkit.submission.names import Claims, is_attempt_at, natural, parse_file_name, words_of

ORDERED = (
    ("hw_old.py", "hw.py", "hw (1).py", "hw-2.py", "hw_v3.py", "hw (10).py", "hw_final.py"),
    ("hw.ipynb", "Copy of hw.ipynb", "hw copy 2.ipynb", "hw_final.ipynb", "hw_final (1).ipynb"),
    ("draft/hw.py", "hw.py"),
    ("attempt 1/hw.py", "attempt 2/hw.py", "attempt 10/hw.py"),
    ("hw_new.py", "hw_new_2.py"),
)


@pytest.mark.parametrize("names", ORDERED, ids=lambda names: names[0])
def test_attempts_at_one_file(names: tuple[str, ...]) -> None:
    """They share a base, and are in order."""
    apart = [parse_file_name(name) for name in names]
    assert len({each.base for each in apart}) == 1
    attempts = [each.attempt for each in apart]
    assert attempts == sorted(attempts)
    assert len(set(attempts)) == len(attempts)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("regression.py", "classification.py"),
        ("hw.py", "hw.ipynb"),
        ("hw_numpy.py", "hw_torch.py"),
        ("a1b.py", "a2b.py"),
        ("renewal.py", "re.py"),
        ("x" * 200 + "1.py", "x" * 200 + "2.py"),
    ],
)
def test_other_files(one: str, other: str) -> None:
    """Words that say something belong to the name, and so does a part of one."""
    assert parse_file_name(one).base != parse_file_name(other).base


@pytest.mark.parametrize(
    ("name", "files", "found"),
    [
        ("part1.py", ("part1.py",), True),
        ("sub/Part1 (2).py", ("part1.py",), True),
        ("Copy of part1.py", ("part1.py",), True),
        ("part1_final.py", ("part1.py",), True),
        ("part10.py", ("part1.py",), False),
        ("part2.py", ("part1.py",), False),
        ("part1_torch.py", ("part1.py",), False),
        ("part1.ipynb", ("part1.py",), False),
        ("part1.py", (), False),
    ],
)
def test_a_file_that_is_asked_for(name: str, files: tuple[str, ...], found: bool) -> None:
    """Under its own name, or what an attempt at it is called."""
    assert is_attempt_at(name, files) is found


def test_numbers_are_compared_as_numbers() -> None:
    """The second part before the tenth."""
    assert sorted(["b10", "b2", "a", "B3"], key=natural) == ["a", "b2", "B3", "b10"]


def test_a_long_name_takes_no_time() -> None:
    """Names come from archives, which anybody can make."""
    began = time.process_time()
    for text in ("_" * 119, "-1" * 59, "final " * 19, "(1)" * 39, "9" * 5000):
        parse_file_name(f"{text}.py")
    assert time.process_time() - began < 0.5


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
        ("Klassifikation", CLASSIFICATION, None),
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
