"""What a first step says of single entries, and which are looked at further."""

from __future__ import annotations

from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
from deciding import AGREE, DISAGREE, UNKNOWN, near

from gradkit.gradcheck import entries
from gradkit.gradcheck.entries import (
    Columns,
    EntryCheck,
    blank_results,
    make_entries,
    one_by_one,
    record_fields,
    worst_verdict,
)
from gradkit.gradcheck.error import Claims, Options, allowed_resolution, balanced_step
from gradkit.gradcheck.ladder import Reading, Side
from gradkit.gradcheck.noise import EPS, SHORTEST, Measurements
from gradkit.gradcheck.structure import Leaf

pytestmark = pytest.mark.usefixtures("quietly")

SEEN = Measurements(1.0, 1e-6, 0.0, 1e-30, True, False, np.ones(1), 2.0)
ONE = np.arange(1)


def lay(claimed, leaf=0, scale=1.0, largest=0.0, coarsest=0.0, smallest=0.0, here=0.0) -> Claims:
    """Lay out claims that are known exactly."""
    row = np.atleast_1d(np.asarray(claimed, dtype=float))
    none, place = 0 * np.nan_to_num(row), np.arange(len(row))
    weight = np.abs(np.nan_to_num(row))
    first = (row, np.zeros(len(row), dtype=np.intp) + leaf, place, none + here, none + scale)
    rest = (none + largest, none + 1e-30, weight, none + coarsest, none + smallest, none)
    return Claims(*first, *rest)


def first_row(columns: Columns) -> SimpleNamespace:
    """Return the results of the first entry."""
    return SimpleNamespace(**{one.name: getattr(columns, one.name)[0] for one in fields(columns)})


def checked(claims: Claims, seen: Measurements = SEEN, pair=None, **asked) -> EntryCheck:
    """Return a check, of a straight f if no other is given."""
    slopes = claims.claimed.tolist()
    straight = lambda k, h: (1 + slopes[k] * h, 1 - slopes[k] * h, h, h)  # noqa: E731
    claims = replace(claims, room=claims.room + asked.pop("atol", 0.0))
    return EntryCheck(one_by_one(pair or straight), claims, seen, Options(**asked))


# Records.


def test_what_is_on_record() -> None:
    """Resolutions are parts of the larger of claim and estimate; slopes stand where a kink is."""
    columns = blank_results(4)
    columns.estimate[:], columns.resolution[:] = [2.0, 8.0, 0.0, 1.0], [1.0, 1.0, 1.0, np.inf]
    columns.left[:], columns.right[:], columns.bound[:] = 3.0, 5.0, 0.5
    columns.reason[:], columns.looked[:] = ["kink", "", "noise", ""], [True, True, True, False]
    claims = lay([-4.0, 4.0, 0.0, 1.0])
    three = make_entries(columns, claims, [Leaf("w", np.zeros((2, 2)))])
    assert [one.index for one in three] == [(0, 0), (0, 1), (1, 0)]
    assert [one.resolution for one in three] == [0.25, 0.125, np.inf]
    assert [one.slopes for one in three] == [(3, 5), None, None]
    assert [one.bound for one in three] == [0.5] * 3
    assert worst_verdict(three) == UNKNOWN
    rows = list(record_fields(columns, claims, np.full(4, 2.0)))
    assert [row[3] for row in rows] == [0.5, 0.5, 0.5, np.inf]


def test_a_precise_f_has_noise_of_32_roundings() -> None:
    """Of its value, or of what parameters do to it."""

    def precise(roundings: float, base: float, reach: float) -> bool:
        seen = replace(SEEN, noise=roundings * EPS, base=base, reach=reach)
        return bool(checked(lay(1.0), seen).precise)

    for base, reach in ((8.0, 2.0), (-8.0, 2.0), (2.0, 8.0)):
        assert precise(255, base, reach)
        assert not precise(257, base, reach)


def test_first_steps_are_no_shorter_than_can_be() -> None:
    """By the roundings of the parameter."""
    assert near(checked(lay(1.0)).steps, 0.3e-2)
    assert near(checked(lay(1.0, smallest=0.1)).steps, 0.1)
    assert near(checked(lay(1.0, smallest=1e-4)).steps, 0.3e-2)
    assert checked(lay(1.0), replace(SEEN, noise=0.0)).steps.tolist() == [SHORTEST]
    assert near(checked(lay(2.0), atol=0.5, rtol=0.25).tolerance, 1.0)


