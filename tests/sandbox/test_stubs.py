"""Stubs in the student's process: what they send, and what they return."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradkit.lines import packed
from gradkit.runtime import serve
from gradkit.runtime.frames import TO_GRADER, TO_WORKER, Frame, FrameError, encode, read
from gradkit.runtime.namespace import Namespace
from gradkit.runtime.serve import ask_grader
from gradkit.runtime.stubs import MAX_ORIGINS, StubError, with_stubs
from gradkit.sandbox.worker import Cached, Other, StubCall, read_call

SOURCE = """
import numpy as np

TABLE = {}

def step(x, w):
    return x * w, (x, w)

def keep(x):
    return 0, (x,)

def keep_back(cache):
    return 0

def step_back(d, cache):
    x, w = cache
    return d * w, d * x

def one(x):
    return x - 1

def pair(x):
    return {"w": x, "kept": 7}

def net(x, w):
    out, cache = step(x, w)
    return one(out), cache

def net_back(d, cache):
    return step_back(d, cache)

def through_table(x):
    return TABLE["one"](x)

TABLE["one"] = one
"""

Grader = Callable[[StubCall], Any]


@pytest.fixture
def grader(monkeypatch) -> Callable[[Grader], list[StubCall]]:
    """``grader(answer)``: answer the calls of stubs by a function, and return the list of calls."""
    calls: list[StubCall] = []

    def use(answer: Grader) -> list[StubCall]:
        def exchange(frame: Frame) -> Frame:
            if len(frame.arrays) > 20:
                raise FrameError("too many arrays")
            calls.append(read_call(frame))
            parts = answer(calls[-1])
            if parts is None:
                return Frame("stub-refusal")
            tree, arrays = packed({"parts": parts})
            return Frame("stub-answer", arrays, dict(tree["dict"]))

        monkeypatch.setattr(serve, "_exchange", [exchange])
        return calls

    return use


def section(*stubs: tuple[str, int, list[int], bool]) -> Namespace:
    """Return the names of the section, with stubs of the same names as in the exercise."""
    names = Namespace([("cell 1", SOURCE)])
    return with_stubs(names, [(name, name, *rest) for name, *rest in stubs])


ONE = ("one", 0, [], True)
STEP = ("step", 2, [1], True)
STEP_BACK = ("step_back", 2, [], True)
RECORDED = ("step", 2, [1], False)
X = np.array([1.0, 2.0])


def test_every_caller_gets_what_the_grader_returns(grader) -> None:
    """By name, by a table of functions, and from lines."""
    calls = grader(lambda call: [{"whole": call.positional[0] * 100}])
    names = section(ONE)
    assert names["net"](X, 2.0)[0].tolist() == [200.0, 400.0]
    assert names["through_table"](X).tolist() == [100.0, 200.0]
    assert names["one"](X).tolist() == [100.0, 200.0]
    assert [call.function for call in calls] == ["one"] * 3


def test_numbers_are_numbers_of_numpy(grader) -> None:
    """They have the methods of arrays, as what the student's function returns may have."""
    grader(lambda call: [{"whole": {"a": np.array(2.5), "b": [np.array(1.5)], "c": None}}])
    found = section(ONE)["one"](x=3)
    assert found == {"a": 2.5, "b": [1.5], "c": None}
    assert type(found["a"]) is np.float64


def test_what_no_check_compares_is_the_students_own(grader) -> None:
    """A cache in another form, or other entries of a dict."""
    grader(lambda call: [{"whole": np.array([5.0, 6.0])}, {"entries": {}}])
    out, cache = section(STEP)["step"](X, 2.0)
    assert (out.tolist(), cache[0] is X, cache[1]) == ([5.0, 6.0], True, 2.0)
    grader(lambda call: [{"entries": {"w": np.array(4.5)}}])
    assert section(("pair", 0, [0], True))["pair"](X) == {"w": 4.5, "kept": 7}


def test_arguments_are_sent_as_they_are(grader) -> None:
    """What is no array, number, word or container is sent by the name of its type."""
    calls = grader(lambda call: [{"whole": None}])
    one = section(ONE)["one"]
    one({"a": [X, (None, True)], 2: "relu"}, 2**64, len, k=np.float32(0.5))
    one(np.array([None]))
    positional, keywords = calls[0].positional, calls[0].keywords
    assert positional[0]["a"][0].tolist() == [1.0, 2.0]
    assert (positional[0]["a"][1], positional[0][2]) == ((None, True), "relu")
    assert positional[1:] == (Other("int"), Other("builtin_function_or_method"))
    assert keywords == {"k": np.float32(0.5)}
    assert calls[1].positional == (Other("ndarray"),)


def test_arguments_are_those_at_the_call(grader) -> None:
    """The student's function may change them later."""
    calls = grader(lambda call: [{"whole": None}])
    names, x = section(STEP_BACK, RECORDED), X.copy()
    _, cache = names["step"](x, 2.0)
    x += 1
    names["step_back"](x, cache)
    (made,) = calls[0].positional[1].made
    assert made.positional[0].tolist() == [1.0, 2.0]
    assert calls[0].positional[0].tolist() == [2.0, 3.0]


