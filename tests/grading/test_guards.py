"""Small numbers that keep a logarithm finite cost nothing, and hide nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gradkit.grading.guards import guarded, unguarded, widened
from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import Settings
from gradkit.records.result import TaskResult
from gradkit.sandbox import Workshop
from gradkit.task.assignment import BESIDE, SHIPPED

pytestmark = pytest.mark.sample(9)

Graded = Callable[..., TaskResult]

LOGS = {
    "softmax-loss": ("np.log(dscores[np.arange(N), y])", "np.log(dscores[np.arange(N), y] + {})"),
    "logistic-regression": ("(1 - Y) * np.log(1 - A)", "(1 - Y) * np.log(1 - A + {})"),
    "one-hidden-layer": ("np.log(A2)", "np.log(A2 + {})"),
    "deep-net": ("np.log(AL)", "np.log(np.maximum(AL, {}))"),
}
"""A logarithm of each model solution, and the same with a guard."""


@pytest.fixture(scope="module")
def graded(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graded]:
    """``graded(exercise, (was, is), …, seed=)``: what a changed model solution comes to."""
    path = tmp_path_factory.mktemp("guarded") / "answer.py"
    sessions: dict[tuple[str, int], Session] = {}

    def grade(exercise: str, *changes: tuple[str, str], seed: int = 3) -> TaskResult:
        if (exercise, seed) not in sessions:
            file = SHIPPED / exercise / "assignment.toml"
            sessions[exercise, seed] = Session(Settings(assignment=file, seed=seed), workshop)
        (model,) = (BESIDE / exercise).glob("*.py")
        text = model.read_text(encoding="utf-8")
        for was, now in changes:
            assert was in text, was
            text = text.replace(was, now)
        path.write_text(text, encoding="utf-8")
        (task,) = sessions[exercise, seed].grade(read_submission(path)).result.tasks
        return task

    yield grade
    for session in sessions.values():
        session.__exit__(None, None, None)


@pytest.mark.parametrize("guard", ["1e-8", "1e-12", "0.00000001"])
@pytest.mark.parametrize("exercise", LOGS)
def test_a_guard_costs_nothing(graded: Graded, exercise: str, guard: str) -> None:
    """At inputs where a probability is small it shows in the loss."""
    was, now = LOGS[exercise]
    for seed in (1, 3, 14):
        task = graded(exercise, (was, now.format(guard)), seed=seed)
        assert task.score == task.max_score
        assert task.findings == ()


NAMED = ("import numpy as np", "import numpy as np\n\nEPS = 1e-8")


def test_a_guard_at_the_top_costs_nothing_by_its_name(graded: Graded) -> None:
    """Nor does it hide a mistake beside it."""
    was, now = (text.format("EPS") for text in LOGS["softmax-loss"])
    for seed in (1, 3, 14):
        task = graded("softmax-loss", NAMED, (was, now), seed=seed)
        assert task.score == task.max_score
    (one,) = graded("softmax-loss", NAMED, (f"-np.mean({was})", f"-np.sum({now})")).findings
    assert one.mistake == "wrong-function"
    assert one.source.endswith(f"-np.sum({now})")


def test_a_part_in_single_precision_costs_nothing(graded: Graded) -> None:
    """Where what comes back is in double precision, and nothing else is wrong."""
    was, now = (
        "    A = sigmoid(w.T @ X + b)",
        "    A = sigmoid((w.T @ X + b).astype('float32')) + 0.0",
    )
    for text, right in ((now, True), (f"{now}01", False)):
        change = was, f"{text}\n    A = np.array(A, float)"
        task = graded("logistic-regression", change, seed=14)
        assert (task.score == task.max_score) is right


def test_a_number_that_is_no_guard_is_a_mistake(graded: Graded) -> None:
    """A thousandth is more than keeps anything finite."""
    was, now = LOGS["softmax-loss"]
    task = graded("softmax-loss", (was, now.format("1e-3")))
    assert task.score < task.max_score


def test_a_mistake_beside_a_guard_is_told_with_it(graded: Graded) -> None:
    """The line and its doubtful part are the student's own, with the guard."""
    was, now = LOGS["softmax-loss"]
    wrong = f"-np.sum({now.format('1e-8')})"
    (one,) = graded("softmax-loss", (f"-np.mean({was})", wrong)).findings
    assert one.mistake == "wrong-function"
    assert one.source.endswith(wrong)
    assert one.source[slice(*one.columns or ())] == wrong[1:]


