"""A repair that student code forges explains at most; it earns nothing and shows nothing."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from model_solutions import ROOT

from gradkit.diagnosis.repair.ask import Proposal
from gradkit.grading import repairs
from gradkit.grading import session as sessions
from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import Settings
from gradkit.records.result import Graded, Inquiry
from gradkit.report.formats import FORMATS, lacking, render
from gradkit.sandbox import Workshop
from gradkit.task.shipped import BESIDE, SHIPPED

pytestmark = pytest.mark.sample(6)

TOLD = "telltale"
"""A word of the model solution that stands in no submission here."""

EMPTY = """
import numpy as np

def layer_sizes(X, Y):
    return 0, 0, 0

def initialize_parameters(n_x, n_h, n_y):
    return {"W1": np.ones((1, 1)), "b1": np.ones((1, 1)), "W2": np.ones((1, 1)), "b2": np.ones(1)}

def forward_propagation(X, parameters):
    return np.zeros((1, 1)), {}

def compute_cost(A2, Y):
    return -1.0

def backward_propagation(parameters, cache, X, Y):
    return {"dW1": 0.0, "db1": 0.0, "dW2": 0.0, "db2": 0.0}

def update_parameters(parameters, grads, learning_rate):
    return {"W1": 0.0, "b1": 0.0, "W2": 0.0, "b2": 0.0}
"""
"""An answer without a formula: every number in it is wrong."""

NET = (ROOT / "reference" / "regression_numpy.py").read_text(encoding="utf-8")

EMPTY_NET = re.sub(
    r"(def update_parameters\(.*?\):\n).*?(?=\ndef |\Z)",
    r'\1    parameters["W1"] = parameters["W1"] * 2\n    return parameters\n\n',
    NET,
    flags=re.DOTALL,
)
"""A net without a formula in its update."""

FORGE = """
import base64, sys
# The doubtful line is in a function that every other one calls, so that all may follow from it.
def _proposed(frame):
    found = []
    for cell, source in frame.data["sources"].items():
        line = source[: source.index({function!r})].count("\\n") + 2
        found.append({{
            "cell": cell, "kind": "wrong-expression", "first": 1, "last": source.count("\\n") + 1,
            "lines": base64.b64decode({text!r}).decode().split("\\n"),
            "line": line, "start": 0, "until": line, "end": 4,
        }})
    return {{"proposals": found, "fault": None, "spent": 1}}

def _patched():
    child = sys.modules["gradkit.runtime.child"]
    if hasattr(child, "_patched"):
        return
    child._patched, real = True, child.Frame
"""

HANDLER = """
    child.HANDLERS["repair"] = lambda frame: real("repaired", {}, _proposed(frame))
"""

FRAME = """
    class Made(real):
        def __init__(self, kind, arrays, data):
            if kind == "repaired":
                caller = sys._getframe(1)
                while "sources" not in getattr(caller.f_locals.get("frame"), "data", {}):
                    caller = caller.f_back
                data = _proposed(caller.f_locals["frame"])
            super().__init__(kind, arrays, data)

    child.Frame = Made
