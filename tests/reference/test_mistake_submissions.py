"""Each wrong-on-purpose submission is wrong in the quantities stated here, and in no others."""

import warnings
from dataclasses import replace

import pytest
from accepted.entry import Accepted
from accepted.play import differing, expected, namespace, quantities, torch_run
from mistakes.samples import changed, folder, right, samples
from model_solutions import draw, load

UPDATED = {"W1", "b1", "W2", "b2"}
TRAINED = {"after 1", "after 2", "after 6"}
LATER_LOSSES = {"losses 2", "losses 6"}
LOSSES = {"losses 1"} | LATER_LOSSES

SPOILT = {
    # forward
    "missing-activation.numpy": {"output", "hidden"},
    "activation-twice": {"output", "hidden"},
    "wrong-sigmoid-sign": {"output", "hidden"},
    "wrong-activation": {"output", "hidden"},
    "missing-bias": {"output", "hidden"},
    "weight-not-transposed": {"output", "hidden"},
    "layer-skipped": {"output", "hidden"},
    "layer-repeated": {"output", "hidden"},
    "subtracted-bias": {"output", "hidden"},
    "wrong-hidden-returned": {"hidden"},
    "hidden-returned": {"output"},
    "swapped-returns": {"output", "hidden"},
    # update
    "updated-before-use": {"W1", "b1"},
    "swapped-index": {"W1"},
    "wrong-index": {"W2"},
    "uneven-learning-rate": {"W1"},
    "wrong-learning-rate": {"W1", "W2"},
    "wrong-source-entry": {"b2"},
    "wrong-source-entry.same-bias": {"b1"},
    "gradient-stored": UPDATED,
    "overwritten": {"b1"},
    "wrong-activation-derivative": {"W1", "b1"},
    "missing-activation-derivative": {"W1", "b1"},
    "extra-output-derivative": UPDATED,
    "wrong-sign": UPDATED,
    "wrong-factor": UPDATED,
    "wrong-factor.mean": {"W1"},
    "not-updated": {"b1"},
    "nothing-updated": UPDATED,
    "copy-dropped": UPDATED,
    "wrong-layer-input": {"W2"},
    "wrong-derivative-argument": {"W1", "b1"},
    "bias-times-input": {"b1"},
    "bias-sum-axis": {"b1"},
    "misplaced-parenthesis": {"W1"},
    "input-mutated": {"W2"},
    "integer-truncation": {"W1"},
    "wrong-error": UPDATED,
    "squared-error": UPDATED,
    "missing-error": {"W1", "b1"},
    "missing-output-derivative": UPDATED,
    "missing-input": {"W1"},
    "wrong-weight": {"W1", "b1"},
    "missing-weight": {"W1", "b1"},
    "wrong-sum-axis": {"W1"},
    "extra-activation-derivative": {"W1", "b1"},
    "extra-factor": {"W2"},
    "rate-ignored": UPDATED,
    "wrong-target": {"b1"},
    # torch
    "missing-zero-grad": {"after 2", "after 6", "losses 6"},
    "missing-step": TRAINED | LATER_LOSSES,
    "gradients-cleared": TRAINED | LATER_LOSSES,
    "wrong-rounds": TRAINED | LOSSES,
    "missing-activation": {"output"} | TRAINED | LOSSES,
    "double-sigmoid": {"output"} | TRAINED | LOSSES,
    "logits-loss": TRAINED | LOSSES,
    "wrong-loss": TRAINED | LOSSES,
    "wrong-reduction": TRAINED | LOSSES,
    "broadcast-target": TRAINED | LOSSES,
    "wrong-optimizer": TRAINED | LATER_LOSSES,
    "momentum": {"after 2", "after 6", "losses 6"},
    "wrong-learning-rate.torch": TRAINED | LATER_LOSSES,
    "loss-after-step": LOSSES,
    "recorded-loss": LOSSES,
    "graph-detached": TRAINED | LATER_LOSSES,
    "graph-detached.no-grad": TRAINED | LATER_LOSSES,
    "unregistered-parameters": {"parameters"},
    "mini-batch": TRAINED | LOSSES,
}


