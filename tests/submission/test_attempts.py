"""Which attempt a file's name tells of."""

from __future__ import annotations

import time

import pytest

from gradkit.submission.attempts import is_one_of, natural, taken_apart

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
    apart = [taken_apart(name) for name in names]
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
    assert taken_apart(one).base != taken_apart(other).base


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
    assert is_one_of(name, files) is found


def test_numbers_are_compared_as_numbers() -> None:
    """The second part before the tenth."""
    assert sorted(["b10", "b2", "a", "B3"], key=natural) == ["a", "b2", "B3", "b10"]


def test_a_long_name_takes_no_time() -> None:
    """Names come from archives, which anybody can make."""
    began = time.process_time()
    for text in ("_" * 119, "-1" * 59, "final " * 19, "(1)" * 39, "9" * 5000):
        taken_apart(f"{text}.py")
    assert time.process_time() - began < 0.5
