"""Cases in which the verdict is clear, or clearly cannot be given."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.linalg import hilbert
from torch import nn

from gradkit import check_gradient, check_module

pytestmark = pytest.mark.sample(9)

F32 = np.float32
W = np.array([1.0, 2.0, -3.0])
Z = np.array([0.3, 0.7, 1.7 / 3])
"""W @ Z is next to zero: its terms cancel."""


def plane(p):
    """A function whose value cancels at Z."""
    return float(W @ p)


# What once were false alarms.


def test_a_perfect_fit_is_given_its_rounding() -> None:
    """The claim 0 is right to the rounding of the point; sharper steps know no better."""
    report = check_gradient(
        lambda p: float((0.7 * p[0] - 0.7 * 0.3) ** 2), np.array([0.3]), np.array([0.0])
    )
    assert report.verdict == "agree"
    wrong = check_gradient(
        lambda p: float((0.7 * p[0] - 0.7 * 0.3) ** 2), np.array([0.3]), np.array([1e-3])
    )
    assert wrong.verdict == "disagree"


@pytest.mark.sample(12)
@pytest.mark.parametrize("seed", range(30))
def test_least_squares_that_fit(seed: int) -> None:
    """And nets that give just what is asked of them."""
    rng = np.random.default_rng(seed)
    A, w = rng.normal(size=(6, 3)), rng.normal(size=3)
    b = A @ w

    def f(p):
        return float(np.sum((A @ p - b) ** 2))

    assert check_gradient(f, w, 2 * A.T @ (A @ w - b)).verdict == "agree"
    assert check_gradient(f, w, np.zeros(3)).verdict == "agree"
    assert check_gradient(f, w, np.ones(3)).verdict == "disagree"
    t = np.tanh(A @ w)
    assert check_gradient(lambda p: float(np.sum((np.tanh(A @ p) - t) ** 2)), w, 0 * w).verdict == (
        "agree"
    )


def test_a_float32_forward_with_a_bias_of_zero() -> None:
    """The step for the bias is no longer than what the others change."""

    def f(p):
        return float(F32(10) * F32(p["w"]) ** 2 + F32(1e-4) * np.tanh(F32(p["b"])))

    right = {"w": 20.0, "b": 1e-4}
    assert check_gradient(f, {"w": 1.0, "b": 0.0}, right).verdict != "disagree"
    assert check_gradient(f, {"w": 1.0, "b": 0.0}, right | {"w": -20.0}).verdict == "disagree"


def test_underflow_is_no_zero() -> None:
    """What is less than the smallest number is not known to be nothing."""
    report = check_gradient(lambda p: float(p @ p), np.array([1e-170]), np.array([2e-170]))
    assert report.verdict == "inconclusive"
    assert report.entries[0].bound > 1e-170


def test_dropout_is_found_out_in_a_few_evaluations() -> None:
    """Where the loss hardly shows it: its gradient is another one each time."""
    torch.manual_seed(0)
    module = nn.TransformerEncoderLayer(4, 2, 8)
    report = check_module(module, lambda o: (o**2).mean(), torch.randn(3, 2, 4))
    assert report.verdict == "inconclusive"
    assert {e.reason for e in report.entries} == {"not deterministic"}
    assert report.evaluations <= 12


def test_rounded_parameters_accuse_nobody() -> None:
    """0 is the derivative almost everywhere; so is the slope of the line that was rounded."""
    rng = np.random.default_rng(3)
    x, w = rng.uniform(-9, 9, 5), rng.standard_normal(5)
    for claim in (np.zeros(5), w):
        report = check_gradient(lambda p: float(w @ np.round(p, 3)), x, claim)
        assert report.verdict != "disagree"
    assert check_gradient(lambda p: float(w @ np.round(p, 3)), x, -w).verdict == "disagree"


def test_a_function_that_remembers_its_argument() -> None:
    """By its identity: nothing is said of the gradient, and a note says why."""
    cache = {}

    def memo(p):
        if id(p) not in cache:
            cache[id(p)] = float(p @ p)
        return cache[id(p)]

    report = check_gradient(memo, np.array([0.3, 0.7]), np.array([0.6, 1.4]))
    assert (report.verdict, report.entries[0].reason) == ("inconclusive", "argument")
    assert report.notes[-1].startswith("f takes an array whose values have changed for the one it")
    assert check_gradient(lambda p: 0.3, np.ones(2), np.ones(2)).verdict == "disagree"


def test_a_masked_array_keeps_its_mask() -> None:
    """What is masked does nothing."""
    point = np.ma.array([1.0, 2.0], mask=[0, 1])
    report = check_gradient(lambda p: float(np.ma.sum(p**2)), point, np.array([2.0, 0.0]))
    assert report.verdict == "agree"


def test_a_function_of_arrays_that_it_closes_over() -> None:
    """As CS231n's; nothing is said of the gradient, and the arrays stay as they were."""
    w = np.array([1.0, 2.0])
    report = check_gradient(lambda _: float((w**2).sum()), w, 2 * w)
    assert (report.verdict, report.entries[0].reason) == ("inconclusive", "argument")
    assert report.notes == (
        "f does not use its argument, but the arrays that were passed as params. Let f use its "
        "argument: def f(w): return loss(w).",
    )
    assert w.tolist() == [1.0, 2.0]
    kept = w.copy()
    report = check_gradient(lambda _: float((kept**2).sum()), w, 2 * w)
    assert "f gives the same value everywhere: does it use its argument?" in report.notes


