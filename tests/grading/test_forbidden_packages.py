"""Packages that a task does not allow, and gradients by differences: used, or only there."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest
from classroom.classes import changed_assignment
from model_solutions import source
from told import checks, full, not_passed, notebook, script, states

from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import Result
from gradkit.sandbox import Workshop

pytestmark = pytest.mark.sample(54)

TASK = "regression-numpy"
RIGHT = source("regression_numpy").split("if __name__")[0]
HEAD = RIGHT.partition("def update_parameters")[0]

pytest.importorskip("torch")
pytest.importorskip("sympy")


def remarks(result: Result) -> dict[str, Any]:
    """What is remarked on the only task, by code."""
    (task,) = result.tasks
    return {finding.mistake: finding for finding in task.findings if not finding.check}


BY_TORCH = """
def update_parameters(parameters, y, y_hat, A1, X):
    {before}
    tensors = {{k: torch.tensor(v, requires_grad=True) for k, v in parameters.items()}}
    x = torch.tensor(X, dtype=torch.float64)
    hidden = tensors["W1"].T @ x + tensors["b1"]
    loss = (float(y) - (tensors["W2"].T @ hidden + tensors["b2"])).pow(2).sum()
    loss.backward()
    for k, v in tensors.items():
        parameters[k] -= (0.001 if k[0] == "W" else 0.01) * v.grad.numpy()
"""
BY_NAME = {
    "at the top": ("import torch", ""),
    "under another name": ("import torch as np2\ntorch = np2", ""),
    "from it": ("from torch import tensor\nimport torch", "tensor(1.0)"),
    "a part of it": ("import torch.nn.functional as F\nimport torch", "F.relu(1)"),
    "late": ("", "import torch"),
    "with a way back": ("try:\n    import torch\nexcept ImportError:\n    torch = None", ""),
    "by __import__": ("torch = __import__('torch')", ""),
    "by importlib": ("import importlib\ntorch = importlib.import_module('torch')", ""),
    "by importlib, late": ("import importlib", "torch = importlib.import_module('torch')"),
    "by builtins": ("import builtins", "torch = builtins.__import__('torch')"),
    "past the finders": (
        "import importlib.util\nfrom importlib.machinery import PathFinder",
        "spec = PathFinder.find_spec('torch'); torch = importlib.util.module_from_spec(spec); "
        "import sys; sys.modules['torch'] = torch; spec.loader.exec_module(torch)",
    ),
    "without the finder": (
        "import sys",
        "del sys.meta_path[0]; import importlib; torch = importlib.import_module('torch')",
    ),
    "by text": ("", "exec('import torch', globals())"),
    "by a star": ("from torch import *", "torch = tensor"),
    "of a value made with it": ("import torch\nstart = torch.zeros(2)", "start + 1"),
}


@pytest.mark.parametrize("way", BY_NAME)
def test_torch_in_a_numpy_task(grade: Any, tmp_path: Path, way: str) -> None:
    """However it is come by, the update fails, in plain words and with a code of its own."""
    above, before = BY_NAME[way]
    text = f"{above}\n{HEAD}{BY_TORCH.format(before=before)}"
    result = grade(script(tmp_path, text), TASK)
    update = checks(result)["update"]
    assert (update.state, update.score) == ("error", 0), update.message
    assert "this task does not allow" in update.message
    assert "torch" in update.message
    assert states(result)["forward"] == "pass"
    finding = remarks(result)["forbidden-import"]
    assert finding.place is not None
    assert finding.sentence == "`update_parameters` uses a package that this task does not allow."


def test_the_line_is_told(grade: Any, tmp_path: Path) -> None:
    """That in which it is used, not that of the import."""
    text = f"import torch\n{HEAD}{BY_TORCH.format(before='pass')}"
    finding = remarks(grade(script(tmp_path, text), TASK))["forbidden-import"]
    lines = text.splitlines()
    assert "torch.tensor(v" in lines[finding.place.line - 1]


BY_SYMPY = """
import sympy

