"""The pages in a real Chromium: offline, without an error, usable by keyboard and by ear."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from chromium import violations
from msgspec.structs import replace
from report.html.samples import HOSTILE, WORDS, changes, result

from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.classroom import Row
from gradkit.records.result import Adjustment, Decision, Result
from gradkit.report.data import to_row
from gradkit.report.html.class_page import class_page
from gradkit.report.html.page import fragment, refusal, render, student_page
from gradkit.sandbox import Workshop

pytestmark = [pytest.mark.slow, pytest.mark.browser]

CLASS = Path(__file__).parents[2] / "sample_class"
NAMES = (
    "hana_several_mistakes.ipynb",
    "farah_regression_wrong_sign.py",
    "kofi_regression_crashes.py",
)
STUDENTS = 500
LANGUAGES = ("en", "de")
OPEN = "document.querySelectorAll('details').forEach(d => d.open = true)"
SCHEMES = ("light", "dark")
SCREENS = [("light", 1280), ("dark", 400)]
"""Scheme and width of a computer and of a phone."""


@dataclass
class Opened:
    """A page in the browser, what it complained of, and what it asked for."""

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Open a text as a file, offline."""
    contexts = []

    def show(text: str, scheme: str = "light", width: int = 1280, script: bool = True) -> Opened:
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        context = browser.new_context(
            color_scheme=scheme,
            offline=True,
            java_script_enabled=script,
            viewport={"width": width, "height": 900},
        )
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.on("console", lambda message: opened.errors.append(message.text))
        opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.goto(path.as_uri())
        return opened

    yield show
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def graded() -> list[Result]:
    """A few of the sample class: many mistakes in four tasks, a loss that explodes, a crash."""
    with Workshop() as workshop, Session(Settings(seed=1), workshop) as session:
        return [session.check(CLASS / name) for name in NAMES]


@pytest.fixture(scope="module")
def rows(graded: list[Result]) -> list[Row]:
    """Students who handed in one of these each."""
    drawn = random.Random(1)  # noqa: S311 -- any will do
    return [
        replace(
            to_row(drawn.choice(graded), 4, f"students/{number}.html"),
            name=f"{drawn.choice('ZXWY')}oë {number:03}",
        )
        for number in range(STUDENTS)
    ]


@pytest.mark.rotate(4)
@pytest.mark.parametrize(
    ("number", "scheme"), [(0, "light"), (0, "dark"), (1, "dark"), (2, "light")]
)
def test_a_students_page_is_accessible(
    show: Callable[..., Opened], graded: list[Result], number: int, scheme: str
) -> None:
    """On a screen in either scheme and on paper, with everything unfolded."""
    opened = show(student_page(graded[number], 4), scheme)
    assert opened.errors == []
    assert len(opened.requests) == 1
    opened.page.evaluate(OPEN)
    assert violations(opened.page) == []
    opened.page.emulate_media(media="print")
    assert violations(opened.page) == []


@pytest.mark.rotate(2)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_has_changed_is_accessible(show: Callable[..., Opened], scheme: str) -> None:
    """In either scheme; hostile words run nothing."""
    opened = show(student_page(result("ada", HOSTILE), 3, changes(HOSTILE)), scheme)
    assert opened.errors == []
    assert len(opened.requests) == 1
    assert violations(opened.page) == []
    assert opened.page.evaluate("window.pwned") is None


def refused_and_given() -> list[Result]:
    """Nothing in it could be graded; the same with points; and one with a line of each kind."""
    told = f"hw.py:1 is not valid Python: `{HOSTILE}`.\n  x = ({'x' * 300}\n      ^\nMend it."
    plain = result("ada", HOSTILE)
    refused = replace(plain, tasks=(), score=0.0, refused=told)
    word = Decision(0.0, HOSTILE, "2026-11-25", HOSTILE, stale=False)
    given = Adjustment("total", 12.0, "", "", 12.0, 20.0, word)
    lines = [Adjustment(kind, -1.5, HOSTILE) for kind in ("late", "bonus", "scale")]
    return [
        refused,
        replace(refused, adjustments=(given,), score=12.0),
        replace(plain, adjustments=(given, *lines), all_tasks=4),
    ]


