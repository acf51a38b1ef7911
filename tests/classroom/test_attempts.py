"""Which attempt counts: by time, by order, by points, by a date."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from classroom.filing import filed

from gradkit.classroom.policy import PolicyError, counting_attempts, moment, policy, rule_of
from gradkit.classroom.store.results import Store
from gradkit.grading.settings import Settings
from gradkit.records.classroom import Listed
from gradkit.records.course import Sender


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a student's."""

    digest: str
    score: float | None = 1.0
    at: str = ""
    stamp: str = ""
    name: str = "kim"
    file: str = ""


def graded(folder: Path, *attempts: Attempt, rule: str | None = None) -> int:
    """One run that found these, in this order."""
    with Store(folder, write=True) as store:
        run = store.begin("grade", Settings(), policy=rule)
        store.add(
            run,
            [
                filed(
                    each.name,
                    digest=each.digest,
                    score=each.score,
                    standing="refused" if each.score is None else "graded",
                )
                for each in attempts
            ],
        )
        store.add_listed(
            run,
            [
                Listed(
                    *(each.name, each.digest, place, each.stamp),
                    Sender(each.name, "plain", {}, False, each.file or each.name, at=each.at),
                )
                for place, each in enumerate(attempts)
            ],
        )
    return run


def counting(folder: Path, upto: int | None = None) -> dict[str, tuple[str, int, int]]:
    """By student, which contents count, and which of how many attempts that is."""
    with Store(folder, write=False) as store:
        return {
            one.kept.name: (one.kept.digest, one.number, one.attempts)
            for one in counting_attempts(store, upto)
        }


@pytest.fixture
def far_east() -> Iterator[None]:
    """A computer whose clock is nine hours ahead."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


def test_the_last_one_counts(tmp_path: Path) -> None:
    """Of a run as they were given, of several runs the later one's."""
    graded(tmp_path, Attempt("a"), Attempt("b"), Attempt("x", name="lee"))
    assert counting(tmp_path) == {"kim": ("b", 2, 2), "lee": ("x", 1, 1)}
    last = graded(tmp_path, Attempt("a"))
    assert counting(tmp_path)["kim"] == ("a", 2, 2)
    graded(tmp_path, Attempt("c"))
    assert counting(tmp_path)["kim"] == ("c", 3, 3)
    assert counting(tmp_path, last)["kim"] == ("a", 2, 2)
    assert counting(tmp_path, 0) == {}


def test_the_platforms_times_go_before_the_order(tmp_path: Path) -> None:
    """But only where every attempt has one."""
    late = Attempt("b", at="2026-10-02 10:00:00 Z")
    graded(tmp_path / "all", late, Attempt("a", at="2026-10-01 23:00:00 -0500"))
    assert counting(tmp_path / "all")["kim"] == ("b", 2, 2)
    graded(tmp_path / "some", late, Attempt("a"))
    assert counting(tmp_path / "some")["kim"] == ("a", 2, 2)


def test_the_best_one_counts(tmp_path: Path) -> None:
    """Of equal ones the last; what could not be graded has no points at all."""
    graded(tmp_path, Attempt("a", 5.0), Attempt("b", 2.0), Attempt("c", None), rule="best")
    assert counting(tmp_path)["kim"] == ("a", 1, 3)
    graded(tmp_path, Attempt("d", 5.0))
    assert counting(tmp_path)["kim"] == ("d", 4, 4)
    graded(tmp_path, Attempt("y", None, name="lee"), Attempt("z", 0.0, name="lee"))
    assert counting(tmp_path)["lee"] == ("z", 2, 2)


def test_the_rule_may_change_at_any_time(tmp_path: Path) -> None:
    """And it is known what held before."""
    first = graded(tmp_path, Attempt("a", 5.0), Attempt("b", 2.0))
    second = graded(tmp_path, Attempt("a", 5.0), Attempt("b", 2.0), rule="best")
    graded(tmp_path, Attempt("a", 5.0), Attempt("b", 2.0))
    assert counting(tmp_path)["kim"][0] == "a"
    assert counting(tmp_path, first)["kim"][0] == "b"
    with Store(tmp_path, write=False) as store:
        assert [rule_of(store, upto) for upto in (first, second, None)] == ["last", "best", "best"]


