"""The mark sheet: what it says, what it hides, and that a student's text stays text."""

from __future__ import annotations

import io
import re

import pytest
from msgspec.structs import replace
from results import HOSTILE, result
from rich.console import Console

from gradkit.records.result import Entry
from gradkit.report.text import show, to_text
from gradkit.report.words import points

SHEET = """\
plain  2.75 / 20 ───────────────────────────────────────────────────────────────────────────────────
  note: plain
  Regression in numpy (regression-numpy)  2.75 / 20  (18 of 20 points checkable)
    ✓ interface        1 / 1
    ✗ forward          0 / 5  error, see code cell 3, line 7
      plain
      plain
    ✗ update       1.75 / 12  fail, see the function at code cell 3, line 7
      plain
      entry    found  at
      W1[0,1]    0.5  input 1
      plain        2  plain
    ? gradient     no points  not-checked
      No torch here.
    ? trajectory       0 / 2  inconclusive
      A corner.
    plain
  seed 7 · without a model solution · provisional: the instructor decides the marks
"""


def test_the_whole_sheet() -> None:
    """Every check with its state, points and place; entries that have a number to show."""
    assert to_text([result()], 3) == SHEET


@pytest.mark.parametrize("level", [1, 2, 3])
def test_expected_numbers_are_hidden_below_level_4(level: int) -> None:
    """Below it there is no column for them."""
    below, above = to_text([result()], level), to_text([result()], 4)
    assert "0.123456789" not in below
    assert "entry    found  at" in below
    assert "0.123456789" in above
    assert "found     expected  at" in above


def test_hostile_text_obeys_no_terminal() -> None:
    """No escape, no control character, no direction mark; brackets are brackets."""
    for encoding in ("utf-8", "cp1252", "ascii"):
        text = to_text([result(HOSTILE)], 4, width=300, encoding=encoding)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e\ud800]", text)
        assert "[bold]loud[/bold]" in text
        assert "[link=x]y[/link]" in text


def test_hostile_text_cannot_style_a_terminal() -> None:
    """On a colour terminal the only sequences are those that the sheet itself writes."""
    buffer = io.StringIO()
    console = Console(file=buffer, width=300, force_terminal=True, color_system="truecolor")
    show([result(HOSTILE)], 4, console)
    written = buffer.getvalue()
    assert "[bold]loud[/bold]" in written
    assert "evil" not in written
    assert set(re.findall(r"\x1b(?!\[[\d;]*m)", written)) == set()


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1"])
def test_plain_encodings_neither_fail_nor_garble(encoding: str) -> None:
    """Every sign of gradkit's own has a spelling there; question marks stand for nothing else."""
    said = "`f` gives the output ŷ in W2′ · X[0] − 1 … “so” – ‹b›"
    made = result(said)
    text = to_text([made], 3, encoding=encoding)
    assert text.encode(encoding).decode(encoding) == text
    assert text.startswith("`f` gives the output y_hat in W2' ")
    assert "x update" in text
    assert "+ interface" in text
    # The two open states are marked with a question mark; there is no other.
    assert text.count("?") == 2


def test_a_students_own_letters_may_be_lost_but_cost_nothing() -> None:
    """What an encoding has not is replaced, sign by sign."""
    text = to_text([result("Łukasz 李")], 3, encoding="ascii")
    assert text.startswith("?ukasz ?")


def test_only_the_first_entries_are_listed() -> None:
    """The rest are counted."""
    made = result()
    task = made.tasks[0]
    entries = tuple(Entry("W1", (0, n), "fail", float(n), 0.0, "") for n in range(9))
    checks = tuple(
        replace(check, entries=entries) if check.check == "update" else check
        for check in task.checks
    )
    text = to_text([replace(made, tasks=(replace(task, checks=checks),))], 3)
    assert "W1[0,5]" in text
    assert "W1[0,6]" not in text
    assert "and 3 more" in text


def test_several_submissions_end_in_a_table() -> None:
    """One row each, with the states that are not pass; a single one has none."""
    text = to_text([result("ann"), result("bob")], 3)
    lines = text.rstrip().splitlines()
    assert lines[-3].split() == ["submission", "score", "of"]
    assert lines[-2].split() == [
        "ann", "2.75", "20", "error,", "fail,", "inconclusive,", "not-checked"
    ]  # fmt: skip
    assert "submission" not in to_text([result("ann")], 3)


def test_published_form_is_named() -> None:
    """Nobody should take such marks for the usual ones."""
    assert "compared with the rule of the published notebook" in to_text(
        [replace(result(), form="published")], 3
    )
    assert "compared with the rule of the published notebook" not in to_text([result()], 3)


@pytest.mark.parametrize(
    ("value", "text"), [(4.0, "4"), (4.5, "4.5"), (13 / 3, "4.33"), (0.0, "0"), (100.0, "100")]
)
def test_points_have_at_most_two_decimals(value: float, text: str) -> None:
    """And no trailing zeros."""
    assert points(value) == text