# What once was missed.


def test_stairs_of_the_last_bits() -> None:
    """log(1 + exp(-x)) at 34 is flat near by; its slope is minus its value."""
    x = np.array([34.0])

    def f(p):
        return float(np.log(1 + np.exp(-p[0])))

    assert check_gradient(f, x, np.array([0.0])).verdict == "inconclusive"
    assert check_gradient(f, x, np.array([-1.713e-15])).verdict != "disagree"
    assert check_gradient(f, x, np.array([1.0])).verdict == "disagree"


@pytest.mark.parametrize(
    "f",
    [
        lambda p: float(1e14 + np.sin(p[0])),
        lambda p: float(F32(F32(1e6) + F32(np.sin(p[0])))),
    ],
)
def test_an_offset_that_hides_all_is_told(f) -> None:
    """A claim of 0 for a slope of 0.88 is not confirmed by what nobody can see."""
    report = check_gradient(f, np.array([0.5]), np.array([0.0]))
    assert (report.verdict, report.entries[0].reason) == ("inconclusive", "noise")


@pytest.mark.parametrize("factor", [1.0001, 1.03, 1 + 1e-6])
def test_a_value_that_cancels_hides_nothing(factor: float) -> None:
    """Its noise is that of its terms."""
    assert check_gradient(plane, Z, W).verdict == "agree"
    assert check_gradient(plane, Z, W * np.array([factor, 1, 1])).verdict == "disagree"


@pytest.mark.parametrize("factors", [[-1, 1, 1], [1, 1.005, 1], [1, 1, 1.0001]])
def test_small_entries_are_checked_to_their_own_scale(factors) -> None:
    """Whatever stands beside them."""
    c = np.array([1e-8, 1.0, 1e8])

    def f(p):
        return float(np.sum(np.sin(c * (p - 1) + 0.3)))

    right = c * np.cos(0.3)
    assert check_gradient(f, np.ones(3), right).verdict == "agree"
    report = check_gradient(f, np.ones(3), right * np.array(factors))
    wrong = [e.index[0] for e in report.entries if e.verdict == "disagree"]
    assert wrong == [k for k in range(3) if factors[k] != 1]


def test_entries_that_noise_hides_are_told() -> None:
    """With the slope that would have shown."""
    rng = np.random.default_rng(0)
    w = np.array([1.0, 1e-12])

    def f(p):
        return float(w @ p + 1e-9 * rng.normal())

    report = check_gradient(f, np.array([0.3, 0.7]), w)
    assert report.verdict == "agree"
    assert "where it is next to zero, a slope of" in str(report)


# What once stayed open.


@pytest.mark.sample(12)
@pytest.mark.parametrize("seed", range(40))
def test_vector_jacobian_products(seed: int) -> None:
    """Their value cancels more or less; one entry off by 1 % is seen."""
    rng = np.random.default_rng(seed)
    x, w, d = rng.normal(size=(4, 5)), rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    wrong = d @ w.T
    wrong.flat[np.argmax(np.abs(wrong))] *= 1.01
    assert check_gradient(lambda p: float(np.sum(d * (p @ w))), x, wrong).verdict == "disagree"


