"""Names meet names: which function may play a role, which parameter is which argument."""

from __future__ import annotations

import pytest
from binding.inspected import inspected

from gradkit.binding.match import fit, fit_function
from gradkit.records.submission import Cell, Section
from gradkit.runtime.syntax import is_called, plain
from gradkit.task.assignment import read_assignment

ROLES = {role.name: role for task in read_assignment().tasks for role in task.roles}
UPDATE = ROLES["update"]
USUAL = ("parameters", "y", "y_hat", "A1", "X")


@pytest.mark.parametrize(
    "name",
    ["update_parameters", "Update_Parameters", "updateParameters", "UPDATE_PARAMS", "update_param"],
)
def test_case_and_underscores_do_not_matter(name: str) -> None:
    """In a function's name."""
    assert is_called(name, UPDATE.aliases)
    assert not is_called(f"{name}_2", UPDATE.aliases)
    assert plain("L_layer_Forward") == "llayerforward"


@pytest.mark.parametrize(
    ("parameters", "quantities", "known"),
    [
        (USUAL, USUAL, 5),
        (("y", "y_hat", "A1", "X", "parameters"), ("y", "y_hat", "A1", "X", "parameters"), 5),
        (("params", "y_", "y_prediction", "a1", "x_"), USUAL, 5),
        (("p", "target", "AL", "O_prev", "x"), USUAL, 5),
        # What is not known is taken in the order that was asked for.
        (("p", "q", "r", "s", "t"), ("parameters", "y_hat", "A1", "X", "y"), 2),
        (("one", "two", "three", "four", "five"), USUAL, 0),
        (("one", "y", "two", "three", "X"), ("parameters", "y", "y_hat", "A1", "X"), 2),
        # ``Al`` is A1 by its exact spelling, ``AL`` is ŷ.
        (("parameters", "y", "AL", "Al", "X"), USUAL, 5),
        ((*USUAL, "lr"), (*USUAL, "rate"), 6),
        ((*USUAL, "learning_rate"), (*USUAL, "rate"), 6),
        ((*USUAL, "L"), (*USUAL, "rate"), 6),
        # A sixth argument that nobody knows can only be the rate.
        ((*USUAL, "speed"), (*USUAL, "rate"), 5),
    ],
)
def test_arguments_of_update(parameters, quantities, known) -> None:
    """By name where it is known, by position where it is not."""
    fitting = fit(UPDATE, parameters, ())
    assert fitting is not None
    assert (fitting.quantities, fitting.parameters) == (quantities, parameters)
    assert fitting.known == known


def test_what_the_own_call_hands_over_tells_parameters_of_other_names() -> None:
    """Names of parameters come first; what neither tells is taken in order."""
    own = ("eingabe", "verdeckt", "y", "vorhersage", "gewichte")
    handed = dict(zip(own, ("X", "A1", "y_hat", "y_hat", "p"), strict=True))
    fitting = fit(UPDATE, own, (), handed=handed)
    assert fitting is not None
    assert fitting.quantities == ("X", "A1", "y", "y_hat", "parameters")
    assert fitting.known == 1
    fitting = fit(UPDATE, own, (), handed={"verdeckt": "A1", "eingabe": "theta"})
    assert fitting is not None
    assert fitting.quantities == ("parameters", "A1", "y", "y_hat", "X")


def test_defaults_are_filled_only_where_they_are_meant() -> None:
    """A rate with a default is handed over, `verbose` is left alone."""
    fitting = fit(UPDATE, USUAL, ("verbose", "lr"))
    assert fitting is not None
    assert fitting.quantities == (*USUAL, "rate")
    assert "verbose" not in fitting.parameters


@pytest.mark.parametrize(
    ("optional", "handed"),
    [
        (("lr", "lr_b"), False),
        (("lr", "bias_lr"), False),
        (("learning_rate", "biasRate"), False),
        (("alpha", "alpha_bias"), False),
        (("lr", "lr_decay"), True),
        (("lr", "momentum"), True),
        (("lr", "b"), True),
    ],
)
def test_one_of_two_rates_is_not_handed_over(optional, handed) -> None:
    """Their defaults are what the task asks for; another word beside `lr` is no second rate."""
    fitting = fit(UPDATE, USUAL, optional)
    assert fitting is not None
    assert ("rate" in fitting.quantities) == handed


