"""Code that stops is reported with Python's own sentence, its line and the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest
from grading.test_stopped import RIGHT
from msgspec.structs import replace

from gradkit.diagnosis.catalogue import CRASH, NO_RETURN
from gradkit.diagnosis.crashes import with_crashes
from gradkit.records.result import Entry, Finding, Inquiry, TaskResult, Verdict
from gradkit.records.submission import Cell, Place
from gradkit.report.text import to_text

PLACE = Place("a.py", None, 2)


def graded(grade, tmp_path: Path, text: str, name: str = "regression_numpy.py"):
    """Return the result of a submission with this text."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return grade(path)


def findings_of(task: TaskResult, check: str) -> list[Finding]:
    """Return the findings of a check."""
    return [finding for finding in task.findings if finding.check == check]


def crash(exception: str, source: str, line: int = 2) -> Finding:
    """Return the finding for an exception at a line of a text."""
    cell = Cell("a.py", "a.py", None, source)
    place = Place("a.py", None, line)
    verdict = Verdict("update", "error", "It stopped.", place=place, exception=exception)
    (found,) = with_crashes([verdict], Inquiry(), [cell], "task").findings
    return found


def marked(finding: Finding) -> str:
    """Return the part of the quoted line that a finding underlines."""
    start, end = finding.columns or (0, 0)
    return finding.source[start:end]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("old", "new", "exception", "sentence", "part"),
    [
        (
            'hidden = parameters["W2"] * error',
            "hidden = W2 * error",
            "NameError: name 'W2' is not defined.",
            'The name `W2` is not defined here. Did you mean `parameters["W2"]`?',
            "W2",
        ),
        (
            'hidden = parameters["W2"] * error',
            'hidden = parameters["w2"] * error',
            "KeyError: 'w2'.",
            "The dict has no key 'w2'. Did you mean 'W2'?",
            '"w2"',
        ),
    ],
)
def test_the_message_of_python_comes_first(
    grade, tmp_path: Path, old: str, new: str, exception: str, sentence: str, part: str
) -> None:
    """No formula and no hint about one is shown for an exception."""
    result = graded(grade, tmp_path, RIGHT.replace(old, new))
    (task,) = result.tasks
    (finding,) = findings_of(task, "update")
    assert finding.mistake == CRASH
    assert finding.source == new
    assert marked(finding) == part
    assert finding.sentence == sentence
    assert (finding.applies, finding.should, finding.fix, finding.diff) == ({}, {}, "", "")
    shown = to_text([result], 4)
    assert shown.index(exception) < shown.index(sentence) < shown.index(f"  {new}")
    assert "hint:" not in shown
    assert "formula" not in shown


def test_a_missing_return_is_reported_as_such(grade, tmp_path: Path) -> None:
    """None is what a function gives that has no `return` with a value."""
    text = RIGHT.replace("    return parameters[", "    parameters[").replace("], A1\n", "]\n")
    (task,) = graded(grade, tmp_path, text).tasks
    (finding,) = findings_of(task, "forward")
    assert finding.mistake == NO_RETURN
    assert (
        finding.sentence
        == "`return` is missing in `L_layer_forward`, so the function returns None."
    )
    assert finding.hints[0] == "Look at `L_layer_forward`."