@pytest.mark.rotate(4)
@pytest.mark.parametrize(("scheme", "width"), SCREENS)
@pytest.mark.parametrize("number", range(3), ids=("refused", "given", "lines"))
def test_what_was_refused_and_set_is_accessible(
    show: Callable[..., Opened], scheme: str, number: int, width: int
) -> None:
    """In either scheme and on a phone; hostile words run nothing, long lines are broken."""
    opened = show(student_page(refused_and_given()[number], 3), scheme, width)
    assert opened.errors == []
    assert len(opened.requests) == 1
    assert violations(opened.page) == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.page.evaluate("window.pwned") is None


@pytest.mark.rotate(2)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_class_page_is_accessible(
    show: Callable[..., Opened], rows: list[Row], scheme: str
) -> None:
    """Of 500 students, sorted and filtered, and on paper."""
    opened = show(class_page(rows, "A class"), scheme)
    assert opened.errors == []
    assert len(opened.requests) == 1
    opened.page.get_by_role("button", name="Points").click()
    opened.page.locator("#by-name").fill("Z")
    assert violations(opened.page) == []
    opened.page.emulate_media(media="print")
    assert violations(opened.page) == []


def test_points_of_a_class_are_seen_on_a_phone(
    show: Callable[..., Opened], rows: list[Row]
) -> None:
    """Beside names and what was decided, without moving the table."""
    said = Adjustment(
        "bonus", 1.0, "the sheet was unclear about the sign, on 2026-11-27: A. Miller"
    )
    long = [
        replace(row, name=f"{n}_classification_updated_before_use", adjustments=(said,))
        for n, row in enumerate(rows[:9])
    ]
    page = show(class_page(long, "A class"), width=400).page
    box = page.locator("#students tbody td.figure").first.bounding_box()
    assert box["x"] + box["width"] <= 380
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_points_stand_below_each_other_whoever_set_them(
    show: Callable[..., Opened],
) -> None:
    """What says that a person did stands below the number, on a phone too."""
    word = Decision(2.5, "A. Miller", "2026-11-25", "why", stale=False)
    made = result()
    (task,) = made.tasks
    first, *others = task.checks
    checks = (replace(first, decision=word), *others)
    made = replace(made, tasks=(replace(task, checks=checks),))
    for width in (400, 1280):
        page = show(student_page(made, 3), width=width).page
        cell, chip = page.locator(".checks td.figure").first, page.locator(".checks .chip").first
        right = cell.evaluate(
            "e => { const r = document.createRange();"
            " r.selectNodeContents(e.firstChild); return r.getBoundingClientRect().right; }"
        )
        box = chip.bounding_box()
        assert abs(box["x"] + box["width"] - right) < 6
        assert box["x"] + box["width"] <= width
        around = page.locator(".scroll:has(> .checks)").first
        assert around.evaluate("e => e.scrollWidth - e.clientWidth") <= 0


def test_a_class_on_one_page_is_accessible(
    show: Callable[..., Opened], graded: list[Result]
) -> None:
    """The form that the command writes for several paths."""
    opened = show(render(graded, 3, many=True))
    assert opened.errors == []
    assert violations(opened.page) == []
    versions = opened.page.locator(".submission > footer p").first
    assert versions.evaluate("e => getComputedStyle(e).fontSize") == "14px"


