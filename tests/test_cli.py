"""The command: exit codes, what goes where, and a sentence for whatever cannot be graded."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from model_solutions import REFERENCE, ROOT, source

from gradkit import __version__
from gradkit.cli import main
from gradkit.cli.check import verdict_code
from gradkit.task.assignment import DEFAULT, exercises

pytestmark = [pytest.mark.sample(12), pytest.mark.usefixtures("warm")]

CLASS = ROOT / "tests" / "sample_class"
RIGHT = REFERENCE / "regression_numpy.py"
WRONG = CLASS / "chen_regression_swapped_index.py"
OTHER = CLASS / "noor_another_exercise.py"
ESCAPE = "\x1b["


def gradkit(*arguments: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def command(*arguments: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own, from a folder that is not the checkout."""
    return subprocess.run(
        [sys.executable, "-m", "gradkit", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        check=False,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="closed by a shell")
@pytest.mark.parametrize(
    ("closed", "words", "code"),
    [
        (">&-", ("check", RIGHT), 0),
        (">&-", ("check", WRONG, "--format", "json"), 1),
        (">&-", ("explain",), 0),
        ("2>&-", ("check", "nothing.py"), 2),
    ],
)
def test_output_that_is_closed_goes_nowhere(
    closed: str, words: tuple[object, ...], code: int
) -> None:
    """Whoever closes it is told by the exit code alone, and by no traceback."""
    run = [sys.executable, "-m", "gradkit", *map(str, words)]
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *run],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk")
@pytest.mark.parametrize("words", [("check", RIGHT), ("explain", "swapped-index"), ("list",)])
def test_a_full_disk_is_told_in_a_sentence(words: tuple[object, ...]) -> None:
    """No traceback, and no success."""
    run = [sys.executable, "-m", "gradkit", *map(str, words)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            run,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    told = "gradkit: the output could not be written (No space left on device). Free"
    assert done.returncode == 2
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1


def test_everything_right_exits_0() -> None:
    """The text is on standard output, nothing else anywhere."""
    done = gradkit("check", RIGHT, "--seed", 3)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("regression_numpy  20 / 20 ")
    assert done.stdout.rstrip().endswith("seed 3")


def test_something_wrong_exits_1() -> None:
    """With the name of the check, and where to look."""
    done = gradkit("check", WRONG, "--no-reference")
    assert (done.exit_code, done.stderr) == (1, "")
    assert "update         4.2 / 6  fail\n" in done.stdout
    assert "chen_regression_swapped_index.py:31:39\n" in done.stdout


def test_what_cannot_be_graded_exits_2() -> None:
    """One sentence on standard error, and nothing on standard output."""
    done = gradkit("check", OTHER)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("gradkit: noor_another_exercise: This looks like another ")
    assert done.stderr.count("\n") == 1


NET = ROOT / "tests" / "gallery" / "two-layer-net" / "course_style.py"


def test_right_functions_exit_0_without_the_model_solution() -> None:
    """A provisional result has the codes of a final one."""
    done = gradkit("check", NET, "--no-reference")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("course_style  18 / 18 ")
    assert "without a model solution · provisional" in done.stdout


def test_wrong_functions_exit_1_without_the_model_solution(tmp_path: Path) -> None:
    """With the factor that is missing."""
    text = NET.read_text(encoding="utf-8").replace("dscores /= N", "pass")
    (tmp_path / "net.py").write_text(text, encoding="utf-8")
    done = gradkit("check", tmp_path / "net.py", "--no-reference", "--format", "json")
    assert done.exit_code == 1
    checks = {check["check"]: check for check in json.loads(done.stdout)["tasks"][0]["checks"]}
    assert {name: check["state"] for name, check in checks.items() if name != "loss"} == (
        dict.fromkeys(("initialize", "scores", "predict"), "pass")
    )
    assert "`grads['b2']` is N times the expected value" in checks["loss"]["message"]


def test_functions_without_examples_exit_3(tmp_path: Path) -> None:
    """Nothing failed, and nobody knows what the outputs should be."""
    shutil.copy(exercises()["two-layer-net"], tmp_path)
    shutil.copy(exercises()["two-layer-net"].parent / "past_builtins.py", tmp_path)
    done = gradkit("check", NET, "--assignment", tmp_path / "assignment.toml")
    assert (done.exit_code, done.stderr) == (3, "")
    assert "Not checked: this needs the model solution, which is not on this" in done.stdout


def test_something_open_exits_3(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without torch its tasks are not checked: nothing failed, and not everything is known."""
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "torch" else found(name, *a)
    )
    done = gradkit("check", REFERENCE / "regression_torch.py", "--no-reference")
    assert (done.exit_code, done.stderr) == (3, "")
    assert "(0 of 20 points checkable)" in done.stdout
    assert "To have torch tasks checked: pip install 'gradkit[torch]'" in done.stdout


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["pass"], 0),
        (["pass", "fail"], 1),
        (["pass", "not-checked"], 3),
        (["inconclusive"], 3),
        (["not-checked", "blocked"], 1),
        (["timeout"], 1),
        (["missing"], 1),
        (["error", "pass"], 1),
    ],
)
def test_exit_code_of_states(states: list[str], code: int) -> None:
    """Whatever is neither passed nor open counts as failed."""
    from gradkit.records.result import CheckResult, TaskResult
    from gradkit.records.result import Result as Marks

    checks = tuple(CheckResult("c", state, 0, 1, "") for state in states)
    task = TaskResult("t", "T", 0, 1, 1, False, checks)
    marks = Marks("s", "a", "correct", 1, "derived", True, 0, 1, (task,), (), {}, {}, 0)
    assert verdict_code([marks]) == code


def test_json_of_one_path_is_an_object() -> None:
    """Alone on standard output, with what is needed to repeat it."""
    done = gradkit("check", RIGHT, "--format", "json", "--seed", 5)
    assert (done.exit_code, done.stderr) == (0, "")
    data = json.loads(done.stdout)
    assert (data["schema"], data["score"], data["seed"]) == ("gradkit/result/v1", 20, 5)
    assert (data["oracle"], data["provisional"], data["form"]) == ("reference", False, "correct")
    assert data["versions"]["gradkit"] == __version__
    assert "torch" not in data["versions"]
    assert set(data["digests"]) == {"submission", "assignment", "reference"}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in data["digests"].values())
    again = json.loads(gradkit("check", RIGHT, "--format", "json", "--seed", 5).stdout)
    assert again == data


def test_several_paths_are_a_list_whatever_becomes_of_them() -> None:
    """Those that cannot be graded are named on standard error, and the code is 2."""
    done = gradkit("check", RIGHT, OTHER, "--format", "json")
    assert done.exit_code == 2
    assert [r["submission"] for r in json.loads(done.stdout)] == ["regression_numpy"]
    assert "noor_another_exercise: This looks like another exercise" in done.stderr
    nobody = gradkit("check", OTHER, OTHER, "--format", "json")
    assert (nobody.exit_code, json.loads(nobody.stdout)) == (2, [])


def test_several_paths_get_a_line_each() -> None:
    """A table names score, states and mistakes, and says how to see a full report."""
    done = gradkit("check", RIGHT, WRONG, "--no-reference")
    assert done.exit_code == 1
    assert done.stdout == (
        "submission                     score  of\n"
        "regression_numpy                  20  20\n"
        "chen_regression_swapped_index   15.5  20  fail: swapped-index\n"
        "Full report of one submission: gradkit check FILE\n"
    )
    assert gradkit("check", RIGHT, RIGHT).exit_code == 0


def test_a_line_names_mistakes_only_if_the_hint_level_does() -> None:
    """Hint level 1 says where to look, and not what is wrong."""
    done = gradkit("check", RIGHT, WRONG, "--hints", 1)
    assert "15.5  20  fail\n" in done.stdout
    assert "20  fail: swapped-index\n" in gradkit("check", RIGHT, WRONG, "--hints", 2).stdout


def test_several_paths_in_a_file_are_full_reports(tmp_path: Path) -> None:
    """A file is read later, so it has everything, and the table at its end."""
    target = tmp_path / "marks.txt"
    done = gradkit("check", RIGHT, WRONG, "--out", target)
    assert (done.exit_code, done.stdout) == (1, "")
    text = target.read_text(encoding="utf-8")
    assert text.count("✓ forward") == 2
    assert "submission" in text.splitlines()[-4]


def test_several_paths_of_which_none_can_be_graded() -> None:
    """There is no table, only the reasons on standard error."""
    done = gradkit("check", OTHER, OTHER)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("This looks like another exercise") == 2


@pytest.mark.parametrize("form", ["text", "json"])
def test_output_goes_to_a_file(tmp_path: Path, form: str) -> None:
    """In UTF-8, and to nowhere else."""
    target = tmp_path / "marks"
    done = gradkit("check", RIGHT, "--format", form, "--out", target)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    text = target.read_text(encoding="utf-8")
    assert json.loads(text)["score"] == 20 if form == "json" else "✓ forward" in text


def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    """Exit 2 and the system's own word for it."""
    target = tmp_path / "none" / "marks.json"
    done = gradkit("check", RIGHT, "--format", "json", "--out", target)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"gradkit: {target}: cannot be written (No such file or directory).\n"


def test_wrong_task(tmp_path: Path) -> None:
    """The assignment's tasks are listed."""
    done = gradkit("check", RIGHT, "--task", "regresion-numpy")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "gradkit: --task regresion-numpy: there is no such task. The assignment has "
        "regression-numpy, regression-torch, classification-numpy, classification-torch. "
        "Did you mean regression-numpy?\n"
    )


def test_a_task_that_is_asked_for_is_graded_though_it_is_not_there() -> None:
    """What it lacks is listed, and the code is 1."""
    done = gradkit("check", RIGHT, "--task", "classification-numpy", "--format", "json")
    assert done.exit_code == 1
    (task,) = json.loads(done.stdout)["tasks"]
    assert task["task"] == "classification-numpy"


def test_missing_reference_folder(tmp_path: Path) -> None:
    """Named as it was given."""
    done = gradkit("check", RIGHT, "--reference", tmp_path / "none")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (f"gradkit: --reference {tmp_path / 'none'}: there is no such folder.\n")


def test_reference_without_the_solution(tmp_path: Path) -> None:
    """The file that is looked for is named."""
    done = gradkit("check", RIGHT, "--reference", tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"gradkit: {tmp_path / 'regression_numpy.py'}: not found. Name the folder of the model "
        "solutions with --reference.\n"
    )


@pytest.mark.parametrize("wrong", ["W @ A_prev", "np.nan * A_prev", "undefined @ A_prev"])
def test_spoilt_reference_grades_nobody(tmp_path: Path, wrong: str) -> None:
    """It is held against the task file first."""
    text = source("regression_numpy").replace("W.T @ A_prev", wrong)
    (tmp_path / "regression_numpy.py").write_text(text)
    done = gradkit("check", RIGHT, "--reference", tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("gradkit: regression-numpy: the model solution ")
    assert "efore grading" in done.stderr or "asks for" in done.stderr


def test_published_form_needs_the_solutions() -> None:
    """They alone say what was published."""
    done = gradkit("check", RIGHT, "--form", "published", "--no-reference")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "gradkit: --form published needs the model solutions: name their folder with --reference.\n"
    )


def test_published_form_grades_the_published_rule() -> None:
    """Full marks for it there, and not by default."""
    path = REFERENCE / "regression_numpy_published.py"
    assert gradkit("check", path, "--form", "published").exit_code == 0
    assert gradkit("check", path).exit_code == 1


@pytest.mark.parametrize("name", ["none.py", "none.ipynb", "folder"])
def test_path_that_is_not_there(tmp_path: Path, name: str) -> None:
    """A sentence with the path."""
    done = gradkit("check", tmp_path / name)
    assert (done.exit_code, done.stdout) == (2, "")
    assert str(tmp_path / name) in done.stderr
    assert done.stderr.startswith("gradkit: ")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_path_that_may_not_be_read(tmp_path: Path) -> None:
    """The same, with the system's word for it."""
    path = tmp_path / "locked.py"
    path.write_text("x = 1")
    path.chmod(0)
    done = gradkit("check", path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert str(path) in done.stderr


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b"{", b"PK\x03\x04"])
@pytest.mark.parametrize("suffix", [".py", ".ipynb", ".zip"])
def test_a_file_that_is_none_of_what_it_is_called(
    tmp_path: Path, suffix: str, content: bytes
) -> None:
    """Exit 2 with a sentence, never a traceback."""
    path = tmp_path / f"homework{suffix}"
    path.write_bytes(content)
    done = gradkit("check", path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert re.match(r"gradkit: .*homework", done.stderr)


def test_wrong_assignment(tmp_path: Path) -> None:
    """For check and list alike: file, key, found, expected."""
    for csv in DEFAULT.parent.glob("*.csv"):
        shutil.copy(csv, tmp_path)
    path = tmp_path / "task.toml"
    path.write_text(DEFAULT.read_text().replace("epochs = 5", "epochs = 0", 1))
    said = f"gradkit: {path}: tasks[0].epochs: found 0; expected `int` >= 1\n"
    for arguments in (("check", RIGHT), ("list",)):
        done = gradkit(*arguments, "--assignment", path)
        assert (done.exit_code, done.stdout, done.stderr) == (2, "", said)


def test_an_assignment_beside_the_files_has_to_be_said(tmp_path: Path) -> None:
    """It may be another exercise than gradkit's own, or one that a student wrote."""
    own = tmp_path / "assignment" / "assignment.toml"
    own.parent.mkdir()
    shutil.copy(DEFAULT, own)
    shutil.copy(RIGHT, tmp_path)
    for path in (tmp_path, tmp_path / RIGHT.name):
        done = gradkit("check", path)
        assert done.exit_code == 2
        assert done.stderr == (
            f"gradkit: found the assignment file {own}. To use this file, add --assignment {own}. "
            "To use gradkit's own assignment, add --assignment backpropagation.\n"
        )
    said = gradkit("check", tmp_path / RIGHT.name, "--assignment", "backpropagation")
    assert said.exit_code == 0


def test_an_assignment_of_ones_own(tmp_path: Path) -> None:
    """The checkout's solutions are not taken for another assignment's."""
    for file in DEFAULT.parent.glob("*.*"):
        shutil.copy(file, tmp_path)
    done = gradkit("check", RIGHT, "--assignment", tmp_path / DEFAULT.name, "--format", "json")
    assert (done.exit_code, json.loads(done.stdout)["oracle"]) == (0, "derived")


def test_hints_hide_expected_numbers() -> None:
    """Below 4, in text and JSON; the default without a reference is the assignment's 3."""
    for level, there in ((3, False), (4, True)):
        asked = ("check", WRONG, "--hints", level, "--no-reference", "--seed", 1)
        assert ("should move" in gradkit(*asked).stdout) is there
        assert ('"expected"' in gradkit(*asked, "--format", "json").stdout) is there
    data = json.loads(gradkit("check", WRONG, "--format", "json", "--no-reference").stdout)
    assert data["hints"] == 3
    assert json.loads(gradkit("check", WRONG, "--format", "json").stdout)["hints"] == 4


def test_list() -> None:
    """Tasks with nets, rates, roles, checks and points."""
    done = gradkit("list", "--assignment", "backpropagation")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "regression-numpy: Regression in numpy\n" in done.stdout
    assert "net     2-2-1 (linear, linear), loss squared_error, 5 epochs\n" in done.stdout
    assert "rates   weights 0.001, biases 0.01 (exact)\n" in done.stdout
    assert "update      update_parameters(parameters, y, y_hat, A1, X)\n" in done.stdout
    assert "layer       linear_forward(A_prev, W, b) (optional)\n" in done.stdout
    assert done.stdout.count("points      20\n") == 4


def test_list_of_exercises() -> None:
    """All that come with gradkit, the first one first, and how to go on."""
    done = gradkit("list")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"backpropagation +80 points  Backprop.*", lines[0])
    assert any(
        re.fullmatch(r"layers +15 points  Affine and ReLU layers, forward.*", each)
        for each in lines
    )
    assert {line.split()[0] for line in lines[: lines.index("")]} == set(exercises())
    assert "gradkit list --assignment NAME   says what an exercise asks for" in lines


