"""What students start from asks for what the model solutions give, in files and notebook alike."""

import ast
import contextlib
import io

import nbformat
import pytest
from model_solutions import ROOT, source

TEMPLATE = ROOT / "student_template"
TASKS = ("regression-numpy", "classification-numpy", "regression-torch", "classification-torch")
NOTEBOOK = TEMPLATE / "starter.ipynb"

Definition = ast.FunctionDef | ast.ClassDef


def definitions(text: str) -> dict[str, Definition]:
    """Top-level functions and classes by name."""
    nodes = ast.parse(text).body
    return {node.name: node for node in nodes if isinstance(node, Definition)}


def functions(text: str) -> dict[str, ast.FunctionDef]:
    """Functions and methods by qualified name."""
    found = {}
    for name, node in definitions(text).items():
        methods = node.body if isinstance(node, ast.ClassDef) else [node]
        for method in methods:
            if isinstance(method, ast.FunctionDef):
                found[name if method is node else f"{name}.{method.name}"] = method
    return found


def starter(task: str) -> str:
    """Text of a starter file."""
    return (TEMPLATE / f"{task.replace('-', '_')}.py").read_text(encoding="utf-8")


def section(task: str) -> list[str]:
    """The code cells under a task's heading, in order, without the one that checks them."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and task in cell.id]
    assert code[-1].source == f'gradkit.check(task="{task}")'
    return [cell.source for cell in code[:-1]]


@pytest.mark.parametrize("task", TASKS)
def test_starter_asks_for_what_the_solution_gives(task: str) -> None:
    """Starter and solution define the same names with the same arguments and defaults."""
    asked = functions(starter(task))
    given = functions(source(task.replace("-", "_")))
    assert list(asked) == list(given)
    for name, function in asked.items():
        assert ast.unparse(function.args) == ast.unparse(given[name].args)


@pytest.mark.parametrize("task", TASKS)
def test_starter_solves_nothing(task: str) -> None:
    """Every function states what is asked and raises NotImplementedError, no more."""
    for name, function in functions(starter(task)).items():
        assert name.endswith("__init__") or ast.get_docstring(function)
        *_, last = function.body
        assert ast.unparse(last) == "raise NotImplementedError"
        lines = [ast.unparse(node) for node in function.body[:-1]]
        assert [line for line in lines if not line.startswith(("'", '"'))] == (
            ["super().__init__()"] if name.endswith("__init__") else []
        )


@pytest.mark.parametrize("task", TASKS)
def test_notebook_holds_the_same_parts_as_the_files(task: str) -> None:
    """Definition for definition, the notebook's section is the starter file."""
    in_notebook = definitions("\n\n".join(section(task)))
    in_file = definitions(starter(task))
    assert list(in_notebook) == list(in_file)
    for name, node in in_file.items():
        assert ast.unparse(in_notebook[name]) == ast.unparse(node)


def test_notebook_is_valid_and_empty() -> None:
    """The notebook satisfies nbformat, has an id for every cell and keeps no output."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    headings = [cell.source.splitlines()[0] for cell in notebook.cells if cell not in code]
    assert headings[1:] == [
        "# Regression with NumPy",
        "# Classification with NumPy",
        "# Regression with PyTorch",
        "# Classification with PyTorch",
    ]


def printed(text: str) -> str:
    """What a program prints when run as the main one."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(text, "<cells>", "exec"), {"__name__": "__main__"})
    return output.getvalue()


def numbers(text: str) -> list[float]:
    """The loss at the end of each line that prints one."""
    return [float(line.split()[-1]) for line in text.splitlines() if line.startswith("epoch")]


@pytest.mark.parametrize("task", TASKS)
def test_solved_notebook_runs_from_top_to_bottom(task: str) -> None:
    """With the solution pasted over each definition the section trains as the solution does."""
    seed = ""
    if task.endswith("torch"):
        pytest.importorskip("torch")
        seed = "import torch\ntorch.manual_seed(0)\n"
    solved = definitions(source(task.replace("-", "_")))
    cells = [seed + "import numpy as np"]
    for text in section(task):
        names = definitions(text)
        cells.append("\n\n".join(ast.unparse(solved[name]) for name in names) or text)
    constants = "WEIGHT_RATE, BIAS_RATE = 0.001, 0.01\n" if task.endswith("numpy") else ""
    found = numbers(printed(constants + "\n\n".join(cells)))
    assert found == numbers(printed(seed + source(task.replace("-", "_"))))
    assert len(found) == {"numpy": 5}.get(task.split("-")[1], 20 if "regr" in task else 10)


@pytest.mark.parametrize("task", TASKS)
def test_unsolved_notebook_stops_at_the_first_missing_function(task: str) -> None:
    """Run as it is, a section raises NotImplementedError."""
    if task.endswith("torch"):
        pytest.importorskip("torch")
    with pytest.raises(NotImplementedError):
        printed("import numpy as np\n" + "\n\n".join(section(task)))
