"""An evening of two graders on a class from Canvas, in a real Chromium."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from chromium import press, violations
from classroom.answering import SWAPPED, gradkit
from classroom.classes import MISTAKES, OPTIONS, RIGHT, TASK, environment

from gradkit.classroom.reports.history import history
from gradkit.classroom.reports.stored import student_result
from gradkit.classroom.store.results import Store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.usefixtures("warm"),
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL"),
]

NAMES = ("Ali", "Bo", "Cleo", "Dina", "Emil", "Fay", "Gus", "Hana", "Ivo", "Jana", "Kim", "Lea")
STUDENTS = [f"{name} Test" for name in NAMES]


@pytest.fixture(scope="module")
def canvas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grade a download of Canvas with its gradebook: a third is right, Bo and Cleo share a file."""
    folder = tmp_path_factory.mktemp("evening")
    (folder / "handed").mkdir()
    lines = ["Student,ID,SIS User ID,SIS Login ID,Section,Backprop (71)"]
    lines += ["    Points Possible,,,,,20.00"]
    for number, name in enumerate(NAMES):
        text = RIGHT if number % 3 == 0 else (SWAPPED, *MISTAKES)[number % (1 + len(MISTAKES))]
        file = f"test{name.lower()}_{100 + number}_{9000 + number}_hw.py"
        (folder / "handed" / file).write_text(f"{text}\n# {name}\n", encoding="utf-8")
        lines.append(f'"Test, {name}",{100 + number},s{number},{name.lower()},A,')
    (folder / "book.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    words = ("grade", folder / "handed", "--out", folder / "out", "--roster", folder / "book.csv")
    ended = gradkit(*words, *OPTIONS, "--workers", 2)
    assert ended.exit_code == 0, ended.output
    return folder


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Serve a class from another process; yield the address and a function that kills it."""
    command = [sys.executable, "-m", "gradkit", "review", str(folder), "--serve"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), lambda: os.kill(process.pid, signal.SIGKILL)
        finally:
            process.kill()


def grader(browser: Any, address: str, name: str) -> Any:
    """Open a browser of a grader who has stated a name."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(address)
    page.fill("input[name=by]", name)
    page.click("text=Save name")
    return page


def save_points(page: Any, points: str, why: str, item: str = f"{TASK}/update") -> None:
    """Set the points of a check on a student's page."""
    form = f"form:has(input[name=item][value='{item}'])"
    page.fill(f"{form} input[name=points]", points)
    page.fill(f"{form} input[name=comment]", why)
    page.click(f"{form} button:has-text('Set')")
    page.wait_for_load_state()


def read_by_key(page: Any, count: int) -> list[str]:
    """Mark students as reviewed and go to the next, by key; return their names."""
    names = []
    for number in range(count):
        names.append(page.inner_text("h1"))
        press(page, "r")
        page.wait_for_selector("text=reviewed by Ada")
        if number < count - 1:
            press(page, "j")
            changed = "name => document.querySelector('h1').innerText !== name"
            page.wait_for_function(changed, arg=names[-1])
    return names


def comment_on_line(page: Any, text: str) -> None:
    """Comment on the fourth line of a student's code."""
    page.click("a[data-line='0-4']")
    page.fill(".source textarea", text)
    page.fill(".source .write input[name=points]", "-1")
    page.click(".source .write button")
    page.wait_for_selector(f".comment:has-text('{text}')")


def test_an_evening_of_two_graders(browser: Any, canvas: Path) -> None:
    """What both have saved is in the gradebook, on the pages and in the history."""
    out, anna = canvas / "out", STUDENTS[1]
    with server(out) as (address, kill):
        ada, bea = grader(browser, address, "Ada"), grader(browser, address, "Bea")
        ada.select_option("select[name=show]", "open")
        ada.wait_for_url("**show=open**")
        press(ada, "j")
        ada.keyboard.press("Enter")
        ada.wait_for_selector("h1")
        assert len(set(read_by_key(ada, 10))) == 10
        for page in (ada, bea):
            page.goto(f"{address}student?name={quote(anna)}")
            page.click("summary:has-text('Set points of update')")
        save_points(ada, "5", "nearly right")
        save_points(bea, "2", "a basic mistake")
        assert "Ada has set 5 points meanwhile" in bea.inner_text("#problem")
        assert violations(bea) == []
        save_points(bea, "4", "we agreed on this")
        comment_on_line(bea, "Say what this line is for.")
        kill()
    with server(out) as (address, _):
        ada = grader(browser, address, "Ada")
        assert "10 of 12 reviewed" in ada.inner_text(".total")
        ada.goto(f"{address}student?name={quote(anna)}")
        assert "Say what this line is for." in ada.inner_text(".source")
        ada.click("summary:has-text('Decide about')")
        ada.fill("form[action*='do/finding'] input[name=comment]", "not a mistake here")
        ada.click("form[action*='do/finding'] button[value=withdrawn]")
        ada.wait_for_selector("text=withdrawn here by Ada: not a mistake here")
        assert violations(ada) == []
        ada.goto(address)
        code = re.findall(r"finding\?code=([\w-]+)", ada.inner_html("main"))[-1]
        ada.goto(f"{address}finding?code={code}")
        student = ada.inner_text("section.finding h2 a")
        ada.fill("form[action*='class-finding'] input[name=comment]", "the sheet was unclear")
        ada.click("text=Withdraw the finding")
        ada.wait_for_selector("text=Withdrawn by Ada: the sheet was unclear")
        assert violations(ada) == []
    book = ("--gradebook", canvas / "book.csv", "--column", "71")
    ended = gradkit("feedback", out, "--format", "canvas", *book)
    assert ended.exit_code == 0, ended.output
    assert_given_back(out, anna, student)


def assert_given_back(out: Path, anna: str, student: str) -> None:
    """Assert that the gradebook, the pages and the history have what was decided."""
    table = next((out / "feedback").glob("*.csv")).read_text(encoding="utf-8-sig")
    rows = {row["Student"]: row for row in csv.DictReader(table.splitlines())}
    for name in (anna, student):
        score = student_result(out, name).result.score
        assert float(rows[f"Test, {name.split()[0]}"]["Backprop (71)"]) == score
    with Store(out, write=False) as store:
        steps = history(store, anna).steps
        # Pages are stored as they were given back.
        (page,) = store.rows(
            "SELECT content FROM released WHERE name = ? AND file LIKE '%.html'", (anna,)
        )
    import zlib

    text = zlib.decompress(page["content"]).decode()
    assert "Say what this line is for." in text
    assert "we agreed on this" in text
    assert "nearly right" not in text
    assert [
        (step.who, step.words[0].check, step.words[0].points) for step in steps if step.words
    ] == [
        *(("Ada", "update", 5.0), ("Bea", "update", 4.0), ("Ada", "gradient", 5.0)),
    ]
    assert [step.comments[0].text for step in steps if step.comments] == [
        "Say what this line is for."
    ]
