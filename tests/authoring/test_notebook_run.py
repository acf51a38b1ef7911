"""The starter notebook as Jupyter runs it: solved, it earns full marks in place."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from nbclient import NotebookClient

from gradkit.authoring.new.write import student_files
from gradkit.cli import main

pytestmark = [pytest.mark.sample(12), pytest.mark.usefixtures("warm")]

ROOT = Path(__file__).resolve().parents[2]
PIP = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def definitions(problem: str) -> dict[str, str]:
    """The model solution, by name, with the constants that it stands on."""
    text = (ROOT / "reference" / f"{problem}.py").read_text(encoding="utf-8")
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            segment = ast.get_source_segment(text, node)
            assert segment is not None
            found[node.name] = segment.replace("WEIGHT_RATE", "0.001").replace("BIAS_RATE", "0.01")
    return found


def solved(tasks: list[str], mistake: tuple[str, str] = ("", "")) -> nbformat.NotebookNode:
    """The starter notebook of some tasks, with solutions pasted in, and maybe a mistake."""
    notebook = nbformat.reads(student_files()["starter.ipynb"], as_version=4)
    kept = notebook.cells[:2]
    for task in tasks:
        answers = definitions(task.replace("-", "_"))
        for cell in notebook.cells[2:]:
            if cell.id == task or cell.id.startswith(f"{task}-"):
                name = cell.id.removeprefix(f"{task}-")
                if name in answers:
                    assert "raise NotImplementedError" in cell.source
                    cell.source = answers[name].replace(*mistake)
                kept.append(cell)
    notebook.cells = kept
    return notebook


def run(notebook: nbformat.NotebookNode, folder: Path, monkeypatch) -> dict[str, dict]:
    """Execute all cells, and give what the checks show, by task, as data by type."""
    for name, value in {**PIP, "IPYTHONDIR": str(folder / "ipython")}.items():
        monkeypatch.setenv(name, value)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return {
        cell.id.removesuffix("-check"): cell.outputs[0].data
        for cell in notebook.cells
        if cell.id.endswith("-check")
    }


def checked(notebook: nbformat.NotebookNode, folder: Path) -> dict:
    """What the command line says of the same notebook, outputs and all."""
    path = folder / "starter.ipynb"
    nbformat.write(notebook, path)
    words = ["check", str(path), "--no-reference", "--format", "json"]
    return json.loads(CliRunner().invoke(main, words).stdout)


NUMPY = ["regression-numpy", "classification-numpy"]
ALL = [*NUMPY, "regression-torch", "classification-torch"]


@pytest.mark.slow
@pytest.mark.parametrize("tasks", [NUMPY, ALL])
@pytest.mark.filterwarnings("default")  # of the client's own threads and event loops
def test_a_solved_notebook_earns_full_marks(tasks, tmp_path: Path, monkeypatch) -> None:
    """In place, task by task, and by `gradkit check`; with no network."""
    if tasks is ALL:
        pytest.importorskip("torch")
    notebook = solved(tasks)
    shown = run(notebook, tmp_path, monkeypatch)
    assert list(shown) == tasks
    for data in shown.values():
        assert "20 of 20 points" in data["text/html"]
        assert "20 / 20" in data["text/plain"]
        assert "data:image/svg+xml" in data["text/html"]
    result = checked(notebook, tmp_path)
    assert result["score"] == 20 * len(tasks)
    assert [task["score"] for task in result["tasks"]] == [20] * len(tasks)


@pytest.mark.filterwarnings("default")
def test_a_planted_mistake_is_shown(tmp_path: Path, monkeypatch) -> None:
    """With its name, its cell and its line, in place as by `gradkit check`."""
    notebook = solved(NUMPY[:1], ("X @ d_hidden.T", "d_hidden @ X.T"))
    shown = run(notebook, tmp_path, monkeypatch)["regression-numpy"]
    assert "Two indices are exchanged" in shown["text/html"]
    assert "that begins <code>def update_parameters</code>, line " in shown["text/html"]
    assert "dW1 = d_hidden @ X.T" in re.sub("<[^>]*>", "", shown["text/html"])
    (task,) = checked(notebook, tmp_path)["tasks"]
    assert [finding["mistake"] for finding in task["findings"]] == ["swapped-index"]
    assert task["score"] < 20
