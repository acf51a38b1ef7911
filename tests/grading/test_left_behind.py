"""An update that reads what the forward pass leaves behind is called after it, as in training."""

from __future__ import annotations

from pathlib import Path

import pytest
from told import checks, full, notebook, script, states

from gradkit.binding import bind
from gradkit.classroom.store.results import pack, unpack
from gradkit.diagnosis.catalogue import NONDETERMINISTIC
from gradkit.grading.assess import judge_again
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import Evidence, Result
from gradkit.records.submission import Section
from gradkit.sandbox.observe import call_of
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.read import read
from gradkit.task.assignment import read_assignment

pytestmark = [pytest.mark.sample(27), pytest.mark.usefixtures("warm")]

TASKS = {
    "classification-numpy": """
        def act(Z):
            return 1 / (1 + np.exp(-Z))

        def slope(A):
            return A * (1 - A)

        FACTOR = 1.0
        """,
    "regression-numpy": """
        def act(Z):
            return Z

        def slope(A):
            return 1.0 + 0 * A

        FACTOR = 2.0
        """,
}
STYLES = {
    "global": ("", "global H\n    H = A1", "H"),
    "dict": ("cache = {}", 'cache["A1"] = A1', 'cache["A1"]'),
    "new dict": ("cache = {}", 'global cache\n    cache = {"A1": A1}', 'cache["A1"]'),
    "dict.update": ("cache = {}", "cache.update(A1=A1)", 'cache["A1"]'),
    "list": ("caches = []", "caches.append((X, A1))", "caches.pop()[1]"),
    "attribute": (
        "from types import SimpleNamespace\nmemory = SimpleNamespace()",
        "memory.A1 = A1",
        "memory.A1",
    ),
    "method": (
        "class Tape:\n    def keep(self, A1):\n        self.kept = A1\n\ntape = Tape()",
        "tape.keep(A1)",
        "tape.kept",
    ),
    "function": ("", "L_layer_forward.A1 = A1", "L_layer_forward.A1"),
    "helpers": (
        'kept = {}\ndef keep(A1):\n    kept["A1"] = A1\n\ndef recall():\n    return kept["A1"]',
        "keep(A1)",
        "recall()",
    ),
}
"""What stands at top level, what forward does with A1, and how the update comes by it."""

INITIALISE = """
def initialise_parameters(dims):
    return {"W1": np.full((2, 2), 0.1), "b1": np.zeros((2, 1)),
            "W2": np.full((2, 1), 0.1), "b2": np.zeros((1, 1))}
"""
FORWARD = """
def L_layer_forward(X, parameters):
    A1 = act(parameters["W1"].T @ X + parameters["b1"])
    KEEP
    return act(parameters["W2"].T @ A1 + parameters["b2"]), A1
"""
UPDATE = """
def update_parameters(parameters, y, y_hat, A1, X):
    hidden = RECALL
    delta = FACTOR * (y_hat - y)
    delta1 = parameters["W2"] * delta * slope(hidden)
    parameters["W2"] = parameters["W2"] - 0.001 * hidden * delta
    parameters["b2"] = parameters["b2"] - 0.01 * delta
    parameters["W1"] = parameters["W1"] - 0.001 * X @ delta1.T
    parameters["b1"] = parameters["b1"] - 0.01 * delta1
"""
W2 = '    parameters["W2"] = parameters["W2"] - 0.001 * hidden * delta\n'
WRONG = {
    "wrong-sign": ('["W2"] - 0.001 * hidden', '["W2"] + 0.001 * hidden', "+ 0.001 * hidden"),
    "missing-activation-derivative": (" * slope(hidden)", "", "delta1 = "),
    "updated-before-use": (
        UPDATE[UPDATE.index("    delta1 = ") : UPDATE.index('    parameters["b2"]')],
        W2 + '    delta1 = parameters["W2"] * delta * slope(hidden)\n',
        "delta1 = ",
    ),
}
"""By the code of a mistake: what it replaces, by what, and what is on the line to be shown."""


def parts(style: str, task: str) -> tuple[str, str, str]:
    """What comes first, the forward pass and the update."""
    top, keep, recall = STYLES[style]
    first = "\n".join(line.removeprefix(" " * 8) for line in TASKS[task].split("\n"))
    forward, update = FORWARD.replace("KEEP", keep), UPDATE.replace("RECALL", recall)
    return f"import numpy as np\n{first}\n{top}\n", forward, update


def right(style: str = "dict", task: str = "classification-numpy") -> str:
    """The whole, and right."""
    return "\n".join(parts(style, task))


def mistakes(result: Result) -> list[str]:
    """The code of each finding."""
    return [finding.mistake for task in result.tasks for finding in task.findings]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("style", STYLES)
