"""What is typed: paths that are none, and text that no file could store."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gradkit.cli import COMMANDS, main
from gradkit.cli.options import Text


@pytest.mark.parametrize(
    ("words", "which"),
    [
        (["grade", "", "--out", "out"], "the path"),
        (["grade", "class", "--out", ""], "--out"),
        (["check", ""], "the path"),
        (["remark", ""], "the path"),
        (["override", "", "ann", "update", "1", "--comment", "x"], "the path"),
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
    assert done.stderr == (f"gradkit: {which} is empty. Give a path; `.` is the current folder.\n")
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


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_have_one_vocabulary(name: str) -> None:
    """`--out` is what is written, `--format` in what, and a class is the argument DIR."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    options = {
        word for each in command.params if isinstance(each, click.Option) for word in each.opts
    }
    assert not options & {
        "--output",
        "--csv",
        "--json",
        "--class",
        "--canvas",
        "--moodle",
        "--folder",
    }
    if name in ("remark", "summary", "review", "override", "feedback", "history", "diff", "purge"):
        first = next(each for each in command.params if isinstance(each, click.Argument))
        assert (first.make_metavar(click.Context(command)), first.required) == ("DIR", True)
