"""A hurried process asks all at once, and comes to the same as one that takes its time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gradkit.records.observations import Lost
from gradkit.records.submission import Cell, Place, Section
from gradkit.sandbox import Workshop
from gradkit.sandbox.process import OverdueError, Question, StudentProcess
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

def chance(W):
    import os
    import time
    time.sleep(0.15)
    return W["W1"] * np.random.rand() + os.getpid()
"""


@pytest.fixture(scope="module", params=["fork", "spawn"])
def workshop(request):
    """Workers that run students' sections, as in grading."""
    with Workshop(method=request.param) as workshop:
        yield workshop


def open_process(workshop: Workshop, *, hurried: bool, deadline: float = 20.0) -> StudentProcess:
    """A process with the source above."""
    section = Section(("t",), (Cell("cell 1", "hw.py", None, SOURCE),))
    return StudentProcess(workshop, section, {}, frozenset(), deadline, seed=0, hurried=hurried)


def question(function: str) -> Question:
    """One call, with a matrix."""
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


def told(process: StudentProcess, functions: list[str]) -> list[object]:
    """What comes of the questions, as far as it can be compared."""
    with process:
        return [
            reply if isinstance(reply, Lost) else reply.arrays["y_hat"].tolist()
            for reply in process.ask_all([question(name) for name in functions])
        ]


@pytest.fixture
def requests(monkeypatch):
    """The kinds of requests that workers are asked."""
    kinds: list[str] = []
    ask = Worker.ask

    def noted(self, frame, seconds):
        kinds.append(frame.kind)
        return ask(self, frame, seconds)

    monkeypatch.setattr(Worker, "ask", noted)
    return kinds


@pytest.mark.parametrize("functions", [["double", "double"], ["double", "talk", "double"]])
def test_all_at_once_is_no_different(workshop, requests, functions) -> None:
    """For whoever prints, too."""
    quick = told(open_process(workshop, hurried=True), functions)
    asked = len(requests)
    assert quick == told(open_process(workshop, hurried=False), functions)
    assert (asked, len(requests)) == (1, 1 + len(functions))
    assert quick[0] == [[[3.0], [3.0]]]


def test_what_needs_a_module_of_ours_has_it_at_once(workshop) -> None:
    """The code cannot read it by then: a process that has it already is asked."""
    put = question("double")
    spared = replace(put, data={**put.data, "spared": "double"})
    with open_process(workshop, hurried=False) as process:
        asked(process, "double")
        replies = process.ask_all([spared, replace(spared, name="again")], at_once=True)
    assert all("y_hat" in reply.arrays for reply in replies if not isinstance(reply, Lost))
    assert process.losses == []


@pytest.mark.parametrize("trouble", ["hang", "crash"])
def test_who_is_not_in_time_or_crashes_is_given_up(workshop, trouble) -> None:
    """With all the others: they will be asked again, one by one where it is at leisure."""
    questions = [question(name) for name in ("double", trouble, "double")]
    with pytest.raises(OverdueError), open_process(workshop, hurried=True, deadline=0.5) as process:
        process.ask_all(questions)
    with open_process(workshop, hurried=False, deadline=1.0) as process:
        replies = process.ask_all(questions)
    assert [isinstance(reply, Lost) for reply in replies] == [False, True, False]


def asked(process: StudentProcess, function: str) -> float:
    """One number of the reply."""
    put = question(function)
    reply = process.ask(put)
    assert not isinstance(reply, Lost)
    return float(reply.arrays["y_hat"][0, 0, 0])


@pytest.mark.parametrize(("deadline", "same"), [(20.0, True), (0.2, False)])
def test_code_that_is_loaded_anew(workshop, deadline, same) -> None:
    """Globals and generators are as at first; the process is, unless its time is half over."""
    with open_process(workshop, hurried=False, deadline=deadline) as process:
        first = asked(process, "double"), asked(process, "double"), asked(process, "chance")
        process.renew()
        assert process.spent == 0
        second = asked(process, "double"), asked(process, "double"), asked(process, "chance")
    assert first[:2] == second[:2] == (3.0, 4.0)
    assert (first[2] // 1 == second[2] // 1) == same
    assert first[2] % 1 == pytest.approx(second[2] % 1, abs=1e-9)


@pytest.mark.parametrize(("hurried", "left"), [(False, 40.0), (True, 20.0)])
def test_a_search_has_a_process_and_a_deadline_of_its_own(workshop, hurried, left) -> None:
    """Whoever is hurried has to be in time; the deadline of all else is as it was."""
    with open_process(workshop, hurried=hurried, deadline=20.0) as process:
        before = asked(process, "double"), asked(process, "chance")
        with process.for_search(40.0) as search:
            assert asked(search, "double") == before[0]
            assert search._left == pytest.approx(left, abs=5)
        assert process._left == pytest.approx(20.0, abs=5)
        assert asked(process, "chance") // 1 != before[1] // 1


@pytest.mark.parametrize("line", [0, -1, 10**7 + 1, 10**30, True, "3", 1.5, None, [1]])
def test_what_is_no_line_has_no_place(workshop, line) -> None:
    """A worker that was taken over may tell of any."""
    with open_process(workshop, hurried=False) as process:
        assert process.place(["cell 1", line]) is None
        assert process.place(["cell 1", 3]) == Place("hw.py", None, 3)


def test_what_is_no_answer_is_told_and_costs_the_process(workshop, monkeypatch) -> None:
    """The next question is put to a new one."""
    exchange = Worker.ask

    def forged(self, frame, seconds):
        reply = exchange(self, frame, seconds)
        if frame.kind == "several":
            return reply
        return replace(reply, arrays={"\x1b[2J": np.zeros(1)})

    put = question("double")
    with open_process(workshop, hurried=False) as process:
        assert asked(process, "double") == 3.0
        monkeypatch.setattr(Worker, "ask", forged)
        lost = process.ask(put)
        assert asked(process, "double") == 3.0
    text = "sent what is not a valid reply: '\\x1b[2J' had not been asked for"
    assert lost == Lost("protocol", text)
