"""An assignment file is read as it says, or refused with file, key, found and expected."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from gradkit.task.assignment import DEFAULT, AssignmentError, read_assignment

TEXT = DEFAULT.read_text(encoding="utf-8")
SHAPE = "finite numbers in shape (2, 2)"
START = "W1 = [[0.1, 0.1], [0.1, 0.1]]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the CSVs of gradkit's own assignment."""
    for source in DEFAULT.parent.glob("*.csv"):
        shutil.copy(source, tmp_path)
    return tmp_path


def refusal(folder: Path, old: str, new: str) -> str:
    """What is said of gradkit's own assignment with its first ``old`` turned into ``new``."""
    assert old in TEXT
    path = folder / "task.toml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(AssignmentError) as caught:
        read_assignment(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    return text.removeprefix(f"{path}: ").replace(f"{folder}/", "")


WRONG: list[tuple[str, str, str]] = [
    (
        'schema = "gradkit/assignment/v1"',
        'schema = "gradkit/assignment/v9"',
        "schema: found 'gradkit/assignment/v9'; expected one of gradkit/assignment/v1",
    ),
    (
        'schema = "gradkit/assignment/v1"',
        "",
        "the file: object missing required key `schema`",
    ),
    ("title = ", "colour = 1\ntitle = ", "the file: object contains unknown key `colour`"),
    ("step = 0.25", "step = 0", "marking.step: found 0; expected `float` > 0.0"),
    ("step = 0.25", "step = 'x'", "marking.step: found 'x'; expected `float`, got `str`"),
    ("hints = 3", "hints = 5", "marking.hints: found 5; expected `int` <= 4"),
    (
        'preset = "default"',
        'preset = "harsh"',
        "marking.preset: found 'harsh'; expected one of default, strict, lenient, numbers",
    ),
    (
        'preset = "default"',
        "deductions = { wrong-sing = 0.1 }",
        "marking.deductions: found 'wrong-sing'; expected a mistake's code, one of wrong-sign, "
        "wrong-index, wrong-weight; `gradkit explain --costs` lists them all",
    ),
    (
        'preset = "default"',
        "deductions = { missing-copi = 0.1 }",
        "marking.deductions: found 'missing-copi'; expected a mistake's code, one of missing-copy, "
        "missing-slope, missing-factor; `gradkit explain --costs` lists them all",
    ),
    (
        'preset = "default"',
        "deductions = { 0 = 0.1 }",
        "marking.deductions: found '0'; expected a mistake's code; `gradkit explain --costs` lists "
        "them all",
    ),
    (
        'preset = "default"',
        "deductions = { wrong-sign = 25 }",
        "marking.deductions.wrong-sign: found 25; expected a share: a number from 0 to 1",
    ),
    (
        'preset = "default"',
        "deductions = { wrong-sign = true }",
        "marking.deductions.wrong-sign: found True; expected a share: a number from 0 to 1",
    ),
    (
        'preset = "default"',
        "deductions = 0.1",
        "marking.deductions: found 0.1; expected `object`, got `float`",
    ),
    (
        'visibility = "visible"',
        'visibility = "secret"',
        "marking.visibility: found 'secret'; expected one of hidden, after_due_date, "
        "after_published, visible",
    ),
    (
        'visibility = "visible"',
        "visibility = 1",
        "marking.visibility: found 1; expected `str | object`, got `int`",
    ),
    (
        'visibility = "visible"',
        'visibility = { updates = "hidden" }',
        "marking.visibility: found 'updates'; expected a check, one of interface, forward, update, "
        "gradient, trajectory, model",
    ),
    (
        'visibility = "visible"',
        'visibility = { update = "later" }',
        "marking.visibility.update: found 'later'; expected one of hidden, after_due_date, "
        "after_published, visible",
    ),
    (
        'kind = "dimensions"',
        'kind = "sizes"',
        "roles.initialise.arguments.dim.kind: found 'sizes'; expected one of dimensions, "
        "parameters, target, output, hidden, input, rate, model, epochs",
    ),
    (
        'returns = "a dict with W1, b1, W2, b2"',
        "",
        "roles.initialise: object missing required key `returns`",
    ),
    (
        "shared = true",
        "shared = 1",
        "roles.initialise.shared: found 1; expected `bool`, got `int`",
    ),
    ("units = 2,", "units = 0,", "tasks[0].layers[0].units: found 0; expected `int` >= 1"),
    (
        'activation = "linear"',
        'activation = "selu"',
        "tasks[0].layers: found 'selu'; expected one of linear, sigmoid, tanh, relu, softmax, "
        "softplus, leaky_relu",
    ),
    (
        'loss = "squared_error"',
        'loss = "hinge"',
        "tasks[0].loss: found 'hinge'; expected one of squared_error, binary_cross_entropy, "
        "cross_entropy",
    ),
    ("weight = 0.001", "weight = -1", "tasks[0].rates.weight: found -1; expected `float` > 0.0"),
    ("weight = 0.001", "weight = nan", "tasks[0].rates.weight: found nan; expected `float` > 0.0"),
    (
        'policy = "exact"',
        'policy = "any"',
        "tasks[0].rates.policy: found 'any'; expected one of exact, free",
    ),
    (
        'framework = "numpy"',
        'framework = "jax"',
        "tasks[0].framework: found 'jax'; expected one of numpy, torch",
    ),
    (
        'id = "regression-numpy"',
        'id = "Regression!"',
        "tasks[0].id: found 'Regression!'; expected `str` matching regex '^[a-z0-9][a-z0-9-]*$'",
    ),
    (
        'id = "regression-torch"',
        'id = "regression-numpy"',
        "tasks[1].id: found 'regression-numpy'; expected an id that no other task has",
    ),
    (
        '["initialise", "layer", "forward", "update"]',
        '["initialise", "layer", "fwd", "update"]',
        "tasks[0].roles: found 'fwd'; expected one of initialise, layer, activation, forward, "
        "update, model, train",
    ),
    (
        '["initialise", "layer", "forward", "update"]',
        '["initialise", "layer", "forward"]',
        "tasks[0].roles: found initialise, layer, forward; expected update, which update looks at",
    ),
    (
        'optional = ["layer"]',
        'optional = ["activation"]',
        "tasks[0].optional: found 'activation'; expected one of initialise, layer, forward, update",
    ),
    (
        "{ interface = 1",
        "{ face = 1",
        "tasks[0].checks: found 'face'; expected one of interface, forward, update, gradient, "
        "trajectory",
    ),
    (
        "{ interface = 1",
        "{ interface = -1",
        "tasks[0].checks.interface: found -1; expected points: a number from 0 to 10,000",
    ),
    (
        "{ interface = 1",
        "{ interface = true",
        "tasks[0].checks.interface: found True; expected points: a number from 0 to 10,000",
    ),
    (
        "{ interface = 1",
        "{ interface = 10_000.5",
        "tasks[0].checks.interface: found 10000.5; expected points: a number from 0 to 10,000",
    ),
    (
        "step = 0.25",
        "step = 100",
        "marking.step: found 100; expected at most 20, the points of regression-numpy",
    ),
    (
        'data = "regression.csv"',
        'data = "none.csv"',
        "tasks[0].data: found none.csv (No such file or directory); expected a CSV file",
    ),
    (
        '["cgpa", "resume_score"]',
        '["cgpa", "resume"]',
        "tasks[0].features: found 'resume'; expected a column of regression.csv: cgpa, "
        "resume_score, lpa",
    ),
    (
        'targets = ["lpa"]',
        'targets = ["salary"]',
        "tasks[0].targets: found 'salary'; expected a column of regression.csv: cgpa, "
        "resume_score, lpa",
    ),
    (
        '{ units = 1, activation = "linear" }',
        '{ units = 2, activation = "linear" }',
        "tasks[0].layers: found 2 units in the last layer; expected 1, one for each target",
    ),
    (START, "", "tasks[0].starts.published: found b1, W2, b2; expected W1, b1, W2, b2"),
    (START, "W1 = [[0.1]]", f"tasks[0].starts.published.W1: found shape (1, 1); expected {SHAPE}"),
    (
        START,
        "W1 = [[0.1, 0.1], [0.1]]",
        "tasks[0].starts.published.W1: found [[0.1, 0.1], [0.1]]; expected numbers in shape (2, 2)",
    ),
    (
        START,
        "W1 = [[0.1, 'x'], [0.1, 0.1]]",
        "tasks[0].starts.published.W1: found [[0.1, 'x'], [0.1, 0.1]]; expected numbers in shape "
        "(2, 2)",
    ),
    (
        START,
        "W1 = [[0.1, nan], [0.1, 0.1]]",
        f"tasks[0].starts.published.W1: found [[0.1, nan], [0.1, 0.1]]; expected {SHAPE}",
    ),
    (
        "[tasks.starts.published]\n" + START,
        "[tasks.starts]\npublished = 3\n[tasks.starts.other]\n" + START,
        "tasks[0].starts.published: found 3; expected W1, b1, W2, b2",
    ),
    (
        "[tasks.starts.published]\n" + START,
        "[tasks.starts.drawn]\n" + START,
        "tasks[0].starts.drawn: found 'drawn'; expected another name: gradkit uses this name for "
        "a random start",
    ),
    ("epochs = 5", "epochs = 2.5", "tasks[0].epochs: found 2.5; expected `int`, got `float`"),
    ("epochs = 5", "", "tasks[0]: object missing required key `epochs`"),
    ('targets = ["lpa"]', "targets = []", "tasks[0].targets: expected `array` of length >= 1"),
    (
        "deadline = 10.0",
        "deadline = inf",
        "tasks[0].deadline: found inf; expected `float` <= 1000000000000.0",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG, ids=[text for *_, text in WRONG])
def test_wrong_file_is_refused_with_key_found_and_expected(
    folder: Path, old: str, new: str, said: str
) -> None:
    """Each refusal names the key, and what was found and expected there."""
    assert refusal(folder, old, new) == said


@pytest.mark.parametrize("value", ["[" * 5000 + "]" * 5000, "{a = " * 3000 + "1" + "}" * 3000])
def test_file_that_is_nested_without_end(folder: Path, value: str) -> None:
    """In a key that there is, or in one of its own."""
    said = (
        "is nested too deeply to be read; nothing in an assignment is more than five levels deep. "
        "Take the nested value out."
    )
    assert refusal(folder, "epochs = 5", f"epochs = {value}") == said
    assert refusal(folder, "epochs = 5", f"epochs = 5\nmore = {value}") == said


def test_file_that_is_no_toml(folder: Path) -> None:
    """A syntax error carries TOML's own line and column."""
    said = refusal(folder, "epochs = 5", "epochs = ")
    assert said.startswith("is not a TOML file: Invalid value (at line ")
    said = refusal(folder, "epochs = 5", f"epochs = {'5' * 5000}")
    assert said.startswith("is not a TOML file: Exceeds the limit (4300 digits)")
    (folder / "latin.toml").write_bytes(b'title = "\xe9"')
    with pytest.raises(AssignmentError, match=r"latin\.toml: is not a TOML file: 'utf-8' codec"):
        read_assignment(folder / "latin.toml")


def test_file_that_is_not_there(tmp_path: Path) -> None:
    """The sentence says what the system said, and what to name instead."""
    path = tmp_path / "none.toml"
    with pytest.raises(AssignmentError) as caught:
        read_assignment(path)
    assert str(caught.value) == (
        f"{path}: cannot be read (No such file or directory). Name a TOML file, or an exercise "
        "that `gradkit list` shows."
    )


def test_name_of_an_exercise_with_a_slip() -> None:
    """What is no file is taken for the name of an exercise, and the nearest is told."""
    with pytest.raises(AssignmentError, match=r"shows\. Did you mean batchnorm\?$"):
        read_assignment(Path("batch-norm"))


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("eight", "could not convert string to float: 'eight'; expected numbers only"),
        ("nan", "nan or inf; expected finite numbers only"),
    ],
)
def test_data_that_are_no_numbers(folder: Path, cell: str, said: str) -> None:
    """A CSV must hold numbers in the columns that the task names."""
    data = (folder / "regression.csv").read_text().replace("8", cell, 1)
    (folder / "regression.csv").write_text(data)
    assert refusal(folder, "step = 0.25", "step = 0.5").startswith("tasks[0].data: found ")
    assert refusal(folder, "step = 0.25", "step = 0.5").endswith(said)