# One step.


def looked(
    above: float, below: float, claimed=1.0, seen: Measurements = SEEN, **parts
) -> EntryCheck:
    """Look at one entry over a step at which f is 1 more or less by so much."""
    step, slack = parts.pop("step", 1e-3), parts.pop("slack", 1e-4)
    moved = parts.pop("moved", step)
    asked = {name: parts.pop(name) for name in ("atol", "rtol") if name in parts}
    base = seen.base
    pair = lambda k, h: (base + above * h, base - below * h, moved, moved)  # noqa: E731
    check = checked(lay(claimed, **parts), seen, pair, **asked)
    good = check._try_step(ONE, np.array([step]), np.array([slack]))
    assert bool(good[0]) == (check.columns.verdict[0] == AGREE)
    assert check.columns.reason[0] == ("" if good[0] else "noise")
    return check


def test_the_bound_and_the_resolution_of_a_step() -> None:
    """Noise over step, truncation by how far both sides are apart, and a slack."""

    def numbers(*args, **parts) -> tuple[float, float, float]:
        row = first_row(looked(*args, **parts).columns)
        return row.estimate, row.bound, row.resolution

    bent = 0.036**2 / 6
    assert near(numbers(1.02, 0.98), (1, 1e-3 + bent, 2 * (1.1e-3 + bent)))
    assert near(numbers(0.98, 1.02), (1, 1e-3 + bent, 2 * (1.1e-3 + bent)))
    assert near(numbers(1.001, 0.999), (1, 1e-3, 2.2e-3))
    assert near(numbers(1.02, 0.98, 1.5), (1, 0.501 + bent / 1.5, 2 * (1.1e-3 + bent / 1.5)))
    assert near(numbers(1.02, 0.98, 0.5), (1, 0.501 + bent * 2, 2 * (1.1e-3 + bent * 2)))
    assert near(numbers(1.02, 0.98, largest=100.0)[2], 2 * (1.1e-3 + bent / 3))
    wide = replace(SEEN, reach=800.0)
    assert near(numbers(1.02, 0.98, seen=wide, scale=2.0)[2], 2 * (1.1e-3 + bent / 4))
    assert near(numbers(1.0, 1.0, atol=0.25)[2], 2.2e-3 + 0.25)
    assert near(numbers(0.0, 0.0, 0.0, replace(SEEN, reach=0.0))[1], 1e-3)
    check = looked(1.02, 0.98)
    assert near(check.bend, 6)
    assert near(check.tried[:, 0], [1e-3, 1.00102, 0.99902, 1e-3, 1e-3])


def test_a_claim_agrees_within_what_is_not_known() -> None:
    """Half of the resolution, its own error, and tolerance."""

    def agrees(claimed: float, **parts) -> bool:
        return looked(1.001, 0.999, claimed, **parts).columns.verdict[0] == AGREE

    for sign in (1, -1):
        assert agrees(1 + sign * 1.09e-3)
        assert not agrees(1 + sign * 1.11e-3)
        assert agrees(1 + sign * 1.109e-2, atol=1e-2)
        assert not agrees(1 + sign * 1.111e-2, atol=1e-2)
    # No more is not known than may be.
    assert agrees(1.0, step=1e-4)
    assert not agrees(1.0, step=5e-5)
    assert agrees(1.0, step=5e-5, atol=1e-2)
    check = looked(1.001, 0.999, step=5e-5, atol=0.25)
    plain = looked(1.001, 0.999, step=5e-5)
    room = allowed_resolution(check.claims, SEEN, ONE, check.blur + check.error)
    assert near(check.limits, room + 0.5)
    assert near(plain.limits, allowed_resolution(plain.claims, SEEN, ONE, plain.blur + plain.error))


