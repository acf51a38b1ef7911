"""What surrounds the numbers: calls of f, limits, options and sentences."""

from __future__ import annotations

import itertools
import time
from collections import OrderedDict
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gradkit.gradcheck import check, check_backward, check_gradient, finite_difference
from gradkit.gradcheck.backward import (
    _find_gradient,
    _has_equal_numbers,
    _input_report,
    _inputs_by_name,
    _note_changes,
    _output_gradients,
    _outputs,
    _readings,
)
from gradkit.gradcheck.evaluate import BudgetSpent, Evaluator
from gradkit.gradcheck.records import (
    Direction,
    Entry,
    Report,
    _badness,
    _sensitivity,
    _verdict_sentence,
    describe,
    format_place,
)
from gradkit.gradcheck.structure import align, is_tensor, rounding_unit, to_numpy, unpack

W = np.array([1.0, 2.0, 3.0, 4.0, 5.0])


def entry(claimed: float, estimate: float, verdict="agree", **parts) -> Entry:
    """Make an entry."""
    numbers = {"bound": 0.25, "resolution": 0.5, "index": (0,)} | parts
    return Entry("w", claimed=claimed, estimate=estimate, verdict=verdict, **numbers)


def report_of(*parts, directions=()) -> Report:
    """Make a report of entries."""
    verdict = (parts or directions)[0].verdict
    return Report(verdict, parts, tuple(directions), (), (), 5, 1e-3)


# Sentences.


def test_the_worst_come_first() -> None:
    """Disagreements, then what is open; by the part of the larger of claim and estimate."""
    assert _badness(entry(1, 0.5, "disagree")) == (0, -0.5)
    assert _badness(entry(-0.5, 1, "inconclusive")) == (1, -1.5)
    assert _badness(entry(0, -4)) == (2, -1)
    assert _badness(entry(-4, 0)) == (2, -1)
    assert _badness(entry(0, 0)) == (2, 0)
    assert _badness(entry(1, np.nan)) == (2, -np.inf)


def test_how_large_an_error_would_have_shown() -> None:
    """The coarsest of what is known to less than itself, and of what is next to zero."""
    clear = "a relative error of 5.0e-01 would have been found"
    assert _sensitivity([entry(1, 1), entry(1, 1, resolution=0.1)]) == f"{clear}."
    zero = "where it is close to zero, a slope of {} would have been found."
    assert _sensitivity([entry(0, 0.5), entry(0, 0.25)]) == zero.format("2.5e-01")
    assert _sensitivity([entry(-2, 1, resolution=1.0)]) == zero.format("2.0e+00")
    assert _sensitivity([entry(1, -3, resolution=1.0)]) == zero.format("3.0e+00")
    assert _sensitivity([entry(0, 0, resolution=np.inf)]) == zero.format("5.0e-01")
    assert _sensitivity([entry(1, 1), entry(0, 0.5)]) == f"{clear}; {zero.format('2.5e-01')}"
    assert _sensitivity([]) == "there was nothing to look at."


def test_the_sentence_counts() -> None:
    """Entries of the verdict among all, or directions where there are any."""
    both = [entry(1, 1, "disagree"), entry(1, 1)]
    start = "The gradient disagrees with finite differences in 1 of 2 entries (5 evaluations, "
    assert _verdict_sentence(report_of(*both)) == f"{start}noise of f 1.0e-03)."
    assert "in 1 of 1 entry (" in _verdict_sentence(report_of(both[0]))
    lost = Direction("w", 0, 0, 0, 0, 0, "disagree")
    said = _verdict_sentence(report_of(both[0], directions=[lost]))
    assert "in 1 of 1 direction (" in said
    assert said.endswith("the entries below are wrong, and others may be wrong too.")
    assert [format_place(one) for one in (entry(1, 1), entry(1, 1, index=()), lost)] == [
        "w[0]",
        "w",
        "w along direction 0",
    ]


@pytest.mark.parametrize(("many", "more"), [(8, False), (9, True)])
def test_eight_entries_are_shown(many: int, more: bool) -> None:
    """And slopes of those alone."""
    parts = [entry(2 + k, 1, "disagree", index=(k,), slopes=(0.0, 1.0)) for k in range(many)]
    text = describe(report_of(*parts))
    assert ("… and 1 more, none of them worse." in text) is more
    assert text.count("to the left") == 8
    assert "w[0]: slope" not in text or not more


