"""Torch training that other mistakes give the numbers of: what is said must be true of each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from said import alternatives, codes, finding, states

from gradkit.records.result import CheckResult, TaskResult

pytestmark = pytest.mark.sample(96)

REGRESSION, CLASSIFICATION = "regression-torch", "classification-torch"

TEXT = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 2)
        self.second = nn.Linear(2, 1)

    def forward(self, x):
        return {output}

def train(model, X, y, epochs, lr):
    optimizer = torch.optim.SGD({parameters}, lr=lr)
    losses, total = [], 0.0
    for epoch in range(epochs):
        loss = {loss}
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
"""
LINEAR = {
    "output": "self.second(self.first(x))",
    "parameters": "model.parameters()",
    "loss": "nn.functional.mse_loss(model(X).flatten(), y.flatten())",
}
LOGISTIC = {
    **LINEAR,
    "output": "torch.sigmoid(self.second(torch.sigmoid(self.first(x))))",
    "loss": "nn.functional.binary_cross_entropy(model(X).flatten(), y.flatten())",
}
PIECES = {REGRESSION: LINEAR, CLASSIFICATION: LOGISTIC}

CLEAR, BACK, STEP = (
    "        optimizer.zero_grad()\n",
    "        loss.backward()\n",
    "optimizer.step()",
)
IN_ORDER = f"{CLEAR}{BACK}        {STEP}\n"
RECORD = "losses.append(loss.item())"
RATE, SIZED = "lr=lr", "losses.append(loss.item() * len(X))"

Trained = Callable[..., TaskResult]


@pytest.fixture
def trained(diagnosed, torch_workshop) -> Trained:
    """``trained(task, changes, **pieces)``: the result of right code with some text changed."""

    def grade(task: str, changes: dict[str, str] | None = None, **pieces: str) -> TaskResult:
        text = TEXT.format(**{**PIECES[task], **pieces})
        for right, wrong in (changes or {}).items():
            assert right in text, right
            text = text.replace(right, wrong)
        return diagnosed(text, task)

    return grade


def check_of(result: TaskResult, name: str) -> CheckResult:
    """One of a result's checks."""
    return next(check for check in result.checks if check.check == name)


def told(result: TaskResult) -> str:
    """All that is said of a result, up to the highest hint."""
    said = [text for f in result.findings for text in (f.title, f.sentence, *f.hints)]
    return " ".join([*said, *(check.message for check in result.checks)])


@pytest.mark.slow
@pytest.mark.parametrize("task", PIECES)
def test_right_training_is_right(trained: Trained, task: str) -> None:
    """The text that all others here are changed from."""
    assert (codes(trained(task)), trained(task).score) == (set(), 20.0)


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.sample(12)
@pytest.mark.parametrize("task", PIECES)
@pytest.mark.parametrize(
    ("record", "said"),
    [
        (SIZED, "records 4 times the loss."),
        ("losses.append(loss.item() / len(X))", "records 0.25 times the loss."),
        ("total += loss.item(); losses.append(total)", "the sum of all losses so far."),
        ("total += loss.item(); losses.append(total / (epoch + 1))", "the mean of all losses so"),
        ("total += loss.item() * 4; losses.append(total)", "4 times the sum of all losses so far."),
        ("losses.append(loss.item() ** 0.5)", "the square root of the loss."),
        ("losses.append(float(epoch))", "something else than its loss, or nothing."),
        ("losses += [loss.item()] if epoch % 5 == 0 else []", "something else than its loss"),
    ],
)
def test_a_wrong_record_is_no_wrong_training(
    trained: Trained, task: str, record: str, said: str
) -> None:
    """Where every parameter is right, nothing is said of rate or reduction."""
    result = trained(task, {RECORD: record})
    assert codes(result) == {"recorded-loss"}
    assert alternatives(result) == set()
    found = finding(result, "recorded-loss")
    assert found.sentence.endswith("; the training itself is right.")
    assert said in found.hints[2]
    assert states(result)["gradient"] == "pass"
    run = check_of(result, "trajectory")
    losses = sum(e.state != "pass" for e in run.entries if e.parameter.startswith("loss"))
    assert sum(entry.state != "pass" for entry in run.entries) == losses
    assert 0 < found.deduction <= run.max_score * losses / len(run.entries)


