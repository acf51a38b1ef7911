"""A finding becomes a script that shows the recorded number without gradkit."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from mistakes.samples import folder as mistake_folder

from gradkit import reproducer
from gradkit.cli import main
from gradkit.grading import settings as session_settings
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.report.data import render
from gradkit.reproducer import ReproducerError, findings_of, show
from gradkit.runtime.frames import Frame
from gradkit.sandbox import Workshop
from gradkit.sandbox.worker import Worker
from gradkit.task.assignment import DEFAULT, exercises

pytestmark = [pytest.mark.sample(144), pytest.mark.usefixtures("warm")]

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "sample_class"
MISTAKES = mistake_folder()

Check = Callable[..., Path]

ROWS = """\
import numpy as np

RATE = 0.001


def init_params(dims):
    return {
        "w1": np.full((2, 2), 0.1), "B1": np.zeros((1, 2)),
        "w2": np.full((2, 1), 0.1), "B2": np.zeros((1, 1)),
    }


def forward_pass(x, params):
    hidden = x @ params["w1"] + params["B1"]
    return {"out": hidden @ params["w2"] + params["B2"], "hidden": hidden}


def error_of(y, y_pred): return 2 * (y_pred - y)


def update_params(y, y_pred, a1, x, params):
    error = error_of(y, y_pred); back = error * params["w2"].T
    new = {k: v.copy() for k, v in params.items()}
    new["w2"] -= RATE * a1.T @ np.array([[error]]).reshape(1, 1)
    new["B2"] -= 10 * RATE * error
    new["w1"] -= RATE * back.T @ x
    new["B1"] -= 10 * RATE * back
    return new
"""
"""Row vectors, other keys and names, a new dict, a helper; its W1 is the wrong way round."""

CACHED = """\
import numpy as np

kept = {}


def keep(A1):
    kept["A1"] = A1


def initialise_parameters(dims):
    return {
        "W1": np.full((2, 2), 0.1), "b1": np.zeros((2, 1)),
        "W2": np.full((2, 1), 0.1), "b2": np.zeros((1, 1)),
    }


def L_layer_forward(X, parameters):
    keep(parameters["W1"].T @ X + parameters["b1"])
    return parameters["W2"].T @ kept["A1"] + parameters["b2"], kept["A1"]


def update_parameters(parameters, y, y_hat, A1, X):
    error = 2 * (y_hat - y)
    back = parameters["W2"] * error
    parameters["W2"] = parameters["W2"] + 0.001 * kept["A1"] * error
    parameters["b2"] = parameters["b2"] - 0.01 * error
    parameters["W1"] = parameters["W1"] - 0.001 * X @ back.T
    parameters["b1"] = parameters["b1"] - 0.01 * back
"""
"""The update reads what the forward pass has left behind; its W2 goes uphill."""

OUT_IN = """\
import numpy as np


def initialise_parameters(dim):
    return {
        "W1": np.full((2, 2), 0.1), "b1": np.zeros((2, 1)),
        "W2": np.full((1, 2), 0.1), "b2": np.zeros((1, 1)),
    }


def L_layer_forward(X, parameters):
    A1 = parameters["W1"] @ X + parameters["b1"]
    return parameters["W2"] @ A1 + parameters["b2"], A1


def update_parameters(parameters, y, y_hat, A1, X, learning_rate):
    dZ2 = 2 * (y - y_hat)
    parameters["W2"] = parameters["W2"] + learning_rate * dZ2 * A1.T
    parameters["b2"] = parameters["b2"] + learning_rate * dZ2
    dZ1 = parameters["W2"].T * dZ2
    parameters["W1"] = parameters["W1"] + learning_rate * dZ1 @ X.T
    parameters["b1"] = parameters["b1"] + learning_rate * dZ1
