"""The commands of cluster.md, run on this machine: certificates, a scheduler, workers, a class."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

pytest.importorskip("distributed")

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here"),
]


def here(text: str, folder: Path, port: int) -> str:
    """The page's text for one machine: its addresses, port and folders are ours."""
    text = text.replace("10.0.0.1", "127.0.0.1").replace("10.0.0.2", "127.0.0.1")
    text = text.replace("/etc/grading", str(folder)).replace(":8786", f":{port}")
    return text.replace("--nworkers 4", "--nworkers 1")


@contextmanager
def running(words: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A command of Dask's in the background."""
    command = [sys.executable, "-m", *words]
    with (folder / f"{words[1]}.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def test_a_class_is_graded_over_tls(tmp_path: Path) -> None:
    """As the page says; who has no certificates gets nowhere."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    blocks = re.findall(r"```(?:sh|yaml)\n(.*?)```", here(PAGE, tmp_path, port), re.DOTALL)
    certificates, configuration, cluster, grading = blocks
    subprocess.run(["sh", "-ec", certificates], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0
    (tmp_path / "grading.yaml").write_text(configuration, encoding="utf-8")
    outside = {key: value for key, value in os.environ.items() if not key.startswith("DASK")}
    inside = {**outside, "DASK_CONFIG": str(tmp_path / "grading.yaml")}
    (tmp_path / "submissions").mkdir()
    for path in (ROOT / "tests" / "sample_class").glob("*_regression_*ight.py"):
        shutil.copy(path, tmp_path / "submissions")
    words = shlex.split(grading.replace("--reference DIR", "--no-reference"))
    command = [sys.executable, "-m", *words]

    def grade(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    with ExitStack() as stack:
        for line in cluster.splitlines():
            stack.enter_context(running(shlex.split(line), tmp_path, inside))
        refused = grade(outside)
        assert refused.returncode == 2
        assert "names no certificates" in refused.stderr
        # It waits for the scheduler, and then for a worker, some 20 seconds each.
        done = grade(inside)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "class.sqlite").stat().st_mode & 0o777 == 0o600
