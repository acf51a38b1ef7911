"""What the published inputs cannot see, and random asymmetric ones can."""

import json

import numpy as np
import pytest
from model_solutions import NAMES, PROBLEMS, REFERENCE, copy, draw, load, run_epochs, twin

PUBLISHED = json.loads((REFERENCE / "published.json").read_text(encoding="utf-8"))

SWAPPED_INDEX = {
    "regression": ("dW1 = X @ d_hidden.T", "dW1 = d_hidden @ X.T"),
    "classification": ("dW1 = X @ dZ1.T", "dW1 = dZ1 @ X.T"),
}
EXCHANGED_UNITS = {
    ("regression", "W2"): ('parameters["W2"] * d_output', 'parameters["W2"][::-1] * d_output'),
    ("regression", "A1"): ("dW2 = A1 *", "dW2 = A1[::-1] *"),
    ("regression", "b1"): ("db1 = d_hidden", "db1 = d_hidden[::-1]"),
    ("classification", "W2"): ('parameters["W2"] * dZ2', 'parameters["W2"][::-1] * dZ2'),
    ("classification", "A1"): ("dW2 = A1 *", "dW2 = A1[::-1] *"),
    ("classification", "b1"): ("db1 = dZ1", "db1 = dZ1[::-1]"),
}


def step(solution, probe) -> dict[str, np.ndarray]:
    """Parameters after one update at a probe."""
    parameters = copy(probe.parameters)
    y_hat, A1 = solution.L_layer_forward(probe.X, parameters)
    solution.update_parameters(parameters, probe.y, y_hat.item(), A1, probe.X)
    return parameters


def differing(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> set[str]:
    """Names of the parameters that are not equal to the last bit."""
    return {name for name in NAMES if not np.array_equal(one[name], other[name])}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_swapped_index_hides_at_the_published_first_step(problem: str) -> None:
    """With all weights 0.1 and X = (8, 8) the swapped index of W1 is right to the last bit."""
    ours, swapped = load(f"{problem}_numpy"), twin(f"{problem}_numpy", *SWAPPED_INDEX[problem])
    *features, _ = first = PUBLISHED[problem]["rows"][0]
    assert features == [8, 8]
    start = ours.initialise_parameters([2, 2, 1])
    after, after_swapped = copy(start), copy(start)
    run_epochs(ours, problem, after, [first], epochs=1)
    run_epochs(swapped, problem, after_swapped, [first], epochs=1)
    assert differing(after, after_swapped) == set()
    assert differing(start, after) == set(NAMES)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("seed", range(50))
def test_swapped_index_shows_at_random_probes(problem: str, seed: int) -> None:
    """At an asymmetric probe both off-diagonal entries of W1 are wrong, and nothing else."""
    probe = draw(problem, seed)
    after = step(load(f"{problem}_numpy"), probe)
    swapped = step(twin(f"{problem}_numpy", *SWAPPED_INDEX[problem]), probe)
    wrong = after["W1"] != swapped["W1"]
    assert wrong.tolist() == [[False, True], [True, False]]
    assert differing(after, swapped) == {"W1"}


@pytest.mark.parametrize(("problem", "quantity"), EXCHANGED_UNITS)
def test_exchanged_units_hide_over_the_published_run(problem: str, quantity: str) -> None:
    """The two hidden units start equal and stay equal, so their order changes no bit."""
    rows = PUBLISHED[problem]["rows"]
    runs = []
    for solution in (
        load(f"{problem}_numpy"),
        twin(f"{problem}_numpy", *EXCHANGED_UNITS[problem, quantity]),
    ):
        parameters = solution.initialise_parameters([2, 2, 1])
        losses = run_epochs(solution, problem, parameters, rows)
        runs.append((losses, parameters))
    (losses, ours), (losses_exchanged, exchanged) = runs
    assert losses == losses_exchanged
    assert differing(ours, exchanged) == set()


@pytest.mark.parametrize(("problem", "quantity"), EXCHANGED_UNITS)
@pytest.mark.parametrize("seed", range(10))
def test_exchanged_units_show_from_an_asymmetric_start(
    problem: str, quantity: str, seed: int
) -> None:
    """On the same rows, from unequal weights, the run parts beyond a tolerance of 1e-9."""
    # Small weights: with inputs near 10 the sigmoids would saturate and hide everything again.
    start = {name: 0.2 * value for name, value in draw(problem, seed).parameters.items()}
    rows = PUBLISHED[problem]["rows"]
    runs = []
    for solution in (
        load(f"{problem}_numpy"),
        twin(f"{problem}_numpy", *EXCHANGED_UNITS[problem, quantity]),
    ):
        parameters = copy(start)
        runs.append((run_epochs(solution, problem, parameters, rows), parameters))
    (losses, ours), (losses_exchanged, exchanged) = runs
    assert not np.allclose(losses, losses_exchanged, rtol=1e-9, atol=0)
    assert any(not np.allclose(ours[name], exchanged[name], rtol=1e-9, atol=0) for name in NAMES)
