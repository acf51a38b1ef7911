"""Which files speak for a task, and which packages its code may use, as an assignment has it."""

from __future__ import annotations

from pathlib import Path

import pytest
from classroom.classes import changed_assignment

from gradkit.records.task import Assignment, Imports
from gradkit.task.assignment import AssignmentError, read_assignment
from gradkit.task.tables import SOLVERS

NUMPY, TORCH = 'title = "Regression in numpy"', 'title = "Regression in torch"'
WHOLE = 'id = "backpropagation"'
START = "# The first start is what"


def changed(folder: Path, *changes: str) -> Assignment:
    """Gradkit's own assignment with some changes."""
    return read_assignment(changed_assignment(folder, *changes))


def test_what_holds_where_nothing_is_said() -> None:
    """No files, and in numpy tasks no package that takes derivatives."""
    for task in read_assignment(None).tasks:
        assert task.files == ()
        assert task.imports == Imports((), SOLVERS if not task.framework.trains else ())


def test_files_of_all_tasks_and_of_one(tmp_path: Path) -> None:
    """A task's own go before the assignment's."""
    found = changed(
        tmp_path,
        *(WHOLE, f'{WHOLE}\nfiles = ["hw.py", "hw.ipynb"]'),
        *(TORCH, f'{TORCH}\nfiles = ["net.py"]'),
    )
    files = {task.id: task.files for task in found.tasks}
    assert files.pop("regression-torch") == ("net.py",)
    assert set(files.values()) == {("hw.py", "hw.ipynb")}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", Imports((), SOLVERS)),
        ("forbidden = []", Imports()),
        ('forbidden = ["scipy"]', Imports((), ("scipy",))),
        (
            'allowed = ["scipy", "torch"]',
            Imports(("scipy", "torch", "numpy"), ("jax", "tensorflow", "sympy", "autograd")),
        ),
        ('allowed = ["math"]\nforbidden = []', Imports(("math", "numpy"))),
    ],
)
def test_packages(tmp_path: Path, said: str, expected: Imports) -> None:
    """What is said takes the place of what holds otherwise; the framework is always allowed."""
    found = changed(tmp_path, START, f"[tasks.imports]\n{said}\n\n{START}")
    assert found.tasks[0].imports == expected
    assert found.tasks[2].imports == Imports((), SOLVERS)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            WHOLE,
            f'{WHOLE}\nfiles = ["src/hw.py"]',
            "files: found 'src/hw.py'; expected a file's name without folders, ending in .py or",
        ),
        (
            NUMPY,
            f'{NUMPY}\nfiles = ["hw.txt"]',
            "tasks[0].files: found 'hw.txt'; expected a file's name without folders",
        ),
        (WHOLE, f"{WHOLE}\nfiles = [3]", "files[0]: found 3; expected `str`, got `int`"),
        (
            START,
            f'[tasks.imports]\nforbidden = ["torch.nn"]\n\n{START}',
            "tasks[0].imports.forbidden: found 'torch.nn'; expected a package's name without dots",
        ),
        (
            START,
            f'[tasks.imports]\nallowed = ["a b"]\n\n{START}',
            "tasks[0].imports.allowed: found 'a b'; expected a package's name without dots, as in",
        ),
        (
            START,
            f"[tasks.imports]\nallowed = []\n\n{START}",
            "tasks[0].imports.allowed: found no package; expected at least one, or no such key",
        ),
        (
            START,
            f'[tasks.imports]\nallowed = ["scipy"]\nforbidden = ["scipy"]\n\n{START}',
            "imports.forbidden: found 'scipy'; expected packages that are not allowed as well",
        ),
        (
            START,
            f'[tasks.imports]\nforbidden = ["numpy"]\n\n{START}',
            "imports.forbidden: found 'numpy'; expected packages other than the task's framework",
        ),
        (
            START,
            f'[tasks.imports]\nforbiden = ["torch"]\n\n{START}',
            "tasks[0].imports: object contains unknown key `forbiden`. Did you mean forbidden?",
        ),
        (
            'framework = "numpy"',
            'framework = "numpy"\nkind = "function"',
            "tasks[0].kind: found 'function'; expected one of net, functions",
        ),
    ],
)
def test_what_cannot_be_meant(tmp_path: Path, old: str, new: str, told: str) -> None:
    """Refused with the key, what was found and what was expected."""
    with pytest.raises(AssignmentError) as caught:
        changed(tmp_path, old, new)
    assert told in str(caught.value)
