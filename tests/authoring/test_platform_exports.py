"""The exports themselves: what is in them, who may read it, and that their scripts grade."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from model_solutions import REFERENCE, ROOT

from gradkit import __version__
from gradkit.authoring import export as exports
from gradkit.authoring.export import (
    TORCH,
    ExportError,
    Install,
    choose,
    handed_out,
    words,
    workflow,
)
from gradkit.cli import main
from gradkit.task.assignment import DEFAULT, read_assignment
from gradkit.task.examples import read_examples
from gradkit.task.tables import EXAMPLES

pytestmark = pytest.mark.sample(12)

WHEEL = f"gradkit-{__version__}-py3-none-any.whl"
CLASS = ROOT / "tests" / "sample_class"
WRONG = CLASS / "chen_regression_swapped_index.py"
OTHER = CLASS / "noor_another_exercise.py"
SOLUTIONS = {path.read_bytes() for path in REFERENCE.glob("*.py")}
HELD = {"GRADKIT_REQUIRE_TIER": "0"}
"""Whether an account of its own can be had depends on where Python lies on this machine."""

posix = pytest.mark.skipif(os.name != "posix", reason="the scripts are for Linux containers")


def gradkit(*arguments: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def shim(folder: Path) -> Path:
    """A `gradkit` that is this one, as an installation would have put it there."""
    folder.mkdir(parents=True)
    path = folder / "gradkit"
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m gradkit "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def numpy_only(tmp_path: Path) -> Path:
    """The assignment that comes with gradkit, without its torch tasks."""
    folder = tmp_path / "numpy_only"
    shutil.copytree(DEFAULT.parent, folder)
    path = folder / DEFAULT.name
    head, *tasks = path.read_text(encoding="utf-8").split("[[tasks]]\n")
    kept = [task for task in tasks if 'framework = "numpy"' in task]
    path.write_text("[[tasks]]\n".join([head, *kept]), encoding="utf-8")
    return path


# --- Gradescope --------------------------------------------------------------------------


@pytest.fixture
def autograder(tmp_path: Path) -> Path:
    """A folder laid out as Gradescope's ``/autograder``, with the export unpacked in it."""
    root = tmp_path / "autograder"
    for name in ("source", "submission", "results"):
        (root / name).mkdir(parents=True)
    done = gradkit("export", "gradescope", "--out", tmp_path / "gradescope.zip")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith(
        f"Written to {tmp_path / 'gradescope.zip'}.\nOnly submitted tasks count"
    )
    subprocess.run(["unzip", "-q", tmp_path / "gradescope.zip"], cwd=root / "source", check=True)
    shutil.copy(root / "source" / "run_autograder", root / "run_autograder")
    (root / "submission_metadata.json").write_text('{"created_at": "2026-01-01T00:00:00Z"}')
    return root


