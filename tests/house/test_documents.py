"""What the documents say is so: commands, options, keys, folders, and a run shown in the README."""

import importlib.util
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

from gradkit import __version__, cli
from gradkit.sandbox.workshop import ADDS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCHEMA = (ROOT / "docs" / "reference" / "result.md").read_text(encoding="utf-8")
MAP = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DOCS = sorted((ROOT / "docs").rglob("*.md"))
EXERCISES = ROOT / "tests" / "exercises"
QUIET = ("accepted.md", "tests.md", "library.md", "index.md", "gradients.md")
"""Documents that quote no command of gradkit's."""
DOCUMENTS = [
    *DOCS,
    ROOT / "tests" / "exercises" / "README.md",
    *ROOT.glob("*.md"),
    *ROOT.glob("benchmarks/*.md"),
    *ROOT.glob("student_template/*.md"),
    *ROOT.glob("reference/*.md"),
]


def gradkit(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "gradkit", *arguments],
        cwd=cwd,
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


def test_the_page_of_commands_is_that_of_the_commands() -> None:
    """Every command has a line with the summary of its help."""
    spec = importlib.util.spec_from_file_location("commands", ROOT / ".ci" / "commands.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    assert page == module.page(), "run .ci/commands.py"
    for name in cli.COMMANDS:
        assert f"\n- `gradkit {name}`: " in page


def test_the_readme_is_short_and_leads_to_every_document() -> None:
    """At most 7,200 bytes, a report among them; it links to every document."""
    assert len(README.encode()) <= 7200
    linked = {(ROOT / target).resolve() for target in re.findall(r"\]\((docs/[^)#]+)", README)}
    told = {path for path in DOCS if path.name not in ("index.md", "own-exercise.md", "history.md")}
    assert told - linked == set()


@pytest.mark.slow
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
    names = {f"{path.name}/" if path.is_dir() else path.name for path in rooms} - {"py.typed"}
    assert "judge/" in names
    table = MAP[MAP.index("## Packages") : MAP.index("Other folders:")]
    named = set(re.findall(r"`([a-z_]+(?:/|\.py))`", table))
    assert names - {"docs/", "assignments/"} <= named
    beside = {path.name for path in ROOT.iterdir()}
    assert {name for name in named - names if name.rstrip("/") not in beside} == set()


def test_the_run_in_the_readme_is_real(tmp_path: Path) -> None:
    """The block below the prompt is what the command prints for a student.

    A student has no model solutions; this checkout has, so they are left out.
    """
    (block,) = re.findall(r"```console\n\$ gradkit (.*?)\n(.*?)```", README, re.DOTALL)
    sample = ROOT / "tests" / "sample_class" / "chen_regression_swapped_index.py"
    shutil.copy(sample, tmp_path / "hw.py")
    done = gradkit(*shlex.split(block[0]), "--no-reference", cwd=tmp_path)
    assert done.stdout.strip() == block[1].strip(), "paste what it prints into README.md"


SAMPLES: list[tuple[str, str, list[str]]] = [
    ("x.reshape(len(x), -1).T @ dout", " / len(x)", ["--no-reference"]),
    ("dout * (cache > 0)", "", ["--hints", "4"]),
]
"""Pieces of a model solution, what is put behind them, and options, for each sample.

Without anything to put behind it, the comparison in the piece is turned round.
"""


@pytest.mark.sample(6)
@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_the_samples_of_the_students_page_are_real(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block is what is printed of the one check that a changed model solution fails."""
    text = (ROOT / "docs" / "students.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```text\n(    ✗ .*?)```", text, re.DOTALL)
    assert len(blocks) == len(SAMPLES)
    right = (ROOT / "reference" / "layers" / "layers.py").read_text(encoding="utf-8")
    piece, behind, options = SAMPLES[number]
    assert right.count(piece) == 1
    wrong = right.replace(piece, piece + behind if behind else piece.replace(">", "<"))
    monkeypatch.chdir(tmp_path)
    path = Path("layers.py")
    printed = []
    for text in (right, wrong):
        path.write_text(text, encoding="utf-8")
        words = ["check", str(path), "--seed", "1", *options]
        printed.append(CliRunner().invoke(cli.main, words).stdout)
    assert blocks[number] not in printed[0]
    assert blocks[number] in printed[1], "paste anew what is printed"


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
    assert commands or path.name in QUIET
    assert [(words, why) for words in commands if (why := refused(words))] == []


TOLD = [
    *DOCUMENTS,
    *(path for path in (ROOT / "gradkit").rglob("*") if path.suffix in (".py", ".md", ".toml")),
    *(ROOT / "gradkit" / "authoring" / "export" / "templates").iterdir(),
    *(ROOT / "gradkit" / "authoring" / "new" / "templates").iterdir(),
    *(path for path in (ROOT / "student_template").rglob("*") if path.suffix in (".yml", ".ipynb")),
    *(path for path in (ROOT / ".ci").iterdir() if path.is_file()),
    ROOT / ".pre-commit-config.yaml",
    ROOT / "pyproject.toml",
]
"""All that tells anybody what to type, or types it."""


def bare(text: str) -> list[str]:
    """Commands that put the folder one is in before Python's own modules."""
    started = re.finditer(
        r"python[\w.\"'}]*(?P<options>(?: +-\w+(?: +\w+)?)*?) +-m +(?:pytest|gradkit)\b", text
    )
    return [each[0] for each in started if not re.search(r"-\w*[IP]", each["options"])]


def test_no_document_puts_students_files_on_the_path() -> None:
    """``python -m`` looks in the folder first, where a student's `socket.py` may lie."""
    assert len(TOLD) > 400
    told = {path: bare(path.read_text(encoding="utf-8")) for path in TOLD}
    assert {path: found for path, found in told.items() if found} == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("run `python -m pytest -q`", ["python -m pytest"]),
        ('"$python" -m pytest', ['python" -m pytest']),
        (".venv/bin/python3.12 -X utf8 -m gradkit", ["python3.12 -X utf8 -m gradkit"]),
        ("python3 -s -m gradkit", ["python3 -s -m gradkit"]),
        ("python -P -m pytest, python -I -m gradkit, pytest, python3 -m venv, python -m pip", []),
    ],
)
def test_such_commands_are_seen(text: str, found: list[str]) -> None:
    """The twin."""
    assert bare(text) == found


