"""The rule as published gives the published figures, and the correct rule does not."""

import json

import numpy as np
import pytest
from model_solutions import PROBLEMS, REFERENCE, load, run_epochs, source, twin

PUBLISHED = json.loads((REFERENCE / "published.json").read_text(encoding="utf-8"))


def as_printed(parameters: dict[str, np.ndarray]) -> dict[str, list[list[float]]]:
    """Parameters to the 8 decimals that numpy prints."""
    return {name: np.round(value, 8).tolist() for name, value in parameters.items()}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_published_rule_gives_published_run(problem: str) -> None:
    """Five epochs give every printed loss to rtol 1e-12 and every printed decimal."""
    solution, expected = load(f"{problem}_numpy_published"), PUBLISHED[f"{problem}-numpy"]
    parameters = solution.initialise_parameters(PUBLISHED[problem]["layers"])
    losses = run_epochs(solution, problem, parameters, PUBLISHED[problem]["rows"])
    np.testing.assert_allclose(losses, expected["epoch_losses"], rtol=1e-12, atol=0)
    assert as_printed(parameters) == expected["final_parameters"]


def test_published_rule_gives_published_first_step() -> None:
    """The regression notebook also prints its first loss and the parameters after one step."""
    solution, expected = load("regression_numpy_published"), PUBLISHED["regression-numpy"]
    parameters = solution.initialise_parameters([2, 2, 1])
    first_row = PUBLISHED["regression"]["rows"][:1]
    (loss,) = run_epochs(solution, "regression", parameters, first_row, epochs=1)
    assert loss == pytest.approx(expected["first_loss"], rel=1e-12)
    assert as_printed(parameters) == expected["after_first_step"]


REPAIRS = [
    ("regression", "error * W2 * X.T", "error * (W2 - W2_RATE * 2 * error * A1) * X.T"),
    ("regression", "W2 * X.T", "(W2 * X.T).T"),
    ("regression", "[0.01]]", "[0.001]]"),
    ("classification", "error * W2 * (1 - A1) * X.T", "error * (W2 - error * A1) * (1 - A1) * X.T"),
    ("classification", "W2 * (1 - A1) * X.T", "(W2 * (1 - A1) * X.T).T"),
    ("classification", "[0.01]]", "[0.001]]"),
    ("classification", "W2 * (1 - A1) * X.T", "W2 * A1 * (1 - A1) * X.T"),
    ("classification", "np.exp(Z)", "np.exp(-Z)"),
]


@pytest.mark.parametrize(("problem", "mistake", "repair"), REPAIRS)
def test_each_published_mistake_is_needed(problem: str, mistake: str, repair: str) -> None:
    """Repair any one of the published mistakes, and the printed parameters no longer come out."""
    solution, expected = (
        twin(f"{problem}_numpy_published", mistake, repair),
        PUBLISHED[f"{problem}-numpy"],
    )
    parameters = solution.initialise_parameters([2, 2, 1])
    losses = run_epochs(solution, problem, parameters, PUBLISHED[problem]["rows"])
    assert as_printed(parameters) != expected["final_parameters"]
    assert not np.allclose(losses, expected["epoch_losses"], rtol=1e-12, atol=0)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_correct_rule_is_another(problem: str) -> None:
    """The correct form does not give the published figures."""
    solution, expected = load(f"{problem}_numpy"), PUBLISHED[f"{problem}-numpy"]
    parameters = solution.initialise_parameters([2, 2, 1])
    losses = run_epochs(solution, problem, parameters, PUBLISHED[problem]["rows"])
    assert not np.allclose(losses, expected["epoch_losses"], rtol=1e-3, atol=0)
    assert as_printed(parameters) != expected["final_parameters"]


def torch_run(solution, problem: str):
    """Initial predictions and all losses from the recovered weights, in float32."""
    torch = pytest.importorskip("torch")
    run = PUBLISHED[f"{problem}-torch"]
    weights = {name: torch.tensor(value) for name, value in run["initial_parameters"].items()}
    model = solution.Model()
    with torch.no_grad():
        for number, layer in enumerate((model.hidden, model.output), 1):
            layer.weight.copy_(weights[f"W{number}"].T)
            layer.bias.copy_(weights[f"b{number}"].flatten())
    rows = torch.tensor(PUBLISHED[problem]["rows"], dtype=torch.float32)
    X, y = rows[:, :2], rows[:, 2]
    predictions = model(X).squeeze().tolist()
    return predictions, solution.train(model, X, y)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_torch_solution_gives_published_run(problem: str) -> None:
    """From the recovered weights, defaults alone give predictions and every printed loss."""
    run = PUBLISHED[f"{problem}-torch"]
    predictions, losses = torch_run(load(f"{problem}_torch"), problem)
    assert np.round(predictions, 4).tolist() == run["initial_predictions"]
    assert len(losses) == run["epochs"]
    printed = [losses[epoch] for epoch in run["printed_epochs"]]
    np.testing.assert_allclose(printed, run["losses"], rtol=1e-6, atol=0)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("        optimizer.zero_grad()\n", ""),
        ("        optimizer.step()\n", ""),
        ("lr=lr)", "lr=lr, momentum=0.1)"),
        ("Loss()", "Loss(reduction='sum')"),
    ],
)
def test_a_wrong_torch_loop_gives_another_run(problem: str, right: str, wrong: str) -> None:
    """A loop with one mistake leaves the published losses."""
    _, losses = torch_run(twin(f"{problem}_torch", right, wrong), problem)
    run = PUBLISHED[f"{problem}-torch"]
    printed = [losses[epoch] for epoch in run["printed_epochs"]]
    assert not np.allclose(printed, run["losses"], rtol=1e-6, atol=0)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_solutions_import_only_numpy_or_torch(problem: str) -> None:
    """A model solution that imports gradkit would share its faults."""
    for name in (f"{problem}_numpy", f"{problem}_torch", f"{problem}_numpy_published"):
        imports = [
            line
            for line in source(name).splitlines()
            if line.lstrip().startswith(("import ", "from "))
        ]
        expected = ["import torch", "from torch import nn"]
        assert imports == (expected if name.endswith("torch") else ["import numpy as np"])
