"""`gradkit.check` in a notebook: what has been run so far, and the last definition counts."""

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from in_notebook.conftest import ROOT, Notebook
from IPython.core.formatters import DisplayFormatter

import gradkit

pytestmark = [pytest.mark.sample(18), pytest.mark.usefixtures("warm")]

TWO_LAYERS = ROOT / "reference" / "two-layer-net" / "two_layer_net.py"

WRONG = """# my step
def update_parameters(parameters, y, y_hat, A1, X):
    d = -2 * (y - y_hat)
    hidden = parameters["W2"] * d
    parameters["W1"] -= 0.001 * hidden @ X.T
    parameters["b1"] -= 0.01 * hidden
    parameters["W2"] -= 0.001 * A1 * d
    parameters["b2"] -= 0.01 * d
"""


class Words(HTMLParser):
    """Collects tags and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        """Keep an element."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data) -> None:
        """Keep text."""
        self.text += data


def test_what_is_defined_is_checked(notebook: Notebook, solved) -> None:
    """Full marks, derived and provisional; the last of several definitions counts."""
    notebook.run("import numpy as np")
    notebook.run(WRONG)
    notebook.run(solved["regression"])
    report = notebook.check()
    assert report.passed
    assert report.score == report.max_score == 20
    assert report.result.oracle == "derived"
    assert report.result.provisional
    notebook.run(WRONG)
    report = notebook.check()
    assert not report.passed
    assert report.score < 20


def test_lines_are_named_by_their_cell(notebook: Notebook, solved) -> None:
    """By the number beside it, by how it begins, and by the line itself."""
    notebook.run(solved["regression"])
    notebook.run(WRONG)
    report = notebook.check()
    (finding,) = report.result.tasks[0].findings
    assert finding.mistake == "swapped-index"
    said = "cell [2] that begins `def update_parameters`, line 5"
    assert said in repr(report)
    words = Words(report._repr_html_())
    assert f"In {said.replace('`', '')}:" in words.text
    assert "<code>def update_parameters</code>" in report._repr_html_()
    assert 'parameters["W1"] -= 0.001 * hidden @ X.T' in words.text
    assert "moves by +0.002 · (y−y_hat) · W2[0] · X[1]" in words.text.replace("‹", "").replace(
        "›", ""
    )


