"""An assignment file is data: reading it, or grading by it, writes nothing and starts nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gradkit.cli import main
from gradkit.task.assignment import AssignmentError, read_assignment

TEXT = """
schema = "gradkit/assignment/v1"
id = "own"
title = "Own"

[[tasks]]
id = "own"
title = "Own"
kind = "functions"
solution = "own.py"
sizes = { N = "SIZE", M = [2, 3] }
inputs.x = "INPUT"
hard = [{ x = "HARD" }]

[[tasks.checks]]
name = "forward"
points = 1
call = "CALL"
compare = ["out", "COMPARE"]
gradient = { of = "OF", out = "x" }
conventions = [{ out = "FACTOR" }]
"""
PLAIN = {
    **{"SIZE": "M * 2", "INPUT": "normal(M)", "HARD": "2 * normal(M)", "COMPARE": "np.abs(out)"},
    **{"CALL": "out = f(x)", "OF": "sum(out)", "FACTOR": "2 * M"},
}
ESCAPES = {
    "SIZE": ["M.to_bytes(1, 'big')"],
    "INPUT": ["zeros(2).tofile('{path}', 'TEXT')", "normal(M).dump('{path}')"],
    "HARD": ["zeros(2).tofile('{path}', 'TEXT')"],
    "COMPARE": ["np.save('{path}', out)", "out.tofile('{path}')", "np.lib.format.os.getcwd()"],
    "CALL": [
        "out = open('{path}', 'w')",
        "out = f(np.ctypeslib.ctypes.CDLL(None).system('touch {path}'))",
        "out = eval('1')",
        "out = f(x); np.abs = f",
        "out = f(x, np)",
    ],
    "OF": ["np.ctypeslib.ctypes.CDLL(None).system('touch {path}')", "sum(out.tofile('{path}'))"],
    "FACTOR": ["M.to_bytes(1, 'big')"],
}


def written(folder: Path, place: str = "", text: str = "") -> Path:
    """Write the assignment file, with another text at one place."""
    content = TEXT
    for name, plain in PLAIN.items():
        content = content.replace(name, text if name == place else plain)
    path = folder / "assignment.toml"
    path.write_text(content, encoding="utf-8")
    return path


def test_the_file_that_the_following_ones_spoil_is_read(tmp_path: Path) -> None:
    """Without an escape it is an assignment like any other."""
    (task,) = read_assignment(written(tmp_path)).functions
    assert task.id == "own"


@pytest.mark.parametrize(
    ("place", "text"), [(place, text) for place, texts in ESCAPES.items() for text in texts]
)
def test_nothing_is_written_when_a_file_is_read(place: str, text: str, tmp_path: Path) -> None:
    """The error says where, what was found and what is allowed; `gradkit list` shows it."""
    target = tmp_path / "written"
    path = written(tmp_path, place, text.format(path=target))
    with pytest.raises(AssignmentError) as caught:
        read_assignment(path)
    assert str(path) in str(caught.value)
    assert "expected" in str(caught.value)
    ended = CliRunner().invoke(main, ["list", "--assignment", str(path)])
    assert ended.exit_code == 2, ended.output
    assert "Traceback" not in ended.output
    assert not target.exists()
