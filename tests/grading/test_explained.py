"""What a search explains changes no points, and shows no text that was not handed in."""

from __future__ import annotations

from msgspec.structs import replace

from gradkit.grading.explained import explained
from gradkit.records.result import Finding, Inquiry
from gradkit.records.submission import Cell, Place

TEXT = "def update(W, d):\n    W = W + d\n    return W\n"
CELL = Cell("answer.py", "answer.py", None, TEXT)

PROVED = Finding(
    "1",
    "update",
    "wrong-sign",
    "A sign",
    ("W1[0,0]",),
    applies={"W1[0,0]": "+d"},
    should={"W1[0,0]": "-d"},
    place=CELL.place(3),
    source="return W",
    places=(CELL.place(3),),
    sentence="A sign is turned.",
    hints=("one", "two", "three", "four"),
)
FORGED = Finding(
    "2",
    "update",
    "wrong-name",
    "A name",
    ("W1[0,0]", "b1[0]"),
    applies={"W1[0,0]": "+d", "b1[0]": "the solution"},
    should={"b1[0]": "the solution"},
    place=CELL.place(2),
    source="W = the_solution",
    places=(CELL.place(2), CELL.place(9)),
    sentence="A name is another's.",
    hints=("one", "two", "the solution", "the solution"),
    untraced="the solution",
    columns=(4, 16),
    fix="the solution",
    adds=2,
    diff="the solution",
)


def told(*findings: Finding, proved: Inquiry | None = None) -> tuple[Finding, ...]:
    """Return what is shown of the findings of a search."""
    made = explained(proved or Inquiry((PROVED,)), Inquiry(findings), [CELL])
    return made.findings


def test_what_was_proved_is_kept_beside_what_is_told() -> None:
    """The inquiry before a search is kept; where a search adds nothing there is none."""
    proved = Inquiry((PROVED,), {"trajectory": (PROVED.id,)})
    assert explained(proved, Inquiry((FORGED,)), [CELL]).proved == proved
    assert explained(proved, proved, [CELL]) is proved
    assert explained(Inquiry(), Inquiry((FORGED,)), [CELL]).proved == Inquiry()


def test_a_repair_shows_no_text_of_its_own() -> None:
    """Kind, sentence and line stay; formulas, later hints and the repair do not."""
    (finding,) = told(FORGED)
    assert "solution" not in repr(finding)
    assert (finding.mistake, finding.sentence) == ("wrong-name", "A name is another's.")
    assert (finding.place, finding.source, finding.columns) == (CELL.place(2), "W = W + d", ())
    assert finding.places == (CELL.place(2),)
    assert finding.hints == ("one", "two")
    # What was proved of the same entry is still true.
    assert finding.applies == {"W1[0,0]": "+d"}


def test_a_doubtful_part_is_marked_where_the_line_is_the_submitted_one() -> None:
    """Columns of another text, or behind the line's end, are dropped."""
    right = replace(FORGED, source="W = W + d", columns=(4, 9))
    for columns, expected in {(4, 9): (4, 9), (4, 10): (), (9, 4): (), (-2, 3): ()}.items():
        (finding,) = told(replace(right, columns=columns))
        assert finding.columns == expected


def test_a_line_that_does_not_exist_is_not_shown() -> None:
    """Neither one behind the last line nor one of another file."""
    for place in (CELL.place(9), CELL.place(0), Place("other.py", None, 2)):
        (finding,) = told(replace(FORGED, place=place))
        assert (finding.place, finding.source, finding.columns) == (None, "", ())


def test_a_proved_mistake_keeps_its_words_at_the_line_of_its_repair() -> None:
    """A search may find a better line for it; formulas are those of the submitted text."""
    moved = replace(
        PROVED,
        place=CELL.place(2),
        source="W = W + d",
        columns=(6, 7),
        should={"W1[0,0]": "the solution"},
        hints=("the solution",) * 4,
        fix="W = W - d",
    )
    (finding,) = told(moved)
    expected = replace(PROVED, place=CELL.place(2), source="W = W + d", columns=(6, 7))
    assert finding == expected
    assert told(PROVED, FORGED)[0] == PROVED
