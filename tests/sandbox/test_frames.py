"""The frame protocol, whose reader trusts no byte that arrives."""

import io
import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradkit.runtime.frames import (
    DTYPES,
    MAGIC,
    TO_GRADER,
    TO_WORKER,
    Frame,
    FrameError,
    FrameLimits,
    FrameReader,
    encode,
    read,
)

pytestmark = pytest.mark.sample(12)

SMALL = FrameLimits(header=4096, body=4096, arrays=4)


def raw(header, body=b"", *, magic=MAGIC, header_length=None, body_length=None):
    """Return bytes that look like a frame, with lengths that may be false."""
    if not isinstance(header, bytes):
        header = json.dumps(header).encode()
    lengths = (
        len(header) if header_length is None else header_length,
        len(body) if body_length is None else body_length,
    )
    return struct.pack("<4sIQ", magic, *lengths) + header + body


def header(kind="k", arrays=(), **data):
    """Return a header with the right structure."""
    return {"kind": kind, "arrays": list(arrays), "data": data}


def array(name="a", dtype="float64", shape=(2,)):
    """Return the description of an array."""
    return {"name": name, "dtype": dtype, "shape": list(shape)}


def parse(data, limits=SMALL):
    """Read one frame from bytes."""
    return read(io.BytesIO(data).readinto, limits)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
arrays_of_any_kind = hnp.arrays(
    dtype=st.sampled_from(list(DTYPES.values())),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)
frames = st.builds(
    Frame,
    st.from_regex(r"[a-z][a-z0-9_.-]{0,39}", fullmatch=True),
    st.dictionaries(st.text(min_size=1, max_size=8), arrays_of_any_kind, max_size=4),
    st.dictionaries(st.text(max_size=5), json_values, max_size=3),
)


class TestRoundTrip:
    """A received frame equals the sent one."""

    @given(frames)
    def test_arrives_as_sent(self, frame):
        """Kind and data are equal, arrays bit for bit; arrays are read-only base ndarrays."""
        arrived = parse(encode(frame, TO_GRADER), TO_GRADER)
        assert (arrived.kind, arrived.data) == (frame.kind, frame.data)
        assert list(arrived.arrays) == list(frame.arrays)
        for name, sent in frame.arrays.items():
            got = arrived.arrays[name]
            assert type(got) is np.ndarray
            assert not got.flags.writeable
            assert got.dtype == sent.dtype
            assert got.dtype.isnative
            assert got.shape == sent.shape
            assert got.tobytes() == sent.tobytes()

    @given(frames, st.data())
    def test_pieces(self, frame, data):
        """A frame may arrive in pieces of any sizes."""
        stream = encode(frame, TO_GRADER)
        reader = FrameReader(TO_GRADER)
        arrived = None
        while stream:
            count = data.draw(st.integers(1, len(reader.wanted)))
            reader.wanted[:count] = stream[:count]
            stream = stream[count:]
            arrived = reader.advance(count)
        assert arrived is not None
        assert encode(arrived, TO_GRADER) == encode(frame, TO_GRADER)

    def test_sequence(self):
        """Several frames can be read from one stream."""
        stream = io.BytesIO(encode(Frame("one"), SMALL) + encode(Frame("two"), SMALL))
        assert read(stream.readinto, SMALL).kind == "one"
        assert read(stream.readinto, SMALL).kind == "two"
        assert read(stream.readinto, SMALL) is None

    def test_byte_order(self):
        """The bytes are little endian in c order."""
        turned = np.array([[1, 2], [3, 4]], ">i2").T
        data = encode(Frame("k", {"a": turned}), SMALL)
        assert data.endswith(bytes([1, 0, 3, 0, 2, 0, 4, 0]))
        assert parse(data).arrays["a"].tolist() == [[1, 3], [2, 4]]


