"""The pages of the application: what they show, in which order, and that all text is text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest
from classroom.answering import ANNA, BEN, CAS, DAN, EVE, FAY, TASK, UPDATE, ZED
from classroom.classes import MISTAKES, RIGHT, SETTINGS, handed_in
from classroom.here import grade_here
from review.conftest import TOKEN, Browser, form_of, serving

from gradkit.classroom.store.counted import Counting, override
from gradkit.classroom.store.results import Store
from gradkit.classroom.store.reviews import add_comment
from gradkit.records.classroom import HandedIn, Reason, Row
from gradkit.records.submission import Cell
from gradkit.report.frames import check_frame, mistake_frame
from gradkit.review.compare import lines_of, side_by_side
from gradkit.review.items import check_items, correlation, mistake_items
from gradkit.review.selection import (
    FILTERS,
    SORTS,
    Neighbours,
    Selection,
    fits,
    neighbours,
    ordered,
    query,
    read_selection,
)
from gradkit.review.student import whole_code
from gradkit.submission.source import make_cell

pytestmark = pytest.mark.usefixtures("warm")

SCRIPT = "<img src=x onerror=alert(1)>"
HOSTILE = "</code></script><script>alert(2)</script>{{ 7 * 7777 }}"


def names(text: str) -> list[str]:
    """Return the students in the table of the class, in the order of the page."""
    found = re.findall(r"<a data-student [^>]*><bdi>(.*?)</bdi></a>", text)
    return [name.replace("<wbr>", "") for name in found]


def test_the_class_is_filtered_and_sorted(browser_page: Browser) -> None:
    """By the parameters of the address; unknown words are ignored."""
    assert names(browser_page.get().text) == sorted([ANNA, BEN, CAS, DAN, EVE, FAY, ZED])
    assert names(browser_page.get(show="ungraded").text) == [DAN, FAY]
    assert names(browser_page.get(show="late").text) == [BEN]
    assert names(browser_page.get(mistake="swapped-index").text) == [ANNA]
    assert names(browser_page.get(search="ANNA").text) == [ANNA]
    assert names(browser_page.get(sort="score").text)[:2] == [DAN, FAY]
    assert names(browser_page.get(show="everything", sort="<x>").text)[0] == ANNA


def test_students_with_similar_code_are_filtered(browser_page: Browser) -> None:
    """The class is compared when the filter is chosen; each student then has links to the pairs."""
    pair = f"{TOKEN}/pair?left={quote(BEN)}&amp;right={quote(EVE)}"
    assert pair not in browser_page.get().text
    assert pair not in browser_page.get("student", name=BEN).text
    page = browser_page.get(show="similar").text
    assert {BEN, EVE} <= {*names(page)}
    assert not {CAS, DAN, FAY} & {*names(page)}
    assert pair in page
    page = browser_page.get("student", name=EVE, show="similar").text
    assert pair in page
    assert f" of {len(names(browser_page.get(show='similar').text))}</span>" in page


def test_next_and_previous_stay_within_the_filter(browser_page: Browser) -> None:
    """Also for a student who does not pass the filter any more."""
    page = browser_page.get("student", name=FAY, show="ungraded").text
    assert f'rel="prev" data-key="k" href="/secret-token/student?name={DAN}' in page.replace(
        "+", " "
    )
    assert 'rel="next"' not in page
    page = browser_page.get("student", name=EVE, show="ungraded").text
    assert "no longer among these 2" in page
    assert 'rel="prev"' in page
    assert 'rel="next"' in page


def row(name: str, **facts: object) -> Row:
    """Return a row of a graded student."""
    own = {"score": 5.0, "max_score": 10.0, **facts}
    return Row(name, "graded", **own)  # type: ignore[arg-type]


HELD = Reason("held", "update is held")


@pytest.mark.parametrize(
    ("show", "facts"),
    [
        ("open", {}),
        ("review", {"review": (HELD,)}),
        ("held", {"review": (HELD,)}),
        ("zero", {"tasks": {"a": ("A", 0.0), "b": ("B", 3.0)}}),
        ("unexplained", {"review": (Reason("untraced", "line unknown"),)}),
        ("similar", {}),
        ("late", {"handed": HandedIn(late=True)}),
        ("ungraded", {"score": None}),
        ("changed", {"comments": 1}),
    ],
)
def test_every_filter_has_a_case_and_a_counter_case(show: str, facts: dict[str, object]) -> None:
    """A student who passes, and one who does not."""
    other = row("b", reviewed_by="Bea", tasks={"a": ("A", 0.5)})
    assert fits(row("a", **facts), Selection(show=show), lambda: {"a"})
    assert not fits(other, Selection(show=show), lambda: {"a"})
    assert fits(other, Selection())
    assert {"all", show} <= FILTERS.keys()


def test_every_order_sorts() -> None:
    """By urgency first, then by name."""
    rows = [row("c", score=None), row("á", score=9.0), row("B", review=(HELD,))]
    found = {key: [one.name for one in ordered(rows, Selection(sort=key))] for key in SORTS}
    assert found == {
        "name": ["á", "B", "c"],
        "urgency": ["B", "á", "c"],
        "score": ["c", "B", "á"],
        "time": ["á", "B", "c"],
    }
    assert neighbours(rows, Selection(sort="score"), "B") == Neighbours("c", "á", 2, 3)


def test_a_selection_is_the_same_after_an_address() -> None:
    """What is not the default is in the address."""
    chosen = Selection("held", "a&b", "Ö", "score")
    assert query(Selection()) == ""
    pairs = (pair.split("=") for pair in query(chosen).split("&"))
    assert dict(pairs)["mistake"] == "a%26b"
    assert (
        read_selection({"show": "held", "mistake": "a&b", "search": "Ö", "sort": "score"}) == chosen
    )


def test_a_student_page_has_code_findings_and_forms(browser_page: Browser) -> None:
    """All lines of the file; the finding at its line; the estimates; the losses."""
    page = browser_page.get("student", name=ANNA).text
    text = (browser_page.folder.parent / "first" / "leeanna_101_9001_hw.py").read_text()
    assert page.count('<tr id="line-0-') == len(text.splitlines()) + text.endswith("\n")
    marked = re.search(r'<tr id="line-0-\d+" class="marked">.*?</tr>', page, re.DOTALL)
    assert marked is not None
    anchor = re.search(r'href="#(r-1-f1)"', marked[0])
    assert anchor is not None
    assert f'<article class="finding" id="{anchor[1]}">' in page
    assert "Finite" in page or "finite differences" in page
    assert "<svg" in page
    assert form_of(page, "points", item=UPDATE)
    assert form_of(page, "points", item=TASK)
    assert form_of(page, "points", item="total")


def test_a_part_that_is_not_python_stays_in_its_place() -> None:
    """The file is shown once, with all its lines, also the part that is read by itself."""
    text = "a = 1\n\n\ndef f(x):\n    return x[0\n\n\nb = 2\n"
    cells, problems = make_cell("hw.py", None, text)
    assert (len(cells), len(problems)) == (2, 1)
    (shown,) = whole_code(cells, None, ())
    assert (shown.title, [line.number for line in shown.lines]) == ("hw.py", [*range(1, 10)])
    words = [re.sub("<[^>]*>", "", line.html) for line in shown.lines]
    assert words == text.split("\n")
    assert len({line.at for line in shown.lines}) == len(shown.lines)


def test_code_that_is_gone_is_told(browser_page: Browser) -> None:
    """The result stays; the page says why there is no code, and finds it again later."""
    path = browser_page.folder.parent / "first" / "leeanna_101_9001_hw.py"
    text = path.read_text()
    path.write_text("changed = 1\n")
    page = browser_page.get("student", name=ANNA).text
    assert "The code cannot be shown:" in page
    assert "swapped-index" in page
    path.write_text(text)
    assert "The code cannot be shown:" not in browser_page.get("student", name=ANNA).text


def test_attempts_are_beside_each_other(browser_page: Browser) -> None:
    """The page of the student links to each attempt that does not count."""
    page = browser_page.get("student", name=BEN).text
    (link,) = re.findall(r'href="/secret-token/(attempts\?[^"]*)"', page)
    parameters = dict(pair.split("=") for pair in link.partition("?")[2].split("&amp;"))
    answer = browser_page.get("attempts", **{**parameters, "name": BEN})
    assert answer.status == 200
    assert '<tr class="replace">' in answer.text
    assert '<tr class="equal">' in answer.text
    answer = browser_page.get("attempts", name=ANNA, left=parameters["left"], right="x")
    assert (answer.status, "There are no such attempts" in answer.text) == (404, True)


def test_two_students_are_beside_each_other(browser_page: Browser) -> None:
    """As the page of similar submissions links them."""
    answer = browser_page.get("pair", left=ANNA, right=EVE)
    assert answer.status == 200
    assert '<tr class="equal">' in answer.text
    assert browser_page.get("pair", left=ANNA, right=DAN).status == 404
    assert browser_page.get("similar").status == 200


def test_a_finding_lists_its_students(browser_page: Browser) -> None:
    """Each with the code and the points of the checks; other codes are refused."""
    page = browser_page.get("finding", code="swapped-index").text
    assert "1 student</p>" in page
    assert 'class="line"' in page
    assert UPDATE in page
    for code in ("wrong-sign", "no-such-code", SCRIPT):
        answer = browser_page.get("finding", code=code)
        assert (answer.status, SCRIPT in answer.text) == (404, False)


def test_lines_are_placed_beside_each_other() -> None:
    """Equal lines in one row; what only one text has is beside nothing."""
    rows = [*side_by_side(["a", "b", "c"], ["a", "c", "d"])]
    assert [(one.kind, one.left, one.right) for one in rows] == [
        *(("equal", "a", "a"), ("delete", "b", None)),
        *(("equal", "c", "c"), ("insert", None, "d")),
    ]
    cells = [Cell("x", "hw.ipynb", 2, "x = 1\ny = 2\n")]
    assert lines_of(cells) == ["# code cell 2, line 1", "x = 1", "y = 2"]


def test_items_are_analysed() -> None:
    """Shares and correlations by hand; None where they are not defined."""
    rows = []
    for number in range(6):
        good = number >= 3
        checks = {
            "t/a": ("pass" if good else "fail", 2.0 * good, 2.0),
            "t/b": ("pass", float(number), 5.0),
            "t/c": ("pass", 1.0, 1.0),
        }
        mistakes = {} if good else {"slip": "A slip"}
        facts = {"tasks": {"t": ("Task", 0.0)}, "mistakes": mistakes}
        facts |= {"mistakes_by_task": {"t": tuple(mistakes)}}
        rows.append(row(f"s{number}", checks=checks, **facts))
    checks = check_frame(rows)
    first, second, third = check_items(checks)
    assert (first.task, first.check, first.students, first.right, first.mean) == (
        *("Task", "a", 6, 0.5, 0.5),
    )
    assert first.discrimination == pytest.approx(0.878, abs=1e-3)
    assert second.discrimination == pytest.approx(0.878, abs=1e-3)
    assert (third.right, third.discrimination) == (1.0, None)
    (slip,) = mistake_items(mistake_frame(rows), checks)
    assert (slip.task, slip.code, slip.students, slip.share) == ("Task", "slip", 3, 0.5)
    assert slip.discrimination is not None
    assert slip.discrimination > 0.8
    few = pd.Series([1.0, 2.0, 3.0, 4.0])
    assert correlation(few, few) is None
    checks = check_frame([row("a")])
    assert check_items(checks) == []
    assert mistake_items(mistake_frame([]), checks) == []


def test_the_page_of_items_has_the_checks(browser_page: Browser) -> None:
    """And a dash where a class is too small for a correlation."""
    page = browser_page.get("items").text
    assert "trajectory" in page
    assert "swapped-index" in page


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grade students whose names, code and messages contain script, with comments that do too."""
    folder = tmp_path_factory.mktemp("hostile")
    crash = f"""

def update_parameters(*_):
    print("{HOSTILE}")
    raise ValueError("{HOSTILE}")
"""
    texts = {
        SCRIPT: MISTAKES[0] + f"\n# {HOSTILE}\n",
        "crash&": RIGHT + crash,
        'quote"': f"# {HOSTILE}\nx = (\n",
    }
    grade_here(handed_in(folder / "class", **texts), folder / "out", SETTINGS)
    with Store(folder / "out", write=True) as store:
        kept = Counting(store).attempts[SCRIPT].kept
        add_comment(store, SCRIPT, kept.digest, HOSTILE, by=SCRIPT, source=HOSTILE)
        override(store, SCRIPT, "update", 1.0, comment=HOSTILE, by=SCRIPT)
    return folder / "out"


