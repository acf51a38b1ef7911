"""Plots: the page's colours, no style of their own, words beside them, expected only if told."""

import re
from base64 import b64decode
from pathlib import Path

import pytest
from report.html.samples import HOSTILE, Elements, result

from gradkit.report.data import to_data
from gradkit.report.html import drawings
from gradkit.report.html.drawings import courses, heat_map, matrices, placed
from gradkit.text import clean_text

COURSE = ((1, 2, 3), (3.0, 2.0, 1.0), (3.0, 1.5, 0.5))
ROOT = Path(__file__).resolve().parents[3]
CELL = drawings.Cell(4, "✗ 2e−3")


def drawn() -> list[str]:
    """One drawing of each kind."""
    return [
        drawings.course(*COURSE),
        drawings.course((1, 2), (1.0, float("nan")), ()),
        drawings.course((1, 2), (1.0, 50.0), (1.0, 0.5)),
        drawings.course((1, 2), (), (1.0, 0.5)),
        drawings.shaded((("W1", ((CELL, CELL), (CELL, CELL))), ("b2", ((CELL,),)))),
        drawings.histogram((0.0, 3.0, 20.0), 20.0, "points"),
        drawings.bars((("wrong-sign", 3), ("$\\frac{", 1))),
        drawings.shares((("update", (3, 2, 1, 0)), ("gradient", (0, 0, 6, 0)))),
    ]


def test_drawings_have_the_colours_of_the_page() -> None:
    """None of their own, so that they follow light and dark; no style, no script, no address."""
    for svg in drawn():
        assert not re.search(r"#[0-9a-f]{6}|rgb\(", svg)
        assert not re.search(r"<style|style=|<script|http|xlink|<metadata", svg)
        assert "currentColor" in svg
    assert "var(--found)" in drawings.course(*COURSE)
    assert "var(--expected)" in drawings.course(*COURSE)
    assert "var(--expected)" not in drawings.course(COURSE[0], COURSE[1], ())


@pytest.mark.parametrize(
    "found",
    [
        (0.0, 0.0),
        (0.0, 5e-324),
        (1e-300, 3e-300),
        (2.0, 2.0 + 1e-12),
        (1.7e308, -1.7e308),
        (float("inf"), float("nan")),
        (1e-5, 1e290),
        (-3.0, -1.0),
        (5.0,),
    ],
)
def test_any_course_is_drawn(found: tuple[float, ...]) -> None:
    """Within its axes, with round numbers beside them that can be told apart."""
    svg = drawings.course((1, 2), found, ())
    places = [float(n) for d in re.findall(r' d="([^"]*)"', svg) for n in re.findall(r"[\d.]+", d)]
    assert all(0 <= place <= 288 for place in places)
    texts = re.findall(r'text-anchor="end">([^<]*)<', svg)
    assert len(texts) == len(set(texts)) >= 1


def test_a_course_that_climbs_has_powers_of_ten() -> None:
    """Else what came before would be a flat line."""
    ticks = re.compile(r'text-anchor="end">([^<]*)<')
    steep, plain = (1.0, 50.0, 9000.0), (3.0, 2.0, 1.0)
    assert ticks.findall(drawings.course((1, 2, 3), steep, ())) == ["1", "100", "10000"]
    assert ticks.findall(drawings.course((1, 2, 3), plain, ())) == ["1", "2", "3"]
    high = (1e-4, 1e20, 1e20)
    assert ticks.findall(drawings.course((1, 2, 3), high, ())) == ["1e0", "1e10", "1e20"]
    assert "1e-20" in ticks.findall(drawings.course((1, 2, 3), (1e-25, 1e-2, 1e-2), ()))


def test_drawings_can_stand_on_one_page() -> None:
    """Each with identifiers of its own, to which all its references lead."""
    one, two = (placed(drawings.course(*COURSE), name, "A title & more").svg for name in ("a", "b"))
    ids = [re.findall(r' id="([^"]+)"', svg) for svg in (one, two)]
    assert ids[0]
    assert not set(ids[0]) & set(ids[1])
    assert len(set(ids[0])) == len(ids[0])
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', one)) <= set(ids[0])
    assert '<title id="a-title">A title &amp; more</title>' in one
    assert 'role="img" aria-labelledby="a-title"' in one


def test_a_drawing_is_made_once() -> None:
    """Students with the same mistake share it."""
    drawings.course.cache_clear()
    data = to_data(result(), 4)["tasks"][0]["checks"][4]
    list(courses(data, "a"))
    before = drawings.course.cache_info()
    again = list(courses(data, "b"))
    assert drawings.course.cache_info().hits == before.hits + len(again) == before.hits + 2
    assert drawings.course.cache_info().misses == before.misses