@pytest.mark.parametrize(
    ("exception", "source", "sentence", "part"),
    [
        (
            "NameError: name 'W3' is not defined",
            "def f(W2, x):\n    return W3 @ x",
            "The name `W3` is not defined here. Did you mean `W2`?",
            "W3",
        ),
        (
            "NameError: name 'W3' is not defined",
            "def f(W1, W2, W4):\n    return W3",
            "The name `W3` is not defined here.",
            "W3",
        ),
        (
            "NameError: name 'd' is not defined",
            "def f(a, x):\n    return d",
            "The name `d` is not defined here.",
            "d",
        ),
        (
            "UnboundLocalError: cannot access local variable 'd' where it is not associated",
            "def f(x):\n    d = d + x",
            "`d` is read before it is assigned.",
            "",
        ),
        (
            "AttributeError: module 'numpy' has no attribute 'expp'",
            "import numpy as np\ny = np.expp(1)",
            "`numpy` has no attribute `expp`. Did you mean `exp` or `exp2`?",
            "np.expp",
        ),
        (
            "AttributeError: 'Net' object has no attribute 'layer1'",
            "class Net:\n    def g(self): return self.layer1\n    def f(self): self.layer2 = 1",
            "`Net` has no attribute `layer1`. Did you mean `layer2`?",
            "self.layer1",
        ),
        (
            "AttributeError: cannot assign module before Module.__init__() call",
            "def __init__(self):\n    self.l1 = Linear(2, 2)",
            "`super().__init__()` is missing. Make it the first line of `__init__`.",
            "",
        ),
        (
            "TypeError: unsupported operand type(s) for *: 'NoneType' and 'float'",
            "def f(x):\n    return 2.0 * g(x)\ndef g(x):\n    y = x\n",
            "`return` is missing in `g`, so the function returns None.",
            "",
        ),
        (
            "ValueError: shapes do not fit",
            "def f(x):\n    return x @ x",
            "Python stops at this line: the code after it is not run.",
            "",
        ),
    ],
)
def test_advice_by_exception(exception: str, source: str, sentence: str, part: str) -> None:
    """Advice names what the submitted text has, and nothing where several names are as near."""
    found = crash(exception, source)
    assert found.sentence == sentence
    assert marked(found) == part
    assert found.title == f"The code stops with {exception.partition(':')[0]}"


def test_columns_count_characters() -> None:
    """Greek letters take two bytes each, and one column."""
    found = crash("NameError: name 'ŷ2' is not defined", "def f(y):\n    return δ * ŷ2")
    assert marked(found) == "ŷ2"


def test_a_line_that_stops_two_checks_is_one_finding() -> None:
    """The repairs that were found for both are dropped."""
    cell = Cell("a.py", "a.py", None, "def f(x):\n    return z\n")
    sentence = "NameError: name 'z' is not defined"
    verdicts = [
        Verdict(check, "error", "It stopped.", place=PLACE, exception=sentence)
        for check in ("forward", "trajectory")
    ]
    repairs = tuple(
        Finding(check, check, "wrong-name", "Another value", (), place=PLACE, basis="change")
        for check in ("forward", "trajectory")
    )
    inquiry = Inquiry(repairs, {"gradient": ("trajectory",)})
    found = with_crashes(verdicts, inquiry, [cell], "task")
    assert [(each.check, each.mistake) for each in found.findings] == [("forward", CRASH)]
    assert found.causes == {"gradient": (found.findings[0].id,)}
    # All else is right with the repairs, so the crash alone costs points.
    assert found.findings[0].basis == "change"


MADE_RIGHT = Finding(
    "id", "forward", NO_RETURN, "Title", (), place=Place("a.py", None, 1), basis="change"
)


def test_a_check_that_stops_because_of_another_mistake_has_no_finding_of_its_own() -> None:
    """The forward pass gives None, and the training stops on that: one mistake, one price."""
    cell = Cell("a.py", "a.py", None, "def train(model):\n    model.f(1).squeeze()\n")
    sentence = "AttributeError: 'NoneType' object has no attribute 'squeeze'"
    stops = Verdict("gradient", "error", "It stopped.", place=PLACE, exception=sentence)
    inquiry = Inquiry((MADE_RIGHT,), {"gradient": (MADE_RIGHT.id,)})
    assert with_crashes([stops], inquiry, [cell], "task") == inquiry
    # The twin: nothing says that the other mistake is why it stops.
    apart = with_crashes([stops], Inquiry((MADE_RIGHT,)), [cell], "task")
    assert [each.mistake for each in apart.findings] == [NO_RETURN, CRASH]