@pytest.mark.parametrize("copied", [False, True])
def test_a_cache_is_sent_with_the_call_that_has_made_it(grader, copied: bool) -> None:
    """Also as a copy of the container, before the lines of a check run again."""
    calls = grader(lambda call: [{"whole": X}, {"whole": X}])
    names = section(STEP_BACK, RECORDED)
    _, cache = names["net"](X, 2.0)
    names["net_back"](X, tuple(cache) if not copied else (cache[0], cache[1]))
    sent = calls[0].positional[1]
    assert isinstance(sent, Cached)
    (made,) = sent.made
    assert (made.function, made.positional[1]) == ("step", 2.0)
    # Another tuple of equal numbers is none.
    names["step_back"](X, (X.copy(), 2.0))
    assert not isinstance(calls[1].positional[1], Cached)


def test_a_stub_makes_caches_too(grader) -> None:
    """The student's own part of a result is one."""
    parts = {"step": [{"whole": X}, {"entries": {}}], "step_back": [{"whole": X}] * 2}
    calls = grader(lambda call: parts[call.function])
    names = section(STEP, STEP_BACK)
    names["net_back"](X, names["step"](X, 2.0)[1])
    assert [made.function for made in calls[1].positional[1].made] == ["step"]


def test_calls_within_calls_have_a_limit(grader) -> None:
    """A cache that is made from a cache, and so on, is not sent with all of them."""
    calls = grader(lambda call: [{"whole": X}])
    names = section(("keep_back", 0, [], True), ("keep", 2, [1], False))
    cache: Any = X
    for _ in range(MAX_ORIGINS + 1):
        _, cache = names["keep"](cache)
        names["keep_back"](cache)

    def depth(value: object) -> int:
        return 1 + depth(value.made[0].positional[0]) if isinstance(value, Cached) else 0

    assert [depth(call.positional[0]) for call in calls] == [*range(1, MAX_ORIGINS + 1), 0]


# --- errors ------------------------------------------------------------------------------


def test_a_call_that_is_not_answered_raises(grader) -> None:
    """Student code may catch that: the grader knows of it."""
    grader(lambda call: None)
    with pytest.raises(StubError, match=r"^there is no right `one` for these arguments$"):
        section(ONE)["one"](X)


def test_arguments_that_are_too_large_raise(grader) -> None:
    """The grader is told, so that the run does not count."""
    calls = grader(lambda call: None)
    with pytest.raises(StubError, match=r"^the arguments of `one` cannot be sent$"):
        section(ONE)["one"]([X] * 30)
    assert [call.positional for call in calls] == [(Other("too large"),)]


def test_a_function_that_returns_another_number_of_values_raises(grader) -> None:
    """There is no cache among them, then."""
    grader(lambda call: [{"whole": X}, {"whole": X}, {"entries": {}}])
    with pytest.raises(StubError, match=r"^`step` does not return 3 values$"):
        section(("step", 3, [2], True))["step"](X, 2.0)


def test_a_function_without_a_value_raises_where_its_own_part_is_needed(grader) -> None:
    """What a check compares is right without it."""
    grader(lambda call: [{"whole": X}])
    assert section(("missing", 0, [], True))["missing"](X).tolist() == X.tolist()
    grader(lambda call: [{"entries": {}}])
    with pytest.raises(StubError, match=r"^`missing` has no value: "):
        section(("missing", 0, [0], True))["missing"](X)


def test_without_a_grader_there_is_nobody_to_ask(monkeypatch) -> None:
    """In a notebook, for example."""
    monkeypatch.setattr(serve, "_exchange", [])
    with pytest.raises(FrameError, match=r"^there is no grader to ask$"):
        ask_grader(Frame("stub-call"))


def test_a_grader_that_has_closed_the_channel_does_not_answer(monkeypatch) -> None:
    """The call raises, and does not wait."""
    monkeypatch.setattr(serve, "_exchange", [])
    sent = [Frame("open", {}, {"seed": 1}), Frame("ask")]
    requests = io.BytesIO(b"".join(encode(frame, TO_WORKER) for frame in sent))
    replies = io.BytesIO()
    handlers = {"ask": lambda _: ask_grader(Frame("stub-call"))}
    with serve.generators_kept():
        serve.serve(handlers, requests, replies, lambda _: 0)  # type: ignore[arg-type]
    replies.seek(0)
    kinds = [read(replies.readinto, TO_GRADER) for _ in range(3)]
    assert [frame.kind for frame in kinds if frame] == ["ready", "stub-call", "error"]
    assert kinds[2] is not None
    assert kinds[2].data["text"] == "FrameError: the grader has closed the channel"


def test_threads_ask_one_after_the_other(grader) -> None:
    """Each gets its own answer."""
    grader(lambda call: [{"whole": call.positional[0] * 2}])
    one, found = section(ONE)["one"], {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: one(np.array([n]))}))
        for n in range(20)
    ]
    for each in (*threads,):
        each.start()
    for each in threads:
        each.join()
    assert {n: int(value[0]) for n, value in found.items()} == {n: 2 * n for n in range(20)}


def test_a_stub_holds_nothing_of_the_solution(grader) -> None:
    """All that it refers to is the student's function and what it has sent."""
    grader(lambda call: [{"whole": X}])
    stub = section(ONE)["one"]
    cells = dict(zip(stub.__code__.co_freevars, stub.__closure__, strict=True))
    assert set(cells) == {"own", "replaced", "self"}
    assert vars(cells["self"].cell_contents).keys() == {"_recorded", "_arrays", "_depth"}
