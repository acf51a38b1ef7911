"""The pages of the catalogue: one for every mistake, with examples that do what they say."""

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from example_nets import RATE, gradients_of, values_of, written_by, wrong_numpy, wrong_torch
from rules.rewrites import REWRITES

from gradkit.diagnosis.catalogue import (
    CRASH,
    TOPICS,
    UnknownMistakeError,
    catalogue,
    mistake,
    net_mistakes,
    similar,
)
from gradkit.diagnosis.mistakes import forward, training
from gradkit.records.result import UNEXPLAINED


def tables(name: str) -> Mapping[str, Any]:
    """Return the tables of a file of the catalogue."""
    file = files("gradkit.diagnosis.catalogue") / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


CODES = net_mistakes()
NETS = {name: table["text"].strip() for name, table in tables("nets").items()}
PAGES = {
    code: table for topic in TOPICS if topic != "functions" for code, table in tables(topic).items()
}
ROLES = {
    "update": set(REWRITES),
    "forward": set(forward.CHANGES),
    "train": set(training.CHANGES),
}


def net_of(code: str) -> str:
    """The net of a page's example."""
    return str(PAGES[code]["net"])


def examples_of(code: str) -> tuple[str, str]:
    """The wrong and the right example of a page."""
    return PAGES[code]["wrong"], PAGES[code]["right"]


def mistaken(code: str, example: str, *, column: bool = False) -> list[str]:
    """What an example gets wrong, of what the page's right example is about."""
    net = net_of(code)
    if net.startswith("torch"):
        return wrong_torch(net, example)
    right = examples_of(code)[1]
    graded = written_by(right)
    if "store" in right:
        found = wrong_numpy(net, example, {"store"}, column=column)
        return [name for name in found if name in steps_of(right)]
    return wrong_numpy(net, example, graded, column=column)


def steps_of(example: str) -> set[str]:
    """The entries of the store that an example is about."""
    return {f"store {name}" for name in re.findall(r'\["(\w)"\]', example)}


@pytest.mark.parametrize("role", ROLES)
def test_every_mistake_has_a_page(role: str) -> None:
    """Whatever can be named in a finding has its entry, which knows where it is made."""
    for code in ROLES[role]:
        about = mistake(code).about
        assert role in about or (role == "train" and "model" in about), code


def test_every_page_is_of_a_mistake() -> None:
    """No page and no code without a prediction, but for what has no name and for remarks."""
    assert set(CODES) == set().union(*ROLES.values())
    assert set(tables("stops")) == {CRASH, UNEXPLAINED}


@pytest.mark.filterwarnings("ignore:Using a target size:UserWarning")  # what the page is about
@pytest.mark.parametrize("code", sorted({*PAGES} - {CRASH}))
def test_the_wrong_example_is_wrong(code: str) -> None:
    """Run, the wrong example misses what numeric differences give."""
    assert mistaken(code, examples_of(code)[0])


def test_the_wrong_example_of_a_crash_stops() -> None:
    """An exception leaves no numbers to compare."""
    with pytest.raises(ValueError, match="mismatch in its core dimension"):
        mistaken(CRASH, examples_of(CRASH)[0])


@pytest.mark.parametrize("code", PAGES)
def test_the_right_example_is_right(code: str) -> None:
    """Run, the right example gives what numeric differences give, and gives something."""
    right = examples_of(code)[1]
    assert mistaken(code, right) == []
    if not net_of(code).startswith("torch"):
        known = {"store"} if "store" in right else written_by(right)
        assert known & {"u", "h", "o", "w", "U", "a", "V", "c", "dU", "da", "dV", "dc", "store"}


@pytest.mark.parametrize("code", [code for code in PAGES if not net_of(code).startswith("torch")])
def test_examples_run_on_what_the_net_of_the_page_gives(code: str) -> None:
    """``o = V.T @ h + c`` has the shape (1, 1), which numpy puts into no entry of an array."""
    wrong, right = examples_of(code)
    assert mistaken(code, right, column=True) == []
    assert code == CRASH or mistaken(code, wrong, column=True)


def test_numeric_differences_are_of_the_named_net() -> None:
    """The yardstick itself: for one net the slope is known in closed form."""
    v = values_of("tanh")
    found = gradients_of("tanh", v)
    V, c, U, a = (v[name] for name in ("V", "c", "U", "a"))
    h = np.tanh(U.T @ v["x"] + a)
    o = V.T @ h + c
    assert np.allclose(found["dV"], -2 * (v["t"] - o) * h, 1e-8)
    assert RATE == 0.05
    assert "0.05" in NETS["tanh"]


def test_a_page_tells_no_assignment_its_answer() -> None:
    """Pages speak of other nets, with other names: no ``W1``, ``A1`` or ``y_hat``."""
    for code in PAGES:
        page = mistake(code).page
        assert not re.search(r"\b(W1|W2|A1|y_hat|b1|b2)\b", page), code


def test_the_most_basic_come_first() -> None:
    """The catalogue is in the order in which findings are told."""
    assert tuple(catalogue()) == tuple(code for topic in TOPICS for code in tables(topic))
    assert CODES.index("missing-bias") < CODES.index("swapped-index")
    assert CODES.index("updated-before-use") < CODES.index("uneven-learning-rate")


def test_an_unknown_code_is_refused_with_similar_ones() -> None:
    """A slip of the pen gets the code that was meant."""
    with pytest.raises(
        UnknownMistakeError,
        match=r"There is no mistake 'swaped-index' in the catalogue; similar mistakes are swapped-",
    ):
        mistake("swaped-index")
    assert similar("Wrong Sign")[0] == "wrong-sign"
    assert "missing-bias" in similar("bias")


def test_a_word_spelt_nearly_right_finds_its_codes() -> None:
    """One word of a code is enough."""
    assert similar("swaped") == ("swapped-returns", "swapped-index")


def test_a_code_like_no_other_is_refused_with_a_way_to_the_list() -> None:
    """Where nothing is similar, the text says where all of them are."""
    with pytest.raises(
        UnknownMistakeError,
        match=r"^There is no mistake 'xyz' in the catalogue; `gradkit explain` lists all\.$",
    ):
        mistake("xyz")