def test_noise_on_top_hides_what_is_below_it_and_no_more() -> None:
    """An error of 1 % over a noise of 1e-9."""

    def f(p):
        return float(p @ p) + 1e-9 * (zlib.crc32(p.tobytes()) / 2**32 - 0.5)

    x = np.array([0.3, 0.7, -0.4])
    assert check_gradient(f, x, 2 * x).verdict == "agree"
    assert check_gradient(f, x, 2 * x * np.array([1.01, 1, 1])).verdict == "disagree"


def test_an_ill_conditioned_inverse() -> None:
    """The sign of one entry."""
    H, wn = hilbert(4), np.random.default_rng(4).standard_normal((4, 4))
    inverse = np.linalg.inv(H)
    right = -inverse.T @ wn @ inverse.T
    wrong = right.copy()
    wrong[0, 0] *= -1
    report = check_gradient(lambda p: float(np.sum(wn * np.linalg.inv(p))), H, wrong)
    assert [e.index for e in report.entries if e.verdict == "disagree"] == [(0, 0)]


def test_a_distant_jump_is_no_doubt() -> None:
    """X where |x| > 0.5: the sign of one entry."""
    x, w = np.array([0.6, 0.8, -1.1]), np.array([1.0, 2.0, 3.0])

    def f(p):
        return float(w @ (p * (np.abs(p) > 0.5)))

    assert check_gradient(f, x, w).verdict == "agree"
    assert check_gradient(f, x, w * np.array([1, -1, 1])).verdict == "disagree"


def test_a_minimum_and_a_normalised_bias_have_slopes_of_zero() -> None:
    """To the rounding of the claim, and no other slope."""
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(20, 4)), rng.normal(size=20)
    w = np.linalg.lstsq(A, b, rcond=None)[0]

    def f(p):
        return float(np.mean((A @ p - b) ** 2))

    assert check_gradient(f, w, 2 * A.T @ (A @ w - b) / 20).verdict == "agree"
    assert check_gradient(f, w, np.full(4, 1e-4)).verdict == "disagree"
    torch.manual_seed(1)
    for module in (nn.Linear(5, 3), nn.Conv1d(1, 3, 2)):
        norm = nn.BatchNorm1d(3)
        x = torch.randn(6, 5) if isinstance(module, nn.Linear) else torch.randn(6, 1, 5)
        report = check_module(nn.Sequential(module, norm), lambda o: (o**3).sum(), x)
        assert report.verdict == "agree", str(report)


def test_a_slope_outside_a_kink_is_wrong() -> None:
    """|x| at 0 with a claim of 2; between the slopes any subgradient may be asked for."""
    at = (lambda p: float(abs(p[0])), np.array([0.0]))
    assert check_gradient(*at, np.array([2.0])).verdict == "disagree"
    assert check_gradient(*at, np.array([0.3])).verdict == "inconclusive"
    assert check_gradient(*at, np.array([0.3]), kinks="subgradient").verdict == "agree"
    assert check_gradient(*at, np.array([2.0]), kinks="subgradient").verdict == "disagree"
    with pytest.raises(ValueError, match="kinks must be 'open' or 'subgradient'; found 'any'"):
        check_gradient(*at, np.array([2.0]), kinks="any")


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision(kind) -> None:
    """F is evaluated in float64, and the claim is given the rounding of its own kind."""
    t = torch.tensor([0.3, 0.7, -0.4]).to(kind)
    assert check_gradient(lambda p: (p**2).sum(), t, 2 * t).verdict == "agree"
    assert check_gradient(lambda p: (p**2).sum(), t, 4 * t).verdict == "disagree"
    weights = torch.ones(3).to(kind)
    with pytest.raises(RuntimeError) as caught:
        check_gradient(lambda p: p @ weights, t, weights)
    said = "f was called at params; integers and half precision as float64."
    assert caught.value.__notes__ == [said]


# What once was told and not true.


def test_no_pattern_where_one_entry_is_off() -> None:
    """One of thirty off by 2 % adds up to no right sum."""
    a = np.random.default_rng(3).uniform(0.5, 2, 30)
    x = np.random.default_rng(4).standard_normal(30)
    wrong = a * np.exp(x)
    wrong[np.argmax(wrong)] *= 1.02
    report = check_gradient(lambda p: float(np.sum(a * np.exp(p))), x, wrong)
    assert (report.verdict, report.patterns) == ("disagree", ())


