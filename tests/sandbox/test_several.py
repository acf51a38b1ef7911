"""Several messages are combined in one frame, and invalid combined frames are refused."""

import numpy as np
import pytest

from gradkit.runtime.frames import SEVERAL, TO_GRADER, Frame, FrameError, apart, together
from gradkit.runtime.serve import _encoded_reply

ONE = Frame("one", {"a": np.arange(3.0)}, {"n": 1})
TWO = Frame("two", {"a": np.zeros(2), "b/c": np.ones(1)}, {})


def same(found: Frame, expected: Frame) -> bool:
    """Return whether two frames have equal content."""
    return (
        (found.kind, found.data) == (expected.kind, expected.data)
        and found.arrays.keys() == expected.arrays.keys()
        and all(np.array_equal(found.arrays[name], a) for name, a in expected.arrays.items())
    )


def test_apart_returns_the_combined_messages() -> None:
    """A message may itself be a combined frame."""
    inner = together([ONE, TWO])
    for messages in ([], [ONE], [ONE, TWO], [TWO, inner, ONE]):
        parts = apart(together(messages), len(messages))
        assert all(same(*pair) for pair in zip(parts, messages, strict=True))
    assert not same(ONE, TWO)


PART = {"kind": "one", "data": {}}


@pytest.mark.parametrize(
    ("frame", "count", "text"),
    [
        (ONE, None, "a frame of several messages was expected, found kind 'one'"),
        (Frame(SEVERAL, {}, {"parts": 3}), None, "a frame of several messages was expected"),
        (together([ONE]), 2, "2 messages were expected, found 1"),
        (Frame(SEVERAL, {"1/a": np.ones(1)}, {"parts": [PART]}), 1, "belongs to no message: '1/a'"),
        (Frame(SEVERAL, {"a": np.ones(1)}, {"parts": [PART]}), 1, "belongs to no message: 'a'"),
        (Frame(SEVERAL, {"0/": np.ones(1)}, {"parts": [PART]}), 1, "belongs to no message: '0/'"),
        (
            Frame(SEVERAL, {}, {"parts": ["one"]}),
            1,
            "kind and data: .*Expected `object`",
        ),
        (Frame(SEVERAL, {}, {"parts": [{"kind": "one"}]}), 1, "a message has kind and data"),
        (
            Frame(SEVERAL, {}, {"parts": [{**PART, "kind": 1}]}),
            1,
            "kind and data: .*Expected `str`",
        ),
        (
            Frame(SEVERAL, {}, {"parts": [{**PART, "data": []}]}),
            1,
            "kind and data: .*Expected `object`",
        ),
    ],
)
def test_invalid_combined_frames_are_refused(frame: Frame, count: int | None, text: str) -> None:
    """The sender is not trusted."""
    with pytest.raises(FrameError, match=text):
        apart(frame, count)


def test_requests_are_answered_in_order_despite_a_failure(monkeypatch) -> None:
    """A failed request does not affect the others."""
    sent: list[Frame] = []
    monkeypatch.setattr("gradkit.runtime.serve.encode", lambda frame, _: sent.append(frame) or b"")
    seen: list[int] = []

    def count(frame: Frame) -> Frame:
        seen.append(frame.data["n"])
        return Frame("counted", {}, {"sum": sum(seen)})

    asked = together([Frame("count", {}, {"n": n}) for n in (1, 2)] + [ONE, Frame("count")])
    _encoded_reply({"count": count}, asked)
    kinds = [part.kind for part in apart(sent[0], 4)]
    assert kinds == ["counted", "counted", "error", "error"]
    assert seen == [1, 2]
    assert "no handler for 'one'" in apart(sent[0])[2].data["text"]
    assert TO_GRADER.arrays > len(sent[0].arrays)