"""
"""Weights as (out, in), a rate as an argument; W2 is used after its own update."""


@pytest.fixture
def check(workshop: Workshop, tmp_path: Path) -> Check:
    """``check(path, task, hints=4)`` writes the result file of a submission."""

    def write(path: Path, task: str, hints: int = 4, assignment: Path | None = None) -> Path:
        if "torch" in task:
            pytest.importorskip("torch")
        settings = Settings(tasks=(task,), seed=5, no_reference=True, assignment=assignment)
        with Session(settings, workshop) as session:
            result = session.check(path)
        file = tmp_path / "result.json"
        file.write_text(render([result], hints), encoding="utf-8")
        return file

    return write


NEXT = "-- next --"
"""Between what two scripts print."""


def plain(folder: Path, text: str) -> dict[str, Any]:
    """What the script prints in a bare interpreter that has not loaded gradkit."""
    guard = "import sys\nassert not [name for name in sys.modules if name.startswith('gradkit')]\n"
    path = folder / "plain.py"
    path.write_text(f"{text}\n{guard}", encoding="utf-8")
    (numbers,) = printed(folder, str(path))
    return numbers


def plain_one_by_one(folder: Path, texts: list[str]) -> list[dict[str, Any]]:
    """The same of several scripts, each as a program of its own, in one such interpreter."""
    each = (
        "import runpy\nfor path in sys.argv[1:]:\n    runpy.run_path(path, run_name='__main__')\n"
    )
    guard = "assert not [name for name in sys.modules if name.startswith('gradkit')]\n"
    paths = [folder / f"plain_{number}.py" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(f"{text}\nprint('{NEXT}')\n", encoding="utf-8")
    return printed(folder, "-c", f"import sys\n{each}{guard}", *map(str, paths))


def printed(folder: Path, *program: str) -> list[dict[str, Any]]:
    """What a bare interpreter prints, for each script."""
    done = subprocess.run(
        [sys.executable, "-I", "-X", "utf8", *program],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = []
    for part in done.stdout.removesuffix(f"{NEXT}\n").split(f"{NEXT}\n"):
        lines = [line.split(maxsplit=1) for line in part.splitlines()]
        values = {name: json.loads(told) for name, told in lines if name in ("found", "expected")}
        said.append(values)
    return said


def findings(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Ids of the findings of a result file, each with the check that it is about."""
    for task in json.loads(file.read_text(encoding="utf-8"))["tasks"]:
        for finding in task["findings"]:
            yield finding["id"], next(c for c in task["checks"] if c["check"] == finding["check"])


