"""What the encoding of a terminal lacks costs a character, never a table."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from classroom.classes import command, environment
from classroom.filing import filed
from msgspec.structs import replace

from gradkit.classroom.store.results import Store
from gradkit.grading.settings import Settings
from gradkit.records.classroom import Listed
from gradkit.records.course import Sender

NAME = "Zoe\u0301 \U0001f600"


def printed(*words: object, encoding: str = "cp1252") -> str:
    """What a command prints where the terminal's encoding is an old one."""
    done = subprocess.run(
        command(*words),
        env={**environment(), "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode(encoding)


@pytest.mark.parametrize("name", ["summary", "review"])
def test_a_students_name(name: str, tmp_path: Path) -> None:
    """In the table of a class."""
    with Store(tmp_path, write=True) as store:
        run = store.begin("grade", Settings())
        one = filed(NAME, standing="refused", told="Nothing of it.", result=b"", evidence=b"")
        store.add(run, [replace(one, score=None, max_score=None)])
        sender = Sender(NAME, "plain", {}, False, NAME)
        store.add_listed(run, [Listed(NAME, one.digest, 0, "", sender)])
    assert "Zoe? ?" in printed(name, tmp_path)


def test_a_dry_run(tmp_path: Path) -> None:
    """In what is odd in a class."""
    (tmp_path / f"{NAME}.pdf").write_bytes(b"%PDF")
    assert "Zoe? ?.pdf" in printed("grade", tmp_path, "--out", tmp_path / "out", "--dry-run")


def test_signs_of_gradkits_own() -> None:
    """As in the usage of a command."""
    assert "gradkit check [OPTIONS] PATH?\n" in printed("check", "--help", encoding="latin-1")