def test_truncation_has_to_be_below_noise() -> None:
    """Or below 1e-8 of the entry, or a quarter of what a direction need not know."""

    def agrees(curve: float, seen: Measurements = SEEN, **parts) -> bool:
        rest = curve + 4 * seen.noise / 1e-3
        check = looked(1 + rest / 2, 1 - rest / 2, 1.0, seen, slack=0.0, **parts)
        return check.columns.verdict[0] == AGREE

    edge = (6 * 1e-3) ** 0.5
    assert agrees(0.99 * edge)
    assert not agrees(1.01 * edge)
    assert agrees(1.01 * edge, coarsest=4.2e-3)
    assert not agrees(1.01 * edge, coarsest=3.8e-3)
    fine = replace(SEEN, noise=1e-12)
    edge = (6 * 1e-8) ** 0.5
    assert agrees(0.99 * edge, fine)
    assert not agrees(1.01 * edge, fine)
    assert agrees(2.9 * edge, fine, largest=100.0)
    assert not agrees(3.1 * edge, fine, largest=100.0)


def test_an_f_that_does_not_move_at_all() -> None:
    """Over a quarter of the scale, or all of it, where a claim is no more than its error."""
    loud = replace(SEEN, noise=1e-2)

    def agrees(claimed: float, step: float, seen: Measurements = loud, atol=2e-3, **parts) -> bool:
        above, below = parts.pop("above", 0.0), parts.pop("below", 0.0)
        check = looked(above, below, claimed, seen, step=step, atol=atol, **parts)
        return check.columns.verdict[0] == AGREE

    assert agrees(1e-3, 0.26)
    assert agrees(1e-3, 0.25)
    assert not agrees(1e-3, 0.24)
    assert agrees(1e-3, 0.26, scale=1.01)
    assert not agrees(1e-3, 0.26, scale=1.1)
    nothing = replace(loud, reach=0.0)
    assert not agrees(1e-3, 0.99, nothing)
    assert agrees(1e-3, 1.01, nothing)
    assert not agrees(1e-3, 0.26, above=1e-9)
    assert not agrees(1e-3, 0.26, below=1e-9)
    assert not agrees(1e-3, 0.26, moved=0.0)
    assert not agrees(2.1e-3, 0.26)
    zero = replace(loud, base=0.0)
    assert not agrees(1e-3, 0.26, zero)
    assert agrees(0.0, 0.26, zero)


def test_a_second_step_counts_if_it_agrees() -> None:
    """Else the first stays."""
    values = iter([(1.5, 0.5), (1.0003, 0.9997), (1.5, 0.6)])

    def pair(k: int, h: float):
        above, below = next(values)
        return 1 + above * h, 1 - below * h, h, h

    check = checked(lay(1.0), pair=pair)
    slack = np.zeros(1)
    assert not check._try_step(ONE, np.array([1e-3]), slack)[0]
    first = check.columns.bound[0]
    assert check._try_step(ONE, np.array([1e-3]), slack)[0]
    second = check.columns.bound[0]
    assert second < first
    assert not check._try_step(ONE, np.array([1e-3]), slack)[0]
    assert (check.columns.bound[0], check.columns.verdict[0]) == (second, AGREE)


def test_how_much_slack_a_step_has() -> None:
    """A part of 1e-8 of the slope, or a twentieth of what a direction need not know."""
    quiet = replace(SEEN, noise=1e-18)

    def slack(seen: Measurements = quiet, **parts) -> float:
        claims = lay(2.0, **parts)
        check = checked(claims, seen)
        steps: list[float] = []
        pairs = check.pairs
        check.pairs = lambda rows, h: steps.extend(h.tolist()) or pairs(rows, h)
        row = first_row(check.run(closely=False))
        assert len(steps) == 1
        return float(row.resolution / 2 - seen.noise / steps[0])

    assert slack() == pytest.approx(0.6e-8, rel=1e-3)
    assert slack(coarsest=1e-3) == pytest.approx(5e-5, rel=1e-3)
    assert slack(replace(quiet, reach=1e6)) == pytest.approx(0.3e-6, rel=1e-3)


# Which are looked at further.