def test_headings_of_the_saved_notebook_are_told(
    notebook: Notebook, solved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel knows the file; a cell that was changed since has none."""
    cells = [
        {"cell_type": "markdown", "source": ["# Regression\n", "text"]},
        {"cell_type": "code", "source": WRONG.splitlines(keepends=True)},
    ]
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    notebook.run(solved["regression"])
    notebook.run(WRONG)
    assert "cell [2] under “Regression” that begins `def update" in repr(notebook.check())
    notebook.run(WRONG + "\n# changed")
    assert "cell [4] that begins `def update" in repr(notebook.check())


def test_another_sections_forward_is_no_mistake(notebook: Notebook, solved) -> None:
    """The section is to be run again; nothing is marked and nobody accused."""
    notebook.run(solved["regression"])
    notebook.run(solved["classification"])
    report = notebook.check()
    assert report.result is None
    assert not report.passed
    assert report.score == report.max_score == 0
    assert "Run the cells of “Regression in numpy” again" in repr(report)
    assert "not checked" in Words(report._repr_html_()).text
    assert notebook.check('gradkit.check(task="classification-numpy")').passed


def test_a_wrong_forward_is_still_a_mistake(notebook: Notebook, solved) -> None:
    """Only the other task's own forward pass is taken for it."""
    notebook.run(solved["regression"].replace("W.T @ A_prev + b", "np.tanh(W.T @ A_prev + b)"))
    report = notebook.check()
    assert report.result is not None
    states = {check.check: check.state for check in report.result.tasks[0].checks}
    assert states["forward"] == "fail"


def test_a_loop_cannot_hang_the_kernel(notebook: Notebook, solved, tmp_path: Path) -> None:
    """It ends at the task's deadline, as a timeout."""
    source = ROOT / "gradkit" / "assignments" / "backpropagation"
    for path in source.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    text = (source / "assignment.toml").read_text(encoding="utf-8")
    file = tmp_path / "assignment.toml"
    file.write_text(text.replace("deadline = 10.0", "deadline = 1.0"), encoding="utf-8")
    notebook.run(solved["regression"])
    notebook.run(
        "import time\n"
        "def update_parameters(parameters, y, y_hat, A1, X):\n"
        "    while True:\n        time.sleep(0.01)"
    )
    call = f'gradkit.check(task="regression-numpy", assignment={str(file)!r})'
    report = notebook.check(call)
    states = {check.check: check.state for check in report.result.tasks[0].checks}
    assert states["update"] == "timeout"
    assert states["forward"] == "pass"


def test_cells_that_never_ran_are_left_out(notebook: Notebook, solved) -> None:
    """Not valid Python, or a magic; neither is told of."""
    notebook.run(solved["regression"])
    notebook.shell.run_cell("def update_parameters(:", store_history=True)
    notebook.run("%pwd")
    report = notebook.check()
    assert report.passed
    assert report.result.problems == ()


def test_a_module_beside_the_notebook_is_read(
    notebook: Notebook, solved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is imported from a file of one's own is checked too."""
    (tmp_path / "gradkit_my_net.py").write_text(solved["regression"], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    notebook.run("from gradkit_my_net import *")
    assert notebook.check().passed


def test_the_magic_does_the_same(notebook: Notebook, solved) -> None:
    """After ``%load_ext gradkit``, with the same options; what is wrong is said in a sentence."""
    notebook.run("%load_ext gradkit")
    notebook.run(solved["regression"])
    report = notebook.run("%gradkit regression-numpy --hints 4 --seed=3")
    assert (report.passed, report.hints, report.result.tasks[0].seed) == (True, 4, 3)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("no-such-task", "gradkit: task='no-such-task': expected one of regression-numpy, "),
        (
            "t --hint 4",
            "gradkit: %gradkit has no option --hint. There are --task, --hints, --seed, ",
        ),
        ("t --hints many", "gradkit: --hints many: expected a whole number."),
        ("regression-numpy --hints 9", "gradkit: hints=9: expected 1, 2, 3 or 4."),
    ],
)
def test_what_the_magic_does_not_know_is_a_sentence(
    notebook: Notebook, line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback of gradkit's own."""
    notebook.run("%load_ext gradkit")
    assert notebook.run(f"%gradkit {line}") is None
    assert capsys.readouterr().out.startswith(said)


def test_a_task_may_come_first(notebook: Notebook, solved) -> None:
    """As on the command line; what is neither a function nor a task is told."""
    notebook.run(solved["regression"])
    assert notebook.run('import gradkit\ngradkit.check("regression-numpy")').passed
    with pytest.raises(ValueError, match=r"3: expected functions, or the id of one task\."):
        gradkit.check(3)
    with pytest.raises(ValueError, match=r"'a': expected functions, or the id of one task\."):
        gradkit.check("regression-numpy", "a")
    with pytest.raises(ValueError, match=r"seed='a': expected a whole number, 0 or more\."):
        gradkit.check("regression-numpy", seed="a")  # type: ignore[arg-type]


def test_what_is_run_from_a_file_and_what_is_deleted(
    notebook: Notebook, solved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``%run`` defines as a cell does; after ``del`` it is not there any more."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mynet.py").write_text(solved["regression"], encoding="utf-8")
    notebook.run("%run mynet.py")
    assert notebook.check().passed
    notebook.run("del update_parameters")
    report = notebook.check()
    states = {check.check: check.state for check in report.result.tasks[0].checks}
    assert (states["forward"], states["update"]) == ("pass", "missing")
    notebook.run("del L_layer_forward, initialise_parameters, linear_forward")
    assert not notebook.check().passed


def test_what_is_not_written_yet_is_the_last_of_its_name(notebook: Notebook, solved) -> None:
    """A model of another task, above, is not what the report points to."""
    pytest.importorskip("torch")
    model = "class Model(nn.Module):\n    def __init__(self):\n        {}\n"
    start = "import torch\nfrom torch import nn\n"
    notebook.run(start + model.format("super().__init__()\n        self.a = nn.Linear(2, 1)"))
    notebook.run("x = 1")
    notebook.run(model.format("raise NotImplementedError"))
    report = notebook.check('gradkit.check(task="classification-torch", seed=1)')
    first = report.result.tasks[0].checks[0]
    assert first.message == "`Model` is not written yet."
    assert first.place.cell == 3


def test_without_a_task_the_notebook_says_which_it_is(notebook: Notebook, solved) -> None:
    """One task gets the report that it gets when it is named; two tasks are both graded."""
    notebook.run(solved["regression"])
    report = notebook.check("gradkit.check(seed=1)")
    assert report.title == "Regression in numpy"
    assert report.passed
    notebook.run(WRONG)
    report = notebook.check("gradkit.check(seed=1)")
    assert [task.task for task in report.result.tasks] == ["regression-numpy"]
    assert [finding.mistake for finding in report.result.tasks[0].findings] == ["swapped-index"]
    notebook.run("%load_ext gradkit")
    assert notebook.run("%gradkit --seed 1").score == report.score


def test_without_a_task_an_exercise_of_functions_is_found(notebook: Notebook) -> None:
    """Every exercise of gradkit is looked for, as by the command ``gradkit check``."""
    notebook.run(TWO_LAYERS.read_text(encoding="utf-8"))
    report = notebook.check("gradkit.check(seed=1)")
    assert [task.task for task in report.result.tasks] == ["two-layer-net"]


def test_without_a_task_and_functions_there_is_advice(notebook: Notebook) -> None:
    """The report says what was found, and how to name a task."""
    report = notebook.check("gradkit.check()")
    assert report.result is None
    assert repr(report).startswith("No functions were found here. Run the cells that define your")
    notebook.run("def plot(history):\n    return history")
    told = repr(notebook.check("gradkit.check()"))
    assert "Found `plot`." in told
    assert 'If you mean another task, name it, for example gradkit.check("regression-numpy").' in (
        told
    )


def test_functions_handed_over_without_a_task(notebook: Notebook, solved) -> None:
    """Their task is found too, unless there is no text to find it in."""
    notebook.run(solved["regression"])
    call = "gradkit.check(initialise_parameters, L_layer_forward, update_parameters, seed=1)"
    assert notebook.check(call).passed
    notebook.run("exec('def update_parameters(parameters): pass')")
    told = repr(notebook.check("gradkit.check(update_parameters)"))
    assert told.startswith("The code of `update_parameters` cannot be read, so gradkit does not")


def test_a_class_of_a_cell_can_be_handed_over(notebook: Notebook) -> None:
    """Python has no source for it; its methods know their cell."""
    notebook.run(TWO_LAYERS.read_text(encoding="utf-8"))
    report = notebook.check('gradkit.check(TwoLayerNet, task="two-layer-net", seed=1)')
    states = {check.state for check in report.result.tasks[0].checks}
    assert not states & {"missing", "error", "fail"}


@pytest.mark.parametrize("line", ["lr = 0.001", "lr, epochs = 0.001, 100", "import math as lr"])
def test_a_deleted_variable_is_not_used(notebook: Notebook, solved, line: str) -> None:
    """The report says what the notebook would say: the name is not defined."""
    notebook.run(f"{line}\ncount = 3")
    notebook.run(solved["regression"])
    notebook.run(WRONG.replace("0.001 * hidden", "lr * hidden * count"))
    notebook.run("del lr")
    report = notebook.check()
    checks = {check.check: check for check in report.result.tasks[0].checks}
    assert checks["update"].state == "error"
    assert "name 'lr' is not defined" in checks["update"].message


def test_other_variables_of_the_line_keep_their_values(notebook: Notebook, solved) -> None:
    """Deleting ``epochs`` does not take ``lr`` away."""
    notebook.run("ħ = 1; lr, epochs = 0.001, 100")
    notebook.run(solved["regression"])
    notebook.run(WRONG.replace("0.001", "lr"))
    notebook.run("del epochs")
    assert notebook.check().result.tasks[0].findings[0].mistake == "swapped-index"


def test_the_public_names_are_completed() -> None:
    """And nothing that is only imported."""
    assert dir(gradkit) == sorted([*gradkit.__all__, "__version__"])


def test_functions_handed_over_run_as_they_are(notebook: Notebook, solved) -> None:
    """In this process, which the report says; right and wrong are told apart as elsewhere."""
    notebook.run(solved["regression"])
    call = (
        "gradkit.check(initialise_parameters, L_layer_forward, update_parameters, "
        'task="regression-numpy", seed=1)'
    )
    report = notebook.check(call)
    assert report.passed
    assert "These functions were called in the notebook's own process" in repr(report)
    notebook.run(WRONG)
    report = notebook.check(call)
    assert [f.mistake for f in report.result.tasks[0].findings] == ["swapped-index"]
    assert "the cell that begins `def update_parameters`, line 5" in repr(report)


def test_functions_without_text_are_checked_by_their_signature(solved) -> None:
    """What was made by ``exec`` has no lines to show."""
    names: dict = {}
    exec(solved["regression"], names)
    made = [names[n] for n in ("initialise_parameters", "L_layer_forward", "update_parameters")]
    report = gradkit.check(*made, task="regression-numpy")
    assert report.passed


def test_an_interrupt_stops_a_live_check(solved) -> None:
    """Student code in this process must not swallow the key that ends it."""
    names: dict = {}
    exec(solved["regression"], names)

    def update_parameters(parameters, y, y_hat, A1, X):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gradkit.check(
            names["initialise_parameters"],
            names["L_layer_forward"],
            update_parameters,
            task="regression-numpy",
        )


def test_a_script_prints_its_report(tmp_path: Path, solved) -> None:
    """Without IPython the main module's own functions are checked, and the text printed."""
    path = tmp_path / "mine.py"
    path.write_text(
        solved["regression"] + "\nimport gradkit\ngradkit.check(task='regression-numpy')\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, encoding="utf-8", check=True
    )
    assert "20 / 20" in done.stdout
    assert "There is no record of the cells here" in done.stdout


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('gradkit.check(task="x")', r"task='x': expected one of regression-numpy, "),
        ('gradkit.check(task="regression-numpy", hints=7)', r"hints=7: expected 1, 2, 3 or 4\."),
        ('gradkit.check(task="x", assignment="no.toml")', r"no\.toml"),
    ],
)
def test_wrong_arguments_are_told(notebook: Notebook, call: str, said: str) -> None:
    """In a sentence that says what there is."""
    with pytest.raises(ValueError, match=said):
        notebook.check(call)