def test_a_dead_unit_is_told_with_the_slope_that_would_have_shown() -> None:
    """Which is a number, though nothing moves at all."""
    report = check_gradient(lambda t: max(t, 0.0) + 1.0, -1e-7, 0.0)
    assert report.verdict == "agree"
    assert "nan" not in str(report)


def test_sign_flips_among_thousands_are_no_factor() -> None:
    """A few dozen of 5,000."""
    rng = np.random.default_rng(1)
    x, a = rng.normal(size=5000), rng.normal(size=5000)
    wrong = a * np.cos(x)
    wrong[rng.choice(5000, 40, replace=False)] *= -1
    report = check_gradient(lambda p: float(np.sum(a * np.sin(p))), x, wrong)
    assert report.verdict == "disagree"
    assert not any("one factor" in pattern for pattern in report.patterns)


def test_a_claim_of_zero_is_told_with_what_would_have_shown() -> None:
    """Not with a relative error of nothing; and a smooth f is neither rough nor kinked."""
    report = check_gradient(lambda p: float(p @ p), np.zeros(2), np.zeros(2))
    assert report.notes == ()
    assert "relative error" not in str(report)
    assert "where it is next to zero, a slope of" in str(report)
    assert "kink" not in str(check_gradient(plane, Z, W * np.array([1.03, 1, 1])))


# What may be asked for and passed in.


def test_tolerances() -> None:
    """A claim within them counts as right, one beyond does not."""
    x = np.array([0.3, 0.7])
    for options in ({"rtol": 0.02}, {"atol": 0.02}):
        report = check_gradient(lambda p: float(p @ p), x, 2.02 * x, **options)
        assert report.verdict == "agree"
        assert check_gradient(lambda p: float(p @ p), x, 2.2 * x, **options).verdict == "disagree"
    with pytest.raises(ValueError, match="rtol must be at least 0; found -1"):
        check_gradient(lambda p: float(p @ p), x, x, rtol=-1)


def test_each_entry_may_have_a_tolerance_of_its_own() -> None:
    """An error within its own tolerance counts as right, also along directions."""
    point = {"W": np.array([0.3, 0.7]), "b": np.array([0.5])}
    claim = {"W": np.array([0.62, 1.4]), "b": np.array([1.0])}

    def verdict(W: list[float], b: float, **options) -> str:
        return check_gradient(
            lambda p: float(p["W"] @ p["W"] + p["b"] @ p["b"]),
            point,
            claim,
            atol={"W": np.array(W), "b": np.array([b])},
            **options,
        ).verdict

    for options in ({}, {"entries": "directions"}):
        assert verdict([0.03, 0.0], 0.0, **options) == "agree"
        assert verdict([0.0, 0.01], 0.01, **options) == "disagree"
    with pytest.raises(ValueError, match=r"atol of 'W' must be at least 0; found -1"):
        verdict([-1.0, 0.0], 0.0)
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        verdict([0.0, 0.0, 0.0], 0.0)


def test_time_runs_out_with_a_sentence() -> None:
    """And progress is told before each call."""
    told = []
    report = check_gradient(
        lambda p: float(p @ p),
        np.ones(3),
        2 * np.ones(3),
        seconds=1e-9,
        progress=lambda calls, seconds: told.append((calls, seconds)),
    )
    assert (report.verdict, {e.reason for e in report.entries}) == ("inconclusive", {"budget"})
    assert report.notes[-1].startswith("stopped after 1e-09 seconds. Pass seconds=None")
    done = check_gradient(
        lambda p: float(p @ p),
        np.ones(3),
        2 * np.ones(3),
        progress=lambda calls, seconds: told.append((calls, seconds)),
    )
    assert [calls for calls, _ in told] == list(range(1, done.evaluations + 1))
    with pytest.raises(ValueError, match="seconds must be at least 0; found -1"):
        check_gradient(lambda p: float(p @ p), np.ones(3), np.ones(3), seconds=-1)


@dataclass
class Layer:
    """Parameters with things beside them that are none."""

    w: np.ndarray
    b: np.ndarray
    name: str = "layer"
    mask: np.ndarray | None = None


