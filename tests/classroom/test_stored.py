"""A student of a class shown: mark sheet, findings run again, and what was given back."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import zipfile
from pathlib import Path

import pytest
from classroom.answering import (
    ANNA,
    BEN,
    CAS,
    DAN,
    FAY,
    FIRST,
    SETTINGS,
    SWAPPED,
    gradkit,
    refusal,
    write,
)
from classroom.classes import changed_assignment
from classroom.here import grade_here
from msgspec.structs import replace

from gradkit.classroom.course.find_student import pseudonym
from gradkit.classroom.policy import counting_attempts
from gradkit.classroom.reports.stored import NoResultError, read_stored, student_result
from gradkit.classroom.store.database import FILE
from gradkit.classroom.store.results import Store, release, releases
from gradkit.grading.settings import Settings
from gradkit.records.classroom import Kept
from gradkit.reproducer import ReproducerError

pytestmark = [pytest.mark.sample(6), pytest.mark.usefixtures("warm")]

NAME = "leeanna_101_9001_hw.py"
HELPERS, REST = SWAPPED.split("def update_parameters", 1)
SPLIT = {
    "leeanna_101_9001_parts.py": HELPERS,
    "leeanna_101_9002_hw.py": f"from parts import *\n\n\ndef update_parameters{REST}",
    "royeve_105_9005_hw.py": SWAPPED,
}
"""What one student handed in as two files, which are one submission."""


def identity(course: Path, word: str = "anna") -> str:
    """The id of the student's one finding, as the list has it."""
    text = gradkit("show", course, word).stdout
    (found,) = re.findall(r"^([0-9a-f]{6,})  ", text, re.MULTILINE)
    return str(found)


def test_a_student_is_shown_whole(handed: Path) -> None:
    """The mark sheet at the highest level, the findings with their ids, where it lies."""
    ended = gradkit("show", handed / "out", "anna")
    assert ended.exit_code == 0
    assert ended.stdout.startswith(f"{ANNA}  15.5 / 20 ")
    assert "should move" in ended.stdout
    last = ended.stdout.splitlines()[-1]
    assert last.split(maxsplit=1)[1] == (f"{ANNA}  regression-numpy  Two indices are exchanged")
    assert ended.stderr == f"The submission is {handed / 'first' / NAME}.\n"
    assert "There are no findings." in gradkit("show", handed / "out", "ben").stdout


def test_a_finding_is_run_again(handed: Path) -> None:
    """Under the file's name as the student knows it; the recorded number comes out."""
    found = identity(handed / "out")
    ended = gradkit("show", handed / "out", "anna", "--finding", found)
    assert ended.exit_code == 0, ended.output
    assert "is reproduced." in ended.stdout
    assert "dW1 = np.dot(dA1, X.T)" in ended.stdout
    compile(ended.stdout, "shown.py", "exec")


def test_a_pseudonym_hides_the_name_in_all_that_is_shown(handed: Path) -> None:
    """The mark sheet, a finding as a script, and what there is not."""
    with Store(handed / "out", write=False) as store:
        hidden = pseudonym(store, ANNA)
    for words in (
        [],
        ["--finding", identity(handed / "out")],
        ["--finding", "none"],
        ["--as", "student"],
    ):
        ended = gradkit("show", handed / "out", hidden, *words)
        assert hidden in ended.output
        assert ANNA not in ended.output


def test_a_finding_about_functions_is_run_again(tmp_path: Path) -> None:
    """Also where lines read what the class's model solution gives for those before them."""
    forms = Path(__file__).parents[1] / "exercises" / "three_forms"
    text = (forms / "assignment.toml").read_text(encoding="utf-8")
    text = text.replace("= scale_backward(dout, cache)", "= scale_backward(dout, cache, out)")
    (tmp_path / "assignment.toml").write_text(text, encoding="utf-8")
    model = (forms / "reference" / "three_forms.py").read_text(encoding="utf-8")
    model = model.replace("scale_backward(dout, cache)", "scale_backward(dout, cache, out)")
    wrong = model.replace("return dout * gamma,", "return -dout * gamma,")
    assert wrong != model
    write(tmp_path / "reference", {"three_forms.py": model})
    write(tmp_path / "in", {NAME: wrong})
    settings = Settings(
        assignment=tmp_path / "assignment.toml", reference=tmp_path / "reference", seed=1
    )
    grade_here(tmp_path / "in", tmp_path / "out", settings)
    ended = gradkit("show", tmp_path / "out", "anna", "--finding", identity(tmp_path / "out"))
    assert ended.exit_code == 0, ended.output
    assert "is reproduced." in ended.stdout


