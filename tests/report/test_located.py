"""Text names the file as the user gave it, with line and column, and shows one hint."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from model_solutions import REFERENCE, ROOT

from gradkit.cli import main

pytestmark = [pytest.mark.sample(18), pytest.mark.usefixtures("warm")]

RIGHT = (REFERENCE / "regression_numpy.py").read_text("utf-8")
SWAPPED = (ROOT / "tests" / "sample_class" / "chen_regression_swapped_index.py").read_text("utf-8")
DOUBTFUL = "0.001 * 2 * error * w2[i][0] * X[j][0]"


def check(path: Path | str, *options: str) -> str:
    """Return the text of a check."""
    arguments = ["check", str(path), "--no-reference", "--seed", "1", *options]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    return done.stdout


def position(text: str, part: str) -> str:
    """Return line and column of a part of a text, as editors count: ``12:5``."""
    before = text[: text.index(part)]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder ``hw`` in the current folder, with a wrong file and a file that crashes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hw").mkdir()
    (tmp_path / "hw" / "chen.py").write_text(SWAPPED, "utf-8")
    crashing = RIGHT.replace("    d_output =", "    int('x')\n    d_output =")
    (tmp_path / "hw" / "emil.py").write_text(crashing, "utf-8")
    return tmp_path


def test_a_finding_has_path_line_and_column(folder: Path) -> None:
    """A terminal opens the place with a click; an absolute path stays absolute."""
    place = position(SWAPPED, DOUBTFUL)
    assert f"  hw/chen.py:{place}  parameters" in check("hw/chen.py")
    assert f"  {folder}/hw/chen.py:{place}\n" in check(folder / "hw" / "chen.py")


def test_a_file_of_a_folder_has_the_path_of_the_folder(folder: Path) -> None:
    """Below the path that was given."""
    (folder / "hw" / "emil.py").unlink()
    assert f"  hw/chen.py:{position(SWAPPED, DOUBTFUL)}  " in check("hw")


def test_a_crash_has_path_line_and_column(folder: Path) -> None:
    """The column is where the code of the line begins."""
    crashing = (folder / "hw" / "emil.py").read_text("utf-8")
    assert f"hw/emil.py:{position(crashing, 'int(')}" in check("hw/emil.py")


def test_a_failed_check_of_a_function_has_path_line_and_column(folder: Path) -> None:
    """Where the exercise's own lines cannot unpack what is returned, the place is its function."""
    right = (REFERENCE / "layers" / "layers.py").read_text("utf-8")
    text = right.replace("@ w + b, (x, w)", "@ w + b + 0 * w[0, 0]")
    (folder / "hw" / "layers.py").write_text(text, "utf-8")
    assert f"hw/layers.py:{position(text, 'def affine_forward')}" in check("hw/layers.py")


def test_blocked_checks_share_a_line(folder: Path) -> None:
    """The line names the check that is the cause, and what it does; no place is repeated."""
    text = " ".join(check("hw/emil.py").split())
    assert (
        "– blocked gradient 2.5 / 5, trajectory 2 / 4: Not checked, because `update` stops with "
        "ValueError." in text
    )
    assert text.count("blocked") == 1


def test_a_file_has_the_same_text(folder: Path) -> None:
    """With ``--out`` as on standard output."""
    shown = check("hw/chen.py")
    assert check("hw/chen.py", "--out", "report.txt") == ""
    assert (folder / "report.txt").read_text("utf-8") == shown


def test_one_hint_is_shown_until_more_are_asked_for(folder: Path) -> None:
    """The last line names the options; with the option the hints of its level are there."""
    default = check("hw/chen.py")
    assert default.count("hint: ") == 1
    assert default.endswith(
        "\nOne hint is shown for each mistake. For more hints, add --hints 3 or --hints 4.\n"
    )
    more = check("hw/chen.py", "--hints", "3")
    assert more.count("hint: ") == 2
    assert "One hint is shown" not in more
    assert "hint: Use the index of the input for X" in check("hw/chen.py", "--hints", "4")
