"""The comparison of gradient checkers times no import, and its exit code follows its bars."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

BENCHMARKS = str(Path(__file__).resolve().parents[2] / "benchmarks")
sys.path.append(BENCHMARKS)

import gradients  # noqa: E402

# Its modules have names that folders of tests have too.
sys.path.remove(BENCHMARKS)


@pytest.fixture
def small(monkeypatch) -> None:
    """Run the comparison on two problems."""
    suite = gradients.problems(0)[:2]
    monkeypatch.setattr(gradients, "problems", lambda seed: suite)
    monkeypatch.setattr(gradients, "_time_ratio", lambda seed: 1.0)
    monkeypatch.setattr(sys, "argv", ["gradients.py"])


def no_other(checker):
    """Return a function that returns this checker alone, under gradkit's name."""
    return lambda: {"gradkit": checker}


@pytest.mark.usefixtures("small")
def test_the_exit_code_follows_the_bars(monkeypatch, capsys) -> None:
    """It is 0 if all are met, and 1 if one is missed, which is named."""
    monkeypatch.setattr(gradients, "checkers", no_other(gradients._gradkit))
    assert gradients.main() == 0
    assert "MISSED" not in capsys.readouterr().out
    monkeypatch.setattr(gradients, "checkers", no_other(lambda f, p, g: "agree"))
    assert gradients.main() == 1
    assert "structural errors accepted: 8 (at most 0) MISSED" in capsys.readouterr().out
    monkeypatch.setattr(gradients, "checkers", no_other(lambda f, p, g: "disagree"))
    assert gradients.main() == 1
    assert "false alarms: 2 (at most 0) MISSED" in capsys.readouterr().out
    monkeypatch.setattr(gradients, "checkers", no_other(gradients._gradkit))
    monkeypatch.setattr(gradients, "_time_ratio", lambda seed: 1.6)
    assert gradients.main() == 1
    assert "torch gradcheck slow = 1: 1.6 (at most 1.5) MISSED" in capsys.readouterr().out


def test_the_first_call_is_not_timed() -> None:
    """It imports the checker."""
    calls: list[int] = []

    def slow_at_first(f, params, gradient) -> str:
        until = time.process_time() + (0.0 if calls else 0.2)
        while time.process_time() < until:
            pass
        calls.append(1)
        return "agree"

    tally = gradients.tally_answers(slow_at_first, gradients.problems(0)[:1], {"Rosenbrock": []})
    assert len(calls) == 2
    assert tally.seconds < 0.1