@pytest.mark.rotate(2)
@pytest.mark.parametrize(("scheme", "width"), SCREENS)
def test_a_check_in_a_notebook_is_accessible(
    show: Callable[..., Opened], graded: list[Result], scheme: str, width: int
) -> None:
    """It is a piece of another page, whose colours and letters it takes."""
    piece = fragment("Regression", graded[1], 4) + fragment("Regression", graded[1], 3)
    text = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A notebook</title>
        <meta name="color-scheme" content="light dark"></head>
        <body><main><h1>A notebook</h1>{piece}</main></body></html>"""
    opened = show(text, scheme, width)
    assert opened.errors == []
    assert violations(opened.page) == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_violations_are_found(show: Callable[..., Opened]) -> None:
    """A page with the faults that the others are free of."""
    page = show(student_page(result(), 4)).page
    assert violations(page) == []
    page.evaluate(
        "document.documentElement.removeAttribute('lang');"
        "document.documentElement.style.setProperty('--ink', '#ddd')"
    )
    told = "\n".join(violations(page))
    assert "html-has-lang" in told
    assert "color-contrast" in told


def first_cells(page: Any, column: int = 1) -> list[str]:
    """What stands in a column of the lines that are seen."""
    cells = page.locator(f"#students tbody tr:visible > :nth-child({column})")
    return [text.strip() for text in cells.all_inner_texts()]


def test_students_are_sorted_by_keyboard(show: Callable[..., Opened], rows: list[Row]) -> None:
    """Points from the top, then from the bottom; names by the alphabet; told to who listens."""
    page = show(class_page(rows, "A class")).page
    head = page.locator("#students thead th", has_text="Points")
    page.get_by_role("button", name="Points").focus()
    for direction, reverse in (("descending", True), ("ascending", False)):
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == direction
        scores = [float(text) for text in first_cells(page, 2)]
        assert scores == sorted((row.score for row in rows), reverse=reverse)
        assert (
            f"sorted by Points, {direction}"
            in page.locator("caption#students-caption").inner_text()
        )
    page.get_by_role("button", name="Student").press("Space")
    assert page.locator("[aria-sort]").count() == 1
    assert first_cells(page) == sorted(row.name for row in rows)


def test_what_has_no_number_is_sorted_last(show: Callable[..., Opened], rows: list[Row]) -> None:
    """Students who were not given a task stand below those who were."""
    page = show(class_page(rows, "A class")).page
    page.get_by_role("button", name="Regression in torch").click()
    scores = first_cells(page, 6)
    given = [text for text in scores if text != "–"]
    assert 0 < len(given) < len(scores)
    assert scores[: len(given)] == given


def test_students_are_filtered(show: Callable[..., Opened], rows: list[Row]) -> None:
    """By name, mistake and check, all together; the count follows; one button shows all."""
    page = show(class_page(rows, "A class")).page
    count = page.get_by_role("status")
    assert count.inner_text() == "500 students"
    page.locator("#by-name").fill("zoë 1")
    expected = [row for row in rows if row.name.startswith("Zoë 1")]
    assert first_cells(page) == [row.name for row in expected]
    page.locator("#by-mistake").select_option("swapped-index")
    expected = [row for row in expected if "swapped-index" in dict(row.mistakes)]
    assert 0 < len(expected) < STUDENTS
    assert first_cells(page) == [row.name for row in expected]
    assert count.inner_text() == f"{len(expected)} of 500 students"
    page.locator("#by-check").select_option("forward")
    assert first_cells(page) == [row.name for row in expected]
    page.locator("#by-check").select_option("interface")
    assert first_cells(page) == []
    assert count.inner_text() == "0 of 500 students"
    page.get_by_role("button", name="Show all").click()
    # What resets a form takes effect after the click; a policy without eval forbids to wait.
    page.wait_for_timeout(100)
    assert count.inner_text() == "500 students"
    assert len(first_cells(page)) == STUDENTS
    page.locator("#by-mistake").select_option("none")
    assert first_cells(page) == [row.name for row in rows if not row.mistakes]


def test_without_scripts_the_table_is_whole(show: Callable[..., Opened], rows: list[Row]) -> None:
    """And offers nothing that would not work."""
    page = show(class_page(rows, "A class"), script=False).page
    assert len(first_cells(page)) == STUDENTS
    assert page.get_by_role("button").count() == 0
    assert page.locator("form").is_hidden()


def test_formulas_are_math(show: Callable[..., Opened], graded: list[Result]) -> None:
    """The browser sets an index below its name, and what differs in a box."""
    page = show(student_page(graded[0], 4)).page
    page.evaluate(OPEN)
    base, index = page.locator("math msub").first.locator("> *").all()
    assert index.bounding_box()["y"] > base.bounding_box()["y"]
    assert index.bounding_box()["height"] < base.bounding_box()["height"]
    box = page.locator("math .differs").first
    assert box.evaluate("e => getComputedStyle(e).borderTopStyle") == "solid"
    # Brackets are for who cannot see the box.
    mark = box.locator("mo").first
    assert mark.text_content() == "‹"
    assert mark.bounding_box()["width"] == 0


@pytest.mark.rotate(2)
@pytest.mark.parametrize(("scheme", "width"), SCREENS)
def test_the_doubtful_part_is_underlined(
    show: Callable[..., Opened], scheme: str, width: int
) -> None:
    """In both schemes and on a phone; what is right keeps its indent, and nothing sticks out."""
    page = show(student_page(result(text="long" * 40), 4), scheme, width).page
    line = page.locator(".doubtful")
    assert line.inner_text().endswith(WORDS[3])
    assert "underline" in line.evaluate("e => getComputedStyle(e).textDecorationLine")
    around = page.locator("p.where code").first
    assert around.evaluate("e => getComputedStyle(e).textDecorationLine") == "none"
    assert page.locator(".fix code").inner_text().endswith("\n    b1 += 1")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []


def test_drawings_follow_the_scheme(show: Callable[..., Opened], graded: list[Result]) -> None:
    """Ink is light on dark and dark on light."""
    inks = []
    for scheme in SCHEMES:
        page = show(student_page(graded[0], 4), scheme).page
        inks.append(page.locator("svg text").first.evaluate("e => getComputedStyle(e).fill"))
    assert inks == ["rgb(27, 31, 36)", "rgb(230, 232, 235)"]


def test_paper_is_light_and_whole(show: Callable[..., Opened], graded: list[Result]) -> None:
    """Whatever the screen's scheme; nothing is folded away, and long lines are broken."""
    page = show(student_page(graded[0], 4), "dark").page
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 31, 36)"
    assert page.locator("details.entries table").first.is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("width", [360, 1280])
