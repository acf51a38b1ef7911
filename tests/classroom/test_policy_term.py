"""A term with tasks that count, a policy, refusals and last words; what goes back adds up.

Eight students on Moodle, whose worksheet has 100 points; two tasks count.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

import pytest
from classroom.answering import SWAPPED, gradkit, refusal
from classroom.classes import RIGHT, changed_assignment
from model_solutions import source

OTHER = source("classification_numpy")
WRONG = OTHER.replace("0.001", "0.002")
BROKEN = RIGHT.replace("def update_parameters(parameters, y, y_hat, A1, X):", "def update(p, y")
WORK = {
    "Ann Lee": {"regression_numpy.py": RIGHT, "classification_numpy.py": OTHER},
    "Ben Ost": {"regression_numpy.py": SWAPPED, "classification_numpy.py": OTHER},
    "Cas Pi": {"regression_numpy.py": RIGHT},
    "Dan Ro": {"regression_numpy.py": RIGHT, "classification_numpy.py": OTHER},
    "Eva Su": {"regression_numpy.py": "x = (\n"},
    "Finn Ty": {"homework.py": "def sigmoid(Z):\n    return Z\n"},
    "Gül Uz": {"regression_numpy.py": BROKEN, "classification_numpy.py": OTHER},
}
"""What each hands in: Hana Vo nothing."""
NUMBERS = {name: 501 + at for at, name in enumerate([*WORK, "Hana Vo"])}
DUE, LATE = "2026-10-01T22:00:00Z", "2026-10-03T10:00:00Z"
POLICY = f"""
due = {DUE}
[late]
per_day = 10
[extensions]
"Dan Ro" = 2026-10-08T22:00:00Z
[days_late]
"Ben Ost" = 2
[bonus]
"Cas Pi" = {{ points = 1.5, why = "found an error in the sheet" }}
[scale]
to = 100
"""
OPTIONS = ("--workers", "2", "--require-tier", "0")


def worksheet(path: Path) -> Path:
    """As Moodle writes it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    heads = ("Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade")
    writer.writerow([*heads, "Last modified (grade)", "Feedback comments"])
    for name, number in NUMBERS.items():
        facts = (f"Participant {number}", name, f"s{number}@x.edu", "Submitted for grading")
        writer.writerow([*facts, "", "100.00", "-", ""])
    path.write_bytes(text.getvalue().encode())
    return path


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a download, the worksheet, an assignment in which two tasks count, a policy."""
    folder = tmp_path_factory.mktemp("policy")
    with zipfile.ZipFile(folder / "moodle.zip", "w") as archive:
        for name, files in WORK.items():
            for file, text in files.items():
                place = f"{name}_{NUMBERS[name]}_assignsubmission_file/{file}"
                archive.writestr(place, text)
    worksheet(folder / "Grades.csv")
    both = '["regression-numpy", "classification-numpy"]'
    changed_assignment(folder / "mine", 'schema = "', f'required = {both}\nschema = "')
    (folder / "results").mkdir()
    (folder / "results" / "policy.toml").write_text(POLICY, encoding="utf-8")
    return folder


def table(folder: Path) -> dict[str, dict[str, str]]:
    """The summary, by student."""
    said = gradkit("summary", folder / "results", "--format", "csv").stdout.removeprefix("\ufeff")
    return {row["student"]: row for row in csv.DictReader(io.StringIO(said))}


def adds_up(row: dict[str, str]) -> bool:
    """Checks and lines make the score, to the last digit."""
    parts = [value for key, value in row.items() if "/" in key or key.endswith("_points")]
    cents = sum(round(float(part) * 100) for part in parts if part)
    return cents == round(float(row["score"]) * 100)


@pytest.mark.slow
def test_a_term_with_a_policy(term: Path) -> None:
    """Step by step; each stands on the one before it."""
    graded(term)
    nobody_is_a_dead_end(term)
    words_in_bulk(term)
    adds_up_everywhere(term)
    goes_back(term)
    on_another_day(term)


def grade(term: Path, *options: object, code: int = 0) -> str:
    """All that has been downloaded."""
    words = ("grade", term / "moodle.zip", "--out", term / "results", *OPTIONS, *options)
    ended = gradkit(*words)
    assert ended.exit_code == code, ended.output
    return ended.stderr


def graded(term: Path) -> None:
    """What counts and was not handed in is missing; a broken function costs itself."""
    first = ("--assignment", term / "mine" / "assignment.toml", "--no-reference")
    said = grade(term, *first, "--roster", term / "Grades.csv")
    assert "5 graded, 0 unchanged, 2 refused, 0 failed" in said
    rows = table(term)
    assert {name: row["score"] for name, row in rows.items() if row["score"]} == {
        "Ann Lee": "100.0",
        "Ben Ost": "68.75",
        "Cas Pi": "53.75",
        "Dan Ro": "100.0",
        "Gül Uz": "61.88",
    }
    assert rows["Hana Vo"]["review"] == "nothing submitted"
    assert rows["Cas Pi"]["review"] == "not submitted: classification-numpy"
    assert rows["Cas Pi"]["classification-numpy/update"] == "0.0"
    assert "a part is not valid Python" in rows["Gül Uz"]["review"]
    assert (rows["Ben Ost"]["late_points"], rows["Dan Ro"]["late_points"]) == ("-8.0", "")
    assert rows["Cas Pi"]["bonus_points"] == "1.5"
    assert [name for name, row in rows.items() if row["late"] == "True"] == ["Ben Ost"]
    # The second run needs none of the options, and takes no others.
    assert "0 graded, 7 unchanged" in grade(term, "--roster", term / "Grades.csv")
    assert "--preset was not given, and is now strict" in refusal(
        *("grade", term / "moodle.zip", "--out", term / "results", "--preset", "strict", *OPTIONS)
    )


def nobody_is_a_dead_end(term: Path) -> None:
    """A total for who was refused, a task named for another, and one student again."""
    ended = gradkit("override", term / "results", "Eva", "total", "24", "--comment", "read by hand")
    assert (
        ended.stderr == "Eva Su, total: 24 points (nothing computed). The total is now 60 / 100.\n"
    )
    roster = ("--roster", term / "Grades.csv")
    said = grade(term, "--student", "Finn", "--task", "classification-numpy", *roster)
    assert "1 graded, 0 unchanged" in said
    assert table(term)["Finn Ty"]["standing"] == "graded"
    assert "1 graded, 0 unchanged" in grade(term, "--student", "Ann", *roster)
    assert "0 graded, 7 unchanged" in grade(term, *roster)


def words_in_bulk(term: Path) -> None:
    """A row for each, and all or nothing."""
    path = term / "words.csv"
    head = "student,check,points,comment\n"
    path.write_text(f"{head}Gül Uz,regression-numpy,12,a bracket\nNobody,total,1,x\n", "utf-8")
    assert "row 3: No student in " in refusal("override", term / "results", "--from", path)
    assert table(term)["Gül Uz"]["score"] == "61.88"
    path.write_text(
        f"{head}Gül Uz,regression-numpy,12,a bracket\n503,regression-numpy/update,5,untidy\n",
        encoding="utf-8",
    )
    ended = gradkit("override", term / "results", "--from", path, "--by", "A. Miller")
    assert ended.exit_code == 0, ended.output
    assert "--html" not in ended.stderr
    rows = table(term)
    assert (rows["Gül Uz"]["score"], rows["Cas Pi"]["score"]) == ("80.0", "51.25")


def adds_up_everywhere(term: Path) -> None:
    """In the table, on the pages, and in the means."""
    rows = table(term)
    scored = {name: row for name, row in rows.items() if row["score"]}
    assert len(scored) == 7
    assert all(map(adds_up, scored.values()))
    assert {row["max_score"] for row in scored.values()} == {"100.0"}
    mean = sum(float(row["score"]) for row in scored.values()) / len(scored)
    said = gradkit("summary", term / "results").stdout
    assert f"mean {mean:.2f}".rstrip("0") in said
    assert "of 100 points: 7 with a score" in said
    grade(term, "--html", "--roster", term / "Grades.csv")
    page = (term / "results" / "pages" / "index.html").read_text(encoding="utf-8")
    assert f"<dd>{f'{mean:.2f}'.rstrip('0')}</dd>" in page
    # Everybody has a row, of the platform's points or of none; and none of it is a mistake.
    assert f"<dt>students</dt><dd>{len(NUMBERS)}</dd>" in page
    hana = row_of(page, "Hana Vo")
    assert hana[:3] == ["Hana Vo nothing submitted", "–", "–"]
    assert hana[-1] == "–"
    eva = row_of(page, "Eva Su")
    assert eva[0].startswith("Eva Su refused")
    assert (eva[1:3], eva[-1]) == (["60", "100"], "–")
    assert {row_of(page, name)[2] for name in WORK} == {"100"}
    assert '<option value="refused">' not in page
    # These pages do not know of what comes after.
    stale = f"{term / 'results' / 'pages'} is out of date: run the same `gradkit grade` with --html"
    again = ("override", term / "results", "Ann Lee", "regression-numpy/update", "6")
    assert stale in gradkit(*again, "--comment", "as it is").stderr
    assert stale in gradkit("override", term / "results", "--from", term / "words.csv").stderr


def row_of(page: str, name: str) -> list[str]:
    """The texts of a student's row on the class page."""
    (row,) = [r for r in re.findall(r"<tr data-mistakes.*?</tr>", page, re.DOTALL) if name in r]
    found = re.findall(r"<t[hd][ >].*?</t[hd]>", row, re.DOTALL)
    return [re.sub("<[^>]+>", "", cell).strip() for cell in found]


