"""What a line rests on, and what is told where the trace does not show the mistake."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from styles import ENTRIES, FORWARD, IMPORTS, VECTORISED
from watched import TASKS, Watched, watch

from gradkit.diagnosis.formulas.lines import attribute
from gradkit.records.rule import Slip as Found
from gradkit.records.rule import Spot
from gradkit.records.task import Layer, Start, Task
from gradkit.sandbox import Workshop

pytestmark = pytest.mark.usefixtures("warm")


@pytest.fixture(scope="module")
def workshop():
    """For the tests; the fixture below holds one of its own."""
    with Workshop() as workshop:
        yield workshop


@pytest.fixture(scope="module")
def swapped():
    """A vectorised update with a swapped index, watched, with its diagnosis."""
    sources = VECTORISED.sources({"dW1 = np.dot(X, dZ1.T)": "dW1 = np.dot(dZ1, X.T)"})
    with Workshop() as workshop, watch(workshop, VECTORISED.task, *sources) as watched:
        yield watched, watched.diagnosis()


def told(watched: Watched, diagnosis, **changes):
    """The attributions of the first slip, from a trace with something changed."""
    trace = replace(watched.trace, **changes)
    (slip,) = diagnosis.explanation.slips
    return attribute(watched.task, trace, watched.inputs, diagnosis, slip, watched.text)


@pytest.mark.parametrize("style", [ENTRIES, VECTORISED], ids=["entries", "arrays"])
def test_right_update_has_no_attribution(workshop, style):
    """Only a mistake has a line."""
    with watch(workshop, style.task, *style.sources()) as watched:
        assert watched.attributions() == []
        assert watched.trace.steps.values.shape[1] == 8


def test_entries_with_the_same_lines_are_told_together(swapped):
    """Both entries, the value that is wrong, and the innocent line that applied it."""
    watched, diagnosis = swapped
    (found,) = told(watched, diagnosis)
    assert found.entries == (("W1", (0, 1)), ("W1", (1, 0)))
    assert found.evidence == "value"
    assert found.spot.place.line == 10
    start, _ = found.spot.columns
    assert VECTORISED.cell.split("\n")[found.spot.place.line - 1][start - 2 : start] == "= "


@pytest.mark.parametrize("changes", [{"steps": None}, {"after": {}}])
def test_without_a_trace_the_function_is_told(swapped, changes):
    """A line that nothing speaks for is not made up."""
    watched, diagnosis = swapped
    (found,) = told(watched, diagnosis, **changes)
    assert (found.evidence, found.spot) == ("function", Spot(watched.bound.place))
    assert len(found.entries) == 2


def test_values_that_belong_to_other_inputs_show_nothing(swapped):
    """The wrong-on-purpose twin: the same events against inputs in another order."""
    watched, diagnosis = swapped
    order = np.roll(np.arange(8), 1)
    turned = replace(
        watched.inputs, **{name: getattr(watched.inputs, name)[order] for name in ("y", "X", "A1")}
    )
    (slip,) = diagnosis.explanation.slips
    (found,) = attribute(watched.task, watched.trace, turned, diagnosis, slip)
    assert found.evidence == "applied"


def test_what_is_unexplained_and_right_here_has_the_line_that_moved_it(swapped):
    """There is no value to look for."""
    watched, diagnosis = swapped
    unexplained = Found("unexplained", (("b1", (0, 0)),))
    (found,) = attribute(watched.task, watched.trace, watched.inputs, diagnosis, unexplained)
    assert found.evidence == "applied"
    assert 'parameters["b1"]' in VECTORISED.cell.split("\n")[found.spot.place.line - 1]


def test_each_of_several_mistakes_has_its_own_line(workshop):
    """Three in one function: each is told from the rule that has the other two."""
    lines = {
        "dZ1 = dA1 * A1 * (1 - A1)": "dZ1 = dA1 * (1 - A1)",
        "dW1 = np.dot(X, dZ1.T)": "dW1 = np.dot(dZ1, X.T)",
        'parameters["W2"] -= lr_w * dW2': 'parameters["W2"] += lr_w * dW2',
    }
    sources = VECTORISED.sources(lines)
    with watch(workshop, VECTORISED.task, *sources) as watched:
        found = {each.code: each.spot.place.line for each in watched.attributions()}
    assert found == {"wrong-activation-derivative": 9, "swapped-index": 10, "wrong-sign": 14}


def test_a_gradient_that_is_right_is_not_blamed_for_how_it_is_used(workshop):
    """Two entries exchanged when they are applied: the gradients themselves are right."""
    body = VECTORISED.cell.replace(
        'parameters["W2"] -= lr_w * dW2', 'parameters["W2"] -= lr_w * dW2[::-1]'
    )
    with watch(workshop, VECTORISED.task, VECTORISED.sources()[0], body) as watched:
        (found,) = watched.attributions()
    assert (found.code, found.spot.place.line) == ("swapped-index", 14)


def test_a_rate_that_is_handed_over_and_ignored(workshop):
    """The line that sets it anew is where it gets lost; without that line nothing is."""
    head = "def update_parameters(parameters, y, y_hat, A1, X, lr=0.1):\n"
    body = ENTRIES.cell.split("\n", 2)[2].replace("0.001", "lr").replace("0.01 ", "lr ")
    for first, expected in (
        ("    lr = 0.001\n", {("W1", (0, 0)), ("W2", (1, 0))}),
        ("", None),
    ):
        cell = head + first + body
        with watch(workshop, ENTRIES.task, ENTRIES.sources()[0], cell) as watched:
            found = [each for each in watched.attributions() if each.code == "rate-ignored"]
        if expected is None:
            assert found == []
        else:
            entries = {
                entry for each in found if each.spot.place.line == 2 for entry in each.entries
            }
            assert expected <= entries


def wide(workshop_task: Task) -> Task:
    """Three inputs, four hidden tanh units, two outputs."""
    shapes = {"W1": (3, 4), "b1": (4, 1), "W2": (4, 2), "b2": (2, 1)}
    start = Start("start", {key: np.full(shape, 0.1) for key, shape in shapes.items()})
    return replace(
        workshop_task,
        id="wide",
        X=np.arange(15.0).reshape(5, 3) / 7,
        y=np.arange(10.0).reshape(5, 2) / 3,
        columns=("a", "b", "c", "d", "e"),
        layers=(Layer(4, "tanh"), Layer(2, "linear")),
        starts=(start,),
    )


WIDE = """
def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = -2 * (y - y_hat)
    dW2 = A1 @ dZ2.T
    dA1 = parameters["W2"] @ dZ2
    dZ1 = dA1 * (1 - A1 ** 2)
    dW1 = X @ dZ1.T
    parameters["W1"] = parameters["W1"] - 0.001 * dW1
    parameters["b1"] = parameters["b1"] - 0.01 * dZ1
    parameters["W2"] = parameters["W2"] - 0.001 * dW2
    parameters["b2"] = parameters["b2"] - 0.01 * dZ2