def recorded(check: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """The entry of a check whose recorded numbers are those of the script."""
    value = told["found"]
    for entry in check["entries"]:
        several = isinstance(value, list) and entry["index"][0] < len(value)
        number = value[entry["index"][0]] if several else value
        if entry["state"] == "fail" and number == pytest.approx(entry["found"], rel=1e-6):
            return dict(entry)
    raise AssertionError(f"no failed entry was recorded with {value}")


@pytest.mark.sample(48)
@pytest.mark.parametrize(
    ("path", "task", "text"),
    [
        (MISTAKES / "swapped-index.py", "regression-numpy", ""),
        (MISTAKES / "wrong-source-entry.py", "regression-numpy", ""),
        (MISTAKES / "wrong-activation-derivative.py", "classification-numpy", ""),
        (MISTAKES / "rate-ignored.py", "regression-numpy", ""),
        (Path("rows.py"), "regression-numpy", ROWS),
        (Path("out_in.py"), "regression-numpy", OUT_IN),
        (Path("cached.py"), "regression-numpy", CACHED),
        (SAMPLES / "hana_several_mistakes.ipynb", "regression-numpy", ""),
        (SAMPLES / "hana_several_mistakes.ipynb", "classification-numpy", ""),
        (SAMPLES / "pia_classification_wrong_sigmoid.py", "classification-numpy", ""),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else None,
)
def test_numpy_findings_come_out_in_plain_python(
    path: Path, task: str, text: str, check: Check, tmp_path: Path
) -> None:
    """Found to the last bit, expected to the rounding of differences of the loss."""
    if text:
        path = tmp_path / path
        path.write_text(text, encoding="utf-8")
    file = check(path, task)
    told = list(findings(file))
    assert told
    for name, about in told:
        shown = show(file, name)
        assert shown.agrees, shown.conclusion
        numbers = plain(tmp_path, shown.text)
        entry = recorded(about, numbers)
        expected = numbers["expected"]
        expected = expected[entry["index"][0]] if isinstance(expected, list) else expected
        assert expected == pytest.approx(entry["expected"], rel=1e-9, abs=1e-12)
        assert expected != pytest.approx(entry["found"], rel=1e-9)


IN_TORCH = {
    "function": (MISTAKES / "missing-zero-grad.py", "regression-torch"),
    "module": (MISTAKES / "double-sigmoid.py", "classification-torch"),
    "loop at top level": (SAMPLES / "hana_several_mistakes.ipynb", "regression-torch"),
}


@pytest.mark.slow
def test_torch_findings_come_out_in_plain_python(check: Check, tmp_path: Path) -> None:
    """The losses of the first epochs, or one prediction, by the student's own code.

    All in one interpreter: that each loads torch for itself is no part of what is shown.
    """
    checks, texts = [], []
    for label, (path, task) in IN_TORCH.items():
        file = check(path, task)
        ((name, about),) = findings(file)
        shown = show(file, name)
        assert shown.agrees, (label, shown.conclusion)
        checks.append((label, about))
        texts.append(shown.text)
    told = plain_one_by_one(tmp_path, texts)
    for (label, about), numbers in zip(checks, told, strict=True):
        entry = recorded(about, numbers)
        expected = numbers["expected"][entry["index"][0]]
        assert expected == pytest.approx(entry["expected"], rel=1e-6), label
        assert expected != pytest.approx(entry["found"], rel=1e-5), label


def test_a_free_rate_is_the_one_that_was_judged_by(check: Check, tmp_path: Path) -> None:
    """The student's own, read off the steps: the script expects what the judge expected."""
    folder = tmp_path / "own"
    shutil.copytree(DEFAULT.parent, folder)
    own = folder / "assignment.toml"
    text = own.read_text(encoding="utf-8").replace('policy = "exact"', 'policy = "free"', 1)
    own.write_text(text, encoding="utf-8")
    path = tmp_path / "rows.py"
    path.write_text(ROWS.replace("RATE = 0.001", "RATE = 0.004"), encoding="utf-8")
    file = check(path, "regression-numpy", assignment=own)
    name, about = next(findings(file))
    numbers = plain(tmp_path, show(file, name, assignment=own).text)
    entry = recorded(about, numbers)
    assert numbers["expected"] == pytest.approx(entry["expected"], rel=1e-9)


def test_a_returned_value_of_another_shape_is_shown_whole(check: Check, tmp_path: Path) -> None:
    """Nothing was recorded that could be compared, and both values say why."""
    file = check(MISTAKES / "hidden-returned.py", "regression-numpy")
    ((name, _),) = findings(file)
    shown = show(file, name)
    numbers = plain(tmp_path, shown.text)
    assert (len(numbers["found"]), len(numbers["expected"])) == (2, 1)
    assert shown.conclusion == "No number is recorded: the values are wrong or missing."


def test_below_level_4_nothing_is_expected(check: Check, tmp_path: Path) -> None:
    """Neither the number nor the formulas that it comes from."""
    file = check(MISTAKES / "swapped-index.py", "regression-numpy", hints=3)
    ((name, _),) = findings(file)
    shown = show(file, name)
    assert set(plain(tmp_path, shown.text)) == {"found"}
    assert "expected" not in shown.text
    assert "def loss" not in shown.text
    assert shown.agrees


def test_the_students_own_text_is_in_it(check: Check, tmp_path: Path) -> None:
    """The function and its helper as they were written, and nothing that they do not need."""
    path = tmp_path / "rows.py"
    path.write_text(ROWS, encoding="utf-8")
    file = check(path, "regression-numpy")
    name, _ = next(findings(file))
    text = show(file, name).text
    assert ROWS[ROWS.index("def update_params") :] in text
    assert "def error_of(y, y_pred): return 2 * (y_pred - y)" in text
    assert "RATE = 0.001" in text
    assert "def forward_pass" not in text
    assert "def init_params" not in text


def test_a_number_that_does_not_come_out_is_told(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result that was tampered with is found out."""
    file = check(MISTAKES / "swapped-index.py", "regression-numpy")
    data = json.loads(file.read_text(encoding="utf-8"))
    (update,) = [c for c in data["tasks"][0]["checks"] if c["check"] == "update"]
    for entry in update["entries"]:
        entry["found"] = 0.125
    file.write_text(json.dumps(data), encoding="utf-8")
    shown = show(file, data["tasks"][0]["findings"][0]["id"])
    assert not shown.agrees
    assert shown.conclusion.startswith("The recorded number is 0.125, but the script gives -")


def test_code_that_stops_is_told(check: Check, tmp_path: Path) -> None:
    """What would not run again by itself, such as code that counts its calls."""
    path = tmp_path / "counting.py"
    source = (MISTAKES / "swapped-index.py").read_text(encoding="utf-8")
    head, rest = source.split("def update_parameters(parameters, y, y_hat, A1, X):\n")
    counted = "calls = []\n\n\ndef update_parameters(parameters, y, y_hat, A1, X):\n"
    refusing = "    if 'snippet.py' in update_parameters.__code__.co_filename:\n        1 / 0\n"
    path.write_text(head + counted + refusing + rest, encoding="utf-8")
    file = check(path, "regression-numpy")
    ((name, _),) = findings(file)
    shown = show(file, name)
    assert not shown.agrees
    assert shown.conclusion == "The script does not finish."
    assert "ZeroDivisionError" in shown.printed
    assert "gradkit" not in shown.printed


# --- what is refused ---------------------------------------------------------------------


@pytest.fixture
def swapped(check: Check, tmp_path: Path) -> tuple[Path, Path, str]:
    """A submission of one's own, its result file, and the id of its finding."""
    path = tmp_path / "mine.py"
    shutil.copy(MISTAKES / "swapped-index.py", path)
    file = check(path, "regression-numpy")
    ((name, _),) = findings(file)
    return path, file, name


def refusal(file: Path, finding: str, **settings: Any) -> str:
    """What is said in place of a script."""
    with pytest.raises(ReproducerError) as caught:
        show(file, finding, **settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Frame("ran", {}, {"failure": 5}), "Expected `str | null`, got `int`"),
        (Frame("ran", {}, {"failure": "\x1b[31mred"}), "red"),
        (Frame("outcome", {}, {}), "a reply of kind outcome to a script"),
    ],
)
def test_what_a_script_could_not_have_answered_is_told(
    swapped: tuple[Path, Path, str], monkeypatch: pytest.MonkeyPatch, reply: Frame, said: str
) -> None:
    """Student code runs in the script's process, and may answer in its place."""
    exchange = Worker.ask

    def forged(self: Worker, frame: Frame, *rest: Any) -> Frame:
        real = exchange(self, frame, *rest)
        return reply if frame.kind == "script" else real

    monkeypatch.setattr(Worker, "ask", forged)
    _, file, name = swapped
    shown = show(file, name)
    assert not shown.agrees
    assert shown.printed.endswith(said) or f"{said} - at" in shown.printed
    assert "\x1b" not in shown.printed


def test_a_submission_that_has_changed_is_refused(swapped: tuple[Path, Path, str]) -> None:
    """Other code would prove nothing."""
    path, file, name = swapped
    path.write_text(path.read_text(encoding="utf-8") + "\n# better\n", encoding="utf-8")
    said = refusal(file, name)
    assert said.startswith(f"{path}: the submission has changed since: its digest was ")
    assert said.endswith("Put the former one back, or check it again.")


def test_a_submission_that_is_gone_is_refused(swapped: tuple[Path, Path, str]) -> None:
    """The result alone has no code."""
    path, file, name = swapped
    path.unlink()
    assert refusal(file, name) == (
        f"{path}: the submission is gone, so its code cannot be shown or run. Put it back, or "
        "check it at its new place."
    )


def test_a_submission_that_became_something_else_is_refused(
    swapped: tuple[Path, Path, str],
) -> None:
    """A folder without any code."""
    path, file, name = swapped
    path.unlink()
    path.mkdir()
    assert refusal(file, name).startswith("There is no script or notebook in mine.py.")


def test_a_result_moves_with_its_submission(swapped: tuple[Path, Path, str]) -> None:
    """A path that was given from elsewhere is looked for beside the result too."""
    path, file, name = swapped
    data = json.loads(file.read_text(encoding="utf-8"))
    data["path"] = path.name
    file.write_text(json.dumps(data), encoding="utf-8")
    assert show(file, name).agrees


def test_an_unknown_finding_is_refused_with_those_there_are(
    swapped: tuple[Path, Path, str],
) -> None:
    """Also one of somebody else."""
    _, file, name = swapped
    assert refusal(file, "0123456789") == f"{file}: there is no finding 0123456789. Found: {name}."
    said = refusal(file, name, submission="other")
    assert said == f"{file}: there is no finding {name} of other. Found: {name}."


@pytest.fixture
def changed(workshop: Workshop, tmp_path: Path) -> Callable[..., tuple[Path, list[str], Path]]:
    """``changed(exercise, (was, is), …)``: a result file, the findings in it, the assignment."""

    def write(
        exercise: str, *changes: tuple[str, str], level: int = 4
    ) -> tuple[Path, list[str], Path]:
        (model,) = (ROOT / "reference" / exercise).glob("*.py")
        text = model.read_text(encoding="utf-8")
        for was, now in changes:
            assert text.count(was) == 1, was
            text = text.replace(was, now)
        (tmp_path / "answer.py").write_text(text, encoding="utf-8")
        file, assignment = tmp_path / "result.json", exercises()[exercise]
        with Session(Settings(assignment=assignment, seed=1), workshop) as session:
            result = session.check(tmp_path / "answer.py")
        file.write_text(render([result], level), encoding="utf-8")
        return file, [finding["id"] for _, _, finding in findings_of(file)], assignment

    return write


Changed = Callable[..., tuple[Path, list[str], Path]]

LOST = ("        dscores[np.arange(N), y] -= 1\n", "")
AXIS = ('"b1": np.sum(dhidden, axis=0)', '"b1": np.sum(dhidden, axis=1)')


@pytest.mark.sample(6)
@pytest.mark.parametrize(
    ("exercise", "changes"),
    [
        ("layers", [("cache > 0", "cache < 0")]),
        # A class, a line that is put in, and a second change on top of it.
        ("two-layer-net", [LOST, ('"W1": X.T @ dhidden +', '"W1": 2 * X.T @ dhidden +')]),
    ],
)
def test_findings_about_functions_are_shown(
    changed: Changed, tmp_path: Path, exercise: str, changes: list[tuple[str, str]]
) -> None:
    """The recorded number comes out, beside the right one; no repair is in the script."""
    file, names, assignment = changed(exercise, *changes)
    assert len(names) == len(changes)
    for name in names:
        shown = show(file, name, assignment=assignment)
        assert shown.agrees, shown.conclusion
        told = plain(tmp_path, shown.text)
        lines = [line.split(maxsplit=1) for line in shown.printed.splitlines()]
        values = {word: float(number) for word, number in lines}
        assert values["found"] == told["found"] != pytest.approx(told["expected"])
        assert set(values) == {"found", "expected"}
        assert "@@ -" not in shown.text


def test_code_about_functions_that_stops_is_shown(changed: Changed) -> None:
    """The script prints the exception that the code stops with."""
    was = "dw = x.reshape(len(x), -1).T @ dout"
    # A repair of the line follows the exception.
    file, (name, _), assignment = changed("layers", (was, was.replace(".T", "")))
    shown = show(file, name, assignment=assignment)
    assert "found    ValueError: matmul" in shown.printed
    assert shown.conclusion == "No number is recorded: the values are wrong or missing."


def test_an_input_that_is_changed_is_shown(changed: Changed) -> None:
    """An input that the code must leave alone is shown by its sum."""
    now = "x *= x > 0\n    return x, x"
    file, (name,), assignment = changed("layers", ("return np.maximum(x, 0), x", now))
    shown = show(file, name, assignment=assignment)
    assert "return np.sum(x)" in shown.text
    assert shown.printed.startswith("found ")


def test_what_is_shown_of_functions_needs_what_earlier_lines_give(
    changed: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is needed where a line reads what it gives, and only there."""
    file, (name,), assignment = changed("layers", ("cache > 0", "cache < 0"))
    with monkeypatch.context() as here:
        here.setattr(session_settings, "find_reference", lambda *_: None)
        assert show(file, name, assignment=assignment).agrees
    wrong = ("dA = (1 - Y) / (1 - AL) - Y / AL", "dA = (1 - Y) / (1 - AL) + Y / AL")
    file, (name,), assignment = changed("deep-net", wrong)
    monkeypatch.setattr(session_settings, "find_reference", lambda *_: None)
    assert refusal(file, name, assignment=assignment) == (
        f"{name}: its input is computed by the model solution, which is not here."
    )


def test_a_finding_that_several_have_needs_a_name(swapped: tuple[Path, Path, str]) -> None:
    """The same mistake at the same place has the same id."""
    _, file, name = swapped
    data = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps([data, {**data, "submission": "twin"}]), encoding="utf-8")
    said = refusal(file, name)
    assert said == f"{name} is in 2 results; name one of mine, twin."
    assert show(file, name, submission="mine").agrees
    assert {result["submission"] for result, _, _ in findings_of(file)} == {"mine", "twin"}
    assert {result["submission"] for result, _, _ in findings_of(file, "twin")} == {"twin"}
    with pytest.raises(ReproducerError) as caught:
        findings_of(file, "twinn")
    assert str(caught.value) == (
        f"{file}: there is no twinn in it. It has mine, twin. Did you mean twin?"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON: Expecting property name"),
        ("[1]", "found schema None, expected 'gradkit/result/v1'. Name a file that"),
        ('{"schema": "x"}', "found schema 'x', expected 'gradkit/result/v1'. Name a file that"),
    ],
)
def test_another_file_is_refused(content: str, said: str, tmp_path: Path) -> None:
    """Broken, or of another kind."""
    file = tmp_path / "other.json"
    file.write_text(content, encoding="utf-8")
    assert refusal(file, "x").startswith(f"{file}: {said}")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """With what to name."""
    file = tmp_path / "none.json"
    assert refusal(file, "x") == (
        f"{file}: cannot be read (No such file or directory). Name a file that `gradkit check "
        "--format json --out FILE` wrote."
    )


def test_another_assignment_is_refused(swapped: tuple[Path, Path, str], tmp_path: Path) -> None:
    """Its inputs and answers would be others."""
    _, file, name = swapped
    folder = tmp_path / "own"
    shutil.copytree(DEFAULT.parent, folder)
    own = folder / "assignment.toml"
    text = own.read_text(encoding="utf-8")
    own.write_text(text.replace("epochs = 5", "epochs = 4", 1), encoding="utf-8")
    assert refusal(file, name, assignment=own) == (
        f"{own} is not the assignment that {file} was made with. Name the right one with "
        "--assignment."
    )
    said = refusal(file, name, assignment=tmp_path / "none.toml")
    assert said.startswith(f"{tmp_path / 'none.toml'}: cannot be read")


def test_a_finding_without_a_number_is_refused(check: Check, tmp_path: Path) -> None:
    """Nothing could come out again."""
    _, file, name = tmp_path, check(MISTAKES / "swapped-index.py", "regression-numpy"), ""
    data = json.loads(file.read_text(encoding="utf-8"))
    name = data["tasks"][0]["findings"][0]["id"]
    for each in data["tasks"][0]["checks"]:
        for entry in each["entries"]:
            entry["found"] = None
    file.write_text(json.dumps(data), encoding="utf-8")
    assert refusal(file, name).startswith(f"{name}: there is no number to show. 2 of 9 entries")


def test_a_probe_of_another_version_is_refused(swapped: tuple[Path, Path, str]) -> None:
    """Labels are only what this version draws."""
    _, file, name = swapped
    data = json.loads(file.read_text(encoding="utf-8"))
    for each in data["tasks"][0]["checks"]:
        for entry in each["entries"]:
            entry["probe"] = "random 99"
    file.write_text(json.dumps(data), encoding="utf-8")
    assert refusal(file, name) == (
        "The probe 'random 99' does not exist for seed 5: another version of gradkit made the "
        "result."
    )


@pytest.mark.parametrize("about", ["interface", "trajectory"])
def test_a_finding_about_other_checks_has_no_script(
    swapped: tuple[Path, Path, str], about: str
) -> None:
    """It says which checks of this framework have one."""
    _, file, name = swapped
    data = json.loads(file.read_text(encoding="utf-8"))
    data["tasks"][0]["findings"][0]["check"] = about
    file.write_text(json.dumps(data), encoding="utf-8")
    assert refusal(file, name) == (
        f"{name}: in numpy there are scripts for findings about forward and update, and this one "
        f"is about {about}."
    )


def test_torch_findings_need_torch(
    swapped: tuple[Path, Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an environment with numpy alone."""
    _, file, name = swapped
    data = json.loads(file.read_text(encoding="utf-8"))
    data["tasks"][0]["task"] = "regression-torch"
    file.write_text(json.dumps(data), encoding="utf-8")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert refusal(file, name) == "torch is not installed here: pip install 'gradkit[torch]'."


# --- the command -------------------------------------------------------------------------


def test_the_command_prints_one_python_file(
    swapped: tuple[Path, Path, str], tmp_path: Path
) -> None:
    """The script, and what it printed as comments, so that it can be sent to a file."""
    _, file, name = swapped
    done = CliRunner().invoke(main, ["show", str(file), "--finding", name])
    assert done.exit_code == 0
    numbers = plain(tmp_path, done.output)
    ending = textwrap.dedent(
        f"""\
        # When run again, the code printed
        #   found    {numbers["found"]!r}
        #   expected {numbers["expected"]!r}
        # The recorded number, {numbers["found"]!r}, is reproduced.
        """
    )
    assert done.output.endswith(ending)


def test_the_command_lists_what_there_is(swapped: tuple[Path, Path, str]) -> None:
    """Without an id."""
    _, file, name = swapped
    done = CliRunner().invoke(main, ["show", str(file)])
    assert done.exit_code == 0
    assert done.output == f"{name}  mine  regression-numpy  Two indices are exchanged\n"


def test_the_command_refuses_with_a_sentence(tmp_path: Path) -> None:
    """Exit code 2, nothing on standard output."""
    done = CliRunner().invoke(main, ["show", str(tmp_path / "none.json"), "--finding", "x"])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("gradkit: ")


@pytest.mark.parametrize(
    "said",
    ["(", "[", "[[]]", "[]", "{}", '"text"', "null", "9" * 5000, "1e999 1", "[" * 100_000, "1e400"],
)
def test_whatever_is_printed_as_found_is_compared(
    swapped: tuple[Path, Path, str], monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """A student's code may print such a line too, with any text in it."""
    monkeypatch.setattr(reproducer, "_run", lambda *_: (f"found 1\nfound {said}\n", ""))
    _, file, name = swapped
    shown = show(file, name)
    assert not shown.agrees
    assert shown.conclusion.endswith((" script gives None.", " script gives inf."))
