"""What is a submission of a class: each file, folder and member, under a name of its own."""

from __future__ import annotations

import errno
import io
import os
import stat
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradkit.records.submission import RawSubmission
from gradkit.submission import read as module
from gradkit.submission.files import SubmissionError, UnreadableError
from gradkit.submission.read import Handed, Loader, gather, parse

CODE = "def forward(x):\n    return x\n"
NOTEBOOK = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


def written(path: Path, text: str = CODE) -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def zipped(path: Path | io.BytesIO, *members: tuple[str | zipfile.ZipInfo, str | bytes]) -> Path:
    """An archive of (name, data)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in members:
            target.writestr(name, data)
    return path  # type: ignore[return-value]


def inner(*members: tuple[str, str]) -> bytes:
    """The bytes of an archive."""
    buffer = io.BytesIO()
    zipped(buffer, *members)
    return buffer.getvalue()


def names(*paths: Path) -> list[str]:
    """The names of what is found."""
    return [handed.name for handed in gather(paths)]


def loaded(*paths: Path) -> dict[str, RawSubmission | str]:
    """By name, what is read, or the sentence where nothing is."""
    found: dict[str, RawSubmission | str] = {}
    with Loader() as loader:
        for handed in gather(paths):
            try:
                found[handed.name] = loader.load(handed)
            except SubmissionError as error:
                found[handed.name] = str(error)
    return found


def files(*paths: Path) -> dict[str, list[str] | str]:
    """By name, the files that are read, or the sentence."""
    return {
        name: one if isinstance(one, str) else [file.name for file in one.files]
        for name, one in loaded(*paths).items()
    }


def refused(*paths: Path) -> str:
    """The sentence where a class cannot be listed."""
    with pytest.raises(SubmissionError) as caught:
        gather(paths)
    return str(caught.value)


def test_a_script_or_notebook_is_one_submission(tmp_path: Path) -> None:
    """Under its name without the ending; the contents are those of the file."""
    script, notebook = written(tmp_path / "kim.py"), written(tmp_path / "lee.ipynb", NOTEBOOK)
    assert gather([script, notebook]) == [Handed("kim", script), Handed("lee", notebook)]
    found = loaded(script)["kim"]
    assert isinstance(found, RawSubmission)
    assert (found.name, found.path, found.files[0].data) == ("kim", str(script), CODE.encode())


def test_each_entry_of_a_folder_is_one_submission(tmp_path: Path) -> None:
    """Files, folders and archives, by name; a folder's files belong together."""
    written(tmp_path / "class" / "b.py")
    written(tmp_path / "class" / "a" / "one.py")
    written(tmp_path / "class" / "a" / "deep" / "two.py")
    zipped(tmp_path / "class" / "c.zip", ("c/x.py", CODE), ("c/y.ipynb", NOTEBOOK))
    assert files(tmp_path / "class") == {
        "a": ["deep/two.py", "one.py"],
        "b": ["b.py"],
        "c": ["x.py", "y.ipynb"],
    }


def test_each_member_of_an_archive_is_one_submission(tmp_path: Path) -> None:
    """Files, folders and archives within it, with or without entries for the folders."""
    path = zipped(
        tmp_path / "class.zip",
        ("kim.py", CODE),
        ("lee/", ""),
        ("lee/x.py", CODE),
        ("lee/sub/y.py", CODE),
        ("mo.zip", inner(("mo/z.py", CODE))),
        ("ann/w.ipynb", NOTEBOOK),
    )
    assert files(path) == {
        "ann": ["w.ipynb"],
        "kim": ["kim.py"],
        "lee": ["sub/y.py", "x.py"],
        "mo": ["z.py"],
    }