def test_before_a_time(tmp_path: Path) -> None:
    """The platform's, else the file's; and what has none may have been in time."""
    rule = policy("before=2026-10-02T00:00+00:00")
    graded(
        tmp_path,
        Attempt("a", at="2026-10-01 10:00:00 Z", stamp="2026-10-09T00:00:00+00:00"),
        Attempt("b", at="2026-10-02 00:00:00 Z", stamp="2026-09-01T00:00:00+00:00"),
        Attempt("c", name="lee", stamp="2026-10-01T00:00:00+00:00"),
        Attempt("d", name="lee", stamp="2026-10-03T00:00:00+00:00"),
        Attempt("e", name="mo"),
        Attempt("f", name="tardy", at="2027-01-01 00:00:00 Z"),
        rule=rule,
    )
    assert counting(tmp_path) == {"kim": ("a", 1, 2), "lee": ("c", 1, 2), "mo": ("e", 1, 1)}


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="no zone can be set for this process")
@pytest.mark.usefixtures("far_east")
def test_times_as_they_are_written() -> None:
    """By platforms with their zones, by people without."""
    said = {
        text: found.isoformat() if (found := moment(text)) else None
        for text in (
            "2026-10-01 10:00:00.000000000 Z",
            "2026-10-01 10:00:00 UTC",
            "2026-10-01 10:00:00.123456789 -0700",
            "2026-10-01T10:00",
            "2026-10-01",
            "yesterday",
            "",
        )
    }
    assert said == {
        "2026-10-01 10:00:00.000000000 Z": "2026-10-01T10:00:00+00:00",
        "2026-10-01 10:00:00 UTC": "2026-10-01T10:00:00+00:00",
        "2026-10-01 10:00:00.123456789 -0700": "2026-10-01T17:00:00.123456+00:00",
        "2026-10-01T10:00": "2026-10-01T10:00:00+09:00",
        "2026-10-01": "2026-10-01T00:00:00+09:00",
        "yesterday": None,
        "": None,
    }


def test_rules_that_there_are_not() -> None:
    """Each is told with what is expected."""
    assert [policy("last"), policy("best")] == ["last", "best"]
    with pytest.raises(PolicyError) as caught:
        policy("first")
    assert str(caught.value) == "--attempt first: expected last, best or before=DATE."
    with pytest.raises(PolicyError) as caught:
        policy("before=noon")
    assert str(caught.value) == (
        "--attempt before=noon: expected a time, as in before=2026-11-01T23:59. A time without a "
        "zone is in the zone of this computer."
    )


FIRST, LATER = "2026-10-01T10:00:00+00:00", "2026-10-02T10:00:00+00:00"


def test_what_is_merely_found_again_keeps_its_place(tmp_path: Path) -> None:
    """The download that was graded first is given again after a file that came by mail."""
    graded(tmp_path, Attempt("broken", stamp=FIRST))
    graded(tmp_path, Attempt("mailed", stamp=LATER))
    graded(tmp_path, Attempt("broken", stamp=FIRST))
    assert counting(tmp_path) == {"kim": ("mailed", 2, 2)}


@pytest.mark.parametrize("again", ["", LATER])
def test_another_file_does_not_make_what_is_found_again_new(tmp_path: Path, again: str) -> None:
    """A clone has no time, and a download may bear that of its own; what came by mail stays."""
    own = Attempt("broken", stamp=again and FIRST, file="repo")
    graded(tmp_path, own)
    graded(tmp_path, Attempt("mailed", stamp=FIRST, file="mail"))
    for _ in range(2):
        graded(tmp_path, replace(own, stamp=again))
        assert counting(tmp_path) == {"kim": ("mailed", 2, 2)}
    graded(tmp_path, Attempt("mailed", stamp=LATER, file="mail"))
    assert counting(tmp_path) == {"kim": ("mailed", 2, 2)}
    graded(tmp_path, Attempt("mended", file="repo"))
    assert counting(tmp_path) == {"kim": ("mended", 3, 3)}
    # Gone back to: something else lay there in between.
    graded(tmp_path, replace(own, stamp=again and "2026-10-03T10:00:00+00:00"))
    assert counting(tmp_path) == {"kim": ("broken", 3, 3)}


@pytest.mark.parametrize("stamp", [LATER, ""])
def test_what_is_handed_in_again_does_not(tmp_path: Path, stamp: str) -> None:
    """Of another time, or of one that nothing tells: the student has gone back to it."""
    graded(tmp_path, Attempt("a", stamp=stamp and FIRST))
    graded(tmp_path, Attempt("b", stamp=stamp and FIRST))
    graded(tmp_path, Attempt("a", stamp=stamp))
    assert counting(tmp_path) == {"kim": ("a", 2, 2)}
