"""Pages that go back: every platform finds whose each is, and nothing is ever half there."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from classroom.downloads import canvas_takes, folder, moodle_takes

from gradkit.classroom.course.senders import attributed, senders
from gradkit.classroom.feedback.address import (
    BundleError,
    page_names,
    write_folder,
    write_zip,
)
from gradkit.records.course import Sender
from gradkit.submission.read import gather

WINDOWS = re.compile(r'[<>:"\\|?*\x00-\x1f]|[ .]$|^(CON|PRN|AUX|NUL|COM\d|LPT\d)(\.|$)', re.I)


def page(name: str) -> bytes:
    """What a student gets."""
    return f"<p>{name}</p>".encode()


def told(path: Path) -> list[Sender]:
    """The senders of a download, as they are put together."""
    handed = gather([path])
    return [sender for _, sender in attributed(handed, senders(handed))]


def members(path: Path) -> dict[str, str]:
    """What Python's reader finds in an archive."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


CANVAS = (
    "leekim_LATE_101_9001_a.py",
    "leekim_LATE_101_9002_b.py",
    "moann_102_9003_linked_list.py",
    "link_103_9004_link_7_8.py",
    "group_a_104_9005_2_3_x.py",
)
ATTACHMENTS = {"9001": "101", "9002": "101", "9003": "102", "9004": "103", "9005": "104"}


def test_canvas_takes_every_page(tmp_path: Path) -> None:
    """By its own rule: user and attachment, whatever the files were called."""
    names, left = page_names("canvas", told(folder(tmp_path / "subs", *CANVAS)))
    write_zip(tmp_path / "f.zip", names.items(), page)
    assert len(members(tmp_path / "f.zip")) == 4
    found = {
        canvas_takes(name, ATTACHMENTS): text for name, text in members(tmp_path / "f.zip").items()
    }
    assert found == {
        "101": "<p>leekim</p>",
        "102": "<p>moann</p>",
        "103": "<p>link</p>",
        "104": "<p>group_a</p>",
    }
    assert left == []


def test_canvas_would_not_take_the_students_own_names() -> None:
    """Which is why they are left out."""
    assert canvas_takes("moann_102_9003_linked_list.py", ATTACHMENTS) == "102"
    assert canvas_takes("x_103_9004_link_7_8.py", ATTACHMENTS) == "103"
    assert canvas_takes("x_103_9004_linked.html", ATTACHMENTS) is None


def test_canvas_takes_anonymous_pages(tmp_path: Path) -> None:
    """Late or not."""
    names, _ = page_names(
        "canvas", told(folder(tmp_path / "s", "LATE_anon_aB3_9001_a.py", "anon_x9_9003_b.py"))
    )
    known = {"aB3": "101", "x9": "102"}
    assert [canvas_takes(name, ATTACHMENTS, known) for name in names.values()] == ["101", "102"]


def test_who_cannot_be_told_to_a_platform_is_said(tmp_path: Path) -> None:
    """A text entry has no attachment, a plain name no number."""
    texts = told(folder(tmp_path / "s", "leekim_101_text.html", "moann_102_9003_a.py"))
    assert page_names("canvas", texts)[1] == [
        ("leekim", "was not downloaded from Canvas with an attachment's number")
    ]
    plain = told(folder(tmp_path / "p", "kim.py"))
    assert page_names("canvas", plain)[0] == {}
    assert page_names("moodle", plain) == (
        {},
        [("kim", "was not downloaded from Moodle with a participant's number")],
    )
    assert list(page_names("folder", plain)[0]) == ["kim"]
    assert page_names("folder", plain)[1] == []


@pytest.mark.slow
@pytest.mark.sample(9)
@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("Kim Lee_501_assignsubmission_file_/", "Kim Lee_501_assignsubmission_file_/feedback.html"),
        ("Kim Lee_501_assignsubmission_file/", "Kim Lee_501_assignsubmission_file/feedback.html"),
        (
            "Kim Lee_501_assignsubmission_file_a_b.py",
            "Kim Lee_501_assignsubmission_file_/feedback.html",
        ),
    ],
)
def test_moodle_takes_every_page(tmp_path: Path, form: str, expected: str) -> None:
    """Under the folder that it gave, for those that it knows."""
    names, left = page_names("moodle", told(folder(tmp_path / "subs", form)))
    write_zip(tmp_path / "f.zip", names.items(), page)
    assert members(tmp_path / "f.zip") == {expected: "<p>Kim Lee</p>"}
    assert moodle_takes(expected, ["501"]) == ("501", "feedback.html")
    assert moodle_takes(expected, ["502"]) is None
    assert left == []


def test_names_are_safe_on_windows(tmp_path: Path) -> None:
    """Whatever a download from elsewhere has in them; the numbers are kept."""
    odd = [
        Sender("a", "canvas", {}, False, 'a:b"<c>_101_9001_x.py'),
        Sender("CON", "moodle", {}, False, "Kim?*|\\_501_assignsubmission_file_"),
    ]
    names = [
        *page_names("canvas", odd)[0].values(),
        *page_names("moodle", odd)[0].values(),
        *page_names("folder", odd)[0].values(),
    ]
    assert len(names) == 4
    for name in names:
        assert not any(WINDOWS.search(part) for part in name.split("/"))
    assert WINDOWS.search("CON.html")
    assert canvas_takes(names[0], ATTACHMENTS) == "101"
    assert moodle_takes(names[1], ["501"]) == ("501", "feedback.html")


def test_the_same_pages_are_the_same_archive(tmp_path: Path) -> None:
    """In whatever order the students come."""
    names = page_names("canvas", told(folder(tmp_path / "subs", *CANVAS)))[0]
    write_zip(tmp_path / "a.zip", names.items(), page)
    write_zip(tmp_path / "b.zip", reversed(names.items()), page)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_folder_has_the_same_pages(tmp_path: Path) -> None:
    """One for each student, in folders where the names have them."""
    names = {"Kim": "a/feedback.html", "Lee": "lee.html"}
    write_folder(tmp_path / "out", names.items(), page)
    assert (tmp_path / "out" / "a" / "feedback.html").read_text() == "<p>Kim</p>"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "lee.html"]


def test_pages_that_fail_leave_what_was_there(tmp_path: Path) -> None:
    """No half archive, no temporary file."""
    target = tmp_path / "f.zip"
    target.write_bytes(b"old")

    def broken(name: str) -> bytes:
        raise KeyError(name)

    with pytest.raises(KeyError, match="Kim"):
        write_zip(target, [("Kim", "kim.html")], broken)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["f.zip"]


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    """With the path, and what to do."""
    (tmp_path / "file").write_text("x")
    for write in (write_zip, write_folder):
        path = tmp_path / "file" / "f"
        with pytest.raises(BundleError) as caught:
            write(path, [("Kim", "kim.html")], page)
        assert str(caught.value) == (
            f"{path}: cannot be written (Not a directory). The existing file is unchanged. Free "
            "some space, or choose another place with --out."
        )
