"""Each check of a submission is a test, with the diagnosis as its failure."""

import importlib.util
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from gradkit.grading.session import Session

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.sample(12), pytest.mark.usefixtures("warm")]

IDS = ["interface", "forward", "update", "gradient", "trajectory"]


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest inside this process, with warnings as errors."""
    return pytester.runpytest_inprocess(*arguments, "-W", "error")


@pytest.mark.slow
@pytest.mark.rotate(2)
def test_a_right_submission_passes(pytester: pytest.Pytester, right: Path) -> None:
    """One test for each check, with no test file anywhere."""
    # Hypothesis takes as long to load as all else, for nothing.
    words = ("-v", "-W", "error", "-p", "no:hypothesispytest")
    done = pytester.runpytest_subprocess("--gradkit", right.name, *words)
    done.assert_outcomes(passed=5)
    done.stdout.fnmatch_lines([f"right.py::regression-numpy/{name} PASSED*" for name in IDS])
    done.stdout.fnmatch_lines(["right.py  regression-numpy  20 / 20*"])


def test_a_failure_is_the_diagnosis(pytester: pytest.Pytester, swapped: Path) -> None:
    """As the mark sheet has it, with no frame of gradkit; exit code 1."""
    done = run(pytester, "--gradkit", swapped.name, "--gradkit-seed", "1")
    done.assert_outcomes(passed=2, failed=3)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    text = done.stdout.str()
    checked = subprocess.run(
        [sys.executable, "-m", "gradkit", "check", swapped.name, "--seed", "1"],
        cwd=pytester.path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    ).stdout
    sheet = [line.strip() for line in checked.split("\n") if "W1[" in line]
    assert sheet
    assert [line for line in sheet if line not in text] == []
    assert "Traceback" not in text
    assert "gradkit/" not in text
    assert "items.py" not in text


def test_which_of_several_files_counts_is_told(pytester: pytest.Pytester, right: Path) -> None:
    """Below the total, whether its checks pass or not."""
    (pytester.path / "hw").mkdir()
    for name in ("right.py", "right (1).py"):
        (pytester.path / "hw" / name).write_bytes(right.read_bytes())
    done = run(pytester, "--gradkit", "hw", "--gradkit-seed", "1")
    done.assert_outcomes(passed=5)
    done.stdout.fnmatch_lines(
        [
            "hw  regression-numpy  20 / 20*",
            "  2 files contain *; right (1).py is graded, because *",
        ]
    )


def test_selection_and_stop(pytester: pytest.Pytester, swapped: Path, right: Path) -> None:
    """``-k``, ``-x`` and ``--lf`` do what they do elsewhere."""
    both = ("--gradkit", right.name, "--gradkit", swapped.name)
    run(pytester, *both, "-k", "chen and update").assert_outcomes(failed=1, deselected=9)
    run(pytester, *both, "-k", "regression-numpy/forward").assert_outcomes(passed=2, deselected=8)
    run(pytester, *both, "-x").assert_outcomes(passed=7, failed=1)
    run(pytester, *both).assert_outcomes(passed=7, failed=3)
    run(pytester, *both, "--lf").assert_outcomes(failed=3)


def test_only_what_is_selected_is_graded(
    pytester: pytest.Pytester, right: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks of which no check is to run cost nothing; those that run are graded as ever."""
    graded = []
    grade = Session._grade

    def noted(self, task, *rest):
        graded.append(task.id)
        return grade(self, task, *rest)

    monkeypatch.setattr(Session, "_grade", noted)
    (pytester.path / "hw").mkdir()
    (pytester.path / "hw" / "regression_numpy.py").write_bytes(right.read_bytes())
    other = right.parent / "hw" / "classification_numpy.py"
    other.write_bytes((ROOT / "reference" / other.name).read_bytes())
    done = run(pytester, "--gradkit", "hw", "-k", "regression-numpy and not interface")
    done.assert_outcomes(passed=4, deselected=6)
    done.stdout.fnmatch_lines(["hw  regression-numpy  20 / 20*"])
    assert graded == ["regression-numpy"]
    run(pytester, "--gradkit", "hw").assert_outcomes(passed=10)
    assert sorted(graded[1:]) == ["classification-numpy", "regression-numpy"]