def test_list_of_functions() -> None:
    """Lines that call them, what is compared, and points."""
    done = gradkit("list", "--assignment", "layers")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "  calls   out, cache = affine_forward(x, w, b)\n" in done.stdout
    assert "          dx, dw, db = affine_backward(dout, cache)\n" in done.stdout
    assert "          backward        6     dx, dw, db\n" in done.stdout
    assert "          points          10\n" in done.stdout


def test_reproduce_without_figures(tmp_path: Path) -> None:
    """Exit 2: nothing could be compared."""
    pytest.importorskip("torch")
    done = gradkit("reproduce", "--reference", tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"gradkit: {tmp_path / 'published.json'}: not found. ")


def test_spoilt_reference_makes_reproduce_exit_1(tmp_path: Path) -> None:
    """The table is printed all the same."""
    pytest.importorskip("torch")
    folder = Path(shutil.copytree(REFERENCE, tmp_path / "reference"))
    path = folder / "regression_numpy_published.py"
    path.write_text(path.read_text().replace("BIAS_RATE = 0.01", "BIAS_RATE = 0.02"))
    done = gradkit("reproduce", "--reference", folder)
    assert (done.exit_code, done.stderr) == (1, "")
    assert "Some figures differ: see the lines marked !." in done.stdout


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.sample(9)
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_no_encoding_makes_it_fail(tmp_path: Path, encoding: str) -> None:
    """Text is spelled in what there is; JSON is UTF-8 whatever the terminal says."""
    path = tmp_path / "übung_李_regression.py"
    shutil.copy(WRONG, path)
    said = {"PYTHONIOENCODING": f"{encoding}:strict"}
    done = command("check", path, "--no-reference", **said)
    assert done.returncode == 1, done.stderr
    assert done.stderr == b""
    shown = done.stdout.decode(encoding)
    assert "x update" in shown if encoding != "utf-8" else "✗ update" in shown
    assert ESCAPE not in shown
    data = command("check", path, "--no-reference", "--format", "json", **said)
    assert json.loads(data.stdout.decode("utf-8"))["submission"] == path.stem


MOST_MODULES = 69
"""Modules of gradkit that a check of a right numpy file may load; the aim is 50."""

MODULES = """
import atexit, runpy, sys
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
sys.argv = ["gradkit", "check", sys.argv[1], "--format", "json", "--seed", "1"]
runpy.run_module("gradkit", run_name="__main__")
"""


@pytest.mark.sample(1)
def test_a_right_numpy_check_loads_few_modules() -> None:
    """Diagnosis, exports, pages, torch and pandas are imported only when they are needed."""
    done = subprocess.run(
        [sys.executable, "-c", MODULES, RIGHT],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = done.stderr.split()
    assert not {"torch", "pandas", "scipy", "nbformat", "rich"} & set(loaded)
    assert "gradkit.gradcheck.check" in loaded
    assert sum(name.partition(".")[0] == "gradkit" for name in loaded) <= MOST_MODULES


def test_version_and_module() -> None:
    """`python -m gradkit` is the command."""
    done = command("--version")
    assert (done.returncode, done.stdout.decode().split()) == (
        0,
        ["gradkit,", "version", __version__],
    )