def run_autograder(root: Path, held: Mapping[str, str] = HELD) -> subprocess.CompletedProcess[str]:
    """What Gradescope does for each submission."""
    return subprocess.run(
        [root / "run_autograder"],
        cwd=root,
        env={"PATH": os.environ["PATH"], "GRADKIT_AUTOGRADER": str(root), **held},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_zip_has_what_gradescope_runs(tmp_path: Path) -> None:
    """Both scripts at its root, executable; the wheel; keys for root alone."""
    gradkit("export", "gradescope", "--out", tmp_path / "g.zip")
    with zipfile.ZipFile(tmp_path / "g.zip") as archive:
        modes = {i.filename: stat.S_IMODE(i.external_attr >> 16) for i in archive.infolist()}
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755
    assert modes["reference/regression_numpy.py"] == modes["assignment/assignment.toml"] == 0o600
    assert f"gradkit-{__version__}-py3-none-any.whl" in modes
    assert all(mode & 0o077 == 0 for name, mode in modes.items() if "/" in name)


@posix
@pytest.mark.skipif(not shutil.which("unzip"), reason="Gradescope's image has unzip")
def test_run_autograder_marks_a_submission(autograder: Path) -> None:
    """With the keys, at the assignment's level of hints, in Gradescope's form."""
    shim(autograder / "gradkit" / "bin")
    shutil.copy(WRONG, autograder / "submission")
    done = run_autograder(autograder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    data = json.loads((autograder / "results" / "results.json").read_text())
    assert data["score"] == sum(test.get("score", 0) for test in data["tests"]) == 15.5
    assert "provisional" not in data["output"]
    assert "should move" not in json.dumps(data)
    for path in (autograder / "source", autograder / "submission_metadata.json"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    secrets = [path for path in (autograder / "source").rglob("*") if path.is_file()]
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in secrets)


@posix
@pytest.mark.skipif(not shutil.which("unzip"), reason="Gradescope's image has unzip")
def test_run_autograder_tells_why_it_cannot(autograder: Path) -> None:
    """A submission that is none gets no points and a reason; ours to mend gets no results."""
    shim(autograder / "gradkit" / "bin")
    shutil.copy(OTHER, autograder / "submission")
    done = run_autograder(autograder)
    assert done.returncode == 0
    data = json.loads((autograder / "results" / "results.json").read_text())
    assert (data["score"], data["tests"]) == (0, [])
    assert "This looks like another exercise" in data["output"]
    (autograder / "source" / "assignment" / "assignment.toml").unlink()
    done = run_autograder(autograder)
    assert done.returncode == 1
    assert done.stderr.endswith("gradkit ended with 2 and wrote no results\n")
    assert not (autograder / "results" / "results.json").exists()


@posix
@pytest.mark.skipif(not shutil.which("unzip"), reason="Gradescope's image has unzip")
def test_nobody_is_run_beside_keys_that_could_be_read(autograder: Path) -> None:
    """Student code has an account of its own, or none is run and the instructor is told."""
    shim(autograder / "gradkit" / "bin")
    shutil.copy(WRONG, autograder / "submission")
    done = run_autograder(autograder, held={})
    results = autograder / "results" / "results.json"
    told = done.stdout + done.stderr + (results.read_text() if results.exists() else "")
    marked = '"score": 15.5' in told
    assert marked != ("tier 3 is required" in told)


NOT_NAMED = (
    "Only submitted tasks count, so a missing file costs nothing. To let tasks count even if they "
    "are missing, name them with --task.\n"
)
"""Note on an export whose command names no task."""

TWO = ("--task", "regression-numpy", "--task", "classification-numpy")
RIGHT = (CLASS / "bilal_regression_right.py", CLASS / "emil_classification_wrong_derivative.py")
"""Submissions for the two tasks."""


@posix
@pytest.mark.skipif(not shutil.which("unzip"), reason="Gradescope's image has unzip")
@pytest.mark.parametrize("tasks", [TWO, ()], ids=["named", "not named"])
def test_a_deleted_file_lowers_the_mark_at_gradescope(
    tasks: tuple[str, ...], tmp_path: Path
) -> None:
    """If the export names the tasks; without, only what is there counts, and the share rises."""
    root = tmp_path / "autograder"
    for name in ("source", "submission", "results"):
        (root / name).mkdir(parents=True)
    done = gradkit("export", "gradescope", "--out", tmp_path / "g.zip", *tasks)
    assert done.exit_code == 0
    assert ("a missing file costs nothing" in done.stderr) == (not tasks)
    subprocess.run(["unzip", "-q", tmp_path / "g.zip"], cwd=root / "source", check=True)
    shutil.copy(root / "source" / "run_autograder", root / "run_autograder")
    shim(root / "gradkit" / "bin")
    for path in RIGHT:
        shutil.copy(path, root / "submission")
    shares = []
    for _ in range(2):
        assert run_autograder(root).returncode == 0
        data = json.loads((root / "results" / "results.json").read_text())
        most = sum(test.get("max_score", 0) for test in data["tests"])
        shares.append((data["score"] / most, most))
        (root / "submission" / RIGHT[1].name).unlink(missing_ok=True)
    (both, full), (alone, rest) = shares
    assert (both < 1, full) == (True, 40)
    assert (rest, alone) == ((40, 0.5) if tasks else (20, 1.0))


# --- GitHub Classroom --------------------------------------------------------------------


def test_a_repository_gets_no_key(tmp_path: Path) -> None:
    """The workflow alone for gradkit's own assignment; no model solution in any case."""
    assert gradkit("export", "github-classroom", "--out", tmp_path).exit_code == 0
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.relative_to(tmp_path).as_posix() for path in files} == {
        ".github/workflows/classroom.yml",
        f".gradkit/{WHEEL}",
    }
    text = (tmp_path / ".github/workflows/classroom.yml").read_text()
    assert f"pip install .gradkit/{WHEEL}\n" in text
    assert "gradkit check . --no-reference --format github" in text


def test_a_deleted_file_lowers_the_mark_in_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workflow's command is run with both files, and with one of them."""
    assert gradkit("export", "github-classroom", "--out", tmp_path, *TWO).exit_code == 0
    text = (tmp_path / ".github/workflows/classroom.yml").read_text(encoding="utf-8")
    (line,) = re.findall(r"run: (gradkit check .*)", text)
    assert f"--no-reference {' '.join(TWO)} --format" in line
    for path in RIGHT:
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    scores = []
    for number in range(2):
        output = tmp_path / f"output{number}.txt"
        monkeypatch.setenv("GITHUB_OUTPUT", str(output))
        gradkit(*shlex.split(line)[1:])
        data = json.loads(base64.b64decode(output.read_text(encoding="utf-8").split("=", 1)[1]))
        scores.append((sum(test["score"] for test in data["tests"]), data["max_score"]))
        (tmp_path / RIGHT[1].name).unlink(missing_ok=True)
    assert scores[0][1] == scores[1][1] == 40
    assert scores[0][0] > scores[1][0] == 20


def test_only_tasks_of_the_assignment_can_be_named(tmp_path: Path) -> None:
    """With the nearest; and a wheel has none."""
    done = gradkit("export", "gradescope", "--out", tmp_path / "g.zip", "--task", "regresion-numpy")
    assert done.exit_code == 2
    assert (
        "--task regresion-numpy: there is no such task. The assignment has regression-numpy, r"
        in (done.stderr)
    )
    assert "Did you mean regression-numpy?" in done.stderr
    done = gradkit("export", "wheel", "--out", tmp_path / "w", "--task", "regression-numpy")
    assert (done.exit_code, "A wheel has no tasks. Leave out --task." in done.stderr) == (
        2,
        True,
    )
    assert not (tmp_path / "g.zip").exists()
    assert not (tmp_path / "w").exists()


def test_an_assignment_of_ones_own_goes_with_it(tmp_path: Path, numpy_only: Path) -> None:
    """The file and its data, where the workflow names it; without torch none is installed."""
    done = gradkit(
        *("export", "github-classroom", "--out", tmp_path / "repo", "--assignment", numpy_only),
        *("--reference", REFERENCE),
    )
    assert done.exit_code == 0
    files = [path for path in (tmp_path / "repo").rglob("*") if path.is_file()]
    assert not {path.read_bytes() for path in files} & SOLUTIONS
    assert (tmp_path / "repo/.gradkit/regression.csv").is_file()
    text = (tmp_path / "repo/.github/workflows/classroom.yml").read_text()
    assert "--no-reference --assignment .gradkit/assignment.toml --format github" in text
    assert "torch" not in text


FORMS = ROOT / "tests" / "exercises" / "three_forms"


@pytest.fixture
def forms(tmp_path: Path) -> Path:
    """An exercise of functions whose file quotes its model solution, and has a word as an input."""
    folder = tmp_path / "forms"
    shutil.copytree(FORMS, folder, ignore=shutil.ignore_patterns("reference"))
    path = folder / "assignment.toml"
    quoted = 'title = "Scale and shift"\nequivalent = [{ line = "x, gamma = cache", why = "!" }]'
    text = path.read_text(encoding="utf-8").replace('title = "Scale and shift"', quoted)
    path.write_text(
        text.replace('x = "normal(N, D)", gamma', """x = "normal(N, D)", way = "'up'", gamma""")
    )
    return path


def test_numbers_of_the_model_solution_stand_for_it(tmp_path: Path, forms: Path) -> None:
    """Who has done all well is told so without it, who has not as well; no line of it is packed."""
    done = gradkit(
        *("export", "github-classroom", "--out", tmp_path / "repo", "--assignment", forms),
        *("--reference", FORMS / "reference"),
    )
    assert (done.exit_code, done.stderr) == (0, f"Written to {tmp_path / 'repo'}.\n{NOT_NAMED}")
    packed = tmp_path / "repo/.gradkit/assignment.toml"
    assert "x, gamma = cache" in forms.read_text(encoding="utf-8")
    assert "x, gamma = cache" not in packed.read_text(encoding="utf-8")
    right = (FORMS / "reference/three_forms.py").read_text(encoding="utf-8")
    wrong = right.replace("gamma * x + beta", "gamma * x - beta")
    for text, code in ((right, 0), (wrong, 1)):
        (tmp_path / "three_forms.py").write_text(text, encoding="utf-8")
        options = ("--no-reference", "--assignment", packed)
        assert gradkit("check", tmp_path / "three_forms.py", *options).exit_code == code


def test_inputs_that_are_tuples_are_recorded(tmp_path: Path, forms: Path) -> None:
    """As every other input that lines can be given."""
    text = forms.read_text(encoding="utf-8")
    forms.write_text(text.replace("way = \"'up'\"", "way = \"('up', 'down')\""))
    done = gradkit(
        *("export", "github-classroom", "--out", tmp_path / "repo", "--assignment", forms),
        *("--reference", FORMS / "reference"),
    )
    assert (done.exit_code, done.stderr) == (0, f"Written to {tmp_path / 'repo'}.\n{NOT_NAMED}")
    (scale, *_) = read_assignment(tmp_path / "repo/.gradkit/assignment.toml").functions
    assert read_examples(scale)[0].draw.values["way"] == ("up", "down")


def test_checks_without_expected_outputs_are_named(tmp_path: Path, forms: Path) -> None:
    """Without model solutions and examples, outputs that are no gradients cannot be checked."""
    command = ("export", "github-classroom", "--assignment", forms, "--out")
    said = gradkit(*command, tmp_path / "bare").stderr
    assert "cannot be checked: scale/forward, regression/propagate, linear/forward" in said
    assert "backward" not in said
    assert "Add --reference DIR to pack examples" in said
    # A file of examples beside the assignment file is packed as it is.
    made, _ = handed_out(forms, FORMS / "reference")
    (forms.parent / EXAMPLES).write_bytes(made[EXAMPLES])
    said = gradkit(*command, tmp_path / "kept", "--task", "linear").stderr
    assert said == f"Written to {tmp_path / 'kept'}.\n"
    assert (tmp_path / "kept/.gradkit" / EXAMPLES).read_bytes() == made[EXAMPLES]


def test_examples_have_the_outputs_of_every_convention(tmp_path: Path, forms: Path) -> None:
    """Right code by another convention passes without a model solution."""
    text = forms.read_text(encoding="utf-8")
    many = 'compare = ["cost", "grads[\'dW\']", "grads[\'db\']"]\nconventions = [{ cost = "m" }]'
    forms.write_text(text.replace('compare = ["cost", "grads[\'dW\']", "grads[\'db\']"]', many))
    command = ("export", "github-classroom", "--assignment", forms, "--out", tmp_path / "many")
    done = gradkit(*command, "--reference", FORMS / "reference")
    assert done.stderr == f"Written to {tmp_path / 'many'}.\n{NOT_NAMED}"
    right = (FORMS / "reference/three_forms.py").read_text(encoding="utf-8")
    other = right.replace("cost = np.sum(error**2) / m", "cost = np.sum(error**2)")
    assert other != right
    (tmp_path / "three_forms.py").write_text(other, encoding="utf-8")
    options = ("--no-reference", "--assignment", tmp_path / "many/.gradkit/assignment.toml")
    assert gradkit("check", tmp_path / "three_forms.py", *options).exit_code == 0


@pytest.mark.parametrize("torch", [False, True])
def test_the_workflow_is_pinned_and_minimal(torch: bool) -> None:
    """Each action by its commit, the version of gradkit, read access and nothing more."""
    text = workflow(choose(f"gradkit=={__version__}"), torch=TORCH if torch else "").decode()
    actions = re.findall(r"uses: (\S+)", text)
    assert len(actions) == 3
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in actions)
    assert f"pip install gradkit=={__version__}\n" in text
    assert re.findall(r"permissions:\n((?:  .*\n)+)", text) == ["  contents: read\n"]
    assert "secrets." not in text
    assert not re.search(r"@[A-Z]+@", text)


