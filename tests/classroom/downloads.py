"""Downloads as platforms make them, and the platforms' own rules for what comes back."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

CODE = "def forward(x):\n    return x\n"


def folder(path: Path, *names: str, text: str = CODE) -> Path:
    """A folder with these files; what ends with a slash is a folder with one script."""
    for name in names:
        file = path / (f"{name}solution.py" if name.endswith("/") else name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return path


def archive(path: Path, *names: str, **texts: str) -> Path:
    """The same as an archive."""
    with zipfile.ZipFile(path, "w") as target:
        for name in names:
            target.writestr(f"{name}solution.py" if name.endswith("/") else name, CODE)
        for name, text in texts.items():
            target.writestr(name, text)
    return path


def canvas_takes(
    name: str, attachments: Mapping[str, str], anonymous: Mapping[str, str] | None = None
) -> str | None:
    """The user whose submission a file of an upload is put beside, as Canvas finds it.

    ``attachments`` are the users by attachment, ``anonymous`` those by anonymous id. After
    ``infer_comment_context_from_filename`` of canvas-lms.
    """
    base = name.rpartition("/")[2]
    parts = [part for part in base.split("_") if part != "LATE"]
    if parts[0] == "anon":
        user = (anonymous or {}).get(parts[1])
        attachment = parts[2]
    else:
        numbers = [part for part in parts if re.fullmatch(r"\d+", part)]
        if len(numbers) < 2:
            return None
        user, attachment = numbers[:2]
    if parts[-1].startswith("link") or base.startswith("._"):
        return None
    return user if user is not None and attachments.get(attachment) == user else None


def moodle_takes(name: str, participants: Sequence[str]) -> tuple[str, str] | None:
    """The participant and the file's name, as Moodle finds them in an upload.

    After ``is_valid_filename_for_import`` of mod/assign/feedback/file.
    """
    parts = name.split("/")
    if parts[-1].startswith((".", "~")):
        return None
    while parts:
        info = parts.pop(0).split("_", 4)
        if len(info) < 4 or not info[1].isdecimal() or info[1] not in participants:
            continue
        if (info[2], info[3]) not in (("assignsubmission", "file"), ("assignfeedback", "file")):
            continue
        return info[1], "/".join([*info[4:], *parts]).lstrip("/")
    return None


def worksheet_takes(
    data: bytes, words: Sequence[str], hidden: str, maximum: float
) -> dict[str, tuple[float | None, str]]:
    """Grade and comment by participant, as Moodle reads a worksheet that is uploaded.

    ``words`` are its headings for the identifier, the grade, the change of the grade and the
    comment, ``hidden`` what a participant is called. After ``importgradeslib.php``: commas
    only, every heading to the letter, grades above the maximum passed over.
    """
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    at = [rows[0].index(word) for word in words]
    found: dict[str, tuple[float | None, str]] = {}
    for row in filter(None, rows[1:]):
        said = row[at[1]].strip().replace(",", ".")
        grade = float(said) if said else None
        if grade is not None and not 0 <= grade <= maximum:
            grade = None
        found[row[at[0]][len(hidden) :].strip()] = grade, row[at[3]]
    return found


def gradebook_takes(data: bytes, assignments: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Scores by student and assignment, as Canvas reads a gradebook that is uploaded.

    ``assignments`` are the titles by number. After ``lib/gradebook_importer.rb``: delimiter,
    decimal comma, header, which columns are passed over, and who a row is.
    """
    text = data.decode("utf-8-sig")
    lines = text.splitlines()[:3]
    counts = {}
    for separator in ";,":
        sizes = {len(next(csv.reader([line], delimiter=separator))) for line in lines}
        counts[separator] = sizes.pop() if len(sizes) == 1 else 0
    separator = ";" if counts[";"] > counts[","] else ","
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    header = rows[0]
    assert len(header) > 3
    assert "Student" in header[0]
    assert "ID" in header[1]
    student_columns = 3
    if re.search(r"SIS\s+Login\s+ID", header[2]):
        student_columns = 4
    elif re.search(r"SIS\s+User\s+ID", header[2]) and re.search(r"SIS\s+Login\s+ID", header[3]):
        student_columns = 5 + bool(re.search(r"Integration\s+ID", header[4]))
    assert "Section" in header[student_columns - 1]
    totals = r"(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)"
    columns = {}
    for place in range(student_columns, len(header)):
        if re.search(totals, header[place]):
            continue
        bracket = re.fullmatch(r"(.*)\s*\((\d+)\)", header[place])
        known = bracket[2] if bracket and bracket[2] in assignments else ""
        titled = [number for number, title in assignments.items() if title == header[place]]
        columns[place] = known or (titled[0] if titled else f"new {header[place]}")
    found: dict[str, dict[str, str]] = {}
    read_only: set[int] = set()
    for row in rows[1:]:
        if "Points Possible" in row[0]:
            read_only = {place for place in columns if re.search(r"read\s+only", row[place])}
        elif not all(re.fullmatch(r"\s*(Muted|Manual Posting.*)?\s*", cell) for cell in row):
            found[row[1] or row[0]] = {
                title: _number(row[place].strip())
                for place, title in columns.items()
                if place not in read_only
            }
    return found


def _number(cell: str) -> str:
    if re.fullmatch(r"-?[0-9.,]+%?", cell):
        *whole, last = re.split(r"[,.]", cell)
        return ".".join(["".join(whole), last]) if whole else last
    return cell
