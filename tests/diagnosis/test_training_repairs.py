"""Mistakes in torch models and loops have a finding with their line and a repair."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from applied_diff import applied
from mistakes.samples import samples

from gradkit.binding.idioms import idioms_of
from gradkit.diagnosis.catalogue import CRASH
from gradkit.grading import training_repairs
from gradkit.records.result import UNEXPLAINED, Finding, Inquiry, TaskResult, Verdict
from gradkit.records.submission import Cell, Section
from gradkit.task.assignment import read_assignment

pytestmark = pytest.mark.sample(240)

torch = pytest.importorskip("torch")

REGRESSION = "regression-torch"

TEXT = """\
import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 2)
        self.fc2 = nn.Linear(2, 1)

    def forward(self, X):
        return self.fc2(self.fc1(X))


def train(model, X, y, epochs=20, lr=0.001):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    criterion = nn.MSELoss()
    losses = []
    for epoch in range(epochs):
        y_pred = model(X).squeeze(1)
        loss = criterion(y_pred, y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses
"""

Diagnosed = Callable[..., TaskResult]


def changed(*changes: tuple[str, str]) -> str:
    """Return the right text with some of it replaced."""
    text = TEXT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def told(result: TaskResult) -> list[tuple[str, str, str]]:
    """Return code, doubtful part and change of each finding about a check, but for exceptions."""
    return [
        (each.mistake, each.source[slice(*each.columns)] if each.columns else "", each.fix)
        for each in result.findings
        if each.check and each.mistake != CRASH
    ]


SAMPLES = {
    "broadcast-target": "model(X)",
    "gradients-cleared": "optimizer.zero_grad()",
    "graph-detached": "torch.sigmoid(self.fc1(x)).detach()",
    "graph-detached.no-grad": "with torch.no_grad()",
    "logits-loss": "BCEWithLogitsLoss",
    "loss-after-step": "loss_fn(model(X).squeeze(), y).item()",
    "missing-activation": "self.fc1(x)",
    "missing-step": "loss.backward()",
    "missing-zero-grad": "loss.backward()",
    "momentum": "momentum=0.9",
    "recorded-loss": "loss.item() * len(X)",
    "unregistered-parameters": "[nn.Linear(2, 2)]",
    "wrong-learning-rate.torch": "0.1",
    "wrong-loss": "MSELoss",
    "wrong-optimizer": "Adam",
    "wrong-reduction": 'reduction="sum"',
    "wrong-rounds": "range(1, epochs)",
}
"""Samples of the catalogue, each with what is doubtful in it."""


@pytest.mark.parametrize("name", SAMPLES)
def test_a_mistake_has_its_line_and_repair(diagnosed: Diagnosed, name: str) -> None:
    """The doubtful part is marked, and applying the diff leaves no finding."""
    text = samples()[name]
    task = text.partition("\n")[0].removeprefix("# task: ")
    result = diagnosed(text, task)
    (finding,) = [each for each in result.findings if each.check]
    assert finding.mistake == name.partition(".")[0]
    assert finding.source[slice(*finding.columns)] == SAMPLES[name]
    assert finding.place is not None
    assert text.split("\n")[finding.place.line - 1].strip() == finding.source
    assert finding.fix
    mended = applied(finding.diff, text, Cell("x", "x.py", None, text))
    assert mended != text
    # What is only put in is told as that, with the line that it stands below.
    rows = finding.diff.split("\n")[2:]
    assert (finding.adds is None) == any(row.startswith("-") for row in rows)
    if finding.adds is not None:
        assert mended.split("\n")[finding.adds].strip() == finding.fix.split("\n")[0]
    assert told(diagnosed(mended, task)) == []


def test_right_code_is_not_searched(diagnosed: Diagnosed, monkeypatch) -> None:
    """The search for lines does not start where all checks pass."""
    monkeypatch.setattr(training_repairs, "with_lines", pytest.fail)
    assert told(diagnosed(TEXT, REGRESSION)) == []


def test_two_mistakes_on_one_line_have_two_repairs(diagnosed: Diagnosed) -> None:
    """The columns of each are those of the student's line."""
    text = changed(("SGD(", "Adam("), ("lr=lr)", "lr=0.01)"))
    found = {code: fix for code, _, fix in told(diagnosed(text, REGRESSION))}
    assert set(found) == {"wrong-optimizer", "wrong-learning-rate"}
    assert "SGD(model.parameters(), lr=0.01)" in found["wrong-optimizer"]
    assert "lr=lr" in found["wrong-learning-rate"]


def test_places_are_lines_of_the_students_text(diagnosed: Diagnosed) -> None:
    """One repair adds a line; the place of the other is still where the student sees it."""
    text = changed(("        optimizer.zero_grad()\n", ""), ("lr=lr)", "lr=lr, momentum=0.9)"))
    lines = text.split("\n")
    for finding in diagnosed(text, REGRESSION).findings:
        assert finding.place is not None
        assert lines[finding.place.line - 1].strip() == finding.source


SLOW = "torch.optim.lr_scheduler.StepLR(optimizer, 5, 0.5)"


def test_a_mistake_without_a_name_has_a_repair(diagnosed: Diagnosed) -> None:
    """The catalogue has no entry for a schedule; without that line everything is right."""
    text = changed(
        (
            "    losses = []",
            "    slow = torch.optim.lr_scheduler.StepLR(optimizer, 5, 0.5)\n    losses = []",
        ),
        ("optimizer.step()\n", "optimizer.step()\n        slow.step()\n"),
    )
    ((code, part, fix),) = told(diagnosed(text, REGRESSION))
    assert (code, part, fix) == ("extra-statement", "slow.step()", "")


BATCHES = """\
        for xb, yb in DataLoader(TensorDataset(X, y), batch_size=2, shuffle=True):
            loss = criterion(model(xb).squeeze(1), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    return losses
"""
CLOSURE = """\
        def closure():
            optimizer.zero_grad()
            loss = criterion(model(X).squeeze(1), y)
            loss.backward()
            return loss
        losses.append(optimizer.step(closure).item())
    return losses
"""


@pytest.mark.parametrize(
    ("code", "part", "optimizer", "text"),
    [("mini-batch", "2", "SGD", BATCHES), ("wrong-optimizer", "LBFGS", "LBFGS", CLOSURE)],
)
def test_a_mistake_that_only_a_repair_shows_costs_its_price(
    diagnosed: Diagnosed, code: str, part: str, optimizer: str, text: str
) -> None:
    """It costs a fifth of the gradient and of the trajectory."""
    head, _, _ = changed(("SGD(", f"{optimizer}(")).partition("        y_pred")
    loader = "from torch.utils.data import DataLoader, TensorDataset\n"
    result = diagnosed(loader + head + text, REGRESSION)
    assert [(found, doubt) for found, doubt, _ in told(result)] == [(code, part)]
    (finding,) = [each for each in result.findings if each.check]
    assert (finding.deduction, result.score) == (2.5, 17.5)
    assert "{" not in "".join((finding.sentence, *finding.hints))


def test_a_mistake_of_the_model_is_one_finding(diagnosed: Diagnosed) -> None:
    """It spoils the forward pass and the training, and both checks name it as their cause."""
    text = changed(("self.fc2(self.fc1(X))", "self.fc2(self.fc1(X)) * 2.5"))
    result = diagnosed(text, REGRESSION)
    assert told(result) == [
        ("wrong-expression", "self.fc2(self.fc1(X)) * 2.5", "return self.fc2(self.fc1(X))")
    ]
    assert {each.check: each.causes for each in result.checks if each.causes} == {
        "gradient": ("wrong-expression",),
        "trajectory": ("wrong-expression",),
    }


def test_a_mistake_without_a_repair_stays_unexplained(diagnosed: Diagnosed) -> None:
    """The loss is no small change of the right one."""
    text = changed(("criterion(y_pred, y)", "((y_pred - y).abs() ** 3 * X.sum(1).cos()).mean()"))
    ((code, part, fix),) = told(diagnosed(text, REGRESSION))
    assert (code, part, fix) == (UNEXPLAINED, "", "")


def test_a_loop_over_rows_is_marked(diagnosed: Diagnosed) -> None:
    """The numbers are those of mini-batches, and only this loop can make them."""
    text = changed(
        ("        y_pred = model(X).squeeze(1)\n        loss = criterion(y_pred, y)\n", ROWS),
        ("        losses.append(loss.item())\n        optimizer.zero_grad()\n", ""),
        (
            "        loss.backward()\n        optimizer.step()\n",
            "        losses.append(total / 4)\n",
        ),
    )
    ((code, part, _),) = told(diagnosed(text, REGRESSION))
    assert (code, part) == ("mini-batch", "for i in range(len(X))")


ROWS = """\
        total = 0
        for i in range(len(X)):
            loss = criterion(model(X[i]).squeeze(), y[i])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
"""


LOOP = """\
X, y = torch.rand(4, 2), torch.rand(4)
model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
for epoch in range(20):
    loss = nn.functional.mse_loss(model(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def test_a_loop_at_top_level_is_repaired(diagnosed: Diagnosed) -> None:
    """Notebooks often have no training function."""
    head, _, _ = TEXT.partition("def train")
    ((code, part, fix),) = told(diagnosed(head + LOOP, REGRESSION))
    assert (code, part) == ("broadcast-target", "model(X)")
    assert fix == "loss = nn.functional.mse_loss(model(X).squeeze(-1), y)"


OWN_STEPS = """\
X, y = torch.rand(4, 2), torch.rand(4, 1)
net, other = Model(), Model()
for epoch in range(20):
    loss = torch.mean((net(X) - y) ** 2)
    net.zero_grad()
    loss.backward()
    with torch.no_grad():
        for p in net.parameters():
            p.data = p.data - 0.001 * p.grad
"""

OF_STEPS: dict[str, tuple[tuple[str, str], str, str, str]] = {
    "the rate": (
        ("0.001", "0.01"),
        *("wrong-learning-rate", "0.01", "p.data = p.data - 0.001 * p.grad"),
    ),
    "brackets": (
        ("((net(X) - y) ** 2)", "(net(X) - y) ** 2"),
        *("wrong-brackets", "torch.mean(net(X) - y) ** 2", "loss = torch.mean((net(X) - y) ** 2)"),
    ),
    "only the step": (
        ("p.data - 0.001", "-0.001"),
        *("not-added", "-0.001 * p.grad", "p.data = p.data + -0.001 * p.grad"),
    ),
    "of a name": (
        ("p.data = p", "p = p"),
        *("missing-step", "p", "p.data = p.data - 0.001 * p.grad"),
    ),
}
"""Of a loop at top level without an optimiser: what is changed, what is told, and what is right."""


def test_a_loop_without_an_optimiser_is_right(diagnosed: Diagnosed) -> None:
    """Its steps are written by hand."""
    head, _, _ = TEXT.partition("def train")
    made = diagnosed(head + OWN_STEPS, REGRESSION)
    assert made.score == made.max_score


@pytest.mark.parametrize("case", OF_STEPS.values(), ids=OF_STEPS)
def test_a_loop_without_an_optimiser_is_repaired(diagnosed: Diagnosed, case) -> None:
    """It has the mistakes of an optimiser, and some of its own."""
    (old, new), *right = case
    head, _, _ = TEXT.partition("def train")
    text = head + OWN_STEPS
    assert text.count(old) == 1
    assert told(diagnosed(text.replace(old, new), REGRESSION)) == [tuple(right)]


def test_targets_have_the_shape_of_the_students_own_call(diagnosed: Diagnosed) -> None:
    """A student who passes a column compares arrays of equal shapes."""
    text = changed(("model(X).squeeze(1)", "model(X)"))
    own = "\n\nX, y = torch.rand(4, 2), torch.rand({})\nprint(train(Model(), X, {}))\n"
    for shape, handed, codes in (
        ("4, 1", "y", []),
        ("4, 1", "y=y", []),
        ("4", "y", ["broadcast-target"]),
        ("4", "y * 1", ["broadcast-target"]),
    ):
        made = diagnosed(text + own.format(shape, handed), REGRESSION)
        assert [code for code, _, _ in told(made)] == codes


def test_an_optimiser_of_another_model_is_located(diagnosed: Diagnosed) -> None:
    """Other reasons for parameters that do not change are not reported."""
    head, _, _ = TEXT.partition("def train")
    text = head + LOOP.replace("model = Model()", "model = Model()\nother = Model()")
    text = text.replace("(model.parameters()", "(other.parameters()").replace("(4)", "(4, 1)")
    ((code, part, fix),) = told(diagnosed(text, REGRESSION))
    assert (code, part) == ("unregistered-parameters", "other.parameters()")
    assert fix == "optimizer = torch.optim.SGD(model.parameters(), lr=0.001)"


def test_a_missing_call_is_located_where_it_belongs(diagnosed: Diagnosed) -> None:
    """The finding has the call and the line before which it belongs."""
    ((code, part, fix),) = told(diagnosed(changed(("        loss.backward()\n", "")), REGRESSION))
    assert (code, part) == ("missing-statement", "optimizer.step()")
    assert fix == "loss.backward()"


def test_a_missing_call_of_super_is_reported_as_an_exception(diagnosed: Diagnosed) -> None:
    """The finding is at the line that raises, and says what is missing."""
    result = diagnosed(changed(("        super().__init__()\n", "")), REGRESSION)
    (finding,) = [each for each in result.findings if each.check]
    assert (finding.mistake, finding.source) == (CRASH, "self.fc1 = nn.Linear(2, 2)")
    assert "`super().__init__()` is missing." in finding.sentence


ONLY_NAMED: dict[str, tuple[str, str, str, str]] = {
    "a step": ("optimizer.step()", "optimizer.step", "not-called", "optimizer.step()"),
    "a slope": ("loss.backward()", "loss.backward", "not-called", "loss.backward()"),
    "a loss": ("nn.MSELoss()", "nn.MSELoss", "not-called", "criterion = nn.MSELoss()"),
    "a number": ("loss.item()", "loss.item", "not-called", "losses.append(loss.item())"),
    "a forward pass": ("model(X)", "model.forward", "not-called", "y_pred = model.forward(X)"),
    "a model too many": (
        *("super().__init__()", "super(Model, self).__init__(self)"),
        *("wrong-option", "super().__init__()"),
    ),
}
"""What is changed, into what, the mistake, and what is told to stand there."""


@pytest.mark.parametrize("case", ONLY_NAMED.values(), ids=ONLY_NAMED)
def test_a_method_that_is_not_called_is_located(diagnosed: Diagnosed, case) -> None:
    """The finding is at the method's name, even where another line raises the exception."""
    old, new, code, fix = case
    text = changed((old, new)).replace("model.forward.squeeze(1)", "model.forward")
    text = text.replace("y_pred, y)", "y_pred.squeeze(1), y)") if "forward" in new else text
    assert [(found, mended) for found, _, mended in told(diagnosed(text, REGRESSION))] == [
        (code, fix)
    ]


STOPPED: dict[str, tuple[tuple[str, str], str, str]] = {
    "a tensor that is cut off": (
        ("model(X).squeeze(1)", "model(X).squeeze(1).detach()"),
        *("graph-detached", "model(X).squeeze(1).detach()"),
    ),
    "no graph at all": (
        ("        y_pred = model", "        with torch.no_grad():\n            y_pred = model"),
        *("graph-detached", "with torch.no_grad()"),
    ),
    "other numbers": (
        ("    losses = []\n", "    losses = []\n    X = X.double()\n"),
        *("extra-statement", "X = X.double()"),
    ),
}
"""Of loops that stop: what is changed, the mistake, and what is doubtful."""


@pytest.mark.parametrize("case", STOPPED.values(), ids=STOPPED)
def test_a_loop_that_raises_is_located_where_it_is_repaired(diagnosed: Diagnosed, case) -> None:
    """The check loses the price of an exception."""
    change, code, part = case
    result = diagnosed(changed(change), REGRESSION)
    assert [(found, doubt) for found, doubt, _ in told(result)] == [(code, part)]
    (finding,) = [each for each in result.findings if each.mistake == code]
    states = {each.check: (each.state, each.score) for each in result.checks}
    assert states[finding.check] == ("error", 3.5)
    # What a mistake's page says of its numbers was not seen here.
    assert len(finding.hints) == 2


STEP_OF_ITS_OWN = """\
def step(model, optimizer, X, y):
    loss = nn.functional.mse_loss(model(X).squeeze(1), y)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


def train(model, X, y, epochs=20, lr=0.001):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return [step(model, optimizer, X, y) for epoch in range(epochs)]
"""
METHOD = "    def all(self, X):\n        return self.fc1(self.fc1(X))"
LOADER = "torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, y))"
WHERE_IT_IS: dict[str, tuple[tuple[tuple[str, str], ...], str, str, str]] = {
    "layers exchanged": (
        (("self.fc2(self.fc1(X))", "self.fc1(self.fc2(X))"),),
        *("wrong-name", "self.fc1", "return self.fc2(self.fc1(X))"),
    ),
    "one layer twice": (
        (("self.fc2(self.fc1(X))", "self.fc1(self.fc1(X))"),),
        *("wrong-name", "self.fc1", "return self.fc2(self.fc1(X))"),
    ),
    "one layer twice, in a method": (
        (("return self.fc2(self.fc1(X))", f"return self.all(X)\n\n{METHOD}"),),
        *("wrong-name", "self.fc1", "return self.fc2(self.fc1(X))"),
    ),
    "the largest output": (
        (("model(X).squeeze(1)", "model(X).argmax(dim=1).float()"),),
        *("wrong-shape", "model(X).argmax(dim=1).float()", "y_pred = model(X).squeeze(-1)"),
    ),
    "a loss that is a number": (
        (("criterion(y_pred, y)", "criterion(y_pred, y).item()"), ("loss.item()", "loss")),
        *("extra-function", "criterion(y_pred, y).item()", "loss = criterion(y_pred, y)"),
    ),
    "a step in the graph": (
        (
            ("optimizer.zero_grad()", "model.zero_grad()"),
            ("optimizer.step()", "for p in model.parameters():\n            p -= lr * p.grad"),
        ),
        *("missing-statement", "model.parameters()", "with torch.no_grad():"),
    ),
    "one row after the other": (
        (
            ("    losses = []\n", f"    losses = []\n    loader = {LOADER}\n"),
            (
                "        y_pred = model(X).squeeze(1)\n        loss = criterion(y_pred, y)\n",
                "      for rows, right in loader:\n        loss = criterion(model(rows)[:, 0], right)\n",
            ),
        ),
        "mini-batch",
        "torch.utils.data.TensorDataset(X, y)",
        f"loader = {LOADER[:-1]}, batch_size=len(X))",
    ),
    "cleared in a step of its own": (
        ((TEXT[TEXT.index("def train") :], STEP_OF_ITS_OWN),),
        *("gradients-cleared", "optimizer.zero_grad()", "optimizer.step()"),
    ),
}
"""What is changed, the mistake, what is doubtful, and what the line is to be."""


@pytest.mark.parametrize("case", WHERE_IT_IS.values(), ids=WHERE_IT_IS)
def test_a_mistake_is_located_in_all_parts_of_a_text(diagnosed: Diagnosed, case) -> None:
    """In the model, in the step, in a helper, and where the code stops."""
    changes, code, part, right = case
    ((found, doubtful, fix),) = told(diagnosed(changed(*changes), REGRESSION))
    assert (found, doubtful) == (code, part)
    assert right in fix


def test_an_exception_without_a_repair_is_in_the_verdict(diagnosed: Diagnosed) -> None:
    """The verdict names the function, and there is no finding."""
    result = diagnosed(changed(("    losses = []\n", "    raise ValueError(1)\n")), REGRESSION)
    assert told(result) == []
    assert "`train` stopped with ValueError" in result.checks[-1].message


STACK = "model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))\n\n\n"
SIZES = {
    "in two layers": (
        (("Linear(2, 2)", "Linear(2, 3)"), ("(2, 1)", "(3, 1)")),
        "3",
        "Linear(2, 2)",
    ),
    "outputs": ((("Linear(2, 1)", "Linear(2, 2)"),), "2", "Linear(2, 1)"),
    "between two layers": (
        (("2)\n        self.fc2 = nn.Linear(2, 1)", "1)\n        self.fc2 = nn.Linear(1, 1)"),),
        *("1", "self.fc1 = nn.Linear(2, 2)\nself.fc2 = nn.Linear(2, 1)"),
    ),
    "handed over by default": (
        (
            ("__init__(self)", "__init__(self, units=3)"),
            *(("Linear(2, 2)", "Linear(2, units)"), ("Linear(2, 1)", "Linear(units, 1)")),
        ),
        *("3", "units=2"),
    ),
    "without a class": (
        ((TEXT[TEXT.index("class") : TEXT.index("def train")], STACK),),
        *("3", "nn.Linear(2, 2), nn.Linear(2, 1)"),
    ),
}


@pytest.mark.parametrize("case", SIZES.values(), ids=SIZES)
def test_a_layer_of_another_size_is_located(diagnosed: Diagnosed, case) -> None:
    """The layers after it are adapted in the same repair."""
    changes, part, right = case
    result = diagnosed(changed(*changes), REGRESSION)
    ((code, doubtful, fix),) = told(result)
    assert (code, doubtful) == ("wrong-constant", part)
    assert right in fix


PARAMETERS = (
    ("fc1 = nn.Linear(2, 2)", "W1 = nn.Parameter(torch.randn(2, 2))"),
    (
        "        self.fc2 = nn.Linear(2, 1)\n",
        """\
        self.b1 = nn.Parameter(torch.zeros(2))
        self.W2 = nn.Parameter(torch.randn(2, 1) * 0.1)
        self.b2 = nn.Parameter(torch.zeros(1))
""",
    ),
    ("self.fc2(self.fc1(X))", "(X @ self.W1 + self.b1) @ self.W2 + self.b2"),
)
"""A model whose parameters are made by hand."""

BY_NAME: dict[str, tuple[tuple[tuple[str, str], ...], str, str, str]] = {
    "a tensor": (
        (("b1 = nn.Parameter(torch.zeros(2))", "b1 = torch.zeros(2)"),),
        *("unregistered-parameters", "torch.zeros(2)"),
        "self.b1 = torch.nn.Parameter(torch.zeros(2))",
    ),
    "all of them": (
        (
            ("W1 = nn.Parameter(torch.randn(2, 2))", "W1 = torch.randn(2, 2)"),
            ("b1 = nn.Parameter(torch.zeros(2))", "b1 = torch.zeros(2)"),
            ("W2 = nn.Parameter(torch.randn(2, 1) * 0.1)", "W2 = torch.randn(2, 1) * 0.1"),
            ("b2 = nn.Parameter(torch.zeros(1))", "b2 = torch.zeros(1)"),
        ),
        *("unregistered-parameters", "torch.randn(2, 2)"),
        """\
self.W1 = torch.nn.Parameter(torch.randn(2, 2))
self.b1 = torch.nn.Parameter(torch.zeros(2))
self.W2 = torch.nn.Parameter(torch.randn(2, 1) * 0.1)
self.b2 = torch.nn.Parameter(torch.zeros(1))""",
    ),
    "a bias that nobody reads": (
        (("@ self.W2 + self.b2", "@ self.W2"),),
        *("missing-term", "(X @ self.W1 + self.b1) @ self.W2"),
        "return (X @ self.W1 + self.b1) @ self.W2 + self.b2",
    ),
}


@pytest.mark.parametrize("case", BY_NAME.values(), ids=BY_NAME)
def test_a_tensor_that_is_no_parameter_is_located(diagnosed: Diagnosed, case) -> None:
    """So is a bias that the forward pass never uses."""
    changes, *right = case
    text = changed(*PARAMETERS, *BY_HAND[:2], STEPS)
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    result = diagnosed(text, REGRESSION)
    assert told(result) == [tuple(right)]


def test_parameters_made_by_hand_are_right(diagnosed: Diagnosed) -> None:
    """The same text without a mistake has full marks."""
    assert diagnosed(changed(*PARAMETERS, *BY_HAND[:2], STEPS), REGRESSION).score == 20


def test_the_number_of_attempts_is_limited(diagnosed: Diagnosed, monkeypatch) -> None:
    """When no attempt is left the finding has the mistake's name and no line."""
    monkeypatch.setattr(training_repairs, "ATTEMPTS", 0)
    ((code, part, fix),) = told(diagnosed(changed(("SGD(", "Adam(")), REGRESSION))
    assert (code, part, fix) == ("wrong-optimizer", "", "")


def test_the_time_of_the_search_is_limited() -> None:
    """All attempts together take at most the deadline, plus one attempt."""

    class Slow:
        spent = 12.0
        section, modules = Section((), ()), ()

        def with_texts(self, texts):
            return nullcontext()

    ran: list[int] = []
    task = next(task for task in read_assignment().tasks if task.id == REGRESSION)
    case = SimpleNamespace(binding=SimpleNamespace(bound={}))
    seen = SimpleNamespace(verdicts=[WRONG], case=case)
    search = training_repairs._Search(
        task, Slow(), lambda more: ran.append(more) or seen, {}, task.deadline
    )
    found = Inquiry((Finding("", "trajectory", UNEXPLAINED, "", ()),))
    idioms = idioms_of(Slow.section, Slow.modules)
    run = training_repairs._Run({"cell": changed(("SGD(", "Adam("))}, seen, idioms, found)
    assert search.steps(run) == []
    assert ran == [0, 0, 0]


DEEP = "    nothing = " + "-" * 400 + "1\n"
WIDE = "".join(f"    losses.sort(key=lambda x: -{n} * x)\n" for n in range(2000))


@pytest.mark.parametrize("more", [DEEP, "def unused(losses):\n" + WIDE], ids=["deep", "wide"])
def test_a_text_that_cannot_be_changed_keeps_its_finding(diagnosed: Diagnosed, more: str) -> None:
    """It is nested too deeply or too long; the finding has a name and no line."""
    text = changed(("SGD(", "Adam("), ("    losses = []\n", f"    losses = []\n{more}"))
    if more.startswith("def"):
        text = changed(("SGD(", "Adam(")) + more
    assert [code for code, _, _ in told(diagnosed(text, REGRESSION))] == ["wrong-optimizer"]


WRONG = Verdict("trajectory", "fail", "")


def test_a_missing_activation_names_the_loss_that_fits_logits(diagnosed: Diagnosed) -> None:
    """One mistake needs two changes: the model gives probabilities, and the loss takes them."""
    text = samples()["missing-activation"].replace(
        "h = self.fc1(x)", "h = torch.sigmoid(self.fc1(x))"
    )
    text = text.replace("torch.sigmoid(self.fc2(h))", "self.fc2(h)")
    text = text.replace("nn.BCELoss()", "nn.BCEWithLogitsLoss()")
    result = diagnosed(text, "classification-torch")
    assert ("missing-activation", "self.fc2(h)", "return torch.sigmoid(self.fc2(h))") in told(
        result
    )
    line = text[: text.index("nn.BCEWithLogitsLoss()")].count("\n") + 1
    (finding,) = [each for each in result.findings if each.mistake == "missing-activation"]
    assert f"The loss in line {line} fits the present output" in finding.sentence


IN_LAYERS = (
    "        return self.fc2(self.fc1(X))\n",
    "        for layer in (self.fc1, self.fc2):\n            X = layer(X)\n        return X\n",
)
IN_BATCHES = (
    """        y_pred = model(X).squeeze(1)
        loss = criterion(y_pred, y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
""",
    """        for xb, yb in [(X, y)]:
            y_pred = model(xb)
            loss = criterion(y_pred, yb)
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
""",
)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_the_shape_is_repaired_in_the_loop_not_in_the_model(
    diagnosed: Diagnosed, optimizer: str
) -> None:
    """The task asks the model for a column."""
    text = changed(IN_LAYERS, IN_BATCHES, ("SGD(", f"{optimizer}("))
    code, part, fix = told(diagnosed(text, REGRESSION))[0]
    assert (code, part) == ("broadcast-target", "model(xb)")
    assert fix == "y_pred = model(xb).squeeze(-1)"


CLASSIFIER = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1), nn.Sigmoid())

    def forward(self, X):
        return self.net(X)