def test_documents_name_the_wheel_that_there_is() -> None:
    """Of this version; and none installs gradkit from an index, where it is not."""
    for path in [*DOCS, ROOT / "README.md", ROOT / "student_template" / "README.md"]:
        text = path.read_text(encoding="utf-8")
        named = set(re.findall(r"gradkit-[\w.]+-py3-none-any\.whl", text))
        assert named <= {f"gradkit-{__version__}-py3-none-any.whl"}, path
        assert re.findall(r"pip install [^`\n]*(?<![\w./@+-])gradkit(?![\w./-])", text) == [], path


def test_commands_that_are_not_are_seen() -> None:
    """The twin: a wrong command, option, or choice."""
    assert refused(["chek", "a.py"]) == "no command chek"
    assert "--sed" in refused(["check", "a.py", "--sed", "1"])
    assert "pdf is not one of" in refused(["check", "a.py", "--format", "pdf"])
    assert quoted("`gradkit a --b` and\n\n```sh\ngradkit c\nls\n```") == [["c"], ["a", "--b"]]


RUNNABLE = (
    "students.md",
    "instructors.md",
    "own-exercise.md",
    "privacy.md",
    "security.md",
    "ci.md",
)


TESTED_BLOCKS = {"instructors.md": 2}
"""Number of blocks at the start of a document whose commands `test_instructors_page.py` runs."""


@pytest.mark.slow
@pytest.mark.rotate(3)
@pytest.mark.parametrize("name", RUNNABLE)
def test_commands_in_blocks_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands run in the order of the document, in a folder with the files that it names."""
    classes = tmp_path / "submissions"
    classes.mkdir()
    for source in ("chen_regression_swapped_index.py", "bilal_regression_right.py"):
        shutil.copy(ROOT / "tests" / "sample_class" / source, classes)
    shutil.copy(classes / "chen_regression_swapped_index.py", classes / "chen.py")
    moodle_download(tmp_path)
    (tmp_path / "answers.py").write_text("", encoding="utf-8")
    for folder in ("tanh_regression", "softmax_classifier", "three_forms"):
        shutil.copytree(EXERCISES / folder, tmp_path / folder)
    shutil.copytree(EXERCISES / "three_forms" / "reference", tmp_path / "three_forms/submissions")
    shutil.copytree(ROOT / "reference", tmp_path / "gradkit" / "reference")
    shutil.copytree(ROOT / "reference" / "layers", tmp_path / "handout")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    blocks = fenced(text, "sh")[TESTED_BLOCKS.get(name, 0) :]
    lines = [line for block in blocks for line in block.splitlines()]
    ran = [shlex.split(line)[1:] for line in lines if line.startswith("gradkit ")]
    assert ran
    for words in ran:
        done = CliRunner().invoke(cli.main, words)
        assert done.exit_code in (0, 1, 3), (words, done.output)


def test_the_walk_through_quotes_the_exercises() -> None:
    """Every piece of TOML and Python in it stands in their files."""
    text = (ROOT / "docs" / "own-exercise.md").read_text(encoding="utf-8")
    files = [*EXERCISES.glob("*/assignment.toml"), *EXERCISES.glob("*/reference/*.py")]
    held = "\n".join(path.read_text(encoding="utf-8") for path in files)
    pieces = [*fenced(text, "toml"), *fenced(text, "python")]
    assert len(pieces) > 5
    assert [piece for piece in pieces if piece not in held] == []


def test_the_promises_are_those_of_the_tiers() -> None:
    """What `gradkit doctor` says a tier adds is what the page promises."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    for tier, promise in ADDS.items():
        assert f"| {tier} | {promise} |" in text


@pytest.mark.slow
def test_the_test_of_the_pytest_page_passes(tmp_path: Path) -> None:
    """On a right submission; its twin, a wrong one, fails."""
    page = (ROOT / "docs" / "tests.md").read_text(encoding="utf-8")
    block, _ = fenced(page, "python")
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


@pytest.mark.parametrize(("slope", "outcome"), [("alpha * dout", 0), ("dout", 1)])
def test_the_test_of_a_function_passes(tmp_path: Path, slope: str, outcome: int) -> None:
    """On a right layer; its twin, a wrong one, fails."""
    _, block = fenced((ROOT / "docs" / "tests.md").read_text(encoding="utf-8"), "python")
    layer = f"""
import numpy as np


def leaky_relu_forward(x, alpha=0.1):
    return np.where(x > 0, x, alpha * x), (x, alpha)


def leaky_relu_backward(dout, cache):
    x, alpha = cache
    return np.where(x > 0, dout, {slope})
"""
    (tmp_path / "layers.py").write_text(layer, encoding="utf-8")
    (tmp_path / "test_layers.py").write_text(block, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", "-q", "test_layers.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == outcome, done.stdout