def test_nothing_to_check_is_told(notebook: Notebook) -> None:
    """An empty notebook misses every function."""
    report = notebook.check()
    assert {c.state for c in report.result.tasks[0].checks} <= {"missing", "blocked"}


@pytest.mark.slow
def test_the_html_is_readable_and_harmless(notebook: Notebook, solved) -> None:
    """A table with headers, a picture described in words, all that is a student's escaped."""
    notebook.run(solved["regression"])
    notebook.run(WRONG.replace("# my step", "").replace("hidden", "ħ").strip())
    report = notebook.check()
    html = report._repr_html_()
    words = Words(html)
    tags = [tag for tag, _ in words.tags]
    assert "script" not in tags
    assert "style" not in tags
    assert {"table", "caption", "th"} <= set(tags)
    assert {attrs.get("scope") for tag, attrs in words.tags if tag == "th"} == {"col", "row"}
    pictures = [attrs for tag, attrs in words.tags if tag == "img"]
    assert pictures
    for picture in pictures:
        assert picture["src"].startswith("data:image/svg+xml;base64,")
        assert picture["alt"] == "Loss by epoch"
    assert "Initial parameters “published”: your code (solid) ends at " in words.text
    assert "expected (dashed)" not in words.text
    assert "http" not in html
    notebook.run(
        "def update_parameters(parameters, y, y_hat, A1, X):\n"
        "    raise ValueError('<script>alert(1)</script>\\x1b[31m')"
    )
    html = notebook.check()._repr_html_()
    assert "&lt;script&gt;" in html
    assert "script" not in [tag for tag, _ in Words(html).tags]
    assert "\x1b" not in html


