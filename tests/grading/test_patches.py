"""The `diff` of a finding changes the submitted file when `patch` applies it."""

from __future__ import annotations

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.tell import diff_of
from gradkit.records.submission import Cell

SAMPLES = Path(__file__).parents[1] / "sample_class"
TORCH = sorted(SAMPLES.glob("*_torch_*.py"))

pytestmark = pytest.mark.skipif(shutil.which("patch") is None, reason="patch is not installed")


def patched(diff: str, source: str, folder: Path) -> str:
    """Return a text after `patch`, which must find each line where the diff says that it is."""
    target = folder / "answer.py"
    target.write_text(source, encoding="utf-8")
    done = subprocess.run(
        ["patch", "--fuzz=0", "--batch", str(target)],
        input=f"{diff}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + diff
    assert "offset" not in done.stdout
    return target.read_text(encoding="utf-8")


@pytest.mark.sample(2)
@pytest.mark.parametrize("path", TORCH, ids=lambda path: path.stem)
def test_diffs_of_the_sample_class_apply(grade, tmp_path: Path, path: Path) -> None:
    """Each finding of a torch file proposes a change that leaves valid Python."""
    pytest.importorskip("torch")
    source = path.read_text(encoding="utf-8")
    result = grade(path, diagnose=True)
    diffs = [each.diff for task in result.tasks for each in task.findings if each.diff]
    assert diffs
    for diff in diffs:
        after = patched(diff, source, tmp_path)
        assert after != source
        ast.parse(after)


@pytest.mark.parametrize("end", ["\n", "\n\n\n"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("at", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("adds", [False, True])
def test_a_diff_applies_anywhere_in_a_file(
    tmp_path: Path, end: str, count: int, at: int, adds: bool
) -> None:
    """No context line stands for what follows the last line break of the file."""
    at = min(at, count)
    lines = [f"x{number} = {number}" for number in range(1, count + 1)]
    source = "\n".join(lines) + end
    last = at - 1 if adds else at
    proposal = Proposal("answer.py", "wrong-name", at, last, ("y = 0",), at, 0, at, 1)
    diff = diff_of(proposal, source, Cell("answer.py", "answer.py", None, source))
    expected = [*lines[: at - 1], "y = 0", *lines[last:]]
    assert patched(diff, source, tmp_path) == "\n".join(expected) + end
