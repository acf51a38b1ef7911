"""What a check of a numpy task loads, as it happens and not as the source says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.sample(6)

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "pandas", "scipy", "nbformat", "rich"}

NUMPY = ("--task", "regression-numpy")

PARENT = """
import contextlib, io, json, sys
from gradkit.cli import main
with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
    try:
        main(["check", "--format", "json", *sys.argv[1:]], standalone_mode=False)
    finally:
        loaded = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps(loaded))
"""

TELLING = """
def initialise_parameters(dim):
    import sys
    watched = {"numpy", "torch", "pandas", "scipy", "nbformat", "rich"}
    raise ValueError("loaded: " + " ".join(sorted(watched & set(sys.modules))) + ".")


def other("""


def loaded_by(*arguments: str) -> set[str]:
    """The packages in a fresh grader after `gradkit check`."""
    done = subprocess.run(
        [sys.executable, "-c", PARENT, *arguments], cwd=ROOT, capture_output=True, check=True
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("problem", ["regression", "classification"])
def test_a_numpy_check_loads_nothing_heavy(problem: str) -> None:
    """Neither torch, pandas, scipy nor anything for notebooks or terminals is in the grader."""
    loaded = loaded_by(f"reference/{problem}_numpy.py")
    assert "numpy" in loaded
    assert not loaded & HEAVY


def test_what_a_check_does_load_is_seen() -> None:
    """The same look finds what reads notebooks, where one is handed in."""
    assert "nbformat" in loaded_by("tests/sample_class/amara_all_right.ipynb", *NUMPY)


def test_a_numpy_worker_holds_nothing_heavy(tmp_path: Path) -> None:
    """The process that runs a numpy section has not loaded them either."""
    path = tmp_path / "regression_numpy.py"
    text = (ROOT / "reference" / "regression_numpy.py").read_text(encoding="utf-8")
    path.write_text(text.replace("def initialise_parameters(", TELLING), encoding="utf-8")
    command = [sys.executable, "-m", "gradkit", "check", str(path), "--format", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    checks = json.loads(done.stdout)["tasks"][0]["checks"]
    assert any("loaded: numpy." in check["message"] for check in checks), checks