def test_arrays_of_which_nothing_was_seen_are_left_open() -> None:
    """Where the claim is more than rounding; one entry that is known is enough."""

    def hidden(
        weight, resolution, error=0.0, leaf=0, seen: Measurements = SEEN, **parts
    ) -> list[str]:
        verdict = parts.pop("verdict", AGREE)
        seen_all = parts.pop("looked", True)
        check = checked(lay(weight, leaf=np.array(leaf), **parts), seen)
        check.columns.verdict[:], check.columns.looked[:] = verdict, seen_all
        check.columns.reason[:] = ""
        check.columns.resolution[:], check.error[:] = resolution, error
        check._reopen_hidden()
        is_open = [one == UNKNOWN for one in check.columns.verdict]
        assert [one == "noise" for one in check.columns.reason] == is_open
        return is_open

    assert hidden([1.0], [1.1]) == [True]
    assert hidden([1.0], [0.9]) == [False]
    assert hidden([2.0], [1.9]) == [False]
    assert hidden([2.0], [2.1]) == [True]
    assert hidden([1.0], [1.4], 0.5) == [False]
    assert hidden([1.0], [1.6], 0.5) == [True]
    assert hidden([1.0], [4.6], 2.9) == [True]
    assert hidden([1.0], [4.6], 3.1) == [False]
    # Where another array is seen, less is more than rounding.
    for error, is_open in ((15.9, True), (16.1, False)):
        assert hidden([1.0, 1.0], [error + 1.1, 0.9], [error, 0.0], leaf=[0, 1]) == [is_open, False]
        assert hidden([1.0, 1.0], [error + 1.1, 1.1], [error, 0.0], leaf=[0, 1]) == [False, True]
    precise = replace(SEEN, noise=1e-15)
    assert hidden([1.0], [0.11], seen=precise) == [True]
    assert hidden([1.0], [0.09], seen=precise) == [False]
    assert hidden([1.0, 1.0], [1.1, 1.1]) == [True, True]
    assert hidden([1.0, 1.0], [1.1, 0.9]) == [False, False]
    assert hidden([1.0, 1.0], [1.1, 0.9], leaf=[0, 1]) == [True, False]
    assert hidden([1.0, 0.0], [1.1, 0.0]) == [True, False]
    assert hidden([1.0], [1.1], verdict=DISAGREE) == [False]
    assert hidden([1.0], [1.1], looked=False) == [False]
    far = replace(SEEN, reach=1e11)
    assert hidden([1.01], [1.1], seen=far) == [True]
    assert hidden([0.99], [1.1], seen=far) == [False]
    assert hidden([0.51], [1.1], seen=far, scale=2.0) == [True]
    assert hidden([0.49], [1.1], seen=far, scale=2.0) == [False]


def test_what_stairs_hide_elsewhere_is_left_open() -> None:
    """If it does less to f than they do, in whatever array; a larger error stays one."""
    check = checked(
        lay([3.0, 1.5, 1.4, 2.0, 7.0], [0, 0, 1, 1, 1], scale=[2.0, 3.0, 3.0, 3.0, 1.0])
    )
    columns = check.columns
    columns.estimate[:], columns.bound[:], columns.resolution[:] = (
        [2.0, 1.0, 2.0, 1.0, 7.0],
        0.1,
        0.2,
    )
    columns.verdict[:] = [UNKNOWN, DISAGREE, DISAGREE, DISAGREE, AGREE]
    columns.reason[:] = ["noise", "", "", "", ""]
    check._reopen_below_kinks()
    assert columns.verdict.tolist() == [UNKNOWN, DISAGREE, DISAGREE, DISAGREE, AGREE]
    columns.reason[0] = "staircase"
    check._reopen_below_kinks()
    assert columns.verdict.tolist() == [UNKNOWN, UNKNOWN, UNKNOWN, DISAGREE, AGREE]
    assert columns.reason.tolist() == ["staircase", "noise", "noise", "", ""]
    assert near(columns.bound, [0.1, 0.6, 0.7, 0.1, 0.1])
    assert near(columns.resolution, [0.2, 0.5, 0.6, 0.2, 0.2])


