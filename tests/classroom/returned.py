"""Grade downloads of platforms, and read the feedback that is written for them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from classroom.classes import MISTAKES, RIGHT, SETTINGS, Silent
from classroom.here import Here

from gradkit.classroom.course.roster import enrolment_of
from gradkit.classroom.grade import Grading
from gradkit.classroom.store.results import Store
from gradkit.classroom.worker_pool import grader
from gradkit.grading.settings import Settings
from gradkit.records.course import Student
from gradkit.submission.read import gather

CLIMBS = next(
    text for text in MISTAKES if "dA2 = -2 * (y - y_hat)" in text and "+ 0.001 * dW2" in text
)
"""Goes up the hill: ``wrong-sign``."""

MOODLE = {
    "Ann Mo_501_assignsubmission_file_/hw.py": RIGHT,
    "Ben Ost_502_assignsubmission_file_/hw.py": CLIMBS,
    "Cas Pi_503_assignsubmission_file_/hw.pdf": "%PDF",
}
CANVAS = {
    "moann_101_9001_hw.py": RIGHT,
    "ostben_LATE_102_9002_hw.py": CLIMBS,
    "teamred_103_9003_hw.py": CLIMBS + "# team\n",
}
HEAD = (
    'Identifier,"Full name","Email address",Status,Grade,"Maximum Grade",'
    '"Grade can be changed","Last modified (submission)","Last modified (grade)",'
    '"Feedback comments"'
)
WORKSHEET = "\ufeff" + "".join(
    f'"Participant {number}","{name}",{name[:3].lower()}@x.edu,"Submitted",,20.00,Yes,-,-,\r\n'
    if number
    else f"{HEAD}\r\n"
    for number, name in ((0, ""), (502, "Ben Ost"), (501, "Ann Mo"), (504, "Dan Absent"))
)
WORDS = ("Identifier", "Grade", "Last modified (grade)", "Feedback comments")
GRADEBOOK = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Backprop (71),Other (72)\n"
    "    Points Possible,,,,,20.00,5.00\n"
    '"Mo, Ann",101,s1,ann,A,,1\n'
    '"Ost, Ben",102,s2,ben,A,,2\n'
    '"Red, Ida",103,s3,ida,A,,3\n'
    '"Red, Jo",104,s4,jo,A,,4\n'
    '"Absent, Dan",105,s5,dan,A,,5\n'
)
ROSTER = (
    Student("Ann Mo", ("Mo, Ann",), {"canvas": "101"}),
    Student("Ben Ost", ("Ost, Ben",), {"canvas": "102"}),
    Student("Ida Red", ("Red, Ida",), {"canvas": "103"}, "Team Red"),
    Student("Jo Red", ("Red, Jo",), {"canvas": "104"}, "Team Red"),
    Student("Dan Absent", ("Absent, Dan",), {"canvas": "105"}),
)


def download(folder: Path, texts: Mapping[str, str]) -> Path:
    """Write a folder with some files."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def graded(
    folder: Path,
    out: Path,
    roster: Sequence[Student] = (),
    *,
    groups: bool = False,
    settings: Settings = SETTINGS,
    policy: str | None = None,
) -> Path:
    """Grade a download into a folder."""
    listed = enrolment_of(gather([folder]), roster, by_group=groups)
    with Store(out, write=True) as store, grader(settings) as able:
        grading = Grading(store, settings, Silent())
        grading.run(listed, Here(able), grading.begin(listed, policy=policy))
    return out


def members(path: Path) -> dict[str, str]:
    """Return the members of an archive, none of which may be damaged."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def table(data: bytes) -> list[dict[str, str]]:
    """Read a platform's table."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
