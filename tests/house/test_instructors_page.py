"""The page for instructors, followed to the letter: from a download to an upload."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from classroom.downloads import moodle_takes, worksheet_takes
from house.handed_out import PEOPLE, moodle_download

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
MOST = 6
"""Commands that it may take."""
WORDS = ("Identifier", "Grade", "Last modified (grade)", "Feedback comments")


def blocks() -> list[list[str]]:
    """The commands of the page, block by block."""
    return [block.splitlines() for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)]


def test_it_takes_few_commands() -> None:
    """The first block has all of them, the installation among them."""
    first = blocks()[0]
    assert first[0].startswith("pip install ")
    assert first[-1].startswith("gradkit feedback ")
    assert len(first) <= MOST


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is done in a container")
def test_the_page_is_followed_to_the_letter(tmp_path: Path) -> None:
    """In an empty environment, beside a download and a clone; the dispute is settled too."""
    environment, here = tmp_path / "environment", tmp_path / "here"
    venv.create(environment, with_pip=True)
    here.mkdir()
    moodle_download(here)
    (here / "gradkit").symlink_to(ROOT)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    settings = {**kept, "PATH": path, "COLUMNS": "120"}
    settings.pop("VIRTUAL_ENV", None)

    def follow(lines: list[str]) -> dict[str, str]:
        printed = {}
        for line in lines:
            done = subprocess.run(
                ["sh", "-c", line],
                cwd=here,
                env=settings,
                capture_output=True,
                encoding="utf-8",
                check=False,
            )
            assert done.returncode == 0, (line, done.stdout, done.stderr)
            printed[line] = done.stdout
        return printed

    install, dry, _, review, _ = first = blocks()[0]
    printed = follow(first)
    assert "in the roster, but nothing submitted (1)\n  Dan Absent\n" in printed[dry]
    assert printed[review].startswith("1 student to review\n")
    assert "Dan Absent  nothing submitted" in printed[review]
    assert install == "pip install './gradkit[all]'"
    taken, pages = uploaded(here)
    assert taken["501"][0] == 15.5
    assert taken["502"][0] == 20.0
    assert taken["503"] == (None, "")
    assert "What has changed" not in "".join(pages.values())
    follow(blocks()[1])
    taken, pages = uploaded(here)
    assert taken["501"][0] == 19.5
    assert "You had 15.5 of 20 points. Now you have 19.5 of 20." in pages["501"]
    assert "Reason: the sheet was unclear" in pages["501"]
    assert "5.5 points: right, but for the comments" in pages["501"]
    assert "What has changed" not in pages["502"]


def uploaded(here: Path) -> tuple[dict[str, tuple[float | None, str]], dict[str, str]]:
    """What Moodle takes from the two files: grades with comments, and pages, by participant."""
    feedback = here / "results" / "feedback"
    data = (feedback / "Grades.csv").read_bytes()
    pages = {}
    with zipfile.ZipFile(feedback / "moodle.zip") as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            found = moodle_takes(name, [number for number, _, _ in PEOPLE])
            assert found is not None
            pages[found[0]] = archive.read(name).decode()
    assert pages.keys() == {"501", "502"}
    return worksheet_takes(data, WORDS, "Participant ", 20.0), pages
