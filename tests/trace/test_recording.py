"""What watching a function records, and that it changes nothing."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from gradkit.runtime.call import Before
from gradkit.runtime.frames import TO_GRADER, Frame, encode
from gradkit.runtime.symbolic import symbolic
from gradkit.runtime.symbolic.recording import KINDS

pytestmark = pytest.mark.sample(18)

CELL = "cell 1"
CALL = {
    "function": "update",
    "arguments": ["parameters", "y"],
    "by_name": [],
    "keys": {"W1": "W1"},
    "weights": "in_out",
    "vectors": "column",
    "biases": "column",
    "scalars": "scalar",
    "inputs": "array",
    "columns": [],
    "returns": {},
    "shapes": {"W1": [2, 2]},
}


def record(source: str, before: Before | None = None, **names: object) -> Frame:
    """Trace ``update(parameters, y)`` of a cell, with plain numbers, at a random W1 and y."""
    scope: dict[str, object] = {"np": np, "__name__": "submission", **names}
    exec(compile(source, CELL, "exec"), scope)
    data = {"call": CALL, "watched": True, "plain": True}
    reply = symbolic(
        lambda: (scope["update"], before), scope, frozenset({CELL}), Frame("", drawn(), data)
    )
    encode(reply, TO_GRADER)
    return reply


def drawn() -> dict[str, np.ndarray]:
    """What it is called with."""
    generator = np.random.default_rng(3)
    return {"W1": generator.normal(size=(2, 2)), "y": generator.normal(size=(1, 1))}


def events(reply: Frame) -> list[tuple[int, str, str, tuple[int, ...]]]:
    """Line, name, kind and shape of what was made, given things left out."""
    found = []
    for row in reply.arrays["events"].tolist():
        _, line, name, shape, _, kind, *_ = row
        if KINDS[kind] not in ("given", "global"):
            path = reply.data["names"][name]
            words = "".join([str(path[0]), *(f"[{step}]" for step in path[1:])])
            found.append((line, words, KINDS[kind], tuple(reply.data["shapes"][shape])))
    return found


def values_of(reply: Frame, line: int, name: str) -> np.ndarray:
    """The values of one event."""
    for row in reply.arrays["events"].tolist():
        if row[1] == line and reply.data["names"][row[2]] == [name]:
            size = int(np.prod(reply.data["shapes"][row[3]]))
            return reply.arrays["values"][row[4] : row[4] + size]
    raise AssertionError(f"no event for {name} on line {line}")


def test_every_new_value_is_put_down_to_its_line():
    """Names bound, arrays written into, dicts filled, and what is returned."""
    reply = record(
        "def update(parameters, y):\n"
        "    g = 2.0 * y\n"
        "    grads = {}\n"
        "    grads['W'] = np.ones((2, 2)) * g\n"
        "    parameters['W1'][0, 0] -= g\n"
        "    parameters['W1'][1] -= g\n"
        "    return parameters, g\n"
    )
    assert events(reply) == [
        (2, "g", "assigned", ()),
        (4, "grads[W]", "assigned", (2, 2)),
        (5, "parameters[W1]", "changed", (2, 2)),
        (6, "parameters[W1]", "changed", (2, 2)),
        (7, "return[0][W1]", "returned", (2, 2)),
        (7, "return[1]", "returned", ()),
    ]
    assert values_of(reply, 2, "g") == pytest.approx(2 * drawn()["y"].ravel())


def test_a_line_that_makes_nothing_leaves_nothing():
    """The twin: without the write there is no event for the parameters."""
    reply = record("def update(parameters, y):\n    pass\n    parameters['W1']\n")
    assert events(reply) == []


def test_helpers_and_what_they_are_passed_are_put_down_to_both_sides():
    """An argument made in the call belongs to the calling line, the rest to the helper's."""
    reply = record(
        "def half(a):\n"
        "    b = a / 2\n"
        "    return b * 1.5\n"
        "def update(parameters, y):\n"
        "    g = half(3 * y)\n"
        "    parameters['W1'] = parameters['W1'] - g\n"
    )
    assert events(reply) == [
        (5, "a", "passed", ()),
        (2, "b", "assigned", ()),
        (3, "return", "returned", ()),
        (5, "g", "assigned", ()),
        (6, "parameters[W1]", "assigned", (2, 2)),
    ]