def test_a_finding_in_an_archive_is_run_again(tmp_path: Path) -> None:
    """Read from its member, of a name with the sign that divides the two."""
    with zipfile.ZipFile(tmp_path / "week!1.zip", "w") as archive:
        for name, text in FIRST.items():
            archive.writestr(name, text)
    grade_here(tmp_path / "week!1.zip", tmp_path / "out", SETTINGS)
    found = identity(tmp_path / "out")
    ended = gradkit("show", tmp_path / "out", "anna", "--finding", found)
    assert ended.exit_code == 0, ended.output
    assert "is reproduced." in ended.stdout


def test_files_that_are_one_submission_are_read_as_one(tmp_path: Path) -> None:
    """As they were graded."""
    folder = write(tmp_path / "in", SPLIT)
    grade_here(folder, tmp_path / "out", SETTINGS)
    found = identity(tmp_path / "out")
    ended = gradkit("show", tmp_path / "out", "leeanna", "--finding", found)
    assert ended.exit_code == 0, ended.output
    assert "is reproduced." in ended.stdout


def test_a_path_is_taken_from_beside_the_class_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Graded by a relative one, shown from elsewhere."""
    write(tmp_path / "in", {NAME: SWAPPED})
    monkeypatch.chdir(tmp_path)
    grade_here(Path("in"), Path("out"), SETTINGS)
    found = identity(tmp_path / "out")
    monkeypatch.chdir("/")
    ended = gradkit("show", tmp_path / "out", "leeanna", "--finding", found)
    assert ended.exit_code == 0, ended.output


def kept_of(course: Path) -> Kept:
    """Of the only student."""
    with Store(course, write=False) as store:
        (one,) = counting_attempts(store)
    return one.kept


def test_a_submission_that_changed_or_is_gone_is_refused(tmp_path: Path) -> None:
    """Other code would prove nothing."""
    folder = write(tmp_path / "in", {"kim.py": SWAPPED})
    grade_here(folder, tmp_path / "out", SETTINGS)
    kept = kept_of(tmp_path / "out")
    assert read_stored(kept, tmp_path / "out").digest == kept.digest
    (folder / "kim.py").write_text(SWAPPED + "\n", encoding="utf-8")
    with pytest.raises(ReproducerError) as caught:
        read_stored(kept, tmp_path / "out")
    said = rf"{re.escape(kept.path)}: the submission has changed since: its digest was "
    assert re.fullmatch(
        rf"{said}[0-9a-f]{{12}}, and is [0-9a-f]{{12}}\. Put the former one back, or grade the "
        r"class again\.",
        str(caught.value),
    )
    (folder / "kim.py").unlink()
    with pytest.raises(ReproducerError) as caught:
        read_stored(kept, tmp_path / "out")
    assert str(caught.value) == (
        f"{kept.path}: the submission is gone, so its code cannot be shown or run. Put it back, "
        "or grade the class from its new place."
    )
    elsewhere = replace(kept, path="hw/kim.py")
    with pytest.raises(ReproducerError) as caught:
        read_stored(elsewhere, tmp_path / "out")
    assert str(caught.value) == (
        "hw/kim.py: the submission is gone, so its code cannot be shown or run. Put it back, or "
        "run gradkit in the folder where the class was graded, or grade the class from its new "
        "place."
    )


@pytest.mark.skipif(os.name == "nt", reason="permissions are another matter there")
def test_a_submission_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """With the reader's own sentence: here a damaged archive of the same name."""
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("kim.py", SWAPPED)
    grade_here(tmp_path / "in.zip", tmp_path / "out", SETTINGS)
    kept = kept_of(tmp_path / "out")
    shutil.copy(tmp_path / "in.zip", tmp_path / "whole.zip")
    data = bytearray((tmp_path / "in.zip").read_bytes())
    data[60] ^= 0xFF
    (tmp_path / "in.zip").write_bytes(data)
    with pytest.raises(ReproducerError, match=r"kim\.py"):
        read_stored(kept, tmp_path / "out")


def test_a_finding_that_is_not_there_is_refused(handed: Path) -> None:
    """With those that are."""
    out = handed / "out"
    assert refusal("show", out, "anna", "--finding", "nope") == (
        f"the result of {ANNA} in {out / 'class.sqlite'}: there is no finding nope. "
        f"Found: {identity(out)}."
    )


def test_another_assignment_is_refused(handed: Path, tmp_path: Path) -> None:
    """The class's own is taken unless one is named."""
    out = handed / "out"
    other = changed_assignment(tmp_path / "other", "update = 6", "update = 13")
    found = identity(out)
    said = refusal("show", out, "anna", "--finding", found, "--assignment", other)
    assert said.startswith(f"{other} is not the assignment that the result of {ANNA} in ")


# --- what was given back -----------------------------------------------------------------

PAGE, LATER = b"<p>\xc3\xa4\r\n\x00first", b"\xef\xbb\xbflater"


