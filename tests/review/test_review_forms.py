"""What graders send is stored by the functions of the class; nothing typed or stored is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from classroom.answering import ANNA, BEN, CAS, DAN, EVE, FAY, TASK, UPDATE, refusal
from classroom.classes import environment
from review.conftest import TOKEN, Browser, form_of

from gradkit.classroom.reports.stored import student_result
from gradkit.classroom.store.counted import Counting, overrides
from gradkit.classroom.store.database import locked
from gradkit.classroom.store.prices import prices
from gradkit.classroom.store.results import Store
from gradkit.classroom.store.reviews import comments, reviewer, reviews
from gradkit.review import workspace

pytestmark = [pytest.mark.usefixtures("warm"), pytest.mark.sample(3)]


def student(browser: Browser, name: str = ANNA, **more: str) -> str:
    """Return the page of a student."""
    answer = browser.get("student", name=name, **more)
    assert answer.status == 200
    return answer.text


def words(folder: Path, name: str = ANNA) -> list[tuple[str, float | None, str, str]]:
    """Return check, points, author and reason of the points set for a student."""
    with Store(folder, write=False) as store:
        return [(w.check, w.points, w.by, w.comment) for w in overrides(store).get(name, ())]


def said(folder: Path, name: str = ANNA) -> list[tuple[str, float | None, str]]:
    """Return text, points and author of the comments on a student."""
    with Store(folder, write=False) as store:
        return [(c.text, c.points, c.by) for c in comments(store).get(name, ())]


def test_points_are_set_and_taken_back(browser_page: Browser) -> None:
    """The page then shows them with the name of the grader, and the mark again."""
    form = form_of(student(browser_page), "points", item=UPDATE)
    answer = browser_page.post("points", **form, points="5,5", comment="but for a sign")
    assert answer.status == 303
    assert answer.headers["location"].startswith(f"/{TOKEN}/student?name=Anna+Lee#")
    assert words(browser_page.folder) == [("update", 5.5, "Default", "but for a sign")]
    page = student(browser_page)
    assert "Set to 5.5 of 6 by Default" in page
    form = form_of(page, "points", item=UPDATE)
    browser_page.post("points", **form, points="5.5", comment="clear", withdraw="yes")
    assert words(browser_page.folder) == []


@pytest.mark.parametrize(
    ("points", "comment", "why"),
    [
        ("", "x", "The points are missing."),
        ("many", "x", "&#39;many&#39; is not a number of points."),
        ("nan", "x", "&#39;nan&#39; is not a number of points."),
        ("7", "x", "found 7 points; expected 0 to 6."),
        ("3", " ", "--comment is empty."),
    ],
)
def test_points_that_cannot_be_set_are_shown_again(
    browser_page: Browser, points: str, comment: str, why: str
) -> None:
    """The message says why, and the form has what was typed."""
    form = form_of(student(browser_page), "points", item=UPDATE)
    answer = browser_page.post("points", **form, points=points, comment=comment)
    assert answer.status == 400
    assert why in answer.text
    assert f'name="points" inputmode="decimal" size="6" value="{points}"' in answer.text
    assert words(browser_page.folder) == []


def test_two_graders_set_the_same_points(open_browser: Callable[..., Browser]) -> None:
    """The second sees the first's points and the own draft, and can then decide."""
    ada, bea = open_browser("Ada"), open_browser("Bea Ö.")
    first, second = (form_of(student(each), "points", item=UPDATE) for each in (ada, bea))
    assert ada.post("points", **first, points="5", comment="nearly right").status == 303
    answer = bea.post("points", **second, points="2", comment="a basic mistake")
    assert answer.status == 409
    assert words(ada.folder) == [("update", 5.0, "Ada", "nearly right")]
    assert "Ada has set 5 points meanwhile" in answer.text
    assert "nearly right" in answer.text
    assert 'value="a basic mistake"' in answer.text
    again = form_of(answer.text, "points", item=UPDATE)
    assert bea.post("points", **again, points="2", comment="a basic mistake").status == 303
    assert words(ada.folder) == [("update", 2.0, "Bea Ö.", "a basic mistake")]