@pytest.mark.slow
def test_hint_levels_hold(notebook: Notebook, solved) -> None:
    """Below 2 no mistake is named, below 3 no rule, below 4 no right one."""
    notebook.run(solved["regression"])
    notebook.run(WRONG)
    shown = {}
    for level in (1, 2, 3, 4):
        call = f'gradkit.check(task="regression-numpy", seed=1, hints={level})'
        shown[level] = Words(notebook.check(call)._repr_html_()).text
    assert ["swapped-index" in shown[n] for n in shown] == [False, True, True, True]
    assert ["moves by" in shown[n] for n in shown] == [False, False, True, True]
    assert ["should move" in shown[n] for n in shown] == [False, False, False, True]


def test_courses_are_drawn_without_matplotlib(
    notebook: Notebook, solved, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the expected ones where the level shows them."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    notebook.run(solved["regression"])
    html = notebook.check('gradkit.check(task="regression-numpy", hints=4)')._repr_html_()
    assert html.count("<img") == html.count("Initial parameters “") > 1
    assert html.count("expected (dashed)") == html.count("<img")


def test_both_forms_are_offered(notebook: Notebook, solved) -> None:
    """A front end takes the one it can show."""
    notebook.run(solved["regression"])
    report = notebook.check()
    offered, _ = DisplayFormatter(active_types=["text/plain", "text/html"]).format(report)
    assert offered == {"text/plain": repr(report), "text/html": report._repr_html_()}


def test_check_is_the_function() -> None:
    """No module of that name can take its place, whatever has been imported."""
    import gradkit.cli.check
    import gradkit.gradcheck.check

    assert callable(gradkit.check)
    assert not (ROOT / "gradkit" / "check.py").exists()
    assert not (ROOT / "gradkit" / "check").exists()


def test_a_check_loads_nothing_that_colab_lacks(tmp_path: Path, solved) -> None:
    """Beside numpy: no torch, pandas, scipy or nbformat."""
    path = tmp_path / "mine.py"
    ending = (
        "\nimport gradkit, sys\ngradkit.check(task='regression-numpy')\n"
        "print({m.partition('.')[0] for m in sys.modules})\n"
    )
    path.write_text(solved["regression"] + ending, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, encoding="utf-8", check=True
    )
    loaded = eval(done.stdout.strip().split("\n")[-1])  # noqa: S307  (our own output)
    assert "numpy" in loaded
    assert not loaded & {"torch", "pandas", "scipy", "nbformat", "matplotlib"}