@pytest.mark.parametrize("precise", [False, True])
def test_what_a_kink_hides_elsewhere_is_left_open(precise: bool) -> None:
    """If it does less than thrice the kink does, and f is noisy."""
    check = checked(lay([1.0, 2.0, 2.0, 7.0], [0, 0, 1, 1], scale=[2.0, 6.0, 5.9, 1.0]))
    check.precise, columns = precise, check.columns
    columns.estimate[:], columns.bound[:], columns.resolution[:] = [1.0, 1.0, 1.0, 7.0], 0.1, 0.2
    columns.verdict[:] = [UNKNOWN, DISAGREE, DISAGREE, AGREE]
    columns.reason[:] = ["kink", "", "", ""]
    check._reopen_below_kinks()
    assert columns.verdict.tolist() == [UNKNOWN, DISAGREE, DISAGREE, AGREE]
    columns.left[0], columns.right[0] = 1.5, 0.5
    check._reopen_below_kinks()
    behind = [DISAGREE, ""] if precise else [UNKNOWN, "noise"]
    assert [columns.verdict[2], columns.reason[2]] == behind
    assert columns.verdict[[0, 1, 3]].tolist() == [UNKNOWN, DISAGREE, AGREE]
    assert near(columns.bound, [0.1, 0.1, 0.1 if precise else 1.1, 0.1])
    assert near(columns.resolution, [0.2, 0.2, 0.2 if precise else 1.0, 0.2])


def test_arrays_are_left_open_after_a_close_look() -> None:
    """A direction may be looked at once more."""
    for closely in (True, False):
        check = checked(lay(1.0))
        done: list[str] = []
        check._reopen_hidden = lambda done=done: done.append("hidden")
        check.run(closely=closely)
        assert bool(done) is closely


def test_small_arrays_are_looked_at_together_and_large_ones_in_samples() -> None:
    """Of 32, then of 128, until sixteen are wrong."""
    leaf = np.repeat([0, 1, 2], [3, 300, 64])
    check = checked(lay(np.ones(367), leaf=leaf))
    parts = list(check._chunks())
    assert [len(part) for part in parts] == [67, 32, 128, 128, 12]
    assert parts[0].tolist() == [0, 1, 2, *range(303, 367)]
    assert sorted(np.concatenate(parts[1:]).tolist()) == list(range(3, 303))
    for part in parts:
        assert part.tolist() == sorted(part.tolist())
    for wrong, chunks in ((15, 5), (16, 1)):
        check.wrong[1] = wrong
        assert len(list(check._chunks())) == chunks
    assert len(list(checked(lay(np.ones(65)))._chunks())) == 2
    assert [len(one) for one in checked(lay(np.ones(64)))._chunks()] == [64]


def test_which_entries_want_more() -> None:
    """Those that are open; those that do not move f; those that are known on others' scale."""
    #        open  still  known  faint  rounding  a direction  nothing
    claims = lay([1.0, 1e-3, 1.0, 1e-2, 1e-2, 1e-2, 0.0], coarsest=[0, 0, 0, 0, 0, 1.0, 0])
    steps: list[tuple[int, float]] = []

    def pair(k: int, h: float):
        steps.append((k, h))
        return (1, 1, h, h) if k == 1 else (1 + 1e-2 * h, 1 - 1e-2 * h, h, h)

    def asked(seen: Measurements = SEEN, **parts) -> list[int]:
        steps.clear()
        check = checked(replace(claims, **parts), seen, pair)
        columns = check.columns
        columns.estimate[:] = [1.0, 0.0, 1.0, 1e-2, 1e-2, 1e-2, 0.0]
        columns.verdict[:] = [UNKNOWN, UNKNOWN, AGREE, AGREE, AGREE, AGREE, AGREE]
        columns.resolution[:] = [1.0, 1.0, 0.09, 2e-3, 1.1e-2, 2e-3, 1e-3]
        check.error[:] = [0, 1e-3, 0, 0, 0.9e-2, 0, 0]
        rest = check._retry_small(np.arange(7)).tolist()
        assert columns.faint.tolist()[4] is (not check.precise)
        assert not any(columns.faint[k] for k in (0, 1, 2, 5, 6))
        told.append(check)
        return rest

    told: list[EntryCheck] = []
    assert asked() == [0, 1]
    assert [row for row, _ in steps] == [1, 3]
    assert near(steps[0][1], 0.25)
    assert near(steps[1][1], balanced_step(np.array([1e-2]), np.ones(1), 1e-6))
    assert not told[-1].columns.faint[3]
    assert asked(scale=2 * claims.scale) == [0, 1]
    assert near(steps[0][1], 0.5)
    assert asked(replace(SEEN, reach=0.0)) == [0, 1]
    assert near(steps[0][1], 1.0)
    assert asked(replace(SEEN, noise=1e-15)) == [0, 1, 3]
    assert asked(smallest=claims.scale / 5) == [0, 1]
    assert near(steps[1][1], 0.2)


