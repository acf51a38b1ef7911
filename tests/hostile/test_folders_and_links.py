"""Links, devices and deep nesting where gradkit reads and writes files: a sentence each."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from classroom.classes import RIGHT
from classroom.returned import download, graded
from model_solutions import ROOT
from test_watch import screen, watching

from gradkit.classroom.feedback.give import Plan, feedback
from gradkit.classroom.feedback.pages import write_pages
from gradkit.classroom.policy import PolicyFileError, read_policy
from gradkit.classroom.store.database import StoreError
from gradkit.classroom.store.results import Store
from gradkit.errors import GradkitError
from gradkit.reproducer import ReproducerError
from gradkit.reproducer.recorded import results_of
from gradkit.task.assignment import AssignmentError, read_assignment

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="links take rights there"),
    pytest.mark.usefixtures("warm"),
]
ENDLESS = "it is a device, which may never end"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of one, graded."""
    folder = tmp_path_factory.mktemp("course")
    return graded(download(folder / "subs", {"ann.py": RIGHT}), folder / "out")


def test_a_link_to_a_device_is_not_read(tmp_path: Path) -> None:
    """It would be read until memory ends; each kind of file says so in its own words."""
    path = tmp_path / "policy.toml"
    path.symlink_to("/dev/zero")
    with pytest.raises(PolicyFileError) as policy:
        read_policy(path)
    assert str(policy.value) == (
        f"{path}: cannot be opened ({ENDLESS}). Check the path and the permissions."
    )
    with pytest.raises(AssignmentError) as assignment:
        read_assignment(path)
    assert str(assignment.value).startswith(f"{path}: cannot be read ({ENDLESS}). ")
    with pytest.raises(ReproducerError) as result:
        results_of(path)
    assert str(result.value).startswith(f"{path}: cannot be read ({ENDLESS}). ")


FUNCTIONS = """
schema = "gradkit/assignment/v1"
id = "own"
title = "Own"
[[tasks]]
id = "own"
title = "Own"
kind = "functions"
solution = "own.py"
given = { helpers = "beside" }
inputs.x = "normal(2)"
checks = [{ name = "f", points = 1, call = "y = f(x)", compare = ["y"] }]
"""


def test_a_file_beside_an_assignment_is_no_device(tmp_path: Path) -> None:
    """Neither a module that it hands out nor the data of a net."""
    (tmp_path / "beside").symlink_to("/dev/zero")
    path = tmp_path / "assignment.toml"
    path.write_text(FUNCTIONS, encoding="utf-8")
    with pytest.raises(AssignmentError) as caught:
        read_assignment(path)
    assert f"given.helpers: found beside ({ENDLESS}); expected" in str(caught.value)
    net = (ROOT / "tests" / "exercises" / "tanh_regression" / "assignment.toml").read_text("utf-8")
    data, *_ = re.findall(r'data = "(.*)"', net)
    path.write_text(net.replace(f'data = "{data}"', 'data = "beside"'), encoding="utf-8")
    with pytest.raises(AssignmentError) as caught:
        read_assignment(path)
    assert f"data: found {tmp_path / 'beside'} ({ENDLESS}); expected a CSV" in str(caught.value)


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000, "a = " + "{b=" * 20_000])
def test_a_policy_that_is_nested_deeply_is_refused(text: str, tmp_path: Path) -> None:
    """With its name, and what to do."""
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyFileError) as caught:
        read_policy(path)
    assert str(caught.value) == (
        f"{path}: is nested too deeply to be read; nothing in a policy is more than three levels "
        "deep. Take the nested value out."
    )


def test_a_result_that_is_nested_deeply_is_refused(tmp_path: Path) -> None:
    """With its name."""
    path = tmp_path / "result.json"
    path.write_text("[" * 200_000, encoding="utf-8")
    with pytest.raises(ReproducerError, match="is not JSON: maximum recursion depth"):
        results_of(path)


@pytest.mark.parametrize("linked", ["pages", "pages/students"])
def test_pages_are_not_written_through_a_link(linked: str, course: Path, tmp_path: Path) -> None:
    """A link in the folder of the class leads elsewhere: nothing is written there."""
    elsewhere, out = tmp_path / "elsewhere", tmp_path / "out"
    elsewhere.mkdir()
    (out / linked).parent.mkdir(parents=True)
    (out / linked).symlink_to(elsewhere)
    with Store(course, write=False) as store, pytest.raises(StoreError) as caught:
        write_pages(store, out / "pages", 2, 1)
    assert str(caught.value) == (
        f"{out / linked}: cannot be written (it is a link, which is not followed: remove it). "
        "The results themselves are saved."
    )
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("linked", ["feedback", "feedback/pages"])
def test_feedback_is_not_written_through_a_link(linked: str, course: Path, tmp_path: Path) -> None:
    """Nor what is given back, where that is in the folder of the class."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (course / linked).parent.mkdir(exist_ok=True)
    (course / linked).symlink_to(elsewhere)
    plan = Plan("folder", course / "feedback" / "pages", 3)
    try:
        with Store(course, write=True) as store, pytest.raises(GradkitError) as caught:
            feedback(store, plan)
    finally:
        (course / linked).unlink()
    assert str(caught.value) == (
        f"{course / 'feedback' / 'pages'}: cannot be made (it is a link, which is not followed: "
        "remove it). Choose another place with --out."
    )
    assert list(elsewhere.iterdir()) == []


def test_a_folder_of_the_users_own_choice_may_be_a_link(course: Path, tmp_path: Path) -> None:
    """Whoever names it means it."""
    (tmp_path / "real").mkdir()
    (tmp_path / "chosen").symlink_to(tmp_path / "real")
    with Store(course, write=True) as store:
        feedback(store, Plan("folder", tmp_path / "chosen", 3))
    assert len(os.listdir(tmp_path / "real")) == 1


def test_a_link_to_itself_is_watched_until_it_is_a_file(tmp_path: Path) -> None:
    """The screen says that there is none, and goes on."""
    path = tmp_path / "hw.py"
    path.symlink_to(path.name)
    with watching(path) as process:
        shown = screen(process)
        assert f"There is no file or folder {path}" in shown
        assert "Traceback" not in shown
        path.unlink()
        path.write_text(RIGHT, encoding="utf-8")
        assert "20 / 20" in screen(process)
