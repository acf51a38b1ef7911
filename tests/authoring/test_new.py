"""`gradkit new`: what a student starts from, and an assignment of one's own that works at once."""

import ast
import json
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from soak import SIZE

from gradkit.authoring.audit import audit_file
from gradkit.authoring.export import as_files, write_folder
from gradkit.authoring.new.write import instructor_files, student_files
from gradkit.cli import main
from gradkit.grading.session import Session
from gradkit.grading.settings import GradingError, Settings
from gradkit.task.assignment import read_assignment

pytestmark = [pytest.mark.sample(18), pytest.mark.usefixtures("warm")]

ROOT = Path(__file__).resolve().parents[2]


def gradkit(*arguments: object, cwd: Path) -> Result:
    """Run the command in this process, as from a folder."""
    with chdir(cwd):
        return CliRunner().invoke(main, list(map(str, arguments)))


def test_the_template_is_what_new_writes() -> None:
    """File by file; after a change of the texts it is to be written anew."""
    folder = ROOT / "student_template"
    files = student_files()
    tracked = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    # The wheel is for who is handed the folder, and not tracked.
    unlike = ("__pycache__", ".pytest", ".whl")
    there = {name for name in tracked if not any(part in name for part in unlike)}
    assert there == set(files)
    for name, text in files.items():
        said = "rm -r student_template && gradkit new student_template"
        assert (folder / name).read_text(encoding="utf-8") == text, f"{name}: {said}"


def test_a_students_folder_is_written_once(tmp_path: Path) -> None:
    """A second time is refused, with nothing changed."""
    done = gradkit("new", "hw", cwd=tmp_path)
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "files written" in done.stderr
    (tmp_path / "hw" / "README.md").write_text("mine", encoding="utf-8")
    for name in ("pytest.ini", ".gitignore", "starter.ipynb"):
        (tmp_path / "hw" / name).unlink()
    done = gradkit("new", "hw", cwd=tmp_path)
    assert done.exit_code == 2
    assert "gradkit: hw already has regression_numpy.py, regression_torch.py, " in done.stderr
    assert (
        " and 5 more, and nothing is overwritten. Choose a new or empty folder, or another name."
        in done.stderr
    )
    assert (tmp_path / "hw" / "README.md").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "hw" / "pytest.ini").exists()


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file in the way of the folder, and an option without its other."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = gradkit("new", "file/hw", cwd=tmp_path)
    assert done.exit_code == 2
    assert "gradkit: file/hw: cannot be written (" in done.stderr
    done = gradkit("new", "hw", "--variant", "3", cwd=tmp_path)
    assert done.exit_code == 2
    assert "--variant changes the exercise and needs --instructor." in done.stderr


def holds(folder: Path, seed: int | None) -> None:
    """Write an assignment; its own solutions earn full marks, its audit passes."""
    write_folder(as_files(instructor_files(seed)), folder)
    toml, reference = folder / "assignment.toml", folder / "reference"
    settings = Settings(assignment=toml, reference=reference)
    with Session(settings) as session:
        result = session.check(reference)
        untouched = session.check(folder / "template")
    assert result.score == result.max_score == 80
    assert result.oracle == "reference"
    assert untouched.score == 0
    assert {check.state for task in untouched.tasks for check in task.checks} <= {
        "missing",
        "blocked",
        "error",
    }
    found = audit_file(toml, reference)
    assert found.clean, found.tasks


@pytest.mark.slow
@pytest.mark.parametrize("seed", [None, 7])
def test_an_assignment_of_ones_own_works_at_once(tmp_path: Path, seed: int | None) -> None:
    """Model solutions, assignment file and template fit each other, and nothing slips through."""
    pytest.importorskip("torch")
    holds(tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 100 + 4 * SIZE))
def test_every_variant_works(tmp_path: Path, seed: int) -> None:
    """Whatever the seed."""
    pytest.importorskip("torch")
    holds(tmp_path, seed)


def test_a_wrong_solution_is_found(tmp_path: Path) -> None:
    """What holds the files together is no formality: a changed rate breaks it."""
    files = instructor_files(7)
    name = "reference/regression_numpy.py"
    files[name] = files[name].replace("-2 * (y - y_hat)", "-1 * (y - y_hat)")
    write_folder(as_files(files), tmp_path)
    settings = Settings(assignment=tmp_path / "assignment.toml", reference=tmp_path / "reference")
    with (
        Session(settings) as session,
        pytest.raises(GradingError, match="the model solution and the assignment file disagree on"),
    ):
        session.check(tmp_path / "reference" / "regression_numpy.py")


def test_variants_differ_and_repeat() -> None:
    """The same seed gives the same files, another seed another exercise."""
    assert instructor_files(3) == instructor_files(3)
    texts = {instructor_files(seed)["assignment.toml"] for seed in range(12)}
    assert len(texts) == 12


