"""Traced lines as the student sees them, and what comes of a worker that is lost."""

from __future__ import annotations

import pytest
from styles import VECTORISED
from watched import TASKS, watch

from gradkit.diagnosis.rules.draw import to_columns
from gradkit.diagnosis.trace import observe_trace
from gradkit.runtime.frames import Frame

TASK = "classification-numpy"
FORWARD = VECTORISED.sources()[0]


def test_a_call_that_raises_is_told(workshop):
    """With its place, and without the calls that did not come about."""
    cell = (
        "def update_parameters(parameters, y, y_hat, A1, X):\n"
        "    seen = 2 * y\n"
        '    if parameters["W1"][0, 0] != 0.1:\n        raise ValueError("not the start")\n'
        '    parameters["W2"] -= 0.001 * A1 * (y_hat - y)\n'
    )
    with watch(workshop, TASK, FORWARD, cell) as watched:
        trace = watched.trace
    assert (trace.failure.type, trace.failure.place.line) == ("ValueError", 4)
    assert trace.after == {}


def test_a_hang_costs_the_trace_alone(workshop):
    """The worker is lost; the trace says so and holds nothing."""
    cell = (
        "def update_parameters(parameters, y, y_hat, A1, X):\n"
        '    parameters["W2"] -= 0.001 * A1 * (y_hat - y)\n'
        "    while hang:\n        pass\n"
    )
    with watch(workshop, TASK, FORWARD, "hang = False\n", cell) as watched:
        watched.sitting._sources["own"][1][1] = "hang = True\n"
        watched.sitting._close()
        watched.sitting._left = 1.0
        trace = observe_trace(
            watched.sitting, TASKS[TASK], watched.bound, to_columns(watched.inputs)
        )
    assert trace.lost.kind == "timeout"
    assert trace.after == {}


class Forger:
    """A sitting whose worker answers nonsense."""

    def __init__(self, sitting, forge) -> None:
        self._sitting, self._forge = sitting, forge
        self.section, self.place, self.failure = sitting.section, sitting.place, sitting.failure

    def ask(self, request):
        """The real reply, forged."""
        reply = self._sitting.ask(request)
        arrays, data = dict(reply.arrays), dict(reply.data)
        self._forge(arrays, data)
        return Frame(reply.kind, arrays, data)


def _scaled(name, factor):
    def forge(arrays, data):
        arrays[name] = arrays[name] * factor

    return forge


def _moved(name, place, number):
    def forge(arrays, data):
        arrays[name] = arrays[name].copy()
        arrays[name][place] = number

    return forge


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (lambda arrays, data: arrays.pop("steps"), "KeyError: 'steps'"),
        (lambda arrays, data: data.pop("failure"), "KeyError: 'failure'"),
        (_scaled("stacks", 1.0), "ValueError: stacks do not fit"),
        (_moved("stacks", (0, 1), -1), "ValueError: files do not fit"),
        (_moved("stacks", (0, 1), 99), "IndexError: list index out of range"),
        (_moved("stacks", (0, 2), 10**9), "ValueError: lines do not fit"),
        (_moved("steps", (0, 1), 99), "ValueError: atoms do not fit"),
        (_moved("after/W1", (0, 0), 10**6), "ValueError: after/W1 do not fit"),
    ],
)
def test_a_forged_reply_is_a_loss_and_no_crash(workshop, forge, said):
    """Student code could answer in the worker's place."""
    with watch(workshop, TASK, *VECTORISED.sources()) as watched:
        forger = Forger(watched.sitting, forge)
        trace = observe_trace(forger, TASKS[TASK], watched.bound, to_columns(watched.inputs))
    assert trace.lost.kind == "protocol"
    assert trace.lost.detail.startswith(f"the trace was garbled: {said}")
    assert trace.steps is None


def test_an_unforged_reply_is_none(workshop):
    """The twin of the test above."""
    with watch(workshop, TASK, *VECTORISED.sources()) as watched:
        forger = Forger(watched.sitting, lambda arrays, data: None)
        trace = observe_trace(forger, TASKS[TASK], watched.bound, to_columns(watched.inputs))
    assert trace.lost is None
    assert trace.steps.spots == watched.trace.steps.spots


def test_columns_are_those_of_the_operation(workshop):
    """In characters, also behind others than Latin ones; of several lines there are none."""
    cell = (
        "def update_parameters(parameters, y, y_hat, A1, X):\n"
        '    label = "δ₂"; dZ2 = y_hat - y\n'
        "    dW2 = (A1\n        * dZ2)\n"
        '    parameters["W2"] -= 0.001 * dW2\n'
    )
    with watch(workshop, TASK, FORWARD, cell) as watched:
        steps = watched.trace.steps
    lines = cell.split("\n")
    spots = {spots[0].place.line: spots[0] for spots in steps.spots if spots}
    start, end = spots[2].columns
    assert lines[1][start:end] == "y_hat - y"
    assert spots[2].names == {"y_hat", "y"}
    assert spots[3].columns == ()
    assert {"A1", "dZ2"} <= spots[3].names