"""
LAYOUT = {"W1": "(3, 4)", "b1": "(4, 1)", "W2": "(4, 2)"}


@pytest.mark.parametrize(
    ("right", "wrong", "code", "name"),
    [
        ("dZ1 = dA1 * (1 - A1 ** 2)", "dZ1 = dA1 * (1 - A1)", "wrong-activation-derivative", "dZ1"),
        ("dZ2 = -2 * (y - y_hat)", "dZ2 = -2 * y", "wrong-error", "dZ2"),
        ("dZ2 = -2 * (y - y_hat)", "dZ2 = -2 * (y - y_hat) ** 2", "squared-error", "dZ2"),
        ("X @ dZ1.T", "np.ones_like(X) @ dZ1.T", "missing-input", "dW1"),
        (
            'dA1 = parameters["W2"] @ dZ2',
            'parameters["W2"] = parameters["W2"] - 0.001 * dW2\n    dA1 = parameters["W2"] @ dZ2',
            "updated-before-use",
            "dA1",
        ),
    ],
)
def test_sums_over_outputs_are_looked_into(workshop, monkeypatch, right, wrong, code, name):
    """With two outputs a hidden unit's error is a sum, whose summands are made before it."""
    monkeypatch.setitem(TASKS, "wide", wide(TASKS["regression-numpy"]))
    head = IMPORTS + FORWARD.format(
        act="np.tanh",
        first='parameters["W1"].T @ X + parameters["b1"]',
        second='parameters["W2"].T @ A1 + parameters["b2"]',
        **LAYOUT,
    ).replace("return np.tanh", "return ").replace("(1, 1)", "(2, 1)")
    body = WIDE.replace(right, wrong)
    if code == "updated-before-use":
        head_of, tail = body.rsplit('    parameters["W2"] = parameters["W2"] - 0.001 * dW2\n', 1)
        body = head_of + tail
    with watch(workshop, "wide", head, body) as watched:
        found = watched.attributions()
    lines = {n for n, line in enumerate(body.split("\n"), 1) if line.startswith(f"    {name} =")}
    assert {each.code for each in found} == {code}
    assert {each.spot.place.line for each in found} == lines


def test_an_entry_that_is_written_twice(workshop):
    """What is wrong with its start, and with where a step went, is told of the right write."""
    lines = ENTRIES.cell.strip().split("\n")
    first, last = 5, len(lines) - 1
    # b1[0] takes the step of b2, starting from b1[1], and its own afterwards.
    bias = lines[last].replace('parameters["b2"][0][0] =', 'parameters["b1"][0][0] =')
    bias = bias.replace('parameters["b2"][0][0]', 'parameters["b1"][1][0]')
    assert told_lines(workshop, [*lines[:first], bias, *lines[first:last]]) == {
        "wrong-source-entry": 6,
        "wrong-target": 6,
    }
    # W1[1,0] starts from W1[0,1], and takes that one's step besides.
    start = lines[3].replace('= parameters["W1"][1][0]', '= parameters["W1"][0][1]')
    other = lines[2].replace('parameters["W1"][0][1]', 'parameters["W1"][1][0]')
    assert told_lines(workshop, [*lines[:2], start, other, *lines[4:]]) == {
        "wrong-source-entry": 3,
        "wrong-target": 4,
    }


def told_lines(workshop: Workshop, lines: list[str]) -> dict[str, int]:
    """The line of each mistake in an update that writes entry by entry."""
    with watch(workshop, ENTRIES.task, ENTRIES.sources()[0], "\n".join(lines)) as watched:
        return {each.code: each.spot.place.line for each in watched.attributions()}
