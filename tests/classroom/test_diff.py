"""What has changed between two runs: scores, findings, points set, who came and went."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from classroom.answering import (
    ANNA,
    BEN,
    CAS,
    EVE,
    FAY,
    UPDATE,
    ZED,
    gradkit,
    refusal,
    run,
    write,
)
from classroom.classes import RIGHT

from gradkit.classroom.course.find_student import pseudonym
from gradkit.classroom.remark import remark_class
from gradkit.classroom.reports.history import differences, stood
from gradkit.classroom.store.counted import override
from gradkit.classroom.store.database import FILE
from gradkit.classroom.store.results import Store
from gradkit.records.reports import Difference, Mark, Stood

pytestmark = [pytest.mark.sample(6), pytest.mark.usefixtures("warm")]

SWAPPED = f"{UPDATE} swapped-index"


def changed(course: Path, before: int, after: int) -> dict[str, Difference]:
    """By student."""
    with Store(course, write=False) as store:
        return {each.name: each for each in differences(store, before, after)}


def lines(*words: object) -> list[list[str]]:
    """The table that the command prints, in cells."""
    ended = gradkit("diff", *words)
    assert (ended.exit_code, ended.stderr) == (0, "")
    return [re.split(r"  +", line.strip()) for line in ended.stdout.splitlines()]


def test_a_second_attempt(handed: Path) -> None:
    """Scores and findings of whoever has one, and of nobody else; backwards the other way round."""
    found = changed(handed / "out", 1, 2)
    before = Stood("graded", Mark(15.5, 20.0, 1, 1), (SWAPPED,), {})
    after = Stood("graded", Mark(20.0, 20.0, 2, 2), (), {})
    assert found == {BEN: Difference(BEN, before, after, (SWAPPED,), ())}
    back = changed(handed / "out", 2, 1)
    assert back == {BEN: Difference(BEN, after, before, (), (SWAPPED,))}
    assert lines(handed / "out", 1, 2) == [
        ["student", "before", "after", "what else"],
        [BEN, "15.5 / 20", "20 / 20", "attempt 1 of 1 → 2 of 2"],
        [f"gone: {SWAPPED}"],
    ]


def test_a_run_beside_itself(handed: Path) -> None:
    """Nothing has changed."""
    assert changed(handed / "out", 2, 2) == {}
    assert lines(handed / "out", 2, 2) == [["Nothing has changed between these two runs."]]


def test_points_that_were_set_and_taken_back(course: Path) -> None:
    """Beside what they do to the total."""
    for points in (5.5, 5.0, None):
        with Store(course, write=True) as store:
            override(store, ANNA, "update", points, comment="why")
    assert lines(course, 2, 3)[1] == [
        *(ANNA, "15.5 / 20", "16.8 / 20"),
        f"{UPDATE}: set to 5.5",
    ]
    assert lines(course, 3, 4)[1][3] == f"{UPDATE}: set to 5"
    assert lines(course, 4, 5)[1][3] == f"{UPDATE}: no longer set by a person"
    assert changed(course, 2, 5) == {}


def test_a_finding_that_was_withdrawn(course: Path) -> None:
    """From all whose results have it; Ben's second attempt, which counts, has not."""
    remark_class(course, drops=("swapped-index",))
    found = changed(course, 2, 3)
    assert set(found) == {ANNA}
    assert (found[ANNA].gone, found[ANNA].come) == ((SWAPPED,), ())


def test_who_comes_and_who_goes(course: Path, tmp_path: Path) -> None:
    """A new student, and students whose attempts are after the date that now counts."""
    folder = write(tmp_path / "third", {"poedan_104_9044_hw.py": RIGHT + "\n# dan\n"})
    run(course, folder)
    assert lines(course, 2, 3)[1:] == [["Dan Poe", "–", "20 / 20", "new"]]
    with Store(course, write=True) as store, store.writing():
        # Without a known time, an attempt counts.
        store.change("UPDATE listed SET sender = json_set(sender, '$.at', '2026-11-01T10:00Z')")
    run(course, folder, policy="before=2000-01-01T00:00:00+00:00")
    table = {row[0]: row[1:] for row in lines(course, 3, 4)[1:] if len(row) > 1}
    # Dan's download is read again, and has no time.
    assert set(table) == {ANNA, BEN, CAS, EVE, FAY, ZED}
    assert table[EVE] == ["20 / 20", "–", "gone"]
    assert table[FAY] == ["refused", "–", "gone"]


def test_what_stood_can_be_read_back(handed: Path) -> None:
    """Of everybody, refused ones too."""
    with Store(handed / "out", write=False) as store:
        found = stood(store, 2)
    assert set(found) == {ANNA, BEN, CAS, EVE, FAY, ZED}
    assert found[FAY] == Stood("refused", Mark(None, None, 1, 1), (), {})


def test_pseudonyms(handed: Path) -> None:
    """In the place of the names."""
    table = lines(handed / "out", 1, 2, "--pseudonyms")
    with Store(handed / "out", write=False) as store:
        assert table[1][0] == pseudonym(store, BEN)
    assert "Ben" not in str(table)


def test_a_run_that_is_not_there(handed: Path) -> None:
    """With those that are."""
    for words in ((1, 7), (7, 1)):
        assert refusal("diff", handed / "out", *words) == (
            f"There is no run 7 in {handed / 'out' / FILE}. The runs are 1, 2. `gradkit "
            "history` lists all runs."
        )