def test_pages_do_not_scroll_sideways(
    show: Callable[..., Opened],
    graded: list[Result],
    rows: list[Row],
    width: int,
) -> None:
    """On a phone neither, with everything unfolded: what is wide scrolls by itself."""
    for text in (student_page(graded[0], 4), class_page(rows, "A class")):
        page = show(text, width=width).page
        page.evaluate(OPEN)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def box_of(each: Any) -> tuple[float, float]:
    """From where to where it is, across."""
    box = each.bounding_box()
    return box["x"], box["x"] + box["width"]


def test_drawings_can_be_read_on_a_phone(
    show: Callable[..., Opened],
    graded: list[Result],
    rows: list[Row],
) -> None:
    """Letters are not small and not cut off, and words of a legend keep off what is beside."""
    checks = {f"long/{'check_' * 12}": ("fail", 0.0, 1.0)}
    long = replace(rows[0], tasks={"long": ("A task with a long title " * 4, 0.0)}, checks=checks)
    rows = [*rows[:20], long]
    for text in (student_page(graded[0], 4), class_page(rows, "A class")):
        page = show(text, width=400).page
        drawings = page.locator("svg").all()
        assert drawings
        for drawing in drawings:
            first, last = box_of(drawing)
            scale = drawing.evaluate(
                "e => e.getBoundingClientRect().width / e.viewBox.baseVal.width"
            )
            assert 9 * scale >= 10
            words = [box_of(each) for each in drawing.locator("text").all()]
            assert first <= min(start for start, _ in words)
            assert max(end for _, end in words) <= last
    kinds = page.locator("svg[aria-labelledby=states-title] > rect:has(+ text)").all()
    swatches, words = kinds[:4], page.locator("svg[aria-labelledby=states-title] > rect + text")
    assert len(swatches) == 4
    for number, swatch in enumerate(swatches[1:]):
        assert box_of(words.nth(number))[1] + 3 <= box_of(swatch)[0]