def test_two_graders_edit_the_same_comment(open_browser: Callable[..., Browser]) -> None:
    """Neither an edit nor a removal loses the other's words."""
    ada, bea = open_browser("Ada"), open_browser("Bea")
    form = form_of(student(ada), "comment", task="", at="")
    ada.post("comment", **form, text="First.", points="")
    old = form_of(student(bea), "comment", id="1")
    ada.post("comment", **form_of(student(ada), "comment", id="1"), text="Second.", points="1")
    answer = bea.post("comment", **old, text="Third.", points="")
    assert answer.status == 409
    assert "Ada has meanwhile changed this comment to: Second." in answer.text
    assert ">Third.</textarea>" in answer.text
    assert said(ada.folder) == [("Second.", 1.0, "Ada")]
    newest = form_of(student(ada), "comment", id="1")
    ada.post("comment", **newest, text="Second.", points="", remove="yes")
    answer = bea.post("comment", **newest, text="Fourth.", points="")
    assert answer.status == 409
    assert "Ada has meanwhile removed it" in answer.text
    assert "<dd>Fourth.</dd>" in answer.text
    assert said(ada.folder) == []


def test_comments_are_about_the_whole_a_task_or_a_line(browser_page: Browser) -> None:
    """A line is found by its address, and its text is stored with the comment."""
    page = student(browser_page)
    for fields in ({"task": "", "at": ""}, {"task": TASK, "at": ""}):
        form = form_of(page, "comment", **fields)
        browser_page.post("comment", **form, text=f"on {fields['task'] or 'all'}", points="")
    form = {**form_of(page, "comment", task="", at=""), "at": "0-2"}
    assert browser_page.post("comment", **form, text="on a line", points="−1").status == 303
    with Store(browser_page.folder, write=False) as store:
        whole, task, line = comments(store)[ANNA]
    assert (whole.task, task.task, whole.place, task.place) == ("", TASK, None, None)
    source = (browser_page.folder.parent / "first" / "leeanna_101_9001_hw.py").read_text()
    assert line.place is not None
    assert (line.place.line, line.source) == (2, source.splitlines()[1])
    assert line.points == -1.0
    page = student(browser_page)
    row = page.partition('id="line-0-2"')[2].partition('id="line-0-3"')[0]
    assert "on a line" in row
    assert "on all" not in row


@pytest.mark.parametrize("at", ["0-0", "0-99999", "9-1", "x", "-1", "0-²", "../../x"])
def test_a_line_that_does_not_exist_is_refused(browser_page: Browser, at: str) -> None:
    """The comment is shown again."""
    form = {**form_of(student(browser_page), "comment", task="", at=""), "at": at}
    answer = browser_page.post("comment", **form, text="where?", points="")
    assert answer.status == 400
    assert "The submission has no such line." in answer.text
    assert "<dd>where?</dd>" in answer.text
    assert said(browser_page.folder) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"text": " "}, "The comment is empty. Write a text, or remove the comment."),
        ({"id": "x"}, "The form is incomplete. Open the page again."),
        ({"revision": ""}, "The form is incomplete. Open the page again."),
    ],
)
def test_an_edit_that_cannot_be_stored_is_refused(
    browser_page: Browser, changes: dict[str, str], why: str
) -> None:
    """An empty comment is removed only by its button."""
    form = form_of(student(browser_page), "comment", task="", at="")
    browser_page.post("comment", **form, text="First.", points="")
    edit = form_of(student(browser_page), "comment", id="1")
    answer = browser_page.post("comment", **{**edit, "text": "New.", "points": "", **changes})
    assert (answer.status, why in answer.text) == (400, True)
    assert said(browser_page.folder) == [("First.", None, "Default")]


