"""Who handed in what: the names that platforms give, and nothing that is only likely."""

from __future__ import annotations

from pathlib import Path

import pytest
from classroom.downloads import CODE, archive, folder

from gradkit.classroom.course.senders import METADATA, attributed, senders
from gradkit.records.course import Sender
from gradkit.submission.files import SubmissionError
from gradkit.submission.read import Handed, Loader, gather

METADATA_TEXT = """\
---
submission_11:
  :submitters:
  - :name: Kim Lee
    :sid: '100'
    :email: kim@x.edu
  :created_at: 2026-10-01 10:00:00.000000000 Z
  :score: 5.0
  :history:
  - :id: 7
    :created_at: 2026-09-01 10:00:00.000000000 Z
    :submitters:
    - :name: Somebody Else
      :email: else@x.edu
submission_12:
  :submitters:
  - :name: "Jos\\u00e9 D\\xEDaz"
    :sid:
    :email: jose@x.edu
  - :name: 'Mia O''Neil'
    :sid: '102'
    :email: mia@x.edu
  :created_at: 2026-10-02 10:00:00.000000000 Z
  :results: !ruby/hash:ActiveSupport::HashWithIndifferentAccess
    :name: not a submitter
"""


def told(*paths: Path) -> list[Sender]:
    """Whose each is."""
    return senders(gather(paths))


def submissions(*paths: Path) -> list[tuple[Handed, Sender]]:
    """The same, put together."""
    handed = gather(paths)
    return attributed(handed, senders(handed))


def students(*paths: Path) -> list[str]:
    """The names of the students."""
    return [sender.student for _, sender in submissions(*paths)]


def test_canvas_names_are_taken_apart(tmp_path: Path) -> None:
    """Name, lateness, user, attachment, and what the student called the file."""
    path = folder(tmp_path / "subs", "leekim_LATE_101_9001_my_work_2.py", "moann_102_9002_a.ipynb")
    assert told(path) == [
        Sender(
            "leekim",
            "canvas",
            {"canvas": "101", "attachment": "9001"},
            True,
            "leekim_LATE_101_9001_my_work_2.py",
            "my_work_2.py",
        ),
        Sender(
            "moann",
            "canvas",
            {"canvas": "102", "attachment": "9002"},
            False,
            "moann_102_9002_a.ipynb",
            "a.ipynb",
        ),
    ]


@pytest.mark.parametrize("name", ["LATE_anon_aB3x9_9001_a.py", "anon_aB3x9_LATE_9001_a.py"])
def test_anonymous_canvas_names(tmp_path: Path, name: str) -> None:
    """An anonymous student is known by the code alone; late stands in front, or behind it."""
    (sender,) = told(folder(tmp_path / "subs", name))
    assert (sender.student, sender.late, sender.file) == ("anon_aB3x9", True, "a.py")
    assert sender.ids == {"anonymous": "aB3x9", "attachment": "9001"}


def test_text_entries_of_canvas_have_a_student_and_no_attachment(tmp_path: Path) -> None:
    """They cannot be graded, and it is known whose they are."""
    path = folder(tmp_path / "subs", "leekim_101_text.html", "moann_102_9002_a.py")
    assert [(one.student, one.ids) for one in told(path)] == [
        ("leekim", {"canvas": "101"}),
        ("moann", {"canvas": "102", "attachment": "9002"}),
    ]


def test_attachments_of_one_user_are_one_submission(tmp_path: Path) -> None:
    """They are read as one parcel, whose files are called as the student called them."""
    path = folder(
        tmp_path / "subs",
        "leekim_101_9001_main.py",
        "leekim_101_9002_helper.py",
        "leekim_101_9003_notes.pdf",
        "moann_102_9004_main.py",
    )
    found = submissions(path)
    assert [(handed.name, len(handed.parts)) for handed, _ in found] == [
        ("leekim", 3),
        ("moann", 0),
    ]
    with Loader() as loader:
        first, second = (loader.load(handed) for handed, _ in found)
    assert (first.name, [file.name for file in first.files]) == ("leekim", ["helper.py", "main.py"])
    assert [problem.message for problem in first.problems] == [
        "leekim_101_9003_notes.pdf is not a file that can be graded. Expected a script (.py), "
        "a notebook (.ipynb), or a folder or .zip of them."
    ]
    assert [file.name for file in second.files] == ["main.py"]