def test_calls_of_a_helper_are_told_apart():
    """Two calls in two rounds of a loop: what is passed is of the call."""
    reply = record(
        "def half(a):\n"
        "    return a / 2\n"
        "def update(parameters, y):\n"
        "    for number in (3, 5):\n"
        "        g = half(number * y) * 1.5\n"
    )
    told = [(row[1], KINDS[row[5]], row[7]) for row in reply.arrays["events"].tolist()]
    assert [each for each in told if each[1] not in ("given", "global")] == [
        (5, "passed", 1),
        (2, "returned", 1),
        (5, "assigned", 0),
        (5, "passed", 2),
        (2, "returned", 2),
        (5, "assigned", 0),
    ]


def test_objects_globals_and_lists_are_looked_into():
    """Attributes, a global that is rebound, and nested lists of numbers; each call makes others."""
    reply = record(
        "class Net:\n    pass\n"
        "net, calls = Net(), [1]\n"
        "def update(parameters, y):\n"
        "    global step\n"
        "    net.g = y * len(calls)\n"
        "    step = y * 3 * len(calls)\n"
        "    calls.append(1)\n"
        "    table = [[0.0, 1.0], [y, 2 * y]]\n"
    )
    assert (6, "net[.g]", "assigned", ()) in events(reply)
    assert (7, "step", "assigned", ()) in events(reply)
    assert (9, "table", "assigned", (2, 2)) in events(reply)


def test_a_copy_of_the_dict_shows_though_its_arrays_are_the_same():
    """What is written afterwards goes elsewhere, and that line is where it begins."""
    reply = record("def update(parameters, y):\n    parameters = dict(parameters)\n    y\n")
    assert events(reply) == [(2, "parameters[W1]", "assigned", (2, 2))]


def test_the_step_is_the_same_watched_or_not():
    """What is told last of the parameters is what a plain call leaves."""
    source = "def update(parameters, y):\n    w = parameters['W1']\n    w *= y\n    w += 1\n"
    reply = record(source)
    expected = drawn()["W1"] * drawn()["y"] + 1
    np.testing.assert_array_equal(reply.arrays["values"][-4:], expected.ravel())


def test_what_goes_before_a_call_is_not_watched() -> None:
    """It is called once for each call, and the call that is watched comes first as ever."""
    kept: dict[str, object] = {}
    calls: list[int] = []
    scope: dict[str, object] = {"kept": kept}
    source = (
        "def forward(parameters):\n    doubled = 2 * parameters['W1']\n    kept['A'] = doubled\n"
    )
    exec(compile(source, CELL, "exec"), scope)

    def before(inputs: object, parameters: object) -> None:
        calls.append(1)
        scope["forward"](parameters)  # type: ignore[operator]

    update = "def update(parameters, y):\n    g = kept['A'] * y\n    parameters['W1'] = g\n"
    tracer = sys.gettrace()
    reply = record(update, before=before, kept=kept)
    assert sys.gettrace() is tracer
    assert len(calls) == 1 + 1
    assert reply.data["failure"] is None
    assert events(reply) == [
        (2, "g", "assigned", (2, 2)),
        (3, "parameters[W1]", "assigned", (2, 2)),
    ]


@pytest.mark.parametrize("end", ["return None", "raise ValueError('no')", "sys.settrace(None)"])
def test_tracing_is_as_before_afterwards(end):
    """Whether the code returns, raises, or meddles with tracing itself."""
    seen = []

    def tracer(frame, event, argument):
        seen.append(event)

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        reply = record(f"def update(parameters, y):\n    a = 2 * y\n    {end}\n", sys=sys)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    assert (reply.data["failure"] is None) == ("raise" not in end)


