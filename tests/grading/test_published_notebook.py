"""A notebook shaped like the published one: both tasks, names defined twice, torch at top level."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from model_solutions import REFERENCE, source
from told import checks, failed, not_passed, notebook, states

pytestmark = pytest.mark.sample(180)

W1 = {f"W1[{i},{j}]" for i in (0, 1) for j in (0, 1)}
B1 = {"b1[0,0]", "b1[1,0]"}

FRAMES = {
    "regression": "[[8, 8, 4], [6, 10, 6], [7, 9, 5], [5, 12, 7]], columns=NAMES + ['lpa']",
    "classification": "[[8, 8, 1], [7, 9, 1], [6, 10, 0], [5, 5, 0]], columns=NAMES + ['placed']",
}
LOSSES = {
    "regression": "(y - y_hat) ** 2",
    "classification": "-y * np.log(y_hat) - (1 - y) * np.log(1 - y_hat)",
}
FIRST_STEP = """
X = df[['cgpa', 'resume']].values[0].reshape(2, 1)
y = df.iloc[0, -1]
parameters = initialise_parameters([2, 2, 1])
y_hat, A1 = L_layer_forward(X, parameters)
y_hat = y_hat[0][0]
update_parameters(parameters, y, y_hat, A1, X)
parameters
"""
LOOP = """
parameters = initialise_parameters([2, 2, 1])
epochs = 5
for i in range(epochs):
    losses = []
    for j in range(df.shape[0]):
        X = df[['cgpa', 'resume']].values[j].reshape(2, 1)
        y = df.iloc[j, -1]
        y_hat, A1 = L_layer_forward(X, parameters)
        y_hat = y_hat[0][0]
        update_parameters(parameters, y, y_hat, A1, X)
        losses.append({loss})
    print('Epoch', i + 1, 'loss', np.array(losses).mean())
parameters
"""
NETS = {
    "regression": "nn.Linear(2, 2), nn.Linear(2, 1)",
    "classification": "nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1), nn.Sigmoid()",
}
CLASS = """
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.stack = nn.Sequential({net})

    def forward(self, X):
        return self.stack(X)
