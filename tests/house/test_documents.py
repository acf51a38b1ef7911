"""What the documents say is so: commands, options, keys, folders, and a run shown in the README."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from house.handed_out import moodle_download

from gradkit import cli
from gradkit.cli.check import command
from gradkit.worker.tiers import ADDS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCHEMA = (ROOT / "gradkit" / "render" / "RESULT.md").read_text(encoding="utf-8")
MAP = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DOCS = sorted((ROOT / "gradkit" / "docs").glob("*.md"))
EXERCISES = ROOT / "tests" / "exercises"
DOCUMENTS = [
    *DOCS,
    ROOT / "tests" / "exercises" / "README.md",
    *ROOT.glob("*.md"),
    *ROOT.glob("gradkit/render/*.md"),
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


def fenced(text: str, language: str) -> list[str]:
    """The blocks of one language in a document."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def quoted(text: str) -> list[list[str]]:
    """Every command of gradkit that a document quotes, in a block or in a sentence."""
    lines = [line for block in fenced(text, "sh") for line in block.splitlines()]
    lines += re.findall(r"`(gradkit [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [shlex.split(line)[1:] for line in lines if line.startswith("gradkit ")]


def refused(words: list[str]) -> str:
    """What click has against a command line, with any path taken for one that is there."""
    name, *rest = words
    command = cli.main.get_command(click.Context(cli.main), name)
    if name == "COMMAND":
        command = cli.main
    if command is None:
        return f"no command {name}"
    context = click.Context(command)
    try:
        values, _, _ = command.make_parser(context).parse_args(rest)
        for option in command.params:
            value = values.get(option.name)
            chosen = isinstance(option.type, click.Choice) and isinstance(value, str)
            if chosen and not value.isupper():
                option.type.convert(value, option, context)
    except click.UsageError as error:
        return error.format_message()
    return ""


def test_every_command_and_option_of_check_is_in_the_readme() -> None:
    """A command is shown as one would type it, an option as it is spelt."""
    context = click.Context(cli.main)
    for name in cli.main.list_commands(context):
        assert f"`gradkit {name}" in README, name
    options = [name for option in command.params for name in option.opts if name[:2] == "--"]
    assert "--task" in options
    assert [name for name in options if f"`{name}" not in README] == []
    told = ("grade", "remark", "summary", "feedback")
    for name in (*told, "review", "override", "history", "diff", "purge", "show"):
        made = cli.main.get_command(context, name)
        assert made is not None
        options = [each for option in made.params for each in option.opts if each[:2] == "--"]
        assert options
        assert [each for each in options if f"`{each}" not in README] == [], name


@pytest.mark.usefixtures("warm")
def test_every_key_of_the_json_is_described() -> None:
    """Keys of a result with a finding, a note and a place."""
    path = str(ROOT / "tests" / "sample_class" / "hana_several_mistakes.ipynb")
    done = CliRunner().invoke(cli.main, ["check", path, "--format", "json"])
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


@pytest.mark.parametrize("path", [*DOCS, ROOT / "README.md"], ids=lambda path: path.name)
def test_quoted_commands_are_real(path: Path) -> None:
    """Command, options and choices of every line are those that there are."""
    commands = quoted(path.read_text(encoding="utf-8"))
    assert commands or path.name in ("gradients.md", "pytest.md")
    assert [(words, why) for words in commands if (why := refused(words))] == []


def test_commands_that_are_not_are_seen() -> None:
    """The twin: a wrong command, option, or choice."""
    assert refused(["chek", "a.py"]) == "no command chek"
    assert "--sed" in refused(["check", "a.py", "--sed", "1"])
    assert "'pdf' is not one of" in refused(["check", "a.py", "--format", "pdf"])
    assert quoted("`gradkit a --b` and\n\n```sh\ngradkit c\nls\n```") == [["c"], ["a", "--b"]]


RUNNABLE = (
    "students.md",
    "instructors.md",
    "own-exercise.md",
    "privacy.md",
    "security.md",
    "ci.md",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNNABLE)
def test_commands_in_blocks_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the document, in a folder that has what it speaks of."""
    classes = tmp_path / "submissions"
    classes.mkdir()
    for source in ("chen_regression_swapped_index.py", "bilal_regression_right.py"):
        shutil.copy(ROOT / "tests" / "sample_class" / source, classes)
    shutil.copy(classes / "chen_regression_swapped_index.py", classes / "chen.py")
    moodle_download(tmp_path)
    (tmp_path / "answers.py").write_text("", encoding="utf-8")
    for folder in ("tanh_regression", "softmax_classifier"):
        shutil.copytree(EXERCISES / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "gradkit" / "docs" / name).read_text(encoding="utf-8")
    lines = [line for block in fenced(text, "sh") for line in block.splitlines()]
    ran = [shlex.split(line)[1:] for line in lines if line.startswith("gradkit ")]
    assert ran
    for words in ran:
        done = CliRunner().invoke(cli.main, words)
        assert done.exit_code in (0, 1, 3), (words, done.output)


def test_the_walk_through_quotes_the_exercises() -> None:
    """Every piece of TOML and Python in it stands in their files."""
    text = (ROOT / "gradkit" / "docs" / "own-exercise.md").read_text(encoding="utf-8")
    files = [*EXERCISES.glob("*/assignment.toml"), *EXERCISES.glob("*/reference/*.py")]
    held = "\n".join(path.read_text(encoding="utf-8") for path in files)
    pieces = [*fenced(text, "toml"), *fenced(text, "python")]
    assert len(pieces) > 5
    assert [piece for piece in pieces if piece not in held] == []


def test_the_promises_are_those_of_the_tiers() -> None:
    """What `gradkit doctor` says a tier adds is what the page promises."""
    text = (ROOT / "gradkit" / "docs" / "security.md").read_text(encoding="utf-8")
    for tier, promise in ADDS.items():
        assert f"| {tier} | {promise} |" in text


def test_the_test_of_the_pytest_page_passes(tmp_path: Path) -> None:
    """On a right submission; its twin, a wrong one, fails."""
    page = (ROOT / "gradkit" / "docs" / "pytest.md").read_text(encoding="utf-8")
    (block,) = fenced(page, "python")
    (tmp_path / "test_step.py").write_text(block, encoding="utf-8")
    said = {}
    for name in ("bilal_regression_right.py", "chen_regression_swapped_index.py"):
        submission = ROOT / "tests" / "sample_class" / name
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-p", "no:hypothesispytest"),
                *("--gradkit", submission, "test_step.py", "-q"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        said[name.split("_")[0]] = bool(re.search(r"FAILED .*::test_the_first_step", done.stdout))
        assert "passed" in done.stdout
    assert said == {"bilal": False, "chen": True}