def test_a_wrong_record_of_wrong_training_is_told_beside_it(trained: Trained) -> None:
    """The training is not called right then, and the loss is not called a sum."""
    result = trained(REGRESSION, {RECORD: SIZED, RATE: "lr=lr * 10"})
    assert codes(result) == {"recorded-loss", "wrong-learning-rate"}
    assert "training itself is right" not in told(result)
    assert "10 times as long" in told(result)
    assert frozenset({"wrong-reduction", "wrong-learning-rate"}) in alternatives(result)


def test_a_sum_that_is_recorded_as_a_mean_is_a_sum(trained: Trained) -> None:
    """Its steps are those of another rate, which the text speaks against."""
    changes = {"flatten())\n": "flatten(), reduction='sum')\n", RECORD: "losses.append(loss.item() / len(X))"}  # fmt: skip
    result = trained(REGRESSION, changes)
    assert codes(result) == {"wrong-reduction"}
    assert alternatives(result) == {frozenset({"wrong-learning-rate"})}
    assert "A loss that is the sum over the rows" in told(result)


def test_a_rate_of_as_much_as_there_are_rows_is_a_rate(trained: Trained) -> None:
    """The twin of the above: nothing is summed in the text."""
    result = trained(REGRESSION, {RATE: "lr=lr * 4"})
    assert codes(result) == {"wrong-learning-rate"}
    assert alternatives(result) == {frozenset({"wrong-reduction"})}


@pytest.mark.parametrize(("factor", "said"), [("0.5", "half the mean"), ("3", "3 times the mean")])
def test_a_number_in_front_of_the_mean_is_not_called_no_mean(
    trained: Trained, factor: str, said: str
) -> None:
    """Whoever takes the mean is not told to take it."""
    result = trained(REGRESSION, loss=f"{factor} * {LINEAR['loss']}")
    assert codes(result) == {"wrong-reduction"}
    assert said in told(result)
    assert "Take the mean" not in told(result)
    assert "without another factor" in told(result)


@pytest.mark.parametrize(
    "loop",
    [
        f"{BACK}{CLEAR}        {STEP}\n",
        f"{CLEAR}        {STEP}\n{BACK}",
        f"{CLEAR}{BACK}{CLEAR}        {STEP}\n",
        f"{BACK}        model.zero_grad()\n        {STEP}\n",
    ],
)
def test_gradients_that_are_cleared_too_early(trained: Trained, loop: str) -> None:
    """A step is taken in every epoch: nobody is told that there is none."""
    result = trained(REGRESSION, {IN_ORDER: loop})
    assert codes(result) == {"gradients-cleared"}
    assert alternatives(result) == set()
    assert check_of(result, "gradient").causes == ("gradients-cleared",)


def test_no_step_is_no_step(trained: Trained) -> None:
    """The twin of the above: there is no step in the text, and no clearing in its way."""
    result = trained(REGRESSION, {f"        {STEP}\n": ""})
    assert codes(result) == {"missing-step"}
    assert frozenset({"gradients-cleared"}) not in alternatives(result)


def test_where_the_order_cannot_be_read_each_is_told(trained: Trained) -> None:
    """Calls of which it is not seen that all are made."""
    late = f"{BACK}        if epoch >= 0: optimizer.zero_grad()\n        {STEP}\n"
    result = trained(REGRESSION, {IN_ORDER: late})
    told_of = {frozenset(codes(result)), *alternatives(result)}
    assert {frozenset({"gradients-cleared"}), frozenset({"missing-step"})} <= told_of


@pytest.mark.parametrize("apply", ["torch.sigmoid(model(X))", "model(X).sigmoid()"])
def test_a_second_sigmoid_behind_the_model(trained: Trained, apply: str) -> None:
    """The loss is the right one: nobody is told to take another."""
    result = trained(CLASSIFICATION, loss=LOGISTIC["loss"].replace("model(X)", apply))
    assert codes(result) == {"double-sigmoid"}
    assert alternatives(result) == set()
    assert finding(result, "double-sigmoid").check == "trajectory"
    assert "BCELoss" not in told(result)


def test_a_loss_on_logits_is_called_that(trained: Trained) -> None:
    """The twin of the above: no sigmoid in what trains."""
    loss = LOGISTIC["loss"].replace("entropy(", "entropy_with_logits(")
    result = trained(CLASSIFICATION, loss=loss)
    assert (codes(result), alternatives(result)) == ({"logits-loss"}, set())