def test_an_entry_that_is_still_faint_is_marked() -> None:
    """One that the second step does not bear out gets a ladder from there."""

    def again(slope: float, noise: float = 1e-4) -> tuple[EntryCheck, list[int]]:
        def pair(k: int, h: float):
            return 1 + slope * h, 1 - slope * h, h, h

        check = checked(lay(1e-2, largest=1.0), replace(SEEN, noise=noise), pair)
        check.columns.verdict[:], check.columns.resolution[:] = AGREE, 2e-3
        return check, check._retry_small(ONE).tolist()

    check, rest = again(1e-2)
    assert (rest, check.columns.faint[0]) == ([], True)
    assert near(check.columns.resolution, 2 * (1e-4 * 16 + 1e-4))
    check, rest = again(1e-2, 1e-8)
    assert (rest, check.columns.faint[0]) == ([], False)
    check, rest = again(2e-2, 1e-8)
    assert (rest, check.columns.faint[0]) == ([0], False)
    assert near(check.steps, balanced_step(np.array([1e-2]), np.ones(1), 1e-8))
    assert near(check.limits, 1e-3)


def test_an_entry_is_known_to_its_own_scale_by_a_tenth() -> None:
    """Its own error aside."""
    check = checked(lay([2.0, 2.0, 2.0, 2.0]))
    check.columns.resolution[:] = [0.19, 0.21, 0.69, 0.71]
    check.error[:] = [0, 0, 0.5, 0.5]
    assert check._is_unresolved(np.arange(4)).tolist() == [False, True, False, True]


# Ladders.

SIDE = Side(1.0, 0.1, 0.05, 0.05, 1, 2)
READING = Reading(1.0, 0.1, 0.1, False, SIDE, SIDE, SIDE, SIDE)


def laddered(monkeypatch, results, claimed=1.0, seen: Measurements = SEEN, **parts):
    """Run ladders of which what they say is given."""
    given = iter(results)
    monkeypatch.setattr(entries, "examine", lambda check, row, **known: next(given))
    before = parts.pop("before", UNKNOWN)
    wrong = parts.pop("wrong", 0)
    resolution = parts.pop("resolution", 0.5)
    check = checked(lay(claimed, **parts), seen)
    check.columns.verdict[:], check.columns.reason[:] = before, "" if before == AGREE else "noise"
    check.columns.resolution[:], check.columns.estimate[:] = resolution, 7.0
    check.wrong[0] = wrong
    return check._run_ladders(np.arange(len(check.columns))), check


def test_a_louder_noise_has_all_done_again(monkeypatch) -> None:
    """If it is half as loud again, and smooth near by all the same."""
    for heard, reach, quiet in (
        (1.4e-6, 1e3, True),
        (1.6e-6, 1e3, False),
        (1.6e-6, 3.3, False),
        (1.6e-6, 3.1, True),
        (0.4e-6, 1e3, True),
    ):
        seen = replace(SEEN, reach=reach)
        result = [(READING, 0.3, DISAGREE, "", heard)]
        assert laddered(monkeypatch, result, seen=seen)[0] is quiet
    heard = iter([1.6e-6, 0.0])
    noises = []

    def examine(check: EntryCheck, row: int, **known):
        noises.append(check.seen.noise)
        return READING, 0.3, DISAGREE, "", next(heard)

    monkeypatch.setattr(entries, "examine", examine)
    bent = lambda k, h: (1 + 5 * h, 1 - h, h, h)  # noqa: E731
    columns = checked(lay(1.0), replace(SEEN, reach=1e3), bent).run()
    assert near(noises, [1e-6, 3.2e-6])
    assert columns.verdict[0] == DISAGREE