def test_what_is_read_from_an_archive_is_what_is_read_from_a_folder(tmp_path: Path) -> None:
    """Bytes and digest are the same: packing a class is no change of anybody's submission."""
    written(tmp_path / "class" / "kim.py")
    written(tmp_path / "class" / "lee" / "x.py", CODE + "# lee\n")
    path = zipped(tmp_path / "c.zip", ("kim.py", CODE), ("lee/x.py", CODE + "# lee\n"))
    from_folder, from_archive = loaded(tmp_path / "class"), loaded(path)
    assert from_folder.keys() == from_archive.keys() == {"kim", "lee"}
    for name, one in from_folder.items():
        other = from_archive[name]
        assert isinstance(one, RawSubmission)
        assert isinstance(other, RawSubmission)
        assert (one.digest, one.files) == (other.digest, other.files)
    changed = zipped(tmp_path / "d.zip", ("kim.py", CODE + " "))
    other = loaded(changed)["kim"]
    assert isinstance(other, RawSubmission)
    assert other.digest != from_folder["kim"].digest  # type: ignore[union-attr]


def test_a_folder_called_like_the_archive_is_opened(tmp_path: Path) -> None:
    """Packing the folder of a class puts it there; another only folder is one submission."""
    members = (("class/kim.py", CODE), ("class/lee/x.py", CODE))
    assert names(zipped(tmp_path / "class.zip", *members)) == ["kim", "lee"]
    assert files(tmp_path / "class.zip") == {"kim": ["kim.py"], "lee": ["x.py"]}
    assert names(zipped(tmp_path / "term.zip", *members)) == ["class"]
    # A browser that has a file of the name already numbers the next.
    assert names(zipped(tmp_path / "class (1).zip", *members)) == ["kim", "lee"]
    beside = (("two/kim.py", CODE), ("other.py", CODE))
    assert names(zipped(tmp_path / "two.zip", *beside)) == ["other", "two"]


def test_junk_is_no_submission(tmp_path: Path) -> None:
    """What file systems and tools leave behind is passed over without a word."""
    folder = tmp_path / "class"
    for name in (".DS_Store", ".git/x.py", "__MACOSX/kim.py", "__pycache__/kim.pyc", "venv/a.py"):
        written(folder / name)
    written(folder / "kim.py")
    assert names(folder) == ["kim"]
    path = zipped(
        tmp_path / "c.zip", ("__MACOSX/._kim.py", "?"), (".DS_Store", ""), ("kim.py", CODE)
    )
    assert names(path) == ["kim"]
    # An archive made on a Mac holds its own folder beside the one that was packed.
    mac = zipped(tmp_path / "m.zip", ("__MACOSX/m/._kim.py", "?"), ("m/kim.py", CODE))
    assert names(mac) == ["kim"]


def test_who_handed_in_something_else_is_listed_and_told(tmp_path: Path) -> None:
    """Nobody is lost who has handed in a picture, a PDF or nothing at all."""
    folder = tmp_path / "class"
    written(folder / "pia.pdf", "%PDF")
    written(folder / "rosa" / "scan.pdf", "%PDF")
    (folder / "sam").mkdir()
    expected = "Expected a script (.py), a notebook (.ipynb), or a folder or .zip of them."
    sentences = {
        "pia.pdf": f"pia.pdf is not a file that can be graded. {expected}",
        "rosa": f"There is no script or notebook in rosa. {expected}",
        "sam": f"There is no script or notebook in sam. {expected}",
    }
    assert files(folder) == sentences
    path = zipped(
        tmp_path / "c.zip",
        *(("pia.pdf", "%PDF"), ("rosa/scan.pdf", "%PDF"), ("sam/", "")),
    )
    assert files(path) == sentences


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    """They might lead anywhere; a link that is named by the one who calls is followed."""
    secret = written(tmp_path / "secret.py")
    folder = tmp_path / "class"
    written(folder / "kim.py")
    (folder / "lee.py").symlink_to(secret)
    (folder / "mo").symlink_to(tmp_path)
    (folder / "nil.py").symlink_to(tmp_path / "nowhere")
    said = "is a link, and links are not followed. Submit the file itself."
    assert files(folder) == {
        "kim": ["kim.py"],
        "lee": f"lee.py {said}",
        "mo": f"mo {said}",
        "nil": f"nil.py {said}",
    }
    assert files(folder / "lee.py") == {"lee": ["lee.py"]}