def test_an_exception_is_told_with_its_line():
    """As for a batch; what was made before keeps its events."""
    reply = record(
        "calls = []\n"
        "def update(parameters, y):\n"
        "    calls.append(1)\n"
        "    a = 2 * y\n"
        "    if len(calls) > 1:\n"
        "        raise RuntimeError('enough')\n"
    )
    assert reply.data["failure"]["place"] == [CELL, 6]
    assert reply.data["failure"]["call"] == 0
    assert events(reply) == [(3, "calls", "changed", (2,)), (4, "a", "assigned", ())]


OVERLOADED = (
    "class Loud(np.ndarray):\n"
    "    def _say(self, *rest):\n        count.append(1)\n        return NotImplemented\n"
    "    __eq__ = __ne__ = __len__ = __iter__ = __float__ = __array__ = _say\n"
    "    def __array_finalize__(self, other):\n        count.append(1)\n"
    "    def __getattribute__(self, name):\n        count.append(1)\n        return super().__getattribute__(name)\n"
    "class Dict(dict):\n"
    "    def items(self):\n        count.append(1)\n        return ()\n"
    "    __iter__ = __len__ = items\n"
    "class Thing:\n"
    "    def __getattribute__(self, name):\n        count.append(1)\n        return super().__getattribute__(name)\n"
    "def update(parameters, y):\n"
    "    loud = np.ones((2, 2)).view(Loud)\n"
    "    box = Dict(a=np.ones(3) * y)\n"
    "    thing = Thing()\n"
    "    count.append(0)\n"
)


def test_nothing_that_the_student_overloaded_runs():
    """Subclasses are read through their base types: watching adds no call of theirs."""
    count: list[int] = []
    reply = record(OVERLOADED, count=count)
    # One call beforehand, and one that is watched; each ends with a zero.
    unwatched, watched = "".join(map(str, count)).split("0")[:2]
    assert unwatched == "1"
    assert watched == unwatched
    assert (21, "loud", "assigned", (2, 2)) in events(reply)
    assert (22, "box[a]", "assigned", (3,)) in events(reply)


@pytest.mark.parametrize(
    "body",
    [
        "    for i in range(8_000):\n        a = y + i\n",
        "    for i in range(8_000):\n        pass\n",
        "    a = [np.zeros(4000) + y + i for i in range(2000)]\n    b = [2 * each for each in a]\n",
        "    a = {('k%d' % i) * 9: y for i in range(250)}\n    b = {('l%d' % i) * 9: y for i in range(250)}\n"
        "    c = {('m%d' % i) * 9: y for i in range(250)}\n    d = {('n%d' % i) * 9: y for i in range(250)}\n",
        "    def deep(k):\n        if k:\n            deep(k - 1)\n        b = k * y\n    deep(300)\n    deep(500)\n"
        "    for i in range(5_000):\n        pass\n" * 3,
    ],
    ids=["many values", "many lines", "many numbers", "long names", "deep calls"],
)
def test_there_is_an_end_to_what_is_recorded(body):
    """Long code still runs to its end; the reply says that it does not hold everything."""
    reply = record(f"def update(parameters, y):\n{body}    parameters['W1'] += 1\n")
    assert reply.data["failure"] is None
    assert reply.data["cut"] is True


def test_short_code_is_not_cut():
    """The twin of the test above."""
    assert record("def update(parameters, y):\n    a = 2 * y\n").data["cut"] is False


def test_what_is_no_number_is_left_out():
    """Texts, truth values, complex numbers, times, and dicts with odd keys."""
    reply = record(
        "def update(parameters, y):\n"
        "    a = 'text'; b = y > 0; c = 1j * y; d = np.timedelta64(3, 's'); e = 3\n"
        "    f = {(1, 2): y, b'k': y, 'ok': y}; g = np.array(['x']); h = np.array([None])\n"
        "    i = np.float32(y); j = [1, 'a']; k = np.zeros(0)\n"
    )
    assert {name for _, name, _, _ in events(reply)} == {"f[ok]", "i"}