def test_what_a_ladder_says_is_written_down(monkeypatch) -> None:
    """With the bound, to which what noise may hide of a kink is added."""
    sides = replace(READING, left=replace(SIDE, estimate=0.5), right=replace(SIDE, estimate=0.8))
    for seen, bound in ((SEEN, 0.3), (replace(SEEN, noise=1e-15), 0.1)):
        _, check = laddered(monkeypatch, [(sides, 0.3, DISAGREE, "", 0.0)], seen=seen)
        row = first_row(check.columns)
        assert near([row.estimate, row.bound, row.resolution], [1, bound, 0.3])
        assert np.isnan([row.left, row.right]).all()
        assert (row.verdict, row.reason, check.wrong[0]) == (DISAGREE, "", 1)
    wide = replace(sides, bound=0.4, kinked=True)
    _, check = laddered(monkeypatch, [(wide, 0.3, UNKNOWN, "kink", 0.0)])
    assert (check.columns.bound[0], check.columns.reason[0], check.wrong[0]) == (0.4, "kink", 0)
    assert (check.columns.left[0], check.columns.right[0]) == (0.5, 0.8)


def test_an_entry_that_agreed_stays_so_if_nothing_is_known_of_it(monkeypatch) -> None:
    """It is as its first step says, unless the ladder bears it out more closely."""

    def told(reading: Reading, known: float, claimed: float = 1.0):
        result = [(reading, known, UNKNOWN, "noise", 0.0)]
        row = first_row(laddered(monkeypatch, result, claimed, before=AGREE)[1].columns)
        assert (row.verdict, row.reason, row.faint) == (AGREE, "", True)
        return (row.estimate, row.resolution)

    assert told(READING, 0.3) == (1, 0.3)
    assert told(READING, 0.6) == (7, 0.5)
    assert told(READING, 0.5) == (7, 0.5)
    assert told(replace(READING, kinked=True), 0.3) == (7, 0.5)
    assert told(READING, 0.3, 1.31) == (7, 0.5)
    assert told(READING, 0.3, 0.69) == (7, 0.5)
    assert told(READING, 0.3, 1.29) == (1, 0.3)
    wrong = [(READING, 0.3, DISAGREE, "", 0.0)]
    row = first_row(laddered(monkeypatch, wrong, before=AGREE)[1].columns)
    assert (row.verdict, row.faint) == (DISAGREE, False)
    open_ = [(READING, 0.3, UNKNOWN, "noise", 0.0)]
    row = first_row(laddered(monkeypatch, open_)[1].columns)
    assert (row.verdict, row.reason, row.faint) == (UNKNOWN, "noise", False)


def test_a_claim_that_is_no_number_is_wrong_where_the_slope_is_one(monkeypatch) -> None:
    """That is known to a hundredth."""

    def verdict(claimed: float, bound: float, slope: float) -> str:
        reading = replace(READING, bound=bound, estimate=slope)
        result = [(reading, 0.3, UNKNOWN, "non-finite", 0.0)]
        row = first_row(laddered(monkeypatch, result, claimed)[1].columns)
        assert row.reason == ("" if row.verdict == DISAGREE else "non-finite")
        return row.verdict

    assert verdict(np.nan, 0.029, 3.0) == DISAGREE
    assert verdict(np.inf, 0.029, -3.0) == DISAGREE
    assert verdict(np.nan, 0.031, 3.0) == UNKNOWN
    assert verdict(1.0, 0.029, 3.0) == UNKNOWN


def test_after_sixteen_wrong_entries_of_a_large_array_no_more_are_looked_at(monkeypatch) -> None:
    """Of a small one all are."""
    result = (READING, 0.3, DISAGREE, "", 0.0)
    for size, wrong, looked_at in ((65, 14, 2), (65, 15, 1), (65, 16, 0), (64, 16, 64)):
        _, check = laddered(monkeypatch, [result] * size, np.ones(size), wrong=wrong)
        assert np.count_nonzero(check.columns.verdict == DISAGREE) == looked_at
        assert np.count_nonzero(check.columns.looked) == looked_at
    _, check = laddered(monkeypatch, [], np.ones(65), wrong=16, before=AGREE)
    assert np.all(check.columns.looked)