"""
TORCH = {
    "regression": """
        for epoch in range(20):
            y_pred = model(X).squeeze()
            loss = criterion(y_pred, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            print(epoch, loss)
        """,
    "classification": """
        epochs = 100
        for epoch in range(epochs):
            model.train()
            y_pred = model(X).squeeze()
            loss = criterion(y_pred, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if epoch % 10 == 0:
                print(f'Epoch: {epoch} | Loss: {loss}')
        """,
}
CRITERIA = {"regression": ("MSELoss", "0.001"), "classification": ("BCELoss", "0.01")}


def functions(problem: str, form: str) -> list[str]:
    """A cell for each function of our own solution, and one for its constants."""
    text = source(f"{problem}_numpy{form}")
    constants, defined = [], []
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            defined.append(ast.get_source_segment(text, node))
        elif isinstance(node, ast.Assign):
            constants.append(ast.get_source_segment(text, node))
    return ["\n".join(constants), *defined]


def cells(form: str) -> list[str]:
    """The whole notebook, in the published or in the correct form."""
    made = [
        "# Backpropagation from scratch",
        "import numpy as np\nimport pandas as pd\nNAMES = ['cgpa', 'resume']",
    ]
    for problem in ("regression", "classification"):
        criterion, rate = CRITERIA[problem]
        tensors = "torch.tensor(df.iloc[:, {}].values, dtype=torch.float32)"
        made += [
            f"# {problem.title()} problem",
            f"df = pd.DataFrame({FRAMES[problem]})\ndf.head()",
            *functions(problem, form),
            FIRST_STEP,
            LOOP.format(loss=LOSSES[problem]),
            f"# {problem.title()} with PyTorch",
            "import torch\nfrom torch import nn\n%matplotlib inline",
            f"X = {tensors.format(':2')}\ny = {tensors.format('2')}\nX, y",
            CLASS.format(net=NETS[problem]),
            f"model = Network()\ncriterion = nn.{criterion}()\n"
            f"optimizer = torch.optim.SGD(model.parameters(), lr={rate})",
            "print(model(X))",
            TORCH[problem],
        ]
    return made


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The notebook in the published form."""
    pytest.importorskip("torch")
    return notebook(tmp_path, *cells("_published"))


@pytest.mark.slow
def test_four_tasks_are_graded_in_one_run(grade, published: Path) -> None:
    """Headings decide which cells speak for which task; the torch halves are right."""
    result = grade(published, reference=REFERENCE)
    assert [task.task for task in result.tasks] == [
        "regression-numpy",
        "regression-torch",
        "classification-numpy",
        "classification-torch",
    ]
    assert result.problems == ()
    for task in ("regression-torch", "classification-torch"):
        assert set(states(result, task).values()) == {"pass"}, not_passed(result)


@pytest.mark.slow
@pytest.mark.sample(9)
@pytest.mark.parametrize("seed", range(3))
def test_published_form_earns_full_marks_under_its_own_form(grade, published, seed: int) -> None:
    """No gradient is asked for, since its updates are none: ten points less in two tasks."""
    result = grade(published, seed=seed, reference=REFERENCE, form="published")
    assert not_passed(result) == []
    assert result.score == result.max_score == 70
    assert "gradient" not in states(result, "regression-numpy")
    assert "gradient" in states(result, "regression-torch")


@pytest.mark.parametrize("seed", range(3))
def test_regression_fails_in_the_wrong_entries_and_no_others(grade, published, seed: int) -> None:
    """The stepped W2 spoils all of layer 1; W2 and b2 are right."""
    found = checks(grade(published, "regression-numpy", seed=seed), "regression-numpy")
    assert (found["interface"].state, found["forward"].state) == ("pass", "pass")
    assert found["update"].state == "fail"
    assert failed(found["update"]) == W1 | B1
    assert failed(found["gradient"]) == W1 | B1
    assert found["trajectory"].state == "fail"


@pytest.mark.parametrize("seed", range(3))
def test_classification_fails_in_layer_1_and_its_sigmoid_fails_forward(
    grade, published, seed: int
) -> None:
    """The update is judged at the oracle's ŷ and A1: what it does to W2 and b2 is right there."""
    found = checks(grade(published, "classification-numpy", seed=seed), "classification-numpy")
    assert found["forward"].state == "fail"
    assert failed(found["forward"]) == {"y_hat[0,0]", "A1[0,0]", "A1[1,0]"}
    assert failed(found["update"]) == failed(found["gradient"]) == W1 | B1


def test_correct_form_earns_full_marks_and_fails_the_published(grade, tmp_path: Path) -> None:
    """The same notebook with right updates: full marks by default, wrong under the other form."""
    pytest.importorskip("torch")
    path = notebook(tmp_path, *cells(""))
    result = grade(path, reference=REFERENCE)
    assert not_passed(result) == []
    assert result.score == 80
    other = grade(path, reference=REFERENCE, form="published")
    assert states(other, "regression-numpy")["update"] == "fail"
    assert states(other, "classification-numpy")["forward"] == "fail"


@pytest.mark.slow
@pytest.mark.sample(12)
@pytest.mark.parametrize(
    ("right", "wrong", "task", "check"),
    [
        ("criterion = nn.MSELoss()", "criterion = nn.L1Loss()", "regression-torch", "gradient"),
        (
            "criterion = nn.BCELoss()",
            "criterion = nn.MSELoss()",
            "classification-torch",
            "gradient",
        ),
        (
            "nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1), nn.Sigmoid()",
            "nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1), nn.Sigmoid()",
            "classification-torch",
            "forward",
        ),
        ("lr=0.001", "lr=0.002", "regression-torch", "trajectory"),
    ],
)
def test_one_mistake_costs_its_own_task_alone(
    grade, tmp_path: Path, right: str, wrong: str, task: str, check: str
) -> None:
    """The other three tasks of the notebook keep their marks."""
    pytest.importorskip("torch")
    made = [cell.replace(right, wrong) for cell in cells("")]
    assert made != cells("")
    result = grade(notebook(tmp_path, *made))
    assert states(result, task)[check] == "fail"
    assert {t.task for t in result.tasks if t.score < t.max_score} == {task}
