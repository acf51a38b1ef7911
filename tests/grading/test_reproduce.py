"""`gradkit reproduce` prints every published figure beside a recomputed one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from model_solutions import REFERENCE

from gradkit.authoring.reproduce import ReproduceError, reproduce
from gradkit.cli import main

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def table() -> tuple[str, bool]:
    """The run on our own solutions."""
    return reproduce(REFERENCE)


@pytest.mark.slow
@pytest.mark.rotate(2)
def test_every_figure_agrees(table: tuple[str, bool]) -> None:
    """And each task's losses, parameters and predictions are there."""
    text, agreed = table
    assert agreed
    assert text.endswith("\nEvery figure agrees.\n")
    assert "!" not in text
    published = json.loads((REFERENCE / "published.json").read_text())
    for task, figures in published.items():
        if not isinstance(figures, dict):
            continue
        losses = figures.get("epoch_losses") or figures.get("losses") or []
        for loss in losses:
            assert f"{loss:.16g}" in text, (task, loss)
    for title in (
        "Regression in numpy",
        "Regression in torch",
        "Classification in numpy",
        "Classification in torch",
    ):
        assert f"{title}\n" in text
    lines = [
        line for line in text.splitlines() if line.startswith("  ") and "recomputed" not in line
    ]
    # 5 losses and 9 parameters after 5 epochs in numpy, and what follows the first row of
    # regression; 20 and 10 losses with 4 predictions in torch.
    assert len(lines) >= 2 * (5 + 9) + (1 + 9) + (20 + 10 + 8)


def test_command_exits_0(table: tuple[str, bool]) -> None:
    """The same text on standard output, nothing on standard error."""
    done = CliRunner().invoke(main, ["reproduce"])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == table[0]


@pytest.mark.parametrize(
    ("name", "right", "wrong", "figure"),
    [
        (
            "regression_numpy_published.py",
            "W1_ROW_RATES = np.array([[0.001], [0.01]])",
            "W1_ROW_RATES = np.array([[0.001], [0.001]])",
            "W1[1,0] after 5 epochs",
        ),
        (
            "classification_numpy_published.py",
            "1 / (1 + np.exp(Z))",
            "1 / (1 + np.exp(-Z))",
            "loss of epoch 1",
        ),
        ("regression_torch.py", "optimizer.zero_grad()", "pass", "loss of epoch 2"),
        ("classification_torch.py", "optimizer.step()", "pass", "loss of epoch 10"),
        ("published.json", "20.73126980566457", "20.73126980", "loss of epoch 1"),
    ],
)
def test_spoilt_solution_shows_in_its_own_lines(
    tmp_path: Path, name: str, right: str, wrong: str, figure: str
) -> None:
    """The figures that it spoils are marked, and the command would exit 1."""
    folder = Path(shutil.copytree(REFERENCE, tmp_path / "reference"))
    text = (folder / name).read_text()
    assert right in text
    (folder / name).write_text(text.replace(right, wrong, 1))
    table, agreed = reproduce(folder)
    assert not agreed
    assert table.endswith("\nSome figures differ: see the lines marked !.\n")
    marked = [line.split("  ")[1] for line in table.splitlines() if line.endswith("  !")]
    assert figure in marked
    assert len(marked) < table.count("\n") / 2


def test_correct_form_does_not_produce_the_published_figures(tmp_path: Path) -> None:
    """It is the published form of the updates that does, mistakes and all."""
    folder = Path(shutil.copytree(REFERENCE, tmp_path / "reference"))
    for problem in ("regression", "classification"):
        shutil.copy(folder / f"{problem}_numpy.py", folder / f"{problem}_numpy_published.py")
    _, agreed = reproduce(folder)
    assert not agreed


def test_missing_figures_and_solutions_are_named(tmp_path: Path) -> None:
    """Each refusal says which file, and how to name the folder."""
    with pytest.raises(ReproduceError) as caught:
        reproduce(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'published.json'}: not found. The published figures are in the folder of the "
        "model solutions, in gradkit's repository: name this folder with --reference."
    )
    (tmp_path / "published.json").write_text("{")
    with pytest.raises(ReproduceError) as caught:
        reproduce(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'published.json'}: is not JSON: Expecting property name enclosed in double "
        "quotes: line 1 column 2 (char 1)."
    )
    shutil.copy(REFERENCE / "published.json", tmp_path)
    with pytest.raises(ReproduceError) as caught:
        reproduce(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'regression_numpy_published.py'}: not found. Name the folder of the model "
        "solutions with --reference."
    )


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of the four runs cannot be made, so none is claimed."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ReproduceError) as caught:
        reproduce(REFERENCE)
    assert str(caught.value) == (
        "torch is not installed, and two of the four runs need it: pip install 'gradkit[torch]'."
    )
