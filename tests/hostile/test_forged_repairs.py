"""A search that student code forges is one of the changes of the table; it earns nothing more."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gradkit.diagnosis.repair.ask import Searched, applied
from gradkit.edits.operands import Vocabulary
from gradkit.edits.text import Reference
from gradkit.grading import repairs
from gradkit.grading import session as sessions
from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import Settings
from gradkit.records.result import Graded, Inquiry
from gradkit.report import FORMATS, lacking, render
from gradkit.runtime.frames import TO_WORKER, Frame, encode
from gradkit.sandbox import Workshop
from gradkit.sandbox.process import StudentProcess
from gradkit.sandbox.worker import Worker
from gradkit.task.assignment import BESIDE, SHIPPED

pytestmark = pytest.mark.sample(6)

MODEL_TEXT = "np.log(A2)"
"""Text of the model solution that stands in no submission here."""

EMPTY = """
import numpy as np

def layer_sizes(X, Y):
    return 0, 0, 0

def initialize_parameters(n_x, n_h, n_y):
    return {"W1": np.ones((1, 1)), "b1": np.ones((1, 1)), "W2": np.ones((1, 1)), "b2": np.ones(1)}

def forward_propagation(X, parameters):
    return np.zeros((1, 1)), {}

def compute_cost(A2, Y):
    m = A2.shape[1]
    return -1.0

def backward_propagation(parameters, cache, X, Y):
    return {"dW1": 0.0, "db1": 0.0, "dW2": 0.0, "db2": 0.0}

def update_parameters(parameters, grads, learning_rate):
    return {"W1": 0.0, "b1": 0.0, "W2": 0.0, "b2": 0.0}
"""
"""An answer without a formula: every number in it is wrong."""

FORGE = """
import ast, sys

def _references(frame):
    text, operands = (sys.modules["gradkit.edits." + name] for name in ("text", "operands"))
    rows = frame.data["parts"]
    parts = tuple(operands.ModelPart(p[0], p[1], tuple(l for l, _ in p[2])) for p in rows)
    known = operands.Vocabulary(tuple(frame.data["words"]), (), (), parts)
    for cell, source in frame.data["sources"].items():
        slots = text.Slots(ast.parse(source), known)
        for node in slots.nodes:
            if not isinstance(node, ast.UnaryOp):
                continue
            for part in parts:
                if "np.lo" "g" in part.text and part.role == "whole":
                    made = ast.parse(part.text, mode="eval").body
                    found = slots.find(cell, "wrong-expression", node, made)
                    if found is not None:
                        yield found

def _data(one):
    names = ("cell", "row", "slot", "within")
    return {{**{{n: getattr(one, n) for n in names}}, "operands": [list(o) for o in one.operands]}}

def _replied(frame):
    {reply}

def _patched():
    child = sys.modules["gradkit.runtime.child"]
    if hasattr(child, "_patched"):
        return
    child._patched, real = True, child.Frame
"""

REPLIES = {
    "the model's expression": """
    found = [_data(each) for each in _references(frame)][:1]
    return {"references": found, "fault": None, "spent": 3000}
    """,
    "text": """
    (cell, source), *_ = frame.data["sources"].items()
    change = {"cell": cell, "kind": "wrong-name", "first": 1, "last": source.count("\\n") + 1}
    change |= {"lines": ["x = 1"], "line": 1, "start": 0, "until": 1, "end": 1}
    return {"references": [change], "proposals": [change], "fault": None, "spent": 3000}
    """,
    "no row": """
    (cell, _), *_ = frame.data["sources"].items()
    one = {"cell": cell, "row": "wrong-name: A => B", "slot": 9, "within": -1, "operands": []}
    return {"references": [one], "fault": None, "spent": 3000}
    """,
    "no slot": """
    one = {"cell": "x", "row": "wrong-name: L => like_", "slot": 10**9, "within": -1}
    return {"references": [{**one, "operands": [[0, 10**9]]}], "fault": None, "spent": 3000}
    """,
    "no whole numbers": """
    one = {"cell": "x", "row": "wrong-name: L => like_", "slot": 0, "within": -1}
    return {"references": [{**one, "operands": [["A2"]]}], "fault": None, "spent": 3000}
    """,
}
"""Replies that the patched code makes up."""

FRAME = """
    class Made(real):
        def __init__(self, kind, arrays, data):
            if kind == "repaired":
                caller = sys._getframe(1)
                while "sources" not in getattr(caller.f_locals.get("frame"), "data", {}):
                    caller = caller.f_back
                data = _replied(caller.f_locals["frame"])
            super().__init__(kind, arrays, data)

    child.Frame = Made