def update_parameters(parameters, y, y_hat, A1, X):
    e = sympy.Symbol("e")
    slope = float(sympy.diff((float(y) - e) ** 2, e).subs(e, float(y_hat)))
    d = np.full((1, 1), slope)
    steps = {"W2": A1 * d, "b2": d, "W1": X @ (parameters["W2"] * d).T, "b1": parameters["W2"] * d}
    for key, step in steps.items():
        parameters[key] -= (0.001 if key[0] == "W" else 0.01) * step
"""


def test_sympy_in_a_numpy_task(grade: Any, tmp_path: Path) -> None:
    """A package that nothing else loads."""
    result = grade(script(tmp_path, HEAD + BY_SYMPY), TASK)
    assert states(result)["update"] == "error"
    assert "`sympy.Symbol` is used, and this task does not allow `sympy`" in (
        checks(result)["update"].message
    )
    assert "forbidden-import" in remarks(result)


# --- what only stands there ------------------------------------------------------------------

BESIDE = {
    "an import": "import torch\nfrom torch import nn, optim\nimport torch.nn.functional as F",
    "with numpy": "import torch, numpy as np",
    "in one try": "try:\n    import torch\n    import numpy as np\nexcept ImportError:\n    pass",
    "stars": "from torch import *\nfrom torch.nn import *",
    "a class": "import torch\nclass Net(torch.nn.Module):\n    pass",
    "a device": "import torch\ndevice = 'cuda' if torch.cuda.is_available() else 'cpu'",
    "a seed": "import torch\ntorch.manual_seed(0)",
}
INSIDE = {
    "an import": "import torch",
    "a type": "import torch; X = X.numpy() if isinstance(X, torch.Tensor) else X",
    "what is not there": "import jax, tensorflow",
    "what else is there": "import scipy.special, pandas, importlib, sys, math",
    "a loaded module": "import sys; sys.modules.get('torch')",
}


@pytest.mark.parametrize("what", BESIDE)
def test_torch_at_the_top_costs_nothing(grade: Any, tmp_path: Path, what: str) -> None:
    """Nothing of it is used in the numpy task."""
    result = grade(script(tmp_path, f"{BESIDE[what]}\n{RIGHT}"), TASK)
    assert full(result), not_passed(result)
    assert remarks(result) == {}


@pytest.mark.parametrize("what", INSIDE)
def test_what_is_only_named_costs_nothing(grade: Any, tmp_path: Path, what: str) -> None:
    """Also inside of the update itself."""
    text = RIGHT.replace('W2 = parameters["W2"]', f'{INSIDE[what]}\n    W2 = parameters["W2"]')
    if text == RIGHT:
        head, line, tail = RIGHT.rpartition("    d_out")
        text = f"{head}    {INSIDE[what]}\n{line}{tail}"
    result = grade(script(tmp_path, text), TASK)
    assert full(result), not_passed(result)
    assert remarks(result) == {}


def test_annotations_and_helpers_for_both(grade: Any, tmp_path: Path) -> None:
    """A helper that would take tensors too."""
    helper = """
    import torch
    from typing import Optional, Union

    def flat(value: Union[np.ndarray, torch.Tensor], other: Optional[torch.Tensor] = None,
             third: "np.ndarray | torch.Tensor" = None) -> np.ndarray | torch.Tensor:
        return value.detach().numpy() if isinstance(value, torch.Tensor) else value
    """
    text = RIGHT.replace("return A, A_prev", "return flat(A), flat(A_prev)")
    assert text != RIGHT
    body = textwrap.dedent(helper)
    result = grade(
        script(tmp_path, text.replace("import numpy as np", f"import numpy as np{body}"))
    )
    assert full(result), not_passed(result)


def test_a_notebook_with_both_halves(grade: Any, tmp_path: Path) -> None:
    """Torch is used in its own part, as it is meant to be."""
    both = [source(f"regression_{framework}") for framework in ("numpy", "torch")]
    top = "import numpy as np\nimport torch\nfrom torch import nn"
    path = notebook(
        tmp_path, top, "# Regression in numpy", both[0], "# Regression in torch", both[1]
    )
    result = grade(path)
    assert len(result.tasks) == 2
    assert full(result), not_passed(result)


# --- as the assignment has it ----------------------------------------------------------------


def graded(workshop: Workshop, folder: Path, imports: str, text: str) -> Result:
    """A script, under an assignment with this policy."""
    spot = "[tasks.starts.published]\nW1 = [[0.1, 0.1], [0.1, 0.1]]\nb1 = [[0.0], [0.0]]\n"
    spot += "W2 = [[0.1], [0.1]]\nb2 = [[0.0]]\n\n# The published start cannot"
    # Where torch is really loaded, that takes its time.
    slowly = ("deadline = 10.0", "deadline = 200.0")
    policy = (spot, f"[tasks.imports]\n{imports}\n\n{spot}")
    assignment = changed_assignment(folder / "own", *policy, *slowly)
    settings = Settings(assignment=assignment, tasks=(TASK,), no_reference=True, seed=0)
    with Session(settings, workshop) as session:
        return session.check(script(folder, text))


@pytest.mark.slow
def test_an_assignment_may_allow_it(workshop: Workshop, tmp_path: Path) -> None:
    """Nothing is forbidden then, or all but what is allowed."""
    text = f"import torch\n{HEAD}{BY_TORCH.format(before='')}"
    for imports in ("forbidden = []", 'allowed = ["torch"]'):
        result = graded(workshop, tmp_path, imports, text)
        assert full(result), not_passed(result)
        assert "forbidden-import" not in remarks(result)


def test_an_assignment_may_allow_nothing_but_numpy(workshop: Workshop, tmp_path: Path) -> None:
    """A package of the standard library is one too; what numpy loads for itself is its own."""
    allowed = 'allowed = ["numpy"]'
    assert full(graded(workshop, tmp_path, allowed, RIGHT))
    text = RIGHT.replace("return A, A_prev", "return A + math.floor(0.5), A_prev")
    result = graded(workshop, tmp_path, allowed, f"import math\n{text}")
    assert states(result)["forward"] == "error"
    assert "`math.floor` is used, and this task does not allow `math`" in (
        checks(result)["forward"].message
    )
    assert full(graded(workshop, tmp_path, 'allowed = ["numpy", "math"]', f"import math\n{text}"))


def test_a_package_that_is_loaded_already(workshop: Workshop, tmp_path: Path) -> None:
    """The worker itself has it; it is forgotten before student code comes."""
    for above, before in (
        ("import decimal", "decimal.Decimal(1)"),
        ("import sys", "sys.modules['decimal'].Decimal(1)"),
        ("import importlib", "importlib.import_module('decimal').Decimal(1)"),
    ):
        text = RIGHT.replace("return A, A_prev", f"{before}\n    return A, A_prev")
        result = graded(workshop, tmp_path, 'forbidden = ["decimal"]', f"{above}\n{text}")
        assert states(result)["forward"] == "error", above


# --- gradients by differences ----------------------------------------------------------------

DIFFERENCES = {
    "forward differences": """
        for key in p:
            for at in np.ndindex(p[key].shape):
                q = {k: v.copy() for k, v in p.items()}
                q[key][at] += 1e-7
                g[key][at] = ((y - L_layer_forward(X, q)[0]) ** 2 - loss0).item() / 1e-7
    """,
    "central differences": """
        for key in p:
            for at in np.ndindex(p[key].shape):
                f = []
                for h in (1e-5, -1e-5):
                    q = {k: v.copy() for k, v in p.items()}
                    q[key][at] += h
                    f.append(((y - L_layer_forward(X, q)[0]) ** 2).item())
                g[key][at] = (f[0] - f[1]) / 2e-5
    """,
    "a complex step": """
        for key in p:
            for at in np.ndindex(p[key].shape):
                q = {k: v.astype(complex) for k, v in p.items()}
                q[key][at] += 1e-30j
                g[key][at] = ((y - L_layer_forward(X, q)[0]) ** 2).item().imag / 1e-30
    """,
    "a copy of the forward pass": """
        f = lambda q: ((y - (q["W2"].T @ (q["W1"].T @ X + q["b1"]) + q["b2"])) ** 2).item()
        for key in p:
            for at in np.ndindex(p[key].shape):
                q = {k: v.copy() for k, v in p.items()}
                q[key][at] += 1e-6
                g[key][at] = (f(q) - f(p)) / 1e-6
    """,
    "a forward pass from text": """
        space = {}
        exec("def f(q, X):\\n return q['W2'].T @ (q['W1'].T @ X + q['b1']) + q['b2']", space)
        for key in p:
            for at in np.ndindex(p[key].shape):
                q = {k: v.copy() for k, v in p.items()}
                q[key][at] += 1e-7
                g[key][at] = ((y - space["f"](q, X)) ** 2 - loss0).item() / 1e-7
    """,
}
NUMERIC = """
def update_parameters(parameters, y, y_hat, A1, X):
    p = {{k: v.copy() for k, v in parameters.items()}}
    g = {{k: np.zeros(v.shape) for k, v in p.items()}}
    loss0 = (y - L_layer_forward(X, p)[0]) ** 2
{body}
    for key in p:
        parameters[key] -= (0.001 if key[0] == "W" else 0.01) * g[key]
