"""Zip archives: read in memory, whatever they promise."""

from __future__ import annotations

import contextlib
import io
import stat
import struct
import zipfile
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradkit.submission import files
from gradkit.submission.files import SubmissionError, read_archive


def packed(path, members, method=zipfile.ZIP_DEFLATED):
    """Write an archive; members are (name or ZipInfo, data)."""
    with zipfile.ZipFile(path, "w", method) as target:
        for name, data in members:
            target.writestr(name, data)
    return path


def said(path) -> str:
    """What is said of an archive that is refused."""
    with pytest.raises(SubmissionError) as caught:
        read_archive(path)
    return str(caught.value)


def problems(path) -> list[str]:
    """What is said of members that are left out."""
    files, found = read_archive(path)
    assert [file.name for file in files] == ["good.py"]
    return [problem.message for problem in found]


def test_code_files_are_read_in_order(tmp_path):
    """Scripts and notebooks come by name; data, folders and hidden files are left aside."""
    members = [("b.py", "x = 1"), ("a/n.ipynb", "{}"), ("data.csv", "1"), ("a/", "")]
    hidden = [
        ("__MACOSX/._b.py", "?"),
        (".ipynb_checkpoints/n-checkpoint.ipynb", "{}"),
        ("a/.x.py", ""),
    ]
    files, found = read_archive(packed(tmp_path / "z.zip", members + hidden))
    assert [(file.name, file.data) for file in files] == [("a/n.ipynb", b"{}"), ("b.py", b"x = 1")]
    assert found == []


NOISE = Random(1).randbytes(2_100_000)  # noqa: S311  (only has to resist packing)


def link(name: str) -> zipfile.ZipInfo:
    """A member that is a symbolic link."""
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (
            ("../evil.py", "x"),
            "../evil.py has a path outside the archive and was left out. Pack the files again.",
        ),
        (("/etc/evil.py", "x"), "/etc/evil.py has a path outside the archive and was left out."),
        (("C:/evil.py", "x"), "C:/evil.py has a path outside the archive"),
        (("..\\evil.py", "x"), "../evil.py has a path outside the archive"),
        (
            (link("link.py"), "/etc/passwd"),
            "link.py is a link, and links are not followed. Submit the file itself.",
        ),
        (
            ("inner.zip", "PK"),
            "inner.zip is an archive inside the submission and was not opened. Unpack it, and",
        ),
        (("a/" * 9 + "deep.py", "x"), "is more than 8 folders deep and was left out."),
        (
            ("bomb.ipynb", b"0" * 20_000_000),
            "bomb.ipynb would unpack to 20.0 MB, more than 200 times its packed size",
        ),
        (
            ("large.py", NOISE),
            "large.py has 2.1 MB; at most 0.4 MB are read. Submit only the code",
        ),
    ],
)
def test_members_that_are_left_out(tmp_path, member, message):
    """Each says why; the others are read."""
    (found,) = problems(packed(tmp_path / "z.zip", [("good.py", "x = 1"), member]))
    assert message in found


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_expand_without_bound_are_not_read(tmp_path, method):
    """Only methods that are unpacked piece by piece are read."""
    path = packed(tmp_path / "z.zip", [("good.py", "x = 1")])
    with zipfile.ZipFile(path, "a") as target:
        target.writestr("packed.py", "y = 2", method)
    assert problems(path) == [
        "packed.py is packed by a method that gradkit cannot read. Pack the files again as .zip."
    ]


def test_doubled_damaged_and_protected_members(tmp_path):
    """The first of two is read; damage and passwords cost the member."""
    path = tmp_path / "z.zip"
    with pytest.warns(UserWarning, match="Duplicate name"):
        packed(
            path,
            [
                ("good.py", "x = 1"),
                ("good.py", "x = 2"),
                ("bad.py", "y = 3"),
                ("locked.py", "z = 4"),
            ],
            0,
        )
    data = path.read_bytes().replace(b"y = 3", b"y = 4")
    at = data.rindex(b"PK\x01\x02")
    data = data[: at + 8] + b"\x01\x00" + data[at + 10 :]
    path.write_bytes(data)
    assert sorted(problems(path)) == [
        "bad.py is damaged inside the archive. Pack the files again.",
        "good.py is in the archive twice; the first one was read.",
        "locked.py is protected by a password. Pack the files again without a password.",
    ]


def test_lying_sizes_are_not_believed(tmp_path):
    """A member that unpacks to more than it promises is damaged, and no more is read."""
    path = packed(tmp_path / "z.zip", [("good.py", "x = 1"), ("liar.py", b"0" * 1_900_000)])
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    struct.pack_into("<L", data, at + 24, 10)
    path.write_bytes(data)
    assert problems(path) == ["liar.py is damaged inside the archive. Pack the files again."]


def test_what_is_no_archive_is_refused(tmp_path):
    """Damage, another format and a missing file each have a sentence."""
    path = tmp_path / "z.zip"
    for data in (b"", b"PK", b"x" * 1000, b"PK\x05\x06" + b"\xff" * 18):
        path.write_bytes(data)
        assert said(path).startswith("z.zip ")
    assert said(tmp_path / "none.zip").startswith("none.zip could not be opened: No such file")
    path.write_bytes(b"x" * 1000)
    assert said(path) == "z.zip is damaged or not a zip archive. Pack the files again as .zip."


def test_large_archives_are_refused_before_they_are_read(tmp_path, monkeypatch):
    """Size, number of members, and the size of the directory are looked at first."""
    path = tmp_path / "z.zip"
    with open(path, "wb") as stream:
        stream.truncate(files.ARCHIVE_BYTES + 1)
    assert said(path).startswith("z.zip has 60.0 MB; at most 60 MB are read.")
    packed(path, [(f"{i}.txt", "") for i in range(files.ENTRIES + 1)], 0)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert (
        said(path) == "z.zip contains more than 5000 files. Submit only the folder of the exercise."
    )


def test_too_many_code_files_are_refused(tmp_path):
    """A class in one archive is not one submission."""
    path = packed(tmp_path / "z.zip", [(f"{i}.py", "") for i in range(files.CODE_FILES + 1)])
    assert said(path).startswith("z.zip contains more than 100 scripts and notebooks, or more")


GOOD = io.BytesIO()
packed(GOOD, [("a.py", "x = 1"), ("b/n.ipynb", "{}")])


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.integers(0, len(GOOD.getvalue()) - 1), st.integers(0, 255)), max_size=8),
    st.integers(0, 40),
)
@settings(deadline=None, max_examples=300)
def test_damage_anywhere_is_survived(tmp_path_factory, changes, cut):
    """Whatever bytes are changed or missing, the archive is read or refused with a sentence."""
    data = bytearray(GOOD.getvalue())
    for at, value in changes:
        data[at] = value
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    path.write_bytes(data[: len(data) - cut])
    with contextlib.suppress(SubmissionError):
        read_archive(path)