def test_data_without_rows(folder: Path) -> None:
    """A header alone has no columns to speak of."""
    (folder / "regression.csv").write_text("cgpa,resume_score,lpa\n")
    assert refusal(folder, "step = 0.25", "step = 0.5") == (
        "tasks[0].features: found 'cgpa'; expected a column of regression.csv: "
    )


def test_gradkits_own_assignment_is_the_notebooks() -> None:
    """Rates, rows, layers and points are as the published exercise and its rubric say."""
    assignment = read_assignment()
    assert (assignment.id, assignment.step, assignment.hints) == ("backpropagation", 0.25, 3)
    facts = {
        task.id: (
            task.rates.weight,
            task.rates.bias,
            task.epochs,
            task.X.tolist(),
            task.y.ravel().tolist(),
            {check.name: check.points for check in task.checks},
        )
        for task in assignment.tasks
    }
    salaries = [[8, 8], [6, 10], [7, 9], [5, 12]], [4, 6, 5, 7]
    placements = [[8, 8], [7, 9], [6, 10], [5, 5]], [1, 1, 0, 0]
    points = {
        "regression-numpy": [1, 4, 6, 5, 4],
        "classification-numpy": [1, 5, 5, 5, 4],
        "regression-torch": [4, 4, 5, 7],
        "classification-torch": [4, 4, 5, 7],
    }
    numpy = ("interface", "forward", "update", "gradient", "trajectory")
    torch = ("model", "forward", "gradient", "trajectory")
    assert facts == {
        "regression-numpy": (
            0.001,
            0.01,
            5,
            *salaries,
            dict(zip(numpy, points["regression-numpy"], strict=True)),
        ),
        "classification-numpy": (
            0.001,
            0.01,
            5,
            *placements,
            dict(zip(numpy, points["classification-numpy"], strict=True)),
        ),
        "regression-torch": (
            0.001,
            0.001,
            20,
            *salaries,
            dict(zip(torch, points["regression-torch"], strict=True)),
        ),
        "classification-torch": (
            0.01,
            0.01,
            100,
            *placements,
            dict(zip(torch, points["classification-torch"], strict=True)),
        ),
    }


