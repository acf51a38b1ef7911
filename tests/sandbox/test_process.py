"""A `StudentProcess` gives the same replies whether it is hurried or not."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from gradkit.records.submission import Cell, Lost, Place, Section
from gradkit.sandbox import Workshop
from gradkit.sandbox.process import MAX_PRINTED_BYTES, OverdueError, Question, StudentProcess
from gradkit.sandbox.worker import Worker

pytestmark = pytest.mark.sample(12)

SOURCE = """
import numpy as np

calls = 0

def double(W):
    global calls
    calls += 1
    return 2 * W["W1"] + calls

def talk(W):
    print("talking")
    return W["W1"]

def crash(W):
    import os
    os._exit(3)

def hang(W):
    while True:
        pass

def count(W, seconds=0.2):
    import time
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass
    return W["W1"] * 2

def count_on(W):
    return count(W, 60.0)

def rest(W):
    import time
    time.sleep(60.0)

def chance(W):
    import os
    import time
    time.sleep(0.15)
    return W["W1"] * np.random.rand() + os.getpid()

spoken = 0

def speak(W):
    global spoken
    spoken += 1
    print("seen\\x1b[31m", spoken)
    print("x" * 10_000)
    return W["W1"]

def last_words(W):
    import os
    print("so long", flush=True)
    os._exit(3)
"""


@pytest.fixture(scope="module", params=["fork", "spawn"])
def workshop(request):
    """Provide a workshop whose workers run students' sections, as in grading."""
    with Workshop(method=request.param) as workshop:
        yield workshop


def open_process(workshop: Workshop, *, hurried: bool, deadline: float = 20.0) -> StudentProcess:
    """Return a process with the source above."""
    section = Section(("t",), (Cell("cell 1", "hw.py", None, SOURCE),))
    return StudentProcess(workshop, section, {}, frozenset(), deadline, seed=0, hurried=hurried)


def question(function: str) -> Question:
    """Return a request for one call with a matrix."""
    call = {
        "function": function,
        "arguments": ["parameters"],
        "by_name": [],
        "keys": {"W1": "W1"},
        "weights": "in_out",
        "vectors": "column",
        "biases": "column",
        "scalars": "scalar",
        "inputs": "array",
        "columns": [],
        "returns": {"y_hat": []},
        "shapes": {"y_hat": [2, 1]},
    }
    return Question("batch", {"W1": np.ones((1, 2, 1))}, {"call": call, "n": 1}, function)


def replies_of(process: StudentProcess, functions: list[str]) -> list[object]:
    """Return the replies as values that can be compared."""
    with process:
        return [
            reply if isinstance(reply, Lost) else reply.arrays["y_hat"].tolist()
            for reply in process.ask_all([question(name) for name in functions])
        ]


@pytest.fixture
def requests(monkeypatch):
    """Record the kinds of the requests that workers get."""
    kinds: list[str] = []
    ask = Worker.ask

    def noted(self, frame, *rest, **limits):
        kinds.append(frame.kind)
        return ask(self, frame, *rest, **limits)

    monkeypatch.setattr(Worker, "ask", noted)
    return kinds


@pytest.mark.parametrize("functions", [["double", "double"], ["double", "talk", "double"]])
def test_replies_are_equal_if_sent_together(workshop, requests, functions) -> None:
    """Replies of code that prints are equal too."""
    quick = replies_of(open_process(workshop, hurried=True), functions)
    asked = len(requests)
    assert quick == replies_of(open_process(workshop, hurried=False), functions)
    assert (asked, len(requests)) == (1, 1 + len(functions))
    assert quick[0] == [[[3.0], [3.0]]]


def test_worker_has_modules_that_a_request_needs(workshop) -> None:
    """The sandboxed code could not read the module, so it is loaded before."""
    put = question("double")
    spared = replace(put, data={**put.data, "spared": "double"})
    with open_process(workshop, hurried=False) as process:
        asked(process, "double")
        replies = process.ask_all([spared, replace(spared, name="again")], at_once=True)
    assert all("y_hat" in reply.arrays for reply in replies if not isinstance(reply, Lost))
    assert process.losses == []


@pytest.mark.parametrize("trouble", ["hang", "crash"])
def test_hurried_process_gives_up_on_timeout_or_crash(workshop, trouble) -> None:
    """All requests are asked again later, one by one."""
    questions = [question(name) for name in ("double", trouble, "double")]
    with pytest.raises(OverdueError), open_process(workshop, hurried=True, deadline=0.5) as process:
        process.ask_all(questions)
    with open_process(workshop, hurried=False, deadline=1.0) as process:
        replies = process.ask_all(questions)
    assert [isinstance(reply, Lost) for reply in replies] == [False, True, False]


def asked(process: StudentProcess, function: str) -> float:
    """Return one number of the reply."""
    put = question(function)
    reply = process.ask(put)
    assert not isinstance(reply, Lost)
    return float(reply.arrays["y_hat"][0, 0, 0])


