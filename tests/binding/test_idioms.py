"""What the text of a section shows of its training, and what it leaves open."""

from __future__ import annotations

import textwrap

import pytest
from binding.inspected import HereProcess
from msgspec.structs import replace

from gradkit.binding.idioms import (
    Idioms,
    find_global_read,
    idioms_of,
    narrow_by_targets,
    narrow_by_words,
)
from gradkit.binding.inspection import inspect
from gradkit.binding.match import draft, fit_function
from gradkit.records.submission import Section
from gradkit.records.task import Layer
from gradkit.submission.source import make_cell
from gradkit.task.assignment import read_assignment

LOOP = "for epoch in range(5):\n    "


TASKS = {task.id: task for task in read_assignment().tasks}
ONE, OTHER = TASKS["regression-numpy"], TASKS["classification-numpy"]


def section(*texts: str) -> Section:
    """A section of these cells."""
    cells = [make_cell("a.ipynb", n, textwrap.dedent(t))[0][0] for n, t in enumerate(texts, 1)]
    return Section(("t",), tuple(cells))


def read(*texts: str, modules: tuple[str, ...] = ()) -> Idioms:
    """The idioms of a section of these cells."""
    return idioms_of(section(*texts), modules)


@pytest.mark.parametrize(
    ("body", "order"),
    [
        ("o.zero_grad(); l.backward(); o.step()", ("backward", "step", "zero_grad")),
        ("l.backward(); o.zero_grad(); o.step()", ("backward", "zero_grad", "step")),
        ("o.zero_grad(); o.step(); l.backward()", ("backward", "zero_grad", "step")),
        ("l.backward()\n    with torch.no_grad(): o.step()", ("backward", "step")),
        ("l.backward()\n    if epoch: o.zero_grad()\n    o.step()", ()),
        ("l.backward(); o.step(); p.step()", ()),
        ("l.backward()", ()),
        ("o.step(lambda: l.backward())", ()),
    ],
)
def test_the_order_is_read_where_every_call_is_made(body: str, order: tuple[str, ...]) -> None:
    """From `backward` on, round the loop; a call that may be left out leaves it open."""
    assert read(LOOP + body).order == order


def test_loops_that_differ_leave_the_order_open() -> None:
    """Nobody knows which of them is run; two that agree say one thing."""
    right, wrong = "l.backward(); o.step()\n", "l.backward(); o.zero_grad(); o.step()\n"
    assert read(LOOP + right, LOOP + wrong).order == ()
    assert read(LOOP + right, LOOP + right).order == ("backward", "step")


def test_a_loop_over_batches_is_the_inner_one() -> None:
    """The outer loop counts epochs, and makes no step of its own."""
    inner = "for b in range(2):\n        o.zero_grad(); l.backward(); o.step()"
    assert read(LOOP + inner).order == ("backward", "step", "zero_grad")


def test_words_are_names_attributes_keywords_and_strings() -> None:
    """Comments are none, and those in a class are not outside of it."""
    text = """
        from torch.nn import BCELoss as criterion
        class Net:
            def forward(self, x):
                return torch.sigmoid(x)
        loss = criterion(reduction="sum")  # logits
    """
    found = read(text)
    assert {"BCELoss", "criterion", "sigmoid", "reduction", "sum"} <= found.words
    assert "logits" not in found.words
    assert "sigmoid" not in found.outside
    assert "sum" in found.outside


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("import torch", True),
        ("from torch import nn", True),
        ("import helpers", False),
        ("from helpers.loops import train", False),
        ("from . import helpers", False),
        ("exec(text)", False),
        ("def broken(:", False),
    ],
)
def test_code_that_was_not_read_is_known_not_to_be(text: str, whole: bool) -> None:
    """What a module of the student's own holds may be anything."""
    assert read(text, modules=("helpers",)).whole is whole


@pytest.mark.parametrize(
    ("text", "reckoned"),
    [
        ("h.append(l.item() * len(X))", True),
        ("total += l.item()", True),
        ("h.append(l.detach() / 4)", True),
        ("h.append(l.item())", False),
        ("total += l", False),
    ],
)
def test_a_loss_is_reckoned_with_after_it_was_made_a_number(text: str, reckoned: bool) -> None:
    """Such numbers are for the record; steps are made on tensors."""
    assert read(text).reckoned is reckoned