def test_a_cache_that_forward_fills_is_right(grade, tmp_path: Path, style: str, task: str):
    """Whatever it is kept in."""
    source = right(style, task)
    result = grade(script(tmp_path, source), task, diagnose=True)
    assert (states(result)["update"], states(result)["trajectory"]) == ("pass", "pass")
    # `interface` asks for more functions than these, and there is nothing else.
    assert not mistakes(result)
    update = checks(result)["update"]
    assert (update.score, update.message) == (update.max_score, "")


@pytest.mark.sample(12)
@pytest.mark.parametrize(
    ("style", "task", "code"),
    [
        *((style, "classification-numpy", code) for style in STYLES for code in WRONG),
        ("helpers", "regression-numpy", "wrong-sign"),
        ("dict", "regression-numpy", "updated-before-use"),
    ],
)
def test_its_wrong_twin_is_named_with_its_line(
    grade, tmp_path: Path, style: str, task: str, code: str
):
    """The calls before do not hide a mistake, nor where it is."""
    old, new, shown = WRONG[code]
    source = right(style, task)
    assert old in source
    source = source.replace(old, new)
    result = grade(script(tmp_path, source), task, diagnose=True)
    assert states(result)["update"] == "fail"
    assert mistakes(result) == [code]
    (finding,) = result.tasks[0].findings
    assert shown in source.split("\n")[finding.place.line - 1]


def test_in_two_cells_of_a_notebook(grade, tmp_path: Path):
    """With a loop and a call of forward at top level, as notebooks have."""
    first, forward, update = parts("global", "classification-numpy")
    run = """
    parameters = initialise_parameters([2, 2, 1])
    X, y = np.array([[0.3], [0.4]]), 1.0
    y_hat, A1 = L_layer_forward(X, parameters)
    for epoch in range(2):
        update_parameters(parameters, y, y_hat, A1, X)
    """
    result = grade(
        notebook(tmp_path, first + forward, update, INITIALISE, run),
        "classification-numpy",
        diagnose=True,
    )
    assert not mistakes(result)
    assert states(result)["update"] == "pass"


def test_two_files_have_one_cache(grade, tmp_path: Path):
    """The helpers are not among what is imported."""
    (tmp_path / "layers.py").write_text(right("helpers"), encoding="utf-8")
    main = "from layers import L_layer_forward, update_parameters\n"
    result = grade(script(tmp_path, main, "main.py").parent, "classification-numpy", diagnose=True)
    assert states(result)["update"] == "pass"
    assert not mistakes(result)


def test_an_array_that_forward_keeps_is_the_one_that_the_update_changes(grade, tmp_path: Path):
    """As in a loop: what is kept without a copy has moved with the parameters."""
    source = right().replace('["A1"] = A1', '["A1"] = A1\n    cache["W2"] = parameters["W2"]')
    old, new, _ = WRONG["updated-before-use"]
    late = source.replace(old, new).replace('parameters["W2"] * delta *', 'cache["W2"] * delta *')
    copied = late.replace('cache["W2"] = parameters["W2"]', 'cache["W2"] = parameters["W2"].copy()')
    in_place = 'parameters["W2"] -= 0.001 * hidden * delta'
    for text, state in ((late, "fail"), (copied, "pass")):
        path = script(tmp_path, text.replace(W2.strip(), in_place))
        result = grade(path, "classification-numpy", diagnose=True)
        assert states(result)["update"] == state
        assert mistakes(result) == (["updated-before-use"] if state == "fail" else [])


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param("(y_hat - y) * np.random.uniform(0.5, 1.5)", id="random"),
        pytest.param("tick() * (y_hat - y)", id="counter"),
        pytest.param("momentum(y_hat - y)", id="momentum"),
    ],
)
def test_what_the_update_keeps_for_itself_is_still_told(grade, tmp_path: Path, changed: str):
    """Only what forward makes anew is as in a loop."""
    helpers = """
def tick():
    cache["n"] = cache.get("n", 0) + 1
    return cache["n"]

def momentum(step):
    cache["v"] = 0.5 * cache.get("v", 0) + step
    return cache["v"]
"""
    source = right() + helpers
    source = source.replace("(y_hat - y)", changed, 1)
    result = grade(script(tmp_path, source), "classification-numpy", diagnose=True)
    assert states(result)["update"] == "fail"
    assert NONDETERMINISTIC in mistakes(result)


def test_a_cache_that_nothing_fills_is_told_as_before(grade, tmp_path: Path):
    """A call first would not help."""
    source = right().replace('cache["A1"] = A1', "pass")
    update = checks(grade(script(tmp_path, source), "classification-numpy"))["update"]
    assert update.state == "error"
    assert "`update_parameters` stopped with KeyError: 'A1'." in update.message


def test_an_exception_in_forward_is_forward_s(grade, tmp_path: Path):
    """The update is blocked, not blamed."""
    source = right().replace("    cache[", "    A0\n    cache[")
    found = checks(grade(script(tmp_path, source), "classification-numpy"))
    assert found["forward"].state == "error"
    assert {found[name].state for name in ("update", "gradient", "trajectory")} == {"blocked"}
    cause = "Not checked, because `forward` stops with NameError."
    assert [found[name].message for name in ("update", "gradient", "trajectory")] == [cause] * 3


