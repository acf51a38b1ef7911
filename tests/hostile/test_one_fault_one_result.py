"""A submission that makes gradkit stumble costs its own result, and no other submission's."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from model_solutions import source

from gradkit.batch import grade_files
from gradkit.errors import STRICT
from gradkit.grading.session import Session
from gradkit.records.result import Batch, Result
from gradkit.runtime.syntax import parse

pytestmark = pytest.mark.usefixtures("warm")

RIGHT = source("regression_numpy")
LONG = "0x" + "f" * 20_000
UPDATE = "def update_parameters(parameters, y, y_hat, A1, X):\n"
TEXTS = {
    "at top level": f"{RIGHT}\nq = {LONG}\n",
    "as an index": f"{RIGHT}\nq = {{}}\nq[{LONG}] = None\n",
    "in a function": RIGHT.replace(UPDATE, f"{UPDATE}    {LONG}\n    pass\n"),
    "in a stub": f"{RIGHT}\ndef stub():\n    {LONG}\n    ...\n",
    "in a method": f"{RIGHT}\nclass Net:\n    def forward(self, x):\n        return x[-{LONG}]\n",
    "octal": f"{RIGHT}\nq = 0o{'7' * 20_000}\n",
    "binary": f"{RIGHT}\nq = 0b{'1' * 20_000}\n",
}
"""Python itself can read such a number, and cannot write it in decimal digits."""


def check(folder: Path, **texts: str) -> Batch:
    """Check these scripts in one run."""
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    paths = [folder / f"{name}.py" for name in texts]
    return grade_files(paths, tasks=("regression-numpy",), seed=1, no_reference=True)


def scores(results: tuple[Result, ...]) -> dict[str, float]:
    """Map each submission to its score."""
    return {result.submission: result.score for result in results}


@pytest.mark.parametrize("place", TEXTS)
def test_a_number_that_cannot_be_written_costs_its_own_statement(
    place: str, tmp_path: Path
) -> None:
    """The statement is not Python, like a decimal number of that size; the rest is graded."""
    batch = check(tmp_path, hostile=TEXTS[place], honest=RIGHT)
    assert batch.refused == ()
    found = scores(batch.results)
    assert found["honest"] == 20.0
    assert found["hostile"] == 20.0 if place != "in a function" else 0 < found["hostile"] < 20


def test_the_parser_says_where_a_number_is_too_long() -> None:
    """With line and column, in the words of the student's affair."""
    with pytest.raises(SyntaxError, match=r"^a number has more than 4300 digits") as caught:
        parse(f"x = 1\ny = 1 + {LONG}\n")
    assert (caught.value.lineno, caught.value.offset) == (2, 9)
    parse("x = 0x" + "f" * 3_000)


def test_any_fault_over_a_submission_costs_that_submission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are graded; the sentence says which submission, what happened, and what to do."""
    checked = Session.check

    def stumble(session: Session, path: Path) -> Result:
        if path.stem == "hostile":
            raise ValueError("bad\nnumber")
        return checked(session, path)

    monkeypatch.delenv(STRICT)
    monkeypatch.setattr(logging.getLogger("gradkit"), "handlers", [logging.NullHandler()])
    monkeypatch.setattr(logging.getLogger("gradkit"), "propagate", False)
    monkeypatch.setattr(Session, "check", stumble)
    batch = check(tmp_path, hostile=RIGHT, honest=RIGHT)
    assert scores(batch.results) == {"honest": 20.0}
    (said,) = batch.refused
    assert said.startswith(
        "hostile.py: gradkit itself failed on this submission (ValueError: bad\nnumber, "
        "test_one_fault_one_result.py:"
    )
    assert said.endswith("), which may be right. Please report this, and grade it yourself.")
