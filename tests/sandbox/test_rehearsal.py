"""The rehearsal: every question is understood, and nothing of it is left."""

import pytest

from gradkit.runtime.child import HANDLERS, Loaded
from gradkit.runtime.frames import Frame
from gradkit.runtime.rehearsal import rehearse


def watched(seen):
    """The handlers of a worker, which note what they answer."""

    def note(kind):
        def answer(frame: Frame) -> Frame:
            reply = HANDLERS[kind](frame)
            seen.append((kind, reply))
            return reply

        return answer

    return {kind: note(kind) for kind in HANDLERS}


def test_every_question_is_answered_without_fault():
    """A question that a worker cannot answer would warm up nothing."""
    pytest.importorskip("torch")
    seen: list[tuple[str, Frame]] = []
    rehearse(watched(seen))
    asked = {kind for kind, _ in seen}
    looked_at = {"functions", "left"}
    assert asked == {"load", "explore", "batch", "run", "model", "predict", "train", *looked_at}
    for kind, reply in seen:
        assert reply.data.get("failure") is None, kind
        assert not reply.data.get("faults"), kind
        assert reply.arrays or kind in ("load", *looked_at)


def test_nothing_of_it_is_left():
    """A student's section does not find the functions that were rehearsed."""
    rehearse(HANDLERS)
    assert Loaded.namespace.names() == []
    for name in ("forward", "update", "Model", "train"):
        with pytest.raises(KeyError):
            Loaded.namespace[name]
