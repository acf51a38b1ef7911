"""What the command line does is public Python: the examples of its functions, run in one folder."""

from __future__ import annotations

import ast
import doctest
import inspect
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from model_solutions import ROOT

from gradkit import batch, cli, errors, other_graders
from gradkit.authoring import export
from gradkit.authoring.new import write as new
from gradkit.classroom import remark, run, tables
from gradkit.classroom.feedback import give as back
from gradkit.classroom.reports import purge, stored
from gradkit.classroom.store import counted
from gradkit.report.words import since
from gradkit.reproducer import recorded

SAMPLES = ROOT / "tests" / "sample_class"

EXAMPLES: tuple[Callable[..., object], ...] = (
    errors.did_you_mean,
    batch.grade_files,
    other_graders.explain,
    since,
    run.preview_class,
    run.grade_class,
    stored.student_result,
    stored.show_finding,
    tables.grades,
    tables.findings,
    tables.attempts,
    recorded.findings_of,
    back.give_back,
    stored.copy_of,
    counted.override_points,
    purge.purge_student,
    export.export_assignment,
    new.write_new,
)
"""In the order in which a class comes to them; `remark_class` has a class of its own."""


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what two students handed in, and the result of one."""
    folder = tmp_path / "handed_in"
    folder.mkdir()
    shutil.copy(SAMPLES / "chen_regression_swapped_index.py", folder / "chen.py")
    shutil.copy(SAMPLES / "bilal_regression_right.py", folder / "bilal.py")
    monkeypatch.chdir(tmp_path)
    graded = batch.grade_files([Path("handed_in/chen.py")], seed=1, no_reference=True)
    Path("result.json").write_text(batch.rendered(graded, "json"), encoding="utf-8")
    return tmp_path


def failures(function: Callable[..., object]) -> list[str]:
    """What the examples of a function give, where that is not what they say."""
    told: list[str] = []
    names = vars(inspect.getmodule(function))
    found = doctest.DocTestFinder(recurse=False).find(function, globs={**names})
    assert any(test.examples for test in found), f"{function.__name__} has no example"
    for test in found:
        doctest.DocTestRunner(verbose=False).run(test, out=told.append)
    return told


@pytest.mark.usefixtures("warm")
def test_examples_say_what_is_so(course: Path) -> None:
    """Each in its turn: a class is previewed, graded, shown, given back, and a student removed."""
    for function in EXAMPLES:
        assert failures(function) == [], function.__name__


@pytest.mark.slow
@pytest.mark.usefixtures("warm")
def test_marking_again_as_its_example_says(course: Path) -> None:
    """A finding is withdrawn from a class that was just graded."""
    assert failures(run.grade_class) == []
    assert failures(remark.remark_class) == []


def test_an_example_that_is_wrong_is_seen() -> None:
    """The twin."""

    def wrong() -> None:
        """Say what is not so.

        >>> 1 + 1
        3
        """

    assert failures(wrong)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_a_command_parses_calls_and_prints(name: str) -> None:
    """In some 30 statements at most: what it does is elsewhere."""
    command = cli.main.get_command(click.Context(cli.main), name)
    assert command is not None
    assert command.callback is not None
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(command.callback))).body
    assert isinstance(function, ast.FunctionDef)
    statements = [node for node in ast.walk(function) if isinstance(node, ast.stmt)]
    imports = [n for n in statements if isinstance(n, ast.Import | ast.ImportFrom)]
    assert len(statements) - len(imports) <= 32, name


def test_it_is_all_there_for_a_script(course: Path) -> None:
    """Without the command line, and without click."""
    script = (
        "import sys\nfrom pathlib import Path\nsys.modules['click'] = None\n"
        "from gradkit.classroom.run import preview_class\n"
        "print(preview_class([Path('handed_in')], Path('results')).total)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False
    )
    assert (done.stdout, done.stderr) == ("2\n", "")


@pytest.mark.usefixtures("warm")
def test_something_else_is_done_while_the_worker_loads(course: Path) -> None:
    """Once, after settings have been read and before the first submission is."""
    done: list[str] = []
    graded = batch.grade_files(
        [Path("handed_in/chen.py"), Path("handed_in/bilal.py")],
        seed=1,
        no_reference=True,
        meanwhile=lambda: done.append("loaded"),
    )
    assert len(graded.results) == 2
    assert done == ["loaded"]
    with pytest.raises(errors.GradkitError):
        batch.grade_files([], assignment=course / "none.toml", meanwhile=lambda: done.append("no"))
    assert done == ["loaded"]