def test_a_comment_on_an_attempt_that_does_not_count_is_refused(browser_page: Browser) -> None:
    """The grader has not seen the attempt that counts now."""
    form = {**form_of(student(browser_page), "comment", task="", at=""), "digest": "old"}
    answer = browser_page.post("comment", **form, text="Good.", points="")
    assert answer.status == 400
    assert f"Another attempt of {ANNA} counts now. Look at it first." in answer.text


def test_reviewed_students_are_counted_and_filtered(open_browser: Callable[..., Browser]) -> None:
    """The page of the class has the grader's name, and the filter leaves the student out."""
    ada, bea = open_browser("Ada"), open_browser("Bea")
    form = form_of(student(ada), "reviewed")
    assert ada.post("reviewed", **form, reviewed="yes").status == 303
    with Store(ada.folder, write=False) as store:
        digest = Counting(store).attempts[ANNA].kept.digest
        assert reviewer(reviews(store), ANNA, digest) == "Ada"
    page = bea.get().text
    assert "<strong>1</strong> of 6 reviewed" in page
    rest = bea.get(show="open").text
    assert (f"{ANNA}</bdi>" in page, f"{ANNA}</bdi>" in rest) == (True, False)
    undo = form_of(student(bea), "reviewed")
    assert ada.post("reviewed", **undo, reviewed="no").status == 303
    assert bea.post("reviewed", **undo, reviewed="no").status == 303
    assert bea.post("reviewed", **undo, reviewed="yes").status == 409


def test_a_name_is_kept_in_the_browser(browser_page: Browser) -> None:
    """The cookie is for this application alone; without a name the default counts."""
    body = urlencode({"by": "  Ada\nLovelace "}).encode()
    path = f"/{TOKEN}/reviewer"
    answer = browser_page.send(path, browser_page.origin, method="POST", body=body)
    cookie = answer.headers["set-cookie"]
    assert "gradkit-reviewer=Ada%20Lovelace;" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert f"Path=/{TOKEN}/" in cookie
    answer = browser_page.send(path, browser_page.origin, method="POST", body=b"by=")
    assert "Max-Age=0" in answer.headers["set-cookie"]


def test_points_without_a_grade(browser_page: Browser) -> None:
    """A refused submission and a student who submitted nothing can get points."""
    page = student(browser_page, FAY)
    form = form_of(page, "points", item=TASK)
    assert browser_page.post("points", **form, points="4", comment="by hand").status == 303
    assert student_result(browser_page.folder, FAY).result.score == 4.0
    page = student(browser_page, DAN)
    assert page.count("Nothing submitted.") == 1
    assert "Checks and findings" not in page
    form = form_of(page, "points", item="total")
    assert browser_page.post("points", **form, points="3", comment="on paper").status == 303
    assert browser_page.post("points", **form, points="4", comment="on paper").status == 409
    assert student_result(browser_page.folder, DAN).result.score == 3.0


def test_points_of_a_refused_submission_are_taken_back(browser_page: Browser) -> None:
    """The page says who has set them, and still has the form."""
    form = form_of(student(browser_page, FAY), "points", item=TASK)
    browser_page.post("points", **form, points="4", comment="by hand")
    page = student(browser_page, FAY)
    assert "Set to 4 of 20 by Default on " in page
    form = form_of(page, "points", item=TASK)
    answer = browser_page.post("points", **form, comment="a slip", withdraw="yes")
    assert answer.status == 303
    page = student(browser_page, FAY)
    assert ">Code</h2>" not in page
    assert "Set to 4 of 20" not in page


def price_form(browser: Browser, code: str = "swapped-index") -> dict[str, str]:
    """Return the hidden fields of the form that prices a finding."""
    return form_of(browser.get("finding", code=code).text, "price")


