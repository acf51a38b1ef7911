"""Sentences and hints: the student's own names in their places, no answer before its level."""

import re
from string import Formatter

import pytest
from msgspec.structs import replace
from usual_cases import usual_cases, usual_forward_cases

from gradkit.diagnosis.catalogue import mistake, net_mistakes
from gradkit.diagnosis.inquiry.findings import alternative_titles, fill_texts
from gradkit.diagnosis.mistakes.training import usual_training_cases
from gradkit.diagnosis.mistakes.wording import fill, placeholder_words
from gradkit.records.result import UNEXPLAINED, Finding
from gradkit.records.rule import Explanation, Names, Slip
from gradkit.records.task import Task
from gradkit.task.assignment import read_assignment

CODES = net_mistakes()
TASKS: dict[str, Task] = {task.id: task for task in read_assignment(None).tasks}
REGRESSION = TASKS["regression-numpy"]
CLASSIFICATION = TASKS["classification-numpy"]
NAMES = Names("target", "guess", "hid", "row", "eta", {"W1": "w1", "b1": "B1", "W2": "w2"})
FUNCTIONS = {"forward": "`go`", "update": "`learn`"}

RIGHT = {"ratio", "rates", "slope", "activation", "loss", "first"}
"""Places that give the right rule away."""
DONE = {"used", "source", "target", "axis", "stage", "order", "activation_used"} | {
    "loss_used",
    "scale_used",
    "optimizer_used",
    "rows",
}
"""Places that say what the code does instead."""


def cases() -> list[tuple[str, str, Slip]]:
    """Every usual face of every mistake in every task that has room for it."""
    found = []
    for task in TASKS.values():
        for code in CODES:
            if task.framework.trains:
                roles = {"model", "train"} & set(mistake(code).about)
                slips = usual_training_cases(code, task) if roles else ()
            else:
                slips = usual_cases(code, task, rate=True) + usual_forward_cases(code, task)
            found += [(task.id, f"{code}-{n}", slip) for n, slip in enumerate(slips)]
        found.append((task.id, UNEXPLAINED, Slip(UNEXPLAINED)))
    return found


CASES = cases()


def test_every_mistake_is_among_the_cases() -> None:
    """So that the tests below speak of all texts."""
    assert {slip.code for _, _, slip in CASES} == {*CODES, UNEXPLAINED}


@pytest.mark.parametrize(("task", "name", "slip"), CASES, ids=[f"{t}-{n}" for t, n, _ in CASES])
def test_every_place_gets_a_word(task: str, name: str, slip: Slip) -> None:
    """In every face of a mistake, each text comes out whole, and as a sentence."""
    found = placeholder_words(TASKS[task], slip, NAMES, FUNCTIONS)
    texts = mistake(slip.code)
    for template in (texts.sentence, *texts.hints):
        text = fill(template, found)
        assert not re.search(r"[{}]|  | ,|None|'>", text), text
        # A name at the beginning keeps its own spelling.
        assert template[0].isupper() or template[0] in "{`.", template


def test_own_names_are_used() -> None:
    """Keys, arguments and functions are the student's, not the notebook's."""
    (slip, *_) = usual_cases("updated-before-use", REGRESSION)
    sentence = fill(
        mistake(slip.code).sentence, placeholder_words(REGRESSION, slip, NAMES, FUNCTIONS)
    )
    assert sentence == "The gradient of w1 and B1 is computed with a w2 that is already updated."
    (slip, *_) = usual_cases("wrong-activation-derivative", CLASSIFICATION)
    found = placeholder_words(CLASSIFICATION, slip, NAMES, FUNCTIONS)
    hints = [fill(hint, found) for hint in mistake(slip.code).hints]
    assert hints[2:] == [
        "The formula has (1−hid[0]) where the derivative of the activation belongs.",
        "The derivative of sigmoid is hid·(1−hid).",
    ]
    (slip, *_) = usual_forward_cases("swapped-returns", REGRESSION)
    sentence = fill(
        mistake(slip.code).sentence, placeholder_words(REGRESSION, slip, NAMES, FUNCTIONS)
    )
    assert sentence == "`go` returns the right two values in the wrong order."


def test_verbs_agree_with_their_number() -> None:
    """One entry moves, two move; of a run without entries the parameters move."""
    (slip, *_) = usual_cases("wrong-sign", REGRESSION)
    one = replace(slip, entries=slip.entries[:1], details=slip.details[:1])
    two = replace(slip, entries=slip.entries[:2], details=slip.details[:2])
    told = [
        fill(mistake("wrong-sign").sentence, placeholder_words(REGRESSION, each))
        for each in (one, two, Slip("wrong-sign"))
    ]
    assert told == [
        "W1[0,0] moves in the wrong direction: each step makes the loss larger.",
        "W1[0,0] and W1[0,1] move in the wrong direction: each step makes the loss larger.",
        "The parameters move in the wrong direction: each step makes the loss larger.",
    ]


