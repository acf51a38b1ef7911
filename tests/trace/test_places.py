"""Traced lines as the student sees them, and what comes of a worker that is lost."""

from __future__ import annotations

import numpy as np
import pytest
from styles import VECTORISED
from watched import TASKS, watch

from gradkit.diagnosis.rules.draw import to_columns
from gradkit.diagnosis.trace import observe_trace
from gradkit.runtime.frames import Frame
from gradkit.runtime.symbolic.recording import COLUMNS
from gradkit.sandbox import Workshop

TASK = "classification-numpy"
FORWARD = VECTORISED.sources()[0]


def made(workshop: Workshop, *cells: str, name: str) -> list[tuple[str, int, str]]:
    """Cell, line and kind of every event of this name."""
    with watch(workshop, TASK, FORWARD, *cells) as watched:
        events = watched.trace.events
    return [(e.place.file, e.place.cell, e.place.line, e.kind) for e in events if e.name == name]


def test_a_statement_over_several_lines_is_its_first_line(workshop):
    """However its parts were executed."""
    cell = (
        "def update_parameters(parameters, y, y_hat, A1, X):\n"
        "    dZ2 = (\n        y_hat\n        - y\n    )\n"
        '    parameters["W2"] = (parameters["W2"]\n        - 0.001 * A1 * dZ2)\n'
    )
    assert made(workshop, cell, name="dZ2") == [("hw.ipynb", 2, 2, "assigned")]
    assert made(workshop, cell, name="parameters['W2']")[-1] == ("hw.ipynb", 2, 6, "assigned")


def test_one_of_several_values_is_the_line_that_stands_for_it(workshop):
    """In a dict, a call with keywords, a returned tuple, and an assignment of a tuple."""
    cell = (
        "def parts(y):\n    return (\n        2 * y,\n        3 * y)\n"
        "def update_parameters(parameters, y, y_hat, A1, X):\n"
        "    grads = {\n        'a': y * A1,\n        'b': y * X,\n    }\n"
        "    more = dict(\n        c=y * A1,\n        d=y * X)\n"
        "    (g,\n     h) = (y + 1,\n        y + 2)\n"
        "    parts(y)\n"
        '    parameters["W2"] -= 0.001 * A1 * (y_hat - y)\n'
    )
    for name, line in (
        ("grads['a']", 7), ("grads['b']", 8), ("more['c']", 11), ("more['d']", 12),
        ("g", 14), ("h", 15), ("return[0]", 3), ("return[1]", 4),
    ):  # fmt: skip
        assert [event[2] for event in made(workshop, cell, name=name)][:1] == [line], name


def test_a_global_stands_where_it_is_set(workshop):
    """A constant of another cell is known from the start, at its own line there."""
    cells = (
        "epochs = 3\nrate = 0.001\n",
        "def update_parameters(parameters, y, y_hat, A1, X):\n"
        '    parameters["W2"] -= rate * A1 * (y_hat - y)\n',
    )
    assert made(workshop, *cells, name="rate") == [("hw.ipynb", 2, 2, "given")]
    twice = ("rate = 0.1\n" + cells[0], cells[1])
    # Set at two places, it could be either: then the function's own line is told.
    assert made(workshop, *twice, name="rate") == [("hw.ipynb", 3, 1, "given")]


def test_matrices_come_as_in_out_whatever_the_layout(workshop):
    """The parameters given, in both layouts, are the canonical ones."""
    from styles import TRANSPOSED

    for style in (VECTORISED, TRANSPOSED):
        with watch(workshop, TASK, *style.sources()) as watched:
            given = {e.parameter: e.values for e in watched.trace.events if e.kind == "given"}
            for key, value in watched.inputs.before.items():
                np.testing.assert_array_equal(given[key], value)
            assert watched.trace.start == watched.bound.place


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
    assert (trace.events, trace.after) == ((), {})


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
    assert (trace.events, trace.after) == ((), {})


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


def _priors_ahead(arrays, data):
    """A chain of earlier values that runs in a circle."""
    arrays["events"] = arrays["events"] * 1
    arrays["events"][:, COLUMNS.index("prior")] = np.arange(len(arrays["events"])) + 1


def _lines_far(arrays, data):
    """No source has as many."""
    arrays["events"] = arrays["events"] * 1
    arrays["events"][:, COLUMNS.index("line")] = 10**9


def _moved(name, place, number):
    def forge(arrays, data):
        arrays[name] = arrays[name].copy()
        arrays[name][place] = number

    return forge


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (lambda arrays, data: arrays.pop("events"), "KeyError: 'events'"),
        (lambda arrays, data: arrays.pop("steps"), "KeyError: 'steps'"),
        (lambda arrays, data: data.update(names=[]), "IndexError: "),
        (lambda arrays, data: data.update(shapes=[[10**6]] * 9), "ValueError: cannot reshape"),
        (lambda arrays, data: data.update(names=[[]] * 99), "ValueError: names do not fit"),
        (_scaled("events", -1), "ValueError: events do not fit"),
        (_scaled("events", 0.5), "ValueError: events do not fit"),
        (_lines_far, "ValueError: lines do not fit"),
        (lambda arrays, data: data.pop("failure"), "KeyError: 'failure'"),
        (_scaled("values", 100), "ValueError: values do not fit"),
        (_scaled("values", -1), "ValueError: values do not fit"),
        (_scaled("stacks", 1.0), "ValueError: stacks do not fit"),
        (_moved("stacks", (0, 1), -1), "ValueError: files do not fit"),
        (_moved("stacks", (0, 1), 99), "IndexError: list index out of range"),
        (_moved("stacks", (0, 2), 10**9), "ValueError: lines do not fit"),
        (_moved("steps", (0, 1), 99), "ValueError: atoms do not fit"),
        (_moved("after/W1", (0, 0), 10**6), "ValueError: after/W1 do not fit"),
        (_priors_ahead, "ValueError: events do not fit"),
    ],
)
def test_a_forged_reply_is_a_loss_and_no_crash(workshop, forge, said):
    """Student code could answer in the worker's place."""
    with watch(workshop, TASK, *VECTORISED.sources()) as watched:
        forger = Forger(watched.sitting, forge)
        trace = observe_trace(forger, TASKS[TASK], watched.bound, to_columns(watched.inputs))
    assert trace.lost.kind == "protocol"
    assert trace.lost.detail.startswith(f"the trace was garbled: {said}")
    assert (trace.events, trace.steps) == ((), None)


def test_an_unforged_reply_is_none(workshop):
    """The twin of the test above."""
    with watch(workshop, TASK, *VECTORISED.sources()) as watched:
        forger = Forger(watched.sitting, lambda arrays, data: None)
        trace = observe_trace(forger, TASKS[TASK], watched.bound, to_columns(watched.inputs))
    assert trace.lost is None
    assert [event.name for event in trace.events] == [e.name for e in watched.trace.events]


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
        events = {event.name: event for event in watched.trace.events}
    lines = cell.split("\n")
    (spot,) = steps.spots[events["dZ2"].steps[0]]
    start, end = spot.columns
    assert lines[spot.place.line - 1][start:end] == "y_hat - y"
    assert spot.names == {"y_hat", "y"}
    (spot,) = steps.spots[events["dW2"].steps[0]]
    assert (spot.place.line, spot.columns) == (3, ())
    assert {"A1", "dZ2"} <= spot.names
