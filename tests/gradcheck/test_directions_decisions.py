"""How a wrong entry is found among many, with errors that are written down."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from deciding import AGREE, DISAGREE, UNKNOWN, near

from gradkit.gradcheck.directions import Survey, miss_chance, ramp
from gradkit.gradcheck.entries import blank_results
from gradkit.gradcheck.error import Options, join_claims, leaf_claims
from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.noise import EPS, Measurements
from gradkit.gradcheck.records import Direction, Entry
from gradkit.gradcheck.structure import unpack

pytestmark = pytest.mark.usefixtures("quietly")

SEEN = Measurements(1.0, 1e-12, 1e-13, EPS, True, False, np.ones(1), 2.0)


def survey_of(*claimed, f=lambda p: 0.0, scales=None, eps=None) -> Survey:
    """Survey claims at a point of ones."""
    parts = [np.array(one, dtype=float) for one in claimed]
    points = [np.ones(part.shape) for part in parts]
    many = len(parts)
    names = {str(number): point for number, point in enumerate(points)}
    evaluator = Evaluator(f, unpack(names if many > 1 else points[0]))
    laid = leaf_claims(parts, points, np.array(scales or [1.0] * many), eps or [EPS] * many)
    return Survey(evaluator, laid, SEEN, Options())


def test_what_is_known_of_a_direction() -> None:
    """Its slope and the spread of it, how far it may go, its least error, and its rounding."""
    survey = survey_of([3.0, -4.0], [2.0], scales=[2.0, 0.5], eps=[1e-16, 1e-7])
    move = np.array([1.0, -2.0, 0.0])
    assert near(survey._claim_along(move), [11, 73**0.5, 1, 4, 1e-16, 0])
    assert near(survey._claim_along(np.array([1.0, 0.0, -3.0])), [-3, 45**0.5, 1 / 6, 4, 1e-7, 0])
    none = survey_of([0.0, 0.0])
    assert none._claim_along(np.ones(2))[3] == np.inf


def test_the_error_of_a_claim_along_a_direction() -> None:
    """With what is not known of it."""
    survey = survey_of([1.0, 2.0], f=lambda p: float(1 + (p - 1) @ [1.0, 3.0]))
    looked = survey.check_directions(np.array([1.0, -0.5]), np.array([0.5, 1.0]))
    assert near(looked.gaps, [0.5, -1.0])
    assert looked.columns.verdict.tolist() == [UNKNOWN, UNKNOWN]
    assert np.all((looked.rough >= 0) & (looked.rough < 1e-3))
    assert near(looked.rough, looked.columns.bound - np.abs(looked.gaps))
    assert near(looked.least, [1, 1])
    right = survey_of([1.0, 3.0], f=lambda p: float(1 + (p - 1) @ [1.0, 3.0]))
    assert right.check_directions(np.ones(2)).columns.verdict.tolist() == [AGREE]


def test_where_a_direction_really_led_is_no_error_of_the_claim() -> None:
    """Float32 rounds the way there; the claim tells what that does."""
    points = np.ones(3, np.float32)
    slopes = np.array([1.0, 3.0, -2.0])
    evaluator = Evaluator(lambda p: float(1 + (p.astype(float) - 1) @ slopes), unpack(points))
    survey = Survey(evaluator, leaf_claims([slopes], [points], np.ones(1), [EPS]), SEEN, Options())
    looked = survey.check_directions(np.array([0.7, -0.9, 1.3]))
    assert abs(looked.gaps[0]) < 1e-8


def explained(survey: Survey, wrong: dict[int, float], rough: float = 1e-6, **parts) -> bool:
    """Have errors of some entries explained, of which each look tells the sum."""
    move, steep = survey.direction_and_twin(range(len(survey.spans)))
    size = len(move)
    gaps = np.zeros(size)
    for place, gap in wrong.items():
        gaps[place] = gap
    survey.looks = []
    said = parts.get("said", DISAGREE)

    def look(*moves, closely=False):
        lost = bool(survey.looks) and parts.get("lost", False)
        survey.looks.append(np.flatnonzero(moves[0]).tolist())
        every = np.array([np.nan if lost else float(gaps @ one) for one in moves])
        every[1:] += parts.get("off", 0.0) * rough
        return SimpleNamespace(moves=moves, gaps=every, rough=np.full(len(moves), rough))

    def check(rows):
        (place,) = rows.tolist()
        gap = gaps[place] * parts.get("share", 1.0)
        verdict = said if gap else AGREE
        return (Entry("w", (place,), gap, 0.0, 0.0, 0.0, verdict),), None, None

    survey.check_directions, survey.check_entries = look, check
    return survey.find_single_entry(look(move, steep))


def test_one_wrong_entry_explains_all() -> None:
    """Where its own error, and it alone, makes that of the direction."""
    for place in (0, 7, 99):
        for gap in (1.0, -1.0):
            survey = survey_of(np.ones(100))
            assert explained(survey, {place: gap})
            assert [entry.index for entry in survey.entries] == [(place,)]
            assert survey.patterns == [f"w: the entry [{place}] explains the whole difference."]
            assert len(survey.looks) == 1
    assert not explained(survey_of(np.ones(100)), {7: 1.0, 60: 1.0})
    assert not explained(survey_of(np.ones(100)), {7: 1.0}, said=UNKNOWN)
    assert not explained(survey_of(np.ones(100)), {7: np.nan})
    assert not explained(survey_of(np.ones(100)), {7: 1.0}, share=1.0 + 2e-3)
    assert explained(survey_of(np.ones(100)), {7: 1.0}, share=1.0 + 0.9e-3)
    # More is forgiven where more is not known.
    assert explained(survey_of(np.ones(100)), {7: 1.0}, 1e-3, share=1.003)


def test_an_error_has_to_be_known_to_be_explained() -> None:
    """To a twentieth, among so few that each is a candidate."""
    error = abs(survey_of(np.ones(3)).direction_and_twin([0])[0][1])
    assert explained(survey_of(np.ones(3)), {1: 1.0}, error / 20.5)
    assert not explained(survey_of(np.ones(3)), {1: 1.0}, error / 19.5)


def test_noise_may_be_thrice_what_was_measured() -> None:
    """So much wider is the window; four times what is not known for noise as it was measured."""
    survey = survey_of(np.ones(4000))
    rough = 1e-3 * abs(float(survey.direction_and_twin([0])[0][1234]))
    for off, found in ((11.5, True), (-11.5, True), (12.5, False), (-12.5, False)):
        survey = survey_of(np.ones(4000))
        assert explained(survey, {1234: 1.0}, rough, off=off) is found


def test_a_wide_window_is_narrowed_by_more_looks() -> None:
    """A ramp along what is left of it."""
    survey = survey_of(np.ones(4000))
    assert explained(survey, {1234: 1.0}, 2e-3)
    assert survey.entries[0].index == (1234,)
    first, *rest = [len(look) for look in survey.looks]
    assert first == 4000
    assert 1 <= len(rest) <= 3
    assert rest == sorted(rest, reverse=True)
    assert all(1234 in look for look in survey.looks)


def test_a_look_at_what_is_no_number_narrows_nothing() -> None:
    """The function may have none along one ramp, and have one along all others."""
    survey = survey_of(np.ones(4000))
    assert not explained(survey, {12: 1.0}, 2e-3, lost=True)
    assert len(survey.looks) == 2


def test_a_ramp_is_half_to_three_halves() -> None:
    """Of the entries that it is along."""
    assert ramp(4).tolist() == [0.5, 0.75, 1.0, 1.25]
    assert ramp(0).tolist() == []
    survey = survey_of(np.ones(4))
    assert survey.ramped(np.full(4, 2.0), np.array([1, 3])).tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize("gaps", [{3: 1.0, 40: -9.0}, {40: 9.0, 3: -1.0}, {40: 5.0, 41: 1.0}])
def test_the_larger_error_is_followed(gaps: dict[int, float]) -> None:
    """To an entry by itself."""
    survey = survey_of(np.ones(70))
    explained(survey, gaps)
    move = survey.direction_and_twin([0])[0]
    total = sum(gap * move[place] for place, gap in gaps.items())
    assert survey.bisect(move, float(total)).index == (40,)


def ran(survey: Survey, verdicts, explains=False, leaves=None, hidden=1e-9) -> list[str]:
    """Run a survey of which what is found is given, and tell what was done."""
    done: list[str] = []
    given = iter(verdicts)

    def look(*moves, closely=False):
        part = "+".join(str(k) for k, at in enumerate(survey.spans) if np.any(moves[0][at]))
        done.append(f"look {part}{' closely' if closely else ''}")
        columns = SimpleNamespace(resolution=np.full(len(moves), hidden / 2))
        columns.estimate = np.full(len(moves), np.nan)
        one = SimpleNamespace(weight=np.ones(len(moves)), claimed=np.ones(len(moves)))
        rough = np.full(len(moves), np.inf)
        return SimpleNamespace(moves=moves, columns=columns, claims=one, rough=rough)

    def record(both, name, before):
        found = enumerate(next(given), before)
        return [Direction(name, k, 0.0, 0.0, 0.0, 0.0, one, "x") for k, one in found]

    def explain(both):
        done.append("explain")
        return explains

    survey.check_directions, survey.make_directions, survey.find_single_entry = (
        look,
        record,
        explain,
    )
    survey.describe = lambda leaf, both: done.append(f"describe {leaf}")
    survey.run(leaves)
    return done


YES, NO, OPEN = (AGREE, AGREE), (DISAGREE, AGREE), (UNKNOWN, AGREE)


def test_how_parameters_are_looked_at() -> None:
    """All together; closely where they do not agree; then one by one."""
    both = survey_of(np.ones(3), np.ones(2))
    assert ran(both, [YES]) == ["look 0+1"]
    assert [one.parameter for one in both.found] == ["all parameters"] * 2
    one = survey_of(np.ones(3), np.ones(2))
    assert ran(one, [OPEN], True) == ["look 0+1", "explain"]
    assert [(each.verdict, each.reason) for each in one.found] == [(DISAGREE, "")] * 2
    closer = survey_of(np.ones(3), np.ones(2))
    assert ran(closer, [OPEN, YES]) == ["look 0+1", "explain", "look 0+1 closely"]
    assert [each.verdict for each in closer.found] == [AGREE, AGREE]
    parts = survey_of(np.ones(3), np.ones(2))
    assert ran(parts, [NO, NO, YES, OPEN, NO]) == [
        "look 0+1",
        "explain",
        "look 0+1 closely",
        "look 0",
        "look 1",
        "explain",
        "look 1 closely",
        "describe 1",
    ]
    assert [each.parameter for each in parts.found] == ["0", "0", "1", "1"]
    open_ = survey_of(np.ones(3))
    assert ran(open_, [OPEN, OPEN]) == ["look 0", "explain", "look 0 closely"]
    assert [each.verdict for each in open_.found] == [UNKNOWN, AGREE]
    empty = survey_of(np.ones(3), np.zeros(0))
    assert ran(empty, [YES]) == ["look 0"]


def test_directions_are_added_where_little_would_show() -> None:
    """Until a thousandth of the claims twice too large is hidden, or there are eight."""
    look, closely = "look 0", "look 0 closely"
    for hidden, pairs in ((1e-9, 1), (0.9e-3, 1), (1.1e-3, 2), (0.09, 3), (0.9, 4), (9.0, 4)):
        survey = survey_of(np.ones(3))
        assert ran(survey, [YES] * pairs, hidden=hidden) == [look] * pairs
        assert [one.number for one in survey.found] == [0, 1] * pairs or pairs > 1
        assert len({one.number for one in survey.found}) == len(survey.found) == 2 * pairs
    survey = survey_of(np.ones(3))
    done = ran(survey, [YES, NO, NO], hidden=0.1)
    assert done == [look, look, "explain", closely, "describe 0"]
    assert [one.verdict for one in survey.found] == [AGREE, AGREE, DISAGREE, AGREE]
    survey = survey_of(np.ones(3))
    assert ran(survey, [YES, NO], True, hidden=0.1) == [look, look, "explain"]
    assert [one.verdict for one in survey.found] == [AGREE, AGREE, DISAGREE, DISAGREE]


def test_added_directions_are_other_ones() -> None:
    """Of which the terms do not cancel alike."""
    survey = survey_of(np.ones(400))
    first = survey.sign
    survey.check_pair([0], "w", 0)
    assert survey.sign is first
    survey.check_pair([0], "w", 2)
    assert abs(first @ survey.sign) < 0.2 * (first @ first)


def test_how_likely_a_claim_twice_too_large_is_to_agree() -> None:
    """What is hidden beside half of what is added up; where nothing is claimed nothing cancels."""

    def likely(*rows: tuple[float, float]) -> float:
        resolution, weight = np.array(rows).T
        columns, claims = SimpleNamespace(resolution=resolution), SimpleNamespace(weight=weight)
        return miss_chance(SimpleNamespace(columns=columns, claims=claims))

    assert near(likely((0.1, 10.0), (0.3, 10.0)), 0.06)
    assert likely((7.0, 10.0), (0.3, 10.0)) == 1
    assert likely((np.inf, 1.0)) == 1
    assert likely((1.0, 0.0)) == 0


def test_claims_that_are_no_numbers_are_looked_at_by_themselves() -> None:
    """Up to sixty-four of them."""
    for bad, rows in ((2, 2), (70, 64)):
        survey = survey_of(np.where(np.arange(100) < bad, np.nan, 1.0))
        survey.check_entries = lambda rows: (rows.tolist(), None, None)
        assert ran(survey, []) == []
        assert survey.entries == list(range(rows))


def described(size: int, verdict: str = DISAGREE, claim=None, right=None) -> Survey:
    """Have a wrong parameter described, of which single entries and a direction are given."""
    survey = survey_of(np.ones(2), np.ones(size) if claim is None else claim)
    at = survey.spans[1]
    columns, laid = blank_results(size), join_claims(survey.parts)
    columns.estimate[:], columns.bound[:], columns.verdict[:] = 0.5, 1e-9, DISAGREE
    part = type(laid)(*(getattr(laid, name)[at] for name in laid.__slots__))
    survey.check_entries = lambda rows: (["entries"] if len(rows) > 1 else rows, part, columns)
    entry = Entry("w", (0,), 0.0, 0.0, 0.0, 0.0, verdict)
    survey.bisect = lambda move, gap: entry if gap == 3.0 else None
    moves = survey.direction_and_twin([1])
    slopes = np.zeros(laid.claimed.size)
    slopes[at] = np.random.default_rng(0).normal(size=size) if right is None else right.reshape(-1)
    claims = SimpleNamespace(claimed=np.array([laid.claimed @ move for move in moves]))
    directions = SimpleNamespace(estimate=np.array([slopes @ move for move in moves]))
    rough, gaps = np.full(2, 1e-12), np.array([3.0, 4.0])
    both = SimpleNamespace(moves=moves, gaps=gaps, rough=rough, claims=claims, columns=directions)
    survey.describe(1, both)
    return survey


def test_how_a_wrong_parameter_is_described() -> None:
    """A small one entry by entry, a large one by a pattern, or by an entry that is wrong."""
    small = described(64)
    assert small.entries == ["entries"]
    assert small.patterns[0].startswith("1: every entry is wrong by the same factor: claimed = 2 ×")
    large = described(65)
    assert [entry.verdict for entry in large.entries] == [DISAGREE]
    assert large.patterns == []
    assert described(65, AGREE).entries == []
    twice = described(65, right=np.full(65, 0.5))
    assert twice.entries == []
    assert twice.patterns[0].startswith("1: every entry is wrong by the same factor: claimed = 2 ×")
    square = np.random.default_rng(1).normal(size=(9, 9))
    assert described(81, claim=square, right=square.T).patterns == ["1: it is transposed."]
    assert described(81, claim=square, right=-square.T).patterns[0].startswith("1: it is transpo")


def test_directions_on_record() -> None:
    """The resolution is that of the least error; without one it is infinite."""
    survey = survey_of([1.0, 2.0], f=lambda p: float(1 + (p - 1) @ [1.0, 2.0]))
    looked = survey.check_directions(np.array([1.0, -0.5]), np.array([0.5, 1.0]))
    first, second = survey.make_directions(looked, "w")
    assert (first.parameter, first.number, second.number) == ("w", 0, 1)
    assert first.resolution == pytest.approx(looked.columns.resolution[0] / 1)
    none = survey_of([0.0, 0.0])
    assert none.make_directions(none.check_directions(np.ones(2)), "w")[0].resolution == np.inf
