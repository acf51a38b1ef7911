"""A grader that is killed at any moment loses nothing that it had stored, and can go on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from classroom.classes import OPTIONS, command, environment, mixed, processes, results
from soak import SIZE

from gradkit.classroom.store.database import FILE
from gradkit.classroom.store.results import pack

KILLS = 5 * SIZE
STUDENTS = 60

LONGEST = 3.0
"""Seconds after which it is killed at the latest: half of the moments fall into its start."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


def marks(out: Path) -> dict[str, bytes]:
    """The current results, as bytes that can be compared."""
    if not (out / FILE).exists():
        return {}
    return {name: pack(result) for name, result in results(out).items()}


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """Every student has one result in the end, equal to that of an undisturbed run."""
    folder, temporary = mixed(tmp_path / "class", STUDENTS), tmp_path / "tmp"
    temporary.mkdir()

    def grade(out: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command("grade", folder, "--out", out, *OPTIONS),
            env=environment(temporary),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    undisturbed = tmp_path / "undisturbed"
    assert grade(undisturbed).wait() == 0
    expected = marks(undisturbed)
    assert len(expected) == STUDENTS

    random, killed, classes = Random(5), 0, 0  # noqa: S311  (no secret)
    before: dict[str, bytes] = {}
    out = tmp_path / "out0"
    while killed < KILLS:
        process = grade(out)
        try:
            assert process.wait(random.uniform(0.0, LONGEST)) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
        after = marks(out)
        # Nothing that was stored is lost or changes, and all of it is right.
        assert before.items() <= after.items() <= expected.items()
        before = after
        if process.returncode == 0:
            assert after == expected
            classes += 1
            out, before = tmp_path / f"out{classes}", {}
    assert process.returncode == -signal.SIGKILL
    assert grade(out).wait() == 0
    assert marks(out) == expected
    # Workers that were left alone have ended by themselves, and with them all that they started.
    until = time.monotonic() + 30
    while processes(temporary) and time.monotonic() < until:
        time.sleep(0.1)
    assert processes(temporary) == []
