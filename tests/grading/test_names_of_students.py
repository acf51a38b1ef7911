"""Names that students give to functions and parameters, and whose initialiser is used."""

from __future__ import annotations

from pathlib import Path

import pytest
from accepted.numpy_texts import numpy_text
from told import checks, full, not_passed, notebook, script, states

INITIALISERS = ["init", "initialize_parameter", "initialise_weights", "Initialize"]


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", INITIALISERS)
def test_other_names_of_an_initialiser(grade, tmp_path: Path, name: str) -> None:
    """It is found; one that returns other weights is wrong."""
    text = numpy_text("regression").replace("initialise_parameters", name)
    assert text != numpy_text("regression")
    for seed in (1, 2):
        result = grade(script(tmp_path, text), "regression-numpy", seed=seed)
        assert full(result), not_passed(result)
    wrong = grade(script(tmp_path, text.replace("0.1", "0.2", 1)), "regression-numpy")
    assert states(wrong)["interface"] == "fail"


def misspelt(text: str) -> str:
    """Misspell the forward pass and one of its parameters."""
    head = "def L_layer_forward(X, parameters):"
    assert text.count(head) == 1
    before, after = text.split(head)
    body, mark, rest = after.partition("\ndef ")
    body = body.replace("parameters", "paramters")
    return f"{before}def forward_propogation(X, paramters):{body}{mark}{rest}"


def test_a_misspelt_parameter(grade, tmp_path: Path) -> None:
    """A function whose own name is unknown is found by its parameters, misspelt or not."""
    text = misspelt(numpy_text("regression"))
    for seed in (1, 2):
        result = grade(script(tmp_path, text), "regression-numpy", seed=seed)
        assert full(result), not_passed(result)
    other = text.replace("(X, paramters)", "(X, parts)").replace("paramters", "parts")
    assert states(grade(script(tmp_path, other), "regression-numpy"))["forward"] == "missing"


CAPITAL = {'"b" + str': '"B" + str', "['b1']": "['B1']", "['b2']": "['B2']"}


def two_sections(tmp_path: Path, initialiser: str, *, slip: bool = False) -> Path:
    """Write a notebook whose second section has other keys, and an initialiser of this name."""
    second = numpy_text("classification")
    for old, new in CAPITAL.items():
        assert old in second
        second = second.replace(old, new)
    second = second.replace("initialise_parameters", initialiser)
    if slip:
        assert "['W1'] -=" in second
        second = second.replace("['W1'] -=", "['W1'] +=")
    return notebook(
        tmp_path,
        "# Regression",
        numpy_text("regression"),
        "# Classification",
        second,
    )


def test_an_initialiser_serves_its_own_section(grade, tmp_path: Path) -> None:
    """With an unknown name it is missing; that of the other section does not take its place."""
    result = grade(two_sections(tmp_path, "make_numbers"))
    assert set(states(result, "regression-numpy").values()) == {"pass"}
    found = checks(result, "classification-numpy")
    assert found["forward"].state == found["update"].state == "pass"
    assert found["interface"].state == "missing"
    assert found["interface"].message.startswith("`initialise_parameters(dim)` is missing. Found ")
    known = grade(two_sections(tmp_path, "init"))
    assert full(known), not_passed(known)


def test_a_wrong_step_of_the_second_section_fails(grade, tmp_path: Path) -> None:
    """The twin with a wrong sign."""
    result = grade(two_sections(tmp_path, "init", slip=True))
    assert states(result, "classification-numpy")["update"] == "fail"
    assert states(result, "classification-numpy")["forward"] == "pass"
