"""From a path to a submission: what is taken, what is left aside, what is refused."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from submission.shapes import notebook

from gradkit.submission import files
from gradkit.submission.read import SubmissionError, read


def said(path) -> str:
    """What is said of a submission that is refused."""
    with pytest.raises(SubmissionError) as caught:
        read(path)
    return str(caught.value)


def tree(folder, **contents):
    """Write files; double underscores in the names stand for folders."""
    for name, text in contents.items():
        path = folder / f"{name.replace('__', '/')}"
        path = path.with_suffix(".ipynb") if isinstance(text, list) else path.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(notebook(text) if isinstance(text, list) else text, encoding="utf-8")
    return folder


def test_a_single_script(tmp_path):
    """One cell, the digest of its bytes, and the name without its ending."""
    path = tree(tmp_path, hw="x = 1") / "hw.py"
    found = read(path)
    assert (found.name, found.path, len(found.cells)) == ("hw", str(path), 1)
    assert found.digest == hashlib.sha256(b"x = 1").hexdigest()
    assert found.modules == {"hw": "x = 1"}


def test_a_folder(tmp_path):
    """Code files in the order of their paths; scripts are modules too."""
    tree(tmp_path, b="import a", a="x = 1", sub__c="y = 1", n=["z = 1"])
    (tmp_path / "data.csv").write_text("1,2")
    found = read(tmp_path)
    assert [cell.id for cell in found.cells] == ["a.py", "b.py", "n.ipynb[1]", "sub/c.py"]
    assert found.modules == {"a": "x = 1", "b": "import a", "sub.c": "y = 1", "c": "y = 1"}
    assert found.problems == ()


def test_cells_among_other_files_are_told_with_their_notebook(tmp_path):
    """Its number says where a cell is in a notebook that was handed in alone, and there only."""
    tree(tmp_path, HW=["x = = 1"], second=["ok = 1"])
    folder, alone = read(tmp_path), read(tmp_path / "HW.ipynb")
    titles = ["HW.ipynb, code cell 1", "second.ipynb, code cell 1"]
    assert [cell.title for cell in folder.cells] == titles
    assert {cell.title for cell in alone.cells} == {""}
    told = [each.problems[0].message for each in (folder, alone)]
    assert told[0].startswith("HW.ipynb, code cell 1, line 1 is not valid Python")
    assert told[1].startswith("Code cell 1, line 1 is not valid Python")


def test_what_is_left_aside(tmp_path):
    """Checkpoints, caches, environments, hidden files and tests are passed over silently."""
    tree(
        tmp_path,
        main="x = 1",
        test_main="import main",
        conftest="y = 1",
        _ipynb="z = 1",
        env__lib="w = 1",
        other__lib__deep="v = 1",
    )
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".ipynb_checkpoints" / "n-checkpoint.ipynb").write_text("{}")
    (tmp_path / "other" / "pyvenv.cfg").write_text("")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "a.py").write_text("?")
    found = read(tmp_path)
    assert [cell.id for cell in found.cells] == ["_ipynb.py", "main.py"]
    assert found.problems == ()
    assert [cell.id for cell in read(tree(tmp_path / "t", test_a="x = 1")).cells] == ["test_a.py"]


def test_a_folder_and_its_archive_are_the_same(tmp_path):
    """Cells and digest agree, also where the archive has a folder around everything."""
    folder = tree(tmp_path / "hw", main="x = 1", sub__lib="y = 1")
    path = tmp_path / "hw.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("main.py", "sub/lib.py"):
            archive.write(folder / name, f"alice/hw/{name}")
    one, other = read(folder), read(path)
    assert (one.cells, one.digest, one.modules) == (other.cells, other.digest, other.modules)
    (folder / "main.py").write_text("x = 2")
    assert read(folder).digest != one.digest


def test_links_are_not_followed(tmp_path):
    """Neither out of the folder nor in circles; only a path given directly may be a link."""
    folder = tree(tmp_path / "hw", main="x = 1")
    outside = tree(tmp_path / "out", other="key = 42")
    os.symlink(outside / "other.py", folder / "linked.py")
    os.symlink(outside, folder / "linked")
    os.symlink(folder, folder / "loop")
    os.symlink(outside / "other.py", folder / "notes.txt")
    found = read(folder)
    assert [cell.id for cell in found.cells] == ["main.py"]
    assert [problem.message for problem in found.problems] == [
        "linked is a link, and links are not followed. Submit the file itself.",
        "linked.py is a link, and links are not followed. Submit the file itself.",
        "loop is a link, and links are not followed. Submit the file itself.",
    ]
    os.symlink(folder / "main.py", tmp_path / "direct.py")
    assert read(tmp_path / "direct.py").cells[0].source == "x = 1"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    """Special files are not opened for reading, in a folder or by name."""
    folder = tree(tmp_path / "hw", main="x = 1")
    os.mkfifo(folder / "pipe.py")
    found = read(folder)
    message = "pipe.py is not a regular file and was not opened."
    assert [problem.message for problem in found.problems] == [message]
    assert said(folder / "pipe.py") == message


def test_large_files_are_not_read(tmp_path):
    """A notebook of 100 MB costs a look at its size, alone or among others."""
    folder = tree(tmp_path / "hw", main="x = 1")
    with open(folder / "n.ipynb", "wb") as stream:
        stream.truncate(100_000_000)
    message = (
        "n.ipynb has 100.0 MB; at most 25 MB are read. Clear all outputs, save, and submit it "
        "again."
    )
    assert said(folder / "n.ipynb") == message
    found = read(folder)
    assert [problem.message for problem in found.problems] == [message]
    assert len(found.cells) == 1


def test_limits_of_a_folder(tmp_path, monkeypatch):
    """Numbers of entries and code files, their size together, and the depth of folders."""
    folder = tree(tmp_path / "hw", a="x = 1", b="y = 1", c__d__e="z = 1")
    monkeypatch.setattr(files, "DEPTH", 1)
    assert [p.message for p in read(folder).problems] == [
        "c/d is more than 1 folders deep and was left out."
    ]
    monkeypatch.setattr(files, "TOTAL_BYTES", 6)
    assert said(folder) == (
        "hw contains more than 100 scripts and notebooks, or more than 0 MB of them. Clear all "
        "outputs, and give one submission at a time."
    )
    monkeypatch.setattr(files, "CODE_FILES", 1)
    assert said(folder) == (
        "hw contains more than 1 scripts and notebooks, or more than 0 MB of them. Clear all "
        "outputs, and give one submission at a time."
    )
    monkeypatch.setattr(files, "ENTRIES", 2)
    assert said(folder) == "hw contains more than 2 files. Submit only the folder of the exercise."


def test_what_cannot_be_opened(tmp_path, monkeypatch):
    """Missing paths, other kinds of files, and files that may not be read."""
    assert said(tmp_path / "none.py") == f"There is no file or folder {tmp_path}/none.py."
    (tmp_path / "hw.docx").write_text("x")
    assert said(tmp_path / "hw.docx") == (
        "hw.docx is not a file that can be graded. Expected a script (.py), a notebook "
        "(.ipynb), or a folder or .zip of them."
    )
    assert said(tmp_path).startswith(f"There is no script or notebook in {tmp_path.name}.")
    assert said("a\0b.py").startswith("There is no file or folder a")

    tree(tmp_path, a="x = 1", b="y = 1", sub__c="z = 1")
    real_open, real_scan = os.open, os.scandir

    def refusing_open(path, *rest):
        if str(path).endswith("a.py"):
            raise PermissionError(13, "Permission denied")
        return real_open(path, *rest)

    def refusing_scan(path):
        if str(path).endswith(refused):
            raise PermissionError(13, "Permission denied")
        return real_scan(path)

    monkeypatch.setattr(os, "open", refusing_open)
    monkeypatch.setattr(os, "scandir", refusing_scan)
    refused = "sub"
    assert [problem.message for problem in read(tmp_path).problems] == [
        "a.py could not be opened: Permission denied. Check the path and the permissions.",
        "sub/ could not be opened: Permission denied. Check the path and the permissions.",
    ]
    assert said(tmp_path / "a.py") == (
        "a.py could not be opened: Permission denied. Check the path and the permissions."
    )
    refused = tmp_path.name
    assert said(tmp_path) == (
        f"{tmp_path.name} could not be opened: Permission denied. Check the path and the "
        "permissions."
    )


def test_a_broken_notebook_among_others_costs_itself(tmp_path):
    """Alone it is refused; among others it is a problem; if all are broken, both are said."""
    folder = tree(tmp_path / "hw", main="x = 1")
    (folder / "n.ipynb").write_text("{")
    assert said(folder / "n.ipynb").startswith("n.ipynb is not a valid notebook")
    (problem,) = read(folder).problems
    assert problem.message.startswith("n.ipynb is not a valid notebook")
    (folder / "main.py").unlink()
    (folder / "m.ipynb").write_text("[]")
    assert "n.ipynb is not" in said(folder)
    assert "m.ipynb is not a valid notebook: it is JSON without cells" in said(folder)


def test_names_are_made_fit_to_be_shown(tmp_path):
    """Control characters in a file's name go, and no two files get the same name by that."""
    for name in ("a\x1b[31m.py", "a.py", "a\n.py"):
        (tmp_path / name).write_text("x = 1")
    names = [cell.file for cell in read(tmp_path).cells]
    assert len(set(names)) == 3
    assert all(name.isprintable() for name in names)


def test_scripts_are_read_without_nbformat(tmp_path):
    """Reading a script imports neither nbformat nor numpy."""
    path = tree(tmp_path, hw="x = 1") / "hw.py"
    code = (
        "import sys; from gradkit.submission.read import read; read(sys.argv[1]); "
        "print([m for m in ('nbformat', 'torch', 'pandas', 'scipy') if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert out.stdout == "[]\n"


def test_the_folder_that_one_is_in_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from elsewhere."""
    (tmp_path / "hw.py").write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    assert read(".").name == read(tmp_path).name == tmp_path.name