# Calls.


def test_a_call_costs_one_of_the_budget() -> None:
    """The last is spent, and no more; no second may be over."""
    evaluator = Evaluator(lambda p: 1.0, unpack(W), budget=2)
    assert [evaluator.value(), evaluator.value(), evaluator.count] == [1, 1, 2]
    with pytest.raises(BudgetSpent):
        evaluator.value()
    assert (evaluator.count, evaluator.notes) == (2, [])
    late = Evaluator(lambda p: 1.0, unpack(W), seconds=50.0)
    late.value()
    late.started = time.monotonic() - 51
    with pytest.raises(BudgetSpent):
        late.value()
    assert late.notes[0].startswith("stopped after 50 seconds.")
    told = []
    Evaluator(lambda p: 1.0, unpack(W), progress=lambda *one: told.append(one)).value()
    assert [count for count, _ in told] == [1]
    assert 0 <= told[0][1] < 60


def test_the_first_exception_and_two_values_are_kept() -> None:
    """And what it said in its first line."""
    values = iter([1.0, 1.0, 2.0, 3.0])
    evaluator = Evaluator(lambda p: next(values), unpack(W))
    for _ in range(4):
        evaluator.value()
    assert evaluator.levels == {1.0, 2.0}
    faults = iter([ValueError("one.\ntwo"), KeyError()])

    def f(p):
        raise next(faults)

    broken = Evaluator(f, unpack(W))
    assert all(np.isnan(broken.value()) for _ in range(2))
    assert broken.raised == "ValueError (one)"
    faults = iter([KeyError()])
    broken.raised = ""
    broken.value()
    assert broken.raised == "KeyError"


def test_what_is_passed_lies_where_it_is_said_to() -> None:
    """Distances after rounding; what a claim says of the rest is to be added."""
    heard: list[list[float]] = []

    def f(p):
        heard.append(p.astype(float).tolist())
        return 1.0

    evaluator = Evaluator(f, unpack(np.ones(2, np.float32)))
    _, _, ahead, behind = evaluator.pair(0, 1, 1e-6)
    assert heard == [[1, 1 + ahead], [1, 1 - behind]]
    assert ahead == float(np.float32(1 + 1e-6)) - 1 != 1e-6
    assert behind == 1 - float(np.float32(1 - 1e-6))
    claim = [np.array([3.0, 5.0])]
    _, strays = evaluator.along([np.array([1.0, 2.0])], [1e-9, -1e-6], claim)
    assert strays[0] == pytest.approx(3e-9 + 10e-9)
    moved = np.array(heard[-1]) - 1
    assert strays[1] == pytest.approx(3 * (-1e-6 - moved[0]) + 5 * (-2e-6 - moved[1]), rel=1e-6)
    assert strays[1] != 0
    assert evaluator.along([np.array([1.0, 2.0])], [1e-9])[1].tolist() == [0]
    bad = evaluator.along([np.ones(2)], [1e-9], [np.array([np.inf, 1.0])])
    assert bad[1].tolist() == [0]


# Options.


def test_options_are_no_less_than_they_can_be() -> None:
    """Zero is no tolerance, and a negative one is none."""
    for name in ("rtol", "atol", "seconds"):
        with pytest.raises(ValueError, match=f"{name} must be at least 0; found -1"):
            check_gradient(np.sum, W, np.ones(5), **{name: -1})
        assert check_gradient(np.sum, W, np.ones(5), **{name: 30}).verdict == "agree"
    with pytest.raises(ValueError, match="rtol must be at least 0; found nan"):
        check_gradient(np.sum, W, np.ones(5), rtol=np.nan)
    with pytest.raises(ValueError, match="kinks must be 'open' or 'subgradient'; found 1"):
        check_gradient(np.sum, W, np.ones(5), kinks=1)


def test_where_entries_are_looked_at_one_by_one(monkeypatch) -> None:
    """Of few, and if the budget is that of two calls for each and eight."""

    def directions(**options) -> bool:
        return bool(check_gradient(np.sum, W, np.ones(5), **options).directions)

    assert (directions(), directions(budget=18), directions(budget=17)) == (False, False, True)
    assert directions(entries="directions")
    assert not directions(entries="all", budget=17)
    for most, many in ((5, False), (4, True)):
        monkeypatch.setattr(check, "MAX_SINGLE_ENTRIES", most)
        assert directions() is many
        assert not directions(entries="all")