def test_structures_with_static_parts() -> None:
    """None, texts, masks; dataclasses, ordered dicts; gradients called dW, or in a tuple."""
    layer = Layer(np.array([1.0, 2.0]), np.array([0.5]))

    def f(p):
        assert (p.name, p.mask) == ("layer", None)
        return float((p.w**2).sum() + 3 * p.b[0])

    for claim in (
        Layer(2 * layer.w, np.array([3.0])),
        {"w": 2 * layer.w, "b": [3.0]},
        {"dw": 2 * layer.w, "db": [3.0], "dA": None},
        (2 * layer.w, [3.0]),
    ):
        assert check_gradient(f, layer, claim).verdict == "agree"
    assert check_gradient(f, layer, (layer.w, [3.0])).verdict == "disagree"

    params = OrderedDict(w=np.ones(2), rest=[None, {"on": True}], b=np.ones(1))

    def g(p):
        assert isinstance(p, OrderedDict)
        assert p["rest"] == [None, {"on": True}]
        return float(p["w"].sum() * p["b"][0])

    assert check_gradient(g, params, {"grad_w": np.ones(2), "grad_b": [2.0]}).verdict == "agree"
    assert check_gradient(g, params, {"w": np.ones(2), "b": [1.0]}).verdict == "disagree"


def test_sparse_gradients_are_taken_and_sparse_parameters_refused() -> None:
    """As of an embedding; with what to pass."""
    module = nn.Sequential(nn.Embedding(4, 2, sparse=True), nn.Tanh())
    report = check_module(module, lambda o: (o**2).sum(), torch.tensor([0, 2, 2]))
    assert report.verdict == "agree"
    with pytest.raises(TypeError, match=r"parameter is sparse .* Pass it dense, with \.to_dense"):
        check_gradient(lambda p: p.sum(), torch.eye(2).to_sparse(), np.eye(2))


def test_losses_of_any_signature() -> None:
    """A target and a variance; keywords of the module; gradients of its inputs."""
    torch.manual_seed(0)
    net, x, y = nn.Linear(3, 2), torch.randn(4, 3), torch.randn(4, 2)
    report = check_module(net, nn.GaussianNLLLoss(), x, y, torch.rand(4, 2) + 0.5, inputs=True)
    assert report.verdict == "agree"
    assert {e.parameter for e in report.entries} == {"weight", "bias", "input 0"}
    named = check_module(net, nn.MSELoss(), y, kwargs={"input": x}, inputs=True)
    assert {e.parameter for e in named.entries} == {"weight", "bias", "input"}
    assert check_module(nn.Tanh(), lambda o: o.sum(), x, inputs=True).verdict == "agree"
    with pytest.raises(
        ValueError, match=r"MSELoss gives a tensor of shape \(4, 2\); expected a sin"
    ):
        check_module(net, nn.MSELoss(reduction="none"), x, y)
    with pytest.raises(
        TypeError, match="loss must be a function of the module's output; found Ten"
    ):
        check_module(net, x, y)
    with pytest.raises(
        ValueError, match="MSELoss needs 1 argument beside the module's output; fou"
    ):
        check_module(net, nn.MSELoss())


def test_directions_are_in_the_table() -> None:
    """One row for each."""
    x = np.random.default_rng(0).normal(size=40)
    table = check_gradient(lambda p: float(p @ p), x, 2 * x, entries="directions").to_frame()
    assert table["index"].tolist() == ["direction 0", "direction 1"]
    assert table["verdict"].tolist() == ["agree", "agree"]


# What it costs.