@pytest.fixture
def given(course: Path) -> Path:
    """A class in which one student was given something back twice."""
    with Store(course, write=True) as store:
        for name, data in (("a.html", PAGE), ("b.html", LATER)):
            run = store.begin("release")
            release(store, run, [(ANNA, name, data), (BEN, "ben.html", b"ben")])
            store.end(run)
    return course


def test_the_exact_bytes_that_were_given_back(given: Path, tmp_path: Path) -> None:
    """The last ones, or earlier ones by their number; to standard output or into a file."""
    shown = gradkit("show", given, "anna", "--as", "student")
    assert (shown.exit_code, shown.stdout_bytes) == (0, LATER)
    words = ("show", given, "anna", "--as", "student", "--release", "1")
    assert gradkit(*words).stdout_bytes == PAGE
    ended = gradkit(*words, "--out", tmp_path / "page.html")
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert (tmp_path / "page.html").read_bytes() == PAGE
    with Store(given, write=True) as store:
        assert [each.file for each in releases(store, ANNA)] == ["a.html", "b.html"]
        run = store.begin("release")
        release(store, run, [(ANNA, "Grades.csv", b"anna,17"), (CAS, "Grades.csv", b"cas,0")])
    again = gradkit("show", given, "anna", "--as", "student")
    # A page and a row of a table are one release.
    assert (again.stdout_bytes, again.stderr.split(":")[0]) == (LATER, "2 of 2")
    alone = gradkit("show", given, "cas", "--as", "student", "--release", "1")
    assert (alone.stdout_bytes, alone.stderr) == (
        b"cas,0",
        "1 of 1: Grades.csv, written in run 5.\n",
    )


def test_what_was_not_given_back_is_refused(given: Path, tmp_path: Path) -> None:
    """With what was."""
    words = ("--as", "student")
    assert (
        refusal("show", given, "cas", *words)
        == f"{CAS} has not been given a page yet. `gradkit feedback` writes the pages."
    )
    assert refusal("show", given, "anna", "--release", "3", *words) == (
        f"--release 3: the pages given to {ANNA} are 1 (a.html, run 3), 2 (b.html, run 4)."
    )
    nowhere = tmp_path / "no" / "page.html"
    said = refusal("show", given, "anna", "--out", nowhere, *words).splitlines()
    assert said == [
        "2 of 2: b.html, written in run 4.",
        f"gradkit: {nowhere}: cannot be written (No such file or directory).",
    ]


def test_options_that_do_not_go_together_are_refused(given: Path, tmp_path: Path) -> None:
    """One sentence for each."""
    alone = "--release and --out need --as student."
    assert refusal("show", given, "anna", "--release", "1") == alone
    assert refusal("show", given, "anna", "--out", "x") == alone
    assert refusal("show", given, "anna", "--as", "student", "--finding", "x") == (
        "--as student prints the page that the student got. Leave out --finding."
    )
    file = tmp_path / "result.json"
    file.write_text("[]", encoding="utf-8")
    said = f"{file} is a file: --as needs the folder of a class."
    assert refusal("show", file, "--as", "student") == said
    assert refusal("show", given) == (f"NAME is missing. Give the name of a student in {given}.")


def test_a_folder_is_a_class_and_a_file_is_results(given: Path, tmp_path: Path) -> None:
    """A name with a file's ending is a file's, there or not; a folder without a class is told."""
    assert ANNA in gradkit("show", given, "anna").stdout
    (tmp_path / "some").write_text("[]", encoding="utf-8")
    assert gradkit("show", tmp_path / "some").stdout == "There are no findings.\n"
    assert refusal("show", "anna.json").startswith("anna.json: cannot be read (No such file")
    assert refusal("show", "nowhere", "anna") == (
        f"{Path('nowhere') / FILE}: there is no such file. Name the folder that "
        "`gradkit grade … --out` wrote."
    )


def test_who_has_nothing_that_counts(handed: Path) -> None:
    """Or nothing that could be graded: all that is known, and how to give points."""
    out = handed / "out"
    give = (
        "`, or name a task in place of `total`. To grade the submission again, run `gradkit grade "
        "… --student NAME`.\n"
    )
    ended = gradkit("show", out, "dan")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout == (
        f"{DAN} has no submission that "
        f"counts.\nTo set points, run `{shlex.join(['gradkit', 'override', str(out), DAN])} total "
        f"0 --comment "
        f"…{give}"
    )
    ended = gradkit("show", out, "fay")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"{FAY} was refused: hw.ipynb is not a valid notebook")
    assert (
        f"The file is {handed / 'first' / 'itofay_106_9006_hw.ipynb'}.\nTo set points"
        in ended.stdout
    )
    assert ended.stdout.endswith(give)
    with pytest.raises(NoResultError, match=r"^Dan Poe has no submission that counts"):
        student_result(out, DAN)