def test_what_was_raised_is_told_where_it_matters() -> None:
    """Of a right gradient nobody asks."""

    def root(x):
        assert x > 0, "negative"
        return float(x**0.5)

    assert check_gradient(root, 1e-6, 500.0).notes == ()
    assert "f raised AssertionError (negative)" in check_gradient(root, 1e-6, 501.0).notes[-1]


@pytest.mark.parametrize(("size", "quiet"), [(0.6e-3, True), (0.7e-3, False)])
def test_a_loud_f_is_not_looked_at(size: float, quiet: bool) -> None:
    """Of which noise is a thousandth of what parameters do to it."""
    turns = itertools.cycle([0.0, size, size, size])
    report = check_gradient(lambda p: float(p[0][0]) + next(turns), [np.ones(1)], [np.ones(1)])
    assert (report.evaluations > 13) is quiet


def test_a_claim_of_nothing_does_not_waver() -> None:
    """It is the same each time, though no part of it is allowed for."""
    turns = itertools.cycle([0.0, 1e-6])
    f = lambda p: 4.0 + next(turns) + 0 * float(p[0])  # noqa: E731
    assert check_gradient(f, np.ones(1), np.zeros_like).evaluations > 14


@pytest.mark.parametrize(("share", "steady"), [(0.5, True), (2.0, False)])
def test_a_claim_that_wavers_with_f_is_not_looked_at(share: float, steady: bool) -> None:
    """By more than it may."""
    turns, claims = itertools.cycle([0.0, *[1e-6] * 3]), itertools.count()

    def gradient(p):
        return [np.array([4.0 * (1 + share * 1e-6 * (next(claims) % 2))])]

    report = check_gradient(lambda p: 4 * float(p[0][0]) + next(turns), [np.ones(1)], gradient)
    assert (report.evaluations > 13) is steady


# Structures and backwards.


def test_the_rounding_of_half_precision_is_its_own() -> None:
    """Though float32 holds it."""
    exact = np.array([0.1, 0.2, 0.3])
    assert align(exact.astype(np.float16), unpack(np.ones(3)))[1] == [2.0**-10]


def test_values_are_the_same_with_what_is_no_number() -> None:
    """And are not where one is another, or missing."""
    odd = np.array([1.0, np.nan])
    assert _has_equal_numbers(odd, odd.copy())
    assert _has_equal_numbers([odd, np.array([1, 2])], [odd.copy(), np.array([1, 2])])
    assert not _has_equal_numbers(odd, np.array([1.0, 2.0]))
    assert not _has_equal_numbers([odd], [odd, odd])
    assert not _has_equal_numbers(np.array([1, 2]), np.array([1, 3]))
    assert _note_changes("f", {"a": odd, "b": odd}, {"a": odd, "b": 2 * odd}) == [
        "f changes b in place."
    ]
    assert _note_changes("f", {"a": odd}, {"a": odd}) == []


def test_names_of_inputs() -> None:
    """Those of the forward if there are enough; else their numbers."""
    assert list(_inputs_by_name(lambda x, w, b=1: 0, [W, W])) == ["x", "w"]
    assert list(_inputs_by_name(lambda x, w: 0, [W, W])) == ["x", "w"]
    assert list(_inputs_by_name(lambda x, *rest: 0, [W, W, W])) == ["0", "1", "2"]
    assert list(_inputs_by_name(lambda x: 0, W)) == ["x"]
    assert _inputs_by_name(lambda x: 0, {"a": [1.0, 2.0], "b": ["t"]})["b"] == ["t"]
    assert isinstance(_inputs_by_name(lambda x: 0, {"a": [1.0, 2.0]})["a"], np.ndarray)


def test_the_last_value_of_a_tuple_is_an_output_or_the_cache() -> None:
    """It is what the argument says; a list, a dict and a single value have no cache."""

    def parts(returned, cache: bool) -> tuple[int, int]:
        outputs, handed = _outputs(returned, cache)
        return len(outputs), len(handed)

    for last in ((W,), [W], {"a": W}, None, SimpleNamespace(), W, 1.0):
        assert parts((W, last), True) == (1, 1)
        assert parts((W, last), False) == (2, 0)
        assert parts([W, last], True) == (2, 0)
    assert parts((None,), True) == (1, 0)
    assert parts(W, True) == parts(W, False) == (1, 0)
    assert parts({"a": W, "b": None}, True) == (2, 0)


