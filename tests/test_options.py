"""What is typed: paths that are none, and text that no file could store."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gradkit.cli import main
from gradkit.cli.options import Text


@pytest.mark.parametrize(
    ("words", "which"),
    [
        (["grade", "", "--out", "out"], "a path"),
        (["grade", "class", "--out", ""], "--out"),
        (["check", ""], "a path"),
        (["remark", ""], "a path"),
        (["override", "", "ann", "update", "1", "--comment", "x"], "a path"),
        (["doctor", "--key", ""], "--key"),
    ],
)
def test_an_empty_path_is_not_this_folder(
    words: list[str], which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a script gives where its variable was never set."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"gradkit: {which} is empty. Say which; the folder that you are in is called `.`.\n"
    )
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("feedback", "why"),
        ("override", "by"),
        ("override", "comment"),
        ("purge", "by"),
        ("purge", "why"),
        ("remark", "why"),
    ],
)
def test_text_that_is_kept_is_unicode(name: str, option: str) -> None:
    """Bytes of another encoding have a mark in their place."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    (found,) = (each for each in command.params if each.name == option)
    assert isinstance(found.type, Text)
    assert found.type.convert("f\udcfcr Ren\udce9", found, None) == "f?r Ren?"