@pytest.fixture
def hostile_browser(hostile: Path) -> Iterator[Browser]:
    """Serve the class with script, to a grader whose name is script."""
    with serving(hostile) as port:
        yield Browser(port, hostile, SCRIPT)


class Tags(HTMLParser):
    """The tags and attributes of a page as a browser reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.scripts: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag with its attributes."""
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "script":
            self.scripts.append(dict(attrs).get("src"))


def test_such_tags_are_seen() -> None:
    """The twin: what is looked for would be found."""
    tags = Tags()
    tags.feed(f"<p>{SCRIPT}{HOSTILE}</p>")
    assert (tags.scripts, "img" in tags.names) == ([None], True)
    assert "onerror" in tags.attributes


def test_script_in_names_code_comments_and_messages_is_text(hostile_browser: Browser) -> None:
    """No page has a tag or an attribute that a student or a grader has written."""
    pages = {
        "class": hostile_browser.get(search=SCRIPT),
        "items": hostile_browser.get("items"),
        "similar": hostile_browser.get("similar"),
        "pair": hostile_browser.get("pair", left=SCRIPT, right="crash&"),
        "none": hostile_browser.get("student", name=HOSTILE),
    }
    for name in (SCRIPT, "crash&", 'quote"'):
        answer = hostile_browser.get("student", name=name)
        assert answer.status == 200
        pages[name] = answer
    for code in set(re.findall(r"finding\?code=([\w-]+)", pages[SCRIPT].text)):
        pages[code] = hostile_browser.get("finding", code=code)
    for name, answer in pages.items():
        tags = Tags()
        tags.feed(answer.text)
        assert tags.scripts == ["/secret-token/assets/review.js"], name
        assert not {"img", "iframe", "object", "style"} & tags.names, name
        assert not [attribute for attribute in tags.attributes if attribute.startswith("on")], name
        assert "54439" not in answer.text, name
    assert "&lt;script&gt;alert(2)" in pages[SCRIPT].text
    printed = re.search(r'<pre class="printed">(.*?)</pre>', pages["crash&"].text, re.DOTALL)
    assert printed is not None
    assert html.unescape(printed[1]) == HOSTILE
    assert "&lt;img src=x onerror=alert(1)&gt;" in pages[SCRIPT].text


def test_a_draft_with_script_is_text(hostile_browser: Browser) -> None:
    """What was typed comes back in a form, escaped."""
    form = form_of(hostile_browser.get("student", name=SCRIPT).text, "points", item="total")
    text = '"><script>alert(3)</script>'
    answer = hostile_browser.post("points", **form, points=text, comment=text)
    assert answer.status == 400
    assert "<script>alert" not in answer.text
    assert "&#34;&gt;&lt;script&gt;alert(3)" in answer.text
