"""What students of functions start from: signatures and docstrings, without any answer."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from shipped import FUNCTION_EXERCISES, assignment

from gradkit.authoring.new.functions import STARTER, starter, starters
from gradkit.cli import main
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.task.assignment import exercises, find_reference, read_assignment
from gradkit.task.examples import read_examples

pytestmark = [pytest.mark.sample(9), pytest.mark.usefixtures("warm")]

TOML = """
schema = "gradkit/assignment/v1"
id = "own"
title = "A layer of one's own"

[[tasks]]
id = "own"
title = "A layer"
kind = "functions"
solution = "own.py"
inputs = { x = "normal(3, 4)" }
given = { helpers = "helpers.py", other = "" }
equivalent = [{ line = "y = helper(x)", change = "", why = "It is one way to write it." }]
checks = [
    { name = "f", points = 1, call = "y = f(x)", compare = ["y"] },
    { name = "layer", points = 2, call = "a = Layer(2); z = a.forward(x)", compare = ["z"] },
]
"""

MODEL = '''"""Layers."""

import numpy as np
from math import (
    pi,
)

RATE = 0.5
OTHER = 3


def helper(x):
    """Return twice x."""
    return 2 * x


@np.vectorize
def f(
    x,
    rate=RATE,
):
    # The answer is 2 x.
    y = helper(x)
    return y


class Base:
    """What all layers have."""

    def __init__(self, n): self.n = n

    def backward(self, dout):
        return dout


class Unused:
    pass


class Layer(Base):
    secret = 3

    @property
    def gradient(self):
        """Return it."""
        return self.secret

    def forward(self, x):
        """Return x times n."""
        return self.n * x
'''

EXPECTED = '''"""Layers."""

import numpy as np
from math import (
    pi,
)

RATE = 0.5


@np.vectorize
def f(
    x,
    rate=RATE,
):
    raise NotImplementedError


class Base:
    """What all layers have."""

    def __init__(self, n):
        raise NotImplementedError


class Layer(Base):
    def forward(self, x):
        """Return x times n."""
        raise NotImplementedError
'''


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """An exercise of one's own, with its model solution."""
    (tmp_path / "assignment.toml").write_text(TOML, encoding="utf-8")
    (tmp_path / "helpers.py").write_text("one = 1\n", encoding="utf-8")
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "own.py").write_text(MODEL, encoding="utf-8")
    return tmp_path


def new(*arguments: object) -> Result:
    """Run ``gradkit new``."""
    return CliRunner().invoke(main, ["new", *map(str, arguments), "--install", "gradkit"])


@pytest.mark.parametrize("name", FUNCTION_EXERCISES)
def test_starters_are_those_of_the_model_solutions(name: str) -> None:
    """They are in the package, since the model solutions are not."""
    path = exercises()[name]
    reference = find_reference(path, None)
    assert reference is not None
    found = {each.name: each.read_text("utf-8") for each in (path.parent / STARTER).glob("*.py")}
    assert found == starters(assignment(name), reference), "run .ci/starters.py"