def test_a_finding_is_priced_for_the_class(open_browser: Callable[..., Browser]) -> None:
    """The page says who has set the price; points that a person has set stay."""
    ada = open_browser("Ada")
    before = student_result(ada.folder, ANNA).result
    form = form_of(student(ada), "points", item=UPDATE)
    ada.post("points", **form, points="1", comment="by hand")
    answer = ada.post("price", **price_form(ada), percent="0", comment="asked unclearly")
    assert answer.status == 303
    after = student_result(ada.folder, ANNA).result
    checks = {check.check: check for task in after.tasks for check in task.checks}
    assert after.score == before.max_score - checks["update"].max_score + 1
    assert {name: check.score for name, check in checks.items() if name != "update"} == {
        name: check.max_score for name, check in checks.items() if name != "update"
    }
    assert checks["update"].score == 1
    page = ada.get("finding", code="swapped-index").text
    assert "Set to 0 % of a check's points by Ada: asked unclearly" in page
    assert "priced at 0 %" in ada.get().text
    form = price_form(ada)
    assert ada.post("price", **form, percent="", comment="now clear", withdraw="yes").status == 303
    with Store(ada.folder, write=False) as store:
        assert prices(store) == {}
    assert "Use the computed price" not in ada.get("finding", code="swapped-index").text


@pytest.mark.parametrize("action", ["price", "drops"])
def test_two_graders_decide_about_a_finding(
    open_browser: Callable[..., Browser], action: str
) -> None:
    """The second has not seen the first's decision: nothing is stored, and the reason is kept."""
    ada, bea = open_browser("Ada"), open_browser("Bea")
    old = price_form(ada)
    if action == "price":
        assert bea.post("price", **old, percent="50", comment="Bea's").status == 303
    else:
        assert bea.post("class-finding", **old, action=action, comment="Bea's").status == 303
    with Store(ada.folder, write=False) as store:
        count = len(store.runs())
    answer = ada.post("price", **old, percent="10", comment="cheap")
    assert answer.status == 409
    assert "Another person has meanwhile priced or withdrawn swapped-index" in answer.text
    assert "<dd>cheap</dd>" in answer.text
    assert "by Bea: Bea" in answer.text
    assert ada.post("class-finding", **old, action="drops", comment="cheap").status == 409
    with Store(ada.folder, write=False) as store:
        assert len(store.runs()) == count


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"percent": ""}, "The percentage is missing."),
        ({"percent": "101"}, "The price of swapped-index is 101 %; expected 0 to 100 %."),
        ({"percent": "-1"}, "The price of swapped-index is -1 %"),
        ({"comment": " "}, "The reason is missing."),
        ({"withdraw": "yes"}, "no price is set for this finding."),
    ],
)
def test_a_price_that_cannot_be_set_is_refused(
    browser_page: Browser, fields: dict[str, str], why: str
) -> None:
    """The message says what is possible."""
    form = {**price_form(browser_page), "percent": "5", "comment": "x", **fields}
    answer = browser_page.post("price", **form)
    assert (answer.status, why in answer.text) == (400, True)


def test_a_finding_is_withdrawn_and_counted_again(browser_page: Browser) -> None:
    """By the same function as `gradkit remark`, with the grader's name and reason."""
    before = student_result(browser_page.folder, ANNA).result.score

    def fields(comment: str = "unclear sheet") -> dict[str, str]:
        page = browser_page.get("finding", code="swapped-index").text
        return {**form_of(page, "class-finding"), "comment": comment}

    assert browser_page.post("class-finding", **fields(), action="drops").status == 303
    assert student_result(browser_page.folder, ANNA).result.score > before
    with Store(browser_page.folder, write=False) as store:
        run = store.runs()[-1]
        assert store.withdrawn() == {"swapped-index": "unclear sheet"}
    assert (run.kind, run.who) == ("remark", "Default")
    page = browser_page.get("finding", code="swapped-index").text
    assert "Withdrawn by Default: unclear sheet" in page
    freed = page.partition("Students with this finding lose no points:")[2].partition("</p>")[0]
    assert f"<bdi>{ANNA}</bdi>" in freed
    assert BEN not in freed
    assert "Count the finding again" in page
    assert browser_page.post("class-finding", **fields(), action="keeps").status == 303
    assert student_result(browser_page.folder, ANNA).result.score == before
    for changes, why in (
        ({"comment": ""}, "The reason is missing."),
        ({"action": "new_version"}, "The form is incomplete."),
        ({"action": "keeps"}, "this finding is not withdrawn"),
    ):
        form = {**fields(), "action": "drops", **changes}
        answer = browser_page.post("class-finding", **form)
        assert (answer.status, why in answer.text) == (400, True)


