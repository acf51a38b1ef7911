"""The price of a finding for a class: it holds for all marks, also for later ones."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from classroom.answering import SWAPPED, gradkit, refusal
from classroom.classes import OPTIONS, RIGHT, TASK, handed_in, results

from gradkit.classroom.remark import remark_class
from gradkit.classroom.reports.history import history
from gradkit.classroom.store.database import FILE
from gradkit.classroom.store.prices import decision_revision, prices, withdrawals
from gradkit.classroom.store.results import Store, settings_of
from gradkit.classroom.store.reviews import ConflictError
from gradkit.records.result import Result

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm")]

CODE = "swapped-index"
PRICE = f"{CODE}=10"
WHY = "the sheet was unclear"


def grade(folder: Path, out: Path) -> None:
    """Grade a class by the command."""
    ended = gradkit("grade", folder, "--out", out, *OPTIONS, "--workers", 1)
    assert ended.exit_code == 0, ended.output


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Grade Ann, who has exchanged two indices, and Ben, who is right."""
    grade(handed_in(tmp_path / "class", ann=SWAPPED, ben=RIGHT), tmp_path / "out")
    return tmp_path / "out"


def lost(out: Path, name: str = "ann") -> dict[str, float]:
    """Return the share of its points that each check of a student has lost, if any."""
    result = results(out)[name]
    assert isinstance(result, Result)
    return {
        check.check: round(1 - check.score / check.max_score, 3)
        for task in result.tasks
        for check in task.checks
        if check.score < check.max_score
    }


def test_a_price_holds_for_later_submissions_and_marks(course: Path) -> None:
    """Until it is withdrawn; `history` says in each run what the student's findings cost."""
    before, all_lost = results(course), lost(course)
    assert set(all_lost.values()) != {0.1}
    done = remark_class(course, prices={CODE: 0.1}, why=WHY, by="Ada")
    assert [change.name for change in done.changes] == ["ann"]
    assert lost(course) == dict.fromkeys(all_lost, 0.1)
    assert lost(course, "ben") == {}
    with Store(course, write=False) as store:
        (price,) = prices(store).values()
        assert settings_of(store).prices == ((CODE, 0.1),)
    assert (price.code, price.share, price.by, price.comment) == (CODE, 0.1, "Ada", WHY)
    grade(handed_in(course.parent / "class", cas=SWAPPED + "# cas\n"), course)
    assert lost(course, "cas") == lost(course)
    assert gradkit("remark", course, "--preset", "strict").exit_code == 0
    assert lost(course) == lost(course, "cas") == dict.fromkeys(all_lost, 0.1)
    assert gradkit("remark", course, "--preset", "default").exit_code == 0
    ended = gradkit("remark", course, "--no-price", CODE, "--why", "clear now")
    assert ended.exit_code == 0
    assert {name: results(course)[name] for name in ("ann", "ben")} == before
    assert lost(course, "cas") == all_lost
    with Store(course, write=False) as store:
        assert prices(store) == {}
        ann, cas, ben = (history(store, name).steps for name in ("ann", "cas", "ben"))
    assert next(step.prices for step in ann if step.kind == "remark") == ((CODE, 0.1),)
    assert (ann[-1].unprices, ann[-1].why) == ((CODE,), "clear now")
    assert (cas[0].kind, cas[0].prices) == ("grade", ((CODE, 0.1),))
    assert not any(step.prices for step in ben)
    text = gradkit("history", course, "ann").stdout
    assert f"by Ada: {WHY}\n" in text
    assert f"  Deduction set for all students: {CODE} costs 10 % of a check's points.\n" in text
    assert f"  Deduction no longer set: {CODE}.\n" in text


def test_a_price_is_refused_that_cannot_count(course: Path) -> None:
    """The message says why, and nothing is stored."""
    with Store(course, write=False) as store:
        count = len(store.runs())

    def refused(*words: str) -> str:
        return refusal("remark", course, *words)

    assert "'swapped-index' is not CODE=PERCENT, such as swapped-index=10." in refused(
        "--price", CODE
    )
    assert "'=5' is not CODE=PERCENT" in refused("--price", "=5")
    assert "'swapped-index=nan' is not CODE=PERCENT" in refused("--price", f"{CODE}=nan")
    assert refused("--price", f"{CODE}=101%") == (
        "The price of swapped-index is 101 %; expected 0 to 100 %."
    )
    assert "similar mistakes are swapped-index" in refused("--price", "swaped-index=5")
    assert refused("--price", PRICE, "--no-price", CODE) == (
        "--price and --no-price both name swapped-index. Leave out one of the two."
    )
    assert refused("--no-price", CODE) == (
        "--no-price swapped-index: no price is set for this finding."
    )
    assert refused("--price", PRICE, "--drop", CODE) == (
        "--price swapped-index: this finding is withdrawn and costs nothing. To count it again, "
        "add --keep swapped-index."
    )
    assert refused("--price", PRICE, "--preset", "numbers") == (
        "With the preset numbers findings cost nothing, so they cannot be priced. Choose another "
        "preset with `gradkit remark --preset`."
    )
    with Store(course, write=False) as store:
        assert len(store.runs()) == count
    assert gradkit("remark", course, "--price", PRICE).exit_code == 0
    assert refused("--no-price", "wrong-sign") == (
        "--no-price wrong-sign: no price is set for this finding. Prices are set for swapped-index."
    )


def test_a_decision_after_that_of_another_person_is_refused(course: Path) -> None:
    """Each price and each withdrawal is a new revision."""

    def revision() -> str:
        with Store(course, write=False) as store:
            return decision_revision(store, CODE)

    old = revision()
    remark_class(course, prices={CODE: 0.1}, seen={CODE: old}, by="Ada")
    with pytest.raises(ConflictError, match=f"meanwhile priced or withdrawn {CODE}, or counted"):
        remark_class(course, drops=[CODE], seen={CODE: old}, by="Bea")
    priced = revision()
    remark_class(course, drops=[CODE], seen={CODE: priced}, why=WHY, by="Bea")
    with pytest.raises(ConflictError):
        remark_class(course, unprices=[CODE], seen={CODE: priced})
    with Store(course, write=False) as store:
        assert {code: (one.by, one.comment) for code, one in withdrawals(store).items()} == {
            CODE: ("Bea", WHY)
        }
    assert lost(course) == {}
    remark_class(course, keeps=[CODE], seen={CODE: revision()})
    assert set(lost(course).values()) == {0.1}


def test_a_class_of_an_earlier_gradkit_has_no_prices(course: Path) -> None:
    """Its file gets the table when it is opened for writing."""
    with closing(sqlite3.connect(course / FILE)) as base:
        base.executescript("DROP TABLE finding_decisions; DROP TABLE prices;")
    with Store(course, write=False) as store:
        assert prices(store) == {}
        assert decision_revision(store, CODE) == "0-0"
        assert history(store, "ann").mark is not None
    remark_class(course, prices={CODE: 0.0})
    assert lost(course) == {}
    assert TASK in {task.task for task in results(course)["ann"].tasks}  # type: ignore[union-attr]