class TestHostileBytes:
    """For any bytes, the reader returns a valid frame or raises FrameError."""

    @given(st.binary(max_size=200))
    def test_any_bytes(self, data):
        """Random bytes raise FrameError, and no other exception."""
        if not data:
            assert parse(data) is None
            return
        with pytest.raises(FrameError):
            parse(data)

    @settings(max_examples=300)
    @given(frames, st.data())
    def test_damaged_frame(self, frame, data):
        """A damaged frame gives an error or a valid frame."""
        damaged = bytearray(encode(frame, TO_GRADER))
        for _ in range(data.draw(st.integers(1, 3))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        damaged = damaged[: data.draw(st.integers(0, len(damaged)))]
        try:
            arrived = parse(bytes(damaged), SMALL)
        except FrameError:
            return
        assert arrived is None or isinstance(arrived, Frame)

    @settings(max_examples=300)
    @given(json_values | st.builds(header, json_values, st.lists(json_values, max_size=3)))
    def test_any_header(self, value):
        """Any JSON as a header gives an error or a valid frame."""
        try:
            arrived = parse(raw(value))
        except FrameError:
            return
        assert isinstance(arrived, Frame)

    @pytest.mark.parametrize("cut", [1, 15, 16, 30, -1])
    def test_short_stream(self, cut):
        """A stream that ends within a frame is an error."""
        data = encode(Frame("k", {"a": np.zeros(2)}), SMALL)[:cut]
        with pytest.raises(FrameError, match=f"ended within a frame, after {len(data)} bytes"):
            parse(data)

    def test_false_lengths(self):
        """The error is raised after the sixteen bytes of the prefix."""
        for lengths in ({"header_length": 2**32 - 1}, {"body_length": 2**64 - 1}):
            reader = FrameReader(SMALL)
            reader.wanted[:] = raw(b"", **lengths)
            with pytest.raises(FrameError, match="at most 4096 are allowed"):
                reader.advance(16)

    @pytest.mark.parametrize(
        ("data", "text"),
        [
            (raw(header(), magic=b"HTTP"), "begins with b'GKF1', found b'HTTP'"),
            (raw(b""), "found one of 0 bytes"),
            (raw(b'{"kind":"\xff"}'), "the header is not UTF-8: invalid start byte"),
            (raw(b"{,}"), "the header cannot be read: .*malformed"),
            (raw(b'{"kind":"k","data":{"a":' + b"[" * 4000), "the header is nested too deeply"),
            (raw(b'{"kind":"k","arrays":[],"data":' + b'{"a":' * 50 + b"1" + b"}" * 51), "40 deep"),
            (raw([]), "cannot be read: .*Expected `object`, got `array`"),
            (raw({**header(), "extra": 1}), "cannot be read: .*unknown field `extra`"),
            (raw({**header(), "arrays": {}}), r"Expected `array`, got `object` - at `\$.arrays`"),
            (raw({**header(), "data": []}), r"Expected `object`, got `array` - at `\$.data`"),
            (raw(header(kind="")), r"Expected `str` matching regex .*at `\$.kind`"),
            (raw(header(kind="K\x1b[31m")), r"Expected `str` matching regex .*at `\$.kind`"),
            (raw(header(kind=3)), "Expected `str`, got `int`"),
            (raw(header(a=float("nan"))), "cannot be read: .*malformed"),
            (raw(header(a=float("inf"))), "cannot be read: .*malformed"),
            (raw(header(a=0.5)), "holds the number '0.5', only integers"),
            (raw(header(a=10**30)), "an integer does not fit in 64 bits"),
            (raw(header(a=2**64)), "an integer does not fit in 64 bits"),
            (raw(header(a="\ud800")), "the header cannot be read"),
            (raw(header(arrays=[array(shape=(0,))] * 5)), "5 arrays, at most 4"),
            (raw(header(arrays=[array(shape=(0,))] * 2)), "array 'a' occurs twice"),
            (raw(header(arrays=[{"name": "a"}])), "missing required field `dtype`"),
            (raw(header(arrays=[array(name="")])), "Expected `str` of length >= 1"),
            (raw(header(arrays=[array(name="n" * 201)])), "Expected `str` of length <= 200"),
            (raw(header(arrays=[array(dtype="object")])), "has dtype 'object', allowed are bool"),
            (raw(header(arrays=[array(dtype=["f8"])])), "Expected `str`, got `array`"),
            (raw(header(arrays=[array(dtype="float128")])), "has dtype 'float128'"),
            (
                raw(header(arrays=[array(shape=(-1,))])),
                "Expected `int` >= 0 - at",
            ),
            (raw(header(arrays=[array(shape=(True,))])), "Expected `int`, got `bool`"),
            (raw(header(arrays=[{**array(), "shape": "2"}])), "Expected `array`, got `str`"),
            (raw(header(arrays=[array(shape=(1,) * 9)])), "Expected `array` of length <= 8"),
            (raw(header(arrays=[array(shape=(600,))])), "4800 bytes of array 'a', at most 4096"),
            (raw(header(arrays=[array(shape=(0, 2**62))])), "bytes of array 'a', at most 4096"),
            (raw(header(arrays=[array()]), b"123"), "the arrays take 16 bytes, .* to be 3"),
            (raw(header(arrays=[array(dtype="bool")]), b"\x01\x02"), "a byte other than 0 and 1"),
        ],
    )
    def test_false_headers(self, data, text):
        """The error says what was found and what is allowed."""
        with pytest.raises(FrameError, match=text):
            parse(data)


class TestSending:
    """A frame that could not be read is not sent."""

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            (("No",), r"Expected `str` matching regex .*at `\$.kind`"),
            (("k", {"": np.zeros(1)}), "Expected `str` of length >= 1"),
            (("k", {"a\ud800": np.zeros(1)}), "holds text that is no Unicode"),
            (("k", {"a": [1.0]}), "array 'a' is no array, but list"),
            (("k", {"a": np.array([None])}), "array 'a' has dtype 'object', allowed are bool"),
            (("k", {"a": np.zeros((1,) * 9)}), "Expected `array` of length <= 8"),
            (("k", {}, []), "Expected `object`, got `array`"),
            (
                ("k", {}, {"a": [1, 0.5]}),
                "data holds a value of type float, .* in an array",
            ),
            (("k", {}, {"a": {1: 2}}), "data has a key 1, keys are str"),
        ],
    )
    def test_unsendable(self, arguments, text):
        """An invalid frame is refused."""
        with pytest.raises(FrameError, match=text):
            encode(Frame(*arguments), SMALL)

    def test_recursive_data(self):
        """Data that contain themselves are refused."""
        knot = []
        knot.append(knot)
        with pytest.raises(FrameError, match="is nested more than 40 deep"):
            encode(Frame("k", {}, {"a": knot}), SMALL)

    @pytest.mark.parametrize(
        ("frame", "text"),
        [
            (Frame("k", {"a": np.zeros(600)}), "4800 body bytes, at most 4096"),
            (Frame("k", {}, {"a": "x" * 5000}), "header bytes, at most 4096"),
            (Frame("k", {str(i): np.zeros(0) for i in range(5)}), "5 arrays, at most 4"),
        ],
    )
    def test_beyond_limits(self, frame, text):
        """A frame beyond the limits is not encoded."""
        with pytest.raises(FrameError, match=text):
            encode(frame, SMALL)


