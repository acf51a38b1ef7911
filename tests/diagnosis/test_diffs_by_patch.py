"""The command ``patch`` applies diffs to the files that students handed in, byte by byte."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.tell import diff_of
from gradkit.records.submission import Cell
from gradkit.submission.read import read

pytestmark = pytest.mark.skipif(shutil.which("patch") is None, reason="there is no `patch` here")

CLASS = Path(__file__).parents[1] / "sample_class"
SCRIPTS = (
    "bilal_regression_right.py",
    "ivo_regression_torch_no_zero_grad.py",
    "jun_classification_torch_double_sigmoid.py",
)
PERCENT = (
    "# %% Regression\nimport numpy as np\n\n# %% Helpers\na = 1\n"
    "# %% Classification\nb = 2\nc = 3\n"
)
MAGICS = "%matplotlib inline\nimport numpy as np\n!pip list\na = 1\nb = 2\n"


def texts() -> dict[str, str]:
    """Scripts of a class, one in parts, one with magics."""
    made = {name: (CLASS / name).read_text(encoding="utf-8") for name in SCRIPTS}
    return {**made, "percent.py": PERCENT, "magics.py": MAGICS, "ümlaut.py": "x = 'ü'\ny = 'é'\n"}


WAYS = {
    "as it is": lambda data: data,
    "without its last newline": lambda data: data.rstrip(b"\n"),
    "with carriage returns": lambda data: data.replace(b"\n", b"\r\n"),
    "with both": lambda data: data.rstrip(b"\n").replace(b"\n", b"\r\n"),
    "with a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "with blank lines at its end": lambda data: data + b"\n\n",
}


def changes(count: int) -> list[Proposal]:
    """Change, put in and take out lines at the beginning, in the middle and at the end."""
    made = []
    for line in sorted({1, count // 2, count - 1, count}):
        if 1 <= line <= count:
            ways = ((line, ("new = 1",)), (line - 1, ("put = 1", "in_ = 2")), (line, ()))
            for last, lines in ways:
                made.append(Proposal("x", "wrong-name", line, last, lines, line, 0, line, 1))
    made.append(Proposal("x", "wrong-name", count + 1, count, ("more = 1",), count, 0, count, 1))
    return made


def patched(path: Path, diff: str, data: bytes) -> bytes:
    """What ``patch`` makes of some bytes, without any doubt of its own."""
    path.write_bytes(data)
    command = ["patch", "--fuzz=0", "--no-backup-if-mismatch", path.name]
    done = subprocess.run(
        command, input=diff.encode(), cwd=path.parent, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode() + diff
    assert b"offset" not in done.stdout
    return path.read_bytes()


def expected(data: bytes, cell: Cell, change: Proposal) -> bytes:
    """The bytes with a change of some lines, which end as the others do."""
    newline = cell.newline.encode()
    lines = data.split(newline)
    start = cell.first_line - 1 + change.first - 1
    lines[start : start + change.last - change.first + 1] = [line.encode() for line in change.lines]
    return newline.join(lines)


def check_changes(path: Path, data: bytes, cells: list[Cell]) -> int:
    """Have ``patch`` make changes of some cells; return how many."""
    path.write_bytes(data)
    made = 0
    for cell in cells:
        lines = cell.source.split("\n")
        raw = data.decode().split(cell.newline)[cell.first_line - 1 :]
        count = len(lines) - (lines[-1] == "")
        for change in changes(count):
            # gradkit proposes no change of a line that it has not read as it is in the file.
            if lines[change.first - 1 : change.last] == raw[change.first - 1 : change.last]:
                diff = diff_of(change, cell.source, cell)
                assert patched(path, diff, data) == expected(data, cell, change), diff
                made += 1
    return made


@pytest.mark.sample(6)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", texts())
def test_patch_changes_a_script(tmp_path: Path, name: str, way: str) -> None:
    """Whatever ends its lines, and whether anything ends the last."""
    data = WAYS[way](texts()[name].encode())
    path = tmp_path / name
    path.write_bytes(data)
    assert check_changes(path, data, list(read(path).cells)) >= 5


@pytest.mark.sample(6)
@pytest.mark.parametrize("way", [way for way in WAYS if "mark" not in way])
@pytest.mark.parametrize("name", texts())
def test_patch_changes_the_source_of_a_cell(tmp_path: Path, name: str, way: str) -> None:
    """A diff names the cell, and applies to its source in a file."""
    data = WAYS[way](texts()[name].encode())
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    blocks = [{**cell, "source": "import numpy as np"}, {**cell, "source": data.decode()}]
    book = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": blocks}
    path = tmp_path / "homework.ipynb"
    path.write_text(json.dumps(book), encoding="utf-8")
    cells = [cell for cell in read(path).cells if cell.cell == 2]
    diff = diff_of(changes(1)[0], cells[0].source, cells[0])
    assert diff.startswith("--- homework.ipynb, cell 2\n+++ homework.ipynb, cell 2\n@@ -1")
    assert check_changes(tmp_path / "cell.py", data, cells) > 5
