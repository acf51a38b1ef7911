"""Write a course of 63 students: its roster, and downloads of three platforms."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from classroom.classes import MISTAKES, RIGHT
from mistakes.samples import samples

CANVAS, MOODLE, GRADESCOPE = 24, 24, 10
GROUPS = 3
"""Number of Gradescope submissions that belong to two students."""

SWAPPED = samples()["swapped-index"]
OTHERS = [text for text in MISTAKES if text != SWAPPED]
GIVEN = ("Ada", "Bob", "Cleo", "Dan", "Eva", "Finn", "Gül", "Hana")
FAMILY = ("Abel", "Brand", "Czerny", "Díaz", "Ek", "Frank", "Grün", "Holm", "Ito")


@dataclass(frozen=True, slots=True)
class Person:
    """One student. ``number`` is the number that the platform uses."""

    name: str
    number: int

    @property
    def sortable(self) -> str:
        """``Family, Given``."""
        given, family = self.name.split()
        return f"{family}, {given}"

    @property
    def email(self) -> str:
        """Return the student's e-mail address."""
        return f"s{self.number}@x.edu"


PEOPLE = [Person(f"{GIVEN[n % 8]} {FAMILY[n // 8]}", 100 + n) for n in range(63)]
ON_CANVAS, ON_MOODLE = PEOPLE[:CANVAS], PEOPLE[CANVAS : CANVAS + MOODLE]
ON_GRADESCOPE = PEOPLE[CANVAS + MOODLE : CANVAS + MOODLE + GRADESCOPE + GROUPS]
ABSENT = PEOPLE[CANVAS + MOODLE + GRADESCOPE + GROUPS :]


def work(person: Person) -> str:
    """Return the submission of a student: three of five are right, and all differ."""
    n = person.number
    text = RIGHT if n % 5 < 3 else SWAPPED if n % 10 == 3 else OTHERS[n % len(OTHERS)]
    return f"{text}\n# {person.name}\n"


def canvas_name(person: Person, attachment: int, *, late: bool = False) -> str:
    """Return the name that Canvas gives a file in a download."""
    joined = person.sortable.replace(", ", "").lower()
    return f"{joined}{'_LATE' * late}_{person.number}_{attachment}_hw.py"


def moodle_name(person: Person) -> str:
    """Return the path that Moodle gives a file in a download."""
    return f"{person.name}_{person.number}_assignsubmission_file/hw.py"


def archive(path: Path, files: dict[str, str]) -> Path:
    """Write a download as a zip archive."""
    with zipfile.ZipFile(path, "w") as target:
        for name, text in files.items():
            target.writestr(name, text)
    return path


def first_downloads(folder: Path) -> list[Path]:
    """Write the downloads after the deadline: two archives and an unpacked export."""
    folder.mkdir()
    canvas = {canvas_name(one, 9000 + one.number): work(one) for one in ON_CANVAS}
    moodle = {moodle_name(one): work(one) for one in ON_MOODLE}
    return [
        archive(folder / "canvas.zip", canvas),
        archive(folder / "moodle.zip", moodle),
        _gradescope(folder / "assignment_77_export"),
    ]


def second_download(folder: Path) -> Path:
    """Write a later download of Canvas: three have submitted again, one of them late."""
    again = {
        canvas_name(one, 9500 + one.number, late=one is ON_CANVAS[4]): f"{RIGHT}\n# again {n}\n"
        for n, one in enumerate(ON_CANVAS[3:6])
    }
    return archive(folder / "canvas (1).zip", again)


def _gradescope(folder: Path) -> Path:
    lines = ["---"]
    people = iter(ON_GRADESCOPE)
    for number in range(GRADESCOPE):
        team = [next(people)] + ([next(people)] if number < GROUPS else [])
        place = folder / f"submission_{number}"
        place.mkdir(parents=True)
        (place / "hw.py").write_text(work(team[0]), encoding="utf-8")
        lines += [f"submission_{number}:", "  :submitters:"]
        for one in team:
            lines += [f"  - :name: {one.name}", f"    :email: {one.email}"]
        lines.append(f"  :created_at: 2026-10-{number + 1:02} 10:00:00.000000000 Z")
    (folder / "submission_metadata.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def roster(path: Path) -> Path:
    """Everybody, with what their platforms call them."""
    rows = [("Name", "Sortable name", "Canvas ID", "Participant", "Email")]
    for one in PEOPLE:
        canvas = str(one.number) if one in ON_CANVAS else ""
        moodle = str(one.number) if one in ON_MOODLE else ""
        rows.append((one.name, one.sortable, canvas, moodle, one.email))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def worksheet() -> bytes:
    """As Moodle writes it: a mark, Windows' line ends, and an empty row's grade."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(
        [
            *("Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade"),
            *("Grade can be changed", "Last modified (submission)", "Last modified (grade)"),
            "Feedback comments",
        ]
    )
    for one in ON_MOODLE:
        facts = (f"Participant {one.number}", one.name, one.email, "Submitted for grading")
        writer.writerow([*facts, "", "20.00", "Yes", "-", "-", ""])
    return "\ufeff".encode() + text.getvalue().encode()


def gradebook() -> bytes:
    """As Canvas writes it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Backprop (77)"])
    writer.writerow(["    Points Possible", "", "", "", "", "20"])
    for one in ON_CANVAS:
        writer.writerow([one.sortable, one.number, "", f"u{one.number}", "A", ""])
    return text.getvalue().encode()
