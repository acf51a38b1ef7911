"""Processes that help: they work, and none is left behind by a parent that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from classroom.classes import environment, processes

from gradkit.classroom.worker_pool import AHEAD, Helpers
from gradkit.grading.settings import BreakdownError

pytestmark = pytest.mark.sample(12)

SCRIPT = """
import time
from gradkit.classroom.worker_pool import Helpers
with Helpers(2) as helpers:
    list(helpers.map(time.sleep, [0.01] * 4))
    print("ready", flush=True)
    list(helpers.map(time.sleep, [0.1] * 600))
"""


@pytest.mark.slow
@pytest.mark.rotate(2)
def test_work_is_shared() -> None:
    """And comes back in its order, whichever process was quicker; a second time as well."""
    with Helpers(2) as helpers:
        assert list(helpers.map(abs, [-1, -2, 3])) == [1, 2, 3]
        naps = [0.2, 0.0, 0.0, 0.01]
        assert list(helpers.map(time.sleep, naps)) == [None] * 4
        assert set(helpers.map(_pid, range(8))) == {each.process.pid for each in helpers._started}
        assert list(helpers.map(abs, [])) == []


def _pid(number: int) -> int:
    time.sleep(0.02)
    return os.getpid()


def test_few_items_are_taken_ahead() -> None:
    """A class is not read into memory before the first page is written."""
    taken = []

    def items() -> Iterator[int]:
        for number in range(40):
            taken.append(number)
            yield number

    with Helpers(1) as helpers:
        for given, _ in enumerate(helpers.map(abs, items())):
            assert len(taken) <= given + 1 + AHEAD


def test_what_goes_wrong_there_is_raised_here() -> None:
    """As what it was; a process that is lost, as a sentence."""
    with Helpers(1) as helpers, pytest.raises(TypeError, match="bad operand"):
        list(helpers.map(abs, ["one"]))
    with (
        Helpers(1) as helpers,
        pytest.raises(BreakdownError, match="own processes crashed; perhaps the"),
    ):
        list(helpers.map(os._exit, [9]))


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_helpers_end_with_their_parent(tmp_path: Path) -> None:
    """Within a moment of its being killed."""
    script, temporary = tmp_path / "parent.py", tmp_path / "tmp"
    script.write_text(SCRIPT, encoding="utf-8")
    temporary.mkdir()
    parent = subprocess.Popen(
        [sys.executable, script],
        env=environment(temporary),
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    assert len(processes(temporary)) >= 3
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 20
    while processes(temporary) and time.monotonic() < until:
        time.sleep(0.05)
    assert processes(temporary) == []