def test_arrays_cannot_be_changed() -> None:
    """Data and starts are read-only."""
    task = read_assignment().tasks[0]
    for array in (task.X, task.y, task.starts[0].parameters["W1"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


def test_digest_covers_the_data(folder: Path) -> None:
    """Another row is another assignment, though the TOML file is the same."""
    path = folder / "task.toml"
    path.write_text(TEXT, encoding="utf-8")
    before = read_assignment(path).digest
    data = (folder / "regression.csv").read_text()
    (folder / "regression.csv").write_text(data.replace("8", "9", 1))
    assert read_assignment(path).digest != before
    assert read_assignment().digest == before


def test_another_exercise_is_a_file_alone(tmp_path: Path) -> None:
    """Other sizes, activations, losses, rates and names need no change in gradkit."""
    (tmp_path / "flowers.csv").write_text("a,b,c,p,q\n1,2,3,1,0\n4,5,6,0,1\n")
    path = tmp_path / "flowers.toml"
    path.write_text(
        """
        schema = "gradkit/assignment/v1"
        id = "flowers"
        title = "Flowers"
        [roles.forward]
        names = ["predict"]
        signature = "predict(x, p)"
        returns = "the classes"
        arguments = [{ name = "x", kind = "input" }, { name = "p", kind = "parameters" }]
        [[tasks]]
        id = "flowers-numpy"
        title = "Flowers"
        framework = "numpy"
        words = ["flowers"]
        data = "flowers.csv"
        features = ["a", "b", "c"]
        targets = ["p", "q"]
        layers = [{ units = 1, activation = "tanh" }, { units = 2, activation = "softmax" }]
        loss = "cross_entropy"
        rates = { weight = 0.1, bias = 0.2, policy = "free" }
        epochs = 1
        deadline = 1
        roles = ["forward"]
        checks = { forward = 2.5 }
        [tasks.starts.only]
        W1 = [[1], [2], [3]]
        b1 = [[0]]
        W2 = [[1, -1]]
        b2 = [[0], [1]]
        """
    )
    (task,) = read_assignment(path).tasks
    assert task.X.shape == (2, 3)
    assert np.array_equal(task.y, [[1, 0], [0, 1]])
    assert task.starts[0].parameters["W2"].shape == (1, 2)
    assert [(check.name, check.points) for check in task.checks] == [("forward", 2.5)]


def test_own_deductions_are_read(folder: Path) -> None:
    """Shares by mistake, beside the preset; there are none unless the file has some."""
    assert (read_assignment().preset, read_assignment().deductions) == ("default", {})
    path = folder / "task.toml"
    own = 'preset = "strict"\ndeductions = { wrong-sign = 0.2, not-updated = 1 }'
    path.write_text(TEXT.replace('preset = "default"', own, 1), encoding="utf-8")
    found = read_assignment(path)
    assert (found.preset, found.deductions) == ("strict", {"wrong-sign": 0.2, "not-updated": 1.0})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('visibility = "visible"', {"visible"}),
        ('visibility = "after_published"', {"after_published"}),
        ('visibility = { update = "hidden" }', {"visible", "hidden"}),
    ],
)
def test_visibility_is_read(folder: Path, said: str, expected: set[str]) -> None:
    """One word for all checks, or a word for each; what is not named is visible."""
    path = folder / "task.toml"
    path.write_text(TEXT.replace('visibility = "visible"', said, 1), encoding="utf-8")
    found = read_assignment(path).visibility
    checks = {check.name for task in read_assignment(path).tasks for check in task.checks}
    assert set(found) == checks
    assert set(found.values()) == expected
    assert found["forward"] == ("after_published" if "published" in said else "visible")
    assert (found["update"] == "hidden") == ("hidden" in said)