def test_a_right_gradient_costs_two_evaluations_an_entry() -> None:
    """And eleven in all of many, whatever the number of tensors."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=300)
    x = rng.normal(size=300)
    right = a * np.cos(x)
    report = check_gradient(lambda p: float(a @ np.sin(p)), x, right)
    assert (report.verdict, report.evaluations <= 3.5 * 300) == ("agree", True)
    parts = {f"p{k}": x[10 * k : 10 * k + 10] for k in range(30)}
    grads = {f"p{k}": right[10 * k : 10 * k + 10] for k in range(30)}

    def f(p):
        return float(a @ np.sin(np.concatenate(list(p.values()))))

    report = check_gradient(f, parts, grads, entries="directions")
    assert (report.verdict, report.evaluations) == ("agree", 10)


@pytest.mark.parametrize("small", [1e-6, 1e-10])
def test_small_entries_that_noise_hides_are_counted(small: float) -> None:
    """Whether they show at all or not; what is rounding of a precise f is nothing to tell."""

    def check(f, scales: list[float], x: np.ndarray):
        return check_gradient(f, x, np.array(scales) * np.cos(x))

    x = np.array([0.5, 0.7, 0.9])
    for scales, many in (([1.0, small, small], 2), ([1.0, 1.0, small], 1)):

        def smooth(p, scales=scales):
            return float(np.sin(p) @ scales)

        def rough(p, smooth=smooth):
            return smooth(p) + 1e-9 * (zlib.crc32(p.tobytes()) / 2**31 - 1)

        report = check(rough, scales, x)
        assert report.verdict == "agree"
        assert report.notes == (
            f"{many} of 3 entries are so small that noise hides errors of their size. They were "
            "checked on the scale of the larger entries.",
        )
        assert check(smooth, scales, x).notes == ()
    rounding = check(lambda p: float(np.sin(p[0])), [1.0, 1e-17, 0.0], x)
    assert (rounding.verdict, rounding.notes) == ("agree", ())


@pytest.mark.parametrize("small", [1e-5, 1e-7, 1e-9, 1e-11])
def test_an_array_far_below_the_others_is_asked_on_its_own_scale(small: float) -> None:
    """Whatever noise hides of it is left open, and no entry that is off or left out agrees."""
    x = {"w": np.array([0.5, 0.7, 0.9]), "v": np.array([0.4, 0.8])}
    right = {"w": np.cos(x["w"]), "v": small * np.cos(x["v"])}

    def f(p):
        return float(np.sum(np.sin(p["w"])) + small * np.sum(np.sin(p["v"])))

    report = check_gradient(f, x, right)
    assert report.verdict == ("agree" if small >= 1e-7 else "inconclusive")
    assert {e.parameter for e in report.entries if e.verdict != "agree"} <= {"v"}
    assert {e.reason for e in report.entries} <= {"", "noise", "curvature"}
    for off in (np.array([1.0, 1 + 1e-5]), np.array([1.0, 1.5]), np.array([0.0, 1.0]), np.zeros(2)):
        found = check_gradient(f, x, right | {"v": off * right["v"]})
        assert found.verdict != "agree", f"{off}\n{found}"


@pytest.mark.parametrize("places", [(3, 10), (4000, 4999), (5, 4990), (2499, 2500)])
def test_of_two_wrong_entries_among_thousands_one_is_named(places: tuple[int, int]) -> None:
    """By halving, wherever they are."""
    x = np.random.default_rng(0).normal(size=5000)
    wrong = np.cos(x)
    wrong[list(places)] += [3.0, -2.0]
    report = check_gradient(lambda p: float(np.sum(np.sin(p))), x, wrong)
    assert [one.index[0] in places for one in report.entries] == [True]


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.sample(12)
@pytest.mark.parametrize("seed", range(4))
def test_many_entries_that_bend_cost_no_more(seed: int) -> None:
    """A first step along them is short, and may bend as much as the least error does."""
    rng = np.random.default_rng(seed)
    parts = {f"p{k}": rng.normal(size=400) for k in range(50)}
    right = {name: np.sin(2 * x) for name, x in parts.items()}

    def f(p):
        return float(sum(np.sum(np.sin(x) ** 2) for x in p.values()))

    report = check_gradient(f, parts, right)
    assert (report.verdict, report.evaluations) == ("agree", 10)
    assert {one.parameter for one in report.directions} == {"all parameters"}
    wrong = right | {"p7": 1.5 * right["p7"]}
    report = check_gradient(f, parts, wrong)
    assert {one.parameter for one in report.directions if one.verdict == "disagree"} == {"p7"}


@pytest.mark.parametrize("claim", ["zero", "turned", "random"])
def test_a_claim_that_long_steps_come_near_to_is_refuted_as_quickly(claim: str) -> None:
    """A slope over a whole wave is nearly zero, as over a stair of a forward that is coarse."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x, a = rng.normal(size=328), rng.uniform(1, 2, 328)
        right = a * np.cos(x) + 0.02 * np.sum(x)
        wrong = {"zero": 0 * x, "turned": -right, "random": rng.normal(size=328)}[claim]
        report = check_gradient(
            lambda p, a=a: float(a @ np.sin(p) + 0.01 * np.sum(p) ** 2), x, wrong, seed=seed
        )
        assert report.verdict == "disagree"
        assert report.evaluations <= 600


