"""What an instructor is told to look at, and costs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from gradkit.grading.assess import notices_of_text, notices_of_verdicts
from gradkit.grading.selectors import written_choices
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import Inquiry, Notice, Verdict
from gradkit.records.submission import Cell, Place
from gradkit.sandbox import Workshop
from gradkit.submission.read import read

RIGHT = Verdict("update", "pass", "")
WRONG = Verdict("update", "fail", "")
CHOICES = {
    "an index": "way = 1\ndef f(x):\n    return (x, -x)[way]\n",
    "a default": "\n\ndef f(x, way=1): return [x, -x][way]\n",
    "a key": "way = 'b'\ndef f(x):\n    return {'a': x, 'b': -x}[way]\n",
    "a lookup": "way = 'b'\ndef f(x):\n    return {'a': x, 'b': -x}.get(way)\n",
    "a name": "way = 1; ways = [lambda x: x, lambda x: -x]\ndef f(x):\n    return ways[way](x)\n",
    "a function": "def pick(*ways): return ways[0]\ndef f(x):\n    return pick(x, -x)\n",
    "an expression": "way = True\ndef f(x):\n    return x if way else -x\n",
    "a literal": "\ndef f(x):\n    return x if 1 else -x\n",
    "a branch": "way = 0; f = 2\ndef g(x):\n    if way:\n        return x\n    return -x\n",
    "two branches": "way = 0; z = 1\nx = input()\nif way:\n    z = x\nelse:\n    z = -x\n",
}
ORDINARY = {
    "stored parameters": "p = {'W': x() * 2, 'b': y()}\ndef f(x): return p['W'] @ x + p['b']\n",
    "layers": "Ws = [one(), two()]\nlast = len(Ws) - 1\ndef f(x): return Ws[last] @ x\n",
    "a count": "Ws = [one(), two()]\ni = 0\nwhile i < 2:\n    x = Ws[i] @ x\n    i += 1\n",
    "an option": "def f(x, train=True):\n    if train:\n        return x / 2\n    return x\n",
    "a message": "loud = True\ndef f(x):\n    if loud:\n        print(x)\n    return -x\n",
    "an input": "def f(x, way):\n    return (x, -x)[way]\n",
    "the main block": "def f(x): return -x\nif __name__ == '__main__':\n    f(1)\n",
    "constants": "way = 1\nrate = (0.1, 0.01)[way]\n",
    "nested too deeply": "x = " + "-" * 5000 + "1\n",
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_among_written_formulas_is_noticed(name: str) -> None:
    """With its line."""
    text = CHOICES[name]
    at = next(
        number
        for number, line in enumerate(text.splitlines(), 1)
        if any(part in line for part in ("[way]", ".get(", "pick(x", "if way", "if 1"))
    )
    assert list(written_choices(["import os\n", text])) == [(1, at)]


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_code_is_no_choice(name: str) -> None:
    """What a student writes without several answers in mind."""
    assert list(written_choices([ORDINARY[name]])) == []


def test_a_choice_is_noticed_only_where_something_is_wrong() -> None:
    """A right choice is a right answer."""
    cells = (Cell("a.py", "a.py", None, CHOICES["an index"], first_line=11),)
    assert list(notices_of_text([RIGHT], cells)) == []
    assert list(notices_of_text([RIGHT, WRONG], cells)) == [
        Notice("selector", place=Place("a.py", None, 13))
    ]


@pytest.mark.parametrize(
    ("exception", "is_denied"),
    [
        ("PermissionError: [Errno 13] Permission denied: '/etc/shadow'", True),
        ("URLError: <urlopen error [Errno 1] Operation not permitted>", True),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'a'", False),
        ("", False),
    ],
)
def test_denied_access_is_noticed(exception: str, is_denied: bool) -> None:
    """By Python's own words."""
    stopped = replace(WRONG, state="error", exception=exception)
    found = list(notices_of_verdicts([stopped], Inquiry()))
    assert found == [Notice("denied-access", "update")] * is_denied


def test_a_gradient_that_is_right_only_for_a_wrong_forward_is_noticed() -> None:
    """Unless a finding says that it is right once the forward pass is."""
    verdict = replace(WRONG, own_forward=("dW",))
    told = [Notice("own-forward-gradient", "update")]
    assert list(notices_of_verdicts([verdict], Inquiry())) == told
    follows = Inquiry(causes={"update": ("missing-bias",)})
    assert list(notices_of_verdicts([verdict], follows)) == []


CODE = """
import numpy as np

way = 0


def initialise_parameters(dim):
    return {f"{n}{k}": np.full((dim[k - 1] if n == "W" else 1, dim[k]), 0.1).reshape(
        (dim[k - 1], dim[k]) if n == "W" else (dim[k], 1)) for k in (1, 2) for n in "Wb"}


def L_layer_forward(X, p):
    A1 = p["W1"].T @ X + p["b1"]
    return p["W2"].T @ A1 + p["b2"], A1


def update_parameters(p, y, y_hat, A1, X):
    step = (y_hat - y, y - y_hat)[way]
    open("../answers", "w")
"""


@pytest.mark.slow
def test_a_submission_is_told_of(tmp_path: Path, workshop: Workshop) -> None:
    """The notices are in its result and in its evidence; from tier 1 on access is denied."""
    path = tmp_path / "regression_numpy.py"
    path.write_text(CODE, encoding="utf-8")
    settings = Settings(tasks=("regression-numpy",), no_reference=True, seed=3)
    with Session(settings, workshop) as session:
        graded = session.grade(read(path))
    (task,) = graded.result.tasks
    notices = {notice.kind: notice.check for notice in task.notices}
    assert notices == {"selector": "", "denied-access": "update"}
    (selector,) = graded.evidence[0].notices
    assert selector.place == Place("regression_numpy.py", None, 18)