def test_a_text_without_its_guards_has_next_to_nothing_there() -> None:
    """What stands for each is nowhere else; other numbers stay."""
    text = "é = np.log(p + 1e-8) / (q + 1e-08) + 1e-8 * 1.101e-300\nr = 0.01 * 3e-6 + 0.0"
    found, guards = unguarded(text)
    assert set(guards.values()) == {"1e-8", "1e-08", "1.101e-300"}
    assert not any(name in text for name in guards)
    assert not any(f"+ {guard})" in found for guard in guards.values())
    assert found.split("\n")[1] == text.split("\n")[1]
    assert guarded(found, guards) == text


@pytest.mark.parametrize("text", ["", "x = 1e-3", "def f(:"])
def test_a_text_that_has_none_stays(text: str) -> None:
    """Nor is a text changed that is no Python."""
    assert unguarded(text) == (text, {})


@pytest.mark.parametrize(
    ("text", "wide"),
    [
        ("x = np.float32(y)", "x = np.float64(y)"),
        ("ü = x.astype('float32') + z.astype(dtype=\"float32\")", None),
        ("from numpy import float32 as f, sum\nx = f(y)", None),
        ("from numpy import float32\nx = float32(\n    y, float32)", None),
        ("x = torch.zeros(3, dtype=torch.float32)", "x = torch.zeros(3, dtype=torch.float64)"),
    ],
)
def test_types_of_single_precision_are_widened(text: str, wide: str | None) -> None:
    """As names, as attributes, as what a call is given, and where they are imported."""
    assert widened(text) == (wide or text.replace("float32", "float64"))


@pytest.mark.parametrize(
    "text",
    [
        "if mode == 'float32':\n    x = 2 * x",
        "way = {'float32': 1, 'float64': 2}['float' + '32']",
        "# float32\nx = 'of float32'",
        "print('in float32')",
        "not python float32 (",
    ],
)
def test_other_texts_are_not_widened(text: str) -> None:
    """A program that chooses by them would be another program, whose verdict counted."""
    assert widened(text) == text


def test_the_last_definition_counts_beside_a_guard(graded: Graded) -> None:
    """A right function above a wrong one of its name does not take its place."""
    step = 'return {name: value - learning_rate * grads["d" + name] for name, value in'
    step += " parameters.items()}"
    wrong = step.replace("value -", "value +")
    again = f"{step}\n\n\ndef update_parameters(parameters, grads, learning_rate):\n    {wrong}"
    was, now = LOGS["deep-net"]
    task = graded("deep-net", (was, now.format("1e-8")), (step, again))
    assert [check.check for check in task.checks if check.state != "pass"] == ["update"]


def test_a_guard_stays_where_what_is_right_needs_it(workshop: Workshop, tmp_path: Path) -> None:
    """A feature that never varies is divided by the root of eps; the mistake is told, too."""
    folder = BESIDE / "linear-class"
    for file in folder.glob("*.py"):
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    was, wrong = "self.alpha * self.running_V", "self.alpha / self.running_V"
    path = tmp_path / "batchnorm.py"
    text = path.read_text(encoding="utf-8")
    assert text.count(was) == 1
    path.write_text(text.replace(was, wrong), encoding="utf-8")
    settings = Settings(assignment=SHIPPED / "linear-class" / "assignment.toml", seed=3)
    with Session(settings, workshop) as session:
        tasks = session.grade(read_submission(tmp_path)).result.tasks
    (one,) = (finding for task in tasks for finding in task.findings)
    assert one.mistake == "wrong-operator"
    assert wrong in one.source
    assert was in one.fix