@pytest.mark.parametrize("name", FUNCTION_EXERCISES)
def test_a_fresh_starter_has_no_points(tmp_path: Path, name: str) -> None:
    """Every check says what is missing; no body is filled in."""
    assert new(tmp_path / "hw", "--exercise", name).exit_code == 0
    path = exercises()[name]
    asked = assignment(name)
    for task in asked.functions:
        tree = ast.parse((tmp_path / "hw" / task.solution).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                last = node.body[-1]
                assert ast.unparse(last) == "raise NotImplementedError", node.name
    with Session(Settings(assignment=path, no_reference=True)) as session:
        result = session.check(tmp_path / "hw")
    assert result.score == 0
    assert [task.task for task in result.tasks] == [task.id for task in asked.functions]
    for task in result.tasks:
        for check in task.checks:
            assert check.state in ("missing", "blocked"), (task.task, check)
            assert "is not written yet" in check.message


@pytest.mark.parametrize("name", FUNCTION_EXERCISES)
def test_a_notebook_holds_the_same(tmp_path: Path, name: str) -> None:
    """A cell for each definition, which are the files', and a check of each task that runs."""
    assert new(tmp_path / "files", "--exercise", name).exit_code == 0
    assert new(tmp_path / "hw", "--exercise", name, "--notebook").exit_code == 0
    path = exercises()[name]
    asked = assignment(name)
    assert {each.name for each in (tmp_path / "files").glob("*.py")} - {
        each.name for each in (tmp_path / "hw").glob("*.py")
    } == {task.solution for task in asked.functions}
    cells = json.loads((tmp_path / "hw" / "starter.ipynb").read_text("utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    assert [line for line in code if line.startswith("gradkit.check")] == [
        f'gradkit.check(task="{task.id}")'
        for file in dict.fromkeys(task.solution for task in asked.functions)
        for task in asked.functions
        if task.solution == file
    ]
    for file in {task.solution for task in asked.functions}:
        text = (tmp_path / "files" / file).read_text(encoding="utf-8")
        docstring = ast.get_docstring(ast.parse(text))
        assert docstring is not None
        assert any(docstring in each for each in texts)
        for node in ast.parse(text).body[1:]:
            source = ast.get_source_segment(text, node)
            assert source is not None
            assert any(cell == source or source in cell.splitlines() for cell in code), source
    readme = (tmp_path / "hw" / "README.md").read_text(encoding="utf-8")
    assert "gradkit check starter.ipynb\n" in readme
    with Session(Settings(assignment=path, no_reference=True)) as session:
        result = session.check(tmp_path / "hw")
    assert result.score == 0
    assert {check.state for task in result.tasks for check in task.checks} <= {"missing", "blocked"}


FORMULA = re.compile(r"``[^`]*[-+*/@=^][^`]*``")


@pytest.mark.parametrize("name", FUNCTION_EXERCISES)
def test_docstrings_give_no_answer(name: str) -> None:
    """They are handed out: no formula in code stands in one."""
    for path in (exercises()[name].parent / STARTER).glob("*.py"):
        assert FORMULA.findall(path.read_text(encoding="utf-8")) == []
    assert FORMULA.findall("Return ``x @ w + b`` of ``x``.") == ["``x @ w + b``"]


def test_what_is_left_of_a_model_solution(own: Path) -> None:
    """Imports, what a signature names, what is called with its bases: nothing of a body."""
    tasks = read_assignment(own / "assignment.toml").functions
    assert starter(MODEL, tasks) == EXPECTED
    bare = starter("def f(x): return 2 * x\n", tasks)
    assert bare == "def f(x):\n    raise NotImplementedError\n"
    assert starter("class Layer:\n    n = 3\n", tasks) == "class Layer:\n    pass\n"


@pytest.mark.parametrize("where", [[], ["--reference", "solutions"]])
def test_an_exercise_of_ones_own(own: Path, where: list[str]) -> None:
    """With the modules that are handed out, and the assignment that checks it."""
    folder = own / "hw"
    if where:
        (own / "reference").rename(own / "solutions")
    done = new(
        folder, "--exercise", own / "assignment.toml", *where[:1], *(own / w for w in where[1:])
    )
    assert done.exit_code == 0, done.stderr
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {
        *("own.py", "helpers.py", "README.md"),
        *("assignment/assignment.toml", "assignment/helpers.py"),
        "assignment/examples.json.gz",
    }
    assert (folder / "own.py").read_text(encoding="utf-8") == EXPECTED
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "| A layer (`own`) | `f`, `Layer`, `Layer.forward` | 3 |" in text
    assert "Use these files, but do not change them: `helpers.py`." in text
    assert "gradkit check own.py --assignment assignment/assignment.toml\n" in text
    (task,) = read_assignment(folder / "assignment" / "assignment.toml").functions
    assert task.given == {"helpers": "one = 1\n", "other": ""}
    # What quotes the answer is not handed out, and numbers stand for it.
    assert task.equivalent == ()
    assert "helper(x)" not in (folder / "assignment" / "assignment.toml").read_text(
        encoding="utf-8"
    )
    first = read_examples(task)[0]
    (made,) = first.made[task.checks[0].name]
    assert np.allclose(made.values["y"], 2 * first.draw.values["x"], rtol=1e-9)


def test_refusals(own: Path, tmp_path: Path) -> None:
    """Each says what to do, and writes nothing."""
    toml, hw = own / "assignment.toml", tmp_path / "hw"
    (own / "reference").rename(own / "solutions")
    done = new(hw, "--exercise", toml)
    assert done.exit_code == 2
    assert (
        f"{toml}: starters are made from the model solutions: name their folder with" in done.stderr
    )
    done = new(hw, "--exercise", toml, "--reference", own)
    assert (
        f"{own / 'own.py'}: starter files cannot be made from it (No such file or dir"
        in done.stderr
    )
    (own / "own.py").write_text("def f(:\n", encoding="utf-8")
    done = new(hw, "--exercise", toml, "--reference", own)
    assert (
        "own.py: starter files cannot be made from it (invalid syntax (<unknown>, line 1)). Give th"
        in (done.stderr)
    )
    nets = Path(__file__).parents[1] / "exercises" / "tanh_regression" / "assignment.toml"
    done = new(hw, "--exercise", nets)
    assert "has no task of kind functions. `gradkit new DIR --instructor` writes the" in done.stderr
    done = new(hw, "--exercise", "layers", "--instructor")
    assert (
        "--exercise writes starter files for students; use it without --instructor." in done.stderr
    )
    done = new(hw, "--reference", own)
    assert "--reference needs --exercise FILE, an exercise of your own." in done.stderr
    done = new(hw, "--notebook")
    assert (
        "--notebook needs --exercise NAME; the default exercise has a notebook anyway."
        in done.stderr
    )
    done = new(hw, "--exercise", "layer")
    assert done.exit_code == 2
    assert "layer: cannot be read (No such file or directory)." in done.stderr
    assert not hw.exists()


def test_the_first_exercise_by_name(tmp_path: Path) -> None:
    """It is what is written without an option."""
    assert new(tmp_path / "one", "--exercise", "backpropagation").exit_code == 0
    assert new(tmp_path / "two").exit_code == 0
    names = [sorted(p.name for p in (tmp_path / each).rglob("*")) for each in ("one", "two")]
    assert names[0] == names[1]
    assert "starter.ipynb" in names[0]