@pytest.mark.parametrize(
    ("text", "finished", "left"),
    [
        ("mse = 3", True, [ONE]),
        ("bce = 3", False, [OTHER]),
        ("mse = bce", False, [ONE, OTHER]),
        ("mse = bce = sigmoid", True, [OTHER]),
        ("sigmoid = 3", True, [OTHER]),
        ("a = np.exp(z)", True, [OTHER]),
        ("a = 1", True, [ONE]),
        ("a = 1", False, [ONE, OTHER]),
        ("bce = 1", True, [OTHER]),
    ],
)
def test_words_narrow_tasks_down(text: str, finished: bool, left) -> None:
    """By losses, else by activations; none at all says something of what is finished."""
    found = narrow_by_words([ONE, OTHER], section(text), finished=finished, with_exp=("sigmoid",))
    assert found == left


def test_words_of_what_no_exp_makes_say_nothing_of_it() -> None:
    """Only activations that may be written with it have its word."""
    other = replace(OTHER, layers=(Layer(2, "relu"), Layer(1, "relu")))
    for text, left in (("a = exp(z)", [ONE, other]), ("a = relu(z)", [other])):
        found = narrow_by_words([ONE, other], section(text), finished=False, with_exp=("sigmoid",))
        assert found == left
    both = [replace(each, layers=other.layers) for each in (ONE, OTHER)]
    assert narrow_by_words(both, section("a = 1"), finished=True, with_exp=()) == both


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("y = df['lpa']", [ONE]),
        ("df.Placed", [OTHER]),
        ("y = df['lpa']; t = df.placed", [ONE, OTHER]),
        ("y = np.array([4, 6, 5, 7])", [ONE]),
        ("y = torch.tensor([[1.0], [1.0], [0.0], [0.0]])", [OTHER]),
        ("df = DataFrame([[8, 8, 1], [7, 9, 1], [6, 10, 0], [5, 5, 0]])", [OTHER]),
        ("rows = (8, 8, 4), (6, 10, 6), (7, 9, 5), (5, 12, 7)", [ONE]),
        ("y = [1, 1, 0, 0]; t = [4, 6, 5, 7]", [ONE, OTHER]),
        ("y = [4, 6, 5, 8]", [ONE, OTHER]),
        ("y = [4, 6, 5]", [ONE, OTHER]),
        ("alpha = mse = 0", [ONE, OTHER]),
        (f"y = [[4, 6], [5]]; z = [1{'0' * 400}]", [ONE, OTHER]),
        ("y = (", [ONE, OTHER]),
    ],
)
def test_targets_narrow_tasks_down(text: str, left) -> None:
    """By the name of their column, or their numbers."""
    assert narrow_by_targets([ONE, OTHER], section("a = 1", text).own) == left


GLOBAL = """
    def forward(X, params):
        return parameters["W1"] @ X, X
"""

HINTED = """
    def forward(X, params: Parameters) -> Parameters:
        own: Parameters = params
        return own["W1"] @ X, X
"""


@pytest.mark.parametrize(
    ("before", "body", "found"),
    [
        ("parameters = {}", GLOBAL, True),
        ("parameters: dict = {}", GLOBAL, True),
        ("x = 1", GLOBAL, False),
        ("def parameters(): pass", GLOBAL, False),
        ("parameters = {}", GLOBAL.replace("parameters[", "params["), False),
        ("other = {}", GLOBAL.replace("parameters[", "other["), False),
        ("parameters = {}", "forward = lambda X, params: parameters", False),
        ("parameters = ('W1', 'b1')", GLOBAL, False),
        ("parameters = 'W1'", GLOBAL, False),
        ("parameters = ()", GLOBAL, True),
        ("Parameters = dict[str, float]", HINTED, False),
    ],
)
def test_a_global_that_is_read_in_place_of_an_argument(before: str, body: str, found: bool) -> None:
    """Of a name that the argument goes by, and that the section gives a value."""
    made = section(before, body)
    role = next(role for role in ONE.roles if role.name == "forward")
    function = next(f for f in inspect(ONE, HereProcess(made)) if f.name == "forward")
    fitting = fit_function(role, function)
    assert fitting is not None
    read = find_global_read(made, draft("forward", function, fitting, ONE, {}), role)
    assert (read is not None) is found
    if read is not None:
        assert (read.place.cell, read.place.line) == (2, 3)
        assert read.sentence == (
            "`forward` reads the global `parameters` in place of its argument `params`."
        )