def test_links_in_an_archive_are_not_followed(tmp_path: Path) -> None:
    """A member that is a link is told to pack the file."""
    info = zipfile.ZipInfo("lee.py")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = zipped(tmp_path / "c.zip", (info, "/etc/passwd"), ("kim.py", CODE))
    said = "lee.py is a link, and links are not followed. Submit the file itself."
    assert files(path) == {"kim": ["kim.py"], "lee": said}


def test_nothing_leads_out_of_an_archive(tmp_path: Path) -> None:
    """Members above it are no submissions; those of a student that point out are left out."""
    path = zipped(
        tmp_path / "c.zip",
        ("../evil.py", CODE),
        ("/etc/evil.py", CODE),
        ("C:/evil.py", CODE),
        ("..\\evil.py", CODE),
        ("./evil.py", CODE),
        ("lee/../../evil.py", CODE),
        ("lee/good.py", CODE),
    )
    found = loaded(path)
    assert list(found) == ["lee"]
    raw = found["lee"]
    assert isinstance(raw, RawSubmission)
    assert [file.name for file in raw.files] == ["good.py"]
    assert [problem.message for problem in raw.problems] == [
        "../../evil.py has a path outside the archive and was left out. Pack the files again."
    ]


def test_only_what_leads_out_is_no_class(tmp_path: Path) -> None:
    """Nothing is left, and that is said."""
    path = zipped(tmp_path / "c.zip", ("../evil.py", CODE))
    assert refused(path) == (
        f"There is no submission in {path}. Expected scripts, notebooks, folders or "
        "archives, one for each student."
    )


def test_names_that_would_come_twice_get_their_endings(tmp_path: Path) -> None:
    """Then the folders that they lie in; whose name is alone keeps it."""
    folder = tmp_path / "class"
    written(folder / "kim.py")
    written(folder / "kim.ipynb", NOTEBOOK)
    written(folder / "kim" / "x.py")
    written(folder / "lee.py")
    assert names(folder) == ["kim", "kim.ipynb", "kim.py", "lee"]
    one, two = written(tmp_path / "a" / "mo.py"), written(tmp_path / "b" / "mo.py")
    assert names(one, two) == ["a/mo.py", "b/mo.py"]
    first = zipped(tmp_path / "first.zip", ("mo.py", CODE))
    second = zipped(tmp_path / "second.zip", ("mo.py", CODE))
    assert names(first, second) == ["first.zip/mo.py", "second.zip/mo.py"]


def test_a_number_tells_apart_what_nothing_else_does(tmp_path: Path) -> None:
    """And never makes a name that somebody else has."""
    one = written(tmp_path / "x" / "a" / "mo.py")
    two = written(tmp_path / "y" / "a" / "mo.py")
    third = written(tmp_path / "z" / "a" / "mo.py")
    assert names(one, two, third) == ["a/mo.py", "a/mo.py~2", "a/mo.py~3"]
    folder = tmp_path / "class"
    # Shown names are cut: the same beginning is all that is left of two long ones.
    long = "m" * 119
    for ending in ("1.txt", "2.txt"):
        written(folder / f"{long}{ending}")
    found = names(folder)
    assert len(set(found)) == 2
    assert found[1] == f"{found[0]}~2"


def test_what_is_given_twice_is_one_submission(tmp_path: Path, monkeypatch) -> None:
    """A folder and a file in it, by whatever path."""
    folder = tmp_path / "class"
    script = written(folder / "kim.py")
    monkeypatch.chdir(tmp_path)
    assert names(folder, script, Path("class/kim.py"), folder / ".." / "class") == ["kim"]
    path = zipped(tmp_path / "c.zip", ("lee.py", CODE))
    assert names(path, path) == ["lee"]


