"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gradkit import writing as module
from gradkit.writing import add_member, read_named, refusing, write_atomically

KILLED = """
import sys
from pathlib import Path
from gradkit.classroom.feedback.address import write_zip
text = "y" * 200_000
names = [(str(i), f"s_{i}_{i}_feedback.html") for i in range(200)]
print("go", flush=True)
while True:
    write_zip(Path(sys.argv[1]), names, lambda name: text.encode())
"""


@pytest.fixture(params=["without a name", "with a name"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that has files without a name, and one that has not."""
    if request.param == "with a name":
        monkeypatch.setattr(module, "OPENED", Path("/nowhere"))


@pytest.mark.usefixtures("system")
def test_a_file_takes_its_place_at_the_end(tmp_path: Path) -> None:
    """Until then the old one is there; permissions are those of any other file."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    with write_atomically(path) as stream:
        stream.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    other = tmp_path / "b.txt"
    other.write_text("")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "b.txt"]


@pytest.mark.usefixtures("system")
def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """The old one stays, and nothing stands beside it."""
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with write_atomically(path) as stream:
            stream.write(b"new")
            raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a killed process leaves its file")
def test_a_file_that_is_not_whole_has_no_name(tmp_path: Path) -> None:
    """There is nothing to be left behind."""
    with write_atomically(tmp_path / "a.txt") as stream:
        stream.write(b"new")
        assert os.listdir(tmp_path) == []


@pytest.mark.slow
@pytest.mark.rotate(4)
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("kills", [2, pytest.param(15, marks=pytest.mark.slow)])
def test_an_archive_is_whole_whenever_the_process_is_killed(tmp_path: Path, kills: int) -> None:
    """The old one or the new one, at any moment; whatever else is there is whole too."""
    target = tmp_path / "f.zip"
    with write_atomically(target) as stream, zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("old.html", "old")
    draw = np.random.default_rng(int(os.environ.get("GRADKIT_SEED", "0")))
    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(target)], stdout=subprocess.PIPE, cwd=Path.cwd()
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(draw.uniform(0.0, 0.5))
        process.kill()
        process.wait()
        process.stdout.close()
        for path in tmp_path.iterdir():
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
                assert len(archive.namelist()) in (1, 200)


class RefusedError(Exception):
    """What a command would say."""


def test_what_the_system_refuses_is_a_sentence(tmp_path: Path) -> None:
    """With the place, the reason and the advice; other errors are nobody's refusal."""
    path = tmp_path / "none" / "a.txt"
    said = re.escape(f"{path}: cannot be opened (No such file or directory). Check the path and")
    with pytest.raises(RefusedError, match=said):
        read_named(path, RefusedError)
    with pytest.raises(RefusedError, match=r"cannot be written \(.*\)\.$"):  # noqa: SIM117
        with refusing(RefusedError, path):
            path.write_bytes(b"")
    with pytest.raises(ValueError, match="another"), refusing(RefusedError, path):
        raise ValueError("another")


def test_the_same_members_are_the_same_archive(tmp_path: Path) -> None:
    """Byte for byte, whenever it is written; members have their permissions."""
    for name in ("a.zip", "b.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            add_member(archive, "x.sh", b"echo", 0o755)
            add_member(archive, "y.txt", b"y" * 100)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        first, second = archive.infolist()
    assert stat.S_IMODE(first.external_attr >> 16) == 0o755
    assert stat.S_IMODE(second.external_attr >> 16) == 0o644
    assert second.compress_size < second.file_size