def test_a_variant_is_another_exercise(tmp_path: Path) -> None:
    """Sizes, activation and rates are not those whose answers are public."""
    public = read_assignment()
    for seed in range(20):
        write_folder(as_files(instructor_files(seed)), tmp_path / str(seed))
        own = read_assignment(tmp_path / str(seed) / "assignment.toml")
        for task, known in zip(own.tasks, public.tasks, strict=True):
            assert task.id == known.id
            assert task.X.shape[1] > known.X.shape[1]
            assert task.layers != known.layers
            assert task.rates != known.rates


def test_the_public_solution_fails_a_variant(tmp_path: Path) -> None:
    """What is public passes no check of what was learnt."""
    write_folder(as_files(instructor_files(7)), tmp_path)
    settings = Settings(assignment=tmp_path / "assignment.toml", no_reference=True)
    with Session(settings) as session:
        result = session.check(ROOT / "reference" / "regression_numpy.py")
    states = {check.check: check.state for check in result.tasks[0].checks}
    assert {states[name] for name in ("forward", "update", "trajectory")} == {"fail"}


@pytest.mark.parametrize("seed", [None, 5])
def test_starters_ask_for_what_solutions_give(seed: int | None) -> None:
    """The same functions with the same arguments, no body filled in."""
    files = instructor_files(seed)
    for name in [n for n in files if n.startswith("reference/")]:
        given, asked = (
            {
                node.name: ast.unparse(node.args)
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.FunctionDef)
            }
            for text in (files[name], files[name.replace("reference", "template")])
        )
        assert given == asked
        assert "raise NotImplementedError" not in files[name]


def test_lines_of_starters_are_short() -> None:
    """Students read them in half a window."""
    for seed in (None, 1, 2, 3):
        for name, text in instructor_files(seed).items():
            if name.endswith(".py"):
                long = [line for line in text.split("\n") if len(line) > 100]
                assert long == [], name


@pytest.mark.parametrize("seed", [None, 7])
def test_each_stub_names_its_assignment(seed: int | None) -> None:
    """The command in a stub is the one that checks it, with what it is held against."""
    for name, text in instructor_files(seed).items():
        if name.startswith("template/") and name.endswith(("numpy.py", "torch.py")):
            said = " ".join(text.split())
            file = name.removeprefix("template/")
            assert f"``gradkit check {file} --assignment assignment/assignment.toml``" in said
    assert "--assignment" not in student_files()["regression_numpy.py"]


@pytest.mark.parametrize("seed", [None, 7])
def test_all_tasks_count_in_an_assignment_of_ones_own(tmp_path: Path, seed: int | None) -> None:
    """In gradkit's own those count that were handed in."""
    write_folder(as_files(instructor_files(seed)), tmp_path)
    made = read_assignment(tmp_path / "assignment.toml")
    assert made.required == tuple(task.id for task in made.tasks)
    assert read_assignment().required == ()


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (("", ""), 0, "2 passed"),
        (("-2 * (y - y_hat)", "-1 * (y - y_hat)"), 1, "test_the_step_of_regression_numpy"),
    ],
)
def test_tests_of_ones_own_run_beside_the_checks(
    tmp_path: Path, change: tuple[str, str], code: int, said: str
) -> None:
    """On the fixtures; the model solution passes them, and one with a wrong factor does not."""
    write_folder(as_files(instructor_files(7)), tmp_path)
    text = (tmp_path / "reference" / "regression_numpy.py").read_text(encoding="utf-8")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "regression_numpy.py").write_text(text.replace(*change), encoding="utf-8")
    words = ("-c", "pytest.ini", "--gradkit=in/regression_numpy.py", "-p", "no:hypothesispytest")
    own = ("-q", "test_homework.py", "-k", "of_regression_numpy")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", *words, *own],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, said in done.stdout) == (code, True), done.stdout


@pytest.mark.slow
def test_an_own_template_checks_itself(tmp_path: Path) -> None:
    """Its commands, its pytest and its notebook name the assignment that lies with it."""
    write_folder(as_files(instructor_files(7)), tmp_path)
    folder = tmp_path / "template"
    assert "gradkit_assignment = assignment/assignment.toml" in (folder / "pytest.ini").read_text(
        encoding="utf-8"
    )
    solved = (tmp_path / "reference" / "regression_numpy.py").read_text(encoding="utf-8")
    (folder / "regression_numpy.py").write_text(solved, encoding="utf-8")
    option = ("--assignment", "assignment/assignment.toml")
    done = gradkit("check", "regression_numpy.py", *option, cwd=folder)
    assert done.exit_code == 0
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:hypothesispytest"),
            *("-q", "-k", "regression-numpy"),
        ],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert "5 passed" in done.stdout
    cells = json.loads((folder / "starter.ipynb").read_text(encoding="utf-8"))["cells"]
    text = "".join(cells[1]["source"])
    assert 'ASSIGNMENT = "assignment/assignment.toml"' in text
    assert "assignment=ASSIGNMENT" in "".join(cells[-1]["source"])