@pytest.mark.parametrize(("media", "width"), [("screen", 1100), ("print", 690)])
def test_a_table_of_students_is_as_wide_as_its_page(
    show: Callable[..., Opened], rows: list[Row], media: str, width: int
) -> None:
    """With four tasks, on a small screen and on paper: the mistakes are in view."""
    few = [replace(row, name=f"{row.name}_classification_wrong") for row in rows[:30]]
    assert len({task for row in few for task in row.tasks}) == 4
    page = show(class_page(few, "A class"), width=width).page
    page.emulate_media(media=media)
    assert box_of(page.locator("#students"))[1] <= width


def test_code_keeps_off_the_border_of_its_box(show: Callable[..., Opened]) -> None:
    """In a page that says why nothing was graded, too."""
    page = show(refusal(["hw.py:1 is not valid Python:\n  x = (\n      ^\nMend it."])).page
    assert box_of(page.locator("pre code"))[0] - box_of(page.locator("pre"))[0] > 8


def test_a_right_rule_is_apart_from_the_codes_own_on_a_phone(show: Callable[..., Opened]) -> None:
    """Where one stands below the other."""
    page = show(student_page(result(), 4), width=400).page
    page.evaluate(OPEN)
    own, right = page.locator(".rules tbody tr").all()[:2]
    words = right.locator("td").first
    assert "should move" in words.inner_text()
    gap = words.evaluate("e => parseFloat(getComputedStyle(e).paddingTop)")
    assert gap > 3
    assert own.bounding_box()["y"] < right.bounding_box()["y"]


def test_who_made_a_mistake_is_seen_on_a_phone(
    show: Callable[..., Opened], rows: list[Row]
) -> None:
    """Long names are broken: nothing of that table has to be scrolled to."""
    long = [replace(row, name=f"{row.name}_{'handed_in_' * 4}") for row in rows[:20]]
    page = show(class_page(long, "A class"), width=400).page
    table = page.locator("[aria-labelledby=mistakes-caption]")
    assert table.evaluate("each => each.scrollWidth - each.clientWidth") <= 0


@pytest.mark.parametrize("level", [1, 4])
def test_hostile_text_does_nothing(show: Callable[..., Opened], level: int) -> None:
    """Not in a student's page, not in a class page; nothing runs, nothing is asked for."""
    hostile = result(HOSTILE, HOSTILE)
    row = to_row(hostile, level, "javascript:window.pwned=5")
    for text in (
        student_page(hostile, level),
        class_page([row], HOSTILE),
        render([hostile] * 2, level),
    ):
        opened = show(text)
        opened.page.evaluate(OPEN)
        assert opened.page.evaluate("typeof window.pwned") == "undefined"
        assert opened.page.locator("img, iframe, object, embed, link, base").count() == 0
        assert opened.errors == []
        assert len(opened.requests) == 1
        assert "window.pwned = 1" in opened.page.locator("body").inner_text()


def test_a_script_of_anyone_elses_would_not_run(show: Callable[..., Opened]) -> None:
    """Even if one got in: the page's policy names its own, by digest, and no other."""
    page = class_page([to_row(result(), 4)], "A class")
    opened = show(page.replace("</main>", "<script>window.pwned = 1</script></main>"))
    assert opened.page.evaluate("typeof window.pwned") == "undefined"
    assert any("Content Security Policy" in error for error in opened.errors)
