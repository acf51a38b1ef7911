"""Functions that return another number of values than the task unpacks, or stop in few places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import Settings
from gradkit.lines import ReturnedError, run, unpacked_into
from gradkit.records.result import CheckResult, Finding
from gradkit.sandbox import Workshop
from gradkit.task.assignment import BESIDE, SHIPPED

pytestmark = pytest.mark.sample(4)

Graded = Callable[..., tuple[CheckResult, list[Finding]]]

CACHED = "    return out, (x, w, b, conv_param)"
"""How the model solution of the convolution ends."""

ROWS = "rows = 1 + (padded.shape[2] - height) // stride"
COLUMNS = "columns = 1 + (padded.shape[3] - width) // stride"


@pytest.fixture(scope="module")
def graded(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graded]:
    """Grade the model solution of the convolution with changed texts, and return its first check.

    The findings are those about that check.
    """
    folder = tmp_path_factory.mktemp("returned")
    settings = Settings(assignment=SHIPPED / "convolution" / "assignment.toml", seed=3)
    (path,) = (BESIDE / "convolution").glob("*.py")
    solution = path.read_text(encoding="utf-8")
    with Session(settings, workshop) as session:

        def grade(*changes: tuple[str, str]) -> tuple[CheckResult, list[Finding]]:
            text = solution
            for was, now in changes:
                assert text.count(was) == 1, was
                text = text.replace(was, now)
            answer = folder / "answer.py"
            answer.write_text(text, encoding="utf-8")
            task, *_ = session.grade(read_submission(answer)).result.tasks
            return task.checks[0], [each for each in task.findings if each.check == "forward"]

        yield grade


@pytest.mark.slow
@pytest.mark.rotate(4)
@pytest.mark.parametrize(
    ("end", "message", "mistake", "fix"),
    [
        (
            "    cache = (x, w, b, conv_param)\n    return out",
            "`conv_forward_naive` returns 1 array; it has to return 2 values, for `out`, `cache`.",
            "wrong-return",
            "return out, cache",
        ),
        (
            "    cache = (x, w, b, conv_param)\n    return both(out, cache)\n\n\n"
            "def both(out, cache):\n    return out",
            "`conv_forward_naive` returns 1 array; it has to return 2 values, for `out`, `cache`.",
            "wrong-return",
            "return out, cache",
        ),
        (
            "    cache = (x, w, b, conv_param)\n    return out, cache, rows",
            "`conv_forward_naive` returns 3 values; it has to return 2 values, for `out`, `cache`.",
            "wrong-return",
            "return out, cache",
        ),
        (
            "    cache = (x, w, b, conv_param)",
            "`conv_forward_naive` returns None; it has to return 2 values, for `out`, `cache`.",
            "missing-return",
            "return out, cache",
        ),
    ],
    ids=["too few", "too few in a helper", "too many", "none"],
)
def test_another_number_of_values_is_reported_with_the_line_that_returns_them(
    graded: Graded, end: str, message: str, mistake: str, fix: str
) -> None:
    """All else is right, so the check loses the price of a stop."""
    check, findings = graded((CACHED, end))
    assert check.message == message
    (finding,) = findings
    assert (finding.mistake, finding.fix) == (mistake, fix)
    assert check.score == check.max_score / 2


@pytest.mark.slow
def test_one_mistake_that_no_name_of_the_function_mends_has_no_suggestion(graded: Graded) -> None:
    """The cache is never made, so no value can be returned in its place."""
    check, findings = graded((CACHED, "    return out"))
    assert "it has to return 2 values" in check.message
    assert not [finding for finding in findings if finding.fix]


def test_quotients_that_have_to_be_whole_numbers_are_one_mistake(graded: Graded) -> None:
    """Either division alone would still stop the line that uses both."""
    changes = [(line, line.replace("//", "/")) for line in (ROWS, COLUMNS)]
    check, findings = graded(*changes)
    crash, repair = findings
    assert crash.mistake == "crash"
    assert repair.mistake == "wrong-operator"
    assert [line.strip() for line in repair.fix.splitlines()] == [ROWS, COLUMNS]
    assert check.score == check.max_score / 2


@pytest.mark.parametrize(
    ("returned", "found"),
    [
        (None, "None"),
        (np.ones(3), "1 array"),
        (2.0, "1 number"),
        (np.float64(2), "1 number"),
        ((1,), "1 value"),
        ([1, 2, 3], "3 values"),
    ],
)
def test_a_line_refuses_another_number_of_values(returned: object, found: str) -> None:
    """The text says what was returned, how many values are needed, and for what."""
    with pytest.raises(ReturnedError) as raised:
        run("a, b['c'] = f(x)", {"f": lambda x: returned, "x": 1, "b": {}})
    expected = f"`f` returns {found}; it has to return 2 values, for `a`, `b['c']`"
    assert str(raised.value) == expected


def test_a_line_unpacks_what_has_as_many_parts() -> None:
    """A tuple, a list, an array with as many rows, and objects that only Python can unpack."""
    for returned in ((1, 2), [1, 2], np.array([1, 2]), iter([1, 2]), {1: 0, 2: 0}):
        names: dict[str, object] = {"f": lambda it=returned: it}
        run("a, b = f()", names)
        assert (names["a"], names["b"]) == (1, 2)
        assert "_returned" not in names
    with pytest.raises(ValueError, match="not enough values to unpack"):
        run("a, b = f()", {"f": lambda: iter([1])})


def test_the_targets_of_the_last_unpacking_line_are_returned() -> None:
    """A line with one target, or with a star, unpacks nothing that can be counted."""
    assert unpacked_into("a, b = f(x); c, d = g(a); e = h(c)") == ("c", "d")
    assert unpacked_into("a = f(x); *b, c = g(a)") == ()


def test_a_condition_is_reported_without_a_change(workshop: Workshop, tmp_path: Path) -> None:
    """Many changes make a condition true, so none is called right."""
    (path,) = (BESIDE / "two-layer-net").glob("*.py")
    text = path.read_text(encoding="utf-8")
    drawn = "np.random.randn(hidden_size, output_size)"
    assert text.count(drawn) == 1
    answer = tmp_path / "answer.py"
    answer.write_text(text.replace(drawn, drawn.replace("randn", "rand")), "utf-8")
    settings = Settings(assignment=SHIPPED / "two-layer-net" / "assignment.toml", seed=3)
    with Session(settings, workshop) as session:
        (task,) = session.grade(read_submission(answer)).result.tasks
    check = task.checks[0]
    condition = "np.greater(fresh.params['W2'].std(), std / 3)"
    assert check.message == f"`{condition}` is false; it should be true."
    assert not task.findings
    assert check.held == ("unexplained",)