def test_a_picture_needs_no_page() -> None:
    """A notebook has no style sheet: every colour that a course names is in the picture itself."""
    made = placed(drawings.course(*COURSE), "a", "A title")
    kind, _, data = drawings.picture(made).partition(",")
    svg = b64decode(data).decode()
    assert kind == "data:image/svg+xml;base64"
    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg" style="')
    named = set(re.findall(r"var\(--([a-z]+)\)", svg))
    assert named
    assert named <= set(re.findall(r"--([a-z]+):#", svg))
    page = (ROOT / "gradkit/report/templates/page.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--(\w+): (#\w+);", page.partition("@media")[0]))
    assert {name: light[name] for name in drawings.LIGHT} == drawings.LIGHT


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_courses_show_what_is_expected_at_level_4_alone(level: int) -> None:
    """Neither in the drawing nor in the words."""
    first, second = courses(to_data(result(), level)["tasks"][0]["checks"][4], "a")
    assert "your code (solid) ends at 1" in first.caption
    assert "your code (solid) ends at no finite number" in second.caption
    for text in (first.caption, first.svg):
        assert ("expected" in text) == (level == 4)
    assert ("0.7778" in first.caption) == (level == 4)


def test_a_course_that_was_not_found_is_drawn_as_far_as_it_is_told() -> None:
    """What was expected, if that is shown; else nothing at all."""
    course = {"start": "s", "epochs": [1, 2], "found": [], "expected": [2.0, 1.0]}
    check = {"courses": [course], "state": "fail"}
    (only,) = courses(check, "a")
    assert only.caption == "Initial parameters “s”: expected (dashed) 1."
    del course["expected"]
    assert list(courses(check, "a")) == []


@pytest.mark.parametrize(
    ("state", "found", "told"),
    [
        ("fail", 0.5, "0.5, expected (dashed) 0.695"),
        ("fail", 0.69500002, "0.69500002, expected (dashed) 0.695"),
        ("fail", float("inf"), "no finite number, expected (dashed) 0.695"),
        ("fail", 0.695 + 1e-14, "0.695, expected (dashed) 0.695"),
        ("pass", 0.69500002, "0.695, expected (dashed) 0.695"),
    ],
)
def test_ends_that_differ_are_told_apart(state: str, found: float, told: str) -> None:
    """By as many digits as it takes, where they are wrong: the same number twice would say less."""
    course = {"start": "s", "epochs": [1], "found": [found], "expected": [0.695]}
    (only,) = courses({"courses": [course], "state": state}, "a")
    assert only.caption == f"Initial parameters “s”: your code (solid) ends at {told}."


def entry(index: tuple[int, ...], state: str, found: float | None = 1.0, **more: float) -> dict:
    """An entry of W1, as the data has it."""
    return {"parameter": "W1", "label": "", "index": index, "state": state, "found": found, **more}


def test_errors_are_shaded_by_decades_below_the_worst() -> None:
    """A right entry has a sign and no number; none that was found is as bad as it gets."""
    ((name, rows),) = matrices(
        [
            entry((0, 0), "pass", expected=1.0),
            entry((0, 1), "fail", expected=3.0),
            entry((1, 0), "fail", expected=1.05),
            entry((1, 1), "fail", expected=1.0000002),
            entry((2, 0), "fail", None, expected=1.0),
            entry((2, 1), "inconclusive", expected=1.0),
        ]
    )
    assert name == "W1"
    assert [[(cell.level, cell.label) for cell in row] for row in rows] == [
        [(0, "✓"), (4, "✗ 2")],
        [(3, "✗ 0.05"), (1, "✗ 2e−7")],
        [(4, "✗ none"), (0, "?")],
    ]


def test_errors_are_not_told_where_expected_values_are_not() -> None:
    """All wrong entries look alike."""
    ((_, rows),) = matrices([entry((0, 0), "fail"), entry((0, 1), "fail", 9.0)])
    assert rows == ((drawings.Cell(4, "✗"), drawings.Cell(4, "✗")),)


def test_what_makes_no_matrix_is_not_drawn() -> None:
    """One index or none, and matrices that nobody could read."""
    assert matrices([entry((0,), "fail"), entry((), "fail")]) == ()
    assert matrices([entry((0, 40), "fail")]) == ()


def test_a_heat_map_says_which_entries_are_wrong() -> None:
    """In words for who cannot see it; there is none where all are right."""
    check = {"entries": [entry((0, 0), "pass"), entry((0, 1), "fail")], "courses": []}
    made = heat_map(check, "a")
    assert made is not None
    assert "1 of 2 entries is wrong: W1[0,1]." in made.svg
    assert "number" not in made.caption
    check["entries"][1]["expected"] = 2.0
    assert "number" in heat_map(check, "a").caption
    assert heat_map({"entries": [entry((0, 0), "pass")], "courses": []}, "a") is None


def test_text_in_a_drawing_is_text() -> None:
    """No formula language of the library's, no mark-up."""
    text = clean_text(HOSTILE)
    for svg in (
        drawings.bars(((text, 3),)),
        placed(drawings.course(*COURSE), "a", text).svg,
        drawings.shaded(((text, ((CELL,),)),)),
    ):
        tags = {tag for tag, _ in Elements(svg).tags}
        assert tags <= {"svg", "defs", "g", "path", "use", "text", "title", "clippath", "rect"}
        assert "{{ 7 * 7 }}" in svg