@pytest.mark.parametrize(
    ("code", "details", "task", "said"),
    [
        ("wrong-learning-rate", (("ratio", 10.0),), "regression-torch", "the step is 10 times"),
        ("wrong-learning-rate", (), "regression-numpy", "0.001 for weights and of 0.01 for biases"),
        ("layer-repeated", (("order", "112"),), "regression-numpy", "runs layers 1, 1 and 2"),
        ("mini-batch", (("rows", 1),), "regression-torch", "use 1 row at"),
        ("mini-batch", (("rows", 2),), "regression-torch", "use 2 rows at"),
        ("mini-batch", (), "regression-torch", "use some rows at"),
        ("hidden-returned", (("stage", "z2"),), "regression-numpy", "the weighted sum of layer 2"),
        ("wrong-hidden-returned", (("stage", "x"),), "regression-numpy", "the input of the net"),
        ("wrong-activation", (("layer", 2),), "regression-numpy", "the weighted sum itself"),
        ("wrong-activation", (("layer", 2),), "classification-numpy", "sigmoid(z)"),
        ("wrong-loss", (("loss", "absolute_error"),), "regression-torch", "the absolute error"),
    ],
)
def test_figures_are_read_out(
    code: str, details: tuple[tuple[str, int | float | str], ...], task: str, said: str
) -> None:
    """What a slip knows is said in words."""
    found = placeholder_words(TASKS[task], Slip(code, (), (details,)))
    assert said in " ".join(fill(hint, found) for hint in mistake(code).hints[2:])


def test_several_layers_and_ratios_are_joined() -> None:
    """All of them are named, each once."""
    layers = Slip("missing-bias", (), ((("layer", 1),), (("layer", 2),)))
    assert placeholder_words(REGRESSION, layers)["layers"] == "layers 1 and 2"
    ratios = Slip("uneven-learning-rate", (), ((("ratio", 10.0),), (("ratio", 10.0),)))
    assert placeholder_words(REGRESSION, ratios)["ratio"] == "10"


def test_a_place_without_a_word_is_refused() -> None:
    """A misspelt place in a page does not pass in silence."""
    with pytest.raises(KeyError, match="entires"):
        fill("{entires} move.", placeholder_words(REGRESSION, Slip("wrong-sign")))


@pytest.mark.parametrize("code", [*CODES, UNEXPLAINED])
def test_no_answer_before_its_level(code: str) -> None:
    """The sentence and hints 1 and 2 say nothing of the code's rule, none before 4 of the right."""
    texts = mistake(code)
    early = (texts.sentence, *texts.hints[:2])
    for template in early:
        assert not places_of(template) & (RIGHT | DONE), template
    assert not places_of(texts.hints[2]) & RIGHT


def places_of(template: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_a_finding_is_told() -> None:
    """Title, sentence and all four hints are filled in; nothing else changes."""
    (slip, *_) = usual_cases("not-updated", REGRESSION)
    bare = Finding("1", "update", slip.code, "", ("w1",), deduction=2.0)
    finding = fill_texts(bare, REGRESSION, slip, NAMES, FUNCTIONS)
    assert finding.title == "A parameter never changes"
    assert finding.sentence == "w1 and B1 never change."
    assert len(finding.hints) == 4
    assert "`learn`" in finding.hints[0]
    assert replace(finding, title="", sentence="", hints=()) == bare


def explained(*sets: str) -> Explanation:
    """The first of the sets told, the others as alternatives."""
    first, *rest = (tuple(Slip(code) for code in codes.split()) for codes in sets)
    return Explanation(first, tuple(rest))


WRONG_ARGUMENT = "“The derivative is taken at the wrong value”"
WRONG_RATE = "“The wrong learning rate”"


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        # Only what is not told anyway, and not what contains another.
        (
            (
                "missing-activation-derivative wrong-factor",
                "wrong-derivative-argument wrong-factor",
                "wrong-derivative-argument wrong-learning-rate",
            ),
            (WRONG_ARGUMENT,),
        ),
        (
            (
                "missing-activation-derivative",
                "wrong-derivative-argument wrong-learning-rate",
            ),
            (f"{WRONG_ARGUMENT} and {WRONG_RATE}",),
        ),
        # Two mistakes more than the one told are not worth a look.
        (
            (
                "missing-activation-derivative",
                "wrong-derivative-argument wrong-learning-rate wrong-factor",
            ),
            (),
        ),
        (("missing-activation-derivative", "missing-activation-derivative wrong-factor"), ()),
    ],
)
def test_alternatives_are_told_by_their_titles(
    sets: tuple[str, ...], said: tuple[str, ...]
) -> None:
    """In words, beside the mistake whose place they would take."""
    assert alternative_titles(explained(*sets), "missing-activation-derivative") == said