"""


@pytest.mark.parametrize("way", DIFFERENCES)
def test_differences_are_remarked_on(grade: Any, tmp_path: Path, way: str) -> None:
    """For instructors alone, whatever they earn."""
    body = textwrap.indent(textwrap.dedent(DIFFERENCES[way]).strip("\n"), "    ")
    result = grade(script(tmp_path, HEAD + NUMERIC.format(body=body)), TASK)
    assert states(result)["forward"] == "pass"
    assert "numerical-gradient" in remarks(result)
    assert remarks(result)["numerical-gradient"].deduction == 0
    assert remarks(result)["numerical-gradient"].about == ("update", "gradient")


HELPERS = {
    "a rate for each": """
        def rate(name):
            return 0.001 if name[0] == "W" else 0.01
        d = (-2 * (y - y_hat)).item() if hasattr(y_hat, "item") else -2 * (y - y_hat)
        steps = {"W2": A1 * d, "b2": np.full((1, 1), d), "b1": p["W2"] * d}
        steps["W1"] = X @ steps["b1"].T
        for key, step in steps.items():
            for at in np.ndindex(step.shape):
                parameters[key][at] = parameters[key][at] - rate(key) * step[at]
    """,
    "a step for each": """
        def step(value, slope, rate):
            return value - rate * slope
        def error():
            return (-2 * (y - y_hat)).item() if hasattr(y_hat, "item") else -2 * (y - y_hat)
        def slope(i, j):
            return error() * p["W2"][j, 0] * X[i, 0]
        W1, W2 = parameters["W1"], parameters["W2"]
        for i in range(2):
            for j in range(2):
                W1[i, j] = step(W1[i, j], slope(i, j), 0.001)
        for j in range(2):
            parameters["b1"][j, 0] = step(parameters["b1"][j, 0], error() * p["W2"][j, 0], 0.01)
            W2[j, 0] = step(W2[j, 0], error() * A1[j, 0], 0.001)
        parameters["b2"][0, 0] = step(parameters["b2"][0, 0], error(), 0.01)
    """,
    "the forward pass again": """
        out, hidden = L_layer_forward(X, p)
        again, _ = L_layer_forward(X, p)
        d = -2 * (y - again)
        d = np.reshape(d, (1, 1))
        parameters["W2"] -= 0.001 * hidden * d
        parameters["b2"] -= 0.01 * d
        parameters["W1"] -= 0.001 * X @ (p["W2"] * d).T
        parameters["b1"] -= 0.01 * p["W2"] * d
    """,
}


@pytest.mark.parametrize("way", HELPERS)
def test_helpers_are_not(grade: Any, tmp_path: Path, way: str) -> None:
    """A function for each entry gives each its own number, or all of them the same."""
    body = textwrap.indent(textwrap.dedent(HELPERS[way]).strip("\n"), "    ")
    head = "def update_parameters(parameters, y, y_hat, A1, X):\n"
    head += "    p = {k: v.copy() for k, v in parameters.items()}\n"
    result = grade(script(tmp_path, f"{HEAD}{head}{body}\n"), TASK)
    assert full(result), not_passed(result)
    assert remarks(result) == {}