def test_an_exception_that_forward_s_own_check_does_not_see(grade, tmp_path: Path):
    """Its calls are counted: it fails some time after its own check has passed."""
    count = '    cache["n"] = cache.get("n", 0) + 1\n    assert cache["n"] < 45, "too often"\n'
    source = right().replace("    cache[", count + "    cache[", 1)
    found = checks(grade(script(tmp_path, source), "classification-numpy"))
    assert found["update"].state == "error"
    assert "`L_layer_forward` stopped with AssertionError: too often." in found["update"].message


def test_a_wrong_forward_is_charged_alone(grade, tmp_path: Path):
    """The update is right for what it finds, and loses the share that the mistake costs."""
    source = right().replace(' + parameters["b1"]', "")
    result = grade(script(tmp_path, source), "classification-numpy", diagnose=True)
    found = checks(result)
    assert mistakes(result) == ["missing-bias"]
    assert found["update"].causes == ("missing-bias",)
    shares = [found[name].score / found[name].max_score for name in ("forward", "update")]
    assert shares == pytest.approx([shares[0]] * 2, abs=0.06)


def test_both_wrong_says_that_one_goes_on_in_the_other(grade, tmp_path: Path):
    """What goes wrong where cannot be told apart, and that is said."""
    source = right().replace(' + parameters["b1"]', "").replace("- 0.001 * hid", "+ 0.001 * hid")
    result = grade(script(tmp_path, source), "classification-numpy", diagnose=True)
    update = checks(result)["update"]
    assert not update.causes
    assert update.score < update.max_score
    assert update.message.startswith(
        "`update_parameters` reads `cache`, which `L_layer_forward` stores. A mistake in "
        "`L_layer_forward` also affects this check, so look at `L_layer_forward` first."
    )


def test_what_forward_does_to_the_parameters_is_put_back(grade, tmp_path: Path):
    """A forward pass that changes them is no fault of the update."""
    source = right().replace("    cache[", '    parameters["W2"] *= 1.5\n    cache[')
    found = checks(grade(script(tmp_path, source), "classification-numpy"))
    assert found["forward"].state == "fail"
    assert "changes its input" in found["forward"].message
    assert found["update"].state == "pass"


def test_forward_that_knows_the_answer_by_heart_gains_nothing(grade, tmp_path: Path):
    """It never sees the target: what it leaves behind is worth what it is in a loop."""
    source = right().replace('cache["A1"] = A1', 'cache["A1"] = A1\n    cache["step"] = 0.001 * A1')
    source = source.replace(W2.strip(), 'parameters["W2"] = parameters["W2"] - cache["step"]')
    result = grade(script(tmp_path, source), "classification-numpy")
    assert states(result)["update"] == states(result)["trajectory"] == "fail"


def test_full_marks(grade, tmp_path: Path):
    """With all of the functions there."""
    for style in STYLES:
        path = script(tmp_path, right(style) + INITIALISE)
        assert full(grade(path, "classification-numpy")), style


@pytest.mark.parametrize("named", ["hidden = cache", "hidden = A1"])
def test_only_who_reads_what_is_left_has_forward_called_first(workshop, tmp_path: Path, named: str):
    """A forward pass that keeps a log is not called more often for it."""
    source = right().replace('hidden = cache["A1"]', named + '["A1"]' * ("cache" in named))
    submission = read(script(tmp_path, source))
    task = next(task for task in read_assignment().tasks if task.id == "classification-numpy")
    section = Section((task.id,), submission.cells)
    with StudentProcess(workshop, section, {}, frozenset(), 60.0, seed=0) as sitting:
        update = bind(task, sitting).bound["update"]
    if "cache" in named:
        assert update.before is not None
        assert (update.before.bound.function, update.before.names) == (
            "L_layer_forward",
            ("cache",),
        )
        assert call_of(update, task)["before"]["function"] == "L_layer_forward"
    else:
        assert update.before is None
        assert "before" not in call_of(update, task)


def test_evidence_with_it_is_kept_and_judged_again(workshop, tmp_path: Path):
    """A class that is marked again finds what went before each call."""
    settings = Settings(tasks=("classification-numpy",), seed=1, no_reference=True)
    with Session(settings, workshop) as session:
        (evidence,) = session.grade(read(script(tmp_path, right()))).evidence
        (kept,) = unpack(pack((evidence,)), tuple[Evidence, ...])
        assert kept.binding == evidence.binding
        assert kept.binding is not None
        assert kept.binding.bound["update"].before is not None
        task = next(task for task in session.tasks if task.id == kept.task)
        verdicts = judge_again(task, session.resources.oracle(task), kept)
    assert {v.check: v.state for v in verdicts}["update"] == "pass"
