"""The application in a real Chromium: by keyboard, at 400 pixels, in light and dark, with axe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from chromium import press, violations
from classroom.answering import ANNA, BEN, DAN, EVE, FAY, UPDATE
from review.conftest import TOKEN, Browser, form_of, serving

from gradkit.classroom.store.counted import Counting, overrides
from gradkit.classroom.store.results import Store
from gradkit.classroom.store.reviews import comments, reviewer, reviews

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.usefixtures("warm")]

SCREENS = [("light", 1280), ("dark", 400)]
CLIPPED = """[...document.querySelectorAll(".scroll .hidden")].every(
    words => words.offsetParent !== null && words.offsetParent.closest(".scroll") !== null
)"""
"""Hidden words at the end of a long line do not make the page wider."""

IN_VIEW = """[...document.querySelectorAll("button, .flag, textarea")].every(
    control => control.getBoundingClientRect().right <= window.innerWidth
)"""
"""No button, mark of a finding or field for a comment is cut off, also below a long line."""

OPEN = "document.querySelectorAll('details').forEach(d => d.open = true)"


@dataclass
class Opened:
    """A page in the browser, its errors, and the addresses that it requested."""

    page: Any
    base: str
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def go(self, path: str = "") -> Any:
        """Open a page of the application."""
        self.page.goto(self.base + path)
        return self.page


@pytest.fixture
def show(browser: Any, course: Path) -> Iterator[Callable[..., Opened]]:
    """Serve the class, and return a function that opens a browser with its own name."""
    contexts = []
    with serving(course) as port:

        def open_one(scheme: str = "light", width: int = 1280, script: bool = True) -> Opened:
            context = browser.new_context(
                color_scheme=scheme,
                java_script_enabled=script,
                viewport={"width": width, "height": 900},
            )
            contexts.append(context)
            opened = Opened(context.new_page(), f"http://127.0.0.1:{port}/{TOKEN}/")
            opened.page.on("console", lambda message: opened.errors.append(message.text))
            opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
            opened.page.on("request", lambda request: opened.requests.append(request.url))
            return opened

        yield open_one
        for context in contexts:
            context.close()


def paths(port: int, course: Path) -> list[str]:
    """Return a path of each kind of page, after comments and points were written."""
    client = Browser(port, course, "Ada")
    for fields in ({"at": ""}, {"at": "0-4"}):
        form = form_of(client.get("student", name=ANNA).text, "comment", task="", at="")
        client.post("comment", **{**form, **fields}, text="Look `here`.", points="-1")
    form = form_of(client.get("student", name=ANNA).text, "points", item=UPDATE)
    client.post("points", **form, points="5", comment="read by hand")
    with Store(course, write=False) as store:
        left, right = (kept.submission for kept in store.newest() if kept.name == BEN)
    students = [f"student?name={quote(name)}" for name in (ANNA, BEN, DAN, FAY)]
    beside = f"attempts?name={quote(BEN)}&left={left}&right={right}"
    pair = f"pair?left={quote(ANNA)}&right={quote(EVE)}"
    return ["", *students, "finding?code=swapped-index", "items", "similar", beside, pair, "none"]


@pytest.mark.parametrize(("scheme", "width"), SCREENS)
def test_every_page_is_accessible_and_fits(
    show: Callable[..., Opened], course: Path, scheme: str, width: int
) -> None:
    """Axe finds nothing, nothing is wider than the screen, and nothing remote is requested."""
    opened = show(scheme, width)
    port = int(opened.base.split(":")[2].split("/")[0])
    for path in paths(port, course):
        page = opened.go(path)
        page.evaluate(OPEN)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(CLIPPED), path
        assert page.evaluate(IN_VIEW), path
    assert {url.startswith((opened.base, "data:")) for url in opened.requests} == {True}
    assert [error for error in opened.errors if "404" not in error] == []


def test_an_evening_by_keyboard(show: Callable[..., Opened], course: Path) -> None:
    """Filter, open a student, comment, mark as reviewed, go to the next, and come back."""
    opened = show()
    page = opened.go()
    press(page, "/")
    page.keyboard.type("ann")
    page.keyboard.press("Enter")
    page.wait_for_url("**search=ann**")
    press(page, "j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/student?**")
    press(page, "c")
    page.keyboard.type("Read it twice.")
    page.keyboard.press("Tab")
    page.keyboard.type("-2")
    page.keyboard.press("Enter")
    page.wait_for_selector("#comment-1")
    press(page, "r")
    page.wait_for_selector("text=reviewed by Default")
    press(page, "u")
    page.wait_for_url(f"{opened.base}?search=ann")
    with Store(course, write=False) as store:
        (comment,) = comments(store)[ANNA]
        digest = Counting(store).attempts[ANNA].kept.digest
        assert (comment.text, comment.points) == ("Read it twice.", -2.0)
        assert reviewer(reviews(store), ANNA, digest) == "Default"
    opened.go(f"student?name={quote(ANNA)}")
    press(page, "j")
    page.wait_for_selector(f"h1:has-text('{BEN}')")
    press(page, "k")
    page.wait_for_selector(f"h1:has-text('{ANNA}')")
    assert opened.errors == []


@pytest.mark.parametrize("script", [True, False])
def test_a_line_is_commented_with_and_without_script(
    show: Callable[..., Opened], course: Path, script: bool
) -> None:
    """With the script the form opens in place, and what was typed elsewhere stays."""
    opened = show(script=script)
    page = opened.go(f"student?name={quote(ANNA)}")
    if script:
        page.click("summary:has-text('Comment on the whole submission')")
        page.fill("#comments textarea", "half a sentence")
    page.click("a[data-line='0-3']")
    if script:
        assert page.input_value("#comments textarea") == "half a sentence"
    page.fill(".source textarea", "about this line")
    # Leaving the half sentence is what the grader is asked about.
    page.on("dialog", lambda dialog: dialog.accept())
    page.click(".source .write button")
    page.wait_for_selector(".source .comment")
    with Store(course, write=False) as store:
        (comment,) = comments(store)[ANNA]
    assert comment.place is not None
    assert (comment.place.line, comment.text) == (3, "about this line")
    assert opened.errors == []


def test_two_graders_in_two_browsers(show: Callable[..., Opened], course: Path) -> None:
    """The second sees what the first has set, and the own words, and decides."""
    ada, bea = show(), show("dark", 400)
    for opened, name in ((ada, "Ada"), (bea, "Bea")):
        page = opened.go()
        page.fill("input[name=by]", name)
        page.click("text=Save name")
        opened.go(f"student?name={quote(ANNA)}")
        page.click("summary:has-text('Set points of update')")
    form = "form:has(input[name=item][value='" + UPDATE + "'])"
    for opened, points in ((ada, "5"), (bea, "2")):
        opened.page.fill(f"{form} input[name=points]", points)
        opened.page.fill(f"{form} input[name=comment]", f"worth {points}")
        opened.page.click(f"{form} button:has-text('Set')")
        opened.page.wait_for_load_state()
    page = bea.page
    assert "Ada has set 5 points meanwhile" in page.inner_text("#problem")
    assert page.input_value(f"{form} input[name=comment]") == "worth 2"
    assert violations(page) == []
    with Store(course, write=False) as store:
        assert [word.by for word in overrides(store)[ANNA]] == ["Ada"]
    page.click(f"{form} button:has-text('Set')")
    page.wait_for_selector("text=by Bea")
    with Store(course, write=False) as store:
        assert [(word.by, word.points) for word in overrides(store)[ANNA]] == [("Bea", 2.0)]


def test_a_comment_stays_if_the_server_has_stopped(browser: Any, course: Path) -> None:
    """The page says what to do; the text can still be copied."""
    with serving(course) as port:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/{TOKEN}/student?name={quote(ANNA)}")
        page.click("summary:has-text('Comment on the whole submission')")
        page.fill("#comments textarea", "half an hour of work")
    page.click("#comments .write button")
    page.wait_for_selector("#comments .problem")
    assert page.inner_text("#comments .problem").startswith("Not saved, because the server has ")
    assert page.input_value("#comments textarea") == "half an hour of work"
    page.close(run_before_unload=False)