def test_readings_of_the_last_value_of_a_forward() -> None:
    """A container, an object or integers can only be a cache; a floating array may be either."""

    def backward(*args):
        return args

    def readings(returned, cache: bool | None = None) -> list[bool]:
        return _readings(returned, backward, {"x": W}, None, cache)

    for odd in ((W,), [W], {"a": W}, None, SimpleNamespace(), 1, np.ones(2, dtype=int)):
        assert readings((W, odd)) == [True]
        assert readings((W, odd), False) == [False]
    for floating in (W, 1.0):
        assert readings((W, floating)) == [False, True]
    assert readings(W) == readings((W,)) == readings([W, W]) == [False]


def test_what_outputs_are_multiplied_by() -> None:
    """One where backward takes nothing, and else what is given for each."""
    rng = np.random.default_rng(0)
    two = {"0": np.ones(2), "1": np.ones(3)}
    assert _output_gradients(two, None, rng, True)["1"].tolist() == [1, 1, 1]
    drawn = _output_gradients(two, None, rng, False)
    assert [part.shape for part in drawn.values()] == [(2,), (3,)]
    assert all(np.all((np.abs(part) >= 0.5) & (np.abs(part) <= 1.5)) for part in drawn.values())
    given = _output_gradients(two, [[1, 2], [3, 4, 5]], rng, False)
    assert [part.tolist() for part in given.values()] == [[1, 2], [3, 4, 5]]
    one = _output_gradients({"0": np.ones(2)}, [7, 8], rng, False)
    assert one["0"].tolist() == [7, 8]
    for short in ([np.ones(2)], {"0": np.ones(2)}):
        with pytest.raises(ValueError, match=r"the shape of the output, \(3,\); found None"):
            _output_gradients(two, short, rng, False)


def test_where_a_gradient_is_looked_for() -> None:
    """By place, by name, as an attribute, or alone."""
    assert [_find_gradient((1, 2), None, "x", k) for k in range(3)] == [1, 2, None]
    assert _find_gradient({"dx": 1}, None, "x", 5) == 1
    assert _find_gradient({"dy": 1}, None, "x", 0) is None
    assert _find_gradient(SimpleNamespace(dx=3), SimpleNamespace(dx=4), "x", 1) == 3
    assert _find_gradient(5, SimpleNamespace(dx=4, x=6), "x", 1) == 4
    assert [_find_gradient(5, SimpleNamespace(x=6), "x", k) for k in (0, 1)] == [5, None]


def test_what_is_said_of_an_input() -> None:
    """By its own entries, or by directions through all where no entry explains them."""
    every = Direction("all parameters", 0, 0, 0, 0, 0, "disagree")
    own = entry(1, 2, "disagree")
    other = Report("disagree", (own,), (every,), (), (), 5, 0.0)
    alone = Report("disagree", (), (every,), (), (), 5, 0.0)
    found = np.zeros(2)
    assert _input_report("w", (2,), found, other).verdict == "disagree"
    assert _input_report("v", (2,), found, other).verdict == "agree"
    assert _input_report("v", (2,), found, alone).verdict == "disagree"
    said = "the gradient of v disagrees in 1 of 1 directions."
    assert _input_report("v", (2,), found, alone).message == said
    assert _input_report("v", (3,), found, alone).problem == "shape"
    assert _input_report("v", (2,), None, alone).problem == "missing"


def test_a_right_cotangent_is_taken() -> None:
    """One of another shape is not."""
    back = lambda dout, x: 2 * x * dout  # noqa: E731
    x = np.array([1.0, 2.0])
    assert check_backward(lambda x: x**2, back, {"x": x}, np.ones(2)).verdict == "agree"
    with pytest.raises(ValueError, match="dout must have the shape of the output"):
        check_backward(lambda x: x**2, back, {"x": x}, np.ones(3))


