"""The page of a class: what it counts, whom it names, where it leads."""

from __future__ import annotations

import re
from typing import Any

import pytest
from msgspec.structs import replace
from report.html.samples import HOSTILE, WORDS, Elements, result

from gradkit.records.classroom import HandedIn, Row
from gradkit.records.result import UNEXPLAINED, State
from gradkit.report.data import to_row
from gradkit.report.document import link
from gradkit.report.html.class_page import (
    KINDS,
    _checks,
    _mistakes,
    class_page,
)
from gradkit.report.html.page import render
from gradkit.report.words import comparable

TASKS = {"t": ("Task", 4.0), "u": ("Other", 10.0)}
CHECKS: dict[str, tuple[State, float, float]] = {
    **{"t/update": ("fail", 0.0, 6.0), "t/forward": ("pass", 4.0, 4.0)},
    **{"u/update": ("pass", 10.0, 10.0), "u/forward": ("blocked", 0.0, 0.0)},
}
UPHILL = {"wrong-sign": "The step goes uphill"}


def row_of(name: str, score: float | None = None, most: float | None = None, **more: Any) -> Row:
    """A student's line in a class."""
    return replace(Row(name, "graded", "", score, most, False, {}, {}, ()), **more)


ROWS = [
    row_of(
        *("Ada", 14.0, 20.0),
        provisional=True,
        checks=CHECKS,
        tasks=TASKS,
        mistakes=UPHILL,
        link="pages/a.html",
    ),
    row_of(
        *("Bo", 4.0, 10.0),
        checks={name: each for name, each in CHECKS.items() if name[0] == "t"},
        tasks={"t": TASKS["t"]},
        mistakes={**UPHILL, "x": "X"},
    ),
    row_of("Cy", 0.0, 10.0, mistakes={UNEXPLAINED: "Something"}),
]


def cells(page: str, name: str) -> list[str]:
    """The texts of a student's line in the table."""
    (row,) = [r for r in re.findall(r"<tr data-mistakes.*?</tr>", page, re.DOTALL) if name in r]
    return [
        re.sub("<[^>]+>", "", cell).strip()
        for cell in re.findall(r"<t[hd][ >].*?</t[hd]>", row, re.DOTALL)
    ]


def test_a_row_is_what_a_result_comes_to() -> None:
    """Below the level that names mistakes, none is named."""
    row = to_row(result("Ada"), 2, "a.html")
    assert (row.name, row.score, row.max_score, row.link) == ("Ada", 12.5, 20.0, "a.html")
    assert row.mistakes == {f"code-{WORDS[2]}": f"Title {WORDS[2]} plain"}
    assert "error" in {state for state, _, _ in row.checks.values()}
    assert to_row(result(), 1).mistakes == {}


def test_every_student_has_a_line() -> None:
    """Points for each task, checks that did not pass, mistakes; a dash where there is nothing."""
    page = class_page(ROWS, "Class")
    assert cells(page, "Ada") == [
        "Ada provisional", "14", "20", "4", "10", "update, forward", "wrong-sign"
    ]  # fmt: skip
    assert cells(page, "Bo") == ["Bo", "4", "10", "4", "–", "update", "wrong-sign, x"]
    assert cells(page, "Cy") == ["Cy", "0", "10", "–", "–", "–", UNEXPLAINED]
    assert '<a href="pages/a.html"><bdi>Ada</bdi></a>' in page
    assert "3 students" in page


def test_who_has_no_grade_is_told_beside_the_name() -> None:
    """It is no mistake of theirs."""
    row = row_of("Di", ungraded="refused", handed=HandedIn(late=True))
    page = class_page([*ROWS, row], "Class")
    assert cells(page, "Di") == ["Di refused late", *["–"] * 6]
    assert [each.code for each in _mistakes([row])] == []
    assert "<dt>students</dt><dd>4</dd>" in page
    assert "<dt>with a score</dt><dd>3</dd>" in page


def test_the_points_by_numbers_stand_beside_the_others() -> None:
    """In a column of their own, unless nobody's are known."""
    known = row_of("Di", score=16.25, max_score=20.0, by_numbers=(13.5, 20.0))
    page = class_page([*ROWS, known], "Class")
    assert cells(page, "Di")[:4] == ["Di", "16.25", "20", "13.5"]
    assert cells(page, "Bo")[:4] == ["Bo", "4", "10", "–"]
    assert page.count(">By numbers</th>") == 1
    assert "By numbers" not in class_page(ROWS, "Class")