def goes_back(term: Path) -> None:
    """The worksheet has the scores, and each page the lines that make them."""
    sheet = ("--worksheet", term / "Grades.csv")
    ended = gradkit("feedback", term / "results", "--format", "moodle", *sheet)
    assert ended.exit_code == 0, ended.output
    assert "maximum" not in ended.stderr
    text = (term / "results" / "feedback" / "Grades.csv").read_text(encoding="utf-8")
    filled = {row["Full name"]: row for row in csv.DictReader(io.StringIO(text))}
    rows = table(term)
    for name in WORK:
        assert float(filled[name]["Grade"]) == float(rows[name]["score"]), name
        assert "seed" not in filled[name]["Feedback comments"]
    assert filled["Hana Vo"]["Grade"] == ""
    with zipfile.ZipFile(term / "results" / "feedback" / "moodle.zip") as archive:
        pages = {name.split("_")[0]: archive.read(name).decode() for name in archive.namelist()}
    assert set(pages) == set(WORK)
    assert "2 days late" in pages["Ben Ost"]
    assert "found an error in the sheet" in pages["Cas Pi"]
    assert "days late" not in pages["Dan Ro"]
    assert "read by hand" in pages["Eva Su"]
    assert "&#39;(&#39; was never closed" in pages["Eva Su"]
    assert "is not valid Python" in pages["Gül Uz"]


def on_another_day(term: Path) -> None:
    """The policy changes: `remark` takes it up, and everything adds up again."""
    path = term / "results" / "policy.toml"
    path.write_text(POLICY.replace("per_day = 10", "per_day = 5"), encoding="utf-8")
    said = gradkit("remark", term / "results", "--why", "as the faculty decided").stderr
    assert said.startswith("1 of 7 scores changed.")
    assert f"{term / 'results' / 'pages'} is out of date: " in said
    rows = table(term)
    assert rows["Ben Ost"]["late_points"] == "-4.0"
    assert all(adds_up(row) for row in rows.values() if row["score"])
    assert "as the faculty decided" in gradkit("history", term / "results", "Ben").stdout
    gradkit("feedback", term / "results", "--format", "folder", "--out", term / "pages")
    told = [p.name for p in (term / "pages").iterdir() if "the faculty decided" in p.read_text()]
    assert [name[:7] for name in told] == ["Ben_Ost"]
