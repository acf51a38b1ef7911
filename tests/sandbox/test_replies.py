"""Replies that the worker's handlers can send pass, and all other replies are refused."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from questions import put_all

from gradkit.runtime import child, inspection, torch_call
from gradkit.runtime.frames import TO_GRADER, Frame, encode
from gradkit.sandbox import process
from gradkit.sandbox.process import UnfitError, check

SHAPES = {"W1": [2, 2], "b1": [2, 1]}
CALL = {"keys": {"W1": "W1", "b1": "b1"}, "arguments": ["X", "parameters"], "shapes": SHAPES}
FORWARD = {**CALL, "shapes": {"y_hat": [1, 1]}}
FAILURE = {"type": "E", "message": "m", "place": ["hw.py", 3], "function": "f"}
PARAMETERS = {"W1": np.zeros((2, 2)), "b1": np.zeros((2, 1))}
FINALS = {f"final/{name}": value for name, value in PARAMETERS.items()}
ROWS = {**PARAMETERS, "X": np.zeros((3, 2)), "y": np.zeros((3, 1)), "rate": np.array(0.1)}
TOLD = {"faults": [], "failure": None}


def stack(n: int) -> dict[str, np.ndarray]:
    """Return both parameters, repeated n times."""
    return {name: np.repeat(value[None], n, 0) for name, value in PARAMETERS.items()}


ASKED = {
    "batch": ({"call": CALL, "n": 3}, {}),
    "predict": ({"call": FORWARD, "n": 3}, {}),
    "follow": ({"call": CALL}, {**ROWS, "y_hat": np.zeros((6, 1, 1))}),
    "run": ({"forward": FORWARD, "epochs": 2}, ROWS),
    "train": ({"epochs": 2}, ROWS),
    "repeats": ({"call": CALL, "least": 5}, {}),
    "lines": (
        {
            **{"steps": [["a = f()", {}]], "reads": ["a"], "inputs": {"dict": []}},
            **{"again": True, "least": 5},
        },
        {},
    ),
    "model": ({"candidates": ["Net", "Model"]}, {}),
    "target": ({"name": "y"}, {}),
    "explore": ({"call": CALL}, {}),
    "script": ({"text": "1 / 0"}, {}),
    "functions": ({"names": ["forward"]}, {}),
    "left": ({"first": "forward", "then": "update"}, {}),
    "symbolic": ({"call": CALL}, {}),
}
"""A request of each kind: data, arrays."""

FUNCTION = {
    **{"name": "forward", "standing": "own", "cell": "hw.py", "line": 3, "last": 5, "owner": ""},
    **{"signature": "(X, p=1)", "parameters": [["X", "POSITIONAL_OR_KEYWORD", True, False]]},
}

ANSWERS = {
    "batch": ("outcome", {**TOLD, "calls": 3}, stack(3)),
    "predict": ("outcome", {**TOLD, "calls": 3}, {"y_hat": np.zeros((3, 1, 1))}),
    "follow": ("outcome", {**TOLD, "calls": 6}, stack(6)),
    "run": ("outcome", {**TOLD, "calls": 6}, {"y_hat": np.zeros((6, 1, 1)), **FINALS}),
    "train": ("outcome", {**TOLD, "calls": 1}, {"loss": np.zeros(2), **FINALS}),
    "repeats": ("outcome", {**TOLD, "calls": 1}, {"times": np.array([9])}),
    "lines": (
        "outcome",
        {**TOLD, "calls": 1},
        {"0": np.zeros(2), "again/0": np.zeros(2), "similar": np.array([9])},
    ),
    "model": ("outcome", {**TOLD, "name": "Model"}, {"0": np.array([2, 2])}),
    "target": ("target", {"dimensions": 2}, {}),
    "explore": (
        "explored",
        {"faults": [], "tree": {"dict": [["W1", {"array": "0"}], [1, {"none": True}]]}},
        {"0": np.zeros((2, 2))},
    ),
    "script": ("ran", {"failure": "Traceback …"}, {}),
    "functions": ("functions", {"functions": [FUNCTION]}, {}),
    "left": ("left", {"names": ["cache"]}, {}),
    "symbolic": ("traced", {}, {}),
}
"""What comes back when all goes well."""


def hold(kind: str, data: dict, arrays: dict, reply: str = "") -> None:
    """Check a reply with some data and arrays replaced; None removes one."""
    expected, *rest = ANSWERS[kind]
    merged = [{**whole, **part} for whole, part in zip(rest, (data, arrays), strict=True)]
    said, sent = ({k: v for k, v in part.items() if v is not ...} for part in merged)
    check(kind, *ASKED[kind], Frame(reply or expected, sent, said))


def nested(depth: int) -> object:
    """Return a message with this many levels."""
    return ["error", {"reason": nested(depth - 1)}] if depth else "why"


def failed(**other: object) -> dict[str, object]:
    """Return the data of a batch whose second call failed."""
    return {"calls": 1, "failure": {**FAILURE, "call": 1, **other}}


@pytest.mark.parametrize("kind", ANSWERS)
def test_reply_that_fits_its_request_passes(kind) -> None:
    """The reply to another request does not pass."""
    hold(kind, {}, {})
    with pytest.raises(UnfitError, match=f"^a reply of kind loaded to a {kind}$"):
        hold(kind, {}, {}, "loaded")


@pytest.mark.parametrize(
    ("kind", "data", "arrays"),
    [
        ("batch", {"calls": 1, "failure": {**FAILURE, "call": 1}}, stack(1)),
        ("batch", {"calls": 0, "failure": {**FAILURE, "call": 0}}, {"W1": ..., "b1": ...}),
        ("batch", {"faults": [[2, "W1", "shape", "(3,), not (2, 2)"]]}, {"W1": ...}),
        ("batch", {"faults": [[0, "X", "mutated", ""]]}, {}),
        ("batch", {"faults": [[0, "W1", "type", ["tensor", {}]]]}, {}),
        ("batch", failed(message=nested(5)), stack(1)),
        ("batch", {}, {"W1": np.zeros((3, 2, 2), bool), "b1": np.zeros((3, 2, 1), complex)}),
        ("run", {"calls": 1, "faults": [[0, "y_hat", "type", ""]]}, {"y_hat": ...}),
        ("run", {"faults": [[6, "W1", "missing", ""]]}, {"final/W1": ...}),
        (
            "run",
            {"calls": 3, "failure": {**FAILURE, "call": 2}},
            {"y_hat": np.zeros((3, 1, 1))},
        ),
        ("train", {"failure": {**FAILURE, "call": 0}}, dict.fromkeys(["loss", *FINALS], ...)),
        ("train", {"faults": [[0, "loss", "missing", ""]]}, {"loss": ...}),
        ("model", {"name": None, "failure": {**FAILURE, "call": 0}}, {"0": ...}),
        ("explore", {"failure": FAILURE, "tree": ..., "faults": ...}, {"0": ...}),
        ("explore", {"failure": {**FAILURE, "place": None}, "tree": ...}, {"0": ...}),
        ("explore", {"tree": {"list": [{"other": "f"}, {"array": "0"}]}}, {}),
        ("script", {"failure": None}, {}),
        ("repeats", {"failure": {**FAILURE, "call": 0}}, {}),
    ],
)
def test_replies_with_failures_and_faults_pass(kind, data, arrays) -> None:
    """Exceptions and unreadable values are common in student code."""
    hold(kind, data, arrays)


@pytest.mark.parametrize(
    ("kind", "data", "arrays", "said"),
    [
        ("batch", {"faults": ...}, {}, "missing required field `faults`"),
        ("repeats", {"calls": 2}, {}, "2 calls of 1"),
        ("repeats", {}, {"times": ...}, "times is no count"),
        ("repeats", {}, {"times": np.array([0.5])}, "times is no count"),
        ("repeats", {}, {"times": np.array([1, 2])}, "times is no count"),
        ("repeats", {}, {"W1": np.zeros(1)}, "had not been asked for"),
        ("lines", {}, {"similar": np.array([0.5])}, "similar is no count"),
        ("lines", {}, {"similar": ...}, "similar is not there"),
        ("batch", {"faults": None}, {}, "Expected `array`, got `null`"),
        ("batch", {"faults": [[1, 2]]}, {}, "`array` of length 4, got 2"),
        ("batch", {"faults": [[0, "W1", "nosuch", ""]]}, {}, "Invalid enum value 'nosuch'"),
        ("batch", {"faults": [[0, "W1", ["x"], ""]]}, {}, "Expected `str`, got `array`"),
        ("batch", {"faults": [[3, "W1", "shape", ""]]}, {}, "a fault of no call"),
        ("batch", {"faults": [[-1, "W1", "shape", ""]]}, {}, "Expected `int` >= 0"),
        ("batch", {"faults": [[0, "W9", "shape", ""]]}, {}, "'W9' had not been asked for"),
        ("batch", {"faults": [[0, "W1", "shape", 5]]}, {}, "Expected `str | array`, got `int`"),
        (
            "batch",
            {"faults": [[0, "W1", "shape", ["nosuch", {}]]]},
            {},
            "a message of another form",
        ),
        ("batch", {"faults": [[0, "W1", "shape", ["shape", {}]]]}, {}, "a message of another form"),
        ("batch", failed(message=["tensor", {"x": 1}]), stack(1), "a message of another form"),
        ("batch", failed(message=["dtype", {"dtype": []}]), stack(1), "a message of another form"),
        ("batch", failed(message=nested(6)), stack(1), "a message of another form"),
        ("batch", {"failure": {}}, {}, "missing required field `type`"),
        ("batch", {"failure": "x"}, {}, "got `str`"),
        ("batch", failed(place=["hw.py", "abc"]), stack(1), "Expected `int`, got `str`"),
        ("batch", failed(place="hw"), stack(1), "got `str`"),
        ("batch", failed(call="9" * 40), stack(1), "Expected `int`, got `str`"),
        ("batch", failed(call=2), stack(1), "1 of 3 calls"),
        ("batch", {"calls": 3, "failure": {**FAILURE, "call": 3}}, {}, "3 of 3 calls"),
        ("batch", {"calls": 1}, stack(1), "1 of 3 calls"),
        ("batch", {}, stack(1), r"W1 of shape \(1, 2, 2\), not \(3, 2, 2\)"),
        ("batch", {}, {"b1": np.array(1.0)}, r"b1 of shape \(\), not \(3, 2, 1\)"),
        ("batch", {}, {"\u202e\x1b[31m": np.zeros(3)}, r"^'\\u202e\\x1b\[31m' had not been"),
        ("batch", {}, {"b1": ...}, "b1 is not there"),
        ("predict", {}, {"y_hat": np.zeros((3, 1))}, r"y_hat of shape \(3, 1\)"),
        ("follow", {}, stack(3), r"W1 of shape \(3, 2, 2\), not \(6, 2, 2\)"),
        ("follow", {"calls": 3}, stack(3), "3 of 6 calls"),
        ("run", {}, {"y_hat": np.zeros((3, 1, 1))}, r"y_hat of shape \(3, 1, 1\)"),
        ("run", {"calls": 3}, {"y_hat": np.zeros((3, 1, 1))}, "3 of 6 steps"),
        ("run", {"calls": 7}, {"y_hat": np.zeros((7, 1, 1))}, "7 of 6 steps"),
        ("run", {"failure": {**FAILURE, "call": 2}}, {}, "6 of 6 steps"),
        ("run", {}, {"loss": np.zeros(6)}, "'loss' had not been asked for"),
        ("run", {}, {"final/W1": np.zeros((5, 5))}, r"final/W1 of shape \(5, 5\)"),
        ("run", {}, {"final/W1": ...}, "final parameters are not there"),
        ("train", {"calls": 2}, {}, "2 calls of 1"),
        ("train", {}, {"loss": np.zeros((3, 3))}, "loss is no series of numbers"),
        ("train", {}, {"loss": ...}, "loss is not there"),
        ("train", {}, {"final/b1": np.zeros(2)}, r"final/b1 of shape \(2,\)"),
        ("train", {}, {"final/rate": np.zeros(2)}, "'final/rate' had not been asked for"),
        ("model", {"name": "nosuch"}, {}, "a model of another name"),
        ("model", {"name": None}, {}, "a model and a failure, or none"),
        ("model", {"faults": [1]}, {}, "of length <= 0"),
        ("model", {"name": None, "failure": {**FAILURE, "call": 4}}, {}, "of another call"),
        ("model", {}, {"x": np.zeros(3, int)}, "'x' had not been asked for"),
        ("model", {}, {"0": np.zeros(3)}, "what is no shape of a parameter"),
        ("model", {}, {"0": np.ones(9, int)}, "what is no shape of a parameter"),
        ("target", {"dimensions": "2"}, {}, "Expected `int`, got `str`"),
        ("target", {}, {"x": np.zeros(1)}, "'x' had not been asked for"),
        ("explore", {"tree": ...}, {}, "a tree and a failure, or none"),
        ("explore", {"failure": FAILURE}, {}, "a tree and a failure, or none"),
        ("explore", {"tree": None}, {}, "a tree and a failure, or none"),
        ("explore", {"tree": []}, {}, r"Expected `object \| null`, got `array` - at `\$.tree`"),
        ("explore", {"tree": "array"}, {}, r"got `str` - at `\$.tree`"),
        ("explore", {"tree": {"array": ["x"]}}, {}, r"got `array` - at `\$.tree.array`"),
        ("explore", {"tree": {"list": 5}}, {}, r"got `int` - at `\$.tree.list`"),
        ("explore", {"tree": {"array": "0", "list": []}}, {}, "a tree of two forms"),
        ("explore", {"tree": {}}, {}, "a tree of two forms, or none"),
        ("explore", {"tree": {"list": [], "array": None}}, {}, r"got `null` - at `\$.tree.array`"),
        ("explore", {"tree": {"list": [], "more": 1}}, {}, "unknown field `more`"),
        ("explore", {"tree": {"array": "1"}}, {}, "a tree that does not fit its arrays"),
        ("explore", {"tree": {"list": []}}, {}, "a tree that does not fit its arrays"),
        ("explore", {"tree": {"dict": [["W1"]]}}, {}, "of length 2, got 1"),
        ("explore", {"tree": {"dict": [[["x"], {}]]}}, {}, r"Expected `int \| str`, got `array`"),
        ("explore", {"tree": {"dict": [[True, {}]]}}, {}, "got `bool`"),
        ("explore", {"tree": {"dict": [["k" * 81, {}]]}}, {}, "of length <= 80"),
        ("explore", {"faults": [["W9", "mutated", ""]]}, {}, "'W9' had not been asked for"),
        ("explore", {}, {"0": np.zeros(4097)}, "arrays of too many numbers"),
        ("script", {"failure": 5}, {}, "got `int`"),
        ("functions", {"functions": ...}, {}, "missing required field `functions`"),
        ("functions", {"functions": [FUNCTION] * 301}, {}, "of length <= 300"),
        ("functions", {"functions": [{**FUNCTION, "name": "f" * 81}]}, {}, "of length <= 80"),
        ("functions", {"functions": [{**FUNCTION, "standing": "best"}]}, {}, "enum value 'best'"),
        ("functions", {"functions": [{**FUNCTION, "parameters": [["X"]]}]}, {}, "of length 4"),
        ("functions", {"functions": [{**FUNCTION, "cell": None}]}, {}, "got `null`"),
        ("functions", {}, {"W1": np.zeros(1)}, "'W1' had not been asked for"),
        ("left", {"names": "cache"}, {}, "got `str`"),
        ("left", {"names": [1]}, {}, "got `int`"),
    ],
)
def test_impossible_replies_are_refused(kind, data, arrays, said) -> None:
    """Each reply has one error."""
    with pytest.raises(UnfitError, match=said):
        hold(kind, data, arrays)


def test_limits_equal_those_of_the_worker() -> None:
    """A tree has at most as many levels as the worker describes."""
    assert (process.MAX_DEPTH, process.MAX_LISTED) == (child.DEPTH, inspection.MAX_FUNCTIONS)
    tree: dict[str, object] = {"array": "0"}
    for _ in range(5):
        tree = {"list": [tree]}
    hold("explore", {"tree": tree}, {})
    with pytest.raises(UnfitError, match="a tree of too many levels"):
        hold("explore", {"tree": {"list": [tree]}}, {})


def test_replies_of_the_handlers_pass() -> None:
    """The real handlers answer one request of each kind."""
    checked = []

    def held(kind: str):
        def handler(frame: Frame) -> Frame:
            reply = child.HANDLERS[kind](frame)
            if kind != "load":
                check(kind, frame.data, frame.arrays, reply)
                checked.append(kind)
            return reply

        return handler

    put_all({kind: held(kind) for kind in child.HANDLERS})
    assert {"functions", "left", "explore", "batch", "run"} <= set(checked)


def test_all_requests_get_replies_without_faults() -> None:
    """The real handlers answer requests about numpy and torch code."""
    pytest.importorskip("torch")
    seen: list[tuple[str, Frame]] = []

    def noted(kind: str):
        def handler(frame: Frame) -> Frame:
            seen.append((kind, child.HANDLERS[kind](frame)))
            return seen[-1][1]

        return handler

    put_all({kind: noted(kind) for kind in child.HANDLERS})
    asked = {kind for kind, _ in seen}
    looked_at = {"functions", "left"}
    assert asked == {"load", "explore", "batch", "run", "model", "predict", "train", *looked_at}
    for kind, reply in seen:
        assert reply.data.get("failure") is None, kind
        assert not reply.data.get("faults"), kind
        assert reply.arrays or kind in ("load", *looked_at)


def test_model_with_unusual_parameters_passes(monkeypatch) -> None:
    """A model may have any number of parameters, and a class may report any shapes."""
    models = {
        "Many": [SimpleNamespace(shape=[1])] * 1000,
        "Deep": [SimpleNamespace(shape=[1] * 1000)],
        "Odd": [SimpleNamespace(shape=[1.5, float("nan")])],
    }
    monkeypatch.setattr(torch_call, "build", lambda made: SimpleNamespace(parameters=lambda: made))
    monkeypatch.setattr(child.Loaded, "namespace", models, raising=False)
    for name in models:
        asked = {"candidates": [name], "inputs": 2, "most": 1000}
        reply = child.model(Frame("model", {}, asked))
        encode(reply, TO_GRADER)
        check("model", asked, {}, reply)
        assert (reply.data["name"] is None) == (name == "Odd")


@pytest.mark.parametrize(
    "key", [2**80, True, (1,), "k" * 100, "\ud800", type("K", (str,), {})("W1")]
)
def test_dict_with_unusual_keys_passes(monkeypatch, key) -> None:
    """The worker sends keys as numbers of 64 bits or short texts."""
    call = {
        "function": "f",
        "arguments": [],
        "by_name": [],
        "keys": {},
        "returns": {},
        "shapes": {},
    }
    monkeypatch.setattr(child.Loaded, "namespace", {"f": lambda: {key: 1.0}}, raising=False)
    reply = child.explore(Frame("explore", {}, {"call": call}))
    encode(reply, TO_GRADER)
    check("explore", {"call": call}, {}, reply)


def test_key_without_a_text_is_a_failure_of_the_student(monkeypatch) -> None:
    """It is described like an exception of the function."""

    class Evil:
        def __str__(self) -> str:
            raise SystemExit("evil")

    call = {
        "function": "f",
        "arguments": [],
        "by_name": [],
        "keys": {},
        "returns": {},
        "shapes": {},
    }
    monkeypatch.setattr(child.Loaded, "namespace", {"f": lambda: {Evil(): 1.0}}, raising=False)
    reply = child.explore(Frame("explore", {}, {"call": call}))
    check("explore", {"call": call}, {}, reply)
    assert reply.data["failure"]["message"] == "evil"