class TestBothDirections:
    """A request may have more arrays than a reply."""

    def test_only_a_request_may_have_thousands_of_arrays(self):
        """A request holds the inputs of many calls, and a dict of inputs has an array per key."""
        data = encode(Frame("k", {str(i): np.zeros(1) for i in range(4096)}), TO_WORKER)
        assert len(parse(data, TO_WORKER).arrays) == 4096
        # Student code writes replies: it must not make the grader build so many arrays.
        with pytest.raises(FrameError, match="4096 arrays, at most 256"):
            parse(data, TO_GRADER)

    def test_a_request_has_a_limit_too(self):
        """A mistake in the grader is reported, and no request grows without end."""
        with pytest.raises(FrameError, match="4097 arrays, at most 4096"):
            encode(Frame("k", {str(i): np.zeros(0) for i in range(4097)}), TO_WORKER)

    def test_a_reply_of_thousands_is_not_sent(self):
        """The process is told so before it writes a byte."""
        with pytest.raises(FrameError, match="257 arrays, at most 256"):
            encode(Frame("k", {str(i): np.zeros(0) for i in range(257)}), TO_GRADER)

    def test_own_copy(self):
        """Received arrays are read-only, and a subclass of ndarray arrives as a plain array."""

        class Trick(np.ndarray):
            def __add__(self, other):
                return self

        swapped = np.arange(4, dtype=">i4").reshape(2, 2).T
        sent = Frame("k", {"a": swapped, "b": np.ones(2).view(Trick), "c": np.float32(3)})
        frame = read(io.BytesIO(encode(sent, SMALL)).readinto, SMALL)
        assert frame.arrays["a"].tolist() == [[0, 2], [1, 3]]
        assert [type(a) for a in frame.arrays.values()] == [np.ndarray] * 3
        with pytest.raises(ValueError, match="read-only"):
            frame.arrays["a"][0, 0] = 1