def test_one_task_needs_no_column_of_its_own() -> None:
    """The points say it."""
    assert len(cells(class_page(ROWS[1:2], "Class"), "Bo")) == 5


def test_who_has_more_than_all_points_has_full_marks() -> None:
    """By a bonus, say; who has none of nothing has not."""
    scores = [(20.0, 20.0), (21.5, 20.0), (19.75, 20.0), (0.0, 0.0), (None, None)]
    rows = [row_of(str(n), *pair) for n, pair in enumerate(scores)]
    assert "<dt>full marks</dt><dd>2</dd>" in class_page(rows, "Class")


def test_mistakes_are_counted_and_named() -> None:
    """The most frequent first, what has no name last; with who made them."""
    made = [(each.code, [row.name for row in each.rows]) for each in _mistakes(ROWS)]
    assert made == [("wrong-sign", ["Ada", "Bo"]), ("x", ["Bo"]), (UNEXPLAINED, ["Cy"])]


def test_checks_are_counted_by_kind_of_state() -> None:
    """Passed, failed, absent, open."""
    counted = _checks(ROWS)
    assert {name: tuple(count[kind] for kind in KINDS) for name, count in counted.items()} == {
        ("Task", "update"): (0, 2, 0, 0),
        ("Task", "forward"): (2, 0, 0, 0),
        ("Other", "update"): (1, 0, 0, 0),
        ("Other", "forward"): (0, 0, 1, 0),
    }


def test_scores_are_compared_as_shares_where_tasks_differ() -> None:
    """In points where all were given the same."""

    def pairs(rows):
        return [(row.score, row.max_score) for row in rows]

    assert comparable(pairs(ROWS)) == ([70.0, 40.0, 0.0], 100.0, "percent")
    assert comparable(pairs(ROWS[1:])) == ([4.0, 0.0], 10.0, "points")
    assert comparable([*pairs(ROWS[1:]), (None, None)]) == ([4.0, 0.0], 10.0, "points")
    assert comparable([]) == ([], 0.0, "points")


@pytest.mark.parametrize("rows", [[], ROWS[2:], [row_of("Di", 0.0, 0.0)]])
def test_small_classes_have_a_page(rows: list[Row]) -> None:
    """Nobody, nothing that was checked, nothing to reach."""
    assert f"<dd>{len(rows)}</dd>" in class_page(rows, "Class")


def test_hostile_names_stay_text() -> None:
    """In the table, the lists, the choices; and a link leads nowhere but to a path."""
    row = to_row(result(HOSTILE, HOSTILE), 4, f"javascript:alert(1)//{HOSTILE}")
    page = class_page([row, row], HOSTILE)
    known = {tag for tag, _ in Elements(class_page(ROWS, "Class")).tags}
    assert {tag for tag, _ in Elements(page).tags} <= known | {"wbr"}
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\ud800]", page)
    assert page.count("<script>") == 1
    for anchor in Elements(page).each("a"):
        assert str(anchor["href"]).startswith(("#", "javascript%3Aalert%281%29"))


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("students/ada lovelace.html", "students/ada%20lovelace.html"),
        ("#s1", "#s1"),
        ("//evil.example/x", "evil.example/x"),
        ("\\\\evil.example\\x", "evil.example/x"),
        ("https://evil.example", "https%3A//evil.example"),
        ('a"b', "a%22b"),
        ("\ud800", "%3F"),
    ],
)
def test_a_link_is_a_path(path: str, address: str) -> None:
    """It has no scheme and no host."""
    assert link(path) == address


def test_the_format_is_a_page_or_a_class_of_them() -> None:
    """One submission alone is its page; of several, each is on the page and linked to."""
    assert render([result("Ada")], 3).count("<h1>") == 1
    assert 'id="students"' not in render([result("Ada")], 3)
    page = render([result("Ada"), result("Bo")], 3, many=True)
    elements = Elements(page)
    ids = [a["id"] for _, a in elements.tags if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {str(a["href"])[1:] for _, a in elements.tags if str(a.get("href"))[0] == "#"}
    assert {"s1", "s2"} <= targets <= set(ids)
    assert WORDS[3] in page
    assert WORDS[4] not in page
    assert "1 submission<" in render([result("Ada")], 3, many=True)