def test_one_student_of_several_is_not_put_together_with_another(tmp_path: Path) -> None:
    """The same name and another number is another student, and both names say so."""
    path = folder(tmp_path / "subs", "leekim_101_9001_a.py", "leekim_205_9002_a.py")
    assert students(path) == ["leekim (101)", "leekim (205)"]


def test_a_file_that_comes_twice_is_kept_twice(tmp_path: Path) -> None:
    """Under a number behind its name."""
    path = folder(tmp_path / "subs", "leekim_101_9001_a.py", "leekim_101_9002_a.py")
    with Loader() as loader:
        parcel = loader.load(submissions(path)[0][0])
    assert [file.name for file in parcel.files] == ["a.py", "a~2.py"]


def test_several_parts_without_code_are_refused(tmp_path: Path) -> None:
    """With the reasons of the parts."""
    path = folder(tmp_path / "subs", "leekim_101_9001_a.pdf", "leekim_101_9002_b.pdf")
    with Loader() as loader, pytest.raises(SubmissionError) as caught:
        loader.load(submissions(path)[0][0])
    assert str(caught.value).startswith(
        "There is no script or notebook in leekim. leekim_101_9001_a.pdf is not a file"
    )


def test_several_parts_have_the_limits_of_one(tmp_path: Path) -> None:
    """A hundred attachments are read, no more."""
    names = [f"leekim_101_{9000 + i}_f{i}.py" for i in range(101)]
    path = folder(tmp_path / "subs", *names)
    with Loader() as loader:
        found = submissions(path)[0][0]
        with pytest.raises(SubmissionError) as caught:
            loader.load(found)
        assert str(caught.value) == (
            "leekim contains more than 100 scripts and notebooks, or more than 60 MB of them. "
            "Clear all outputs, and give one submission at a time."
        )
        (path / names[0]).unlink()
        assert len(loader.load(submissions(path)[0][0]).files) == 100


MOODLE_FORMS = [
    "Kim Lee_123_assignsubmission_file_/",
    "Kim Lee_123_assignsubmission_file/",
    "Kim Lee_123_assignsubmission_file_a_b.py",
]


@pytest.mark.parametrize("form", MOODLE_FORMS)
def test_moodle_names_are_taken_apart(tmp_path: Path, form: str) -> None:
    """Folders with an underscore at the end or none, and files."""
    (sender,) = told(folder(tmp_path / "subs", form))
    assert (sender.student, sender.source, sender.ids) == ("Kim Lee", "moodle", {"moodle": "123"})
    assert sender.file == ("a_b.py" if form.endswith("py") else "")


def test_moodle_keeps_a_text_beside_the_file_in_one_submission(tmp_path: Path) -> None:
    """What a student typed online lies in a folder of its own."""
    path = folder(
        tmp_path / "subs",
        "Kim Lee_123_assignsubmission_file_/",
        "Kim Lee_123_assignsubmission_onlinetext_/onlinetext.html",
        "Ann Mo_124_assignsubmission_file_/",
    )
    found = submissions(path)
    assert [(handed.name, len(handed.parts)) for handed, _ in found] == [
        ("Ann Mo", 0),
        ("Kim Lee", 2),
    ]
    with Loader() as loader:
        assert [file.name for file in loader.load(found[1][0]).files] == ["solution.py"]


def test_blind_marking_of_moodle_tells_participants_apart(tmp_path: Path) -> None:
    """They all have one name."""
    path = folder(
        tmp_path / "subs",
        "Participant_123_assignsubmission_file_/",
        "Participant_124_assignsubmission_file_/",
    )
    assert students(path) == ["Participant (123)", "Participant (124)"]


@pytest.mark.parametrize("packed", [False, True])
def test_gradescope_tells_names_from_the_list_beside(tmp_path: Path, packed: bool) -> None:
    """In a folder or the archive; the list itself is no submission, and ends are not members."""
    names = ("submission_11/", "submission_12/")
    if packed:
        path = archive(
            tmp_path / "submissions.zip",
            *(f"assignment_9_export/{name}" for name in names),
            **{f"assignment_9_export/{METADATA}": METADATA_TEXT},
        )
    else:
        path = folder(tmp_path / "assignment_9_export", *names)
        (path / METADATA).write_text(METADATA_TEXT, encoding="utf-8")
    first, second = submissions(path)
    assert first[0].name == "Kim Lee"
    assert first[1].ids == {"gradescope": "11", "sis": "100", "email": "kim@x.edu"}
    assert first[1].at == "2026-10-01 10:00:00.000000000 Z"
    assert first[1].members == ()
    assert second[1].student == "José Díaz, Mia O'Neil"
    assert second[1].members == (
        {"name": "José Díaz", "email": "jose@x.edu"},
        {"name": "Mia O'Neil", "sis": "102", "email": "mia@x.edu"},
    )