@given(
    st.lists(
        st.sampled_from(["kim", "kim.py", "kim~2.py", "kim.py~2", "a/kim.py", "KIM.PY", "kim.zip"]),
        min_size=1,
        unique=True,
    )
)
def test_no_two_have_the_same_name(tmp_path_factory, entries: list[str]) -> None:
    """Whatever the files of two folders are called."""
    root = tmp_path_factory.mktemp("names")
    for folder in ("one/class", "two/class"):
        for entry in entries:
            target = root / folder / (entry if "." in entry else f"{entry}.d")
            if not target.exists() and not target.parent.is_file():
                written(target)
    found = names(root / "one" / "class", root / "two" / "class")
    assert len(found) == len(set(found))
    assert len(found) == 2 * len({entry.partition("/")[0] for entry in entries})


def test_a_name_is_fit_to_be_shown(tmp_path: Path) -> None:
    """Colours and line ends in a file's name stay out of the table of the class."""
    written(tmp_path / "class" / "kim\x1b[31m\nred.py")
    assert names(tmp_path / "class") == ["kim red"]


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_a_name_that_is_no_text_can_be_sent(tmp_path: Path) -> None:
    """Old archivers write names in other encodings; all of a submission is text all the same."""
    written(tmp_path / "class" / os.fsdecode(b"kim\xe9.py"))
    written(tmp_path / "class" / os.fsdecode(b"lee\xff") / os.fsdecode(b"x\xff.py"))
    found = loaded(tmp_path / "class")
    assert list(found) == ["kim", "lee"]
    for raw in found.values():
        assert isinstance(raw, RawSubmission)
        told = f"{raw.name} {raw.path} {raw.files[0].name}"
        assert "?" in told.encode().decode()


def test_a_name_without_characters_is_no_name(tmp_path: Path) -> None:
    """What is left of it then is said in words."""
    written(tmp_path / "class" / "\x01\x02.py")
    assert names(tmp_path / "class") == ["(no name)"]


def test_results_are_no_submission(tmp_path: Path) -> None:
    """The folder and the files of results may lie among what they are about."""
    written(tmp_path / "kim.py")
    written(tmp_path / "results" / "class.sqlite", "")
    assert names(tmp_path) == ["kim", "results"]
    leave = [tmp_path / "results", tmp_path / "class.sqlite"]
    assert [handed.name for handed in gather([tmp_path], leave)] == ["kim"]


def test_a_path_that_leads_nowhere(tmp_path: Path) -> None:
    """Is named."""
    path = tmp_path / "nowhere"
    assert refused(path) == f"There is no file or folder {path}."


def test_an_empty_folder_or_archive(tmp_path: Path) -> None:
    """Says what would be expected in it."""
    (tmp_path / "class").mkdir()
    expected = "Expected scripts, notebooks, folders or archives, one for each student."
    assert (
        refused(tmp_path / "class") == f"There is no submission in {tmp_path / 'class'}. {expected}"
    )
    path = zipped(tmp_path / "c.zip")
    assert refused(path) == f"There is no submission in {path}. {expected}"


