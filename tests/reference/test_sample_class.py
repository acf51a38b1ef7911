"""The sample class holds what its file names promise: who is right, and what the rest spoil."""

import subprocess
import sys
import warnings
from pathlib import Path

import nbformat
import numpy as np
import pytest
from accepted.entry import Accepted, Blocks
from accepted.play import differing, expected, namespace, quantities, torch_run
from model_solutions import ROOT, draw, load

FOLDER = ROOT / "tests" / "sample_class"
ALL = {"after 1", "after 2", "after 6", "losses 1", "losses 2", "losses 6"}
ROWS = {
    "functions": {
        "initialise": "initialize_params",
        "forward": "forward_pass",
        "update": "update_params",
    },
    "keys": ("w1", "b1", "w2", "b2"),
    "vectors": "row",
    "hidden": (1, "hidden"),
    "changes": "new dict",
}

CLASS: list[tuple[str, str, set[str], dict[str, object]]] = [
    ("amara_all_right.ipynb", "regression-numpy", set(), {}),
    ("amara_all_right.ipynb", "classification-numpy", set(), {}),
    ("amara_all_right.ipynb", "regression-torch", set(), {"model": "RegressionNet", "loop": True}),
    (
        "amara_all_right.ipynb",
        "classification-torch",
        set(),
        {"model": "ClassificationNet", "loop": True},
    ),
    ("bilal_regression_right.py", "regression-numpy", set(), ROWS),
    ("chen_regression_swapped_index.py", "regression-numpy", {"W1"}, {}),
    (
        "dalia_classification_updated_before_use.py",
        "classification-numpy",
        {"W1", "b1"},
        {"functions": {"forward": "forward_propagation"}},
    ),
    ("emil_classification_wrong_derivative.py", "classification-numpy", {"W1", "b1"}, {}),
    (
        "farah_regression_wrong_sign.py",
        "regression-numpy",
        {"W1", "b1", "W2", "b2"},
        {"changes": "same dict"},
    ),
    ("goran_regression_wrong_parameter.py", "regression-numpy", {"b1", "b2"}, {}),
    ("hana_several_mistakes.ipynb", "regression-numpy", {"W1", "b1"}, {}),
    (
        "hana_several_mistakes.ipynb",
        "classification-numpy",
        {"output", "hidden", "W1", "b1"},
        {},
    ),
    (
        "hana_several_mistakes.ipynb",
        "regression-torch",
        {"after 1", "after 2", "after 6"},
        {"model": "MyNet", "loop": True},
    ),
    (
        "hana_several_mistakes.ipynb",
        "classification-torch",
        {"output", "after 1", "after 2", "after 6"},
        {"model": "MyNet", "loop": True},
    ),
    (
        "ivo_regression_torch_no_zero_grad.py",
        "regression-torch",
        {"after 2", "after 6", "losses 6"},
        {"model": "RegressionNet", "loop": True, "losses": "losses"},
    ),
    (
        "jun_classification_torch_double_sigmoid.py",
        "classification-torch",
        {"output"} | ALL,
        {"model": "Classifier", "arguments": ("model", "X", "y", "epochs", "lr")},
    ),
    (
        "oskar_regression_uneven_rates.py",
        "regression-numpy",
        {"b1", "W2"},
        {"weights": "out_in"},
    ),
    ("pia_classification_wrong_sigmoid.py", "classification-numpy", {"output", "hidden"}, {}),
    ("rosa_classification_almost.py", "classification-numpy", {"W1", "b1", "b2"}, {}),
]
OTHERS = {
    "kofi_regression_crashes.py",
    "lena_classification_hangs.py",
    "mina_regression_untouched.py",
    "noor_another_exercise.py",
}


def read(name: str) -> str | Blocks:
    """A submission as text, or as the cells of its notebook."""
    path = FOLDER / name
    if path.suffix == ".py":
        return path.read_text(encoding="utf-8")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return tuple((cell.cell_type, cell.source) for cell in notebook.cells)


def functions(name: str) -> dict[str, object]:
    """What a script defines."""
    return namespace(Accepted(name, "regression-numpy", "", "", ""), read(name))


def test_whole_class_is_listed() -> None:
    """The folder holds the students of this table and nobody else."""
    assert {path.name for path in FOLDER.iterdir() if path.is_file()} == OTHERS | {
        name for name, *_ in CLASS
    }


@pytest.mark.sample(9)
@pytest.mark.parametrize(("name", "task", "spoilt", "facts"), CLASS)
def test_student_spoils_what_is_stated(
    name: str, task: str, spoilt: set[str], facts: dict[str, object]
) -> None:
    """Beside the model solution just these quantities are off."""
    source = read(name)
    entry = Accepted(name, task, source, "", "", **facts)
    for seed in range(3):
        if task.endswith("numpy"):
            probe = draw(task.split("-", maxsplit=1)[0], seed)
            found = quantities(entry, namespace(entry, source), probe, None)
            right = expected(entry, probe, None)
        else:
            pytest.importorskip("torch")
            known = vars(load(task.replace("-", "_")))
            arguments = ("model", "X", "y", "epochs", "lr")
            solution = Accepted("solution", task, "", "", "", model="Model", arguments=arguments)
            right = torch_run(solution, lambda _, known=known: known, seed)
            with warnings.catch_warnings():
                # torch warns of a broadcast, which a student sees and a grader must not need.
                warnings.filterwarnings("ignore", message="Using a target size")
                found = torch_run(entry, lambda put_in: namespace(entry, source, put_in), seed)
        assert differing(found, right) == spoilt


def test_kofi_crashes() -> None:
    """His loop counts from 1 and leaves the matrix."""
    found = functions("kofi_regression_crashes.py")
    probe = draw("regression", 0)
    with pytest.raises(IndexError, match="index 2 is out of bounds"):
        found["update_parameters"](probe.parameters, 1.0, 2.0, probe.X, probe.X)


def test_lena_hangs() -> None:
    """Her loop never advances: the update is still running when its time is up."""
    call = (
        "from lena_classification_hangs import *\n"
        "p = initialise_parameters([2, 2, 1])\n"
        "X = np.ones((2, 1))\n"
        "y_hat, A1 = L_layer_forward(X, p)\n"
        "print('called', flush=True)\n"
        "update_parameters(p, 1, y_hat.item(), A1, X)\n"
    )
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        subprocess.run(
            [sys.executable, "-B", "-c", call],
            cwd=FOLDER,
            timeout=1.5,
            capture_output=True,
            check=True,
        )
    assert caught.value.stdout == b"called\n"


def test_mina_did_not_start() -> None:
    """Her file is the starter file to the last byte."""
    starter = Path(ROOT / "student_template" / "regression_numpy.py").read_bytes()
    assert (FOLDER / "mina_regression_untouched.py").read_bytes() == starter


def test_noor_did_another_exercise() -> None:
    """Her functions share no name with the roles, and they work."""
    found = functions("noor_another_exercise.py")
    points = np.array([[8.0, 8.0], [1.0, 2.0], [7.0, 9.0], [2.0, 1.0]])
    labels, centres = found["kmeans"](points, 2)
    assert labels.tolist() == [0, 1, 0, 1]
    assert centres.tolist() == [[7.5, 8.5], [1.5, 1.5]]
    assert not set(found) & {"initialise_parameters", "L_layer_forward", "update_parameters"}