def test_where_ladders_without_a_claim_begin() -> None:
    """At 1e-4 of the array's largest, or of an entry that is a thousandth of it."""
    for small, step in ((2.0, 0.1), (0.5, 0.5e-4), (-0.5, 0.5e-4), (0.0, 0.1)):
        asked: list[float] = []

        def f(p, asked=asked, small=small):
            if p[0] == 1000.0:
                asked.append(abs(float(p[1]) - small))
            return float(p[0] + 3 * p[1])

        finite_difference(f, np.array([1000.0, small]))
        for one in (step, 4 * step, 16 * step):
            assert any(abs(each - one) < 1e-3 * one for each in asked)
        assert max(asked) <= 4 * max(2500 * step, 16 * step)


def test_a_difference_is_known_if_it_would_confirm_a_claim() -> None:
    """Twice its bound is no more than is allowed to a right one."""
    rng = np.random.default_rng(0)

    def status(noise: float) -> tuple[str, float]:
        rough = lambda p: float(p[0]) + noise * float(np.sin(1e9 * p[0] + 1e10 * p[0] ** 2))  # noqa: E731
        found = finite_difference(rough, rng.uniform(1, 2, 1))
        return str(found.status[0]), float(found.bound[0])

    assert status(1e-12)[0] == "ok"
    assert status(0.3)[0] != "ok"
    both = finite_difference(lambda p: float(abs(p[0]) + p[1] ** 2), np.array([0.0, 1.0]))
    assert both.status.tolist() == ["kink", "ok"]
    assert (both.left[0], both.right[0]) == pytest.approx((-1, 1))


class Mine(torch.Tensor):
    """A tensor of somebody's own."""


@dataclass
class Box:
    """Parameters of somebody's own."""

    w: object
    kind: object = None


def test_kinds_of_values() -> None:
    """What is a tensor, what is widened, and what comes back as it went in."""
    assert is_tensor(torch.ones(2).as_subclass(Mine))
    assert is_tensor(torch.nn.Parameter(torch.ones(2)))
    assert not is_tensor(np.ones(2))
    half = torch.ones(2, dtype=torch.bfloat16)
    assert rounding_unit(half, to_numpy(half, "", "the gradient")) == 2.0**-7
    for dtype, kept in (("f4", "f4"), ("f8", "f8"), ("f2", "f8"), ("i8", "f8")):
        assert unpack(np.ones(2, dtype)).leaves[0].array.dtype == kept
    assert unpack(half).leaves[0].array.dtype == "f8"
    for value in (np.float64(2.0), 2.0, np.ones(2), half, torch.ones(2)):
        given = unpack(value).fresh()
        assert type(given) is type(value)
    assert unpack(torch.ones(2)).fresh().dtype == torch.float32
    assert unpack(half).fresh().dtype == torch.float64


def test_containers_come_back_as_they_were() -> None:
    """With what is nothing to differentiate as it is, types among it."""
    params = [Box(W, Box), OrderedDict(a=W), (W, None), {"b": [W, "text"]}]
    found = unpack(params)
    assert [leaf.name for leaf in found.leaves] == ["0.w", "1.a", "2.0", "3.b.0"]
    box, ordered, pair, plain = found.fresh()
    assert isinstance(box, Box)
    assert (box.kind, type(ordered), type(plain)) == (Box, OrderedDict, dict)
    assert (pair[1], plain["b"][1]) == (None, "text")
    claims, _ = align([{"w": 2 * W}, [3 * W], [4 * W, None], {"b": [5 * W, None]}], found)
    assert [float(claim[0]) for claim in claims] == [2, 3, 4, 5]
    table, _ = align(np.ones((2, 5)), unpack([W, W]))
    assert [claim.shape for claim in table] == [(5,), (5,)]
    with pytest.raises(ValueError, match=r"at '0' must be a sequence of 2.*found list of 1"):
        align([[W]], unpack([[W, W]]))


def test_the_columns_of_the_table_are_as_wide_as_their_widest_cell() -> None:
    """So that each begins below the one above."""
    parts = [entry(1.5, 1, "disagree", index=(100, 200)), entry(123456.5, 1, "disagree")]
    head, first, second = describe(report_of(*parts)).splitlines()[2:5]
    assert head.index("claimed") == first.index("123456.5") == second.index("1.5")
    assert head.index("estimate") == first.index(" 1  ") + 1 == second.index(" 1  ") + 1
    assert head.index("verdict") == first.index("disagree") == second.index("disagree")