@pytest.mark.parametrize("task", PIECES)
@pytest.mark.parametrize("layer", ["first", "second"])
def test_an_optimiser_that_knows_one_layer(trained: Trained, task: str, layer: str) -> None:
    """The model has registered all of them; it is not charged."""
    result = trained(task, parameters=f"model.{layer}.parameters()")
    assert codes(result) == {"unregistered-parameters"}
    found = finding(result, "unregistered-parameters")
    assert found.check == "trajectory"
    assert "Give the optimiser `model.parameters()`" in found.hints[3]


@pytest.mark.parametrize("layer", ["first", "second"])
def test_a_layer_that_is_switched_off_is_known_to_the_optimiser(
    trained: Trained, layer: str
) -> None:
    """The twin of the above: all parameters are handed over, some get no gradient."""
    off = f"    model.{layer}.requires_grad_(False)\n    losses, total"
    result = trained(REGRESSION, {"    losses, total": off})
    assert codes(result) == {"graph-detached"}
    assert alternatives(result) == {frozenset({"unregistered-parameters"})}
    assert "have `requires_grad=False`" in told(result)


@pytest.mark.parametrize("task", PIECES)
@pytest.mark.parametrize(
    ("loop", "said"),
    [("range(1, epochs)", "one step fewer"), ("range(epochs + 1)", "one step more")],
)
def test_one_round_more_or_fewer(trained: Trained, task: str, loop: str, said: str) -> None:
    """Proven by the losses and parameters of so many rounds."""
    result = trained(task, {"range(epochs)": loop})
    assert codes(result) == {"wrong-rounds"}
    assert said in told(result)
    assert check_of(result, "trajectory").message.count("losses for") == 1


def test_two_rounds_fewer_are_not_one(trained: Trained) -> None:
    """The twin: the loop is told by its change, and nothing is said of a step that was not made."""
    result = trained(REGRESSION, {"range(epochs)": "range(2, epochs)"})
    (told_of,) = result.findings
    assert (told_of.mistake, told_of.fix) == ("wrong-expression", "for epoch in range(epochs):")
    gradient = check_of(result, "gradient")
    assert gradient.message == ("`train` was called for one epoch and changed no parameter.")


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ("-(y.flatten() * torch.log(model(X).flatten())).mean()", "without its second term"),
        (
            "-((1 - y.flatten()) * torch.log(1 - model(X).flatten())).mean()",
            "without its first term",
        ),
    ],
)
def test_one_term_of_cross_entropy_is_another_loss(trained: Trained, loss: str, said: str) -> None:
    """On these rows a mean over those of one class, halved, is the same: that is two mistakes."""
    result = trained(CLASSIFICATION, loss=loss)
    assert codes(result) == {"wrong-loss"}
    assert alternatives(result) == set()
    assert said in finding(result, "wrong-loss").hints[2]


def test_both_terms_by_hand_are_right(trained: Trained) -> None:
    """The twin."""
    one, other = "y.flatten() * torch.log(p)", "(1 - y.flatten()) * torch.log(1 - p)"
    loss = f"-(lambda p: {one} + {other})(model(X).flatten()).mean()"
    assert codes(trained(CLASSIFICATION, loss=loss)) == set()


def test_logits_that_are_trained_rightly(trained: Trained) -> None:
    """The module lacks its activation, the training makes up for it."""
    loss = LOGISTIC["loss"].replace("entropy(", "entropy_with_logits(")
    result = trained(CLASSIFICATION, output=LOGISTIC["output"][14:-1], loss=loss)
    assert codes(result) == {"missing-activation"}
    assert finding(result, "missing-activation").check == "forward"
    assert "in layer 2" in told(result)
    assert states(result) == {
        "model": "pass", "forward": "fail", "gradient": "pass", "trajectory": "pass"
    }  # fmt: skip
    slow = trained(CLASSIFICATION, {RATE: "lr=lr / 2"}, output=LOGISTIC["output"][14:-1], loss=loss)
    assert codes(slow) == {"missing-activation", "wrong-learning-rate"}


def test_a_method_that_trains_is_spoken_of(trained: Trained) -> None:
    """It is not there as a function, and the text says why it was not taken."""
    method = {"def train(model, X, y": "class Trainer:\n  def fit(self, model, X, y"}
    result = trained(REGRESSION, method)
    assert "a class needs a forward pass, an update" in told(result)
    assert "`Trainer`" in told(result)