@pytest.mark.sample(3)
def test_a_submission_is_recognised_once(
    pytester: pytest.Pytester, right: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recognising calls the forward pass, which takes seconds if it hangs.

    Whether no task, one or several are named, the results are those of ``gradkit check``.
    """
    calls = []
    claims = Session.claims

    def counted(self, *arguments, **settings):
        calls.append(arguments)
        return claims(self, *arguments, **settings)

    monkeypatch.setattr(Session, "claims", counted)
    run(pytester, "--gradkit", right.name).assert_outcomes(passed=5)
    assert len(calls) == 1
    one = "gradkit_task=regression-numpy"
    run(pytester, "--gradkit", right.name, "-o", one).assert_outcomes(passed=5)
    assert len(calls) == 2
    several = f"{one} classification-numpy"
    done = run(pytester, "--gradkit", right.name, "-o", several)
    done.assert_outcomes(passed=5, failed=5)
    done.stdout.fnmatch_lines(["right.py  regression-numpy  20 / 20*"])


@pytest.mark.slow
def test_processes_of_xdist_agree(pytester: pytest.Pytester, swapped: Path) -> None:
    """Two processes draw the same inputs, and tell the same totals."""
    pytest.importorskip("xdist")
    # Hypothesis takes each process longer to load than all else, for nothing.
    asked = ("--gradkit", swapped.name, "-n", "2", "-p", "no:hypothesispytest")
    done = run(pytester, *asked, "--junitxml", "out.xml")
    done.assert_outcomes(passed=2, failed=3)
    done.stdout.fnmatch_lines(["chen.py  regression-numpy  15.5 / 20*"])
    run(pytester, *asked, "--dist", "loadfile").assert_outcomes(passed=2, failed=3)


def test_points_are_properties_in_junit(pytester: pytest.Pytester, swapped: Path) -> None:
    """Points, largest points and state of each check; the points add up to the total."""
    run(pytester, "--gradkit", swapped.name, "--junitxml", "out.xml")
    suite = ET.parse(pytester.path / "out.xml").getroot()[0]  # noqa: S314  (our own file)
    told = {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in suite.iter("testcase")
    }
    assert list(told) == [f"regression-numpy/{name}" for name in IDS]
    assert told["regression-numpy/update"]["state"] == "fail"
    assert told["regression-numpy/update"]["max_points"] == "6"
    total = sum(float(properties["points"]) for properties in told.values())
    assert total == 15.5
    assert {p["task_points"] for p in told.values()} == {"15.5"}


def test_what_cannot_be_judged_is_skipped(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without torch its checks are skipped, with what to install as the reason."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "torch" else find(name, *a)
    )
    pytester.makepyfile(
        net="""
        import torch
        from torch import nn
        class Model(nn.Module):
            pass
        def train(model, X, y, epochs, lr):
            return []
        """,
    )
    words = ("--gradkit", "net.py", "-rs", "-o", "gradkit_task=regression-torch")
    done = run(pytester, *words)
    done.assert_outcomes(skipped=4)
    done.stdout.fnmatch_lines(["*pip install 'gradkit*torch*"])
    pytester.makepyfile(
        test_own="""
        import pytest

        @pytest.mark.gradkit("regression-torch")
        def test_the_functions(gradkit_submission):
            assert False
        """,
    )
    done = run(pytester, *words, "test_own.py", "-k", "test_the")
    done.assert_outcomes(skipped=1, deselected=4)
    done.stdout.fnmatch_lines(["*pip install 'gradkit*torch*"])


def test_ini_settings(pytester: pytest.Pytester, swapped: Path) -> None:
    """The hint level and the task come from the ini file, which one beside a submission is not."""
    pytester.makeini("[pytest]\ngradkit_task = regression-numpy\ngradkit_hints = 1\n")
    pytester.mkdir("handed_in")
    swapped = swapped.rename(pytester.path / "handed_in" / swapped.name)
    submission = f"handed_in/{swapped.name}"
    done = run(pytester, f"--gradkit={submission}")
    done.assert_outcomes(passed=2, failed=3)
    assert "swapped-index" not in done.stdout.str()
    done = run(pytester, f"--gradkit={submission}", "-o", "gradkit_hints=4")
    assert "swapped-index" in done.stdout.str()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("gradkit_hints=9", "gradkit_hints = 9: expected a number from 1 to 4."),
        ("gradkit_form=other", "gradkit_form = other: expected correct or published."),
        ("gradkit_task=none", "--task none: there is no such task."),
        ("gradkit_assignment=no.toml", "no.toml"),
    ],
)
def test_a_wrong_setting_is_told(
    pytester: pytest.Pytester, right: Path, option: str, said: str
) -> None:
    """In one sentence, without a traceback."""
    done = run(pytester, "--gradkit", right.name, "-o", option)
    assert done.ret != 0
    assert said in done.stdout.str()
    assert "Traceback" not in done.stdout.str()


def test_what_is_no_submission_is_told(pytester: pytest.Pytester) -> None:
    """A path that is not there, and another exercise."""
    pytester.makepyfile(other="def quicksort(a):\n    return sorted(a)\n")
    done = run(pytester, "--gradkit", "nothere.py", "--gradkit", "other.py")
    done.stdout.fnmatch_lines(
        ["gradkit: There is no file or folder *nothere.py.", "gradkit: other: This looks like*"]
    )
    assert done.ret == pytest.ExitCode.INTERRUPTED


def test_a_folder_is_one_submission(pytester: pytest.Pytester, right: Path) -> None:
    """Its tests and other files are not collected with it."""
    folder = pytester.mkdir("ada")
    right.rename(folder / "regression_numpy.py")
    run(pytester, "--gradkit", "ada").assert_outcomes(passed=5)


def test_own_tests_run_beside(pytester: pytest.Pytester, right: Path) -> None:
    """Where they are named; and nothing is added without the option."""
    pytester.makepyfile(test_own="def test_it():\n    pass\n")
    run(pytester).assert_outcomes(passed=1)
    run(pytester, "--gradkit", right.name, "test_own.py").assert_outcomes(passed=6)
    run(pytester, "--gradkit", right.name).assert_outcomes(passed=5)


def test_loading_the_plugin_loads_no_numpy() -> None:
    """Every pytest loads it, and most have nothing to do with gradients."""
    code = (
        "import sys, pytest; before = set(sys.modules); import gradkit.pytest_plugin; "
        "new = {m.partition('.')[0] for m in set(sys.modules) - before}; print(*sorted(new))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "gradkit" in done.stdout.split()
    assert not {"numpy", "click", "msgspec", "rich"} & set(done.stdout.split())