def test_first_printed_text_is_kept(workshop) -> None:
    """Without terminal sequences; a search's text, which could show the solution, is not."""
    with open_process(workshop, hurried=False) as process:
        asked(process, "double")
        assert process.printed == ""
        with process.for_search(20.0) as search:
            asked(search, "speak")
            assert search.printed.startswith("seen 1")
        assert process.printed == ""
        asked(process, "speak")
        asked(process, "speak")
        assert process.printed.startswith("seen 1\n")
        assert len(process.printed.encode()) <= MAX_PRINTED_BYTES


def test_text_printed_before_a_crash_is_kept(workshop) -> None:
    """It may say why the process ended."""
    with open_process(workshop, hurried=False) as process:
        assert isinstance(process.ask(question("last_words")), Lost)
        assert process.printed == "so long"


@pytest.mark.parametrize(("deadline", "same"), [(20.0, True), (0.2, False)])
def test_renewed_process_reloads_the_code(workshop, deadline, same) -> None:
    """Globals and generators are reset; the process is kept unless half of its time is used."""
    with open_process(workshop, hurried=False, deadline=deadline) as process:
        first = asked(process, "double"), asked(process, "double"), asked(process, "chance")
        process.renew()
        assert process.spent == 0
        second = asked(process, "double"), asked(process, "double"), asked(process, "chance")
    assert first[:2] == second[:2] == (3.0, 4.0)
    assert (first[2] // 1 == second[2] // 1) == same
    assert first[2] % 1 == pytest.approx(second[2] % 1, abs=1e-9)


@pytest.mark.parametrize(("hurried", "left"), [(False, 40.0), (True, 20.0)])
def test_search_has_its_own_process_and_deadline(workshop, hurried, left) -> None:
    """A hurried search has to keep the deadline; that of other requests does not change."""
    with open_process(workshop, hurried=hurried, deadline=20.0) as process:
        before = asked(process, "double"), asked(process, "chance")
        with process.for_search(40.0) as search:
            assert asked(search, "double") == before[0]
            assert search._left == pytest.approx(left, abs=5)
        assert process._left == pytest.approx(20.0, abs=5)
        assert asked(process, "chance") // 1 != before[1] // 1


@pytest.fixture
def slow_machine(monkeypatch):
    """Make wall clocks of the grader run 10 times as fast as this machine, as if it were busy."""
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: 10 * clock())
    monkeypatch.setattr("gradkit.sandbox.process.WALL_FACTOR", 100.0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not tell the time")
def test_search_on_a_busy_machine_has_the_same_processor_time(workshop, slow_machine) -> None:
    """The request needs 0.2 s of processor time, and may use half of the deadline."""
    with open_process(workshop, hurried=False) as process:
        with process.for_search(2.0) as search:
            assert asked(search, "count") == 2.0
            assert 0.1 < search.spent < 1.0
        process._left = process._deadline = 2.0
        with process.counting_cpu_time():
            process.renew()
            assert asked(process, "count") == 2.0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not tell the time")
@pytest.mark.parametrize(
    ("function", "seconds", "reason"),
    [
        ("count_on", 0.3, "used too much processor time"),
        ("rest", 2.0, "took longer than 2 s"),
    ],
)
def test_search_ends_after_half_of_its_deadline(workshop, function, seconds, reason) -> None:
    """Code that sleeps may take `WALL_FACTOR` times as long as code that computes."""
    with open_process(workshop, hurried=False) as process, process.for_search(0.6) as search:
        began = time.monotonic()
        lost = search.ask(question(function))
        taken = time.monotonic() - began
    assert isinstance(lost, Lost)
    assert lost.kind == "timeout"
    assert reason in lost.detail
    assert taken >= seconds


@pytest.mark.parametrize("line", [0, -1, 10**7 + 1, 10**30, True, "3", 1.5, None, [1]])
def test_invalid_line_has_no_place(workshop, line) -> None:
    """A worker controlled by student code may send any line."""
    with open_process(workshop, hurried=False) as process:
        assert process.place(["cell 1", line]) is None
        assert process.place(["cell 1", 3]) == Place("hw.py", None, 3)


def test_invalid_reply_is_reported_and_ends_the_process(workshop, monkeypatch) -> None:
    """The next request is sent to a new worker."""
    exchange = Worker.ask

    def forged(self, frame, *rest, **limits):
        reply = exchange(self, frame, *rest, **limits)
        if frame.kind == "several":
            return reply
        return replace(reply, arrays={"\x1b[2J": np.zeros(1)})

    put = question("double")
    with open_process(workshop, hurried=False) as process:
        assert asked(process, "double") == 3.0
        monkeypatch.setattr(Worker, "ask", forged)
        lost = process.ask(put)
        assert asked(process, "double") == 3.0
    text = "sent an invalid reply: '\\x1b[2J' had not been asked for"
    assert lost == Lost("protocol", text)
