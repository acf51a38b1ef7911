"""From a notebook to running functions and loops: the stages of the student limb in a row."""

from __future__ import annotations

import math

import pytest
from submission.shapes import TASKS, by_tasks, handed_in, published

from gradkit.binding.inspection import outline
from gradkit.runtime.namespace import Namespace
from gradkit.submission.divide import divide

ROLES = {
    alias for task in TASKS for role in task.roles if not role.shared for alias in role.aliases
}


def namespace(section, modules) -> Namespace:
    """The namespace that a worker makes of a section."""
    parts = (section.own, section.shared, section.borrowed)
    sources = [[(cell.id, cell.source) for cell in part] for part in parts]
    return Namespace(*sources, modules, ROLES)


@pytest.fixture
def sections(tmp_path):
    """The published shape, divided, each section with its namespace."""
    submission = handed_in(tmp_path, hw=published())
    found = by_tasks(divide(submission, TASKS))
    return {task[0]: (section, namespace(section, {})) for task, section in found.items()}


def test_each_section_has_its_own_functions(sections):
    """The same names mean another problem's functions in another section."""
    for kind in ("regression", "classification"):
        _, names = sections[f"{kind}-numpy"]
        assert names["update_parameters"].__doc__ == kind
        assert names["initialise_parameters"]([2, 2, 1])["kind"] == kind
        update = names["L_layer_forward"].__globals__["update_parameters"]
        assert update.__doc__ == kind


def test_roles_are_never_borrowed_but_helpers_are(sections):
    """A torch section finds no numpy update, and its frame is the one above it."""
    _, names = sections["classification-torch"]
    with pytest.raises(KeyError):
        names["update_parameters"]
    assert names["df"]["c"].tolist() == [1, 0]
    _, names = sections["regression-torch"]
    assert names["df"]["c"].tolist() == [4, 6]


def test_broken_packages_and_plots_cost_nothing(sections):
    """What the roles do not need is never imported: tensorflow, matplotlib, and the loops."""
    _, names = sections["regression-numpy"]
    names["update_parameters"], names["L_layer_forward"]
    assert not dict.__contains__(names, "plt")
    with pytest.raises(
        NameError, match=r"`tf` has no value: code cell 3, line 1 failed with ModuleNot"
    ):
        names["tf"]


@pytest.mark.slow
@pytest.mark.rotate(2)
def test_torch_loops_are_found_and_run_with_what_is_put_in(sections):
    """Model, data and number of rounds are replaced; losses are those of each round."""
    torch = pytest.importorskip("torch")
    for task in ("regression-torch", "classification-torch"):
        section, names = sections[task]
        (loop,) = [loop for loop in outline(section).loops if loop.origin == "own"]
        needs = loop.needs
        assert (needs.model, needs.X, needs.y, needs.epochs) == ("model", "X", "y", "epochs")
        assert loop.place.line == 5
        torch.manual_seed(1)
        model = torch.nn.Linear(2, 1)
        before = [p.detach().clone() for p in model.parameters()]
        X, y = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([1.0, 2.0])
        expected = ((model(X).squeeze() - y) ** 2).mean().item()
        losses = names.run_loop(
            loop.cell, loop.line, {"model": model, "X": X, "y": y, "epochs": 7}, 7
        )
        assert len(losses) == 7
        assert losses[0] == pytest.approx(expected)
        assert losses[-1] < losses[0]
        assert any(not torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))


@pytest.mark.slow
def test_mini_batches_with_a_loader(tmp_path):
    """The loader is made anew from the data that is put in."""
    torch = pytest.importorskip("torch")
    blocks = [
        "import torch\nfrom torch import nn\nfrom torch.utils.data import *",
        "X = torch.zeros(3, 2)\ny = torch.zeros(3, 1)\nnet = nn.Sequential(nn.Linear(2, 1))",
        "loader = DataLoader(TensorDataset(X, y), batch_size=1)",
        "opt = torch.optim.SGD(net.parameters(), lr=0.0)\nloss_function = nn.MSELoss()",
        "for epoch in range(3):\n    for xb, yb in loader:\n        opt.zero_grad()\n"
        "        loss = loss_function(net(xb), yb)\n        loss.backward()\n        opt.step()",
    ]
    (section,) = divide(handed_in(tmp_path, hw=blocks), TASKS)
    (loop,) = outline(section).loops
    assert (loop.needs.X, loop.needs.y, loop.needs.model) == ("X", "y", "net")
    model = torch.nn.Linear(2, 1)
    X, y = torch.eye(2), torch.ones(2, 1)
    losses = namespace(section, {}).run_loop(
        loop.cell, loop.line, {"net": model, "X": X, "y": y}, 2
    )
    expected = ((model(X) - y) ** 2).mean().item()
    assert losses == [pytest.approx(expected), pytest.approx(expected)]
    assert not math.isnan(expected)