@pytest.mark.skipif(os.name != "posix", reason="folders that may not be listed")
def test_a_folder_that_may_not_be_opened(tmp_path: Path) -> None:
    """The sentence has the system's reason. Asked as somebody whom permissions concern."""
    folder = tmp_path / "class"
    folder.mkdir(mode=0o000)
    tmp_path.chmod(0o755)
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from gradkit.submission.read import gather\n"
        "if os.getuid() == 0:\n    os.setuid(65534)\n"
        "try:\n    gather([Path(sys.argv[1])])\n"
        "except Exception as error:\n    print(error)\n"
    )
    # The folder is reached from within it: those above may be closed to strangers.
    done = subprocess.run(
        [sys.executable, "-c", script, "class"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    folder.chmod(0o755)
    assert done.stdout == (
        "class could not be opened: Permission denied. Check the path and the permissions.\n"
    )


def test_a_damaged_archive_of_a_class(tmp_path: Path) -> None:
    """Bytes that are no archive, or the half of one."""
    path = tmp_path / "class.zip"
    path.write_bytes(b"PK no archive")
    said = "class.zip is damaged or not a zip archive. Pack the files again as .zip."
    assert refused(path) == said
    zipped(path, *((f"{number}.py", CODE) for number in range(20)))
    path.write_bytes(path.read_bytes()[:-40])
    assert refused(path) == said


def test_a_damaged_member_costs_only_itself(tmp_path: Path) -> None:
    """The others are read; archives within the archive may be damaged too."""
    path = zipped(
        tmp_path / "c.zip",
        ("ann.zip", b"PK no archive"),
        ("kim.py", "x = 1  # a text that can be found\n"),
        ("lee.py", CODE),
    )
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("kim.py")
        start = info.header_offset + 30 + len(info.filename)
    path.write_bytes(whole[:start] + b"\xff" * 8 + whole[start + 8 :])
    assert files(path) == {
        "ann": "ann.zip is damaged or not a zip archive. Pack the files again as .zip.",
        "kim": "kim.py is damaged inside the archive. Pack the files again.",
        "lee": ["lee.py"],
    }


def test_an_archive_that_changes_under_the_hand(tmp_path: Path) -> None:
    """What has gone since it was listed is told of one by one."""
    path = zipped(tmp_path / "c.zip", ("kim.zip", inner(("x.py", CODE))))
    handed = gather([path])
    zipped(path, ("other.py", CODE))
    with Loader() as loader, pytest.raises(SubmissionError) as caught:
        loader.load(handed[0])
    assert str(caught.value) == (
        "kim.zip could not be read from c.zip (KeyError). Pack the files again as .zip."
    )
    assert isinstance(caught.value, UnreadableError)
    path.unlink()
    with Loader() as loader, pytest.raises(UnreadableError, match=r"FileNotFoundError"):
        loader.load(handed[0])


def test_a_member_that_is_there_twice(tmp_path: Path) -> None:
    """The first one is read, and the result says so."""
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zipped(tmp_path / "c.zip", ("kim.py", CODE), ("kim.py", "other"))
    found = loaded(path)["kim"]
    assert isinstance(found, RawSubmission)
    assert found.files[0].data == CODE.encode()
    said = ["kim.py is in the archive twice; the first one was read."]
    assert [problem.message for problem in parse(found).problems] == said


def test_an_archive_of_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than anybody teaches is a mistake, and takes memory to find out."""
    monkeypatch.setattr(module, "MEMBERS", 10)
    many = [(f"{number}.py", CODE) for number in range(11)]
    path = zipped(tmp_path / "c.zip", *many)
    assert refused(path) == "c.zip contains more than 10 files. Grade a class in parts."
    assert len(names(zipped(path, *many[:10]))) == 10


def test_an_archive_in_the_archive_that_would_burst(tmp_path: Path) -> None:
    """A bomb costs its own submission, and is never unpacked."""
    bomb = inner(("kim.py", "#" * 30_000_000))
    nested = inner(("again.zip", "0" * 30_000_000))
    path = zipped(tmp_path / "c.zip", ("kim.zip", bomb), ("lee.zip", nested), ("mo.py", CODE))
    found = files(path)
    assert found["mo"] == ["mo.py"]
    assert str(found["kim"]).startswith("There is no script or notebook in kim.zip. kim.py ")
    assert "30.0 MB" in str(found["kim"])
    assert "again.zip would unpack to 30.0 MB" in str(found["lee"])


def seconds(path: Path, count: int) -> float:
    """Processor time to list and load a class of that size, the least of three."""
    zipped(path, *((f"s{number:05}/x.py", CODE) for number in range(count)))
    taken = []
    for _ in range(3):
        started = time.process_time()
        handed = gather([path])
        with Loader() as loader:
            read = [loader.load(one) for one in handed]
        taken.append(time.process_time() - started)
        assert len({one.name for one in read}) == count
    return min(taken)


@pytest.mark.slow
def test_loading_a_large_archive_stays_linear(tmp_path: Path) -> None:
    """Five thousand take five times as long as a thousand, not twenty-five times."""
    small, large = seconds(tmp_path / "a.zip", 1000), seconds(tmp_path / "b.zip", 5000)
    assert large < 12 * small


def test_an_archive_is_all_that_a_student_has(tmp_path: Path) -> None:
    """As Moodle has it: a folder each, and in it what the student packed."""
    packed = inner(("hw/a.py", CODE), ("hw/b.py", CODE), ("hw/data.csv", "1,2"))
    twice = inner(("deep.zip", "PK"), ("c.py", CODE))
    zipped(
        tmp_path / "class.zip",
        ("Kim Lee_7_assignsubmission_file/hw.zip", packed),
        ("Ann Mo_8_assignsubmission_file/hw.zip", packed),
        ("Ann Mo_8_assignsubmission_file/main.py", CODE),
        ("Bo Ek_9_assignsubmission_file/broken.zip", b"PK\x03\x04"),
        ("Bo Ek_9_assignsubmission_file/x.zip", twice),
    )
    with zipfile.ZipFile(tmp_path / "class.zip") as archive:
        archive.extractall(tmp_path / "class")
    packed_ = loaded(tmp_path / "class.zip")
    for found in (packed_, loaded(tmp_path / "class")):
        kim, ann, bo = (
            found[f"{name}_assignsubmission_file"] for name in ("Kim Lee_7", "Ann Mo_8", "Bo Ek_9")
        )
        assert isinstance(kim, RawSubmission)
        assert isinstance(ann, RawSubmission)
        assert isinstance(bo, RawSubmission)
        assert [file.name for file in kim.files] == ["a.py", "b.py"]
        assert [file.name for file in ann.files] == ["main.py"]
        assert [file.name for file in bo.files] == ["c.py"]
        assert [problem.message[:40] for problem in bo.problems] == [
            "broken.zip is damaged or not a zip archi",
            "deep.zip is an archive inside the submis",
        ]
    ann = packed_["Ann Mo_8_assignsubmission_file"]
    assert isinstance(ann, RawSubmission)
    assert "hw.zip is an archive inside the submission" in ann.problems[0].message


@pytest.mark.parametrize("unpacked", [False, True])
def test_many_archives_of_one_student(tmp_path: Path, unpacked: bool) -> None:
    """Some are opened, the others named; and together they are no more than one submission."""
    few = [(f"kim/{n:02}.zip", inner(("a.py", CODE))) for n in range(12)]
    many = [(f"lee/{n}.zip", inner(*((f"{i}.py", CODE) for i in range(60)))) for n in range(2)]
    path = zipped(tmp_path / "class.zip", *few, *many)
    if unpacked:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp_path / "class")
        path = tmp_path / "class"
    found = loaded(path)
    kim = found["kim"]
    assert isinstance(kim, RawSubmission)
    assert len(kim.files) == 10
    assert [problem.message.partition(" ")[0] for problem in kim.problems] == ["10.zip", "11.zip"]
    assert str(found["lee"]).startswith(
        "lee contains more than 100 scripts and notebooks, or more "
    )


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")
def test_few_archives_are_open_at_a_time(tmp_path: Path) -> None:
    """A class that comes as one for each student has more of them than a process may open."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_now = len(os.listdir("/proc/self/fd"))
    paths = [zipped(tmp_path / f"s{n:02}.zip", (f"s{n:02}.py", CODE)) for n in range(40)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 25, limits[1]))
    try:
        found = files(*paths, paths[0])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert found == {f"s{n:02}": [f"s{n:02}.py"] for n in range(40)}


def raised(path: Path) -> str:
    """What is said of the first submission there, which this machine could not read."""
    with Loader() as loader, pytest.raises(UnreadableError) as caught:
        loader.load(gather([path])[0])
    return str(caught.value)


def test_what_a_machine_cannot_read_is_not_the_students(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors of reading, and links that lead nowhere, are another kind than damaged files."""
    folder, archived, script = (tmp_path / name for name in ("folder", "archived", "script"))
    written(folder / "kim" / "a.py")
    written(folder / "kim" / "b.py")
    (archived / "kim").mkdir(parents=True)
    zipped(archived / "kim" / "b.zip", ("b.py", CODE))
    written(script / "b.py")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "b.py").symlink_to(tmp_path / "nowhere")
    really, opened = os.open, io.open

    def refusing(path, *rest):  # type: ignore[no-untyped-def]
        if str(path).endswith("b.py"):
            raise OSError(errno.EIO, "Input/output error")
        return really(path, *rest)

    def refusing_too(path, *rest, **more):  # type: ignore[no-untyped-def]
        if str(path).endswith("b.zip"):
            raise OSError(errno.EIO, "Input/output error")
        return opened(path, *rest, **more)

    monkeypatch.setattr(os, "open", refusing)
    monkeypatch.setattr("builtins.open", refusing_too)
    said = "could not be opened: Input/output error. Check the path and the permissions."
    assert raised(folder) == f"b.py {said}"
    assert raised(archived) == (f"There is no script or notebook in kim. b.zip {said}")
    assert raised(script) == f"b.py {said}"
    assert raised(tmp_path / "links").startswith("b.py is a link, and links are not followed. ")


def test_an_archive_that_cannot_be_read_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk's error is told as that, in a member and in an archive in it."""
    one = zipped(tmp_path / "c.zip", ("kim.py", CODE))
    two = zipped(tmp_path / "d.zip", ("kim.zip", inner(("kim.py", CODE))))

    def failing(*given: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(zipfile.ZipFile, "open", failing)
    said = "could not be opened: Input/output error. Check the path and the permissions."
    assert raised(one) == f"kim.py {said}"
    assert raised(two) == f"kim.zip {said}"


def stamps(*paths: Path) -> dict[str, str]:
    """By name, when it was changed last."""
    with Loader() as loader:
        return {handed.name: loader.stamp(handed) for handed in gather(paths)}


def test_when_it_was_changed(tmp_path: Path) -> None:
    """The newest file says; an archive's own time, and a clone's, say nothing."""
    folder = tmp_path / "class"
    for name, seconds in (("ann.py", 1_000), ("ben/a.py", 2_000), ("ben/b.py", 3_000)):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CODE, encoding="utf-8")
        os.utime(file, (seconds, seconds))
    (folder / "clone" / ".git").mkdir(parents=True)
    (folder / "clone" / "a.py").write_text(CODE, encoding="utf-8")
    (folder / "empty").mkdir()
    assert stamps(folder) == {
        "ann": "1970-01-01T00:16:40+00:00",
        "ben": "1970-01-01T00:50:00+00:00",
        "clone": "",
        "empty": "",
    }
    early, late = zipfile.ZipInfo("kim.py"), zipfile.ZipInfo("lee/a.py")
    odd = zipfile.ZipInfo("odd.py")
    early.date_time, late.date_time = (2026, 10, 1, 12, 0, 0), (2026, 10, 2, 12, 0, 0)
    odd.date_time = (1980, 0, 0, 0, 0, 0)
    path = zipped(tmp_path / "c.zip", (early, CODE), (late, CODE), (odd, CODE))
    found = stamps(path)
    local = datetime(2026, 10, 1, 12).astimezone(UTC)
    assert found == {
        "kim": local.isoformat(timespec="seconds"),
        "lee": datetime(2026, 10, 2, 12).astimezone(UTC).isoformat(timespec="seconds"),
        "odd": "",
    }