def test_a_repair_that_is_found_for_another_check_shows_that_all_else_is_right() -> None:
    """The line stops two checks, and its repair is looked for once."""
    cell = Cell("a.py", "a.py", None, "def train(loss):\n    loss.backwards()\n")
    sentence = "AttributeError: 'Tensor' object has no attribute 'backwards'"
    verdicts = [
        Verdict(check, "error", "It stopped.", place=PLACE, exception=sentence)
        for check in ("gradient", "trajectory")
    ]
    repair = replace(MADE_RIGHT, check="trajectory", mistake="wrong-name", place=PLACE)
    inquiry = Inquiry((repair,), {"gradient": (repair.id,)})
    found = with_crashes(verdicts, inquiry, [cell], "task")
    assert [(e.check, e.mistake, e.basis) for e in found.findings] == [
        ("trajectory", CRASH, "change")
    ]
    assert found.causes == {"gradient": (found.findings[0].id,)}


def stopped_with(sentence: str, line: str = "return x @ x") -> list[str]:
    """Return the kinds that are reported of code that stops, and for which two repairs are found.

    One repair changes the line that stops, the other one a line before it.
    """
    cell = Cell("a.py", "a.py", None, f"def f(x):\n    {line}\n    return x\n")
    elsewhere = Place("a.py", None, 3)
    repairs = tuple(
        Finding(code, "update", code, "Title", (), place=place, basis="change")
        for code, place in (("wrong-transpose", PLACE), ("wrong-name", elsewhere))
    )
    verdict = Verdict("update", "error", "It stopped.", place=PLACE, exception=sentence)
    found = with_crashes([verdict], Inquiry(repairs), [cell], "task")
    return [each.mistake for each in found.findings]


@pytest.mark.parametrize(
    "sentence",
    [
        "ValueError: shapes (2,1) and (2,1) not aligned",
        "AttributeError: 'NoneType' object has no attribute 'zero_'",
        "AttributeError: 'float' object has no attribute 'backward'",
    ],
)
def test_repairs_follow_an_exception_that_does_not_name_the_reason(sentence: str) -> None:
    """The value is wrong, and any line may have made it."""
    assert stopped_with(sentence) == [CRASH, "wrong-transpose", "wrong-name"]


@pytest.mark.parametrize(
    "sentence",
    [
        "NameError: name 'z' is not defined",
        "KeyError: 'W3'",
        "AttributeError: module 'numpy' has no attribute 'dott'",
    ],
)
def test_repairs_are_dropped_where_an_exception_names_the_reason(sentence: str) -> None:
    """A wrong name would be described as a wrong formula."""
    assert stopped_with(sentence) == [CRASH]


def test_repairs_are_dropped_where_the_student_raises_the_exception() -> None:
    """The line is meant to stop, and another condition is no repair."""
    assert stopped_with("ValueError: 3", "raise ValueError(3)") == [CRASH]


def test_a_crash_outside_of_the_submission_is_left() -> None:
    """There is no line to quote."""
    cell = Cell("a.py", "a.py", None, "x = 1\n")
    verdict = Verdict(
        "update", "error", "It stopped.", place=Place("b.py", None, 900), exception="KeyError: 'a'"
    )
    assert with_crashes([verdict], Inquiry(), [cell], "task") == Inquiry()


def test_a_change_beside_a_crash_stays_where_all_outputs_are_right_then() -> None:
    """The first change lets the code run. The message names its reason, so it is not shown."""
    cell = Cell("a.py", "a.py", None, "def f(x):\n    return x.t\n")
    states = (("dW", "missing"), ("db", "fail"), ("dX", "pass"))
    entries = tuple(Entry(name, (), state, None, None) for name, state in states)
    sentence = "AttributeError: 'Layer' object has no attribute 't'"
    stops = Verdict("update", "error", "", entries, place=PLACE, exception=sentence)
    first, second = (
        Finding(code, "update", code, "Title", (output,), place=PLACE, basis="change")
        for code, output in (("wrong-name", "dW"), ("missing-factor", "db"))
    )
    inquiry = Inquiry((first, second), {"gradient": (first.id,)})
    found = with_crashes([stops], inquiry, [cell], "task")
    assert [each.mistake for each in found.findings] == [CRASH, "missing-factor"]
    assert found.causes == {"gradient": (found.findings[0].id,)}
    # Something else is still wrong, so the changes may be anything that makes up for it.
    rest = replace(stops, entries=(*entries, Entry("dv", (), "fail", None, None)))
    (alone,) = with_crashes([rest], inquiry, [cell], "task").findings
    assert alone.mistake == CRASH
