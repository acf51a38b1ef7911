"""Other ways to grade one submission: a process of pytest, unittest or otter for each.

Each takes a folder that holds `submission.py` and `reference.py`, and has the same kind of
checks: where initialising, forward pass, update and training of the two differ.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

NUMPY = """
import numpy as np
import reference, submission

rng = np.random.default_rng()


def drawn():
    shapes = {"W1": (2, 2), "b1": (2, 1), "W2": (2, 1), "b2": (1, 1)}
    return {name: rng.uniform(-1, 1, shape) for name, shape in shapes.items()}


def step(module, parameters, X, y):
    changed = {name: value.copy() for name, value in parameters.items()}
    y_hat, A1 = reference.L_layer_forward(X, changed)
    module.update_parameters(changed, y, y_hat.item(), A1, X)
    return changed


def same(found, expected):
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-12)


def check_initialise():
    same(submission.initialise_parameters([2, 2, 1]), reference.initialise_parameters([2, 2, 1]))


def check_forward():
    for _ in range(8):
        X, parameters = rng.uniform(-3, 3, (2, 1)), drawn()
        found = submission.L_layer_forward(X, parameters)
        for a, b in zip(found, reference.L_layer_forward(X, parameters)):
            np.testing.assert_allclose(a, b)


def check_update():
    for _ in range(8):
        X, y, parameters = rng.uniform(-3, 3, (2, 1)), rng.uniform(-3, 3), drawn()
        same(step(submission, parameters, X, y), step(reference, parameters, X, y))


def check_update_from_start():
    X, parameters = np.array([[8.0], [6.0]]), reference.initialise_parameters([2, 2, 1])
    same(step(submission, parameters, X, 4.0), step(reference, parameters, X, 4.0))


def check_gradient():
    X, y, parameters = rng.uniform(-3, 3, (2, 1)), rng.uniform(-3, 3), drawn()
    moved = step(submission, parameters, X, y)
    for name, value in parameters.items():
        for index in np.ndindex(value.shape):
            losses = []
            for shift in (1e-5, -1e-5):
                other = {key: item.copy() for key, item in parameters.items()}
                other[name][index] += shift
                losses.append((y - reference.L_layer_forward(X, other)[0].item()) ** 2)
            slope = (losses[0] - losses[1]) / 2e-5
            rate = 0.001 if name[0] == "W" else 0.01
            np.testing.assert_allclose((value - moved[name])[index] / rate, slope, rtol=1e-4)


def check_training():
    ours, theirs = (module.initialise_parameters([2, 2, 1]) for module in (submission, reference))
    for _ in range(5):
        for X, y in (((8, 8), 4), ((6, 10), 6), ((7, 9), 5), ((5, 12), 7)):
            X = np.array(X, dtype=float).reshape(2, 1)
            ours, theirs = step(submission, ours, X, y), step(reference, theirs, X, y)
    same(ours, theirs)
"""

TORCH = """
import torch
import reference, submission

X = torch.tensor([[8.0, 8.0], [6.0, 10.0], [7.0, 9.0], [5.0, 12.0]])
y = torch.tensor([4.0, 6.0, 5.0, 7.0])


def models():
    ours, theirs = submission.MyNN(), reference.Model()
    with torch.no_grad():
        for a, b in zip(ours.parameters(), theirs.parameters()):
            a.copy_(b)
    return ours, theirs


def check_model():
    ours, theirs = models()
    assert [p.shape for p in ours.parameters()] == [p.shape for p in theirs.parameters()]


def check_forward():
    for _ in range(4):
        ours, theirs = models()
        torch.testing.assert_close(ours(X).reshape(-1), theirs(X).reshape(-1))


def trained(epochs):
    ours, theirs = models()
    losses = submission.train(ours, X, y, epochs, 0.001), reference.train(theirs, X, y, epochs)
    return ours, theirs, losses


def check_step():
    for epochs in (1, 2):
        ours, theirs, _ = trained(epochs)
        for a, b in zip(ours.parameters(), theirs.parameters()):
            torch.testing.assert_close(a, b)


def check_training():
    torch.testing.assert_close(*map(torch.tensor, trained(20)[2]))
"""


def fill(folder: Path, framework: str, submission: str) -> None:
    """Write what other graders need for one submission into a new folder: code and checks."""
    folder.mkdir()
    reference = ROOT / "reference" / f"regression_{framework}.py"
    shutil.copy(reference, folder / "reference.py")
    (folder / "submission.py").write_text(submission, encoding="utf-8")
    checks = NUMPY if framework == "numpy" else TORCH
    (folder / "checks.py").write_text(checks, encoding="utf-8")
    names = [line[4:].partition("(")[0] for line in checks.split("\n") if line[:9] == "def check"]
    pytests = [f"def test_{name}():\n    checks.{name}()\n" for name in names]
    (folder / "test_it.py").write_text("import checks\n\n" + "\n".join(pytests), encoding="utf-8")
    cases = [
        f"    @weight(1)\n    def test_{name}(self):\n        checks.{name}()" for name in names
    ]
    (folder / "run_it.py").write_text(_UNITTEST.format("\n".join(cases)), encoding="utf-8")
    _fill_otter(folder, names)


_UNITTEST = """
import unittest
import checks
from gradescope_utils.autograder_utils.decorators import weight
from gradescope_utils.autograder_utils.json_test_runner import JSONTestRunner

class Test(unittest.TestCase):
{}

suite = unittest.defaultTestLoader.loadTestsFromTestCase(Test)
with open("results.json", "w") as file:
    JSONTestRunner(visibility="visible", stream=file).run(suite)
"""


def _fill_otter(folder: Path, names: list[str]) -> None:
    """Write the same checks for otter: a file for each check, and a notebook that imports them."""
    (folder / "tests").mkdir()
    for name in names:
        case = {"code": f">>> import checks\n>>> checks.{name}()\n", "hidden": False}
        suite = {"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}
        text = f"OK_FORMAT = True\ntest = {json.dumps({'name': name, 'points': 1})}\n"
        text += f"test['suites'] = [{suite!r}]\n"
        (folder / "tests" / f"{name}.py").write_text(text, encoding="utf-8")
    cell = {"cell_type": "code", "source": "from submission import *", "outputs": []}
    cell |= {"execution_count": None, "metadata": {}, "id": "a"}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": [cell], "nbformat": 4, "nbformat_minor": 5}
    notebook["metadata"] = {"kernelspec": kernel}
    (folder / "submission.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def rivals(otter: str | None) -> dict[str, list[str]]:
    """Return the command of each installed grader; it is run in a folder that `fill` has made."""
    python = sys.executable
    found = {"pytest": [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]}
    if importlib.util.find_spec("gradescope_utils") is not None:
        found["gradescope-utils"] = [python, "run_it.py"]
    else:
        print("gradescope-utils is left out: it is not installed (pip install gradescope-utils)")
    if otter is not None:
        found["otter"] = [otter, "run", "submission.ipynb", "-a", "grader.zip"]
    else:
        print("otter is left out: it is not installed (pip install otter-grader, or --otter PATH)")
    return found


def prepare(folder: Path, otter: str | None) -> None:
    """Write the files that otter needs once for each assignment into one folder."""
    if otter is not None:
        command = [otter, "generate", "-t", "tests", "-o", "grader.zip", "--no-environment"]
        subprocess.run(
            [*command, "reference.py", "checks.py", "submission.py"],
            cwd=folder,
            check=True,
            capture_output=True,
        )