def bce(p, t):
    return -(t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean()


def train(model, X, y, epochs=100, lr=0.01):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for epoch in range(epochs):
        optimizer.zero_grad()
        loss = bce(model(X), y.reshape(-1, 1))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        print(model(X))
    return losses
"""
BY_HAND = (
    ("    optimizer = torch.optim.SGD(model.parameters(), lr=lr)\n", ""),
    ("        optimizer.zero_grad()\n", ""),
    (
        "        optimizer.step()\n",
        "        with torch.no_grad():\n            for p in model.parameters():\n"
        "                p -= lr * p.grad\n                p.grad.zero_()\n",
    ),
)
STEPS = BY_HAND[2]
LOGARITHMS = (
    "t * torch.log(p) + (1 - t) * torch.log(1",
    "t * torch.log2(p) + (1 - t) * torch.log2(1",
)

PLAIN: dict[str, tuple[tuple[tuple[str, str], ...], str, str, str]] = {
    "the optimiser of one layer": (
        (("SGD(model.", "SGD(model.net[2]."),),
        *("unregistered-parameters", "model.net[2].parameters()"),
        "optimizer = torch.optim.SGD(model.parameters(), lr=lr)",
    ),
    "a loss without its minus": (
        (("return -(", "return ("),),
        *("wrong-sign", "(t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean()"),
        "return -(t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean()",
    ),
    "a minus of one term": (
        (("return -(t", "return (-t"),),
        *("turned-sign", "+"),
        "return (-t * torch.log(p) - (1 - t) * torch.log(1 - p)).mean()",
    ),
    "half of a loss": (
        ((" + (1 - t) * torch.log(1 - p)", ""),),
        *("wrong-loss", "-(t * torch.log(p)).mean()"),
        "return torch.nn.functional.binary_cross_entropy(p, t)",
    ),
    "other logarithms": (
        (LOGARITHMS,),
        *("wrong-reduction", "torch.log2"),
        "return -(t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean()",
    ),
    "the loss the other way round": (
        (("bce(model(X), y.reshape(-1, 1))", "bce(y.reshape(-1, 1), model(X))"),),
        *("wrong-order", "y.reshape(-1, 1), model(X)"),
        "loss = bce(model(X), y.reshape(-1, 1))",
    ),
    "a softmax of one unit": (
        (("(2, 1), nn.Sigmoid()", "(2, 1), nn.Softmax(dim=1)"),),
        *("wrong-function", "nn.Softmax(dim=1)"),
        "self.net = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1), nn.Sigmoid())",
    ),
    "no activation between layers": (
        (("nn.Linear(2, 2), nn.Sigmoid()", "nn.Linear(2, 2)"),),
        *("missing-activation", "nn.Linear(2, 2)"),
        "self.net = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1), nn.Sigmoid())",
    ),
    "steps by hand, of a name": (
        (
            *BY_HAND,
            (
                "p -= lr * p.grad\n                p.grad.zero_()",
                "p = p - lr * p.grad\n            model.zero_grad()",
            ),
        ),
        *("missing-step", "p = p - lr * p.grad"),
        "p -= lr * p.grad",
    ),
    "steps by hand, of a name, that stop": (
        (*BY_HAND, ("p -= lr * p.grad", "p = p - lr * p.grad")),
        *("missing-step", "p = p - lr * p.grad"),
        "p -= lr * p.grad",
    ),
    "steps by hand, uphill": (
        (*BY_HAND, ("p -= lr", "p += lr")),
        *("wrong-sign", "+"),
        "p -= lr * p.grad",
    ),
    "steps by hand, with two rates": (
        (*BY_HAND, ("p -= lr", "p -= (10 * lr if p.dim() == 1 else lr)")),
        *("wrong-expression", "10 * lr if p.dim() == 1 else lr"),
        "p -= (lr) * p.grad",
    ),
    "steps by hand, of the weights": (
        (*BY_HAND, ("in model.parameters()", "in [model.net[0].weight, model.net[2].weight]")),
        *("wrong-bounds", "[model.net[0].weight, model.net[2].weight]"),
        "for p in model.parameters():",
    ),
    "steps by hand, of all gradients so far": (
        (*BY_HAND, ("                p.grad.zero_()\n", "")),
        *("missing-zero-grad", "loss.backward()"),
        "model.zero_grad()",
    ),
}
"""Of a loop in plain torch: what is changed, the mistake, what is doubtful and what is right."""


@pytest.mark.parametrize("case", PLAIN.values(), ids=PLAIN)
def test_a_mistake_in_plain_torch_is_one_finding_at_its_line(diagnosed: Diagnosed, case) -> None:
    """Consequences and other changes that give the same numbers are not reported."""
    changes, *right = case
    text = CLASSIFIER
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    assert told(diagnosed(text, "classification-torch")) == [tuple(right)]


ANEW = """\
        loss = torch.tensor(loss.item(), requires_grad=True)
        optimizer.zero_grad()
"""
STEP = """\
def step(model, criterion, optimizer, X, y):
    loss = criterion(model(X).squeeze(1), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return criterion(model(X).squeeze(1), y).item()


def train"""
SQUARES = ("criterion(y_pred, y)", "((y_pred - y) ** 2).sum() / len(X)")
STEPPED = "p.data.sub_(lr * p.grad)"
IN_PLACE = (*BY_HAND[:2], (STEPS[0], STEPS[1].replace("p -= lr * p.grad", STEPPED)))
STACKED = """\
model = nn.Sequential()
model.add_module("one", nn.Linear(2, 2))
model.add_module("two", nn.Sigmoid())
model.add_module("three", nn.Linear(2, 1))
"""
COUNTED = """\
X, y = torch.rand(4, 2), torch.rand(4)
model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
epoch = 0
while epoch < 20:
    loss = nn.functional.mse_loss(model(X).squeeze(1), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    epoch += 2
"""
SCALED = ("loss.item()", "loss.item() / len(X)")
DROPPING = "nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.Linear(2, 1))"
SOME = "if epoch % 10 == 0:\n        "

ENDS = "        optimizer.step()\n        if loss < 20:\n            break\n"
PENALISED = "criterion(y_pred, y) + 0.01 * sum((p ** 2).sum() for p in model.parameters())"
TRAIN = TEXT[TEXT.index("def train") :]
TRAINER = """\
class Trainer:
    def __init__(self, net):
        self.net = net

    def fit(self, X, y, epochs, lr):
        losses = []
        for _ in range(epochs):
            loss = nn.functional.mse_loss(self.net(X).squeeze(1), y)
            losses.append(loss.item())
            self.net.zero_grad()
            loss.backward()
            for p in self.net.fc2.parameters():
                p.data -= lr * p.grad
        return losses


def train(model, X, y, epochs=20, lr=0.001):
    return Trainer(model).fit(X, y, epochs, lr)
"""
LISTED = """\
def train(model, X, y, epochs=20, lr=0.001):
    weights = list(model.parameters())
    losses = []
    for _ in range(epochs):
        loss = nn.functional.mse_loss(model(X).squeeze(1), y)
        losses.append(loss.item())
        slopes = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for w, slope in zip(weights, slopes):
                w.data = w.data - lr * slope
    return losses
"""
SCORED = (
    ("def forward(self, X):", "def score(self, X):"),
    ("self.fc1(X))\n", "self.fc1(X))\n\n    def forward(self, X):\n        return self.score(X)\n"),
    ("model(X).squeeze(1)", "model.score(X).squeeze(1)"),
)
TRAIN_HEAD = "    for epoch in range(epochs):\n"
SILENT = (
    ("    loss.backward()\n    optimizer.zero_grad()\n", "    loss.backward()\n"),
    ("    loss = nn.functional", "    optimizer.zero_grad()\n    loss = nn.functional"),
    ("    return loss.item()\n", ""),
)

OTHERS: dict[str, tuple[tuple[tuple[str, str], ...], str, str, str]] = {
    "absolute differences": (
        (("criterion(y_pred, y)", "(y_pred - y).abs().mean()"),),
        *("wrong-loss", "(y_pred - y).abs()", "loss = ((y_pred - y) ** 2).mean()"),
    ),
    "another power": (
        (("criterion(y_pred, y)", "((y_pred - y) ** 4).mean()"),),
        *("wrong-expression", "4", "loss = ((y_pred - y) ** 2).mean()"),
    ),
    "divided by all numbers": (
        (("criterion(y_pred, y)", SQUARES[1].replace("len(X)", "X.numel()")),),
        *("wrong-reduction", "X.numel()", f"loss = {SQUARES[1]}"),
    ),
    "columns of a sum": (
        (("model(X).squeeze(1)", "model(X)"), SQUARES),
        *("broadcast-target", "model(X)", "y_pred = model(X).squeeze(-1)"),
    ),
    "the parameters of one layer": (
        (("model.parameters()", "list(model.fc2.parameters())"),),
        *("unregistered-parameters", "list(model.fc2.parameters())"),
        "optimizer = torch.optim.SGD(model.parameters(), lr=lr)",
    ),
    "the parameters of another model": (
        (("model.parameters()", "Model().parameters()"),),
        *("unregistered-parameters", "Model().parameters()"),
        "optimizer = torch.optim.SGD(model.parameters(), lr=lr)",
    ),
    "layers in a dict": (
        (
            ("        self.fc2 = nn.Linear(2, 1)\n", ""),
            (
                "self.fc1 = nn.Linear(2, 2)",
                'self.fc = {"1": nn.Linear(2, 2), "2": nn.Linear(2, 1)}',
            ),
            ("self.fc2(self.fc1(X))", 'self.fc["2"](self.fc["1"](X))'),
        ),
        *("unregistered-parameters", '{"1": nn.Linear(2, 2), "2": nn.Linear(2, 1)}'),
        "self.fc = torch.nn.ModuleDict({'1': nn.Linear(2, 2), '2': nn.Linear(2, 1)})",
    ),
    "a threshold": (
        (("model(X).squeeze(1)", "(model(X).squeeze(1) > 4).float().requires_grad_()"),),
        *("graph-detached", "(model(X).squeeze(1) > 4).float().requires_grad_()"),
        "y_pred = model(X).squeeze(1)",
    ),
    "the data of a tensor": (
        (("model(X).squeeze(1)", "model(X).squeeze(1).data.requires_grad_()"),),
        *("graph-detached", "model(X).squeeze(1).data.requires_grad_()"),
        "y_pred = model(X).squeeze(1)",
    ),
    "the data of a layer": (
        (("self.fc2(self.fc1(X))", "self.fc2(self.fc1(X).data)"),),
        *("graph-detached", "self.fc1(X).data", "return self.fc2(self.fc1(X))"),
    ),
    "a loss that is made anew": (
        (("        optimizer.zero_grad()\n", ANEW),),
        *("graph-detached", "loss = torch.tensor(loss.item(), requires_grad=True)", ""),
    ),
    "steps uphill, by a method": (
        (*IN_PLACE, ("sub_", "add_")),
        *("wrong-sign", "add_", STEPPED),
    ),
    "steps that nobody keeps": (
        (*IN_PLACE, ("sub_", "sub")),
        *("missing-step", "sub", STEPPED),
    ),
    "steps that are cut off": (
        (*IN_PLACE, ("p.grad)", "p.grad.clamp(-1, 1))")),
        *("extra-function", "p.grad.clamp(-1, 1)", STEPPED),
    ),
    "a little decay": (
        (("lr=lr)", "lr=lr, weight_decay=1e-2)"),),
        *("wrong-option", "weight_decay=1e-2"),
        "optimizer = torch.optim.SGD(model.parameters(), lr=lr)",
    ),
    "the loss after the step, by a function": (
        (
            (
                "        optimizer.zero_grad()\n        loss.backward()\n        optimizer.step()\n",
                "",
            ),
            ("        y_pred = model(X).squeeze(1)\n        loss = criterion(y_pred, y)\n", ""),
            ("loss.item()", "step(model, criterion, optimizer, X, y)"),
            ("def train", STEP),
        ),
        *("loss-after-step", "criterion(model(X).squeeze(1), y).item()", "return loss.item()"),
    ),
    "sizes the other way round": (
        (("nn.Linear(2, 1)", "nn.Linear(1, 2)"),),
        *("wrong-order", "1, 2", "self.fc2 = nn.Linear(2, 1)"),
    ),
    "no bias": (
        (("nn.Linear(2, 1)", "nn.Linear(2, 1, bias=False)"),),
        *("wrong-option", "bias=False", "self.fc2 = nn.Linear(2, 1)"),
    ),
    "a layer too much": (
        (
            ("self.fc1 = nn.Linear(2, 2)", f"self.fc = {DROPPING}"),
            ("        self.fc2 = nn.Linear(2, 1)\n", ""),
            ("self.fc2(self.fc1(X))", "self.fc(X)"),
        ),
        *("extra-function", "nn.Dropout(0.5)"),
        "self.fc = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))",
    ),
    "one layer twice": (
        (("self.fc2(self.fc1(X))", "self.fc1(self.fc1(X))"), (".squeeze(1)", ".mean(1)")),
        *("wrong-name", "self.fc1", "return self.fc2(self.fc1(X))"),
    ),
    "another input": (
        (
            (
                "        return self.fc2(self.fc1(X))",
                "        h = self.fc1(X)\n        return self.fc2(X)",
            ),
        ),
        *("wrong-name", "X", "return self.fc2(h)"),
    ),
    "nothing returned": (
        (("    return losses\n", ""),),
        *("missing-return", "", ""),
    ),
    "the last loss returned": (
        (("return losses", "return losses[-1]"),),
        *("wrong-element", "losses[-1]", "return losses"),
    ),
    "returned in the first round": (
        (("    return losses", "        return losses"),),
        *("wrong-indentation", "return losses", "    optimizer.step()\nreturn losses"),
    ),
    "a forward pass before the loop": (
        (
            ("        y_pred = model(X).squeeze(1)\n", ""),
            ("    for epoch", "    y_pred = model(X).squeeze(1)\n    for epoch"),
        ),
        *("wrong-indentation", "y_pred = model(X).squeeze(1)"),
        "for epoch in range(epochs):\n    y_pred = model(X).squeeze(1)",
    ),
    "losses after the loop": (
        (
            ("        losses.append(loss.item())\n", ""),
            ("    return losses", "    losses.append(loss.item())\n    return losses"),
        ),
        *("recorded-loss", "losses.append(loss.item())"),
        "optimizer.step()\nlosses.append(loss.item())",
    ),
    "losses of some rounds": (
        (("losses.append(loss.item())", f"{SOME}    losses.append(loss.item())"),),
        *("recorded-loss", "losses.append(loss.item())", "losses.append(loss.item())"),
    ),
    "losses of those that are shown": (
        (
            (
                "losses.append(loss.item())",
                f"{SOME}    print(epoch)\n{' ' * 12}losses.append(loss.item())",
            ),
        ),
        *("recorded-loss", "losses.append(loss.item())"),
        f"losses.append(loss.item())\n{SOME[:-9]}\n    print(epoch)",
    ),
    "two options of one kind": (
        (("lr=lr)", "lr=lr, momentum=0.9, nesterov=True)"),),
        *("wrong-option", "momentum=0.9"),
        "optimizer = torch.optim.SGD(model.parameters(), lr=lr)",
    ),
    "half of the rows": (
        (("criterion(y_pred, y)", "criterion(y_pred[:2], y[:2])"),),
        *("mini-batch", "y_pred[:2]", "loss = criterion(y_pred, y)"),
    ),
    "an early end": (
        (("        optimizer.step()\n", ENDS),),
        *("extra-statement", "if loss < 20:", ""),
    ),
    "a penalty": (
        (("criterion(y_pred, y)", PENALISED),),
        *("wrong-expression", PENALISED, "loss = criterion(y_pred, y)"),
    ),
    "rounds of two": (
        ((TRAIN, COUNTED),),
        *("wrong-constant", "2", "epoch += 1"),
    ),
    "a layer left out at the end": (
        (("self.fc2(self.fc1(X))", "self.fc1(X)"),),
        *("missing-function", "self.fc1(X)", "return self.fc2(self.fc1(X))"),
    ),
    "a layer left out at the beginning": (
        (("self.fc2(self.fc1(X))", "self.fc2(X)"),),
        *("missing-function", "X", "return self.fc2(self.fc1(X))"),
    ),
    "one of the predictions": (
        (("model(X).squeeze(1)", "model(X)[0]"),),
        *("wrong-shape", "model(X)[0]", "y_pred = model(X).squeeze(-1)"),
    ),
    "targets that are never read": (
        (("criterion(y_pred, y)", "criterion(y_pred, X[:, 0])"),),
        *("wrong-name", "X[:, 0]", "loss = criterion(y_pred, y)"),
    ),
    "a rate that is never read": (
        (*BY_HAND[:2], (STEPS[0], STEPS[1].replace("lr * p.grad", "p.grad"))),
        *("wrong-learning-rate", "p.grad", "p -= lr * p.grad"),
    ),
    "no gradients for steps by hand": (
        (*BY_HAND, ("        loss.backward()\n", "")),
        *("missing-statement", "with torch.no_grad():", "loss.backward()"),
    ),
    "a rate that is set": (
        (
            (TRAIN, TRAINER),
            ("self.net = net", "self.net, self.lr = net, None"),
            ("        losses = []\n", "        self.lr = 0.1\n        losses = []\n"),
            ("lr * p.grad", "self.lr * p.grad"),
            ("fc2.param", "param"),
        ),
        *("wrong-learning-rate", "0.1", "self.lr = lr"),
    ),
    "steps by hand of one layer of an attribute": (
        ((TRAIN, TRAINER),),
        *(
            "unregistered-parameters",
            "self.net.fc2.parameters()",
            "for p in self.net.parameters():",
        ),
    ),
    "a step that gives nothing back": (
        ((TEXT[TEXT.index("def train") :], STEP_OF_ITS_OWN), *SILENT),
        *("missing-statement", "optimizer.step()", "return loss.item()"),
    ),
    "the last loss alone": (
        (("losses.append(loss.item())", "losses = [loss.item()]"),),
        *("recorded-loss", "losses = [loss.item()]", "losses.append(loss.item())"),
    ),
    "a list begun in each round": (
        (("    losses = []\n", ""), (TRAIN_HEAD, f"{TRAIN_HEAD}        losses = []\n")),
        *("recorded-loss", "losses = []", "losses = []\nfor epoch in range(epochs):"),
    ),
    "a step that is the whole parameter": (
        ((TRAIN, LISTED), ("w.data = w.data - lr * slope", "w.data = lr * slope")),
        *("not-added", "lr * slope", "w.data = w.data - lr * slope"),
    ),
    "a list of some parameters": (
        ((TRAIN, LISTED), ("list(model.parameters())", "[model.fc1.weight, model.fc2.weight]")),
        "unregistered-parameters",
        *("[model.fc1.weight, model.fc2.weight]", "weights = list(model.parameters())"),
    ),
    "a list of one layer's parameters": (
        ((TRAIN, LISTED), ("list(model.parameters())", "list(model.fc2.parameters())")),
        "unregistered-parameters",
        *("model.fc2.parameters()", "weights = list(model.parameters())"),
    ),
    "a column from a method": (
        (*SCORED, ("model.score(X).squeeze(1)", "model.score(X)")),
        *("broadcast-target", "model.score(X)", "y_pred = model.score(X).squeeze(-1)"),
    ),
}
"""More of a loop in plain torch."""


@pytest.mark.parametrize("case", OTHERS.values(), ids=OTHERS)
def test_a_mistake_is_one_finding_in_many_styles(diagnosed: Diagnosed, case) -> None:
    """The tables have one mistake for each way to write a loop."""
    changes, *right = case
    text = TEXT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    assert told(diagnosed(text, REGRESSION)) == [tuple(right)]


RIGHT = {
    "by hand": (SQUARES,),
    "in place": IN_PLACE,
    "in a list": ((TRAIN, LISTED),),
    "by a method": SCORED,
}


@pytest.mark.parametrize("changes", RIGHT.values(), ids=RIGHT)
def test_the_styles_without_a_mistake_have_no_finding(diagnosed: Diagnosed, changes) -> None:
    """The texts that the cases above change are right."""
    assert told(diagnosed(changed(*changes), REGRESSION)) == []


def test_no_repair_makes_an_endless_loop(diagnosed: Diagnosed) -> None:
    """With `epoch = epoch` the numbers are right, as the run ends after the rounds of the task."""
    text = changed((TRAIN, COUNTED), ("epoch += 2", "epoch = epoch + 2"))
    assert told(diagnosed(text, REGRESSION)) == [(UNEXPLAINED, "", "")]


def test_two_mistakes_have_two_lines(diagnosed: Diagnosed) -> None:
    """The pair is found among all pairs of changes."""
    text = changed(("self.fc2(self.fc1(X))", "self.fc2(self.fc1(X).detach())"), SCALED)
    assert {code: part for code, part, _ in told(diagnosed(text, REGRESSION))} == {
        "graph-detached": "self.fc1(X).detach()",
        "recorded-loss": "loss.item() / len(X)",
    }


@pytest.mark.slow
def test_a_named_mistake_has_its_line_beside_an_unexplained_one(diagnosed: Diagnosed) -> None:
    """The model is right before the loop is."""
    text = CLASSIFIER.replace("(2, 2), nn.Sigmoid()", "(2, 2), nn.Tanh()")
    text = text.replace("        optimizer.step()", "        if epoch: optimizer.step()")
    assert [each[:2] for each in told(diagnosed(text, "classification-torch"))] == [
        ("wrong-activation", "Tanh"),
        (UNEXPLAINED, ""),
    ]


@pytest.mark.slow
def test_two_mistakes_of_a_model_have_lines_beside_an_unexplained_one(diagnosed: Diagnosed) -> None:
    """Only both repairs together make the model right."""
    text = CLASSIFIER.replace("(2, 2), nn.Sigmoid()", "(2, 2), nn.Tanh()")
    text = text.replace("nn.Linear(2, 1), nn.Sigmoid())", "nn.Linear(2, 1))")
    text = text.replace("        optimizer.step()", "        if epoch: optimizer.step()")
    assert {each[:2] for each in told(diagnosed(text, "classification-torch"))} == {
        ("missing-activation", "self.net(X)"),
        ("wrong-activation", "Tanh"),
        (UNEXPLAINED, ""),
    }


ROUNDS = ("range(epochs)", "range(20)")


def test_a_fixed_number_of_rounds_is_located_at_its_loop(diagnosed: Diagnosed) -> None:
    """It is right only when the task asks for that number."""
    assert told(diagnosed(changed(ROUNDS), REGRESSION)) == [
        ("wrong-constant", "20", "for epoch in range(epochs):")
    ]


NO_GRAD = """\
with torch.no_grad():
            p = model(X)
        p.requires_grad_(True)
        """
NESTEROV = ("lr=lr)", "lr=lr, momentum=0.9, nesterov=True)")
SEVERAL: dict[str, tuple[tuple[tuple[str, str], ...], set[tuple[str, str]]]] = {
    "one has no name": (
        (NESTEROV, (").mean()", ").sum()")),
        {("wrong-option", "momentum=0.9"), ("wrong-reduction", "sum")},
    ),
    "each has a name": (
        (
            ("loss = bce(model(X),", f"{NO_GRAD}loss = bce(p,"),
            ("range(epochs)", "range(1, epochs)"),
        ),
        {("graph-detached", "with torch.no_grad()"), ("wrong-rounds", "range(1, epochs)")},
    ),
    "one is of the model": (
        (("nn.Linear(2, 1), nn.Sigmoid())", "nn.Linear(2, 1))"), ("lr=lr)", "lr=0.1)")),
        {("missing-activation", "self.net(X)"), ("wrong-learning-rate", "0.1")},
    ),
}
"""What is changed, and what is told of it."""


@pytest.mark.parametrize("case", SEVERAL.values(), ids=SEVERAL)
def test_several_mistakes_are_found_one_after_the_other(diagnosed: Diagnosed, case) -> None:
    """The next mistake is found in the text with the first one repaired."""
    changes, codes = case
    text = CLASSIFIER
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    result = diagnosed(text, "classification-torch")
    assert {(code, part) for code, part, _ in told(result)} == codes
    causes = {code for code, _ in codes}
    of = {each.check for each in result.findings}
    amiss = [each for each in result.checks if each.state != "pass" and each.check not in of]
    assert all(causes.issuperset(each.causes) and each.causes for each in amiss)


def test_a_wrong_loss_is_found_beside_another_mistake(diagnosed: Diagnosed) -> None:
    """Its numbers are hidden by the broadcast of predictions and targets."""
    text = changed(("MSELoss", "SmoothL1Loss"), ("model(X).squeeze(1)", "model(X)"))
    assert [each[:2] for each in told(diagnosed(text, REGRESSION))] == [
        ("wrong-loss", "SmoothL1Loss"),
        ("broadcast-target", "model(X)"),
    ]


def test_a_missing_layer_of_a_stack_is_added(diagnosed: Diagnosed) -> None:
    """The finding is at the layer after which it belongs."""
    _, _, rest = CLASSIFIER.partition("        return self.net(X)\n")
    text = f"import torch\nfrom torch import nn\n{STACKED}{rest}"
    (finding,) = [each for each in diagnosed(text, "classification-torch").findings if each.check]
    assert (finding.mistake, finding.fix) == (
        "missing-activation",
        'model.add_module("activation", torch.nn.Sigmoid())',
    )
    assert finding.source == 'model.add_module("three", nn.Linear(2, 1))'


@pytest.mark.parametrize("changes", [(), BY_HAND], ids=["optimiser", "by hand"])
def test_plain_torch_without_a_mistake_has_no_finding(diagnosed: Diagnosed, changes) -> None:
    """The texts that the cases above change are right."""
    text = CLASSIFIER
    for old, new in changes:
        text = text.replace(old, new)
    assert told(diagnosed(text, "classification-torch")) == []


AGAIN = """\
X, y = torch.rand(4, 2), torch.rand(4)
model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
for epoch in range(20):
    model = Model()
    loss = nn.functional.mse_loss(model(X).squeeze(1), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def test_a_model_that_is_made_in_each_round_is_located(diagnosed: Diagnosed) -> None:
    """The random numbers are reported once, where they are drawn."""
    result = diagnosed(TEXT.partition("def train")[0] + AGAIN, REGRESSION)
    assert told(result) == [("extra-statement", "model = Model()", "")]
    assert len(result.findings) == 1


def test_targets_reshaped_to_a_column_are_located(diagnosed: Diagnosed) -> None:
    """The predictions have the right shape already."""
    text = changed(("criterion(y_pred, y)", "criterion(y_pred, y.view(-1, 1))"))
    assert told(diagnosed(text, REGRESSION)) == [
        ("broadcast-target", "y.view(-1, 1)", "loss = criterion(y_pred, y.flatten())")
    ]


def test_a_repaired_mistake_is_not_called_ambiguous(diagnosed: Diagnosed) -> None:
    """Other mistakes would give the same numbers, but the repair decides."""
    text = CLASSIFIER.replace("SGD(model.", "SGD(model.net[2].")
    (finding,) = [e for e in diagnosed(text, "classification-torch").findings if e.check]
    assert ("graph-detached",) in finding.alternatives
    assert finding.others == ()


def test_the_hints_name_the_wrong_sign_of_a_loss(diagnosed: Diagnosed) -> None:
    """The step itself has the right sign."""
    result = diagnosed(CLASSIFIER.replace("return -(", "return ("), "classification-torch")
    (finding,) = [each for each in result.findings if each.check]
    assert finding.hints[2] == "The sign of the loss that you step on is wrong."
    assert finding.hints[3].endswith("that of the loss and not of minus the loss.")


def test_the_hints_name_a_step_that_only_binds_a_name(diagnosed: Diagnosed) -> None:
    """There is a step in the text, so no hint asks to call an optimiser."""
    text = CLASSIFIER
    for old, new in PLAIN["steps by hand, of a name"][0]:
        text = text.replace(old, new)
    (finding,) = [e for e in diagnosed(text, "classification-torch").findings if e.check]
    assert finding.hints[2].startswith("After `p = …`")
    assert len(finding.hints) == 3