@pytest.mark.parametrize(("size", "most"), [(2999, 1500), (328, 600)])
def test_a_wholly_wrong_gradient_is_settled_early(size: int, most: int) -> None:
    """With a factor, a sign, or nothing to name."""
    rng = np.random.default_rng(0)
    x, a = rng.normal(size=size), rng.uniform(1, 2, size)
    right = a * np.cos(x)

    def f(p):
        return float(a @ np.sin(p))

    for wrong in (-right, 3 * right, rng.normal(size=size)):
        report = check_gradient(f, x, wrong)
        assert report.verdict == "disagree"
        assert report.evaluations <= most
        assert "were checked, drawn at random" in report.notes[-1]
    assert "claimed = 3 × estimate" in check_gradient(f, x, 3 * right).patterns[0]


def test_what_was_not_looked_at_is_told_of_the_array_that_it_is_in() -> None:
    """With its name, its shape, and how many were wrong."""
    x = np.random.default_rng(0).normal(size=(2, 10, 20))

    def f(p):
        return float(np.sum(np.sin(p["a"])) + np.sum(np.cos(p["b"])))

    report = check_gradient(f, {"a": x[0], "b": x[1]}, {"a": np.cos(x[0]), "b": np.sin(x[1])})
    looked = sum(e.parameter == "b" for e in report.entries)
    wrong = sum(e.verdict == "disagree" for e in report.entries)
    assert sum(e.parameter == "a" for e in report.entries) == 200
    assert report.notes == (
        f"of b, which has the shape (10, 20), only {looked} entries were checked, drawn at random: "
        f"{wrong} of these are wrong.",
    )
    assert wrong == looked == 16


@pytest.mark.sample(12)
@pytest.mark.parametrize("seed", range(4))
def test_one_sign_among_a_hundred_thousand_is_located(seed: int) -> None:
    """From the ratio of two errors."""
    rng = np.random.default_rng(seed)
    x, a = rng.normal(size=100_000), rng.uniform(1, 2, 100_000)
    wrong = a * np.cos(x)
    place = int(rng.choice(np.flatnonzero(np.abs(wrong) > 1)))
    wrong[place] *= -1
    report = check_gradient(lambda p: float(a @ np.sin(p)), x, wrong, seed=seed)
    assert [e.index for e in report.entries] == [(place,)]
    assert report.patterns == (f"The gradient: the entry [{place}] explains the whole difference.",)
    assert report.evaluations <= 40


def test_rounding_that_is_blown_up_accuses_nobody() -> None:
    """A layer norm of one number divides its rounding by the root of 1e-5."""
    for seed in range(10):
        torch.manual_seed(seed)
        norm = nn.LayerNorm(1).double()
        x = torch.randn(1, 1).double()
        report = check_module(norm, lambda o: (1.3 * o + 0.7).sum(), x, inputs=True)
        assert report.verdict != "disagree", str(report)


@pytest.mark.sample(12)
@pytest.mark.parametrize("seed", range(10))
def test_an_f_that_is_nothing_is_known_to_the_rounding_of_its_parameters(seed: int) -> None:
    """Torch's layer norm of one number is 0, and the slope of its weight a rounding, blown up."""
    torch.manual_seed(seed)
    x, w = 9 * torch.randn(2, 1).double()
    weight = w.clone().requires_grad_()
    torch.native_layer_norm(x, (1,), weight, None, 1e-5)[0].sum().backward()

    def f(p):
        return float(torch.native_layer_norm(p["x"], (1,), p["w"], None, 1e-5)[0].sum())

    claim = {"x": torch.zeros(1), "w": weight.grad}
    assert check_gradient(f, {"x": x, "w": w}, claim).verdict != "disagree"
    wrong = {"x": torch.ones(1), "w": weight.grad}
    assert check_gradient(f, {"x": x, "w": w}, wrong).verdict == "disagree"


def test_a_claim_that_is_not_finite_is_named_among_thousands() -> None:
    """By itself: along a direction it would spoil all others."""
    x = np.random.default_rng(0).normal(size=4000)
    wrong = np.cos(x)
    wrong[77] = np.nan
    report = check_gradient(lambda p: float(np.sum(np.sin(p))), x, wrong)
    assert [(e.index, e.verdict) for e in report.entries] == [((77,), "disagree")]
    assert report.evaluations <= 40