def test_gradescope_without_the_list_has_numbers(tmp_path: Path) -> None:
    """No name is made up."""
    assert students(folder(tmp_path / "x", "submission_11/", "submission_12/")) == [
        "submission_11",
        "submission_12",
    ]


def test_the_list_alone_stays_in_sight(tmp_path: Path) -> None:
    """Without submissions beside it, it is a file like any other, and will be refused."""
    path = folder(tmp_path / "x", METADATA, "kim.py")
    assert students(path) == ["kim", METADATA]


def test_clones_of_a_classroom_have_logins(tmp_path: Path) -> None:
    """In the folder that GitHub's command makes, logins may have hyphens and begin alike."""
    path = folder(tmp_path / "hw-1-submissions", "hw-1-ann-lee/", "hw-1-ann-kim/")
    assert [(one.student, one.source) for one in told(path)] == [
        ("ann-kim", "github"),
        ("ann-lee", "github"),
    ]


def test_clones_elsewhere_are_known_by_git(tmp_path: Path) -> None:
    """All of them begin alike; without Git's mark they might be a family."""
    path = folder(tmp_path / "all", "lee-kim/", "lee-tom/")
    assert [one.source for one in told(path)] == ["plain", "plain"]
    for name in ("lee-kim", "lee-tom"):
        (path / name / ".git").mkdir()
    assert [(one.student, one.source) for one in told(path)] == [
        ("kim", "github"),
        ("tom", "github"),
    ]


def test_one_stray_name_makes_no_platform(tmp_path: Path) -> None:
    """Nor does it unmake one."""
    plain = folder(tmp_path / "a", "kim.py", "lee.py", "try_1_2_x.py")
    assert {one.source for one in told(plain)} == {"plain"}
    names = [f"s{i}_{i}_90{i}_x.py" for i in range(1, 6)]
    canvas = folder(tmp_path / "b", *names, "readme.txt")
    assert [one.source for one in told(canvas)] == ["plain", *["canvas"] * 5]


@pytest.mark.parametrize(
    "names",
    [
        ("kim_2026_10_x.py", "lee_2026_11_x.py"),
        ("kim_1_10_x.py", "lee_2_10_x.py"),
        ("kim_2026_01_x.py", "lee_2027_02_x.py"),
        ("Kim_2026_assignsubmission_file_/", "Lee_2026_assignsubmission_file_/"),
    ],
)
def test_numbers_that_cannot_be_a_platforms_are_none(tmp_path: Path, names: list[str]) -> None:
    """One number for two students, one attachment twice, a zero ahead: students' own names.

    To take two students' files for one submission would be the worst of guesses.
    """
    found = submissions(folder(tmp_path / "class", *names))
    assert [sender.source for _, sender in found] == ["plain", "plain"]
    assert [handed.parts for handed, _ in found] == [(), ()]


def test_attempts_in_several_downloads_stay_apart(tmp_path: Path) -> None:
    """In the order given, under one name."""
    first = folder(tmp_path / "one", "leekim_101_9001_a.py")
    second = folder(tmp_path / "two", "leekim_101_9101_a-1.py")
    found = submissions(first, second)
    assert [(handed.name, handed.path.parent.name) for handed, _ in found] == [
        ("leekim", "one"),
        ("leekim", "two"),
    ]


def test_plain_names_are_as_they_were(tmp_path: Path) -> None:
    """No platform: the submissions are those that were gathered, and their files too."""
    path = folder(tmp_path / "class", "kim.py", "lee/")
    assert [handed for handed, _ in submissions(path)] == gather([path])
    with Loader() as loader:
        parcels = [loader.load(handed) for handed, _ in submissions(path)]
    assert [parcel.files[0].name for parcel in parcels] == ["kim.py", "solution.py"]
    assert parcels[0].files[0].data == CODE.encode()
