"""A torch model is built, filled and read in canonical form, or refused in a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from gradkit.runtime.call import Returned
from gradkit.runtime.messages import format_message
from gradkit.runtime.torch_call import (
    ModelMismatchError,
    build,
    fill,
    losses_of,
    parameters_of,
    predict,
    tensors,
)

torch = pytest.importorskip("torch")
nn = torch.nn

PARAMETERS = {
    "W1": np.array([[1.0, 2.0], [3.0, 4.0]]),
    "b1": np.array([[5.0], [6.0]]),
    "W2": np.array([[7.0], [8.0]]),
    "b2": np.array([[9.0]]),
}


class OutputFirst(nn.Module):
    """Registers its output layer before its hidden one."""

    def __init__(self):
        super().__init__()
        self.output, self.hidden = nn.Linear(2, 1), nn.Linear(2, 2)

    def forward(self, X):
        """Hidden, then output."""
        return self.output(self.hidden(X))


class LeftOver(OutputFirst):
    """Has layers that nothing goes through, one of them like its output."""

    def __init__(self):
        super().__init__()
        self.fc3, self.old = nn.Linear(4, 4), nn.Linear(2, 1)
        self.hidden, self.output = nn.Linear(2, 2), nn.Linear(2, 1)


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)),
        OutputFirst(),
        OutputFirst().double(),
        LeftOver(),
    ],
)
def test_parameters_go_in_and_come_out(model) -> None:
    """In any order of registration and either precision; the prediction is Wᵀ·A + b."""
    fill(model, PARAMETERS)
    found = parameters_of(model, PARAMETERS)
    assert list(found) == list(PARAMETERS)
    assert all(np.array_equal(found[key], PARAMETERS[key]) for key in PARAMETERS)
    X = np.array([[0.5], [-1.0]])
    hidden = PARAMETERS["W1"].T @ X + PARAMETERS["b1"]
    expected = PARAMETERS["W2"].T @ hidden + PARAMETERS["b2"]
    assert np.array_equal(predict(model, X, (1, 1)).arrays["y_hat"], expected)


@pytest.mark.parametrize(
    "model",
    [
        nn.Linear(2, 1),
        nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 1)),
        nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1)),
        nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1), nn.BatchNorm1d(1)),
        nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 1), nn.Linear(1, 1)]),
    ],
)
def test_other_layers_are_refused(model) -> None:
    """More, fewer or others; nothing can be read back from them either."""
    with pytest.raises(ModelMismatchError) as caught:
        fill(model, PARAMETERS)
    assert str(caught.value) == "its parameters do not have the shapes of the assigned layers"
    assert parameters_of(model, PARAMETERS) == {}


def test_each_build_is_a_model_of_its_own() -> None:
    """From a class, or a copy of a module."""
    module = OutputFirst()
    for made in (OutputFirst, module):
        fill(build(made), PARAMETERS)
    assert not np.array_equal(parameters_of(module, PARAMETERS)["W1"], PARAMETERS["W1"])


@pytest.mark.parametrize(("made", "name"), [(3, "int"), (dict, "dict"), ("Model", "str")])
def test_what_is_no_module_is_refused(made, name: str) -> None:
    """Its type is named."""
    with pytest.raises(TypeError) as caught:
        build(made)
    assert str(caught.value) == f"expected a torch module, found {name}"


@pytest.mark.parametrize(
    "returned",
    [
        [3.0, 2.0],
        (3.0, 2.0),
        np.array([3.0, 2.0]),
        [torch.tensor(3.0), torch.tensor(2.0, requires_grad=True)],
        torch.tensor([3.0, 2.0]),
        ("model", [3.0, 2.0]),
        {"loss": [3.0, 2.0]},
    ],
)
def test_losses_are_found(returned) -> None:
    """By themselves, in a tuple or in a dict."""
    out = Returned()
    found = losses_of(returned, out)
    assert found.tolist() == [3.0, 2.0]
    assert out.faults == []


@pytest.mark.parametrize(
    ("returned", "found"),
    [
        (None, "nothing is returned"),
        (3.0, "found a value of type float"),
        (nn.Linear(1, 1), "found a value of type Linear"),
    ],
)
def test_losses_that_are_not_there(returned, found: str) -> None:
    """The fault says what there was instead."""
    out = Returned()
    assert losses_of(returned, out) is None
    assert [(name, kind, format_message(told)) for name, kind, told in out.faults] == [
        ("loss", "missing", found)
    ]


@pytest.mark.parametrize(("target", "shape"), [("flat", (4,)), ("column", (4, 1))])
def test_targets_are_flat_or_a_column(target: str, shape: tuple[int, ...]) -> None:
    """In the model's own precision."""
    inputs = {"X": np.ones((4, 2), int), "y": np.ones((4, 1), int)}
    X, y = tensors(inputs, target, torch.float64)
    assert (tuple(X.shape), tuple(y.shape), X.dtype, y.dtype) == (
        (4, 2),
        shape,
        torch.float64,
        torch.float64,
    )
