"""A thousand attacks, each followed by a good submission: the good one never notices."""

import os
from itertools import cycle, islice
from pathlib import Path

import pytest
from hostile import exam as exams
from hostile.attacks import ATTACKS
from hostile.exam import Exam

PAIRS = 1000
GROWTH = 24 << 20
"""Bytes by which the grader, or the fork server, may be larger afterwards."""


def size() -> int:
    """Memory of this process that is resident."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.slow
def test_good_submissions_among_attacks(monkeypatch):
    """At the best tier, with the same fork server throughout."""
    monkeypatch.setattr(exams, "HASTE", 0.03)
    exam = Exam(3)
    names = list(ATTACKS)
    for name in names:  # what is done for the first time takes memory that stays
        exam.attack(name, prize=ATTACKS[name].prize)
    server = exam.workshop._launcher._zygote.pid
    before = exam.traces(), exam.server_descriptors()
    sizes = size(), exam.server_memory()
    spoilt = []
    for number, name in enumerate(islice(cycle(names), PAIRS)):
        outcome = exam.attack(name, prize=ATTACKS[name].prize)
        if outcome.got or exam.good() != exam.expected:
            spoilt.append((number, name, outcome.got))
    assert spoilt == []
    assert exam.workshop._launcher._zygote.pid == server
    assert (exam.traces(), exam.server_descriptors()) == before
    assert size() - sizes[0] < GROWTH
    assert exam.server_memory() - sizes[1] < GROWTH
    exam.close()
    assert not os.path.exists(f"/proc/{server}")
