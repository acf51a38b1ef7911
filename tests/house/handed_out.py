"""Write a small download of Moodle, and its grading worksheet."""

from __future__ import annotations

import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = (
    ("501", "Chen Li", "chen_regression_swapped_index.py"),
    ("502", "Bilal Sy", "bilal_regression_right.py"),
    ("503", "Dan Absent", ""),
)
HEAD = (
    'Identifier,"Full name","Email address",Status,Grade,"Maximum Grade",'
    '"Grade can be changed","Last modified (submission)","Last modified (grade)",'
    '"Feedback comments"'
)


def moodle_download(folder: Path) -> None:
    """Write ``submissions.zip`` and ``Grades.csv``."""
    with zipfile.ZipFile(folder / "submissions.zip", "w") as archive:
        for number, name, source in PEOPLE:
            if source:
                text = (ROOT / "tests" / "sample_class" / source).read_text(encoding="utf-8")
                archive.writestr(f"{name}_{number}_assignsubmission_file_/hw.py", text)
    lines = [
        f'"Participant {number}","{name}",s{number}@x.edu,"Submitted",,20.00,Yes,-,-,'
        for number, name, _ in PEOPLE
    ]
    text = "".join(f"{line}\r\n" for line in (HEAD, *lines))
    (folder / "Grades.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