"""

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


def solution(exercise: str) -> str:
    """Return the model solution of an exercise."""
    (path,) = (BESIDE / exercise).glob("*.py")
    return path.read_text(encoding="utf-8")


def forging(text: str, reply: str) -> str:
    """Return a submission whose search replies what it likes."""
    body = re.sub(r"^def .*:\n", r"\g<0>    _patched()\n", text, flags=re.MULTILINE)
    return FORGE.format(reply=reply.strip()) + FRAME + body


def everything_shown(graded: Graded) -> Iterator[tuple[str, str]]:
    """Yield all that is shown of a result, or stored of it, by the name of the format."""
    for name in FORMATS:
        if not lacking(name):
            yield name, render(name, [graded.result], 4)
    yield "stored", msgspec.json.encode(graded.evidence, enc_hook=repr).decode()


LEAK = """
import glob, os, socket, sys, tempfile

def _kept():
    folders = [os.getcwd(), os.path.dirname(os.getcwd()), tempfile.gettempdir(), "/tmp"]
    return [os.path.join(folder, "kept_by_a_search.txt") for folder in folders]

def _replied(frame):
    told = repr(frame.data["parts"])
    print(told)
    print(told, file=sys.stderr)
    for path in _kept():
        try:
            with open(path, "w") as file:
                file.write(told)
        except OSError:
            pass
    try:
        socket.create_connection(("127.0.0.1", 9), 1).sendall(told.encode())
    except Exception:
        pass
    return {"references": [], "fault": None, "spent": 3000}

for _path in _kept():
    if os.path.exists(_path):
        raise SystemError("kept: " + open(_path).read())

def _patched():
    child = sys.modules["gradkit.runtime.child"]
    if hasattr(child, "_patched"):
        return
    child._patched, real = True, child.Frame
"""


@pytest.mark.slow
@pytest.mark.rotate(2)
def test_what_a_search_is_sent_does_not_come_back(grade: Grade) -> None:
    """It is printed, written to files and sent; no later process finds it, and nobody sees it."""
    body = re.sub(r"^def .*:\n", r"\g<0>    _patched()\n", EMPTY, flags=re.MULTILINE)
    text = LEAK + FRAME + body
    for _ in range(2):
        graded = grade("one-hidden-layer", text)
        (task,) = graded.result.tasks
        assert task.score == 0
        for name, shown in everything_shown(graded):
            assert MODEL_TEXT not in shown, name


PEEK = """
import gc
def _look():
    word = "".join(["np.lo", "g(A", "2)"])
    for held in gc.get_objects():
        row = held.values() if type(held) is dict else held if type(held) in (list, tuple) else ()
        if any(type(part) is str and word in part for part in [*row]):
            raise RuntimeError("the model solution is here")
