"""Records as bytes: all of them come back as they were, and nothing else does."""

from __future__ import annotations

import contextlib
import zlib
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from model_solutions import ROOT

from gradkit.classroom.store.database import StoreError
from gradkit.classroom.store.results import pack, unpack
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import Evidence, Result
from gradkit.records.submission import Failure, Fault, Lost, Observations, Outcome, Place
from gradkit.sandbox import Workshop
from gradkit.submission.read import read

pytestmark = [pytest.mark.sample(6), pytest.mark.usefixtures("warm")]

# What msgpack holds, and so what clean text is made of: no lone surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
places = st.none() | st.builds(Place, texts, st.none() | st.integers(0, 99), st.integers(1, 99))
numbers = arrays.arrays(
    st.sampled_from(["<f8", ">f8", "<f4", "<f2", "<i8", "|u1", "|b1", "<c16"]),
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
outcomes = st.builds(
    Outcome,
    texts,
    st.dictionaries(texts, numbers, max_size=3),
    st.lists(
        st.builds(Fault, st.integers(0, 9), texts, st.sampled_from(["shape", "mutated"]), texts),
        max_size=2,
    ).map(tuple),
    st.none() | st.builds(Failure, st.integers(0, 9), texts, texts, places, texts),
    st.none() | st.builds(Lost, st.sampled_from(["timeout", "crash"]), texts),
    st.sampled_from(["", "student", "gradkit", "replaced"]),
)
observations = st.builds(Observations, texts, st.dictionaries(texts, outcomes, max_size=3))


def assert_same(one: Observations, other: Observations) -> None:
    """Equal in everything, arrays bit by bit."""
    assert (one.task, list(one.outcomes)) == (other.task, list(other.outcomes))
    for before, after in zip(one.outcomes.values(), other.outcomes.values(), strict=True):
        for name in ("name", "faults", "failure", "lost", "loop"):
            assert getattr(before, name) == getattr(after, name)
        assert list(before.outputs) == list(after.outputs)
        for left, right in zip(before.outputs.values(), after.outputs.values(), strict=True):
            assert (left.dtype, left.shape) == (right.dtype, right.shape)
            assert left.tobytes() == right.tobytes()
            assert not right.flags.writeable


@pytest.mark.slow
@pytest.mark.rotate(4)
@given(observations)
def test_observations_come_back(record: Observations) -> None:
    """Not a number, infinities, empty arrays and other precisions among them."""
    assert_same(record, unpack(pack(record), Observations))


@given(observations)
def test_the_same_record_gives_the_same_bytes(record: Observations) -> None:
    """So records can be told apart by their bytes, those too that hold not-a-number."""
    assert pack(record) == pack(unpack(pack(record), Observations))


def test_an_array_that_lies_across_memory_comes_back() -> None:
    """A view keeps its order, not its memory."""
    across = np.arange(24.0).reshape(4, 6).T[::2, ::-1]
    (back,) = unpack(pack(Outcome("x", {"A": across})), Outcome).outputs.values()
    assert np.array_equal(back, across)


def test_a_result_and_its_evidence_come_back(tmp_path: Path) -> None:
    """Of a real submission with findings, all fields included."""
    path = ROOT / "tests" / "sample_class" / "chen_regression_swapped_index.py"
    settings = Settings(no_reference=True, seed=3)
    with Workshop() as workshop, Session(settings, workshop) as session:
        graded = session.grade(read(path))
    assert graded.result.tasks[0].findings
    assert unpack(pack(graded.result), Result) == graded.result
    (before,), (after,) = graded.evidence, unpack(pack(graded.evidence), tuple[Evidence, ...])
    assert before.inquiry == after.inquiry
    assert before.binding == after.binding
    assert before.observations is not None
    assert after.observations is not None
    assert_same(before.observations, after.observations)


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(data: bytes) -> None:
    """With what was expected in them, and no other exception than the one promised."""
    for foreign in (data, zlib.compress(data)):
        with pytest.raises(
            StoreError,
            match=r"^The class file is damaged: it has a record \(Observations\) that cannot be ",
        ):
            unpack(foreign, Observations)


@given(st.data())
def test_spoiled_bytes_are_refused_or_read(data: st.DataObject) -> None:
    """A bit that fell over, or an end that is missing, gives the promised error at most."""
    packed = bytearray(pack(Outcome("x", {"A": np.arange(6.0)})))
    cut = data.draw(st.integers(0, len(packed)))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(
        StoreError,
        match=r"^The class file is damaged: it has a record \(Outcome\) that cannot be read \(",
    ):
        unpack(bytes(packed[:cut]), Outcome)
    # A bit of the compressor's own header may be without consequence.
    with contextlib.suppress(StoreError):
        assert np.array_equal(unpack(bytes(packed), Outcome).outputs["A"], np.arange(6.0))


@pytest.mark.parametrize(
    "value",
    [
        {"dtype": "<f8", "shape": [3], "data": bytes(8)},
        {"dtype": "nonsense", "shape": [1], "data": bytes(8)},
        {"dtype": "|O", "shape": [1], "data": bytes(8)},
        {"dtype": "<f8", "shape": [1]},
        {"dtype": "<f8", "shape": ["1"], "data": bytes(8)},
        {"dtype": "<f8", "shape": [1], "data": "eight by"},
        [1.0],
        None,
    ],
)
def test_what_is_no_array_is_refused(value: object) -> None:
    """Sizes that do not fit, types that are none, and objects, which could be anything."""
    record = {"name": "x", "outputs": {"A": value}}
    with pytest.raises(
        StoreError,
        match=r"^The class file is damaged: it has a record \(Outcome\) that cannot be read \(",
    ):
        unpack(zlib.compress(msgspec.msgpack.encode(record)), Outcome)


def test_another_record_is_refused() -> None:
    """Bytes of one kind are not taken for another."""
    with pytest.raises(
        StoreError,
        match=r"^The class file is damaged: it has a record \(Outcome\) that cannot be read "
        r"\(.*`name`",
    ):
        unpack(pack(Lost("timeout", "x")), Outcome)


def test_what_no_record_holds_cannot_be_packed() -> None:
    """A fault of ours is told when it is written, not when it is read years later."""
    with pytest.raises(NotImplementedError) as caught:
        pack(Outcome("x", {"A": object()}))  # type: ignore[dict-item]
    assert str(caught.value) == "a record holds a object, which cannot be packed"