@pytest.mark.parametrize(
    "command",
    [
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
        ["zizmor", "--offline", "--no-progress", "--persona", "pedantic"],
    ],
    ids=["schema", "zizmor"],
)
def test_others_find_nothing_wrong_with_the_workflow(tmp_path: Path, command: list[str]) -> None:
    """GitHub's schema for workflows, and a linter for their security; either sees a fault."""
    path = tmp_path / "classroom.yml"
    program = shutil.which(command[0], path=Path(sys.executable).parent)
    assert program, f"{command[0]} comes with the extra dev"

    def outcome(text: str) -> int:
        path.write_text(text)
        return subprocess.run(
            [program, *command[1:], path], capture_output=True, check=False
        ).returncode

    text = workflow(choose(None)).decode()
    assert outcome(text) == 0
    wrong = "contents: read", "contents: 7" if command[0] != "zizmor" else "contents: write"
    assert outcome(text.replace(*wrong)) != 0


# --- the wheel ---------------------------------------------------------------------------


def test_the_wheel_is_installable_and_is_this_gradkit(tmp_path: Path) -> None:
    """By pip, from the archive alone; all that is in the package is in it, and nothing else."""
    name, content = exports.running_wheel()
    (tmp_path / name).write_bytes(content)
    assert exports.running_wheel() == (name, content)
    options = ["--quiet", "--no-deps", "--no-compile", "--no-index", "--target"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, tmp_path / "site", tmp_path / name],
        check=True,
    )
    with zipfile.ZipFile(tmp_path / name) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    outside = {each for each in names if not each.startswith("gradkit/")}
    assert all(each.startswith(f"gradkit-{__version__}.dist-info/") for each in outside)
    assert not list((tmp_path / "site").rglob("*.pth"))
    package = ROOT / "gradkit"
    assert {each.removeprefix("gradkit/") for each in names if each.startswith("gradkit/")} == {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    said = subprocess.run(
        [sys.executable, "-c", "import gradkit; print(gradkit.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(said.stdout.strip()).is_relative_to(tmp_path / "site")
    assert (tmp_path / "site" / "bin" / "gradkit").exists() or os.name != "posix"


def test_gradkit_that_is_not_installed_makes_no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it requires is then not known."""

    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(exports, "distribution", absent)
    with pytest.raises(
        ExportError, match=r"gradkit is not installed here.* give a wheel with --inst"
    ):
        exports.running_wheel()


def test_a_wheel_that_is_named(tmp_path: Path) -> None:
    """It is packed as it is; one that cannot be read is refused."""
    path = tmp_path / "gradkit-9-py3-none-any.whl"
    path.write_bytes(b"wheel")
    out = tmp_path / "g.zip"
    assert gradkit("export", "gradescope", "--out", out, "--install", path).exit_code == 0
    with zipfile.ZipFile(out) as archive:
        assert archive.read(path.name) == b"wheel"
        assert path.name in archive.read("setup.sh").decode()
    done = gradkit("export", "gradescope", "--out", tmp_path / "h", "--install", "none.whl")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "gradkit: --install none.whl: cannot be read (No such file or directory). Give a wheel "
    )


ADDRESS = "gradkit @ git+https://example.org/us/gradkit@v1"


@pytest.mark.parametrize("spec", ["gradkit==1.0", "gradkit[torch]", ADDRESS, "https://x.org/a.whl"])
def test_what_is_installed_instead(tmp_path: Path, spec: str) -> None:
    """A requirement or an address is in every command as a shell takes it; no wheel is carried."""
    for platform in ("github-classroom", "gradescope"):
        done = gradkit("export", platform, "--out", tmp_path / platform, "--install", spec)
        assert done.exit_code == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "gradescope") as archive:
        archive.extractall(tmp_path / "unpacked")
    assert gradkit("new", tmp_path / "hw", "--install", spec).exit_code == 0
    assert not list(tmp_path.rglob("*.whl"))
    quoted = shlex.quote(spec)
    for name, line in {
        "github-classroom/.github/workflows/classroom.yml": f"          pip install {quoted}\n",
        "unpacked/setup.sh": f"install --no-cache-dir {quoted}\n",
        "hw/.github/workflows/gradkit.yml": f"          pip install {quoted}\n",
        "hw/.gitlab-ci.yml": f"      pip install {quoted}\n",
        "hw/README.md": f"\npip install {quoted}\n",
        "hw/starter.ipynb": f'"%pip install -q {quoted}\\n"',
    }.items():
        assert line in (tmp_path / name).read_text(encoding="utf-8"), name
    assert "beside this notebook" not in (tmp_path / "hw/starter.ipynb").read_text()


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("", "is not an argument of pip install"),
        ("-r x.txt", "is not an argument of pip install"),
        ("gradkit\nrm -r /", "is not an argument of pip install"),
        (".", "is a path on this computer, which others do not have"),
        ("somewhere/gradkit", "is a path on this computer, which others do not have"),
        ("gradkit @ file:///a/gradkit.whl", "is a path on this computer, which others do not have"),
    ],
)
def test_what_others_could_not_install_is_refused(tmp_path: Path, spec: str, why: str) -> None:
    """By each command that hands something out, before anything is written."""
    for command in (["export", "gradescope", "--out"], ["export", "wheel", "--out"], ["new"]):
        done = gradkit(*command, tmp_path / "out", "--install", spec)
        assert done.exit_code == 2
        assert done.stderr == (
            f"gradkit: --install {spec}: {why}. Give a wheel (FILE.whl), which is then "
            "included, a requirement such as gradkit==1.0, or a URL that all users can reach.\n"
        )
        assert not (tmp_path / "out").exists()


def test_the_wheel_alone(tmp_path: Path) -> None:
    """To be handed out by itself; what is no wheel cannot be."""
    assert gradkit("export", "wheel", "--out", tmp_path / "out").exit_code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == [WHEEL]
    assert (tmp_path / "out" / WHEEL).read_bytes() == exports.running_wheel()[1]
    done = gradkit("export", "wheel", "--out", tmp_path / "no", "--install", "gradkit==1.0")
    assert done.exit_code == 2
    assert "gradkit==1.0: is not a wheel." in done.stderr


def test_a_name_of_a_wheel_is_quoted() -> None:
    """A shell reads one word, wherever the wheel lies."""
    given = Install("a b;c.whl", b"")
    assert shlex.split(words(given)) == ["./a b;c.whl"]
    assert words(given, '"$source"') == "\"$source\"/'a b;c.whl'"


# --- the command -------------------------------------------------------------------------


@pytest.mark.parametrize("platform", ["gradescope", "github-classroom", "wheel"])
def test_a_second_export_overwrites_nothing(tmp_path: Path, platform: str) -> None:
    """Exit 2 and what is there."""
    out = tmp_path / "out"
    assert gradkit("export", platform, "--out", out).exit_code == 0
    done = gradkit("export", platform, "--out", out)
    assert (done.exit_code, done.stdout) == (2, "")
    assert re.match(r"gradkit: \S+ already has .*, and nothing is overwritten\.", done.stderr)


def test_keyless_exports_mark_provisionally(tmp_path: Path) -> None:
    """Only when asked for: the scripts then do without model solutions."""
    out = tmp_path / "g.zip"
    assert gradkit("export", "gradescope", "--out", out, "--no-reference").exit_code == 0
    with zipfile.ZipFile(out) as archive:
        assert "--no-reference" in archive.read("run_autograder").decode()
        assert not {archive.read(name) for name in archive.namelist()} & SOLUTIONS
