"""Grade answers to an exercise of the gallery, and return the findings of its checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from soak import SIZE

from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import Settings
from gradkit.records.result import Result
from gradkit.sandbox import Workshop
from gradkit.task.assignment import BESIDE, SHIPPED

HERE = Path(__file__).parent

QUICK = 2
"""Seeds of right answers in the quick suite."""

SEEDS = 2 + 10 * SIZE
"""All seeds of right answers."""

MANY = 1 + SIZE
"""All seeds of wrong answers."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A mistake: edits of the model solution's text, and the outputs that become wrong.

    ``fails`` holds the outputs of each check that does not pass; all others have to pass.
    """

    name: str
    edits: tuple[tuple[str, str], ...]
    fails: Mapping[str, Sequence[str]]
    says: str = ""


def wrong(name: str, old: str, new: str, says: str = "", **fails: str) -> Wrong:
    """Return a mistake of one edit: ``affine_backward="dx db"`` for `affine/backward`."""
    return Wrong(name, ((old, new),), _outputs(fails), says)


def several(name: str, edits: Mapping[str, str], says: str = "", **fails: str) -> Wrong:
    """Return a mistake of several edits."""
    return Wrong(name, tuple(edits.items()), _outputs(fails), says)


def _outputs(fails: Mapping[str, str]) -> dict[str, list[str]]:
    """Split the outputs of each check: ``relu_forward="out, x left alone"``."""
    return {check: outputs.split(", ") for check, outputs in fails.items()}


class Exercise:
    """One exercise of the gallery, with its model solution and right answers in other styles."""

    def __init__(self, name: str, workshop: Workshop) -> None:
        self.name = name
        self.model = BESIDE / name
        settings = Settings(assignment=SHIPPED / name / "assignment.toml")
        self.session = Session(settings, workshop)

    def grade(self, path: Path, seed: int) -> Result:
        """Grade the answer at a path."""
        return self.session.grade(read_submission(path), seed).result

    def edited(self, folder: Path, edits: Sequence[tuple[str, str]]) -> Path:
        """Write the model solution with some of its text replaced, each at its only place."""
        texts = {file.name: file.read_text("utf-8") for file in self.model.glob("*.py")}
        for old, new in edits:
            places = [name for name, text in texts.items() if old in text]
            assert [texts[name].count(old) for name in places] == [1], old
            texts[places[0]] = texts[places[0]].replace(old, new)
        for name, text in texts.items():
            (folder / name).write_text(text, "utf-8")
        return folder


def answers(name: str) -> list[str]:
    """List the right answers to an exercise by style; the model solution is one of them."""
    return ["model", *sorted(file.stem for file in (HERE / name).glob("*.py"))]


def answer(exercise: Exercise, style: str) -> Path:
    """Return the path of an answer."""
    return exercise.model if style == "model" else HERE / exercise.name / f"{style}.py"


def passed(result: Result) -> dict[str, str]:
    """Return the states and messages of the checks that do not pass."""
    return {
        f"{task.task}_{check.check}".replace("-", "_"): f"{check.state}: {check.message}"
        for task in result.tasks
        for check in task.checks
        if check.state != "pass"
    }


def found(result: Result) -> dict[str, list[str]]:
    """Return the outputs that are wrong or not there, by check.

    Those of an error are ``error``, and those of a check that waits for another are ``blocked``.
    """
    wrong: dict[str, list[str]] = {}
    for task in result.tasks:
        for check in task.checks:
            if check.state != "pass":
                outputs = [e.parameter for e in check.entries if e.state != "pass"]
                key = f"{task.task}_{check.check}".replace("-", "_")
                waits = check.state == "blocked"
                wrong[key] = [check.state] if waits or not outputs else outputs
    return wrong


def messages(result: Result) -> str:
    """Return all that is said of the checks."""
    return "\n".join(check.message for task in result.tasks for check in task.checks)


def assert_right(exercise: Exercise, style: str, seeds: Sequence[int]) -> None:
    """Assert that a right answer has all points at each seed."""
    for seed in seeds:
        result = exercise.grade(answer(exercise, style), seed)
        assert passed(result) == {}, (style, seed)
        assert result.score == result.max_score > 0
        assert not result.provisional


def assert_wrong(exercise: Exercise, case: Wrong, folder: Path, seeds: Sequence[int]) -> None:
    """Assert that exactly the expected outputs of a wrong answer fail, at each seed."""
    path = exercise.edited(folder, case.edits)
    for seed in seeds:
        result = exercise.grade(path, seed)
        wrong = found(result)
        assert wrong == case.fails, (seed, passed(result))
        assert result.score < result.max_score
        told = messages(result)
        for outputs in case.fails.values():
            for output in outputs:
                # Of an output of which only the shape counts, the message names the expression.
                name = output.removesuffix(" left alone").removeprefix("0 * ")
                assert f"`{name}`" in told or output in ("error", "blocked", "missing"), told
        assert case.says in told, told


def assert_starter(exercise: Exercise, text: str, path: Path) -> None:
    """Assert that a starter has no points, and that its functions are reported as missing."""
    path.write_text(text, "utf-8")
    result = exercise.grade(path, 0)
    assert result.score == 0
    for task in result.tasks:
        for check in task.checks:
            assert check.state in ("missing", "blocked"), (task.task, check)
            told = "is not written yet", "is not defined yet", "is missing"
            assert any(each in check.message for each in told), check
