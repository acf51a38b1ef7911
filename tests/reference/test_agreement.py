"""numpy by hand, torch's autograd and finite differences say the same of every quantity."""

import numpy as np
import pytest
from model_solutions import NAMES, PROBLEMS, Probe, copy, draw, load, loss, source, twin

pytestmark = pytest.mark.sample(6)

torch = pytest.importorskip("torch")

SEEDS = range(40)
RATES = {"W1": 0.001, "b1": 0.01, "W2": 0.001, "b2": 0.01}


def by_hand(solution, problem: str, probe: Probe) -> dict[str, np.ndarray]:
    """What the numpy solution makes of a probe; a gradient is its step over its rate."""
    parameters = copy(probe.parameters)
    y_hat, A1 = solution.L_layer_forward(probe.X, parameters)
    found = {"output": y_hat, "hidden": A1, "loss": loss(problem, probe.y, y_hat.item())}
    solution.update_parameters(parameters, probe.y, y_hat.item(), A1, probe.X)
    for name in NAMES:
        found[f"new {name}"] = parameters[name]
        found[f"d{name}"] = (probe.parameters[name] - parameters[name]) / RATES[name]
    return found


def set_weights(model, parameters: dict[str, np.ndarray]) -> None:
    """Put canonical parameters into the torch model's two linear layers."""
    with torch.no_grad():
        for number, layer in enumerate((model.hidden, model.output), 1):
            layer.weight.copy_(torch.from_numpy(parameters[f"W{number}"].T))
            layer.bias.copy_(torch.from_numpy(parameters[f"b{number}"].ravel()))


def by_autograd(solution, probe: Probe) -> dict[str, np.ndarray]:
    """What one epoch of the torch solution, in float64, makes of a probe.

    ``train`` has one rate for everything, so it runs twice: once at the rate of the
    weights and once at that of the biases.
    """
    X, y = torch.from_numpy(probe.X.T), torch.tensor([probe.y], dtype=torch.float64)
    found = {}
    for kind, rate in (("W", 0.001), ("b", 0.01)):
        model = solution.Model().double()
        set_weights(model, probe.parameters)
        hidden = []
        handle = model.output.register_forward_pre_hook(lambda _, x, to=hidden: to.extend(x))
        found["output"] = model(X).detach().numpy()
        handle.remove()
        found["hidden"] = hidden[0].detach().numpy().T
        (found["loss"],) = solution.train(model, X, y, epochs=1, lr=rate)
        for number, layer in enumerate((model.hidden, model.output), 1):
            name = f"{kind}{number}"
            value = layer.weight if kind == "W" else layer.bias
            shape = probe.parameters[name].shape
            found[f"new {name}"] = value.detach().numpy().T.reshape(shape)
            found[f"d{name}"] = value.grad.numpy().T.reshape(shape)
    return found


def by_differences(solution, problem: str, probe: Probe, h: float = 1e-3) -> dict[str, np.ndarray]:
    """Gradients of the numpy solution's loss by five-point central differences, error O(h⁴)."""

    def loss_at(name: str, index: tuple[int, ...], shift: float) -> float:
        moved = copy(probe.parameters)
        moved[name][index] += shift
        y_hat, _ = solution.L_layer_forward(probe.X, moved)
        return loss(problem, probe.y, y_hat.item())

    found = {}
    for name in NAMES:
        slopes = np.empty_like(probe.parameters[name])
        for index in np.ndindex(slopes.shape):
            near = loss_at(name, index, h) - loss_at(name, index, -h)
            far = loss_at(name, index, 2 * h) - loss_at(name, index, -2 * h)
            slopes[index] = (8 * near - far) / (12 * h)
        found[f"d{name}"] = slopes
        found[f"new {name}"] = probe.parameters[name] - RATES[name] * slopes
    return found


def differing(one: dict[str, np.ndarray], other: dict[str, np.ndarray], rtol: float) -> set[str]:
    """Names of the quantities that both have and do not agree on."""
    return {
        name
        for name in one.keys() & other.keys()
        if not np.allclose(one[name], other[name], rtol=rtol, atol=rtol)
    }


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("seed", SEEDS)
def test_three_ways_agree(problem: str, seed: int) -> None:
    """Forward, hidden layer, loss, each gradient and each new parameter are the same."""
    probe = draw(problem, seed)
    hand = by_hand(load(f"{problem}_numpy"), problem, probe)
    autograd = by_autograd(load(f"{problem}_torch"), probe)
    differences = by_differences(load(f"{problem}_numpy"), problem, probe)
    assert hand.keys() == autograd.keys() == differences.keys() | {"output", "hidden", "loss"}
    assert differing(hand, autograd, 1e-11) == set()
    assert differing(hand, differences, 1e-8) == set()


EVERY_STEP = {f"{kind}{name}" for name in NAMES for kind in ("d", "new ")}


def steps(*names: str) -> set[str]:
    """The quantities that a wrong step in these parameters spoils."""
    return {f"{kind}{name}" for name in names for kind in ("d", "new ")}


WRONG_BY_HAND = [
    ("regression", "W.T @ A_prev + b", "W.T @ A_prev", {"output", "hidden", "loss"} | EVERY_STEP),
    ("regression", "X @ d_hidden.T", "d_hidden @ X.T", steps("W1")),
    (
        "classification",
        "1 + np.exp(-Z)",
        "1 + np.exp(Z)",
        {"output", "hidden", "loss"} | EVERY_STEP,
    ),
    ("classification", "dZ2 * A1 * (1 - A1)", "dZ2 * (1 - A1)", steps("W1", "b1")),
    ("classification", "db2 = dZ2", "db2 = dZ2 * y_hat * (1 - y_hat)", steps("b2")),
]


@pytest.mark.parametrize(("problem", "right", "wrong", "spoilt"), WRONG_BY_HAND)
def test_a_wrong_hand_solution_disagrees(
    problem: str, right: str, wrong: str, spoilt: set[str]
) -> None:
    """One slip in the numpy solution is seen in just the quantities that it spoils."""
    probe = draw(problem, 0)
    hand = by_hand(twin(f"{problem}_numpy", right, wrong), problem, probe)
    assert differing(hand, by_autograd(load(f"{problem}_torch"), probe), 1e-11) == spoilt
    differences = by_differences(load(f"{problem}_numpy"), problem, probe)
    assert differing(hand, differences, 1e-8) == spoilt & differences.keys()


WRONG_WITH_AUTOGRAD = [
    ("regression", "nn.MSELoss()", "nn.L1Loss()"),
    ("classification", "A1 = torch.sigmoid(self.hidden(X))", "A1 = self.hidden(X)"),
]


@pytest.mark.parametrize(("problem", "right", "wrong"), WRONG_WITH_AUTOGRAD)
def test_a_wrong_torch_solution_disagrees(problem: str, right: str, wrong: str) -> None:
    """One slip in the torch solution is seen against the solution by hand."""
    probe = draw(problem, 0)
    hand = by_hand(load(f"{problem}_numpy"), problem, probe)
    autograd = by_autograd(twin(f"{problem}_torch", right, wrong), probe)
    assert differing(hand, autograd, 1e-11)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_solutions_import_only_numpy_or_torch(problem: str) -> None:
    """A model solution cannot inherit the grader's faults: it knows no gradkit."""
    for name in (f"{problem}_numpy", f"{problem}_torch", f"{problem}_numpy_published"):
        imports = [
            line
            for line in source(name).splitlines()
            if line.lstrip().startswith(("import ", "from "))
        ]
        expected = ["import torch", "from torch import nn"]
        assert imports == (expected if name.endswith("torch") else ["import numpy as np"])