"""


def test_no_process_whose_answers_are_judged_has_the_solution(
    grade: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the frames that it was sent nor its memory; a search is asked for nothing else."""
    sent: dict[int, list[Frame]] = {}
    ask = Worker.ask

    def noted(self: Worker, frame: Frame, *rest: Any, **limits: Any) -> Frame:
        sent.setdefault(id(self), []).append(frame)
        kept.append(self)
        return ask(self, frame, *rest, **limits)

    kept: list[Worker] = []
    monkeypatch.setattr(Worker, "ask", noted)
    looking = re.sub(r"^def .*:\n", r"\g<0>    _look()\n", EMPTY, flags=re.MULTILINE)
    (task,) = grade("one-hidden-layer", PEEK + looking).result.tasks
    assert task.score == 0
    assert not any("the model solution is here" in check.message for check in task.checks)
    searches, others = [], []
    for frames in sent.values():
        bytes_of = [encode(frame, TO_WORKER) for frame in frames]
        kinds = [part for each in bytes_of for part in (b'"repair"', b'"lines"') if part in each]
        (searches if b'"repair"' in kinds else others).append((kinds, b"".join(bytes_of)))
    assert searches
    assert others
    for kinds, frames_sent in searches:
        assert b'"lines"' not in kinds
        assert b'"refused"' in frames_sent
    for _, frames_sent in others:
        assert b'"refused"' not in frames_sent
        assert MODEL_TEXT.encode() not in frames_sent


COMMANDS = {
    "check": [("check", "answer.py", "--hints", "4")],
    "grade": [("grade", "folder", "--out", "results"), ("feedback", "results")],
    "pytest": [("pytest", "answer.py", "-q")],
}
"""The commands of gradkit by which a submission is graded; their output is relative to a folder."""


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_shows_text_of_the_model_solution(name: str, tmp_path: Path) -> None:
    """Run from inside the hostile folder; nothing printed and no page has the model's text."""
    text = forging(EMPTY, REPLIES["the model's expression"])
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
    assert MODEL_TEXT not in shown
    assert "Traceback" not in shown
    earned = {"check": "answer  0 / 19", "grade": "0 / 19", "pytest": "failed"}
    assert earned[name] in shown


def test_an_honest_repair_has_a_price_and_a_line(
    grade: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One mistake costs the same share of each check that fails because of it."""
    text = solution("deep-net").replace("dW = dZ @ A_prev.T / m", "dW = dZ @ A_prev.T")
    (explained,) = grade("deep-net", text).result.tasks
    monkeypatch.setattr(sessions, "_diagnose_functions", lambda _, given, __: (Inquiry(), given))
    (bare,) = grade("deep-net", text).result.tasks
    (finding,) = explained.findings
    assert (finding.check, finding.mistake) == ("linear-backward", "missing-factor")
    assert finding.fix == "dW = dZ @ A_prev.T / m"
    assert explained.score >= bare.score
    assert finding.deduction > 0


def test_a_forged_choice_of_a_change_is_held_to_the_checks(
    grade: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that the table allows and that makes nothing right is not told."""

    def forged(_: object, asked: object, inside: object, text: Searched, *rest: object) -> object:
        cell, *_ = text.sources
        left_out = [Reference(cell, "extra-statement: left out", slot) for slot in range(99)]
        return [one for each in left_out for one in applied([each], text, Vocabulary())], 1

    monkeypatch.setattr(repairs, "proposals", forged)
    (task,) = grade("one-hidden-layer", EMPTY).result.tasks
    assert (task.score, task.findings) == (0, ())


def test_searches_end_by_the_clock_of_the_grader(
    grade: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that says it has spent nothing is not asked again and again.

    What counts is the processor time of its process, here half a second each time.
    """
    searches = []

    def forged(*_: object) -> object:
        searches.append(None)
        return [], 0

    monkeypatch.setattr(repairs, "proposals", forged)
    monkeypatch.setattr(repairs, "patience", lambda _: 1.2)
    monkeypatch.setattr(StudentProcess, "spent", 0.5)
    (task,) = grade("one-hidden-layer", EMPTY).result.tasks
    assert task.score == 0
    assert 1 <= len(searches) <= 3


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
    """A constant that chooses among alternatives is not offered as a mistake."""
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
    # Another change may make the chosen alternative right, such as a sign: it has its price, and
    # the line with the constant is listed for the instructor.
    assert all(check.score <= check.max_score * 0.7 + 0.125 for check in wrong)
    assert "selector" in {notice.kind for notice in task.notices}
