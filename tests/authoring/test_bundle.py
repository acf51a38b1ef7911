"""What is packed: the assignment's files, model solutions where wanted, and where they go."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest
from model_solutions import REFERENCE

from gradkit.authoring.export import (
    ExportError,
    File,
    Install,
    bundle,
    workflow,
    write_folder,
    write_zip,
)
from gradkit.task.assignment import DEFAULT, AssignmentError

NUMPY = """\
schema = "gradkit/assignment/v1"
id = "own"
title = "An exercise of one's own"

[roles.forward]
names = ["forward"]
signature = "forward(X, parameters)"
returns = "the output"

[[tasks]]
id = "tiny-numpy"
title = "Tiny"
framework = "numpy"
words = ["tiny"]
data = "@DATA@"
features = ["a"]
targets = ["b"]
layers = [{ units = 1, activation = "linear" }]
loss = "squared_error"
rates = { weight = 0.1, bias = 0.1 }
epochs = 1
deadline = 5.0
roles = ["forward"]
checks = { forward = 1 }

[tasks.starts.one]
W1 = [[0.5]]
b1 = [[0.1]]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """An assignment with data in a folder below it, and no model solution."""
    folder = tmp_path / "own"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "tiny.csv").write_text("a,b\n1,2\n2,3\n")
    path = folder / "own.toml"
    path.write_text(NUMPY.replace("@DATA@", "data/tiny.csv"))
    return path


def test_the_default_comes_with_data_and_solutions() -> None:
    """Byte for byte, and is known not to be one's own."""
    packed = bundle(None, None)
    assert not packed.own
    assert packed.assignment_file == "assignment.toml"
    assert set(packed.files) == {"assignment.toml", "regression.csv", "classification.csv"}
    assert packed.files["assignment.toml"] == DEFAULT.read_bytes()
    assert {path.name for path in REFERENCE.glob("*.py")} == set(packed.reference)


def test_keys_are_left_out_where_students_can_read() -> None:
    """No file of the reference is in a keyless bundle."""
    assert bundle(None, None, keyless=True).reference == {}


def test_an_assignment_of_ones_own(own: Path) -> None:
    """Its data keep their folder."""
    packed = bundle(own, None, keyless=True)
    assert packed.own
    assert set(packed.files) == {"own.toml", "data/tiny.csv"}


def test_without_solutions_one_has_to_say_so(own: Path) -> None:
    """An export that grades by derived values is never made by accident."""
    with pytest.raises(ExportError, match=r"There are no model solutions here\. Give their folder"):
        bundle(own, None)


def test_solutions_that_cannot_be_used(own: Path, tmp_path: Path) -> None:
    """A folder that is not there, and one without the file of a task."""
    with pytest.raises(ExportError, match=r"--reference .*none: there is no such folder"):
        bundle(own, tmp_path / "none")
    with pytest.raises(ExportError, match=r"tiny_numpy.py: not found. Name the folder"):
        bundle(own, tmp_path)


def test_data_outside_the_folder_are_refused(own: Path) -> None:
    """What is exported is one folder."""
    (own.parent.parent / "tiny.csv").write_text("a,b\n1,2\n")
    own.write_text(NUMPY.replace("@DATA@", "../tiny.csv"))
    with pytest.raises(AssignmentError, match=r"own.toml: ../tiny.csv lies outside its folder"):
        bundle(own, None, keyless=True)


def test_a_wrong_assignment_is_refused_as_ever(tmp_path: Path) -> None:
    """By its reader."""
    with pytest.raises(AssignmentError, match="cannot be read"):
        bundle(tmp_path / "none.toml", None)


FILES = {
    "run": File(b"#!", program=True),
    "keys/a.py": File(b"1", secret=True),
    "keys/run": File(b"2", secret=True, program=True),
    "text": File(b"3"),
}
MODES = {"run": 0o755, "keys/a.py": 0o600, "keys/run": 0o700, "text": 0o644}


def test_a_zip_keeps_permissions_and_is_the_same_each_time(tmp_path: Path) -> None:
    """As unzip on Unix restores them."""
    write_zip(FILES, tmp_path / "a.zip")
    write_zip(dict(reversed(FILES.items())), tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        found = {i.filename: stat.S_IMODE(i.external_attr >> 16) for i in archive.infolist()}
        assert archive.read("keys/a.py") == b"1"
    assert found == MODES


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_a_folder_keeps_permissions(tmp_path: Path) -> None:
    """Folders are made on the way."""
    write_folder(FILES, tmp_path / "new" / "course")
    found = {name: stat.S_IMODE((tmp_path / "new/course" / name).stat().st_mode) for name in FILES}
    assert found == MODES


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Nor is anything written where one of the files is there."""
    (tmp_path / "text").write_text("mine")
    with pytest.raises(ExportError, match=r"already has text, and nothing is overwritten"):
        write_folder(FILES, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["text"]
    with pytest.raises(ExportError, match="already has text"):
        write_zip(FILES, tmp_path / "text")
    assert (tmp_path / "text").read_text() == "mine"


def test_what_cannot_be_written(tmp_path: Path) -> None:
    """The system's own word for it."""
    with pytest.raises(ExportError, match=r"a.zip: cannot be written \(No such file or directory"):
        write_zip(FILES, tmp_path / "none" / "a.zip")
    (tmp_path / "keys").write_text("a file")
    with pytest.raises(ExportError, match=r"cannot be written \((Not a directory|File exists)"):
        write_folder(FILES, tmp_path)


def test_a_line_of_a_workflow_without_a_value_goes() -> None:
    """What installs torch, where nobody needs it."""
    given = Install("gradkit")
    with_torch, without = workflow(given), workflow(given, torch="")
    assert len(with_torch.splitlines()) == len(without.splitlines()) + 1
    assert b"${{ steps.gradkit.outputs.result }}" in without


# --- exercises of functions --------------------------------------------------------------

LAYERS = DEFAULT.parents[1] / "layers" / "assignment.toml"


def functions_of_ones_own(folder: Path, given: str = "helpers.py") -> Path:
    """The exercise of layers, with a module that the course hands out."""
    folder.mkdir()
    (folder / "helpers.py").write_text("SLOPE = 1.0\n")
    text = LAYERS.read_text(encoding="utf-8").replace('id = "layers"', 'id = "mine"')
    text = text.replace(
        'words = ["affine"]', f'words = ["affine"]\ngiven = {{ helpers = "{given}" }}'
    )
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_functions_come_with_what_is_given_and_their_solutions(tmp_path: Path) -> None:
    """They have no data; what the course hands out is read beside the file."""
    path = functions_of_ones_own(tmp_path / "mine")
    packed = bundle(path, REFERENCE / "layers")
    assert set(packed.files) == {"mine.toml", "helpers.py"}
    assert set(packed.reference) == {"layers.py"}
    assert "affine_forward" in packed.reference["layers.py"].decode()


def test_given_modules_outside_the_folder_are_refused(tmp_path: Path) -> None:
    """What is exported is one folder."""
    path = functions_of_ones_own(tmp_path / "mine", "../helpers.py")
    (tmp_path / "helpers.py").write_text("")
    with pytest.raises(
        AssignmentError, match=r"\.\./helpers\.py lies outside its folder\. Move it"
    ):
        bundle(path, REFERENCE / "layers")


def test_functions_without_their_solution_are_refused(tmp_path: Path) -> None:
    """With the file that is missing."""
    path = functions_of_ones_own(tmp_path / "mine")
    (tmp_path / "none").mkdir()
    with pytest.raises(ExportError, match=r"layers\.py"):
        bundle(path, tmp_path / "none")
