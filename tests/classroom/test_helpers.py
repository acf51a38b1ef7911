"""Processes that help: they work, and none is left behind by a parent that was killed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from classroom.classes import environment, processes

from gradkit.classroom.helpers import helpers

SCRIPT = """
import time
from gradkit.classroom.helpers import helpers
if __name__ == "__main__":
    with helpers(2) as pool:
        list(pool.map(time.sleep, [0.01] * 4))
        print("ready", flush=True)
        list(pool.map(time.sleep, [0.1] * 600))
"""


def test_work_is_shared() -> None:
    """And comes back in its order."""
    with helpers(2) as pool:
        assert list(pool.map(abs, [-1, -2, 3])) == [1, 2, 3]


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
