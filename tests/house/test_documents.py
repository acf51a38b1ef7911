"""What the documents say is so: commands, options, keys, folders, and a run shown in the README."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gradkit import cli
from gradkit.cli.check import command

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCHEMA = (ROOT / "gradkit" / "render" / "RESULT.md").read_text(encoding="utf-8")
MAP = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DOCUMENTS = [
    *ROOT.glob("*.md"),
    ROOT / "gradkit" / "render" / "RESULT.md",
    *ROOT.glob("benchmarks/*.md"),
    *ROOT.glob("student_template/*.md"),
    *ROOT.glob("reference/*.md"),
]


def gradkit(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the checkout."""
    return subprocess.run(
        [sys.executable, "-m", "gradkit", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def keys_of(value: object, open_keys: tuple[str, ...]) -> Iterator[str]:
    """All keys of nested data, without those that are a student's or a package's names."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key not in open_keys:
                yield from keys_of(inner, open_keys)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner, open_keys)


def test_every_command_and_option_of_check_is_in_the_readme() -> None:
    """A command is shown as one would type it, an option as it is spelt."""
    context = click.Context(cli.main)
    for name in cli.main.list_commands(context):
        assert f"`gradkit {name}" in README, name
    options = [name for option in command.params for name in option.opts if name[:2] == "--"]
    assert "--task" in options
    assert [name for name in options if f"`{name}" not in README] == []
    for name in ("grade", "remark", "summary"):
        made = cli.main.get_command(context, name)
        assert made is not None
        options = [each for option in made.params for each in option.opts if each[:2] == "--"]
        assert options
        assert [each for each in options if f"`{each}" not in README] == [], name


def test_every_key_of_the_json_is_described() -> None:
    """Keys of a result with a finding, a note and a place."""
    done = gradkit("check", "tests/sample_class/hana_several_mistakes.ipynb", "--format", "json")
    keys = set(keys_of(json.loads(done.stdout), ("applies", "should", "digests", "versions")))
    assert {"schema", "tasks", "checks", "entries", "findings", "place", "deduction"} <= keys
    assert sorted(key for key in keys if f"`{key}`" not in SCHEMA) == []


def test_the_map_names_every_room() -> None:
    """Each module and folder at the top of the package is in CONTRIBUTING.md."""
    rooms = [path for path in (ROOT / "gradkit").iterdir() if path.name[0] not in "_."]
    names = [f"{path.name}/" if path.is_dir() else path.name for path in rooms]
    assert "truth/" in names
    unnamed = [name for name in names if f"`{name}`" not in MAP and f"`gradkit/{name}" not in MAP]
    assert set(unnamed) <= {"py.typed"}


def test_the_run_in_the_readme_is_real() -> None:
    """The block under the prompt is what that command prints, seed and all."""
    (block,) = re.findall(r"```console\n\$ gradkit (.*?)\n(.*?)```", README, re.DOTALL)
    done = gradkit(*shlex.split(block[0]))
    assert block[1].strip() == done.stdout.strip(), f"paste anew what gradkit {block[0]} prints"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """Every link to a file leads to one that is there."""
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (path.parent / target).exists(), target