"""

FORGED = {"the handler": HANDLER, "the frame of the reply": FRAME}

Grade = Callable[[str, str], Graded]


@pytest.fixture(scope="module")
def grade(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grade]:
    """Grade a text as an answer to an exercise."""
    opened: dict[str, Session] = {}
    path = tmp_path_factory.mktemp("forged") / "answer.py"

    def grade(exercise: str, text: str) -> Graded:
        if exercise not in opened:
            named = exercise == "regression-numpy"
            folder = "backpropagation" if named else exercise
            tasks = (exercise,) if named else ()
            file = SHIPPED / folder / "assignment.toml"
            opened[exercise] = Session(Settings(tasks, assignment=file, seed=3), workshop)
        path.write_text(text, encoding="utf-8")
        return opened[exercise].grade(read_submission(path))

    yield grade
    for each in opened.values():
        each.__exit__(None, None, None)


def solution(exercise: str, *words: str) -> str:
    """Return the model solution of an exercise, with its local names told apart."""
    (path,) = (BESIDE / exercise).glob("*.py")
    text = path.read_text(encoding="utf-8")
    for word in words:
        text = re.sub(rf"\b{word}\b", f"{TOLD}_{word}", text)
    return text


def forging(text: str, told: str, attack: str, function: str) -> str:
    """Return a submission that proposes another text in the place of its own."""
    hidden = base64.b64encode(told.encode())
    body = re.sub(r"^def .*:\n", r"\g<0>    _patched()\n", text, flags=re.MULTILINE)
    return FORGE.format(text=hidden, function=function) + attack + body


def everything_shown(graded: Graded) -> Iterator[tuple[str, str]]:
    """Yield all that is shown of a result, or stored of it, by the name of the format."""
    for name in FORMATS:
        if not lacking(name):
            yield name, render(name, [graded.result], 4)
    yield "stored", msgspec.json.encode(graded.evidence, enc_hook=repr).decode()


@pytest.mark.parametrize("attack", FORGED)
def test_a_forged_repair_earns_and_shows_nothing(grade: Grade, attack: str) -> None:
    """A file without a formula has no points, though its repair makes every check right."""
    told = solution("one-hidden-layer", "dZ1", "dZ2", "Z1", "Z2", "A1", "dW1")
    text = forging(EMPTY, told, FORGED[attack], "def _proposed")
    graded = grade("one-hidden-layer", text)
    (task,) = graded.result.tasks
    assert [check.check for check in task.checks if check.score] == []
    assert task.findings, "the forged repair was not proposed"
    for name, shown in everything_shown(graded):
        assert TOLD not in shown, name
    lines = text.split("\n")
    for finding in task.findings:
        assert (finding.fix, finding.diff, finding.adds) == ("", "", None)
        assert finding.place is not None
        assert finding.source == lines[finding.place.line - 1].strip()


COMMANDS = {
    "check": [("check", "answer.py", "--hints", "4")],
    "grade": [("grade", "folder", "--out", "results"), ("feedback", "results")],
    "pytest": [("pytest", "answer.py", "-q")],
}
"""The commands of gradkit by which a submission is graded; their output is relative to a folder."""


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_shows_the_text_of_a_forged_repair(name: str, tmp_path: Path) -> None:
    """Run from inside the hostile folder; nothing printed and no page has the model's names."""
    told = solution("one-hidden-layer", "dZ1", "dZ2", "Z1", "Z2", "A1", "dW1")
    text = forging(EMPTY, told, HANDLER, "def _proposed")
    for path in (tmp_path / "answer.py", tmp_path / "folder" / "ada_answer.py"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shown = ""
    for arguments in COMMANDS[name]:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gradkit", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        shown += done.stdout + done.stderr
    shown += "".join(page.read_text(encoding="utf-8") for page in tmp_path.rglob("*.html"))
    assert TOLD not in shown
    assert "Traceback" not in shown
    earned = {"check": "answer  0 / 19", "grade": "0 / 19", "pytest": "failed"}
    assert earned[name] in shown


def test_a_forged_repair_of_a_net_earns_and_shows_nothing(
    grade: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A net has the points that it has without any search, and quotes its own lines alone."""
    told = re.sub(r"\b(d_output|d_hidden|dW2|db2)\b", rf"{TOLD}_\1", NET)
    update = told[told.index("def update_parameters") : told.index("\n\nif __name__")]
    made = [*update.rstrip("\n").split("\n"), "    return parameters"]
    asked: list[str] = []

    def forged(process: object, question: object, inside: object, changed: object, *rest: Any):
        (cell, source), *_ = rest[0].items()
        lines = source.rstrip("\n").split("\n")
        first = lines.index("def update_parameters(parameters, y, y_hat, A1, X):") + 1
        asked.append(cell)
        return [Proposal(cell, "wrong-name", first, len(lines), tuple(made), first, 0, first, 4)], 1

    bare = grade("regression-numpy", EMPTY_NET.replace("* 2", "* 2.0"))
    monkeypatch.setattr(repairs, "proposals", forged)
    graded = grade("regression-numpy", EMPTY_NET)
    assert asked
    (task,), (alone,) = graded.result.tasks, bare.result.tasks
    scores = {check.check: check.score for check in task.checks}
    assert scores == {check.check: check.score for check in alone.checks}
    assert scores["update"] == scores["trajectory"] == 0
    assert [finding.mistake for finding in task.findings if finding.mistake == "wrong-name"]
    for name, shown in everything_shown(graded):
        assert TOLD not in shown, name


CLAIMS: Sequence[tuple[str, str]] = [
    ("dZ2 = A2 - Y", "dZ2 = A2 + Y"),
    ("np.log(1 - A2)) / m", "np.log(1 - A2))"),
]


@pytest.mark.parametrize("change", CLAIMS, ids=["backward", "cost"])
def test_an_honest_repair_changes_no_points(
    grade: Grade, change: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a search finds says why a check fails; its points are those without a search."""
    text = solution("one-hidden-layer").replace(*change)
    (explained,) = grade("one-hidden-layer", text).result.tasks
    monkeypatch.setattr(sessions, "_inquiry", lambda *_: Inquiry())
    (bare,) = grade("one-hidden-layer", text).result.tasks
    assert [check.score for check in explained.checks] == [check.score for check in bare.checks]
    assert explained.findings
    assert not bare.findings
    lost = sum(check.max_score - check.score for check in explained.checks)
    assert 0 < sum(finding.deduction for finding in explained.findings) <= lost


def test_a_line_that_is_not_in_the_file_is_not_quoted(grade: Grade) -> None:
    """A second finding is found in a text with the first repair, and quotes the submitted line."""
    wrong = [
        ("dZ2 = A2 - Y", "dZ2 = A2 + Y"),
        ("dW1 = dZ1 @ X.T / m", "dW1 = dZ1 @ X.T"),
    ]
    text = solution("one-hidden-layer")
    for change in wrong:
        text = text.replace(*change)
    (task,) = grade("one-hidden-layer", text).result.tasks
    lines = text.split("\n")
    assert task.findings
    for finding in task.findings:
        assert finding.place is not None
        assert finding.source == lines[finding.place.line - 1].strip()


# --- selectors -----------------------------------------------------------------------------------

PICK = "\ndef _pick(*a):\n    return a[way]\n\n"
RIGHT_AT = 5


def chosen(count: int, pick: str) -> str:
    """Return an answer whose functions choose among so many alternatives, all by one constant."""
    text = solution("one-hidden-layer")
    others = ["2.0", "-1.0", "0.5", "m", "1 / m", "3.0", "-2.0", "-0.5", "4.0", "0.25"]
    others += ["1.5", "-1.5", "-3.0", "-m", "10.0"]
    alternatives = others[: count - 1]
    alternatives.insert(RIGHT_AT, "1.0")
    way = f"{pick}({', '.join(alternatives)})" if pick == "_pick" else ""
    way = way or f"({', '.join(alternatives)})[way]"
    text = text.replace("dZ2 = A2 - Y", f"dZ2 = {way} * (A2 - Y)")
    text = text.replace(
        "A2 = 1 / (1 + np.exp(-Z2))", f"m = X.shape[1]\n    A2 = 1 / (1 + np.exp({way} * -Z2))"
    )
    return text.replace("import numpy as np\n", f"import numpy as np\n\nway = 1\n{PICK}", 1)


@pytest.mark.parametrize("pick", ["_pick", "[way]"])
@pytest.mark.parametrize("count", [8, 16])
def test_a_selector_is_no_repair(grade: Grade, count: int, pick: str) -> None:
    """A constant that chooses among alternatives is not offered as a mistake, and earns nothing."""
    text = chosen(count, pick)
    right = text.replace("way = 1\n", f"way = {RIGHT_AT}\n")
    (full,) = grade("one-hidden-layer", right).result.tasks
    assert full.score == full.max_score
    (task,) = grade("one-hidden-layer", text).result.tasks
    placed = [finding for finding in task.findings if finding.columns]
    doubtful = [finding.source[slice(*finding.columns)] for finding in placed]
    assert not any("way" in part or "_pick" in part for part in doubtful), doubtful
    wrong = [check for check in task.checks if check.state != "pass"]
    assert wrong
    for check in wrong:
        passed = sum(entry.state == "pass" for entry in check.entries)
        share = passed / len(check.entries) if check.entries else 0
        assert check.score == pytest.approx(check.max_score * share, abs=0.5)
