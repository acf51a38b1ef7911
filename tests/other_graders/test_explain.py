"""`gradkit.explain`: functions and paths, graded for tests of other graders."""

import ast
import functools
import importlib.util
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from msgspec.structs import replace
from other_graders.conftest import RIGHT, ROOT, WRONG

import gradkit
from gradkit.errors import GradkitError
from gradkit.grading.settings import BreakdownError
from gradkit.report.printable import Report

pytestmark = [pytest.mark.sample(12), pytest.mark.usefixtures("warm")]

TASK = "regression-numpy"


@pytest.fixture
def imported(tmp_path: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Import a text as a module that lies in a folder."""
    names = []

    def load(text: str, name: str = "gradkit_hw") -> ModuleType:
        path = tmp_path / f"{name}.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        names.append(name)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in names:
        sys.modules.pop(name, None)


def mistakes(report: Report) -> list[str]:
    """The codes of the findings of a report."""
    assert report.result is not None, report.refusal
    return [finding.mistake for task in report.result.tasks for finding in task.findings]


def test_a_path(tmp_path: Path) -> None:
    """A file, and a folder; right code passes, wrong code fails with its finding."""
    path = tmp_path / "hw.py"
    path.write_text(RIGHT, encoding="utf-8")
    report = gradkit.explain(path, TASK, seed=1)
    assert (report.passed, report.outcome, report.score) == (True, "passed", 20)
    report.assert_passed()
    path.write_text(WRONG, encoding="utf-8")
    report = gradkit.explain(str(tmp_path), TASK, seed=1)
    assert (report.passed, report.outcome, report.score) == (False, "failed", 15.5)
    assert mistakes(report) == ["swapped-index"]
    assert "hw.py:31" in str(report)
    assert "Two indices are exchanged" in report._repr_html_()


def test_only_the_checks_that_are_asked_for(tmp_path: Path) -> None:
    """The exception's text is the report; an unknown check is an error of the test."""
    path = tmp_path / "hw.py"
    path.write_text(WRONG, encoding="utf-8")
    report = gradkit.explain(path, TASK, seed=1)
    report.assert_passed("interface", "forward")
    with pytest.raises(AssertionError, match="Two indices are exchanged"):
        report.assert_passed("update")
    with pytest.raises(AssertionError, match="Two indices are exchanged"):
        report.assert_passed()
    with pytest.raises(
        ValueError, match=r"'step': expected one of interface, forward, update, gradient, traj"
    ):
        report.assert_passed("step")


def test_a_function_of_a_module(imported) -> None:
    """With its helpers and constants, and the other functions of the task, in the sandbox."""
    module = imported(WRONG.replace("0.001", "RATE") + "\nRATE = 0.001\n")
    report = gradkit.explain(module.update_parameters, TASK, seed=1)
    assert mistakes(report) == ["swapped-index"]
    assert "gradkit_hw.py:31" in str(report)
    assert "called in" not in str(report)  # not live in this process
    module = imported(RIGHT)
    assert gradkit.explain(module.update_parameters, TASK, seed=1).passed


def test_a_function_is_never_called_here(imported) -> None:
    """Its code runs in another process, whatever it does there."""
    here = "\n    import sys\n    sys.modules['gradkit_was_called'] = 1\n"
    head = "def update_parameters(parameters, y, y_hat, A1, X):"
    module = imported(WRONG.replace(head, head + here))
    assert mistakes(gradkit.explain(module.update_parameters, TASK, seed=1)) == ["swapped-index"]
    assert "gradkit_was_called" not in sys.modules


def test_a_module_beside_is_found(imported) -> None:
    """A helper that the function's module imports from its own folder."""
    imported("def scaled(step):\n    return 0.001 * step\n", "gradkit_helper")
    text = "from gradkit_helper import scaled\n" + WRONG.replace(
        "0.001 * 2 * error", "scaled(2 * error)"
    )
    module = imported(text)
    assert mistakes(gradkit.explain(module.update_parameters, TASK, seed=1)) == ["swapped-index"]


def test_a_function_inside_a_test(imported) -> None:
    """It counts before that of the module, and brings the local functions that it calls."""
    module = imported(
        RIGHT
        + """

def test_it():
    def step(parameters, error, w2, X):
        for i in range(2):
            for j in range(2):
                parameters["W1"][i][j] += 0.001 * 2 * error * w2[i][0] * X[j][0]

    def update_parameters(parameters, y, y_hat, A1, X):
        error = y - y_hat
        w2 = parameters["W2"].copy()
        step(parameters, error, w2, X)
        for i in range(2):
            parameters["b1"][i][0] += 0.01 * 2 * error * w2[i][0]
            parameters["W2"][i][0] += 0.001 * 2 * error * A1[i][0]
        parameters["b2"][0][0] += 0.01 * 2 * error

    return update_parameters
"""
    )
    assert gradkit.explain(module.update_parameters, TASK, seed=1).passed
    inner = module.test_it()
    assert mistakes(gradkit.explain(inner, TASK, seed=1)) == ["swapped-index"]


def test_a_wrapped_function(imported) -> None:
    """The decorator is a part of the module, and works as it does there."""
    text = """import functools

def plain(f):
    return functools.wraps(f)(lambda *a, **k: f(*a, **k))
"""
    module = imported(text + WRONG.replace("def update", "@plain\ndef update"))
    assert mistakes(gradkit.explain(module.update_parameters, TASK, seed=1)) == ["swapped-index"]


def test_a_class() -> None:
    """Of a module; its task is found without being named."""
    path = ROOT / "reference" / "two-layer-net" / "two_layer_net.py"
    spec = importlib.util.spec_from_file_location("gradkit_two_layer_net", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gradkit_two_layer_net"] = module
    try:
        spec.loader.exec_module(module)
        report = gradkit.explain(module.TwoLayerNet, "two-layer-net", seed=1)
    finally:
        del sys.modules["gradkit_two_layer_net"]
    assert report.outcome == "passed", report


def test_without_a_task_it_is_found(tmp_path: Path) -> None:
    """As by `gradkit check`."""
    path = tmp_path / "hw.py"
    path.write_text(RIGHT, encoding="utf-8")
    report = gradkit.explain(path, seed=1)
    assert [task.task for task in report.result.tasks] == [TASK]
    assert report.passed


def test_nothing_to_grade_is_a_refusal(tmp_path: Path) -> None:
    """A file that is missing, and one without code: the text says so, and the test fails."""
    report = gradkit.explain(tmp_path / "hw.py", TASK)
    assert (report.outcome, report.result, report.checks, report.score) == ("refused", None, {}, 0)
    assert str(report) == f"There is no file or folder {tmp_path / 'hw.py'}."
    assert "not checked" in report._repr_html_()
    with pytest.raises(AssertionError, match="There is no file or folder"):
        report.assert_passed()


def test_what_cannot_be_judged_is_not_the_students_mistake(tmp_path: Path) -> None:
    """Such as a task that needs the model solution: no assertion fails, but nothing passes."""
    path = tmp_path / "hw.py"
    path.write_text(RIGHT, encoding="utf-8")
    report = gradkit.explain(path, TASK, seed=1)
    task = report.result.tasks[0]
    states = {"update": "inconclusive", "gradient": "not-checked"}
    checks = tuple(
        type(c)(c.check, states.get(c.check, c.state), c.score, c.max_score, c.message)
        for c in task.checks
    )
    open_ = replace(report, result=replace(report.result, tasks=(replace(task, checks=checks),)))
    assert (open_.outcome, open_.passed) == ("open", False)
    open_.assert_passed("forward")
    with pytest.raises(
        GradkitError,
        match=r"Could not be judged, for a reason outside of the code: update, gradient\.",
    ):
        open_.assert_passed()


def test_a_reference_is_used_with_a_path_only(tmp_path: Path, imported) -> None:
    """Its marks are final; a function's process has run student code already."""
    path = tmp_path / "hw.py"
    path.write_text(WRONG, encoding="utf-8")
    report = gradkit.explain(path, TASK, seed=1, reference=ROOT / "reference")
    assert (report.result.oracle, report.result.provisional) == ("reference", False)
    assert "Provisional" not in report._repr_html_()
    module = imported(WRONG)
    with pytest.raises(ValueError, match=r"reference= needs the path of a submission\. The code"):
        gradkit.explain(module.update_parameters, TASK, reference=ROOT / "reference")


def test_a_broken_reference_is_no_refusal(tmp_path: Path) -> None:
    """It is raised, so that no student fails for it."""
    path = tmp_path / "hw.py"
    path.write_text(RIGHT, encoding="utf-8")
    broken = tmp_path / "reference"
    broken.mkdir()
    (broken / "regression_numpy.py").write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(BreakdownError, match="the model solution has no"):
        gradkit.explain(path, TASK, seed=1, reference=broken)


def test_what_is_hidden_from_students_is_hidden(tmp_path: Path) -> None:
    """A check that students may not see yet shows its points only."""
    source = ROOT / "gradkit" / "assignments" / "backpropagation"
    for file in source.glob("*.csv"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    text = (source / "assignment.toml").read_text(encoding="utf-8")
    file = tmp_path / "assignment.toml"
    hidden = 'visibility = { update = "after_published" }'
    assert 'visibility = "visible"' in text
    file.write_text(text.replace('visibility = "visible"', hidden), encoding="utf-8")
    path = tmp_path / "hw.py"
    path.write_text(WRONG, encoding="utf-8")
    report = gradkit.explain(path, TASK, assignment=file, seed=1)
    assert report.checks["update"].state == "fail"
    assert "Two indices are exchanged" not in str(report)


def alone(parameters: object) -> object:
    """A function of this test module, which is no submission."""
    return parameters


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (("hw.py", "x"), {}, r"task='x': expected one of regression-numpy, "),
        (("hw.py", TASK), {"hints": 7}, r"hints=7: expected 1, 2, 3 or 4\."),
        (("hw.py", TASK), {"seed": -1}, r"seed=-1: expected a whole number, 0 or more\."),
        (("hw.py", TASK), {"require_tier": 5}, r"require_tier=5: expected 0, 1, 2 or 3\."),
        (("hw.py", TASK), {"assignment": "no.toml"}, r"no\.toml"),
        (("hw.py", TASK), {"reference": "no"}, r"reference='no': there is no such folder\."),
        ((None, TASK), {}, r"None: expected a function or class that is defined with `def` or"),
        ((len, TASK), {}, r"<built-in function len>: expected a function or class that is"),
        ((functools.partial(alone), TASK), {}, r"functools\.partial\(.*\): expected a function"),
    ],
)
def test_wrong_arguments_are_errors_of_the_test(arguments, settings, said: str) -> None:
    """Each is raised as ValueError, with a sentence that says what is expected."""
    with pytest.raises(ValueError, match=said):
        gradkit.explain(*arguments, **settings)


def test_a_function_without_source() -> None:
    """What `exec` has made; a path is needed."""
    names: dict[str, object] = {}
    exec(WRONG, names)
    with pytest.raises(ValueError, match=r"source of `update_parameters` cannot be read\. Pass"):
        gradkit.explain(names["update_parameters"], TASK)


def test_a_local_function_without_source() -> None:
    """The same of one that replaces a name of its module."""
    tree = ast.parse(WRONG)
    names: dict[str, object] = {}
    exec(compile(tree, __file__, "exec"), names)
    function = names.pop("update_parameters")
    function.__code__ = function.__code__.replace(co_firstlineno=100_000)
    with pytest.raises(ValueError, match=r"source of `update_parameters` cannot be read\. Pass"):
        gradkit.explain(function, TASK)


def test_local_values_cannot_be_sent() -> None:
    """A local function that reads a number of the function around it would fail in the sandbox."""
    rate, other = 0.001, 0.01

    def update_parameters(parameters, y, y_hat, A1, X):
        parameters["W1"] -= rate * other

    with pytest.raises(
        ValueError, match=r"`update_parameters` uses `other`, `rate` of the function in which it is"
    ):
        gradkit.explain(update_parameters, TASK)


def test_the_tier_is_required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine lacks is raised, and no code is run."""
    from gradkit.sandbox import doctor

    monkeypatch.setattr(doctor, "objection", lambda examination, tier: f"no tier {tier} here.")
    path = tmp_path / "hw.py"
    path.write_text(RIGHT, encoding="utf-8")
    with pytest.raises(GradkitError, match=r"no tier 2 here\."):
        gradkit.explain(path, TASK, require_tier=2)