@pytest.mark.parametrize("parameters", [(), USUAL[:4], (*USUAL, "lr", "more"), ("p",)])
def test_other_numbers_of_arguments_do_not_fit(parameters) -> None:
    """Too few or too many."""
    assert fit(UPDATE, parameters, ()) is None


def test_forward_in_either_order() -> None:
    """X and parameters are known by name."""
    fitting = fit(ROLES["forward"], ("parameters", "X"), ())
    assert fitting is not None
    assert fitting.quantities == ("parameters", "X")
    unknown = fit(ROLES["forward"], ("one", "two"), ())
    assert unknown is not None
    assert unknown.quantities == ("X", "parameters")


@pytest.mark.parametrize(
    ("takes", "by_position", "keywords"),
    [
        ("parameters, y, y_hat, A1, X", (), USUAL),
        ("parameters, /, y, y_hat, A1, X", USUAL[:1], USUAL[1:]),
        ("parameters, y, y_hat, A1, X, /", USUAL, ()),
        ("parameters, *, y, y_hat, A1, X", (), USUAL),
        ("parameters, y, y_hat, /, *, A1, X", USUAL[:3], USUAL[3:]),
        ("*args", USUAL, ()),
        ("parameters, *rest", USUAL, ()),
        ("*args, lr", USUAL, ("lr",)),
        ("parameters, y, y_hat, A1, X, *, lr=0.1, verbose=False", (), USUAL),
        ("parameters, y, y_hat, A1, *, X=None, lr=0.1", (), (*USUAL, "lr")),
        ("parameters, y, y_hat, **rest", (), USUAL),
        ("parameters, /, y, **rest", USUAL[:1], USUAL[1:]),
        ("parameters, y, y_hat, A1, X, lr=0.1, **rest", (), (*USUAL, "lr")),
    ],
)
def test_what_is_handed_over_by_name(takes: str, by_position, keywords) -> None:
    """All that can be, the last of the arguments; a default that means nothing is left alone."""
    cell = Cell("hw.py", "hw.py", None, f"def update({takes}): pass")
    (function,) = inspected(Section(("t",), (cell,)))
    fitting = fit_function(UPDATE, function)
    assert fitting is not None
    assert fitting.parameters == (*by_position, *keywords)
    assert fitting.keywords == keywords


def test_a_rate_by_name_with_a_default() -> None:
    """An update may do with its default; a training loop is given the task's."""
    cell = Cell("hw.py", "hw.py", None, "def train(model, X, y, epochs, *, lr=0.1): pass")
    (function,) = inspected(Section(("t",), (cell,)))
    usual = ("model", "X", "y", "epochs")
    for spare, expected in ((False, usual), (True, (*usual, "rate"))):
        fitting = fit_function(ROLES["train"], function, spare=spare)
        assert fitting is not None
        assert fitting.quantities == expected


@pytest.mark.parametrize(
    ("takes", "handed"),
    [
        ("modell, X, y, epochen=20, lr=0.1", "epochen"),
        ("modell, daten, ziele, lernrate=0.1, laut=False, epochen=20", "epochen"),
        ("modell, X, y, epochen, seed=0", "epochen"),
        ("model, X, y, seed=0, epochs=20", "epochs"),
        ("model, X, y, laut=True, lr=0.1", None),
    ],
)
def test_epochs_of_another_name_with_a_default(takes: str, handed: str | None) -> None:
    """What counts is a whole number: neither a flag nor a rate."""
    cell = Cell("hw.py", "hw.py", None, f"def train({takes}): pass")
    (function,) = inspected(Section(("t",), (cell,)))
    fitting = fit_function(ROLES["train"], function, spare=True)
    if handed is None:
        assert fitting is None
    else:
        assert fitting is not None
        assert dict(zip(fitting.quantities, fitting.parameters, strict=True))["epochs"] == handed


@pytest.mark.parametrize("takes", ["", "parameters", "parameters, *, y", "*, a, b, c, d, e, f, g"])
def test_other_numbers_of_keywords_do_not_fit(takes: str) -> None:
    """Too few or too many, by name as by position."""
    cell = Cell("hw.py", "hw.py", None, f"def update({takes}): pass")
    (function,) = inspected(Section(("t",), (cell,)))
    assert fit_function(UPDATE, function) is None
