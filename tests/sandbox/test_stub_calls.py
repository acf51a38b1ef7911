"""Calls of stubs: how they are read, and what a worker does with them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from gradkit.runtime.frames import Frame, FrameError
from gradkit.sandbox import WorkerLost
from gradkit.sandbox.worker import (
    MAX_DEPTH,
    Cached,
    ForeignCallError,
    Other,
    StubCall,
    answer_frame,
    read_call,
)

pytestmark = pytest.mark.sample(3)

ROWS = np.arange(6.0).reshape(3, 2)
CALL: dict[str, Any] = {"function": "f", "positional": [], "keywords": []}


def read(tree: object, **arrays: Any) -> Any:
    """Return the only argument of a call."""
    (value,) = read_call(Frame("stub-call", arrays, {**CALL, "positional": [tree]})).positional
    return value


def test_arguments_are_arrays_plain_values_and_containers() -> None:
    """A number with a fraction is an array without dimensions."""
    assert read({"array": "a"}, a=ROWS) is ROWS
    number = read({"array": "a"}, a=np.array(0.5))
    assert (number, type(number)) == (0.5, np.float64)
    for value in (None, True, -(2**63), "relu"):
        assert read({"plain": value}) is value or read({"plain": value}) == value
    tree = {"dict": [["w", {"list": [{"plain": 1}]}], [2, {"tuple": [{"plain": None}]}]]}
    assert read(tree) == {"w": [1], 2: (None,)}
    assert read({"other": "function"}) == Other("function")


def test_a_cache_comes_with_the_calls_that_have_made_it() -> None:
    """The value itself is there, too, for a model solution with the same form."""
    maker = {"function": "g", "positional": [{"plain": 1}], "keywords": [["b", {"plain": 2}]]}
    found = read({"tuple": [], "made": [maker]})
    assert isinstance(found, Cached)
    assert found.value == ()
    (call,) = found.made
    assert isinstance(call, StubCall)
    assert (call.function, call.positional, call.keywords) == ("g", (1,), {"b": 2})


def nested(depth: int) -> dict[str, Any]:
    """Return lists in lists."""
    return {"list": [nested(depth - 1)] if depth else []}


def made(depth: int) -> dict[str, Any]:
    """Return a cache that was made from a cache, and so on."""
    inner = [made(depth - 1)] if depth else []
    return {"plain": 1, "made": [{"function": "f", "positional": inner, "keywords": []}]}


FORMS = "an argument is described in two forms, or in none"
DEEP = f"an argument is nested more than {MAX_DEPTH} deep"
UNREADABLE = "a call cannot be read: "

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no form": ({}, FORMS),
    "two forms": ({"plain": 1, "other": "x"}, FORMS),
    "an array that is missing": ({"array": "a"}, "an argument is an array that is missing: 'a'"),
    "too many levels": (nested(MAX_DEPTH), DEEP),
    "too many makers": (made(MAX_DEPTH), DEEP),
    "an unknown form": ({"pickle": "x"}, UNREADABLE),
    "a key that is no word": ({"dict": [[None, {"plain": 1}]]}, UNREADABLE),
    "a long word": ({"plain": "x" * 101}, UNREADABLE),
    "a list that is no list": ({"list": 3}, UNREADABLE),
}


@pytest.mark.parametrize("case", REFUSED)
def test_arguments_of_another_form_are_refused(case: str) -> None:
    """The process is lost then, as with any invalid reply."""
    tree, text = REFUSED[case]
    with pytest.raises(FrameError) as caught:
        read(tree)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize("data", [{}, {**CALL, "more": 1}, {**CALL, "function": 3}])
def test_calls_of_another_form_are_refused(data: dict[str, Any]) -> None:
    """A call has a function, positional arguments and keywords, and nothing else."""
    with pytest.raises(FrameError, match=r"^a call cannot be read: "):
        read_call(Frame("stub-call", {}, data))


def test_a_keyword_is_given_once() -> None:
    """Python refuses it, too."""
    twice = [["a", {"plain": 1}], ["a", {"plain": 2}]]
    with pytest.raises(FrameError, match=r"^a call has a keyword twice$"):
        read_call(Frame("stub-call", {}, {**CALL, "keywords": twice}))


def test_a_call_is_answered_by_parts_of_a_result() -> None:
    """Or refused, or it is of a function that is no stub."""
    frame = Frame("stub-call", {}, {**CALL, "positional": [{"plain": 1}]})
    found = answer_frame(lambda call: [{"whole": ROWS * call.positional[0]}], frame)
    assert (found.kind, [*found.data], len(found.arrays)) == ("stub-answer", ["parts"], 1)
    assert answer_frame(lambda _: None, frame).kind == "stub-refusal"

    def refuse(call: StubCall) -> None:
        raise ForeignCallError(call.function)

    with pytest.raises(FrameError, match=r"^'f' is no stub of this check$"):
        answer_frame(refuse, frame)


# --- workers -----------------------------------------------------------------------------


def answer(call: Frame) -> Frame:
    """Return the double of an array."""
    return Frame("stub-answer", {"a": 2 * call.arrays["a"]}, {})


def test_calls_are_answered_while_a_request_is_open(workshop) -> None:
    """As often as the process asks; the reply comes afterwards."""
    with workshop.worker() as worker:
        for times in (0, 1, 3):
            sent = Frame("double", {"a": ROWS}, {"times": times})
            reply = worker.ask(sent, 5.0, answer)
            assert reply.kind == "doubled"
            assert np.array_equal(reply.arrays["a"], 2**times * ROWS)


def test_a_call_in_a_process_without_stubs_is_a_reply(workshop) -> None:
    """It does not fit the request, see `gradkit.sandbox.process`."""
    with workshop.worker() as worker:
        reply = worker.ask(Frame("double", {"a": ROWS}, {"times": 1}), 5.0)
    assert reply.kind == "stub-call"


def test_a_call_without_a_request_ends_the_process(workshop) -> None:
    """A thread may make it after the reply."""
    with workshop.worker() as worker:
        worker.ask(Frame("double", {"a": ROWS}, {"times": 0, "after": True}), 5.0, answer)
        time.sleep(0.5)
        with pytest.raises(WorkerLost) as caught:
            worker.ask(Frame("double", {"a": ROWS}, {"times": 0}), 5.0, answer)
    assert caught.value.detail == "sent a reply without a request"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("call-wrongly", "a frame begins with b'GKF1', found b'GKF9'"),
        ("call-largely", "16777224 body bytes, at most 16777216 are allowed"),
    ],
)
def test_forged_calls_end_the_process(workshop, kind, text) -> None:
    """The reason says what was wrong."""
    with workshop.worker() as worker, pytest.raises(WorkerLost) as caught:
        worker.ask(Frame(kind), 4.0, answer)
    assert (caught.value.kind, text in caught.value.detail) == ("protocol", True)


def test_a_call_before_its_request_is_read_ends_the_process(workshop) -> None:
    """It cannot be about this request."""
    big = Frame("double", {"a": np.zeros(4 << 20)}, {"times": 0})
    with workshop.worker() as worker:
        worker.ask(Frame("call-early"), 4.0, answer)
        with pytest.raises(WorkerLost) as caught:
            worker.ask(big, 4.0, answer)
    assert "a call came before the request was read" in caught.value.detail


def test_a_call_that_is_refused_ends_the_process(workshop) -> None:
    """`answer` raises FrameError if a call is not valid."""

    def refuse(call: Frame) -> Frame:
        raise FrameError("no such stub")

    with workshop.worker() as worker, pytest.raises(WorkerLost) as caught:
        worker.ask(Frame("double", {"a": ROWS}, {"times": 1}), 5.0, refuse)
    assert "no such stub" in caught.value.detail


def test_the_time_of_answers_does_not_count(workshop) -> None:
    """The model solution may be slow."""

    def slowly(call: Frame) -> Frame:
        time.sleep(1.5)
        return answer(call)

    with workshop.worker() as worker:
        reply = worker.ask(Frame("double", {"a": ROWS}, {"times": 1}), 1.0, slowly)
    assert reply.kind == "doubled"
