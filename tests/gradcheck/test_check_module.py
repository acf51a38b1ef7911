"""Autograd of torch modules against finite differences."""

from __future__ import annotations

import pytest
import torch

from gradkit.gradcheck import check_module


def net(*middle: torch.nn.Module) -> torch.nn.Sequential:
    """A small net with given layers in the middle."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), *middle, torch.nn.Linear(4, 1))


X = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
Y = torch.rand(6, 1, generator=torch.Generator().manual_seed(2))


class Wrong(torch.autograd.Function):
    """A tanh whose derivative is wrong."""

    @staticmethod
    def forward(ctx, x):
        """Save the output, as tanh does."""
        y = torch.tanh(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, slope):
        """Forget the square."""
        (y,) = ctx.saved_tensors
        return slope * (1 - y)


class Layer(torch.nn.Module):
    """A layer around the wrong function."""

    def forward(self, x):
        """Apply it."""
        return Wrong.apply(x)


def test_a_right_module_agrees_and_stays_as_it_was() -> None:
    """In float64 on a copy; parameters keep the names torch gives them."""
    module = net(torch.nn.Tanh())
    before = {k: v.clone() for k, v in module.state_dict().items()}
    report = check_module(module, torch.nn.MSELoss(), X, Y)
    assert report.verdict == "agree"
    assert {e.parameter for e in report.entries} == set(before)
    assert all(torch.equal(before[k], v) for k, v in module.state_dict().items())
    assert all(p.dtype == torch.float32 and p.grad is None for p in module.parameters())


def test_a_wrong_derivative_is_found_in_the_layers_below_it() -> None:
    """And only there."""
    report = check_module(net(Layer()), torch.nn.MSELoss(), X, Y)
    wrong = {e.parameter for e in report.entries if e.verdict == "disagree"}
    assert wrong == {"0.weight", "0.bias"}


def test_a_loss_of_the_output_alone() -> None:
    """Targets in float32 that it brings along do not matter."""
    report = check_module(net(torch.nn.Tanh()), lambda out: ((out - Y) ** 2).mean(), X)
    assert report.verdict == "agree"
    weight = torch.tensor([2.0])
    loss = torch.nn.BCEWithLogitsLoss(pos_weight=weight)
    assert check_module(net(torch.nn.Sigmoid()), loss, X, Y).verdict == "agree"
    assert weight.dtype == torch.float32


def test_dropout_is_noticed() -> None:
    """While it drops nothing can be said; when it does not, it is no matter."""
    module = net(torch.nn.Dropout(0.5))
    report = check_module(module, torch.nn.MSELoss(), X, Y)
    assert report.verdict == "inconclusive"
    assert report.notes[0].startswith(
        "in training mode, where it depends on chance or on the batch (see .ev"
    )
    report = check_module(module.eval(), torch.nn.MSELoss(), X, Y)
    assert (report.verdict, report.notes) == ("agree", ())


def test_batch_normalisation_is_noticed() -> None:
    """Its running statistics are not touched."""
    module = net(torch.nn.BatchNorm1d(4), torch.nn.Tanh())
    report = check_module(module, torch.nn.MSELoss(), X, Y)
    assert report.verdict != "disagree"
    assert report.notes[0].endswith("the batch (see .eval()): 1.")
    assert module[1].num_batches_tracked == 0


def test_other_randomness_is_noticed() -> None:
    """Whatever it comes from."""

    class Random(torch.nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x)

    report = check_module(net(Random()), torch.nn.MSELoss(), X, Y)
    assert report.verdict == "inconclusive"
    assert report.notes[0].startswith("f gives different values for the same argument.")


def test_frozen_and_unused_parameters_are_named() -> None:
    """Frozen ones are left out, unused ones have slope 0."""
    module = net(torch.nn.Tanh())
    module[0].weight.requires_grad_(False)
    module.spare = torch.nn.Linear(1, 1)
    module.forward = lambda x: module[2](module[1](module[0](x)))

    class Spare(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.used = torch.nn.Linear(3, 1)
            self.spare = torch.nn.Parameter(torch.ones(2))
            self.used.weight.requires_grad_(False)

        def forward(self, x):
            return self.used(x)

    report = check_module(Spare(), torch.nn.MSELoss(), X, Y)
    assert report.verdict == "agree"
    assert report.notes == (
        "the loss does not depend on spare.",
        "not checked, because they are frozen: used.weight.",
    )


def test_other_inputs_than_tensors() -> None:
    """Sequences and dicts of tensors become float64 too."""

    class Sum(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(3))

        def forward(self, pair, options):
            return (pair[0] * self.w + options["b"]).tanh()

    report = check_module(Sum(), torch.sum, [X], {"b": X, "steps": 2})
    assert report.verdict == "agree"


def test_a_module_without_parameters_is_refused() -> None:
    """There is nothing to check in it."""
    with pytest.raises(ValueError, match="Tanh has no parameter that requires a gradient"):
        check_module(torch.nn.Tanh(), torch.sum, X)