def test_a_class_that_another_process_writes_loses_no_words(
    browser_page: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form waits a moment, and is then shown again."""
    monkeypatch.setattr(workspace, "PATIENCE", 0.2)
    form = form_of(student(browser_page), "comment", task="", at="")
    with locked(browser_page.folder):
        answer = browser_page.post("comment", **form, text="Kept words.", points="")
    assert answer.status == 400
    assert "another gradkit is writing" in answer.text
    assert ">Kept words.</textarea>" in answer.text
    assert browser_page.post("comment", **form, text="Kept words.", points="").status == 303


def request(address: str, path: str, form: dict[str, str] | None = None) -> str:
    """Send a request to a server in another process, and return the text of the answer."""
    parts = urlsplit(address)
    headers = {"Origin": f"http://{parts.netloc}"} if form else {}
    body = urlencode(form).encode() if form else None
    with closing(HTTPConnection(parts.netloc, timeout=60)) as connection:
        connection.request("POST" if form else "GET", f"{parts.path}{path}", body, headers)
        return connection.getresponse().read().decode()


@pytest.mark.slow
@pytest.mark.rotate(2)
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_server_loses_nothing_that_was_saved(course: Path) -> None:
    """A comment, points and a review are there after SIGKILL; the next server writes at once."""
    command = [sys.executable, "-m", "gradkit", "review", str(course), "--serve", "--by", "Cy"]
    for text in ("before", "after"):
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment()
        ) as process:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            page = request(address, f"student?name={quote(ANNA)}")
            form = form_of(page, "comment", task="", at="")
            request(address, "do/comment", {**form, "text": text, "points": ""})
            os.kill(process.pid, signal.SIGKILL)
    assert said(course) == [("before", None, "Cy"), ("after", None, "Cy")]


@pytest.mark.parametrize("inherited", [signal.SIG_DFL, signal.SIG_IGN], ids=["kept", "ignored"])
def test_a_server_is_stopped_by_a_signal(course: Path, inherited: Any) -> None:
    """It says that everything is kept, also where it is a background job, which ignores SIGINT."""
    command = [sys.executable, "-m", "gradkit", "review", str(course), "--serve"]
    before = signal.signal(signal.SIGINT, inherited)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        signal.signal(signal.SIGINT, before)
        address = process.stdout.readline().strip()
        assert BEN in request(address, "")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "gradkit: interrupted. Everything that was saved is kept." in errors
    assert "Traceback" not in errors
    assert address not in errors


def test_options_that_do_not_go_together_are_refused(course: Path) -> None:
    """With a message that says which do."""
    both = refusal("review", course, "--serve", "--pseudonyms")
    assert both == "--serve can only be combined with --port and --by."
    assert refusal("review", course, "--by", "Ann") == "--port and --by need --serve."
    assert "there is no such file" in refusal("review", course / "none", "--serve")


def test_a_port_in_use_is_refused(browser_page: Browser) -> None:
    """With the advice to choose another."""
    message = refusal("review", browser_page.folder, "--serve", "--port", browser_page.port)
    assert message.startswith(f"--port {browser_page.port}: cannot be used")
    assert message.endswith("Choose another, or leave it out.")


def test_a_missing_package_is_named(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setattr("gradkit.review.server.NEEDED", ("uvicorn", "missing_package"))
    assert "--serve needs missing_package, which" in refusal("review", course, "--serve")


def test_every_student_has_a_page(browser_page: Browser) -> None:
    """Graded, refused, absent and unknown to the roster."""
    for name in (ANNA, BEN, CAS, DAN, EVE, FAY, "zornzed"):
        assert name in student(browser_page, name)