def read(stem: str) -> tuple[str, str]:
    """The task and the text of a submission."""
    text = samples()[stem]
    first, _ = text.split("\n", 1)
    assert first.startswith("# task: ")
    return first.removeprefix("# task: "), text


def task_of(stem: str) -> str:
    """The task alone."""
    return read(stem)[0]


STEMS = sorted(samples())
NUMPY = [stem for stem in STEMS if task_of(stem).endswith("numpy")]
TORCH = [stem for stem in STEMS if task_of(stem).endswith("torch")]


def test_every_submission_is_listed() -> None:
    """The table above and `samples.toml` hold the same mistakes."""
    assert set(STEMS) == set(SPOILT)


@pytest.mark.parametrize("task", ["regression-numpy", "classification-numpy"])
def test_what_the_samples_are_made_of_is_right(task: str) -> None:
    """Nothing is spoilt before a piece is changed."""
    entry = Accepted("right", task, right(task), "", "")
    probe = draw(entry.task.removesuffix("-numpy"), 1)
    found = quantities(entry, namespace(entry, right(task)), probe, None)
    assert differing(found, expected(entry, probe, None)) == set()


def test_a_piece_that_does_not_stand_once_is_refused() -> None:
    """The right text may change, and no sample with it unnoticed."""
    assert changed("both", "a b c", [["c", "d"], ["a", "c"]]) == "c b d"
    for edits, times in (([["x", "y"]], 0), ([["a", "y"]], 2), ([["b a", ""], ["a b", ""]], 1)):
        with pytest.raises(ValueError, match=f"samples.toml, it: .* stands {times} times in the"):
            changed("it", "a b a", edits)


def test_samples_are_files_where_tests_need_paths() -> None:
    """All of them, with their texts."""
    files = {path.stem: path.read_text(encoding="utf-8") for path in folder().glob("*.py")}
    assert files == samples()


@pytest.mark.parametrize("stem", NUMPY)
@pytest.mark.parametrize("seed", range(5))
def test_numpy_mistake_spoils_what_it_should(stem: str, seed: int) -> None:
    """At random asymmetric probes the mistake shows in its own quantities alone."""
    task, text = read(stem)
    entry = Accepted(stem, task, text, "", "")
    rate = None
    if stem == "rate-ignored":
        entry, rate = replace(entry, arguments=(*entry.arguments, "rate")), 0.3
    probe = draw(task.split("-")[0], seed)
    found = quantities(entry, namespace(entry, text), probe, rate)
    assert differing(found, expected(entry, probe, rate)) == SPOILT[stem]


@pytest.mark.sample(9)
@pytest.mark.parametrize("stem", TORCH)
@pytest.mark.parametrize("seed", range(2))
def test_torch_mistake_spoils_what_it_should(stem: str, seed: int) -> None:
    """Output, parameters and losses part from the solution's where the mistake says."""
    torch = pytest.importorskip("torch")
    task, text = read(stem)
    arguments = ("model", "X", "y", "epochs", "lr")
    entry = Accepted(stem, task, text, "", "", model="Model", arguments=arguments)
    names, solution = namespace(entry, text), vars(load(task.replace("-", "_")))
    if SPOILT[stem] == {"parameters"}:
        counts = [len(list(known["Model"]().parameters())) for known in (names, solution)]
        assert counts == [2, 4]
        return
    right = torch_run(entry, lambda _: solution, seed)
    with warnings.catch_warnings():
        # torch warns of the broadcast, which a student sees and a grader must not need.
        warnings.filterwarnings("ignore", message="Using a target size", category=UserWarning)
        found = torch_run(entry, lambda _: names, seed)
    assert differing(found, right) == SPOILT[stem]
    assert torch.is_grad_enabled()
